/** The receiver's clock, as feedback reads it to us, laid over our own. */

const REFERENCE_TIME_UNIT_MS = 64;
const REFERENCE_TIME_RANGE = 2 ** 24;
const COMPACT_NTP_UNITS_PER_MS = 65.536;
const COMPACT_NTP_RANGE = 2 ** 32;

/**
 * The first reading counts as "now", the others are as far from it as the receiver says. Readings wrap (24 bits of
 * 64 ms: 12 days; NTP's middle 32 bits: 18 hours); each is taken as the nearest to the one before, so that feedback that
 * was overtaken reads as earlier, not as 12 days later.
 */
export class ArrivalClock {
  #last: number | null = null;
  #lastAtMs = 0;

  /** @param referenceTime of transport-wide feedback: 24 bits, 64 ms */
  referenceTime(referenceTime: number, nowMs: number): number {
    return this.#read(referenceTime, REFERENCE_TIME_RANGE, REFERENCE_TIME_UNIT_MS, nowMs);
  }

  /** @param timestamp of RFC 8888 feedback: the middle 32 bits of an NTP timestamp */
  reportTime(timestamp: number, nowMs: number): number {
    return this.#read(timestamp, COMPACT_NTP_RANGE, 1 / COMPACT_NTP_UNITS_PER_MS, nowMs);
  }

  #read(reading: number, range: number, unitMs: number, nowMs: number): number {
    this.#lastAtMs = this.#last === null ? nowMs : this.#lastAtMs + nearest(reading - this.#last, range) * unitMs;
    this.#last = reading;
    return this.#lastAtMs;
  }
}

/** A difference of readings that wrap at `range`, as the shorter way around. */
function nearest(difference: number, range: number): number {
  const ahead = ((difference % range) + range) % range;
  return ahead < range / 2 ? ahead : ahead - range;
}
