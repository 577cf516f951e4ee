/** Which packet of its stream a 16-bit sequence number means (RFC 3711 §3.3.1, Appendix A). */

/** RFC 3711 §3.3.1: an SRTP index has 48 bits, roll-over counter and sequence number; none is used twice under a key. */
export const SRTP_INDEX_LIMIT: number = 2 ** 48;
/** RFC 3711 §3.4: an SRTCP index has 31 bits. */
export const SRTCP_INDEX_LIMIT: number = 2 ** 31;

/**
 * The index 2^16 · v + `sequenceNumber` with v from { ROC - 1, ROC, ROC + 1 } that is closest to `newest`, which is
 * 2^16 · ROC + s_l: the highest index authenticated so far, or -1 when there is none.
 *
 * Not modulo 2^48: a roll-over counter of -1 or 2^32 gives an index below 0 or from `SRTP_INDEX_LIMIT` on. No sender has
 * used the one, none may use the other.
 */
export function estimateIndex(newest: number, sequenceNumber: number): number {
  if (newest < 0) return sequenceNumber; // "At the setup of the session, the ROC MUST be set to zero."
  const sL = newest & 0xffff;
  const index = newest - sL + sequenceNumber; // v = ROC
  if (sL < 0x8000) return sequenceNumber - sL > 0x8000 ? index - 0x1_0000 : index;
  return sL - 0x8000 > sequenceNumber ? index + 0x1_0000 : index;
}
