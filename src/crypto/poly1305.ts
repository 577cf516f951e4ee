/**
 * Poly1305 (RFC 8439 §2.5) over whole blocks, which is all an AEAD has (§2.8 pads everything to 16 bytes).
 *
 * The accumulator is six limbs of 22 bits, each a double that carries its own weight: limb k is a multiple of 2^(22k).
 * Products then stand where they belong, a sum of six is below 2^51 units and so exact, and 2^132 comes back as
 * 5 · 2^2 (2^130 is 5 modulo the prime). Adding and subtracting 1.5 · 2^52 units rounds to a multiple of the unit,
 * which is all a carry is. 36 multiplications a block; with integers of 13 bits, what `Math.imul` can do without
 * overflow, it would be a hundred. Bernstein's own implementation of 2005 was in floating point for the same reason.
 */

/** Bits in a limb. */
const LIMB_BITS = 22;
const LIMB_MASK = 0x3f_ffff;
/** The block's own bit 128 (RFC 8439 §2.5.1), in limb 5, which begins at bit 110. */
const HIGH_BIT = 1 << 18;

const WEIGHT1 = 2 ** 22;
const WEIGHT2 = 2 ** 44;
const WEIGHT3 = 2 ** 66;
const WEIGHT4 = 2 ** 88;
const WEIGHT5 = 2 ** 110;

/** `(x + ROUNDk) - ROUNDk` is x rounded to a multiple of 2^(22k), for |x| < 2^51 of those. */
const ROUND1 = 1.5 * 2 ** (52 + 22);
const ROUND2 = 1.5 * 2 ** (52 + 44);
const ROUND3 = 1.5 * 2 ** (52 + 66);
const ROUND4 = 1.5 * 2 ** (52 + 88);
const ROUND5 = 1.5 * 2 ** (52 + 110);
const ROUND6 = 1.5 * 2 ** (52 + 132);

/** What a multiple of 2^132 is worth at the bottom. */
const WRAP = 5 * 2 ** -130;

/** One authenticator, used again for every packet: each has its own one-time key. */
export class Poly1305 {
  /** The limbs of r, then of r · WRAP: what limb products past the top are multiplied with. */
  readonly #r = new Float64Array(12);
  readonly #h = new Float64Array(6);
  readonly #pad = new Int32Array(4);

  /** Starts with the one-time key in the first 8 words of `key`, which are r and s (RFC 8439 §2.5). */
  start(key: Int32Array): void {
    // §2.5.1: 22 bits of r are cleared.
    this.#split(key[0]! & 0x0fff_ffff, key[1]! & 0x0fff_fffc, key[2]! & 0x0fff_fffc, key[3]! & 0x0fff_fffc);
    for (let i = 0; i < 6; i++) this.#r[6 + i] = this.#r[i]! * WRAP;
    this.#h.fill(0);
    for (let i = 0; i < 4; i++) this.#pad[i] = key[4 + i]!;
  }

  /** Takes `blocks` blocks of 16 bytes from `view`, from `at` on. */
  update(view: DataView, at: number, blocks: number): void {
    const r = this.#r;
    const r0 = r[0]!;
    const r1 = r[1]!;
    const r2 = r[2]!;
    const r3 = r[3]!;
    const r4 = r[4]!;
    const r5 = r[5]!;
    const s1 = r[7]!;
    const s2 = r[8]!;
    const s3 = r[9]!;
    const s4 = r[10]!;
    const s5 = r[11]!;
    const h = this.#h;
    let h0 = h[0]!;
    let h1 = h[1]!;
    let h2 = h[2]!;
    let h3 = h[3]!;
    let h4 = h[4]!;
    let h5 = h[5]!;
    for (let i = 0; i < blocks; i++, at += 16) {
      const w0 = view.getInt32(at, true);
      const w1 = view.getInt32(at + 4, true);
      const w2 = view.getInt32(at + 8, true);
      const w3 = view.getInt32(at + 12, true);
      h0 += w0 & LIMB_MASK;
      h1 += (((w0 >>> 22) | (w1 << 10)) & LIMB_MASK) * WEIGHT1;
      h2 += (((w1 >>> 12) | (w2 << 20)) & LIMB_MASK) * WEIGHT2;
      h3 += ((w2 >>> 2) & LIMB_MASK) * WEIGHT3;
      h4 += (((w2 >>> 24) | (w3 << 8)) & LIMB_MASK) * WEIGHT4;
      h5 += ((w3 >>> 14) | HIGH_BIT) * WEIGHT5;

      let p0 = h0 * r0 + h1 * s5 + h2 * s4 + h3 * s3 + h4 * s2 + h5 * s1;
      let p1 = h0 * r1 + h1 * r0 + h2 * s5 + h3 * s4 + h4 * s3 + h5 * s2;
      let p2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s5 + h4 * s4 + h5 * s3;
      let p3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s5 + h5 * s4;
      let p4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + h5 * s5;
      let p5 = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0;

      // Two chains of carries side by side; then once more where the first steps have put something large.
      let low = p0 + ROUND1 - ROUND1;
      let high = p3 + ROUND4 - ROUND4;
      p0 -= low;
      p1 += low;
      p3 -= high;
      p4 += high;
      low = p1 + ROUND2 - ROUND2;
      high = p4 + ROUND5 - ROUND5;
      p1 -= low;
      p2 += low;
      p4 -= high;
      p5 += high;
      low = p2 + ROUND3 - ROUND3;
      high = p5 + ROUND6 - ROUND6;
      p2 -= low;
      p3 += low;
      p5 -= high;
      p0 += high * WRAP;
      low = p0 + ROUND1 - ROUND1;
      high = p3 + ROUND4 - ROUND4;
      h0 = p0 - low;
      h1 = p1 + low;
      h2 = p2;
      h3 = p3 - high;
      h4 = p4 + high;
      h5 = p5;
    }
    h[0] = h0;
    h[1] = h1;
    h[2] = h2;
    h[3] = h3;
    h[4] = h4;
    h[5] = h5;
  }

  /** Writes the tag's four words, little-endian ones, to `out`. */
  finish(out: Int32Array): void {
    const h = this.#h;
    for (let i = 1; i < 6; i++) h[i]! *= 2 ** (-LIMB_BITS * i);
    // Limbs may be negative: rounds of carries make all of them 0 … 2^22 - 1, and limb 5, which ends at bit 130,
    // 0 … 2^20 - 1.
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) h[i + 1]! += this.#carry(i, 2 ** LIMB_BITS);
      h[0]! += 5 * this.#carry(5, 2 ** 20);
    }
    // RFC 8439 §2.5: modulo 2^130 - 5. If h + 5 reaches bit 130, h is not below the prime: then it is h + 5 - 2^130.
    // No branch, since h is secret.
    let reaches = 5;
    for (let i = 0; i < 5; i++) reaches = (h[i]! + reaches) >> LIMB_BITS;
    reaches = (h[5]! + reaches) >> 20;
    h[0]! += 5 * reaches;
    for (let i = 0; i < 5; i++) h[i + 1]! += this.#carry(i, 2 ** LIMB_BITS);
    this.#carry(5, 2 ** 20);
    const pad = this.#pad;
    let sum = ((h[0]! | (h[1]! << 22)) >>> 0) + (pad[0]! >>> 0);
    out[0] = sum;
    sum = (sum > 0xffff_ffff ? 1 : 0) + (((h[1]! >>> 10) | (h[2]! << 12)) >>> 0) + (pad[1]! >>> 0);
    out[1] = sum;
    sum = (sum > 0xffff_ffff ? 1 : 0) + (((h[2]! >>> 20) | (h[3]! << 2) | (h[4]! << 24)) >>> 0) + (pad[2]! >>> 0);
    out[2] = sum;
    sum = (sum > 0xffff_ffff ? 1 : 0) + (((h[4]! >>> 8) | (h[5]! << 14)) >>> 0) + (pad[3]! >>> 0);
    out[3] = sum; // modulo 2^128
  }

  #split(w0: number, w1: number, w2: number, w3: number): void {
    const r = this.#r;
    r[0] = w0 & LIMB_MASK;
    r[1] = (((w0 >>> 22) | (w1 << 10)) & LIMB_MASK) * WEIGHT1;
    r[2] = (((w1 >>> 12) | (w2 << 20)) & LIMB_MASK) * WEIGHT2;
    r[3] = ((w2 >>> 2) & LIMB_MASK) * WEIGHT3;
    r[4] = (((w2 >>> 24) | (w3 << 8)) & LIMB_MASK) * WEIGHT4;
    r[5] = (w3 >>> 14) * WEIGHT5;
  }

  /** Takes from limb `i` what is a multiple of `size`, and returns how many. */
  #carry(i: number, size: number): number {
    const carry = Math.floor(this.#h[i]! / size);
    this.#h[i]! -= carry * size;
    return carry;
  }
}
