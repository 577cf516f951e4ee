import { describe, expect, test } from 'vitest';
import { RoomKey } from '../../src/signaling/index.ts';

describe('RoomKey', () => {
  test.each([
    ['abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'], // RFC 3174 §7.3
    ['', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['lobby', '6dc57172bc0a4be0aca7c20783625d72fce90b5e'],
    ['Grüße 👋', 'e2c2ed631f38ffe95ab5df5c26458f2d969ca3ee'],
  ])('of %j is the SHA-1 of its UTF-8', (name, hex) => {
    expect(RoomKey.fromString(name).toHex()).toBe(hex);
  });

  test('of a name is of exactly that name: no trimming, no change of case, no normalisation', () => {
    const names = ['Lobby', 'lobby', 'lobby ', ' lobby', 'caf\u00e9', 'cafe\u0301'];
    expect(new Set(names.map((name) => RoomKey.fromString(name).toHex())).size).toBe(names.length);
  });

  test('of a GUID has .NET byte order, then four zeros', () => {
    const hex = '33221100554477668899aabbccddeeff00000000';
    expect(RoomKey.fromGuid('00112233-4455-6677-8899-aabbccddeeff').toHex()).toBe(hex);
    expect(RoomKey.fromGuid('{00112233-4455-6677-8899-AABBCCDDEEFF}').toHex()).toBe(hex);
  });

  test('goes to bytes, hexadecimal and binary string and back', () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, i) => (i * 37 + 0x7d) & 0xff);
    const key = RoomKey.fromBytes(bytes);
    expect(key.toBytes()).toEqual(bytes);
    for (const same of [
      RoomKey.fromHex(key.toHex()),
      RoomKey.fromHex(key.toHex().toUpperCase()),
      RoomKey.fromWire(key.toWire()),
    ]) {
      expect(same.equals(key)).toBe(true);
    }
    expect(key.equals(RoomKey.random())).toBe(false);
    expect(`${key}`).toBe(key.toHex());
  });

  test('keeps no view of the bytes it was made of, and gives none away', () => {
    const bytes = new Uint8Array(20);
    const key = RoomKey.fromBytes(bytes);
    bytes[0] = 1;
    key.toBytes()[1] = 1;
    expect(key.toHex()).toBe('00'.repeat(20));
  });

  test.each([
    ['fromBytes', new Uint8Array(19)],
    ['fromBytes', new Uint8Array(21)],
    ['fromHex', '00'.repeat(19)],
    ['fromHex', `${'00'.repeat(19)}0g`],
    ['fromWire', 'a'.repeat(19)],
    ['fromWire', `${'a'.repeat(19)}\u0100`],
    ['fromGuid', '00112233445566778899aabbccddeeff'],
    ['fromGuid', '00112233-4455-6677-8899-aabbccddeefg'],
  ] as const)('%s refuses %j', (make, value) => {
    expect(() => RoomKey[make](value as never)).toThrow(RangeError);
  });
});
