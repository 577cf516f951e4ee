/** What is sent against loss as the W3C API and our settings ask for it: RED, ULPFEC, FlexFEC. */
import { afterEach, expect, test } from 'vitest';
import { type RTCInboundRtpStreamStats, RTCRtpSender } from '../../src/index.ts';
import {
  EncodedTrackSource,
  encodedFrames,
  opusSilenceFrames,
  rtpPackets,
  vp8TestPicture,
} from '../../src/media/index.ts';
import { exchange, Pair } from './support.ts';

const LINK = { delayMs: 5, lossRate: 0.05 };
const FRAME_MS = 20;
const SECONDS = 6;
/** Of several packets. */
const PICTURE = vp8TestPicture({
  width: 320,
  height: 240,
  colorAt: (x, y) => [(x * 37 + y * 91) % 200, 90 + x, 120 + y],
});
const [SILENCE] = opusSilenceFrames();

let pair: Pair | null = null;
afterEach(() => {
  pair?.close();
  pair = null;
});

type Outcome = {
  readonly sent: number;
  readonly received: number;
  /** By payload type: packets that came. */
  readonly payloadTypes: ReadonlyMap<number, number>;
  readonly offer: string;
  readonly answer: string;
  readonly stats: RTCInboundRtpStreamStats;
};

/** A track from one to the other, in these codecs. */
async function send(
  kind: 'audio' | 'video',
  names: readonly string[],
  media: { readonly fecProtection?: number; readonly redundancy?: number } = {},
): Promise<Outcome> {
  pair = new Pair({ link: LINK, settings: { media } }).trickle();
  const { a, b, network } = pair;
  const source = new EncodedTrackSource({ kind, codec: kind === 'audio' ? 'audio/opus' : 'video/VP8' });
  const transceiver = a.addTransceiver(source.track, { direction: 'sendonly' });
  const { codecs } = RTCRtpSender.getCapabilities(kind)!;
  transceiver.setCodecPreferences(names.map((name) => codecs.find(({ mimeType }) => mimeType === `${kind}/${name}`)!));
  await exchange(a, b);
  await pair.until(() => a.connectionState === 'connected' && b.connectionState === 'connected');
  const [receiver] = b.getReceivers();
  const came = new Set<number>();
  const payloadTypes = new Map<number, number>();
  void encodedFrames(receiver!.track).pipeTo(
    new WritableStream({ write: ({ timestamp }) => void came.add(timestamp) }),
  );
  void rtpPackets(receiver!.track).pipeTo(
    new WritableStream({
      write: ({ packet: { payloadType } }) =>
        void payloadTypes.set(payloadType, (payloadTypes.get(payloadType) ?? 0) + 1),
    }),
  );
  let sent = 0;
  for (let now = 0; now < SECONDS * 1000; now += FRAME_MS, sent++) {
    const timestamp = now * 1000;
    source.write(kind === 'audio' ? { ...SILENCE!, timestamp } : { type: 'key', timestamp, data: PICTURE });
    await network.runAsync(FRAME_MS);
  }
  await network.runAsync(500);
  const stats = [...(await b.getStats()).values()].find(
    ({ type }) => type === 'inbound-rtp',
  )! as RTCInboundRtpStreamStats;
  const [offer, answer] = [a.localDescription!.sdp, b.localDescription!.sdp];
  return { sent, received: came.size, payloadTypes, offer, answer, stats };
}

test('RED that is preferred to Opus repeats two frames with each: of 5 % lost next to nothing is missing', async () => {
  const { sent, received, offer, stats } = await send('audio', ['red', 'opus']);
  expect(offer).toMatch(/m=audio 9 UDP\/TLS\/RTP\/SAVPF 63 111\r\n/);
  expect(stats.packetsLost).toBeGreaterThan(SECONDS);
  expect(received).toBeGreaterThanOrEqual(sent - 1);
});

test.each([
  ['Opus is preferred to it', ['opus', 'red'], {}],
  ['nothing is to be repeated', ['red', 'opus'], { redundancy: 0 }],
])('RED repeats nothing where %s', async (_, names, media) => {
  const { sent, received, stats } = await send('audio', names, media);
  expect(stats.packetsLost).toBeGreaterThan(SECONDS);
  expect(received).toBeLessThan(sent - SECONDS);
});

test('FlexFEC has a source of its own, announced in an FEC-FR group, and brings back what is lost', async () => {
  const { sent, received, offer, stats } = await send('video', ['VP8', 'flexfec-03'], { fecProtection: 0.5 });
  const group = /a=ssrc-group:FEC-FR (\d+) (\d+)\r\n/.exec(offer);
  expect([stats.ssrc, stats.fecSsrc]).toEqual(group?.slice(1).map(Number));
  expect(stats.packetsLost).toBeGreaterThan(SECONDS);
  expect(stats.fecPacketsReceived).toBeGreaterThan(100);
  expect(received).toBeGreaterThan(0.99 * sent);
});

test('ULPFEC goes in RED on the source of its media', async () => {
  const { sent, received, offer, stats } = await send('video', ['VP8', 'red', 'ulpfec'], { fecProtection: 0.5 });
  expect(offer).not.toContain('FEC-FR');
  expect(stats.fecPacketsReceived).toBeGreaterThan(100);
  expect(received).toBeGreaterThan(0.99 * sent);
});

test('no FEC is sent where it was not asked for, though it was negotiated', async () => {
  const { offer, stats } = await send('video', ['VP8', 'flexfec-03', 'red', 'ulpfec']);
  expect(offer).toContain('flexfec-03/90000');
  expect(offer).not.toContain('FEC-FR');
  expect(stats.fecPacketsReceived).toBe(0);
});

test('no source of FlexFEC is announced where the peer does not take it', async () => {
  pair = new Pair({ settings: { media: { fecProtection: 0.5 } } });
  const { a, b } = pair;
  const transceiver = b.addTransceiver('video');
  const { codecs } = RTCRtpSender.getCapabilities('video')!;
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'video/VP8'));
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription!);
  a.getTransceivers()[0]!.direction = 'sendrecv';
  await a.setLocalDescription();
  expect(a.localDescription!.sdp).toContain('a=ssrc:');
  expect(a.localDescription!.sdp).not.toContain('FEC-FR');
});
