import type { RandomSource } from '../../machine.ts';

/** The platform's generator. Pages on plain http have this one part of Web Crypto too. */
export const systemRandom: RandomSource = {
  fill(target) {
    globalThis.crypto.getRandomValues(target as Uint8Array<ArrayBuffer>);
  },
};
