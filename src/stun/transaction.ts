/**
 * A client transaction over UDP (RFC 8489 §6.2.1): sends a request until it is answered or time is up. Matching and
 * judging the answer is the owner's; the transaction is over when the owner forgets it.
 *
 *   sent   ├─RTO─┼──2·RTO──┼────4·RTO────┼─ … ─┤ Rc-th request ──── Rm·RTO ────┤ timed out
 *   at 0        500      1500          3500         31500                  39500 ms, with the defaults
 */

export type RetransmissionTiming = {
  /** The first interval, in ms. RFC 8489: 500 or more. */
  readonly rtoMs: number;
  /** Rc: how often the request is sent in all. Default 7. */
  readonly requests?: number;
  /** Rm: how many RTOs the last request is given. Default 16. */
  readonly lastWait?: number;
};

const DEFAULT_REQUESTS = 7; // Rc, RFC 8489 §6.2.1
const DEFAULT_LAST_WAIT = 16; // Rm, RFC 8489 §6.2.1

export class ClientTransaction {
  readonly startedAt: number;
  readonly #request: Uint8Array;
  readonly #transmit: (packet: Uint8Array) => void;
  readonly #lastWaitMs: number;
  #intervalMs: number;
  #requestsLeft: number;
  #requestsSent = 0;
  #dueAt: number;

  /** Sends the first request at once. `transmit` is given a copy each time, for its receiver owns it. */
  constructor(request: Uint8Array, timing: RetransmissionTiming, transmit: (packet: Uint8Array) => void, now: number) {
    this.startedAt = now;
    this.#request = request;
    this.#transmit = transmit;
    this.#intervalMs = timing.rtoMs;
    this.#lastWaitMs = timing.rtoMs * (timing.lastWait ?? DEFAULT_LAST_WAIT);
    this.#requestsLeft = timing.requests ?? DEFAULT_REQUESTS;
    this.#dueAt = now;
    this.#send(now);
  }

  get nextTimeout(): number {
    return this.#dueAt;
  }

  get requestsSent(): number {
    return this.#requestsSent;
  }

  /** Retransmits when that is due. @returns whether the transaction has now timed out; ask no further then */
  handleTimeout(now: number): boolean {
    if (now < this.#dueAt) return false;
    if (this.#requestsLeft === 0) return true;
    this.#send(now);
    return false;
  }

  /**
   * RFC 8445 §7.3.1.4, "cancels": no more requests, yet an answer to those sent may still come until the transaction
   * would have timed out.
   */
  stopRetransmitting(): void {
    while (this.#requestsLeft > 0) this.#schedule(this.#dueAt);
  }

  /** The round trip that ends now; `undefined` after a retransmission, when it is unknown which was answered (Karn). */
  roundTripMs(now: number): number | undefined {
    return this.#requestsSent === 1 ? now - this.startedAt : undefined;
  }

  #send(now: number): void {
    this.#requestsSent++;
    this.#schedule(now);
    this.#transmit(this.#request.slice());
  }

  #schedule(from: number): void {
    this.#requestsLeft--;
    this.#dueAt = from + (this.#requestsLeft > 0 ? this.#intervalMs : this.#lastWaitMs);
    this.#intervalMs *= 2;
  }
}
