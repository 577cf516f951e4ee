/** The peer's certificate, as far as the handshake itself depends on it: its key, and whether that may sign. */
import { equalBytes, fromHex } from '../binary/bytes.ts';
import { DER, DerReader } from '../crypto/der.ts';
import type { CryptoProvider, PublicKey } from '../crypto/provider.ts';
import { parseCertificate } from '../crypto/x509.ts';
import type { AlertDescription } from './alert.ts';

const OID_KEY_USAGE = fromHex('551d0f'); // 2.5.29.15, RFC 5280 §4.2.1.3
/** KeyUsage is a BIT STRING whose first bit, `digitalSignature (0)`, is the highest of its first byte. */
const DIGITAL_SIGNATURE = 0x80;

export type PeerKey = { readonly key: PublicKey } | { readonly alert: AlertDescription; readonly reason: string };

/** The key of a DER certificate, or why it cannot be used. */
export function readPeerKey(crypto: CryptoProvider, certificate: Uint8Array): PeerKey {
  const info = parseCertificate(certificate);
  if (info === null) return { alert: 'bad_certificate', reason: 'the certificate cannot be read' };
  const key = crypto.importPublicKey(info.publicKey);
  if (key === null) return { alert: 'unsupported_certificate', reason: 'the certificate has a key of an unknown kind' };
  // RFC 5246 §7.4.2: "If the key usage extension is present, the digitalSignature bit MUST be set".
  if (!maySign(certificate)) return { alert: 'certificate_unknown', reason: 'the certificate is not for signatures' };
  return { key };
}

/** False when there is a KeyUsage without digitalSignature. */
function maySign(certificate: Uint8Array): boolean {
  const tbs = new DerReader(certificate).sequence()?.sequence();
  if (!tbs) return false;
  // RFC 5280 §4.1: the extensions are the last, [3], of TBSCertificate.
  while (!tbs.atEnd) {
    const element = tbs.element();
    if (element === null) return false;
    if (element.tag !== DER.context + 3) continue;
    const extensions = new DerReader(element.content).sequence();
    while (extensions && !extensions.atEnd) {
      const extension = extensions.sequence();
      if (!extension) return false;
      const oid = extension.read(DER.objectIdentifier);
      if (oid === null || !equalBytes(oid, OID_KEY_USAGE)) continue;
      if (extension.nextTag !== DER.octetString) extension.element(); // critical
      const bits = new DerReader(extension.read(DER.octetString) ?? new Uint8Array(0)).read(DER.bitString);
      return bits !== null && bits.length >= 2 && (bits[1]! & DIGITAL_SIGNATURE) !== 0;
    }
  }
  return true;
}
