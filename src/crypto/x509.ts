/**
 * X.509 certificates (RFC 5280), as much as DTLS with fingerprints needs: writing a self-signed one, and reading the
 * public key, the validity and the signature's hash of any. Trust comes from the fingerprint in the signalling
 * (RFC 8122), so names, extensions and chains are left to whoever has a use for them.
 */
import { equalBytes, fromHex, toHex } from '../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import { DER, DerReader, encodeDer } from './der.ts';
import { encodeBits } from './key-data.ts';
import type { PrivateKey, SignatureAlgorithm } from './provider.ts';

export type CertificateInfo = {
  /** The SubjectPublicKeyInfo, in DER; a view. */
  readonly publicKey: Uint8Array;
  /** The first and the last moment at which it is valid, in ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The hash under its signature, `null` when we do not know the algorithm. */
  readonly signatureHash: SignatureAlgorithm['hash'] | null;
};

/** RFC 5758 §3.2 and RFC 4055 §5: the signature algorithms we make and recognize. */
const SIGNATURE_ALGORITHMS = [
  { kind: 'ecdsa', hash: 'sha256', oid: fromHex('2a8648ce3d040302') },
  { kind: 'ecdsa', hash: 'sha384', oid: fromHex('2a8648ce3d040303') },
  { kind: 'ecdsa', hash: 'sha512', oid: fromHex('2a8648ce3d040304') },
  { kind: 'rsaPkcs1', hash: 'sha256', oid: fromHex('2a864886f70d01010b') },
  { kind: 'rsaPkcs1', hash: 'sha384', oid: fromHex('2a864886f70d01010c') },
  { kind: 'rsaPkcs1', hash: 'sha512', oid: fromHex('2a864886f70d01010d') },
  { kind: 'rsaPkcs1', hash: 'sha1', oid: fromHex('2a864886f70d010105') },
] as const;

const OID_COMMON_NAME = fromHex('550403'); // 2.5.4.3, RFC 5280 §A.1

/** 64 random bits: a serial number "MUST be unique", and has at most 20 octets (RFC 5280 §4.1.2.2). */
const SERIAL_LENGTH = 8;
const COMMON_NAME_LENGTH = 8;

/** Reads one certificate. `null`, never an exception, when it is not one. */
export function parseCertificate(der: Uint8Array): CertificateInfo | null {
  const outer = new DerReader(der);
  const certificate = outer.sequence();
  const tbs = certificate?.sequence();
  const algorithm = certificate?.sequence();
  if (!outer.atEnd || !tbs || !algorithm || !certificate?.bits() || !certificate.atEnd) return null;
  if (tbs.nextTag === DER.context) tbs.element(); // [0] version
  const head = tbs.read(DER.integer) && tbs.sequence() && tbs.sequence(); // serial number, signature, issuer
  const validity = tbs.sequence();
  const subject = tbs.sequence();
  const publicKey = tbs.nextTag === DER.sequence ? tbs.element() : null;
  if (!head || !validity || !subject || !publicKey) return null; // identifiers and extensions may follow
  const notBefore = parseTime(validity);
  const notAfter = parseTime(validity);
  if (notBefore === null || notAfter === null || !validity.atEnd) return null;
  return { publicKey: publicKey.whole, notBefore, notAfter, signatureHash: parseSignatureHash(algorithm) };
}

/**
 * A self-signed certificate with a random name and serial number, in DER.
 * @param algorithm must fit `privateKey`, and be one that has a name in X.509: no PSS, no SHA-1
 */
export function encodeSelfSigned(options: {
  readonly publicKey: Uint8Array;
  readonly privateKey: PrivateKey;
  readonly algorithm: SignatureAlgorithm;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly random: RandomSource;
}): Uint8Array {
  const { publicKey, privateKey, algorithm, random } = options;
  const serial = randomBytes(random, SERIAL_LENGTH);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, and of full length
  const name = encodeCommonName(toHex(randomBytes(random, COMMON_NAME_LENGTH)));
  const signature = encodeSignatureAlgorithm(algorithm);
  const tbs = encodeDer(
    DER.sequence,
    // v3, though without extensions v1 would do (RFC 5280 §4.1.2.1): there are parsers that take nothing else.
    encodeDer(DER.context, encodeDer(DER.integer, Uint8Array.of(2))),
    encodeDer(DER.integer, serial),
    signature,
    name,
    encodeDer(DER.sequence, encodeTime(options.notBefore), encodeTime(options.notAfter)),
    name,
    publicKey,
  );
  return encodeDer(DER.sequence, tbs, signature, encodeBits(privateKey.sign(algorithm, tbs, random)));
}

function encodeCommonName(name: string): Uint8Array {
  const value = encodeDer(DER.utf8String, new TextEncoder().encode(name));
  const attribute = encodeDer(DER.sequence, encodeDer(DER.objectIdentifier, OID_COMMON_NAME), value);
  return encodeDer(DER.sequence, encodeDer(DER.set, attribute));
}

function encodeSignatureAlgorithm({ kind, hash }: SignatureAlgorithm): Uint8Array {
  const known = SIGNATURE_ALGORITHMS.find((entry) => entry.kind === kind && entry.hash === hash);
  if (known === undefined || hash === 'sha1') throw new TypeError(`no certificate is signed with ${kind} and ${hash}`);
  const oid = encodeDer(DER.objectIdentifier, known.oid);
  // RFC 4055 §5: NULL parameters with RSA; RFC 5758 §3.2: none with ECDSA.
  return kind === 'ecdsa' ? encodeDer(DER.sequence, oid) : encodeDer(DER.sequence, oid, encodeDer(DER.null));
}

function parseSignatureHash(algorithm: DerReader): SignatureAlgorithm['hash'] | null {
  const oid = algorithm.read(DER.objectIdentifier);
  return SIGNATURE_ALGORITHMS.find((entry) => oid !== null && equalBytes(entry.oid, oid))?.hash ?? null;
}

/** RFC 5280 §4.1.2.5: UTCTime through the year 2049, GeneralizedTime from 2050; in seconds, always Z. */
function encodeTime(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`;
  const utc = digits < '2050';
  return encodeDer(utc ? DER.utcTime : DER.generalizedTime, new TextEncoder().encode(utc ? digits.slice(2) : digits));
}

function parseTime(validity: DerReader): number | null {
  const tag = validity.nextTag;
  const text = validity.element()?.content;
  const utc = tag === DER.utcTime;
  if ((!utc && tag !== DER.generalizedTime) || text?.length !== (utc ? 13 : 15)) return null;
  let digits = String.fromCharCode(...text);
  if (!/^\d+Z$/.test(digits)) return null;
  if (utc) digits = (digits < '50' ? '20' : '19') + digits; // RFC 5280 §4.1.2.5.1
  const [year, month, day, hour, minute, second] = digits
    .match(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/)!
    .slice(1)
    .map(Number) as [number, number, number, number, number, number];
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day); // Date.UTC would take the year 50 for 1950
  time.setUTCHours(hour, minute, second);
  return time.getTime();
}
