/** What statistics have to remember between two calls of `getStats()`. */
import type { Session } from '../session/index.ts';

/** Ids that stay with their objects (WebRTC §8.4: "the same id"). */
export class StatsIds {
  readonly #ids = new WeakMap<object, string>();
  #count = 0;

  of(prefix: string, object: object): string {
    const id = this.#ids.get(object) ?? `${prefix}${++this.#count}`;
    this.#ids.set(object, id);
    return id;
  }
}

export type Traffic = {
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** On the session's clock; of no meaning where nothing was sent, or received. */
  lastPacketSentAt: number;
  lastPacketReceivedAt: number;
};

const NONE: Traffic = {
  packetsSent: 0,
  packetsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  lastPacketSentAt: 0,
  lastPacketReceivedAt: 0,
};

/** The session counts what goes over the selected pair, whichever it is: this tells the pairs' shares. */
export class PairTraffic {
  readonly #shares = new Map<number, Traffic>();
  #selected: number | null = null;
  /** How often another pair, or none, came to be selected. */
  changes = 0;
  /** The session's counters when the present pair was selected. */
  #before: Traffic = NONE;

  /** That pair carries the data from now on. @returns whether it is another one */
  select(pairId: number | null, session: Session): boolean {
    if (pairId === this.#selected) return false;
    this.changes++;
    if (this.#selected !== null) this.#shares.set(this.#selected, this.of(this.#selected, session));
    this.#selected = pairId;
    this.#before = pick(session.stats);
    return true;
  }

  of(pairId: number, session: Session): Traffic {
    const share = this.#shares.get(pairId) ?? NONE;
    return pairId === this.#selected ? add(share, pick(session.stats), this.#before) : share;
  }
}

function pick(stats: Traffic): Traffic {
  const { packetsSent, packetsReceived, bytesSent, bytesReceived, lastPacketSentAt, lastPacketReceivedAt } = stats;
  return { packetsSent, packetsReceived, bytesSent, bytesReceived, lastPacketSentAt, lastPacketReceivedAt };
}

/** `share` and what came between `before` and `now`. */
function add(share: Traffic, now: Traffic, before: Traffic): Traffic {
  const hasSent = now.packetsSent > before.packetsSent;
  const hasReceived = now.packetsReceived > before.packetsReceived;
  return {
    packetsSent: share.packetsSent + now.packetsSent - before.packetsSent,
    packetsReceived: share.packetsReceived + now.packetsReceived - before.packetsReceived,
    bytesSent: share.bytesSent + now.bytesSent - before.bytesSent,
    bytesReceived: share.bytesReceived + now.bytesReceived - before.bytesReceived,
    lastPacketSentAt: hasSent ? now.lastPacketSentAt : share.lastPacketSentAt,
    lastPacketReceivedAt: hasReceived ? now.lastPacketReceivedAt : share.lastPacketReceivedAt,
  };
}
