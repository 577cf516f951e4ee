/**
 * The sender's wall clock for RTP timestamps, from its sender reports (RFC 3550 §6.4.1): what was captured at the same time
 * in two streams has the same NTP time, whatever their RTP clocks say. This is what lips are synchronised by.
 */
import { unixMsFromNtp } from '../rtcp/ntp.ts';

export class SenderClock {
  readonly #clockRate: number;
  #ntpMs: number | null = null;
  #rtpTimestamp = 0;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** Takes the two clocks of a sender report; the latest one counts. */
  receiveSenderReport(ntpTimestamp: bigint, rtpTimestamp: number): void {
    this.#ntpMs = unixMsFromNtp(ntpTimestamp);
    this.#rtpTimestamp = rtpTimestamp;
  }

  /** When this timestamp was captured, in ms since 1970 on the sender's clock; `null` before the first report. */
  captureTimeMs(rtpTimestamp: number): number | null {
    if (this.#ntpMs === null) return null;
    return this.#ntpMs + (1000 * ((rtpTimestamp - this.#rtpTimestamp) | 0)) / this.#clockRate;
  }
}
