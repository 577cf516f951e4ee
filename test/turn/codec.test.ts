import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as vector from '../../fixtures/stun/rfc5769.ts';
import { concatBytes, fromHex, toHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { BINDING, newTransactionId, parseStun, StunWriter, verifyIntegrity } from '../../src/stun/index.ts';
import {
  channelDataOf,
  channelNumberOf,
  DEFAULT_DENIED_PEERS,
  encodeChannelData,
  isChannelData,
  longTermKey,
  MAX_STREAM_MESSAGE_LENGTH,
  nonceCookie,
  opaqueString,
  PeerPolicy,
  readNonceCookie,
  StreamFramer,
  userhashOf,
} from '../../src/turn/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

describe('ChannelData', () => {
  test('RFC 8656 §12.4: number, length, data', () => {
    expect(toHex(encodeChannelData(0x4001, Uint8Array.of(1, 2, 3), false))).toBe('40010003010203');
    expect(toHex(encodeChannelData(0x4001, Uint8Array.of(1, 2, 3), true))).toBe('4001000301020300');
  });

  test('round trip, with and without padding', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x4000, max: 0x4fff }),
        fc.uint8Array({ maxLength: 1500 }),
        fc.boolean(),
        (n, data, padded) => {
          const packet = encodeChannelData(n, data, padded);
          expect(isChannelData(packet)).toBe(true);
          expect(channelNumberOf(packet)).toBe(n);
          expect(channelDataOf(packet)).toEqual(data);
        },
      ),
    );
  });

  test('what is shorter than it claims is none, at every length', () => {
    const packet = encodeChannelData(0x4000, new Uint8Array(10), false);
    for (let length = 0; length < packet.length; length++) {
      const cut = packet.subarray(0, length);
      expect(isChannelData(cut) && channelDataOf(cut) !== null).toBe(false);
    }
  });

  test('a number that is no channel’s, and data that does not fit, are the caller’s mistake', () => {
    for (const number of [0, 0x3fff, 0x5000])
      expect(() => encodeChannelData(number, new Uint8Array(0), false)).toThrow(RangeError);
    expect(() => encodeChannelData(0x4000, new Uint8Array(65_536), false)).toThrow(RangeError);
  });
});

describe('a stream', () => {
  const random = seededRandom(3);
  const message = (): Uint8Array =>
    new StunWriter('request', BINDING, newTransactionId(random)).fingerprint().finish().slice();

  test('gives the same messages however it is cut', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((data) => encodeChannelData(0x4000, data, true)),
      fc.constant(0).map(message),
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (parts, cuts) => {
          const framer = new StreamFramer();
          const got: string[] = [];
          let rest = concatBytes(...parts);
          for (let i = 0; rest.length > 0; i++) {
            const cut = Math.min(rest.length, cuts[i % cuts.length]!);
            // Messages are kept as they came: a later push must not write over an earlier one.
            expect(framer.push(rest.slice(0, cut), (packet) => got.push(toHex(packet)))).toBe(true);
            rest = rest.subarray(cut);
          }
          expect(got).toEqual(parts.map(toHex));
        },
      ),
    );
  });

  test('a message that was handed out is not written over by what follows', () => {
    const framer = new StreamFramer();
    const got: Uint8Array[] = [];
    const bytes = concatBytes(message(), message(), message());
    const copy = bytes.slice();
    for (let at = 0; at < bytes.length; at += 7) framer.push(bytes.slice(at, at + 7), (packet) => got.push(packet));
    expect(concatBytes(...got)).toEqual(copy);
  });

  test.each([
    ['text', new TextEncoder().encode('SSH-2.0-OpenSSH\r\n')],
    ['TLS', fromHex('1603010200010001')],
    ['a reserved channel', fromHex('50000000')],
    ['STUN without the cookie', fromHex('0001000000000000')],
    ['STUN of odd length', fromHex('000100022112a442')],
  ])('%s breaks it for good', (_, bytes) => {
    const framer = new StreamFramer();
    const got: Uint8Array[] = [];
    expect(framer.push(bytes, (packet) => got.push(packet))).toBe(false);
    expect(framer.push(message(), (packet) => got.push(packet))).toBe(false);
    expect(framer.isBroken).toBe(true);
    expect(got).toEqual([]);
  });

  test('the longest message there can be comes whole', () => {
    const whole = encodeChannelData(0x4000, new Uint8Array(65_535), true);
    expect(whole.length).toBeLessThan(MAX_STREAM_MESSAGE_LENGTH);
    const framer = new StreamFramer();
    const got: number[] = [];
    for (let at = 0; at < whole.length; at += 1000)
      framer.push(whole.slice(at, at + 1000), ({ length }) => got.push(length));
    expect(got).toEqual([whole.length]);
  });
});

describe.each([nodeCrypto, nobleCrypto])('long-term credentials with the $name provider', (crypto) => {
  test('RFC 8489 §9.2.2: "user", "realm" and "pass" give 8493fbc53ba582fb4c044c456bdc40eb', () => {
    expect(toHex(longTermKey(crypto, 'md5', 'user', 'realm', 'pass'))).toBe('8493fbc53ba582fb4c044c456bdc40eb');
    expect(toHex(longTermKey(crypto, 'md5', '"user"', '"realm"\0', 'pass\0\0'))).toBe(
      '8493fbc53ba582fb4c044c456bdc40eb',
    );
  });

  test('RFC 5769 §2.4: the sample request is proved', () => {
    const { username, realm, password } = vector.LONG_TERM;
    const key = longTermKey(crypto, 'md5', username, realm, password);
    const keys = { sha1: crypto.hmac('sha1', key), sha256: crypto.hmac('sha256', key) };
    expect(verifyIntegrity(parseStun(fromHex(vector.LONG_TERM_REQUEST))!, keys)).toBe('sha1');
  });

  test('RFC 8489 §B.1: USERHASH and the key of the sample', () => {
    expect(toHex(userhashOf(crypto, vector.LONG_TERM.username, vector.LONG_TERM.realm))).toBe(
      '4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704',
    );
    const { username, realm, password } = vector.LONG_TERM;
    const key = longTermKey(crypto, 'sha256', username, realm, password);
    const keys = { sha1: crypto.hmac('sha1', key), sha256: crypto.hmac('sha256', key) };
    expect(verifyIntegrity(parseStun(fromHex(vector.SHA256_REQUEST))!, keys)).toBe('sha256');
  });
});

describe('nonces and names', () => {
  test('RFC 8489 §9.2, §18.1: the cookie says what the server can do', () => {
    expect(nonceCookie({ passwordAlgorithms: false, usernameAnonymity: false })).toBe('obMatJos2AAAA');
    expect(nonceCookie({ passwordAlgorithms: true, usernameAnonymity: false })).toBe('obMatJos2gAAA');
    expect(nonceCookie({ passwordAlgorithms: true, usernameAnonymity: true })).toBe('obMatJos2wAAA');
    for (const passwordAlgorithms of [true, false]) {
      for (const usernameAnonymity of [true, false]) {
        const features = { passwordAlgorithms, usernameAnonymity };
        expect(readNonceCookie(`${nonceCookie(features)}//499k954d6OL34oL9FSTvy64sA`)).toEqual(features);
      }
    }
    // The sample of RFC 8489 §B.1 counts the bits from the other end, against §9.2: read as well.
    expect(readNonceCookie('obMatJos2AAACf//499k')).toEqual({ passwordAlgorithms: false, usernameAnonymity: true });
    for (const nonce of ['', 'f//499k954d6OL34oL9FSTvy64sA', 'obMatJos2', 'obMatJos2AA', 'obMatJos2A-AA']) {
      expect(readNonceCookie(nonce)).toBeNull();
    }
  });

  test('RFC 8265 §4.2: other spaces are spaces, and marks are composed', () => {
    expect(opaqueString('a\u00a0b\u3000c')).toBe('a b c');
    expect(opaqueString('e\u0301')).toBe('\u00e9');
    expect(opaqueString('TheMatrIX')).toBe('TheMatrIX');
  });
});

describe('the policy about peers', () => {
  test('lets ordinary addresses through, in every form that stands for one', () => {
    const policy = new PeerPolicy();
    for (const address of [
      '8.8.8.8',
      '172.32.0.1',
      '172.15.255.255',
      '169.253.0.1',
      '100.128.0.1',
      '2606:4700::1111',
      '::ffff:8.8.8.8',
      '64:ff9b::808:808',
      '2002:808:808::1',
    ]) {
      expect(policy.allows(address), address).toBe(true);
    }
  });

  test('does not let through what is no IP literal', () => {
    const policy = new PeerPolicy({ deny: [] });
    for (const address of ['', 'localhost', '0177.0.0.1', '2130706433', '127.1', '0x7f.1', 'fe80::1%eth0', '[::1]']) {
      expect(policy.allows(address), address).toBe(false);
    }
  });

  test('agrees with the arithmetic of prefixes', () => {
    const number = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const octet = fc.integer({ min: 0, max: 255 });
    const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (range, candidate, length) => {
        const size = 2 ** (32 - length);
        const isIn = Math.floor(number(range) / size) === Math.floor(number(candidate) / size);
        expect(new PeerPolicy({ deny: [`${range}/${length}`] }).allows(candidate)).toBe(!isIn);
      }),
    );
  });

  test('an allowed range allows its embedded forms, and nothing beside', () => {
    const policy = new PeerPolicy({ allow: ['127.0.0.1'] });
    expect(policy.allows('127.0.0.1')).toBe(true);
    expect(policy.allows('::ffff:127.0.0.1')).toBe(true);
    expect(policy.allows('127.0.0.2')).toBe(false);
  });

  test('ranges are checked', () => {
    for (const range of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', 'example.org/8', '10.0.0.0/-1', '']) {
      expect(() => new PeerPolicy({ deny: [range] }), range).toThrow(TypeError);
    }
    expect(() => new PeerPolicy({ deny: Array.from({ length: 4097 }, () => '10.0.0.0/8') })).toThrow(RangeError);
    expect(DEFAULT_DENIED_PEERS.length).toBeGreaterThan(20);
  });
});
