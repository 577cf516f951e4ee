import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import { parseFormatParameters } from '../../../src/rtp/codecs.ts';
import { joinNalUnits, splitNalUnits } from '../../../src/rtp/payload/annex-b.ts';
import { describeH264Frame, H264Format } from '../../../src/rtp/payload/h264.ts';
import { h264ProfileLevelId, parseH264Sps } from '../../../src/rtp/payload/h264-sps.ts';
import { ParameterSets } from '../../../src/rtp/payload/parameter-sets.ts';
import { byteStream, cut, damaged, nalUnits, readFixture, readPackets, receiveFrames } from './nal-support.ts';

const format = new H264Format();
const units = nalUnits(
  fc
    .integer({ min: 1, max: 0xff })
    .filter((h) => (h & 0x1f) > 0 && (h & 0x1f) < 24)
    .map((h) => [h]),
);
const SPS = fromHex('6742c01e d9 00 a0 47 fe c8'.replaceAll(' ', ''));

function stream(...hex: string[]): Uint8Array {
  return joinNalUnits(hex.map(fromHex));
}

describe('cutting and joining', () => {
  test('any frame survives any split', () => {
    fc.assert(
      fc.property(units, fc.integer({ min: 3, max: 1300 }), fc.integer(), (frame, max, startCodes) => {
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

  test('any loss is detected: frames come out whole or not at all', () => {
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
        // Nothing of weight may be missing: before an SPS or a delimiter there is at most what a decoder can do without.
        for (const { data } of receiveFrames(format, kept)) {
          const isWhole = whole.includes(String(data));
          const startsWithSps = [7, 9].includes(data[4]! & 0x1f);
          expect(isWhole || startsWithSps).toBe(true);
        }
      }),
    );
  });

  test('RFC 6184 §5.7: an aggregation packet has the highest NRI of its NAL units, and F where one of them has', () => {
    const [sent] = cut(format, stream('2701', 'e802', '4503'), 100)!;
    expect(sent!.payload).toEqual(fromHex('f8 0002 2701 0002 e802 0002 4503'));
  });

  test('RFC 6184 §5.8: the header of a fragmented NAL unit is split into the FU indicator and the FU header', () => {
    const payloads = cut(format, stream('65 a1a2a3a4a5a6'), 5)!.map(({ payload }) => payload);
    expect(payloads).toEqual([fromHex('7c85 a1a2a3'), fromHex('7c45 a4a5a6')]);
    expect(cut(format, stream('65 a1a2a3a4a5a6a7'), 5)!.map(({ payload }) => payload)).toEqual([
      fromHex('7c85 a1a2'),
      fromHex('7c05 a3a4'),
      fromHex('7c45 a5a6a7'),
    ]);
  });

  test('RFC 6184 §6.2: in packetization mode 0 each NAL unit is a packet, and one that is too long cannot go', () => {
    const single = new H264Format({ packetizationMode: 0 });
    const payloads = cut(single, stream('6701', '6802', '6503'), 100)!.map(({ payload }) => payload);
    expect(payloads).toEqual([fromHex('6701'), fromHex('6802'), fromHex('6503')]);
    expect(cut(single, joinNalUnits([new Uint8Array(101).fill(0x65)]), 100)).toBeNull();
  });

  test('frames without start codes, and NAL units of types that are payloads, are not taken', () => {
    for (const hex of ['', '00', '000001', '65010203', '0000000265aa', '01000001650102']) {
      expect(cut(format, fromHex(hex), 100), hex).toBeNull();
    }
    for (const header of ['00', '18', '1c', '1f']) expect(cut(format, stream(`${header}80`, '6588'), 100)).toBeNull();
  });

  test('zeros behind NAL units and empty ones between start codes are dropped', () => {
    const [sent, ...rest] = cut(format, fromHex('00000000 0165880000 000001 00000001 41e0 0000'), 3)!;
    expect([sent!.payload, rest[0]!.payload]).toEqual([fromHex('6588'), fromHex('41e0')]);
    expect(rest).toHaveLength(1);
  });

  test('a limit without room for content is the caller’s mistake', () => {
    expect(() => cut(format, stream('6588'), 2)).toThrow(RangeError);
    expect(() => cut(format, stream('6588'), Number.NaN)).toThrow(RangeError);
  });
});

describe('what does not fit together', () => {
  test.each([
    ['nothing', []],
    ['an empty payload', ['']],
    ['a fragment without its start', ['7c05a1', '7c45a2']],
    ['a fragment without its end', ['7c85a1', '7c05a2']],
    ['a start in the middle of a fragmented NAL unit', ['7c85a1', '7c85a2', '7c45a3']],
    ['a fragment of another type', ['7c85a1', '7c41a2']],
    ['a whole NAL unit among fragments', ['7c85a1', '6588', '7c45a2']],
    ['a fragmentation unit without its header', ['7c']],
    ['a fragment of an aggregation packet', ['7cd8a1']],
    ['an aggregation packet of nothing', ['78']],
    ['a unit longer than its packet', ['78 0003 6588']],
    ['an empty unit', ['78 0000 0002 6588']],
    ['half a length', ['78 0002 6588 00']],
    ['an aggregation packet in another', ['78 0005 78 0002 6588']],
    ['STAP-B', ['79 0000 0002 6588']],
    ['FU-B', ['7d850000a1']],
  ])('%s is no frame', (_, payloads) => {
    expect(format.assemble(payloads.map(fromHex))).toBeNull();
  });

  test('a NAL unit in one fragment, which RFC 6184 §5.8 forbids, is read', () => {
    expect(format.assemble([fromHex('7cc5a1a2')])!.data).toEqual(stream('65a1a2'));
  });

  test('RFC 6184 §5.8: the reserved bit of the FU header is ignored', () => {
    expect(format.assemble([fromHex('7ca5a1'), fromHex('7c65a2')])!.data).toEqual(stream('65a1a2'));
  });
});

describe('inspect', () => {
  test.each([
    ['an SPS', '6742c01e', { startsFrame: true, isKeyFrame: true }],
    ['a delimiter', '0910', { startsFrame: true, isKeyFrame: false }],
    ['a PPS', '68ce3880', { startsFrame: true, isStartUncertain: true, isKeyFrame: false }],
    ['an SEI', '0605ff', { startsFrame: true, isStartUncertain: true, isKeyFrame: false }],
    ['the first slice of an IDR picture', '6588', { startsFrame: true, isStartUncertain: true, isKeyFrame: true }],
    ['a later slice of an IDR picture', '6542', { startsFrame: false, isKeyFrame: true }],
    ['the first slice of another picture', '419a', { startsFrame: true, isStartUncertain: true, isKeyFrame: false }],
    ['a later slice of another picture', '4155', { startsFrame: false, isKeyFrame: false }],
    ['the first fragment of an IDR slice', '7c8588', { startsFrame: true, isStartUncertain: true, isKeyFrame: true }],
    ['the first fragment of a later slice', '7c8142', { startsFrame: false, isKeyFrame: false }],
    ['a fragment from the middle', '7c0588', { startsFrame: false, isKeyFrame: true }],
    ['SPS and PPS together', '78 0002 6742 0002 68ce', { startsFrame: true, isKeyFrame: true }],
    [
      'a slice and an IDR slice together',
      '78 0002 419a 0002 6542',
      { startsFrame: true, isStartUncertain: true, isKeyFrame: true },
    ],
    ['filler data', '0cff80', { startsFrame: false, isKeyFrame: false }],
  ])('%s', (_, hex, expected) => {
    expect(format.inspect(fromHex(hex))).toEqual(expected);
  });

  test.each(['', '00', '7c', '7c98', '78', '780004674201', '790000', '1f'])('%s is malformed', (hex) => {
    expect(format.inspect(fromHex(hex))).toBeNull();
  });
});

describe('the clip from FFmpeg', () => {
  const elementaryStream = readFixture('clip.h264');
  const packets = readPackets('clip.h264.rtp');
  const frames = receiveFrames(format, packets);

  test('depacketized, it is the elementary stream', () => {
    const plain = concatBytes(...frames.map(({ data }) => data));
    expect(plain).toEqual(joinNalUnits(splitNalUnits(elementaryStream)));
    expect(frames.map(({ isKeyFrame }) => isKeyFrame)).toEqual(Array.from({ length: 15 }, (_, i) => i % 6 === 0));
  });

  test('key frames tell their size', () => {
    expect(frames[0]!.metadata).toEqual({ width: 160, height: 112, isDiscardable: false });
    expect(frames[1]!.metadata).toEqual({ isDiscardable: false });
  });

  test('cut by us at any size, it comes out the same', () => {
    for (const max of [3, 50, 500, 1000, 1200, 5000]) {
      for (const { data } of frames) {
        expect(format.assemble(cut(format, data, max)!.map(({ payload }) => payload))!.data).toEqual(data);
      }
    }
  });

  test('no truncation and no flipped bit makes anything throw', () => {
    for (const { payload } of packets.slice(0, 6)) {
      const start = payload.subarray(0, 60);
      for (const bytes of damaged(start)) {
        format.inspect(bytes);
        const frame = format.assemble([bytes]);
        if (frame !== null) cut(format, frame.data, 20);
      }
    }
    for (const data of damaged(frames[0]!.data.subarray(0, 60))) {
      describeH264Frame(data);
      cut(format, data, 20);
      new ParameterSets('H264').complete({ data, isKeyFrame: true });
    }
  });
});

describe('the sequence parameter set', () => {
  test('has the size of the picture as it is shown, and the profile-level-id', () => {
    const [unit] = splitNalUnits(readFixture('clip.h264')).filter((candidate) => (candidate[0]! & 0x1f) === 7);
    const sps = parseH264Sps(unit!)!;
    expect([sps.width, sps.height, sps.chromaFormatIdc, sps.bitDepthLuma]).toEqual([160, 112, 1, 8]);
    expect(h264ProfileLevelId(sps)).toMatch(/^42c00[0-9a-f]$/);
  });

  test('of 1080 lines: 68 rows of macroblocks, less what is cropped', () => {
    // High profile, level 4, 120 × 68 macroblocks, cropped by 4 × 2 lines at the bottom.
    const sps = parseH264Sps(fromHex('67640028acd940780227e5c05a808080a0'))!;
    expect([sps.width, sps.height, sps.profileIdc, sps.levelIdc]).toEqual([1920, 1080, 100, 40]);
  });

  test('damaged, is null or plausible', () => {
    for (const unit of [SPS, fromHex('67640028acd940780227e5c05a808080a0')]) {
      for (const bytes of damaged(unit)) {
        const sps = parseH264Sps(bytes);
        if (sps !== null) expect(sps.width > 0 && sps.height > 0 && sps.width <= 16_888).toBe(true);
      }
    }
  });
});

describe('parameter sets that travel apart', () => {
  const [sps, pps] = splitNalUnits(readFixture('clip.h264')) as [Uint8Array, Uint8Array];
  const idr = joinNalUnits([fromHex('6588840a')]);

  test('are put in front of the next key frame', () => {
    const sets = new ParameterSets('H264');
    expect(sets.complete({ data: joinNalUnits([sps, pps]), isKeyFrame: false })).toBeNull();
    const delta = { data: stream('419a02'), isKeyFrame: false };
    expect(sets.complete(delta)).toBe(delta);
    expect(sets.complete({ data: idr, isKeyFrame: true })!.data).toEqual(joinNalUnits([sps, pps, fromHex('6588840a')]));
  });

  test('one that is in the frame is taken from there, and all stand behind the delimiter', () => {
    const sets = new ParameterSets('H264');
    sets.complete({ data: joinNalUnits([sps, pps]), isKeyFrame: false });
    const newer = concatBytes(sps.subarray(0, -1), Uint8Array.of(sps.at(-1)! ^ 0x40));
    const frame = { data: joinNalUnits([fromHex('0910'), newer, fromHex('6588840a')]), isKeyFrame: true };
    expect(splitNalUnits(sets.complete(frame)!.data)).toEqual([fromHex('0910'), newer, pps, fromHex('6588840a')]);
  });

  test('a key frame that has them all is left alone', () => {
    const frame = { data: joinNalUnits([sps, pps, fromHex('6588840a')]), isKeyFrame: true };
    expect(new ParameterSets('H264').complete(frame)).toBe(frame);
  });

  test('RFC 6184 §8.1: may come in sprop-parameter-sets', () => {
    const base64 = [sps, pps].map((unit) => Buffer.from(unit).toString('base64')).join(',');
    const sets = new ParameterSets(
      'H264',
      parseFormatParameters(`packetization-mode=1;sprop-parameter-sets=${base64}`),
    );
    expect(sets.complete({ data: idr, isKeyFrame: true })!.data).toEqual(joinNalUnits([sps, pps, fromHex('6588840a')]));
    for (const bad of ['', '=', 'A', 'not base64!', 'AAAAA', '%%%%']) {
      expect(new ParameterSets('H264', parseFormatParameters(`sprop-parameter-sets=${bad}`)).size).toBe(0);
    }
  });

  test('limits how many it keeps, and how long ones', () => {
    const sets = new ParameterSets('H264');
    // PPS ids 0 … 254 as ue(v): id + 1 in 17 bits behind as many zeros as it has digits.
    for (let id = 0; id < 255; id++) {
      const digits = (id + 1).toString(2);
      const bits = `${'0'.repeat(digits.length - 1)}${digits}1`.padEnd(32, '0');
      const bytes = bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
      sets.complete({ data: joinNalUnits([Uint8Array.of(0x68, ...bytes, 0x11)]), isKeyFrame: false });
    }
    expect(sets.size).toBe(32);
    const long = concatBytes(sps, new Uint8Array(5000).fill(0x55));
    const empty = new ParameterSets('H264');
    empty.complete({ data: joinNalUnits([long]), isKeyFrame: false });
    expect(empty.size).toBe(0);
  });
});
