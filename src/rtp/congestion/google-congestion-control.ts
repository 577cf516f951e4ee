/**
 * Google congestion control, the sender's side, as libwebrtc has it in 2026 (draft-ietf-rmcat-gcc-02 describes its first
 * version): delay, losses, probes and what the application sends make one rate. docs/congestion.md has the picture and
 * the differences.
 */
import { AlrDetector } from './alr-detector.ts';
import { BandwidthEstimate } from './bandwidth-estimate.ts';
import { DelayBasedEstimator } from './delay-based-estimator.ts';
import { type LimitedBy, ProbeController } from './probe-controller.ts';
import { ProbeEstimator } from './probe-estimator.ts';
import { MIN_BITRATE } from './rate-control.ts';
import { StableBitrate } from './stable-bitrate.ts';
import { ThroughputEstimator } from './throughput.ts';
import type {
  BandwidthControl,
  BitrateConstraints,
  PacketResult,
  ProbeCluster,
  ReceivedResult,
  SentPacket,
  TargetRates,
} from './types.ts';

/** The pacer may send so much faster than the target, to even out what an encoder overshoots. libwebrtc. */
const PACING_FACTOR = 1.1;
/** The same while no transport feedback has come: the target then is rougher. libwebrtc. */
const PACING_FACTOR_WITHOUT_FEEDBACK = 2.5;
/** A probe's result far below what gets through anyway is not believed beyond this share of it. libwebrtc. */
const PROBE_DROP_FRACTION = 0.85;
/** Rates rise with time, between reports too. libwebrtc: 25 ms. */
const UPDATE_INTERVAL_MS = 100;
/** After so long without a packet nothing needs updating. */
const IDLE_MS = 6000;

export type GoogleCongestionControlOptions = {
  /** Probe every 5 s while the application sends less than it may. Default true. */
  readonly periodicAlrProbing?: boolean;
  /** Pacing rate over target bitrate. Default 1.1, or 2.5 while no transport feedback has come. */
  readonly pacingFactor?: number;
  /** Fill up to this rate with padding, so that the estimate is there when it is needed. Default 0. */
  readonly paddingBitrate?: number;
};

export class GoogleCongestionControl implements BandwidthControl {
  readonly #pacingFactor: number | null;
  readonly #maxPaddingBitrate: number;
  readonly #estimate = new BandwidthEstimate();
  readonly #probes: ProbeController;
  readonly #alr = new AlrDetector();
  readonly #stable = new StableBitrate();
  #delayBased = new DelayBasedEstimator();
  #throughput = new ThroughputEstimator();
  #probeEstimator = new ProbeEstimator();
  #minBitrate = MIN_BITRATE;
  #hasFeedback = false;
  #hasReportedRtt = false;
  #hasSent = false;
  #mayProbe = false;
  #sentAtMs = -Infinity;
  #updatedAtMs = -Infinity;
  #lastTarget = -1;
  #lastLimitedBy: LimitedBy = 'delay';

  constructor(options: GoogleCongestionControlOptions = {}) {
    this.#probes = new ProbeController(options);
    this.#pacingFactor = options.pacingFactor ?? null;
    this.#maxPaddingBitrate = options.paddingBitrate ?? 0;
  }

  get rates(): TargetRates {
    const target = this.#estimate.bitrate;
    const factor = this.#pacingFactor ?? (this.#hasFeedback ? PACING_FACTOR : PACING_FACTOR_WITHOUT_FEEDBACK);
    const isFillingUp = this.#estimate.lossState === 'increasing';
    return {
      targetBitrate: target,
      stableBitrate: Math.min(this.#stable.bitrate, target),
      pacingBitrate: target * factor,
      paddingBitrate: isFillingUp ? target : Math.min(this.#maxPaddingBitrate, target),
      lossRate: this.#estimate.lossRate,
      roundTripTimeMs: this.#estimate.roundTripTimeMs,
    };
  }

  get nextTimeout(): number {
    const isIdle = this.#updatedAtMs - this.#sentAtMs > IDLE_MS || !this.#hasSent;
    return Math.min(this.#probes.nextTimeout, isIdle ? Infinity : this.#updatedAtMs + UPDATE_INTERVAL_MS);
  }

  takeProbes(): readonly ProbeCluster[] {
    return this.#probes.take();
  }

  setConstraints(constraints: BitrateConstraints, nowMs: number): void {
    const { minBitrate, maxBitrate, startBitrate } = constraints;
    this.#minBitrate = Math.max(minBitrate, MIN_BITRATE);
    this.#estimate.setLimits(this.#minBitrate, maxBitrate);
    this.#delayBased.setMinBitrate(this.#minBitrate);
    if (startBitrate !== null) {
      const start = Math.min(Math.max(startBitrate, this.#minBitrate), Math.max(maxBitrate, this.#minBitrate));
      this.#estimate.setBitrate(start);
      this.#delayBased.setStartBitrate(start);
      this.#stable.start(start, nowMs);
      this.#probes.setBitrates(start, this.#minBitrate, maxBitrate, nowMs);
    } else this.#probes.setBitrates(null, this.#minBitrate, maxBitrate, nowMs);
    this.#settle(nowMs);
  }

  setWantedBitrate(bitrate: number, nowMs: number): void {
    this.#probes.setWantedBitrate(bitrate, nowMs);
  }

  onPacketSent(packet: SentPacket, nowMs: number): void {
    this.#alr.onPacketSent(packet.sizeBytes, nowMs);
    if (packet.transportSequenceNumber !== null) this.#estimate.onPacketSent(nowMs);
    if (nowMs - this.#sentAtMs > IDLE_MS) this.#updatedAtMs = nowMs; // timers begin again
    this.#sentAtMs = nowMs;
    this.#hasSent = true;
    // Sound alone has nothing to fill a probe with: the first ones wait for something that can be sent again.
    if (this.#mayProbe || packet.kind === 'audio') return;
    this.#mayProbe = true;
    this.#probes.onFirstPacketSent(nowMs);
  }

  onFeedback(results: readonly PacketResult[], nowMs: number): void {
    this.#hasFeedback = true;
    const received = results.filter(isReceived).sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    const isInAlr = this.#alr.startedAtMs !== null;
    this.#probes.setAlr(this.#alr.startedAtMs, nowMs);
    if (received.length > 0) this.#onArrivals(received, nowMs);
    this.#estimate.updateLossBased(results, isInAlr, nowMs);
    this.#settle(nowMs);
  }

  onLossReport(lost: number, expected: number, nowMs: number): void {
    this.#estimate.onLossReport(lost, expected, nowMs);
    this.#settle(nowMs);
  }

  onRemoteEstimate(bitrate: number, nowMs: number): void {
    this.#estimate.setRemoteLimit(bitrate);
    this.#settle(nowMs);
  }

  onRoundTripTime(roundTripTimeMs: number): void {
    this.#hasReportedRtt = true;
    this.#setRoundTripTime(roundTripTimeMs);
  }

  onRouteChange(constraints: BitrateConstraints, nowMs: number): void {
    const startBitrate =
      constraints.startBitrate ?? Math.min(this.#estimate.bitrate, this.#throughput.bitrate ?? Infinity);
    this.#delayBased = new DelayBasedEstimator();
    this.#throughput = new ThroughputEstimator();
    this.#probeEstimator = new ProbeEstimator();
    this.#estimate.reset();
    this.#probes.reset();
    this.#hasReportedRtt = false;
    this.setConstraints({ ...constraints, startBitrate }, nowMs);
  }

  handleTimeout(nowMs: number): void {
    if (nowMs < this.nextTimeout) return;
    this.#updatedAtMs = nowMs;
    this.#estimate.update(nowMs);
    this.#probes.setAlr(this.#alr.startedAtMs, nowMs);
    this.#probes.handleTimeout(nowMs);
    this.#settle(nowMs);
  }

  #onArrivals(received: readonly ReceivedResult[], nowMs: number): void {
    this.#measureRoundTrip(received, nowMs);
    this.#throughput.add(received);
    const throughput = this.#throughput.bitrate;
    if (throughput !== null) this.#estimate.setThroughput(throughput);
    for (const packet of received) this.#probeEstimator.add(packet);
    let probe = this.#probeEstimator.takeResult();
    if (probe !== null && throughput !== null) {
      probe = Math.max(probe, Math.min(this.#delayBased.bitrate, throughput * PROBE_DROP_FRACTION));
    }
    const update = this.#delayBased.onFeedback(received, throughput, probe, nowMs);
    if (update.bitrate !== null) {
      if (update.isProbe) this.#estimate.setBitrate(update.bitrate);
      this.#estimate.setDelayLimit(update.bitrate);
    }
    if (update.hasRecovered) this.#probes.onRecovered(nowMs);
  }

  #measureRoundTrip(received: readonly ReceivedResult[], nowMs: number): void {
    const lastReceivedAtMs = received.at(-1)!.receivedAtMs;
    let shortestMs = Infinity;
    for (const { sentAtMs, receivedAtMs } of received) {
      // Without the time that it waited at the receiver for the report.
      shortestMs = Math.min(shortestMs, nowMs - sentAtMs - (lastReceivedAtMs - receivedAtMs));
    }
    shortestMs = Math.max(shortestMs, 0); // another party's word
    this.#estimate.onFeedback(shortestMs, nowMs);
    if (!this.#hasReportedRtt) this.#setRoundTripTime(shortestMs);
  }

  #setRoundTripTime(roundTripTimeMs: number): void {
    if (!(roundTripTimeMs > 0 && roundTripTimeMs < Infinity)) return;
    this.#estimate.setRoundTripTime(roundTripTimeMs);
    this.#delayBased.setRoundTripTime(roundTripTimeMs);
  }

  /** Tells all that go by the estimate what it is now. */
  #settle(nowMs: number): void {
    const target = this.#estimate.bitrate;
    this.#stable.update(target, this.#throughput.bitrate, nowMs);
    const limitedBy = this.#limitedBy();
    if (target === this.#lastTarget && limitedBy === this.#lastLimitedBy) return;
    this.#lastTarget = target;
    this.#lastLimitedBy = limitedBy;
    this.#alr.setEstimate(target);
    this.#probes.setEstimate(target, limitedBy, nowMs);
  }

  #limitedBy(): LimitedBy {
    if (this.#delayBased.usage !== 'normal') return 'delayIncreased';
    if (this.#estimate.isRoundTripTooLong) return 'roundTripTime';
    // "Increasing" fills up with padding already, which tells as much as a probe would.
    return this.#estimate.lossState === 'delayBased' ? 'delay' : 'loss';
  }
}

function isReceived(result: PacketResult): result is ReceivedResult {
  return result.receivedAtMs !== null;
}
