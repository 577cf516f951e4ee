import { generateCertificate } from '../../src/crypto/certificate.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { DtlsCertificate } from '../../src/dtls/index.ts';

/** A fresh ECDSA certificate. Making one is asynchronous, simulations are not: make them before. */
export async function makeDtlsCertificate(crypto: CryptoProvider): Promise<DtlsCertificate> {
  const { chain, privateKey } = await generateCertificate({ crypto, now: Date.now() });
  return { chain, privateKey };
}
