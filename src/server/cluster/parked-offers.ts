/**
 * Offers for which no other member is known, kept for a little: the first two members of a room often come in the same
 * moment to two nodes, each of which has yet to hear of the other.
 */
import type { Placement } from '../tracker/cluster-link.ts';
import type { ClusterRoom } from './rooms.ts';

/** How long an offer waits for somebody to appear. Its author keeps it for 50 s or more. */
export const PARKED_MS = 10_000;
/** Bound: UTF-16 units of session descriptions that wait, of all rooms; past it the oldest go. */
const MAX_PARKED_LENGTH = 4 * 2 ** 20;
/** Bound: placements that wait in one room; past it the oldest goes. Few rooms have more than one before they have two. */
const MAX_PARKED_IN_ROOM = 20;

type Parked = {
  readonly room: ClusterRoom;
  readonly placement: Placement;
  readonly length: number;
  readonly expiresAt: number;
};

export class ParkedOffers {
  /** In the order they came, which is the order they expire in. */
  readonly #all = new Set<Parked>();
  readonly #byRoom = new Map<ClusterRoom, Set<Parked>>();
  #length = 0;

  /** When the oldest one expires; Infinity when there are none. */
  get nextTimeout(): number {
    for (const { expiresAt } of this.#all) return expiresAt;
    return Number.POSITIVE_INFINITY;
  }

  has(room: ClusterRoom): boolean {
    return this.#byRoom.has(room);
  }

  /** @returns how many offers had to go for it */
  add(room: ClusterRoom, placement: Placement, now: number): number {
    const length = placement.offers.reduce((sum, { sdp }) => sum + sdp.length, 0);
    const parked = { room, placement, length, expiresAt: now + PARKED_MS };
    const inRoom = this.#byRoom.get(room) ?? new Set<Parked>();
    // Who announces again has made new offers, or sends the same once more.
    for (const other of inRoom) if (other.placement.connection === placement.connection) this.#remove(other);
    this.#byRoom.set(room, inRoom);
    inRoom.add(parked);
    this.#all.add(parked);
    this.#length += length;

    let dropped = 0;
    const drop = (oldest: Parked): void => {
      dropped += oldest.placement.offers.length;
      this.#remove(oldest);
    };
    for (const oldest of inRoom) if (inRoom.size > MAX_PARKED_IN_ROOM) drop(oldest);
    for (const oldest of this.#all) if (this.#length > MAX_PARKED_LENGTH) drop(oldest);
    return dropped;
  }

  /** Takes out all that waits in a room. */
  take(room: ClusterRoom): Placement[] {
    const taken = [...(this.#byRoom.get(room) ?? [])];
    for (const parked of taken) this.#remove(parked);
    return taken.map(({ placement }) => placement);
  }

  /** @returns how many offers waited in vain */
  expire(now: number): number {
    let expired = 0;
    for (const parked of this.#all) {
      if (parked.expiresAt > now) break;
      expired += parked.placement.offers.length;
      this.#remove(parked);
    }
    return expired;
  }

  #remove(parked: Parked): void {
    this.#all.delete(parked);
    this.#length -= parked.length;
    const inRoom = this.#byRoom.get(parked.room)!;
    inRoom.delete(parked);
    if (inRoom.size === 0) this.#byRoom.delete(parked.room);
  }
}
