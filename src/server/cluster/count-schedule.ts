/**
 * When to tell other nodes how many members a room has: soon after that has changed, and every 15 s anyway, so that a lost
 * digest, or a network that was parted, heals by then. Rooms have their turn spread over the 15 s.
 */
import { type RandomSource, randomBetween } from '../../machine.ts';
import type { ClusterRoom } from './rooms.ts';

/** Changes are told this often at most, and everything periodic happens on this beat. */
export const TICK_MS = 250;
const TICKS_PER_ROUND: number = 15_000 / TICK_MS;
/** After an outage all nodes ask about all of their rooms, spread over so many ticks, 5 s. */
const TICKS_OF_RETURN = 20;

/** `digest` tells; `hello` asks others for their counts as well. */
export type Due = { readonly room: ClusterRoom; readonly kind: 'digest' | 'hello' };

export class CountSchedule {
  readonly #random: RandomSource;
  /** Rooms by their turn, the tick modulo `TICKS_PER_ROUND`. */
  readonly #turns: Set<ClusterRoom>[] = Array.from({ length: TICKS_PER_ROUND }, () => new Set());
  readonly #turnOf = new Map<ClusterRoom, number>();
  readonly #changed = new Set<ClusterRoom>();
  readonly #inDoubt = new Set<ClusterRoom>();
  #tick = 0;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  add(room: ClusterRoom): void {
    this.#setTurn(room, Math.floor(randomBetween(this.#random, 0, TICKS_PER_ROUND)));
  }

  remove(room: ClusterRoom): void {
    this.#turns[this.#turnOf.get(room)!]!.delete(room);
    this.#turnOf.delete(room);
    this.#changed.delete(room);
    this.#inDoubt.delete(room);
  }

  /** Its counts have changed: due at the next tick. */
  change(room: ClusterRoom): void {
    this.#changed.add(room);
  }

  /** What is known of all rooms may be wrong: asks about each of them within 5 s. */
  doubtAll(): void {
    for (const room of this.#turnOf.keys()) {
      this.#inDoubt.add(room);
      this.#setTurn(room, this.#tick + 1 + Math.floor(randomBetween(this.#random, 0, TICKS_OF_RETURN)));
    }
  }

  /** A tick has passed: what is due. */
  tick(): Due[] {
    this.#tick++;
    const due: Due[] = [];
    for (const room of this.#turns[this.#tick % TICKS_PER_ROUND]!) {
      this.#changed.delete(room);
      due.push({ room, kind: this.#inDoubt.delete(room) ? 'hello' : 'digest' });
    }
    for (const room of this.#changed) due.push({ room, kind: 'digest' });
    this.#changed.clear();
    return due;
  }

  #setTurn(room: ClusterRoom, tick: number): void {
    const before = this.#turnOf.get(room);
    if (before !== undefined) this.#turns[before]!.delete(room);
    const turn = tick % TICKS_PER_ROUND;
    this.#turnOf.set(room, turn);
    this.#turns[turn]!.add(room);
  }
}
