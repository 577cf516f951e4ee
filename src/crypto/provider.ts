/**
 * The one door to cryptography: synchronous, and with every key-dependent computation done once, when a keyed context
 * is made. `noble.ts` implements it in plain TypeScript for any runtime, `node.ts` with the runtime's own `node:crypto`.
 */
import type { RandomSource } from '../machine.ts';

/** Hashes. MD5 and SHA-1 are here because RFCs name them (RFC 8489 §9.2.2, §14.5); nothing chooses them. */
export type HashName = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** A hash fed piece by piece. */
export interface Hash {
  update(data: Uint8Array): this;
  /** The digest of all data so far. The hash may be updated further: a transcript is asked more than once. */
  digest(): Uint8Array;
}

/** HMAC (RFC 2104) under one key; the padded key is hashed once, here. */
export interface HmacKey {
  /** Bytes in a tag. */
  readonly size: number;
  /** The tag over `data`, then over `more`. */
  sign(data: Uint8Array, more?: Uint8Array): Uint8Array;
}

export type AeadName = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** Bytes in the tag of every AEAD above. */
export const AEAD_TAG_LENGTH = 16;

/** Authenticated encryption under one key. Nonces are 12 bytes and belong to the caller: never the same one twice. */
export interface AeadKey {
  /**
   * Encrypts `buffer[start, end)` in place and writes the tag to `buffer[end, end + 16)`.
   * @throws RangeError when `buffer` has no room for the tag
   */
  seal(nonce: Uint8Array, additionalData: Uint8Array, buffer: Uint8Array, start: number, end: number): void;
  /**
   * Opens `buffer[start, end)`, ciphertext and tag. The plaintext may be decrypted in place or stand in an array of its
   * own. `null` when the tag is wrong or there is no room for one; the buffer's content is then of no value.
   */
  open(
    nonce: Uint8Array,
    additionalData: Uint8Array,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): Uint8Array | null;
}

/** AES in counter mode with a 16-byte initial counter block (RFC 3711 §4.1.1), key of 16 or 32 bytes. */
export interface AesCmKey {
  /** Exclusive-ors the key stream into `buffer[start, end)`, in place. */
  apply(counter: Uint8Array, buffer: Uint8Array, start: number, end: number): void;
}

/** Named groups by their TLS names (RFC 8422 §5.1.1). */
export type NamedGroup = 'x25519' | 'secp256r1' | 'secp384r1';

/** One ephemeral key pair. */
export interface KeyAgreement {
  /** X25519: 32 bytes (RFC 7748). NIST curves: the uncompressed point, 65 or 97 bytes (SEC 1 §2.3.3). */
  readonly publicKey: Uint8Array;
  /**
   * The shared secret: the u-coordinate or x-coordinate, in full length.
   * `null` for a peer key that is malformed, not on the curve, or gives an all-zero secret (RFC 7748 §6.1).
   */
  deriveSecret(peerPublicKey: Uint8Array): Uint8Array | null;
}

/** How a signature is made. ECDSA signatures are DER `Ecdsa-Sig-Value` (RFC 3279 §2.2.3), as TLS wants them. */
export type SignatureAlgorithm = {
  readonly kind: 'ecdsa' | 'rsaPkcs1' | 'rsaPss';
  readonly hash: 'sha1' | 'sha256' | 'sha384' | 'sha512';
};

/** What kind of key a certificate holds, and so which algorithms it can sign with. */
export type KeyKind =
  | { readonly kind: 'ecdsa'; readonly curve: 'secp256r1' | 'secp384r1' }
  | { readonly kind: 'rsa'; readonly modulusBits: number };

export interface PublicKey {
  readonly type: KeyKind;
  /** Whether `signature` is this key's signature over `data`. False, never an exception, for anything malformed. */
  verify(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): boolean;
}

export interface PrivateKey {
  readonly type: KeyKind;
  /**
   * Signs `data` (the provider hashes it).
   * @param random used for PSS salts and, in providers that hedge, for ECDSA; the noble provider signs ECDSA
   *   deterministically (RFC 6979)
   * @throws TypeError when the algorithm does not fit the key
   */
  sign(algorithm: SignatureAlgorithm, data: Uint8Array, random: RandomSource): Uint8Array;
}

export interface CryptoProvider {
  readonly name: 'noble' | 'node';
  /** The runtime's cryptographic random source. */
  readonly random: RandomSource;
  /** The AEAD that seals and opens a datagram fastest, if not AES-GCM: DTLS offers and chooses its suites first. */
  readonly preferredAead?: AeadName | undefined;
  hash(name: HashName, data: Uint8Array): Uint8Array;
  createHash(name: HashName): Hash;
  hmac(hash: HashName, key: Uint8Array): HmacKey;
  aead(name: AeadName, key: Uint8Array): AeadKey;
  aesCm(key: Uint8Array): AesCmKey;
  generateKeyAgreement(group: NamedGroup, random: RandomSource): KeyAgreement;
  /** From a DER SubjectPublicKeyInfo; `null` when it is malformed or of a kind we do not know. */
  importPublicKey(spki: Uint8Array): PublicKey | null;
  /** From DER PKCS #8. Throws `TypeError` when it is malformed or of a kind we do not know. */
  importPrivateKey(pkcs8: Uint8Array): PrivateKey;
}
