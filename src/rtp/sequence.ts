/** Sequence numbers and timestamps that wrap, made into numbers that do not. */

/** How often 16 bits may have wrapped before the first number we saw: so numbers before it are positive too. */
const FIRST_SEQUENCE_CYCLE = 0x1_0000;
const FIRST_TIMESTAMP_CYCLE = 0x1_0000_0000;

/**
 * Extends 16-bit sequence numbers: each is taken to be the nearest one to the highest seen so far (RFC 3550 A.1,
 * `cycles`). The first is itself + 2^16. Exactly half the range away counts as before.
 */
export class SequenceUnwrapper {
  #highest = -1;

  /** The highest extended number so far; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  unwrap(sequenceNumber: number): number {
    const extended = this.peek(sequenceNumber);
    if (extended > this.#highest) this.#highest = extended;
    return extended;
  }

  /** The same, without taking it as seen. */
  peek(sequenceNumber: number): number {
    const highest = this.#highest;
    if (highest < 0) return sequenceNumber + FIRST_SEQUENCE_CYCLE;
    return highest + signed16(sequenceNumber - highest);
  }

  /** The next number is a first one again, behind all that were seen. */
  restart(sequenceNumber: number): number {
    const base = Math.max(FIRST_SEQUENCE_CYCLE, (Math.floor(this.#highest / 0x1_0000) + 1) * 0x1_0000);
    this.#highest = base + sequenceNumber;
    return this.#highest;
  }
}

/** Extends 32-bit RTP timestamps in the same way. Exact for 2^21 wraps, which at 90 kHz are 3,000 years. */
export class TimestampUnwrapper {
  #latest = -1;

  /** Follows the latest timestamp, which may also go back. The first is itself + 2^32. */
  unwrap(timestamp: number): number {
    const extended =
      this.#latest < 0 ? timestamp + FIRST_TIMESTAMP_CYCLE : this.#latest + ((timestamp - this.#latest) | 0);
    if (extended > this.#latest) this.#latest = extended;
    return extended;
  }
}

/** The low 16 bits as a signed number: how far one sequence number is from another, -32768 … 32767. */
export function signed16(difference: number): number {
  return (difference << 16) >> 16;
}
