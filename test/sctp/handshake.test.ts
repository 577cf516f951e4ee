import { describe, expect, test } from 'vitest';
import { concatBytes, setU16, toHex, u32 } from '../../src/binary/bytes.ts';
import { cookieAction, type Ticket } from '../../src/sctp/cookie.ts';
import { CHUNK, encodeChunk, encodeParameter } from '../../src/sctp/packet/chunk.ts';
import { encodeHeartbeat } from '../../src/sctp/packet/control-chunks.ts';
import { CAUSE, decodeCauses, encodeErrorChunk, encodeStaleCookieCause } from '../../src/sctp/packet/error-cause.ts';
import { decodeInit, encodeInit, type InitChunk } from '../../src/sctp/packet/init-chunk.ts';
import { Pair } from './support/pair.ts';
import { PEER, PEER_TAG, Solo } from './support/solo.ts';
import { chunksOf, dataChunk, describePacket, packetOf, tagOf } from './support/wire.ts';

const EMPTY = new Uint8Array(0);
const COOKIE_ACK = encodeChunk(CHUNK.cookieAck, 0, EMPTY);

function cookieEcho(cookie: Uint8Array): Uint8Array {
  return encodeChunk(CHUNK.cookieEcho, 0, cookie);
}

function initOf(packet: Uint8Array): InitChunk {
  const init = decodeInit(chunksOf(packet)[0]!.bytes);
  if ('problem' in init) throw new Error(init.problem);
  return init;
}

function causesOf(packet: Uint8Array): number[] {
  return chunksOf(packet)
    .filter(({ name }) => name === 'error' || name === 'abort')
    .flatMap(({ bytes }) => decodeCauses(bytes)!.map(({ type }) => type));
}

function descriptions(packets: readonly { packet: Uint8Array }[]): string[] {
  return packets.map(({ packet }) => describePacket(packet));
}

describe('establishing an association', () => {
  test('RFC 9260 §5.1: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, when one side begins', () => {
    const pair = new Pair({ link: { delayMs: 10 } });
    pair.a.association.connect(0);
    expect(pair.a.association.state).toBe('cookieWait');
    pair.run(25);
    expect(pair.a.association.state).toBe('cookieEchoed');
    pair.run(100);
    expect(descriptions(pair.a.link.sent)).toEqual(['init', 'cookieEcho']);
    expect(descriptions(pair.b.link.sent)).toEqual(['initAck', 'cookieAck']);
    for (const { association, events } of [pair.a, pair.b]) {
      expect(association.state).toBe('established');
      expect(events).toEqual([{ kind: 'connected' }]);
      expect([association.maxInboundStreams, association.maxOutboundStreams]).toEqual([65_535, 65_535]);
    }
    pair.b.association.connect(pair.now);
    pair.run(1000);
    expect(pair.b.link.sent).toHaveLength(2);
  });

  test('RFC 9260 §5.2.1: INITs that cross make one association', () => {
    for (const [a, b] of [
      [10, 10],
      [10, 60],
      [60, 10],
      [0, 0],
    ]) {
      const pair = new Pair({ aToB: { delayMs: a! }, bToA: { delayMs: b! } }).connect();
      pair.send(pair.a, 0, 'from a');
      pair.send(pair.b, 0, 'from b');
      pair.run(2000);
      expect(pair.b.texts).toEqual(['0:from a']);
      expect(pair.a.texts).toEqual(['0:from b']);
      expect(pair.a.kinds('connected')).toHaveLength(1);
      expect(pair.b.kinds('connected')).toHaveLength(1);
    }
  });

  test('RFC 9260 §5.2.1: in COOKIE-WAIT, an INIT is answered "using the same parameters it sent in its original INIT"', () => {
    const solo = new Solo().sendInit();
    solo.association.handlePacket(packetOf(0, encodeInit(PEER)), 0);
    const [packet] = solo.takeSent();
    const { parameters, cookie } = initOf(packet!);
    expect(parameters).toEqual(solo.local);
    expect(tagOf(packet!)).toBe(PEER_TAG);
    expect(cookie).toHaveLength(16);
    expect(solo.association.state).toBe('cookieWait');
  });

  test('the cookie is answered with a COOKIE ACK, with T1-init and T1-cookie stopped', () => {
    const solo = new Solo().sendInit();
    solo.association.handlePacket(packetOf(0, encodeInit(PEER)), 0);
    const { cookie } = initOf(solo.takeSent()[0]!);
    solo.receive(cookieEcho(cookie!));
    expect(solo.association.state).toBe('established');
    expect(solo.takeDescriptions()).toEqual(['cookieAck']);
    solo.run(20_000);
    expect(solo.takeSent()).toEqual([]);
  });

  test('works when any one of the packets is lost, and when any two are', () => {
    for (let first = 0; first < 4; first++) {
      for (let second = first; second < 4; second++) {
        for (const direction of ['aToB', 'bToA'] as const) {
          const pair = new Pair({ link: { delayMs: 20 } });
          const link = direction === 'aToB' ? pair.a.link : pair.b.link;
          link.drop = (_packet, index) => index === first || index === second;
          pair.connect();
          pair.send(pair.a, 0, 'hello');
          pair.run(3000);
          expect(pair.b.texts, `${direction}: packets ${first} and ${second} lost`).toEqual(['0:hello']);
        }
      }
    }
  });

  test.each([
    ['every third packet', (i: number) => i % 3 === 0],
    ['three of five packets', (i: number) => i % 5 < 3],
    ['the first five packets', (i: number) => i < 5],
  ])('loss pattern: %s lost, both ways, connects eventually', (_name, isLost) => {
    const lossPattern = Array.from({ length: 100 }, (_, i) => isLost(i));
    const pair = new Pair({ link: { delayMs: 5, lossPattern } }).connect();
    pair.send(pair.a, 0, 'hello');
    pair.runUntil(() => pair.b.messages.length === 1);
  });

  test('messages given before it is connected go with the COOKIE ECHO (RFC 9260 §5.1 C)', () => {
    const pair = new Pair({ link: { delayMs: 10 } });
    pair.send(pair.a, 3, 'early');
    expect(pair.a.association.bufferedAmount(3)).toBe(5);
    pair.a.association.connect(0);
    pair.run(35);
    expect(pair.b.texts).toEqual(['3:early']);
    expect(descriptions(pair.a.link.sent)).toEqual(['init', 'cookieEcho data']);
    expect(descriptions(pair.b.link.sent)).toEqual(['initAck', 'cookieAck sack']);
    pair.run(10_000);
    expect(pair.b.texts).toEqual(['3:early']);
    expect(pair.a.association.stats.retransmissions).toBe(0);
    expect(pair.a.association.bufferedAmount(3)).toBe(0);
  });

  test('and go again with it when it is lost', () => {
    const pair = new Pair({ link: { delayMs: 10 } });
    pair.send(pair.a, 3, 'early');
    pair.a.link.drop = (packet) => describePacket(packet).startsWith('cookieEcho') && pair.now < 1000;
    pair.a.association.connect(0);
    pair.run(5000);
    expect(pair.b.texts).toEqual(['3:early']);
  });

  test('RFC 9260 §5.1 C: "until the COOKIE ACK chunk is returned, the sender MUST NOT send any other packets"', () => {
    const solo = new Solo().sendInit();
    solo.receive(encodeInit(PEER, Uint8Array.of(9)));
    expect(solo.takeDescriptions()).toEqual(['cookieEcho']);
    solo.send(0, 'x').flush();
    solo.run(400);
    expect(solo.takeSent()).toEqual([]);
    solo.run(200);
    expect(solo.takeDescriptions()).toEqual(['cookieEcho data']);
    solo.receive(COOKIE_ACK);
    expect(solo.association.state).toBe('established');
  });

  test('RFC 9260 §8.3: HEARTBEATs that come meanwhile are answered then, and do not pile up without a bound', () => {
    const solo = new Solo().sendInit();
    solo.receive(encodeInit(PEER, Uint8Array.of(1)));
    solo.takeSent();
    for (let i = 0; i < 2_000; i++) solo.receive(encodeHeartbeat(Uint8Array.of(i)));
    expect(solo.takeSent()).toEqual([]);
    solo.receive(COOKIE_ACK);
    const answers = solo.takeSent().flatMap(chunksOf);
    expect(answers).toHaveLength(512);
    expect(answers.every(({ name }) => name === 'heartbeatAck')).toBe(true);
  });

  test('RFC 9260 §5.1.1: uses no more streams than the peer takes', () => {
    const pair = new Pair({
      a: { outboundStreams: 100, inboundStreams: 3 },
      b: { outboundStreams: 10, inboundStreams: 7 },
    });
    pair.send(pair.a, 50, 'for a stream there is not');
    pair.connect();
    expect([pair.a.association.maxOutboundStreams, pair.a.association.maxInboundStreams]).toEqual([7, 3]);
    expect([pair.b.association.maxOutboundStreams, pair.b.association.maxInboundStreams]).toEqual([3, 7]);
    expect(() => pair.send(pair.a, 7, 'x')).toThrow(RangeError);
    expect(pair.a.association.bufferedAmount(50)).toBe(0);
    pair.send(pair.a, 6, 'x');
    pair.run(100);
    expect(pair.b.texts).toEqual(['6:x']);
  });

  test('answers with the ports it was given', () => {
    const pair = new Pair({
      a: { localPort: 1234, remotePort: 4321 },
      b: { localPort: 4321, remotePort: 1234 },
    }).connect();
    expect(toHex(pair.a.link.sent[0]!.packet.subarray(0, 4))).toBe('04d210e1');
    const stray = packetOf(0, encodeInit(PEER));
    pair.a.association.handlePacket(stray, pair.now);
    expect(pair.a.association.stats.dropped.port).toBe(1);
  });
});

describe('T1-init and T1-cookie', () => {
  test('RFC 9260 §5.1: INIT is sent again with back-off, Max.Init.Retransmits times, and then it has failed', () => {
    const solo = new Solo({ timing: { maxInitRetransmits: 8 } });
    solo.association.connect(0);
    const times: number[] = [];
    let seen = 0;
    while (solo.closed === undefined) {
      if (solo.sent.length > seen) times.push(solo.now);
      seen = solo.sent.length;
      solo.run(solo.association.nextTimeout - solo.now);
    }
    expect(times).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 25_500, 35_500, 45_500]);
    expect(solo.closed).toEqual({ kind: 'closed', reason: 'failed', message: 'INIT was not answered, 9 times' });
    expect(solo.association.nextTimeout).toBe(Infinity);
  });

  test('RFC 9260 §5.1.4: so is COOKIE ECHO', () => {
    const solo = new Solo({ timing: { maxInitRetransmits: 3 } }).sendInit();
    solo.receive(encodeInit(PEER, Uint8Array.of(1)));
    solo.run(100_000);
    expect(solo.takeDescriptions()).toEqual(Array(4).fill('cookieEcho'));
    expect(solo.closed).toMatchObject({ reason: 'failed' });
  });
});

describe('what an INIT may not say', () => {
  const init = (change: Partial<typeof PEER>): Uint8Array => encodeInit({ ...PEER, ...change });

  test('RFC 9260 §3.3.2: Initiate Tag 0: "the receiver MUST silently discard the packet"', () => {
    const solo = new Solo().sendInit();
    solo.association.handlePacket(packetOf(0, init({ initiateTag: 0 })), 0);
    expect(solo.takeSent()).toEqual([]);
    expect(solo.stats.dropped.malformed).toBe(1);
  });

  test.each([
    ['a_rwnd smaller than 1500', { aRwnd: 1499 }],
    ['OS 0', { outboundStreams: 0 }],
    ['MIS 0', { inboundStreams: 0 }],
  ])('RFC 9260 §3.3.2: %s: ABORT "using the Initiate Tag", and no change of state', (_name, change) => {
    for (const solo of [new Solo().sendInit(), new Solo().connect()]) {
      const { state } = solo.association;
      solo.association.handlePacket(packetOf(0, init(change)), 0);
      const [answer] = solo.takeSent();
      expect(describePacket(answer!)).toBe('abort');
      expect(tagOf(answer!)).toBe(PEER_TAG);
      expect(causesOf(answer!)).toEqual([CAUSE.invalidMandatoryParameter]);
      expect(solo.association.state).toBe(state);
    }
  });

  test('RFC 9260 §3.3.2: "The receiver of an INIT chunk containing a Host Name Address parameter MUST send an ABORT"', () => {
    const solo = new Solo().sendInit();
    const chunk = concatBytes(encodeInit(PEER), encodeParameter(11, new TextEncoder().encode('host.example')));
    setU16(chunk, 2, chunk.length);
    solo.association.handlePacket(packetOf(0, chunk), 0);
    const [answer] = solo.takeSent();
    expect(causesOf(answer!)).toEqual([CAUSE.unresolvableAddress]);
  });

  test('RFC 9260 §8.5.1 A: a packet with tag 0 holds an INIT, alone; an INIT has tag 0', () => {
    const solo = new Solo().connect();
    solo.association.handlePacket(packetOf(0, encodeInit(PEER), dataChunk({ tsn: 1 })), 0);
    solo.association.handlePacket(packetOf(0, dataChunk({ tsn: 1 })), 0);
    solo.association.handlePacket(packetOf(solo.local.initiateTag, encodeInit(PEER)), 0);
    solo.receive(dataChunk({ tsn: 1000 }), encodeInit(PEER));
    expect(solo.stats.dropped.verificationTag).toBe(3);
    expect(solo.stats.dropped.unexpected).toBe(1);
    expect(solo.takeDescriptions()).toEqual(['sack']);
  });

  test('RFC 9260 §3.2.2: parameters to be reported stand in the INIT ACK', () => {
    const solo = new Solo().sendInit();
    const chunk = concatBytes(encodeInit(PEER), encodeParameter(0xfabc, Uint8Array.of(1, 2, 3, 4)));
    setU16(chunk, 2, chunk.length);
    solo.association.handlePacket(packetOf(0, chunk), 0);
    const bytes = toHex(chunksOf(solo.takeSent()[0]!)[0]!.bytes);
    expect(bytes.endsWith('0008000cfabc000801020304')).toBe(true);
  });

  test('RFC 9260 §3.2.2: those of an INIT ACK are reported in an ERROR behind the COOKIE ECHO', () => {
    const solo = new Solo().sendInit();
    const chunk = concatBytes(encodeInit(PEER, Uint8Array.of(1)), encodeParameter(0xfabc, EMPTY));
    setU16(chunk, 2, chunk.length);
    solo.receive(chunk);
    const [packet] = solo.takeSent();
    expect(describePacket(packet!)).toBe('cookieEcho error');
    expect(causesOf(packet!)).toEqual([CAUSE.unrecognizedParameters]);
  });
});

describe('what an INIT ACK may not say', () => {
  test('RFC 9260 §3.3.3: tag 0: "it MUST destroy the TCB and SHOULD send an ABORT chunk with the T bit set"', () => {
    const solo = new Solo().sendInit();
    solo.receive(encodeInit({ ...PEER, initiateTag: 0 }, Uint8Array.of(1)));
    const [answer] = solo.takeSent();
    expect(chunksOf(answer!)[0]).toMatchObject({ name: 'abort', flags: 1 });
    expect(solo.closed).toMatchObject({ reason: 'failed' });
  });

  test('RFC 9260 §3.3.3: no streams: ABORT, and it has failed', () => {
    for (const change of [{ outboundStreams: 0 }, { inboundStreams: 0 }]) {
      const solo = new Solo().sendInit();
      solo.receive(encodeInit({ ...PEER, ...change }, Uint8Array.of(1)));
      expect(solo.takeDescriptions()).toEqual(['abort']);
      expect(solo.closed).toMatchObject({ reason: 'failed' });
    }
  });

  test('RFC 9260 §3.3.3: a_rwnd below 1500: ABORT, "and MUST NOT change the state"', () => {
    const solo = new Solo().sendInit();
    solo.receive(encodeInit({ ...PEER, aRwnd: 1499 }, Uint8Array.of(1)));
    expect(solo.takeDescriptions()).toEqual(['abort']);
    expect(solo.association.state).toBe('cookieWait');
  });

  test('RFC 9260 §5.1: without a cookie: ABORT with the cause "Missing Mandatory Parameter"', () => {
    const solo = new Solo().sendInit();
    const chunk = encodeInit(PEER);
    chunk[0] = CHUNK.initAck;
    solo.receive(chunk);
    const [answer] = solo.takeSent();
    expect(causesOf(answer!)).toEqual([CAUSE.missingMandatoryParameter]);
    expect(tagOf(answer!)).toBe(PEER_TAG);
    expect(solo.closed).toMatchObject({ reason: 'failed' });
  });

  test('a cookie as long as a packet is returned; a longer one cannot be', () => {
    for (const [length, sent] of [
      [1144, 'cookieEcho'],
      [1145, 'abort'],
    ] as const) {
      const solo = new Solo().sendInit();
      solo.receive(encodeInit(PEER, new Uint8Array(length)));
      const [packet] = solo.takeSent();
      expect(describePacket(packet!)).toBe(sent);
      expect(packet!.length).toBeLessThanOrEqual(1160);
    }
  });

  test('RFC 9260 §5.2.3: an INIT ACK in any other state is discarded', () => {
    const solo = new Solo().connect();
    solo.receive(encodeInit({ ...PEER, initiateTag: 5 }, Uint8Array.of(1)));
    expect(solo.takeSent()).toEqual([]);
    expect(solo.association.state).toBe('established');
    expect(solo.stats.dropped.unexpected).toBe(1);
  });

  test('"MUST NOT be bundled with any other chunk": an INIT ACK with company is discarded', () => {
    const solo = new Solo().sendInit();
    solo.receive(encodeInit(PEER, Uint8Array.of(1)), COOKIE_ACK);
    expect(solo.association.state).toBe('cookieWait');
  });
});

describe('cookies', () => {
  /** Answers the peer's INIT in the state that `solo` is in; returns the cookie. */
  function cookieFor(solo: Solo, peer = PEER): { cookie: Uint8Array; tag: number } {
    solo.association.handlePacket(packetOf(0, encodeInit(peer)), solo.now);
    const { cookie, parameters } = initOf(solo.takeSent().at(-1)!);
    return { cookie: cookie!, tag: parameters.initiateTag };
  }

  test('RFC 9260 §5.1.5: a forged cookie, and the data with it, is silently discarded', () => {
    const solo = new Solo().sendInit();
    const { cookie } = cookieFor(solo);
    for (let i = 0; i < cookie.length; i++) {
      const forged = cookie.slice();
      forged[i]! ^= 1;
      solo.receive(cookieEcho(forged), dataChunk({ tsn: 1000 }));
    }
    for (let length = 0; length < cookie.length; length++) solo.receive(cookieEcho(cookie.subarray(0, length)));
    solo.receive(cookieEcho(concatBytes(cookie, cookie)));
    expect(solo.association.state).toBe('cookieWait');
    expect(solo.takeSent()).toEqual([]);
    expect(solo.messages).toEqual([]);
    expect(solo.stats.dropped.cookie).toBe(2 * cookie.length + 1);
  });

  test('RFC 9260 §5.1.5, step 3: the right cookie under the wrong verification tag is discarded', () => {
    const solo = new Solo().sendInit();
    const { cookie } = cookieFor(solo);
    solo.association.handlePacket(packetOf(4711, cookieEcho(cookie)), 0);
    expect(solo.association.state).toBe('cookieWait');
  });

  test('a cookie grants what the INIT asked for, whatever is echoed with it: capabilities cannot be forged', () => {
    const solo = new Solo().sendInit();
    const { cookie } = cookieFor(solo, { ...PEER, partialReliability: false, reConfig: false });
    solo.receive(cookieEcho(cookie));
    solo.association.resetStreams([1], 0);
    expect(solo.events.at(-1)).toMatchObject({ kind: 'streamsResetFailed' });
  });

  test('RFC 9260 §5.1.5, step 4: a cookie older than a minute is answered with "Stale Cookie"', () => {
    const solo = new Solo().sendInit();
    const { cookie } = cookieFor(solo);
    solo.now = 60_001;
    solo.receive(cookieEcho(cookie));
    const [answer] = solo.takeSent();
    expect(causesOf(answer!)).toEqual([CAUSE.staleCookie]);
    expect(solo.association.state).toBe('cookieWait');
  });

  test('RFC 9260 §5.2.4, step 3: but is valid still when both tags match the association', () => {
    const solo = new Solo().sendInit();
    const { cookie } = cookieFor(solo);
    solo.receive(cookieEcho(cookie));
    solo.takeSent();
    solo.now = 100_000;
    solo.receive(cookieEcho(cookie));
    expect(solo.takeDescriptions()).toEqual(['cookieAck']);
  });

  test('a retransmitted INIT gets the same cookie; other ones push out the oldest', () => {
    const solo = new Solo().sendInit();
    const first = cookieFor(solo);
    expect(cookieFor(solo).cookie).toEqual(first.cookie);
    for (let i = 1; i <= 4; i++) cookieFor(solo, { ...PEER, initialTsn: i });
    solo.receive(cookieEcho(first.cookie));
    expect(solo.association.state).toBe('cookieWait');
    expect(cookieFor(solo).cookie).not.toEqual(first.cookie);
  });

  test('RFC 9260 §5.2.6: a Stale Cookie error brings a new INIT', () => {
    const solo = new Solo().sendInit();
    solo.receive(encodeInit(PEER, Uint8Array.of(1)));
    solo.takeSent();
    solo.receive(encodeErrorChunk([encodeStaleCookieCause()]));
    expect(solo.takeDescriptions()).toEqual(['init']);
    expect(solo.association.state).toBe('cookieWait');
    solo.receive(encodeInit(PEER, Uint8Array.of(2))).receive(COOKIE_ACK);
    expect(solo.association.state).toBe('established');
    solo.receive(encodeErrorChunk([encodeStaleCookieCause()]));
    expect(solo.association.state).toBe('established');
  });

  test('RFC 9260 §5.2.6: for ever stale cookies end in failure', () => {
    const solo = new Solo().sendInit();
    for (let i = 0; i < 1000 && solo.closed === undefined; i++) {
      solo.receive(encodeInit(PEER, Uint8Array.of(1)));
      solo.receive(encodeErrorChunk([encodeStaleCookieCause()]));
      solo.run(20_000);
    }
    expect(solo.closed).toMatchObject({ reason: 'failed' });
  });

  test('RFC 9260 §5.2.5: a COOKIE ACK in any state but COOKIE-ECHOED is discarded', () => {
    const solo = new Solo().sendInit();
    solo.receive(COOKIE_ACK);
    expect(solo.association.state).toBe('cookieWait');
    expect(solo.stats.dropped.unexpected).toBe(1);
  });

  test('RFC 9260 §5.2.4, Table 12: what a COOKIE ECHO means when there is an association', () => {
    const ticket = (localTag: number, peerTag: number, localTieTag: number, peerTieTag: number): Ticket => ({
      localTag,
      localInitialTsn: 0,
      peer: { ...PEER, initiateTag: peerTag },
      localTieTag,
      peerTieTag,
    });
    const [L, P, X, Y] = [11, 22, 33, 44];
    const rows: [string, Ticket, number, number][] = [
      ['restart', ticket(X, Y, L, P), L, P], // A
      ['collision', ticket(L, Y, 0, 0), L, P], // B
      ['collision', ticket(L, Y, X, Y), L, P], // B
      ['collision', ticket(L, P, 0, 0), L, 0], // B, peer's tag unknown
      ['late', ticket(X, P, 0, 0), L, P], // C
      ['duplicate', ticket(L, P, 0, 0), L, P], // D
      ['duplicate', ticket(L, P, L, P), L, P], // D
      ['discard', ticket(X, P, L, P), L, P],
      ['discard', ticket(X, Y, 0, 0), L, P],
      ['discard', ticket(X, Y, L, Y), L, P],
      ['discard', ticket(X, Y, X, P), L, P],
    ];
    for (const [action, cookie, localTag, peerTag] of rows) {
      expect(cookieAction(cookie, localTag, peerTag)).toBe(action);
    }
  });

  test('RFC 9260 §5.2.4 D: a lost COOKIE ACK is made up for', () => {
    const solo = new Solo().sendInit();
    const { cookie } = cookieFor(solo);
    for (let i = 0; i < 3; i++) solo.receive(cookieEcho(cookie));
    expect(solo.takeDescriptions()).toEqual(['cookieAck', 'cookieAck', 'cookieAck']);
    expect(solo.events).toEqual([{ kind: 'connected' }]);
  });

  test('RFC 9260 §5.2.4 B: a peer that took a new tag is known by it', () => {
    const solo = new Solo().connect();
    // The peer's INIT crossed with ours, and was answered with our one tag; only now its cookie comes.
    const other = { ...PEER, initiateTag: 0x7777, initialTsn: 5000 };
    const before = new Solo().sendInit();
    before.association.handlePacket(packetOf(0, encodeInit(other)), 0);
    const { cookie } = initOf(before.takeSent()[0]!);
    before.receive(encodeInit(PEER, Uint8Array.of(1))); // now in cookieEchoed, with PEER_TAG
    before.takeSent();
    before.receive(cookieEcho(cookie!));
    const [answer] = before.takeSent();
    expect(describePacket(answer!)).toBe('cookieAck');
    expect(tagOf(answer!)).toBe(0x7777);
    expect(before.association.state).toBe('established');
    before.receive(dataChunk({ tsn: 5000 }));
    expect(before.messages).toHaveLength(1);
    expect(solo.association.state).toBe('established');
  });
});

describe('restart of the peer (RFC 9260 §5.2.2, §5.2.4 A)', () => {
  function restarted(): { solo: Solo; tag: number } {
    const solo = new Solo().connect();
    solo.send(1, 'lost with the old association').flush();
    solo.takeSent();
    const anew = { ...PEER, initiateTag: 0x1234_5678, initialTsn: 77 };
    solo.association.handlePacket(packetOf(0, encodeInit(anew)), 0);
    const { parameters, cookie } = initOf(solo.takeSent()[0]!);
    expect(parameters.initiateTag, '"the INIT ACK chunk MUST contain a new Initiate Tag"').not.toBe(
      solo.local.initiateTag,
    );
    expect(solo.association.state, '"the existing association … MUST NOT be changed"').toBe('established');
    solo.receive(dataChunk({ tsn: 1000 }));
    expect(solo.messages).toHaveLength(1);
    solo.takeSent();
    const packet = packetOf(parameters.initiateTag, cookieEcho(cookie!), dataChunk({ tsn: 77 }));
    solo.association.handlePacket(packet, 0);
    return { solo, tag: parameters.initiateTag };
  }

  test('begins a new association in place of the old one, and says so', () => {
    const { solo, tag } = restarted();
    expect(solo.events.map(({ kind }) => kind).slice(-3)).toEqual(['restarted', 'connected', 'message']);
    const [answer] = solo.takeSent();
    expect(describePacket(answer!)).toBe('cookieAck sack');
    expect(tagOf(answer!)).toBe(0x1234_5678);
    solo.send(1, 'new').flush();
    const [data] = solo.takeSent();
    expect(u32(chunksOf(data!)[0]!.bytes, 8) & 0xffff, 'SSN').toBe(0);
    expect(solo.stats.cwnd, 'congestion control begins anew').toBe(11_480);
    solo.association.handlePacket(packetOf(solo.local.initiateTag, dataChunk({ tsn: 1001 })), 0);
    expect(solo.stats.dropped.verificationTag, 'the old tag is over').toBe(1);
    expect(tag).not.toBe(solo.local.initiateTag);
  });

  test('an INIT alone changes nothing, in any state that has an association', () => {
    const solo = new Solo().connect();
    solo.association.handlePacket(packetOf(0, encodeInit({ ...PEER, initiateTag: 1 })), 0);
    solo.takeSent();
    solo.receive(dataChunk({ tsn: 1000 }));
    expect(solo.messages).toHaveLength(1);
    expect(solo.events.some(({ kind }) => kind === 'restarted')).toBe(false);
  });

  test('two whole associations: one is replaced by a new object, and both go on', () => {
    const pair = new Pair({ link: { delayMs: 5 } }).connect();
    pair.send(pair.a, 0, 'one');
    pair.run(100);
    const again = new Pair({ seed: 9, link: { delayMs: 5 } });
    // The old `b`, and a new `a`.
    Object.assign(again, { b: pair.b });
    again.now = pair.now;
    again.a.now = pair.now;
    again.a.association.connect(again.now);
    again.run(200);
    again.send(again.a, 0, 'two');
    again.run(200);
    expect(pair.b.texts).toEqual(['0:one', '0:two']);
    expect(pair.b.kinds('restarted')).toHaveLength(1);
  });
});
