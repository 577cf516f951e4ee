/** Writes bits, the most significant first, into bytes of its own: the other side of `BitReader`. */
export class BitWriter {
  #bytes: Uint8Array;
  #position = 0;

  constructor(capacity = 32) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** How many bits were written. */
  get position(): number {
    return this.#position;
  }

  /** The lowest `count` bits of an unsigned number, 0 … 32 of them. */
  u(count: number, value: number): this {
    const end = this.#position + count;
    if (end > 8 * this.#bytes.length) {
      const larger = new Uint8Array(Math.max((end + 7) >> 3, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    for (let i = this.#position, shift = count - 1; i < end; i++, shift--) {
      if ((value >>> shift) & 1) this.#bytes[i >> 3]! |= 0x80 >> (i & 7);
    }
    this.#position = end;
    return this;
  }

  flag(value: boolean): this {
    return this.u(1, value ? 1 : 0);
  }

  /** What was written so far, with zeros up to a whole byte. The writer may go on; the result is its own copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, (this.#position + 7) >> 3);
  }
}
