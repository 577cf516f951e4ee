/** The chat page for one person in Chromium: small screens, the keyboard, no devices. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { browserAvailable, TestBrowser } from '../../browser/browsers.ts';
import { ChatServer } from './chat-server.ts';
import { ChatUser } from './chat-user.ts';

vi.setConfig({ testTimeout: 40_000 });

const WAIT = { timeout: 30_000, polling: 50 };

describe.skipIf(!browserAvailable('chromium'))('somebody in Chromium', () => {
  let server: ChatServer;
  let chromium: TestBrowser;
  const users: ChatUser[] = [];
  beforeAll(async () => {
    server = await ChatServer.start();
    chromium = await TestBrowser.launch('chromium', { fakeMedia: true, playsMedia: true });
  }, 60_000);
  afterAll(async () => {
    await chromium?.close();
    await server?.close();
  });
  afterEach(async () => {
    const complaints = users.flatMap((user) => user.complaints);
    await Promise.all(users.splice(0).map((user) => user.close()));
    expect(complaints).toEqual([]);
  });

  test('without any devices a click says so, and text still works', async () => {
    const bare = await TestBrowser.launch('chromium');
    try {
      const joan = await ChatUser.arrive(bare, server.origin, 'Joan');
      await joan.click('lobby-camera');
      await joan.page.waitForFunction(
        () => /camera/.test(document.querySelector('#toasts .warning')?.textContent ?? ''),
        WAIT,
      );
      await joan.fill('room', 'text only');
      await joan.click('join-button');
      await joan.page.waitForSelector('#status[data-state="open"]', WAIT);
    } finally {
      await bare.close();
    }
  }, 60_000);

  test.each([
    [320, 568],
    [390, 844],
    [844, 390],
  ])('on a screen of %d × %d nothing is cut off', async (width, height) => {
    const ada = await ChatUser.arrive(chromium, server.origin, 'Ada');
    users.push(ada);
    await ada.page.setViewport({ width, height });
    await ada.fill('room', 'phone');
    await ada.click('join-button');
    await ada.page.waitForSelector('#call:not([hidden])', WAIT);
    expect(await ada.page.evaluate(findCutOff)).toEqual([]);
    for (const panel of ['chat', 'people', 'connection']) {
      await ada.click(`open-${panel}`);
      await ada.page.waitForSelector(`#${panel}:not([hidden])`, WAIT);
      expect(await ada.page.evaluate(findCutOff)).toEqual([]);
      await ada.click('close-panel');
    }
  });

  test('by keyboard: everything has a name, can be reached, and Esc closes', async () => {
    const ada = await ChatUser.arrive(chromium, server.origin, 'Ada');
    users.push(ada);
    expect(await ada.page.evaluate(findUnnamed)).toEqual([]);
    await ada.page.bringToFront();
    await ada.page.focus('#room');
    await ada.page.keyboard.type('keys');
    await ada.page.keyboard.press('Enter');
    await ada.page.waitForSelector('#call:not([hidden])', WAIT);
    expect(await ada.page.evaluate(findUnnamed)).toEqual([]);

    await ada.page.keyboard.down('Control');
    await ada.page.keyboard.press('KeyE');
    await ada.page.keyboard.up('Control');
    await ada.page.waitForSelector('#camera[aria-pressed="true"]', WAIT);

    await ada.page.focus('#open-people');
    await ada.page.keyboard.press('Enter');
    await ada.page.waitForSelector('#people:not([hidden])', WAIT);
    expect(await focused(ada)).toBe('tab-people');
    await ada.page.keyboard.press('ArrowRight');
    expect(await focused(ada)).toBe('tab-connection');
    expect(await ada.page.evaluate(findUnnamed)).toEqual([]);
    await ada.page.keyboard.press('Escape');
    await ada.page.waitForSelector('#panel[hidden]', WAIT);
    expect(await focused(ada)).toBe('open-people');

    const reached = new Set<string>();
    for (let presses = 0; presses < 14; presses++) {
      await ada.page.keyboard.press('Tab');
      reached.add(await focused(ada));
    }
    for (const id of ['microphone', 'camera', 'screen', 'devices', 'open-chat', 'leave', 'copy-link']) {
      expect([...reached]).toContain(id);
    }
  });
});

async function focused({ page }: ChatUser): Promise<string> {
  return page.evaluate(() => document.activeElement?.id ?? '');
}

/** Runs in the page: controls that nobody could call by a name, ids used twice, and references to ids that are not there. */
function findUnnamed(): string[] {
  const shown = (element: Element): boolean => (element as HTMLElement).checkVisibility();
  const nameOf = (element: Element): string => {
    const labels = [...((element as HTMLInputElement).labels ?? [])].map((label) => label.textContent);
    return [element.ariaLabel, ...labels, element.textContent, element.getAttribute('alt')].join('').trim();
  };
  const controls =
    'button, a[href], input:not([type=hidden]), select, textarea, [role=tab], canvas, video, [tabindex="0"]';
  const unnamed = [...document.querySelectorAll(controls)].filter((one) => shown(one) && nameOf(one) === '');
  const images = [...document.images].filter((image) => shown(image) && !image.hasAttribute('alt'));
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  const dangling = [...document.querySelectorAll('[aria-controls], [aria-labelledby], label[for]')].flatMap((element) =>
    ['aria-controls', 'aria-labelledby', 'for']
      .map((name) => element.getAttribute(name))
      .filter((id) => id !== null && document.getElementById(id) === null),
  );
  const levels = [...document.querySelectorAll('h1, h2, h3')].filter(shown).map(({ tagName }) => tagName);
  const headings = levels.filter((level) => level === 'H1').length === 1 ? [] : [`headings: ${levels.join()}`];
  return [
    ...[...unnamed, ...images].map((element) => element.outerHTML),
    ...twice,
    ...dangling.map(String),
    ...headings,
  ];
}

/** Runs in the page: controls that are not wholly on the screen. */
function findCutOff(): string[] {
  return [...document.querySelectorAll('button, input, textarea, select')]
    .filter((element) => (element as HTMLElement).checkVisibility())
    .filter((element) => {
      const { left, top, right, bottom } = element.getBoundingClientRect();
      return left < 0 || top < 0 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5;
    })
    .map(({ id }) => id);
}
