/** The cipher suites we speak: ECDHE with an AEAD, and nothing else (RFC 9325 §4.2; RFC 8422, RFC 5289, RFC 7905). */
import type { AeadName, CryptoProvider, HashName } from '../crypto/provider.ts';

export type CipherSuiteName =
  | 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'
  | 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'
  | 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'
  | 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'
  | 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'
  | 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256';

export type CipherSuite = {
  readonly id: number;
  readonly name: CipherSuiteName;
  /** Which kind of certificate key signs the ServerKeyExchange. */
  readonly authentication: 'ecdsa' | 'rsa';
  readonly aead: AeadName;
  readonly keyLength: 16 | 32;
  /** Bytes of the nonce that come from the key block: 4 (RFC 5288 §3) or all 12 (RFC 7905 §2). */
  readonly fixedIvLength: 4 | 12;
  /** The hash of the PRF, Finished and the exporter (RFC 5246 §5). */
  readonly hash: HashName;
};

const AES_128_GCM = { aead: 'aes-128-gcm', keyLength: 16, fixedIvLength: 4, hash: 'sha256' } as const;
const AES_256_GCM = { aead: 'aes-256-gcm', keyLength: 32, fixedIvLength: 4, hash: 'sha384' } as const;
const CHACHA20 = { aead: 'chacha20-poly1305', keyLength: 32, fixedIvLength: 12, hash: 'sha256' } as const;

/** In our order of preference: AES-GCM first, which most runtimes do in hardware. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  { id: 0xc02b, name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', authentication: 'ecdsa', ...AES_128_GCM },
  { id: 0xc02f, name: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', authentication: 'rsa', ...AES_128_GCM },
  { id: 0xc02c, name: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', authentication: 'ecdsa', ...AES_256_GCM },
  { id: 0xc030, name: 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', authentication: 'rsa', ...AES_256_GCM },
  { id: 0xcca9, name: 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', authentication: 'ecdsa', ...CHACHA20 },
  { id: 0xcca8, name: 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', authentication: 'rsa', ...CHACHA20 },
];

/** All of them, those with the AEAD that the crypto provider does fastest first. */
export function cipherSuitesFor({ preferredAead }: CryptoProvider): readonly CipherSuite[] {
  const isPreferred = ({ aead }: CipherSuite): boolean => aead === preferredAead;
  return [...CIPHER_SUITES.filter(isPreferred), ...CIPHER_SUITES.filter((suite) => !isPreferred(suite))];
}

export function cipherSuiteById(id: number): CipherSuite | undefined {
  return CIPHER_SUITES.find((suite) => suite.id === id);
}

export function cipherSuiteByName(name: CipherSuiteName): CipherSuite | undefined {
  return CIPHER_SUITES.find((suite) => suite.name === name);
}
