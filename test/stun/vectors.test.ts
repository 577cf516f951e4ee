import { describe, expect, test } from 'vitest';
import * as vector from '../../fixtures/stun/rfc5769.ts';
import { fromHex, setU16, toHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import {
  BINDING,
  findAttribute,
  type IntegrityKeys,
  parseStun,
  readPasswordAlgorithms,
  readText,
  readUint32,
  readUint64,
  readUserhash,
  readXorAddress,
  STUN_ATTRIBUTE,
  StunWriter,
  shortTermKeys,
  verifyFingerprint,
  verifyIntegrity,
} from '../../src/stun/index.ts';
import { integrityTag } from '../../src/stun/integrity.ts';

describe.each([nodeCrypto, nobleCrypto])('with the $name provider', (crypto) => {
  const keys = shortTermKeys(crypto, vector.PASSWORD);

  test('RFC 5769 §2.1: sample request', () => {
    const message = parseStun(fromHex(vector.REQUEST))!;
    expect(message.messageClass).toBe('request');
    expect(message.method).toBe(BINDING);
    expect(message.transactionId).toEqual(fromHex(vector.TRANSACTION_ID));
    expect(readText(message, STUN_ATTRIBUTE.software)).toBe('STUN test client');
    expect(readUint32(message, STUN_ATTRIBUTE.priority)).toBe(0x6e0001ff);
    expect(readUint64(message, STUN_ATTRIBUTE.iceControlled)).toEqual(fromHex('932ff9b151263b36'));
    expect(readText(message, STUN_ATTRIBUTE.username)).toBe(vector.USERNAME);
    expect(verifyIntegrity(message, keys)).toBe('sha1');
    expect(verifyFingerprint(message)).toBe(true);
  });

  test.each([
    ['RFC 5769 §2.2: sample IPv4 response', vector.IPV4_RESPONSE, '192.0.2.1'],
    ['RFC 5769 §2.3: sample IPv6 response', vector.IPV6_RESPONSE, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s', (_, hex, address) => {
    const message = parseStun(fromHex(hex))!;
    expect(message.messageClass).toBe('success');
    expect(readText(message, STUN_ATTRIBUTE.software)).toBe('test vector');
    expect(readXorAddress(message, STUN_ATTRIBUTE.xorMappedAddress)).toEqual({ address, port: 32853 });
    expect(verifyIntegrity(message, keys)).toBe('sha1');
    expect(verifyFingerprint(message)).toBe(true);
  });

  test('RFC 5769 §2.4: sample request with long-term authentication', () => {
    const message = parseStun(fromHex(vector.LONG_TERM_REQUEST))!;
    expect(readText(message, STUN_ATTRIBUTE.username)).toBe(vector.LONG_TERM.username);
    expect(readText(message, STUN_ATTRIBUTE.realm)).toBe(vector.LONG_TERM.realm);
    expect(readText(message, STUN_ATTRIBUTE.nonce)).toBe('f//499k954d6OL34oL9FSTvy64sA');
    expect(verifyIntegrity(message, longTermKeys(crypto, 'md5'))).toBe('sha1');
    expect(verifyFingerprint(message)).toBeNull();
  });

  test('RFC 8489 B.1 as corrected: MESSAGE-INTEGRITY-SHA256 and USERHASH', () => {
    const message = parseStun(fromHex(vector.SHA256_REQUEST))!;
    const { username, realm } = vector.LONG_TERM;
    expect(readUserhash(message)).toEqual(crypto.hash('sha256', utf8(`${username}:${realm}`)));
    expect(readText(message, STUN_ATTRIBUTE.nonce)).toBe('obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA');
    expect(readPasswordAlgorithms(message, STUN_ATTRIBUTE.passwordAlgorithm)).toEqual([
      { algorithm: 2, parameters: new Uint8Array(0) },
    ]);
    expect(verifyIntegrity(message, longTermKeys(crypto, 'sha256'))).toBe('sha256');
  });

  test('RFC 8489 B.1 as printed: its length does not fit its attributes, its HMAC covers that length', () => {
    const printed = fromHex(vector.SHA256_REQUEST_AS_PRINTED);
    expect(parseStun(printed)).toBeNull();
    setU16(printed, 2, printed.length - 20);
    const { offset, value } = findAttribute(parseStun(printed)!, STUN_ATTRIBUTE.messageIntegritySha256)!;
    const key = longTermKeys(crypto, 'sha256').sha256;
    expect(integrityTag(printed, offset, key)).not.toEqual(value);
    setU16(printed, 2, 0x9c);
    expect(key.sign(printed.subarray(0, offset))).toEqual(value);
  });

  test('the writer makes the bytes of RFC 5769 §2.2 but for the padding, which the RFC wants zero', () => {
    const writer = new StunWriter('success', BINDING, fromHex(vector.TRANSACTION_ID))
      .text(STUN_ATTRIBUTE.software, 'test vector')
      .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, { address: '192.0.2.1', port: 32853 })
      .integrity(keys.sha1)
      .fingerprint();
    const bytes = writer.finish();
    const expected = fromHex(vector.IPV4_RESPONSE);
    expect(bytes[35]).toBe(0);
    expect(toHex(bytes.subarray(0, 35))).toBe(toHex(expected.subarray(0, 35)));
    expect(toHex(bytes.subarray(36, 52))).toBe(toHex(expected.subarray(36, 52)));
    expect(verifyIntegrity(parseStun(bytes)!, keys)).toBe('sha1');
  });
});

/** RFC 8489 §9.2.2: the hash of username ":" realm ":" password. */
function longTermKeys(crypto: CryptoProvider, hash: 'md5' | 'sha256'): IntegrityKeys {
  const { username, realm, password } = vector.LONG_TERM;
  const key = crypto.hash(hash, utf8(`${username}:${realm}:${password}`));
  return { sha1: crypto.hmac('sha1', key), sha256: crypto.hmac('sha256', key) };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
