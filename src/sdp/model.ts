/** What the JSEP functions are told: what we are, what we want, and what was said before. */
import type { Fingerprint, IceCredentials, SessionDescription } from './description.ts';

/** Our end of the transport that every section is bundled on. */
export interface LocalTransport {
  /** Those in use, or new ones to restart ICE (RFC 8839 §4.4.1.1.1). */
  readonly ice: IceCredentials;
  readonly iceLite?: boolean;
  /** Of all our certificates. */
  readonly fingerprints: readonly Fingerprint[];
  /** RFC 8842 §5; left out of the description when not given. */
  readonly tlsId?: string;
  /** Candidate attributes gathered so far under these credentials, without `a=`. */
  readonly candidates?: readonly string[];
  readonly endOfCandidates?: boolean;
}

/** Our end of the SCTP association. */
export interface LocalSctp {
  /** 5000 by default. */
  readonly port?: number;
  /** The largest message we take, in bytes; 0 for no limit. */
  readonly maxMessageSize: number;
}

export interface LocalModel {
  /** 63 random bits in decimal, the same for the life of the connection: `newSessionId`. */
  readonly sessionId: string;
  readonly transport: LocalTransport;
  /** What we do with data channels. `null`: offer none and accept none. */
  readonly sctp: LocalSctp | null;
  // Media comes here: `transceivers`, as RFC 8829 §5.2.1 walks them.
}

/** What was said before: the W3C attributes of these names, and one more. `null` where there is none. */
export interface NegotiationState {
  readonly currentLocal: SessionDescription | null;
  readonly currentRemote: SessionDescription | null;
  readonly pendingLocal: SessionDescription | null;
  readonly pendingRemote: SessionDescription | null;
  /** What `createOffer` or `createAnswer` made last, applied or not: versions count from it (RFC 8829 §5.2.2). */
  readonly lastCreated: SessionDescription | null;
}
