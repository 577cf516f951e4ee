/** What one RTCRtpReceiver has beneath it: the streams of one section. */
import type { MediaKind } from '../codecs.ts';
import { audioLevelExtension, linearAudioLevel } from '../extensions/audio-level.ts';
import type { ExtensionMap } from '../extensions/extension-map.ts';
import type { ReceivedFrame } from '../jitter/jitter-buffer.ts';
import type { NegotiatedRtpCodec } from '../negotiated-codec.ts';
import type { RtpPacket } from '../packet.ts';
import type { ReceiveStream } from './receive-stream.ts';

/** What was negotiated for a receiver. */
export type ReceiverConfiguration = {
  readonly mid: string;
  /** Our payload types. */
  readonly codecs: readonly NegotiatedRtpCodec[];
  readonly extensions: ExtensionMap;
  /** With simulcast. */
  readonly rids: readonly string[];
  /** Sources that the peer announced. */
  readonly sources: readonly {
    readonly ssrc: number;
    readonly rtxSsrc: number | null;
    readonly fecSsrc?: number | null;
  }[];
  /** Whether our direction receives. */
  readonly isReceiving: boolean;
};

/** Called while a packet is being handled, as the last thing: may call back in. Must not throw. */
export interface ReceiverSink {
  /** A packet that was not there before, in order of arrival. It is shared: not to be changed. */
  packet(packet: RtpPacket, codec: NegotiatedRtpCodec, stream: ReceiveStream, isRepair: boolean, now: number): void;
  /** A frame, in decoding order; only while frames are assembled. */
  frame(frame: ReceivedFrame, codec: NegotiatedRtpCodec, stream: ReceiveStream, now: number): void;
  /** The peer has said that it sends this stream no more (BYE), or it was forgotten, or is silent: then it may go on. */
  ended(stream: ReceiveStream): void;
}

export class RtpReceiver {
  readonly kind: MediaKind;
  readonly sink: ReceiverSink;
  /** By SSRC. */
  readonly streams: Map<number, ReceiveStream> = new Map();
  #configuration: ReceiverConfiguration | null = null;
  #codecs = new Map<number, NegotiatedRtpCodec>();
  #assemblesFrames = false;
  #targetDelayMs = 0;
  readonly #requestKeyFrame: (stream: ReceiveStream) => void;

  constructor(kind: MediaKind, sink: ReceiverSink, requestKeyFrame: (stream: ReceiveStream) => void) {
    this.kind = kind;
    this.sink = sink;
    this.#requestKeyFrame = requestKeyFrame;
  }

  get configuration(): ReceiverConfiguration | null {
    return this.#configuration;
  }

  /** Negotiation has settled something; takes effect with `RtpTransport.configure`. `null`: nothing is received. */
  configure(configuration: ReceiverConfiguration | null): void {
    this.#configuration = configuration;
    this.#codecs = new Map(configuration?.codecs.map((codec) => [codec.payloadType, codec]));
  }

  get assemblesFrames(): boolean {
    return this.#assemblesFrames;
  }

  /** Whether packets are put together to frames: that costs a copy of each, and time where packets are lost. */
  assembleFrames(value: boolean, now: number): void {
    if (value === this.#assemblesFrames) return;
    this.#assemblesFrames = value;
    for (const stream of this.streams.values()) this.applyTo(stream, now);
  }

  get targetDelayMs(): number {
    return this.#targetDelayMs;
  }

  /** How long frames are held back, in ms: 0 delivers them as soon as they are complete. */
  set targetDelayMs(value: number) {
    this.#targetDelayMs = value;
    for (const stream of this.streams.values()) stream.targetDelayMs = value;
  }

  /** A stream gets what holds for all. */
  applyTo(stream: ReceiveStream, now: number): void {
    void now;
    stream.targetDelayMs = this.#targetDelayMs;
    if (!this.#assemblesFrames) stream.stopAssembling();
    else if (
      stream.assemble((frame, codec, at) => this.sink.frame(frame, codec, stream, at)) &&
      this.kind === 'video'
    ) {
      stream.requestKeyFrame(now); // it joins in the middle
    }
  }

  /** How loud a packet of sound says that it is, 0 … 1 (RFC 6464); `null`: it does not. */
  audioLevel(packet: RtpPacket): number | null {
    const told = this.kind === 'audio' ? this.#configuration?.extensions.read(packet, audioLevelExtension) : null;
    return told ? linearAudioLevel(told.level) : null;
  }

  codec(payloadType: number): NegotiatedRtpCodec | undefined {
    return this.#codecs.get(payloadType);
  }

  /** Asks the peer for a key frame: of one stream, or of all. At most a few times a second go out. */
  requestKeyFrame(of?: { readonly ssrc?: number; readonly rid?: string }): void {
    for (const stream of this.streams.values()) {
      if (of?.ssrc !== undefined && of.ssrc !== stream.ssrc) continue;
      if (of?.rid !== undefined && of.rid !== stream.rid) continue;
      this.#requestKeyFrame(stream);
    }
  }
}
