/**
 * DATA chunks that have a TSN and are not cumulatively acknowledged: a ring of records indexed by TSN.
 *
 * Each record is a row across typed arrays, so that sending a chunk allocates nothing, and acknowledging costs
 * O(gap ack blocks + newly acknowledged chunks): the blocks of a SACK are compared with those of the SACK before, and
 * only where they differ are rows touched.
 */
import { u16 } from '../../binary/bytes.ts';
import { serial32Less } from '../../binary/serial.ts';
import { dataChunkSize } from '../packet/data-chunk.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** A chunk's condition. 0 is a free row. */
const FREE = 0;
/** Sent, and not heard of: counts as in flight. */
const IN_FLIGHT = 1;
/** Acknowledged by a gap ack block, which the peer may still take back. */
const ACKNOWLEDGED = 2;
/** Thought lost, to be sent again. */
const LOST = 3;
/** Given up (RFC 3758): treated as acknowledged, until the peer's cumulative acknowledgement passes it. */
const ABANDONED = 4;

const INITIAL_CAPACITY = 128;
/**
 * Bound: at it no new data is sent. RFC 9260 §6.1 allows 2^16 - 1 ordered messages of a stream in one window; half of
 * that, because receivers that compare sequence numbers as serial numbers (§1.6) take those 2^15 ahead for old ones. It
 * also keeps within what gap ack blocks, 16-bit offsets (§3.3.4), can name.
 */
const MAX_OUTSTANDING = 32_767;

export class OutstandingData {
  #mask = INITIAL_CAPACITY - 1;
  #state = new Uint8Array(INITIAL_CAPACITY);
  #message: (OutgoingMessage | null)[] = new Array<OutgoingMessage | null>(INITIAL_CAPACITY).fill(null);
  /** Where the chunk's user data begins in the message. */
  #offset = new Uint32Array(INITIAL_CAPACITY);
  #length = new Uint16Array(INITIAL_CAPACITY);
  #transmissions = new Uint32Array(INITIAL_CAPACITY);
  #sentAt = new Float64Array(INITIAL_CAPACITY);

  /** The lowest TSN not cumulatively acknowledged. */
  #first: number;
  /** The TSN the next chunk gets. */
  #next: number;
  #flightSize = 0;
  #lostCount = 0;
  /** No chunk below this TSN is LOST. */
  #lostFrom: number;

  /** Gap ack blocks of the last SACK, as pairs of offsets from its cumulative TSN ack, and room for the next one's. */
  #blocks = new Int32Array(32);
  #blockCount = 0;
  #newBlocks = new Int32Array(32);

  // What the last call of `acknowledge` found.
  /** Bytes of DATA chunks that were not acknowledged before. */
  acknowledgedBytes = 0;
  /** The highest TSN among them ("HTNA", RFC 9260 §7.2.4). Of no meaning when `acknowledgedBytes` is 0. */
  highestNewlyAcknowledged = 0;
  /** The highest TSN the SACK acknowledged in any way. */
  highestAcknowledged = 0;

  constructor(initialTsn: number) {
    this.#first = initialTsn;
    this.#next = initialTsn;
    this.#lostFrom = initialTsn;
  }

  /** RFC 9260 §1.2: "Cumulative TSN Ack Point". */
  get cumulativeTsnAck(): number {
    return (this.#first - 1) >>> 0;
  }

  get nextTsn(): number {
    return this.#next;
  }

  /** Bytes of DATA chunks in flight, headers and padding included (RFC 9260 §7.2). */
  get flightSize(): number {
    return this.#flightSize;
  }

  /** Chunks waiting to be sent again. */
  get lostCount(): number {
    return this.#lostCount;
  }

  get isEmpty(): boolean {
    return this.#first === this.#next;
  }

  /** No room for a message's next chunk, and for the one TSN that giving the message up may take. */
  get isFull(): boolean {
    return (this.#next - this.#first) >>> 0 >= MAX_OUTSTANDING - 1;
  }

  /** Whether the TSN is assigned and not cumulatively acknowledged. */
  has(tsn: number): boolean {
    return (tsn - this.#first) >>> 0 < (this.#next - this.#first) >>> 0;
  }

  isInFlight(tsn: number): boolean {
    return this.#state[tsn & this.#mask] === IN_FLIGHT;
  }

  isAbandoned(tsn: number): boolean {
    return this.#state[tsn & this.#mask] === ABANDONED;
  }

  /** Whether the chunk was acknowledged, for good or by a gap ack block. For TSNs below `nextTsn`. */
  isAcknowledged(tsn: number): boolean {
    return !this.has(tsn) || this.#state[tsn & this.#mask] === ACKNOWLEDGED;
  }

  messageOf(tsn: number): OutgoingMessage {
    return this.#message[tsn & this.#mask]!;
  }

  offsetOf(tsn: number): number {
    return this.#offset[tsn & this.#mask]!;
  }

  lengthOf(tsn: number): number {
    return this.#length[tsn & this.#mask]!;
  }

  /** How often the chunk was sent. */
  transmissionsOf(tsn: number): number {
    return this.#transmissions[tsn & this.#mask]!;
  }

  /** When it was last sent, in ms on the caller's clock. */
  sentAtOf(tsn: number): number {
    return this.#sentAt[tsn & this.#mask]!;
  }

  /** A new chunk goes out: gives it the next TSN. */
  add(message: OutgoingMessage, offset: number, length: number, now: number): void {
    const row = this.#newRow(message);
    this.#state[row] = IN_FLIGHT;
    this.#offset[row] = offset;
    this.#length[row] = length;
    this.#transmissions[row] = 1;
    this.#sentAt[row] = now;
    this.#flightSize += dataChunkSize(length);
  }

  /** Uses up the next TSN for a part of the message that will never be sent. */
  addAbandoned(message: OutgoingMessage): void {
    const row = this.#newRow(message);
    this.#state[row] = ABANDONED;
    this.#length[row] = 0;
  }

  /** The lowest chunk that waits to be sent again. Only while `lostCount` is not 0. */
  nextLost(): number {
    while (this.#state[this.#lostFrom & this.#mask] !== LOST) this.#lostFrom = (this.#lostFrom + 1) >>> 0;
    return this.#lostFrom;
  }

  /** A lost chunk goes out again. */
  resend(tsn: number, now: number): void {
    const row = tsn & this.#mask;
    this.#state[row] = IN_FLIGHT;
    this.#transmissions[row] = this.#transmissions[row]! + 1;
    this.#sentAt[row] = now;
    this.#lostCount--;
    this.#flightSize += dataChunkSize(this.#length[row]!);
  }

  /** A chunk in flight is thought lost. */
  markLost(tsn: number): void {
    const row = tsn & this.#mask;
    this.#state[row] = LOST;
    this.#lostCount++;
    this.#flightSize -= dataChunkSize(this.#length[row]!);
    if (serial32Less(tsn, this.#lostFrom)) this.#lostFrom = tsn;
  }

  /** The chunk's message is given up. */
  abandon(tsn: number): void {
    const row = tsn & this.#mask;
    if (this.#state[row] === IN_FLIGHT) this.#flightSize -= dataChunkSize(this.#length[row]!);
    else if (this.#state[row] === LOST) this.#lostCount--;
    this.#state[row] = ABANDONED;
  }

  /**
   * Takes in a SACK. The caller has made sure that `cumulativeTsnAck` is not below the present one and that nothing
   * is acknowledged that was not sent. Gap ack blocks stand in `packet` at `blocksAt`; those out of order are skipped.
   */
  acknowledge(cumulativeTsnAck: number, packet: Uint8Array, blocksAt: number, blockCount: number): void {
    this.acknowledgedBytes = 0;
    this.highestAcknowledged = cumulativeTsnAck;
    const advance = (cumulativeTsnAck - this.cumulativeTsnAck) >>> 0;
    for (let i = 0; i < advance; i++) this.#release();
    if (serial32Less(this.#lostFrom, this.#first)) this.#lostFrom = this.#first;

    if (blockCount === 0 && this.#blockCount === 0) return;
    const count = this.#readBlocks(packet, blocksAt, blockCount);
    const before = this.#blocks;
    const after = this.#newBlocks;
    for (let i = 0; i < 2 * this.#blockCount; i++) before[i] = before[i]! - advance;
    this.#forEachOnlyIn(after, count, before, this.#blockCount, true);
    this.#forEachOnlyIn(before, this.#blockCount, after, count, false);
    this.#blocks = after;
    this.#newBlocks = before;
    this.#blockCount = count;
    if (count > 0) this.highestAcknowledged = (cumulativeTsnAck + after[2 * count - 1]!) >>> 0;
  }

  /**
   * Takes in the cumulative acknowledgement of a SHUTDOWN. "The receiver of the SHUTDOWN chunk MUST NOT interpret the
   * lack of a Gap Ack Block as a renege" (RFC 9260 §3.3.8).
   */
  acknowledgeCumulative(cumulativeTsnAck: number): void {
    this.acknowledgedBytes = 0;
    this.highestAcknowledged = cumulativeTsnAck;
    const advance = (cumulativeTsnAck - this.cumulativeTsnAck) >>> 0;
    for (let i = 0; i < advance; i++) this.#release();
    if (serial32Less(this.#lostFrom, this.#first)) this.#lostFrom = this.#first;
    for (let i = 0; i < 2 * this.#blockCount; i++) this.#blocks[i] = this.#blocks[i]! - advance;
  }

  /** The first chunk is cumulatively acknowledged. */
  #release(): void {
    const row = this.#first & this.#mask;
    const state = this.#state[row]!;
    if (state === IN_FLIGHT || state === LOST) {
      const size = dataChunkSize(this.#length[row]!);
      if (state === IN_FLIGHT) this.#flightSize -= size;
      else this.#lostCount--;
      this.acknowledgedBytes += size;
      this.highestNewlyAcknowledged = this.#first;
    }
    this.#state[row] = FREE;
    this.#message[row]!.stream.outstandingChunks--;
    this.#message[row] = null;
    this.#first = (this.#first + 1) >>> 0;
  }

  #readBlocks(packet: Uint8Array, blocksAt: number, blockCount: number): number {
    if (2 * blockCount > this.#newBlocks.length) this.#newBlocks = new Int32Array(4 * blockCount);
    const blocks = this.#newBlocks;
    let count = 0;
    let last = 0;
    for (let at = blocksAt; at < blocksAt + 4 * blockCount; at += 4) {
      const start = u16(packet, at);
      const end = u16(packet, at + 2);
      if (start <= last || end < start) continue;
      blocks[2 * count] = start;
      blocks[2 * count + 1] = end;
      count++;
      last = end;
    }
    return count;
  }

  /** Walks what is in the blocks `a` and not in `b`: newly acknowledged, or else no longer acknowledged. */
  #forEachOnlyIn(a: Int32Array, aCount: number, b: Int32Array, bCount: number, acknowledged: boolean): void {
    let j = 0;
    for (let i = 0; i < aCount; i++) {
      const end = a[2 * i + 1]!;
      let at = Math.max(a[2 * i]!, 1);
      while (at <= end) {
        while (j < bCount && b[2 * j + 1]! < at) j++;
        const nextStart = j < bCount ? b[2 * j]! : Number.POSITIVE_INFINITY;
        for (const stop = Math.min(end, nextStart - 1); at <= stop; at++) {
          if (acknowledged) this.#gapAcknowledge((this.#first - 1 + at) >>> 0);
          else this.#renege((this.#first - 1 + at) >>> 0);
        }
        if (nextStart <= end) at = b[2 * j + 1]! + 1;
      }
    }
  }

  #gapAcknowledge(tsn: number): void {
    const row = tsn & this.#mask;
    const state = this.#state[row]!;
    if (state !== IN_FLIGHT && state !== LOST) return;
    const size = dataChunkSize(this.#length[row]!);
    if (state === IN_FLIGHT) this.#flightSize -= size;
    else this.#lostCount--;
    this.#state[row] = ACKNOWLEDGED;
    this.acknowledgedBytes += size;
    if (this.acknowledgedBytes === size || serial32Less(this.highestNewlyAcknowledged, tsn)) {
      this.highestNewlyAcknowledged = tsn;
    }
  }

  /** RFC 9260 §6.2.1 D iii: the peer has dropped it again. It is in flight once more; T3-rtx takes care of it. */
  #renege(tsn: number): void {
    const row = tsn & this.#mask;
    if (this.#state[row] !== ACKNOWLEDGED) return;
    this.#state[row] = IN_FLIGHT;
    this.#flightSize += dataChunkSize(this.#length[row]!);
  }

  #newRow(message: OutgoingMessage): number {
    if ((this.#next - this.#first) >>> 0 > this.#mask) this.#grow();
    const row = this.#next & this.#mask;
    this.#message[row] = message;
    message.stream.outstandingChunks++;
    this.#next = (this.#next + 1) >>> 0;
    return row;
  }

  #grow(): void {
    const oldMask = this.#mask;
    const capacity = 2 * (oldMask + 1);
    const [state, message, offset] = [this.#state, this.#message, this.#offset];
    const [length, transmissions, sentAt] = [this.#length, this.#transmissions, this.#sentAt];
    this.#mask = capacity - 1;
    this.#state = new Uint8Array(capacity);
    this.#message = new Array<OutgoingMessage | null>(capacity).fill(null);
    this.#offset = new Uint32Array(capacity);
    this.#length = new Uint16Array(capacity);
    this.#transmissions = new Uint32Array(capacity);
    this.#sentAt = new Float64Array(capacity);
    for (let tsn = this.#first; tsn !== this.#next; tsn = (tsn + 1) >>> 0) {
      const from = tsn & oldMask;
      const to = tsn & this.#mask;
      this.#state[to] = state[from]!;
      this.#message[to] = message[from]!;
      this.#offset[to] = offset[from]!;
      this.#length[to] = length[from]!;
      this.#transmissions[to] = transmissions[from]!;
      this.#sentAt[to] = sentAt[from]!;
    }
  }
}
