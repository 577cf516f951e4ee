/**
 * How soon to announce a room again on one tracker. A tracker's interval is made for torrents; people who enter a room want
 * to meet now. So while there are members that we are not connected to, offers go out in quick rounds: every second at
 * first, more slowly after a few, and ever more slowly once rounds bring nobody (the rest may be ghosts that the tracker
 * has not noticed yet).
 */
import { type RandomSource, randomBetween } from '../machine.ts';

const QUICK_ROUND_MS = 1_000;
const QUICK_ROUNDS = 4;
/** What trackers allow in the long run, one announce in two seconds; PureRTC's own is the strictest known. */
const ROUND_MS = 2_000;
/** This many in a row may bring nobody before they slow down. */
const PATIENCE = 5;
const MAX_ROUND_MS = 120_000;
const JITTER = [0.75, 1.25] as const;

export class MeetingRounds {
  #rounds = 0;
  #vain = 0;
  #lastPeers = 0;
  #lastOthers = 0;

  /** Whether rounds bring nobody any more. */
  get isVain(): boolean {
    return this.#vain > PATIENCE;
  }

  /** A new connection to the tracker: everything starts anew. */
  reset(): void {
    this.#rounds = 0;
    this.#vain = 0;
    this.#lastPeers = 0;
    this.#lastOthers = 0;
  }

  /**
   * The delay until the next round, in ms.
   * @param others members that the tracker counts, without us; more than `peers`, else there is nobody to look for
   * @param peers those that we are connected to, or about to be
   */
  next(others: number, peers: number, random: RandomSource): number {
    const isProgress = peers > this.#lastPeers || others > this.#lastOthers;
    this.#vain = isProgress ? 0 : this.#vain + 1;
    this.#lastPeers = peers;
    this.#lastOthers = others;
    const pace = this.#rounds < QUICK_ROUNDS ? QUICK_ROUND_MS : ROUND_MS;
    this.#rounds++;
    const slower = 2 ** Math.min(Math.max(0, this.#vain - PATIENCE), 16);
    return Math.min(pace * slower, MAX_ROUND_MS) * randomBetween(random, ...JITTER);
  }
}
