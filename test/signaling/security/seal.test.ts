import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../../../src/binary/base64url.ts';
import { fromHex } from '../../../src/binary/bytes.ts';
import { RoomKey } from '../../../src/signaling/room-key.ts';
import { MAX_SDP_BYTES, MAX_SEEN_NONCES, RoomSeal, type SealContext } from '../../../src/signaling/security/seal.ts';
import { encodeAnnounce, encodeAnswer, encodeRelayed, wireIdFromHex } from '../../../src/signaling/wire.ts';
import { seededRandom } from '../../crypto/seeded-random.ts';
import { vectors } from './vectors.ts';

const NOW = Date.UTC(2026, 10, 23);
const MINUTE = 60_000;
const KEY = new Uint8Array(32).fill(9);
const roomKey = RoomKey.fromString('tea');
/** Ids of which every byte takes two in JSON's UTF-8: the longest there are. */
const [alice, bob, carol, offerId, otherId] = [0xa1, 0xb2, 0xc3, 0xd4, 0xe5].map((byte) =>
  wireIdFromHex(byte.toString(16).repeat(20)),
) as [string, string, string, string, string];
const offer: SealContext = { kind: 'offer', roomKey, offerId, from: alice };
const answer: SealContext = { kind: 'answer', roomKey, offerId, from: bob, to: alice };

let seed = 0;
const member = (key = KEY): RoomSeal => new RoomSeal(key, seededRandom(seed++));

/** fixtures/sdp as they are on the wire: what browsers and others say, up to a call with everything in it. */
const fixtures = new URL('../../../fixtures/sdp/', import.meta.url);
const descriptions = readdirSync(fixtures, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sdp'))
  .map((name) => ({ name, sdp: readFileSync(new URL(name, fixtures), 'utf8').replaceAll('\n', '\r\n') }));

describe('sealed descriptions', () => {
  it.each(vectors.seals)('of OpenSSL and zlib open, an $kind', (vector) => {
    const context: SealContext = {
      kind: vector.kind,
      roomKey: RoomKey.fromHex(vector.roomKey),
      offerId: wireIdFromHex(vector.offerId),
      from: wireIdFromHex(vector.from),
      ...(vector.to !== undefined && { to: wireIdFromHex(vector.to) }),
    };
    expect(new RoomSeal(fromHex(vector.sealKey)).open(vector.text, context, vector.time)).toBe(vector.sdp);
  });

  it('open with OpenSSL and zlib', () => {
    const nonce = new Uint8Array(12).fill(3);
    const { sdp } = descriptions[0]!;
    const text = new RoomSeal(KEY, { fill: (target) => target.set(nonce) }).seal(sdp, answer, NOW);
    const bytes = Buffer.from(text.slice('v1.'.length), 'base64url');
    expect(bytes.subarray(0, 12)).toEqual(Buffer.from(nonce));
    const cipher = createDecipheriv('aes-256-gcm', KEY, nonce);
    cipher.setAAD(Buffer.from(`purertc/v1/seal\x02${roomKey.toWire()}${offerId}${bob}${alice}`, 'latin1'));
    cipher.setAuthTag(bytes.subarray(-16));
    const content = Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]);
    expect(content.readUIntBE(0, 6)).toBe(NOW);
    const end = 8 + content.readUInt16BE(6);
    expect(inflateRawSync(content.subarray(8, end)).toString()).toBe(sdp);
    expect(content.subarray(end).every((byte) => byte === 0)).toBe(true);
    expect(content.length % 512).toBe(0);
  });

  it('come out as they went in, whatever they say', () => {
    const [one, other] = [member(), member()];
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 1500 }), (sdp) => {
        expect(other.open(one.seal(sdp, offer, NOW), offer, NOW)).toBe(sdp);
        expect(one.open(other.seal(sdp, answer, NOW), answer, NOW)).toBe(sdp);
      }),
    );
  });

  it.each(descriptions)('hold $name, and say nothing of it but its length in steps of 512 bytes', ({ sdp }) => {
    const text = member().seal(sdp, offer, NOW);
    expect(member().open(text, offer, NOW)).toBe(sdp);
    expect(text).toMatch(/^v1\.[\w-]+$/); // ASCII without quotes: every tracker passes it on as it is
    expect((fromBase64Url(text.slice(3))!.length - 12 - 16) % 512).toBe(0);
    expect(member().seal(sdp, offer, NOW)).not.toBe(text);
  });

  it('fit an announce of 15 KiB: five of any call of a browser, or the longest there may be', () => {
    const announce = (...sdps: string[]): number =>
      Buffer.byteLength(
        encodeAnnounce({
          infoHash: wireIdFromHex('ff'.repeat(20)),
          peerId: alice,
          event: 'started',
          numwant: null,
          left: null,
          offers: sdps.map((sdp) => ({ offerId, sdp: member().seal(sdp, offer, NOW) })),
          trackerId: 'x'.repeat(40),
          extension: true,
          token: 'x'.repeat(300),
        }),
      );
    const data = descriptions.find(({ name }) => name === 'chromium-data-offer.sdp')!.sdp;
    expect(announce(data, data, data, data, data)).toBeLessThan(5 * 1024);
    for (const { sdp } of descriptions) expect(announce(sdp, sdp, sdp, sdp, sdp)).toBeLessThan(15 * 1024);
    // Six bits of chance in each letter: as good as incompressible, and cut until it can be sealed.
    const noise = new Uint8Array(14_000);
    seededRandom(1).fill(noise);
    let longest = Array.from(noise, (byte) => String.fromCharCode(0x30 + (byte & 63))).join('');
    expect(() => member().seal(longest, offer, NOW)).toThrow(RangeError);
    for (let sealed = false; !sealed; ) {
      longest = longest.slice(0, -16);
      try {
        sealed = member().seal(longest, offer, NOW) !== '';
      } catch {
        expect(longest.length).toBeGreaterThan(12_000);
      }
    }
    expect(announce(longest)).toBeGreaterThan(13 * 1024);
    expect(announce(longest)).toBeLessThan(15 * 1024);
    expect(member().open(member().seal(longest, offer, NOW), offer, NOW)).toBe(longest);
    const even = 'x'.repeat(MAX_SDP_BYTES);
    expect(member().open(member().seal(even, offer, NOW), offer, NOW)).toBe(even);
    expect(() => member().seal(`${even}x`, offer, NOW)).toThrow(RangeError);
  });

  it('are refused to callers that leave out what they are bound to', () => {
    expect(() => member().seal('v=0', { kind: 'answer', roomKey, offerId, from: bob }, NOW)).toThrow(TypeError);
    expect(() => member().seal('v=0', { ...offer, from: 'short' }, NOW)).toThrow(TypeError);
    expect(() => new RoomSeal(new Uint8Array(16))).toThrow(RangeError);
  });

  it('hold no bombs: a member that packs more than a description may be has sealed nothing', () => {
    const pack = (content: Uint8Array): string => {
      const packed = Buffer.alloc(10_240);
      packed.writeUIntBE(NOW, 0, 6);
      packed.writeUInt16BE(content.length, 6);
      packed.set(content, 8);
      const nonce = Buffer.alloc(12, seed++);
      const cipher = createCipheriv('aes-256-gcm', KEY, nonce);
      cipher.setAAD(Buffer.from(`purertc/v1/seal\x01${roomKey.toWire()}${offerId}${alice}`, 'latin1'));
      const sealed = Buffer.concat([nonce, cipher.update(packed), cipher.final(), cipher.getAuthTag()]);
      return `v1.${sealed.toString('base64url')}`;
    };
    const open = (content: Uint8Array): string | null => member().open(pack(content), offer, NOW);
    expect(open(deflateRawSync(Buffer.alloc(65_536, 'x')))).toHaveLength(65_536);
    expect(open(deflateRawSync(Buffer.alloc(65_537, 'x')))).toBeNull();
    expect(open(deflateRawSync(Buffer.alloc(9_000_000, 'x')))).toBeNull();
    expect(open(deflateRawSync(Buffer.from('v=0')).subarray(0, 3))).toBeNull();
    expect(open(Buffer.alloc(40, 0xff))).toBeNull();
    expect(open(Buffer.alloc(0))).toBeNull();
  });

  it('survive whatever a tracker sends in their place', () => {
    const seal = member();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.uint8Array({ maxLength: 600 }).map((bytes) => `v1.${toBase64Url(bytes)}`),
          fc.stringMatching(/^v1\.[\w-]{0,90}$/),
          fc.constant(`v1.${'A'.repeat(60_000)}`),
        ),
        (text) => {
          expect(seal.open(text, offer, NOW)).toBeNull();
        },
      ),
    );
    expect(seal.stats.opened).toBe(0);
    expect(seal.stats.forged).toBeGreaterThan(0);
  });
});

describe('a hostile tracker', () => {
  const sdp = descriptions.find(({ name }) => name === 'chromium-data-offer.sdp')!.sdp;

  it('reads nothing: not a line of the description is in what passes through it', () => {
    const text = member().seal(sdp, offer, NOW);
    const relayed = encodeRelayed({ kind: 'offer', infoHash: roomKey.toWire(), peerId: alice, offerId, sdp: text });
    const sent = encodeAnswer({
      infoHash: roomKey.toWire(),
      peerId: bob,
      toPeerId: alice,
      offerId,
      sdp: member().seal(sdp, answer, NOW),
      trackerId: null,
    });
    const bytes = Buffer.from(fromBase64Url(text.slice(3))!).toString('latin1');
    for (const line of sdp.trim().split('\r\n')) {
      for (const seen of [relayed, sent, bytes]) expect(seen).not.toContain(line);
    }
  });

  it('alters nothing: no changed, shortened or lengthened text opens', () => {
    const text = member().seal(sdp, offer, NOW);
    const seal = member();
    const bytes = fromBase64Url(text.slice(3))!;
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = bytes.slice();
        altered[at]! ^= change;
        expect(seal.open(`v1.${toBase64Url(altered)}`, offer, NOW)).toBeNull();
        expect(seal.open(`v1.${toBase64Url(bytes.subarray(0, at))}`, offer, NOW)).toBeNull();
      }),
      { numRuns: 300 },
    );
    for (const other of [`${text}A`, `${text}AAAA`, `v2.${text.slice(3)}`, text.slice(3), ` ${text}`]) {
      expect(seal.open(other, offer, NOW)).toBeNull();
    }
    expect(seal.open(text, offer, NOW)).toBe(sdp);
  });

  it('forges nothing: what is sealed with another key does not open', () => {
    const seal = member();
    expect(seal.open(member(new Uint8Array(32)).seal(sdp, offer, NOW), offer, NOW)).toBeNull();
    expect(seal.open(sdp, offer, NOW)).toBeNull();
    expect(seal.stats).toMatchObject({ forged: 2, opened: 0 });
    expect(seal.refusal).toBe('forged');
  });

  const places: readonly (readonly [string, SealContext, SealContext])[] = [
    ['an offer under the id of another peer', offer, { ...offer, from: bob }],
    ['an offer under another offer id', offer, { ...offer, offerId: otherId }],
    ['an offer in another room', offer, { ...offer, roomKey: RoomKey.fromString('coffee') }],
    ['an offer as an answer', offer, { kind: 'answer', roomKey, offerId, from: alice, to: bob }],
    ['an answer as an offer', answer, { kind: 'offer', roomKey, offerId, from: bob }],
    ['an answer to another offer', answer, { ...answer, offerId: otherId }],
    ["an answer to another peer's offer", answer, { ...answer, to: carol }],
    ['an answer under the id of another peer', answer, { ...answer, from: carol }],
    ['an answer sent back the other way', answer, { ...answer, from: alice, to: bob }],
    ['an answer without whom it is for', answer, { kind: 'answer', roomKey, offerId, from: bob }],
    ['an offer that somebody calls an invalid id', offer, { ...offer, from: 'short' }],
  ];
  it.each(places)('cannot pass on %s', (_, made, claimed) => {
    const text = member().seal(sdp, made, NOW);
    const seal = member();
    expect(seal.open(text, claimed, NOW)).toBeNull();
    expect(seal.open(text, made, NOW)).toBe(sdp);
  });

  it('cannot hold one back for more than five minutes, nor use one from the future', () => {
    for (const [late, opens] of [
      [0, true],
      [5 * MINUTE, true],
      [5 * MINUTE + 1, false],
      [-5 * MINUTE, true],
      [-5 * MINUTE - 1, false],
      [24 * 60 * MINUTE, false],
    ] as const) {
      const seal = member();
      expect(seal.open(member().seal(sdp, offer, NOW), offer, NOW + late) !== null).toBe(opens);
      expect(seal.stats.stale).toBe(opens ? 0 : 1);
      expect(seal.refusal).toBe(opens ? null : 'stale');
    }
  });

  it('cannot use one twice, at any time', () => {
    const seal = member();
    const text = member().seal(sdp, offer, NOW);
    expect(seal.open(text, offer, NOW)).toBe(sdp);
    for (const later of [0, 1, MINUTE, 5 * MINUTE]) expect(seal.open(text, offer, NOW + later)).toBeNull();
    expect(seal.stats).toMatchObject({ opened: 1, replayed: 4 });
    expect(seal.refusal).toBe('replayed');
  });

  it('cannot make it forget: at the bound the oldest are refused for good, and the new still open', () => {
    const sender = member();
    const seal = member();
    const texts = Array.from({ length: MAX_SEEN_NONCES + 10 }, (_, i) => sender.seal('v=0', offer, NOW + i));
    for (const text of texts) expect(seal.open(text, offer, NOW)).toBe('v=0');
    for (const text of texts) expect(seal.open(text, offer, NOW)).toBeNull();
    const late = sender.seal('v=0', offer, NOW + 9);
    expect(seal.open(late, offer, NOW)).toBeNull(); // as old as what was forgotten
    expect(seal.open(sender.seal('v=0', offer, NOW + 10), offer, NOW)).toBe('v=0');
    expect(seal.stats).toMatchObject({ opened: MAX_SEEN_NONCES + 11, replayed: MAX_SEEN_NONCES + 11 });
  });
});
