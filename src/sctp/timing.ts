/** The times and limits of RFC 9260 §16, as they are chosen here for WebRTC. All in ms unless the name says otherwise. */
import type { SctpTiming } from './types.ts';

export type ResolvedTiming = Required<SctpTiming>;

export const DEFAULT_TIMING: ResolvedTiming = {
  /** RFC: 1 s. DTLS has just been over the same path within a few hundred ms, so half of it, as browsers do. */
  rtoInitialMs: 500,
  /**
   * RFC: 1 s, against peers that delay a SACK for up to 200 ms. Here `MIN_RTT_VARIANCE_MS` stands against those, on top
   * of the round trip; this only keeps short scheduling hiccups on fast paths from looking like losses.
   */
  rtoMinMs: 300,
  /** RFC: 60 s. A path that comes back (ICE restart, a new Wi-Fi) is in use again 10 s later at the latest. */
  rtoMaxMs: 10_000,
  /**
   * RFC: up to 200 ms. Every second packet is acknowledged at once anyway; what waits is the odd last one, and with it
   * the sender's round-trip measurement. 20 ms still bundles with the answer to a request.
   */
  sackDelayMs: 20,
  /** RFC: HB.interval, 30 s. */
  heartbeatIntervalMs: 30_000,
  /**
   * RFC: Max.Init.Retransmits, 8, and Association.Max.Retrans, 10. Here whether the peer is there is for ICE to say,
   * which asks every 5 s and stops all sending after 30 s without an answer (RFC 7675), and which can restart at any
   * time, also minutes later. An association that had given up by then would be the one thing that is not revived.
   */
  maxInitRetransmits: Number.POSITIVE_INFINITY,
  maxRetransmissions: Number.POSITIVE_INFINITY,
};

/**
 * RFC: Association.Max.Retrans, for SHUTDOWN and SHUTDOWN ACK, whatever `maxRetransmissions` is: there is nothing left
 * to revive.
 */
export const MAX_SHUTDOWN_RETRANSMISSIONS = 10;

/** RFC: Max.Init.Retransmits, for cookies in a row that the peer calls stale. */
export const MAX_STALE_COOKIES = 8;

/** RFC 9260 §16: Valid.Cookie.Life. */
export const COOKIE_LIFE_MS = 60_000;

/** RFC 9260 §9.2: T5-shutdown-guard, "5 times 'RTO.Max'". */
export function shutdownGuardMs(timing: ResolvedTiming): number {
  return 5 * timing.rtoMaxMs;
}

/**
 * Largest SCTP packet by default, in bytes: what is left of a datagram of 1200 bytes, which every path of the Internet
 * carries, behind a DTLS 1.2 record header (13), an explicit nonce (8) and a tag (16); a multiple of 4.
 */
export const DEFAULT_MTU = 1160;

/** The defaults, with what the caller chose in their place. Throws `RangeError` for a time that is not positive. */
export function resolveTiming(timing: SctpTiming = {}): ResolvedTiming {
  const resolved = { ...DEFAULT_TIMING };
  for (const name of Object.keys(DEFAULT_TIMING) as (keyof ResolvedTiming)[]) {
    const value = timing[name];
    if (value === undefined) continue;
    if (!(value >= 0)) throw new RangeError(`${name} must not be negative (got ${value})`);
    resolved[name] = value;
  }
  // RFC 9260 §6.2: "An implementation MUST NOT allow the maximum delay … to be configured to be more than 500 ms."
  if (resolved.sackDelayMs > 500) throw new RangeError(`sackDelayMs must be at most 500 (got ${resolved.sackDelayMs})`);
  if (!(resolved.rtoMinMs > 0) || resolved.rtoMinMs > resolved.rtoMaxMs || !(resolved.rtoInitialMs > 0)) {
    throw new RangeError('retransmission timeouts must be positive, and rtoMinMs at most rtoMaxMs');
  }
  return resolved;
}
