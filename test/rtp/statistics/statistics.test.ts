import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ntpFromUnixMs, ntpMiddle32 } from '../../../src/rtp/rtcp/ntp.ts';
import { ReceiverStatistics } from '../../../src/rtp/statistics/receiver-statistics.ts';
import { MAX_REFERENCE_TIMES, ReferenceTimes, RoundTripEstimator } from '../../../src/rtp/statistics/round-trip.ts';
import { SenderClock } from '../../../src/rtp/statistics/sender-clock.ts';
import { SenderStatistics } from '../../../src/rtp/statistics/sender-statistics.ts';

describe('ReceiverStatistics', () => {
  const receive = (statistics: ReceiverStatistics, ...numbers: number[]) => {
    for (const n of numbers) statistics.receive(n, 0, 0);
  };

  test('RFC 3550 A.3: fraction and count of packets lost', () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    expect(statistics.report(0)).toBeNull();
    receive(statistics, 0, 1, 2, 4, 5, 6, 8, 9); // two of ten
    expect(statistics.report(0)).toMatchObject({
      ssrc: 7,
      fractionLost: 51,
      cumulativeLost: 2,
      highestSequenceNumber: 9,
    });
    receive(statistics, 10, 11, 12, 13);
    expect(statistics.report(0)).toMatchObject({ fractionLost: 0, cumulativeLost: 2 });
    receive(statistics, 3, 7, 13); // late ones and a duplicate
    expect(statistics.report(0)).toMatchObject({ fractionLost: 0, cumulativeLost: -1 });
    receive(statistics, 99);
    expect(statistics.report(0)?.fractionLost).toBe(Math.floor((85 * 256) / 86));
  });

  test('the highest sequence number is extended across the wrap', () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    receive(statistics, 65534, 65535, 0, 65533, 1);
    expect(statistics.report(0)).toMatchObject({ highestSequenceNumber: 65537, cumulativeLost: -1 });
  });

  test('A.1: one packet far off is a stray, two in a row are a source that begins anew, its loss is kept', () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    receive(statistics, 0, 2);
    expect(statistics.receive(30_000, 0, 0)).toBe(false);
    receive(statistics, 3);
    expect(statistics.receive(40_000, 0, 0)).toBe(false);
    expect(statistics.receive(40_001, 0, 0)).toBe(true);
    receive(statistics, 40_003);
    expect(statistics.packetsLost).toBe(2);
    expect(statistics.packetsReceived).toBe(5);
  });

  test('cumulative loss is clamped to 24 bits', () => {
    const statistics = new ReceiverStatistics(7, 90_000);
    for (let n = 0; n < 0xa0_0000; n += 3000) statistics.receive(n & 0xffff, 0, 0);
    expect(statistics.report(0)?.cumulativeLost).toBe(0x7f_ffff);
  });

  test('A.8: jitter, in units of the timestamp', () => {
    const statistics = new ReceiverStatistics(7, 8000);
    for (let n = 0; n < 200; n++) statistics.receive(n, 160 * n, 20 * n + (n % 2) * 4); // 4 ms back and forth
    expect(statistics.jitter).toBeCloseTo(32, 2);
    expect(statistics.jitterMs).toBeCloseTo(4, 3);
    expect(statistics.report(0)?.jitter).toBe(31);
    const steady = new ReceiverStatistics(7, 8000);
    for (let n = 0; n < 200; n++) steady.receive(n, (0xffff_ff00 + 160 * n) >>> 0, 1e9 + 20 * n); // wraps
    expect(steady.jitter).toBe(0);
    steady.receive(200, 12345678, 1e9 + 20 * 200); // another clock
    expect(steady.jitter).toBe(0);
  });

  test('§6.4.1: LSR and DLSR are of the last sender report, 0 before', () => {
    const statistics = new ReceiverStatistics(7, 8000);
    receive(statistics, 1);
    expect(statistics.report(500)).toMatchObject({ lastSenderReport: 0, delaySinceLastSenderReport: 0 });
    statistics.receiveSenderReport(0x1111_2222_3333_4444n, 1000);
    expect(statistics.report(1500)).toMatchObject({
      lastSenderReport: 0x2222_3333,
      delaySinceLastSenderReport: 0x8000,
    });
  });

  test('any arrivals: fractions of 0 to 255, and the counts add up', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -80, max: 200 }), fc.boolean())), (steps) => {
        const statistics = new ReceiverStatistics(7, 8000);
        let at = 65_000;
        let taken = 0;
        for (const [step, doesReport] of steps) {
          at += step;
          if (statistics.receive(at & 0xffff, 0, 0)) taken++;
          if (!doesReport) continue;
          const report = statistics.report(0)!;
          expect(report.fractionLost).toBeGreaterThanOrEqual(0);
          expect(report.fractionLost).toBeLessThanOrEqual(255);
        }
        expect(statistics.packetsReceived).toBe(taken);
      }),
    );
  });
});

describe('SenderStatistics', () => {
  test('§6.4.1: the report is about now, on both clocks', () => {
    const statistics = new SenderStatistics(7, 90_000);
    expect(statistics.hasSent).toBe(false);
    statistics.noteSent(1000, 0xffff_ffff, 100);
    statistics.noteSent(500, 0xffff_ffff, 100);
    expect(statistics.report(5n, 200)).toEqual({
      kind: 'senderReport',
      ssrc: 7,
      ntpTimestamp: 5n,
      rtpTimestamp: 8999,
      packetCount: 2,
      octetCount: 1500,
      reports: [],
    });
    expect([statistics.hasSent, statistics.packetCount, statistics.octetCount]).toEqual([true, 2, 1500]);
  });
});

describe('SenderClock', () => {
  test('two streams of other clocks meet on the clock of their sender', () => {
    const [sound, picture] = [new SenderClock(48_000), new SenderClock(90_000)];
    expect(sound.captureTimeMs(0)).toBeNull();
    sound.receiveSenderReport(ntpFromUnixMs(1_700_000_000_000), 0xffff_ff00);
    picture.receiveSenderReport(ntpFromUnixMs(1_700_000_000_500), 1000);
    expect(sound.captureTimeMs((0xffff_ff00 + 48_000) >>> 0)).toBeCloseTo(1_700_000_001_000, 3);
    expect(picture.captureTimeMs(1000 + 45_000)).toBeCloseTo(1_700_000_001_000, 3);
    expect(picture.captureTimeMs(1000 - 45_000)).toBeCloseTo(1_700_000_000_000, 3);
  });
});

describe('round trips', () => {
  const block = (lastSenderReport: number, delaySinceLastSenderReport: number) => ({
    ssrc: 1,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequenceNumber: 0,
    jitter: 0,
    lastSenderReport,
    delaySinceLastSenderReport,
  });

  test('RFC 3550 §6.4.1: now less LSR less DLSR', () => {
    const estimator = new RoundTripEstimator();
    const sentAt = ntpFromUnixMs(1_700_000_000_000);
    expect(
      estimator.receiveReportBlock(block(ntpMiddle32(sentAt), 65536), ntpFromUnixMs(1_700_000_001_080)),
    ).toBeCloseTo(80, 1);
    expect(
      estimator.receiveReportBlock(block(ntpMiddle32(sentAt), 65536), ntpFromUnixMs(1_700_000_001_160)),
    ).toBeCloseTo(160, 1);
    expect(estimator.latestMs).toBeCloseTo(160, 1);
    expect(estimator.smoothedMs).toBeCloseTo(90, 1);
    expect([Math.round(estimator.totalMs), estimator.measurements]).toEqual([240, 2]);
  });

  test('no sender report yet, and clocks that cannot be, measure nothing', () => {
    const estimator = new RoundTripEstimator();
    const now = ntpFromUnixMs(1_700_000_000_000);
    expect(estimator.receiveReportBlock(block(0, 0), now)).toBeNull();
    expect(estimator.receiveReportBlock(block(ntpMiddle32(now), 65536), now)).toBeNull();
    expect(estimator.receiveReportBlock(block((ntpMiddle32(now) - 70 * 65536) >>> 0, 0), now)).toBeNull();
    expect(estimator.receiveReportBlock(block(ntpMiddle32(now), 2), now)).toBe(0.1);
    expect(estimator.measurements).toBe(1);
  });

  test('RFC 3611 §4.5: a receiver measures it from what its reference time comes back as', () => {
    const peer = new ReferenceTimes();
    const estimator = new RoundTripEstimator();
    const sentAt = ntpFromUnixMs(1_700_000_000_000);
    peer.receive(7, sentAt, 5000);
    const [dlrr] = peer.takeDlrr(5250);
    expect(estimator.receiveDlrr(dlrr!, ntpFromUnixMs(1_700_000_000_300))).toBeCloseTo(50, 1);
    expect(peer.takeDlrr(5250)).toEqual([]);
  });

  test('limits the reference times that are answered', () => {
    const times = new ReferenceTimes();
    for (let ssrc = 0; ssrc < 100; ssrc++) times.receive(ssrc, 1n, 0);
    expect(times.takeDlrr(0).map(({ ssrc }) => ssrc)).toEqual(
      Array.from({ length: MAX_REFERENCE_TIMES }, (_, i) => 84 + i),
    );
  });
});
