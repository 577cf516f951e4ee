/** `npm start` end to end: real browsers open the page. */
import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Demo } from '../../src/cli/demo.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../browser/browsers.ts';

const WAIT = { timeout: 15_000 };

async function opened(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector<HTMLElement>('#status')?.dataset['state'] === 'open', WAIT);
}

async function logShows(page: Page, text: string): Promise<void> {
  await page.waitForFunction((t) => document.querySelector('#log')?.textContent?.includes(t), WAIT, text);
}

async function say(page: Page, text: string): Promise<void> {
  await page.type('#text', text);
  await page.keyboard.press('Enter');
}

for (const name of BROWSERS) {
  describe.skipIf(!browserAvailable(name))(`the page in ${name}`, () => {
    let browser: TestBrowser;
    let demo: Demo;
    let url: string;
    let printed: string[];

    beforeAll(async () => {
      browser = await TestBrowser.launch(name);
    }, 60_000);
    afterAll(() => browser?.close());
    beforeEach(async () => {
      printed = [];
      demo = new Demo({ port: 0, print: (line) => printed.push(line), terminal: false });
      url = await demo.start();
    });
    afterEach(() => demo.close());

    test('chats, measures both directions and the round trip, and shows the timeline', async () => {
      const page = await browser.openPage(url);
      await opened(page);
      await logShows(page, 'Hello tab 1');
      await say(page, 'grüß dich <b>&');
      await logShows(page, 'I read you: “grüß dich <b>&”, 14 characters.');
      expect(printed).toContain('tab 1: grüß dich <b>&');

      for (const id of ['download', 'upload', 'round-trip']) {
        await page.waitForFunction((i) => Number(document.getElementById(i)?.textContent) > 0, WAIT, id);
      }
      const phases = await page.$$eval('#timeline tbody tr', (rows) => rows.map((row) => row.textContent ?? ''));
      expect(phases).toHaveLength(5);
      for (const phase of phases) expect(phase).toMatch(/^(gathering|checks|DTLS|SCTP|channel)[\d.]+ ms[\d.]+ ms$/);
      expect(printed.find((line) => line.startsWith('tab 1 is open after'))).toMatch(/after [\d.]+ ms$/);
      for (const phase of ['gathering', 'checks', 'DTLS', 'SCTP', 'channel']) {
        expect(printed.some((line) => line.trim().startsWith(phase) && line.endsWith(' ms'))).toBe(true);
      }
      await page.close();
    });

    test('serves several tabs, which come and go', async () => {
      const first = await browser.openPage(url);
      await opened(first);
      const second = await browser.openPage(url);
      await opened(second);
      await logShows(first, 'tab 2 has come.');
      await say(second, 'from the second');
      await logShows(first, 'tab 2: from the second');
      await second.close();
      await logShows(first, 'tab 2 has left.');
      await first.reload();
      await opened(first);
      await logShows(first, 'Hello tab 3');
      await first.close();
    });

    test('says so when Node goes away, and connects again', async () => {
      const page = await browser.openPage(url);
      await opened(page);
      const port = Number(new URL(url).port);
      await demo.close();
      await page.waitForFunction(
        () => ['closed', 'failed'].includes(document.querySelector<HTMLElement>('#status')?.dataset['state'] ?? ''),
        WAIT,
      );
      demo = new Demo({ port, print: (line) => printed.push(line), terminal: false });
      expect(await demo.start()).toBe(url);
      await page.click('#reconnect');
      await opened(page);
      await page.close();
    });
  });
}
