/** Flights on a bad network: lost, doubled, reordered, late; timers; the MTU. All on a virtual clock. */
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { MIN_MTU } from '../../src/dtls/flight.ts';
import { DtlsConnection, type DtlsOptions } from '../../src/dtls/index.ts';
import { SeededRandom } from '../../src/runtime/memory/seeded-random.ts';
import { loadCertificate, type Network, Pair, type PairOptions, PERFECT } from './pair.ts';
import { messagesOf, recordsOf } from './wire.ts';

const mutual: PairOptions = {
  client: { certificate: loadCertificate('ecdsa-p256') },
  server: { clientCertificate: 'required' },
};

/** A client that talks to nobody, and what it sends. */
function lonelyClient(options: Partial<DtlsOptions> = {}): { client: DtlsConnection; sent: Uint8Array[] } {
  const sent: Uint8Array[] = [];
  const common = { crypto: nodeCrypto, random: nodeCrypto.random, verifyCertificate: () => true };
  const client = new DtlsConnection(
    { ...common, role: 'client', ...options },
    { transmit: (datagram) => void sent.push(datagram), event: () => {} },
  );
  return { client, sent };
}

describe('loss', () => {
  const datagrams = { client: 3, server: 2 };
  for (const name of ['client', 'server'] as const) {
    for (let lost = 0; lost < datagrams[name]; lost++) {
      test(`the ${name}'s datagram ${lost} is lost once`, () => {
        const network: Network = (_, from, index) => (from.name === name && index === lost ? [] : [10]);
        const pair = new Pair({ ...mutual, network }).run();
        expect(pair.connected).toBe(true);
        expect(pair.now).toBeLessThan(500); // one timeout of 200 ms, and the four passages of 10 ms
      });
    }
  }

  test('heavy loss, doubling, reordering and delay: connects, or gives up by its deadline', () => {
    let connected = 0;
    const runs = 150;
    for (let seed = 1; seed <= runs; seed++) {
      const random = new SeededRandom(seed);
      const loss = 0.3 * random.unit();
      const network: Network = () => {
        if (random.unit() < loss) return [];
        const delay = random.between(1, 150);
        return random.unit() < 0.2 ? [delay, delay + random.between(0, 400)] : [delay];
      };
      const mtu = random.unit() < 0.5 ? 300 : 1200;
      const options = { mtu, cookie: random.unit() < 0.5 };
      const pair = new Pair({
        seed,
        network,
        client: { ...mutual.client, mtu },
        server: { ...mutual.server, ...options },
      }).run();
      const { state } = pair.client.connection;
      expect(['connected', 'failed'], `seed ${seed}`).toContain(state);
      if (pair.connected) {
        connected++;
        pair.network = PERFECT;
        pair.client.connection.send(Uint8Array.of(seed & 0xff));
        pair.advance(pair.now + 1000);
        expect(pair.server.data, `seed ${seed}`).toEqual([Uint8Array.of(seed & 0xff)]);
      }
    }
    expect(connected).toBe(runs); // with up to 30 % loss and twelve tries, none of these seeds gives up
  });
});

describe('the timer', () => {
  test('RFC 6347 §4.2.4.1: doubles from the first timeout up to 60 s, then the peer is given up', () => {
    const { client, sent } = lonelyClient({ initialTimeoutMs: 400 });
    client.start(1000);
    let now = 1000;
    for (const timeout of [400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000, 60_000, 60_000]) {
      expect(client.nextTimeout).toBe(now + timeout);
      client.handleTimeout(now + timeout - 1);
      const before = sent.length;
      now += timeout;
      client.handleTimeout(now);
      expect(sent.length).toBe(before + 1);
      client.handleTimeout(now); // a second time at the same moment: nothing
      expect(sent.length).toBe(before + 1);
    }
    expect(client.stats.retransmissions).toBe(12);
    client.handleTimeout(now + 60_000);
    expect(client.state).toBe('failed');
    expect(client.nextTimeout).toBe(Infinity);
    expect(sent).toHaveLength(13);
  });

  test('the handshake as a whole has a deadline where one is set', () => {
    const pair = new Pair({ network: () => [], client: { handshakeTimeoutMs: 5000 } }).run();
    expect(pair.now).toBe(5000);
    expect(pair.client.failure).toEqual({
      kind: 'failed',
      origin: 'timeout',
      alert: undefined,
      reason: 'the handshake took too long',
    });
    expect(pair.server.connection.state).toBe('connecting'); // it has heard nobody: its clock has not started
  });

  test("the server's deadline runs from the first ClientHello", () => {
    const pair = new Pair({
      network: (_, from, index) => (from.name === 'client' && index === 0 ? [1000] : []),
      client: { initialTimeoutMs: Infinity },
      server: { handshakeTimeoutMs: 5000 },
    }).run(10_000);
    expect(pair.server.failure?.origin).toBe('timeout');
    expect(pair.now).toBe(6000);
  });

  test('a new first timeout rescales the running one, doublings included', () => {
    const { client } = lonelyClient({ initialTimeoutMs: 400 });
    client.start(0);
    client.setInitialTimeout(200);
    expect(client.nextTimeout).toBe(200);
    client.handleTimeout(200);
    expect(client.nextTimeout).toBe(600);
    client.setInitialTimeout(400);
    expect(client.nextTimeout).toBe(1000);
    client.setInitialTimeout(50);
    expect(client.nextTimeout).toBe(300);
    client.handleTimeout(300);
    expect(client.nextTimeout).toBe(500);
  });

  test('Infinity hands the timer to the caller, who may repeat the flight and read it', () => {
    const { client, sent } = lonelyClient({ initialTimeoutMs: Infinity, handshakeTimeoutMs: Infinity });
    client.start(0);
    expect(client.nextTimeout).toBe(Infinity);
    expect(client.flight).toEqual(sent);
    client.retransmit();
    expect(sent).toHaveLength(2);
    expect(client.flight).toEqual([sent[1]]);
    expect(recordsOf(sent[1]!)[0]!.sequenceNumber).toBe(recordsOf(sent[0]!)[0]!.sequenceNumber + 1);
    sent[1]!.fill(0); // what was transmitted is given away: the flight must not change with it
    expect(recordsOf(client.flight[0]!)).toHaveLength(1);
  });

  test('part of an answer does not stop it: RFC 6347 §4.2.4, "partial reads […] do not cause […] timer resets"', () => {
    const pair = new Pair({
      server: { mtu: 300 },
      network: (_, from, index) => (from.name === 'server' && index > 0 ? [] : [10]),
    });
    pair.run(199);
    expect(pair.client.connection.nextTimeout).toBe(200);
    pair.network = PERFECT;
    pair.advance(10_000);
    expect(pair.connected).toBe(true);
  });
});

describe('repetitions', () => {
  test('a retransmitted record is a new record of the same message', () => {
    const pair = new Pair({ network: (_, from, index) => (from.name === 'server' && index < 2 ? [] : [10]) }).run();
    expect(pair.connected).toBe(true);
    const hellos = pair.server.sent.filter((datagram) => messagesOf(datagram).some(({ type }) => type === 2));
    expect(hellos.length).toBeGreaterThan(1);
    const [first, second] = hellos.map((datagram) => recordsOf(datagram)[0]!);
    expect(second!.sequenceNumber).toBeGreaterThan(first!.sequenceNumber);
    expect(second!.content).toEqual(first!.content);
  });

  test("the server's last flight is sent again whenever the client repeats its own, long after", () => {
    const pair = new Pair();
    const lastFlight: Uint8Array[] = [];
    pair.network = (datagram, from) => {
      const isLast = from.name === 'server' && recordsOf(datagram).some(({ epoch }) => epoch === 1);
      if (isLast) lastFlight.push(datagram);
      return isLast && lastFlight.length <= 5 ? [] : [10];
    };
    pair.run();
    expect(lastFlight).toHaveLength(6);
    expect(pair.connected).toBe(true);
    const finished = lastFlight.flatMap(recordsOf).filter(({ epoch }) => epoch === 1);
    expect(finished.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("the client does not answer the server's Finished, however often it comes", () => {
    const pair = new Pair().run();
    const sent = pair.client.sent.length;
    pair.server.connection.retransmit();
    pair.server.connection.retransmit();
    pair.advance(10_000);
    expect(pair.client.sent).toHaveLength(sent);
  });

  test('a doubled ClientHello brings one flight, a repeated one brings another', () => {
    const pair = new Pair({ network: (_, from) => (from.name === 'client' ? [10, 11] : []) });
    for (const { connection } of pair.peers) connection.start(0);
    pair.wait(50);
    expect(pair.server.sent).toHaveLength(1);
    pair.client.connection.retransmit();
    pair.wait(50);
    expect(pair.server.sent).toHaveLength(1); // 50 ms after its flight: a reordered duplicate, as likely as not
    pair.client.connection.retransmit();
    pair.wait(50);
    expect(pair.server.sent).toHaveLength(2); // 100 ms after it: the answer was lost
  });

  test('flight is empty once it is answered', () => {
    const pair = new Pair().run();
    expect(pair.client.connection.flight).toEqual([]);
    expect(pair.server.connection.flight).toHaveLength(1); // nothing has shown yet that it arrived…
    pair.client.connection.send(Uint8Array.of(1));
    pair.advance(pair.now + 100);
    expect(pair.server.connection.flight).toEqual([]); // …until the client's first data
  });
});

describe('the MTU', () => {
  test('no datagram is larger, whatever it is, and the handshake succeeds', () => {
    const sizes = [MIN_MTU, 90, 128, 200, 256, 297, 300, 500, 576, 1000, 1200, 1500, 9000, 65_507];
    for (const mtu of sizes) {
      for (const certificate of ['ecdsa-p256', 'rsa-2048'] as const) {
        const pair = new Pair({
          certificate,
          client: { certificate: loadCertificate(certificate), mtu },
          server: { clientCertificate: 'required', mtu },
        }).run();
        expect(pair.connected, `mtu ${mtu}`).toBe(true);
        const longest = pair.client.connection.maxDataLength;
        pair.client.connection.send(new Uint8Array(longest));
        pair.advance(pair.now + 100);
        expect(pair.server.data[0]).toHaveLength(longest);
        const largest = Math.max(...pair.peers.flatMap(({ sent }) => sent.map(({ length }) => length)));
        expect(largest).toBeLessThanOrEqual(mtu);
      }
    }
  });

  test('RFC 6347 §4.1.1.1: who probes for a larger one may pass it, up to what a record holds', () => {
    const pair = new Pair().run();
    const { connection } = pair.client;
    pair.client.sent.length = 0;
    connection.send(new Uint8Array(connection.maxDataLength));
    connection.send(new Uint8Array(connection.maxDataLength + 1));
    connection.send(new Uint8Array(16_384));
    expect(() => connection.send(new Uint8Array(16_385))).toThrow(RangeError);
    expect(pair.client.sent.map(({ length }) => length)).toEqual([1200, 1201, 16_384 + 37]);
    pair.wait(100);
    expect(pair.server.data.map(({ length }) => length)).toEqual([1163, 1164, 16_384]);
  });

  test('messages share a datagram while it has room', () => {
    const { server } = new Pair(mutual).run();
    expect(messagesOf(server.sent[0]!).map(({ type }) => type)).toEqual([2, 11, 12, 13, 14]);
    expect(server.sent[0]!.length).toBeLessThanOrEqual(1200);
  });

  test('every datagram of a flight but the last is full', () => {
    for (let mtu = 100; mtu < 400; mtu += 7) {
      const { server } = new Pair({
        certificate: 'rsa-2048',
        server: { mtu, clientCertificate: 'required' },
        network: (_, from) => (from.name === 'client' ? [10] : []),
      }).run(20);
      // One more record with the least piece of a message has 13 + 12 + 1 bytes.
      for (const { length } of server.sent.slice(0, -1)) expect(mtu - length).toBeLessThan(26);
    }
  });

  test('a flight that is sent again is cut to the MTU of the moment', () => {
    const pair = new Pair({ ...mutual, network: (_, from) => (from.name === 'client' ? [10] : []) });
    pair.run(20);
    for (const mtu of [300, 301, 302, 303, 299, 298, 297]) {
      pair.server.connection.setMtu(mtu);
      const before = pair.server.sent.length;
      pair.server.connection.retransmit();
      const again = pair.server.sent.slice(before);
      expect(again.length).toBeGreaterThan(2);
      for (const { length } of again) expect(length).toBeLessThanOrEqual(mtu);
    }
    pair.network = PERFECT;
    pair.server.connection.retransmit();
    pair.advance(10_000);
    expect(pair.connected).toBe(true);
  });

  test('fragments of different sizes of one message fit together', () => {
    const pair = new Pair({
      server: { mtu: 200 },
      network: (_, from, index) => (from.name === 'server' && index % 2 === 1 ? [] : [10]),
    });
    pair.run(150);
    pair.server.connection.setMtu(331);
    pair.network = PERFECT;
    pair.advance(10_000);
    expect(pair.connected).toBe(true);
  });
});

test('nobody stays busy: with a perfect network a handshake takes no timeout at all', () => {
  const pair = new Pair(mutual).run();
  expect(pair.now).toBe(40);
  expect(pair.peers.map(({ connection }) => connection.stats.retransmissions)).toEqual([0, 0]);
  expect(pair.peers.map(({ connection }) => connection.nextTimeout)).toEqual([Infinity, Infinity]);
});
