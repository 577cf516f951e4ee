/**
 * Asks for the packets of one stream that are missing (RFC 4585 §6.2.1): a moment after the gap shows, for it may be
 * reordering; again after each round trip; and not for ever. When too much is missing, a key frame is the cheaper repair.
 */
import { EventQueue } from '../../machine.ts';
import { SequenceUnwrapper } from '../sequence.ts';

/** How long a gap is thought to be reordering at first; it grows to what is seen, up to the maximum. */
const MIN_REORDER_MS = 5;
const MAX_REORDER_MS = 60;
/** What is seen of reordering, times this. */
const REORDER_MARGIN = 1.25;
/** Each packet that only a retransmission brought makes reordering less likely by so much. */
const REORDER_DECAY = 0.98;
/** A retry waits a round trip and a quarter, for its jitter, and no less than this. */
const RETRY_ROUND_TRIPS = 1.25;
const MIN_RETRY_INTERVAL_MS = 20;
/** Before one is measured. */
const DEFAULT_RTT_MS = 100;
const DEFAULT_MAX_RETRIES = 10;
const DEFAULT_MAX_AGE_MS = 2000;
/** Bound: the sender decides how far its numbers jump. Above, all is given up for a key frame: 1000 packets are 9 Mbit. */
export const MAX_MISSING = 1000;
/** Bound of one NACK: 250 entries of four bytes at worst. What is due beyond it goes into another one. */
const MAX_PER_NACK = 250;

export type NackGeneratorOptions = {
  /** How often a packet is asked for. Default 10. */
  readonly maxRetries?: number;
  /** For how long a packet is worth asking for. Default 2000 ms. */
  readonly maxAgeMs?: number;
};

export type NackEvent =
  /** To be sent now. */
  | { readonly kind: 'nack'; readonly sequenceNumbers: readonly number[] }
  /** No longer asked for: tell the jitter buffer not to wait. */
  | { readonly kind: 'gaveUp'; readonly sequenceNumbers: readonly number[] }
  /** Too much is missing to ask for it. */
  | { readonly kind: 'keyFrameNeeded' };

export type NackGeneratorStats = {
  /** Packets found missing. */
  missing: number;
  /** NACKs for a packet, repetitions too. */
  requested: number;
  /** Came after all: late, or sent again. */
  recovered: number;
  gaveUp: number;
};

type Missing = { readonly noticedAt: number; dueAt: number; retries: number; requestedAt: number };

export class NackGenerator {
  readonly stats: NackGeneratorStats = { missing: 0, requested: 0, recovered: 0, gaveUp: 0 };
  readonly #maxRetries: number;
  readonly #maxAgeMs: number;
  readonly #events: EventQueue<NackEvent>;
  readonly #unwrapper = new SequenceUnwrapper();
  /** By extended sequence number, in rising order: they are only ever added behind the highest. */
  readonly #missing = new Map<number, Missing>();
  #rttMs = DEFAULT_RTT_MS;
  #reorderMs = MIN_REORDER_MS;
  #nextTimeout = Infinity;

  constructor(options: NackGeneratorOptions, sink: { event(event: NackEvent): void }) {
    this.#maxRetries = options.maxRetries ?? DEFAULT_MAX_RETRIES;
    this.#maxAgeMs = options.maxAgeMs ?? DEFAULT_MAX_AGE_MS;
    this.#events = new EventQueue((event) => sink.event(event));
  }

  get nextTimeout(): number {
    return this.#nextTimeout;
  }

  /** How many packets are missing now. */
  get missingCount(): number {
    return this.#missing.size;
  }

  set roundTripMs(value: number) {
    this.#rttMs = value;
  }

  /**
   * Notes a packet of the stream.
   * @param isRepair it came by retransmission or was recovered, and so says nothing about reordering
   */
  receive(sequenceNumber: number, isRepair: boolean, now: number): void {
    const highest = this.#unwrapper.highest;
    const extended = this.#unwrapper.unwrap(sequenceNumber);
    if (extended <= highest) {
      this.#arrive(extended, isRepair, now);
    } else if (highest >= 0) {
      const gap = extended - highest - 1;
      if (gap + this.#missing.size > MAX_MISSING) {
        this.#giveUpAll();
      } else {
        for (let missing = highest + 1; missing < extended; missing++) this.#miss(missing, now);
      }
    }
    this.#events.flush();
  }

  /** Nothing before this number is of use any more: it was decoded, or a key frame follows. */
  forgetBefore(sequenceNumber: number): void {
    const first = this.#unwrapper.peek(sequenceNumber);
    for (const extended of this.#missing.keys()) {
      if (extended >= first) break;
      this.#missing.delete(extended);
    }
    if (this.#missing.size === 0) this.#nextTimeout = Infinity;
  }

  handleTimeout(now: number): void {
    if (now < this.#nextTimeout) return;
    const interval = Math.max(MIN_RETRY_INTERVAL_MS, RETRY_ROUND_TRIPS * this.#rttMs);
    let due: number[] = [];
    const gaveUp: number[] = [];
    let next = Infinity;
    for (const [extended, missing] of this.#missing) {
      if (missing.dueAt <= now) {
        if (missing.retries >= this.#maxRetries || now - missing.noticedAt >= this.#maxAgeMs) {
          this.#missing.delete(extended);
          gaveUp.push(extended & 0xffff);
          continue;
        }
        missing.retries++;
        missing.requestedAt = now;
        missing.dueAt = now + interval;
        due.push(extended & 0xffff);
        if (due.length === MAX_PER_NACK) {
          this.#request(due);
          due = [];
        }
      }
      next = Math.min(next, missing.dueAt);
    }
    this.#nextTimeout = next;
    if (due.length > 0) this.#request(due);
    if (gaveUp.length > 0) {
      this.stats.gaveUp += gaveUp.length;
      this.#events.push({ kind: 'gaveUp', sequenceNumbers: gaveUp });
    }
    this.#events.flush();
  }

  #request(sequenceNumbers: readonly number[]): void {
    this.stats.requested += sequenceNumbers.length;
    this.#events.push({ kind: 'nack', sequenceNumbers });
  }

  #miss(extended: number, now: number): void {
    this.stats.missing++;
    const dueAt = now + this.#reorderMs;
    this.#missing.set(extended, { noticedAt: now, dueAt, retries: 0, requestedAt: Infinity });
    this.#nextTimeout = Math.min(this.#nextTimeout, dueAt);
  }

  #arrive(extended: number, isRepair: boolean, now: number): void {
    const missing = this.#missing.get(extended);
    if (missing === undefined) return;
    this.#missing.delete(extended);
    if (this.#missing.size === 0) this.#nextTimeout = Infinity;
    this.stats.recovered++;
    // Without RTX the answer looks like the packet itself: it cannot be one within half a round trip of the request.
    const wasReordered = !isRepair && !(now - missing.requestedAt > this.#rttMs / 2);
    if (wasReordered) {
      const lateness = REORDER_MARGIN * (now - missing.noticedAt);
      this.#reorderMs = Math.min(MAX_REORDER_MS, Math.max(this.#reorderMs, lateness));
    } else {
      this.#reorderMs = Math.max(MIN_REORDER_MS, REORDER_DECAY * this.#reorderMs);
    }
  }

  #giveUpAll(): void {
    this.stats.gaveUp += this.#missing.size;
    const sequenceNumbers = [...this.#missing.keys()].map((extended) => extended & 0xffff);
    this.#missing.clear();
    this.#nextTimeout = Infinity;
    if (sequenceNumbers.length > 0) this.#events.push({ kind: 'gaveUp', sequenceNumbers });
    this.#events.push({ kind: 'keyFrameNeeded' });
  }
}
