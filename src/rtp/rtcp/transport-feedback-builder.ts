/** Gathers arrivals into transport-wide feedback that is always well formed, whatever was lost, late or early. */
import {
  ARRIVAL_UNIT_MS,
  MAX_LARGE_DELTA,
  MIN_LARGE_DELTA,
  REFERENCE_TIME_BITS,
  REFERENCE_UNIT,
} from './transport-feedback.ts';
import type { TransportFeedback, TransportFeedbackArrival } from './types.ts';

/**
 * Bound of one packet: arrivals of one or two bytes, statuses of at most two bits. With it a packet stays under 1,000
 * bytes. A fuller interval takes more packets, as one with gaps of more than 8 s between arrivals does.
 */
export const MAX_ARRIVALS_PER_FEEDBACK = 350;
/** Bound: the run of lost packets between two arrivals costs two bytes for 8,191; so this is about the chunks too. */
const MAX_STATUSES_PER_FEEDBACK = 2_000;
const SEQUENCE_HALF = 0x8000;

export class TransportFeedbackBuilder {
  readonly #senderSsrc: number;
  readonly #mediaSsrc: number;
  readonly #base: number;
  readonly #feedbackPacketCount: number;
  readonly #received: TransportFeedbackArrival[] = [];
  #statusCount = 0;
  /** In units of 64 ms. */
  #referenceTime = 0;

  /**
   * @param baseSequenceNumber the first number that this is about, received or not
   * @param feedbackPacketCount counts packets of feedback, modulo 256
   */
  constructor(senderSsrc: number, mediaSsrc: number, baseSequenceNumber: number, feedbackPacketCount: number) {
    this.#senderSsrc = senderSsrc;
    this.#mediaSsrc = mediaSsrc;
    this.#base = baseSequenceNumber & 0xffff;
    this.#feedbackPacketCount = feedbackPacketCount & 0xff;
  }

  /** Whether there is something to send. */
  get isEmpty(): boolean {
    return this.#received.length === 0;
  }

  /** The number behind the last one that this is about: the base of the next packet. */
  get nextSequenceNumber(): number {
    return (this.#base + this.#statusCount) & 0xffff;
  }

  /**
   * Adds an arrival; numbers come in rising order, at most 32,767 from the base. False when this packet cannot take it: build it, and begin another
   * one at its `nextSequenceNumber`.
   * @param arrivalMs on a clock that stays
   */
  add(sequenceNumber: number, arrivalMs: number): boolean {
    const index = (sequenceNumber - this.#base) & 0xffff;
    if (index < this.#statusCount || index >= SEQUENCE_HALF) {
      throw new RangeError('arrivals come in rising order of sequence numbers, from the base on');
    }
    if (this.#received.length === MAX_ARRIVALS_PER_FEEDBACK) return false;
    const time = Math.round(arrivalMs / ARRIVAL_UNIT_MS);
    if (this.isEmpty) {
      this.#referenceTime = Math.floor(time / REFERENCE_UNIT);
    } else if (index >= MAX_STATUSES_PER_FEEDBACK) {
      return false;
    }
    const arrivalTime = time - this.#referenceTime * REFERENCE_UNIT;
    const delta = arrivalTime - (this.#received.at(-1)?.arrivalTime ?? 0);
    if (delta < MIN_LARGE_DELTA || delta > MAX_LARGE_DELTA) return false;
    this.#received.push({ sequenceNumber: sequenceNumber & 0xffff, arrivalTime });
    this.#statusCount = index + 1;
    return true;
  }

  /** `null` without an arrival: there is no time to refer to. */
  build(): TransportFeedback | null {
    if (this.isEmpty) return null;
    const shift = 32 - REFERENCE_TIME_BITS;
    return {
      kind: 'transportFeedback',
      senderSsrc: this.#senderSsrc,
      mediaSsrc: this.#mediaSsrc,
      baseSequenceNumber: this.#base,
      packetStatusCount: this.#statusCount,
      referenceTime: (this.#referenceTime << shift) >> shift,
      feedbackPacketCount: this.#feedbackPacketCount,
      received: this.#received.slice(),
    };
  }
}
