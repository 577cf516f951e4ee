/** The chat page in Chromium, with a tracker of ours and fake cameras. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { browserAvailable, TestBrowser } from '../../browser/browsers.ts';
import { ChatServer } from './chat-server.ts';
import { ChatUser, type UserOptions } from './chat-user.ts';

// Pictures are encoded and decoded by the processor, for up to three people: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 40_000 });

const MEDIA = { fakeMedia: true, playsMedia: true };
const WAIT = { timeout: 30_000, polling: 50 };

let server: ChatServer;
let scratch: string;
const users: ChatUser[] = [];
let rooms = 0;

beforeAll(async () => {
  server = await ChatServer.start();
  scratch = await mkdtemp(join(tmpdir(), 'purertc-chat-'));
});
afterAll(async () => {
  await server?.close();
  await rm(scratch, { recursive: true, force: true });
});
afterEach(async () => {
  const complaints = users.flatMap(({ name, complaints: all }) => all.map((one) => `${name}: ${one}`));
  const strangers = users.flatMap(({ requests }) => requests.filter((url) => !url.startsWith(server.origin)));
  await Promise.all(users.splice(0).map((user) => user.close()));
  expect(complaints).toEqual([]);
  expect(strangers.filter((url) => !/^(about|blob|data):/.test(url))).toEqual([]);
});

/** Everybody enters one new room, at the same time. */
async function meet(
  ...people: readonly [browser: TestBrowser, name: string, options?: UserOptions][]
): Promise<ChatUser[]> {
  rooms += 1;
  const room = `room ${rooms}`;
  const entered = await Promise.all(
    people.map(([browser, name, options]) => ChatUser.enter(browser, server.origin, name, { room, ...options })),
  );
  users.push(...entered);
  await Promise.all(entered.map((user) => user.meets(people.length - 1)));
  return entered;
}

describe.skipIf(!browserAvailable('chromium'))('people in Chromium', () => {
  let chromium: TestBrowser;
  beforeAll(async () => {
    chromium = await TestBrowser.launch('chromium', MEDIA);
  }, 60_000);
  afterAll(() => chromium?.close());

  test('two see each other, talk, and see who is muted, without a camera, or gone', async () => {
    const [ada, grace] = (await meet([chromium, 'Ada'], [chromium, 'Grace'])) as [ChatUser, ChatUser];
    await Promise.all([ada.sees('Grace'), grace.sees('Ada')]);
    await ada.say('grüß dich <b>Grace</b>');
    await grace.hears('grüß dich <b>Grace</b>');
    await grace.say('hello Ada');
    await ada.hears('hello Ada');

    await ada.tileIs('Grace', '[data-microphone="on"].speaking'); // the fake microphone beeps
    await grace.press('microphone', 'false');
    await ada.tileIs('Grace', '[data-microphone="off"]');
    await grace.press('camera', 'false');
    await ada.tileIs('Grace', ':not(.has-video)');
    await grace.press('camera', 'true');
    await ada.sees('Grace');

    await grace.leave();
    await ada.meets(0);
    await ada.hears('Grace left');
    await ada.page.waitForSelector('#alone:not([hidden])', WAIT);
  });

  test('a shared screen takes the stage, and the camera comes back after it', async () => {
    const [ada, grace] = (await meet([chromium, 'Ada'], [chromium, 'Grace'])) as [ChatUser, ChatUser];
    await grace.sees('Ada');
    const sizeOf = (): Promise<string> =>
      grace.page.$eval('.tile:not(.own) video', (video) => `${(video as HTMLVideoElement).videoWidth}`);
    const camera = await sizeOf();
    await ada.press('screen', 'true');
    await grace.tileIs('Ada, screen', '.screen.has-video');
    await grace.page.waitForFunction(
      (before) => {
        const width = document.querySelector<HTMLVideoElement>('.tile:not(.own) video')?.videoWidth ?? 0;
        return width > 0 && `${width}` !== before;
      },
      WAIT,
      camera,
    );
    await ada.press('screen', 'false');
    await grace.tileIs('Ada', '.has-video:not(.screen)');
  });

  test('three of them all see each other, one of them without any devices', async () => {
    const people = await meet([chromium, 'Ada'], [chromium, 'Grace'], [chromium, 'Joan', { media: [] }]);
    const [ada, grace, joan] = people as [ChatUser, ChatUser, ChatUser];
    await Promise.all([ada.sees('Grace'), grace.sees('Ada'), joan.sees('Ada'), joan.sees('Grace')]);
    await ada.tileIs('Joan', ':not(.has-video)');
    await joan.say('I only read');
    await Promise.all([ada.hears('I only read'), grace.hears('I only read')]);
    await joan.press('camera', 'true'); // in mid-call, without a new offer
    await Promise.all([ada.sees('Joan'), grace.sees('Joan')]);
  });

  test('a file arrives as it was, its SHA-256 shown; another is declined', async () => {
    const [ada, grace] = (await meet([chromium, 'Ada', { media: [] }], [chromium, 'Grace', { media: [] }])) as [
      ChatUser,
      ChatUser,
    ];
    const bytes = randomBytes(3_000_000);
    await writeFile(join(scratch, 'notes.bin'), bytes);
    await offer(ada, join(scratch, 'notes.bin'));
    await grace.hears('notes.bin');
    await clickIn(grace, '.file', 'Accept');
    await grace.page.waitForSelector('.file[data-state="complete"]', WAIT);
    await ada.page.waitForSelector('.file[data-state="complete"]', WAIT);
    const digest = createHash('sha256').update(bytes).digest('hex');
    for (const user of [ada, grace]) {
      expect(await user.page.$eval('.file-status', (status) => (status as HTMLElement).title)).toBe(
        `SHA-256 ${digest}`,
      );
    }
    expect(Buffer.compare(await download(grace, '.file a[download]'), bytes)).toBe(0);

    await writeFile(join(scratch, 'unwanted.txt'), 'no');
    await offer(ada, join(scratch, 'unwanted.txt'));
    await grace.hears('unwanted.txt');
    await clickIn(grace, '.file:not([data-state="complete"])', 'Decline');
    await ada.hears('Declined');
  });

  test('a secret link leads to a room that its name does not', async () => {
    const ada = await ChatUser.arrive(chromium, server.origin, 'Ada');
    users.push(ada);
    await ada.click('new-secret');
    await ada.click('join-button');
    await ada.page.waitForSelector('#call:not([hidden])', WAIT);
    const link = ada.page.url();
    expect(link).toMatch(/#room=&secret=[\w-]{22}$/);
    const grace = await ChatUser.enter(chromium, link, 'Grace', { media: [] });
    users.push(grace);
    await Promise.all([ada.meets(1), grace.meets(1)]);
    await grace.say('found you');
    await ada.hears('found you');
  });

  test('the connection panel shows what flows, and which way', async () => {
    const [ada] = (await meet([chromium, 'Ada'], [chromium, 'Grace'])) as [ChatUser];
    await ada.click('open-connection');
    await ada.page.waitForFunction(() => {
      const value = (id: string): string => document.getElementById(id)?.textContent ?? '';
      const details = value('connection-details');
      return (
        /^[1-9].* [kM]bit\/s$/.test(value('receive-value')) &&
        /^[1-9].* [kM]bit\/s$/.test(value('send-value')) &&
        /ms$/.test(value('rtt-value')) &&
        / %$/.test(value('loss-value')) &&
        ['Here', 'There', 'UDP', 'Video in', 'frames/s', 'opus', 'DTLS'].every((part) => details.includes(part))
      );
    }, WAIT);
    await ada.page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#receive-graph')!;
      return canvas
        .getContext('2d')!
        .getImageData(0, 0, canvas.width, canvas.height)
        .data.some((byte) => byte > 0);
    }, WAIT);
    expect(await ada.page.$eval('#trackers', (list) => list.textContent)).toMatch(/^localhost:\d+open$/);
  });

  test('when the server is gone the call goes on, and says so', async () => {
    const ownServer = await ChatServer.start();
    const [ada, grace] = (await Promise.all(
      ['Ada', 'Grace'].map((name) => ChatUser.enter(chromium, ownServer.origin, name, { room: 'last', media: [] })),
    )) as [ChatUser, ChatUser];
    await Promise.all([ada.meets(1), grace.meets(1)]);
    await ada.page.waitForSelector('#status[data-state="open"]', WAIT);
    await ownServer.close();
    await ada.page.waitForSelector('#status[data-state="waiting"]', WAIT);
    expect(await ada.page.$eval('#status', (status) => status.textContent)).toBe('2 here, tracker unreachable');
    await ada.say('can you still hear me?');
    await grace.hears('can you still hear me?');
    await Promise.all([ada.close(), grace.close()]);
  });
});

async function offer(user: ChatUser, path: string): Promise<void> {
  const input = (await user.page.$('#files')) as NonNullable<Awaited<ReturnType<typeof user.page.$<'input'>>>>;
  await input.uploadFile(path);
}

async function clickIn(user: ChatUser, selector: string, label: string): Promise<void> {
  await user.page.$$eval(
    `${selector} button`,
    (buttons, wanted) => buttons.find((button) => button.textContent === wanted)?.click(),
    label,
  );
}

/** What the browser saves when the link is clicked. */
async function download(user: ChatUser, selector: string): Promise<Buffer> {
  const session: CDPSession = await user.page.createCDPSession();
  const browserContextId = user.page.browserContext().id;
  const behavior = { behavior: 'allow' as const, downloadPath: scratch, eventsEnabled: true, browserContextId };
  await session.send('Browser.setDownloadBehavior', behavior);
  const name = `${await user.page.$eval(selector, (link) => (link as HTMLAnchorElement).download)}`;
  await rm(join(scratch, name), { force: true });
  const done = new Promise<void>((resolve) => {
    session.on('Browser.downloadProgress', ({ state }) => state === 'completed' && resolve());
  });
  await user.page.$eval(selector, (link) => (link as HTMLAnchorElement).click());
  await done;
  return readFile(join(scratch, name));
}
