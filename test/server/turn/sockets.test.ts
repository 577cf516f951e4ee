/** The service on real sockets: both families on Node, Deno and Bun, and what a thousand allocations leave behind. */
import { spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import process from 'node:process';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { nodeRuntime } from '../../../src/runtime/node.ts';
import { staticUsers, TurnService, type TurnServiceOptions } from '../../../src/server/turn/index.ts';
import { TurnClient } from '../../../src/turn/index.ts';
import { findRuntime } from '../../interop/implementations.mjs';
import { TestAuthority } from '../../runtime/test-authority.ts';
import { callOurs, type RelayCall } from '../../turn/relay-call.ts';

const USER = { username: 'alice', credential: 'wonderland' };
const PROTOCOLS = ['udp', 'tcp', 'tls'] as const;
const hasIpv6 = nodeRuntime.networkInterfaces().some(({ address }) => address === '::1');

function start(address: string, options: Partial<TurnServiceOptions> = {}): Promise<TurnService> {
  return TurnService.start({
    listen: [{ protocol: 'udp', address, port: 0 }],
    realm: 'example.org',
    credentials: [staticUsers({ alice: 'wonderland' })],
    allowedPeers: [address],
    ...options,
  });
}

function expectRelayed(call: RelayCall, protocol: string): void {
  expect(call).toEqual({
    echoed: 'hello to you',
    local: ['relay', 'udp', protocol],
    remoteType: 'relay',
    theirProtocol: protocol,
  });
}

/** An allocation with nothing but a socket; there is time enough that nothing need be sent again. */
async function allocate(port: number): Promise<{ machine: TurnClient; socket: Socket }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return new Promise((resolve, reject) => {
    const { username, credential: password } = USER;
    const machine: TurnClient = new TurnClient(
      { crypto: nodeCrypto, random: nodeCrypto.random, username, password },
      {
        transmit: (packet) => socket.send(packet, port, '127.0.0.1'),
        event: ({ kind }) => (kind === 'allocated' ? resolve({ machine, socket }) : reject(new Error(kind))),
      },
    );
    socket.on('message', (packet) => machine.handlePacket(new Uint8Array(packet), performance.now()));
    machine.start(performance.now());
  });
}

test('1,000 allocations, given back, leave no socket and no timer', async () => {
  const resources = (): string[] => process.getActiveResourcesInfo().filter((name) => /UDP|TCP|Timeout/.test(name));
  const service = await start('127.0.0.1', { maxAllocationsPerUser: 1000, strangerRequestsPerSecond: 1000 });
  const [{ address }] = service.listening as [TurnService['listening'][number]];
  const clients: Awaited<ReturnType<typeof allocate>>[] = [];
  for (let i = 0; i < 10; i++) {
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => allocate(address.port)))));
  }
  expect(service.stats).toMatchObject({ allocations: 1000, relays: 1000 });
  expect(new Set(clients.map(({ machine }) => machine.relayed!.port)).size).toBe(1000);
  for (const { machine } of clients.slice(0, 500)) machine.close(performance.now());
  await expect.poll(() => service.stats.allocations).toBe(500);
  expect(service.stats.relays).toBe(500);
  await service.close(); // the others
  for (const { socket } of clients) socket.close();
  await expect.poll(resources).toEqual([]); // so this test comes first: connections take their time to end
});

describe.each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])('on Node, at %s', (address) => {
  test('calls of ours over UDP, TCP and TLS', async () => {
    const authority = new TestAuthority();
    const tls = authority.issue('localhost', address);
    const listen = PROTOCOLS.map((protocol) => ({ protocol, address, port: 0, ...(protocol === 'tls' && { tls }) }));
    const service = await start(address, { listen, sessions: { isLive: () => true } });
    const { urls, ...credentials } = service.iceServersFor('x').at(-1)!;
    expect(urls).toHaveLength(3);
    for (const [i, url] of urls.entries()) {
      const call = await callOurs({ urls: url, ...credentials }, { trustedCertificates: [authority.certificate] });
      expectRelayed(call, PROTOCOLS[i]!);
    }
    await service.close();
  });
});

test('another certificate: for those who connect from then on; one that is none changes nothing', async () => {
  const address = '127.0.0.1';
  const [first, second] = [new TestAuthority('first'), new TestAuthority('second')];
  const listen = [{ protocol: 'tls', address, port: 0, tls: first.issue(address) }] as const;
  const service = await start(address, { listen });
  const { port } = service.listening[0]!.address;
  const shown = async (): Promise<{ issuer: unknown; socket: TLSSocket }> => {
    const socket = connect({ host: address, port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return { issuer: socket.getPeerCertificate().issuer.CN, socket };
  };
  const before = await shown();
  expect(before.issuer).toBe('first');
  await service.setCertificate(second.issue(address));
  const after = await shown();
  expect(after.issuer).toBe('second');
  const { certificateChain } = first.issue(address);
  await expect(
    service.setCertificate({ certificateChain, privateKey: first.issue(address).privateKey }),
  ).rejects.toThrow();
  await expect(service.setCertificate({ certificateChain, privateKey: 'none' })).rejects.toThrow(TypeError);
  const last = await shown();
  expect(last.issuer).toBe('second');
  await expect.poll(() => service.stats.connections).toBe(3); // the first one among them
  for (const { socket } of [before, after, last]) socket.destroy();
  await service.close();
});

for (const name of ['deno', 'bun'] as const) {
  const runtime = findRuntime(name);
  test.skipIf(runtime === null)(`on ${name}`, () => {
    const script = fileURLToPath(new URL('./service-portable.ts', import.meta.url));
    const { stdout, stderr } = spawnSync(runtime!.command, [...runtime!.args, script], { timeout: 20_000 });
    expect(String(stderr)).toBe('');
    const { calls, stats } = JSON.parse(String(stdout)) as { calls: RelayCall[]; stats: TurnService['stats'] };
    for (const [i, call] of calls.entries()) expectRelayed(call, PROTOCOLS[i]!);
    expect(calls).toHaveLength(3);
    expect(stats).toMatchObject({ allocations: 0, relays: 0, connections: 0 });
  });
}
