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
