import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { candidatePriority } from '../../src/ice/candidate.ts';
import { Checklist, MAX_PAIRS } from '../../src/ice/checklist.ts';
import { comparePriorities, Pair, pairPriority } from '../../src/ice/pair.ts';
import type { LocalCandidate, RemoteCandidate } from '../../src/ice/types.ts';

let lastId = 0;

function makePair(fields: { priority?: number; local?: string; remote?: string; port?: number } = {}): Pair {
  const { priority = 1000, local = '1', remote = '1', port = ++lastId } = fields;
  const common = { component: 1, protocol: 'udp', type: 'host' } as const;
  const base = { address: '192.0.2.1', port: 5000 };
  const ours: LocalCandidate = {
    ...common,
    ...base,
    foundation: local,
    priority: candidatePriority('host', 65535),
    socketId: 1,
    base,
  };
  const transportAddress = { address: '198.51.100.1', port };
  const theirs: RemoteCandidate = { ...common, ...transportAddress, foundation: remote, priority, transportAddress };
  return new Pair(++lastId, ours, theirs, 'controlling');
}

describe('pair priority', () => {
  const formula = (g: bigint, d: bigint): bigint => {
    const [min, max] = g < d ? [g, d] : [d, g];
    return (1n << 32n) * min + 2n * max + (g > d ? 1n : 0n);
  };

  test('RFC 8445 §6.1.2.3: is exact for every priority a candidate can have', () => {
    const priority = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1));
    fc.assert(
      fc.property(priority, priority, (g, d) => {
        const expected = formula(BigInt(g), BigInt(d));
        for (const { high, low } of [
          pairPriority({ priority: g }, { priority: d }, 'controlling'),
          pairPriority({ priority: d }, { priority: g }, 'controlled'),
        ]) {
          expect((BigInt(high) << 32n) + BigInt(low)).toBe(expected);
          expect(low).toBeLessThan(2 ** 32);
        }
      }),
    );
  });

  test('orders as the formula does, also where doubles are equal', () => {
    const priority = fc.integer({ min: 2 ** 31 - 4, max: 2 ** 31 + 4 });
    fc.assert(
      fc.property(priority, priority, priority, priority, (g1, d1, g2, d2) => {
        const [a, b] = [formula(BigInt(g1), BigInt(d1)), formula(BigInt(g2), BigInt(d2))];
        const order = comparePriorities(
          pairPriority({ priority: g1 }, { priority: d1 }, 'controlling'),
          pairPriority({ priority: g2 }, { priority: d2 }, 'controlling'),
        );
        expect(Math.sign(order)).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });
});

describe('the checklist', () => {
  test('RFC 8445 §6.1.4.2: triggered checks go first, in order; then the highest priority that waits', () => {
    const list = new Checklist();
    const pairs = [10, 30, 20, 40].map((priority, i) => makePair({ priority, remote: `${i}` }));
    for (const pair of pairs) list.add(pair);
    list.trigger(pairs[0]!);
    list.trigger(pairs[2]!);
    list.trigger(pairs[0]!); // once is enough
    const order = [];
    while (list.hasNext) order.push(list.takeNext());
    expect(order).toEqual([pairs[0], pairs[2], pairs[3], pairs[1]]);
    expect(pairs.every(({ state }) => state === 'inProgress')).toBe(true);
    expect(list.takeNext()).toBeUndefined();
  });

  test('RFC 8445 §6.1.2.6: of each foundation one pair waits, the one of the highest priority; the rest is frozen', () => {
    const list = new Checklist();
    const pairs = [30, 20, 10].map((priority) => makePair({ priority }));
    const other = makePair({ priority: 5, remote: '2' });
    for (const pair of [...pairs, other]) list.add(pair);
    expect(pairs.map(({ state }) => state)).toEqual(['waiting', 'frozen', 'frozen']);
    expect(other.state).toBe('waiting');
  });

  test('RFC 8445 §7.2.5.3.3: a success unfreezes its foundation, and no other', () => {
    const list = new Checklist();
    const pairs = [30, 20, 10].map((priority) => makePair({ priority }));
    const others = [30, 20].map((priority) => makePair({ priority, remote: '2' }));
    for (const pair of [...pairs, ...others]) list.add(pair);
    list.takeNext()!.state = 'succeeded';
    list.unfreeze(pairs[0]!.foundation);
    expect(pairs.map(({ state }) => state)).toEqual(['succeeded', 'waiting', 'waiting']);
    expect(others.map(({ state }) => state)).toEqual(['waiting', 'frozen']);
  });

  test('RFC 8445 §6.1.4.2: with nothing waiting, a frozen pair is checked once no other of its foundation is', () => {
    const list = new Checklist();
    const [first, second] = [30, 20].map((priority) => makePair({ priority }));
    list.add(first!);
    list.add(second!);
    expect(list.takeNext()).toBe(first);
    expect(list.hasNext).toBe(false);
    list.fail(first!);
    expect(list.takeNext()).toBe(second);
  });

  test('RFC 8838 §12: the rules for a pair that comes later', () => {
    const list = new Checklist();
    const first = makePair({ priority: 20 });
    list.add(first);
    const higher = makePair({ priority: 30 });
    list.add(higher);
    expect([first.state, higher.state]).toEqual(['waiting', 'waiting']); // rule 1
    const lower = makePair({ priority: 10 });
    list.add(lower);
    expect(lower.state).toBe('frozen'); // rule 3
    higher.state = 'succeeded';
    const late = makePair({ priority: 5 });
    list.add(late);
    expect(late.state).toBe('waiting'); // rule 2
  });

  test('RFC 8445 §6.1.2.5: limits the number of pairs; lower priorities and failed pairs make room', () => {
    const list = new Checklist();
    for (let i = 0; i < MAX_PAIRS; i++) expect(list.add(makePair({ priority: 1000 + i, remote: `${i}` }))).toBe(true);
    expect(list.add(makePair({ priority: 1 }))).toBe(false);
    const better = makePair({ priority: 5000 });
    expect(list.add(better)).toBe(true);
    expect(list.pairs).toHaveLength(MAX_PAIRS);
    expect(list.pairs[0]).toBe(better);
    for (const pair of list.pairs) pair.state = 'inProgress';
    expect(list.add(makePair({ priority: 9000 }))).toBe(false);
    list.fail(list.pairs[50]!);
    expect(list.add(makePair({ priority: 1 }))).toBe(true);
  });

  test('the pair least missed is given up first: failed, unchecked, quiet for longest; never the nominated one', () => {
    const list = new Checklist();
    const [failed, unchecked, quiet, lively, nominated] = [1, 2, 3, 4, 5].map((i) =>
      makePair({ priority: i, remote: `${i}` }),
    );
    for (const pair of [failed, unchecked, quiet, lively, nominated]) list.add(pair!);
    list.fail(failed!);
    Object.assign(quiet!, { state: 'succeeded', lastSignAt: 10 });
    Object.assign(lively!, { state: 'succeeded', lastSignAt: 20 });
    Object.assign(nominated!, { state: 'succeeded', lastSignAt: 5, nominated: true });
    const gone: (Pair | undefined)[] = [];
    for (let before = [...list.pairs]; list.evict(); before = [...list.pairs]) {
      gone.push(before.find((pair) => !list.pairs.includes(pair)));
    }
    expect(gone).toEqual([failed, unchecked, quiet, lively]);
  });

  test('a removed pair is found no more, triggered no more, valid no more', () => {
    const list = new Checklist();
    const pair = makePair();
    list.add(pair);
    list.trigger(pair);
    pair.valid = true;
    expect(list.find(1, pair.remoteAddress)).toBe(pair);
    list.remove(pair);
    expect(list.find(1, pair.remoteAddress)).toBeUndefined();
    expect(list.hasNext || pair.valid).toBe(false);
  });
});
