import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  concatBytes,
  equalBytes,
  fromHex,
  setU16,
  setU24,
  setU32,
  setU48,
  toHex,
  u16,
  u24,
  u32,
  u48,
} from '../../src/binary/bytes.ts';

describe('fields by offset', () => {
  test.each([
    ['u16', 2, u16, setU16],
    ['u24', 3, u24, setU24],
    ['u32', 4, u32, setU32],
    ['u48', 6, u48, setU48],
  ] as const)('%s: what is written is read, big-endian, and nothing beside it changes', (_name, size, get, set) => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 2 ** (8 * size) - 1 }),
      fc.constantFrom(0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1)),
    );
    fc.assert(
      fc.property(value, fc.nat(5), (number, offset) => {
        const bytes = new Uint8Array(offset + size + 2).fill(0xee);
        set(bytes, offset, number);
        expect(get(bytes, offset)).toBe(number);
        const field = toHex(bytes.subarray(offset, offset + size));
        expect(field).toBe(number.toString(16).padStart(2 * size, '0'));
        expect(toHex(bytes)).toBe(`${'ee'.repeat(offset)}${field}eeee`);
      }),
    );
  });
});

describe('hexadecimal', () => {
  test('bytes become text and bytes again', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
    expect(toHex(Uint8Array.of(0, 0x0f, 0xa0, 0xff))).toBe('000fa0ff');
  });

  test('colons, spaces, line ends and upper case are read too', () => {
    expect(fromHex('0A:0b 0C\n0d')).toEqual(Uint8Array.of(10, 11, 12, 13));
    expect(fromHex('')).toEqual(new Uint8Array(0));
  });

  test('anything else is a TypeError', () => {
    for (const text of ['0', '0g', '0x00', '-1']) expect(() => fromHex(text)).toThrow(TypeError);
  });
});

test('equalBytes compares all of two arrays', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(equalBytes(a, a.slice())).toBe(true);
      expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b));
    }),
  );
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBe(false);
});

test('concatBytes puts copies one after the other', () => {
  const part = Uint8Array.of(1, 2);
  const whole = concatBytes(part, new Uint8Array(0), Uint8Array.of(3));
  part[0] = 9;
  expect(whole).toEqual(Uint8Array.of(1, 2, 3));
  expect(concatBytes()).toEqual(new Uint8Array(0));
});
