/**
 * Which alert answers what: one message of an otherwise good handshake is changed, and the alert must be the one the
 * RFC names. Then alerts as such: received, sent, ignored; closing; renegotiation.
 */
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, setU16, setU24 } from '../../src/binary/bytes.ts';
import { ALERT_CODES } from '../../src/dtls/alert.ts';
import type { HandshakeMessage } from '../../src/dtls/handshake-message.ts';
import {
  type ClientHello,
  decodeClientHello,
  decodeServerHello,
  encodeClientHello,
  encodeServerHello,
  type ServerHello,
} from '../../src/dtls/hellos.ts';
import type { AlertDescription, DtlsOptions } from '../../src/dtls/index.ts';
import { encodeCertificateRequest } from '../../src/dtls/key-messages.ts';
import { CONTENT_TYPE } from '../../src/dtls/record.ts';
import { Insider } from './insider.ts';
import { loadCertificate, type Network, Pair, type PairOptions, type Peer } from './pair.ts';
import { alertsOf, fragmentOf, handshakeRecord, messagesOf, plainRecord, rewrite } from './wire.ts';

const EXTENSION = {
  serverName: 0,
  groups: 10,
  pointFormats: 11,
  schemes: 13,
  useSrtp: 14,
  alpn: 16,
  ems: 23,
  versions: 43,
  reneg: 0xff01,
};

type Change = (message: HandshakeMessage) => HandshakeMessage | null;

/** Runs a handshake in which one side's messages are changed, and expects the other side to end it with `alert`. */
function expectAlert(
  from: 'client' | 'server',
  change: Change,
  alert: AlertDescription | null,
  options: PairOptions = {},
): void {
  const network: Network = (datagram, peer) =>
    peer.name === from ? [{ delay: 10, datagram: rewrite(datagram, change) }] : [10];
  const pair = new Pair({ ...options, network }).run();
  const victim: Peer = from === 'client' ? pair.server : pair.client;
  if (alert === null) {
    expect(messagesOf(victim.sent[0]!)[0]?.type).toBe(2); // a ServerHello
    return;
  }
  expect(victim.failure).toMatchObject({ origin: 'local', alert });
  const own = victim.sent.slice(-1);
  if (victim.connection.role === 'server') expect(alertsOf(own)).toEqual([[2, ALERT_CODES[alert]]]);
}

/** The change that replaces one type's body. */
function body(type: number, change: (body: Uint8Array) => Uint8Array): Change {
  return (message) => (message.type === type ? { ...message, body: change(message.body) } : message);
}

function clientHello(change: (hello: ClientHello) => Partial<ClientHello>): Change {
  return body(1, (bytes) => {
    const hello = decodeClientHello(bytes)!;
    return encodeClientHello({ ...hello, ...change(hello) });
  });
}

function serverHello(change: (hello: ServerHello) => Partial<ServerHello>): Change {
  return body(2, (bytes) => {
    const hello = decodeServerHello(bytes)!;
    return encodeServerHello({ ...hello, ...change(hello) });
  });
}

/** A hello with an extension replaced, added, or (null) taken out. */
function extension(type: number, data: string | null) {
  return ({ extensions }: { extensions: ReadonlyMap<number, Uint8Array> }) => {
    const changed = new Map(extensions);
    if (data === null) changed.delete(type);
    else changed.set(type, fromHex(data));
    return { extensions: changed };
  };
}

type Case = readonly [what: string, change: Change, alert: AlertDescription | null, options?: PairOptions];

const srtpServer: PairOptions = { server: { srtpProfiles: ['SRTP_AEAD_AES_128_GCM'] } };
const alpn: Partial<DtlsOptions> = { alpnProtocols: ['webrtc'] };
/** `null`: the server answers with its flight; whether the client then accepts what the changed hello brought is another matter. */
const CLIENT_HELLOS: readonly Case[] = [
  ['one byte too many', body(1, (bytes) => concatBytes(bytes, Uint8Array.of(0))), 'decode_error'],
  ['one byte too few', body(1, (bytes) => bytes.slice(0, -1)), 'decode_error'],
  ['empty', body(1, () => new Uint8Array(0)), 'decode_error'],
  ['the same extension twice', body(1, duplicateFirstExtension), 'decode_error'],
  ['another message instead', (message) => ({ ...message, type: 16 }), 'unexpected_message'],
  ['DTLS 1.0 at most', clientHello(() => ({ version: 0xfeff })), 'protocol_version'],
  ['a version older than any', clientHello(() => ({ version: 0xffff })), 'protocol_version'],
  ['a later minor version', clientHello(() => ({ version: 0xfe00 })), null],
  ['a later major version', clientHello(() => ({ version: 0xfdff })), null],
  ['supported_versions without ours', clientHello(extension(EXTENSION.versions, '02 1111')), 'protocol_version'],
  ['supported_versions with 1.3 and 1.2', clientHello(extension(EXTENSION.versions, '06 7a7a fefc fefd')), null],
  ['supported_versions with 1.3 only', clientHello(extension(EXTENSION.versions, '02 fefc')), 'protocol_version'],
  ['supported_versions, malformed', clientHello(extension(EXTENSION.versions, '03 fefdfe')), 'decode_error'],
  ['no null compression', clientHello(() => ({ compressionMethods: Uint8Array.of(1) })), 'illegal_parameter'],
  ['null compression among others', clientHello(() => ({ compressionMethods: Uint8Array.of(1, 0) })), null],
  ['no cipher suite of ours', clientHello(() => ({ cipherSuites: [0x002f, 0x1301] })), 'handshake_failure'],
  ['only suites for another certificate', clientHello(() => ({ cipherSuites: [0xc02f] })), 'handshake_failure'],
  ['GREASE among the suites', clientHello(({ cipherSuites }) => ({ cipherSuites: [0x0a0a, ...cipherSuites] })), null],
  ['no group of ours', clientHello(extension(EXTENSION.groups, '0002 0019')), 'handshake_failure'],
  ["not our certificate's curve", clientHello(extension(EXTENSION.groups, '0002 001d')), 'handshake_failure'],
  ['an empty list of groups', clientHello(extension(EXTENSION.groups, '0000')), 'decode_error'],
  ['no supported_groups: any may be chosen', clientHello(extension(EXTENSION.groups, null)), null],
  ['no signature scheme of ours', clientHello(extension(EXTENSION.schemes, '0004 0201 0203')), 'handshake_failure'],
  ['no signature_algorithms: that means SHA-1', clientHello(extension(EXTENSION.schemes, null)), 'handshake_failure'],
  ['signature_algorithms, odd', clientHello(extension(EXTENSION.schemes, '0003 040304')), 'decode_error'],
  ['no uncompressed points', clientHello(extension(EXTENSION.pointFormats, '01 01')), 'illegal_parameter'],
  ['an empty list of point formats', clientHello(extension(EXTENSION.pointFormats, '00')), 'decode_error'],
  ['no ec_point_formats', clientHello(extension(EXTENSION.pointFormats, null)), null],
  ['renegotiation_info of a later handshake', clientHello(extension(EXTENSION.reneg, '01 aa')), 'handshake_failure'],
  ['renegotiation_info, malformed', clientHello(extension(EXTENSION.reneg, '')), 'decode_error'],
  ['no renegotiation_info', clientHello(extension(EXTENSION.reneg, null)), null],
  ['no extended_master_secret', clientHello(extension(EXTENSION.ems, null)), 'handshake_failure'],
  ['extended_master_secret with content', clientHello(extension(EXTENSION.ems, '00')), 'decode_error'],
  ['use_srtp, malformed', clientHello(extension(EXTENSION.useSrtp, '0002 0007')), 'decode_error', srtpServer],
  [
    'use_srtp with an MKI, which is ignored',
    clientHello(extension(EXTENSION.useSrtp, '0002 0007 03 aabbcc')),
    null,
    srtpServer,
  ],
  ['use_srtp with unknown profiles', clientHello(extension(EXTENSION.useSrtp, '0004 0064 0065 00')), null, srtpServer],
  [
    'ALPN without ours',
    clientHello(extension(EXTENSION.alpn, '0003 02 6832')),
    'no_application_protocol',
    { server: alpn },
  ],
  ['ALPN, malformed', clientHello(extension(EXTENSION.alpn, '0001 00')), 'decode_error', { server: alpn }],
  // RFC 6066 §3
  ['server_name', clientHello(extension(EXTENSION.serverName, '0006 00 0003 612e62')), null],
  ['server_name of a type to come', clientHello(extension(EXTENSION.serverName, '0008 00 0001 61 07 0001 62')), null],
  ['server_name, empty', clientHello(extension(EXTENSION.serverName, '')), 'decode_error'],
  ['server_name, an empty list', clientHello(extension(EXTENSION.serverName, '0000')), 'decode_error'],
  ['server_name, an empty name', clientHello(extension(EXTENSION.serverName, '0003 00 0000')), 'decode_error'],
  ['server_name, cut', clientHello(extension(EXTENSION.serverName, '0006 00 0004 612e62')), 'decode_error'],
  [
    'server_name, a byte behind',
    clientHello(extension(EXTENSION.serverName, '0006 00 0003 612e62 00')),
    'decode_error',
  ],
  ['server_name, twice', clientHello(extension(EXTENSION.serverName, '0008 00 0001 61 00 0001 62')), 'decode_error'],
  ['an unknown extension', clientHello(extension(0xfafa, '0102')), null],
];

const SERVER_HELLOS: readonly Case[] = [
  ['one byte too many', body(2, (bytes) => concatBytes(bytes, Uint8Array.of(0))), 'decode_error'],
  ['one byte too few', body(2, (bytes) => bytes.slice(0, -1)), 'decode_error'],
  ['the same extension twice', body(2, duplicateFirstExtension), 'decode_error'],
  ['DTLS 1.0', serverHello(() => ({ version: 0xfeff })), 'protocol_version'],
  ['DTLS 1.3', serverHello(() => ({ version: 0xfefc })), 'protocol_version'],
  ['a suite we did not offer', serverHello(() => ({ cipherSuite: 0x002f })), 'illegal_parameter'],
  ['compression', serverHello(() => ({ compressionMethod: 1 })), 'illegal_parameter'],
  ['an unknown extension', serverHello(extension(0xfafa, '')), 'unsupported_extension'],
  ['an extension we did not offer', serverHello(extension(EXTENSION.useSrtp, '0002 0007 00')), 'unsupported_extension'],
  ['supported_versions', serverHello(extension(EXTENSION.versions, 'fefc')), 'unsupported_extension'],
  [
    'signature_algorithms, which is not for servers',
    serverHello(extension(EXTENSION.schemes, '0002 0403')),
    'unsupported_extension',
  ],
  ['no renegotiation_info', serverHello(extension(EXTENSION.reneg, null)), 'handshake_failure'],
  ['renegotiation_info of a later handshake', serverHello(extension(EXTENSION.reneg, '01 aa')), 'handshake_failure'],
  ['renegotiation_info, malformed', serverHello(extension(EXTENSION.reneg, '')), 'decode_error'],
  ['no extended_master_secret', serverHello(extension(EXTENSION.ems, null)), 'handshake_failure'],
  ['extended_master_secret with content', serverHello(extension(EXTENSION.ems, '00')), 'decode_error'],
  ['no uncompressed points', serverHello(extension(EXTENSION.pointFormats, '01 01')), 'illegal_parameter'],
  ['an empty list of point formats', serverHello(extension(EXTENSION.pointFormats, '00')), 'decode_error'],
  ...(['0002 0001 00', '0004 0007 0008 00', '0002 0007 01 aa'] as const).map(
    (data): Case => [
      `use_srtp we cannot accept: ${data}`,
      serverHello(extension(EXTENSION.useSrtp, data)),
      'illegal_parameter',
      { client: { srtpProfiles: ['SRTP_AEAD_AES_128_GCM', 'SRTP_AEAD_AES_256_GCM'] } },
    ],
  ),
  [
    'use_srtp, malformed',
    serverHello(extension(EXTENSION.useSrtp, '0002 0007')),
    'decode_error',
    { client: { srtpProfiles: ['SRTP_AEAD_AES_128_GCM'] } },
  ],
  [
    'an ALPN protocol we did not offer',
    serverHello(extension(EXTENSION.alpn, '0003 02 6832')),
    'illegal_parameter',
    { client: alpn },
  ],
  [
    'two ALPN protocols',
    serverHello(extension(EXTENSION.alpn, '0006 02 6832 02 6833')),
    'decode_error',
    { client: alpn },
  ],
];

const mutual: PairOptions = {
  client: { certificate: loadCertificate('ecdsa-p256') },
  server: { clientCertificate: 'required' },
};
const trailing = (bytes: Uint8Array): Uint8Array => concatBytes(bytes, Uint8Array.of(0));

const SERVER_MESSAGES: readonly Case[] = [
  [
    'a HelloVerifyRequest with a byte too many',
    (m) => (m.type === 2 ? { ...m, type: 3, body: fromHex('feff 01 aa 00') } : m),
    'decode_error',
  ],
  ['a Certificate with a byte too many', body(11, trailing), 'decode_error'],
  ['an empty Certificate', body(11, () => fromHex('000000')), 'decode_error'],
  ['a ServerKeyExchange with a byte too many', body(12, trailing), 'decode_error'],
  ['a group we did not offer', body(12, (bytes) => bytes.with(2, 0x19)), 'illegal_parameter'],
  ['a curve that is not named', body(12, (bytes) => bytes.with(0, 1)), 'illegal_parameter'],
  ['a signature scheme we did not offer', body(12, (bytes) => bytes.with(36, 2)), 'illegal_parameter'],
  ['a signature scheme for another key', body(12, (bytes) => bytes.with(37, 1)), 'illegal_parameter'],
  ['a CertificateRequest with a byte too many', body(13, trailing), 'decode_error', mutual],
  ['a CertificateRequest without types', body(13, () => fromHex('00 0002 0403 0000')), 'decode_error', mutual],
  ['a CertificateRequest without schemes', body(13, () => fromHex('01 40 0000 0000')), 'decode_error', mutual],
  ['a ServerHelloDone with content', body(14, trailing), 'decode_error'],
  [
    'two CertificateRequests',
    (m) =>
      m.type === 14
        ? { ...m, type: 13, body: encodeCertificateRequest({ types: [64], signatureSchemes: [0x403] }) }
        : m,
    'unexpected_message',
    mutual,
  ],
  ...[2, 11, 12, 14].map(
    (type): Case => [
      `an unknown message instead of ${type}`,
      (m) => (m.type === type ? { ...m, type: 99 } : m),
      'unexpected_message',
    ],
  ),
  ['a Certificate before the ServerHello', (m) => (m.type === 2 ? { ...m, type: 11 } : m), 'unexpected_message'],
  [
    'a CertificateStatus, which was not asked for',
    (m) => (m.type === 12 ? { ...m, type: 22 } : m),
    'unexpected_message',
  ],
  ['a NewSessionTicket, which was not asked for', (m) => (m.type === 14 ? { ...m, type: 4 } : m), 'unexpected_message'],
  ['Finished without ChangeCipherSpec', (m) => (m.type === 14 ? { ...m, type: 20 } : m), 'unexpected_message'],
];

const CLIENT_MESSAGES: readonly Case[] = [
  ['a Certificate with a byte too many', body(11, trailing), 'decode_error', mutual],
  ['a ClientKeyExchange with a byte too many', body(16, trailing), 'decode_error'],
  ['an empty point', body(16, () => fromHex('00')), 'decode_error'],
  ['a point too short', body(16, () => fromHex('02 aabb')), 'illegal_parameter'],
  ['a point of low order', body(16, (bytes) => bytes.map((byte, i) => (i === 0 ? byte : 0))), 'illegal_parameter'],
  [
    'a compressed point',
    body(16, (bytes) => bytes.slice(0, 34).with(0, 33).with(1, 2)),
    'illegal_parameter',
    { server: { groups: ['secp256r1'] } },
  ],
  [
    'a point off its curve',
    body(16, (bytes) => bytes.with(9, bytes[9]! ^ 1)),
    'illegal_parameter',
    { server: { groups: ['secp256r1'] } },
  ],
  [
    'a point with a byte too many',
    body(16, (bytes) => trailing(bytes).with(0, bytes[0]! + 1)),
    'illegal_parameter',
    { server: { groups: ['secp384r1'] } },
  ],
  ['a CertificateVerify with a byte too many', body(15, trailing), 'decode_error', mutual],
  ['a signature scheme we did not offer', body(15, (bytes) => bytes.with(0, 2)), 'illegal_parameter', mutual],
  ['a Certificate nobody asked for', (m) => (m.type === 16 ? { ...m, type: 11 } : m), 'unexpected_message'],
  [
    'no Certificate where one was asked for',
    (m) => (m.type === 11 ? { ...m, type: 16 } : m),
    'unexpected_message',
    mutual,
  ],
  ['a CertificateVerify of nobody', (m) => (m.type === 16 ? { ...m, type: 15 } : m), 'unexpected_message'],
];

const TABLES: readonly (readonly ['client' | 'server', string, readonly Case[]])[] = [
  ['client', 'a ClientHello', CLIENT_HELLOS],
  ['server', 'a ServerHello', SERVER_HELLOS],
  ['server', "the rest of the server's flight", SERVER_MESSAGES],
  ['client', "the rest of the client's flight", CLIENT_MESSAGES],
];

for (const [from, table, cases] of TABLES) {
  describe(table, () => {
    for (const [what, change, alert, options] of cases) {
      test(`${what}: ${alert ?? 'accepted'}`, () => expectAlert(from, change, alert, options));
    }
  });
}

describe('fragments and ChangeCipherSpec', () => {
  const start = (role: 'client' | 'server'): { pair: Pair; victim: Peer } => {
    const pair = new Pair({ network: () => [] });
    pair.run(0);
    return { pair, victim: pair[role] };
  };
  const cases: readonly (readonly [string, Uint8Array, AlertDescription])[] = [
    ['a record with half a fragment header', plainRecord(CONTENT_TYPE.handshake, new Uint8Array(7)), 'decode_error'],
    ['an empty handshake record', plainRecord(CONTENT_TYPE.handshake, new Uint8Array(0)), 'decode_error'],
    ['a message longer than any', plainRecord(CONTENT_TYPE.handshake, tooLong()), 'illegal_parameter'],
    [
      'a ChangeCipherSpec of value 2',
      plainRecord(CONTENT_TYPE.changeCipherSpec, Uint8Array.of(2)),
      'illegal_parameter',
    ],
    [
      'a ChangeCipherSpec of two bytes',
      plainRecord(CONTENT_TYPE.changeCipherSpec, Uint8Array.of(1, 1)),
      'illegal_parameter',
    ],
  ];
  for (const role of ['client', 'server'] as const) {
    for (const [what, datagram, alert] of cases) {
      test(`to the ${role}: ${what}: ${alert}`, () => {
        const { victim } = start(role);
        victim.connection.handlePacket(datagram.slice(), 1);
        expect(victim.failure).toMatchObject({ origin: 'local', alert });
        expect(alertsOf(victim.sent)).toEqual([[2, ALERT_CODES[alert]]]);
      });
    }
  }

  test('a stray ChangeCipherSpec at any time of the handshake does no harm', () => {
    const stray = plainRecord(CONTENT_TYPE.changeCipherSpec, Uint8Array.of(1));
    const network: Network = (datagram) => [{ delay: 10, datagram: concatBytes(stray, datagram, stray) }];
    expect(new Pair({ ...mutual, network }).run().connected).toBe(true);
  });

  test('RFC 5246 §7.3: application data in the clear, empty or not: unexpected_message', () => {
    for (const content of [new Uint8Array(0), Uint8Array.of(1, 2, 3)]) {
      for (const role of ['client', 'server'] as const) {
        const data = plainRecord(CONTENT_TYPE.applicationData, content);
        const network: Network = (datagram, from) =>
          from.name === role ? [10] : [{ delay: 10, datagram: concatBytes(datagram, data) }];
        const pair = new Pair({ network }).run();
        expect(pair[role].failure).toMatchObject({ origin: 'local', alert: 'unexpected_message' });
        expect(pair[role].data).toEqual([]);
      }
    }
  });

  test('application data in the clear before there is a peer is dropped', () => {
    const { client, server } = new Pair();
    for (const { connection } of [client, server]) {
      connection.handlePacket(plainRecord(CONTENT_TYPE.applicationData, Uint8Array.of(1)), 0);
      expect(connection.state).toBe('new');
      expect(connection.stats.dropped.unexpected).toBe(1);
    }
  });

  test('the key change comes with a message in the clear still pending: unexpected_message', () => {
    const network: Network = (datagram, from) => {
      if (from.name !== 'client' || messagesOf(datagram)[0]?.type !== 16) return [10];
      const early = handshakeRecord({ type: 20, messageSeq: 3, body: new Uint8Array(12) });
      return [{ delay: 10, datagram: concatBytes(early, datagram) }];
    };
    const pair = new Pair({ network }).run();
    expect(pair.server.failure).toMatchObject({ origin: 'local', alert: 'unexpected_message' });
  });
});

describe('alerts of the peer', () => {
  test('fatal ones end the handshake, in the clear too', () => {
    const pair = new Pair({ network: () => [] });
    pair.run(0);
    pair.client.connection.handlePacket(plainRecord(CONTENT_TYPE.alert, Uint8Array.of(2, 40)), 1);
    expect(pair.client.failure).toMatchObject({ origin: 'remote', alert: 'handshake_failure' });
    expect(pair.client.sent).toHaveLength(1); // RFC 5246 §7.2.2: no answer
    const other = new Pair({ network: () => [] }).run(0).client;
    other.connection.handlePacket(plainRecord(CONTENT_TYPE.alert, Uint8Array.of(2, 200)), 1);
    expect(other.failure).toMatchObject({ origin: 'remote', alert: 200 });
  });

  test('malformed ones: a third level, too short, two in a record', () => {
    for (const [content, alert] of [
      ['0328', 'illegal_parameter'],
      ['02', 'decode_error'],
      ['02280228', 'decode_error'],
    ] as const) {
      const { client } = new Pair({ network: () => [] }).run(0);
      client.connection.handlePacket(plainRecord(CONTENT_TYPE.alert, fromHex(content)), 1);
      expect(client.failure).toMatchObject({ origin: 'local', alert });
    }
  });

  test('warnings are passed over', () => {
    const warning = plainRecord(CONTENT_TYPE.alert, Uint8Array.of(1, 90));
    const network: Network = (datagram) => [
      { delay: 10, datagram: concatBytes(warning, warning, warning, warning, datagram) },
    ];
    expect(new Pair({ network }).run().connected).toBe(true);
  });

  test('authentic fatal ones end the connection', () => {
    const pair = new Pair().run();
    pair.client.connection.abort('internal_error');
    expect(pair.client.connection.state).toBe('failed');
    expect(pair.client.events).toEqual([{ kind: 'connected' }]); // who aborts knows it
    pair.advance(pair.now + 100);
    expect(pair.server.failure).toMatchObject({ origin: 'remote', alert: 'internal_error' });
    expect(pair.server.connection.state).toBe('failed');
  });
});

describe('closing', () => {
  test('close_notify is answered, and both know', () => {
    const pair = new Pair().run();
    pair.client.connection.close();
    expect(pair.client.connection.state).toBe('closed');
    expect(pair.client.connection.send(Uint8Array.of(1))).toBe(false);
    pair.advance(pair.now + 100);
    for (const { connection, events } of pair.peers) {
      expect(connection.state).toBe('closed');
      expect(events).toEqual([{ kind: 'connected' }, { kind: 'closed' }]);
      expect(connection.nextTimeout).toBe(Infinity);
      connection.close(); // once more: nothing
    }
    expect(pair.client.sent.length + pair.server.sent.length).toBe(4 + 2);
  });

  test('both at once', () => {
    const pair = new Pair().run();
    for (const { connection } of pair.peers) connection.close();
    pair.advance(pair.now + 100);
    for (const { events } of pair.peers) expect(events).toEqual([{ kind: 'connected' }, { kind: 'closed' }]);
  });

  test('data that is still on its way when we close is dropped', () => {
    const pair = new Pair().run();
    pair.server.connection.send(Uint8Array.of(1));
    pair.client.connection.close();
    pair.advance(pair.now + 100);
    expect(pair.client.data).toEqual([]);
    expect(pair.client.connection.stats.dropped.afterClose).toBe(1);
  });

  test('during the handshake: the other side hears of it', () => {
    const pair = new Pair();
    pair.run(15);
    pair.client.connection.close();
    pair.advance(10_000);
    expect(pair.peers.map(({ connection }) => connection.state)).toEqual(['closed', 'closed']);
    expect(pair.server.events).toEqual([{ kind: 'closed' }]);
  });

  test('before anything: nothing is sent', () => {
    const { client } = new Pair();
    client.connection.close();
    client.connection.start(0);
    expect(client.sent).toEqual([]);
    expect(client.connection.state).toBe('closed');
  });
});

describe('after the handshake', () => {
  /** `from` says something under its keys that our own machine would never say. */
  function say(from: 'client' | 'server', type: number, content: Uint8Array): Pair {
    const insider = new Insider();
    const pair = insider.pair.run();
    const victim = from === 'client' ? pair.server : pair.client;
    victim.connection.handlePacket(insider.seal(from, type, content), pair.now);
    return pair.wait(100);
  }

  const roles = [
    ['server', 'client', 0],
    ['client', 'server', 1],
  ] as const;

  for (const [from, to, type] of roles) {
    test(`the ${to} refuses renegotiation with a warning, and the connection goes on`, () => {
      for (const messageSeq of [0, 9]) {
        const pair = say(
          from,
          CONTENT_TYPE.handshake,
          fragmentOf({ type, messageSeq, body: new Uint8Array(type * 50) }),
        );
        expect(pair.connected).toBe(true);
        expect(pair[to].sent.at(-1)).toHaveLength(13 + 8 + 2 + 16); // an alert, and no more of it is seen from outside
        expect(pair[from].events).toEqual([{ kind: 'connected' }]);
      }
    });

    test(`any other handshake message to the ${to} is unexpected_message`, () => {
      const pair = say(from, CONTENT_TYPE.handshake, fragmentOf({ type: 20, messageSeq: 9, body: new Uint8Array(12) }));
      expect(pair[to].failure).toMatchObject({ origin: 'local', alert: 'unexpected_message' });
      expect(pair[from].failure).toMatchObject({ origin: 'remote', alert: 'unexpected_message' });
    });

    test(`to the ${to}: an authentic record of unknown type, a malformed fragment or alert, too much plaintext`, () => {
      const cases: readonly (readonly [number, Uint8Array, AlertDescription])[] = [
        [42, Uint8Array.of(1), 'unexpected_message'],
        [CONTENT_TYPE.handshake, Uint8Array.of(1), 'decode_error'],
        [CONTENT_TYPE.alert, Uint8Array.of(2), 'decode_error'],
        [CONTENT_TYPE.alert, Uint8Array.of(3, 0x50), 'illegal_parameter'],
        [CONTENT_TYPE.applicationData, new Uint8Array(16_385), 'record_overflow'],
      ];
      for (const [type, content, alert] of cases) {
        expect(say(from, type, content)[to].failure).toMatchObject({ origin: 'local', alert });
      }
    });
  }

  test('the largest record there may be is taken', () => {
    expect(say('client', CONTENT_TYPE.applicationData, new Uint8Array(16_384)).server.data[0]).toHaveLength(16_384);
  });

  test('a Finished behind the last one, before the handshake is over: unexpected_message', () => {
    const insider = new Insider();
    const { pair } = insider;
    pair.network = (datagram, from) => {
      if (from.name !== 'client' || messagesOf(datagram)[0]?.type !== 16) return [10];
      const extra = insider.seal(
        'client',
        CONTENT_TYPE.handshake,
        fragmentOf({ type: 20, messageSeq: 3, body: new Uint8Array(12) }),
      );
      return [{ delay: 10, datagram: extra }, 20]; // it overtakes the true one
    };
    pair.run();
    expect(pair.server.failure).toMatchObject({ origin: 'local', alert: 'unexpected_message' });
  });
});

test('RFC 5246 §7.4.9: a Finished of more or less than 12 bytes does not match: decrypt_error', () => {
  for (const length of [0, 11, 13]) {
    const insider = new Insider();
    const { pair } = insider;
    pair.network = (datagram, from) => {
      if (from.name !== 'client' || messagesOf(datagram)[0]?.type !== 16) return [10];
      const message = { type: 20, messageSeq: 2, body: new Uint8Array(length) };
      const finished = insider.seal('client', CONTENT_TYPE.handshake, fragmentOf(message));
      return [{ delay: 10, datagram: finished }, 20]; // it overtakes the true one
    };
    pair.run();
    expect(pair.server.failure).toMatchObject({ origin: 'local', alert: 'decrypt_error' });
  }
});

/** The body of a hello with its first extension repeated at the end. */
function duplicateFirstExtension(hello: Uint8Array): Uint8Array {
  const isServer = decodeClientHello(hello) === null;
  const { extensions } = isServer ? decodeServerHello(hello)! : decodeClientHello(hello)!;
  const [type, data] = [...extensions][0]!;
  const block = [...extensions].reduce((sum, [, { length }]) => sum + 4 + length, 0);
  const copy = concatBytes(new Uint8Array(4), data);
  setU16(copy, 0, type);
  setU16(copy, 2, data.length);
  const longer = concatBytes(hello, copy);
  setU16(longer, hello.length - block - 2, block + copy.length);
  return longer;
}

/** A fragment of one byte that claims a message of 2^24 - 1. */
function tooLong(): Uint8Array {
  const content = new Uint8Array(13);
  setU24(content, 1, 0xff_ffff);
  setU24(content, 9, 1);
  return content;
}
