import { describe, expect, test } from 'vitest';
import { CHUNK, encodeChunk } from '../../src/sctp/packet/chunk.ts';
import { decodeShutdown, encodeHeartbeat, encodeShutdown } from '../../src/sctp/packet/control-chunks.ts';
import {
  CAUSE,
  decodeCauses,
  encodeAbortChunk,
  encodeErrorChunk,
  encodeStaleCookieCause,
  encodeStreamCause,
  encodeTextCause,
} from '../../src/sctp/packet/error-cause.ts';
import { encodeInit } from '../../src/sctp/packet/init-chunk.ts';
import { Pair, pattern } from './support/pair.ts';
import { PEER, PEER_TAG, Solo, PEER_INITIAL_TSN as TSN } from './support/solo.ts';
import { chunksOf, dataChunk, describePacket, packetOf, sackChunk, tagOf } from './support/wire.ts';

const EMPTY = new Uint8Array(0);
const SHUTDOWN_ACK = encodeChunk(CHUNK.shutdownAck, 0, EMPTY);
const SHUTDOWN_COMPLETE = encodeChunk(CHUNK.shutdownComplete, 0, EMPTY);
const COOKIE_ACK = encodeChunk(CHUNK.cookieAck, 0, EMPTY);

describe('shutdown (RFC 9260 §9.2)', () => {
  test('SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE, after everything queued was delivered, both ways', () => {
    const pair = new Pair({ link: { delayMs: 10, loss: 0.05 }, seed: 3 }).connect();
    for (let i = 0; i < 30; i++) {
      pair.send(pair.a, 0, pattern(5_000, i));
      pair.send(pair.b, 0, pattern(5_000, i));
    }
    pair.a.association.shutdown(pair.now);
    expect(pair.a.association.state).toBe('shutdownPending');
    pair.runUntil(() => pair.a.association.state === 'closed' && pair.b.association.state === 'closed');
    expect(pair.a.messages).toHaveLength(30);
    expect(pair.b.messages).toHaveLength(30);
    expect(pair.a.events.at(-1)).toEqual({ kind: 'closed', reason: 'shutdown', message: 'shut down' });
    expect(pair.b.events.at(-1)).toEqual({ kind: 'closed', reason: 'shutdown', message: 'shut down by the peer' });
    expect([pair.a.association.nextTimeout, pair.b.association.nextTimeout]).toEqual([Infinity, Infinity]);
  });

  test('both at once', () => {
    const pair = new Pair({ link: { delayMs: 10 } }).connect();
    pair.a.association.shutdown(pair.now);
    pair.b.association.shutdown(pair.now);
    pair.run(1000);
    expect(pair.a.events.at(-1)).toMatchObject({ kind: 'closed', reason: 'shutdown' });
    expect(pair.b.events.at(-1)).toMatchObject({ kind: 'closed', reason: 'shutdown' });
    expect(pair.a.kinds('closed')).toHaveLength(1);
  });

  test('any single packet of it may be lost', () => {
    for (const side of ['a', 'b'] as const) {
      for (let n = 0; n < 4; n++) {
        const pair = new Pair({ link: { delayMs: 10 } }).connect();
        pair.run(50);
        const from = pair[side].link.count;
        pair[side].link.drop = (_packet, index) => index === from + n;
        pair.a.association.shutdown(pair.now);
        pair.run(5_000);
        expect([pair.a.association.state, pair.b.association.state]).toEqual(['closed', 'closed']);
        expect(pair.a.events.at(-1)).toMatchObject({ reason: 'shutdown' });
        expect(pair.b.events.at(-1)).toMatchObject({ reason: 'shutdown' });
      }
    }
  });

  test('"An endpoint SHOULD reject any new data request from its upper layer"', () => {
    const solo = new Solo().connect();
    solo.association.shutdown(0);
    expect(() => solo.send(0, 'x')).toThrow(TypeError);
    const other = new Solo().connect();
    other.send(0, 'x').flush();
    other.receive(encodeShutdown((other.local.initialTsn - 1) >>> 0));
    expect(other.association.state).toBe('shutdownReceived');
    expect(() => other.send(0, 'x')).toThrow(TypeError);
  });

  test('the SHUTDOWN says the last TSN in sequence, and says it anew with each packet of DATA, beside a SACK', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN }));
    solo.takeSent();
    solo.association.shutdown(0);
    const cumulatives = (): (number | null)[] =>
      solo
        .takeSent()
        .flatMap(chunksOf)
        .filter(({ name }) => name === 'shutdown')
        .map(({ bytes }) => decodeShutdown(bytes));
    expect(cumulatives()).toEqual([TSN]);
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    expect(cumulatives()).toEqual([TSN + 1]);
    solo.receive(dataChunk({ tsn: TSN + 3, ssn: 3 }));
    expect(solo.takeDescriptions(), '"a SACK chunk MUST also be sent"').toEqual(['shutdown sack']);
    expect(solo.messages).toHaveLength(2);
  });

  test('T2-shutdown sends it again, and a silent peer has failed', () => {
    for (const start of [
      (solo: Solo): void => solo.association.shutdown(0),
      (solo: Solo): void => void solo.receive(encodeShutdown((solo.local.initialTsn - 1) >>> 0)),
    ]) {
      const solo = new Solo().connect();
      start(solo);
      const first = solo.takeDescriptions();
      solo.run(300);
      expect(solo.takeDescriptions()).toEqual(first);
      solo.run(600);
      expect(solo.takeDescriptions()).toEqual(first);
      solo.run(200_000);
      expect(solo.closed).toMatchObject({ reason: first[0] === 'shutdown' ? 'aborted' : 'failed' });
    }
  });

  test('"The reception of any packet from its peer … SHOULD clear the endpoint\'s retransmission count"', () => {
    const solo = new Solo({ timing: { maxRetransmissions: 2 } }).connect();
    solo.association.shutdown(0);
    for (let i = 0; i < 5; i++) {
      solo.run(solo.stats.rtoMs);
      solo.receive(dataChunk({ tsn: TSN + i, ssn: i }));
    }
    expect(solo.closed).toBeUndefined();
    expect(solo.stats.rtoMs).toBe(300 * 2 ** 5);
  });

  test('T5-shutdown-guard: a peer that never gets done is aborted after 5 * RTO.Max', () => {
    const solo = new Solo().connect();
    solo.association.shutdown(0);
    for (let i = 0; solo.closed === undefined; i++) {
      solo.run(100);
      solo.receive(dataChunk({ tsn: TSN + i, ssn: i }));
      expect(solo.now).toBeLessThanOrEqual(50_000);
    }
    expect(solo.now).toBe(50_000);
    expect(describePacket(solo.takeSent().at(-1)!)).toBe('abort');
  });

  test('a SHUTDOWN acknowledges data cumulatively, and data still out is sent and acknowledged first', () => {
    const solo = new Solo().connect();
    for (let i = 0; i < 3; i++) solo.send(0, pattern(1000, i));
    solo.flush();
    solo.takeSent();
    solo.receive(encodeShutdown(solo.local.initialTsn));
    expect(solo.association.state).toBe('shutdownReceived');
    expect(solo.stats.flightSize).toBe(2 * 1016);
    solo.run(300);
    expect(solo.takeData()).not.toEqual([]);
    solo.receive(sackChunk(solo.local.initialTsn + 2));
    expect(solo.association.state).toBe('shutdownAckSent');
    expect(solo.takeDescriptions()).toEqual(['shutdownAck']);
    solo.receive(SHUTDOWN_COMPLETE);
    expect(solo.association.state).toBe('closed');
  });

  test('a SHUTDOWN that acknowledges what was never sent is dropped', () => {
    const solo = new Solo().connect();
    solo.receive(encodeShutdown((solo.local.initialTsn + 5) >>> 0));
    expect(solo.association.state).toBe('established');
    expect(solo.stats.dropped.sack).toBe(1);
  });

  test('chunks of a shutdown in the wrong state are dropped', () => {
    const solo = new Solo().connect();
    solo
      .receive(SHUTDOWN_ACK)
      .receive(SHUTDOWN_COMPLETE)
      .receive(encodeChunk(CHUNK.shutdown, 0, EMPTY));
    expect(solo.association.state).toBe('established');
    expect(solo.stats.dropped).toMatchObject({ unexpected: 2, malformed: 1 });
    const waiting = new Solo().sendInit();
    waiting.receive(encodeShutdown(1));
    expect(waiting.association.state).toBe('cookieWait');
  });

  test('"SHUTDOWN-ACK-SENT … SHOULD discard the INIT chunk and retransmit the SHUTDOWN ACK chunk"', () => {
    const solo = new Solo().connect();
    solo.receive(encodeShutdown((solo.local.initialTsn - 1) >>> 0));
    solo.takeSent();
    solo.association.handlePacket(packetOf(0, encodeInit(PEER)), 0);
    expect(solo.takeDescriptions()).toEqual(['shutdownAck']);
  });

  test("§8.5.1 C: SHUTDOWN COMPLETE is taken with our tag, or with the peer's and the T bit", () => {
    for (const [tag, flags, taken] of [
      ['own', 0, true],
      ['peer', 1, true],
      ['peer', 0, false],
      ['own', 1, false],
    ] as const) {
      const solo = new Solo().connect();
      solo.receive(encodeShutdown((solo.local.initialTsn - 1) >>> 0));
      const chunk = encodeChunk(CHUNK.shutdownComplete, flags, EMPTY);
      solo.association.handlePacket(packetOf(tag === 'own' ? solo.local.initiateTag : PEER_TAG, chunk), 0);
      expect(solo.association.state === 'closed', `${tag} tag, T ${flags}`).toBe(taken);
    }
  });

  test('before it was connected there is nothing to finish', () => {
    const solo = new Solo().sendInit();
    solo.association.shutdown(0);
    expect(solo.closed).toMatchObject({ reason: 'aborted' });
    expect(solo.association.nextTimeout).toBe(Infinity);
  });
});

describe('abort (RFC 9260 §9.1)', () => {
  test('ends both sides at once, with the reason', () => {
    const pair = new Pair({ link: { delayMs: 10 } }).connect();
    pair.send(pair.a, 0, 'lost');
    pair.a.association.abort(pair.now, 'enough');
    pair.run(100);
    expect(pair.a.events.at(-1)).toEqual({ kind: 'closed', reason: 'aborted', message: 'enough', cause: 12 });
    expect(pair.b.events.at(-1)).toEqual({
      kind: 'closed',
      reason: 'aborted',
      message: 'aborted by the peer: user-initiated abort: enough',
      cause: 12,
    });
    const abort = pair.a.link.sent.at(-1)!.packet;
    expect(decodeCauses(chunksOf(abort)[0]!.bytes)![0]!.type).toBe(CAUSE.userInitiatedAbort);
    expect(pair.b.association.nextTimeout).toBe(Infinity);
    expect(pair.a.association.bufferedAmount(0)).toBe(0);
  });

  test("§8.5.1 B: an ABORT is taken with our tag, or with the peer's and the T bit", () => {
    for (const [tag, flags, taken] of [
      ['own', 0, true],
      ['peer', 1, true],
      ['peer', 0, false],
      ['own', 1, false],
      ['none', 0, false],
      ['none', 1, false],
    ] as const) {
      const solo = new Solo().connect();
      const value = tag === 'own' ? solo.local.initiateTag : tag === 'peer' ? PEER_TAG : 77;
      solo.association.handlePacket(packetOf(value, encodeAbortChunk([], flags)), 0);
      expect(solo.association.state === 'closed', `${tag} tag, T ${flags}`).toBe(taken);
      expect(solo.takeSent(), 'never answered').toEqual([]);
    }
  });

  test('one behind other chunks counts as well, and ends the packet', () => {
    const solo = new Solo().connect();
    solo.receive(
      dataChunk({ tsn: TSN }),
      encodeAbortChunk([encodeTextCause(12, 'bye')]),
      dataChunk({ tsn: TSN + 1, ssn: 1 }),
    );
    expect(solo.messages).toHaveLength(1);
    expect(solo.closed).toMatchObject({ message: 'aborted by the peer: user-initiated abort: bye' });
  });

  test('§3.3.7: "with a format error … it MUST silently discard it"', () => {
    const solo = new Solo().connect();
    solo.receive(encodeChunk(CHUNK.abort, 0, Uint8Array.of(0, 12, 0, 99)));
    expect(solo.association.state).toBe('established');
  });

  test('a reason that is too long is cut, sending and receiving', () => {
    const pair = new Pair().connect();
    pair.a.association.abort(pair.now, 'x'.repeat(10_000));
    pair.run(10);
    const [closed] = pair.b.kinds('closed');
    expect(closed!.kind === 'closed' && closed!.message.length).toBeLessThan(200);
  });

  test('closing is said once, and what is done afterwards does nothing or throws', () => {
    const solo = new Solo().connect();
    solo.association.abort(0);
    solo.association.abort(0);
    solo.association.shutdown(0);
    solo.association.connect(0);
    solo.association.resetStreams([1], 0);
    solo.association.flush(0);
    solo.association.handleTimeout(1e9);
    expect(solo.events.filter(({ kind }) => kind === 'closed')).toHaveLength(1);
    expect(solo.takeDescriptions()).toEqual(['abort']);
    expect(() => solo.send(0, 'x')).toThrow(TypeError);
    expect(solo.association.bufferedAmount(0)).toBe(0);
  });
});

describe('packets out of the blue (RFC 9260 §8.4)', () => {
  /** An association that is over. */
  function over(): Solo {
    const solo = new Solo().connect();
    solo.association.abort(0);
    solo.takeSent();
    return solo;
  }

  test('8: answered with an ABORT that reflects the tag, with the T bit', () => {
    for (const chunk of [dataChunk({ tsn: 1 }), sackChunk(1), encodeHeartbeat(Uint8Array.of(1))]) {
      const solo = over();
      solo.association.handlePacket(packetOf(0x5555, chunk), 0);
      const [answer] = solo.takeSent();
      expect(chunksOf(answer!)).toMatchObject([{ name: 'abort', flags: 1 }]);
      expect(tagOf(answer!)).toBe(0x5555);
    }
  });

  test('2, 6, 7: never to ABORT, SHUTDOWN COMPLETE, COOKIE ACK, or an ERROR "Stale Cookie"', () => {
    const solo = over();
    for (const chunk of [
      encodeAbortChunk([]),
      SHUTDOWN_COMPLETE,
      COOKIE_ACK,
      encodeErrorChunk([encodeStaleCookieCause()]),
    ]) {
      solo.association.handlePacket(packetOf(0x5555, chunk), 0);
    }
    solo.association.handlePacket(packetOf(0x5555, dataChunk({ tsn: 1 }), encodeAbortChunk([])), 0);
    solo.association.handlePacket(packetOf(0x5555, encodeChunk(CHUNK.cookieEcho, 0, new Uint8Array(16))), 0);
    solo.association.handlePacket(packetOf(0, encodeInit({ ...PEER, initiateTag: 0 })), 0);
    expect(solo.takeSent()).toEqual([]);
  });

  test('3: an INIT is refused at once, with an ABORT under its Initiate Tag, T bit not set', () => {
    const solo = over();
    solo.association.handlePacket(packetOf(0, encodeInit(PEER)), 0);
    const [answer] = solo.takeSent();
    expect(chunksOf(answer!)).toMatchObject([{ name: 'abort', flags: 0 }]);
    expect(tagOf(answer!)).toBe(PEER.initiateTag);
  });

  test('8: an INIT ACK, and any other ERROR, are answered like the rest', () => {
    for (const chunk of [encodeInit(PEER, Uint8Array.of(1)), encodeErrorChunk([encodeStreamCause(7)])]) {
      const solo = over();
      solo.association.handlePacket(packetOf(0x5555, chunk), 0);
      expect(solo.takeDescriptions()).toEqual(['abort']);
    }
  });

  test('5: a SHUTDOWN ACK is answered with SHUTDOWN COMPLETE, T bit set', () => {
    for (const solo of [over(), new Solo().sendInit()]) {
      solo.association.handlePacket(packetOf(0x5555, SHUTDOWN_ACK), 0);
      const [answer] = solo.takeSent();
      expect(chunksOf(answer!)).toMatchObject([{ name: 'shutdownComplete', flags: 1 }]);
      expect(tagOf(answer!)).toBe(0x5555);
    }
  });

  test('two associations that are over do not answer each other for ever', () => {
    const pair = new Pair({ link: { delayMs: 1 } }).connect();
    pair.send(pair.a, 0, 'x');
    pair.send(pair.b, 0, 'x');
    pair.a.association.flush(pair.now);
    pair.b.association.flush(pair.now);
    pair.a.association.abort(pair.now);
    pair.b.association.abort(pair.now);
    const before = pair.a.link.count + pair.b.link.count;
    pair.run(10_000);
    expect(pair.a.link.count + pair.b.link.count - before).toBeLessThan(8);
  });
});

describe('heartbeats (RFC 9260 §8.3)', () => {
  test('after HB.interval plus an RTO with jitter on an idle path, with a nonce of 64 bits; the answer is a measurement', () => {
    const pair = new Pair({ link: { delayMs: 40 }, b: { timing: { heartbeatIntervalMs: 1e9 } } }).connect();
    pair.run(200);
    pair.a.link.takeSent();
    const start = pair.now;
    pair.runUntil(() => pair.a.link.sent.length > 0);
    const waited = pair.now - start;
    expect(waited).toBeGreaterThan(29_800);
    expect(waited).toBeLessThan(30_800);
    const [packet] = pair.a.link.takeSent();
    expect(describePacket(packet!)).toBe('heartbeat');
    expect(chunksOf(packet!)[0]!.bytes).toHaveLength(16);
    pair.run(100);
    expect(pair.a.association.stats.srttMs).toBeCloseTo(80, 3);
    pair.a.link.takeSent();
    pair.run(29_000);
    expect(pair.a.link.takeSent()).toEqual([]);
  });

  test('not while data flows', () => {
    const pair = new Pair({ link: { delayMs: 10 } }).connect();
    for (let i = 0; i < 100; i++) {
      pair.send(pair.a, 0, 'x');
      pair.send(pair.b, 0, 'x');
      pair.run(1_000);
    }
    const sent = [...pair.a.link.sent, ...pair.b.link.sent].map(({ packet }) => describePacket(packet));
    expect(sent.some((description) => description.includes('heartbeat'))).toBe(false);
  });

  test('each nonce is new, and an ACK without it means nothing', () => {
    const solo = new Solo().connect();
    const nonces = new Set<string>();
    for (let i = 0; i < 3; i++) {
      while (solo.sent.length === 0) solo.run(solo.association.nextTimeout - solo.now);
      const [chunk] = solo.takeSent().flatMap(chunksOf).slice(-1);
      nonces.add(chunk!.bytes.join());
      const ack = chunk!.bytes.slice();
      ack[0] = CHUNK.heartbeatAck;
      const forged = ack.slice();
      forged[15]! ^= 1;
      solo.receive(forged);
      solo.receive(encodeChunk(CHUNK.heartbeatAck, 0, EMPTY));
      expect(solo.stats.dropped.heartbeat).toBe(3 * i + 2);
      solo.receive(ack);
      expect(solo.stats.dropped.heartbeat).toBe(3 * i + 2);
      solo.receive(ack); // a second time it means nothing either
      expect(solo.stats.dropped.heartbeat).toBe(3 * i + 3);
    }
    expect(nonces.size).toBe(3);
  });

  test('§8.1: a peer that does not answer them has failed', () => {
    const solo = new Solo({ timing: { heartbeatIntervalMs: 1_000, maxRetransmissions: 4 } }).connect();
    solo.run(100_000);
    expect(solo.closed).toEqual({
      kind: 'closed',
      reason: 'failed',
      message: 'the peer does not answer: heartbeat, 5 times in a row',
    });
  });

  test('§3.3.6: HEARTBEAT is answered with everything in it, unchanged', () => {
    const solo = new Solo().connect();
    const heartbeat = encodeChunk(CHUNK.heartbeat, 0, Uint8Array.of(0, 1, 0, 9, 1, 2, 3, 4, 5, 0, 0, 0, 0, 77, 0, 4));
    solo.receive(heartbeat);
    const [chunk] = solo.takeSent().flatMap(chunksOf);
    expect(chunk!.name).toBe('heartbeatAck');
    expect(chunk!.bytes.subarray(4)).toEqual(heartbeat.subarray(4));
  });

  test('one that is larger than our MTU is not answered; many in one packet are, in packets of ours', () => {
    const solo = new Solo({ mtu: 200 }).connect();
    solo.receive(encodeHeartbeat(new Uint8Array(400)));
    expect(solo.takeSent()).toEqual([]);
    solo.receive(...Array.from({ length: 50 }, () => encodeHeartbeat(new Uint8Array(20))));
    const sent = solo.takeSent();
    expect(sent.flatMap(chunksOf)).toHaveLength(50);
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(200);
  });

  test('stops with the shutdown', () => {
    const solo = new Solo().connect();
    solo.association.shutdown(0);
    solo.takeSent();
    solo.run(49_000);
    expect(solo.takeDescriptions().every((description) => description === 'shutdown')).toBe(true);
  });
});
