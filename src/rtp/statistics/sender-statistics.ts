/** What a sender report says of a stream that we send (RFC 3550 §6.4.1). */
import type { ReportBlock, SenderReport } from '../rtcp/types.ts';

export class SenderStatistics {
  readonly #ssrc: number;
  readonly #clockRate: number;
  #packetCount = 0;
  #octetCount = 0;
  #timestamp = 0;
  #timestampAt: number | null = null;

  constructor(ssrc: number, clockRate: number) {
    this.#ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  get packetCount(): number {
    return this.#packetCount;
  }

  get octetCount(): number {
    return this.#octetCount;
  }

  /** Whether a packet was sent: only then there is a sender report. */
  get hasSent(): boolean {
    return this.#timestampAt !== null;
  }

  /**
   * Notes a packet.
   * @param payloadLength without header and padding
   * @param capturedAt when what its timestamp stands for was captured, in ms on the caller's clock
   */
  noteSent(payloadLength: number, timestamp: number, capturedAt: number): void {
    this.#packetCount++;
    this.#octetCount += payloadLength;
    this.#timestamp = timestamp;
    this.#timestampAt = capturedAt;
  }

  /**
   * The report for now: its RTP timestamp is where the stream's clock would be.
   * @param ntpTimestamp of `now`
   */
  report(ntpTimestamp: bigint, now: number, reports: readonly ReportBlock[] = []): SenderReport {
    const elapsed = Math.round(((now - (this.#timestampAt ?? now)) * this.#clockRate) / 1000);
    return {
      kind: 'senderReport',
      ssrc: this.#ssrc,
      ntpTimestamp,
      rtpTimestamp: (this.#timestamp + elapsed) >>> 0,
      packetCount: this.#packetCount >>> 0,
      octetCount: this.#octetCount >>> 0,
      reports,
    };
  }
}
