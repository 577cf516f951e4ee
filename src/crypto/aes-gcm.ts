/**
 * AES-GCM (NIST SP 800-38D) under one key, in place, in plain TypeScript. The round keys and the GHASH tables are made
 * with the key; a packet allocates nothing. noble's `gcm` is the slow twin in the tests.
 */
import { u32 } from '../binary/bytes.ts';
import { AES_BLOCK_LENGTH, encryptAesBlock, expandAesKey } from './aes.ts';
import { ghashBlock, makeGhashTables } from './ghash.ts';
import { AEAD_TAG_LENGTH, type AeadKey } from './provider.ts';
import { checkNonce, checkRange } from './rules.ts';
import { viewOf } from './view.ts';

/** SP 800-38D §5.2.1.1: with 96 bits of nonce, the counter behind it starts at 1, and 1 belongs to the tag. */
const TAG_COUNTER = 1;
const FIRST_COUNTER = 2;

export class AesGcmKey implements AeadKey {
  readonly #schedule: Int32Array;
  readonly #tables: Int32Array;
  readonly #hash = new Int32Array(4);
  readonly #keyStream = new Int32Array(4);

  constructor(key: Uint8Array) {
    this.#schedule = expandAesKey(key);
    encryptAesBlock(this.#schedule, 0, 0, 0, 0, this.#keyStream);
    this.#tables = makeGhashTables(this.#keyStream); // H is the encrypted zero block (§7.1, step 1)
  }

  seal(nonce: Uint8Array, additionalData: Uint8Array, buffer: Uint8Array, start: number, end: number): void {
    checkNonce(nonce);
    checkRange(buffer, start, end, AEAD_TAG_LENGTH);
    this.#hash.fill(0);
    this.#authenticate(additionalData, 0, additionalData.length);
    this.#encrypt(nonce, buffer, start, end);
    this.#authenticate(buffer, start, end);
    this.#finishTag(nonce, additionalData.length, end - start);
    const view = viewOf(buffer);
    for (let i = 0; i < 4; i++) view.setInt32(buffer.byteOffset + end + 4 * i, this.#hash[i]!);
  }

  open(
    nonce: Uint8Array,
    additionalData: Uint8Array,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): Uint8Array | null {
    checkNonce(nonce);
    const tagAt = end - AEAD_TAG_LENGTH;
    if (tagAt < start || end > buffer.length) return null;
    this.#hash.fill(0);
    this.#authenticate(additionalData, 0, additionalData.length);
    this.#authenticate(buffer, start, tagAt);
    this.#finishTag(nonce, additionalData.length, tagAt - start);
    const view = viewOf(buffer);
    let difference = 0;
    for (let i = 0; i < 4; i++) difference |= view.getInt32(buffer.byteOffset + tagAt + 4 * i) ^ this.#hash[i]!;
    if (difference !== 0) return null;
    this.#encrypt(nonce, buffer, start, tagAt);
    return buffer.subarray(start, tagAt);
  }

  /** GHASH over bytes[start, end) and zeros up to a whole block. */
  #authenticate(bytes: Uint8Array, start: number, end: number): void {
    const tables = this.#tables;
    const hash = this.#hash;
    const view = viewOf(bytes);
    let at = bytes.byteOffset + start;
    const lastBlock = bytes.byteOffset + end - AES_BLOCK_LENGTH;
    for (; at <= lastBlock; at += AES_BLOCK_LENGTH) {
      ghashBlock(tables, hash, view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12));
    }
    at -= bytes.byteOffset;
    if (at === end) return;
    const tail = this.#keyStream.fill(0);
    for (let i = 0; at < end; i++, at++) tail[i >> 2]! |= bytes[at]! << (24 - 8 * (i & 3));
    ghashBlock(tables, hash, tail[0]!, tail[1]!, tail[2]!, tail[3]!);
  }

  /** Exclusive-ors the key stream of `nonce` into bytes[start, end). */
  #encrypt(nonce: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
    const schedule = this.#schedule;
    const stream = this.#keyStream;
    const n0 = u32(nonce, 0);
    const n1 = u32(nonce, 4);
    const n2 = u32(nonce, 8);
    const view = viewOf(bytes);
    let counter = FIRST_COUNTER;
    let at = bytes.byteOffset + start;
    const lastBlock = bytes.byteOffset + end - AES_BLOCK_LENGTH;
    for (; at <= lastBlock; at += AES_BLOCK_LENGTH) {
      encryptAesBlock(schedule, n0, n1, n2, counter++, stream);
      view.setInt32(at, view.getInt32(at) ^ stream[0]!);
      view.setInt32(at + 4, view.getInt32(at + 4) ^ stream[1]!);
      view.setInt32(at + 8, view.getInt32(at + 8) ^ stream[2]!);
      view.setInt32(at + 12, view.getInt32(at + 12) ^ stream[3]!);
    }
    at -= bytes.byteOffset;
    if (at === end) return;
    encryptAesBlock(schedule, n0, n1, n2, counter, stream);
    for (let i = 0; at < end; i++, at++) bytes[at]! ^= stream[i >> 2]! >>> (24 - 8 * (i & 3));
  }

  /** Turns the hash into the tag: the lengths in bits (§7.1, step 5), then the first block of the key stream. */
  #finishTag(nonce: Uint8Array, additionalLength: number, length: number): void {
    const hash = this.#hash;
    const stream = this.#keyStream;
    ghashBlock(this.#tables, hash, additionalLength >>> 29, additionalLength << 3, length >>> 29, length << 3);
    encryptAesBlock(this.#schedule, u32(nonce, 0), u32(nonce, 4), u32(nonce, 8), TAG_COUNTER, stream);
    for (let i = 0; i < 4; i++) hash[i]! ^= stream[i]!;
  }
}
