import { u16, u24, u32 } from './bytes.ts';

/**
 * Reads a structure field after field. Reading past the end never throws: it yields zeros and turns `ok` to false for
 * good, so that a parser reads all its fields in order and asks once.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  #offset = 0;
  #ok = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** False once anything was read past the end. */
  get ok(): boolean {
    return this.#ok;
  }

  /** True when every byte was read and none past the end. */
  get atEnd(): boolean {
    return this.#ok && this.#offset === this.bytes.length;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.bytes[at]!;
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : u16(this.bytes, at);
  }

  u24(): number {
    const at = this.#take(3);
    return at < 0 ? 0 : u24(this.bytes, at);
  }

  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : u32(this.bytes, at);
  }

  /** A view of the next `length` bytes; empty when there are not as many. */
  take(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? EMPTY : this.bytes.subarray(at, at + length);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** A TLS vector with a one-byte length (RFC 8446 §3.4). */
  vector8(): Uint8Array {
    return this.take(this.u8());
  }

  /** A TLS vector with a two-byte length. */
  vector16(): Uint8Array {
    return this.take(this.u16());
  }

  /** A TLS vector with a three-byte length. */
  vector24(): Uint8Array {
    return this.take(this.u24());
  }

  #take(length: number): number {
    const at = this.#offset;
    if (!this.#ok || length > this.bytes.length - at) {
      this.#ok = false;
      return -1;
    }
    this.#offset = at + length;
    return at;
  }
}

const EMPTY = new Uint8Array(0);
