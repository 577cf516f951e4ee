import { describe, expect, test } from 'vitest';
import { concatBytes, setU32 } from '../../src/binary/bytes.ts';
import { CHUNK, encodeChunk, encodeParameter } from '../../src/sctp/packet/chunk.ts';
import { encodeForwardTsn } from '../../src/sctp/packet/forward-tsn-chunk.ts';
import {
  decodeReConfig,
  encodeOutgoingReset,
  encodeReConfigResponses,
  type OutgoingResetRequest,
  RESULT,
  type ReConfigParameter,
} from '../../src/sctp/packet/reconfig-chunk.ts';
import { Pair, pattern } from './support/pair.ts';
import { Solo, PEER_INITIAL_TSN as TSN } from './support/solo.ts';
import { chunksOf, dataChunk, dataOf, describePacket, sackChunk } from './support/wire.ts';

function reConfigs(packets: Uint8Array[]): ReConfigParameter[] {
  return packets
    .flatMap(chunksOf)
    .filter(({ name }) => name === 'reConfig')
    .flatMap(({ bytes }) => decodeReConfig(bytes)!);
}

function takeRequest(solo: Solo): OutgoingResetRequest {
  const request = reConfigs(solo.takeSent()).find(({ kind }) => kind === 'outgoingReset');
  if (request?.kind !== 'outgoingReset') throw new Error('no request was sent');
  return request;
}

function respond(solo: Solo, responseNumber: number, result: number): void {
  solo.receive(encodeReConfigResponses([{ kind: 'response', responseNumber, result }]));
}

function resets(solo: Solo): unknown[] {
  return solo.events.filter(({ kind }) => kind === 'streamsReset' || kind === 'streamsResetFailed');
}

/** The peer's request to reset its outgoing streams. Its first request number is its initial TSN. */
function request(number: number, lastTsn: number, ...streamIds: number[]): Uint8Array {
  return encodeOutgoingReset({
    kind: 'outgoingReset',
    requestNumber: TSN + number,
    responseNumber: 0,
    lastAssignedTsn: TSN + lastTsn,
    streamIds,
  });
}

/** The results in RE-CONFIG responses sent since the last look, by number of the request. */
function takeResults(solo: Solo): [number, number][] {
  return reConfigs(solo.takeSent())
    .filter((parameter) => parameter.kind === 'response')
    .map(({ responseNumber, result }) => [responseNumber - TSN, result]);
}

describe('our outgoing streams (RFC 6525 §5.1.2)', () => {
  test('A2, A3, A4: request number from the initial TSN on, last assigned TSN, streams, and the last number of the peer', () => {
    const solo = new Solo().connect();
    solo.send(3, 'x').send(4, 'y').flush();
    solo.receive(sackChunk(solo.local.initialTsn + 1));
    solo.takeSent();
    solo.association.resetStreams([3, 4], 0);
    expect(takeRequest(solo)).toEqual({
      kind: 'outgoingReset',
      requestNumber: solo.local.initialTsn,
      responseNumber: TSN - 1,
      lastAssignedTsn: (solo.local.initialTsn + 1) >>> 0,
      streamIds: [3, 4],
    });
    respond(solo, solo.local.initialTsn, RESULT.performed);
    expect(resets(solo)).toEqual([{ kind: 'streamsReset', streamIds: [3, 4], direction: 'outgoing' }]);
    solo.association.resetStreams([3], 0);
    expect(takeRequest(solo).requestNumber).toBe(solo.local.initialTsn + 1);
  });

  test('waits until every message queued on the stream was acknowledged, and holds those that come later (A1)', () => {
    const solo = new Solo().connect();
    for (let i = 0; i < 15; i++) solo.send(1, pattern(1000, i));
    solo.association.resetStreams([1], 0);
    solo.send(1, 'after');
    solo.flush();
    expect(reConfigs(solo.takeSent())).toEqual([]);
    solo.run(1);
    solo.receive(sackChunk(solo.local.initialTsn + 5)).run(5);
    expect(dataOf(...solo.sent).some(({ data }) => data.length === 5)).toBe(false);
    expect(reConfigs(solo.takeSent())).toEqual([]);
    expect(solo.association.bufferedAmount(1)).toBe(5);
    solo.receive(sackChunk(solo.local.initialTsn + 14));
    expect(reConfigs(solo.takeSent())).toMatchObject([{ lastAssignedTsn: solo.local.initialTsn + 14, streamIds: [1] }]);
    respond(solo, solo.local.initialTsn, RESULT.performed);
    expect(solo.takeData()).toMatchObject([{ streamId: 1, ssn: 0 }]);
  });

  test('RFC 8831 §6.7: "all the messages are delivered (or abandoned) before the stream is reset"', () => {
    const solo = new Solo().connect();
    const tsn = (offset: number): number => solo.local.initialTsn + offset;
    solo.send(1, 'lost').send(1, 'waits for it').flush();
    solo.send(2, 'elsewhere').send(3, 'once', { maxRetransmits: 0 }).flush();
    solo.association.resetStreams([1, 3], 0);
    solo.receive(sackChunk(tsn(-1), [[2, 3]]));
    expect(reConfigs(solo.takeSent()), 'a gap ack block is not enough: the peer may hold it back').toEqual([]);
    solo.receive(sackChunk(tsn(2)));
    expect(takeRequest(solo).streamIds).toEqual([1]);
    respond(solo, tsn(0), RESULT.performed);
    solo.run(5_000);
    expect(solo.stats.messagesAbandoned).toBe(1);
    expect(reConfigs(solo.takeSent()), 'given up, but the peer does not know').toEqual([]);
    solo.receive(sackChunk(tsn(3)));
    expect(takeRequest(solo)).toMatchObject({ streamIds: [3], lastAssignedTsn: tsn(3) });
  });

  test('a peer that performs a reset at once loses nothing, on a bad network', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new Pair({ seed, link: { delayMs: 20, jitterMs: 30, loss: 0.2 } }).connect();
      for (let i = 0; i < 40; i++) pair.send(pair.a, 1, `${i}`);
      pair.a.association.resetStreams([1], pair.now);
      pair.runUntil(() => pair.a.link.sent.some(({ packet }) => describePacket(packet).includes('reConfig')));
      expect(pair.b.messages, `seed ${seed}`).toHaveLength(40);
    }
  });

  test('other streams go on meanwhile', () => {
    const solo = new Solo().connect();
    solo.association.resetStreams([1], 0);
    solo.send(1, 'held').send(2, 'not held').flush();
    expect(dataOf(...solo.takeSent()).map(({ streamId }) => streamId)).toEqual([2]);
  });

  test('§5.1.1: "There MUST NOT be more than one request in flight"; later ones are sent together', () => {
    const solo = new Solo().connect();
    solo.association.resetStreams([1], 0);
    solo.association.resetStreams([2], 0);
    solo.association.resetStreams([3, 1], 0);
    expect(reConfigs(solo.takeSent())).toHaveLength(1);
    respond(solo, solo.local.initialTsn, RESULT.performed);
    expect(takeRequest(solo).streamIds).toEqual([2, 3]);
  });

  test('§5.1.1: retransmitted with back-off, unchanged, and an unresponsive peer has failed', () => {
    const solo = new Solo({ timing: { maxRetransmissions: 10 } }).connect();
    solo.association.resetStreams([1], 0);
    const first = takeRequest(solo);
    const times: number[] = [];
    while (solo.closed === undefined) {
      solo.run(solo.association.nextTimeout - solo.now);
      const sent = reConfigs(solo.takeSent());
      if (sent.length === 0) continue;
      expect(sent).toEqual([first]);
      times.push(solo.now);
    }
    expect(times.slice(0, 4)).toEqual([300, 900, 2_100, 4_500]);
    expect(solo.closed).toMatchObject({ reason: 'failed' });
  });

  test('§5.2.7 H2: "In progress" keeps it going, and "the corresponding error counters MUST NOT be incremented"', () => {
    const solo = new Solo({ timing: { heartbeatIntervalMs: 1e9, maxRetransmissions: 10 } }).connect();
    solo.association.resetStreams([1], 0);
    let { requestNumber } = takeRequest(solo);
    for (let i = 0; i < 100; i++) {
      respond(solo, requestNumber, RESULT.inProgress);
      solo.run(300);
      ({ requestNumber } = takeRequest(solo));
    }
    expect(solo.closed).toBeUndefined();
    expect(solo.stats.rtoMs).toBe(300);
    respond(solo, requestNumber, RESULT.performed);
    expect(resets(solo)).toHaveLength(1);
  });

  test('"In progress" once more from a peer that has all the data: asked again under a new number', () => {
    const solo = new Solo().connect();
    const first = solo.local.initialTsn;
    solo.send(2, 'on its way').flush();
    solo.association.resetStreams([1], 0);
    expect(takeRequest(solo).lastAssignedTsn).toBe(first);
    respond(solo, first, RESULT.inProgress);
    solo.run(solo.stats.rtoMs);
    expect(takeRequest(solo).requestNumber, 'the same chunk').toBe(first);
    respond(solo, first, RESULT.inProgress);
    solo.run(solo.stats.rtoMs);
    expect(takeRequest(solo).requestNumber, 'it still waits for data').toBe(first);
    solo.receive(sackChunk(first));
    respond(solo, first, RESULT.inProgress);
    solo.run(solo.stats.rtoMs);
    expect(takeRequest(solo)).toMatchObject({ requestNumber: first + 1, streamIds: [1] });
    respond(solo, first + 1, RESULT.performed);
    expect(resets(solo)).toEqual([{ kind: 'streamsReset', streamIds: [1], direction: 'outgoing' }]);
  });

  test.each([
    ['denied', RESULT.denied],
    ['wrong SSN', RESULT.wrongSsn],
    ['bad sequence number', RESULT.badSequenceNumber],
    ['a result nobody knows', 99],
  ])('refused (%s): it is said, messages held go out, and sequence numbers go on', (_name, result) => {
    const solo = new Solo().connect();
    solo.send(1, 'x').flush();
    solo.receive(sackChunk(solo.local.initialTsn));
    solo.association.resetStreams([1], 0);
    solo.send(1, 'y');
    solo.takeSent();
    respond(solo, solo.local.initialTsn, result);
    expect(resets(solo)).toMatchObject([{ kind: 'streamsResetFailed', streamIds: [1] }]);
    expect(solo.takeData()).toMatchObject([{ streamId: 1, ssn: 1 }]);
  });

  test('"already in progress" is asked again later, under a new number', () => {
    const solo = new Solo().connect();
    solo.association.resetStreams([1], 0);
    solo.takeSent();
    respond(solo, solo.local.initialTsn, RESULT.alreadyInProgress);
    expect(reConfigs(solo.takeSent())).toEqual([]);
    solo.run(300);
    expect(takeRequest(solo)).toMatchObject({ requestNumber: solo.local.initialTsn + 1, streamIds: [1] });
    expect(resets(solo)).toEqual([]);
  });

  test('"nothing to do" is success', () => {
    const solo = new Solo().connect();
    solo.association.resetStreams([1], 0);
    respond(solo, solo.local.initialTsn, RESULT.nothingToDo);
    expect(resets(solo)).toMatchObject([{ kind: 'streamsReset' }]);
  });

  test('H1: a response to no request of ours means nothing', () => {
    const solo = new Solo().connect();
    respond(solo, solo.local.initialTsn, RESULT.performed);
    solo.association.resetStreams([1], 0);
    respond(solo, solo.local.initialTsn + 1, RESULT.performed);
    respond(solo, solo.local.initialTsn - 1, RESULT.performed);
    expect(resets(solo)).toEqual([]);
    respond(solo, solo.local.initialTsn, RESULT.performed);
    respond(solo, solo.local.initialTsn, RESULT.performed);
    expect(resets(solo)).toHaveLength(1);
  });

  test('§5.1.1: "the sender MUST NOT send any re-configuration request" to a peer without the extension', () => {
    const solo = new Solo({}, { reConfig: false }).connect();
    solo.association.resetStreams([1], 0);
    expect(solo.takeSent()).toEqual([]);
    expect(resets(solo)).toMatchObject([{ kind: 'streamsResetFailed', streamIds: [1] }]);
    solo.send(1, 'x').flush();
    expect(solo.takeData()).toHaveLength(1);
  });

  test('asked for before the association is connected, it is done then', () => {
    const pair = new Pair();
    pair.send(pair.a, 1, 'x');
    pair.a.association.resetStreams([1], 0);
    pair.connect().run(100);
    expect(pair.b.texts).toEqual(['1:x']);
    expect(pair.a.kinds('streamsReset')).toHaveLength(1);
    expect(pair.b.kinds('streamsReset')).toHaveLength(1);
  });

  test('limits the streams of one request to what fits into a packet', () => {
    const pair = new Pair({ link: { delayMs: 5 } }).connect();
    const ids = Array.from({ length: 2000 }, (_, i) => i);
    pair.a.association.resetStreams(ids, pair.now);
    pair.run(1000);
    const events = pair.b.events.flatMap((event) => (event.kind === 'streamsReset' ? event.streamIds : []));
    expect(events).toEqual(ids);
    expect(pair.b.kinds('streamsReset')).toHaveLength(4);
    expect(Math.max(...pair.a.link.sent.map(({ packet }) => packet.length))).toBeLessThanOrEqual(1160);
  });

  test('a stream that is not there is refused', () => {
    const solo = new Solo().connect();
    expect(() => solo.association.resetStreams([-1], 0)).toThrow(RangeError);
    expect(() => solo.association.resetStreams([65_535], 0)).toThrow(RangeError);
  });
});

describe("the peer's (RFC 6525 §5.2)", () => {
  test('E3, E5: streams begin at SSN 0 again; others do not', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN, streamId: 1 }), dataChunk({ tsn: TSN + 1, streamId: 2 }));
    solo.takeSent();
    solo.receive(request(0, 1, 1));
    const sent = solo.takeSent();
    expect(sent.map(describePacket), '§5.2.1: a SACK goes with it').toEqual(['reConfig sack']);
    expect(reConfigs(sent)).toMatchObject([{ result: RESULT.performed, responseNumber: TSN }]);
    expect(resets(solo)).toEqual([{ kind: 'streamsReset', streamIds: [1], direction: 'incoming' }]);
    solo.receive(dataChunk({ tsn: TSN + 2, streamId: 1, ssn: 0 }), dataChunk({ tsn: TSN + 3, streamId: 2, ssn: 1 }));
    expect(solo.messages).toHaveLength(4);
  });

  test('§4.1: "If no streams are listed, then all streams are to be reset."', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN, streamId: 1 }), dataChunk({ tsn: TSN + 1, streamId: 2 }));
    solo.receive(request(0, 1));
    solo.receive(dataChunk({ tsn: TSN + 2, streamId: 1 }), dataChunk({ tsn: TSN + 3, streamId: 2 }));
    expect(solo.messages).toHaveLength(4);
    expect(resets(solo)).toEqual([{ kind: 'streamsReset', streamIds: [], direction: 'incoming' }]);
  });

  test('E2: deferred until everything before it has arrived, with "In progress" until then', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN }));
    solo.takeSent();
    solo.receive(request(0, 2, 0));
    expect(takeResults(solo)).toEqual([[0, RESULT.inProgress]]);
    solo.receive(request(0, 2, 0));
    expect(takeResults(solo), 'a retransmission is answered again').toEqual([[0, RESULT.inProgress]]);
    solo.receive(dataChunk({ tsn: TSN + 2, ssn: 2 }));
    expect(resets(solo)).toEqual([]);
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    expect(takeResults(solo)).toEqual([[0, RESULT.performed]]);
    expect(solo.events.slice(-3).map(({ kind }) => kind)).toEqual(['message', 'message', 'streamsReset']);
    solo.receive(request(0, 2, 0));
    expect(takeResults(solo)).toEqual([[0, RESULT.performed]]);
    expect(resets(solo)).toHaveLength(1);
  });

  test('E2, E4: data behind the reset is held until it is performed, then delivered from SSN 0', () => {
    const solo = new Solo().connect();
    const text = (s: string): Uint8Array => new TextEncoder().encode(s);
    solo.receive(dataChunk({ tsn: TSN, data: text('old 0') }));
    solo.receive(request(0, 1, 0));
    solo.receive(dataChunk({ tsn: TSN + 2, ssn: 0, data: text('new 0') }));
    solo.receive(dataChunk({ tsn: TSN + 3, ssn: 1, data: text('new 1') }));
    solo.receive(dataChunk({ tsn: TSN + 4, flags: 7, data: text('unordered') }));
    solo.receive(dataChunk({ tsn: TSN + 5, streamId: 9, data: text('other') }));
    expect(solo.texts).toEqual(['0:old 0', '9:other']);
    expect(solo.stats.localRwnd).toBeLessThan(5 * 1024 * 1024);
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1, data: text('old 1') }));
    expect(solo.texts.slice(2)).toEqual(['0:old 1', '0:new 0', '0:new 1', '0:unordered']);
    expect(solo.stats.localRwnd).toBe(5 * 1024 * 1024);
  });

  test('a FORWARD TSN can be what a deferred reset waited for', () => {
    const solo = new Solo().connect();
    solo.receive(request(0, 3, 0));
    solo.takeSent();
    solo.receive(encodeForwardTsn(TSN + 3, new Map([[0, 5]])));
    expect(takeResults(solo)).toEqual([[0, RESULT.performed]]);
    solo.receive(dataChunk({ tsn: TSN + 4, ssn: 0 }));
    expect(solo.messages).toHaveLength(1);
  });

  test('§5.2.1: request numbers: the next is taken, the last is answered as before, all others are wrong', () => {
    const solo = new Solo().connect();
    solo.receive(request(0, -1, 1));
    solo.receive(request(1, -1, 2));
    expect(takeResults(solo)).toEqual([
      [0, RESULT.performed],
      [1, RESULT.performed],
    ]);
    for (const number of [0, 3, -1, 1_000_000]) {
      solo.receive(request(number, -1, 3));
      expect(takeResults(solo)).toEqual([[number, RESULT.badSequenceNumber]]);
    }
    solo.receive(request(1, -1, 2));
    expect(takeResults(solo)).toEqual([[1, RESULT.performed]]);
    expect(resets(solo)).toHaveLength(2);
  });

  test('asked again under a new number after "In progress", as Chromium does: the new request takes its place', () => {
    const solo = new Solo().connect();
    solo.receive(request(0, 1, 1)).receive(request(1, 1, 1, 2));
    expect(takeResults(solo)).toEqual([
      [0, RESULT.inProgress],
      [1, RESULT.inProgress],
    ]);
    solo.receive(dataChunk({ tsn: TSN, streamId: 1 }), dataChunk({ tsn: TSN + 1, streamId: 2 }));
    expect(takeResults(solo)).toEqual([[1, RESULT.performed]]);
    expect(resets(solo)).toEqual([{ kind: 'streamsReset', streamIds: [1, 2], direction: 'incoming' }]);
    solo.receive(request(2, 3, 1)).takeSent();
    solo.receive(dataChunk({ tsn: TSN + 2, streamId: 3 }), dataChunk({ tsn: TSN + 3, streamId: 3, ssn: 1 }));
    solo.receive(request(3, 3, 1));
    expect(resets(solo), 'performed once for both').toHaveLength(3);
  });

  test.each([
    ['Incoming SSN Reset', 14, 4],
    ['SSN/TSN Reset', 15, 4],
    ['Add Outgoing Streams', 17, 8],
    ['Add Incoming Streams', 18, 8],
  ])('%s requests are answered with "Denied"', (_name, type, length) => {
    const solo = new Solo().connect();
    const value = new Uint8Array(length);
    setU32(value, 0, TSN);
    solo.receive(encodeChunk(CHUNK.reConfig, 0, encodeParameter(type, value)));
    expect(takeResults(solo)).toEqual([[0, RESULT.denied]]);
    solo.receive(request(1, -1, 1));
    expect(takeResults(solo)).toEqual([[1, RESULT.performed]]);
  });

  test('§5.2.1: "If multiple parameters have to be returned, they MUST be put into one RE_CONFIG chunk."', () => {
    const solo = new Solo().connect();
    const outgoing = request(0, -1, 1).subarray(4);
    const value = new Uint8Array(4);
    setU32(value, 0, TSN + 1);
    solo.receive(encodeChunk(CHUNK.reConfig, 0, concatBytes(outgoing, encodeParameter(14, value))));
    const sent = solo.takeSent();
    expect(sent.map(describePacket)).toEqual(['reConfig sack']);
    expect(reConfigs(sent)).toMatchObject([{ result: RESULT.performed }, { result: RESULT.denied }]);
  });

  test('chunks that are no RE-CONFIG are dropped and counted', () => {
    const solo = new Solo().connect();
    for (const parameter of [
      new Uint8Array(0),
      encodeParameter(13, new Uint8Array(8)),
      encodeParameter(77, new Uint8Array(8)),
    ]) {
      solo.receive(encodeChunk(CHUNK.reConfig, 0, parameter));
    }
    expect(solo.stats.dropped.reconfig).toBe(3);
    expect(solo.takeSent()).toEqual([]);
  });
});

describe('both ways', () => {
  test('a stream closed from either side, or both, is as new afterwards', () => {
    for (const who of [['a'], ['b'], ['a', 'b']] as const) {
      const pair = new Pair({ link: { delayMs: 10 } }).connect();
      for (let generation = 0; generation < 5; generation++) {
        pair.send(pair.a, 1, `${generation} ordered`);
        pair.send(pair.b, 1, `${generation} back`);
        for (const name of who) pair[name].association.resetStreams([1], pair.now);
        pair.run(500);
        // As RFC 8831 §6.7 wants it, the other side follows.
        for (const name of ['a', 'b'] as const)
          if (!(who as readonly string[]).includes(name)) pair[name].association.resetStreams([1], pair.now);
        pair.run(500);
      }
      expect(pair.b.texts).toEqual([0, 1, 2, 3, 4].map((i) => `1:${i} ordered`));
      expect(pair.a.texts).toEqual([0, 1, 2, 3, 4].map((i) => `1:${i} back`));
      for (const peer of [pair.a, pair.b]) expect(peer.kinds('streamsReset')).toHaveLength(10);
      const last = dataOf(...pair.a.link.sent.map(({ packet }) => packet)).at(-1)!;
      expect(last.ssn).toBe(0);
    }
  });

  test('on bad networks, with partial reliability: everything before a reset comes before it, everything after it after', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const pair = new Pair({ seed, link: { delayMs: 20, jitterMs: 30, loss: 0.1, duplication: 0.05 } }).connect();
      pair.a.link.record = pair.b.link.record = false;
      const order: string[] = [];
      pair.b.onEvent = (event) => {
        if (event.kind === 'message') order.push(new TextDecoder().decode(event.data.subarray(0, 1)));
        if (event.kind === 'streamsReset') order.push('|');
      };
      for (let generation = 0; generation < 4; generation++) {
        for (let i = 0; i < 6; i++) {
          const data = new Uint8Array(1 + 700 * i).fill(48 + generation);
          const kinds = [{}, { maxRetransmits: 0 }, { unordered: true }, { lifetimeMs: 30 }];
          pair.send(pair.a, 7, data, kinds[(i + generation) % 4]!);
        }
        pair.a.association.resetStreams([7], pair.now);
        pair.runUntil(() => pair.a.kinds('streamsReset').length === generation + 1);
      }
      expect(order.join(''), `seed ${seed}`).toMatch(/^0{3,6}\|1{3,6}\|2{3,6}\|3{3,6}\|$/);
      expect(pair.b.association.stats.localRwnd).toBe(5 * 1024 * 1024);
    }
  });
});
