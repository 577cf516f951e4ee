import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NackResponder } from '../../../src/rtp/repair/nack-responder.ts';
import { SendHistory } from '../../../src/rtp/repair/send-history.ts';

const packetOf = (n: number, length = 100) => new Uint8Array(length).fill(n);

describe('SendHistory', () => {
  test('gives out what was put, byte for byte, and nothing else', () => {
    const history = new SendHistory();
    const packet = Uint8Array.of(9, 1, 2, 3, 9);
    history.put(65535, packet, 1, 4, 0);
    packet.fill(0);
    expect(history.get(65535, 10)).toEqual(Uint8Array.of(1, 2, 3));
    expect(history.get(0, 10)).toBeNull();
    history.clear();
    expect(history.get(65535, 10)).toBeNull();
  });

  test('limits the number of packets', () => {
    const history = new SendHistory({ maxPackets: 4 });
    for (let n = 65533; n < 65533 + 6; n++) history.put(n & 0xffff, packetOf(n), 0, 100, 0);
    expect([65533, 65534, 65535, 0, 1, 2].map((n) => history.get(n, 0) !== null)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
    expect(() => new SendHistory({ maxPackets: 3 })).toThrow(RangeError);
  });

  test('limits the age of packets', () => {
    const history = new SendHistory({ maxAgeMs: 1000 });
    history.put(1, packetOf(1), 0, 100, 5000);
    expect(history.get(1, 6000)).not.toBeNull();
    expect(history.get(1, 6001)).toBeNull();
  });

  test('limits the bytes: what was overwritten is gone, what was not is whole', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 60 }), (lengths) => {
        const history = new SendHistory({ maxBytes: 64, maxPackets: 64 });
        lengths.forEach((length, n) => {
          history.put(n, packetOf(n, length), 0, length, 0);
          let kept = 0;
          for (let older = 0; older <= n; older++) {
            const packet = history.get(older, 0);
            if (packet === null) continue;
            kept += packet.length;
            expect(packet).toEqual(packetOf(older, lengths[older]));
          }
          expect(kept).toBeLessThanOrEqual(64);
          expect(history.get(n, 0) !== null).toBe(length <= 64);
        });
      }),
    );
  });
});

describe('NackResponder', () => {
  const setup = () => {
    const history = new SendHistory();
    for (let n = 0; n < 10; n++) history.put(n, packetOf(n), 0, 100, 0);
    const resent: number[] = [];
    return { resent, responder: new NackResponder(history, (packet) => resent.push(packet[0]!)) };
  };

  test('sends again what it has', () => {
    const { resent, responder } = setup();
    responder.handleNack([1, 3, 77], 50, 100);
    expect(resent).toEqual([1, 3]);
    expect(responder.stats).toEqual({ resent: 2, tooSoon: 0, forgotten: 1 });
  });

  test('sends a packet once in a round trip, however often it is asked for', () => {
    const { resent, responder } = setup();
    responder.handleNack([1, 1, 1], 50, 100);
    responder.handleNack([1, 2], 50, 149);
    responder.handleNack([1], 50, 150);
    expect(resent).toEqual([1, 2, 1]);
    expect(responder.stats.tooSoon).toBe(3);
  });

  test('does not loop over a NACK without a measured round trip', () => {
    const { resent, responder } = setup();
    responder.handleNack([4, 4], 0, 100);
    responder.handleNack([4], 0, 105);
    responder.handleNack([4], 0, 110);
    expect(resent).toEqual([4, 4]);
  });
});
