import { describe, expect, test } from 'vitest';
import {
  Dictionary,
  enforceUnsignedShort,
  enumeration,
  sequence,
  toDOMString,
  toLong,
  toUnsignedShort,
  toUSVString,
} from '../../src/webidl/conversions.ts';

describe('integers', () => {
  test.each([
    [65_536, 0],
    [-1, 65_535],
    [1.9, 1],
    ['42', 42],
    [Number.NaN, 0],
    [null, 0],
  ])('unsigned short: %s becomes %s', (value, expected) => {
    expect(toUnsignedShort(value, 'x')).toBe(expected);
  });

  test('long wraps around to negative numbers', () => {
    expect(toLong(2 ** 31, 'x')).toBe(-(2 ** 31));
  });

  test.each([-1, 65_536, Number.NaN, Number.POSITIVE_INFINITY, 'text'])('[EnforceRange] refuses %s', (value) => {
    expect(() => enforceUnsignedShort(value, 'id')).toThrow(TypeError);
  });

  test.each([
    [-0.5, 0],
    [65_535.9, 65_535],
    ['7', 7],
  ])('[EnforceRange] takes %s as %s', (value, expected) => {
    expect(enforceUnsignedShort(value, 'id')).toBe(expected);
  });

  test('a BigInt is no number', () => {
    expect(() => toUnsignedShort(1n, 'x')).toThrow(TypeError);
  });
});

test('a USVString has no lone surrogates, and a symbol is no string', () => {
  expect(toUSVString('a\uD800b😀', 'x')).toBe('a\uFFFDb😀');
  expect(() => toUSVString(Symbol('x'), 'x')).toThrow(TypeError);
});

test('an enum takes its own values only', () => {
  const convert = enumeration('Colour', ['red']);
  expect(convert('red', 'x')).toBe('red');
  expect(() => convert('blue', 'x')).toThrow("'blue' is not a valid Colour");
});

test('a sequence is anything iterable but a string', () => {
  expect(sequence(toDOMString)(new Set([1, 2]), 'x')).toEqual(['1', '2']);
  expect(() => sequence(toDOMString)('12', 'x')).toThrow(TypeError);
  expect(() => sequence(toDOMString)(null, 'x')).toThrow(TypeError);
});

test('a dictionary takes null for empty, undefined for absent, and no primitive', () => {
  expect(new Dictionary(null, 'D').optional('a', toDOMString)).toBeUndefined();
  expect(new Dictionary({ a: undefined }, 'D').withDefault('a', toDOMString, 'b')).toBe('b');
  expect(new Dictionary({ a: null }, 'D').withDefault('a', toDOMString, 'b')).toBe('null');
  expect(() => new Dictionary({}, 'D').required('a', toDOMString)).toThrow('D.a is required');
  expect(() => new Dictionary('text', 'D')).toThrow(TypeError);
});
