/**
 * Retransmission on a stream of its own (RFC 4588 §4): the packet with another SSRC, payload type and sequence number, and
 * its original sequence number (OSN) in front of its payload.
 */
import { setU16, setU32, u16 } from '../../binary/bytes.ts';
import { MAX_ONE_BYTE_ID, ONE_BYTE_PROFILE, RTP, type RtpPacket } from '../packet.ts';

export const OSN_LENGTH = 2;
const PADDING_BIT = 0x20;
const MARKER_BIT = 0x80;

export type RtxStream = {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Ids of RID and repaired RID: where a packet says the one, RTX says the other (RFC 8852 §3). 0: not negotiated. */
  readonly ridId?: number;
  readonly repairedRidId?: number;
};

/**
 * Writes a packet as RTX to target[offset…) and returns where it ends: two bytes more than it had, without its padding.
 * Header extensions are copied; those that tell of the sending (abs-send-time, transport-wide-cc) are the caller's to renew.
 */
export function writeRtx(
  packet: RtpPacket,
  stream: RtxStream,
  sequenceNumber: number,
  target: Uint8Array,
  offset: number,
): number {
  const { bytes, headerLength, payloadEnd } = packet;
  target.set(bytes.subarray(0, headerLength), offset);
  target[offset]! &= ~PADDING_BIT;
  target[offset + RTP.payloadType] = (bytes[RTP.marker]! & MARKER_BIT) | stream.payloadType;
  setU16(target, offset + RTP.sequenceNumber, sequenceNumber);
  setU32(target, offset + RTP.ssrc, stream.ssrc);
  renameRid(packet, stream, target, offset);
  const payload = offset + headerLength;
  setU16(target, payload, packet.sequenceNumber);
  target.set(bytes.subarray(headerLength, payloadEnd), payload + OSN_LENGTH);
  return payload + OSN_LENGTH + payloadEnd - headerLength;
}

function renameRid(
  packet: RtpPacket,
  { ridId = 0, repairedRidId = 0 }: RtxStream,
  target: Uint8Array,
  offset: number,
): void {
  const at = ridId === 0 || repairedRidId === 0 ? -1 : packet.findExtension(ridId);
  if (at < 0) return;
  if (packet.extensionProfile !== ONE_BYTE_PROFILE) {
    target[offset + at - 2] = repairedRidId;
  } else if (repairedRidId <= MAX_ONE_BYTE_ID) {
    target[offset + at - 1] = (repairedRidId << 4) | (packet.extensionLength(at) - 1);
  }
}

/**
 * The packet that was sent again, made in place: RTX's bytes are no longer of use. `null` for one that carries none, which
 * is what padding looks like.
 */
export function unwrapRtx(packet: RtpPacket, ssrc: number, payloadType: number): Uint8Array | null {
  const { bytes, headerLength, payloadEnd } = packet;
  if (payloadEnd - headerLength < OSN_LENGTH) return null;
  const originalSequenceNumber = u16(bytes, headerLength);
  bytes.copyWithin(OSN_LENGTH, 0, headerLength); // the header moves up to the payload, over the OSN
  const original = bytes.subarray(OSN_LENGTH, payloadEnd);
  original[0]! &= ~PADDING_BIT;
  original[RTP.payloadType] = (original[RTP.marker]! & MARKER_BIT) | payloadType;
  setU16(original, RTP.sequenceNumber, originalSequenceNumber);
  setU32(original, RTP.ssrc, ssrc);
  return original;
}
