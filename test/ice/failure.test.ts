import { describe, expect, test } from 'vitest';
import { ScriptedPeer } from './scripted-peer.ts';
import { connect, Peer, Simulation } from './simulation.ts';

const AGENT = { address: '192.0.2.1', port: 5000 };
const SCRIPT = { address: '198.51.100.1', port: 6000 };
const CANDIDATE = { foundation: '1', component: 1, protocol: 'udp', priority: 5, type: 'host' } as const;

describe('when nothing works', () => {
  test('the state is failed once every check has timed out: the last of them at 39.5 s', () => {
    const simulation = new Simulation();
    simulation.drops = () => true;
    const [a, b] = connect(simulation);
    simulation.run(39_000);
    expect(a.states).toEqual(['checking']);
    simulation.run(41_000);
    expect(a.states).toEqual(['checking', 'failed']);
    expect(b.states).toEqual(['checking', 'failed']);
    expect(a.agent.pairs.every(({ state }) => state === 'failed')).toBe(true);
    expect(a.agent.nextTimeout).toBe(Infinity);
    expect(a.stunSent.filter(({ message }) => message.messageClass === 'request')).toHaveLength(7); // Rc
  });

  test('RFC 8863 §4: while the PAC timer runs the agent "MUST NOT" fail, even when every pair has', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.answer = (request) => script.error(request, 400);
    script.introduce();
    peer.agent.endOfRemoteCandidates(0);
    simulation.run(39_499);
    expect(peer.agent.pairs[0]!.state).toBe('failed');
    expect(peer.states).toEqual(['checking']);
    simulation.run(39_500);
    expect(peer.states).toEqual(['checking', 'failed']);
  });

  test('RFC 8863 §3.1: a peer that tells no candidates is found by its checks', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce({ candidate: false });
    peer.agent.endOfRemoteCandidates(0);
    simulation.run(30_000);
    expect(peer.agent.state).toBe('new');
    script.request(AGENT);
    simulation.run(31_000);
    expect(peer.agent.state).toBe('completed');
  });

  test('RFC 8863 §5: without end-of-candidates the PAC timer is "an end-of-candidates fallback"', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    new ScriptedPeer(simulation, peer, SCRIPT).introduce({ candidate: false });
    simulation.run(39_499);
    expect(peer.states).toEqual([]);
    simulation.run(39_500);
    expect(peer.states).toEqual(['failed']);
  });

  test('W3C §5.6.4: "disconnected" when all pairs have failed and more candidates may come', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.answer = (request) => script.error(request, 400);
    script.introduce();
    simulation.run(1_000);
    expect(peer.states).toEqual(['checking', 'disconnected']);
    const other = new ScriptedPeer(simulation, peer, { ...SCRIPT, port: 6001 });
    peer.agent.addRemoteCandidate({ ...CANDIDATE, ...other.address }, simulation.now);
    expect(peer.agent.state).toBe('checking');
    simulation.run(2_000);
    expect(peer.agent.state).toBe('connected');
  });

  test('RFC 8838 §8: not before gathering is complete', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.agent.gather(0);
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce({ candidate: false });
    peer.agent.endOfRemoteCandidates(0);
    simulation.run(50_000);
    expect(peer.agent.state).toBe('new');
    peer.agent.endOfLocalSockets(50_000);
    expect(peer.agent.state).toBe('failed');
  });

  test('RFC 8445 §7.3.1.4: a failed pair is checked again when the peer checks it', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.answer = (request) => script.error(request, 400);
    script.introduce();
    simulation.run(1_000);
    script.answer = (request, from) => script.success(request, from);
    script.request(AGENT);
    simulation.run(2_000);
    expect(peer.agent.state).toBe('connected');
  });

  test('the loss of the socket in use ends the path', () => {
    const simulation = new Simulation();
    const [a] = connect(simulation);
    simulation.run(2_000);
    a.agent.removeSocket(1, simulation.now);
    expect(a.agent.selectedPair).toBeNull();
    expect(a.agent.localCandidates).toEqual([]);
    expect(a.agent.state).toBe('failed');
  });

  test('failed is left only by a restart: candidates and checks that come later change nothing', () => {
    const simulation = new Simulation();
    simulation.drops = () => true;
    const [a] = connect(simulation);
    simulation.run(45_000);
    simulation.drops = () => false;
    expect(a.agent.addRemoteCandidate({ ...CANDIDATE, address: '198.51.100.9', port: 1 }, simulation.now)).toBe(false);
    const script = new ScriptedPeer(simulation, a, { address: '198.51.100.1', port: 5000 }, credentialsOf(a));
    script.request(AGENT);
    simulation.run(60_000);
    expect(a.agent.state).toBe('failed');
    expect(a.agent.nextTimeout).toBe(Infinity);
    expect(script.received).toEqual([]); // no answer: the peer must not believe in the path
  });
});

describe('close', () => {
  test('forgets everything, says so last, and asks for no more time', () => {
    const simulation = new Simulation();
    const [a] = connect(simulation);
    simulation.run(2_000);
    a.agent.close();
    expect(a.events.at(-1)).toEqual({ kind: 'state', state: 'closed' });
    const events = a.events.length;
    expect(a.agent.nextTimeout).toBe(Infinity);
    expect(a.agent.selectedPair).toBeNull();
    expect(a.agent.isAuthorizedPath(1, { address: '198.51.100.1', port: 5000 })).toBe(false);
    const { now } = simulation;
    a.agent.addSocket({ type: 'host', socketId: 9, address: '192.0.2.9', port: 1 }, now);
    a.agent.addRemoteCandidate({ ...CANDIDATE, address: '198.51.100.9', port: 1 }, now);
    a.agent.restart(undefined, now);
    a.agent.gather(now);
    a.agent.handleTimeout(now + 1);
    a.agent.close();
    simulation.run(now + 60_000);
    expect(a.events).toHaveLength(events);
    expect(a.stunSent.filter(({ at }) => at > now)).toEqual([]);
  });

  test('from within an event handler is safe', () => {
    const simulation = new Simulation();
    const [a] = connect(simulation);
    const push = a.events.push.bind(a.events);
    a.events.push = (...events) => {
      if (events.some((event) => event.kind === 'selectedPair')) a.agent.close();
      return push(...events);
    };
    simulation.run(5_000);
    expect(a.states.at(-1)).toBe('closed');
  });
});

function credentialsOf({ agent }: Peer): { usernameFragment: string; password: string } {
  return agent.remoteCredentials!;
}
