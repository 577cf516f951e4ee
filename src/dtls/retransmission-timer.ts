/** The timer of a flight (RFC 6347 §4.2.4.1): each timeout is twice the one before it. */

/** RFC 6347 §4.2.4.1: "double the value at each retransmission, up to no less than the RFC 6298 maximum of 60 seconds". */
const MAX_TIMEOUT_MS = 60_000;

export class RetransmissionTimer {
  #initialMs: number;
  /** When the flight was last sent, `null` while no answer is awaited. */
  #startedAt: number | null = null;
  #expiries = 0;

  constructor(initialMs: number) {
    this.#initialMs = initialMs;
  }

  /** Infinity when it is not running. */
  get expiresAt(): number {
    return this.#startedAt === null ? Infinity : this.#startedAt + this.#timeoutMs;
  }

  /** How often it has expired since `start`. */
  get expiries(): number {
    return this.#expiries;
  }

  /** May be changed while it runs: the current timeout becomes what it would have been with this one from the start. */
  set initialMs(ms: number) {
    this.#initialMs = ms;
  }

  /** A new flight is sent. The back-off of an earlier one is forgotten: its answer has come. */
  start(now: number): void {
    this.#startedAt = now;
    this.#expiries = 0;
  }

  /** It expired, and the flight is sent again. */
  backOff(now: number): void {
    this.#startedAt = now;
    this.#expiries++;
  }

  /** The flight is sent again for another reason than time: wait as long again (RFC 6347 §4.2.4). */
  restart(now: number): void {
    if (this.#startedAt !== null) this.#startedAt = now;
  }

  stop(): void {
    this.#startedAt = null;
  }

  /** Whether at least half of the current timeout has passed: a flight sent later than that can be lost. */
  isHalfOver(now: number): boolean {
    return this.#startedAt === null || now - this.#startedAt >= this.#timeoutMs / 2;
  }

  get #timeoutMs(): number {
    if (this.#initialMs >= MAX_TIMEOUT_MS) return this.#initialMs; // Infinity too: then the caller keeps the time
    return Math.min(this.#initialMs * 2 ** this.#expiries, MAX_TIMEOUT_MS);
  }
}
