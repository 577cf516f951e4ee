/**
 * FORWARD TSN (RFC 3758 §3.2): the receiver shall no longer wait for anything up to a TSN.
 *
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Type = 192  |  Flags = 0x00 |        Length = Variable      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                      New Cumulative TSN                       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |         Stream-1              |       Stream Sequence-1       |
 * \                              ...                              \
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { setU16, setU32, u16, u32 } from '../../binary/bytes.ts';
import { CHUNK, encodeChunk } from './chunk.ts';

const FORWARD_TSN = { newCumulativeTsn: 4, streams: 8, bytesPerStream: 4 } as const;

export type ForwardTsn = {
  readonly newCumulativeTsn: number;
  /** The largest sequence number skipped, of each stream that had ordered messages given up. */
  readonly streams: readonly { readonly streamId: number; readonly ssn: number }[];
};

/** How many streams a FORWARD TSN of `room` bytes can name. */
export function forwardTsnCapacity(room: number): number {
  return Math.max(0, Math.floor((room - FORWARD_TSN.streams) / FORWARD_TSN.bytesPerStream));
}

export function decodeForwardTsn(chunk: Uint8Array): ForwardTsn | null {
  if (chunk.length < FORWARD_TSN.streams) return null;
  const streams: { streamId: number; ssn: number }[] = [];
  for (let at: number = FORWARD_TSN.streams; at + FORWARD_TSN.bytesPerStream <= chunk.length; at += 4) {
    streams.push({ streamId: u16(chunk, at), ssn: u16(chunk, at + 2) });
  }
  return { newCumulativeTsn: u32(chunk, FORWARD_TSN.newCumulativeTsn), streams };
}

export function encodeForwardTsn(newCumulativeTsn: number, skipped: ReadonlyMap<number, number>): Uint8Array {
  const value = new Uint8Array(4 + skipped.size * FORWARD_TSN.bytesPerStream);
  setU32(value, 0, newCumulativeTsn);
  let at = 4;
  for (const [streamId, ssn] of skipped) {
    setU16(value, at, streamId);
    setU16(value, at + 2, ssn);
    at += FORWARD_TSN.bytesPerStream;
  }
  return encodeChunk(CHUNK.forwardTsn, 0, value);
}
