import { describe, expect, test } from 'vitest';
import { MemoryNetwork } from '../../src/runtime/memory.ts';
import { numbered, numbers, open, pair } from './inboxes.ts';

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
