/** `getStats()`: what is in the report when. */
import { afterEach, expect, test } from 'vitest';
import { Pair } from './support.ts';

let pair: Pair;
afterEach(() => pair.close());

test('a candidate learned from a check is listed before the description that will tell it', async () => {
  pair = new Pair();
  pair.a.onicecandidate = ({ candidate }) => void pair.b.addIceCandidate(candidate).catch(() => {});
  pair.a.createDataChannel('x');
  await pair.a.setLocalDescription();
  await pair.b.setRemoteDescription(pair.a.localDescription!);
  await pair.b.setLocalDescription();
  await pair.until(() => pair.a.iceConnectionState === 'checking');
  const remotes = async () => [...(await pair.a.getStats()).values()].filter(({ type }) => type === 'remote-candidate');
  // webrtc-stats, RTCIceCandidateStats.address: not told before signalling has told it.
  expect(await remotes()).toMatchObject([{ candidateType: 'prflx', address: null, transportId: 'T0' }]);
  expect((await remotes())[0]).not.toHaveProperty('usernameFragment');
  await pair.a.setRemoteDescription(pair.b.localDescription!);
  expect(await remotes()).toMatchObject([{ candidateType: 'host', address: '192.0.2.2', transportId: 'T0' }]);
  await pair.until(() => pair.a.iceConnectionState === 'completed' || pair.a.iceConnectionState === 'connected');
});
