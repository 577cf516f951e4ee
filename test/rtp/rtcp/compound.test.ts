import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/binary/bytes.ts';
import { isRtcp } from '../../../src/rtp/packet.ts';
import { encodeRtcp, encodeRtcpDatagrams, isReducedSize, parseRtcp } from '../../../src/rtp/rtcp/compound.ts';
import type { RtcpPacket } from '../../../src/rtp/rtcp/types.ts';
import { rtcpPacket } from './arbitrary.ts';

const hex = (...packets: RtcpPacket[]) => toHex(encodeRtcp(packets));
const parse = (text: string, stats = { malformed: 0 }) => parseRtcp(fromHex(text), stats);
const bad = (text: string) => {
  const stats = { malformed: 0 };
  const packets = parse(text, stats);
  return [packets.map(({ kind }) => kind), stats.malformed];
};

describe('any RTCP', () => {
  test('packets read as they were written, one after the other', () => {
    fc.assert(
      fc.property(
        fc.array(rtcpPacket, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 63 }),
        (packets, pad) => {
          const stats = { malformed: 0 };
          const datagram = encodeRtcp(packets, 4 * pad);
          expect(datagram.length % 4).toBe(0);
          expect(isRtcp(datagram)).toBe(true);
          expect(parseRtcp(datagram, stats)).toEqual(packets);
          expect(stats.malformed).toBe(0);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('every truncation and every flipped byte is survived, and what is read can be written', () => {
    fc.assert(
      fc.property(rtcpPacket, fc.nat(), fc.nat(), (packet, where, bits) => {
        const datagram = encodeRtcp([packet, packet]);
        for (let length = 0; length < datagram.length; length += 1 + (datagram.length >> 6)) {
          parseRtcp(datagram.slice(0, length));
        }
        const flipped = datagram.slice();
        flipped[where % flipped.length]! ^= (bits % 255) + 1;
        const read = parseRtcp(flipped);
        expect(read.length).toBeLessThanOrEqual(flipped.length / 4);
      }),
      { numRuns: 300 },
    );
  });

  test('a whole packet of each type: every byte set to every value', () => {
    for (const packet of fc.sample(rtcpPacket, { numRuns: 40, seed: 1 })) {
      const datagram = encodeRtcp([packet]).slice(0, 64);
      for (let i = 0; i < datagram.length; i++) {
        for (let value = 0; value < 256; value += 1) {
          const flipped = datagram.slice();
          flipped[i] = value;
          parseRtcp(flipped);
        }
      }
    }
  });

  test('nonsense is counted and never thrown', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void parseRtcp(bytes)));
  });
});

describe('datagrams', () => {
  const RR = '80c90001 00000001';
  const PLI = '81ce0002 00000001 00000002';

  test('RFC 3550 §6.1, RFC 5506: compound begins with a report, reduced size does not', () => {
    expect(isReducedSize(parse(RR + PLI))).toBe(false);
    expect(isReducedSize(parse(PLI))).toBe(true);
  });

  test('a malformed packet is dropped by itself: its length tells where the next one begins', () => {
    expect(bad(`${RR} 82c90001 00000001 ${PLI}`)).toEqual([['receiverReport', 'pli'], 1]); // two blocks that are not there
    expect(bad(`${PLI} 81cd0002 00000001 00000002`)).toEqual([['pli'], 1]); // a NACK of nothing
  });

  test('nothing follows a packet that runs past the end, or has another version', () => {
    expect(bad(`${PLI} 81ce0003 00000001 00000002`)).toEqual([['pli'], 1]);
    expect(bad(`41c90001 00000001 ${PLI}`)).toEqual([[], 1]);
    expect(bad(`${PLI} 81`)).toEqual([['pli'], 1]);
    expect(bad('')).toEqual([[], 0]);
  });

  test('unknown types and formats are handed on', () => {
    expect(parse('83d00001 aabbccdd')).toEqual([
      { kind: 'unknown', packetType: 208, count: 3, body: fromHex('aabbccdd') },
    ]);
    expect(parse('82cd0002 00000001 00000002')[0]).toMatchObject({ kind: 'unknown', packetType: 205, count: 2 });
    expect(parse('8fce0003 00000001 00000000 41414141')[0]).toMatchObject({
      kind: 'unknown',
      packetType: 206,
      count: 15,
    });
  });

  test('padding is taken off, and is malformed when it is none', () => {
    expect(parse('a1ce0003 00000001 00000002 00000004')).toEqual([{ kind: 'pli', senderSsrc: 1, mediaSsrc: 2 }]);
    expect(bad('a1ce0002 00000001 00000000')).toEqual([[], 1]);
    expect(bad('a1ce0002 00000001 0000000c')).toEqual([[], 1]);
    expect(() => encodeRtcp([{ kind: 'pli', senderSsrc: 1, mediaSsrc: 2 }], 3)).toThrow(RangeError);
  });

  test('packets are spread over datagrams of a length', () => {
    const pli: RtcpPacket = { kind: 'pli', senderSsrc: 1, mediaSsrc: 2 };
    expect(encodeRtcpDatagrams([pli, pli, pli, pli, pli], 30).map(({ length }) => length)).toEqual([24, 24, 12]);
    expect(encodeRtcpDatagrams([pli], 4).map(({ length }) => length)).toEqual([12]);
    expect(encodeRtcpDatagrams([], 4)).toEqual([]);
  });
});

describe('on the wire', () => {
  test('RFC 3550 §6.4.1: a sender report with one block', () => {
    const report: RtcpPacket = {
      kind: 'senderReport',
      ssrc: 0x01020304,
      ntpTimestamp: 0x1112131421222324n,
      rtpTimestamp: 0x31323334,
      packetCount: 0x41424344,
      octetCount: 0x51525354,
      reports: [
        {
          ssrc: 0x61626364,
          fractionLost: 0x0b,
          cumulativeLost: -2,
          highestSequenceNumber: 0x7172_7374,
          jitter: 0x8182_8384,
          lastSenderReport: 0x9192_9394,
          delaySinceLastSenderReport: 0xa1a2_a3a4,
        },
      ],
    };
    expect(hex(report)).toBe(
      '81c8000c 01020304 11121314 21222324 31323334 41424344 51525354 61626364 0bfffffe 71727374 81828384 91929394 a1a2a3a4'.replaceAll(
        ' ',
        '',
      ),
    );
    // A profile's extension behind the blocks is skipped.
    expect(parse('80c90002 00000001 aabbccdd')).toEqual([{ kind: 'receiverReport', ssrc: 1, reports: [] }]);
  });

  test('RFC 3550 §6.5: items end with a null and fill up a word; four bytes of it where they end on one', () => {
    const sdes = (text: string): RtcpPacket => ({ kind: 'sdes', chunks: [{ ssrc: 1, items: [{ type: 1, text }] }] });
    expect(hex(sdes('abc'))).toBe('81ca0003000000010103616263000000'.replaceAll(' ', ''));
    expect(hex(sdes('ab'))).toBe('81ca0003000000010102616200000000');
    expect(bad('81ca0002 00000001 01ff6162')).toEqual([[], 1]);
    expect(bad('81ca0002 00000001 01026162')).toEqual([[], 1]); // no null
  });

  test('RFC 3550 §6.6: BYE with a reason', () => {
    expect(hex({ kind: 'bye', ssrcs: [1], reason: 'end' })).toBe('81cb00020000000103656e64');
    expect(parse('81cb0001 00000001')).toEqual([{ kind: 'bye', ssrcs: [1] }]);
  });

  test('RFC 4585 §6.2.1: a packet and a bitmask of the 16 that follow; across the wrap', () => {
    expect(hex({ kind: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [65534, 65535, 0, 14, 15] })).toBe(
      '81cd0004 00000001 00000002 fffe8003 000f0000'.replaceAll(' ', ''),
    );
    expect(() => hex({ kind: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [] })).toThrow(RangeError);
  });

  test('RFC 5104 §4.3.1: FIR has a media source of 0 and its requests behind it', () => {
    expect(hex({ kind: 'fir', senderSsrc: 1, requests: [{ ssrc: 2, sequenceNumber: 7 }] })).toBe(
      '84ce0004 00000001 00000000 00000002 07000000'.replaceAll(' ', ''),
    );
  });

  test('REMB: an exponent and 18 bits, rounded down', () => {
    const remb = (bitrate: number): RtcpPacket => ({ kind: 'remb', senderSsrc: 1, bitrate, ssrcs: [2] });
    expect(hex(remb(1_000_000))).toBe('8fce0005 00000001 00000000 52454d42 01 0bd090 00000002'.replaceAll(' ', ''));
    expect(parseRtcp(encodeRtcp([remb(262_145)]))).toEqual([remb(262_144)]);
    expect(parseRtcp(encodeRtcp([remb(Infinity)]))).toEqual([remb((2 ** 18 - 1) * 2 ** 63)]);
    expect(bad('8fce0004 00000001 00000000 52454d42 010bd090')).toEqual([[], 1]); // an SSRC that is not there
  });

  test('RFC 8888 §3.1: an odd number of metrics is padded; unknown and over-range arrivals', () => {
    const packets = [{ ecn: 3, arrivalTimeOffset: 512 }, null, { ecn: 0, arrivalTimeOffset: null }];
    const feedback: RtcpPacket = {
      kind: 'congestionFeedback',
      senderSsrc: 1,
      streams: [{ ssrc: 2, beginSequenceNumber: 0xffff, packets }],
      reportTimestamp: 3,
    };
    expect(hex(feedback)).toBe('8bcd0006 00000001 00000002 ffff0003 e2000000 9fff0000 00000003'.replaceAll(' ', ''));
    expect(bad('8bcd0004 00000001 00000002 ffff0003 00000003')).toEqual([[], 1]);
    expect(bad('8bcd0001 00000001')).toEqual([[], 1]);
    const far = {
      ...feedback,
      streams: [{ ssrc: 2, beginSequenceNumber: 0, packets: [{ ecn: 0, arrivalTimeOffset: 1e9 }] }],
    };
    expect(parseRtcp(encodeRtcp([far]))[0]).toMatchObject({ streams: [{ packets: [{ arrivalTimeOffset: 0x1ffe }] }] });
  });

  test('RFC 3611 §4.4, §4.5: reference time and DLRR; other blocks are skipped', () => {
    expect(
      hex({
        kind: 'extendedReport',
        ssrc: 1,
        blocks: [
          { kind: 'receiverReferenceTime', ntpTimestamp: 0x0000000200000003n },
          { kind: 'dlrr', reports: [{ ssrc: 4, lastReceiverReport: 5, delaySinceLastReceiverReport: 6 }] },
        ],
      }),
    ).toBe('80cf0008 00000001 04000002 00000002 00000003 05000003 00000004 00000005 00000006'.replaceAll(' ', ''));
    expect(parse('80cf0003 00000001 2a000001 00000000')).toEqual([{ kind: 'extendedReport', ssrc: 1, blocks: [] }]);
    expect(bad('80cf0002 00000001 04000002')).toEqual([[], 1]);
  });

  test('refuses what a packet cannot hold', () => {
    const ssrcs = Array.from({ length: 32 }, (_, i) => i);
    expect(() => hex({ kind: 'bye', ssrcs })).toThrow(RangeError);
    expect(() => hex({ kind: 'remb', senderSsrc: 1, bitrate: 1, ssrcs: new Array(256).fill(1) })).toThrow(RangeError);
    expect(() => hex({ kind: 'app', subtype: 0, ssrc: 1, name: 'abc', data: new Uint8Array(0) })).toThrow(RangeError);
    expect(() => hex({ kind: 'bye', ssrcs: [1], reason: 'x'.repeat(256) })).toThrow(RangeError);
    expect(() => hex({ kind: 'fir', senderSsrc: 1, requests: [] })).toThrow(RangeError);
    expect(() => hex({ kind: 'sdes', chunks: [{ ssrc: 1, items: [{ type: 0, text: 'a' }] }] })).toThrow(RangeError);
  });
});
