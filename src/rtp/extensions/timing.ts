/** Header extensions that carry times: sent, captured, to be played. */
import { setU24, setU32, u24, u32 } from '../../binary/bytes.ts';
import type { HeaderExtension } from './header-extension.ts';

/** abs-send-time is 24 bits of seconds in 6.18 fixed point: it wraps after 64 s. */
const ABS_SEND_TIME_UNITS_PER_MS = 2 ** 18 / 1000;
const ABS_SEND_TIME_MASK = 0xff_ffff;

/** When the packet left, in units of 2^-18 s, modulo 64 s: the middle 24 bits of an NTP timestamp. */
export const absSendTimeExtension: HeaderExtension<number> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  length: () => 3,
  write: (value, bytes, at) => setU24(bytes, at, value),
  read: (bytes, start, end) => (end - start === 3 ? u24(bytes, start) : null),
};

/** The abs-send-time of a moment in milliseconds, on any clock that stays. */
export function absSendTime(ms: number): number {
  const units = Math.round(ms * ABS_SEND_TIME_UNITS_PER_MS);
  return ((units % (ABS_SEND_TIME_MASK + 1)) + (ABS_SEND_TIME_MASK + 1)) & ABS_SEND_TIME_MASK;
}

/** How much later `to` was sent than `from`, in milliseconds, -32,000 ≤ ms < 32,000. */
export function absSendTimeDifferenceMs(from: number, to: number): number {
  return (((to - from) << 8) >> 8) / ABS_SEND_TIME_UNITS_PER_MS;
}

/** How much later than its RTP timestamp says the packet was sent, in units of the timestamp; 24 bits, signed (RFC 5450). */
export const transmissionOffsetExtension: HeaderExtension<number> = {
  uri: 'urn:ietf:params:rtp-hdrext:toffset',
  length: () => 3,
  write: (value, bytes, at) => setU24(bytes, at, value),
  read: (bytes, start, end) => (end - start === 3 ? (u24(bytes, start) << 8) >> 8 : null),
};

/** Playout delays are sent in 12 bits of 10 ms. */
const PLAYOUT_DELAY_UNIT_MS = 10;
const MAX_PLAYOUT_DELAY_UNITS = 0xfff;

/** How long the receiver should hold a frame before it shows it. */
export type PlayoutDelay = { readonly minMs: number; readonly maxMs: number };

/** In steps of 10 ms, at most 40,950 ms; values are rounded. */
export const playoutDelayExtension: HeaderExtension<PlayoutDelay> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  length: () => 3,
  write({ minMs, maxMs }, bytes, at) {
    setU24(bytes, at, (playoutUnits(minMs) << 12) | playoutUnits(maxMs));
  },
  read(bytes, start, end) {
    if (end - start !== 3) return null;
    const both = u24(bytes, start);
    const min = both >> 12;
    const max = both & 0xfff;
    return min > max ? null : { minMs: min * PLAYOUT_DELAY_UNIT_MS, maxMs: max * PLAYOUT_DELAY_UNIT_MS };
  },
};

function playoutUnits(ms: number): number {
  return Math.max(0, Math.min(MAX_PLAYOUT_DELAY_UNITS, Math.round(ms / PLAYOUT_DELAY_UNIT_MS)));
}

/** When the first frame of a packet was captured, on the clock of the sender reports of who captured it. */
export type AbsoluteCaptureTime = {
  /** NTP, 32.32 fixed point. */
  readonly timestamp: bigint;
  /** What to add to the sender's NTP clock to get the capturer's; signed 32.32 fixed point. */
  readonly clockOffset?: bigint;
};

export const absCaptureTimeExtension: HeaderExtension<AbsoluteCaptureTime> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  length: ({ clockOffset }) => (clockOffset === undefined ? 8 : 16),
  write({ timestamp, clockOffset }, bytes, at) {
    setU64(bytes, at, timestamp);
    if (clockOffset !== undefined) setU64(bytes, at + 8, clockOffset);
  },
  read(bytes, start, end) {
    const length = end - start;
    if (length !== 8 && length !== 16) return null;
    const timestamp = u64(bytes, start);
    return length === 8 ? { timestamp } : { timestamp, clockOffset: BigInt.asIntN(64, u64(bytes, start + 8)) };
  },
};

function u64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(u32(bytes, at)) << 32n) | BigInt(u32(bytes, at + 4));
}

function setU64(bytes: Uint8Array, at: number, value: bigint): void {
  setU32(bytes, at, Number(BigInt.asUintN(32, value >> 32n)));
  setU32(bytes, at + 4, Number(BigInt.asUintN(32, value)));
}
