/** Quick random numbers for choices that nobody gains by guessing: whom an offer goes to, when the next announce is due. */
import { type RandomSource, randomUint32 } from '../../machine.ts';

/** Xorshift128 (Marsaglia, 2003), seeded from the caller's source: a choice costs nanoseconds, not a call to the system. */
export class Dice {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(random: RandomSource) {
    this.#a = randomUint32(random) | 1; // never all zeros
    this.#b = randomUint32(random);
    this.#c = randomUint32(random);
    this.#d = randomUint32(random);
  }

  /** 0 ≤ x < 1. */
  unit(): number {
    let t = this.#a;
    t ^= t << 11;
    t ^= t >>> 8;
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    this.#d = (this.#d ^ (this.#d >>> 19) ^ t) | 0;
    return (this.#d >>> 0) / 0x1_0000_0000;
  }

  /** An integer, 0 ≤ x < `bound`. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }
}
