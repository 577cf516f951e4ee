/**
 * The `node:crypto` provider, given the module: this file imports only its types, so that a bundle for a runtime
 * without `node:crypto` may contain it. `node.ts` is the same with the module imported.
 *
 * OpenSSL does the work; what is measured here is the price of crossing into it, about 4 µs a packet. A key becomes a
 * `KeyObject` once, since raw bytes would be copied and checked per packet.
 *
 * ChaCha20-Poly1305 is our own here too: a datagram takes it no longer than the crossing alone, it has no secret table
 * indices to protect, and Bun's `node:crypto` does not know it.
 */
import type * as NodeCrypto from 'node:crypto';
import { concatBytes, fromHex, u32 } from '../binary/bytes.ts';
import type { RandomSource } from '../machine.ts';
import { randomBytes } from '../machine.ts';
import { AES_BLOCK_LENGTH } from './aes.ts';
import { ChaCha20Poly1305Key } from './chacha20-poly1305.ts';
import { keyKind, parsePrivateKey, parsePublicKey } from './key-data.ts';
import {
  AEAD_TAG_LENGTH,
  type AeadKey,
  type AesCmKey,
  type CryptoProvider,
  type Hash,
  type HashName,
  type HmacKey,
  type KeyAgreement,
  type KeyKind,
  type NamedGroup,
  type PrivateKey,
  type PublicKey,
  type SignatureAlgorithm,
} from './provider.ts';
import { checkAeadKey, checkAesKey, checkCounter, checkNonce, checkRange, fitsKey, HASH_SIZES } from './rules.ts';
import { drawScalar } from './scalar.ts';
import { viewOf } from './view.ts';

type NodeCryptoModule = typeof NodeCrypto;

/** OpenSSL's names of the NIST curves. */
const OPENSSL_CURVES = { secp256r1: 'prime256v1', secp384r1: 'secp384r1' } as const;

/** What stands before the 32 bytes of an X25519 key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410 §4, §7). */
const X25519_PKCS8_PREFIX = fromHex('302e020100300506032b656e04220420');
const X25519_SPKI_PREFIX = fromHex('302a300506032b656e032100');
const X25519_KEY_LENGTH = 32;

/** A provider over `node:crypto` or a module like it. */
export function createNodeCrypto(node: NodeCryptoModule): CryptoProvider {
  return {
    name: 'node',
    // Deno's AES-GCM takes 10 µs for 1200 bytes, ours in ChaCha20-Poly1305 4.7; Node's 4 and Bun's 1.3 (bench/crypto.ts).
    preferredAead: 'Deno' in globalThis ? 'chacha20-poly1305' : undefined,
    random: {
      fill(target) {
        node.randomFillSync(target);
      },
    },
    hash: (name, data) => bytes(node.createHash(name).update(data).digest()),
    createHash: (name) => new NodeHash(node.createHash(name)),
    hmac: (hash, key) => new NodeHmacKey(node, hash, key),
    aead(name, key) {
      checkAeadKey(name, key);
      return name === 'chacha20-poly1305' ? new ChaCha20Poly1305Key(key) : new NodeAesGcmKey(node, name, key);
    },
    aesCm: (key) => new NodeAesCmKey(node, key),
    generateKeyAgreement: (group, random) =>
      group === 'x25519' ? new X25519Agreement(node, random) : new NistAgreement(node, group, random),
    importPublicKey(spki) {
      const data = parsePublicKey(spki);
      if (data === null) return null;
      try {
        const key = node.createPublicKey({ key: asBuffer(spki), format: 'der', type: 'spki' });
        return new NodePublicKey(node, key, keyKind(data));
      } catch {
        return null; // off the curve
      }
    },
    importPrivateKey(pkcs8) {
      const data = parsePrivateKey(pkcs8);
      if (data === null) throw new TypeError('expected a DER PKCS #8 key, RSA or ECDSA on P-256 or P-384');
      try {
        const key = node.createPrivateKey({ key: asBuffer(pkcs8), format: 'der', type: 'pkcs8' });
        return new NodePrivateKey(node, key, keyKind(data));
      } catch (cause) {
        throw new TypeError('the PKCS #8 key is not a valid one', { cause });
      }
    },
  };
}

class NodeHash implements Hash {
  readonly #hash: NodeCrypto.Hash;

  constructor(hash: NodeCrypto.Hash) {
    this.#hash = hash;
  }

  update(data: Uint8Array): this {
    this.#hash.update(data);
    return this;
  }

  digest(): Uint8Array {
    return bytes(this.#hash.copy().digest());
  }
}

/** Bound: bytes of message that go through `scratch`; a longer one is signed by `createHmac`, or encrypted by a cipher. */
const MAX_SHORT_MESSAGE = 2048;
/** Bytes in a hash function's block (RFC 2104 §2, "B"): 64, or 128 for SHA-384 and SHA-512. */
const MAX_HASH_BLOCK = 128;
/** Filled and emptied within one call, so it is everybody's. */
const scratch: Uint8Array = new Uint8Array(MAX_HASH_BLOCK + MAX_SHORT_MESSAGE);
const scratchView: DataView = new DataView(scratch.buffer);

/**
 * HMAC is two hashes (RFC 2104 §2). `crypto.hash` makes one without an object, and takes a third of the time that
 * `createHmac` takes for a datagram, if the digest comes as a
 * string: an array of its own costs as much as the hash.
 * Where it is missing (Node before 20.12), and for long messages, `createHmac` it is.
 */
class NodeHmacKey implements HmacKey {
  readonly size: number;
  readonly #node: NodeCryptoModule;
  readonly #hash: HashName;
  readonly #key: NodeCrypto.KeyObject;
  /** The key, padded to a block, XOR 36…36, and XOR 5c…5c with room for the inner digest behind it. */
  readonly #innerKey: Uint8Array;
  readonly #outer: Uint8Array;

  constructor(node: NodeCryptoModule, hash: HashName, key: Uint8Array) {
    this.size = HASH_SIZES[hash];
    this.#node = node;
    this.#hash = hash;
    this.#key = node.createSecretKey(key);
    const block = this.size > 32 ? MAX_HASH_BLOCK : MAX_HASH_BLOCK / 2;
    const padded = new Uint8Array(block);
    padded.set(key.length > block ? node.createHash(hash).update(key).digest() : key);
    this.#innerKey = padded.map((byte) => byte ^ 0x36);
    this.#outer = new Uint8Array(block + this.size);
    this.#outer.set(padded.map((byte) => byte ^ 0x5c));
  }

  sign(data: Uint8Array, more?: Uint8Array): Uint8Array {
    const { hash } = this.#node;
    const length = data.length + (more === undefined ? 0 : more.length);
    if (length > MAX_SHORT_MESSAGE || typeof hash !== 'function') return this.#signLong(data, more);
    const block = this.#innerKey.length;
    scratch.set(this.#innerKey);
    scratch.set(data, block);
    if (more !== undefined) scratch.set(more, block + data.length);
    const inner = hash(this.#hash, scratch.subarray(0, block + length), 'binary');
    for (let i = 0; i < inner.length; i++) this.#outer[block + i] = inner.charCodeAt(i);
    const outer = hash(this.#hash, this.#outer, 'binary');
    const tag = new Uint8Array(this.size);
    for (let i = 0; i < tag.length; i++) tag[i] = outer.charCodeAt(i);
    return tag;
  }

  #signLong(data: Uint8Array, more?: Uint8Array): Uint8Array {
    const hmac = this.#node.createHmac(this.#hash, this.#key).update(data);
    if (more !== undefined) hmac.update(more);
    return bytes(hmac.digest());
  }
}

const GCM_OPTIONS = { authTagLength: AEAD_TAG_LENGTH } as const;

class NodeAesGcmKey implements AeadKey {
  readonly #node: NodeCryptoModule;
  readonly #cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly #key: NodeCrypto.KeyObject;

  constructor(node: NodeCryptoModule, cipher: 'aes-128-gcm' | 'aes-256-gcm', key: Uint8Array) {
    this.#node = node;
    this.#cipher = cipher;
    this.#key = node.createSecretKey(key);
  }

  seal(nonce: Uint8Array, additionalData: Uint8Array, buffer: Uint8Array, start: number, end: number): void {
    checkNonce(nonce);
    checkRange(buffer, start, end, AEAD_TAG_LENGTH);
    const cipher = this.#node.createCipheriv(this.#cipher, this.#key, nonce, GCM_OPTIONS);
    cipher.setAAD(additionalData);
    buffer.set(cipher.update(buffer.subarray(start, end)), start);
    cipher.final(); // a stream cipher: nothing is left over
    buffer.set(cipher.getAuthTag(), end);
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
    const decipher = this.#node.createDecipheriv(this.#cipher, this.#key, nonce, GCM_OPTIONS);
    decipher.setAAD(additionalData);
    decipher.setAuthTag(buffer.subarray(tagAt, end));
    const plaintext = decipher.update(buffer.subarray(start, tagAt));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return bytes(plaintext);
  }
}

/**
 * A cipher in counter mode is made anew for each packet, which costs more than to encrypt it. One in ECB mode has no
 * state: it is made once, and turns the counters of a packet into its key stream.
 */
class NodeAesCmKey implements AesCmKey {
  readonly #node: NodeCryptoModule;
  readonly #name: string;
  readonly #key: NodeCrypto.KeyObject;
  readonly #blockCipher: NodeCrypto.Cipher;

  constructor(node: NodeCryptoModule, key: Uint8Array) {
    checkAesKey(key);
    this.#node = node;
    this.#name = `aes-${8 * key.length}`;
    this.#key = node.createSecretKey(key);
    this.#blockCipher = node.createCipheriv(`${this.#name}-ecb`, this.#key, null).setAutoPadding(false);
  }

  apply(counter: Uint8Array, buffer: Uint8Array, start: number, end: number): void {
    checkCounter(counter);
    checkRange(buffer, start, end, 0);
    const length = end - start;
    if (length === 0) return;
    if (length > MAX_SHORT_MESSAGE) {
      const cipher = this.#node.createCipheriv(`${this.#name}-ctr`, this.#key, counter);
      buffer.set(cipher.update(buffer.subarray(start, end)), start);
      return;
    }
    const counters = writeCounters(counter, length);
    scratch.set(this.#blockCipher.update(counters)); // over the counters: they are not needed again
    const view = viewOf(buffer);
    const base = buffer.byteOffset + start;
    const whole = length & ~3;
    // Byte order does not matter to XOR, and the processor's own is faster.
    for (let i = 0; i < whole; i += 4)
      view.setInt32(base + i, view.getInt32(base + i, true) ^ scratchView.getInt32(i, true), true);
    for (let i = whole; i < length; i++) buffer[start + i]! ^= scratch[i]!;
  }
}

/** `counter`, `counter` + 1 … in `scratch`, as many as `length` bytes of key stream take. All 128 bits count, and wrap. */
function writeCounters(counter: Uint8Array, length: number): Uint8Array {
  let c0 = u32(counter, 0) | 0;
  let c1 = u32(counter, 4) | 0;
  let c2 = u32(counter, 8) | 0;
  let c3 = u32(counter, 12) | 0;
  let at = 0;
  for (; at < length; at += AES_BLOCK_LENGTH) {
    scratchView.setInt32(at, c0);
    scratchView.setInt32(at + 4, c1);
    scratchView.setInt32(at + 8, c2);
    scratchView.setInt32(at + 12, c3);
    c3 = (c3 + 1) | 0;
    if (c3 === 0) c2 = (c2 + 1) | 0;
    if (c3 === 0 && c2 === 0) c1 = (c1 + 1) | 0;
    if (c3 === 0 && c2 === 0 && c1 === 0) c0 = (c0 + 1) | 0;
  }
  return scratch.subarray(0, at);
}

class X25519Agreement implements KeyAgreement {
  readonly publicKey: Uint8Array;
  readonly #node: NodeCryptoModule;
  readonly #privateKey: NodeCrypto.KeyObject;

  constructor(node: NodeCryptoModule, random: RandomSource) {
    const pkcs8 = concatBytes(X25519_PKCS8_PREFIX, randomBytes(random, X25519_KEY_LENGTH));
    this.#node = node;
    this.#privateKey = node.createPrivateKey({ key: asBuffer(pkcs8), format: 'der', type: 'pkcs8' });
    const spki = node.createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' });
    this.publicKey = new Uint8Array(spki.subarray(X25519_SPKI_PREFIX.length));
  }

  deriveSecret(peerPublicKey: Uint8Array): Uint8Array | null {
    if (peerPublicKey.length !== X25519_KEY_LENGTH) return null;
    try {
      const spki = asBuffer(concatBytes(X25519_SPKI_PREFIX, peerPublicKey));
      const publicKey = this.#node.createPublicKey({ key: spki, format: 'der', type: 'spki' });
      const secret = bytes(this.#node.diffieHellman({ privateKey: this.#privateKey, publicKey }));
      return secret.every((byte) => byte === 0) ? null : secret;
    } catch {
      return null; // OpenSSL refuses an all-zero secret itself (RFC 7748 §6.1)
    }
  }
}

class NistAgreement implements KeyAgreement {
  readonly publicKey: Uint8Array;
  readonly #ecdh: NodeCrypto.ECDH;

  constructor(node: NodeCryptoModule, curve: Exclude<NamedGroup, 'x25519'>, random: RandomSource) {
    this.#ecdh = node.createECDH(OPENSSL_CURVES[curve]);
    this.#ecdh.setPrivateKey(drawScalar(curve, random));
    this.publicKey = bytes(this.#ecdh.getPublicKey());
  }

  deriveSecret(peerPublicKey: Uint8Array): Uint8Array | null {
    // RFC 8422 §5.4.1: uncompressed points only. OpenSSL would take the other forms too.
    if (peerPublicKey.length !== this.publicKey.length || peerPublicKey[0] !== 4) return null;
    try {
      return bytes(this.#ecdh.computeSecret(peerPublicKey));
    } catch {
      return null; // not on the curve
    }
  }
}

class NodePublicKey implements PublicKey {
  readonly type: KeyKind;
  readonly #node: NodeCryptoModule;
  readonly #key: NodeCrypto.KeyObject;

  constructor(node: NodeCryptoModule, key: NodeCrypto.KeyObject, type: KeyKind) {
    this.type = type;
    this.#node = node;
    this.#key = key;
  }

  verify(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): boolean {
    if (!fitsKey(algorithm, this.type)) return false;
    try {
      return this.#node.verify(algorithm.hash, data, signatureInput(this.#node, this.#key, algorithm), signature);
    } catch {
      return false;
    }
  }
}

/** OpenSSL brings its own randomness, for ECDSA and for PSS salts. */
class NodePrivateKey implements PrivateKey {
  readonly type: KeyKind;
  readonly #node: NodeCryptoModule;
  readonly #key: NodeCrypto.KeyObject;

  constructor(node: NodeCryptoModule, key: NodeCrypto.KeyObject, type: KeyKind) {
    this.type = type;
    this.#node = node;
    this.#key = key;
  }

  sign(algorithm: SignatureAlgorithm, data: Uint8Array): Uint8Array {
    if (!fitsKey(algorithm, this.type)) {
      throw new TypeError(`a key of kind ${this.type.kind} cannot sign with ${algorithm.kind} and ${algorithm.hash}`);
    }
    return bytes(this.#node.sign(algorithm.hash, data, signatureInput(this.#node, this.#key, algorithm)));
  }
}

function signatureInput(
  node: NodeCryptoModule,
  key: NodeCrypto.KeyObject,
  { kind, hash }: SignatureAlgorithm,
): NodeCrypto.SignKeyObjectInput {
  switch (kind) {
    case 'ecdsa':
      return { key, dsaEncoding: 'der' };
    case 'rsaPkcs1':
      return { key, padding: node.constants.RSA_PKCS1_PADDING };
    case 'rsaPss':
      // RFC 8446 §4.2.3: "The length of the Salt MUST be equal to the length of the output of the digest algorithm".
      return { key, padding: node.constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH_SIZES[hash] };
    default:
      throw new TypeError(`unknown kind of signature: ${kind satisfies never}`);
  }
}

/** The same memory as a plain `Uint8Array`: a `Buffer` has methods of the same names that do other things (`slice`). */
function bytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** The same memory as a `Buffer`, which `createPublicKey` and `createPrivateKey` ask for in their types. */
function asBuffer(view: Uint8Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.length);
}
