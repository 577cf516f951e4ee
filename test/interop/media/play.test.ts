/** What we send from files and out of nothing is seen and heard in browsers: pixels are read, tones are measured. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BROWSERS, browserAvailable } from '../../browser/browsers.ts';
import { hasFfmpeg, makeFolder } from '../../media/ffmpeg.ts';
import { BLUE, GREEN, opusFileClip, pictureClip, RED, toneClip, videoFileClip } from './clips.ts';
import { expectColors, expectTone } from './eyes-and-ears.ts';
import { MediaBrowser, type Rgb } from './media-browser.ts';
import { type Clip, Player } from './player.ts';

type Sample = {
  readonly title: string;
  readonly kind: 'audio' | 'video';
  readonly codec: string;
  readonly needsFfmpeg?: boolean;
  readonly make: () => Clip | Promise<Clip>;
  /** At the left and at the right. */
  readonly colors?: readonly [Rgb, Rgb];
  readonly frequency?: number;
};

const folder = makeFolder();
const fileSample = (codec: 'VP8' | 'VP9' | 'H264' | 'AV1'): Sample => ({
  title: `left red, right green, of a file in ${codec}`,
  kind: 'video',
  codec,
  needsFfmpeg: true,
  make: () => videoFileClip(folder, codec),
  colors: [RED, GREEN],
});

const SAMPLES: readonly Sample[] = [
  { title: 'red', kind: 'video', codec: 'VP8', make: () => pictureClip(RED), colors: [RED, RED] },
  { title: 'blue', kind: 'video', codec: 'VP8', make: () => pictureClip(BLUE), colors: [BLUE, BLUE] },
  {
    title: 'left red, right green',
    kind: 'video',
    codec: 'VP8',
    make: () => pictureClip(RED, GREEN),
    colors: [RED, GREEN],
  },
  fileSample('VP8'),
  fileSample('VP9'),
  fileSample('H264'),
  fileSample('AV1'),
  { title: '440 Hz in PCMU', kind: 'audio', codec: 'PCMU', make: () => toneClip('PCMU', 440), frequency: 440 },
  { title: '1,000 Hz in PCMA', kind: 'audio', codec: 'PCMA', make: () => toneClip('PCMA', 1_000), frequency: 1_000 },
  {
    title: '660 Hz of a file in Opus',
    kind: 'audio',
    codec: 'opus',
    needsFfmpeg: true,
    make: () => opusFileClip(folder, 660),
    frequency: 660,
  },
];

const clips = new Map<Sample, Clip>();
beforeAll(async () => {
  for (const sample of SAMPLES) if (hasFfmpeg || !sample.needsFfmpeg) clips.set(sample, await sample.make());
}, 30_000);

for (const name of BROWSERS) {
  const isHere = browserAvailable(name);
  describe.skipIf(!isHere)(isHere ? name : `${name} (skipped: not installed)`, () => {
    let browser: MediaBrowser;
    let offered: Record<'audio' | 'video', string[]>;

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
        const played: Sample[] = [];
        let players: Player[] = [];

        /** One call with all of them, side by side. */
        beforeAll(async () => {
          played.push(...SAMPLES.filter((each) => clips.has(each) && offered[each.kind].includes(each.codec)));
          players = played.map((sample) => new Player(clips.get(sample)!));
          const tracks = players.map(({ source }) => source.track);
          const call = await browser.open({
            async beforeAnswer(pc) {
              for (const [i, transceiver] of pc.getTransceivers().entries()) {
                transceiver.direction = 'sendonly';
                await transceiver.sender.replaceTrack(tracks[i]!);
              }
            },
          });
          if (role === 'offering') {
            for (const track of tracks) call.pc.addTransceiver(track, { direction: 'sendonly' });
          } else {
            const transceivers = played.map(({ kind }) => ({ kind, direction: 'recvonly' }));
            await browser.page.addTransceivers({ transceivers });
          }
          await call.connected();
        }, 30_000);

        afterAll(async () => {
          for (const player of players) player.stop();
          expect(await browser.end()).toEqual([]);
        });

        for (const sample of SAMPLES) {
          const { title, kind, codec, colors, frequency, needsFfmpeg = false } = sample;
          test.skipIf(needsFfmpeg && !hasFfmpeg)(title, async ({ skip }) => {
            if (!offered[kind].includes(codec)) skip(`${name} does not offer ${codec}`);
            const mid = String(played.indexOf(sample));
            if (colors !== undefined) await expectColors(browser.page, mid, colors);
            if (frequency !== undefined) await expectTone(browser.page, mid, frequency);
          });
        }
      });
    }
  });
}
