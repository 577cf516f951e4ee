/**
 * The checklist of one data stream (RFC 8445 §6.1.2, §6.1.4; RFC 8838 §10–12): which pairs there are, and which is
 * checked next. WebRTC bundles everything on one stream with one component, so there is one list.
 *
 *   frozen ──unfreeze──► waiting ──perform──► inProgress ──► succeeded
 *                           ▲                     │  │
 *                           └── triggered check ──┴──┴─────► failed
 */
import type { SocketAddress } from './address.ts';
import { comparePairs, type Pair } from './pair.ts';
import type { IceRole } from './types.ts';

/** RFC 8445 §6.1.2.5: "the default limit of candidate pairs for the checklist set is 100". The peer's candidates fill it. */
export const MAX_PAIRS = 100;

export class Checklist {
  /** In decreasing order of priority. */
  #pairs: Pair[] = [];
  readonly #byPath = new Map<string, Pair>();
  /** RFC 8445 §6.1.4.1, first in, first out; each pair once, so bounded by the list itself. */
  readonly #triggered: Pair[] = [];

  get pairs(): readonly Pair[] {
    return this.#pairs;
  }

  /** How many checks are under way or could be: Num-Waiting + Num-In-Progress of RFC 8445 §14.3. */
  get activeCount(): number {
    return this.#pairs.filter(({ state }) => state === 'waiting' || state === 'inProgress').length;
  }

  /** Whether any pair still has a chance to succeed. */
  get isPending(): boolean {
    return this.#pairs.some(({ state }) => state !== 'failed' && state !== 'succeeded');
  }

  get hasTriggered(): boolean {
    return this.#triggered.length > 0;
  }

  /** Whether `takeNext` has something to give. */
  get hasNext(): boolean {
    return this.#triggered.length > 0 || this.#nextOrdinary() !== undefined;
  }

  /** The pair of that socket and address. Pairs with the same base and remote are one: that is the pruning of §6.1.2.4. */
  find(socketId: number, remote: SocketAddress): Pair | undefined {
    return this.#byPath.get(pathKey(socketId, remote));
  }

  /**
   * Inserts a pair whose path is not in the list yet, waiting or frozen by RFC 8838 §12. At the bound a failed pair makes
   * room, or one of lower priority that was not checked yet.
   * @returns whether the pair is in the list now
   */
  add(pair: Pair): boolean {
    if (this.isFull && !this.#makeRoom(pair)) return false;
    this.#byPath.set(pathKey(pair.socketId, pair.remoteAddress), pair);
    this.#pairs.push(pair);
    this.sort();
    const ofFoundation = this.#pairs.filter(({ foundation }) => foundation === pair.foundation);
    const isTopmost = ofFoundation[0] === pair; // rule 1
    const isProven = ofFoundation.some(({ state }) => state === 'succeeded'); // rule 2
    pair.state = isTopmost || isProven ? 'waiting' : 'frozen'; // rule 3
    return true;
  }

  remove(pair: Pair): void {
    pair.valid = false;
    this.#pairs = this.#pairs.filter((other) => other !== pair);
    this.#byPath.delete(pathKey(pair.socketId, pair.remoteAddress));
    this.#untrigger(pair);
  }

  /**
   * Gives up the pair that is least missed, for one that the peer asks for: failed, not checked yet, or the path that has
   * been quiet for longest.
   * @returns whether there was any
   */
  evict(): boolean {
    const victim = this.#failed() ?? this.#lowestUnchecked() ?? this.#quietest();
    if (victim !== undefined) this.remove(victim);
    return victim !== undefined;
  }

  get isFull(): boolean {
    return this.#pairs.length >= MAX_PAIRS;
  }

  /** To be called when a priority has changed. */
  sort(): void {
    this.#pairs.sort(comparePairs);
  }

  reprioritize(role: IceRole): void {
    for (const pair of this.#pairs) pair.reprioritize(role);
    this.sort();
  }

  /** Queues a pair for the next opportunity (RFC 8445 §7.3.1.4). A pair that has succeeded stays so while checked again. */
  trigger(pair: Pair): void {
    if (pair.state !== 'succeeded') pair.state = 'waiting';
    if (!this.#triggered.includes(pair)) this.#triggered.push(pair);
  }

  /** Takes the pair to check now (RFC 8445 §6.1.4.2): triggered first, then the highest priority that waits. */
  takeNext(): Pair | undefined {
    const pair = this.#triggered.shift() ?? this.#nextOrdinary();
    if (pair !== undefined && pair.state !== 'succeeded') pair.state = 'inProgress';
    return pair;
  }

  fail(pair: Pair): void {
    pair.state = 'failed';
    pair.valid = false;
    pair.nominating = false;
    pair.nominateOnSuccess = false;
    this.#untrigger(pair);
  }

  /** RFC 8445 §7.2.5.3.3: a success lets every frozen pair of the same foundation wait. */
  unfreeze(foundation: string): void {
    for (const pair of this.#pairs) {
      if (pair.state === 'frozen' && pair.foundation === foundation) pair.state = 'waiting';
    }
  }

  /**
   * RFC 8445 §8.1.2: a pair was nominated, checking ends. What has succeeded stays as a path the peer may still send
   * on or move to; so does what the peer has nominated and we have not checked yet.
   * @returns the pairs that are gone
   */
  conclude(): Pair[] {
    const gone = this.#pairs.filter((pair) => pair.state !== 'succeeded' && !pair.nominateOnSuccess);
    for (const pair of gone) this.remove(pair);
    return gone;
  }

  /** Step 3 of §6.1.4.2, or step 2 where nothing waits: the best frozen pair whose foundation is not being checked. */
  #nextOrdinary(): Pair | undefined {
    const waiting = this.#pairs.find(({ state }) => state === 'waiting');
    if (waiting !== undefined) return waiting;
    const frozen = this.#pairs.filter(({ state }) => state === 'frozen');
    if (frozen.length === 0) return undefined;
    const busy = new Set(this.#pairs.filter(({ state }) => state === 'inProgress').map(({ foundation }) => foundation));
    return frozen.find(({ foundation }) => !busy.has(foundation));
  }

  #untrigger(pair: Pair): void {
    const index = this.#triggered.indexOf(pair);
    if (index >= 0) this.#triggered.splice(index, 1);
  }

  #makeRoom(newcomer: Pair): boolean {
    const victim = this.#failed() ?? this.#lowestUnchecked();
    if (victim === undefined || (victim.state !== 'failed' && comparePairs(newcomer, victim) > 0)) return false;
    this.remove(victim);
    return true;
  }

  #failed(): Pair | undefined {
    return this.#pairs.findLast(({ state, consentLost }) => state === 'failed' && !consentLost);
  }

  #lowestUnchecked(): Pair | undefined {
    return this.#pairs.findLast(({ state }) => state === 'waiting' || state === 'frozen');
  }

  #quietest(): Pair | undefined {
    const idle = this.#pairs.filter(({ state, nominated }) => state === 'succeeded' && !nominated);
    return idle.reduce<Pair | undefined>((a, b) => (a === undefined || b.lastSignAt < a.lastSignAt ? b : a), undefined);
  }
}

/** A path as a map key. */
export function pathKey(socketId: number, { address, port }: SocketAddress): string {
  return `${socketId} ${port} ${address}`;
}
