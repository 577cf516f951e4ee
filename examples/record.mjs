// Records a browser's camera and microphone to a file, as they are encoded there: `node record.mjs call.webm`.
import { createServer } from 'node:http';
import { RTCPeerConnection } from 'purertc';
import { recordTracks } from 'purertc/media';

const PAGE = `<!doctype html><meta charset="utf-8"><title>Record</title><button>Stop</button>
<script type="module">
  const pc = new RTCPeerConnection();
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  const post = (path, body) => fetch(path, { method: 'POST', body: JSON.stringify(body) }).then((it) => it.json());
  await pc.setLocalDescription();
  await pc.setRemoteDescription(await post('/offer', pc.localDescription));
  document.querySelector('button').onclick = async () => { document.title = await post('/stop', {}); pc.close(); };
</script>`;

const [file = 'call.webm'] = process.argv.slice(2);
let recording = null;

/** The answer waits for all our candidates, so that no further signaling is needed. */
async function answer(pc, offer) {
  await pc.setRemoteDescription(offer);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription;
}

async function start(offer) {
  await stop();
  const pc = new RTCPeerConnection();
  const tracks = [];
  pc.ontrack = ({ track }) => tracks.push(track);
  const description = await answer(pc, offer);
  recording = { pc, recorder: recordTracks(tracks, file) };
  return description;
}

async function stop() {
  if (recording === null) return 'nothing to stop';
  const { pc, recorder } = recording;
  recording = null;
  await recorder.stop(); // rejects where something was wrong with the file
  pc.close();
  return `${recorder.stats.framesWritten} frames in ${file}`;
}

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify(request.url === '/stop' ? await stop() : await start(JSON.parse(body))));
  } catch (error) {
    response.writeHead(400).end(JSON.stringify(String(error)));
  }
});
server.listen(Number(process.env.PORT ?? 8084), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`);
});
