/**
 * Open bitstream units of AV1 (AV1 bitstream specification §5.3 … §5.9): where each begins and ends, the sequence header,
 * and the first fields of a frame's header.
 */
import { BitReader } from '../../../binary/bit-reader.ts';

/** `obu_type` (§6.2.2); the others are reserved. */
export const OBU = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  metadata: 5,
  frame: 6,
  redundantFrameHeader: 7,
  tileList: 8,
  padding: 15,
} as const;

export const OBU_HAS_EXTENSION = 0x04;
export const OBU_HAS_SIZE = 0x02;

/** Where an OBU stands in its data. */
export type ObuRange = {
  readonly type: number;
  /** Of its header of 1 or 2 bytes. */
  readonly start: number;
  readonly headerLength: 1 | 2;
  /** Of what comes behind the header and the size field. */
  readonly payloadStart: number;
  readonly end: number;
  /** Of the header's extension; 0 and 0 without one. */
  readonly hasExtension: boolean;
  readonly temporalLayer: number;
  readonly spatialLayer: number;
};

/**
 * The OBU at `start`. Without a size field it goes on to the end of the data. `null` where there is none, its size runs
 * past the end, or the forbidden bit is set.
 */
export function readObu(data: Uint8Array, start: number): ObuRange | null {
  const header = data[start];
  if (header === undefined || (header & 0x80) !== 0) return null;
  const hasExtension = (header & OBU_HAS_EXTENSION) !== 0;
  const headerLength = hasExtension ? 2 : 1;
  let payloadStart = start + headerLength;
  if (payloadStart > data.length) return null;
  const extension = hasExtension ? data[start + 1]! : 0;
  let end = data.length;
  if ((header & OBU_HAS_SIZE) !== 0) {
    const sizeLength = leb128Length(data, payloadStart);
    if (sizeLength === 0) return null;
    const size = readLeb128(data, payloadStart);
    payloadStart += sizeLength;
    if (size > data.length - payloadStart) return null;
    end = payloadStart + size;
  }
  return {
    type: (header >> 3) & 0xf,
    start,
    headerLength,
    payloadStart,
    end,
    hasExtension,
    temporalLayer: extension >> 5,
    spatialLayer: (extension >> 3) & 3,
  };
}

/** All OBUs of a temporal unit; `null` where the data is not OBUs from end to end. */
export function readObus(data: Uint8Array): ObuRange[] | null {
  const obus: ObuRange[] = [];
  for (let at = 0; at < data.length; ) {
    const obu = readObu(data, at);
    if (obu === null) return null;
    obus.push(obu);
    at = obu.end;
  }
  return obus.length > 0 ? obus : null;
}

const MAX_LEB128_LENGTH = 8; // §4.10.5

/** How many bytes the number at `at` takes, 0 where it does not end in time. */
export function leb128Length(data: Uint8Array, at: number): number {
  for (let i = 0; i < MAX_LEB128_LENGTH && at + i < data.length; i++) {
    if (data[at + i]! < 0x80) return i + 1;
  }
  return 0;
}

/** The number at `at`; only where `leb128Length` says there is one. */
export function readLeb128(data: Uint8Array, at: number): number {
  let value = 0;
  let factor = 1;
  for (let i = at; ; i++) {
    value += (data[i]! & 0x7f) * factor;
    if (data[i]! < 0x80) return value;
    factor *= 128;
  }
}

/** How many bytes a number takes when written as short as can be. */
export function leb128Size(value: number): number {
  let size = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++;
  return size;
}

/** Writes a number below 2^32; returns where the next byte goes. */
export function writeLeb128(data: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    data[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  data[next++] = rest;
  return next;
}

/** What a sequence header says (§5.5), as far as files and statistics need it. */
export type Av1SequenceHeader = {
  readonly profile: number;
  readonly isStillPicture: boolean;
  readonly isReducedStillPictureHeader: boolean;
  /** Of the first operating point. */
  readonly level: number;
  readonly tier: number;
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 8 | 10 | 12;
  readonly isMonochrome: boolean;
  readonly subsamplingX: boolean;
  readonly subsamplingY: boolean;
};

/** Reads the payload of a sequence header OBU; `null` where it ends too early. */
export function readAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader | null {
  const bits = new BitReader(payload);
  const profile = bits.u(3);
  const isStillPicture = bits.flag();
  const isReduced = bits.flag();
  let level = 0;
  let tier = 0;
  if (isReduced) {
    level = bits.u(5);
  } else {
    ({ level, tier } = readOperatingPoints(bits));
  }
  const widthBits = bits.u(4) + 1;
  const heightBits = bits.u(4) + 1;
  const width = bits.u(widthBits) + 1;
  const height = bits.u(heightBits) + 1;
  if (!isReduced && bits.flag()) bits.skip(4 + 3); // lengths of frame ids
  bits.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!isReduced) skipInterTools(bits);
  bits.skip(3); // enable_superres, enable_cdef, enable_restoration
  const color = readColorConfig(bits, profile);
  if (!bits.ok || profile > 2) return null;
  return { profile, isStillPicture, isReducedStillPictureHeader: isReduced, level, tier, width, height, ...color };
}

/** What the first bits of a frame header tell (§5.9.2). */
export type Av1FrameHeader = {
  readonly showsExistingFrame: boolean;
  readonly isKeyFrame: boolean;
  readonly isShown: boolean;
};

/** Reads the start of the payload of a frame or frame header OBU. */
export function readAv1FrameHeader(payload: Uint8Array, isReducedStillPictureHeader = false): Av1FrameHeader | null {
  if (isReducedStillPictureHeader) return { showsExistingFrame: false, isKeyFrame: true, isShown: true };
  const first = payload[0];
  if (first === undefined) return null;
  if ((first & 0x80) !== 0) return { showsExistingFrame: true, isKeyFrame: false, isShown: true };
  return { showsExistingFrame: false, isKeyFrame: (first & 0x60) === 0, isShown: (first & 0x10) !== 0 };
}

function readOperatingPoints(bits: BitReader): { level: number; tier: number } {
  let hasDecoderModel = false;
  let delayBits = 0;
  if (bits.flag()) {
    bits.skip(32 + 32); // num_units_in_display_tick, time_scale
    if (bits.flag()) bits.ue(); // num_ticks_per_picture_minus_1, uvlc() as Exp-Golomb
    hasDecoderModel = bits.flag();
    if (hasDecoderModel) {
      delayBits = bits.u(5) + 1;
      bits.skip(32 + 5 + 5); // num_units_in_decoding_tick and two lengths
    }
  }
  const hasDisplayDelay = bits.flag();
  const count = bits.u(5) + 1;
  let level = 0;
  let tier = 0;
  for (let i = 0; i < count; i++) {
    bits.skip(12); // operating_point_idc
    const pointLevel = bits.u(5);
    const pointTier = pointLevel > 7 ? bits.u(1) : 0; // tiers begin at level 4.0
    if (i === 0) {
      level = pointLevel;
      tier = pointTier;
    }
    if (hasDecoderModel && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
  return { level, tier };
}

function skipInterTools(bits: BitReader): void {
  bits.skip(4); // interintra, masked, warped motion, dual filter
  const hasOrderHint = bits.flag();
  if (hasOrderHint) bits.skip(2); // jnt_comp, ref_frame_mvs
  const chooseScreenContent = bits.flag();
  const screenContent = chooseScreenContent ? 2 : bits.u(1);
  if (screenContent > 0 && !bits.flag()) bits.skip(1); // integer motion vectors: a choice, or one bit
  if (hasOrderHint) bits.skip(3); // order_hint_bits_minus_1
}

function readColorConfig(
  bits: BitReader,
  profile: number,
): Pick<Av1SequenceHeader, 'bitDepth' | 'isMonochrome' | 'subsamplingX' | 'subsamplingY'> {
  const isHigh = bits.flag();
  const bitDepth = profile === 2 && isHigh ? (bits.flag() ? 12 : 10) : isHigh ? 10 : 8;
  const isMonochrome = profile === 1 ? false : bits.flag();
  let primaries = 2; // unspecified
  let transfer = 2;
  let matrix = 2;
  if (bits.flag()) {
    primaries = bits.u(8);
    transfer = bits.u(8);
    matrix = bits.u(8);
  }
  if (isMonochrome) return { bitDepth, isMonochrome, subsamplingX: true, subsamplingY: true };
  // BT.709 primaries, sRGB transfer and identity matrix are RGB, never subsampled (§5.5.2).
  if (primaries === 1 && transfer === 13 && matrix === 0) {
    return { bitDepth, isMonochrome, subsamplingX: false, subsamplingY: false };
  }
  bits.skip(1); // color_range
  if (profile === 0) return { bitDepth, isMonochrome, subsamplingX: true, subsamplingY: true };
  if (profile === 1) return { bitDepth, isMonochrome, subsamplingX: false, subsamplingY: false };
  if (bitDepth !== 12) return { bitDepth, isMonochrome, subsamplingX: true, subsamplingY: false };
  const subsamplingX = bits.flag();
  const subsamplingY = subsamplingX && bits.flag();
  return { bitDepth, isMonochrome, subsamplingX, subsamplingY };
}
