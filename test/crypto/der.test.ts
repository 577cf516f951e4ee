import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/binary/bytes.ts';
import { DER, DerReader, encodeDer } from '../../src/crypto/der.ts';
import { parsePrivateKey, parsePublicKey } from '../../src/crypto/key-data.ts';
import { parseCertificate } from '../../src/crypto/x509.ts';

const read = (...bytes: readonly number[]) => new DerReader(Uint8Array.from(bytes)).element();

describe('DER', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(DER)),
        fc.oneof(fc.nat(300), fc.integer({ min: 65_500, max: 65_600 })),
        (tag, length) => {
          const content = new Uint8Array(length).fill(length);
          const reader = new DerReader(encodeDer(tag, content.subarray(0, length >> 1), content.subarray(length >> 1)));
          expect(reader.nextTag).toBe(tag);
          expect(equalBytes(reader.element()!.content, content)).toBe(true);
          expect(reader.atEnd).toBe(true);
          expect(reader.element()).toBe(null);
        },
      ),
    );
    expect(() => encodeDer(DER.octetString, new Uint8Array(2 ** 24))).toThrow(RangeError);
  });

  test('X.690 §10.1: a length in any but its shortest form is refused', () => {
    expect(read(0x04, 0x01, 7)).not.toBe(null);
    expect(read(0x04, 0x81, 0x01, 7)).toBe(null);
    expect(read(0x04, 0x82, 0x00, 0x80, ...new Array(128).fill(0))).toBe(null);
    expect(read(0x04, 0x80, 0, 0)).toBe(null); // indefinite
    expect(read(0x04, 0x84, 0, 0, 0, 1, 7)).toBe(null);
    expect(read(0x04, 0xff)).toBe(null);
  });

  test('a tag of more than one byte, and what ends too early, is refused', () => {
    expect(read(0x1f, 0x01, 7)).toBe(null);
    expect(read()).toBe(null);
    expect(read(0x04)).toBe(null);
    expect(read(0x04, 0x02, 7)).toBe(null);
    expect(read(0x04, 0x82, 0x01)).toBe(null);
  });

  test('X.690 §8.3: integers are not negative, and have no needless zeros', () => {
    const unsigned = (...content: readonly number[]) =>
      new DerReader(encodeDer(DER.integer, Uint8Array.from(content))).unsigned();
    expect(unsigned(0)).toEqual(Uint8Array.of());
    expect(unsigned(1)).toEqual(Uint8Array.of(1));
    expect(unsigned(0, 0x80)).toEqual(Uint8Array.of(0x80));
    expect(unsigned()).toBe(null);
    expect(unsigned(0x80)).toBe(null);
    expect(unsigned(0, 0x7f)).toBe(null);
    expect(unsigned(0, 0)).toBe(null);
  });

  test('a bit string of whole bytes', () => {
    const bits = (...content: readonly number[]) =>
      new DerReader(encodeDer(DER.bitString, Uint8Array.from(content))).bits();
    expect(bits(0, 1, 2)).toEqual(Uint8Array.of(1, 2));
    expect(bits(4, 1, 2)).toBe(null);
    expect(bits()).toBe(null);
  });

  test('a reader stays where it is when the next element is another one', () => {
    const reader = new DerReader(encodeDer(DER.null));
    expect(reader.sequence()).toBe(null);
    expect(reader.read(DER.null)).toEqual(Uint8Array.of());
  });

  test('no parser throws, whatever the bytes', () => {
    const element: fc.Arbitrary<Uint8Array> = fc.letrec<{ element: Uint8Array }>((tie) => ({
      element: fc.oneof(
        { maxDepth: 5 },
        fc.uint8Array({ maxLength: 40 }),
        fc
          .tuple(fc.constantFrom(...Object.values(DER)), fc.array(tie('element'), { maxLength: 8 }))
          .map(([tag, parts]) => encodeDer(tag, ...parts)),
      ),
    })).element;
    fc.assert(
      fc.property(element, (bytes) => {
        parsePublicKey(bytes);
        parsePrivateKey(bytes);
        parseCertificate(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});
