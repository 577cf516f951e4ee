/** ULPFEC and FlexFEC-03 both ways between Chromium and us, through a relay that loses 5 %; nothing is sent again. */
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RTCPeerConnection } from '../../../src/index.ts';
import {
  EncodedTrackSource,
  encodedFrames,
  rtpPackets,
  type TrackFrame,
  type TrackPacket,
  vp8TestPicture,
} from '../../../src/media/index.ts';
import { browserAvailable, TestBrowser } from '../../browser/browsers.ts';
import { PageServer } from '../../browser/page-server.ts';
import { LossyRelay, pause, withBitrate } from './lossy-relay.ts';

type Stats = { readonly [name: string]: number };

const PATH = { delayMs: 20, loss: 0.05, reorder: 0, reorderMs: 0 };
const SEED = 7;
const SECONDS = 6;
const FRAME_MS = 40;
const SETTLING_MS = 700;
/** Of three packets: without FEC, 14 % of such pictures would be broken. */
const PICTURE = vp8TestPicture({
  width: 320,
  height: 240,
  colorAt: (x, y) => [(x * 37 + y * 91) % 200, 90 + x, 120 + y],
});
const BROKEN_LIMIT = 0.08;

describe.skipIf(!browserAvailable('chromium'))('forward error correction with Chromium', () => {
  let server: PageServer;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    server = await PageServer.start({
      '/': '<!doctype html><meta charset="utf-8"><title>FEC</title><script type="module" src="/lossy-page.mjs"></script>',
      '/lossy-page.mjs': new URL('./lossy-page.mjs', import.meta.url),
    });
    const fieldTrials = ['WebRTC-FlexFEC-03-Advertised', 'WebRTC-FlexFEC-03'];
    browser = await TestBrowser.launch('chromium', { exposeHostCandidates: true, playsMedia: true, fieldTrials });
    page = await browser.openPage(`${server.origin}/`);
    await page.waitForFunction(() => globalThis.offerCall !== undefined);
  }, 30_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test.each([
    ['FlexFEC-03', ['vp8', 'flexfec-03']],
    ['ULPFEC in RED', ['vp8', 'red', 'ulpfec']],
  ] as const)(
    '%s brings back what is lost, there and here',
    async (name, codecs) => {
      const media = { fecProtection: 0.5, startBitrate: 2_000_000, minBitrate: 1_000_000 };
      const pc = new RTCPeerConnection({}, { loopback: true, media });
      const offer = await page.evaluate((names) => globalThis.offerCall(names), codecs);
      const sendTimeId = Number(/a=extmap:(\d+) \S*abs-send-time/.exec(offer)![1]);
      const relay = await LossyRelay.start(SEED, PATH, offer);
      const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
      const received: TrackFrame[] = [];
      let recovered = 0;
      let timer: NodeJS.Timeout | undefined;
      try {
        pc.ontrack = ({ track }) => {
          if (track.kind !== 'video') return;
          void eachOf<TrackFrame>(encodedFrames(track), (frame) => received.push(frame));
          void eachOf<TrackPacket>(rtpPackets(track), ({ packet }) => {
            // What comes out of FEC does not say when it was sent.
            if (packet.extension(sendTimeId)?.every((byte) => byte === 0)) recovered++;
          });
        };
        await pc.setRemoteDescription({ type: 'offer', sdp: withoutNack(relay.towardsUs(offer)) });
        const [, video] = pc.getTransceivers();
        video!.direction = 'sendrecv';
        await video!.sender.replaceTrack(source.track);
        await pc.setLocalDescription();
        while (pc.iceGatheringState !== 'complete') {
          await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
        }
        const answer = withBitrate(withoutNack(relay.towardsBrowser(pc.localDescription!.sdp)));
        await page.evaluate((sdp) => globalThis.takeAnswer(sdp), answer);
        await vi.waitFor(() => expect(pc.connectionState).toBe('connected'), { timeout: 10_000 });
        const began = performance.now();
        timer = setInterval(() => {
          source.write({ type: 'key', timestamp: Math.round(1000 * (performance.now() - began)), data: PICTURE });
        }, FRAME_MS);
        relay.isLossy = true;
        await pause(SECONDS * 1000);
        relay.isLossy = false;
        await pause(SETTLING_MS);
        clearInterval(timer);
        await page.evaluate(() => globalThis.draw(false));
        await pause(SETTLING_MS);

        const sent = await ourStats(pc, 'outbound-rtp');
        const came = await ourStats(pc, 'inbound-rtp');
        const theirs = (await page.evaluate(() => globalThis.streamStats('outbound-rtp', 'video')))!;
        const seen = (await page.evaluate(() => globalThis.streamStats('inbound-rtp', 'video')))!;
        await page.evaluate(() => globalThis.draw(true));
        const broken = sent['framesSent']! - seen['framesDecoded']!;
        console.log(
          `${name}: ${broken} of our ${sent['framesSent']} pictures broken, and ${theirs['framesSent']! - received.length} of Chromium's ` +
            `${theirs['framesSent']}, of whose packets ${came['packetsLost']} were lost and ${recovered} recovered`,
        );
        expect(relay.fromUs.lost).toBeGreaterThan(SECONDS);
        expect(broken / sent['framesSent']!).toBeLessThan(BROKEN_LIMIT);
        if (name === 'FlexFEC-03') expect(seen['fecPacketsReceived']).toBeGreaterThan(50); // of ULPFEC it does not tell
        expect(came['fecPacketsReceived']).toBeGreaterThan(20);
        expect(recovered).toBeGreaterThan(2);
      } finally {
        clearInterval(timer);
        pc.close();
        relay.close();
      }
    },
    60_000,
  );
});

async function eachOf<Item>(stream: ReadableStream<Item>, take: (item: Item) => void): Promise<void> {
  for await (const item of stream as unknown as AsyncIterable<Item>) take(item);
}

async function ourStats(pc: RTCPeerConnection, type: string): Promise<Stats> {
  const all = [...(await pc.getStats()).values()] as unknown as (Stats & { type: string; kind: string })[];
  return all.find((stats) => stats.type === type && stats.kind === 'video')!;
}

/** Nothing can be asked for again, but key frames. */
function withoutNack(sdp: string): string {
  return sdp.replaceAll(/a=rtcp-fb:\d+ nack\r\n/g, '');
}
