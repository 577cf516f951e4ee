/** How long to stay away from a tracker that failed. */
import { type RandomSource, randomBetween } from '../machine.ts';

/** The first ceiling, doubled with every failure in a row up to the last. */
const FIRST_CEILING_MS = 500;
const LAST_CEILING_MS = 60_000;
/** A connection that lasted this long was a good one: the next failure is a first one again. */
export const STABLE_MS = 30_000;
/** 0.5 s · 2⁷ is past the last ceiling: counting on would change nothing, and one day overflow. */
const MAX_FAILURES = 7;

/** Exponential backoff with full jitter: clients that lost the same tracker come back spread out. */
export class Backoff {
  #failures = 0;

  /** Milliseconds to wait after one more failure. */
  next(random: RandomSource): number {
    const ceiling = Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, MAX_FAILURES);
    return randomBetween(random, 0, ceiling);
  }

  /** After a tracker that asks for it (close code 1013) or is not worth more: from 30 to 60 s. */
  nextLong(random: RandomSource): number {
    this.#failures = MAX_FAILURES;
    return randomBetween(random, LAST_CEILING_MS / 2, LAST_CEILING_MS);
  }

  reset(): void {
    this.#failures = 0;
  }
}
