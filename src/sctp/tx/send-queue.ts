/**
 * Messages waiting for their first transmission, and the decision whose turn it is.
 *
 * Start-time fair queuing: every stream has a virtual clock that runs on by bytes / weight with each message it sends,
 * and the stream whose clock is furthest behind is next. A stream that was idle begins at the present virtual time, so
 * that silence earns no credit. A message once begun is finished first: without I-DATA (RFC 8260) its chunks must have
 * TSNs in sequence (RFC 9260 §6.9).
 *
 * Adding a message to a stream that is waiting takes constant time; a turn takes O(log streams waiting).
 *
 * Bound: none of its own. The caller sees `bufferedAmount` and decides, as W3C's RTCDataChannel wants it; streams
 * are bounded by their 16-bit ids.
 */
import { MinHeap } from '../min-heap.ts';
import { OutboundStream } from './outbound-stream.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** What a message costs beyond its bytes, in bytes: about a chunk header, so that tiny messages are not free. */
const MESSAGE_OVERHEAD_BYTES = 16;

export class SendQueue {
  readonly #streams = new Map<number, OutboundStream>();
  readonly #waiting = new MinHeap<OutboundStream>(
    (a, b) => a.virtualStart < b.virtualStart || (a.virtualStart === b.virtualStart && a.sequence < b.sequence),
  );
  /** The stream whose message is being sent. It is not in `#waiting`. */
  #current: OutboundStream | null = null;
  #virtualTime = 0;
  #sequence = 0;
  #bufferedBytes = 0;
  #drained: OutboundStream[] = [];

  /** The stream `id`; made when there is none yet. */
  stream(id: number): OutboundStream {
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      stream = new OutboundStream(id);
      this.#streams.set(id, stream);
    }
    return stream;
  }

  get streams(): Iterable<OutboundStream> {
    return this.#streams.values();
  }

  bufferedAmount(id: number): number {
    return this.#streams.get(id)?.bufferedBytes ?? 0;
  }

  /** Bytes not handed to the network yet, held ones included. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  push(message: OutgoingMessage): void {
    const { stream } = message;
    stream.bufferedBytes += message.data.length;
    this.#bufferedBytes += message.data.length;
    if (stream.isResetting) {
      message.isHeld = true;
      stream.held.push(message);
      return;
    }
    stream.queue.push(message);
    if (!stream.isScheduled) this.#schedule(stream);
  }

  /** The message to send from next, and until `isFullySent`; `null` when there is none. */
  next(): OutgoingMessage | null {
    for (;;) {
      const stream = this.#current ?? this.#waiting.pop();
      if (stream === undefined) return null;
      const message = stream.queue.head;
      if (message !== null) {
        if (this.#current === null) {
          this.#current = stream;
          this.#virtualTime = stream.virtualStart;
        }
        return message;
      }
      stream.isScheduled = false;
      this.#current = null;
    }
  }

  /** `bytes` of the message that `next` returned were handed to the network. */
  advance(message: OutgoingMessage, bytes: number): void {
    message.sent += bytes;
    this.#drain(message.stream, bytes);
    if (message.isFullySent) this.#takeOut(message);
  }

  /** Gives up a message that is not fully sent. */
  remove(message: OutgoingMessage): void {
    const { stream } = message;
    this.#drain(stream, message.data.length - message.sent);
    if (message.isHeld) stream.held.remove(message);
    else if (message === stream.queue.head && stream === this.#current) this.#takeOut(message);
    else stream.queue.remove(message);
  }

  /** A reset of the stream begins: messages pushed from now on wait for `release`. */
  hold(stream: OutboundStream): void {
    stream.isResetting = true;
  }

  /** The reset is over, performed or not: messages held take their turn. */
  release(stream: OutboundStream, performed: boolean): void {
    stream.isResetting = false;
    if (performed) stream.nextSsn = 0;
    for (let message = stream.held.head; message !== null; message = stream.held.head) {
      stream.held.remove(message);
      message.isHeld = false;
      stream.queue.push(message);
    }
    if (stream.queue.head !== null) {
      if (!stream.isScheduled) this.#schedule(stream);
    } else if (performed && !stream.isScheduled && stream.drainedBytes === 0) {
      this.#streams.delete(stream.id);
    }
  }

  /** Calls `report` once for each stream that `bufferedAmount` went down on since the last time. */
  takeDrained(report: (streamId: number, bytes: number) => void): void {
    if (this.#drained.length === 0) return;
    for (const stream of this.#drained) {
      report(stream.id, stream.drainedBytes);
      stream.drainedBytes = 0;
    }
    this.#drained = [];
  }

  /** Forgets everything. */
  clear(): void {
    this.#streams.clear();
    this.#waiting.clear();
    this.#current = null;
    this.#bufferedBytes = 0;
    this.#drained = [];
  }

  #schedule(stream: OutboundStream): void {
    stream.isScheduled = true;
    stream.virtualStart = Math.max(this.#virtualTime, stream.virtualFinish);
    stream.sequence = this.#sequence++;
    this.#waiting.push(stream);
  }

  /** The message at the head of the current stream is over: the stream pays for what was sent, and queues up again. */
  #takeOut(message: OutgoingMessage): void {
    const { stream } = message;
    stream.queue.remove(message);
    stream.virtualFinish = stream.virtualStart + (message.sent + MESSAGE_OVERHEAD_BYTES) / stream.weight;
    this.#current = null;
    if (stream.queue.head === null) stream.isScheduled = false;
    else this.#schedule(stream);
  }

  #drain(stream: OutboundStream, bytes: number): void {
    stream.bufferedBytes -= bytes;
    this.#bufferedBytes -= bytes;
    if (stream.drainedBytes === 0) this.#drained.push(stream);
    stream.drainedBytes += bytes;
  }
}
