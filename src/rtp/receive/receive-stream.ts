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
import { ReceiverStatistics } from '../statistics/receiver-statistics.ts';
import { DuplicateFilter } from './duplicate-filter.ts';
import type { StreamFec } from './stream-fec.ts';

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
  /** Packets of FEC, and packets of media that they brought. */
  fecPacketsReceived: number;
  fecBytesReceived: number;
  fecPacketsRecovered: number;
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
  /** Of video, while nobody put frames together: packets that end one. */
  frameEnds: number;
};

/** What was last handed on: the track is there now. */
export type PlayoutPoint = { readonly rtpTimestamp: number; readonly at: number };

/** How a packet came. */
export type Arrival = 'network' | 'retransmission' | 'recovery';

/** The last sender report, for lip sync and round trips. */
export type RemoteReport = {
  readonly report: SenderReport;
  readonly receivedAt: number;
  /** When the report was made, in ms since 1970 on our clock; `null` where the peer has no clock. */
  readonly unixMs: number | null;
  /** How many have come. */
  readonly count: number;
};

/** What the peer is asked for a key frame with: PLI, or FIR where only that was agreed on. */
export type KeyFrameRequest = 'pli' | 'fir';

export type ReceiveStreamSink = {
  nack(sequenceNumbers: readonly number[]): void;
  requestKeyFrame(request: KeyFrameRequest): void;
};

type DeliverFrame = (frame: ReceivedFrame, codec: NegotiatedRtpCodec, now: number) => void;

export class ReceiveStream {
  readonly ssrc: number;
  readonly kind: MediaKind;
  readonly stats: ReceiveStreamStats = {
    packetsReceived: 0,
    bytesReceived: 0,
    headerBytesReceived: 0,
    retransmittedPacketsReceived: 0,
    retransmittedBytesReceived: 0,
    fecPacketsReceived: 0,
    fecBytesReceived: 0,
    fecPacketsRecovered: 0,
    duplicates: 0,
    nackCount: 0,
    pliCount: 0,
    firCount: 0,
    lastPacketReceivedAt: -Infinity,
    audioLevel: null,
    totalAudioEnergy: 0,
    totalSamplesDuration: 0,
    frameEnds: 0,
  };
  /** Of the frames that were put together, or of those whose ends came. */
  readonly frameRate: FrameRate = new FrameRate();
  /** Of the last key frame that tells it. */
  frameSize: { readonly width: number; readonly height: number } | null = null;
  /** Whether nothing has come for so long that the source is taken for gone (RFC 3550 §6.3.5). */
  isSilent = false;
  /** Of sound with redundancy. */
  readonly red: RedReceiver = new RedReceiver();
  /** What our reports say: of the network alone, not of what repair brought. */
  readonly reception: ReceiverStatistics;
  /** The restriction identifier, with simulcast; may become known after the first packets. */
  rid: string | null = null;
  codec: NegotiatedRtpCodec;
  rtxSsrc: number | null = null;
  remoteReport: RemoteReport | null = null;
  /** Where forward error correction was agreed on, and came. */
  fec: StreamFec | null = null;
  readonly #sink: ReceiveStreamSink;
  readonly #nacks: NackGenerator;
  readonly #duplicates = new DuplicateFilter();
  #keyFrameRequestedAt = -Infinity;
  /** When a request that came too soon after the last one goes out. */
  #keyFrameRequestAt = Infinity;
  #jitter: JitterBuffer | null = null;
  #frameStats: JitterBufferStats | null = null;
  #playoutTimestamp = 0;
  #playoutAt = -Infinity;
  #targetDelayMs = 0;
  #roundTripMs = 0;
  #deliver: DeliverFrame | null = null;
  readonly #formats = new Map<NegotiatedRtpCodec, PayloadFormat | null>();
  /** By payload type, those that came. */
  readonly #codecs = new Map<number, NegotiatedRtpCodec>();
  /** By codec: they outlive a renegotiation. */
  readonly #parameterSets = new Map<string, ParameterSets>();
  /** The time of the call that is running. */
  #now = 0;

  /** @param codec of the packet that it begins with */
  constructor(ssrc: number, kind: MediaKind, codec: NegotiatedRtpCodec, sink: ReceiveStreamSink) {
    this.ssrc = ssrc;
    this.kind = kind;
    this.codec = codec;
    this.#sink = sink;
    this.reception = new ReceiverStatistics(ssrc, codec.clockRate);
    this.#nacks = new NackGenerator({}, { event: (event) => this.#handleNackEvent(event) });
  }

  get nextTimeout(): number {
    return Math.min(this.#nacks.nextTimeout, this.#jitter?.nextTimeout ?? Infinity, this.#keyFrameRequestAt);
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

  /** Of all packets, 16 bits; -1 before the first. */
  get highestSequenceNumber(): number {
    return this.#duplicates.highest;
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
  assemble(deliver: DeliverFrame): boolean {
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
      this.#noteUnassembled(packet, now);
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
   * @param codec of what it carries: in RED, of what is inside
   */
  receive(packet: RtpPacket, codec: NegotiatedRtpCodec, arrival: Arrival, now: number): boolean {
    const { stats, reception } = this;
    this.#now = now;
    this.isSilent = false;
    if (arrival === 'network') {
      reception.clockRate = codec.clockRate;
      reception.receive(packet.sequenceNumber, packet.timestamp, now);
    }
    if (!this.#duplicates.isNew(packet.sequenceNumber)) {
      stats.duplicates++;
      return false;
    }
    stats.packetsReceived++;
    stats.bytesReceived += packet.payloadLength;
    stats.headerBytesReceived += packet.headerLength + packet.paddingLength;
    stats.lastPacketReceivedAt = now;
    if (arrival === 'retransmission') {
      stats.retransmittedPacketsReceived++;
      stats.retransmittedBytesReceived += packet.payloadLength;
    } else if (arrival === 'recovery') {
      stats.fecPacketsRecovered++;
    }
    if (codec.role === 'media') this.codec = codec;
    if (hasNack(this.codec)) this.#nacks.receive(packet.sequenceNumber, arrival !== 'network', now);
    return true;
  }

  /** @param unixMs see RemoteReport */
  noteSenderReport(report: SenderReport, unixMs: number | null, now: number): void {
    this.remoteReport = { report, receivedAt: now, unixMs, count: (this.remoteReport?.count ?? 0) + 1 };
    this.reception.receiveSenderReport(report.ntpTimestamp, now);
  }

  /** When what has this timestamp was captured, in ms since 1970 on our clock; `null` while no report has told. */
  captureTimeMs(timestamp: number): number | null {
    const { remoteReport, codec } = this;
    if (remoteReport === null || remoteReport.unixMs === null || codec === null) return null;
    const ticks = (timestamp - remoteReport.report.rtpTimestamp) | 0;
    return remoteReport.unixMs + (ticks * 1000) / codec.clockRate;
  }

  /** Asks for a key frame: at once, or as soon as one may be asked for again. */
  requestKeyFrame(now: number): void {
    if (this.kind !== 'video' || this.#keyFrameRequestAt < Infinity) return;
    this.#keyFrameRequestAt = Math.max(now, this.#keyFrameRequestedAt + KEY_FRAME_REQUEST_INTERVAL_MS);
    if (this.#keyFrameRequestAt <= now) this.#sendKeyFrameRequest(now);
  }

  handleTimeout(now: number): void {
    this.#now = now;
    if (this.#nacks.nextTimeout <= now) this.#nacks.handleTimeout(now);
    const jitter = this.#jitter;
    if (jitter !== null && jitter.nextTimeout <= now) jitter.handleTimeout(now);
    if (this.#keyFrameRequestAt <= now) this.#sendKeyFrameRequest(now);
  }

  #sendKeyFrameRequest(now: number): void {
    this.#keyFrameRequestAt = Infinity;
    const { feedback } = this.codec;
    const has = (type: string, parameter: string): boolean =>
      feedback.some((one) => one.type === type && one.parameter === parameter);
    const request = has('nack', 'pli') ? 'pli' : has('ccm', 'fir') ? 'fir' : null;
    if (request === null) return; // the peer would not know what is wanted
    this.#keyFrameRequestedAt = now;
    if (request === 'pli') this.stats.pliCount++;
    else this.stats.firCount++;
    this.#sink.requestKeyFrame(request);
  }

  #makeJitterBuffer(codec: NegotiatedRtpCodec): JitterBuffer {
    this.#frameStats ??= newJitterBufferStats();
    const jitter = new JitterBuffer(
      {
        clockRate: codec.clockRate,
        stats: this.#frameStats,
        ...(this.kind === 'audio' && {
          weightOf: (frame: EncodedFrame, payloadType: number) => this.#unitsOf(frame.data, payloadType),
        }),
        canRepair: hasNack(codec),
        needsKeyFrames: this.kind === 'video',
        formatOf: (payloadType) => this.#formatOf(payloadType),
      },
      {
        event: (event) => {
          if (event.kind === 'frame') this.#deliverFrame(event.frame);
          else this.requestKeyFrame(this.#now);
        },
      },
    );
    jitter.targetDelayMs = this.#targetDelayMs;
    if (this.#roundTripMs > 0) jitter.roundTripMs = this.#roundTripMs;
    return jitter;
  }

  #noteUnassembled({ timestamp, marker }: RtpPacket, now: number): void {
    this.#playoutTimestamp = timestamp;
    this.#playoutAt = now;
    if (this.kind === 'audio' || !marker) return;
    this.stats.frameEnds++;
    this.frameRate.note(now);
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
    // What is missing before a key frame, no picture needs any more.
    if (this.kind === 'video' && received.frame.isKeyFrame) this.#nacks.forgetBefore(received.firstSequenceNumber);
    const name = codec.mimeType.toLowerCase();
    if (name !== 'video/h264' && name !== 'video/h265') {
      this.#deliver?.(received, codec, this.#now);
      return;
    }
    let sets = this.#parameterSets.get(name);
    if (sets === undefined) {
      sets = new ParameterSets(name === 'video/h264' ? 'H264' : 'H265', codec.parameters);
      this.#parameterSets.set(name, sets);
    }
    const frame = sets.complete(received.frame);
    if (frame !== null) this.#deliver?.({ ...received, frame }, codec, this.#now);
  }

  #handleNackEvent(event: NackEvent): void {
    switch (event.kind) {
      case 'nack':
        this.stats.nackCount++;
        this.#sink.nack(event.sequenceNumbers);
        return;
      case 'keyFrameNeeded':
        this.requestKeyFrame(this.#now);
        return;
      case 'gaveUp':
        this.#jitter?.giveUp(event.sequenceNumbers, this.#now);
        return;
      default:
        event satisfies never;
    }
  }
}
