/**
 * Which pair is used in the end (RFC 8445 §8.1.1). The controlling side decides once, for good (regular nomination); the
 * controlled side follows, also a peer that nominates every pair it checks (aggressive nomination, RFC 5245) or that
 * moves from one pair to another, as Chromium does.
 */
import { comparePriorities, type Pair } from './pair.ts';

/**
 * Between two nominations of an aggressive peer the higher priority wins, "the agents MUST … use the pairs with the
 * highest priority". When the selected pair was last named longer ago than this, the peer has moved: its last word
 * counts. Chromium names its pair at least every 2.5 s, and RFC 5245 peers are done by then.
 */
const SAME_ROUND_MS = 3_000;

/** The highest priority among the pairs that data may be sent on now; list in decreasing order of priority. */
export function bestValidPair(pairs: readonly Pair[], isFresh: (pair: Pair) => boolean): Pair | null {
  return pairs.find((pair) => pair.valid && isFresh(pair)) ?? null;
}

/**
 * Whether no better pair than `best` can be expected: all above it have been checked, and either nothing more will be
 * told, or it joins two host candidates over UDP, which have the highest type preference there is.
 */
export function isBestPossible(best: Pair, pairs: readonly Pair[], isAllKnown: boolean): boolean {
  const isBeaten = pairs.some(
    ({ state, priority }) =>
      state !== 'failed' && state !== 'succeeded' && comparePriorities(priority, best.priority) > 0,
  );
  if (isBeaten) return false;
  const { local, remote } = best;
  return isAllKnown || (local.type === 'host' && remote.type === 'host' && local.protocol === 'udp');
}

/** Controlled: whether to follow the peer from `current` to `named`, which it has just named. */
export function shouldFollow(named: Pair, current: Pair | null, now: number): boolean {
  if (current === null || !current.valid) return true;
  if (current === named) return false;
  return comparePriorities(named.priority, current.priority) > 0 || now - current.namedAt >= SAME_ROUND_MS;
}
