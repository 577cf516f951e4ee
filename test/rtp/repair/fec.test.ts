import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/binary/bytes.ts';
import { encodeRtpPacket } from '../../../src/rtp/packet.ts';
import { FecDecoder, MAX_WAITING_FEC } from '../../../src/rtp/repair/fec/fec-decoder.ts';
import { FecEncoder } from '../../../src/rtp/repair/fec/fec-encoder.ts';
import { encodeFec, type FecScheme, MAX_FEC_REACH, parseFec } from '../../../src/rtp/repair/fec/fec-header.ts';
import { SeededRandom } from '../support/random.ts';

const SCHEMES: readonly FecScheme[] = ['ulpfec', 'flexfec'];

function media(sequenceNumber: number, random: SeededRandom, length = 20 + (random.uint32() % 200)): Uint8Array {
  return encodeRtpPacket({
    payloadType: 96,
    marker: random.real() < 0.3,
    sequenceNumber: sequenceNumber & 0xffff,
    timestamp: random.uint32(),
    ssrc: 7,
    csrcs: random.real() < 0.2 ? [random.uint32()] : [],
    extensions: random.real() < 0.5 ? [{ id: 1, data: random.bytes(3) }] : [],
    payload: random.bytes(length),
    padding: random.real() < 0.1 ? 5 : 0,
  });
}

function decoder(scheme: FecScheme) {
  const recovered: Uint8Array[] = [];
  return { recovered, fec: new FecDecoder(scheme, 7, (packet) => recovered.push(packet)) };
}

describe('on the wire', () => {
  test('RFC 5109 §10.1: the header for packets 8 to 11', () => {
    const packets = [
      [8, 11, true, 3, 200],
      [9, 18, false, 5, 140],
      [10, 11, true, 7, 100],
      [11, 18, false, 9, 340],
    ] as const;
    const encoder = new FecEncoder({ scheme: 'ulpfec', protection: 0.25 });
    const payloads = packets.flatMap(([sequenceNumber, payloadType, marker, timestamp, length], i) =>
      encoder.protect(
        encodeRtpPacket({
          sequenceNumber,
          payloadType,
          marker,
          timestamp,
          ssrc: 2,
          payload: new Uint8Array(length).fill(i),
        }),
        i === 3,
      ),
    );
    expect(payloads.length).toBe(1);
    expect(payloads[0]!.length).toBe(14 + 340);
    expect(toHex(payloads[0]!.subarray(0, 14))).toBe('0000000800000008 0174 0154 f000'.replaceAll(' ', ''));
  });

  test('FlexFEC-03: the mask is spread over 15, 31 and 63 bits, each part with a bit that says whether it is the last', () => {
    const header = (offsets: number[]) =>
      toHex(
        encodeFec('flexfec', {
          ssrc: 0x01020304,
          sequenceNumberBase: 0xabcd,
          offsets,
          firstByte: 0x10,
          secondByte: 0x60,
          length: 0x1234,
          timestamp: 0x55667788,
          body: new Uint8Array(0),
        }),
      );
    const head = '1060123455667788010000000 1020304abcd'.replace(' ', '');
    expect(header([0, 14])).toBe(`${head}c001`);
    expect(header([0, 15, 45])).toBe(`${head}4000c0000001`);
    expect(header([1, 46, 108])).toBe(`${head}200000000000c000000000000001`);
  });

  for (const scheme of SCHEMES) {
    test(`${scheme}: any header reads as it was written`, () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.integer({ min: 0, max: MAX_FEC_REACH[scheme] - 1 }), { minLength: 1 }),
          fc.uint8Array({ maxLength: 30 }),
          fc.integer({ min: 0, max: 0xffff_ffff }),
          (set, body, number) => {
            const packet = {
              ssrc: scheme === 'ulpfec' ? null : number,
              sequenceNumberBase: number & 0xffff,
              offsets: set.sort((a, b) => a - b),
              firstByte: number & 0x3f,
              secondByte: number & 0xff,
              length: number >>> 16,
              timestamp: number,
              body,
            };
            expect(parseFec(scheme, encodeFec(scheme, packet))).toEqual(packet);
          },
        ),
      );
    });

    test(`${scheme}: every truncation and every flipped byte is survived, recovered packets are packets`, () => {
      const random = new SeededRandom(3);
      const packets = [0, 1, 2, 3].map((n) => media(n, random, 20));
      const encoder = new FecEncoder({ scheme, protection: 0.25 });
      const payload = packets.flatMap((packet, i) => encoder.protect(packet, i === 3))[0]!;
      const attempt = (bytes: Uint8Array) => {
        const { fec, recovered } = decoder(scheme);
        for (const packet of packets.slice(1)) fec.receiveMedia(packet);
        fec.receiveFec(bytes);
        return recovered;
      };
      expect(attempt(payload)).toEqual([packets[0]]);
      for (let length = 0; length < payload.length; length++) attempt(payload.slice(0, length));
      for (let i = 0; i < payload.length; i++) {
        for (let bit = 0; bit < 8; bit++) {
          const flipped = payload.slice();
          flipped[i]! ^= 1 << bit;
          expect(attempt(flipped).length).toBeLessThanOrEqual(1);
        }
      }
    });
  }

  test('what is not supported is malformed: other SSRCs, retransmission, fixed masks, no last part, no packets', () => {
    const base = { ssrc: 7, sequenceNumberBase: 0, offsets: [0], firstByte: 0, secondByte: 0, length: 0, timestamp: 0 };
    const good = encodeFec('flexfec', { ...base, body: new Uint8Array(4) });
    expect(parseFec('flexfec', good)).not.toBeNull();
    const change = (at: number, value: number) => {
      const bytes = good.slice();
      bytes[at] = value;
      return parseFec('flexfec', bytes);
    };
    expect([change(0, 0x80), change(0, 0x40), change(8, 2), change(18, 0x80)]).toEqual([null, null, null, null]);
    const { fec } = decoder('flexfec');
    fec.receiveFec(encodeFec('flexfec', { ...base, ssrc: 8, body: new Uint8Array(4) }));
    expect(fec.stats.malformed).toBe(1);
  });
});

describe('recovery', () => {
  for (const scheme of SCHEMES) {
    test(`${scheme}: any one packet of a group comes back bit for bit, in whatever order they arrive, across the wrap`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 48 }), fc.nat(), fc.boolean(), (count, seed, fecFirst) => {
          const random = new SeededRandom(seed);
          const packets = Array.from({ length: count }, (_, n) => media(65_520 + n, random));
          const encoder = new FecEncoder({ scheme, protection: 1 / count });
          const payloads = packets.flatMap((packet, n) => encoder.protect(packet, n === count - 1));
          expect(payloads.length).toBe(1);
          const lost = random.uint32() % count;
          const { fec, recovered } = decoder(scheme);
          const arriving = packets.filter((_, n) => n !== lost);
          if (fecFirst) fec.receiveFec(payloads[0]!);
          for (const packet of arriving) fec.receiveMedia(packet);
          if (!fecFirst) fec.receiveFec(payloads[0]!);
          expect(recovered).toEqual([packets[lost]]);
        }),
      );
    });

    test(`${scheme}: as many in a row as there are packets of FEC`, () => {
      const random = new SeededRandom(1);
      const packets = Array.from({ length: 20 }, (_, n) => media(n, random));
      const encoder = new FecEncoder({ scheme, protection: 0.2 });
      const payloads = packets.flatMap((packet, n) => encoder.protect(packet, n === 19));
      expect(payloads.length).toBe(4);
      const { fec, recovered } = decoder(scheme);
      packets.forEach((packet, n) => {
        if (n < 7 || n > 10) fec.receiveMedia(packet);
      });
      for (const payload of payloads) fec.receiveFec(payload);
      expect(new Set(recovered.map(toHex))).toEqual(new Set(packets.slice(7, 11).map(toHex)));
      expect(fec.stats).toEqual({ received: 4, recovered: 4, malformed: 0, failed: 0, dropped: 0 });
    });
  }

  test('what one packet of FEC brings may be what another one needs', () => {
    const random = new SeededRandom(2);
    const [a, b, c] = [0, 1, 2].map((n) => media(n, random)) as [Uint8Array, Uint8Array, Uint8Array];
    const pair = (first: Uint8Array, second: Uint8Array) => {
      const encoder = new FecEncoder({ scheme: 'flexfec', protection: 0.5 });
      encoder.protect(first, false);
      return encoder.protect(second, true)[0]!;
    };
    const { fec, recovered } = decoder('flexfec');
    fec.receiveFec(pair(a, b));
    fec.receiveFec(pair(b, c));
    expect(recovered).toEqual([]);
    fec.receiveMedia(c);
    expect(recovered).toEqual([b, a]);
  });

  test('limits the packets of FEC that wait', () => {
    const { fec } = decoder('flexfec');
    const random = new SeededRandom(2);
    for (let n = 0; n < 100; n++) {
      const encoder = new FecEncoder({ scheme: 'flexfec', protection: 0.5 });
      encoder.protect(media(2 * n, random), false);
      fec.receiveFec(encoder.protect(media(2 * n + 1, random), true)[0]!);
    }
    expect(fec.stats.dropped).toBe(100 - MAX_WAITING_FEC);
  });

  test('FEC about packets far from what came is dropped', () => {
    const { fec, recovered } = decoder('flexfec');
    const random = new SeededRandom(2);
    const encoder = new FecEncoder({ scheme: 'flexfec', protection: 1 });
    const old = encoder.protect(media(0, random), true)[0]!;
    fec.receiveMedia(media(1000, random));
    fec.receiveFec(old);
    expect([recovered.length, fec.stats.dropped]).toEqual([0, 1]);
  });

  test('the encoder: no protection, no packets; groups end where masks do; 0 to 1', () => {
    const random = new SeededRandom(2);
    const encoder = new FecEncoder({ scheme: 'ulpfec', protection: 0 });
    expect(encoder.protect(media(0, random), true)).toEqual([]);
    encoder.protection = 0.1;
    const counts = Array.from({ length: 48 }, (_, n) => encoder.protect(media(n, random), false).length);
    expect(counts.slice(0, 47).every((count) => count === 0)).toBe(true);
    expect(counts[47]).toBe(5);
    encoder.protect(media(100, random), false);
    expect(encoder.protect(media(400, random), false).length).toBe(1);
    expect(() => new FecEncoder({ scheme: 'ulpfec', protection: 1.1 })).toThrow(RangeError);
  });

  test('5 % random loss: what is left of it with 10, 20 and 40 % of FEC', () => {
    const left = [0.1, 0.2, 0.4].map((protection) => {
      const random = new SeededRandom(11);
      const encoder = new FecEncoder({ scheme: 'flexfec', protection });
      const { fec } = decoder('flexfec');
      let lost = 0;
      const count = 20_000;
      for (let n = 0; n < count; n++) {
        const packet = media(n, random, 20);
        const payloads = encoder.protect(packet, n % 10 === 9);
        if (random.real() < 0.05) lost++;
        else fec.receiveMedia(packet);
        for (const payload of payloads) if (random.real() >= 0.05) fec.receiveFec(payload);
      }
      return (lost - fec.stats.recovered) / count;
    });
    expect(left[0]).toBeLessThan(0.022);
    expect(left[1]).toBeLessThan(0.013);
    expect(left[2]).toBeLessThan(0.008);
    expect(left[0]! > left[1]! && left[1]! > left[2]!).toBe(true);
  });
});
