/**
 * Keys as they lie in certificates and key files: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and PKCS #8 (RFC 5958).
 * Both providers read keys here first, so that what one of them accepts the other accepts too.
 */
import { concatBytes, equalBytes, fromHex } from '../binary/bytes.ts';
import { DER, DerReader, encodeDer } from './der.ts';
import type { KeyKind } from './provider.ts';
import { isValidScalar } from './scalar.ts';

/** The curves certificates may use, by their TLS names. */
export type EcdsaCurve = 'secp256r1' | 'secp384r1';

export type PublicKeyData =
  /** `point`: uncompressed (SEC 1 §2.3.3). Not yet known to be on the curve. */
  | { readonly kind: 'ecdsa'; readonly curve: EcdsaCurve; readonly point: Uint8Array }
  /** Big-endian, no leading zeros. */
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly publicExponent: Uint8Array };

export type PrivateKeyData =
  | { readonly kind: 'ecdsa'; readonly curve: EcdsaCurve; readonly scalar: Uint8Array }
  | {
      readonly kind: 'rsa';
      readonly modulus: Uint8Array;
      readonly publicExponent: Uint8Array;
      readonly prime1: Uint8Array;
      readonly prime2: Uint8Array;
      readonly exponent1: Uint8Array;
      readonly exponent2: Uint8Array;
      readonly coefficient: Uint8Array;
    };

const OID_EC_PUBLIC_KEY = fromHex('2a8648ce3d0201'); // 1.2.840.10045.2.1, RFC 5480 §2.1.1
const OID_RSA_ENCRYPTION = fromHex('2a864886f70d010101'); // 1.2.840.113549.1.1.1, RFC 8017 §A.1

/** RFC 5480 §2.1.1.1, and the bytes of a coordinate. */
const CURVES = [
  { curve: 'secp256r1', oid: fromHex('2a8648ce3d030107'), coordinateBytes: 32 },
  { curve: 'secp384r1', oid: fromHex('2b81040022'), coordinateBytes: 48 },
] as const;

/**
 * Bounds: a peer's certificate chooses these, and the work of a verification grows with the square of the modulus and
 * with the exponent. 1024 bits is the least that generateCertificate of a browser makes, 8192 the most.
 */
const MIN_RSA_BITS = 1024;
const MAX_RSA_BITS = 8192;
/** Bound: as above. 65537 everywhere, 3 by some; OpenSSL, too, takes no more than 64 bits on a large modulus. */
const MAX_RSA_EXPONENT_BYTES = 8;

/** Reads a DER SubjectPublicKeyInfo. `null` when it is malformed or of a kind we do not know. */
export function parsePublicKey(spki: Uint8Array): PublicKeyData | null {
  const outer = new DerReader(spki);
  const info = outer.sequence();
  const algorithm = info?.sequence();
  const bits = info?.bits();
  if (!info?.atEnd || !outer.atEnd || !algorithm || !bits) return null;
  const kind = parseAlgorithm(algorithm);
  if (kind === null) return null;
  if (kind === 'rsa') {
    const reader = new DerReader(bits);
    const key = reader.sequence();
    const modulus = key?.unsigned();
    const publicExponent = key?.unsigned();
    if (!key?.atEnd || !reader.atEnd || !modulus || !publicExponent) return null;
    return isRsaKey(modulus, publicExponent) ? { kind: 'rsa', modulus, publicExponent } : null;
  }
  // RFC 8422 §5.1.2: TLS knows the uncompressed form (4) only.
  if (bits.length !== 1 + 2 * kind.coordinateBytes || bits[0] !== 4) return null;
  return { kind: 'ecdsa', curve: kind.curve, point: bits };
}

/** Reads DER PKCS #8. `null` when it is malformed or of a kind we do not know. */
export function parsePrivateKey(pkcs8: Uint8Array): PrivateKeyData | null {
  const outer = new DerReader(pkcs8);
  const info = outer.sequence();
  const version = info?.unsigned();
  const algorithm = info?.sequence();
  const key = info?.read(DER.octetString); // RFC 5958 §2: attributes and the public key may follow; we need neither
  if (!outer.atEnd || !version || !algorithm || !key) return null;
  const kind = parseAlgorithm(algorithm);
  if (kind === null) return null;
  return kind === 'rsa' ? parseRsaPrivateKey(key) : parseEcPrivateKey(key, kind.curve);
}

/** The SubjectPublicKeyInfo of a point in the uncompressed form (RFC 5480 §2). */
export function encodeEcPublicKey(curve: EcdsaCurve, point: Uint8Array): Uint8Array {
  return encodeDer(DER.sequence, encodeEcAlgorithm(curve), encodeBits(point));
}

/** The PKCS #8 of an ECDSA key pair (RFC 5958 §2, RFC 5915 §3). */
export function encodeEcPrivateKey(curve: EcdsaCurve, scalar: Uint8Array, point: Uint8Array): Uint8Array {
  return wrapPrivateKey(
    encodeEcAlgorithm(curve),
    encodeDer(
      DER.sequence,
      encodeDer(DER.integer, Uint8Array.of(1)),
      encodeDer(DER.octetString, scalar),
      encodeDer(DER.context + 1, encodeBits(point)),
    ),
  );
}

/** PKCS #8 around an RSAPrivateKey (RFC 8017 §A.1.2), as `BEGIN RSA PRIVATE KEY` files hold it. */
export function wrapRsaPrivateKey(rsaPrivateKey: Uint8Array): Uint8Array {
  const algorithm = encodeDer(DER.sequence, encodeDer(DER.objectIdentifier, OID_RSA_ENCRYPTION), encodeDer(DER.null));
  return wrapPrivateKey(algorithm, rsaPrivateKey);
}

/** PKCS #8 around an ECPrivateKey (RFC 5915 §4), as `BEGIN EC PRIVATE KEY` files hold it; `null` if it names no curve. */
export function wrapEcPrivateKey(ecPrivateKey: Uint8Array): Uint8Array | null {
  const key = new DerReader(ecPrivateKey).sequence();
  key?.unsigned();
  key?.read(DER.octetString);
  const parameters = key?.read(DER.context);
  if (!parameters) return null;
  const algorithm = encodeDer(DER.sequence, encodeDer(DER.objectIdentifier, OID_EC_PUBLIC_KEY), parameters);
  return wrapPrivateKey(algorithm, ecPrivateKey);
}

/** A BIT STRING of whole bytes. */
export function encodeBits(bytes: Uint8Array): Uint8Array {
  return encodeDer(DER.bitString, concatBytes(Uint8Array.of(0), bytes));
}

/** What the provider interface says about a key. */
export function keyKind(data: PublicKeyData | PrivateKeyData): KeyKind {
  return data.kind === 'rsa'
    ? { kind: 'rsa', modulusBits: bitLength(data.modulus) }
    : { kind: 'ecdsa', curve: data.curve };
}

/** The bits of a big-endian number without leading zero bytes. */
export function bitLength(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : 8 * bytes.length - (Math.clz32(bytes[0]!) - 24);
}

function encodeEcAlgorithm(curve: EcdsaCurve): Uint8Array {
  const { oid } = CURVES.find((entry) => entry.curve === curve)!;
  const named = encodeDer(DER.objectIdentifier, oid);
  return encodeDer(DER.sequence, encodeDer(DER.objectIdentifier, OID_EC_PUBLIC_KEY), named);
}

function wrapPrivateKey(algorithm: Uint8Array, key: Uint8Array): Uint8Array {
  return encodeDer(DER.sequence, encodeDer(DER.integer, Uint8Array.of(0)), algorithm, encodeDer(DER.octetString, key));
}

function parseAlgorithm(algorithm: DerReader): 'rsa' | (typeof CURVES)[number] | null {
  const oid = algorithm.read(DER.objectIdentifier);
  if (oid === null) return null;
  if (equalBytes(oid, OID_RSA_ENCRYPTION)) {
    // RFC 3279 §2.3.1: the parameters are NULL. Some leave them out.
    if (!algorithm.atEnd && algorithm.read(DER.null)?.length !== 0) return null;
    return algorithm.atEnd ? 'rsa' : null;
  }
  if (!equalBytes(oid, OID_EC_PUBLIC_KEY)) return null;
  const named = algorithm.read(DER.objectIdentifier); // RFC 5480 §2.1.1: named curves only
  if (named === null || !algorithm.atEnd) return null;
  return CURVES.find(({ oid }) => equalBytes(oid, named)) ?? null;
}

/** ECPrivateKey, RFC 5915 §3. */
function parseEcPrivateKey(der: Uint8Array, curve: EcdsaCurve): PrivateKeyData | null {
  const outer = new DerReader(der);
  const key = outer.sequence();
  const version = key?.unsigned();
  const scalar = key?.read(DER.octetString);
  if (!outer.atEnd || version?.length !== 1 || version[0] !== 1 || !scalar || !isValidScalar(curve, scalar))
    return null;
  return { kind: 'ecdsa', curve, scalar };
}

/** RSAPrivateKey, RFC 8017 §A.1.2, of two primes. */
function parseRsaPrivateKey(der: Uint8Array): PrivateKeyData | null {
  const outer = new DerReader(der);
  const key = outer.sequence();
  const version = key?.unsigned();
  const modulus = key?.unsigned();
  const publicExponent = key?.unsigned();
  const privateExponent = key?.unsigned();
  const prime1 = key?.unsigned();
  const prime2 = key?.unsigned();
  const exponent1 = key?.unsigned();
  const exponent2 = key?.unsigned();
  const coefficient = key?.unsigned();
  if (!key?.atEnd || !outer.atEnd || version?.length !== 0) return null;
  if (!modulus || !publicExponent || !privateExponent || !isRsaKey(modulus, publicExponent)) return null;
  if (!prime1 || !prime2 || !exponent1 || !exponent2 || !coefficient) return null;
  return { kind: 'rsa', modulus, publicExponent, prime1, prime2, exponent1, exponent2, coefficient };
}

function isRsaKey(modulus: Uint8Array, publicExponent: Uint8Array): boolean {
  const bits = bitLength(modulus);
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS || !isOdd(modulus)) return false;
  return (
    publicExponent.length <= MAX_RSA_EXPONENT_BYTES &&
    isOdd(publicExponent) &&
    !(publicExponent.length === 1 && publicExponent[0] === 1) // an exponent of 1 would sign everything
  );
}

function isOdd(bytes: Uint8Array): boolean {
  return bytes.length > 0 && (bytes[bytes.length - 1]! & 1) === 1;
}
