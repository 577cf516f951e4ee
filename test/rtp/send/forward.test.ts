import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketAllocator } from '../../../src/binary/packet-allocator.ts';
import { ExtensionMap } from '../../../src/rtp/extensions/extension-map.ts';
import { encodeRtpPacket, RtpPacket } from '../../../src/rtp/packet.ts';
import { SendStream } from '../../../src/rtp/send/send-stream.ts';
import { SequenceUnwrapper } from '../../../src/rtp/sequence.ts';
import { SeededRandom } from '../support/random.ts';

/** A stream whose packets are read as they go out. */
function makeStream(): { stream: SendStream; sent: RtpPacket[] } {
  const sent: RtpPacket[] = [];
  const stream = new SendStream(
    { kind: 'audio', ssrc: 7, rtxSsrc: null, random: new SeededRandom(5), allocator: new PacketAllocator() },
    ({ buffer, end }) => void sent.push(RtpPacket.parse(buffer.slice(0, end))!),
  );
  stream.configure({
    extensions: new ExtensionMap([]),
    mid: null,
    rid: null,
    rtxPayloadTypes: new Map(),
    nackPayloadTypes: new Set(),
    maxPacketLength: 1200,
    tailroom: 16,
  });
  return { stream, sent };
}

function packet(sequenceNumber: number, isEmpty = false, ssrc = 99): RtpPacket {
  const payload = isEmpty ? new Uint8Array(0) : Uint8Array.of(sequenceNumber >> 8, sequenceNumber);
  const header = { payloadType: 0, marker: false, sequenceNumber: sequenceNumber & 0xffff, timestamp: 160, ssrc };
  return RtpPacket.parse(encodeRtpPacket({ ...header, payload, padding: isEmpty ? 4 : 0 }))!;
}

test('no number goes out twice, whatever padding, repeats, late packets and tones come between', () => {
  const step = fc.record({
    kind: fc.constantFrom('packet', 'packet', 'packet', 'padding', 'late', 'repeat', 'tone', 'release'),
    back: fc.integer({ min: 1, max: 6 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom(1, 0xfff0), (steps, first) => {
      const { stream, sent } = makeStream();
      const isPadding = new Map<number, boolean>();
      let next = first;
      const forward = (number: number): void =>
        stream.forward(packet(number, isPadding.get(number) ?? false), 0, 8000, {}, 0);
      const held: number[] = [];
      for (const { kind, back } of steps) {
        if (kind === 'tone') stream.sendPayload(Uint8Array.of(1, 1, 1, 1), 101, 0, 8000, false, 0);
        else if (kind === 'late') held.push(next++);
        else if (kind === 'repeat') {
          if (next - back >= first && !held.includes(next - back)) forward(next - back);
        } else if (kind === 'release') {
          const number = held.shift();
          if (number !== undefined) forward(number);
        } else {
          isPadding.set(next, kind === 'padding');
          forward(next++);
        }
      }
      const numbers = sent.map(({ sequenceNumber }) => sequenceNumber);
      expect(new Set(numbers).size).toBe(numbers.length);
      // Content stays in order where its numbers say so.
      const unwrapper = new SequenceUnwrapper();
      const content = sent
        .filter(({ payloadLength }) => payloadLength === 2)
        .map(({ sequenceNumber, payload }) => [unwrapper.unwrap(sequenceNumber), (payload[0]! << 8) | payload[1]!]);
      const inOrder = content.toSorted(([a], [b]) => a! - b!).map(([, number]) => (number! - first) & 0xffff);
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});

test('a tone between packets that are forwarded has a number of its own', () => {
  const { stream, sent } = makeStream();
  stream.forward(packet(10), 0, 8000, {}, 0);
  stream.sendPayload(Uint8Array.of(1, 1, 1, 1), 101, 0, 8000, true, 0);
  stream.forward(packet(11), 0, 8000, {}, 20);
  const first = sent[0]!.sequenceNumber;
  expect(sent.map(({ sequenceNumber }) => sequenceNumber - first)).toEqual([0, 1, 2]);
});

test('padding that was overtaken fills the gap that was kept for it', () => {
  const { stream, sent } = makeStream();
  stream.forward(packet(10), 0, 8000, {}, 0);
  stream.forward(packet(12), 0, 8000, {}, 0);
  stream.forward(packet(11, true), 0, 8000, {}, 0);
  const first = sent[0]!.sequenceNumber;
  expect(sent.map(({ sequenceNumber, payloadLength }) => [sequenceNumber - first, payloadLength])).toEqual([
    [0, 2],
    [2, 2],
    [1, 0],
  ]);
});

test('another source goes on with the next number', () => {
  const { stream, sent } = makeStream();
  stream.forward(packet(10), 0, 8000, {}, 0);
  stream.forward(packet(40_000, false, 55), 0, 8000, {}, 20);
  stream.forward(packet(40_001, false, 55), 0, 8000, {}, 40);
  const first = sent[0]!.sequenceNumber;
  expect(sent.map(({ sequenceNumber }) => sequenceNumber - first)).toEqual([0, 1, 2]);
});
