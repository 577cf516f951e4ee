/** What browsers send is recorded as it comes, and FFmpeg decodes every frame of it. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RTCRtpReceiver, type RTCRtpTransceiver, type RTCTrackEvent } from '../../../src/index.ts';
import { type EncodedMediaFrame, type MediaFileFormat, readMediaFile } from '../../../src/media/index.ts';
import { BROWSERS, browserAvailable } from '../../browser/browsers.ts';
import { complaints, ffmpeg, firstPicture, hasFfmpeg, makeFolder, probe } from '../../media/ffmpeg.ts';
import { MediaBrowser, type PageSource } from './media-browser.ts';
import { type Recording, record } from './recorder.ts';
import { strongestFrequency } from './tones.ts';

type Kind = 'audio' | 'video';
type Clip = { readonly kind: Kind; readonly codec: string; readonly format: MediaFileFormat };

const CLIPS: readonly Clip[] = [
  { kind: 'video', codec: 'VP8', format: 'webm' },
  { kind: 'video', codec: 'VP9', format: 'ivf' },
  { kind: 'video', codec: 'H264', format: 'mp4' },
  { kind: 'video', codec: 'AV1', format: 'mp4' },
  { kind: 'audio', codec: 'opus', format: 'ogg' },
  { kind: 'audio', codec: 'PCMU', format: 'wav' },
  { kind: 'audio', codec: 'PCMA', format: 'mkv' },
];
const PICTURE: PageSource = { left: '#f00', right: '#0f0' };
const TONE_HZ = 440;
const FRAMES = { video: 20, audio: 75 };
const AUDIO_FRAME_US = 20_000;
/** What ffprobe calls them. */
const FFMPEG_NAMES: Readonly<Record<string, RegExp>> = {
  opus: /^opus$/,
  PCMU: /^pcm_mulaw$/,
  PCMA: /^pcm_s16le$/, // the container holds 16 bits
};

const folder = makeFolder();

for (const name of BROWSERS) {
  const isHere = browserAvailable(name);
  describe.skipIf(!isHere)(isHere ? name : `${name} (skipped: not installed)`, () => {
    let browser: MediaBrowser;
    let offered: Record<Kind, string[]>;

    beforeAll(async () => {
      browser = await MediaBrowser.launch(name);
      offered = {
        audio: await browser.page.codecs({ kind: 'audio' }),
        video: await browser.page.codecs({ kind: 'video' }),
      };
    }, 60_000);

    afterAll(() => browser?.close());

    for (const role of ['offering', 'answering'] as const) {
      describe(`PureRTC ${role}`, () => {
        const recordings = new Map<string, Recording>();
        let clips: readonly Clip[];

        /** One call in which each codec has a track of its own. */
        beforeAll(async () => {
          clips = CLIPS.filter(({ kind, codec }) => offered[kind].includes(codec));
          const sources = clips.map(({ kind }) => (kind === 'video' ? PICTURE : { frequency: TONE_HZ }));
          const call = await browser.open({ answers: sources });
          const recorded: Promise<void>[] = [];
          call.pc.addEventListener('track', ({ transceiver, track }: RTCTrackEvent) => {
            const clip = clips[call.pc.getTransceivers().indexOf(transceiver)]!;
            const { kind, codec, format } = clip;
            const options = { folder, name: `${name}-${role}-${codec}`, format, count: FRAMES[kind] };
            recorded.push(record(track, options).then((recording) => void recordings.set(codec, recording)));
          });
          if (role === 'offering') {
            for (const { kind, codec } of clips) {
              prefer(call.pc.addTransceiver(kind, { direction: 'recvonly' }), kind, codec);
            }
          } else {
            await browser.page.addTransceivers({
              transceivers: clips.map(({ kind, codec }, i) => ({
                kind,
                codec,
                source: sources[i]!,
                direction: 'sendonly',
              })),
            });
          }
          await call.connected();
          await vi.waitFor(() => expect(recorded).toHaveLength(clips.length));
          await Promise.all(recorded);
          expect(await browser.end()).toEqual([]);
        }, 30_000);

        for (const { kind, codec, format } of CLIPS) {
          const recordingOf = (skip: (note: string) => void): Recording => {
            if (!offered[kind].includes(codec)) skip(`${name} does not offer ${codec}`);
            return recordings.get(codec)!;
          };

          test(`all of ${codec} that comes is in the ${format}, as it came`, async ({ skip }) => {
            const recording = recordingOf(skip);
            const { frames, packetTimestamps, stats } = recording;
            expect(recording.codec.mimeType).toBe(`${kind}/${codec}`);
            expect(frames).toHaveLength(FRAMES[kind]);
            expect(stats).toEqual({ framesWritten: FRAMES[kind], framesBeforeStart: 0, framesDropped: 0 });
            const ticks = frames.map(({ timestamp }) =>
              Math.round(((timestamp - frames[0]!.timestamp) * recording.codec.clockRate) / 1e6),
            );
            expect(ticks).toEqual(packetTimestamps.slice(0, FRAMES[kind]));
            const file = await readMediaFile(recording.path);
            const read: EncodedMediaFrame[] = [];
            for await (const frame of file.tracks[0]!.frames()) read.push(frame);
            file.close();
            if (format === 'wav' || format === 'mkv') return; // as samples, which have no frames, and 0 for -0
            expect(read.map(({ data }) => data)).toEqual(frames.map(({ data }) => data));
          });

          test.skipIf(!hasFfmpeg)(
            `FFmpeg decodes every frame of ${codec}, and sees and hears what was sent`,
            ({ skip }) => {
              const { frames, path } = recordingOf(skip);
              const [stream] = probe(path);
              expect(stream!.codec_name).toMatch(FFMPEG_NAMES[codec] ?? new RegExp(codec, 'i'));
              expect(complaints(path)).toBe('');
              if (kind === 'video') {
                expect(Number(stream!.nb_read_frames)).toBe(FRAMES.video);
                expectRedAndGreen(path, stream!.width!, stream!.height!);
              } else {
                if (codec !== 'PCMU') expect(Number(stream!.nb_read_frames)).toBe(FRAMES.audio); // WAV has no frames
                const pcm = ffmpeg('-i', path, '-ac', '1', '-ar', '8000', '-f', 's16le', '-');
                const samples = new Int16Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
                // A browser that is short of time leaves gaps, which WAV fills with silence.
                const inFrames = FRAMES.audio * AUDIO_FRAME_US;
                const inTime = frames.at(-1)!.timestamp - frames[0]!.timestamp + AUDIO_FRAME_US;
                const seconds = samples.length / 8000;
                expect(seconds).toBeCloseTo((format === 'wav' ? inTime : inFrames) / 1e6, 1);
                expect(strongestFrequency(samples, 8000)).toBeCloseTo(TONE_HZ, -1);
              }
            },
          );
        }
      });
    }
  });
}

function prefer(transceiver: RTCRtpTransceiver, kind: Kind, codec: string): void {
  const wanted = [`${kind}/${codec}`, `${kind}/rtx`];
  const { codecs } = RTCRtpReceiver.getCapabilities(kind)!;
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => wanted.includes(mimeType)));
}

/** Of the first picture: the left is red, the right is green. */
function expectRedAndGreen(path: string, width: number, height: number): void {
  const planes = firstPicture(path);
  const chroma = (x: number, y: number): number[] => {
    const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)];
    const at = width * height + Math.floor(y * h) * w + Math.floor(x * w);
    return [planes[at]!, planes[at + w * h]!];
  };
  const [redU, redV] = chroma(0.25, 0.5);
  const [greenU, greenV] = chroma(0.75, 0.5);
  expect({ redU: redU! < 128, redV: redV! > 200 }).toEqual({ redU: true, redV: true });
  expect({ greenU: greenU! < 90, greenV: greenV! < 90 }).toEqual({ greenU: true, greenV: true });
}
