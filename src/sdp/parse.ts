/** Session descriptions from text (RFC 8829 §5.8). */
import { AttributeReader } from './attributes.ts';
import type {
  Bandwidth,
  ConnectionAddress,
  Direction,
  MediaSection,
  Origin,
  SctpAttributes,
  SessionDescription,
} from './description.ts';
import { type Line, malformed, type SectionLines, splitLines } from './lines.ts';
import { RtpAttributeReader, readExtension } from './read-rtp.ts';
import type { HeaderExtension } from './rtp-description.ts';

/** The format, or the application in old drafts, of data channels (RFC 8841 §4.4.2). */
export const DATA_CHANNEL_FORMAT = 'webrtc-datachannel';
/** RFC 8841 §4.2; the last is the name in old drafts, where an SCTP port stands for the format. */
const SCTP_PROTOCOLS: readonly string[] = ['UDP/DTLS/SCTP', 'TCP/DTLS/SCTP', 'DTLS/SCTP'];
/** RFC 8829 §5.1.2: the names that are all taken for RTP over DTLS-SRTP. */
const RTP_PROTOCOL = /(?:^|\/)RTP\/S?AVPF?$/;
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
const MAX_PORT = 65_535;
/** Bound: they hold for every section. There are as many identifiers in packets (RFC 8285 §4.3). */
const MAX_SESSION_EXTENSIONS = 255;

const TRANSPORT_NAMES = ['ice-ufrag', 'ice-pwd', 'ice-options', 'fingerprint', 'setup', 'tls-id', 'end-of-candidates'];
const SESSION_NAMES: ReadonlySet<string> = new Set([
  ...TRANSPORT_NAMES,
  ...DIRECTIONS,
  'group',
  'ice-lite',
  'extmap-allow-mixed',
  'msid-semantic',
]);
const SECTION_NAMES: ReadonlySet<string> = new Set([
  ...TRANSPORT_NAMES,
  ...DIRECTIONS,
  'mid',
  'bundle-only',
  'candidate',
  'rtcp-mux',
  'rtcp-mux-only',
  'rtcp-rsize',
]);
const SCTP_SECTION_NAMES: ReadonlySet<string> = new Set([...SECTION_NAMES, 'sctp-port', 'max-message-size', 'sctpmap']);

/** Reads SDP. @throws SdpError with code `syntax` and the line at fault */
export function parseDescription(text: string): SessionDescription {
  const { session, sections } = splitLines(text);
  const attributes = new AttributeReader();
  const bandwidths: Bandwidth[] = [];
  const extensions: HeaderExtension[] = [];
  let origin: Origin | null = null;
  let name = '';
  for (const line of session) {
    switch (line.type) {
      case 'v':
        match(line, /^0$/);
        break;
      case 'o':
        origin = readOrigin(line);
        break;
      case 's':
        name = line.value;
        break;
      case 'c':
        readConnection(line);
        break;
      case 'b':
        bandwidths.push(readBandwidth(line));
        break;
      case 't':
        match(line, /^\d+ \d+$/);
        break;
      case 'a':
        if (line.value.startsWith('extmap:')) extensions.push(readSessionExtension(line, extensions));
        else attributes.read(line, SESSION_NAMES);
        break;
      default: // i u e p r z k mean nothing here and are not kept (RFC 8829 §5.8.1)
    }
  }
  return {
    origin: origin!, // `splitLines` saw the line
    name,
    groups: attributes.groups,
    iceLite: attributes.has('ice-lite'),
    extmapAllowMixed: attributes.has('extmap-allow-mixed'),
    msidSemantic: attributes.text('msid-semantic'),
    bandwidths,
    endOfCandidates: attributes.has('end-of-candidates'),
    transport: attributes.transport,
    direction: readDirection(attributes),
    extensions,
    attributes: attributes.unknown,
    media: sections.map(readSection),
  };
}

function readSection({ media, rest }: SectionLines): MediaSection {
  const [, kind, port, protocol, formats] = match(media, /^(\S+) (\d{1,5})(?:\/\d+)? (\S+) (\S.*)$/);
  if (Number(port) > MAX_PORT) throw malformed(media);
  const formatList = formats!.trim().split(/ +/);
  const isSctp = kind === 'application' && SCTP_PROTOCOLS.includes(protocol!);
  const isRtp = (kind === 'audio' || kind === 'video') && RTP_PROTOCOL.test(protocol!);
  const rtp = isRtp ? new RtpAttributeReader(media, formatList, rest) : null;
  const attributes = new AttributeReader();
  const bandwidths: Bandwidth[] = [];
  let connection: ConnectionAddress | null = null;
  for (const line of rest) {
    if (line.type === 'c') connection ??= readConnection(line);
    else if (line.type === 'b') bandwidths.push(readBandwidth(line));
    else if (line.type === 'a' && !rtp?.read(line)) attributes.read(line, isSctp ? SCTP_SECTION_NAMES : SECTION_NAMES);
  }
  return {
    kind: kind!,
    port: Number(port),
    protocol: protocol!,
    formats: formatList,
    connection,
    bandwidths,
    mid: attributes.text('mid'),
    direction: readDirection(attributes),
    bundleOnly: attributes.has('bundle-only'),
    transport: attributes.transport,
    candidates: attributes.candidates,
    endOfCandidates: attributes.has('end-of-candidates'),
    rtcp: {
      mux: attributes.has('rtcp-mux'),
      muxOnly: attributes.has('rtcp-mux-only'),
      reducedSize: attributes.has('rtcp-rsize'),
    },
    rtp: rtp?.attributes ?? null,
    sctp: isSctp ? readSctp(attributes, formatList) : null,
    attributes: attributes.unknown,
  };
}

function readDirection(attributes: AttributeReader): Direction | null {
  return DIRECTIONS.find((direction) => attributes.has(direction)) ?? null;
}

function readSessionExtension(line: Line, before: readonly HeaderExtension[]): HeaderExtension {
  if (before.length === MAX_SESSION_EXTENSIONS) throw malformed(line);
  return readExtension(line.value.slice('extmap:'.length).trim(), line);
}

/** `null` for other uses of SCTP. */
function readSctp(attributes: AttributeReader, formats: readonly string[]): SctpAttributes | null {
  const { sctpmap } = attributes;
  if (formats[0] !== DATA_CHANNEL_FORMAT && sctpmap?.application !== DATA_CHANNEL_FORMAT) return null;
  return {
    port: attributes.number('sctp-port') ?? sctpmap?.port ?? null,
    maxMessageSize: attributes.number('max-message-size'),
    legacyStreams: sctpmap?.streams ?? null,
  };
}

function readOrigin(line: Line): Origin {
  const [, username, sessionId, sessionVersion, ipVersion, address] = match(
    line,
    /^(\S+) (\d+) (\d+) IN IP([46]) (\S+)$/,
  );
  return {
    username: username!,
    sessionId: sessionId!,
    sessionVersion: Number(sessionVersion),
    address: { ipVersion: ipVersion === '4' ? 4 : 6, address: address! },
  };
}

function readConnection(line: Line): ConnectionAddress {
  const [, ipVersion, address] = match(line, /^IN IP([46]) (\S+)$/);
  return { ipVersion: ipVersion === '4' ? 4 : 6, address: address! };
}

function readBandwidth(line: Line): Bandwidth {
  const [, type, value] = match(line, /^([^\s:]+):(\d+)$/);
  return { type: type!, value: Number(value) };
}

/** What the groups of a form found; `RegExpExecArray` types each as possibly absent. */
function match(line: Line, form: RegExp): RegExpExecArray {
  const found = form.exec(line.value.trimEnd());
  if (found === null) throw malformed(line);
  return found;
}
