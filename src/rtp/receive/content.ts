/** What a packet carries inside of it, as a packet of its own: RED (RFC 2198) taken apart. */
import { setU16, setU32 } from '../../binary/bytes.ts';
import { RTP, type RtpPacket } from '../packet.ts';

const PADDING_BIT = 0x20;
const MARKER_BIT = 0x80;

/** A packet with the header of another one, but for these fields, and another payload. */
export function withContent(
  packet: RtpPacket,
  payloadType: number,
  sequenceNumber: number,
  timestamp: number,
  payload: Uint8Array,
): Uint8Array {
  const { headerLength } = packet;
  const bytes = new Uint8Array(headerLength + payload.length);
  bytes.set(packet.bytes.subarray(0, headerLength));
  bytes.set(payload, headerLength);
  bytes[0]! &= ~PADDING_BIT;
  bytes[RTP.payloadType] = (bytes[RTP.marker]! & MARKER_BIT) | payloadType;
  setU16(bytes, RTP.sequenceNumber, sequenceNumber);
  setU32(bytes, RTP.timestamp, timestamp);
  return bytes;
}
