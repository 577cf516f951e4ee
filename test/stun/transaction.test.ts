import { expect, test } from 'vitest';
import { ClientTransaction } from '../../src/stun/index.ts';

const REQUEST = Uint8Array.of(1, 2, 3);

/** Runs a transaction that nobody answers; gives when it sent and when it gave up. */
function run(
  start: number,
  timing: ConstructorParameters<typeof ClientTransaction>[1],
): { sentAt: number[]; endedAt: number } {
  const sentAt: number[] = [];
  let now = start;
  const transaction = new ClientTransaction(REQUEST, timing, () => sentAt.push(now - start), now);
  for (;;) {
    expect(transaction.nextTimeout).toBeGreaterThan(now);
    now = transaction.nextTimeout;
    if (transaction.handleTimeout(now)) return { sentAt, endedAt: now - start };
    transaction.handleTimeout(now); // a second call with the same time does nothing
  }
}

test('RFC 8489 §6.2.1: requests at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, timed out after 39500 ms', () => {
  expect(run(1000, { rtoMs: 500 })).toEqual({
    sentAt: [0, 500, 1500, 3500, 7500, 15_500, 31_500],
    endedAt: 39_500,
  });
});

test('RFC 8489 §6.2.1: "Rc SHOULD be configurable", "Rm SHOULD be configurable"', () => {
  expect(run(0, { rtoMs: 600, requests: 3, lastWait: 2 })).toEqual({ sentAt: [0, 600, 1800], endedAt: 3000 });
});

test('RFC 8489 §6.2.1: no round trip is measured over a retransmission (Karn)', () => {
  const transaction = new ClientTransaction(REQUEST, { rtoMs: 500 }, () => {}, 0);
  expect(transaction.roundTripMs(80)).toBe(80);
  transaction.handleTimeout(500);
  expect(transaction.roundTripMs(580)).toBeUndefined();
});

test('RFC 8445 §7.3.1.4: a cancelled transaction sends no more but waits as long', () => {
  const sent: number[] = [];
  const transaction = new ClientTransaction(REQUEST, { rtoMs: 500 }, () => sent.push(0), 0);
  transaction.handleTimeout(500);
  transaction.stopRetransmitting();
  expect(transaction.nextTimeout).toBe(39_500);
  expect(transaction.handleTimeout(39_499)).toBe(false);
  expect(transaction.handleTimeout(39_500)).toBe(true);
  expect(sent).toHaveLength(2);
});

test('each transmission is a copy, for its receiver owns it', () => {
  const packets: Uint8Array[] = [];
  const transaction = new ClientTransaction(REQUEST, { rtoMs: 500 }, (packet) => packets.push(packet), 0);
  packets[0]!.fill(0);
  transaction.handleTimeout(500);
  expect(packets[1]).toEqual(REQUEST);
});
