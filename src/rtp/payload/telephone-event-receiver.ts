/**
 * Receives telephone events (RFC 4733 §2.5.2) and reports each once, however often it is told of: packets of one event
 * have one timestamp. Any packet of an event is enough to know of it.
 */
import { serial32Distance, serial32Less } from '../../binary/serial.ts';
import { decodeTelephoneEvents, MAX_EVENT_DURATION, type TelephoneEvent } from './telephone-event.ts';

/** RFC 4733 §2.5.2.2: "SHOULD NOT be extended by more than three packet interarrival times"; of 50 ms, §2.5.1.2. */
const SILENCE_MS = 150;

export type TelephoneEventReport =
  | { readonly kind: 'start'; readonly event: number; readonly volume: number; readonly timestamp: number }
  | {
      readonly kind: 'end';
      readonly event: number;
      readonly timestamp: number;
      /** All of it, in units of the RTP timestamp. */
      readonly duration: number;
      /** Whether the sender said so; otherwise nothing more was heard of it. */
      readonly isConfirmed: boolean;
    };

type Current = { event: number; timestamp: number; segmentTimestamp: number; duration: number; silentAt: number };

/** One per stream. */
export class TelephoneEventReceiver {
  readonly #report: (report: TelephoneEventReport) => void;
  /** Counts of packets by what became of them. */
  readonly stats = { packets: 0, malformed: 0, repeated: 0 };
  #current: Current | null = null;
  /** Where the event reported last began: anything up to there is old. */
  #lastTimestamp: number | null = null;

  constructor(report: (report: TelephoneEventReport) => void) {
    this.#report = report;
  }

  /** When an event whose end was lost is given up, on the caller's clock. */
  get nextTimeout(): number {
    return this.#current?.silentAt ?? Infinity;
  }

  handleTimeout(now: number): void {
    if (this.#current !== null && now >= this.#current.silentAt) this.#end(this.#current, false);
  }

  /** @param timestamp of the RTP packet */
  handlePayload(payload: Uint8Array, timestamp: number, now: number): void {
    this.handleTimeout(now);
    const events = decodeTelephoneEvents(payload);
    if (events === null) {
      this.stats.malformed++;
      return;
    }
    this.stats.packets++;
    let at = timestamp;
    for (const event of events) {
      // §2.3.5: a duration of 0 is for states alone, of which we know none.
      if (event.duration === 0) this.stats.malformed++;
      else this.#handleEvent(event, at, now);
      at = (at + event.duration) >>> 0;
    }
  }

  #handleEvent(event: TelephoneEvent, timestamp: number, now: number): void {
    const current = this.#current;
    if (current !== null && current.event === event.event && isContinued(current, timestamp)) {
      current.segmentTimestamp = timestamp;
      current.duration = Math.max(current.duration, serial32Distance(current.timestamp, timestamp) + event.duration);
      current.silentAt = now + SILENCE_MS;
      this.#lastTimestamp = timestamp;
      if (event.isEnd) this.#end(current, true);
      return;
    }
    if (this.#lastTimestamp !== null && !serial32Less(this.#lastTimestamp, timestamp)) {
      this.stats.repeated++;
      return;
    }
    if (current !== null) this.#end(current, false);
    this.#lastTimestamp = timestamp;
    const next = {
      event: event.event,
      timestamp,
      segmentTimestamp: timestamp,
      duration: event.duration,
      silentAt: now + SILENCE_MS,
    };
    this.#current = next;
    this.#report({ kind: 'start', event: event.event, volume: event.volume, timestamp });
    if (event.isEnd && this.#current === next) this.#end(next, true);
  }

  #end(current: Current, isConfirmed: boolean): void {
    this.#current = null;
    const { event, timestamp, duration } = current;
    this.#report({ kind: 'end', event, timestamp, duration, isConfirmed });
  }
}

/** Whether a packet of this timestamp is of the same segment, or of one that follows without a gap (RFC 4733 §2.5.2.3). */
function isContinued(current: Current, timestamp: number): boolean {
  const distance = serial32Distance(current.segmentTimestamp, timestamp);
  return distance === 0 || distance === MAX_EVENT_DURATION;
}
