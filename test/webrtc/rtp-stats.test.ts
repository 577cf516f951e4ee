/** `getStats()` of connections with media: two of ours on a network in memory, in virtual time. */
import { afterEach, describe, expect, test } from 'vitest';
import type {
  MediaStreamTrack,
  RTCIceCandidatePairStats,
  RTCInboundRtpStreamStats,
  RTCOutboundRtpStreamStats,
  RTCPeerConnection,
  RTCRemoteInboundRtpStreamStats,
  RTCRemoteOutboundRtpStreamStats,
  RTCStats,
  RTCStatsReport,
  RTCTransportStats,
} from '../../src/index.ts';
import { EncodedTrackSource, encodedFrames, opusSilenceFrames, vp8TestPicture } from '../../src/media/index.ts';
import type { LinkOptions } from '../../src/runtime/memory.ts';
import { exchange, Pair, settled } from './support.ts';

const FRAME_MS = 20;
/** Of several packets. */
const PICTURE = vp8TestPicture({
  width: 320,
  height: 240,
  colorAt: (x, y) => [(x * 37 + y * 91) % 200, 90 + x, 120 + y],
});
const [SILENCE] = opusSilenceFrames();

let call: Call;
afterEach(() => call.pair.close());

/** `a` sends sound and pictures, `b` takes them. */
class Call {
  readonly pair: Pair;
  readonly sound = new EncodedTrackSource({ kind: 'audio', codec: 'audio/opus' });
  readonly pictures = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
  #elapsedMs = 0;

  constructor(link: LinkOptions = { delayMs: 5 }) {
    this.pair = new Pair({ link });
    this.pair.trickle();
  }

  get a(): RTCPeerConnection {
    return this.pair.a;
  }

  get b(): RTCPeerConnection {
    return this.pair.b;
  }

  /** Negotiates what `a` has, and waits until it is connected. */
  async connect(): Promise<this> {
    await exchange(this.a, this.b);
    await this.pair.until(() => this.a.connectionState === 'connected' && this.b.connectionState === 'connected');
    return this;
  }

  /** Both tracks, connected, and read at the other side as frames. */
  async start(): Promise<this> {
    this.a.addTrack(this.sound.track);
    this.a.addTrack(this.pictures.track);
    await this.connect();
    for (const { track } of this.b.getReceivers()) read(track);
    return this;
  }

  /** Sound every 20 ms, a picture every 40. */
  async play(durationMs: number): Promise<void> {
    for (let played = 0; played < durationMs; played += FRAME_MS, this.#elapsedMs += FRAME_MS) {
      const timestamp = this.#elapsedMs * 1000;
      this.sound.write({ ...SILENCE!, timestamp });
      const metadata = { width: 320, height: 240 };
      if (this.#elapsedMs % 40 === 0) this.pictures.write({ type: 'key', timestamp, data: PICTURE, metadata });
      await this.pair.network.runAsync(FRAME_MS);
    }
  }
}

/** Somebody reads it, so that frames are put together. */
function read(track: MediaStreamTrack): void {
  void encodedFrames(track).pipeTo(new WritableStream());
}

function all<Stats extends RTCStats>(report: RTCStatsReport, type: Stats['type'], kind?: string): Stats[] {
  return [...report.values()].filter((entry) => entry.type === type && (kind === undefined || entry.kind === kind));
}

function one<Stats extends RTCStats>(report: RTCStatsReport, type: Stats['type'], kind?: string): Stats {
  const found = all<Stats>(report, type, kind);
  expect(found, `${type} ${kind ?? ''}`).toHaveLength(1);
  return found[0]!;
}

const outbound = (report: RTCStatsReport, kind: string) => one<RTCOutboundRtpStreamStats>(report, 'outbound-rtp', kind);
const inbound = (report: RTCStatsReport, kind: string) => one<RTCInboundRtpStreamStats>(report, 'inbound-rtp', kind);

function expectReferences(report: RTCStatsReport): void {
  for (const entry of report.values()) {
    for (const [member, value] of Object.entries(entry)) {
      if (member.endsWith('Id')) expect(report.has(value as string), `${entry.type}.${member}`).toBe(true);
    }
  }
}

describe('a call', () => {
  test('of sound and pictures: what was sent is what came, at both ends', async () => {
    call = await new Call().start();
    await call.play(4000);
    await call.pair.network.runAsync(100);
    const [atA, atB] = [await call.a.getStats(), await call.b.getStats()];
    expectReferences(atA);
    expectReferences(atB);

    for (const kind of ['audio', 'video']) {
      const sent = outbound(atA, kind);
      const came = inbound(atB, kind);
      expect(came.ssrc).toBe(sent.ssrc);
      expect(came.mid).toBe(sent.mid);
      expect(came).toMatchObject({ packetsLost: 0, packetsDiscarded: 0, nackCount: 0, bytesReceived: sent.bytesSent });
      // What was sent to probe the path repeats what came already: the receiver does not count it.
      if (kind === 'audio') expect(came.packetsReceived).toBe(sent.packetsSent);
      else expect(came.packetsReceived).toBeLessThanOrEqual(sent.packetsSent!);
      expect(came.headerBytesReceived).toBeLessThanOrEqual(sent.headerBytesSent!);
      expect(sent).toMatchObject({ active: true, nackCount: 0, retransmittedPacketsSent: 0 });
      expect(came.trackIdentifier).toBe(call.b.getReceivers().find(({ track }) => track.kind === kind)!.track.id);
      // One path: 5 ms up and 5 ms down, twice.
      const reception = atA.get(sent.remoteId!) as RTCRemoteInboundRtpStreamStats;
      expect(reception).toMatchObject({ type: 'remote-inbound-rtp', ssrc: sent.ssrc, kind, localId: sent.id });
      expect(reception).toMatchObject({ packetsLost: 0, fractionLost: 0 });
      expect(reception.roundTripTime).toBeCloseTo(0.02, 2);
      expect(reception.roundTripTimeMeasurements).toBeGreaterThan(1);
      expect(reception.totalRoundTripTime).toBeCloseTo(0.02 * reception.roundTripTimeMeasurements!, 1);
      expect(reception.packetsReceived).toBeGreaterThan(0);
      expect(reception.packetsReceived).toBeLessThanOrEqual(sent.packetsSent!);
      const said = atB.get(came.remoteId!) as RTCRemoteOutboundRtpStreamStats;
      expect(said).toMatchObject({ type: 'remote-outbound-rtp', ssrc: sent.ssrc, kind, localId: came.id });
      expect(said.packetsSent).toBeGreaterThan(0);
      expect(said.packetsSent).toBeLessThanOrEqual(sent.packetsSent!);
      expect(said.reportsSent).toBeGreaterThan(1);
      // Only what arrived can have been reported: the peer's word is older than the report that tells it.
      expect(said.timestamp).toBeLessThan(came.timestamp);
    }

    const [sound, pictures] = [inbound(atB, 'audio'), inbound(atB, 'video')];
    expect(sound.totalSamplesDuration).toBeCloseTo(4, 5);
    expect(sound.totalSamplesReceived).toBe(4 * 48_000);
    expect(sound.jitterBufferEmittedCount).toBe(4 * 48_000);
    expect(sound).not.toHaveProperty('framesReceived');
    expect(sound).not.toHaveProperty('pliCount');
    expect(pictures).toMatchObject({ framesReceived: 100, framesDropped: 0, frameWidth: 320, frameHeight: 240 });
    expect(pictures).toMatchObject({ framesAssembledFromMultiplePackets: 100, jitterBufferEmittedCount: 100 });
    expect(pictures.framesPerSecond).toBeGreaterThanOrEqual(22);
    expect(pictures.framesPerSecond).toBeLessThanOrEqual(25);
    expect(outbound(atA, 'video')).toMatchObject({ framesSent: 100, frameWidth: 320, frameHeight: 240 });
    expect(outbound(atA, 'video')).toMatchObject({
      hugeFramesSent: 0,
      qualityLimitationReason: 'none',
      encodingIndex: 0,
    });

    const codecs = all(atB, 'codec').map(({ id }) => atB.get(id));
    expect(codecs.map(({ mimeType }) => mimeType).sort()).toEqual(['audio/opus', 'video/VP8']);
    expect(atB.get(sound.codecId!)).toMatchObject({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 });
    expect(atB.get(pictures.codecId!)).not.toHaveProperty('channels');

    const sources = all(atA, 'media-source').map(({ id }) => atA.get(id));
    expect(sources.map(({ kind, trackIdentifier }) => [kind, trackIdentifier])).toEqual([
      ['audio', call.sound.track.id],
      ['video', call.pictures.track.id],
    ]);
    expect(sources[0].totalSamplesDuration).toBeCloseTo(4, 5);
    expect(sources[1]).toMatchObject({ frames: 100, width: 320, height: 240 });
    expect(atA.get(outbound(atA, 'video').mediaSourceId!)).toBe(sources[1]);
  });

  test('of media alone has a transport that counts, and names what protects it', async () => {
    call = await new Call().start();
    await call.play(1000);
    const report = await call.a.getStats();
    const transport = one<RTCTransportStats>(report, 'transport');
    expect(transport).toMatchObject({
      srtpCipher: 'SRTP_AEAD_AES_128_GCM',
      dtlsState: 'connected',
      tlsVersion: 'FEFD',
    });
    const media = all<RTCOutboundRtpStreamStats>(report, 'outbound-rtp');
    const sent = media.reduce((sum, { packetsSent = 0 }) => sum + packetsSent, 0);
    expect(sent).toBeGreaterThan(50);
    expect(transport.packetsSent).toBeGreaterThan(sent);
    const pair = report.get(transport.selectedCandidatePairId!) as RTCIceCandidatePairStats;
    expect(pair).toMatchObject({
      nominated: true,
      packetsSent: expect.any(Number),
      availableOutgoingBitrate: expect.any(Number),
    });
    // A frame every 20 ms, and reports of it at least as often as feedback is sent.
    expect(pair.timestamp - pair.lastPacketSentTimestamp!).toBeLessThan(50);
    expect(pair.timestamp - pair.lastPacketReceivedTimestamp!).toBeLessThan(200);
    expect(pair.lastPacketSentTimestamp).toBeLessThanOrEqual(pair.timestamp + 1);
    expect(all(report, 'data-channel')).toEqual([]);
    expect(outbound(report, 'video').targetBitrate).toBeGreaterThan(0);
  });

  test('that only receives knows the round trip from its reference times', async () => {
    call = await new Call({ delayMs: 20 }).start();
    await call.play(4000);
    const report = await call.b.getStats();
    for (const said of all<RTCRemoteOutboundRtpStreamStats>(report, 'remote-outbound-rtp')) {
      expect(said.roundTripTime).toBeCloseTo(0.08, 2);
      expect(said.roundTripTimeMeasurements).toBeGreaterThan(0);
    }
    expect(all(report, 'remote-outbound-rtp')).toHaveLength(2);
  });

  test('over a bad link: losses, requests and repairs are told by both', async () => {
    call = await new Call({ delayMs: 10, lossRate: 0.05 }).start();
    await call.play(6000);
    await call.pair.network.runAsync(500);
    const [atA, atB] = [await call.a.getStats(), await call.b.getStats()];
    const sent = outbound(atA, 'video');
    const came = inbound(atB, 'video');
    expect(came.nackCount).toBeGreaterThan(0);
    expect(sent.nackCount).toBeGreaterThan(0);
    expect(sent.nackCount).toBeLessThanOrEqual(came.nackCount!);
    expect(sent.retransmittedPacketsSent).toBeGreaterThan(0);
    expect(sent.retransmittedBytesSent).toBeGreaterThan(sent.retransmittedPacketsSent!);
    expect(came.retransmittedPacketsReceived).toBeGreaterThan(0);
    expect(came.retransmittedPacketsReceived).toBeLessThanOrEqual(sent.retransmittedPacketsSent!);
    expect(came.rtxSsrc).toBe(sent.rtxSsrc);
    expect(came.framesReceived! + came.framesDropped!).toBeLessThanOrEqual(sent.framesSent!);
    expect(came.framesReceived).toBeGreaterThan(120); // of 150
    // Sound is not asked for again: what was lost is lost, and the peer says so.
    const sound = inbound(atB, 'audio');
    expect(sound.packetsLost).toBeGreaterThan(0);
    expect(sound).not.toHaveProperty('rtxSsrc');
    const reception = atA.get(outbound(atA, 'audio').remoteId!) as RTCRemoteInboundRtpStreamStats;
    expect(reception.packetsLost).toBeGreaterThan(0);
    expect(reception.packetsLost).toBeLessThanOrEqual(sound.packetsLost! + 1);
    const audible = outbound(atA, 'audio').packetsSent! - sound.packetsReceived!;
    expect(Math.abs(audible - sound.packetsLost!)).toBeLessThanOrEqual(3); // the last ones may be lost unseen
  });
});

describe('what a report has in it', () => {
  test('keeps its ids, and counts on', async () => {
    call = await new Call().start();
    await call.play(1500);
    const before = await call.b.getStats();
    await call.play(500);
    const after = await call.b.getStats();
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const kind of ['audio', 'video']) {
      const [earlier, later] = [inbound(before, kind), inbound(after, kind)];
      expect(later.id).toBe(earlier.id);
      expect(later.packetsReceived).toBeGreaterThan(earlier.packetsReceived!);
      expect(later.jitterBufferEmittedCount).toBeGreaterThan(earlier.jitterBufferEmittedCount!);
    }
  });

  test('of a sender, a receiver or a track is its streams and what they refer to', async () => {
    call = await new Call().start();
    call.a.createDataChannel('beside');
    await exchange(call.a, call.b);
    await call.play(2000);
    const [sender] = call.a.getSenders();
    const report = await sender!.getStats();
    expectReferences(report);
    const types = [...report.values()].map(({ type }) => type);
    expect(new Set(types)).toEqual(
      new Set([
        'outbound-rtp',
        'remote-inbound-rtp',
        'media-source',
        'codec',
        'transport',
        'certificate',
        'candidate-pair',
        'local-candidate',
        'remote-candidate',
      ]),
    );
    expect(outbound(report, 'audio').kind).toBe('audio');
    expect(all(report, 'outbound-rtp')).toHaveLength(1);
    expect(all(report, 'codec')).toHaveLength(1);
    expect([...(await call.a.getStats(call.sound.track)).keys()]).toEqual([...report.keys()]);

    const receiver = call.b.getReceivers()[1]!;
    const received = await receiver.getStats();
    expectReferences(received);
    expect(all(received, 'inbound-rtp')).toEqual([inbound(received, 'video')]);
    expect(all(received, 'remote-outbound-rtp')).toHaveLength(1);
    expect(all(received, 'peer-connection')).toEqual([]);
    expect([...(await call.b.getStats(receiver.track)).keys()]).toEqual([...received.keys()]);
    expect((await call.a.getReceivers()[0]!.getStats()).size).toBe(0); // nothing came
  });

  test('begins with the negotiation for what is sent, with the first packet for what comes', async () => {
    call = new Call();
    const transceiver = call.a.addTransceiver(call.pictures.track, { direction: 'sendonly' });
    const types = async (pc: RTCPeerConnection) => [...(await pc.getStats()).values()].map(({ type }) => type);
    expect(await types(call.a)).toContain('media-source');
    await call.a.setLocalDescription();
    await call.b.setRemoteDescription(call.a.localDescription!);
    expect((await types(call.a)).filter((type) => type.endsWith('rtp'))).toEqual([]);
    await call.b.setLocalDescription();
    await call.a.setRemoteDescription(call.b.localDescription!);
    const report = await call.a.getStats();
    expect(outbound(report, 'video')).toMatchObject({ packetsSent: 0, active: true });
    expect(outbound(report, 'video')).not.toHaveProperty('remoteId');
    await call.pair.until(() => call.a.connectionState === 'connected' && call.b.connectionState === 'connected');
    expect(await types(call.b)).not.toContain('inbound-rtp');
    await call.play(100);
    expect(await types(call.b)).toContain('inbound-rtp');

    const { mediaSourceId, id } = outbound(await call.a.getStats(), 'video');
    const another = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
    await transceiver.sender.replaceTrack(another.track);
    const replaced = outbound(await call.a.getStats(), 'video');
    expect(replaced.id).toBe(id);
    expect(replaced.mediaSourceId).not.toBe(mediaSourceId);
    await transceiver.sender.replaceTrack(null);
    expect(outbound(await call.a.getStats(), 'video')).not.toHaveProperty('mediaSourceId');
    expect(await types(call.a)).not.toContain('media-source');
    await transceiver.sender.replaceTrack(another.track);

    const asked = types(call.a);
    transceiver.stop();
    expect(await asked).toContain('outbound-rtp'); // it was asked before
    const left = await types(call.a);
    expect(left.filter((type) => type.endsWith('rtp') || type === 'media-source' || type === 'codec')).toEqual([]);
    await exchange(call.a, call.b);
    await call.pair.network.runAsync(100);
    expect((await types(call.b)).filter((type) => type.endsWith('rtp'))).toEqual([]);
  });

  test('of simulcast tells the encodings apart', async () => {
    call = new Call();
    const sendEncodings = [{ rid: 'lo' }, { rid: 'hi', active: false }];
    call.a.addTransceiver(call.pictures.track, { direction: 'sendonly', sendEncodings });
    await call.a.setLocalDescription();
    // A peer of ours takes one encoding, unless it is told that the other takes more: what is reported stays the same.
    await call.b.setRemoteDescription(call.a.localDescription!);
    await call.b.setLocalDescription();
    await call.a.setRemoteDescription(call.b.localDescription!);
    const streams = all<RTCOutboundRtpStreamStats>(await call.a.getStats(), 'outbound-rtp');
    const rids = call.a
      .getSenders()[0]!
      .getParameters()
      .encodings.map(({ rid }) => rid);
    expect(streams.map(({ rid }) => rid)).toEqual(rids);
    expect(streams.map(({ encodingIndex }) => encodingIndex)).toEqual(rids.map((_, index) => index));
    expect(new Set(streams.map(({ ssrc }) => ssrc)).size).toBe(rids.length);
  });

  test('of a track that nobody reads counts the ends of frames, and has no jitter buffer', async () => {
    call = new Call();
    call.a.addTrack(call.pictures.track);
    await call.connect();
    await call.play(400);
    const came = inbound(await call.b.getStats(), 'video');
    expect(came.packetsReceived).toBeGreaterThan(10);
    expect(came).toMatchObject({ framesReceived: 10, framesDropped: 0, framesPerSecond: 10 });
    expect(came).not.toHaveProperty('jitterBufferDelay');
    expect(came).not.toHaveProperty('frameWidth');
    read(call.b.getReceivers()[0]!.track);
    await call.play(400);
    const then = inbound(await call.b.getStats(), 'video');
    expect(then.framesReceived).toBe(20);
    expect(then).toMatchObject({ frameWidth: 320, jitterBufferEmittedCount: 10 });
  });

  test('of a track that is forwarded counts what goes on', async () => {
    call = new Call();
    call.a.addTrack(call.pictures.track);
    // Back where it came from, as an echo: packets as they are.
    call.b.ontrack = ({ track, transceiver }) => {
      transceiver.direction = 'sendrecv';
      void transceiver.sender.replaceTrack(track);
    };
    await call.connect();
    await call.play(2000);
    const atB = await call.b.getStats();
    const sent = outbound(atB, 'video');
    expect(sent.framesSent).toBe(inbound(atB, 'video').framesReceived);
    expect(sent.framesSent).toBeGreaterThanOrEqual(48); // of 50, the last may be on their way
    expect(sent.framesPerSecond).toBeGreaterThan(20);
    expect(sent.bytesSent).toBeGreaterThanOrEqual(inbound(atB, 'video').bytesReceived!);
    expect(atB.get(sent.mediaSourceId!)).toMatchObject({ trackIdentifier: call.b.getReceivers()[0]!.track.id });
    expect(inbound(await call.a.getStats(), 'video').framesReceived).toBeGreaterThan(45);
  });

  test('shows what a jitter buffer target does', async () => {
    call = await new Call().start();
    const receiver = call.b.getReceivers()[1]!;
    receiver.jitterBufferTarget = 200;
    await call.play(2000);
    const { jitterBufferDelay, jitterBufferTargetDelay, jitterBufferEmittedCount } = inbound(
      await receiver.getStats(),
      'video',
    );
    expect(jitterBufferDelay! / jitterBufferEmittedCount!).toBeCloseTo(0.2, 2);
    expect(jitterBufferTargetDelay! / jitterBufferEmittedCount!).toBeCloseTo(0.2, 5);
  });

  test('can be asked for when the connection is closed', async () => {
    call = await new Call().start();
    await call.play(100);
    call.a.close();
    const report = await call.a.getStats();
    expect(one(report, 'peer-connection').id).toBe('P');
    expectReferences(report);
  });
});

describe('a receiver', () => {
  test('tells who is heard, with the clock of the page', async () => {
    call = await new Call().start();
    await call.play(500);
    for (const receiver of call.b.getReceivers()) {
      const [source, ...more] = receiver.getSynchronizationSources();
      expect(more).toEqual([]);
      expect(receiver.getContributingSources()).toEqual([]);
      expect(source!.source).toBe(inbound(await receiver.getStats(), receiver.track.kind).ssrc);
      expect(source!.rtpTimestamp).toBeGreaterThanOrEqual(0);
      const age = performance.timeOrigin + performance.now() - source!.timestamp;
      expect(age).toBeGreaterThanOrEqual(0);
      expect(age).toBeLessThan(1000);
    }
    await call.pair.network.runAsync(10_100);
    expect(call.b.getReceivers()[0]!.getSynchronizationSources()).toEqual([]);
  });

  test('mutes its track when the direction stops it, and when nothing is heard any more', async () => {
    call = await new Call().start();
    const [, { track }] = call.b.getReceivers() as [unknown, { track: MediaStreamTrack }];
    const log: string[] = [];
    track.onmute = () => void log.push('mute');
    track.onunmute = () => void log.push('unmute');
    await call.play(100);
    expect(log).toEqual(['unmute']);

    const transceiver = call.a.getTransceivers()[1]!;
    transceiver.direction = 'inactive';
    await exchange(call.a, call.b);
    await settled();
    expect(log).toEqual(['unmute', 'mute']);
    transceiver.direction = 'sendrecv';
    await exchange(call.a, call.b);
    await call.play(400);
    expect(log).toEqual(['unmute', 'mute', 'unmute']);

    // What is stopped says goodbye, before any description does.
    const sound = call.b.getReceivers()[0]!.track;
    expect(sound.muted).toBe(false);
    call.a.getTransceivers()[0]!.stop();
    await call.pair.network.runAsync(50);
    expect(sound.muted).toBe(true);

    // The wire is cut, for longer than a source may be silent.
    call.pair.hosts[0]!.attachments[0]!.uplink.isUp = false;
    await call.pair.network.runAsync(29_000);
    expect(track.muted).toBe(true);
    expect(log).toEqual(['unmute', 'mute', 'unmute', 'mute']);
  });
});
