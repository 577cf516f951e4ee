/** A connection whose descriptions lose their bundles on the way. Signaling is by whole descriptions. */
const pc = new RTCPeerConnection();
const channel = pc.createDataChannel('data', { negotiated: true, id: 0 });
channel.onmessage = ({ data }) => channel.send(`${data} back`);

const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
const context = canvas.getContext('2d');
setInterval(() => {
  context.fillStyle = `hsl(${performance.now() % 360} 80% 50%)`;
  context.fillRect(0, 0, 160, 120);
}, 50);
const sound = new AudioContext();
const oscillator = sound.createOscillator();
const destination = sound.createMediaStreamDestination();
oscillator.connect(destination);
oscillator.start();
const tracks = [...destination.stream.getTracks(), ...canvas.captureStream(20).getTracks()];

async function gathered() {
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription.sdp;
}

globalThis.offer = () => {
  for (const track of tracks) pc.addTrack(track);
  return gathered();
};

globalThis.answer = async (sdp) => {
  await pc.setRemoteDescription({ type: 'offer', sdp });
  for (const track of tracks) pc.addTrack(track);
  return gathered();
};

globalThis.take = (sdp) => pc.setRemoteDescription({ type: 'answer', sdp });

globalThis.transports = () => {
  const all = new Set([pc.sctp.transport, ...pc.getSenders().map(({ transport }) => transport)]);
  return [...all].map(({ state }) => state);
};
