/** What an SCTP association is told when it is made, and what it tells back. */
import type { RandomSource } from '../machine.ts';
import type { CongestionControl, CongestionPath } from './tx/congestion-control.ts';
import type { LossRecovery, LossRecoveryContext } from './tx/loss-recovery.ts';

/** RFC 9260 §4, in the order of its diagram. */
export type SctpState =
  | 'closed'
  | 'cookieWait'
  | 'cookieEchoed'
  | 'established'
  | 'shutdownPending'
  | 'shutdownSent'
  | 'shutdownReceived'
  | 'shutdownAckSent';

/** How one message is to be sent. Partial reliability is RFC 3758 and RFC 7496: at most one of the two limits counts. */
export type SendOptions = {
  /** May overtake other messages of its stream. Default false. */
  readonly unordered?: boolean | undefined;
  /** Given up once it would have to be sent again more often than this; 0 sends once. */
  readonly maxRetransmits?: number | undefined;
  /** Given up when it is not acknowledged, and not on its way for the first time, this many ms after `send`. */
  readonly lifetimeMs?: number | undefined;
  /** The stream's weight from now on, 1 … 65,535: twice the weight, twice the bytes while both wait. Default 256. */
  readonly priority?: number | undefined;
};

export type SctpEvent =
  /** User data may flow. Messages given to `send` before are sent now. */
  | { readonly kind: 'connected' }
  /** `data` is exactly one message. It may be a view of a datagram: copy it to keep it for long. */
  | {
      readonly kind: 'message';
      readonly streamId: number;
      readonly ppid: number;
      readonly data: Uint8Array;
      readonly unordered: boolean;
    }
  /**
   * `outgoing`: our `resetStreams` was performed. `incoming`: the peer began these streams anew; all it sent on them
   * before was delivered. An empty list is all streams.
   */
  | {
      readonly kind: 'streamsReset';
      readonly streamIds: readonly number[];
      readonly direction: 'incoming' | 'outgoing';
    }
  /** Our `resetStreams` was refused, or the peer cannot do it; the streams go on with their old sequence numbers. */
  | { readonly kind: 'streamsResetFailed'; readonly streamIds: readonly number[]; readonly message: string }
  /** Bytes left the queue for the first time, or were given up there; one event per stream and call. */
  | { readonly kind: 'bufferedAmountDecreased'; readonly streamId: number; readonly bytes: number }
  /** The peer lost its state and began a new association in place of this one (RFC 9260 §5.2.4 A): all streams start at 0. */
  | { readonly kind: 'restarted' }
  /** The last event. `failed`: too many retransmissions. `cause`: the error cause of an ABORT (RFC 9260 §3.3.10). */
  | {
      readonly kind: 'closed';
      readonly reason: 'shutdown' | 'aborted' | 'failed';
      readonly message: string;
      readonly cause?: number | undefined;
    };

export type SctpOptions = {
  /** Verification tag, first TSN, cookies, heartbeat nonces. */
  readonly random: RandomSource;
  /** Default 5000 (RFC 8841). */
  readonly localPort?: number;
  readonly remotePort?: number;
  /** Largest SCTP packet to send, in bytes, 200 … 65,000; rounded down to a multiple of 4. Default 1160: see `DEFAULT_MTU`. */
  readonly mtu?: number;
  /** Bytes left free before each SCTP packet given to `transmit`. Default 0. */
  readonly headroom?: number;
  /** Bytes left free after each SCTP packet given to `transmit`. Default 0. */
  readonly tailroom?: number;
  /** Largest message to accept, in bytes; a peer that sends more is aborted. Default 262,144. */
  readonly maxMessageSize?: number;
  /** Bytes of undelivered messages we promise to hold, announced as a_rwnd. Default 5 MiB. */
  readonly receiveBufferSize?: number;
  /** Outgoing streams to ask for, 1 … 65,535. Default 65,535. */
  readonly outboundStreams?: number;
  /** Incoming streams to allow, 1 … 65,535. Default 65,535. */
  readonly inboundStreams?: number;
  readonly timing?: SctpTiming;
  /** Packets sent at once when nothing clocks them (RFC 9260 §6.1 D, Max.Burst). Default 10. */
  readonly maxBurst?: number;
  /** Packets received per SACK while nothing is missing (RFC 9260 §6.2). Default 2. */
  readonly packetsPerSack?: number;
  /** Default: RFC 9260 §7.2, `RenoCongestionControl`. */
  readonly congestionControl?: (path: CongestionPath) => CongestionControl;
  /** Default: RFC 9260 §7.2.4, `RenoLossRecovery`. */
  readonly lossRecovery?: (context: LossRecoveryContext) => LossRecovery;
};

/** Times in ms. The defaults and their reasons stand in `timing.ts`. */
export type SctpTiming = {
  readonly rtoInitialMs?: number;
  readonly rtoMinMs?: number;
  readonly rtoMaxMs?: number;
  readonly sackDelayMs?: number;
  readonly heartbeatIntervalMs?: number;
  /** Sendings of an INIT or a COOKIE ECHO beyond the first, before the association has failed. Default `Infinity`. */
  readonly maxInitRetransmits?: number;
  /** Timeouts in a row, of data and heartbeats together, before the association has failed. Default `Infinity`. */
  readonly maxRetransmissions?: number;
};

/** Counters since the beginning, and the present state of the path. */
export type SctpStats = {
  packetsSent: number;
  packetsReceived: number;
  /** SCTP packets, without headroom and tailroom. */
  bytesSent: number;
  bytesReceived: number;
  /** DATA chunks, first transmissions only. */
  dataChunksSent: number;
  /** DATA chunks, duplicates not counted. */
  dataChunksReceived: number;
  messagesSent: number;
  messagesReceived: number;
  /** DATA chunks sent again, for whatever reason. */
  retransmissions: number;
  fastRetransmits: number;
  t3Expiries: number;
  sacksSent: number;
  sacksReceived: number;
  duplicateTsnsReceived: number;
  /** Messages given up (RFC 3758). */
  messagesAbandoned: number;
  /** Smoothed round-trip time in ms; 0 before the first measurement. */
  srttMs: number;
  rtoMs: number;
  /** Bytes. */
  cwnd: number;
  ssthresh: number;
  /** Bytes in flight. */
  flightSize: number;
  /** What the peer announced, less what is in flight. */
  peerRwnd: number;
  /** What we announce now. */
  localRwnd: number;
  /** Packets and chunks that were not taken, by reason. */
  readonly dropped: Record<DropReason, number>;
};

export type DropReason =
  /** Shorter than a header, or a chunk runs over the end. */
  | 'malformed'
  | 'checksum'
  | 'port'
  | 'verificationTag'
  /** A chunk that has no place in the present state. */
  | 'unexpected'
  | 'unknownChunk'
  /** A cookie we did not issue. */
  | 'cookie'
  /** A HEARTBEAT ACK without our nonce. */
  | 'heartbeat'
  /** A SACK older than what is known, or for TSNs never sent. */
  | 'sack'
  /** DATA while our receive buffer was full, or too far ahead. */
  | 'window'
  /** DATA for a stream that does not exist. */
  | 'stream'
  /** FORWARD TSN older than what is known, or too far ahead. */
  | 'forwardTsn'
  /** RE-CONFIG that makes no sense. */
  | 'reconfig';
