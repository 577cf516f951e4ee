/**
 * Sends one telephone event (RFC 4733 §2.5.1): a packet at once, updates with a growing duration at a constant interval,
 * and the last packet three times. The caller puts sequence number and SSRC around it, those of the audio stream.
 */
import { encodeTelephoneEvent, MAX_EVENT_DURATION } from './telephone-event.ts';

/** RFC 4733 §2.5.1.2: "a value of 50 ms RECOMMENDED". */
const UPDATE_INTERVAL_MS = 50;
/** RFC 4733 §2.5.1.4: "SHOULD be sent a total of three times". */
const FINAL_PACKETS = 3;
/** What libwebrtc sends DTMF at, in -dBm0. */
const DEFAULT_VOLUME = 10;

export type TelephoneEventPacket = {
  readonly payload: Uint8Array;
  /** The beginning of the event, the same in all packets of a segment; wraps at 2^32. */
  readonly timestamp: number;
  /** Set in the first packet of an event. */
  readonly marker: boolean;
};

export type TelephoneEventSenderOptions = {
  readonly event: number;
  /** How long it lasts, in milliseconds: at least one unit of the clock. */
  readonly durationMs: number;
  /** Of the audio stream, in units per second; RFC 4733 §2.4 has 8000 where nothing else is said. */
  readonly clockRate: number;
  /** The RTP timestamp of `now` given to `start`. */
  readonly timestamp: number;
  /** -dBm0, 0 … 63. Default 10. */
  readonly volume?: number;
  /** Between packets, in milliseconds. Default 50. */
  readonly intervalMs?: number;
};

/** One event. Not a `Machine`: it receives nothing. */
export class TelephoneEventSender {
  readonly #options: Required<TelephoneEventSenderOptions>;
  readonly #send: (packet: TelephoneEventPacket) => void;
  readonly #totalDuration: number;
  #segmentStart = 0; // in units since the beginning of the event
  #startedAt = 0;
  #updates = 0;
  #hasSent = false;
  #finalPackets = 0;
  #nextTimeout = Infinity;

  /** @throws RangeError for an event, volume, duration, interval or clock that cannot be */
  constructor(options: TelephoneEventSenderOptions, send: (packet: TelephoneEventPacket) => void) {
    this.#options = { volume: DEFAULT_VOLUME, intervalMs: UPDATE_INTERVAL_MS, ...options };
    const { event, volume, durationMs, intervalMs, clockRate } = this.#options;
    encodeTelephoneEvent({ event, volume, duration: 0, isEnd: false }); // checks them
    this.#totalDuration = Math.round((durationMs * clockRate) / 1000);
    if (!(this.#totalDuration >= 1 && this.#totalDuration < 2 ** 31)) {
      throw new RangeError(
        `expected a duration of at least 1 unit of the clock and less than 2^31, got ${durationMs} ms`,
      );
    }
    if (!((intervalMs * clockRate) / 1000 >= 1))
      throw new RangeError(`expected a longer interval than ${intervalMs} ms`);
    this.#send = send;
  }

  /** When `handleTimeout` is due; `Infinity` before `start` and once all is sent. */
  get nextTimeout(): number {
    return this.#nextTimeout;
  }

  /** Whether the event is over, though its last packet may still be repeated. */
  get hasEnded(): boolean {
    return this.#finalPackets > 0;
  }

  /** The first timestamp after the event. */
  get endTimestamp(): number {
    return (this.#options.timestamp + this.#totalDuration) >>> 0;
  }

  /** Sends the first packet. */
  start(now: number): void {
    if (this.#nextTimeout !== Infinity || this.hasEnded) throw new TypeError('the event has been started');
    this.#startedAt = now;
    this.#nextTimeout = now;
    this.handleTimeout(now);
  }

  /** Sends what is due. A caller who comes late sends one update, not all that were missed. */
  handleTimeout(now: number): void {
    if (now < this.#nextTimeout) return;
    const { intervalMs, clockRate } = this.#options;
    if (this.hasEnded) {
      this.#sendFinal(now);
      return;
    }
    // A packet speaks of the interval that begins with it. A tone we make ourselves does last as long as we say.
    this.#updates = Math.max(this.#updates, Math.floor((now - this.#startedAt) / intervalMs)) + 1;
    const duration = Math.min(Math.round((this.#updates * intervalMs * clockRate) / 1000), this.#totalDuration);
    while (duration - this.#segmentStart > MAX_EVENT_DURATION) {
      for (let i = 0; i < FINAL_PACKETS; i++) this.#sendUpdate(MAX_EVENT_DURATION, false);
      this.#segmentStart += MAX_EVENT_DURATION;
    }
    if (duration < this.#totalDuration) {
      this.#sendUpdate(duration - this.#segmentStart, false);
      this.#nextTimeout = this.#startedAt + this.#updates * intervalMs;
    } else {
      this.#sendFinal(now);
    }
  }

  /** Sends at once what is left of the repeated last packets, for a next event that begins before they are due. */
  flush(now: number): void {
    while (this.hasEnded && this.#nextTimeout !== Infinity) this.#sendFinal(now);
  }

  #sendFinal(now: number): void {
    this.#finalPackets++;
    this.#nextTimeout = this.#finalPackets < FINAL_PACKETS ? now + this.#options.intervalMs : Infinity;
    this.#sendUpdate(this.#totalDuration - this.#segmentStart, true);
  }

  #sendUpdate(duration: number, isEnd: boolean): void {
    const { event, volume, timestamp } = this.#options;
    const marker = !this.#hasSent;
    this.#hasSent = true;
    this.#send({
      payload: encodeTelephoneEvent({ event, volume, duration, isEnd }),
      timestamp: (timestamp + this.#segmentStart) >>> 0,
      marker,
    });
  }
}
