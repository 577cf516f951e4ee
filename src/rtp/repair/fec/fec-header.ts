/**
 * What a packet of forward error correction says of itself, in the two forms of WebRTC. In both, its body is the XOR of the
 * packets it protects, from behind their fixed headers on; and its header has the XOR of what those contain.
 *
 * ```
 * ULPFEC (RFC 5109 §7.3, §7.4)                            FlexFEC (draft-ietf-payload-flexible-fec-scheme-03 §4.2.2)
 *  0 |E|L|P|X|  CC   |M| PT recovery |    SN base    |     0 |R|F|P|X|  CC   |M| PT recovery |length recovery|
 *  4 |                  TS recovery                  |     4 |                  TS recovery                  |
 *  8 |length recovery|protection len.|     mask      |     8 |SSRCCount = 1 |           reserved             |
 * 14 |           mask goes on, if L = 1              |    12 |              SSRC of the media                |
 *                                                         16 |    SN base    |k|        mask [0-14]          |
 *                                                         20 |k|               mask [15-45], if k was 0      |
 *                                                         24 |k|               mask [46-108], if k was 0     |
 * ```
 * Of ULPFEC, level 0 alone; of FlexFEC, one SSRC and masks (R = 0, F = 0): what browsers send.
 */
import { setU16, setU32, u16, u32 } from '../../../binary/bytes.ts';

export type FecScheme = 'ulpfec' | 'flexfec';

/** Fields of a packet of FEC, whichever its scheme. */
export type FecPacket = {
  /** Of the packets that it protects; `null`: its own (ULPFEC). */
  readonly ssrc: number | null;
  readonly sequenceNumberBase: number;
  /** The packets protected, as distances from the base, in rising order. */
  readonly offsets: readonly number[];
  /** P, X, CC of the first byte; M and payload type of the second. */
  readonly firstByte: number;
  readonly secondByte: number;
  readonly length: number;
  readonly timestamp: number;
  /** XOR of what stands behind the fixed headers, as long as the longest of them. */
  readonly body: Uint8Array;
};

/** P, X and CC. */
export const FIRST_BYTE_MASK = 0x3f;

const ULPFEC = { base: 2, timestamp: 4, length: 8, protectionLength: 10, mask: 12 } as const;
const ULPFEC_LONG_MASK_BIT = 0x40;
const ULPFEC_SHORT_MASK_BYTES = 2;
const ULPFEC_LONG_MASK_BYTES = 6;

const FLEXFEC = { length: 2, timestamp: 4, ssrcCount: 8, ssrc: 12, base: 16, mask: 18 } as const;
const FLEXFEC_RETRANSMISSION_OR_FIXED = 0xc0;
/** Bytes of the parts of a mask; each begins with a bit that says whether it is the last. */
const FLEXFEC_MASK_PARTS = [2, 4, 8] as const;

/** The packets within reach of one packet of FEC, by scheme: 48 bits, and 15 + 31 + 63. */
export const MAX_FEC_REACH: Readonly<Record<FecScheme, number>> = { ulpfec: 48, flexfec: 109 };

/** `null` for a payload that is malformed, or of a kind that is not supported. */
export function parseFec(scheme: FecScheme, payload: Uint8Array): FecPacket | null {
  return scheme === 'ulpfec' ? parseUlpfec(payload) : parseFlexfec(payload);
}

function parseUlpfec(payload: Uint8Array): FecPacket | null {
  if (payload.length < ULPFEC.mask + ULPFEC_SHORT_MASK_BYTES) return null;
  const maskBytes = payload[0]! & ULPFEC_LONG_MASK_BIT ? ULPFEC_LONG_MASK_BYTES : ULPFEC_SHORT_MASK_BYTES;
  const start = ULPFEC.mask + maskBytes;
  const end = start + u16(payload, ULPFEC.protectionLength);
  if (end > payload.length) return null;
  const offsets: number[] = [];
  for (let i = 0; i < 8 * maskBytes; i++) {
    if (payload[ULPFEC.mask + (i >> 3)]! & (0x80 >> (i & 7))) offsets.push(i);
  }
  if (offsets.length === 0) return null;
  return {
    ssrc: null,
    sequenceNumberBase: u16(payload, ULPFEC.base),
    offsets,
    firstByte: payload[0]! & FIRST_BYTE_MASK,
    secondByte: payload[1]!,
    length: u16(payload, ULPFEC.length),
    timestamp: u32(payload, ULPFEC.timestamp),
    body: payload.subarray(start, end),
  };
}

function parseFlexfec(payload: Uint8Array): FecPacket | null {
  if (payload.length < FLEXFEC.mask + FLEXFEC_MASK_PARTS[0]) return null;
  if (payload[0]! & FLEXFEC_RETRANSMISSION_OR_FIXED || payload[FLEXFEC.ssrcCount] !== 1) return null;
  const offsets: number[] = [];
  let at: number = FLEXFEC.mask;
  let first = 0; // what the first bit of this part stands for
  let isLast = false;
  for (const bytes of FLEXFEC_MASK_PARTS) {
    if (at + bytes > payload.length) return null;
    isLast = (payload[at]! & 0x80) !== 0;
    for (let bit = 1; bit < 8 * bytes; bit++) {
      if (payload[at + (bit >> 3)]! & (0x80 >> (bit & 7))) offsets.push(first + bit - 1);
    }
    at += bytes;
    first += 8 * bytes - 1;
    if (isLast) break;
  }
  if (!isLast || offsets.length === 0) return null;
  return {
    ssrc: u32(payload, FLEXFEC.ssrc),
    sequenceNumberBase: u16(payload, FLEXFEC.base),
    offsets,
    firstByte: payload[0]! & FIRST_BYTE_MASK,
    secondByte: payload[1]!,
    length: u16(payload, FLEXFEC.length),
    timestamp: u32(payload, FLEXFEC.timestamp),
    body: payload.subarray(at),
  };
}

/** The payload of a packet of FEC: header, then body. The farthest offset chooses the size of the mask. */
export function encodeFec(scheme: FecScheme, packet: FecPacket): Uint8Array {
  return scheme === 'ulpfec' ? encodeUlpfec(packet) : encodeFlexfec(packet);
}

function encodeUlpfec(packet: FecPacket): Uint8Array {
  const isLong = packet.offsets.at(-1)! >= 8 * ULPFEC_SHORT_MASK_BYTES;
  const start = ULPFEC.mask + (isLong ? ULPFEC_LONG_MASK_BYTES : ULPFEC_SHORT_MASK_BYTES);
  const payload = new Uint8Array(start + packet.body.length);
  payload[0] = (isLong ? ULPFEC_LONG_MASK_BIT : 0) | packet.firstByte;
  payload[1] = packet.secondByte;
  setU16(payload, ULPFEC.base, packet.sequenceNumberBase);
  setU32(payload, ULPFEC.timestamp, packet.timestamp);
  setU16(payload, ULPFEC.length, packet.length);
  setU16(payload, ULPFEC.protectionLength, packet.body.length);
  for (const i of packet.offsets) payload[ULPFEC.mask + (i >> 3)]! |= 0x80 >> (i & 7);
  payload.set(packet.body, start);
  return payload;
}

function encodeFlexfec(packet: FecPacket): Uint8Array {
  const reach = packet.offsets.at(-1)!;
  const parts = reach < 15 ? 1 : reach < 46 ? 2 : 3;
  const start = FLEXFEC.mask + FLEXFEC_MASK_PARTS.slice(0, parts).reduce((sum, bytes) => sum + bytes, 0);
  const payload = new Uint8Array(start + packet.body.length);
  payload[0] = packet.firstByte;
  payload[1] = packet.secondByte;
  setU16(payload, FLEXFEC.length, packet.length);
  setU32(payload, FLEXFEC.timestamp, packet.timestamp);
  payload[FLEXFEC.ssrcCount] = 1;
  setU32(payload, FLEXFEC.ssrc, packet.ssrc ?? 0);
  setU16(payload, FLEXFEC.base, packet.sequenceNumberBase);
  let at: number = FLEXFEC.mask;
  let first = 0;
  for (let part = 0; part < parts; part++) {
    const bits = 8 * FLEXFEC_MASK_PARTS[part]! - 1;
    if (part === parts - 1) payload[at]! |= 0x80;
    for (const offset of packet.offsets) {
      const bit = offset - first + 1;
      if (bit >= 1 && bit <= bits) payload[at + (bit >> 3)]! |= 0x80 >> (bit & 7);
    }
    at += FLEXFEC_MASK_PARTS[part]!;
    first += bits;
  }
  payload.set(packet.body, start);
  return payload;
}
