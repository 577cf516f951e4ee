/**
 * How much the path carries, judged by what it loses: libwebrtc's second loss-based estimator. Its model of a path has
 * two parameters: a share of packets that is lost whatever we send (inherent loss: a bad radio link), and a bandwidth
 * beyond which all is lost. A few candidates for the bandwidth are compared by how likely they make what was observed,
 * each with its most likely inherent loss, with a bias towards more bandwidth. So steady loss that does not depend on
 * our rate costs little, and a full queue costs what it must. Figures are libwebrtc's defaults.
 */
import { LossObservations } from './loss-observations.ts';
import { MIN_BITRATE } from './rate-control.ts';
import type { PacketResult } from './types.ts';

const MIN_OBSERVATIONS = 3;
const CANDIDATE_FACTORS = [1.02, 1, 0.95];
const INITIAL_INHERENT_LOSS = 0.01;
const MIN_INHERENT_LOSS = 0.001;
/** Inherent loss is at most an offset plus a balance over the bandwidth: the higher the rate, the less we believe in it. */
const MAX_INHERENT_LOSS_OFFSET = 0.05;
const MAX_INHERENT_LOSS_BALANCE = 100_000;
/** With more than 5 % lost, no more than 100 kbit/s ÷ the excess, at once. */
const INSTANT_LOSS_OFFSET = 0.05;
const INSTANT_BALANCE = 100_000;
const NEWTON_STEP = 0.75;
/** The bias towards more bandwidth, per kbit/s and per its logarithm; it turns around at 20 % loss. */
const BANDWIDTH_BIAS = 0.0002;
const LOG_BANDWIDTH_BIAS = 0.02;
const BIAS_LOSS_THRESHOLD = 0.2;
const BIAS_SMOOTHING = 0.002;
/** After a decrease: within each window of 300 ms no more than 1.3 times as much … */
const INCREASE_WINDOW_MS = 300;
const MAX_INCREASE_FACTOR = 1.3;
/** … and no more than 1.5 times what gets through; 1.2 near the rate at which losses began. */
const RAMP_UP_FACTOR = 1.5;
const RAMP_UP_FACTOR_IN_HOLD = 1.2;
const HOLD_THRESHOLD = 1.3;
/** After a decrease the rate is held; each time in a row twice as long. */
const INITIAL_HOLD_MS = 300;
const MAX_HOLD_MS = 60_000;
const HOLD_FACTOR = 2;
/** An increase is backed up by padding for so long. */
const PADDING_MS = 2000;

/** `increasing`: the rate rises, filled up with padding, so that we learn whether it holds. */
export type LossState = 'delayBased' | 'increasing' | 'decreasing';

type Channel = { bandwidth: number; inherentLoss: number };

export class LossBasedEstimator {
  readonly #observations = new LossObservations();
  #best: Channel = { bandwidth: Infinity, inherentLoss: INITIAL_INHERENT_LOSS };
  #state: LossState = 'delayBased';
  #bitrate = Infinity;
  #lossRate = 0;
  #minBitrate = MIN_BITRATE;
  #maxBitrate = Infinity;
  #throughput: number | null = null;
  #delayBased = Infinity;
  #windowBeganAtMs = -Infinity;
  #limitInWindow = Infinity;
  #hold = { untilMs: -Infinity, durationMs: INITIAL_HOLD_MS, bitrate: Infinity };
  #padding = { sinceMs: -Infinity, bitrate: 0 };

  /** Whether there is enough evidence for an estimate. */
  get isReady(): boolean {
    return Number.isFinite(this.#best.bandwidth) && this.#observations.count >= MIN_OBSERVATIONS;
  }

  get state(): LossState {
    return this.#state;
  }

  get bitrate(): number {
    return this.#bitrate;
  }

  /** 0–1, over the last seconds. */
  get lossRate(): number {
    return this.#lossRate;
  }

  setLimits(minBitrate: number, maxBitrate: number): void {
    this.#minBitrate = minBitrate;
    this.#maxBitrate = maxBitrate;
  }

  setThroughput(bitrate: number): void {
    this.#throughput = bitrate;
  }

  /** @param delayBased the limit that the delay-based estimator sets; Infinity while there is none */
  update(results: readonly PacketResult[], delayBased: number, isInAlr: boolean): void {
    this.#delayBased = delayBased;
    if (!this.#observations.add(results)) return;
    this.#lossRate = this.#observations.lossRate();
    if (!Number.isFinite(this.#best.bandwidth)) {
      if (!Number.isFinite(delayBased)) return;
      this.#best.bandwidth = delayBased;
      this.#bitrate = delayBased;
    }
    const candidate = this.#limitIncrease(this.#likeliest(isInAlr));
    const lowerBound = this.#lowerBound();
    const bounded = Math.max(lowerBound, Math.min(candidate.bandwidth, this.#upperBound(), delayBased));
    this.#best =
      bounded < candidate.bandwidth
        ? { bandwidth: bounded, inherentLoss: 0 }
        : { ...candidate, bandwidth: Math.max(candidate.bandwidth, lowerBound) };
    this.#conclude(bounded, lowerBound);
  }

  /** The candidate that explains the observations best. */
  #likeliest(isInAlr: boolean): Channel {
    let best = this.#best;
    let bestObjective = -Infinity;
    for (const bandwidth of this.#candidates(isInAlr)) {
      const candidate = { bandwidth, inherentLoss: feasible(bandwidth, this.#best.inherentLoss) };
      candidate.inherentLoss = feasible(bandwidth, this.#refine(candidate));
      const objective = this.#objective(candidate);
      if (objective > bestObjective || (objective === bestObjective && bandwidth > best.bandwidth)) {
        bestObjective = objective;
        best = candidate;
      }
    }
    return best;
  }

  #candidates(isInAlr: boolean): number[] {
    const current = this.#best.bandwidth;
    const bandwidths = CANDIDATE_FACTORS.map((factor) => factor * current);
    const isPadding = this.#padding.sinceMs + PADDING_MS >= this.#observations.endedAtMs;
    if (this.#throughput !== null && (!isInAlr || isPadding)) bandwidths.push(this.#throughput);
    if (Number.isFinite(this.#delayBased) && this.#delayBased > current) bandwidths.push(this.#delayBased);
    const isLimited = this.#state !== 'delayBased' && Number.isFinite(this.#limitInWindow);
    const upperBound = Math.max(current, isLimited ? this.#limitInWindow : this.#maxBitrate);
    return bandwidths.map((bandwidth) => Math.min(bandwidth, upperBound));
  }

  /** One step of Newton's method towards the likeliest inherent loss. */
  #refine(channel: Channel): number {
    const first = this.#observations.sum(({ bytes, lostBytes, sendingRate }) => {
      const loss = lossProbability(channel, sendingRate);
      return lostBytes / loss - (bytes - lostBytes) / (1 - loss);
    });
    const second = this.#observations.sum(({ bytes, lostBytes, sendingRate }) => {
      const loss = lossProbability(channel, sendingRate);
      return -lostBytes / loss ** 2 - (bytes - lostBytes) / (1 - loss) ** 2;
    });
    return second < 0 ? channel.inherentLoss - (NEWTON_STEP * first) / second : channel.inherentLoss;
  }

  /** The logarithm of how likely the channel makes what was observed, plus the bias. */
  #objective(channel: Channel): number {
    const kbps = channel.bandwidth / 1000;
    const distance = BIAS_LOSS_THRESHOLD - this.#lossRate;
    const preference = distance / (BIAS_SMOOTHING + Math.abs(distance));
    const bias = preference * (BANDWIDTH_BIAS * kbps + LOG_BANDWIDTH_BIAS * Math.log1p(kbps));
    return this.#observations.sum(({ bytes, lostBytes, sendingRate }) => {
      const loss = lossProbability(channel, sendingRate);
      return (lostBytes * Math.log(loss) + (bytes - lostBytes) * Math.log(1 - loss) + bias * bytes) / 1000;
    });
  }

  #limitIncrease(candidate: Channel): Channel {
    const current = this.#best.bandwidth;
    let { bandwidth } = candidate;
    // More is lost than this candidate explains.
    if (this.#lossRate > candidate.inherentLoss && bandwidth > current) bandwidth = current;
    if (this.#state === 'delayBased') return { ...candidate, bandwidth };
    const isInWindow = this.#windowBeganAtMs + INCREASE_WINDOW_MS > this.#observations.endedAtMs;
    if (isInWindow) bandwidth = Math.min(bandwidth, this.#limitInWindow);
    const isIncrease = bandwidth > current || (bandwidth === current && this.#state === 'increasing');
    if (isIncrease && this.#throughput !== null) {
      const isNearHold = this.#throughput < HOLD_THRESHOLD * this.#hold.bitrate && Number.isFinite(this.#hold.bitrate);
      const factor = isNearHold ? RAMP_UP_FACTOR_IN_HOLD : RAMP_UP_FACTOR;
      bandwidth = Math.max(current, Math.min(bandwidth, factor * this.#throughput));
      // The least increase there is, so that the state changes and padding begins.
      if (this.#state === 'decreasing' && bandwidth === current) bandwidth = current + 1;
    }
    return { ...candidate, bandwidth };
  }

  /** The new state and rate. */
  #conclude(bounded: number, lowerBound: number): void {
    const nowMs = this.#observations.endedAtMs;
    const isLossLimited = bounded < this.#delayBased && bounded < this.#maxBitrate;
    if (this.#state === 'decreasing' && this.#hold.untilMs > nowMs && bounded < this.#delayBased) {
      this.#hold.bitrate = Math.max(lowerBound, this.#hold.bitrate);
      this.#bitrate = Math.min(this.#hold.bitrate, bounded);
      return;
    }
    if (isLossLimited && this.#isIncrease(bounded) && this.#mayKeepIncreasing(bounded)) {
      if (bounded > this.#padding.bitrate) this.#padding = { sinceMs: nowMs, bitrate: bounded };
      this.#state = 'increasing';
    } else if (isLossLimited) {
      if (this.#state !== 'decreasing') {
        const { durationMs } = this.#hold;
        const next = Math.min(MAX_HOLD_MS, durationMs * HOLD_FACTOR);
        this.#hold = { untilMs: nowMs + durationMs, durationMs: next, bitrate: bounded };
      }
      this.#padding = { sinceMs: -Infinity, bitrate: 0 };
      this.#state = 'decreasing';
    } else {
      this.#hold = { untilMs: -Infinity, durationMs: INITIAL_HOLD_MS, bitrate: Infinity };
      this.#padding = { sinceMs: -Infinity, bitrate: 0 };
      this.#state = 'delayBased';
    }
    this.#bitrate = bounded;
    if (this.#state !== 'delayBased' && this.#windowBeganAtMs + INCREASE_WINDOW_MS < nowMs) {
      this.#limitInWindow = Math.max(MIN_BITRATE, this.#best.bandwidth * MAX_INCREASE_FACTOR);
      this.#windowBeganAtMs = nowMs;
    }
  }

  #isIncrease(bitrate: number): boolean {
    if (this.#state === 'delayBased') return false;
    return bitrate > this.#bitrate || (bitrate === this.#bitrate && this.#state === 'increasing');
  }

  #mayKeepIncreasing(bitrate: number): boolean {
    if (this.#state !== 'increasing') return true;
    return this.#padding.sinceMs + PADDING_MS >= this.#observations.endedAtMs || this.#padding.bitrate < bitrate;
  }

  /** What gets through gets through. */
  #lowerBound(): number {
    return Math.max(this.#throughput ?? 0, this.#minBitrate);
  }

  #upperBound(): number {
    const excess = this.#lossRate - INSTANT_LOSS_OFFSET;
    return excess > 0 ? INSTANT_BALANCE / excess : this.#maxBitrate;
  }
}

/** How likely the channel loses a byte that is sent at this rate. */
function lossProbability({ bandwidth, inherentLoss }: Channel, sendingRate: number): number {
  let loss = inherentLoss;
  if (sendingRate > bandwidth) loss += ((1 - inherentLoss) * (sendingRate - bandwidth)) / sendingRate;
  return Math.min(Math.max(loss, 1e-6), 1 - 1e-6);
}

function feasible(bandwidth: number, inherentLoss: number): number {
  const upperBound = Math.min(1, MAX_INHERENT_LOSS_OFFSET + MAX_INHERENT_LOSS_BALANCE / Math.max(bandwidth, 1));
  return Math.min(Math.max(inherentLoss, MIN_INHERENT_LOSS), upperBound);
}
