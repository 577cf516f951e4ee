/** What the sources that programs write to have in common: a track, and what its viewers ask for. */
import { Dictionary, enumeration, INTERNAL } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { MediaCodec, MediaKind } from './encoded-frame.ts';
import { endTracksOf, MediaStreamTrack } from './media-stream-track.ts';
import type { EncodingId, TrackSettings, TrackSink, TrackSource } from './track-source.ts';

export type ScriptedSourceInit = {
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

export interface ScriptedSourceEventMap {
  keyframerequest: KeyFrameRequestEvent;
  bitrate: BitrateEvent;
  /** Somebody takes what is written, where nobody did. */
  use: Event;
  /** The last track of it was stopped: nobody listens any more. */
  close: Event;
}

interface Handlers {
  get onkeyframerequest(): AnyEventHandler;
  set onkeyframerequest(handler: EventHandler<KeyFrameRequestEvent>);
  get onbitrate(): AnyEventHandler;
  set onbitrate(handler: EventHandler<BitrateEvent>);
  get onuse(): AnyEventHandler;
  set onuse(handler: EventHandler<Event>);
  get onclose(): AnyEventHandler;
  set onclose(handler: EventHandler<Event>);
}

/** Who takes the content. */
export interface SinkSet {
  readonly size: number;
  add(sink: TrackSink): void;
  delete(sink: TrackSink): void;
  clear(): void;
}

const Target: TypedEventTargetConstructor<ScriptedSourceEventMap, Handlers> = EventTarget as never;

export abstract class ScriptedSource extends Target {
  /** The track to send. Clones of it have the same content. */
  readonly track: MediaStreamTrack;
  readonly codec: MediaCodec;
  readonly #source: TrackSource;
  readonly #sinks: SinkSet;
  #isClosed = false;

  static {
    defineEventHandlers(ScriptedSource, ['keyframerequest', 'bitrate', 'use', 'close']);
  }

  /** @throws TypeError for a kind or a codec that cannot be */
  constructor(
    init: ScriptedSourceInit,
    parts: Pick<TrackSource, 'form' | 'headerExtensions' | 'reportOf'>,
    sinks: SinkSet,
  ) {
    super();
    const members = new Dictionary(init, 'ScriptedSourceInit');
    const kind = members.required('kind', enumeration<MediaKind>('MediaKind', ['audio', 'video']));
    this.codec = completeCodec(kind, init.codec);
    this.#sinks = sinks;
    this.#source = {
      ...parts,
      kind,
      label: init.label ?? '',
      codec: this.codec,
      settings: () => ({ ...init.settings }),
      connect: (sink) => {
        sinks.add(sink);
        if (sinks.size === 1) this.#dispatch(new Event('use'));
        if (kind === 'video') this.#dispatch(new KeyFrameRequestEvent());
      },
      disconnect: (sink) => sinks.delete(sink),
      requestKeyFrame: (encoding) => this.#dispatch(new KeyFrameRequestEvent(encoding)),
      suggestBitrate: (bitsPerSecond) => this.#dispatch(new BitrateEvent(bitsPerSecond)),
      close: () => this.#close(),
    };
    this.track = new MediaStreamTrack(INTERNAL, this.#source);
  }

  /** Whether anybody takes what is written. */
  get isUsed(): boolean {
    return this.#sinks.size > 0;
  }

  /** The content has come to its end: the track ends, and says so. */
  end(): void {
    if (!this.#isClosed) endTracksOf(this.#source);
  }

  #dispatch(event: Event): void {
    this.dispatchEvent(event);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sinks.clear();
    this.#dispatch(new Event('close'));
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
