import { describe, expect, test } from 'vitest';
import { findAttribute, readText, STUN_ATTRIBUTE, verifyFingerprint } from '../../src/stun/index.ts';
import { ScriptedPeer } from './scripted-peer.ts';
import { connect, isNomination, Peer, Simulation, signal } from './simulation.ts';

const SERVER = { address: '203.0.113.9', port: 3478 };

describe('two full agents', () => {
  test('connect, complete, and agree on the pair', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation);
    simulation.run(2_000);
    expect(a.states).toEqual(['checking', 'connected', 'completed']);
    expect(b.states).toEqual(['checking', 'connected', 'completed']);
    expect(a.agent.selectedPair?.remoteAddress).toEqual({ address: '198.51.100.1', port: 5000 });
    expect(b.agent.selectedPair?.remoteAddress).toEqual({ address: '192.0.2.1', port: 5000 });
    expect(a.agent.selectedPair?.nominated && b.agent.selectedPair?.nominated).toBe(true);
    expect([a.agent.role, b.agent.role]).toEqual(['controlling', 'controlled']);
  });

  test('over host candidates, are done within a few round trips', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation);
    simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 150);
  });

  test('without end-of-candidates stay connected: W3C "completed" needs the indication', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation, {}, {}, { endOfCandidates: false });
    simulation.run(60_000);
    expect(a.states).toEqual(['checking', 'connected']);
    expect(b.states).toEqual(['checking', 'connected']);
  });

  test('carry data over the selected pair, and over no other', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation);
    simulation.run(1_000);
    a.sendData('from a');
    b.sendData('from b');
    simulation.send(
      new TextEncoder().encode('forged'),
      { address: '198.51.100.66', port: 5000 },
      { address: '192.0.2.1', port: 5000 },
    );
    simulation.run(1_100);
    expect(a.data.map(({ text }) => text)).toEqual(['from b']);
    expect(b.data.map(({ text }) => text)).toEqual(['from a']);
    expect(a.unauthorized).toBe(1);
  });

  test.each([0.05, 0.2, 0.4])('connect over a network that loses %d of everything, whatever the seed', (loss) => {
    for (let seed = 1; seed <= 25; seed++) {
      const simulation = new Simulation(seed);
      simulation.loss = loss;
      const [a, b] = connect(simulation);
      simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 39_500);
      expect(a.agent.selectedPair?.socketId).toBe(1);
    }
  });

  test('with the same seed send the same packets at the same times', () => {
    const run = (seed: number): string[] => {
      const simulation = new Simulation(seed);
      simulation.loss = 0.2;
      connect(simulation);
      simulation.run(30_000);
      return simulation.sent.map(({ at, from, to, packet }) => JSON.stringify([at, from, to, [...packet]]));
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });

  test('prefer IPv6 among equals (RFC 8421 §4), and take IPv4 when it is broken', () => {
    for (const isBroken of [false, true]) {
      const simulation = new Simulation();
      simulation.drops = ({ to }) => isBroken && to.address.includes(':');
      const a = new Peer(simulation, 'a', { controlling: true });
      const b = new Peer(simulation, 'b');
      for (const peer of [a, b]) {
        peer.addSocket(peer === a ? '192.0.2.1' : '198.51.100.1');
        peer.addSocket(peer === a ? '2001:db8::a' : '2001:db8::b');
        peer.gather();
      }
      signal(a, b);
      simulation.run(2_000);
      expect(a.agent.selectedPair?.remoteAddress.address).toBe(isBroken ? '198.51.100.1' : '2001:db8::b');
      expect(b.agent.selectedPair?.remoteAddress.address).toBe(isBroken ? '192.0.2.1' : '2001:db8::a');
    }
  });

  test('RFC 8445 §6.1.2.2: link-local addresses "MUST NOT be paired with other than link-local addresses"', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true });
    const b = new Peer(simulation, 'b');
    a.addSocket('fe80::a');
    a.addSocket('2001:db8::a');
    b.addSocket('fe80::b');
    b.addSocket('2001:db8::b');
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(5_010);
    const formed = a.agent.pairs.map(({ local, remote }) => `${local.address} ${remote.address}`);
    expect(formed.every((pair) => /^fe80\S+ fe80|^2001\S+ 2001/.test(pair))).toBe(true);
  });
});

describe('behind NATs', () => {
  const nats = { a: { publicAddress: '203.0.113.1' }, b: { publicAddress: '203.0.113.2' } };

  function connectThroughServer(simulation: Simulation, options: { a?: object; b?: object }): [Peer, Peer] {
    simulation.addStunServer(SERVER);
    const a = new Peer(simulation, 'a', { controlling: true, ...options.a });
    const b = new Peer(simulation, 'b', { ...options.b });
    a.addSocket('10.0.0.1');
    b.addSocket('10.0.0.2');
    for (const peer of [a, b]) {
      peer.agent.addServer({ ...SERVER, url: 'stun:203.0.113.9' }, simulation.now);
      peer.gather();
    }
    signal(a, b);
    return [a, b];
  }

  test('connect by server-reflexive candidates', () => {
    const simulation = new Simulation();
    const [a, b] = connectThroughServer(simulation, { a: { nat: nats.a }, b: { nat: nats.b } });
    simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 3_000);
    expect(a.agent.selectedPair).toMatchObject({ local: { type: 'srflx' }, remote: { type: 'srflx' } });
    expect(b.agent.selectedPair?.remoteAddress.address).toBe('203.0.113.1');
    a.sendData('through two NATs');
    simulation.run(simulation.now + 100);
    expect(b.data.map(({ text }) => text)).toEqual(['through two NATs']);
  });

  test('RFC 8445 §7.3.1.3: a request from an unknown address makes a remote peer-reflexive candidate', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true, nat: nats.a }); // no STUN server: it does not know its mapping
    const b = new Peer(simulation, 'b');
    a.addSocket('10.0.0.1');
    b.addSocket('198.51.100.1');
    a.gather();
    b.gather();
    signal(a, b);
    simulation.runUntil(() => a.agent.state === 'completed' && b.agent.state === 'completed', 3_000);
    const pair = b.agent.selectedPair!;
    expect(pair.remote).toMatchObject({ type: 'prflx', address: '203.0.113.1' });
    // "The priority is the value of the PRIORITY attribute": type preference 110
    expect(Math.floor(pair.remote.priority / 2 ** 24)).toBe(110);
    expect(pair.remote.foundation).not.toBe(b.agent.remoteCandidates[0]!.foundation);
  });

  test('RFC 8445 §7.2.5.3.1: a mapped address that is unknown makes a local peer-reflexive candidate, told to nobody', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true, nat: nats.a });
    const b = new Peer(simulation, 'b');
    a.addSocket('10.0.0.1');
    b.addSocket('198.51.100.1');
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(2_000);
    expect(a.agent.selectedPair?.local).toMatchObject({
      type: 'prflx',
      address: '203.0.113.1',
      relatedAddress: '10.0.0.1',
      relatedPort: 5000,
    });
    const told = a.events.flatMap((event) => (event.kind === 'candidate' ? [event.candidate.type] : []));
    expect(told).toEqual(['host']);
  });

  test('a signalled candidate takes the place of the peer-reflexive one of its address', () => {
    const simulation = new Simulation();
    const [a, b] = connectThroughServer(simulation, { a: { nat: { ...nats.a, filters: false } } });
    simulation.run(4_000);
    expect(b.agent.remoteCandidates.map(({ type }) => type).sort()).toEqual(['host', 'srflx']);
    expect(a.agent.state).toBe('completed');
  });
});

describe('what checks carry', () => {
  test('RFC 8445 §7.1, §7.2: USERNAME, role, PRIORITY, MESSAGE-INTEGRITY and FINGERPRINT in every request', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation);
    simulation.run(10_000);
    for (const [peer, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const requests = peer.stunSent.filter(({ message }) => message.messageClass === 'request');
      expect(requests.length).toBeGreaterThan(1);
      for (const { message } of requests) {
        const fragments = [other, peer].map(({ agent }) => agent.localCredentials.usernameFragment);
        expect(readText(message, STUN_ATTRIBUTE.username)).toBe(fragments.join(':'));
        const { iceControlled, iceControlling, messageIntegrity } = STUN_ATTRIBUTE;
        const roles = [iceControlling, iceControlled].map((type) => findAttribute(message, type) !== undefined);
        expect(roles).toEqual(peer === a ? [true, false] : [false, true]);
        expect(findAttribute(message, STUN_ATTRIBUTE.priority)?.value[0]).toBe(110);
        expect(findAttribute(message, messageIntegrity)).toBeDefined();
        expect(verifyFingerprint(message)).toBe(true);
      }
      const responses = peer.stunSent.filter(({ message }) => message.messageClass === 'success');
      expect(responses.every(({ message }) => findAttribute(message, STUN_ATTRIBUTE.username) === undefined)).toBe(
        true,
      );
    }
  });

  test('RFC 8445 §7.1.2: "The controlled agent MUST NOT include the USE-CANDIDATE attribute"; §8.1.1: one pair is nominated', () => {
    const simulation = new Simulation();
    const [a, b] = connect(simulation);
    simulation.run(30_000);
    expect(b.stunSent.some(({ message }) => isNomination(message))).toBe(false);
    const nominations = a.stunSent.filter(({ message }) => isNomination(message));
    expect(new Set(nominations.map(({ message }) => message.transactionId.join())).size).toBe(1);
  });

  test('RFC 8445 §14.2: no two transactions start within Ta', () => {
    const simulation = new Simulation();
    simulation.drops = () => true;
    const a = new Peer(simulation, 'a', { controlling: true });
    const b = new Peer(simulation, 'b');
    for (let i = 1; i <= 4; i++) {
      a.addSocket(`192.0.2.${i}`);
      b.addSocket(`198.51.100.${i}`);
    }
    a.agent.addServer({ ...SERVER, url: 'stun:203.0.113.9' }, 0);
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(3_000);
    const seen = new Set<string>();
    const starts: number[] = [];
    for (const { at, message } of a.stunSent) {
      const id = message.transactionId.join();
      if (!seen.has(id)) starts.push(at);
      seen.add(id);
    }
    expect(starts).toHaveLength(4 + 16);
    for (let i = 1; i < starts.length; i++) expect(starts[i]! - starts[i - 1]!).toBeGreaterThanOrEqual(50);
  });

  test('RFC 8445 §7.2.5.3.3: a success "MUST set the states for all other Frozen candidate pairs … with the same foundation to Waiting"', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket('192.0.2.1');
    peer.gather();
    const [first, frozen, other] = [1, 2, 3].map(
      (port) => new ScriptedPeer(simulation, peer, { address: '198.51.100.1', port }),
    );
    first!.introduce({ priority: 3_000 });
    for (const [script, foundation, priority] of [
      [frozen, '1', 2_000],
      [other, '2', 1_000],
    ] as const) {
      const candidate = {
        foundation,
        component: 1,
        protocol: 'udp',
        priority,
        ...script!.address,
        type: 'host',
      } as const;
      peer.agent.addRemoteCandidate(candidate, 0);
    }
    expect(peer.agent.pairs.map(({ state }) => state)).toEqual(['waiting', 'frozen', 'waiting']);
    simulation.run(20);
    expect(peer.agent.pairs.map(({ state }) => state)).toEqual(['succeeded', 'waiting', 'waiting']);
    simulation.run(60);
    expect(peer.agent.pairs.map(({ state }) => state)).toEqual(['succeeded', 'inProgress', 'waiting']);
  });

  test('RFC 8445 §14.1: "an agent will send its first packet for every single connectivity check before performing a retransmit"', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent', { controlling: true });
    peer.addSocket('192.0.2.1');
    peer.gather();
    peer.agent.setRemoteCredentials({ usernameFragment: 'peer', password: 'x'.repeat(22) }, 0);
    const fields = { component: 1, protocol: 'udp', address: '198.51.100.1', type: 'host' } as const;
    for (let i = 1; i <= 20; i++)
      peer.agent.addRemoteCandidate({ ...fields, foundation: `${i}`, priority: i, port: i }, 0);
    simulation.run(3_000);
    const ports = simulation.sent.map(({ to }) => to.port);
    expect(ports.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => 20 - i));
    expect(simulation.sent[19]!.at).toBe(950);
    expect(ports.length).toBeGreaterThan(20);
  });

  test('iceServers empty: nothing is sent to anyone but the remote candidates', () => {
    const simulation = new Simulation();
    connect(simulation);
    simulation.run(120_000);
    const targets = new Set(simulation.sent.map(({ to }) => to.address));
    expect([...targets].sort()).toEqual(['192.0.2.1', '198.51.100.1']);
  });

  test('RFC 8445 §5.3: credentials are fresh, 24 bits of fragment and 144 of password', () => {
    const simulation = new Simulation();
    const all = Array.from({ length: 50 }, () => new Peer(simulation, 'p').agent.localCredentials);
    expect(new Set(all.map(({ password }) => password)).size).toBe(50);
    expect(
      all.every(
        ({ usernameFragment, password }) =>
          /^[\w+/]{4}$/.test(usernameFragment) && /^[A-Za-z0-9+/]{24}$/.test(password),
      ),
    ).toBe(true);
  });
});
