import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/binary/bytes.ts';
import {
  type EncodedMediaFrame,
  type MediaCodec,
  type MediaFileFormat,
  MediaFileWriter,
  opusSilenceFrames,
  readMediaFile,
  toneFrames,
  vp8TestPicture,
  yuvOf,
} from '../../src/media/index.ts';
import { joinNalUnits, splitNalUnits } from '../../src/rtp/payload/annex-b.ts';
import { splitVp9Superframe } from '../../src/rtp/payload/bitstream/vp9.ts';
import { AUDIO_SOURCE, complaints, ffmpeg, hasFfmpeg, makeFolder, packetTimes, probe, VIDEO_SOURCE } from './ffmpeg.ts';

const folder = makeFolder();
const VP8: MediaCodec = { mimeType: 'video/VP8', clockRate: 90_000 };
const OPUS: MediaCodec = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2 };
const PCMU: MediaCodec = { mimeType: 'audio/PCMU', clockRate: 8000, channels: 1 };
const RED = vp8TestPicture({ width: 64, height: 48, colorAt: () => yuvOf(255, 0, 0) });
const ENCODERS = {
  VP8: ['-c:v', 'libvpx', '-g', '10', '-deadline', 'realtime'],
  VP9: ['-c:v', 'libvpx-vp9', '-g', '10', '-deadline', 'realtime'],
  AV1: ['-c:v', 'libaom-av1', '-g', '10', '-usage', 'realtime', '-cpu-used', '8'],
  H264: ['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'ultrafast', '-g', '10'],
  H265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=0:keyint=10:min-keyint=10'],
} as const;
const MADE = new Map<string, Promise<{ codec: MediaCodec; frames: EncodedMediaFrame[] }>>();

/** 50 frames of a codec, made once. */
function clip(codec: keyof typeof ENCODERS): Promise<{ codec: MediaCodec; frames: EncodedMediaFrame[] }> {
  let made = MADE.get(codec);
  if (made === undefined) {
    const path = join(folder, `source-${codec}.${codec.startsWith('H') ? 'mp4' : 'webm'}`);
    ffmpeg(...VIDEO_SOURCE, ...ENCODERS[codec], path);
    made = load(path);
    MADE.set(codec, made);
  }
  return made;
}

async function load(path: string): Promise<{ codec: MediaCodec; frames: EncodedMediaFrame[] }> {
  const [track] = (await readMediaFile(path)).tracks;
  const frames: EncodedMediaFrame[] = [];
  for await (const frame of track!.frames()) frames.push(frame);
  return { codec: track!.codec, frames };
}

/** As frames arrive from a call: from anywhere on the clock, without durations. */
function asReceived(frames: readonly EncodedMediaFrame[], offset = 123_456_789_012): EncodedMediaFrame[] {
  return frames.map(({ type, data, timestamp }) => ({ type, data, timestamp: timestamp + offset }));
}

function video(count: number, stepUs = 40_000): EncodedMediaFrame[] {
  return Array.from({ length: count }, (_, i) => ({ type: 'key', timestamp: i * stepUs, data: RED }));
}

describe.skipIf(!hasFfmpeg)('FFmpeg reads what was written', () => {
  test.each([
    ['VP8', 'webm', 'vp8'],
    ['VP9', 'webm', 'vp9'],
    ['AV1', 'webm', 'av1'],
    ['VP8', 'mkv', 'vp8'],
    ['H264', 'mp4', 'h264'],
    ['H265', 'mp4', 'hevc'],
    ['VP9', 'mp4', 'vp9'],
    ['AV1', 'mp4', 'av1'],
    ['VP8', 'ivf', 'vp8'],
    ['VP9', 'ivf', 'vp9'],
    ['AV1', 'ivf', 'av1'],
    ['H264', 'ivf', 'h264'],
  ] as const)(
    '%s in %s: 50 frames, none of which it complains of, with their timestamps',
    async (name, format, expected) => {
      const { codec, frames } = await clip(name);
      const path = join(folder, `${name}.${format}`);
      const writer = new MediaFileWriter({ target: path });
      const track = writer.addTrack(codec);
      for (const frame of asReceived(frames)) track.write(frame);
      expect(await writer.finalize()).toBeNull();
      expect(writer.stats).toEqual({ framesWritten: frames.length, framesBeforeStart: 0, framesDropped: 0 });
      const [stream] = probe(path);
      expect(stream).toMatchObject({ codec_name: expected, width: 176, height: 144, nb_read_frames: '50' });
      expect(complaints(path)).toBe('');
      const times = packetTimes(path, 'v:0').map((time) => Math.round(time * 1000));
      expect(times).toEqual(frames.map(({ timestamp }) => Math.round(timestamp / 1000)));
      const again = await load(path);
      expect(again.frames.map(({ data }) => data)).toEqual(frames.map(({ data }) => data));
    },
  );

  test.each(['webm', 'mkv', 'mp4', 'ogg'] as const)('Opus in %s', async (format) => {
    const path = join(folder, `opus.${format}`);
    const writer = new MediaFileWriter({ target: pathToFileURL(path) });
    const track = writer.addTrack(OPUS);
    for (const frame of asReceived([...opusSilenceFrames({ durationMs: 2000 })])) track.write(frame);
    await writer.finalize();
    expect(probe(path)).toMatchObject([{ codec_name: 'opus', channels: 2, nb_read_frames: '100' }]);
    expect(complaints(path)).toBe('');
    expect(packetTimes(path, 'a:0')[99]).toBeCloseTo(1.98, 2);
  });

  test.each([
    ['audio/PCMU', 'wav', 'pcm_mulaw'],
    ['audio/PCMA', 'wav', 'pcm_alaw'],
    ['audio/L16', 'wav', 'pcm_s16le'],
    ['audio/PCMU', 'mkv', 'pcm_s16le'],
    ['audio/PCMA', 'mkv', 'pcm_s16le'],
    ['audio/L16', 'mkv', 'pcm_s16le'],
    ['audio/PCMU', 'mp4', 'pcm_s16le'],
  ] as const)('%s in %s is %s', async (mimeType, format, expected) => {
    const path = join(folder, `${mimeType.slice(6)}.${format}`);
    const writer = new MediaFileWriter({ target: path });
    const codec = { mimeType, clockRate: 8000, channels: 1 };
    const track = writer.addTrack(codec);
    const frames = [...toneFrames(codec, { durationMs: 1000 })];
    for (const frame of asReceived(frames)) track.write(frame);
    await writer.finalize();
    expect(probe(path)).toMatchObject([{ codec_name: expected, sample_rate: '8000', channels: 1 }]);
    expect(complaints(path)).toBe('');
    const samples = ffmpeg('-i', path, '-f', 's16le', '-');
    expect(samples.length).toBe(16_000);
    const again = await readMediaFile(path, { pcm: mimeType.slice(6) as 'PCMU' });
    const data: Uint8Array[] = [];
    for await (const frame of again.tracks[0]!.frames()) data.push(frame.data);
    expect(concatBytes(...data)).toEqual(concatBytes(...frames.map((frame) => frame.data)));
  });

  test('video and sound: one time for both, which begins with the first key frame', async () => {
    const path = join(folder, 'both.webm');
    const { codec, frames } = await clip('VP8');
    const writer = new MediaFileWriter({ target: path });
    const [videoTrack, audioTrack] = [writer.addTrack(codec), writer.addTrack(OPUS)];
    const sound = [...opusSilenceFrames({ durationMs: 2000 })];
    // We join at picture 5, of which only number 10 is a key frame.
    const all = [
      ...frames.slice(5).map((frame) => ({ frame, track: videoTrack })),
      ...sound.slice(10).map((frame) => ({ frame, track: audioTrack })),
    ].sort((a, b) => a.frame.timestamp - b.frame.timestamp);
    for (const { frame, track } of all) track.write({ ...frame, timestamp: frame.timestamp + 1e9 });
    await writer.finalize();
    expect(writer.stats).toEqual({ framesWritten: 40 + 80, framesBeforeStart: 5 + 10, framesDropped: 0 });
    expect(probe(path).map(({ nb_read_frames }) => nb_read_frames)).toEqual(['40', '80']);
    expect(packetTimes(path, 'v:0').slice(0, 2)).toEqual([0, 0.04]);
    expect(packetTimes(path, 'a:0').slice(0, 2)).toEqual([0, 0.02]);
    expect(complaints(path)).toBe('');
  });

  test('H.264 whose parameter sets came apart', async () => {
    const { codec, frames } = await clip('H264');
    const path = join(folder, 'apart.mp4');
    const writer = new MediaFileWriter({ target: path });
    const track = writer.addTrack(codec);
    const isSet = (unit: Uint8Array) => [7, 8].includes(unit[0]! & 0x1f);
    for (const frame of frames) {
      const units = splitNalUnits(frame.data);
      const sets = units.filter(isSet);
      if (sets.length > 0) track.write({ ...frame, type: 'delta', data: joinNalUnits(sets) });
      track.write({ ...frame, data: joinNalUnits(units.filter((unit) => !isSet(unit))) });
    }
    await writer.finalize();
    expect(probe(path)).toMatchObject([{ nb_read_frames: '50' }]);
    expect(complaints(path)).toBe('');
  });

  test.each(['webm', 'mp4', 'ivf', 'mkv'] as const)('%s through a stream, which is only written on', async (format) => {
    const { codec, frames } = await clip('VP9');
    const chunks: Uint8Array[] = [];
    const target = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk.slice()) });
    const writer = new MediaFileWriter({ target, format });
    const track = writer.addTrack(codec);
    for (const frame of frames) track.write(frame);
    expect(await writer.finalize()).toBeNull();
    const path = join(folder, `streamed.${format}`);
    writeFileSync(path, concatBytes(...chunks));
    expect(probe(path)).toMatchObject([{ codec_name: 'vp9', nb_read_frames: '50' }]);
    expect(complaints(path)).toBe('');
  });

  test('the size changes on the way: a key frame of another size in WebM and MP4', async () => {
    const small = await clip('H264');
    const largePath = join(folder, 'large.mp4');
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=352x288:rate=25:duration=1', ...ENCODERS.H264, largePath);
    const large = await load(largePath);
    const path = join(folder, 'resized.mp4');
    const writer = new MediaFileWriter({ target: path });
    const track = writer.addTrack(small.codec);
    for (const frame of [
      ...small.frames,
      ...large.frames.map((frame) => ({ ...frame, timestamp: frame.timestamp + 2e6 })),
    ]) {
      track.write(frame);
    }
    await writer.finalize();
    expect(probe(path)).toMatchObject([{ width: 176, nb_read_frames: '75' }]);
    expect(complaints(path).replace(/.*(Changing video frame properties|filter|graph).*\n?/gi, '')).toBe('');
  });

  test('VP9 of several spatial layers, as RTP has them, gets the index that files want', async () => {
    const { codec, frames } = await clip('VP9');
    const writer = new MediaFileWriter({ format: 'webm' });
    const track = writer.addTrack(codec);
    const { data } = frames[0]!;
    const second = frames[1]!.data;
    const lengths = [data.length, second.length];
    const layerFrames = lengths.map((length, spatialLayer) => ({ length, spatialLayer }));
    track.write({ type: 'key', timestamp: 0, data: concatBytes(data, second), metadata: { layerFrames } });
    const [written] = (await readMediaFile((await writer.finalize())!)).tracks;
    for await (const frame of written!.frames()) {
      expect(splitVp9Superframe(frame.data).map(({ length }) => length)).toEqual(lengths);
    }
  });

  test('a file of two tracks, copied; but for the packet of Opus that is before the first picture', async () => {
    const path = join(folder, 'ffmpeg-both.mp4');
    ffmpeg(...VIDEO_SOURCE, ...AUDIO_SOURCE, ...ENCODERS.H264, '-c:a', 'libopus', path);
    const file = await readMediaFile(path);
    const writer = new MediaFileWriter({ format: 'mp4' });
    const tracks = file.tracks.map((track) => ({ from: track, to: writer.addTrack(track.codec) }));
    for (const { from, to } of tracks) for await (const frame of from.frames()) to.write(frame);
    const copy = join(folder, 'copy.mp4');
    writeFileSync(copy, (await writer.finalize())!);
    expect(probe(path).map(({ nb_read_frames }) => nb_read_frames)).toEqual(['50', '101']);
    expect(probe(copy).map(({ codec_name, nb_read_frames }) => [codec_name, nb_read_frames])).toEqual([
      ['h264', '50'],
      ['opus', '100'],
    ]);
    expect(complaints(copy)).toBe('');
  });
});

describe('a recording', () => {
  async function framesOf(bytes: Uint8Array | null, index = 0): Promise<EncodedMediaFrame[]> {
    const frames: EncodedMediaFrame[] = [];
    for await (const frame of (await readMediaFile(bytes!)).tracks[index]!.frames()) frames.push(frame);
    return frames;
  }

  test('begins with a key frame, at time 0', async () => {
    const writer = new MediaFileWriter({ format: 'webm' });
    const track = writer.addTrack(VP8);
    track.write({ type: 'delta', timestamp: 1_000_000, data: Uint8Array.of(0x11, 0, 0) });
    track.write({ type: 'key', timestamp: 1_040_000, data: Uint8Array.of(0x10, 0, 0) }); // it says so, and is none
    for (const frame of video(3)) track.write({ ...frame, timestamp: frame.timestamp + 1_080_000 });
    const frames = await framesOf(await writer.finalize());
    expect(frames.map(({ timestamp }) => timestamp)).toEqual([0, 40_000, 80_000]);
    expect(writer.stats.framesBeforeStart).toBe(2);
  });

  test('of sound alone begins with the first of it', async () => {
    const writer = new MediaFileWriter({ format: 'ogg' });
    const track = writer.addTrack(OPUS);
    for (const frame of asReceived([...opusSilenceFrames({ durationMs: 100 })])) track.write(frame);
    expect((await framesOf(await writer.finalize())).map(({ timestamp }) => timestamp)).toEqual([
      0, 20_000, 40_000, 60_000, 80_000,
    ]);
  });

  test('whose clock goes back, goes on', async () => {
    const writer = new MediaFileWriter({ format: 'webm' });
    const track = writer.addTrack(VP8);
    for (const timestamp of [5_000_000, 5_040_000, 1_000_000, 5_080_000])
      track.write({ type: 'key', timestamp, data: RED });
    const frames = await framesOf(await writer.finalize());
    expect(frames.map(({ timestamp }) => timestamp)).toEqual([0, 40_000, 40_000, 80_000]);
  });

  test('of a WAV file has silence where packets are missing', async () => {
    const writer = new MediaFileWriter({ format: 'wav' });
    const track = writer.addTrack(PCMU);
    const tone = [...toneFrames(PCMU, { durationMs: 100 })];
    for (const i of [0, 1, 4]) track.write(tone[i]!);
    const bytes = (await writer.finalize())!;
    expect(bytes.length).toBe(44 + 800);
    expect(bytes.subarray(44 + 320, 44 + 640).every((byte) => byte === 0xff)).toBe(true);
    expect(bytes.subarray(44 + 640)).toEqual(tone[4]!.data);
  });

  test('with a track that never has a frame is a file all the same', async () => {
    for (const format of ['webm', 'mkv', 'mp4'] as const) {
      const writer = new MediaFileWriter({ format });
      const track = writer.addTrack(VP8);
      writer.addTrack(OPUS);
      for (const frame of video(3)) track.write(frame);
      expect(await framesOf(await writer.finalize())).toHaveLength(3);
    }
  });

  test('of nothing at all ends too', async () => {
    for (const format of ['webm', 'mp4', 'ivf'] as const) {
      const writer = new MediaFileWriter({ format });
      writer.addTrack(VP8);
      expect(await writer.finalize()).toBeInstanceOf(Uint8Array);
    }
    await expect(new MediaFileWriter({ format: 'webm' }).finalize()).rejects.toThrow(/needs a track/);
  });

  test('that was finalized takes no more, and finalizes once', async () => {
    const writer = new MediaFileWriter({ format: 'ivf' });
    const track = writer.addTrack(VP8);
    track.write(video(1)[0]!);
    const [first, second] = await Promise.all([writer.finalize(), writer.finalize()]);
    expect(second).toBe(first);
    track.write(video(1)[0]!);
    expect(writer.stats.framesWritten).toBe(1);
    expect(() => writer.addTrack(VP8)).toThrow();
  });

  test('that cannot be written says so at the end', async () => {
    for (const format of ['webm', 'ivf'] as const) {
      const nowhere = new MediaFileWriter({ target: `/nowhere/at/all.${format}` });
      const track = nowhere.addTrack(VP8);
      for (const frame of video(3)) track.write(frame);
      await expect(nowhere.finalize()).rejects.toThrow(/ENOENT|No such file/);
      const broken = new MediaFileWriter({
        format,
        target: new WritableStream({ write: () => Promise.reject(new Error('the disk is full')) }),
      });
      const brokenTrack = broken.addTrack(VP8);
      for (const frame of video(3)) brokenTrack.write(frame);
      await expect(broken.finalize()).rejects.toThrow('the disk is full');
    }
  });

  test('limits what waits for a slow target to 64 MiB', async () => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const writer = new MediaFileWriter({ format: 'ivf', target: new WritableStream({ write: () => gate }) });
    const track = writer.addTrack(VP8);
    const large = concatBytes(RED, new Uint8Array(1024 * 1024));
    for (let i = 0; i < 70; i++) track.write({ type: 'key', timestamp: i * 1000, data: large });
    track.write({ type: 'delta', timestamp: 71_000, data: RED }); // it would fit, and cannot be decoded
    expect(writer.queuedBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(writer.stats).toMatchObject({ framesWritten: 63, framesDropped: 8 });
    go();
    await writer.finalize();
    expect(writer.queuedBytes).toBe(0);
  });

  test('in a format that does not hold the codec is the caller’s mistake', () => {
    const format = (name: string) => new MediaFileWriter({ format: name as MediaFileFormat });
    expect(() => format('webm').addTrack({ mimeType: 'video/H264', clockRate: 90_000 })).toThrow('these do: mp4, ivf');
    expect(() => format('wav').addTrack(OPUS)).toThrow(TypeError);
    expect(() => format('mkv').addTrack({ mimeType: 'audio/G722', clockRate: 8000 })).toThrow('nor does any other');
    expect(() => format('constructor')).toThrow(TypeError);
    expect(() => new MediaFileWriter()).toThrow(TypeError);
    expect(() => new MediaFileWriter({ target: 'call.avi' })).toThrow(TypeError);
    const ogg = format('ogg');
    ogg.addTrack(OPUS);
    expect(() => ogg.addTrack(OPUS)).toThrow('one track');
  });

  test('is chosen by the path', () => {
    expect(new MediaFileWriter({ target: 'a/b.c/call.WEBM' }).format).toBe('webm');
    expect(new MediaFileWriter({ target: new URL('file:///call.opus') }).format).toBe('ogg');
  });
});
