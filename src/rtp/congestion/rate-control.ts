/**
 * From "the queue grows", "shrinks", "is stable" to a rate: additive or multiplicative increase, multiplicative decrease
 * (draft-ietf-rmcat-gcc-02 §5.5). Figures are libwebrtc's.
 */
import { LinkCapacity } from './link-capacity.ts';
import type { BandwidthUsage } from './types.ts';

/** libwebrtc's smallest rate for a congestion controller. */
export const MIN_BITRATE = 5_000;
const INITIAL_BITRATE = 30_000_000;
const BACKOFF_FACTOR = 0.85;
const INITIAL_RTT_MS = 200;
/** Without a start rate, throughput is watched for so long first. */
const INITIALIZATION_MS = 5000;
/** The rate is not raised above 1.5 × what arrives, plus a little. */
const INCREASE_LIMIT_FACTOR = 1.5;
const INCREASE_LIMIT_OFFSET = 10_000;
const INCREASE_PER_SECOND = 1.08;
const MIN_INCREASE = 1_000;
/** Near the capacity: about one packet per response time. */
const PACKET_BITS = 1200 * 8;
const FRAMES_PER_SECOND = 30;
const DETECTION_TIME_MS = 100;
const MIN_ADDITIVE_INCREASE_PER_SECOND = 4_000;

/** `hold`: after a decrease, or while the queue empties. */
type State = 'hold' | 'increase' | 'decrease';

export class RateControl {
  readonly #capacity = new LinkCapacity();
  #state: State = 'hold';
  #minBitrate = MIN_BITRATE;
  #bitrate = INITIAL_BITRATE;
  #throughput = INITIAL_BITRATE;
  #isInitialized = false;
  #firstThroughputAtMs = -Infinity;
  #changedAtMs = -Infinity;
  #rttMs = INITIAL_RTT_MS;

  /** Bits per second; of no meaning until `isInitialized`. */
  get bitrate(): number {
    return this.#bitrate;
  }

  get isInitialized(): boolean {
    return this.#isInitialized;
  }

  setStartBitrate(bitrate: number): void {
    this.#bitrate = bitrate;
    this.#throughput = bitrate;
    this.#isInitialized = true;
  }

  setMinBitrate(bitrate: number): void {
    this.#minBitrate = bitrate;
    this.#bitrate = Math.max(this.#bitrate, bitrate);
  }

  setRoundTripTime(rttMs: number): void {
    this.#rttMs = rttMs;
  }

  /** A probe has measured it. */
  setEstimate(bitrate: number, nowMs: number): void {
    this.#isInitialized = true;
    this.#bitrate = Math.max(bitrate, this.#minBitrate);
    this.#changedAtMs = nowMs;
  }

  /** Whether the last decrease has had the time to work; or was much too small. */
  isTimeToReduce(throughput: number, nowMs: number): boolean {
    if (nowMs - this.#changedAtMs >= Math.min(Math.max(this.#rttMs, 10), 200)) return true;
    return this.#isInitialized && throughput < 0.5 * this.#bitrate;
  }

  /** @param throughput what arrives, in bits per second; `null` when not known */
  update(usage: BandwidthUsage, throughput: number | null, nowMs: number): void {
    if (!this.#isInitialized && throughput !== null) {
      if (this.#firstThroughputAtMs === -Infinity) this.#firstThroughputAtMs = nowMs;
      else if (nowMs - this.#firstThroughputAtMs > INITIALIZATION_MS) {
        this.#bitrate = throughput;
        this.#isInitialized = true;
      }
    }
    if (throughput !== null) this.#throughput = throughput;
    // Overuse always counts: acting on it gives the first estimate.
    if (!this.#isInitialized && usage !== 'overusing') return;
    this.#changeState(usage, nowMs);
    if (this.#state === 'increase') this.#increase(nowMs);
    else if (this.#state === 'decrease') this.#decrease(nowMs);
    this.#bitrate = Math.max(this.#bitrate, this.#minBitrate);
  }

  #changeState(usage: BandwidthUsage, nowMs: number): void {
    switch (usage) {
      case 'normal':
        if (this.#state === 'hold') {
          this.#changedAtMs = nowMs;
          this.#state = 'increase';
        }
        return;
      case 'overusing':
        this.#state = 'decrease';
        return;
      case 'underusing':
        this.#state = 'hold'; // the queue empties: let it
        return;
      default:
        usage satisfies never;
    }
  }

  #increase(nowMs: number): void {
    if (this.#throughput > this.#capacity.upperBound) this.#capacity.reset();
    const limit = INCREASE_LIMIT_FACTOR * this.#throughput + INCREASE_LIMIT_OFFSET;
    if (this.#bitrate < limit) {
      const seconds = Math.max(nowMs - this.#changedAtMs, 0) / 1000;
      const increase =
        this.#capacity.estimate === null
          ? Math.max(this.#bitrate * (INCREASE_PER_SECOND ** Math.min(seconds, 1) - 1), MIN_INCREASE)
          : this.#additiveIncreasePerSecond() * seconds;
      this.#bitrate = Math.min(this.#bitrate + increase, limit);
    }
    this.#changedAtMs = nowMs;
  }

  #decrease(nowMs: number): void {
    // A little below what gets through, so that the queue empties.
    let reduced = this.#throughput * BACKOFF_FACTOR;
    if (reduced > 5_000) reduced -= 5_000;
    const capacity = this.#capacity.estimate;
    if (reduced > this.#bitrate && capacity !== null) reduced = BACKOFF_FACTOR * capacity;
    this.#bitrate = Math.min(this.#bitrate, reduced);
    if (this.#throughput < this.#capacity.lowerBound) this.#capacity.reset();
    this.#isInitialized = true;
    this.#capacity.onOveruse(this.#throughput);
    this.#state = 'hold';
    this.#changedAtMs = nowMs;
  }

  /** One average packet per response time, a frame being cut into packets of equal size. */
  #additiveIncreasePerSecond(): number {
    const frameBits = this.#bitrate / FRAMES_PER_SECOND;
    const packetBits = frameBits / Math.ceil(frameBits / PACKET_BITS);
    const responseTimeMs = 2 * (this.#rttMs + DETECTION_TIME_MS);
    return Math.max((packetBits * 1000) / responseTimeMs, MIN_ADDITIVE_INCREASE_PER_SECOND);
  }
}
