/**
 * SACK (RFC 9260 §3.3.4). Read in place; written by offset into the packet.
 *
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Type = 3    |  Chunk Flags  |         Chunk Length          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                      Cumulative TSN Ack                       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |          Advertised Receiver Window Credit (a_rwnd)           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Number of Gap Ack Blocks = N |  Number of Duplicate TSNs = M |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |    Gap Ack Block #1 Start     |     Gap Ack Block #1 End      |   as offsets from the Cumulative TSN Ack
 * \                              ...                              \
 * |                        Duplicate TSN 1                        |
 * \                              ...                              \
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { setU16, setU32, u16 } from '../../binary/bytes.ts';
import { CHUNK, CHUNK_HEADER } from './chunk.ts';

export const SACK = {
  cumulativeTsnAck: 4,
  aRwnd: 8,
  gapBlockCount: 12,
  duplicateCount: 14,
  gapBlocks: 16,
  bytesPerGapBlock: 4,
  bytesPerDuplicate: 4,
} as const;

/** Whether a chunk of `length` bytes at `at` holds the blocks it counts. */
export function isWholeSack(packet: Uint8Array, at: number, length: number): boolean {
  if (length < SACK.gapBlocks) return false;
  const blocks = u16(packet, at + SACK.gapBlockCount);
  const duplicates = u16(packet, at + SACK.duplicateCount);
  return SACK.gapBlocks + blocks * SACK.bytesPerGapBlock + duplicates * SACK.bytesPerDuplicate <= length;
}

/** Writes the fixed part; the caller has written the blocks and duplicates behind it. Returns the chunk's length. */
export function writeSackHead(
  bytes: Uint8Array,
  at: number,
  cumulativeTsnAck: number,
  aRwnd: number,
  gapBlockCount: number,
  duplicateCount: number,
): number {
  const length = SACK.gapBlocks + gapBlockCount * SACK.bytesPerGapBlock + duplicateCount * SACK.bytesPerDuplicate;
  bytes[at + CHUNK_HEADER.type] = CHUNK.sack;
  setU16(bytes, at + CHUNK_HEADER.length, length);
  setU32(bytes, at + SACK.cumulativeTsnAck, cumulativeTsnAck);
  setU32(bytes, at + SACK.aRwnd, aRwnd);
  setU16(bytes, at + SACK.gapBlockCount, gapBlockCount);
  setU16(bytes, at + SACK.duplicateCount, duplicateCount);
  return length;
}
