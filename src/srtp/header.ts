/** How far the headers of RTP (RFC 3550 §5.1, §5.3.1) and RTCP (§6.4.1) reach: what stays readable. */
import { u16 } from '../binary/bytes.ts';

/** Offsets and lengths in bytes. */
export const RTP = { sequenceNumber: 2, ssrc: 8, headerLength: 12, extensionHeaderLength: 4 } as const;
/** RFC 3711 §3.4: encrypted "from the ninth (9) octet to the end". */
export const RTCP = { ssrc: 4, headerLength: 8 } as const;

/** Bound: what UDP can carry. AES-CM has 16 bits to count the blocks of a packet (RFC 3711 §4.1.1), enough for 2^20 bytes. */
export const MAX_PACKET_LENGTH = 65_535;

/** Where the payload of the RTP packet in `packet[start, end)` begins, behind CSRCs and extension; -1: not RTP. */
export function rtpPayloadStart(packet: Uint8Array, start: number, end: number): number {
  if (end - start < RTP.headerLength || end - start > MAX_PACKET_LENGTH) return -1;
  const first = packet[start]!;
  if (first >> 6 !== 2) return -1;
  let payload = start + RTP.headerLength + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (payload + RTP.extensionHeaderLength > end) return -1;
    payload += RTP.extensionHeaderLength + 4 * u16(packet, payload + 2);
  }
  return payload <= end ? payload : -1;
}

/** Whether `packet[start, end)` may be RTCP: long enough for its first header, and of the right version. */
export function hasRtcpHeader(packet: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  return length >= RTCP.headerLength && length <= MAX_PACKET_LENGTH && packet[start]! >> 6 === 2;
}
