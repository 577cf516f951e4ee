/** What many, idle, slow and hostile clients can take from a service. */
import { describe, expect, test } from 'vitest';
import { siteOf } from '../../../src/runtime/connection-counts.ts';
import { StrangerLimit } from '../../../src/server/turn/stranger-limit.ts';
import { TURN_METHOD } from '../../../src/turn/index.ts';
import { TestAuthority } from '../../runtime/test-authority.ts';
import { Asker, Lab, LabClient, LabConnection } from './lab.ts';

describe('strangers', () => {
  test('a flood of Allocate requests without credentials is answered at a bounded rate and opens nothing', async () => {
    const lab = await Lab.start({ strangerRequestsPerSecond: 10 });
    const flood = new Asker(lab);
    for (let i = 0; i < 500; i++) {
      for (let n = 0; n < 10; n++) flood.send(flood.unsigned(TURN_METHOD.allocate));
      lab.tick(10);
    }
    // Five seconds at ten a second, and the hundred that may come at once.
    expect(flood.answerCount).toBeGreaterThan(140);
    expect(flood.answerCount).toBeLessThan(160);
    expect(lab.service.stats.strangersRefused).toBeGreaterThan(4800);
    expect(lab.service.stats).toMatchObject({ allocations: 0, relays: 0 });
    expect((await lab.client()).machine.state).toBe('allocated'); // from another address
    await lab.service.close();
  });

  test('who has an allocation is not one of them, whatever comes from the same address', async () => {
    const lab = await Lab.start({ strangerRequestsPerSecond: 1 });
    const host = lab.newHost();
    const client = await lab.client({}, host);
    const flood = new Asker(lab, undefined, host);
    for (let i = 0; i < 50; i++) flood.send(flood.unsigned(TURN_METHOD.allocate));
    await lab.run(100);
    expect(lab.service.stats.strangersRefused).toBeGreaterThan(30);
    const before = lab.service.stats.strangersRefused;
    for (let i = 0; i < 20; i++) client.send(`${i}`, { address: '192.0.2.1', port: 9 });
    await lab.run(1000);
    expect(lab.service.stats.strangersRefused).toBe(before);
    expect(lab.service.stats.bytesFromClients).toBeGreaterThan(0);
    await lab.service.close();
  });

  test('wrong passwords are bounded as well', async () => {
    const lab = await Lab.start({ strangerRequestsPerSecond: 1 });
    const guesser = new Asker(lab, { username: 'alice', password: 'wrong' });
    for (let i = 0; i < 9; i++) expect(await guesser.allocate()).toBe(401);
    guesser.send(guesser.unsigned(TURN_METHOD.allocate));
    await lab.run(100);
    expect(lab.service.stats.strangersRefused).toBe(1);
    await lab.service.close();
  });

  test('a /64 of IPv6 is one visitor; all together have a limit of their own; made-up addresses take no more than the table', () => {
    expect(siteOf('2001:db8:1:2:3::4')).toBe(siteOf('2001:db8:1:2:ffff::9'));
    expect(siteOf('2001:db8:1:3::4')).not.toBe(siteOf('2001:db8:1:2::4'));
    const limit = new StrangerLimit(1);
    const admitted = (address: string, count: number): number =>
      Array.from({ length: count }, () => limit.admits(address, 0)).filter(Boolean).length;
    expect(admitted('192.0.2.1', 100)).toBe(10);
    expect(admitted('2001:db8:1:2::4', 5) + admitted('2001:db8:1:2::5', 95)).toBe(10);
    let total = 20;
    for (let i = 0; i < 60_000; i++) if (limit.admits(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)) total++;
    expect(total).toBe(10_000);
    expect(limit.admits('192.0.2.2', 1000)).toBe(true);
  });
});

describe('connections over TCP', () => {
  test('without an allocation and without a word: closed after the time set; with one: kept', async () => {
    const lab = await Lab.start({ idleTimeoutMs: 10_000 });
    const silent = new LabConnection(lab.newHost());
    const client = await lab.client({ transport: 'tcp' });
    await lab.run(9_000);
    expect([silent.isOpen, silent.isOver]).toEqual([true, false]);
    await lab.run(7_000);
    expect(silent.isOver).toBe(true);
    await lab.run(120_000);
    expect(client.machine.state).toBe('allocated');
    expect(lab.service.stats).toMatchObject({ connections: 1, idleConnectionsClosed: 1 });
    client.close(); // and then it is idle like any other
    await lab.until(() => lab.service.stats.connections === 0);
    await lab.service.close();
  });

  test('one drop at a time is no message: whoever sends half of one is idle', async () => {
    const lab = await Lab.start({ idleTimeoutMs: 10_000 });
    const slow = new LabConnection(lab.newHost());
    await lab.until(() => slow.isOpen);
    const bytes = new Asker(lab).unsigned(TURN_METHOD.allocate);
    for (let i = 0; i < bytes.length && !slow.isOver; i++) {
      slow.socket.write(bytes.slice(i, i + 1));
      lab.tick(1500);
    }
    expect(slow.isOver).toBe(true);
    await lab.service.close();
  });

  test('as many as one address may have, and as many as there may be', async () => {
    const lab = await Lab.start({ maxConnectionsPerAddress: 3, maxConnections: 5 });
    const [one, other] = [lab.newHost(), lab.newHost()];
    const ofOne = Array.from({ length: 5 }, () => new LabConnection(one));
    await lab.run(1000);
    expect(ofOne.filter(({ isOver }) => isOver)).toHaveLength(2);
    const ofOther = Array.from({ length: 3 }, () => new LabConnection(other));
    await lab.run(1000);
    expect(ofOther.filter(({ isOver }) => isOver)).toHaveLength(1);
    expect(lab.service.stats.connections).toBe(5);
    ofOne.find(({ isOver }) => !isOver)!.socket.close();
    await lab.until(() => lab.service.stats.connections === 4);
    expect(lab.service.stats.connectionsRefused).toBe(3);
    const next = new LabConnection(one);
    await lab.run(1000);
    expect(next.isOver).toBe(false);
    await lab.service.close();
  });

  test('those that never finish their TLS handshake count, and have ten seconds for it', async () => {
    const tls = new TestAuthority().issue('turn.example.org');
    const listen = [{ protocol: 'tls', address: '0.0.0.0', port: 3478, tls }] as const;
    const lab = await Lab.start({ listen, maxConnectionsPerAddress: 3 });
    const host = lab.newHost();
    const silent = Array.from({ length: 5 }, () => new LabConnection(host));
    await lab.run(1000);
    expect(silent.filter(({ isOver }) => isOver)).toHaveLength(2);
    expect(lab.service.stats).toMatchObject({ connections: 0, connectionsRefused: 2 });
    await lab.run(10_000);
    expect(silent.every(({ isOver }) => isOver)).toBe(true);
    expect(lab.service.stats.handshakesFailed).toBe(3);
    await lab.service.close();
  });

  test('what is no TURN ends the connection, and takes the allocation along', async () => {
    const lab = await Lab.start();
    const client = await lab.client({ transport: 'tcp' });
    client.tcp!.write(Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3)); // TLS, where none is spoken
    await lab.until(() => lab.service.stats.allocations === 0);
    expect(lab.service.stats).toMatchObject({ brokenStreams: 1, connections: 0, relays: 0 });
    await lab.service.close();
  });

  test('the connection ends: so does its allocation', async () => {
    const lab = await Lab.start();
    const client = await lab.client({ transport: 'tcp' });
    client.vanish();
    await lab.until(() => lab.service.stats.allocations === 0);
    expect(lab.service.stats).toMatchObject({ connections: 0, relays: 0 });
    await lab.service.close();
  });

  test('a reader that stops reading: datagrams are dropped, little waits, and it goes on where it left off', async () => {
    const lab = await Lab.start();
    const client = await lab.client({ transport: 'tcp' });
    const peer = lab.network.addHost({ addresses: ['192.0.2.50'], link: { delayMs: 1 } });
    let from: { address: string; port: number } | null = null;
    const socket = peer.bind({
      address: '192.0.2.50',
      port: 5000,
      onPacket: (_, remote) => {
        from = remote;
      },
    });
    client.send('hello', socket.localAddress);
    await lab.until(() => from !== null);
    client.tcp!.pause();
    for (let i = 0; i < 1000; i++) {
      socket.send(new Uint8Array(1000), from!);
      lab.tick(1);
    }
    await lab.run(1000);
    const { droppedToSlowReaders, bytesToClients } = lab.service.stats;
    expect(bytesToClients).toBe(1_000_000);
    expect(droppedToSlowReaders).toBeGreaterThan(500);
    client.tcp!.resume();
    await lab.run(10_000);
    socket.send(new TextEncoder().encode('after'), from!);
    await lab.until(() => client.data.includes('after'));
    await lab.service.close();
  });
});

describe('users', () => {
  test('quota: 486 past it, for whoever it is', async () => {
    const lab = await Lab.start({ maxAllocationsPerUser: 2 });
    const outcomes: (number | undefined)[] = [];
    for (const username of ['alice', 'alice', 'alice', 'bob']) {
      const password = username === 'alice' ? 'wonderland' : 'builder';
      outcomes.push((await lab.client({ username, password })).failure);
    }
    expect(outcomes).toEqual([undefined, undefined, 486, undefined]);
    await lab.service.close();
  });

  test('in all: 508 past it', async () => {
    const lab = await Lab.start({ maxAllocations: 1 });
    expect([(await lab.client()).failure, (await lab.client()).failure]).toEqual([undefined, 508]);
    await lab.service.close();
  });

  test('bandwidth of one allocation', async () => {
    const lab = await Lab.start({ maxBytesPerSecond: 10_000 });
    const client = await lab.client();
    const peer = lab.network.addHost({ addresses: ['192.0.2.50'], link: { delayMs: 1 } });
    let received = 0;
    peer.bind({ address: '192.0.2.50', port: 5000, onPacket: (packet) => (received += packet.length) });
    for (let i = 0; i < 200; i++) {
      client.send('x'.repeat(1000), { address: '192.0.2.50', port: 5000 });
      lab.tick(10);
    }
    expect(received).toBeGreaterThan(15_000);
    expect(received).toBeLessThan(32_000); // of 200,000, in two seconds, with a second's worth at once
    expect(lab.service.stats.droppedOverRate).toBeGreaterThan(150);
    await lab.service.close();
  });

  test('1,000 allocations and their end, one way and the other, leave nothing', async () => {
    const lab = await Lab.start({ maxAllocationsPerUser: 1000, strangerRequestsPerSecond: 1000 });
    const hosts = Array.from({ length: 10 }, () => lab.newHost());
    const clients = Array.from({ length: 1000 }, (_, i) => {
      const transport = i % 4 === 0 ? 'tcp' : 'udp';
      return new LabClient(hosts[i % 10]!, { transport, family: i % 2 === 0 ? 4 : 6 });
    });
    await lab.until(() => clients.every(({ machine }) => machine.state === 'allocated'), 'all are allocated');
    expect(lab.service.stats).toMatchObject({ allocations: 1000, relays: 1000, connections: 250 });
    for (const [i, client] of clients.entries()) {
      if (i % 3 > 0) client.close();
      client.vanish(); // a third of them without a word
    }
    lab.tick(700_000);
    expect(lab.service.stats).toMatchObject({ allocations: 0, relays: 0, connections: 0 });
    expect(lab.pending).toBe(0); // not one timer
    await lab.service.close();
  });
});
