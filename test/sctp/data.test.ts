import { describe, expect, test } from 'vitest';
import { encodeChunk } from '../../src/sctp/packet/chunk.ts';
import { writeChecksum } from '../../src/sctp/packet/common-header.ts';
import { CAUSE, decodeCauses } from '../../src/sctp/packet/error-cause.ts';
import { Pair, pattern } from './support/pair.ts';
import { SeededRandom } from './support/random.ts';
import { Solo, PEER_INITIAL_TSN as TSN } from './support/solo.ts';
import { chunksOf, dataChunk, dataOf, describePacket, packetOf, sackChunk } from './support/wire.ts';

const [BEGIN, END, UNORDERED, IMMEDIATE] = [2, 1, 4, 8];
const WHOLE = BEGIN | END;

describe('sending', () => {
  test('2,000 messages of 64 B sent in one tick share packets, and all arrive', () => {
    const pair = new Pair({ link: { delayMs: 1 } }).connect();
    const before = pair.a.link.count;
    for (let i = 0; i < 2_000; i++) pair.send(pair.a, 1, pattern(64, i));
    expect(pair.a.link.count, 'send only queues').toBe(before);
    const start = pair.now;
    pair.runUntil(() => pair.b.messages.length === 2_000);
    expect(pair.now - start).toBeLessThan(100);
    // 14 chunks of 80 bytes to a packet of 1148.
    expect(pair.a.link.count - before).toBe(Math.ceil(2_000 / 14));
    pair.b.messages.forEach((message, i) => {
      expect(message.data).toEqual(pattern(64, i));
    });
  });

  test('after send, handleTimeout is due at once; flush does the same', () => {
    const solo = new Solo().connect();
    solo.now = 100;
    solo.send(0, 'a');
    expect(solo.association.nextTimeout).toBe(100);
    expect(solo.association.nextTimeoutReason).toBe('flush');
    solo.send(0, 'b');
    solo.association.handleTimeout(100);
    expect(solo.takeDescriptions()).toEqual(['data data']);
    expect(solo.association.nextTimeout).toBeGreaterThan(100);
    solo.send(0, 'c').flush();
    expect(solo.takeDescriptions()).toEqual(['data']);
    expect(solo.association.nextTimeout).toBeGreaterThan(100);
  });

  test('RFC 9260 §6.10: no packet is larger than the MTU, whatever it is', () => {
    for (const mtu of [200, 203, 548, 1160, 9000, 65_000]) {
      const pair = new Pair({ a: { mtu }, b: { mtu, maxMessageSize: 1e6 } }).connect();
      for (const length of [1, 150, 170, mtu - 28, mtu - 27, 5 * mtu, 100_000]) {
        pair.send(pair.a, 0, pattern(length, length));
      }
      pair.run(5_000);
      expect(pair.b.messages.map(({ data }) => data.length)).toEqual([
        1,
        150,
        170,
        mtu - 28,
        mtu - 27,
        5 * mtu,
        100_000,
      ]);
      for (const { packet } of pair.a.link.sent) {
        expect(packet.length).toBeLessThanOrEqual(mtu);
        expect(packet.length % 4).toBe(0);
      }
      expect(Math.max(...pair.a.link.sent.map(({ packet }) => packet.length))).toBe(mtu & ~3);
    }
  });

  test('RFC 9260 §6.9: B on the first fragment, E on the last, TSNs in sequence, one SSN', () => {
    const solo = new Solo().connect();
    solo.send(7, pattern(3000)).flush();
    const data = solo.takeData();
    expect(data.map(({ flags }) => flags)).toEqual([BEGIN, 0, END]);
    expect(data.map(({ tsn }) => (tsn - solo.local.initialTsn) >>> 0)).toEqual([0, 1, 2]);
    expect(data.map(({ ssn }) => ssn)).toEqual([0, 0, 0]);
    expect(data.map((chunk) => chunk.data.length)).toEqual([1132, 1132, 736]);
    expect(Buffer.concat(data.map((chunk) => chunk.data))).toEqual(Buffer.from(pattern(3000)));
  });

  test('RFC 9260 §6.5: SSNs start from 0, count ordered messages of their stream, and are not touched by unordered ones', () => {
    const solo = new Solo().connect();
    solo.send(1, 'a').send(1, 'b', { unordered: true }).send(2, 'c').send(1, 'd').flush();
    const data = solo.takeData().map(({ streamId, ssn, flags }) => [streamId, ssn, flags & UNORDERED]);
    const ordered = data.filter(([, , unordered]) => unordered === 0);
    expect(ordered.filter(([id]) => id === 1).map(([, ssn]) => ssn)).toEqual([0, 1]);
    expect(ordered.filter(([id]) => id === 2).map(([, ssn]) => ssn)).toEqual([0]);
  });

  test('a message that fits into one packet is not cut to fill up another', () => {
    const solo = new Solo().connect();
    solo.send(0, pattern(700)).send(0, pattern(700)).flush();
    expect(solo.takeDescriptions()).toEqual(['data', 'data']);
  });

  test('the end of a long message shares its packet with what follows', () => {
    const solo = new Solo().connect();
    solo.send(0, pattern(1200)).send(0, 'next').flush();
    expect(solo.takeDescriptions()).toEqual(['data', 'data data']);
  });

  test('the buffer given to transmit has headroom before the packet and tailroom after it, all of it zero', () => {
    const buffers: Uint8Array[] = [];
    const pair = new Pair({ a: { headroom: 21, tailroom: 16 } });
    pair.connect();
    pair.send(pair.a, 0, pattern(5000));
    const { link } = pair.a;
    const send = link.send.bind(link);
    link.send = (packet, now) => {
      buffers.push(new Uint8Array(packet.buffer, packet.byteOffset - 21, packet.length + 37));
      send(packet, now);
    };
    pair.run(1000);
    expect(pair.b.messages).toHaveLength(1);
    expect(buffers.length).toBeGreaterThan(4);
    for (const buffer of buffers) {
      expect([...buffer.subarray(0, 21), ...buffer.subarray(-16)].every((byte) => byte === 0)).toBe(true);
    }
  });

  test('buffers do not overlap: what a receiver does to one does not show in another', () => {
    const pair = new Pair({ a: { headroom: 21, tailroom: 16 } });
    pair.connect();
    const spans: [ArrayBufferLike, number, number][] = [];
    const { link } = pair.a;
    const send = link.send.bind(link);
    link.send = (packet, now) => {
      const [start, end] = [packet.byteOffset - 21, packet.byteOffset + packet.length + 16];
      for (const [buffer, s, e] of spans) expect(buffer !== packet.buffer || end <= s || start >= e).toBe(true);
      spans.push([packet.buffer, start, end]);
      send(packet, now);
    };
    for (let i = 1; i < 300; i++) pair.send(pair.a, 0, pattern(i));
    pair.run(1000);
    expect(pair.b.messages).toHaveLength(299);
  });

  test('bufferedAmount falls with the first transmission, exactly, and says so once per call and stream', () => {
    const solo = new Solo({ maxBurst: 1000 }).connect();
    for (let i = 0; i < 30; i++) solo.send(1, pattern(1000)).send(2, pattern(500));
    expect([solo.association.bufferedAmount(1), solo.association.bufferedAmount(2)]).toEqual([30_000, 15_000]);
    solo.flush();
    const reports = solo.events.filter((event) => event.kind === 'bufferedAmountDecreased');
    expect(reports).toHaveLength(2);
    for (const { streamId, bytes } of reports) {
      expect(solo.association.bufferedAmount(streamId) + bytes).toBe(streamId === 1 ? 30_000 : 15_000);
      expect(bytes).toBeGreaterThan(0);
    }
    expect(solo.association.bufferedAmount(9)).toBe(0);
  });

  test('an event handler may call back in', () => {
    const pair = new Pair({ link: { delayMs: 1 } }).connect();
    pair.b.onEvent = (event) => {
      if (event.kind === 'message') pair.send(pair.b, event.streamId, event.data.slice());
    };
    let rounds = 0;
    pair.a.onEvent = (event) => {
      if (event.kind === 'message' && ++rounds < 50) pair.send(pair.a, event.streamId, event.data.slice());
    };
    pair.send(pair.a, 0, 'ping');
    pair.runUntil(() => rounds === 50);
    expect(pair.now).toBeLessThan(150);
  });

  test.each([
    ['empty data', 0, 51, new Uint8Array(0), {}, RangeError],
    ['a stream below 0', -1, 51, Uint8Array.of(1), {}, RangeError],
    ['a stream that is not there', 1024, 51, Uint8Array.of(1), {}, RangeError],
    ['a stream that is no integer', 0.5, 51, Uint8Array.of(1), {}, RangeError],
    ['a ppid out of range', 0, 2 ** 32, Uint8Array.of(1), {}, RangeError],
    ['a priority of 0', 0, 51, Uint8Array.of(1), { priority: 0 }, RangeError],
    ['negative retransmits', 0, 51, Uint8Array.of(1), { maxRetransmits: -1 }, RangeError],
    ['a negative lifetime', 0, 51, Uint8Array.of(1), { lifetimeMs: -1 }, RangeError],
    ['a lifetime that is not a number', 0, 51, Uint8Array.of(1), { lifetimeMs: NaN }, RangeError],
  ])('send refuses %s', (_name, streamId, ppid, data, options, error) => {
    const solo = new Solo().connect();
    expect(() => solo.association.send(streamId, ppid, data, options, 0)).toThrow(error);
  });

  test('options out of range are refused', () => {
    for (const options of [
      { mtu: 100 },
      { localPort: 0 },
      { outboundStreams: 0 },
      { receiveBufferSize: 1000 },
      { maxBurst: 0 },
    ]) {
      expect(() => new Solo(options)).toThrow(RangeError);
    }
  });
});

describe('receiving', () => {
  test('a message of one chunk is handed over as a view of its packet', () => {
    const solo = new Solo().connect();
    const packet = packetOf(solo.local.initiateTag, dataChunk({ tsn: TSN, data: pattern(100) }));
    solo.association.handlePacket(packet, 0);
    expect(solo.messages[0]!.data.buffer).toBe(packet.buffer);
    expect(solo.messages[0]).toMatchObject({ streamId: 0, ppid: 51, unordered: false, data: pattern(100) });
  });

  test('RFC 9260 §6.6: "MUST deliver DATA chunks … according to the order of their Stream Sequence Number"', () => {
    const solo = new Solo().connect();
    const text = (s: string): Uint8Array => new TextEncoder().encode(s);
    solo.receive(dataChunk({ tsn: TSN + 2, ssn: 2, data: text('c') }));
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1, data: text('b') }));
    solo.receive(dataChunk({ tsn: TSN + 3, ssn: 0, streamId: 1, data: text('other') }));
    expect(solo.texts).toEqual(['1:other']);
    solo.receive(dataChunk({ tsn: TSN, ssn: 0, data: text('a') }));
    expect(solo.texts).toEqual(['1:other', '0:a', '0:b', '0:c']);
  });

  test('RFC 9260 §6.6: U flag: "bypasses the ordering mechanism", after reassembly; its SSN is ignored', () => {
    const solo = new Solo().connect();
    const U = UNORDERED;
    solo.receive(dataChunk({ tsn: TSN + 3, flags: U | END, ssn: 9, data: Uint8Array.of(54) }));
    solo.receive(dataChunk({ tsn: TSN + 1, flags: U | BEGIN, ssn: 7, data: Uint8Array.of(52) }));
    expect(solo.texts).toEqual([]);
    solo.receive(dataChunk({ tsn: TSN + 2, flags: U, ssn: 8, data: Uint8Array.of(53) }));
    expect(solo.texts).toEqual(['0:456']);
    expect(solo.messages[0]!.unordered).toBe(true);
  });

  test('fragments in every order make the same message', () => {
    const whole = pattern(50);
    const permutations = (list: number[]): number[][] =>
      list.length <= 1
        ? [list]
        : list.flatMap((x, i) => permutations(list.toSpliced(i, 1)).map((rest) => [x, ...rest]));
    for (const order of permutations([0, 1, 2, 3, 4])) {
      const solo = new Solo().connect();
      for (const i of order) {
        const flags = (i === 0 ? BEGIN : 0) | (i === 4 ? END : 0);
        solo.receive(
          dataChunk({ tsn: TSN + i, flags, ppid: i === 0 ? 53 : 0, data: whole.subarray(10 * i, 10 * i + 10) }),
        );
      }
      expect(solo.messages.map(({ data, ppid }) => [data, ppid])).toEqual([[whole, 53]]);
      expect(solo.stats.localRwnd).toBe(5 * 1024 * 1024);
    }
  });

  test('TSNs wrap: 100 fragments across 2^32, in a shuffled order', () => {
    const random = new SeededRandom(5);
    const initialTsn = 0xffff_ffff - 40;
    const solo = new Solo({}, { initialTsn }).connect();
    const order = Array.from({ length: 100 }, (_, i) => i).sort(() => random.real() - 0.5);
    for (const i of order) {
      const flags = i % 10 === 0 ? BEGIN : i % 10 === 9 ? END : 0;
      const tsn = (initialTsn + i) >>> 0;
      solo.receive(dataChunk({ tsn, flags, ssn: Math.floor(i / 10), data: Uint8Array.of(i) }));
    }
    expect(solo.messages.map(({ data }) => data[0])).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    solo.run(100);
    const sack = solo.takeSacks().at(-1)!;
    expect(sack.cumulativeTsnAck).toBe(58);
    expect(sack.gaps).toEqual([]);
  });

  test('SSNs wrap: 70,000 messages on one stream, both ways round the reorder queue', () => {
    const solo = new Solo().connect();
    for (let i = 0; i < 70_000; i += 2) {
      solo.receive(dataChunk({ tsn: (TSN + i + 1) >>> 0, ssn: (i + 1) & 0xffff, data: Uint8Array.of(1) }));
      solo.receive(dataChunk({ tsn: (TSN + i) >>> 0, ssn: i & 0xffff, data: Uint8Array.of(0) }));
      solo.sent = [];
    }
    expect(solo.messages).toHaveLength(70_000);
    expect(solo.messages.every(({ data }, i) => data[0] === i % 2)).toBe(true);
  });

  test('RFC 9260 §6.1: of the 2^16 - 1 ordered messages that may be in one window none is taken for an old one', () => {
    const solo = new Solo().connect();
    const count = 60_000;
    for (let i = 1; i < count; i++) solo.receive(dataChunk({ tsn: TSN + i, ssn: i, data: Uint8Array.of(i) }));
    expect(solo.messages).toHaveLength(0);
    solo.receive(dataChunk({ tsn: TSN, ssn: 0, data: Uint8Array.of(0) }));
    expect(solo.messages.every(({ data }, i) => data[0] === (i & 0xff))).toBe(true);
    expect(solo.messages).toHaveLength(count);
    expect(solo.stats.localRwnd).toBe(5 * 1024 * 1024);
  });

  test('SSNs wrap when sending: 65,535 is followed by 0', () => {
    const pair = new Pair({ a: { maxBurst: 10_000 } }).connect();
    pair.a.link.record = pair.b.link.record = false;
    for (let i = 0; i < 66_000; i++) pair.send(pair.a, 0, Uint8Array.of(i, i >> 8, i >> 16));
    pair.run(3_000);
    expect(pair.b.messages).toHaveLength(66_000);
    expect(pair.b.messages.every(({ data }, i) => data[0]! + 256 * data[1]! + 65_536 * data[2]! === i)).toBe(true);
    pair.a.link.record = true;
    pair.send(pair.a, 0, 'x');
    pair.run(100);
    expect(dataOf(...pair.a.link.takeSent())[0]!.ssn).toBe(66_000 & 0xffff);
  });

  test('RFC 9260 §6.5: an invalid stream: acknowledged, reported in an ERROR, discarded', () => {
    const solo = new Solo({ inboundStreams: 10 }).connect();
    solo.receive(dataChunk({ tsn: TSN, streamId: 10 }));
    const [packet] = solo.takeSent();
    expect(describePacket(packet!)).toBe('error sack');
    expect(decodeCauses(chunksOf(packet!)[0]!.bytes)![0]!.type).toBe(CAUSE.invalidStreamIdentifier);
    expect(solo.messages).toEqual([]);
    expect(solo.stats.dropped.stream).toBe(1);
    solo.receive(dataChunk({ tsn: TSN + 1, streamId: 9 }));
    expect(solo.messages).toHaveLength(1);
  });

  test('RFC 9260 §6.2: DATA with no user data: "SHOULD send an ABORT chunk with a No User Data error cause"', () => {
    const solo = new Solo().connect();
    const chunk = dataChunk({ tsn: TSN, data: new Uint8Array(0) });
    solo.receive(chunk);
    const [packet] = solo.takeSent();
    expect(describePacket(packet!)).toBe('abort');
    expect(decodeCauses(chunksOf(packet!)[0]!.bytes)![0]!.type).toBe(CAUSE.noUserData);
    expect(solo.closed).toMatchObject({ reason: 'aborted' });
  });

  test('RFC 9260 §6: DATA is received in ESTABLISHED, SHUTDOWN-PENDING and SHUTDOWN-SENT only', () => {
    const waiting = new Solo().sendInit();
    waiting.receive(dataChunk({ tsn: TSN }));
    expect(waiting.stats.dropped.unexpected).toBe(1);

    const pending = new Solo().connect();
    pending.send(0, 'x').flush();
    pending.association.shutdown(0);
    expect(pending.association.state).toBe('shutdownPending');
    pending.receive(dataChunk({ tsn: TSN }));
    pending.receive(sackChunk(pending.local.initialTsn));
    expect(pending.association.state).toBe('shutdownSent');
    pending.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
    expect(pending.messages).toHaveLength(2);
  });

  describe('a peer that breaks the rules of fragments is aborted: what it acknowledged can never be delivered', () => {
    const cases: [string, Uint8Array[]][] = [
      [
        'a message begins within another',
        [dataChunk({ tsn: TSN, flags: BEGIN }), dataChunk({ tsn: TSN + 1, flags: BEGIN })],
      ],
      [
        'a whole message stands within another',
        [dataChunk({ tsn: TSN, flags: BEGIN }), dataChunk({ tsn: TSN + 1, flags: WHOLE })],
      ],
      [
        'the same, when the fragment before it comes later',
        [dataChunk({ tsn: TSN + 2, flags: 0 }), dataChunk({ tsn: TSN + 1, flags: WHOLE })],
      ],
      [
        'fragments of two streams',
        [dataChunk({ tsn: TSN, flags: BEGIN, streamId: 1 }), dataChunk({ tsn: TSN + 1, flags: END, streamId: 2 })],
      ],
      [
        'fragments of two sequence numbers',
        [dataChunk({ tsn: TSN, flags: BEGIN, ssn: 0 }), dataChunk({ tsn: TSN + 1, flags: END, ssn: 1 })],
      ],
      [
        'an ordered and an unordered fragment, joined from both sides',
        [
          dataChunk({ tsn: TSN, flags: BEGIN }),
          dataChunk({ tsn: TSN + 2, flags: END | UNORDERED }),
          dataChunk({ tsn: TSN + 1, flags: 0 }),
        ],
      ],
    ];
    test.each(cases)('%s', (_name, chunks) => {
      const solo = new Solo().connect();
      for (const chunk of chunks) solo.receive(chunk);
      const abort = solo
        .takeSent()
        .flatMap(chunksOf)
        .find(({ name }) => name === 'abort')!;
      expect(decodeCauses(abort.bytes)![0]!.type).toBe(CAUSE.protocolViolation);
      expect(solo.closed).toMatchObject({ reason: 'aborted' });
    });
  });

  test('a message larger than maxMessageSize is a protocol violation: there is no way to refuse it', () => {
    for (const [length, fine] of [
      [5_000, true],
      [5_001, false],
    ] as const) {
      const pair = new Pair({ b: { maxMessageSize: 5_000 } }).connect();
      pair.send(pair.a, 0, pattern(length));
      pair.run(1000);
      expect(pair.b.messages.length).toBe(fine ? 1 : 0);
      expect(pair.a.kinds('closed')).toHaveLength(fine ? 0 : 1);
    }
    const solo = new Solo({ maxMessageSize: 10 }).connect();
    solo.receive(dataChunk({ tsn: TSN, data: pattern(11) }));
    expect(solo.closed).toBeDefined();
  });

  test('unknown chunks by their high bits: RFC 9260 §3.2 Table 2', () => {
    const cases = [
      [0x3f, 0, []],
      [0x7f, 0, ['error']],
      [0xbf, 1, ['sack']],
      [0xfe, 1, ['error sack']],
    ] as const;
    for (const [type, messages, answer] of cases) {
      const solo = new Solo().connect();
      solo.receive(encodeChunk(type, 0, Uint8Array.of(1, 2, 3, 4)), dataChunk({ tsn: TSN }));
      expect(solo.messages).toHaveLength(messages);
      const sent = solo.takeSent();
      expect(sent.map(describePacket)).toEqual(answer);
      expect(solo.stats.dropped.unknownChunk).toBe(1);
      if (answer[0]?.startsWith('error')) {
        const [cause] = decodeCauses(chunksOf(sent[0]!)[0]!.bytes)!;
        expect(cause!.type).toBe(CAUSE.unrecognizedChunkType);
        expect([...cause!.value]).toEqual([type, 0, 0, 8, 1, 2, 3, 4]);
      }
    }
  });

  test('I-DATA (RFC 8260), which we do not offer, is an unknown chunk: reported, and nothing behind it is looked at', () => {
    const solo = new Solo().connect();
    solo.receive(encodeChunk(64, 3, pattern(32)), dataChunk({ tsn: TSN }));
    expect(solo.takeDescriptions()).toEqual(['error']);
    expect(solo.messages).toEqual([]);
    solo.receive(encodeChunk(194, 0, pattern(12)), dataChunk({ tsn: TSN }));
    expect(solo.messages).toHaveLength(1);
  });

  test('an oversized unknown chunk is not reflected', () => {
    const solo = new Solo().connect();
    solo.receive(encodeChunk(0xfe, 0, new Uint8Array(1000)));
    expect(solo.takeSent()).toEqual([]);
  });

  test('a chunk of length 0 to 3 ends the packet and harms nothing', () => {
    for (let length = 0; length < 4; length++) {
      const solo = new Solo().connect();
      solo.receive(dataChunk({ tsn: TSN }), Uint8Array.of(0, 3, 0, length), dataChunk({ tsn: TSN + 1 }));
      expect(solo.messages).toHaveLength(1);
      expect(solo.stats.dropped.malformed).toBe(1);
      solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }));
      expect(solo.messages).toHaveLength(2);
    }
  });

  test('RFC 9260 §6.10: "If the receiver detects a partial chunk, it MUST drop the chunk."', () => {
    const solo = new Solo().connect();
    const partial = dataChunk({ tsn: TSN + 1, data: pattern(40) })
      .subarray(0, 30)
      .slice();
    solo.receive(dataChunk({ tsn: TSN }), partial.subarray(0, 28));
    expect(solo.messages).toHaveLength(1);
    expect(solo.stats.dropped.malformed).toBe(1);
  });

  test('RFC 9260 §3.2: the padding of the last chunk may be missing', () => {
    const solo = new Solo().connect();
    const packet = packetOf(
      solo.local.initiateTag,
      dataChunk({ tsn: TSN, data: pattern(5) })
        .subarray(0, 21)
        .slice(),
    );
    // packetOf pads; cut the padding off again and repair the checksum.
    const cut = packet.slice(0, packet.length - 3);
    const chunk = chunksOf(cut)[0]!;
    expect(chunk.bytes.length).toBe(21);
    solo.association.handlePacket(repaired(cut), 0);
    expect(solo.messages).toHaveLength(1);
  });

  test('a wrong checksum, a short packet, a wrong tag: dropped and counted', () => {
    const solo = new Solo().connect();
    const good = packetOf(solo.local.initiateTag, dataChunk({ tsn: TSN }));
    const bad = good.slice();
    bad[20]! ^= 1;
    solo.association.handlePacket(bad, 0);
    for (let length = 0; length < 16; length++) solo.association.handlePacket(good.slice(0, length), 0);
    solo.association.handlePacket(packetOf(solo.local.initiateTag ^ 1, dataChunk({ tsn: TSN })), 0);
    expect(solo.messages).toEqual([]);
    expect(solo.takeSent()).toEqual([]);
    expect(solo.stats.dropped).toMatchObject({ checksum: 1, malformed: 16, verificationTag: 1 });
    solo.association.handlePacket(good, 0);
    expect(solo.messages).toHaveLength(1);
  });

  test('an unordered message of the I bit is like any other', () => {
    const solo = new Solo().connect();
    solo.receive(dataChunk({ tsn: TSN, flags: WHOLE | UNORDERED | IMMEDIATE }));
    expect(solo.messages).toHaveLength(1);
  });
});

function repaired(packet: Uint8Array): Uint8Array {
  writeChecksum(packet, 0, packet.length);
  return packet;
}
