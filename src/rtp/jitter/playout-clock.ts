/**
 * When a frame is due that shall be held for a time: so long after it would have come over the path at its fastest. Frames
 * that took longer are held shorter, and leave at the pace of their timestamps.
 */
import { TimestampUnwrapper } from '../sequence.ts';

/** The fastest passage is looked for in this and the one before: so slow drift of clocks is followed. */
const WINDOW_MS = 10_000;

export class PlayoutClock {
  readonly #unitsPerMs: number;
  readonly #unwrapper = new TimestampUnwrapper();
  #windowStart = -Infinity;
  #fastest = Infinity;
  #fastestBefore = Infinity;

  constructor(clockRate: number) {
    this.#unitsPerMs = clockRate / 1000;
  }

  /** When a frame that is complete now is due; never later than `now + delayMs`. */
  due(timestamp: number, delayMs: number, now: number): number {
    const timestampMs = this.#unwrapper.unwrap(timestamp) / this.#unitsPerMs;
    const offset = now - timestampMs;
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#fastestBefore = now - this.#windowStart >= 2 * WINDOW_MS ? Infinity : this.#fastest;
      this.#fastest = Infinity;
      this.#windowStart = now;
    }
    this.#fastest = Math.min(this.#fastest, offset);
    return timestampMs + Math.min(this.#fastest, this.#fastestBefore) + delayMs;
  }
}
