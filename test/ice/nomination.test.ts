import { describe, expect, test } from 'vitest';
import { ScriptedPeer } from './scripted-peer.ts';
import { connect, isNomination, Peer, Simulation, signal } from './simulation.ts';

const AGENT = { address: '192.0.2.1', port: 5000 };
const LOW = { address: '198.51.100.1', port: 6001 };
const HIGH = { address: '198.51.100.1', port: 6002 };

describe('the controlling agent', () => {
  test('nominates at once when the best possible pair has succeeded', () => {
    const simulation = new Simulation();
    const [a] = connect(simulation);
    simulation.runUntil(() => a.agent.selectedPair?.nominated === true, 200);
    expect(simulation.now).toBeLessThan(100);
  });

  test('waits a settling time while a better pair is being checked, and sends data on the worse one meanwhile', () => {
    const simulation = new Simulation();
    simulation.drops = ({ to }) => to.address.includes(':');
    const a = new Peer(simulation, 'a', { controlling: true });
    const b = new Peer(simulation, 'b');
    for (const peer of [a, b]) {
      peer.addSocket(peer === a ? '2001:db8::a' : '2001:db8::b');
      peer.addSocket(peer === a ? '192.0.2.1' : '198.51.100.1');
      peer.gather();
    }
    signal(a, b);
    simulation.runUntil(() => a.agent.selectedPair !== null, 1_000);
    const validAt = simulation.now;
    expect(a.agent.selectedPair?.nominated).toBe(false);
    expect(a.agent.state).toBe('connected');
    simulation.runUntil(() => a.agent.selectedPair?.nominated === true, 1_000);
    expect(simulation.now - validAt).toBeGreaterThanOrEqual(200);
    expect(simulation.now - validAt).toBeLessThan(200 + 100);
  });

  test('takes the better pair when it succeeds within the settling time', () => {
    const simulation = new Simulation();
    let lost = 0;
    simulation.drops = ({ to }) => to.address.includes(':') && lost++ < 2;
    const a = new Peer(simulation, 'a', { controlling: true, timing: { nominationSettleMs: 1_000 } });
    const b = new Peer(simulation, 'b');
    for (const peer of [a, b]) {
      peer.addSocket(peer === a ? '2001:db8::a' : '2001:db8::b');
      peer.addSocket(peer === a ? '192.0.2.1' : '198.51.100.1');
      peer.gather();
    }
    signal(a, b);
    simulation.run(5_000);
    expect(a.agent.selectedPair?.remoteAddress.address).toBe('2001:db8::b');
    expect(b.agent.selectedPair?.remoteAddress.address).toBe('2001:db8::a');
    expect(a.agent.state).toBe('completed');
  });

  test('RFC 8445 §8.1.2: the nomination removes the pairs that were not checked yet, and ends their checks', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true });
    const b = new Peer(simulation, 'b');
    a.addSocket(AGENT.address);
    for (let i = 2; i <= 4; i++) b.addSocket(`198.51.100.${i}`);
    b.addSocket('198.51.100.1');
    for (let i = 5; i <= 9; i++) b.addSocket(`198.51.100.${i}`);
    simulation.drops = ({ to }) => /\.[2-9]$/.test(to.address);
    a.gather();
    b.gather();
    signal(a, b);
    simulation.runUntil(() => a.agent.selectedPair?.nominated === true, 2_000);
    expect(new Set(a.stunSent.map(({ to }) => to.address)).size).toBeGreaterThan(4); // their checks had begun
    expect(a.agent.pairs).toHaveLength(1);
    const { now } = simulation;
    simulation.run(now + 60_000);
    const late = a.stunSent.filter(({ at, to }) => at > now && to.address !== '198.51.100.1');
    expect(late).toEqual([]);
  });

  test('when the nomination is refused, nominates the next best pair', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const high = new ScriptedPeer(simulation, peer, HIGH);
    const low = new ScriptedPeer(simulation, peer, LOW);
    high.answer = (request, from) => (isNomination(request) ? high.error(request, 400) : high.success(request, from));
    high.introduce({ priority: 2_000_000_000 });
    low.introduce({ priority: 1_000_000_000 });
    simulation.run(3_000);
    expect(peer.agent.selectedPair).toMatchObject({ nominated: true, remoteAddress: LOW });
    expect(peer.agent.pairs.find(({ remoteAddress }) => remoteAddress.port === HIGH.port)).toBeUndefined();
  });

  test('never nominates twice: RFC 8445 §8.1.1 "MUST NOT nominate another pair"', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const simulation = new Simulation(seed);
      simulation.loss = 0.25;
      const a = new Peer(simulation, 'a', { controlling: true });
      const b = new Peer(simulation, 'b');
      for (let i = 1; i <= 3; i++) {
        a.addSocket(`192.0.2.${i}`);
        b.addSocket(`198.51.100.${i}`);
      }
      a.gather();
      b.gather();
      signal(a, b);
      simulation.run(30_000);
      const paths = a.stunSent
        .filter(({ message }) => isNomination(message))
        .map(({ from, to }) => `${from.address} ${to.address}`);
      expect(new Set(paths).size).toBe(1);
      const [mine, theirs] = [a.agent.selectedPair!, b.agent.selectedPair!];
      expect([mine.local.address, mine.remote.address]).toEqual([theirs.remote.address, theirs.local.address]);
    }
  });
});

describe('the controlled agent', () => {
  function setUp(): { simulation: Simulation; peer: Peer; low: ScriptedPeer; high: ScriptedPeer } {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const low = new ScriptedPeer(simulation, peer, LOW);
    const high = new ScriptedPeer(simulation, peer, HIGH);
    low.introduce({ priority: 1_000_000_000 });
    high.introduce({ priority: 2_000_000_000 });
    return { simulation, peer, low, high };
  }

  test('RFC 8445 §7.3.1.5: a nomination of a pair that has succeeded counts at once', () => {
    const { simulation, peer, low } = setUp();
    simulation.run(500);
    expect(peer.agent.pairs.every(({ state }) => state === 'succeeded')).toBe(true);
    expect(peer.agent.selectedPair).toMatchObject({ remoteAddress: HIGH, nominated: false });
    low.request(AGENT, { useCandidate: true });
    simulation.run(510);
    expect(peer.agent.selectedPair).toMatchObject({ remoteAddress: LOW, nominated: true });
  });

  test('RFC 8445 §7.3.1.5: a nomination of a pair that was not checked counts when the triggered check has succeeded', () => {
    const { simulation, peer, low, high } = setUp();
    low.answer = null;
    high.answer = null;
    simulation.run(500);
    low.request(AGENT, { useCandidate: true });
    simulation.run(1_000);
    expect(peer.agent.selectedPair).toBeNull();
    low.answer = (request, from) => low.success(request, from);
    low.request(AGENT, { useCandidate: true });
    simulation.run(1_500);
    expect(peer.agent.selectedPair).toMatchObject({ remoteAddress: LOW, nominated: true });
  });

  test('RFC 8445 §8.1.1: of the nominations of an aggressive peer (RFC 5245) the highest priority counts, in any order', () => {
    for (const order of ['low first', 'high first'] as const) {
      const { simulation, peer, low, high } = setUp();
      const [first, second] = order === 'low first' ? [low, high] : [high, low];
      first.request(AGENT, { useCandidate: true });
      simulation.run(40);
      second.request(AGENT, { useCandidate: true });
      simulation.run(2_000);
      expect(peer.agent.selectedPair, order).toMatchObject({ remoteAddress: HIGH, nominated: true });
      expect(peer.agent.pairs.filter(({ nominated }) => nominated)).toHaveLength(1);
    }
  });

  test('follows a peer that has moved to a pair of lower priority, as Chromium does when a network goes away', () => {
    const { simulation, peer, low, high } = setUp();
    high.request(AGENT, { useCandidate: true });
    simulation.run(500);
    expect(peer.agent.selectedPair?.remoteAddress).toEqual(HIGH);
    simulation.run(4_000);
    low.request(AGENT, { useCandidate: true });
    simulation.run(4_500);
    expect(peer.agent.selectedPair).toMatchObject({ remoteAddress: LOW, nominated: true });
  });

  test('follows to an address it has never seen, once its own check has proved it', () => {
    const { simulation, peer, high } = setUp();
    high.request(AGENT, { useCandidate: true });
    simulation.run(5_000);
    const moved = new ScriptedPeer(simulation, peer, { address: '203.0.113.77', port: 7000 });
    moved.answer = null;
    moved.request(AGENT, { useCandidate: true });
    simulation.run(6_000);
    expect(peer.agent.selectedPair?.remoteAddress).toEqual(HIGH);
    moved.answer = (request, from) => moved.success(request, from);
    moved.request(AGENT, { useCandidate: true });
    simulation.run(7_000);
    expect(peer.agent.selectedPair?.remoteAddress).toEqual(moved.address);
  });

  test('after the nomination answers checks of other pairs, and makes none of its own for them', () => {
    const { simulation, peer, high } = setUp();
    high.request(AGENT, { useCandidate: true });
    simulation.run(2_000);
    const other = new ScriptedPeer(simulation, peer, { address: '203.0.113.77', port: 7000 });
    other.request(AGENT);
    simulation.run(4_000);
    expect(other.answers).toEqual(['success']);
    expect(other.requests).toEqual([]);
    expect(peer.agent.isAuthorizedPath(1, other.address)).toBe(false);
  });

  test('the controlling side does not let itself be nominated', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true, timing: { nominationSettleMs: 60_000 } });
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const low = new ScriptedPeer(simulation, peer, LOW);
    const high = new ScriptedPeer(simulation, peer, HIGH);
    low.introduce({ priority: 1_000_000_000 });
    high.introduce({ priority: 2_000_000_000 });
    high.answer = null;
    simulation.run(1_000);
    low.request(AGENT, { useCandidate: true, role: 'controlled' });
    simulation.run(2_000);
    expect(peer.agent.selectedPair).toMatchObject({ remoteAddress: LOW, nominated: false });
  });
});
