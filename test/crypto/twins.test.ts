/** The fast ciphers beside slow ones that anybody can check: noble's, and arithmetic on BigInt. */
import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/binary/bytes.ts';
import { encryptAesBlock, expandAesKey } from '../../src/crypto/aes.ts';
import { AesGcmKey } from '../../src/crypto/aes-gcm.ts';
import { ChaCha20Poly1305Key } from '../../src/crypto/chacha20-poly1305.ts';
import { ghashBlock, makeGhashTables } from '../../src/crypto/ghash.ts';
import { Poly1305 } from '../../src/crypto/poly1305.ts';

const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const littleEndian = (bytes: Uint8Array) => bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);

test.each([
  ['AES-128-GCM', 16, gcm, AesGcmKey],
  ['AES-256-GCM', 32, gcm, AesGcmKey],
  ['ChaCha20-Poly1305', 32, chacha20poly1305, ChaCha20Poly1305Key],
] as const)("%s is noble's, at every length from 0 to 200", (_name, keyLength, slow, Fast) => {
  fc.assert(
    fc.property(exactly(keyLength), exactly(12), fc.uint8Array({ maxLength: 40 }), (key, nonce, additionalData) => {
      const fast = new Fast(key);
      for (let length = 0; length <= 200; length++) {
        const buffer = Uint8Array.from({ length: length + 16 }, (_, i) => (i * 7) & 0xff);
        const expected = slow(key, nonce, additionalData).encrypt(buffer.slice(0, length));
        fast.seal(nonce, additionalData, buffer, 0, length);
        expect(equalBytes(buffer, expected)).toBe(true);
      }
    }),
    { numRuns: 5 },
  );
});

test('AES-GCM counts blocks past 256', () => {
  const key = new Uint8Array(16).fill(1);
  const nonce = new Uint8Array(12).fill(2);
  const buffer = new Uint8Array(16_384 + 16);
  const expected = gcm(key, nonce).encrypt(buffer.slice(0, 16_384));
  new AesGcmKey(key).seal(nonce, new Uint8Array(0), buffer, 0, 16_384);
  expect(equalBytes(buffer, expected)).toBe(true);
});

test('a key that has just failed to open opens the next packet', () => {
  for (const key of [new AesGcmKey(new Uint8Array(16)), new ChaCha20Poly1305Key(new Uint8Array(32))]) {
    const nonce = new Uint8Array(12);
    const sealed = new Uint8Array(60);
    key.seal(nonce, nonce, sealed, 0, 44);
    expect(key.open(nonce, nonce, new Uint8Array(60), 0, 60)).toBe(null);
    expect(key.open(nonce, nonce, sealed, 0, 60)).toEqual(new Uint8Array(44));
  }
});

test('FIPS 197 Appendix C: AES-128 and AES-256 of one block', () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const out = new Int32Array(4);
  const encrypt = (length: number) => {
    encryptAesBlock(expandAesKey(key.subarray(0, length)), 0x0011_2233, 0x4455_6677, 0x8899_aabb, 0xccdd_eeff, out);
    return Array.from(out, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  };
  expect(encrypt(16)).toBe('69c4e0d86a7b0430d8cdb78070b4c55a');
  expect(encrypt(32)).toBe('8ea2b7ca516745bfeafc49904b496089');
});

describe('GHASH', () => {
  /** SP 800-38D §6.3, Algorithm 1, to the letter: bit 0 of a block is the top bit here. */
  function multiply(x: bigint, y: bigint): bigint {
    const r = 0xe1n << 120n;
    let z = 0n;
    let v = y;
    for (let bit = 127n; bit >= 0n; bit--) {
      if ((x >> bit) & 1n) z ^= v;
      v = v & 1n ? (v >> 1n) ^ r : v >> 1n;
    }
    return z;
  }
  const toBlock = (words: Int32Array) => words.reduce((value, word) => (value << 32n) | BigInt(word >>> 0), 0n);

  test('is the product of the standard', () => {
    const word = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1, -0x8000_0000));
    const block = fc.tuple(word, word, word, word);
    fc.assert(
      fc.property(block, block, block, (h, state, x) => {
        const words = Int32Array.from(state);
        const sum = toBlock(words) ^ toBlock(Int32Array.from(x));
        ghashBlock(makeGhashTables(Int32Array.from(h)), words, ...x);
        expect(toBlock(words)).toBe(multiply(sum, toBlock(Int32Array.from(h))));
      }),
    );
  });
});

describe('Poly1305', () => {
  const PRIME = 2n ** 130n - 5n;

  /** RFC 8439 §2.5, to the letter, over whole blocks. */
  function slowTag(key: Uint8Array, message: Uint8Array): bigint {
    const r = littleEndian(key.subarray(0, 16)) & 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffffn;
    let accumulator = 0n;
    for (let at = 0; at < message.length; at += 16) {
      accumulator = ((accumulator + littleEndian(message.subarray(at, at + 16)) + 2n ** 128n) * r) % PRIME;
    }
    return (accumulator + littleEndian(key.subarray(16))) % 2n ** 128n;
  }

  const poly1305 = new Poly1305();
  function fastTag(key: Uint8Array, message: Uint8Array): bigint {
    const out = new Int32Array(4);
    poly1305.start(new Int32Array(key.slice().buffer));
    poly1305.update(new DataView(message.slice().buffer), 0, message.length / 16);
    poly1305.finish(out);
    return littleEndian(new Uint8Array(out.buffer));
  }

  /** Bytes that are often all ones or all zeros: where limbs are fullest, and carries run furthest. */
  const extreme = (length: number) =>
    fc.oneof(
      exactly(length),
      fc.constant(new Uint8Array(length).fill(0xff)),
      fc.constant(new Uint8Array(length)),
      fc
        .array(fc.constantFrom(0, 0xff, 0x80, 1), { minLength: length, maxLength: length })
        .map((a) => Uint8Array.from(a)),
    );

  test('is what the RFC says, also where limbs are fullest', () => {
    fc.assert(
      fc.property(
        extreme(32),
        fc.nat(20).chain((blocks) => extreme(16 * blocks)),
        (key, message) => {
          expect(fastTag(key, message)).toBe(slowTag(key, message));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('reduces completely: sums from 2^130 - 6 to 2^130 + 3, with r = 1 and s = 0', () => {
    const key = new Uint8Array(32);
    key[0] = 1;
    for (let i = -6n; i <= 3n; i++) {
      // Four blocks add 4 · 2^128 of their own; so the first holds 2^130 + i less that, modulo the prime.
      let rest = (((i + 2n ** 130n - 4n * 2n ** 128n) % PRIME) + PRIME) % PRIME;
      const message = new Uint8Array(64);
      for (let block = 0; block < 4; block++) {
        const value = rest < 2n ** 128n ? rest : 2n ** 128n - 1n;
        rest -= value;
        for (let byte = 0; byte < 16; byte++) message[16 * block + byte] = Number((value >> BigInt(8 * byte)) & 0xffn);
      }
      expect(rest).toBe(0n);
      expect(fastTag(key, message)).toBe(slowTag(key, message));
    }
  });
});
