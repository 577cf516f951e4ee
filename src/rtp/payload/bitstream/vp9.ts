/**
 * The head of a VP9 frame (VP9 bitstream specification §6.2), and superframes (Annex B of it): several frames in one
 * chunk, with an index at its end that says how long each of them is.
 */
import { BitReader } from '../../../binary/bit-reader.ts';
import { concatBytes } from '../../../binary/bytes.ts';

export type Vp9FrameHeader = {
  readonly profile: number;
  /** Shows a frame decoded earlier, and has nothing else. */
  readonly showsExistingFrame: boolean;
  readonly isKeyFrame: boolean;
  readonly isShown: boolean;
  /** Uses no other frame, but leaves old ones in place that later frames may use: no key frame. */
  readonly isIntraOnly: boolean;
  /** Of key frames. */
  readonly bitDepth?: 8 | 10 | 12;
  readonly colorSpace?: number;
  readonly subsamplingX?: boolean;
  readonly subsamplingY?: boolean;
  readonly width?: number;
  readonly height?: number;
};

const FRAME_MARKER = 2; // §7.2
const SYNC_CODE = 0x498342; // §7.2.1
const COLOR_SPACE_RGB = 7; // §7.2.2

/** Reads the start of a frame; `null` where it is none. */
export function readVp9FrameHeader(frame: Uint8Array): Vp9FrameHeader | null {
  const bits = new BitReader(frame);
  if (bits.u(2) !== FRAME_MARKER) return null;
  const profile = bits.u(1) | (bits.u(1) << 1);
  if (profile === 3 && bits.flag()) return null; // reserved_zero
  if (bits.flag()) {
    bits.skip(3); // frame_to_show_map_idx
    if (!bits.ok) return null;
    return { profile, showsExistingFrame: true, isKeyFrame: false, isShown: true, isIntraOnly: false };
  }
  const isKeyFrame = !bits.flag();
  const isShown = bits.flag();
  bits.skip(1); // error_resilient_mode
  if (!isKeyFrame) {
    const isIntraOnly = isShown ? false : bits.flag();
    if (!bits.ok) return null;
    return { profile, showsExistingFrame: false, isKeyFrame, isShown, isIntraOnly };
  }
  if (bits.u(24) !== SYNC_CODE) return null;
  const bitDepth = profile >= 2 ? (bits.flag() ? 12 : 10) : 8;
  const colorSpace = bits.u(3);
  const is444Possible = (profile & 1) === 1;
  let subsamplingX = true;
  let subsamplingY = true;
  if (colorSpace === COLOR_SPACE_RGB) {
    if (!is444Possible) return null;
    subsamplingX = false;
    subsamplingY = false;
    bits.skip(1); // reserved_zero
  } else {
    bits.skip(1); // color_range
    if (is444Possible) {
      subsamplingX = bits.flag();
      subsamplingY = bits.flag();
      bits.skip(1); // reserved_zero
    }
  }
  const width = bits.u(16) + 1;
  const height = bits.u(16) + 1;
  if (!bits.ok) return null;
  return {
    profile,
    showsExistingFrame: false,
    isKeyFrame,
    isShown,
    isIntraOnly: false,
    bitDepth,
    colorSpace,
    subsamplingX,
    subsamplingY,
    width,
    height,
  };
}

const MAX_FRAMES_IN_SUPERFRAME = 8; // three bits of the index's marker, plus 1
const SUPERFRAME_MARKER = 0b110;

/**
 * The frames of a superframe, as views without its index; the whole chunk as the only frame where there is no index.
 * Frames of no bytes are left out.
 */
export function splitVp9Superframe(chunk: Uint8Array): Uint8Array[] {
  const marker = chunk.at(-1) ?? 0;
  const count = (marker & 7) + 1;
  const sizeLength = ((marker >> 3) & 3) + 1;
  const indexLength = 2 + count * sizeLength;
  const indexStart = chunk.length - indexLength;
  if (marker >> 5 !== SUPERFRAME_MARKER || indexStart < 0 || chunk[indexStart] !== marker) return [chunk];
  const frames: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < count; i++) {
    let length = 0;
    for (let byte = sizeLength - 1; byte >= 0; byte--) {
      length = length * 256 + chunk[indexStart + 1 + i * sizeLength + byte]!;
    }
    if (length > indexStart - start) return [chunk];
    if (length > 0) frames.push(chunk.subarray(start, start + length));
    start += length;
  }
  return frames.length > 0 ? frames : [chunk];
}

/**
 * Frames that stand one behind the other in `data`, as a superframe. Files and most decoders want a picture of several
 * spatial layers in this form; RTP carries it without the index.
 *
 * @throws RangeError when the lengths are not 1 … 8 that fill the data
 */
export function makeVp9Superframe(data: Uint8Array, lengths: readonly number[]): Uint8Array {
  let sum = 0;
  let longest = 0;
  for (const length of lengths) {
    sum += length;
    longest = Math.max(longest, length);
  }
  if (lengths.length < 1 || lengths.length > MAX_FRAMES_IN_SUPERFRAME || sum !== data.length) {
    throw new RangeError(
      `expected 1 to 8 lengths that add up to ${data.length}, got ${lengths.length} of ${sum} bytes`,
    );
  }
  if (lengths.length === 1) return data;
  const sizeLength = longest < 0x100 ? 1 : longest < 0x1_0000 ? 2 : longest < 0x100_0000 ? 3 : 4;
  const index = new Uint8Array(2 + lengths.length * sizeLength);
  index[0] = (SUPERFRAME_MARKER << 5) | ((sizeLength - 1) << 3) | (lengths.length - 1);
  index[index.length - 1] = index[0];
  let at = 1;
  for (const length of lengths) {
    for (let byte = 0; byte < sizeLength; byte++) index[at++] = length >>> (8 * byte);
  }
  return concatBytes(data, index);
}
