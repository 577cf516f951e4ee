import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SequenceUnwrapper, TimestampUnwrapper } from '../../src/rtp/sequence.ts';

test('a sequence number that wraps goes on upwards', () => {
  const unwrapper = new SequenceUnwrapper();
  expect([65534, 65535, 0, 1].map((n) => unwrapper.unwrap(n))).toEqual([131070, 131071, 131072, 131073]);
  expect(unwrapper.highest).toBe(131073);
});

test('a late packet from before the wrap keeps its place, also before the first one seen', () => {
  const unwrapper = new SequenceUnwrapper();
  expect(unwrapper.unwrap(0)).toBe(65536);
  expect(unwrapper.unwrap(65535)).toBe(65535);
  expect(unwrapper.highest).toBe(65536);
  expect(unwrapper.peek(40)).toBe(65576);
  expect(unwrapper.highest).toBe(65536);
});

test('any walk in steps of less than half the range is followed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 65535 }), fc.array(fc.integer({ min: 0, max: 32767 })), (first, steps) => {
      const unwrapper = new SequenceUnwrapper();
      let expected = first + 65536;
      expect(unwrapper.unwrap(first)).toBe(expected);
      for (const step of steps) {
        expected += step;
        expect(unwrapper.unwrap(expected & 0xffff)).toBe(expected);
      }
    }),
  );
});

test('a restarted source counts from a later cycle', () => {
  const unwrapper = new SequenceUnwrapper();
  unwrapper.unwrap(60000);
  expect(unwrapper.restart(100)).toBe(131172);
  expect(unwrapper.unwrap(101)).toBe(131173);
});

test('timestamps wrap at 32 bits, forwards and backwards', () => {
  const unwrapper = new TimestampUnwrapper();
  expect(unwrapper.unwrap(0xffff_ff00)).toBe(0x1_ffff_ff00);
  expect(unwrapper.unwrap(0x10)).toBe(0x2_0000_0010);
  expect(unwrapper.unwrap(0xffff_fff0)).toBe(0x1_ffff_fff0);
  expect(unwrapper.unwrap(0x20)).toBe(0x2_0000_0020);
});
