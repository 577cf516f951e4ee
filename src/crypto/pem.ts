/** PEM (RFC 7468): DER in base64 between two lines that say what it is. */
import { wrapEcPrivateKey, wrapRsaPrivateKey } from './key-data.ts';

type PemBlock = { readonly label: string; readonly der: Uint8Array };

/**
 * The certificates in `text`, in their order.
 * @throws TypeError when there is none
 */
export function certificatesFromPem(text: string): Uint8Array[] {
  const chain = parsePem(text).filter(({ label }) => label === 'CERTIFICATE');
  if (chain.length === 0) throw new TypeError('expected PEM with a CERTIFICATE block');
  return chain.map(({ der }) => der);
}

/**
 * The first private key in `text`, as PKCS #8.
 * @throws TypeError when there is none, or it is encrypted
 */
export function privateKeyFromPem(text: string): Uint8Array {
  for (const { label, der } of parsePem(text)) {
    if (label === 'PRIVATE KEY') return der;
    if (label === 'RSA PRIVATE KEY') return wrapRsaPrivateKey(der);
    if (label === 'EC PRIVATE KEY') {
      const pkcs8 = wrapEcPrivateKey(der);
      if (pkcs8 !== null) return pkcs8;
    }
    if (label === 'ENCRYPTED PRIVATE KEY') throw new TypeError('the private key is encrypted: decrypt it first');
  }
  throw new TypeError('expected PEM with a PRIVATE KEY block');
}

function parsePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const match of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g)) {
    const label = match[1]!;
    const body = match[2]!;
    // RFC 1421 §4.6.1.1 headers, which OpenSSL's old formats put before an encrypted key.
    if (/^\s*Proc-Type:/.test(body)) throw new TypeError('the private key is encrypted: decrypt it first');
    blocks.push({ label, der: decodeBase64(body.replace(/\s/g, '')) });
  }
  return blocks;
}

function decodeBase64(text: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw new TypeError('expected base64 between the lines of a PEM block', { cause });
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
