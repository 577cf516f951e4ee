/** What the settings do, seen from the W3C API. */
import { afterEach, expect, test } from 'vitest';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import {
  type PeerConnectionSettings,
  type RTCDataChannel,
  type RTCDataChannelEvent,
  RTCPeerConnection,
  SharedUdpSocket,
} from '../../src/index.ts';
import { isStun } from '../../src/stun/index.ts';
import { exchange, next, Pair } from './support.ts';

let pair: Pair | null = null;
afterEach(() => {
  pair?.close();
  pair = null;
});

async function gathered(connection: RTCPeerConnection): Promise<string> {
  connection.createDataChannel('x');
  await connection.setLocalDescription();
  await pair!.until(() => connection.iceGatheringState === 'complete');
  return connection.localDescription!.sdp;
}

test('portRange: ports outside of it are not bound', async () => {
  pair = new Pair({ settings: { portRange: { min: 4000, max: 4001 } } });
  const sdp = await gathered(pair.a);
  expect(sdp).toMatch(/a=candidate:.* 400[01] typ host/);
});

test('candidateFilter: what it refuses is neither told nor used', async () => {
  pair = new Pair({ settings: { candidateFilter: () => false } });
  expect(await gathered(pair.a)).not.toContain('a=candidate');
});

test('maxMessageSize is announced, and taken by the other side', async () => {
  pair = new Pair({ settings: { maxMessageSize: 1000 } });
  const [ours] = await pair.open();
  expect(pair.a.localDescription!.sdp).toContain('a=max-message-size:1000');
  expect(pair.b.sctp!.maxMessageSize).toBe(1000);
  expect(() => ours.send('x'.repeat(1001))).toThrow(TypeError);
});

test('crypto: the whole connection on noble', async () => {
  pair = new Pair({ settings: { crypto: nobleCrypto } });
  const [ours, theirs] = await pair.open();
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('hello');
  expect((await pair.during(arrived)).data).toBe('hello');
});

test('keylog: lines in the NSS format', async () => {
  const lines: string[] = [];
  pair = new Pair({ settings: { keylog: (line) => lines.push(line) } });
  await pair.open();
  expect(lines[0]).toMatch(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/);
});

test('iceServers: [] sends nothing to anyone but the peer', async () => {
  pair = new Pair();
  const destinations = new Set<string>();
  pair.network.onFate = ({ destination }) => destinations.add(destination.address);
  await pair.open();
  expect([...destinations].sort()).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('udpSocket: three connections on one port; iceLite: the server only answers', async () => {
  pair = new Pair();
  const { network } = pair;
  const server = network.addHost({ addresses: ['198.51.100.1'], link: { delayMs: 5 } });
  const shared = await SharedUdpSocket.bind({ address: '198.51.100.1', port: 3478, runtime: server });
  const settings: PeerConnectionSettings = { runtime: server, udpSocket: shared, iceLite: true };
  const connections: RTCPeerConnection[] = [];
  const channels: RTCDataChannel[] = [];
  for (const index of [1, 2, 3]) {
    const runtime = network.addHost({ addresses: [`192.0.2.${10 + index}`], link: { delayMs: 5 } });
    const client = new RTCPeerConnection({}, { runtime });
    const service = new RTCPeerConnection({}, settings);
    service.onicecandidate = ({ candidate }) => void client.addIceCandidate(candidate).catch(() => {});
    channels.push(client.createDataChannel('x'));
    connections.push(client, service);
    await exchange(client, service);
  }
  await pair.until(() => channels.every(({ readyState }) => readyState === 'open'));
  expect(shared.size).toBe(3);
  const fragments = connections.map(({ localDescription }) => /a=ice-ufrag:(.*)/.exec(localDescription!.sdp)![1]!);
  expect(fragments.map(({ length }) => length)).toEqual([4, 8, 4, 8, 4, 8]); // thousands must not meet by chance
  expect(connections[1]!.localDescription!.sdp).toContain('a=ice-lite');
  const paths = connections.map((connection) => connection.sctp!.transport.iceTransport.getSelectedCandidatePair()!);
  expect(paths.filter((_, i) => i % 2 === 0).map(({ remote }) => remote.port)).toEqual([3478, 3478, 3478]);
  for (const connection of connections) connection.close();
  expect(shared.size).toBe(0);
  shared.close();
});

test('udpSocket: naming another connection’s address as a candidate does not turn its data away', async () => {
  pair = new Pair();
  const { network } = pair;
  const server = network.addHost({ addresses: ['198.51.100.1'], link: { delayMs: 5 } });
  const shared = await SharedUdpSocket.bind({ address: '198.51.100.1', port: 3478, runtime: server });
  const serve = () => new RTCPeerConnection({}, { runtime: server, udpSocket: shared });
  const [forAlice, forMallory] = [serve(), serve()];
  forAlice.onicecandidate = ({ candidate }) => void pair!.a.addIceCandidate(candidate).catch(() => {});
  const channel = pair.a.createDataChannel('x');
  const incoming = next<RTCDataChannelEvent>(forAlice, 'datachannel');
  await exchange(pair.a, forAlice);
  const received = next<MessageEvent>((await pair.during(incoming)).channel, 'message');
  // Mallory's only candidate is Alice.
  const { remote } = forAlice.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
  pair.b.createDataChannel('x');
  await forMallory.setRemoteDescription(await pair.b.createOffer());
  await forMallory.addIceCandidate({ candidate: remote.candidate.replace(/ ufrag \S+/, ''), sdpMid: '0' });
  await forMallory.setLocalDescription();
  let checks = 0;
  network.onFate = ({ destination, packet }) => {
    if (destination.address === '192.0.2.1' && isStun(packet)) checks++;
  };
  await pair.until(() => checks > 0);
  const sentAt = network.now;
  channel.send('hello');
  expect((await pair.during(received)).data).toBe('hello');
  expect(network.now - sentAt).toBe(10); // nothing was lost and sent again
  for (const connection of [forAlice, forMallory]) connection.close();
  shared.close();
});
