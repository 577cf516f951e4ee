/** HEARTBEAT on an idle path (RFC 9260 §8.3). */
import { equalBytes } from '../binary/bytes.ts';
import { type RandomSource, randomBetween, randomBytes } from '../machine.ts';
import { decodeHeartbeatInfo, encodeHeartbeat } from './packet/control-chunks.ts';
import { TIMER, type Timers } from './timers.ts';
import type { RetransmissionTimeout } from './tx/rto.ts';

/** RFC 9260 §3.3.5: "a random nonce of length 64 bits or longer". The time of sending stays with us. */
const NONCE_BYTES = 8;

export type HeartbeatOptions = {
  readonly random: RandomSource;
  readonly rto: RetransmissionTimeout;
  readonly timers: Timers;
  readonly intervalMs: number;
  readonly sendChunk: (chunk: Uint8Array) => void;
};

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** The one that is unanswered. */
  #outstanding: { readonly nonce: Uint8Array; readonly sentAt: number } | null = null;
  /** The timer runs for it: without an answer it counts against the peer. */
  #isTimed = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(now: number): void {
    this.#outstanding = null;
    this.#schedule(now);
  }

  stop(): void {
    this.#outstanding = null;
    this.#options.timers.clear(TIMER.heartbeat);
  }

  /**
   * T3-rtx ran out, and a HEARTBEAT goes with what is retransmitted. Its answer is the one round trip that can be
   * measured then (§6.3.3: "or for a measurement made from a HEARTBEAT chunk"), and ends the back-off: on a path that
   * loses every fifth packet, timeouts would otherwise grow to seconds and stay there. Its loss is not counted.
   */
  probe(now: number): void {
    if (this.#outstanding !== null && this.#isTimed) return;
    this.#isTimed = false;
    this.#send(now);
  }

  /** @returns true when a HEARTBEAT went unanswered: to be counted against the peer */
  handleTimeout(now: number, lastDataAt: number): boolean {
    const { rto, timers, intervalMs } = this.#options;
    if (this.#outstanding !== null && this.#isTimed) {
      this.#outstanding = null;
      rto.backOff();
      this.#schedule(now);
      return true;
    }
    // "Idle": no chunk that measures the round trip was sent within the period.
    if (now - lastDataAt < intervalMs) {
      this.#schedule(lastDataAt);
      return false;
    }
    this.#isTimed = true;
    this.#send(now);
    timers.set(TIMER.heartbeat, now + rto.ms);
    return false;
  }

  /** A whole HEARTBEAT ACK chunk. False when it does not answer the HEARTBEAT that is out: it then means nothing. */
  handleAck(chunk: Uint8Array, now: number): boolean {
    const info = decodeHeartbeatInfo(chunk);
    if (this.#outstanding === null || info === null || !equalBytes(info, this.#outstanding.nonce)) return false;
    this.#options.rto.measured(now - this.#outstanding.sentAt);
    this.#outstanding = null;
    this.#schedule(now);
    return true;
  }

  #send(now: number): void {
    const nonce = randomBytes(this.#options.random, NONCE_BYTES);
    this.#outstanding = { nonce, sentAt: now };
    this.#options.sendChunk(encodeHeartbeat(nonce));
  }

  /** "Once per RTO … plus the protocol parameter 'HB.interval', with jittering of +/- 50% of the RTO value." */
  #schedule(since: number): void {
    const { random, rto, timers, intervalMs } = this.#options;
    timers.set(TIMER.heartbeat, since + intervalMs + rto.ms * randomBetween(random, 0.5, 1.5));
  }
}
