/** The service on a network in memory: addresses, sockets, what it gives out and what it gives back. */
import { describe, expect, test } from 'vitest';
import { MemoryNetwork } from '../../../src/runtime/memory.ts';
import { TurnService } from '../../../src/server/turn/index.ts';
import { BINDING, parseStun, readXorAddress, STUN_ATTRIBUTE, StunWriter } from '../../../src/stun/index.ts';
import { TURN_ATTRIBUTE, TurnServer } from '../../../src/turn/index.ts';
import { TestAuthority } from '../../runtime/test-authority.ts';
import { Asker, Lab, LabClient, LabConnection, REALM, SERVER, SERVER6 } from './lab.ts';

const meet = async (lab: Lab, a: LabClient, b: LabClient): Promise<void> => {
  for (let i = 0; i < 3; i++) {
    a.send(`to b ${i}`, b.machine.relayed!);
    b.send(`to a ${i}`, a.machine.relayed!);
    await lab.run(500); // permissions, then a channel
  }
};

describe('what a client sees', () => {
  test('Binding tells where its packets really come from, with the NAT in between, over UDP and TCP', async () => {
    const lab = await Lab.start();
    const host = lab.newHost({ kind: 'portRestricted' });
    const sources: (readonly string[] | undefined)[] = [];
    lab.network.onFate = ({ fate, source, destination }) => {
      if (fate === 'delivered' && destination.address === SERVER) sources.push([source.address, String(source.port)]);
    };
    const request = new StunWriter('request', BINDING, new Uint8Array(12).fill(7)).finish();
    const answers: Uint8Array[] = [];
    const socket = host.bind({ address: '0.0.0.0', onPacket: (packet) => answers.push(packet) });
    socket.send(request.slice(), { address: SERVER, port: 3478 });
    await lab.until(() => answers.length > 0);
    const mapped = readXorAddress(parseStun(answers[0]!)!, STUN_ATTRIBUTE.xorMappedAddress)!;
    expect([mapped.address, String(mapped.port)]).toEqual(sources[0]);
    expect(mapped.address).toBe('198.51.100.1');

    const connection = new LabConnection(host);
    await lab.until(() => connection.isOpen);
    connection.socket.write(request.slice());
    await lab.until(() => connection.messages.length > 0);
    const overTcp = readXorAddress(parseStun(connection.messages[0]!)!, STUN_ATTRIBUTE.xorMappedAddress)!;
    expect([overTcp.address, String(overTcp.port)]).toEqual(sources.at(-1));
    await lab.service.close();
  });

  test.each(['udp', 'tcp'] as const)('over %s: allocation, peers and back, both families', async (transport) => {
    const lab = await Lab.start();
    for (const [family, peerAddress] of [
      [4, '192.0.2.77'],
      [6, '2001:db8:1::77'],
    ] as const) {
      const client = await lab.client({ transport, family });
      expect(client.machine.relayed?.address).toBe(family === 4 ? SERVER : SERVER6);
      const peer = lab.network.addHost({ addresses: [peerAddress], link: { delayMs: 5 } });
      const echo = peer.bind({
        address: peerAddress,
        port: 5000,
        onPacket: (packet, remote) => echo.send(packet.slice(), remote),
      });
      for (const text of ['one', 'two', 'three']) {
        client.send(text, { address: peerAddress, port: 5000 });
        await lab.until(() => client.data.includes(text));
      }
    }
    expect(lab.service.stats).toMatchObject({ allocations: 2, relays: 2, connections: transport === 'tcp' ? 2 : 0 });
    await lab.service.close();
    expect(lab.service.stats).toMatchObject({ allocations: 0, relays: 0, connections: 0 });
  });

  test('two clients behind symmetric NATs meet, one over UDP and one over TCP', async () => {
    const lab = await Lab.start();
    const nat = { kind: 'symmetric' } as const;
    const a = await lab.client({}, lab.newHost(nat));
    const b = await lab.client({ transport: 'tcp' }, lab.newHost(nat));
    await meet(lab, a, b);
    expect(a.data).toContain('to a 2');
    expect(b.data).toContain('to b 2');
    await lab.service.close();
  });

  test('a server behind a NAT that sends nothing back inside: two clients within meet at its public address', async () => {
    const lab = new Lab();
    const nat = lab.network.addNat({ kind: 'fullCone', address: '203.0.113.200' });
    const inside = lab.network.addHost({ addresses: ['10.0.0.9'], nat });
    const service = await lab.serve({ runtime: inside, publicAddresses: ['203.0.113.200'] });
    const hosts = [1, 2].map((n) => lab.network.addHost({ addresses: [`10.0.0.${n}`], nat }));
    const [a, b] = hosts.map((host) => new LabClient(host, {}, '10.0.0.9')) as [LabClient, LabClient];
    await lab.until(() => [a, b].every(({ machine }) => machine.state === 'allocated'));
    expect(a.machine.relayed!.address).toBe('203.0.113.200');
    await meet(lab, a, b);
    expect(a.data).toContain('to a 2');
    expect(b.data).toContain('to b 2');
    await service.close();
  });
});

describe('the public address', () => {
  const start = (options: object, addresses: readonly string[] = [SERVER]): Promise<TurnService> =>
    new Lab(addresses).serve({ listen: [{ protocol: 'udp', address: '0.0.0.0', port: 3478 }], ...options });
  const addressesOf = async (options: object, addresses?: readonly string[]): Promise<unknown> => {
    const service = await start(options, addresses);
    await service.close();
    return service.publicAddresses;
  };

  test('as given, one of each family', async () => {
    expect(await addressesOf({ publicAddresses: ['198.51.100.200', '2001:DB8:0::5'] })).toEqual([
      { address: '198.51.100.200', isPrivate: false },
      { address: '2001:db8::5', isPrivate: false },
    ]);
    await expect(start({ publicAddresses: ['198.51.100.1', '198.51.100.2'] })).rejects.toThrow(/one of each family/);
    await expect(start({ publicAddresses: ['turn.example.org'] })).rejects.toThrow(/IP literals expected/);
  });

  test('never 0.0.0.0 or ::', async () => {
    await expect(start({ publicAddresses: ['0.0.0.0'] })).rejects.toThrow(/0\.0\.0\.0 means any address/);
    await expect(start({ publicAddresses: ['::'] })).rejects.toThrow(/:: means any address/);
  });

  test('found: what is listened at, else one of the Internet before a private one, of the families listened at', async () => {
    expect(await addressesOf({}, ['10.1.2.3', SERVER, SERVER6])).toEqual([{ address: SERVER, isPrivate: false }]);
    expect(await addressesOf({}, ['169.254.7.7', '10.1.2.3'])).toEqual([{ address: '10.1.2.3', isPrivate: true }]);
    const listen = [
      { protocol: 'udp', address: '10.1.2.3', port: 3478 },
      { protocol: 'udp', address: '::', port: 3478 },
    ];
    expect(await addressesOf({ listen }, [SERVER, '10.1.2.3', SERVER6])).toEqual([
      { address: '10.1.2.3', isPrivate: true },
      { address: SERVER6, isPrivate: false },
    ]);
  });

  test('none to be found: said, with what to do', async () => {
    await expect(start({}, ['169.254.7.7'])).rejects.toThrow(/name it in publicAddresses/);
  });
});

describe('URLs and credentials for the tracker', () => {
  test('name every listener, under the host name or the addresses', async () => {
    const sessions = { isLive: () => true };
    const lab = await Lab.start({ sessions });
    const [stun, turn] = lab.service.iceServersFor('5e551');
    expect(stun).toEqual({ urls: [`stun:${SERVER}:3478`, `stun:[${SERVER6}]:3478`] });
    expect(turn?.urls).toEqual([
      `turn:${SERVER}:3478?transport=udp`,
      `turn:[${SERVER6}]:3478?transport=udp`,
      `turn:${SERVER}:3478?transport=tcp`,
      `turn:[${SERVER6}]:3478?transport=tcp`,
    ]);
    expect(turn?.username).toBe('1003600:5e551');
    await lab.service.close();

    const tls = new TestAuthority().issue('turn.example.org');
    const listen = [
      { protocol: 'tls', address: '0.0.0.0', port: 5349, tls },
      { protocol: 'tls', address: '::', port: 5349, tls },
      { protocol: 'udp', address: '0.0.0.0', port: 0 },
    ] as const;
    const named = await new Lab([SERVER, SERVER6]).serve({ sessions, hostname: 'turn.example.org', listen });
    const { port } = named.listening[0]!.address;
    expect(named.iceServersFor('x').flatMap(({ urls }) => urls)).toEqual([
      `stun:turn.example.org:${port}`,
      `turn:turn.example.org:${port}?transport=udp`,
      'turns:turn.example.org:5349?transport=tcp',
    ]);
    await named.close();

    const urls = ['turns:relay.example.org:443?transport=tcp'];
    const mapped = await new Lab([SERVER]).serve({ sessions, urls });
    expect(mapped.iceServersFor('x')).toMatchObject([{ urls }]);
    await mapped.close();
  });

  test('without sessions there are none', async () => {
    const lab = await Lab.start();
    expect(() => lab.service.iceServersFor('x')).toThrow(TypeError);
    await lab.service.close();
  });
});

describe('relay ports', () => {
  test('are of the range, each once; 508 when there is none left, until one is given back', async () => {
    const lab = await Lab.start({ relayPortRange: { min: 50_000, max: 50_003 } }, [SERVER]);
    const clients: LabClient[] = [];
    for (let i = 0; i < 4; i++) clients.push(await lab.client());
    const ports = clients.map(({ machine }) => machine.relayed!.port);
    expect([...ports].sort()).toEqual([50_000, 50_001, 50_002, 50_003]);
    expect((await lab.client()).failure).toBe(508);
    expect(lab.service.stats.relaysExhausted).toBe(1);
    clients[2]!.close();
    await lab.until(() => lab.service.stats.allocations === 3);
    expect((await lab.client()).machine.relayed?.port).toBe(ports[2]);
    await lab.service.close();
  });

  test('somebody else’s ports are passed over, and a range of them is a 508: no port is ever of the system’s choice', async () => {
    const lab = await Lab.start({ relayPortRange: { min: 50_000, max: 50_003 } }, [SERVER]);
    for (const port of [50_000, 50_001, 50_003]) lab.host.bind({ address: SERVER, port, onPacket: () => {} });
    const only = await lab.client();
    expect(only.machine.relayed?.port).toBe(50_002);
    expect((await lab.client()).failure).toBe(508);
    only.close();
    await lab.until(() => lab.service.stats.allocations === 0);
    expect((await lab.client()).machine.relayed?.port).toBe(50_002);
    await lab.service.close();
  });

  test('EVEN-PORT gets an even one or none', async () => {
    const lab = await Lab.start({ relayPortRange: { min: 50_001, max: 50_003 } }, [SERVER]);
    const even = (writer: StunWriter): unknown =>
      writer.attribute(TURN_ATTRIBUTE.evenPort, Uint8Array.of(0)) as unknown;
    expect(await new Asker(lab).allocate(even)).toBe(200);
    expect(await new Asker(lab).allocate(even)).toBe(508);
    expect(await new Asker(lab).allocate()).toBe(200);
    await lab.service.close();
  });

  test('a range that is none is refused', async () => {
    for (const relayPortRange of [
      { min: 0, max: 5 },
      { min: 6, max: 5 },
      { min: 1, max: 65_536 },
    ]) {
      await expect(Lab.start({ relayPortRange })).rejects.toThrow(RangeError);
    }
  });
});

describe('peers', () => {
  test.each([
    ['the server itself', SERVER],
    ['the server itself, IPv4-mapped', `::ffff:${SERVER}`],
    ['the server itself, over IPv6', SERVER6],
    ['its loopback', '127.0.0.1'],
    ['a private network', '192.168.0.1'],
    ['a carrier’s network', '100.64.1.1'],
    ['the metadata service', '169.254.169.254'],
    ['the metadata service through NAT64', '64:ff9b::a9fe:a9fe'],
    ['the metadata service through 6to4', '2002:a9fe:a9fe::1'],
    ['a multicast group', '224.0.0.251'],
  ])('%s: 403, and 200 where it is allowed', async (_, address) => {
    const six = (writer: StunWriter): unknown =>
      address.includes(':') && writer.attribute(TURN_ATTRIBUTE.requestedAddressFamily, Uint8Array.of(2, 0, 0, 0));
    for (const allowedPeers of [undefined, [address]]) {
      const lab = await Lab.start({
        relayPortRange: { min: 50_000, max: 50_100 },
        ...(allowedPeers !== undefined && { allowedPeers }),
      });
      const asker = new Asker(lab);
      expect(await asker.allocate(six)).toBe(200);
      // Its own relay is at the server's address, where permissions are given for the relays alone.
      const isOwn = [SERVER, SERVER6].includes(address);
      if (!isOwn) expect(await asker.permit(address)).toBe(allowedPeers ? 200 : 403);
      const peer = { address, port: 8080 };
      const bind = (writer: StunWriter): unknown =>
        writer
          .attribute(TURN_ATTRIBUTE.channelNumber, Uint8Array.of(0x40, 0, 0, 0))
          .xorAddress(TURN_ATTRIBUTE.xorPeerAddress, peer);
      expect(await asker.ask(0x0009, bind)).toBe(allowedPeers ? 200 : 403);
      await lab.service.close();
    }
  });

  test('the server’s own port is not relayed to even where its address is allowed', async () => {
    const lab = await Lab.start({ allowedPeers: [SERVER] });
    const client = await lab.client();
    const before = lab.service.stats.datagramsReceived;
    client.send('loop', { address: SERVER, port: 3478 });
    await lab.run(2000);
    expect(lab.service.stats.bytesFromClients).toBe(0);
    expect(lab.service.stats.datagramsReceived - before).toBeLessThan(5); // its permission, its indications
    await lab.service.close();
  });
});

describe('close', () => {
  test('ends allocations, frees every port, and leaves no timer', async () => {
    const lab = await Lab.start();
    const client = await lab.client();
    const stream = await lab.client({ transport: 'tcp' });
    await lab.service.close();
    client.vanish();
    stream.vanish();
    await lab.run(60_000);
    expect(lab.pending).toBe(0);
    const again = await lab.serve(); // on the same ports
    await again.close();
    await again.close();
  });

  test('with grace: no more allocations, those that are there go on, and the last one ends it', async () => {
    const lab = await Lab.start();
    const [a, b] = [await lab.client(), await lab.client()];
    let isClosed = false;
    const closing = lab.service.close({ graceMs: 3_600_000 }).then(() => {
      isClosed = true;
    });
    expect((await lab.client()).failure).toBe(508);
    await meet(lab, a, b);
    expect(a.data).toContain('to a 2');
    a.close();
    await lab.run(60_000);
    expect(isClosed).toBe(false);
    b.close();
    await lab.until(() => isClosed);
    await closing;
  });

  test('grace has an end', async () => {
    const lab = await Lab.start();
    await lab.client();
    let isClosed = false;
    void lab.service.close({ graceMs: 10_000 }).then(() => {
      isClosed = true;
    });
    await lab.run(9_000);
    expect(isClosed).toBe(false);
    await lab.run(2_000);
    expect([isClosed, lab.service.stats.relays]).toEqual([true, 0]);
  });

  test('a start that fails halfway leaves nothing open', async () => {
    const lab = new Lab();
    const taken = lab.host.bind({ address: SERVER, port: 3479, onPacket: () => {} });
    const listen = [3478, 3479].map((port) => ({ protocol: 'udp' as const, address: SERVER, port }));
    await expect(lab.serve({ listen })).rejects.toThrow(/EADDRINUSE|no free port/);
    taken.close();
    await (await lab.serve({ listen })).close();
  });
});

test('options that make no sense are refused before anything is opened', async () => {
  const host = new MemoryNetwork({ seed: 1 }).addHost({ addresses: [SERVER] });
  const start = (options: object): Promise<TurnService> =>
    TurnService.start({ runtime: host, realm: REALM, listen: [], ...options });
  const udp = { protocol: 'udp', address: SERVER, port: 3478 } as const;
  await expect(start({})).rejects.toThrow(/at least one address/);
  await expect(start({ listen: [{ ...udp, protocol: 'tls' }] })).rejects.toThrow(/certificate/);
  await expect(start({ listen: [{ ...udp, protocol: 'quic' }] })).rejects.toThrow(/udp, tcp or tls/);
  await expect(start({ listen: [udp], idleTimeoutMs: 0 })).rejects.toThrow(/idleTimeoutMs/);
  await expect(start({ listen: [udp], allowedPeers: ['10.0.0'] })).rejects.toThrow(TypeError);
  await expect(start({ listen: [udp], sessions: { isLive: () => true, secret: '' } })).rejects.toThrow(/secret/);
  expect(TurnServer).toBeDefined();
});
