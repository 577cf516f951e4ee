/** What a `DtlsConnection` is told when it is made, and what it tells back. */
import type { CryptoProvider, NamedGroup, PrivateKey } from '../crypto/provider.ts';
import type { RandomSource } from '../machine.ts';
import type { AlertDescription } from './alert.ts';
import type { CipherSuiteName } from './cipher-suites.ts';
import type { SignatureScheme } from './signature-schemes.ts';
import type { SrtpProfile } from './srtp-profiles.ts';

export type DtlsRole = 'client' | 'server';

/** A certificate chain, end entity first, each in DER, and the key of the first. */
export type DtlsCertificate = { readonly chain: readonly Uint8Array[]; readonly privateKey: PrivateKey };

/**
 * Judges the peer's certificates (DER, end entity first); that the peer holds the key of the first is proved by the
 * handshake itself. `false` means `bad_certificate`; any other alert may be named instead.
 */
export type VerifyCertificate = (chain: readonly Uint8Array[]) => boolean | AlertDescription;

export type DtlsOptions = {
  readonly crypto: CryptoProvider;
  /** Hello randoms, ephemeral keys, signatures, cookies. */
  readonly random: RandomSource;
  readonly role: DtlsRole;
  /** A server must have one; a client without one answers a CertificateRequest with an empty list. */
  readonly certificate?: DtlsCertificate;
  /** Server only: whether to ask for the client's certificate. Default `'none'`; WebRTC needs `'required'`. */
  readonly clientCertificate?: 'none' | 'optional' | 'required';
  /** Needed by every client, and by a server that asks for a certificate: there is no default that would be safe. */
  readonly verifyCertificate?: VerifyCertificate;
  /** In order of preference. Default: all we know, AES-128-GCM first, or else what `crypto` does faster. */
  readonly cipherSuites?: readonly CipherSuiteName[];
  /** In order of preference. Default: x25519, secp256r1, secp384r1. */
  readonly groups?: readonly NamedGroup[];
  /** What the peer may sign with, and what we choose from to sign, in order of preference. Default: all without SHA-1. */
  readonly signatureSchemes?: readonly SignatureScheme[];
  /** Offered (client) or accepted (server) in use_srtp, in order of preference. Default: none, no extension. */
  readonly srtpProfiles?: readonly SrtpProfile[];
  /** ALPN (RFC 7301), in order of preference. Default: none, no extension. */
  readonly alpnProtocols?: readonly string[];
  /**
   * Whether the peer has to do the extended master secret (RFC 7627). Default `true`: every browser does, and without
   * it the exporter's keys are not bound to this handshake. `false` still uses it where the peer does.
   */
  readonly requireExtendedMasterSecret?: boolean;
  /**
   * Server only: answer the first ClientHello with a HelloVerifyRequest (RFC 6347 §4.2.1). Default `false`: on a path
   * that ICE has checked, the peer's address is proved already. An object shares its secret between connections.
   */
  readonly cookie?: boolean | { readonly secret: Uint8Array; readonly clientAddress: Uint8Array };
  /** Largest datagram to send, in bytes, 81 … 65,507. Default 1200. */
  readonly mtu?: number;
  /** First retransmission timeout in ms; each further one doubles, up to 60 s (RFC 6347 §4.2.4.1). Default 200. */
  readonly initialTimeoutMs?: number;
  /** The handshake fails when its flight was sent this many times again without an answer. Default 12. */
  readonly maxRetransmissions?: number;
  /** The handshake fails when it has taken longer, in ms since its first ClientHello. Default: `Infinity`, no limit. */
  readonly handshakeTimeoutMs?: number;
  /** Receives lines in the NSS key log format. They open the connection to whoever reads them. */
  readonly keylog?: (line: string) => void;
};

export type DtlsState = 'new' | 'connecting' | 'connected' | 'closed' | 'failed';

export type DtlsEvent =
  /** The handshake is done, and everything the peer had to prove is proved. */
  | { readonly kind: 'connected' }
  /** Application data of one record: a view, the receiver's to keep. */
  | { readonly kind: 'data'; readonly data: Uint8Array }
  /** The peer's close_notify; it is answered already. */
  | { readonly kind: 'closed' }
  /** Over: by a fatal alert of ours (`local`), one of the peer's (`remote`; a number where it has no name), or time. */
  | {
      readonly kind: 'failed';
      readonly origin: 'local' | 'remote' | 'timeout';
      readonly alert?: AlertDescription | number;
      readonly reason: string;
    };
