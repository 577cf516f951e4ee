/**
 * From DATA chunks to messages (RFC 9260 §6.5, §6.6, §6.9): fragments are joined by TSN, whole messages put in the order
 * of their stream.
 *
 * A message of one chunk whose turn it is passes straight through, as a view of its packet. What has to wait is counted
 * in `heldBytes`, which closes the receive window.
 */
import { serial16Less, serial32Less, serial32LessOrEqual } from '../../binary/serial.ts';
import { DATA_FLAG_BEGIN, DATA_FLAG_END, DATA_FLAG_UNORDERED } from '../packet/data-chunk.ts';
import type { ForwardTsn } from '../packet/forward-tsn-chunk.ts';
import { PartialMessage } from './partial-message.ts';

/** What a chunk that waits is charged beyond its bytes: a million chunks of one byte would not cost one megabyte. */
const CHUNK_OVERHEAD_BYTES = 64;

/** Takes one message, whole and in order. */
export type Deliver = (streamId: number, ppid: number, data: Uint8Array, unordered: boolean) => void;

/** A whole message that has to wait. */
type WaitingMessage = {
  readonly streamId: number;
  readonly ssn: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly data: Uint8Array;
  /** What it is charged in `heldBytes`. */
  readonly charge: number;
};

type InboundStream = {
  nextSsn: number;
  /** By stream sequence number; only while something is missing before them. */
  waiting: Map<number, WaitingMessage> | null;
};

/** A reset that waits until all data sent before it has arrived (RFC 6525 §5.2.2, E2). */
type DeferredReset = { readonly lastTsn: number; readonly streamIds: ReadonlySet<number> | null };

export class Reassembly {
  readonly #deliver: Deliver;
  readonly #maxMessageSize: number;
  /** Bound: one entry per stream the peer may use, at most 65,535. */
  readonly #streams = new Map<number, InboundStream>();
  /** Every run of fragments but `#growing`, by its first and by its last TSN. */
  readonly #byFirstTsn = new Map<number, PartialMessage>();
  readonly #byLastTsn = new Map<number, PartialMessage>();
  /** The run that grew last: fragments mostly come in sequence, and then no map is touched. */
  #growing: PartialMessage | null = null;
  #deferredReset: DeferredReset | null = null;
  #afterReset: WaitingMessage[] = [];
  #heldBytes = 0;

  constructor(maxMessageSize: number, deliver: Deliver) {
    this.#maxMessageSize = maxMessageSize;
    this.#deliver = deliver;
  }

  /** Bytes of what was received and not delivered, with an overhead per chunk. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes a chunk whose TSN arrived for the first time.
   * @param predecessorPassed the TSN before it has arrived too, or was given up
   * @returns what is wrong with the chunk, if the peer has broken the protocol; else `null`
   */
  receive(
    tsn: number,
    flags: number,
    streamId: number,
    ssn: number,
    ppid: number,
    data: Uint8Array,
    predecessorPassed: boolean,
  ): string | null {
    const begins = (flags & DATA_FLAG_BEGIN) !== 0;
    const ends = (flags & DATA_FLAG_END) !== 0;
    const unordered = (flags & DATA_FLAG_UNORDERED) !== 0;
    if (data.length > this.#maxMessageSize) return this.#tooLarge();

    const growing = this.#growing;
    const follows = growing !== null && growing.lastTsn === (tsn - 1) >>> 0;
    if (begins && ends && (growing === null || follows) && this.#byFirstTsn.size === 0) {
      if (follows && !growing.ends) return 'a message begins where a fragment was due';
      this.#complete(tsn, streamId, ssn, ppid, unordered, data, 0);
      return null;
    }
    const before = follows ? growing : this.#byLastTsn.get((tsn - 1) >>> 0);
    const after = growing?.firstTsn === (tsn + 1) >>> 0 ? growing : this.#byFirstTsn.get((tsn + 1) >>> 0);
    if (before !== undefined && before.ends !== begins)
      return 'a message begins where a fragment was due, or the reverse';
    if (after !== undefined && after.begins !== ends) return 'a message ends where a fragment was due, or the reverse';
    if (begins && ends) {
      this.#complete(tsn, streamId, ssn, ppid, unordered, data, 0);
      return null;
    }
    // The rest of a message whose beginning was given up (RFC 3758 §3.6).
    if (!begins && before === undefined && predecessorPassed) return null;

    let run: PartialMessage;
    if (before !== undefined && !begins) {
      if (!before.matches(streamId, ssn, unordered)) return 'the fragments of a message do not match';
      if (before !== growing) this.#unlist(before);
      run = before;
      run.append(data, ends);
    } else {
      run = new PartialMessage(tsn, begins, ends, streamId, ssn, ppid, unordered, data);
    }
    this.#heldBytes += data.length + CHUNK_OVERHEAD_BYTES;
    if (after !== undefined && !ends) {
      if (!run.matches(after.streamId, after.ssn, after.unordered)) return 'the fragments of a message do not match';
      if (after === growing) this.#growing = null;
      else this.#unlist(after);
      run.join(after);
    }
    if (run.bytes > this.#maxMessageSize) return this.#tooLarge();
    if (run !== this.#growing) {
      if (this.#growing !== null) this.#list(this.#growing);
      this.#growing = run;
    }
    if (run.begins && run.ends) {
      this.#growing = null;
      const charge = run.bytes + run.fragments * CHUNK_OVERHEAD_BYTES;
      this.#complete(run.firstTsn, run.streamId, run.ssn, run.ppid, run.unordered, run.concatenate(), charge);
    }
    return null;
  }

  /** Nothing up to a TSN is waited for any more (RFC 3758 §3.6). */
  forward(forwardTsn: ForwardTsn): void {
    const { newCumulativeTsn } = forwardTsn;
    // "The receiver MUST remove any partially reassembled message, which is still missing one or more TSNs earlier than
    // or equal to the new cumulative TSN point."
    const isHopeless = (run: PartialMessage): boolean =>
      (!run.begins && serial32LessOrEqual((run.firstTsn - 1) >>> 0, newCumulativeTsn)) ||
      (!run.ends && serial32LessOrEqual((run.lastTsn + 1) >>> 0, newCumulativeTsn));
    for (const run of this.#byFirstTsn.values()) {
      if (!isHopeless(run)) continue;
      this.#unlist(run);
      this.#heldBytes -= run.bytes + run.fragments * CHUNK_OVERHEAD_BYTES;
    }
    if (this.#growing !== null && isHopeless(this.#growing)) {
      this.#heldBytes -= this.#growing.bytes + this.#growing.fragments * CHUNK_OVERHEAD_BYTES;
      this.#growing = null;
    }
    for (const { streamId, ssn } of forwardTsn.streams) this.#skipTo(streamId, ssn);
  }

  /** The streams begin anew once everything up to `lastTsn` has arrived. `null`: all streams. */
  deferReset(lastTsn: number, streamIds: readonly number[] | null): void {
    this.#deferredReset = { lastTsn, streamIds: streamIds === null ? null : new Set(streamIds) };
  }

  /** The next stream sequence number of these streams is 0 (RFC 6525 §5.2.2, E3 and E4). `null`: of all streams. */
  resetStreams(streamIds: readonly number[] | null): void {
    this.#deferredReset = null;
    for (const streamId of streamIds ?? [...this.#streams.keys()]) {
      const stream = this.#streams.get(streamId);
      if (stream === undefined) continue;
      // All that was sent has arrived or was given up: if something waits nevertheless, nothing will come before it.
      this.#deliverStranded(stream, () => true);
      this.#streams.delete(streamId);
    }
    const queued = this.#afterReset;
    this.#afterReset = [];
    for (const message of queued) this.#order(message);
  }

  #complete(
    firstTsn: number,
    streamId: number,
    ssn: number,
    ppid: number,
    unordered: boolean,
    data: Uint8Array,
    charge: number,
  ): void {
    if (this.#deferredReset !== null && this.#comesAfterReset(firstTsn, streamId)) {
      this.#afterReset.push(this.#hold(streamId, ssn, ppid, unordered, data, charge));
      return;
    }
    if (unordered) {
      this.#heldBytes -= charge;
      this.#deliver(streamId, ppid, data, true);
      return;
    }
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      stream = { nextSsn: 0, waiting: null };
      this.#streams.set(streamId, stream);
    }
    if (ssn === stream.nextSsn) {
      stream.nextSsn = (ssn + 1) & 0xffff;
      this.#heldBytes -= charge;
      this.#deliver(streamId, ppid, data, false);
      if (stream.waiting !== null) this.#deliverReady(stream);
      return;
    }
    this.#wait(stream, this.#hold(streamId, ssn, ppid, unordered, data, charge));
  }

  #hold(
    streamId: number,
    ssn: number,
    ppid: number,
    unordered: boolean,
    data: Uint8Array,
    charge: number,
  ): WaitingMessage {
    const held = data.length + CHUNK_OVERHEAD_BYTES;
    this.#heldBytes += held - charge;
    return { streamId, ssn, ppid, unordered, data, charge: held };
  }

  /** A message that waited for a reset takes its place in its stream. */
  #order(message: WaitingMessage): void {
    const { streamId, ssn, ppid, unordered, data, charge } = message;
    this.#complete(0, streamId, ssn, ppid, unordered, data, charge);
  }

  #wait(stream: InboundStream, message: WaitingMessage): void {
    stream.waiting ??= new Map();
    // RFC 9260 §6.1 allows 2^16 - 1 ordered messages in one window, so every other number is one to come. One that is
    // used twice would be delivered out of order: it is dropped.
    if (stream.waiting.has(message.ssn)) {
      this.#heldBytes -= message.charge;
      return;
    }
    stream.waiting.set(message.ssn, message);
  }

  #deliverReady(stream: InboundStream): void {
    const { waiting } = stream;
    if (waiting === null) return;
    for (let message = waiting.get(stream.nextSsn); message !== undefined; message = waiting.get(stream.nextSsn)) {
      waiting.delete(stream.nextSsn);
      stream.nextSsn = (stream.nextSsn + 1) & 0xffff;
      this.#deliverWaiting(message);
    }
    if (waiting.size === 0) stream.waiting = null;
  }

  /** "Any such stranded data SHOULD be made immediately available to the upper layer application." (RFC 3758 §3.6) */
  #skipTo(streamId: number, ssn: number): void {
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      stream = { nextSsn: 0, waiting: null };
      this.#streams.set(streamId, stream);
    }
    if (serial16Less(ssn, stream.nextSsn)) return; // older than what was delivered
    const { nextSsn } = stream;
    this.#deliverStranded(stream, (waiting) => ((waiting - nextSsn) & 0xffff) <= ((ssn - nextSsn) & 0xffff));
    stream.nextSsn = (ssn + 1) & 0xffff;
    this.#deliverReady(stream);
  }

  #deliverStranded(stream: InboundStream, isStranded: (ssn: number) => boolean): void {
    const { waiting, nextSsn } = stream;
    if (waiting === null) return;
    const stranded = [...waiting.values()].filter((message) => isStranded(message.ssn));
    stranded.sort((a, b) => ((a.ssn - nextSsn) & 0xffff) - ((b.ssn - nextSsn) & 0xffff));
    for (const message of stranded) {
      waiting.delete(message.ssn);
      this.#deliverWaiting(message);
    }
  }

  #deliverWaiting(message: WaitingMessage): void {
    this.#heldBytes -= message.charge;
    this.#deliver(message.streamId, message.ppid, message.data, message.unordered);
  }

  #comesAfterReset(firstTsn: number, streamId: number): boolean {
    const { lastTsn, streamIds } = this.#deferredReset!;
    return serial32Less(lastTsn, firstTsn) && (streamIds === null || streamIds.has(streamId));
  }

  /** It cannot be refused: dropping a message that was acknowledged would break the order, or a promise, in silence. */
  #tooLarge(): string {
    return `a message is larger than ${this.#maxMessageSize} bytes`;
  }

  #list(run: PartialMessage): void {
    this.#byFirstTsn.set(run.firstTsn, run);
    this.#byLastTsn.set(run.lastTsn, run);
  }

  #unlist(run: PartialMessage): void {
    this.#byFirstTsn.delete(run.firstTsn);
    this.#byLastTsn.delete(run.lastTsn);
  }
}
