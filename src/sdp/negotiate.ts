/** What an offer and its answer agree on (RFC 8829 §5.11, RFC 8841, RFC 8842, RFC 9143). */
import {
  bundleGroup,
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
  /** Mids of the sections on the transport, the tagged one first (RFC 9143 §7.3); empty where nothing is bundled. */
  readonly bundle: readonly string[];
  /** Index of the section whose transport attributes and candidates hold: the tagged one, else the first that lives. */
  readonly transportIndex: number;
  /** Indices of the sections that were turned down. */
  readonly rejected: readonly number[];
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
  /** `null`: there is no data section, or it was turned down, or one side wants the association closed. */
  readonly sctp: NegotiatedSctp | null;
  /** Every audio and video section, in order, rejected ones too: `negotiateMedia`. */
  readonly media: readonly NegotiatedMedia[];
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
  const bundle = bundledMids(answerer === 'local' ? local : remote, live);
  const tagged = live.find(({ mid }) => mid !== null && mid === bundle[0]) ?? live[0];
  if (tagged === undefined) return null;
  const localCredentials = effectiveCredentials(local, tagged.ours);
  const remoteCredentials = effectiveCredentials(remote, tagged.theirs);
  if (localCredentials === null || remoteCredentials === null) return null; // not after `validateRemote`
  const ours = effectiveTransport(local, tagged.ours);
  const theirs = effectiveTransport(remote, tagged.theirs);
  return {
    bundle,
    transportIndex: tagged.index,
    rejected: [...local.media.keys()].filter((index) => live.every((pair) => pair.index !== index)),
    remoteIceLite: remote.iceLite,
    localCredentials,
    remoteCredentials,
    remoteCandidates: tagged.theirs.candidates,
    remoteEndOfCandidates: tagged.theirs.endOfCandidates || remote.endOfCandidates,
    remoteFingerprints: theirs.fingerprints,
    remoteTlsId: theirs.tlsId,
    // An answer that does not say is taken for "active", which JSEP prefers and browsers assume.
    dtlsRole: decidedRole(ours.setup, theirs.setup) ?? (answerer === 'local' ? 'client' : 'server'),
    sctp: negotiateSctp(live),
    media: negotiateMedia(local, remote, answerer),
  };
}

/** A section as both sides have it, neither having turned it down. */
interface LivePair {
  readonly index: number;
  readonly mid: string | null;
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

/** RFC 9143 §7.3: the first mid of the answer's bundle is the tag. What was turned down drops out. */
function bundledMids(answer: SessionDescription, live: readonly LivePair[]): readonly string[] {
  const mids = new Set(live.map(({ mid }) => mid));
  return bundleGroup(answer, live[0]?.mid ?? null)?.mids.filter((mid) => mids.has(mid)) ?? [];
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
 * Whether a description restarts ICE: other credentials on the transport than `previous`, of the same side, has (RFC 8839
 * §4.4.1.1.1). Such an offer is answered with new credentials; such an answer only follows such an offer.
 */
export function isIceRestart(previous: SessionDescription | null, next: SessionDescription): boolean {
  if (previous === null) return false;
  for (const [index, section] of next.media.entries()) {
    const before = previous.media[index];
    if (before === undefined || isRejected(before) || isRejected(section)) continue;
    const was = effectiveCredentials(previous, before);
    const is = effectiveCredentials(next, section);
    return was?.usernameFragment !== is?.usernameFragment || was?.password !== is?.password;
  }
  return false;
}
