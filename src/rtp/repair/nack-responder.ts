/** Answers NACKs (RFC 4585 §6.2.1) out of the history of what was sent. */
import type { SendHistory } from './send-history.ts';

/** Without a measured round trip, and between the copies in one NACK. */
const MIN_RESEND_INTERVAL_MS = 10;

export type NackResponderStats = {
  /** Packets sent again. */
  resent: number;
  /** Asked for while the copy sent before may still be on its way. */
  tooSoon: number;
  /** Asked for, and not in the history. */
  forgotten: number;
};

export class NackResponder {
  readonly stats: NackResponderStats = { resent: 0, tooSoon: 0, forgotten: 0 };
  readonly #history: SendHistory;
  readonly #resend: (packet: Uint8Array) => void;

  /** @param resend sends a packet again, as it is or as RTX; the view holds during the call only */
  constructor(history: SendHistory, resend: (packet: Uint8Array) => void) {
    this.#history = history;
    this.#resend = resend;
  }

  /**
   * Sends what was asked for, each packet once in a round trip: a NACK that was on its way while the copy was too says
   * nothing new, and whoever repeats NACKs must not make us repeat packets.
   * @param rttMs 0 when it is not known
   */
  handleNack(sequenceNumbers: readonly number[], rttMs: number, now: number): void {
    const interval = Math.max(rttMs, MIN_RESEND_INTERVAL_MS);
    for (const sequenceNumber of sequenceNumbers) {
      const packet = this.#history.get(sequenceNumber, now);
      if (packet === null) {
        this.stats.forgotten++;
      } else if (now - this.#history.resentAt(sequenceNumber, now) < interval) {
        this.stats.tooSoon++;
      } else {
        this.#history.markResent(sequenceNumber, now);
        this.stats.resent++;
        this.#resend(packet);
      }
    }
  }
}
