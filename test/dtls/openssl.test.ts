/** Against OpenSSL's command line over UDP on loopback: both roles, each kind of certificate and suite, exported keys. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { toHex } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { DtlsConnection, type DtlsEvent, type DtlsOptions } from '../../src/dtls/index.ts';
import { type CertificateName, loadCertificate } from './pair.ts';

const EXPORT_LABEL = 'EXTRACTOR-dtls_srtp'; // RFC 5764 §4.2
const EXPORT_LENGTH = 60;

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('skipped: no openssl command here; install the openssl package to run test/dtls/openssl');

/** A DtlsConnection on a UDP socket of its own, with the runtime's clock. */
class UdpPeer {
  readonly socket: Socket;
  readonly connection: DtlsConnection;
  readonly #events: DtlsEvent[] = [];
  #remotePort = 0;
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, options: DtlsOptions) {
    this.socket = socket;
    this.connection = new DtlsConnection(options, {
      transmit: (datagram) => socket.send(datagram, this.#remotePort, '127.0.0.1'),
      event: (event) => {
        this.#events.push(event);
        this.#wake();
      },
    });
    socket.on('message', (datagram, { port }) => {
      this.#remotePort = port;
      this.run(() => this.connection.handlePacket(new Uint8Array(datagram), performance.now()));
    });
  }

  static async bind(options: DtlsOptions): Promise<UdpPeer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpPeer(socket, options);
  }

  get port(): number {
    return this.socket.address().port;
  }

  connect(port: number): void {
    this.#remotePort = port;
    this.run(() => this.connection.start(performance.now()));
  }

  run(call: () => void): void {
    call();
    clearTimeout(this.#timer);
    const { nextTimeout } = this.connection;
    if (nextTimeout === Infinity) return;
    this.#timer = setTimeout(
      () => this.run(() => this.connection.handleTimeout(performance.now())),
      Math.max(0, nextTimeout - performance.now()),
    );
  }

  async next(): Promise<DtlsEvent> {
    while (this.#events.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#events.shift()!;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.socket.close();
  }
}

/** The openssl command, and what it has printed. */
class Openssl {
  readonly process: ChildProcess;
  output = '';
  #wake: () => void = () => {};

  constructor(args: readonly string[]) {
    this.process = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.on('data', (text) => {
        this.output += text;
        this.#wake();
      });
    }
    this.process.on('exit', () => this.#wake());
  }

  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match[1] ?? match[0];
      if (this.process.exitCode !== null) throw new Error(`openssl ended without ${pattern}:\n${this.output}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function openssl(...args: string[]): Openssl {
  const child = new Openssl(args);
  cleanups.push(() => child.process.kill('SIGKILL'));
  return child;
}

async function peer(options: DtlsOptions): Promise<UdpPeer> {
  const udp = await UdpPeer.bind(options);
  cleanups.push(() => udp.close());
  return udp;
}

function pem(name: CertificateName): string[] {
  const path = fileURLToPath(new URL(`../../fixtures/dtls/${name}`, import.meta.url));
  return ['-cert', `${path}.cert.pem`, '-key', `${path}.key.pem`];
}

const EXPORT_ARGS = ['-keymatexport', EXPORT_LABEL, '-keymatexportlen', String(EXPORT_LENGTH)];
const SRTP_ARGS = ['-use_srtp', 'SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80'];

function exported({ connection }: UdpPeer): string {
  return toHex(connection.exportKeyingMaterial(EXPORT_LABEL, EXPORT_LENGTH));
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

const CASES: readonly {
  suite: string;
  certificate: CertificateName;
  group: 'x25519' | 'secp256r1' | 'secp384r1';
  opensslGroup: string;
}[] = [
  { suite: 'ECDHE-ECDSA-AES128-GCM-SHA256', certificate: 'ecdsa-p256', group: 'x25519', opensslGroup: 'X25519:P-256' },
  { suite: 'ECDHE-ECDSA-AES256-GCM-SHA384', certificate: 'ecdsa-p384', group: 'secp384r1', opensslGroup: 'P-384' },
  { suite: 'ECDHE-RSA-CHACHA20-POLY1305', certificate: 'rsa-2048', group: 'secp256r1', opensslGroup: 'P-256' },
  { suite: 'ECDHE-RSA-AES128-GCM-SHA256', certificate: 'rsa-2048', group: 'x25519', opensslGroup: 'X25519' },
];

describe.skipIf(!hasOpenssl)('OpenSSL', () => {
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    for (const { suite, certificate, group, opensslGroup } of CASES) {
      test(`s_server: ${suite}, ${certificate}, ${group} (${crypto.name})`, async () => {
        const port = await freePort();
        const common = ['-dtls1_2', '-cipher', suite, '-groups', opensslGroup];
        const server = openssl('s_server', ...common, '-accept', `127.0.0.1:${port}`, ...pem(certificate), '-Verify', '1', ...EXPORT_ARGS, ...SRTP_ARGS); // biome-ignore format: one line a command
        await server.find(/ACCEPT/);
        const client = await peer({
          crypto,
          random: crypto.random,
          role: 'client',
          certificate: loadCertificate(certificate, crypto),
          srtpProfiles: ['SRTP_AES128_CM_HMAC_SHA1_80', 'SRTP_AEAD_AES_128_GCM'],
          verifyCertificate: () => true,
        });
        client.connect(port);
        expect(await client.next()).toEqual({ kind: 'connected' });
        expect(client.connection.srtpProfile).toBe('SRTP_AEAD_AES_128_GCM'); // OpenSSL's own order decides
        expect(client.connection.group).toBe(group);
        expect((await server.find(/Keying material: ([0-9A-F]+)/)).toLowerCase()).toBe(exported(client));

        client.connection.send(new TextEncoder().encode('from us\n'));
        await server.find(/from us/);
        server.process.stdin!.write('from openssl\n');
        const received = await client.next();
        expect(received.kind === 'data' && new TextDecoder().decode(received.data)).toBe('from openssl\n');
        client.connection.close();
        await server.find(/CONNECTION CLOSED|DONE/);
      });

      test(`s_client: ${suite}, ${certificate}, ${group} (${crypto.name})`, async () => {
        const server = await peer({
          crypto,
          random: crypto.random,
          role: 'server',
          certificate: loadCertificate(certificate, crypto),
          clientCertificate: 'required',
          srtpProfiles: ['SRTP_AES128_CM_HMAC_SHA1_80'],
          cookie: true,
          verifyCertificate: () => true,
        });
        server.run(() => server.connection.start(performance.now()));
        const common = ['-dtls1_2', '-cipher', suite, '-groups', opensslGroup];
        const client = openssl('s_client', ...common, '-connect', `127.0.0.1:${server.port}`, ...pem(certificate), ...EXPORT_ARGS, ...SRTP_ARGS); // biome-ignore format: one line a command
        expect(await server.next()).toEqual({ kind: 'connected' });
        expect(server.connection.srtpProfile).toBe('SRTP_AES128_CM_HMAC_SHA1_80');
        expect(server.connection.peerCertificates).toEqual(loadCertificate(certificate).chain);
        expect((await client.find(/Keying material: ([0-9A-F]+)/)).toLowerCase()).toBe(exported(server));
        await client.find(/Extended master secret: yes/);

        server.connection.send(new TextEncoder().encode('from us\n'));
        await client.find(/from us/);
        client.process.stdin!.write('from openssl\n');
        const received = await server.next();
        expect(received.kind === 'data' && new TextDecoder().decode(received.data)).toBe('from openssl\n');
        client.process.stdin!.end();
        expect(await server.next()).toEqual({ kind: 'closed' });
      });
    }
  }
});
