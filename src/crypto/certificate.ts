/**
 * The certificate a DTLS endpoint shows: made for the connection (webrtc-pc §4.10), or brought along by its user.
 *
 * An ECDSA certificate is made without waiting, from the provider's own parts, and with a seeded random source it is
 * the same each time. Primes for RSA come from Web Crypto, hence the promise.
 */

import type { RandomSource } from '../machine.ts';
import { randomBytes } from '../machine.ts';
import { type Fingerprint, fingerprint } from './fingerprint.ts';
import { type EcdsaCurve, encodeEcPrivateKey, encodeEcPublicKey } from './key-data.ts';
import { certificatesFromPem, privateKeyFromPem } from './pem.ts';
import type { CryptoProvider, PrivateKey, SignatureAlgorithm } from './provider.ts';
import { drawScalar } from './scalar.ts';
import { type CertificateInfo, encodeSelfSigned, parseCertificate } from './x509.ts';

/** A certificate chain and the private key of its first certificate. */
export type Certificate = {
  /** DER, end entity first. */
  readonly chain: readonly Uint8Array[];
  readonly privateKey: PrivateKey;
  /** The same private key in PKCS #8, to be imported by another provider. */
  readonly pkcs8: Uint8Array;
  /** When it stops being valid, in ms since 1970. */
  readonly expires: number;
  /** For SDP: sha-256, and the hash of the certificate's signature when that is a stronger one (RFC 8122 §5.1). */
  readonly fingerprints: readonly Fingerprint[];
};

/** What kind of key to make. */
export type CertificateAlgorithm =
  | { readonly kind: 'ecdsa'; readonly curve: EcdsaCurve }
  | {
      readonly kind: 'rsa';
      readonly modulusBits: number;
      readonly publicExponent: 3 | 65537;
      readonly hash: 'sha256' | 'sha384' | 'sha512';
    };

export type GenerateCertificateOptions = {
  readonly crypto: CryptoProvider;
  /** For the key, the name and the serial number. Default: the provider's. RSA primes are Web Crypto's own. */
  readonly random?: RandomSource;
  /** The time of day, in ms since 1970. */
  readonly now: number;
  /** How long it will be valid, in ms. Default 30 days; more than 365 days are taken for 365 (webrtc-pc §4.10). */
  readonly expires?: number;
};

const DAY_MS = 86_400_000;
/** webrtc-pc §4.10.2, generateCertificate, steps 2 and 3. */
const DEFAULT_EXPIRES_MS = 30 * DAY_MS;
const MAX_EXPIRES_MS = 365 * DAY_MS;
/** How far back a new certificate is valid already: peers' clocks are wrong by hours, for time zones. */
const BACKDATE_MS = DAY_MS;

/** RFC 9325 §4.5 asks for 2048 bits at least; more than 8192 no peer would want to verify. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

const ECDSA_P256: CertificateAlgorithm = { kind: 'ecdsa', curve: 'secp256r1' };

/**
 * Makes a key pair and a self-signed certificate for it.
 * @param algorithm default ECDSA on P-256
 */
export async function generateCertificate(
  options: GenerateCertificateOptions,
  algorithm: CertificateAlgorithm = ECDSA_P256,
): Promise<Certificate> {
  if (algorithm.kind === 'ecdsa') return generateEcdsaCertificate(options, algorithm.curve);
  const { subtle } = globalThis.crypto;
  const parameters = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: algorithm.modulusBits,
    publicExponent: algorithm.publicExponent === 3 ? Uint8Array.of(3) : Uint8Array.of(1, 0, 1),
    hash: `SHA-${algorithm.hash.slice(3)}`,
  };
  const keys = await subtle.generateKey(parameters, true, ['sign', 'verify']);
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', keys.privateKey));
  const publicKey = new Uint8Array(await subtle.exportKey('spki', keys.publicKey));
  return selfSign(options, publicKey, pkcs8, { kind: 'rsaPkcs1', hash: algorithm.hash });
}

/** `generateCertificate` for ECDSA, at once. With a seeded `random` and the noble provider, always the same bytes. */
export function generateEcdsaCertificate(
  options: GenerateCertificateOptions,
  curve: EcdsaCurve = 'secp256r1',
): Certificate {
  const { crypto } = options;
  const scalar = drawScalar(curve, options.random ?? crypto.random);
  // A key agreement with this very scalar: its public key is the point that belongs to it.
  const { publicKey: point } = crypto.generateKeyAgreement(curve, { fill: (target) => target.set(scalar) });
  const pkcs8 = encodeEcPrivateKey(curve, scalar, point);
  const hash = curve === 'secp256r1' ? 'sha256' : 'sha384';
  return selfSign(options, encodeEcPublicKey(curve, point), pkcs8, { kind: 'ecdsa', hash });
}

/**
 * Reads what `RTCPeerConnection.generateCertificate` takes, a Web Crypto AlgorithmIdentifier.
 * `null` for an algorithm we do not make certificates with (the W3C's NotSupportedError).
 * @throws TypeError when members of a known algorithm are missing
 */
export function parseCertificateAlgorithm(identifier: unknown): CertificateAlgorithm | null {
  const members = (typeof identifier === 'object' && identifier !== null ? identifier : { name: identifier }) as {
    readonly [member: string]: unknown;
  };
  const name = String(members['name']).toUpperCase(); // Web Crypto §18.4: names are compared without regard to case
  if (name === 'ECDSA') {
    if (members['namedCurve'] === undefined) throw new TypeError('ECDSA needs a namedCurve');
    if (members['namedCurve'] === 'P-256') return ECDSA_P256;
    return members['namedCurve'] === 'P-384' ? { kind: 'ecdsa', curve: 'secp384r1' } : null;
  }
  if (name !== 'RSASSA-PKCS1-V1_5') return null;
  const { modulusLength, publicExponent, hash } = members;
  if (typeof modulusLength !== 'number' || !(publicExponent instanceof Uint8Array) || hash === undefined) {
    throw new TypeError('RSASSA-PKCS1-v1_5 needs a modulusLength, a publicExponent in a Uint8Array, and a hash');
  }
  const exponent = publicExponent.reduce((value, byte) => value * 256 + byte, 0);
  const hashName = String(typeof hash === 'object' && hash !== null && 'name' in hash ? hash.name : hash).toUpperCase();
  const bits = modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS && modulusLength % 8 === 0;
  if (!bits || (exponent !== 3 && exponent !== 65537)) return null;
  switch (hashName) {
    case 'SHA-256':
      return { kind: 'rsa', modulusBits: modulusLength, publicExponent: exponent, hash: 'sha256' };
    case 'SHA-384':
      return { kind: 'rsa', modulusBits: modulusLength, publicExponent: exponent, hash: 'sha384' };
    case 'SHA-512':
      return { kind: 'rsa', modulusBits: modulusLength, publicExponent: exponent, hash: 'sha512' };
    default:
      return null;
  }
}

/**
 * A certificate of one's own from PEM: `cert` holds the chain, end entity first; `key` an unencrypted private key as
 * PKCS #8, `RSA PRIVATE KEY` or `EC PRIVATE KEY`. Both may be the same text.
 * @throws TypeError when something is missing or malformed, or the key is not the certificate's
 */
export function certificateFromPem(
  crypto: CryptoProvider,
  { cert, key }: { readonly cert: string; readonly key: string },
): Certificate {
  return certificateFromDer(crypto, { chain: certificatesFromPem(cert), pkcs8: privateKeyFromPem(key) });
}

/**
 * A certificate of one's own from DER: the chain, end entity first, and the private key as PKCS #8.
 * @throws TypeError when something is missing or malformed, or the key is not the certificate's
 */
export function certificateFromDer(
  crypto: CryptoProvider,
  { chain, pkcs8 }: { readonly chain: readonly Uint8Array[]; readonly pkcs8: Uint8Array },
): Certificate {
  const leaf = chain[0];
  const info = leaf && parseCertificate(leaf);
  if (!info) throw new TypeError('expected a DER certificate first in the chain');
  const publicKey = crypto.importPublicKey(info.publicKey);
  if (publicKey === null) throw new TypeError("the certificate's key is neither RSA nor ECDSA on P-256 or P-384");
  const privateKey = crypto.importPrivateKey(pkcs8);
  const algorithm: SignatureAlgorithm = { kind: privateKey.type.kind === 'rsa' ? 'rsaPkcs1' : 'ecdsa', hash: 'sha256' };
  const challenge = randomBytes(crypto.random, 32);
  if (!publicKey.verify(algorithm, challenge, privateKey.sign(algorithm, challenge, crypto.random))) {
    throw new TypeError('the private key does not belong to the certificate');
  }
  return { chain, privateKey, pkcs8, expires: info.notAfter, fingerprints: fingerprintsOf(crypto, leaf, info) };
}

/** The SubjectPublicKeyInfo in a DER certificate; `null`, never an exception, when it is not one. */
export function certificatePublicKey(der: Uint8Array): Uint8Array | null {
  return parseCertificate(der)?.publicKey ?? null;
}

function selfSign(
  { crypto, random = crypto.random, now, expires = DEFAULT_EXPIRES_MS }: GenerateCertificateOptions,
  publicKey: Uint8Array,
  pkcs8: Uint8Array,
  algorithm: SignatureAlgorithm,
): Certificate {
  if (!(expires >= 0)) throw new RangeError(`expected how many ms the certificate is to be valid, got ${expires}`);
  const privateKey = crypto.importPrivateKey(pkcs8);
  const notAfter = now + Math.min(expires, MAX_EXPIRES_MS);
  const der = encodeSelfSigned({ publicKey, privateKey, algorithm, notBefore: now - BACKDATE_MS, notAfter, random });
  const fingerprints = fingerprintsOf(crypto, der, { signatureHash: algorithm.hash });
  return { chain: [der], privateKey, pkcs8, expires: notAfter, fingerprints };
}

function fingerprintsOf(
  crypto: CryptoProvider,
  der: Uint8Array,
  { signatureHash }: Pick<CertificateInfo, 'signatureHash'>,
): Fingerprint[] {
  const fingerprints: Fingerprint[] = [{ algorithm: 'sha-256', value: fingerprint(crypto, 'sha-256', der) }];
  if (signatureHash === 'sha384' || signatureHash === 'sha512') {
    const algorithm = signatureHash === 'sha384' ? 'sha-384' : 'sha-512';
    fingerprints.push({ algorithm, value: fingerprint(crypto, algorithm, der) });
  }
  return fingerprints;
}
