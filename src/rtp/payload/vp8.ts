/**
 * VP8 (RFC 7741): a descriptor of 1 to 6 bytes, and then a piece of the frame.
 *
 * We cut frames anywhere, as §4.4 allows, and leave the partition index at 0: to find the partitions, the frame's header
 * would have to be decoded, and no browser uses them. Received payloads may be cut at partitions.
 */
import { setU16, u16 } from '../../binary/bytes.ts';
import { readVp8FrameHeader } from './bitstream/vp8.ts';
import { evenCut } from './even-parts.ts';
import { joinPayloads } from './join-payloads.ts';
import type { EncodedFrame, FrameMetadata, OpenPayload, PayloadFormat, PayloadInfo } from './types.ts';

/** The fields of the descriptor (§4.2); `null` for those that it leaves out. */
export type Vp8Descriptor = {
  /** N: no other frame needs this one. */
  readonly isNonReference: boolean;
  /** S: a partition begins with this payload. */
  readonly startsPartition: boolean;
  /** PID */
  readonly partition: number;
  /** 7 or 15 bits: `pictureIdBits` says which, since a counter of 7 bits wraps sooner. */
  readonly pictureId: number | null;
  readonly pictureIdBits: 0 | 7 | 15;
  readonly tl0PictureIndex: number | null;
  readonly temporalLayer: number | null;
  /** Y: depends on the base layer only. */
  readonly isLayerSync: boolean;
  readonly keyFrameIndex: number | null;
  /** Bytes of the descriptor. */
  readonly length: number;
};

const X = 0x80;
const N = 0x20;
const S = 0x10;
const I = 0x80;
const L = 0x40;
const T = 0x20;
const K = 0x10;
const M = 0x80;
const Y = 0x20;
const PID_MASK = 0x07;

/** Reads a descriptor; `null` for one that is cut off, or has nothing behind it. */
export function readVp8Descriptor(payload: Uint8Array): Vp8Descriptor | null {
  const first = payload[0];
  if (first === undefined) return null;
  const extensions = (first & X) !== 0 ? (payload[1] ?? 0) : 0;
  let at = (first & X) !== 0 ? 2 : 1;
  let pictureId: number | null = null;
  let pictureIdBits: 0 | 7 | 15 = 0;
  let tl0PictureIndex: number | null = null;
  let temporalLayer: number | null = null;
  let isLayerSync = false;
  let keyFrameIndex: number | null = null;
  if ((extensions & I) !== 0) {
    const byte = payload[at] ?? 0;
    pictureIdBits = (byte & M) !== 0 ? 15 : 7;
    pictureId = pictureIdBits === 15 ? u16(payload, at) & 0x7fff : byte;
    at += pictureIdBits === 15 ? 2 : 1;
  }
  if ((extensions & L) !== 0) tl0PictureIndex = payload[at++] ?? 0;
  if ((extensions & (T | K)) !== 0) {
    const byte = payload[at++] ?? 0;
    if ((extensions & T) !== 0) temporalLayer = byte >> 6;
    isLayerSync = (byte & Y) !== 0;
    if ((extensions & K) !== 0) keyFrameIndex = byte & 0x1f;
  }
  if (at >= payload.length) return null;
  return {
    isNonReference: (first & N) !== 0,
    startsPartition: (first & S) !== 0,
    partition: first & PID_MASK,
    pictureId,
    pictureIdBits,
    tl0PictureIndex,
    temporalLayer,
    isLayerSync,
    keyFrameIndex,
    length: at,
  };
}

/** What the bytes of a frame tell of it. */
export function describeVp8Frame(frame: Uint8Array): { isKeyFrame: boolean; metadata: FrameMetadata } {
  const header = readVp8FrameHeader(frame);
  // A key frame that is cut off, or has no start code since it is encrypted, shows itself by its first bit all the same.
  if (header === null) return { isKeyFrame: frame.length > 0 && (frame[0]! & 1) === 0, metadata: {} };
  const { isKeyFrame, width, height } = header;
  return { isKeyFrame, metadata: width === undefined ? {} : { width, height: height! } };
}

export class Vp8Format implements PayloadFormat {
  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean {
    const { data } = frame;
    const header = makeDescriptor(frame.metadata ?? {});
    if (!(maxPayloadLength > header.length)) {
      throw new RangeError(`expected room for more than ${header.length} bytes of descriptor, got ${maxPayloadLength}`);
    }
    if (data.length === 0) return false;
    const count = Math.ceil(data.length / (maxPayloadLength - header.length));
    for (let i = 0; i < count; i++) {
      const start = evenCut(data.length, count, i);
      const end = evenCut(data.length, count, i + 1);
      const payload = open(header.length + end - start, i === count - 1);
      payload.set(header);
      if (i === 0) payload[0]! |= S;
      payload.set(data.subarray(start, end), header.length);
    }
    return true;
  }

  inspect(payload: Uint8Array): PayloadInfo | null {
    const descriptor = readVp8Descriptor(payload);
    if (descriptor === null) return null;
    const startsFrame = descriptor.startsPartition && descriptor.partition === 0;
    const described = startsFrame ? describeVp8Frame(payload.subarray(descriptor.length)) : null;
    return {
      startsFrame,
      isKeyFrame: described?.isKeyFrame ?? false,
      metadata: metadataOf(descriptor, described?.metadata),
    };
  }

  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null {
    const starts: number[] = [];
    let first: Vp8Descriptor | null = null;
    let partition = 0;
    for (const payload of payloads) {
      const descriptor = readVp8Descriptor(payload);
      if (descriptor === null) return null;
      const startsFrame = descriptor.startsPartition && descriptor.partition === 0;
      if (startsFrame !== (first === null)) return null;
      first ??= descriptor;
      if (descriptor.pictureId !== first.pictureId || descriptor.partition < partition) return null;
      partition = descriptor.partition;
      starts.push(descriptor.length);
    }
    if (first === null) return null;
    const data = joinPayloads(payloads, starts);
    const { isKeyFrame, metadata } = describeVp8Frame(data);
    return { data, isKeyFrame, metadata: metadataOf(first, metadata) };
  }
}

/** The descriptor of all payloads of a frame but for S. PictureIDs take 15 bits. */
function makeDescriptor(metadata: FrameMetadata): Uint8Array {
  const { pictureId, tl0PictureIndex, temporalLayer, keyFrameIndex } = metadata;
  const first = metadata.isDiscardable ? N : 0;
  let extensions = 0;
  if (pictureId !== undefined) extensions |= I;
  // "The L bit … the T bit MUST be set to 1" with it: without a layer's number it stays away.
  if (tl0PictureIndex !== undefined && temporalLayer !== undefined) extensions |= L;
  if (temporalLayer !== undefined) extensions |= T;
  if (keyFrameIndex !== undefined) extensions |= K;
  if (extensions === 0) return Uint8Array.of(first);
  const bytes = new Uint8Array(6);
  bytes[0] = first | X;
  bytes[1] = extensions;
  let at = 2;
  if (pictureId !== undefined) {
    setU16(bytes, at, 0x8000 | (pictureId & 0x7fff));
    at += 2;
  }
  if ((extensions & L) !== 0) bytes[at++] = tl0PictureIndex!;
  if ((extensions & (T | K)) !== 0) {
    const sync = metadata.isSwitchPoint && temporalLayer !== undefined ? Y : 0;
    bytes[at++] = (((temporalLayer ?? 0) & 3) << 6) | sync | ((keyFrameIndex ?? 0) & 0x1f);
  }
  return bytes.subarray(0, at);
}

function metadataOf(descriptor: Vp8Descriptor, size: FrameMetadata | undefined): FrameMetadata {
  const { pictureId, tl0PictureIndex, temporalLayer, keyFrameIndex } = descriptor;
  return {
    ...(pictureId !== null && { pictureId }),
    ...(tl0PictureIndex !== null && { tl0PictureIndex }),
    ...(temporalLayer !== null && { temporalLayer, isSwitchPoint: descriptor.isLayerSync }),
    ...(keyFrameIndex !== null && { keyFrameIndex }),
    ...(descriptor.isNonReference && { isDiscardable: true }),
    ...size,
  };
}
