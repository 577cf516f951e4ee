/**
 * `purertc/crypto`: the interface to cryptography and the choice of what stands behind it. The providers have doors of
 * their own, `purertc/crypto/node` and `purertc/crypto/noble`, so that a bundle carries the one it uses.
 */
export {
  type Certificate,
  type CertificateAlgorithm,
  certificateFromDer,
  certificateFromPem,
  certificatePublicKey,
  type GenerateCertificateOptions,
  generateCertificate,
  generateEcdsaCertificate,
  parseCertificateAlgorithm,
} from './certificate.ts';
export { defaultCrypto } from './default.ts';
export { type Fingerprint, type FingerprintAlgorithm, fingerprint, matchesFingerprint } from './fingerprint.ts';
export {
  AEAD_TAG_LENGTH,
  type AeadKey,
  type AeadName,
  type AesCmKey,
  type CryptoProvider,
  type Hash,
  type HashName,
  type HmacKey,
  type KeyAgreement,
  type KeyKind,
  type NamedGroup,
  type PrivateKey,
  type PublicKey,
  type SignatureAlgorithm,
} from './provider.ts';
export { type CertificateInfo, parseCertificate } from './x509.ts';
