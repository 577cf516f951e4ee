/**
 * What was lost of what was sent, in slices of a quarter of a second or more: the evidence that the loss-based estimator
 * weighs. Figures are libwebrtc's.
 */
import type { PacketResult } from './types.ts';

/** Bound on the window. */
const MAX_OBSERVATIONS = 15;
const MIN_DURATION_MS = 250;
/** Each observation counts for so much of the one after it. */
const AGE_WEIGHT = 0.9;
/** Sending at more than so many times the median: a loss then is the burst's own doing, not an outlier. */
const BURST_FACTOR = 2;

export type LossObservation = {
  readonly bytes: number;
  readonly lostBytes: number;
  readonly sendingRate: number;
};

export class LossObservations {
  /** The newest first. */
  readonly #observations: LossObservation[] = [];
  #count = 0;
  #bytes = 0;
  readonly #lost = new Map<number, number>(); // bytes by sequence number; of one slice only
  #endedAtMs = -Infinity;

  /** How many there have been. */
  get count(): number {
    return this.#count;
  }

  /** When the last packet of the newest one was sent. */
  get endedAtMs(): number {
    return this.#endedAtMs;
  }

  /** Adds feedback; whether that completed an observation. */
  add(results: readonly PacketResult[]): boolean {
    let firstSentAtMs = Infinity;
    let lastSentAtMs = -Infinity;
    for (const { sequenceNumber, receivedAtMs, sizeBytes, sentAtMs, wasReportedLost } of results) {
      if (!wasReportedLost) this.#bytes += sizeBytes;
      if (receivedAtMs === null) this.#lost.set(sequenceNumber, sizeBytes);
      else this.#lost.delete(sequenceNumber);
      firstSentAtMs = Math.min(firstSentAtMs, sentAtMs);
      lastSentAtMs = Math.max(lastSentAtMs, sentAtMs);
    }
    if (this.#endedAtMs === -Infinity) this.#endedAtMs = firstSentAtMs;
    const durationMs = lastSentAtMs - this.#endedAtMs;
    if (durationMs < MIN_DURATION_MS) return false;
    let lostBytes = 0;
    for (const bytes of this.#lost.values()) lostBytes += bytes;
    this.#observations.unshift({
      bytes: this.#bytes,
      lostBytes: Math.min(lostBytes, this.#bytes),
      sendingRate: (this.#bytes * 8000) / durationMs,
    });
    if (this.#observations.length > MAX_OBSERVATIONS) this.#observations.pop();
    this.#count++;
    this.#bytes = 0;
    this.#lost.clear();
    this.#endedAtMs = lastSentAtMs;
    return true;
  }

  /** Sums `value` over the window, recent observations counting for more. */
  sum(value: (observation: LossObservation) => number): number {
    let sum = 0;
    let weight = 1;
    for (const observation of this.#observations) {
      sum += weight * value(observation);
      weight *= AGE_WEIGHT;
    }
    return sum;
  }

  /** Share of bytes lost, 0–1, without the best and the worst observation: one spike is no state of the path. */
  lossRate(): number {
    const total = { bytes: 0, lost: 0 };
    const best = { rate: 1, bytes: 0, lost: 0, sendingRate: 0 };
    const worst = { rate: 0, bytes: 0, lost: 0, sendingRate: 0 };
    let weight = 1;
    for (const { bytes, lostBytes, sendingRate } of this.#observations) {
      const rate = bytes === 0 ? 0 : lostBytes / bytes;
      const weighted = { rate, bytes: weight * bytes, lost: weight * lostBytes, sendingRate };
      total.bytes += weighted.bytes;
      total.lost += weighted.lost;
      if (this.#count > 3 && rate > worst.rate) Object.assign(worst, weighted);
      if (this.#count > 3 && rate < best.rate) Object.assign(best, weighted);
      weight *= AGE_WEIGHT;
    }
    if (total.bytes === 0) return 0;
    const bytes = total.bytes - best.bytes - worst.bytes;
    const isBurst = this.#medianSendingRate() * BURST_FACTOR <= worst.sendingRate;
    if (isBurst || bytes <= 0) return total.lost / total.bytes;
    return Math.min(Math.max((total.lost - best.lost - worst.lost) / bytes, 0), 1);
  }

  #medianSendingRate(): number {
    const rates = this.#observations.map(({ sendingRate }) => sendingRate).filter((rate) => rate > 0);
    rates.sort((a, b) => a - b);
    const middle = rates.length >> 1;
    if (rates.length === 0) return 0;
    return rates.length % 2 === 1 ? rates[middle]! : (rates[middle - 1]! + rates[middle]!) / 2;
  }
}
