/** Long-term credentials (RFC 8489 §9.2): the keys made of a name and a password, and what a nonce says about its server. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { IntegrityKeys, PasswordAlgorithm } from '../stun/index.ts';

/** RFC 8489 §18.5.1. */
export type PasswordAlgorithmName = 'md5' | 'sha256';

export const PASSWORD_ALGORITHM_NUMBERS = { md5: 0x0001, sha256: 0x0002 } as const;

/** RFC 8489 §9.2: what the NONCE of a server that knows this specification starts with. */
const NONCE_COOKIE_PREFIX = 'obMatJos2';
/** The prefix, and 24 bits in base64. */
export const NONCE_COOKIE_LENGTH = 13;
/** RFC 8489 §18.1: bit 0, the first, and bit 1 of the 24. */
const FEATURE_BITS = { passwordAlgorithms: 0x80_0000, usernameAnonymity: 0x40_0000 } as const;
/** The same, counted from the other end, as the sample of RFC 8489 §B.1 does against the text of §9.2: read, never written. */
const SAMPLE_FEATURE_BITS = { passwordAlgorithms: 0x00_0001, usernameAnonymity: 0x00_0002 } as const;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 8489 §18.1. */
export type SecurityFeatures = { readonly passwordAlgorithms: boolean; readonly usernameAnonymity: boolean };

export function nonceCookie(features: SecurityFeatures): string {
  const bits =
    (features.passwordAlgorithms ? FEATURE_BITS.passwordAlgorithms : 0) |
    (features.usernameAnonymity ? FEATURE_BITS.usernameAnonymity : 0);
  return NONCE_COOKIE_PREFIX + [18, 12, 6, 0].map((shift) => BASE64[(bits >> shift) & 63]!).join('');
}

/** What a nonce says about its server; `null` for one of a server older than RFC 8489. */
export function readNonceCookie(nonce: string): SecurityFeatures | null {
  if (!nonce.startsWith(NONCE_COOKIE_PREFIX)) return null;
  const digits = [...nonce.slice(NONCE_COOKIE_PREFIX.length, NONCE_COOKIE_LENGTH)].map((digit) =>
    BASE64.indexOf(digit),
  );
  if (digits.length !== 4 || digits.includes(-1)) return null;
  const bits = digits.reduce((value, digit) => (value << 6) | digit, 0);
  return {
    passwordAlgorithms: (bits & (FEATURE_BITS.passwordAlgorithms | SAMPLE_FEATURE_BITS.passwordAlgorithms)) !== 0,
    usernameAnonymity: (bits & (FEATURE_BITS.usernameAnonymity | SAMPLE_FEATURE_BITS.usernameAnonymity)) !== 0,
  };
}

/** The key of RFC 8489 §9.2.2 and §18.5.1: 16 bytes with MD5, 32 with SHA-256. */
export function longTermKey(
  crypto: CryptoProvider,
  algorithm: PasswordAlgorithmName,
  username: string,
  realm: string,
  password: string,
): Uint8Array {
  const parts = [unquoted(username), unquoted(opaqueString(realm)), withoutNulls(opaqueString(password))];
  return crypto.hash(algorithm, new TextEncoder().encode(parts.join(':')));
}

/** The same key for either of the two attributes that prove it. */
export function integrityKeysOf(crypto: CryptoProvider, key: Uint8Array): IntegrityKeys {
  return { sha1: crypto.hmac('sha1', key), sha256: crypto.hmac('sha256', key) };
}

/** USERHASH (RFC 8489 §14.4). */
export function userhashOf(crypto: CryptoProvider, username: string, realm: string): Uint8Array {
  return crypto.hash('sha256', new TextEncoder().encode(`${opaqueString(username)}:${opaqueString(realm)}`));
}

/** OpaqueString (RFC 8265 §4.2): every space is U+0020, and the whole is in normalization form C. */
export function opaqueString(text: string): string {
  return text.replace(/\p{Zs}/gu, ' ').normalize('NFC');
}

export function passwordAlgorithmOf(name: PasswordAlgorithmName): PasswordAlgorithm {
  return { algorithm: PASSWORD_ALGORITHM_NUMBERS[name], parameters: new Uint8Array(0) };
}

/** `null` for one we do not know, or whose parameters we do not: neither of ours has any (RFC 8489 §18.5.1). */
export function passwordAlgorithmName({ algorithm, parameters }: PasswordAlgorithm): PasswordAlgorithmName | null {
  if (parameters.length > 0) return null;
  if (algorithm === PASSWORD_ALGORITHM_NUMBERS.sha256) return 'sha256';
  return algorithm === PASSWORD_ALGORITHM_NUMBERS.md5 ? 'md5' : null;
}

/** RFC 8489 §9.2.2: "with any quotes and trailing nulls removed". */
function unquoted(text: string): string {
  return withoutNulls(text).replace(/^"(.*)"$/s, '$1');
}

function withoutNulls(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end);
}
