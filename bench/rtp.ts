/**
 * RTP alone: frames of video cut into packets, sent, received and put together again, in one thread, without SRTP and
 * sockets; and packets forwarded from one transport to another. With transport-wide feedback and RTX, as with a browser.
 *
 *   node bench/rtp.ts        (Node 22.18 or later, Deno and Bun run the source as it is)
 */

import type { RtpPacket, RtpTransport } from '../src/rtp/index.ts';
import { SeededRandom } from '../test/rtp/support/random.ts';
import { addReceiver, addSender, connect, makeTransport, VP8 } from '../test/rtp/support/transports.ts';

const RUN_MS = 1500;
const FRAME_INTERVAL_MS = 33;
const FRAMES = [
  { name: '4 kB, 1 Mbit/s at 30 frames a second', bytes: 4_166 },
  { name: '17 kB, 4 Mbit/s', bytes: 16_666 },
];
const SOURCE = { ssrc: 1, rtxSsrc: 2 };
/** Far above what is sent: it is the code that is measured, not the pacing. */
const RATES = { startBitrate: 50_000_000, maxBitrate: 50_000_000 };

const random = new SeededRandom(1);

/** Virtual ms go by as frames are sent; what counts is how many frames a real second takes. */
function measure(bytes: number, receives: boolean, assembles: boolean): { frames: number; packets: number } {
  let now = 0;
  let packets = 0;
  let inbox: Uint8Array[] = [];
  const sender: RtpTransport = makeTransport(
    random,
    {
      sendRtp: (packet) => {
        packets++;
        if (receives) inbox.push(packet);
      },
      sendRtcp: (packet) => receiver.handleRtcp(packet, now),
    },
    RATES,
  );
  const receiver: RtpTransport = makeTransport(random, {
    sendRtp: () => {},
    sendRtcp: (packet) => sender.handleRtcp(packet, now),
  });
  const source = addSender(sender, SOURCE);
  let assembled = 0;
  addReceiver(receiver, SOURCE, { frame: () => assembled++ }).assembleFrames(assembles, now);
  connect([sender, receiver], now);

  const data = new Uint8Array(bytes);
  let sent = 0;
  const runFor = (ms: number): number => {
    const from = sent;
    for (const stop = performance.now() + ms; performance.now() < stop; ) {
      source.sendFrame({ data, isKeyFrame: sent === 0, timestampUs: now * 1000 }, VP8, now);
      sent++;
      for (const end = now + FRAME_INTERVAL_MS; now < end; now++) {
        for (const transport of [sender, receiver]) if (transport.nextTimeout <= now) transport.handleTimeout(now);
        const arrived = inbox;
        inbox = [];
        for (const packet of arrived) receiver.handleRtp(packet, now);
      }
    }
    return sent - from;
  };
  runFor(RUN_MS / 3); // compiled by then, and probing is over
  packets = 0;
  const start = performance.now();
  const frames = runFor(RUN_MS);
  const seconds = (performance.now() - start) / 1000;
  if (receives && assembles && assembled < 0.99 * sent) throw new Error(`${assembled} of ${sent} frames came`);
  return { frames: frames / seconds, packets: packets / seconds };
}

/** One publisher's packets to so many viewers, of whom nothing is heard. */
function measureForwarding(viewers: number): number {
  let now = 0;
  let forwarded = 0;
  const egress = Array.from({ length: viewers }, () =>
    makeTransport(random, { sendRtp: () => forwarded++, sendRtcp: () => {} }, RATES),
  );
  const senders = egress.map((transport) => addSender(transport, SOURCE));
  const ingress: RtpTransport = makeTransport(random, { sendRtp: () => {}, sendRtcp: () => {} });
  addReceiver(ingress, SOURCE, {
    packet: (packet: RtpPacket) => {
      for (const sender of senders) sender.forward(packet, VP8, {}, now);
    },
  });
  const publisher = makeTransport(
    random,
    { sendRtp: (packet) => ingress.handleRtp(packet, now), sendRtcp: () => {} },
    RATES,
  );
  const source = addSender(publisher, SOURCE);
  const transports = [publisher, ingress, ...egress];
  connect(transports, now);
  const data = new Uint8Array(FRAMES[1]!.bytes);
  const runFor = (ms: number): void => {
    for (const stop = performance.now() + ms; performance.now() < stop; ) {
      source.sendFrame({ data, isKeyFrame: now === 0, timestampUs: now * 1000 }, VP8, now);
      for (const end = now + FRAME_INTERVAL_MS; now < end; now += 5) {
        for (const transport of transports) if (transport.nextTimeout <= now) transport.handleTimeout(now);
      }
    }
  };
  runFor(RUN_MS / 3);
  forwarded = 0;
  const start = performance.now();
  runFor(RUN_MS);
  return forwarded / ((performance.now() - start) / 1000);
}

function row(title: string, ...figures: readonly string[]): void {
  console.log(title.padEnd(44) + figures.map((figure) => figure.padStart(14)).join(''));
}

const whole = (figure: number): string => Math.round(figure).toLocaleString('en');

row('per second, one thread', 'frames', 'packets');
for (const { name, bytes } of FRAMES) {
  const cases = [
    ['sent', measure(bytes, false, false)],
    ['sent, received as packets', measure(bytes, true, false)],
    ['sent, received as frames', measure(bytes, true, true)],
  ] as const;
  for (const [title, { frames, packets }] of cases)
    row(`${title} (${name.split(',')[0]})`, whole(frames), whole(packets));
}
row('forwarded to 20 viewers', '', whole(measureForwarding(20)));
