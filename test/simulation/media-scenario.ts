/** One seed, one call with sound and picture both ways, and a data channel beside them. */
import type { DtlsCertificate } from '../../src/dtls/index.ts';
import { ExtensionMap } from '../../src/rtp/index.ts';
import { MemoryNetwork, type Nat, SeededRandom } from '../../src/runtime/memory.ts';
import { EXTENSIONS, isFec, MediaFlow, type Repair } from './media-flow.ts';
import { connect, type Faults, faultsOf } from './scenario.ts';
import { SimulatedPeer } from './simulated-peer.ts';
import { startStunServer } from './stun-server.ts';

const STUN_SERVER = { address: '198.51.100.1', port: 3478, url: 'stun:198.51.100.1' };
const CONNECT_PATIENCE_MS = 120_000;
const CALL_MS = 3_600;
const VIDEO_INTERVAL_MS = 50;
const AUDIO_INTERVAL_MS = 20;
/** What is on its way, and asked for again, after the last frame was sent. */
const AFTERMATH_MS = 2_000;
const MESSAGES = 20;
/** These calls have some 1,200 packets a side: were all held in the pacer, something is stuck. */
const MAX_QUEUED_PACKETS = 1_000;

export type MediaPlan = {
  readonly faults: Faults;
  readonly feedback: 'transport-cc' | 'ccfb' | 'remb' | null;
  readonly videoRepair: Repair;
  readonly audioRepair: Repair;
  readonly reducedSize: boolean;
  /** The wire of the first peer is cut for so long. */
  readonly outageMs: number;
  /** Half-way, the wire becomes another one: slower, or faster. */
  readonly changesDelayTo: number | null;
};

export type MediaOutcome = {
  readonly plan: MediaPlan;
  /** Of the pictures, without those around an outage. */
  readonly video: { frames: number; broken: number };
  readonly audio: { frames: number; broken: number };
  readonly packets: number;
  readonly keyFrameRequests: number;
};

/** Whether a call is one of those of which "under 0.1 % of frames broken" is said: 5 % lost, and a quarter of a second there and back. */
export function isOrdinary({ faults, videoRepair, changesDelayTo }: MediaPlan): boolean {
  const { lossRate, burstLoss, delayMs } = faults;
  const isNear = 4 * delayMs <= 250 && (changesDelayTo ?? 0) <= 125;
  return videoRepair === 'rtx' && lossRate <= 0.05 && burstLoss === undefined && isNear;
}

export function mediaPlanOf(random: SeededRandom): MediaPlan {
  const isCalm = random.chance(0.5); // half of the calls have what people have: up to 5 % lost
  const faults = faultsOf(random);
  const pick = <Value>(...values: readonly Value[]): Value => values[random.below(values.length)]!;
  return {
    faults: isCalm
      ? { ...faults, lossRate: random.between(0, 0.05), burstLoss: undefined, delayMs: faults.delayMs / 3 }
      : faults,
    feedback: pick('transport-cc', 'transport-cc', 'ccfb', 'remb', null),
    videoRepair: pick<Repair>('rtx', 'rtx', 'rtx', 'nack', 'fec', 'flexfec', 'none'),
    audioRepair: pick<Repair>('none', 'nack', 'red'),
    reducedSize: random.chance(0.8),
    outageMs: random.chance(0.25) ? random.between(300, 1_000) : 0,
    changesDelayTo: random.chance(0.25) ? random.between(1, 150) : null,
  };
}

/** Runs the call of a seed, or of a plan. Throws with what went wrong; the same seed goes wrong the same way. */
export function runMediaSeed(
  seed: number,
  certificates: readonly [DtlsCertificate, DtlsCertificate],
  forced: Partial<MediaPlan> = {},
): MediaOutcome {
  const random = new SeededRandom(`media ${seed}`);
  const plan: MediaPlan = { ...mediaPlanOf(random), ...forced };
  const { faults } = plan;
  const network = new MemoryNetwork({ seed, poisonsSentPackets: true });
  startStunServer(network.addHost({ name: 'stun', addresses: [STUN_SERVER.address] }), STUN_SERVER.address);
  const makePeer = (index: 0 | 1): SimulatedPeer => {
    const kind = faults.nats[index];
    const nat: Nat | undefined =
      kind === 'none' ? undefined : network.addNat({ kind, address: `203.0.113.${index + 1}` });
    const { lossRate, burstLoss, reorderRate, duplicateRate, delayMs, jitterMs } = faults;
    const host = network.addHost({
      name: `peer ${index}`,
      addresses: [nat ? `10.0.${index}.2` : `192.0.2.${index + 1}`],
      ...(nat ? { nat } : {}),
      uplink: { lossRate, ...(burstLoss ? { burstLoss } : {}), reorderRate, duplicateRate, delayMs, jitterMs },
      downlink: { delayMs },
    });
    return new SimulatedPeer({
      host,
      certificate: certificates[index],
      controlling: index === 0,
      servers: [STUN_SERVER],
      media: { cname: `peer ${index}` },
    });
  };
  const peers = [makePeer(0), makePeer(1)] as const;
  const flows = ([0, 1] as const).flatMap((index) => {
    const way = index === 0 ? peers : ([peers[1], peers[0]] as const);
    return [
      new MediaFlow('video', way, plan.videoRepair, random.fork(`video ${index}`)),
      new MediaFlow('audio', way, plan.audioRepair, random.fork(`audio ${index}`)),
    ];
  });
  const parameters = {
    extensions: new ExtensionMap(EXTENSIONS),
    feedback: plan.feedback,
    reducedSize: plan.reducedSize,
  };
  for (const { session } of peers) session.media.configure(parameters);

  let keyFrameRequests = 0;
  const messages = [0, 0];
  for (const [index, peer] of peers.entries()) {
    peer.onEvent = (event) => {
      if (event.kind === 'media' && event.event.kind === 'keyFrameRequested') {
        const { sender } = event.event;
        keyFrameRequests++;
        for (const flow of flows) if (flow.sender === sender) flow.wantsKeyFrame = true;
      } else if (event.kind === 'channel' && event.event.kind === 'message') {
        if (event.event.data[0] !== messages[index]) throw new Error('a message out of order');
        messages[index]!++;
      } else if (event.kind === 'channel' && (event.event.kind === 'incoming' || event.event.kind === 'open')) {
        const { channel } = event.event;
        for (let i = 0; i < MESSAGES; i++)
          peer.host.setTimer(200 * i, () => peer.send(channel, new Uint8Array(900).fill(i)));
      }
    };
  }
  peers[0].openChannel('beside');
  connect(peers, random);
  const isConnected = (): boolean => peers.every(({ session }) => session.dtls?.state === 'connected');
  if (!network.runUntil(isConnected, CONNECT_PATIENCE_MS)) throw new Error('does not connect');

  const start = network.now;
  const end = start + CALL_MS;
  for (const flow of flows) {
    const interval = flow.kind === 'video' ? VIDEO_INTERVAL_MS : AUDIO_INTERVAL_MS;
    const next = (): void => {
      if (network.now >= end) return;
      flow.sendFrame();
      checkQueues(peers);
      flow.from.host.setTimer(interval, next);
    };
    flow.from.host.setTimer(0, next);
  }
  const { uplink, downlink } = peers[0].host.attachment;
  const cutAt = start + CALL_MS / 3;
  if (plan.outageMs > 0) {
    const setUp = (isUp: boolean): void => {
      uplink.isUp = isUp;
      downlink.isUp = isUp;
    };
    peers[0].host.setTimer(CALL_MS / 3, () => setUp(false));
    peers[0].host.setTimer(CALL_MS / 3 + plan.outageMs, () => setUp(true));
  }
  if (plan.changesDelayTo !== null) {
    const delayMs = plan.changesDelayTo;
    peers[0].host.setTimer(CALL_MS / 2, () => {
      uplink.options = { ...uplink.options, delayMs };
    });
  }
  network.run(CALL_MS + AFTERMATH_MS);

  for (const flow of flows) {
    if (flow.problem !== null) throw new Error(flow.problem);
    if (flow.receiver.streams.size > 1) throw new Error(`${flow.kind}: ${flow.receiver.streams.size} streams of one`);
  }
  const allMessages = (): boolean => messages.every((count) => count === MESSAGES);
  if (!network.runUntil(allMessages, 10 * 60_000)) throw new Error(`the data channel hangs at ${messages.join(', ')}`);
  const summary = (kind: 'audio' | 'video'): { frames: number; broken: number } => {
    const total = { frames: 0, broken: 0 };
    for (const flow of flows.filter((one) => one.kind === kind)) {
      const spans = plan.outageMs > 0 ? [[start, cutAt - 500] as const] : [[start, end - 500] as const]; // that a tail is lost, nobody can see
      for (const [from, to] of spans) {
        const { frames, broken } = flow.brokenBetween(from, to);
        total.frames += frames;
        total.broken += broken;
      }
      checkRecovery(flow, plan, end);
    }
    return total;
  };
  const outcome = {
    plan,
    video: summary('video'),
    audio: summary('audio'),
    packets: network.fates.delivered,
    keyFrameRequests,
  };
  for (const peer of peers) peer.close();
  network.run(2_000); // what was on its way
  let late = 0;
  network.onFate = () => late++;
  network.run(10_000);
  if (late > 0) throw new Error(`${late} packets after both have closed`);
  for (const { session } of peers) {
    if (session.media.nextTimeout !== Infinity) throw new Error('a timer of media after close');
  }
  return outcome;
}

function checkQueues(peers: readonly SimulatedPeer[]): void {
  for (const { session } of peers) {
    const { queuedPackets } = session.media.pacer;
    if (queuedPackets > MAX_QUEUED_PACKETS) throw new Error(`${queuedPackets} packets wait in the pacer`);
    const streams = [...session.media.demultiplexer.streams].length;
    if (streams > 3) throw new Error(`${streams} incoming streams, of sound, picture and what repairs it`);
    const due = session.nextTimeout;
    if (due < session.media.nextTimeout - 1e9) throw new Error('a timer far in the past');
  }
}

/** Whatever happened: where half of the packets of a frame and of a request come through, pictures go on. */
function checkRecovery(flow: MediaFlow, { faults, videoRepair, outageMs, feedback }: MediaPlan, end: number): void {
  const isHard =
    faults.lossRate > 0.1 ||
    faults.burstLoss !== undefined ||
    (flow.kind === 'video' && (videoRepair === 'none' || isFec(videoRepair)));
  if (isHard) return;
  const { frames, broken } = flow.brokenBetween(end - 1_500, end);
  if (frames > 0 && broken < frames) return;
  const last = flow.sent[flow.delivered.at(-1) ?? -1]?.at;
  throw new Error(
    `${flow.kind} stands still: last frame delivered was sent ${last === undefined ? 'never' : Math.round(end - last)} ms before the end` +
      ` (outage ${Math.round(outageMs)} ms, ${feedback})`,
  );
}
