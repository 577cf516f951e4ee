import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import { parseFormatParameters } from '../../../src/rtp/codecs.ts';
import { joinNalUnits, splitNalUnits } from '../../../src/rtp/payload/annex-b.ts';
import { describeH265Frame, H265Format } from '../../../src/rtp/payload/h265.ts';
import { h265CodecString, parseH265Sps } from '../../../src/rtp/payload/h265-sps.ts';
import { ParameterSets } from '../../../src/rtp/payload/parameter-sets.ts';
import { byteStream, cut, damaged, nalUnits, readFixture, readPackets, receiveFrames } from './nal-support.ts';

const format = new H265Format();
const header = fc
  .record({
    type: fc.integer({ min: 0, max: 47 }),
    layer: fc.integer({ min: 0, max: 63 }),
    tid: fc.integer({ min: 1, max: 7 }),
  })
  .map(({ type, layer, tid }) => [(type << 1) | (layer >> 5), ((layer & 0x1f) << 3) | tid]);
const units = nalUnits(header);

function stream(...hex: string[]): Uint8Array {
  return joinNalUnits(hex.map(fromHex));
}

describe('cutting and joining', () => {
  test('any frame survives any split', () => {
    fc.assert(
      fc.property(units, fc.integer({ min: 4, max: 1300 }), fc.integer(), (frame, max, startCodes) => {
        const sent = cut(
          format,
          byteStream(frame, (i) => ((startCodes >> i) & 1) === 1),
          max,
        )!;
        for (const { payload } of sent) expect(payload.length).toBeLessThanOrEqual(max);
        expect(sent.map(({ isLast }) => isLast)).toEqual(sent.map((_, i) => i === sent.length - 1));
        expect(format.assemble(sent.map(({ payload }) => payload))!.data).toEqual(joinNalUnits(frame));
      }),
    );
  });

  test('any loss is detected: frames come out whole, or less what stands before a VPS, or not at all', () => {
    const frames = fc.array(units, { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(frames, fc.integer({ min: 20, max: 400 }), fc.infiniteStream(fc.nat(3)), (pictures, max, luck) => {
        const packets = pictures.flatMap((picture, timestamp) =>
          cut(format, joinNalUnits(picture), max)!.map(({ payload, isLast }) => ({
            payload,
            marker: isLast,
            timestamp,
          })),
        );
        const numbered = packets.map((packet, i) => ({ ...packet, sequenceNumber: (65_530 + i) & 0xffff }));
        const kept = numbered.filter(() => luck.next().value !== 0);
        const whole = pictures.map((picture) => String(joinNalUnits(picture)));
        for (const { data } of receiveFrames(format, kept)) {
          const isCertainStart = [32, 35].includes((data[4]! >> 1) & 0x3f);
          expect(whole.includes(String(data)) || isCertainStart).toBe(true);
        }
      }),
    );
  });

  test('RFC 7798 §4.4.2: an aggregation packet has the lowest LayerId and the lowest TID of its NAL units', () => {
    // LayerId 33 and TID 3, LayerId 2 and TID 5
    const [sent] = cut(format, stream('430bab', '2615cd'), 100)!;
    expect(sent!.payload).toEqual(fromHex('6013 0003 430bab 0003 2615cd'));
  });

  test('RFC 7798 §4.4.3: a fragment has the LayerId and TID of its NAL unit, and its type in the FU header', () => {
    const payloads = cut(format, stream('2601 a1a2a3a4a5'), 6)!.map(({ payload }) => payload);
    expect(payloads).toEqual([fromHex('620193 a1a2'), fromHex('620153 a3a4a5')]);
  });

  test('frames without start codes, and NAL units of types that are payloads, are not taken', () => {
    for (const hex of ['', '2601aa', '00000001 26', '00000001 6001aa', '00000001 6201aa', '00000001 6401aa']) {
      expect(cut(format, fromHex(hex), 100), hex).toBeNull();
    }
    expect(() => cut(format, stream('2601aa'), 3)).toThrow(RangeError);
  });
});

describe('payloads in PACI (RFC 7798 §4.4.4)', () => {
  // A 0, cType 19, PHSsize 3, F0: a temporal scalability control information of three bytes
  test('a NAL unit in PACI is read as if it stood alone', () => {
    const paci = fromHex('6401 2638 aabbcc a1a2');
    expect(format.assemble([paci])!.data).toEqual(stream('2601a1a2'));
    expect(format.inspect(paci)).toEqual({ startsFrame: true, isStartUncertain: true, isKeyFrame: true });
  });

  test('so are fragments, and without an extension', () => {
    const payloads = ['6401 6200 93a1', '6401 6238 aabbcc 53a2'].map(fromHex);
    expect(format.assemble(payloads)!.data).toEqual(stream('2601a1a2'));
  });

  test('and aggregation packets', () => {
    expect(format.assemble([fromHex('6401 60f0 0003 4001ab 0003 4201cd')])).toBeNull(); // the extension is longer
    expect(format.assemble([fromHex('6401 6000 0003 4001ab 0003 4201cd')])!.data).toEqual(stream('4001ab', '4201cd'));
  });

  test.each(['6401', '640126', '64012600', '640126f0aa', '6401643000', '6401 6400 2601a1'])(
    '%s is malformed',
    (hex) => {
      expect(format.inspect(fromHex(hex))).toBeNull();
      expect(format.assemble([fromHex(hex)])).toBeNull();
    },
  );
});

describe('inspect', () => {
  test.each([
    ['a VPS', '4001ab', { startsFrame: true, isKeyFrame: true }],
    ['a delimiter', '4601ab', { startsFrame: true, isKeyFrame: false }],
    ['an SPS', '4201ab', { startsFrame: true, isStartUncertain: true, isKeyFrame: true }],
    ['an SEI in front', '4e01ab', { startsFrame: true, isStartUncertain: true, isKeyFrame: false }],
    ['an SEI behind', '5001ab', { startsFrame: false, isKeyFrame: false }],
    ['the first slice of an IDR picture', '2601af', { startsFrame: true, isStartUncertain: true, isKeyFrame: true }],
    ['a later slice of a CRA picture', '2a0120', { startsFrame: false, isKeyFrame: true }],
    ['the first slice of another picture', '0201d0', { startsFrame: true, isStartUncertain: true, isKeyFrame: false }],
    ['the first fragment of an IDR slice', '620193af', { startsFrame: true, isStartUncertain: true, isKeyFrame: true }],
    ['the last fragment', '620153af', { startsFrame: false, isKeyFrame: true }],
    ['VPS and SPS together', '6001 0003 4001ab 0003 4201cd', { startsFrame: true, isKeyFrame: true }],
  ])('%s', (_, hex, expected) => {
    expect(format.inspect(fromHex(hex))).toEqual(expected);
  });

  test.each(['', '26', '6201', '6201f0', '6001', '6001 0001 40', '6001 0004 4001ab', '6601aa', '7e01aa'])(
    '%s is malformed',
    (hex) => expect(format.inspect(fromHex(hex))).toBeNull(),
  );
});

describe('the clip from FFmpeg', () => {
  const packets = readPackets('clip.h265.rtp');
  const frames = receiveFrames(format, packets);

  test('depacketized, it is the elementary stream', () => {
    const plain = concatBytes(...frames.map(({ data }) => data));
    // FFmpeg takes the first zero of a four-byte start code for the end of the NAL unit before it, and sends it.
    expect(splitNalUnits(plain)).toEqual(splitNalUnits(readFixture('clip.h265')));
    expect(frames.map(({ isKeyFrame }) => isKeyFrame)).toEqual(
      Array.from({ length: 15 }, (_, i) => i === 0 || i % 6 === 0),
    );
    expect(frames[0]!.metadata).toEqual({ temporalLayer: 0, width: 160, height: 112 });
  });

  test('cut by us at any size, it comes out the same', () => {
    for (const max of [4, 50, 500, 1000, 1200, 5000]) {
      for (const { data } of frames) {
        const payloads = cut(format, data, max)!.map(({ payload }) => payload);
        expect(format.assemble(payloads)!.data).toEqual(joinNalUnits(splitNalUnits(data)));
      }
    }
  });

  test('no truncation and no flipped bit makes anything throw', () => {
    for (const payload of [...packets.slice(0, 4).map((packet) => packet.payload), fromHex('6401 2638 aabbcc a1a2')]) {
      for (const bytes of damaged(payload.subarray(0, 60))) {
        format.inspect(bytes);
        const frame = format.assemble([bytes]);
        if (frame !== null) cut(format, frame.data, 20);
      }
    }
    for (const data of damaged(frames[0]!.data.subarray(0, 120))) {
      describeH265Frame(data);
      cut(format, data, 20);
      new ParameterSets('H265').complete({ data, isKeyFrame: true });
    }
  });
});

describe('parameter sets', () => {
  const [vps, sps, pps] = splitNalUnits(readFixture('clip.h265')) as [Uint8Array, Uint8Array, Uint8Array];

  test('the SPS has the size of the picture as it is shown, and the codec string', () => {
    const parsed = parseH265Sps(sps)!;
    expect(parsed).toMatchObject({
      width: 160,
      height: 112,
      id: 0,
      chromaFormatIdc: 1,
      bitDepthLuma: 8,
      temporalLayers: 1,
    });
    expect(h265CodecString(parsed)).toMatch(/^hev1\.1\.6\.L\d+\.90$/);
  });

  test('damaged, the SPS is null or plausible', () => {
    for (const bytes of damaged(sps)) {
      const parsed = parseH265Sps(bytes);
      if (parsed !== null) expect(parsed.width > 0 && parsed.height > 0).toBe(true);
    }
  });

  test('that travel apart are put in front of the next key frame, in the order in which they need each other', () => {
    const sets = new ParameterSets('H265');
    expect(sets.complete({ data: joinNalUnits([pps, vps]), isKeyFrame: false })).toBeNull();
    const frame = { data: joinNalUnits([fromHex('460150'), sps, fromHex('2601af')]), isKeyFrame: true };
    expect(splitNalUnits(sets.complete(frame)!.data)).toEqual([fromHex('460150'), vps, sps, pps, fromHex('2601af')]);
  });

  test('RFC 7798 §7.1: may come in sprop-vps, sprop-sps and sprop-pps', () => {
    const [v, s, p] = [vps, sps, pps].map((unit) => Buffer.from(unit).toString('base64'));
    const sets = new ParameterSets('H265', parseFormatParameters(`sprop-vps=${v};sprop-sps=${s};sprop-pps=${p}`));
    expect(sets.size).toBe(3);
  });
});
