/**
 * One side of the data-channel benchmark, in a process of its own: any stack, any runtime, the same code for all of
 * them, over nothing but the W3C API. Controlled by bench/data.mjs through JSON lines on stdin and stdout.
 *
 *   node bench/data-peer.mjs --impl purertc|purertc-noble|werift|node-datachannel|roamhq
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { loadImplementation } from '../test/interop/implementations.mjs';

const SECOND_CHANCE_MS = 10;
const PREFIX = '@bench ';

function write(value) {
  process.stdout.write(`${PREFIX}${JSON.stringify(value)}\n`);
}

const { RTCPeerConnection } = await loadImplementation(process.argv[process.argv.indexOf('--impl') + 1]);

let pc;
let channel;
let opened;
let bytes = 0;
let messages = 0;
let burstLeft = 0;
let stopSending = () => {};
let waitForOpen;
let waitForBurst = () => {};

function adopt(dc) {
  channel = dc;
  dc.binaryType = 'arraybuffer';
  dc.onopen = () => waitForOpen?.();
  if (dc.readyState === 'open') waitForOpen?.();
  dc.onmessage = ({ data }) => {
    bytes += data.byteLength ?? data.length;
    messages++;
    if (burstLeft > 0 && --burstLeft === 0) dc.send('all');
    if (data === 'all') waitForBurst();
  };
}

const commands = {
  /** A fresh connection; the old one is closed. */
  async create({ offering }) {
    pc?.close();
    opened = new Promise((resolve) => {
      waitForOpen = resolve;
    });
    pc = new RTCPeerConnection({ iceServers: [] });
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      const { candidate: line, sdpMid, sdpMLineIndex } = candidate;
      write({ candidate: { candidate: line, sdpMid: sdpMid ?? '0', sdpMLineIndex: sdpMLineIndex ?? 0 } });
    };
    pc.ondatachannel = (event) => adopt(event.channel);
    if (!offering) return null;
    adopt(pc.createDataChannel('bench'));
    await pc.setLocalDescription(await pc.createOffer());
    return { type: 'offer', sdp: pc.localDescription.sdp };
  },
  async answer(description) {
    await pc.setRemoteDescription(description);
    await pc.setLocalDescription(await pc.createAnswer());
    return { type: 'answer', sdp: pc.localDescription.sdp };
  },
  accept: (description) => pc.setRemoteDescription(description),
  candidate: (candidate) => pc.addIceCandidate(candidate),
  opened: () => opened,

  /** Keeps the channel's buffer between `low` and `high` bytes, the way the specification's own examples do. */
  async send({ size, low, high }) {
    const message = new Uint8Array(size).fill(0x5a);
    let running = true;
    const pump = () => {
      // Never more than one buffer's worth in a turn: where another thread empties the buffer, the loop would not end.
      for (let given = 0; running && channel.readyState === 'open'; given += size) {
        if (channel.bufferedAmount >= high) return; // bufferedamountlow goes on
        if (given >= high) return void setImmediate(pump);
        channel.send(message);
      }
    };
    channel.bufferedAmountLowThreshold = low;
    channel.onbufferedamountlow = pump;
    // @roamhq/wrtc does not always fire bufferedamountlow; all of them get the same second chance.
    const again = setInterval(pump, SECOND_CHANCE_MS);
    stopSending = () => {
      running = false;
      clearInterval(again);
      channel.onbufferedamountlow = null;
    };
    pump();
  },
  async stop() {
    stopSending();
  },
  /** What has been received so far, and when, on this process's clock. */
  async mark() {
    return { at: performance.now(), bytes, messages };
  },
  async expectBurst({ count }) {
    burstLeft = count;
  },
  /** `count` messages in one tick; resolves with the ms until the far side had them all and said so. */
  async burst({ count, size }) {
    const message = new Uint8Array(size).fill(0x5a);
    const done = new Promise((resolve) => {
      waitForBurst = resolve;
    });
    const start = performance.now();
    for (let i = 0; i < count; i++) channel.send(message);
    await done;
    return performance.now() - start;
  },
  async usage() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage().rss };
  },
};

const lines = createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  const { id, command, value } = JSON.parse(line);
  try {
    write({ id, result: (await commands[command](value ?? {})) ?? null });
  } catch (error) {
    write({ id, error: String(error?.stack ?? error) });
  }
});
lines.on('close', () => process.exit(0));
write({ ready: true });
