import fc from 'fast-check';
import type { EncodedFrame, PayloadFormat } from '../../../src/rtp/payload/types.ts';
import { type ReceivedPacket, readFixture } from './nal-support.ts';

/** The frames of an IVF file: a header of 32 bytes, then each frame behind its length and its time. */
export function readIvf(name: string): Uint8Array[] {
  const bytes = readFixture(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: Uint8Array[] = [];
  for (let at = view.getUint16(6, true); at < bytes.length; ) {
    const length = view.getUint32(at, true);
    frames.push(bytes.subarray(at + 12, at + 12 + length));
    at += 12 + length;
  }
  return frames;
}

export type Sent = { payload: Uint8Array; isLast: boolean; layer: number; endsLayer: boolean };

/** The payloads of a frame; `null` when the format does not take it. */
export function send(format: PayloadFormat, frame: EncodedFrame, maxPayloadLength: number): Sent[] | null {
  const sent: Sent[] = [];
  const taken = format.packetize(frame, maxPayloadLength, (length, isLast, layer = 0, endsLayer = isLast) => {
    const payload = new Uint8Array(length).fill(0xee); // whoever leaves a byte unwritten is found out
    payload[0] = 0;
    sent.push({ payload, isLast, layer, endsLayer });
    return payload;
  });
  return taken ? sent : null;
}

/** The packets of frames, numbered across the wrap, one timestamp a frame. */
export function packetsOf(
  format: PayloadFormat,
  frames: readonly EncodedFrame[],
  maxPayloadLength: number,
): ReceivedPacket[] {
  const sent = frames.flatMap((frame, i) =>
    send(format, frame, maxPayloadLength)!.map(({ payload, isLast }) => ({ payload, marker: isLast, timestamp: i })),
  );
  return sent.map((packet, i) => ({ ...packet, sequenceNumber: (65_530 + i) & 0xffff }));
}

/** No payload is empty, only the last closes the frame, and none is much smaller than the largest of its layer. */
export function expectWellCut(sent: readonly Sent[], maxPayloadLength: number, slack: number): string | null {
  if (sent.some(({ isLast }, i) => isLast !== (i === sent.length - 1))) return 'only the last payload is the last';
  for (const layer of new Set(sent.map((each) => each.layer))) {
    const lengths = sent.filter((each) => each.layer === layer).map(({ payload }) => payload.length);
    if (Math.max(...lengths) > maxPayloadLength)
      return `${Math.max(...lengths)} bytes are more than ${maxPayloadLength}`;
    if (Math.max(...lengths) - Math.min(...lengths) > slack) return `not even: ${lengths.join(' ')}`;
  }
  return null;
}

/** Bytes of any length and content, quickly made. */
export function bytes(minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.integer({ min: minLength, max: maxLength }), fc.nat(0xffff)).map(([length, seed]) => {
    const made = new Uint8Array(length);
    for (let i = 0, state = seed; i < length; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      made[i] = state >>> 16;
    }
    return made;
  });
}
