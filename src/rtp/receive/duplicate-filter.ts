/** Which packets of a stream came before: by retransmission, recovery and the network each may come twice. */
import { SequenceUnwrapper } from '../sequence.ts';

/** Bound, in packets: how far back one is remembered. Older than that, it is taken for a duplicate: nobody waits for it. */
const WINDOW = 2048;
/** Numbers so far back are a source that began anew, if the next one follows (RFC 3550 A.1). */
const MAX_MISORDER = WINDOW;
const NONE = -1;

export class DuplicateFilter {
  readonly #unwrapper = new SequenceUnwrapper();
  /** The extended number that was last seen in each slot. */
  readonly #seen = new Float64Array(WINDOW).fill(NONE);
  /** A number far back, where a source that begins anew goes on. */
  #restartNumber = NONE;

  /** Of all that came, 16 bits; -1 before the first. */
  get highest(): number {
    return this.#unwrapper.highest < 0 ? NONE : this.#unwrapper.highest & 0xffff;
  }

  /** Notes a packet; false for one that came before, or may have. */
  isNew(sequenceNumber: number): boolean {
    let extended = this.#unwrapper.peek(sequenceNumber);
    if (extended <= this.#unwrapper.highest - MAX_MISORDER) {
      const isNext = sequenceNumber === this.#restartNumber;
      this.#restartNumber = (sequenceNumber + 1) & 0xffff;
      if (!isNext) return false;
      extended = this.#unwrapper.restart(sequenceNumber);
    }
    this.#unwrapper.unwrap(sequenceNumber);
    const slot = extended % WINDOW;
    if (this.#seen[slot] === extended) return false;
    this.#seen[slot] = extended;
    return true;
  }
}
