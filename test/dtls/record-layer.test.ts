/** Records: nonces, replays, and what is dropped without a word. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, setU48, toHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { CIPHER_SUITES, cipherSuiteByName } from '../../src/dtls/cipher-suites.ts';
import { CONTENT_TYPE, MAX_SEQUENCE_NUMBER } from '../../src/dtls/record.ts';
import { RecordLayer } from '../../src/dtls/record-layer.ts';
import { MAX_RECORD_HEADROOM, RecordProtection } from '../../src/dtls/record-protection.ts';
import { REPLAY_WINDOW_SIZE, ReplayWindow } from '../../src/dtls/replay-window.ts';
import { newStats } from '../../src/dtls/stats.ts';
import { Pair } from './pair.ts';
import { encodeRecord, plainRecord, recordsOf } from './wire.ts';

/** The slow twin of ReplayWindow: it remembers everything. */
class SlowReplayWindow {
  readonly #seen = new Set<number>();
  #newest = -1;

  mayBeNew(sequenceNumber: number): boolean {
    return sequenceNumber > this.#newest - REPLAY_WINDOW_SIZE && !this.#seen.has(sequenceNumber);
  }

  add(sequenceNumber: number): void {
    this.#seen.add(sequenceNumber);
    this.#newest = Math.max(this.#newest, sequenceNumber);
  }
}

describe('the replay window', () => {
  test('agrees with a set that forgets nothing, through steps, jumps and the top of 48 bits', () => {
    const step = fc.oneof(
      fc.integer({ min: -40, max: 40 }),
      fc.integer({ min: -REPLAY_WINDOW_SIZE - 2, max: REPLAY_WINDOW_SIZE + 2 }),
      fc.integer({ min: 0, max: 100_000 }),
    );
    const start = fc.constantFrom(0, 2 ** 31 - 50, 2 ** 32 - 50, MAX_SEQUENCE_NUMBER - 200_000);
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 300 }), (start, steps) => {
        const window = new ReplayWindow();
        const twin = new SlowReplayWindow();
        let at = start;
        for (const step of steps) {
          at = Math.min(Math.max(at + step, 0), MAX_SEQUENCE_NUMBER);
          expect(window.mayBeNew(at)).toBe(twin.mayBeNew(at));
          if (!window.mayBeNew(at)) continue;
          window.add(at);
          twin.add(at);
        }
      }),
    );
  });

  test('takes every number of a reordered burst once', () => {
    const window = new ReplayWindow();
    window.add(REPLAY_WINDOW_SIZE - 1);
    for (let i = 0; i < REPLAY_WINDOW_SIZE - 1; i++) {
      expect(window.mayBeNew(i)).toBe(true);
      window.add(i);
      expect(window.mayBeNew(i)).toBe(false);
    }
    window.add(REPLAY_WINDOW_SIZE);
    expect(window.mayBeNew(0)).toBe(false);
  });
});

/** A provider that notes the nonces and additional data it is given. */
function spying(log: { nonce: string; additionalData: string }[]): CryptoProvider {
  return {
    ...nodeCrypto,
    aead: (name, key) => {
      const aead = nodeCrypto.aead(name, key);
      return {
        ...aead,
        seal: (nonce, additionalData, buffer, start, end) => {
          log.push({ nonce: toHex(nonce), additionalData: toHex(additionalData) });
          aead.seal(nonce, additionalData, buffer, start, end);
        },
        open: (...args) => aead.open(...args),
      };
    },
  };
}

describe('protection', () => {
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    for (const suite of CIPHER_SUITES) {
      test(`${suite.name}: what one seals the other opens, and no changed byte (${crypto.name})`, () => {
        const key = new Uint8Array(suite.keyLength).fill(1);
        const iv = new Uint8Array(suite.fixedIvLength).fill(2);
        const protection = new RecordProtection(crypto, suite, key, iv);
        const datagram = new Uint8Array(100);
        datagram.fill(9, 40, 60);
        const end = protection.seal(datagram, 40, 60, 23, 0xfefd, 1, 0x123456789abc);
        const record = datagram.slice(40 - protection.headroom, end);
        expect(record.length).toBe(20 + protection.overhead);
        expect(toHex(record.subarray(0, 11))).toBe('17fefd0001123456789abc');
        expect(protection.open(record.slice(), 0, record.length)).toEqual(new Uint8Array(20).fill(9));
        for (let i = 0; i < record.length; i++) {
          if (i === 11 || i === 12) continue; // the length is covered by where the record ends
          const changed = record.with(i, record[i]! ^ 0x40);
          expect(protection.open(changed, 0, changed.length), `byte ${i}`).toBeNull();
        }
        for (let length = 13; length < record.length; length++) {
          expect(protection.open(record.slice(0, length), 0, length)).toBeNull();
        }
      });
    }
  }

  test('RFC 9325 §7.2.1: the explicit nonce of AES-GCM is epoch and sequence number', () => {
    const log: { nonce: string; additionalData: string }[] = [];
    const suite = cipherSuiteByName('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256')!;
    const protection = new RecordProtection(spying(log), suite, new Uint8Array(16), fromHex('a1a2a3a4'));
    const datagram = new Uint8Array(60);
    protection.seal(datagram, MAX_RECORD_HEADROOM, MAX_RECORD_HEADROOM + 5, 23, 0xfefd, 1, 7);
    expect(toHex(datagram.subarray(13, 21))).toBe('0001000000000007');
    expect(log).toEqual([{ nonce: 'a1a2a3a40001000000000007', additionalData: '000100000000000717fefd0005' }]);
  });

  test('RFC 7905 §2: the nonce of ChaCha20-Poly1305 is exclusive-ored, and nothing of it is sent', () => {
    const log: { nonce: string; additionalData: string }[] = [];
    const suite = cipherSuiteByName('TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256')!;
    const protection = new RecordProtection(spying(log), suite, new Uint8Array(32), new Uint8Array(12).fill(0xff));
    expect(protection.headroom).toBe(13);
    const datagram = new Uint8Array(60);
    protection.seal(datagram, 13, 18, 23, 0xfefd, 1, 0x0102);
    protection.seal(datagram, 13, 18, 23, 0xfefd, 1, 0x0103);
    expect(log.map(({ nonce }) => nonce)).toEqual(['fffffffffffefffffffffefd', 'fffffffffffefffffffffefc']);
  });

  test("a peer's explicit nonce is its own choice", () => {
    const suite = cipherSuiteByName('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256')!;
    const protection = new RecordProtection(nodeCrypto, suite, new Uint8Array(16), new Uint8Array(4));
    const record = encodeRecord({
      type: 23,
      version: 0xfefd,
      epoch: 1,
      sequenceNumber: 5,
      content: new Uint8Array(8 + 3 + 16),
    });
    record.set(fromHex('dead0000beef0001'), 13);
    record.set(fromHex('010203'), 21);
    const additionalData = fromHex('0001000000000005 17 fefd 0003');
    nodeCrypto
      .aead('aes-128-gcm', new Uint8Array(16))
      .seal(fromHex('00000000dead0000beef0001'), additionalData, record, 21, 24);
    expect(protection.open(record, 0, record.length)).toEqual(fromHex('010203'));
  });

  test('sequence numbers end: RFC 6347 §4.1, they "MUST NOT […] wrap"', () => {
    const records = new RecordLayer(newStats());
    expect(records.isExhausted(0)).toBe(false);
    const suite = CIPHER_SUITES[0]!;
    const protection = new RecordProtection(nodeCrypto, suite, new Uint8Array(16), new Uint8Array(4));
    records.installKeys(1, protection, protection, MAX_SEQUENCE_NUMBER - 1);
    records.startWriting(1);
    const datagram = new Uint8Array(60);
    expect(records.isExhausted(1)).toBe(false);
    records.seal(datagram, 21, 22, 23, 0xfefd, 1);
    expect(records.isExhausted(1)).toBe(true); // the last one is left for the alert
    expect(toHex(datagram.subarray(5, 11))).toBe('fffffffffffe');
  });
});

describe('dropped and counted, never fatal', () => {
  const alert = Uint8Array.of(2, 40);
  const clear: readonly (readonly [string, Uint8Array, keyof Pair['client']['connection']['stats']['dropped']])[] = [
    ['an alert in the clear', plainRecord(CONTENT_TYPE.alert, alert), 'wrongEpoch'],
    ['a ClientHello in the clear', plainRecord(CONTENT_TYPE.handshake, new Uint8Array(50)), 'wrongEpoch'],
    ['a ChangeCipherSpec in the clear', plainRecord(CONTENT_TYPE.changeCipherSpec, Uint8Array.of(1)), 'wrongEpoch'],
    ['application data in the clear', plainRecord(CONTENT_TYPE.applicationData, alert), 'wrongEpoch'],
    ['an unknown content type', plainRecord(99, alert), 'wrongEpoch'],
    ['content type 25, a record with a connection id', plainRecord(25, alert), 'wrongEpoch'],
    ['a record of DTLS 1.3', fromHex('2f 0001 0002 aabb ccdd eeff 0003 000122'), 'wrongVersion'],
    [
      'another version',
      encodeRecord({ type: 23, version: 0x0303, epoch: 1, sequenceNumber: 50, content: alert }),
      'wrongVersion',
    ],
    [
      'the wrong version of DTLS',
      encodeRecord({ type: 23, version: 0xfeff, epoch: 1, sequenceNumber: 50, content: alert }),
      'wrongVersion',
    ],
    [
      'an epoch to come',
      encodeRecord({ type: 23, version: 0xfefd, epoch: 2, sequenceNumber: 50, content: alert }),
      'wrongEpoch',
    ],
    [
      'a forged record',
      encodeRecord({ type: 23, version: 0xfefd, epoch: 1, sequenceNumber: 50, content: new Uint8Array(40) }),
      'badMac',
    ],
    [
      'a forged alert',
      encodeRecord({ type: 21, version: 0xfefd, epoch: 1, sequenceNumber: 50, content: new Uint8Array(26) }),
      'badMac',
    ],
    [
      'a record too short for its tag',
      encodeRecord({ type: 23, version: 0xfefd, epoch: 1, sequenceNumber: 50, content: alert }),
      'badMac',
    ],
    [
      'an empty protected record',
      encodeRecord({ type: 23, version: 0xfefd, epoch: 1, sequenceNumber: 50, content: new Uint8Array(0) }),
      'badMac',
    ],
    [
      'a record longer than allowed',
      encodeRecord({ type: 23, version: 0xfefd, epoch: 1, sequenceNumber: 50, content: new Uint8Array(18_433) }),
      'malformed',
    ],
    ['half a header', new Uint8Array(12).fill(22), 'malformed'],
    ['a record that reaches past its datagram', plainRecord(23, new Uint8Array(10)).subarray(0, 20), 'malformed'],
  ];
  for (const role of ['client', 'server'] as const) {
    for (const [what, datagram, reason] of clear) {
      test(`after the handshake, to the ${role}: ${what}`, () => {
        const pair = new Pair().run();
        const { connection, events } = pair[role];
        const sent = pair[role].sent.length;
        connection.handlePacket(datagram.slice(), pair.now);
        expect(connection.stats.dropped[reason]).toBe(1);
        expect(connection.state).toBe('connected');
        expect(pair[role].sent).toHaveLength(sent);
        expect(events).toEqual([{ kind: 'connected' }]);
        pair[role === 'client' ? 'server' : 'client'].connection.send(alert);
        pair.advance(pair.now + 100);
        expect(pair[role].data).toEqual([alert]);
      });
    }
  }

  test('a replay', () => {
    const pair = new Pair().run();
    pair.network = () => [10, 20, 30];
    pair.client.connection.send(alert);
    pair.advance(pair.now + 100);
    expect(pair.server.data).toEqual([alert]);
    expect(pair.server.connection.stats.dropped.replayed).toBe(2);
  });

  test('a dropped record does not take the others of its datagram with it', () => {
    const pair = new Pair().run();
    const good: Uint8Array[] = [];
    pair.network = (datagram) => {
      good.push(datagram);
      return [];
    };
    pair.client.connection.send(Uint8Array.of(1));
    pair.client.connection.send(Uint8Array.of(2));
    const forged = encodeRecord({ ...recordsOf(good[0]!)[0]!, sequenceNumber: 77 });
    pair.server.connection.handlePacket(concatBytes(good[0]!, forged, plainRecord(24, alert), good[1]!), pair.now);
    expect(pair.server.data).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  });

  test('a forged sequence number does not move the window', () => {
    const pair = new Pair().run();
    const forged = new Uint8Array(60);
    forged.set(fromHex('17 fefd 0001'));
    setU48(forged, 5, MAX_SEQUENCE_NUMBER);
    forged[12] = 47;
    pair.server.connection.handlePacket(forged, pair.now);
    expect(pair.server.connection.stats.dropped.badMac).toBe(1);
    pair.client.connection.send(alert);
    pair.advance(pair.now + 100);
    expect(pair.server.data).toEqual([alert]);
  });

  test('before the handshake a stray alert, data or unknown record does nothing, to either role', () => {
    for (const role of ['client', 'server'] as const) {
      for (const started of [false, true]) {
        if (role === 'client' && started) continue; // it has sent its hello: see alerts.test.ts
        const pair = new Pair();
        const { connection } = pair[role];
        if (started) connection.start(0);
        connection.handlePacket(plainRecord(CONTENT_TYPE.alert, alert), 0);
        connection.handlePacket(plainRecord(CONTENT_TYPE.applicationData, alert), 0);
        connection.handlePacket(plainRecord(24, alert), 0);
        expect(connection.state).toBe(started ? 'connecting' : 'new');
        expect(pair.run().connected).toBe(true);
      }
    }
  });
});
