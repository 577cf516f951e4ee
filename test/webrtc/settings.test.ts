/** What the settings do, seen from the W3C API. */
import { afterEach, expect, test } from 'vitest';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import {
  type PeerConnectionSettings,
  type RTCDataChannel,
  RTCPeerConnection,
  SharedUdpSocket,
} from '../../src/index.ts';
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
  const join = async (address: string): Promise<[RTCPeerConnection, RTCPeerConnection, RTCDataChannel]> => {
    const client = new RTCPeerConnection(
      {},
      { runtime: network.addHost({ addresses: [address], link: { delayMs: 5 } }) },
    );
    const service = new RTCPeerConnection({}, { runtime: server, udpSocket: shared });
    service.onicecandidate = ({ candidate }) => void client.addIceCandidate(candidate).catch(() => {});
    const channel = client.createDataChannel('x');
    await exchange(client, service);
    await pair!.until(() => channel.readyState === 'open');
    return [client, service, channel];
  };
  const [alice, hers, channel] = await join('192.0.2.11');
  const [mallory, his] = await join('192.0.2.12');
  const { remote } = hers.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
  // Mallory restarts ICE, so that new candidates are checked, and names Alice's address.
  await mallory.setLocalDescription(await mallory.createOffer({ iceRestart: true }));
  await his.setRemoteDescription(mallory.localDescription!);
  await his.setLocalDescription();
  await his.addIceCandidate({ candidate: remote.candidate.replace(/ ufrag \S+/, ''), sdpMid: '0' });
  await mallory.setRemoteDescription(his.localDescription!);
  await pair.until(() => his.sctp!.transport.iceTransport.state === 'connected');
  const arrived = new Promise((resolve) => {
    hers.addEventListener('datachannel', ({ channel }) => channel.addEventListener('message', resolve));
  });
  const second = alice.createDataChannel('y');
  await pair.until(() => second.readyState === 'open');
  second.send('hello');
  await pair.during(arrived);
  expect(channel.readyState).toBe('open');
  for (const connection of [alice, hers, mallory, his]) connection.close();
  shared.close();
});
