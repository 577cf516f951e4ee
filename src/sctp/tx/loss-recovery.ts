/**
 * Which chunks in flight are lost: the door behind which loss detection stands (`reno-loss-recovery.ts` is the one of
 * RFC 9260). It marks chunks through its context; T3-rtx, which marks all of them, is not its business.
 */
import type { OutstandingData } from './outstanding-data.ts';

export interface LossRecovery {
  /** A loss episode is under way: what is lost in it belongs to the same event of congestion (Fast Recovery). */
  readonly inRecovery: boolean;
  /** A packet with data went out, first transmissions or others. A probe for lost tails would set its timer here. */
  onPacketSent(now: number): void;
  /**
   * A SACK was taken in. What it found stands in `outstanding`.
   * @returns true when this SACK began a loss episode
   */
  onAcknowledgement(cumulativeAdvanced: boolean, now: number): boolean;
  /** T3-rtx expired: all that was in flight is now marked lost. */
  onRetransmissionTimeout(now: number): void;
  /** When `handleTimeout` is due, for detection by time; else `Infinity`. */
  readonly nextTimeout: number;
  /** @returns true when it began a loss episode */
  handleTimeout(now: number): boolean;
}

export type LossRecoveryContext = {
  /** To be read only. */
  readonly outstanding: OutstandingData;
  /** Marks a chunk in flight as lost: it is sent again, or its message given up (RFC 3758). */
  readonly markLost: (tsn: number, now: number) => void;
};
