/** Where a receiver's track gets its content from: the RTP that comes for its section. */
import {
  type EncodingId,
  endTracksOf,
  type MediaCodec,
  type MediaKind,
  muteTracksOf,
  type TrackSettings,
  type TrackSink,
  type TrackSource,
  toMediaFrame,
} from '../media/tracks.ts';
import {
  audioLevelExtension,
  ExtensionMap,
  formatFormatParameters,
  linearAudioLevel,
  type NegotiatedRtpCodec,
  type ReceivedFrame,
  type ReceiverSink,
  type ReceiveStream,
  RtpPacket,
  type RtpReceiver,
  type SenderReport,
  TimestampUnwrapper,
} from '../rtp/index.ts';
import { type NegotiatedMedia, receives } from '../sdp/index.ts';
import type { FrameDetails } from './encoded-frame.ts';
import { FramePipe } from './frame-pipe.ts';
import type { PeerTransport } from './peer-transport.ts';
import { type RTCRtpContributingSource, type RTCRtpSynchronizationSource, RtpSources } from './rtp-sources.ts';
import type { TaskQueue } from './task-queue.ts';

export class ReceiverSource implements TrackSource, ReceiverSink {
  readonly kind: MediaKind;
  readonly label: string;
  readonly form = 'packets';
  /** Between the assembled frames and the sinks; has the transform. */
  readonly pipe: FramePipe;
  readonly #tasks: TaskQueue;
  readonly #sinks = new Set<TrackSink>();
  readonly #codecs = new Map<NegotiatedRtpCodec, MediaCodec>();
  #transport: PeerTransport | null = null;
  #rtp: RtpReceiver | null = null;
  #codec: MediaCodec | null = null;
  /** By SSRC: RTP timestamps that do not wrap. */
  readonly #clocks = new Map<number, TimestampUnwrapper>();
  readonly #heard: RtpSources;
  #extensions: ExtensionMap = new ExtensionMap([]);
  readonly #scratch = new RtpPacket();
  #jitterBufferTargetMs = 0;
  #rids: readonly string[] = [];
  #isFlowing = false;
  #isClosed = false;

  constructor(kind: MediaKind, tasks: TaskQueue) {
    this.kind = kind;
    this.label = `remote ${kind}`;
    this.#tasks = tasks;
    this.#heard = new RtpSources(kind);
    this.pipe = new FramePipe({
      kind,
      side: 'receiver',
      deliver: (frame, codec, encoding) => {
        for (const sink of this.#sinks) if (sink.form === 'frames') sink.frame?.(frame, codec, encoding);
      },
      requestKeyFrame: (encoding) => this.requestKeyFrame(encoding),
      layers: () => [{}],
    });
  }

  /** That of the last packet. */
  get codec(): MediaCodec | null {
    return this.#codec;
  }

  get rtp(): RtpReceiver | null {
    return this.#rtp;
  }

  get headerExtensions(): ExtensionMap {
    return this.#extensions;
  }

  get rids(): readonly string[] {
    return this.#rids;
  }

  reportOf(ssrc: number): SenderReport | null {
    return this.#rtp?.streams.get(ssrc)?.remoteReport?.report ?? null;
  }

  settings(): TrackSettings {
    return {};
  }

  /** Negotiation is through. @param media `null`: there is no section for it */
  configure(transport: PeerTransport, media: NegotiatedMedia | null, extensions: ExtensionMap): void {
    if (this.#isClosed) return;
    if (this.#transport !== transport) {
      this.#rtp?.configure(null); // its section has come to share another transport
      this.#transport = transport;
      this.#rtp = transport.session.media.createReceiver(this.kind, this);
      this.#rtp.targetDelayMs = this.#jitterBufferTargetMs;
      this.updateForm();
    }
    this.#codecs.clear();
    this.#extensions = extensions;
    this.#rids = media?.receive.streams.flatMap((alternatives) => alternatives.map(({ rid }) => rid)) ?? [];
    this.#rtp!.configure(
      media && {
        mid: media.mid ?? '',
        codecs: media.receive.codecs,
        extensions,
        rids: this.#rids,
        sources: media.receive.sources,
        isReceiving: receives(media.direction) && !media.rejected,
      },
    );
  }

  /** The transport is gone: a rollback of the first description. */
  forgetTransport(): void {
    this.#transport = null;
    this.#rtp = null;
  }

  connect(sink: TrackSink): void {
    this.#sinks.add(sink);
    this.updateForm();
  }

  disconnect(sink: TrackSink): void {
    this.#sinks.delete(sink);
    this.updateForm();
  }

  /** Frames are put together only for those who want frames: sinks, or a transform. */
  updateForm(): void {
    const wantsFrames = this.pipe.transform !== null || [...this.#sinks].some(({ form }) => form === 'frames');
    this.#transport?.run((_session, now) => this.#rtp?.assembleFrames(wantsFrames, now));
  }

  requestKeyFrame(encoding?: EncodingId): void {
    this.#transport?.run(() => this.#rtp?.requestKeyFrame(encoding));
  }

  setJitterBufferTarget(target: number | null): void {
    this.#jitterBufferTargetMs = target ?? 0;
    if (this.#rtp !== null) this.#rtp.targetDelayMs = this.#jitterBufferTargetMs;
  }

  contributingSources(): RTCRtpContributingSource[] {
    if (this.#transport === null) return [];
    return this.#heard.contributing(this.#transport.now(), performance.timeOrigin + performance.now());
  }

  synchronizationSources(): RTCRtpSynchronizationSource[] {
    if (this.#transport === null) return [];
    return this.#heard.synchronization(this.#transport.now(), performance.timeOrigin + performance.now());
  }

  // From the RTP receiver

  packet(packet: RtpPacket, codec: NegotiatedRtpCodec, stream: ReceiveStream, _isRepair: boolean, now: number): void {
    if (!this.#isFlowing) this.#setFlowing(true);
    if (!this.#rtp?.assemblesFrames) this.#heard.note(packet, this.#extensions, now);
    const known = this.#codecOf(codec);
    this.#codec = known;
    const encoding: EncodingId = stream.rid === null ? { ssrc: stream.ssrc } : { ssrc: stream.ssrc, rid: stream.rid };
    if (this.pipe.transform !== null) return; // nothing bypasses it: the frames will come out of it
    for (const sink of this.#sinks) if (sink.form === 'packets') sink.packet?.(packet, known, encoding);
  }

  frame(received: ReceivedFrame, codec: NegotiatedRtpCodec, stream: ReceiveStream, now: number): void {
    const { timestamp, packets } = received;
    if (this.#scratch.read(packets[0]!)) this.#heard.note(this.#scratch, this.#extensions, now);
    const { ssrc, rid } = stream;
    const clock = this.#clocks.get(ssrc) ?? new TimestampUnwrapper();
    this.#clocks.set(ssrc, clock);
    const content = toMediaFrame(received, clock, codec.clockRate, stream.captureTimeMs(timestamp));
    const encoding: EncodingId = rid === null ? { ssrc } : { ssrc, rid };
    const known = this.#codecOf(codec);
    if (this.pipe.transform === null) this.pipe.write(content, known, encoding);
    else this.pipe.write(content, known, encoding, this.#detailsOf(received, stream, now));
  }

  /** What a transform is told of a frame beside its content; the first packet has just been read. */
  #detailsOf(
    { timestamp, payloadType, completedAt, frame }: ReceivedFrame,
    { ssrc, frameSize }: ReceiveStream,
    now: number,
  ): FrameDetails {
    const packet = this.#scratch;
    const level = this.kind === 'audio' ? this.#extensions.read(packet, audioLevelExtension) : null;
    return {
      rtpTimestamp: timestamp,
      synchronizationSource: ssrc,
      payloadType,
      contributingSources: Array.from({ length: packet.csrcCount }, (_, i) => packet.csrc(i)),
      receiveTime: performance.now() - (now - completedAt),
      ...(this.kind === 'audio'
        ? {
            sequenceNumber: packet.sequenceNumber,
            audioLevel: level === null ? undefined : linearAudioLevel(level.level),
          }
        : { width: frame.metadata?.width ?? frameSize?.width, height: frame.metadata?.height ?? frameSize?.height }),
    };
  }

  ended(): void {
    if (this.#isClosed) return;
    const streams = [...(this.#rtp?.streams.values() ?? [])];
    if (this.#isFlowing && streams.every(({ isSilent }) => isSilent)) this.#setFlowing(false);
  }

  // Ends

  /** The section is to receive no more. */
  stop(): void {
    const rtp = this.#rtp;
    this.pipe.close();
    this.#isClosed = true;
    this.#rtp = null;
    if (rtp !== null) this.#transport?.run((session) => session.media.removeReceiver(rtp));
    this.#transport = null;
  }

  /** All tracks of it were stopped by the application: what comes is not looked at any more. */
  close(): void {
    this.pipe.close();
    this.#sinks.clear();
    this.updateForm();
  }

  end(): void {
    endTracksOf(this);
  }

  /** WebRTC §5.3, "the receiver's track is unmuted": in a task, like all that has its cause on the network. */
  #setFlowing(isFlowing: boolean): void {
    this.#isFlowing = isFlowing;
    this.#tasks.queue(() => muteTracksOf(this, !isFlowing));
  }

  #codecOf(codec: NegotiatedRtpCodec): MediaCodec {
    let known = this.#codecs.get(codec);
    if (known === undefined) {
      known = {
        mimeType: codec.mimeType,
        clockRate: codec.clockRate,
        ...(this.kind === 'audio' && { channels: codec.channels ?? 1 }),
        ...(codec.parameters.size > 0 && { sdpFmtpLine: formatFormatParameters(codec.parameters) }),
      };
      this.#codecs.set(codec, known);
    }
    return known;
  }
}
