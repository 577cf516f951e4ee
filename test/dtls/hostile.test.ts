/**
 * Every datagram of a handshake, cut at every length and with every byte flipped, given to a machine that expects it:
 * no exception, no hang, nothing left behind, and never a connection that the other side did not agree to.
 */
import { describe, expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../src/binary/bytes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { DtlsConnection } from '../../src/dtls/index.ts';
import { randomBytes } from '../../src/machine.ts';
import { SeededRandom } from '../../src/runtime/memory/seeded-random.ts';
import { Insider } from './insider.ts';
import { loadCertificate, type Network, Pair, type PairOptions } from './pair.ts';
import { plainRecord } from './wire.ts';

/**
 * The node provider with its public-key operations made cheap: some ten thousand handshakes are begun here, and what is
 * tested is not the mathematics.
 */
const cheap: CryptoProvider = {
  ...nodeCrypto,
  importPrivateKey: (pkcs8) => {
    const { type } = nodeCrypto.importPrivateKey(pkcs8);
    return { type, sign: (_, data) => nodeCrypto.hash('sha256', data) };
  },
  importPublicKey: (spki) => ({
    type: spki.length === 91 ? { kind: 'ecdsa', curve: 'secp256r1' } : { kind: 'rsa', modulusBits: 2048 },
    verify: (_, data, signature) => equalBytes(signature, nodeCrypto.hash('sha256', data)),
  }),
  generateKeyAgreement: (_, random) => {
    const publicKey = randomBytes(random, 32);
    const deriveSecret = (peer: Uint8Array): Uint8Array | null =>
      peer.length === 32 ? publicKey.map((byte, i) => byte ^ peer[i]!) : null;
    return { publicKey, deriveSecret };
  },
};
const certificate = loadCertificate('ecdsa-p256', cheap);
const options: PairOptions = {
  crypto: cheap,
  client: { certificate, mtu: 1200, handshakeTimeoutMs: 2000 },
  server: { certificate, clientCertificate: 'required', handshakeTimeoutMs: 2000 },
};

/** Runs a handshake in which one datagram is changed. Whatever comes of it must be one of few things. */
function expectCalm(name: 'client' | 'server', index: number, changed: Uint8Array): void {
  const network: Network = (_, from, i) =>
    from.name === name && i === index ? [{ delay: 10, datagram: changed }] : [10];
  const pair = new Pair({ ...options, network }).run(3000); // throws when it is busy for ever
  for (const { connection } of pair.peers) expect(['connected', 'failed']).toContain(connection.state);
  for (const { connection } of pair.peers) expect(connection.nextTimeout).toBe(Infinity);
}

const intact = new Pair(options).run();
expect(intact.connected).toBe(true);

for (const peer of intact.peers) {
  describe(`the ${peer.name}'s datagrams, ${peer.sent.map(({ length }) => length).join(' and ')} bytes`, () => {
    for (const [index, datagram] of peer.sent.entries()) {
      test(`${index}: every byte flipped`, () => {
        for (let i = 0; i < datagram.length; i++) {
          expectCalm(peer.name, index, datagram.with(i, datagram[i]! ^ (1 << (i % 8))));
        }
      });
      test(`${index}: every truncation`, () => {
        for (let length = 0; length < datagram.length; length++) {
          expectCalm(peer.name, index, datagram.slice(0, length));
        }
      });
    }
  });
}

describe('noise', () => {
  test('datagrams of every length from 0 to 64, before, during and after the handshake', () => {
    for (const first of [0, 20, 21, 22, 23, 24, 25, 32, 63, 64, 255]) {
      for (let length = 0; length <= 64; length++) {
        const noise = new Uint8Array(length).fill(0xfe);
        noise[0] = first;
        const pair = new Pair({ crypto: cheap, server: { certificate } });
        for (const { connection } of pair.peers) connection.handlePacket(noise.slice(), 0);
        expect(pair.peers.map(({ connection }) => connection.state)).toEqual(['new', 'new']);
      }
    }
    const pair = new Pair(options).run();
    const random = new SeededRandom(1);
    for (let i = 0; i < 5000; i++) {
      const noise = new Uint8Array(5 + random.below(200));
      random.fill(noise);
      if (i % 2 === 0) noise.set([20 + (i % 4), 0xfe, 0xfd, 0, i % 3]);
      for (const { connection } of pair.peers) connection.handlePacket(noise.slice(), pair.now);
    }
    expect(pair.connected).toBe(true);
  });

  test('a flood of records of the next epoch is held up to a bound', () => {
    const insider = new Insider();
    const { pair } = insider;
    pair.network = (_, from) => (from.name === 'client' ? [10] : []);
    pair.run(50);
    const { connection } = pair.server;
    for (let i = 0; i < 500; i++) connection.handlePacket(insiderNoise(i), 60);
    expect(connection.stats.dropped.overflow).toBe(500 - 32);
    const large = new Pair({ network: () => [] }).run(0).server.connection;
    for (let i = 0; i < 20; i++) large.handlePacket(insiderNoise(i, 10_000), 60);
    expect(large.stats.dropped.overflow).toBe(14); // 65,536 bytes: six of them
  });

  test('a flood of fragments is put together up to a bound', () => {
    const { connection } = new Pair({ network: () => [] }).run(0).server;
    for (let i = 0; i < 2000; i++) {
      const content = Uint8Array.of(1, 0, 255, 255, 0, i & 7, 0, i >> 8, i & 255, 0, 0, 1, 0);
      connection.handlePacket(plainRecord(22, content, i), 1);
    }
    expect(connection.state).toBe('connecting');
    expect(connection.stats.dropped.overflow).toBe(2000 - 2 * 250); // two messages of 64 KiB are what there is room for
  });
});

function insiderNoise(sequenceNumber: number, length = 40): Uint8Array {
  const record = plainRecord(23, new Uint8Array(length), sequenceNumber);
  record[4] = 1; // epoch
  return record;
}

describe('what overtakes the end of the handshake', () => {
  test("RFC 6347 §4.2.4: data that comes before the peer's flight is dropped, what comes behind it is not", () => {
    const pair = new Pair({ crypto: cheap, server: { certificate }, client: { initialTimeoutMs: 1000 } });
    pair.network = (_, from, index) => (from.name === 'server' && index === 1 ? [300] : [10]);
    pair.run(35);
    expect(pair.server.connection.state).toBe('connected');
    pair.server.connection.send(Uint8Array.of(1));
    pair.wait(1000);
    pair.server.connection.send(Uint8Array.of(2));
    pair.wait(1000);
    expect(pair.client.events).toEqual([{ kind: 'connected' }, { kind: 'data', data: Uint8Array.of(2) }]);
    expect(pair.client.connection.stats.dropped.unexpected).toBe(1);
  });

  test('RFC 6347 §4.2.4: data between ChangeCipherSpec and Finished is dropped', () => {
    const insider = new Insider();
    const { pair } = insider;
    pair.network = (datagram, from, index) => {
      if (from.name !== 'client' || index !== 1) return [10];
      const data = Array.from({ length: 40 }, (_, i) => insider.seal('client', 23, Uint8Array.of(i)));
      return [
        { delay: 10, datagram: concatBytes(datagram.subarray(0, finishedAt(datagram)), ...data) },
        { delay: 20, datagram: datagram.slice(finishedAt(datagram)) },
      ];
    };
    pair.run();
    expect(pair.connected).toBe(true);
    expect(pair.server.events).toEqual([{ kind: 'connected' }]);
    expect(pair.server.connection.stats.dropped.unexpected).toBe(40);
  });

  test('a Finished waits for its ChangeCipherSpec', () => {
    const pair = new Pair({ crypto: cheap, server: { certificate } });
    pair.network = (datagram, from, index) => {
      if (from.name !== 'client' || index !== 1) return [10];
      return [
        { delay: 20, datagram: datagram.slice(0, finishedAt(datagram)) },
        { delay: 10, datagram: datagram.slice(finishedAt(datagram)) },
      ];
    };
    pair.run();
    expect(pair.connected).toBe(true);
    expect(pair.client.connection.stats.retransmissions).toBe(0);
  });

  test('without any delay: a client that closes at once is heard to connect, to speak and to close', () => {
    const heard: string[] = [];
    const common = { crypto: cheap, random: new SeededRandom(1), verifyCertificate: () => true };
    const client: DtlsConnection = new DtlsConnection(
      { ...common, role: 'client' },
      {
        transmit: (datagram) => server.handlePacket(datagram, 0),
        event: ({ kind }) => {
          if (kind !== 'connected') return;
          client.send(Uint8Array.of(1));
          client.close();
        },
      },
    );
    const server: DtlsConnection = new DtlsConnection(
      { ...common, role: 'server', certificate },
      { transmit: (datagram) => client.handlePacket(datagram, 0), event: ({ kind }) => heard.push(kind) },
    );
    client.start(0);
    expect(heard).toEqual(['connected', 'data', 'closed']);
    expect([client.state, server.state]).toEqual(['closed', 'closed']);
  });
});

/** Where the encrypted Finished begins in the client's datagram that ends with it. */
function finishedAt(datagram: Uint8Array): number {
  return datagram.length - (13 + 8 + 12 + 12 + 16);
}
