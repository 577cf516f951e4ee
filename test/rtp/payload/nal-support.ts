import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { EncodedFrame, PayloadFormat } from '../../../src/rtp/payload/types.ts';

/** A payload with what its packet would say of it. */
export type SentPayload = { payload: Uint8Array; isLast: boolean };

/** The payloads of a frame; `null` when the format does not take it. */
export function cut(format: PayloadFormat, data: Uint8Array, maxPayloadLength: number): SentPayload[] | null {
  const sent: SentPayload[] = [];
  const taken = format.packetize({ data, isKeyFrame: false }, maxPayloadLength, (length, isLast) => {
    const payload = new Uint8Array(length);
    sent.push({ payload, isLast });
    return payload;
  });
  return taken ? sent : null;
}

export type ReceivedPacket = { sequenceNumber: number; timestamp: number; marker: boolean; payload: Uint8Array };

/** The least that a receiver of whole frames does: it trusts sequence numbers, markers and `inspect`. */
export function receiveFrames(format: PayloadFormat, packets: readonly ReceivedPacket[]): EncodedFrame[] {
  const frames: EncodedFrame[] = [];
  let pending: Uint8Array[] | null = null;
  let previous: ReceivedPacket | null = null;
  for (const packet of packets) {
    const follows = previous !== null && packet.sequenceNumber === ((previous.sequenceNumber + 1) & 0xffff);
    const isNew = follows && (previous!.marker || previous!.timestamp !== packet.timestamp);
    const info = format.inspect(packet.payload);
    if (!follows || isNew) {
      pending = info?.startsFrame && (isNew || !info.isStartUncertain) ? [] : null;
    }
    pending?.push(packet.payload);
    if (packet.marker && pending !== null) {
      const frame = format.assemble(pending);
      if (frame !== null) frames.push(frame);
      pending = null;
    }
    previous = packet;
  }
  return frames;
}

export function readFixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../fixtures/rtp/${name}`, import.meta.url)));
}

/** The packets of a fixture, as FFmpeg writes them: no CSRCs, no extensions, no padding. */
export function readPackets(name: string): ReceivedPacket[] {
  const bytes = readFixture(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packets: ReceivedPacket[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + view.getUint16(at);
    packets.push({
      marker: (bytes[at + 3]! & 0x80) !== 0,
      sequenceNumber: view.getUint16(at + 4),
      timestamp: view.getUint32(at + 6),
      payload: bytes.subarray(at + 14, end),
    });
    at = end;
  }
  return packets;
}

/** Content of NAL units that cannot be taken for a start code, nor end in a zero, as encoders see to. */
const content: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.integer({ min: 0, max: 700 }), fc.uint8Array({ minLength: 1, maxLength: 12 }))
  .map(([length, seed]) => {
    const bytes = new Uint8Array(length + 1);
    for (let i = 0; i <= length; i++) bytes[i] = 0x10 + ((seed[i % seed.length]! + 7 * i) % 0xe0);
    return bytes;
  });

/** NAL units with these headers. */
export function nalUnits(headers: fc.Arbitrary<number[]>): fc.Arbitrary<Uint8Array[]> {
  const unit = fc.tuple(headers, content).map(([header, rest]) => Uint8Array.of(...header, ...rest));
  return fc.array(unit, { minLength: 1, maxLength: 8 });
}

/** A byte stream with start codes of three or four bytes. */
export function byteStream(units: readonly Uint8Array[], longStartCodes: (index: number) => boolean): Uint8Array {
  return Uint8Array.from(units.flatMap((unit, i) => [...(longStartCodes(i) ? [0, 0, 0, 1] : [0, 0, 1]), ...unit]));
}

/** Every truncation, and every byte with each of its bits turned. */
export function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) yield bytes.subarray(0, length);
  for (let i = 0; i < bytes.length; i++) {
    for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
      const copy = bytes.slice();
      copy[i]! ^= mask;
      yield copy;
    }
  }
}
