/** Two associations over bad networks, many seeds: every reliable byte once and in order, and none hangs. */
import { describe, expect, test } from 'vitest';
import { setU32 } from '../../src/binary/bytes.ts';
import type { SendOptions } from '../../src/sctp/index.ts';
import type { LinkConditions } from './support/link.ts';
import { Pair, type Peer, pattern } from './support/pair.ts';
import { SeededRandom } from './support/random.ts';

type Sent = { streamId: number; data: Uint8Array; options: SendOptions };

/** Path conditions of all kinds the issue names: 0 – 20 % loss, reordering, duplication, 1 – 300 ms, narrow links. */
function conditionsFor(random: SeededRandom): LinkConditions {
  const conditions: LinkConditions = { delayMs: random.integer(0, 150), loss: random.real() * 0.2 };
  if (random.real() < 0.3) conditions.loss = 0;
  if (random.real() < 0.5) conditions.jitterMs = random.integer(1, 60);
  if (random.real() < 0.4) conditions.duplication = random.real() * 0.1;
  if (random.real() < 0.3) {
    conditions.bandwidth = random.integer(20, 500);
    conditions.queueBytes = random.integer(5_000, 100_000);
  }
  return conditions;
}

function messageFor(random: SeededRandom, index: number): Uint8Array {
  const kind = random.real();
  const length =
    kind < 0.5 ? random.integer(1, 200) : kind < 0.9 ? random.integer(200, 5_000) : random.integer(5_000, 60_000);
  return pattern(length, index);
}

/** Initial TSNs that soon wrap, or gain a decimal digit (numbers sorted as text have been seen to break there). */
const INITIAL_TSNS = [0xffff_fff0, 999_999_990, null];

function randomFor(seed: number): SeededRandom {
  const random = new SeededRandom(seed);
  const initialTsn = INITIAL_TSNS[seed % 3]!;
  if (initialTsn === null) return random;
  // The association takes its tag first, then its initial TSN.
  let calls = 0;
  const fill = random.fill.bind(random);
  random.fill = (target) => {
    fill(target);
    calls++;
    if (calls === 2) setU32(target, 0, initialTsn);
  };
  return random;
}

function runSeed(seed: number): string {
  const random = new SeededRandom(seed);
  const pair = new Pair({
    seed,
    aToB: conditionsFor(random),
    bToA: conditionsFor(random),
    a: { random: randomFor(seed), timing: { maxInitRetransmits: 50, maxRetransmissions: 50 } },
    b: { random: randomFor(seed + 1), timing: { maxInitRetransmits: 50, maxRetransmissions: 50 } },
  });
  pair.a.link.record = pair.b.link.record = false;
  const sent = new Map<Peer, Sent[]>([
    [pair.a, []],
    [pair.b, []],
  ]);
  // Some messages are queued before the handshake, and all kinds are mixed on all streams after it.
  const sendSome = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const from = random.real() < 0.6 ? pair.a : pair.b;
      const list = sent.get(from)!;
      const options: SendOptions = { unordered: random.real() < 0.2 };
      const kind = random.real();
      const limits: SendOptions =
        kind < 0.15
          ? { maxRetransmits: random.integer(0, 2) }
          : kind < 0.25
            ? { lifetimeMs: random.integer(1, 400) }
            : {};
      const message: Sent = {
        streamId: random.integer(0, 5),
        data: messageFor(random, list.length),
        options: { ...options, ...limits, priority: [128, 256, 512, 1024][random.integer(0, 3)]! },
      };
      list.push(message);
      pair.send(from, message.streamId, message.data.slice(), message.options);
    }
  };
  sendSome(5);
  pair.connect();
  for (let round = 0; round < 6; round++) {
    sendSome(random.integer(1, 12));
    pair.run(random.integer(0, 300));
  }
  const isIdle = (peer: Peer): boolean => {
    const { flightSize } = peer.association.stats;
    for (let id = 0; id < 6; id++) if (peer.association.bufferedAmount(id) > 0) return false;
    return flightSize === 0;
  };
  pair.runUntil(
    () => isIdle(pair.a) && isIdle(pair.b) && pair.a.link.next === Infinity && pair.b.link.next === Infinity,
  );
  pair.run(11_000); // FORWARD TSNs that are still to be acknowledged

  for (const [from, to] of [
    [pair.a, pair.b],
    [pair.b, pair.a],
  ] as const) {
    check(sent.get(from)!, to);
    expect(to.association.stats.localRwnd, 'nothing is left in the receive buffer').toBe(5 * 1024 * 1024);
  }
  const { a, b } = pair;
  // And an end in order, on the same network.
  a.association.shutdown(pair.now);
  if (seed % 2 === 0) b.association.shutdown(pair.now);
  pair.runUntil(() => a.association.state === 'closed' && b.association.state === 'closed');
  expect([a.association.nextTimeout, b.association.nextTimeout]).toEqual([Infinity, Infinity]);
  return JSON.stringify([pair.now, a.association.stats, b.association.stats, a.messages.length, b.messages.length]);
}

/** Reliable messages: all of them, once, in the order of their stream. Partial ones: at most once, whole, in order. */
function check(sent: Sent[], to: Peer): void {
  for (let streamId = 0; streamId < 6; streamId++) {
    const arrived = to.messages.filter((message) => message.streamId === streamId);
    const mine = sent.filter((message) => message.streamId === streamId);
    const isReliable = ({ options }: Sent): boolean =>
      options.maxRetransmits === undefined && options.lifetimeMs === undefined;
    const used = new Set<Sent>();
    let lastOrdered = -1;
    for (const { data, unordered } of arrived) {
      const index = mine.findIndex(
        (message) =>
          !used.has(message) && message.data.length === data.length && Buffer.compare(message.data, data) === 0,
      );
      expect(index, 'a message arrives that was sent, and once').toBeGreaterThanOrEqual(0);
      used.add(mine[index]!);
      if (unordered) continue;
      expect(index).toBeGreaterThan(lastOrdered);
      lastOrdered = index;
    }
    for (const message of mine) if (isReliable(message)) expect(used.has(message)).toBe(true);
  }
  expect(to.kinds('closed')).toEqual([]);
}

describe('over bad networks', () => {
  const SEEDS = Number(process.env['SCTP_SEEDS'] ?? 60);
  for (let from = 0; from < SEEDS; from += 10) {
    test(`seeds ${from} to ${from + 9}: every reliable byte arrives once and in order, and none hangs`, () => {
      for (let seed = from; seed < from + 10; seed++) {
        try {
          runSeed(seed);
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
    });
  }

  test('a seed is repeatable to the last counter', () => {
    expect(runSeed(7)).toBe(runSeed(7));
  });
});
