/**
 * The round trip to the peer: for a sender from LSR and DLSR of its reports (RFC 3550 §6.4.1), for a receiver from LRR and
 * DLRR of extended ones (RFC 3611 §4.5). And the other half of the latter: what we answer.
 */
import { ntpMiddle32, roundTripMs, shortNtpFromMs } from '../rtcp/ntp.ts';
import type { DlrrReport, ReportBlock } from '../rtcp/types.ts';

/** Of the average, as RFC 6298 §2 has it. */
const GAIN = 1 / 8;
/** What clocks and rounding to 1/65536 s make of a short path. */
const MIN_ROUND_TRIP_MS = 0.1;
/** A longer one is a wrong timestamp. */
const MAX_ROUND_TRIP_MS = 60_000;

export class RoundTripEstimator {
  #latestMs: number | null = null;
  #smoothedMs: number | null = null;
  #totalMs = 0;
  #measurements = 0;

  /** The last one measured; `null` before the first. */
  get latestMs(): number | null {
    return this.#latestMs;
  }

  get smoothedMs(): number | null {
    return this.#smoothedMs;
  }

  /** Sum and number of all measurements. */
  get totalMs(): number {
    return this.#totalMs;
  }

  get measurements(): number {
    return this.#measurements;
  }

  /**
   * Takes a block about a stream that we send.
   * @param ntpNow on the clock of our sender reports
   * @returns what it measured; `null`: the peer has no sender report yet, or it makes no sense
   */
  receiveReportBlock(block: ReportBlock, ntpNow: bigint): number | null {
    return this.#measure(block.lastSenderReport, block.delaySinceLastSenderReport, ntpNow);
  }

  /** Takes a sub-block of DLRR about our SSRC; `ntpNow` on the clock of our receiver reference times. */
  receiveDlrr(report: DlrrReport, ntpNow: bigint): number | null {
    return this.#measure(report.lastReceiverReport, report.delaySinceLastReceiverReport, ntpNow);
  }

  #measure(last: number, delay: number, ntpNow: bigint): number | null {
    if (last === 0) return null;
    const measured = roundTripMs(ntpMiddle32(ntpNow), last, delay);
    // A little below 0 is rounding; more is another clock.
    if (measured < -10 || measured > MAX_ROUND_TRIP_MS) return null;
    const ms = Math.max(MIN_ROUND_TRIP_MS, measured);
    this.#latestMs = ms;
    this.#smoothedMs = this.#smoothedMs === null ? ms : this.#smoothedMs + GAIN * (ms - this.#smoothedMs);
    this.#totalMs += ms;
    this.#measurements++;
    return ms;
  }
}

/**
 * Bound: a peer may send reference times from as many SSRCs as it names. Beyond, the oldest is not answered; each one
 * costs 12 bytes in our reports.
 */
export const MAX_REFERENCE_TIMES = 16;

/** Remembers the receiver reference times that came (RFC 3611 §4.4), and answers them. */
export class ReferenceTimes {
  readonly #times = new Map<number, { readonly middle32: number; readonly at: number }>();

  receive(ssrc: number, ntpTimestamp: bigint, now: number): void {
    this.#times.delete(ssrc);
    this.#times.set(ssrc, { middle32: ntpMiddle32(ntpTimestamp), at: now });
    if (this.#times.size > MAX_REFERENCE_TIMES) this.#times.delete(this.#times.keys().next().value!);
  }

  /** The sub-blocks for an extended report that is sent now, each time answered once. */
  takeDlrr(now: number): DlrrReport[] {
    const reports = [...this.#times].map(([ssrc, { middle32, at }]) => ({
      ssrc,
      lastReceiverReport: middle32,
      delaySinceLastReceiverReport: shortNtpFromMs(now - at),
    }));
    this.#times.clear();
    return reports;
  }
}
