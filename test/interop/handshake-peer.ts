/**
 * Our end of a recorded handshake: DTLS and SCTP wired as the session wires them, each with a random source of its own,
 * so that a change in one layer's use of randomness leaves the other's recording valid. `scripts/record-handshakes.ts`
 * runs it against a browser, `replay.test.ts` against what the browser had sent.
 */
import { type Certificate, type CryptoProvider, type Fingerprint, matchesFingerprint } from '../../src/crypto/index.ts';
import { DtlsConnection, type DtlsRole, MAX_RECORD_HEADROOM, MAX_RECORD_TAILROOM } from '../../src/dtls/index.ts';
import type { RandomSource } from '../../src/machine.ts';
import { SctpAssociation } from '../../src/sctp/index.ts';

const MTU = 1200;
const CIPHER_SUITES = [
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
] as const;
/** RFC 8831 §8. */
const PPID = { dcep: 50, string: 51 } as const;
/** RFC 8832 §8.2.1. */
const DCEP = { ack: 2, open: 3 } as const;

export type HandshakePeerOptions = {
  readonly crypto: CryptoProvider;
  readonly certificate: Pick<Certificate, 'chain' | 'privateKey'>;
  readonly role: DtlsRole;
  readonly fingerprints: readonly Fingerprint[];
  readonly dtlsRandom: RandomSource;
  readonly sctpRandom: RandomSource;
  readonly transmit: (packet: Uint8Array) => void;
  /** `dtls connected`, `sctp connected`, `message <text>`, `dtls closed` and the like, in their order. */
  readonly event: (event: string) => void;
};

/** Acknowledges the channels that the peer opens and sends each text back. */
export class HandshakePeer {
  readonly dtls: DtlsConnection;
  readonly sctp: SctpAssociation;
  readonly #event: (event: string) => void;
  #now = 0;

  constructor({ crypto, certificate, role, fingerprints, ...options }: HandshakePeerOptions) {
    this.#event = options.event;
    this.dtls = new DtlsConnection(
      {
        crypto,
        certificate,
        role,
        random: options.dtlsRandom,
        clientCertificate: 'required',
        verifyCertificate: ([leaf]) => leaf !== undefined && matchesFingerprint(crypto, leaf, fingerprints),
        mtu: MTU,
        cipherSuites: CIPHER_SUITES, // whatever the provider prefers: a recording is replayed with each of them
        srtpProfiles: ['SRTP_AEAD_AES_128_GCM', 'SRTP_AES128_CM_HMAC_SHA1_80'],
      },
      {
        transmit: options.transmit,
        event: (event) => {
          if (event.kind === 'data') return this.sctp.handlePacket(event.data, this.#now);
          this.#event(`dtls ${event.kind}${event.kind === 'failed' ? `: ${event.reason}` : ''}`);
          if (event.kind === 'connected') this.sctp.connect(this.#now);
        },
      },
    );
    this.sctp = new SctpAssociation(
      {
        random: options.sctpRandom,
        mtu: MTU - MAX_RECORD_HEADROOM - MAX_RECORD_TAILROOM,
        headroom: MAX_RECORD_HEADROOM,
        tailroom: MAX_RECORD_TAILROOM,
      },
      {
        transmit: (packet) =>
          void this.dtls.sealInPlace(packet, MAX_RECORD_HEADROOM, packet.length - MAX_RECORD_TAILROOM),
        event: (event) => {
          if (event.kind === 'message') this.#answer(event.streamId, event.ppid, event.data);
          else if (event.kind !== 'bufferedAmountDecreased') this.#event(`sctp ${event.kind}`);
        },
      },
    );
  }

  get nextTimeout(): number {
    return Math.min(this.dtls.nextTimeout, this.sctp.nextTimeout);
  }

  start(now: number): void {
    this.#now = now;
    this.dtls.start(now);
  }

  handlePacket(packet: Uint8Array, now: number): void {
    this.#now = now;
    this.dtls.handlePacket(packet, now);
    this.sctp.flush(now);
  }

  handleTimeout(now: number): void {
    this.#now = now;
    this.dtls.handleTimeout(now);
    this.sctp.handleTimeout(now);
  }

  #answer(streamId: number, ppid: number, data: Uint8Array): void {
    if (ppid === PPID.dcep && data[0] === DCEP.open) {
      this.#event(`channel ${streamId} opened`);
      this.sctp.send(streamId, PPID.dcep, Uint8Array.of(DCEP.ack), {}, this.#now);
    } else if (ppid === PPID.string) {
      this.#event(`message ${new TextDecoder().decode(data)}`);
      this.sctp.send(streamId, PPID.string, data.slice(), {}, this.#now);
    }
  }
}

/** A recording, as it stands in fixtures/handshakes. Bytes are base64, times ms since the beginning. */
export type Recording = {
  readonly about: string;
  readonly browser: string;
  readonly recordedAt: string;
  /** Ours; the browser has the other one. */
  readonly dtlsRole: DtlsRole;
  readonly certificate: { readonly der: string; readonly pkcs8: string };
  readonly browserFingerprint: Fingerprint;
  /** All the bytes that each machine of ours drew, in their order. */
  readonly random: { readonly dtls: string; readonly sctp: string };
  readonly ice: {
    readonly localCredentials: { readonly usernameFragment: string; readonly password: string };
    readonly remoteCredentials: { readonly usernameFragment: string; readonly password: string };
    readonly packets: readonly RecordedPacket[];
  };
  /** Everything that was done to our machine, and what it sent of that. */
  readonly log: readonly RecordedStep[];
  /** What our machine told, in its order. */
  readonly events: readonly string[];
};

export type RecordedPacket =
  | { readonly at: number; readonly received: string }
  | { readonly at: number; readonly sent: string };
export type RecordedStep =
  | RecordedPacket
  | { readonly at: number; readonly start: true }
  | { readonly at: number; readonly timeout: true };
