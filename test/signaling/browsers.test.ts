/** Real members in a real room: Node, Chromium and Firefox, through the stock tracker and through our own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Page } from 'puppeteer-core';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { attach } from '../../src/server/index.ts';
import { joinRoom, type Room, type RoomOptions } from '../../src/signaling/index.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../browser/browsers.ts';
import { PageServer } from '../browser/page-server.ts';
import { findRuntime, peersDirectory } from '../interop/implementations.mjs';

/** They need 2.5 s on two cores; this is for machines that run other tests meanwhile. */
const MESH_MS = 40_000;
const SECRET = 'AAECAwQFBgcICQoLDA0ODw';

type Tracker = { readonly url: string; close(): Promise<void> };
type StockServer = {
  readonly http: { address(): AddressInfo };
  listen(port: number, hostname: string, listening: () => void): void;
  close(closed: () => void): void;
};

const stock = join(peersDirectory, 'node_modules/bittorrent-tracker/index.js');

/** bittorrent-tracker's server: what most public trackers run. */
async function startStockTracker(): Promise<Tracker> {
  const { Server } = (await import(pathToFileURL(stock).href)) as { Server: new (options: object) => StockServer };
  const server = new Server({ http: false, udp: false, ws: true, stats: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${server.http.address().port}/`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

async function startOwnTracker(): Promise<Tracker> {
  const server = createServer();
  const { close } = attach(server, '/announce');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/announce`,
    close: async () => {
      await close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const available = BROWSERS.filter(browserAvailable);
let browsers: TestBrowser[] = [];
let page: PageServer | undefined;
beforeAll(async () => {
  if (available.length > 0) page = await pageWithRooms();
  browsers = await Promise.all(available.map((name) => TestBrowser.launch(name, { exposeHostCandidates: true })));
}, 60_000);
afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await page?.close();
});

const rooms: Room[] = [];
afterEach(async () => {
  await Promise.all(rooms.splice(0).map((room) => room.leave()));
});

function visit(options: RoomOptions, name = 'room'): Room {
  const room = joinRoom(name, options);
  rooms.push(room);
  return room;
}

/** Settles when the room has that many peers. */
async function count(room: Room, peers: number): Promise<void> {
  while (room.peers.size !== peers) {
    await new Promise<void>((resolve) => {
      for (const type of ['peer', 'leave'] as const) room.addEventListener(type, () => resolve(), { once: true });
    });
  }
}

/** What is said in a room, from whoever comes. */
function listen(room: Room): string[] {
  const heard: string[] = [];
  room.addEventListener('peer', ({ peer }) => {
    peer.channel.addEventListener('message', ({ data }) => heard.push(`${peer.id}: ${data}`));
  });
  return heard;
}

const TRACKERS = [
  ['bittorrent-tracker', startStockTracker, existsSync(stock)],
  ['our own tracker', startOwnTracker, true],
] as const;

describe.each(TRACKERS)('through %s', (_name, start, isInstalled) => {
  if (!isInstalled) return test.skip('not installed: npm run peers');
  let tracker: Tracker;
  beforeAll(async () => {
    tracker = await start();
  });
  afterAll(() => tracker?.close());

  test('five members in Node meet, talk, and see one leave', async () => {
    const members = Array.from({ length: 5 }, () => visit({ trackers: [tracker.url] }));
    const heard = members.map(listen);
    await Promise.all(members.map((room) => count(room, 4)));
    expect(members.map((room) => room.broadcast('hello'))).toEqual([4, 4, 4, 4, 4]);
    await expect.poll(() => heard.map((list) => list.length)).toEqual([4, 4, 4, 4, 4]);
    await members[0]!.leave();
    await Promise.all(members.slice(1).map((room) => count(room, 3)));
  });

  test('pairs who join in the same instant, one pair after the other', async () => {
    for (let round = 0; round < 20; round++) {
      const pair = [0, 1].map(() => visit({ trackers: [tracker.url] }, `pair ${round}`));
      await Promise.all(pair.map((room) => count(room, 1)));
      expect(pair[0]!.peers.get(pair[1]!.peerId)!.initiator).toBe(!pair[1]!.peers.get(pair[0]!.peerId)!.initiator);
      await Promise.all(pair.map((room) => room.leave()));
    }
  });

  test.skipIf(available.length === 0)(
    `members in ${available.join(', ')} and Node, with a secret`,
    async () => {
      const options = { trackers: [tracker.url], secret: SECRET };
      const pages = await Promise.all(browsers.map((browser) => browser.openPage(page!.origin)));
      const ids = await Promise.all(pages.map((tab) => enterInPage(tab, options)));
      const node = [0, 1].map(() => visit(options));
      const heard = node.map(listen);
      const everyone = [...ids, ...node.map(({ peerId }) => peerId)].sort();
      const others = (own: string): string[] => everyone.filter((id) => id !== own);
      await Promise.all(node.map((room) => count(room, everyone.length - 1)));
      for (const room of node) expect([...room.peers.keys()].sort()).toEqual(others(room.peerId));
      for (const [i, tab] of pages.entries()) {
        await tab.waitForFunction((n) => globalThis.room.peers.size === n, {}, everyone.length - 1);
        expect(await tab.evaluate(() => [...globalThis.room.peers.keys()].sort())).toEqual(others(ids[i]!));
        await tab.evaluate(() => void globalThis.room.broadcast('hello from a page'));
      }
      node[0]!.broadcast('hello from Node');
      await expect.poll(() => heard[1]!.length).toBe(everyone.length - 1);
      for (const tab of pages) await tab.waitForFunction(() => globalThis.heard.includes('hello from Node'));

      // Renegotiation goes over the room's own channel: the page adds a track in mid-call, and Node sees it.
      const arrived = new Promise((resolve) =>
        node[0]!.peers.get(ids[0]!)!.connection.addEventListener('track', resolve),
      );
      await pages[0]!.evaluate(() => {
        for (const { connection } of globalThis.room.peers.values()) connection.addTransceiver('audio');
      });
      await arrived;
      await pages[0]!.evaluate(() => globalThis.room.leave());
      await Promise.all(node.map((room) => count(room, everyone.length - 2)));
      await Promise.all(pages.map((tab) => tab.close()));
    },
    60_000,
  );
});

/** Two members in a process of their own. */
class Members {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(runtime: { command: string; args: readonly string[] }, tracker: string, peers: number) {
    const script = fileURLToPath(new URL('members.mjs', import.meta.url));
    this.#process = spawn(runtime.command, [...runtime.args, script, tracker, String(peers)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async says(line: string): Promise<void> {
    expect((await this.#lines.next()).value).toBe(line);
  }

  goOn(): void {
    this.#process.stdin!.write('\n');
  }

  async ended(): Promise<void> {
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    expect(this.#process.exitCode).toBe(0);
  }
}

const runtimes = (['deno', 'bun'] as const).flatMap((name) => findRuntime(name) ?? []);

test('ten members in browsers, Node, Deno and Bun: everyone is connected to everyone', {
  timeout: 90_000,
}, async () => {
  const tracker = await startOwnTracker();
  const size = 2 * (available.length + runtimes.length + 1);
  const processes = runtimes.map((runtime) => new Members(runtime, tracker.url, size - 1));
  const pages = await Promise.all(browsers.map((browser) => browser.openPage(page!.origin)));
  await Promise.all(pages.map((tab) => tab.waitForFunction(() => globalThis.enterAny !== undefined)));
  await Promise.all(processes.map((members) => members.says('ready')));

  const options = { trackers: [tracker.url] };
  const start = performance.now();
  for (const members of processes) members.goOn();
  const inPages = pages.map((tab) =>
    tab.evaluate(
      (o, peers) => {
        globalThis.entered = [0, 1].map(() => globalThis.enterAny('ten', o));
        const isDone = (): boolean => globalThis.entered.every((room) => room.peers.size === peers);
        return new Promise<void>((resolve) => {
          for (const room of globalThis.entered) room.onpeer = () => isDone() && resolve();
        });
      },
      options,
      size - 1,
    ),
  );
  const here = [0, 1].map(() => visit(options, 'ten'));
  await Promise.all([
    ...here.map((room) => count(room, size - 1)),
    ...inPages,
    ...processes.map((members) => members.says('met')),
  ]);
  const ms = performance.now() - start;
  console.info(`${size} members of a room, all connected after ${Math.round(ms)} ms`);
  expect(ms).toBeLessThan(MESH_MS);

  await Promise.all(here.map((room) => room.leave()));
  for (const members of processes) members.goOn();
  await Promise.all(processes.map((members) => members.ended()));
  await Promise.all(pages.map((tab) => tab.close()));
  await tracker.close();
});

declare global {
  var enterAny: typeof joinRoom;
  var entered: Room[];
  var room: Room;
  var heard: string[];
  var enter: (options: RoomOptions) => string;
}

async function pageWithRooms(): Promise<PageServer> {
  const build = await rolldown({
    input: fileURLToPath(new URL('../../src/signaling/browser.ts', import.meta.url)),
    platform: 'browser',
  });
  const { output } = await build.generate({ format: 'esm' });
  const page = `<!doctype html><script type="module">
    import { joinRoom } from './signaling.js';
    globalThis.enterAny = joinRoom;
    globalThis.heard = [];
    globalThis.enter = (options) => {
      globalThis.room = joinRoom('room', options);
      room.onpeer = ({ peer }) => { peer.channel.onmessage = ({ data }) => heard.push(data); };
      return room.peerId;
    };
  </script>`;
  return PageServer.start({ '/': page, '/signaling.js': output[0].code });
}

async function enterInPage(page: Page, options: RoomOptions): Promise<string> {
  await page.waitForFunction(() => globalThis.enter !== undefined);
  return page.evaluate((o) => globalThis.enter(o), options as never);
}
