/**
 * DATA (RFC 9260 §3.3.1). Written and read by offset, never as an object: this is the data path.
 *
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Type = 0    |  Res  |I|U|B|E|           Length              |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                              TSN                              |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |      Stream Identifier S      |   Stream Sequence Number n    |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                  Payload Protocol Identifier                  |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * \                 User Data (seq n of Stream S)                 \
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { setU16, setU32 } from '../../binary/bytes.ts';
import { CHUNK_HEADER, padded } from './chunk.ts';

export const DATA = { tsn: 4, streamId: 8, ssn: 10, ppid: 12, userData: 16 } as const;

/** Last fragment of a message. */
export const DATA_FLAG_END = 0x01;
/** First fragment of a message. */
export const DATA_FLAG_BEGIN = 0x02;
/** The message is outside the order of its stream. */
export const DATA_FLAG_UNORDERED = 0x04;
/** The sender asks for a SACK without delay (RFC 7053). */
export const DATA_FLAG_IMMEDIATE = 0x08;

/** Room a DATA chunk takes in a packet, for `length` bytes of user data. */
export function dataChunkSize(length: number): number {
  return DATA.userData + padded(length);
}

/** Payloads up to this many bytes are copied by a loop: the view that `set` needs costs more. */
const SHORT_COPY_BYTES = 32;

/** Writes a chunk with `source[from, from + length)` as its user data. The bytes of the padding must be zero already. */
export function writeDataChunk(
  bytes: Uint8Array,
  at: number,
  flags: number,
  tsn: number,
  streamId: number,
  ssn: number,
  ppid: number,
  source: Uint8Array,
  from: number,
  length: number,
): void {
  // The type, 0, stands there already: packets are written into fresh memory.
  bytes[at + CHUNK_HEADER.flags] = flags;
  setU16(bytes, at + CHUNK_HEADER.length, DATA.userData + length);
  setU32(bytes, at + DATA.tsn, tsn);
  setU16(bytes, at + DATA.streamId, streamId);
  setU16(bytes, at + DATA.ssn, ssn);
  setU32(bytes, at + DATA.ppid, ppid);
  const to = at + DATA.userData;
  if (length <= SHORT_COPY_BYTES) {
    for (let i = 0; i < length; i++) bytes[to + i] = source[from + i]!;
  } else if (length === source.length) {
    bytes.set(source, to);
  } else {
    bytes.set(source.subarray(from, from + length), to);
  }
}
