/**
 * Reads bits, the most significant first, as video headers have them. As with `ByteReader`, reading past the end never
 * throws: it yields zeros and turns `ok` to false for good, so that a parser reads all its fields and asks once.
 */
export class BitReader {
  readonly bytes: Uint8Array;
  #position = 0;
  #ok = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** False once anything was read past the end. */
  get ok(): boolean {
    return this.#ok;
  }

  /** How many bits were read. */
  get position(): number {
    return this.#position;
  }

  /** An unsigned number of `count` bits, 0 … 32. */
  u(count: number): number {
    const at = this.#position;
    if (!this.#ok || at + count > 8 * this.bytes.length) {
      this.#ok = false;
      return 0;
    }
    this.#position = at + count;
    let value = 0;
    for (let i = at; i < at + count; i++) value = (value << 1) | ((this.bytes[i >> 3]! >> (7 - (i & 7))) & 1);
    return value >>> 0;
  }

  /** One bit. */
  flag(): boolean {
    return this.u(1) === 1;
  }

  skip(count: number): void {
    if (!this.#ok || this.#position + count > 8 * this.bytes.length) this.#ok = false;
    else this.#position += count;
  }

  /** An unsigned Exp-Golomb number, ue(v) of H.264 §9.1 and H.265 §9.2; more than 32 bits of it are not ok. */
  ue(): number {
    let zeros = 0;
    while (this.#ok && !this.flag()) {
      if (++zeros > 31) this.#ok = false;
    }
    return this.#ok ? 2 ** zeros - 1 + this.u(zeros) : 0;
  }

  /** A signed Exp-Golomb number, se(v): 0, 1, -1, 2, -2 … */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2 || 0;
  }
}
