import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MinHeap } from '../../../src/sctp/min-heap.ts';
import { OutgoingMessage } from '../../../src/sctp/tx/outgoing-message.ts';
import { SendQueue } from '../../../src/sctp/tx/send-queue.ts';

function push(queue: SendQueue, streamId: number, length = 1000): OutgoingMessage {
  const message = new OutgoingMessage(queue.stream(streamId), 51, new Uint8Array(length), false, Infinity, Infinity);
  queue.push(message);
  return message;
}

/** Sends `count` whole messages and says on which streams. */
function sendNext(queue: SendQueue, count: number): number[] {
  const order: number[] = [];
  for (let i = 0; i < count; i++) {
    const message = queue.next();
    if (message === null) break;
    order.push(message.stream.id);
    queue.advance(message, message.data.length);
  }
  return order;
}

describe('whose turn it is', () => {
  test('streams of the same weight take turns, message by message', () => {
    const queue = new SendQueue();
    for (const id of [1, 2, 3]) for (let i = 0; i < 3; i++) push(queue, id);
    expect(sendNext(queue, 9)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });

  test('RFC 8831 §6.4: bytes are shared out by priority', () => {
    const queue = new SendQueue();
    const weights = [128, 256, 512, 1024];
    weights.forEach((weight, id) => {
      queue.stream(id).weight = weight;
      for (let i = 0; i < 2_000; i++) push(queue, id, 500);
    });
    const order = sendNext(queue, 1_500);
    const counts = weights.map((_, id) => order.filter((streamId) => streamId === id).length);
    counts.forEach((count, id) => {
      expect(count / counts[0]!).toBeCloseTo(weights[id]! / 128, 1);
    });
  });

  test('large messages do not take more than their share from small ones', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 100; i++) push(queue, 1, 50_000);
    for (let i = 0; i < 5_000; i++) push(queue, 2, 1_000);
    const order = sendNext(queue, 1_020);
    const bytes = (id: number, size: number): number => order.filter((streamId) => streamId === id).length * size;
    expect(Math.abs(bytes(1, 50_000) / bytes(2, 1_000) - 1)).toBeLessThan(0.1);
  });

  test('RFC 9260 §6.9: a message once begun is finished before any other', () => {
    const queue = new SendQueue();
    queue.stream(2).weight = 65_535;
    const first = push(queue, 1);
    expect(queue.next()).toBe(first);
    queue.advance(first, 10);
    push(queue, 2);
    expect(queue.next()).toBe(first);
    queue.advance(first, 990);
    expect(queue.next()!.stream.id).toBe(2);
  });

  test('silence earns no credit', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 100; i++) push(queue, 1);
    expect(sendNext(queue, 50)).toHaveLength(50);
    for (let i = 0; i < 50; i++) push(queue, 2);
    expect(sendNext(queue, 6).sort()).toEqual([1, 1, 1, 2, 2, 2]);
  });

  test('a message can be taken out from anywhere', () => {
    const queue = new SendQueue();
    const messages = Array.from({ length: 5 }, (_, i) => push(queue, 1, 100 + i));
    queue.next();
    queue.advance(messages[0]!, 50);
    queue.remove(messages[0]!);
    queue.remove(messages[2]!);
    queue.remove(messages[4]!);
    expect(queue.next()).toBe(messages[1]);
    queue.advance(messages[1]!, 101);
    expect(queue.next()).toBe(messages[3]);
    queue.remove(messages[3]!);
    expect(queue.next()).toBeNull();
    expect(queue.bufferedAmount(1)).toBe(0);
    expect(queue.bufferedBytes).toBe(0);
    push(queue, 1);
    expect(sendNext(queue, 2)).toEqual([1]);
  });
});

describe('cost', () => {
  test('queues and sends in O(1) per message, O(log streams) per turn: comparisons are counted', () => {
    let comparisons = 0;
    const heap = new MinHeap<number>((a, b) => {
      comparisons++;
      return a < b;
    });
    const STREAMS = 1024;
    for (let i = 0; i < STREAMS; i++) heap.push(i);
    expect(comparisons, 'in ascending order one comparison each').toBeLessThan(STREAMS);
    comparisons = 0;
    for (let i = 0; i < 10_000; i++) heap.push(heap.pop()! + STREAMS);
    expect(comparisons / 10_000).toBeLessThan(3 * Math.log2(STREAMS));
  });

  test('a stream that waits already costs no comparison at all, however long its queue', () => {
    const queue = new SendQueue();
    push(queue, 1);
    push(queue, 2);
    // A getter on the one key the scheduler compares counts every look at it.
    let looks = 0;
    const stream = queue.stream(1);
    let virtualStart = stream.virtualStart;
    Object.defineProperty(stream, 'virtualStart', {
      get: () => {
        looks++;
        return virtualStart;
      },
      set: (value: number) => {
        virtualStart = value;
      },
    });
    for (let i = 0; i < 100_000; i++) push(queue, 1, 1);
    expect(looks).toBe(0);
  });
});

describe('accounting', () => {
  test('bufferedAmount is exact per stream, and every byte that leaves it is reported once', () => {
    const action = fc.record({
      kind: fc.constantFrom('push', 'send', 'remove', 'hold', 'release', 'report'),
      streamId: fc.integer({ min: 0, max: 3 }),
      amount: fc.integer({ min: 1, max: 500 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const queue = new SendQueue();
        const live: OutgoingMessage[] = [];
        const reported = [0, 0, 0, 0];
        const pushed = [0, 0, 0, 0];
        const report = (): void =>
          queue.takeDrained((id, bytes) => {
            reported[id]! += bytes;
          });
        for (const { kind, streamId, amount } of actions) {
          if (kind === 'push') {
            live.push(push(queue, streamId, amount));
            pushed[streamId]! += amount;
          } else if (kind === 'send') {
            const message = queue.next();
            if (message !== null) queue.advance(message, Math.min(amount, message.data.length - message.sent));
          } else if (kind === 'remove') {
            const message = live.splice(amount % (live.length || 1), 1)[0];
            if (message !== undefined && !message.isFullySent) queue.remove(message);
          } else if (kind === 'hold') queue.hold(queue.stream(streamId));
          else if (kind === 'release') queue.release(queue.stream(streamId), amount % 2 === 0);
          else report();
        }
        report();
        for (let id = 0; id < 4; id++) expect(queue.bufferedAmount(id)).toBe(pushed[id]! - reported[id]!);
        expect(queue.bufferedBytes).toBe([0, 1, 2, 3].reduce((sum, id) => sum + queue.bufferedAmount(id), 0));
      }),
      { numRuns: 300 },
    );
  });
});
