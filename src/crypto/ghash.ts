/**
 * GHASH (NIST SP 800-38D §6.4), the authenticator of GCM, with tables made once for a key.
 *
 * A block is a polynomial over GF(2), the first bit being the coefficient of x^0; it is multiplied by H modulo
 * x^128 + x^7 + x^2 + x + 1. The product is taken word by word, from the last one (Horner): what one word times H is
 * comes from four lookups, one a byte, and a step to the next word multiplies by x^32, a shift and a short reduction.
 * Four tables of 256 products are 16 KiB a key and stay in the first-level cache; one for each of the sixteen byte
 * positions would save the reductions, but are 64 KiB.
 */

/** Words in one product. */
const ENTRY = 4;
/** Words in the table of one byte position. */
const TABLE = 256 * ENTRY;

/** The products of every byte, at each of the four positions in the first word, with H; `h` as four words. */
export function makeGhashTables(h: Int32Array): Int32Array {
  const tables = new Int32Array(4 * TABLE);
  let h0 = h[0]!;
  let h1 = h[1]!;
  let h2 = h[2]!;
  let h3 = h[3]!;
  for (let position = 0; position < 4; position++) {
    const table = position * TABLE;
    for (let bit = 0x80; bit > 0; bit >>= 1) {
      const at = table + bit * ENTRY;
      tables[at] = h0;
      tables[at + 1] = h1;
      tables[at + 2] = h2;
      tables[at + 3] = h3;
      // Times x: one bit to the right, and x^128 is replaced by x^7 + x^2 + x + 1.
      const carry = -(h3 & 1) & 0xe100_0000;
      h3 = (h3 >>> 1) | (h2 << 31);
      h2 = (h2 >>> 1) | (h1 << 31);
      h1 = (h1 >>> 1) | (h0 << 31);
      h0 = (h0 >>> 1) ^ carry;
    }
    for (let high = 2; high < 256; high <<= 1) {
      for (let low = 1; low < high; low++) {
        for (let word = 0; word < ENTRY; word++) {
          tables[table + (high + low) * ENTRY + word] =
            tables[table + high * ENTRY + word]! ^ tables[table + low * ENTRY + word]!;
        }
      }
    }
  }
  return tables;
}

/** `state` = (`state` + the block of the words `x0` … `x3`) · H. */
export function ghashBlock(
  tables: Int32Array,
  state: Int32Array,
  x0: number,
  x1: number,
  x2: number,
  x3: number,
): void {
  let word = state[3]! ^ x3;
  let a = (word >>> 24) * ENTRY;
  let b = TABLE + ((word >>> 16) & 0xff) * ENTRY;
  let c = 2 * TABLE + ((word >>> 8) & 0xff) * ENTRY;
  let d = 3 * TABLE + (word & 0xff) * ENTRY;
  let y0 = tables[a]! ^ tables[b]! ^ tables[c]! ^ tables[d]!;
  let y1 = tables[a + 1]! ^ tables[b + 1]! ^ tables[c + 1]! ^ tables[d + 1]!;
  let y2 = tables[a + 2]! ^ tables[b + 2]! ^ tables[c + 2]! ^ tables[d + 2]!;
  let y3 = tables[a + 3]! ^ tables[b + 3]! ^ tables[c + 3]! ^ tables[d + 3]!;
  for (let i = 2; i >= 0; i--) {
    word = i === 2 ? state[2]! ^ x2 : i === 1 ? state[1]! ^ x1 : state[0]! ^ x0;
    a = (word >>> 24) * ENTRY;
    b = TABLE + ((word >>> 16) & 0xff) * ENTRY;
    c = 2 * TABLE + ((word >>> 8) & 0xff) * ENTRY;
    d = 3 * TABLE + (word & 0xff) * ENTRY;
    const over = y3;
    y3 = y2 ^ tables[a + 3]! ^ tables[b + 3]! ^ tables[c + 3]! ^ tables[d + 3]!;
    y2 = y1 ^ tables[a + 2]! ^ tables[b + 2]! ^ tables[c + 2]! ^ tables[d + 2]!;
    y1 = y0 ^ (over << 31) ^ (over << 30) ^ (over << 25);
    y1 ^= tables[a + 1]! ^ tables[b + 1]! ^ tables[c + 1]! ^ tables[d + 1]!;
    y0 = over ^ (over >>> 1) ^ (over >>> 2) ^ (over >>> 7);
    y0 ^= tables[a]! ^ tables[b]! ^ tables[c]! ^ tables[d]!;
  }
  state[0] = y0;
  state[1] = y1;
  state[2] = y2;
  state[3] = y3;
}
