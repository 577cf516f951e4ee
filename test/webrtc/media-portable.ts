/**
 * A call without a test framework: pictures and sound from one connection to another on this machine, read as frames and
 * recorded. Its last line is `ok`, and it ends by itself.
 */
import { RTCPeerConnection, type RTCTrackEvent } from '../../src/index.ts';
import { encodedFrames, readMediaFile, recordTracks, testTrack } from '../../src/media/index.ts';

const FRAMES = 20;

const [a, b] = [new RTCPeerConnection({}, { loopback: true }), new RTCPeerConnection({}, { loopback: true })];
a.onicecandidate = ({ candidate }) => void b.addIceCandidate(candidate);
b.onicecandidate = ({ candidate }) => void a.addIceCandidate(candidate);
const tracks = [testTrack('video'), testTrack('audio')];
for (const track of tracks) a.addTrack(track);
const arrived: RTCTrackEvent['track'][] = [];
b.ontrack = ({ track }) => arrived.push(track);

await a.setLocalDescription();
await b.setRemoteDescription(a.localDescription!);
await b.setLocalDescription();
await a.setRemoteDescription(b.localDescription!);
if (arrived.length !== 2) throw new Error(`${arrived.length} tracks have come`);

const recorder = recordTracks(arrived, undefined, { format: 'mkv' });
await Promise.all(
  arrived.map(async (track) => {
    let count = 0;
    for await (const frame of encodedFrames(track)) {
      if (frame.data.byteLength === 0) throw new Error(`an empty frame of ${track.kind}`);
      if (++count === FRAMES) break;
    }
    console.log(`${count} frames of ${track.kind}`);
  }),
);
const file = await recorder.stop();
const { tracks: recorded } = await readMediaFile(file!);
const kinds = recorded.map(({ kind, codec }) => `${kind} ${codec.mimeType}`).sort();
console.log(kinds.join(', '));
if (kinds.length !== 2) throw new Error('not recorded');
for (const track of tracks) track.stop();
a.close();
b.close();
console.log('ok');
