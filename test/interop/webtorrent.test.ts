/** Stock WebTorrent clients, as web pages use them, meet through our tracker and exchange a file. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AttachedTracker, attach } from '../../src/server/index.ts';
import { browserAvailable, TestBrowser } from '../browser/browsers.ts';
import { PageServer } from '../browser/page-server.ts';
import { makeBytes } from './agent.mjs';
import { peersDirectory } from './implementations.mjs';

/** 2 MiB: more than a hundred pieces. */
const FILE_BYTES = 2 * 1024 * 1024;
const bundle = join(peersDirectory, 'node_modules/webtorrent/dist/webtorrent.min.js');
const reason = existsSync(bundle) ? null : 'webtorrent is not installed: npm run peers';
if (reason !== null) console.warn(reason);

/** What the page offers to the test. Nothing here but the client's own interface and options of where to look for peers. */
const PAGE = `<!doctype html><title>webtorrent</title><script type="module">
import WebTorrent from '/webtorrent.min.js';
import { makeBytes } from '/agent.mjs';
const client = new WebTorrent({ dht: false, lsd: false, tracker: { rtcConfig: { iceServers: [] } } });
window.warnings = [];
client.on('error', (error) => window.warnings.push(String(error)));
const watch = (torrent) => torrent.on('warning', (warning) => window.warnings.push(String(warning)));
window.seed = (announce) => new Promise((resolve) => {
  const file = new File([makeBytes(${FILE_BYTES}, 7)], 'file.bin');
  watch(client.seed(file, { announce: [announce] }, (torrent) => resolve(torrent.magnetURI)));
});
window.download = (magnet) => new Promise((resolve) => {
  watch(client.add(magnet, (torrent) => torrent.on('done', async () => {
    const blob = await torrent.files[0].blob();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
    resolve(Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''));
  })));
});
window.leave = () => new Promise((resolve) => client.destroy(resolve));
window.ready = true;
</script>`;

describe.skipIf(reason !== null || !browserAvailable('chromium'))('two stock WebTorrent clients', () => {
  let browser: TestBrowser;
  let pages: PageServer;
  let server: Server;
  let attached: AttachedTracker;
  let announce: string;

  beforeAll(async () => {
    browser = await TestBrowser.launch('chromium', { exposeHostCandidates: true });
    pages = await PageServer.start({
      '/': PAGE,
      '/webtorrent.min.js': pathToFileURL(bundle),
      '/agent.mjs': new URL('agent.mjs', import.meta.url),
    });
    server = createServer();
    attached = attach(server, '/announce', { origins: [pages.origin] });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    announce = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
  });
  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    attached?.close();
    server?.close();
  });

  async function open(): Promise<Page> {
    const page = await browser.openPage(pages.origin);
    await page.waitForFunction('window.ready === true');
    return page;
  }

  test('exchange a file through our tracker, without a warning, and leave nothing behind', async () => {
    const [seeder, leecher] = [await open(), await open()];
    const magnet = String(await seeder.evaluate(`seed(${JSON.stringify(announce)})`));
    await expect.poll(() => attached.tracker.stats.members).toBe(1);
    const sha256 = await leecher.evaluate(`download(${JSON.stringify(magnet)})`);
    expect(sha256).toBe(createHash('sha256').update(makeBytes(FILE_BYTES, 7)).digest('hex'));

    const { stats } = attached.tracker;
    expect(stats.offersDealt).toBeGreaterThan(0);
    expect(stats.answersDelivered).toBeGreaterThan(0);
    expect(stats).toMatchObject({ rooms: 1, members: 2, failures: 0, limited: 0, answersRefused: 0 });
    for (const page of [seeder, leecher]) expect(await page.evaluate('warnings')).toEqual([]);

    for (const page of [seeder, leecher]) await page.evaluate('leave()');
    await expect.poll(() => attached.tracker.stats).toMatchObject({ connections: 0, rooms: 0, members: 0 });
  });
});
