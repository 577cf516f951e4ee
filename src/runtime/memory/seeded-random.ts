/**
 * Randomness that a seed repeats: xoshiro128** (Blackman and Vigna, 2018), seeded through SplitMix32. Good for
 * simulations; anyone who has seen a few outputs can tell the rest, so never for keys that matter.
 */
import type { RandomSource } from '../../machine.ts';

export class SeededRandom implements RandomSource {
  readonly #seed: number;
  readonly #state = new Uint32Array(4);

  /** The same seed gives the same sequence, on every machine. */
  constructor(seed: number | string) {
    this.#seed = typeof seed === 'string' ? hash(seed, 0) : seed >>> 0;
    let x = this.#seed;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e37_79b9) >>> 0;
      this.#state[i] = mix(x);
    }
  }

  /** A stream of its own for `name`, the same however much of this one has been used. */
  fork(name: string): SeededRandom {
    return new SeededRandom(hash(name, this.#seed));
  }

  uint32(): number {
    const s = this.#state;
    const s1 = s[1]!;
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= s1 << 9;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  }

  /** 0 ≤ x < 1. */
  unit(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** `min` ≤ x < `max`. */
  between(min: number, max: number): number {
    return min + this.unit() * (max - min);
  }

  /** An integer, 0 ≤ i < `count`. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** True with this probability. 0 and 1 use up no randomness. */
  chance(probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.unit() < probability);
  }

  fill(target: Uint8Array): void {
    let i = 0;
    for (; i + 4 <= target.length; i += 4) {
      const word = this.uint32();
      target[i] = word;
      target[i + 1] = word >>> 8;
      target[i + 2] = word >>> 16;
      target[i + 3] = word >>> 24;
    }
    for (let word = this.uint32(); i < target.length; i++, word >>>= 8) target[i] = word;
  }
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** SplitMix32's finalizer. */
function mix(x: number): number {
  let z = Math.imul(x ^ (x >>> 16), 0x21f0_aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** FNV-1a over the UTF-16 code units, finalized. */
function hash(text: string, seed: number): number {
  let h = seed ^ 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  return mix(h >>> 0);
}
