/** AES in counter mode (NIST SP 800-38A §6.5, RFC 3711 §4.1.1) under one key, in place, in plain TypeScript. */
import { u32 } from '../binary/bytes.ts';
import { AES_BLOCK_LENGTH, encryptAesBlock, expandAesKey } from './aes.ts';
import type { AesCmKey } from './provider.ts';
import { checkCounter, checkRange } from './rules.ts';
import { viewOf } from './view.ts';

export class TypeScriptAesCmKey implements AesCmKey {
  readonly #schedule: Int32Array;
  readonly #keyStream = new Int32Array(4);

  constructor(key: Uint8Array) {
    this.#schedule = expandAesKey(key);
  }

  apply(counter: Uint8Array, buffer: Uint8Array, start: number, end: number): void {
    checkCounter(counter);
    checkRange(buffer, start, end, 0);
    const schedule = this.#schedule;
    const stream = this.#keyStream;
    let c0 = u32(counter, 0) | 0;
    let c1 = u32(counter, 4) | 0;
    let c2 = u32(counter, 8) | 0;
    let c3 = u32(counter, 12) | 0;
    const view = viewOf(buffer);
    let at = buffer.byteOffset + start;
    const lastBlock = buffer.byteOffset + end - AES_BLOCK_LENGTH;
    for (; at <= lastBlock; at += AES_BLOCK_LENGTH) {
      encryptAesBlock(schedule, c0, c1, c2, c3, stream);
      view.setInt32(at, view.getInt32(at) ^ stream[0]!);
      view.setInt32(at + 4, view.getInt32(at + 4) ^ stream[1]!);
      view.setInt32(at + 8, view.getInt32(at + 8) ^ stream[2]!);
      view.setInt32(at + 12, view.getInt32(at + 12) ^ stream[3]!);
      // All 128 bits count, and wrap around.
      c3 = (c3 + 1) | 0;
      if (c3 === 0) c2 = (c2 + 1) | 0;
      if (c3 === 0 && c2 === 0) c1 = (c1 + 1) | 0;
      if (c3 === 0 && c2 === 0 && c1 === 0) c0 = (c0 + 1) | 0;
    }
    at -= buffer.byteOffset;
    if (at === end) return;
    encryptAesBlock(schedule, c0, c1, c2, c3, stream);
    for (let i = 0; at < end; i++, at++) buffer[at]! ^= stream[i >> 2]! >>> (24 - 8 * (i & 3));
  }
}
