// One publisher, many viewers: packets are forwarded, and each viewer chooses among the publisher's encodings. Run it and
// open the page it names twice: with ?publish, and without.
import { createServer } from 'node:http';
import { RTCPeerConnection } from 'purertc';
import { LayerSelector } from 'purertc/media';

const PAGE = `<!doctype html><meta charset="utf-8"><title>SFU</title><video autoplay muted playsinline controls></video>
<p><button>q</button><button>h</button><button>f</button>
<script type="module">
  const pc = new RTCPeerConnection();
  const video = document.querySelector('video');
  const isPublisher = location.search === '?publish';
  if (isPublisher) {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720 } });
    pc.addTrack(video.srcObject.getAudioTracks()[0]);
    const sendEncodings = [{ rid: 'q' }, { rid: 'h' }, { rid: 'f' }]; // a quarter of the size, half, and all of it
    pc.addTransceiver(video.srcObject.getVideoTracks()[0], { direction: 'sendonly', sendEncodings });
  } else {
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
    video.srcObject = new MediaStream();
    pc.ontrack = ({ track }) => video.srcObject.addTrack(track);
    const choice = pc.createDataChannel('choice');
    for (const button of document.querySelectorAll('button')) button.onclick = () => choice.send(button.textContent);
  }
  await pc.setLocalDescription();
  const offer = { method: 'POST', body: JSON.stringify(pc.localDescription) };
  const answer = await fetch(isPublisher ? '/publish' : '/view', offer);
  await pc.setRemoteDescription(await answer.json());
</script>`;

let published = [];

async function answer(pc, offer, atEnd = () => {}) {
  pc.onconnectionstatechange = () => {
    if (pc.connectionState !== 'failed') return;
    pc.close();
    atEnd();
  };
  await pc.setRemoteDescription(offer);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription;
}

const post = {
  '/publish': (offer) => {
    const pc = new RTCPeerConnection();
    published = [];
    pc.ontrack = ({ track }) => published.push(track);
    return answer(pc, offer);
  },
  '/view': (offer) => {
    const pc = new RTCPeerConnection();
    const [audio, video] = ['audio', 'video'].map((kind) => published.find((track) => track.kind === kind));
    const selector = video && new LayerSelector(video, { selection: { rid: 'q' } });
    for (const track of [audio, selector?.track]) if (track) pc.addTrack(track);
    pc.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => selector?.select({ rid: data });
    };
    return answer(pc, offer, () => selector?.stop());
  },
};

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  let body = '';
  for await (const chunk of request) body += chunk;
  response.end(JSON.stringify(await post[request.url](JSON.parse(body))));
});
server.listen(Number(process.env.PORT ?? 8085), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`);
});
