/** Fast retransmit on gap reports (RFC 9260 §7.2.4). */
import { serial32Add, serial32Less } from '../../binary/serial.ts';
import type { LossRecovery, LossRecoveryContext } from './loss-recovery.ts';

/**
 * A chunk is lost at its third miss indication. Counting them per chunk would mean a walk over every hole with every
 * SACK. Instead: a SACK that newly acknowledges TSN h is one indication for all that is missing below h. So a chunk has
 * three of them exactly when it lies below the third highest h there was. Three numbers, and each TSN is looked at once.
 */
export class RenoLossRecovery implements LossRecovery {
  readonly #context: LossRecoveryContext;
  /** The three highest TSNs that SACKs reported missing chunks below, highest first. */
  #highest: number;
  #second: number;
  #third: number;
  /** All below this TSN was judged, and is not to be fast retransmitted (again). */
  #judgedTo: number;
  #exitPoint = 0;
  #inRecovery = false;

  constructor(context: LossRecoveryContext) {
    this.#context = context;
    this.#judgedTo = context.outstanding.nextTsn;
    this.#highest = this.#second = this.#third = context.outstanding.cumulativeTsnAck;
  }

  get inRecovery(): boolean {
    return this.#inRecovery;
  }

  /** Nothing here depends on time: what reports do not find is left to T3-rtx. */
  readonly nextTimeout: number = Number.POSITIVE_INFINITY;

  onPacketSent(): void {}

  handleTimeout(): boolean {
    return false;
  }

  onAcknowledgement(cumulativeAdvanced: boolean, now: number): boolean {
    const { outstanding } = this.#context;
    // §6.2.1 D iv
    if (this.#inRecovery && !serial32Less(outstanding.cumulativeTsnAck, this.#exitPoint)) this.#inRecovery = false;

    if (this.#inRecovery && cumulativeAdvanced) {
      // "the miss indications are incremented for all TSNs reported missing in the SACK chunk"
      this.#report(outstanding.highestAcknowledged);
    } else if (outstanding.acknowledgedBytes > 0) {
      this.#report(outstanding.highestNewlyAcknowledged);
    } else {
      return false;
    }

    const first = serial32Add(outstanding.cumulativeTsnAck, 1);
    let tsn = serial32Less(this.#judgedTo, first) ? first : this.#judgedTo;
    let found = false;
    for (; serial32Less(tsn, this.#third); tsn = serial32Add(tsn, 1)) {
      if (!outstanding.isInFlight(tsn)) continue;
      this.#context.markLost(tsn, now);
      found = true;
    }
    this.#judgedTo = tsn;
    if (!found || this.#inRecovery) return false;
    this.#inRecovery = true;
    this.#exitPoint = serial32Add(outstanding.nextTsn, -1);
    return true;
  }

  /** Slow start begins, and what is sent in it may be fast retransmitted again. */
  onRetransmissionTimeout(): void {
    const { cumulativeTsnAck } = this.#context.outstanding;
    this.#inRecovery = false;
    this.#highest = this.#second = this.#third = cumulativeTsnAck;
    this.#judgedTo = serial32Add(cumulativeTsnAck, 1);
  }

  #report(tsn: number): void {
    if (serial32Less(this.#highest, tsn)) {
      this.#third = this.#second;
      this.#second = this.#highest;
      this.#highest = tsn;
    } else if (serial32Less(this.#second, tsn)) {
      this.#third = this.#second;
      this.#second = tsn;
    } else if (serial32Less(this.#third, tsn)) {
      this.#third = tsn;
    }
  }
}
