/** What `purertc/sctp` alone is good for: the page's example, and controllers of one's own. */
import { expect, test } from 'vitest';
import {
  type AcknowledgementSample,
  type CongestionControl,
  type LossRecovery,
  type LossRecoveryContext,
  RenoLossRecovery,
  SctpAssociation,
  type SctpEvent,
} from '../../src/sctp/index.ts';
import { Pair, pattern } from './support/pair.ts';
import { SeededRandom } from './support/random.ts';

test('the example of docs/sctp.md: two associations, wired together', () => {
  const events: SctpEvent[] = [];
  const inboxes: Uint8Array[][] = [[], []];
  const make = (side: number): SctpAssociation =>
    new SctpAssociation(
      { random: new SeededRandom(side), headroom: 21, tailroom: 16 },
      {
        transmit: (buffer) => void inboxes[1 - side]!.push(buffer.subarray(21, buffer.length - 16)),
        event: (event) => void (side === 1 && events.push(event)),
      },
    );
  const sides = [make(0), make(1)];
  for (const association of sides) association.connect(0);
  sides[0]!.send(7, 53, Uint8Array.of(1, 2, 3), { unordered: true, maxRetransmits: 0, priority: 512 }, 0);
  sides[0]!.flush(0);
  while (inboxes.some((inbox) => inbox.length > 0)) {
    sides.forEach((association, side) => {
      for (const packet of inboxes[side]!.splice(0)) association.handlePacket(packet, 0);
    });
  }
  expect(events).toEqual([
    { kind: 'connected' },
    { kind: 'message', streamId: 7, ppid: 53, data: Uint8Array.of(1, 2, 3), unordered: true },
  ]);
});

test("a congestion controller of one's own decides what is in flight", () => {
  class Fixed implements CongestionControl {
    readonly cwnd = 3_000;
    readonly ssthresh = Infinity;
    readonly samples: AcknowledgementSample[] = [];
    losses = 0;
    onAcknowledgement(sample: AcknowledgementSample): void {
      this.samples.push({ ...sample });
    }
    onLoss(): void {
      this.losses++;
    }
    onRetransmissionTimeout(): void {}
    onIdle(): void {}
  }
  const control = new Fixed();
  const pair = new Pair({ a: { congestionControl: () => control }, link: { delayMs: 10 } }).connect();
  let mostInFlight = 0;
  pair.a.link.drop = (_packet, index) => {
    mostInFlight = Math.max(mostInFlight, pair.a.association.stats.flightSize);
    return index === 20;
  };
  pair.send(pair.a, 0, pattern(100_000));
  pair.runUntil(() => pair.b.messages.length === 1);
  expect(mostInFlight).toBeGreaterThan(2_000);
  expect(mostInFlight).toBeLessThan(3_000 + 1_148);
  expect(control.samples.reduce((sum, { acknowledgedBytes }) => sum + acknowledgedBytes, 0)).toBeGreaterThan(100_000);
  expect(control.samples.some(({ rttMs }) => rttMs >= 20)).toBe(true);
});

test("a loss recovery of one's own has a timer, and marks what it thinks lost", () => {
  /** Sends everything again that is older than 50 ms: what RACK does, without its care. */
  class Impatient implements LossRecovery {
    readonly #reno: RenoLossRecovery;
    readonly #context: LossRecoveryContext;
    nextTimeout = Infinity;

    constructor(context: LossRecoveryContext) {
      this.#context = context;
      this.#reno = new RenoLossRecovery(context);
    }
    get inRecovery(): boolean {
      return this.#reno.inRecovery;
    }
    onPacketSent(now: number): void {
      this.nextTimeout = now + 50;
    }
    onAcknowledgement(cumulativeAdvanced: boolean, now: number): boolean {
      if (this.#context.outstanding.flightSize === 0) this.nextTimeout = Infinity;
      return this.#reno.onAcknowledgement(cumulativeAdvanced, now);
    }
    onRetransmissionTimeout(): void {
      this.#reno.onRetransmissionTimeout();
    }
    handleTimeout(now: number): boolean {
      const { outstanding } = this.#context;
      for (let tsn = (outstanding.cumulativeTsnAck + 1) >>> 0; tsn !== outstanding.nextTsn; tsn = (tsn + 1) >>> 0) {
        if (outstanding.isInFlight(tsn) && now - outstanding.sentAtOf(tsn) >= 50) this.#context.markLost(tsn, now);
      }
      this.nextTimeout = outstanding.flightSize > 0 ? now + 50 : Infinity;
      return outstanding.lostCount > 0;
    }
  }
  const pair = new Pair({ a: { lossRecovery: (context) => new Impatient(context) }, link: { delayMs: 5 } }).connect();
  // The whole message is lost: Reno would wait for T3-rtx, 300 ms.
  pair.send(pair.a, 0, pattern(5_000));
  const first = pair.a.link.count;
  pair.a.link.drop = (_packet, index) => index >= first && index < first + 5;
  const start = pair.now;
  pair.runUntil(() => pair.b.messages.length === 1);
  expect(pair.now - start).toBeLessThan(100);
  expect(pair.a.association.stats.t3Expiries).toBe(0);
});
