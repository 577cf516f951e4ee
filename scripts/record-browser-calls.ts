/**
 * Records fixtures/rtp/calls/<browser>-<codec>.json: the RTP packets of a call as Chromium and Firefox send them, beside what
 * their encoders made: `node scripts/record-browser-calls.ts`, with Node 22.18 or newer. test/rtp/payload/calls.test.ts
 * puts the packets together and compares. (record-browser-rtp.ts does the same for layers.)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type MediaStreamTrack, RTCPeerConnection } from '../src/index.ts';
import { rtpPackets } from '../src/media/index.ts';
import { type BrowserName, TestBrowser } from '../test/browser/browsers.ts';
import { PageServer } from '../test/browser/page-server.ts';

const FOLDER = new URL('../fixtures/rtp/calls/', import.meta.url);
/** So many frames of each, from the first one on. */
const FRAMES = { audio: 25, video: 15 } as const;

type Clip = { readonly kind: 'audio' | 'video'; readonly codec: string };
const CLIPS: Readonly<Record<BrowserName, readonly Clip[]>> = {
  chromium: [
    { kind: 'video', codec: 'VP8' },
    { kind: 'video', codec: 'H264' },
    { kind: 'audio', codec: 'opus' },
    { kind: 'audio', codec: 'PCMU' },
    { kind: 'audio', codec: 'G722' },
  ],
  firefox: [
    { kind: 'video', codec: 'VP8' },
    { kind: 'video', codec: 'VP9' },
    { kind: 'audio', codec: 'opus' },
    { kind: 'audio', codec: 'PCMA' },
    { kind: 'audio', codec: 'G722' },
  ],
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>sender</title><script type="module">
  const worker = new Worker(URL.createObjectURL(new Blob([\`
    onrtctransform = ({ transformer: { readable, writable } }) => readable.pipeThrough(new TransformStream({
      async transform(frame, controller) {
        const digest = await crypto.subtle.digest('SHA-256', frame.data);
        const sha256 = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
        postMessage({ type: frame.type ?? 'key', length: frame.data.byteLength, sha256 });
        controller.enqueue(frame);
      },
    })).pipeTo(writable);
  \`])));
  const frames = [];
  worker.onmessage = ({ data }) => frames.push(data);
  let pc;
  function picture() {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const context = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      context.fillStyle = '#246';
      context.fillRect(0, 0, 320, 180);
      context.fillStyle = '#fc6';
      context.fillRect((7 * n++) % 320, 45, 50, 60);
      for (let i = 0; i < 60; i++) {
        context.fillStyle = 'hsl(' + (47 * i) % 360 + ' 70% 50%)';
        context.fillRect((37 * i + (i % 9 ? 0 : n)) % 320, (53 * i) % 180, 3, 5);
      }
    }, 40);
    return canvas.captureStream(25).getTracks()[0];
  }
  function tone() {
    const context = new AudioContext();
    const oscillator = context.createOscillator();
    const destination = context.createMediaStreamDestination();
    oscillator.connect(destination);
    oscillator.start();
    return destination.stream.getTracks()[0];
  }
  globalThis.startCall = async ({ kind, codec }) => {
    pc = new RTCPeerConnection();
    const transceiver = pc.addTransceiver(kind === 'video' ? picture() : tone(), { direction: 'sendonly' });
    transceiver.setCodecPreferences(RTCRtpSender.getCapabilities(kind).codecs
      .filter(({ mimeType, sdpFmtpLine = '' }) => mimeType.toLowerCase() === (kind + '/' + codec).toLowerCase() && !/profile-id=[1-9]|packetization-mode=0/.test(sdpFmtpLine)));
    transceiver.sender.transform = new RTCRtpScriptTransform(worker, {});
    await pc.setLocalDescription();
    while (pc.iceGatheringState !== 'complete') await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
    return pc.localDescription.sdp;
  };
  globalThis.accept = (sdp) => pc.setRemoteDescription({ type: 'answer', sdp });
  globalThis.sentInCall = () => frames;
</script>`;

declare global {
  var startCall: (clip: Clip) => Promise<string>;
  var accept: (sdp: string) => Promise<void>;
  var sentInCall: () => { type: string; length: number; sha256: string }[];
}

async function record(name: BrowserName, clip: Clip): Promise<object> {
  const server = await PageServer.start({ '/': PAGE });
  const browser = await TestBrowser.launch(name, { exposeHostCandidates: true, playsMedia: true });
  const pc = new RTCPeerConnection({}, { loopback: true });
  try {
    const page = await browser.openPage(`${server.origin}/`);
    await page.waitForFunction(() => globalThis.startCall !== undefined);
    const arrived = new Promise<MediaStreamTrack>((resolve) => {
      pc.ontrack = ({ track }) => resolve(track);
    });
    await pc.setRemoteDescription({
      type: 'offer',
      sdp: await page.evaluate((each) => globalThis.startCall(each), clip),
    });
    await pc.setLocalDescription();
    while (pc.iceGatheringState !== 'complete') {
      await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
    }
    const reader = rtpPackets(await arrived).getReader();
    await page.evaluate((sdp) => globalThis.accept(sdp), pc.localDescription!.sdp);
    const packets: { timestamp: number; bytes: Uint8Array }[] = [];
    const seen = new Set<number>();
    while (seen.size <= FRAMES[clip.kind]) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${name} ${clip.codec}: it ended after ${seen.size} frames`);
      seen.add(value.packet.timestamp);
      packets.push({ timestamp: value.packet.timestamp, bytes: value.packet.bytes.slice() });
    }
    const kept = [...seen].slice(0, FRAMES[clip.kind]);
    return {
      about: 'Recorded by scripts/record-browser-calls.ts, checked by test/rtp/payload/calls.test.ts.',
      browser: browser.version,
      mimeType: `${clip.kind}/${clip.codec}`,
      // Some may have been made before there was a connection.
      frames: (await page.evaluate(() => globalThis.sentInCall())).slice(0, 4 * FRAMES[clip.kind]),
      packets: packets
        .filter(({ timestamp }) => kept.includes(timestamp))
        .map(({ bytes }) => Buffer.from(bytes).toString('base64')),
    };
  } finally {
    pc.close();
    await browser.close();
    await server.close();
  }
}

mkdirSync(FOLDER, { recursive: true });
for (const name of ['chromium', 'firefox'] as const) {
  for (const clip of CLIPS[name]) {
    const id = `${name}-${clip.codec.toLowerCase()}`;
    if (process.argv.length > 2 && !process.argv.includes(id)) continue;
    writeFileSync(new URL(`${id}.json`, FOLDER), `${JSON.stringify(await record(name, clip), null, 1)}\n`);
    console.log(id);
  }
}
