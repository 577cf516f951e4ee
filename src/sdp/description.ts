/**
 * A session description as data: what an offer or an answer says, without how it is spelled (RFC 8866, RFC 8829).
 *
 * Descriptions are values. Nothing changes one; functions make new ones out of old ones.
 * What this stack does not know stands in `attributes`, to be looked at, and is never copied into an answer: an echoed
 * attribute is a promise nobody here can keep (`a=sctp-init` is the one that breaks data channels in practice).
 */

import type { HeaderExtension, RtpAttributes } from './rtp-description.ts';

/** The types of RTCSdpType that carry a description; a rollback carries none. */
export type DescriptionType = 'offer' | 'pranswer' | 'answer';

export interface SessionDescription {
  readonly origin: Origin;
  /** The `s=` line; means nothing in JSEP. */
  readonly name: string;
  readonly groups: readonly Group[];
  readonly iceLite: boolean;
  /** RFC 8285 §6: one-byte and two-byte RTP header extensions may be mixed. */
  readonly extmapAllowMixed: boolean;
  /** The value of `a=msid-semantic`, which old clients look for; `null` when absent. */
  readonly msidSemantic: string | null;
  readonly bandwidths: readonly Bandwidth[];
  /** RFC 8840 §8.2: no more candidates for any section. */
  readonly endOfCandidates: boolean;
  /** What holds for every section that does not say otherwise. */
  readonly transport: TransportAttributes;
  /** The same of directions (RFC 8866 §6.7) and header extensions (RFC 8285 §6). */
  readonly direction: Direction | null;
  readonly extensions: readonly HeaderExtension[];
  /** What we do not know, in order. */
  readonly attributes: readonly Attribute[];
  /** The `m=` sections, in order. Their order never changes in a session (RFC 3264 §8). */
  readonly media: readonly MediaSection[];
}

/** The `o=` line (RFC 8866 §5.2). */
export interface Origin {
  readonly username: string;
  /** Decimal digits of a number below 2^63, too large for a double. */
  readonly sessionId: string;
  /** Ours counts up. What a peer puts past 2^53 is rounded; nothing depends on it. */
  readonly sessionVersion: number;
  readonly address: ConnectionAddress;
}

/** `IN IP4 0.0.0.0`. Means nothing where ICE decides. */
export interface ConnectionAddress {
  readonly ipVersion: 4 | 6;
  readonly address: string;
}

/** RFC 5888 §5: sections that belong together, by their mids. */
export interface Group {
  readonly semantics: string;
  readonly mids: readonly string[];
}

/** A `b=` line: `TIAS` in bits per second, `AS` in kilobits per second. */
export interface Bandwidth {
  readonly type: string;
  readonly value: number;
}

/** An attribute line: `a=name` (value `null`) or `a=name:value`. */
export interface Attribute {
  readonly name: string;
  readonly value: string | null;
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** RFC 8842 §5.1, RFC 4145 §4: who sends the ClientHello. `active` does. */
export type Setup = 'actpass' | 'active' | 'passive' | 'holdconn';

/** RFC 8122 §5. `algorithm` in lower case, `value` as pairs of upper-case hexadecimal digits with colons. */
export interface Fingerprint {
  readonly algorithm: string;
  readonly value: string;
}

export interface IceCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

/** What may stand at the session level or in a section; the section's word counts (RFC 8829 §5.8.2). */
export interface TransportAttributes {
  readonly iceUfrag: string | null;
  readonly icePwd: string | null;
  /** `null` when the line is absent. */
  readonly iceOptions: readonly string[] | null;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: Setup | null;
  readonly tlsId: string | null;
}

/** One `m=` section. */
export interface MediaSection {
  /** `application`, `audio`, `video`, or what else a peer made up. */
  readonly kind: string;
  /** 0: rejected, or bundle-only. 9: "see the candidates" (RFC 8840 §4.1.1). */
  readonly port: number;
  /** `UDP/DTLS/SCTP`, `UDP/TLS/RTP/SAVPF` … */
  readonly protocol: string;
  /** `webrtc-datachannel`, or RTP payload types. At least one. */
  readonly formats: readonly string[];
  readonly connection: ConnectionAddress | null;
  readonly bandwidths: readonly Bandwidth[];
  readonly mid: string | null;
  readonly direction: Direction | null;
  readonly bundleOnly: boolean;
  readonly transport: TransportAttributes;
  /** Candidate attributes as they came, `candidate:…` without `a=`. `src/ice` reads them. */
  readonly candidates: readonly string[];
  readonly endOfCandidates: boolean;
  readonly rtcp: RtcpAttributes;
  /** `null` in sections that are not audio or video over RTP. */
  readonly rtp: RtpAttributes | null;
  /** `null` in sections that are not for data channels. */
  readonly sctp: SctpAttributes | null;
  /** What we do not know, in order. */
  readonly attributes: readonly Attribute[];
}

export interface RtcpAttributes {
  readonly mux: boolean;
  readonly muxOnly: boolean;
  readonly reducedSize: boolean;
}

/** A data channel section, in the current form or in that of old drafts: `DTLS/SCTP 5000` with `a=sctpmap`. */
export interface SctpAttributes {
  /** `a=sctp-port`, or the port that the older form has for a format; `null` when not said. 0: no association. */
  readonly port: number | null;
  /** `a=max-message-size` in bytes; 0: no limit; `null`: not said, which means 65,536 (RFC 8841 §6.1). */
  readonly maxMessageSize: number | null;
  /** The older form's number of streams; `null` in the current form. */
  readonly legacyStreams: number | null;
}

/** No attribute at all: the start of every section that is made here. */
export const NO_TRANSPORT: TransportAttributes = {
  iceUfrag: null,
  icePwd: null,
  iceOptions: null,
  fingerprints: [],
  setup: null,
  tlsId: null,
};

/** Our side of a section's direction, seen from the other side (RFC 3264 §6.1). */
export function reverseDirection(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly';
  return direction === 'recvonly' ? 'sendonly' : direction;
}

/** What both allow. */
export function intersectDirections(a: Direction, b: Direction): Direction {
  return makeDirection(sends(a) && sends(b), receives(a) && receives(b));
}

export function makeDirection(send: boolean, receive: boolean): Direction {
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

export function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

export function receives(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

/** A section's direction: its own, else the session's, else both ways (RFC 8866 §6.7). */
export function effectiveDirection(description: SessionDescription, section: MediaSection): Direction {
  return section.direction ?? description.direction ?? 'sendrecv';
}

/** A section's header extensions and the session's (RFC 8285 §6). */
export function effectiveExtensions(
  description: SessionDescription,
  section: MediaSection,
): readonly HeaderExtension[] {
  return [...(section.rtp?.extensions ?? []), ...description.extensions];
}

/** The group of sections that share a transport (RFC 9143), by the mid of one of them. */
export function bundleGroup(description: SessionDescription, mid: string | null): Group | undefined {
  return description.groups.find(({ semantics, mids }) => semantics === 'BUNDLE' && mid !== null && mids.includes(mid));
}

/**
 * What holds for a section: its own attributes, where it has none those of the section its bundle is tagged with
 * (RFC 9143 §7.1.3), and where that has none the session's.
 */
export function effectiveTransport(description: SessionDescription, section: MediaSection): TransportAttributes {
  const tag = bundleGroup(description, section.mid)?.mids[0];
  const tagged = tag === undefined || tag === section.mid ? undefined : sectionByMid(description, tag);
  const session = description.transport;
  const inherited = tagged === undefined ? session : merge(tagged.transport, session);
  return merge(section.transport, inherited);
}

/** The ICE credentials that hold for a section; `null` when they are missing or incomplete. */
export function effectiveCredentials(description: SessionDescription, section: MediaSection): IceCredentials | null {
  const { iceUfrag, icePwd } = effectiveTransport(description, section);
  return iceUfrag === null || icePwd === null ? null : { usernameFragment: iceUfrag, password: icePwd };
}

export function sectionByMid(description: SessionDescription, mid: string): MediaSection | undefined {
  return description.media.find((section) => section.mid === mid);
}

function merge(own: TransportAttributes, inherited: TransportAttributes): TransportAttributes {
  return {
    iceUfrag: own.iceUfrag ?? inherited.iceUfrag,
    icePwd: own.icePwd ?? inherited.icePwd,
    iceOptions: own.iceOptions ?? inherited.iceOptions,
    fingerprints: own.fingerprints.length > 0 ? own.fingerprints : inherited.fingerprints,
    setup: own.setup ?? inherited.setup,
    tlsId: own.tlsId ?? inherited.tlsId,
  };
}

/**
 * Whether a section is turned down: port 0. In an offer that may also say "take me with the bundle or not at all", where
 * `a=bundle-only` stands beside it (RFC 9143 §6); in an answer that attribute has no place.
 */
export function isRejected(section: MediaSection, type: DescriptionType = 'offer'): boolean {
  return section.port === 0 && (type !== 'offer' || !section.bundleOnly);
}

/** The first data channel section that is not turned down, if there is one. */
export function dataSection(description: SessionDescription | null): MediaSection | undefined {
  return description?.media.find((section) => section.sctp !== null && !isRejected(section));
}

/** Whether the peer takes candidates later (RFC 8838 §4; RFC 8829 §5.10). */
export function supportsTrickle(description: SessionDescription): boolean {
  const transports = [description.transport, ...description.media.map((section) => section.transport)];
  return transports.some(({ iceOptions }) => iceOptions?.includes('trickle'));
}
