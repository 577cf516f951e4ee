/** Packets in a TCP stream (RFC 4571 §2): each behind its length in two bytes. ICE-TCP sends everything so (RFC 6544 §7.1). */
import { setU16, u16 } from '../binary/bytes.ts';

const LENGTH_BYTES = 2;
/** The length field has 16 bits. */
export const MAX_FRAMED_LENGTH = 0xffff;

/**
 * The frame of a packet, which is copied.
 * @throws RangeError past 65,535 bytes
 */
export function framePacket(packet: Uint8Array): Uint8Array {
  if (packet.length > MAX_FRAMED_LENGTH) {
    throw new RangeError(`a frame holds at most ${MAX_FRAMED_LENGTH} bytes, got ${packet.length}`);
  }
  const frame = new Uint8Array(LENGTH_BYTES + packet.length);
  setU16(frame, 0, packet.length);
  frame.set(packet, LENGTH_BYTES);
  return frame;
}

/** Takes a stream apart. Keeps no more than one frame that has not come whole, and what came with its last piece. */
export class PacketDeframer {
  /** What has come of a frame: a copy of our own, with room to grow. */
  #buffer = new Uint8Array(0);
  #length = 0;

  /** Takes what came and hands out what is whole; empty frames are left out. Packets belong to `onPacket`. */
  push(bytes: Uint8Array, onPacket: (packet: Uint8Array) => void): void {
    let rest = this.#length === 0 ? bytes : this.#append(bytes);
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + u16(rest, 0);
      if (rest.length < end) break;
      if (end > LENGTH_BYTES) onPacket(rest.subarray(LENGTH_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#keep(rest);
  }

  #append(bytes: Uint8Array): Uint8Array {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(
        Math.max(length, Math.min(2 * this.#buffer.length, LENGTH_BYTES + MAX_FRAMED_LENGTH)),
      );
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    return this.#buffer.subarray(0, length);
  }

  /** Packets that were handed out are views of the memory before `rest`, which is then no longer ours. */
  #keep(rest: Uint8Array): void {
    const isUntouched = rest.buffer === this.#buffer.buffer && rest.byteOffset === 0;
    if (!isUntouched) this.#buffer = rest.slice();
    this.#length = rest.length;
  }
}
