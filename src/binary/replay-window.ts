/** Which numbers of a growing sequence have been seen: a ring of bits that is never shifted (RFC 6479). */

export class ReplayWindow {
  /** One word more than the window: the one the newest number shares with numbers not yet seen. */
  readonly #words: Uint32Array;
  readonly #size: number;
  #newest: number;

  /**
   * @param size how far behind the newest number another is still told from a replay; a multiple of 32. What is older
   *   counts as seen. Memory: `size` / 8 bytes.
   * @param newest every number up to this one counts as seen; -1 for none
   */
  constructor(size: number, newest = -1) {
    if (size < 32 || size % 32 !== 0) throw new RangeError(`expected a multiple of 32, not ${size}`);
    this.#words = new Uint32Array(size / 32 + 1);
    this.#size = size;
    this.#newest = newest;
    if (newest < 0) return;
    const last = Math.floor(newest / 32) % this.#words.length;
    this.#words.fill(0xffff_ffff);
    this.#words[last] = 0xffff_ffff >>> (31 - (newest % 32));
  }

  /** The highest number seen; -1 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether this number, 0 … 2^53 - 1, may still be new. */
  mayBeNew(number: number): boolean {
    if (number > this.#newest) return true;
    if (number <= this.#newest - this.#size) return false;
    const word = this.#words[Math.floor(number / 32) % this.#words.length]!;
    return (word & (1 << (number % 32))) === 0;
  }

  /** Notes a number, once the packet's authenticity is proved: before that it must not move the window. */
  add(number: number): void {
    const words = this.#words;
    const index = Math.floor(number / 32);
    if (number > this.#newest) {
      const newestIndex = this.#newest < 0 ? -1 : Math.floor(this.#newest / 32);
      const fresh = Math.min(index - newestIndex, words.length);
      for (let i = 0; i < fresh; i++) words[(index - i) % words.length] = 0;
      this.#newest = number;
    }
    const at = index % words.length;
    words[at] = words[at]! | (1 << (number % 32));
  }
}
