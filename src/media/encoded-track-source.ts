/** A track made of encoded frames: from an encoder, a camera that encodes itself, a file, another protocol. */
import { Dictionary, enumeration, INTERNAL, requireArguments } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { EncodedMediaFrame, MediaCodec, MediaKind } from './encoded-frame.ts';
import { endTracksOf, MediaStreamTrack } from './media-stream-track.ts';
import type { EncodingId, TrackSettings, TrackSink, TrackSource } from './track-source.ts';

export type EncodedTrackSourceInit = {
  readonly kind: MediaKind;
  /** `video/VP8`, or with the parameters that tell two of a name apart. */
  readonly codec: string | MediaCodec;
  readonly label?: string;
  /** What the track's `getSettings` shows. */
  readonly settings?: TrackSettings;
};

/** The clock of RTP timestamps where the codec does not leave a choice (RFC 3551 §6, RFC 7587 §4.1). */
const CLOCK_RATES: ReadonlyMap<string, { readonly clockRate: number; readonly channels: number }> = new Map([
  ['audio/opus', { clockRate: 48_000, channels: 2 }],
  ['audio/pcmu', { clockRate: 8_000, channels: 1 }],
  ['audio/pcma', { clockRate: 8_000, channels: 1 }],
  ['audio/g722', { clockRate: 8_000, channels: 1 }],
  ['audio/l16', { clockRate: 48_000, channels: 1 }],
]);
const VIDEO_CLOCK_RATE = 90_000;

/** Somebody cannot decode until there is a key frame: the encoder should make one. */
export class KeyFrameRequestEvent extends Event {
  /** Of which encoding, where the source has several. */
  readonly encoding: EncodingId;

  constructor(encoding: EncodingId = {}) {
    super('keyframerequest');
    this.encoding = encoding;
  }
}

/** What the network takes at the moment. */
export class BitrateEvent extends Event {
  readonly bitsPerSecond: number;

  constructor(bitsPerSecond: number) {
    super('bitrate');
    this.bitsPerSecond = bitsPerSecond;
  }
}

export interface EncodedTrackSourceEventMap {
  keyframerequest: KeyFrameRequestEvent;
  bitrate: BitrateEvent;
  /** The last track of it was stopped: nobody listens any more. */
  close: Event;
}

interface Handlers {
  get onkeyframerequest(): AnyEventHandler;
  set onkeyframerequest(handler: EventHandler<KeyFrameRequestEvent>);
  get onbitrate(): AnyEventHandler;
  set onbitrate(handler: EventHandler<BitrateEvent>);
  get onclose(): AnyEventHandler;
  set onclose(handler: EventHandler<Event>);
}

const Target: TypedEventTargetConstructor<EncodedTrackSourceEventMap, Handlers> = EventTarget as never;

/**
 * ```ts
 * const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
 * pc.addTrack(source.track);
 * source.onkeyframerequest = () => encoder.forceKeyFrame();
 * encoder.onframe = (frame) => source.write(frame);
 * ```
 */
export class EncodedTrackSource extends Target {
  /** The track to send. Clones of it have the same content. */
  readonly track: MediaStreamTrack;
  readonly codec: MediaCodec;
  readonly #source: TrackSource;
  readonly #sinks = new Set<TrackSink>();
  #closed = false;

  static {
    defineEventHandlers(EncodedTrackSource, ['keyframerequest', 'bitrate', 'close']);
  }

  /** @throws TypeError for a kind or a codec that cannot be */
  constructor(init: EncodedTrackSourceInit) {
    super();
    const members = new Dictionary(init, 'EncodedTrackSourceInit');
    const kind = members.required('kind', enumeration<MediaKind>('MediaKind', ['audio', 'video']));
    this.codec = completeCodec(kind, init.codec);
    this.#source = this.#asSource(kind, init);
    this.track = new MediaStreamTrack(INTERNAL, this.#source);
  }

  /** Whether anybody takes what is written. */
  get isUsed(): boolean {
    return this.#sinks.size > 0;
  }

  /**
   * One frame, for all that use the track at this moment. `frame.timestamp` is in µs and grows; its data is not copied
   * and must not change afterwards.
   */
  write(frame: EncodedMediaFrame): void {
    requireArguments(frame === undefined ? 0 : 1, 1, 'write');
    if (!(frame.data instanceof Uint8Array)) throw new TypeError('frame.data is a Uint8Array');
    if (!Number.isFinite(frame.timestamp)) throw new TypeError(`frame.timestamp is in µs, got ${frame.timestamp}`);
    for (const sink of this.#sinks) sink.frame?.(frame, this.codec, {});
  }

  /** The content has come to its end: the track ends, and says so. */
  end(): void {
    if (!this.#closed) endTracksOf(this.#source);
  }

  #asSource(kind: MediaKind, { label = '', settings = {} }: EncodedTrackSourceInit): TrackSource {
    return {
      kind,
      label,
      form: 'frames',
      codec: this.codec,
      settings: () => ({ ...settings }),
      connect: (sink) => {
        this.#sinks.add(sink);
        if (kind === 'video') this.dispatchEvent(new KeyFrameRequestEvent());
      },
      disconnect: (sink) => void this.#sinks.delete(sink),
      requestKeyFrame: (encoding) => void this.dispatchEvent(new KeyFrameRequestEvent(encoding)),
      suggestBitrate: (bitsPerSecond) => void this.dispatchEvent(new BitrateEvent(bitsPerSecond)),
      close: () => {
        if (this.#closed) return;
        this.#closed = true;
        this.#sinks.clear();
        this.dispatchEvent(new Event('close'));
      },
    };
  }
}

/** @throws TypeError for a name that is not of this kind, or a clock that has to be said */
export function completeCodec(kind: MediaKind, codec: string | MediaCodec): MediaCodec {
  const given = typeof codec === 'string' ? { mimeType: codec } : codec;
  if (!given?.mimeType?.toLowerCase().startsWith(`${kind}/`)) {
    throw new TypeError(`codec: expected the likes of '${kind === 'audio' ? 'audio/opus' : 'video/VP8'}'`);
  }
  if ('clockRate' in given) return given;
  if (kind === 'video') return { ...given, clockRate: VIDEO_CLOCK_RATE };
  const known = CLOCK_RATES.get(given.mimeType.toLowerCase());
  if (known === undefined) throw new TypeError(`codec: say the clock rate and the channels of ${given.mimeType}`);
  return { ...given, ...known };
}
