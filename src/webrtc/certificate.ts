/** RTCCertificate (WebRTC §4.9): a key pair and a certificate, for one connection or several that are to look alike. */
import {
  type Certificate,
  type CryptoProvider,
  type GenerateCertificateOptions,
  generateCertificate,
  parseCertificateAlgorithm,
} from '../crypto/index.ts';
import {
  Dictionary,
  enforceUnsignedLongLong,
  exposeInterface,
  isObject,
  requireInternal,
  toDOMString,
} from '../webidl/conversions.ts';

export interface RTCDtlsFingerprint {
  algorithm?: string;
  value?: string;
}

/** What stands behind an RTCCertificate; not visible to scripts. */
let certificateOf: (object: RTCCertificate) => Certificate;

export class RTCCertificate {
  readonly #certificate: Certificate;

  static {
    certificateOf = (object) => object.#certificate;
    exposeInterface(RTCCertificate, 'RTCCertificate', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, certificate: Certificate) {
    requireInternal(key);
    this.#certificate = certificate;
  }

  /** Milliseconds since 1970; connections cannot be made with it afterwards. */
  get expires(): number {
    return this.#certificate.expires;
  }

  /** In lower case, as the specification has it; SDP wants upper case (RFC 8122 §5). */
  getFingerprints(): RTCDtlsFingerprint[] {
    return this.#certificate.fingerprints.map(({ algorithm, value }) => ({ algorithm, value: value.toLowerCase() }));
  }
}

export { certificateOf };

/**
 * The static method `RTCPeerConnection.generateCertificate` (WebRTC §4.9.1).
 * @throws DOMException NotSupportedError for an algorithm that is not ECDSA on P-256 or P-384, or RSASSA-PKCS1-v1_5
 *   with 2048 bits or more and SHA-256 or better
 * @throws TypeError for a malformed algorithm or a negative `expires`
 */
export async function makeCertificate(
  keygenAlgorithm: unknown,
  crypto: CryptoProvider,
  now: number,
  construct: (certificate: Certificate) => RTCCertificate,
): Promise<RTCCertificate> {
  const identifier = isObject(keygenAlgorithm) ? keygenAlgorithm : toDOMString(keygenAlgorithm, 'keygenAlgorithm');
  const expires = isObject(identifier)
    ? new Dictionary(identifier, 'RTCCertificateExpiration').optional('expires', enforceUnsignedLongLong)
    : undefined;
  const algorithm = parseCertificateAlgorithm(identifier);
  if (algorithm === null) {
    throw new DOMException('Certificates cannot be made with this algorithm', 'NotSupportedError');
  }
  const options: GenerateCertificateOptions = { crypto, now, ...(expires !== undefined && { expires }) };
  return construct(await generateCertificate(options, algorithm));
}
