/**
 * Statistics about media: streams, what the peer reports about them, codecs and sources (webrtc-stats §7). An outgoing
 * stream is there from the negotiation on, an incoming one from its first packet; both until their transceiver stops.
 *
 * ```text
 *   media-source ◄─ outbound-rtp ◄─► remote-inbound-rtp       what we send, and what the peer says of it
 *                        └──► codec, transport
 *                   inbound-rtp ◄─► remote-outbound-rtp       what comes, and what the peer says it has sent
 * ```
 */
import { type MediaStreamTrack, trackSlots } from '../media/tracks.ts';
import {
  formatFormatParameters,
  type NegotiatedRtpCodec,
  type ReceiveStream,
  type RtpReceiver,
  type RtpSender,
  type RtpTransport,
  type SendStream,
  unixMsFromNtp,
} from '../rtp/index.ts';
import { type ConnectionTransport, transportId, transportOf } from './connection-transport.ts';
import type { ReceiverSlots } from './rtp-receiver.ts';
import type { SenderSlots } from './rtp-sender.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';
import type { PeerConnectionSlots } from './slots.ts';
import type { SourceMeter } from './source-meter.ts';
import type { MakeStats } from './stats-dictionaries.ts';
import type { RTCStats } from './stats-report.ts';

export type RtpStats = {
  readonly entries: readonly RTCStats[];
  /** The ids of the streams of each sender and receiver. */
  readonly streamIds: ReadonlyMap<SenderSlots | ReceiverSlots, readonly string[]>;
};

/** @param timestamp that of the report: where times are told that lie before it, they are taken from there */
export function rtpStats(slots: PeerConnectionSlots, make: MakeStats, timestamp: number): RtpStats {
  return new RtpStatsCollector(slots, make, timestamp).collect();
}

class RtpStatsCollector {
  readonly #slots: PeerConnectionSlots;
  readonly #make: MakeStats;
  readonly #timestamp: number;
  // Of the transceiver that is being looked at:
  #transportId = '';
  /** On the clock of its transport. */
  #now = 0;
  #media: RtpTransport | null = null;
  /** By id. */
  readonly #entries = new Map<string, RTCStats>();
  readonly #streamIds = new Map<SenderSlots | ReceiverSlots, string[]>();

  constructor(slots: PeerConnectionSlots, make: MakeStats, timestamp: number) {
    this.#slots = slots;
    this.#make = make;
    this.#timestamp = timestamp;
  }

  collect(): RtpStats {
    for (const transceiver of this.#slots.transceivers) {
      if (transceiver.stopping || transceiver.stopped) continue;
      this.#lookAt(transportOf(this.#slots, transceiver.mLineIndex));
      const { sender, receiver } = transceiver;
      const { track, sink } = sender.slots;
      if (track !== null) this.#addSource(track, sink.meter);
      if (this.#media === null) continue;
      if (sink.rtp !== null) this.#addSender(transceiver, sink.rtp, this.#media);
      const { rtp } = receiver.slots.source;
      if (rtp !== null) for (const stream of rtp.streams.values()) this.#addReceived(transceiver, rtp, stream);
    }
    return { entries: [...this.#entries.values()], streamIds: this.#streamIds };
  }

  #lookAt(transport: ConnectionTransport | undefined): void {
    this.#transportId = transport ? transportId(transport) : '';
    this.#now = transport?.peer?.now() ?? 0;
    this.#media = transport?.peer?.session.media ?? null;
  }

  #add(entry: RTCStats): string {
    this.#entries.set(entry.id, entry);
    return entry.id;
  }

  #addStream(owner: SenderSlots | ReceiverSlots, entry: RTCStats): void {
    const ids = this.#streamIds.get(owner) ?? [];
    this.#streamIds.set(owner, ids);
    ids.push(this.#add(entry));
  }

  /** A moment of the transport's clock, as reports tell it. */
  #wallClock(at: number): number {
    return this.#timestamp - (this.#now - at);
  }

  /** RTCCodecStats: those that a stream uses, once for all of them. */
  #addCodec(codec: NegotiatedRtpCodec): string {
    const { payloadType, mimeType, clockRate } = codec;
    const channels = mimeType.startsWith('audio/') ? (codec.channels ?? 1) : undefined;
    const sdpFmtpLine = codec.parameters.size > 0 ? formatFormatParameters(codec.parameters) : undefined;
    const format = [mimeType, clockRate, ...(channels === undefined ? [] : [channels])].join('/');
    const id = `C${this.#transportId} ${payloadType} ${format}${sdpFmtpLine === undefined ? '' : ` ${sdpFmtpLine}`}`;
    const transportId = this.#transportId;
    return this.#add(this.#make('codec', id, { payloadType, transportId, mimeType, clockRate, channels, sdpFmtpLine }));
  }

  /** RTCAudioSourceStats, RTCVideoSourceStats. */
  #addSource(track: MediaStreamTrack, meter: SourceMeter): string {
    const { kind } = track;
    const members = { trackIdentifier: track.id, kind };
    const id = this.#sourceId(track);
    if (kind === 'audio') {
      const totalSamplesDuration = meter.hasFrames ? meter.totalDuration : undefined;
      return this.#add(this.#make('media-source', id, { ...members, totalSamplesDuration }));
    }
    const { width, height } = meter.frameSize ?? trackSlots(track).source.settings();
    const frames = meter.hasFrames ? meter.frames : undefined;
    const framesPerSecond = meter.hasFrames ? (meter.frameRate.perSecond(this.#now) ?? 0) : undefined;
    return this.#add(this.#make('media-source', id, { ...members, width, height, frames, framesPerSecond }));
  }

  #sourceId(track: MediaStreamTrack): string {
    return this.#slots.statsIds.of('S', track);
  }

  #addSender(transceiver: TransceiverSlots, rtp: RtpSender, media: RtpTransport): void {
    rtp.encodings.forEach((encoding, index) => {
      const stream = rtp.streams[index];
      if (stream === undefined || !(rtp.isSending || stream.hasSent)) return;
      this.#addSent(transceiver, rtp, stream, index, encoding.active, media);
    });
  }

  /** RTCOutboundRtpStreamStats, and RTCRemoteInboundRtpStreamStats where the peer has reported. */
  #addSent(
    { kind, mid, sender }: TransceiverSlots,
    rtp: RtpSender,
    stream: SendStream,
    encodingIndex: number,
    isActive: boolean,
    media: RtpTransport,
  ): void {
    const { ssrc, stats, frameSize } = stream;
    const { slots } = sender;
    const { codec, encodings } = rtp;
    const isVideo = kind === 'video';
    const id = this.#slots.statsIds.of(isVideo ? 'OV' : 'OA', stream);
    const isOnly = encodings.filter(({ active }) => active).length === 1;
    const hasFrames = isVideo && stats.framesSent > 0;
    const hasRtx = rtp.hasRtx && stream.rtxSsrc !== null;
    const reported = media.remoteReceptions.get(ssrc);
    const common = {
      ssrc,
      kind,
      transportId: this.#transportId,
      codecId: codec === null ? undefined : this.#addCodec(codec),
    };
    const remoteId = `RI${id}`;
    this.#addStream(
      slots,
      this.#make('outbound-rtp', id, {
        ...common,
        mid: mid ?? undefined,
        mediaSourceId: slots.track === null ? undefined : this.#sourceId(slots.track),
        remoteId: reported && remoteId,
        rid: encodings[encodingIndex]?.rid ?? undefined,
        encodingIndex: isVideo ? encodingIndex : undefined,
        packetsSent: stats.packetsSent,
        bytesSent: stats.bytesSent,
        headerBytesSent: stats.headerBytesSent,
        retransmittedPacketsSent: stats.retransmittedPacketsSent,
        retransmittedBytesSent: stats.retransmittedBytesSent,
        rtxSsrc: hasRtx ? (stream.rtxSsrc ?? undefined) : undefined,
        targetBitrate: isOnly && isActive ? (slots.sink.targetBitrate ?? undefined) : undefined,
        frameWidth: frameSize?.width,
        frameHeight: frameSize?.height,
        framesPerSecond: hasFrames ? (stream.frameRate.perSecond(this.#now) ?? undefined) : undefined,
        framesSent: isVideo ? stats.framesSent : undefined,
        hugeFramesSent: hasFrames ? stats.hugeFramesSent : undefined,
        totalPacketSendDelay: stats.totalPacketSendDelayMs / 1000,
        qualityLimitationReason: isVideo ? 'none' : undefined,
        nackCount: stats.nackCount,
        pliCount: isVideo ? stats.pliCount : undefined,
        firCount: isVideo ? stats.firCount : undefined,
        active: isActive && rtp.isSending,
      }),
    );
    if (reported === undefined) return;
    const { block, receivedAt, measured, roundTrip } = reported;
    const received = block.highestSequenceNumber - stream.firstSequenceNumber + 1 - block.cumulativeLost;
    this.#add(
      this.#make(
        'remote-inbound-rtp',
        remoteId,
        {
          ...common,
          localId: id,
          packetsReceived: Math.max(0, received),
          packetsLost: block.cumulativeLost,
          jitter: codec === null ? undefined : block.jitter / codec.clockRate,
          fractionLost: block.fractionLost / 256,
          roundTripTime: measured ? (roundTrip.latestMs ?? 0) / 1000 : undefined,
          totalRoundTripTime: roundTrip.totalMs / 1000,
          roundTripTimeMeasurements: roundTrip.measurements,
        },
        this.#wallClock(receivedAt),
      ),
    );
  }

  /** RTCInboundRtpStreamStats, and RTCRemoteOutboundRtpStreamStats where the peer has reported. */
  #addReceived({ kind, mid, receiver }: TransceiverSlots, rtp: RtpReceiver, stream: ReceiveStream): void {
    const { ssrc, stats, codec, reception, remoteReport, frameStats, frameSize, rtxSsrc } = stream;
    const announced = rtp.configuration?.sources.find((source) => source.ssrc === ssrc);
    if (stats.packetsReceived === 0) return;
    const isVideo = kind === 'video';
    const id = this.#slots.statsIds.of(isVideo ? 'IV' : 'IA', stream);
    const remoteId = `RO${id}`;
    const hasRtx = rtp.configuration?.codecs.some(({ role }) => role === 'rtx') ?? false;
    const hasFec = rtp.configuration?.codecs.some(({ role }) => role === 'ulpfec' || role === 'flexfec') ?? false;
    const common = {
      ssrc,
      kind,
      transportId: this.#transportId,
      codecId: this.#addCodec(codec),
    };
    const frames = isVideo ? frameStats : null;
    this.#addStream(
      receiver.slots,
      this.#make('inbound-rtp', id, {
        ...common,
        trackIdentifier: receiver.slots.track.id,
        mid: mid ?? undefined,
        remoteId: remoteReport === null ? undefined : remoteId,
        packetsReceived: stats.packetsReceived,
        packetsLost: reception.packetsLost,
        jitter: reception.jitterMs / 1000,
        packetsDiscarded: frameStats?.latePackets ?? 0,
        bytesReceived: stats.bytesReceived,
        headerBytesReceived: stats.headerBytesReceived,
        retransmittedPacketsReceived: hasRtx ? stats.retransmittedPacketsReceived : undefined,
        retransmittedBytesReceived: hasRtx ? stats.retransmittedBytesReceived : undefined,
        rtxSsrc: rtxSsrc ?? announced?.rtxSsrc ?? undefined,
        fecSsrc: announced?.fecSsrc ?? undefined,
        fecPacketsReceived: hasFec ? stats.fecPacketsReceived : undefined,
        fecBytesReceived: hasFec ? stats.fecBytesReceived : undefined,
        lastPacketReceivedTimestamp: this.#wallClock(stats.lastPacketReceivedAt),
        nackCount: stats.nackCount,
        pliCount: isVideo ? stats.pliCount : undefined,
        firCount: isVideo ? stats.firCount : undefined,
        framesReceived: isVideo ? (frames?.frames ?? 0) + stats.frameEnds : undefined,
        framesDropped: isVideo ? (frames?.droppedFrames ?? 0) : undefined,
        framesAssembledFromMultiplePackets: frames?.multiPacketFrames,
        totalAssemblyTime: frames ? frames.assemblyMs / 1000 : undefined,
        framesPerSecond: isVideo ? (stream.frameRate.perSecond(this.#now) ?? undefined) : undefined,
        frameWidth: frameSize?.width,
        frameHeight: frameSize?.height,
        jitterBufferDelay: frameStats ? frameStats.delayMs / 1000 : undefined,
        jitterBufferTargetDelay: frameStats ? frameStats.targetDelayMs / 1000 : undefined,
        jitterBufferEmittedCount: frameStats?.emitted,
        estimatedPlayoutTimestamp: playoutTime(stream, this.#now),
        audioLevel: stats.audioLevel ?? undefined,
        totalAudioEnergy: stats.audioLevel === null ? undefined : stats.totalAudioEnergy,
        totalSamplesReceived: isVideo ? undefined : Math.round(stats.totalSamplesDuration * codec.clockRate),
        totalSamplesDuration: isVideo ? undefined : stats.totalSamplesDuration,
      }),
    );
    if (remoteReport === null) return;
    const { report, receivedAt, count } = remoteReport;
    const trip = this.#media!.receiverRoundTrip;
    this.#add(
      this.#make(
        'remote-outbound-rtp',
        remoteId,
        {
          ...common,
          localId: id,
          packetsSent: report.packetCount,
          bytesSent: report.octetCount,
          // RFC 3550 §6.4.1: a sender without a clock "may set it to zero".
          remoteTimestamp: report.ntpTimestamp === 0n ? undefined : unixMsFromNtp(report.ntpTimestamp),
          reportsSent: count,
          roundTripTime: trip.latestMs === null ? undefined : trip.latestMs / 1000,
          totalRoundTripTime: trip.totalMs / 1000,
          roundTripTimeMeasurements: trip.measurements,
        },
        this.#wallClock(receivedAt),
      ),
    );
  }
}

/** What was last handed on was captured then, and time has gone on since; on the sender's clock. */
function playoutTime({ playoutPoint, remoteReport, codec }: ReceiveStream, now: number): number | undefined {
  if (playoutPoint === null || remoteReport === null) return undefined;
  const { ntpTimestamp, rtpTimestamp } = remoteReport.report;
  if (ntpTimestamp === 0n) return undefined;
  const ticks = (playoutPoint.rtpTimestamp - rtpTimestamp) | 0;
  return unixMsFromNtp(ntpTimestamp) + (1000 * ticks) / codec.clockRate + (now - playoutPoint.at);
}
