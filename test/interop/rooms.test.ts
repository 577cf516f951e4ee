/** Ten members in one room, in every browser and on every runtime, through our tracker. */
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AttachedTracker, attach } from '../../src/server/index.ts';
import { joinRoom } from '../../src/signaling/index.ts';
import { type BrowserName, browserAvailable, TestBrowser } from '../browser/browsers.ts';
import { PageServer } from '../browser/page-server.ts';
import { findRuntime, type RuntimeName } from './implementations.mjs';

const MEMBERS = 10;
/** From the moment all of them join until the last of the 45 pairs has its data channel open and has said hello, both ways. */
const ALL_PAIRS_MS = 5_000;
/** How many programs want each processor: a machine that has other work takes longer, and that is not ours to fail for. */
const crowding = (): number => Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());

/** Who is in the room, as far as installed; this process makes up the number. */
const PROCESSES: readonly [RuntimeName, number][] = [
  ['node24', 1],
  ['deno', 2],
  ['bun', 2],
];
const PAGES: readonly [BrowserName, number][] = [
  ['chromium', 2],
  ['firefox', 1],
];

/** What a member tells: see room-member.mjs. */
type Report = { member?: number; joined?: string; met?: string; left?: string; heard?: string; from?: string };

/** Some members, ready to join. */
type Group = { readonly name: string; join(tracker: string): void; close(): Promise<void> };

/** All that happened, told by all groups. */
class Chronicle {
  readonly ids = new Set<string>();
  readonly pairs = new Set<string>();
  readonly strange: string[] = [];
  readonly #joined = new Map<string, string>();
  complete: () => void = () => {};

  add(group: string, { member, joined, met, left, heard, from }: Report): void {
    const place = `${group} ${member}`;
    if (joined !== undefined) {
      this.ids.add(joined);
      this.#joined.set(place, joined);
    }
    const own = this.#joined.get(place);
    if (left !== undefined) this.strange.push(`${place} lost ${left}`);
    if (met !== undefined) this.#count(`${own} met ${met}`);
    if (heard !== undefined && heard !== `hello from ${from}`)
      this.strange.push(`${place} heard ${heard} from ${from}`);
    if (heard !== undefined) this.#count(`${own} heard ${from}`);
  }

  #count(what: string): void {
    if (this.pairs.has(what)) this.strange.push(`twice: ${what}`);
    this.pairs.add(what);
    if (this.pairs.size === 2 * MEMBERS * (MEMBERS - 1)) this.complete();
  }
}

let server: Server;
let attached: AttachedTracker;
let tracker: string;
const groups: Group[] = [];
let pages: PageServer | null = null;

beforeEach(async () => {
  server = createServer();
  attached = attach(server, '/announce');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  tracker = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
});
afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.close()));
  await pages?.close();
  attached.close();
  server.close();
});

describe('ten members', () => {
  test('join one room in the same instant, and every pair is connected, once, in under 5 s', {
    timeout: 180_000, // browsers take their time to start where much else does
  }, async () => {
    const chronicle = new Chronicle();
    // One after the other: what takes the time here is not what is measured.
    for (const [name, count] of PAGES) groups.push(...(await startBrowser(name, count, chronicle)));
    for (const [name, count] of PROCESSES) groups.push(...(await startProcess(name, count, chronicle)));
    const elsewhere = [...PROCESSES, ...PAGES]
      .filter(([name]) => groups.some((group) => group.name === name))
      .reduce((sum, [, count]) => sum + count, 0);
    groups.push(localGroup(MEMBERS - elsewhere, chronicle));

    const limitMs = Math.min(ALL_PAIRS_MS * crowding(), 90_000);
    const startedAt = performance.now();
    const done = new Promise<void>((resolve) => {
      chronicle.complete = resolve;
    });
    for (const group of groups) group.join(tracker);
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, limitMs))]);
    const tookMs = performance.now() - startedAt;

    const { offersReceived, offersDealt, answersDelivered, failures } = attached.tracker.stats;
    const offers = `${offersReceived} offers, ${offersDealt} dealt, ${answersDelivered} answered`;
    console.log(
      `${groups.map(({ name }) => name).join(', ')}: ${Math.round(tookMs)} of ${Math.round(limitMs)} ms; ${offers}`,
    );
    expect(chronicle.strange).toEqual([]);
    expect(chronicle.ids.size).toBe(MEMBERS);
    expect(chronicle.pairs.size).toBe(2 * MEMBERS * (MEMBERS - 1));
    expect(tookMs).toBeLessThan(limitMs);
    expect(failures).toBe(0);
  });
});

async function startProcess(name: RuntimeName, count: number, chronicle: Chronicle): Promise<Group[]> {
  const runtime = findRuntime(name);
  if (runtime === null) {
    console.warn(`${name} is not installed and has no members in the room: npm run peers`);
    return [];
  }
  const file = fileURLToPath(new URL('room-member.mjs', import.meta.url));
  const child = spawn(runtime.command, [...runtime.args, file, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout });
  await new Promise((resolve) => lines.once('line', resolve));
  lines.on('line', (line) => chronicle.add(name, JSON.parse(line) as Report));
  const close = (): Promise<void> => {
    child.stdin.end();
    return exited;
  };
  return [{ name, join: (url) => child.stdin.write(`${url}\n`), close }];
}

async function startBrowser(name: BrowserName, count: number, chronicle: Chronicle): Promise<Group[]> {
  if (!browserAvailable(name)) return [];
  const [browser, { origin }] = await Promise.all([
    TestBrowser.launch(name, { exposeHostCandidates: true }),
    roomPages(),
  ]);
  const tabs = await Promise.all(Array.from({ length: count }, () => browser.openPage(origin)));
  for (const [member, tab] of tabs.entries()) {
    await tab.exposeFunction('report', (report: Report) => chronicle.add(name, { member, ...report }));
    await tab.waitForFunction('globalThis.join !== undefined');
  }
  const join = (url: string): void => {
    for (const tab of tabs) void tab.evaluate(`join(${JSON.stringify(url)})`);
  };
  return [{ name, join, close: () => browser.close() }];
}

function localGroup(count: number, chronicle: Chronicle): Group {
  const rooms: ReturnType<typeof joinRoom>[] = [];
  const joinOne = (member: number, url: string): void => {
    const report = (what: Report): void => chronicle.add('here', { member, ...what });
    const room = joinRoom('ten', { trackers: [url] });
    rooms.push(room);
    report({ joined: room.peerId });
    room.addEventListener('leave', ({ peer }) => report({ left: peer.id }));
    room.addEventListener('peer', ({ peer }) => {
      report({ met: peer.id });
      peer.channel.addEventListener('message', ({ data }) => report({ heard: String(data), from: peer.id }));
      peer.send(`hello from ${room.peerId}`);
    });
  };
  return {
    name: 'here',
    join: (url) => {
      for (let member = 0; member < count; member++) joinOne(member, url);
    },
    close: async () => void (await Promise.all(rooms.map((room) => room.leave()))),
  };
}

/** The browser's door of `purertc/signaling` in a page that reports as room-member.mjs does. */
function roomPages(): Promise<PageServer> {
  building ??= buildPages();
  return building;
}
let building: Promise<PageServer> | null = null;

async function buildPages(): Promise<PageServer> {
  const input = fileURLToPath(new URL('../../src/signaling/browser.ts', import.meta.url));
  const build = await rolldown({ input, platform: 'browser' });
  const { output } = await build.generate({ format: 'esm' });
  const page = `<!doctype html><script type="module">
    import { joinRoom } from './signaling.js';
    globalThis.join = (tracker) => {
      const room = joinRoom('ten', { trackers: [tracker] });
      report({ joined: room.peerId });
      room.onleave = ({ peer }) => report({ left: peer.id });
      room.onpeer = ({ peer }) => {
        report({ met: peer.id });
        peer.channel.onmessage = ({ data }) => report({ heard: data, from: peer.id });
        peer.send('hello from ' + room.peerId);
      };
    };
  </script>`;
  pages = await PageServer.start({ '/': page, '/signaling.js': output[0].code });
  return pages;
}
