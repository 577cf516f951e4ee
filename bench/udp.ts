/**
 * What one datagram of 1,200 bytes costs a runtime, sent and received through our `Runtime` on loopback, and what
 * `queueTurn` costs beside a microtask. Run it under each runtime: `node bench/udp.ts` (22.18+), `deno run -A
 * bench/udp.ts`, `bun bench/udp.ts`.
 */
import { spawn } from 'node:child_process';
import { argv, cpuUsage, env, execArgv, execPath, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defaultRuntime } from '../src/runtime/default.ts';

const SIZE = 1200;
const WARM_UP = 20_000;
const PACKETS = 100_000;
const BATCH = 64;
const runtime = defaultRuntime();
const nextTurn = (): Promise<void> => new Promise((resolve) => runtime.queueTurn(resolve));

if (argv[2] === 'flood') await flood(Number(argv[3]));
console.log(`${runtime.name} ${'Deno' in globalThis ? '' : process.version}`);
await measureReceive();
await measureSend();
await measureTurns();
exit(0);

/** Sends without end, until the parent ends us. */
async function flood(port: number): Promise<never> {
  const socket = await runtime.bindUdp({ address: '127.0.0.1', onPacket: () => {} });
  const remote = { address: '127.0.0.1', port };
  for (;;) {
    for (let i = 0; i < 4 * BATCH; i++) socket.send(new Uint8Array(SIZE), remote);
    await nextTurn();
  }
}

async function measureReceive(): Promise<void> {
  let received = 0;
  const socket = await runtime.bindUdp({ address: '127.0.0.1', onPacket: () => received++ });
  const args = [fileURLToPath(import.meta.url), 'flood', String(socket.localAddress.port)];
  const sender = env['FLOOD_WITH']?.split(' ') ?? [
    execPath,
    ...execArgv,
    ...('Deno' in globalThis ? ['run', '-A'] : []),
  ];
  const child = spawn(sender[0]!, [...sender.slice(1), ...args], { stdio: 'ignore' });
  while (received < WARM_UP) await new Promise((resolve) => setTimeout(resolve, 1));
  const before = { received, cpu: cpuUsage(), time: performance.now() };
  while (received < before.received + PACKETS) await new Promise((resolve) => setTimeout(resolve, 5));
  const cpu = cpuUsage(before.cpu);
  const packets = received - before.received;
  child.kill('SIGKILL');
  socket.close();
  const perSecond = Math.round((packets / (performance.now() - before.time)) * 1000);
  report('receive', { 'ns CPU': ((cpu.user + cpu.system) * 1000) / packets, 'packets/s': perSecond });
}

/** The receiver is a socket that nobody reads much: when its buffer is full the system drops, at a like cost. */
async function measureSend(): Promise<void> {
  const [sender, receiver] = [await bindIdle(), await bindIdle()];
  const remote = receiver.localAddress;
  const packet = new Uint8Array(SIZE);
  let spent = 0;
  for (let sent = 0; sent < WARM_UP + PACKETS; sent += BATCH) {
    const start = performance.now();
    for (let i = 0; i < BATCH; i++) sender.send(packet, remote);
    await Promise.resolve(); // what Bun's sockets wait for
    if (sent >= WARM_UP) spent += performance.now() - start;
    await nextTurn();
  }
  report('send', { ns: (spent * 1e6) / PACKETS });
  sender.close();
  receiver.close();
}

async function measureTurns(): Promise<void> {
  const perTurn = async (queue: (callback: () => void) => void): Promise<number> => {
    const turns = 100_000;
    const start = performance.now();
    await new Promise<void>((resolve) => {
      let left = turns;
      const next = (): void => {
        if (--left > 0) queue(next);
        else resolve();
      };
      queue(next);
    });
    return ((performance.now() - start) * 1e6) / turns;
  };
  report('queueTurn', {
    'ns per turn': await perTurn((callback) => runtime.queueTurn(callback)),
    'ns as a microtask': await perTurn(queueMicrotask),
  });
}

function bindIdle(): ReturnType<typeof runtime.bindUdp> {
  return runtime.bindUdp({ address: '127.0.0.1', onPacket: () => {} });
}

function report(what: string, figures: Record<string, number>): void {
  const text = Object.entries(figures).map(([name, value]) => `${Math.round(value).toLocaleString('en')} ${name}`);
  console.log(`  ${what.padEnd(10)} ${text.join(', ')}`);
}
