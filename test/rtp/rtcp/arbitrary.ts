import fc from 'fast-check';
import type { RtcpPacket, TransportFeedbackArrival } from '../../../src/rtp/rtcp/types.ts';

const u = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const ssrc = u(32);
const reports = fc.array(
  fc.record({
    ssrc,
    fractionLost: u(8),
    cumulativeLost: fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
    highestSequenceNumber: u(32),
    jitter: u(32),
    lastSenderReport: u(32),
    delaySinceLastSenderReport: u(32),
  }),
  { maxLength: 31 },
);
const ntpTimestamp = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

/** Sorted and without duplicates, as offsets from a first one. */
export const runOfSequenceNumbers: fc.Arbitrary<number[]> = fc
  .tuple(u(16), fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 60 }))
  .map(([first, steps]) => {
    const numbers = [first];
    for (const step of steps) numbers.push((numbers.at(-1)! + step) & 0xffff);
    return numbers;
  });

const transportFeedback: fc.Arbitrary<RtcpPacket> = fc
  .record({
    base: u(16),
    // Steps of 1 mostly, so that there are runs; long gaps too.
    steps: fc.array(
      fc.tuple(
        fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 9000 })),
        fc.oneof({ weight: 8, arbitrary: u(8) }, fc.integer({ min: -0x8000, max: 0x7fff })),
      ),
      { maxLength: 60 },
    ),
    withTimes: fc.boolean(),
    lost: u(10),
    referenceTime: fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
    feedbackPacketCount: u(8),
    senderSsrc: ssrc,
    mediaSsrc: ssrc,
  })
  .map(({ base, steps, withTimes, lost, ...rest }) => {
    const received: TransportFeedbackArrival[] = [];
    let index = -1;
    let time = 0;
    for (const [step, delta] of steps) {
      if (index + step > 0xf000) break;
      index += step;
      time += delta;
      received.push({ sequenceNumber: (base + index) & 0xffff, arrivalTime: withTimes ? time : null });
    }
    return {
      kind: 'transportFeedback',
      ...rest,
      baseSequenceNumber: base,
      packetStatusCount: Math.max(1, index + 1 + lost),
      received,
    };
  });

export const rtcpPacket: fc.Arbitrary<RtcpPacket> = fc.oneof(
  fc.record({
    kind: fc.constant('senderReport' as const),
    ssrc,
    ntpTimestamp,
    rtpTimestamp: u(32),
    packetCount: u(32),
    octetCount: u(32),
    reports,
  }),
  fc.record({ kind: fc.constant('receiverReport' as const), ssrc, reports }),
  fc.record({
    kind: fc.constant('sdes' as const),
    chunks: fc.array(
      fc.record({
        ssrc,
        items: fc.array(fc.record({ type: fc.integer({ min: 1, max: 255 }), text }), { maxLength: 4 }),
      }),
      { maxLength: 31 },
    ),
  }),
  fc.record(
    { kind: fc.constant('bye' as const), ssrcs: fc.array(ssrc, { maxLength: 31 }), reason: text },
    { requiredKeys: ['kind', 'ssrcs'] },
  ),
  fc.record({
    kind: fc.constant('app' as const),
    subtype: u(5),
    ssrc,
    name: fc.stringMatching(/^[a-zA-Z]{4}$/),
    data: fc.array(u(32), { maxLength: 5 }).map((words) => new Uint8Array(Uint32Array.from(words).buffer)),
  }),
  fc.record({
    kind: fc.constant('nack' as const),
    senderSsrc: ssrc,
    mediaSsrc: ssrc,
    sequenceNumbers: runOfSequenceNumbers,
  }),
  fc.record({ kind: fc.constant('pli' as const), senderSsrc: ssrc, mediaSsrc: ssrc }),
  fc.record({
    kind: fc.constant('fir' as const),
    senderSsrc: ssrc,
    requests: fc.array(fc.record({ ssrc, sequenceNumber: u(8) }), { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('remb' as const),
    senderSsrc: ssrc,
    bitrate: fc.tuple(u(18), fc.integer({ min: 0, max: 63 })).map(([mantissa, exponent]) => mantissa * 2 ** exponent),
    ssrcs: fc.array(ssrc, { maxLength: 5 }),
  }),
  transportFeedback,
  fc.record({
    kind: fc.constant('congestionFeedback' as const),
    senderSsrc: ssrc,
    streams: fc.array(
      fc.record({
        ssrc,
        beginSequenceNumber: u(16),
        packets: fc.array(
          fc.option(
            fc.record({
              ecn: u(2),
              arrivalTimeOffset: fc.option(fc.integer({ min: 0, max: 0x1ffe })),
            }),
          ),
          { maxLength: 20 },
        ),
      }),
      { maxLength: 4 },
    ),
    reportTimestamp: u(32),
  }),
  fc.record({
    kind: fc.constant('extendedReport' as const),
    ssrc,
    blocks: fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('receiverReferenceTime' as const), ntpTimestamp }),
        fc.record({
          kind: fc.constant('dlrr' as const),
          reports: fc.array(fc.record({ ssrc, lastReceiverReport: u(32), delaySinceLastReceiverReport: u(32) }), {
            maxLength: 3,
          }),
        }),
      ),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    kind: fc.constant('unknown' as const),
    packetType: fc.constantFrom(192, 199, 208, 223),
    count: u(5),
    body: fc.uint8Array({ maxLength: 20 }),
  }),
);
