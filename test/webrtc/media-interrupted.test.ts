/** What happens to media when the transport beneath it changes, or ends. */
import { afterEach, expect, test } from 'vitest';
import type { RTCInboundRtpStreamStats, RTCOutboundRtpStreamStats, RTCTransportStats } from '../../src/index.ts';
import { EncodedTrackSource, encodedFrames, opusSilenceFrames, vp8TestPicture } from '../../src/media/index.ts';
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

/** Sound and pictures from `a` to `b`. */
class Call {
  readonly pair = new Pair().trickle();
  readonly sound = new EncodedTrackSource({ kind: 'audio', codec: 'audio/opus' });
  readonly pictures = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
  /** Of the frames that came, in µs from the first on. */
  readonly came: Record<string, number[]> = { audio: [], video: [] };
  sent = 0;

  async start(): Promise<this> {
    const { a, b } = this.pair;
    a.addTrack(this.sound.track);
    a.addTrack(this.pictures.track);
    await exchange(a, b);
    await this.pair.until(() => a.connectionState === 'connected' && b.connectionState === 'connected');
    for (const { track } of b.getReceivers()) {
      const came = this.came[track.kind]!;
      const write = ({ timestamp }: { readonly timestamp: number }): void => {
        came.push(timestamp);
      };
      void encodedFrames(track).pipeTo(new WritableStream({ write }));
    }
    return this;
  }

  async play(durationMs: number): Promise<void> {
    for (let played = 0; played < durationMs; played += FRAME_MS) {
      const timestamp = this.sent++ * FRAME_MS * 1000;
      this.sound.write({ ...SILENCE!, timestamp });
      this.pictures.write({ type: 'key', timestamp, data: PICTURE });
      await this.pair.network.runAsync(FRAME_MS);
    }
  }

  async outbound(): Promise<RTCOutboundRtpStreamStats[]> {
    return [...(await this.pair.a.getStats()).values()].filter(({ type }) => type === 'outbound-rtp');
  }

  async inbound(): Promise<RTCInboundRtpStreamStats[]> {
    return [...(await this.pair.b.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
  }
}

test('an ICE restart in the midst of media: not a frame is lost, and the streams go on', async () => {
  call = await new Call().start();
  const { a, b } = call.pair;
  await call.play(1000);
  const before = await call.inbound();
  const ufrags = (): (string | undefined)[] =>
    [a, b].map((pc) => /a=ice-ufrag:(\S+)/.exec(pc.currentLocalDescription!.sdp)?.[1]);
  const old = ufrags();

  a.restartIce();
  await a.setLocalDescription();
  await call.play(100);
  await b.setRemoteDescription(a.localDescription!);
  await call.play(100);
  await b.setLocalDescription();
  await call.play(100);
  await a.setRemoteDescription(b.localDescription!);
  await call.play(2000);
  await call.pair.network.runAsync(200);

  for (const [i, ufrag] of ufrags().entries()) expect(ufrag).not.toBe(old[i]);
  const changes = [...(await a.getStats()).values()].find(({ type }) => type === 'transport') as RTCTransportStats;
  expect(changes.selectedCandidatePairChanges).toBeGreaterThan(1);
  const after = await call.inbound();
  expect(after.map(({ ssrc }) => ssrc)).toEqual(before.map(({ ssrc }) => ssrc));
  for (const stats of after) expect(stats).toMatchObject({ packetsLost: 0, packetsDiscarded: 0 });
  for (const came of Object.values(call.came)) {
    expect(came).toHaveLength(call.sent);
    const steps = came.slice(1).map((timestamp, i) => timestamp - came[i]!);
    for (const step of steps) expect(Math.abs(step - FRAME_MS * 1000)).toBeLessThan(1000);
  }
});

test('the peer closes: tracks that it sent are muted and live, DTLS is closed, nothing is sent any more', async () => {
  call = await new Call().start();
  const { a, b } = call.pair;
  await call.play(500);
  const tracks = b.getReceivers().map(({ track }) => track);
  const log: string[] = [];
  for (const track of tracks) {
    expect([track.muted, track.readyState]).toEqual([false, 'live']);
    track.onmute = () => void log.push(`${track.kind} mute`);
    track.onended = () => void log.push(`${track.kind} ended`);
  }
  const transport = b.getReceivers()[0]!.transport!;
  transport.onstatechange = () => void log.push(`DTLS ${transport.state}`);

  a.close();
  await call.pair.network.runAsync(100);
  await settled();
  expect(log.toSorted()).toEqual(['DTLS closed', 'audio mute', 'video mute']);
  for (const track of tracks) expect([track.muted, track.readyState]).toEqual([true, 'live']);
  expect(call.pair.b.getTransceivers().map(({ currentDirection }) => currentDirection)).toEqual([
    'recvonly',
    'recvonly',
  ]);

  b.close();
  for (const track of tracks) expect(track.readyState).toBe('ended');
  expect(log).toHaveLength(3); // "disappear": without an event
});

test('the receiving peer closes: a track that is sent stays live, and nothing of it is sent any more', async () => {
  call = await new Call().start();
  const { a, b } = call.pair;
  await call.play(500);
  b.close();
  await call.pair.network.runAsync(100);
  expect(a.getSenders()[0]!.transport!.state).toBe('closed');
  const before = await call.outbound();
  expect(before).toHaveLength(2);
  await call.play(500);
  const after = await call.outbound();
  for (const [i, { packetsSent }] of after.entries()) expect(packetsSent).toBe(before[i]!.packetsSent);
  for (const [i, { framesSent }] of after.entries()) expect(framesSent).toBe(before[i]!.framesSent);
  expect([call.sound.track.readyState, call.pictures.track.readyState]).toEqual(['live', 'live']);
});
