/**
 * RSA signatures (RFC 8017) on BigInt, for the noble provider: noble has no RSA.
 *
 * BigInt arithmetic takes a time that depends on its numbers. A signature is therefore made on a blinded message, so
 * that what can be timed has nothing to do with what an attacker chose; where `node:crypto` exists, prefer it.
 */
import { invert, pow } from '@noble/curves/abstract/modular.js';
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js';
import { concatBytes, equalBytes, fromHex } from '../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import { bitLength, type PrivateKeyData, type PublicKeyData } from './key-data.ts';
import type { SignatureAlgorithm } from './provider.ts';
import { HASH_SIZES } from './rules.ts';

type RsaPublicKeyData = Extract<PublicKeyData, { kind: 'rsa' }>;
type RsaPrivateKeyData = Extract<PrivateKeyData, { kind: 'rsa' }>;
type SignatureHash = SignatureAlgorithm['hash'];
type HashFunction = (data: Uint8Array) => Uint8Array;

/** The DER of DigestInfo up to the digest (RFC 8017 §9.2, note 1). */
const DIGEST_INFO_PREFIXES: Readonly<Record<SignatureHash, Uint8Array>> = {
  sha1: fromHex('3021300906052b0e03021a05000414'),
  sha256: fromHex('3031300d060960864801650304020105000420'),
  sha384: fromHex('3041300d060960864801650304020205000430'),
  sha512: fromHex('3051300d060960864801650304020305000440'),
};

/** The last byte of every EMSA-PSS encoding (RFC 8017 §9.1.1, step 12). */
const PSS_TRAILER = 0xbc;

/** Verifies with one public key. */
export class RsaVerifier {
  readonly #modulus: bigint;
  readonly #modulusBits: number;
  readonly #exponent: bigint;

  constructor(key: RsaPublicKeyData) {
    this.#modulus = bytesToNumberBE(key.modulus);
    this.#modulusBits = bitLength(key.modulus);
    this.#exponent = bytesToNumberBE(key.publicExponent);
  }

  verify(algorithm: SignatureAlgorithm, hash: HashFunction, data: Uint8Array, signature: Uint8Array): boolean {
    const length = Math.ceil(this.#modulusBits / 8);
    if (signature.length !== length) return false;
    const s = bytesToNumberBE(signature);
    if (s >= this.#modulus) return false; // RFC 8017 §5.2.2
    const encoded = numberToBytesBE(pow(s, this.#exponent, this.#modulus), length);
    return algorithm.kind === 'rsaPss'
      ? isPssEncoding(encoded, this.#modulusBits - 1, hash, algorithm.hash, hash(data))
      : equalBytes(encoded, encodePkcs1(hash(data), algorithm.hash, length)); // compared whole, never parsed
  }
}

/** Signs with one private key, by the Chinese remainder theorem: a quarter of the work (RFC 8017 §5.1.2, 2b). */
export class RsaSigner {
  readonly #modulus: bigint;
  readonly #modulusBits: number;
  readonly #exponent: bigint;
  readonly #prime1: bigint;
  readonly #prime2: bigint;
  readonly #exponent1: bigint;
  readonly #exponent2: bigint;
  readonly #coefficient: bigint;

  /** @throws TypeError when the primes are not those of the modulus */
  constructor(key: RsaPrivateKeyData) {
    this.#modulus = bytesToNumberBE(key.modulus);
    this.#modulusBits = bitLength(key.modulus);
    this.#exponent = bytesToNumberBE(key.publicExponent);
    this.#prime1 = bytesToNumberBE(key.prime1);
    this.#prime2 = bytesToNumberBE(key.prime2);
    this.#exponent1 = bytesToNumberBE(key.exponent1);
    this.#exponent2 = bytesToNumberBE(key.exponent2);
    this.#coefficient = bytesToNumberBE(key.coefficient);
    if (this.#prime1 * this.#prime2 !== this.#modulus) throw new TypeError('the RSA key is not consistent');
  }

  sign(algorithm: SignatureAlgorithm, hash: HashFunction, data: Uint8Array, random: RandomSource): Uint8Array {
    const length = Math.ceil(this.#modulusBits / 8);
    const digest = hash(data);
    const encoded =
      algorithm.kind === 'rsaPss'
        ? encodePss(digest, randomBytes(random, digest.length), this.#modulusBits - 1, hash)
        : encodePkcs1(digest, algorithm.hash, length);
    const message = bytesToNumberBE(encoded);
    const signature = this.#power(message, random);
    // A key with a wrong CRT value would give one of its primes away (Boneh, DeMillo, Lipton 1997).
    if (pow(signature, this.#exponent, this.#modulus) !== message) throw new TypeError('the RSA key is not consistent');
    return numberToBytesBE(signature, length);
  }

  /** message^d mod n, computed as ((message · b^e)^d) · b^-1 with a random b. */
  #power(message: bigint, random: RandomSource): bigint {
    const n = this.#modulus;
    // A b that shares a prime with n would factor it: the chance is below 2^-500.
    const b = (bytesToNumberBE(randomBytes(random, Math.ceil(this.#modulusBits / 8))) % (n - 2n)) + 2n;
    const blinded = (message * pow(b, this.#exponent, n)) % n;
    const m1 = pow(blinded % this.#prime1, this.#exponent1, this.#prime1);
    const m2 = pow(blinded % this.#prime2, this.#exponent2, this.#prime2);
    const h = ((((m1 - m2) * this.#coefficient) % this.#prime1) + this.#prime1) % this.#prime1;
    return ((m2 + this.#prime2 * h) * invert(b, n)) % n;
  }
}

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2): 00 01 ff … ff 00 DigestInfo. */
function encodePkcs1(digest: Uint8Array, hash: SignatureHash, length: number): Uint8Array {
  const info = concatBytes(DIGEST_INFO_PREFIXES[hash], digest);
  const encoded = new Uint8Array(length).fill(0xff);
  encoded[0] = 0;
  encoded[1] = 1;
  encoded[length - info.length - 1] = 0;
  encoded.set(info, length - info.length);
  return encoded;
}

/** EMSA-PSS (RFC 8017 §9.1.1): maskedDB, H, bc; where DB is 00 … 00 01 salt. */
function encodePss(digest: Uint8Array, salt: Uint8Array, encodedBits: number, hash: HashFunction): Uint8Array {
  const length = Math.ceil(encodedBits / 8);
  const h = hash(concatBytes(new Uint8Array(8), digest, salt));
  const encoded = new Uint8Array(length);
  const db = encoded.subarray(0, length - h.length - 1);
  db[db.length - salt.length - 1] = 1;
  db.set(salt, db.length - salt.length);
  applyMask(db, h, hash);
  db[0]! &= 0xff >>> (8 * length - encodedBits);
  encoded.set(h, db.length);
  encoded[length - 1] = PSS_TRAILER;
  return encoded;
}

/** EMSA-PSS-VERIFY (RFC 8017 §9.1.2) with a salt as long as the hash. Unmasks `encoded` in place. */
function isPssEncoding(
  padded: Uint8Array,
  encodedBits: number,
  hash: HashFunction,
  hashName: SignatureHash,
  digest: Uint8Array,
): boolean {
  const length = Math.ceil(encodedBits / 8);
  const hashSize = HASH_SIZES[hashName];
  // With 8k + 1 modulus bits the encoding is a byte shorter than the modulus, and that byte must be zero (§8.1.2, 2c).
  if (padded.length > length && padded[0] !== 0) return false;
  const encoded = padded.subarray(padded.length - length);
  const db = encoded.subarray(0, length - hashSize - 1);
  const h = encoded.subarray(db.length, length - 1);
  const unusedBits = 8 * length - encodedBits;
  if (encoded[length - 1] !== PSS_TRAILER || db[0]! & ~(0xff >>> unusedBits)) return false;
  applyMask(db, h, hash);
  db[0]! &= 0xff >>> unusedBits;
  const saltAt = db.length - hashSize;
  for (let i = 0; i < saltAt - 1; i++) if (db[i] !== 0) return false;
  if (db[saltAt - 1] !== 1) return false;
  return equalBytes(h, hash(concatBytes(new Uint8Array(8), digest, db.subarray(saltAt))));
}

/** Exclusive-ors MGF1 of `seed` (RFC 8017 §B.2.1) into `target`. */
function applyMask(target: Uint8Array, seed: Uint8Array, hash: HashFunction): void {
  for (let counter = 0, at = 0; at < target.length; counter++) {
    // Bound: the counter stays below 256, since no modulus has 256 digests' length.
    const block = hash(concatBytes(seed, Uint8Array.of(0, 0, 0, counter)));
    for (let i = 0; i < block.length && at < target.length; i++, at++) target[at]! ^= block[i]!;
  }
}
