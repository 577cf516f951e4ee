import { describe, expect, test } from 'vitest';
import { ScriptedPeer } from './scripted-peer.ts';
import { connect, Peer, Simulation } from './simulation.ts';

const AGENT = { address: '192.0.2.1', port: 5000 };
const SCRIPT = { address: '198.51.100.1', port: 6000 };

function connected(seed = 1): { simulation: Simulation; a: Peer; b: Peer } {
  const simulation = new Simulation(seed);
  const [a, b] = connect(simulation);
  simulation.run(1_000);
  return { simulation, a, b };
}

describe('consent freshness', () => {
  test('RFC 7675 §5.1: checks are 4 to 6 s apart and randomized, each with an id of its own, sent once', () => {
    const { simulation, a } = connected();
    simulation.run(600_000);
    const checks = a.stunSent.filter(({ at, message }) => at > 1_000 && message.messageClass === 'request');
    const gaps = checks.slice(1).map(({ at }, i) => at - checks[i]!.at);
    expect(gaps.length).toBeGreaterThan(100);
    expect(gaps.every((gap) => gap >= 4_000 && gap <= 6_000)).toBe(true);
    expect(new Set(gaps.map(Math.round)).size).toBeGreaterThan(50);
    expect(new Set(checks.map(({ message }) => message.transactionId.join())).size).toBe(checks.length);
    expect(a.agent.selectedPair?.stats.consentRequestsSent).toBe(checks.length);
  });

  test('RFC 8445 §11: no keepalive indications are sent; the checks do their work (RFC 7675 §4)', () => {
    const { simulation, a, b } = connected();
    simulation.run(120_000);
    const classes = [...a.stunSent, ...b.stunSent].map(({ message }) => message.messageClass);
    expect(classes).not.toContain('indication');
  });

  test('a lost path is disconnected within 11 s: 6 s to the next check and 5 s without an answer', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { simulation, a } = connected(seed);
      simulation.run(20_000);
      simulation.drops = () => true;
      simulation.runUntil(() => a.agent.state === 'disconnected', 11_000);
      expect(simulation.now - 20_000).toBeGreaterThanOrEqual(4_990);
    }
  });

  test('before it says so, at least five requests went unanswered', () => {
    const { simulation, a } = connected();
    simulation.run(20_000);
    simulation.drops = () => true;
    simulation.runUntil(() => a.agent.state === 'disconnected');
    const requests = a.stunSent.filter(({ at, message }) => at > 20_000 && message.messageClass === 'request');
    expect(requests.length).toBeGreaterThanOrEqual(5);
  });

  test('RFC 7675 §5.1: "Consent expires after 30 seconds"; then nothing is sent, and the state is failed', () => {
    const { simulation, a, b } = connected();
    simulation.run(20_000);
    const lastAnswer = a.stunSent.findLast(({ message }) => message.messageClass === 'request')!.at + 20;
    simulation.drops = ({ to }) => to.address === AGENT.address;
    simulation.run(lastAnswer + 29_999);
    expect(a.agent.state).toBe('disconnected');
    expect(a.agent.selectedPair).not.toBeNull();
    simulation.run(lastAnswer + 30_000);
    expect(a.states.slice(-2)).toEqual(['disconnected', 'failed']);
    expect(a.agent.selectedPair).toBeNull();
    expect(a.agent.isAuthorizedPath(1, { address: '198.51.100.1', port: 5000 })).toBe(false);
    expect(a.events.at(-2)).toEqual({ kind: 'selectedPair', pair: null });
    const { now } = simulation;
    simulation.run(now + 120_000);
    expect(a.stunSent.filter(({ at }) => at > now)).toEqual([]);
    expect(a.agent.nextTimeout).toBe(Infinity);
    expect(b.agent.state).toBe('failed');
  });

  test('RFC 7675 §5.1: answers after the expiry "do not re-establish consent"', () => {
    const { simulation, a } = connected();
    simulation.run(20_000);
    simulation.drops = () => true;
    simulation.run(60_000);
    expect(a.agent.state).toBe('failed');
    simulation.drops = () => false;
    simulation.run(120_000);
    expect(a.agent.state).toBe('failed');
    expect(a.agent.selectedPair).toBeNull();
  });

  test('answers that return bring the state back', () => {
    const { simulation, a, b } = connected();
    simulation.run(20_000);
    simulation.drops = () => true;
    simulation.runUntil(() => a.agent.state === 'disconnected' && b.agent.state === 'disconnected', 12_000);
    simulation.drops = () => false;
    simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 8_000);
    expect(a.states).toEqual(['checking', 'connected', 'completed', 'disconnected', 'completed']);
    simulation.run(200_000);
    expect(a.states.at(-1)).toBe('completed');
  });

  test('a request of the peer over the silent path makes us check it at once', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce();
    simulation.run(100);
    script.request(AGENT, { useCandidate: true });
    simulation.run(1_000);
    script.answer = null;
    simulation.runUntil(() => peer.agent.state === 'disconnected', 12_000);
    script.answer = (request, from) => script.success(request, from);
    script.request(AGENT);
    simulation.runUntil(() => peer.agent.state === 'connected', 100);
  });

  test('a path that loses a fifth of its packets stays connected', () => {
    let disconnections = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const { simulation, a } = connected(seed);
      simulation.loss = 0.2;
      simulation.run(600_000);
      expect(a.states).not.toContain('failed');
      disconnections += a.states.filter((state) => state === 'disconnected').length;
    }
    expect(disconnections).toBeLessThanOrEqual(5); // in 50 minutes
  });

  test('RFC 7675 §5.2: "Consent … is immediately revoked by … a valid and authenticated STUN response with error code Forbidden"', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce();
    simulation.run(100);
    script.request(AGENT, { useCandidate: true });
    simulation.run(1_000);
    expect(peer.agent.state).toBe('connected');
    script.answer = (request) => script.error(request, 403, 'a guess');
    simulation.run(8_000);
    expect(peer.agent.selectedPair).not.toBeNull();
    script.answer = (request) => script.error(request, 403);
    simulation.run(16_000);
    expect(peer.agent.selectedPair).toBeNull();
    expect(peer.agent.state).toBe('failed');
  });

  test('an error in answer to a check of the path in use does not end it: only consent does', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce();
    simulation.run(100);
    script.request(AGENT, { useCandidate: true });
    simulation.run(1_000);
    script.answer = null;
    const asked = script.requests.length;
    simulation.runUntil(() => script.requests.length === asked + 1, 6_000);
    script.answer = (request) => script.error(request, 400);
    simulation.run(simulation.now + 6_000);
    expect(script.requests.length).toBeGreaterThan(asked + 1);
    expect(peer.agent.selectedPair?.state).toBe('succeeded');
    script.answer = (request, from) => script.success(request, from);
    simulation.run(simulation.now + 6_000);
    expect(peer.agent.state).toBe('connected');
  });

  test('RFC 7675 §5.1: an answer to a check of before the expiry, after it, is discarded', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce();
    simulation.run(100);
    script.answer = null;
    simulation.run(35_000);
    expect(peer.agent.selectedPair).toBeNull();
    for (const request of script.requests.slice(1)) simulation.send(script.success(request, AGENT), SCRIPT, AGENT);
    simulation.run(36_000);
    expect(peer.agent.selectedPair).toBeNull();
    expect(peer.agent.isAuthorizedPath(1, SCRIPT)).toBe(false);
  });

  test('RFC 7675 §5.1: after the loss "the same ICE credentials MUST NOT be used on the affected 5-tuple again"', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket(AGENT.address, AGENT.port);
    peer.gather();
    const script = new ScriptedPeer(simulation, peer, SCRIPT);
    script.introduce();
    simulation.run(500); // valid, not nominated
    expect(peer.agent.state).toBe('connected');
    script.answer = null;
    simulation.run(35_000); // consent has expired, patience (RFC 8863) has not
    expect(peer.agent.selectedPair).toBeNull();
    expect(peer.agent.state).toBe('disconnected');
    const asked = script.requests.length;
    script.answer = (request, from) => script.success(request, from);
    script.request(AGENT, { useCandidate: true });
    simulation.run(37_000);
    expect(script.answers).toEqual([]); // or the peer would believe in the path
    expect(script.requests).toHaveLength(asked);
    expect(peer.agent.selectedPair).toBeNull();
  });

  test('the round trip is measured, never over a retransmission', () => {
    const { simulation, a } = connected();
    simulation.latencyMs = 150;
    simulation.run(60_000);
    const { stats } = a.agent.selectedPair!;
    expect(stats.currentRoundTripMs).toBe(300);
    expect(stats.totalRoundTripMs).toBeGreaterThan(300 * 8);
    expect(stats.responsesReceived).toBe(stats.requestsSent + stats.consentRequestsSent);
    expect(stats.requestsReceived).toBe(stats.responsesSent);
  });
});

describe('timing', () => {
  test('RFC 7675 §5.1, RFC 8445 §14: what is forbidden is refused', () => {
    const simulation = new Simulation();
    const make =
      (timing: object): (() => Peer) =>
      () =>
        new Peer(simulation, 'x', { timing });
    expect(make({ consentIntervalMs: [3_999, 6_000] })).toThrow(
      /consentIntervalMs\[0\] must be 4000 ms or more, got 3999/,
    );
    expect(make({ consentIntervalMs: [5_000, 4_000] })).toThrow(RangeError);
    expect(make({ minRtoMs: 499 })).toThrow(/minRtoMs must be 500/);
    expect(make({ taMs: 4 })).toThrow(/taMs must be 5/);
    expect(make({ pacMs: Number.NaN })).toThrow(RangeError);
    expect(make({ taMs: undefined })).not.toThrow();
  });
});
