/**
 * Signature schemes by their code points. In (D)TLS 1.2 the two bytes are a hash and a signature (RFC 5246 §7.4.1.4.1),
 * so `ecdsa_secp256r1_sha256` says nothing about the curve there; the names are those of RFC 8446 §4.2.3.
 */
import type { KeyKind, SignatureAlgorithm } from '../crypto/provider.ts';
import { fitsKey } from '../crypto/rules.ts';

export type SignatureScheme =
  | 'ecdsa_secp256r1_sha256'
  | 'ecdsa_secp384r1_sha384'
  | 'rsa_pss_rsae_sha256'
  | 'rsa_pss_rsae_sha384'
  | 'rsa_pss_rsae_sha512'
  | 'rsa_pkcs1_sha256'
  | 'rsa_pkcs1_sha384'
  | 'rsa_pkcs1_sha512';

/** In order of preference. No SHA-1 (RFC 9325 §4.3, RFC 9155). */
export const SIGNATURE_SCHEMES: Readonly<Record<SignatureScheme, SignatureAlgorithm & { readonly id: number }>> = {
  ecdsa_secp256r1_sha256: { id: 0x0403, kind: 'ecdsa', hash: 'sha256' },
  ecdsa_secp384r1_sha384: { id: 0x0503, kind: 'ecdsa', hash: 'sha384' },
  rsa_pss_rsae_sha256: { id: 0x0804, kind: 'rsaPss', hash: 'sha256' },
  rsa_pss_rsae_sha384: { id: 0x0805, kind: 'rsaPss', hash: 'sha384' },
  rsa_pss_rsae_sha512: { id: 0x0806, kind: 'rsaPss', hash: 'sha512' },
  rsa_pkcs1_sha256: { id: 0x0401, kind: 'rsaPkcs1', hash: 'sha256' },
  rsa_pkcs1_sha384: { id: 0x0501, kind: 'rsaPkcs1', hash: 'sha384' },
  rsa_pkcs1_sha512: { id: 0x0601, kind: 'rsaPkcs1', hash: 'sha512' },
};

export const DEFAULT_SIGNATURE_SCHEMES: readonly SignatureScheme[] = Object.keys(
  SIGNATURE_SCHEMES,
) as SignatureScheme[];

const SCHEME_BY_ID: ReadonlyMap<number, SignatureScheme> = new Map(
  DEFAULT_SIGNATURE_SCHEMES.map((name) => [SIGNATURE_SCHEMES[name].id, name]),
);

export function signatureSchemeById(id: number): SignatureScheme | undefined {
  return SCHEME_BY_ID.get(id);
}

/** Whether a key of this kind can make signatures of this scheme. */
export function schemeFitsKey(scheme: SignatureScheme, key: KeyKind): boolean {
  return fitsKey(SIGNATURE_SCHEMES[scheme], key);
}

/**
 * The first of `preferred` that is in `offered` and that the key can do; `undefined` when there is none. A scheme that
 * names the key's own curve comes first: 1.2 does not ask for it, but peers expect it.
 */
export function chooseScheme(
  preferred: readonly SignatureScheme[],
  offered: readonly number[],
  key: KeyKind,
): SignatureScheme | undefined {
  const fitting = preferred.filter((name) => offered.includes(SIGNATURE_SCHEMES[name].id) && schemeFitsKey(name, key));
  return fitting.find((name) => key.kind === 'ecdsa' && name.includes(key.curve)) ?? fitting[0];
}
