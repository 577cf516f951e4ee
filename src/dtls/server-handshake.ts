/**
 * The server's handshake (RFC 6347 §4.2.4, figure 1; RFC 5246 §7.3):
 *
 *     ─► ClientHello    HelloVerifyRequest* ─►    ─► ClientHello with cookie
 *     ServerHello, Certificate, ServerKeyExchange, CertificateRequest*, ServerHelloDone ─►
 *     ─► Certificate*, ClientKeyExchange, CertificateVerify*, ChangeCipherSpec, Finished
 *     ChangeCipherSpec, Finished ─►
 */
import { concatBytes } from '../binary/bytes.ts';
import type { KeyAgreement } from '../crypto/provider.ts';
import { randomBytes } from '../machine.ts';
import { CookieJar } from './cookie.ts';
import {
  EXTENSION,
  type Extensions,
  encodeProtocolNames,
  encodeUseSrtp,
  encodeVector8,
  UNCOMPRESSED,
} from './extensions.ts';
import type { FlightItem } from './flight.ts';
import { GROUPS } from './groups.ts';
import { type Failure, failure, type Handshake, HandshakeCore, type Step, WAIT } from './handshake.ts';
import { HANDSHAKE_TYPE, type HandshakeMessage } from './handshake-message.ts';
import {
  type ClientHello,
  decodeClientHello,
  encodeHelloVerifyRequest,
  encodeServerHello,
  NULL_COMPRESSION,
  RANDOM_LENGTH,
} from './hellos.ts';
import {
  CERTIFICATE_TYPE,
  decodeCertificate,
  decodeCertificateVerify,
  decodeClientKeyExchange,
  encodeCertificate,
  encodeCertificateRequest,
  encodeServerEcdhParams,
  encodeServerKeyExchange,
} from './key-messages.ts';
import { type Agreed, agree } from './negotiation.ts';
import type { Settings } from './settings.ts';
import { SIGNATURE_SCHEMES } from './signature-schemes.ts';
import { SRTP_PROFILES } from './srtp-profiles.ts';
import { DTLS_1_0 } from './version.ts';

const COOKIE_SECRET_LENGTH = 32;

type State =
  | { readonly kind: 'waitClientHello' }
  | { readonly kind: 'waitCertificate'; readonly keyAgreement: KeyAgreement }
  | { readonly kind: 'waitClientKeyExchange'; readonly keyAgreement: KeyAgreement }
  | { readonly kind: 'waitCertificateVerify' }
  | { readonly kind: 'waitChangeCipherSpec' }
  | { readonly kind: 'waitFinished' }
  | { readonly kind: 'connected' };

export class ServerHandshake implements Handshake {
  readonly core: HandshakeCore;
  readonly #settings: Settings;
  readonly #cookies: CookieJar | null;
  #state: State = { kind: 'waitClientHello' };

  constructor(settings: Settings) {
    this.core = new HandshakeCore(settings);
    this.#settings = settings;
    const { cookie, crypto, random } = settings;
    const secret = cookie && (cookie.secret ?? randomBytes(random, COOKIE_SECRET_LENGTH));
    this.#cookies = secret && new CookieJar(crypto, secret, cookie.clientAddress);
  }

  get awaitsChangeCipherSpec(): boolean {
    return this.#state.kind === 'waitChangeCipherSpec';
  }

  handleMessage(message: HandshakeMessage): Step {
    const state = this.#state;
    switch (state.kind) {
      case 'waitClientHello':
        return this.#expect(message, HANDSHAKE_TYPE.clientHello) ?? this.#handleClientHello(message);
      case 'waitCertificate':
        return (
          this.#expect(message, HANDSHAKE_TYPE.certificate) ?? this.#handleCertificate(message, state.keyAgreement)
        );
      case 'waitClientKeyExchange':
        return (
          this.#expect(message, HANDSHAKE_TYPE.clientKeyExchange) ??
          this.#handleClientKeyExchange(message, state.keyAgreement)
        );
      case 'waitCertificateVerify':
        return this.#expect(message, HANDSHAKE_TYPE.certificateVerify) ?? this.#handleCertificateVerify(message);
      case 'waitFinished':
        return this.#expect(message, HANDSHAKE_TYPE.finished) ?? this.#handleFinished(message);
      case 'waitChangeCipherSpec':
      case 'connected':
        return failure('unexpected_message', `handshake message ${message.type} while none is due`);
      default:
        return state satisfies never;
    }
  }

  handleChangeCipherSpec(): void {
    this.#state = { kind: 'waitFinished' };
  }

  #expect(message: HandshakeMessage, type: number): Failure | null {
    if (message.type === type) return null;
    return failure('unexpected_message', `handshake message ${message.type} in state ${this.#state.kind}`);
  }

  #handleClientHello(message: HandshakeMessage): Step {
    const hello = decodeClientHello(message.body);
    if (hello === null) return failure('decode_error', 'malformed ClientHello');
    if (this.#cookies && !this.#cookies.isFresh(hello)) return this.#verifyHello(this.#cookies.bake(hello));
    const agreed = agree(hello, this.#settings);
    if (agreed.kind === 'failure') return agreed;
    this.core.transcript.add(message);
    return this.#answer(hello, agreed);
  }

  /** Sends the client round once more. Nothing is remembered of this hello but that its message_seq is used. */
  #verifyHello(cookie: Uint8Array): Step {
    const request = encodeHelloVerifyRequest({ version: DTLS_1_0, cookie }); // §4.2.1: "SHOULD use DTLS version 1.0"
    const item = this.core.compose(HANDSHAKE_TYPE.helloVerifyRequest, request);
    this.core.transcript.clear();
    return { kind: 'progress', flight: [item], awaitsAnswer: false };
  }

  /** The flight from ServerHello to ServerHelloDone. */
  #answer(hello: ClientHello, agreed: Agreed): Step {
    const { core } = this;
    const { crypto, random, certificate, clientCertificate } = this.#settings;
    core.version = agreed.version;
    core.suite = agreed.suite;
    core.group = agreed.group;
    core.srtpProfile = agreed.srtpProfile;
    core.alpnProtocol = agreed.alpnProtocol;
    core.extendedMasterSecret = agreed.extendedMasterSecret;
    core.clientRandom = hello.random;
    core.serverRandom = randomBytes(random, RANDOM_LENGTH);
    const keyAgreement = crypto.generateKeyAgreement(agreed.group, random);

    const serverHello = encodeServerHello({
      version: agreed.version,
      random: core.serverRandom,
      sessionId: new Uint8Array(0), // RFC 5246 §7.4.1.3: "the session will not be cached and therefore cannot be resumed"
      cipherSuite: agreed.suite.id,
      compressionMethod: NULL_COMPRESSION,
      extensions: answerExtensions(hello, agreed),
    });
    const params = encodeServerEcdhParams(GROUPS[agreed.group], keyAgreement.publicKey);
    const signed = core.sign(agreed.signatureScheme, concatBytes(core.clientRandom, core.serverRandom, params));
    const flight: FlightItem[] = [
      core.compose(HANDSHAKE_TYPE.serverHello, serverHello),
      core.compose(HANDSHAKE_TYPE.certificate, encodeCertificate(certificate!.chain)),
      core.compose(HANDSHAKE_TYPE.serverKeyExchange, encodeServerKeyExchange(params, signed)),
    ];
    if (clientCertificate !== 'none') {
      const request = encodeCertificateRequest({
        types: [CERTIFICATE_TYPE.ecdsaSign, CERTIFICATE_TYPE.rsaSign],
        signatureSchemes: this.#settings.signatureSchemes.map((name) => SIGNATURE_SCHEMES[name].id),
      });
      flight.push(core.compose(HANDSHAKE_TYPE.certificateRequest, request));
    }
    flight.push(core.compose(HANDSHAKE_TYPE.serverHelloDone, new Uint8Array(0)));
    this.#state = { kind: clientCertificate === 'none' ? 'waitClientKeyExchange' : 'waitCertificate', keyAgreement };
    return { kind: 'progress', flight, awaitsAnswer: true };
  }

  #handleCertificate(message: HandshakeMessage, keyAgreement: KeyAgreement): Step {
    const chain = decodeCertificate(message.body);
    if (chain === null) return failure('decode_error', 'malformed Certificate');
    if (chain.length === 0 && this.#settings.clientCertificate === 'required') {
      return failure('handshake_failure', 'the client has no certificate for us (RFC 5246 §7.4.6)');
    }
    const rejected = chain.length > 0 ? this.core.acceptChain(chain) : null;
    if (rejected) return rejected;
    this.core.transcript.add(message);
    this.#state = { kind: 'waitClientKeyExchange', keyAgreement };
    return WAIT;
  }

  #handleClientKeyExchange(message: HandshakeMessage, keyAgreement: KeyAgreement): Step {
    const point = decodeClientKeyExchange(message.body);
    if (point === null) return failure('decode_error', 'malformed ClientKeyExchange');
    const premaster = keyAgreement.deriveSecret(point);
    if (premaster === null) return failure('illegal_parameter', "the client's public key is no point of the group");
    this.core.transcript.add(message);
    this.#state = { kind: this.core.peerKey ? 'waitCertificateVerify' : 'waitChangeCipherSpec' };
    return { kind: 'progress', keys: this.core.deriveKeys(premaster) };
  }

  /** RFC 5246 §7.4.8: a signature over all messages so far, with the key of the client's certificate. */
  #handleCertificateVerify(message: HandshakeMessage): Step {
    const signed = decodeCertificateVerify(message.body);
    if (signed === null) return failure('decode_error', 'malformed CertificateVerify');
    const forged = this.core.checkSignature(signed.scheme, this.core.transcript.bytes(), signed.signature);
    if (forged) return forged;
    this.core.transcript.add(message);
    this.#state = { kind: 'waitChangeCipherSpec' };
    return WAIT;
  }

  #handleFinished(message: HandshakeMessage): Step {
    const forged = this.core.checkFinished(message);
    if (forged) return forged;
    this.#state = { kind: 'connected' };
    return { kind: 'progress', flight: this.core.composeFinished(), awaitsAnswer: false, connected: true };
  }
}

/** Only what the client offered is answered (RFC 5246 §7.4.1.4); the SCSV counts as an offer (RFC 5746 §3.6). */
function answerExtensions(hello: ClientHello, agreed: Agreed): Extensions {
  const extensions = new Map<number, Uint8Array>();
  if (agreed.secureRenegotiation) extensions.set(EXTENSION.renegotiationInfo, encodeVector8(new Uint8Array(0)));
  if (agreed.extendedMasterSecret) extensions.set(EXTENSION.extendedMasterSecret, new Uint8Array(0));
  if (hello.extensions.has(EXTENSION.ecPointFormats)) {
    extensions.set(EXTENSION.ecPointFormats, encodeVector8(Uint8Array.of(UNCOMPRESSED)));
  }
  if (agreed.srtpProfile) extensions.set(EXTENSION.useSrtp, encodeUseSrtp([SRTP_PROFILES[agreed.srtpProfile]]));
  if (agreed.alpnProtocol) {
    extensions.set(EXTENSION.applicationLayerProtocolNegotiation, encodeProtocolNames([agreed.alpnProtocol]));
  }
  return extensions;
}
