/**
 * The way of encoded frames through a sender or a receiver, with or without a transform in it (WebRTC Encoded Transform
 * §3). Without one, a frame that is written is delivered in the same call.
 *
 * ```text
 *   write() ──► deliver()                                     no transform
 *   write() ──► link.give() ┄► the transform ┄► returned() ──► deliver()
 * ```
 */
import type { EncodedMediaFrame, EncodingId, MediaCodec, MediaKind } from '../media/tracks.ts';
import { type Conversion, nullable } from '../webidl/conversions.ts';
import { type FrameDetails, type FrameRecord, makeRecord } from './encoded-frame.ts';
import { RTCRtpScriptTransform, scriptLink } from './script-transform.ts';
import { isStreamPair, StreamLink, type TransformStreams } from './stream-link.ts';

/** What may be assigned to the attribute `transform`: what the specification has, and a pair of streams. */
export type RTCRtpTransform = RTCRtpScriptTransform | TransformStreams;

/**
 * Bound: frames that a transform has not begun with, a second of video. The specification has no bound here ("buffering
 * within a transform would add latency"); past ours frames are dropped, of video up to the next key frame.
 */
const MAX_WAITING_FRAMES = 30;
/** A transform that has fallen behind gets a key frame once it has caught up this far. */
const WAITING_FRAMES_TO_RESUME = MAX_WAITING_FRAMES / 2;
/** A key frame that does not come is asked for again after so many frames, a second of video. */
const FRAMES_BETWEEN_REQUESTS = 30;
/**
 * Bound: frames that a transform has begun with and not written. One that keeps a frame for longer than this many newer
 * ones can not write it any more.
 */
const MAX_FRAMES_AT_TRANSFORM = 300;
/** RFC 8851 §10 and RFC 8852 §3.1 together. */
const RID = /^[A-Za-z0-9]{1,255}$/;

const NO_DETAILS: FrameDetails = {};

/** What a sender or a receiver lends. */
export type FramePipeHost = {
  readonly kind: MediaKind;
  readonly side: 'sender' | 'receiver';
  /** A frame has come through. `details` are those that were written with it. Must not throw. */
  deliver(frame: EncodedMediaFrame, codec: MediaCodec, encoding: EncodingId, details: FrameDetails): void;
  /** From the source of a sender; from the peer of a receiver. */
  requestKeyFrame(encoding: EncodingId): void;
  /** What is being sent or received, of each encoding its `rid` at least; `null` once it is stopped for good. */
  layers(): readonly EncodingId[] | null;
};

/** What stands for a transform: gets frames, and tells of what becomes of them. */
export interface TransformLink {
  /** Frames will come. Called once. */
  connect(end: PipeEnd): void;
  /** The record and its data are the link's. */
  give(record: FrameRecord): void;
  /** Whether the transform itself decides about this request of the peer's (`keyframerequest`). */
  offerKeyFrameRequest(rid: string | null): boolean;
  /** No more frames will come, and none are taken back. */
  end(): void;
}

/** Where a link tells what becomes of the frames. */
export type PipeEnd = {
  /** The transform has begun with a frame; there is room for one more. */
  taken(): void;
  /** One that was written. Its data is taken when it is one that is waited for. */
  returned(counter: number, takeData: () => ArrayBuffer): void;
  /** A frame that none of ours was written. */
  ignored(): void;
  /** The transform is broken, or has ended by itself: no frame will come out of it. */
  failed(): void;
  /** The "generate key frame algorithm"; `settle` is called before the key frame is given. */
  generateKeyFrame(rid: string | null, settle: Settle): void;
  /** The "send request key frame algorithm". */
  sendKeyFrameRequest(settle: Settle): void;
};

/** With `null`: done. `timestamp` is that of the last key frame that was asked for. */
export type Settle = (error: DOMException | TypeError | null, timestamp?: number) => void;

export type FramePipeStats = {
  /** Given to a transform. */
  framesGiven: number;
  /** Came back from it. */
  framesReturned: number;
  /** Not given to it, because it was behind or broken, and those after them up to a key frame. */
  framesDropped: number;
  /** Written by it a second time, out of order, or from elsewhere. */
  framesIgnored: number;
};

type Origin = {
  readonly frame: EncodedMediaFrame;
  readonly codec: MediaCodec;
  readonly encoding: EncodingId;
  readonly details: FrameDetails;
};

/** Of a layer that can not go on without a key frame. */
type Gap = { readonly encoding: EncodingId; framesDropped: number };

type KeyFrameTask = { readonly layers: Set<string>; readonly settle: Settle };

export class FramePipe {
  readonly stats: FramePipeStats = { framesGiven: 0, framesReturned: 0, framesDropped: 0, framesIgnored: 0 };
  readonly #host: FramePipeHost;
  #transform: RTCRtpTransform | null = null;
  #link: TransformLink | null = null;
  #isBroken = false;
  #isClosed = false;
  /** [[lastEnqueuedFrameCounter]] and [[lastReceivedFrameCounter]]. */
  #lastGiven = 0;
  #lastReturned = 0;
  #waiting = 0;
  /** What is at the transform, by counter. */
  readonly #origins = new Map<number, Origin>();
  /** By layer; as many as there are encodings. */
  readonly #gaps = new Map<string, Gap>();
  /** [[pendingKeyFrameTasks]]. */
  #keyFrameTasks: KeyFrameTask[] = [];

  constructor(host: FramePipeHost) {
    this.#host = host;
  }

  get transform(): RTCRtpTransform | null {
    return this.#transform;
  }

  /**
   * From the next frame on; what the transform before still has is lost.
   * @throws DOMException InvalidStateError for one that was used already
   */
  set transform(value: RTCRtpTransform | null) {
    if (value === this.#transform) return;
    const link = value === null ? null : claim(value);
    const previous = this.#link;
    this.#transform = value;
    this.#link = link;
    this.#forget();
    previous?.end();
    link?.connect(this.#endFor(link));
    if (this.#isClosed) link?.end();
    else this.#closeGaps();
  }

  /** One more frame; of a receiver in the order of decoding. Its data is not changed, and not kept. */
  write(frame: EncodedMediaFrame, codec: MediaCodec, encoding: EncodingId, details: FrameDetails = NO_DETAILS): void {
    if (this.#isClosed || !this.#admits(frame, encoding)) return;
    if (this.#link === null) {
      this.#host.deliver(frame, codec, encoding, details);
      return;
    }
    const counter = ++this.#lastGiven;
    const record = makeRecord(this.#host.kind, counter, frame, codec, encoding, details);
    this.#origins.set(counter, { frame, codec, encoding, details });
    if (this.#origins.size > MAX_FRAMES_AT_TRANSFORM) this.#origins.delete(this.#origins.keys().next().value!);
    this.#waiting++;
    this.stats.framesGiven++;
    if (frame.type === 'key') this.#settleKeyFrameTasks(layerOf(encoding), record.timestamp);
    this.#link.give(record);
  }

  /** The peer needs a key frame of this encoding: the transform may have a say in it. */
  keyFrameRequested(encoding: EncodingId): void {
    if (this.#link?.offerKeyFrameRequest(encoding.rid ?? null)) return;
    this.#host.requestKeyFrame(encoding);
  }

  /** Nothing comes or goes any more; the transform sees its end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forget();
    this.#link?.end();
  }

  #endFor(link: TransformLink): PipeEnd {
    const ifCurrent =
      <Args extends unknown[]>(action: (...args: Args) => void) =>
      (...args: Args): void => {
        if (this.#link === link && !this.#isClosed) action(...args);
      };
    return {
      taken: ifCurrent(() => this.#taken()),
      returned: ifCurrent((counter, takeData) => this.#returned(counter, takeData)),
      ignored: ifCurrent(() => void this.stats.framesIgnored++),
      failed: ifCurrent(() => this.#failed()),
      generateKeyFrame: (rid, settle) => this.#generateKeyFrame(link, rid, settle),
      sendKeyFrameRequest: (settle) => this.#sendKeyFrameRequest(link, settle),
    };
  }

  /** Whether the frame may go on: there is room for it, and nothing is missing before it. */
  #admits(frame: EncodedMediaFrame, encoding: EncodingId): boolean {
    const hasRoom = !this.#isBroken && this.#waiting < MAX_WAITING_FRAMES;
    if (hasRoom && this.#gaps.size === 0) return true;
    const gap = this.#gaps.get(layerOf(encoding));
    if (hasRoom && (gap === undefined || frame.type === 'key')) {
      this.#gaps.delete(layerOf(encoding));
      return true;
    }
    this.stats.framesDropped++;
    if (gap === undefined) this.#noteGap(encoding);
    else if (++gap.framesDropped % FRAMES_BETWEEN_REQUESTS === 0 && hasRoom) this.#host.requestKeyFrame(encoding);
    return false;
  }

  #noteGap(encoding: EncodingId): void {
    if (this.#host.kind === 'video') this.#gaps.set(layerOf(encoding), { encoding, framesDropped: 1 });
  }

  #taken(): void {
    if (this.#isBroken) return;
    this.#waiting--;
    if (this.#waiting === WAITING_FRAMES_TO_RESUME) this.#closeGaps();
  }

  #closeGaps(): void {
    for (const { encoding } of [...this.#gaps.values()]) this.#host.requestKeyFrame(encoding);
  }

  /** "writeEncodedData". */
  #returned(counter: number, takeData: () => ArrayBuffer): void {
    const origin = this.#origins.get(counter);
    if (counter <= this.#lastReturned || origin === undefined) {
      this.stats.framesIgnored++;
      return;
    }
    const data = new Uint8Array(takeData());
    this.#lastReturned = counter;
    for (const older of this.#origins.keys()) {
      if (older > counter) break;
      this.#origins.delete(older);
    }
    this.stats.framesReturned++;
    this.#host.deliver({ ...origin.frame, data }, origin.codec, origin.encoding, origin.details);
  }

  /** "No frame bypasses it": there is nothing to be had until another transform is set, or none. */
  #failed(): void {
    this.#isBroken = true;
    this.#waiting = 0;
    this.#loseOrigins();
    this.#rejectKeyFrameTasks();
  }

  /** Another transform, or none, begins anew: with a key frame, where frames have been lost. */
  #forget(): void {
    this.#failed();
    this.#isBroken = false;
  }

  #loseOrigins(): void {
    for (const { encoding } of this.#origins.values()) this.#noteGap(encoding);
    this.#origins.clear();
  }

  #generateKeyFrame(link: TransformLink, rid: string | null, settle: Settle): void {
    const layers = this.#layersFor(link, 'sender');
    const wanted = layers?.filter((layer) => rid === null || layer.rid === rid) ?? [];
    if (layers === null) settle(new DOMException('This is not the transform of a video sender', 'InvalidStateError'));
    else if (rid !== null && !RID.test(rid)) settle(new TypeError(`'${rid}' is no rid: letters and digits`));
    else if (wanted.length === 0) settle(new DOMException('No such encoding is being sent', 'NotFoundError'));
    else {
      const requested = new Set(this.#keyFrameTasks.flatMap((task) => [...task.layers]));
      this.#keyFrameTasks.push({ layers: new Set(wanted.map(layerOf)), settle });
      for (const layer of wanted) if (!requested.has(layerOf(layer))) this.#host.requestKeyFrame(layer);
    }
  }

  #sendKeyFrameRequest(link: TransformLink, settle: Settle): void {
    if (this.#layersFor(link, 'receiver') === null) {
      settle(new DOMException('This is not the transform of a video receiver', 'InvalidStateError'));
    } else {
      this.#host.requestKeyFrame({});
      settle(null);
    }
  }

  /** What this transform may ask key frames of; `null` unless it is that of such a side of a video. */
  #layersFor(link: TransformLink, side: FramePipeHost['side']): readonly EncodingId[] | null {
    if (this.#link !== link || this.#isClosed) return null;
    const host = this.#host;
    return host.side === side && host.kind === 'video' ? host.layers() : null;
  }

  #settleKeyFrameTasks(layer: string, timestamp: number): void {
    const isDone = ({ layers }: KeyFrameTask): boolean => layers.delete(layer) && layers.size === 0;
    const done = new Set(this.#keyFrameTasks.filter(isDone));
    if (done.size === 0) return;
    this.#keyFrameTasks = this.#keyFrameTasks.filter((task) => !done.has(task));
    for (const { settle } of done) settle(null, timestamp);
  }

  #rejectKeyFrameTasks(): void {
    const tasks = this.#keyFrameTasks;
    this.#keyFrameTasks = [];
    for (const { settle } of tasks)
      settle(new DOMException('The transform is not in use any more', 'InvalidStateError'));
  }
}

/** The argument of the setters; whether it is free is found out later. */
export const toTransform: Conversion<RTCRtpTransform | null> = nullable((value, what) => {
  if (value instanceof RTCRtpScriptTransform || isStreamPair(value)) return value;
  throw new TypeError(`${what}: expected an RTCRtpScriptTransform, or { readable, writable }`);
});

function layerOf({ rid }: EncodingId): string {
  return rid ?? '';
}

/** @throws DOMException InvalidStateError */
function claim(transform: RTCRtpTransform): TransformLink {
  return transform instanceof RTCRtpScriptTransform ? scriptLink(transform) : new StreamLink(transform);
}
