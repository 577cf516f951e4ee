import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as vector from '../../fixtures/stun/rfc5769.ts';
import { concatBytes, fromHex, setU16 } from '../../src/binary/bytes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import {
  BINDING,
  isStun,
  newTransactionId,
  parseStun,
  readAddress,
  readErrorCode,
  readPasswordAlgorithms,
  readText,
  readUint32,
  readUint64,
  readUnknownAttributes,
  readUserhash,
  readXorAddress,
  STUN_ATTRIBUTE,
  type StunClass,
  type StunMessage,
  StunWriter,
  shortTermKeys,
  unknownRequiredAttributes,
  verifyFingerprint,
  verifyIntegrity,
} from '../../src/stun/index.ts';
import { stunMessageType } from '../../src/stun/message.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

const keys = shortTermKeys(nodeCrypto, vector.PASSWORD);
const id = fromHex(vector.TRANSACTION_ID);
const VECTORS = [
  vector.REQUEST,
  vector.IPV4_RESPONSE,
  vector.IPV6_RESPONSE,
  vector.LONG_TERM_REQUEST,
  vector.SHA256_REQUEST,
];

/** Every reader there is: whatever the bytes, none may throw. */
function readEverything(message: StunMessage): void {
  const { username, realm, nonce, software, priority, iceControlled, iceControlling } = STUN_ATTRIBUTE;
  for (const type of [username, realm, nonce, software]) readText(message, type);
  readUint32(message, priority);
  for (const type of [iceControlled, iceControlling]) readUint64(message, type);
  readAddress(message, STUN_ATTRIBUTE.mappedAddress);
  readXorAddress(message, STUN_ATTRIBUTE.xorMappedAddress);
  readErrorCode(message);
  readUnknownAttributes(message);
  readUserhash(message);
  readPasswordAlgorithms(message, STUN_ATTRIBUTE.passwordAlgorithm);
  readPasswordAlgorithms(message, STUN_ATTRIBUTE.passwordAlgorithms);
  unknownRequiredAttributes(message, new Set());
  verifyIntegrity(message, keys);
  verifyFingerprint(message);
}

describe('what is refused', () => {
  test('every truncation of every vector', () => {
    for (const hex of VECTORS) {
      const whole = fromHex(hex);
      for (let length = 0; length < whole.length; length++) {
        expect(isStun(whole.subarray(0, length))).toBe(false);
        expect(parseStun(whole.subarray(0, length))).toBeNull();
      }
    }
  });

  test('every single-byte flip breaks FINGERPRINT or the message, and throws nowhere', () => {
    for (const hex of [vector.REQUEST, vector.IPV4_RESPONSE, vector.IPV6_RESPONSE]) {
      const whole = fromHex(hex);
      for (let at = 0; at < whole.length; at++) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const bytes = whole.slice();
          bytes[at]! ^= flip;
          const message = parseStun(bytes);
          if (message === null) continue;
          readEverything(message);
          expect(verifyFingerprint(message), `byte ${at} ^ ${flip}`).not.toBe(true);
        }
      }
    }
  });

  test('every single-bit flip before MESSAGE-INTEGRITY breaks it', () => {
    for (const hex of [vector.REQUEST, vector.IPV4_RESPONSE]) {
      const whole = fromHex(hex);
      for (let bit = 0; bit < 8 * (whole.length - 32); bit++) {
        const bytes = whole.slice();
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const message = parseStun(bytes);
        if (message !== null) expect(verifyIntegrity(message, keys), `bit ${bit}`).toBeNull();
      }
    }
  });

  test('a header shorter than 20 bytes, a wrong cookie, top bits set, a length that is not the packet’s', () => {
    const bytes = fromHex(vector.REQUEST);
    expect(isStun(bytes)).toBe(true);
    expect(isStun(concatBytes(bytes, new Uint8Array(4)))).toBe(false);
    for (const [at, flip] of [
      [0, 0x40],
      [0, 0x80],
      [3, 0x01],
      [3, 0x04],
      [4, 0x01],
      [7, 0x80],
    ] as const) {
      const wrong = bytes.slice();
      wrong[at]! ^= flip;
      expect(isStun(wrong), `byte ${at}`).toBe(false);
    }
  });

  test('an attribute that reaches past the end', () => {
    const bytes = new StunWriter('request', BINDING, id).text(STUN_ATTRIBUTE.username, 'abcd').finish();
    setU16(bytes, 22, 5);
    expect(parseStun(bytes)).toBeNull();
    setU16(bytes, 22, 0xffff);
    expect(parseStun(bytes)).toBeNull();
  });

  test('RFC 8489 §14.7: "FINGERPRINT … MUST be the last attribute"', () => {
    const writer = new StunWriter('request', BINDING, id).fingerprint().flag(STUN_ATTRIBUTE.useCandidate);
    expect(parseStun(writer.finish())).toBeNull();
  });

  test('MESSAGE-INTEGRITY and FINGERPRINT of a wrong length', () => {
    for (const [type, length] of [
      [STUN_ATTRIBUTE.messageIntegrity, 16],
      [STUN_ATTRIBUTE.fingerprint, 8],
    ] as const) {
      expect(
        parseStun(new StunWriter('request', BINDING, id).attribute(type, new Uint8Array(length)).finish()),
      ).toBeNull();
    }
  });

  test('limits the number of attributes', () => {
    const make = (count: number): Uint8Array => {
      const writer = new StunWriter('request', BINDING, id);
      for (let i = 0; i < count; i++) writer.flag(0xc000 + i);
      return writer.finish();
    };
    expect(parseStun(make(64))?.attributes).toHaveLength(64);
    expect(parseStun(make(65))).toBeNull();
  });

  test('limits the number of attributes also behind MESSAGE-INTEGRITY, where they are not kept', () => {
    const writer = new StunWriter('request', BINDING, id).integrity(keys.sha1);
    for (let i = 0; i < 64; i++) writer.flag(0xc000);
    expect(parseStun(writer.finish())).toBeNull();
  });

  test('random bytes behind a right header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const bytes = new Uint8Array(20 + (body.length & ~3));
        bytes.set(fromHex(vector.REQUEST).subarray(0, 20));
        bytes.set(body.subarray(0, body.length & ~3), 20);
        setU16(bytes, 2, bytes.length - 20);
        const message = parseStun(bytes);
        if (message !== null) readEverything(message);
      }),
    );
  });
});

describe('what integrity covers', () => {
  test('RFC 8489 §9: "agents MUST ignore all attributes that follow MESSAGE-INTEGRITY"', () => {
    const bytes = new StunWriter('request', BINDING, id)
      .text(STUN_ATTRIBUTE.username, 'a:b')
      .integrity(keys.sha1)
      .flag(STUN_ATTRIBUTE.useCandidate)
      .fingerprint()
      .finish();
    const message = parseStun(bytes)!;
    expect(verifyIntegrity(message, keys)).toBe('sha1');
    expect(verifyFingerprint(message)).toBe(true);
    expect(message.attributes.map(({ type }) => type)).not.toContain(STUN_ATTRIBUTE.useCandidate);
  });

  test('RFC 8489 §9: nothing but FINGERPRINT is read behind MESSAGE-INTEGRITY-SHA256', () => {
    const writer = new StunWriter('request', BINDING, id).integrity(keys.sha256).flag(STUN_ATTRIBUTE.useCandidate);
    const message = parseStun(writer.integrity(keys.sha1).fingerprint().finish())!;
    const { messageIntegritySha256, fingerprint } = STUN_ATTRIBUTE;
    expect(message.attributes.map(({ type }) => type)).toEqual([messageIntegritySha256, fingerprint]);
  });

  test('RFC 8489 §9.1.3: with both HMACs there, the SHA-256 one decides', () => {
    const other = shortTermKeys(nodeCrypto, 'another password of 22');
    const both = (sha1: typeof keys, sha256: typeof keys): StunMessage =>
      parseStun(new StunWriter('request', BINDING, id).integrity(sha1.sha1).integrity(sha256.sha256).finish())!;
    expect(verifyIntegrity(both(keys, keys), keys)).toBe('sha256');
    expect(verifyIntegrity(both(other, keys), keys)).toBe('sha256');
    expect(verifyIntegrity(both(keys, other), keys)).toBeNull();
  });

  test('RFC 8489 §14.6: a truncated SHA-256 tag is not taken', () => {
    const full = new StunWriter('request', BINDING, id).integrity(keys.sha256).finish();
    const cut = new StunWriter('request', BINDING, id).attribute(
      STUN_ATTRIBUTE.messageIntegritySha256,
      full.slice(24, 40),
    );
    expect(verifyIntegrity(parseStun(cut.finish())!, keys)).toBeNull();
  });
});

describe('round trips', () => {
  const address = fc.oneof(fc.ipV4(), fc.constantFrom('::', '::1', '2001:db8::1', 'fe80::1:2', '::ffff:192.0.2.1'));

  test('every class and method', () => {
    const classes: StunClass[] = ['request', 'indication', 'success', 'error'];
    for (const messageClass of classes) {
      for (let method = 0; method < 0x1000; method += 7) {
        const message = parseStun(new StunWriter(messageClass, method, id).finish())!;
        expect([message.messageClass, message.method]).toEqual([messageClass, method]);
      }
    }
    // RFC 8489 §5: the two examples
    expect([stunMessageType('request', BINDING), stunMessageType('success', BINDING)]).toEqual([0x0001, 0x0101]);
  });

  test('addresses, plain and exclusive-ored', () => {
    fc.assert(
      fc.property(
        address,
        fc.nat(65535),
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        (text, port, transactionId) => {
          const writer = new StunWriter('success', BINDING, transactionId)
            .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, { address: text, port })
            .address(STUN_ATTRIBUTE.mappedAddress, { address: text, port });
          const message = parseStun(writer.finish())!;
          expect(readXorAddress(message, STUN_ATTRIBUTE.xorMappedAddress)).toEqual({ address: text, port });
          expect(readAddress(message, STUN_ATTRIBUTE.mappedAddress)).toEqual({ address: text, port });
        },
      ),
    );
  });

  test('texts, numbers, errors, lists and unknown attributes', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    const type = fc.integer({ min: 0xc000, max: 0xffff });
    const code = fc.integer({ min: 300, max: 699 });
    fc.assert(
      fc.property(text, fc.nat(0xffffffff), code, fc.array(fc.nat(0xffff)), type, fc.uint8Array(), (...values) => {
        const [words, number, error, list, unknownType, unknownValue] = values;
        const writer = new StunWriter('error', BINDING, id)
          .text(STUN_ATTRIBUTE.username, words)
          .uint32(STUN_ATTRIBUTE.priority, number)
          .errorCode(error, words)
          .unknownAttributes(list)
          .attribute(unknownType, unknownValue)
          .integrity(keys.sha1)
          .fingerprint();
        const message = parseStun(writer.finish())!;
        expect(readText(message, STUN_ATTRIBUTE.username)).toBe(words);
        expect(readUint32(message, STUN_ATTRIBUTE.priority)).toBe(number);
        expect(readErrorCode(message)).toEqual({ code: error, reason: words });
        expect(readUnknownAttributes(message)).toEqual(list);
        expect(message.attributes.find((attribute) => attribute.type === unknownType)?.value).toEqual(unknownValue);
        expect(verifyIntegrity(message, keys)).toBe('sha1');
        expect(verifyFingerprint(message)).toBe(true);
      }),
    );
  });

  test('PASSWORD-ALGORITHMS with and without parameters', () => {
    const algorithms = [1, 2, 3].map((algorithm) => ({ algorithm, parameters: new Uint8Array(algorithm - 1).fill(7) }));
    const { passwordAlgorithms, passwordAlgorithm } = STUN_ATTRIBUTE;
    const message = parseStun(
      new StunWriter('request', BINDING, id).passwordAlgorithms(passwordAlgorithms, algorithms).finish(),
    )!;
    expect(readPasswordAlgorithms(message, passwordAlgorithms)).toEqual(algorithms);
    expect(readPasswordAlgorithms(message, passwordAlgorithm)).toBeNull();
  });

  test('RFC 8489 §6.3.1: unknown comprehension-required attributes are named once, the others ignored', () => {
    const writer = new StunWriter('request', BINDING, id).flag(0x7f01).flag(0xc057).flag(0x7f01).flag(0x0003);
    const message = parseStun(writer.text(STUN_ATTRIBUTE.username, 'a:b').finish())!;
    expect(unknownRequiredAttributes(message, new Set([STUN_ATTRIBUTE.username]))).toEqual([0x7f01, 0x0003]);
  });
});

describe('mistakes of the caller', () => {
  test('are told precisely', () => {
    expect(() => new StunWriter('request', BINDING, new Uint8Array(16))).toThrow(/12 bytes, got 16/);
    const writer = new StunWriter('request', BINDING, id);
    expect(() => writer.text(STUN_ATTRIBUTE.username, 'x'.repeat(509))).toThrow(/at most 508 bytes, got 509/);
    expect(() => writer.errorCode(200, 'OK')).toThrow(/300 to 699, got 200/);
    expect(() => writer.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, { address: 'example.org', port: 1 })).toThrow(
      /IP literal, got "example.org"/,
    );
    expect(() => writer.attribute(0x8000, new Uint8Array(65536))).toThrow(RangeError);
  });
});

test('RFC 8489 §5: transaction ids come from the random source, 96 bits each', () => {
  const random = seededRandom(1);
  const ids = new Set(Array.from({ length: 100 }, () => newTransactionId(random).join()));
  expect(ids.size).toBe(100);
  expect(newTransactionId(random)).toHaveLength(12);
});
