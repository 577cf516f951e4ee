import { describe, expect, test } from 'vitest';
import { u16, u32 } from '../../src/binary/bytes.ts';
import { encodeForwardTsn } from '../../src/sctp/packet/forward-tsn-chunk.ts';
import { Pair, pattern } from './support/pair.ts';
import { Solo, PEER_INITIAL_TSN as TSN } from './support/solo.ts';
import { chunksOf, dataChunk, dataOf, sackChunk } from './support/wire.ts';

const [BEGIN, END, UNORDERED] = [2, 1, 4];

type Forward = { newCumulativeTsn: number; streams: [number, number][] };

/** The FORWARD TSN chunks sent since the last look, TSNs counted from our initial TSN. */
function takeForwards(solo: Solo): Forward[] {
  return solo
    .takeSent()
    .flatMap(chunksOf)
    .filter(({ name }) => name === 'forwardTsn')
    .map(({ bytes }) => ({
      newCumulativeTsn: (u32(bytes, 4) - solo.local.initialTsn) | 0,
      streams: Array.from({ length: (bytes.length - 8) / 4 }, (_, i) => [
        u16(bytes, 8 + 4 * i),
        u16(bytes, 10 + 4 * i),
      ]),
    }));
}

function tsnOf(solo: Solo, i: number): number {
  return (solo.local.initialTsn + i) >>> 0;
}

describe('maxRetransmits', () => {
  test('0 is sent exactly once, whatever happens', () => {
    for (const unordered of [false, true]) {
      const pair = new Pair({ link: { delayMs: 10 } }).connect();
      pair.a.link.takeSent();
      pair.a.link.drop = (packet) => dataOf(packet).length > 0;
      for (let i = 0; i < 20; i++) pair.send(pair.a, 0, pattern(1000, i), { maxRetransmits: 0, unordered });
      pair.run(60_000);
      const sent = dataOf(...pair.a.link.takeSent());
      expect(sent).toHaveLength(20);
      expect(new Set(sent.map(({ tsn }) => tsn)).size).toBe(20);
      expect(pair.a.association.stats).toMatchObject({ retransmissions: 0, messagesAbandoned: 20, flightSize: 0 });
      pair.a.link.drop = () => false;
      pair.send(pair.a, 0, 'after');
      pair.run(1000);
      expect(pair.b.texts).toEqual(['0:after']);
    }
  });

  test.each([1, 2, 5])('%i is sent at most that many times more', (maxRetransmits) => {
    const pair = new Pair({ link: { delayMs: 10 } }).connect();
    pair.a.link.takeSent();
    pair.a.link.drop = (packet) => dataOf(packet).length > 0;
    pair.send(pair.a, 0, 'x', { maxRetransmits });
    pair.run(120_000);
    expect(dataOf(...pair.a.link.takeSent())).toHaveLength(1 + maxRetransmits);
  });

  test('RFC 9260 §6.3.1 C5: the wait for a message given up is no round trip', () => {
    const solo = new Solo().connect();
    solo.send(0, 'once', { maxRetransmits: 0 }).flush();
    solo.run(2_000);
    const { srttMs } = solo.stats;
    expect(solo.takeDescriptions().some((packet) => packet.includes('forwardTsn'))).toBe(true);
    solo.receive(sackChunk(solo.local.initialTsn));
    expect(solo.stats.flightSize).toBe(0);
    expect(solo.stats.srttMs).toBe(srttMs);
  });

  test('counts for a fast retransmission as for a timeout', () => {
    const solo = new Solo({ maxBurst: 100 }).connect();
    solo.send(0, pattern(1000), { maxRetransmits: 0 });
    for (let i = 1; i < 6; i++) solo.send(1, pattern(1000, i));
    solo.flush();
    solo.takeSent();
    for (let end = 2; end <= 4; end++) solo.receive(sackChunk(tsnOf(solo, -1), [[2, end]]));
    expect(takeForwards(solo)).toEqual([{ newCumulativeTsn: 0, streams: [[0, 0]] }]);
    expect(solo.stats.retransmissions).toBe(0);
    expect(solo.stats.cwnd, 'RFC 3758 §3.5 F5: "the appropriate congestion adjustment MUST be made"').toBeLessThan(
      11_480,
    );
  });

  test('RFC 3758 §3.5 A3: all chunks of the message are given up together, sent or not', () => {
    const solo = new Solo({ maxBurst: 3 }).connect();
    solo.send(5, pattern(10_000), { maxRetransmits: 0 });
    solo.send(5, 'next');
    solo.flush();
    expect(solo.takeData()).toHaveLength(3);
    for (const end of [2, 3]) solo.receive(sackChunk(tsnOf(solo, -1), [[2, end]]));
    const before = solo.takeData().length;
    expect(solo.association.bufferedAmount(5)).toBeLessThan(10_004 - 3 * 1132);
    solo.receive(sackChunk(tsnOf(solo, -1), [[2, 4]]));
    const sent = solo.takeSent();
    const chunks = sent.flatMap(chunksOf);
    const forward = chunks.find(({ name }) => name === 'forwardTsn')!;
    // One TSN more than was sent: what was not sent takes one.
    expect((u32(forward.bytes, 4) - solo.local.initialTsn) | 0).toBe(3 + before);
    const next = dataOf(...sent).find(({ flags }) => flags === 3)!;
    expect((next.tsn - solo.local.initialTsn) | 0).toBe(3 + before + 1);
    expect([next.streamId, next.ssn]).toEqual([5, 1]);
    expect(solo.association.bufferedAmount(5)).toBe(0);
  });

  test('a peer that has all chunks sent so far drops the beginning of a message given up', () => {
    const pair = new Pair({ a: { maxBurst: 3 }, link: { delayMs: 20 } }).connect();
    pair.send(pair.a, 0, pattern(50_000), { lifetimeMs: 30 });
    pair.send(pair.a, 0, 'after');
    pair.run(5_000);
    expect(pair.b.texts).toEqual(['0:after']);
    expect(pair.b.association.stats.localRwnd).toBe(5 * 1024 * 1024);
    expect(pair.a.kinds('closed')).toEqual([]);
  });
});

describe('lifetime', () => {
  test('ends on time while the message waits in the queue: it is never sent, and has no TSN and no SSN', () => {
    const solo = new Solo().connect();
    for (let i = 0; i < 20; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    solo.run(5);
    solo.send(1, 'late', { lifetimeMs: 50 });
    solo.flush();
    solo.takeSent();
    solo.run(49);
    expect(solo.association.bufferedAmount(1)).toBe(4);
    solo.run(1);
    expect(solo.association.bufferedAmount(1)).toBe(0);
    expect(solo.events.at(-1)).toEqual({ kind: 'bufferedAmountDecreased', streamId: 1, bytes: 4 });
    solo.receive(sackChunk(tsnOf(solo, 11)));
    solo.receive(sackChunk(tsnOf(solo, 19)));
    solo.send(1, 'next').flush();
    const data = solo.takeData();
    expect(data.at(-1)).toMatchObject({ streamId: 1, ssn: 0, tsn: tsnOf(solo, 20) });
    expect(solo.stats.messagesAbandoned).toBe(1);
  });

  test('ends on time while the message is half sent: the rest is dropped and the peer is told', () => {
    const solo = new Solo({ maxBurst: 100 }).connect();
    solo.send(1, pattern(50_000), { lifetimeMs: 100 }).flush();
    expect(solo.takeData()).toHaveLength(10);
    solo.run(99);
    expect(takeForwards(solo)).toEqual([]);
    solo.run(1);
    expect(solo.association.bufferedAmount(1)).toBe(0);
    expect(takeForwards(solo)).toEqual([{ newCumulativeTsn: 10, streams: [[1, 0]] }]);
  });

  test('a message on its way for the first time is given its chance; once lost, it is given up', () => {
    const solo = new Solo().connect();
    solo.send(1, 'x', { lifetimeMs: 100 }).flush();
    solo.takeSent();
    solo.run(299);
    expect(takeForwards(solo)).toEqual([]);
    solo.run(1);
    expect(takeForwards(solo)).toEqual([{ newCumulativeTsn: 0, streams: [[1, 0]] }]);
    expect(solo.stats.retransmissions).toBe(0);
  });

  test('RFC 3758 §4.1 TR4: a message that waits for its retransmission is given up when its time comes, not at the next timeout', () => {
    const solo = new Solo().connect();
    solo.send(1, 'x', { lifetimeMs: 1_000 }).flush();
    solo.run(999);
    expect(solo.takeData()).toHaveLength(3); // at 0, 300, 900; the next would be at 2100
    solo.run(1);
    expect(takeForwards(solo)).toEqual([{ newCumulativeTsn: 0, streams: [[1, 0]] }]);
  });

  test('0 still gets the turn it was sent in', () => {
    const pair = new Pair({ link: { delayMs: 5 } }).connect();
    pair.send(pair.a, 0, 'now or never', { lifetimeMs: 0 });
    pair.run(100);
    expect(pair.b.texts).toEqual(['0:now or never']);
  });

  test('of many messages the timer is the earliest, whatever their order', () => {
    const solo = new Solo({ maxBurst: 100 }).connect();
    for (let i = 0; i < 20; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    for (const lifetimeMs of [90, 30, 120, 60]) solo.send(lifetimeMs, 'x', { lifetimeMs });
    solo.flush();
    const gone: number[] = [];
    for (let t = 0; t < 130; t += 10) {
      solo.run(10);
      for (const id of [30, 60, 90, 120])
        if (solo.association.bufferedAmount(id) === 0 && !gone.includes(id)) gone.push(id);
      expect(gone.every((id) => id <= solo.now)).toBe(true);
    }
    expect(gone).toEqual([30, 60, 90, 120]);
  });

  test('an expired message frees its place in the middle of a queue', () => {
    const solo = new Solo().connect();
    for (let i = 0; i < 20; i++) solo.send(0, pattern(1000, i), i % 2 === 1 ? { lifetimeMs: 10 } : {});
    solo.run(10);
    solo.receive(sackChunk(tsnOf(solo, 11)));
    solo.run(5);
    const sent = solo.takeData().map(({ ssn }) => ssn);
    expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(solo.stats.messagesAbandoned).toBe(4);
  });
});

describe('FORWARD TSN, sending (RFC 3758 §3.5)', () => {
  /** Messages on streams `ids`, one chunk each, sent and lost. */
  function lost(ids: number[], options: { unordered?: boolean } = {}): Solo {
    const solo = new Solo({ maxBurst: 1000 }).connect();
    for (const id of ids) solo.send(id, 'x', { maxRetransmits: 0, ...options });
    solo.flush();
    solo.takeSent();
    solo.run(300);
    return solo;
  }

  test('C4: the highest skipped sequence number of each stream, each stream once; none for unordered messages', () => {
    expect(takeForwards(lost([1, 2, 1, 1, 9]))).toEqual([
      {
        newCumulativeTsn: 4,
        streams: expect.arrayContaining([
          [1, 2],
          [2, 0],
          [9, 0],
        ]),
      },
    ]);
    expect(takeForwards(lost([1, 1], { unordered: true }))).toEqual([{ newCumulativeTsn: 1, streams: [] }]);
  });

  test('C4: one that does not fit into a packet stops short, and goes on later', () => {
    const ids = Array.from({ length: 500 }, (_, i) => i);
    const solo = lost(ids);
    const [first] = takeForwards(solo);
    expect(first!.streams.length, 'beside a HEARTBEAT of 16 bytes').toBe((1148 - 16 - 8) / 4);
    expect(first!.newCumulativeTsn).toBeLessThan(499);
    let cumulative = first!.newCumulativeTsn;
    for (let i = 0; i < 5 && cumulative < 499; i++) {
      solo.receive(sackChunk(tsnOf(solo, cumulative)));
      solo.run(1000);
      for (const { newCumulativeTsn } of takeForwards(solo)) cumulative = Math.max(cumulative, newCumulativeTsn);
    }
    expect(cumulative).toBe(499);
  });

  test('C5, A5: retransmitted by T3-rtx until the peer has moved', () => {
    const solo = lost([1]);
    expect(takeForwards(solo)).toHaveLength(1);
    solo.run(599);
    expect(takeForwards(solo)).toEqual([]);
    solo.run(1);
    expect(takeForwards(solo)).toHaveLength(1);
    solo.receive(sackChunk(tsnOf(solo, 0)));
    solo.run(20_000);
    expect(takeForwards(solo)).toEqual([]);
    expect(solo.association.nextTimeoutReason).toBe('heartbeat');
  });

  test('and by a SACK that has not moved, but not more than once in a round trip', () => {
    const solo = lost([1]);
    solo.takeSent();
    solo.now += 1;
    solo.receive(sackChunk(tsnOf(solo, -1)));
    expect(takeForwards(solo)).toHaveLength(1);
    solo.receive(sackChunk(tsnOf(solo, -1)));
    expect(takeForwards(solo)).toHaveLength(0);
  });

  test('F2: goes along with DATA', () => {
    const solo = new Solo().connect();
    solo.send(0, 'x', { maxRetransmits: 0 }).flush();
    solo.takeSent();
    solo.send(0, 'y').association.handleTimeout(300);
    expect(
      solo.takeSent().map((packet) =>
        chunksOf(packet)
          .map(({ name }) => name)
          .join(' '),
      ),
    ).toEqual(['heartbeat forwardTsn data']);
  });

  test('§3.3.2: "MUST NOT send a FORWARD TSN chunk" to a peer that does not know it: messages are reliable then', () => {
    const solo = new Solo({}, { partialReliability: false }).connect();
    solo.send(0, 'x', { maxRetransmits: 0 }).send(0, 'y', { lifetimeMs: 10 }).flush();
    solo.run(1000);
    const sent = solo.takeSent();
    expect(dataOf(...sent).length).toBeGreaterThan(2);
    expect(sent.flatMap(chunksOf).some(({ name }) => name === 'forwardTsn')).toBe(false);
  });

  test('C2: only over chunks given up, and on when more are', () => {
    const solo = new Solo({ maxBurst: 100 }).connect();
    solo.send(0, 'a', { maxRetransmits: 0 }).send(0, 'b', { maxRetransmits: 1 }).send(0, 'c', { maxRetransmits: 0 });
    solo.flush();
    solo.takeSent();
    solo.run(300);
    expect(takeForwards(solo)).toEqual([{ newCumulativeTsn: 0, streams: [[0, 0]] }]);
    solo.run(600);
    expect(takeForwards(solo).at(-1)).toEqual({ newCumulativeTsn: 2, streams: [[0, 2]] });
  });
});

describe('FORWARD TSN, receiving (RFC 3758 §3.6)', () => {
  const forward = (i: number, streams: [number, number][] = []): Uint8Array =>
    encodeForwardTsn((TSN + i) >>> 0, new Map(streams));

  test('moves the cumulative TSN, and on over what has arrived', () => {
    const solo = new Solo().connect();
    for (const i of [0, 2, 4, 5, 7]) solo.receive(dataChunk({ tsn: TSN + i, flags: 3 | UNORDERED }));
    solo.takeSent();
    solo.receive(forward(3));
    expect(solo.takeSacks()).toMatchObject([{ cumulativeTsnAck: TSN + 5, gaps: [[2, 2]] }]);
  });

  test('delivers what waited behind skipped messages, and only that', () => {
    const solo = new Solo().connect();
    const text = (s: string): Uint8Array => new TextEncoder().encode(s);
    solo.receive(dataChunk({ tsn: TSN + 1, streamId: 1, ssn: 1, data: text('1') }));
    solo.receive(dataChunk({ tsn: TSN + 3, streamId: 1, ssn: 3, data: text('3') }));
    solo.receive(dataChunk({ tsn: TSN + 4, streamId: 1, ssn: 4, data: text('4') }));
    solo.receive(dataChunk({ tsn: TSN + 6, streamId: 1, ssn: 6, data: text('6') }));
    solo.receive(dataChunk({ tsn: TSN + 7, streamId: 2, ssn: 1, data: text('other') }));
    expect(solo.texts).toEqual([]);
    solo.receive(forward(2, [[1, 2]]));
    expect(solo.texts).toEqual(['1:1', '1:3', '1:4']);
    solo.receive(forward(5, [[1, 5]]));
    expect(solo.texts).toEqual(['1:1', '1:3', '1:4', '1:6']);
    solo.receive(dataChunk({ tsn: TSN + 8, streamId: 2, ssn: 0, data: text('first') }));
    expect(solo.texts.slice(-2)).toEqual(['2:first', '2:other']);
  });

  test('"MUST remove any partially reassembled message, which is still missing one or more TSNs"', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN, flags: BEGIN }));
    solo.receive(dataChunk({ tsn: TSN + 2, flags: 0 }));
    solo.receive(dataChunk({ tsn: TSN + 5, flags: END }));
    solo.receive(forward(5, [[0, 0]]));
    expect(solo.stats.localRwnd).toBe(5 * 1024 * 1024);
    solo.receive(dataChunk({ tsn: TSN + 6, ssn: 1 }));
    expect(solo.messages).toHaveLength(1);
  });

  test('but keeps one that is missing only TSNs beyond', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN + 1, flags: BEGIN, ssn: 1, data: Uint8Array.of(49) }));
    solo.receive(forward(0, [[0, 0]]));
    solo.receive(dataChunk({ tsn: TSN + 2, flags: END, ssn: 1, data: Uint8Array.of(50) }));
    expect(solo.texts).toEqual(['0:12']);
  });

  test('the rest of a message whose beginning was skipped is dropped when it comes late', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN, flags: BEGIN }));
    solo.receive(forward(1, [[0, 0]]));
    solo.receive(dataChunk({ tsn: TSN + 2, flags: 0 }), dataChunk({ tsn: TSN + 3, flags: END }));
    solo.receive(dataChunk({ tsn: TSN + 4, ssn: 1 }));
    expect(solo.messages).toHaveLength(1);
    expect(solo.stats.localRwnd).toBe(5 * 1024 * 1024);
    expect(solo.closed).toBeUndefined();
  });

  test('out of date: changes nothing, streams included, and is answered with a SACK', () => {
    const solo = new Solo().connect();
    for (let i = 0; i < 3; i++) solo.receive(dataChunk({ tsn: TSN + i, ssn: i }));
    solo.takeSent();
    for (const i of [2, 1, 0, -1, -70_000]) solo.receive(forward(i, [[0, 1000]]));
    expect(solo.takeSacks().map(({ cumulativeTsnAck }) => cumulativeTsnAck)).toEqual(Array(5).fill(TSN + 2));
    solo.receive(dataChunk({ tsn: TSN + 3, ssn: 3 }));
    expect(solo.messages).toHaveLength(4);
  });

  test('further ahead than a window: dropped, or a peer could jump over anything', () => {
    const solo = new Solo().connect();
    for (const i of [65_536, 1_000_000, 0x7fff_fffe]) solo.receive(forward(i - 1 + 1));
    expect(solo.stats.dropped.forwardTsn).toBe(3);
    solo.receive(dataChunk({ tsn: TSN }));
    expect(solo.messages).toHaveLength(1);
  });

  test('streams there are not are ignored, and old sequence numbers too', () => {
    const solo = new Solo({ inboundStreams: 4 }).connect();
    for (let i = 0; i < 3; i++) solo.receive(dataChunk({ tsn: TSN + i, ssn: i }));
    solo.receive(
      forward(5, [
        [4, 1],
        [65_535, 9],
        [0, 0],
      ]),
    );
    solo.receive(dataChunk({ tsn: TSN + 6, ssn: 3 }));
    expect(solo.messages).toHaveLength(4);
  });

  test('sequence numbers wrap', () => {
    const solo = new Solo().connect();
    solo.receive(forward(0, [[0, 0x7fff]])).receive(forward(1, [[0, 0xfffe]]));
    solo.receive(dataChunk({ tsn: TSN + 3, ssn: 0 }), dataChunk({ tsn: TSN + 4, ssn: 1 }));
    expect(solo.messages).toHaveLength(0);
    solo.receive(forward(2, [[0, 0xffff]]));
    expect(solo.messages).toHaveLength(2);
  });

  test('without any of it malformed chunks are dropped', () => {
    const solo = new Solo().connect();
    solo.receive(Uint8Array.of(192, 0, 0, 4));
    expect(solo.stats.dropped.malformed).toBe(1);
  });
});
