import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RemoteBitrateEstimator } from '../../../src/rtp/congestion/index.ts';

/** abs-send-time of a moment: 6.18 fixed point seconds. */
function absSendTime(ms: number): number {
  return Math.round(((ms % 64_000) * 2 ** 18) / 1000) & 0xff_ffff;
}

/** Sends at `bitrate` over a path that carries `capacity`; gives the time when it ends. */
function feed(
  estimator: RemoteBitrateEstimator,
  { bitrate, capacity, seconds, fromMs }: { bitrate: number; capacity: number; seconds: number; fromMs: number },
): number {
  let freeAtMs = fromMs;
  let sentAtMs = fromMs;
  for (; sentAtMs < fromMs + seconds * 1000; sentAtMs += 8_000_000 / bitrate) {
    freeAtMs = Math.max(freeAtMs, sentAtMs) + 8_000_000 / capacity;
    estimator.onPacket(1, absSendTime(sentAtMs), 1000, freeAtMs + 20);
  }
  return Math.max(freeAtMs, sentAtMs);
}

describe('RemoteBitrateEstimator', () => {
  it('knows nothing at first, and then says regularly what it thinks', () => {
    const estimator = new RemoteBitrateEstimator();
    expect(estimator.nextTimeout).toBe(Infinity);
    expect(estimator.takeEstimate(0)).toBeNull();
    const now = feed(estimator, { bitrate: 500_000, capacity: 5_000_000, seconds: 10, fromMs: 1000 });
    const estimate = estimator.takeEstimate(now)!;
    expect(estimate.ssrcs).toEqual([1]);
    expect(estimate.bitrate).toBeGreaterThan(500_000);
    expect(estimate.bitrate).toBeLessThan(800_000);
    expect(estimator.takeEstimate(now)).toBeNull();
    expect(estimator.nextTimeout).toBeGreaterThan(now + 199);
    expect(estimator.nextTimeout).toBeLessThan(now + 1001);
  });

  it('sees a queue that grows, also over the wrap of abs-send-time, and says so at once', () => {
    const estimator = new RemoteBitrateEstimator();
    const now = feed(estimator, { bitrate: 900_000, capacity: 5_000_000, seconds: 10, fromMs: 52_000 });
    expect(estimator.takeEstimate(now)!.bitrate).toBeGreaterThan(900_000);
    const later = feed(estimator, { bitrate: 900_000, capacity: 500_000, seconds: 3, fromMs: now });
    expect(estimator.nextTimeout).toBeLessThan(later);
    const { bitrate } = estimator.takeEstimate(later)!;
    expect(bitrate).toBeGreaterThan(300_000);
    expect(bitrate).toBeLessThan(500_000);
  });

  it('says nothing of streams that have ended', () => {
    const estimator = new RemoteBitrateEstimator();
    const now = feed(estimator, { bitrate: 500_000, capacity: 5_000_000, seconds: 10, fromMs: 0 });
    expect(estimator.takeEstimate(now + 3000)).toBeNull();
    expect(estimator.nextTimeout).toBe(Infinity);
  });

  it('limits streams and stays within its limits, whatever arrives', () => {
    const packet = fc.record({
      ssrc: fc.nat(200),
      time: fc.nat(0xff_ffff),
      sizeBytes: fc.nat(1500),
      gapMs: fc.double({ min: 0, max: 4000, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 300 }), (packets) => {
        const estimator = new RemoteBitrateEstimator({ minBitrate: 50_000, maxBitrate: 1_000_000 });
        let now = 0;
        for (const { ssrc, time, sizeBytes, gapMs } of packets) {
          now += gapMs;
          estimator.onPacket(ssrc, time, sizeBytes, now);
          const estimate = estimator.takeEstimate(now);
          if (estimate === null) continue;
          expect(estimator.nextTimeout).toBeGreaterThan(now);
          expect(estimate.bitrate).toBeGreaterThanOrEqual(50_000);
          expect(estimate.bitrate).toBeLessThanOrEqual(1_000_000);
          expect(estimate.ssrcs.length).toBeLessThanOrEqual(64);
        }
      }),
      { numRuns: 50 },
    );
  });
});
