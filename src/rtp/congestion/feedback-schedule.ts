/** When the next feedback message is due: often enough to steer by, and never more than a share of the bandwidth. */

export type FeedbackTiming = {
  /** Between two messages, at high rates. Default 50 ms. */
  readonly minIntervalMs?: number;
  /** Between two messages, at low rates. Default 100 ms. */
  readonly maxIntervalMs?: number;
};

const DEFAULT_MIN_INTERVAL_MS = 50; // libwebrtc: 50–250 ms
const DEFAULT_MAX_INTERVAL_MS = 100;
/** IPv4, UDP, SRTP and a message of medium length: 20 + 8 + 10 + 30 bytes (libwebrtc's figure). */
const MESSAGE_BITS = 68 * 8;
const SHARE_OF_BANDWIDTH = 0.05;
/** So many packets missing in a row are said at once: the sender is losing a lot, or has lost its path. */
const LARGE_GAP = 32;
/** "At once" still leaves so much between two messages. */
const URGENT_INTERVAL_MS = 10;

export class FeedbackSchedule {
  readonly #minIntervalMs: number;
  readonly #maxIntervalMs: number;
  #intervalMs: number;
  #reportedAtMs = -Infinity;
  #dueAt = Infinity;

  constructor(timing: FeedbackTiming) {
    this.#minIntervalMs = timing.minIntervalMs ?? DEFAULT_MIN_INTERVAL_MS;
    this.#maxIntervalMs = timing.maxIntervalMs ?? Math.max(DEFAULT_MAX_INTERVAL_MS, this.#minIntervalMs);
    if (!(this.#minIntervalMs > 0 && this.#minIntervalMs <= this.#maxIntervalMs)) {
      throw new RangeError(
        `feedback intervals must be 0 < min <= max (got ${this.#minIntervalMs}, ${this.#maxIntervalMs})`,
      );
    }
    this.#intervalMs = this.#maxIntervalMs;
  }

  get dueAt(): number {
    return this.#dueAt;
  }

  setBitrate(bitrate: number): void {
    const intervalMs = (MESSAGE_BITS / (SHARE_OF_BANDWIDTH * Math.max(bitrate, 1))) * 1000;
    this.#intervalMs = Math.min(Math.max(intervalMs, this.#minIntervalMs), this.#maxIntervalMs);
  }

  /** @param missing how many numbers were left out before this packet */
  onPacket(nowMs: number, missing: number): void {
    const intervalMs = missing >= LARGE_GAP ? URGENT_INTERVAL_MS : this.#intervalMs;
    // Counted from the report before, so that the first packet after a silence is reported at once.
    this.#dueAt = Math.min(this.#dueAt, Math.max(nowMs, this.#reportedAtMs + intervalMs));
  }

  onReported(nowMs: number, isMoreToSay: boolean): void {
    this.#reportedAtMs = nowMs;
    this.#dueAt = isMoreToSay ? nowMs + URGENT_INTERVAL_MS : Infinity;
  }
}
