/** One SCTP association over DTLS (RFC 9260, 3758, 6525, 8261): packets and time in, packets and events out. */
import type { Machine, Sink } from '../machine.ts';
import type { SctpEvent, SctpOptions, SctpState, SctpStats, SendOptions } from './types.ts';

/**
 * Both sides call `connect`. `send` only queues: `flush` (or `handleTimeout`, which is due at once) transmits, so that
 * whatever is sent in one turn of the caller shares packets. The driver calls it once, at the end of its turn.
 */
export class SctpAssociation implements Machine {
  constructor(_options: SctpOptions, _sink: Sink<SctpEvent>) {
    throw new Error('not built yet');
  }

  get state(): SctpState {
    return 'closed';
  }

  /** Streams we may send on: 0 … maxOutboundStreams - 1. Known once established; 0 before. */
  get maxOutboundStreams(): number {
    return 0;
  }

  /** Streams the peer may send on. Known once established; 0 before. */
  get maxInboundStreams(): number {
    return 0;
  }

  /** A snapshot; cheap enough for every `getStats`. */
  get stats(): SctpStats {
    throw new Error('not built yet');
  }

  /** When `handleTimeout` is due; not later than the last `send` while its message waits for `flush`. */
  get nextTimeout(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Begins the handshake. Does nothing when the peer's INIT came first. */
  connect(_now: number): void {}

  handlePacket(_packet: Uint8Array, _now: number): void {}

  handleTimeout(_now: number): void {}

  /** Transmits what the windows allow now. What is left goes as acknowledgements and timers permit. */
  flush(_now: number): void {}

  /**
   * Queues one message, in constant time. Takes ownership of `data`. May be called before the association is connected.
   * @throws RangeError for empty data, a stream or option out of range; Error when shutting down or closed
   */
  send(_streamId: number, _ppid: number, _data: Uint8Array, _options: SendOptions, _now: number): void {}

  /** Bytes given to `send` on this stream and not yet handed to the network for the first time. */
  bufferedAmount(_streamId: number): number {
    return 0;
  }

  /**
   * Resets our outgoing side of these streams (RFC 6525) after all messages already queued on them were sent. Messages
   * given to `send` later wait until it is done.
   */
  resetStreams(_streamIds: readonly number[], _now: number): void {}

  /** Closes after everything queued is acknowledged (RFC 9260 §9.2). */
  shutdown(_now: number): void {}

  /** Closes at once with an ABORT (RFC 9260 §9.1); what is queued is lost. */
  abort(_now: number, _message?: string): void {}
}
