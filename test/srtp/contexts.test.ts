/** Two contexts with the same keys, and what may happen between them. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { setU16, setU32, toHex } from '../../src/binary/bytes.ts';
import {
  InboundSrtp,
  MAX_ACTIVE_SOURCES,
  MAX_RETIRED_SOURCES,
  OutboundSrtp,
  SRTCP_MAX_OVERHEAD,
  SRTP_MAX_OVERHEAD,
} from '../../src/srtp/index.ts';
import { deriveSessionKeys } from '../../src/srtp/keys.ts';
import { RTCP_WINDOW_SIZE, RTP_WINDOW_SIZE } from '../../src/srtp/options.ts';
import { optionsFor, PROFILES, PROVIDERS, pair, protect, rtcpPacket, rtpPacket, SSRC, unprotect } from './packets.ts';

const GCM = 'SRTP_AEAD_AES_128_GCM';
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
/** A snapshot of everything a context remembers, in a form that compares. */
const stateOf = ({ indices }: InboundSrtp | OutboundSrtp) => JSON.stringify([[...indices.rtp], [...indices.rtcp]]);

describe.each(PROFILES)('%s', (profile) => {
  describe.each(PROVIDERS)('with $name', (crypto) => {
    test('any RTP packet comes back as it was: header readable on the way, payload not', () => {
      const { out, inbound } = pair(profile, crypto);
      let sequenceNumber = 0;
      fc.assert(
        fc.property(
          fc.nat(15),
          fc.option(bytes(60), { nil: undefined }),
          bytes(1400),
          fc.integer({ min: 0, max: 3 }),
          (csrcs, extension, payload, source) => {
            const parts = { csrcs, payload, ssrc: 0xffff_fffe + source, ...(extension && { extension }) };
            const packet = rtpPacket(sequenceNumber++, parts);
            const header = packet.length - payload.length;
            const sealed = protect(out, 'rtp', packet)!;
            expect(toHex(sealed.subarray(0, header))).toBe(toHex(packet.subarray(0, header)));
            if (payload.length > 8) {
              expect(toHex(sealed.subarray(header, packet.length))).not.toBe(toHex(payload));
            }
            expect(toHex(unprotect(inbound, 'rtp', sealed)!)).toBe(toHex(packet));
          },
        ),
      );
      expect(inbound.stats.rtpPackets).toBe(out.stats.rtpPackets);
    });

    test('any RTCP packet comes back as it was, from one with its header only', () => {
      const { out, inbound } = pair(profile, crypto);
      fc.assert(
        fc.property(fc.nat(300), fc.integer({ min: 0, max: 3 }), (words, source) => {
          const packet = rtcpPacket(words, 0xffff_fffe + source);
          const sealed = protect(out, 'rtcp', packet)!;
          expect(toHex(sealed.subarray(0, 8))).toBe(toHex(packet.subarray(0, 8)));
          if (words > 2) expect(toHex(sealed)).not.toContain('33'.repeat(8));
          expect(toHex(unprotect(inbound, 'rtcp', sealed)!)).toBe(toHex(packet));
        }),
      );
      expect(unprotect(inbound, 'rtcp', protect(out, 'rtcp', rtcpPacket(0))!)).toEqual(rtcpPacket(0));
    });

    test.each(['rtp', 'rtcp'] as const)('%s: no truncation and no flipped bit is taken, or leaves a trace', (kind) => {
      const { out, inbound } = pair(profile, crypto);
      const packets = [0xfffe, 0xffff, 0].map((sequenceNumber) =>
        kind === 'rtp'
          ? rtpPacket(sequenceNumber, { csrcs: 1, extension: new Uint8Array(4), payload: new Uint8Array(21) })
          : rtcpPacket(3),
      );
      const [first, second, third] = packets.map((packet) => protect(out, kind, packet)!);
      const dropped = () => {
        const { rtpDropped, rtcpDropped } = inbound.stats;
        return [rtpDropped, rtcpDropped].flatMap(Object.values<number>).reduce((sum, count) => sum + count, 0);
      };
      for (const sealed of [first!, second!, third!]) {
        const before = stateOf(inbound);
        const alreadyDropped = dropped();
        for (let length = 0; length < sealed.length; length++) {
          expect(unprotect(inbound, kind, sealed.subarray(0, length))).toBe(null);
        }
        for (let bit = 0; bit < 8 * sealed.length; bit++) {
          const forged = sealed.slice();
          forged[bit >> 3]! ^= 1 << (bit & 7);
          expect(unprotect(inbound, kind, forged)).toBe(null);
        }
        const longer = new Uint8Array(sealed.length + 1);
        longer.set(sealed);
        expect(unprotect(inbound, kind, longer)).toBe(null);
        expect(dropped() - alreadyDropped).toBe(9 * sealed.length + 1);
        expect(stateOf(inbound)).toBe(before);
        expect(unprotect(inbound, kind, sealed)).not.toBe(null);
      }
    });

    test('nonsense of any length is dropped', () => {
      const { inbound } = pair(profile, crypto);
      fc.assert(
        fc.property(bytes(80), fc.nat(255), (packet, first) => {
          if (packet.length > 0) packet[0] = first;
          expect(unprotect(inbound, 'rtp', packet)).toBe(null);
          expect(unprotect(inbound, 'rtcp', packet)).toBe(null);
        }),
      );
      expect(stateOf(inbound)).toBe('[[],[]]');
    });
  });

  test('a packet is taken once; those that come late, within the window', () => {
    const { out, inbound } = pair(profile);
    const count = RTP_WINDOW_SIZE + 1;
    const sealed = Array.from({ length: count }, (_, i) => protect(out, 'rtp', rtpPacket((0xff00 + i) & 0xffff))!);
    const take = (i: number) => unprotect(inbound, 'rtp', sealed[i]!) !== null;
    expect(take(0)).toBe(true);
    expect(take(count - 2)).toBe(true); // the window now ends before 0
    for (let i = 1; i < count - 2; i += 3) expect(take(i)).toBe(true);
    expect(take(count - 1)).toBe(true);
    for (let i = 1; i < count - 2; i++) expect(take(i)).toBe((i - 1) % 3 !== 0);
    for (let i = 0; i < count; i++) expect(take(i)).toBe(false);
    expect(inbound.stats.rtpPackets).toBe(count);
    expect(inbound.stats.rtpDropped.notAuthentic).toBe(0);
  });

  test('what is older than the window counts as a replay', () => {
    const { out, inbound } = pair(profile);
    const late = protect(out, 'rtp', rtpPacket(10))!;
    const inTime = protect(out, 'rtp', rtpPacket(11))!;
    const newest = protect(out, 'rtp', rtpPacket(10 + RTP_WINDOW_SIZE))!;
    expect(unprotect(inbound, 'rtp', newest)).not.toBe(null);
    expect(unprotect(inbound, 'rtp', late)).toBe(null);
    expect(unprotect(inbound, 'rtp', inTime)).not.toBe(null);
    expect(inbound.stats.rtpDropped.replayed).toBe(1);
  });

  test('RTCP is taken once, in any order within its window', () => {
    const { out, inbound } = pair(profile);
    const sealed = Array.from({ length: RTCP_WINDOW_SIZE + 1 }, () => protect(out, 'rtcp', rtcpPacket(1))!);
    for (const packet of sealed.slice(1).reverse()) expect(unprotect(inbound, 'rtcp', packet)).not.toBe(null);
    for (const packet of sealed) expect(unprotect(inbound, 'rtcp', packet)).toBe(null);
    expect(inbound.stats.rtcpDropped.replayed).toBe(sealed.length);
  });

  test('the sequence number wraps many times, through loss and reordering, against a counted index', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.array(fc.tuple(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 0x7f00 })), fc.nat(40)), {
          minLength: 20,
          maxLength: 60,
        }),
        (first, steps) => {
          const { out, inbound } = pair(profile);
          // Sent: packet `index` for each step ahead, after a loss or not. Received: each one `delay` packets later.
          let index = first;
          const sent = steps.map(([gap, delay], order) => {
            if (order > 0) index += gap;
            const packet = protect(out, 'rtp', rtpPacket(index & 0xffff, { payload: new Uint8Array(4).fill(order) }))!;
            return { packet, index, due: order + delay, order };
          });
          expect(out.indices.rtp.get(SSRC)).toBe(index);
          let newest = -1;
          for (const { packet, index, order } of sent.toSorted((a, b) => a.due - b.due || a.order - b.order)) {
            const plain = unprotect(inbound, 'rtp', packet);
            // As an index less than 2^15 from the newest one is guessed right, and the first one with a counter of 0.
            const guessed = newest < 0 ? index < 0x1_0000 : Math.abs(index - newest) < 0x8000;
            const expected = guessed && index > newest - RTP_WINDOW_SIZE;
            expect(plain !== null).toBe(expected);
            if (plain === null) continue;
            expect(plain[12]).toBe(order);
            newest = Math.max(newest, index);
            expect(inbound.indices.rtp.get(SSRC)).toBe(newest);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('RFC 3711 §3.3.1: the indices end, and the key with them', () => {
    const last = 2 ** 48 - 3;
    const indices = { rtp: new Map([[SSRC, last]]), rtcp: new Map([[SSRC, 2 ** 31 - 3]]) };
    const out = new OutboundSrtp({ ...optionsFor(profile), indices });
    const inbound = new InboundSrtp({ ...optionsFor(profile), indices });
    for (const sequenceNumber of [0xfffe, 0xffff]) {
      expect(unprotect(inbound, 'rtp', protect(out, 'rtp', rtpPacket(sequenceNumber))!)).not.toBe(null);
      expect(unprotect(inbound, 'rtcp', protect(out, 'rtcp', rtcpPacket(1))!)).not.toBe(null);
    }
    for (let i = 0; i < 3; i++) {
      expect(protect(out, 'rtp', rtpPacket(i))).toBe(null);
      expect(protect(out, 'rtcp', rtcpPacket(1))).toBe(null);
    }
    expect(out.stats.rtpRefused.keyExhausted).toBe(3);
    expect(out.stats.rtcpRefused.keyExhausted).toBe(3);
    expect(unprotect(inbound, 'rtp', rtpPacket(0, { payload: new Uint8Array(50) }))).toBe(null);
    expect(inbound.stats.rtpDropped.keyExhausted).toBe(1);
    // Another source has indices of its own.
    expect(protect(out, 'rtp', rtpPacket(0, { ssrc: 1 }))).not.toBe(null);
    expect(protect(out, 'rtcp', rtcpPacket(1, 1))).not.toBe(null);
  });

  test('a context goes on where another stopped', () => {
    const { out, inbound } = pair(profile);
    for (const sequenceNumber of [0xfffe, 0xffff, 0]) {
      unprotect(inbound, 'rtp', protect(out, 'rtp', rtpPacket(sequenceNumber))!);
      unprotect(inbound, 'rtcp', protect(out, 'rtcp', rtcpPacket(2))!);
    }
    const nextOut = new OutboundSrtp({ ...optionsFor(profile), indices: out.indices });
    const nextInbound = new InboundSrtp({ ...optionsFor(profile), indices: inbound.indices });
    expect(protect(nextOut, 'rtp', rtpPacket(0))).toBe(null);
    const rtp = protect(nextOut, 'rtp', rtpPacket(1))!;
    const rtcp = protect(nextOut, 'rtcp', rtcpPacket(2))!;
    for (const receiver of [nextInbound, inbound]) {
      expect(unprotect(receiver, 'rtp', rtp)).not.toBe(null);
      expect(unprotect(receiver, 'rtcp', rtcp)).not.toBe(null);
      expect(unprotect(receiver, 'rtp', rtp)).toBe(null);
    }
  });

  test("RTP is not taken for RTCP, nor RTCP for RTP, nor one's own packets for the peer's", () => {
    const { out, inbound } = pair(profile);
    const rtp = protect(out, 'rtp', rtpPacket(1, { payload: new Uint8Array(40) }))!;
    const rtcp = protect(out, 'rtcp', rtcpPacket(9))!;
    expect(unprotect(inbound, 'rtcp', rtp)).toBe(null);
    expect(unprotect(inbound, 'rtp', rtcp)).toBe(null);
    const masterKey = optionsFor(profile).masterKey.map((byte) => byte ^ 1);
    const other = new InboundSrtp({ ...optionsFor(profile), masterKey });
    expect(unprotect(other, 'rtp', rtp)).toBe(null);
    expect(other.stats.rtpDropped.notAuthentic).toBe(1);
  });

  test('the overhead is what is told, and never more than the maximum', () => {
    const { out } = pair(profile);
    expect(protect(out, 'rtp', rtpPacket(1))!.length - rtpPacket(1).length).toBe(out.rtpOverhead);
    expect(protect(out, 'rtcp', rtcpPacket(1))!.length - rtcpPacket(1).length).toBe(out.rtcpOverhead);
    expect(out.rtpOverhead).toBeLessThanOrEqual(SRTP_MAX_OVERHEAD);
    expect(out.rtcpOverhead).toBeLessThanOrEqual(SRTCP_MAX_OVERHEAD);
  });
});

describe('the first packets of a source', () => {
  test('a source that starts just before the wrap is understood from its first packets on', () => {
    const { out, inbound } = pair(GCM);
    for (const sequenceNumber of [0xfffe, 0xffff, 0, 1]) {
      expect(unprotect(inbound, 'rtp', protect(out, 'rtp', rtpPacket(sequenceNumber))!)).not.toBe(null);
    }
  });

  test('when the wrap overtakes the first packets, what follows it waits for one of them', () => {
    const { out, inbound } = pair(GCM);
    const [before, after, later] = [0xffff, 0, 1].map((seq) => protect(out, 'rtp', rtpPacket(seq))!);
    expect(unprotect(inbound, 'rtp', after!)).toBe(null); // taken for the first packet, with a counter of 0
    expect(stateOf(inbound)).toBe('[[],[]]');
    expect(unprotect(inbound, 'rtp', before!)).not.toBe(null);
    expect(unprotect(inbound, 'rtp', after!)).not.toBe(null);
    expect(unprotect(inbound, 'rtp', later!)).not.toBe(null);
  });

  test('what was numbered before the first packet, across the wrap, has no index: it is refused on both sides', () => {
    const { out, inbound } = pair(GCM);
    unprotect(inbound, 'rtp', protect(out, 'rtp', rtpPacket(3))!);
    expect(protect(out, 'rtp', rtpPacket(0xffff))).toBe(null);
    expect(out.stats.rtpRefused.repeated).toBe(1);
    expect(unprotect(inbound, 'rtp', rtpPacket(0xffff, { payload: new Uint8Array(30) }))).toBe(null);
    expect(inbound.stats.rtpDropped.replayed).toBe(1);
  });
});

describe('sending', () => {
  test('RFC 7714 §8.4: no index is used twice; out of order they may be', () => {
    const { out, inbound } = pair(GCM);
    for (const sequenceNumber of [5, 9, 7, 6, 8]) {
      expect(unprotect(inbound, 'rtp', protect(out, 'rtp', rtpPacket(sequenceNumber))!)).not.toBe(null);
    }
    for (const sequenceNumber of [5, 6, 7, 8, 9]) expect(protect(out, 'rtp', rtpPacket(sequenceNumber))).toBe(null);
    expect(out.stats.rtpRefused.repeated).toBe(5);
    expect(out.stats.rtpPackets).toBe(5);
  });

  test('a mistake of the caller is a RangeError, and changes nothing', () => {
    const { out } = pair(GCM);
    const room = new Uint8Array(200);
    room.set(rtpPacket(1, { payload: new Uint8Array(100) }));
    expect(() => out.protectRtp(room, 0, 185)).toThrow(RangeError);
    expect(() => out.protectRtp(room, -1, 112)).toThrow(RangeError);
    expect(() => out.protectRtp(room, 112, 0)).toThrow(RangeError);
    expect(() => out.protectRtp(room, 0, 11)).toThrow(RangeError);
    expect(() => out.protectRtcp(room, 0, 7)).toThrow(RangeError);
    expect(() => out.protectRtcp(room, 0, 181)).toThrow(RangeError);
    const wrongVersion = room.slice();
    wrongVersion[0] = 0x40;
    expect(() => out.protectRtp(wrongVersion, 0, 112)).toThrow(RangeError);
    expect(() => out.protectRtcp(wrongVersion, 0, 112)).toThrow(RangeError);
    const longExtension = room.slice();
    longExtension[0] = 0x90;
    setU16(longExtension, 14, 1000);
    expect(() => out.protectRtp(longExtension, 0, 112)).toThrow(RangeError);
    expect(() => out.protectRtp(new Uint8Array(70_000).fill(0x80), 0, 65_536)).toThrow(RangeError);
    expect(stateOf(out)).toBe('[[],[]]');
    expect(out.protectRtp(room, 0, 112)).toBe(128);
  });
});

describe('the SSRCs', () => {
  test('RFC 3711 §3.3: packets that are not authentic make no state, however many sources they name', () => {
    const { out, inbound } = pair(GCM);
    const genuine = protect(out, 'rtp', rtpPacket(1))!;
    for (let ssrc = 0; ssrc < 2 * MAX_ACTIVE_SOURCES; ssrc++) {
      const forged = genuine.slice();
      setU32(forged, 8, ssrc);
      expect(unprotect(inbound, 'rtp', forged)).toBe(null);
    }
    expect(stateOf(inbound)).toBe('[[],[]]');
    expect(unprotect(inbound, 'rtp', genuine)).not.toBe(null);
  });

  test('a source that had to make room for others goes on, and nothing it sent can be replayed', () => {
    const { out, inbound } = pair(GCM);
    const early = protect(out, 'rtp', rtpPacket(0xffff))!;
    expect(unprotect(inbound, 'rtp', early)).not.toBe(null);
    for (let ssrc = 0; ssrc < MAX_ACTIVE_SOURCES + 5; ssrc++) {
      expect(unprotect(inbound, 'rtp', protect(out, 'rtp', rtpPacket(1, { ssrc }))!)).not.toBe(null);
    }
    expect(unprotect(inbound, 'rtp', early)).toBe(null);
    const next = protect(out, 'rtp', rtpPacket(0))!; // the roll-over counter was kept, on both sides
    expect(unprotect(inbound, 'rtp', next)).not.toBe(null);
    expect(unprotect(inbound, 'rtp', next)).toBe(null);
    expect(inbound.stats.rtpDropped.replayed).toBe(2);
  });

  test('limits the number of sources remembered', () => {
    const full = new Map(Array.from({ length: MAX_RETIRED_SOURCES }, (_, i) => [0x1000_0000 + i, 5]));
    const indices = { rtp: full, rtcp: full };
    const out = new OutboundSrtp({ ...optionsFor(GCM), indices });
    const inbound = new InboundSrtp({ ...optionsFor(GCM), indices });
    for (const kind of ['rtp', 'rtcp'] as const) {
      const packet = (ssrc: number) => (kind === 'rtp' ? rtpPacket(6, { ssrc }) : rtcpPacket(1, ssrc));
      for (let ssrc = 0; ssrc < MAX_ACTIVE_SOURCES; ssrc++) unprotect(inbound, kind, protect(out, kind, packet(ssrc))!);
      expect(protect(out, kind, packet(9999))).toBe(null);
      expect(unprotect(inbound, kind, protect(pair(GCM).out, kind, packet(9999))!)).toBe(null);
      expect(unprotect(inbound, kind, protect(out, kind, packet(0x1000_0000))!)).not.toBe(null);
    }
    expect(out.stats.rtpRefused.tooManySources).toBe(1);
    expect(out.stats.rtcpRefused.tooManySources).toBe(1);
    expect(inbound.stats.rtpDropped.tooManySources).toBe(1);
    expect(inbound.stats.rtcpDropped.tooManySources).toBe(1);
  });
});

test('RFC 3711 §3.4: an RTCP packet with the E flag at 0 is authenticated, and taken as it is', () => {
  const options = optionsFor('SRTP_AES128_CM_HMAC_SHA1_80');
  const { rtcp } = deriveSessionKeys(options.crypto, options.profile, options);
  const plain = rtcpPacket(4);
  const packet = new Uint8Array(plain.length + 14);
  packet.set(plain);
  setU32(packet, plain.length, 77);
  const tag = createHmac('sha1', rtcp.authentication)
    .update(packet.subarray(0, plain.length + 4))
    .digest();
  packet.set(tag.subarray(0, 10), plain.length + 4);
  const inbound = new InboundSrtp(options);
  for (const at of [0, 10, plain.length, packet.length - 1]) {
    const forged = packet.slice();
    forged[at]! ^= 0x80; // at plain.length, that is the E flag itself
    expect(unprotect(inbound, 'rtcp', forged)).toBe(null);
  }
  expect(unprotect(inbound, 'rtcp', packet)).toEqual(plain);
  expect(inbound.indices.rtcp.get(SSRC)).toBe(77);
});
