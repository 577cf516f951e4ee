/**
 * Does the path's queue grow? A straight line through the delays of the last groups tells, against a threshold that
 * adapts, so that flows that fill queues do not starve ours (draft-ietf-rmcat-gcc-02 §5.3, §5.4; Carlucci et al.,
 * "Analysis and Design of the Google Congestion Control for WebRTC", 2016). Figures are libwebrtc's.
 */
import type { GroupDelta } from './inter-arrival.ts';
import type { BandwidthUsage } from './types.ts';

/** Groups that the line is laid through. */
const WINDOW = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
/** The slope counts for more the more groups there were, up to so many. */
const MAX_WEIGHT = 60;
const INITIAL_THRESHOLD_MS = 12.5;
const MIN_THRESHOLD_MS = 6;
const MAX_THRESHOLD_MS = 600;
/** Per ms: up slowly, down faster. */
const THRESHOLD_GAIN_UP = 0.0087;
const THRESHOLD_GAIN_DOWN = 0.039;
/** A trend so far beyond the threshold is a spike, which it does not adapt to. */
const MAX_ADAPTED_DISTANCE_MS = 15;
const MAX_ADAPTATION_STEP_MS = 100;
/** The trend must have been over the threshold for longer than this. */
const OVERUSE_TIME_MS = 10;

export class TrendlineEstimator {
  /** Arrival times and smoothed delays of the last groups, as a ring. */
  readonly #x = new Float64Array(WINDOW);
  readonly #y = new Float64Array(WINDOW);
  #groups = 0;
  #firstArrivedAtMs = 0;
  #accumulatedDelayMs = 0;
  #smoothedDelayMs = 0;
  #slope = 0;
  #thresholdMs = INITIAL_THRESHOLD_MS;
  #adaptedAtMs = -1;
  /** How long the trend has been over the threshold; -1: it is not. */
  #overThresholdMs = -1;
  #timesOverThreshold = 0;
  #usage: BandwidthUsage = 'normal';

  get usage(): BandwidthUsage {
    return this.#usage;
  }

  /** @param arrivedAtMs when the group's last packet arrived */
  update(delta: GroupDelta, arrivedAtMs: number): void {
    if (this.#groups === 0) this.#firstArrivedAtMs = arrivedAtMs;
    this.#accumulatedDelayMs += delta.arrivalDeltaMs - delta.sendDeltaMs;
    this.#smoothedDelayMs = SMOOTHING * this.#smoothedDelayMs + (1 - SMOOTHING) * this.#accumulatedDelayMs;
    this.#x[this.#groups % WINDOW] = arrivedAtMs - this.#firstArrivedAtMs;
    this.#y[this.#groups % WINDOW] = this.#smoothedDelayMs;
    this.#groups++;
    const slope = this.#groups >= WINDOW ? (this.#fit() ?? this.#slope) : this.#slope;
    this.#detect(slope, delta.sendDeltaMs, arrivedAtMs);
  }

  /** The slope of the line with the least squares: ms of delay per ms. `null` when all groups arrived at once. */
  #fit(): number | null {
    let sumX = 0;
    let sumY = 0;
    for (let i = 0; i < WINDOW; i++) {
      sumX += this.#x[i]!;
      sumY += this.#y[i]!;
    }
    const meanX = sumX / WINDOW;
    const meanY = sumY / WINDOW;
    let numerator = 0;
    let denominator = 0;
    for (let i = 0; i < WINDOW; i++) {
      const x = this.#x[i]! - meanX;
      numerator += x * (this.#y[i]! - meanY);
      denominator += x * x;
    }
    return denominator === 0 ? null : numerator / denominator;
  }

  #detect(slope: number, sendDeltaMs: number, nowMs: number): void {
    if (this.#groups < 2) return;
    const trendMs = Math.min(this.#groups, MAX_WEIGHT) * slope * GAIN;
    if (trendMs > this.#thresholdMs) {
      this.#overThresholdMs = this.#overThresholdMs < 0 ? sendDeltaMs / 2 : this.#overThresholdMs + sendDeltaMs;
      this.#timesOverThreshold++;
      // More than once, long enough, and not about to get better by itself.
      if (this.#overThresholdMs > OVERUSE_TIME_MS && this.#timesOverThreshold > 1 && slope >= this.#slope) {
        this.#overThresholdMs = 0;
        this.#timesOverThreshold = 0;
        this.#usage = 'overusing';
      }
    } else {
      this.#overThresholdMs = -1;
      this.#timesOverThreshold = 0;
      this.#usage = trendMs < -this.#thresholdMs ? 'underusing' : 'normal';
    }
    this.#slope = slope;
    this.#adapt(Math.abs(trendMs), nowMs);
  }

  #adapt(distanceMs: number, nowMs: number): void {
    const elapsedMs =
      this.#adaptedAtMs < 0 ? 0 : Math.min(Math.max(nowMs - this.#adaptedAtMs, 0), MAX_ADAPTATION_STEP_MS);
    this.#adaptedAtMs = nowMs;
    if (distanceMs > this.#thresholdMs + MAX_ADAPTED_DISTANCE_MS) return;
    const gain = distanceMs < this.#thresholdMs ? THRESHOLD_GAIN_DOWN : THRESHOLD_GAIN_UP;
    const thresholdMs = this.#thresholdMs + gain * (distanceMs - this.#thresholdMs) * elapsedMs;
    this.#thresholdMs = Math.min(Math.max(thresholdMs, MIN_THRESHOLD_MS), MAX_THRESHOLD_MS);
  }
}
