import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/binary/bytes.ts';
import { type DcepOpen, decodeDcep, encodeAck, encodeOpen } from '../../src/datachannel/dcep.ts';

const uint32 = fc.nat({ max: 0xffff_ffff });
const reliability: fc.Arbitrary<Pick<DcepOpen, 'maxRetransmits' | 'maxPacketLifeTime'>> = fc.oneof(
  fc.constant({}),
  fc.record({ maxRetransmits: uint32 }),
  fc.record({ maxPacketLifeTime: uint32 }),
);
/** Any Unicode text: lone surrogates have no UTF-8. */
const text = fc.string({ unit: 'binary', maxLength: 40 });
const open: fc.Arbitrary<DcepOpen> = fc
  .tuple(
    fc.record({ label: text, protocol: text, ordered: fc.boolean(), priority: fc.nat({ max: 0xffff }) }),
    reliability,
  )
  .map(([fields, limits]) => ({ kind: 'open', ...fields, ...limits }));

describe('DATA_CHANNEL_OPEN', () => {
  test('has the fields of RFC 8832 §5.1 in their places', () => {
    const bytes = encodeOpen({ label: 'chat', protocol: 'p', ordered: false, maxRetransmits: 3, priority: 512 });
    expect(toHex(bytes)).toBe(toHex(fromHex('03 81 0200 00000003 0004 0001 63686174 70')));
  });

  test.each([
    ['00', { ordered: true }],
    ['80', { ordered: false }],
    ['01', { ordered: true, maxRetransmits: 7 }],
    ['81', { ordered: false, maxRetransmits: 7 }],
    ['02', { ordered: true, maxPacketLifeTime: 7 }],
    ['82', { ordered: false, maxPacketLifeTime: 7 }],
  ])('channel type %s', (type, expected) => {
    const bytes = fromHex(`03 ${type} 0100 00000007 0000 0000`);
    expect(decodeDcep(bytes)).toEqual({ kind: 'open', label: '', protocol: '', priority: 256, ...expected });
  });

  test('round-trips', () => {
    fc.assert(fc.property(open, (message) => void expect(decodeDcep(encodeOpen(message))).toEqual(message)));
  });

  test('counts labels in bytes, not in characters', () => {
    const bytes = encodeOpen({ label: 'ラベル', protocol: '', ordered: true, priority: 256 });
    expect(bytes[9]).toBe(9);
    expect(decodeDcep(bytes)).toMatchObject({ label: 'ラベル' });
  });

  test('keeps a label that begins with U+FEFF', () => {
    const message: DcepOpen = { kind: 'open', label: '\u{feff}x', protocol: '\u{feff}', ordered: true, priority: 256 };
    expect(decodeDcep(encodeOpen(message))).toEqual(message);
  });

  test('has room for 65,535 bytes in a label and a protocol, and not for more', () => {
    const longest = 'x'.repeat(65_535);
    const message: DcepOpen = { kind: 'open', label: longest, protocol: longest, ordered: true, priority: 256 };
    expect(decodeDcep(encodeOpen(message))).toEqual(message);
    expect(() => encodeOpen({ ...message, label: `${longest}x` })).toThrow(RangeError);
    expect(() => encodeOpen({ ...message, protocol: 'ß'.repeat(32_768) })).toThrow(RangeError);
  });
});

describe('what is not well formed is null', () => {
  test.each([
    ['an empty message', ''],
    ['an unknown message type', '04'],
    ['the message types of old drafts', '00 00 0000 00000000 0000 0000'],
    ['an ACK with something behind it', '02 00'],
    ['the reserved channel type 0x7f', '03 7f 0100 00000000 0000 0000'],
    ['the reserved channel type 0xff', '03 ff 0100 00000000 0000 0000'],
    ['an unassigned channel type', '03 03 0100 00000000 0000 0000'],
    ['a label longer than the message', '03 00 0100 00000000 0002 0000 61'],
    ['a protocol longer than the message', '03 00 0100 00000000 0000 0002 61'],
    ['bytes behind the protocol', '03 00 0100 00000000 0000 0000 61'],
    ['a label that is not UTF-8', '03 00 0100 00000000 0001 0000 ff'],
    ['a label that ends within a character', '03 00 0100 00000000 0001 0001 c3a4'],
  ])('%s', (_, hex) => {
    expect(decodeDcep(fromHex(hex))).toBeNull();
  });

  test('every prefix of an OPEN', () => {
    const bytes = encodeOpen({ label: 'label', protocol: 'protocol', ordered: true, priority: 256 });
    for (let length = 0; length < bytes.length; length++) expect(decodeDcep(bytes.subarray(0, length))).toBeNull();
  });

  test('any other bytes decode to what encodes to them again, or to null', () => {
    const flipped = fc.tuple(open, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([message, at, mask]) => {
      const bytes = encodeOpen(message);
      bytes[at % bytes.length]! ^= mask;
      return bytes;
    });
    const anything = fc.uint8Array({ maxLength: 40 }).map((tail) => concatBytes(Uint8Array.of(3), tail));
    fc.assert(
      fc.property(fc.oneof(flipped, anything), (bytes) => {
        const message = decodeDcep(bytes);
        if (message?.kind !== 'open') return;
        const again = encodeOpen(message);
        if ((bytes[1]! & 0x7f) === 0) bytes.fill(0, 4, 8); // the ignored reliability parameter
        expect(again).toEqual(bytes);
      }),
    );
  });
});

test('DATA_CHANNEL_ACK is one byte', () => {
  expect([...encodeAck()]).toEqual([2]);
  expect(decodeDcep(encodeAck())).toEqual({ kind: 'ack' });
});
