/** Every example is run, as a user would, on the built package. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type MediaStreamTrack, RTCPeerConnection } from '../../src/index.ts';
import {
  EncodedTrackSource,
  encodedFrames,
  MediaFileWriter,
  opusSilenceFrames,
  readMediaFile,
  type TrackFrame,
  testTrack,
  vp8TestPicture,
} from '../../src/media/index.ts';
import { readVp8FrameHeader } from '../../src/rtp/payload/bitstream/vp8.ts';
import { joinRoom } from '../../src/signaling/index.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../browser/browsers.ts';

const FOLDER: string = fileURLToPath(new URL('../../examples/', import.meta.url));
/** One screen. */
const MAX_LINES = 75;

/** These run until they are ended, and print where they are. */
const SERVERS = [
  'echo-server.mjs',
  'echo.mjs',
  'play-file.mjs',
  'record.mjs',
  'sfu.mjs',
  'tracker.mjs',
  'tracker-cluster.mjs',
];

/** What each of the others prints. */
const EXPECTED: Record<string, RegExp> = {
  'data-channel.mjs': /^bob got "hello, bob" on "greetings"\nalice got "HELLO, BOB"\n$/,
  'dtmf.mjs': /^(alice plays [0123#]\n){5}(alice has dialled\n)?bob heard 0123#\n$/,
  'dtls.mjs': /^connected: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 over x25519\nechoed: hello over DTLS\n$/,
  'ice.mjs': /^(?=.*alice: connected)(?=.*bob: connected)(?=.*alice: sends to port \d+).*\n$/s,
  'room.mjs':
    /^alice is connected to 2, and heard: hello from bob, hello from carol\nbob is .*\ncarol is connected to 2, and heard: hello from alice, hello from bob\n$/,
  'simulation.mjs':
    /^open after \d+ ms of the network's time\n200 of 200 arrived, in order, after \d+ ms\n\d+ packets were lost [^\n]*\n$/,
};

test('there is a test for every example, and each fits on a screen', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'));
  expect(names.sort()).toEqual([...Object.keys(EXPECTED), ...SERVERS].sort());
  for (const name of names) {
    expect(readFileSync(`${FOLDER}${name}`, 'utf8').split('\n').length, name).toBeLessThanOrEqual(MAX_LINES);
  }
});

test.each(Object.entries(EXPECTED))('%s runs and ends by itself', async (name, expected) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${FOLDER}${name}`], { timeout: 15_000 });
  expect(stdout).toMatch(expected);
  expect(stderr).toBe('');
});

test('simulation.mjs gives the same figures again', async () => {
  const run = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, [`${FOLDER}simulation.mjs`], { timeout: 15_000 })).stdout;
  expect(await run()).toBe(await run());
});

let server: ChildProcess | undefined;
const connections: RTCPeerConnection[] = [];
afterEach(() => {
  server?.kill();
  for (const pc of connections.splice(0)) pc.close();
});

/** Runs a server, and says where it is. */
async function start(name: string, ...parameters: string[]): Promise<string> {
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, [`${FOLDER}${name}`, ...parameters], { env });
  server = child;
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`exited with ${code}`)));
  });
}

/** Offers as the example's page does. */
async function offer(pc: RTCPeerConnection, url: string): Promise<void> {
  connections.push(pc);
  await pc.setLocalDescription();
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(pc.localDescription) });
  await pc.setRemoteDescription((await response.json()) as { type: 'answer'; sdp: string });
  while (pc.connectionState !== 'connected') {
    await new Promise((resolve) => pc.addEventListener('connectionstatechange', resolve, { once: true }));
  }
}

/** The first frames of a track. */
async function take(track: MediaStreamTrack, count: number): Promise<TrackFrame[]> {
  const frames: TrackFrame[] = [];
  for await (const frame of encodedFrames(track)) if (frames.push(frame) === count) break;
  return frames;
}

function receivers(pc: RTCPeerConnection, kind: string): MediaStreamTrack {
  return pc.getReceivers().find(({ track }) => track.kind === kind)!.track;
}

describe('echo-server.mjs', () => {
  test('echoes to Node', async () => {
    const url = await start('echo-server.mjs');
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel('echo');
    const echoed = new Promise((resolve) => {
      channel.onmessage = ({ data }) => resolve(data);
    });
    channel.onopen = () => channel.send('hello');
    await offer(pc, `${url}offer`);
    expect(await echoed).toBe('hello');
  });

  test.each(BROWSERS.filter(browserAvailable))('echoes to %s', async (name) => {
    const url = await start('echo-server.mjs');
    const browser = await TestBrowser.launch(name);
    try {
      const page = await browser.openPage(url);
      await page.waitForFunction(() => document.title === 'Echo: open');
      await page.type('#text', 'hello\n');
      await page.waitForFunction(() => document.getElementById('log')?.textContent === 'hello\n');
    } finally {
      await browser.close();
    }
  });
});

test('echo.mjs sends back what it gets', async () => {
  const url = await start('echo.mjs');
  const pc = new RTCPeerConnection();
  const [video, audio] = [testTrack('video', { width: 64, height: 48 }), testTrack('audio')];
  for (const track of [video, audio]) pc.addTrack(track);
  await offer(pc, `${url}offer`);
  const [pictures, sound] = await Promise.all([take(receivers(pc, 'video'), 10), take(receivers(pc, 'audio'), 10)]);
  expect(pictures.every(({ codec, type }) => codec.mimeType === 'video/VP8' && type === 'key')).toBe(true);
  expect(sound.every(({ codec, data }) => codec.mimeType === 'audio/PCMU' && data.length === 160)).toBe(true);
  for (const track of [video, audio]) track.stop();
});

describe('play-file.mjs', () => {
  async function watch(url: string): Promise<{ pictures: TrackFrame[]; sound: TrackFrame[] }> {
    const pc = new RTCPeerConnection();
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
    await offer(pc, `${url}offer`);
    const [pictures, sound] = await Promise.all([take(receivers(pc, 'video'), 12), take(receivers(pc, 'audio'), 12)]);
    return { pictures: pictures!, sound: sound! };
  }

  test('plays a file, again and again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'purertc-example-'));
    const writer = new MediaFileWriter({ target: join(folder, 'clip.webm') });
    const video = writer.addTrack({ mimeType: 'video/VP8', clockRate: 90_000 });
    const audio = writer.addTrack({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 });
    for (let i = 0; i < 8; i++) {
      const data = vp8TestPicture({ width: 32, height: 32, colorAt: () => [50 + 10 * i, 128, 128] });
      video.write({ type: 'key', timestamp: i * 40_000, duration: 40_000, data });
    }
    for (const frame of opusSilenceFrames({ durationMs: 320 })) audio.write(frame);
    await writer.finalize();
    const { pictures, sound } = await watch(await start('play-file.mjs', join(folder, 'clip.webm')));
    expect(pictures[8]!.data).toEqual(pictures[0]!.data);
    expect(new Set(pictures.map(({ data }) => data.join())).size).toBe(8);
    expect(sound.every(({ codec }) => codec.mimeType === 'audio/opus')).toBe(true);
    rmSync(folder, { recursive: true });
  });

  test('without a file plays a test picture', async () => {
    const { pictures } = await watch(await start('play-file.mjs'));
    expect(readVp8FrameHeader(pictures[0]!.data)).toMatchObject({ width: 320, height: 240 });
  });
});

test('record.mjs writes a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'purertc-example-'));
  const path = join(folder, 'call.mkv');
  const url = await start('record.mjs', path);
  const pc = new RTCPeerConnection();
  const video = testTrack('video', { width: 64, height: 48 });
  for (const track of [video, testTrack('audio', { durationMs: 4_000 })]) pc.addTrack(track);
  await offer(pc, `${url}offer`);
  await take(video, 60); // as many have been sent, or are about to be
  const response = await fetch(`${url}stop`, { method: 'POST', body: '{}' });
  expect(await response.json()).toMatch(/^1?\d\d frames in /);
  const file = await readMediaFile(path);
  const counts: Record<string, number> = {};
  for (const { kind, frames } of file.tracks) {
    counts[kind] = 0;
    for await (const frame of frames()) counts[kind] += frame.data.length > 0 ? 1 : 0;
  }
  expect(counts['video']).toBeGreaterThan(40);
  expect(counts['audio']).toBeGreaterThan(80);
  video.stop();
  file.close();
  rmSync(folder, { recursive: true });
});

test('sfu.mjs forwards what each viewer chose', async () => {
  const url = await start('sfu.mjs');
  const rids = ['q', 'h', 'f'];
  const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
  let picture = 0;
  const timer = setInterval(() => {
    picture++;
    for (const [layer, rid] of rids.entries()) {
      const data = vp8TestPicture({ width: 16 << layer, height: 16, colorAt: () => [50 + (picture % 100), 128, 128] });
      source.write({ type: 'key', timestamp: picture * 40_000, data }, { rid });
    }
  }, 40);
  try {
    const publisher = new RTCPeerConnection();
    publisher.addTransceiver(source.track, { direction: 'sendonly', sendEncodings: rids.map((rid) => ({ rid })) });
    await offer(publisher, `${url}publish`);
    const views = [new RTCPeerConnection(), new RTCPeerConnection()].map(async (viewer) => {
      viewer.addTransceiver('video', { direction: 'recvonly' });
      const choice = viewer.createDataChannel('choice');
      await offer(viewer, `${url}view`);
      return { viewer, choice };
    });
    const [one, other] = await Promise.all(views);
    const widths = async ({ viewer }: { viewer: RTCPeerConnection }): Promise<Set<number>> => {
      const frames = await take(receivers(viewer, 'video'), 10);
      return new Set(frames.map(({ data }) => readVp8FrameHeader(data)!.width!));
    };
    expect([await widths(one!), await widths(other!)]).toEqual([new Set([16]), new Set([16])]);
    one!.choice.send('f');
    for await (const { data } of encodedFrames(receivers(one!.viewer, 'video'))) {
      if (readVp8FrameHeader(data)!.width === 64) break;
    }
    expect([await widths(one!), await widths(other!)]).toEqual([new Set([64]), new Set([16])]);
  } finally {
    clearInterval(timer);
  }
});

test('tracker.mjs lets rooms meet, and goes away when asked', async () => {
  const url = await start('tracker.mjs');
  const [alice, bob] = ['alice', 'bob'].map(() => joinRoom('example', { trackers: [url] }));
  try {
    const met = new Promise<string>((resolve) => {
      alice!.onpeer = ({ peer }) => resolve(peer.id);
    });
    expect(await met).toBe(bob!.peerId);
    const stats = await fetch(url.replace('ws:', 'http:').replace('announce', 'stats'));
    expect(await stats.json()).toMatchObject({ connections: 2, rooms: 1, members: 2 });
  } finally {
    await Promise.all([alice!.leave(), bob!.leave()]);
  }
  const exited = new Promise((resolve) => server!.once('exit', resolve));
  server!.kill('SIGINT');
  expect(await exited).toBe(0);
});

test('tracker-cluster.mjs lets the members of its processes meet, and goes away when asked', async () => {
  const url = await start('tracker-cluster.mjs');
  // Connections go to the processes in turn: of three members some are not where another is.
  const rooms = ['alice', 'bob', 'carol'].map(() => joinRoom('example', { trackers: [url] }));
  try {
    await vi.waitFor(() => expect(rooms.map(({ peers }) => peers.size)).toEqual([2, 2, 2]), { timeout: 15_000 });
  } finally {
    await Promise.all(rooms.map((room) => room.leave()));
  }
  const exited = new Promise((resolve) => server!.once('exit', resolve));
  server!.kill('SIGINT');
  expect(await exited).toBe(0);
});
