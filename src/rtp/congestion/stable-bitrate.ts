/** The target without its short-lived peaks: follows it down at once, and up with what got through, in about 10 s. */

const TIME_CONSTANT_MS = 10_000; // libwebrtc's link capacity tracker

export class StableBitrate {
  #bitrate = Infinity;
  #updatedAtMs = -Infinity;

  get bitrate(): number {
    return this.#bitrate;
  }

  start(bitrate: number, nowMs: number): void {
    this.#bitrate = bitrate;
    this.#updatedAtMs = nowMs;
  }

  /** @param throughput acknowledged bitrate; `null` when not known */
  update(target: number, throughput: number | null, nowMs: number): void {
    const reached = throughput === null ? target : Math.min(throughput, target);
    const elapsedMs = Math.max(nowMs - this.#updatedAtMs, 0);
    this.#updatedAtMs = nowMs;
    if (reached > this.#bitrate)
      this.#bitrate += (reached - this.#bitrate) * (1 - Math.exp(-elapsedMs / TIME_CONSTANT_MS));
    this.#bitrate = Math.min(this.#bitrate, target);
  }
}
