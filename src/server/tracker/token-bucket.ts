/** A rate with a burst: what a visitor may do, in tokens that come back with time. */
export class TokenBucket {
  #tokens: number;
  #at: number;

  constructor(burst: number, now: number) {
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes one token; false when there is none. `ratePerSecond` and `burst` are the same at every call. */
  take(ratePerSecond: number, burst: number, now: number): boolean {
    this.#refill(ratePerSecond, burst, now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Whether nothing has been taken that has not come back. */
  isFull(ratePerSecond: number, burst: number, now: number): boolean {
    this.#refill(ratePerSecond, burst, now);
    return this.#tokens >= burst;
  }

  #refill(ratePerSecond: number, burst: number, now: number): void {
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * ratePerSecond);
    this.#at = now;
  }
}
