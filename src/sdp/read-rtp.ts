/**
 * The attribute lines of an audio or video section that are about RTP (RFC 8829 §5.8.2). Lines that we act on and cannot
 * read are errors; lines about formats that the section does not have are kept as unknown ones.
 */
import {
  type CodecFormat,
  type FormatParameters,
  parseFormatParameters,
  type RtcpFeedback,
  STATIC_PAYLOAD_TYPES,
} from '../rtp/codecs.ts';
import type { Direction } from './description.ts';
import { SdpError } from './error.ts';
import { type Line, malformed } from './lines.ts';
import type {
  Codec,
  HeaderExtension,
  Msid,
  Rid,
  RtpAttributes,
  Simulcast,
  SimulcastStream,
  SsrcGroup,
} from './rtp-description.ts';

/** RFC 3550 §5.1: seven bits. */
const MAX_PAYLOAD_TYPE = 127;
const MAX_SSRC = 0xffff_ffff;
/** RFC 8285 §4.3 and §7: identifiers of packets, and those that only stand in offers. */
const EXTENSION_IDS = { first: 1, last: 255, firstOffered: 4_096, lastOffered: 4_351 } as const;
/**
 * Bound on the streams, sources, groups, rids and header extensions of a section, each. Twenty sources are many; old
 * servers put all participants of a conference in one section, some hundreds.
 */
const MAX_ENTRIES = 4_096;
/** Bound on the parameters of one format, in characters of all its lines together: they are written as one line. */
const MAX_PARAMETERS_LENGTH = 32_768;
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

interface SsrcBuilder {
  readonly ssrc: number;
  cname: string | null;
  msid: Msid | null;
  readonly attributes: { name: string; value: string | null }[];
}

export class RtpAttributeReader {
  readonly #formats: ReadonlySet<number>;
  /** Payload types with an `a=rtpmap`, and rids and simulcast that come more than once: known before the first line. */
  readonly #mapped: ReadonlySet<number>;
  readonly #repeated: ReadonlySet<string>;
  readonly #rtpmaps = new Map<number, Omit<CodecFormat, 'parameters'>>();
  readonly #parameters = new Map<number, Map<string, string | null>>();
  readonly #parameterLengths = new Map<number, number>();
  readonly #feedback = new Map<number | '*', RtcpFeedback[]>();
  readonly #extensions: HeaderExtension[] = [];
  readonly #msids = new Map<string, Msid>();
  readonly #ssrcs = new Map<number, SsrcBuilder>();
  readonly #ssrcGroups: SsrcGroup[] = [];
  readonly #rids = new Map<string, Rid>();
  #simulcast: Simulcast | null = null;
  #extmapAllowMixed = false;
  #ptime: number | null = null;
  #maxptime: number | null = null;

  /** @throws SdpError with code `syntax` for formats that are no payload types */
  constructor(media: Line, formats: readonly string[], lines: readonly Line[]) {
    this.#formats = new Set(formats.map((format) => readPayloadType(format, media)));
    this.#mapped = new Set(lines.flatMap(({ value }) => /^rtpmap:(\d{1,3}) /.exec(value)?.[1] ?? []).map(Number));
    this.#repeated = repeated(lines.flatMap(({ value }) => /^(?:rid: *[\w-]+|simulcast):?/.exec(value)?.[0] ?? []));
  }

  /** Whether the line was one of ours. @throws SdpError with code `syntax` */
  read(line: Line): boolean {
    const colon = line.value.indexOf(':');
    const name = (colon < 0 ? line.value : line.value.slice(0, colon)).trimEnd();
    const value = colon < 0 ? '' : line.value.slice(colon + 1).trim();
    switch (name) {
      case 'rtpmap':
        return this.#readRtpmap(value, line);
      case 'fmtp':
        return this.#readFmtp(value, line);
      case 'rtcp-fb':
        return this.#readFeedback(value, line);
      case 'extmap':
        push(this.#extensions, readExtension(value, line), line);
        return true;
      case 'extmap-allow-mixed':
        this.#extmapAllowMixed = true;
        return true;
      case 'msid':
        return this.#readMsid(value, line);
      case 'ssrc':
        return this.#readSsrc(value, line);
      case 'ssrc-group':
        push(this.#ssrcGroups, readSsrcGroup(value, line), line);
        return true;
      case 'rid':
        return this.#readRid(value, line);
      case 'simulcast':
        return this.#readSimulcast(value, line);
      case 'ptime':
        this.#ptime ??= readMilliseconds(value, line);
        return true;
      case 'maxptime':
        this.#maxptime ??= readMilliseconds(value, line);
        return true;
      default:
        return false;
    }
  }

  get attributes(): RtpAttributes {
    return {
      codecs: [...this.#formats].flatMap((payloadType) => this.#codec(payloadType) ?? []),
      feedback: this.#feedback.get('*') ?? [],
      extensions: this.#extensions,
      extmapAllowMixed: this.#extmapAllowMixed,
      msids: [...this.#msids.values()],
      ssrcs: [...this.#ssrcs.values()],
      ssrcGroups: this.#ssrcGroups,
      rids: [...this.#rids.values()],
      simulcast: this.#simulcast,
      ptime: this.#ptime,
      maxptime: this.#maxptime,
    };
  }

  #codec(payloadType: number): Codec | null {
    const rtpmap = this.#rtpmaps.get(payloadType) ?? STATIC_PAYLOAD_TYPES.get(payloadType);
    if (rtpmap === undefined) return null;
    const { name, clockRate, channels } = rtpmap;
    const parameters: FormatParameters = this.#parameters.get(payloadType) ?? new Map();
    return { payloadType, name, clockRate, channels, parameters, feedback: this.#feedback.get(payloadType) ?? [] };
  }

  /** Whether this becomes a codec: the section lists it, and something says what it is. */
  #isKnown(payloadType: number): boolean {
    return this.#formats.has(payloadType) && (this.#mapped.has(payloadType) || STATIC_PAYLOAD_TYPES.has(payloadType));
  }

  /** RFC 8866 §6.6. */
  #readRtpmap(value: string, line: Line): boolean {
    const [, format, name, clockRate, channels] = match(value, /^(\d+) +([^\s/]+)\/(\d{1,10})(?:\/(\d{1,5}))?$/, line);
    const payloadType = readPayloadType(format!, line);
    if (!this.#isKnown(payloadType)) return false;
    const codec = {
      name: name!,
      clockRate: Number(clockRate),
      channels: channels === undefined ? null : Number(channels),
    };
    const before = this.#rtpmaps.get(payloadType);
    const same =
      before?.name === codec.name && before.clockRate === codec.clockRate && before.channels === codec.channels;
    if (before !== undefined && !same) throw contradiction(`a=rtpmap:${payloadType}`, line);
    this.#rtpmaps.set(payloadType, codec);
    return true;
  }

  /** RFC 8866 §6.15. Several lines for a format add up. */
  #readFmtp(value: string, line: Line): boolean {
    const [, format, text] = match(value, /^(\d+)(?: +(.*))?$/, line);
    const payloadType = readPayloadType(format!, line);
    if (!this.#isKnown(payloadType)) return false;
    const length = (this.#parameterLengths.get(payloadType) ?? 0) + value.length;
    this.#parameterLengths.set(payloadType, length);
    if (length > MAX_PARAMETERS_LENGTH) {
      const message = `the parameters of a format are longer than ${MAX_PARAMETERS_LENGTH} characters`;
      throw new SdpError('syntax', message, line.number);
    }
    const parameters = this.#parameters.get(payloadType) ?? new Map<string, string | null>();
    for (const [name, parameter] of parseFormatParameters(text ?? '')) parameters.set(name, parameter);
    this.#parameters.set(payloadType, parameters);
    return true;
  }

  /** RFC 4585 §4.2. */
  #readFeedback(value: string, line: Line): boolean {
    const [, format, type, parameter] = match(value, /^(\d+|\*) +(\S+)(?: +(\S.*))?$/, line);
    const key = format === '*' ? '*' : readPayloadType(format!, line);
    if (key !== '*' && !this.#isKnown(key)) return false;
    const feedback = this.#feedback.get(key) ?? [];
    this.#feedback.set(key, feedback);
    push(feedback, { type: type!, parameter: parameter ?? null }, line);
    return true;
  }

  #readMsid(value: string, line: Line): boolean {
    const msid = readMsid(value, line);
    this.#msids.set(`${msid.stream} ${msid.track}`, msid);
    if (this.#msids.size > MAX_ENTRIES) throw tooMany(line);
    return true;
  }

  /** RFC 5576 §4.1. */
  #readSsrc(value: string, line: Line): boolean {
    const [, id, name, text] = match(value, /^(\d+) +([^\s:]+)(?::(.*))?$/, line);
    const ssrc = readSsrcNumber(id!, line);
    const source = this.#ssrcs.get(ssrc) ?? { ssrc, cname: null, msid: null, attributes: [] };
    if (!this.#ssrcs.has(ssrc) && this.#ssrcs.size === MAX_ENTRIES) throw tooMany(line);
    this.#ssrcs.set(ssrc, source);
    if (name === 'cname' && text && source.cname === null) source.cname = text;
    else if (name === 'msid' && text && source.msid === null) source.msid = readMsid(text, line);
    else push(source.attributes, { name: name!, value: text ?? null }, line);
    return true;
  }

  /** RFC 8851 §6.2.2: what is malformed is discarded, and so are all lines that have one id between them. */
  #readRid(value: string, line: Line): boolean {
    const found = /^([\w-]+) +(send|recv)(?: +(\S.*))?$/.exec(value);
    if (found === null) return false;
    const [, id, direction, text] = found;
    if (this.#repeated.has(`rid:${id}`)) return false;
    const restrictions = new Map(parseFormatParameters(text ?? ''));
    const formats = restrictions.get('pt')?.split(',') ?? [];
    restrictions.delete('pt');
    if (formats.some((format) => !/^\d{1,3}$/.test(format.trim()))) return false;
    if (this.#rids.size === MAX_ENTRIES) throw tooMany(line);
    this.#rids.set(id!, {
      id: id!,
      direction: direction === 'send' ? 'send' : 'recv',
      payloadTypes: formats.map((format) => readPayloadType(format.trim(), line)),
      restrictions,
    });
    return true;
  }

  /** RFC 8853 §5.1. Several lines in a section are none (§5.3.2). */
  #readSimulcast(value: string, line: Line): boolean {
    const [, first, firstList, second, secondList] = match(
      value,
      /^(send|recv) +(\S+)(?: +(send|recv) +(\S+))?$/,
      line,
    );
    if (first === second) throw malformed(line);
    if (this.#repeated.has('simulcast:')) return false;
    const lists = new Map([
      [first, firstList],
      [second, secondList],
    ]);
    this.#simulcast = {
      send: readStreams(lists.get('send'), line),
      receive: readStreams(lists.get('recv'), line),
    };
    return true;
  }
}

/** RFC 8285 §8; stands in sections and at the session. */
export function readExtension(value: string, line: Line): HeaderExtension {
  const [, id, direction, uri, attributes] = match(value, /^(\d{1,4})(?:\/(\w+))? +(\S+)(?: +(\S.*))?$/, line);
  const number = Number(id);
  const isInRange = number >= EXTENSION_IDS.first && number <= EXTENSION_IDS.last;
  const isOffered = number >= EXTENSION_IDS.firstOffered && number <= EXTENSION_IDS.lastOffered;
  const known = DIRECTIONS.find((name) => name === direction) ?? null;
  if (!(isInRange || isOffered) || (direction !== undefined && known === null)) throw malformed(line);
  return { id: number, direction: known, uri: uri!, attributes: attributes ?? null };
}

function readPayloadType(text: string, line: Line): number {
  if (!/^\d+$/.test(text)) throw malformed(line);
  const payloadType = Number(text);
  if (payloadType <= MAX_PAYLOAD_TYPE) return payloadType;
  throw new SdpError('syntax', `there is no RTP payload type ${text.slice(0, 20)}, they end at 127`, line.number);
}

function readSsrcNumber(text: string, line: Line): number {
  const ssrc = Number(text);
  if (ssrc > MAX_SSRC) throw malformed(line);
  return ssrc;
}

/** RFC 8830 §2. */
function readMsid(value: string, line: Line): Msid {
  const [, stream, track] = match(value, /^(\S+)(?: +(\S+))?(?: .*)?$/, line);
  return { stream: stream!, track: track ?? null };
}

/** RFC 5576 §4.2. */
function readSsrcGroup(value: string, line: Line): SsrcGroup {
  const [semantics, ...ssrcs] = value.split(/ +/);
  if (!semantics || ssrcs.length > MAX_ENTRIES || !ssrcs.every((text) => /^\d+$/.test(text))) throw malformed(line);
  return { semantics, ssrcs: ssrcs.map((text) => readSsrcNumber(text, line)) };
}

function readStreams(list: string | undefined, line: Line): readonly SimulcastStream[] {
  if (list === undefined) return [];
  const streams = list.split(';', MAX_ENTRIES + 1);
  if (streams.length > MAX_ENTRIES) throw tooMany(line);
  return streams.map((stream) =>
    stream.split(',').map((alternative) => {
      const [, paused, rid] = match(alternative, /^(~?)([\w-]+)$/, line);
      return { rid: rid!, paused: paused !== '' };
    }),
  );
}

function readMilliseconds(value: string, line: Line): number {
  match(value, /^\d{1,9}(\.\d{1,9})?$/, line);
  return Number(value);
}

function repeated(names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const name of names.map((text) => text.replaceAll(' ', ''))) (seen.has(name) ? twice : seen).add(name);
  return twice;
}

function push<T>(list: T[], entry: T, line: Line): void {
  if (list.length === MAX_ENTRIES) throw tooMany(line);
  list.push(entry);
}

function match(value: string, form: RegExp, line: Line): RegExpExecArray {
  const found = form.exec(value);
  if (found === null) throw malformed(line);
  return found;
}

function tooMany(line: Line): SdpError {
  return new SdpError('syntax', `more than ${MAX_ENTRIES} lines of this kind in a section`, line.number);
}

function contradiction(name: string, line: Line): SdpError {
  return new SdpError('syntax', `a second "${name}" says something else than the first`, line.number);
}
