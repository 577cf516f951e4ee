/** What an offer and its answer agree on (RFC 8829 §5.11, RFC 8841, RFC 8842, RFC 9143). */
import type { Fingerprint, IceCredentials, SessionDescription } from './description.ts';

export interface Negotiated {
  /** Mids of the sections on the one transport; the first is the tag whose attributes count (RFC 9143 §7). */
  readonly bundle: readonly string[];
  /** Mids (or `null`) of every section that was turned down. */
  readonly rejected: readonly (string | null)[];
  readonly remoteIceLite: boolean;
  /** Whether the peer can take candidates later (RFC 8838 §4). */
  readonly remoteTrickle: boolean;
  readonly localCredentials: IceCredentials;
  readonly remoteCredentials: IceCredentials;
  /** Candidate attributes of the peer's description, in order; `src/ice` reads them. */
  readonly remoteCandidates: readonly string[];
  readonly remoteEndOfCandidates: boolean;
  readonly remoteFingerprints: readonly Fingerprint[];
  /** Ours. The client sends the ClientHello. */
  readonly dtlsRole: 'client' | 'server';
  readonly remoteTlsId: string | null;
  /** `null`: no data section, or rejected. */
  readonly sctp: NegotiatedSctp | null;
}

export interface NegotiatedSctp {
  readonly mid: string | null;
  readonly localPort: number;
  readonly remotePort: number;
  /** The largest message the peer takes; 0: no limit. */
  readonly remoteMaxMessageSize: number;
}

/** The outcome once both descriptions stand; `null` when every section was rejected or there is none. */
export function negotiate(
  _local: SessionDescription,
  _remote: SessionDescription,
  _answerer: 'local' | 'remote',
): Negotiated | null {
  throw new Error('under construction');
}
