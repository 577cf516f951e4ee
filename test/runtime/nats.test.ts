import { describe, expect, test } from 'vitest';
import type { SocketAddress } from '../../src/ice/address.ts';
import { MemoryNetwork, type NatKind } from '../../src/runtime/memory.ts';
import { type Inbox, numbered, numbers, open } from './inboxes.ts';

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
