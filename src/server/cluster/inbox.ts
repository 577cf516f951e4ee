/** Offers from other nodes that wait for their turn, so that a flood of them does not keep a node's own clients waiting. */
import type { Frame } from './frame.ts';

export type DeliverFrame = Extract<Frame, { readonly kind: 'deliver' }>;

/**
 * Bound: UTF-16 units of session descriptions that wait. Past it the oldest offers go, which are the nearest to their end
 * anyway. Answers do not wait at all: an answer is worth a connection, an offer the chance of one.
 */
export const MAX_INBOX_LENGTH: number = 4 * 2 ** 20;

export class Inbox {
  #waiting: { frame: DeliverFrame; length: number }[] = [];
  #first = 0;
  #length = 0;

  get isEmpty(): boolean {
    return this.#first === this.#waiting.length;
  }

  /** @returns how many offers had to go for it */
  push(frame: DeliverFrame): number {
    const length = frame.offers.reduce((sum, { sdp }) => sum + sdp.length, 0);
    this.#waiting.push({ frame, length });
    this.#length += length;
    let dropped = 0;
    while (this.#length > MAX_INBOX_LENGTH) dropped += this.shift()!.offers.length;
    return dropped;
  }

  shift(): DeliverFrame | undefined {
    const next = this.#waiting[this.#first];
    if (next === undefined) return undefined;
    this.#length -= next.length;
    if (++this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    }
    return next.frame;
  }
}
