/**
 * Application-limited region: are we sending much less than we may? Then what gets through says nothing about the path.
 * A budget of 65 % of the estimate fills up with time and is used by what is sent. Figures are libwebrtc's.
 */

const SHARE_OF_ESTIMATE = 0.65;
/** The budget holds so much time's worth, one way and the other. */
const WINDOW_MS = 500;
/** So full, and the region begins … */
const START_LEVEL = 0.8;
/** … so full, and it ends. */
const STOP_LEVEL = 0.5;

export class AlrDetector {
  #bytesPerMs = 0;
  #budgetBytes = 0;
  #sentAtMs = -1;
  #startedAtMs: number | null = null;

  /** When the region began; `null` while the application sends what it may. */
  get startedAtMs(): number | null {
    return this.#startedAtMs;
  }

  setEstimate(bitrate: number): void {
    this.#bytesPerMs = (bitrate * SHARE_OF_ESTIMATE) / 8000;
    this.#budgetBytes = this.#clamp(this.#budgetBytes);
  }

  onPacketSent(sizeBytes: number, nowMs: number): void {
    if (this.#sentAtMs < 0 || this.#bytesPerMs === 0) {
      this.#sentAtMs = nowMs;
      return;
    }
    this.#budgetBytes = this.#clamp(this.#budgetBytes - sizeBytes);
    this.#budgetBytes = this.#clamp(this.#budgetBytes + this.#bytesPerMs * (nowMs - this.#sentAtMs));
    this.#sentAtMs = nowMs;
    const level = this.#budgetBytes / (this.#bytesPerMs * WINDOW_MS);
    if (this.#startedAtMs === null && level > START_LEVEL) this.#startedAtMs = nowMs;
    else if (this.#startedAtMs !== null && level < STOP_LEVEL) this.#startedAtMs = null;
  }

  #clamp(bytes: number): number {
    const limit = this.#bytesPerMs * WINDOW_MS;
    return Math.min(Math.max(bytes, -limit), limit);
  }
}
