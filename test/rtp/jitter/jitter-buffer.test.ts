import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { JitterBuffer, type JitterBufferOptions } from '../../../src/rtp/jitter/jitter-buffer.ts';
import { encodeRtpPacket, RtpPacket } from '../../../src/rtp/packet.ts';
import { DISCARDABLE, frameNumber, framePackets, KEY, TEST_FORMAT, UNCERTAIN } from '../support/video.ts';

let frames: number[];
let requests: number;
let buffer: JitterBuffer;
const packet = new RtpPacket();

function make(options: Partial<JitterBufferOptions> = {}): JitterBuffer {
  frames = [];
  requests = 0;
  buffer = new JitterBuffer(
    {
      clockRate: 90_000,
      formatOf: (payloadType) => (payloadType === 96 ? TEST_FORMAT : null),
      needsKeyFrames: true,
      minDepthMs: 50,
      maxDepthMs: 50,
      ...options,
    },
    {
      event(event) {
        if (event.kind === 'frame') frames.push(frameNumber(event.frame.frame));
        else requests++;
      },
    },
  );
  return buffer;
}

const insert = (bytes: Uint8Array, now = 0) => {
  expect(packet.read(bytes)).toBe(true);
  buffer.insert(packet, now);
};
const insertAll = (packets: readonly Uint8Array[], now = 0) => {
  for (const bytes of packets) insert(bytes, now);
};

beforeEach(() => void make());

describe('order', () => {
  test('a frame leaves as soon as it is whole', () => {
    const [a, b, c] = framePackets(1, 3, 100, KEY);
    insertAll([a!, b!]);
    expect(frames).toEqual([]);
    insert(c!);
    expect(frames).toEqual([1]);
    insertAll(framePackets(2, 1, 103));
    expect(frames).toEqual([1, 2]);
    expect(buffer.nextTimeout).toBe(Infinity);
    expect(requests).toBe(0);
  });

  test('packets in any order within the depth make the same frames', () => {
    const all = [
      ...framePackets(1, 5, 65533, KEY),
      ...framePackets(2, 1, 2),
      ...framePackets(3, 4, 3),
      ...framePackets(4, 2, 7),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        make();
        insertAll(shuffled);
        expect(frames).toEqual([1, 2, 3, 4]);
        expect(buffer.stats).toMatchObject({ frames: 4, keyFrames: 1, droppedFrames: 0 });
      }),
    );
  });

  test('duplicates are counted and change nothing', () => {
    const packets = framePackets(1, 2, 10, KEY);
    insertAll([packets[0]!, packets[0]!, packets[1]!, packets[1]!]);
    expect(frames).toEqual([1]);
    expect(buffer.stats.latePackets).toBe(2);
  });

  test('a frame without a mark at its end is over when the next one begins', () => {
    insertAll(framePackets(1, 2, 10, KEY, { marker: false }));
    expect(frames).toEqual([]);
    insertAll(framePackets(2, 2, 12));
    expect(frames).toEqual([1, 2]);
  });

  test('padding, FEC and payloads of no format have numbers and no frames', () => {
    insertAll(framePackets(1, 1, 10, KEY));
    const [padding] = framePackets(1, 1, 11);
    insert(
      encodeRtpPacket({
        payloadType: 96,
        marker: false,
        sequenceNumber: 11,
        timestamp: 3000,
        ssrc: 1,
        payload: new Uint8Array(0),
        padding: 9,
      }),
    );
    buffer.insertFiller(12, 0);
    padding![1] = 99;
    padding![3] = 13;
    insert(padding!);
    insertAll(framePackets(2, 2, 14));
    expect(frames).toEqual([1, 2]);
    expect(buffer.nextTimeout).toBe(Infinity);
  });

  test('frames say where they come from', () => {
    const seen: unknown[] = [];
    const own = new JitterBuffer(
      { clockRate: 90_000, formatOf: () => TEST_FORMAT, needsKeyFrames: true },
      { event: (event) => event.kind === 'frame' && seen.push(event.frame) },
    );
    const packets = framePackets(7, 2, 65535, KEY);
    for (const [i, bytes] of [packets[1]!, packets[0]!].entries()) {
      packet.read(bytes);
      own.insert(packet, 10 + i);
    }
    expect(seen).toEqual([
      {
        frame: { data: Uint8Array.of(0, 7, 2), isKeyFrame: true },
        timestamp: 21_000,
        payloadType: 96,
        firstSequenceNumber: 65535,
        packets,
        firstArrivedAt: 10,
        completedAt: 11,
      },
    ]);
    expect(own.stats.delayMs).toBe(1);
  });
});

describe('loss', () => {
  test('a gap is waited for, then its frame and all up to a key frame are given up', () => {
    insertAll(framePackets(1, 1, 10, KEY));
    const [first, , third] = framePackets(2, 3, 11);
    insertAll([first!, third!], 100);
    insertAll(framePackets(3, 1, 14), 110);
    expect(buffer.nextTimeout).toBe(150);
    buffer.handleTimeout(149);
    expect([frames, requests]).toEqual([[1], 0]);
    buffer.handleTimeout(150);
    expect([frames, requests, buffer.isAwaitingKeyFrame]).toEqual([[1], 1, true]);
    insertAll(framePackets(4, 1, 15), 160);
    insertAll(framePackets(5, 2, 16, KEY), 170);
    insertAll(framePackets(6, 1, 18), 180);
    expect(frames).toEqual([1, 5, 6]);
    expect(buffer.stats.droppedFrames).toBe(1);
    expect(buffer.nextTimeout).toBe(Infinity);
  });

  test('what fills the gap in time loses nothing', () => {
    insertAll(framePackets(1, 1, 10, KEY));
    const [first, second, third] = framePackets(2, 3, 11);
    insertAll([first!, third!], 100);
    insertAll(framePackets(3, 1, 14), 110);
    insert(second!, 149);
    expect(frames).toEqual([1, 2, 3]);
    expect(buffer.nextTimeout).toBe(Infinity);
  });

  test('a whole key frame behind the gap is taken at the deadline, and none is asked for', () => {
    insertAll(framePackets(1, 1, 10, KEY));
    insertAll(framePackets(3, 1, 12), 100);
    insertAll(framePackets(4, 2, 13, KEY), 110);
    insertAll(framePackets(5, 1, 15), 120);
    expect(frames).toEqual([1]);
    buffer.handleTimeout(150);
    expect([frames, requests]).toEqual([[1, 4, 5], 0]);
  });

  test('a gap within a frame that no other refers to costs that frame only', () => {
    insertAll(framePackets(1, 1, 10, KEY));
    const [first, , third] = framePackets(2, 3, 11, DISCARDABLE);
    insertAll([first!, third!], 100);
    insertAll(framePackets(3, 1, 14), 110);
    buffer.handleTimeout(150);
    expect([frames, requests]).toEqual([[1, 3], 0]);
    expect(buffer.stats.droppedFrames).toBe(1);
  });

  test('sound goes on behind a gap', () => {
    make({ needsKeyFrames: false });
    insertAll(framePackets(1, 1, 10, KEY));
    insertAll(framePackets(3, 1, 12, KEY), 100);
    insertAll(framePackets(5, 1, 14, KEY), 110);
    buffer.handleTimeout(buffer.nextTimeout);
    expect(frames).toEqual([1, 3]);
    buffer.handleTimeout(buffer.nextTimeout);
    expect([frames, requests]).toEqual([[1, 3, 5], 0]);
    insertAll(framePackets(2, 1, 11, KEY), 200);
    expect(frames).toEqual([1, 3, 5]);
  });

  test('giving up a missing packet ends the wait for it', () => {
    make({ needsKeyFrames: false });
    insertAll(framePackets(1, 1, 10, KEY));
    insertAll(framePackets(3, 1, 12, KEY), 100);
    buffer.giveUp([9, 13], 101);
    expect(frames).toEqual([1]);
    buffer.giveUp([11], 101);
    expect(frames).toEqual([1, 3]);
  });

  test('a stream that is joined in its middle asks for a key frame, and again while packets come', () => {
    insertAll(framePackets(5, 1, 10), 0);
    expect(buffer.nextTimeout).toBe(30);
    buffer.handleTimeout(30);
    expect(requests).toBe(1);
    insertAll(framePackets(6, 1, 11), 100);
    buffer.handleTimeout(530);
    expect(requests).toBe(2);
    buffer.handleTimeout(buffer.nextTimeout); // nothing came since
    expect([requests, buffer.nextTimeout]).toEqual([2, Infinity]);
    insertAll(framePackets(7, 1, 12), 5000);
    buffer.handleTimeout(5030);
    expect(requests).toBe(3);
    insertAll(framePackets(8, 1, 13, KEY), 5100);
    expect(frames).toEqual([8]);
    expect(buffer.nextTimeout).toBe(Infinity);
  });

  test('a key frame that lost a packet waits for it, or for another key frame', () => {
    const [first, second, third] = framePackets(1, 3, 10, KEY);
    insertAll([first!, third!]);
    insertAll(framePackets(2, 1, 13), 10);
    expect(frames).toEqual([]);
    insert(second!, 300);
    expect([frames, requests]).toEqual([[1, 2], 0]);
  });

  test('a start that is uncertain counts when the packet before it was of another frame', () => {
    insertAll(framePackets(1, 2, 10, KEY | UNCERTAIN));
    expect(frames).toEqual([]); // it may have begun before
    insertAll(framePackets(2, 2, 12, KEY | UNCERTAIN));
    expect(frames).toEqual([2]);
    insertAll(framePackets(3, 3, 14, UNCERTAIN));
    expect(frames).toEqual([2, 3]);
  });

  test('payloads that do not fit together are dropped, and need a key frame', () => {
    insertAll(framePackets(1, 1, 10, KEY));
    const packets = framePackets(2, 2, 11);
    packets[1]![15] = 9;
    insertAll(packets);
    expect([frames, requests]).toEqual([[1], 1]);
    const [malformed] = framePackets(3, 1, 13);
    malformed![12] = 0xff;
    insert(malformed!);
    expect(buffer.stats).toMatchObject({ malformed: 1, droppedFrames: 1 });
  });
});

describe('bounds', () => {
  test('limits the numbers it reaches over: a gap that fills the ring is given up early', () => {
    make({ capacity: 64, needsKeyFrames: false, minDepthMs: 1e9, maxDepthMs: 1e9 });
    insertAll(framePackets(0, 1, 0, KEY));
    for (let n = 2; n < 64; n++) insertAll(framePackets(n, 1, n, KEY));
    expect(frames).toEqual([0]);
    insertAll(framePackets(64, 1, 64, KEY));
    insertAll(framePackets(65, 1, 65, KEY));
    expect(frames.length).toBe(65);
  });

  test('a jump further than it reaches starts anew', () => {
    make({ capacity: 64 });
    insertAll(framePackets(1, 1, 10, KEY));
    insertAll(framePackets(2, 1, 5000, KEY), 1);
    expect([frames, buffer.stats.resets, requests]).toEqual([[1, 2], 1, 0]);
    insertAll(framePackets(3, 1, 9000), 2);
    buffer.handleTimeout(32);
    expect([frames, requests]).toEqual([[1, 2], 1]);
  });

  test('RFC 3550 A.1: one packet far back is late, two in a row are a source that begins anew', () => {
    make({ capacity: 64 });
    insertAll(framePackets(1, 1, 30_000, KEY));
    insertAll(framePackets(2, 1, 10, KEY));
    expect(frames).toEqual([1]);
    insertAll(framePackets(3, 1, 30_001));
    insertAll(framePackets(4, 1, 100, KEY));
    insertAll(framePackets(5, 1, 101, KEY));
    insertAll(framePackets(6, 1, 102));
    expect(frames).toEqual([1, 3, 5, 6]);
  });

  test('without any key frame it keeps what it reaches over, and no more', () => {
    make({ capacity: 64 });
    for (let n = 0; n < 10_000; n++) insertAll(framePackets(n, 1, n), n);
    expect(frames).toEqual([]);
    insertAll(framePackets(10_000, 1, 10_000, KEY), 10_000);
    expect(frames).toEqual([10_000]);
  });

  test('any packets at any times: frames are whole and in order, and nextTimeout moves on', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(
          fc.record({
            packets: fc.integer({ min: 1, max: 5 }),
            flags: fc.constantFrom(0, 0, 0, KEY, DISCARDABLE, UNCERTAIN, KEY | UNCERTAIN),
            fate: fc.array(fc.constantFrom(0, 0, 0, 0, 1, 5, 90, 3000, -1), { minLength: 5, maxLength: 5 }),
          }),
          { maxLength: 60 },
        ),
        fc.integer({ min: 0, max: 65535 }),
        fc.integer({ min: 0, max: 65535 }),
        (needsKeyFrames, plan, first, noise) => {
          make({ needsKeyFrames, capacity: 64 });
          const arrivals: { at: number; bytes: Uint8Array }[] = [];
          let sequenceNumber = first;
          plan.forEach(({ packets, flags, fate }, frame) => {
            framePackets(frame, packets, sequenceNumber, flags).forEach((bytes, i) => {
              if (fate[i]! >= 0) arrivals.push({ at: 20 * frame + fate[i]!, bytes });
            });
            sequenceNumber += packets;
            if (frame === 30) sequenceNumber += noise;
          });
          arrivals.sort((a, b) => a.at - b.at);
          let now = 0;
          const runUntil = (until: number) => {
            for (let turns = 0; buffer.nextTimeout <= until; turns++) {
              now = Math.max(now, buffer.nextTimeout);
              buffer.handleTimeout(now);
              expect(buffer.nextTimeout).toBeGreaterThan(now);
              expect(turns).toBeLessThan(1000);
            }
            now = until;
          };
          for (const { at, bytes } of arrivals) {
            runUntil(at);
            insert(bytes, at);
          }
          runUntil(now + 10_000);
          // The test format refuses frames that are not whole; here they must be in order, too.
          expect(frames).toEqual([...new Set(frames)].sort((a, b) => a - b));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('adaptive depth', () => {
  test('by default bears with a process that was busy, and reads the newer of two sockets first', () => {
    frames = [];
    buffer = new JitterBuffer(
      { clockRate: 48_000, formatOf: () => TEST_FORMAT, needsKeyFrames: false },
      { event: (event) => event.kind === 'frame' && frames.push(frameNumber(event.frame.frame)) },
    );
    const packetOf = (n: number): Uint8Array[] => framePackets(n, 1, n, KEY);
    for (const n of [0, 1]) insertAll(packetOf(n), n);
    for (const n of [14, 15, 16]) insertAll(packetOf(n), 300); // by the new pair
    for (let n = 2, now = 310; n < 14; n++, now += 4) {
      buffer.handleTimeout(now);
      insertAll(packetOf(n), now);
    }
    expect(frames).toEqual(Array.from({ length: 17 }, (_, i) => i));
    expect(buffer.stats).toMatchObject({ latePackets: 0, droppedFrames: 0 });
  });

  test('a deadline that is looked at much too late leaves time to read what came meanwhile, once', () => {
    make({ needsKeyFrames: false });
    for (const n of [0, 2, 4]) insertAll(framePackets(n, 1, n, KEY));
    buffer.handleTimeout(400); // of 50: nothing was read for so long
    expect(frames).toEqual([0]);
    insertAll(framePackets(1, 1, 1, KEY), 405);
    expect(frames).toEqual([0, 1, 2]);
    buffer.handleTimeout(800);
    buffer.handleTimeout(1200);
    expect(frames).toEqual([0, 1, 2, 4]);
    expect(buffer.nextTimeout).toBe(Infinity);
  });

  test('grows with how late packets come, and shrinks again', () => {
    make({ needsKeyFrames: false, minDepthMs: 10, maxDepthMs: 500 });
    expect(buffer.depthMs).toBe(10);
    insertAll(framePackets(0, 1, 0, KEY));
    insertAll(framePackets(2, 1, 2, KEY), 100);
    buffer.handleTimeout(110);
    expect(frames).toEqual([0, 2]);
    insertAll(framePackets(1, 1, 1, KEY), 160); // 60 ms behind the one after it
    expect(buffer.depthMs).toBe(90);
    let now = 1000;
    for (let n = 3; n < 200; n += 2, now += 20) {
      insertAll(framePackets(n + 1, 1, n + 1, KEY), now);
      insertAll(framePackets(n, 1, n, KEY), now + 1);
    }
    expect(buffer.depthMs).toBeLessThan(15);
    expect(frames.length).toBe(200);
  });

  test('where lost packets are asked for, it is as deep as the round trip needs, within its bounds', () => {
    make({ canRepair: true, minDepthMs: 10, maxDepthMs: 500 });
    buffer.roundTripMs = 50;
    expect(buffer.depthMs).toBe(240);
    buffer.roundTripMs = 1000;
    expect(buffer.depthMs).toBe(500);
  });
});

describe('target delay', () => {
  test('frames leave evenly, so long after the fastest passage', () => {
    make({ needsKeyFrames: false });
    buffer.targetDelayMs = 100;
    const left: number[] = [];
    const deliver = (until: number) => {
      while (buffer.nextTimeout <= until) {
        const now = buffer.nextTimeout;
        buffer.handleTimeout(now);
        while (left.length < frames.length) left.push(now);
      }
    };
    const jitter = [0, 30, 10, 50, 0, 20, 40, 5];
    jitter.forEach((ms, n) => {
      deliver((n * 100) / 3 + ms);
      insertAll(framePackets(n, 1, n, KEY), (n * 100) / 3 + ms);
    });
    deliver(1000);
    expect(frames).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const [n, at] of left.entries()) expect(at).toBeCloseTo((n * 100) / 3 + 100, 5);
  });

  test('limits the frames that are held', () => {
    make({ needsKeyFrames: false });
    buffer.targetDelayMs = 1e9;
    for (let n = 0; n < 500; n++) insertAll(framePackets(n, 1, n, KEY), n);
    expect(frames.length).toBe(100);
  });
});
