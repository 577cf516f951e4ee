// Plays a media file to whoever opens the page, from its beginning for each: `node play-file.mjs clip.webm`. Without a
// file there is a test picture and a tone.
import { createServer } from 'node:http';
import { RTCPeerConnection } from 'purertc';
import { MediaPlayer, playFile, testMedia } from 'purertc/media';

const PAGE = `<!doctype html><meta charset="utf-8"><title>Play</title><video autoplay muted playsinline controls></video>
<script type="module">
  const pc = new RTCPeerConnection();
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
  pc.ontrack = ({ streams }) => { document.querySelector('video').srcObject = streams[0]; };
  await pc.setLocalDescription();
  const answer = await fetch('/offer', { method: 'POST', body: JSON.stringify(pc.localDescription) });
  await pc.setRemoteDescription(await answer.json());
</script>`;

const [file] = process.argv.slice(2);

/** The answer waits for all our candidates, so that no further signaling is needed. */
async function answer(pc, offer) {
  await pc.setRemoteDescription(offer);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription;
}

async function play(offer) {
  const player =
    file === undefined
      ? new MediaPlayer([testMedia('video'), testMedia('audio')])
      : await playFile(file, { loop: true });
  const pc = new RTCPeerConnection();
  for (const track of player.tracks) pc.addTrack(track, player.stream); // begins once the connection is there
  pc.onconnectionstatechange = () => {
    if (pc.connectionState !== 'failed') return;
    pc.close();
    player.stop();
  };
  return answer(pc, offer);
}

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify(await play(JSON.parse(body))));
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
server.listen(Number(process.env.PORT ?? 8083), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`);
});
