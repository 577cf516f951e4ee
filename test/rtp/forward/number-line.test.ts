import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_PLACE, NumberLine } from '../../../src/rtp/forward/number-line.ts';

/** The same without a ring: remembers everything, and counts anew each time. */
class SlowNumberLine {
  readonly #given = new Map<number, number>();
  readonly #dropped = new Set<number>();
  #first = 0;
  #isFresh = true;
  #newest = 0;
  #next = 0;
  #hasBegun = false;

  restart(): void {
    this.#isFresh = true;
  }

  #begin(number: number): void {
    if (!this.#isFresh) return;
    this.#isFresh = false;
    this.#given.clear();
    this.#dropped.clear();
    this.#first = number;
    this.#newest = number - 1;
    if (!this.#hasBegun) this.#next = number;
    this.#hasBegun = true;
  }

  forward(number: number): number {
    this.#begin(number);
    if (number < this.#first) return NO_PLACE;
    for (; this.#newest < number; this.#newest++) {
      const each = this.#newest + 1;
      if (each === number || !this.#dropped.has(each)) this.#given.set(each, this.#next++);
    }
    const given = this.#given.get(number);
    return given === undefined ? NO_PLACE : given & 0xffff;
  }

  drop(number: number, isUsed: boolean): number {
    this.#begin(number);
    if (number < this.#first || isUsed) return NO_PLACE;
    this.#dropped.add(number);
    const given = this.#given.get(number);
    this.#given.delete(number);
    return given === undefined ? NO_PLACE : given & 0xffff;
  }
}

describe('NumberLine', () => {
  test('what is dropped leaves no gap, and what did not come does', () => {
    const line = new NumberLine(64);
    expect([line.forward(10), line.drop(11), line.forward(12)]).toEqual([10, NO_PLACE, 11]);
    expect([line.drop(14), line.forward(15)]).toEqual([NO_PLACE, 13]);
    expect(line.forward(13)).toBe(12);
  });

  test('a number kept for one that is dropped after all is told, once', () => {
    const line = new NumberLine(64);
    line.forward(10);
    line.forward(12);
    expect([line.drop(11), line.drop(11), line.forward(11)]).toEqual([11, NO_PLACE, NO_PLACE]);
  });

  test('another source goes on with the next number, and has none before its first', () => {
    const line = new NumberLine(64);
    line.forward(10);
    line.restart();
    expect([line.forward(50_000), line.forward(49_999), line.forward(50_001)]).toEqual([11, NO_PLACE, 12]);
  });

  test('what was dropped first may still be forwarded while nothing behind it was', () => {
    const line = new NumberLine(64);
    line.forward(10);
    line.drop(11);
    expect([line.forward(11), line.forward(12)]).toEqual([11, 12]);
  });

  test('numbers wrap at 16 bits', () => {
    const line = new NumberLine(64);
    expect([line.forward(0x1_ffff), line.forward(0x2_0000)]).toEqual([0xffff, 0]);
  });

  test('what is out of reach has no place any more, and a gap beyond reach stays a gap', () => {
    const line = new NumberLine(64);
    line.forward(100);
    expect(line.forward(1000)).toBe(100 + 1 + 63 + 1);
    expect([line.forward(936), line.drop(936), line.isSettled(936)]).toEqual([NO_PLACE, NO_PLACE, false]);
    expect(line.forward(937)).toBe(102);
  });

  test('does what its slow twin does', () => {
    const step = fc.record({
      ahead: fc.integer({ min: -6, max: 6 }),
      action: fc.constantFrom('forward', 'forward', 'drop', 'restart'),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x2_0000 }), fc.array(step, { maxLength: 80 }), (start, steps) => {
        const line = new NumberLine(256);
        const twin = new SlowNumberLine();
        const used = new Set<number>();
        let number = start + 1000;
        for (const { ahead, action } of steps) {
          number += ahead;
          if (action === 'restart') {
            line.restart();
            twin.restart();
            used.clear();
          } else if (action === 'forward') {
            const given = line.forward(number);
            expect(given).toBe(twin.forward(number));
            if (given !== NO_PLACE) used.add(number);
          } else {
            expect(line.drop(number)).toBe(twin.drop(number, used.has(number)));
          }
        }
      }),
    );
  });
});
