/** One seed, one call: a network with its faults, two sessions, channels of every kind, and what must come of it. */
import type { Channel } from '../../src/datachannel/index.ts';
import type { DtlsCertificate } from '../../src/dtls/index.ts';
import { MemoryNetwork, type Nat, type NatKind, SeededRandom } from '../../src/runtime/memory.ts';
import { SimulatedPeer } from './simulated-peer.ts';
import { startStunServer } from './stun-server.ts';

const STUN_SERVER = { address: '198.51.100.1', port: 3478, url: 'stun:198.51.100.1' };

/** Pairs of NATs that a direct path exists through: a symmetric one needs a partner that lets in unknown ports. */
const NAT_PAIRS: readonly (readonly [NatKind | 'none', NatKind | 'none'])[] = [
  ['none', 'none'],
  ['none', 'none'],
  ['none', 'symmetric'],
  ['fullCone', 'portRestricted'],
  ['fullCone', 'symmetric'],
  ['addressRestricted', 'symmetric'],
  ['addressRestricted', 'portRestricted'],
  ['portRestricted', 'portRestricted'],
  ['portRestricted', 'none'],
  ['symmetric', 'fullCone'],
];

/** Virtual time a session may take, from first packet to last byte. At 20 % loss SCTP's timer backs off a long way. */
const PATIENCE_MS = 30 * 60_000;

const RELIABILITY = [
  { ordered: true },
  { ordered: false },
  { ordered: true, maxRetransmits: 0 },
  { ordered: false, maxRetransmits: 2 },
  { ordered: false, maxPacketLifeTime: 300 },
] as const;

export type Faults = {
  readonly lossRate: number;
  readonly burstLoss: { enterRate: number; leaveRate: number } | undefined;
  readonly reorderRate: number;
  readonly duplicateRate: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly nats: readonly [NatKind | 'none', NatKind | 'none'];
};

/** What a seed means. 0–20 % loss in all, 1–300 ms, every kind of NAT. */
export function faultsOf(random: SeededRandom): Faults {
  const inBursts = random.chance(0.3);
  return {
    lossRate: random.chance(0.2) ? 0 : random.between(0, inBursts ? 0.1 : 0.2),
    burstLoss: inBursts ? { enterRate: random.between(0.001, 0.02), leaveRate: random.between(0.2, 0.8) } : undefined,
    reorderRate: random.chance(0.5) ? random.between(0, 0.2) : 0,
    duplicateRate: random.chance(0.5) ? random.between(0, 0.1) : 0,
    delayMs: random.between(1, 300) / 2, // each packet crosses two links
    jitterMs: random.between(0, 20),
    nats: NAT_PAIRS[random.below(NAT_PAIRS.length)] as Faults['nats'],
  };
}

/** One direction of one channel: what was sent, and what came. Messages begin with their number, then repeat it. */
class Flow {
  readonly channel: Channel;
  readonly sent: number[];
  readonly received: number[] = [];

  constructor(channel: Channel, sizes: number[]) {
    this.channel = channel;
    this.sent = sizes;
  }

  get isReliable(): boolean {
    const { maxRetransmits, maxPacketLifeTime } = this.channel.parameters;
    return maxRetransmits === undefined && maxPacketLifeTime === undefined;
  }

  message(index: number): Uint8Array {
    const bytes = new Uint8Array(this.sent[index] as number).fill(index & 0xff);
    bytes[0] = index >> 8;
    return bytes;
  }

  receive(data: Uint8Array): void {
    const low = data.length > 1 ? (data[data.length - 1] as number) : undefined;
    const index = low === undefined ? this.sent.indexOf(data.length) : ((data[0] as number) << 8) | low;
    const expected = this.message(index);
    if (data.length !== expected.length || data.some((byte, i) => byte !== expected[i])) {
      throw new Error(`message ${index} on '${this.channel.parameters.label}' is not what was sent`);
    }
    this.received.push(index);
  }

  get isComplete(): boolean {
    return !this.isReliable || this.received.length >= this.sent.length;
  }

  check(): void {
    const { label, ordered } = this.channel.parameters;
    if (new Set(this.received).size !== this.received.length) throw new Error(`'${label}' delivered a message twice`);
    if (ordered && this.received.some((index, i) => i > 0 && index < (this.received[i - 1] as number))) {
      throw new Error(`'${label}' delivered out of order`);
    }
    if (this.isReliable && this.received.length !== this.sent.length) {
      throw new Error(`'${label}' delivered ${this.received.length} of ${this.sent.length} messages`);
    }
  }
}

export type Outcome = { readonly virtualMs: number; readonly packets: number; readonly faults: Faults };

/** Runs the call of a seed to its end. Throws with what went wrong; the same seed goes wrong the same way. */
export function runSeed(seed: number, certificates: readonly [DtlsCertificate, DtlsCertificate]): Outcome {
  const random = new SeededRandom(`scenario ${seed}`);
  const faults = faultsOf(random);
  const network = new MemoryNetwork({ seed, poisonsSentPackets: true });
  startStunServer(network.addHost({ name: 'stun', addresses: [STUN_SERVER.address] }), STUN_SERVER.address);
  const makePeer = (index: 0 | 1): SimulatedPeer => {
    const kind = faults.nats[index];
    const nat: Nat | undefined =
      kind === 'none' ? undefined : network.addNat({ kind, address: `203.0.113.${index + 1}` });
    const { lossRate, burstLoss, reorderRate, duplicateRate, delayMs, jitterMs } = faults;
    // Both directions cross an uplink and a downlink: the faults are on the uplinks, the delay on either side.
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
    });
  };
  const peers = [makePeer(0), makePeer(1)] as const;
  const flows = openChannels(peers, random);
  connect(peers, random);
  const isDone = (): boolean => flows.every((flow) => flow.isComplete) && flows.length === flows.expected;
  const inTime = network.runUntil(isDone, PATIENCE_MS);
  const virtualMs = network.now;
  if (!inTime) throw new Error(`hangs: ${describe(peers, flows)}`);
  network.run(5_000); // what is still on its way must not arrive a second time
  for (const flow of flows) flow.check();
  for (const peer of peers) peer.close();
  return { virtualMs, packets: network.fates.delivered, faults };
}

/** Offer and answer, each a signalling delay apart; candidates trickle on the same way. */
export function connect([offerer, answerer]: readonly [SimulatedPeer, SimulatedPeer], random: SeededRandom): void {
  const delayMs = random.between(1, 200);
  const answererIsClient = random.chance(0.5);
  offerer.signalTo(answerer, delayMs);
  offerer.host.setTimer(delayMs, () => {
    answerer.learn(offerer, answererIsClient ? 'client' : 'server');
    answerer.signalTo(offerer, delayMs);
    answerer.host.setTimer(delayMs, () => offerer.learn(answerer, answererIsClient ? 'server' : 'client'));
  });
}

type Flows = Flow[] & { expected: number };

/** One to four channels, opened by either side, with messages in both directions. */
function openChannels(peers: readonly [SimulatedPeer, SimulatedPeer], random: SeededRandom): Flows {
  const flows: Flows = Object.assign([] as Flow[], { expected: 0 });
  const plans = new Map<string, readonly [number[], number[]]>();
  const sizes = (): number[] => {
    const large = random.chance(0.2);
    return Array.from({ length: random.below(large ? 4 : 30) }, () => 2 + random.below(large ? 60_000 : 2_000));
  };
  const byReceiver = new Map<SimulatedPeer, Map<string, Flow>>(peers.map((peer) => [peer, new Map()]));
  const begin = (peer: SimulatedPeer, channel: Channel): void => {
    const { label } = channel.parameters;
    const isOpener = label.startsWith(String(peers.indexOf(peer)));
    const flow = new Flow(channel, (plans.get(label) as readonly [number[], number[]])[isOpener ? 0 : 1]);
    flows.push(flow);
    byReceiver.get(peer === peers[0] ? peers[1] : peers[0])?.set(label, flow);
    flow.sent.forEach((_size, index) => {
      peer.send(channel, flow.message(index));
    });
  };
  for (const peer of peers) {
    peer.onEvent = (event) => {
      if (event.kind !== 'channel') return;
      const { channel } = event.event;
      if (event.event.kind === 'open' || event.event.kind === 'incoming') begin(peer, channel);
      else if (event.event.kind === 'message') {
        const flow = byReceiver.get(peer)?.get(channel.parameters.label);
        if (flow === undefined) throw new Error(`a message on '${channel.parameters.label}' before anything was sent`);
        flow.receive(event.event.data);
      } else if (event.event.kind === 'closed')
        throw new Error(`'${channel.parameters.label}' closed: ${event.event.error}`);
    };
  }
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++) {
    const opener = random.below(2);
    const label = `${opener}: channel ${i}`;
    plans.set(label, [sizes(), sizes()]);
    flows.expected += 2;
    const reliability = random.chance(0.4) ? RELIABILITY[0] : RELIABILITY[random.below(RELIABILITY.length)];
    (peers[opener] as SimulatedPeer).openChannel(label, reliability);
  }
  return flows;
}

function describe(peers: readonly SimulatedPeer[], flows: Flows): string {
  const states = peers.map(
    ({ session }) => `ice ${session.ice.state}, dtls ${session.dtls?.state}, sctp ${session.sctp?.state}`,
  );
  const waiting = flows.filter((flow) => !flow.isComplete);
  const lags = waiting.map(
    ({ channel, received, sent }) => `${channel.parameters.label} ${received.length}/${sent.length}`,
  );
  return `[${states.join(' | ')}] ${flows.length} of ${flows.expected} flows begun, waiting for ${lags.join(', ') || 'none'}`;
}
