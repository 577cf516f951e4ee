/** How a stream is being received (RFC 3550 §6.4.1, A.1, A.3, A.8): what goes into our report blocks. */
import { ntpMiddle32, shortNtpFromMs } from '../rtcp/ntp.ts';
import type { ReportBlock } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';

/** RFC 3550 A.1: numbers so far ahead or back are a source that began anew, if the next one follows. */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
/** A.8. */
const JITTER_GAIN = 1 / 16;
/** Another clock, as after a change of source, says nothing about the network. */
const MAX_TRANSIT_CHANGE_SECONDS = 5;
const MAX_CUMULATIVE_LOST = 0x7f_ffff;
const MIN_CUMULATIVE_LOST = -0x80_0000;
const NONE = -1;

export class ReceiverStatistics {
  readonly #ssrc: number;
  #clockRate: number;
  readonly #unwrapper = new SequenceUnwrapper();
  /** Extended; -1 before the first packet. */
  #base = NONE;
  #highest = NONE;
  #badSequenceNumber = NONE;
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  /** What was received and lost before the source began anew. */
  #receivedBefore = 0;
  #lostBefore = 0;
  #transit: number | null = null;
  #jitter = 0;
  #lastSenderReport = 0;
  #lastSenderReportAt = 0;
  #receivedAtReport = 0;

  constructor(ssrc: number, clockRate: number) {
    this.#ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** Another format may have another clock: what jitter there was is brought over to it. */
  set clockRate(value: number) {
    if (value === this.#clockRate) return;
    this.#jitter *= value / this.#clockRate;
    this.#clockRate = value;
    this.#transit = null;
  }

  /** Whether packets came since the last report: only then there is a block (RFC 3550 §6.4). */
  get hasNews(): boolean {
    return this.#received > this.#receivedAtReport;
  }

  /** Packets that came, late ones and duplicates too. */
  get packetsReceived(): number {
    return this.#received;
  }

  /** Expected less received, since the beginning; duplicates make it smaller, below 0 even. */
  get packetsLost(): number {
    return this.#lostBefore + this.#expected() - (this.#received - this.#receivedBefore);
  }

  /** In units of the RTP timestamp. */
  get jitter(): number {
    return this.#jitter;
  }

  get jitterMs(): number {
    return (1000 * this.#jitter) / this.#clockRate;
  }

  /** The highest sequence number, extended from the first cycle on; -1 before the first packet. */
  get highestSequenceNumber(): number {
    return this.#highest === NONE ? NONE : this.#highest - 0x1_0000;
  }

  /**
   * Notes a packet of the stream; not one that was recovered or came by RTX, since reports are about the network. False for
   * one that is so far from the others that it may be a stray (A.1).
   */
  receive(sequenceNumber: number, timestamp: number, now: number): boolean {
    const extended = this.#unwrapper.peek(sequenceNumber);
    if (this.#base === NONE) {
      this.#restart(sequenceNumber);
    } else {
      const ahead = extended - this.#highest;
      if (ahead > MAX_DROPOUT || ahead <= -MAX_MISORDER) {
        if (sequenceNumber !== this.#badSequenceNumber) {
          this.#badSequenceNumber = (sequenceNumber + 1) & 0xffff;
          return false;
        }
        this.#restart(sequenceNumber);
      } else if (ahead > 0) {
        this.#highest = this.#unwrapper.unwrap(sequenceNumber);
      }
    }
    this.#received++;
    this.#updateJitter(timestamp, now);
    return true;
  }

  /** Notes a sender report of the stream: LSR and DLSR come from it. */
  receiveSenderReport(ntpTimestamp: bigint, now: number): void {
    this.#lastSenderReport = ntpMiddle32(ntpTimestamp);
    this.#lastSenderReportAt = now;
  }

  /** The block for a report that is sent now; its loss fraction is since the block before. `null` before any packet. */
  report(now: number): ReportBlock | null {
    if (this.#base === NONE) return null;
    const expected = this.#expected();
    const received = this.#received - this.#receivedBefore;
    const expectedInterval = expected - this.#expectedPrior;
    const lostInterval = expectedInterval - (received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = received;
    this.#receivedAtReport = this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost:
        expectedInterval <= 0 || lostInterval <= 0
          ? 0
          : Math.min(255, Math.floor((lostInterval * 256) / expectedInterval)),
      cumulativeLost: Math.max(MIN_CUMULATIVE_LOST, Math.min(MAX_CUMULATIVE_LOST, this.packetsLost)),
      highestSequenceNumber: this.highestSequenceNumber >>> 0,
      jitter: Math.floor(this.#jitter) >>> 0,
      lastSenderReport: this.#lastSenderReport,
      delaySinceLastSenderReport: this.#lastSenderReport === 0 ? 0 : shortNtpFromMs(now - this.#lastSenderReportAt),
    };
  }

  #expected(): number {
    return this.#base === NONE ? 0 : this.#highest - this.#base + 1;
  }

  /** `init_seq` of A.1; what was lost so far is kept. */
  #restart(sequenceNumber: number): void {
    this.#lostBefore = this.packetsLost;
    this.#receivedBefore = this.#received;
    this.#highest =
      this.#base === NONE ? this.#unwrapper.unwrap(sequenceNumber) : this.#unwrapper.restart(sequenceNumber);
    this.#base = this.#highest;
    this.#badSequenceNumber = NONE;
    this.#expectedPrior = 0;
    this.#receivedPrior = 0;
    this.#transit = null;
  }

  /** A.8, in units of the timestamp; on differences that wrap as it does. */
  #updateJitter(timestamp: number, now: number): void {
    const arrival = Math.round((now * this.#clockRate) / 1000) % 0x1_0000_0000;
    const transit = (arrival - timestamp) | 0;
    if (this.#transit !== null) {
      const change = Math.abs((transit - this.#transit) | 0);
      if (change < MAX_TRANSIT_CHANGE_SECONDS * this.#clockRate) this.#jitter += JITTER_GAIN * (change - this.#jitter);
    }
    this.#transit = transit;
  }
}
