/**
 * Messages out of a byte stream, for TURN over TCP and TLS (RFC 8489 §6.2.2, RFC 8656 §12.5): STUN messages and ChannelData,
 * one after the other, each telling its own length.
 */
import { u16, u32 } from '../binary/bytes.ts';
import { CHANNEL_DATA } from './channel-data.ts';

const STUN_HEADER_LENGTH = 20; // RFC 8489 §5
const MAGIC_COOKIE = 0x2112_a442; // RFC 8489 §5

/**
 * Bound: the length field of either kind has 16 bits, so this is the longest message there can be, and more than that is
 * never kept. A partial message costs what has come of it, not what it claims.
 */
export const MAX_STREAM_MESSAGE_LENGTH: number = STUN_HEADER_LENGTH + 0xffff;

export class StreamFramer {
  /** What has come of a message that is not whole: a copy of our own, with room to grow. */
  #buffer = new Uint8Array(0);
  #length = 0;
  #broken = false;

  /** Whether something came that is neither kind of message: there is no finding the next one, so the stream is over. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /**
   * Takes what came and hands out what is whole. `bytes` belong to the framer, and a message may be a view of them.
   * @returns false when the stream is broken: close it
   */
  push(bytes: Uint8Array, onMessage: (message: Uint8Array) => void): boolean {
    if (this.#broken) return false;
    let rest = bytes;
    if (this.#length > 0) {
      rest = this.#join(bytes);
      this.#length = 0;
    }
    while (!this.#broken && rest.length > 0) {
      const length = messageLength(rest);
      if (length === null) {
        this.#broken = true;
        this.#buffer = new Uint8Array(0);
        return false;
      }
      if (length === undefined || length > rest.length) {
        this.#keep(rest);
        return true;
      }
      onMessage(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    return !this.#broken;
  }

  /** The kept part and what follows it. Messages are views of the result, so the buffer is given away when one is whole. */
  #join(bytes: Uint8Array): Uint8Array {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.#buffer.length, MAX_STREAM_MESSAGE_LENGTH)));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    return this.#buffer.subarray(0, length);
  }

  #keep(rest: Uint8Array): void {
    const isOurs = rest.buffer === this.#buffer.buffer && rest.byteOffset === this.#buffer.byteOffset;
    if (!isOurs) this.#buffer = rest.slice();
    this.#length = rest.length;
  }
}

/** How long the message that starts here is, padding included; `undefined`: not known yet; `null`: this is no message. */
function messageLength(bytes: Uint8Array): number | null | undefined {
  const kind = bytes[0]! >> 4;
  if (kind === 4) {
    if (bytes.length < CHANNEL_DATA.data) return undefined;
    return (CHANNEL_DATA.data + u16(bytes, CHANNEL_DATA.length) + 3) & ~3;
  }
  if (kind > 3) return null;
  if (bytes.length < 8) return undefined;
  const length = u16(bytes, 2);
  if (u32(bytes, 4) !== MAGIC_COOKIE || length % 4 !== 0) return null;
  return STUN_HEADER_LENGTH + length;
}
