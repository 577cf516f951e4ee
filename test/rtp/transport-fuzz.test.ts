/** What an authenticated peer may send: real traffic of a call, damaged in every way, into a transport that goes on. */
import { expect, test } from 'vitest';
import { SeededRandom } from './support/random.ts';
import {
  codec,
  OPUS,
  OPUS_NAME,
  picture,
  RTX,
  type Sent,
  TransportEnd,
  VP8,
  VP8_NAME,
  Wire,
} from './support/transport-pair.ts';

const RED_VIDEO = codec('red', 116, { role: 'red', clockRate: 90_000 });
const ULPFEC = codec('ulpfec', 117, { role: 'ulpfec' });
const FLEXFEC = codec('flexfec-03', 118, { role: 'flexfec' });
const RED_AUDIO = codec('red', 63, { role: 'red', redPayloadTypes: [111, 111] });
const EVENTS = codec('telephone-event', 101, { role: 'telephoneEvent' });
const VIDEO = [VP8, RTX, RED_VIDEO, ULPFEC, FLEXFEC];
const AUDIO = [RED_AUDIO, OPUS, EVENTS];
const FEEDBACK = ['transport-cc', 'ccfb', 'remb', null] as const;

function makeEnd(seed: number, feedback: (typeof FEEDBACK)[number]): TransportEnd {
  const end = new TransportEnd(seed);
  end.receiver('video', VIDEO);
  end.receiver('audio', AUDIO);
  end.configure({ feedback });
  end.transport.connect(0);
  return end;
}

/** A second of a call that loses packets, as one side gets it. */
function traffic(feedback: (typeof FEEDBACK)[number]): Sent[] {
  const ends = [makeEnd(1, feedback), makeEnd(2, feedback)] as const;
  const senders = ends.map((end) => ({ video: end.sender('video', VIDEO), audio: end.sender('audio', AUDIO) }));
  for (const end of ends) end.configure({ feedback });
  const random = new SeededRandom(3);
  const seen: Sent[] = [];
  const wire = new Wire(ends);
  wire.delayMs = 5;
  wire.drops = (sent, to) => {
    if (to === 1) seen.push(sent);
    return random.real() < 0.1;
  };
  for (let i = 0; i < 50; i++) {
    const now = 20 * i;
    for (const [index, { video, audio }] of senders.entries()) {
      if (index === 0) video.fecProtection = i > 25 ? 0.5 : 0;
      audio.sendFrame(
        { data: new Uint8Array(60).fill(0xf8), isKeyFrame: true, timestampUs: now * 1000 },
        OPUS_NAME,
        now,
      );
      video.sendFrame(
        { data: picture(i, i % 10 === 0), isKeyFrame: i % 10 === 0, timestampUs: now * 1000 },
        VP8_NAME,
        now,
      );
      if (i === 20) audio.playTone('5', 80, now);
    }
    wire.run(now + 20);
  }
  ends[0].transport.close(1000);
  seen.push(...ends[0].sent());
  expect(seen.filter(({ isRtcp }) => isRtcp).length).toBeGreaterThan(feedback === null ? 3 : 8);
  expect(seen.filter(({ isRtcp }) => !isRtcp).length).toBeGreaterThan(75);
  return seen;
}

function damage({ isRtcp, bytes }: Sent, random: SeededRandom): Sent {
  const copy = bytes.slice();
  const kind = random.uint32() % 5;
  if (kind === 0) return { isRtcp, bytes: copy.subarray(0, random.uint32() % (copy.length + 1)) };
  if (kind === 1) return { isRtcp: !isRtcp, bytes: copy };
  const flips = kind === 2 ? 1 : 1 + (random.uint32() % 8);
  // Headers are where it hurts: half of the flips go there.
  for (let i = 0; i < flips; i++) {
    const reach = random.real() < 0.5 ? Math.min(32, copy.length) : copy.length;
    copy[random.uint32() % reach]! ^= 1 << (random.uint32() % 8);
  }
  return { isRtcp, bytes: copy };
}

test.each(FEEDBACK)(
  'damaged traffic after SRTP: no exception, no hang, no growth (%s)',
  (feedback) => {
    const seen = traffic(feedback);
    const random = new SeededRandom(4);
    const end = makeEnd(5, feedback);
    end.sender('video', VIDEO);
    end.configure({ feedback });
    const { transport } = end;
    let now = 0;
    for (let round = 0; round < 40; round++) {
      for (const one of seen) {
        now += 0.5;
        end.take([random.real() < 0.3 ? one : damage(one, random)], now);
        for (let turns = 0; transport.nextTimeout <= now; turns++) {
          if (turns > 50) throw new Error(`a timer stays in the past at ${now} ms`);
          transport.handleTimeout(now);
        }
      }
      end.sent();
      end.frames.length = 0;
      end.packets.length = 0;
    }
    const streams = [...transport.demultiplexer.streams].length;
    expect(streams).toBeLessThanOrEqual(256);
    expect(transport.pacer.queuedPackets).toBeLessThan(100);
    transport.close(now);
    expect(transport.nextTimeout).toBe(Infinity);
  },
  30_000,
);

test('every prefix of every packet, and every flipped byte of a few', () => {
  const seen = traffic('transport-cc');
  const end = makeEnd(6, 'transport-cc');
  for (const { isRtcp, bytes } of [...seen.slice(0, 40), ...seen.filter((sent) => sent.isRtcp).slice(0, 40)]) {
    for (let length = 0; length < bytes.length; length++) end.take([{ isRtcp, bytes: bytes.subarray(0, length) }], 1);
    for (let at = 0; at < Math.min(bytes.length, 60); at++) {
      const copy = bytes.slice();
      copy[at]! ^= 0xff;
      end.take([{ isRtcp, bytes: copy }], 1);
    }
  }
  end.transport.handleTimeout(1);
  expect(end.transport.stats.malformed + end.transport.stats.malformedRtp).toBeGreaterThan(100);
});
