/**
 * Consent freshness on the path in use (RFC 7675), and whether it seems lost (W3C `disconnected`).
 *
 * A check goes out every 4 to 6 s, once, with an id of its own. That alone would notice a lost path only after several
 * periods, or cry wolf at one lost packet. So a check that is not answered soon is followed by a connectivity check with
 * its retransmissions (0, 0.5, 1.5, 3.5 s …): after `disconnectedMs`, 5 s, at least five requests in a row went
 * unanswered, which a path losing 20 % of its packets each way does to fewer than one check in a hundred. Browsers take
 * about as long: they too want five unanswered pings and five seconds. These checks refresh the NAT's bindings as well,
 * so keepalive indications (RFC 8445 §11) are not sent.
 *
 *      answer      check            connectivity check ×4          disconnected            expired
 *   ─────┼─── 4…6 s ─┼── 0.5 s or 2 RTT ─┼─ … ── 5 s after the check ─┼─ … ── 30 s after the answer ─┤
 *
 * An ICE-lite agent asks nothing (RFC 7675 §1); it takes the peer's requests for signs of life.
 */
import { type RandomSource, randomBetween } from '../machine.ts';
import type { Pair } from './pair.ts';
import type { IceTiming } from './timing.ts';

/** A round trip is expected to end within this factor of the last one. */
const PATIENCE_ROUND_TRIPS = 2;

/**
 * Lite: a peer that follows RFC 7675, as RFC 8827 §6.3 demands of WebRTC, asks at least every 6 s; two of its
 * requests in a row were lost by then.
 */
const LITE_DISCONNECTED_MS = 15_000;

/** What is due: nothing, a consent check, a connectivity check besides, or the end. */
export type ConsentAction = 'none' | 'ask' | 'probe' | 'expired';

export class Consent {
  readonly pair: Pair;
  readonly #timing: IceTiming;
  readonly #random: RandomSource;
  /** False on a lite agent. */
  readonly #asks: boolean;
  #expiresAt: number;
  #askAt: number;
  /** When the first request since the last sign of life was sent. */
  #unansweredSince = Infinity;
  #probeAt = Infinity;

  /** @param lastAnswerAt when the pair last gave a sign of life: consent starts with the check that validated it */
  constructor(pair: Pair, timing: IceTiming, random: RandomSource, asks: boolean, lastAnswerAt: number, now: number) {
    this.pair = pair;
    this.#timing = timing;
    this.#random = random;
    this.#asks = asks;
    this.#expiresAt = lastAnswerAt + timing.consentExpiryMs;
    this.#askAt = asks ? now + this.#interval() : Infinity;
    if (!asks) this.#unansweredSince = lastAnswerAt;
  }

  /** When `handleTimeout` or a look at `isSilent` is next due. */
  get nextTimeout(): number {
    return Math.min(this.#expiresAt, this.#askAt, this.#probeAt);
  }

  /** When `isSilent` turns true unless an answer comes. */
  get silentAt(): number {
    return this.#unansweredSince + (this.#asks ? this.#timing.disconnectedMs : LITE_DISCONNECTED_MS);
  }

  /** Whether requests have gone unanswered for too long. */
  isSilent(now: number): boolean {
    return now >= this.silentAt;
  }

  /** Asked until it says `none` or `expired`. After `ask` the caller sends a check and calls `asked`. */
  handleTimeout(now: number): ConsentAction {
    if (now >= this.#expiresAt) return 'expired';
    if (now >= this.#probeAt) {
      this.#probeAt = Infinity;
      return 'probe';
    }
    if (now < this.#askAt) return 'none';
    this.#askAt = now + this.#interval();
    return 'ask';
  }

  asked(now: number): void {
    if (this.#unansweredSince !== Infinity) return;
    this.#unansweredSince = now;
    const roundTripMs = this.pair.stats.currentRoundTripMs ?? 0;
    this.#probeAt = now + Math.max(this.#timing.minRtoMs, PATIENCE_ROUND_TRIPS * roundTripMs);
  }

  /** An authentic answer came over the pair; for a lite agent, a request. */
  renew(now: number): void {
    this.#expiresAt = now + this.#timing.consentExpiryMs;
    this.#unansweredSince = this.#asks ? Infinity : now;
    this.#probeAt = Infinity;
  }

  /** RFC 7675 §5.1: "each interval MUST be randomized". */
  #interval(): number {
    return randomBetween(this.#random, ...this.#timing.consentIntervalMs);
  }
}
