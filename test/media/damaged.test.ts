import { describe, expect, test, vi } from 'vitest';
import { fromHex } from '../../src/binary/bytes.ts';
import {
  av1Converter,
  lengthPrefixedToAnnexB,
  nalUnitConverter,
  normalizeAv1,
  parseAvcConfiguration,
  parseHevcConfiguration,
} from '../../src/media/files/decoder-configuration.ts';
import {
  type MediaFileFormat,
  MediaFileWriter,
  opusSilenceFrames,
  readMediaFile,
  toneFrames,
  vp8TestPicture,
} from '../../src/media/index.ts';
import { damaged } from '../rtp/payload/nal-support.ts';

const PCMU = { mimeType: 'audio/PCMU', clockRate: 8000, channels: 1 };

async function make(format: MediaFileFormat): Promise<Uint8Array> {
  const writer = new MediaFileWriter({ format });
  if (format !== 'wav' && format !== 'ogg') {
    const track = writer.addTrack({ mimeType: 'video/VP8', clockRate: 90_000 });
    const data = vp8TestPicture({ width: 32, height: 32, colorAt: () => [90, 100, 110] });
    for (let i = 0; i < 3; i++) track.write({ type: 'key', timestamp: 40_000 * i, data });
  } else if (format === 'wav') {
    const track = writer.addTrack(PCMU);
    for (const frame of toneFrames(PCMU, { durationMs: 60 })) track.write(frame);
  } else {
    const track = writer.addTrack({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 });
    for (const frame of opusSilenceFrames({ durationMs: 60 })) track.write(frame);
  }
  return (await writer.finalize())!;
}

/** How many frames can be got out of it, or what is said. */
async function read(bytes: Uint8Array): Promise<number | Error> {
  try {
    let count = 0;
    const file = await readMediaFile(bytes);
    for (const track of file.tracks) for await (const frame of track.frames()) count += frame.data.length > 0 ? 1 : 0;
    return count;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return error as Error;
  }
}

describe('damaged files', () => {
  test.each(['webm', 'mp4', 'ogg', 'wav', 'ivf'] as const)(
    '%s: an error or fewer frames, and an end',
    async (format) => {
      vi.spyOn(console, 'warn').mockImplementation(() => {});
      vi.spyOn(console, 'error').mockImplementation(() => {});
      const bytes = await make(format);
      expect(await read(bytes)).toBe(3);
      const step = Math.max(1, Math.floor(bytes.length / 40));
      for (let length = 0; length < bytes.length; length += step) await read(bytes.subarray(0, length));
      for (let i = 0; i < Math.min(bytes.length, 400); i += 3) {
        for (const mask of [0x01, 0x80, 0xff]) {
          const copy = bytes.slice();
          copy[i]! ^= mask;
          await read(copy);
        }
      }
      vi.restoreAllMocks();
    },
  );
});

describe('decoder configurations', () => {
  const avc = fromHex('0142c01effe1 0004 6742c01e 01 0002 68ce');
  const hevc = fromHex(`01${'00'.repeat(20)}03 02 20 0001 0003 4001ab a1 0001 0003 4201cd`);

  test('of H.264 (ISO/IEC 14496-15 §5.3.3.1) and H.265 (§8.3.3.1) have parameter sets, and how long a length is', () => {
    expect(parseAvcConfiguration(avc)).toEqual({ lengthSize: 4, units: [fromHex('6742c01e'), fromHex('68ce')] });
    expect(parseHevcConfiguration(hevc)).toEqual({ lengthSize: 4, units: [fromHex('4001ab'), fromHex('4201cd')] });
  });

  test('damaged, are null or whole', () => {
    for (const bytes of damaged(avc)) parseAvcConfiguration(bytes);
    for (const bytes of damaged(hevc)) parseHevcConfiguration(bytes);
    expect(parseAvcConfiguration(avc.subarray(0, -1))).toBeNull();
    expect(parseHevcConfiguration(hevc.subarray(0, -1))).toBeNull();
    expect(nalUnitConverter('H264', avc.subarray(0, -1))).toBeNull();
  });

  test('NAL units behind lengths of 1, 2 and 4 bytes become a byte stream; a length past the end is an error', () => {
    for (const hex of ['02 6588 01 41', '0002 6588 0001 41', '00000002 6588 00000001 41']) {
      const bytes = fromHex(hex);
      const size = (bytes.length - 3) / 2;
      expect(lengthPrefixedToAnnexB(bytes, size)).toEqual(fromHex('00000001 6588 00000001 41'));
      expect(lengthPrefixedToAnnexB(bytes.subarray(0, -1), size)).toBeNull();
    }
  });
});

describe('AV1 from files', () => {
  const sequenceHeader = '0a 03 010203';

  test('loses temporal delimiters and gains sizes', () => {
    expect(normalizeAv1(fromHex(`1200 ${sequenceHeader} 30 aabb`))).toEqual(fromHex(`${sequenceHeader} 32 02 aabb`));
    const fine = fromHex(`${sequenceHeader} 32 02 aabb`);
    expect(normalizeAv1(fine)).toBe(fine);
    expect(normalizeAv1(fromHex('1200'))).toBeNull();
    expect(normalizeAv1(fromHex('ff'))).toBeNull();
  });

  test('gets its sequence header from the configuration where a key frame has none', () => {
    const convert = av1Converter(fromHex(`81000c00 ${sequenceHeader}`));
    expect(convert(fromHex('3202aabb'), true)).toEqual(fromHex(`${sequenceHeader} 3202aabb`));
    expect(convert(fromHex('3202aabb'), false)).toEqual(fromHex('3202aabb'));
    expect(convert(fromHex(`${sequenceHeader} 3202aabb`), true)).toEqual(fromHex(`${sequenceHeader} 3202aabb`));
  });
});
