import { describe, expect, test } from 'vitest';
import { Pair, pattern } from './support/pair.ts';
import { Solo, PEER_INITIAL_TSN as TSN } from './support/solo.ts';
import { dataChunk, describePacket, sackChunk, sacksOf } from './support/wire.ts';

const IMMEDIATE = 3 | 8;

/** An association whose first DATA, which is acknowledged at once, is over. */
function warm(options: ConstructorParameters<typeof Solo>[0] = {}): Solo {
  const solo = new Solo(options).connect();
  solo.receive(dataChunk({ tsn: TSN }));
  expect(solo.takeDescriptions(), 'RFC 9260 §5.1: the first DATA is acknowledged immediately').toEqual(['sack']);
  return solo;
}

describe('when a SACK goes out (RFC 9260 §6.2)', () => {
  test('"for at least every second packet (not every second DATA chunk)"', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }), dataChunk({ tsn: TSN + 2, ssn: 2 }));
    expect(solo.takeSent()).toEqual([]);
    solo.receive(dataChunk({ tsn: TSN + 3, ssn: 3 }));
    expect(solo.takeSacks().map(({ cumulativeTsnAck }) => cumulativeTsnAck)).toEqual([TSN + 3]);
    solo.run(1000);
    expect(solo.takeSent()).toEqual([]);
  });

  test('an odd packet is acknowledged after the SACK delay, 20 ms', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    solo.run(19.9);
    expect(solo.takeSent()).toEqual([]);
    solo.run(0.1);
    expect(solo.takeDescriptions()).toEqual(['sack']);
  });

  test('packetsPerSack and sackDelayMs change that', () => {
    const solo = warm({ packetsPerSack: 4, timing: { sackDelayMs: 100 } });
    for (let i = 1; i <= 3; i++) solo.receive(dataChunk({ tsn: TSN + i, ssn: i }));
    expect(solo.takeSent()).toEqual([]);
    solo.receive(dataChunk({ tsn: TSN + 4, ssn: 4 }));
    expect(solo.takeDescriptions()).toEqual(['sack']);
    solo.receive(dataChunk({ tsn: TSN + 5, ssn: 5 })).run(99);
    expect(solo.takeSent()).toEqual([]);
  });

  test('§6.7: immediately, and after each packet, while there is a gap', () => {
    const solo = warm();
    for (const [tsn, expected] of [
      [TSN + 2, [[2, 2]]],
      [TSN + 3, [[2, 3]]],
      [
        TSN + 6,
        [
          [2, 3],
          [6, 6],
        ],
      ],
    ] as const) {
      solo.receive(dataChunk({ tsn, ssn: tsn - TSN }));
      expect(solo.takeSacks()).toMatchObject([{ cumulativeTsnAck: TSN, gaps: expected }]);
    }
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    expect(solo.takeSacks()).toMatchObject([{ cumulativeTsnAck: TSN + 3, gaps: [[3, 3]] }]);
  });

  test('"a packet arrives with duplicate DATA chunk(s) and with no new DATA chunk(s): … MUST immediately send a SACK"', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN }));
    expect(solo.takeSacks()).toMatchObject([{ cumulativeTsnAck: TSN, duplicates: [TSN] }]);
    expect(solo.messages).toHaveLength(1);
    expect(solo.stats.duplicateTsnsReceived).toBe(1);
  });

  test('I bit: "the receiver SHOULD immediately respond with the corresponding SACK chunk"', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1, flags: IMMEDIATE }));
    expect(solo.takeDescriptions()).toEqual(['sack']);
  });

  test('§6.1: a SACK that is owed goes along with DATA, before it', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    solo.send(0, 'answer').flush();
    expect(solo.takeDescriptions()).toEqual(['sack data']);
    solo.run(200);
    expect(solo.takeSent()).toEqual([]);
  });

  test('"MUST NOT generate more than one SACK chunk for every incoming packet"', () => {
    const pair = new Pair({ link: { delayMs: 20, loss: 0.1, jitterMs: 10 } }).connect();
    for (let i = 0; i < 50; i++) pair.send(pair.a, 0, pattern(10_000, i));
    pair.runUntil(() => pair.b.messages.length === 50);
    const { packetsReceived, sacksSent } = pair.b.association.stats;
    expect(sacksSent).toBeLessThanOrEqual(packetsReceived);
  });

  test.each([
    ['packet by packet', 0.49, 0.52, { bandwidth: 1200, queueBytes: 1e7 }],
    ['in bursts', 0.13, 0.2, {}],
  ])('a bulk transfer that arrives %s costs %d to %d SACKs a packet', (_how, least, most, link) => {
    const pair = new Pair({ link: { delayMs: 5, ...link } }).connect();
    for (let i = 0; i < 200; i++) pair.send(pair.a, 0, pattern(16_384, i));
    pair.runUntil(() => pair.b.messages.length === 200);
    const { packetsReceived, sacksSent } = pair.b.association.stats;
    expect(sacksSent / packetsReceived).toBeGreaterThan(least);
    expect(sacksSent / packetsReceived).toBeLessThan(most);
  });

  describe('in a steady stream, one SACK answers the packets of a turn', () => {
    /** The next `count` packets arrive in one turn; how many SACKs went out by its end. */
    function turn(solo: Solo, count: number): number {
      for (let i = 0; i < count; i++) solo.receive(dataChunk({ tsn: solo.stats.dataChunksReceived + TSN }));
      solo.run(0);
      return solo.takeSacks().length;
    }

    function steady(): Solo {
      const solo = new Solo().connect();
      expect(turn(solo, 257), 'the first is acknowledged at once, then every second one').toBe(129);
      return solo;
    }

    test('up to 8 of them, after 256 in sequence', () => {
      const solo = steady();
      expect(turn(solo, 3)).toBe(1);
      expect(turn(solo, 7)).toBe(1);
      expect(turn(solo, 8)).toBe(1);
      expect(turn(solo, 20)).toBe(3);
      expect(turn(solo, 1), 'an odd packet still waits for another').toBe(0);
      expect(turn(solo, 1)).toBe(1);
    });

    test('but after a gap or a pause, when senders start slowly, every second packet again', () => {
      const solo = steady();
      solo.receive(dataChunk({ tsn: TSN + 258 })).receive(dataChunk({ tsn: TSN + 257 }));
      solo.takeSacks();
      expect(turn(solo, 8)).toBe(4);
      const paused = steady();
      turn(paused, 1);
      paused.run(20);
      expect(paused.takeSacks()).toHaveLength(1);
      expect(turn(paused, 8)).toBe(4);
    });
  });
});

describe('what it says', () => {
  test('§6.2: "MUST report as many Gap Ack Blocks as can fit in a single SACK chunk", the lowest first', () => {
    const solo = warm();
    for (let i = 2; i < 1_200; i += 2) solo.receive(dataChunk({ tsn: TSN + i, ssn: i }));
    const packet = solo.takeSent().at(-1)!;
    expect(packet.length).toBe(1160);
    const [sack] = sacksOf(packet);
    expect(sack!.gaps).toHaveLength((1160 - 12 - 16) / 4);
    expect(sack!.gaps[0]).toEqual([2, 2]);
    expect(sack!.gaps.at(-1)).toEqual([566, 566]);
  });

  test('§6.2.1 B, C: a_rwnd falls with what is held and comes back with its delivery', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN + 2, ssn: 2, data: pattern(1000) }));
    const [held] = solo.takeSacks();
    expect(held!.aRwnd).toBeLessThanOrEqual(5 * 1024 * 1024 - 1000);
    expect(held!.aRwnd).toBeGreaterThan(5 * 1024 * 1024 - 1200);
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    solo.run(20);
    expect(solo.takeSacks().at(-1)!.aRwnd).toBe(5 * 1024 * 1024);
  });

  test('fragments of an unfinished message count too, and small ones with their overhead', () => {
    const solo = warm();
    for (let i = 1; i <= 100; i++)
      solo.receive(dataChunk({ tsn: TSN + i, ssn: 1, flags: i === 1 ? 2 : 0, data: pattern(1) }));
    expect(5 * 1024 * 1024 - solo.stats.localRwnd).toBe(100 * 65);
    solo.receive(dataChunk({ tsn: TSN + 101, ssn: 1, flags: 1 }));
    expect(solo.stats.localRwnd).toBe(5 * 1024 * 1024);
  });
});

describe('a full receive buffer', () => {
  const BUFFER = 20_000;

  /** Fills the buffer with ordered messages whose predecessor is missing. */
  function full(): { solo: Solo; next: number } {
    const solo = new Solo({ receiveBufferSize: BUFFER, maxMessageSize: 2_000 }).connect();
    let tsn = TSN + 1;
    while (solo.stats.localRwnd > 0) {
      solo.receive(dataChunk({ tsn, ssn: tsn - TSN, data: pattern(1_000) }));
      tsn++;
    }
    while (solo.stats.dropped.window === 0) {
      solo.receive(dataChunk({ tsn, ssn: tsn - TSN, data: pattern(1_000) }));
      tsn++;
    }
    solo.sent = [];
    return { solo, next: tsn };
  }

  test('§6.2: "the receiver MUST drop any new incoming DATA", and "MUST immediately send back a SACK" that says so', () => {
    const { solo, next } = full();
    const dropped = solo.stats.dropped.window;
    solo.receive(dataChunk({ tsn: next, ssn: next - TSN, data: pattern(1_000) }));
    expect(solo.stats.dropped.window).toBe(dropped + 1);
    const [sack] = solo.takeSacks();
    expect(sack).toMatchObject({ cumulativeTsnAck: TSN - 1, aRwnd: 0 });
    expect(sack!.gaps).toHaveLength(1);
    expect(sack!.gaps[0]![1], 'what was dropped is not acknowledged').toBeLessThan(next - TSN);
  });

  test('also when there is no gap yet', () => {
    const solo = new Solo({ receiveBufferSize: BUFFER, maxMessageSize: BUFFER / 2 }).connect();
    let i = 0;
    // Ordered messages in TSN order, whose first sequence number is left out.
    for (; solo.stats.localRwnd > 0; i++) solo.receive(dataChunk({ tsn: TSN + i, ssn: i + 1, data: pattern(1_000) }));
    while (solo.stats.dropped.window === 0) {
      solo.run(100);
      solo.sent = [];
      solo.receive(dataChunk({ tsn: TSN + i + 1, ssn: i + 2, data: pattern(1_000) }));
      if (solo.stats.dropped.window === 0) solo.receive(dataChunk({ tsn: TSN + i, ssn: i + 1, data: pattern(1_000) }));
      i += 2;
    }
    expect(solo.takeSacks()).toMatchObject([{ aRwnd: 0, gaps: [] }]);
  });

  test('what was accepted is never dropped again, and the chunk that is missing is let in', () => {
    const { solo, next } = full();
    solo.receive(dataChunk({ tsn: TSN, ssn: 0, data: pattern(1_000) }));
    expect(solo.messages.length).toBe(next - TSN - 1);
    expect(solo.stats.localRwnd).toBe(BUFFER);
    solo.run(20);
    expect(solo.takeSacks().at(-1)).toMatchObject({ aRwnd: BUFFER, gaps: [] });
  });

  test('a peer that leaves out a sequence number for ever is aborted before it has filled more than a message beyond', () => {
    const solo = new Solo({ receiveBufferSize: BUFFER, maxMessageSize: 2_000 }).connect();
    let i = 0;
    for (; i < 1000 && solo.closed === undefined; i++) {
      solo.receive(dataChunk({ tsn: TSN + i, ssn: i + 1, data: pattern(1_000) }));
    }
    expect(solo.closed).toMatchObject({ reason: 'aborted' });
    expect(i * 1_000).toBeLessThan(BUFFER + 2_000 + 2_000);
  });

  test('TSNs further ahead than a gap ack block can name are dropped', () => {
    const solo = warm();
    solo.receive(dataChunk({ tsn: TSN + 65_536, ssn: 1 }));
    expect(solo.stats.dropped.window).toBe(1);
    solo.receive(dataChunk({ tsn: TSN + 65_535, ssn: 1 }));
    expect(solo.stats.dropped.window).toBe(1);
    expect(solo.takeSacks().at(-1)!.gaps).toEqual([[65_535, 65_535]]);
  });

  test('a message as large as the buffer still comes through', () => {
    const pair = new Pair({
      b: { receiveBufferSize: 1500, maxMessageSize: 100_000 },
      link: { delayMs: 5 },
    }).connect();
    pair.send(pair.a, 0, pattern(100_000));
    pair.runUntil(() => pair.b.messages.length === 1);
    expect(pair.b.messages[0]!.data).toEqual(pattern(100_000));
  });
});

describe('window probes (RFC 9260 §6.1 A)', () => {
  test('"MUST NOT transmit new data … if its peer\'s rwnd indicates that the peer has no buffer space", but probes after 1 RTO', () => {
    const solo = new Solo({}, { aRwnd: 1500 }).connect();
    for (let i = 0; i < 4; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    expect(solo.takeData()).toHaveLength(1);
    solo.receive(sackChunk(solo.local.initialTsn, [], { aRwnd: 0 }));
    expect(solo.takeSent()).toEqual([]);
    solo.run(299);
    expect(solo.takeSent()).toEqual([]);
    solo.run(1);
    expect(solo.takeData(), 'one chunk').toHaveLength(1);
    const { cwnd } = solo.stats;
    solo.receive(sackChunk(solo.local.initialTsn, [], { aRwnd: 0 }));
    solo.run(300);
    expect(solo.takeData(), 'and again, with back-off').toHaveLength(1);
    expect(solo.stats.cwnd, '"Zero window probing does not affect the calculation of cwnd."').toBe(cwnd);
    solo.run(599);
    expect(solo.takeData()).toHaveLength(0);
    solo.run(1);
    expect(solo.takeData()).toHaveLength(1);
    solo.receive(sackChunk(solo.local.initialTsn + 1, [], { aRwnd: 100_000 }));
    expect(solo.takeData(), 'the window is open').toHaveLength(2);
  });

  test('"If the sender continues to receive SACK chunks …, the unacknowledged window probes SHOULD NOT increment the error counter"', () => {
    const solo = new Solo({ timing: { maxRetransmissions: 10 } }, { aRwnd: 1500 }).connect();
    for (let i = 0; i < 4; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    solo.receive(sackChunk(solo.local.initialTsn, [], { aRwnd: 0 }));
    solo.takeSent();
    for (let i = 0; i < 50; i++) {
      solo.run(10_000);
      if (solo.takeData().length > 0) solo.receive(sackChunk(solo.local.initialTsn, [], { aRwnd: 0 }));
    }
    expect(solo.closed).toBeUndefined();
    solo.run(200_000);
    expect(solo.closed, 'silence does').toMatchObject({ reason: 'failed' });
  });

  test('a probe that was dropped goes again when the window opens, not at its timeout', () => {
    const solo = new Solo({}, { aRwnd: 1500 }).connect();
    for (let i = 0; i < 4; i++) solo.send(0, pattern(1000, i));
    solo.flush().takeSent();
    const tsn = solo.local.initialTsn;
    solo.receive(sackChunk(tsn, [], { aRwnd: 0 }));
    solo.run(3_000);
    expect(new Set(solo.takeData().map((chunk) => chunk.tsn))).toEqual(new Set([tsn + 1]));
    solo.receive(sackChunk(tsn, [], { aRwnd: 500 }));
    expect(solo.takeData(), 'too little still').toEqual([]);
    solo.receive(sackChunk(tsn, [], { aRwnd: 100_000 }));
    expect(solo.takeData().map((chunk) => chunk.tsn)).toEqual([tsn + 1]);
    expect(solo.stats.peerRwnd).toBe(100_000 - solo.stats.flightSize);
    solo.receive(sackChunk(tsn + 1, [], { aRwnd: 100_000 }));
    expect(solo.takeData().map((chunk) => chunk.tsn)).toEqual([tsn + 2, tsn + 3]);
  });

  test('§6.2.1: rwnd is what was announced, less what is in flight; lost chunks count back in', () => {
    const solo = new Solo({}, { aRwnd: 10_000 }).connect();
    for (let i = 0; i < 8; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    expect(solo.stats.flightSize).toBe(8 * 1016);
    expect(solo.stats.peerRwnd).toBe(10_000 - 8 * 1016);
    solo.receive(sackChunk(solo.local.initialTsn + 1, [], { aRwnd: 9_000 }));
    expect(solo.stats.peerRwnd).toBe(9_000 - 6 * 1016);
    solo.run(300);
    expect(solo.stats.t3Expiries).toBe(1);
    expect(solo.stats.peerRwnd, 'one packet of it is out again').toBe(9_000 - 1016);
  });
});

test('packets look as they should on an idle, healthy path', () => {
  const pair = new Pair({ link: { delayMs: 10 } }).connect();
  pair.run(100);
  pair.a.link.takeSent();
  pair.b.link.takeSent();
  pair.send(pair.a, 0, 'question');
  pair.run(15);
  pair.send(pair.b, 0, 'answer');
  pair.run(1_000);
  expect(pair.a.link.takeSent().map(describePacket)).toEqual(['data', 'sack']);
  expect(pair.b.link.takeSent().map(describePacket)).toEqual(['sack', 'data']);
});
