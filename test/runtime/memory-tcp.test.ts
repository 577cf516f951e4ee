import { expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../src/binary/bytes.ts';
import { type Host, type LinkOptions, MemoryNetwork } from '../../src/runtime/memory.ts';
import type { TcpSocket } from '../../src/runtime/tcp.ts';

type End = { socket: TcpSocket; received: Uint8Array; closed: Error | null | undefined };

const SERVER = '198.51.100.1';

async function world(link: LinkOptions, seed = 1) {
  const network = new MemoryNetwork({ seed, poisonsSentPackets: true });
  const nat = network.addNat({ kind: 'portRestricted', address: '203.0.113.1' });
  const client = network.addHost({ addresses: ['192.168.0.2'], nat, link });
  const server = network.addHost({ addresses: [SERVER] });
  const accepted: End[] = [];
  await server.listenTcp({
    address: SERVER,
    port: 3478,
    onConnection: (socket) => {
      const end: End = { socket, received: new Uint8Array(0), closed: undefined };
      accepted.push(end);
      return handlers(end);
    },
  });
  return { network, client, server, accepted };
}

function handlers(end: End) {
  return {
    onData: (bytes: Uint8Array) => {
      end.received = concatBytes(end.received, bytes);
    },
    onClose: (error: Error | null) => {
      end.closed = error;
    },
  };
}

function connect(host: Host, maxBufferedBytes = 1_048_576): End {
  const end = { received: new Uint8Array(0), closed: undefined } as unknown as End;
  end.socket = host.connectTcp({ remote: { address: SERVER, port: 3478 }, maxBufferedBytes, ...handlers(end) });
  return end;
}

const pattern = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 13 + (i >> 8)) & 0xff);

test('a stream arrives whole and in order over a wire that loses, reorders and repeats, through a NAT', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const link = { delayMs: 20, jitterMs: 10, lossRate: 0.05, reorderRate: 0.05, duplicateRate: 0.05 };
    const { network, client, accepted } = await world(link, seed);
    const a = connect(client);
    expect(network.runUntil(() => accepted.length === 1)).toBe(true);
    const b = accepted[0]!;
    expect(b.socket.remoteAddress.address).toBe('203.0.113.1');
    expect(network.runUntil(() => a.socket.write(pattern(100_000)))).toBe(true);
    b.socket.write(pattern(50_000));
    expect(network.runUntil(() => b.received.length === 100_000 && a.received.length === 50_000)).toBe(true);
    expect(equalBytes(b.received, pattern(100_000)) && equalBytes(a.received, pattern(50_000))).toBe(true);
    a.socket.close();
    expect(network.runUntil(() => b.closed !== undefined)).toBe(true);
    expect(b.closed).toBe(null);
    network.run(120_000);
    expect(network.clock.size).toBe(0); // no timer of either is left
  }
});

test('a thin wire backs the stream up, and what does not fit is refused', async () => {
  const { network, client, accepted } = await world({ delayMs: 20, bandwidth: 1_000_000 });
  const a = connect(client, 64_000);
  network.runUntil(() => accepted.length === 1);
  network.run(50);
  let taken = 0;
  for (let i = 0; i < 200; i++) if (a.socket.write(new Uint8Array(1_000))) taken++;
  expect(taken).toBeGreaterThan(100); // the window and the buffer
  expect(taken).toBeLessThan(120);
  expect(a.socket.stats.writesRefused).toBe(200 - taken);
  network.run(2_000);
  expect(a.socket.bufferedBytes).toBe(0);
  expect(accepted[0]!.received.length).toBe(taken * 1_000);
});

test('a reader that pauses slows the writer down; once it goes on, what was lost meanwhile comes again, and once', async () => {
  const { network, client, accepted } = await world({ delayMs: 10 });
  const a = connect(client);
  network.runUntil(() => accepted.length === 1);
  const b = accepted[0]!;
  b.socket.pause();
  a.socket.write(pattern(300_000));
  network.run(2_000);
  expect(b.received.length).toBe(0);
  b.socket.resume();
  let packets = 0;
  network.onFate = () => {
    packets++;
  };
  network.run(60_000);
  expect(equalBytes(b.received, pattern(300_000))).toBe(true);
  expect(packets).toBeLessThan(800); // 215 segments and their acknowledgements
});

test('a peer that is gone is noticed by whoever writes; one that forgot the connection resets it', async () => {
  const { network, client, server, accepted } = await world({ delayMs: 5 });
  const a = connect(client);
  network.runUntil(() => accepted.length === 1);
  network.run(50);
  server.attachment.isUp = false;
  a.socket.write(pattern(10));
  expect(network.runUntil(() => a.closed !== undefined, 120_000)).toBe(true);
  expect((a.closed as { code?: string }).code).toBe('ETIMEDOUT');
  server.attachment.isUp = true;
  const b = connect(client);
  network.runUntil(() => accepted.length === 2);
  network.run(50);
  server.attachment.isUp = false;
  accepted[1]!.socket.close();
  network.run(10_000);
  server.attachment.isUp = true;
  b.socket.write(pattern(10));
  expect(network.runUntil(() => b.closed !== undefined)).toBe(true);
  expect((b.closed as { code?: string }).code).toBe('ECONNRESET');
});

test('what a NAT lets in for UDP it does not for TCP', async () => {
  const { network, client, server, accepted } = await world({ delayMs: 5 });
  const udp = client.bind({ address: '192.168.0.2', port: 5_000, onPacket: () => {} });
  udp.send(new Uint8Array(1), { address: SERVER, port: 9 });
  network.run(20);
  let refused: Error | null | undefined;
  server.connectTcp({
    remote: { address: '203.0.113.1', port: 5_000 },
    timeoutMs: 3_000,
    onData: () => {},
    onClose: (error) => {
      refused = error;
    },
  });
  network.runUntil(() => refused !== undefined);
  expect((refused as { code?: string }).code).toBe('ETIMEDOUT');
  expect(accepted).toHaveLength(0);
});
