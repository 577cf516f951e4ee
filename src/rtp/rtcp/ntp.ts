/** NTP timestamps (RFC 3550 §4): seconds since 1900 in 32.32 fixed point, and the 16.16 bits from their middle. */

/** From 1900 to 1970. */
const NTP_UNIX_OFFSET_SECONDS = 2_208_988_800n;
const UNITS_PER_SECOND = 0x1_0000_0000;
const SHORT_UNITS_PER_MS = 65.536;

/** The NTP timestamp of milliseconds since 1970, modulo 2^64. */
export function ntpFromUnixMs(unixMs: number): bigint {
  const seconds = Math.floor(unixMs / 1000);
  const fraction = Math.floor(((unixMs - seconds * 1000) / 1000) * UNITS_PER_SECOND);
  return BigInt.asUintN(64, ((BigInt(seconds) + NTP_UNIX_OFFSET_SECONDS) << 32n) + BigInt(fraction));
}

/** Milliseconds since 1970 of an NTP timestamp of the era that ends in 2036. */
export function unixMsFromNtp(ntpTimestamp: bigint): number {
  const seconds = Number((ntpTimestamp >> 32n) - NTP_UNIX_OFFSET_SECONDS);
  return seconds * 1000 + (Number(ntpTimestamp & 0xffff_ffffn) / UNITS_PER_SECOND) * 1000;
}

/** The middle 32 bits, in 1/65536 s: as LSR, LRR and the report timestamp of RFC 8888 have it. */
export function ntpMiddle32(ntpTimestamp: bigint): number {
  return Number(BigInt.asUintN(32, ntpTimestamp >> 16n));
}

/** A duration in 1/65536 s, at most 32 bits of it. */
export function shortNtpFromMs(ms: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.round(ms * SHORT_UNITS_PER_MS)));
}

export function msFromShortNtp(units: number): number {
  return units / SHORT_UNITS_PER_MS;
}

/** `last` + `delay` until `now`, all in 1/65536 s; negative when clocks ran apart, as a number of milliseconds. */
export function roundTripMs(now: number, last: number, delay: number): number {
  return msFromShortNtp((now - last - delay) | 0);
}
