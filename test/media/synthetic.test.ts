import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MediaFileWriter,
  opusSilenceFrames,
  toneFrames,
  vp8TestPicture,
  type Yuv,
  yuvOf,
} from '../../src/media/index.ts';
import { readVp8FrameHeader } from '../../src/rtp/payload/bitstream/vp8.ts';
import { decodePcma, decodePcmu } from '../../src/rtp/payload/g711.ts';
import { opusPacketDuration } from '../../src/rtp/payload/opus.ts';
import { complaints, ffmpeg, firstPicture, hasFfmpeg, makeFolder } from './ffmpeg.ts';

const folder = makeFolder();

/** The colour of each square in a picture that FFmpeg decoded; `null` for one that is not flat. */
function squares(picture: Uint8Array, width: number, height: number): (Yuv | null)[] {
  const chromaWidth = Math.ceil(width / 2);
  const chromaStart = [width * height, width * height + chromaWidth * Math.ceil(height / 2)];
  const found: (Yuv | null)[] = [];
  for (let row = 0; row < Math.ceil(height / 16); row++) {
    for (let column = 0; column < Math.ceil(width / 16); column++) {
      const seen = [new Set<number>(), new Set<number>(), new Set<number>()];
      for (let y = 16 * row; y < Math.min(height, 16 * row + 16); y++) {
        for (let x = 16 * column; x < Math.min(width, 16 * column + 16); x++) {
          seen[0]!.add(picture[y * width + x]!);
          for (const plane of [0, 1]) {
            seen[plane + 1]!.add(picture[chromaStart[plane]! + (y >> 1) * chromaWidth + (x >> 1)]!);
          }
        }
      }
      found.push(seen.every(({ size }) => size === 1) ? (seen.map((set) => [...set][0]) as unknown as Yuv) : null);
    }
  }
  return found;
}

async function decode(frame: Uint8Array): Promise<Uint8Array> {
  const path = join(folder, 'picture.ivf');
  const writer = new MediaFileWriter({ target: path });
  writer.addTrack({ mimeType: 'video/VP8', clockRate: 90_000 }).write({ type: 'key', timestamp: 0, data: frame });
  await writer.finalize();
  expect(complaints(path)).toBe('');
  return firstPicture(path);
}

describe('pictures of VP8', () => {
  test('are key frames with their size', () => {
    const frame = vp8TestPicture({ width: 321, height: 243, colorAt: () => [100, 120, 140] });
    expect(readVp8FrameHeader(frame)).toMatchObject({ isKeyFrame: true, isShown: true, width: 321, height: 243 });
    expect(frame.length).toBeLessThan(500);
  });

  test('of a size that VP8 does not have are the caller’s mistake', () => {
    for (const width of [0, 16_384, 1.5]) {
      expect(() => vp8TestPicture({ width, height: 16, colorAt: () => [0, 0, 0] })).toThrow(RangeError);
    }
  });

  test.skipIf(!hasFfmpeg)('decode to just the colours asked for, whatever they are', async () => {
    const color = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
    const picture = fc
      .record({ width: fc.integer({ min: 1, max: 200 }), height: fc.integer({ min: 1, max: 100 }) })
      .chain(({ width, height }) => {
        const count = Math.ceil(width / 16) * Math.ceil(height / 16);
        const colors = fc.array(color, { minLength: count, maxLength: count });
        return fc.record({ width: fc.constant(width), height: fc.constant(height), colors });
      });
    await fc.assert(
      fc.asyncProperty(picture, async ({ width, height, colors }) => {
        const columns = Math.ceil(width / 16);
        const frame = vp8TestPicture({ width, height, colorAt: (column, row) => colors[row * columns + column]! });
        expect(squares(await decode(frame), width, height)).toEqual(colors);
      }),
      { numRuns: 15 },
    );
  });

  test.skipIf(!hasFfmpeg)('left red and right green is that in RGB', async () => {
    const colorAt = (column: number): Yuv => (column < 4 ? yuvOf(255, 0, 0) : yuvOf(0, 255, 0));
    const frame = vp8TestPicture({ width: 128, height: 64, colorAt });
    await decode(frame);
    const rgb = ffmpeg('-i', join(folder, 'picture.ivf'), '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
    const pixel = (x: number, y: number) => [...rgb.subarray(3 * (y * 128 + x), 3 * (y * 128 + x) + 3)];
    const isNear = (found: number[], wanted: number[]) => found.every((value, i) => Math.abs(value - wanted[i]!) <= 3);
    expect(isNear(pixel(10, 30), [255, 0, 0])).toBe(true);
    expect(isNear(pixel(100, 30), [0, 255, 0])).toBe(true);
  });
});

describe('tones', () => {
  test('have their frequency and amplitude, without a break between frames', () => {
    for (const [mimeType, decodeBytes] of [
      ['audio/PCMU', decodePcmu],
      ['audio/PCMA', decodePcma],
    ] as const) {
      const codec = { mimeType, clockRate: 8000, channels: 1 };
      const frames = [...toneFrames(codec, { frequency: 1000, amplitude: 0.5, durationMs: 100 })];
      expect(frames.map(({ timestamp, duration }) => [timestamp, duration])).toEqual(
        [0, 1, 2, 3, 4].map((i) => [20_000 * i, 20_000]),
      );
      const samples = frames.flatMap(({ data }) => [...decodeBytes(data)]);
      // A quarter of a period is two samples.
      samples.forEach((sample, i) => {
        expect(Math.abs(sample - 16_384 * Math.sin((Math.PI * i) / 4))).toBeLessThan(600);
      });
    }
  });

  test('of L16 have the high byte first, and all channels alike', () => {
    const codec = { mimeType: 'audio/L16', clockRate: 48_000, channels: 2 };
    const [frame] = toneFrames(codec, { frequency: 12_000, amplitude: 1, frameMs: 5 });
    expect(frame!.data.length).toBe(960);
    expect([...frame!.data.subarray(4, 8)]).toEqual([0x7f, 0xff, 0x7f, 0xff]);
  });

  test('of other codecs are the caller’s mistake', () => {
    expect(() => toneFrames({ mimeType: 'audio/opus', clockRate: 48_000 }).next()).toThrow(TypeError);
  });
});

describe('silence of Opus', () => {
  test('is packets of 20 ms', () => {
    const frames = [...opusSilenceFrames({ durationMs: 60 })];
    expect(frames.map(({ timestamp, data }) => [timestamp, opusPacketDuration(data)])).toEqual([
      [0, 960],
      [20_000, 960],
      [40_000, 960],
    ]);
  });

  test.skipIf(!hasFfmpeg)('is heard as silence', async () => {
    const writer = new MediaFileWriter({ format: 'ogg' });
    const track = writer.addTrack({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 });
    for (const frame of opusSilenceFrames({ durationMs: 1000 })) track.write(frame);
    const path = join(folder, 'silence.ogg');
    writeFileSync(path, (await writer.finalize())!);
    const samples = ffmpeg('-i', path, '-f', 's16le', '-');
    expect(samples.length).toBeGreaterThan(180_000);
    expect(samples.every((byte) => byte === 0)).toBe(true);
  });
});
