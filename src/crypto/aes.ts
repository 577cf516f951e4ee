/**
 * AES (FIPS 197) by tables, forward direction only: counter modes never run it backwards.
 *
 * One table lookup stands for SubBytes and MixColumns of one byte, so a round is four lookups a word. The tables are
 * module constants of known length, which lets the compiler drop the bounds checks. As every AES by tables it takes a
 * time that depends on key and data through the cache; where `node:crypto` exists, prefer it.
 */

/** Bytes in a block. */
export const AES_BLOCK_LENGTH = 16;

const SBOX = new Uint8Array(256);
/** MixColumns of a substituted byte in row 0, 1, 2 or 3 of its column; row 0 in the top byte. */
const T0 = new Int32Array(256);
const T1 = new Int32Array(256);
const T2 = new Int32Array(256);
const T3 = new Int32Array(256);
makeTables();

/** The round keys of one key: 4 words for each of 11 or 15 additions (FIPS 197 §5.2). */
export function expandAesKey(key: Uint8Array): Int32Array {
  const keyWords = key.length / 4;
  const schedule = new Int32Array(4 * (keyWords + 7));
  for (let i = 0; i < keyWords; i++) {
    schedule[i] = (key[4 * i]! << 24) | (key[4 * i + 1]! << 16) | (key[4 * i + 2]! << 8) | key[4 * i + 3]!;
  }
  let roundConstant = 1;
  for (let i = keyWords; i < schedule.length; i++) {
    let word = schedule[i - 1]!;
    if (i % keyWords === 0) {
      word = substituteWord((word << 8) | (word >>> 24)) ^ (roundConstant << 24);
      roundConstant = double(roundConstant);
    } else if (keyWords > 6 && i % keyWords === 4) {
      word = substituteWord(word);
    }
    schedule[i] = schedule[i - keyWords]! ^ word;
  }
  return schedule;
}

/** Encrypts the block of the words `s0` … `s3` into `out[0]` … `out[3]`. */
export function encryptAesBlock(
  schedule: Int32Array,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
  out: Int32Array,
): void {
  s0 ^= schedule[0]!;
  s1 ^= schedule[1]!;
  s2 ^= schedule[2]!;
  s3 ^= schedule[3]!;
  const last = schedule.length - 4;
  let k = 4;
  for (; k < last; k += 4) {
    const t0 = T0[s0 >>> 24]! ^ T1[(s1 >>> 16) & 0xff]! ^ T2[(s2 >>> 8) & 0xff]! ^ T3[s3 & 0xff]! ^ schedule[k]!;
    const t1 = T0[s1 >>> 24]! ^ T1[(s2 >>> 16) & 0xff]! ^ T2[(s3 >>> 8) & 0xff]! ^ T3[s0 & 0xff]! ^ schedule[k + 1]!;
    const t2 = T0[s2 >>> 24]! ^ T1[(s3 >>> 16) & 0xff]! ^ T2[(s0 >>> 8) & 0xff]! ^ T3[s1 & 0xff]! ^ schedule[k + 2]!;
    s3 = T0[s3 >>> 24]! ^ T1[(s0 >>> 16) & 0xff]! ^ T2[(s1 >>> 8) & 0xff]! ^ T3[s2 & 0xff]! ^ schedule[k + 3]!;
    s0 = t0;
    s1 = t1;
    s2 = t2;
  }
  // FIPS 197 §5.1: the last round has no MixColumns.
  out[0] = substitute(s0, s1, s2, s3) ^ schedule[k]!;
  out[1] = substitute(s1, s2, s3, s0) ^ schedule[k + 1]!;
  out[2] = substitute(s2, s3, s0, s1) ^ schedule[k + 2]!;
  out[3] = substitute(s3, s0, s1, s2) ^ schedule[k + 3]!;
}

/** SubBytes and ShiftRows for one column: byte 0 of `a`, byte 1 of `b`, byte 2 of `c`, byte 3 of `d`. */
function substitute(a: number, b: number, c: number, d: number): number {
  return (SBOX[a >>> 24]! << 24) | (SBOX[(b >>> 16) & 0xff]! << 16) | (SBOX[(c >>> 8) & 0xff]! << 8) | SBOX[d & 0xff]!;
}

function substituteWord(word: number): number {
  return substitute(word, word, word, word);
}

/** Times x in GF(2^8) (FIPS 197 §4.2.1). */
function double(byte: number): number {
  return ((byte << 1) ^ (byte & 0x80 ? 0x11b : 0)) & 0xff;
}

/** FIPS 197 §5.1.1: the inverse in GF(2^8), then an affine map. 3 generates the field's multiplicative group. */
function makeTables(): void {
  const powers = new Uint8Array(256);
  for (let i = 0, power = 1; i < 256; i++, power ^= double(power)) powers[i] = power;
  SBOX[0] = 0x63;
  for (let i = 0; i < 255; i++) {
    const inverse = powers[255 - i]! * 0x0101; // twice side by side, so that a shift rotates
    SBOX[powers[i]!] = inverse ^ (inverse >> 4) ^ (inverse >> 5) ^ (inverse >> 6) ^ (inverse >> 7) ^ 0x63;
  }
  for (let i = 0; i < 256; i++) {
    const s = SBOX[i]!;
    const column = (double(s) << 24) | (s << 16) | (s << 8) | (double(s) ^ s);
    T0[i] = column;
    T1[i] = (column >>> 8) | (column << 24);
    T2[i] = (column >>> 16) | (column << 16);
    T3[i] = (column >>> 24) | (column << 8);
  }
}
