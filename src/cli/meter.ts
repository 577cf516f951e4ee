/**
 * Measures round trips and throughput over two data channels, the same on either side.
 *
 * `meter` carries JSON, `bulk` carries nothing but bytes to be counted. Either side asks for a flow; the receiver counts.
 */
import type { RTCDataChannel } from '../webrtc/data-channel.ts';

/** What goes over the `meter` channel. Times are the sender's own clock and come back untouched. */
export type MeterMessage =
  | { readonly kind: 'ping'; readonly at: number }
  | { readonly kind: 'pong'; readonly at: number }
  /** Send me bulk data, or no longer. */
  | { readonly kind: 'flow'; readonly on: boolean }
  /** What I received from you since the last report. */
  | { readonly kind: 'received'; readonly bytes: number; readonly ms: number };

const BULK_MESSAGE_BYTES = 16_384;
/** The sender keeps between half of this and all of it in the channel's buffer. */
const BULK_BUFFER_BYTES = 256 * 1024;
/** How often the receiver of a flow reports what came. */
const REPORT_INTERVAL_MS = 250;

export type MeterEvents = {
  onRoundTrip?(ms: number): void;
  /** What we received; `bytes` within `ms`. */
  onReceived?(bytes: number, ms: number): void;
  /** What the far side says it received from us. */
  onDelivered?(bytes: number, ms: number): void;
};

export class Meter {
  readonly totals: { sent: number; received: number } = { sent: 0, received: 0 };
  readonly #control: RTCDataChannel;
  readonly #bulk: RTCDataChannel;
  readonly #events: MeterEvents;
  readonly #message = new Uint8Array(BULK_MESSAGE_BYTES);
  #sending = false;
  #reporter: ReturnType<typeof setInterval> | null = null;
  #pinger: ReturnType<typeof setInterval> | null = null;
  #receivedSinceReport = 0;
  #reportedAt = 0;

  constructor(control: RTCDataChannel, bulk: RTCDataChannel, events: MeterEvents = {}) {
    this.#control = control;
    this.#bulk = bulk;
    this.#events = events;
    bulk.binaryType = 'arraybuffer';
    bulk.bufferedAmountLowThreshold = BULK_BUFFER_BYTES / 2;
    bulk.addEventListener('bufferedamountlow', () => this.#fill());
    bulk.addEventListener('message', ({ data }) => this.#count((data as ArrayBuffer).byteLength));
    control.addEventListener('message', ({ data }) => this.#handle(parse(data)));
    control.addEventListener('close', () => this.stop());
  }

  /** Measures a round trip every `intervalMs`. */
  startPinging(intervalMs: number): void {
    this.#pinger ??= setInterval(() => this.#tell({ kind: 'ping', at: performance.now() }), intervalMs);
  }

  /** Asks the far side to send, or to stop sending. */
  request(on: boolean): void {
    this.#tell({ kind: 'flow', on });
  }

  /** Sends as much as the connection takes, or stops. */
  flow(on: boolean): void {
    this.#sending = on;
    if (on) this.#fill();
  }

  /** Ends every timer; the channels are the caller's. */
  stop(): void {
    this.#sending = false;
    clearInterval(this.#pinger ?? undefined);
    clearInterval(this.#reporter ?? undefined);
    this.#pinger = null;
    this.#reporter = null;
  }

  #tell(message: MeterMessage): void {
    if (this.#control.readyState === 'open') this.#control.send(JSON.stringify(message));
  }

  #fill(): void {
    while (this.#sending && this.#bulk.readyState === 'open' && this.#bulk.bufferedAmount < BULK_BUFFER_BYTES) {
      this.#bulk.send(this.#message);
      this.totals.sent += BULK_MESSAGE_BYTES;
    }
  }

  #count(bytes: number): void {
    this.totals.received += bytes;
    this.#receivedSinceReport += bytes;
    if (this.#reporter !== null) return;
    this.#reportedAt = performance.now();
    this.#reporter = setInterval(() => this.#report(), REPORT_INTERVAL_MS);
  }

  /** One last report says zero; then the timer rests until bytes come again. */
  #report(): void {
    const now = performance.now();
    const [bytes, ms] = [this.#receivedSinceReport, now - this.#reportedAt];
    this.#receivedSinceReport = 0;
    this.#reportedAt = now;
    this.#tell({ kind: 'received', bytes, ms });
    this.#events.onReceived?.(bytes, ms);
    if (bytes > 0) return;
    clearInterval(this.#reporter ?? undefined);
    this.#reporter = null;
  }

  #handle(message: MeterMessage | null): void {
    if (message === null) return;
    switch (message.kind) {
      case 'ping':
        this.#tell({ kind: 'pong', at: message.at });
        break;
      case 'pong':
        this.#events.onRoundTrip?.(performance.now() - message.at);
        break;
      case 'flow':
        this.flow(message.on);
        break;
      case 'received':
        this.#events.onDelivered?.(message.bytes, message.ms);
        break;
      default:
        message satisfies never;
    }
  }
}

/** `null` for what is none of the messages above: the far side is a web page, and pages can be changed. */
function parse(data: unknown): MeterMessage | null {
  if (typeof data !== 'string') return null;
  try {
    const message = JSON.parse(data) as MeterMessage | null;
    switch (message?.kind) {
      case 'ping':
      case 'pong':
        return typeof message.at === 'number' ? message : null;
      case 'flow':
        return typeof message.on === 'boolean' ? message : null;
      case 'received':
        return typeof message.bytes === 'number' && typeof message.ms === 'number' ? message : null;
      default:
        return null;
    }
  } catch {
    return null;
  }
}
