/**
 * Numbers of a stream from which items are taken out: those that are left follow one another without a gap, and those
 * that never came keep their place, so that loss stays visible and what is repaired later fits in.
 *
 * ```
 * came in       10   11   12    –   14   15        – lost on the way
 *               fwd  drop fwd       drop fwd
 * goes out      10        11   [12]      13        [12] kept for 13, should it still come and be wanted
 * ```
 */

/** What became of a number that came in. Others are the number that it goes out with, doubled, plus 1 once that is used. */
const UNSEEN = -1;
const DROPPED = -2;
/** All numbers that go out on the wire have at most 16 bits: of longer ones, these are kept. */
const OUT_MASK = 0xffff;

/** Said where a number has no place, or no place was left open. */
export const NO_PLACE = -1;

export class NumberLine {
  /** By number that came in, modulo its length. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Nothing is known of the source yet: its next number is its first one. */
  #isFresh = true;
  #first = 0;
  #newest = 0;
  #newestForwarded = 0;
  /** The last number given out, beyond 16 bits; -1 before the first. */
  #lastOut = -1;

  /**
   * @param reach a power of 2: how far back numbers are remembered; what is older has no place any more
   * @param firstOut the first number that goes out; left out, the numbers of the first source go on as they are
   */
  constructor(reach: number, firstOut?: number) {
    this.#slots = new Int32Array(reach);
    this.#mask = reach - 1;
    if (firstOut !== undefined) this.#lastOut = (firstOut & OUT_MASK) + OUT_MASK;
  }

  /** The number that goes out next, when nothing is missing before it. */
  get nextOut(): number {
    return (this.#lastOut + 1) & OUT_MASK;
  }

  /** A number for something of our own, between those of the source. */
  take(): number {
    return ++this.#lastOut & OUT_MASK;
  }

  /** Another source goes on from here: with its next number, whatever that is, and none before it. */
  restart(): void {
    this.#isFresh = true;
  }

  /** Whether this number was forwarded or dropped before. */
  isSettled(number: number): boolean {
    if (this.#isFresh || number > this.#newest || !this.#isInReach(number)) return false;
    const slot = this.#slots[number & this.#mask]!;
    return slot === DROPPED || (slot >= 0 && (slot & 1) === 1);
  }

  /**
   * The 16 bits that a number (extended, not wrapping) goes out with; `NO_PLACE` where it is too late for it. Asked again,
   * says the same.
   */
  forward(number: number): number {
    if (this.#isFresh) this.#begin(number);
    if (number > this.#newestForwarded) {
      this.#advance(number);
      this.#reserve(number);
      this.#slots[number & this.#mask] = ((++this.#lastOut & OUT_MASK) << 1) | 1;
      this.#newestForwarded = number;
      return this.#lastOut & OUT_MASK;
    }
    if (!this.#isInReach(number)) return NO_PLACE;
    const slot = this.#slots[number & this.#mask]!;
    if (slot < 0) return NO_PLACE;
    this.#slots[number & this.#mask] = slot | 1;
    return slot >> 1;
  }

  /**
   * Takes a number out. Numbers behind it move up, unless one of them is gone already: then what is said is the number
   * that stays empty, and otherwise `NO_PLACE`. One that was dropped may still be forwarded while none behind it was.
   */
  drop(number: number): number {
    if (this.#isFresh) this.#begin(number);
    if (number > this.#newest) {
      this.#advance(number);
    } else if (!this.#isInReach(number)) {
      return NO_PLACE;
    }
    const slot = this.#slots[number & this.#mask]!;
    if (slot === DROPPED || (slot >= 0 && (slot & 1) === 1)) return NO_PLACE;
    this.#slots[number & this.#mask] = DROPPED;
    return slot === UNSEEN ? NO_PLACE : slot >> 1;
  }

  #begin(number: number): void {
    this.#isFresh = false;
    this.#first = number;
    this.#newest = number - 1;
    this.#newestForwarded = number - 1;
    if (this.#lastOut < 0) this.#lastOut = number - 1;
  }

  #isInReach(number: number): boolean {
    return number >= this.#first && number > this.#newest - this.#slots.length;
  }

  #advance(number: number): void {
    if (number <= this.#newest) return;
    const from = Math.max(this.#newest + 1, number - this.#mask);
    for (let each = from; each <= number; each++) this.#slots[each & this.#mask] = UNSEEN;
    this.#newest = number;
  }

  /** Keeps places for the numbers before this one that never came. A gap beyond reach is kept as a gap of one. */
  #reserve(number: number): void {
    const reach = this.#newest - this.#mask;
    if (this.#newestForwarded + 1 < reach) this.#lastOut++;
    for (let each = Math.max(this.#newestForwarded + 1, reach); each < number; each++) {
      if (this.#slots[each & this.#mask] === UNSEEN) {
        this.#slots[each & this.#mask] = (++this.#lastOut & OUT_MASK) << 1;
      }
    }
  }
}
