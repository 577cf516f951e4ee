/**
 * The files in deploy/, in the programs that they are for, before a tracker of ours: nginx, HAProxy and Caddy as Debian has
 * them. Only addresses, ports and the certificate are changed. Each is skipped, and says so, where it is not installed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type AttachedTracker, attach, statusHandler } from '../../src/server/index.ts';
import { encodeAnnounce, encodeAnswer, wireIdFromHex } from '../../src/signaling/wire.ts';

/** Another loopback address than the proxy's own, so that the two can be told apart. */
const VISITOR = '127.0.0.2';
const INSIDE = ['/metrics', '/stats', '/readyz'];

const deploy = new URL('../../deploy/', import.meta.url);
const fixtures = new URL('../../fixtures/dtls/', import.meta.url);
const certificate = readFileSync(new URL('ecdsa-p256.cert.pem', fixtures), 'utf8');
const key = readFileSync(new URL('ecdsa-p256.key.pem', fixtures), 'utf8');

type Ports = { readonly http: number; readonly https: number; readonly upstream: number };
type Proxy = {
  readonly name: string;
  readonly command: string;
  readonly versionFlag: string;
  /** Writes what it needs into `folder`, and says how to start it. */
  prepare(folder: string, ports: Ports): readonly string[];
};

/** A file of deploy/ with each of these in it replaced; all of them have to be there. */
function adapted(name: string, changes: readonly (readonly [string, string])[]): string {
  let text = readFileSync(new URL(name, deploy), 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`deploy/${name} has no "${from}" any more`);
    text = text.replaceAll(from, to);
  }
  return text;
}

const proxies: readonly Proxy[] = [
  {
    name: 'nginx',
    command: 'nginx',
    versionFlag: '-v',
    prepare(folder, { http, https, upstream }) {
      const site = adapted('nginx.conf', [
        ['listen 80;', `listen 127.0.0.1:${http};`],
        ['listen [::]:80;', ''],
        ['listen 443 ssl http2;', `listen 127.0.0.1:${https} ssl http2;`],
        ['listen [::]:443 ssl http2;', ''],
        ['127.0.0.1:8080', `127.0.0.1:${upstream}`],
        ['/etc/letsencrypt/live/chat.example/fullchain.pem', join(folder, 'certificate.pem')],
        ['/etc/letsencrypt/live/chat.example/privkey.pem', join(folder, 'key.pem')],
      ]);
      const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((part) => `${part}_temp_path ${folder};`);
      const user = process.getuid?.() === 0 ? 'user root;' : '';
      writeFileSync(
        join(folder, 'nginx.conf'),
        `${user} daemon off; pid ${folder}/pid; worker_processes 1; error_log ${folder}/log; events {}
        http { access_log off; ${places.join(' ')} ${site} }`,
      );
      return ['-c', join(folder, 'nginx.conf')];
    },
  },
  {
    name: 'HAProxy',
    command: 'haproxy',
    versionFlag: '-v',
    prepare(folder, { http, https, upstream }) {
      mkdirSync(join(folder, 'certs'));
      writeFileSync(join(folder, 'certs', 'chat.pem'), certificate + key);
      writeFileSync(
        join(folder, 'haproxy.cfg'),
        adapted('haproxy.cfg', [
          ['maxconn 100000', 'maxconn 100'],
          ['log /dev/log local0', ''],
          ['user haproxy', ''],
          ['group haproxy', ''],
          ['bind :80\n', `bind 127.0.0.1:${http}\n`],
          ['bind :::80 v6only\n', '\n'],
          ['bind :443 ', `bind 127.0.0.1:${https} `],
          ['bind :::443 v6only ssl crt /etc/haproxy/certs/ alpn h2,http/1.1\n', '\n'],
          ['/etc/haproxy/certs/', join(folder, 'certs/')],
          ['127.0.0.1:8080', `127.0.0.1:${upstream}`],
        ]),
      );
      return ['-db', '-f', join(folder, 'haproxy.cfg')];
    },
  },
  {
    name: 'Caddy',
    command: 'caddy',
    versionFlag: 'version',
    prepare(folder, { http, https, upstream }) {
      const site = adapted('Caddyfile', [
        ['chat.example {', `chat.example {\n\ttls ${folder}/certificate.pem ${folder}/key.pem`],
        ['127.0.0.1:8080', `127.0.0.1:${upstream}`],
      ]);
      writeFileSync(
        join(folder, 'Caddyfile'),
        `{\n\tadmin off\n\thttp_port ${http}\n\thttps_port ${https}\n\tdefault_bind 127.0.0.1\n\tstorage file_system ${folder}\n}\n${site}`,
      );
      return ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'];
    },
  },
];

function isInstalled({ name, command, versionFlag }: Proxy): boolean {
  try {
    execFileSync(command, [versionFlag], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`${name}: skipped, \`${command}\` is not installed (apt-get install ${command})`);
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe.each(proxies)('behind $name', (proxy) => {
  const isThere = isInstalled(proxy);
  const visitors: string[] = [];
  const sockets: WebSocket[] = [];
  const room = wireIdFromHex('ab'.repeat(20));
  let folder: string;
  let ports: Ports;
  let server: Server;
  let tracker: AttachedTracker;
  let child: ChildProcess;

  beforeAll(async () => {
    if (!isThere) return;
    folder = mkdtempSync(join(tmpdir(), 'proxy-'));
    writeFileSync(join(folder, 'certificate.pem'), certificate);
    writeFileSync(join(folder, 'key.pem'), key);
    let answerStatus: ReturnType<typeof statusHandler> = () => false;
    server = createServer((request, response) => {
      if (answerStatus(request, response)) return;
      response.end(JSON.stringify({ path: request.url, protocol: request.headers['x-forwarded-proto'] }));
    });
    tracker = attach(server, '/announce', {
      trustedProxies: ['127.0.0.1'],
      allowRoom: (_, { ip }) => {
        visitors.push(ip);
        return true;
      },
    });
    answerStatus = statusHandler(tracker.tracker, { stats: true, metrics: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports = { http: await freePort(), https: await freePort(), upstream: (server.address() as AddressInfo).port };
    const output: Buffer[] = [];
    child = spawn(proxy.command, [...proxy.prepare(folder, ports)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => output.push(chunk));
    while (!((await isListening(ports.http)) && (await isListening(ports.https)))) {
      if (child.exitCode !== null) throw new Error(`${proxy.name} does not start: ${Buffer.concat(output)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  afterAll(async () => {
    if (!isThere) return;
    for (const socket of sockets) socket.terminate();
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    tracker.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(headers: Record<string, string> = {}): Promise<WebSocket> {
    const options: WebSocket.ClientOptions & Pick<ConnectionOptions, 'servername'> = {
      rejectUnauthorized: false,
      servername: 'chat.example',
      localAddress: VISITOR,
      headers: { Host: 'chat.example', ...headers },
    };
    const socket = new WebSocket(`wss://127.0.0.1:${ports.https}/announce?token=x`, options);
    sockets.push(socket);
    await once(socket, 'open');
    return socket;
  }

  /** The first message to come that has this in it. */
  function next(socket: WebSocket, field: 'offer' | 'answer' | 'interval'): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as Record<string, unknown>;
        if (field in message) resolve(message);
      });
    });
  }

  function announce(peer: string, offers: readonly { offerId: string; sdp: string }[] = []): string {
    return encodeAnnounce({
      infoHash: room,
      peerId: wireIdFromHex(peer.repeat(20)),
      event: 'started',
      numwant: 5, // 0 would mean: no offers for me
      left: null,
      offers,
      trackerId: null,
      extension: false,
      token: null,
    });
  }

  async function get(url: string): Promise<IncomingMessage & { body: string }> {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const options = {
      headers: { Host: 'chat.example' },
      rejectUnauthorized: false,
      servername: 'chat.example',
      agent: false,
    };
    const request = send(url, options as RequestOptions).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return Object.assign(response, { body: Buffer.concat(chunks).toString() });
  }

  it.skipIf(!isThere)('members meet, with the longest announce there is', async () => {
    const [alice, bob] = await Promise.all([open(), open()]);
    const entered = next(bob, 'interval');
    bob.send(announce('b2'));
    await entered;
    const offerId = wireIdFromHex('0f'.repeat(20));
    const [offered, answered] = [next(bob, 'offer'), next(alice, 'answer')];
    alice.send(announce('a1', [{ offerId, sdp: `v1.${'x'.repeat(15_000)}` }]));
    expect(await offered).toMatchObject({ offer: { sdp: expect.stringMatching(/^v1\.x{15000}$/) }, offer_id: offerId });
    bob.send(
      encodeAnswer({
        infoHash: room,
        peerId: wireIdFromHex('b2'.repeat(20)),
        toPeerId: wireIdFromHex('a1'.repeat(20)),
        offerId,
        sdp: 'v=0',
        trackerId: null,
      }),
    );
    expect(await answered).toMatchObject({ answer: { sdp: 'v=0' } });
  });

  it.skipIf(!isThere)('a visitor has its own address, whatever it says', async () => {
    visitors.length = 0;
    for (const forwarded of [undefined, '203.0.113.9', '203.0.113.9, 127.0.0.1']) {
      const socket = await open(forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded });
      const entered = next(socket, 'interval');
      socket.send(announce('c3'));
      await entered;
    }
    expect(visitors).toEqual([VISITOR, VISITOR, VISITOR]);
  });

  it.skipIf(!isThere)('the page is there, over https only, and what is for inside is not', async () => {
    const page = await get(`https://127.0.0.1:${ports.https}/room?x=1`);
    expect(page.statusCode).toBe(200);
    expect(JSON.parse(page.body)).toEqual({ path: '/room?x=1', protocol: 'https' });
    const redirect = await get(`http://127.0.0.1:${ports.http}/room?x=1`);
    expect(redirect.statusCode).toBe(308);
    expect(redirect.headers.location).toMatch(/^https:\/\/chat\.example(:\d+)?\/room\?x=1$/);
    for (const path of INSIDE) {
      expect((await get(`http://127.0.0.1:${ports.upstream}${path}`)).statusCode).toBe(200);
      expect((await get(`https://127.0.0.1:${ports.https}${path}`)).statusCode).toBe(404);
    }
    expect((await get(`https://127.0.0.1:${ports.https}/healthz`)).statusCode).toBe(200);
  });
});
