/** Encoded frames as tracks, each at its time: what plays files, and test media. */
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { EncodedMediaFrame, MediaCodec, MediaKind } from './encoded-frame.ts';
import { EncodedTrackSource } from './encoded-track-source.ts';
import { Alarm, type MediaClock, systemClock } from './media-clock.ts';
import { MediaStream } from './media-stream.ts';
import type { MediaStreamTrack } from './media-stream-track.ts';
import { KeyFrameRequestEvent } from './scripted-source.ts';
import type { TrackSettings } from './track-source.ts';

/** Whoever falls behind by more goes on from where it is: a burst of what was missed helps nobody. */
const MAX_LATE_MS = 1_000;

/** What can be played; a track of a `MediaFile` is one. */
export type PlayableTrack = {
  readonly kind: MediaKind;
  readonly codec: MediaCodec;
  readonly settings?: TrackSettings;
  /** From the beginning, each time it is asked for; timestamps of all tracks are on one clock. */
  frames(): AsyncIterable<EncodedMediaFrame> | Iterable<EncodedMediaFrame>;
};

export type MediaPlayerOptions = {
  /** Begins again at the end, for ever. Default false. */
  readonly loop?: boolean;
  /** `false`: frames come as fast as they are read, and whoever takes them has to keep up. Default true. */
  readonly realtime?: boolean;
  /** Begins by itself once somebody takes a track: a sender that is connected, a reader, a recorder. Default true. */
  readonly autoplay?: boolean;
  /** Default: the machine's. */
  readonly clock?: MediaClock;
  /** Called when it is over. */
  readonly close?: () => void;
};

export type MediaPlayerState = 'paused' | 'playing' | 'ended';

export interface MediaPlayerEventMap {
  /** It is over: at the end, after `stop()`, when nobody listens any more, or because of `error`. */
  ended: Event;
  /** A viewer waits for a key frame. Of a file there is nothing to do about it: the next one comes when it comes. */
  keyframerequest: KeyFrameRequestEvent;
}

interface Handlers {
  get onended(): AnyEventHandler;
  set onended(handler: EventHandler<Event>);
  get onkeyframerequest(): AnyEventHandler;
  set onkeyframerequest(handler: EventHandler<KeyFrameRequestEvent>);
}

/** A track on its way through its frames. */
type Cursor = {
  readonly source: EncodedTrackSource;
  readonly playable: PlayableTrack;
  frames: AsyncIterator<EncodedMediaFrame> | Iterator<EncodedMediaFrame>;
  /** Being read, or read and not played yet; `null` before it was asked for. */
  next: Promise<IteratorResult<EncodedMediaFrame, unknown>> | null;
  frame: EncodedMediaFrame | null;
  isDone: boolean;
  lastTimestamp: number;
};

const Target: TypedEventTargetConstructor<MediaPlayerEventMap, Handlers> = EventTarget as never;

export class MediaPlayer extends Target {
  /** All tracks, as one stream. */
  readonly stream: MediaStream;
  readonly #cursors: readonly Cursor[];
  readonly #options: MediaPlayerOptions;
  readonly #clock: MediaClock;
  readonly #alarm: Alarm;
  #state: MediaPlayerState = 'paused';
  #wasPlayed = false;
  #error: unknown = null;
  /** When the frame with the timestamp 0 is due, in ms on the clock. */
  #origin = 0;
  #pausedAt = 0;
  /** `#origin` when it began: timestamps count from there, so that pauses are in them. */
  #firstOrigin = 0;
  #unixOffsetMs = 0;
  /** µs in the file: where the last frame ends. */
  #end = 0;
  #position = 0;
  /** Whether the loop that plays is running: it lives until it sees that it should not. */
  #isRunning = false;
  #wake: (() => void) | null = null;
  /** Sources that somebody has a live track of. */
  #openSources = 0;

  static {
    defineEventHandlers(MediaPlayer, ['ended', 'keyframerequest']);
  }

  /** @throws TypeError without tracks */
  constructor(tracks: readonly PlayableTrack[], options: MediaPlayerOptions = {}) {
    super();
    if (tracks.length === 0) throw new TypeError('there is no track to play');
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#alarm = new Alarm(this.#clock, () => this.#wake?.());
    this.#cursors = tracks.map((playable) => this.#makeCursor(playable));
    this.stream = new MediaStream(this.tracks);
  }

  get tracks(): MediaStreamTrack[] {
    return this.#cursors.map(({ source }) => source.track);
  }

  /** The first track of pictures, or of sound. */
  get video(): MediaStreamTrack | null {
    return this.tracks.find(({ kind }) => kind === 'video') ?? null;
  }

  get audio(): MediaStreamTrack | null {
    return this.tracks.find(({ kind }) => kind === 'audio') ?? null;
  }

  get state(): MediaPlayerState {
    return this.#state;
  }

  /** Seconds from the beginning of the file, of the frame that was played last. */
  get currentTime(): number {
    return this.#position / 1e6;
  }

  /** What ended it, where that was no end; else `null`. */
  get error(): unknown {
    return this.#error;
  }

  /** Begins, or goes on behind a pause. */
  play(): void {
    if (this.#state !== 'paused') return;
    const now = this.#clock.now();
    if (this.#wasPlayed) {
      this.#origin += now - this.#pausedAt;
    } else {
      this.#origin = now;
      this.#firstOrigin = now;
      this.#unixOffsetMs = Date.now() - now;
    }
    this.#wasPlayed = true;
    this.#state = 'playing';
    if (!this.#isRunning) void this.#run();
  }

  pause(): void {
    if (this.#state !== 'playing') return;
    this.#state = 'paused';
    this.#pausedAt = this.#clock.now();
    this.#wake?.();
  }

  /** Ends it, and its tracks. */
  async stop(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#alarm.clear();
    this.#wake?.();
    for (const { source } of this.#cursors) source.end();
    await Promise.allSettled(this.#cursors.map(({ frames }) => frames.return?.()));
    this.#options.close?.();
    this.dispatchEvent(new Event('ended'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #makeCursor(playable: PlayableTrack): Cursor {
    const { kind, codec, settings = {} } = playable;
    const source = new EncodedTrackSource({ kind, codec, settings, label: `played ${kind}` });
    source.onuse = () => {
      if (this.#options.autoplay !== false && !this.#wasPlayed) this.play();
    };
    source.onkeyframerequest = ({ encoding }) => void this.dispatchEvent(new KeyFrameRequestEvent(encoding));
    source.onclose = () => {
      if (--this.#openSources === 0) void this.stop();
    };
    this.#openSources++;
    const frames = begin(playable);
    return { source, playable, frames, next: null, frame: null, isDone: false, lastTimestamp: 0 };
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#state === 'playing') {
        const cursor = await this.#earliest();
        if (this.#state !== 'playing') break;
        if (cursor !== null) await this.#playNext(cursor);
        else if (this.#options.loop && this.#end > 0) this.#beginAgain();
        else {
          await this.#waitUntil(this.#end);
          if (this.#state === 'playing') await this.stop();
        }
      }
    } catch (error) {
      this.#error = error;
      await this.stop();
    } finally {
      this.#isRunning = false;
    }
    if (this.#isPlaying()) void this.#run(); // it was paused, and went on, while something was being read
  }

  #isPlaying(): boolean {
    return this.#state === 'playing';
  }

  async #playNext(cursor: Cursor): Promise<void> {
    const { source } = cursor;
    const frame = cursor.frame!;
    await this.#waitUntil(frame.timestamp);
    if (this.#state !== 'playing') return; // it is played when that goes on
    cursor.frame = null;
    const { timestamp, duration = Math.max(0, timestamp - cursor.lastTimestamp) } = frame;
    cursor.lastTimestamp = timestamp;
    this.#position = timestamp;
    this.#end = Math.max(this.#end, timestamp + duration);
    const dueMs = this.#origin + timestamp / 1000;
    source.write({
      ...frame,
      timestamp: Math.round((dueMs - this.#firstOrigin) * 1000),
      captureTimeMs: dueMs + this.#unixOffsetMs,
    });
  }

  /** The track whose frame is due first; `null` at the end of all. */
  async #earliest(): Promise<Cursor | null> {
    let earliest: Cursor | null = null;
    for (const cursor of this.#cursors) {
      if (cursor.frame === null && !cursor.isDone) await this.#read(cursor);
      if (cursor.frame === null) continue;
      if (earliest === null || cursor.frame.timestamp < earliest.frame!.timestamp) earliest = cursor;
    }
    return earliest;
  }

  async #read(cursor: Cursor): Promise<void> {
    cursor.next ??= nextOf(cursor.frames);
    const { done, value } = await cursor.next;
    cursor.isDone = done === true;
    cursor.frame = done ? null : (value as EncodedMediaFrame);
    cursor.next = done ? null : nextOf(cursor.frames); // while it waits for its time
    cursor.next?.catch(() => {}); // told when it is its turn
  }

  #beginAgain(): void {
    this.#origin += this.#end / 1000;
    this.#end = 0;
    for (const cursor of this.#cursors) {
      cursor.frames = begin(cursor.playable);
      cursor.isDone = false;
      cursor.next = null;
      cursor.lastTimestamp = 0;
    }
  }

  /** Until what has this timestamp is due, or something has happened. */
  async #waitUntil(timestamp: number): Promise<void> {
    const { realtime = true } = this.#options;
    const now = this.#clock.now();
    const late = now - (this.#origin + timestamp / 1000);
    if (!realtime) this.#origin += late;
    else if (late > MAX_LATE_MS) this.#origin += late;
    else if (late >= 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#alarm.set(realtime ? Math.max(now, this.#origin + timestamp / 1000) : now);
    });
    this.#wake = null;
    this.#alarm.clear();
  }
}

/** What is thrown is told when it is the frame's turn. */
async function nextOf(frames: Cursor['frames']): Promise<IteratorResult<EncodedMediaFrame, unknown>> {
  return frames.next();
}

function begin({ frames }: PlayableTrack): Cursor['frames'] {
  const iterable = frames();
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}
