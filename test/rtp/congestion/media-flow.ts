/** One sender and one receiver over a path: an encoder that does as it is told, pacer, congestion control, feedback. */
import {
  CongestionController,
  type CongestionControllerOptions,
  CongestionFeedbackRecorder,
  FeedbackRecorder,
  Pacer,
  type PacerOptions,
  type PacketKind,
  RemoteBitrateEstimator,
} from '../../../src/rtp/congestion/index.ts';
import type { ProbeCluster } from '../../../src/rtp/congestion/types.ts';
import { SeededRandom } from '../../../src/runtime/memory.ts';
import type { EventLoop, Path } from './network.ts';

/** IPv4, UDP, SRTP's tag and the RTP header with an extension. */
const OVERHEAD_BYTES = 20 + 8 + 16 + 20;
const MAX_PAYLOAD_BYTES = 1150;
const FRAME_INTERVAL_MS = 1000 / 30;
const AUDIO_INTERVAL_MS = 20;
const AUDIO_BYTES = 80 + OVERHEAD_BYTES;
const REPORT_INTERVAL_MS = 1000;
/** A runtime's timers do not fire more exactly than this. */
const TIMER_MS = 1;
const VIDEO_SSRC = 0x1111;
const AUDIO_SSRC = 0x2222;

export type Feedback = 'transportWide' | 'rfc8888' | 'receiverReports' | 'remb';

export type MediaFlowOptions = {
  readonly feedback?: Feedback;
  readonly controller?: CongestionControllerOptions;
  readonly pacer?: PacerOptions;
  /** What the encoder makes at most; it may be changed. Default: no limit. */
  readonly encoderLimit?: number;
  readonly beginMs?: number;
  readonly seed?: number;
  /** The receiver's clock minus the sender's. */
  readonly clockOffsetMs?: number;
  /** Every so many feedback messages one is lost. */
  readonly feedbackLossRate?: number;
};

type SimulatedPacket = { kind: PacketKind; sizeBytes: number; ssrc: number; queuedAtMs: number };
export type Arrival = { atMs: number; sizeBytes: number; queuedMs: number; pacedMs: number; kind: PacketKind };

export class MediaFlow {
  readonly controller: CongestionController;
  readonly pacer: Pacer<SimulatedPacket>;
  readonly arrivals: Arrival[] = [];
  /** One entry per 100 ms. */
  readonly targets: { atMs: number; bitrate: number }[] = [];
  encoderLimit: number;
  forward: Path;
  sentPackets = 0;
  sentBytes = 0;
  readonly #loop: EventLoop;
  readonly #backward: Path;
  readonly #feedback: Feedback;
  readonly #feedbackLossRate: number;
  readonly #clockOffsetMs: number;
  readonly #random: SeededRandom;
  readonly #recorder = new FeedbackRecorder();
  readonly #congestionRecorder = new CongestionFeedbackRecorder();
  readonly #remote = new RemoteBitrateEstimator();
  readonly #rtpSequenceNumbers = new Map([
    [VIDEO_SSRC, 65_500],
    [AUDIO_SSRC, 10],
  ]);
  readonly #received = new Map<number, { highest: number; count: number; first: number }>();
  #wakeAtMs = Infinity;
  #receiverWakeAtMs = Infinity;

  constructor(loop: EventLoop, forward: Path, backward: Path, options: MediaFlowOptions = {}) {
    this.#loop = loop;
    this.forward = forward;
    this.#backward = backward;
    this.#feedback = options.feedback ?? 'transportWide';
    this.#feedbackLossRate = options.feedbackLossRate ?? 0;
    this.#clockOffsetMs = options.clockOffsetMs ?? 123_456_789;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.encoderLimit = options.encoderLimit ?? Infinity;
    this.pacer = new Pacer(options.pacer ?? {}, {
      send: (packet, probe) => this.#transmit(packet, probe),
      makePadding: (sizeBytes) => this.#makePadding(sizeBytes),
    });
    this.controller = new CongestionController({ ...options.controller, pacer: this.pacer }, { event: () => {} });
    loop.at(options.beginMs ?? 0, () => {
      this.controller.start(loop.now);
      this.#encode();
      this.#speak();
      this.#sample();
      if (this.#usesReports) this.#report();
    });
  }

  get #usesReports(): boolean {
    return this.#feedback === 'receiverReports' || this.#feedback === 'remb';
  }

  #encode(): void {
    const bitrate =
      Math.min(this.controller.rates.targetBitrate, this.encoderLimit) - (AUDIO_BYTES * 8000) / AUDIO_INTERVAL_MS;
    // An encoder hits its target on average only.
    let bytes = Math.max((bitrate * FRAME_INTERVAL_MS * this.#random.between(0.8, 1.2)) / 8000, 200);
    // And has no bits to give to headers.
    const packets = Math.ceil(bytes / (MAX_PAYLOAD_BYTES + OVERHEAD_BYTES));
    bytes = Math.max(bytes / packets, OVERHEAD_BYTES + 50);
    for (let i = 0; i < packets; i++) this.#enqueue('video', VIDEO_SSRC, Math.round(bytes));
    this.#loop.at(this.#loop.now + FRAME_INTERVAL_MS, () => this.#encode());
    this.#rearm();
  }

  #speak(): void {
    this.#enqueue('audio', AUDIO_SSRC, AUDIO_BYTES);
    this.#loop.at(this.#loop.now + AUDIO_INTERVAL_MS, () => this.#speak());
    this.#rearm();
  }

  #enqueue(kind: PacketKind, ssrc: number, sizeBytes: number): void {
    this.pacer.enqueue({ kind, ssrc, sizeBytes, queuedAtMs: this.#loop.now }, this.#loop.now);
  }

  #makePadding(sizeBytes: number): SimulatedPacket[] {
    const packets: SimulatedPacket[] = [];
    for (let left = sizeBytes; left > 0; ) {
      const size = Math.min(Math.max(left, OVERHEAD_BYTES), MAX_PAYLOAD_BYTES);
      packets.push({ kind: 'padding', ssrc: VIDEO_SSRC, sizeBytes: size, queuedAtMs: this.#loop.now });
      left -= size;
    }
    return packets;
  }

  #transmit(packet: SimulatedPacket, probe: ProbeCluster | null): void {
    const now = this.#loop.now;
    const { kind, ssrc, sizeBytes } = packet;
    const transportSequenceNumber = this.#usesReports ? null : this.controller.takeSequenceNumber();
    const rtpSequenceNumber = this.#rtpSequenceNumbers.get(ssrc)!;
    this.#rtpSequenceNumbers.set(ssrc, rtpSequenceNumber + 1);
    const sent = {
      transportSequenceNumber,
      sizeBytes,
      kind,
      ssrc,
      rtpSequenceNumber: rtpSequenceNumber & 0xffff,
      probe,
    };
    this.controller.onPacketSent(sent, now);
    this.sentPackets++;
    this.sentBytes += sizeBytes;
    const pacedMs = now - packet.queuedAtMs;
    this.forward.send(sizeBytes, (queuedMs) => {
      this.arrivals.push({ atMs: this.#loop.now, sizeBytes, queuedMs, pacedMs, kind });
      this.#receive(ssrc, rtpSequenceNumber, transportSequenceNumber, sizeBytes, now);
    });
  }

  #receive(
    ssrc: number,
    rtpSequenceNumber: number,
    transportSequenceNumber: number | null,
    sizeBytes: number,
    sentAtMs: number,
  ): void {
    const now = this.#loop.now + this.#clockOffsetMs;
    const stream = this.#received.get(ssrc) ?? { highest: 0, count: 0, first: rtpSequenceNumber };
    this.#received.set(ssrc, stream);
    stream.count++;
    stream.highest = Math.max(stream.highest, rtpSequenceNumber);
    if (this.#feedback === 'transportWide') this.#recorder.onPacket(transportSequenceNumber!, ssrc, now);
    else if (this.#feedback === 'rfc8888') this.#congestionRecorder.onPacket(ssrc, rtpSequenceNumber & 0xffff, now);
    else if (this.#feedback === 'remb') {
      this.#remote.onPacket(ssrc, Math.round(((sentAtMs % 64_000) * 2 ** 18) / 1000) & 0xff_ffff, sizeBytes, now);
    }
    this.#rearmReceiver();
  }

  #rearmReceiver(): void {
    const recorders = { transportWide: this.#recorder, rfc8888: this.#congestionRecorder, remb: this.#remote };
    const recorder = this.#feedback === 'receiverReports' ? null : recorders[this.#feedback];
    if (recorder === null || recorder.nextTimeout === Infinity) return;
    const atMs = this.#loop.now + Math.max(recorder.nextTimeout - (this.#loop.now + this.#clockOffsetMs), 0);
    if (atMs >= this.#receiverWakeAtMs) return;
    this.#receiverWakeAtMs = atMs;
    this.#loop.at(atMs, () => {
      this.#receiverWakeAtMs = Infinity;
      this.#sendFeedback();
      this.#rearmReceiver();
    });
  }

  #sendFeedback(): void {
    const now = this.#loop.now + this.#clockOffsetMs;
    const { controller } = this;
    for (const feedback of this.#recorder.takeReports(1, now)) {
      this.#sendBack(() => controller.onTransportFeedback(feedback, this.#loop.now));
    }
    for (const feedback of this.#congestionRecorder.takeReports(1, now)) {
      this.#sendBack(() => controller.onCongestionFeedback(feedback, this.#loop.now));
    }
    const remb = this.#remote.takeEstimate(now);
    if (remb !== null) this.#sendBack(() => controller.onRemb(remb.bitrate, this.#loop.now));
  }

  /** Receiver reports, every second. */
  #report(): void {
    const reports = [...this.#received].map(([ssrc, { highest, count, first }]) => {
      return { ssrc, highestSequenceNumber: highest, cumulativeLost: highest - first + 1 - count };
    });
    const rttMs = this.forward.options.delayMs + this.#backward.options.delayMs + (this.arrivals.at(-1)?.queuedMs ?? 0);
    this.#sendBack(() => this.controller.onReceiverReport(reports, rttMs, this.#loop.now));
    this.#loop.at(this.#loop.now + REPORT_INTERVAL_MS, () => this.#report());
  }

  #sendBack(take: () => void): void {
    if (this.#random.chance(this.#feedbackLossRate)) return;
    this.#backward.send(100, () => {
      take();
      this.#rearm();
    });
  }

  #sample(): void {
    this.targets.push({ atMs: this.#loop.now, bitrate: this.controller.rates.targetBitrate });
    this.#loop.at(this.#loop.now + 100, () => this.#sample());
  }

  /** What a runtime's one timer does. */
  #rearm(): void {
    const now = this.#loop.now;
    const next = Math.min(this.pacer.nextTimeout, this.controller.nextTimeout);
    if (next === Infinity) return;
    const atMs = next <= now ? now : Math.max(next, now + TIMER_MS);
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.#loop.at(atMs, () => {
      if (this.#wakeAtMs !== atMs) return; // an earlier one was set
      this.#wakeAtMs = Infinity;
      this.pacer.handleTimeout(this.#loop.now);
      this.controller.handleTimeout(this.#loop.now);
      this.#rearm();
    });
  }
}
