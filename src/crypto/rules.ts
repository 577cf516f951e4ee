/** What every provider checks in the same way. */
import type { AeadName, HashName, KeyKind, SignatureAlgorithm } from './provider.ts';

/** Bytes in a digest. */
export const HASH_SIZES: Readonly<Record<HashName, number>> = {
  md5: 16,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

/** Bytes in a key. */
const AEAD_KEY_SIZES: Readonly<Record<AeadName, number>> = {
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};

/** @throws RangeError unless `key` has the size `name` asks for */
export function checkAeadKey(name: AeadName, key: Uint8Array): void {
  const size = AEAD_KEY_SIZES[name];
  if (key.length !== size) throw new RangeError(`a key for ${name} has ${size} bytes, this one ${key.length}`);
}

/** @throws RangeError unless `key` has 16 or 32 bytes */
export function checkAesKey(key: Uint8Array): void {
  if (key.length !== 16 && key.length !== 32) {
    throw new RangeError(`an AES-CM key has 16 or 32 bytes, this one ${key.length}`);
  }
}

/** @throws RangeError unless `nonce` has 12 bytes */
export function checkNonce(nonce: Uint8Array): void {
  if (nonce.length !== 12) throw new RangeError(`a nonce has 12 bytes, this one ${nonce.length}`);
}

/** @throws RangeError unless `counter` has 16 bytes */
export function checkCounter(counter: Uint8Array): void {
  if (counter.length !== 16) throw new RangeError(`an initial counter block has 16 bytes, this one ${counter.length}`);
}

/** @throws RangeError unless [start, end) and `tail` bytes after it lie in `buffer` */
export function checkRange(buffer: Uint8Array, start: number, end: number, tail: number): void {
  if (start < 0 || end < start || end + tail > buffer.length) {
    throw new RangeError(`[${start}, ${end}) and ${tail} bytes behind it do not lie in ${buffer.length} bytes`);
  }
}

/** Whether a key of this type can make and check signatures of this algorithm. */
export function fitsKey({ kind, hash }: SignatureAlgorithm, type: KeyKind): boolean {
  if (kind === 'ecdsa' || type.kind === 'ecdsa') return kind === type.kind;
  // RFC 8017 §9.1.1: hash, a salt as long as it, and two bytes; 1024 bits have no room for that with SHA-512.
  return kind === 'rsaPkcs1' || Math.ceil((type.modulusBits - 1) / 8) >= 2 * HASH_SIZES[hash] + 2;
}
