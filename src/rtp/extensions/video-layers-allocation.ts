/**
 * What a sender of simulcast or scalable video aims at, layer by layer (video-layers-allocation00), for whoever forwards
 * it and has to choose.
 *
 * ```
 * +-+-+-+-+-+-+-+-+
 * |RID| NS| sl_bm |   stream this is sent on, number of streams - 1, spatial layers of every stream (0: they differ)
 * +-+-+-+-+-+-+-+-+
 * |sl0_bm |sl1_bm |   if they differ: spatial layers of each stream; two streams to a byte
 * +-+-+-+-+-+-+-+-+
 * |#tl|#tl|#tl|#tl|   temporal layers - 1 of each spatial layer; four to a byte
 * +-+-+-+-+-+-+-+-+
 * | target bitrate…   kbit/s of each temporal layer, LEB128
 * | width - 1, height - 1, frame rate: 5 bytes for each spatial layer, or nothing at all
 * ```
 */
import { setU16, u16 } from '../../binary/bytes.ts';
import type { HeaderExtension } from './header-extension.ts';

const MAX_STREAMS = 4;
const MAX_SPATIAL_LAYERS = 4;
const MAX_TEMPORAL_LAYERS = 4;
const BYTES_PER_RESOLUTION = 5;
/** 32 bits of LEB128. */
const MAX_LEB128_LENGTH = 5;

export type SpatialLayerAllocation = {
  /** 0 … 3, in the order of the streams' negotiation. */
  readonly streamIndex: number;
  /** 0 … 3. */
  readonly spatialLayer: number;
  /** Of each temporal layer, with all the layers it needs; one to four. */
  readonly targetBitratesKbps: readonly number[];
  /** Of all layers or of none. */
  readonly resolution?: { readonly width: number; readonly height: number; readonly maxFrameRate: number };
};

export type VideoLayersAllocation = {
  /** The stream that the packet belongs to. */
  readonly streamIndex: number;
  readonly streamCount: number;
  /** Active layers, sorted by stream and spatial layer. Empty: nothing is being sent. */
  readonly layers: readonly SpatialLayerAllocation[];
};

export const videoLayersAllocationExtension: HeaderExtension<VideoLayersAllocation> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00',
  length: (value) => encode(value).length,
  write: (value, bytes, at) => bytes.set(encode(value), at),
  read,
};

function encode({ streamIndex, streamCount, layers }: VideoLayersAllocation): number[] {
  if (layers.length === 0) return [0];
  const masks = new Array<number>(streamCount).fill(0);
  for (const layer of layers) {
    if (layer.streamIndex >= streamCount || layer.spatialLayer >= MAX_SPATIAL_LAYERS || streamCount > MAX_STREAMS) {
      throw new RangeError('at most 4 streams of 4 spatial layers, each stream within streamCount');
    }
    masks[layer.streamIndex]! |= 1 << layer.spatialLayer;
  }
  const common = masks.every((mask) => mask === masks[0]) ? masks[0]! : 0;
  const out = [(streamIndex << 6) | ((streamCount - 1) << 4) | common];
  if (common === 0) pack(out, masks, 4);
  pack(
    out,
    layers.map(({ targetBitratesKbps }) => {
      const count = targetBitratesKbps.length;
      if (count < 1 || count > MAX_TEMPORAL_LAYERS) throw new RangeError(`1 to 4 temporal layers, not ${count}`);
      return count - 1;
    }),
    2,
  );
  for (const { targetBitratesKbps } of layers) for (const kbps of targetBitratesKbps) pushLeb128(out, kbps);
  if (layers.every(({ resolution }) => resolution !== undefined)) {
    const fields = new Uint8Array(BYTES_PER_RESOLUTION);
    for (const { resolution } of layers) {
      setU16(fields, 0, resolution!.width - 1);
      setU16(fields, 2, resolution!.height - 1);
      fields[4] = Math.min(255, resolution!.maxFrameRate);
      out.push(...fields);
    }
  }
  return out;
}

/** Values of `bits` bits, the first one highest, zeros to the end of the byte. */
function pack(out: number[], values: readonly number[], bits: 2 | 4): void {
  const perByte = 8 / bits;
  for (let i = 0; i < values.length; i += perByte) {
    let byte = 0;
    for (let j = 0; j < perByte; j++) byte = (byte << bits) | (values[i + j] ?? 0);
    out.push(byte);
  }
}

function pushLeb128(out: number[], value: number): void {
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
}

function read(bytes: Uint8Array, start: number, end: number): VideoLayersAllocation | null {
  if (end - start < 1) return null;
  const first = bytes[start]!;
  if (first === 0 && end - start === 1) return { streamIndex: 0, streamCount: 1, layers: [] };
  const streamIndex = first >> 6;
  const streamCount = ((first >> 4) & 3) + 1;
  if (streamIndex >= streamCount) return null;
  let at = start + 1;
  const common = first & 0x0f;
  const active: { streamIndex: number; spatialLayer: number }[] = [];
  for (let stream = 0; stream < streamCount; stream++) {
    const mask = common || (bytes[at + (stream >> 1)]! >> (stream & 1 ? 0 : 4)) & 0x0f;
    for (let layer = 0; layer < MAX_SPATIAL_LAYERS; layer++) {
      if (mask & (1 << layer)) active.push({ streamIndex: stream, spatialLayer: layer });
    }
  }
  if (common === 0) at += (streamCount + 1) >> 1;
  const counts = at;
  at += (active.length + 3) >> 2;
  if (at > end) return null; // what was read past the end went into `active` only, and is thrown away
  const bitrates: number[][] = [];
  for (let i = 0; i < active.length; i++) {
    const count = ((bytes[counts + (i >> 2)]! >> (6 - 2 * (i & 3))) & 3) + 1;
    const kbps: number[] = [];
    for (let temporal = 0; temporal < count; temporal++) {
      let value = 0;
      let length = 0;
      let byte: number;
      do {
        if (at >= end || length === MAX_LEB128_LENGTH) return null;
        byte = bytes[at++]!;
        value += (byte & 0x7f) * 2 ** (7 * length++);
      } while (byte & 0x80);
      if (value > 0xffff_ffff) return null;
      kbps.push(value);
    }
    bitrates.push(kbps);
  }
  const hasResolutions = at < end;
  if (hasResolutions && end - at !== BYTES_PER_RESOLUTION * active.length) return null;
  const layers = active.map((layer, i): SpatialLayerAllocation => {
    const targetBitratesKbps = bitrates[i]!;
    if (!hasResolutions) return { ...layer, targetBitratesKbps };
    const from = at + i * BYTES_PER_RESOLUTION;
    return {
      ...layer,
      targetBitratesKbps,
      resolution: { width: u16(bytes, from) + 1, height: u16(bytes, from + 2) + 1, maxFrameRate: bytes[from + 4]! },
    };
  });
  return { streamIndex, streamCount, layers };
}
