import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { u16 } from '../../../src/binary/bytes.ts';
import { ReceivedTsns } from '../../../src/sctp/rx/received-tsns.ts';
import { OutboundStream } from '../../../src/sctp/tx/outbound-stream.ts';
import { OutgoingMessage } from '../../../src/sctp/tx/outgoing-message.ts';
import { OutstandingData } from '../../../src/sctp/tx/outstanding-data.ts';
import { RenoLossRecovery } from '../../../src/sctp/tx/reno-loss-recovery.ts';
import { sackChunk } from '../support/wire.ts';

const SIZE = 16 + 100;
const message = new OutgoingMessage(new OutboundStream(0), 51, new Uint8Array(1e6), false, Infinity, Infinity);

/** The slow twin, straight from the RFC: one record per chunk, and a counter of miss indications in each. */
class SlowSender {
  cumulativeTsnAck: number;
  next: number;
  chunks: { tsn: number; state: 'inFlight' | 'acknowledged' | 'lost'; misses: number; fastRetransmitted: boolean }[] =
    [];
  inRecovery = false;
  exitPoint = 0;

  constructor(initialTsn: number) {
    this.cumulativeTsnAck = (initialTsn - 1) >>> 0;
    this.next = initialTsn;
  }

  send(): void {
    this.chunks.push({ tsn: this.next, state: 'inFlight', misses: 0, fastRetransmitted: false });
    this.next = (this.next + 1) >>> 0;
  }

  resend(): number | undefined {
    const lost = this.chunks.find(({ state }) => state === 'lost');
    if (lost !== undefined) lost.state = 'inFlight';
    return lost?.tsn;
  }

  sack(cumulative: number, gaps: readonly (readonly [number, number])[]): boolean {
    const advanced = cumulative !== this.cumulativeTsnAck;
    const offset = (tsn: number): number => (tsn - cumulative) | 0;
    let highestNew = -Infinity;
    for (const chunk of this.chunks) {
      const isCovered =
        offset(chunk.tsn) <= 0 || gaps.some(([s, e]) => offset(chunk.tsn) >= s && offset(chunk.tsn) <= e);
      if (isCovered && chunk.state !== 'acknowledged') {
        chunk.state = 'acknowledged';
        highestNew = Math.max(highestNew, offset(chunk.tsn));
      } else if (!isCovered && chunk.state === 'acknowledged') {
        chunk.state = 'inFlight';
      }
    }
    this.chunks = this.chunks.filter(({ tsn }) => offset(tsn) > 0);
    this.cumulativeTsnAck = cumulative;
    if (this.inRecovery && ((cumulative - this.exitPoint) | 0) >= 0) this.inRecovery = false;
    const below = this.inRecovery && advanced ? (gaps.at(-1)?.[1] ?? 0) : highestNew;
    let found = false;
    for (const chunk of this.chunks) {
      if (chunk.state !== 'inFlight' || chunk.fastRetransmitted || offset(chunk.tsn) >= below) continue;
      if (++chunk.misses < 3) continue;
      chunk.state = 'lost';
      chunk.fastRetransmitted = true;
      found = true;
    }
    if (!found || this.inRecovery) return false;
    this.inRecovery = true;
    this.exitPoint = (this.next - 1) >>> 0;
    return true;
  }

  get flightSize(): number {
    return SIZE * this.chunks.filter(({ state }) => state === 'inFlight').length;
  }
}

function gapsOf(tsns: ReceivedTsns): [number, number][] {
  const bytes = new Uint8Array(4096);
  const count = tsns.write(bytes, 0, bytes.length) >>> 16;
  return Array.from({ length: count }, (_, i) => [u16(bytes, 4 * i), u16(bytes, 4 * i + 2)]);
}

function create(initialTsn: number): { fast: OutstandingData; recovery: RenoLossRecovery } {
  const fast = new OutstandingData(initialTsn);
  const recovery = new RenoLossRecovery({ outstanding: fast, markLost: (tsn) => fast.markLost(tsn) });
  return { fast, recovery };
}

function acknowledge(
  { fast, recovery }: ReturnType<typeof create>,
  cumulative: number,
  gaps: readonly (readonly [number, number])[],
): boolean {
  const advanced = cumulative !== fast.cumulativeTsnAck;
  fast.acknowledge(cumulative, sackChunk(cumulative, gaps), 16, gaps.length);
  return recovery.onAcknowledgement(advanced, 0);
}

describe('chunks in flight', () => {
  const initialTsns = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0xffff_ffd0, max: 0xffff_ffff }));

  test('three numbers find what a miss counter per chunk finds', () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 20 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('resend' as const), count: fc.integer({ min: 1, max: 5 }) }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('arrive' as const),
          which: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 })), { maxLength: 4 }),
        }),
      },
    );
    fc.assert(
      fc.property(initialTsns, fc.array(step, { maxLength: 80 }), (initialTsn, steps) => {
        const slow = new SlowSender(initialTsn);
        const machine = create(initialTsn);
        const { fast, recovery } = machine;
        const receiver = new ReceivedTsns(initialTsn);
        for (const action of steps) {
          if (action.kind === 'send') {
            for (let i = 0; i < action.count; i++) {
              slow.send();
              fast.add(message, 0, 100, 0);
            }
          } else if (action.kind === 'resend') {
            for (let i = 0; i < action.count; i++) {
              const tsn = slow.resend();
              if (tsn === undefined) break;
              expect(fast.nextLost()).toBe(tsn);
              fast.resend(tsn, 0);
            }
          } else {
            const unacknowledged = slow.chunks.filter(({ state }) => state === 'inFlight');
            for (const index of action.which) {
              const chunk = unacknowledged[index];
              if (chunk !== undefined) receiver.add(chunk.tsn);
            }
            const gaps = gapsOf(receiver);
            expect(acknowledge(machine, receiver.cumulativeTsn, gaps)).toBe(slow.sack(receiver.cumulativeTsn, gaps));
          }
          expect(fast.flightSize).toBe(slow.flightSize);
          expect(fast.lostCount).toBe(slow.chunks.filter(({ state }) => state === 'lost').length);
          expect(recovery.inRecovery).toBe(slow.inRecovery);
          expect(fast.cumulativeTsnAck).toBe(slow.cumulativeTsnAck);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('any SACK leaves the accounts right, also of a peer that reneges or repeats old news', () => {
    const sacks = fc.record({
      advance: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 })),
      lengths: fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 })), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(initialTsns, fc.array(sacks, { maxLength: 40 }), (initialTsn, list) => {
        const slow = new SlowSender(initialTsn);
        const fast = new OutstandingData(initialTsn);
        for (const { advance: wanted, lengths } of list) {
          for (let i = 0; i < 8; i++) {
            slow.send();
            fast.add(message, 0, 100, 0);
          }
          const outstanding = (slow.next - 1 - slow.cumulativeTsnAck) >>> 0;
          const advance = Math.min(wanted, outstanding);
          const cumulative = (slow.cumulativeTsnAck + advance) >>> 0;
          const gaps: [number, number][] = [];
          let at = 1;
          for (const [hole, length] of lengths) {
            const end = at + hole + length - 1;
            if (end > outstanding - advance) break;
            gaps.push([at + hole, end]);
            at = end + 1;
          }
          slow.sack(cumulative, gaps);
          for (const chunk of slow.chunks) if (chunk.state === 'lost') chunk.state = 'inFlight';
          fast.acknowledge(cumulative, sackChunk(cumulative, gaps), 16, gaps.length);
          expect(fast.flightSize).toBe(slow.flightSize);
          expect(fast.cumulativeTsnAck).toBe(slow.cumulativeTsnAck);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('gap ack blocks that overlap or stand in the wrong order are skipped, and nothing is counted twice', () => {
    const machine = create(1);
    for (let i = 0; i < 20; i++) machine.fast.add(message, 0, 100, 0);
    acknowledge(machine, 0, [
      [5, 8],
      [6, 9],
      [2, 3],
      [0, 0],
      [12, 11],
      [15, 15],
    ]);
    expect(machine.fast.acknowledgedBytes).toBe(5 * SIZE);
    expect(machine.fast.flightSize).toBe(15 * SIZE);
    acknowledge(machine, 20, []);
    expect(machine.fast.flightSize).toBe(0);
    expect(machine.fast.isEmpty).toBe(true);
  });

  test('RFC 9260 §3.3.8: "MUST NOT interpret the lack of a Gap Ack Block as a renege" in a SHUTDOWN', () => {
    const machine = create(0xffff_fffe);
    for (let i = 0; i < 10; i++) machine.fast.add(message, 0, 100, 0);
    acknowledge(machine, 0xffff_fffd, [[4, 6]]);
    machine.fast.acknowledgeCumulative(0xffff_fffe);
    expect(machine.fast.flightSize).toBe(6 * SIZE);
    acknowledge(machine, 0xffff_fffe, [[3, 5]]);
    expect(machine.fast.flightSize).toBe(6 * SIZE);
    acknowledge(machine, 0xffff_fffe, []);
    expect(machine.fast.flightSize, 'but in a SACK it is one').toBe(9 * SIZE);
  });

  test('grows to 32,767 chunks and keeps them apart, and then is full: no receiver takes new SSNs for old ones', () => {
    const machine = create(0xffff_f000);
    let count = 0;
    while (!machine.fast.isFull) {
      machine.fast.add(message, count, 100, count);
      count++;
    }
    expect(count).toBe(32_766);
    for (const i of [0, 1, 4_096, 32_765]) {
      const tsn = (0xffff_f000 + i) >>> 0;
      expect([machine.fast.offsetOf(tsn), machine.fast.sentAtOf(tsn)]).toEqual([i, i]);
    }
    acknowledge(machine, (0xffff_f000 + count - 1) >>> 0, []);
    expect(machine.fast.isEmpty).toBe(true);
  });

  test('a long row of SACKs behind one hole touches each chunk once', () => {
    // Each SACK reports one block that grows by a chunk. Were blocks read chunk by chunk, this would be 2 * 10^8 steps.
    const machine = create(1);
    const { fast } = machine;
    const CHUNKS = 20_000;
    for (let i = 0; i < CHUNKS; i++) fast.add(message, 0, 100, 0);
    let touched = 0;
    const isInFlight = fast.isInFlight.bind(fast);
    fast.isInFlight = (tsn) => {
      touched++;
      return isInFlight(tsn);
    };
    for (let end = 2; end <= CHUNKS; end++) acknowledge(machine, 0, [[2, end]]);
    expect(touched).toBeLessThan(2 * CHUNKS);
    expect(fast.lostCount).toBe(1);
  });
});
