/**
 * The other end of bench/media.mjs, the same for every stack: a publisher that sends video, and viewers that count what
 * comes. Always PureRTC, on one runtime; it must cost less than what it measures, so viewers that are `counting` decrypt
 * their first packets only.
 */
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { ownEntry } from '../../test/interop/implementations.mjs';
import { serve } from '../peer-process.mjs';

const { RTCPeerConnection, RTCRtpReceiver } = await import(pathToFileURL(ownEntry()).href);
const { EncodedTrackSource, rtpPackets } = await import(pathToFileURL(ownEntry('media/index')).href);
const { defaultRuntime } = await import(pathToFileURL(ownEntry('runtime/index')).href);

/** One packet each: with header, extensions, VP8's descriptor and the tag just under the 1,200 bytes of a datagram. */
const FRAME_BYTES = 1100;
/** Of each viewer's packets, so many are decrypted: they prove that it can be done, and introduce the stream. */
const DECRYPTED_PACKETS = 50;
/** With nothing having come for so long, what is missing is lost. */
const LOST_AFTER_MS = 1000;
const FRAMES_PER_SECOND = 30;
const START_BITRATE = 5_000_000;

const runtime = defaultRuntime();
const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
const viewers = [];
let received = 0;
let lastReceivedAt = 0;
let publisher;
let written = 0;
/** What went missing, as packets at viewers. */
let lost = 0;
let everyTurn = () => {};

/** UDP whose media is counted, and of which the stack sees no more than `decrypted`. */
function countingRuntime(viewer, decrypted) {
  const bindUdp = ({ onPacket, ...options }) =>
    runtime.bindUdp({
      ...options,
      onPacket(packet, remote) {
        const isMedia = packet[0] >= 128 && packet[0] < 192;
        if (isMedia && (packet[1] & 0x7f) === viewer.payloadType) {
          received++;
          if (viewer.packets++ >= decrypted) return;
        }
        onPacket(packet, remote);
      },
    });
  return { ...runtime, bindUdp };
}

async function gathered(pc) {
  while (pc.iceGatheringState !== 'complete')
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  return { type: pc.localDescription.type, sdp: pc.localDescription.sdp };
}

/** With nobody telling what arrives, a sender has no rate to keep to, and sends as fast as it can. */
function withoutBandwidthFeedback({ type, sdp }) {
  const lines = sdp
    .split('\r\n')
    .filter((line) => !/^a=(rtcp-fb|extmap):.*(transport-cc|transport-wide-cc|goog-remb|ack ccfb)/.test(line));
  return { type, sdp: lines.join('\r\n') };
}

function onlyVp8(transceiver) {
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  const wanted = ['video/vp8', 'video/rtx'];
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => wanted.includes(mimeType.toLowerCase())));
}

/** Resolves when so many packets of a viewer have come out of the stack, decrypted and in one piece. */
async function decrypted(viewer, count) {
  const reader = rtpPackets(viewer.pc.getTransceivers()[0].receiver.track).getReader();
  for (let i = 0; i < count; i++) {
    const { value } = await reader.read();
    if (value.packet.payloadLength < FRAME_BYTES)
      throw new Error(`a payload of ${value.packet.payloadLength} bytes came`);
  }
  await reader.cancel();
}

function write() {
  source.write({
    type: written === 0 ? 'key' : 'delta',
    timestamp: Math.round(runtime.now() * 1000),
    data: new Uint8Array(FRAME_BYTES).fill(0x5a),
  });
  written++;
}

/**
 * This process never waits for packets, it looks for them: one that sleeps is woken at the expense of who sends to it,
 * packet by packet, and it would be this machine's scheduler that is measured.
 */
function turn() {
  everyTurn();
  setImmediate(turn);
}

turn();
await serve({
  async publish({ paced }) {
    publisher = new RTCPeerConnection({}, { media: { startBitrate: START_BITRATE } });
    onlyVp8(publisher.addTransceiver(source.track, { direction: 'sendonly' }));
    await publisher.setLocalDescription();
    const offer = await gathered(publisher);
    return paced ? offer : withoutBandwidthFeedback(offer);
  },
  published: (answer) => publisher.setRemoteDescription(answer),
  async view({ offer, paced }) {
    const viewer = { packets: 0, payloadType: -1, pc: null };
    viewer.pc = new RTCPeerConnection({}, { runtime: countingRuntime(viewer, paced ? Infinity : DECRYPTED_PACKETS) });
    await viewer.pc.setRemoteDescription(paced ? offer : withoutBandwidthFeedback(offer));
    onlyVp8(viewer.pc.getTransceivers()[0]);
    await viewer.pc.setLocalDescription();
    const answer = await gathered(viewer.pc);
    viewer.payloadType = Number(/^a=rtpmap:(\d+) VP8/im.exec(answer.sdp)[1]);
    viewer.decrypted = decrypted(viewer, DECRYPTED_PACKETS / 2); // before all are in, to be sure that it ends
    viewers.push(viewer);
    return answer;
  },
  async connected() {
    for (const { pc } of [{ pc: publisher }, ...viewers]) {
      while (pc.connectionState !== 'connected') {
        if (pc.connectionState === 'failed') throw new Error('the connection failed');
        await new Promise((resolve) => pc.addEventListener('connectionstatechange', resolve, { once: true }));
      }
    }
  },
  /**
   * As fast as the forwarder forwards: at most `inFlight` packets of the publisher are under way at a time.
   */
  async flood({ inFlight }) {
    let before = -1;
    everyTurn = () => {
      const now = runtime.now();
      if (received !== before) lastReceivedAt = now;
      before = received;
      if (now - lastReceivedAt > LOST_AFTER_MS) {
        lost = written * viewers.length - received;
        lastReceivedAt = now;
      }
      while ((written - inFlight) * viewers.length < received + lost) write();
    };
  },
  /** Frames of a steady bitrate. */
  async pace({ bitrate }) {
    let due = runtime.now();
    const packets = bitrate / 8 / FRAME_BYTES / FRAMES_PER_SECOND;
    let owed = 0;
    everyTurn = () => {
      for (; due <= runtime.now(); due += 1000 / FRAMES_PER_SECOND) for (owed += packets; owed >= 1; owed--) write();
    };
  },
  /** Every viewer has decrypted something. */
  flowing: () => Promise.all(viewers.map((viewer) => viewer.decrypted)).then(() => null),
  /** What has been received so far, and when, on this process's clock. */
  async mark() {
    const least = Math.min(...viewers.map(({ packets }) => packets));
    return { at: performance.now(), packets: received, written, lost, least };
  },
  async usage() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage().rss };
  },
});
