import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/binary/bytes.ts';
import { encodeRtpPacket, RtpPacket } from '../../../src/rtp/packet.ts';
import {
  decodeRed,
  encodeRedSingle,
  expandRed,
  RedEncoder,
  RedReceiver,
  unwrapRed,
} from '../../../src/rtp/repair/red.ts';
import { unwrapRtx, writeRtx } from '../../../src/rtp/repair/rtx.ts';
import { SeededRandom } from '../support/random.ts';

describe('RTX (RFC 4588)', () => {
  const media = (payload: Uint8Array, twoByte = false, padding = 0) =>
    encodeRtpPacket({
      payloadType: 96,
      marker: true,
      sequenceNumber: 0xabcd,
      timestamp: 1234,
      ssrc: 7,
      extensions: [
        { id: 1, data: fromHex('30') },
        { id: twoByte ? 20 : 2, data: fromHex('68') },
      ],
      payload,
      padding,
    });

  test('§4: OSN in front of the payload; SSRC, payload type and number of its own, the rest as it was', () => {
    const target = new Uint8Array(64);
    const end = writeRtx(RtpPacket.parse(media(fromHex('0102')))!, { ssrc: 9, payloadType: 97 }, 5, target, 3);
    const rtx = RtpPacket.parse(target.subarray(3, end))!;
    expect([rtx.ssrc, rtx.payloadType, rtx.sequenceNumber, rtx.timestamp, rtx.marker]).toEqual([9, 97, 5, 1234, true]);
    expect(toHex(rtx.payload)).toBe('abcd0102');
    expect(rtx.extension(1)).toEqual(fromHex('30'));
  });

  test('any packet comes back as it was, without its padding', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 8 }),
        (payload, twoByte, padding) => {
          const target = new Uint8Array(200);
          const packet = RtpPacket.parse(media(payload, twoByte, padding))!;
          const end = writeRtx(packet, { ssrc: 9, payloadType: 97 }, 5, target, 0);
          const rtx = RtpPacket.parse(target.subarray(0, end))!;
          expect(unwrapRtx(rtx, 7, 96)).toEqual(media(payload, twoByte));
        },
      ),
    );
  });

  test('RFC 8852 §3: a RID becomes a repaired RID, in both forms', () => {
    for (const twoByte of [false, true]) {
      const target = new Uint8Array(64);
      const stream = { ssrc: 9, payloadType: 97, ridId: twoByte ? 20 : 2, repairedRidId: 3 };
      const end = writeRtx(RtpPacket.parse(media(fromHex('01'), twoByte))!, stream, 5, target, 0);
      const rtx = RtpPacket.parse(target.subarray(0, end))!;
      expect([...rtx.extensions()].map(({ id, data }) => [id, toHex(data)])).toEqual([
        [1, '30'],
        [3, '68'],
      ]);
    }
  });

  test('RTX without an OSN is padding, and no packet', () => {
    const padding = RtpPacket.parse(media(new Uint8Array(0), false, 200))!;
    expect(unwrapRtx(padding, 7, 96)).toBeNull();
  });
});

describe('RED (RFC 2198)', () => {
  test('§3: the headers stand where the picture says', () => {
    const encoder = new RedEncoder({ payloadType: 111, redundancy: 1 });
    expect(toHex(encoder.encode(fromHex('aabb'), 1000))).toBe('6faabb');
    expect(toHex(encoder.encode(fromHex('cc'), 1960))).toBe('ef0f0002 6f aabb cc'.replaceAll(' ', ''));
    expect(toHex(encodeRedSingle(96, fromHex('01')))).toBe('6001');
  });

  test('any frames and any redundancy: a payload has the frame and as many before it as there are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 30 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (redundancy, frames, start) => {
          const encoder = new RedEncoder({ payloadType: 111, redundancy });
          frames.forEach((data, n) => {
            const timestamp = (start + 960 * n) >>> 0;
            const blocks = decodeRed(encoder.encode(data, timestamp), timestamp)!;
            expect(blocks.map((block) => block.data)).toEqual(frames.slice(Math.max(0, n - redundancy), n + 1));
            expect(blocks.map((block) => block.timestamp)).toEqual(
              blocks.map(({ age }) => (timestamp - 960 * age) >>> 0),
            );
          });
        },
      ),
    );
  });

  test('frames that do not fit are left out, the oldest first', () => {
    const encoder = new RedEncoder({ payloadType: 111, redundancy: 3 });
    for (let n = 0; n < 4; n++) encoder.encode(new Uint8Array(100), 960 * n);
    const payload = encoder.encode(new Uint8Array(100), 960 * 4, 320);
    expect(payload.length).toBe(1 + 100 + 2 * 104);
    expect(decodeRed(payload, 960 * 4)!.map(({ age }) => age)).toEqual([2, 1, 0]);
    encoder.encode(new Uint8Array(1024), 960 * 5);
    expect(decodeRed(encoder.encode(new Uint8Array(1), 960 * 6), 960 * 6)!.length).toBe(1); // 10 bits of length
    expect(decodeRed(encoder.encode(new Uint8Array(1), 960 * 6 + 0x4000), 0)!.length).toBe(1); // 14 bits of offset
    encoder.redundancy = 0;
    expect(encoder.encode(new Uint8Array(1), 960 * 8).length).toBe(2);
    expect(() => new RedEncoder({ payloadType: 111, redundancy: 10 })).toThrow(RangeError);
  });

  test('every truncation and any bytes: blocks inside the payload, or null', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (payload) => {
        const blocks = decodeRed(payload, 0);
        const total = blocks?.reduce((sum, { data }) => sum + data.length, 0) ?? 0;
        expect(total).toBeLessThanOrEqual(payload.length);
      }),
    );
    expect(decodeRed(new Uint8Array(0), 0)).toBeNull();
    expect(decodeRed(fromHex('ef0f0002'), 0)).toBeNull();
    expect(decodeRed(new Uint8Array(200).fill(0x80), 0)).toBeNull(); // too many blocks
  });

  test('the receiver gives each frame once and in order, and recovers what the redundancy covers', () => {
    const encoder = new RedEncoder({ payloadType: 111, redundancy: 2 });
    const packets = Array.from({ length: 8 }, (_, n) => encoder.encode(Uint8Array.of(n), 960 * n));
    const receiver = new RedReceiver();
    const receive = (n: number) => receiver.receive(packets[n]!, 960 * n).map(({ data }) => data[0]);
    expect(receive(1)).toEqual([1]); // nothing from before the beginning
    expect(receive(2)).toEqual([2]);
    expect(receive(5)).toEqual([3, 4, 5]);
    expect(receive(4)).toEqual([]);
    expect(receive(5)).toEqual([]);
    expect(receive(7)).toEqual([6, 7]);
    expect(receiver.receive(new Uint8Array(0), 0)).toEqual([]);
    expect(receiver.stats).toEqual({ malformed: 1, recovered: 3 });
  });

  test('a packet that was overtaken brings its frame late, or not at all', () => {
    for (const dropsLate of [false, true]) {
      const encoder = new RedEncoder({ payloadType: 111 });
      const receiver = new RedReceiver({ dropsLate });
      const packets = Array.from({ length: 6 }, (_, n) => encoder.encode(Uint8Array.of(n), 960 * n));
      const given = [0, 4, 2, 2, 5].map((n) => receiver.receive(packets[n]!, 960 * n).map(({ data }) => data[0]));
      expect(given).toEqual([[0], [3, 4], dropsLate ? [] : [1, 2], [], [5]]);
    }
  });

  test('redundancy counts however long the stream lasts', () => {
    const encoder = new RedEncoder({ payloadType: 111 });
    const receiver = new RedReceiver();
    for (let timestamp = 0; timestamp < 2 ** 32; timestamp += 2 ** 25) {
      encoder.encode(Uint8Array.of(1), timestamp);
      if (timestamp === 0) receiver.receive(encodeRedSingle(111, Uint8Array.of(0)), 0);
      expect(receiver.receive(encoder.encode(Uint8Array.of(2), timestamp + 960), timestamp + 960).length).toBe(
        timestamp === 0 ? 1 : 2,
      );
    }
  });

  test('limits the frames it remembers', () => {
    const receiver = new RedReceiver();
    const frame = (n: number) => receiver.receive(encodeRedSingle(111, Uint8Array.of(1)), n).length;
    for (let n = 0; n < 100; n++) expect(frame(n)).toBe(1);
    expect([frame(99), frame(40), frame(0)]).toEqual([0, 0, 1]);
  });

  const red = (payload: Uint8Array, sequenceNumber = 0, timestamp = 960) =>
    RtpPacket.parse(
      encodeRtpPacket({
        payloadType: 63,
        marker: true,
        sequenceNumber,
        timestamp,
        ssrc: 7,
        extensions: [{ id: 1, data: fromHex('30') }],
        payload,
        padding: 3,
      }),
    )!;

  test('a packet of sound expands to the packets that its frames would have come in', () => {
    const encoder = new RedEncoder({ payloadType: 111, redundancy: 2 });
    encoder.encode(fromHex('aa'), 0xffff_ffff);
    encoder.encode(new Uint8Array(0), 479);
    const packets = expandRed(red(encoder.encode(fromHex('cccc'), 960), 1))!;
    expect(packets.map((bytes) => RtpPacket.parse(bytes)!)).toMatchObject([
      {
        payloadType: 111,
        marker: false,
        sequenceNumber: 65535,
        timestamp: 0xffff_ffff,
        ssrc: 7,
        payload: fromHex('aa'),
      },
      {
        payloadType: 111,
        marker: true,
        sequenceNumber: 1,
        timestamp: 960,
        ssrc: 7,
        payload: fromHex('cccc'),
        paddingLength: 0,
      },
    ]);
    expect(RtpPacket.parse(packets[1]!)!.extension(1)).toEqual(fromHex('30'));
    expect(expandRed(red(fromHex('ef')))).toBeNull();
  });

  test('a packet of video comes out of its RED as it was', () => {
    const inner = RtpPacket.parse(unwrapRed(red(encodeRedSingle(96, fromHex('0102'))))!)!;
    expect(inner).toMatchObject({ payloadType: 96, marker: true, ssrc: 7, payload: fromHex('0102'), paddingLength: 0 });
    expect(inner.extension(1)).toEqual(fromHex('30'));
    expect(unwrapRed(red(new Uint8Array(0)))).toBeNull();
    expect(unwrapRed(red(fromHex('ef0f0002 6f aabb cc')))).toBeNull();
  });

  test('at 10 % random loss, redundancy 1 leaves about 1 %, redundancy 2 about 0.1 %', () => {
    const left = [0, 1, 2].map((redundancy) => {
      const random = new SeededRandom(7);
      const encoder = new RedEncoder({ payloadType: 111, redundancy });
      const receiver = new RedReceiver();
      let frames = 0;
      const count = 20_000;
      for (let n = 0; n < count; n++) {
        const payload = encoder.encode(Uint8Array.of(n), (960 * n) >>> 0);
        if (random.real() >= 0.1) frames += receiver.receive(payload, (960 * n) >>> 0).length;
      }
      return (count - frames) / count;
    });
    expect(left[0]).toBeCloseTo(0.1, 2);
    expect(left[1]).toBeGreaterThan(0.008);
    expect(left[1]).toBeLessThan(0.012);
    expect(left[2]).toBeLessThan(0.0015);
  });
});
