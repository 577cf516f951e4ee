/** Two people in terminals, in one room of a tracker on this machine. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TerminalChatOptions } from '../../../src/app/terminal/terminal-chat.ts';
import { type AttachedTracker, attach } from '../../../src/server/index.ts';
import { LoopbackConnection, Person, writeClip } from './person.ts';

let server: Server;
let tracker: AttachedTracker;
let directory: string;
const people: Person[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'purertc-chat-'));
  server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  tracker = attach(server, '/announce');
});

afterEach(async () => {
  await Promise.all(people.splice(0).map((person) => person.leave()));
  tracker.close();
  server.close();
  rmSync(directory, { recursive: true });
});

function enter(name: string, more: Partial<TerminalChatOptions> = {}): Person {
  const { port } = server.address() as AddressInfo;
  const person = new Person({
    room: 'tea',
    name,
    downloadDirectory: join(directory, name),
    signaling: { trackers: [`ws://127.0.0.1:${port}/announce`], RTCPeerConnection: LoopbackConnection as never },
    ...more,
  });
  people.push(person);
  return person;
}

describe('the terminal chat', () => {
  test('brings people together: who is here, what they say, their names', async () => {
    const [ada, bob] = [enter('Ada'), enter('Bob')];
    await Promise.all([ada.sees(/Bob is here \(terminal\)/), bob.sees(/Ada is here \(terminal\)/)]);
    ada.type('good morning');
    await Promise.all([ada.sees(/Ada: good morning/), bob.sees(/Ada: good morning/)]);
    bob.type('/name Bobby');
    bob.type('and to you');
    await ada.sees(/Bobby: and to you/);
    ada.type('/people');
    await ada.sees(/Ada \(you\)\nBobby \(terminal\)\ntracker ws:\/\/.* open/);
    ada.type('/stats');
    await ada.sees(/Bobby: ↓ .* ↑ .*\n {2}host UDP .* ↔ .*\n.*DTLS 1.2/);
    await people.splice(people.indexOf(bob), 1)[0]!.leave();
    await ada.sees(/Bobby has left/);
  });

  test('sends files: offered, accepted, checked; refused ones leave nothing', async () => {
    const [ada, bob] = [enter('Ada'), enter('Bob')];
    await Promise.all([ada.sees(/Bob is here/), bob.sees(/Ada is here/)]);
    const path = join(directory, 'picture.png');
    const content = randomBytes(3_000_000);
    writeFileSync(path, content);
    ada.type(`/send ${path}`);
    await bob.sees(/Ada offers picture\.png, 3\.0 MB: \/accept 1 or \/refuse 1/);
    bob.type('/accept');
    await bob.sees(/picture\.png from Ada is in .*Bob\/picture\.png, SHA-256 [0-9a-f]{64}/);
    await ada.sees(/Bob has picture\.png, SHA-256/);
    expect(readFileSync(join(directory, 'Bob/picture.png')).equals(content)).toBe(true);
    expect(bob.statuses.some((status) => /^↓ picture\.png █*░* \d+ % of 3\.0 MB$/.test(status))).toBe(true);
    ada.type(`/send ${path}`);
    await bob.sees(/\/accept 2 or \/refuse 2/);
    bob.type('/refuse 2');
    await ada.sees(/picture\.png: declined/);
    expect(existsSync(join(directory, 'Bob/picture (2).png'))).toBe(false);
    ada.type('/send /no/such/file');
    await ada.sees(/ENOENT/);
    ada.type('/accept 7');
    await ada.sees(/there is no file 7/);
  });

  test('plays a file as camera and microphone, and records what comes', async () => {
    const clip = join(directory, 'clip.webm');
    await writeClip(clip);
    const ada = enter('Ada', { playFile: clip });
    const bob = enter('Bob', { recordDirectory: join(directory, 'recordings') });
    await bob.sees(/recording Ada to (.*)/);
    const [, file] = /recording Ada to (.*)/.exec(bob.lines.join('\n'))!;
    bob.type('/people');
    await bob.sees(/Ada \(terminal\) microphone camera/);
    const heardAndSeen = (): boolean => {
      bob.type('/stats');
      return bob.lines.some((line) => line.includes('VP8') && line.includes('opus'));
    };
    await expect.poll(heardAndSeen, { timeout: 15_000, interval: 250 }).toBe(true);
    await people.splice(people.indexOf(ada), 1)[0]!.leave();
    await bob.sees(/[1-9]\d* frames recorded/);
    expect(statSync(file!).size).toBeGreaterThan(1_000);
  }, 30_000);
});
