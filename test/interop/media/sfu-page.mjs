/** A publisher and viewers in one page, for the forwarding test. Signaling is by whole descriptions. */
/** Chromium sends three layers from this size on; of 640 × 360 two. */
const WIDTH = 960;
const HEIGHT = 540;
const FRAMES_PER_SECOND = 20;
const TILE = 12;
/** Of each picture, so many get another colour: its bandwidth estimate grows only if layers need what they may have. */
const TILES = 60;

const connections = new Map();
/** Pictures made so far. */
let drawn = 0;

/** A square that moves, and a little noise: no two pictures are the same. */
function movingPicture() {
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext('2d');
  const random = (below) => Math.floor(Math.random() * below);
  setInterval(() => {
    context.fillStyle = '#238';
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = '#fd0';
    context.fillRect((9 * drawn++) % WIDTH, HEIGHT / 3, 80, 80);
    for (let i = 0; i < TILES; i++) {
      context.fillStyle = `rgb(${random(256)} ${random(256)} ${random(256)})`;
      context.fillRect(TILE * random(WIDTH / TILE), TILE * random(HEIGHT / TILE), TILE, TILE);
    }
  }, 1000 / FRAMES_PER_SECOND);
  return canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
}

async function gathered(pc) {
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return pc.localDescription.sdp;
}

globalThis.publish = async () => {
  const pc = new RTCPeerConnection();
  connections.set('publisher', { pc });
  const sendEncodings = [{ rid: 'l', scaleResolutionDownBy: 4 }, { rid: 'm', scaleResolutionDownBy: 2 }, { rid: 'h' }];
  const transceiver = pc.addTransceiver(movingPicture(), { direction: 'sendonly', sendEncodings });
  const { codecs } = RTCRtpSender.getCapabilities('video');
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => /VP8|rtx/.test(mimeType)));
  // A busy machine makes fewer pictures, not smaller ones: the test tells layers by their size.
  const { sender } = transceiver;
  await sender.setParameters({ ...sender.getParameters(), degradationPreference: 'maintain-resolution' });
  return gathered(pc);
};

globalThis.takeAnswer = (sdp) => connections.get('publisher').pc.setRemoteDescription({ type: 'answer', sdp });

/** Takes our offer, and watches what it brings. */
globalThis.view = async (id, sdp) => {
  const pc = new RTCPeerConnection();
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true });
  const seen = { pc, video, frames: 0, last: null, longestGap: 0, longestGapDrawn: 0 };
  connections.set(id, seen);
  document.body.append(video);
  const note = (now) => {
    seen.frames++;
    if (seen.last !== null) {
      seen.longestGap = Math.max(seen.longestGap, now - seen.last.now);
      seen.longestGapDrawn = Math.max(seen.longestGapDrawn, drawn - seen.last.drawn);
    }
    seen.last = { now, drawn };
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
  pc.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
  };
  await pc.setRemoteDescription({ type: 'offer', sdp });
  return gathered(pc);
};

globalThis.seen = (id) => {
  const { frames, last, longestGap, longestGapDrawn, video } = connections.get(id);
  const made = Math.max(longestGapDrawn, last === null ? 0 : drawn - last.drawn);
  return { frames, longestGap, longestGapMade: (made * 1000) / FRAMES_PER_SECOND, width: video.videoWidth };
};

globalThis.leave = (id) => {
  const { pc, video } = connections.get(id);
  pc.close();
  video.remove();
  connections.delete(id);
};
