/**
 * One node of a cluster of trackers (docs/cluster.md). Nodes share counts, not members: each knows how many members the
 * others have in the rooms that it has members in itself. An offer for a member elsewhere goes to that member's node, which
 * chooses the member; the answer comes back to the node, and the connection, that the offer came from.
 *
 * Everything here may get lost, late or twice, and nothing is repeated: clients announce again. A machine: it is told the
 * time and what came over the bus, and says what to publish.
 */
import { toHex } from '../../binary/bytes.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { type RandomSource, randomBytes } from '../../machine.ts';
import type { WireId } from '../../signaling/wire.ts';
import type { ClusterLink, ClusterPort, Placement, RelayedAnswer, RemoteMember } from '../tracker/cluster-link.ts';
import type { BusState } from './bus.ts';
import { CountSchedule, TICK_MS } from './count-schedule.ts';
import { drawPlaces } from './draw.ts';
import { decodeFrame, encodeFrame, type Frame, type RoomCount } from './frame.ts';
import { type DeliverFrame, Inbox } from './inbox.ts';
import { HEARTBEAT_INTERVAL_MS, NODE_DEAD_MS, Nodes, type RemoteNode } from './nodes.ts';
import { ParkedOffers } from './parked-offers.ts';
import { ClusterRoom } from './rooms.ts';
import { type ClusterStatistics, flattenStatistics, newClusterStatistics } from './statistics.ts';
import { type ClusterKeys, deriveClusterKeys, Subjects } from './subjects.ts';

const TICKS_PER_HEARTBEAT: number = HEARTBEAT_INTERVAL_MS / TICK_MS;
/** Ticks made up for after the process was held up: all rooms have had their turn. */
const MAX_MISSED_TICKS = 60;
/** The first offers of a room wait this long for the nodes that have members in it to say so. */
const FIRST_DRAW_MS = 100;
/** Bound: frames with offers handled in one turn; the others wait for the next, after the node's own clients. */
const OFFER_FRAMES_PER_TURN = 64;
const NODE_ID_BYTES = 8;

export type ClusterNodeOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** The same secret for all nodes, of 16 bytes or more. */
  readonly key: string | Uint8Array;
  /** Begins every subject: letters, digits and dots. Clusters that share an engine need different ones. Default `purertc`. */
  readonly prefix?: string;
  /**
   * Rooms share so many subjects, instead of having one each: for an engine that minds tens of thousands of
   * subscriptions, 4096 or so. The same for all nodes. Default 0: a subject for each room.
   */
  readonly buckets?: number;
};

/** Where a node's output goes. */
export type ClusterSink = {
  /** @returns false when it could not be sent */
  publish(subject: string, message: Uint8Array): boolean;
  subscribe(subject: string): void;
  unsubscribe(subject: string): void;
};

/** A frame before its sender and its number are on it. */
type AnswerFrame = Extract<Frame, { readonly kind: 'answer' }>;
type Unsent<F = Frame> = F extends unknown ? Omit<F, 'node' | 'sequence'> : never;

export class ClusterNode implements ClusterLink {
  /** Random, and another one at every start. */
  readonly id: string;
  readonly statistics: ClusterStatistics = newClusterStatistics();
  readonly #random: RandomSource;
  readonly #keys: ClusterKeys;
  readonly #subjects: Subjects;
  #port: ClusterPort | null = null;
  readonly #sink: ClusterSink;

  readonly #nodes = new Nodes();
  readonly #rooms = new Map<WireId, ClusterRoom>();
  readonly #roomsByName = new Map<string, ClusterRoom>();
  /** How many rooms are told of on each subject. */
  readonly #subscribed = new Map<string, number>();
  readonly #schedule: CountSchedule;
  readonly #inbox = new Inbox();
  readonly #parked = new ParkedOffers();
  /** Rooms whose parked offers are drawn at `#drawAt`: a member has appeared, more may. */
  readonly #drawing = new Set<ClusterRoom>();
  #drawAt = Number.POSITIVE_INFINITY;

  #state: 'new' | 'joined' | 'leaving' | 'closed' = 'new';
  #busState: BusState = 'down';
  /** The bus brings back what we publish ourselves: silence means that it is broken, whatever its client says. */
  #heardOurselvesAt = 0;
  #isDeaf = false;
  #sequence = 0;
  #ticks = 0;
  #tickAt = Number.POSITIVE_INFINITY;
  #now = 0;

  /** @throws RangeError when the key is too short, TypeError for a prefix that engines would not take */
  constructor(options: ClusterNodeOptions, sink: ClusterSink) {
    const { crypto, random, key, prefix = 'purertc', buckets = 0 } = options;
    if (!/^[a-z\d-]+(\.[a-z\d-]+)*$/i.test(prefix)) throw new TypeError(`not a prefix of subjects: ${prefix}`);
    if (!Number.isSafeInteger(buckets) || buckets < 0) throw new RangeError(`not a number of buckets: ${buckets}`);
    this.id = toHex(randomBytes(random, NODE_ID_BYTES));
    this.#random = random;
    this.#schedule = new CountSchedule(random);
    this.#keys = deriveClusterKeys(crypto, key);
    this.#subjects = new Subjects(prefix, this.#keys.rooms, buckets);
    this.#sink = sink;
  }

  /** Whether other nodes can be heard. When not, this one serves its own members and is as good as alone. */
  get isUp(): boolean {
    return this.#busState === 'up' && !this.#isDeaf && (this.#state === 'joined' || this.#state === 'leaving');
  }

  get counters(): Readonly<Record<string, number>> {
    return flattenStatistics(this.statistics);
  }

  /** Other nodes heard of within the last 7 s. */
  get aliveNodes(): number {
    return this.#nodes.aliveCount;
  }

  /** Offers that wait for somebody to appear, or for their turn, keep a node from being idle. */
  get nextTimeout(): number {
    if (!this.#inbox.isEmpty) return this.#now;
    return Math.min(this.#tickAt, this.#drawAt, this.#parked.nextTimeout);
  }

  // ------------------------------------------------------------------------------------------------- coming and going

  /** Joins the cluster with the rooms that the tracker has. Call it once. */
  start(tracker: ClusterPort, busState: BusState, now: number): void {
    this.#now = now;
    this.#port = tracker;
    this.#state = 'joined';
    this.#busState = busState;
    this.#heardOurselvesAt = now;
    this.#tickAt = now + TICK_MS;
    this.#sink.subscribe(this.#subjects.nodes);
    this.#sink.subscribe(this.#subjects.inbox(this.id));
    this.#publish(this.#subjects.nodes, { kind: 'heartbeat' });
    for (const { room, members, seeders } of tracker.localRooms()) this.roomChanged(room, members, seeders, now);
  }

  /** The bus was lost, or is back. What was known before an outage is used again as far as it is not too old. */
  setBusState(state: BusState, now: number): void {
    this.#now = now;
    if (state === this.#busState || this.#state === 'closed') return;
    this.#busState = state;
    if (state === 'down') return;
    this.#heardOurselvesAt = now;
    this.#isDeaf = false;
    this.#publish(this.#subjects.nodes, { kind: 'heartbeat' });
    this.#schedule.doubtAll();
  }

  /** Tells the other nodes to send no more offers. Answers to those of our members still come, until `close`. */
  leave(now: number): void {
    this.#now = now;
    if (this.#state !== 'joined') return;
    this.#publish(this.#subjects.nodes, { kind: 'bye' });
    this.#state = 'leaving';
  }

  close(now: number): void {
    if (this.#state === 'closed') return;
    this.leave(now);
    this.#state = 'closed';
    this.#tickAt = Number.POSITIVE_INFINITY;
    for (const room of [...this.#rooms.values()]) this.#removeRoom(room);
    while (this.#inbox.shift() !== undefined);
    this.#sink.unsubscribe(this.#subjects.nodes);
    this.#sink.unsubscribe(this.#subjects.inbox(this.id));
  }

  // ---------------------------------------------------------------------------------------------- what the tracker asks

  remoteMembers(key: WireId): number {
    return this.#canPlace ? (this.#rooms.get(key)?.remoteMembers ?? 0) : 0;
  }

  remoteSeeders(key: WireId): number {
    return this.#canPlace ? (this.#rooms.get(key)?.remoteSeeders ?? 0) : 0;
  }

  roomChanged(key: WireId, members: number, seeders: number, now: number): void {
    this.#now = now;
    if (this.#state === 'new' || this.#state === 'closed') return; // `start` asks for all of them
    let room = this.#rooms.get(key);
    const isNew = room === undefined;
    if (room === undefined) {
      if (members === 0) return;
      room = this.#addRoom(key, now);
    }
    room.members = members;
    room.seeders = seeders;
    if (isNew) {
      this.#tell('hello', room);
      // And once more: whoever has come at the same time may not have been subscribed yet.
      this.#schedule.change(room);
    } else if (members > 0) {
      this.#schedule.change(room);
    } else {
      this.#tell('digest', room);
      this.#removeRoom(room);
    }
  }

  place(placement: Placement, now: number): void {
    this.#now = now;
    const room = this.#rooms.get(placement.room);
    if (room === undefined || !this.#canPlace) {
      this.statistics.offersDropped.notSent += placement.offers.length;
      return;
    }
    this.#draw(room, placement);
  }

  park(placement: Placement, now: number): void {
    this.#now = now;
    const room = this.#rooms.get(placement.room);
    if (room === undefined || this.#state !== 'joined') return;
    // Where others are known, these offers are more than there are members: nobody needs two of the same author.
    if (room.remoteMembers > 0) return;
    this.statistics.offersDropped.parked += this.#parked.add(room, placement, now);
  }

  // -------------------------------------------------------------------------------------------- what comes over the bus

  /** Takes a message that was published on `subject`. Never throws. */
  handleMessage(subject: string, message: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#state === 'new' || this.#state === 'closed') return;
    const frame = decodeFrame(this.#keys.frames, subject, message);
    if (typeof frame === 'string') {
      this.statistics.framesDropped[frame]++;
      return;
    }
    if (frame.node === this.id) {
      if (frame.kind === 'heartbeat') this.#hearOurselves(now);
      return;
    }
    const node = this.#nodes.hear(frame.node, frame.sequence, now);
    if (typeof node === 'string') {
      this.statistics.framesDropped[node]++;
      return;
    }
    this.statistics.framesReceived++;
    this.#handleFrame(frame, node, now);
  }

  #handleFrame(frame: Frame, node: RemoteNode, now: number): void {
    switch (frame.kind) {
      case 'heartbeat':
        node.alive = !node.left;
        return;
      case 'bye':
        node.left = true;
        node.alive = false;
        this.#forgetNode(node);
        return;
      case 'hello':
        this.#takeCounts(frame.rooms, node, frame.sequence, now);
        this.#answerHello(frame.rooms, node);
        return;
      case 'digest':
        this.#takeCounts(frame.rooms, node, frame.sequence, now);
        return;
      case 'deliver':
        this.statistics.offersReceived += frame.offers.length;
        this.statistics.offersDropped.inbox += this.#inbox.push(frame);
        return;
      case 'answer':
        this.#takeAnswer(frame, now);
        return;
      default:
        frame satisfies never;
    }
  }

  #takeCounts(counts: readonly RoomCount[], node: RemoteNode, sequence: number, now: number): void {
    if (node.left) return; // overtaken by its goodbye
    node.alive = true;
    for (const { room: name, members, seeders } of counts) {
      const room = this.#roomsByName.get(name);
      if (room === undefined) continue;
      room.setRemote(node, members, seeders, sequence, now);
      if (room.remoteMembers > 0 && this.#parked.has(room)) this.#drawSoon(room);
    }
  }

  #answerHello(asked: readonly RoomCount[], node: RemoteNode): void {
    if (this.#state !== 'joined') return;
    const rooms = asked.flatMap(({ room: name }) => {
      const room = this.#roomsByName.get(name);
      return room === undefined ? [] : [countOf(room)];
    });
    if (rooms.length > 0) this.#publish(this.#subjects.inbox(node.id), { kind: 'digest', rooms });
  }

  #takeOffers({ node, room: name, peerId, connection, met, offers }: DeliverFrame, now: number): void {
    const room = this.#roomsByName.get(name);
    if (room === undefined || this.#state !== 'joined') {
      this.statistics.offersDropped.notPlaced += offers.length;
      // It does not know yet that our last member has left.
      const rooms = [{ room: name, members: 0, seeders: 0 }];
      this.#publish(this.#subjects.inbox(node), { kind: 'digest', rooms });
      return;
    }
    const origin = {
      author: remoteMember(node, connection),
      answer: (answer: RelayedAnswer, from: number, answeredAt: number) => {
        this.#now = answeredAt;
        const { peerId: answerer, offerId, sdp } = answer;
        this.#sendAnswer(node, { kind: 'answer', room: name, peerId: answerer, from, connection, offerId, sdp });
      },
    };
    const placed = this.#port!.deliver({ room: room.key, peerId, origin, met: new Set(met), offers }, now);
    this.statistics.offersPlaced += placed;
    this.statistics.offersDropped.notPlaced += offers.length - placed;
  }

  #sendAnswer(node: string, frame: Unsent<AnswerFrame>): void {
    if (this.#publish(this.#subjects.inbox(node), frame)) this.statistics.answersSent++;
    else this.statistics.answersDropped.notSent++;
  }

  #takeAnswer({ node, room: name, peerId, from, connection, offerId, sdp }: AnswerFrame, now: number): void {
    this.statistics.answersReceived++;
    const room = this.#roomsByName.get(name);
    const answer = room && { room: room.key, peerId, offerId, sdp };
    const isTaken = answer && this.#port!.deliverAnswer(answer, remoteMember(node, from), connection, now);
    if (!isTaken) this.statistics.answersDropped.unexpected++;
  }

  #hearOurselves(now: number): void {
    this.#heardOurselvesAt = now;
    this.#isDeaf = false;
  }

  // -------------------------------------------------------------------------------------------------------------- time

  handleTimeout(now: number): void {
    this.#now = now;
    for (let i = 0; i < OFFER_FRAMES_PER_TURN && !this.#inbox.isEmpty; i++) this.#takeOffers(this.#inbox.shift()!, now);
    if (now >= this.#drawAt) this.#drawParked(now);
    this.statistics.offersDropped.parked += this.#parked.expire(now);
    if (now < this.#tickAt) return;
    // A process that was held up does once what it missed.
    const missed = Math.floor((now - this.#tickAt) / TICK_MS);
    this.#tickAt += (missed + 1) * TICK_MS;
    for (let i = 0; i <= Math.min(missed, MAX_MISSED_TICKS); i++) this.#tick(now);
  }

  #tick(now: number): void {
    this.#ticks++;
    for (const { room, kind } of this.#schedule.tick()) {
      room.expire(now);
      this.#tell(kind, room);
    }
    if (this.#ticks % TICKS_PER_HEARTBEAT !== 0) return;
    if (this.#state === 'joined') this.#publish(this.#subjects.nodes, { kind: 'heartbeat' });
    if (now - this.#heardOurselvesAt >= NODE_DEAD_MS) this.#isDeaf = this.#state === 'joined';
    for (const node of this.#nodes.expire(now)) {
      this.statistics.nodesDied++;
      this.#forgetNode(node);
    }
  }

  // ----------------------------------------------------------------------------------------------------------- drawing

  get #canPlace(): boolean {
    return this.#busState === 'up' && this.#state === 'joined';
  }

  #drawSoon(room: ClusterRoom): void {
    this.#drawing.add(room);
    this.#drawAt = Math.min(this.#drawAt, Math.max(room.drawAfter, this.#now));
  }

  #drawParked(now: number): void {
    this.#drawAt = Number.POSITIVE_INFINITY;
    for (const room of this.#drawing) {
      if (now < room.drawAfter) {
        this.#drawAt = Math.min(this.#drawAt, room.drawAfter);
        continue;
      }
      this.#drawing.delete(room);
      // What is more than there are members would only get them a second offer of the same author.
      for (const placement of this.#parked.take(room)) this.#draw(room, placement);
    }
  }

  /** Sends offers to nodes that have members in the room, each as many as members of it are drawn. */
  #draw(room: ClusterRoom, { peerId, connection, offers, met }: Placement): void {
    const { nodes, members } = room.places();
    const metThere: number[][] = nodes.map(() => []);
    for (const name of met) {
      const { node, connection: other } = readRemoteMember(name);
      metThere[nodes.findIndex(({ id }) => id === node)]?.push(other);
    }
    // Some whom it has met may have gone, and others come.
    const metCounts = metThere.map(({ length }, index) => Math.min(length, members[index]!));
    const drawn = drawPlaces(this.#random, members, metCounts, offers.length);
    let from = 0;
    for (const [index, count] of drawn.entries()) {
      if (count === 0) continue;
      const part = offers.slice(from, from + count);
      from += count;
      const subject = this.#subjects.inbox(nodes[index]!.id);
      const frame = {
        kind: 'deliver',
        room: room.name,
        peerId,
        connection,
        met: metThere[index]!,
        offers: part,
      } as const;
      if (this.#publish(subject, frame)) this.statistics.offersSent += count;
      else this.statistics.offersDropped.notSent += count;
    }
    this.statistics.offersDropped.notSent += offers.length - from;
  }

  // ------------------------------------------------------------------------------------------------------------- rooms

  #addRoom(key: WireId, now: number): ClusterRoom {
    const room = new ClusterRoom(key, this.#subjects.room(key), now + FIRST_DRAW_MS);
    this.#rooms.set(key, room);
    this.#roomsByName.set(room.name, room);
    const sharing = this.#subscribed.get(room.subject) ?? 0;
    this.#subscribed.set(room.subject, sharing + 1);
    if (sharing === 0) this.#sink.subscribe(room.subject);
    this.#schedule.add(room);
    return room;
  }

  #removeRoom(room: ClusterRoom): void {
    this.#rooms.delete(room.key);
    this.#roomsByName.delete(room.name);
    this.#schedule.remove(room);
    this.#drawing.delete(room);
    this.#parked.take(room);
    const sharing = this.#subscribed.get(room.subject)! - 1;
    if (sharing > 0) {
      this.#subscribed.set(room.subject, sharing);
    } else {
      this.#subscribed.delete(room.subject);
      this.#sink.unsubscribe(room.subject);
    }
  }

  #forgetNode(node: RemoteNode): void {
    for (const room of this.#rooms.values()) room.forget(node);
  }

  /** Says on the room's subject how many members it has here, and with `hello` asks for those of others. */
  #tell(kind: 'hello' | 'digest', room: ClusterRoom): void {
    if (this.#state !== 'joined') return;
    this.#publish(room.subject, { kind, rooms: [countOf(room)] });
  }

  #publish(subject: string, frame: Unsent): boolean {
    const sent =
      this.#busState === 'up' &&
      this.#sink.publish(
        subject,
        encodeFrame(this.#keys.frames, subject, { ...frame, node: this.id, sequence: this.#sequence++ }),
      );
    if (sent) this.statistics.framesSent++;
    else this.statistics.framesNotSent++;
    return sent;
  }
}

/** A member of another node, for the tracker. */
function remoteMember(node: string, connection: number): RemoteMember {
  return `${node} ${connection}`;
}

function readRemoteMember(name: RemoteMember): { readonly node: string; readonly connection: number } {
  const [node, connection] = name.split(' ');
  return { node: node!, connection: Number(connection) };
}

function countOf({ name, members, seeders }: ClusterRoom): RoomCount {
  return { room: name, members, seeders };
}
