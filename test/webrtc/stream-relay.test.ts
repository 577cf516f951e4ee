/** Connections through a TURN server that is reached over TCP and TLS, on the memory network. */
import { afterEach, expect, test } from 'vitest';
import type {
  PeerConnectionSettings,
  RTCConfiguration,
  RTCPeerConnection,
  RTCPeerConnectionIceErrorEvent,
} from '../../src/index.ts';
import { parseStun, STUN_ATTRIBUTE, StunWriter } from '../../src/stun/index.ts';
import { StreamFramer, type TurnServerOptions } from '../../src/turn/index.ts';
import { TestAuthority } from '../runtime/test-authority.ts';
import { type StreamServer, startStreamTurnServer } from '../simulation/turn-server.ts';
import { exchange, next, Pair } from './support.ts';

const SERVER = '203.0.113.9';
const credentials = { username: 'alice', credential: 'wonderland' };
const TCP = { urls: `turn:${SERVER}?transport=tcp`, ...credentials };
const TLS = { urls: `turns:${SERVER}`, ...credentials };
const authority = new TestAuthority();
const certificate = authority.issue(SERVER);
const trusting = { trustedCertificates: [authority.certificate] };

let pair: Pair;
afterEach(() => pair.close());

async function withServer(
  configuration: RTCConfiguration,
  { settings = {}, ...options }: Partial<TurnServerOptions> & { settings?: PeerConnectionSettings } = {},
): Promise<StreamServer> {
  pair = new Pair({ configuration, settings });
  const host = pair.network.addHost({ addresses: [SERVER, '2001:db8::9'], link: { delayMs: 5 } });
  return startStreamTurnServer(host, SERVER, certificate, options);
}

async function gathered(connection: RTCPeerConnection): Promise<string[]> {
  connection.createDataChannel('x');
  await connection.setLocalDescription();
  await pair.until(() => connection.iceGatheringState === 'complete');
  return connection.localDescription!.sdp.match(/^a=candidate.*$/gm) ?? [];
}

for (const [relayProtocol, server] of [
  ['tcp', TCP],
  ['tls', TLS],
] as const) {
  test(`${relayProtocol}: policy \`relay\`, data both ways, nothing past the stream, and all is given back`, async () => {
    const turn = await withServer({ iceServers: [server], iceTransportPolicy: 'relay' }, { settings: trusting });
    const [ours, theirs] = await pair.open();
    for (const [from, to, text] of [
      [ours, theirs, 'to'],
      [theirs, ours, 'x'.repeat(100_000)],
    ] as const) {
      const arrived = next<MessageEvent>(to, 'message');
      from.send(text);
      expect((await pair.during(arrived)).data).toBe(text);
    }
    expect(turn.server.allocationCount).toBe(2);
    const { local } = pair.a.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
    expect([local.type, local.protocol, local.relayProtocol, local.url]).toEqual([
      'relay',
      'udp',
      relayProtocol,
      server.urls,
    ]);
    const stats = [...(await pair.a.getStats()).values()];
    const candidate = stats.find(({ type, candidateType }) => type === 'local-candidate' && candidateType === 'relay');
    expect(candidate).toMatchObject({ relayProtocol, url: server.urls });
    pair.close();
    await pair.until(() => turn.server.allocationCount === 0 && turn.sockets.size === 0);
  });
}

test('of one server over UDP, TCP and TLS, UDP is preferred and TLS the last', async () => {
  await withServer(
    { iceServers: [TLS, TCP, { ...credentials, urls: `turn:${SERVER}` }], iceTransportPolicy: 'relay' },
    { settings: trusting },
  );
  const protocols: [number, string][] = [];
  pair.a.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate?.relayProtocol) protocols.push([candidate.priority!, candidate.relayProtocol]);
  });
  expect(await gathered(pair.a)).toHaveLength(3);
  expect(protocols.sort(([a], [b]) => b - a).map(([, protocol]) => protocol)).toEqual(['udp', 'tcp', 'tls']);
});

test('a server that relays both families gives a candidate of each, and one allocation', async () => {
  const turn = await withServer({ iceServers: [TCP], iceTransportPolicy: 'relay' }, { families: [4, 6] });
  const candidates = await gathered(pair.a);
  expect(candidates.map((line) => line.split(' ')[4]).sort()).toEqual(['2001:db8::9', SERVER]);
  expect(turn.server.allocationCount).toBe(1);
});

test('two peers whose relays have IPv6 alone in common meet there', async () => {
  const turn = await withServer(
    { iceServers: [TCP], iceTransportPolicy: 'relay' },
    {
      families: [4, 6],
      allowedPeers: ['2001:db8::/32'],
      settings: { candidateFilter: ({ address }) => address.includes(':') },
    },
  );
  const [ours, theirs] = await pair.open();
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('over IPv6');
  expect((await pair.during(arrived)).data).toBe('over IPv6');
  expect(turn.server.allocationCount).toBe(2);
});

for (const [what, expected, server, settings] of [
  ['a wrong password', 401, { ...TCP, credential: 'x' }, {}],
  ['nobody there', 701, { ...TCP, urls: 'turn:203.0.113.77?transport=tcp' }, {}],
  ['no such port', 701, { ...TCP, urls: `turn:${SERVER}:9?transport=tcp` }, {}],
  ['an authority that nobody trusts', 701, TLS, {}],
  ['TLS to a port without', 701, { ...TLS, urls: `turns:${SERVER}:3478` }, trusting],
] as const) {
  test(`${what}: icecandidateerror ${expected}, and gathering completes`, async () => {
    await withServer({ iceServers: [server] }, { settings });
    const failed = next<RTCPeerConnectionIceErrorEvent>(pair.a, 'icecandidateerror');
    const started = pair.hosts[0]!.now();
    expect(await gathered(pair.a)).toHaveLength(1);
    expect(await failed).toMatchObject({ errorCode: expected, url: server.urls });
    expect(pair.hosts[0]!.now() - started).toBeLessThan(10_000);
  });
}

/** A server at `address` that sends everyone on to another (RFC 8489 §10). */
async function redirect(address: string, to: string, port: number): Promise<{ asked: number }> {
  const counter = { asked: 0 };
  const host = pair.network.addHost({ addresses: [address], link: { delayMs: 5 } });
  await host.listenTcp({
    address,
    port: 3478,
    onConnection: (socket) => {
      const framer = new StreamFramer();
      return {
        onData: (bytes) =>
          void framer.push(bytes, (message) => {
            const { method, transactionId } = parseStun(message)!;
            counter.asked++;
            const answer = new StunWriter('error', method, transactionId).errorCode(300, 'Try Alternate');
            socket.write(answer.address(STUN_ATTRIBUTE.alternateServer, { address: to, port }).finish());
          }),
        onClose: () => {},
      };
    },
  });
  return counter;
}

test('a server may send us on to another; not in circles', async () => {
  const turn = await withServer({ iceServers: [{ ...TCP, urls: 'turn:203.0.113.20?transport=tcp' }] });
  const helpful = await redirect('203.0.113.20', SERVER, 3478);
  expect((await gathered(pair.a)).filter((line) => line.includes(`${SERVER} `))).toHaveLength(1);
  expect([helpful.asked, turn.server.allocationCount]).toEqual([1, 1]);

  await redirect('203.0.113.21', '203.0.113.21', 3478);
  pair.b.setConfiguration({ iceServers: [{ ...TCP, urls: 'turn:203.0.113.21?transport=tcp' }] });
  const failed = next<RTCPeerConnectionIceErrorEvent>(pair.b, 'icecandidateerror');
  expect(await gathered(pair.b)).toHaveLength(1);
  expect(await failed).toMatchObject({ errorCode: 300 });
});

test('a stream that breaks in the call ends its relay; a restart makes another, and the channel goes on', async () => {
  const turn = await withServer({ iceServers: [TCP], iceTransportPolicy: 'relay' });
  const [ours, theirs] = await pair.open();
  turn.close();
  await pair.until(() => pair.a.iceConnectionState === 'failed' && pair.b.iceConnectionState === 'failed');
  expect(pair.a.sctp!.transport.iceTransport.getSelectedCandidatePair()).toBe(null);
  const host = pair.network.addHost({ addresses: ['203.0.113.10'], link: { delayMs: 5 } });
  await startStreamTurnServer(host, '203.0.113.10', certificate);
  for (const connection of [pair.a, pair.b]) {
    connection.setConfiguration({
      iceServers: [{ ...TCP, urls: 'turn:203.0.113.10?transport=tcp' }],
      iceTransportPolicy: 'relay',
    });
  }
  pair.a.restartIce();
  await exchange(pair.a, pair.b);
  await pair.until(() => pair.a.iceConnectionState === 'completed');
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('back');
  expect((await pair.during(arrived)).data).toBe('back');
});

test('the call goes on for hours: what must be refreshed is, without a keepalive on the stream', async () => {
  const turn = await withServer({ iceServers: [TCP], iceTransportPolicy: 'relay' });
  const [ours, theirs] = await pair.open();
  await pair.network.runAsync(600_000);
  pair.network.run(3_600_000);
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('still there');
  expect((await pair.during(arrived)).data).toBe('still there');
  expect(turn.server.allocationCount).toBe(2);
});

test('over a thin wire what is late is dropped, not kept', async () => {
  const turn = await withServer({ iceServers: [TCP], iceTransportPolicy: 'relay' });
  const [ours, theirs] = await pair.open();
  const uplink = pair.hosts[0]!.attachment.uplink;
  uplink.options = { delayMs: 5, bandwidth: 1_000_000, queueBytes: 65_536 };
  let received = 0;
  theirs.binaryType = 'arraybuffer';
  theirs.addEventListener('message', ({ data }) => {
    received += (data as ArrayBuffer).byteLength;
  });
  for (let i = 0; i < 20; i++) ours.send(new Uint8Array(100_000));
  await pair.until(() => received === 2_000_000, 'two megabytes in about 16 s');
  expect(pair.hosts[0]!.now()).toBeLessThan(40_000);
  expect(turn.server.allocationCount).toBe(2);
});

test('close while the connection to the server is being made leaves nothing behind', async () => {
  pair = new Pair({ configuration: { iceServers: [{ ...TCP, urls: 'turn:203.0.113.77?transport=tcp' }] } });
  pair.a.createDataChannel('x');
  await pair.a.setLocalDescription();
  await pair.network.runAsync(100);
  pair.close();
  await pair.network.runAsync(1_000);
  expect(pair.network.clock.size).toBe(0);
});
