/**
 * Pictures of VP8 (RFC 6386) made of flat squares of 16 × 16 pixels: video for tests and examples, without a codec. Each
 * is a key frame of a few hundred bytes.
 *
 * A flat macroblock needs little of VP8. It is predicted from its left neighbour, at the left edge from the one above,
 * and what its colour differs by is one coefficient for luma (of the second-order transform, Y2) and one per block of
 * chroma. With the finest quantizer the colour comes out exactly as asked for.
 */
import { fromHex } from '../../binary/bytes.ts';
import { BoolEncoder, EVEN } from './vp8-bool-encoder.ts';

/** Y, Cb, Cr of BT.601 in studio swing: black is [16, 128, 128], white [235, 128, 128]. */
export type Yuv = readonly [y: number, u: number, v: number];

export type Vp8TestPictureOptions = {
  /** Pixels, 1 … 16383. */
  readonly width: number;
  readonly height: number;
  /** The colour of the square in this column and row of squares. */
  readonly colorAt: (column: number, row: number) => Yuv;
};

/** @throws RangeError for a size that VP8 does not have */
export function vp8TestPicture(options: Vp8TestPictureOptions): Uint8Array {
  const { width, height, colorAt } = options;
  for (const size of [width, height]) {
    if (!Number.isInteger(size) || size < 1 || size > 0x3fff)
      throw new RangeError(`expected 1 to 16383 pixels, got ${size}`);
  }
  const modes = new BoolEncoder();
  const tokens = new BoolEncoder();
  writeFrameHeader(modes);
  const columns = Math.ceil(width / 16);
  const contexts = new TokenContexts(columns);
  let above: Yuv = [127, 127, 127]; // §12.2: what stands over the picture
  for (let row = 0; row < Math.ceil(height / 16); row++) {
    contexts.startRow();
    let left = above;
    for (let column = 0; column < columns; column++) {
      const color = colorAt(column, row);
      const difference = color.map((value, plane) => clamp(value) - left[plane]!);
      const isSkipped = difference.every((value) => value === 0);
      modes.bool(isSkipped, EVEN);
      writeModes(modes, column > 0);
      if (isSkipped) contexts.clear(column);
      else writeTokens(tokens, contexts, column, difference);
      left = color.map(clamp) as unknown as Yuv;
      if (column === 0) above = left;
    }
  }
  return frame(width, height, modes.finish(), tokens.finish());
}

/** Red, green and blue of 0 … 255 as Y, Cb, Cr (BT.601, studio swing). */
export function yuvOf(red: number, green: number, blue: number): Yuv {
  return [
    Math.round(16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256),
    Math.round(128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256),
    Math.round(128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256),
  ];
}

/** §13.4: the probabilities that a token probability stays as it was: how many are 255, and then one that is not. */
const UPDATE_PROBABILITIES = [
  '21b000f609df00f100fc08f900fd00fd09f400fc08ea00fe00fe08fd0bf600fe08ef00fd00fe08fe01fe09f800fe08fb01fe14fd',
  '00fe08fb00fe00fe08fe01fe09fe00fd01fe06fa01fe01fe06fe2bd90ae100fc00f100fd02fe04ea00fa00f100fa00fd01fd00fe',
  '04fe09df00fe00fe08ee00fd00fe00fe08f800fe08f900fe15fd09f700fe15fd00fe08fc16fe00fe08fd16fe00fd08fa0afe2bba',
  '00fb00fa08ea00fb00f400fe07fb00fb00f300fd00fe01fe05fd00fe08ec00fd00fe08fb00fd00fd00fe00fe07fe00fe08fe00fe',
  '00fe14fe09fe00fe09fe15fe78f80afa00fe00fc00fe07f800fe00f900fd08fd00fd08f600fd00fd08fc00fe00fb00fe00fe07fe',
  '00fc08f800fe00fd08fd01fe00fe08fb00fe08f500fb00fe08fd00fd00fe09fb00fd08fc00fd00fe09fe0afc09f901fe0afe0afd',
  '08fa20fe',
].join('');
const UPDATE_PROBABILITY_COUNT = 1056;

/** §13.5, of those tokens that we write: at the first position by context, and of the end behind a large coefficient. */
const Y2_FIRST = [
  [198, 35, 237, 223, 193, 187, 162, 160, 145, 155, 62],
  [131, 45, 198, 221, 172, 176, 220, 157, 252, 221, 1],
  [68, 47, 146, 208, 149, 167, 221, 162, 255, 223, 128],
] as const;
const CHROMA_FIRST = [
  [253, 9, 248, 251, 207, 208, 255, 192, 128, 128, 128],
  [175, 13, 224, 243, 193, 185, 249, 198, 255, 255, 128],
  [73, 17, 171, 221, 161, 179, 236, 167, 255, 234, 128],
] as const;
const Y2_END = 81;
const CHROMA_END = 155;
const LUMA_END = 253;

/** §13.2: the least value of a category, and the probabilities of the bits that are added to it. */
const CATEGORIES = [
  [5, [159]],
  [7, [165, 145]],
  [11, [173, 148, 140]],
  [19, [176, 155, 140, 135]],
  [35, [180, 157, 141, 134, 130]],
  [67, [254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]],
] as const;

/** §9.2 … §9.11, nearly all of it zero: no segments, no filter, one partition, quantizer 0. */
function writeFrameHeader(modes: BoolEncoder): void {
  // color_space, clamping_type, segmentation_enabled, filter_type, loop_filter_level (6), sharpness_level (3),
  // loop_filter_adj_enable, log2_nbr_of_dct_partitions (2), y_ac_qi (7), five deltas, refresh_entropy_probs
  modes.literal(0, 1 + 1 + 1 + 1 + 6 + 3 + 1 + 2 + 7 + 5 + 1);
  const exceptions = fromHex(UPDATE_PROBABILITIES);
  let written = 0;
  for (let i = 0; i < exceptions.length; i += 2) {
    for (let j = 0; j < exceptions[i]!; j++) modes.bool(false, 255);
    modes.bool(false, exceptions[i + 1]!);
    written += exceptions[i]! + 1;
  }
  for (; written < UPDATE_PROBABILITY_COUNT; written++) modes.bool(false, 255);
  modes.literal(1, 1); // mb_no_skip_coeff
  modes.literal(EVEN, 8); // prob_skip_false
}

/** §11.2, §11.3: the trees of key frames, on the way to H_PRED or V_PRED. */
function writeModes(modes: BoolEncoder, isFromLeft: boolean): void {
  modes.bool(true, 145);
  modes.bool(isFromLeft, 156);
  modes.bool(!isFromLeft, isFromLeft ? 128 : 163);
  modes.bool(true, 142);
  modes.bool(isFromLeft, 114);
  if (isFromLeft) modes.bool(false, 183);
}

function writeTokens(
  tokens: BoolEncoder,
  contexts: TokenContexts,
  column: number,
  difference: readonly number[],
): void {
  // The inverse transforms divide by 8 twice for luma, with a step of 8; by 8 once for chroma, with a step of 4.
  const y2 = 8 * difference[0]!;
  writeBlock(tokens, Y2_FIRST[contexts.exchange(0, column, 0, 0, y2 !== 0)]!, Y2_END, y2);
  for (let i = 0; i < 16; i++) tokens.bool(false, LUMA_END); // the others of luma are all 0
  for (const plane of [1, 2]) {
    const value = 2 * difference[plane]!;
    for (let i = 0; i < 4; i++) {
      writeBlock(
        tokens,
        CHROMA_FIRST[contexts.exchange(plane, column, i & 1, i >> 1, value !== 0)]!,
        CHROMA_END,
        value,
      );
    }
  }
}

/** One coefficient and the end of the block, or only the end. */
function writeBlock(tokens: BoolEncoder, probabilities: readonly number[], end: number, value: number): void {
  tokens.bool(value !== 0, probabilities[0]!);
  if (value === 0) return;
  const magnitude = Math.abs(value);
  tokens.bool(true, probabilities[1]!); // not zero
  tokens.bool(true, probabilities[2]!); // nor one
  tokens.bool(magnitude > 4, probabilities[3]!);
  if (magnitude <= 4) {
    tokens.bool(magnitude > 2, probabilities[4]!);
    if (magnitude > 2) tokens.bool(magnitude === 4, probabilities[5]!);
  } else {
    const category = CATEGORIES.findLastIndex(([least]) => magnitude >= least);
    tokens.bool(category > 1, probabilities[6]!);
    if (category > 1) tokens.bool(category > 3, probabilities[8]!);
    tokens.bool((category & 1) === 1, probabilities[category < 2 ? 7 : category < 4 ? 9 : 10]!);
    const [least, bits] = CATEGORIES[category]!;
    bits.forEach((probability, i) => {
      tokens.bool((((magnitude - least) >> (bits.length - 1 - i)) & 1) === 1, probability);
    });
  }
  tokens.bool(value < 0, EVEN);
  tokens.bool(false, end);
}

/** §13.3: how many of the neighbouring blocks to the left and above have coefficients. */
class TokenContexts {
  /** By plane (Y2, Cb, Cr) and column of blocks; Y2 has one block to a macroblock. */
  readonly #above: Uint8Array[];
  #left: Uint8Array[] = [];

  constructor(columns: number) {
    this.#above = [1, 2, 2].map((blocks) => new Uint8Array(blocks * columns));
  }

  startRow(): void {
    this.#left = [1, 2, 2].map((blocks) => new Uint8Array(blocks));
  }

  clear(column: number): void {
    for (const plane of [0, 1, 2]) {
      const blocks = this.#left[plane]!.length;
      this.#above[plane]!.fill(0, blocks * column, blocks * (column + 1));
      this.#left[plane]!.fill(0);
    }
  }

  /** The context of a block, which is then the neighbour of others. */
  exchange(plane: number, column: number, x: number, y: number, hasCoefficients: boolean): number {
    const above = this.#above[plane]!;
    const left = this.#left[plane]!;
    const at = left.length * column + x;
    const context = above[at]! + left[y]!;
    above[at] = left[y] = hasCoefficients ? 1 : 0;
    return context;
  }
}

/** §9.1. */
function frame(width: number, height: number, modes: Uint8Array, tokens: Uint8Array): Uint8Array {
  const tag = (modes.length << 5) | 0x10; // a key frame, shown, of version 0
  const head = [tag, tag >> 8, tag >> 16, 0x9d, 0x01, 0x2a, width, width >> 8, height, height >> 8];
  return Uint8Array.from([...head, ...modes, ...tokens]);
}

function clamp(value: number): number {
  return Math.min(Math.max(Math.round(value), 0), 255);
}
