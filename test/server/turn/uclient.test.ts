/** coturn's own client, Debian's `turnutils_uclient`, against the service: skipped, and said so, where it is not installed. */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { staticUsers, TurnService } from '../../../src/server/turn/index.ts';
import { ephemeralCredentials } from '../../../src/turn/index.ts';
import { TestAuthority } from '../../runtime/test-authority.ts';

const LOOPBACK = '127.0.0.1';
const MESSAGES = 10;
const CLIENTS = 3;
const LENGTH = 200;

const isInstalled = spawnSync('turnutils_uclient', ['-?'], { stdio: 'ignore' }).error === undefined;
if (!isInstalled) console.log('uclient: skipped, `turnutils_uclient` is not installed (apt-get install coturn)');

const folder = mkdtempSync(join(tmpdir(), 'uclient-'));
const authority = new TestAuthority();
let service: TurnService;
let echo: Socket;

/** Its exit code and what it printed. It takes five seconds whatever it is told to do. */
async function uclient(...options: readonly string[]): Promise<{ code: number | null; output: string }> {
  const peer = ['-e', LOOPBACK, '-r', String(echo.address().port)];
  // -s: Send indications; it picks channel numbers that RFC 8656 §12 took away. -c: one socket, not two for RTP and RTCP.
  const work = ['-s', '-c', '-X', '-n', String(MESSAGES), '-m', String(CLIENTS), '-l', String(LENGTH)];
  const child = spawn('turnutils_uclient', [...options, ...work, ...peer, LOOPBACK]);
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const portOf = (protocol: string): string =>
  String(service.listening.find((one) => one.protocol === protocol)!.address.port);

describe.skipIf(!isInstalled)('turnutils_uclient', () => {
  beforeAll(async () => {
    echo = createSocket('udp4');
    echo.bind(0, LOOPBACK);
    await once(echo, 'listening');
    echo.on('message', (packet, { address, port }) => echo.send(packet, port, address));
    writeFileSync(join(folder, 'authority.pem'), authority.certificate);
    service = await TurnService.start({
      listen: [
        { protocol: 'udp', address: LOOPBACK, port: 0 },
        { protocol: 'tcp', address: LOOPBACK, port: 0 },
        { protocol: 'tls', address: LOOPBACK, port: 0, tls: authority.issue(LOOPBACK) },
      ],
      realm: 'example.org',
      credentials: [
        staticUsers({ alice: 'wonderland' }),
        ephemeralCredentials({
          crypto: nodeCrypto,
          secrets: () => ['north-wind'],
          unixSeconds: () => Date.now() / 1000,
        }),
      ],
      allowedPeers: [LOOPBACK],
    });
  });
  afterAll(async () => {
    echo?.close();
    await service?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('over UDP, TCP and TLS at once, with a password and with a shared secret: what goes there comes back', async () => {
    const user = ['-u', 'alice', '-w', 'wonderland'];
    const runs = await Promise.all([
      uclient('-p', portOf('udp'), ...user),
      uclient('-t', '-p', portOf('tcp'), ...user),
      uclient('-t', '-S', '-E', join(folder, 'authority.pem'), '-p', portOf('tls'), ...user),
      uclient('-p', portOf('udp'), '-u', 'carol', '-W', 'north-wind'),
    ]);
    const all = MESSAGES * CLIENTS;
    const received = runs.map(({ code, output }) => {
      const [, sent, returned] = /tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\n/.exec(output) ?? [];
      expect([code, sent], output).toEqual([0, String(all)]);
      return Number(returned);
    });
    const [overTls] = received.splice(2, 1);
    expect(received).toEqual([all, all, all]);
    expect(overTls).toBeGreaterThan(all / 2); // of two messages in one TLS record it reads the first
    expect(service.stats).toMatchObject({
      bytesFromClients: runs.length * all * LENGTH,
      bytesToClients: runs.length * all * LENGTH,
      refusedRequests: 0,
      connections: 0,
    });
  });

  test('a wrong password gets it nothing', async () => {
    const before = service.stats.bytesFromClients;
    const { code, output } = await uclient('-p', portOf('udp'), '-u', 'alice', '-w', 'looking-glass');
    expect(code).not.toBe(0);
    expect(output).toContain('Cannot complete Allocation');
    expect(service.stats.bytesFromClients).toBe(before);
  });
});
