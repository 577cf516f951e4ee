/**
 * Calls that change while they are on: tracks come, go, are replaced and stopped, sections are used again, directions
 * change, both sides offer at once, tones are dialled. By perfect negotiation throughout; each side changes things once.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { MediaStreamTrack, RTCRtpTransceiver } from '../../../src/index.ts';
import { encodedFrames, rtpPackets, type TrackFrame, type TrackPacket } from '../../../src/media/index.ts';
import { TelephoneEventReceiver, type TelephoneEventReport } from '../../../src/rtp/index.ts';
import { BROWSERS, browserAvailable } from '../../browser/browsers.ts';
import { BLUE, GREEN, pictureClip, RED, toneClip } from './clips.ts';
import { expectColors, expectTone, expectTones } from './eyes-and-ears.ts';
import { type Call, MediaBrowser, type PageTransceiver } from './media-browser.ts';
import { type Clip, Player } from './player.ts';

const PATIENCE = { timeout: 10_000, interval: 25 };

for (const name of BROWSERS) {
  const isHere = browserAvailable(name);
  describe.skipIf(!isHere)(isHere ? name : `${name} (skipped: not installed)`, () => {
    let browser: MediaBrowser;
    const players: Player[] = [];
    const play = (clip: Clip): MediaStreamTrack => {
      const player = new Player(clip);
      players.push(player);
      return player.source.track;
    };

    beforeAll(async () => {
      browser = await MediaBrowser.launch(name);
    }, 60_000);

    afterEach(async () => {
      for (const player of players.splice(0)) player.stop();
      expect(await browser.end()).toEqual([]);
    });

    afterAll(() => browser?.close());

    test('ours: added, replaced, removed, added again, stopped, and the section used for another', async () => {
      const { page, pc, ...call } = await opened();
      pc.addTrack(play(toneClip('PCMU', 440)));
      await call.settled();
      await expectTone(page, '0', 440);

      const sender = pc.addTrack(play(pictureClip(RED)));
      await call.settled();
      await expectColors(page, '1', [RED, RED]);
      const offers = call.counts.offers;
      await sender.replaceTrack(play(pictureClip(BLUE)));
      await expectColors(page, '1', [BLUE, BLUE]);
      await sender.replaceTrack(null);
      await sender.replaceTrack(play(pictureClip(RED, GREEN)));
      await expectColors(page, '1', [RED, GREEN]);
      expect(call.counts.offers).toBe(offers);

      pc.removeTrack(sender);
      await expectTheirs(page, '1', { currentDirection: 'inactive', muted: true, state: 'live' });
      const transceiver = byMid(pc.getTransceivers(), '1');
      await sender.replaceTrack(play(pictureClip(BLUE)));
      transceiver.direction = 'sendonly';
      await expectTheirs(page, '1', { currentDirection: 'recvonly', muted: false });
      await expectColors(page, '1', [BLUE, BLUE]);

      transceiver.stop();
      await expect.poll(async () => (await page.transceivers()).map(({ mid }) => mid), PATIENCE).toEqual(['0']);
      await call.settled();
      pc.addTrack(play(pictureClip(GREEN)));
      await expect.poll(async () => (await page.transceivers()).length, PATIENCE).toBe(2);
      await call.settled();
      const { mid } = pc.getTransceivers().at(-1)!;
      await expectColors(page, mid!, [GREEN, GREEN]);
      expect(sectionsOf(pc)).toBe(2); // recycled (RFC 8829 §5.2.2)
      await expectTone(page, '0', 440);
    });

    test('theirs: added, replaced, removed, added again, stopped, and the section used for another', async () => {
      const { page, pc, ...call } = await opened();
      await page.addTrack({ source: { frequency: 440 } });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(1);
      await call.settled();
      await expectFrames(byMid(pc.getTransceivers(), '0').receiver.track);

      await page.addTrack({ source: { left: '#f00', width: 160, height: 120 } });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(2);
      await call.settled();
      const video = byMid(pc.getTransceivers(), '1');
      const { track } = video.receiver;
      await expectPicture(track, 160, 120);
      const answers = call.counts.answers;
      await page.replaceTrack({ mid: '1', source: { left: '#0f0', width: 240, height: 180 } });
      await expectPicture(track, 240, 180);
      expect(call.counts.answers).toBe(answers);

      await page.removeTrack({ mid: '1' });
      await expect.poll(() => [video.currentDirection, track.muted], PATIENCE).toEqual(['inactive', true]);
      expect(track.readyState).toBe('live');
      await page.replaceTrack({ mid: '1', source: { left: '#00f', width: 320, height: 240 } });
      await page.setDirection({ mid: '1', direction: 'sendonly' });
      await expect.poll(() => [video.currentDirection, track.muted], PATIENCE).toEqual(['recvonly', false]);
      await expectPicture(track, 320, 240);

      await page.stop({ mid: '1' });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(1);
      expect([track.readyState, video.currentDirection, video.mid]).toEqual(['ended', 'stopped', null]);
      await call.settled();
      await page.addTrack({ source: { left: '#f00', width: 160, height: 120 } });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(2);
      await expectPicture(pc.getTransceivers().at(-1)!.receiver.track, 160, 120);
      await call.settled();
      expect(sectionsOf(pc)).toBe(2);
      await expectFrames(byMid(pc.getTransceivers(), '0').receiver.track);
    });

    for (const side of ['us', 'them'] as const) {
      test(`a direction is changed by ${side}: one way, none, the other way, both ways`, async () => {
        const { page, pc, ...call } = await opened();
        const ours = pc.addTransceiver(play(pictureClip(RED)), { direction: 'sendrecv' });
        await call.settled();
        await page.replaceTrack({ mid: '0', source: { left: '#00f' } });
        await page.setDirection({ mid: '0', direction: 'sendrecv' });
        await expect.poll(() => ours.currentDirection, PATIENCE).toBe('sendrecv');
        await expectColors(page, '0', [RED, RED]);
        await expectFrames(ours.receiver.track);

        const opposite = {
          sendonly: 'recvonly',
          recvonly: 'sendonly',
          inactive: 'inactive',
          sendrecv: 'sendrecv',
        } as const;
        for (const direction of ['sendonly', 'inactive', 'recvonly', 'sendrecv'] as const) {
          if (side === 'us') ours.direction = direction;
          else await page.setDirection({ mid: '0', direction: opposite[direction] });
          await expect.poll(() => ours.currentDirection, PATIENCE).toBe(direction);
          await call.settled();
          const weSend = direction === 'sendonly' || direction === 'sendrecv';
          const weReceive = direction === 'recvonly' || direction === 'sendrecv';
          await expectTheirs(page, '0', { currentDirection: opposite[direction], muted: !weSend });
          await expect.poll(() => ours.receiver.track.muted, PATIENCE).toBe(!weReceive);
          if (weReceive) await expectFrames(ours.receiver.track);
          if (!weSend) await ours.sender.replaceTrack(play(pictureClip(GREEN)));
        }
        await expectColors(page, '0', [GREEN, GREEN]);
      });
    }

    for (const polite of [true, false]) {
      test(`glare: both offer at once, twice, and ${polite ? 'we give' : 'the browser gives'} way`, async () => {
        const { page, pc, ...call } = await opened({ polite });
        await glare(call, async () => {
          pc.addTrack(play(pictureClip(RED, GREEN)));
          await page.addTrack({ source: { left: '#f00', width: 160, height: 120 } });
        });
        await expectExchange(page, pc, 1);

        await glare(call, async () => {
          pc.addTrack(play(toneClip('PCMA', 700)));
          await page.addTrack({ source: { frequency: 440 } });
        });
        await expectExchange(page, pc, 2);
        const { mid } = pc.getTransceivers().find(({ receiver }) => receiver.track.kind === 'audio')!;
        await expectTone(page, mid!, 700);
        const theirs = await page.counts();
        const [rollbacks, ignored] = polite ? [call.counts, theirs] : [theirs, call.counts];
        expect([rollbacks.rollbacks, ignored.ignored]).toEqual([2, 2]);
      });
    }

    test('ICE is restarted by either side in the midst of media: sound and pictures go on', async () => {
      const { page, pc, ...call } = await opened();
      pc.addTrack(play(toneClip('PCMU', 440)));
      await call.settled();
      await page.addTrack({ source: { left: '#f00', width: 160, height: 120 } });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(2);
      await call.settled();
      const { track } = byMid(pc.getTransceivers(), '1').receiver;
      await expectPicture(track, 160, 120);
      for (const restart of [() => pc.restartIce(), () => page.restartIce()]) {
        const before = ufragsOf(pc);
        await restart();
        await expect.poll(() => ufragsOf(pc).filter((ufrag) => before.includes(ufrag)), PATIENCE).toEqual([]);
        await call.settled();
        await expectTone(page, '0', 440);
        await expectFrames(track);
        expect([track.muted, pc.connectionState]).toEqual([false, 'connected']);
      }
    });

    test('the browser closes in the midst of media: its tracks are muted, and live', async () => {
      const { page, pc, ...call } = await opened();
      await page.addTrack({ source: { frequency: 440 } });
      await page.addTrack({ source: { left: '#f00', width: 160, height: 120 } });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(2);
      await call.settled();
      const tracks = pc.getReceivers().map((receiver) => receiver.track);
      for (const track of tracks) await expectFrames(track);
      await page.close();
      await expect.poll(() => tracks.map(({ muted }) => muted), PATIENCE).toEqual([true, true]);
      expect(tracks.map(({ readyState }) => readyState)).toEqual(['live', 'live']);
      await expect.poll(() => pc.getReceivers()[0]!.transport!.state, PATIENCE).toBe('closed');
    });

    test('DTMF of ours is heard in the page, as the two tones of a key', async () => {
      const { page, pc, ...call } = await opened();
      const sender = pc.addTrack(play(toneClip('PCMU', 440)));
      await call.settled();
      await expectTone(page, '0', 440);
      const played: string[] = [];
      sender.dtmf!.ontonechange = ({ tone }) => void played.push(tone);
      sender.dtmf!.insertDTMF('5', 2_000);
      await expectTones(page, '0', [770, 1_336]); // ITU-T Q.23
      sender.dtmf!.insertDTMF('#', 2_000);
      await expectTones(page, '0', [941, 1_477]);
      await expect.poll(() => played, PATIENCE).toEqual(['5', '#', '']);
      await expectTone(page, '0', 440);
    });

    test('DTMF of theirs comes as telephone events, each once, in their order', async () => {
      const { page, pc, ...call } = await opened();
      await page.addTrack({ source: { frequency: 440 } });
      await expect.poll(() => pc.getTransceivers().length, PATIENCE).toBe(1);
      await call.settled();
      const { track } = byMid(pc.getTransceivers(), '0').receiver;
      await expectFrames(track);
      const events: number[] = [];
      const durations: number[] = [];
      const receiver = new TelephoneEventReceiver((report: TelephoneEventReport) => {
        if (report.kind === 'end') durations.push(Math.round((report.duration / 48_000) * 1_000));
        else events.push(report.event);
      });
      void each(rtpPackets(track), ({ packet, codec }) => {
        if (codec.mimeType !== 'audio/telephone-event') return;
        receiver.handlePayload(packet.payload, packet.timestamp, performance.now());
      });
      await page.insertDTMF({ mid: '0', tones: '19#D', duration: 100, gap: 70 });
      await expect.poll(() => events, PATIENCE).toEqual([1, 9, 11, 15]); // RFC 4733 §3.2
      await expect.poll(() => durations.length, PATIENCE).toBe(4);
      await expect.poll(() => page.tones(), PATIENCE).toEqual(['1', '9', '#', 'D', '']);
      await expectFrames(track); // and the sound goes on
    });

    type Opened = Call & { readonly settled: () => Promise<void> };

    async function opened(options: { polite?: boolean } = {}): Promise<Opened> {
      const call = await browser.open(options);
      return Object.assign(call, { settled: () => settled(call) });
    }
  });
}

/** Connected, and negotiation at rest. */
async function settled(call: Call): Promise<void> {
  await expect.poll(() => call.hasNegotiated, PATIENCE).toBe(true);
  await call.connected();
}

/** What both do is offered before either hears of the other. */
async function glare(call: Pick<Call, 'toPage' | 'toNode'>, change: () => Promise<void>): Promise<void> {
  call.toPage.hold();
  call.toNode.hold();
  await change();
  const offers = ({ waiting }: Call['toPage']): number =>
    waiting.filter(({ description }) => description?.type === 'offer').length;
  await expect.poll(() => [offers(call.toPage), offers(call.toNode)], PATIENCE).toEqual([1, 1]);
  call.toPage.release();
  call.toNode.release();
}

/** So many sections, each of them both ways, with what the other sent in it. */
async function expectExchange(page: Call['page'], pc: Call['pc'], sections: number): Promise<void> {
  const directions = (): (string | null)[] => pc.getTransceivers().map(({ currentDirection }) => currentDirection);
  await expect.poll(directions, PATIENCE).toEqual(Array(sections).fill('sendrecv'));
  await expect.poll(() => pc.signalingState, PATIENCE).toBe('stable');
  for (const { mid, receiver } of pc.getTransceivers()) {
    await expectFrames(receiver.track);
    if (receiver.track.kind === 'video') await expectColors(page, mid!, [RED, GREEN]);
  }
}

async function expectTheirs(page: Call['page'], mid: string, wanted: Partial<PageTransceiver>): Promise<void> {
  const find = async (): Promise<PageTransceiver | undefined> =>
    (await page.transceivers()).find((transceiver) => transceiver.mid === mid);
  await expect.poll(find, PATIENCE).toMatchObject(wanted);
}

/** Frames come of it now. */
async function expectFrames(track: MediaStreamTrack): Promise<void> {
  let count = 0;
  const reader = encodedFrames(track).getReader();
  const reading = (async () => {
    while (count < 3 && !(await reader.read()).done) count++;
  })();
  try {
    await expect.poll(() => count, PATIENCE).toBe(3);
  } finally {
    await reader.cancel();
    await reading;
  }
}

/** A key frame of this size comes. */
async function expectPicture(track: MediaStreamTrack, width: number, height: number): Promise<void> {
  let seen = '';
  const frames = encodedFrames(track);
  const reader = frames.getReader();
  const reading = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      seen = sizeOf(next.value) ?? seen;
    }
  })();
  try {
    await expect.poll(() => seen, PATIENCE).toBe(`${width}x${height}`);
  } finally {
    await reader.cancel();
    await reading;
  }
}

/** RFC 6386 §9.1: a key frame of VP8 has its size behind the start code. */
function sizeOf({ codec, type, data }: TrackFrame): string | null {
  expect(codec.mimeType).toBe('video/VP8');
  if (type !== 'key') return null;
  const view = new DataView(data.buffer, data.byteOffset);
  return `${view.getUint16(6, true) & 0x3fff}x${view.getUint16(8, true) & 0x3fff}`;
}

async function each(stream: ReadableStream<TrackPacket>, take: (item: TrackPacket) => void): Promise<void> {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) take(next.value);
}

function byMid(transceivers: readonly RTCRtpTransceiver[], mid: string): RTCRtpTransceiver {
  const found = transceivers.find((transceiver) => transceiver.mid === mid);
  if (found === undefined) throw new Error(`no transceiver has the mid ${mid}`);
  return found;
}

function ufragsOf({ currentLocalDescription, currentRemoteDescription }: Call['pc']): string[] {
  const sdp = `${currentLocalDescription!.sdp}${currentRemoteDescription!.sdp}`;
  return [...new Set([...sdp.matchAll(/a=ice-ufrag:(\S+)/g)].map(([, ufrag]) => ufrag!))];
}

function sectionsOf(pc: Call['pc']): number {
  return pc.localDescription!.sdp.match(/^m=/gm)!.length;
}
