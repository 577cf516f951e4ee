// A server that browsers connect to over WebRTC: one HTTP request carries the offer and its answer, then every message
// on every channel comes back. Run it and open the page it names.
import { createServer } from 'node:http';
import { RTCPeerConnection } from 'purertc';

const PAGE = `<!doctype html><meta charset="utf-8"><title>Echo</title><input id="text" placeholder="say something"><pre id="log"></pre>
<script type="module">
  const pc = new RTCPeerConnection();
  const channel = pc.createDataChannel('echo');
  channel.onopen = () => { document.title = 'Echo: open'; };
  channel.onmessage = ({ data }) => log.append(data, '\\n');
  text.onchange = () => { channel.send(text.value); text.value = ''; };
  await pc.setLocalDescription();
  const answer = await fetch('/offer', { method: 'POST', body: JSON.stringify(pc.localDescription) });
  await pc.setRemoteDescription(await answer.json());
</script>`;

/** One connection per offer. The answer waits for all our candidates, so that no further signaling is needed. */
async function answer(offer) {
  const pc = new RTCPeerConnection();
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'failed') pc.close();
  };
  pc.ondatachannel = ({ channel }) => {
    channel.onmessage = ({ data }) => channel.send(data);
    channel.onclose = () => pc.close();
  };
  await pc.setRemoteDescription(offer);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription;
}

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify(await answer(JSON.parse(body))));
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
server.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`);
});
