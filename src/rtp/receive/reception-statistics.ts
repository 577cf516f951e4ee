/** How well a stream is received (RFC 3550 §6.4.1): what report blocks say, computed as its appendix A does. */
import type { ReportBlock } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';

/** Bound, in packets: how far back a duplicate is recognized. */
const WINDOW = 1024;
const MAX_CUMULATIVE_LOST = 0x7f_ffff;
const MIN_CUMULATIVE_LOST = -0x80_0000;

export class ReceptionStatistics {
  readonly #unwrapper = new SequenceUnwrapper();
  /** The extended number that was last seen in each slot. */
  readonly #seen = new Float64Array(WINDOW);
  #first = -1;
  #received = 0;
  #jitter = 0; // in units of the timestamp
  #transit: number | null = null;
  #expectedAtReport = 0;
  #receivedAtReport = 0;
  #clockRate = 0;

  /** Packets lost so far; negative when duplicates outweigh them. */
  get packetsLost(): number {
    return this.#expected - this.#received;
  }

  /** In seconds. */
  get jitterSeconds(): number {
    return this.#clockRate === 0 ? 0 : this.#jitter / this.#clockRate;
  }

  /** Extended by the count of wraps. */
  get highestSequenceNumber(): number {
    return Math.max(0, this.#unwrapper.highest - 0x1_0000);
  }

  /** Counts a packet. False: it came before. */
  receive(sequenceNumber: number, timestamp: number, clockRate: number, isRepair: boolean, now: number): boolean {
    const extended = this.#unwrapper.unwrap(sequenceNumber);
    const slot = extended % WINDOW;
    if (this.#seen[slot] === extended) return false;
    this.#seen[slot] = extended;
    if (this.#first < 0) this.#first = extended;
    this.#received++;
    this.#clockRate = clockRate;
    if (!isRepair) this.#noteTransit(timestamp, clockRate, now);
    return true;
  }

  /** A.3 and A.8, since the last call. */
  report(ssrc: number, lastSenderReport: number, delaySinceLastSenderReport: number): ReportBlock {
    const expected = this.#expected - this.#expectedAtReport;
    const lost = expected - (this.#received - this.#receivedAtReport);
    this.#expectedAtReport = this.#expected;
    this.#receivedAtReport = this.#received;
    const fractionLost = expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected));
    return {
      ssrc,
      fractionLost,
      cumulativeLost: Math.max(MIN_CUMULATIVE_LOST, Math.min(MAX_CUMULATIVE_LOST, this.packetsLost)),
      highestSequenceNumber: this.highestSequenceNumber,
      jitter: Math.floor(this.#jitter),
      lastSenderReport,
      delaySinceLastSenderReport,
    };
  }

  get #expected(): number {
    return this.#first < 0 ? 0 : this.#unwrapper.highest - this.#first + 1;
  }

  /** A.8: J += (|D| - J) / 16. */
  #noteTransit(timestamp: number, clockRate: number, now: number): void {
    const transit = (Math.round((now * clockRate) / 1000) - timestamp) | 0;
    if (this.#transit !== null) {
      const difference = Math.abs((transit - this.#transit) | 0);
      this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
  }
}
