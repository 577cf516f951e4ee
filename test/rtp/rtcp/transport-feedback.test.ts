import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/binary/bytes.ts';
import { encodeRtcp, parseRtcp } from '../../../src/rtp/rtcp/compound.ts';
import { ntpFromUnixMs, ntpMiddle32, roundTripMs, shortNtpFromMs, unixMsFromNtp } from '../../../src/rtp/rtcp/ntp.ts';
import {
  MAX_ARRIVALS_PER_FEEDBACK,
  TransportFeedbackBuilder,
} from '../../../src/rtp/rtcp/transport-feedback-builder.ts';
import type { TransportFeedback } from '../../../src/rtp/rtcp/types.ts';

const HEAD = '00000001 00000002';
const read = (body: string): TransportFeedback | undefined => {
  const bytes = fromHex(body);
  const words = (bytes.length >> 2).toString(16).padStart(4, '0');
  return parseRtcp(fromHex(`8fcd${words}${toHex(bytes)}`))[0] as TransportFeedback | undefined;
};
const arrivals = (feedback: TransportFeedback | undefined) =>
  feedback?.received.map(({ sequenceNumber, arrivalTime }) => [sequenceNumber, arrivalTime]);

describe('transport-wide feedback on the wire (draft-holmer-rmcat-transport-wide-cc-extensions-01)', () => {
  test('§3.1.3: a run of small deltas', () => {
    expect(arrivals(read(`${HEAD} 00050003 00000100 2003 010203 000000`))).toEqual([
      [5, 1],
      [6, 3],
      [7, 6],
    ]);
  });

  test('§3.1.4: a vector of 14 one-bit symbols', () => {
    // 1 0 1 1, then ten that are beyond the count
    expect(arrivals(read(`${HEAD} ffff0004 00000100 ac00 0a0b0c 000000`))).toEqual([
      [65535, 10],
      [1, 21],
      [2, 33],
    ]);
  });

  test('§3.1.4: a vector of 7 two-bit symbols; large and negative deltas', () => {
    // 01 10 00 10 00 00 00
    expect(arrivals(read(`${HEAD} 00000004 ffffff07 d880 ff 0200 ffff 0000 00`))).toEqual([
      [0, 255],
      [1, 767],
      [3, 766],
    ]);
    expect(read(`${HEAD} 00000004 ffffff07 d880 ff 0200 ffff 0000 00`)).toMatchObject({
      referenceTime: -1,
      feedbackPacketCount: 7,
      packetStatusCount: 4,
    });
  });

  test('the second version without times: received, and no deltas', () => {
    expect(arrivals(read(`${HEAD} 00050003 00000100 2003 0000`))).toEqual([
      [5, null],
      [6, null],
      [7, null],
    ]);
  });

  test('malformed: no chunks, the reserved symbol, deltas cut off, a count of none', () => {
    expect(read(`${HEAD} 00050003 00000100`)).toBeUndefined();
    expect(read(`${HEAD} 00050003 00000100 6003 0000`)).toBeUndefined();
    expect(read(`${HEAD} 00050008 00000100 2008 01020304 0000`)).toBeUndefined();
    expect(read(`${HEAD} 00050000 00000100 2003 0000`)).toBeUndefined();
  });

  test('a claim of 65535 lost packets costs nothing', () => {
    const feedback = read(`${HEAD} 0000ffff 00000100 ${'1fff'.repeat(9)} 0000`);
    expect(feedback).toMatchObject({ packetStatusCount: 65535, received: [] });
  });

  test('zero-length runs do not stop the reader', () => {
    expect(read(`${HEAD} 00050003 00000100 2000 2000 2003 010203 000000`)?.received.length).toBe(3);
  });
});

describe('TransportFeedbackBuilder', () => {
  /** Any arrivals, over as many packets of feedback as it takes. */
  function build(arrivals: readonly (readonly [step: number, ms: number])[], base: number): TransportFeedback[] {
    const feedback: TransportFeedback[] = [];
    let builder = new TransportFeedbackBuilder(1, 2, base, 0);
    let from = base;
    let sequenceNumber = base - 1;
    for (const [step, ms] of arrivals) {
      sequenceNumber += step;
      if (sequenceNumber - from < 0x8000 && builder.add(sequenceNumber & 0xffff, ms)) continue;
      feedback.push(builder.build()!);
      from += feedback.at(-1)!.packetStatusCount;
      builder = new TransportFeedbackBuilder(1, 2, builder.nextSequenceNumber, feedback.length);
      expect(builder.add(sequenceNumber & 0xffff, ms)).toBe(true);
    }
    if (!builder.isEmpty) feedback.push(builder.build()!);
    return feedback;
  }

  test('whatever was lost, late or early: written and read again, every arrival within 0.125 ms, in under 1,000 bytes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 20_000 })),
            fc.oneof(
              { weight: 9, arbitrary: fc.double({ min: 0, max: 20, noNaN: true }) },
              fc.double({ min: -20_000, max: 20_000, noNaN: true }),
            ),
          ),
          { maxLength: 800 },
        ),
        fc.integer({ min: 0, max: 65535 }),
        (steps, base) => {
          let ms = 1_000_000;
          const sent = steps.map(([step, delta]): [number, number] => {
            ms += delta;
            return [step, ms];
          });
          const read = build(sent, base).map((feedback) => {
            const datagram = encodeRtcp([feedback]);
            expect(datagram.length).toBeLessThan(1000);
            const packets = parseRtcp(datagram);
            expect(packets).toEqual([feedback]);
            return packets[0] as TransportFeedback;
          });
          const times = read.flatMap(({ received, referenceTime }) =>
            received.map(({ arrivalTime }) => 64 * referenceTime + 0.25 * arrivalTime!),
          );
          expect(times.length).toBe(sent.length);
          for (const [i, [, sentMs]] of sent.entries()) expect(Math.abs(times[i]! - sentMs)).toBeLessThanOrEqual(0.125);
          // Nothing is left out between two packets of feedback.
          let next = base;
          for (const { baseSequenceNumber, packetStatusCount } of read) {
            expect(baseSequenceNumber).toBe(next);
            next = (next + packetStatusCount) & 0xffff;
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('limits the arrivals of one packet', () => {
    const builder = new TransportFeedbackBuilder(1, 2, 0, 0);
    for (let i = 0; i < MAX_ARRIVALS_PER_FEEDBACK; i++) expect(builder.add(i, i)).toBe(true);
    expect(builder.add(MAX_ARRIVALS_PER_FEEDBACK, 1)).toBe(false);
  });

  test('the reference time wraps at 24 bits', () => {
    const builder = new TransportFeedbackBuilder(1, 2, 0, 0);
    builder.add(0, 64 * 2 ** 24 + 640);
    const feedback = builder.build()!;
    expect(feedback.referenceTime).toBe(10);
    expect(parseRtcp(encodeRtcp([feedback]))).toEqual([feedback]);
  });

  test('a packet of a run takes two bytes for its chunk', () => {
    const builder = new TransportFeedbackBuilder(1, 2, 0, 0);
    for (let i = 0; i < 100; i++) builder.add(i, i);
    expect(encodeRtcp([builder.build()!]).length).toBe(20 + 2 + 100 + 2);
  });

  test('numbers that do not rise are refused; nothing received is nothing to send', () => {
    const builder = new TransportFeedbackBuilder(1, 2, 10, 0);
    expect(builder.build()).toBeNull();
    expect(() => builder.add(9, 0)).toThrow(RangeError);
    builder.add(10, 0);
    expect(() => builder.add(10, 0)).toThrow(RangeError);
  });
});

describe('NTP (RFC 3550 §4)', () => {
  test('seconds since 1900', () => {
    expect(ntpFromUnixMs(0)).toBe(2_208_988_800n << 32n);
    expect(unixMsFromNtp(ntpFromUnixMs(1_700_000_000_123))).toBeCloseTo(1_700_000_000_123, 3);
    expect(ntpMiddle32(0x1111_2222_3333_4444n)).toBe(0x2222_3333);
  });

  test('RFC 3550 §6.4.1: the example of figure 2 is a round trip of 6.125 s', () => {
    expect(roundTripMs(0xb710_8000, 0xb705_2000, 0x0005_4000)).toBe(6125);
    expect(roundTripMs(10, 0xffff_fff0, 0)).toBeCloseTo(0.397, 3);
    expect(shortNtpFromMs(-1)).toBe(0);
  });
});
