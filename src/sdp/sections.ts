/** The parts that offers and answers are made of here (RFC 8829 §5.2.1, RFC 8841 §10). */
import type { RandomSource } from '../machine.ts';
import { randomBytes } from '../machine.ts';
import { STATIC_PAYLOAD_TYPES } from '../rtp/codecs.ts';
import {
  type ConnectionAddress,
  type MediaSection,
  NO_TRANSPORT,
  type SctpAttributes,
  type SessionDescription,
  type Setup,
  type TransportAttributes,
} from './description.ts';
import { formatDescription } from './format.ts';
import type { GatheredCandidates, LocalModel, LocalSctp, LocalTransport, NegotiationState } from './model.ts';
import { type Codec, NO_RTP } from './rtp-description.ts';

/** RFC 8840 §4.1.1: the port of a section whose candidates come later. Ours always do: candidates are what counts. */
export const TRICKLE_PORT = 9;
/** RFC 8829 §5.2.1: "a non-meaningful address … to prevent leaking a local IP address". */
const NO_ADDRESS: ConnectionAddress = { ipVersion: 4, address: '0.0.0.0' };
/** RFC 8841 §5: no default, but everyone's choice. */
const DEFAULT_SCTP_PORT = 5_000;
/** RFC 8840 §4.1.1 and RFC 8445 §10. */
export const ICE_OPTIONS: readonly string[] = ['trickle', 'ice2'];

/** 63 random bits, in decimal (RFC 8829 §5.2.1). */
export function newSessionId(random: RandomSource): string {
  let id = 0n;
  for (const byte of randomBytes(random, 8)) id = (id << 8n) | BigInt(byte);
  return BigInt.asUintN(63, id).toString();
}

/** A description around its sections, with the version that is due. */
export function describe(
  model: LocalModel,
  state: NegotiationState,
  iceOptions: readonly string[],
  bundles: readonly (readonly string[])[],
  media: readonly MediaSection[],
  extmapAllowMixed = false,
): SessionDescription {
  const description: SessionDescription = {
    origin: { username: '-', sessionId: model.sessionId, sessionVersion: 1, address: NO_ADDRESS },
    name: '-',
    groups: bundles.map((mids) => ({ semantics: 'BUNDLE', mids })),
    iceLite: model.transport.iceLite ?? false,
    extmapAllowMixed,
    msidSemantic: null,
    bandwidths: [],
    endOfCandidates: false,
    transport: { ...NO_TRANSPORT, iceOptions: iceOptions.length > 0 ? iceOptions : null },
    direction: null,
    extensions: [],
    attributes: [],
    media,
  };
  return withVersion(description, state.lastCreated);
}

/** RFC 8829 §5.2.2: the version "MUST increment by one … if the offer might differ from the output of the previous call". */
function withVersion(description: SessionDescription, last: SessionDescription | null): SessionDescription {
  if (last === null) return description;
  const same = { ...description, origin: last.origin };
  if (formatDescription(same) === formatDescription(last)) return last;
  return { ...description, origin: { ...last.origin, sessionVersion: last.origin.sessionVersion + 1 } };
}

/** A live data channel section, still without its transport. */
export function dataChannelSection(
  mid: string | null,
  protocol: string,
  formats: readonly string[],
  sctp: SctpAttributes,
): MediaSection {
  return { ...emptySection('application', protocol, formats, mid), port: TRICKLE_PORT, sctp };
}

/** A section turned down: its place is kept, with one format, since the grammar wants one (RFC 3264 §6). */
export function rejectedSection(section: MediaSection): MediaSection {
  const { kind, protocol, formats, mid, sctp, rtp } = section;
  const rejected = emptySection(kind, protocol, formats.slice(0, 1), mid);
  const codecs = rtp === null ? [] : staticCodec(Number(formats[0]));
  return {
    ...rejected,
    direction: sctp === null ? 'inactive' : null,
    sctp: sctp && { ...NO_SCTP },
    rtp: rtp && { ...NO_RTP, codecs },
  };
}

/** What a format means that needs no `a=rtpmap`, so that reading the section gives the same again. */
function staticCodec(payloadType: number): readonly Codec[] {
  const codec = STATIC_PAYLOAD_TYPES.get(payloadType);
  return codec === undefined ? [] : [{ payloadType, ...codec, feedback: [] }];
}

const NO_SCTP: SctpAttributes = { port: null, maxMessageSize: null, legacyStreams: null };

export function emptySection(
  kind: string,
  protocol: string,
  formats: readonly string[],
  mid: string | null,
): MediaSection {
  return {
    kind,
    port: 0,
    protocol,
    formats,
    connection: NO_ADDRESS,
    bandwidths: [],
    mid,
    direction: null,
    bundleOnly: false,
    transport: NO_TRANSPORT,
    candidates: [],
    endOfCandidates: false,
    rtcp: { mux: false, muxOnly: false, reducedSize: false },
    rtp: null,
    sctp: null,
    attributes: [],
  };
}

export function sctpAttributes(sctp: LocalSctp, legacyStreams: number | null = null): SctpAttributes {
  return { port: sctp.port ?? DEFAULT_SCTP_PORT, maxMessageSize: sctp.maxMessageSize, legacyStreams };
}

/** What the transport that section `index` speaks for has gathered. */
export function gatheredBy(model: LocalModel, index: number, isFirst: boolean): GatheredCandidates {
  return model.gatheredApart?.get(index) ?? (isFirst ? model.transport : {});
}

/**
 * Puts a transport on a section: candidates where it speaks for its bundle, the rest everywhere, as browsers do. RFC
 * 9143 §7.1.3 wants nothing repeated. But Firefox 153 takes credentials that come later for a partial ICE restart, and
 * its content process dies of a section without a fingerprint.
 *
 * @param gathered of the transport, where the section speaks for it; else `null`
 */
export function withTransport(
  section: MediaSection,
  transport: LocalTransport,
  setup: Setup,
  gathered: GatheredCandidates | null,
): MediaSection {
  const attributes: TransportAttributes = {
    iceUfrag: transport.ice.usernameFragment,
    icePwd: transport.ice.password,
    iceOptions: null, // said once, for the session
    fingerprints: transport.fingerprints,
    setup,
    tlsId: transport.tlsId ?? null,
  };
  const { candidates = [], endOfCandidates = false } = gathered ?? {};
  return { ...section, transport: attributes, candidates, endOfCandidates };
}
