import { describe, expect, test } from 'vitest';
import { idBelongsTo, StreamIds } from '../../src/datachannel/stream-ids.ts';

function takeNext(ids: StreamIds, role: 'client' | 'server'): number | null {
  const id = ids.next(role);
  if (id !== null) ids.take(id);
  return id;
}

describe('stream ids', () => {
  test('RFC 8832 §6: the DTLS client takes even ids, the server odd ones', () => {
    const ids = new StreamIds();
    expect([takeNext(ids, 'client'), takeNext(ids, 'client'), takeNext(ids, 'server')]).toEqual([0, 2, 1]);
    expect(idBelongsTo(4, 'client') && !idBelongsTo(4, 'server')).toBe(true);
    expect(idBelongsTo(5, 'server') && !idBelongsTo(5, 'client')).toBe(true);
  });

  test('65,535 is never an id: there are 32,768 for the client and 32,767 for the server', () => {
    const ids = new StreamIds();
    const count = (role: 'client' | 'server') => {
      let last = -1;
      let taken = 0;
      for (let id = takeNext(ids, role); id !== null; id = takeNext(ids, role)) {
        last = id;
        taken++;
      }
      return { last, taken };
    };
    expect(count('client')).toEqual({ last: 65_534, taken: 32_768 });
    expect(count('server')).toEqual({ last: 65_533, taken: 32_767 });
    ids.release(1234);
    expect(ids.next('client')).toBe(1234);
  });

  test('steps over what negotiated channels took, and comes back to what was released', () => {
    const ids = new StreamIds();
    ids.take(0);
    ids.take(2);
    expect(takeNext(ids, 'client')).toBe(4);
    ids.release(2);
    expect(takeNext(ids, 'client')).toBe(2);
    expect(takeNext(ids, 'client')).toBe(6);
  });

  test('ends at the number of streams that was negotiated', () => {
    const ids = new StreamIds();
    ids.limit = 3;
    expect([takeNext(ids, 'client'), takeNext(ids, 'client'), takeNext(ids, 'client')]).toEqual([0, 2, null]);
    ids.limit = 100_000;
    expect(ids.limit).toBe(65_535);
  });
});
