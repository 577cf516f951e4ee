/**
 * One rate out of all that limits it: what the delay says, what losses say (from transport feedback, or else from
 * receiver reports), what the receiver says (REMB), a round trip that has become far too long, and what the application
 * allows. Figures are libwebrtc's.
 */
import { LossBasedEstimator, type LossState } from './loss-based-estimator.ts';
import { MIN_BITRATE } from './rate-control.ts';
import type { PacketResult } from './types.ts';

/** So long after the first report the receiver's and the delay's word is taken for an increase, if nothing is lost. */
const START_PHASE_MS = 2000;
/** Receiver reports only (draft-ietf-rmcat-gcc-02 §6): below 2 % loss the rate grows by 8 % a second, above 10 % it falls. */
const LOW_LOSS = 0.02;
const HIGH_LOSS = 0.1;
const INCREASE_FACTOR = 1.08;
const INCREASE_OFFSET = 1000;
const INCREASE_INTERVAL_MS = 1000;
const DECREASE_INTERVAL_MS = 300;
/** Fewer packets than this say nothing about loss; reports are added up. */
const MIN_PACKETS_PER_REPORT = 20;
/** Older reports say nothing about now. */
const MAX_REPORT_AGE_MS = 6000;
/** A round trip beyond this: feedback is not coming through, or a queue of seconds. Back off until it does. */
const MAX_ROUND_TRIP_MS = 3000;
const ROUND_TRIP_BACKOFF = 0.8;
const ROUND_TRIP_BACKOFF_INTERVAL_MS = 1000;

/** The rate at a time; kept so that the smallest of the last second is at hand. */
type Past = { readonly atMs: number; readonly bitrate: number };

export class BandwidthEstimate {
  #lossBased = new LossBasedEstimator();
  #minBitrate = MIN_BITRATE;
  #maxBitrate = Infinity;
  #bitrate = 0;
  #delayLimit = Infinity;
  #remoteLimit = Infinity;
  /** Ascending in both; a minimum over a sliding window, so of bounded length: one entry per call within a second. */
  #past: Past[] = [];
  #firstReportAtMs = -Infinity;
  #reportAtMs = -Infinity;
  #reportedLost = 0;
  #reportedExpected = 0;
  #reportedLossRate = 0;
  #hasDecreasedSinceReport = false;
  #decreasedAtMs = -Infinity;
  #roundTripTimeMs = 0;
  #propagationRttMs = 0;
  #feedbackAtMs = Infinity;
  #sentAtMs = -Infinity;

  get bitrate(): number {
    return Math.max(this.#minBitrate, Math.min(this.#bitrate, this.#remoteLimit));
  }

  get lossState(): LossState {
    return this.#lossBased.isReady ? this.#lossBased.state : 'delayBased';
  }

  get lossRate(): number {
    return this.#lossBased.isReady ? this.#lossBased.lossRate : this.#reportedLossRate;
  }

  get roundTripTimeMs(): number {
    return this.#roundTripTimeMs;
  }

  /** Feedback has been missing for so long, or takes so long, that we back off. */
  get isRoundTripTooLong(): boolean {
    return Math.max(this.#sentAtMs - this.#feedbackAtMs, 0) + this.#propagationRttMs > MAX_ROUND_TRIP_MS;
  }

  setLimits(minBitrate: number, maxBitrate: number): void {
    this.#minBitrate = Math.max(minBitrate, MIN_BITRATE);
    this.#maxBitrate = Math.max(this.#minBitrate, maxBitrate);
    this.#lossBased.setLimits(this.#minBitrate, this.#maxBitrate);
    this.#set(this.#bitrate);
  }

  /** The rate is this now, whatever it was. */
  setBitrate(bitrate: number): void {
    this.#delayLimit = Infinity;
    this.#set(bitrate);
    this.#past = [];
  }

  setRemoteLimit(bitrate: number): void {
    this.#remoteLimit = bitrate > 0 ? bitrate : Infinity;
    this.#set(this.#bitrate);
  }

  setDelayLimit(bitrate: number): void {
    this.#delayLimit = bitrate;
    this.#set(this.#bitrate);
  }

  setThroughput(bitrate: number): void {
    this.#lossBased.setThroughput(bitrate);
  }

  setRoundTripTime(roundTripTimeMs: number): void {
    if (roundTripTimeMs > 0) this.#roundTripTimeMs = roundTripTimeMs;
  }

  /** A packet that feedback is expected for. */
  onPacketSent(nowMs: number): void {
    this.#sentAtMs = nowMs;
    if (this.#feedbackAtMs === Infinity) this.#feedbackAtMs = nowMs;
  }

  /** @param propagationRttMs the shortest way there and back that the feedback shows, without the wait for the report */
  onFeedback(propagationRttMs: number, nowMs: number): void {
    this.#feedbackAtMs = nowMs;
    this.#propagationRttMs = propagationRttMs;
  }

  updateLossBased(results: readonly PacketResult[], isInAlr: boolean, nowMs: number): void {
    this.#lossBased.update(results, this.#delayLimit, isInAlr);
    this.update(nowMs);
  }

  /** What receiver reports say since the last ones. */
  onLossReport(lost: number, expected: number, nowMs: number): void {
    if (this.#firstReportAtMs === -Infinity) this.#firstReportAtMs = nowMs;
    if (expected <= 0) return;
    this.#reportedLost += lost;
    this.#reportedExpected += expected;
    if (this.#reportedExpected < MIN_PACKETS_PER_REPORT) return;
    this.#reportedLossRate = Math.min(Math.max(this.#reportedLost / this.#reportedExpected, 0), 1);
    this.#reportedLost = 0;
    this.#reportedExpected = 0;
    this.#hasDecreasedSinceReport = false;
    this.#reportAtMs = nowMs;
    this.update(nowMs);
  }

  /** Also to be called regularly: rates rise with time. */
  update(nowMs: number): void {
    if (this.isRoundTripTooLong) {
      this.#backOff(nowMs);
      return;
    }
    if (this.#startFast(nowMs)) return;
    this.#remember(nowMs);
    if (this.#lossBased.isReady) this.#followLosses();
    else if (nowMs - this.#reportAtMs < MAX_REPORT_AGE_MS) this.#followReports(nowMs);
    else this.#set(this.#bitrate);
  }

  /** The path is new. Limits stay. */
  reset(): void {
    this.#lossBased = new LossBasedEstimator();
    this.#lossBased.setLimits(this.#minBitrate, this.#maxBitrate);
    this.#delayLimit = Infinity;
    this.#remoteLimit = Infinity;
    this.#past = [];
    this.#firstReportAtMs = -Infinity;
    this.#reportAtMs = -Infinity;
    this.#reportedLost = 0;
    this.#reportedExpected = 0;
    this.#reportedLossRate = 0;
    this.#hasDecreasedSinceReport = false;
    this.#decreasedAtMs = -Infinity;
    this.#roundTripTimeMs = 0;
    this.#propagationRttMs = 0;
    this.#feedbackAtMs = Infinity;
  }

  #backOff(nowMs: number): void {
    if (nowMs - this.#decreasedAtMs < ROUND_TRIP_BACKOFF_INTERVAL_MS) return;
    this.#decreasedAtMs = nowMs;
    this.#set(this.#bitrate * ROUND_TRIP_BACKOFF);
  }

  /** Nothing lost yet, and not enough evidence either: probes and the receiver may raise the rate at once. */
  #startFast(nowMs: number): boolean {
    const isStart = this.#firstReportAtMs === -Infinity || nowMs - this.#firstReportAtMs < START_PHASE_MS;
    if (!isStart || this.#reportedLossRate > 0 || this.#lossBased.isReady) return false;
    let bitrate = this.#bitrate;
    if (Number.isFinite(this.#remoteLimit)) bitrate = Math.max(bitrate, this.#remoteLimit);
    if (Number.isFinite(this.#delayLimit)) bitrate = Math.max(bitrate, this.#delayLimit);
    if (bitrate === this.#bitrate) return false;
    this.#past = [{ atMs: nowMs, bitrate: this.#bitrate }];
    this.#set(bitrate);
    return true;
  }

  #followLosses(): void {
    // Where losses do not limit, a new word of the delay-based estimator, or of a probe, counts at once.
    const isFree = this.#lossBased.state === 'delayBased' && Number.isFinite(this.#delayLimit);
    this.#set(isFree ? this.#delayLimit : this.#lossBased.bitrate);
  }

  #followReports(nowMs: number): void {
    const loss = this.#reportedLossRate;
    if (loss <= LOW_LOSS) {
      // From the smallest rate of the last second, so that a report after a pause raises it as much as ten in a row.
      this.#set(this.#past[0]!.bitrate * INCREASE_FACTOR + INCREASE_OFFSET);
    } else if (loss > HIGH_LOSS && !this.#hasDecreasedSinceReport) {
      if (nowMs - this.#decreasedAtMs < DECREASE_INTERVAL_MS + this.#roundTripTimeMs) return;
      this.#decreasedAtMs = nowMs;
      this.#hasDecreasedSinceReport = true;
      this.#set(this.#bitrate * (1 - 0.5 * loss));
    }
  }

  #remember(nowMs: number): void {
    const past = this.#past;
    while (past.length > 0 && nowMs - past[0]!.atMs + 1 > INCREASE_INTERVAL_MS) past.shift();
    while (past.length > 0 && past.at(-1)!.bitrate >= this.#bitrate) past.pop();
    past.push({ atMs: nowMs, bitrate: this.#bitrate });
  }

  #set(bitrate: number): void {
    this.#bitrate = Math.max(this.#minBitrate, Math.min(bitrate, this.#delayLimit, this.#maxBitrate));
  }
}
