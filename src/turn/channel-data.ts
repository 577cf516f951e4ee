/** ChannelData (RFC 8656 §12.4): four bytes in front of the data, in place of an indication's thirty-six or more. */
import { setU16, u16 } from '../binary/bytes.ts';

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         Channel Number        |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   /                       Application Data                        /
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const CHANNEL_DATA = { channelNumber: 0, length: 2, data: 4 } as const;

/** RFC 8656 §12: 0x4000 through 0x4FFF; what is above is reserved. */
export const MIN_CHANNEL_NUMBER = 0x4000;
export const MAX_CHANNEL_NUMBER = 0x4fff;

/** The length field has 16 bits. */
export const MAX_CHANNEL_DATA_LENGTH = 0xffff;

export function isChannelNumber(value: number): boolean {
  return value >= MIN_CHANNEL_NUMBER && value <= MAX_CHANNEL_NUMBER;
}

/** Whether a message is ChannelData by its first byte, 64 to 79 (RFC 8656 §12, table 3). */
export function isChannelData(packet: Uint8Array): boolean {
  return packet.length >= CHANNEL_DATA.data && packet[0]! >> 4 === 4;
}

/** The channel of a message for which `isChannelData` holds. */
export function channelNumberOf(packet: Uint8Array): number {
  return u16(packet, CHANNEL_DATA.channelNumber);
}

/**
 * The data of a message for which `isChannelData` holds, as a view; `null` when it is shorter than it claims
 * (RFC 8656 §12.6). Bytes after it are padding, which over UDP "is not required but MAY be included" (§12.5).
 */
export function channelDataOf(packet: Uint8Array): Uint8Array | null {
  const end = CHANNEL_DATA.data + u16(packet, CHANNEL_DATA.length);
  return end > packet.length ? null : packet.subarray(CHANNEL_DATA.data, end);
}

/**
 * A ChannelData message with a copy of `data`.
 * @param padded to a multiple of four bytes: streams must, datagrams need not (RFC 8656 §12.5)
 * @throws RangeError for a number that is no channel's, or data past 65,535 bytes
 */
export function encodeChannelData(channelNumber: number, data: Uint8Array, padded: boolean): Uint8Array {
  if (!isChannelNumber(channelNumber)) {
    throw new RangeError(`a channel number is 0x4000 to 0x4fff, got 0x${channelNumber.toString(16)}`);
  }
  if (data.length > MAX_CHANNEL_DATA_LENGTH) {
    throw new RangeError(`ChannelData carries at most ${MAX_CHANNEL_DATA_LENGTH} bytes, got ${data.length}`);
  }
  const length = CHANNEL_DATA.data + data.length;
  const packet = new Uint8Array(padded ? (length + 3) & ~3 : length);
  setU16(packet, CHANNEL_DATA.channelNumber, channelNumber);
  setU16(packet, CHANNEL_DATA.length, data.length);
  packet.set(data, CHANNEL_DATA.data);
  return packet;
}
