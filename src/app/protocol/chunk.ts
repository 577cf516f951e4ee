/**
 * The one binary frame of the chat protocol: a piece of a file.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |   kind = 1    |            id of the transfer                 |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |               |   bytes of the file …
 *     +-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The channel is ordered and reliable: a chunk needs no position.
 */
import { MAX_CHUNK_BYTES } from './limits.ts';

const KIND_CHUNK = 1;
const HEADER = { kind: 0, id: 1, size: 5 } as const;

export function encodeChunk(id: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER.size + bytes.length);
  frame[HEADER.kind] = KIND_CHUNK;
  new DataView(frame.buffer).setUint32(HEADER.id, id);
  frame.set(bytes, HEADER.size);
  return frame;
}

/** The chunk's `bytes` are a view of the frame; `null` when it is none. */
export function parseChunk(frame: Uint8Array): { readonly id: number; readonly bytes: Uint8Array } | null {
  const length = frame.length - HEADER.size;
  if (length < 1 || length > MAX_CHUNK_BYTES || frame[HEADER.kind] !== KIND_CHUNK) return null;
  const id = new DataView(frame.buffer, frame.byteOffset).getUint32(HEADER.id);
  return { id, bytes: frame.subarray(HEADER.size) };
}
