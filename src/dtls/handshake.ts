/** What both handshakes have in common: the steps they answer with, and the state they build up on the way. */
import { equalBytes, toHex } from '../binary/bytes.ts';
import type { NamedGroup, PublicKey } from '../crypto/provider.ts';
import { ALERT_CODES, type AlertDescription } from './alert.ts';
import type { CipherSuite } from './cipher-suites.ts';
import type { FlightItem } from './flight.ts';
import { HANDSHAKE_TYPE, type HandshakeMessage } from './handshake-message.ts';
import { MasterSecret } from './key-schedule.ts';
import type { DtlsRole } from './options.ts';
import { readPeerKey } from './peer-certificate.ts';
import type { RecordProtection } from './record-protection.ts';
import type { Settings } from './settings.ts';
import { SIGNATURE_SCHEMES, type SignatureScheme, schemeFitsKey, signatureSchemeById } from './signature-schemes.ts';
import type { SrtpProfile } from './srtp-profiles.ts';
import { Transcript } from './transcript.ts';

/** A reason to end the connection, and the alert that tells the peer. */
export type Failure = { readonly kind: 'failure'; readonly alert: AlertDescription; readonly reason: string };

export function failure(alert: AlertDescription, reason: string): Failure {
  return { kind: 'failure', alert, reason };
}

/** Keys of the epoch to come, by direction. */
export type EpochKeys = { readonly read: RecordProtection; readonly write: RecordProtection };

/** What a message led to. */
export type Step =
  | Failure
  | {
      readonly kind: 'progress';
      /** Install them: the peer may change to them now, and the flight below may already use them. */
      readonly keys?: EpochKeys;
      /** Send it in place of the one before, which the peer has answered. */
      readonly flight?: readonly FlightItem[];
      /** Whether an answer is awaited to `flight`. */
      readonly awaitsAnswer?: boolean;
      /** The handshake is over. */
      readonly connected?: boolean;
    };

/** The message was one of several that are needed. */
export const WAIT: Step = { kind: 'progress' };

/** One side of a handshake: messages in, steps out. */
export interface Handshake {
  readonly core: HandshakeCore;
  /** Whether the peer's ChangeCipherSpec comes next. It is no handshake message and has no place in their order. */
  readonly awaitsChangeCipherSpec: boolean;
  handleMessage(message: HandshakeMessage): Step;
  /** Only while it is awaited. */
  handleChangeCipherSpec(): void;
}

/** The transcript and all that was agreed and proved so far. */
export class HandshakeCore {
  readonly settings: Settings;
  readonly transcript: Transcript = new Transcript();
  version: number | undefined;
  suite: CipherSuite | undefined;
  group: NamedGroup | undefined;
  srtpProfile: SrtpProfile | undefined;
  alpnProtocol: string | undefined;
  extendedMasterSecret = false;
  clientRandom: Uint8Array = new Uint8Array(0);
  serverRandom: Uint8Array = new Uint8Array(0);
  peerCertificates: readonly Uint8Array[] = [];
  peerKey: PublicKey | undefined;
  masterSecret: MasterSecret | undefined;
  #nextMessageSeq = 0;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** The next message of ours, entered into the transcript. */
  compose(type: number, body: Uint8Array, epoch = 0): FlightItem {
    const message = { type, messageSeq: this.#nextMessageSeq++, body };
    this.transcript.add(message);
    return { kind: 'message', epoch, message };
  }

  /** Our ChangeCipherSpec and, under the new keys, our Finished. */
  composeFinished(): FlightItem[] {
    const verifyData = this.#verifyData(this.settings.role);
    return [{ kind: 'changeCipherSpec', epoch: 0 }, this.compose(HANDSHAKE_TYPE.finished, verifyData, 1)];
  }

  /** Checks the peer's Finished and enters it into the transcript. */
  checkFinished(message: HandshakeMessage): Failure | null {
    const expected = this.#verifyData(this.settings.role === 'client' ? 'server' : 'client');
    if (!equalBytes(message.body, expected)) {
      return failure('decrypt_error', 'the peer saw another handshake: its Finished does not match');
    }
    this.transcript.add(message);
    return null;
  }

  /** The master secret, from a transcript that ends with the ClientKeyExchange, and the keys of epoch 1. */
  deriveKeys(premaster: Uint8Array): EpochKeys {
    const { crypto, keylog, role } = this.settings;
    const suite = this.suite!;
    const sessionHash = this.extendedMasterSecret ? this.transcript.hash(crypto, suite.hash) : null;
    const randoms = { client: this.clientRandom, server: this.serverRandom };
    this.masterSecret = new MasterSecret(crypto, suite, premaster, randoms, sessionHash);
    keylog?.(`CLIENT_RANDOM ${toHex(this.clientRandom)} ${toHex(this.masterSecret.bytes)}`);
    const { client, server } = this.masterSecret.deriveKeys();
    return role === 'client' ? { read: server, write: client } : { read: client, write: server };
  }

  /** Takes the peer's chain, when its key is of use and the caller accepts it. That the peer holds the key comes later. */
  acceptChain(chain: readonly Uint8Array[]): Failure | null {
    const peer = readPeerKey(this.settings.crypto, chain[0]!);
    if ('alert' in peer) return failure(peer.alert, peer.reason);
    let verdict: boolean | AlertDescription;
    try {
      verdict = this.settings.verifyCertificate(chain);
    } catch (error) {
      return failure('internal_error', `verifyCertificate threw: ${String(error)}`);
    }
    if (verdict !== true) {
      const alert = typeof verdict === 'string' && Object.hasOwn(ALERT_CODES, verdict) ? verdict : 'bad_certificate';
      return failure(alert, 'verifyCertificate rejected the certificate');
    }
    this.peerCertificates = chain;
    this.peerKey = peer.key;
    return null;
  }

  /** Checks a signature of the peer's: that it may be made so, and that it is one. */
  checkSignature(scheme: number, data: Uint8Array, signature: Uint8Array): Failure | null {
    const name = signatureSchemeById(scheme);
    const key = this.peerKey!;
    if (name === undefined || !this.settings.signatureSchemes.includes(name) || !schemeFitsKey(name, key.type)) {
      return failure('illegal_parameter', 'the peer signed with a scheme we did not offer, or that is not for its key');
    }
    if (key.verify(SIGNATURE_SCHEMES[name], data, signature)) return null;
    return failure('decrypt_error', 'the peer does not hold the key of its certificate: its signature is wrong');
  }

  sign(scheme: SignatureScheme, data: Uint8Array): { readonly scheme: number; readonly signature: Uint8Array } {
    const { certificate, random } = this.settings;
    const { id, ...algorithm } = SIGNATURE_SCHEMES[scheme];
    return { scheme: id, signature: certificate!.privateKey.sign(algorithm, data, random) };
  }

  #verifyData(sender: DtlsRole): Uint8Array {
    const { crypto } = this.settings;
    return this.masterSecret!.verifyData(sender, this.transcript.hash(crypto, this.suite!.hash));
  }
}
