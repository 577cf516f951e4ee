/** Connections through a TURN server: relay candidates, policy `relay`, errors, what is given back. */
import { afterEach, expect, test } from 'vitest';
import type { RTCConfiguration, RTCPeerConnection, RTCPeerConnectionIceErrorEvent } from '../../src/index.ts';
import type { TurnServer } from '../../src/turn/index.ts';
import { startTurnServer } from '../simulation/turn-server.ts';
import { exchange, next, Pair } from './support.ts';

const SERVER = '203.0.113.9';
const iceServers = [{ urls: `turn:${SERVER}`, username: 'alice', credential: 'wonderland' }];

let pair: Pair;
afterEach(() => pair.close());

function withServer(configuration: RTCConfiguration, options = {}): TurnServer {
  pair = new Pair({ configuration });
  const host = pair.network.addHost({ addresses: [SERVER], link: { delayMs: 5 } });
  return startTurnServer(host, SERVER, options);
}

async function candidatesOf(connection: RTCPeerConnection): Promise<string[]> {
  connection.createDataChannel('x');
  await connection.setLocalDescription();
  await pair.until(() => connection.iceGatheringState === 'complete');
  return (connection.localDescription!.sdp.match(/^a=candidate.*$/gm) ?? []).map((line) =>
    line.replace(/^.* typ /, ''),
  );
}

test('a TURN server gives a relay candidate beside the host candidate', async () => {
  withServer({ iceServers });
  const candidates = await candidatesOf(pair.a);
  expect(candidates).toHaveLength(2);
  expect(candidates.some((candidate) => /^relay raddr 192\.0\.2\.1 rport \d+ /.test(candidate))).toBe(true);
});

test('policy `relay`: data goes through the server both ways, and nothing else is shown or used', async () => {
  const server = withServer({ iceServers, iceTransportPolicy: 'relay' });
  const direct: string[] = [];
  pair.network.onFate = ({ source, destination }) => {
    if (source.address !== SERVER && destination.address !== SERVER) direct.push(destination.address);
  };
  const [ours, theirs] = await pair.open();
  for (const [from, to, text] of [
    [ours, theirs, 'to'],
    [theirs, ours, 'fro'],
  ] as const) {
    const arrived = next<MessageEvent>(to, 'message');
    from.send(text);
    expect((await pair.during(arrived)).data).toBe(text);
  }
  expect(direct).toEqual([]);
  expect(server.allocationCount).toBe(2);
  expect(pair.a.localDescription!.sdp).toMatch(/typ relay raddr 0\.0\.0\.0 rport 9 /);
  const selected = pair.a.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
  const { type, relayProtocol, url } = selected.local;
  expect([type, relayProtocol, url]).toEqual(['relay', 'udp', iceServers[0]!.urls]);
});

test('one side relayed is enough where the other can be reached', async () => {
  const server = withServer({});
  pair.a.setConfiguration({ iceServers, iceTransportPolicy: 'relay' });
  const [ours, theirs] = await pair.open();
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('hello');
  expect((await pair.during(arrived)).data).toBe('hello');
  expect(server.allocationCount).toBe(1);
});

test('close gives the allocation back', async () => {
  const server = withServer({ iceServers, iceTransportPolicy: 'relay' });
  await pair.open();
  pair.close();
  await pair.until(() => server.allocationCount === 0);
});

test('the call goes on for hours: what must be refreshed is', async () => {
  const server = withServer({ iceServers, iceTransportPolicy: 'relay' });
  const [ours, theirs] = await pair.open();
  pair.network.run(2 * 3_600_000);
  await pair.until(() => true);
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('still there');
  expect((await pair.during(arrived)).data).toBe('still there');
  expect(server.allocationCount).toBe(2);
});

test('an ICE restart keeps the allocation; another configuration ends it', async () => {
  const server = withServer({ iceServers, iceTransportPolicy: 'relay' });
  const [ours] = await pair.open();
  const before = pair.a.localDescription!.sdp.match(/50\d+ typ relay|\d+ typ relay/)?.[0];
  pair.a.restartIce();
  await exchange(pair.a, pair.b);
  await pair.until(() => pair.a.iceGatheringState === 'complete' && pair.a.iceConnectionState === 'completed');
  expect(pair.a.localDescription!.sdp).toContain(before);
  expect(server.allocationCount).toBe(2);
  pair.a.setConfiguration({});
  pair.a.restartIce();
  await exchange(pair.a, pair.b);
  await pair.until(() => server.allocationCount === 1);
  await pair.until(() => pair.a.iceConnectionState === 'completed');
  expect(ours.readyState).toBe('open');
});

test('a wrong password is an icecandidateerror with the server’s code, and gathering completes', async () => {
  withServer({ iceServers: [{ ...iceServers[0]!, credential: 'x' }] });
  const failed = next<RTCPeerConnectionIceErrorEvent>(pair.a, 'icecandidateerror');
  expect(await candidatesOf(pair.a)).toHaveLength(1);
  expect(await failed).toMatchObject({ errorCode: 401, url: `turn:${SERVER}` });
});

test('a server that is not there is a 701 and holds gathering up for ten seconds, not the 39.5 a request may take', async () => {
  pair = new Pair({ configuration: { iceServers: [{ ...iceServers[0]!, urls: 'turn:203.0.113.77' }] } });
  const started = pair.hosts[0]!.now();
  const failed = next<RTCPeerConnectionIceErrorEvent>(pair.a, 'icecandidateerror');
  expect(await candidatesOf(pair.a)).toHaveLength(1);
  expect(pair.hosts[0]!.now() - started).toBeLessThan(20_000);
  expect(await failed).toMatchObject({ errorCode: 701, url: 'turn:203.0.113.77' });
});

test('a server of a family that this machine has not is a 701, and not waited for', async () => {
  pair = new Pair({ configuration: { iceServers: [{ ...iceServers[0]!, urls: 'turn:[2001:db8::9]' }] } });
  const started = pair.hosts[0]!.now();
  const failed = next<RTCPeerConnectionIceErrorEvent>(pair.a, 'icecandidateerror');
  expect(await candidatesOf(pair.a)).toHaveLength(1);
  expect(await failed).toMatchObject({ errorCode: 701 });
  expect(pair.hosts[0]!.now() - started).toBeLessThan(1_000);
});

test('a name that nobody knows is a 701', async () => {
  pair = new Pair({ configuration: { iceServers: [{ ...iceServers[0]!, urls: 'turn:nowhere.example' }] } });
  const failed = next<RTCPeerConnectionIceErrorEvent>(pair.a, 'icecandidateerror');
  expect(await candidatesOf(pair.a)).toHaveLength(1);
  expect(await failed).toMatchObject({ errorCode: 701, url: 'turn:nowhere.example' });
});

test('servers over TLS on a datagram transport, and STUN over TLS, are left out', async () => {
  const server = withServer({
    iceServers: [{ ...iceServers[0]!, urls: [`turns:${SERVER}?transport=udp`, `stuns:${SERVER}`] }],
  });
  expect(await candidatesOf(pair.a)).toHaveLength(1);
  expect(server.stats.challenges).toBe(0);
});
