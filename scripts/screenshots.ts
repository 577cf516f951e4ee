/**
 * Makes the screenshots of docs/images: two people in Chromium at the chat page, after `npm run build`.
 * `node scripts/screenshots.ts` (Node 22.18 or later).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import { ChatServer } from '../test/app/page/chat-server.ts';
import { ChatUser } from '../test/app/page/chat-user.ts';
import { TestBrowser } from '../test/browser/browsers.ts';
import { encodePng } from './png.ts';
import { drawPerson, PEOPLE, type Person } from './screenshot-people.ts';

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url));
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
/** Four seconds at the 30 frames a second that Chromium plays. */
const FRAMES = 120;
/** So that the graphs have something to show. */
const MEASURED_SECONDS = 40;
const WAIT = { timeout: 60_000, polling: 50 };
const ROOM = 'Studio';

/** What is sent as a picture. */
const PLAN = `<svg xmlns="http://www.w3.org/2000/svg" width="960" height="600">
  <rect width="960" height="600" fill="#f7f4ec"/>
  <g fill="none" stroke="#33413d" stroke-width="9"><path d="M90 80h780v440h-780zM90 300h230m80 0h110v-220M510 300v110m0 80v30M510 360h360"/></g>
  <g stroke="#7d8f89" stroke-width="3"><path d="M560 80v110M590 80v110M620 80v110M650 80v110M680 80v110M545 135h150"/></g>
  <g fill="none" stroke="#0f766e" stroke-width="3"><path d="M320 300a80 80 0 0 1 80 -80M510 410a80 80 0 0 1 -80 80"/></g>
  <g font-family="sans-serif" font-size="26" fill="#5b6b66"><text x="200" y="200">Kitchen</text><text x="210" y="420">Living</text><text x="640" y="260">Stairs</text><text x="650" y="460">Studio</text></g>
</svg>`;

const scratch = await mkdtemp(join(tmpdir(), 'purertc-screenshots-'));
const server = await ChatServer.start();
const browsers: TestBrowser[] = [];
try {
  const [mara, tunde] = await Promise.all(PEOPLE.map(film));
  const [first, second] = await Promise.all(
    [mara, tunde].map((fakeCamera) =>
      TestBrowser.launch('chromium', { fakeMedia: true, playsMedia: true, fakeCamera }),
    ),
  );
  browsers.push(first!, second!);
  await shoot(first!, second!);
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server.close();
  await rm(scratch, { recursive: true, force: true });
}

async function shoot(first: TestBrowser, second: TestBrowser): Promise<void> {
  const mara = await ChatUser.arrive(first, server.origin, PEOPLE[0].name);
  await look(mara.page, 'light');
  for (const device of ['camera', 'microphone']) await mara.press(`lobby-${device}`, 'true');
  await mara.fill('room', ROOM);
  await mara.page.waitForFunction(() => document.querySelector('video')!.videoWidth > 0, WAIT);
  await save(mara.page, 'chat-lobby');
  await mara.click('join-button');

  const tunde = await ChatUser.enter(second, server.origin, PEOPLE[1].name, { room: ROOM });
  await look(tunde.page, 'dark');
  await Promise.all([mara.sees('Tunde'), tunde.sees('Mara')]);

  await mara.say('Good morning! Is the new plan ready?');
  await tunde.say('It is. Here is the ground floor, the stairs have moved.');
  await send(tunde, 'ground-floor.png', await drawing(first, PLAN, { width: 960, height: 600 }));
  await accept(mara, '.file');
  await mara.page.waitForSelector('.file[data-state="complete"] img', WAIT);
  await mara.say('Lovely, and there is daylight in the kitchen now.');
  await tunde.say('The whole model comes after it: https://example.org/model');
  await tunde.hears('daylight');
  await send(tunde, 'model.glb', Buffer.alloc(62_000_000, 'purertc'));
  await sharpened(mara);
  await accept(mara, '.file[data-state="offered"]');
  await mara.page.waitForFunction(
    () => Number(document.querySelector('.file[data-state="active"] [role="progressbar"]')?.ariaValueNow) >= 30,
    WAIT,
  );
  await save(mara.page, 'chat-light');
  await mara.page.$eval('.file[data-state="active"] button', (button) => (button as HTMLElement).click());

  await tunde.page.click('#open-connection');
  await new Promise((resolve) => setTimeout(resolve, MEASURED_SECONDS * 1000));
  await save(tunde.page, 'chat-dark');

  await mara.leave();
  await mara.page.setViewport(PHONE); // loads the page anew
  await mara.page.waitForSelector('#lobby:not([hidden])', WAIT);
  for (const device of ['camera', 'microphone']) await mara.press(`lobby-${device}`, 'true');
  await mara.click('join-button');
  await Promise.all([mara.sees('Tunde'), tunde.sees('Mara')]);
  await mara.say('On the train now. Can you send me the plan again?');
  await tunde.say('Sure.');
  await send(tunde, 'ground-floor.png', await drawing(first, PLAN, { width: 960, height: 600 }));
  await accept(mara, '.file');
  await mara.page.waitForSelector('.file[data-state="complete"] img', WAIT);
  await mara.say('Got it, thank you! I will look at the stairs tonight.');
  await tunde.say('Let us talk about them tomorrow at nine, in this room.');
  await mara.hears('tomorrow at nine');
  await sharpened(mara);
  await save(mara.page, 'chat-phone');
  await mara.page.tap('#open-chat');
  await save(mara.page, 'chat-phone-text');
}

/** Draws somebody as a camera would film them. @returns the film's path */
async function film(person: Person): Promise<string> {
  const browser = await TestBrowser.launch('chromium');
  try {
    const page = await browser.openPage('about:blank');
    await page.setViewport({ width: 960, height: 540 });
    await page.setContent('<style>body{margin:0;zoom:0.75}</style><div></div>');
    const frames: Uint8Array[] = [];
    for (let frame = 0; frame < FRAMES; frame += 2) {
      const svg = drawPerson(person, frame / FRAMES);
      await page.$eval('div', (element, markup) => element.setHTMLUnsafe(markup), svg);
      const jpeg = await page.screenshot({ type: 'jpeg', quality: 88 });
      frames.push(jpeg, jpeg);
    }
    const path = join(scratch, `${person.style}.mjpeg`);
    await writeFile(path, Buffer.concat(frames));
    return path;
  } finally {
    await browser.close();
  }
}

async function look(page: Page, scheme: 'light' | 'dark'): Promise<void> {
  await page.setViewport(DESKTOP);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
}

async function send(user: ChatUser, name: string, bytes: Uint8Array): Promise<void> {
  const path = join(scratch, name);
  await writeFile(path, bytes);
  const input = await user.page.$('input#files');
  await input!.uploadFile(path);
}

async function accept(user: ChatUser, card: string): Promise<void> {
  const button = `${card} .file-actions .primary`;
  await user.page.waitForSelector(button, WAIT);
  await user.page.$eval(button, (element) => (element as HTMLElement).click());
}

async function drawing(
  browser: TestBrowser,
  svg: string,
  viewport: { width: number; height: number },
): Promise<Buffer> {
  const page = await browser.openWindow('about:blank');
  await page.setViewport(viewport);
  await page.setContent(`<style>body{margin:0}</style>${svg}`);
  const png = await page.screenshot({ type: 'png' });
  await page.browserContext().close();
  return Buffer.from(png);
}

/** Waits for the picture to become sharp, as it does once there is a measure of the connection. */
async function sharpened({ page }: ChatUser): Promise<void> {
  await page.waitForFunction(
    () => (document.querySelector<HTMLVideoElement>('.tile:not(.own) video')?.videoWidth ?? 0) >= 900,
    WAIT,
  );
}

async function save(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.getElementById('toasts')?.replaceChildren());
  await new Promise((resolve) => setTimeout(resolve, 500)); // tiles glide into place
  const png = await page.screenshot({ type: 'png', encoding: 'base64' });
  await writeFile(`${IMAGES}${name}.png`, await smooth(png));
  console.log(`docs/images/${name}.png`);
}

/** Six bits a colour: nobody sees the difference, and the noise of a video takes half of the bytes. */
async function smooth(png: string): Promise<Buffer> {
  const page = await browsers[0]!.openWindow('about:blank');
  const { width, height, pixels } = await page.evaluate(async (encoded) => {
    const image = new Image();
    image.src = `data:image/png;base64,${encoded}`;
    await image.decode();
    const { naturalWidth: wide, naturalHeight: high } = image;
    const context = new OffscreenCanvas(wide, high).getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, wide, high);
    let text = '';
    for (let at = 0; at < data.length; at += 4) text += String.fromCharCode(data[at]!, data[at + 1]!, data[at + 2]!);
    return { width: wide, height: high, pixels: btoa(text) };
  }, png);
  await page.browserContext().close();
  const rgb = Buffer.from(pixels, 'base64').map((value) => (value & 0xfc) | (value >> 6));
  return encodePng(width, height, rgb);
}
