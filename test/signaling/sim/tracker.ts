/**
 * A tracker of the simulated world. What it does where trackers in the field differ is its behaviour, a field for each
 * difference; it reads and writes JSON by itself, so that a mistake in our own codec shows.
 */
import type { SimWebSocket } from './web-socket.ts';
import type { World } from './world.ts';

export type TrackerBehaviour = {
  /** Seconds; default 120. */
  interval?: number;
  minInterval?: number;
  /** Events that it knows; others get `onUnknownEvent`. Default: all. */
  events?: readonly (string | undefined)[];
  /** Default 'failure': without `action` and `info_hash`. */
  onInvalid?: 'failure' | 'close' | 'ignore';
  maxRelayed?: number;
  /** `numwant` is an integer, or there are no offers. */
  needsNumwant?: boolean;
  /** To whom offers go. */
  choice?: 'random' | 'consecutive' | 'recent';
  /** An offer is `{type, sdp}`, or the message is invalid. */
  checksOfferShape?: boolean;
  repliesToAnswer?: boolean;
  onAbsentPeer?: 'drop' | 'close' | 'failure';
  tracksOffers?: boolean;
  onSecondSocket?: 'replace' | 'ignore' | 'keep';
  /** Members of different networks do not see each other. */
  splitsFamilies?: boolean;
  repliesToStopped?: boolean;
  /** Bytes; a longer frame closes the connection. */
  maxFrame?: number;
  /** Says nothing about how many there are. */
  hidesCounts?: boolean;
  /** Fields added to each response. */
  extra?: Record<string, unknown>;
  /** Sends a room's messages as binary frames. */
  sendsBinary?: boolean;
};

type Fields = Record<string, unknown>;
type Member = { socket: SimWebSocket; readonly peerId: string; left: unknown; heardAt: number; served: number };

export class SimTracker {
  readonly behaviour: TrackerBehaviour;
  /** How new connections are turned away. */
  refusal: 'error-only' | 'error-and-close' | 'silence' | null = null;
  /** Everything received, in order. */
  readonly messages: Fields[] = [];
  readonly sockets: Set<SimWebSocket> = new Set();
  /** Answers a message itself when it returns true. */
  intercept: ((message: Fields, socket: SimWebSocket) => boolean) | null = null;
  /** Delays all that follow. */
  pausedUntil = 0;
  readonly #world: World;
  readonly #rooms = new Map<string, Map<string, Member>>();
  readonly #tracked = new Set<string>();

  constructor(world: World, behaviour: TrackerBehaviour) {
    this.#world = world;
    this.behaviour = behaviour;
  }

  opened(socket: SimWebSocket): void {
    this.sockets.add(socket);
  }

  closed(socket: SimWebSocket): void {
    if (!this.sockets.delete(socket)) return;
    for (const members of this.#rooms.values()) {
      for (const [peerId, member] of members) if (member.socket === socket) members.delete(peerId);
    }
  }

  members(): number {
    return [...this.#rooms.values()].reduce((sum, members) => sum + members.size, 0);
  }

  send(socket: SimWebSocket, message: Fields): void {
    const text = JSON.stringify(message);
    if (!this.sockets.has(socket)) return;
    socket.deliver(this.behaviour.sendsBinary ? (new TextEncoder().encode(text).buffer as ArrayBuffer) : text);
  }

  received(socket: SimWebSocket, text: string): void {
    if (!this.sockets.has(socket)) return;
    const { maxFrame = Number.POSITIVE_INFINITY } = this.behaviour;
    if (new TextEncoder().encode(text).length > maxFrame) return void socket.closeFromThere(1009);
    const message = JSON.parse(text) as Fields;
    this.messages.push(message);
    if (this.intercept?.(message, socket)) return;
    if (message['action'] === 'scrape') return void this.#scrape(socket, message);
    if (message['answer'] !== undefined) return void this.#answer(socket, message);
    this.#announce(socket, message);
  }

  #announce(socket: SimWebSocket, message: Fields): void {
    const b = this.behaviour;
    const { info_hash, peer_id, event, numwant, left } = message as Record<string, string>;
    const offers = (message['offers'] ?? []) as { offer: Fields; offer_id: string }[];
    if (b.events !== undefined && !b.events.includes(event)) return void this.#invalid(socket);
    if (
      b.checksOfferShape &&
      offers.some(({ offer }) => offer['type'] !== 'offer' || typeof offer['sdp'] !== 'string')
    ) {
      return void this.#invalid(socket);
    }
    const members = this.#rooms.get(info_hash!) ?? new Map<string, Member>();
    this.#rooms.set(info_hash!, members);
    if (event === 'stopped') {
      members.delete(peer_id!);
      if (b.repliesToStopped !== false) this.#respond(socket, info_hash!, members, socket);
      return;
    }
    const known = members.get(peer_id!);
    if (known !== undefined && known.socket !== socket) {
      if (b.onSecondSocket === 'ignore') return;
      if (b.onSecondSocket !== 'keep') known.socket = socket;
    }
    const member = known ?? { socket, peerId: peer_id!, left, heardAt: 0, served: 0 };
    member.left = left;
    member.heardAt = this.#world.now;
    members.set(peer_id!, member);
    this.#respond(socket, info_hash!, members, socket);
    if (b.needsNumwant && !Number.isInteger(numwant)) return;
    const others = [...members.values()].filter((other) => other !== member && this.#sees(other.socket, socket));
    const limit = Math.min(offers.length, others.length, b.maxRelayed ?? 82, b.needsNumwant ? Number(numwant) : 82);
    this.#choose(others)
      .slice(0, limit)
      .forEach((other, i) => {
        const { offer, offer_id } = offers[i]!;
        other.served++;
        this.#tracked.add(`${other.peerId} ${offer_id}`);
        this.send(other.socket, { action: 'announce', offer, offer_id, peer_id, info_hash });
      });
  }

  #answer(socket: SimWebSocket, message: Fields): void {
    const b = this.behaviour;
    const { info_hash, peer_id, to_peer_id, offer_id, answer } = message as Record<string, string>;
    const members = this.#rooms.get(info_hash!) ?? new Map<string, Member>();
    if (message['event'] !== undefined) return void this.#announce(socket, message);
    const target = members.get(to_peer_id!);
    if (b.tracksOffers && !this.#tracked.delete(`${peer_id} ${offer_id}`)) {
      return void this.send(socket, { info_hash, 'failure reason': 'Could not find the offer. It may have expired.' });
    }
    if (b.repliesToAnswer) this.#respond(socket, info_hash!, members, socket);
    if (target === undefined) {
      if (b.onAbsentPeer === 'close') socket.closeFromThere(1000);
      return;
    }
    this.send(target.socket, { action: 'announce', answer, offer_id, peer_id, info_hash });
  }

  #scrape(socket: SimWebSocket, { info_hash }: Fields): void {
    const files: Record<string, Fields> = {};
    for (const hash of [info_hash].flat() as string[]) {
      files[hash] = { complete: 0, incomplete: this.#rooms.get(hash)?.size ?? 0, downloaded: 0 };
    }
    this.send(socket, { action: 'scrape', files, flags: { min_request_interval: 600 } });
  }

  #respond(socket: SimWebSocket, info_hash: string, members: Map<string, Member>, asking: SimWebSocket): void {
    const { interval = 120, minInterval, hidesCounts, extra } = this.behaviour;
    const seen = [...members.values()].filter((member) => this.#sees(member.socket, asking));
    const complete = seen.filter(({ left }) => Number(left) === 0).length;
    const counts = hidesCounts ? {} : { complete, incomplete: seen.length - complete };
    const min = minInterval === undefined ? {} : { 'min interval': minInterval };
    this.send(socket, { action: 'announce', interval, ...min, info_hash, ...counts, ...extra });
  }

  #invalid(socket: SimWebSocket): void {
    if (this.behaviour.onInvalid === 'close') socket.closeFromThere(1000);
    else if (this.behaviour.onInvalid !== 'ignore') this.send(socket, { 'failure reason': 'Invalid request' });
  }

  #choose(others: Member[]): Member[] {
    switch (this.behaviour.choice ?? 'random') {
      case 'recent':
        return others.sort((a, b) => b.heardAt - a.heardAt || a.served - b.served);
      case 'consecutive': {
        const start = Math.floor(this.#world.random.next() * others.length);
        return [...others.slice(start), ...others.slice(0, start)];
      }
      default:
        return others
          .map((member) => ({ member, key: this.#world.random.next() }))
          .sort((a, b) => a.key - b.key)
          .map(({ member }) => member);
    }
  }

  /** Every other socket is on the other network. */
  #sees(a: SimWebSocket, b: SimWebSocket): boolean {
    if (!this.behaviour.splitsFamilies) return true;
    return this.#world.sockets.indexOf(a) % 2 === this.#world.sockets.indexOf(b) % 2;
  }
}
