/** Hostile packets, with checksums repaired so that they get in: no exception, no hang, no growth. */
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/binary/bytes.ts';
import { CHUNK, encodeChunk, encodeParameter } from '../../src/sctp/packet/chunk.ts';
import { HEADER, writeChecksum } from '../../src/sctp/packet/common-header.ts';
import {
  encodeCookieAck,
  encodeHeartbeat,
  encodeShutdown,
  encodeShutdownAck,
  encodeShutdownComplete,
} from '../../src/sctp/packet/control-chunks.ts';
import { CAUSE, encodeAbortChunk, encodeErrorChunk, encodeTextCause } from '../../src/sctp/packet/error-cause.ts';
import { encodeForwardTsn } from '../../src/sctp/packet/forward-tsn-chunk.ts';
import { encodeInit } from '../../src/sctp/packet/init-chunk.ts';
import { encodeOutgoingReset, encodeReConfigResponses } from '../../src/sctp/packet/reconfig-chunk.ts';
import { pattern } from './support/pair.ts';
import { SeededRandom } from './support/random.ts';
import { PEER, Solo, PEER_INITIAL_TSN as TSN } from './support/solo.ts';
import { dataChunk, packetOf, sackChunk } from './support/wire.ts';

const BUFFER = 300_000;

/** Every kind of chunk, as a peer would send it now. */
function chunksFor(solo: Solo): [string, Uint8Array][] {
  const { initialTsn } = solo.local;
  return [
    ['DATA', dataChunk({ tsn: TSN + 1, ssn: 1, data: pattern(20) })],
    ['a fragment', dataChunk({ tsn: TSN + 2, flags: 2, ssn: 2, data: pattern(20) })],
    ['INIT', encodeInit({ ...PEER, initiateTag: 77 })],
    ['INIT ACK', encodeInit(PEER, new Uint8Array(16))],
    [
      'SACK',
      sackChunk(
        initialTsn,
        [
          [2, 2],
          [4, 5],
        ],
        { duplicates: [initialTsn, 5] },
      ),
    ],
    ['HEARTBEAT', encodeHeartbeat(pattern(8))],
    ['HEARTBEAT ACK', encodeChunk(CHUNK.heartbeatAck, 0, encodeParameter(1, pattern(8)))],
    ['ABORT', encodeAbortChunk([encodeTextCause(CAUSE.userInitiatedAbort, 'bye')])],
    ['SHUTDOWN', encodeShutdown(initialTsn)],
    ['SHUTDOWN ACK', encodeShutdownAck()],
    [
      'ERROR',
      encodeErrorChunk([encodeTextCause(CAUSE.protocolViolation, 'no'), encodeParameter(3, new Uint8Array(4))]),
    ],
    ['COOKIE ECHO', encodeChunk(CHUNK.cookieEcho, 0, new Uint8Array(16))],
    ['COOKIE ACK', encodeCookieAck()],
    ['SHUTDOWN COMPLETE', encodeShutdownComplete()],
    [
      'FORWARD TSN',
      encodeForwardTsn(
        TSN + 3,
        new Map([
          [0, 2],
          [5, 9],
        ]),
      ),
    ],
    [
      'RE-CONFIG request',
      encodeOutgoingReset({
        kind: 'outgoingReset',
        requestNumber: TSN,
        responseNumber: initialTsn - 1,
        lastAssignedTsn: TSN + 3,
        streamIds: [0, 5],
      }),
    ],
    ['RE-CONFIG response', encodeReConfigResponses([{ kind: 'response', responseNumber: initialTsn, result: 1 }])],
    ['an unknown chunk', encodeChunk(0xfe, 0, pattern(10))],
  ];
}

/** An association in every state there is, with data out, data in, a reset asked for. */
const STATES: [string, () => Solo][] = [
  ['cookieWait', () => new Solo({ receiveBufferSize: BUFFER, maxMessageSize: 100_000 }).sendInit()],
  [
    'cookieEchoed',
    () => {
      const solo = new Solo({ receiveBufferSize: BUFFER, maxMessageSize: 100_000 }).sendInit();
      solo.send(0, 'x');
      return solo.receive(encodeInit(PEER, new Uint8Array(16)));
    },
  ],
  ['established', busy],
  ['shutdownPending', () => shutDown(busy())],
  ['shutdownSent', () => shutDown(busy()).receive(sackChunk((busy().local.initialTsn + 7) >>> 0))],
  ['shutdownReceived', () => busy().receive(encodeShutdown((busy().local.initialTsn - 1) >>> 0))],
  ['shutdownAckSent', () => busy().receive(encodeShutdown((busy().local.initialTsn + 7) >>> 0))],
];

function busy(): Solo {
  const solo = new Solo({ receiveBufferSize: BUFFER, maxMessageSize: 100_000 }).connect();
  for (let i = 0; i < 8; i++) solo.send(i, pattern(1000, i), i % 2 === 0 ? {} : { maxRetransmits: 0 });
  solo.flush();
  solo.association.resetStreams([3, 30], 0);
  solo.receive(dataChunk({ tsn: TSN }));
  return solo;
}

function shutDown(solo: Solo): Solo {
  solo.association.shutdown(solo.now);
  return solo;
}

/** One hostile packet, then what an honest peer would send, and time: it has to end somewhere sensible. */
function endure(make: () => Solo, packet: (solo: Solo) => Uint8Array, what: string): void {
  const solo = make();
  const sentBefore = solo.sent.length;
  const bytes = packet(solo);
  const { length } = bytes;
  if (length >= HEADER.size) writeChecksum(bytes, 0, length);
  try {
    solo.association.handlePacket(bytes, solo.now);
    expect(solo.sent.length - sentBefore, `${what}: answers`).toBeLessThan(16);
    solo.receive(dataChunk({ tsn: TSN + 1, ssn: 1 }), sackChunk(solo.local.initialTsn));
    solo.run(2_000);
    const { localRwnd, flightSize } = solo.stats;
    expect(localRwnd).toBeGreaterThan(BUFFER - 2_000);
    expect(flightSize).toBeGreaterThanOrEqual(0);
    expect(solo.association.nextTimeout > solo.now).toBe(true);
  } catch (error) {
    throw new Error(`${what}: ${Buffer.from(bytes).toString('hex')}`, { cause: error });
  }
}

function packetWith(solo: Solo, chunk: Uint8Array): Uint8Array {
  return packetOf(chunk[0] === CHUNK.init ? 0 : solo.local.initiateTag, chunk);
}

describe.each(STATES)('in state %s', (state, make) => {
  test('is what it says', () => {
    expect(make().association.state).toBe(state);
  });

  const kinds = chunksFor(make());

  test('every chunk that does not belong here, does', () => {
    for (const [name, chunk] of kinds) endure(make, (solo) => packetWith(solo, chunk), name);
  });

  test('every truncation of every chunk', () => {
    for (const [name, chunk] of kinds) {
      const { length } = packetWith(make(), chunk);
      for (let end = 0; end < length; end++) {
        endure(make, (solo) => packetWith(solo, chunk).slice(0, end), `${name} cut to ${end}`);
        endure(
          make,
          (solo) =>
            packetOf(
              solo.local.initiateTag,
              dataChunk({ tsn: TSN + 9, ssn: 9 }),
              chunk.slice(0, Math.max(0, end - 12)),
            ),
          `${name} cut to ${end}, behind DATA`,
        );
      }
    }
  });

  test('every single-byte flip of every chunk', () => {
    for (const [name, chunk] of kinds) {
      const { length } = packetWith(make(), chunk);
      for (let at = HEADER.size; at < length; at++) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const flipped = (solo: Solo): Uint8Array => {
            const packet = packetWith(solo, chunk);
            packet[at]! ^= flip;
            return packet;
          };
          endure(make, flipped, `${name} with byte ${at} ^ ${flip}`);
        }
      }
    }
  });
});

test('every length from 0 to 64 of zeros, ones, and noise', () => {
  const random = new SeededRandom(3);
  for (let length = 0; length <= 64; length++) {
    for (const fill of [0x00, 0xff, -1]) {
      const make = (solo: Solo): Uint8Array => {
        const bytes = new Uint8Array(length).fill(fill);
        if (fill < 0) random.fill(bytes);
        if (length >= 12) bytes.set(packetOf(solo.local.initiateTag).subarray(0, 8));
        return bytes;
      };
      endure(busy, make, `${length} bytes of ${fill}`);
    }
  }
});

test('long runs of random chunks with sensible numbers keep within the receive buffer, and never throw', () => {
  let steps = 0;
  for (let seed = 0; seed < 30; seed++) {
    const random = new SeededRandom(seed);
    const solo = busy();
    for (let step = 0; step < 400 && solo.closed === undefined; step++) {
      const near = (base: number, spread: number): number => (base + random.integer(-3, spread)) >>> 0;
      const chunks: Uint8Array[] = [];
      for (let i = random.integer(1, 3); i > 0; i--) {
        const kind = random.integer(0, 9);
        const { initialTsn } = solo.local;
        if (kind < 5) {
          chunks.push(
            dataChunk({
              tsn: near(TSN + (step >> 1), 40),
              // Mostly whole messages: fragments at random contradict each other soon, and that ends the association.
              flags: random.integer(0, 49) === 0 ? random.integer(0, 15) : random.integer(0, 1) === 0 ? 3 : 7,
              streamId: random.integer(0, 3),
              ssn: random.integer(0, 40),
              data: pattern(random.integer(1, 900)),
            }),
          );
        } else if (kind < 7) {
          const gaps: [number, number][] = [];
          for (let at = 2; random.real() < 0.6; ) {
            const start = at + random.integer(0, 3);
            at = start + random.integer(0, 3);
            gaps.push([start, at]);
            at += 2;
          }
          chunks.push(sackChunk(near(initialTsn - 1, 8), gaps, { aRwnd: random.integer(0, 100_000) }));
        } else if (kind === 7) {
          chunks.push(
            encodeForwardTsn(near(TSN + (step >> 1), 30), new Map([[random.integer(0, 3), random.integer(0, 60)]])),
          );
        } else if (kind === 8) {
          chunks.push(
            encodeOutgoingReset({
              kind: 'outgoingReset',
              requestNumber: near(TSN, 6),
              responseNumber: 0,
              lastAssignedTsn: near(TSN + (step >> 1), 30),
              streamIds: [random.integer(0, 3)],
            }),
          );
        } else {
          chunks.push(encodeHeartbeat(pattern(random.integer(0, 100))));
        }
      }
      solo.receive(...chunks);
      steps++;
      if (solo.closed === undefined && random.real() < 0.2)
        solo.send(random.integer(0, 4), pattern(random.integer(1, 3_000))).flush();
      if (random.real() < 0.3) solo.run(random.integer(1, 200));
      const { localRwnd, flightSize } = solo.stats;
      expect(localRwnd).toBeLessThanOrEqual(BUFFER);
      expect(localRwnd).toBeGreaterThanOrEqual(0);
      expect(flightSize).toBeGreaterThanOrEqual(0);
      solo.sent = [];
    }
    solo.run(1_000);
  }
  expect(steps, 'few end early').toBeGreaterThan(30 * 100);
});

test('a packet full of chunks of four bytes is worked through once', () => {
  for (const type of [CHUNK.cookieAck, CHUNK.shutdownAck, CHUNK.heartbeat, CHUNK.error, 0xfe, 0xbf]) {
    const solo = busy();
    solo.sent = [];
    const chunks = Array.from({ length: 300 }, () => encodeChunk(type, 0, new Uint8Array(0)));
    solo.receive(concatBytes(...chunks));
    const answered = solo.sent.reduce((bytes, packet) => bytes + packet.length, 0);
    expect(answered, `type ${type}: not much more comes out than went in`).toBeLessThan(4 * 1200);
  }
});
