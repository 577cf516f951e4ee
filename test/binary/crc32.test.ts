import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32, crc32c } from '../../src/binary/crc32.ts';

const check = new TextEncoder().encode('123456789');

/** The slow twin: bit by bit, from the polynomial. */
function slowCrc(polynomial: number, bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (polynomial & -(crc & 1));
  }
  return ~crc >>> 0;
}

describe.each([
  ['CRC-32', 0xedb8_8320, crc32],
  ['CRC32c', 0x82f6_3b78, crc32c],
] as const)('%s', (_name, polynomial, fast) => {
  test('is its slow twin at every length and start', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const start = Math.min(a, b, bytes.length);
        const end = Math.min(Math.max(a, b), bytes.length);
        expect(fast(bytes, start, end)).toBe(slowCrc(polynomial, bytes.subarray(start, end)));
        expect(fast(bytes)).toBe(slowCrc(polynomial, bytes));
      }),
    );
  });
});

test('CRC-32: the check value of its definition', () => {
  expect(crc32(check)).toBe(0xcbf4_3926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});

test('CRC32c: the check value, and RFC 3720 §B.4', () => {
  expect(crc32c(check)).toBe(0xe306_9283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd_794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113f_db5c);
});
