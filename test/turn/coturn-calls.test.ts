/**
 * Calls that are relayed by coturn on every way there is to it: between connections of ours, with Chromium, and on Deno and
 * Bun. In `scripts/isolated` both families are there; elsewhere what the machine has.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RTCIceServer, RTCPeerConnection } from '../../src/index.ts';
import { nodeRuntime } from '../../src/runtime/node.ts';
import { browserAvailable } from '../browser/browsers.ts';
import { findRuntime } from '../interop/implementations.mjs';
import { TestAuthority } from '../runtime/test-authority.ts';
import { Coturn, coturnAvailable, USER } from './coturn.ts';
import { ChromiumPage, callChromium, callOurs, type RelayCall } from './relay-call.ts';

const isInstalled = coturnAvailable();
const external = nodeRuntime.networkInterfaces().filter(({ internal, linkLocal }) => !internal && !linkLocal);
const addressOf = (family: 4 | 6): string | undefined => external.find((each) => each.family === family)?.address;
const addresses = [addressOf(4), addressOf(6)].filter((address) => address !== undefined);
const authority = new TestAuthority();

let coturn: Coturn;

/** The URL of each way to it at an address. */
function serverAt(address: string, transport: 'udp' | 'tcp' | 'tls', user: Partial<RTCIceServer> = {}): RTCIceServer {
  const host = address.includes(':') ? `[${address}]` : address;
  const urls =
    transport === 'tls' ? `turns:${host}:${coturn.tlsPort}` : `turn:${host}:${coturn.port}?transport=${transport}`;
  return { urls, ...USER, ...user };
}

function expectRelayed(call: RelayCall, transport: string): void {
  expect(call.echoed).toBe('hello to you');
  expect(call.local).toEqual(['relay', 'udp', transport]);
  expect(call.remoteType).toBe('relay');
}

describe.skipIf(!isInstalled || addresses.length === 0)('coturn', () => {
  beforeAll(async () => {
    coturn = await Coturn.start({ addresses, tls: authority.issue(...addresses) });
  });
  afterAll(() => coturn?.stop());

  for (const address of addresses) {
    for (const transport of ['udp', 'tcp', 'tls'] as const) {
      test(`two connections meet at ${address} over ${transport}`, async () => {
        const settings = { trustedCertificates: [authority.certificate] };
        expectRelayed(await callOurs(serverAt(address, transport), settings), transport);
      });
    }
  }

  for (const [what, code, server] of [
    ['a wrong password', 401, () => serverAt(addresses[0]!, 'tcp', { credential: 'x' })],
    ['a wrong password within TLS', 401, () => serverAt(addresses[0]!, 'tls', { credential: 'x' })],
    ['a port where nobody is', 701, () => ({ ...USER, urls: `turn:${addresses[0]}:9?transport=tcp` })],
    ['a certificate for another name', 701, () => ({ ...USER, urls: `turns:localhost:${coturn.tlsPort}` })],
  ] as const) {
    test(`${what} is an icecandidateerror ${code}`, async () => {
      const connection = new RTCPeerConnection(
        { iceServers: [server()], iceTransportPolicy: 'relay' },
        { trustedCertificates: [authority.certificate] },
      );
      connection.createDataChannel('x');
      const failed = new Promise<{ errorCode: number }>((resolve) => {
        connection.addEventListener('icecandidateerror', resolve);
      });
      await connection.setLocalDescription();
      expect(await failed).toMatchObject({ errorCode: code });
      connection.close();
    });
  }

  for (const name of ['deno', 'bun'] as const) {
    const runtime = findRuntime(name);
    test.skipIf(runtime === null)(`${name} reaches it over TCP and TLS`, () => {
      const script = fileURLToPath(new URL('./relay-portable.ts', import.meta.url));
      for (const transport of ['tcp', 'tls'] as const) {
        const input = JSON.stringify({ server: serverAt(addresses[0]!, transport), authority: authority.certificate });
        const { stdout, stderr } = spawnSync(runtime!.command, [...runtime!.args, script], { input, timeout: 20_000 });
        expect(String(stderr)).toBe('');
        expectRelayed(JSON.parse(String(stdout)), transport);
      }
    });
  }

  describe.skipIf(!browserAvailable('chromium'))('Chromium', () => {
    let page: ChromiumPage;
    beforeAll(async () => {
      page = await ChromiumPage.open();
    });
    afterAll(() => page?.close());

    for (const address of addresses) {
      for (const transport of ['udp', 'tcp', 'tls'] as const) {
        test(`meets us at ${address} over ${transport}`, async () => {
          const settings = { trustedCertificates: [authority.certificate] };
          const call = await callChromium(page, serverAt(address, transport), settings);
          expectRelayed(call, transport);
          expect(call.theirProtocol).toBe(transport);
        });
      }
    }
  });
});
