import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../src/binary/reader.ts';
import { ByteWriter } from '../../src/binary/writer.ts';

test('what is written is read, through any growth of the buffer', () => {
  const field = fc.oneof(
    fc.tuple(fc.constant('u8' as const), fc.nat(0xff)),
    fc.tuple(fc.constant('u16' as const), fc.nat(0xffff)),
    fc.tuple(fc.constant('u24' as const), fc.nat(0xff_ffff)),
    fc.tuple(fc.constant('u32' as const), fc.integer({ min: 0, max: 0xffff_ffff })),
  );
  fc.assert(
    fc.property(fc.array(field), fc.nat(8), (fields, capacity) => {
      const writer = new ByteWriter(capacity);
      for (const [kind, value] of fields) writer[kind](value);
      const bytes = writer.finish();
      expect(bytes.length).toBe(writer.length);
      const reader = new ByteReader(bytes);
      for (const [kind, value] of fields) expect(reader[kind]()).toBe(value);
      expect(reader.atEnd).toBe(true);
    }),
  );
});

test('vectors nest, and their lengths are filled in behind them', () => {
  const writer = new ByteWriter(1);
  writer.vector24((outer) => {
    outer.u8(1).vector16((inner) => inner.bytes(Uint8Array.of(2, 3)).vector8(() => {}));
  });
  expect(writer.finish()).toEqual(Uint8Array.of(0, 0, 6, 1, 0, 3, 2, 3, 0));
});

test('a vector too long for its length is a RangeError', () => {
  expect(() => new ByteWriter().vector8((writer) => writer.bytes(new Uint8Array(256)))).toThrow(RangeError);
  expect(() => new ByteWriter().vector16((writer) => writer.bytes(new Uint8Array(65_536)))).toThrow(RangeError);
  expect(new ByteWriter().vector8((writer) => writer.bytes(new Uint8Array(255))).length).toBe(256);
});

test('finish gives a copy, and the writer goes on', () => {
  const writer = new ByteWriter().u8(1);
  const first = writer.finish();
  expect(writer.u8(2).finish()).toEqual(Uint8Array.of(1, 2));
  expect(first).toEqual(Uint8Array.of(1));
});
