/** DTLS 1.2 (RFC 6347): the door `purertc/dtls`. */
export { certificateFromDer, certificateFromPem } from '../crypto/certificate.ts';
export { ALERT_CODES, type AlertDescription } from './alert.ts';
export type { CipherSuiteName } from './cipher-suites.ts';
export { DtlsConnection } from './connection.ts';
export type {
  DtlsCertificate,
  DtlsEvent,
  DtlsOptions,
  DtlsRole,
  DtlsState,
  VerifyCertificate,
} from './options.ts';
export { MAX_RECORD_HEADROOM, MAX_RECORD_TAILROOM } from './record-protection.ts';
export type { SignatureScheme } from './signature-schemes.ts';
export { SRTP_PROFILES, type SrtpProfile } from './srtp-profiles.ts';
export type { DropReason, DtlsStats } from './stats.ts';
