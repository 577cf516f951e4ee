import { describe, expect, test } from 'vitest';
import { parseStun, readText, STUN_ATTRIBUTE } from '../../src/stun/index.ts';
import { ScriptedPeer } from './scripted-peer.ts';
import { connect, type Peer, Simulation, signal } from './simulation.ts';

/** One side restarts, the other follows; both gather again and tell each other. */
function restart(a: Peer, b: Peer): void {
  const { now } = a.simulation;
  for (const peer of [a, b]) peer.agent.restart(undefined, now);
  for (const peer of [a, b]) peer.gather();
  signal(a, b);
}

function connected(seed = 1): { simulation: Simulation; a: Peer; b: Peer } {
  const simulation = new Simulation(seed);
  const [a, b] = connect(simulation);
  simulation.run(2_000);
  return { simulation, a, b };
}

/** Both send a numbered datagram every 5 ms. */
function exchange(simulation: Simulation, a: Peer, b: Peer, untilMs: number): void {
  let number = 0;
  const tick = (): void => {
    a.sendData(`a${number}`);
    b.sendData(`b${number++}`);
    if (simulation.now < untilMs) simulation.later(5, tick);
  };
  tick();
}

describe('a restart', () => {
  test('RFC 8445 §9: "MUST change both the password and the username fragment"', () => {
    const { a } = connected();
    const before = a.agent.localCredentials;
    a.agent.restart(undefined, 2_000);
    const after = a.agent.localCredentials;
    expect(after.usernameFragment).not.toBe(before.usernameFragment);
    expect(after.password).not.toBe(before.password);
    expect(a.agent.remoteCredentials).toBeNull();
    expect(() => a.agent.restart({ ...after, password: 'x'.repeat(22) }, 2_000)).toThrow(/a new username fragment/);
    expect(() => a.agent.restart({ usernameFragment: 'abcd', password: after.password }, 2_000)).toThrow(TypeError);
    expect(() => a.agent.restart({ usernameFragment: 'ab', password: 'x'.repeat(22) }, 2_000)).toThrow(
      /4 to 256 ice-chars/,
    );
    expect(() => a.agent.restart({ usernameFragment: 'abcd', password: 'short' }, 2_000)).toThrow(
      /22 to 256 ice-chars/,
    );
  });

  test('under traffic loses nothing, and ends on the new credentials', () => {
    const { simulation, a, b } = connected();
    exchange(simulation, a, b, 6_000);
    simulation.run(2_500);
    restart(a, b);
    simulation.run(8_000);
    const count = (6_000 - 2_000) / 5 + 1;
    expect(b.data.map(({ text }) => text)).toEqual(Array.from({ length: count }, (_, i) => `a${i}`));
    expect(a.data.map(({ text }) => text)).toEqual(Array.from({ length: count }, (_, i) => `b${i}`));
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
    expect([a.unauthorized, b.unauthorized]).toEqual([0, 0]);
    const last = a.stunSent.findLast(({ message }) => message.messageClass === 'request')!;
    const fragment = b.agent.localCredentials.usernameFragment;
    simulation.run(20_000);
    expect(readText(a.stunSent.at(-1)!.message, STUN_ATTRIBUTE.username) ?? `${fragment}:`).toContain(fragment);
    expect(last).toBeDefined();
  });

  test('to another network loses nothing while the old path lasts', () => {
    const { simulation, a, b } = connected();
    exchange(simulation, a, b, 8_000);
    simulation.run(2_500);
    a.addSocket('203.0.113.50');
    a.agent.restart(undefined, simulation.now);
    b.agent.restart(undefined, simulation.now);
    // The old network carries what it did, but no new checks: the new pair must be the other one.
    const fragment = b.agent.localCredentials.usernameFragment;
    simulation.drops = ({ from, packet }) => from.address === '192.0.2.1' && contains(packet, fragment);
    for (const peer of [a, b]) peer.gather();
    signal(a, b);
    simulation.run(10_000);
    expect(a.agent.selectedPair?.local.address).toBe('203.0.113.50');
    expect(b.agent.selectedPair?.remoteAddress.address).toBe('203.0.113.50');
    const count = (8_000 - 2_000) / 5 + 1;
    expect([a.data.length, b.data.length]).toEqual([count, count]);
  });

  test('RFC 8445 §9: the old pair carries data until the new one is nominated, not only valid', () => {
    const { simulation, a, b } = connected();
    const selected = a.agent.selectedPair;
    for (const peer of [a, b]) peer.addSocket(peer === a ? '2001:db8::a' : '2001:db8::b');
    simulation.drops = ({ to }) => to.address.includes(':'); // a better pair that does not answer keeps a waiting
    restart(a, b);
    const isValid = (): boolean => a.agent.pairs.some(({ valid, id }) => valid && id !== selected?.id);
    simulation.runUntil(isValid, 1_000);
    expect(a.agent.selectedPair).toBe(selected);
    simulation.runUntil(() => a.agent.selectedPair !== selected, 1_000);
    expect(a.agent.selectedPair?.nominated).toBe(true);
  });

  test('W3C §5.6.4: from completed goes to connected, and back', () => {
    const { simulation, a, b } = connected();
    expect(a.agent.state).toBe('completed');
    restart(a, b);
    expect(a.agent.state).toBe('connected');
    simulation.run(5_000);
    expect(a.states).toEqual(['checking', 'connected', 'completed', 'connected', 'completed']);
  });

  test('W3C §5.6.4: from failed goes to checking, and connects again', () => {
    const { simulation, a, b } = connected();
    simulation.drops = () => true;
    simulation.run(60_000);
    expect([a.agent.state, b.agent.state]).toEqual(['failed', 'failed']);
    simulation.drops = () => false;
    restart(a, b);
    expect(a.agent.state).toBe('checking');
    simulation.run(62_000);
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
  });

  test('while disconnected moves to the first new path that works', () => {
    const { simulation, a, b } = connected();
    a.addSocket('203.0.113.50');
    simulation.drops = ({ from, to }) => [from.address, to.address].includes('192.0.2.1');
    simulation.runUntil(() => a.agent.state === 'disconnected' && b.agent.state === 'disconnected', 12_000);
    restart(a, b);
    expect(a.agent.state).toBe('checking'); // W3C §5.6.4: "effectively forgetting that connectivity was previously lost"
    simulation.runUntil(() => a.agent.selectedPair?.local.address === '203.0.113.50', 2_000);
    simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 2_000);
  });

  test('RFC 7675 §5.1: on the old path "MUST continue to perform consent freshness" until the new one is there', () => {
    const { simulation, a, b } = connected();
    const old = [a, b].map(({ agent }) => agent.localCredentials.usernameFragment);
    a.agent.restart(undefined, simulation.now); // the peer never answers the offer
    simulation.run(60_000);
    const usernames = a.stunSent
      .filter(({ at, message }) => at > 2_000 && message.messageClass === 'request')
      .map(({ message }) => readText(message, STUN_ATTRIBUTE.username));
    expect(usernames.length).toBeGreaterThan(8);
    expect(new Set(usernames)).toEqual(new Set([`${old[1]}:${old[0]}`]));
    expect(a.agent.state).toBe('connected');
    expect(b.agent.state).toBe('completed');
    a.sendData('still here');
    simulation.run(60_100);
    expect(b.data.map(({ text }) => text)).toEqual(['still here']);
  });

  test('loses the old path when its consent expires', () => {
    const { simulation, a } = connected();
    a.agent.restart(undefined, simulation.now);
    simulation.drops = () => true;
    simulation.run(60_000);
    expect(a.agent.selectedPair).toBeNull();
    expect(a.agent.state).toBe('checking');
  });

  test('candidates and early checks of the new generation wait for its credentials; the old ones are ignored', () => {
    const { simulation, a, b } = connected();
    const old = b.agent.localCandidates[0]!;
    restart(a, b);
    const fields = { foundation: '9', component: 1, protocol: 'udp', priority: 5, port: 9999, type: 'host' } as const;
    const late = { ...fields, address: '198.51.100.9', usernameFragment: old.usernameFragment };
    expect(a.agent.addRemoteCandidate(late, simulation.now)).toBe(false);
    simulation.run(5_000);
    expect(a.agent.remoteCandidates).toHaveLength(1);
    expect(a.agent.remoteCandidates[0]!.usernameFragment).toBe(b.agent.localCredentials.usernameFragment);
  });

  test('the old credentials are good for the old path, for 30 s after the new one is there, and for no other', () => {
    const { simulation, a, b } = connected();
    const [ours, theirs] = [a.agent.localCredentials, b.agent.localCredentials];
    const request = { username: `${ours.usernameFragment}:${theirs.usernameFragment}`, password: ours.password };
    const stranger = new ScriptedPeer(simulation, a, { address: '198.51.100.77', port: 1 });
    const answers = (): unknown[] => {
      const from = simulation.sent.length;
      stranger.request({ address: '192.0.2.1', port: 5000 }, { ...request, useCandidate: true });
      simulation.send(
        stranger.encode(request),
        { address: '198.51.100.1', port: 5000 },
        { address: '192.0.2.1', port: 5000 },
      );
      simulation.run(simulation.now + simulation.latencyMs);
      const sent = simulation.sent
        .slice(from)
        .map(({ to, packet }) => ({ port: to.port, message: parseStun(packet)! }));
      return [1, 5000].map(
        (port) =>
          sent.find((each) => each.port === port && each.message.messageClass !== 'request')?.message.messageClass,
      );
    };
    restart(a, b);
    expect(answers()).toEqual(['error', 'success']);
    simulation.run(5_000);
    expect(a.agent.state).toBe('completed');
    expect(answers()).toEqual(['error', 'success']);
    expect(a.agent.remoteCandidates.map(({ address }) => address)).not.toContain('198.51.100.77');
    simulation.run(60_000);
    expect(answers()).toEqual(['error', 'error']);
  });

  test('a check from a new socket of a restarting peer under our old fragment is refused, before and after we follow', () => {
    // Chromium pairs its new sockets with the remote candidates it remembers, until our answer comes.
    const { simulation, a, b } = connected();
    const ours = a.agent.localCredentials;
    const script = new ScriptedPeer(simulation, a, { address: '198.51.100.1', port: 5001 });
    const request = { username: `${ours.usernameFragment}:new1`, password: ours.password, useCandidate: true };
    script.request({ address: '192.0.2.1', port: 5000 }, request);
    simulation.run(2_050);
    for (const peer of [a, b]) peer.agent.restart(undefined, simulation.now);
    script.request({ address: '192.0.2.1', port: 5000 }, request);
    simulation.run(2_100);
    expect(script.answers).toEqual([401, 401]);
    expect(a.agent.isAuthorizedPath(1, script.address)).toBe(false);
  });

  test('twice in a row keeps the path in use, and forgets the one that came to nothing', () => {
    const { simulation, a, b } = connected();
    a.agent.restart(undefined, simulation.now);
    a.agent.restart(undefined, simulation.now);
    a.sendData('1');
    b.sendData('2');
    simulation.run(3_000);
    expect([a.data.length, b.data.length]).toEqual([1, 1]);
    a.agent.restart(undefined, simulation.now);
    b.agent.restart(undefined, simulation.now);
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(6_000);
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
  });

  test('RFC 8829 §3.5.3: a transport policy counts from the next gathering on', () => {
    const { simulation, a, b } = connected();
    const selected = a.agent.selectedPair;
    a.agent.setTransportPolicy('relay');
    simulation.run(10_000);
    expect(a.agent.state).toBe('completed');
    const credentials = b.agent.localCredentials;
    restart(a, b);
    simulation.run(40_000);
    expect(a.agent.localCandidates).toEqual([]);
    const { usernameFragment } = b.agent.localCredentials;
    expect(usernameFragment).not.toBe(credentials.usernameFragment);
    const requests = a.stunSent.filter(({ message }) => message.messageClass === 'request');
    const names = requests.map(({ message }) => readText(message, STUN_ATTRIBUTE.username)!.split(':')[0]);
    expect(names).not.toContain(usernameFragment); // no check from a host candidate in the new generation
    expect(b.agent.pairs.filter(({ state }) => state === 'succeeded')).toEqual([b.agent.selectedPair]); // nor an answer
    // RFC 8445 §9: the old path carries data, and keeps its consent, for as long as there is no new one.
    expect(a.agent.selectedPair).toBe(selected);
    expect(a.agent.isAuthorizedPath(selected!.socketId, selected!.remoteAddress)).toBe(true);
    a.agent.setTransportPolicy('all');
    restart(a, b);
    simulation.run(50_000);
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
  });

  test('asks the servers that there are now, not those that were removed', () => {
    const { simulation, a, b } = connected();
    const [old, next] = ['203.0.113.1', '203.0.113.2'].map((address) => ({
      address,
      port: 3478,
      url: `stun:${address}`,
    }));
    const askedIn = (generation: () => void): string[] => {
      const before = simulation.sent.length;
      generation();
      simulation.run(simulation.now + 12_000);
      const asked = simulation.sent.slice(before).flatMap(({ to }) => (to.port === 3478 ? [to.address] : []));
      return [...new Set(asked)];
    };
    // RFC 8838 §13: no candidates after end-of-candidates, so a server that comes then is asked in the next generation.
    expect(askedIn(() => a.agent.addServer(old!, simulation.now))).toEqual([]);
    expect(askedIn(() => restart(a, b))).toEqual([old!.address]);
    a.agent.removeServers();
    a.agent.addServer(next!, simulation.now);
    expect(askedIn(() => restart(a, b))).toEqual([next!.address]);
  });

  test('RFC 8838 §13: a socket that comes after the end of candidates waits for one', () => {
    const { simulation, a, b } = connected();
    const told = () => a.events.flatMap((event) => (event.kind === 'candidate' ? [event.candidate.address] : []));
    a.addSocket('192.0.2.50');
    simulation.run(3_000);
    expect(told()).toEqual(['192.0.2.1']);
    restart(a, b);
    expect(told()).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.50']);
  });

  test('is needed for new credentials of the peer', () => {
    const { a } = connected();
    expect(() => a.agent.setRemoteCredentials({ usernameFragment: 'else', password: 'x'.repeat(22) }, 2_000)).toThrow(
      /call restart\(\)/,
    );
  });

  test('keeps the roles (RFC 8445 §9)', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation, { controlling: true }, { controlling: true });
    simulation.run(2_000);
    const roles = [a.agent.role, b.agent.role];
    restart(a, b);
    simulation.run(4_000);
    expect([a.agent.role, b.agent.role]).toEqual(roles);
  });

  test('under loss succeeds whatever the seed', () => {
    for (let seed = 1; seed <= 25; seed++) {
      const { simulation, a, b } = connected(seed);
      simulation.loss = 0.2;
      restart(a, b);
      simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 39_500);
    }
  });
});

function contains(packet: Uint8Array, text: string): boolean {
  return new TextDecoder('latin1').decode(packet).includes(text);
}
