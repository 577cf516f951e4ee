/**
 * Handshake messages and their frame (RFC 6347 §4.2.2).
 *
 *     struct {
 *         HandshakeType msg_type;
 *         uint24 length;
 *         uint16 message_seq;
 *         uint24 fragment_offset;
 *         uint24 fragment_length;
 *         select (HandshakeType) { … } body;
 *     } Handshake;
 */
import { setU16, setU24, u16, u24 } from '../binary/bytes.ts';

export const HANDSHAKE_TYPE = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

/** A whole message; `type` may be one that has no name above. */
export type HandshakeMessage = { readonly type: number; readonly messageSeq: number; readonly body: Uint8Array };

/** A piece of one, as it lies in a record. */
export type Fragment = {
  readonly type: number;
  /** Bytes of the whole body. */
  readonly length: number;
  readonly messageSeq: number;
  readonly offset: number;
  readonly content: Uint8Array;
};

const HEADER = { type: 0, length: 1, messageSeq: 4, fragmentOffset: 6, fragmentLength: 9, size: 12 } as const;

export const HANDSHAKE_HEADER_LENGTH: number = HEADER.size;

/** Reads the fragment at `start`; `null` when it does not lie in `content` or reaches past its own message. */
export function decodeFragment(content: Uint8Array, start: number): Fragment | null {
  if (content.length - start < HEADER.size) return null;
  const length = u24(content, start + HEADER.length);
  const offset = u24(content, start + HEADER.fragmentOffset);
  const fragmentLength = u24(content, start + HEADER.fragmentLength);
  const body = start + HEADER.size;
  if (offset + fragmentLength > length || fragmentLength > content.length - body) return null;
  return {
    type: content[start + HEADER.type]!,
    length,
    messageSeq: u16(content, start + HEADER.messageSeq),
    offset,
    content: content.subarray(body, body + fragmentLength),
  };
}

/** Writes `message.body[offset, offset + length)` as a fragment to `buffer` at `start`. */
export function writeFragment(
  buffer: Uint8Array,
  start: number,
  message: HandshakeMessage,
  offset: number,
  length: number,
): void {
  buffer[start + HEADER.type] = message.type;
  setU24(buffer, start + HEADER.length, message.body.length);
  setU16(buffer, start + HEADER.messageSeq, message.messageSeq);
  setU24(buffer, start + HEADER.fragmentOffset, offset);
  setU24(buffer, start + HEADER.fragmentLength, length);
  buffer.set(message.body.subarray(offset, offset + length), start + HEADER.size);
}
