import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CongestionFeedbackRecorder, FeedbackRecorder, SentPackets } from '../../../src/rtp/congestion/index.ts';
import { encodeRtcp, parseRtcp } from '../../../src/rtp/rtcp/compound.ts';

describe('FeedbackRecorder', () => {
  it('has nothing to say before a packet arrives, and says at once that one did', () => {
    const recorder = new FeedbackRecorder();
    expect(recorder.nextTimeout).toBe(Infinity);
    expect(recorder.takeReports(1, 0)).toEqual([]);
    recorder.onPacket(7, 1, 1000);
    expect(recorder.nextTimeout).toBe(1000);
    expect(recorder.takeReports(1, 1000)).toHaveLength(1);
    expect(recorder.nextTimeout).toBe(Infinity);
  });

  it('reports every 100 ms at low rates and every 50 ms at high ones', () => {
    const recorder = new FeedbackRecorder();
    recorder.onPacket(0, 1, 1000);
    recorder.takeReports(1, 1000);
    recorder.onPacket(1, 1, 1010);
    expect(recorder.nextTimeout).toBe(1100);
    recorder.takeReports(1, 1100);
    recorder.setBitrate(10_000_000);
    recorder.onPacket(2, 1, 1110);
    expect(recorder.nextTimeout).toBe(1150);
  });

  it('reports at once when many packets are missing', () => {
    const recorder = new FeedbackRecorder();
    recorder.onPacket(0, 1, 1000);
    recorder.takeReports(1, 1000);
    recorder.onPacket(33, 1, 1015);
    expect(recorder.nextTimeout).toBe(1015);
  });

  it('tells received from missing, from the number after the last report on', () => {
    const recorder = new FeedbackRecorder();
    recorder.onPacket(10, 77, 1000);
    recorder.takeReports(1, 1000);
    recorder.onPacket(12, 78, 1064);
    recorder.onPacket(15, 78, 1070.5);
    const [report] = recorder.takeReports(5, 1100);
    expect(report).toEqual({
      kind: 'transportFeedback',
      senderSsrc: 5,
      mediaSsrc: 78,
      baseSequenceNumber: 11,
      packetStatusCount: 5,
      referenceTime: 16,
      feedbackPacketCount: 1,
      received: [
        { sequenceNumber: 12, arrivalTime: 160 },
        { sequenceNumber: 15, arrivalTime: 186 },
      ],
    });
  });

  it('reports again from a packet on that was overtaken, for half a second', () => {
    const recorder = new FeedbackRecorder();
    for (const number of [1, 3, 4]) recorder.onPacket(number, 1, 1000 + number);
    recorder.takeReports(1, 1010);
    recorder.onPacket(2, 1, 1200);
    const [report] = recorder.takeReports(1, 1200);
    expect(report!.received.map(({ sequenceNumber }) => sequenceNumber)).toEqual([2, 3, 4]);
  });

  it('counts the first arrival of a duplicate', () => {
    const recorder = new FeedbackRecorder();
    recorder.onPacket(1, 1, 64);
    recorder.onPacket(1, 1, 90);
    expect(recorder.takeReports(1, 100)[0]!.received).toEqual([{ sequenceNumber: 1, arrivalTime: 0 }]);
    expect(recorder.stats.duplicates).toBe(1);
  });

  it('begins anew when the sender counts from somewhere else', () => {
    const recorder = new FeedbackRecorder();
    for (let i = 0; i < 10; i++) recorder.onPacket(1000 + i, 1, i);
    recorder.takeReports(1, 10);
    for (let i = 0; i < 100; i++) recorder.onPacket(41_000 + i, 1, 20 + i);
    const reports = recorder.takeReports(1, 200);
    expect(recorder.stats.restarts).toBe(1);
    expect(reports[0]!.baseSequenceNumber).toBe(41_063);
    expect(reports[0]!.received).toHaveLength(37);
  });

  it('answers a request for the last few packets (version 02)', () => {
    const recorder = new FeedbackRecorder();
    for (let i = 0; i < 20; i++) if (i !== 17) recorder.onPacket(65_530 + (i & 0xffff), 1, i);
    const report = recorder.takeRequested(1, (65_530 + 19) & 0xffff, 5)!;
    expect(report.baseSequenceNumber).toBe((65_530 + 15) & 0xffff);
    expect(report.packetStatusCount).toBe(5);
    expect(report.received).toHaveLength(4);
    expect(recorder.takeRequested(1, 0, 0)).toBeNull();
    expect(new FeedbackRecorder().takeRequested(1, 0, 5)).toBeNull();
  });

  it('splits what does not fit into one message, and skips pauses of more than 8 s', () => {
    const recorder = new FeedbackRecorder();
    for (let i = 0; i < 1000; i++) recorder.onPacket(i, 1, i);
    recorder.onPacket(1000, 1, 20_000);
    const reports = recorder.takeReports(1, 20_000);
    expect(reports.length).toBeGreaterThanOrEqual(4);
    expect(reports.flatMap(({ received }) => received)).toHaveLength(1001);
    for (const report of reports) expect(encodeRtcp([report]).length).toBeLessThan(1200);
    expect(reports.map(({ feedbackPacketCount }) => feedbackPacketCount)).toEqual(reports.map((_, i) => i));
  });

  it('limits what it remembers, whatever arrives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 300 }), (numbers) => {
        const recorder = new FeedbackRecorder();
        let now = 0;
        for (const number of numbers) {
          recorder.onPacket(number, 1, now++);
          if (recorder.nextTimeout > now) continue;
          const reports = recorder.takeReports(1, now);
          expect(reports.length).toBeLessThanOrEqual(32);
          for (const report of reports) expect(parseRtcp(encodeRtcp([report]))).toEqual([report]);
          expect(recorder.nextTimeout).toBeGreaterThan(now);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('over codec and history, gives every packet its arrival time, to a quarter of a millisecond', () => {
    const gaps = fc.array(fc.record({ lost: fc.boolean(), gapMs: fc.double({ min: 0, max: 300, noNaN: true }) }), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(gaps, fc.nat(0xffff), fc.integer({ min: 0, max: 2 ** 31 }), (packets, first, offsetMs) => {
        const recorder = new FeedbackRecorder();
        const history = new SentPackets();
        const arrivedAt: (number | null)[] = [];
        let now = 0;
        let clockMs: number | null = null; // how far our reading of the receiver's clock is off
        for (const [i, { lost, gapMs }] of packets.entries()) {
          now += gapMs;
          const number = (first + i) & 0xffff;
          history.add({ transportSequenceNumber: number, sizeBytes: 100, kind: 'video', ssrc: 1 }, now);
          arrivedAt.push(lost ? null : now + 50);
          if (!lost) recorder.onPacket(number, 1, now + 50 + offsetMs);
          if (recorder.nextTimeout > now + 50 + offsetMs) continue;
          for (const report of recorder.takeReports(1, now + 50 + offsetMs)) {
            const [parsed] = parseRtcp(encodeRtcp([report]));
            if (parsed?.kind !== 'transportFeedback') throw new Error('not feedback');
            for (const { receivedAtMs, sequenceNumber } of history.matchTransportFeedback(parsed, now + 100)) {
              const expected = arrivedAt[sequenceNumber - 0x1_0000 - first]!;
              expect(receivedAtMs === null).toBe(expected === null);
              if (receivedAtMs === null) continue;
              clockMs ??= receivedAtMs - expected;
              expect(Math.abs(receivedAtMs - expected - clockMs)).toBeLessThanOrEqual(0.2500001);
            }
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('refuses intervals that make no sense', () => {
    expect(() => new FeedbackRecorder({ minIntervalMs: 0 })).toThrow(RangeError);
    expect(() => new FeedbackRecorder({ minIntervalMs: 100, maxIntervalMs: 50 })).toThrow(RangeError);
  });
});

describe('CongestionFeedbackRecorder', () => {
  it('reports each stream from where the last report ended (RFC 8888 §3.1)', () => {
    const recorder = new CongestionFeedbackRecorder();
    recorder.onPacket(1, 65_535, 1000);
    recorder.onPacket(1, 1, 1010, 3);
    recorder.onPacket(2, 7, 1020);
    expect(recorder.nextTimeout).toBe(1000);
    const [report] = recorder.takeReports(9, 1024);
    expect(report).toEqual({
      kind: 'congestionFeedback',
      senderSsrc: 9,
      streams: [
        {
          ssrc: 1,
          beginSequenceNumber: 65_535,
          packets: [{ ecn: 0, arrivalTimeOffset: 25 }, null, { ecn: 3, arrivalTimeOffset: 14 }],
        },
        { ssrc: 2, beginSequenceNumber: 7, packets: [{ ecn: 0, arrivalTimeOffset: 4 }] },
      ],
      reportTimestamp: Math.floor(1024 * 65.536),
    });
    expect(recorder.takeReports(9, 1100)).toEqual([]);
  });

  it('reports the first copy of a duplicate, and that any copy was marked CE', () => {
    const recorder = new CongestionFeedbackRecorder();
    recorder.onPacket(1, 5, 1000, 1);
    recorder.onPacket(1, 5, 1010, 3);
    const [report] = recorder.takeReports(1, 1000);
    expect(report!.streams[0]!.packets).toEqual([{ ecn: 3, arrivalTimeOffset: 0 }]);
  });

  it('reports again from a packet on that was overtaken', () => {
    const recorder = new CongestionFeedbackRecorder();
    for (const number of [1, 3]) recorder.onPacket(1, number, 1000);
    recorder.takeReports(1, 1000);
    recorder.onPacket(1, 2, 1010);
    expect(recorder.takeReports(1, 1100)[0]!.streams[0]).toMatchObject({
      beginSequenceNumber: 2,
      packets: { length: 2 },
    });
  });

  it('limits streams and packets, whatever arrives, and gives what the codec carries', () => {
    const arrival = fc.tuple(fc.nat(80), fc.nat(0xffff), fc.nat(3));
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 300 }), (arrivals) => {
        const recorder = new CongestionFeedbackRecorder();
        let now = 0;
        for (const [ssrc, number, ecn] of arrivals) {
          recorder.onPacket(ssrc, number, now++, ecn);
          if (recorder.nextTimeout > now) continue;
          for (const report of recorder.takeReports(1, now)) {
            expect(encodeRtcp([report]).length).toBeLessThan(1700);
            expect(parseRtcp(encodeRtcp([report]))).toEqual([report]);
          }
          expect(recorder.nextTimeout).toBe(Infinity);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('begins anew when a stream counts from somewhere else', () => {
    const recorder = new CongestionFeedbackRecorder();
    recorder.onPacket(1, 10, 0);
    recorder.takeReports(1, 0);
    for (let i = 0; i < 70; i++) recorder.onPacket(1, 40_000 + i, 10 + i);
    expect(recorder.takeReports(1, 100)[0]!.streams[0]!.beginSequenceNumber).toBe(40_063);
    expect(recorder.stats.restarts).toBe(1);
  });
});
