/**
 * The state cookie (RFC 9260 §5.1.3, §5.2.4) as a claim ticket: 128 random bits that stand for state which stays here.
 *
 * The RFC puts the state into the cookie, under a MAC, so that INITs from forged addresses cost no memory. Inside DTLS
 * no one but the peer can send an INIT, and a few entries are all it can fill. A ticket cannot be forged any more than
 * a MAC can, needs no key, and nothing in it can be tampered with: the peer returns it and learns and changes nothing.
 */
import { equalBytes } from '../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import type { InitParameters } from './packet/init-chunk.ts';
import { COOKIE_LIFE_MS } from './timing.ts';

const TICKET_BYTES = 16;

/** Bound: tickets that may come back. The peer makes them, one per INIT it changes; the oldest gives way. */
const MAX_TICKETS = 4;

/** What an association that a COOKIE ECHO brings about begins with. */
export type Ticket = {
  readonly localTag: number;
  readonly localInitialTsn: number;
  readonly peer: InitParameters;
  /** The tags of the association there was when the INIT came; 0 when there was none (RFC 9260 §5.2.2). */
  readonly localTieTag: number;
  readonly peerTieTag: number;
};

type Issued = { readonly cookie: Uint8Array; readonly ticket: Ticket; issuedAt: number };

export class CookieJar {
  readonly #random: RandomSource;
  #issued: Issued[] = [];

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** The cookie given out for this INIT before, if it is a retransmission; its life begins anew. */
  reissue(
    peer: InitParameters,
    localTieTag: number,
    peerTieTag: number,
    now: number,
  ): { cookie: Uint8Array; ticket: Ticket } | null {
    for (const issued of this.#issued) {
      const { ticket } = issued;
      if (ticket.localTieTag !== localTieTag || ticket.peerTieTag !== peerTieTag) continue;
      if (!isSameInit(ticket.peer, peer)) continue;
      issued.issuedAt = now;
      return issued;
    }
    return null;
  }

  issue(ticket: Ticket, now: number): Uint8Array {
    const cookie = randomBytes(this.#random, TICKET_BYTES);
    this.#issued = [{ cookie, ticket, issuedAt: now }, ...this.#issued].slice(0, MAX_TICKETS);
    return cookie;
  }

  /** The state a cookie stands for, and whether its time is over; `null` for a cookie that was not issued. */
  redeem(cookie: Uint8Array, now: number): { ticket: Ticket; isStale: boolean } | null {
    for (const issued of this.#issued) {
      if (!equalBytes(issued.cookie, cookie)) continue;
      return { ticket: issued.ticket, isStale: now - issued.issuedAt > COOKIE_LIFE_MS };
    }
    return null;
  }
}

/** What to do with a COOKIE ECHO when there is an association: the letters of RFC 9260 §5.2.4, Table 12. */
export type CookieAction = 'restart' | 'collision' | 'late' | 'duplicate' | 'discard';

/** @param peerTag 0 while the peer's tag is unknown */
export function cookieAction(ticket: Ticket, localTag: number, peerTag: number): CookieAction {
  const localMatches = ticket.localTag === localTag;
  const peerMatches = ticket.peer.initiateTag === peerTag;
  if (localMatches) return peerMatches ? 'duplicate' : 'collision'; // D, B
  if (peerMatches) return ticket.localTieTag === 0 && ticket.peerTieTag === 0 ? 'late' : 'discard'; // C
  const tiesMatch = ticket.localTieTag === localTag && ticket.peerTieTag === peerTag;
  return tiesMatch ? 'restart' : 'discard'; // A
}

function isSameInit(a: InitParameters, b: InitParameters): boolean {
  return (Object.keys(a) as (keyof InitParameters)[]).every((name) => a[name] === b[name]);
}
