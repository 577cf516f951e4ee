import type { RandomSource } from '../../../src/machine.ts';

/** Seeded randomness (xorshift32 with a scrambled seed): the same seed, the same bytes. */
export class SeededRandom implements RandomSource {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.uint32();
  }

  uint32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return Math.imul(this.#state, 0x85eb_ca6b) >>> 0;
  }

  /** 0 ≤ x < 1. */
  real(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** An integer, `min` ≤ n ≤ `max`. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.real() * (max - min + 1));
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.uint32() >>> 24;
  }
}
