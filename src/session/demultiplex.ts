/** RFC 7983 §7: what a datagram is, told from its first byte. */

/**
 * ```text
 *                  +----------------+
 *                  |        [0..3] -+--> STUN
 *                  |      [16..19] -+--> ZRTP (dropped)
 *      packet -->  |      [20..63] -+--> DTLS
 *                  |      [64..79] -+--> TURN channel data
 *                  |    [128..191] -+--> RTP or RTCP
 *                  +----------------+
 * ```
 */
export type DatagramKind = 'stun' | 'dtls' | 'turnChannel' | 'rtp' | 'unknown';

/** The kind of `packet`; `'unknown'` is dropped (RFC 7983 §7: "MUST drop"). */
export function classifyDatagram(packet: Uint8Array): DatagramKind {
  if (packet.length === 0) return 'unknown';
  const first = packet[0]!;
  if (first < 4) return 'stun';
  if (first >= 20 && first < 64) return 'dtls';
  if (first >= 64 && first < 80) return 'turnChannel';
  if (first >= 128 && first < 192) return 'rtp';
  return 'unknown';
}
