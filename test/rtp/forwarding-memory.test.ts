import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { RtpTransport } from '../../src/rtp/index.ts';
import { SeededRandom } from './support/random.ts';
import { addReceiver, addSender, connect, makeTransport, VP8 } from './support/transports.ts';

const MINUTE_MS = 60_000;
const STEP_MS = 5;
const FRAME_INTERVAL_MS = 100 / 3;
const FRAME_BYTES = 5_000; // 5 packets: 150 a second
const LOSS = 0.01;
/** An object of fifty bytes for each packet would be more: 63,000 of them. The compiler's own needs come and go. */
const HEAP_TOLERANCE_BYTES = 2_500_000;
/** The packets themselves would be more. Buffers are freed in the background: half of this comes and goes. */
const BUFFER_TOLERANCE_BYTES = 45_000_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memory(): { heapUsed: number; arrayBuffers: number } {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage();
}

it('keeps no more of what it forwards after ten minutes than after three, whatever viewers report', () => {
  const random = new SeededRandom(1);
  const ingressSource = { ssrc: 1, rtxSsrc: 2 };
  const viewerSource = { ssrc: 3, rtxSsrc: 4 };
  let now = 0;
  let arrived = 0;
  const isLost = (): boolean => random.real() < LOSS;
  const join = (to: () => RtpTransport) => ({
    sendRtp: (packet: Uint8Array) => {
      if (!isLost()) to().handleRtp(packet.slice(), now);
    },
    sendRtcp: (packet: Uint8Array) => to().handleRtcp(packet.slice(), now),
  });
  const rates = { startBitrate: 5_000_000, maxBitrate: 5_000_000 };

  const publisher: RtpTransport = makeTransport(
    random,
    join(() => ingress),
    rates,
  );
  const ingress: RtpTransport = makeTransport(
    random,
    join(() => publisher),
  );
  const egress: RtpTransport = makeTransport(
    random,
    join(() => viewer),
    rates,
  );
  const viewer: RtpTransport = makeTransport(
    random,
    join(() => egress),
  );
  // Nothing is ever heard of this one: no report, no feedback.
  const silent = makeTransport(random, { sendRtp: () => {}, sendRtcp: () => {} }, rates);

  const source = addSender(publisher, ingressSource);
  const senders = [addSender(egress, viewerSource), addSender(silent, viewerSource)];
  addReceiver(ingress, ingressSource, {
    packet: (packet) => {
      for (const sender of senders) sender.forward(packet, VP8, {}, now);
    },
  });
  addReceiver(viewer, viewerSource, { packet: () => arrived++ }).assembleFrames(true, now);
  const transports = [publisher, ingress, egress, viewer, silent];
  connect(transports, now);

  const data = new Uint8Array(FRAME_BYTES);
  let nextFrameAt = 0;
  const runUntil = (until: number): void => {
    for (; now < until; now += STEP_MS) {
      for (; nextFrameAt <= now; nextFrameAt += FRAME_INTERVAL_MS) {
        source.sendFrame({ data, isKeyFrame: nextFrameAt === 0, timestampUs: nextFrameAt * 1000 }, VP8, now);
      }
      for (const transport of transports) if (transport.nextTimeout <= now) transport.handleTimeout(now);
    }
  };

  runUntil(3 * MINUTE_MS);
  const before = { ...memory(), arrived };
  runUntil(10 * MINUTE_MS);
  const { heapUsed, arrayBuffers } = memory();
  runUntil(10 * MINUTE_MS + 1000); // all of them are still in use: what they keep was counted
  expect(arrived - before.arrived).toBeGreaterThan(62_900); // of 63,000
  expect(heapUsed - before.heapUsed).toBeLessThan(HEAP_TOLERANCE_BYTES);
  expect(arrayBuffers - before.arrayBuffers).toBeLessThan(BUFFER_TOLERANCE_BYTES);
}, 60_000);
