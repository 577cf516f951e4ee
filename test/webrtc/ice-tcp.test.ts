/** Connections over ICE-TCP (RFC 6544) on the memory network. */
import { afterEach, expect, test } from 'vitest';
import { framePacket } from '../../src/ice/index.ts';
import {
  type PeerConnectionSettings,
  type RTCDataChannel,
  RTCPeerConnection,
  SharedTcpListener,
} from '../../src/index.ts';
import { type Host, MemoryNetwork } from '../../src/runtime/memory.ts';
import { BINDING, STUN_ATTRIBUTE, StunWriter } from '../../src/stun/index.ts';
import { next, Pair, settled } from './support.ts';

/** Where UDP gets nowhere: candidates of it are not used, ours and the peer's. */
const onlyTcp: PeerConnectionSettings = { candidateFilter: ({ protocol }) => protocol === 'tcp' };

let pair: Pair;
afterEach(() => pair.close());

/** A pair of which the second takes connections. */
function make(ours: PeerConnectionSettings, theirs: PeerConnectionSettings, address = '192.0.2'): Pair {
  pair = new Pair();
  pair.close();
  const [a, b] = pair.hosts.map((runtime, i) => new RTCPeerConnection({}, { ...(i === 0 ? ours : theirs), runtime }));
  expect(pair.hosts[0]!.attachment.addresses[0]).toContain(address);
  Object.assign(pair, { a, b });
  return pair;
}

function selected(connection: RTCPeerConnection) {
  return connection.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
}

/** Offer and answer with their candidates: where all of them are silent, no packet would keep the clock from running ahead. */
async function exchange(): Promise<void> {
  const { a, b } = pair;
  await a.setLocalDescription();
  await settled();
  await b.setRemoteDescription(a.localDescription!);
  await b.setLocalDescription();
  await settled();
  await a.setRemoteDescription(b.localDescription!);
}

async function open(): Promise<[RTCDataChannel, RTCDataChannel]> {
  const ours = pair.a.createDataChannel('x');
  let theirs: RTCDataChannel | null = null;
  pair.b.addEventListener('datachannel', ({ channel }) => {
    theirs = channel;
  });
  await exchange();
  await pair.until(() => ours.readyState === 'open' && theirs !== null);
  return [ours, theirs!];
}

async function echo(from: RTCDataChannel, to: RTCDataChannel, text: string): Promise<void> {
  const arrived = next<MessageEvent>(to, 'message');
  from.send(text);
  expect((await pair.during(arrived)).data).toBe(text);
}

test('one that connects and one that listens meet where UDP is blocked, and the first tells nothing of it', async () => {
  make(onlyTcp, { ...onlyTcp, iceTcp: 'all' });
  const [ours, theirs] = await open();
  await echo(ours, theirs, 'x'.repeat(100_000));
  await echo(theirs, ours, 'back');
  expect(pair.a.localDescription!.sdp).not.toContain('a=candidate');
  const lines = pair.b.localDescription!.sdp.match(/^a=candidate.*$/gm)!.map((line) => line.split(' '));
  expect(lines.map(([, , protocol, , address, port]) => [protocol, address, port === '9'])).toEqual([
    ['tcp', '192.0.2.2', true],
    ['tcp', '192.0.2.2', false],
  ]);
  expect(lines.map((words) => words.slice(words.indexOf('tcptype')).slice(0, 2).join(' '))).toEqual([
    'tcptype active',
    'tcptype passive',
  ]);
  const { local, remote } = selected(pair.a);
  expect([local.type, local.tcpType, remote.type, remote.tcpType]).toEqual(['host', 'active', 'host', 'passive']);
  const theirPair = selected(pair.b);
  expect([theirPair.local.tcpType, theirPair.remote.type, theirPair.remote.tcpType]).toEqual([
    'passive',
    'prflx',
    'active',
  ]);
  const stats = [...(await pair.a.getStats()).values()];
  expect(
    stats.find(
      ({ type, id }) =>
        type === 'local-candidate' && id === stats.find((s) => s.type === 'candidate-pair')!.localCandidateId,
    ),
  ).toMatchObject({
    protocol: 'tcp',
    tcpType: 'active',
    port: 9,
  });
});

test('UDP is preferred where both work', async () => {
  make({ iceTcp: 'all' }, { iceTcp: 'all' });
  const [ours, theirs] = await open();
  await echo(ours, theirs, 'hello');
  await pair.until(() => pair.a.iceConnectionState === 'completed');
  expect([selected(pair.a).local.protocol, selected(pair.b).local.protocol]).toEqual(['udp', 'udp']);
  pair.network.run(60_000); // connections that are of no use have been closed
  pair.close();
  await pair.network.runAsync(10_000);
  expect(pair.network.clock.size).toBe(0);
});

test('`off` ignores the candidates of the peer', async () => {
  make({ ...onlyTcp, iceTcp: 'off' }, { ...onlyTcp, iceTcp: 'all' });
  pair.a.createDataChannel('x');
  await exchange();
  await pair.network.runAsync(60_000);
  expect(pair.network.fates.delivered).toBe(0);
  expect(pair.a.iceConnectionState).not.toBe('connected');
});

test('a candidate at the port of another protocol is not connected to', async () => {
  make(onlyTcp, { ...onlyTcp, iceTcp: 'all', portRange: { min: 587, max: 587 } });
  pair.a.createDataChannel('x');
  await exchange();
  expect(pair.b.localDescription!.sdp).toContain(' 587 typ host tcptype passive');
  await pair.network.runAsync(20_000);
  expect(pair.network.fates.delivered).toBe(0);
});

test('a lite server that only listens is reached', async () => {
  make(onlyTcp, { ...onlyTcp, iceTcp: 'all', iceLite: true });
  const [ours, theirs] = await open();
  await echo(ours, theirs, 'hello');
  expect(selected(pair.a).remote.tcpType).toBe('passive');
  expect(pair.b.localDescription!.sdp.match(/tcptype \w+/g)).toEqual(['tcptype passive']);
});

test('from behind a NAT, whose address the server then sees', async () => {
  pair = new Pair();
  pair.close();
  const { network } = pair;
  const nat = network.addNat({ kind: 'symmetric', address: '203.0.113.1' });
  const client = network.addHost({ addresses: ['192.168.0.2'], nat, link: { delayMs: 20, lossRate: 0.02 } });
  const a = new RTCPeerConnection({}, { ...onlyTcp, runtime: client });
  const b = new RTCPeerConnection({}, { ...onlyTcp, iceTcp: 'all', runtime: pair.hosts[1]! });
  Object.assign(pair, { a, b });
  const [ours, theirs] = await open();
  await echo(ours, theirs, 'x'.repeat(50_000));
  expect(selected(pair.b).remote.address).toBe('203.0.113.1');
  const { local } = selected(pair.a);
  expect([local.type, local.tcpType, local.address]).toEqual(['prflx', 'active', '203.0.113.1']);
});

test('over IPv6', async () => {
  pair = new Pair();
  pair.close();
  const network = new MemoryNetwork({ seed: 1 });
  const host = (address: string): Host => network.addHost({ addresses: [address], link: { delayMs: 5 } });
  const a = new RTCPeerConnection({}, { ...onlyTcp, runtime: host('2001:db8::1') });
  const b = new RTCPeerConnection({}, { ...onlyTcp, iceTcp: 'all', runtime: host('2001:db8::2') });
  Object.assign(pair, { a, b, network });
  const [ours, theirs] = await open();
  await echo(ours, theirs, 'hello');
});

test('a connection that breaks is the end of its path, and a restart finds another', async () => {
  make(onlyTcp, { ...onlyTcp, iceTcp: 'all' });
  const [ours, theirs] = await open();
  await pair.until(() => pair.a.iceConnectionState === 'completed');
  const [host] = pair.hosts;
  host!.attachment.isUp = false;
  ours.send('into the void');
  await pair.until(() => pair.a.iceConnectionState === 'failed');
  host!.attachment.isUp = true;
  pair.a.restartIce();
  await exchange();
  await pair.until(() => pair.a.iceConnectionState === 'completed');
  await pair.until(() => pair.b.iceConnectionState === 'connected' || pair.b.iceConnectionState === 'completed');
  await echo(theirs, ours, 'back');
});

test('a stranger who connects and proves nothing is turned away after 20 s; one who sends nonsense hears nothing', async () => {
  make(onlyTcp, { ...onlyTcp, iceTcp: 'all' });
  await open();
  const sdp = pair.b.localDescription!.sdp;
  const port = Number(/192\.0\.2\.2 (\d+) typ host tcptype passive/.exec(sdp)![1]);
  const stranger = pair.network.addHost({ addresses: ['198.51.100.66'] });
  let received = 0;
  let closedAt: number | null = null;
  const started = stranger.now();
  const socket = stranger.connectTcp({
    remote: { address: '192.0.2.2', port },
    onOpen: () => socket.write(new Uint8Array(5_000).fill(7)),
    onData: () => {
      received++;
    },
    onClose: () => {
      closedAt = stranger.now();
    },
  });
  await pair.until(() => closedAt !== null);
  expect(received).toBe(0);
  expect(closedAt! - started).toBeGreaterThan(19_000);
  expect(closedAt! - started).toBeLessThan(21_000);
});

/** Clients that have nothing but TCP, and a server's connections behind one listener. */
async function serve(count: number) {
  pair = new Pair();
  const { network } = pair;
  const server = network.addHost({ addresses: ['198.51.100.1'], link: { delayMs: 5 } });
  const listener = await SharedTcpListener.listen({ address: '198.51.100.1', port: 443, runtime: server });
  const channels: RTCDataChannel[] = [];
  const calls: [client: RTCPeerConnection, service: RTCPeerConnection][] = [];
  for (let i = 0; i < count; i++) {
    const runtime = network.addHost({ addresses: [`192.0.2.${10 + i}`], link: { delayMs: 5 } });
    const a = new RTCPeerConnection({}, { ...onlyTcp, runtime });
    const b = new RTCPeerConnection({}, { ...onlyTcp, runtime: server, tcpListener: listener });
    b.addEventListener('datachannel', ({ channel }) => {
      channel.addEventListener('message', ({ data }) => channel.send(`${data} to you`));
    });
    Object.assign(pair, { a, b });
    channels.push(a.createDataChannel('x'));
    calls.push([a, b]);
    await exchange();
  }
  await pair.until(() => channels.every(({ readyState }) => readyState === 'open'));
  return { listener, channels, calls };
}

test('tcpListener: three connections on one port', async () => {
  const { listener, channels, calls } = await serve(3);
  expect(listener.size).toBe(3);
  for (const [i, channel] of channels.entries()) {
    const arrived = next<MessageEvent>(channel, 'message');
    channel.send(`hello ${i}`);
    expect((await pair.during(arrived)).data).toBe(`hello ${i} to you`);
  }
  for (const [client, service] of calls) {
    expect(selected(client).remote.port).toBe(443);
    expect(service.localDescription!.sdp.match(/tcptype \w+/g)).toEqual(['tcptype passive']);
    client.close();
    service.close();
  }
  expect(listener.size).toBe(0);
  listener.close();
  await pair.network.runAsync(10_000);
  expect(pair.network.clock.size).toBe(0);
});

test('tcpListener: a restart goes to the same connection', async () => {
  const { listener, channels, calls } = await serve(2);
  const [[a, b]] = calls as [[RTCPeerConnection, RTCPeerConnection]];
  await pair.until(() => a.iceConnectionState === 'completed');
  Object.assign(pair, { a, b });
  a.restartIce();
  await exchange();
  await pair.until(() => a.iceConnectionState === 'completed');
  const arrived = next<MessageEvent>(channels[0]!, 'message');
  channels[0]!.send('again');
  expect((await pair.during(arrived)).data).toBe('again to you');
  for (const connection of calls.flat()) connection.close();
  listener.close();
});

test('tcpListener: who does not say whom they want is turned away', async () => {
  const { listener, channels, calls } = await serve(1);
  const { network } = pair;
  const stranger = network.addHost({ addresses: ['198.51.100.66'], link: { delayMs: 5 } });
  const check = new StunWriter('request', BINDING, new Uint8Array(12))
    .text(STUN_ATTRIBUTE.username, 'nobody:x')
    .finish();
  const turnedAway = async (bytes: Uint8Array): Promise<number> => {
    const started = stranger.now();
    let ended = false;
    const socket = stranger.connectTcp({
      remote: listener.localAddress,
      onOpen: () => socket.write(bytes),
      onData: () => expect.fail('an answer'),
      onClose: () => {
        ended = true;
      },
    });
    await pair.until(() => ended);
    return stranger.now() - started;
  };
  expect(await turnedAway(framePacket(check))).toBeLessThan(100);
  expect(await turnedAway(framePacket(new Uint8Array(50).fill(20)))).toBeLessThan(100); // DTLS first
  expect(await turnedAway(new Uint8Array(3_000).fill(0xff))).toBeLessThan(100); // a frame without an end
  expect(await turnedAway(Uint8Array.of(0))).toBeGreaterThan(9_900);
  const arrived = next<MessageEvent>(channels[0]!, 'message');
  channels[0]!.send('undisturbed');
  expect((await pair.during(arrived)).data).toBe('undisturbed to you');
  for (const connection of calls.flat()) connection.close();
  listener.close();
});

test('close frees ports and connections', async () => {
  make({ ...onlyTcp, iceTcp: 'all' }, { ...onlyTcp, iceTcp: 'all' });
  await open();
  pair.close();
  await pair.network.runAsync(10_000);
  expect(pair.network.clock.size).toBe(0);
});
