import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  serial16Add,
  serial16Less,
  serial32Add,
  serial32Distance,
  serial32Less,
  serial32LessOrEqual,
} from '../../src/binary/serial.ts';

describe.each([
  ['32 bits', 2 ** 32, serial32Less, serial32Add],
  ['16 bits', 2 ** 16, serial16Less, serial16Add],
] as const)('RFC 1982 with %s', (_name, modulus, less, add) => {
  const number = fc.oneof(fc.integer({ min: 0, max: modulus - 1 }), fc.constantFrom(0, 1, modulus / 2, modulus - 1));

  test('§3.2: a number is less than those up to half the range ahead of it, and no others', () => {
    fc.assert(
      fc.property(number, fc.oneof(number, fc.constantFrom(modulus / 2 - 1, modulus / 2 + 1)), (a, distance) => {
        const b = (a + distance) % modulus;
        expect(less(a, b)).toBe(distance > 0 && distance < modulus / 2);
        expect(less(b, a)).toBe(distance > modulus / 2);
      }),
    );
  });

  test('§3.1: addition wraps, in both directions', () => {
    fc.assert(
      fc.property(number, number, (a, count) => {
        expect(add(a, count)).toBe((a + count) % modulus);
        expect(add(add(a, count), -count)).toBe(a);
      }),
    );
    expect(add(modulus - 1, 1)).toBe(0);
    expect(add(0, -1)).toBe(modulus - 1);
  });

  test('numbers half the range apart are not ordered', () => {
    expect(less(0, modulus / 2)).toBe(false);
    expect(less(modulus / 2, 0)).toBe(false);
  });
});

test('less or equal, and how far', () => {
  expect(serial32LessOrEqual(5, 5)).toBe(true);
  expect(serial32LessOrEqual(0xffff_ffff, 0)).toBe(true);
  expect(serial32LessOrEqual(0, 0xffff_ffff)).toBe(false);
  expect(serial32Distance(0xffff_fffe, 1)).toBe(3);
  expect(serial32Distance(1, 0)).toBe(0xffff_ffff);
});
