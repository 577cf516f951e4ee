/** The delay-based half of Google congestion control: packet times in, a rate out (draft-ietf-rmcat-gcc-02 §5). */
import { InterArrival } from './inter-arrival.ts';
import { RateControl } from './rate-control.ts';
import { TrendlineEstimator } from './trendline.ts';
import type { BandwidthUsage, ReceivedResult } from './types.ts';

/** After so long without feedback, groups and trend begin anew. libwebrtc. */
const SILENCE_MS = 2000;

export type DelayBasedUpdate = {
  /** The new rate; `null` when there is none. */
  readonly bitrate: number | null;
  /** The rate is what a probe measured. */
  readonly isProbe: boolean;
  /** The queue had been emptying, and now is empty. */
  readonly hasRecovered: boolean;
};

export class DelayBasedEstimator {
  readonly #rateControl = new RateControl();
  #interArrival = new InterArrival();
  #trendline = new TrendlineEstimator();
  #seenAtMs = -Infinity;

  get usage(): BandwidthUsage {
    return this.#trendline.usage;
  }

  /** The rate control's rate, whether or not it is one to rely on yet. */
  get bitrate(): number {
    return this.#rateControl.bitrate;
  }

  setStartBitrate(bitrate: number): void {
    this.#rateControl.setStartBitrate(bitrate);
  }

  setMinBitrate(bitrate: number): void {
    this.#rateControl.setMinBitrate(bitrate);
  }

  setRoundTripTime(rttMs: number): void {
    this.#rateControl.setRoundTripTime(rttMs);
  }

  /**
   * @param received in the order of arrival; not empty
   * @param throughput acknowledged bitrate; `null` when not known
   * @param probeBitrate what a probe has just measured; `null` when none did
   */
  onFeedback(
    received: readonly ReceivedResult[],
    throughput: number | null,
    probeBitrate: number | null,
    nowMs: number,
  ): DelayBasedUpdate {
    if (nowMs - this.#seenAtMs > SILENCE_MS) {
      this.#interArrival = new InterArrival();
      this.#trendline = new TrendlineEstimator();
    }
    this.#seenAtMs = nowMs;
    let hasRecovered = false;
    let usage = this.#trendline.usage;
    for (const packet of received) {
      const delta = this.#interArrival.add(packet.sentAtMs, packet.receivedAtMs, nowMs);
      if (delta === null) continue;
      this.#trendline.update(delta, packet.receivedAtMs);
      hasRecovered ||= usage === 'underusing' && this.#trendline.usage === 'normal';
      usage = this.#trendline.usage;
    }
    return this.#update(usage, throughput, probeBitrate, hasRecovered, nowMs);
  }

  #update(
    usage: BandwidthUsage,
    throughput: number | null,
    probeBitrate: number | null,
    hasRecovered: boolean,
    nowMs: number,
  ): DelayBasedUpdate {
    const rateControl = this.#rateControl;
    if (usage === 'overusing') {
      if (throughput !== null) {
        if (!rateControl.isTimeToReduce(throughput, nowMs)) return NOTHING;
        rateControl.update(usage, throughput, nowMs);
      } else {
        // Overuse before we know what gets through: halve.
        if (!rateControl.isInitialized) return NOTHING;
        rateControl.setEstimate(rateControl.bitrate / 2, nowMs);
      }
      return { bitrate: rateControl.bitrate, isProbe: false, hasRecovered: false };
    }
    if (probeBitrate !== null) {
      rateControl.setEstimate(probeBitrate, nowMs);
      return { bitrate: rateControl.bitrate, isProbe: true, hasRecovered: false };
    }
    rateControl.update(usage, throughput, nowMs);
    return { bitrate: rateControl.isInitialized ? rateControl.bitrate : null, isProbe: false, hasRecovered };
  }
}

const NOTHING: DelayBasedUpdate = { bitrate: null, isProbe: false, hasRecovered: false };
