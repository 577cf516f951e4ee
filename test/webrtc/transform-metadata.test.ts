/** What transforms are told of a frame, at both ends of a connection (WebRTC Encoded Transform §5). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  RTCEncodedAudioFrame,
  RTCEncodedFrameMetadata,
  RTCEncodedVideoFrame,
  RTCRtpReceiver,
  RTCRtpSender,
} from '../../src/index.ts';
import { EncodedTrackSource, vp8TestPicture } from '../../src/media/index.ts';
import { exchange, Pair, settled } from './support.ts';

type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;
type Told = RTCEncodedFrameMetadata & Record<string, unknown>;

/** What a transform is told of each frame, and whether it gives it on. */
function tell(told: Told[], mayPass: (count: number) => boolean = () => true): TransformStream<Frame, Frame> {
  return new TransformStream({
    transform(frame, controller) {
      told.push({ ...frame.getMetadata(), timestampAttribute: frame.timestamp });
      if (mayPass(told.length)) controller.enqueue(frame);
    },
  });
}

const picture = vp8TestPicture({ width: 64, height: 48, colorAt: () => [81, 90, 240] });

describe.each(['video', 'audio'] as const)('of %s', (kind) => {
  let pair: Pair;
  let source: EncodedTrackSource;
  let sender: RTCRtpSender;
  let receiver: RTCRtpReceiver;

  beforeEach(async () => {
    pair = new Pair().trickle();
    source = makeSource();
    sender = pair.a.addTransceiver(source.track, { direction: 'sendonly' }).sender;
    await pair.during(exchange(pair.a, pair.b));
    receiver = pair.b.getReceivers()[0]!;
    await pair.until(() => pair.a.connectionState === 'connected' && pair.b.connectionState === 'connected');
  });
  afterEach(() => pair.close());

  const makeSource = (): EncodedTrackSource => {
    const settings = { width: 64, height: 48 };
    return kind === 'video'
      ? new EncodedTrackSource({ kind, codec: 'video/VP8', settings })
      : new EncodedTrackSource({ kind, codec: 'audio/opus' });
  };

  /** One frame every 20 ms. */
  async function write(from: number, to: number, into: EncodedTrackSource = source): Promise<void> {
    for (let i = from; i < to; i++) {
      const data = kind === 'video' ? picture : Uint8Array.of(0xf8, 0xff, 0xfe);
      into.write({ type: 'key', timestamp: i * 20_000, data });
      await settled();
      pair.network.run(20);
    }
    await settled();
  }

  test('the receiver is told what the sender was told, of the same frame', async () => {
    const sent: Told[] = [];
    const received: Told[] = [];
    sender.transform = tell(sent);
    receiver.transform = tell(received);
    await write(0, 10);
    await pair.until(() => received.length >= 5, 'frames arrive');
    const first = received[0]!;
    const same = sent[0]!;
    expect(sent.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(sent.map((one) => one.timestampAttribute));
    for (const member of ['rtpTimestamp', 'synchronizationSource', 'payloadType', 'mimeType', 'contributingSources']) {
      expect(first[member], member).toEqual(same[member]);
      expect(first[member], member).toBeDefined();
    }
    const step = kind === 'video' ? 1800 : 960;
    expect((sent[1]!.rtpTimestamp! - sent[0]!.rtpTimestamp!) >>> 0).toBe(step);
    expect(first.receiveTime).toBeTypeOf('number');
    if (kind === 'audio') {
      expect([first.sequenceNumber, same.sequenceNumber]).toEqual([expect.any(Number), undefined]);
      expect(((received[1]!.sequenceNumber as number) - (first.sequenceNumber as number)) & 0xffff).toBe(1);
      return;
    }
    for (const one of [first, same]) {
      expect(one).toMatchObject({ width: 64, height: 48, spatialIndex: 0, temporalIndex: 0 });
    }
    expect(sent.map(({ frameId }) => frameId)).toEqual(sent.map((_one, i) => i));
  });

  test('of frames that are dropped, the timestamps are not given to others', async () => {
    const sent: Told[] = [];
    const received: Told[] = [];
    sender.transform = tell(sent, (count) => count === 5);
    receiver.transform = tell(received);
    await write(0, 10);
    await pair.until(() => received.length > 0, 'the frame arrives');
    expect(received.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual([sent[4]!.rtpTimestamp]);
  });

  test('a frame that was read keeps its timestamp, though another track was set meanwhile', async () => {
    const sent: Told[] = [];
    const received: Told[] = [];
    receiver.transform = tell(received);
    const held: (() => void)[] = [];
    sender.transform = new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        sent.push(frame.getMetadata() as Told);
        return new Promise((done) => {
          held.push(() => {
            controller.enqueue(frame);
            done();
          });
        });
      },
    });
    const release = async (): Promise<void> => {
      held.shift()?.();
      await settled();
    };
    await write(0, 1);
    const other = makeSource();
    await pair.during(sender.replaceTrack(other.track));
    await release();
    for (let i = 0; i < 5; i++) {
      await write(90_000 + i, 90_001 + i, other); // its clock shows half an hour
      await release();
    }
    await pair.until(() => received.length === 6, 'all arrive');
    expect(received.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(sent.map(({ rtpTimestamp }) => rtpTimestamp));
    const span = (received[5]!.rtpTimestamp! - received[0]!.rtpTimestamp!) >>> 0;
    expect(span).toBeLessThan(kind === 'video' ? 90_000 : 48_000);
  });
});
