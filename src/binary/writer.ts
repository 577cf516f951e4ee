import { setU16, setU24, setU32 } from './bytes.ts';

/** Writes a structure field after field into a buffer that grows. For handshakes; the packet path writes by offset. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    setU16(this.#bytes, at, value);
    return this;
  }

  u24(value: number): this {
    const at = this.#grow(3);
    setU24(this.#bytes, at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    setU32(this.#bytes, at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** What `body` writes, behind its length in one byte. Throws `RangeError` when it does not fit. */
  vector8(body: (writer: this) => void): this {
    return this.#vector(1, body);
  }

  /** What `body` writes, behind its length in two bytes. */
  vector16(body: (writer: this) => void): this {
    return this.#vector(2, body);
  }

  /** What `body` writes, behind its length in three bytes. */
  vector24(body: (writer: this) => void): this {
    return this.#vector(3, body);
  }

  /** What was written so far. The writer may go on; the result is its own copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #vector(lengthBytes: 1 | 2 | 3, body: (writer: this) => void): this {
    const at = this.#grow(lengthBytes);
    body(this);
    const length = this.#length - at - lengthBytes;
    if (length >= 2 ** (8 * lengthBytes)) {
      throw new RangeError(`a vector of ${length} bytes does not fit a ${lengthBytes}-byte length`);
    }
    for (let i = 0; i < lengthBytes; i++) this.#bytes[at + i] = length >>> (8 * (lengthBytes - 1 - i));
    return this;
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length = at + count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }
}
