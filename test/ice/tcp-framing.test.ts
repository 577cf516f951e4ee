import { expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../src/binary/bytes.ts';
import { framePacket, MAX_FRAMED_LENGTH, PacketDeframer } from '../../src/ice/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

function deframe(chunks: readonly Uint8Array[]): Uint8Array[] {
  const deframer = new PacketDeframer();
  const packets: Uint8Array[] = [];
  for (const chunk of chunks) deframer.push(chunk.slice(), (packet) => packets.push(packet));
  return packets;
}

test('RFC 4571 §2: a packet stands behind its length', () => {
  expect(framePacket(Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(0, 3, 1, 2, 3));
  expect(framePacket(new Uint8Array(MAX_FRAMED_LENGTH)).subarray(0, 2)).toEqual(Uint8Array.of(0xff, 0xff));
  expect(() => framePacket(new Uint8Array(MAX_FRAMED_LENGTH + 1))).toThrow(RangeError);
});

test('packets come out whole, however the stream is cut', () => {
  const random = seededRandom(3);
  const sizes = [1, 3, 20, 1200, 65_535, 0, 1200, 2, 100];
  const packets = sizes.map((size) => {
    const packet = new Uint8Array(size);
    random.fill(packet);
    return packet;
  });
  const stream = concatBytes(...packets.map(framePacket));
  const whole = packets.filter(({ length }) => length > 0);
  for (const step of [1, 2, 3, 7, 500, 1_203, 40_000, stream.length]) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step) chunks.push(stream.subarray(at, at + step));
    const packets = deframe(chunks);
    expect(packets.length).toBe(whole.length);
    expect(packets.every((packet, i) => equalBytes(packet, whole[i]!))).toBe(true);
  }
});

test('a packet may be overwritten by whoever it was given to', () => {
  const deframer = new PacketDeframer();
  const packets: number[][] = [];
  const stream = concatBytes(
    framePacket(Uint8Array.of(1, 1)),
    framePacket(Uint8Array.of(2, 2)),
    framePacket(Uint8Array.of(3, 3)),
  );
  for (const chunk of [stream.slice(0, 3), stream.slice(3, 7), stream.slice(7, 11), stream.slice(11)]) {
    deframer.push(chunk, (packet) => {
      packets.push([...packet]);
      packet.fill(0xff);
    });
  }
  expect(packets).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});
