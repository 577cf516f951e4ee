import { describe, expect, test } from 'vitest';
import { formatCandidate, type IceCandidate, type IceEvent, type LocalCandidate } from '../../src/ice/index.ts';
import { BINDING, parseStun, readText, STUN_ATTRIBUTE, StunWriter } from '../../src/stun/index.ts';
import { connect, Peer, type PeerOptions, Simulation, signal } from './simulation.ts';

const SERVER = { address: '203.0.113.9', port: 3478 };
const NAT = { publicAddress: '203.0.113.1' };

function candidates({ events }: Peer): LocalCandidate[] {
  return events.flatMap((event) => (event.kind === 'candidate' ? [event.candidate] : []));
}

function errors({ events }: Peer): Extract<IceEvent, { kind: 'candidateError' }>[] {
  return events.filter((event) => event.kind === 'candidateError');
}

function gather(simulation: Simulation, options: PeerOptions, servers = [SERVER], addresses = ['10.0.0.1']): Peer {
  const peer = new Peer(simulation, 'agent', options);
  for (const address of addresses) peer.addSocket(address);
  for (const server of servers) peer.agent.addServer({ ...server, url: `stun:${server.address}` }, simulation.now);
  peer.gather();
  return peer;
}

describe('host candidates', () => {
  test('one per socket, told at once, then gathering is complete', () => {
    const peer = gather(new Simulation(), {}, [], ['10.0.0.1', '2001:db8::1']);
    expect(peer.events.map(({ kind }) => kind)).toEqual(['gatheringState', 'candidate', 'candidate', 'gatheringState']);
    const fragment = peer.agent.localCredentials.usernameFragment;
    expect(candidates(peer).map(formatCandidate)).toEqual([
      `candidate:1 1 udp ${2 ** 24 * 126 + 2 ** 8 * (65_535 - 256) + 255} 10.0.0.1 5000 typ host ufrag ${fragment}`,
      `candidate:2 1 udp ${2 ** 24 * 126 + 2 ** 8 * 65_535 + 255} 2001:db8::1 5000 typ host ufrag ${fragment}`,
    ]);
    expect(peer.agent.gatheringState).toBe('complete');
  });

  test('of sockets that come later are told when they come', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.agent.gather(0);
    expect(peer.agent.gatheringState).toBe('gathering');
    peer.addSocket('10.0.0.1');
    expect(candidates(peer)).toHaveLength(1);
    peer.agent.endOfLocalSockets(0);
    expect(peer.agent.gatheringState).toBe('complete');
  });

  test('nothing is told before gather()', () => {
    const simulation = new Simulation();
    const peer = new Peer(simulation, 'agent');
    peer.addSocket('10.0.0.1');
    peer.agent.endOfLocalSockets(0);
    expect(peer.events).toEqual([]);
    peer.agent.gather(0);
    peer.agent.endOfLocalSockets(0);
    expect(peer.agent.gatheringState).toBe('complete');
  });

  test('RFC 8421 §4: IPv6 and IPv4 take turns', () => {
    const addresses = ['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2', '2001:db8::3'];
    const peer = gather(new Simulation(), {}, [], addresses);
    const order = candidates(peer).sort((a, b) => b.priority - a.priority);
    expect(order.map(({ address }) => (address.includes(':') ? 6 : 4))).toEqual([6, 4, 6, 4, 6]);
  });

  test('RFC 8445 §5.1.2: "Each candidate … MUST have a unique priority"', () => {
    const simulation = new Simulation();
    const servers = Array.from({ length: 3 }, (_, i) => ({ ...SERVER, address: `203.0.113.${10 + i}` }));
    servers.forEach((server, i) => {
      simulation.bind(server, (packet, from) => {
        const { transactionId } = parseStun(packet)!;
        const writer = new StunWriter('success', BINDING, transactionId);
        const mapped = { address: from.address, port: from.port + i }; // an address-dependent NAT
        simulation.send(writer.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, mapped).finish(), server, from);
      });
    });
    const peer = gather(simulation, { nat: { ...NAT, filters: false } }, servers, ['10.0.0.1', '10.0.0.2']);
    simulation.run(2_000);
    const priorities = candidates(peer).map(({ priority }) => priority);
    expect(priorities).toHaveLength(2 + 6);
    expect(new Set(priorities).size).toBe(priorities.length);
    expect(priorities.every((priority) => priority > 0 && priority < 2 ** 31)).toBe(true);
  });

  test('RFC 8445 §5.1.1.3: foundations are equal for the same type, base address and server, and only then', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const peer = new Peer(simulation, 'agent', { nat: NAT });
    peer.addSocket('10.0.0.1', 5001);
    peer.addSocket('10.0.0.1', 5002);
    peer.addSocket('10.0.0.2', 5003);
    peer.agent.addServer({ ...SERVER, url: 'stun:x' }, 0);
    peer.gather();
    simulation.run(1_000);
    const counts = new Map<string, number>();
    for (const { foundation } of candidates(peer)) counts.set(foundation, (counts.get(foundation) ?? 0) + 1);
    expect([...counts.values()].sort()).toEqual([1, 1, 2, 2]);
  });

  test('RFC 8445 §5.1.1.1: a site-local, mapped, multicast or unspecified address gives no candidate', () => {
    const peer = gather(new Simulation(), {}, [], ['fec0::1', '::ffff:10.0.0.1', '0.0.0.0', '224.0.0.1', '::']);
    expect(candidates(peer)).toEqual([]);
  });

  test('a .local name stands for the address, and hides it in reflexive candidates too', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const peer = new Peer(simulation, 'agent', { nat: NAT });
    peer.addSocket('10.0.0.1', 5000, { mdnsName: 'd24d6ee5-b6b2-4a17-b3bf-d8a3b3aaf2b5.local' });
    peer.agent.addServer({ ...SERVER, url: 'stun:x' }, 0);
    peer.gather();
    simulation.run(1_000);
    const [host, reflexive] = candidates(peer);
    expect(host).toMatchObject({ type: 'host', address: 'd24d6ee5-b6b2-4a17-b3bf-d8a3b3aaf2b5.local', port: 5000 });
    expect(reflexive).toMatchObject({ type: 'srflx', relatedAddress: '0.0.0.0', relatedPort: 9 });
    expect(formatCandidate(reflexive!)).not.toContain('10.0.0.1');
  });

  test('a .local name stands for the address in peer-reflexive candidates too, which scripts see in statistics', () => {
    const simulation = new Simulation();
    const [a, b] = [new Peer(simulation, 'a', { controlling: true, nat: NAT }), new Peer(simulation, 'b')];
    a.addSocket('10.0.0.1', 5000, { mdnsName: 'd24d6ee5-b6b2-4a17-b3bf-d8a3b3aaf2b5.local' });
    b.addSocket('198.51.100.1');
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(2_000);
    const { local } = a.agent.selectedPair!;
    expect(local.type).toBe('prflx');
    expect(formatCandidate(local)).not.toContain('10.0.0.1');
  });

  test('two agents behind .local names connect, and show the names, not the addresses', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true });
    const b = new Peer(simulation, 'b');
    a.addSocket('10.0.0.1', 5000, { mdnsName: 'aaaaaaaa-b6b2-4a17-b3bf-d8a3b3aaf2b5.local' });
    b.addSocket('10.0.0.2', 5000, { mdnsName: 'bbbbbbbb-b6b2-4a17-b3bf-d8a3b3aaf2b5.local' });
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(2_000);
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
    const { local, remote, remoteAddress } = a.agent.selectedPair!;
    expect([local.address, remote.address].every((address) => address.endsWith('.local'))).toBe(true);
    expect(remoteAddress).toEqual({ address: '10.0.0.2', port: 5000 });
    expect(a.agent.localCandidates.map(({ type }) => type)).toEqual(['host']);
  });
});

describe('server-reflexive candidates', () => {
  test('come from every server over every socket of its family', () => {
    const simulation = new Simulation();
    const servers = [SERVER, { ...SERVER, address: '203.0.113.10' }, { ...SERVER, address: '2001:db8::9' }];
    const peer = gather(simulation, {}, servers, ['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2']);
    simulation.run(400);
    const asked = new Set(simulation.sent.map(({ from, to }) => `${from.address} > ${to.address}`));
    expect([...asked].sort()).toEqual([
      '10.0.0.1 > 203.0.113.10',
      '10.0.0.1 > 203.0.113.9',
      '10.0.0.2 > 203.0.113.10',
      '10.0.0.2 > 203.0.113.9',
      '2001:db8::1 > 2001:db8::9',
      '2001:db8::2 > 2001:db8::9',
    ]);
    expect(peer.agent.gatheringState).toBe('gathering');
  });

  test('show the server, the base, and the type preference 100', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const peer = gather(simulation, { nat: NAT });
    simulation.run(1_000);
    expect(candidates(peer)[1]).toMatchObject({
      type: 'srflx',
      address: '203.0.113.1',
      relatedAddress: '10.0.0.1',
      relatedPort: 5000,
      url: 'stun:203.0.113.9',
    });
    expect(Math.floor(candidates(peer)[1]!.priority / 2 ** 24)).toBe(100);
    expect(peer.agent.gatheringState).toBe('complete');
  });

  test('RFC 8838 §9: without a NAT are redundant, and not told; neither is the same from a second server', () => {
    const simulation = new Simulation();
    const second = { ...SERVER, address: '203.0.113.10' };
    simulation.addStunServer(SERVER);
    simulation.addStunServer(second);
    const open = gather(simulation, {}, [SERVER, second]);
    const behindNat = gather(simulation, { nat: NAT }, [SERVER, second], ['10.0.0.3']);
    simulation.run(1_000);
    expect(candidates(open).map(({ type }) => type)).toEqual(['host']);
    expect(candidates(behindNat).map(({ type }) => type)).toEqual(['host', 'srflx']);
  });

  test('a server that does not answer is asked five times and given up after 9.5 s, with error 701', () => {
    const simulation = new Simulation();
    const peer = gather(simulation, {});
    simulation.run(9_499);
    expect(peer.agent.gatheringState).toBe('gathering');
    simulation.run(9_500);
    expect(peer.agent.gatheringState).toBe('complete');
    expect(simulation.sent.map(({ at }) => at)).toEqual([0, 500, 1_500, 3_500, 7_500]);
    expect(errors(peer)).toEqual([expect.objectContaining({ socketId: 1, url: 'stun:203.0.113.9', errorCode: 701 })]);
  });

  test('a server that refuses is reported with its code', () => {
    const simulation = new Simulation();
    simulation.bind(SERVER, (packet, from) => {
      const response = new StunWriter('error', BINDING, parseStun(packet)!.transactionId).errorCode(401, 'Who?');
      simulation.send(response.finish(), SERVER, from);
    });
    const peer = gather(simulation, {});
    simulation.run(1_000);
    expect(errors(peer)[0]).toMatchObject({ errorCode: 401, errorText: 'Who?' });
    expect(peer.agent.gatheringState).toBe('complete');
  });

  test('RFC 8445 §14.3: a lost request is repeated after 500 ms', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    let lost = 0;
    simulation.drops = () => lost++ < 1;
    const peer = gather(simulation, { nat: NAT });
    simulation.run(600);
    expect(candidates(peer)).toHaveLength(2);
  });

  test('only the server asked can answer, from where it was asked, and once', () => {
    const simulation = new Simulation();
    const forged: Uint8Array[] = [];
    simulation.bind(SERVER, (packet, from) => {
      const response = new StunWriter('success', BINDING, parseStun(packet)!.transactionId).xorAddress(
        STUN_ATTRIBUTE.xorMappedAddress,
        { address: '203.0.113.66', port: 1 },
      );
      forged.push(response.finish());
      simulation.send(response.finish(), { ...SERVER, port: 3479 }, from);
    });
    const peer = gather(simulation, {});
    simulation.run(400);
    expect(forged).toHaveLength(1);
    expect(peer.agent.stats.unexpectedResponses).toBe(1);
    expect(candidates(peer)).toHaveLength(1);
    simulation.send(forged[0]!, SERVER, { address: '10.0.0.1', port: 5000 });
    simulation.send(forged[0]!, SERVER, { address: '10.0.0.1', port: 5000 });
    simulation.run(450);
    expect(peer.agent.stats.unexpectedResponses).toBe(2);
    expect(candidates(peer)).toHaveLength(2);
  });

  test('MAPPED-ADDRESS of an old server is understood', () => {
    const simulation = new Simulation();
    simulation.bind(SERVER, (packet, from) => {
      const response = new StunWriter('success', BINDING, parseStun(packet)!.transactionId);
      simulation.send(response.address(STUN_ATTRIBUTE.mappedAddress, from).finish(), SERVER, from);
    });
    const peer = gather(simulation, { nat: NAT });
    simulation.run(1_000);
    expect(candidates(peer)).toHaveLength(2);
  });

  test('RFC 8445 §5.1.1.4: bindings "MUST be kept alive" until a path is chosen, and not after', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const a = gather(simulation, { nat: NAT, controlling: true });
    const b = gather(simulation, { nat: { publicAddress: '203.0.113.2' } }, [SERVER], ['10.0.0.2']);
    simulation.run(100_000);
    const toServer = (): number =>
      simulation.sent.filter(({ from, to }) => to.port === 3478 && from.address === NAT.publicAddress).length;
    expect(toServer()).toBe(1 + 6);
    signal(a, b);
    simulation.run(105_000);
    expect(a.agent.state).toBe('completed');
    const before = toServer();
    simulation.run(300_000);
    expect(toServer()).toBe(before);
  });

  test('SOFTWARE is sent only when the application names one', () => {
    for (const software of [undefined, 'example']) {
      const simulation = new Simulation();
      gather(simulation, { ...(software !== undefined && { software }) });
      simulation.run(100);
      expect(readText(parseStun(simulation.sent[0]!.packet)!, STUN_ATTRIBUTE.software)).toBe(software ?? null);
    }
  });

  test('loopback asks nobody but a server on loopback', () => {
    const simulation = new Simulation();
    gather(simulation, {}, [SERVER, { address: '127.0.0.1', port: 3478 }], ['127.0.0.1']);
    simulation.run(1_000);
    expect(new Set(simulation.sent.map(({ to }) => to.address))).toEqual(new Set(['127.0.0.1']));
  });

  test('are gathered again after a restart, under the new fragment', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const peer = gather(simulation, { nat: NAT });
    simulation.run(1_000);
    const first = candidates(peer);
    peer.agent.restart(undefined, simulation.now);
    expect(peer.agent.gatheringState).toBe('new');
    expect(peer.agent.localCandidates).toEqual([]);
    peer.gather();
    simulation.run(2_000);
    const second = candidates(peer).slice(first.length);
    const shape = (list: LocalCandidate[]): unknown => list.map(({ usernameFragment: _, ...rest }) => rest);
    expect(shape(second)).toEqual(shape(first));
    expect(
      second.every(({ usernameFragment }) => usernameFragment === peer.agent.localCredentials.usernameFragment),
    ).toBe(true);
    expect(peer.agent.gatheringState).toBe('complete');
  });
});

describe('policies', () => {
  test('iceTransportPolicy "relay": no host or reflexive candidates, no query, no check from or answer at such a socket', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const a = gather(simulation, { transportPolicy: 'relay', controlling: true });
    const b = gather(simulation, {}, [], ['10.0.0.2']);
    signal(a, b);
    b.agent.addRemoteCandidate(HOST_OF_A, 0);
    simulation.run(20_000);
    expect(candidates(a)).toEqual([]);
    expect(simulation.sent.filter(({ from }) => from.address === '10.0.0.1')).toEqual([]);
    expect(a.agent.gatheringState).toBe('complete');
  });

  test('a relay socket gives a relayed candidate, and carries checks and data like any other', () => {
    const simulation = new Simulation();
    const a = new Peer(simulation, 'a', { controlling: true, transportPolicy: 'relay' });
    const b = new Peer(simulation, 'b');
    const socketId = a.bind('203.0.113.200', 50_000); // what the TURN server would do
    a.agent.addSocket(
      {
        type: 'relay',
        socketId,
        address: '203.0.113.200',
        port: 50_000,
        relatedAddress: '203.0.113.1',
        relatedPort: 1234,
        relayProtocol: 'udp',
        url: 'turn:203.0.113.200',
      },
      0,
    );
    b.addSocket('198.51.100.1');
    a.gather();
    b.gather();
    signal(a, b);
    simulation.run(2_000);
    expect(candidates(a)).toEqual([
      expect.objectContaining({
        type: 'relay',
        relatedAddress: '0.0.0.0',
        relatedPort: 9,
        relayProtocol: 'udp',
        url: 'turn:203.0.113.200',
      }),
    ]);
    expect(Math.floor(candidates(a)[0]!.priority / 2 ** 24)).toBe(0);
    expect([a.agent.state, b.agent.state]).toEqual(['completed', 'completed']);
    expect(b.agent.selectedPair?.remote.type).toBe('relay');
  });

  test('the filter decides which candidates exist, on both sides, once for each', () => {
    const simulation = new Simulation();
    const seen: string[] = [];
    const filter = (candidate: IceCandidate, side: string): boolean => {
      seen.push(`${side} ${candidate.address}`);
      return !candidate.address.endsWith('.2');
    };
    const a = new Peer(simulation, 'a', { controlling: true, candidateFilter: filter });
    const b = new Peer(simulation, 'b');
    for (const [peer, net] of [
      [a, '192.0.2'],
      [b, '198.51.100'],
    ] as const) {
      peer.addSocket(`${net}.1`);
      peer.addSocket(`${net}.2`, 5000, { localPreference: 65_535 });
      peer.gather();
    }
    signal(a, b);
    simulation.run(2_000);
    expect(candidates(a).map(({ address }) => address)).toEqual(['192.0.2.1']);
    expect(a.agent.remoteCandidates.map(({ address }) => address)).toEqual(['198.51.100.1']);
    expect(a.stunSent.some(({ from, to }) => [from, to].some(({ address }) => address.endsWith('.2')))).toBe(false);
    expect(a.agent.state).toBe('completed');
    expect(seen.slice(0, 4).sort()).toEqual([
      'local 192.0.2.1',
      'local 192.0.2.2',
      'remote 198.51.100.1',
      'remote 198.51.100.2',
    ]);
    expect(a.agent.stats.requestsRefused).toBeGreaterThan(0); // b checked from its second address: no answer
  });

  test('with host candidates filtered away, the reflexive one stands for the socket', () => {
    const simulation = new Simulation();
    simulation.addStunServer(SERVER);
    const a = gather(simulation, {
      nat: NAT,
      controlling: true,
      candidateFilter: ({ type }, side) => side === 'remote' || type !== 'host',
    });
    const b = gather(simulation, {}, [], ['198.51.100.1']);
    signal(a, b);
    simulation.run(2_000);
    expect(candidates(a).map(({ type }) => type)).toEqual(['srflx']);
    expect(a.agent.selectedPair?.local.type).toBe('srflx');
    expect(a.agent.state).toBe('completed');
  });
});

describe('remote candidates', () => {
  const fields = { foundation: '1', component: 1, protocol: 'udp', priority: 5, port: 1000, type: 'host' } as const;

  test.each([
    ['TCP that connects to us', { protocol: 'tcp', tcpType: 'active' }],
    ['component 2', { component: 2 }],
    ['port 0', { port: 0 }],
    ['a name that nobody resolved', { address: 'x.local' }],
    ['the unspecified address', { address: '0.0.0.0' }],
    ['a multicast address', { address: '224.0.0.251' }],
    ['the broadcast address', { address: '255.255.255.255' }],
    ['an IPv4-mapped address', { address: '::ffff:192.0.2.1' }],
    ['a zone', { address: 'fe80::1%eth0' }],
  ])('with %s are not taken', (_, wrong) => {
    const peer = gather(new Simulation(), {}, []);
    const candidate = { ...fields, address: '198.51.100.1', ...wrong } as IceCandidate;
    expect(peer.agent.addRemoteCandidate(candidate, 0)).toBe(false);
    expect(peer.agent.stats.remoteCandidatesIgnored).toBe(1);
    expect(peer.agent.remoteCandidates).toEqual([]);
  });

  test('are one when they name one address in two spellings', () => {
    const peer = gather(new Simulation(), {}, []);
    expect(peer.agent.addRemoteCandidate({ ...fields, address: '2001:DB8::0:1' }, 0)).toBe(true);
    expect(peer.agent.addRemoteCandidate({ ...fields, address: '2001:db8::1' }, 0)).toBe(false);
    expect(peer.agent.remoteCandidates[0]!.address).toBe('2001:db8::1');
  });

  test('RFC 8838 §14: after end-of-candidates "MUST ignore any newly received candidates", but for names told before', () => {
    const peer = gather(new Simulation(), {}, []);
    peer.agent.endOfRemoteCandidates(0);
    expect(peer.agent.addRemoteCandidate({ ...fields, address: '198.51.100.1' }, 0)).toBe(false);
    expect(peer.agent.addRemoteCandidate({ ...fields, address: 'x.local' }, 0, '198.51.100.1')).toBe(true);
  });

  test('of another generation are dropped when the credentials come', () => {
    const peer = gather(new Simulation(), {}, []);
    expect(peer.agent.addRemoteCandidate({ ...fields, address: '198.51.100.1', usernameFragment: 'old1' }, 0)).toBe(
      true,
    );
    expect(peer.agent.addRemoteCandidate({ ...fields, address: '198.51.100.2', usernameFragment: 'new1' }, 0)).toBe(
      true,
    );
    peer.agent.setRemoteCredentials({ usernameFragment: 'new1', password: 'x'.repeat(22) }, 0);
    expect(peer.agent.remoteCandidates.map(({ address }) => address)).toEqual(['198.51.100.2']);
    expect(peer.agent.addRemoteCandidate({ ...fields, address: '198.51.100.3', usernameFragment: 'old1' }, 0)).toBe(
      false,
    );
  });

  test('that come before the credentials are paired when those come', () => {
    const simulation = new Simulation();
    const peer = gather(simulation, {}, []);
    peer.agent.addRemoteCandidate({ ...fields, address: '198.51.100.1' }, 0);
    simulation.run(5_000);
    expect(simulation.sent).toEqual([]);
    expect(peer.agent.state).toBe('checking');
    peer.agent.setRemoteCredentials({ usernameFragment: 'new1', password: 'x'.repeat(22) }, 5_000);
    expect(peer.agent.pairs).toHaveLength(1);
  });
});

describe('mistakes of the caller', () => {
  test('are told precisely', () => {
    const { agent } = gather(new Simulation(), {}, []);
    const socket = { type: 'host', socketId: 2, address: '10.0.0.2', port: 1 } as const;
    expect(() => agent.addSocket({ ...socket, address: 'eth0' }, 0)).toThrow(/must be an IP literal, got "eth0"/);
    expect(() => agent.addSocket({ ...socket, socketId: 1 }, 0)).toThrow(/socketId 1 is already in use/);
    expect(() => agent.addServer({ address: 'stun.example.org', port: 1, url: '' }, 0)).toThrow(/resolve it first/);
    for (let i = 2; i <= 64; i++) agent.addSocket({ ...socket, socketId: i, port: i }, 0);
    expect(() => agent.addSocket({ ...socket, socketId: 65 }, 0)).toThrow(/at most 64 sockets/);
    for (let i = 0; i < 16; i++) agent.addServer({ address: `203.0.113.${i}`, port: 1, url: '' }, 0);
    expect(() => agent.addServer({ address: '203.0.113.99', port: 1, url: '' }, 0)).toThrow(/at most 16 servers/);
    expect(() => agent.setRemoteCredentials({ usernameFragment: '', password: '' }, 0)).toThrow(TypeError);
    const simulation = new Simulation();
    const bad = { usernameFragment: 'a b c', password: 'x'.repeat(22) };
    expect(() => new Peer(simulation, 'x', { localCredentials: bad })).toThrow(/4 to 256 ice-chars/);
  });
});

test('addresses reach the agent in any order: a socket after the peer’s candidates is paired with them', () => {
  const simulation = new Simulation();
  const [a, b] = connect(simulation);
  const late = new Peer(simulation, 'late', { controlling: true });
  late.agent.setRemoteCredentials(b.agent.localCredentials, 0);
  late.agent.gather(0);
  late.agent.addRemoteCandidate(
    { foundation: '1', component: 1, protocol: 'udp', priority: 5, address: '198.51.100.1', port: 5000, type: 'host' },
    0,
  );
  expect(late.agent.pairs).toEqual([]);
  late.addSocket('192.0.2.99');
  expect(late.agent.pairs).toHaveLength(1);
  expect(a.agent.pairs.length + b.agent.pairs.length).toBe(0);
});

const HOST_OF_A = {
  foundation: '1',
  component: 1,
  protocol: 'udp',
  priority: 5,
  address: '10.0.0.1',
  port: 5000,
  type: 'host',
} as const;
