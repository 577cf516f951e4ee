/** The codecs: what is written is read back, and every truncation and every flipped byte is taken calmly. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { decodeAlert, encodeAlert } from '../../src/dtls/alert.ts';
import {
  decodeEmpty,
  decodePointFormats,
  decodeProtocolNames,
  decodeRenegotiationInfo,
  decodeSupportedVersions,
  decodeUint16List,
  decodeUseSrtp,
  encodeProtocolNames,
  encodeUint16List,
  encodeUseSrtp,
} from '../../src/dtls/extensions.ts';
import { decodeFragment } from '../../src/dtls/handshake-message.ts';
import {
  type ClientHello,
  decodeClientHello,
  decodeHelloVerifyRequest,
  decodeServerHello,
  encodeClientHello,
  encodeHelloVerifyRequest,
  encodeServerHello,
} from '../../src/dtls/hellos.ts';
import {
  decodeCertificate,
  decodeCertificateRequest,
  decodeCertificateVerify,
  decodeClientKeyExchange,
  decodeServerKeyExchange,
  encodeCertificate,
  encodeCertificateRequest,
  encodeCertificateVerify,
  encodeClientKeyExchange,
  encodeServerEcdhParams,
  encodeServerKeyExchange,
} from '../../src/dtls/key-messages.ts';
import { prf } from '../../src/dtls/key-schedule.ts';
import { fragmentOf } from './wire.ts';

const bytes = (min: number, max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: min, maxLength: max });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint16s = fc.array(uint16, { minLength: 1, maxLength: 20 });
const extensions = fc.array(fc.tuple(uint16, bytes(0, 40)), { maxLength: 8 }).map((entries) => new Map(entries));
const signed = fc.record({ scheme: uint16, signature: bytes(0, 80) });

const clientHello: fc.Arbitrary<ClientHello> = fc.record({
  version: uint16,
  random: bytes(32, 32),
  sessionId: bytes(0, 32),
  cookie: bytes(0, 255),
  cipherSuites: uint16s,
  compressionMethods: bytes(1, 4),
  extensions,
});

/** Each codec with values of its own; `decode(encode(value))` is the value again. */
const CODECS: Readonly<Record<string, { sample: fc.Arbitrary<Uint8Array>; decode: (body: Uint8Array) => unknown }>> = {
  ClientHello: codec(clientHello, encodeClientHello, decodeClientHello),
  ServerHello: codec(
    fc.record({
      version: uint16,
      random: bytes(32, 32),
      sessionId: bytes(0, 32),
      cipherSuite: uint16,
      compressionMethod: fc.integer({ min: 0, max: 255 }),
      extensions,
    }),
    encodeServerHello,
    decodeServerHello,
  ),
  HelloVerifyRequest: codec(
    fc.record({ version: uint16, cookie: bytes(0, 255) }),
    encodeHelloVerifyRequest,
    decodeHelloVerifyRequest,
  ),
  Certificate: codec(fc.array(bytes(1, 100), { maxLength: 4 }), encodeCertificate, decodeCertificate),
  CertificateRequest: codec(
    fc.record({ types: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1 }), signatureSchemes: uint16s }),
    encodeCertificateRequest,
    decodeCertificateRequest,
  ),
  CertificateVerify: codec(signed, encodeCertificateVerify, decodeCertificateVerify),
  ClientKeyExchange: codec(bytes(1, 255), encodeClientKeyExchange, decodeClientKeyExchange),
  ServerKeyExchange: codec(
    fc.record({ group: uint16, point: bytes(1, 255), signed }),
    ({ group, point, signed }) => encodeServerKeyExchange(encodeServerEcdhParams(group, point), signed),
    (body) => {
      const exchange = decodeServerKeyExchange(body);
      return exchange && { group: exchange.group, point: exchange.point, signed: exchange.signed };
    },
  ),
  'supported_groups, signature_algorithms': codec(uint16s, encodeUint16List, decodeUint16List),
  use_srtp: codec(uint16s, encodeUseSrtp, (data) => decodeUseSrtp(data)?.profiles ?? null),
  ALPN: codec(
    fc.array(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }),
    encodeProtocolNames,
    decodeProtocolNames,
  ),
};

function codec<Value>(
  values: fc.Arbitrary<Value>,
  encode: (value: Value) => Uint8Array,
  decode: (body: Uint8Array) => Value | null,
): (typeof CODECS)[string] {
  const sample = values.map((value) => {
    const body = encode(value);
    expect(decode(body)).toEqual(value);
    return body;
  });
  return { sample, decode };
}

describe('every message and extension', () => {
  for (const [name, { sample, decode }] of Object.entries(CODECS)) {
    test(`${name}: round trip; one byte less or more is malformed; a flipped byte is no exception`, () => {
      fc.assert(
        fc.property(sample, (body) => {
          // A hello without its extensions is whole, so cutting exactly there gives a valid one.
          for (let length = 0; length < body.length; length++) {
            const cut = decode(body.subarray(0, length));
            if (!name.endsWith('Hello')) expect(cut).toBeNull();
          }
          if (body.length > 0) expect(decode(concatBytes(body, Uint8Array.of(0)))).toBeNull();
          for (let i = 0; i < body.length; i++) decode(body.with(i, body[i]! ^ 0xff));
        }),
        { numRuns: 40 },
      );
    });
  }

  test('random bytes are no exception', () => {
    fc.assert(
      fc.property(bytes(0, 300), (body) => {
        for (const { decode } of Object.values(CODECS)) decode(body);
        decodeFragment(body, 0);
        decodeAlert(body);
      }),
    );
  });
});

describe('what is malformed', () => {
  const hello: ClientHello = {
    version: 0xfefd,
    random: new Uint8Array(32),
    sessionId: new Uint8Array(0),
    cookie: new Uint8Array(0),
    cipherSuites: [0xc02b],
    compressionMethods: Uint8Array.of(0),
    extensions: new Map(),
  };

  test('hellos', () => {
    expect(decodeClientHello(encodeClientHello(hello))).not.toBeNull();
    expect(decodeClientHello(concatBytes(encodeClientHello(hello), fromHex('0000')))).not.toBeNull(); // an empty block
    const bad = {
      'a session_id of 33 bytes': encodeClientHello({ ...hello, sessionId: new Uint8Array(33) }),
      'no cipher suite': encodeClientHello({ ...hello, cipherSuites: [] }),
      'no compression method': encodeClientHello({ ...hello, compressionMethods: new Uint8Array(0) }),
      'the same extension twice': concatBytes(encodeClientHello(hello), fromHex('0008 0017 0000 0017 0000')),
      'an extension that reaches past the block': concatBytes(encodeClientHello(hello), fromHex('0004 0017 0001')),
      'a block that reaches past the hello': concatBytes(encodeClientHello(hello), fromHex('0005 0017 0000')),
      'half a block length': concatBytes(encodeClientHello(hello), fromHex('00')),
    };
    for (const [what, body] of Object.entries(bad)) expect(decodeClientHello(body), what).toBeNull();
  });

  test('extensions: empty lists, odd lists, trailing bytes', () => {
    expect(decodeUint16List(fromHex('0000'))).toBeNull();
    expect(decodeUint16List(fromHex('0003 001d 00'))).toBeNull();
    expect(decodeUint16List(fromHex('0002 001d 00'))).toBeNull();
    expect(decodeSupportedVersions(fromHex('00'))).toBeNull();
    expect(decodeSupportedVersions(fromHex('03 fefd fe'))).toBeNull();
    expect(decodeSupportedVersions(fromHex('04 fefc fefd'))).toEqual([0xfefc, 0xfefd]);
    expect(decodePointFormats(fromHex('00'))).toBeNull();
    expect(decodePointFormats(fromHex('01 00 00'))).toBeNull();
    expect(decodeRenegotiationInfo(fromHex(''))).toBeNull();
    expect(decodeRenegotiationInfo(fromHex('00 00'))).toBeNull();
    expect(decodeEmpty(fromHex('00'))).toBeNull();
    expect(decodeUseSrtp(fromHex('0000 00'))).toBeNull();
    expect(decodeUseSrtp(fromHex('0002 0001'))).toBeNull(); // no srtp_mki
    expect(decodeUseSrtp(fromHex('0002 0001 02 abcd'))).toEqual({ profiles: [1], mki: fromHex('abcd') });
    expect(decodeProtocolNames(fromHex('0000'))).toBeNull();
    expect(decodeProtocolNames(fromHex('0001 00'))).toBeNull(); // an empty name
  });

  test('certificates: an empty one, one that reaches past the list', () => {
    expect(decodeCertificate(fromHex('000000'))).toEqual([]);
    expect(decodeCertificate(fromHex('000003 000000'))).toBeNull();
    expect(decodeCertificate(fromHex('000004 000002 aa'))).toBeNull();
    expect(decodeCertificateRequest(fromHex('01 40 0002 0403 0002 0000'))).toBeNull(); // an empty name of an authority
    expect(decodeCertificateRequest(fromHex('01 40 0002 0403 0003 0001 30'))).toEqual({
      types: [64],
      signatureSchemes: [0x0403],
    });
  });

  test('fragments: past the record, past the message', () => {
    const message = { type: 1, messageSeq: 3, body: fromHex('aabbccdd') };
    expect(decodeFragment(fragmentOf(message, 1, 2), 0)).toEqual({
      type: 1,
      length: 4,
      messageSeq: 3,
      offset: 1,
      content: fromHex('bbcc'),
    });
    const whole = fragmentOf(message);
    expect(decodeFragment(whole.subarray(0, whole.length - 1), 0)).toBeNull();
    expect(decodeFragment(whole.with(3, 3), 0)).toBeNull();
    expect(decodeFragment(whole.with(8, 1), 0)).toBeNull();
    expect(decodeFragment(whole.subarray(0, 11), 0)).toBeNull();
  });

  test('alerts: wrong length, wrong level', () => {
    expect(decodeAlert(encodeAlert('fatal', 'decode_error'))).toEqual({ level: 'fatal', description: 'decode_error' });
    expect(decodeAlert(fromHex('01 00'))).toEqual({ level: 'warning', description: 'close_notify' });
    expect(decodeAlert(fromHex('02 fe'))).toEqual({ level: 'fatal', description: 0xfe });
    expect(decodeAlert(fromHex('02'))).toBe('decode_error');
    expect(decodeAlert(fromHex('0228 0228'))).toBe('decode_error');
    expect(decodeAlert(fromHex('03 00'))).toBe('illegal_parameter');
  });
});

test('the PRF with SHA-256: the test vector of the TLS working group (M. Fischer, 2009)', () => {
  const secret = fromHex('9bbe436ba940f017b17652849a71db35');
  const seed = fromHex('a0ba9f936cda311827a6f796ffd5198c');
  const output = fromHex(`
    e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17
    abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66`);
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    const hmac = crypto.hmac('sha256', secret);
    expect(toHex(prf(hmac, 'test label', seed, output.length))).toBe(toHex(output));
    expect(toHex(prf(hmac, 'test label', seed, 33))).toBe(toHex(output.subarray(0, 33)));
  }
});
