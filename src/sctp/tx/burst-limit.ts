/**
 * How many packets may go out at once (RFC 9260 §6.1 D, Max.Burst).
 *
 * The RFC would let the rest of an open window wait for a SACK, a round trip. Here the allowance also renews with time,
 * which makes the coarsest of pacers: 10 packets per ms, over 90 Mbit/s, before a single acknowledgement is back.
 */
const BURST_INTERVAL_MS = 1;
/** Packets that each acknowledged packet lets out: slow start doubles the window, and must be able to use it. */
const PACKETS_PER_ACKNOWLEDGED_PACKET = 2;

export class BurstLimit {
  readonly #maxBurst: number;
  #left: number;
  #renewsAt: number = Number.NEGATIVE_INFINITY;

  constructor(maxBurst: number) {
    this.#maxBurst = maxBurst;
    this.#left = maxBurst;
  }

  get isExhausted(): boolean {
    return this.#left <= 0;
  }

  /** When the allowance renews, in ms on the caller's clock. */
  get renewsAt(): number {
    return this.#renewsAt;
  }

  /** A turn of transmission begins. */
  beginTurn(now: number): void {
    if (now < this.#renewsAt) return;
    this.#left = Math.max(this.#left, this.#maxBurst);
    this.#renewsAt = now + BURST_INTERVAL_MS;
  }

  packetSent(): void {
    this.#left--;
  }

  /** Acknowledgements clock out what follows; they do not save up. */
  packetsAcknowledged(count: number): void {
    this.#left = Math.min(this.#left, this.#maxBurst) + PACKETS_PER_ACKNOWLEDGED_PACKET * count;
  }
}
