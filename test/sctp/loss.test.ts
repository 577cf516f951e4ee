import { describe, expect, test } from 'vitest';
import { CHUNK } from '../../src/sctp/packet/chunk.ts';
import { BurstLimit } from '../../src/sctp/tx/burst-limit.ts';
import { Pair, pattern } from './support/pair.ts';
import { Solo } from './support/solo.ts';
import { chunksOf, dataOf, sackChunk } from './support/wire.ts';

/** `count` chunks of 1,000 bytes, one to a packet, in flight from TSN 0 of the numbering returned. */
function inFlight(
  count: number,
  options: ConstructorParameters<typeof Solo>[0] = {},
): { solo: Solo; tsn: (i: number) => number } {
  const solo = new Solo({ maxBurst: 1000, ...options }).connect();
  for (let i = 0; i < count; i++) solo.send(0, pattern(1000, i));
  solo.flush();
  const tsn = (i: number): number => (solo.local.initialTsn + i) >>> 0;
  return { solo, tsn };
}

/** The numbers of the chunks sent since the last look. */
function numbers(solo: Solo): number[] {
  return solo.takeData().map((chunk) => (chunk.tsn - solo.local.initialTsn) >>> 0);
}

describe('fast retransmit (RFC 9260 §7.2.4)', () => {
  test('at the third miss indication, regardless of cwnd', () => {
    const { solo, tsn } = inFlight(30);
    expect(numbers(solo)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const { cwnd } = solo.stats;
    solo.receive(sackChunk(tsn(-1), [[2, 2]]));
    solo.receive(sackChunk(tsn(-1), [[2, 3]]));
    expect(numbers(solo).includes(0)).toBe(false);
    solo.receive(sackChunk(tsn(-1), [[2, 4]]));
    expect(numbers(solo)[0]).toBe(0);
    expect(solo.stats.fastRetransmits).toBe(1);
    expect(solo.stats.cwnd, '"cwnd = ssthresh", half of it').toBe(solo.stats.ssthresh);
    expect(solo.stats.cwnd).toBeLessThan(cwnd);
  });

  test('"miss indications are incremented only for missing TSNs prior to the HTNA": repeated SACKs are no evidence', () => {
    const { solo, tsn } = inFlight(12);
    numbers(solo);
    for (let i = 0; i < 10; i++) solo.receive(sackChunk(tsn(-1), [[2, 2]]));
    expect(numbers(solo)).toEqual([]);
    expect(solo.stats.fastRetransmits).toBe(0);
  });

  test('once in a loss episode is cwnd cut, and it ends with the exit point', () => {
    const { solo, tsn } = inFlight(12);
    numbers(solo);
    for (let end = 4; end <= 6; end++) solo.receive(sackChunk(tsn(-1), [[4, end]])); // 0, 1, 2 are missing
    const { cwnd } = solo.stats;
    expect(cwnd, 'half of what slow start had made of it').toBe((10 * 1148 + 1016) / 2);
    for (let end = 10; end <= 12; end++) solo.receive(sackChunk(tsn(2), [[5, end - 3]])); // 3 … 6 acknowledged, 7 missing
    expect(solo.stats.cwnd).toBe(cwnd);
    solo.receive(sackChunk(tsn(11)));
    solo.flush();
    for (let i = 12; i < 20; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    for (let end = 2; end <= 4; end++) solo.receive(sackChunk(tsn(11), [[2, end]]));
    expect(solo.stats.cwnd, 'the next episode').toBe(4 * 1148);
  });

  test('several chunks at once, in one packet as far as they fit, the others as cwnd allows', () => {
    const solo = new Solo({ maxBurst: 1000 }).connect();
    for (let i = 0; i < 40; i++) solo.send(0, pattern(272, i));
    solo.flush();
    expect(solo.takeSent()).toHaveLength(14); // 288 bytes each, 3 to a packet
    const base = solo.local.initialTsn;
    for (let end = 11; end <= 13; end++) solo.receive(sackChunk(base - 1, [[11, end]]));
    const packets = solo.takeSent().map((packet) => dataOf(packet).map(({ tsn }) => (tsn - base) >>> 0));
    expect(packets[0]).toEqual([0, 1, 2]);
    expect(solo.stats.retransmissions).toBe(3);
  });

  test('nothing new goes along while cwnd is full', () => {
    const solo = new Solo({ maxBurst: 1000 }).connect();
    solo.send(0, 'lost');
    for (let i = 1; i < 60; i++) solo.send(0, pattern(i < 13 ? 1000 : 100, i));
    solo.flush();
    const base = solo.local.initialTsn;
    for (let end = 2; end <= 3; end++) solo.receive(sackChunk(base - 1, [[2, end]]));
    numbers(solo);
    solo.receive(sackChunk(base - 1, [[2, 4]]));
    expect(solo.stats.flightSize).toBeGreaterThan(solo.stats.cwnd);
    expect(solo.association.bufferedAmount(0)).toBeGreaterThan(0);
    expect(numbers(solo)).toEqual([0]);
  });

  test('RFC 9260 §6.1: restarts T3-rtx when the lowest outstanding TSN is what is sent again, and not otherwise', () => {
    for (const [missing, expiresAt] of [
      [0, 500],
      [1, 300],
    ] as const) {
      const { solo, tsn } = inFlight(12);
      if (missing === 1) solo.receive(sackChunk(tsn(-1), [[3, 3]])); // 0 is missing too, but of another report
      solo.run(200);
      const gaps = (end: number): [number, number][] =>
        missing === 0
          ? [[2, end]]
          : [
              [1, 1],
              [3, end],
            ];
      for (const end of [4, 5, 6]) solo.receive(sackChunk(tsn(-1), missing === 0 ? gaps(end) : gaps(end)));
      solo.run(expiresAt - 200 - 1);
      expect(solo.stats.t3Expiries, `${missing} missing`).toBe(0);
      solo.run(1);
      expect(solo.stats.t3Expiries, `${missing} missing`).toBe(1);
    }
  });

  test('a chunk that was fast retransmitted is not again: T3-rtx is left', () => {
    const { solo, tsn } = inFlight(12);
    numbers(solo);
    for (let end = 2; end <= 12; end++) solo.receive(sackChunk(tsn(-1), [[2, end]]));
    expect(numbers(solo).filter((i) => i === 0)).toHaveLength(1);
    solo.run(299);
    expect(numbers(solo)).toEqual([]);
    solo.run(400);
    expect(numbers(solo)).toContain(0);
    expect(solo.stats.t3Expiries).toBe(1);
  });
});

describe('T3-rtx (RFC 9260 §6.3.2, §6.3.3)', () => {
  test('E1, E2, E3: cwnd is one packet, the timeout doubles, one packet of the earliest chunks goes out', () => {
    const { solo } = inFlight(12);
    expect(numbers(solo)).toHaveLength(12);
    expect(solo.stats.rtoMs).toBe(300);
    solo.run(299);
    expect(numbers(solo)).toEqual([]);
    solo.run(1);
    expect(numbers(solo)).toEqual([0]);
    expect(solo.stats).toMatchObject({ cwnd: 1148, rtoMs: 600, t3Expiries: 1 });
    solo.run(599);
    expect(numbers(solo)).toEqual([]);
    solo.run(1);
    expect(numbers(solo)).toEqual([0]);
  });

  test('§7.2.3: "no more than one SCTP packet will be in flight … until the endpoint receives acknowledgement"', () => {
    const solo = new Solo().connect();
    solo.send(0, 'tiny').flush();
    solo.run(500);
    solo.takeSent();
    solo.send(0, 'more').flush();
    expect(solo.takeSent()).toEqual([]);
    solo.receive(sackChunk(solo.local.initialTsn));
    expect(numbers(solo)).toEqual([1]);
  });

  test('R2: off when all is acknowledged; R3: restarted by the earliest TSN; not by others', () => {
    const { solo, tsn } = inFlight(3);
    solo.run(200);
    solo.receive(sackChunk(tsn(-1), [[2, 2]])); // no restart
    solo.run(99);
    expect(solo.stats.t3Expiries).toBe(0);
    solo.run(1);
    expect(solo.stats.t3Expiries).toBe(1);
    solo.receive(sackChunk(tsn(1)));
    const { rtoMs } = solo.stats;
    solo.run(rtoMs - 1);
    expect(solo.stats.t3Expiries).toBe(1);
    solo.receive(sackChunk(tsn(2)));
    solo.run(25_000);
    expect(solo.stats.t3Expiries).toBe(1);
    expect(solo.association.nextTimeoutReason).toBe('heartbeat');
  });

  test('a HEARTBEAT goes with it, and its answer ends the back-off (§6.3.3)', () => {
    const { solo } = inFlight(1);
    solo.run(300);
    expect(solo.stats.rtoMs).toBe(600);
    const probe = solo
      .takeSent()
      .flatMap(chunksOf)
      .find(({ name }) => name === 'heartbeat')!;
    solo.run(40);
    const answer = probe.bytes.slice();
    answer[0] = CHUNK.heartbeatAck;
    solo.receive(answer);
    expect(solo.stats.rtoMs).toBe(300);
  });

  test('§8.1: answered HEARTBEATs do not hide that no data gets through', () => {
    const { solo } = inFlight(1, { timing: { maxRetransmissions: 10 } });
    for (let i = 0; i < 30 && solo.closed === undefined; i++) {
      solo.run(solo.stats.rtoMs);
      for (const { name, bytes } of solo.takeSent().flatMap(chunksOf)) {
        if (name !== 'heartbeat') continue;
        const answer = bytes.slice();
        answer[0] = CHUNK.heartbeatAck;
        solo.receive(answer);
      }
    }
    expect(solo.closed).toMatchObject({
      reason: 'failed',
      message: 'the peer does not answer: data, 11 times in a row',
    });
  });

  test('§6.1 C: retransmissions go before new data', () => {
    const { solo, tsn } = inFlight(12);
    numbers(solo);
    solo.send(0, pattern(1000));
    solo.run(500);
    solo.receive(sackChunk(tsn(0)));
    solo.receive(sackChunk(tsn(2)));
    const sent = numbers(solo);
    expect(sent[0]).toBe(0);
    expect(sent).not.toContain(12);
    expect(sent.slice(1)).toEqual([1, 2, 3, 4, 5, 6].slice(0, sent.length - 1));
  });

  test('§8.1: after Association.Max.Retrans timeouts in a row the peer is unreachable, and it is said once', () => {
    const solo = new Solo({ timing: { maxRetransmissions: 10 } }).connect();
    solo.send(0, 'x').flush();
    solo.run(200_000);
    expect(solo.closed).toEqual({
      kind: 'closed',
      reason: 'failed',
      message: 'the peer does not answer: data, 11 times in a row',
    });
    expect(solo.takeData()).toHaveLength(11);
    expect(solo.association.state).toBe('closed');
    expect(solo.association.nextTimeout).toBe(Infinity);
    expect(() => solo.send(0, 'y')).toThrow(TypeError);
  });

  test('but by default the association never gives up: a path that was dead for minutes is in use again 10 s later', () => {
    const pair = new Pair({ link: { delayMs: 20 } }).connect();
    pair.run(1_000);
    const dead = (): boolean => true;
    const { drop } = pair.a.link;
    pair.a.link.drop = pair.b.link.drop = dead;
    for (let i = 0; i < 100; i++) pair.send(pair.a, 0, pattern(5_000, i));
    pair.a.association.resetStreams([7], pair.now);
    pair.run(300_000);
    pair.a.link.drop = pair.b.link.drop = drop;
    expect(pair.b.messages).toHaveLength(0);
    pair.run(11_000);
    expect(pair.b.messages).toHaveLength(100);
    expect(pair.b.kinds('streamsReset')).toHaveLength(1);
    expect([...pair.a.kinds('closed'), ...pair.b.kinds('closed')]).toEqual([]);
  });

  test('§8.1: "The counter … MUST be reset each time a DATA chunk sent to that peer endpoint is acknowledged"', () => {
    const solo = new Solo().connect();
    for (let round = 0; round < 5; round++) {
      solo.send(0, 'x').flush();
      solo.run(60_000);
      solo.receive(sackChunk((solo.local.initialTsn + round) >>> 0));
    }
    expect(solo.closed).toBeUndefined();
  });
});

describe('another path (RFC 8261 §6.1, RFC 9260 §7.2.5.2)', () => {
  test('after a long silence, all that waits goes out at once, without the back-off of the old path', () => {
    const pair = new Pair({ link: { delayMs: 20 } }).connect();
    pair.run(1_000);
    const { drop } = pair.a.link;
    pair.a.link.drop = pair.b.link.drop = () => true;
    for (let i = 0; i < 20; i++) pair.send(pair.a, 0, pattern(1_000, i));
    pair.a.association.resetStreams([7], pair.now);
    pair.run(60_000);
    pair.a.link.drop = pair.b.link.drop = drop;
    for (const { association } of [pair.a, pair.b]) association.handlePathChange(pair.now);
    pair.run(100);
    expect(pair.b.messages).toHaveLength(20);
    expect(pair.b.kinds('streamsReset')).toHaveLength(1);
  });

  test('congestion window and round trip begin anew; what is in flight is not taken for lost', () => {
    const { solo, tsn } = inFlight(30);
    solo.run(50);
    solo.receive(sackChunk(tsn(11)));
    const { flightSize, cwnd } = solo.stats;
    expect([flightSize > 0, cwnd > 11_480]).toEqual([true, true]);
    solo.takeSent();
    solo.association.handlePathChange(solo.now);
    expect(solo.stats).toMatchObject({ cwnd: 11_480, srttMs: 0, rtoMs: 500, flightSize });
    expect(solo.takeSent()).toEqual([]);
    solo.run(500);
    expect(solo.stats.t3Expiries).toBe(1);
  });

  test('a handshake that was under way goes on', () => {
    const pair = new Pair({ link: { delayMs: 20 } });
    const { drop } = pair.a.link;
    pair.a.link.drop = pair.b.link.drop = () => true;
    for (const { association } of [pair.a, pair.b]) association.connect(0);
    pair.run(60_000);
    pair.a.link.drop = pair.b.link.drop = drop;
    for (const { association } of [pair.a, pair.b]) association.handlePathChange(pair.now);
    pair.run(100);
    expect(pair.a.association.state).toBe('established');
  });

  test('before connect and after the end there is nothing to do', () => {
    const solo = new Solo();
    solo.association.handlePathChange(0);
    solo.connect().association.abort(0);
    solo.takeSent();
    solo.association.handlePathChange(0);
    expect([solo.takeSent(), solo.association.nextTimeout]).toEqual([[], Infinity]);
  });
});

describe('SACKs that are not to be believed', () => {
  test('§6.2.1 D i: one below the Cumulative TSN Ack Point is dropped, also where TSNs wrap', () => {
    for (let seed = 1; seed < 4; seed++) {
      const solo = new Solo({ maxBurst: 1000 }, {}, seed).connect();
      for (let i = 0; i < 5; i++) solo.send(0, pattern(1000, i));
      solo.flush();
      const base = solo.local.initialTsn;
      solo.receive(sackChunk((base + 2) >>> 0));
      const { flightSize, peerRwnd } = solo.stats;
      for (const old of [base + 1, base, base - 1, base - 70_000, base - 0x7fff_0000])
        solo.receive(sackChunk(old >>> 0, [], { aRwnd: 1 }));
      expect(solo.stats).toMatchObject({ flightSize, peerRwnd });
      expect(solo.stats.dropped.sack).toBe(5);
    }
  });

  test('one that acknowledges what was never sent is dropped, in the cumulative TSN or in a block', () => {
    const { solo, tsn } = inFlight(5);
    numbers(solo);
    const { flightSize } = solo.stats;
    for (const cumulative of [tsn(5), tsn(6), tsn(70_000), tsn(0x7fff_ffff)]) solo.receive(sackChunk(cumulative));
    solo.receive(sackChunk(tsn(0), [[2, 5]]));
    solo.receive(sackChunk(tsn(-1), [[6, 6]]));
    solo.receive(sackChunk(tsn(-1), [[1, 65_535]]));
    expect(solo.stats.flightSize).toBe(flightSize);
    expect(solo.stats.dropped.sack).toBe(7);
    solo.receive(sackChunk(tsn(4)));
    expect(solo.stats.flightSize).toBe(0);
  });

  test('a crafted SACK with thousands of blocks costs no more than its length', () => {
    const { solo, tsn } = inFlight(5);
    const gaps = Array.from({ length: 16_000 }, () => [1, 5] as const);
    solo.receive(sackChunk(tsn(-1), gaps));
    expect(solo.stats.flightSize).toBe(0);
  });

  test('§6.2.1 D iii: what a peer reneges on is sent again, and the association does not hang', () => {
    const { solo, tsn } = inFlight(5);
    numbers(solo);
    solo.receive(sackChunk(tsn(-1), [[2, 5]]));
    solo.receive(sackChunk(tsn(0), [])); // 1 … 4 were dropped by the peer
    expect(solo.stats.flightSize).toBe(4 * 1016);
    solo.run(1_000);
    expect(numbers(solo)).toContain(1);
    solo.receive(sackChunk(tsn(4)));
    expect(solo.stats.flightSize).toBe(0);
  });
});

describe('bursts', () => {
  test('a burst is cut off after maxBurst packets, and goes on a millisecond later without waiting for a SACK', () => {
    const solo = new Solo({ maxBurst: 4 }).connect();
    for (let i = 0; i < 12; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    expect(numbers(solo)).toHaveLength(4);
    expect(solo.association.nextTimeoutReason).toBe('burst');
    solo.run(1);
    expect(numbers(solo)).toHaveLength(4);
    solo.run(1);
    expect(numbers(solo)).toHaveLength(4);
  });

  test('acknowledgements let out two packets for each that arrived', () => {
    const { solo, tsn } = inFlight(100, { maxBurst: 4 });
    solo.run(5);
    expect(numbers(solo)).toHaveLength(12);
    solo.receive(sackChunk(tsn(5)));
    const sent = numbers(solo).length;
    expect(sent).toBeGreaterThanOrEqual(6);
    expect(sent).toBeLessThanOrEqual(4 + 2 * 6);
  });

  test('but an allowance does not save up while there is nothing to send', () => {
    const burst = new BurstLimit(4);
    burst.beginTurn(0);
    for (let i = 0; i < 100; i++) burst.packetsAcknowledged(2);
    let count = 0;
    for (; !burst.isExhausted; count++) burst.packetSent();
    expect(count).toBe(4 + 2 * 2);
  });

  test('RFC 9260 §6.1: the I bit asks for a SACK at once when a small window is full, and with retransmissions', () => {
    const { solo } = inFlight(100, { maxBurst: 1000 });
    const sent = solo.takeData();
    expect(sent.map(({ flags }) => flags & 8)).toEqual(Array(12).fill(0));
    solo.run(500);
    expect(solo.takeData().map(({ flags }) => flags & 8)).toEqual([8]);
  });
});

describe('throughput in simulation', () => {
  /** MB in 10 s of virtual time. */
  function transfer(conditions: NonNullable<ConstructorParameters<typeof Pair>[0]>['link'], seconds = 10): number {
    const pair = new Pair({ link: conditions! }).connect();
    pair.a.link.record = pair.b.link.record = false;
    const end = pair.now + 1000 * seconds;
    const message = pattern(16_384);
    const top = (): void => {
      while (pair.a.association.bufferedAmount(0) < 1_000_000) pair.send(pair.a, 0, message);
    };
    let bytes = 0;
    pair.b.onEvent = (event) => {
      if (event.kind === 'message') bytes += event.data.length;
      pair.b.events.length = pair.b.messages.length = 0;
    };
    pair.a.onEvent = () => {
      pair.a.events.length = 0;
      top();
    };
    top();
    while (pair.now < end) pair.run(10);
    return bytes / 1e6;
  }

  test('fills a clean path of 20 ms up to its bandwidth', () => {
    const megabytes = transfer({ delayMs: 10, bandwidth: 5_000, queueBytes: 200_000 }, 4); // 5 MB/s
    expect(megabytes).toBeGreaterThan(0.85 * 5 * 4);
  });

  test('is limited by the window only on a clean path of 100 ms', () => {
    const megabytes = transfer({ delayMs: 50 }, 3);
    expect(megabytes).toBeGreaterThan(10); // slow start takes a second; then 5 MiB per 100 ms at most
  });

  test('gets along with 1 % loss', () => {
    expect(transfer({ delayMs: 10, loss: 0.01 }, 10)).toBeGreaterThan(2);
  });
});
