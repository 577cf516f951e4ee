/** Session descriptions as text, written by sdp-transform: CRLF after every line, unknown attributes included. */
import { type WritableSection, write } from 'sdp-transform';
import type { Attribute, Bandwidth, MediaSection, SessionDescription, TransportAttributes } from './description.ts';
import { extensionLine, rtpLines } from './format-rtp.ts';
import { DATA_CHANNEL_FORMAT } from './parse.ts';

/** Writes SDP. What it writes, `parseDescription` reads as the same description. */
export function formatDescription(description: SessionDescription): string {
  const { origin, transport } = description;
  return write({
    origin: {
      username: origin.username,
      sessionId: origin.sessionId,
      sessionVersion: origin.sessionVersion,
      netType: 'IN',
      ipVer: origin.address.ipVersion,
      address: origin.address.address,
    },
    name: description.name,
    timing: { start: 0, stop: 0 }, // RFC 8829 §5.2.1
    groups: description.groups.map(({ semantics, mids }) => ({ type: semantics, mids: mids.join(' ') })),
    icelite: flag('ice-lite', description.iceLite),
    extmapAllowMixed: flag('extmap-allow-mixed', description.extmapAllowMixed),
    ...transportAttributes(transport),
    bandwidth: bandwidths(description.bandwidths),
    invalid: [
      ...verbatim('msid-semantic', description.msidSemantic),
      ...furtherTransportLines(transport),
      ...verbatimFlag('end-of-candidates', description.endOfCandidates),
      ...(description.direction === null ? [] : [{ value: description.direction }]),
      ...description.extensions.map((extension) => ({ value: extensionLine(extension) })),
      ...description.attributes.map(attributeLine),
    ],
    media: description.media.map(section),
  });
}

function section(media: MediaSection): WritableSection {
  const { sctp, rtcp, connection, transport } = media;
  return {
    type: media.kind,
    port: media.port,
    protocol: media.protocol,
    payloads: media.formats.join(' '),
    connection: connection === null ? undefined : { version: connection.ipVersion, ip: connection.address },
    bandwidth: bandwidths(media.bandwidths),
    mid: media.mid ?? undefined,
    direction: media.direction ?? undefined,
    bundleOnly: flag('bundle-only', media.bundleOnly),
    rtcpMux: flag('rtcp-mux', rtcp.mux),
    rtcpRsize: flag('rtcp-rsize', rtcp.reducedSize),
    ...transportAttributes(transport),
    ...(sctp?.legacyStreams == null
      ? { sctpPort: sctp?.port ?? undefined }
      : { sctpmap: { sctpmapNumber: sctp.port!, app: DATA_CHANNEL_FORMAT, maxMessageSize: sctp.legacyStreams } }),
    maxMessageSize: sctp?.maxMessageSize ?? undefined,
    invalid: [
      ...verbatimFlag('rtcp-mux-only', rtcp.muxOnly),
      ...furtherTransportLines(transport),
      ...media.candidates.map((value) => ({ value })),
      ...verbatimFlag('end-of-candidates', media.endOfCandidates),
      ...(media.rtp === null ? [] : rtpLines(media.rtp).map((value) => ({ value }))),
      ...media.attributes.map(attributeLine),
    ],
  };
}

function transportAttributes({ iceUfrag, icePwd, iceOptions, fingerprints, setup }: TransportAttributes) {
  const first = fingerprints[0];
  return {
    iceUfrag: iceUfrag ?? undefined,
    icePwd: icePwd ?? undefined,
    iceOptions: iceOptions?.join(' '),
    fingerprint: first && { type: first.algorithm, hash: first.value },
    setup: setup ?? undefined,
  };
}

/** Lines that sdp-transform has no name for, or only one place. */
function furtherTransportLines({ fingerprints, tlsId }: TransportAttributes): { value: string }[] {
  const further = fingerprints.slice(1).map(({ algorithm, value }) => ({ value: `fingerprint:${algorithm} ${value}` }));
  return [...further, ...verbatim('tls-id', tlsId)];
}

function bandwidths(lines: readonly Bandwidth[]): { type: string; limit: number }[] {
  return lines.map(({ type, value }) => ({ type, limit: value }));
}

/** sdp-transform writes the value of a flag's property, whatever it is. */
function flag(name: string, isSet: boolean): string | undefined {
  return isSet ? name : undefined;
}

function verbatimFlag(name: string, isSet: boolean): { value: string }[] {
  return isSet ? [{ value: name }] : [];
}

function verbatim(name: string, value: string | null): { value: string }[] {
  return value === null ? [] : [attributeLine({ name, value })];
}

function attributeLine({ name, value }: Attribute): { value: string } {
  return { value: value === null ? name : `${name}:${value}` };
}
