/**
 * One clock for the encodings of one publisher. Each has timestamps from a random origin (RFC 3550 §5.1): sender reports
 * tell how they lie to one another, and before they came, the time of arrival does.
 */

/** What an encoding's last sender report says (RFC 3550 §6.4.1): the same instant on two clocks. */
export type ClockReading = {
  /** Of the NTP timestamp. */
  readonly ntpSeconds: number;
  readonly rtpTimestamp: number;
};

/**
 * Where sender reports and arrival are further apart than this, the reports are not believed: encoders and networks delay
 * a picture by less, and a viewer would stand still that long.
 */
const MAX_REPORT_ERROR_MS = 2000;

export class TimestampLine {
  readonly #clockRate: number;
  /** From the encoding's timestamps to ours. */
  #offset = 0;
  /** How much of the offset was only there to go forward: it is not carried into the next one. */
  #push = 0;
  /** The newest timestamp that went out, counted on beyond 32 bits, and when; -1 before the first. */
  #last = -1;
  #lastAt = 0;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /**
   * Another encoding goes on, with the picture of this timestamp (extended), which comes behind all that went out.
   * @param from the clock of the encoding before
   * @param to the clock of the one that goes on
   */
  follow(from: ClockReading | null, to: ClockReading | null, timestamp: number, now: number): void {
    if (this.#last < 0) return;
    const expected = this.#last + Math.round(((now - this.#lastAt) * this.#clockRate) / 1000);
    const reported = from === null || to === null ? Number.NaN : this.#reported(from, to, timestamp);
    const isBelieved = Math.abs(reported - expected) <= (MAX_REPORT_ERROR_MS * this.#clockRate) / 1000;
    const aim = isBelieved ? reported : expected;
    const next = Math.max(aim, this.#last + 1); // two pictures never share a timestamp
    this.#offset = next - timestamp;
    this.#push = isBelieved ? next - aim : 0;
  }

  /** The timestamp that goes out, in 32 bits. */
  map(timestamp: number, now: number): number {
    const out = timestamp + this.#offset;
    if (out > this.#last) {
      this.#last = out;
      this.#lastAt = now;
    }
    return out >>> 0;
  }

  /** The timestamp that goes out by what the sender reports say. */
  #reported(from: ClockReading, to: ClockReading, timestamp: number): number {
    const sinceReport = (timestamp - to.rtpTimestamp) | 0;
    const betweenReports = Math.round((to.ntpSeconds - from.ntpSeconds) * this.#clockRate);
    const out = from.rtpTimestamp + betweenReports + sinceReport + this.#offset - this.#push;
    return this.#last + ((out - this.#last) | 0); // 32 bits of it, put beside the newest that went out
  }
}
