/** Slow start and congestion avoidance as in RFC 9260 §7.2, with the initial window of RFC 6928. */
import type { AcknowledgementSample, CongestionControl, CongestionPath } from './congestion-control.ts';

/** RFC 9260 §7.2.1 has about 3; RFC 6928 and every browser have 10. */
const INITIAL_WINDOW_PACKETS = 10;
/** RFC 9260 §7.2.3: "ssthresh = max(cwnd / 2, 4 * PMDCS)". */
const MIN_SSTHRESH_PACKETS = 4;
/**
 * RFC 9260 §7.2.1: L "SHOULD be 1 and MAY be larger than 1". Here as many packets as our own receivers acknowledge with
 * one SACK: bytes count, however few SACKs say so. What that lets out at once is for `BurstLimit` to say.
 */
const SLOW_START_LIMIT_PACKETS = 8;

export class RenoCongestionControl implements CongestionControl {
  readonly #pmdcs: number;
  #cwnd: number;
  #ssthresh: number = Number.POSITIVE_INFINITY;
  #partialBytesAcked = 0;

  constructor(path: CongestionPath) {
    this.#pmdcs = path.maxDataBytesPerPacket;
    this.#cwnd = INITIAL_WINDOW_PACKETS * this.#pmdcs;
  }

  get cwnd(): number {
    return this.#cwnd;
  }

  get ssthresh(): number {
    return this.#ssthresh;
  }

  onAcknowledgement(sample: AcknowledgementSample): void {
    const { acknowledgedBytes, flightSizeBefore } = sample;
    const wasFull = flightSizeBefore >= this.#cwnd;
    if (this.#cwnd <= this.#ssthresh) {
      // §7.2.1: "only if the current congestion window is being fully utilized and the data sender is not in Fast Recovery"
      if (wasFull && !sample.inRecovery) {
        this.#cwnd += Math.min(acknowledgedBytes, SLOW_START_LIMIT_PACKETS * this.#pmdcs);
      }
      return;
    }
    // §7.2.2
    this.#partialBytesAcked += acknowledgedBytes;
    if (this.#partialBytesAcked >= this.#cwnd) {
      if (wasFull) {
        this.#partialBytesAcked -= this.#cwnd;
        this.#cwnd += this.#pmdcs;
      } else {
        this.#partialBytesAcked = this.#cwnd;
      }
    }
    // "When all of the data transmitted by the sender has been acknowledged by the receiver"
    if (sample.flightSize === 0) this.#partialBytesAcked = 0;
  }

  onLoss(): void {
    // §7.2.3
    this.#ssthresh = Math.max(this.#cwnd / 2, MIN_SSTHRESH_PACKETS * this.#pmdcs);
    this.#cwnd = this.#ssthresh;
    this.#partialBytesAcked = 0;
  }

  onRetransmissionTimeout(): void {
    // §7.2.3
    this.#ssthresh = Math.max(this.#cwnd / 2, MIN_SSTHRESH_PACKETS * this.#pmdcs);
    this.#cwnd = this.#pmdcs;
    this.#partialBytesAcked = 0;
  }

  onIdle(idleMs: number, rtoMs: number): void {
    // §7.2.1: "adjusted to max(cwnd / 2, 4 * PMDCS) once per RTO"; here not below the initial window, which is
    // allowed to a path nothing at all is known of (RFC 5681 §4.1 restarts with it).
    const floor = INITIAL_WINDOW_PACKETS * this.#pmdcs;
    if (idleMs < rtoMs || this.#cwnd <= floor) return;
    this.#ssthresh = this.#cwnd;
    this.#cwnd = Math.max(this.#cwnd / 2 ** Math.floor(idleMs / rtoMs), floor);
  }
}
