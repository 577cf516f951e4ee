/**
 * The common header of every SCTP packet (RFC 9260 §3.1) and its CRC32c (§6.8).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |      Source Port Number       |    Destination Port Number    |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                       Verification Tag                        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |            Checksum (CRC32c, least significant byte first)    |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { setU16, setU32 } from '../../binary/bytes.ts';
import { crc32c } from '../../binary/crc32.ts';

export const HEADER = { sourcePort: 0, destinationPort: 2, verificationTag: 4, checksum: 8, size: 12 } as const;

/** Writes the header in front of the chunks in `bytes[start + 12, end)` and closes the packet with its checksum. */
export function writeCommonHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  sourcePort: number,
  destinationPort: number,
  verificationTag: number,
): void {
  setU16(bytes, start + HEADER.sourcePort, sourcePort);
  setU16(bytes, start + HEADER.destinationPort, destinationPort);
  setU32(bytes, start + HEADER.verificationTag, verificationTag);
  writeChecksum(bytes, start, end);
}

/** Fills in the checksum of the packet in `bytes[start, end)`. */
export function writeChecksum(bytes: Uint8Array, start: number, end: number): void {
  const at = start + HEADER.checksum;
  setU32(bytes, at, 0);
  setU32LittleEndian(bytes, at, crc32c(bytes, start, end));
}

/** Whether the checksum is right. Leaves zeros in its place: the packet is ours. */
export function takeChecksum(packet: Uint8Array): boolean {
  const at = HEADER.checksum;
  const received = (packet[at]! | (packet[at + 1]! << 8) | (packet[at + 2]! << 16) | (packet[at + 3]! << 24)) >>> 0;
  setU32(packet, at, 0);
  return crc32c(packet) === received;
}

function setU32LittleEndian(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
