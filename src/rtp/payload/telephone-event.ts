/** Telephone events (RFC 4733): the payload, the digits' names, and which events a peer takes. */
import { setU16, u16 } from '../../binary/bytes.ts';

/**
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     event     |E|R| volume    |          duration             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
const EVENT = { event: 0, flags: 1, duration: 2, size: 4 } as const;
const END = 0x80;
const VOLUME_MASK = 0x3f;

/** RFC 4733 §2.5.1.3: what does not fit is told in segments. */
export const MAX_EVENT_DURATION = 0xffff;

export type TelephoneEvent = {
  /** 0 … 255; 0 … 15 are the DTMF digits (RFC 4733 §3.2). */
  readonly event: number;
  readonly isEnd: boolean;
  /** Power level in dBm0 without its sign, 0 … 63: 10 is -10 dBm0. */
  readonly volume: number;
  /** In units of the RTP timestamp, so far. */
  readonly duration: number;
};

/** @throws RangeError for a field that does not fit its bits */
export function encodeTelephoneEvent(event: TelephoneEvent): Uint8Array {
  requireInteger('event', event.event, 255);
  requireInteger('volume', event.volume, VOLUME_MASK);
  requireInteger('duration', event.duration, MAX_EVENT_DURATION);
  const payload = new Uint8Array(EVENT.size);
  payload[EVENT.event] = event.event;
  payload[EVENT.flags] = (event.isEnd ? END : 0) | event.volume;
  setU16(payload, EVENT.duration, event.duration);
  return payload;
}

/**
 * The events in a payload: nearly always one, otherwise one right after the other in time (RFC 4733 §2.5.1.5). `null`
 * for a payload that is not made of whole events.
 */
export function decodeTelephoneEvents(payload: Uint8Array): TelephoneEvent[] | null {
  if (payload.length === 0 || payload.length % EVENT.size !== 0) return null;
  const events: TelephoneEvent[] = [];
  for (let at = 0; at < payload.length; at += EVENT.size) {
    const flags = payload[at + EVENT.flags]!;
    events.push({
      event: payload[at + EVENT.event]!,
      isEnd: (flags & END) !== 0,
      volume: flags & VOLUME_MASK,
      duration: u16(payload, at + EVENT.duration),
    });
  }
  return events;
}

/** The DTMF digits in the order of their event codes (RFC 4733 table 7). */
const DTMF_DIGITS = '0123456789*#ABCD';

/** The event code of a DTMF digit in either case; `undefined` for anything else. */
export function dtmfEvent(digit: string): number | undefined {
  const event = digit.length === 1 ? DTMF_DIGITS.indexOf(digit.toUpperCase()) : -1;
  return event >= 0 ? event : undefined;
}

/** The DTMF digit of an event code; `undefined` for other events. */
export function dtmfDigit(event: number): string | undefined {
  return DTMF_DIGITS[event];
}

/**
 * The events listed in a peer's `a=fmtp`, as `0-15,66,70`. Without a list that can be read, the DTMF events are
 * assumed (RFC 4733 §2.5.1.1).
 */
export function parseTelephoneEventList(parameters: string): ReadonlySet<number> {
  const events = new Set<number>();
  for (const part of parameters.replace(/^\s*events=/i, '').split(',')) {
    const range = /^\s*(\d{1,3})(?:-(\d{1,3}))?\s*$/.exec(part);
    if (range === null) continue;
    const last = Math.min(Number(range[2] ?? range[1]), 255);
    for (let event = Number(range[1]); event <= last; event++) events.add(event);
  }
  if (events.size === 0) for (let event = 0; event < DTMF_DIGITS.length; event++) events.add(event);
  return events;
}

function requireInteger(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`expected a telephone event's ${name} from 0 to ${max}, got ${value}`);
  }
}
