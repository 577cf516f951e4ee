import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import { OBU, readAv1FrameHeader, readAv1SequenceHeader, readObus } from '../../../src/rtp/payload/bitstream/av1.ts';
import { readVp8FrameHeader } from '../../../src/rtp/payload/bitstream/vp8.ts';
import { makeVp9Superframe, readVp9FrameHeader, splitVp9Superframe } from '../../../src/rtp/payload/bitstream/vp9.ts';
import { bytes, readIvf } from './ivf-support.ts';
import { damaged } from './nal-support.ts';

describe('VP8', () => {
  test('RFC 6386 §9.1: a key frame tells its size, without the bits that ask to scale it', () => {
    expect(readVp8FrameHeader(fromHex('10 02 00 9d 01 2a 40 41 b4 80'))).toEqual({
      isKeyFrame: true,
      version: 0,
      isShown: true,
      firstPartitionLength: 16,
      width: 320,
      height: 180,
    });
    expect(readVp8FrameHeader(fromHex('23 00 00'))).toEqual({
      isKeyFrame: false,
      version: 1,
      isShown: false,
      firstPartitionLength: 1,
    });
    expect(readVp8FrameHeader(fromHex('10 02 00 9d 01 2b 40 41 b4 80'))).toBeNull();
  });
});

describe('VP9', () => {
  test('a key frame of libvpx tells its size and format', () => {
    expect(readVp9FrameHeader(readIvf('clip.vp9.ivf')[0]!)).toEqual({
      profile: 0,
      showsExistingFrame: false,
      isKeyFrame: true,
      isShown: true,
      isIntraOnly: false,
      bitDepth: 8,
      colorSpace: 0,
      subsamplingX: true,
      subsamplingY: true,
      width: 160,
      height: 112,
    });
  });

  test.each([
    [
      'profile 1: no subsampling',
      'a2 49 83 42 00 01 3e 00 de',
      { profile: 1, subsamplingX: false, subsamplingY: false, width: 160, height: 112 },
    ],
    ['profile 2: ten bits', '92 49 83 42 00 04 f8 03 78', { profile: 2, bitDepth: 10, width: 160, height: 112 }],
    ['an intra frame that is no key frame', '84 80', { isKeyFrame: false, isIntraOnly: true }],
    ['a frame that is shown again', '88', { showsExistingFrame: true, isKeyFrame: false }],
  ])('%s', (_title, hex, fields) => {
    expect(readVp9FrameHeader(fromHex(hex))).toMatchObject(fields);
  });

  test('superframes come apart as they were put together', () => {
    fc.assert(
      fc.property(fc.array(bytes(1, 400), { minLength: 1, maxLength: 8 }), (frames) => {
        const chunk = makeVp9Superframe(
          concatBytes(...frames),
          frames.map(({ length }) => length),
        );
        if (frames.length > 1) expect(splitVp9Superframe(chunk)).toEqual(frames);
        else expect(chunk).toEqual(frames[0]);
      }),
    );
  });

  test('Annex B: an index with sizes of two bytes, the lowest first', () => {
    const data = new Uint8Array(303);
    expect(makeVp9Superframe(data, [300, 3]).subarray(303)).toEqual(fromHex('c9 2c01 0300 c9'));
    expect(() => makeVp9Superframe(data, [300, 2])).toThrow(RangeError);
    expect(() => makeVp9Superframe(data, [])).toThrow(RangeError);
  });

  test('what only looks like an index is a frame', () => {
    for (const hex of ['c9', 'c9 0100 0300 c9', 'aa c9 0300 0300 c8', '']) {
      expect(splitVp9Superframe(fromHex(hex))).toEqual([fromHex(hex)]);
    }
  });
});

describe('AV1', () => {
  test('a sequence header of libaom tells profile, level, size and format', () => {
    const frame = readIvf('clip.av1.ivf')[0]!;
    const header = readObus(frame)!.find(({ type }) => type === OBU.sequenceHeader)!;
    expect(readAv1SequenceHeader(frame.subarray(header.payloadStart, header.end))).toEqual({
      profile: 0,
      isStillPicture: false,
      isReducedStillPictureHeader: false,
      level: 0,
      tier: 0,
      width: 160,
      height: 112,
      bitDepth: 8,
      isMonochrome: false,
      subsamplingX: true,
      subsamplingY: true,
    });
  });

  test('the first bits of a frame header tell key frames, hidden ones and those shown again', () => {
    expect(readAv1FrameHeader(fromHex('10'))).toEqual({ showsExistingFrame: false, isKeyFrame: true, isShown: true });
    expect(readAv1FrameHeader(fromHex('00'))).toEqual({ showsExistingFrame: false, isKeyFrame: true, isShown: false });
    expect(readAv1FrameHeader(fromHex('30'))).toEqual({ showsExistingFrame: false, isKeyFrame: false, isShown: true });
    expect(readAv1FrameHeader(fromHex('90'))).toEqual({ showsExistingFrame: true, isKeyFrame: false, isShown: true });
    expect(readAv1FrameHeader(fromHex(''), true)?.isKeyFrame).toBe(true);
    expect(readAv1FrameHeader(fromHex(''))).toBeNull();
  });
});

test('every truncation and every flipped bit of a header is taken without an exception', () => {
  const readers = [
    readVp8FrameHeader,
    readVp9FrameHeader,
    readAv1SequenceHeader,
    readAv1FrameHeader,
    readObus,
    splitVp9Superframe,
  ];
  const inputs = [
    readIvf('clip.vp8.ivf')[0]!.subarray(0, 20),
    readIvf('clip.vp9.ivf')[0]!.subarray(0, 20),
    readIvf('clip.av1.ivf')[0]!.subarray(0, 40),
    readIvf('clip.av1.ivf')[0]!.subarray(4, 14),
    makeVp9Superframe(new Uint8Array(10), [3, 7]),
  ];
  for (const bad of inputs.flatMap((input) => [...damaged(input)])) {
    for (const read of readers) read(bad);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bad) => {
      for (const read of readers) read(bad);
    }),
  );
});
