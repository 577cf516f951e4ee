/** How many frames came in the last second. */

const WINDOW_MS = 1000;
/** Bound: frames that are remembered. A faster stream is told as this many. */
const MAX_FRAMES = 256;

export class FrameRate {
  #times: Float64Array | null = null;
  #count = 0;

  note(now: number): void {
    this.#times ??= new Float64Array(MAX_FRAMES).fill(-Infinity);
    this.#times[this.#count++ % MAX_FRAMES] = now;
  }

  /** In the second up to `now`; `null` before the first frame. */
  perSecond(now: number): number | null {
    if (this.#times === null) return null;
    let frames = 0;
    for (const time of this.#times) if (now - time < WINDOW_MS) frames++;
    return frames;
  }
}
