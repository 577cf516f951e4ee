/** What the ICE agent takes and tells: the vocabulary of `purertc/ice`. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { RandomSource } from '../machine.ts';
import type { SocketAddress } from './address.ts';
import type { IceCandidate } from './candidate.ts';
import type { IceTiming } from './timing.ts';

/** The short-term credentials of one side for one generation (RFC 8445 §5.3): ice-chars, 4–256 and 22–256 of them. */
export type IceCredentials = { readonly usernameFragment: string; readonly password: string };

export type IceRole = 'controlling' | 'controlled';

/** RTCIceTransportPolicy: `relay` hides host and reflexive candidates, and checks nothing from them. */
export type IceTransportPolicy = 'all' | 'relay';

/** RTCIceTransportState, with the meanings of W3C webrtc §5.6.4. `closed` and `failed` are left only by `restart`, `closed` never. */
export type IceState = 'new' | 'checking' | 'connected' | 'completed' | 'disconnected' | 'failed' | 'closed';

/** RTCIceGathererState, W3C webrtc §5.6.3. */
export type IceGatheringState = 'new' | 'gathering' | 'complete';

/** RFC 8445 §6.1.2.6. */
export type PairState = 'frozen' | 'waiting' | 'inProgress' | 'succeeded' | 'failed';

/**
 * Something datagrams can be sent from. The agent never opens one: the caller binds it, names it by a small integer
 * and carries what `transmit` hands over. A relay is a TURN allocation: `transmit` on its `socketId` sends through it.
 */
export type LocalSocket = HostSocket | RelaySocket;

export type HostSocket = {
  readonly type: 'host';
  readonly socketId: number;
  /** The address it is bound to: an IP literal of one interface, not the wildcard. */
  readonly address: string;
  readonly port: number;
  /** 0 … 65535, unique per socket (RFC 8445 §5.1.2.1). Default: RFC 8421's interleaving of IPv6 and IPv4, in order of adding. */
  readonly localPreference?: number;
  /** A `.local` name to tell the peer in place of the address (draft-ietf-mmusic-mdns-ice-candidates). */
  readonly mdnsName?: string;
  /**
   * RFC 6544: where TCP connections are opened from (`active`; its `port` is 9), or taken (`passive`). Absent: UDP. What is
   * transmitted and received is without the framing of RFC 4571; the caller has that, and opens a connection when the first
   * packet for an address is transmitted.
   */
  readonly tcpType?: 'active' | 'passive';
  /** Pairs are formed and checked as ever, and the peer, who will see where checks come from, is told nothing. */
  readonly isSilent?: boolean;
};

export type RelaySocket = {
  readonly type: 'relay';
  readonly socketId: number;
  /** The relayed address. */
  readonly address: string;
  readonly port: number;
  /** The mapped address of the Allocate response (RFC 8839 §5.1). */
  readonly relatedAddress: string;
  readonly relatedPort: number;
  /** How the TURN server is reached. */
  readonly relayProtocol: 'udp' | 'tcp' | 'tls';
  /** The server's URL, for RTCIceCandidate. */
  readonly url: string;
  readonly localPreference?: number;
};

/** A STUN server, its name already resolved. A name with several addresses is several servers. */
export type StunServer = SocketAddress & {
  /** As the application wrote it, e.g. `stun:stun.example.org:3478`; shown in candidates and errors. */
  readonly url: string;
};

/** One of our candidates. The object is the same for as long as the candidate lives. */
export type LocalCandidate = IceCandidate & {
  readonly socketId: number;
  /** The real address checks are sent from, also where `address` shows a `.local` name (RFC 8445 §5.1.1). */
  readonly base: SocketAddress;
  /** The STUN or TURN server it was learned from. */
  readonly url?: string;
  readonly relayProtocol?: 'udp' | 'tcp' | 'tls';
};

/** One of the peer's candidates, signalled or learned from a check. The object is the same for as long as it lives. */
export type RemoteCandidate = IceCandidate & {
  /** Where it is reached; differs from `address` and `port` only where those show a name. */
  readonly transportAddress: SocketAddress;
};

/** A candidate pair as `selectedPair` and `pairs` show it: live, read-only. All times in ms, `At` on the caller's clock. */
export interface CandidatePair {
  /** Unique within the agent. */
  readonly id: number;
  readonly local: LocalCandidate;
  readonly remote: RemoteCandidate;
  /** Send on this socket … */
  readonly socketId: number;
  /** … to this address. */
  readonly remoteAddress: SocketAddress;
  readonly state: PairState;
  /** Nominated by the controlling agent, and the check that said so has succeeded. */
  readonly nominated: boolean;
  /** Whether a check over it succeeded and consent has not run out since: data may flow. */
  readonly valid: boolean;
  /** RFC 8445 §6.1.2.3. */
  readonly priority: PairPriority;
  readonly stats: Readonly<PairStats>;
}

/** 2^32·MIN(G,D) + 2·MAX(G,D) + (G>D?1:0), which a double cannot hold, as `high`·2^32 + `low`. */
export type PairPriority = { readonly high: number; readonly low: number };

/** Counters as RTCIceCandidatePairStats wants them. */
export type PairStats = {
  requestsSent: number;
  requestsReceived: number;
  responsesSent: number;
  responsesReceived: number;
  /** RFC 7675 checks; they are not counted in `requestsSent`. */
  consentRequestsSent: number;
  /** Undefined until a response came. */
  currentRoundTripMs: number | undefined;
  totalRoundTripMs: number;
  lastResponseAt: number | undefined;
  lastRequestAt: number | undefined;
};

/** Plain counters of what was dropped, by reason; for stats and for whoever looks for a lost packet. */
export type IceAgentStats = {
  /** Not STUN, malformed, a wrong FINGERPRINT, or a method or class ICE does not use. */
  malformedPackets: number;
  /** No or wrong USERNAME, no or wrong MESSAGE-INTEGRITY, or fragments of different generations. */
  unauthenticatedRequests: number;
  /** A response that answers nothing we asked, failed authentication, or came from elsewhere. */
  unexpectedResponses: number;
  /** Authenticated requests that had no effect because a bound was reached, or because a filter refused the sender. */
  requestsRefused: number;
  /** Signalled candidates not taken: unknown kind, filtered, of another generation, or over the limit. */
  remoteCandidatesIgnored: number;
  /** Pairs not formed because the checklist was full. */
  pairsOverLimit: number;
  roleConflicts: number;
};

export type IceEvent =
  | { readonly kind: 'gatheringState'; readonly state: IceGatheringState }
  /** Tell it to the peer. */
  | { readonly kind: 'candidate'; readonly candidate: LocalCandidate }
  /** RTCPeerConnectionIceErrorEvent: a STUN error code, or 701 when the server did not answer. */
  | {
      readonly kind: 'candidateError';
      readonly socketId: number;
      readonly url: string;
      readonly errorCode: number;
      readonly errorText: string;
    }
  | { readonly kind: 'state'; readonly state: IceState }
  /** `null` when the path in use was lost for good or forgotten. */
  | { readonly kind: 'selectedPair'; readonly pair: CandidatePair | null }
  /** A role conflict was repaired (RFC 8445 §7.3.1.1). */
  | { readonly kind: 'role'; readonly role: IceRole };

/** Which of the candidates may be used; the rest never exist. Called once per candidate. */
export type CandidateFilter = (candidate: IceCandidate, side: 'local' | 'remote') => boolean;

export type IceAgentSink = {
  /** Sends a datagram at once; it belongs to the receiver of this call. */
  transmit(packet: Uint8Array, socketId: number, remote: SocketAddress): void;
  /** Reports once the agent's state is settled: the handler may call back in. */
  event(event: IceEvent): void;
};

export type IceAgentOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly controlling: boolean;
  /** RFC 8445 §2.5: only answers checks. For a server on a public address. Default false. */
  readonly lite?: boolean;
  /** Default: 4 and 24 random ice-chars. */
  readonly localCredentials?: IceCredentials;
  /** Default `all`. */
  readonly transportPolicy?: IceTransportPolicy;
  readonly candidateFilter?: CandidateFilter;
  /** Software name to put into requests to STUN servers; default none: it only tells strangers who we are. */
  readonly software?: string;
  readonly timing?: Partial<IceTiming>;
};
