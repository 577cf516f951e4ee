import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplayWindow } from '../../src/binary/replay-window.ts';

test('tells what was seen from what was not, as a set does, and takes what is older than the window for seen', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(32, 64, 128, 2048),
      fc.constantFrom(0, 31, 32, 2 ** 31 - 40, 2 ** 32 - 40, 2 ** 48 - 9000),
      fc.array(fc.oneof(fc.integer({ min: -80, max: 80 }), fc.integer({ min: -3000, max: 3000 })), { maxLength: 200 }),
      (size, first, steps) => {
        const window = new ReplayWindow(size);
        const seen = new Set<number>();
        let newest = -1;
        let number = first;
        for (const step of steps) {
          number = Math.max(0, number + step);
          const isNew = number > newest - size && !seen.has(number);
          expect(window.mayBeNew(number)).toBe(isNew);
          if (!isNew) continue;
          window.add(number);
          seen.add(number);
          newest = Math.max(newest, number);
          expect(window.newest).toBe(newest);
        }
      },
    ),
  );
});

test('begins behind a number up to which all was seen', () => {
  for (const newest of [0, 1, 30, 31, 32, 33, 63, 64, 127, 128, 1000, 2 ** 48 - 1]) {
    const window = new ReplayWindow(64, newest);
    expect(window.newest).toBe(newest);
    for (let i = 0; i < Math.min(200, newest + 1); i++) expect(window.mayBeNew(newest - i)).toBe(false);
    for (let i = 1; i < 200; i++) expect(window.mayBeNew(newest + i)).toBe(true);
    window.add(newest + 40);
    for (let i = 1; i < 40; i++) expect(window.mayBeNew(newest + i)).toBe(true);
    expect(window.mayBeNew(newest)).toBe(false);
    expect(window.mayBeNew(newest + 40)).toBe(false);
  }
});

test('has a size of whole words', () => {
  for (const size of [0, 31, 33, -32]) expect(() => new ReplayWindow(size)).toThrow(RangeError);
});
