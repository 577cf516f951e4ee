/** The chat page in Firefox, which meets Chromium there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BROWSERS, browserAvailable, TestBrowser } from '../../browser/browsers.ts';
import { ChatServer } from './chat-server.ts';
import { ChatUser } from './chat-user.ts';

describe.skipIf(!BROWSERS.every(browserAvailable))('Firefox and Chromium', () => {
  let server: ChatServer;
  let browsers: TestBrowser[] = [];
  beforeAll(async () => {
    server = await ChatServer.start();
    browsers = await Promise.all(
      BROWSERS.map((name) => TestBrowser.launch(name, { fakeMedia: true, playsMedia: true })),
    );
  }, 60_000);
  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
    await server?.close();
  });

  test('see each other, talk, and see who is muted', async () => {
    const [ada, grace] = (await Promise.all(
      ['Ada', 'Grace'].map((name, index) => ChatUser.enter(browsers[index]!, server.origin, name, { room: 'fox' })),
    )) as [ChatUser, ChatUser];
    await Promise.all([ada.sees('Grace'), grace.sees('Ada')]);
    await ada.say('hello fox');
    await grace.hears('hello fox');
    await grace.say('hello chromium');
    await ada.hears('hello chromium');
    await grace.press('microphone', 'false');
    await ada.tileIs('Grace', '[data-microphone="off"]');
    await ada.press('camera', 'false');
    await grace.tileIs('Ada', ':not(.has-video)');
    expect([ada, grace].flatMap(({ complaints }) => complaints)).toEqual([]);
  }, 40_000);
});
