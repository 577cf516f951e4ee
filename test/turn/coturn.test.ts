/** The client against coturn, Debian's `turnserver`, on loopback: skipped, and said so, where that is not installed. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket as TcpSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { ephemeralCredential, TurnClient, type TurnClientEvent, type TurnClientOptions } from '../../src/turn/index.ts';
import { Coturn, coturnAvailable } from './coturn.ts';

const SECRET = 'north-wind';
const isInstalled = coturnAvailable();

let server: Coturn;
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
    server = await Coturn.start();
    port = server.port;
  });
  afterAll(() => {
    server?.stop();
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
    server = await Coturn.start({ credentials: ['--use-auth-secret', `--static-auth-secret=${SECRET}`] });
    port = server.port;
  });
  afterAll(() => {
    server?.stop();
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
