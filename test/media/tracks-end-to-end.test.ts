/** What the door's parts do together, over two connections of the network in memory, in virtual time. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/binary/bytes.ts';
import type { MediaStreamTrack } from '../../src/index.ts';
import {
  type EncodedMediaFrame,
  EncodedTrackSource,
  encodedFrames,
  LayerSelector,
  MediaFileWriter,
  MediaPlayer,
  playFile,
  RtpTrackSource,
  readMediaFile,
  recordTracks,
  rtpPackets,
  type TrackFrame,
  type TrackPacket,
  testMedia,
  toneFrames,
  vp8TestPicture,
} from '../../src/media/index.ts';
import { DEPENDENCY_DESCRIPTOR_URI } from '../../src/rtp/extensions/dependency-descriptor.ts';
import { DependencyReceiver } from '../../src/rtp/extensions/dependency-streams.ts';
import { encodeRtpPacket } from '../../src/rtp/packet.ts';
import { joinNalUnits, splitNalUnits } from '../../src/rtp/payload/annex-b.ts';
import { readFixture, readPackets } from '../rtp/payload/nal-support.ts';
import { exchange, Pair, settled } from '../webrtc/support.ts';

let pair: Pair;
afterEach(() => pair?.close());

/** A picture with the number `index` in its colours, so that pictures can be told apart. */
function picture(index: number): Uint8Array {
  return vp8TestPicture({
    width: 64,
    height: 48,
    colorAt: (column, row) => [16 + index, 40 + 8 * column, 60 + 8 * row],
  });
}

/** A WebM file of pictures and silence of Opus. */
async function makeFile(pictures: number): Promise<Uint8Array> {
  const writer = new MediaFileWriter({ format: 'mkv' });
  const video = writer.addTrack({ mimeType: 'video/VP8', clockRate: 90_000 });
  const codec = { mimeType: 'audio/PCMU', clockRate: 8000, channels: 1 };
  const audio = writer.addTrack(codec);
  for (let i = 0; i < pictures; i++) {
    video.write({ type: 'key', timestamp: i * 40_000, duration: 40_000, data: picture(i) });
  }
  for (const frame of toneFrames(codec, { durationMs: pictures * 40 })) audio.write(frame);
  return (await writer.finalize())!;
}

async function framesOf(bytes: Uint8Array, kind: string): Promise<EncodedMediaFrame[]> {
  const file = await readMediaFile(bytes);
  const frames: EncodedMediaFrame[] = [];
  for await (const frame of file.tracks.find((track) => track.kind === kind)!.frames()) frames.push(frame);
  return frames;
}

function tracksAt(connection: Pair['b']): MediaStreamTrack[] {
  const tracks: MediaStreamTrack[] = [];
  connection.addEventListener('track', ({ track }) => tracks.push(track));
  return tracks;
}

/** Everything that comes of a track. */
function collect(track: MediaStreamTrack): TrackFrame[] {
  const frames: TrackFrame[] = [];
  void (async () => {
    const reader = encodedFrames(track).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      frames.push(value);
    }
  })();
  return frames;
}

test('a file is played into a connection and recorded at the other end: the same frames, side by side as before', async () => {
  pair = new Pair({ link: { delayMs: 15, jitterMs: 4 } }).trickle();
  const [hostA, hostB] = pair.hosts;
  const original = await makeFile(60);
  const player = await playFile(original, { clock: hostA! });
  const received = tracksAt(pair.b);
  for (const track of player.tracks) pair.a.addTrack(track, player.stream);
  await pair.during(exchange(pair.a, pair.b));
  const recorder = recordTracks(received, undefined, { clock: hostB!, format: 'mkv' });
  await pair.until(() => player.state === 'ended');
  await pair.network.runAsync(500);
  const recorded = (await recorder.stop())!;
  expect(player.error).toBeNull();
  for (const kind of ['video', 'audio']) {
    const [sent, came] = [await framesOf(original, kind), await framesOf(recorded, kind)];
    expect(came.length).toBe(sent.length);
    expect(came.map(({ data }) => data)).toEqual(sent.map(({ data }) => data));
    for (const [i, { timestamp }] of came.entries())
      expect(Math.abs(timestamp - sent[i]!.timestamp), kind).toBeLessThan(3_000);
  }
});

test('sound and pictures that come by different ways find together by the sender reports', async () => {
  pair = new Pair().trickle();
  const [hostA, hostB] = pair.hosts;
  const player = new MediaPlayer(
    [testMedia('video', { durationMs: 6_000 }), testMedia('audio', { durationMs: 6_000 })],
    {
      clock: hostA!,
    },
  );
  const received = tracksAt(pair.b);
  for (const track of player.tracks) pair.a.addTrack(track, player.stream);
  await pair.during(exchange(pair.a, pair.b));
  // Pictures are held back where they are received, as a transform or a jitter buffer may do.
  const video = pair.b.getReceivers().find(({ track }) => track.kind === 'video')!;
  video.jitterBufferTarget = 400;
  const recorder = recordTracks(received, undefined, { clock: hostB!, format: 'mkv' });
  await pair.until(() => player.state === 'ended');
  await pair.network.runAsync(1000);
  const file = (await recorder.stop())!;
  const [pictures, sound] = [await framesOf(file, 'video'), await framesOf(file, 'audio')];
  expect(pictures.length).toBe(150);
  // Both are as long as they were: without reports, sound of the first 400 ms would be missing.
  expect(Math.abs(pictures[0]!.timestamp - sound[0]!.timestamp)).toBeLessThan(5_000);
  expect(sound.length).toBeGreaterThan(297);
});

test('a track that goes on with another codec ends the recording, whose file is good', async () => {
  const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
  pair = new Pair();
  const clock = pair.hosts[0]!;
  const recorder = recordTracks([source.track], undefined, { clock });
  for (let i = 0; i < 3; i++) source.write({ type: 'key', timestamp: i * 40_000, data: picture(i) });
  expect(recorder.state).toBe('recording');
  Object.assign(source, { codec: { mimeType: 'video/VP9', clockRate: 90_000 } });
  source.write({ type: 'key', timestamp: 120_000, data: Uint8Array.of(0x82) });
  expect([recorder.state, recorder.reason]).toEqual(['stopped', 'codecchange']);
  expect((await framesOf((await recorder.finished)!, 'video')).length).toBe(3);
});

test('nothing came: nothing is recorded', async () => {
  const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
  const recorder = recordTracks([source.track]);
  source.write({ type: 'delta', timestamp: 0, data: Uint8Array.of(1) });
  expect(await recorder.stop()).toBeNull();
  expect(recorder.reason).toBe('stopped');
});

test('a codec that the format does not hold is told', async () => {
  const source = new EncodedTrackSource({ kind: 'audio', codec: 'audio/PCMU' });
  const recorder = recordTracks([source.track], undefined, { format: 'webm' });
  source.write({ type: 'key', timestamp: 0, data: new Uint8Array(160) });
  expect(recorder.reason).toBe('failed');
  await expect(recorder.finished).rejects.toThrow('webm does not hold audio/PCMU');
});

describe('a player', () => {
  const options = { width: 32, height: 32, frameRate: 10, durationMs: 1000 };

  test('waits for somebody, keeps time, and ends', async () => {
    pair = new Pair();
    const clock = pair.hosts[0]!;
    const player = new MediaPlayer([testMedia('video', options), testMedia('audio', options)], { clock });
    let ended = 0;
    player.onended = () => ended++;
    await pair.network.runAsync(500);
    expect(player.state).toBe('paused');
    const began = clock.now();
    const frames = collect(player.video!);
    const arrivals: number[] = [];
    await pair.until(() => {
      while (arrivals.length < frames.length) arrivals.push(clock.now() - began);
      return ended > 0;
    });
    expect(arrivals.length).toBe(10);
    for (const [i, at] of arrivals.entries()) expect(Math.abs(at - 100 * i)).toBeLessThan(2);
    expect(Math.abs(clock.now() - began - 1000)).toBeLessThan(2);
    expect(player.tracks.map(({ readyState }) => readyState)).toEqual(['ended', 'ended']);
  });

  test('pauses: the time goes on, the content does not', async () => {
    pair = new Pair();
    const clock = pair.hosts[0]!;
    const player = new MediaPlayer([testMedia('video', options)], { clock, autoplay: false });
    const frames = collect(player.video!);
    player.play();
    await pair.until(() => frames.length === 3);
    player.pause();
    await pair.network.runAsync(1050);
    expect(frames.length).toBe(3);
    player.play();
    await pair.until(() => frames.length === 10);
    const steps = frames.slice(1).map(({ timestamp }, i) => Math.round((timestamp - frames[i]!.timestamp) / 1000));
    expect(steps[2]).toBeGreaterThan(1000);
    expect([...steps.slice(0, 2), ...steps.slice(3)].every((step) => step === 100)).toBe(true);
    await player.stop();
  });

  test('in a loop begins again without a break', async () => {
    pair = new Pair();
    const clock = pair.hosts[0]!;
    const player = new MediaPlayer([testMedia('video', options)], { clock, loop: true });
    const frames = collect(player.video!);
    await pair.until(() => frames.length === 25);
    for (const [i, { timestamp }] of frames.entries()) expect(Math.abs(timestamp - 100_000 * i)).toBeLessThan(2000);
    expect(frames[10]!.data).toEqual(frames[0]!.data);
    await player.stop();
  });

  test('ends when nobody has a track of it any more, and lets go of its timer', async () => {
    pair = new Pair();
    const player = new MediaPlayer([testMedia('video', options)], { clock: pair.hosts[0]!, loop: true });
    collect(player.video!);
    await pair.network.runAsync(200);
    player.video!.stop();
    await pair.network.runAsync(1);
    expect(player.state).toBe('ended');
  });

  test('tells what was wrong with the file', async () => {
    pair = new Pair();
    const broken = {
      ...testMedia('video', options),
      frames: function* (): Generator<EncodedMediaFrame> {
        yield { type: 'key', timestamp: 0, data: picture(0) };
        throw new Error('the disk is gone');
      },
    };
    const player = new MediaPlayer([broken], { clock: pair.hosts[0]! });
    const frames = collect(player.video!);
    await pair.until(() => player.state === 'ended');
    await pair.until(() => frames.length === 1);
    expect(player.error).toEqual(new Error('the disk is gone'));
  });
});

describe('RTP from elsewhere', () => {
  const header = { payloadType: 96, marker: true, ssrc: 0xcafe };
  /** A VP8 frame in one packet: S, partition 0. */
  const packetOf = (i: number): Uint8Array =>
    encodeRtpPacket({
      ...header,
      sequenceNumber: (0xfffe + i) & 0xffff,
      timestamp: 3600 * i,
      payload: Uint8Array.of(0x10, ...picture(i)),
    });

  test('is frames for those who want frames, in order and without what is lost', async () => {
    pair = new Pair();
    const source = new RtpTrackSource({ kind: 'video', codec: 'video/VP8', clock: pair.hosts[0]! });
    const requests: string[] = [];
    source.onkeyframerequest = () => requests.push('key frame');
    const frames = collect(source.track);
    expect(requests.length).toBeGreaterThan(0);
    for (const i of [0, 2, 1, 3, 5]) source.write(packetOf(i));
    source.write(Uint8Array.of(1, 2, 3));
    await pair.network.runAsync(2000);
    expect(
      frames.map(({ timestamp }) => Math.round(timestamp / 1000) - Math.round(frames[0]!.timestamp / 1000)),
    ).toEqual([0, 40, 80, 120, 200]);
    expect(frames[2]!.data).toEqual(picture(2));
    expect(source.stats).toEqual({ packets: 5, dropped: 1 });
  });

  test('H.264 from FFmpeg is the frames that it was made of', async () => {
    pair = new Pair();
    const source = new RtpTrackSource({ kind: 'video', codec: 'video/H264', clock: pair.hosts[0]! });
    const frames = collect(source.track);
    for (const { marker, sequenceNumber, timestamp, payload } of readPackets('clip.h264.rtp')) {
      source.write(encodeRtpPacket({ payloadType: 96, ssrc: 1, marker, sequenceNumber, timestamp, payload }));
    }
    await pair.until(() => frames.length === 15);
    expect(concatBytes(...frames.map(({ data }) => data))).toEqual(
      joinNalUnits(splitNalUnits(readFixture('clip.h264'))),
    );
  });

  test('of a source with layers: a selector leaves out those that are not wanted, and says so in the descriptors', async () => {
    pair = new Pair();
    const clock = pair.hosts[0]!;
    const path = new URL('../../fixtures/rtp/chromium-av1-l2t2.json', import.meta.url);
    const recording = JSON.parse(readFileSync(path, 'utf8'));
    const id = recording.dependencyDescriptorId as number;
    const headerExtensions = [{ id, uri: DEPENDENCY_DESCRIPTOR_URI }];
    const source = new RtpTrackSource({ kind: 'video', codec: 'video/AV1', clock, headerExtensions });
    const selector = new LayerSelector(source.track, { clock, selection: { spatialLayer: 0, temporalLayer: 0 } });
    const packets: TrackPacket[] = [];
    void (async () => {
      for await (const packet of rtpPackets(selector.track)) packets.push(packet);
    })();
    for (const packet of recording.packets) source.write(new Uint8Array(Buffer.from(packet, 'base64')));
    source.end();
    await pair.until(() => selector.track.readyState === 'ended' && packets.length > 0);
    await settled();
    const frames: { spatialIndex: number; temporalIndex: number }[] = recording.frames;
    const wanted = frames.filter(({ spatialIndex, temporalIndex }) => spatialIndex === 0 && temporalIndex === 0);
    const receiver = new DependencyReceiver();
    const descriptors = packets.map(({ packet }) => receiver.read(packet.extension(id)!)!);
    expect(descriptors.filter(({ startsFrame }) => startsFrame).length).toBe(wanted.length);
    expect(
      descriptors.every(({ dependencies: { spatialLayer, temporalLayer } }) => spatialLayer + temporalLayer === 0),
    ).toBe(true);
    expect(
      packets
        .slice(1)
        .every(({ packet }, i) => packet.sequenceNumber === ((packets[i]!.packet.sequenceNumber + 1) & 0xffff)),
    ).toBe(true);
  });

  test('goes into a connection as packets, and comes out as the same frames', async () => {
    pair = new Pair().trickle();
    const source = new RtpTrackSource({ kind: 'video', codec: 'video/VP8', clock: pair.hosts[0]! });
    let bitrate = 0;
    source.onbitrate = ({ bitsPerSecond }) => {
      bitrate = bitsPerSecond;
    };
    const received = tracksAt(pair.b);
    pair.a.addTrack(source.track);
    await pair.during(exchange(pair.a, pair.b));
    const frames = collect(received[0]!);
    await pair.until(() => source.isUsed);
    for (let i = 0; i < 30; i++) {
      source.write(packetOf(i));
      await pair.network.runAsync(40);
    }
    await pair.until(() => frames.length === 30);
    expect(frames.map(({ data }) => data)).toEqual(Array.from({ length: 30 }, (_, i) => picture(i)));
    expect(bitrate).toBeGreaterThan(0);
  });
});

describe('simulcast', () => {
  const rids = ['q', 'h', 'f'];

  async function publish(): Promise<{ source: EncodedTrackSource; received: MediaStreamTrack[] }> {
    const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
    const received = tracksAt(pair.b);
    pair.a.addTransceiver(source.track, { direction: 'sendonly', sendEncodings: rids.map((rid) => ({ rid })) });
    pair.b.addTransceiver('video', { direction: 'recvonly' });
    await pair.during(exchange(pair.a, pair.b));
    await pair.until(() => source.isUsed);
    return { source, received };
  }

  /** Pictures of the three encodings differ in size. */
  const encoded = (index: number, layer: number): Uint8Array =>
    vp8TestPicture({ width: 16 << layer, height: 16, colorAt: () => [16 + (index % 200), 100, 100] });

  async function play(source: EncodedTrackSource, from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      rids.forEach((rid, layer) => {
        source.write({ type: 'key', timestamp: i * 40_000, data: encoded(i, layer) }, { rid });
      });
      await pair.network.runAsync(40);
    }
  }

  test('each encoding comes with its rid', async () => {
    pair = new Pair().trickle();
    const { source, received } = await publish();
    const frames = collect(received[0]!);
    await play(source, 0, 20);
    for (const [layer, rid] of rids.entries()) {
      const ofRid = frames.filter(({ encoding }) => encoding.rid === rid);
      expect(ofRid.length, rid).toBeGreaterThan(15);
      expect(ofRid.every(({ data }) => (data[6]! | (data[7]! << 8)) === 16 << layer)).toBe(true);
    }
  });

  test('a source knows which encodings are wanted', async () => {
    pair = new Pair().trickle();
    const { source } = await publish();
    expect(source.rids).toEqual(rids);
    const sender = pair.a.getSenders()[0]!;
    const parameters = sender.getParameters();
    parameters.encodings[1]!.active = false;
    await pair.during(sender.setParameters(parameters));
    expect(source.rids).toEqual(['q', 'f']);
    await pair.during(sender.replaceTrack(null));
    expect(source.rids).toEqual([]);
  });

  test('a selector gives a viewer one of them, and another when it is asked to', async () => {
    pair = new Pair().trickle();
    // Made as soon as there is a track: its encodings become known with the answer.
    const options = { clock: pair.hosts[1]!, selection: { rid: 'q' } };
    const selecting = new Promise<LayerSelector>((resolve) => {
      pair.b.addEventListener('track', ({ track }) => resolve(new LayerSelector(track, options)));
    });
    const { source } = await publish();
    const selector = await selecting;
    const viewer = new Pair({ seed: 2 }).trickle();
    const onViewer = tracksAt(viewer.b);
    viewer.a.addTrack(selector.track);
    await viewer.during(exchange(viewer.a, viewer.b));
    const frames = collect(onViewer[0]!);
    const both = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        await play(source, i, i + 1);
        await viewer.network.runAsync(40);
      }
    };
    await viewer.network.runAsync(500);
    await both(0, 10);
    expect(selector.watching?.rid).toBe('q');
    selector.select({ rid: 'f' });
    await both(10, 20);
    expect(selector.watching?.rid).toBe('f');
    const widths = frames.map(({ data }) => data[6]! | (data[7]! << 8));
    expect([...new Set(widths)]).toEqual([16, 64]);
    expect(frames.length).toBeGreaterThan(17);
    expect(() => selector.select({ rid: 'x' })).toThrow(RangeError);
    selector.select(null);
    const before = frames.length;
    await both(20, 25);
    expect(frames.length).toBe(before);
    selector.stop();
    expect(selector.track.readyState).toBe('ended');
    viewer.close();
  });

  test('sent without simulcast, one of the encodings is sent, not a mixture', async () => {
    pair = new Pair().trickle();
    const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
    const received = tracksAt(pair.b);
    pair.a.addTrack(source.track);
    await pair.during(exchange(pair.a, pair.b));
    const frames = collect(received[0]!);
    await pair.until(() => source.isUsed);
    await play(source, 0, 10);
    expect(new Set(frames.map(({ data }) => data[6]! | (data[7]! << 8)))).toEqual(new Set([16]));
  });
});
