import { describe, expect, test } from 'vitest';
import { type Host, MemoryNetwork } from '../../src/runtime/memory.ts';
import { numbered, numbers, open, pair } from './inboxes.ts';

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
