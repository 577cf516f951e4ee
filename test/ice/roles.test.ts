import { describe, expect, test } from 'vitest';
import { STUN_ATTRIBUTE } from '../../src/stun/index.ts';
import { hasAttribute, ScriptedPeer } from './scripted-peer.ts';
import { connect, Peer, Simulation } from './simulation.ts';

const AGENT = { address: '192.0.2.1', port: 5000 };
const SCRIPT = { address: '198.51.100.1', port: 6000 };
const LARGEST = new Uint8Array(8).fill(0xff);
const SMALLEST = new Uint8Array(8);

describe('role conflicts', () => {
  test.each([true, false])(
    'two agents that both begin with controlling = %s end with one of each, and connect',
    (controlling) => {
      for (let seed = 1; seed <= 20; seed++) {
        const simulation = new Simulation(seed);
        const [a, b] = connect(simulation, { controlling }, { controlling });
        simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 5_000);
        expect([a.agent.role, b.agent.role].sort()).toEqual(['controlled', 'controlling']);
        expect(a.agent.stats.roleConflicts + b.agent.stats.roleConflicts).toBeGreaterThan(0);
      }
    },
  );

  test('are repaired under loss, too', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const simulation = new Simulation(seed);
      simulation.loss = 0.3;
      const [a, b] = connect(simulation, { controlling: true }, { controlling: true });
      simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 39_500);
      expect([a.agent.role, b.agent.role].sort()).toEqual(['controlled', 'controlling']);
    }
  });

  const cases = [
    ['controlling', LARGEST, 'switches to the controlled role', 'controlled', 'success'],
    ['controlling', SMALLEST, 'answers 487 and retains its role', 'controlling', 487],
    ['controlled', SMALLEST, 'switches to the controlling role', 'controlling', 'success'],
    ['controlled', LARGEST, 'answers 487 and retains its role', 'controlled', 487],
  ] as const;

  test.each(cases)(
    'RFC 8445 §7.3.1.1: a %s agent that meets its own role with tie-breaker %s %s',
    (role, tieBreaker, _, after, answer) => {
      const simulation = new Simulation();
      const peer = new Peer(simulation, 'agent', { controlling: role === 'controlling' });
      peer.addSocket(AGENT.address, AGENT.port);
      peer.gather();
      const script = new ScriptedPeer(simulation, peer, SCRIPT);
      script.request(AGENT, { role, tieBreaker });
      simulation.run(100);
      expect(script.answers).toEqual([answer]);
      expect(peer.agent.role).toBe(after);
      const events = peer.events.filter(({ kind }) => kind === 'role');
      expect(events).toEqual(after === role ? [] : [{ kind: 'role', role: after }]);
      // An error that was proved is proved in turn (RFC 8489 §9.1.3).
      expect(hasAttribute(script.received[0]!, STUN_ATTRIBUTE.messageIntegrity)).toBe(true);
    },
  );

  test('RFC 8445 §7.3.1.1: with equal tie-breakers the receiver is the larger', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce();
    simulation.run(20);
    const own = script.requests[0]!.attributes.find(({ type }) => type === STUN_ATTRIBUTE.iceControlling)!.value;
    script.request(AGENT, { role: 'controlling', tieBreaker: own.slice() });
    simulation.run(100);
    expect(script.answers).toEqual([487]);
  });

  test('RFC 8445 §7.2.5.1: after 487 the agent switches, changes its tie-breaker and checks the pair again', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.answer = (request, from) =>
      script.requests.length === 1 ? script.error(request, 487) : script.success(request, from);
    script.introduce();
    simulation.run(1_000);
    expect(peer.agent.role).toBe('controlled');
    expect(peer.agent.pairs[0]).toMatchObject({ state: 'succeeded', valid: true });
    const [first, second] = script.requests;
    const { iceControlling, iceControlled } = STUN_ATTRIBUTE;
    expect([hasAttribute(first!, iceControlling), hasAttribute(second!, iceControlled)]).toEqual([true, true]);
    const tieBreakers = [first!, second!].map(({ attributes }) => attributes[1]!.value.join());
    expect(new Set(tieBreakers).size).toBe(2);
  });

  test('two answers of 487 to checks of one role switch it once', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    simulation.latencyMs = 100; // both checks are out before the first answer
    for (const port of [6000, 6001]) {
      const script = new ScriptedPeer(simulation, peer, { ...SCRIPT, port });
      script.answer = (request, from) =>
        hasAttribute(request, STUN_ATTRIBUTE.iceControlling)
          ? script.error(request, 487)
          : script.success(request, from);
      script.introduce({ priority: 1_000_000 + port });
    }
    simulation.run(2_000);
    expect(peer.events.filter(({ kind }) => kind === 'role')).toEqual([{ kind: 'role', role: 'controlled' }]);
    expect(peer.agent.pairs.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });

  test('RFC 8445 §7.3.1.1: a change of role recomputes the priorities of the pairs', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce({ priority: 1000 });
    const before = peer.agent.pairs[0]!.priority;
    peer.agent.setRole('controlled');
    const after = peer.agent.pairs[0]!.priority;
    expect(after.high).toBe(before.high);
    expect(before.low - after.low).toBe(1); // G > D while the greater priority is ours
  });
});

describe('ICE lite', () => {
  test.each([
    ['offers', { controlling: true, lite: true }, { controlling: false }],
    ['answers', { controlling: false, lite: true }, { controlling: true }],
  ])(
    'a lite agent that %s and a full one: the full one takes the controlling role and decides',
    (_, liteOptions, fullOptions) => {
      const simulation = new Simulation();
      const [lite, full] = connect(simulation, liteOptions, fullOptions);
      simulation.run(60_000);
      expect([lite.agent.role, full.agent.role]).toEqual(['controlled', 'controlling']);
      expect(lite.states).toEqual(['checking', 'completed']);
      expect(full.states).toEqual(['checking', 'connected', 'completed']);
      lite.sendData('from lite');
      full.sendData('from full');
      simulation.run(simulation.now + 100);
      expect(lite.data.map(({ text }) => text)).toEqual(['from full']);
      expect(full.data.map(({ text }) => text)).toEqual(['from lite']);
    },
  );

  test('RFC 8445 §7: a lite agent "does not generate connectivity checks", not for consent either (RFC 7675 §1)', () => {
    const simulation = new Simulation();
    const [lite] = connect(simulation, { lite: true }, {});
    simulation.run(120_000);
    expect(lite.stunSent.length).toBeGreaterThan(20);
    expect(lite.stunSent.every(({ message }) => message.messageClass === 'success')).toBe(true);
  });

  test('RFC 8445 §5.2: a lite agent has host candidates only', () => {
    const simulation = new Simulation();
    const lite = new Peer(simulation, 'lite', { lite: true });
    lite.agent.addServer({ address: '203.0.113.9', port: 3478, url: 'stun:203.0.113.9' }, 0);
    lite.addSocket(AGENT.address);
    lite.gather();
    simulation.run(1_000);
    expect(simulation.sent).toEqual([]);
    expect(lite.agent.gatheringState).toBe('complete');
  });

  test('RFC 8445 §7.3.2: a lite agent sends data only once it was told the pair', () => {
    const simulation = new Simulation();
    const lite = new Peer(simulation, 'lite', { lite: true });
    lite.addSocket(AGENT.address, AGENT.port);
    lite.gather();
    const script = new ScriptedPeer(simulation, lite, SCRIPT);
    script.introduce();
    script.request(AGENT);
    simulation.run(100);
    expect(lite.agent.selectedPair).toBeNull();
    expect(lite.agent.isAuthorizedPath(1, SCRIPT)).toBe(true);
    script.request(AGENT, { useCandidate: true });
    simulation.run(200);
    expect(lite.agent.selectedPair?.remoteAddress).toEqual(SCRIPT);
  });

  test('a lite agent whose peer falls silent is disconnected after 15 s, failed after 30 s', () => {
    const simulation = new Simulation();
    const [lite, full] = connect(simulation, { lite: true }, {});
    simulation.run(10_000);
    const last = full.stunSent.at(-1)!.at + simulation.latencyMs;
    simulation.drops = () => true;
    simulation.run(last + 14_999);
    expect(lite.agent.state).toBe('completed');
    simulation.run(last + 15_000);
    expect(lite.agent.state).toBe('disconnected');
    simulation.run(last + 30_000);
    expect(lite.agent.state).toBe('failed');
  });

  test('RFC 8445 §6.1.1: between two lite agents "no connectivity checks are ever sent", and both take the same pair', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true, lite: true });
    const b = new Peer(simulation, 'b', { lite: true });
    for (const [peer, net] of [
      [a, '192.0.2.'],
      [b, '198.51.100.'],
    ] as const) {
      peer.addSocket(`${net}1`);
      peer.addSocket(`${net}2`, 5000, { localPreference: 65535 });
      peer.gather();
    }
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      to.agent.setRemoteLite(true);
      to.agent.setRemoteCredentials(from.agent.localCredentials, 0);
      for (const candidate of from.agent.localCandidates) to.agent.addRemoteCandidate(candidate, 0);
      to.agent.endOfRemoteCandidates(0);
    }
    simulation.run(120_000);
    expect(simulation.sent).toEqual([]);
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
    expect(a.agent.selectedPair?.remoteAddress.address).toBe('198.51.100.2');
    expect(b.agent.selectedPair?.remoteAddress.address).toBe('192.0.2.2');
    expect(a.agent.isAuthorizedPath(a.agent.selectedPair!.socketId, { address: '198.51.100.2', port: 5000 })).toBe(
      true,
    );
    expect([a.agent.role, b.agent.role]).toEqual(['controlling', 'controlled']);
  });
});
