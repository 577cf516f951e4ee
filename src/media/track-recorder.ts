/**
 * Records tracks to a file, without decoding.
 *
 * Frames of a track have timestamps on a clock of their own. So that sound and pictures fit together, what comes is held
 * until each track has begun and it is known when its frames were captured: the peer's sender reports tell within a second
 * or two. Where they do not, the time of arrival has to do.
 */
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { EncodedMediaFrame, MediaCodec } from './encoded-frame.ts';
import type { MediaFileFormat } from './files/media-file.ts';
import {
  formatFor,
  MediaFileWriter,
  type MediaFileWriterStats,
  type MediaFileWriterTrack,
} from './files/media-file-writer.ts';
import { Alarm, type MediaClock, systemClock } from './media-clock.ts';
import { type MediaStreamTrack, trackSlots } from './media-stream-track.ts';
import type { EncodingId, TrackSink } from './track-source.ts';

/** How long is waited for tracks that have not begun: a file has no place for them later. */
const BEGIN_TIMEOUT_MS = 5_000;
/** How long is waited for sender reports, once all have begun: browsers send one a second. */
const REPORT_TIMEOUT_MS = 2_000;
/** Bound: bytes that are held until the file begins; then it does. Five seconds at 50 Mbit/s. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
/** A key frame that does not come is asked for again after so many frames, a second of video. */
const FRAMES_BETWEEN_REQUESTS = 30;

/** Clocks of tracks are compared by ticks of theirs, of 125 µs at 8,000 Hz. */
const SAME_MOMENT_US = 1_000;

export type RecordTracksOptions = {
  /** Default: by the end of the path; without one, the first of WebM, MP4 and Matroska that holds the codecs. */
  readonly format?: MediaFileFormat;
  /** Of tracks with simulcast: which encoding. Default: the one that comes first. */
  readonly rid?: string;
  /** Default: the machine's. */
  readonly clock?: MediaClock;
};

/**
 * Why it is over: `stop()` was called; all tracks have ended; a track goes on with another codec, for which a file has no
 * place; or something went wrong.
 */
export type RecordingEnd = 'stopped' | 'ended' | 'codecchange' | 'failed';

export interface TrackRecorderEventMap {
  /** No more is taken; the file is being finished. */
  stop: Event;
}

interface Handlers {
  get onstop(): AnyEventHandler;
  set onstop(handler: EventHandler<Event>);
}

type Recorded = {
  readonly track: MediaStreamTrack;
  readonly sink: TrackSink;
  codec: MediaCodec | null;
  rid: string | undefined;
  ssrc: number | undefined;
  hasBegun: boolean;
  isOver: boolean;
  /** Before the first key frame. */
  skipped: number;
  held: Held[];
  /** From the track's timestamps to the file's, in µs; `null` before the file has begun. */
  offset: number | null;
  writer: MediaFileWriterTrack | null;
};

type Held = { readonly frame: EncodedMediaFrame; readonly arrivedAt: number };

const Target: TypedEventTargetConstructor<TrackRecorderEventMap, Handlers> = EventTarget as never;

/**
 * Tracks, received or made here, go into a file as they are.
 *
 * @param target a path or `file:` URL; a stream, which is only written on; or nothing, and `stop()` gives the bytes
 * @throws TypeError for a format that is not known, or none that a path tells
 * @example
 * ```ts
 * const recorder = recordTracks([audioTrack, videoTrack], 'call.webm');
 * await recorder.stop();
 * ```
 */
export function recordTracks(
  tracks: readonly MediaStreamTrack[],
  target?: string | URL | WritableStream<Uint8Array>,
  options: RecordTracksOptions = {},
): TrackRecorder {
  return new TrackRecorder(tracks, target, options);
}

export class TrackRecorder extends Target {
  /** The file is complete; its bytes, where there was no target, and `null` where nothing came. Rejects with what went wrong. */
  readonly finished: Promise<Uint8Array | null>;
  readonly #tracks: Recorded[];
  readonly #target: string | URL | WritableStream<Uint8Array> | undefined;
  readonly #options: RecordTracksOptions;
  readonly #clock: MediaClock;
  readonly #alarm: Alarm;
  #writer: MediaFileWriter | null = null;
  #isWriting = false;
  #end: RecordingEnd | null = null;
  #heldBytes = 0;
  /** When the first track began, and the last. */
  #begunAt = Infinity;
  #allBegunAt = Infinity;
  #usesCaptureTimes = false;
  #settle: (result: Promise<Uint8Array | null>) => void = () => {};

  static {
    defineEventHandlers(TrackRecorder, ['stop']);
  }

  constructor(
    tracks: readonly MediaStreamTrack[],
    target?: string | URL | WritableStream<Uint8Array>,
    options: RecordTracksOptions = {},
  ) {
    super();
    if (tracks.length === 0) throw new TypeError('there is no track to record');
    this.#target = target;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#alarm = new Alarm(this.#clock, () => this.#startIfReady());
    if (options.format !== undefined || typeof target === 'string' || target instanceof URL) this.#makeWriter();
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.finished.catch(() => {}); // who does not look does not care
    this.#tracks = tracks.map((track) => this.#makeRecorded(track));
    for (const { track, sink } of this.#tracks) {
      trackSlots(track).connect(sink);
      if (track.kind === 'video') trackSlots(track).source.requestKeyFrame();
    }
  }

  /** `waiting` until the file begins. */
  get state(): 'waiting' | 'recording' | 'stopped' {
    return this.#end !== null ? 'stopped' : this.#isWriting ? 'recording' : 'waiting';
  }

  /** Why it is over; `null` before. */
  get reason(): RecordingEnd | null {
    return this.#end;
  }

  get stats(): Readonly<MediaFileWriterStats> {
    return this.#writer?.stats ?? { framesWritten: 0, framesBeforeStart: 0, framesDropped: 0 };
  }

  /** Takes no more, and finishes the file; see `finished`. */
  stop(): Promise<Uint8Array | null> {
    this.#finish('stopped');
    return this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #makeRecorded(track: MediaStreamTrack): Recorded {
    const recorded: Recorded = {
      track,
      sink: {
        form: 'frames',
        frame: (frame, codec, encoding) => this.#take(recorded, frame, codec, encoding),
        end: () => this.#ended(recorded),
      },
      codec: null,
      rid: this.#options.rid,
      ssrc: undefined,
      hasBegun: false,
      isOver: false,
      skipped: 0,
      held: [],
      offset: null,
      writer: null,
    };
    return recorded;
  }

  #take(recorded: Recorded, frame: EncodedMediaFrame, codec: MediaCodec, encoding: EncodingId): void {
    if (this.#end !== null) return;
    recorded.rid ??= encoding.rid;
    if (encoding.rid !== undefined && encoding.rid !== recorded.rid) return;
    if (recorded.codec !== null && !isSame(recorded.codec, codec)) {
      this.#finish('codecchange');
      return;
    }
    if (!recorded.hasBegun && frame.type !== 'key') {
      if (++recorded.skipped % FRAMES_BETWEEN_REQUESTS === 0) {
        trackSlots(recorded.track).source.requestKeyFrame(encoding);
      }
      return;
    }
    recorded.codec = codec;
    const held: Held = { frame, arrivedAt: this.#clock.now() };
    if (recorded.ssrc !== encoding.ssrc && this.#isWriting) recorded.offset = this.#offsetOf([held]);
    recorded.ssrc = encoding.ssrc;
    if (this.#isWriting) {
      write(recorded, frame);
      return;
    }
    recorded.hasBegun = true;
    recorded.held.push(held);
    this.#heldBytes += frame.data.length;
    this.#startIfReady();
  }

  #ended(recorded: Recorded): void {
    recorded.isOver = true;
    if (this.#tracks.every(({ isOver }) => isOver)) this.#finish('ended');
    else if (!this.#isWriting && this.#end === null) this.#startIfReady();
  }

  #startIfReady(): void {
    if (this.#isWriting || this.#end !== null) return;
    const begun = this.#tracks.filter(({ hasBegun }) => hasBegun);
    if (begun.length === 0) return;
    const now = this.#clock.now();
    this.#begunAt = Math.min(this.#begunAt, now);
    const areAllThere = this.#tracks.every(({ hasBegun, isOver }) => hasBegun || isOver);
    if (areAllThere) this.#allBegunAt = Math.min(this.#allBegunAt, now);
    const isAligned = areAllThere && (begun.length === 1 || begun.every(knowsCaptureTime));
    const deadline = Math.min(this.#begunAt + BEGIN_TIMEOUT_MS, this.#allBegunAt + REPORT_TIMEOUT_MS);
    if (isAligned || now >= deadline || this.#heldBytes > MAX_HELD_BYTES) this.#start(begun);
    else this.#alarm.set(deadline);
  }

  /** The file begins, with what is there. */
  #start(begun: readonly Recorded[]): void {
    this.#alarm.clear();
    this.#isWriting = true;
    this.#usesCaptureTimes = begun.every(knowsCaptureTime);
    try {
      const writer = this.#writer ?? this.#makeWriter();
      for (const recorded of begun) {
        recorded.writer = writer.addTrack(recorded.codec!);
        recorded.offset = this.#offsetOf(recorded.held);
      }
    } catch (error) {
      this.#finish('failed', error);
      return;
    }
    const held = begun.flatMap((recorded) => recorded.held.map(({ frame }) => ({ recorded, frame })));
    // The file begins with a picture: of the same moment, it goes first.
    const timeOf = ({ recorded, frame }: (typeof held)[number]): number =>
      frame.timestamp + recorded.offset! - (recorded.track.kind === 'video' ? SAME_MOMENT_US : 0);
    for (const { recorded, frame } of held.toSorted((a, b) => timeOf(a) - timeOf(b))) write(recorded, frame);
    for (const recorded of begun) recorded.held = [];
    this.#heldBytes = 0;
  }

  #makeWriter(): MediaFileWriter {
    const codecs = this.#tracks?.flatMap(({ codec }) => codec ?? []) ?? [];
    const isNamed = typeof this.#target === 'string' || this.#target instanceof URL;
    const format = this.#options.format ?? (isNamed ? undefined : formatFor(codecs));
    this.#writer = new MediaFileWriter({
      ...(this.#target !== undefined && { target: this.#target }),
      ...(format !== undefined && { format }),
    });
    return this.#writer;
  }

  /** From timestamps to the time of the file: when it was captured, or that of what came with the least delay. */
  #offsetOf(held: readonly Held[]): number {
    const { captureTimeMs, timestamp } = held.findLast(({ frame }) => frame.captureTimeMs !== undefined)?.frame ?? {};
    if (this.#usesCaptureTimes && captureTimeMs !== undefined) return Math.round(captureTimeMs * 1000) - timestamp!;
    return Math.min(...held.map(({ frame, arrivedAt }) => Math.round(arrivedAt * 1000) - frame.timestamp));
  }

  #finish(reason: RecordingEnd, error?: unknown): void {
    if (this.#end !== null) return;
    const begun = this.#tracks.filter(({ hasBegun }) => hasBegun);
    if (!this.#isWriting && begun.length > 0) this.#start(begun);
    if (this.#end !== null) return; // it could not start
    this.#end = reason;
    this.#alarm.clear();
    for (const { track, sink } of this.#tracks) trackSlots(track).disconnect(sink);
    if (reason === 'failed') this.#settle(Promise.reject(error));
    else if (begun.length === 0) this.#settle(Promise.resolve(null));
    else this.#settle(this.#writer!.finalize());
    this.dispatchEvent(new Event('stop'));
  }
}

function write({ writer, offset }: Recorded, frame: EncodedMediaFrame): void {
  writer?.write({ ...frame, timestamp: frame.timestamp + offset! });
}

function knowsCaptureTime({ held }: Recorded): boolean {
  return held.at(-1)?.frame.captureTimeMs !== undefined;
}

function isSame(a: MediaCodec, b: MediaCodec): boolean {
  return a === b || (a.mimeType.toLowerCase() === b.mimeType.toLowerCase() && a.clockRate === b.clockRate);
}
