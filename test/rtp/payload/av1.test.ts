import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import { Av1Format, describeAv1Frame } from '../../../src/rtp/payload/av1.ts';
import { OBU, readObus } from '../../../src/rtp/payload/bitstream/av1.ts';
import type { EncodedFrame } from '../../../src/rtp/payload/types.ts';
import { bytes, expectWellCut, packetsOf, readIvf, send } from './ivf-support.ts';
import { damaged, receiveFrames } from './nal-support.ts';

const format = new Av1Format();

/** An OBU with a size field. */
function obu(type: number, payload: Uint8Array, layer?: { temporal: number; spatial: number }): Uint8Array {
  const header = (type << 3) | (layer ? 4 : 0) | 2;
  const extension = layer ? [(layer.temporal << 5) | (layer.spatial << 3)] : [];
  const size: number[] = [];
  let rest = payload.length;
  for (; rest >= 128; rest >>= 7) size.push((rest & 127) | 128);
  return concatBytes(Uint8Array.of(header, ...extension, ...size, rest), payload);
}

const DELIMITER = obu(OBU.temporalDelimiter, new Uint8Array(0));
/** 160x112, as libaom writes it. */
const SEQUENCE = obu(OBU.sequenceHeader, fromHex('000000 03b4 fef3 6be4 01'));
const KEY = fromHex('10 00 aabbccdd');
const INTER = fromHex('30 11 22 33');

/** Temporal units of one layer, or of several. */
const temporalUnit: fc.Arbitrary<Uint8Array> = fc
  .record({
    layers: fc.integer({ min: 1, max: 3 }),
    hasExtension: fc.boolean(),
    temporal: fc.nat(7),
    parts: fc.array(fc.tuple(fc.constantFrom(5, 3, 4, 6, 15), bytes(0, 700)), { minLength: 1, maxLength: 7 }),
  })
  .map(({ layers, hasExtension, temporal, parts }) => {
    const obus: Uint8Array[] = [];
    for (let spatial = 0; spatial < (hasExtension ? layers : 1); spatial++) {
      for (const [type, payload] of parts)
        obus.push(obu(type, payload, hasExtension ? { temporal, spatial } : undefined));
    }
    return concatBytes(...obus);
  });

describe('cutting and joining', () => {
  test('any temporal unit survives any split, in payloads that fit', () => {
    fc.assert(
      fc.property(temporalUnit, fc.integer({ min: 8, max: 1300 }), (data, max) => {
        const sent = send(format, { data, isKeyFrame: false }, max)!;
        expect(expectWellCut(sent, max, max)).toBeNull();
        expect(format.assemble(sent.map(({ payload }) => payload))!.data).toEqual(data);
      }),
    );
  });

  test('one large OBU is cut into parts of about the same length', () => {
    fc.assert(
      fc.property(bytes(1, 6000), fc.integer({ min: 20, max: 1300 }), (payload, max) => {
        const sent = send(format, { data: obu(OBU.frame, payload), isKeyFrame: false }, max)!;
        // The limit is as small as the number of payloads allows: the last one may lack a byte for each of the others.
        expect(expectWellCut(sent, max, sent.length)).toBeNull();
        expect(sent.length).toBe(Math.ceil((payload.length + 1) / (max - 1)));
      }),
    );
  });

  test('no loss goes unseen: temporal units come out whole or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(temporalUnit, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 40, max: 400 }),
        fc.infiniteStream(fc.nat(3)),
        (units, max, luck) => {
          const frames = units.map((data) => ({ data, isKeyFrame: false }));
          const kept = packetsOf(format, frames, max).filter(() => luck.next().value !== 0);
          const whole = new Set(units.map(String));
          for (const { data } of receiveFrames(format, kept)) expect(whole.has(String(data))).toBe(true);
        },
      ),
    );
  });

  test('§5: temporal delimiters and tile lists do not travel, and are ignored where they came', () => {
    const data = concatBytes(DELIMITER, obu(OBU.frame, INTER), obu(OBU.tileList, INTER));
    expect(send(format, { data, isKeyFrame: false }, 100)!.map(({ payload }) => payload)).toEqual([
      concatBytes(fromHex('10 30'), INTER),
    ]);
    expect(format.assemble([fromHex('30 01 10 03 40ffff 30 11')])?.data).toEqual(obu(OBU.frame, fromHex('11')));
    expect(send(format, { data: DELIMITER, isKeyFrame: false }, 100)).toBeNull();
  });

  test('§4.4: up to three elements leave out the last length, more have all of them', () => {
    const padding = obu(OBU.padding, fromHex('55'));
    const payloads = (count: number): Uint8Array[] =>
      send(format, { data: concatBytes(...new Array<Uint8Array>(count).fill(padding)), isKeyFrame: false }, 100)!.map(
        ({ payload }) => payload,
      );
    expect(payloads(1)).toEqual([fromHex('10 7855')]);
    expect(payloads(2)).toEqual([fromHex('20 02 7855 7855')]);
    expect(payloads(3)).toEqual([fromHex('30 02 7855 02 7855 7855')]);
    expect(payloads(4)).toEqual([fromHex('00 02 7855 02 7855 02 7855 02 7855')]);
  });

  test('§4.4: Z and Y tell of an OBU that goes on in the next payload', () => {
    const data = concatBytes(
      obu(OBU.metadata, fromHex('01')),
      obu(OBU.frame, fromHex('30 01 02 03 04 05 06 07 08 09 0a 0b')),
    );
    expect(send(format, { data, isKeyFrame: false }, 10)!.map(({ payload }) => payload)).toEqual([
      fromHex('60 02 2801 30 30 01 02 03'),
      fromHex('90 04 05 06 07 08 09 0a 0b'),
    ]);
  });

  test('§5, the example: layers do not share payloads, and what has no layer goes with the one that follows', () => {
    const base = { temporal: 0, spatial: 0 };
    const upper = { temporal: 0, spatial: 1 };
    const parts = [
      SEQUENCE,
      obu(OBU.metadata, fromHex('02')),
      obu(OBU.frame, KEY, base),
      obu(OBU.metadata, fromHex('03')),
      obu(OBU.frame, INTER, upper),
    ];
    const data = concatBytes(...parts);
    const sent = send(format, { data: concatBytes(DELIMITER, data), isKeyFrame: true }, 100)!;
    expect(sent.map(({ layer, endsLayer, isLast }) => [layer, endsLayer, isLast])).toEqual([
      [0, true, false],
      [1, true, true],
    ]);
    expect(sent.map(({ payload }) => payload[0])).toEqual([0x38, 0x20]);
    expect(sent.map(({ payload }) => format.inspect(payload)!.metadata?.spatialLayer)).toEqual([0, 1]);
    const received = format.assemble(sent.map(({ payload }) => payload))!;
    expect(received.data).toEqual(data);
    expect(received.metadata!.layerFrames).toEqual([
      { length: parts[0]!.length + parts[1]!.length + parts[2]!.length, spatialLayer: 0 },
      { length: parts[3]!.length + parts[4]!.length, spatialLayer: 1 },
    ]);
  });

  test('what is not OBUs is not taken, and no payload is opened', () => {
    for (const hex of ['', '80', '32 05 00', '32', '36 00']) {
      expect(send(format, { data: fromHex(hex), isKeyFrame: false }, 100)).toBeNull();
    }
    expect(() => send(format, { data: SEQUENCE, isKeyFrame: true }, 7)).toThrow(RangeError);
  });

  test('the last OBU of a frame may come without a size field, and gets one', () => {
    const sent = send(format, { data: fromHex('30 aabb'), isKeyFrame: false }, 100)!;
    expect(format.assemble([sent[0]!.payload])!.data).toEqual(fromHex('32 02 aabb'));
  });
});

describe('joining what others cut', () => {
  test('§4.5: OBUs may keep their size fields, and W may be 0', () => {
    expect(format.assemble([fromHex('00 05 3203aabbcc 03 7801 02')])!.data).toEqual(fromHex('3203aabbcc 7a020102'));
    expect(format.assemble([fromHex('50 3203aa'), fromHex('90 bbcc')])!.data).toEqual(fromHex('3203aabbcc'));
  });

  test('fragments of no bytes, or that end within a header, fit all the same', () => {
    expect(format.assemble([fromHex('60 00 34'), fromHex('c0 01 08 01 bb'), fromHex('90')])).toBeNull();
    expect(format.assemble([fromHex('50 34'), fromHex('90 08 bb')])!.data).toEqual(fromHex('36 08 01 bb'));
    expect(format.assemble([fromHex('50 30'), fromHex('e0 00 3011'), fromHex('90 22')])!.data).toEqual(
      fromHex('3200 32021122'),
    );
    expect(format.inspect(fromHex('50 34'))).toMatchObject({ startsFrame: true });
  });

  test('pieces that do not fit together are no frame', () => {
    expect(format.assemble([fromHex('90 aa')])).toBeNull(); // goes on with nothing
    expect(format.assemble([fromHex('50 30aa')])).toBeNull(); // goes on nowhere
    expect(format.assemble([fromHex('50 30aa'), fromHex('10 30bb')])).toBeNull();
    expect(format.assemble([fromHex('10 3205aa')])).toBeNull(); // says it is longer
    expect(format.assemble([fromHex('20 09 30')])).toBeNull();
    expect(format.assemble([fromHex('98 30')])).toBeNull(); // N with Z
    expect(format.assemble([fromHex('10')])).toBeNull();
    expect(format.assemble([])).toBeNull();
  });
});

describe('what one payload tells', () => {
  test('§4.4: N is the start of a coded video sequence, for certain', () => {
    const [sent] = send(format, { data: concatBytes(SEQUENCE, obu(OBU.frame, KEY)), isKeyFrame: true }, 100)!;
    expect(sent!.payload[0]).toBe(0x28);
    expect(format.inspect(sent!.payload)).toEqual({
      startsFrame: true,
      isKeyFrame: true,
      metadata: { width: 160, height: 112 },
    });
  });

  test('a key frame without its sequence header starts no sequence', () => {
    const data = obu(OBU.frame, KEY);
    expect(send(format, { data, isKeyFrame: true }, 100)![0]!.payload[0]).toBe(0x10);
    expect(describeAv1Frame(data)!.isKeyFrame).toBe(false);
  });

  test('a temporal unit cannot start with a tile group, nor within an OBU; elsewhere it may', () => {
    expect(format.inspect(fromHex('10 20 aa'))!.startsFrame).toBe(false);
    expect(format.inspect(fromHex('90 aa'))!.startsFrame).toBe(false);
    expect(format.inspect(fromHex('10 30 30'))).toMatchObject({ startsFrame: true, isStartUncertain: true });
  });

  test('hidden key frames and frames shown again are no key frames', () => {
    expect(describeAv1Frame(concatBytes(SEQUENCE, obu(OBU.frame, fromHex('00 11'))))!.isKeyFrame).toBe(false);
    expect(describeAv1Frame(concatBytes(SEQUENCE, obu(OBU.frameHeader, fromHex('90'))))!.isKeyFrame).toBe(false);
    expect(describeAv1Frame(concatBytes(SEQUENCE, obu(OBU.frame, KEY)))!.isKeyFrame).toBe(true);
  });
});

describe('with the frames of libaom', () => {
  const frames: EncodedFrame[] = readIvf('clip.av1.ivf').map((data) => {
    expect(data.subarray(0, 2)).toEqual(DELIMITER);
    return { data: data.subarray(2), isKeyFrame: describeAv1Frame(data)!.isKeyFrame };
  });

  test('they survive our packets, of any size', () => {
    for (const max of [8, 20, 100, 300, 1200]) {
      const sent = packetsOf(format, frames, max);
      expect(receiveFrames(format, sent).map(({ data }) => data)).toEqual(frames.map(({ data }) => data));
    }
  });

  test('key frames show themselves, with their size', () => {
    expect(frames.map(({ isKeyFrame }) => isKeyFrame)).toEqual(frames.map((_, i) => i % 6 === 0));
    expect(describeAv1Frame(frames[0]!.data)!.metadata).toEqual({ width: 160, height: 112 });
    expect(readObus(frames[0]!.data)!.map(({ type }) => type)).toEqual([OBU.sequenceHeader, OBU.frame]);
  });
});

describe('nonsense', () => {
  test('every truncation and every flipped bit is taken without an exception, alone and in a frame', () => {
    const data = concatBytes(
      SEQUENCE,
      obu(OBU.metadata, KEY),
      obu(OBU.frame, KEY, { temporal: 1, spatial: 0 }),
      obu(OBU.tileGroup, INTER, { temporal: 1, spatial: 1 }),
    );
    for (const max of [12, 100]) {
      const payloads = send(format, { data, isKeyFrame: true }, max)!.map(({ payload }) => payload);
      for (const bad of payloads.flatMap((payload) => [...damaged(payload)])) {
        format.inspect(bad);
        format.assemble([bad, ...payloads.slice(1)]);
        format.assemble([...payloads.slice(0, -1), bad]);
      }
    }
    for (const bad of damaged(data)) send(format, { data: bad, isKeyFrame: true }, 20);
  });

  test('random bytes, too', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.uint8Array(), (payloads, data) => {
        for (const payload of payloads) format.inspect(payload);
        format.assemble(payloads);
        send(format, { data, isKeyFrame: true }, 10);
      }),
    );
  });
});
