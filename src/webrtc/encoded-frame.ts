/**
 * RTCEncodedVideoFrame and RTCEncodedAudioFrame (WebRTC Encoded Transform §5): what a transform reads and writes. They are
 * made of records, which go to workers and back; so this file is also part of the door `purertc/worker`.
 */
import type { EncodedMediaFrame, EncodingId, MediaCodec, MediaKind } from '../media/tracks.ts';
import {
  Dictionary,
  exposeInterface,
  INTERNAL,
  instance,
  isObject,
  requireArguments,
  sequence,
  toDOMString,
  toDouble,
  toLongLong,
  toOctet,
  toShort,
  toUnsignedLong,
  toUnsignedLongLong,
  toUnsignedShort,
} from '../webidl/conversions.ts';

/** Members that are not known are left out. Times are ms since `performance.timeOrigin`. */
export interface RTCEncodedFrameMetadata {
  synchronizationSource?: number;
  payloadType?: number;
  contributingSources?: number[];
  rtpTimestamp?: number;
  /** When the last packet of a received frame came. */
  receiveTime?: number;
  captureTime?: number;
  senderCaptureTimeOffset?: number;
  mimeType?: string;
}

export interface RTCEncodedVideoFrameMetadata extends RTCEncodedFrameMetadata {
  frameId?: number;
  dependencies?: number[];
  width?: number;
  height?: number;
  spatialIndex?: number;
  temporalIndex?: number;
  /** When to present it, in µs. */
  timestamp?: number;
}

export interface RTCEncodedAudioFrameMetadata extends RTCEncodedFrameMetadata {
  /** Of received frames only. */
  sequenceNumber?: number;
  /** 0 is silence, 1 the loudest there is (RFC 6464). */
  audioLevel?: number;
}

export interface RTCEncodedVideoFrameOptions {
  metadata?: RTCEncodedVideoFrameMetadata;
}

export interface RTCEncodedAudioFrameOptions {
  metadata?: RTCEncodedAudioFrameMetadata;
}

type Metadata = RTCEncodedVideoFrameMetadata & RTCEncodedAudioFrameMetadata;
type FrameType = 'key' | 'delta';

/** A frame on its way to a transform, as it can be posted to a worker. */
export type FrameRecord = {
  readonly kind: MediaKind;
  /** [[counter]]: in the order in which a pipe has given them out, from 1. */
  readonly counter: number;
  readonly type: FrameType;
  /** The RTP timestamp. */
  readonly timestamp: number;
  /** The record's own. */
  readonly data: ArrayBuffer;
  readonly metadata: Metadata;
};

/** What RTP knows of a frame that the frame does not say itself. */
export type FrameDetails = {
  readonly [Member in Exclude<keyof Metadata, 'mimeType' | 'timestamp'>]?: Metadata[Member] | undefined;
};

/** The internal slots. */
export type FrameSlots = {
  /** [[owner]]: who gave it out; `null` for copies. */
  readonly owner: object | null;
  readonly counter: number;
  readonly type: FrameType;
  readonly timestamp: number;
  readonly metadata: Metadata;
  data: ArrayBuffer;
};

const SHARED_MEMBERS = {
  synchronizationSource: toUnsignedLong,
  payloadType: toOctet,
  contributingSources: sequence(toUnsignedLong),
  rtpTimestamp: toUnsignedLong,
  receiveTime: toDouble,
  captureTime: toDouble,
  senderCaptureTimeOffset: toDouble,
  mimeType: toDOMString,
} as const;
const VIDEO_MEMBERS = {
  ...SHARED_MEMBERS,
  frameId: toUnsignedLongLong,
  dependencies: sequence(toUnsignedLongLong),
  width: toUnsignedShort,
  height: toUnsignedShort,
  spatialIndex: toUnsignedLong,
  temporalIndex: toUnsignedLong,
  timestamp: toLongLong,
} as const;
const AUDIO_MEMBERS = { ...SHARED_MEMBERS, sequenceNumber: toShort, audioLevel: toDouble } as const;

let videoSlots: (frame: object) => FrameSlots | null;
let audioSlots: (frame: object) => FrameSlots | null;

export class RTCEncodedVideoFrame {
  readonly #slots: FrameSlots;

  static {
    videoSlots = (frame) => (#slots in frame ? frame.#slots : null);
    exposeInterface(RTCEncodedVideoFrame, 'RTCEncodedVideoFrame', 1);
  }

  /** An independent copy. No transform takes it back: what is written is the frame that was read, with other data. */
  constructor(originalFrame: RTCEncodedVideoFrame, options: RTCEncodedVideoFrameOptions = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'RTCEncodedVideoFrame');
    this.#slots = isInternal(originalFrame)
      ? (options as unknown as FrameSlots)
      : copy(toVideoFrame(originalFrame, 'originalFrame').#slots, options, VIDEO_MEMBERS);
  }

  /** Whether decoding needs other frames: `delta`. */
  get type(): FrameType {
    return this.#slots.type;
  }

  /** The RTP timestamp (not in the specification any more; browsers have it). */
  get timestamp(): number {
    return this.#slots.timestamp;
  }

  /**
   * The codec's frame: H.264 and H.265 as Annex B, AV1 as OBUs with sizes, of VP9 all spatial layers of a picture. Empty
   * once the frame is written.
   */
  get data(): ArrayBuffer {
    return this.#slots.data;
  }

  set data(value: ArrayBuffer) {
    this.#slots.data = toArrayBuffer(value);
  }

  getMetadata(): RTCEncodedVideoFrameMetadata {
    return structuredClone(this.#slots.metadata);
  }
}

export class RTCEncodedAudioFrame {
  readonly #slots: FrameSlots;

  static {
    audioSlots = (frame) => (#slots in frame ? frame.#slots : null);
    exposeInterface(RTCEncodedAudioFrame, 'RTCEncodedAudioFrame', 1);
  }

  /** An independent copy. No transform takes it back: what is written is the frame that was read, with other data. */
  constructor(originalFrame: RTCEncodedAudioFrame, options: RTCEncodedAudioFrameOptions = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'RTCEncodedAudioFrame');
    this.#slots = isInternal(originalFrame)
      ? (options as unknown as FrameSlots)
      : copy(toAudioFrame(originalFrame, 'originalFrame').#slots, options, AUDIO_MEMBERS);
  }

  /** The RTP timestamp (not in the specification any more; browsers have it). */
  get timestamp(): number {
    return this.#slots.timestamp;
  }

  /** The codec's packet. Empty once the frame is written. */
  get data(): ArrayBuffer {
    return this.#slots.data;
  }

  set data(value: ArrayBuffer) {
    this.#slots.data = toArrayBuffer(value);
  }

  getMetadata(): RTCEncodedAudioFrameMetadata {
    return structuredClone(this.#slots.metadata);
  }
}

const toVideoFrame = instance(RTCEncodedVideoFrame, 'RTCEncodedVideoFrame');
const toAudioFrame = instance(RTCEncodedAudioFrame, 'RTCEncodedAudioFrame');

/** The slots of what somebody has written; `null` when it is no frame. */
export function frameSlots(value: unknown): FrameSlots | null {
  return isObject(value) ? (videoSlots(value) ?? audioSlots(value)) : null;
}

/** The object that stands for a record where a transform runs. */
export function makeFrame(record: FrameRecord, owner: object): RTCEncodedVideoFrame | RTCEncodedAudioFrame {
  const { kind, counter, type, timestamp, data, metadata } = record;
  const slots: FrameSlots = { owner, counter, type, timestamp, data, metadata };
  const Frame = kind === 'video' ? RTCEncodedVideoFrame : RTCEncodedAudioFrame;
  return new Frame(INTERNAL as never, slots as never);
}

/** A frame of our media as a record: its data is copied, since other readers of the track have the same. */
export function makeRecord(
  kind: MediaKind,
  counter: number,
  frame: EncodedMediaFrame,
  codec: MediaCodec,
  encoding: EncodingId,
  details: FrameDetails,
): FrameRecord {
  const { width, height, spatialLayer, temporalLayer, layerFrames } = frame.metadata ?? {};
  const known = {
    synchronizationSource: encoding.ssrc,
    mimeType: codec.mimeType,
    ...(kind === 'video' && {
      timestamp: Math.round(frame.timestamp),
      width,
      height,
      // What says nothing of layers is the base layer, and all there is.
      spatialIndex: spatialLayer ?? (layerFrames === undefined ? 0 : undefined),
      temporalIndex: temporalLayer ?? 0,
    }),
    ...details,
    contributingSources: [...(details.contributingSources ?? [])],
  };
  return {
    kind,
    counter,
    type: frame.type,
    timestamp: details.rtpTimestamp ?? Math.round((frame.timestamp * codec.clockRate) / 1e6) >>> 0,
    data: new Uint8Array(frame.data).buffer,
    metadata: Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
  };
}

function isInternal(value: unknown): boolean {
  return value === INTERNAL;
}

/** The constructors' steps. @throws TypeError */
function copy(
  original: FrameSlots,
  options: unknown,
  members: Readonly<Record<string, (value: unknown, what: string) => unknown>>,
): FrameSlots {
  const given = new Dictionary(options, 'RTCEncodedFrameOptions').optional(
    'metadata',
    (value, what) => new Dictionary(value, what),
  );
  const metadata: Record<string, unknown> = { ...structuredClone(original.metadata) };
  for (const [member, convert] of Object.entries(members)) {
    const value = given?.optional(member, convert);
    if (value !== undefined) metadata[member] = value;
  }
  return { ...original, owner: null, data: original.data.slice(0), metadata };
}

const byteLengthOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!;

/** Of any realm; a SharedArrayBuffer is none. */
function toArrayBuffer(value: unknown): ArrayBuffer {
  try {
    byteLengthOf.call(value);
  } catch {
    throw new TypeError('data: expected an ArrayBuffer');
  }
  return value as ArrayBuffer;
}
