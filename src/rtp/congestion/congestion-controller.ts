/**
 * All of the sender's congestion control behind one door: remembers what was sent, understands each kind of feedback,
 * asks the algorithm, and tells the pacer and the application what may be sent.
 *
 *   const controller = new CongestionController({ startBitrate: 300_000, pacer }, { event });
 *   controller.start(now);
 *   transportSequenceNumber = controller.takeSequenceNumber();      // into the packet's header extension
 *   controller.onPacketSent({ transportSequenceNumber, sizeBytes, kind: 'video', ssrc, probe }, now);
 *   controller.onTransportFeedback(report, now);                    // from RTCP
 */
import { EventQueue } from '../../machine.ts';
import type { CongestionFeedback, ReportBlock, TransportFeedback } from '../rtcp/types.ts';
import { GoogleCongestionControl, type GoogleCongestionControlOptions } from './google-congestion-control.ts';
import { MIN_BITRATE } from './rate-control.ts';
import { SentPackets } from './sent-packets.ts';
import type {
  BandwidthControl,
  BitrateConstraints,
  PacketResult,
  ProbeCluster,
  SentPacket,
  TargetRates,
} from './types.ts';

const DEFAULT_START_BITRATE = 300_000; // libwebrtc
/** Bound on streams whose receiver reports are followed; the one that has been silent longest makes room. */
const MAX_REPORTED_STREAMS = 64;
/** RFC 3550 §6.4.1: cumulative loss is a signed number of 24 bits. */
const CUMULATIVE_LOST_RANGE = 2 ** 24;

/** The part of a pacer that congestion control steers. `Pacer` is one. */
export interface PacedOutput {
  setRates(pacingBitrate: number, paddingBitrate: number, nowMs: number): void;
  addProbe(cluster: ProbeCluster, nowMs: number): void;
}

export type CongestionControllerOptions = GoogleCongestionControlOptions & {
  /** Bits per second. Default 300,000. */
  readonly startBitrate?: number;
  /** Default 5,000. */
  readonly minBitrate?: number;
  /** Default: none. Probes go up to this, or to 5 Mbit/s while none is set. */
  readonly maxBitrate?: number;
  /** Gets its rates and probes from here. Without one, the `targetBitrate` event has the rates, and nothing probes. */
  readonly pacer?: PacedOutput;
  /** Another algorithm. Default: {@link GoogleCongestionControl}. */
  readonly control?: BandwidthControl;
};

export type CongestionEvent = { readonly kind: 'targetBitrate'; readonly rates: TargetRates };

/** What counts of a report block. */
export type ReceptionReport = Pick<ReportBlock, 'ssrc' | 'cumulativeLost' | 'highestSequenceNumber'>;

type Reported = { cumulativeLost: number; highest: number };

export class CongestionController {
  readonly #control: BandwidthControl;
  readonly #pacer: PacedOutput | null;
  readonly #packets = new SentPackets();
  readonly #events: EventQueue<CongestionEvent>;
  /** By SSRC, in the order of their latest reports. */
  readonly #reported = new Map<number, Reported>();
  #constraints: BitrateConstraints;
  #nextSequenceNumber = 1;
  #isStarted = false;
  #told: TargetRates | null = null;

  constructor(options: CongestionControllerOptions, sink: { event(event: CongestionEvent): void }) {
    this.#control = options.control ?? new GoogleCongestionControl(options);
    this.#pacer = options.pacer ?? null;
    this.#constraints = checked({
      minBitrate: options.minBitrate ?? MIN_BITRATE,
      maxBitrate: options.maxBitrate ?? Infinity,
      startBitrate: options.startBitrate ?? DEFAULT_START_BITRATE,
    });
    this.#events = new EventQueue((event) => sink.event(event));
  }

  /** What may be sent now; before `start`, what it will begin with. */
  get rates(): TargetRates {
    if (this.#isStarted) return this.#control.rates;
    const { startBitrate, minBitrate, maxBitrate } = this.#constraints;
    const bitrate = Math.min(Math.max(startBitrate ?? minBitrate, minBitrate), maxBitrate);
    return {
      targetBitrate: bitrate,
      stableBitrate: bitrate,
      pacingBitrate: bitrate,
      paddingBitrate: 0,
      lossRate: 0,
      roundTripTimeMs: 0,
    };
  }

  /** Bytes that feedback has not yet come to. */
  get outstandingBytes(): number {
    return this.#packets.outstandingBytes;
  }

  get stats(): SentPackets['stats'] {
    return this.#packets.stats;
  }

  get nextTimeout(): number {
    return this.#isStarted ? this.#control.nextTimeout : Infinity;
  }

  /** The path is there: from now on the rates count. */
  start(nowMs: number): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#control.setConstraints(this.#constraints, nowMs);
    this.#tell(nowMs);
  }

  /** The next transport-wide sequence number, 16 bits. Each packet that has the header extension takes one. */
  takeSequenceNumber(): number {
    const sequenceNumber = this.#nextSequenceNumber;
    this.#nextSequenceNumber = (sequenceNumber + 1) & 0xffff;
    return sequenceNumber;
  }

  /** A packet has left, just now. RangeError when its number is not ahead of the last one's. */
  onPacketSent(packet: SentPacket, nowMs: number): void {
    this.start(nowMs);
    this.#packets.add(packet, nowMs);
    this.#control.onPacketSent(packet, nowMs);
    this.#tell(nowMs);
  }

  /** Transport-wide feedback (RTPFB, FMT 15). */
  onTransportFeedback(feedback: TransportFeedback, nowMs: number): void {
    this.onFeedback(this.#packets.matchTransportFeedback(feedback, nowMs), nowMs);
  }

  /** RFC 8888 feedback (RTPFB, FMT 11). */
  onCongestionFeedback(feedback: CongestionFeedback, nowMs: number): void {
    this.onFeedback(this.#packets.matchCongestionFeedback(feedback, nowMs), nowMs);
  }

  /** Feedback from elsewhere, matched already, in the order of sending. */
  onFeedback(results: readonly PacketResult[], nowMs: number): void {
    if (!this.#isStarted || results.length === 0) return;
    this.#control.onFeedback(results, nowMs);
    this.#tell(nowMs);
  }

  /**
   * The report blocks of one sender or receiver report.
   * @param roundTripTimeMs from its LSR and DLSR (RFC 3550 §6.4.1); `null` when they say nothing
   */
  onReceiverReport(reports: readonly ReceptionReport[], roundTripTimeMs: number | null, nowMs: number): void {
    if (!this.#isStarted) return;
    let lost = 0;
    let expected = 0;
    for (const { ssrc, cumulativeLost, highestSequenceNumber: highest } of reports) {
      const before = this.#reported.get(ssrc);
      this.#reported.delete(ssrc);
      if (this.#reported.size === MAX_REPORTED_STREAMS) this.#reported.delete(this.#reported.keys().next().value!);
      this.#reported.set(ssrc, { cumulativeLost, highest });
      if (before === undefined) continue;
      const packets = (highest - before.highest) | 0; // 32 bits, which wrap
      if (packets <= 0) continue;
      expected += packets;
      // More than all is lost when the receiver has begun to count anew.
      lost += Math.min(signed24(cumulativeLost - before.cumulativeLost), packets);
    }
    if (roundTripTimeMs !== null && roundTripTimeMs > 0) this.#control.onRoundTripTime(roundTripTimeMs, nowMs);
    if (expected > 0) this.#control.onLossReport(Math.max(lost, 0), expected, nowMs);
    this.#tell(nowMs);
  }

  /** REMB: the receiver's estimate, in bits per second. */
  onRemb(bitrate: number, nowMs: number): void {
    if (!this.#isStarted || !(bitrate >= 0)) return;
    this.#control.onRemoteEstimate(bitrate, nowMs);
    this.#tell(nowMs);
  }

  /** ICE has selected another pair: what we know is about the old path. `startBitrate` as in the constructor. */
  onRouteChange(nowMs: number, startBitrate: number | null = null): void {
    this.#packets.forgetAll();
    this.#reported.clear();
    if (!this.#isStarted) return;
    this.#control.onRouteChange({ ...this.#constraints, startBitrate }, nowMs);
    this.#tell(nowMs);
  }

  /** New limits; with `startBitrate` the estimate begins anew from there. RangeError when they make no sense. */
  setConstraints(constraints: Partial<BitrateConstraints>, nowMs: number): void {
    const { minBitrate, maxBitrate } = this.#constraints;
    const startBitrate = this.#isStarted ? null : this.#constraints.startBitrate;
    this.#constraints = checked({ minBitrate, maxBitrate, startBitrate, ...constraints });
    if (!this.#isStarted) return;
    this.#control.setConstraints(this.#constraints, nowMs);
    this.#tell(nowMs);
  }

  /** How much the application would send if it could: probes go up to twice that. 0: not known. */
  setWantedBitrate(bitrate: number, nowMs: number): void {
    this.#control.setWantedBitrate(Math.max(bitrate, 0), nowMs);
    this.#tell(nowMs);
  }

  handleTimeout(nowMs: number): void {
    if (!this.#isStarted) return;
    this.#control.handleTimeout(nowMs);
    this.#tell(nowMs);
  }

  #tell(nowMs: number): void {
    const { rates } = this.#control;
    if (this.#told === null || hasChanged(this.#told, rates)) {
      this.#told = rates;
      this.#pacer?.setRates(rates.pacingBitrate, rates.paddingBitrate, nowMs);
      this.#events.push({ kind: 'targetBitrate', rates });
    }
    for (const probe of this.#control.takeProbes()) this.#pacer?.addProbe(probe, nowMs);
    this.#events.flush();
  }
}

function hasChanged(a: TargetRates, b: TargetRates): boolean {
  return (
    a.targetBitrate !== b.targetBitrate ||
    a.pacingBitrate !== b.pacingBitrate ||
    a.paddingBitrate !== b.paddingBitrate ||
    a.stableBitrate !== b.stableBitrate
  );
}

function signed24(difference: number): number {
  const rest = ((difference % CUMULATIVE_LOST_RANGE) + CUMULATIVE_LOST_RANGE) % CUMULATIVE_LOST_RANGE;
  return rest < CUMULATIVE_LOST_RANGE / 2 ? rest : rest - CUMULATIVE_LOST_RANGE;
}

function checked(constraints: BitrateConstraints): BitrateConstraints {
  const { minBitrate, maxBitrate, startBitrate } = constraints;
  if (!(minBitrate >= 0 && minBitrate <= maxBitrate)) {
    throw new RangeError(`bitrates must be 0 <= minBitrate <= maxBitrate (got ${minBitrate}, ${maxBitrate})`);
  }
  if (startBitrate !== null && !(startBitrate > 0 && startBitrate < Infinity)) {
    throw new RangeError(`startBitrate must be a positive number or null (got ${startBitrate})`);
  }
  return constraints;
}
