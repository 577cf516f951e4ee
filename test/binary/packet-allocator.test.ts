import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketAllocator } from '../../src/binary/packet-allocator.ts';

test('packets have the length asked for, are zero, and do not overlap', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(400), { maxLength: 60 }), (lengths) => {
      const allocator = new PacketAllocator(1024);
      const packets = lengths.map((length) => allocator.allocate(length));
      packets.forEach((packet, i) => {
        expect(packet.length).toBe(lengths[i]);
        expect(packet.every((byte) => byte === 0)).toBe(true);
        packet.fill(i + 1);
      });
      packets.forEach((packet, i) => {
        expect(packet.every((byte) => byte === i + 1)).toBe(true);
      });
    }),
  );
});

test('small packets share a slab; one above a quarter of it has memory of its own', () => {
  const allocator = new PacketAllocator(1024);
  const [one, other, large] = [allocator.allocate(256), allocator.allocate(256), allocator.allocate(257)];
  expect(one.buffer).toBe(other.buffer);
  expect(large.buffer.byteLength).toBe(257);
});
