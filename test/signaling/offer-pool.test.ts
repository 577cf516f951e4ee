import { describe, expect, test } from 'vitest';
import { OFFER_LEASE_MS, OFFER_TTL_MS, OfferPool } from '../../src/signaling/offer-pool.ts';

const id = (n: number): string => String(n).padStart(20, '0');

function poolOf(count: number, sdp = 'v=0'): OfferPool<string> {
  const pool = new OfferPool<string>();
  for (let i = 0; i < count; i++) {
    pool.add(id(i), `link ${i}`, 0);
    pool.ready(id(i), sdp);
  }
  return pool;
}

const ids = (offers: readonly { offerId: string }[]): number[] => offers.map(({ offerId }) => Number(offerId));

describe('an offer', () => {
  test('is announced once it is ready, the oldest first', () => {
    const pool = new OfferPool<string>();
    pool.add(id(1), 'a', 0);
    pool.add(id(2), 'b', 0);
    expect(pool.take(5, 1e6, 0)).toEqual([]);
    expect(pool.ready(id(2), 'sdp')).toBe(true);
    expect(pool.take(5, 1e6, 0)).toEqual([{ offerId: id(2), sdp: 'sdp' }]);
    expect(pool.ready(id(3), 'sdp')).toBe(false); // gone meanwhile
  });

  test('rests after that, unless it comes back', () => {
    const pool = poolOf(3);
    expect(ids(pool.take(2, 1e6, 0))).toEqual([0, 1]);
    expect(ids(pool.take(5, 1e6, 1))).toEqual([2]);
    expect(pool.hasIdle(1)).toBe(false);
    pool.giveBack([id(1), id(9)]);
    expect(ids(pool.take(5, 1e6, 2))).toEqual([1]);
    expect(ids(pool.take(5, 1e6, OFFER_LEASE_MS))).toEqual([0]);
  });

  test('is closed after a minute, and not announced in the end', () => {
    const pool = poolOf(2);
    expect(pool.nextTimeout).toBe(OFFER_TTL_MS);
    expect(pool.take(5, 1e6, OFFER_TTL_MS - OFFER_LEASE_MS)).toEqual([]);
    expect(pool.expire(OFFER_TTL_MS - 1)).toEqual([]);
    expect(pool.find(id(0))).toBe('link 0');
    expect(pool.expire(OFFER_TTL_MS)).toEqual(['link 0', 'link 1']);
    expect([pool.size, pool.nextTimeout]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});

test('as many are taken as fit, by the bytes of their JSON; the first, however long', () => {
  const pool = poolOf(5, '\u0001'.repeat(1_000)); // six bytes each, escaped
  expect(ids(pool.take(5, 13_000, 0))).toEqual([0, 1]);
  expect(ids(pool.take(5, 100, 0))).toEqual([2]);
});

test('cleared, it gives up what it has', () => {
  const pool = poolOf(2);
  expect(pool.clear()).toEqual(['link 0', 'link 1']);
  expect(pool.size).toBe(0);
});
