import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nobleCrypto } from '../../../src/crypto/noble.ts';
import {
  decodeFrame,
  encodeFrame,
  FRAME_VERSION,
  type Frame,
  MAX_FRAME_BYTES,
} from '../../../src/server/cluster/frame.ts';
import { deriveClusterKeys, Subjects } from '../../../src/server/cluster/subjects.ts';

const { frames: key, rooms: roomKey } = deriveClusterKeys(nobleCrypto, 'a key for these tests');
const { frames: otherKey } = deriveClusterKeys(nobleCrypto, 'another key of a cluster');
const SUBJECT = 'purertc.n.1';

const id = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes));
const count = fc.maxSafeNat();
const sent = { node: fc.string(), sequence: count };
const rooms = fc.array(
  fc
    .tuple(fc.string(), count, count)
    .map(([room, a, b]) => ({ room, members: Math.max(a, b), seeders: Math.min(a, b) })),
);
const offers = fc.array(fc.record({ offerId: id, sdp: fc.string({ unit: 'grapheme' }) }), { maxLength: 10 });
const common = { room: fc.string(), peerId: id, connection: count };
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constantFrom('heartbeat' as const, 'bye' as const), ...sent }),
  fc.record({ kind: fc.constantFrom('hello' as const, 'digest' as const), ...sent, rooms }),
  fc.record({ kind: fc.constant('deliver' as const), ...sent, ...common, met: fc.array(count), offers }),
  fc.record({ kind: fc.constant('answer' as const), ...sent, ...common, from: count, offerId: id, sdp: fc.string() }),
);
const DELIVER: Frame = {
  kind: 'deliver',
  node: 'a',
  sequence: 7,
  room: 'r',
  peerId: 'p'.repeat(20),
  connection: 3,
  met: [1, 2],
  offers: [{ offerId: 'o'.repeat(20), sdp: 'v=0\r\n' }],
};

describe('frames', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(frame, (value) => {
        expect(decodeFrame(key, SUBJECT, encodeFrame(key, SUBJECT, value))).toEqual(value);
      }),
    );
  });

  test('are not taken with any bit flipped, cut short, under another key or on another subject', () => {
    const bytes = encodeFrame(key, SUBJECT, DELIVER);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeFrame(key, SUBJECT, flipped)).toBe(bit < 8 ? 'version' : 'tag');
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeFrame(key, SUBJECT, bytes.subarray(0, length))).toBe(length < 18 ? 'malformed' : 'tag');
    }
    expect(decodeFrame(otherKey, SUBJECT, bytes)).toBe('tag');
    expect(decodeFrame(key, `${SUBJECT}2`, bytes)).toBe('tag');
    expect(decodeFrame(key, SUBJECT, bytes)).toEqual(DELIVER);
  });

  test('of another version and too large ones are not looked into', () => {
    const bytes = encodeFrame(key, SUBJECT, DELIVER);
    bytes[0] = FRAME_VERSION + 1;
    expect(decodeFrame(key, SUBJECT, bytes)).toBe('version');
    expect(decodeFrame(key, SUBJECT, new Uint8Array(MAX_FRAME_BYTES + 1))).toBe('oversized');
  });

  test('of a node that knows the key and sends nonsense never throw', () => {
    fc.assert(
      fc.property(fc.nat({ max: 255 }), fc.json(), (type, json) => {
        const body = new TextEncoder().encode(json);
        const bytes = new Uint8Array([FRAME_VERSION, type, ...body, ...new Uint8Array(16)]);
        const tag = key.sign(new TextEncoder().encode(`${SUBJECT}\0`), bytes.subarray(0, bytes.length - 16));
        bytes.set(tag.subarray(0, 16), bytes.length - 16);
        const read = decodeFrame(key, SUBJECT, bytes);
        expect(typeof read === 'object' || read === 'malformed').toBe(true);
      }),
    );
  });
});

test('a cluster key has 16 bytes or more', () => {
  expect(() => deriveClusterKeys(nobleCrypto, 'fifteen bytes..')).toThrow(RangeError);
});

test('a room has one name and one subject on the bus, which do not show its key', () => {
  const room = '\xff'.padStart(20, '\0');
  const subjects = new Subjects('purertc', roomKey, 0);
  const { name, subject } = subjects.room(room);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(subject).toBe(`purertc.r.${name}`);
  expect(new Subjects('purertc', roomKey, 0).room(room)).toEqual({ name, subject });
  expect(new Subjects('purertc', roomKey, 16).room(room).subject).toMatch(/^purertc\.b\.\d+$/);
});
