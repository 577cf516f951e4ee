/** What a context counts. */

/** Why a packet was dropped. */
export type SrtpDropReason =
  /** Too short, too long, of another version, or with a header that ends behind it. */
  | 'malformed'
  /** Its tag is not the one its bytes have under this key: forged, damaged, or of a roll-over counter not to be guessed. */
  | 'notAuthentic'
  /** Of an index that was received before, or is too old to tell. */
  | 'replayed'
  /** Behind the last index that the key may be used with. */
  | 'keyExhausted'
  /** Authentic as may be, but there is no room for one more source. */
  | 'tooManySources';

export type InboundSrtpStats = {
  /** Packets that were authentic and new. */
  rtpPackets: number;
  rtcpPackets: number;
  readonly rtpDropped: Record<SrtpDropReason, number>;
  readonly rtcpDropped: Record<SrtpDropReason, number>;
};

/** Why a packet was not protected, and so must not be sent. */
export type SrtpRefusal =
  /** Of a sequence number that was sent before, or is too old to tell: the key stream would be used twice. */
  | 'repeated'
  /** All 2^48 (RTP) or 2^31 (RTCP) indices of its source have been used (RFC 3711 §9.2). */
  | 'keyExhausted'
  /** There is no room for one more source. */
  | 'tooManySources';

export type OutboundSrtpStats = {
  rtpPackets: number;
  rtcpPackets: number;
  readonly rtpRefused: Record<SrtpRefusal, number>;
  readonly rtcpRefused: Record<SrtpRefusal, number>;
};

export function newInboundStats(): InboundSrtpStats {
  const none = () => ({ malformed: 0, notAuthentic: 0, replayed: 0, keyExhausted: 0, tooManySources: 0 });
  return { rtpPackets: 0, rtcpPackets: 0, rtpDropped: none(), rtcpDropped: none() };
}

export function newOutboundStats(): OutboundSrtpStats {
  const none = () => ({ repeated: 0, keyExhausted: 0, tooManySources: 0 });
  return { rtpPackets: 0, rtcpPackets: 0, rtpRefused: none(), rtcpRefused: none() };
}
