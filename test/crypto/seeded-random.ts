import { shake256 } from '@noble/hashes/sha3.js';
import type { RandomSource } from '../../src/machine.ts';

/** A random source that gives the same bytes for the same seed: SHAKE256 of the seed, read on and on. */
export function seededRandom(seed: number): RandomSource {
  const stream = shake256.create({}).update(new TextEncoder().encode(String(seed)));
  return { fill: (target) => stream.xofInto(target) };
}
