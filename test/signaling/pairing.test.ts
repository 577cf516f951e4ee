/** Which offer becomes the connection: the rules one by one, and that both sides come to the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ANSWERING_TIMEOUT_MS,
  ATTEMPT_TIMEOUT_MS,
  MAX_ANSWERING,
  MAX_OFFERS_TAKEN_PER_ANNOUNCE,
  Pairings,
} from '../../src/signaling/pairing.ts';

const [ME, PEER] = ['m'.repeat(20), 'p'.repeat(20)];
const id = (n: number): string => String(n).padStart(20, '0');

const pairings = (maxPeers = 10): Pairings<string> => new Pairings<string>(ME, maxPeers);

describe('an offer', () => {
  test('of ourselves, of a peer that was turned away, in a full room: is not answered', () => {
    const pairs = pairings(1);
    expect(pairs.consider(ME, id(1), 0)).toBe('self');
    expect(pairs.consider(PEER, id(1), 0)).toBeNull();
    pairs.beginAnswer(id(7), id(1), 'other', 0);
    expect(pairs.consider(PEER, id(2), 0)).toBe('full');
    pairs.refuse(PEER);
    expect(pairs.consider(PEER, id(2), 0)).toBe('unwanted');
    expect(pairs.takeAnswer(PEER, id(3), 'link', 0).taken).toBe(false);
  });

  test('of a peer with whom something is under way: not before that has come to nothing for 5 s', () => {
    const pairs = pairings();
    pairs.beginAnswer(PEER, id(1), 'first', 0);
    expect(pairs.consider(PEER, id(2), 20_000)).toBe('duplicate'); // the hook may ask somebody for their camera
    pairs.answerSent(PEER, 'first', 20_000);
    expect(pairs.consider(PEER, id(2), 24_999)).toBe('duplicate');
    expect(pairs.consider(PEER, id(1), 25_000)).toBe('duplicate'); // the same one, through another tracker
    expect(pairs.consider(PEER, id(2), 25_000)).toBeNull();
    expect(pairs.beginAnswer(PEER, id(2), 'second', 25_000)).toBe('first');
    pairs.delete(PEER, 'first'); // its end comes late, and is of no importance
    expect(pairs.has(PEER, 'second')).toBe(true);
  });

  test('of a peer that we are connected to: not while the connection is well', () => {
    const pairs = pairings();
    pairs.takeAnswer(PEER, id(5), 'link', 0);
    pairs.connected(PEER, 'link');
    expect(pairs.consider(PEER, id(1), 1e9)).toBe('duplicate');
    expect(pairs.takeAnswer(PEER, id(1), 'other', 1e9)).toEqual({ taken: false, loser: null });
    pairs.ailing(PEER, 'link', true);
    expect(pairs.consider(PEER, id(1), 1e9)).toBeNull();
    pairs.ailing(PEER, 'link', false);
    expect(pairs.consider(PEER, id(1), 1e9)).toBe('duplicate');
  });

  test(`is one of ${MAX_ANSWERING} that are answered at a time`, () => {
    const pairs = pairings(100);
    for (let i = 0; i < MAX_ANSWERING; i++) pairs.beginAnswer(id(i), id(i), `link ${i}`, 0);
    expect(pairs.consider(PEER, id(99), 0)).toBe('busy');
    pairs.answerSent(id(3), 'link 3', 0);
    expect(pairs.consider(PEER, id(99), 0)).toBeNull();
  });

  test(`is one of ${MAX_OFFERS_TAKEN_PER_ANNOUNCE} from one announce to the next`, () => {
    const pairs = pairings(100);
    for (let i = 0; i < MAX_OFFERS_TAKEN_PER_ANNOUNCE; i++) {
      pairs.beginAnswer(id(i), id(i), `link ${i}`, 0);
      pairs.delete(id(i), `link ${i}`);
    }
    expect(pairs.consider(PEER, id(99), 0)).toBe('quota');
    pairs.announced();
    expect(pairs.consider(PEER, id(99), 0)).toBeNull();
  });
});

describe('an answer to an offer of ours', () => {
  test('is taken while we have not answered theirs, whichever is lower: they know of ours only', () => {
    const pairs = pairings();
    pairs.beginAnswer(PEER, id(1), 'theirs', 0);
    expect(pairs.takeAnswer(PEER, id(2), 'ours', 0)).toEqual({ taken: true, loser: 'theirs' });
  });

  test('is taken after we answered theirs if it is the lower one: they decide the same', () => {
    for (const [ours, theirs, taken] of [
      [1, 2, true],
      [2, 1, false],
    ] as const) {
      const pairs = pairings();
      pairs.beginAnswer(PEER, id(theirs), 'theirs', 0);
      pairs.answerSent(PEER, 'theirs', 0);
      expect(pairs.takeAnswer(PEER, id(ours), 'ours', 0)).toEqual({ taken, loser: taken ? 'theirs' : null });
    }
  });

  test('is taken over an earlier one of theirs: they have given that up', () => {
    const pairs = pairings();
    pairs.takeAnswer(PEER, id(1), 'first', 0);
    expect(pairs.takeAnswer(PEER, id(2), 'second', 0)).toEqual({ taken: true, loser: 'first' });
  });
});

test('an attempt that has failed is told, once', () => {
  const pairs = pairings();
  pairs.beginAnswer(id(1), id(1), 'answering', 0);
  pairs.takeAnswer(id(2), id(2), 'connecting', 0);
  pairs.takeAnswer(id(3), id(3), 'connected', 0);
  pairs.connected(id(3), 'connected');
  expect(pairs.nextTimeout).toBe(ATTEMPT_TIMEOUT_MS);
  expect(pairs.expire(ATTEMPT_TIMEOUT_MS - 1)).toEqual([]);
  expect(pairs.expire(ATTEMPT_TIMEOUT_MS)).toEqual(['connecting']);
  expect(pairs.nextTimeout).toBe(ANSWERING_TIMEOUT_MS);
  expect(pairs.expire(ANSWERING_TIMEOUT_MS)).toEqual(['answering']);
  expect(pairs.nextTimeout).toBe(Number.POSITIVE_INFINITY);
  expect(pairs.includes(id(3))).toBe(true);
});

test('two who offer to each other come to the same, in whatever order messages arrive', () => {
  const ids = fc.integer({ min: 0, max: 99 }).map(id);
  fc.assert(
    fc.property(ids, ids, fc.array(fc.boolean(), { maxLength: 12 }), (offerA, offerB, order) => {
      const [A, B] = [
        { name: 'a'.repeat(20), offer: offerA, pairs: new Pairings<string>('a'.repeat(20), 5) },
        { name: 'b'.repeat(20), offer: offerB, pairs: new Pairings<string>('b'.repeat(20), 5) },
      ];
      // Two wires, each in order; which one delivers next is arbitrary.
      const wires = { toA: [{ offer: offerB }] as object[], toB: [{ offer: offerA }] as object[] };
      const receive = (
        self: typeof A,
        other: typeof A,
        back: object[],
        message: { offer?: string; answer?: string },
      ): void => {
        if (message.offer !== undefined) {
          if (self.pairs.consider(other.name, message.offer, 0) !== null) return;
          self.pairs.beginAnswer(other.name, message.offer, `theirs`, 0);
          self.pairs.answerSent(other.name, 'theirs', 0);
          back.push({ answer: message.offer });
        } else self.pairs.takeAnswer(other.name, message.answer!, 'ours', 0);
      };
      for (const toA of [
        ...order,
        ...Array<boolean>(8).fill(true),
        ...Array<boolean>(8).fill(false),
        true,
        true,
        false,
        false,
      ]) {
        const message = (toA ? wires.toA : wires.toB).shift();
        if (message === undefined) continue;
        if (toA) receive(A, B, wires.toB, message);
        else receive(B, A, wires.toA, message);
      }
      expect([wires.toA, wires.toB]).toEqual([[], []]);
      // One of them connects by its own offer, and the other by that same one.
      expect([A.pairs.link(B.name), B.pairs.link(A.name)].sort()).toEqual(['ours', 'theirs']);
    }),
    { numRuns: 2_000 },
  );
});
