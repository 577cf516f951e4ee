import { encodeRtpPacket } from '../../../src/rtp/packet.ts';
import type { EncodedFrame, PayloadFormat } from '../../../src/rtp/payload/types.ts';

export const START = 1;
export const KEY = 2;
export const DISCARDABLE = 4;
export const UNCERTAIN = 8;

/**
 * A payload format for tests: a byte of flags, the frame's number in two bytes, the packet's index in one, then content.
 * It tells frames that were put together wrongly.
 */
export const TEST_FORMAT: PayloadFormat = {
  packetize: () => false,
  inspect(payload) {
    const flags = payload[0]!;
    if (payload.length < 4 || flags > 15) return null;
    return {
      startsFrame: (flags & START) !== 0,
      ...((flags & UNCERTAIN) !== 0 && { isStartUncertain: true }),
      isKeyFrame: (flags & KEY) !== 0,
      metadata: { isDiscardable: (flags & DISCARDABLE) !== 0 },
    };
  },
  assemble(payloads) {
    const first = payloads[0];
    if (first === undefined || (first[0]! & START) === 0) return null;
    for (const [i, payload] of payloads.entries()) {
      if (payload[1] !== first[1] || payload[2] !== first[2] || payload[3] !== i) return null;
    }
    return { data: Uint8Array.of(first[1]!, first[2]!, payloads.length), isKeyFrame: (first[0]! & KEY) !== 0 };
  },
};

export function frameNumber({ data }: EncodedFrame): number {
  return data[0]! * 256 + data[1]!;
}

/** The packets of a frame, from a sequence number on. */
export function framePackets(
  frame: number,
  packets: number,
  sequenceNumber: number,
  flags = 0,
  { payloadLength = 4, ssrc = 1, marker = true }: { payloadLength?: number; ssrc?: number; marker?: boolean } = {},
): Uint8Array[] {
  return Array.from({ length: packets }, (_, i) => {
    const payload = new Uint8Array(payloadLength);
    payload.set([(flags & ~START) | (i === 0 || flags & UNCERTAIN ? START : 0), frame >> 8, frame, i]);
    return encodeRtpPacket({
      payloadType: 96,
      marker: marker && i === packets - 1,
      sequenceNumber: (sequenceNumber + i) & 0xffff,
      timestamp: (3000 * frame) >>> 0,
      ssrc,
      payload,
    });
  });
}
