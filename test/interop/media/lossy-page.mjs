/** One call of sound and pictures both ways, for the test of repair. Signaling is by whole descriptions. */
const WIDTH = 320;
const HEIGHT = 240;
const FRAMES_PER_SECOND = 60;
const TILE = 8;
/** Of each picture, so many get another colour: frames of a few packets. */
const TILES = 80;
const FREQUENCY = 440;

let pc = null;
/** Whether there are new pictures. */
let isDrawing = true;

function pictures() {
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext('2d');
  const random = (below) => Math.floor(Math.random() * below);
  setInterval(() => {
    for (let i = 0; isDrawing && i < TILES; i++) {
      context.fillStyle = `rgb(${random(256)} ${random(256)} ${random(256)})`;
      context.fillRect(TILE * random(WIDTH / TILE), TILE * random(HEIGHT / TILE), TILE, TILE);
    }
  }, 1000 / FRAMES_PER_SECOND);
  return canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
}

async function tone() {
  const audio = new AudioContext({ sampleRate: 48_000 });
  await audio.resume();
  const oscillator = new OscillatorNode(audio, { frequency: FREQUENCY });
  const destination = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
  oscillator.connect(new GainNode(audio, { gain: 0.25 })).connect(destination);
  oscillator.start();
  return destination.stream.getAudioTracks()[0];
}

/** The codecs of these names first, of the others none. */
function prefer(transceiver, kind, names) {
  const { codecs } = RTCRtpReceiver.getCapabilities(kind);
  transceiver.setCodecPreferences(
    names.flatMap((name) => codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `${kind}/${name}`)),
  );
}

/** @param video names of its codecs, best first */
globalThis.offerCall = async (video = ['vp8', 'rtx']) => {
  pc?.close();
  pc = new RTCPeerConnection();
  prefer(pc.addTransceiver(await tone()), 'audio', ['red', 'opus']);
  prefer(pc.addTransceiver(pictures()), 'video', video);
  pc.ontrack = ({ track }) => {
    const element = Object.assign(document.createElement(track.kind), { autoplay: true, playsInline: true });
    element.srcObject = new MediaStream([track]);
    document.body.append(element);
  };
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription.sdp;
};

globalThis.takeAnswer = (sdp) => pc.setRemoteDescription({ type: 'answer', sdp });

globalThis.draw = (value) => {
  isDrawing = value;
};

globalThis.streamStats = async (type, kind) =>
  [...(await pc.getStats()).values()].find((stats) => stats.type === type && stats.kind === kind) ?? null;
