/** Certificate fingerprints in SDP (RFC 8122 §5): what ties a DTLS handshake to the signalling. */
import { equalBytes } from '../binary/bytes.ts';
import type { CryptoProvider } from './provider.ts';

/** The hash functions of RFC 8122 §5, without MD5 and MD2: those "MUST NOT" be used. */
export type FingerprintAlgorithm = 'sha-1' | 'sha-224' | 'sha-256' | 'sha-384' | 'sha-512';

/** As in an SDP `a=fingerprint` line and in the W3C's RTCDtlsFingerprint. */
export type Fingerprint = { readonly algorithm: string; readonly value: string };

/** Strongest first. */
const ALGORITHMS = [
  { algorithm: 'sha-512', hash: 'sha512' },
  { algorithm: 'sha-384', hash: 'sha384' },
  { algorithm: 'sha-256', hash: 'sha256' },
  { algorithm: 'sha-224', hash: 'sha224' },
  { algorithm: 'sha-1', hash: 'sha1' },
] as const satisfies readonly { algorithm: FingerprintAlgorithm; hash: string }[];

/** The fingerprint of a DER certificate: upper-case hexadecimal, a colon between the bytes. */
export function fingerprint(crypto: CryptoProvider, algorithm: FingerprintAlgorithm, der: Uint8Array): string {
  const known = ALGORITHMS.find((entry) => entry.algorithm === algorithm);
  if (known === undefined) throw new TypeError(`expected a hash function of RFC 8122 §5, got ${algorithm}`);
  return formatFingerprint(crypto.hash(known.hash, der));
}

/**
 * Whether a certificate is the one the peer announced. Of the hash functions offered, the strongest one we know
 * decides, and one of its fingerprints must match (RFC 8122 §5.1); unknown ones are passed over. No known one: false.
 * Lower-case digits are accepted, since not every peer writes the upper-case ones that the grammar asks for.
 */
export function matchesFingerprint(
  crypto: CryptoProvider,
  der: Uint8Array,
  fingerprints: readonly Fingerprint[],
): boolean {
  for (const { algorithm, hash } of ALGORITHMS) {
    const offered = fingerprints.filter((entry) => entry.algorithm.toLowerCase() === algorithm);
    if (offered.length === 0) continue;
    const digest = crypto.hash(hash, der);
    return offered.some(({ value }) => {
      const bytes = parseFingerprint(value);
      return bytes !== null && equalBytes(bytes, digest);
    });
  }
  return false;
}

function formatFingerprint(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
}

/** RFC 8122 §5: pairs of hexadecimal digits, colons between them. `null` for anything else. */
function parseFingerprint(value: string): Uint8Array | null {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value)) return null;
  return Uint8Array.from(value.split(':'), (pair) => Number.parseInt(pair, 16));
}
