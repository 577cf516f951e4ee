/** MediaStreamTrack (Media Capture and Streams §4.3): a handle on a source of sound or pictures. */
import {
  Dictionary,
  exposeInterface,
  INTERNAL,
  requireInternal,
  toBoolean,
  toDOMString,
} from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { MediaKind } from './encoded-frame.ts';
import type { TrackSettings, TrackSink, TrackSource } from './track-source.ts';

export type MediaStreamTrackState = 'live' | 'ended';

export interface MediaStreamTrackEventMap {
  ended: Event;
  mute: Event;
  unmute: Event;
}

interface MediaStreamTrackHandlers {
  get onended(): AnyEventHandler;
  set onended(handler: EventHandler<Event>);
  get onmute(): AnyEventHandler;
  set onmute(handler: EventHandler<Event>);
  get onunmute(): AnyEventHandler;
  set onunmute(handler: EventHandler<Event>);
}

const CONTENT_HINTS = {
  audio: ['', 'speech', 'speech-recognition', 'music'],
  video: ['', 'motion', 'detail', 'text'],
} as const;

/** Constraints are kept and shown; an encoded source has nothing to apply them to. */
export type TrackConstraints = Readonly<Record<string, unknown>>;

/** The tracks that stand for a source and have not ended: it is closed with the last of them. */
const liveTracks = new WeakMap<TrackSource, Set<MediaStreamTrack>>();

/** The source has come to its end by itself: so do its tracks, and say so. */
export function endTracksOf(source: TrackSource): void {
  for (const track of [...(liveTracks.get(source) ?? [])]) slotsOf(track).end();
}

/** The source is silent for now, or not any more. */
export function muteTracksOf(source: TrackSource, muted: boolean): void {
  for (const track of [...(liveTracks.get(source) ?? [])]) slotsOf(track).setMuted(muted);
}

/**
 * What parameters are declared to take where a track of ours is meant, so that TypeScript lets our objects go where
 * lib.dom's are expected. A track that is none of ours is a TypeError, as a wrong object is in a browser.
 */
export type MediaStreamTrackLike = { readonly id: string; readonly kind: string };

/** The inside of a track, for sources, senders and readers; not visible to scripts. */
export type TrackSlots = {
  readonly source: TrackSource;
  /** Takes the content while the track is enabled and live. Told at once, when the track has ended already. */
  connect(sink: TrackSink): void;
  disconnect(sink: TrackSink): void;
  /** The source is silent for now, or not any more; fires the event when that is news. */
  setMuted(muted: boolean): void;
  /** The source has come to its end by itself; fires `ended`. */
  end(): void;
};

let slotsOf: (track: MediaStreamTrack) => TrackSlots;

const Target: TypedEventTargetConstructor<MediaStreamTrackEventMap, MediaStreamTrackHandlers> = EventTarget as never;

export class MediaStreamTrack extends Target {
  readonly #source: TrackSource;
  readonly #id: string;
  readonly #label: string;
  /** Each sink, and what stands between it and the source. */
  readonly #gates = new Map<TrackSink, TrackSink>();
  #enabled = true;
  #muted: boolean;
  #state: MediaStreamTrackState = 'live';
  #contentHint = '';
  #constraints: TrackConstraints = {};

  static {
    defineEventHandlers(MediaStreamTrack, ['ended', 'mute', 'unmute']);
    exposeInterface(MediaStreamTrack, 'MediaStreamTrack', 0);
    slotsOf = (track) => ({
      source: track.#source,
      connect: (sink) => track.#connect(sink),
      disconnect: (sink) => track.#disconnect(sink),
      setMuted: (muted) => track.#setMuted(muted),
      end: () => track.#end(true),
    });
  }

  /** Not for scripts: throws "Illegal constructor". Sources make tracks. */
  constructor(key: symbol, source: TrackSource, options: { readonly id?: string; readonly muted?: boolean } = {}) {
    requireInternal(key);
    super();
    this.#source = source;
    this.#id = options.id ?? globalThis.crypto.randomUUID();
    this.#muted = options.muted ?? false;
    this.#label = source.label;
    const tracks = liveTracks.get(source) ?? new Set();
    liveTracks.set(source, tracks.add(this));
  }

  get kind(): MediaKind {
    return this.#source.kind;
  }

  get id(): string {
    return this.#id;
  }

  get label(): string {
    return this.#label;
  }

  /** While false, nothing of this track is sent or read: there is no encoder here to make silence or black pictures with. */
  get enabled(): boolean {
    return this.#enabled;
  }

  set enabled(value: boolean) {
    this.#enabled = toBoolean(value, 'enabled');
  }

  /** Whether the source is silent for now: of a received track, before its first packet and while it does not flow. */
  get muted(): boolean {
    return this.#muted;
  }

  get readyState(): MediaStreamTrackState {
    return this.#state;
  }

  /** What the content is, for encoders; kept, and of no consequence here. Other words are ignored. */
  get contentHint(): string {
    return this.#contentHint;
  }

  set contentHint(value: string) {
    const hint = toDOMString(value, 'contentHint');
    if ((CONTENT_HINTS[this.kind] as readonly string[]).includes(hint)) this.#contentHint = hint;
  }

  /** Another track of the same source, with a state of its own. */
  clone(): this {
    const copy = new MediaStreamTrack(INTERNAL, this.#source, { muted: this.#muted });
    copy.#enabled = this.#enabled;
    copy.#contentHint = this.#contentHint;
    copy.#constraints = this.#constraints;
    if (this.#state === 'ended') copy.#end(false);
    return copy as this;
  }

  /** No event tells of it: who calls knows. */
  stop(): void {
    this.#end(false);
  }

  /** What could be chosen of it: nothing can, so it is what names the device. */
  getCapabilities(): Pick<TrackSettings, 'deviceId' | 'groupId'> {
    const { deviceId, groupId } = this.getSettings();
    return { ...(deviceId !== undefined && { deviceId }), ...(groupId !== undefined && { groupId }) };
  }

  getConstraints(): TrackConstraints {
    return { ...this.#constraints };
  }

  getSettings(): TrackSettings {
    return this.#source.settings();
  }

  async applyConstraints(constraints?: TrackConstraints): Promise<void> {
    new Dictionary(constraints, 'MediaTrackConstraints');
    this.#constraints = { ...constraints };
  }

  #connect(sink: TrackSink): void {
    if (this.#state === 'ended') {
      sink.end?.();
      return;
    }
    if (this.#gates.has(sink)) return;
    const gate: TrackSink = {
      form: sink.form,
      get rids() {
        return sink.rids ?? [];
      },
      frame: (frame, codec, encoding) => {
        if (this.#enabled) sink.frame?.(frame, codec, encoding);
      },
      packet: (packet, codec, encoding) => {
        if (this.#enabled) sink.packet?.(packet, codec, encoding);
      },
    };
    this.#gates.set(sink, gate);
    this.#source.connect(gate);
  }

  #disconnect(sink: TrackSink): void {
    const gate = this.#gates.get(sink);
    if (gate === undefined) return;
    this.#gates.delete(sink);
    this.#source.disconnect(gate);
  }

  #setMuted(muted: boolean): void {
    if (this.#muted === muted || this.#state === 'ended') return;
    this.#muted = muted;
    this.dispatchEvent(new Event(muted ? 'mute' : 'unmute'));
  }

  #end(tell: boolean): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    for (const [sink, gate] of this.#gates) {
      this.#source.disconnect(gate);
      sink.end?.();
    }
    this.#gates.clear();
    const tracks = liveTracks.get(this.#source)!;
    tracks.delete(this);
    if (tracks.size === 0) this.#source.close();
    if (tell) this.dispatchEvent(new Event('ended'));
  }
}

export { slotsOf as trackSlots };
