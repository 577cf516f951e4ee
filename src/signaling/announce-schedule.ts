/** When to announce one room on one tracker. */
import { type RandomSource, randomBetween } from '../machine.ts';
import type { AnnounceEvent, AnnounceResponse } from './wire.ts';

/** Until a tracker says otherwise. */
const DEFAULT_INTERVAL_MS = 120_000;
/** Whatever a tracker says: not more often, and not so rarely that others take us for gone. */
const MIN_INTERVAL_MS = 5_000;
const MAX_INTERVAL_MS = 3_600_000;
/** Members that joined in the same second do not stay in step. */
const INTERVAL_JITTER = [0.85, 1] as const;
/** Between two announces with offers, where the tracker names no `min interval`. */
const MIN_GAP_MS = 500;
/** After this a tracker that has not answered is asked whether it is there at all. */
const RESPONSE_TIMEOUT_MS = 15_000;
/** After a refusal that names no time: doubled with each in a row, up to the longest interval. */
const FIRST_REFUSAL_MS = 15_000;
/** 15 s · 2⁸ is past the longest interval. */
const MAX_REFUSALS = 8;

const NEVER = Number.POSITIVE_INFINITY;

export class AnnounceSchedule {
  #joined = false;
  #regularAt = NEVER;
  #hurryAt = NEVER;
  #awaitingSince: number | null = null;
  #intervalMs = DEFAULT_INTERVAL_MS;
  #minIntervalMs: number | null = null;
  #lastSent: { readonly at: number; readonly offers: number } | null = null;
  #refusals = 0;

  /** When the next announce is due. */
  get nextAt(): number {
    if (this.#awaitingSince !== null) return this.#regularAt; // no hurry past what the tracker is about to say
    return Math.min(this.#regularAt, Math.max(this.#hurryAt, this.#gapEndsAt));
  }

  /** When the oldest announce that got no response yet was sent. */
  get awaitingSince(): number | null {
    return this.#awaitingSince;
  }

  /** When that response is overdue. */
  get responseDueAt(): number {
    return this.#awaitingSince === null ? NEVER : this.#awaitingSince + RESPONSE_TIMEOUT_MS;
  }

  /**
   * What the announce that is due would be: without offers, one that is not `required` is not worth sending. The hurry is
   * over with it; there may be a new one.
   */
  takeDue(now: number): { event: AnnounceEvent | null; required: boolean } | null {
    if (now < this.nextAt) return null;
    this.#hurryAt = NEVER;
    return { event: this.#joined ? null : 'started', required: now >= this.#regularAt };
  }

  /** A connection is open: the room is joined (again), after `delayMs`. */
  connected(now: number, delayMs: number): void {
    this.disconnected();
    this.#regularAt = now + delayMs;
  }

  disconnected(): void {
    this.#joined = false;
    this.#regularAt = NEVER;
    this.#hurryAt = NEVER;
    this.#awaitingSince = null;
    this.#lastSent = null;
    this.#refusals = 0;
  }

  sent(now: number, offers: number): void {
    this.#joined = true;
    this.#regularAt = now + this.#intervalMs;
    this.#awaitingSince ??= now;
    this.#lastSent = { at: now, offers };
  }

  responded({ interval, minInterval }: AnnounceResponse, now: number, random: RandomSource): void {
    this.#refusals = 0;
    this.#awaitingSince = null;
    if (minInterval !== null) this.#minIntervalMs = Math.min(minInterval * 1000, MAX_INTERVAL_MS);
    if (interval !== null) this.#intervalMs = Math.min(Math.max(interval * 1000, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
    const waitMs = this.#intervalMs * randomBetween(random, ...INTERVAL_JITTER);
    this.#regularAt = now + Math.max(waitMs, this.#minIntervalMs ?? 0);
  }

  /** The tracker refused. @param retryInMs what it asked for, or `null` */
  refused(now: number, retryInMs: number | null): void {
    const doubledMs = Math.min(FIRST_REFUSAL_MS * 2 ** this.#refusals, MAX_INTERVAL_MS);
    this.#refusals = Math.min(this.#refusals + 1, MAX_REFUSALS);
    this.#joined = false;
    this.#hurryAt = NEVER;
    this.#awaitingSince = null;
    this.#regularAt = now + (retryInMs ?? doubledMs);
  }

  /** Announces sooner, because there is somebody to meet: at `at`, or when the tracker allows it. */
  hurry(at: number): void {
    if (this.#joined) this.#hurryAt = Math.min(this.#hurryAt, at);
  }

  /** Announces sooner, with or without offers: to learn how many there are. */
  refresh(at: number): void {
    if (this.#joined) this.#regularAt = Math.min(this.#regularAt, Math.max(at, this.#gapEndsAt));
  }

  /** An announce without offers costs a tracker little, and one with offers may follow at once. */
  get #gapEndsAt(): number {
    if (this.#lastSent === null) return 0;
    return this.#lastSent.at + (this.#minIntervalMs ?? (this.#lastSent.offers > 0 ? MIN_GAP_MS : 0));
  }
}
