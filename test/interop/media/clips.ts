/** What we send in the tests: synthetic, or made by FFmpeg as files and read as an application would. */
import { join } from 'node:path';
import {
  type EncodedMediaFrame,
  readMediaFile,
  toneFrames,
  vp8TestPicture,
  type Yuv,
  yuvOf,
} from '../../../src/media/index.ts';
import { ffmpeg } from '../../media/ffmpeg.ts';
import type { Rgb } from './media-browser.ts';
import type { Clip } from './player.ts';

export const RED: Rgb = [255, 0, 0];
export const GREEN: Rgb = [0, 255, 0];
export const BLUE: Rgb = [0, 0, 255];

const WIDTH = 320;
const HEIGHT = 240;
const PICTURE_US = 100_000;

/** A picture of flat colours, ten times a second. */
export function pictureClip(left: Rgb, right: Rgb = left): Clip {
  const [leftYuv, rightYuv]: Yuv[] = [yuvOf(...left), yuvOf(...right)];
  const data = vp8TestPicture({
    width: WIDTH,
    height: HEIGHT,
    colorAt: (column) => (column < WIDTH / 16 / 2 ? leftYuv! : rightYuv!),
  });
  return { kind: 'video', codec: 'video/VP8', frames: [{ type: 'key', timestamp: 0, data }], length: PICTURE_US };
}

/** A tone of a whole number of periods, so that it goes on without a click. */
export function toneClip(name: 'PCMU' | 'PCMA', frequency: number): Clip {
  const codec = { mimeType: `audio/${name}`, clockRate: 8_000, channels: 1 };
  return { kind: 'audio', codec, frames: [...toneFrames(codec, { frequency, durationMs: 1_000 })], length: 1_000_000 };
}

const VIDEO_ENCODERS = {
  VP8: ['webm', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0'],
  VP9: ['webm', '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-lag-in-frames', '0'],
  H264: ['mp4', '-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'ultrafast', '-tune', 'zerolatency'],
  AV1: ['mp4', '-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-lag-in-frames', '0'],
} as const;

export type VideoCodec = keyof typeof VIDEO_ENCODERS;

/** Red to the left and green to the right, a second of it with two key frames. */
export async function videoFileClip(folder: string, codec: VideoCodec): Promise<Clip> {
  const [extension, ...encoder] = VIDEO_ENCODERS[codec];
  const path = join(folder, `red-green-${codec}.${extension}`);
  const half = `size=${WIDTH / 2}x${HEIGHT}:rate=20:duration=1`;
  const sources = [`color=red:${half}`, `color=lime:${half}`].flatMap((source) => ['-f', 'lavfi', '-i', source]);
  ffmpeg(...sources, '-filter_complex', 'hstack', '-pix_fmt', 'yuv420p', ...encoder, '-g', '10', '-b:v', '300k', path);
  return readClip(path, 1_000_000);
}

export async function opusFileClip(folder: string, frequency: number): Promise<Clip> {
  const path = join(folder, `tone-${frequency}.ogg`);
  ffmpeg('-f', 'lavfi', '-i', `sine=frequency=${frequency}:sample_rate=48000:duration=2`, '-c:a', 'libopus', path);
  return readClip(path, 2_000_000);
}

async function readClip(path: string, length: number): Promise<Clip> {
  const file = await readMediaFile(path);
  const [track] = file.tracks;
  const frames: EncodedMediaFrame[] = [];
  for await (const frame of track!.frames()) if (frame.timestamp < length) frames.push(frame);
  file.close();
  const first = frames[0]!.timestamp;
  return {
    kind: track!.kind,
    codec: track!.codec,
    frames: frames.map((frame) => ({ ...frame, timestamp: frame.timestamp - first })),
    length,
  };
}
