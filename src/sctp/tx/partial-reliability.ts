/**
 * Giving messages up, and telling the peer not to wait for them (RFC 3758).
 *
 * Two reasons (RFC 7496): a chunk would have to be sent more often than allowed, or the message's lifetime ended. The
 * first, and the second for messages on their way, is looked at when a chunk is found lost. Lifetimes have a timer too,
 * so that messages which wait for their turn, or for a retransmission, go on time.
 */
import { serial32Add, serial32Less } from '../../binary/serial.ts';
import { MinHeap } from '../min-heap.ts';
import { encodeForwardTsn, forwardTsnCapacity } from '../packet/forward-tsn-chunk.ts';
import { TIMER, type Timers } from '../timers.ts';
import type { SctpStats } from '../types.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import type { OutstandingData } from './outstanding-data.ts';
import type { RetransmissionTimeout } from './rto.ts';
import type { SendQueue } from './send-queue.ts';

/** Messages with a lifetime that were sent stay in the heap; it is swept when this many have gathered, and half are. */
const SWEEP_THRESHOLD = 64;

/** RFC 3758 §3.5 F3: "Any delay applied to the sending of FORWARD TSN chunk SHOULD NOT exceed 200ms". */
const MAX_REPEAT_DELAY_MS = 200;

export class PartialReliability {
  readonly #queue: SendQueue;
  readonly #outstanding: OutstandingData;
  readonly #rto: RetransmissionTimeout;
  readonly #timers: Timers;
  readonly #stats: SctpStats;
  readonly #lifetimes = new MinHeap<OutgoingMessage>((a, b) => a.expiresAt < b.expiresAt);
  /** How many in `#lifetimes` were sent since the last sweep. */
  #sentSinceSweep = 0;
  /** RFC 3758 §3.5 A1: "Advanced.Peer.Ack.Point". */
  #advancedPeerAckPoint: number;
  #isDue = false;
  #repeatAt = Number.NEGATIVE_INFINITY;
  /** Whether the peer understands FORWARD TSN. If not, a message that has a TSN stays reliable (RFC 3758 §3.3.2). */
  isSupported = false;

  constructor(
    queue: SendQueue,
    outstanding: OutstandingData,
    rto: RetransmissionTimeout,
    timers: Timers,
    stats: SctpStats,
  ) {
    this.#queue = queue;
    this.#outstanding = outstanding;
    this.#rto = rto;
    this.#timers = timers;
    this.#stats = stats;
    this.#advancedPeerAckPoint = outstanding.cumulativeTsnAck;
  }

  /** A FORWARD TSN should go out now. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** The peer has not said yet that it has moved on: T3-rtx has to run (RFC 3758 §3.5 C5). */
  get isWaiting(): boolean {
    return serial32Less(this.#outstanding.cumulativeTsnAck, this.#advancedPeerAckPoint);
  }

  /** A message with a lifetime was queued, or is to be sent again. */
  watch(message: OutgoingMessage): void {
    this.#lifetimes.push(message);
    this.#setTimer();
  }

  /** A message with a lifetime was fully sent: the end of its lifetime matters only if some of it is lost. */
  sent(): void {
    this.#sentSinceSweep++;
    if (this.#sentSinceSweep < SWEEP_THRESHOLD || 2 * this.#sentSinceSweep < this.#lifetimes.size) return;
    this.#lifetimes.filter((message) => !message.isAbandoned && (!message.isFullySent || message.hadLoss));
    this.#sentSinceSweep = 0;
    this.#setTimer();
  }

  /** The lifetime timer ran out. RFC 3758 §4.1 TR5: "MAY evaluate the lifetime of messages at anytime". */
  expire(now: number): void {
    for (let message = this.#lifetimes.top; message !== undefined && message.expiresAt <= now; ) {
      this.#lifetimes.pop();
      // On its way for the first time: what happens to it is known soon, and it may well arrive.
      if (!message.isFullySent || (message.hadLoss && this.#isUnacknowledged(message))) this.giveUp(message);
      message = this.#lifetimes.top;
    }
    this.#setTimer();
  }

  /** RFC 3758 §3.5 A3: the message and all of its TSNs are abandoned. */
  giveUp(message: OutgoingMessage): void {
    if (message.isAbandoned || (message.sent > 0 && !this.isSupported)) return;
    message.isAbandoned = true;
    this.#stats.messagesAbandoned++;
    if (!message.isFullySent) this.#queue.remove(message);
    if (message.sent === 0) return;
    this.#rto.disturbed(message.firstTsn);
    if (!message.isFullySent) {
      // What was not sent takes one TSN, which is never sent. Without it a peer that has all chunks so far would see
      // nothing missing, keep the beginning, and find the next message's first chunk where the next fragment should be.
      this.#outstanding.addAbandoned(message);
      message.fragments++;
    }
    for (let i = 0; i < message.fragments; i++) {
      const tsn = serial32Add(message.firstTsn, i);
      if (this.#outstanding.has(tsn)) this.#outstanding.abandon(tsn);
    }
    this.#advance();
  }

  /** A SACK was taken in: RFC 3758 §3.5, C1 to C3. */
  onAcknowledgement(now: number): void {
    this.#advance();
    if (!this.isWaiting) this.#isDue = false;
    // "or waiting a full RTT before sending a duplicate FORWARD TSN"
    else if (now >= this.#repeatAt) this.#isDue = true;
  }

  /** RFC 3758 §3.5 A5. */
  onRetransmissionTimeout(): void {
    this.#advance();
    if (this.isWaiting) this.#isDue = true;
  }

  /** The FORWARD TSN chunk that is due, in at most `room` bytes; `null` when that is too little. RFC 3758 §3.5, C4. */
  takeForwardTsn(room: number, now: number): Uint8Array | null {
    const capacity = forwardTsnCapacity(room);
    if (capacity === 0) return null;
    const skipped = new Map<number, number>();
    let newCumulativeTsn = this.#outstanding.cumulativeTsnAck;
    while (newCumulativeTsn !== this.#advancedPeerAckPoint) {
      const message = this.#outstanding.messageOf(serial32Add(newCumulativeTsn, 1));
      if (!message.unordered) {
        // "SHOULD lower the Advanced.Peer.Ack.Point to the last TSN that will fit in a single MTU"
        if (skipped.size === capacity && !skipped.has(message.stream.id)) break;
        skipped.set(message.stream.id, message.ssn);
      }
      newCumulativeTsn = serial32Add(newCumulativeTsn, 1);
    }
    this.#isDue = false;
    this.#repeatAt = now + Math.min(this.#rto.srttMs, MAX_REPEAT_DELAY_MS);
    return encodeForwardTsn(newCumulativeTsn, skipped);
  }

  /** RFC 3758 §3.5, C1 and C2. */
  #advance(): void {
    const { cumulativeTsnAck } = this.#outstanding;
    let point = this.#advancedPeerAckPoint;
    if (serial32Less(point, cumulativeTsnAck)) point = cumulativeTsnAck;
    for (let next = serial32Add(point, 1); this.#outstanding.has(next); next = serial32Add(point, 1)) {
      if (!this.#outstanding.isAbandoned(next)) break;
      point = next;
      this.#isDue = true;
    }
    this.#advancedPeerAckPoint = point;
  }

  #isUnacknowledged(message: OutgoingMessage): boolean {
    for (let i = 0; i < message.fragments; i++) {
      if (!this.#outstanding.isAcknowledged(serial32Add(message.firstTsn, i))) return true;
    }
    return false;
  }

  #setTimer(): void {
    const first = this.#lifetimes.top;
    if (first === undefined) this.#timers.clear(TIMER.lifetime);
    else this.#timers.set(TIMER.lifetime, first.expiresAt);
  }
}
