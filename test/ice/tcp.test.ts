/** ICE over TCP (RFC 6544), as far as the agent knows of it: the connections are the caller's. */
import { describe, expect, test } from 'vitest';
import { formatCandidate, type IceCandidate, type LocalCandidate } from '../../src/ice/index.ts';
import { CREDENTIALS, Peer, type PeerOptions, Simulation } from './simulation.ts';

const HOST = '10.0.0.1';
const PASSIVE: IceCandidate = {
  foundation: '1',
  component: 1,
  protocol: 'tcp',
  priority: 1_000,
  address: '10.0.0.2',
  port: 6000,
  type: 'host',
  tcpType: 'passive',
};
const UDP: IceCandidate = { ...withoutTcp(PASSIVE), port: 6000 };

function withoutTcp({ tcpType: _, ...candidate }: IceCandidate): IceCandidate {
  return { ...candidate, protocol: 'udp' };
}

function make(simulation: Simulation, options: PeerOptions = {}) {
  const peer = new Peer(simulation, 'agent', { controlling: true, ...options });
  const udp = peer.addSocket(HOST);
  const [active, passive] = [peer.bind(HOST, 9), peer.bind(HOST, 7000)];
  const add = (tcpType: 'active' | 'passive', isSilent = false): void => {
    const socket = tcpType === 'active' ? { socketId: active, port: 9 } : { socketId: passive, port: 7000 };
    peer.agent.addSocket({ type: 'host', address: HOST, ...socket, tcpType, isSilent }, simulation.now);
  };
  return { peer, udp, active, passive, add };
}

const told = ({ events }: Peer): LocalCandidate[] =>
  events.flatMap((event) => (event.kind === 'candidate' ? [event.candidate] : []));

describe('candidates', () => {
  test('RFC 6544 §4.2, §4.5: below UDP, active before passive, with their tcptype', () => {
    const { peer, add } = make(new Simulation());
    add('active');
    add('passive');
    peer.gather();
    const fragment = peer.agent.localCredentials.usernameFragment;
    const other = Math.floor((65_535 - 256) / 8);
    const priority = (direction: number): number => 2 ** 24 * 90 + 2 ** 8 * (2 ** 13 * direction + other) + 255;
    expect(told(peer).slice(1).map(formatCandidate)).toEqual([
      `candidate:2 1 tcp ${priority(6)} 10.0.0.1 9 typ host tcptype active ufrag ${fragment}`,
      `candidate:2 1 tcp ${priority(4)} 10.0.0.1 7000 typ host tcptype passive ufrag ${fragment}`,
    ]);
    expect(told(peer)[0]!.priority).toBeGreaterThan(priority(6));
  });

  test('of a silent socket are told to nobody, and pair also when gathering is complete', () => {
    const { peer, active, add } = make(new Simulation());
    peer.gather();
    add('active', true);
    expect(told(peer)).toHaveLength(1);
    expect(peer.agent.localCandidates).toHaveLength(1);
    peer.agent.setRemoteCredentials(CREDENTIALS, 0);
    expect(peer.agent.addRemoteCandidate(PASSIVE, 0)).toBe(true);
    expect(peer.agent.pairs.map(({ socketId }) => socketId)).toEqual([active]);
  });

  test('STUN servers are asked over UDP alone', () => {
    const simulation = new Simulation();
    const { peer, add } = make(simulation);
    add('active');
    add('passive');
    peer.agent.addServer({ address: '203.0.113.9', port: 3478, url: 'stun:x' }, 0);
    peer.gather();
    simulation.run(1_000);
    expect([...new Set(simulation.sent.map(({ from }) => from.port))]).toEqual([5000]);
  });
});

describe('pairs', () => {
  test('RFC 6544 §6.2: ours that connects with theirs that takes connections, and nothing else', () => {
    const { peer, udp, active, add } = make(new Simulation());
    add('active');
    add('passive');
    peer.gather();
    peer.agent.setRemoteCredentials(CREDENTIALS, 0);
    expect(peer.agent.addRemoteCandidate({ ...PASSIVE, port: 9, tcpType: 'active' }, 0)).toBe(false);
    expect(peer.agent.addRemoteCandidate({ ...PASSIVE, tcpType: 'so' }, 0)).toBe(false);
    expect(peer.agent.addRemoteCandidate(PASSIVE, 0)).toBe(true);
    expect(peer.agent.addRemoteCandidate(UDP, 0)).toBe(true); // the same address, another candidate
    expect(peer.agent.remoteCandidates).toHaveLength(2);
    const pairs = peer.agent.pairs.map(({ socketId, remote }) => [socketId, remote.protocol]);
    expect(pairs).toEqual([
      [udp, 'udp'],
      [active, 'tcp'],
    ]);
  });

  test('are checked once, without retransmissions, and failed when there is no connection', () => {
    const simulation = new Simulation();
    const { peer, active, add } = make(simulation);
    add('active');
    peer.gather();
    peer.agent.setRemoteCredentials(CREDENTIALS, 0);
    peer.agent.addRemoteCandidate(PASSIVE, 0);
    simulation.run(30_000);
    const [pair] = peer.agent.pairs;
    expect(simulation.sent).toHaveLength(1);
    expect(pair!.state).toBe('inProgress');
    peer.agent.connectionLost(active, PASSIVE, simulation.now);
    expect(pair!.state).toBe('failed');
    simulation.run(40_000);
    expect(peer.agent.state).toBe('failed');
  });

  test('with one that is refused, the others go on', () => {
    const simulation = new Simulation();
    const { peer, active, add } = make(simulation);
    add('active');
    peer.gather();
    peer.agent.setRemoteCredentials(CREDENTIALS, 0);
    peer.agent.addRemoteCandidate(PASSIVE, 0);
    peer.agent.addRemoteCandidate({ ...PASSIVE, port: 6001 }, 0);
    peer.agent.connectionLost(active, PASSIVE, 0);
    peer.agent.connectionLost(active, { address: '10.0.0.7', port: 1 }, 0); // of nobody
    expect(peer.agent.pairs.map(({ state }) => state).sort()).toEqual(['failed', 'frozen']);
  });
});
