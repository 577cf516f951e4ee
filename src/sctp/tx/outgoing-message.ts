/** One user message on its way out. */
import type { OutboundStream } from './outbound-stream.ts';

export class OutgoingMessage {
  readonly stream: OutboundStream;
  readonly ppid: number;
  readonly data: Uint8Array;
  readonly unordered: boolean;
  /** Retransmissions of any of its chunks before it is given up; `Infinity` when reliable. */
  readonly maxRetransmits: number;
  /** When its lifetime ends, in ms on the caller's clock; `Infinity` when reliable. */
  readonly expiresAt: number;
  /** Bytes handed to the network at least once: the next chunk begins here. */
  sent = 0;
  /** The TSN of its first chunk, once `sent` is not 0. Its chunks have TSNs in sequence (RFC 9260 §6.9). */
  firstTsn = 0;
  /** How many TSNs it has. */
  fragments = 0;
  /** Stream sequence number, assigned with the first TSN. */
  ssn = 0;
  /** One of its chunks was lost at some time. */
  hadLoss = false;
  /** Given up (RFC 3758 §3.4). */
  isAbandoned = false;
  /** Waits for a stream reset, in the stream's second list. */
  isHeld = false;
  previous: OutgoingMessage | null = null;
  next: OutgoingMessage | null = null;

  constructor(
    stream: OutboundStream,
    ppid: number,
    data: Uint8Array,
    unordered: boolean,
    maxRetransmits: number,
    expiresAt: number,
  ) {
    this.stream = stream;
    this.ppid = ppid;
    this.data = data;
    this.unordered = unordered;
    this.maxRetransmits = maxRetransmits;
    this.expiresAt = expiresAt;
  }

  get isFullySent(): boolean {
    return this.sent === this.data.length;
  }

  /** Whether it would be wrong to send any of it (again), a chunk having been sent `transmissions` times. */
  isOver(transmissions: number, now: number): boolean {
    return transmissions > this.maxRetransmits || now >= this.expiresAt;
  }
}

/** A list of messages: constant time at both ends, and for taking one out of the middle. */
export class MessageList {
  head: OutgoingMessage | null = null;
  #tail: OutgoingMessage | null = null;

  push(message: OutgoingMessage): void {
    message.previous = this.#tail;
    if (this.#tail === null) this.head = message;
    else this.#tail.next = message;
    this.#tail = message;
  }

  remove(message: OutgoingMessage): void {
    if (message.previous === null) this.head = message.next;
    else message.previous.next = message.next;
    if (message.next === null) this.#tail = message.previous;
    else message.next.previous = message.previous;
    message.previous = null;
    message.next = null;
  }
}
