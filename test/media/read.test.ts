import { openAsBlob, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/binary/bytes.ts';
import { type EncodedMediaFrame, MediaFileError, type MediaFileTrack, readMediaFile } from '../../src/media/index.ts';
import { splitNalUnits } from '../../src/rtp/payload/annex-b.ts';
import { decodePcma, decodePcmu } from '../../src/rtp/payload/g711.ts';
import { payloadFormat } from '../../src/rtp/payload/index.ts';
import { opusPacketDuration } from '../../src/rtp/payload/opus.ts';
import { AUDIO_SOURCE, ffmpeg, hasFfmpeg, makeFolder, VIDEO_SOURCE } from './ffmpeg.ts';

const folder = makeFolder();
const VIDEO_ENCODERS = {
  VP8: ['-c:v', 'libvpx', '-g', '10', '-deadline', 'realtime'],
  VP9: ['-c:v', 'libvpx-vp9', '-g', '10', '-deadline', 'realtime', '-lag-in-frames', '0'],
  AV1: ['-c:v', 'libaom-av1', '-g', '10', '-usage', 'realtime', '-cpu-used', '8'],
  H264: ['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'ultrafast', '-g', '10'],
  H265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=0:keyint=10:min-keyint=10'],
} as const;

function make(name: string, ...options: string[]): string {
  const path = join(folder, name);
  ffmpeg(...options, path);
  return path;
}

async function collect(track: MediaFileTrack): Promise<EncodedMediaFrame[]> {
  const frames: EncodedMediaFrame[] = [];
  for await (const frame of track.frames()) frames.push(frame);
  return frames;
}

/** How strong a frequency is in samples, of 1 for a sine of full scale (Goertzel). */
function strength(samples: Int16Array, frequency: number, sampleRate: number): number {
  let re = 0;
  let im = 0;
  samples.forEach((sample, i) => {
    re += sample * Math.cos((2 * Math.PI * frequency * i) / sampleRate);
    im += sample * Math.sin((2 * Math.PI * frequency * i) / sampleRate);
  });
  return (2 * Math.hypot(re, im)) / samples.length / 32_768;
}

describe.skipIf(!hasFfmpeg)('files that FFmpeg made', () => {
  test.each([
    ['VP8', 'webm'],
    ['VP9', 'webm'],
    ['AV1', 'webm'],
    ['VP8', 'mkv'],
    ['H264', 'mkv'],
    ['H265', 'mkv'],
    ['H264', 'mov'],
    ['H264', 'mp4'],
    ['H265', 'mp4'],
    ['VP9', 'mp4'],
    ['AV1', 'mp4'],
    ['VP8', 'ivf'],
    ['VP9', 'ivf'],
    ['AV1', 'ivf'],
  ] as const)('%s in %s: 50 pictures, in time, every tenth a key frame', async (codec, format) => {
    const path = make(`${codec}.${format}`, ...VIDEO_SOURCE, ...VIDEO_ENCODERS[codec]);
    const file = await readMediaFile(path);
    expect(file.format).toBe(format === 'mov' ? 'mp4' : format);
    const [track] = file.tracks;
    expect(track).toMatchObject({
      kind: 'video',
      codec: { mimeType: `video/${codec}`, clockRate: 90_000 },
      width: 176,
      height: 144,
    });
    const frames = await collect(track!);
    expect(frames.map(({ timestamp }) => Math.round(timestamp / 1000))).toEqual(
      Array.from({ length: 50 }, (_, i) => 40 * i),
    );
    expect(frames.map(({ type }) => type === 'key')).toEqual(frames.map((_, i) => i % 10 === 0));
    // Every frame is something that our payload formats carry, and tell to be a key frame or not.
    const payloads = payloadFormat(track!.codec.mimeType, new Map([['packetization-mode', '1']]))!;
    for (const { data, type } of frames) {
      const sent: Uint8Array[] = [];
      const taken = payloads.packetize({ data, isKeyFrame: type === 'key' }, 1100, (length) => {
        sent.push(new Uint8Array(length));
        return sent.at(-1)!;
      });
      expect(taken).toBe(true);
      expect(payloads.assemble(sent)).toMatchObject({ isKeyFrame: type === 'key' });
    }
    expect(await collect(track!), 'again from the beginning').toEqual(frames);
    file.close();
  });

  test.each([
    ['H264', 'h264', 'mp4', /^level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c0[0-9a-f]{2}$/],
    ['H265', 'hevc', 'mp4', /^level-id=\d+;profile-id=1;tier-flag=0;tx-mode=SRST$/],
  ] as const)(
    '%s is a byte stream with parameter sets in each key frame',
    async (codec, elementary, format, parameters) => {
      const path = make(`${codec}-sets.${format}`, ...VIDEO_SOURCE, ...VIDEO_ENCODERS[codec]);
      const [track] = (await readMediaFile(path)).tracks;
      expect(track!.codec.sdpFmtpLine).toMatch(parameters);
      const frames = await collect(track!);
      const typeOf = (unit: Uint8Array) => (codec === 'H264' ? unit[0]! & 0x1f : (unit[0]! >> 1) & 0x3f);
      const wanted = codec === 'H264' ? [7, 8] : [32, 33, 34];
      for (const { data, type } of frames) {
        const types = splitNalUnits(data).map(typeOf);
        expect(wanted.every((kind) => types.includes(kind))).toBe(type === 'key');
      }
      // FFmpeg decodes it to the same pictures.
      const stream = join(folder, `${codec}.${elementary}`);
      const { writeFileSync } = await import('node:fs');
      writeFileSync(stream, concatBytes(...frames.map(({ data }) => data)));
      const md5 = (input: string) =>
        String(ffmpeg('-i', input, '-f', 'md5', '-vsync', '0', '-pix_fmt', 'yuv420p', '-'));
      expect(md5(stream)).toBe(md5(path));
    },
  );

  test.each(['webm', 'ogg', 'mp4', 'mkv'])('Opus in %s: packets of 20 ms as they are', async (format) => {
    const path = make(`opus.${format}`, ...AUDIO_SOURCE, '-c:a', 'libopus', '-ac', '2');
    const [track] = (await readMediaFile(path)).tracks;
    expect(track).toMatchObject({
      kind: 'audio',
      codec: { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, sdpFmtpLine: 'sprop-stereo=1' },
    });
    const frames = await collect(track!);
    expect(frames.length).toBe(101); // 2 s, and what is skipped at the beginning
    expect(frames.every(({ type, data }) => type === 'key' && opusPacketDuration(data) === 960)).toBe(true);
    for (let i = 1; i < 100; i++) {
      expect(Math.abs(frames[i]!.timestamp - frames[i - 1]!.timestamp - 20_000)).toBeLessThan(14_000);
    }
  });

  test('a video with sound: both tracks, read side by side', async () => {
    const path = make('both.webm', ...VIDEO_SOURCE, ...AUDIO_SOURCE, ...VIDEO_ENCODERS.VP8, '-c:a', 'libopus');
    const { tracks } = await readMediaFile(path);
    expect(tracks.map(({ kind }) => kind)).toEqual(['video', 'audio']);
    const [video, audio] = await Promise.all(tracks.map(collect));
    expect([video!.length, audio!.length]).toEqual([50, 101]);
  });

  test('codecs that RTP does not carry are named, and left out', async () => {
    const path = make('aac.mp4', ...VIDEO_SOURCE, ...AUDIO_SOURCE, ...VIDEO_ENCODERS.H264, '-c:a', 'aac');
    const file = await readMediaFile(path);
    expect(file.tracks.map(({ codec }) => codec.mimeType)).toEqual(['video/H264']);
    expect(file.unsupportedCodecs).toEqual(['aac']);
  });

  describe('WAV', () => {
    test.each([
      ['pcm_s16le', undefined, 'audio/PCMU'],
      ['pcm_mulaw', undefined, 'audio/PCMU'],
      ['pcm_alaw', undefined, 'audio/PCMA'],
      ['pcm_u8', 'PCMA', 'audio/PCMA'],
      ['pcm_s24le', undefined, 'audio/PCMU'],
      ['pcm_f32le', undefined, 'audio/PCMU'],
      ['pcm_f64le', undefined, 'audio/PCMU'],
    ] as const)('%s of 8,000 Hz becomes G.711 in frames of 20 ms', async (codec, pcm, mimeType) => {
      const path = make(`${codec}.wav`, ...AUDIO_SOURCE, '-ar', '8000', '-c:a', codec);
      const [track] = (await readMediaFile(path, { ...(pcm && { pcm }) })).tracks;
      expect(track!.codec).toEqual({ mimeType, clockRate: 8000, channels: 1 });
      const frames = await collect(track!);
      expect(frames.map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: 100 }, (_, i) => 20_000 * i));
      expect(frames.every(({ data, duration }) => data.length === 160 && duration === 20_000)).toBe(true);
      const bytes = concatBytes(...frames.map(({ data }) => data));
      const samples = mimeType === 'audio/PCMU' ? decodePcmu(bytes) : decodePcma(bytes);
      expect(strength(samples, 440, 8000)).toBeGreaterThan(0.11); // FFmpeg's tone has 1/8 of full scale
      expect(strength(samples, 1000, 8000)).toBeLessThan(0.005);
    });

    test.each([
      [44_100, 2, 5],
      [48_000, 1, 10],
      [16_000, 1, 20],
      [96_000, 2, 2.5],
    ])('%i Hz with %i channels becomes L16 in frames of %f ms', async (rate, channels, ms) => {
      const path = make(`${rate}.wav`, ...AUDIO_SOURCE, '-ar', `${rate}`, '-ac', `${channels}`, '-c:a', 'pcm_s16le');
      const [track] = (await readMediaFile(path)).tracks;
      expect(track!.codec).toEqual({ mimeType: 'audio/L16', clockRate: rate, channels });
      const frames = await collect(track!);
      expect(frames[0]!.data.length).toBe(Math.floor((rate * ms) / 1000) * channels * 2);
      const raw = ffmpeg('-i', path, '-f', 's16be', '-');
      expect(concatBytes(...frames.map(({ data }) => data))).toEqual(new Uint8Array(raw));
    });

    test('stereo of 8,000 Hz is mixed for G.711; other rates are not made into it', async () => {
      const stereo = make('stereo.wav', ...AUDIO_SOURCE, '-ar', '8000', '-ac', '2', '-c:a', 'pcm_s16le');
      const [track] = (await readMediaFile(stereo)).tracks;
      expect((await collect(track!)).length).toBe(100);
      const fast = make('fast.wav', ...AUDIO_SOURCE, '-c:a', 'pcm_s16le');
      await expect(readMediaFile(fast, { pcm: 'PCMU' })).rejects.toThrow(RangeError);
    });
  });

  test.each(['VP8.ivf', 'VP8.webm'])('%s comes from a path, a URL, a Blob, bytes and a stream alike', async (name) => {
    const path = make(`from-${name}`, ...VIDEO_SOURCE, ...VIDEO_ENCODERS.VP8);
    const bytes = new Uint8Array(readFileSync(path));
    const blob = await openAsBlob(path);
    const chopped = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
        controller.close();
      },
    });
    const [expected] = (await readMediaFile(path)).tracks;
    const frames = await collect(expected!);
    for (const source of [pathToFileURL(path), blob, bytes, blob.stream(), chopped]) {
      const [track] = (await readMediaFile(source)).tracks;
      expect(await collect(track!)).toEqual(frames);
    }
  });
});

describe('what is no media file', () => {
  test('is an error that says so', async () => {
    await expect(readMediaFile(new Uint8Array(0))).rejects.toThrow(MediaFileError);
    await expect(readMediaFile(new TextEncoder().encode('nothing like it'.repeat(100)))).rejects.toThrow(
      MediaFileError,
    );
    await expect(readMediaFile(new Uint8Array(100).fill(0x44))).rejects.toThrow(MediaFileError);
    await expect(readMediaFile('/nowhere/at/all.webm')).rejects.toThrow(/ENOENT|No such file/);
  });

  test('IVF: a header that is cut short, without a time base, of another codec', async () => {
    const header = new Uint8Array(32);
    header.set(new TextEncoder().encode('DKIF'));
    await expect(readMediaFile(header.subarray(0, 20))).rejects.toThrow(/ends in its header/);
    header.set(new TextEncoder().encode('MJPG'), 8);
    await expect(readMediaFile(header)).rejects.toThrow(/"MJPG"/);
    header.set(new TextEncoder().encode('VP80'), 8);
    await expect(readMediaFile(header)).rejects.toThrow(/time base/);
  });

  test('IVF: a frame longer than 64 MiB is refused, one that is cut short left out', async () => {
    const bytes = new Uint8Array(32 + 12 + 100);
    bytes.set(new TextEncoder().encode('DKIF'));
    bytes.set(new TextEncoder().encode('VP80'), 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(16, 30, true);
    view.setUint32(20, 1, true);
    view.setUint32(32, 0x7fff_ffff, true);
    await expect(readMediaFile(bytes)).rejects.toThrow(MediaFileError);
    view.setUint32(32, 200, true);
    const [track] = (await readMediaFile(bytes)).tracks;
    expect(await collect(track!)).toEqual([]);
  });
});
