/** How a message becomes DATA chunks (RFC 9260 §6.9). */
import {
  DATA,
  DATA_FLAG_BEGIN,
  DATA_FLAG_END,
  DATA_FLAG_UNORDERED,
  dataChunkSize,
  writeDataChunk,
} from '../packet/data-chunk.ts';
import type { PacketWriter } from '../packet/packet-writer.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** A fragment may fill up a packet that others began when it gets this share of it; less is not worth a chunk. */
const MIN_FRAGMENT_SHARE = 1 / 4;

/** How many bytes of the message's rest go into this packet; 0 when it should wait for the next. */
export function fragmentLength(message: OutgoingMessage, packet: PacketWriter): number {
  const rest = message.data.length - message.sent;
  const room = packet.room - DATA.userData;
  if (rest <= room) return rest;
  const fitsOnePacket = message.data.length <= packet.capacity - DATA.userData;
  if (!packet.isEmpty && (fitsOnePacket || room < MIN_FRAGMENT_SHARE * packet.capacity)) return 0;
  return Math.max(room & ~3, 0); // in full words: padding would be wasted
}

/** Appends the chunk that carries `length` bytes of the message from `offset` on. */
export function writeFragment(
  packet: PacketWriter,
  message: OutgoingMessage,
  tsn: number,
  offset: number,
  length: number,
): void {
  let flags = 0;
  if (offset === 0) flags |= DATA_FLAG_BEGIN;
  if (offset + length === message.data.length) flags |= DATA_FLAG_END;
  if (message.unordered) flags |= DATA_FLAG_UNORDERED;
  const { bytes, at } = packet;
  writeDataChunk(bytes, at, flags, tsn, message.stream.id, message.ssn, message.ppid, message.data, offset, length);
  packet.at = at + dataChunkSize(length);
}
