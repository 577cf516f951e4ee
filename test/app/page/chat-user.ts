/** Somebody at the chat page: what they do, and what they see. */
import type { Page } from 'puppeteer-core';
import type { TestBrowser } from '../../browser/browsers.ts';

const WAIT = { timeout: 30_000, polling: 50 };

export type UserOptions = {
  /** Default: everything. */
  readonly media?: readonly ('microphone' | 'camera')[];
  /** Put into the field for the room; with an address that names one already, none is needed. */
  readonly room?: string;
};

export class ChatUser {
  readonly name: string;
  readonly page: Page;
  /** What the page complained about: refused requests, errors, violations of its content security policy. */
  readonly complaints: string[] = [];
  /** Everything it asked for. */
  readonly requests: string[] = [];

  private constructor(name: string, page: Page) {
    this.name = name;
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('request', (request) => this.requests.push(request.url()));
  }

  /** Opens the page and goes in. */
  static async enter(
    browser: TestBrowser,
    address: string,
    name: string,
    options: UserOptions = {},
  ): Promise<ChatUser> {
    const user = await ChatUser.arrive(browser, address, name);
    for (const device of options.media ?? ['microphone', 'camera']) await user.press(`lobby-${device}`, 'true');
    if (options.room !== undefined) await user.fill('room', options.room);
    await user.click('join-button');
    await user.page.waitForSelector('#call:not([hidden])', WAIT);
    return user;
  }

  /** Opens the page and stays in the lobby. */
  static async arrive(browser: TestBrowser, address: string, name: string): Promise<ChatUser> {
    const page = await browser.openWindow('about:blank');
    const user = new ChatUser(name, page);
    await page.goto(address, { waitUntil: 'load' });
    await page.waitForSelector('#lobby:not([hidden])', WAIT);
    await user.fill('name', name);
    return user;
  }

  /** As a click, whatever tab is in front. */
  async click(id: string): Promise<void> {
    await this.page.$eval(`#${id}`, (element) => (element as HTMLElement).click());
  }

  async fill(id: string, text: string): Promise<void> {
    await this.page.$eval(
      `#${id}`,
      (element, value) => {
        (element as HTMLInputElement).value = value;
      },
      text,
    );
  }

  /** Clicks a toggle and waits until it is. */
  async press(id: string, pressed: 'true' | 'false'): Promise<void> {
    await this.click(id);
    await this.page.waitForSelector(`#${id}[aria-pressed="${pressed}"]`, WAIT);
  }

  async say(text: string): Promise<void> {
    await this.fill('text', text);
    await this.page.$eval('#say', (form) => (form as HTMLFormElement).requestSubmit());
  }

  /** Waits until the conversation has this text. */
  async hears(text: string): Promise<void> {
    await this.page.waitForFunction((t) => document.getElementById('log')?.textContent?.includes(t), WAIT, text);
  }

  /** Waits until so many others are here. */
  async meets(others: number): Promise<void> {
    await this.page.waitForFunction((n) => document.querySelectorAll('.tile:not(.own)').length === n, WAIT, others);
  }

  /** Waits until the picture of this person is shown and moves on. */
  async sees(name: string): Promise<void> {
    await this.page.waitForFunction(
      (shown) => {
        const tile = [...document.querySelectorAll('.tile.has-video')].find((one) => one.textContent?.includes(shown));
        const video = tile?.querySelector('video');
        if (video == null) return false;
        const painted: number | undefined = Reflect.get(video, 'mozPaintedFrames'); // Firefox counts no others of a stream
        return (painted ?? video.getVideoPlaybackQuality().totalVideoFrames) >= 5;
      },
      WAIT,
      name,
    );
  }

  /** Waits until the tile of this person matches the selector. */
  async tileIs(name: string, selector: string): Promise<void> {
    await this.page.waitForFunction(
      (shown, wanted) =>
        [...document.querySelectorAll('.tile')].some(
          (tile) => tile.textContent?.includes(shown) && tile.matches(wanted),
        ),
      WAIT,
      name,
      selector,
    );
  }

  async leave(): Promise<void> {
    await this.click('leave');
    await this.page.waitForSelector('#lobby:not([hidden])', WAIT);
  }

  async close(): Promise<void> {
    await this.page.browserContext().close();
  }
}
