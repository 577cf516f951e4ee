/** Somebody at a terminal and somebody at the page, in one room. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserAvailable, TestBrowser } from '../../browser/browsers.ts';
import { ChatServer } from '../page/chat-server.ts';
import { ChatUser } from '../page/chat-user.ts';
import { LoopbackConnection, Person, writeClip } from './person.ts';

describe.skipIf(!browserAvailable('chromium'))('a terminal and Chromium', () => {
  let directory: string;
  let server: ChatServer;
  let browser: TestBrowser;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'purertc-terminal-'));
    server = await ChatServer.start();
    browser = await TestBrowser.launch('chromium', { fakeMedia: true, playsMedia: true });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(directory, { recursive: true });
  });

  test('talk, see and record each other, and send files', async () => {
    const clip = join(directory, 'clip.webm');
    await writeClip(clip);
    const bob = new Person({
      room: 'mixed',
      name: 'Bob',
      downloadDirectory: directory,
      playFile: clip,
      recordDirectory: join(directory, 'recordings'),
      signaling: {
        trackers: [`${server.origin.replace('http', 'ws')}/announce`],
        RTCPeerConnection: LoopbackConnection as never,
      },
    });
    const ada = await ChatUser.enter(browser, server.origin, 'Ada', { room: 'mixed' });
    await Promise.all([bob.sees(/Ada is here \(browser\)/), ada.sees('Bob')]);
    await ada.say('hello terminal');
    await bob.sees(/Ada: hello terminal/);
    bob.type('hello page');
    await ada.hears('hello page');

    const path = join(directory, 'note.txt');
    writeFileSync(path, 'a note');
    bob.type(`/send ${path}`);
    await ada.hears('note.txt');
    const [, recording] = /recording Ada to (.*)/.exec(bob.lines.join('\n')) ?? [];
    const isReceiving = (): boolean => {
      bob.type('/stats');
      return bob.lines.some((line) => /VP8|VP9|H264|AV1/.test(line) && line.includes('opus'));
    };
    await expect.poll(isReceiving, { timeout: 10_000, interval: 250 }).toBe(true);
    await ada.leave();
    await bob.sees(/Ada has left[\s\S]*[1-9]\d* frames recorded/);
    expect(statSync(recording!).size).toBeGreaterThan(1_000);
    expect(readFileSync(recording!).subarray(0, 4).toString('hex')).toBe('1a45dfa3'); // EBML: it is WebM
    await bob.leave();
    expect(ada.complaints).toEqual([]);
  }, 60_000);
});
