import fc from 'fast-check';
import { expect, test } from 'vitest';
import { u16, u32 } from '../../../src/binary/bytes.ts';
import { ReceivedTsns } from '../../../src/sctp/rx/received-tsns.ts';

/** The slow twin: a set of everything that came. */
class SlowTsns {
  cumulativeTsn: number;
  readonly #received = new Set<number>();

  constructor(initialTsn: number) {
    this.cumulativeTsn = (initialTsn - 1) >>> 0;
  }

  add(tsn: number): string {
    const ahead = (tsn - this.cumulativeTsn) >>> 0;
    if (ahead === 0 || ahead >= 0x8000_0000 || this.#received.has(tsn)) return 'duplicate';
    if (ahead > 65_535) return 'tooFar';
    this.#received.add(tsn);
    this.#advance();
    return 'new';
  }

  forwardTo(tsn: number): void {
    this.cumulativeTsn = tsn;
    for (const received of this.#received) {
      if (((received - tsn) | 0) <= 0) this.#received.delete(received);
    }
    this.#advance();
  }

  get gaps(): [number, number][] {
    const offsets = [...this.#received].map((tsn) => (tsn - this.cumulativeTsn) >>> 0).sort((a, b) => a - b);
    const gaps: [number, number][] = [];
    for (const offset of offsets) {
      const last = gaps.at(-1);
      if (last !== undefined && last[1] + 1 === offset) last[1] = offset;
      else gaps.push([offset, offset]);
    }
    return gaps;
  }

  #advance(): void {
    for (let next = (this.cumulativeTsn + 1) >>> 0; this.#received.delete(next); next = (next + 1) >>> 0) {
      this.cumulativeTsn = next;
    }
  }
}

function gapsOf(tsns: ReceivedTsns): [number, number][] {
  const bytes = new Uint8Array(65_536);
  const count = tsns.write(bytes, 0, bytes.length) >>> 16;
  return Array.from({ length: count }, (_, i) => [u16(bytes, 4 * i), u16(bytes, 4 * i + 2)]);
}

test('agrees with a set of TSNs, whatever the order, also where TSNs wrap', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), ahead: fc.integer({ min: -3, max: 40 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('forward' as const), ahead: fc.integer({ min: 1, max: 30 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('add' as const), ahead: fc.integer({ min: 65_530, max: 65_540 }) }),
    },
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0xffff_ffc0, max: 0xffff_ffff })),
      fc.array(step, { maxLength: 120 }),
      (initialTsn, steps) => {
        const fast = new ReceivedTsns(initialTsn);
        const slow = new SlowTsns(initialTsn);
        for (const { kind, ahead } of steps) {
          const tsn = (slow.cumulativeTsn + ahead) >>> 0;
          if (kind === 'forward') {
            fast.forwardTo(tsn);
            slow.forwardTo(tsn);
          } else {
            expect(fast.add(tsn)).toBe(slow.add(tsn));
          }
          expect(fast.cumulativeTsn).toBe(slow.cumulativeTsn);
          expect(gapsOf(fast)).toEqual(slow.gaps);
          expect(fast.hasGaps).toBe(slow.gaps.length > 0);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('limits the number of blocks it keeps', () => {
  const tsns = new ReceivedTsns(1);
  let kept = 0;
  for (let tsn = 3; tsn < 10_000; tsn += 2) if (tsns.add(tsn) === 'new') kept++;
  expect(kept).toBe(1024);
  expect(tsns.add(4), 'a TSN that joins two blocks is taken').toBe('new');
  expect(tsns.add(9_001), 'and makes room for one more').toBe('new');
});

test('RFC 9260 §6.7: reports the lowest blocks first when not all fit', () => {
  const tsns = new ReceivedTsns(1);
  for (let tsn = 3; tsn < 100; tsn += 2) tsns.add(tsn);
  const bytes = new Uint8Array(64);
  expect(tsns.write(bytes, 0, 11) >>> 16).toBe(2);
  expect([u16(bytes, 0), u16(bytes, 4), u16(bytes, 8)]).toEqual([3, 5, 0]);
});

test('RFC 9260 §3.3.4: lists a duplicate as often as it came, once', () => {
  const tsns = new ReceivedTsns(19);
  for (let i = 0; i < 3; i++) tsns.add(19);
  const bytes = new Uint8Array(64);
  expect(tsns.hasDuplicates).toBe(true);
  expect(tsns.write(bytes, 0, 64)).toBe(2);
  expect([u32(bytes, 0), u32(bytes, 4)]).toEqual([19, 19]);
  expect(tsns.write(bytes, 0, 64)).toBe(0);
});

test('limits the number of duplicates reported', () => {
  const tsns = new ReceivedTsns(1);
  for (let i = 0; i < 1000; i++) tsns.add(1);
  expect(tsns.write(new Uint8Array(10_000), 0, 10_000)).toBe(16);
});
