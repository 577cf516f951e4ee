/**
 * How often those may ask who have no allocation. What they are answered, a challenge above all, is longer than what they
 * sent, and UDP lets them name any address as theirs: without a limit a server is an amplifier (RFC 8656 §21.1).
 */
import { siteOf } from '../../runtime/connection-counts.ts';
import { TokenBucket } from '../tracker/token-bucket.ts';

/** How many seconds' worth may come at once: a browser opens all its connections in one instant. */
const BURST_SECONDS = 10;
/** All addresses together: whatever the flood, what it costs is some ten percent of a core. */
const TOTAL_REQUESTS_PER_SECOND = 10_000;
/**
 * Bound: addresses can be made up. Half of the table is forgotten when the other half is full, so that an address comes by a
 * fresh bucket no more often than once in that many others.
 */
const MAX_SOURCES = 16_384;

export class StrangerLimit {
  /** Requests that were not looked at. */
  refused = 0;
  readonly #perSecond: number;
  readonly #total = new TokenBucket(TOTAL_REQUESTS_PER_SECOND, 0);
  #young = new Map<string, TokenBucket>();
  #old = new Map<string, TokenBucket>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes a request of that address into account. */
  admits(address: string, now: number): boolean {
    const isAdmitted =
      this.#bucketOf(address, now).take(this.#perSecond, BURST_SECONDS * this.#perSecond, now) &&
      this.#total.take(TOTAL_REQUESTS_PER_SECOND, TOTAL_REQUESTS_PER_SECOND, now);
    if (!isAdmitted) this.refused++;
    return isAdmitted;
  }

  #bucketOf(address: string, now: number): TokenBucket {
    const key = siteOf(address);
    const recent = this.#young.get(key);
    if (recent !== undefined) return recent;
    const bucket = this.#old.get(key) ?? new TokenBucket(BURST_SECONDS * this.#perSecond, now);
    if (this.#young.size >= MAX_SOURCES / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, bucket);
    return bucket;
  }
}
