/** One stream that is received: the packets of one SSRC, put right where they can be (RFC 3550 A.1, A.3, A.8; RFC 4585). */
import type { MediaKind } from '../codecs.ts';
import {
  JitterBuffer,
  type JitterBufferStats,
  newJitterBufferStats,
  type ReceivedFrame,
} from '../jitter/jitter-buffer.ts';
import { hasNack, type NegotiatedRtpCodec } from '../negotiated-codec.ts';
import type { RtpPacket } from '../packet.ts';
import { audioPacketDuration } from '../payload/audio-duration.ts';
import { payloadFormat } from '../payload/index.ts';
import { ParameterSets } from '../payload/parameter-sets.ts';
import type { EncodedFrame, PayloadFormat } from '../payload/types.ts';
import { type NackEvent, NackGenerator } from '../repair/nack-generator.ts';
import { RedReceiver } from '../repair/red.ts';
import type { SenderReport } from '../rtcp/types.ts';
import { FrameRate } from '../statistics/frame-rate.ts';
import { ReceptionStatistics } from './reception-statistics.ts';

/** Between two requests for a key frame: an encoder that is asked more often only makes the stream bigger. */
const KEY_FRAME_REQUEST_INTERVAL_MS = 300;

/** W3C: RTCReceivedRtpStreamStats and RTCInboundRtpStreamStats, as far as packets tell. */
export type ReceiveStreamStats = {
  packetsReceived: number;
  bytesReceived: number;
  headerBytesReceived: number;
  /** Came by RTX. */
  retransmittedPacketsReceived: number;
  retransmittedBytesReceived: number;
  duplicates: number;
  nackCount: number;
  pliCount: number;
  firCount: number;
  /** On our clock, in ms. */
  lastPacketReceivedAt: number;
  /** Of the last packet of sound that told it, 0 … 1 (RFC 6464); `null`: none did. */
  audioLevel: number | null;
  /** Squares of the level times the duration, in seconds, of the packets that told it. */
  totalAudioEnergy: number;
  /** Seconds of sound. */
  totalSamplesDuration: number;
};

/** What was last handed on: the track is there now. */
export type PlayoutPoint = { readonly rtpTimestamp: number; readonly at: number };

/** The last sender report, for lip sync and round trips. */
export type RemoteReport = {
  readonly report: SenderReport;
  readonly receivedAt: number;
  /** How many have come. */
  readonly count: number;
};

export type ReceiveStreamSink = {
  nack(sequenceNumbers: readonly number[]): void;
  requestKeyFrame(): void;
};

export class ReceiveStream {
  readonly ssrc: number;
  readonly kind: MediaKind;
  readonly stats: ReceiveStreamStats = {
    packetsReceived: 0,
    bytesReceived: 0,
    headerBytesReceived: 0,
    retransmittedPacketsReceived: 0,
    retransmittedBytesReceived: 0,
    duplicates: 0,
    nackCount: 0,
    pliCount: 0,
    firCount: 0,
    lastPacketReceivedAt: -Infinity,
    audioLevel: null,
    totalAudioEnergy: 0,
    totalSamplesDuration: 0,
  };
  /** Of the frames that were put together. */
  readonly frameRate: FrameRate = new FrameRate();
  /** Of the last key frame that tells it. */
  frameSize: { readonly width: number; readonly height: number } | null = null;
  /** Whether nothing has come for so long that the source is taken for gone (RFC 3550 §6.3.5). */
  isSilent = false;
  /** Of sound with redundancy. */
  readonly red: RedReceiver = new RedReceiver();
  readonly reception: ReceptionStatistics = new ReceptionStatistics();
  /** The restriction identifier, with simulcast; may become known after the first packets. */
  rid: string | null = null;
  codec: NegotiatedRtpCodec | null = null;
  rtxSsrc: number | null = null;
  remoteReport: RemoteReport | null = null;
  readonly #sink: ReceiveStreamSink;
  readonly #nacks: NackGenerator;
  #keyFrameRequestedAt = -Infinity;
  #jitter: JitterBuffer | null = null;
  #frameStats: JitterBufferStats | null = null;
  #playoutTimestamp = 0;
  #playoutAt = -Infinity;
  #targetDelayMs = 0;
  #roundTripMs = 0;
  #deliver: ((frame: ReceivedFrame, codec: NegotiatedRtpCodec, now: number) => void) | null = null;
  readonly #formats = new Map<NegotiatedRtpCodec, PayloadFormat | null>();
  /** By payload type, those that came. */
  readonly #codecs = new Map<number, NegotiatedRtpCodec>();
  #parameterSets: ParameterSets | null = null;

  constructor(ssrc: number, kind: MediaKind, sink: ReceiveStreamSink) {
    this.ssrc = ssrc;
    this.kind = kind;
    this.#sink = sink;
    this.#nacks = new NackGenerator({}, { event: (event) => this.#handleNackEvent(event) });
  }

  get nextTimeout(): number {
    return Math.min(this.#nacks.nextTimeout, this.#jitter?.nextTimeout ?? Infinity);
  }

  /** Of the frames, since the first were made; `null` before. */
  get frameStats(): JitterBufferStats | null {
    return this.#frameStats;
  }

  /** `null` before anything was handed on. */
  get playoutPoint(): PlayoutPoint | null {
    return this.#playoutAt === -Infinity ? null : { rtpTimestamp: this.#playoutTimestamp, at: this.#playoutAt };
  }

  /** When something of it last came, RTP or a sender report; on our clock. */
  get lastHeardAt(): number {
    return Math.max(this.stats.lastPacketReceivedAt, this.remoteReport?.receivedAt ?? -Infinity);
  }

  set targetDelayMs(value: number) {
    this.#targetDelayMs = value;
    if (this.#jitter !== null) this.#jitter.targetDelayMs = value;
  }

  set roundTripMs(value: number) {
    this.#nacks.roundTripMs = value;
    this.#roundTripMs = value;
    if (this.#jitter !== null) this.#jitter.roundTripMs = value;
  }

  /** Frames are made from now on, and told. False when they were already. */
  assemble(deliver: (frame: ReceivedFrame, codec: NegotiatedRtpCodec, now: number) => void): boolean {
    const isNew = this.#deliver === null;
    this.#deliver = deliver;
    return isNew;
  }

  stopAssembling(): void {
    this.#deliver = null;
    this.#jitter = null;
  }

  /**
   * Content of a packet that was received, for the frames: RED and RTX are undone.
   * @param audioLevel 0 … 1; `null`: the packet does not tell
   */
  addContent(packet: RtpPacket, codec: NegotiatedRtpCodec, audioLevel: number | null, now: number): void {
    this.#now = now;
    if (this.kind === 'audio') this.#noteSound(packet, codec, audioLevel);
    if (this.#deliver === null) {
      this.#playoutTimestamp = packet.timestamp;
      this.#playoutAt = now;
      return;
    }
    this.#codecs.set(packet.payloadType, codec);
    this.#jitter ??= this.#makeJitterBuffer(codec);
    this.#jitter.insert(packet, now);
  }

  /** A packet that takes a number and carries no media. */
  addFiller(sequenceNumber: number, now: number): void {
    this.#now = now;
    this.#jitter?.insertFiller(sequenceNumber, now);
  }

  /**
   * Takes note of a packet. False for one that came before.
   * @param isRepair it came by retransmission, or was recovered
   */
  receive(packet: RtpPacket, codec: NegotiatedRtpCodec, isRepair: boolean, now: number): boolean {
    const { stats } = this;
    this.#now = now;
    this.isSilent = false;
    if (!this.reception.receive(packet.sequenceNumber, packet.timestamp, codec.clockRate, isRepair, now)) {
      stats.duplicates++;
      return false;
    }
    stats.packetsReceived++;
    stats.bytesReceived += packet.payloadLength;
    stats.headerBytesReceived += packet.headerLength + packet.paddingLength;
    stats.lastPacketReceivedAt = now;
    if (isRepair) {
      stats.retransmittedPacketsReceived++;
      stats.retransmittedBytesReceived += packet.payloadLength;
    }
    this.codec = codec;
    if (hasNack(codec)) this.#nacks.receive(packet.sequenceNumber, isRepair, now);
    return true;
  }

  noteSenderReport(report: SenderReport, now: number): void {
    this.remoteReport = { report, receivedAt: now, count: (this.remoteReport?.count ?? 0) + 1 };
  }

  /** The time of the call that is running. */
  #now = 0;

  /** Whether a request may go out now; takes note of it. */
  mayRequestKeyFrame(now: number): boolean {
    if (now - this.#keyFrameRequestedAt < KEY_FRAME_REQUEST_INTERVAL_MS) return false;
    this.#keyFrameRequestedAt = now;
    this.stats.pliCount++;
    return true;
  }

  handleTimeout(now: number): void {
    this.#now = now;
    if (this.#nacks.nextTimeout <= now) this.#nacks.handleTimeout(now);
    const jitter = this.#jitter;
    if (jitter !== null && jitter.nextTimeout <= now) jitter.handleTimeout(now);
  }

  #makeJitterBuffer({ clockRate, feedback }: NegotiatedRtpCodec): JitterBuffer {
    this.#frameStats ??= newJitterBufferStats();
    const jitter = new JitterBuffer(
      {
        clockRate,
        stats: this.#frameStats,
        ...(this.kind === 'audio' && {
          weightOf: (frame: EncodedFrame, payloadType: number) => this.#unitsOf(frame.data, payloadType),
        }),
        canRepair: feedback.some(({ type, parameter }) => type === 'nack' && parameter === null),
        needsKeyFrames: this.kind === 'video',
        formatOf: (payloadType) => this.#formatOf(payloadType),
      },
      {
        event: (event) => {
          if (event.kind === 'frame') this.#deliverFrame(event.frame);
          else this.#sink.requestKeyFrame();
        },
      },
    );
    jitter.targetDelayMs = this.#targetDelayMs;
    if (this.#roundTripMs > 0) jitter.roundTripMs = this.#roundTripMs;
    return jitter;
  }

  #noteSound(
    { payload }: RtpPacket,
    { mimeType, clockRate, channels }: NegotiatedRtpCodec,
    level: number | null,
  ): void {
    const { stats } = this;
    const duration = audioPacketDuration(mimeType, payload, channels ?? 1) / clockRate;
    stats.totalSamplesDuration += duration;
    if (level === null) return;
    stats.audioLevel = level;
    stats.totalAudioEnergy += level * level * duration;
  }

  #unitsOf(data: Uint8Array, payloadType: number): number {
    const codec = this.#codecs.get(payloadType);
    return codec === undefined ? 0 : audioPacketDuration(codec.mimeType, data, codec.channels ?? 1);
  }

  #formatOf(payloadType: number): PayloadFormat | null {
    const codec = this.#codecs.get(payloadType);
    if (codec === undefined) return null;
    let format = this.#formats.get(codec);
    if (format === undefined) {
      format = payloadFormat(codec.mimeType, codec.parameters);
      this.#formats.set(codec, format);
    }
    return format;
  }

  /** A key frame of H.264 or H.265 is whole with its parameter sets, which may have come before it. */
  #deliverFrame(received: ReceivedFrame): void {
    this.#playoutTimestamp = received.timestamp;
    this.#playoutAt = this.#now;
    this.frameRate.note(this.#now);
    const { width, height } = received.frame.metadata ?? {};
    if (width !== undefined && height !== undefined) this.frameSize = { width, height };
    const codec = this.#codecs.get(received.payloadType);
    if (codec === undefined) return;
    const name = codec.mimeType.toLowerCase();
    if (name !== 'video/h264' && name !== 'video/h265') {
      this.#deliver?.(received, codec, this.#now);
      return;
    }
    this.#parameterSets ??= new ParameterSets(name === 'video/h264' ? 'H264' : 'H265', codec.parameters);
    const frame = this.#parameterSets.complete(received.frame);
    if (frame !== null) this.#deliver?.({ ...received, frame }, codec, this.#now);
  }

  #handleNackEvent(event: NackEvent): void {
    switch (event.kind) {
      case 'nack':
        this.stats.nackCount++;
        this.#sink.nack(event.sequenceNumbers);
        return;
      case 'keyFrameNeeded':
        this.#sink.requestKeyFrame();
        return;
      case 'gaveUp':
        this.#jitter?.giveUp(event.sequenceNumbers, this.#now);
        return;
      default:
        event satisfies never;
    }
  }
}
