/**
 * The graceful end of an association (RFC 9260 §9.2).
 *
 * ```
 *   established ──shutdown()──▶ shutdownPending ──all acknowledged: SHUTDOWN──▶ shutdownSent
 *        │                                                                          │ SHUTDOWN ACK: SHUTDOWN COMPLETE
 *        └──SHUTDOWN──▶ shutdownReceived ──all acknowledged: SHUTDOWN ACK──▶ shutdownAckSent ──SHUTDOWN COMPLETE──▶ closed
 * ```
 */
import { decodeShutdown, encodeShutdown, encodeShutdownAck, encodeShutdownComplete } from './packet/control-chunks.ts';
import { CAUSE, encodeCause } from './packet/error-cause.ts';
import type { Tcb } from './tcb.ts';
import { TIMER } from './timers.ts';
import { MAX_SHUTDOWN_RETRANSMISSIONS, shutdownGuardMs } from './timing.ts';

export class Shutdown {
  readonly #tcb: Tcb;

  constructor(tcb: Tcb) {
    this.#tcb = tcb;
  }

  start(): void {
    const tcb = this.#tcb;
    switch (tcb.state) {
      case 'established':
        tcb.state = 'shutdownPending';
        return;
      case 'closed':
      case 'cookieWait':
      case 'cookieEchoed':
        // Nothing was exchanged yet that could be finished in order.
        tcb.abort([], 'shut down before it was connected');
        return;
      case 'shutdownPending':
      case 'shutdownSent':
      case 'shutdownReceived': // "it MUST ignore ULP shutdown requests"
      case 'shutdownAckSent':
        return;
      default:
        tcb.state satisfies never;
    }
  }

  /** To be called at the end of each turn: takes the next step once all data is acknowledged. */
  proceed(now: number): void {
    const tcb = this.#tcb;
    if (!tcb.sender.isDone) return;
    if (tcb.state === 'shutdownPending') {
      tcb.state = 'shutdownSent';
      tcb.heartbeat.stop();
      tcb.timers.set(TIMER.t5ShutdownGuard, now + shutdownGuardMs(tcb.options.timing));
      this.#sendShutdown(now);
    } else if (tcb.state === 'shutdownReceived') {
      tcb.state = 'shutdownAckSent';
      tcb.heartbeat.stop();
      this.#sendShutdownAck(now);
    }
  }

  handleShutdown(chunk: Uint8Array, now: number): void {
    const tcb = this.#tcb;
    const cumulativeTsnAck = decodeShutdown(chunk);
    if (cumulativeTsnAck === null) {
      tcb.stats.dropped.malformed++;
      return;
    }
    switch (tcb.state) {
      case 'established':
      case 'shutdownPending':
      case 'shutdownReceived':
        if (!tcb.sender.handleCumulativeAck(cumulativeTsnAck, now)) {
          tcb.stats.dropped.sack++;
          return;
        }
        tcb.state = 'shutdownReceived';
        return;
      case 'shutdownSent':
        // Both began: "SHOULD respond immediately with a SHUTDOWN ACK chunk … and move into the SHUTDOWN-ACK-SENT state".
        tcb.state = 'shutdownAckSent';
        this.#sendShutdownAck(now);
        return;
      case 'shutdownAckSent':
        this.#sendShutdownAck(now);
        return;
      case 'closed':
      case 'cookieWait': // "If a SHUTDOWN chunk is received in the COOKIE-WAIT or COOKIE ECHOED state, [it] SHOULD be
      case 'cookieEchoed': // silently discarded."
        tcb.stats.dropped.unexpected++;
        return;
      default:
        tcb.state satisfies never;
    }
  }

  handleShutdownAck(): void {
    const tcb = this.#tcb;
    if (tcb.state !== 'shutdownSent' && tcb.state !== 'shutdownAckSent') {
      tcb.stats.dropped.unexpected++;
      return;
    }
    tcb.sendAlone(encodeShutdownComplete(), tcb.peer!.tag);
    tcb.close('shutdown', 'shut down');
  }

  handleShutdownComplete(): void {
    const tcb = this.#tcb;
    if (tcb.state !== 'shutdownAckSent') {
      tcb.stats.dropped.unexpected++;
      return;
    }
    tcb.close('shutdown', 'shut down by the peer');
  }

  /** "MUST immediately respond to each received packet containing one or more DATA chunks with a SHUTDOWN chunk". */
  handleDataPacket(now: number): void {
    if (this.#tcb.state !== 'shutdownSent') return;
    // "The reception of any packet from its peer … SHOULD clear the endpoint's retransmission count".
    this.#tcb.clearErrors();
    this.#sendShutdown(now);
  }

  /** T2-shutdown ran out. */
  handleT2(now: number): void {
    const tcb = this.#tcb;
    tcb.rto.backOff();
    const limit = Math.min(tcb.options.timing.maxRetransmissions, MAX_SHUTDOWN_RETRANSMISSIONS);
    if (!tcb.countError('shutdown', limit)) return;
    if (tcb.state === 'shutdownSent') this.#sendShutdown(now);
    else if (tcb.state === 'shutdownAckSent') this.#sendShutdownAck(now);
  }

  /** T5-shutdown-guard ran out: "the sender SHOULD abort the association by sending an ABORT chunk". */
  handleT5(): void {
    this.#tcb.abort([encodeCause(CAUSE.userInitiatedAbort)], 'the shutdown took too long');
  }

  #sendShutdown(now: number): void {
    const tcb = this.#tcb;
    tcb.sendChunk(encodeShutdown(tcb.peer!.receiver.cumulativeTsn));
    tcb.timers.set(TIMER.t2Shutdown, now + tcb.rto.ms);
  }

  #sendShutdownAck(now: number): void {
    const tcb = this.#tcb;
    tcb.sendChunk(encodeShutdownAck());
    tcb.timers.clear(TIMER.t5ShutdownGuard);
    tcb.timers.set(TIMER.t2Shutdown, now + tcb.rto.ms);
  }
}
