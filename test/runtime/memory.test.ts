import { describe, expect, test } from 'vitest';
import type { SocketAddress } from '../../src/ice/address.ts';
import { type Host, type LinkOptions, MemoryNetwork, type NatKind } from '../../src/runtime/memory.ts';
import type { UdpSocket } from '../../src/runtime/runtime.ts';

type Inbox = {
  readonly socket: UdpSocket;
  readonly received: { at: number; packet: Uint8Array; remote: SocketAddress }[];
};

function open(host: Host, address: string, port = 0): Inbox {
  const received: Inbox['received'] = [];
  const onPacket = (packet: Uint8Array, remote: SocketAddress): void => {
    received.push({ at: host.now(), packet, remote });
  };
  return { socket: host.bind({ address, port, onPacket }), received };
}

/** Two hosts in the open network; what goes from a to b meets `link`. */
function pair(
  link: LinkOptions,
  seed: number | string = 1,
): { network: MemoryNetwork; host: Host; a: Inbox; b: Inbox } {
  const network = new MemoryNetwork({ seed });
  const host = network.addHost({ addresses: ['10.0.0.1'], uplink: link });
  const other = network.addHost({ addresses: ['10.0.0.2'] });
  return { network, host, a: open(host, '10.0.0.1'), b: open(other, '10.0.0.2') };
}

function numbered(n: number, size = 4): Uint8Array {
  const packet = new Uint8Array(size);
  new DataView(packet.buffer).setUint32(0, n);
  return packet;
}

function numbers({ received }: Inbox): number[] {
  return received.map(({ packet }) => new DataView(packet.buffer, packet.byteOffset).getUint32(0));
}

function sendMany({ network, a, b }: ReturnType<typeof pair>, count: number, everyMs = 1, size = 4): void {
  for (let i = 0; i < count; i++) {
    a.socket.send(numbered(i, size), b.socket.localAddress);
    network.run(everyMs);
  }
  network.run(1_000);
}

describe('links', () => {
  test('a packet takes the delays of both wires, and no time passes outside', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const [a, b] = ['10.0.0.1', '10.0.0.2'].map((address) =>
      open(network.addHost({ addresses: [address], link: { delayMs: 25 } }), address),
    );
    a!.socket.send(numbered(0), b!.socket.localAddress);
    network.run(49.9);
    expect(b!.received).toHaveLength(0);
    network.run(0.1);
    expect(b!.received[0]).toMatchObject({ at: 50, remote: a!.socket.localAddress });
  });

  test('jitter spreads arrivals and keeps their order', () => {
    const net = pair({ delayMs: 10, jitterMs: 30 });
    sendMany(net, 200);
    expect(numbers(net.b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    const delays = net.b.received.map(({ at }, i) => at - i);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...delays)).toBeLessThanOrEqual(40);
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(5);
  });

  test('random loss loses about its share', () => {
    const net = pair({ lossRate: 0.2 });
    sendMany(net, 5_000, 0);
    expect(net.b.received.length).toBeGreaterThan(3_850);
    expect(net.b.received.length).toBeLessThan(4_150);
    expect(net.network.fates.lost + net.network.fates.delivered).toBe(5_000);
  });

  test('burst loss loses in runs of the length asked for', () => {
    const net = pair({ burstLoss: { enterRate: 0.01, leaveRate: 0.2 } });
    sendMany(net, 20_000, 0);
    const seen = new Set(numbers(net.b));
    const runs: number[] = [];
    for (let i = 0, run = 0; i < 20_000; i++) {
      if (!seen.has(i)) run++;
      else if (run > 0) run = runs.push(run) && 0;
    }
    const mean = runs.reduce((sum, run) => sum + run, 0) / runs.length;
    expect(mean).toBeGreaterThan(4);
    expect(mean).toBeLessThan(6);
  });

  test('reordering lets some packets be overtaken, and loses none', () => {
    const net = pair({ reorderRate: 0.1, reorderMs: 20 });
    sendMany(net, 1_000);
    const order = numbers(net.b);
    expect([...order].sort((x, y) => x - y)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    const overtaken = order.filter((n, i) => i > 0 && n < order[i - 1]!).length;
    expect(overtaken).toBeGreaterThan(50);
    expect(overtaken).toBeLessThan(150);
  });

  test('duplicates are copies of their own', () => {
    const net = pair({ duplicateRate: 1 });
    net.a.socket.send(numbered(7), net.b.socket.localAddress);
    net.network.run(1);
    expect(numbers(net.b)).toEqual([7, 7]);
    net.b.received[0]!.packet.fill(0);
    expect(numbers(net.b)).toEqual([0, 7]);
  });

  test('bandwidth spaces packets out, and a full queue drops the tail', () => {
    const net = pair({ bandwidth: 1_000_000, queueBytes: 12_500 });
    for (let i = 0; i < 20; i++) net.a.socket.send(numbered(i, 1_222), net.b.socket.localAddress); // 1,250 with headers
    net.network.run(1_000);
    expect(numbers(net.b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(net.b.received.map(({ at }) => at)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(net.network.fates.queueFull).toBe(10);
  });

  test('packets over the MTU vanish', () => {
    const net = pair({ mtu: 1_280 });
    for (const size of [1_252, 1_253]) net.a.socket.send(numbered(size, size), net.b.socket.localAddress);
    net.network.run(1);
    expect(numbers(net.b)).toEqual([1_252]);
    expect(net.network.fates.tooBig).toBe(1);
  });

  test('a link can be cut, repaired, and told which packets to drop', () => {
    const net = pair({});
    const { uplink } = net.host.attachment;
    const send = (n: number): void => {
      net.a.socket.send(numbered(n), net.b.socket.localAddress);
      net.network.run(1);
    };
    uplink.isUp = false;
    send(1);
    uplink.isUp = true;
    send(2);
    let count = 0;
    uplink.drops = () => ++count === 2;
    for (const n of [3, 4, 5]) send(n);
    expect(numbers(net.b)).toEqual([2, 3, 5]);
    expect(net.network.fates).toMatchObject({ linkDown: 1, lost: 1, delivered: 3 });
  });

  test('the same seed gives the same packets at the same times, another seed others', () => {
    const play = (seed: number): unknown[] => {
      const net = pair({ delayMs: 5, jitterMs: 20, lossRate: 0.1, reorderRate: 0.1, duplicateRate: 0.05 }, seed);
      sendMany(net, 500);
      return net.b.received.map(({ at, packet }) => [at, ...packet]);
    };
    expect(play(42)).toEqual(play(42));
    expect(play(42)).not.toEqual(play(43));
  });
});

describe('NATs', () => {
  /** Inside host a behind a NAT; b and c outside, b with two sockets. */
  function natted(kind: NatKind) {
    const network = new MemoryNetwork({ seed: 1 });
    const nat = network.addNat({ kind, address: '203.0.113.1' });
    const inner = network.addHost({ addresses: ['192.168.0.2'], nat });
    const b = network.addHost({ addresses: ['198.51.100.1'] });
    const c = network.addHost({ addresses: ['198.51.100.2'] });
    const inboxes = {
      a: open(inner, '192.168.0.2', 5_000),
      b1: open(b, '198.51.100.1', 1_111),
      b2: open(b, '198.51.100.1', 2_222),
      c: open(c, '198.51.100.2', 3_333),
    };
    const send = (from: Inbox, to: SocketAddress): void => {
      from.socket.send(numbered(1), to);
      network.run(1);
    };
    return { network, nat, inner, send, ...inboxes };
  }

  test.each<[NatKind, { mapping: 'one' | 'each'; letsIn: string[] }]>([
    ['fullCone', { mapping: 'one', letsIn: ['b1', 'b2', 'c'] }],
    ['addressRestricted', { mapping: 'one', letsIn: ['b1', 'b2'] }],
    ['portRestricted', { mapping: 'one', letsIn: ['b1'] }],
    ['symmetric', { mapping: 'each', letsIn: ['b1'] }],
  ])('%s maps and filters as RFC 4787 §4 and §5 say', (kind, { mapping, letsIn }) => {
    const { send, a, b1, b2, c } = natted(kind);
    send(a, b1.socket.localAddress);
    const outside = b1.received[0]!.remote;
    expect(outside.address).toBe('203.0.113.1');
    for (const [name, from] of Object.entries({ b1, b2, c })) {
      a.received.length = 0;
      send(from, outside);
      expect(a.received.length, name).toBe(letsIn.includes(name) ? 1 : 0);
    }
    send(a, c.socket.localAddress);
    expect(c.received[0]!.remote.port === outside.port).toBe(mapping === 'one');
  });

  test('nobody reaches an inside host that has not sent, nor its inside address', () => {
    const { network, send, a, b1 } = natted('fullCone');
    send(b1, { address: '203.0.113.1', port: 5_000 });
    send(b1, a.socket.localAddress);
    expect(a.received).toHaveLength(0);
    expect(network.fates).toMatchObject({ filtered: 1, noRoute: 1 });
  });

  test('a mapping outlives its last packet by the timeout, and a reboot forgets it', () => {
    const { network, nat, send, a, b1 } = natted('portRestricted');
    nat.mappingTimeoutMs = 30_000;
    send(a, b1.socket.localAddress);
    const outside = b1.received[0]!.remote;
    network.run(29_000);
    send(b1, outside);
    expect(a.received).toHaveLength(1);
    network.run(2_000);
    send(b1, outside);
    expect(a.received).toHaveLength(1);
    send(a, b1.socket.localAddress);
    nat.reset();
    send(b1, outside);
    expect(a.received).toHaveLength(1);
  });

  test.each([true, false])(
    'hosts behind one NAT reach each other by external addresses if it hairpins: %s',
    (hairpin) => {
      const network = new MemoryNetwork({ seed: 1 });
      const nat = network.addNat({ kind: 'fullCone', address: '203.0.113.1', hairpin });
      const [a, b] = ['192.168.0.2', '192.168.0.3'].map((address) =>
        open(network.addHost({ addresses: [address], nat }), address),
      );
      const server = open(network.addHost({ addresses: ['198.51.100.1'] }), '198.51.100.1', 3478);
      for (const inner of [a!, b!]) inner.socket.send(numbered(0), server.socket.localAddress);
      network.run(1);
      const [outsideA, outsideB] = server.received.map(({ remote }) => remote);
      a!.socket.send(numbered(1), outsideB!);
      a!.socket.send(numbered(2), b!.socket.localAddress);
      network.run(1);
      const arrived = b!.received.map(({ remote }) => remote);
      expect(arrived).toEqual(hairpin ? [outsideA, a!.socket.localAddress] : [a!.socket.localAddress]);
    },
  );

  test('NATs stand behind NATs', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const carrier = network.addNat({ kind: 'portRestricted', address: '203.0.113.1' });
    const home = network.addNat({ kind: 'addressRestricted', address: '100.64.0.7', behind: carrier });
    const a = open(network.addHost({ addresses: ['192.168.0.2'], nat: home }), '192.168.0.2');
    const b = open(network.addHost({ addresses: ['198.51.100.1'] }), '198.51.100.1');
    a.socket.send(numbered(1), b.socket.localAddress);
    network.run(1);
    expect(b.received[0]!.remote.address).toBe('203.0.113.1');
    b.socket.send(numbered(2), b.received[0]!.remote);
    network.run(1);
    expect(numbers(a)).toEqual([2]);
    expect(a.received[0]!.remote).toEqual(b.socket.localAddress);
  });

  test('two cones punch holes towards each other', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const [a, b] = ['203.0.113.1', '203.0.113.2'].map((address) => {
      const nat = network.addNat({ kind: 'portRestricted', address });
      return open(network.addHost({ addresses: ['192.168.0.2'], nat, link: { delayMs: 10 } }), '192.168.0.2', 5_000);
    });
    a!.socket.send(numbered(1), { address: '203.0.113.2', port: 5_000 });
    network.run(5);
    b!.socket.send(numbered(2), { address: '203.0.113.1', port: 5_000 });
    network.run(100);
    expect([numbers(a!), numbers(b!)]).toEqual([[2], []]); // b's NAT had not been opened when the first came
  });
});

describe('hosts', () => {
  test('a host that moves loses its old address, and sockets on it fall silent', () => {
    const { network, host, a, b } = pair({});
    host.attachment.addresses = ['10.0.0.9'];
    a.socket.send(numbered(1), b.socket.localAddress);
    b.socket.send(numbered(2), a.socket.localAddress);
    network.run(1);
    expect([numbers(a), numbers(b)]).toEqual([[], []]);
    expect(a.socket.stats.sendErrors).toBe(1);
    const moved = open(host, '10.0.0.9');
    moved.socket.send(numbered(3), b.socket.localAddress);
    network.run(1);
    expect(b.received[0]!.remote).toEqual(moved.socket.localAddress);
    expect(host.networkInterfaces().map(({ address }) => address)).toEqual(['127.0.0.1', '::1', '10.0.0.9']);
  });

  test('a second interface takes over when the first is unplugged', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const phone = network.addHost({
      interfaces: [
        { name: 'wlan0', addresses: ['10.0.0.1'] },
        { name: 'rmnet0', addresses: ['10.1.0.1'] },
      ],
    });
    const server = open(network.addHost({ addresses: ['198.51.100.1'] }), '198.51.100.1');
    const any = open(phone, '0.0.0.0');
    any.socket.send(numbered(1), server.socket.localAddress);
    phone.attachment.isUp = false;
    any.socket.send(numbered(2), server.socket.localAddress);
    network.run(1);
    expect(server.received.map(({ remote }) => remote.address)).toEqual(['10.0.0.1', '10.1.0.1']);
    expect(phone.networkInterfaces().map(({ name }) => name)).toEqual(['lo', 'lo', 'rmnet0']);
  });

  test('mDNS reaches every host of the link, the sender included, and answers go to one', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const nat = network.addNat({ kind: 'symmetric', address: '203.0.113.1' });
    const heard: string[] = [];
    const join = (name: string, host: Host) =>
      host.joinMulticast({ onPacket: (packet, { address }) => heard.push(`${name}<${address}:${packet[3]}`) });
    const a = join('a', network.addHost({ addresses: ['192.168.0.2'], nat }));
    const b = join('b', network.addHost({ addresses: ['192.168.0.3'], nat }));
    join('outside', network.addHost({ addresses: ['198.51.100.1'] }));
    a.send(numbered(1));
    network.run(1);
    expect(heard.sort()).toEqual(['a<192.168.0.2:1', 'b<192.168.0.2:1']);
    heard.length = 0;
    b.sendTo(numbered(2), { address: '192.168.0.2', port: 5353 });
    network.run(1);
    expect(heard).toEqual(['a<192.168.0.3:2']);
  });

  test('names resolve after a while on the virtual clock', async () => {
    const network = new MemoryNetwork({ seed: 1, dnsDelayMs: 40 });
    const host = network.addHost({ addresses: ['10.0.0.1'] });
    network.setName('stun.example.org', ['198.51.100.1', '2001:db8::1']);
    let answer: string[] | undefined;
    host.lookup('STUN.example.org', 6).then((addresses) => {
      answer = addresses;
    });
    expect(await network.runUntilAsync(() => answer !== undefined)).toBe(true);
    expect(answer).toEqual(['2001:db8::1']);
    expect(network.now).toBe(40);
  });

  test('a poisoned network spoils what the sender should not have kept', () => {
    const network = new MemoryNetwork({ seed: 1, poisonsSentPackets: true });
    const host = network.addHost({ addresses: ['10.0.0.1'] });
    const inbox = open(host, '10.0.0.1');
    const packet = numbered(5);
    inbox.socket.send(packet, inbox.socket.localAddress);
    network.run(1);
    expect(numbers(inbox)).toEqual([5]);
    expect(packet).toEqual(new Uint8Array(4).fill(0xdb));
  });
});

describe('the virtual clock', () => {
  test('runUntil stops at the event that makes it true, and gives up at its limit', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const host = network.addHost({ addresses: ['10.0.0.1'] });
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      host.setTimer(10, tick);
    };
    tick();
    expect(network.runUntil(() => ticks === 5)).toBe(true);
    expect(network.now).toBe(40);
    expect(network.runUntil(() => false, 1_000)).toBe(false);
    expect(network.now).toBe(1_040);
    expect(ticks).toBe(105);
  });

  test('between two events promises run as far as they can', async () => {
    const network = new MemoryNetwork({ seed: 1 });
    const host = network.addHost({ addresses: ['10.0.0.1'] });
    const log: string[] = [];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void host.setTimer(ms, resolve));
    const worker = async (name: string, ms: number): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await sleep(ms);
        for (let hop = 0; hop < 20; hop++) await Promise.resolve();
        log.push(`${name}${host.now()}`);
      }
    };
    const work = Promise.all([worker('a', 10), worker('b', 15)]);
    let done = false;
    work.then(() => {
      done = true;
    });
    expect(await network.runUntilAsync(() => done)).toBe(true);
    expect(log).toEqual(['a10', 'b15', 'a20', 'b30', 'a30', 'b45']);
  });

  test('many timers, some cleared, fire in order', () => {
    const network = new MemoryNetwork({ seed: 1 });
    const host = network.addHost({ addresses: ['10.0.0.1'] });
    const fired: number[] = [];
    const timers = Array.from({ length: 2_000 }, () => {
      const delay = host.random.below(500);
      return { delay, handle: host.setTimer(delay, () => fired.push(delay)) };
    });
    const kept = timers.filter((_, i) => i % 3 !== 0);
    for (const [i, { handle }] of timers.entries()) if (i % 3 === 0) host.clearTimer(handle);
    network.run(500);
    expect(fired).toEqual(kept.map(({ delay }) => delay).sort((x, y) => x - y));
    expect(network.clock.size).toBe(0);
  });

  test('200 networks of two NATs carry 1,000 packets each within a second or two', () => {
    let delivered = 0;
    for (let seed = 0; seed < 200; seed++) {
      const network = new MemoryNetwork({ seed });
      const link = { delayMs: 20, jitterMs: 10, lossRate: 0.05, reorderRate: 0.02, duplicateRate: 0.02 };
      const [a, b] = ['203.0.113.1', '203.0.113.2'].map((address) => {
        const nat = network.addNat({ kind: 'portRestricted', address });
        return open(network.addHost({ addresses: ['192.168.0.2'], nat, link }), '192.168.0.2', 5_000);
      });
      const [toA, toB] = ['203.0.113.1', '203.0.113.2'].map((address) => ({ address, port: 5_000 }));
      for (let i = 0; i < 500; i++) {
        a!.socket.send(new Uint8Array(1_200), toB!);
        b!.socket.send(new Uint8Array(1_200), toA!);
        network.run(1);
      }
      network.run(200);
      delivered += a!.received.length + b!.received.length;
    }
    expect(delivered).toBeGreaterThan(170_000);
  }, 60_000);
});
