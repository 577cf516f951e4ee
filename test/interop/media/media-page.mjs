/** What a browser's page does in the media tests: sources of pictures and sound, and instruments that look and listen. */
import { negotiator } from '/negotiator.mjs';

const WIDTH = 320;
const HEIGHT = 240;
const FRAMES_PER_SECOND = 20;
/** 48,000 Hz / 8192 is less than 6 Hz a bin. */
const FFT_SIZE = 8192;

const audio = new AudioContext({ sampleRate: 48_000 });
let messages = [];
let wanted = null;
/** The call that is on. */
let call = null;

function deliver() {
  if (wanted === null || messages.length === 0) return;
  wanted(JSON.stringify(messages));
  messages = [];
  wanted = null;
}

/** A left and a right colour, and a square that moves along the bottom, so that no two pictures are the same. */
function pictureTrack({ left, right = left, width = WIDTH, height = HEIGHT }) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  let n = 0;
  const draw = () => {
    context.fillStyle = left;
    context.fillRect(0, 0, width / 2, height);
    context.fillStyle = right;
    context.fillRect(width / 2, 0, width / 2, height);
    context.fillStyle = '#fff';
    context.fillRect((8 * n++) % width, height - 24, 24, 24);
  };
  draw();
  const timer = setInterval(draw, 1000 / FRAMES_PER_SECOND);
  call.endings.push(() => clearInterval(timer));
  return canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
}

function toneTrack({ frequency }) {
  const oscillator = new OscillatorNode(audio, { frequency });
  const destination = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
  oscillator.connect(new GainNode(audio, { gain: 0.25 })).connect(destination);
  oscillator.start();
  call.endings.push(() => oscillator.stop());
  return destination.stream.getAudioTracks()[0];
}

function makeTrack(source) {
  return 'frequency' in source ? toneTrack(source) : pictureTrack(source);
}

function prefer(transceiver, kind, name) {
  const { codecs } = RTCRtpReceiver.getCapabilities(kind);
  const wantedType = `${kind}/${name}`.toLowerCase();
  transceiver.setCodecPreferences(
    codecs.filter(({ mimeType }) => [wantedType, `${kind}/rtx`].includes(mimeType.toLowerCase())),
  );
}

function byMid(mid) {
  const transceiver = call.pc.getTransceivers().find((each) => each.mid === mid);
  if (transceiver === undefined) throw new Error(`no transceiver has the mid ${mid}`);
  return transceiver;
}

/** A remote video on the screen, once for its track. */
function videoOf(track) {
  let video = call.videos.get(track);
  if (video === undefined) {
    video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true });
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
    call.videos.set(track, video);
  }
  return video;
}

function analyserOf(track) {
  let analyser = call.analysers.get(track);
  if (analyser === undefined) {
    const stream = new MediaStream([track]);
    // Chromium gives an AudioContext nothing of a remote track that no element plays.
    const element = Object.assign(new Audio(), { srcObject: stream, muted: true, autoplay: true });
    analyser = new AnalyserNode(audio, { fftSize: FFT_SIZE, smoothingTimeConstant: 0 });
    const source = new MediaStreamAudioSourceNode(audio, { mediaStream: stream });
    source.connect(analyser);
    call.analysers.set(track, analyser);
    call.endings.push(() => {
      source.disconnect();
      element.srcObject = null;
    });
  }
  return analyser;
}

const methods = {
  async open({ polite, answers = [] }) {
    await audio.resume();
    const pc = new RTCPeerConnection();
    call = { pc, endings: [], videos: new Map(), analysers: new Map(), negotiator: null, tones: [] };
    call.negotiator = negotiator(pc, {
      polite,
      send: (message) => {
        messages.push(message);
        deliver();
      },
      beforeAnswer: async () => {
        // What the other side only wants to receive is filled from the list, in its order.
        for (const [i, source] of answers.entries()) {
          const transceiver = pc.getTransceivers()[i];
          if (transceiver === undefined || transceiver.sender.track !== null) continue;
          await transceiver.sender.replaceTrack(makeTrack(source));
          transceiver.direction = 'sendonly';
        }
      },
    });
  },

  close() {
    if (call === null) return;
    const { faults } = call.negotiator;
    call.pc.close();
    for (const end of call.endings) end();
    for (const video of call.videos.values()) {
      video.srcObject = null;
      video.remove();
    }
    call = null;
    messages = [];
    return faults;
  },

  async signal({ message }) {
    await call?.negotiator.receive(message);
  },

  counts: () => call.negotiator.counts,
  connectionState: () => call.pc.connectionState,

  /** Names of codecs, without what repairs and protects. */
  codecs: ({ kind }) => [
    ...new Set(RTCRtpSender.getCapabilities(kind).codecs.map(({ mimeType }) => mimeType.slice(kind.length + 1))),
  ],

  /** As `addTrack` of a new source. */
  addTrack({ source }) {
    const track = makeTrack(source);
    const sender = call.pc.addTrack(track, new MediaStream([track]));
    return call.pc.getTransceivers().findIndex((each) => each.sender === sender);
  },

  /** As `addTransceiver`, several at once so that they come in one offer. */
  addTransceivers({ transceivers }) {
    for (const { kind, source, direction, codec } of transceivers) {
      const transceiver = call.pc.addTransceiver(source === undefined ? kind : makeTrack(source), { direction });
      if (codec !== undefined) prefer(transceiver, kind, codec);
    }
  },

  setDirection({ mid, direction }) {
    byMid(mid).direction = direction;
  },
  removeTrack: ({ mid }) => call.pc.removeTrack(byMid(mid).sender),
  stop: ({ mid }) => byMid(mid).stop(),
  restartIce: () => call.pc.restartIce(),
  async replaceTrack({ mid, source }) {
    await byMid(mid).sender.replaceTrack(source === null ? null : makeTrack(source));
  },

  transceivers: () =>
    call.pc.getTransceivers().map(({ mid, direction, currentDirection, receiver }) => ({
      mid,
      kind: receiver.track.kind,
      direction,
      currentDirection,
      state: receiver.track.readyState,
      muted: receiver.track.muted,
    })),

  /** The colours at points of the picture, as fractions of its width and height; null while there is none. */
  pixels({ mid, points }) {
    const video = videoOf(byMid(mid).receiver.track);
    if (video.videoWidth === 0 || video.readyState < 2) return null;
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    return points.map(([x, y]) =>
      [...context.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data].slice(0, 3),
    );
  },

  /** The strongest frequencies of the sound: in Hz, with the level in dB of full scale. */
  spectrum({ mid, count = 1 }) {
    const analyser = analyserOf(byMid(mid).receiver.track);
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const peaks = [];
    for (let i = 2; i < levels.length - 1; i++) {
      if (levels[i] > levels[i - 1] && levels[i] >= levels[i + 1]) {
        peaks.push({ frequency: (i * audio.sampleRate) / FFT_SIZE, level: Math.max(levels[i], -200) });
      }
    }
    return peaks.sort((a, b) => b.level - a.level).slice(0, count);
  },

  insertDTMF({ mid, tones, duration, gap }) {
    const { dtmf } = byMid(mid).sender;
    dtmf.ontonechange = ({ tone }) => call.tones.push(tone);
    dtmf.insertDTMF(tones, duration, gap);
  },
  tones: () => call.tones,

  async stats() {
    return [...(await call.pc.getStats()).values()];
  },
  remoteDescription: () => call.pc.remoteDescription?.sdp ?? null,
};

globalThis.takeMessages = () =>
  new Promise((resolve) => {
    wanted = resolve;
    deliver();
  });
globalThis.callPage = async (method, params) => {
  try {
    return JSON.stringify({ result: (await methods[method](JSON.parse(params))) ?? null });
  } catch (error) {
    return JSON.stringify({ error: String(error) });
  }
};
