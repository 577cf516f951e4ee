/** Three nodes, each a process, on real engines; a node and the engine are killed. `npm run build` first on Node 20. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, type OnTestFinishedHandler, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { encodeAnnounce, encodeAnswer, parseServerMessage, type WireId } from '../../../src/signaling/wire.ts';

const PROGRAM = fileURLToPath(new URL('./node-process.mjs', import.meta.url));
const ROOM: WireId = 'the room of the test';
/** A busy machine takes several times as long as an idle one, which needs 15 s for all of it. */
const PATIENCE = { timeout: 30_000, interval: 50 };
const TIMEOUT_MS = 90_000;

const ENGINES = {
  redis: {
    command: 'redis-server',
    args: (port: number, directory: string) => [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--dir',
      directory,
    ],
  },
  nats: { command: 'nats-server', args: (port: number) => ['--addr', '127.0.0.1', '--port', `${port}`] },
} as const;

type AtTheEnd = (run: OnTestFinishedHandler) => void;

const isInstalled = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

const CLUSTERS = [
  { bus: 'ioredis', engine: 'redis' },
  { bus: 'node-redis', engine: 'redis' }, // sharded
  { bus: 'nats', engine: 'nats' },
] as const;

// Concurrent: most of each is waiting for 7 s to pass, after which a silent node counts as dead.
for (const { bus, engine } of CLUSTERS) {
  const { command } = ENGINES[engine];
  test.skipIf(!isInstalled(command)).concurrent(
    `three processes, ${bus}: a node is killed, the engine is killed and comes back (needs ${command})`,
    async ({ onTestFinished }) => {
      const port = await freePort();
      const killEngine = await startEngine(engine, port, onTestFinished);
      const nodes = await Promise.all([0, 1, 2].map(() => NodeProcess.start(bus, port, onTestFinished)));
      const [one, two, three] = nodes as [NodeProcess, NodeProcess, NodeProcess];
      await vi.waitFor(async () => expect(await three.status()).toMatchObject({ isUp: true, aliveNodes: 2 }), PATIENCE);

      const peers = nodes.flatMap((node, i) => [new Peer(`a${i}`, node), new Peer(`b${i}`, node)]);
      await met(peers);

      await three.kill();
      const survivors = peers.slice(0, 4);
      peers.push(new Peer('late', two));
      await met([...survivors, peers.at(-1)!]);
      await vi.waitFor(async () => expect((await one.status()).aliveNodes).toBe(1), PATIENCE);

      await killEngine();
      await vi.waitFor(async () => expect((await one.status()).isUp).toBe(false), PATIENCE);
      peers.push(new Peer('alone', one));
      await met([...survivors.slice(0, 2), peers.at(-1)!]);

      await startEngine(engine, port, onTestFinished);
      for (const node of [one, two]) {
        await vi.waitFor(async () => expect((await node.status()).isUp).toBe(true), PATIENCE);
      }
      peers.push(new Peer('back 1', one), new Peer('back 2', two));
      await met([...survivors, ...peers.slice(-2)]);
      expect(peers.flatMap(({ errors }) => errors)).toEqual([]);
      expect((await one.status()).statistics.framesDropped).toMatchObject({ tag: 0, malformed: 0, version: 0 });
    },
    TIMEOUT_MS,
  );
}

async function met(peers: readonly Peer[]): Promise<void> {
  await vi.waitFor(() => {
    const strangers = peers.flatMap((a) =>
      peers.filter((b) => a !== b && !a.met.has(b.id)).map((b) => `${a.name}–${b.name}`),
    );
    expect(strangers).toEqual([]);
  }, PATIENCE);
}

type Status = {
  readonly isUp: boolean;
  readonly aliveNodes: number;
  readonly statistics: { readonly framesDropped: Record<string, number> };
};

class NodeProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, port: number) {
    this.#child = child;
    this.#lines = lines;
    this.port = port;
  }

  static async start(bus: string, enginePort: number, finished: AtTheEnd): Promise<NodeProcess> {
    const child = spawn(process.execPath, [PROGRAM, bus, `${enginePort}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    finished(() => void child.kill('SIGKILL'));
    child.stdin!.on('error', () => {}); // a test that has failed may still ask
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) throw new Error(`the node on ${bus} ended at its start`);
    return new NodeProcess(child, lines, Number(value));
  }

  async status(): Promise<Status> {
    this.#child.stdin!.write('status\n');
    return JSON.parse((await this.#lines.next()).value);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** A member that announces once a second while it misses somebody, and answers every offer. */
class Peer {
  readonly errors: string[] = [];
  readonly name: string;
  readonly id: WireId;
  readonly met = new Set<WireId>();
  readonly #socket: WebSocket;
  #offers = 0;

  constructor(name: string, { port }: NodeProcess) {
    this.name = name;
    this.id = `peer ${name}`.padEnd(20, '.');
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/announce`);
    this.#socket.on('message', (data) => this.#take(String(data)));
    const announce = (): void => {
      const offers = Array.from({ length: 5 }, () => {
        const offerId = `${name} ${this.#offers++}`.padEnd(20, '.');
        return { offerId, sdp: `offer of ${this.id}` };
      });
      const rest = { event: null, numwant: 50, left: 1, trackerId: null, extension: false, token: null };
      this.#socket.send(encodeAnnounce({ infoHash: ROOM, peerId: this.id, offers, ...rest }));
    };
    let timer: ReturnType<typeof setInterval>;
    this.#socket.on('open', () => {
      announce();
      timer = setInterval(announce, 1000);
    });
    this.#socket.on('close', () => clearInterval(timer));
    this.#socket.on('error', () => {});
  }

  #take(text: string): void {
    const message = parseServerMessage(text);
    if (message.kind === 'failure' || message.kind === 'invalid') this.errors.push(text);
    if (message.kind === 'offer') {
      this.met.add(message.peerId);
      const { peerId: toPeerId, offerId } = message;
      const sdp = `answer of ${this.id} to ${toPeerId}`;
      this.#socket.send(encodeAnswer({ infoHash: ROOM, peerId: this.id, toPeerId, offerId, sdp, trackerId: null }));
    }
    if (message.kind === 'answer') {
      if (message.sdp !== `answer of ${message.peerId} to ${this.id}`) this.errors.push(text);
      this.met.add(message.peerId);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** @returns what kills it */
async function startEngine(
  engine: keyof typeof ENGINES,
  port: number,
  finished: AtTheEnd,
): Promise<() => Promise<void>> {
  const { command, args } = ENGINES[engine];
  const directory = mkdtempSync(join(tmpdir(), 'purertc-engine-'));
  const child = spawn(command, args(port, directory), { stdio: 'ignore' });
  finished(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  return async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
}
