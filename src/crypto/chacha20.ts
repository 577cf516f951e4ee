/** ChaCha20 (RFC 8439 §2.3, §2.4): one block of key stream at a time. */

/** Bytes in a block. */
export const CHACHA20_BLOCK_LENGTH = 64;

/** Writes the block of key stream for the key words, counter and nonce words given into `out`, 16 words. */
export function chacha20Block(
  key: Int32Array,
  counter: number,
  nonce0: number,
  nonce1: number,
  nonce2: number,
  out: Int32Array,
): void {
  // RFC 8439 §2.3: "expa", "nd 3", "2-by", "te k", little-endian.
  let a0 = 0x6170_7865;
  let a1 = 0x3320_646e;
  let a2 = 0x7962_2d32;
  let a3 = 0x6b20_6574;
  let b0 = key[0]!;
  let b1 = key[1]!;
  let b2 = key[2]!;
  let b3 = key[3]!;
  let c0 = key[4]!;
  let c1 = key[5]!;
  let c2 = key[6]!;
  let c3 = key[7]!;
  let d0 = counter | 0;
  let d1 = nonce0;
  let d2 = nonce1;
  let d3 = nonce2;
  // Twenty rounds: ten times four quarter rounds (§2.1) down the columns, then four along the diagonals.
  for (let i = 0; i < 10; i++) {
    a0 = (a0 + b0) | 0;
    d0 = rotate(d0 ^ a0, 16);
    c0 = (c0 + d0) | 0;
    b0 = rotate(b0 ^ c0, 12);
    a0 = (a0 + b0) | 0;
    d0 = rotate(d0 ^ a0, 8);
    c0 = (c0 + d0) | 0;
    b0 = rotate(b0 ^ c0, 7);

    a1 = (a1 + b1) | 0;
    d1 = rotate(d1 ^ a1, 16);
    c1 = (c1 + d1) | 0;
    b1 = rotate(b1 ^ c1, 12);
    a1 = (a1 + b1) | 0;
    d1 = rotate(d1 ^ a1, 8);
    c1 = (c1 + d1) | 0;
    b1 = rotate(b1 ^ c1, 7);

    a2 = (a2 + b2) | 0;
    d2 = rotate(d2 ^ a2, 16);
    c2 = (c2 + d2) | 0;
    b2 = rotate(b2 ^ c2, 12);
    a2 = (a2 + b2) | 0;
    d2 = rotate(d2 ^ a2, 8);
    c2 = (c2 + d2) | 0;
    b2 = rotate(b2 ^ c2, 7);

    a3 = (a3 + b3) | 0;
    d3 = rotate(d3 ^ a3, 16);
    c3 = (c3 + d3) | 0;
    b3 = rotate(b3 ^ c3, 12);
    a3 = (a3 + b3) | 0;
    d3 = rotate(d3 ^ a3, 8);
    c3 = (c3 + d3) | 0;
    b3 = rotate(b3 ^ c3, 7);

    a0 = (a0 + b1) | 0;
    d3 = rotate(d3 ^ a0, 16);
    c2 = (c2 + d3) | 0;
    b1 = rotate(b1 ^ c2, 12);
    a0 = (a0 + b1) | 0;
    d3 = rotate(d3 ^ a0, 8);
    c2 = (c2 + d3) | 0;
    b1 = rotate(b1 ^ c2, 7);

    a1 = (a1 + b2) | 0;
    d0 = rotate(d0 ^ a1, 16);
    c3 = (c3 + d0) | 0;
    b2 = rotate(b2 ^ c3, 12);
    a1 = (a1 + b2) | 0;
    d0 = rotate(d0 ^ a1, 8);
    c3 = (c3 + d0) | 0;
    b2 = rotate(b2 ^ c3, 7);

    a2 = (a2 + b3) | 0;
    d1 = rotate(d1 ^ a2, 16);
    c0 = (c0 + d1) | 0;
    b3 = rotate(b3 ^ c0, 12);
    a2 = (a2 + b3) | 0;
    d1 = rotate(d1 ^ a2, 8);
    c0 = (c0 + d1) | 0;
    b3 = rotate(b3 ^ c0, 7);

    a3 = (a3 + b0) | 0;
    d2 = rotate(d2 ^ a3, 16);
    c1 = (c1 + d2) | 0;
    b0 = rotate(b0 ^ c1, 12);
    a3 = (a3 + b0) | 0;
    d2 = rotate(d2 ^ a3, 8);
    c1 = (c1 + d2) | 0;
    b0 = rotate(b0 ^ c1, 7);
  }
  out[0] = a0 + 0x6170_7865;
  out[1] = a1 + 0x3320_646e;
  out[2] = a2 + 0x7962_2d32;
  out[3] = a3 + 0x6b20_6574;
  out[4] = b0 + key[0]!;
  out[5] = b1 + key[1]!;
  out[6] = b2 + key[2]!;
  out[7] = b3 + key[3]!;
  out[8] = c0 + key[4]!;
  out[9] = c1 + key[5]!;
  out[10] = c2 + key[6]!;
  out[11] = c3 + key[7]!;
  out[12] = d0 + counter;
  out[13] = d1 + nonce0;
  out[14] = d2 + nonce1;
  out[15] = d3 + nonce2;
}

/** To the left. */
function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
