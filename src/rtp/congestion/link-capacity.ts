/** How much the path's bottleneck carries, from what arrived while its queue was growing. As libwebrtc does it. */

const SMOOTHING = 0.05;
/** The variance, as a share of the estimate, in kbit/s. */
const MIN_DEVIATION = 0.4;
const MAX_DEVIATION = 2.5;

export class LinkCapacity {
  #estimateKbps: number | null = null;
  #deviation = MIN_DEVIATION;

  /** Bits per second; `null` while nothing is known. */
  get estimate(): number | null {
    return this.#estimateKbps === null ? null : this.#estimateKbps * 1000;
  }

  /** Throughput above this says that the estimate is out of date. */
  get upperBound(): number {
    return this.#estimateKbps === null ? Infinity : (this.#estimateKbps + 3 * this.#spreadKbps()) * 1000;
  }

  /** And so does an overuse below this. */
  get lowerBound(): number {
    return this.#estimateKbps === null ? 0 : Math.max(0, this.#estimateKbps - 3 * this.#spreadKbps()) * 1000;
  }

  reset(): void {
    this.#estimateKbps = null;
  }

  onOveruse(throughput: number): void {
    const sample = throughput / 1000;
    const estimate =
      this.#estimateKbps === null ? sample : this.#estimateKbps + SMOOTHING * (sample - this.#estimateKbps);
    this.#estimateKbps = estimate;
    const error = estimate - sample;
    const deviation = (1 - SMOOTHING) * this.#deviation + (SMOOTHING * error * error) / Math.max(estimate, 1);
    this.#deviation = Math.min(Math.max(deviation, MIN_DEVIATION), MAX_DEVIATION);
  }

  #spreadKbps(): number {
    return Math.sqrt(this.#deviation * this.#estimateKbps!);
  }
}
