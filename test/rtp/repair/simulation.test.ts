/**
 * Streams over lossy paths, whole: history, NACK, RTX, jitter buffer. Seeded; a failing seed is in the test's title.
 * RTP_SEEDS=200 runs more of them.
 */
import { describe, expect, test } from 'vitest';
import { JitterBuffer } from '../../../src/rtp/jitter/jitter-buffer.ts';
import { RtpPacket } from '../../../src/rtp/packet.ts';
import { NackGenerator } from '../../../src/rtp/repair/nack-generator.ts';
import { NackResponder } from '../../../src/rtp/repair/nack-responder.ts';
import { unwrapRtx, writeRtx } from '../../../src/rtp/repair/rtx.ts';
import { SendHistory } from '../../../src/rtp/repair/send-history.ts';
import { Path, type PathOptions, run } from '../support/path.ts';
import { SeededRandom } from '../support/random.ts';
import { frameNumber, framePackets, KEY, TEST_FORMAT } from '../support/video.ts';

const FRAME_MS = 1000 / 30;
const PACKETS_PER_FRAME = 6;
const MEDIA_SSRC = 1;
const RTX = { ssrc: 2, payloadType: 97 };

type Result = {
  sent: number;
  delivered: number;
  keyFrameRequests: number;
  resent: number;
  lostPackets: number;
  longestFreezeMs: number;
};

function simulate(
  seed: number,
  path: PathOptions,
  { nack, rtx = true, seconds = 20 }: { nack: boolean; rtx?: boolean; seconds?: number },
): Result {
  const random = new SeededRandom(seed);
  const history = new SendHistory();
  const packet = new RtpPacket();
  const rttMs = 2 * path.delayMs + (path.jitterMs ?? 0);
  const delivered: number[] = [];
  let now = 0;
  let frame = 0;
  let sequenceNumber = 65_000;
  let rtxSequenceNumber = 65_530;
  let wantsKeyFrame = true;
  let keyFrameRequests = 0;
  let nextFrameAt = 0;
  let lastDeliveryAt = 0;
  let longestFreezeMs = 0;

  const forward = new Path<Uint8Array>(random, path, (bytes, at) => {
    packet.read(bytes);
    const isRtx = packet.ssrc === RTX.ssrc;
    if (isRtx) packet.read(unwrapRtx(packet, MEDIA_SSRC, 96)!);
    generator.receive(packet.sequenceNumber, isRtx, at);
    buffer.insert(packet, at);
  });
  const backward = new Path<{ nack?: readonly number[] }>(random, path, (message, at) => {
    if (message.nack) responder.handleNack(message.nack, rttMs, at);
    else wantsKeyFrame = true;
  });
  const responder = new NackResponder(history, (bytes) => {
    if (!rtx) {
      forward.send(bytes.slice(), now);
      return;
    }
    const target = new Uint8Array(bytes.length + 2);
    packet.read(bytes);
    writeRtx(packet, RTX, rtxSequenceNumber++ & 0xffff, target, 0);
    forward.send(target, now);
  });
  const generator = new NackGenerator(
    {},
    {
      event(event) {
        if (!nack) return;
        if (event.kind === 'nack') backward.send({ nack: event.sequenceNumbers }, now);
        else if (event.kind === 'gaveUp') buffer.giveUp(event.sequenceNumbers, now);
      },
    },
  );
  generator.roundTripMs = rttMs;
  const buffer: JitterBuffer = new JitterBuffer(
    { clockRate: 90_000, formatOf: () => TEST_FORMAT, needsKeyFrames: true, canRepair: nack },
    {
      event(event) {
        if (event.kind === 'frame') {
          delivered.push(frameNumber(event.frame.frame));
          if (delivered.length > 1) longestFreezeMs = Math.max(longestFreezeMs, now - lastDeliveryAt);
          lastDeliveryAt = now;
        } else {
          keyFrameRequests++;
          backward.send({}, now);
        }
      },
    },
  );
  buffer.roundTripMs = rttMs;
  const camera = {
    get nextTimeout() {
      return frame < seconds * 30 ? nextFrameAt : Infinity;
    },
    handleTimeout(at: number) {
      const packets = framePackets(frame++, PACKETS_PER_FRAME, sequenceNumber, wantsKeyFrame ? KEY : 0);
      wantsKeyFrame = false;
      for (const bytes of packets) {
        history.put(sequenceNumber, bytes, 0, bytes.length, at);
        sequenceNumber = (sequenceNumber + 1) & 0xffff;
        forward.send(bytes, at);
      }
      nextFrameAt += FRAME_MS;
    },
  };
  const clock = {
    get nextTimeout() {
      return Math.min(
        camera.nextTimeout,
        forward.nextTimeout,
        backward.nextTimeout,
        generator.nextTimeout,
        buffer.nextTimeout,
      );
    },
    handleTimeout(at: number) {
      now = at;
      for (const part of [camera, forward, backward, generator, buffer])
        if (part.nextTimeout <= at) part.handleTimeout(at);
    },
  };
  run([clock], 0, seconds * 1000 + 3000);
  expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b));
  return {
    sent: frame,
    delivered: delivered.length,
    keyFrameRequests,
    resent: responder.stats.resent,
    lostPackets: forward.lost,
    longestFreezeMs: Math.round(longestFreezeMs),
  };
}

const seeds = Array.from({ length: Number(process.env['RTP_SEEDS'] ?? 5) }, (_, i) => i + 1);
const sum = (results: readonly Result[], key: keyof Result) =>
  results.reduce((total, result) => total + result[key], 0);

describe('NACK and RTX', () => {
  test('without loss all frames arrive, and nothing is asked for', () => {
    const result = simulate(1, { delayMs: 30 }, { nack: true });
    expect(result).toEqual({
      sent: 600,
      delivered: 600,
      keyFrameRequests: 0,
      resent: 0,
      lostPackets: 0,
      longestFreezeMs: 33,
    });
  });

  test('reordering by less than its tolerance teaches it to wait, and costs few repetitions', () => {
    const result = simulate(1, { delayMs: 30, jitterMs: 25 }, { nack: true });
    expect(result).toMatchObject({ sent: 600, delivered: 600 });
    expect(result.resent).toBeLessThan(40); // of 3600
  });

  for (const seed of seeds) {
    test(`5 % loss and reordering: few losses end in a key frame, no freeze of half a second (seed ${seed})`, () => {
      const result = simulate(seed, { delayMs: 25, jitterMs: 10, loss: 0.05, duplication: 0.01 }, { nack: true });
      expect(result.lostPackets).toBeGreaterThan(100);
      expect(result.keyFrameRequests).toBeLessThan(5);
      expect(result.longestFreezeMs).toBeLessThan(500);
    });

    test(`20 % loss both ways, 80 ms round trip: no freeze of a second (seed ${seed})`, () => {
      const result = simulate(seed, { delayMs: 40, loss: 0.2 }, { nack: true });
      expect(result.longestFreezeMs).toBeLessThan(1000);
    });

    test(`retransmission on the stream itself, without RTX, recovers as much (seed ${seed})`, () => {
      const result = simulate(seed, { delayMs: 25, loss: 0.05 }, { nack: true, rtx: false });
      expect(result.keyFrameRequests).toBeLessThan(5);
      expect(result.longestFreezeMs).toBeLessThan(500);
    });
  }

  const share = (path: PathOptions) => {
    const results = Array.from({ length: 30 }, (_, i) => simulate(100 + i, path, { nack: true }));
    return sum(results, 'delivered') / sum(results, 'sent');
  };

  test('5 % loss and reordering: under 0.1 % of frames broken', () => {
    expect(share({ delayMs: 25, jitterMs: 10, loss: 0.05, duplication: 0.01 })).toBeGreaterThan(0.999);
  });

  test('20 % loss both ways: under 10 % of frames broken', () => {
    expect(share({ delayMs: 40, loss: 0.2 })).toBeGreaterThan(0.9);
  });

  test('the same losses without repair: most frames wait for key frames', () => {
    const path = { delayMs: 25, jitterMs: 10, loss: 0.05 };
    const without = seeds.map((seed) => simulate(seed, path, { nack: false }));
    const broken = 1 - sum(without, 'delivered') / sum(without, 'sent');
    expect(broken).toBeGreaterThan(0.5);
    expect(sum(without, 'keyFrameRequests')).toBeGreaterThan(10);
  });

  test('bursts of 10 packets, 5 % of all: 99 % of frames', () => {
    const results = seeds.map((seed) => simulate(seed, { delayMs: 30, loss: 0.05, burst: 10 }, { nack: true }));
    expect(sum(results, 'delivered') / sum(results, 'sent')).toBeGreaterThan(0.99);
  });

  test('each packet lost is sent again little more than once', () => {
    const results = seeds.map((seed) => simulate(seed, { delayMs: 30, loss: 0.05 }, { nack: true }));
    expect(sum(results, 'resent') / sum(results, 'lostPackets')).toBeLessThan(1.2);
  });
});
