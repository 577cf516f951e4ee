/**
 * The receiver's own estimate, for senders that understand REMB only (draft-alvestrand-rmcat-remb-03): the delay-based
 * half of Google congestion control, run on the abs-send-time header extension.
 */
import { InterArrival } from './inter-arrival.ts';
import { MIN_BITRATE, RateControl } from './rate-control.ts';
import { TrendlineEstimator } from './trendline.ts';

/** abs-send-time: 24 bits, 6 of them whole seconds. */
const SEND_TIME_RANGE = 2 ** 24;
const SEND_TIME_UNITS_PER_MS = 2 ** 18 / 1000;
/** Streams that have been silent for so long are not named; when all are, groups and trend begin anew. libwebrtc. */
const STREAM_TIMEOUT_MS = 2000;
/** Bound on streams named in a REMB: its count has 8 bits; the one that has been silent longest makes room. */
const MAX_STREAMS = 64;
/** The incoming rate is that of the last second. */
const RATE_WINDOW_MS = 1000;
const RATE_BUCKET_MS = 50;
const RATE_BUCKETS = RATE_WINDOW_MS / RATE_BUCKET_MS;
/** REMB messages get 5 % of the bandwidth at 80 bytes each; between 200 ms and 1 s apart. libwebrtc. */
const REMB_BITS = 80 * 8;
const REMB_SHARE = 0.05;
const MIN_INTERVAL_MS = 200;
const MAX_INTERVAL_MS = 1000;
/** A fall by so much is said at once. libwebrtc. */
const URGENT_FALL = 0.97;

export type RemoteEstimate = { readonly bitrate: number; readonly ssrcs: readonly number[] };

export class RemoteBitrateEstimator {
  readonly #rateControl = new RateControl();
  readonly #maxBitrate: number;
  #interArrival = new InterArrival();
  #trendline = new TrendlineEstimator();
  /** When its last packet came, by SSRC, in the order of that. */
  readonly #streams = new Map<number, number>();
  #sendTime = 0;
  #sentAtMs = 0;
  readonly #buckets = new Float64Array(RATE_BUCKETS);
  #bucket = -1;
  #firstBucket = 0;
  #updatedAtMs = -Infinity;
  #toldAtMs = -Infinity;
  #told = Infinity;

  constructor(options: { readonly minBitrate?: number; readonly maxBitrate?: number } = {}) {
    this.#rateControl.setMinBitrate(options.minBitrate ?? MIN_BITRATE);
    this.#maxBitrate = options.maxBitrate ?? Infinity;
  }

  /** Bits per second; `null` while there is none to rely on. */
  get bitrate(): number | null {
    return this.#rateControl.isInitialized ? Math.min(this.#rateControl.bitrate, this.#maxBitrate) : null;
  }

  /** When `takeEstimate` next has something to say; Infinity while there is nothing. */
  get nextTimeout(): number {
    const { bitrate } = this;
    if (bitrate === null || this.#streams.size === 0) return Infinity;
    return this.#toldAtMs + (bitrate < this.#told * URGENT_FALL ? 0 : intervalMs(bitrate));
  }

  setRoundTripTime(roundTripTimeMs: number): void {
    if (roundTripTimeMs > 0) this.#rateControl.setRoundTripTime(roundTripTimeMs);
  }

  /** @param absSendTime the 24 bits of the header extension */
  onPacket(ssrc: number, absSendTime: number, sizeBytes: number, nowMs: number): void {
    this.#forgetSilent(nowMs);
    if (this.#streams.size === 0) {
      this.#interArrival = new InterArrival();
      this.#trendline = new TrendlineEstimator();
    }
    this.#streams.delete(ssrc);
    if (this.#streams.size === MAX_STREAMS) this.#streams.delete(this.#streams.keys().next().value!);
    this.#streams.set(ssrc, nowMs);
    this.#countBytes(sizeBytes, nowMs);
    const delta = this.#interArrival.add(this.#unwrap(absSendTime), nowMs, nowMs);
    if (delta !== null) this.#trendline.update(delta, nowMs);
    const throughput = this.#throughput(nowMs);
    const isUrgent =
      this.#trendline.usage === 'overusing' &&
      throughput !== null &&
      this.#rateControl.isTimeToReduce(throughput, nowMs);
    if (!isUrgent && nowMs - this.#updatedAtMs < intervalMs(this.#rateControl.bitrate)) return;
    this.#updatedAtMs = nowMs;
    this.#rateControl.update(this.#trendline.usage, throughput, nowMs);
  }

  /** What to say in a REMB message now; `null` while there is nothing. */
  takeEstimate(nowMs: number): RemoteEstimate | null {
    if (nowMs < this.nextTimeout) return null;
    this.#forgetSilent(nowMs);
    const { bitrate } = this;
    if (bitrate === null || this.#streams.size === 0) return null;
    this.#told = bitrate;
    this.#toldAtMs = nowMs;
    return { bitrate, ssrcs: [...this.#streams.keys()] };
  }

  #unwrap(absSendTime: number): number {
    const ahead = (absSendTime - this.#sendTime + SEND_TIME_RANGE) % SEND_TIME_RANGE;
    this.#sendTime = absSendTime;
    this.#sentAtMs += (ahead < SEND_TIME_RANGE / 2 ? ahead : ahead - SEND_TIME_RANGE) / SEND_TIME_UNITS_PER_MS;
    return this.#sentAtMs;
  }

  #forgetSilent(nowMs: number): void {
    for (const [ssrc, seenAtMs] of this.#streams) {
      if (nowMs - seenAtMs <= STREAM_TIMEOUT_MS) return;
      this.#streams.delete(ssrc);
    }
  }

  #countBytes(sizeBytes: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#buckets[this.#bucket % RATE_BUCKETS]! += sizeBytes;
  }

  #advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / RATE_BUCKET_MS);
    if (this.#bucket < 0 || bucket - this.#bucket >= RATE_BUCKETS) {
      this.#buckets.fill(0);
      this.#bucket = bucket;
      this.#firstBucket = bucket;
    }
    while (this.#bucket < bucket) this.#buckets[++this.#bucket % RATE_BUCKETS] = 0;
  }

  /** Bits per second, over the last second; `null` until half of one has passed. */
  #throughput(nowMs: number): number | null {
    this.#advance(nowMs);
    const begin = Math.max(this.#firstBucket, this.#bucket - RATE_BUCKETS + 1);
    const durationMs = nowMs - begin * RATE_BUCKET_MS;
    if (durationMs < RATE_WINDOW_MS / 2) return null;
    return (this.#buckets.reduce((sum, bytes) => sum + bytes, 0) * 8000) / durationMs;
  }
}

function intervalMs(bitrate: number): number {
  return Math.min(Math.max((REMB_BITS * 1000) / (REMB_SHARE * bitrate), MIN_INTERVAL_MS), MAX_INTERVAL_MS);
}
