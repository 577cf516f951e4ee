/**
 * TURN servers measured, ours beside coturn, each in turn in a process of its own, on loopback. Clients keep a number of
 * datagrams on their way over channels to a peer that sends them back, so that every datagram that returns was relayed
 * twice. Clients and peer share this process, the same for every server; it is often the slower part, so the server's CPU
 * time per datagram says more than how many there were.
 *
 *   npm run bench -- turn [--quick] [--only name,name] [--seconds 4] [--clients 8] [--in-flight 32] [--size 1000]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeCrypto } from '../dist/crypto/node.js';
import { TurnClient } from '../dist/turn/index.js';
import { findRuntime, newestNode } from '../test/interop/implementations.mjs';
import { attempt, PeerProcess, sleep, within } from './peer-process.mjs';

const LOOPBACK = '127.0.0.1';
const SERVER = fileURLToPath(new URL('./turn/server.mjs', import.meta.url));
const SETUP_TIMEOUT_MS = 10_000;
/** What was lost is made up for that often, or all of it would be gone sooner or later. */
const REFILL_MS = 100;
const CLOCK_TICKS_PER_SECOND = 100; // sysconf(_SC_CLK_TCK) of every Linux

function contestants() {
  const newest = newestNode();
  const runtimes = new Map(
    [
      ['node20', findRuntime('node20')],
      [newest.name, newest],
      ['bun', findRuntime('bun')],
    ].filter(([, found]) => found),
  );
  const ours = [...runtimes].map(([name, runtime]) => ({ name: `purertc · ${name}`, start: () => startOurs(runtime) }));
  const isInstalled = spawnSync('turnserver', ['--version']).error === undefined;
  if (!isInstalled) console.log('coturn is not installed (apt-get install coturn)');
  return isInstalled ? [...ours, { name: 'coturn', start: startCoturn }] : ours;
}

async function startOurs(runtime) {
  const child = new PeerProcess(SERVER, 'purertc', runtime);
  await child.ready;
  const ports = await child.call('ports');
  return { ports, usage: async () => (await child.usage()).cpuSeconds, stop: () => child.end() };
}

/** With its defaults, among them a relay thread per core. */
async function startCoturn() {
  const folder = mkdtempSync(join(tmpdir(), 'coturn-'));
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  const options = ['-n', '--no-cli', '--no-tls', '--no-dtls', '--log-file=/dev/null', '--pidfile=', '--lt-cred-mech'];
  const places = [`--listening-ip=${LOOPBACK}`, `--relay-ip=${LOOPBACK}`, `--listening-port=${port}`];
  const users = ['--realm=example.org', '--user=alice:wonderland', `--userdb=${join(folder, 'users.sqlite')}`];
  const child = spawn('turnserver', [...options, ...places, ...users, '--allow-loopback-peers'], { stdio: 'ignore' });
  const isListening = async () => {
    const socket = connect(port, LOOPBACK);
    const [error] = await Promise.race([once(socket, 'connect').then(() => []), once(socket, 'error')]).catch((e) => [
      e,
    ]);
    socket.destroy();
    return error === undefined;
  };
  while (!(await isListening())) await sleep(50);
  return {
    ports: { udp: port, tcp: port },
    async usage() {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // proc(5): field 3 is the first here
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
    },
    stop() {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The peer: everything goes back. */
async function echoPeer() {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  socket.on('message', (packet, { port, address }) => socket.send(packet, port, address));
  return { address: { address: LOOPBACK, port: socket.address().port }, close: () => socket.close() };
}

/** One allocation with a channel to the peer, and its window of datagrams. */
class Client {
  returned = 0;
  #machine;
  #close;
  #peer;
  #payload;
  #timer = null;
  #inFlight = 0;
  #limit = 0;
  #waiting = null;

  static async open(transport, port, peer, size) {
    const client = new Client();
    client.#peer = peer;
    client.#payload = new Uint8Array(size);
    let transmit;
    if (transport === 'udp') {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
      socket.bind(0, LOOPBACK);
      await once(socket, 'listening');
      socket.on('message', (packet) => client.#act((machine, now) => machine.handlePacket(packet, now)));
      transmit = (packet) => socket.send(packet, port, LOOPBACK);
      client.#close = () => socket.close();
    } else {
      const socket = connect({ port, host: LOOPBACK, noDelay: true });
      await once(socket, 'connect');
      socket.on('data', (bytes) => client.#act((machine, now) => machine.handlePacket(bytes, now)));
      transmit = (packet) => socket.write(packet);
      client.#close = () => socket.destroy();
    }
    client.#machine = new TurnClient(
      { crypto: nodeCrypto, random: nodeCrypto.random, username: 'alice', password: 'wonderland', transport },
      { transmit, event: (event) => client.#handle(event) },
    );
    client.#act((machine, now) => machine.start(now));
    await client.#until('allocated');
    for (let i = 0; i < 3; i++) {
      client.#act((machine, now) => machine.send(client.#payload, peer, now));
      await client.#until('data'); // by the third there is a channel
    }
    return client;
  }

  run(limit) {
    this.#limit = limit;
    this.#fill();
  }

  refill() {
    if (this.#inFlight > 0 && !this.#moved) this.#inFlight = 0;
    this.#moved = false;
    this.#fill();
  }
  #moved = false;

  async close() {
    this.#limit = 0;
    this.#act((machine, now) => machine.close(now));
    await this.#until('closed');
    clearTimeout(this.#timer);
    this.#close();
  }

  #fill() {
    while (this.#inFlight < this.#limit) {
      this.#inFlight++;
      this.#machine.send(this.#payload, this.#peer, performance.now());
    }
  }

  #handle(event) {
    if (event.kind === 'failed') this.#waiting?.reject(new Error(`${event.code} ${event.text}`));
    if (event.kind === 'data' && this.#limit > 0) {
      this.returned++;
      this.#moved = true;
      if (this.#inFlight > 0) this.#inFlight--;
      this.#fill();
    }
    if (event.kind === this.#waiting?.kind) this.#waiting.resolve();
  }

  #until(kind) {
    const waiting = new Promise((resolve, reject) => {
      this.#waiting = { kind, resolve, reject };
    });
    return within(waiting, SETUP_TIMEOUT_MS, kind);
  }

  #act(call) {
    call(this.#machine, performance.now());
    const { nextTimeout } = this.#machine;
    if (this.#timer !== null || nextTimeout === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#act((machine, now) => machine.handleTimeout(now));
    }, nextTimeout - performance.now());
  }
}

async function measure(contestant, transport, { clients: count, inFlight, size, warmUpMs, measureMs }) {
  const server = await contestant.start();
  const peer = await echoPeer();
  try {
    const clients = [];
    for (let i = 0; i < count; i++)
      clients.push(await Client.open(transport, server.ports[transport], peer.address, size));
    for (const client of clients) client.run(inFlight);
    const refill = setInterval(() => {
      for (const client of clients) client.refill();
    }, REFILL_MS);
    const returned = () => clients.reduce((sum, client) => sum + client.returned, 0);
    await sleep(warmUpMs);
    const before = { at: performance.now(), returned: returned(), cpu: await server.usage() };
    await sleep(measureMs);
    const seconds = (performance.now() - before.at) / 1000;
    const relayed = 2 * (returned() - before.returned);
    const cpuSeconds = (await server.usage()) - before.cpu;
    clearInterval(refill);
    await Promise.all(clients.map((client) => client.close()));
    return {
      datagramsPerSecond: relayed / seconds,
      cpuShare: cpuSeconds / seconds,
      cpuSecondsPerMillion: (1e6 * cpuSeconds) / relayed,
    };
  } finally {
    peer.close();
    server.stop();
  }
}

export async function main(args) {
  const value = (name, otherwise) => Number(args.includes(name) ? args[args.indexOf(name) + 1] : otherwise);
  const quick = args.includes('--quick');
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1].split(',') : null;
  const load = {
    clients: value('--clients', 8),
    inFlight: value('--in-flight', 32),
    size: value('--size', 1000),
    warmUpMs: quick ? 500 : 1500,
    measureMs: 1000 * value('--seconds', quick ? 1.5 : 4),
  };
  const rows = [['server', 'clients over', 'datagrams/s', 'CPU', 'CPU s / million datagrams']];
  for (const contestant of contestants()) {
    if (only !== null && !only.some((part) => contestant.name.includes(part))) continue;
    for (const transport of ['udp', 'tcp']) {
      process.stderr.write(`${contestant.name}, ${transport} …\n`);
      const figures = await attempt(() => measure(contestant, transport, load));
      const cells =
        figures.error === undefined
          ? [
              Math.round(figures.datagramsPerSecond).toLocaleString('en'),
              `${Math.round(100 * figures.cpuShare)} %`,
              figures.cpuSecondsPerMillion.toFixed(1),
            ]
          : [figures.error, '', ''];
      rows.push([contestant.name, transport, ...cells]);
    }
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
  }
  console.log(`\n${load.clients} clients, ${load.inFlight} datagrams of ${load.size} bytes on their way for each`);
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, load average ${loadavg()
      .map((l) => l.toFixed(1))
      .join(' ')}`,
  );
}
