/**
 * RTP packets for those who take packets, and frames made of them for those who take frames: what every source of packets
 * outside a connection does.
 */
import { parseFormatParameters } from '../rtp/codecs.ts';
import type { ReceivedFrame } from '../rtp/jitter/jitter-buffer.ts';
import type { NegotiatedRtpCodec } from '../rtp/negotiated-codec.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { ReceiveStream } from '../rtp/receive/receive-stream.ts';
import type { SenderReport } from '../rtp/rtcp/types.ts';
import { TimestampUnwrapper } from '../rtp/sequence.ts';
import type { MediaCodec, MediaKind } from './encoded-frame.ts';
import { Alarm, type MediaClock } from './media-clock.ts';
import { toMediaFrame } from './received-frame.ts';
import type { SinkSet } from './scripted-source.ts';
import type { EncodingId, TrackSink } from './track-source.ts';

/** Bound: streams that frames are made of at a time; the one begun first goes. Nobody sends more encodings than four. */
const MAX_STREAMS = 16;

type Assembly = { readonly stream: ReceiveStream; readonly clock: TimestampUnwrapper; encoding: EncodingId };

export class PacketFanout implements SinkSet {
  readonly #kind: MediaKind;
  readonly #clock: MediaClock;
  readonly #requestKeyFrame: (encoding: EncodingId) => void;
  readonly #sinks = new Set<TrackSink>();
  readonly #streams = new Map<number, Assembly>();
  readonly #codecs = new Map<MediaCodec, Map<number, NegotiatedRtpCodec>>();
  readonly #alarm: Alarm;

  constructor(kind: MediaKind, clock: MediaClock, requestKeyFrame: (encoding: EncodingId) => void) {
    this.#kind = kind;
    this.#clock = clock;
    this.#requestKeyFrame = requestKeyFrame;
    this.#alarm = new Alarm(clock, (now) => {
      for (const { stream } of this.#streams.values()) if (stream.nextTimeout <= now) stream.handleTimeout(now);
      this.#schedule();
    });
  }

  get size(): number {
    return this.#sinks.size;
  }

  add(sink: TrackSink): void {
    this.#sinks.add(sink);
  }

  delete(sink: TrackSink): void {
    this.#sinks.delete(sink);
    if (!this.#wantsFrames) this.#forgetStreams();
  }

  clear(): void {
    this.#sinks.clear();
    this.#forgetStreams();
  }

  packet(packet: RtpPacket, codec: MediaCodec, encoding: EncodingId): void {
    for (const sink of this.#sinks) if (sink.form === 'packets') sink.packet?.(packet, codec, encoding);
    if (!this.#wantsFrames) return;
    const now = this.#clock.now();
    const negotiated = this.#negotiated(codec, packet.payloadType);
    const { stream } = this.#assemblyOf(packet.ssrc, codec, negotiated, encoding);
    if (stream.receive(packet, negotiated, 'network', now)) stream.addContent(packet, negotiated, null, now);
    this.#schedule();
  }

  /** @param unixMs when the report was made, on our clock */
  report(report: SenderReport, unixMs: number): void {
    this.#streams.get(report.ssrc)?.stream.noteSenderReport(report, unixMs, this.#clock.now());
  }

  get #wantsFrames(): boolean {
    for (const { form } of this.#sinks) if (form === 'frames') return true;
    return false;
  }

  #assemblyOf(ssrc: number, codec: MediaCodec, negotiated: NegotiatedRtpCodec, encoding: EncodingId): Assembly {
    const known = this.#streams.get(ssrc);
    if (known !== undefined) {
      known.encoding = encoding;
      return known;
    }
    if (this.#streams.size === MAX_STREAMS) this.#streams.delete(this.#streams.keys().next().value!);
    const stream: ReceiveStream = new ReceiveStream(ssrc, this.#kind, negotiated, {
      nack: () => {}, // whoever sends does not hear us
      requestKeyFrame: () => this.#requestKeyFrame(assembly.encoding),
    });
    const assembly: Assembly = { stream, clock: new TimestampUnwrapper(), encoding };
    stream.assemble((frame) => this.#frame(assembly, frame, codec));
    this.#streams.set(ssrc, assembly);
    return assembly;
  }

  #frame({ stream, clock, encoding }: Assembly, received: ReceivedFrame, codec: MediaCodec): void {
    const frame = toMediaFrame(received, clock, codec.clockRate, stream.captureTimeMs(received.timestamp));
    for (const sink of this.#sinks) if (sink.form === 'frames') sink.frame?.(frame, codec, encoding);
  }

  #negotiated(codec: MediaCodec, payloadType: number): NegotiatedRtpCodec {
    const byPayloadType = this.#codecs.get(codec) ?? new Map<number, NegotiatedRtpCodec>();
    this.#codecs.set(codec, byPayloadType);
    let negotiated = byPayloadType.get(payloadType);
    if (negotiated === undefined) {
      const { mimeType, clockRate, channels, sdpFmtpLine } = codec;
      negotiated = {
        name: mimeType.slice(mimeType.indexOf('/') + 1),
        mimeType,
        clockRate,
        channels: channels ?? null,
        parameters: parseFormatParameters(sdpFmtpLine ?? ''),
        payloadType,
        role: 'media',
        rtxPayloadType: null,
        associatedPayloadType: null,
        redPayloadTypes: [],
        feedback: [{ type: 'nack', parameter: 'pli' }], // key frames can be asked for, packets cannot
      };
      byPayloadType.set(payloadType, negotiated);
    }
    return negotiated;
  }

  #schedule(): void {
    let next = Infinity;
    for (const { stream } of this.#streams.values()) next = Math.min(next, stream.nextTimeout);
    this.#alarm.set(next);
  }

  #forgetStreams(): void {
    this.#streams.clear();
    this.#alarm.clear();
  }
}
