/** `purertc serve` as it is built: the page, the tracker, STUN and TURN, from one command. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { RTCPeerConnection } from '../../src/index.ts';
import { signAccessToken } from '../../src/server/index.ts';

const ENTRY: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const LOOPBACK = ['--host', '127.0.0.1', '--port', '0', '--turn-port', '0'];

let child: ChildProcess | null = null;
afterEach(async () => {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
});

/** Starts it, and reads what it says of itself. */
async function start(...args: string[]) {
  expect(existsSync(ENTRY), 'run `npm run build` first').toBe(true);
  child = spawn(process.execPath, [ENTRY, 'serve', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout! })) {
    const [name, value] = line.split(/ +(.*)/);
    if (line === 'Ctrl+C ends.') break;
    if (name) said[name] = value!;
  }
  return said;
}

async function announce(url: string, peerId: string): Promise<{ socket: WebSocket; answer: Record<string, unknown> }> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const message = {
    action: 'announce',
    info_hash: 'r'.repeat(20),
    peer_id: peerId,
    numwant: 0,
    event: 'started',
    x: 1,
  };
  socket.send(JSON.stringify(message));
  const [data] = await once(socket, 'message');
  return { socket, answer: JSON.parse(String(data)) };
}

describe('purertc serve', () => {
  test('TURN has addresses of its own, if HTTP is for a proxy on this machine only', async () => {
    const { tracker, turn } = await start(...LOOPBACK, '--no-page', '--turn-host', '127.0.0.2');
    expect(tracker).toMatch(/^ws:\/\/127\.0\.0\.1:/);
    expect(turn).toMatch(/turn:127\.0\.0\.2:/);
  });

  test('serves the page, with headers that keep everything else out', async () => {
    const { chat } = await start(...LOOPBACK);
    const page = await fetch(chat!);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/);
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(await page.text()).toContain('<title>PureRTC chat</title>');
    const scripts = await fetch(new URL('page.js', chat));
    expect(scripts.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await (await fetch(new URL('config.json', chat))).json()).toEqual({
      trackers: ['announce'],
      iceServers: [],
      iceServersFromTracker: true,
    });
    for (const path of ['no-such-file', '..%2f..%2fpackage.json', '../package.json']) {
      expect((await fetch(new URL(path, chat))).status).toBe(404);
    }
    expect((await fetch(chat!, { method: 'POST' })).status).toBe(405);
    for (const target of ['//', '//[', 'http://[', '/%', '*']) {
      const { hostname, port } = new URL(chat!);
      const answer = request({ hostname, port, path: target }).end();
      expect([target, ((await once(answer, 'response')) as [IncomingMessage])[0].statusCode]).toEqual([target, 404]);
    }
    expect((await fetch(chat!)).status).toBe(200);
  });

  test('is what npm start does, which opens it in a browser where there is one', async () => {
    const script = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
    child = spawn(process.execPath, [script, ...LOOPBACK, '--no-turn'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PATH: '' }, // no browser is found, and nobody minds
    });
    for await (const line of createInterface({ input: child.stdout! })) {
      const [, url] = /^chat +(\S+)/.exec(line) ?? [];
      if (url === undefined) continue;
      expect(await (await fetch(url)).text()).toContain('<title>PureRTC chat</title>');
      break;
    }
  });

  test('tells members of a room its TURN server, which takes them as long as they are there', async () => {
    const { tracker } = await start(...LOOPBACK, '--allow-peers', '127.0.0.0/8');
    const { socket, answer } = await announce(tracker!, 'p'.repeat(20));
    const iceServers = answer['ice_servers'] as RTCIceServer[];
    expect(iceServers.flatMap(({ urls }) => urls)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^turn:127/)]),
    );
    const relay = async (): Promise<boolean> => {
      const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' }, { loopback: true });
      pc.createDataChannel('any');
      let found = false;
      pc.onicecandidate = ({ candidate }) => {
        if (candidate?.type === 'relay') found = true;
      };
      await pc.setLocalDescription();
      while (pc.iceGatheringState !== 'complete') {
        await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
      }
      pc.close();
      return found;
    };
    expect(await relay()).toBe(true);
    socket.close();
    await once(socket, 'close');
    await expect.poll(relay, { timeout: 10_000 }).toBe(false);
  }, 20_000);

  test('ends at once with SIGINT, and with SIGTERM after it has sent visitors away', async () => {
    const { tracker } = await start(...LOOPBACK, '--no-page', '--no-turn');
    const { socket } = await announce(tracker!, 'p'.repeat(20));
    const [ended, closed] = [once(child!, 'exit'), once(socket, 'close')]; // with the first signal, if it is quick
    child!.kill('SIGTERM');
    await expect.poll(async () => fetch(tracker!.replace('ws', 'http')).catch(() => 'closed')).toBe('closed');
    child!.kill('SIGINT');
    const [[code], [status]] = await Promise.all([ended, closed]);
    expect(code).toBe(0);
    expect([1001, 1012]).toContain(status); // sent away by the first signal, or cut off by the second
  });

  test('lets nobody in without a token, where it has keys for them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'purertc-serve-'));
    const secret = randomBytes(32);
    const file = join(directory, 'keys.json');
    writeFileSync(file, JSON.stringify([{ id: 'k1', algorithm: 'HS256', secret: secret.toString('base64') }]));
    const { tracker } = await start(...LOOPBACK, '--no-page', '--no-turn', '--access-key-file', file);
    rmSync(directory, { recursive: true });
    await expect(announce(tracker!, 'p'.repeat(20))).rejects.toThrow('401');
    const token = signAccessToken({ exp: Date.now() / 1000 + 60 }, { id: 'k1', algorithm: 'HS256', secret });
    const { socket, answer } = await announce(`${tracker}?token=${token}`, 'p'.repeat(20));
    expect(answer['incomplete']).toBe(1);
    socket.close();
  });

  test.each(['redis', 'nats'])('starts while the bus of its cluster is down, and says so: %s', async (scheme) => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as { port: number };
    await new Promise((resolve) => nobody.close(resolve));
    const key = join(mkdtempSync(join(tmpdir(), 'purertc-serve-')), 'key');
    writeFileSync(key, 'a secret of the cluster\n');
    const bus = ['--bus', `${scheme}://127.0.0.1:${port}`, '--cluster-key-file', key];
    const { server, tracker } = await start(...LOOPBACK, '--no-page', '--no-turn', ...bus);
    rmSync(dirname(key), { recursive: true });
    expect(await (await fetch(new URL('readyz', server))).json()).toEqual({ status: 'degraded', cluster: 'down' });
    const { socket, answer } = await announce(tracker!, 'p'.repeat(20));
    expect(answer['incomplete']).toBe(1);
    socket.close();
  });

  test('says what is wrong in a line', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const failing = (...args: string[]) => promisify(execFile)(process.execPath, [ENTRY, ...args]);
    await expect(failing('serve', '--host', '127.0.0.1', '--port', String(port), '--no-turn')).rejects.toMatchObject({
      code: 1,
      stderr: `listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
    });
    await expect(failing('serve', '--port', 'x')).rejects.toMatchObject({
      code: 1,
      stderr: "--port: a port from 0 to 65535 expected, got 'x'\n",
    });
    await expect(failing('sreve')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^no such command: sreve/),
    });
    taken.close();
  });
});
