/** Checks and decrypts what the peer sends (RFC 3711 §3.3, §3.4): the keys of one direction, its sources, its replays. */
import { u16, u32 } from '../binary/bytes.ts';
import { hasRtcpHeader, RTCP, RTP, rtpPayloadStart } from './header.ts';
import { RTCP_WINDOW_SIZE, RTP_WINDOW_SIZE, type SrtpIndices, type SrtpOptions, transformOf } from './options.ts';
import { estimateIndex, SRTP_INDEX_LIMIT } from './packet-index.ts';
import { SourceTable } from './sources.ts';
import { type InboundSrtpStats, newInboundStats, type SrtpDropReason } from './stats.ts';
import type { SrtpTransform } from './transform.ts';

/** The 31 bits of an SRTCP index in its word. */
const INDEX_MASK = 0x7fff_ffff;

export class InboundSrtp {
  readonly stats: InboundSrtpStats = newInboundStats();
  readonly #transform: SrtpTransform;
  readonly #rtp: SourceTable;
  readonly #rtcp: SourceTable;

  /** @throws RangeError when a key's length is not the profile's */
  constructor(options: SrtpOptions) {
    this.#transform = transformOf(options);
    this.#rtp = new SourceTable(RTP_WINDOW_SIZE, options.indices?.rtp);
    this.#rtcp = new SourceTable(RTCP_WINDOW_SIZE, options.indices?.rtcp);
  }

  /** The highest index received from each source. */
  get indices(): SrtpIndices {
    return { rtp: this.#rtp.indices(), rtcp: this.#rtcp.indices() };
  }

  /**
   * The RTP packet of an SRTP packet, decrypted in place: a view. `null` when it is dropped, counted in
   * `stats.rtpDropped`; its bytes are then of no value. No packet that is not authentic makes or moves any state.
   */
  unprotectRtp(packet: Uint8Array): Uint8Array | null {
    const end = packet.length - this.#transform.rtpOverhead;
    const payload = rtpPayloadStart(packet, 0, end);
    if (payload < 0) return this.#dropRtp('malformed');
    const ssrc = u32(packet, RTP.ssrc);
    const index = estimateIndex(this.#rtp.newest(ssrc), u16(packet, RTP.sequenceNumber));
    if (index >= SRTP_INDEX_LIMIT) return this.#dropRtp('keyExhausted');
    if (index < 0 || !this.#rtp.mayBeNew(ssrc, index)) return this.#dropRtp('replayed');
    if (!this.#rtp.hasRoom(ssrc)) return this.#dropRtp('tooManySources');
    if (!this.#transform.unprotectRtp(packet, payload, ssrc, index)) return this.#dropRtp('notAuthentic');
    this.#rtp.add(ssrc, index);
    this.stats.rtpPackets++;
    return packet.subarray(0, end);
  }

  /**
   * The compound RTCP packet of an SRTCP packet, decrypted in place: a view. `null` when it is dropped, counted in
   * `stats.rtcpDropped`; its bytes are then of no value.
   */
  unprotectRtcp(packet: Uint8Array): Uint8Array | null {
    const end = packet.length - this.#transform.rtcpOverhead;
    if (!hasRtcpHeader(packet, 0, end)) return this.#dropRtcp('malformed');
    const ssrc = u32(packet, RTCP.ssrc);
    const index = u32(packet, packet.length - this.#transform.rtcpIndexDistance) & INDEX_MASK;
    if (!this.#rtcp.mayBeNew(ssrc, index)) return this.#dropRtcp('replayed');
    if (!this.#rtcp.hasRoom(ssrc)) return this.#dropRtcp('tooManySources');
    if (!this.#transform.unprotectRtcp(packet, ssrc, index)) return this.#dropRtcp('notAuthentic');
    this.#rtcp.add(ssrc, index);
    this.stats.rtcpPackets++;
    return packet.subarray(0, end);
  }

  #dropRtp(reason: SrtpDropReason): null {
    this.stats.rtpDropped[reason]++;
    return null;
  }

  #dropRtcp(reason: SrtpDropReason): null {
    this.stats.rtcpDropped[reason]++;
    return null;
  }
}
