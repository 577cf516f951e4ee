import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlrDetector } from '../../../src/rtp/congestion/alr-detector.ts';
import { BandwidthEstimate } from '../../../src/rtp/congestion/bandwidth-estimate.ts';
import { InterArrival } from '../../../src/rtp/congestion/inter-arrival.ts';
import { LinkCapacity } from '../../../src/rtp/congestion/link-capacity.ts';
import { LossBasedEstimator } from '../../../src/rtp/congestion/loss-based-estimator.ts';
import { ProbeController } from '../../../src/rtp/congestion/probe-controller.ts';
import { ProbeEstimator } from '../../../src/rtp/congestion/probe-estimator.ts';
import { RateControl } from '../../../src/rtp/congestion/rate-control.ts';
import { StableBitrate } from '../../../src/rtp/congestion/stable-bitrate.ts';
import { ThroughputEstimator } from '../../../src/rtp/congestion/throughput.ts';
import { TrendlineEstimator } from '../../../src/rtp/congestion/trendline.ts';
import type { PacketResult, ProbeCluster, ReceivedResult } from '../../../src/rtp/congestion/types.ts';

function arrived(
  sequenceNumber: number,
  sentAtMs: number,
  receivedAtMs: number,
  more: Partial<PacketResult> = {},
): ReceivedResult {
  return { ...result(sequenceNumber, sentAtMs, receivedAtMs, more), receivedAtMs };
}

function result(
  sequenceNumber: number,
  sentAtMs: number,
  receivedAtMs: number | null,
  more: Partial<PacketResult> = {},
): PacketResult {
  return {
    sequenceNumber,
    sentAtMs,
    receivedAtMs,
    sizeBytes: 1250,
    untrackedBytes: 0,
    kind: 'video',
    ssrc: 1,
    probe: null,
    wasReportedLost: false,
    ecn: 0,
    ...more,
  };
}

describe('InterArrival', () => {
  it('compares groups of packets that were sent within 5 ms', () => {
    const groups = new InterArrival();
    expect(groups.add(0, 100, 100)).toBeNull();
    expect(groups.add(3, 104, 104)).toBeNull();
    expect(groups.add(20, 121, 121)).toBeNull(); // the first group is complete, and nothing to compare it with
    expect(groups.add(40, 150, 150)).toEqual({ sendDeltaMs: 17, arrivalDeltaMs: 17 });
    expect(groups.add(60, 170, 170)).toEqual({ sendDeltaMs: 20, arrivalDeltaMs: 29 });
  });

  it('counts packets that were held up and let go together as one group', () => {
    const groups = new InterArrival();
    for (const sentAtMs of [0, 20, 40, 60]) expect(groups.add(sentAtMs, 200 + sentAtMs / 20, 204)).toBeNull();
  });

  it('begins anew when the receiver sets its clock, forwards or backwards', () => {
    for (const jumpMs of [10_000, -10_000]) {
      const groups = new InterArrival();
      for (let i = 0; i < 5; i++) groups.add(20 * i, 20 * i, 20 * i);
      let deltas = 0;
      for (let i = 5; i < 20; i++) {
        const delta = groups.add(20 * i, 20 * i + jumpMs, 20 * i);
        if (delta === null) continue;
        expect(delta).toEqual({ sendDeltaMs: 20, arrivalDeltaMs: 20 });
        deltas++;
      }
      expect(deltas).toBeGreaterThan(8);
    }
  });
});

describe('TrendlineEstimator', () => {
  const feed = (trendline: TrendlineEstimator, count: number, fromMs: number, growthMs: number): number => {
    for (let i = 0; i < count; i++)
      trendline.update({ sendDeltaMs: 20, arrivalDeltaMs: 20 + growthMs }, fromMs + 20 * i);
    return fromMs + 20 * count;
  };

  it('sees a queue that grows, and one that shrinks', () => {
    const trendline = new TrendlineEstimator();
    let now = feed(trendline, 60, 0, 0);
    expect(trendline.usage).toBe('normal');
    now = feed(trendline, 20, now, 3);
    expect(trendline.usage).toBe('overusing');
    feed(trendline, 40, now, -3);
    expect(trendline.usage).toBe('underusing');
  });

  it('grows used to a slow drift, such as that of clocks', () => {
    const trendline = new TrendlineEstimator();
    feed(trendline, 500, 0, 0.02); // a thousandth
    expect(trendline.usage).toBe('normal');
  });
});

describe('LinkCapacity', () => {
  it('knows nothing at first, and then a range around what got through', () => {
    const capacity = new LinkCapacity();
    expect([capacity.estimate, capacity.lowerBound, capacity.upperBound]).toEqual([null, 0, Infinity]);
    for (let i = 0; i < 10; i++) capacity.onOveruse(1_000_000);
    expect(capacity.estimate).toBe(1_000_000);
    expect(capacity.lowerBound).toBeGreaterThan(900_000);
    expect(capacity.upperBound).toBeLessThan(1_100_000);
  });
});

describe('RateControl', () => {
  it('grows by 8 % a second while the capacity is not known', () => {
    const control = new RateControl();
    control.setStartBitrate(1_000_000);
    for (let now = 0; now <= 1000; now += 50) control.update('normal', 1_000_000, now);
    expect(control.bitrate).toBeGreaterThan(1_070_000);
    expect(control.bitrate).toBeLessThan(1_090_000);
  });

  it('never grows beyond 1.5 times what gets through', () => {
    const control = new RateControl();
    control.setStartBitrate(1_000_000);
    for (let now = 0; now <= 60_000; now += 50) control.update('normal', 1_000_000, now);
    expect(control.bitrate).toBeCloseTo(1_510_000);
  });

  it('falls to 85 % of what gets through, waits, and then grows by about a packet per response time', () => {
    const control = new RateControl();
    control.setStartBitrate(1_000_000);
    control.setRoundTripTime(100);
    control.update('normal', 1_000_000, 0);
    control.update('overusing', 1_000_000, 50);
    expect(control.bitrate).toBe(845_000);
    control.update('underusing', 1_000_000, 100);
    expect(control.bitrate).toBe(845_000);
    for (let now = 150; now <= 1150; now += 50) control.update('normal', 900_000, now);
    expect(control.bitrate).toBeGreaterThan(855_000);
    expect(control.bitrate).toBeLessThan(880_000);
  });

  it('reduces again only after a round trip, unless far too much is sent', () => {
    const control = new RateControl();
    control.setStartBitrate(1_000_000);
    control.setRoundTripTime(100);
    control.update('overusing', 1_000_000, 1000);
    expect(control.isTimeToReduce(800_000, 1050)).toBe(false);
    expect(control.isTimeToReduce(400_000, 1050)).toBe(true);
    expect(control.isTimeToReduce(800_000, 1100)).toBe(true);
  });
});

describe('ThroughputEstimator', () => {
  it('measures what arrives, but not a pause of the path, and never more than was sent', () => {
    const steady = new ThroughputEstimator();
    for (let i = 0; i < 200; i++) steady.add([arrived(i, 10 * i, 10 * i + 50)]);
    expect(steady.bitrate).toBeCloseTo(1_000_000, -4);
    const paused = new ThroughputEstimator();
    for (let i = 0; i < 200; i++)
      paused.add([arrived(i, 10 * i, i < 150 ? 10 * i + 50 : Math.max(10 * i + 50, 2000 + i))]);
    expect(paused.bitrate).toBeGreaterThan(850_000);
    expect(paused.bitrate).toBeLessThanOrEqual(1_010_000);
  });

  it('knows nothing before ten packets', () => {
    const throughput = new ThroughputEstimator();
    throughput.add(Array.from({ length: 9 }, (_, i) => arrived(i, i, i)));
    expect(throughput.bitrate).toBeNull();
  });

  it('stays finite and positive whatever the times', () => {
    const time = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(time, time), { maxLength: 700 }), (times) => {
        const throughput = new ThroughputEstimator();
        for (const [i, [sentAtMs, receivedAtMs]] of times.entries())
          throughput.add([arrived(i, sentAtMs, receivedAtMs)]);
        const { bitrate } = throughput;
        expect(bitrate === null || (Number.isFinite(bitrate) && bitrate >= 0)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('AlrDetector', () => {
  const send = (alr: AlrDetector, bitrate: number, fromMs: number, toMs: number): void => {
    for (let now = fromMs; now < toMs; now += 10) alr.onPacketSent((bitrate * 10) / 8000, now);
  };

  it('sees that much less is sent than could be, and that no longer', () => {
    const alr = new AlrDetector();
    alr.setEstimate(1_000_000);
    send(alr, 900_000, 0, 2000);
    expect(alr.startedAtMs).toBeNull();
    send(alr, 100_000, 2000, 4000);
    expect(alr.startedAtMs).toBeGreaterThan(2000);
    send(alr, 1_000_000, 4000, 6000);
    expect(alr.startedAtMs).toBeNull();
  });
});

describe('ProbeEstimator', () => {
  const probe: ProbeCluster = {
    id: 1,
    targetBitrate: 1_000_000,
    minPackets: 5,
    minBytes: 5000,
    intervalMs: 2,
    requestedAtMs: 0,
  };
  const measure = (packets: number, sendGapMs: number, receiveGapMs: number): number | null => {
    const estimator = new ProbeEstimator();
    for (let i = 0; i < packets; i++) estimator.add(arrived(i, i * sendGapMs, 100 + i * receiveGapMs, { probe }));
    return estimator.takeResult();
  };

  it('measures the rate of a probe that arrives as it was sent', () => {
    expect(measure(5, 10, 10)).toBeCloseTo(1_000_000);
  });

  it('stays 5 % below the capacity when a probe arrives slower than it was sent', () => {
    expect(measure(5, 10, 20)).toBeCloseTo(475_000);
  });

  it('does not believe a probe that arrives much faster than it was sent, or hardly at all', () => {
    expect(measure(5, 10, 4)).toBeNull();
    expect(measure(3, 10, 10)).toBeNull();
    expect(measure(5, 0, 10)).toBeNull();
    expect(measure(5, 10, 0)).toBeNull();
    expect(measure(5, 10, 400)).toBeNull();
  });

  it('takes four fifths of a probe for enough', () => {
    expect(measure(4, 10, 10)).toBeCloseTo(1_000_000);
  });
});

describe('ProbeController', () => {
  const rates = (probes: ProbeController): number[] => probes.take().map(({ targetBitrate }) => targetBitrate);
  const started = (maxBitrate = 10_000_000): ProbeController => {
    const probes = new ProbeController({});
    probes.setBitrates(300_000, 30_000, maxBitrate, 0);
    expect(rates(probes)).toEqual([]);
    probes.onFirstPacketSent(0);
    return probes;
  };

  it('begins with three and six times the start rate, once media flows', () => {
    expect(rates(started())).toEqual([900_000, 1_800_000]);
    expect(rates(started(1_000_000))).toEqual([900_000, 1_000_000]);
  });

  it('goes on in steps of two as long as the path carries them', () => {
    const probes = started();
    probes.take();
    probes.setEstimate(900_000, 'delay', 100);
    expect(rates(probes)).toEqual([]);
    probes.setEstimate(1_700_000, 'delay', 150);
    expect(rates(probes)).toEqual([3_400_000]);
    probes.setEstimate(1_800_000, 'delay', 200);
    expect(rates(probes)).toEqual([]);
    expect(probes.nextTimeout).toBe(1150);
    probes.handleTimeout(1150);
    expect(probes.nextTimeout).toBe(Infinity);
  });

  it('probes every 5 s in an application-limited region, to twice the estimate', () => {
    const probes = started();
    probes.take();
    probes.setEstimate(1_000_000, 'delay', 100);
    probes.setAlr(1000, 1000);
    probes.handleTimeout(1000);
    expect(probes.nextTimeout).toBe(6000);
    probes.handleTimeout(6000);
    expect(rates(probes)).toEqual([2_000_000]);
    expect(probes.nextTimeout).toBe(7000);
  });

  it('does not probe a path that has more than it carries', () => {
    const probes = started();
    probes.take();
    probes.handleTimeout(1000);
    probes.setAlr(1000, 1000);
    for (const limitedBy of ['loss', 'delayIncreased', 'roundTripTime'] as const) {
      probes.setEstimate(1_000_000, limitedBy, 2000);
      probes.handleTimeout(20_000);
      expect(rates(probes)).toEqual([]);
    }
    expect(probes.nextTimeout).toBeGreaterThan(20_000);
  });

  it('probes back to where it was after a large drop in an application-limited region', () => {
    const probes = started();
    probes.take();
    probes.handleTimeout(1000);
    probes.setAlr(1000, 1000);
    probes.setEstimate(2_000_000, 'delay', 2000);
    probes.setEstimate(500_000, 'delay', 2100);
    probes.onRecovered(3000);
    expect(rates(probes)).toEqual([1_700_000]);
    probes.onRecovered(3100);
    expect(rates(probes)).toEqual([]);
  });

  it('probes when more is allowed, and when more is wanted', () => {
    const probes = started(1_000_000);
    probes.take();
    probes.setEstimate(1_000_000, 'delay', 100);
    probes.handleTimeout(1000);
    probes.setBitrates(null, 30_000, 4_000_000, 2000);
    expect(rates(probes)).toEqual([4_000_000]);
    probes.setAlr(2000, 2000);
    probes.setWantedBitrate(1_500_000, 3000);
    expect(rates(probes)).toEqual([1_500_000, 2_000_000]);
  });

  it('does not go far beyond what the application wants', () => {
    const probes = new ProbeController({});
    probes.setWantedBitrate(400_000, 0);
    probes.setBitrates(300_000, 30_000, 10_000_000, 0);
    probes.onFirstPacketSent(0);
    expect(rates(probes)).toEqual([800_000, 800_000]);
  });
});

describe('LossBasedEstimator', () => {
  /** Feeds seconds at a rate: `loss` says whether the i-th packet is lost. */
  const feed = (
    estimator: LossBasedEstimator,
    bitrate: number,
    seconds: number,
    fromMs: number,
    loss: (i: number) => boolean,
  ): number => {
    const gapMs = (1250 * 8000) / bitrate;
    let results: PacketResult[] = [];
    let now = fromMs;
    for (let i = 0; now < fromMs + seconds * 1000; i++, now += gapMs) {
      results.push(result(Math.round(now * 1000), now, loss(i) ? null : now + 50));
      if (results.length < 10) continue;
      estimator.setThroughput(bitrate * (1 - results.filter(({ receivedAtMs }) => receivedAtMs === null).length / 10));
      estimator.update(results, 2_000_000, false);
      results = [];
    }
    return now;
  };
  const started = (): LossBasedEstimator => {
    const estimator = new LossBasedEstimator();
    estimator.setLimits(5000, 10_000_000);
    return estimator;
  };

  it('leaves the rate to the delay-based estimator while nothing is lost', () => {
    const estimator = started();
    expect(estimator.isReady).toBe(false);
    feed(estimator, 1_000_000, 3, 0, () => false);
    expect(estimator.isReady).toBe(true);
    expect(estimator.state).toBe('delayBased');
    expect(estimator.bitrate).toBe(2_000_000);
  });

  it('gives way to heavy loss, and returns when it is over', () => {
    const estimator = started();
    let now = feed(estimator, 1_000_000, 3, 0, () => false);
    now = feed(estimator, 1_000_000, 5, now, (i) => i % 3 === 0);
    expect(estimator.state).not.toBe('delayBased');
    expect(estimator.bitrate).toBeLessThan(1_000_000);
    expect(estimator.lossRate).toBeGreaterThan(0.25);
    feed(estimator, 1_000_000, 20, now, () => false);
    expect(estimator.bitrate).toBeGreaterThan(1_400_000); // 1.5 times what gets through
  });

  it('bears 2 % of loss that does not depend on the rate', () => {
    const estimator = started();
    feed(estimator, 1_000_000, 20, 0, (i) => i % 50 === 7);
    expect(estimator.bitrate).toBeGreaterThan(900_000);
  });
});

describe('BandwidthEstimate by receiver reports', () => {
  const started = (): BandwidthEstimate => {
    const estimate = new BandwidthEstimate();
    estimate.setLimits(30_000, 2_000_000);
    estimate.setBitrate(500_000);
    return estimate;
  };
  const report = (estimate: BandwidthEstimate, lost: number, seconds: number): void => {
    for (let i = 1; i <= seconds; i++) {
      estimate.onLossReport(lost, 100, 1000 * i);
      for (let k = 1; k < 10; k++) estimate.update(1000 * i + 100 * k);
    }
  };

  it('grows by about 8 % a second below 2 % loss', () => {
    const estimate = started();
    report(estimate, 1, 10);
    expect(estimate.bitrate).toBeGreaterThan(1_000_000);
    expect(estimate.bitrate).toBeLessThan(1_200_000);
  });

  it('stays between 2 % and 10 %, and shrinks by half the loss above', () => {
    const steady = started();
    report(steady, 5, 10);
    expect(steady.bitrate).toBe(500_000);
    const falling = started();
    report(falling, 20, 1);
    expect(falling.bitrate).toBe(450_000);
  });

  it('is capped by what the receiver says (REMB), until it says nothing (0)', () => {
    const estimate = started();
    report(estimate, 0, 5);
    estimate.setRemoteLimit(200_000);
    expect(estimate.bitrate).toBe(200_000);
    estimate.setRemoteLimit(0);
    expect(estimate.bitrate).toBeGreaterThan(500_000);
  });

  it('backs off every second while feedback that is expected does not come', () => {
    const estimate = started();
    for (let now = 0; now <= 10_000; now += 100) {
      estimate.onPacketSent(now);
      estimate.update(now);
    }
    expect(estimate.bitrate).toBeLessThan(150_000);
    expect(estimate.bitrate).toBeGreaterThanOrEqual(30_000);
  });
});

describe('StableBitrate', () => {
  it('follows down at once, and up within some ten seconds', () => {
    const stable = new StableBitrate();
    stable.start(1_000_000, 0);
    stable.update(500_000, 500_000, 100);
    expect(stable.bitrate).toBe(500_000);
    for (let now = 200; now <= 10_100; now += 100) stable.update(1_000_000, 1_000_000, now);
    expect(stable.bitrate).toBeGreaterThan(780_000);
    expect(stable.bitrate).toBeLessThan(850_000);
  });
});
