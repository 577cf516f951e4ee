/**
 * Waiting for the key frame with which an encoding can be followed. When its first packet is late, those behind it have to
 * wait too: they were received, so nobody would send them again.
 */
import type { EncodingPacket } from './encoding-reader.ts';

/** Bound: packets held back; past it all are let go, and the next key frame is waited for. A key frame in 1080p has 100. */
const MAX_HELD_PACKETS = 256;
/** What was not repaired by then never will be. */
const MAX_HELD_MS = 1000;

export class KeyFrameWait {
  #held: EncodingPacket[] = [];
  #heldSince = 0;
  /** The newest picture whose first packet came. */
  #startedTimestamp = -Infinity;

  /** Takes a packet of the encoding while nobody waits for it. */
  pass({ startsFrame, timestamp }: EncodingPacket): void {
    if (this.#held.length > 0) this.#clear();
    if (startsFrame) this.#startedTimestamp = Math.max(this.#startedTimestamp, timestamp);
  }

  /** Takes a packet of the encoding. Whether it is the one to begin with; those in `held` come behind it. */
  isStart(packet: EncodingPacket, now: number): boolean {
    const { timestamp, startsFrame, startsKeyPicture, isNewest } = packet;
    if (this.#held.length > 0 && now - this.#heldSince > MAX_HELD_MS) this.#clear();
    if (startsFrame) this.#startedTimestamp = Math.max(this.#startedTimestamp, timestamp);
    if (startsKeyPicture) {
      // An older one is no use without the packets behind it, which were not kept.
      return isNewest || timestamp === this.#held[0]?.timestamp;
    }
    if (this.#held.length === 0) {
      // A picture goes on whose beginning is missing.
      if (packet.isEmpty || startsFrame || !isNewest || timestamp <= this.#startedTimestamp) return false;
      this.#heldSince = now;
    } else if (startsFrame && timestamp === this.#held[0]!.timestamp && packet.spatialLayer === 0) {
      this.#clear(); // it was no key frame
      return false;
    }
    if (this.#held.length === MAX_HELD_PACKETS) this.#clear();
    else this.#held.push(packet);
    return false;
  }

  /** Hands over what came before the packet to begin with and belongs behind it, in order. */
  takeBehind({ sequence }: EncodingPacket): EncodingPacket[] {
    const behind = this.#held.filter((packet) => packet.sequence > sequence);
    this.#clear();
    return behind.sort((a, b) => a.sequence - b.sequence);
  }

  /** Lets go of what is held, and of what was seen: the encoding begins anew. */
  reset(): void {
    this.#clear();
    this.#startedTimestamp = -Infinity;
  }

  #clear(): void {
    this.#held = [];
  }
}
