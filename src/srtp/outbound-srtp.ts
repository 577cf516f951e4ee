/** Protects what we send (RFC 3711 §3.3, §3.4): the keys of one direction, and the indices of its sources. */
import { u16, u32 } from '../binary/bytes.ts';
import { hasRtcpHeader, RTCP, RTP, rtpPayloadStart } from './header.ts';
import { RTCP_WINDOW_SIZE, RTP_WINDOW_SIZE, type SrtpIndices, type SrtpOptions, transformOf } from './options.ts';
import { estimateIndex, SRTCP_INDEX_LIMIT, SRTP_INDEX_LIMIT } from './packet-index.ts';
import { SourceTable } from './sources.ts';
import { newOutboundStats, type OutboundSrtpStats, type SrtpRefusal } from './stats.ts';
import type { SrtpTransform } from './transform.ts';

/** What `protectRtp` and `protectRtcp` return for a packet that must not be sent. */
const REFUSED = -1;

export class OutboundSrtp {
  readonly stats: OutboundSrtpStats = newOutboundStats();
  /** Bytes an RTP packet grows by. */
  readonly rtpOverhead: number;
  /** Bytes an RTCP packet grows by. */
  readonly rtcpOverhead: number;
  readonly #transform: SrtpTransform;
  readonly #rtp: SourceTable;
  readonly #rtcp: SourceTable;

  /** @throws RangeError when a key's length is not the profile's */
  constructor(options: SrtpOptions) {
    this.#transform = transformOf(options);
    this.#rtp = new SourceTable(RTP_WINDOW_SIZE, options.indices?.rtp);
    this.#rtcp = new SourceTable(RTCP_WINDOW_SIZE, options.indices?.rtcp);
    this.rtpOverhead = this.#transform.rtpOverhead;
    this.rtcpOverhead = this.#transform.rtcpOverhead;
  }

  /** The highest index used by each source. */
  get indices(): SrtpIndices {
    return { rtp: this.#rtp.indices(), rtcp: this.#rtcp.indices() };
  }

  /**
   * Makes the RTP packet in `packet[start, end)` an SRTP packet, in place, `rtpOverhead` bytes longer.
   *
   * Sequence numbers may come in any order within 2048 packets, each once: a packet is sent again by sending the same
   * protected bytes again. What follows a gap of 2^15 or more nobody could decrypt (RFC 3711 §3.3.1).
   *
   * @returns the new end, or -1: it must not be sent, `stats.rtpRefused` says why, and nothing has changed
   * @throws RangeError when it is not RTP, or there is no room behind it
   */
  protectRtp(packet: Uint8Array, start: number, end: number): number {
    checkRoom(packet, start, end, this.rtpOverhead);
    const payload = rtpPayloadStart(packet, start, end);
    if (payload < 0) throw new RangeError(`[${start}, ${end}) holds no RTP packet`);
    const ssrc = u32(packet, start + RTP.ssrc);
    const index = estimateIndex(this.#rtp.newest(ssrc), u16(packet, start + RTP.sequenceNumber));
    if (index >= SRTP_INDEX_LIMIT) return this.#refuseRtp('keyExhausted');
    // Below 0: before the first packet, across the wrap. Its roll-over counter would be the one 2^32 is counted from.
    if (index < 0 || !this.#rtp.mayBeNew(ssrc, index)) return this.#refuseRtp('repeated');
    if (!this.#rtp.hasRoom(ssrc)) return this.#refuseRtp('tooManySources');
    this.#rtp.add(ssrc, index);
    this.#transform.protectRtp(packet, start, payload, end, ssrc, index);
    this.stats.rtpPackets++;
    return end + this.rtpOverhead;
  }

  /**
   * Makes the compound RTCP packet in `packet[start, end)` an SRTCP packet, in place, `rtcpOverhead` bytes longer.
   *
   * @returns the new end, or -1: it must not be sent, `stats.rtcpRefused` says why, and nothing has changed
   * @throws RangeError when it is not RTCP, has no sender's SSRC, or there is no room behind it
   */
  protectRtcp(packet: Uint8Array, start: number, end: number): number {
    checkRoom(packet, start, end, this.rtcpOverhead);
    if (!hasRtcpHeader(packet, start, end)) throw new RangeError(`[${start}, ${end}) holds no RTCP packet`);
    const ssrc = u32(packet, start + RTCP.ssrc);
    const index = this.#rtcp.newest(ssrc) + 1; // §3.4: "set to zero before the first SRTCP packet is sent"
    if (index >= SRTCP_INDEX_LIMIT) return this.#refuseRtcp('keyExhausted');
    if (!this.#rtcp.hasRoom(ssrc)) return this.#refuseRtcp('tooManySources');
    this.#rtcp.add(ssrc, index);
    this.#transform.protectRtcp(packet, start, end, ssrc, index);
    this.stats.rtcpPackets++;
    return end + this.rtcpOverhead;
  }

  #refuseRtp(reason: SrtpRefusal): number {
    this.stats.rtpRefused[reason]++;
    return REFUSED;
  }

  #refuseRtcp(reason: SrtpRefusal): number {
    this.stats.rtcpRefused[reason]++;
    return REFUSED;
  }
}

function checkRoom(packet: Uint8Array, start: number, end: number, overhead: number): void {
  if (start >= 0 && end >= start && end + overhead <= packet.length) return;
  throw new RangeError(`[${start}, ${end}) and ${overhead} bytes behind it do not lie in ${packet.length} bytes`);
}
