import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../src/binary/reader.ts';

test('fields are read in order', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  expect(reader.atEnd).toBe(false);
  expect(reader.u8()).toBe(0x01);
  expect(reader.u16()).toBe(0x0203);
  expect(reader.u24()).toBe(0x040506);
  expect(reader.u32()).toBe(0x0708090a);
  expect([reader.offset, reader.remaining]).toEqual([10, 2]);
  expect(reader.take(1)).toEqual(Uint8Array.of(11));
  expect(reader.rest()).toEqual(Uint8Array.of(12));
  expect(reader.atEnd).toBe(true);
  expect(reader.rest()).toEqual(new Uint8Array(0));
  expect(reader.ok).toBe(true);
});

test('vectors stand behind their length', () => {
  const reader = new ByteReader(Uint8Array.of(1, 0xaa, 0, 2, 0xbb, 0xcc, 0, 0, 0));
  expect(reader.vector8()).toEqual(Uint8Array.of(0xaa));
  expect(reader.vector16()).toEqual(Uint8Array.of(0xbb, 0xcc));
  expect(reader.vector24()).toEqual(new Uint8Array(0));
  expect(reader.atEnd).toBe(true);
});

test('views are of the same memory, not copies', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const view = new ByteReader(bytes).take(2);
  bytes[1] = 9;
  expect(view).toEqual(Uint8Array.of(1, 9));
});

test('past the end everything is zero or empty, and ok is false for good', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  expect(reader.u32()).toBe(0);
  expect(reader.ok).toBe(false);
  expect(reader.u8()).toBe(0); // though there are three bytes
  expect(reader.take(1)).toEqual(new Uint8Array(0));
  expect(reader.rest()).toEqual(new Uint8Array(0));
  expect(reader.atEnd).toBe(false);
  expect(reader.offset).toBe(0);
});

test.each([
  ['vector8', [2, 1]],
  ['vector16', [0, 2, 1]],
  ['vector24', [0, 0, 2, 1]],
] as const)('a %s longer than what is left is empty, and not ok', (kind, bytes) => {
  const reader = new ByteReader(Uint8Array.from(bytes));
  expect(reader[kind]()).toEqual(new Uint8Array(0));
  expect(reader.ok).toBe(false);
});

test('whatever is asked of whatever bytes, it neither throws nor reads past the end', () => {
  const asks = fc.constantFrom('u8', 'u16', 'u24', 'u32', 'vector8', 'vector16', 'vector24', 'rest' as const);
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(asks), (bytes, calls) => {
      const reader = new ByteReader(bytes);
      for (const call of calls) {
        const before = reader.offset;
        const wasOk = reader.ok;
        const value = reader[call]();
        if (!reader.ok) {
          expect(typeof value === 'number' ? value : value.length).toBe(0);
        }
        expect(reader.ok && !wasOk).toBe(false);
        expect(reader.offset).toBeGreaterThanOrEqual(before);
        expect(reader.offset + reader.remaining).toBe(bytes.length);
      }
    }),
  );
});
