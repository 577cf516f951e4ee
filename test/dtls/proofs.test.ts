/**
 * What the peer has to prove, and what happens when it cannot: everything else is right, one proof is missing. These
 * are the checks without which a peer that merely copied a certificate would be let in.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/binary/bytes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { certificatesFromPem } from '../../src/crypto/pem.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { HandshakeMessage } from '../../src/dtls/handshake-message.ts';
import { decodeClientHello, encodeClientHello } from '../../src/dtls/hellos.ts';
import type { AlertDescription, DtlsCertificate } from '../../src/dtls/index.ts';
import { loadCertificate, type Network, Pair, type PairOptions, type Peer, readFixture } from './pair.ts';
import { rewrite } from './wire.ts';

const honest = loadCertificate('ecdsa-p256');
const honestRsa = loadCertificate('rsa-2048');

/** The honest peer's certificate, which anyone can copy, without its key, which nobody can. */
function stolen(certificate: DtlsCertificate): DtlsCertificate {
  const other = nodeCrypto.importPrivateKey(certificate === honest ? freshEcdsaKey() : freshRsaKey());
  return { chain: certificate.chain, privateKey: other };
}

/** Runs a handshake in which `victim` must end it with `alert` and tell the other side so. */
function expectRefusal(options: PairOptions, victim: 'client' | 'server', alert: AlertDescription): void {
  const pair = new Pair(options).run();
  const [refusing, refused]: readonly [Peer, Peer] =
    victim === 'client' ? [pair.client, pair.server] : [pair.server, pair.client];
  expect(refusing.failure).toMatchObject({ origin: 'local', alert });
  expect(refused.failure).toMatchObject({ origin: 'remote', alert });
  expect(pair.peers.map(({ connection }) => connection.state)).toEqual(['failed', 'failed']);
  expect(pair.peers.map(({ connection }) => connection.nextTimeout)).toEqual([Infinity, Infinity]);
  expect(refusing.events).toHaveLength(1); // it was never connected
}

const mutual: PairOptions = { client: { certificate: honest }, server: { clientCertificate: 'required' } };

test('with nothing amiss, the same options connect', () => {
  expect(new Pair(mutual).run().connected).toBe(true);
});

describe('ServerKeyExchange: the server holds the key of its certificate', () => {
  test('a copied ECDSA certificate without its key', () => {
    expectRefusal({ server: { certificate: stolen(honest) } }, 'client', 'decrypt_error');
  });

  test('a copied RSA certificate without its key', () => {
    expectRefusal({ server: { certificate: stolen(honestRsa) } }, 'client', 'decrypt_error');
  });

  test('a good signature, but over another ephemeral key', () => {
    // The last byte of the point: behind curve_type, namedcurve and the length, x25519 has 32.
    expectRefusal({ network: flipServerMessage(12, 4 + 31) }, 'client', 'decrypt_error');
  });

  test('a good signature of another handshake: the randoms are part of it', () => {
    const recorded = new Pair({ seed: 1 }).run().server.sent[0]!;
    const pair = new Pair({ seed: 2, network: (_, from) => (from.name === 'client' ? [] : [10]) });
    pair.client.connection.start(0);
    pair.client.connection.handlePacket(recorded, 10);
    expect(pair.client.failure).toMatchObject({ origin: 'local', alert: 'decrypt_error' });
  });
});

describe('CertificateVerify: the client holds the key of its certificate', () => {
  test('a copied ECDSA certificate without its key', () => {
    expectRefusal({ ...mutual, client: { certificate: stolen(honest) } }, 'server', 'decrypt_error');
  });

  test('a copied RSA certificate without its key', () => {
    expectRefusal({ ...mutual, client: { certificate: stolen(honestRsa) } }, 'server', 'decrypt_error');
  });

  test('a certificate without any CertificateVerify does not connect', () => {
    const withoutVerify: PairOptions = {
      ...mutual,
      network: changeInPlace('client', (message) => (message.type === 15 ? null : message)),
    };
    const pair = new Pair(withoutVerify).run(3_600_000);
    expect(pair.server.connection.state).toBe('failed');
    expect(pair.server.events).toMatchObject([{ kind: 'failed', origin: 'timeout' }]);
  });

  test('an empty certificate list where one is required', () => {
    expectRefusal({ server: { clientCertificate: 'required' } }, 'server', 'handshake_failure');
  });
});

describe('Finished: both saw the same handshake, and know the same secret', () => {
  test("the server's verify_data is wrong", () => {
    expectRefusal({ server: { crypto: lyingAbout('server finished') } }, 'client', 'decrypt_error');
  });

  test("the client's verify_data is wrong", () => {
    expectRefusal({ client: { crypto: lyingAbout('client finished') } }, 'server', 'decrypt_error');
  });

  test('a hello changed on the way: with the extended master secret the keys no longer meet', () => {
    const pair = new Pair({
      network: changeInPlace('client', (message) =>
        message.type === 1 ? { ...message, body: message.body.with(2, message.body[2]! ^ 1) } : message,
      ),
    }).run();
    // The ServerKeyExchange signature covers the random, so the client finds out even before Finished.
    expect(pair.client.failure).toMatchObject({ origin: 'local', alert: 'decrypt_error' });
  });

  test('an extension taken out of the hello on the way, so that less is agreed', () => {
    for (const requireExtendedMasterSecret of [true, false]) {
      const pair = new Pair({
        client: { srtpProfiles: ['SRTP_AEAD_AES_128_GCM'], requireExtendedMasterSecret },
        server: { srtpProfiles: ['SRTP_AEAD_AES_128_GCM'], requireExtendedMasterSecret },
        network: changeInPlace('client', (message) =>
          message.type === 1 ? { ...message, body: hideExtension(message.body, 14) } : message,
        ),
      }).run();
      expect(pair.connected).toBe(false);
      expect(pair.client.events.some(({ kind }) => kind === 'connected')).toBe(false);
      expect(pair.server.events.some(({ kind }) => kind === 'connected')).toBe(false);
    }
  });
});

describe("verifyCertificate: the caller's own check, the fingerprint in WebRTC", () => {
  const verdicts: readonly (readonly [boolean | AlertDescription, AlertDescription])[] = [
    [false, 'bad_certificate'],
    ['certificate_unknown', 'certificate_unknown'],
    ['unknown_ca', 'unknown_ca'],
  ];
  for (const [verdict, alert] of verdicts) {
    test(`${verdict}: both roles answer ${alert}`, () => {
      expectRefusal({ ...mutual, client: { certificate: honest, verifyCertificate: () => verdict } }, 'client', alert);
      const server = { clientCertificate: 'required', verifyCertificate: () => verdict } as const;
      expectRefusal({ ...mutual, server }, 'server', alert);
    });
  }

  test('an exception in it is an internal_error, and goes no further', () => {
    const verifyCertificate = (): boolean => {
      throw new Error('disk on fire');
    };
    const pair = new Pair({ client: { verifyCertificate } }).run();
    expect(pair.client.failure).toMatchObject({
      alert: 'internal_error',
      reason: expect.stringContaining('disk on fire'),
    });
  });

  test('it sees the chain as the peer sent it', () => {
    const seen: Uint8Array[] = [];
    const chain = [...honest.chain, ...honestRsa.chain];
    const verifyCertificate = (shown: readonly Uint8Array[]): boolean => seen.push(...shown) > 0;
    new Pair({ client: { verifyCertificate }, server: { certificate: { ...honest, chain } } }).run();
    expect(seen).toEqual(chain);
  });
});

describe('certificates that are of no use', () => {
  const refusals: readonly (readonly [string, DtlsCertificate, AlertDescription])[] = [
    ['not a certificate at all', { ...honest, chain: [Uint8Array.of(1, 2, 3)] }, 'bad_certificate'],
    ['a key of an unknown kind', { ...honest, chain: loadChain('ed25519') }, 'unsupported_certificate'],
    ['a key not meant for signatures', loadCertificate('ecdsa-key-agreement-only'), 'certificate_unknown'],
  ];
  for (const [what, certificate, alert] of refusals) {
    test(`${what}: both roles answer ${alert}`, () => {
      expectRefusal({ server: { certificate } }, 'client', alert);
      expectRefusal({ ...mutual, client: { certificate } }, 'server', alert);
    });
  }

  test('a key of another kind than the cipher suite', () => {
    const certificate = { chain: honestRsa.chain, privateKey: honest.privateKey };
    expectRefusal({ server: { certificate } }, 'client', 'unsupported_certificate');
  });

  test("RFC 8422 §5.3: a curve that is not among the client's groups", () => {
    // A server that goes by the rules would refuse first, so the client's list is changed on its way.
    const client = { groups: ['secp256r1', 'x25519'] as const };
    const certificate = { chain: loadCertificate('ecdsa-p384').chain, privateKey: honest.privateKey };
    expectRefusal({ client, server: { certificate } }, 'client', 'illegal_parameter');
  });
});

function freshEcdsaKey(): Uint8Array {
  return toBytes(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

function freshRsaKey(): Uint8Array {
  return toBytes(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
}

function toBytes(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
}

function loadChain(name: string): Uint8Array[] {
  return certificatesFromPem(readFixture(`${name}.cert.pem`));
}

/** A provider whose PRF gets one label wrong: the peer that uses it computes a verify_data that is not true. */
function lyingAbout(label: string): CryptoProvider {
  const bytes = new TextEncoder().encode(label);
  return {
    ...nodeCrypto,
    hmac: (hash, key) => {
      const hmac = nodeCrypto.hmac(hash, key);
      return {
        size: hmac.size,
        sign: (data, more) => {
          const tag = hmac.sign(data, more);
          if (more && equalBytes(more.subarray(0, bytes.length), bytes)) tag[0] = tag[0]! ^ 1;
          return tag;
        },
      };
    },
  };
}

/** A network that changes messages in the clear which `from` sends, in whatever datagram they lie. */
function changeInPlace(
  from: 'client' | 'server',
  change: (message: HandshakeMessage) => HandshakeMessage | null,
): Network {
  return (datagram, peer) => (peer.name === from ? [{ delay: 10, datagram: rewrite(datagram, change) }] : [10]);
}

function flipServerMessage(type: number, at: number): Network {
  return changeInPlace('server', (message) => {
    if (message.type !== type) return message;
    const body = message.body.slice();
    body[at] = body[at]! ^ 1;
    return { ...message, body };
  });
}

/** Renames an extension of a ClientHello to one that nobody knows; the lengths stay. */
function hideExtension(body: Uint8Array, type: number): Uint8Array {
  const hello = decodeClientHello(body)!;
  const extensions = new Map([...hello.extensions].map(([key, data]) => [key === type ? 0xfafa : key, data]));
  return encodeClientHello({ ...hello, extensions });
}
