/**
 * The frame of a record (RFC 6347 §4.1); the same before and after protection.
 *
 *     struct {
 *         ContentType type;
 *         ProtocolVersion version;
 *         uint16 epoch;
 *         uint48 sequence_number;
 *         uint16 length;
 *         opaque fragment[DTLSPlaintext.length];
 *     } DTLSPlaintext;
 */
import { setU16, setU32, u16, u48 } from '../binary/bytes.ts';

export const CONTENT_TYPE = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

const RECORD = { type: 0, version: 1, epoch: 3, sequenceNumber: 5, length: 11, size: 13 } as const;

export const RECORD_HEADER_LENGTH: number = RECORD.size;
/** RFC 5246 §6.2.1: "The length MUST NOT exceed 2^14." */
export const MAX_PLAINTEXT_LENGTH = 16_384;
/** RFC 5246 §6.2.3: "The length MUST NOT exceed 2^14 + 2048." */
export const MAX_CIPHERTEXT_LENGTH: number = MAX_PLAINTEXT_LENGTH + 2048;
/** 48 bits; RFC 6347 §4.1: "MUST NOT allow the sequence number to wrap". */
export const MAX_SEQUENCE_NUMBER: number = 2 ** 48 - 1;

/** Where the record at `start` ends; -1 when it does not lie in the datagram as a whole. */
export function recordEnd(datagram: Uint8Array, start: number): number {
  if (datagram.length - start < RECORD.size) return -1;
  const end = start + RECORD.size + u16(datagram, start + RECORD.length);
  return end <= datagram.length ? end : -1;
}

export function recordType(datagram: Uint8Array, start: number): number {
  return datagram[start + RECORD.type]!;
}

export function recordVersion(datagram: Uint8Array, start: number): number {
  return u16(datagram, start + RECORD.version);
}

export function recordEpoch(datagram: Uint8Array, start: number): number {
  return u16(datagram, start + RECORD.epoch);
}

export function recordSequenceNumber(datagram: Uint8Array, start: number): number {
  return u48(datagram, start + RECORD.sequenceNumber);
}

/** Writes the header whose fragment of `length` bytes follows it. */
export function writeRecordHeader(
  datagram: Uint8Array,
  start: number,
  type: number,
  version: number,
  epoch: number,
  sequenceNumber: number,
  length: number,
): void {
  datagram[start + RECORD.type] = type;
  setU16(datagram, start + RECORD.version, version);
  setU16(datagram, start + RECORD.epoch, epoch);
  setU16(datagram, start + RECORD.sequenceNumber, Math.floor(sequenceNumber / 0x1_0000_0000));
  setU32(datagram, start + RECORD.sequenceNumber + 2, sequenceNumber >>> 0);
  setU16(datagram, start + RECORD.length, length);
}
