/**
 * The provider in plain TypeScript, for any runtime: noble's hashes and curves; ciphers of our own, since noble's
 * one-call form makes the tables of a key again for every packet; RSA on BigInt. It asks the runtime for randomness
 * only (`globalThis.crypto`).
 */
import { type ECDSA, ecdsa } from '@noble/curves/abstract/weierstrass.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { type _HMAC, hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { type _SHA256, sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import type { CHash, Hash as NobleHashState } from '@noble/hashes/utils.js';
import { type RandomSource, randomBytes } from '../machine.ts';
import { TypeScriptAesCmKey } from './aes-cm.ts';
import { AesGcmKey } from './aes-gcm.ts';
import { ChaCha20Poly1305Key } from './chacha20-poly1305.ts';
import {
  type EcdsaCurve,
  keyKind,
  type PrivateKeyData,
  type PublicKeyData,
  parsePrivateKey,
  parsePublicKey,
} from './key-data.ts';
import type {
  CryptoProvider,
  Hash,
  HashName,
  HmacKey,
  KeyAgreement,
  KeyKind,
  NamedGroup,
  PrivateKey,
  PublicKey,
  SignatureAlgorithm,
} from './provider.ts';
import { RsaSigner, RsaVerifier } from './rsa.ts';
import { checkAeadKey, checkAesKey, fitsKey } from './rules.ts';
import { drawScalar } from './scalar.ts';

const HASHES: Readonly<Record<HashName, CHash>> = { md5, sha1, sha224, sha256, sha384, sha512 };
const CURVES: Readonly<Record<EcdsaCurve, ECDSA>> = { secp256r1: p256, secp384r1: p384 };

/** Bound: Web Crypto gives no more bytes in one call (getRandomValues, QuotaExceededError). */
const MAX_RANDOM_BYTES = 65_536;

/** Cryptography in plain TypeScript, by noble. */
export const nobleCrypto: CryptoProvider = {
  name: 'noble',
  preferredAead: 'chacha20-poly1305', // 4.6 µs for 1200 bytes where AES-128-GCM takes 10 (bench/crypto.ts, Node 24)
  random: {
    fill(target) {
      for (let at = 0; at < target.length; at += MAX_RANDOM_BYTES) {
        globalThis.crypto.getRandomValues(target.subarray(at, at + MAX_RANDOM_BYTES) as Uint8Array<ArrayBuffer>);
      }
    },
  },
  hash: (name, data) => HASHES[name](data),
  createHash: (name) => new NobleHash(HASHES[name].create()),
  hmac: (hash, key) => new NobleHmacKey(hash, key),
  aead(name, key) {
    checkAeadKey(name, key);
    return name === 'chacha20-poly1305' ? new ChaCha20Poly1305Key(key) : new AesGcmKey(key);
  },
  aesCm(key) {
    checkAesKey(key);
    return new TypeScriptAesCmKey(key);
  },
  generateKeyAgreement: (group, random) =>
    group === 'x25519' ? new X25519Agreement(random) : new NistAgreement(group, random),
  importPublicKey(spki) {
    const data = parsePublicKey(spki);
    if (data === null) return null;
    if (data.kind === 'rsa') return new NobleRsaPublicKey(data);
    return isOnCurve(data.curve, data.point) ? new NobleEcdsaPublicKey(data) : null;
  },
  importPrivateKey(pkcs8) {
    const data = parsePrivateKey(pkcs8);
    if (data === null) throw new TypeError('expected a DER PKCS #8 key, RSA or ECDSA on P-256 or P-384');
    return data.kind === 'rsa' ? new NobleRsaPrivateKey(data) : new NobleEcdsaPrivateKey(data);
  },
};

class NobleHash implements Hash {
  readonly #state: NobleHashState<unknown>;

  constructor(state: NobleHashState<unknown>) {
    this.#state = state;
  }

  update(data: Uint8Array): this {
    this.#state.update(data);
    return this;
  }

  digest(): Uint8Array {
    return (this.#state.clone() as NobleHashState<unknown>).digest();
  }
}

/** The state after the padded keys is kept; each tag starts from a copy of it in a second state, made once too. */
class NobleHmacKey implements HmacKey {
  readonly size: number;
  readonly #keyed: HmacState;
  readonly #working: HmacState;

  constructor(hash: HashName, key: Uint8Array) {
    this.#keyed = hmac.create(HASHES[hash], key);
    this.#working = this.#keyed.clone();
    this.size = this.#keyed.outputLen;
  }

  sign(data: Uint8Array, more?: Uint8Array): Uint8Array {
    const working = this.#keyed._cloneInto(this.#working).update(data);
    if (more !== undefined) working.update(more);
    return working.digest();
  }
}

/** Of any hash: the parameter names the two inner states, which are not looked at here. */
type HmacState = _HMAC<_SHA256>;

class X25519Agreement implements KeyAgreement {
  readonly publicKey: Uint8Array;
  readonly #secretKey: Uint8Array;

  constructor(random: RandomSource) {
    this.#secretKey = randomBytes(random, 32);
    this.publicKey = x25519.getPublicKey(this.#secretKey);
  }

  deriveSecret(peerPublicKey: Uint8Array): Uint8Array | null {
    if (peerPublicKey.length !== 32) return null;
    try {
      return x25519.getSharedSecret(this.#secretKey, peerPublicKey);
    } catch {
      return null; // noble refuses an all-zero secret itself (RFC 7748 §6.1)
    }
  }
}

class NistAgreement implements KeyAgreement {
  readonly publicKey: Uint8Array;
  readonly #curve: ECDSA;
  readonly #secretKey: Uint8Array;

  constructor(curve: Exclude<NamedGroup, 'x25519'>, random: RandomSource) {
    this.#curve = CURVES[curve];
    this.#secretKey = drawScalar(curve, random);
    this.publicKey = this.#curve.getPublicKey(this.#secretKey, false);
  }

  deriveSecret(peerPublicKey: Uint8Array): Uint8Array | null {
    // RFC 8422 §5.4.1: uncompressed points only.
    if (peerPublicKey.length !== this.publicKey.length || peerPublicKey[0] !== 4) return null;
    try {
      return this.#curve.getSharedSecret(this.#secretKey, peerPublicKey).slice(1); // the x-coordinate behind its prefix
    } catch {
      return null; // not on the curve
    }
  }
}

class NobleEcdsaPublicKey implements PublicKey {
  readonly type: KeyKind;
  readonly #curve: EcdsaCurve;
  readonly #point: Uint8Array;

  constructor(data: Extract<PublicKeyData, { kind: 'ecdsa' }>) {
    this.type = keyKind(data);
    this.#curve = data.curve;
    this.#point = data.point.slice();
  }

  verify(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): boolean {
    if (!fitsKey(algorithm, this.type)) return false;
    try {
      return ecdsaFor(this.#curve, algorithm.hash).verify(signature, data, this.#point, { format: 'der', lowS: false });
    } catch {
      return false;
    }
  }
}

class NobleEcdsaPrivateKey implements PrivateKey {
  readonly type: KeyKind;
  readonly #curve: EcdsaCurve;
  readonly #scalar: Uint8Array;

  constructor(data: Extract<PrivateKeyData, { kind: 'ecdsa' }>) {
    this.type = keyKind(data);
    this.#curve = data.curve;
    this.#scalar = data.scalar.slice();
  }

  sign(algorithm: SignatureAlgorithm, data: Uint8Array): Uint8Array {
    checkSignature(algorithm, this.type);
    return ecdsaFor(this.#curve, algorithm.hash).sign(data, this.#scalar, { format: 'der', lowS: false });
  }
}

class NobleRsaPublicKey implements PublicKey {
  readonly type: KeyKind;
  readonly #verifier: RsaVerifier;

  constructor(data: Extract<PublicKeyData, { kind: 'rsa' }>) {
    this.type = keyKind(data);
    this.#verifier = new RsaVerifier(data);
  }

  verify(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): boolean {
    return fitsKey(algorithm, this.type) && this.#verifier.verify(algorithm, HASHES[algorithm.hash], data, signature);
  }
}

class NobleRsaPrivateKey implements PrivateKey {
  readonly type: KeyKind;
  readonly #signer: RsaSigner;

  constructor(data: Extract<PrivateKeyData, { kind: 'rsa' }>) {
    this.type = keyKind(data);
    this.#signer = new RsaSigner(data);
  }

  sign(algorithm: SignatureAlgorithm, data: Uint8Array, random: RandomSource): Uint8Array {
    checkSignature(algorithm, this.type);
    return this.#signer.sign(algorithm, HASHES[algorithm.hash], data, random);
  }
}

function checkSignature(algorithm: SignatureAlgorithm, type: KeyKind): void {
  if (!fitsKey(algorithm, type)) {
    throw new TypeError(`a key of kind ${type.kind} cannot sign with ${algorithm.kind} and ${algorithm.hash}`);
  }
}

const ecdsaByHash = new Map<string, ECDSA>(); // bound: 2 curves by 4 hashes

/** ECDSA on this curve with this hash, in RFC 6979's generator too: noble's `p256` has SHA-256 there for any hash. */
function ecdsaFor(curve: EcdsaCurve, hash: SignatureAlgorithm['hash']): ECDSA {
  const name = `${curve} ${hash}`;
  let found = ecdsaByHash.get(name);
  if (found === undefined) {
    found = ecdsa(CURVES[curve].Point, HASHES[hash]);
    ecdsaByHash.set(name, found);
  }
  return found;
}

function isOnCurve(curve: EcdsaCurve, point: Uint8Array): boolean {
  try {
    CURVES[curve].Point.fromBytes(point);
    return true;
  } catch {
    return false;
  }
}
