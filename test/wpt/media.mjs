/**
 * Where a page gets media from, and where it plays it: `getUserMedia`, `AudioContext`, `canvas.captureStream` and the
 * media elements, made of what `purertc/media` gives to everybody. The pictures are VP8, the sound is Opus: real frames
 * at real times. Nothing is decoded, so what a test wants to see in a picture or to hear, it does not.
 */
import { HTMLElement } from './elements.mjs';

const TICK_MS = 10;
const TIME_UPDATE_MS = 50;
const SOUND_FRAME_US = 20_000;
/** A page that was held up goes on from where it is: more than this is not made up for. */
const MOST_LATE_US = 200_000;

/**
 * @param api the built `purertc`
 * @param door the built `purertc/media`
 */
export function makeMedia({ MediaStream }, { EncodedTrackSource, encodedFrames, opusSilenceFrames, vp8TestPicture }) {
  const sources = new Set();
  const timer = setInterval(() => {
    for (const source of sources) source.run();
  }, TICK_MS);
  timer.unref?.();

  function audioTrack() {
    const frames = opusSilenceFrames();
    return makeTrack({ kind: 'audio', codec: 'audio/opus' }, SOUND_FRAME_US, () => frames.next().value.data);
  }

  function videoTrack({ width, height, frameRate }) {
    const settings = { width, height, frameRate };
    const pictures = [0, 1].map((odd) => makePicture(width, height, odd));
    let count = 0;
    const next = () => pictures[count++ % pictures.length]();
    const prepare = () => pictures.map((make) => make());
    return makeTrack({ kind: 'video', codec: 'video/VP8', settings }, 1e6 / frameRate, next, prepare);
  }

  /** One square on a ground, which is a few hundred bytes; made when the track is first used, as most tests send none. */
  function makePicture(width, height, odd) {
    let data = null;
    const colorAt = (column, row) => (column === odd && row === 0 ? [81, 90, 240] : [41, 240, 110]);
    return () => {
      data ??= vp8TestPicture({ width, height, colorAt });
      return data;
    };
  }

  /** @param prepare what takes its time: done before there is a frame, so that none is late */
  function makeTrack(init, intervalUs, nextData, prepare = () => {}) {
    const source = new EncodedTrackSource({ ...init, label: `test ${init.kind}` });
    const begin = performance.now() * 1000;
    let timestamp = 0;
    const run = () => {
      const now = performance.now() * 1000 - begin;
      if (now - timestamp > MOST_LATE_US) timestamp += Math.floor((now - timestamp) / intervalUs) * intervalUs;
      for (; timestamp <= now; timestamp += intervalUs) {
        if (!source.isUsed) continue;
        const frame = { type: 'key', timestamp, duration: intervalUs, data: nextData() };
        // With simulcast every encoding has the same pictures.
        if (source.rids.length === 0) source.write(frame);
        for (const rid of source.rids) source.write(frame, { rid });
      }
    };
    const entry = { run };
    sources.add(entry);
    source.onuse = prepare;
    source.onclose = () => sources.delete(entry);
    return source.track;
  }

  const devices = makeDevices(MediaStream, audioTrack, videoTrack);
  const elements = makeElements(MediaStream, encodedFrames, videoTrack);
  const globals = {
    ...makeAudioContext(MediaStream, audioTrack),
    HTMLMediaElement: elements.media,
    HTMLVideoElement: elements.video,
    HTMLAudioElement: elements.audio,
    HTMLCanvasElement: elements.canvas,
  };
  return { devices, elements, globals };
}

function makeDevices(MediaStream, audioTrack, videoTrack) {
  const number = (constraint, otherwise) =>
    typeof constraint === 'object' && constraint !== null
      ? (constraint.exact ?? constraint.ideal ?? constraint.max ?? constraint.min ?? otherwise)
      : (constraint ?? otherwise);
  const getUserMedia = async ({ audio, video } = {}) => {
    if (!audio && !video) throw new TypeError('At least one of audio and video must be requested');
    const tracks = [];
    if (audio) tracks.push(audioTrack());
    if (video) {
      const [width, height] = [number(video.width, 640), number(video.height, 480)];
      tracks.push(videoTrack({ width, height, frameRate: number(video.frameRate, 30) }));
    }
    return new MediaStream(tracks);
  };
  return Object.assign(new EventTarget(), {
    getUserMedia,
    getDisplayMedia: (constraints) => getUserMedia(constraints ?? { video: true }),
    enumerateDevices: async () => [],
    getSupportedConstraints: () => ({}),
  });
}

/** As much of the audio graph as carries a tone to a track; the tone itself is silence. */
function makeAudioContext(MediaStream, audioTrack) {
  class AudioNode extends EventTarget {
    frequency = { value: 440 };
    gain = { value: 1 };
    connect(destination) {
      return destination;
    }
    disconnect() {}
    start() {}
    stop() {}
  }
  class MediaStreamAudioDestinationNode extends AudioNode {
    stream = new MediaStream([audioTrack()]);
  }
  class AudioContext extends EventTarget {
    state = 'running';
    currentTime = 0;
    sampleRate = 48_000;
    destination = new AudioNode();
    createOscillator() {
      return new AudioNode();
    }
    createGain() {
      return new AudioNode();
    }
    createMediaStreamSource() {
      return new AudioNode();
    }
    createMediaStreamDestination() {
      return new MediaStreamAudioDestinationNode();
    }
    async resume() {}
    async close() {}
  }
  return { AudioNode, MediaStreamAudioDestinationNode, AudioContext };
}

function makeElements(MediaStream, encodedFrames, videoTrack) {
  class HTMLMediaElement extends HTMLElement {
    paused = true;
    autoplay = false;
    muted = false;
    readyState = 0;
    currentTime = 0;
    videoWidth = 0;
    videoHeight = 0;
    #stream = null;
    #frameCallbacks = [];

    get srcObject() {
      return this.#stream;
    }
    set srcObject(stream) {
      this.#stream = stream;
      this.readyState = 0;
      if (!(stream instanceof MediaStream)) return;
      for (const track of stream.getTracks()) this.#read(stream, track);
      stream.addEventListener('addtrack', ({ track }) => this.#read(stream, track));
    }
    play() {
      this.paused = false;
      if (this.readyState > 0) return Promise.resolve();
      return new Promise((done) => {
        this.addEventListener('playing', done, { once: true });
      });
    }
    pause() {
      this.paused = true;
    }
    load() {}
    requestVideoFrameCallback(callback) {
      return this.#frameCallbacks.push(callback);
    }
    /** Events fire once frames come: those of the pictures, where there are any. */
    async #read(stream, track) {
      for await (const frame of encodedFrames(track)) {
        if (this.#stream !== stream) break;
        const isAwaited = track.kind === 'video' || stream.getVideoTracks().length === 0;
        if (!isAwaited) continue;
        if (track.kind === 'video') this.#resize(frame);
        if (this.readyState === 0) this.#begin(stream);
        const metadata = { width: this.videoWidth, height: this.videoHeight, rtpTimestamp: frame.timestamp };
        for (const callback of this.#frameCallbacks.splice(0)) callback(performance.now(), metadata);
      }
    }
    /** From the first frame on, time goes by itself, as it does for what is live. */
    #begin(stream) {
      const beganAt = performance.now();
      const timer = setInterval(() => {
        if (this.#stream !== stream) return clearInterval(timer);
        this.currentTime = (performance.now() - beganAt) / 1000;
        this.fire('timeupdate');
      }, TIME_UPDATE_MS);
      timer.unref?.();
      this.readyState = 4;
      this.paused = false;
      for (const type of ['loadstart', 'durationchange', 'loadedmetadata', 'loadeddata', 'canplay']) this.fire(type);
      for (const type of ['canplaythrough', 'play', 'playing']) this.fire(type);
    }
    /** RFC 6386 §9.1: where a key frame of VP8 says how large it is. */
    #resize({ type, codec, data }) {
      if (type !== 'key' || codec.mimeType.toLowerCase() !== 'video/vp8') return;
      const [width, height] = [6, 8].map((at) => (data[at] | (data[at + 1] << 8)) & 0x3fff);
      if (width === this.videoWidth && height === this.videoHeight) return;
      this.videoWidth = width;
      this.videoHeight = height;
      if (this.readyState > 0) this.fire('resize');
    }
  }
  for (const [state, name] of ['NOTHING', 'METADATA', 'CURRENT_DATA', 'FUTURE_DATA', 'ENOUGH_DATA'].entries()) {
    HTMLMediaElement[`HAVE_${name}`] = state;
    HTMLMediaElement.prototype[`HAVE_${name}`] = state;
  }
  class HTMLVideoElement extends HTMLMediaElement {}
  class HTMLAudioElement extends HTMLMediaElement {}
  class HTMLCanvasElement extends HTMLElement {
    width = 300;
    height = 150;
    /** Drawing has no effect; reading back says so. */
    getContext() {
      const refuse = () => {
        throw new DOMException('There is nothing that decodes pictures here', 'NotSupportedError');
      };
      return new Proxy({}, { get: (_target, name) => (name === 'getImageData' ? refuse : () => {}), set: () => true });
    }
    captureStream(frameRate = 30) {
      const { width, height } = this;
      return new MediaStream([videoTrack({ width, height, frameRate })]);
    }
  }
  return {
    media: HTMLMediaElement,
    video: HTMLVideoElement,
    audio: HTMLAudioElement,
    canvas: HTMLCanvasElement,
  };
}
