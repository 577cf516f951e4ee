/** Transceivers through offer, answer and rollback (WebRTC §4.4.1.5, §5.4; RFC 8829 §4.1.10.2). */
import { describe, expect, test } from 'vitest';
import type { RTCPeerConnection, RTCTrackEvent } from '../../src/index.ts';
import { EncodedTrackSource, type MediaStreamTrack } from '../../src/media/index.ts';
import { Pair } from './support.ts';

const soundTrack = (): MediaStreamTrack => new EncodedTrackSource({ kind: 'audio', codec: 'audio/opus' }).track;

async function negotiate(pair: Pair, from: RTCPeerConnection = pair.a, to: RTCPeerConnection = pair.b): Promise<void> {
  await pair.during(
    (async () => {
      await from.setLocalDescription();
      await to.setRemoteDescription(from.localDescription!);
      await to.setLocalDescription();
      await from.setRemoteDescription(to.localDescription!);
    })(),
  );
}

async function offerOnly(pair: Pair): Promise<void> {
  await pair.during(
    (async () => {
      await pair.a.setLocalDescription();
      await pair.b.setRemoteDescription(pair.a.localDescription!);
    })(),
  );
}

const rollBack = (pair: Pair): Promise<void> => pair.during(pair.b.setRemoteDescription({ type: 'rollback', sdp: '' }));

function trackEvents(pc: RTCPeerConnection): RTCTrackEvent[] {
  const events: RTCTrackEvent[] = [];
  pc.addEventListener('track', (event) => events.push(event));
  return events;
}

describe('the end of a transceiver', () => {
  test('the one who stops it waits for the answer; then it is gone on both sides, with its mid', async () => {
    const pair = new Pair();
    const ours = pair.a.addTransceiver('audio');
    await negotiate(pair);
    const [theirs] = pair.b.getTransceivers();

    ours.stop();
    expect([ours.direction, ours.currentDirection, ours.mid, ours.stopped]).toEqual([
      'stopped',
      'sendonly',
      '0',
      false,
    ]);
    expect(pair.a.getSenders()).toHaveLength(1);
    await offerOnly(pair);
    expect([theirs!.currentDirection, theirs!.mid]).toEqual(['stopped', '0']);
    expect(pair.b.getTransceivers()).toEqual([theirs]);
    expect(pair.b.getReceivers()).toEqual([]);

    await pair.during(pair.b.setLocalDescription());
    expect([theirs!.mid, pair.b.getTransceivers()]).toEqual([null, []]);
    await pair.during(pair.a.setRemoteDescription(pair.b.localDescription!));
    expect([ours.currentDirection, ours.mid, pair.a.getTransceivers()]).toEqual(['stopped', null, []]);
    pair.a.close();
    pair.b.close();
  });

  test('its track ends in a task of its own, with an event', async () => {
    const pair = new Pair();
    const transceiver = pair.a.addTransceiver('audio');
    const { track } = transceiver.receiver;
    const ended = new Promise((resolve) => track.addEventListener('ended', resolve));
    transceiver.stop();
    expect(track.readyState).toBe('live');
    await ended;
    expect(track.readyState).toBe('ended');
    pair.a.close();
  });

  test('stopping is inactive in an answer: it takes an offer of ours to end it', async () => {
    const pair = new Pair();
    const theirs = pair.a.addTransceiver(soundTrack());
    await offerOnly(pair);
    const [ours] = pair.b.getTransceivers();
    const isNeeded = new Promise((resolve) => pair.b.addEventListener('negotiationneeded', resolve));
    ours!.stop();
    await pair.during(pair.b.setLocalDescription());
    await pair.during(pair.a.setRemoteDescription(pair.b.localDescription!));
    expect([ours!.direction, ours!.currentDirection, ours!.stopped]).toEqual(['stopped', 'inactive', false]);
    expect([theirs.direction, theirs.currentDirection]).toEqual(['sendrecv', 'inactive']);

    await pair.during(isNeeded);
    await negotiate(pair, pair.b, pair.a);
    expect([ours!.currentDirection, theirs.currentDirection]).toEqual(['stopped', 'stopped']);
    pair.a.close();
    pair.b.close();
  });

  test('closing the connection stops all of them', async () => {
    const pair = new Pair();
    const transceiver = pair.a.addTransceiver('audio');
    pair.a.close();
    expect([transceiver.direction, transceiver.currentDirection, transceiver.stopped]).toEqual([
      'stopped',
      'stopped',
      true,
    ]);
    expect(pair.a.getTransceivers()).toEqual([transceiver]);
  });
});

describe('rollback', () => {
  test('of an offer that took a track away tells of the track again', async () => {
    const pair = new Pair();
    const transceiver = pair.a.addTransceiver(soundTrack());
    const events = trackEvents(pair.b);
    await negotiate(pair);
    expect(events).toHaveLength(1);
    transceiver.direction = 'inactive';
    await offerOnly(pair);
    expect(events).toHaveLength(1);
    await rollBack(pair);
    expect(events.map(({ track }) => track)).toEqual([events[0]!.track, events[0]!.track]);
    pair.a.close();
    pair.b.close();
  });

  test('leaves what addTrack took over, for the next remote offer too', async () => {
    const pair = new Pair();
    pair.a.addTransceiver(soundTrack());
    await offerOnly(pair);
    pair.b.addTrack(soundTrack());
    const [transceiver] = pair.b.getTransceivers();
    await rollBack(pair);
    expect(pair.b.getTransceivers()).toEqual([transceiver]);
    expect(transceiver!.mid).toBeNull();
    await pair.during(pair.b.setRemoteDescription(pair.a.localDescription!));
    expect(pair.b.getTransceivers()).toEqual([transceiver]);
    expect(transceiver!.mid).toBe('0');
    pair.a.close();
    pair.b.close();
  });
});

test('RFC 8829 §5.10: an offer without mids gets one for each section, which stays', async () => {
  const pair = new Pair();
  pair.a.addTransceiver(soundTrack());
  const { sdp } = await pair.during(pair.a.createOffer());
  const bare = sdp.replaceAll(/a=mid:.*\r\n|a=group.*\r\n/g, '');
  await pair.during(pair.b.setRemoteDescription({ type: 'offer', sdp: bare }));
  const [transceiver] = pair.b.getTransceivers();
  const { mid } = transceiver!;
  expect(mid).not.toBeNull();
  await pair.during(pair.b.setLocalDescription());
  await pair.during(pair.b.setRemoteDescription({ type: 'offer', sdp: bare }));
  expect(pair.b.getTransceivers()).toEqual([transceiver]);
  expect(transceiver!.mid).toBe(mid);
  pair.a.close();
  pair.b.close();
});

describe('send encodings', () => {
  const rids = (pc: RTCPeerConnection): (string | undefined)[] =>
    pc
      .getSenders()[0]!
      .getParameters()
      .encodings.map(({ rid }) => rid);
  const simulcastOffer = async (pair: Pair): Promise<string> => {
    pair.a.addTransceiver('video', { direction: 'recvonly' });
    const { sdp } = await pair.during(pair.a.createOffer());
    return `${sdp}a=rid:hi recv\r\na=rid:lo recv\r\na=simulcast:recv hi;lo\r\n`;
  };

  test('one that the peer leaves of several keeps its rid and what was set, and has no rid in the next offer', async () => {
    const pair = new Pair();
    pair.a.addTransceiver('video', { sendEncodings: [{ rid: 'hi', maxBitrate: 500_000 }, { rid: 'lo' }] });
    const { sdp } = await pair.during(pair.a.createOffer());
    await pair.during(pair.a.setLocalDescription());
    const unicast = sdp.replaceAll(/a=(?:rid|simulcast):.*\r\n/g, '');
    await pair.during(pair.b.setRemoteDescription({ type: 'offer', sdp: unicast }));
    await pair.during(pair.b.setLocalDescription());
    await pair.during(pair.a.setRemoteDescription(pair.b.localDescription!));
    expect(pair.a.getSenders()[0]!.getParameters().encodings).toMatchObject([{ rid: 'hi', maxBitrate: 500_000 }]);
    expect((await pair.during(pair.a.createOffer())).sdp).not.toContain('a=rid');
    pair.a.close();
    pair.b.close();
  });

  test('not sending is no word about simulcast', async () => {
    const pair = new Pair();
    const transceiver = pair.b.addTransceiver('video', { sendEncodings: [{ rid: 'hi' }, { rid: 'lo' }] });
    transceiver.direction = 'recvonly';
    await negotiate(pair, pair.b, pair.a);
    expect(rids(pair.b)).toEqual(['hi', 'lo']);
    pair.a.close();
    pair.b.close();
  });

  test('a rollback takes back what an offer asked for, and what was set of it', async () => {
    const pair = new Pair();
    pair.b.addTrack(new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' }).track);
    await pair.during(pair.b.setRemoteDescription({ type: 'offer', sdp: await simulcastOffer(pair) }));
    expect(rids(pair.b)).toEqual(['hi', 'lo']);
    const [sender] = pair.b.getSenders();
    const parameters = sender!.getParameters();
    parameters.encodings[0]!.maxBitrate = 100_000;
    await pair.during(sender!.setParameters(parameters));
    await rollBack(pair);
    expect(sender!.getParameters().encodings).toEqual([{ active: true, scaleResolutionDownBy: 1 }]);
    pair.a.close();
    pair.b.close();
  });

  test('a codec that an answer leaves out is not asked for any more', async () => {
    const pair = new Pair();
    const codec = { mimeType: 'audio/PCMU', clockRate: 8000, channels: 1 };
    pair.a.addTransceiver('audio', { sendEncodings: [{ codec }] });
    await pair.during(pair.a.setLocalDescription());
    await pair.during(pair.b.setRemoteDescription(pair.a.localDescription!));
    const opus = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, sdpFmtpLine: 'minptime=10;useinbandfec=1' };
    pair.b.getTransceivers()[0]!.setCodecPreferences([opus]);
    await pair.during(pair.b.setLocalDescription());
    await pair.during(pair.a.setRemoteDescription(pair.b.localDescription!));
    expect(pair.a.getSenders()[0]!.getParameters().encodings[0]!.codec).toBeUndefined();
    pair.a.close();
    pair.b.close();
  });

  test('of a codec, the peer may take a lower level than is asked for', async () => {
    const pair = new Pair();
    const { sender } = pair.a.addTransceiver('video', { direction: 'sendonly' });
    await pair.during(pair.a.setLocalDescription());
    await pair.during(pair.b.setRemoteDescription(pair.a.localDescription!));
    await pair.during(pair.b.setLocalDescription());
    const lower = pair.b.localDescription!.sdp.replace('level-id=93', 'level-id=30');
    await pair.during(pair.a.setRemoteDescription({ type: 'answer', sdp: lower }));
    const parameters = sender.getParameters();
    const negotiated = parameters.codecs.find(({ mimeType }) => mimeType === 'video/H265')!;
    expect(negotiated.sdpFmtpLine).toContain('level-id=30');
    const { payloadType: _, ...codec } = negotiated;
    const highest = { ...codec, sdpFmtpLine: codec.sdpFmtpLine!.replace('level-id=30', 'level-id=93') };
    for (const wanted of [codec, highest]) {
      parameters.encodings[0]!.codec = wanted;
      await pair.during(sender.setParameters(parameters));
      Object.assign(parameters, sender.getParameters());
      expect(parameters.encodings[0]!.codec).toEqual(wanted);
    }
    const main10 = { ...codec, sdpFmtpLine: codec.sdpFmtpLine!.replace('profile-id=1', 'profile-id=2') };
    parameters.encodings[0]!.codec = main10;
    await expect(pair.during(sender.setParameters(parameters))).rejects.toMatchObject({
      name: 'InvalidModificationError',
    });
    pair.a.close();
    pair.b.close();
  });

  test('a codec that there is not is an invalid modification', async () => {
    const pair = new Pair();
    const { sender } = pair.a.addTransceiver('audio');
    const parameters = sender.getParameters();
    parameters.encodings[0]!.codec = { mimeType: 'audio/none', clockRate: 8000, channels: 1 };
    await expect(sender.setParameters(parameters)).rejects.toMatchObject({ name: 'InvalidModificationError' });
    pair.a.close();
  });
});

test('RFC 8285 §6: a header extension cannot get the id of another one later', async () => {
  const pair = new Pair();
  pair.a.addTransceiver('audio');
  await negotiate(pair);
  await offerOnly(pair);
  const { sdp } = await pair.during(pair.b.createAnswer());
  const [mid, level] = ['urn:ietf:params:rtp-hdrext:sdes:mid', 'urn:ietf:params:rtp-hdrext:ssrc-audio-level'];
  const swapped = sdp.replace(mid, 'other').replace(level, mid).replace('other', level);
  const answered = pair.during(pair.a.setRemoteDescription({ type: 'answer', sdp: swapped }));
  await expect(answered).rejects.toMatchObject({ name: 'InvalidAccessError' });
  pair.a.close();
  pair.b.close();
});

describe('header extensions to negotiate (WebRTC Extensions)', () => {
  const ORIENTATION = 'urn:3gpp:video-orientation';
  const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';

  test('one that is stopped is left out, and comes back when the application says so', async () => {
    const pair = new Pair();
    const transceiver = pair.a.addTransceiver('video');
    const extensions = transceiver.getHeaderExtensionsToNegotiate();
    const orientation = extensions.find(({ uri }) => uri === ORIENTATION)!;
    const negotiated = (): string | undefined =>
      transceiver.getNegotiatedHeaderExtensions().find(({ uri }) => uri === ORIENTATION)?.direction;
    expect(negotiated()).toBe('stopped');
    orientation.direction = 'stopped';
    transceiver.setHeaderExtensionsToNegotiate(extensions);
    await negotiate(pair);
    expect(pair.a.localDescription!.sdp).not.toContain(ORIENTATION);
    expect(negotiated()).toBe('stopped');

    orientation.direction = 'sendrecv';
    transceiver.setHeaderExtensionsToNegotiate(extensions);
    await negotiate(pair);
    expect(negotiated()).toBe('sendrecv');
    pair.a.close();
    pair.b.close();
  });

  test('the list stays as it is, and the mandatory one in it', () => {
    const { a } = new Pair();
    const transceiver = a.addTransceiver('audio');
    const extensions = transceiver.getHeaderExtensionsToNegotiate();
    const set = (given: typeof extensions): void => transceiver.setHeaderExtensionsToNegotiate(given);
    const invalid = expect.objectContaining({ name: 'InvalidModificationError' });
    expect(() => set(extensions.slice(1))).toThrow(invalid);
    expect(() => set(extensions.map((one) => ({ ...one, uri: 'urn:other' })))).toThrow(invalid);
    expect(() => set(extensions.map((one) => (one.uri === MID ? { ...one, direction: 'inactive' } : one)))).toThrow(
      invalid,
    );
    expect(() => set(extensions.map((one) => ({ ...one, uri: '' })))).toThrow(TypeError);
    a.close();
  });
});

test('RFC 5761 §4: payload types from 64 to 95 are not taken', async () => {
  const pair = new Pair();
  pair.a.addTransceiver('audio');
  const { sdp } = await pair.during(pair.a.createOffer());
  const reserved = sdp
    .replace('m=audio 9 UDP/TLS/RTP/SAVPF ', '$&64 ')
    .replace('a=rtpmap', 'a=rtpmap:64 x/8000\r\na=rtpmap');
  const offered = pair.during(pair.b.setRemoteDescription({ type: 'offer', sdp: reserved }));
  await expect(offered).rejects.toMatchObject({ name: 'InvalidAccessError' });
  pair.a.close();
  pair.b.close();
});

describe('a direction that changes', () => {
  const ssrcs = (pc: RTCPeerConnection): string[] =>
    [...pc.localDescription!.sdp.matchAll(/^a=ssrc:(\d+) cname/gm)].map(([, ssrc]) => ssrc!);

  test('what sends again does so under another SSRC: Chromium shows nothing of one that it has known', async () => {
    const pair = new Pair();
    const transceiver = pair.a.addTransceiver(soundTrack(), { direction: 'sendonly' });
    await negotiate(pair);
    const before = ssrcs(pair.a);
    expect(before).toHaveLength(1);
    await negotiate(pair);
    expect(ssrcs(pair.a)).toEqual(before); // while it may send, it stays

    transceiver.direction = 'inactive';
    await negotiate(pair);
    expect(ssrcs(pair.a)).toEqual([]);
    transceiver.direction = 'sendonly';
    pair.b.getTransceivers()[0]!.direction = 'inactive'; // offered, and not wanted yet: it has been seen
    await negotiate(pair);
    const offered = ssrcs(pair.a);
    pair.b.getTransceivers()[0]!.direction = 'recvonly';
    await negotiate(pair);
    expect(new Set([...before, ...offered, ...ssrcs(pair.a)]).size).toBe(3);
    pair.a.close();
    pair.b.close();
  });

  test('an answer tells of the streams that the peer does not want now, so that there is nothing to offer', async () => {
    const pair = new Pair();
    pair.b.addTransceiver(soundTrack(), { direction: 'sendrecv' });
    await negotiate(pair, pair.b, pair.a);
    let needed = 0;
    pair.b.onnegotiationneeded = () => needed++;
    pair.a.getTransceivers()[0]!.direction = 'inactive';
    await negotiate(pair);
    expect(pair.b.localDescription!.sdp).toMatch(/^a=inactive\r\n(.+\r\n)*a=msid:-/m);
    expect(pair.b.getTransceivers()[0]!.direction).toBe('sendrecv');
    expect([needed, pair.b.signalingState]).toEqual([0, 'stable']);
    pair.a.close();
    pair.b.close();
  });
});
