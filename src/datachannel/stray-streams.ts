/**
 * Streams that carry something without belonging to a channel.
 *
 * Early messages. A negotiated channel opens whenever its application says so, and one application is always the
 * first to. RFC 8832 §6 calls a message on an unused stream an error, which is right for channels opened in-band but
 * would make a reliable negotiated channel lose its first messages. So they are kept for a while, within bounds.
 *
 * Refused streams. What we turn down, we reset (RFC 8831 §6.7), and until the peer did the same the stream is not free.
 */

/** What is kept over all streams. Past it the stream is refused, so that the peer learns of the loss. */
const MAX_EARLY_BYTES = 262_144;
const MAX_EARLY_MESSAGES = 256;

interface EarlyMessage {
  readonly ppid: number;
  readonly data: Uint8Array;
}

export class StrayStreams {
  readonly #early = new Map<number, EarlyMessage[]>();
  #earlyBytes = 0;
  #earlyMessages = 0;
  /** Which of its two sides is reset. Bound: the number of streams. */
  readonly #refused = new Map<number, { outgoing: boolean; incoming: boolean }>();

  /** Keeps a copy of a message. False when there is no room. */
  keep(streamId: number, ppid: number, data: Uint8Array): boolean {
    if (this.#earlyMessages === MAX_EARLY_MESSAGES || this.#earlyBytes + data.length > MAX_EARLY_BYTES) return false;
    const message = { ppid, data: data.slice() };
    const messages = this.#early.get(streamId);
    if (messages === undefined) this.#early.set(streamId, [message]);
    else messages.push(message);
    this.#earlyBytes += data.length;
    this.#earlyMessages++;
    return true;
  }

  /** Gives what came early on a stream, in order, and forgets it. */
  takeEarly(streamId: number): readonly EarlyMessage[] {
    const messages = this.#early.get(streamId);
    if (messages === undefined) return [];
    this.#early.delete(streamId);
    this.#earlyMessages -= messages.length;
    for (const message of messages) this.#earlyBytes -= message.data.length;
    return messages;
  }

  refuse(streamId: number): void {
    this.takeEarly(streamId);
    this.#refused.set(streamId, { outgoing: false, incoming: false });
  }

  /** Every stream that something is known of. */
  get streams(): readonly number[] {
    return [...this.#early.keys(), ...this.#refused.keys()];
  }

  isRefused(streamId: number): boolean {
    return this.#refused.has(streamId);
  }

  /** One side of a refused stream was reset. True when that was the second: the stream is free again. */
  wasReset(streamId: number, direction: 'incoming' | 'outgoing'): boolean {
    const resets = this.#refused.get(streamId);
    if (resets === undefined) return false;
    resets[direction] = true;
    return resets.incoming && resets.outgoing && this.#refused.delete(streamId);
  }

  /** Forgets everything; gives the streams that are free again. */
  clear(): readonly number[] {
    const freed = [...this.#refused.keys()];
    this.#refused.clear();
    this.#early.clear();
    this.#earlyBytes = 0;
    this.#earlyMessages = 0;
    return freed;
  }
}
