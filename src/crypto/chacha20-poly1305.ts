/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) under one key, in place, in plain TypeScript; a packet allocates nothing. noble's
 * `chacha20poly1305` is the slow twin in the tests.
 */
import { CHACHA20_BLOCK_LENGTH, chacha20Block } from './chacha20.ts';
import { Poly1305 } from './poly1305.ts';
import { AEAD_TAG_LENGTH, type AeadKey } from './provider.ts';
import { checkNonce, checkRange } from './rules.ts';
import { viewOf } from './view.ts';

/** RFC 8439 §2.6 and §2.8: block 0 of the key stream is Poly1305's one-time key, the data begins with block 1. */
const ONE_TIME_KEY_COUNTER = 0;
const FIRST_COUNTER = 1;

export class ChaCha20Poly1305Key implements AeadKey {
  readonly #key = new Int32Array(8);
  readonly #keyStream = new Int32Array(CHACHA20_BLOCK_LENGTH / 4);
  readonly #tag = new Int32Array(4);
  readonly #authenticator = new Poly1305();
  readonly #partialBlock = new Uint8Array(16);
  readonly #partialView = new DataView(this.#partialBlock.buffer);

  constructor(key: Uint8Array) {
    for (let i = 0; i < 8; i++) this.#key[i] = word(key, 4 * i);
  }

  seal(nonce: Uint8Array, additionalData: Uint8Array, buffer: Uint8Array, start: number, end: number): void {
    checkNonce(nonce);
    checkRange(buffer, start, end, AEAD_TAG_LENGTH);
    this.#encrypt(nonce, buffer, start, end);
    this.#authenticate(nonce, additionalData, buffer, start, end);
    const view = viewOf(buffer);
    for (let i = 0; i < 4; i++) view.setInt32(buffer.byteOffset + end + 4 * i, this.#tag[i]!, true);
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
    this.#authenticate(nonce, additionalData, buffer, start, tagAt);
    const view = viewOf(buffer);
    let difference = 0;
    for (let i = 0; i < 4; i++) difference |= view.getInt32(buffer.byteOffset + tagAt + 4 * i, true) ^ this.#tag[i]!;
    if (difference !== 0) return null;
    this.#encrypt(nonce, buffer, start, tagAt);
    return buffer.subarray(start, tagAt);
  }

  /** Exclusive-ors the key stream of `nonce` into bytes[start, end). */
  #encrypt(nonce: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
    const key = this.#key;
    const stream = this.#keyStream;
    const n0 = word(nonce, 0);
    const n1 = word(nonce, 4);
    const n2 = word(nonce, 8);
    const view = viewOf(bytes);
    let counter = FIRST_COUNTER;
    let at = bytes.byteOffset + start;
    const lastBlock = bytes.byteOffset + end - CHACHA20_BLOCK_LENGTH;
    for (; at <= lastBlock; at += CHACHA20_BLOCK_LENGTH) {
      chacha20Block(key, counter++, n0, n1, n2, stream);
      for (let i = 0; i < 16; i++) view.setInt32(at + 4 * i, view.getInt32(at + 4 * i, true) ^ stream[i]!, true);
    }
    at -= bytes.byteOffset;
    if (at === end) return;
    chacha20Block(key, counter, n0, n1, n2, stream);
    for (let i = 0; at < end; i++, at++) bytes[at]! ^= stream[i >> 2]! >>> (8 * (i & 3));
  }

  /** Makes the tag over the additional data and buffer[start, end): RFC 8439 §2.8. */
  #authenticate(nonce: Uint8Array, additionalData: Uint8Array, buffer: Uint8Array, start: number, end: number): void {
    chacha20Block(this.#key, ONE_TIME_KEY_COUNTER, word(nonce, 0), word(nonce, 4), word(nonce, 8), this.#keyStream);
    this.#authenticator.start(this.#keyStream);
    this.#absorb(additionalData, 0, additionalData.length);
    this.#absorb(buffer, start, end);
    const view = this.#partialView;
    view.setUint32(0, additionalData.length, true);
    view.setUint32(4, 0);
    view.setUint32(8, end - start, true);
    view.setUint32(12, 0);
    this.#authenticator.update(view, 0, 1);
    this.#authenticator.finish(this.#tag);
  }

  /** Authenticates bytes[start, end) and zeros up to a whole block. */
  #absorb(bytes: Uint8Array, start: number, end: number): void {
    const blocks = (end - start) >>> 4;
    this.#authenticator.update(viewOf(bytes), bytes.byteOffset + start, blocks);
    let at = start + 16 * blocks;
    if (at === end) return;
    const partial = this.#partialBlock.fill(0);
    for (let i = 0; at < end; i++, at++) partial[i] = bytes[at]!;
    this.#authenticator.update(this.#partialView, 0, 1);
  }
}

/** RFC 8439 §2.3: little-endian. */
function word(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}
