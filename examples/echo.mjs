// Sends a browser's camera and microphone back to it: one HTTP request carries the offer and its answer. Run it and open
// the page it names.
import { createServer } from 'node:http';
import { RTCPeerConnection } from 'purertc';

const PAGE = `<!doctype html><meta charset="utf-8"><title>Echo</title><video autoplay muted playsinline controls></video>
<script type="module">
  const pc = new RTCPeerConnection();
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  const video = document.querySelector('video');
  video.onresize = () => { document.title = 'Echo: ' + video.videoWidth; };
  pc.ontrack = ({ streams }) => { video.srcObject = streams[0]; };
  await pc.setLocalDescription();
  const answer = await fetch('/offer', { method: 'POST', body: JSON.stringify(pc.localDescription) });
  await pc.setRemoteDescription(await answer.json());
</script>`;

/** The answer waits for all our candidates, so that no further signaling is needed. */
async function answer(pc, offer) {
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'failed') pc.close();
  };
  await pc.setRemoteDescription(offer);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription;
}

function echo(offer) {
  const pc = new RTCPeerConnection();
  // Packets go back as they came: nothing is decoded. What the browser's decoder misses, its encoder is asked for.
  pc.ontrack = ({ track, streams }) => pc.addTrack(track, ...streams);
  return answer(pc, offer);
}

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify(await echo(JSON.parse(body))));
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
server.listen(Number(process.env.PORT ?? 8082), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`);
});
