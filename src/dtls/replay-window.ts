/** Which sequence numbers have been received (RFC 6347 §4.1.2.6), as a ring of bits that is never shifted (RFC 6479). */

/**
 * Bound: how far behind the newest record another may come and still be told from a replay. The RFC asks for 32 and
 * prefers 64; a browser's burst that is reordered within a millisecond is larger. What is older counts as a replay.
 */
export const REPLAY_WINDOW_SIZE = 512;

/** The word that the newest number shares with numbers not yet seen comes on top. */
const WORDS = REPLAY_WINDOW_SIZE / 32 + 1;

export class ReplayWindow {
  readonly #words = new Uint32Array(WORDS);
  #newest = -1;

  /** Whether a record with this number may still be new. */
  mayBeNew(sequenceNumber: number): boolean {
    if (sequenceNumber > this.#newest) return true;
    if (sequenceNumber <= this.#newest - REPLAY_WINDOW_SIZE) return false;
    const word = this.#words[Math.floor(sequenceNumber / 32) % WORDS]!;
    return (word & (1 << (sequenceNumber % 32))) === 0;
  }

  /** Notes a record, once its authenticity is proved: before that it must not move the window. */
  add(sequenceNumber: number): void {
    const index = Math.floor(sequenceNumber / 32);
    if (sequenceNumber > this.#newest) {
      const newestIndex = this.#newest < 0 ? -1 : Math.floor(this.#newest / 32);
      const fresh = Math.min(index - newestIndex, WORDS);
      for (let i = 0; i < fresh; i++) this.#words[(index - i) % WORDS] = 0;
      this.#newest = sequenceNumber;
    }
    const at = index % WORDS;
    this.#words[at] = this.#words[at]! | (1 << (sequenceNumber % 32));
  }
}
