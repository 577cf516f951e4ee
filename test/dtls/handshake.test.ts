/** Two machines shake hands: every suite, group, kind of certificate and provider, and what they agree on. */
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { NamedGroup } from '../../src/crypto/provider.ts';
import { CIPHER_SUITES } from '../../src/dtls/cipher-suites.ts';
import {
  type ClientHello,
  decodeClientHello,
  encodeClientHello,
  encodeHelloVerifyRequest,
} from '../../src/dtls/hellos.ts';
import type { DtlsOptions } from '../../src/dtls/index.ts';
import { type CertificateName, loadCertificate, Pair, type PairOptions } from './pair.ts';
import { handshakeRecord, messagesOf, recordsOf, rewrite } from './wire.ts';

const GROUPS: readonly NamedGroup[] = ['x25519', 'secp256r1', 'secp384r1'];

function connect(options: PairOptions = {}): Pair {
  const pair = new Pair(options).run();
  expect(pair.client.failure).toBeUndefined();
  expect(pair.server.failure).toBeUndefined();
  expect(pair.connected).toBe(true);
  return pair;
}

/** Both directions carry data. */
function expectData(pair: Pair): void {
  pair.client.connection.send(Uint8Array.of(1, 2, 3));
  pair.server.connection.send(Uint8Array.of(4));
  pair.advance(pair.now + 100);
  expect(pair.server.data).toEqual([Uint8Array.of(1, 2, 3)]);
  expect(pair.client.data).toEqual([Uint8Array.of(4)]);
}

describe('every combination', () => {
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    for (const suite of CIPHER_SUITES) {
      const certificates: readonly CertificateName[] =
        suite.authentication === 'rsa' ? ['rsa-2048'] : ['ecdsa-p256', 'ecdsa-p384'];
      for (const certificate of certificates) {
        // With noble one group for each suite is enough, all of them in turn: it is the slower one.
        const groups = crypto === nodeCrypto ? GROUPS : [GROUPS[CIPHER_SUITES.indexOf(suite) % 3]!];
        for (const group of groups) {
          test(`${suite.name}, ${certificate}, ${group}, ${crypto.name}`, () => {
            const pair = connect({
              crypto,
              certificate,
              client: {
                cipherSuites: [suite.name],
                // RFC 8422 §5.1.1: the certificate's curve has to be among the groups too.
                groups: [group, ...(certificate === 'ecdsa-p256' ? (['secp256r1'] as const) : []), 'secp384r1'],
                certificate: loadCertificate(certificate, crypto),
              },
              server: { clientCertificate: 'required', groups: [group] },
            });
            for (const { connection } of pair.peers) {
              expect(connection.cipherSuite).toBe(suite.name);
              expect(connection.group).toBe(group);
              expect(connection.version).toBe(0xfefd);
              expect(connection.peerCertificates).toEqual(loadCertificate(certificate).chain);
            }
            expectData(pair);
          });
        }
      }
    }
  }

  test('one provider talks to the other', () => {
    for (const [one, other] of [
      [nodeCrypto, nobleCrypto],
      [nobleCrypto, nodeCrypto],
    ] as const) {
      expectData(connect({ crypto: one, client: { crypto: other } }));
    }
  });

  test('both kinds of RSA signature, by who offers what', () => {
    for (const scheme of ['rsa_pss_rsae_sha384', 'rsa_pkcs1_sha512'] as const) {
      connect({ certificate: 'rsa-2048', client: { signatureSchemes: [scheme] } });
      connect({ certificate: 'rsa-2048', server: { signatureSchemes: [scheme] } });
    }
  });

  test('a P-256 key may sign with SHA-384: in 1.2 the scheme does not fix the curve', () => {
    connect({ client: { signatureSchemes: ['ecdsa_secp384r1_sha384'] } });
  });
});

describe('what is agreed', () => {
  test('the server chooses suite, group and SRTP profile by its own order', () => {
    const pair = connect({
      client: {
        groups: ['secp384r1', 'secp256r1'],
        srtpProfiles: ['SRTP_AES128_CM_HMAC_SHA1_80', 'SRTP_AEAD_AES_256_GCM'],
      },
      server: {
        cipherSuites: ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
        groups: ['x25519', 'secp256r1', 'secp384r1'],
        srtpProfiles: ['SRTP_AEAD_AES_256_GCM', 'SRTP_AES128_CM_HMAC_SHA1_80'],
      },
    });
    for (const { connection } of pair.peers) {
      expect(connection.cipherSuite).toBe('TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256');
      expect(connection.group).toBe('secp256r1');
      expect(connection.srtpProfile).toBe('SRTP_AEAD_AES_256_GCM');
    }
  });

  test('RFC 5764 §4.1.1: no profile in common is no failure, but no SRTP either', () => {
    const pair = connect({
      client: { srtpProfiles: ['SRTP_AES128_CM_HMAC_SHA1_80'] },
      server: { srtpProfiles: ['SRTP_AEAD_AES_128_GCM'] },
    });
    expect(pair.peers.map(({ connection }) => connection.srtpProfile)).toEqual([undefined, undefined]);
  });

  test("ALPN: the server's first protocol that the client has", () => {
    const pair = connect({
      client: { alpnProtocols: ['webrtc', 'c-webrtc'] },
      server: { alpnProtocols: ['c-webrtc', 'webrtc'] },
    });
    expect(pair.peers.map(({ connection }) => connection.alpnProtocol)).toEqual(['c-webrtc', 'c-webrtc']);
    expect(connect({ client: { alpnProtocols: ['webrtc'] } }).client.connection.alpnProtocol).toBeUndefined();
    expect(connect({ server: { alpnProtocols: ['webrtc'] } }).server.connection.alpnProtocol).toBeUndefined();
  });

  test('both sides export the same keying material, and other for another label, length or context', () => {
    const { client, server } = connect();
    const cases: [string, number, Uint8Array?][] = [
      ['EXTRACTOR-dtls_srtp', 60],
      ['EXTRACTOR-dtls_srtp', 28],
      ['EXPERIMENTAL x', 60],
      ['EXPERIMENTAL x', 60, new Uint8Array(0)],
      ['EXPERIMENTAL x', 60, Uint8Array.of(1)],
    ];
    const exported = cases.map((args) => toHex(client.connection.exportKeyingMaterial(...args)));
    expect(cases.map((args) => toHex(server.connection.exportKeyingMaterial(...args)))).toEqual(exported);
    expect(exported[1]).toBe(exported[0]!.slice(0, 56)); // the same stream, cut shorter
    expect(new Set(exported).size).toBe(cases.length);
    expect(() => client.connection.exportKeyingMaterial('client finished', 12)).toThrow(RangeError);
  });

  test('both key logs hold the same line in NSS format', () => {
    const lines: string[] = [];
    const keylog = (line: string): void => void lines.push(line);
    connect({ client: { keylog }, server: { keylog } });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(lines[1]);
    expect(lines[0]).toMatch(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/);
  });
});

describe("the client's certificate", () => {
  const certificate = loadCertificate('ecdsa-p384');

  test('none is asked for by default', () => {
    const { server } = connect({ client: { certificate } });
    expect(server.connection.peerCertificates).toEqual([]);
  });

  test('optional: with and without', () => {
    const shown = connect({ client: { certificate }, server: { clientCertificate: 'optional' } });
    expect(shown.server.connection.peerCertificates).toEqual(certificate.chain);
    expectData(shown);
    const missing = connect({ server: { clientCertificate: 'optional' } });
    expect(missing.server.connection.peerCertificates).toEqual([]);
    expectData(missing);
  });

  test('RFC 5246 §7.4.6: one that the server could not check is not shown', () => {
    const options: Partial<DtlsOptions> = { clientCertificate: 'optional', signatureSchemes: ['rsa_pkcs1_sha256'] };
    const { server } = connect({ certificate: 'rsa-2048', client: { certificate }, server: options });
    expect(server.connection.peerCertificates).toEqual([]);
  });
});

describe('extended master secret', () => {
  test('is used whenever both can, required or not', () => {
    for (const requireExtendedMasterSecret of [true, false]) {
      const pair = connect({ client: { requireExtendedMasterSecret }, server: { requireExtendedMasterSecret } });
      const [serverHello] = messagesOf(pair.server.sent[0]!);
      expect(toHex(serverHello!.body)).toContain('00170000');
    }
  });
});

describe('HelloVerifyRequest', () => {
  test('the server asks for the cookie and starts nothing before it has it', () => {
    const pair = connect({ server: { cookie: true } });
    const [request] = messagesOf(pair.server.sent[0]!);
    expect(request!.type).toBe(3);
    expect(recordsOf(pair.server.sent[0]!)[0]!.version).toBe(0xfeff);
    expect(messagesOf(pair.client.sent[1]!)[0]).toMatchObject({ type: 1, messageSeq: 1 });
    expect(messagesOf(pair.server.sent[1]!)[0]).toMatchObject({ type: 2, messageSeq: 1 });
    expectData(pair);
  });

  test('a cookie is bound to the address and to the hello: another client cannot use it', () => {
    const secret = new Uint8Array(32).fill(7);
    const cookieFor = (address: number, seed: number): string => {
      const cookie = { secret, clientAddress: Uint8Array.of(address) };
      return toHex(messagesOf(connect({ seed, server: { cookie } }).server.sent[0]!)[0]!.body);
    };
    expect(cookieFor(1, 1)).toBe(cookieFor(1, 1));
    expect(cookieFor(1, 1)).not.toBe(cookieFor(2, 1));
    expect(cookieFor(1, 1)).not.toBe(cookieFor(1, 2));
  });

  test('a client sends back a cookie of any length, and is asked no more than three times', () => {
    for (const length of [0, 1, 255]) {
      const pair = new Pair({ network: () => [] }).run(0);
      const { connection, sent } = pair.client;
      for (let messageSeq = 0; messageSeq < 4; messageSeq++) {
        const body = encodeHelloVerifyRequest({ version: 0xfeff, cookie: new Uint8Array(length).fill(messageSeq) });
        connection.handlePacket(handshakeRecord({ type: 3, messageSeq, body }), 1);
        if (messageSeq === 3) break;
        const [first, hello] = [sent[0]!, sent.at(-1)!].map((datagram) => messagesOf(datagram)[0]!);
        expect(hello).toMatchObject({ type: 1, messageSeq: messageSeq + 1 });
        const { cookie, ...rest } = decodeClientHello(hello!.body)!;
        const { cookie: _, ...withoutCookie } = decodeClientHello(first!.body)!;
        expect(cookie).toEqual(new Uint8Array(length).fill(messageSeq));
        expect(rest).toEqual(withoutCookie);
      }
      expect(pair.client.failure).toMatchObject({ origin: 'local', alert: 'unexpected_message' });
    }
  });

  test('a server takes no cookie it has not made, nor one for another hello', () => {
    const change = (tamper: (hello: ClientHello) => Partial<ClientHello>): Pair =>
      new Pair({
        server: { cookie: true },
        client: { handshakeTimeoutMs: 300 },
        network: (datagram, from, index) => {
          if (from.name !== 'client' || index !== 1) return [10];
          const changed = rewrite(datagram, (message) => {
            const hello = decodeClientHello(message.body)!;
            return { ...message, body: encodeClientHello({ ...hello, ...tamper(hello) }) };
          });
          return [{ delay: 10, datagram: changed }];
        },
      }).run(35);
    for (const tamper of [
      ({ cookie }: ClientHello) => ({ cookie: cookie.with(0, cookie[0]! ^ 1) }),
      ({ random }: ClientHello) => ({ random: random.with(0, random[0]! ^ 1) }),
      ({ cipherSuites }: ClientHello) => ({ cipherSuites: cipherSuites.slice(1) }),
    ]) {
      expect(messagesOf(change(tamper).server.sent.at(-1)!)[0]).toMatchObject({ type: 3, messageSeq: 1 });
    }
  });

  test('a lost HelloVerifyRequest is sent again when the client repeats its hello', () => {
    const pair = new Pair({
      server: { cookie: true },
      network: (_, from, index) => (from.name === 'server' && index === 0 ? [] : [10]),
    }).run();
    expect(pair.connected).toBe(true);
    expect(messagesOf(pair.server.sent[1]!)[0]!.type).toBe(3);
  });
});

test('the same seed gives the same bytes, another seed others', () => {
  const bytes = (seed: number): string[] => {
    const pair = connect({
      crypto: nobleCrypto,
      seed,
      client: { certificate: loadCertificate('ecdsa-p256', nobleCrypto) },
      server: { clientCertificate: 'required', cookie: true },
    });
    return pair.peers.flatMap(({ sent }) => sent.map(toHex));
  };
  expect(bytes(1)).toEqual(bytes(1));
  expect(bytes(1)).not.toEqual(bytes(2));
});
