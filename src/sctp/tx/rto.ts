/** The round trip as it is measured, and the retransmission timeout that follows from it (RFC 9260 §6.3.1). */
import { serial32Less } from '../../binary/serial.ts';
import type { ResolvedTiming } from '../timing.ts';
import type { OutstandingData } from './outstanding-data.ts';

const RTO_ALPHA = 1 / 8; // RFC 9260 §16
const RTO_BETA = 1 / 4; // RFC 9260 §16

/**
 * Least that is added to the smoothed round trip, in ms. A peer may hold back a SACK for 200 ms (RFC 9260 §6.2), and
 * a measurement that never met that says nothing of it. Browsers add the same 220.
 */
const MIN_RTT_VARIANCE_MS = 220;

export class RetransmissionTimeout {
  readonly #timing: ResolvedTiming;
  #srttMs = 0;
  #rttvarMs = 0;
  #rtoMs: number;
  /** Rule C4: one chunk per round trip is timed. */
  #isTiming = false;
  #timedTsn = 0;
  #timedSince = 0;

  constructor(timing: ResolvedTiming) {
    this.#timing = timing;
    this.#rtoMs = timing.rtoInitialMs;
  }

  /** The timeout in ms, with every doubling since the last measurement. */
  get ms(): number {
    return this.#rtoMs;
  }

  /** Smoothed round-trip time in ms; 0 before the first measurement. */
  get srttMs(): number {
    return this.#srttMs;
  }

  /** A chunk was sent for the first time. */
  sent(tsn: number, now: number): void {
    if (this.#isTiming) return;
    this.#isTiming = true;
    this.#timedTsn = tsn;
    this.#timedSince = now;
  }

  /**
   * Rule C5, Karn's algorithm: nothing at or below the TSN that is timed may have been retransmitted, or given up, which
   * makes the peer acknowledge what never arrived.
   */
  disturbed(tsn: number): void {
    if (!serial32Less(this.#timedTsn, tsn)) this.#isTiming = false;
  }

  /** A SACK was taken in. Returns the round trip it measured, in ms; 0 if none. */
  acknowledged(outstanding: OutstandingData, now: number): number {
    if (!this.#isTiming || !outstanding.isAcknowledged(this.#timedTsn)) return 0;
    this.#isTiming = false;
    return this.measured(now - this.#timedSince);
  }

  /** A round trip was measured (rules C2, C3, C6); this ends the back-off. Returns it, never 0. */
  measured(rttMs: number): number {
    // G1: "adjust RTTVAR = G". A microsecond keeps a round trip within one reading of the clock apart from "none".
    const rtt = Math.max(rttMs, 0.001);
    if (this.#srttMs === 0) {
      this.#srttMs = rtt;
      this.#rttvarMs = rtt / 2;
    } else {
      this.#rttvarMs = (1 - RTO_BETA) * this.#rttvarMs + RTO_BETA * Math.abs(this.#srttMs - rtt);
      this.#srttMs = (1 - RTO_ALPHA) * this.#srttMs + RTO_ALPHA * rtt;
    }
    const rto = this.#srttMs + Math.max(4 * this.#rttvarMs, MIN_RTT_VARIANCE_MS);
    this.#rtoMs = Math.min(Math.max(rto, this.#timing.rtoMinMs), this.#timing.rtoMaxMs);
    return rtt;
  }

  /** The path is another one: nothing is known of it (rule C1). */
  reset(): void {
    this.#srttMs = 0;
    this.#rttvarMs = 0;
    this.#rtoMs = this.#timing.rtoInitialMs;
    this.#isTiming = false;
  }

  /** Rule E2: the timeout doubles, up to its maximum (rule C7). */
  backOff(): void {
    this.#rtoMs = Math.min(2 * this.#rtoMs, this.#timing.rtoMaxMs);
  }
}
