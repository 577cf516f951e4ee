/** A peer that does not bundle: a transport for each section (RFC 8829 §4.1.1, `balanced` and `max-compat`). */
import { afterEach, describe, expect, test } from 'vitest';
import type { RTCPeerConnection, RTCTrackEvent } from '../../src/index.ts';
import { EncodedTrackSource, encodedFrames } from '../../src/media/index.ts';
import { Pair, type PairOptions, record, settled } from './support.ts';

const withoutBundles = (sdp: string): string => sdp.replace(/a=group:BUNDLE.*\r\n/, '');

let pair: Pair;
afterEach(() => pair?.close());

/** What each says of bundles never gets to the other. */
async function negotiateApart(
  from: RTCPeerConnection,
  to: RTCPeerConnection,
  whenOffered: () => void = () => {},
): Promise<void> {
  await from.setLocalDescription();
  whenOffered();
  const { type, sdp } = from.localDescription!;
  await to.setRemoteDescription({ type, sdp: withoutBundles(sdp) });
  await to.setLocalDescription();
  const answer = to.localDescription!;
  await from.setRemoteDescription({ type: answer.type, sdp: withoutBundles(answer.sdp) });
}

/** Sound, pictures and data from one to the other. */
async function call(options: PairOptions = {}) {
  pair = new Pair(options).trickle();
  const { a, b } = pair;
  const audio = new EncodedTrackSource({ kind: 'audio', codec: 'audio/opus' });
  const video = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
  const arrived: RTCTrackEvent[] = [];
  b.ontrack = (event: RTCTrackEvent) => arrived.push(event);
  a.addTrack(audio.track);
  a.addTrack(video.track);
  const channel = a.createDataChannel('data');
  await pair.during(negotiateApart(a, b));
  return { a, b, audio, video, arrived, channel };
}

const transportsOf = (pc: RTCPeerConnection) =>
  new Set([...pc.getTransceivers().map(({ sender }) => sender.transport), ...(pc.sctp ? [pc.sctp.transport] : [])]);

describe('a peer that does not bundle', () => {
  test('gets a transport for each section; the states of the connection are those of all', async () => {
    const { a, b, channel } = await call();
    const log: string[] = [];
    record(log, a, 'connectionstatechange', () => a.connectionState);
    await pair.until(() => channel.readyState === 'open' && a.connectionState === 'connected');
    await pair.until(() => b.connectionState === 'connected');
    for (const pc of [a, b]) {
      expect(transportsOf(pc).size).toBe(3);
      expect([...transportsOf(pc)].map((transport) => transport!.state)).toEqual(Array(3).fill('connected'));
      expect(pc.getReceivers().map(({ transport }) => transport)).toEqual(
        pc.getSenders().map(({ transport }) => transport),
      );
      const ports = pc
        .localDescription!.sdp.split('m=')
        .slice(1)
        .map((section) => /typ host/.exec(section) !== null);
      expect(ports).toEqual([true, true, true]);
    }
    expect(log).toEqual(['connectionstatechange: connecting', 'connectionstatechange: connected']);
  });

  test('is sent sound and pictures, each on its own, and data', async () => {
    const { b, audio, video, arrived, channel } = await call();
    const messages: string[] = [];
    b.ondatachannel = ({ channel: theirs }) => {
      theirs.onmessage = ({ data }: MessageEvent) => messages.push(data);
    };
    await pair.until(() => channel.readyState === 'open' && b.connectionState === 'connected');
    const frames = arrived.map(({ track }) => encodedFrames(track).getReader());
    channel.send('hello');
    const read = Promise.all(frames.map(async (reader) => (await reader.read()).value));
    audio.write({ data: new Uint8Array([0xf8, 1, 2]), timestamp: 0, type: 'key' });
    video.write({ data: new Uint8Array([0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0]), timestamp: 0, type: 'key' });
    const [sound, picture] = await pair.during(read);
    expect([sound!.data.byteLength, picture!.data.byteLength]).toEqual([3, 10]);
    await pair.until(() => messages.length === 1);
    const stats = [...(await pair.during(b.getStats())).values()];
    const of = (type: string) => stats.filter((entry) => entry.type === type);
    expect(of('transport').map(({ id }) => id)).toEqual(['T0', 'T1', 'T2']);
    expect(of('inbound-rtp').map(({ kind, transportId }) => [kind, transportId])).toEqual([
      ['audio', 'T0'],
      ['video', 'T1'],
    ]);
    expect(new Set(of('candidate-pair').map(({ transportId }) => transportId)).size).toBe(3);
  });

  test('gathers a candidate for each section, and says once that there are no more', async () => {
    pair = new Pair();
    const { a, b } = pair;
    const seen: (string | null)[] = [];
    a.onicecandidate = ({ candidate }) =>
      seen.push(candidate && `${candidate.sdpMid} ${candidate.candidate && 'found'}`);
    a.addTransceiver('audio');
    a.addTransceiver('video');
    await pair.during(negotiateApart(a, b));
    await pair.until(() => a.iceGatheringState === 'complete' && transportsOf(a).size === 2 && seen.at(-1) === null);
    expect(seen.filter((one) => one === '1 found')).toHaveLength(1);
    expect(seen.filter((one) => one === '0 found')).toHaveLength(1);
  });

  test('restarts ICE on all of them', async () => {
    const { a, b, channel } = await call();
    const heard: string[] = [];
    b.ondatachannel = ({ channel: theirs }) => {
      theirs.onmessage = ({ data }: MessageEvent) => heard.push(data);
    };
    await pair.until(() => channel.readyState === 'open' && a.connectionState === 'connected');
    const fragments = () =>
      [...transportsOf(a)].map((transport) => transport!.iceTransport.getRemoteParameters()!.usernameFragment);
    const before = fragments();
    a.restartIce();
    await pair.during(negotiateApart(a, b));
    await pair.until(() =>
      [...transportsOf(a)].every(
        (transport) => transport!.iceTransport.state === 'connected' || transport!.iceTransport.state === 'completed',
      ),
    );
    expect(fragments().some((fragment) => before.includes(fragment))).toBe(false);
    expect(transportsOf(a).size).toBe(3);
    channel.send('still there');
    await pair.until(() => heard.length > 0);
    expect(heard).toEqual(['still there']);
  });

  test('loses the transport of a section that ends, and gets one for a section that comes', async () => {
    const { a, b, channel } = await call();
    await pair.until(() => channel.readyState === 'open' && a.connectionState === 'connected');
    const [, video] = a.getTransceivers();
    const theirs = video!.sender.transport!;
    video!.stop();
    await pair.during(negotiateApart(a, b));
    await settled();
    expect([theirs.state, theirs.iceTransport.state, transportsOf(a).size]).toEqual(['closed', 'closed', 2]);
    a.addTransceiver('video');
    a.addTransceiver('audio');
    await pair.during(negotiateApart(a, b));
    await pair.until(
      () => a.connectionState === 'connected' && b.connectionState === 'connected' && transportsOf(a).size === 4,
    );
    expect([...transportsOf(b)].map((transport) => transport!.state)).toEqual(Array(4).fill('connected'));
  });

  test('whose sections a later answer bundles: they go over one transport from then on', async () => {
    pair = new Pair().trickle();
    const { a, b } = pair;
    a.addTransceiver('audio');
    a.addTransceiver('video');
    await pair.during(negotiateApart(a, b));
    await pair.until(() => a.connectionState === 'connected' && b.connectionState === 'connected');
    expect(transportsOf(a).size).toBe(2);
    const bundled = (sdp: string): string => sdp.replace(/t=0 0\r\n/, 't=0 0\r\na=group:BUNDLE 0 1\r\n');
    await pair.during(
      (async () => {
        await a.setLocalDescription();
        await b.setRemoteDescription({ type: 'offer', sdp: bundled(a.localDescription!.sdp) });
        await b.setLocalDescription();
      })(),
    );
    expect(transportsOf(b).size).toBe(1);
    expect(b.connectionState).toBe('connected');
  });
});

describe('max-bundle', () => {
  const configuration = { bundlePolicy: 'max-bundle' } as const;

  test('takes the first section of a peer that does not bundle', async () => {
    pair = new Pair();
    pair.a.addTransceiver('audio');
    pair.a.addTransceiver('video');
    const b = new Pair({ configuration }).b;
    await pair.during(
      (async () => {
        await pair.a.setLocalDescription();
        await b.setRemoteDescription({ type: 'offer', sdp: withoutBundles(pair.a.localDescription!.sdp) });
        await b.setLocalDescription();
      })(),
    );
    expect([...b.localDescription!.sdp.matchAll(/^m=\w+ (\d+)/gm)].map(([, port]) => port)).toEqual(['9', '0']);
    b.close();
  });
});

describe('until the answer, a transport stands by for each section that may get one of its own', () => {
  const offer = async (bundlePolicy: 'balanced' | 'max-compat' | 'max-bundle') => {
    pair = new Pair({ configuration: { bundlePolicy } }).trickle();
    const { a } = pair;
    for (const kind of ['audio', 'audio', 'video']) a.addTransceiver(kind);
    a.createDataChannel('data');
    await pair.during(a.setLocalDescription());
    return a;
  };

  test.each([
    ['balanced', 3],
    ['max-compat', 4],
    ['max-bundle', 1],
  ] as const)('%s: %i of them, of which one gathers', async (policy, count) => {
    const a = await offer(policy);
    const transports = [...transportsOf(a)].map((transport) => transport!);
    expect(transports).toHaveLength(count);
    await pair.until(() => a.iceGatheringState === 'complete');
    expect(transports.filter(({ iceTransport }) => iceTransport.gatheringState !== 'new')).toHaveLength(1);
    expect(a.connectionState).toBe('new');
  });

  test('a peer that bundles has all of it on the first, and the others are closed', async () => {
    const a = await offer('balanced');
    const [first, ...others] = transportsOf(a);
    const log: string[] = [];
    for (const transport of others) record(log, transport!.iceTransport, 'statechange', () => transport!.state);
    await pair.during(
      (async () => {
        await pair.b.setRemoteDescription(a.localDescription!);
        await pair.b.setLocalDescription();
        await a.setRemoteDescription(pair.b.localDescription!);
      })(),
    );
    expect([...transportsOf(a)]).toEqual([first]);
    await settled();
    expect(others.map((transport) => [transport!.state, transport!.iceTransport.state])).toEqual([
      ['closed', 'closed'],
      ['closed', 'closed'],
    ]);
    expect(log).toEqual(['statechange: closed', 'statechange: closed']);
    await pair.until(() => a.connectionState === 'connected');
  });

  test('a peer that does not bundle goes on with them', async () => {
    pair = new Pair().trickle();
    const { a, b } = pair;
    for (const kind of ['audio', 'video']) a.addTransceiver(kind);
    a.createDataChannel('data');
    let before = new Set<unknown>();
    await pair.during(
      negotiateApart(a, b, () => {
        before = transportsOf(a);
      }),
    );
    await pair.until(() => a.connectionState === 'connected');
    expect(before.size).toBe(3);
    expect(transportsOf(a)).toEqual(before);
  });

  test('an offer that is taken back has none', async () => {
    const a = await offer('balanced');
    await pair.during(a.setLocalDescription({ type: 'rollback' }));
    expect([...transportsOf(a)]).toEqual([null]);
    expect(a.sctp).toBeNull();
  });
});
