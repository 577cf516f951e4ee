import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentPackets } from '../../../src/rtp/congestion/index.ts';
import type { SentPacket } from '../../../src/rtp/congestion/types.ts';
import type { CongestionFeedback, TransportFeedback } from '../../../src/rtp/rtcp/types.ts';

function packet(transportSequenceNumber: number | null, more: Partial<SentPacket> = {}): SentPacket {
  return { transportSequenceNumber, sizeBytes: 1000, kind: 'video', ssrc: 1, ...more };
}

/** Feedback on numbers from `base` on: arrival times in 250 µs since the reference time, or null for missing. */
function feedback(base: number, arrivals: readonly (number | null)[], referenceTime = 0): TransportFeedback {
  const received = arrivals.flatMap((arrivalTime, i) =>
    arrivalTime === null ? [] : [{ sequenceNumber: (base + i) & 0xffff, arrivalTime }],
  );
  return {
    kind: 'transportFeedback',
    senderSsrc: 1,
    mediaSsrc: 1,
    baseSequenceNumber: base,
    packetStatusCount: arrivals.length,
    referenceTime,
    feedbackPacketCount: 0,
    received,
  };
}

function report(
  packets: CongestionFeedback['streams'][0]['packets'],
  begin = 0,
  reportTimestamp = 0,
): CongestionFeedback {
  return {
    kind: 'congestionFeedback',
    senderSsrc: 1,
    streams: [{ ssrc: 1, beginSequenceNumber: begin, packets }],
    reportTimestamp,
  };
}

describe('SentPackets', () => {
  it('matches transport-wide feedback to what was sent, in the order of sending', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 3; i++) packets.add(packet(i), 10 * i);
    const results = packets.matchTransportFeedback(feedback(0, [0, null, 80]), 100);
    expect(results.map(({ sentAtMs, receivedAtMs }) => [sentAtMs, receivedAtMs])).toEqual([
      [0, 100],
      [10, null],
      [20, 120],
    ]);
  });

  it('reports a loss once, and the packet as received if it comes late', () => {
    const packets = new SentPackets();
    packets.add(packet(0), 0);
    packets.add(packet(1), 1);
    expect(packets.matchTransportFeedback(feedback(0, [null, 4]), 50)).toHaveLength(2);
    expect(packets.matchTransportFeedback(feedback(0, [null]), 60)).toEqual([]);
    const [late] = packets.matchTransportFeedback(feedback(0, [8]), 70);
    expect(late).toMatchObject({ wasReportedLost: true, receivedAtMs: 52 });
    expect(packets.matchTransportFeedback(feedback(0, [8]), 80)).toEqual([]);
    expect(packets.stats).toEqual({ packets: 2, received: 2, lost: 1, recovered: 1, unknown: 1 });
  });

  it('follows sequence numbers around their 16 bits', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 200_000; i++) {
      packets.add(packet(i & 0xffff), i);
      if (i % 100 !== 99) continue;
      const base = (i - 99) & 0xffff;
      const results = packets.matchTransportFeedback(
        feedback(
          base,
          Array.from({ length: 100 }, (_, k) => k),
        ),
        i,
      );
      expect(results).toHaveLength(100);
      expect(results.at(-1)!.sentAtMs).toBe(i);
    }
    expect(packets.outstandingBytes).toBe(0);
  });

  it('follows the reference time around its 24 bits of 64 ms, and back when feedback was overtaken', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 4; i++) packets.add(packet(i), i);
    const arrival = (base: number, referenceTime: number): number | null | undefined =>
      packets.matchTransportFeedback(feedback(base, [0], referenceTime), 1000)[0]?.receivedAtMs;
    expect(arrival(0, 2 ** 24 - 1)).toBe(1000);
    expect(arrival(1, 1)).toBe(1000 + 2 * 64);
    expect(arrival(2, -1)).toBe(1000); // signed, as the codec reads it
    expect(arrival(3, 2)).toBe(1000 + 3 * 64);
  });

  it('counts bytes that no feedback comes for towards the next packet', () => {
    const packets = new SentPackets();
    packets.add(packet(null, { sizeBytes: 80 }), 0);
    packets.add(packet(null, { sizeBytes: 81 }), 1);
    packets.add(packet(7), 2);
    packets.add(packet(8), 3);
    const results = packets.matchTransportFeedback(feedback(7, [0, 1]), 10);
    expect(results.map(({ untrackedBytes }) => untrackedBytes)).toEqual([161, 0]);
  });

  it('takes packets that feedback passed over as no longer on their way', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 10; i++) packets.add(packet(i), i);
    expect(packets.outstandingBytes).toBe(10_000);
    packets.matchTransportFeedback(feedback(5, [0]), 20);
    expect(packets.outstandingBytes).toBe(4000);
    packets.forgetAll();
    expect(packets.outstandingBytes).toBe(0);
    expect(packets.matchTransportFeedback(feedback(0, Array(10).fill(0)), 30)).toEqual([]);
  });

  it('matches RFC 8888 feedback by SSRC and RTP sequence number, over their wrap', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 3; i++) packets.add(packet(i, { rtpSequenceNumber: (65_534 + i) & 0xffff }), i);
    packets.add(packet(3, { ssrc: 2, rtpSequenceNumber: 65_534 }), 3);
    const arrived = (arrivalTimeOffset: number | null, ecn = 0) => ({ ecn, arrivalTimeOffset });
    const results = packets.matchCongestionFeedback(report([arrived(1024), null, arrived(512, 3)], 65_534), 5000);
    expect(results.map(({ ssrc, receivedAtMs, ecn }) => [ssrc, receivedAtMs, ecn])).toEqual([
      [1, 4000, 0],
      [1, null, 0],
      [1, 4500, 3],
    ]);
  });

  it('takes an arrival of unknown time for neither a loss nor a measurement (RFC 8888 §3.1)', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 2; i++) packets.add(packet(i, { rtpSequenceNumber: i }), i);
    const unknown = [
      { ecn: 0, arrivalTimeOffset: null },
      { ecn: 0, arrivalTimeOffset: 0x1ffe },
    ];
    expect(packets.matchCongestionFeedback(report(unknown), 100)).toEqual([]);
    expect(packets.stats).toMatchObject({ received: 2, lost: 0 });
  });

  it('limits the number of packets remembered, and their age', () => {
    const packets = new SentPackets();
    for (let i = 0; i < 100_000; i++) packets.add(packet(i & 0xffff, { rtpSequenceNumber: i & 0xffff }), 0);
    expect(packets.outstandingBytes).toBe(32_768_000);
    packets.add(packet(100_000 & 0xffff), 60_001);
    expect(packets.outstandingBytes).toBe(1000);
  });

  it('refuses sequence numbers that do not move ahead', () => {
    const packets = new SentPackets();
    packets.add(packet(5), 0);
    expect(() => packets.add(packet(5), 1)).toThrow(RangeError);
    expect(() => packets.add(packet(4), 1)).toThrow(/ahead/);
    expect(() => packets.add(packet(65_536), 1)).toThrow(/0 to 65535/);
  });

  it('takes any feedback: results are in order, finite, at most once received, and bytes are never negative', () => {
    const step = fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 300 }) }),
      fc.record({
        base: fc.nat(0xffff),
        referenceTime: fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
        arrivals: arrivals(),
      }),
      fc.record({ begin: fc.nat(0xffff), timestamp: fc.nat(0xffff_ffff), offsets: arrivals() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(0xffff), (steps, first) => {
        const packets = new SentPackets();
        const received = new Set<number>();
        let next = first;
        let now = 0;
        for (const step of steps) {
          now += 20;
          if ('send' in step) {
            for (let i = 0; i < step.send; i++, next++)
              packets.add(packet(next & 0xffff, { rtpSequenceNumber: next & 0xffff }), now);
            continue;
          }
          // Often near to what was sent, or nothing would match.
          const near = (number: number): number => (number % 2 === 0 ? (next - (number % 200)) & 0xffff : number);
          const results =
            'base' in step
              ? packets.matchTransportFeedback(feedback(near(step.base), step.arrivals, step.referenceTime), now)
              : packets.matchCongestionFeedback(
                  report(
                    step.offsets.map((o) => (o === null ? null : { ecn: 0, arrivalTimeOffset: Math.abs(o) & 0x1fff })),
                    near(step.begin),
                    step.timestamp,
                  ),
                  now,
                );
          let last = -1;
          for (const result of results) {
            expect(result.sequenceNumber).toBeGreaterThan(last);
            last = result.sequenceNumber;
            if (result.receivedAtMs === null) continue;
            expect(Number.isFinite(result.receivedAtMs)).toBe(true);
            expect(received.has(result.sequenceNumber)).toBe(false);
            received.add(result.sequenceNumber);
          }
          expect(packets.outstandingBytes).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 200 },
    );
  });
});

function arrivals(): fc.Arbitrary<(number | null)[]> {
  return fc.array(fc.option(fc.integer({ min: -0x8000, max: 0x7fff }), { freq: 4 }), { minLength: 1, maxLength: 100 });
}
