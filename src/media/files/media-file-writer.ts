/** Writes encoded frames to a media file, as they are. */
import { ParameterSets } from '../../rtp/payload/parameter-sets.ts';
import type { EncodedMediaFrame, MediaCodec } from '../encoded-frame.ts';
import { fileTarget, memoryTarget, streamTarget } from './byte-target.ts';
import { describeKeyFrame } from './codec-description.ts';
import { ContainerWriter, type MediaFileTarget } from './container-writer.ts';
import type { FileWriterBackend, TrackToWrite } from './file-writer-backend.ts';
import { IvfWriter } from './ivf-writer.ts';
import type { MediaFileFormat } from './media-file.ts';

/** By MIME type in lower case. PCM is stored as 16 bits, in WAV as what it is. */
const CODECS: Readonly<Record<MediaFileFormat, readonly string[]>> = {
  webm: ['video/vp8', 'video/vp9', 'video/av1', 'audio/opus'],
  mkv: ['video/vp8', 'video/vp9', 'video/av1', 'audio/opus', 'audio/pcmu', 'audio/pcma', 'audio/l16'],
  mp4: [
    ...['video/h264', 'video/h265', 'video/vp9', 'video/av1', 'video/vp8'],
    ...['audio/opus', 'audio/pcmu', 'audio/pcma', 'audio/l16'],
  ],
  ogg: ['audio/opus'],
  wav: ['audio/pcmu', 'audio/pcma', 'audio/l16'],
  ivf: ['video/vp8', 'video/vp9', 'video/av1', 'video/h264', 'video/h265'],
};
const SINGLE_TRACK: readonly MediaFileFormat[] = ['ogg', 'wav', 'ivf'];

/**
 * The first of WebM, MP4 and Matroska that holds all of these.
 * @throws TypeError where none does
 */
export function formatFor(codecs: readonly MediaCodec[]): MediaFileFormat {
  const names = codecs.map(({ mimeType }) => mimeType.toLowerCase());
  const format = (['webm', 'mp4', 'mkv'] as const).find((each) => names.every((name) => CODECS[each].includes(name)));
  if (format === undefined)
    throw new TypeError(`no format holds ${codecs.map(({ mimeType }) => mimeType).join(' and ')}`);
  return format;
}

/**
 * Bound: bytes that wait for a target slower than the media. Past it frames are dropped, video until its next key frame;
 * half a minute of video at 16 Mbit/s.
 */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** Clocks of two tracks are compared by ticks of theirs, of 125 µs at 8,000 Hz: so early is at the beginning. */
const ROUNDING_US = 1_000;

export type MediaFileWriterOptions = {
  /** A path or `file:` URL; a stream, which is only written on; or nothing, and `finalize` gives the bytes. */
  readonly target?: string | URL | WritableStream<Uint8Array>;
  /** Default: by the end of the path. */
  readonly format?: MediaFileFormat;
};

export type MediaFileWriterStats = {
  framesWritten: number;
  /** Before the first key frame, or before what is now the beginning. */
  framesBeforeStart: number;
  /** For want of room: see MAX_QUEUED_BYTES. */
  framesDropped: number;
};

type Track = {
  readonly toWrite: TrackToWrite;
  readonly sets: ParameterSets | null;
  isStarted: boolean;
  needsKeyFrame: boolean;
  /** µs: the largest so far, and what it was at the last key frame, which none may go below. */
  lastTimestamp: number;
  floor: number;
};

/** A track being written. */
export interface MediaFileWriterTrack {
  readonly codec: MediaCodec;
  /** Takes the frame and returns at once. Never throws for what comes from the network; see `finalize` for errors. */
  write(frame: EncodedMediaFrame): void;
}

/**
 * A file begins with the first key frame of any of its video tracks; what comes before is dropped, and so is sound of
 * before. That frame is at time 0, the others where their timestamps put them.
 *
 * Containers store tracks side by side: while one of several tracks has nothing, the others wait for it in memory, until
 * `finalize`.
 *
 * @example
 * ```ts
 * const writer = new MediaFileWriter({ target: 'call.webm' });
 * const video = writer.addTrack({ mimeType: 'video/VP8', clockRate: 90_000 });
 * for (const frame of frames) video.write(frame);
 * await writer.finalize();
 * ```
 */
export class MediaFileWriter {
  readonly stats: MediaFileWriterStats = { framesWritten: 0, framesBeforeStart: 0, framesDropped: 0 };
  readonly format: MediaFileFormat;
  readonly #target: MediaFileTarget;
  readonly #tracks: Track[] = [];
  /** µs of the source that are 0 in the file; `null` before the first frame. */
  #origin: number | null = null;
  #backend: Promise<FileWriterBackend> | null = null;
  #queue: Promise<void> = Promise.resolve();
  #queuedBytes = 0;
  #error: unknown = null;
  #finalized: Promise<Uint8Array | null> | null = null;

  /** @throws TypeError when the format is not said, and no path tells it */
  constructor(options: MediaFileWriterOptions = {}) {
    this.#target = options.target;
    this.format = options.format ?? formatOf(options.target);
    if (!Object.hasOwn(CODECS, this.format))
      throw new TypeError(`expected a format of ${Object.keys(CODECS).join(', ')}`);
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * @throws TypeError for a codec that the format does not hold, or a second track where there can be one
   * @throws Error once a frame has been written
   */
  addTrack(codec: MediaCodec): MediaFileWriterTrack {
    const mimeType = codec.mimeType.toLowerCase();
    if (!CODECS[this.format].includes(mimeType)) {
      const holders = Object.entries(CODECS).flatMap(([format, codecs]) => (codecs.includes(mimeType) ? [format] : []));
      const hint = holders.length > 0 ? `; these do: ${holders.join(', ')}` : ', nor does any other';
      throw new TypeError(`${this.format} does not hold ${codec.mimeType}${hint}`);
    }
    if (this.#tracks.length > 0 && SINGLE_TRACK.includes(this.format)) {
      throw new TypeError(`${this.format} holds one track`);
    }
    if (this.#backend !== null || this.#finalized !== null) {
      throw new Error('tracks must be added before the first frame is written');
    }
    const h26x = mimeType === 'video/h264' ? 'H264' : mimeType === 'video/h265' ? 'H265' : null;
    const isVideo = mimeType.startsWith('video/');
    const track: Track = {
      toWrite: { kind: isVideo ? 'video' : 'audio', codec, description: null },
      sets: h26x && new ParameterSets(h26x),
      isStarted: false,
      needsKeyFrame: isVideo,
      lastTimestamp: 0,
      floor: 0,
    };
    this.#tracks.push(track);
    return { codec, write: (frame) => this.#write(track, frame) };
  }

  /**
   * Writes what is left, and the end of the file. The bytes, where there was no target.
   * @throws whatever went wrong on the way, first of all
   */
  finalize(): Promise<Uint8Array | null> {
    this.#finalized ??= this.#finish();
    return this.#finalized;
  }

  #write(track: Track, given: EncodedMediaFrame): void {
    if (this.#finalized !== null || this.#error !== null || given.data.length === 0) return;
    const frame = track.sets === null ? given : withParameterSets(track.sets, given);
    if (frame === null) return;
    if (!track.isStarted && !this.#start(track, frame)) {
      this.stats.framesBeforeStart++;
      return;
    }
    if (track.needsKeyFrame && frame.type !== 'key') {
      this.stats.framesDropped++;
      return;
    }
    if (this.#queuedBytes + frame.data.length > MAX_QUEUED_BYTES) {
      this.stats.framesDropped++;
      track.needsKeyFrame = track.toWrite.kind === 'video';
      return;
    }
    track.needsKeyFrame = false;
    this.stats.framesWritten++;
    this.#enqueue(track, { ...frame, timestamp: timestampOf(track, frame.timestamp - this.#origin!, frame.type) });
  }

  /** Whether the track begins with this frame. */
  #start(track: Track, frame: EncodedMediaFrame): boolean {
    if (track.toWrite.kind === 'video') {
      track.toWrite.description =
        frame.type === 'key' ? describeKeyFrame(track.toWrite.codec.mimeType, frame.data) : null;
      if (track.toWrite.description === null) return false;
      this.#origin ??= frame.timestamp;
    } else if (!this.#tracks.some(({ toWrite }) => toWrite.kind === 'video')) {
      this.#origin ??= frame.timestamp;
    }
    if (this.#origin === null || frame.timestamp < this.#origin - ROUNDING_US) return false;
    track.isStarted = true;
    return true;
  }

  #enqueue(track: Track, frame: EncodedMediaFrame): void {
    this.#backend ??= this.#open();
    const backend = this.#backend;
    const index = this.#tracks.indexOf(track);
    this.#queuedBytes += frame.data.length;
    this.#queue = this.#queue.then(async () => {
      try {
        if (this.#error === null) await (await backend).write(index, frame);
      } catch (error) {
        this.#error ??= error;
      } finally {
        this.#queuedBytes -= frame.data.length;
      }
    });
  }

  async #open(): Promise<FileWriterBackend> {
    const tracks = this.#tracks.map(({ toWrite }) => toWrite);
    if (this.format !== 'ivf') return ContainerWriter.open(this.format, tracks, this.#target);
    const target =
      this.#target === undefined
        ? memoryTarget()
        : this.#target instanceof WritableStream
          ? streamTarget(this.#target)
          : await fileTarget(this.#target);
    return new IvfWriter(tracks[0]!, target);
  }

  async #finish(): Promise<Uint8Array | null> {
    if (this.#tracks.length === 0) throw new Error('a media file needs a track');
    this.#backend ??= this.#open();
    await this.#queue;
    const backend = await this.#backend;
    if (this.#error !== null) {
      await backend.abort().catch(() => {});
      throw this.#error;
    }
    return backend.finish();
  }
}

function withParameterSets(sets: ParameterSets, frame: EncodedMediaFrame): EncodedMediaFrame | null {
  const complete = sets.complete({ data: frame.data, isKeyFrame: frame.type === 'key' });
  return complete && (complete.data === frame.data ? frame : { ...frame, data: complete.data });
}

/** Players rely on time not going back over a key frame, nor at all for sound. A clock that was set may say otherwise. */
function timestampOf(track: Track, timestamp: number, type: 'key' | 'delta'): number {
  if (type === 'key') track.floor = track.lastTimestamp;
  const kept = Math.max(timestamp, track.floor);
  track.lastTimestamp = Math.max(track.lastTimestamp, kept);
  return kept;
}

function formatOf(target: MediaFileTarget): MediaFileFormat {
  if (typeof target !== 'string' && !(target instanceof URL)) {
    throw new TypeError('expected options.format, since no path tells it');
  }
  const path = String(target);
  const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  if (extension === 'opus') return 'ogg';
  if (!Object.hasOwn(CODECS, extension))
    throw new TypeError(`expected options.format: ".${extension}" is no format that is known`);
  return extension as MediaFileFormat;
}
