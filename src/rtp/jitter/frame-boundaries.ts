/** Where frames begin and end among the packets of a ring; ranges are half open, in extended sequence numbers. */
import { ENDS_FRAME, FILLER, type PacketRing, STARTS_FRAME, UNCERTAIN_START } from './packet-ring.ts';

/** The first number from `from` to `last` that is missing; `last + 1` when none is. */
export function firstMissing(ring: PacketRing, from: number, last: number): number {
  let number = from;
  while (number <= last && ring.has(number)) number++;
  return number;
}

/** The first number from `from` to `last` that is here; `last + 1` when none is. */
export function firstPresent(ring: PacketRing, from: number, last: number): number {
  let number = from;
  while (number <= last && !ring.has(number)) number++;
  return number;
}

/**
 * How far the packets that are here in a row belong to the frame that begins at `start`: the number of its end, or of the
 * first one that is missing, or that is of another frame. All up to `from` was looked at before.
 */
export function scanFrame(ring: PacketRing, start: number, from: number): number {
  const timestamp = ring.timestamp(start);
  let number = Math.max(start, from);
  for (; ring.has(number); number++) {
    const flags = ring.flags(number);
    if (flags & FILLER) continue;
    if (ring.timestamp(number) !== timestamp || flags & ENDS_FRAME) break;
  }
  return number;
}

/**
 * The number behind the frame that begins at `start`, where `scanFrame` told `scanned`; -1 when it is not whole. A frame
 * without a mark at its end is over when another one begins right behind it.
 */
export function frameEnd(ring: PacketRing, start: number, scanned: number): number {
  if (!ring.has(scanned)) return -1;
  return ring.timestamp(scanned) === ring.timestamp(start) ? scanned + 1 : scanned;
}

/**
 * Whether a frame begins with the packet here.
 * @param boundary a number known to be behind the end of a frame; -1: none is known
 */
export function isFrameStart(ring: PacketRing, number: number, boundary: number): boolean {
  const flags = ring.flags(number);
  if ((flags & STARTS_FRAME) === 0) return false;
  if ((flags & UNCERTAIN_START) === 0) return true;
  let before = number - 1;
  while (before >= boundary && ring.has(before) && ring.flags(before) & FILLER) before--;
  if (before + 1 === boundary) return true;
  if (!ring.has(before) || ring.flags(before) & FILLER) return false;
  return (ring.flags(before) & ENDS_FRAME) !== 0 || ring.timestamp(before) !== ring.timestamp(number);
}

/** The first number from `from` to `last` with which a frame surely begins; `last + 1` when there is none. */
export function firstFrameStart(ring: PacketRing, from: number, last: number): number {
  let number = from;
  while (number <= last && !(ring.has(number) && isFrameStart(ring, number, -1))) number++;
  return number;
}
