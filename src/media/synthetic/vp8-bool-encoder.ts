/** Arithmetic coding of VP8 (RFC 6386 §7.3): single bits, each with the probability, of 256, that it is false. */

export const EVEN = 128;

export class BoolEncoder {
  readonly #bytes: number[] = [];
  #range = 255;
  #bottom = 0;
  #bitCount = 24;

  bool(value: boolean, probability: number): void {
    const split = 1 + (((this.#range - 1) * probability) >> 8);
    if (value) {
      this.#bottom += split;
      this.#range -= split;
    } else {
      this.#range = split;
    }
    while (this.#range < 128) {
      this.#range *= 2;
      if (this.#bottom >= 2 ** 31) this.#carry();
      this.#bottom = (this.#bottom * 2) % 2 ** 32;
      if (--this.#bitCount === 0) {
        this.#bytes.push(Math.floor(this.#bottom / 2 ** 24));
        this.#bottom %= 2 ** 24;
        this.#bitCount = 8;
      }
    }
  }

  /** A number of `bits` bits, the highest first. */
  literal(value: number, bits: number): void {
    for (let i = bits - 1; i >= 0; i--) this.bool(((value >>> i) & 1) === 1, EVEN);
  }

  finish(): Uint8Array {
    this.literal(0, 32);
    return Uint8Array.from(this.#bytes);
  }

  #carry(): void {
    let i = this.#bytes.length - 1;
    while (i >= 0 && this.#bytes[i] === 255) this.#bytes[i--] = 0;
    if (i >= 0) this.#bytes[i]!++;
  }
}
