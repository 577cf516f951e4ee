/** A client and a server against each other: what works, for how long, and through what loss. */
import { describe, expect, test } from 'vitest';
import { parseStun, readErrorCode } from '../../src/stun/index.ts';
import { isChannelData, TURN_METHOD } from '../../src/turn/index.ts';
import { Client, PEER, RELAY_ADDRESSES, text, World } from './world.ts';

const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('an allocation', () => {
  test('is made with a challenge and one answer to it, and tells both addresses', () => {
    const world = new World();
    const client = new Client(world).allocate();
    expect(client.events).toEqual([
      {
        kind: 'allocated',
        relayed: { address: RELAY_ADDRESSES[4], port: 50_001 },
        mapped: client.flow.remote,
        lifetimeMs: 600_000,
      },
    ]);
    expect(client.sent).toHaveLength(2);
    expect(world.server.stats).toMatchObject({ challenges: 1, refusedRequests: 0 });
  });

  test('RFC 8656 §8: is refreshed before it ends, hour after hour, with nonces that go stale', () => {
    const world = new World();
    const client = new Client(world).allocate();
    world.run(3 * 3_600_000);
    expect(client.machine.state).toBe('allocated');
    expect(world.server.allocationCount).toBe(1);
    expect(world.server.stats.challenges).toBeGreaterThan(3); // 438 at most refreshes
    expect(world.server.stats.refusedRequests).toBe(0);
    expect(client.events).toHaveLength(1);
  });

  test('RFC 8656 §8.2: ends with a Refresh of lifetime 0', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.machine.close(world.now);
    world.run(1000);
    expect(client.events.at(-1)).toEqual({ kind: 'closed' });
    expect(world.server.allocationCount).toBe(0);
    expect(world.closed).toEqual([1]);
    expect(world.serverEvents.at(-1)).toMatchObject({ kind: 'released', reason: 'refreshed', username: 'alice' });
    expect(client.machine.nextTimeout).toBe(Infinity);
  });

  test('that is closed while it is being made is freed when it was made', () => {
    const world = new World();
    const client = new Client(world).start();
    client.machine.close(world.now);
    world.run(2000);
    expect(client.events).toEqual([{ kind: 'closed' }]);
    expect(world.opened).toHaveLength(1);
    expect(world.server.allocationCount).toBe(0);
  });

  test('ends by itself when the client is gone', () => {
    const world = new World();
    new Client(world).allocate();
    world.clients.length = 0;
    world.run(600_000 + 2000);
    expect(world.server.allocationCount).toBe(0);
    expect(world.closed).toEqual([1]);
    expect(world.server.nextTimeout).toBe(Infinity);
  });

  test('of both families is two clients; REQUESTED-ADDRESS-FAMILY says which', () => {
    const world = new World();
    const four = new Client(world, { family: 4 }).allocate();
    const six = new Client(world, { family: 6 }).allocate();
    expect(four.machine.relayed?.address).toBe(RELAY_ADDRESSES[4]);
    expect(six.machine.relayed?.address).toBe(RELAY_ADDRESSES[6]);
    six.send('six', { address: '2001:db8:1::7', port: 5000 });
    world.run(100);
    expect(world.received.map(text)).toEqual(['six']);
    expect(six.send('four', PEER)).toBe(false);
    expect(six.machine.stats.packetsNotSent).toBe(1);
  });

  test('of both families in one, with ADDITIONAL-ADDRESS-FAMILY', () => {
    const world = new World();
    const client = new Client(world, { family: 'both' }).allocate();
    const [allocated] = client.events;
    expect(allocated).toMatchObject({
      relayed: { address: RELAY_ADDRESSES[4] },
      alsoRelayed: { address: RELAY_ADDRESSES[6] },
    });
    client.send('six', { address: '2001:db8:1::7', port: 5000 });
    client.send('four', PEER);
    world.run(100);
    expect(world.received.map(text).sort()).toEqual(['four', 'six']);
  });

  test('RFC 8656 §7.4: DONT-FRAGMENT is asked for once, where the server cannot', () => {
    const world = new World();
    const client = new Client(world, { dontFragment: true }).allocate();
    const codes = world.answers.map(({ packet }) => readErrorCode(parseStun(packet)!)?.code);
    expect(codes).toEqual([401, 420, undefined]);
    client.send('small');
    world.run(100);
    expect(world.received.map(text)).toEqual(['small']);
  });

  test('is lost when the server has forgotten it: 437 to any request', () => {
    const world = new World();
    const client = new Client(world).allocate();
    world.server.revoke('alice');
    client.send('hello');
    world.run(1000);
    expect(client.failure?.code).toBe(437);
    expect(client.machine.nextTimeout).toBe(Infinity);
  });

  test('a server that is not there fails it with 408', () => {
    const world = new World();
    world.drops = () => true;
    const client = new Client(world).start();
    world.run(40_000);
    expect(client.failure).toMatchObject({ kind: 'failed', code: 408 });
    expect(client.sent).toHaveLength(7); // Rc, RFC 8489 §6.2.1
  });
});

describe('data', () => {
  test('goes to and fro: the first in indications, then on a channel', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.send('one');
    world.run(100);
    client.send('two');
    world.fromPeer(bytes('back'), client.machine.relayed!);
    world.run(100);
    expect(world.received.map(text)).toEqual(['one', 'two']);
    expect(world.received[0]!.from).toEqual(client.machine.relayed);
    expect(client.data).toEqual(['back']);
    expect(client.sent.filter(isChannelData)).toHaveLength(1);
    expect(isChannelData(world.answers.at(-1)!.packet)).toBe(true); // RFC 8656 §12.5: "the server … MUST use" it
  });

  test('STUN alone binds no channel: ICE checks go to many peers', () => {
    const world = new World();
    const client = new Client(world).allocate();
    const check = client.sent[0]!.slice();
    for (let i = 0; i < 3; i++) {
      client.machine.send(check, PEER, world.now);
      world.run(100);
    }
    expect(world.received).toHaveLength(3);
    expect(client.sent.filter(isChannelData)).toEqual([]);
    expect(methods(client)).not.toContain(TURN_METHOD.channelBind);
  });

  test('RFC 8656 §9: without a permission nothing comes in', () => {
    const world = new World();
    const client = new Client(world).allocate();
    world.fromPeer(bytes('knock'), client.machine.relayed!);
    world.run(100);
    expect(client.data).toEqual([]);
    expect(world.server.stats.droppedFromPeers).toBe(1);
    client.machine.permit(PEER.address, world.now);
    world.run(100);
    world.fromPeer(bytes('hello'), client.machine.relayed!, { ...PEER, port: 1234 }); // any port of the address
    world.run(100);
    expect(client.data).toEqual(['hello']);
  });

  test('RFC 8656 §9, §12: permissions and channels in use outlive their five and ten minutes', () => {
    const world = new World();
    const client = new Client(world).allocate();
    for (let minute = 0; minute < 60; minute++) {
      client.send(`to ${minute}`);
      world.fromPeer(bytes(`from ${minute}`), client.machine.relayed!);
      world.run(60_000);
    }
    expect(world.received).toHaveLength(60);
    expect(client.data).toHaveLength(60);
    expect(client.sent.filter(isChannelData).length).toBeGreaterThan(57);
    expect(world.server.stats.refusedRequests).toBe(0);
  });

  test('permissions that nobody uses are let go', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.send('once');
    world.run(1_200_000);
    world.fromPeer(bytes('late'), client.machine.relayed!);
    world.run(100);
    expect(client.data).toEqual([]);
    client.send('again'); // a new permission, and the same channel again
    world.run(100);
    client.send('and again');
    world.run(100);
    expect(world.received.map(text)).toEqual(['once', 'again', 'and again']);
    expect(isChannelData(client.sent.at(-1)!)).toBe(true);
  });

  test('RFC 8656 §12.6: a channel does not outlast its permission', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.send('one');
    world.run(100);
    client.send('two');
    world.run(100);
    const channelData = client.sent.find(isChannelData)!;
    world.clients.length = 0; // the client refreshes nothing any more
    world.run(299_000);
    world.toServer(channelData.slice(), client.flow);
    world.run(2000);
    world.toServer(channelData.slice(), client.flow);
    world.run(100);
    expect(world.received.map(text)).toEqual(['one', 'two', 'two']);
    expect(world.server.stats.droppedFromClients).toBe(1);
  });

  test('an empty datagram is a datagram, both ways', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.send('');
    world.run(100);
    client.send('');
    world.fromPeer(new Uint8Array(0), client.machine.relayed!);
    world.run(100);
    expect(world.received.map(text)).toEqual(['', '']);
    expect(client.data).toEqual(['']);
  });

  test('between two clients of one server goes through both relays', () => {
    const world = new World();
    const alice = new Client(world).allocate();
    const bob = new Client(world, { username: 'bob', password: 'builder' }).allocate();
    bob.machine.permit(alice.machine.relayed!.address, world.now);
    world.run(100);
    alice.send('hello', bob.machine.relayed!);
    world.run(200);
    expect(bob.data).toEqual(['hello']);
  });

  test('over a stream: every message padded to four bytes, no retransmissions, no keepalives', () => {
    const world = new World();
    const client = new Client(world, { transport: 'tcp' }).allocate();
    client.send('12345');
    world.run(100);
    client.send('1');
    world.fromPeer(bytes('abc'), client.machine.relayed!);
    world.run(100);
    expect(world.received.map(text)).toEqual(['12345', '1']);
    expect(client.data).toEqual(['abc']);
    expect(client.sent.at(-1)).toHaveLength(8);
    expect(world.answers.at(-1)!.packet).toHaveLength(8);
    const before = client.sent.length;
    world.run(200_000);
    expect(client.sent).toHaveLength(before);
  });

  test('RFC 8445 §11: over UDP the way to the server is kept open', () => {
    const world = new World();
    const client = new Client(world).allocate();
    const before = client.sent.length;
    world.run(151_000);
    const keepalives = client.sent.slice(before).map((packet) => parseStun(packet)!);
    expect(keepalives).toHaveLength(10);
    expect(keepalives.every(({ messageClass, method }) => messageClass === 'indication' && method === 1)).toBe(true);
    expect(world.server.stats.malformedPackets).toBe(0);
  });
});

describe('with loss', () => {
  test.each([1, 2, 3, 4, 5])('seed %i: a quarter of all packets lost, and an hour of data', (seed) => {
    const world = new World({}, seed);
    world.loss = 0.25;
    const client = new Client(world).start();
    world.run(60_000);
    expect(client.machine.state).toBe('allocated');
    let sent = 0;
    for (let second = 0; second < 3600; second += 5) {
      if (client.send('data')) sent++;
      world.run(5000);
    }
    expect(client.machine.state).toBe('allocated');
    expect(world.server.allocationCount).toBe(1);
    expect(world.opened).toHaveLength(1); // RFC 8656 §7.2: retransmissions do not make a second allocation
    expect(world.received.length).toBeGreaterThan(0.5 * sent);
  });

  test('RFC 8656 §7.2: a retransmitted Allocate gets the same answer, also when the relay opens late', () => {
    const world = new World();
    world.opens = () => 'later';
    const client = new Client(world).start();
    world.run(3000);
    expect(world.opened).toHaveLength(1);
    world.drops = (_, direction) => direction === 'down';
    world.open(world.opened[0]!);
    world.run(100);
    expect(client.machine.state).toBe('allocating');
    world.drops = () => false;
    world.run(10_000);
    expect(client.machine.state).toBe('allocated');
    expect(world.opened).toHaveLength(1);
  });
});

function methods(client: Client): number[] {
  return client.sent.flatMap((packet) => parseStun(packet)?.method ?? []);
}

describe('between two relays of one server', () => {
  /** Two clients that have told each other their relayed addresses. */
  function relays(options = {}): { world: World; a: Client; b: Client } {
    const world = new World(options);
    const [a, b] = [new Client(world).allocate(), new Client(world).allocate()];
    return { world, a, b };
  }
  const greet = ({ world, a, b }: ReturnType<typeof relays>): void => {
    a.send('from a', b.machine.relayed!);
    b.send('from b', a.machine.relayed!);
    world.run(200); // permissions on both sides
    a.send('again from a', b.machine.relayed!);
    b.send('again from b', a.machine.relayed!);
    world.run(200);
  };

  test('data does not leave the server, and the rate and the counters of both are charged', () => {
    const { world, a, b } = relays({ maxBytesPerSecond: 1000 });
    greet({ world, a, b });
    expect(a.data).toContain('again from b');
    expect(b.data).toContain('again from a');
    expect(world.received).toEqual([]);
    const { bytesFromClients } = world.server.stats;
    for (let i = 0; i < 30; i++) a.machine.send(new Uint8Array(100), b.machine.relayed!, world.now);
    world.run(20);
    expect(world.server.stats.bytesFromClients - bytesFromClients).toBeLessThanOrEqual(1000);
    expect(world.server.stats.droppedOverRate).toBeGreaterThan(15);
  });

  test('works where their address is refused otherwise, as in a private network; nothing else there is reached', () => {
    const deniedPeers = [`${RELAY_ADDRESSES[4]}/32`];
    const { world, a, b } = relays({ deniedPeers });
    greet({ world, a, b });
    world.run(1000);
    a.send('on the channel', b.machine.relayed!);
    world.run(200);
    expect(b.data).toContain('on the channel');

    const service = { address: RELAY_ADDRESSES[4], port: 53 };
    a.send('to a service beside the relays', service);
    world.run(1000);
    expect(world.received).toEqual([]);

    const gone = b.machine.relayed!;
    b.machine.close(world.now);
    world.run(1000);
    a.send('on a channel whose relay is gone', gone); // the port may be anyone's now
    world.run(1000);
    expect(world.received).toEqual([]);
    expect(world.server.stats.droppedFromClients).toBeGreaterThan(0);
  });

  test('a peer that did not permit the other gets nothing of it', () => {
    const { world, a, b } = relays();
    a.send('hello', b.machine.relayed!);
    world.run(500);
    expect(b.data).toEqual([]);
    expect(world.server.stats.droppedFromPeers).toBeGreaterThan(0);
  });
});

test('a server that drains makes no allocations and keeps those it has', () => {
  const world = new World();
  const client = new Client(world).allocate();
  world.server.drain();
  const late = new Client(world).start();
  world.run(1000);
  expect(late.failure?.code).toBe(508);
  world.run(1_200_000);
  expect(client.machine.state).toBe('allocated');
  expect(world.server.hasAllocation(client.flow.id)).toBe(true);
  expect(world.server.hasAllocation(late.flow.id)).toBe(false);
});
