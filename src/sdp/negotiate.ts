/** What an offer and its answer agree on (RFC 8829 §5.11, RFC 8841, RFC 8842, RFC 9143). */
import { type LiveSection, sharedTransports } from './bundles.ts';
import {
  effectiveCredentials,
  effectiveTransport,
  type Fingerprint,
  type IceCredentials,
  isRejected,
  type MediaSection,
  type SessionDescription,
} from './description.ts';
import { type DtlsRole, decidedRole } from './dtls-role.ts';
import { negotiateMedia } from './negotiate-media.ts';
import type { NegotiatedMedia } from './negotiated-media.ts';

/** RFC 8841 §6.1. */
const DEFAULT_MAX_MESSAGE_SIZE = 65_536;
/** What `a=sctp-port` should have said (RFC 8841 §5 has no default). Peers that leave it out mean this. */
const USUAL_SCTP_PORT = 5_000;

export interface Negotiated {
  /** In the order of their sections; at least one. */
  readonly transports: readonly NegotiatedTransport[];
  /** Indices of the sections that were turned down. */
  readonly rejected: readonly number[];
  /** Every audio and video section, in order, rejected ones too: `negotiateMedia`. */
  readonly media: readonly NegotiatedMedia[];
}

/** A transport, which the sections of a bundle share (RFC 9143), or one section has for itself. */
export interface NegotiatedTransport {
  /** Indices of its sections. The first one's transport attributes and candidates hold: the tagged one's of a bundle. */
  readonly sections: readonly number[];
  readonly remoteIceLite: boolean;
  readonly localCredentials: IceCredentials;
  readonly remoteCredentials: IceCredentials;
  /** Candidate attributes of the peer's description, in order; `src/ice` reads them. */
  readonly remoteCandidates: readonly string[];
  readonly remoteEndOfCandidates: boolean;
  /** The certificate has to match one of them (RFC 8122 §5). */
  readonly remoteFingerprints: readonly Fingerprint[];
  readonly remoteTlsId: string | null;
  /** Ours. The client sends the ClientHello. */
  readonly dtlsRole: DtlsRole;
  /** `null`: it has no data section, or that was turned down, or one side wants the association closed. */
  readonly sctp: NegotiatedSctp | null;
}

export interface NegotiatedSctp {
  readonly mid: string | null;
  readonly localPort: number;
  readonly remotePort: number;
  /** The largest message the peer takes, in bytes; 0: no limit. */
  readonly remoteMaxMessageSize: number;
}

/** The outcome once both descriptions stand; `null` when every section was turned down, or there is none. */
export function negotiate(
  local: SessionDescription,
  remote: SessionDescription,
  answerer: 'local' | 'remote',
): Negotiated | null {
  const live = livePairs(local, remote, answerer);
  if (live.length === 0) return null;
  const transports = sharedTransports(answerer === 'local' ? local : remote, live);
  return {
    transports: transports.flatMap((pairs) => negotiateTransport(local, remote, pairs, answerer) ?? []),
    rejected: [...local.media.keys()].filter((index) => live.every((pair) => pair.index !== index)),
    media: negotiateMedia(local, remote, answerer),
  };
}

function negotiateTransport(
  local: SessionDescription,
  remote: SessionDescription,
  pairs: readonly LivePair[],
  answerer: 'local' | 'remote',
): NegotiatedTransport | null {
  const tagged = pairs[0]!;
  const localCredentials = effectiveCredentials(local, tagged.ours);
  const remoteCredentials = effectiveCredentials(remote, tagged.theirs);
  if (localCredentials === null || remoteCredentials === null) return null; // not after `validateRemote`
  const ours = effectiveTransport(local, tagged.ours);
  const theirs = effectiveTransport(remote, tagged.theirs);
  return {
    sections: pairs.map(({ index }) => index),
    remoteIceLite: remote.iceLite,
    localCredentials,
    remoteCredentials,
    remoteCandidates: tagged.theirs.candidates,
    remoteEndOfCandidates: tagged.theirs.endOfCandidates || remote.endOfCandidates,
    remoteFingerprints: theirs.fingerprints,
    remoteTlsId: theirs.tlsId,
    // An answer that does not say is taken for "active", which JSEP prefers and browsers assume.
    dtlsRole: decidedRole(ours.setup, theirs.setup) ?? (answerer === 'local' ? 'client' : 'server'),
    sctp: negotiateSctp(pairs),
  };
}

/** A section as both sides have it, neither having turned it down. */
interface LivePair extends LiveSection {
  readonly ours: MediaSection;
  readonly theirs: MediaSection;
}

function livePairs(
  local: SessionDescription,
  remote: SessionDescription,
  answerer: 'local' | 'remote',
): readonly LivePair[] {
  const [ourType, theirType] = answerer === 'local' ? (['answer', 'offer'] as const) : (['offer', 'answer'] as const);
  return local.media.flatMap((ours, index) => {
    const theirs = remote.media[index];
    if (theirs === undefined || isRejected(ours, ourType) || isRejected(theirs, theirType)) return [];
    return [{ index, mid: ours.mid ?? theirs.mid, ours, theirs }];
  });
}

function negotiateSctp(live: readonly LivePair[]): NegotiatedSctp | null {
  for (const { mid, ours, theirs } of live) {
    if (ours.sctp === null || theirs.sctp === null) continue;
    const localPort = ours.sctp.port ?? USUAL_SCTP_PORT;
    const remotePort = theirs.sctp.port ?? USUAL_SCTP_PORT;
    if (localPort === 0 || remotePort === 0) return null; // RFC 8841 §10.3: the association is to be closed
    return { mid, localPort, remotePort, remoteMaxMessageSize: theirs.sctp.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE };
  }
  return null;
}

/**
 * Whether a description restarts ICE: a section that speaks for a transport has other credentials than any of `previous`,
 * of the same side (RFC 8839 §4.4.1.1.1). Such an offer is answered with new credentials; such an answer only follows such
 * an offer.
 */
export function isIceRestart(previous: SessionDescription | null, next: SessionDescription): boolean {
  if (previous === null) return false;
  const known = previous.media.flatMap((section) => credentialsKey(previous, section) ?? []);
  const live = next.media.flatMap((section, index) => (isRejected(section) ? [] : [{ index, mid: section.mid }]));
  return sharedTransports(next, live).some(([tagged]) => {
    const before = previous.media[tagged!.index];
    if (before === undefined || isRejected(before)) return false;
    const key = credentialsKey(next, next.media[tagged!.index]!);
    return key !== null && !known.includes(key);
  });
}

function credentialsKey(description: SessionDescription, section: MediaSection): string | null {
  const credentials = effectiveCredentials(description, section);
  return credentials && `${credentials.usernameFragment} ${credentials.password}`;
}
