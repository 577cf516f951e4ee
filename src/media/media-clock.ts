/** Time, where media is played or put together: the runtime's, or a virtual one in tests. */

/** A pending timer; what it is belongs to the clock. */
type Timer = object | number;

/** Every `Runtime` is one, so a host of the network in memory can be passed. */
export interface MediaClock {
  /** Milliseconds on a monotonic clock. */
  now(): number;
  setTimer(delayMs: number, callback: () => void): Timer;
  clearTimer(timer: Timer): void;
}

/** The clock of the machine. */
export const systemClock: MediaClock = {
  now: () => performance.now(),
  setTimer: (delayMs, callback) => setTimeout(callback, Math.max(0, Math.ceil(delayMs))),
  clearTimer: (timer) => clearTimeout(timer as number),
};

/** What is to be called when a machine's next timeout is due; one at a time. */
export class Alarm {
  readonly #clock: MediaClock;
  readonly #callback: (now: number) => void;
  #timer: Timer | null = null;
  #dueAt = Infinity;

  constructor(clock: MediaClock, callback: (now: number) => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** @param at on the clock, in ms; `Infinity` for never */
  set(at: number): void {
    if (at === this.#dueAt) return;
    this.clear();
    if (at === Infinity) return;
    this.#dueAt = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => {
      this.#timer = null;
      this.#dueAt = Infinity;
      this.#callback(this.#clock.now());
    });
  }

  clear(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    this.#dueAt = Infinity;
  }
}
