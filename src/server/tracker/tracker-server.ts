/**
 * A WebTorrent tracker without a transport: connections are opened, their messages and the time go in, messages come out of
 * the connections at once. Synchronous, with no timers, no sockets and no randomness of its own (docs/server.md).
 */
import { toHex } from '../../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../../machine.ts';
import { encodeRelayed, type WireId } from '../../signaling/wire.ts';
import { AccessControl } from './access-token.ts';
import { type Admission, Door, type Refusal, type Visitor } from './admission.ts';
import type { ClusterLink, ClusterPort, Delivery, RelayedAnswer, RemoteMember } from './cluster-link.ts';
import type { TrackerConnection } from './connection.ts';
import type { TrackerCore } from './core.ts';
import { dealOffers } from './dealing.ts';
import { Dice } from './dice.ts';
import { completeLimits, type TrackerLimits, type TrackerOptions } from './options.ts';
import { relayHead } from './room.ts';
import { Rooms } from './rooms.ts';
import { TrackerSession } from './session.ts';
import { newStats, type TrackerStats } from './stats.ts';

/** Connections are looked after in turn, a slot of them each second: each is pinged every 25 s, under any proxy's patience. */
const SLOTS = 25;
const SLOT_MS = 1000;
/** How long a name for a session is: nobody guesses one. */
const SESSION_ID_BYTES = 16;
const DRAIN_MS = 30_000;
/** WebSocket close codes (RFC 6455 §7.4.1; 1012 is IANA's: clients meet a restart by coming back). */
const POLICY_VIOLATION = 1008;
const GOING_AWAY = 1001;
const SERVICE_RESTART = 1012;

export type TrackerServerOptions = TrackerOptions & {
  readonly random: RandomSource;
  /** The other nodes. */
  readonly cluster?: ClusterLink;
};

export class TrackerServer implements ClusterPort {
  readonly limits: TrackerLimits;
  /** Verifies tokens; its keys can be replaced while the server runs. `null` when none are needed. */
  readonly access: AccessControl | null;
  readonly #core: TrackerCore;
  readonly #counters: TrackerStats = newStats();
  readonly #rooms: Rooms;
  readonly #door: Door;
  readonly #sessions = new Map<number, TrackerSession>();
  readonly #named = new Map<string, TrackerSession>();
  readonly #slots: TrackerSession[][] = Array.from({ length: SLOTS }, () => []);
  readonly #unixTimeMs: () => number;
  readonly #sessionEnded: (sessionId: string) => void;
  #nextSlot = 0;
  #nextSlotAt = Number.POSITIVE_INFINITY;
  #lastNumber = 0;
  #drainedAt: number | null = null;

  /** @throws RangeError for intervals, limits and keys that are out of range; TypeError for what is no origin */
  constructor(options: TrackerServerOptions) {
    const { random, cluster = null, interval = 30, largeRoomInterval = 120, origins, access, scrape = true } = options;
    if (!(interval >= 1 && largeRoomInterval >= 1)) throw new RangeError('intervals are at least a second');
    this.limits = completeLimits(options.limits);
    this.access = access === undefined ? null : new AccessControl(access);
    this.#unixTimeMs = options.unixTimeMs ?? Date.now;
    this.#sessionEnded = options.sessionEnded ?? (() => {});
    this.#rooms = new Rooms(cluster);
    this.#door = new Door(this.limits, this.#counters, this.access, origins);
    this.#core = {
      limits: this.limits,
      stats: this.#counters,
      rooms: this.#rooms,
      dice: new Dice(random),
      cluster,
      access: this.access,
      interval,
      largeRoomInterval,
      scrape,
      iceServers: options.iceServers ?? null,
      allowRoom: options.allowRoom ?? (() => true),
      log: options.log ?? (() => {}),
      unixTimeMs: this.#unixTimeMs,
      nameSession: (session) => {
        const id = toHex(randomBytes(random, SESSION_ID_BYTES));
        this.#named.set(id, session);
        return id;
      },
      sessionClosed: (session, id) => this.#sessionClosed(session, id),
    };
  }

  /** Whether a visitor may connect, and if not, what to answer the upgrade request with. */
  admit(visitor: Visitor, now: number): Admission | Refusal {
    const decision =
      this.#drainedAt === null
        ? this.#door.admit(visitor, this.#unixTimeMs(), now)
        : ({ kind: 'refused', status: 503, reason: 'the tracker is closing' } as const);
    this.#wake(now); // addresses are remembered for a while, those of the refused too
    if (decision.kind === 'refused') {
      this.#core.log({ event: 'refused', status: decision.status, reason: decision.reason });
    }
    return decision;
  }

  /**
   * A connection is open. Its session takes its messages, and must be told when it closes.
   * @param admission what `admit` said. Without it the connection is asked in here, and closed (1008) when it is refused.
   */
  open(connection: TrackerConnection, now: number, admission?: Admission): TrackerSession {
    const admitted = admission ?? this.admit(connection, now);
    this.#lastNumber += 1;
    if (admitted.kind === 'refused') {
      const refused = new TrackerSession(this.#core, connection, null, this.#lastNumber, now);
      refused.end(POLICY_VIOLATION, admitted.reason, now);
      return refused;
    }
    const session = new TrackerSession(this.#core, connection, admitted, this.#lastNumber, now);
    this.#door.entered(admitted, now);
    this.#counters.connectionsOpened += 1;
    this.#sessions.set(session.number, session);
    session.slotIndex = this.#slots[session.number % SLOTS]!.push(session) - 1;
    this.#wake(now);
    return session;
  }

  /** Does what is due at `now`: pings, expiries, draining. */
  handleTimeout(now: number): void {
    for (let turn = 0; turn < SLOTS && this.#nextSlotAt <= now; turn++) {
      this.#nextSlotAt += SLOT_MS;
      this.#nextSlot = (this.#nextSlot + 1) % SLOTS;
      if (this.#nextSlot === 0) this.#door.sweep(now);
      const sessions = this.#slots[this.#nextSlot]!;
      for (let i = sessions.length - 1; i >= 0; i--) sessions[i]!.tick(now); // one that closes is replaced by one that had its turn
    }
    if (this.#nextSlotAt <= now) this.#nextSlotAt = now + SLOT_MS; // the process slept
    this.#drainSome(now);
    if (this.#sessions.size === 0 && this.#door.isIdle) this.#nextSlotAt = Number.POSITIVE_INFINITY;
  }

  /** When `handleTimeout` is next due; `Infinity` when nobody is connected. */
  get nextTimeout(): number {
    return this.#nextSlotAt;
  }

  /** Takes nobody in any more, and sends everybody away (1012) over 30 s, so that they do not come back all at once. */
  drain(now: number): void {
    if (this.#drainedAt !== null) return;
    this.#drainedAt = now + DRAIN_MS;
    this.#core.log({ event: 'draining' });
  }

  get isDraining(): boolean {
    return this.#drainedAt !== null;
  }

  /** Ends all connections now. */
  close(now: number): void {
    this.#drainedAt = now;
    this.#core.log({ event: 'closed' });
    for (const session of [...this.#sessions.values()]) session.end(GOING_AWAY, 'the tracker is closing', now);
  }

  /** Whether the connection that got this name with its ICE servers is still there. */
  isLive(sessionId: string): boolean {
    return this.#named.has(sessionId);
  }

  /** Whether the other nodes can be heard; `null` when there is no cluster. */
  get clusterUp(): boolean | null {
    return this.#core.cluster?.isUp ?? null;
  }

  /** What the cluster layer counts; nothing without one. */
  get clusterCounters(): Readonly<Record<string, number>> {
    return this.#core.cluster?.counters ?? {};
  }

  /** How many are connected. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** Counters, and how much there is now. */
  get stats(): TrackerStats & { connections: number; rooms: number; members: number } {
    const { size: rooms, members } = this.#rooms;
    return { ...this.#counters, connections: this.#sessions.size, rooms, members };
  }

  // -------------------------------------------------------------------------------------------------- for a cluster

  *localRooms(): Generator<{ readonly room: WireId; readonly members: number; readonly seeders: number }> {
    for (const { key, members, seeders } of this.#rooms.values()) yield { room: key, members: members.length, seeders };
  }

  deliver({ room: key, peerId, origin, met, offers }: Delivery, now: number): number {
    const room = this.#rooms.get(key);
    if (room === undefined) return 0;
    const head = relayHead(room, peerId);
    const dealt = dealOffers(
      room,
      {
        origin,
        met,
        peerId,
        head,
        offers: offers.map(({ offerId, sdp }) => ({ offerId, sdpJson: JSON.stringify(sdp) })),
        now,
      },
      this.#core.dice,
    );
    this.#counters.offersFromNodes += dealt;
    return dealt;
  }

  deliverAnswer(answer: RelayedAnswer, from: RemoteMember, connection: number, now: number): boolean {
    const session = this.#sessions.get(connection);
    const member = session?.memberOf(this.#rooms.get(answer.room));
    if (session === undefined || member?.takeExpectedAnswer(answer.offerId, now) !== true) return false;
    member.meetElsewhere(from);
    const { room: infoHash, peerId, offerId, sdp } = answer;
    session.deliverAnswer(encodeRelayed({ kind: 'answer', infoHash, peerId, offerId, sdp }), now);
    return true;
  }

  // -------------------------------------------------------------------------------------------------- sessions

  #sessionClosed(session: TrackerSession, id: string | null): void {
    if (id !== null) {
      this.#named.delete(id);
      this.#sessionEnded(id);
    }
    if (session.admission === null) return; // was never let in
    this.#door.left(session.admission);
    this.#sessions.delete(session.number);
    const slot = this.#slots[session.number % SLOTS]!;
    const last = slot.pop()!;
    if (last === session) return;
    slot[session.slotIndex] = last;
    last.slotIndex = session.slotIndex;
  }

  #wake(now: number): void {
    if (this.#nextSlotAt === Number.POSITIVE_INFINITY) this.#nextSlotAt = now + SLOT_MS;
  }

  /** So many that all are gone in time. */
  #drainSome(now: number): void {
    if (this.#drainedAt === null) return;
    const turns = Math.max(1, Math.ceil((this.#drainedAt - now) / SLOT_MS));
    let count = Math.ceil(this.#sessions.size / turns);
    for (const session of this.#sessions.values()) {
      if (count === 0) break;
      count -= 1;
      session.end(SERVICE_RESTART, 'the tracker restarts', now);
    }
  }
}
