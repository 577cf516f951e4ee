/**
 * What every runtime must do, as one suite: run by vitest over Node and the memory network, and by portable.ts on Deno
 * and Bun. It talks to loopback only; the mDNS part to the local link.
 */
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { equalBytes } from '../../src/binary/bytes.ts';
import type { SocketAddress } from '../../src/ice/address.ts';
import type { Runtime, UdpOptions, UdpSocket } from '../../src/runtime/runtime.ts';

export type ContractHarness = {
  readonly runtime: Runtime;
  /** Waits until `predicate` holds, or fails after a few seconds of the runtime's clock. */
  readonly until: (predicate: () => boolean, what: string) => Promise<void>;
};

export type ContractOptions = {
  readonly make: () => ContractHarness;
  readonly test: (name: string, run: () => Promise<void>) => void;
  /** The honest gap list. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
};

type Received = { packet: Uint8Array; remote: SocketAddress };
type Inbox = { socket: UdpSocket; received: Received[] };

const LOOPBACK = '127.0.0.1';

export function runContract({ make, test: register, skip = [] }: ContractOptions): void {
  const skipped = new Set(skip.flatMap(({ tests }) => tests));
  const test = (name: string, run: (harness: ContractHarness) => Promise<void>): void => {
    if (!skipped.has(name)) register(name, () => run(make()));
  };
  /** Containers often have no IPv6 at all; the memory network always has. */
  const testIpv6: typeof test = (name, run) =>
    test(name, async (harness) => {
      if (harness.runtime.networkInterfaces().some(({ address }) => address === '::1')) await run(harness);
    });
  const bind = async ({ runtime }: ContractHarness, options: Partial<UdpOptions> = {}): Promise<Inbox> => {
    const received: Received[] = [];
    const onPacket = (packet: Uint8Array, remote: SocketAddress): void => void received.push({ packet, remote });
    return { socket: await runtime.bindUdp({ address: LOOPBACK, onPacket, ...options }), received };
  };

  test('a socket bound to port 0 says which port it was given', async (harness) => {
    const { socket } = await bind(harness);
    strictEqual(socket.localAddress.address, LOOPBACK);
    ok(socket.localAddress.port > 0 && socket.localAddress.port <= 65_535);
    socket.close();
  });

  for (const [name, address, register] of [
    ['IPv4', '127.0.0.1', test],
    ['IPv6', '::1', testIpv6],
  ] as const) {
    register(`datagrams of every size cross ${name} loopback unchanged`, async (harness) => {
      const a = await bind(harness, { address });
      const b = await bind(harness, { address });
      const sizes = [0, 1, 2, 100, 1200, 1432];
      for (const size of sizes) a.socket.send(pattern(size), b.socket.localAddress);
      await harness.until(() => b.received.length === sizes.length, 'all datagrams');
      for (const [i, size] of sizes.entries()) {
        deepStrictEqual(b.received[i]!.packet, pattern(size));
        deepStrictEqual(b.received[i]!.remote, a.socket.localAddress);
      }
      close(a, b);
    });
  }

  test('a received packet is a plain Uint8Array of its own, and the remote object is reused', async (harness) => {
    const [a, b] = [await bind(harness), await bind(harness)];
    a.socket.send(pattern(10), b.socket.localAddress);
    a.socket.send(pattern(20), b.socket.localAddress);
    await harness.until(() => b.received.length === 2, 'both datagrams');
    const [first, second] = b.received;
    strictEqual(first!.packet.constructor, Uint8Array);
    strictEqual(first!.remote, second!.remote);
    first!.packet.fill(0xff);
    deepStrictEqual(second!.packet, pattern(20));
    close(a, b);
  });

  test('a burst of full datagrams arrives whole and in order', async (harness) => {
    const [a, b] = [await bind(harness), await bind(harness)];
    // The system's default buffer holds some 90; Deno's size is for something else, see there.
    const count = harness.runtime.name === 'deno' ? 80 : 150;
    for (let i = 0; i < count; i++) a.socket.send(new Uint8Array(1200).fill(i), b.socket.localAddress);
    await harness.until(() => b.received.length === count, 'the burst');
    deepStrictEqual(
      b.received.map(({ packet }) => packet[0]),
      Array.from({ length: count }, (_, i) => i),
    );
    deepStrictEqual({ ...a.socket.stats }, { ...NO_STATS, packetsSent: count, bytesSent: 1200 * count });
    deepStrictEqual({ ...b.socket.stats }, { ...NO_STATS, packetsReceived: count, bytesReceived: 1200 * count });
    close(a, b);
  });

  test('a port that is taken is refused, one in a range is found', async (harness) => {
    const taken = await bind(harness);
    const { port } = taken.socket.localAddress;
    await rejects(bind(harness, { port }), /EADDRINUSE/);
    await rejects(bind(harness, { portRange: { min: port, max: port } }), /EADDRINUSE/);
    const range = { min: Math.min(port, 65_520), max: Math.min(port, 65_520) + 15 };
    const found = await bind(harness, { portRange: range });
    const { port: foundPort } = found.socket.localAddress;
    ok(foundPort !== port && foundPort >= range.min && foundPort <= range.max);
    close(taken, found);
  });

  test('what the caller gets wrong is a RangeError, an address of others an Error', async (harness) => {
    for (const wrong of [
      { address: 'localhost' },
      { address: '' },
      { port: -1 },
      { port: 65_536 },
      { port: 1.5 },
      { portRange: { min: 0, max: 10 } },
      { portRange: { min: 11, max: 10 } },
    ]) {
      await rejects(bind(harness, wrong), RangeError);
    }
    await rejects(bind(harness, { address: '192.0.2.123' })); // RFC 5737: nobody's
  });

  test('send never throws: what cannot be sent is counted', async (harness) => {
    const a = await bind(harness);
    const wrong: SocketAddress[] = [
      { address: LOOPBACK, port: 0 },
      { address: LOOPBACK, port: 65_536 },
      { address: '::1', port: 9 },
    ];
    for (const remote of wrong) a.socket.send(pattern(1), remote);
    a.socket.send(new Uint8Array(70_000), a.socket.localAddress);
    await harness.until(() => a.socket.stats.sendErrors === wrong.length + 1, 'four counted errors');
    strictEqual(a.socket.stats.packetsSent, 0);
    a.socket.send(pattern(3), a.socket.localAddress);
    await harness.until(() => a.received.length === 1, 'the socket to be of use still');
    close(a);
  });

  test('a datagram to a port that nobody has does no harm', async (harness) => {
    const [a, b, gone] = [await bind(harness), await bind(harness), await bind(harness)];
    const nobody = gone.socket.localAddress;
    gone.socket.close();
    for (let i = 0; i < 5; i++) a.socket.send(pattern(i), nobody);
    a.socket.send(pattern(9), b.socket.localAddress);
    await harness.until(() => b.received.length === 1, 'the datagram after');
    close(a, b);
  });

  test('what was sent before close arrives; afterwards nothing does, and the port is free', async (harness) => {
    const [a, b] = [await bind(harness), await bind(harness)];
    a.socket.send(pattern(7), b.socket.localAddress);
    const { localAddress } = a.socket;
    a.socket.close();
    a.socket.close();
    a.socket.send(pattern(8), b.socket.localAddress);
    await harness.until(() => b.received.length === 1, 'the last datagram');
    const again = await bind(harness, { port: localAddress.port });
    b.socket.send(pattern(1), localAddress);
    await harness.until(() => again.received.length === 1, 'a datagram at the new socket');
    strictEqual(a.received.length, 0);
    strictEqual(b.received.length, 1);
    close(again, b);
  });

  test('a handler may close its own socket', async (harness) => {
    const a = await bind(harness);
    let packets = 0;
    const onPacket = (): void => {
      packets++;
      socket.close();
    };
    const socket = await harness.runtime.bindUdp({ address: LOOPBACK, onPacket });
    for (let i = 0; i < 3; i++) a.socket.send(pattern(1), socket.localAddress);
    a.socket.send(pattern(1), a.socket.localAddress);
    await harness.until(() => a.received.length === 1, 'the datagram after');
    strictEqual(packets, 1);
    close(a);
  });

  testIpv6('an unspecified address takes every address of its family and no other', async (harness) => {
    const ipv6 = await bind(harness, { address: '::' });
    const { port } = ipv6.socket.localAddress;
    const ipv4 = await bind(harness, { address: '0.0.0.0', port });
    const [a, b] = [await bind(harness, { address: LOOPBACK }), await bind(harness, { address: '::1' })];
    a.socket.send(pattern(4), { address: LOOPBACK, port });
    b.socket.send(pattern(6), { address: '::1', port });
    await harness.until(() => ipv4.received.length + ipv6.received.length === 2, 'both datagrams');
    deepStrictEqual(ipv4.received[0], { packet: pattern(4), remote: a.socket.localAddress });
    deepStrictEqual(ipv6.received[0], { packet: pattern(6), remote: b.socket.localAddress });
    close(ipv4, ipv6, a, b);
  });

  test('timers fire in order, once, and not before their time', async ({ runtime, until }) => {
    const start = runtime.now();
    const fired: { delayMs: number; after: number }[] = [];
    for (const delayMs of [30, 0, 10.5, -5, 20]) {
      runtime.setTimer(delayMs, () => fired.push({ delayMs, after: runtime.now() - start }));
    }
    await until(() => fired.length === 5, 'five timers');
    deepStrictEqual(fired.map(({ delayMs }) => delayMs).slice(-3), [10.5, 20, 30]);
    for (const { delayMs, after } of fired) ok(after >= delayMs - 1, `${delayMs} ms fired after ${after} ms`);
  });

  test('a cleared timer does not fire, and clearing late is no error', async ({ runtime, until }) => {
    let cleared = 0;
    let done = false;
    const first = runtime.setTimer(1, () => cleared++);
    const second = runtime.setTimer(10, () => {
      done = true;
    });
    runtime.clearTimer(first);
    runtime.clearTimer(first);
    await until(() => done, 'the second timer');
    runtime.clearTimer(second);
    strictEqual(cleared, 0);
  });

  test('a timer beyond every clock waits', async ({ runtime, until }) => {
    let early = 0;
    let done = false;
    const timers = [2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY].map((delay) => runtime.setTimer(delay, () => early++));
    runtime.setTimer(10, () => {
      done = true;
    });
    await until(() => done, 'a short timer');
    for (const timer of timers) runtime.clearTimer(timer);
    strictEqual(early, 0);
  });

  test('queueTurn runs after the synchronous code, in order, and may queue again', async ({ runtime, until }) => {
    const order: string[] = [];
    runtime.queueTurn(() => {
      order.push('first');
      runtime.queueTurn(() => order.push('third'));
    });
    runtime.queueTurn(() => order.push('second'));
    order.push('synchronous');
    await until(() => order.length === 4, 'three turns');
    deepStrictEqual(order, ['synchronous', 'first', 'second', 'third']);
  });

  test('the clock is monotonic', async ({ runtime }) => {
    for (let i = 0, last = runtime.now(); i < 100; i++) {
      const now = runtime.now();
      ok(now >= last);
      last = now;
    }
  });

  test('the interfaces are there, loopback marked', async ({ runtime }) => {
    const interfaces = runtime.networkInterfaces();
    const loopback = interfaces.find(({ address }) => address === LOOPBACK);
    const { name, ...rest } = loopback!;
    ok(name.length > 0);
    deepStrictEqual(rest, {
      address: LOOPBACK,
      family: 4,
      prefixLength: 8,
      internal: true,
      linkLocal: false,
      temporary: false,
    });
    for (const { address, family } of interfaces) strictEqual(address.includes(':') ? 6 : 4, family);
  });

  test('lookup finds localhost, and nothing for a name that cannot be', async ({ runtime, until }) => {
    const answers: string[][] = [];
    const ask = (name: string, family: 4 | 6): void => {
      runtime.lookup(name, family).then((addresses) => answers.push(addresses));
    };
    ask('localhost', 4);
    await until(() => answers.length === 1, 'localhost');
    deepStrictEqual(answers[0], [LOOPBACK]);
    ask(`${'x'.repeat(64)}.invalid`, 4); // a label has at most 63 bytes (RFC 1035 §2.3.4)
    ask(`${'x'.repeat(64)}.invalid`, 6);
    await until(() => answers.length === 3, 'two empty answers');
    deepStrictEqual(answers.slice(1), [[], []]);
  });

  test('mDNS sockets hear each other where there is a link, and do no harm where there is none', async (harness) => {
    const { runtime, until } = harness;
    const heard: Received[][] = [[], []];
    const open = (i: number) =>
      runtime.openMulticast({ onPacket: (packet, remote) => heard[i]!.push({ packet, remote }) });
    const [a, b] = [await open(0), await open(1)];
    strictEqual(a.memberships, b.memberships);
    const query = mdnsQuery(`purertc-contract-${Math.floor(runtime.now())}.local`);
    a.send(query.slice());
    const isQuery = ({ packet }: Received): boolean => equalBytes(packet, query);
    if (a.memberships > 0) {
      await until(() => heard.every((packets) => packets.some(isQuery)), 'the query in both sockets');
      const { remote } = heard[1]!.find(isQuery)!;
      strictEqual(remote.port, 5353);
    }
    a.close();
    a.close();
    a.send(query);
    a.sendTo(query, { address: LOOPBACK, port: 5353 });
    b.close();
  });

  test('randomness fills all it is given', async ({ runtime }) => {
    const bytes = new Uint8Array(257);
    runtime.random.fill(bytes);
    ok(new Set(bytes).size > 100);
    const hashed = runtime.crypto.hash('sha256', new Uint8Array(0));
    strictEqual(hashed[0], 0xe3); // FIPS 180-4: SHA-256 of nothing is e3b0c442…
  });
}

const NO_STATS = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0, sendErrors: 0 };

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff);
}

function close(...inboxes: Inbox[]): void {
  for (const { socket } of inboxes) socket.close();
}

/** RFC 1035 §4.1: one question, type A, class IN. */
function mdnsQuery(name: string): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}
