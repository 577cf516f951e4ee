/**
 * Trackers and clients on a bus that loses, delays and repeats, under a virtual clock; the same seed, the same run. Each
 * node's clock starts at another time, as monotonic clocks do.
 */
import { defaultCrypto } from '../../../src/crypto/index.ts';
import { SeededRandom } from '../../../src/runtime/memory.ts';
import type { BusState } from '../../../src/server/cluster/bus.ts';
import { ClusterNode } from '../../../src/server/cluster/cluster-node.ts';
import type { TrackerSession } from '../../../src/server/tracker/session.ts';
import { TrackerServer } from '../../../src/server/tracker/tracker-server.ts';
import { encodeAnnounce, encodeAnswer, parseServerMessage, type WireId } from '../../../src/signaling/wire.ts';

export type Weather = {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: readonly [number, number];
};
export const CALM: Weather = { loss: 0, duplication: 0, delayMs: [1, 5] };

export const ROOM: WireId = 'the room of the test';
/** Seconds; a room of 20 or more members has the longer one, and answers vary by 10 %. */
export const INTERVAL = 30;
export const LARGE_ROOM_INTERVAL = 120;
const KEY = 'a key for the tests of the cluster';
const OFFERS_PER_ANNOUNCE = 10;
const EAGER_MS = 15_000;

type Event = { readonly at: number; readonly run: () => void };

export type SimulationOptions = {
  readonly seed?: number;
  readonly nodes?: number;
  readonly weather?: Weather;
  readonly buckets?: number;
};

export class SimulatedCluster {
  now = 0;
  weather: Weather;
  readonly nodes: SimulatedNode[] = [];
  readonly buckets: number;
  readonly clients: SimulatedClient[] = [];
  /** Everything that was published, as the engine sees it. */
  readonly published: { readonly subject: string; readonly message: Uint8Array }[] = [];
  readonly random: SeededRandom;
  /** In the order they happen. */
  readonly #events: Event[] = [];

  constructor({ seed = 1, nodes = 3, weather = CALM, buckets = 0 }: SimulationOptions = {}) {
    this.random = new SeededRandom(seed);
    this.buckets = buckets;
    this.weather = weather;
    for (let i = 0; i < nodes; i++) this.addNode();
  }

  addNode(): SimulatedNode {
    const node = new SimulatedNode(this);
    this.nodes.push(node);
    return node;
  }

  /** A client that announces itself in the room at once, and then as often as it is told to. */
  join(node: SimulatedNode, name: string, room: WireId = ROOM, offerIds?: () => WireId): SimulatedClient {
    const client = new SimulatedClient(this, name, room, offerIds);
    this.clients.push(client);
    client.connect(node);
    return client;
  }

  at(time: number, run: () => void): void {
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1]!.at > time) index--;
    this.#events.splice(index, 0, { at: time, run });
  }

  /** Lets time pass; nothing else moves the clock. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#events[0];
      const due = this.nodes.filter(({ isRunning }) => isRunning);
      const timeout = Math.min(...due.map((node) => node.nextTimeout));
      const at = Math.max(this.now, Math.min(next?.at ?? Number.POSITIVE_INFINITY, timeout));
      if (at > end) break;
      this.now = at;
      if (next !== undefined && next.at <= at) this.#events.shift()!.run();
      for (const node of due) if (node.nextTimeout <= at) node.handleTimeout();
    }
    this.now = end;
  }

  publish(from: SimulatedNode, subject: string, message: Uint8Array): boolean {
    if (from.busState === 'down') return false;
    this.published.push({ subject, message });
    const { loss, duplication, delayMs } = this.weather;
    for (const node of this.nodes) {
      const copies = this.random.chance(duplication) ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        if (this.random.chance(loss)) continue;
        const bytes = message.slice();
        this.at(this.now + this.random.between(...delayMs), () => node.receive(from, subject, bytes));
      }
    }
    return true;
  }

  /** Pairs of clients that have not met, by name. */
  strangers(clients: readonly SimulatedClient[] = this.clients): string[] {
    const pairs = clients.flatMap((a, i) => clients.slice(i + 1).map((b) => [a, b] as const));
    return pairs.filter(([a, b]) => !a.met.has(b.peerId)).map(([a, b]) => `${a.name}–${b.name}`);
  }
}

export class SimulatedNode {
  readonly cluster: ClusterNode;
  readonly tracker: TrackerServer;
  /** Subscriptions that the engine knows of, which it hears of later than they are made. */
  readonly subjects: Set<string> = new Set();
  readonly #wanted = new Set<string>();
  busState: BusState = 'up';
  isRunning = true;
  /** Nodes of another part cannot be heard. */
  part = 0;
  readonly #simulation: SimulatedCluster;
  readonly #clockOffset: number;

  constructor(simulation: SimulatedCluster) {
    this.#simulation = simulation;
    const { random, buckets } = simulation;
    this.#clockOffset = random.between(0, 1e6);
    this.cluster = new ClusterNode(
      { crypto: defaultCrypto(), random, key: KEY, buckets },
      {
        publish: (subject, message) => simulation.publish(this, subject, message),
        subscribe: (subject) => {
          this.#wanted.add(subject);
          const active = (): void => {
            if (this.#wanted.has(subject)) this.subjects.add(subject);
          };
          simulation.at(simulation.now + random.between(...simulation.weather.delayMs), active);
        },
        unsubscribe: (subject) => {
          this.#wanted.delete(subject);
          this.subjects.delete(subject);
        },
      },
    );
    this.tracker = new TrackerServer({
      random,
      cluster: this.cluster,
      interval: INTERVAL,
      largeRoomInterval: LARGE_ROOM_INTERVAL,
      limits: { maxConnectionsPerAddress: 1000, connectionBurst: 1000 },
    });
    this.cluster.start(this.tracker, this.busState, this.now);
  }

  /** On this node's own clock. */
  get now(): number {
    return this.#simulation.now + this.#clockOffset;
  }

  /** On the simulation's. */
  get nextTimeout(): number {
    return Math.min(this.cluster.nextTimeout, this.tracker.nextTimeout) - this.#clockOffset;
  }

  handleTimeout(): void {
    // A tenth of a millisecond more than it asked for: the clocks' difference is not exact.
    this.cluster.handleTimeout(this.now + 0.1);
    this.tracker.handleTimeout(this.now + 0.1);
  }

  receive(from: SimulatedNode, subject: string, message: Uint8Array): void {
    if (!this.isRunning || this.busState === 'down' || from.part !== this.part || !this.subjects.has(subject)) return;
    this.cluster.handleMessage(subject, message, this.now);
  }

  setBusState(state: BusState): void {
    this.busState = state;
    this.cluster.setBusState(state, this.now);
  }

  /** As `kill -9` does: no goodbye; its clients' connections break. */
  kill(): void {
    this.isRunning = false;
    for (const client of this.#simulation.clients) if (client.node === this) client.node = null;
  }
}

export class SimulatedClient {
  readonly name: string;
  readonly peerId: WireId;
  readonly room: WireId;
  /** Peer ids of those with whom an offer was answered, on either side. */
  readonly met: Set<WireId> = new Set();
  readonly errors: string[] = [];
  /** It announces again soon while it misses somebody, as PureRTC's own client does; else only when it is told to. */
  isEager = false;
  node: SimulatedNode | null = null;
  /** Members of the room besides itself, as last told. */
  others = 0;
  readonly #simulation: SimulatedCluster;
  readonly #newOfferId: () => WireId;
  readonly #offers = new Set<WireId>();
  #session: TrackerSession | null = null;
  #offerCount = 0;
  #responses = 0;
  #connections = 0;

  constructor(simulation: SimulatedCluster, name: string, room: WireId, offerIds?: () => WireId) {
    this.#simulation = simulation;
    this.name = name;
    this.room = room;
    this.peerId = `peer ${name}`.padEnd(20, '.');
    this.#newOfferId = offerIds ?? (() => `${name} ${this.#offerCount++}`.padEnd(20, '.'));
  }

  connect(node: SimulatedNode): void {
    this.node = node;
    this.#connections++;
    this.#session = node.tracker.open(
      {
        send: (text) => this.#receive(node, text),
        bufferedAmount: () => 0,
        close: () => {},
        terminate: () => {},
        ip: '192.0.2.1',
        origin: null,
        url: '/',
      },
      node.now,
    );
    this.announce('started');
  }

  leave(): void {
    this.announce('stopped');
    if (this.node !== null) this.#session?.closed(this.node.now);
    this.node = null;
  }

  announce(event: 'started' | 'stopped' | null = null): void {
    // As many as it could use; before the first response it does not know, and offers all it may.
    const wanted = event === 'started' ? OFFERS_PER_ANNOUNCE : this.others - this.met.size;
    const count = event === 'stopped' ? 0 : Math.max(0, Math.min(OFFERS_PER_ANNOUNCE, wanted));
    const offers = Array.from({ length: count }, () => {
      const offerId = this.#newOfferId();
      this.#offers.add(offerId);
      return { offerId, sdp: `offer of ${this.peerId}` };
    });
    const { room: infoHash, peerId } = this;
    const rest = { event, numwant: 50, left: 1, trackerId: null, extension: false, token: null };
    if (this.node === null) return;
    this.#session?.message(encodeAnnounce({ infoHash, peerId, offers, ...rest }), this.node.now);
  }

  /** A connection opens, which both ends see. */
  meet(peerId: WireId): void {
    this.met.add(peerId);
    for (const client of this.#simulation.clients) if (client.peerId === peerId) client.met.add(this.peerId);
  }

  #receive(node: SimulatedNode, text: string): void {
    if (this.node !== node) return;
    const message = parseServerMessage(text);
    const now = this.#simulation.now;
    switch (message.kind) {
      case 'response': {
        this.others = message.complete! + message.incomplete! - 1;
        const number = ++this.#responses;
        const again = (delayMs: number, isWorthIt: () => boolean): void =>
          this.#simulation.at(now + delayMs, () => {
            if (this.node !== null && this.#responses === number && isWorthIt()) this.announce();
          });
        again(message.interval! * 1000, () => true);
        if (this.isEager) again(EAGER_MS, () => this.met.size < this.others);
        return;
      }
      case 'offer':
        if (message.sdp !== `offer of ${message.peerId}`) this.errors.push(`wrong offer: ${message.sdp}`);
        if (message.peerId === this.peerId) this.errors.push('an offer of its own');
        if (!this.met.has(message.peerId)) this.#answer(message.peerId, message.offerId);
        return;
      case 'answer':
        if (!this.#offers.delete(message.offerId)) this.errors.push(`answer to no offer: ${message.offerId}`);
        if (message.sdp !== `answer of ${message.peerId} to ${this.peerId}`) {
          this.errors.push(`wrong answer: ${message.sdp}`);
        }
        this.meet(message.peerId);
        return;
      default:
        this.errors.push(`unexpected: ${text}`);
    }
  }

  #answer(toPeerId: WireId, offerId: WireId): void {
    const connection = this.#connections;
    this.#simulation.at(this.#simulation.now + 20, () => {
      if (this.node === null || this.#connections !== connection) return;
      const sdp = `answer of ${this.peerId} to ${toPeerId}`;
      const answer = { infoHash: this.room, peerId: this.peerId, toPeerId, offerId, sdp, trackerId: null };
      this.#session?.message(encodeAnswer(answer), this.node.now);
    });
  }
}
