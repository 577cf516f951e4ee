/** coturn, Debian's `turnserver`, as a server for tests: on addresses of this machine alone. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCertificate } from '../runtime/test-authority.ts';

export const USER = { username: 'alice', credential: 'wonderland' } as const;

/** Says so, once, where it is not installed. */
export function coturnAvailable(): boolean {
  try {
    execFileSync('turnserver', ['--version'], { stdio: 'ignore' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      console.log('coturn: skipped, `turnserver` is not installed (apt-get install coturn)');
      return false;
    }
    // Its exit code says nothing.
  }
  return true;
}

export type CoturnOptions = {
  /** IP literals to listen at, which are the relayed addresses too. Default 127.0.0.1. */
  readonly addresses?: readonly string[];
  /** Listens for TLS as well. */
  readonly tls?: TestCertificate;
  /** Default: long-term credentials of `USER`. */
  readonly credentials?: readonly string[];
};

export class Coturn {
  /** For UDP and TCP. */
  readonly port: number;
  readonly tlsPort: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  static async start(options: CoturnOptions = {}): Promise<Coturn> {
    const { addresses = ['127.0.0.1'], tls } = options;
    const credentials = options.credentials ?? ['--lt-cred-mech', `--user=${USER.username}:${USER.credential}`];
    const folder = mkdtempSync(join(tmpdir(), 'coturn-'));
    const [port, tlsPort] = [await freePort(), await freePort()];
    if (tls) {
      writeFileSync(join(folder, 'chain.pem'), tls.certificateChain);
      writeFileSync(join(folder, 'key.pem'), tls.privateKey);
    }
    const child = spawn('turnserver', [
      '-n',
      '--no-cli',
      '--no-dtls',
      ...(tls ? [`--cert=${join(folder, 'chain.pem')}`, `--pkey=${join(folder, 'key.pem')}`] : ['--no-tls']),
      '--log-file=stdout',
      '--simple-log',
      '--pidfile=',
      `--userdb=${join(folder, 'users.sqlite')}`,
      ...addresses.flatMap((address) => [`--listening-ip=${address}`, `--relay-ip=${address}`]),
      `--listening-port=${port}`,
      `--tls-listening-port=${tlsPort}`,
      '--allow-loopback-peers',
      '--fingerprint',
      '--realm=example.org',
      ...credentials,
    ]);
    await answers(addresses.at(-1)!, port);
    return new Coturn(child, folder, port, tlsPort);
  }

  constructor(child: ChildProcess, folder: string, port: number, tlsPort: number) {
    this.#process = child;
    this.#folder = folder;
    this.port = port;
    this.tlsPort = tlsPort;
  }

  stop(): void {
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** It listens when it answers; what it prints before is its own business. */
async function answers(address: string, port: number): Promise<void> {
  const probe = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const answered = once(probe, 'message');
  const request = Uint8Array.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Uint8Array(12).fill(7)]);
  const asking = setInterval(() => probe.send(request, port, address), 50);
  await answered;
  clearInterval(asking);
  probe.close();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
