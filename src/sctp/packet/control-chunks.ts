/** The chunks too small for a file of their own (RFC 9260 §3.3.5 – §3.3.13). */
import { setU32, u32 } from '../../binary/bytes.ts';
import { CHUNK, CHUNK_HEADER, decodeParameters, encodeChunk, encodeParameter } from './chunk.ts';

/** Heartbeat Info, the one parameter of HEARTBEAT and HEARTBEAT ACK (RFC 9260 §3.3.5). */
const HEARTBEAT_INFO = 1;
const EMPTY = new Uint8Array(0);

export function encodeHeartbeat(info: Uint8Array): Uint8Array {
  return encodeChunk(CHUNK.heartbeat, 0, encodeParameter(HEARTBEAT_INFO, info));
}

/** "The Heartbeat Information TLV, together with any other received TLVs, copied unchanged" (RFC 9260 §8.3). */
export function encodeHeartbeatAck(heartbeat: Uint8Array): Uint8Array {
  return encodeChunk(CHUNK.heartbeatAck, 0, heartbeat.subarray(CHUNK_HEADER.size));
}

/** The Heartbeat Info of a whole HEARTBEAT ACK chunk, or `null`. */
export function decodeHeartbeatInfo(chunk: Uint8Array): Uint8Array | null {
  const parameters = decodeParameters(chunk.subarray(CHUNK_HEADER.size));
  return parameters?.find(({ type }) => type === HEARTBEAT_INFO)?.value ?? null;
}

export function encodeShutdown(cumulativeTsnAck: number): Uint8Array {
  const value = new Uint8Array(4);
  setU32(value, 0, cumulativeTsnAck);
  return encodeChunk(CHUNK.shutdown, 0, value);
}

/** The Cumulative TSN Ack of a whole SHUTDOWN chunk, or `null`. */
export function decodeShutdown(chunk: Uint8Array): number | null {
  return chunk.length < 8 ? null : u32(chunk, CHUNK_HEADER.size);
}

export function encodeShutdownAck(): Uint8Array {
  return encodeChunk(CHUNK.shutdownAck, 0, EMPTY);
}

export function encodeShutdownComplete(flags = 0): Uint8Array {
  return encodeChunk(CHUNK.shutdownComplete, flags, EMPTY);
}

export function encodeCookieEcho(cookie: Uint8Array): Uint8Array {
  return encodeChunk(CHUNK.cookieEcho, 0, cookie);
}

export function encodeCookieAck(): Uint8Array {
  return encodeChunk(CHUNK.cookieAck, 0, EMPTY);
}
