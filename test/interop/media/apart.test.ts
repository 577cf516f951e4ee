/** Sound, pictures and data with a browser, each on a transport of its own: neither hears of the other's bundles. */
import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type MediaStreamTrack, RTCPeerConnection } from '../../../src/index.ts';
import { rtpPackets } from '../../../src/media/index.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../../browser/browsers.ts';
import { PageServer } from '../../browser/page-server.ts';

declare global {
  var offer: () => Promise<string>;
  var answer: (sdp: string) => Promise<string>;
  var take: (sdp: string) => Promise<void>;
  var transports: () => string[];
}

const apart = (sdp: string): string => sdp.replace(/a=group:BUNDLE.*\r\n/, '');

for (const name of BROWSERS) {
  const isHere = browserAvailable(name);
  describe.skipIf(!isHere)(isHere ? name : `${name} (skipped: not installed)`, () => {
    let server: PageServer;
    let browser: TestBrowser;
    let page: Page;
    let pc: RTCPeerConnection;
    const arrived: MediaStreamTrack[] = [];

    beforeAll(async () => {
      server = await PageServer.start({
        '/': '<!doctype html><meta charset="utf-8"><title>Apart</title><script type="module" src="/page.mjs"></script>',
        '/page.mjs': new URL('./apart-page.mjs', import.meta.url),
      });
      browser = await TestBrowser.launch(name, { exposeHostCandidates: true, playsMedia: true });
    }, 60_000);

    afterEach(async () => {
      pc?.close();
      arrived.length = 0;
      await page?.close();
    });

    afterAll(async () => {
      await browser?.close();
      await server?.close();
    });

    async function open() {
      page = await browser.openPage(`${server.origin}/`);
      await page.waitForFunction(() => globalThis.transports !== undefined);
      pc = new RTCPeerConnection({}, { loopback: true });
      pc.ontrack = ({ track }) => arrived.push(track);
      return pc.createDataChannel('data', { negotiated: true, id: 0 });
    }

    async function described(): Promise<string> {
      await pc.setLocalDescription();
      while (pc.iceGatheringState !== 'complete') {
        await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
      }
      return apart(pc.localDescription!.sdp);
    }

    async function expectAllThere(channel: ReturnType<RTCPeerConnection['createDataChannel']>): Promise<void> {
      await expect
        .poll(() => [pc.connectionState, channel.readyState], { timeout: 10_000 })
        .toEqual(['connected', 'open']);
      const reply = new Promise((resolve) => {
        channel.onmessage = ({ data }) => resolve(data);
      });
      channel.send('there');
      expect(await reply).toBe('there back');
      expect(arrived.map(({ kind }) => kind).sort()).toEqual(['audio', 'video']);
      await Promise.all(arrived.map((track) => rtpPackets(track).getReader().read()));
      const ours = new Set([pc.sctp!.transport, ...pc.getReceivers().map(({ transport }) => transport)]);
      expect([...ours].map((transport) => transport!.state)).toEqual(['connected', 'connected', 'connected']);
      expect(await page.evaluate(() => globalThis.transports())).toEqual(['connected', 'connected', 'connected']);
    }

    test('the browser offers', async () => {
      const channel = await open();
      await pc.setRemoteDescription({ type: 'offer', sdp: apart(await page.evaluate(() => globalThis.offer())) });
      const sdp = await described();
      await page.evaluate((text) => globalThis.take(text), sdp);
      await expectAllThere(channel);
    });

    test('the browser answers', async () => {
      const channel = await open();
      pc.addTransceiver('audio');
      pc.addTransceiver('video');
      await pc.setLocalDescription();
      const answer = await page.evaluate((text) => globalThis.answer(text), apart(pc.localDescription!.sdp));
      pc.onicecandidate = null;
      await pc.setRemoteDescription({ type: 'answer', sdp: apart(answer) });
      await expectAllThere(channel);
    });
  });
}
