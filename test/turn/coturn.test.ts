/** The client against coturn, Debian's `turnserver`, on loopback: skipped, and said so, where that is not installed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket as TcpSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { RTCPeerConnection } from '../../src/index.ts';
import { ephemeralCredential, TurnClient, type TurnClientEvent, type TurnClientOptions } from '../../src/turn/index.ts';

const SECRET = 'north-wind';
const isInstalled = (() => {
  try {
    execFileSync('turnserver', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'; // its exit code says nothing
  }
})();
if (!isInstalled) console.log('coturn: skipped, `turnserver` is not installed (apt-get install coturn)');

let server: ChildProcess;
let port = 0;

/** The machine, its socket and one timer: all that it takes to be a TURN client. */
class LoopClient {
  readonly events: TurnClientEvent[] = [];
  readonly machine: TurnClient;
  readonly #ended: () => void;
  #timer: NodeJS.Timeout | undefined;
  #waiting: { test: () => boolean; resolve: () => void }[] = [];

  constructor(options: Partial<TurnClientOptions>, transmit: (packet: Uint8Array) => void, ended: () => void) {
    this.#ended = ended;
    this.machine = new TurnClient(
      { crypto: nodeCrypto, random: nodeCrypto.random, username: 'alice', password: 'wonderland', ...options },
      { transmit, event: (event) => this.events.push(event) },
    );
  }

  act(call: (machine: TurnClient, now: number) => void): void {
    call(this.machine, performance.now());
    clearTimeout(this.#timer);
    const { nextTimeout } = this.machine;
    const wake = (): void => this.act((machine, now) => machine.handleTimeout(now));
    if (nextTimeout < Infinity) this.#timer = setTimeout(wake, nextTimeout - performance.now());
    const done = this.#waiting.filter((waiting) => waiting.test());
    this.#waiting = this.#waiting.filter((waiting) => !done.includes(waiting));
    for (const { resolve } of done) resolve();
  }

  async until(test: () => boolean): Promise<void> {
    if (test()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ test, resolve }));
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#ended();
  }
}

async function udpClient(options: Partial<TurnClientOptions> = {}): Promise<LoopClient> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const client = new LoopClient(
    options,
    (packet) => socket.send(packet, port, '127.0.0.1'),
    () => socket.close(),
  );
  socket.on('message', (packet) => client.act((machine, now) => machine.handlePacket(new Uint8Array(packet), now)));
  client.act((machine, now) => machine.start(now));
  return client;
}

async function tcpClient(options: Partial<TurnClientOptions> = {}): Promise<LoopClient> {
  const socket: TcpSocket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const client = new LoopClient(
    { transport: 'tcp', ...options },
    (packet) => socket.write(packet),
    () => socket.destroy(),
  );
  socket.on('data', (bytes) => client.act((machine, now) => machine.handlePacket(new Uint8Array(bytes), now)));
  client.act((machine, now) => machine.start(now));
  return client;
}

/** A peer that sends everything back. */
async function echoPeer(): Promise<{ socket: Socket; address: { address: string; port: number } }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (packet, { address, port: from }) => socket.send(packet, from, address));
  return { socket, address: { address: '127.0.0.1', port: socket.address().port } };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const free = socket.address().port;
  socket.close();
  return free;
}

const folder = mkdtempSync(join(tmpdir(), 'coturn-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function startServer(...more: string[]): Promise<ChildProcess> {
  port = await freePort();
  const child = spawn('turnserver', [
    '-n',
    '--no-cli',
    '--no-tls',
    '--no-dtls',
    '--log-file=stdout',
    '--simple-log',
    '--pidfile=',
    `--userdb=${join(folder, 'users.sqlite')}`,
    '--listening-ip=127.0.0.1',
    '--relay-ip=127.0.0.1',
    `--listening-port=${port}`,
    '--allow-loopback-peers',
    '--fingerprint',
    '--realm=example.org',
    ...more,
  ]);
  // It listens when it answers; what it prints before is its own business.
  const probe = createSocket('udp4');
  const answered = once(probe, 'message');
  const request = Uint8Array.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Uint8Array(12).fill(7)]);
  const asking = setInterval(() => probe.send(request, port, '127.0.0.1'), 50);
  await answered;
  clearInterval(asking);
  probe.close();
  return child;
}

async function exchange(client: LoopClient): Promise<void> {
  const { socket, address } = await echoPeer();
  const texts = (): string[] =>
    client.events.flatMap((e) => (e.kind === 'data' ? [new TextDecoder().decode(e.packet)] : []));
  await client.until(() => client.events.length > 0);
  expect(client.events[0]).toMatchObject({ kind: 'allocated', relayed: { address: '127.0.0.1' }, lifetimeMs: 600_000 });
  for (const [i, text] of ['one', 'two', 'three', ''].entries()) {
    client.act((machine, now) => machine.send(new TextEncoder().encode(text), address, now));
    await client.until(() => texts().length > i);
  }
  expect(texts()).toEqual(['one', 'two', 'three', '']);
  client.act((machine, now) => machine.close(now));
  await client.until(() => client.events.at(-1)?.kind === 'closed');
  client.end();
  socket.close();
}

describe.skipIf(!isInstalled)('coturn', () => {
  beforeAll(async () => {
    server = await startServer('--lt-cred-mech', '--user=alice:wonderland');
  });
  afterAll(() => {
    server?.kill('SIGKILL');
  });

  test('over UDP: allocate, permission, indications, channel, close', async () => {
    await exchange(await udpClient());
  });

  test('over TCP, with its framing', async () => {
    await exchange(await tcpClient());
  });

  test('DONT-FRAGMENT, a lifetime and a family, as it takes them', async () => {
    const client = await udpClient({ dontFragment: true, lifetimeSeconds: 900, family: 4 });
    await client.until(() => client.events.length > 0);
    expect(client.events[0]).toMatchObject({ kind: 'allocated', lifetimeMs: 900_000 });
    client.end();
  });

  test('two connections with policy `relay` meet through it', async () => {
    const iceServers = [{ urls: `turn:127.0.0.1:${port}`, username: 'alice', credential: 'wonderland' }];
    const a = new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' });
    const b = new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' });
    a.addEventListener('icecandidate', ({ candidate }) => void (candidate && b.addIceCandidate(candidate)));
    b.addEventListener('icecandidate', ({ candidate }) => void (candidate && a.addIceCandidate(candidate)));
    const channel = a.createDataChannel('x');
    b.addEventListener('datachannel', (event) => {
      event.channel.addEventListener('message', ({ data }) => event.channel.send(`${data} to you`));
    });
    await a.setLocalDescription();
    await b.setRemoteDescription(a.localDescription!);
    await b.setLocalDescription();
    await a.setRemoteDescription(b.localDescription!);
    await new Promise((resolve) => channel.addEventListener('open', resolve));
    channel.send('hello');
    const data = await new Promise((resolve) => channel.addEventListener('message', (event) => resolve(event.data)));
    expect(data).toBe('hello to you');
    const { local, remote } = a.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
    expect([local.type, remote.type]).toEqual(['relay', 'relay']);
    a.close();
    b.close();
  });

  test('a wrong password, an unknown user', async () => {
    for (const options of [{ password: 'x' }, { username: 'nobody' }]) {
      const client = await udpClient(options);
      await client.until(() => client.events.length > 0);
      expect(client.events).toMatchObject([{ kind: 'failed', code: 401 }]);
      client.end();
    }
  });
});

describe.skipIf(!isInstalled)('coturn with a shared secret', () => {
  beforeAll(async () => {
    server = await startServer('--use-auth-secret', `--static-auth-secret=${SECRET}`);
  });
  afterAll(() => {
    server?.kill('SIGKILL');
  });

  test('takes our ephemeral credentials, and not expired ones', async () => {
    const unix = Date.now() / 1000;
    await exchange(await udpClient(ephemeralCredential(nodeCrypto, SECRET, 'alice', unix + 600)));
    const late = await udpClient(ephemeralCredential(nodeCrypto, SECRET, 'alice', unix - 60));
    await late.until(() => late.events.length > 0);
    expect(late.events).toMatchObject([{ kind: 'failed', code: 401 }]);
    late.end();
  });
});
