/** A room and its members. Members are connections, not peer ids: nobody can take a place by naming its owner. */
import type { WireId } from '../../signaling/wire.ts';
import type { OfferOrigin, RemoteMember } from './cluster-link.ts';
import type { TrackerSession } from './session.ts';
import { TokenBucket } from './token-bucket.ts';

/** How long an offer may be answered. Clients give up on theirs after 50 s. */
export const OFFER_LIFETIME_MS = 60_000;
/**
 * Bound: rooms up to this size remember who has met whom, which is at most this many entries for each member. Of members of
 * other nodes each remembers as many, the last ones.
 */
export const MAX_REMEMBERED_PAIRS = 32;

const NOBODY: ReadonlySet<RemoteMember> = new Set();

/** An offer in the hands of a member, who alone may answer it, once. */
export type OpenOffer = { readonly origin: Member | OfferOrigin; readonly expiresAt: number };

export class Room {
  readonly key: WireId;
  readonly members: Member[] = [];
  /** The members who have everything: a torrent's notion, which counts and decides nothing. */
  seeders = 0;
  /** Choices made among the members: numbers them, see dealing.ts. */
  draws = 0;
  /** The texts of messages to members start the same way each time: made once. */
  readonly keyJson: string;
  readonly responseHead: string;

  constructor(key: WireId) {
    this.key = key;
    this.keyJson = JSON.stringify(key);
    this.responseHead = `{"action":"announce","info_hash":${this.keyJson},"interval":`;
  }

  add(member: Member): void {
    member.index = this.members.length;
    this.members.push(member);
    if (member.seeder) this.seeders += 1;
  }

  remove(member: Member): void {
    const last = this.members.pop()!;
    if (last !== member) {
      this.members[member.index] = last;
      last.index = member.index;
    }
    if (member.seeder) this.seeders -= 1;
    member.leave();
  }
}

export class Member {
  readonly session: TrackerSession;
  readonly room: Room;
  readonly peerId: WireId;
  /** What an offer or an answer of this member starts with. */
  readonly relayHead: string;
  /** Where it stands in `room.members`. */
  index = -1;
  /** No longer in the room. */
  gone = false;
  seeder = false;
  /** Offers it wants until it announces again; 0 is final, more is a wish. */
  wanted = 0;
  /** Offers it got since it announced. */
  served = 0;
  announcedAt: number;
  /** Without another announce it is thought to be gone at the first, and is at the second. */
  quietAt = 0;
  expiresAt = 0;
  /** The last of the room's draws that looked at this member. */
  drawnIn = 0;
  readonly announces: TokenBucket;

  #openOffers: Map<WireId, OpenOffer> | null = null;
  #placedElsewhere: Map<WireId, number> | null = null;
  #pairedAt: Map<Member, number> | null = null;
  #metElsewhere: Set<RemoteMember> | null = null;

  constructor(session: TrackerSession, room: Room, peerId: WireId, announceBurst: number, now: number) {
    this.session = session;
    this.room = room;
    this.peerId = peerId;
    this.relayHead = relayHead(room, peerId);
    this.announcedAt = now;
    this.announces = new TokenBucket(announceBurst, now);
  }

  /** Whether it can be dealt this offer: it has room, and holds none by that name from somebody else. */
  canTake(offerId: WireId, origin: Member | OfferOrigin, now: number): boolean {
    if (this.#openOffers === null) return true;
    const { maxOpenOffers } = this.session.limits;
    if (this.#openOffers.size >= maxOpenOffers) this.#expireOffers(now);
    const open = this.#openOffers?.get(offerId);
    if (open === undefined && (this.#openOffers?.size ?? 0) >= maxOpenOffers) return false;
    return open === undefined || open.origin === origin || open.expiresAt <= now;
  }

  /** The offer is this member's to answer. */
  take(offerId: WireId, origin: Member | OfferOrigin, now: number): void {
    this.#openOffers ??= new Map();
    this.#openOffers.delete(offerId); // so that the oldest stay first
    this.#openOffers.set(offerId, { origin, expiresAt: now + OFFER_LIFETIME_MS });
    this.served += 1;
  }

  /** Ends an offer: its origin, or `null` when this member holds no such offer any more. */
  closeOffer(offerId: WireId, now: number): Member | OfferOrigin | null {
    const open = this.#openOffers?.get(offerId);
    if (open === undefined) return null;
    this.#openOffers!.delete(offerId);
    return open.expiresAt > now ? open.origin : null;
  }

  /** Its own offer went to another node; the answer is expected from there. */
  expectAnswer(offerId: WireId, now: number): void {
    this.#placedElsewhere ??= new Map();
    this.#placedElsewhere.delete(offerId);
    this.#placedElsewhere.set(offerId, now + OFFER_LIFETIME_MS);
  }

  /** Whether an answer from another node was expected; it is no longer. */
  takeExpectedAnswer(offerId: WireId, now: number): boolean {
    const expiresAt = this.#placedElsewhere?.get(offerId) ?? 0;
    this.#placedElsewhere?.delete(offerId);
    return expiresAt > now;
  }

  /** When an offer last went from one of the two to the other; 0 for never. */
  pairedAt(other: Member): number {
    return this.#pairedAt?.get(other) ?? 0;
  }

  pairWith(other: Member, now: number): void {
    this.#pairedAt ??= new Map();
    other.#pairedAt ??= new Map();
    this.#pairedAt.set(other, now);
    other.#pairedAt.set(this, now);
  }

  /** How many members here an offer has gone to or come from. */
  get pairs(): number {
    return this.#pairedAt?.size ?? 0;
  }

  /** Members of other nodes with whom an offer was answered, by either. */
  get metElsewhere(): ReadonlySet<RemoteMember> {
    return this.#metElsewhere ?? NOBODY;
  }

  meetElsewhere(other: RemoteMember): void {
    this.#metElsewhere ??= new Set();
    this.#metElsewhere.delete(other); // so that the oldest stay first
    this.#metElsewhere.add(other);
    if (this.#metElsewhere.size <= MAX_REMEMBERED_PAIRS) return;
    for (const oldest of this.#metElsewhere) {
      this.#metElsewhere.delete(oldest);
      return;
    }
  }

  /** Forgets what has expired. */
  sweep(now: number): void {
    this.#expireOffers(now);
    if (this.#placedElsewhere === null) return;
    for (const [offerId, expiresAt] of this.#placedElsewhere) {
      if (expiresAt > now) break;
      this.#placedElsewhere.delete(offerId);
    }
    if (this.#placedElsewhere.size === 0) this.#placedElsewhere = null;
  }

  /** Only `Room.remove` calls this. */
  leave(): void {
    this.gone = true;
    for (const other of this.#pairedAt?.keys() ?? []) other.#pairedAt?.delete(this);
    this.#pairedAt = null;
    this.#metElsewhere = null;
    this.#openOffers = null;
    this.#placedElsewhere = null;
  }

  #expireOffers(now: number): void {
    if (this.#openOffers === null) return;
    for (const [offerId, { expiresAt }] of this.#openOffers) {
      if (expiresAt > now) break;
      this.#openOffers.delete(offerId);
    }
    if (this.#openOffers.size === 0) this.#openOffers = null;
  }
}

/** An offer or an answer of `peerId`, up to the name of the offer. */
export function relayHead({ keyJson }: Room, peerId: WireId): string {
  return `{"action":"announce","info_hash":${keyJson},"peer_id":${JSON.stringify(peerId)},"offer_id":`;
}
