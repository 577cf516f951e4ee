/**
 * Who is being connected to, and over which offer. Members of a room offer to strangers, so two of them may well offer to
 * each other at once, or meet on several trackers. Here it is decided, the same way on both sides, which of the offers
 * becomes the connection; the others never do.
 *
 * The rules. Nothing replaces a healthy connection. An offer is answered only where no attempt with its sender is under way.
 * When both sides have answered each other's offer, both know both offers, and the lower one (offer id, then the offering
 * peer's id) is the connection. An attempt that has come to nothing for a while gives way to any newer one.
 */
import type { WireId } from './wire.ts';

/** Bound: connections made for offers of others at the same time. Making one costs sockets and a while of gathering. */
export const MAX_ANSWERING = 8;
/** Bound: offers of others that connections are made for, from one announce of ours to the next. */
export const MAX_OFFERS_TAKEN_PER_ANNOUNCE = 32;
/** Bound: peers that are not wanted again. Past it the oldest is forgotten. */
const MAX_REFUSED_PEERS = 1024;
/** An attempt that is no connection this long after its answer is given up for a newer one. */
const STALE_MS = 5_000;
/** An attempt that is no connection this long after its answer has failed. */
export const ATTEMPT_TIMEOUT_MS = 20_000;
/** An answer that is not made by then will not be: the application's hook may take its time, and gathering takes up to 5 s. */
export const ANSWERING_TIMEOUT_MS = 30_000;

const NEVER = Number.POSITIVE_INFINITY;

export type Refusal = 'self' | 'unwanted' | 'duplicate' | 'full' | 'busy' | 'quota';

/**
 * `answering`: their offer, our answer not sent yet. `connecting`: offer and answer are exchanged, as far as we know.
 * `connected`: it works; or did, when it is `isAiling`.
 */
type Attempt<Link> = {
  readonly link: Link;
  readonly offerId: WireId;
  readonly isOurOffer: boolean;
  /** When its phase began. */
  since: number;
  phase: 'answering' | 'connecting' | 'connected';
  isAiling: boolean;
};

export class Pairings<Link> {
  readonly #ownId: WireId;
  readonly #maxPeers: number;
  readonly #attempts = new Map<WireId, Attempt<Link>>();
  readonly #unwanted = new Set<WireId>();
  #quota: number = MAX_OFFERS_TAKEN_PER_ANNOUNCE;

  constructor(ownId: WireId, maxPeers: number) {
    this.#ownId = ownId;
    this.#maxPeers = maxPeers;
  }

  /** Whether a peer is connected, or being connected to. */
  includes(peerId: WireId): boolean {
    return this.#attempts.has(peerId);
  }

  /** How many more there may be. */
  get room(): number {
    return Math.max(0, this.#maxPeers - this.#attempts.size);
  }

  /** When the next attempt fails. */
  get nextTimeout(): number {
    let next = NEVER;
    for (const attempt of this.#attempts.values()) next = Math.min(next, failsAt(attempt));
    return next;
  }

  /** We announced: there is a new allowance of offers. */
  announced(): void {
    this.#quota = MAX_OFFERS_TAKEN_PER_ANNOUNCE;
  }

  /** Why an offer is not answered; `null`: it is. Asked before anything is made for it. */
  consider(peerId: WireId, offerId: WireId, now: number): Refusal | null {
    if (peerId === this.#ownId) return 'self';
    if (this.#unwanted.has(peerId)) return 'unwanted';
    const attempt = this.#attempts.get(peerId);
    if (attempt === undefined && this.room === 0) return 'full';
    if (attempt !== undefined && (attempt.offerId === offerId || !isReplaceable(attempt, now))) return 'duplicate';
    if (this.#answering() >= MAX_ANSWERING) return 'busy';
    if (this.#quota === 0) return 'quota';
    return null;
  }

  /** Begins to answer an offer that `consider` let pass. Returns what it replaces, to be closed. */
  beginAnswer(peerId: WireId, offerId: WireId, link: Link, now: number): Link | null {
    const replaced = this.#attempts.get(peerId)?.link ?? null;
    this.#quota--;
    const phase = 'answering';
    this.#attempts.set(peerId, { link, offerId, isOurOffer: false, since: now, phase, isAiling: false });
    return replaced;
  }

  /** Our answer is on its way. */
  answerSent(peerId: WireId, link: Link, now: number): void {
    const attempt = this.#attempts.get(peerId);
    if (attempt?.link !== link) return;
    attempt.phase = 'connecting';
    attempt.since = now;
  }

  /**
   * A peer answered an offer of ours. Not taken, the offer is as good as before: its connection has heard nothing of it.
   * @returns `loser`: what it replaces, to be closed
   */
  takeAnswer(peerId: WireId, offerId: WireId, link: Link, now: number): { taken: boolean; loser: Link | null } {
    const refused = { taken: false, loser: null };
    if (peerId === this.#ownId || this.#unwanted.has(peerId)) return refused;
    const attempt = this.#attempts.get(peerId);
    if (attempt === undefined ? this.room === 0 : !this.#givesWay(attempt, peerId, offerId, now)) return refused;
    const phase = 'connecting';
    this.#attempts.set(peerId, { link, offerId, isOurOffer: true, since: now, phase, isAiling: false });
    return { taken: true, loser: attempt?.link ?? null };
  }

  connected(peerId: WireId, link: Link): void {
    const attempt = this.#attempts.get(peerId);
    if (attempt?.link === link) attempt.phase = 'connected';
  }

  /** The connection hangs (or works again): meanwhile a new offer of the same peer may replace it. */
  ailing(peerId: WireId, link: Link, isAiling: boolean): void {
    const attempt = this.#attempts.get(peerId);
    if (attempt?.link === link) attempt.isAiling = isAiling;
  }

  /** What connects us to that peer, or is about to. */
  link(peerId: WireId): Link | null {
    return this.#attempts.get(peerId)?.link ?? null;
  }

  /** Whether this link is what connects us to that peer. */
  has(peerId: WireId, link: Link): boolean {
    return this.#attempts.get(peerId)?.link === link;
  }

  /** It is over; unless it was replaced before. */
  delete(peerId: WireId, link: Link): void {
    if (this.has(peerId, link)) this.#attempts.delete(peerId);
  }

  /** Not again. */
  refuse(peerId: WireId): void {
    this.#unwanted.add(peerId);
    if (this.#unwanted.size <= MAX_REFUSED_PEERS) return;
    for (const oldest of this.#unwanted) return void this.#unwanted.delete(oldest);
  }

  /** Takes out attempts that have failed. The caller closes them. */
  expire(now: number): Link[] {
    const failed: Link[] = [];
    for (const [peerId, attempt] of this.#attempts) {
      if (now < failsAt(attempt)) continue;
      this.#attempts.delete(peerId);
      failed.push(attempt.link);
    }
    return failed;
  }

  /** Takes out everything. The caller closes it. */
  clear(): Link[] {
    const links = [...this.#attempts.values()].map(({ link }) => link);
    this.#attempts.clear();
    return links;
  }

  #answering(): number {
    let count = 0;
    for (const { phase } of this.#attempts.values()) if (phase === 'answering') count++;
    return count;
  }

  /** Whether an attempt gives way to an offer of ours that the same peer has answered. */
  #givesWay(attempt: Attempt<Link>, peerId: WireId, offerId: WireId, now: number): boolean {
    if (isReplaceable(attempt, now)) return true;
    if (attempt.phase === 'connected') return false;
    // They have one answer of ours at most, and answer again only when they have given the first attempt up.
    if (attempt.isOurOffer) return true;
    // Our answer is not sent: they know of one offer only, this one.
    if (attempt.phase === 'answering') return true;
    return isLower([offerId, this.#ownId], [attempt.offerId, peerId]);
  }
}

function failsAt({ phase, since }: Attempt<unknown>): number {
  if (phase === 'connected') return NEVER;
  return since + (phase === 'answering' ? ANSWERING_TIMEOUT_MS : ATTEMPT_TIMEOUT_MS);
}

function isReplaceable({ phase, isAiling, since }: Attempt<unknown>, now: number): boolean {
  return phase === 'connected' ? isAiling : phase === 'connecting' && now >= since + STALE_MS;
}

function isLower(a: readonly [WireId, WireId], b: readonly [WireId, WireId]): boolean {
  return a[0] === b[0] ? a[1] < b[1] : a[0] < b[0];
}
