/**
 * The client's handshake (RFC 6347 §4.2.4, figure 1; RFC 5246 §7.3):
 *
 *     ClientHello ─► ◄─ HelloVerifyRequest*    ClientHello with cookie ─►
 *     ◄─ ServerHello, Certificate, ServerKeyExchange, CertificateRequest*, ServerHelloDone
 *     Certificate*, ClientKeyExchange, CertificateVerify*, ChangeCipherSpec, Finished ─►
 *     ◄─ ChangeCipherSpec, Finished
 */
import { concatBytes } from '../binary/bytes.ts';
import type { KeyAgreement } from '../crypto/provider.ts';
import { randomBytes } from '../machine.ts';
import {
  decodeEmpty,
  decodePointFormats,
  decodeProtocolNames,
  decodeRenegotiationInfo,
  decodeUseSrtp,
  EXTENSION,
  type Extensions,
  encodeProtocolNames,
  encodeUint16List,
  encodeUseSrtp,
  encodeVector8,
  UNCOMPRESSED,
} from './extensions.ts';
import type { FlightItem } from './flight.ts';
import { GROUPS, groupById } from './groups.ts';
import { type Failure, failure, type Handshake, HandshakeCore, type Step, WAIT } from './handshake.ts';
import { HANDSHAKE_TYPE, type HandshakeMessage } from './handshake-message.ts';
import {
  type ClientHello,
  decodeHelloVerifyRequest,
  decodeServerHello,
  encodeClientHello,
  NULL_COMPRESSION,
  RANDOM_LENGTH,
  type ServerHello,
} from './hellos.ts';
import {
  CERTIFICATE_TYPE,
  type CertificateRequest,
  decodeCertificate,
  decodeCertificateRequest,
  decodeServerKeyExchange,
  encodeCertificate,
  encodeCertificateVerify,
  encodeClientKeyExchange,
  NAMED_CURVE,
} from './key-messages.ts';
import type { Settings } from './settings.ts';
import { chooseScheme, SIGNATURE_SCHEMES, type SignatureScheme } from './signature-schemes.ts';
import { SRTP_PROFILES } from './srtp-profiles.ts';
import { DTLS_1_2, isVersionOffered } from './version.ts';

/**
 * Bound: a server whose cookie secret changes under us may ask again (RFC 6347 §4.2.1: clients "SHOULD handle this");
 * one that asks for ever is not let to.
 */
const MAX_HELLO_VERIFY_REQUESTS = 3;

type State =
  | { readonly kind: 'waitServerHello'; readonly helloVerifyRequests: number }
  | { readonly kind: 'waitCertificate' }
  | { readonly kind: 'waitServerKeyExchange' }
  | { readonly kind: 'waitCertificateRequest'; readonly agreement: Agreement }
  | { readonly kind: 'waitServerHelloDone'; readonly agreement: Agreement; readonly request: CertificateRequest | null }
  | { readonly kind: 'waitChangeCipherSpec' }
  | { readonly kind: 'waitFinished' }
  | { readonly kind: 'connected' };

/** Our ephemeral public key and what came of both. */
type Agreement = { readonly publicKey: Uint8Array; readonly premaster: Uint8Array };

export class ClientHandshake implements Handshake {
  readonly core: HandshakeCore;
  readonly #settings: Settings;
  readonly #hello: ClientHello;
  #state: State = { kind: 'waitServerHello', helloVerifyRequests: 0 };

  constructor(settings: Settings) {
    this.core = new HandshakeCore(settings);
    this.#settings = settings;
    this.core.clientRandom = randomBytes(settings.random, RANDOM_LENGTH);
    this.#hello = {
      version: DTLS_1_2,
      random: this.core.clientRandom,
      sessionId: new Uint8Array(0),
      cookie: new Uint8Array(0),
      cipherSuites: settings.cipherSuites.map(({ id }) => id),
      compressionMethods: Uint8Array.of(NULL_COMPRESSION),
      extensions: offerExtensions(settings),
    };
  }

  get awaitsChangeCipherSpec(): boolean {
    return this.#state.kind === 'waitChangeCipherSpec';
  }

  /** The first flight. */
  start(): Step {
    return this.#sendHello(this.#hello);
  }

  handleMessage(message: HandshakeMessage): Step {
    // RFC 5246 §7.4.1.1: a HelloRequest "SHOULD be ignored" during a handshake, and is in no hash of it.
    if (message.type === HANDSHAKE_TYPE.helloRequest) {
      return message.body.length === 0 ? WAIT : failure('decode_error', 'a HelloRequest has no content');
    }
    const state = this.#state;
    switch (state.kind) {
      case 'waitServerHello':
        if (message.type === HANDSHAKE_TYPE.helloVerifyRequest) {
          return this.#handleHelloVerifyRequest(message, state.helloVerifyRequests);
        }
        return this.#expect(message, HANDSHAKE_TYPE.serverHello) ?? this.#handleServerHello(message);
      case 'waitCertificate':
        return this.#expect(message, HANDSHAKE_TYPE.certificate) ?? this.#handleCertificate(message);
      case 'waitServerKeyExchange':
        return this.#expect(message, HANDSHAKE_TYPE.serverKeyExchange) ?? this.#handleServerKeyExchange(message);
      case 'waitCertificateRequest':
        if (message.type === HANDSHAKE_TYPE.certificateRequest) {
          return this.#handleCertificateRequest(message, state.agreement);
        }
        this.#state = { kind: 'waitServerHelloDone', agreement: state.agreement, request: null };
        return this.handleMessage(message);
      case 'waitServerHelloDone':
        return (
          this.#expect(message, HANDSHAKE_TYPE.serverHelloDone) ??
          this.#handleServerHelloDone(message, state.agreement, state.request)
        );
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

  #sendHello(hello: ClientHello): Step {
    const item = this.core.compose(HANDSHAKE_TYPE.clientHello, encodeClientHello(hello));
    return { kind: 'progress', flight: [item], awaitsAnswer: true };
  }

  #handleHelloVerifyRequest(message: HandshakeMessage, before: number): Step {
    const request = decodeHelloVerifyRequest(message.body);
    if (request === null) return failure('decode_error', 'malformed HelloVerifyRequest');
    if (before >= MAX_HELLO_VERIFY_REQUESTS) return failure('unexpected_message', 'one HelloVerifyRequest too many');
    this.#state = { kind: 'waitServerHello', helloVerifyRequests: before + 1 };
    this.core.transcript.clear();
    // RFC 6347 §4.2.1: "the client MUST use the same parameter values", with the cookie added.
    return this.#sendHello({ ...this.#hello, cookie: request.cookie });
  }

  #handleServerHello(message: HandshakeMessage): Step {
    const hello = decodeServerHello(message.body);
    if (hello === null) return failure('decode_error', 'malformed ServerHello');
    const { core } = this;
    if (!isVersionOffered(hello.version)) return failure('protocol_version', 'the server speaks no version of ours');
    const suite = this.#settings.cipherSuites.find(({ id }) => id === hello.cipherSuite);
    if (suite === undefined) return failure('illegal_parameter', 'the server chose a cipher suite we did not offer');
    if (hello.compressionMethod !== NULL_COMPRESSION)
      return failure('illegal_parameter', 'the server chose compression');
    core.version = hello.version;
    core.suite = suite;
    core.serverRandom = hello.random;
    core.transcript.add(message);
    this.#state = { kind: 'waitCertificate' };
    return this.#takeExtensions(hello) ?? WAIT;
  }

  #takeExtensions({ extensions }: ServerHello): Failure | null {
    const { core } = this;
    for (const type of extensions.keys()) {
      // RFC 5246 §7.4.1.4: what was not offered must not be answered; nor signature_algorithms (§7.4.1.4.1).
      if (!this.#hello.extensions.has(type) || type === EXTENSION.signatureAlgorithms) {
        return failure('unsupported_extension', `the server sent extension ${type}, which we did not offer`);
      }
    }

    const renegotiation = extensions.get(EXTENSION.renegotiationInfo);
    const connection = renegotiation && decodeRenegotiationInfo(renegotiation);
    if (connection === null) return failure('decode_error', 'malformed renegotiation_info');
    // RFC 9325 §3.5: a server that does not know the extension is refused, whether or not either would renegotiate.
    if (connection?.length !== 0) return failure('handshake_failure', 'renegotiation_info is missing or not empty');

    const extended = extensions.get(EXTENSION.extendedMasterSecret);
    if (extended && decodeEmpty(extended) === null) return failure('decode_error', 'malformed extended_master_secret');
    core.extendedMasterSecret = extended !== undefined;
    if (!core.extendedMasterSecret && this.#settings.requireExtendedMasterSecret) {
      return failure('handshake_failure', 'the server does not do the extended master secret (RFC 7627 §5.2)');
    }

    const formats = extensions.get(EXTENSION.ecPointFormats);
    const pointFormats = formats && decodePointFormats(formats);
    if (pointFormats === null) return failure('decode_error', 'malformed ec_point_formats');
    if (pointFormats && !pointFormats.includes(UNCOMPRESSED)) {
      return failure('illegal_parameter', 'the server takes no uncompressed points (RFC 8422 §5.1.2)');
    }
    return this.#takeUseSrtp(extensions) ?? this.#takeProtocol(extensions);
  }

  #takeUseSrtp(extensions: Extensions): Failure | null {
    const data = extensions.get(EXTENSION.useSrtp);
    if (data === undefined) return null;
    const useSrtp = decodeUseSrtp(data);
    if (useSrtp === null) return failure('decode_error', 'malformed use_srtp');
    const profile = this.#settings.srtpProfiles.find((name) => SRTP_PROFILES[name] === useSrtp.profiles[0]);
    // RFC 5764 §4.1.1: one profile, out of ours, and our MKI, of which we have none.
    if (useSrtp.profiles.length !== 1 || profile === undefined || useSrtp.mki.length > 0) {
      return failure('illegal_parameter', 'the server chose an SRTP profile or MKI we did not offer');
    }
    this.core.srtpProfile = profile;
    return null;
  }

  #takeProtocol(extensions: Extensions): Failure | null {
    const data = extensions.get(EXTENSION.applicationLayerProtocolNegotiation);
    if (data === undefined) return null;
    const names = decodeProtocolNames(data);
    if (names?.length !== 1) return failure('decode_error', 'the server must choose one ALPN protocol (RFC 7301 §3.1)');
    if (!this.#settings.alpnProtocols.includes(names[0]!)) {
      return failure('illegal_parameter', 'the server chose an ALPN protocol we did not offer');
    }
    this.core.alpnProtocol = names[0];
    return null;
  }

  #handleCertificate(message: HandshakeMessage): Step {
    const chain = decodeCertificate(message.body);
    if (chain === null || chain.length === 0) return failure('decode_error', 'malformed or empty Certificate');
    const rejected = this.core.acceptChain(chain);
    if (rejected) return rejected;
    const { type } = this.core.peerKey!;
    if (type.kind !== this.core.suite!.authentication) {
      return failure('unsupported_certificate', `the cipher suite needs another key than one of kind ${type.kind}`);
    }
    // RFC 8422 §5.3: the certificate "MUST respect the client's choice of elliptic curves".
    if (type.kind === 'ecdsa' && !this.#settings.groups.includes(type.curve)) {
      return failure('illegal_parameter', `the certificate's curve, ${type.curve}, is not among our groups`);
    }
    this.core.transcript.add(message);
    this.#state = { kind: 'waitServerKeyExchange' };
    return WAIT;
  }

  /** RFC 8422 §5.4: the server's ephemeral key, signed with that of its certificate. */
  #handleServerKeyExchange(message: HandshakeMessage): Step {
    const exchange = decodeServerKeyExchange(message.body);
    if (exchange === null) return failure('decode_error', 'malformed ServerKeyExchange');
    const { core } = this;
    const { crypto, groups, random } = this.#settings;
    const group = exchange.curveType === NAMED_CURVE ? groupById(exchange.group) : undefined;
    if (group === undefined || !groups.includes(group)) {
      return failure('illegal_parameter', 'the server chose a group we did not offer');
    }
    const signedData = concatBytes(core.clientRandom, core.serverRandom, exchange.params);
    const forged = core.checkSignature(exchange.signed.scheme, signedData, exchange.signed.signature);
    if (forged) return forged;
    const keyAgreement: KeyAgreement = crypto.generateKeyAgreement(group, random);
    const premaster = keyAgreement.deriveSecret(exchange.point);
    if (premaster === null) return failure('illegal_parameter', "the server's public key is no point of its group");
    core.group = group;
    core.transcript.add(message);
    this.#state = { kind: 'waitCertificateRequest', agreement: { publicKey: keyAgreement.publicKey, premaster } };
    return WAIT;
  }

  #handleCertificateRequest(message: HandshakeMessage, agreement: Agreement): Step {
    const request = decodeCertificateRequest(message.body);
    if (request === null) return failure('decode_error', 'malformed CertificateRequest');
    this.core.transcript.add(message);
    this.#state = { kind: 'waitServerHelloDone', agreement, request };
    return WAIT;
  }

  #handleServerHelloDone(message: HandshakeMessage, agreement: Agreement, request: CertificateRequest | null): Step {
    if (message.body.length > 0) return failure('decode_error', 'a ServerHelloDone has no content');
    const { core } = this;
    core.transcript.add(message);
    const flight: FlightItem[] = [];
    const scheme = request ? this.#chooseClientScheme(request) : undefined;
    if (request) {
      // RFC 5246 §7.4.6: without a suitable certificate, "a certificate message containing no certificates".
      const chain = scheme ? this.#settings.certificate!.chain : [];
      flight.push(core.compose(HANDSHAKE_TYPE.certificate, encodeCertificate(chain)));
    }
    flight.push(core.compose(HANDSHAKE_TYPE.clientKeyExchange, encodeClientKeyExchange(agreement.publicKey)));
    const keys = core.deriveKeys(agreement.premaster);
    if (scheme) {
      const signed = core.sign(scheme, core.transcript.bytes());
      flight.push(core.compose(HANDSHAKE_TYPE.certificateVerify, encodeCertificateVerify(signed)));
    }
    flight.push(...core.composeFinished());
    this.#state = { kind: 'waitChangeCipherSpec' };
    return { kind: 'progress', keys, flight, awaitsAnswer: true };
  }

  /** With what to prove our certificate's key; `undefined` when the server does not take it, or there is none. */
  #chooseClientScheme(request: CertificateRequest): SignatureScheme | undefined {
    const { certificate, signatureSchemes } = this.#settings;
    if (certificate === null) return undefined;
    const { type } = certificate.privateKey;
    const certificateType = type.kind === 'ecdsa' ? CERTIFICATE_TYPE.ecdsaSign : CERTIFICATE_TYPE.rsaSign;
    if (!request.types.includes(certificateType)) return undefined;
    return chooseScheme(signatureSchemes, request.signatureSchemes, type);
  }

  #handleFinished(message: HandshakeMessage): Step {
    const forged = this.core.checkFinished(message);
    if (forged) return forged;
    this.#state = { kind: 'connected' };
    return { kind: 'progress', connected: true };
  }
}

/** RFC 9325 §3.5: renegotiation_info and extended_master_secret always. */
function offerExtensions(settings: Settings): Extensions {
  const { groups, signatureSchemes, srtpProfiles, alpnProtocols } = settings;
  const extensions = new Map<number, Uint8Array>([
    [EXTENSION.renegotiationInfo, encodeVector8(new Uint8Array(0))],
    [EXTENSION.extendedMasterSecret, new Uint8Array(0)],
    [EXTENSION.supportedGroups, encodeUint16List(groups.map((name) => GROUPS[name]))],
    [EXTENSION.ecPointFormats, encodeVector8(Uint8Array.of(UNCOMPRESSED))],
    [EXTENSION.signatureAlgorithms, encodeUint16List(signatureSchemes.map((name) => SIGNATURE_SCHEMES[name].id))],
  ]);
  if (srtpProfiles.length > 0) {
    extensions.set(EXTENSION.useSrtp, encodeUseSrtp(srtpProfiles.map((name) => SRTP_PROFILES[name])));
  }
  if (alpnProtocols.length > 0) {
    extensions.set(EXTENSION.applicationLayerProtocolNegotiation, encodeProtocolNames(alpnProtocols));
  }
  return extensions;
}
