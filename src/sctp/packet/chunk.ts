/**
 * What all chunks and all parameters have in common (RFC 9260 §3.2, §3.2.1).
 *
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Chunk Type   |  Chunk Flags  |         Chunk Length          |   value, then up to 3 bytes of padding
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        Parameter Type         |       Parameter Length        |   value, then up to 3 bytes of padding
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { setU16, u16 } from '../../binary/bytes.ts';

/** RFC 9260 §3.2 Table 1; RFC 6525 §3.1; RFC 3758 §3.2. */
export const CHUNK = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  reConfig: 130,
  forwardTsn: 192,
} as const;

export const CHUNK_HEADER = { type: 0, flags: 1, length: 2, size: 4 } as const;
export const PARAMETER_HEADER = { type: 0, length: 2, size: 4 } as const;

/** ABORT and SHUTDOWN COMPLETE: the verification tag is the one received, not the peer's (RFC 9260 §3.3.7, §8.5.1). */
export const FLAG_TAG_REFLECTED = 0x01;

/** `length` rounded up to a multiple of 4. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

/**
 * Length of the chunk at `at`, without padding; 0 when there is no whole chunk: a length below 4 (which would never
 * end) or beyond the packet ("If the receiver detects a partial chunk, it MUST drop the chunk", RFC 9260 §6.10).
 */
export function chunkLength(packet: Uint8Array, at: number): number {
  if (at + CHUNK_HEADER.size > packet.length) return 0;
  const length = u16(packet, at + CHUNK_HEADER.length);
  return length < CHUNK_HEADER.size || at + length > packet.length ? 0 : length;
}

/** A chunk with a value of its own, padded. Not for DATA. */
export function encodeChunk(type: number, flags: number, value: Uint8Array): Uint8Array {
  const length = CHUNK_HEADER.size + value.length;
  const chunk = new Uint8Array(padded(length));
  chunk[CHUNK_HEADER.type] = type;
  chunk[CHUNK_HEADER.flags] = flags;
  setU16(chunk, CHUNK_HEADER.length, length);
  chunk.set(value, CHUNK_HEADER.size);
  return chunk;
}

/** One Type-Length-Value. `bytes` is all of it without padding, `value` what stands behind the header. */
export type Parameter = { readonly type: number; readonly bytes: Uint8Array; readonly value: Uint8Array };

/** Encodes a parameter (or an error cause, which has the same form), padded. */
export function encodeParameter(type: number, value: Uint8Array): Uint8Array {
  const length = PARAMETER_HEADER.size + value.length;
  const parameter = new Uint8Array(padded(length));
  setU16(parameter, PARAMETER_HEADER.type, type);
  setU16(parameter, PARAMETER_HEADER.length, length);
  parameter.set(value, PARAMETER_HEADER.size);
  return parameter;
}

/** All parameters of `bytes`, in order; `null` when one of them has no sensible length. */
export function decodeParameters(bytes: Uint8Array): Parameter[] | null {
  const parameters: Parameter[] = [];
  let at = 0;
  // The padding of the last parameter may be missing (RFC 9260 §3.2, note on Chunk Length).
  while (bytes.length - at >= PARAMETER_HEADER.size) {
    const length = u16(bytes, at + PARAMETER_HEADER.length);
    if (length < PARAMETER_HEADER.size || length > bytes.length - at) return null;
    parameters.push({
      type: u16(bytes, at + PARAMETER_HEADER.type),
      bytes: bytes.subarray(at, at + length),
      value: bytes.subarray(at + PARAMETER_HEADER.size, at + length),
    });
    at += padded(length);
  }
  return parameters;
}

/** What the two highest bits of an unknown type ask for (RFC 9260 §3.2 Table 2, §3.2.1 Table 3). */
export type UnknownTypeRule = { readonly goOn: boolean; readonly report: boolean };

export function unknownChunkRule(type: number): UnknownTypeRule {
  return { goOn: (type & 0x80) !== 0, report: (type & 0x40) !== 0 };
}

export function unknownParameterRule(type: number): UnknownTypeRule {
  return { goOn: (type & 0x8000) !== 0, report: (type & 0x4000) !== 0 };
}
