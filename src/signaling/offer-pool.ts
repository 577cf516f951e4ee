/**
 * Offers that wait for somebody to answer: one pool for all of a room's trackers. A tracker hands each offer to one member,
 * nobody knows whom, and many are never answered; so an offer that got no answer for a while is announced again, somewhere
 * else perhaps, until it is too old.
 */
import type { WireId, WireOffer } from './wire.ts';

/** Offers older than this are not answered any more: NATs forget, and trackers too. */
export const OFFER_TTL_MS = 60_000;
/**
 * An offer that was announced may be on its way to somebody, and two cannot have it: it is not announced again before this,
 * unless it is given back. Making an answer takes up to 5 s, more on a busy machine.
 */
export const OFFER_LEASE_MS = 10_000;
/** Bound: each offer is a connection with sockets of its own. */
export const MAX_OFFERS = 10;
/** JSON around an offer's text: field names, and an id of which each character may need an escape of six bytes. */
const OFFER_OVERHEAD_BYTES = 200;

type Offer<Link> = {
  readonly offerId: WireId;
  readonly link: Link;
  /** Empty while candidates are being gathered. */
  sdp: string;
  jsonBytes: number;
  readonly expiresAt: number;
  leasedUntil: number;
};

export class OfferPool<Link> {
  readonly #offers = new Map<WireId, Offer<Link>>();

  /** All there are: ready, announced, or still being made. */
  get size(): number {
    return this.#offers.size;
  }

  /** When the oldest offer expires. */
  get nextTimeout(): number {
    for (const { expiresAt } of this.#offers.values()) return expiresAt; // oldest first
    return Number.POSITIVE_INFINITY;
  }

  /** An offer that is being made. It counts, and expires, but is not announced until it is `ready`. */
  add(offerId: WireId, link: Link, now: number): void {
    const expiresAt = now + OFFER_TTL_MS;
    this.#offers.set(offerId, { offerId, link, sdp: '', jsonBytes: 0, expiresAt, leasedUntil: 0 });
  }

  /** Whether it is still wanted. @param sdp what goes into the announce: sealed, perhaps */
  ready(offerId: WireId, sdp: string): boolean {
    const offer = this.#offers.get(offerId);
    if (offer === undefined) return false;
    offer.sdp = sdp;
    offer.jsonBytes = OFFER_OVERHEAD_BYTES + new TextEncoder().encode(JSON.stringify(sdp)).length;
    return true;
  }

  /** Whether there is an offer that could be announced now. */
  hasIdle(now: number): boolean {
    return [...this.#offers.values()].some((offer) => isIdle(offer, now));
  }

  /** Offers to announce, which are not taken again for a while. A single one may be longer than `maxBytes`. */
  take(maxCount: number, maxBytes: number, now: number): WireOffer[] {
    const taken: Offer<Link>[] = [];
    let bytes = 0;
    for (const offer of this.#offers.values()) {
      if (taken.length === maxCount) break;
      if (!isIdle(offer, now) || (taken.length > 0 && bytes + offer.jsonBytes > maxBytes)) continue;
      bytes += offer.jsonBytes;
      offer.leasedUntil = now + OFFER_LEASE_MS;
      taken.push(offer);
    }
    return taken.map(({ offerId, sdp }) => ({ offerId, sdp }));
  }

  /** Nobody got these: they may be announced again at once. */
  giveBack(offerIds: Iterable<WireId>): void {
    for (const offerId of offerIds) {
      const offer = this.#offers.get(offerId);
      if (offer !== undefined) offer.leasedUntil = 0;
    }
  }

  /** The link of an offer that somebody answered. */
  find(offerId: WireId): Link | undefined {
    return this.#offers.get(offerId)?.link;
  }

  /** It is used up, or failed. */
  delete(offerId: WireId): void {
    this.#offers.delete(offerId);
  }

  /** Takes out what is too old. The caller closes it. */
  expire(now: number): Link[] {
    const expired = [...this.#offers.values()].filter(({ expiresAt }) => now >= expiresAt);
    for (const { offerId } of expired) this.#offers.delete(offerId);
    return expired.map(({ link }) => link);
  }

  /** Takes out everything. The caller closes it. */
  clear(): Link[] {
    const links = [...this.#offers.values()].map(({ link }) => link);
    this.#offers.clear();
    return links;
  }
}

/** An offer that is about to expire is left alone: the answer would come too late. */
function isIdle({ sdp, leasedUntil, expiresAt }: Offer<unknown>, now: number): boolean {
  return sdp !== '' && now >= leasedUntil && now + OFFER_LEASE_MS < expiresAt;
}
