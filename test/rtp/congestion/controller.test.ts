import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BandwidthControl,
  CongestionController,
  type CongestionControllerOptions,
  type CongestionEvent,
} from '../../../src/rtp/congestion/index.ts';
import type { PacketKind, ProbeCluster, SentPacket } from '../../../src/rtp/congestion/types.ts';
import type { TransportFeedback } from '../../../src/rtp/rtcp/types.ts';

class Stage {
  readonly events: CongestionEvent[] = [];
  readonly probes: ProbeCluster[] = [];
  readonly pacing: number[] = [];
  readonly controller: CongestionController;

  constructor(options: CongestionControllerOptions = {}) {
    const pacer = {
      setRates: (pacingBitrate: number) => void this.pacing.push(pacingBitrate),
      addProbe: (probe: ProbeCluster) => void this.probes.push(probe),
    };
    this.controller = new CongestionController({ pacer, ...options }, { event: (event) => this.events.push(event) });
  }

  get target(): number {
    return this.controller.rates.targetBitrate;
  }

  send(now: number, tracked = true, kind: PacketKind = 'video'): number {
    const transportSequenceNumber = tracked ? this.controller.takeSequenceNumber() : null;
    const packet: SentPacket = { transportSequenceNumber, sizeBytes: 1200, kind, ssrc: 1 };
    this.controller.onPacketSent(packet, now);
    return transportSequenceNumber ?? -1;
  }
}

function received(base: number, arrivals: readonly (number | null)[], referenceTime: number): TransportFeedback {
  return {
    kind: 'transportFeedback',
    senderSsrc: 1,
    mediaSsrc: 1,
    baseSequenceNumber: base,
    packetStatusCount: arrivals.length,
    referenceTime,
    feedbackPacketCount: 0,
    received: arrivals.flatMap((arrivalTime, i) =>
      arrivalTime === null ? [] : [{ sequenceNumber: (base + i) & 0xffff, arrivalTime }],
    ),
  };
}

describe('CongestionController', () => {
  it('tells the start rate, and probes once the first packet has left', () => {
    const stage = new Stage({ startBitrate: 400_000 });
    expect(stage.controller.nextTimeout).toBe(Infinity);
    expect(stage.target).toBe(400_000);
    stage.controller.start(0);
    expect(stage.events).toHaveLength(1);
    expect(stage.events[0]!.rates).toMatchObject({
      targetBitrate: 400_000,
      pacingBitrate: 1_000_000,
      paddingBitrate: 0,
    });
    expect(stage.probes).toEqual([]);
    stage.send(10);
    expect(stage.probes.map(({ targetBitrate }) => targetBitrate)).toEqual([1_200_000, 2_400_000]);
  });

  it('keeps its first probes for pictures, where sound comes first: nothing would fill them', () => {
    const stage = new Stage({ startBitrate: 400_000 });
    stage.controller.start(0);
    for (let now = 0; now < 1000; now += 20) stage.send(now, true, 'audio');
    expect(stage.probes).toEqual([]);
    stage.send(1000);
    expect(stage.probes.map(({ targetBitrate }) => targetBitrate)).toEqual([1_200_000, 2_400_000]);
  });

  it('hands out transport-wide sequence numbers of 16 bits', () => {
    const { controller } = new Stage();
    const numbers = Array.from({ length: 0x1_0001 }, () => controller.takeSequenceNumber());
    expect(numbers.slice(0, 2)).toEqual([1, 2]);
    expect(numbers.slice(-2)).toEqual([0, 1]);
  });

  it('grows by receiver reports without loss, and shrinks by those with much', () => {
    const stage = new Stage();
    stage.controller.start(0);
    let highest = 0;
    let cumulativeLost = 0xff_fff0; // 24 bits, just before they wrap
    const report = (now: number, lost: number): void => {
      highest += 100;
      cumulativeLost = (cumulativeLost + lost) & 0xff_ffff;
      stage.controller.onReceiverReport([{ ssrc: 1, cumulativeLost, highestSequenceNumber: highest }], 50, now);
    };
    for (let second = 0; second < 6; second++) {
      for (let i = 0; i < 10; i++) stage.send(second * 1000 + i * 100, false);
      report(second * 1000, 0);
      stage.controller.handleTimeout(second * 1000 + 500);
    }
    const { target } = stage;
    expect(target).toBeGreaterThan(380_000);
    for (let second = 6; second < 10; second++) report(second * 1000, 30);
    expect(stage.target).toBeLessThan(0.65 * target);
    expect(stage.controller.rates.roundTripTimeMs).toBe(50);
    expect(stage.controller.rates.lossRate).toBeCloseTo(0.3);
  });

  it('is not confused by a receiver that counts anew, and bounds the streams it follows', () => {
    const stage = new Stage();
    stage.controller.start(0);
    const report = (ssrc: number, cumulativeLost: number, highestSequenceNumber: number, now: number): void =>
      stage.controller.onReceiverReport([{ ssrc, cumulativeLost, highestSequenceNumber }], null, now);
    report(1, 500, 0xffff_fff0, 0);
    report(1, 0, 100, 1000); // wrapped, and 500 fewer lost
    expect(stage.controller.rates.lossRate).toBe(0);
    report(1, 0x7f_ffff, 200, 2000);
    expect(stage.controller.rates.lossRate).toBeLessThanOrEqual(1);
    for (let ssrc = 0; ssrc < 1000; ssrc++) report(ssrc, 0, 0, 3000);
    expect(stage.target).toBeGreaterThan(0);
  });

  it('takes REMB as a cap', () => {
    const stage = new Stage();
    stage.controller.start(0);
    stage.controller.onRemb(150_000, 10);
    expect(stage.target).toBe(150_000);
    stage.controller.onRemb(Number.NaN, 20);
    expect(stage.target).toBe(150_000);
    stage.controller.onRemb(0, 30);
    expect(stage.target).toBeGreaterThanOrEqual(150_000);
  });

  it('obeys new limits at once', () => {
    const stage = new Stage();
    stage.controller.start(0);
    stage.controller.setConstraints({ maxBitrate: 200_000 }, 10);
    expect(stage.target).toBe(200_000);
    stage.controller.setConstraints({ minBitrate: 250_000, maxBitrate: 1_000_000 }, 20);
    expect(stage.target).toBe(250_000);
    stage.controller.setConstraints({ startBitrate: 600_000 }, 30);
    expect(stage.target).toBe(600_000);
  });

  it('begins anew on another route', () => {
    const stage = new Stage();
    const first = stage.send(0);
    for (let i = 0; i < 20; i++) stage.send(10 + i);
    stage.controller.onRouteChange(100, 500_000);
    expect(stage.target).toBe(500_000);
    expect(stage.controller.outstandingBytes).toBe(0);
    expect(stage.probes.map(({ targetBitrate }) => targetBitrate).slice(2)).toEqual([1_500_000, 3_000_000]);
    const { events } = stage;
    const { length } = events;
    stage.controller.onTransportFeedback(received(first, Array(21).fill(0), 0), 200); // of the old route
    expect(events).toHaveLength(length);
  });

  it('lets another algorithm decide (BandwidthControl)', () => {
    const calls: string[] = [];
    const rates = {
      targetBitrate: 1,
      stableBitrate: 1,
      pacingBitrate: 2,
      paddingBitrate: 0,
      lossRate: 0,
      roundTripTimeMs: 0,
    };
    const note = (name: string) => (): void => void calls.push(name);
    const control: BandwidthControl = {
      onPacketSent: note('sent'),
      onFeedback: note('feedback'),
      onLossReport: note('loss'),
      onRemoteEstimate: note('remb'),
      onRoundTripTime: note('rtt'),
      onRouteChange: note('route'),
      setConstraints: note('constraints'),
      setWantedBitrate: note('wanted'),
      handleTimeout: note('timeout'),
      nextTimeout: 77,
      rates,
      takeProbes: () => [],
    };
    const stage = new Stage({ control });
    const number = stage.send(0);
    stage.controller.onTransportFeedback(received(number, [0], 0), 10);
    stage.controller.onRemb(1, 20);
    stage.controller.onReceiverReport([{ ssrc: 1, cumulativeLost: 0, highestSequenceNumber: 0 }], 5, 30);
    stage.controller.onReceiverReport([{ ssrc: 1, cumulativeLost: 1, highestSequenceNumber: 9 }], null, 40);
    stage.controller.setWantedBitrate(5, 50);
    stage.controller.handleTimeout(77);
    stage.controller.onRouteChange(80);
    const expected = ['constraints', 'sent', 'feedback', 'remb', 'rtt', 'loss', 'wanted', 'timeout', 'route'];
    expect(calls).toEqual(expected);
    expect(stage.controller.nextTimeout).toBe(77);
    expect(stage.events).toEqual([{ kind: 'targetBitrate', rates }]);
  });

  it('may be called from its own events', () => {
    let depth = 0;
    const controller: CongestionController = new CongestionController(
      {},
      { event: ({ rates }) => depth++ < 3 && controller.setConstraints({ maxBitrate: rates.targetBitrate - 1000 }, 0) },
    );
    controller.start(0);
    expect(controller.rates.targetBitrate).toBe(297_000);
  });

  it('refuses limits that make no sense', () => {
    expect(() => new Stage({ minBitrate: 2, maxBitrate: 1 })).toThrow(RangeError);
    expect(() => new Stage({ startBitrate: 0 })).toThrow(/startBitrate/);
    expect(() => new Stage().controller.setConstraints({ minBitrate: Number.NaN }, 0)).toThrow(RangeError);
  });

  it('has nothing to do after a while of silence', () => {
    const stage = new Stage();
    stage.send(0);
    let now = 0;
    for (let i = 0; i < 200 && stage.controller.nextTimeout < Infinity; i++) {
      now = stage.controller.nextTimeout;
      stage.controller.handleTimeout(now);
      expect(stage.controller.nextTimeout).toBeGreaterThan(now);
    }
    expect(stage.controller.nextTimeout).toBe(Infinity);
    expect(now).toBeLessThan(10_000);
    stage.send(100_000);
    expect(stage.controller.nextTimeout).toBeGreaterThan(100_000);
    expect(stage.controller.nextTimeout).toBeLessThan(Infinity);
  });

  it('keeps its rates finite and within their limits, whatever the other side says', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          send: fc.integer({ min: 1, max: 40 }),
          gapMs: fc.double({ min: 0, max: 30, noNaN: true }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          back: fc.nat(80),
          referenceTime: fc.oneof(fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }), fc.integer({ min: 0, max: 50 })),
          arrivals: fc.array(fc.option(fc.integer({ min: -0x8000, max: 0x7fff }), { freq: 5 }), {
            minLength: 1,
            maxLength: 80,
          }),
        }),
      },
      fc.record({ remb: fc.oneof(fc.nat(5_000_000), fc.double()) }),
      fc.record({ lost: fc.integer(), highest: fc.nat(0xffff_ffff), rtt: fc.option(fc.double()) }),
      fc.record({ waitMs: fc.double({ min: 0, max: 3000, noNaN: true }) }),
      fc.record({ route: fc.boolean() }),
      fc.record({ wanted: fc.nat(3_000_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const stage = new Stage({ minBitrate: 30_000, maxBitrate: 2_000_000 });
        const { controller } = stage;
        let now = 0;
        let last = 0;
        for (const step of steps) {
          if ('send' in step) {
            for (let i = 0; i < step.send; i++) {
              now += step.gapMs;
              last = stage.send(now);
            }
          } else if ('back' in step) {
            now += 20;
            controller.onTransportFeedback(
              received((last - step.back) & 0xffff, step.arrivals, step.referenceTime),
              now,
            );
          } else if ('remb' in step) controller.onRemb(step.remb, now);
          else if ('lost' in step) {
            const report = { ssrc: 1, cumulativeLost: step.lost, highestSequenceNumber: step.highest };
            controller.onReceiverReport([report], step.rtt, now);
          } else if ('route' in step) controller.onRouteChange(now);
          else if ('wanted' in step) controller.setWantedBitrate(step.wanted, now);
          else {
            now += step.waitMs;
            if (controller.nextTimeout <= now) {
              controller.handleTimeout(now);
              expect(controller.nextTimeout).toBeGreaterThan(now);
            }
          }
          const { rates } = controller;
          for (const rate of Object.values(rates)) expect(Number.isFinite(rate) && rate >= 0).toBe(true);
          expect(rates.targetBitrate).toBeGreaterThanOrEqual(30_000);
          expect(rates.targetBitrate).toBeLessThanOrEqual(2_000_000);
          expect(rates.stableBitrate).toBeLessThanOrEqual(rates.targetBitrate);
          expect(rates.paddingBitrate).toBeLessThanOrEqual(rates.targetBitrate);
          expect(rates.lossRate).toBeLessThanOrEqual(1);
        }
        for (const { targetBitrate } of stage.probes) expect(targetBitrate).toBeLessThanOrEqual(2_000_000);
      }),
      { numRuns: 300 },
    );
  });
});
