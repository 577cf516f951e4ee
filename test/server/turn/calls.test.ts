/**
 * Calls that have no other way than our server: between Chromium, Firefox and Node, the clients reaching it over UDP, TCP and
 * TLS. Their peers are this machine's own addresses, which the server must be told to allow.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodeRuntime } from '../../../src/runtime/node.ts';
import { TurnService } from '../../../src/server/turn/index.ts';
import type { TurnTransport } from '../../../src/turn/index.ts';
import { browserPeer } from '../../browser/browser-peer.ts';
import { browserAvailable } from '../../browser/browsers.ts';
import { expectTransfer, Link } from '../../interop/link.ts';
import type { Peer } from '../../interop/peer.ts';
import { settingsPeer } from '../../interop/suite.ts';
import { TestAuthority } from '../../runtime/test-authority.ts';

/** Of this machine, not loopback where there is another: browsers gather on the interface that leads somewhere. */
const ADDRESS: string =
  nodeRuntime.networkInterfaces().find(({ family, internal, linkLocal }) => family === 4 && !internal && !linkLocal)
    ?.address ?? '127.0.0.1';
/** Certificates are for names: Firefox asks for nothing else, even where it takes any. */
const TLS_HOST = { name: 'localhost', address: '127.0.0.1' };

let service: TurnService;
/** How the allocations of a test were made. */
const transports: TurnTransport[] = [];

beforeAll(async () => {
  const tls = authority.issue(TLS_HOST.name);
  service = await TurnService.start({
    listen: [
      { protocol: 'udp', address: ADDRESS, port: 0 },
      { protocol: 'tcp', address: ADDRESS, port: 0 },
      { protocol: 'tls', address: TLS_HOST.address, port: 0, tls },
    ],
    publicAddresses: [ADDRESS],
    realm: 'example.org',
    sessions: { isLive: (sessionId) => sessionId === 'live' },
    allowedPeers: [ADDRESS, TLS_HOST.address],
    onEvent: (event) => {
      if (event.kind === 'allocated') transports.push(event.flow.transport);
    },
  });
});
afterAll(() => service?.close());
afterEach(() => transports.splice(0));

/** A configuration with no way but that one. */
function configuration(transport: TurnTransport): RTCConfiguration {
  const wanted = { udp: /^turn:.*=udp$/, tcp: /^turn:.*=tcp$/, tls: /^turns:/ }[transport];
  const { urls, username, credential } = service.iceServersFor('live').at(-1)!;
  const ofTransport = urls.filter((url) => wanted.test(url));
  if (transport === 'tls') ofTransport[0] = ofTransport[0]!.replace(ADDRESS, TLS_HOST.name);
  return { iceServers: [{ urls: ofTransport, username, credential }] as RTCIceServer[], iceTransportPolicy: 'relay' };
}

async function call(a: Peer, b: Peer, transport: TurnTransport): Promise<void> {
  const { bytesFromClients, bytesToClients } = service.stats;
  const link = await Link.connect(a, b, { config: configuration(transport) });
  const messages = [
    { kind: 'binary', size: 100_000, seed: 1 } as const,
    { kind: 'text', size: 1000, seed: 2 } as const,
  ];
  await expectTransfer(link.first.near, link.first.far, messages);
  await expectTransfer(link.first.far, link.first.near, messages);
  for (const { candidates } of [link.offerer, link.answerer]) {
    const kinds = candidates.map(({ candidate }) => / typ (\w+)/.exec(candidate ?? '')?.[1]);
    expect(new Set(kinds)).toEqual(new Set(['relay']));
  }
  await link.close();
  expect(transports.length).toBeGreaterThanOrEqual(2);
  expect(new Set(transports)).toEqual(new Set([transport]));
  expect(service.stats.bytesFromClients - bytesFromClients).toBeGreaterThan(200_000);
  expect(service.stats.bytesToClients - bytesToClients).toBeGreaterThan(200_000);
}

const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
const authority = new TestAuthority();
const node: Peer = await settingsPeer('purertc', { trustedCertificates: [authority.certificate] });
afterAll(() => node.dispose());

describe.skipIf(!browserAvailable('chromium'))('Chromium', () => {
  let chromium: Peer;
  beforeAll(async () => {
    chromium = await browserPeer('chromium', { trustsAnyCertificate: true });
  });
  afterAll(() => chromium?.dispose());

  test.each(TRANSPORTS)('with itself, over %s', (transport) => call(chromium, chromium, transport));
  test.each(TRANSPORTS)('with Node, over %s', (transport) => call(chromium, node, transport));
});

describe.skipIf(!browserAvailable('firefox'))('Firefox', () => {
  let firefox: Peer;
  beforeAll(async () => {
    firefox = await browserPeer('firefox', { trustsAnyCertificate: true });
  });
  afterAll(() => firefox?.dispose());

  test.each(TRANSPORTS)('with itself, over %s', (transport) => call(firefox, firefox, transport));
  test.each(TRANSPORTS)('with Node, over %s', (transport) => call(node, firefox, transport));
});
