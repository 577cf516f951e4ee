/** The door itself: options, the data path, and the ClientHellos of today's browsers. */
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { encodeUint16List } from '../../src/dtls/extensions.ts';
import type { HandshakeMessage } from '../../src/dtls/handshake-message.ts';
import { encodeClientHello } from '../../src/dtls/hellos.ts';
import { DtlsConnection, type DtlsOptions, MAX_RECORD_HEADROOM, MAX_RECORD_TAILROOM } from '../../src/dtls/index.ts';
import { randomBytes } from '../../src/machine.ts';
import { seededRandom } from '../crypto/seeded-random.ts';
import { loadCertificate, Pair } from './pair.ts';
import { fragmentOf, messagesOf, plainRecord } from './wire.ts';

const sink = { transmit: () => {}, event: () => {} };
const client: DtlsOptions = {
  crypto: nodeCrypto,
  random: nodeCrypto.random,
  role: 'client',
  verifyCertificate: () => true,
};
const server: DtlsOptions = { ...client, role: 'server', certificate: loadCertificate('ecdsa-p256') };

describe('options', () => {
  const wrong: readonly (readonly [string, Partial<DtlsOptions>, RegExp])[] = [
    ['another role', { role: 'peer' as 'client' }, /role/],
    ['a server without a certificate', { role: 'server' }, /certificate/],
    ['a certificate without a chain', { certificate: { ...loadCertificate('ecdsa-p256'), chain: [] } }, /chain/],
    ['a client that would take any certificate', { verifyCertificate: undefined }, /verifyCertificate/],
    ['no cipher suite', { cipherSuites: [] }, /cipherSuites/],
    ['an unknown cipher suite', { cipherSuites: ['TLS_RSA_WITH_NULL_MD5' as never] }, /TLS_RSA_WITH_NULL_MD5/],
    ['no group', { groups: [] }, /groups/],
    ['an unknown group', { groups: ['secp521r1' as never] }, /secp521r1/],
    ['an unknown signature scheme', { signatureSchemes: ['rsa_pkcs1_md5' as never] }, /rsa_pkcs1_md5/],
    ['an unknown SRTP profile', { srtpProfiles: ['SRTP_NULL' as never] }, /SRTP_NULL/],
    ['a name that is no property of an object', { groups: ['toString' as never] }, /toString/],
    ['an empty ALPN protocol', { alpnProtocols: [''] }, /alpnProtocols/],
    ['an MTU too small', { mtu: 50 }, /mtu/],
    ['an MTU that is no whole number', { mtu: 1200.5 }, /mtu/],
    ['a first timeout of nothing', { initialTimeoutMs: 0 }, /timeout/],
    ['a negative number of retransmissions', { maxRetransmissions: -1 }, /maxRetransmissions/],
    ['a deadline that is no number', { handshakeTimeoutMs: Number.NaN }, /handshakeTimeoutMs/],
  ];
  for (const [what, options, message] of wrong) {
    test(`${what} is refused in words`, () => {
      expect(() => new DtlsConnection({ ...client, ...options }, sink)).toThrow(message);
    });
  }

  test('a server that asks for a certificate has to check it', () => {
    const careless = { ...server, verifyCertificate: undefined };
    expect(() => new DtlsConnection(careless, sink)).not.toThrow();
    expect(() => new DtlsConnection({ ...careless, clientCertificate: 'optional' }, sink)).toThrow(/verifyCertificate/);
    expect(() => new DtlsConnection({ ...server, clientCertificate: 'maybe' as 'none' }, sink)).toThrow(/maybe/);
  });

  test('calls out of place are precise', () => {
    const connection = new DtlsConnection(client, sink);
    expect(() => connection.exportKeyingMaterial('x', 1)).toThrow(/new/);
    expect(() => connection.setMtu(1)).toThrow(RangeError);
    expect(() => connection.setInitialTimeout(-1)).toThrow(RangeError);
    expect(connection.send(Uint8Array.of(1))).toBe(false);
    expect(connection.flight).toEqual([]);
    connection.retransmit();
    connection.handleTimeout(1e9);
    expect(connection.stats.datagramsSent).toBe(0);
    expect(connection.version).toBeUndefined();
    expect(connection.cipherSuite).toBeUndefined();
  });
});

describe('the data path', () => {
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    for (const suite of ['AES_128_GCM_SHA256', 'CHACHA20_POLY1305_SHA256'] as const) {
      test(`sealInPlace writes around the payload in the caller's own buffer: ${suite}, ${crypto.name}`, () => {
        const sent: Uint8Array[] = [];
        const pair = new Pair({ crypto, client: { cipherSuites: [`TLS_ECDHE_ECDSA_WITH_${suite}`] } }).run();
        pair.network = (datagram) => {
          sent.push(datagram);
          return [10];
        };
        const payload = randomBytes(seededRandom(1), 1163);
        const datagram = new Uint8Array(MAX_RECORD_HEADROOM + payload.length + MAX_RECORD_TAILROOM);
        datagram.set(payload, MAX_RECORD_HEADROOM);
        expect(
          pair.client.connection.sealInPlace(datagram, MAX_RECORD_HEADROOM, MAX_RECORD_HEADROOM + payload.length),
        ).toBe(true);
        expect(sent[0]!.buffer).toBe(datagram.buffer);
        expect(sent[0]!.length).toBe(payload.length + 13 + 16 + (suite === 'AES_128_GCM_SHA256' ? 8 : 0));
        pair.advance(pair.now + 100);
        expect(pair.server.data).toEqual([payload]);
      });
    }
  }

  test('several records in one datagram, empty ones too', () => {
    const pair = new Pair().run();
    const sent: Uint8Array[] = [];
    pair.network = (datagram) => {
      sent.push(datagram.slice());
      return [];
    };
    for (const length of [3, 0, 5]) pair.client.connection.send(new Uint8Array(length).fill(length));
    pair.server.connection.handlePacket(concatBytes(...sent), pair.now);
    expect(pair.server.data.map((data) => [...data])).toEqual([[3, 3, 3], [], [5, 5, 5, 5, 5]]);
  });

  test('there must be room around the payload, and it must fit a record', () => {
    const { connection } = new Pair().run().client;
    const datagram = new Uint8Array(20_000);
    expect(() => connection.sealInPlace(datagram, 20, 100)).toThrow(/21/);
    expect(() => connection.sealInPlace(datagram, 21, datagram.length - 15)).toThrow(/16/);
    expect(() => connection.sealInPlace(datagram, 21, 20)).toThrow(RangeError);
    expect(() => connection.sealInPlace(datagram, 21, 21 + 16_385)).toThrow(/16384/);
    expect(connection.sealInPlace(datagram, 21, 21 + 16_384)).toBe(true);
  });

  test('a handler may call back in', () => {
    const pair = new Pair();
    pair.server.events.push = (...events) => {
      for (const event of events) if (event.kind === 'data') pair.server.connection.send(event.data);
      return Array.prototype.push.apply(pair.server.events, events);
    };
    pair.run();
    pair.client.connection.send(Uint8Array.of(7));
    pair.advance(pair.now + 100);
    expect(pair.client.data).toEqual([Uint8Array.of(7)]);
  });

  test('two machines joined without any delay, each answering while the other still sends', () => {
    const data: string[] = [];
    const a: DtlsConnection = new DtlsConnection(
      { ...client, certificate: loadCertificate('rsa-2048'), mtu: 300 },
      {
        transmit: (datagram) => b.handlePacket(datagram, 0),
        event: (event) => {
          if (event.kind === 'connected') a.send(Uint8Array.of(1));
          if (event.kind === 'data') data.push(`a ${event.data}`);
        },
      },
    );
    const b: DtlsConnection = new DtlsConnection(
      { ...server, clientCertificate: 'required', mtu: 300 },
      {
        transmit: (datagram) => a.handlePacket(datagram, 0),
        event: (event) => {
          if (event.kind === 'connected') b.send(Uint8Array.of(2));
          if (event.kind === 'data') data.push(`b ${event.data}`);
        },
      },
    );
    b.start(0);
    a.start(0);
    expect([a.state, b.state]).toEqual(['connected', 'connected']);
    expect(data.toSorted()).toEqual(['a 2', 'b 1']);
  });

  test('ten thousand records in any order within the window arrive once each', () => {
    const pair = new Pair().run();
    const sent: Uint8Array[] = [];
    pair.network = (datagram) => {
      sent.push(datagram.slice());
      return [];
    };
    const count = 10_000;
    for (let i = 0; i < count; i++) pair.client.connection.send(Uint8Array.of(i >> 8, i & 255));
    for (let block = 0; block < count; block += 100) {
      const burst = sent.slice(block, block + 100).reverse();
      for (const datagram of [...burst, ...burst]) pair.server.connection.handlePacket(datagram.slice(), pair.now);
    }
    expect(new Set(pair.server.data.map((data) => (data[0]! << 8) | data[1]!)).size).toBe(count);
    expect(pair.server.data).toHaveLength(count);
    expect(pair.server.connection.stats.dropped.replayed).toBe(count);
  });
});

describe("a browser's ClientHello, with DTLS 1.3 and a post-quantum key share in it", () => {
  /** What Chromium and Firefox put into theirs, in a shape of our own: 1.4 kB, GREASE and all. */
  function browserHello(): HandshakeMessage {
    const random = seededRandom(1);
    const keyShare = concatBytes(
      fromHex('04ef'), // client_shares, 1263 bytes
      fromHex('1a1a 0001 00'), // GREASE
      fromHex('11ec 04c0'), // X25519MLKEM768, 1216 bytes
      randomBytes(random, 1216),
      fromHex('001d 0020'),
      randomBytes(random, 32),
      fromHex('2a2a 0002 0000'),
    );
    const body = encodeClientHello({
      version: 0xfefd,
      random: randomBytes(random, 32),
      sessionId: new Uint8Array(0),
      cookie: new Uint8Array(0),
      cipherSuites: [0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc009, 0xc013, 0x002f],
      compressionMethods: Uint8Array.of(0),
      extensions: new Map([
        [0x4a4a, new Uint8Array(0)],
        [0x33, keyShare],
        [23, new Uint8Array(0)],
        [0xff01, Uint8Array.of(0)],
        [10, encodeUint16List([0x4a4a, 0x11ec, 0x001d, 0x0017, 0x0018])],
        [11, fromHex('0100')],
        [35, new Uint8Array(0)],
        [13, encodeUint16List([0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201])],
        [14, fromHex('0008 0008 0007 0001 0002 00')],
        [43, fromHex('06 5a5a fefc fefd')],
        [45, fromHex('0101')],
        [0x6a6a, Uint8Array.of(0)],
      ]),
    });
    return { type: 1, messageSeq: 0, body };
  }

  function answer(datagrams: readonly Uint8Array[]): { connection: DtlsConnection; types: number[] } {
    const sent: Uint8Array[] = [];
    const options: DtlsOptions = { ...server, clientCertificate: 'required', srtpProfiles: ['SRTP_AEAD_AES_128_GCM'] };
    const connection = new DtlsConnection(options, {
      transmit: (datagram) => void sent.push(datagram),
      event: () => {},
    });
    for (const datagram of datagrams) connection.handlePacket(datagram, 0);
    return { connection, types: sent.flatMap(messagesOf).map(({ type }) => type) };
  }

  test('1.2 is chosen, in fragments of any size and order, before any state exists', () => {
    const hello = browserHello();
    expect(hello.body.length).toBeGreaterThan(1300);
    for (const size of [1, 100, 700, 1150, 1400]) {
      const fragments: Uint8Array[] = [];
      for (let offset = 0; offset < hello.body.length; offset += size) {
        const length = Math.min(size, hello.body.length - offset);
        fragments.push(plainRecord(22, fragmentOf(hello, offset, length), offset, 0xfeff));
      }
      for (const order of [fragments, fragments.toReversed(), [concatBytes(...fragments)]]) {
        const { connection, types } = answer(order.map((datagram) => datagram.slice()));
        expect(types).toEqual([2, 11, 12, 13, 14]);
        expect(connection.version).toBe(0xfefd);
        expect(connection.group).toBe('x25519');
        expect(connection.srtpProfile).toBe('SRTP_AEAD_AES_128_GCM');
      }
    }
  });

  test('nothing is answered while a piece is missing', () => {
    const hello = browserHello();
    const first = plainRecord(22, fragmentOf(hello, 0, 1000), 0, 0xfeff);
    const { connection, types } = answer([first, first.slice()]);
    expect(types).toEqual([]);
    expect(connection.version).toBeUndefined();
  });
});
