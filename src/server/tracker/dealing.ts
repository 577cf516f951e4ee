/**
 * Whom offers go to. A small room deals in turn: everybody who has not met the author comes before everybody who has. A large
 * one draws some members and takes the best of those. Better is who seems to be alive, then who was dealt less since it
 * announced, then who announced last.
 */
import type { WireId } from '../../signaling/wire.ts';
import type { OfferOrigin } from './cluster-link.ts';
import type { Dice } from './dice.ts';
import { MAX_REMEMBERED_PAIRS, Member, type Room } from './room.ts';

/** Members looked at for each one chosen, in large rooms: enough to pass over the busy, few enough for 5,000 members. */
const DRAWN_FOR_EACH = 4;
const LEAST_DRAWN = 8;
/** Chosen beyond the offers, for those that turn out to be slow, or to have an offer by the same name. */
const SPARE_TARGETS = 2;

/** Offers of one author: a member here, or somebody on another node. */
export type Deal = {
  readonly origin: Member | OfferOrigin;
  /** Connections that the author has met from another node. */
  readonly met?: ReadonlySet<number>;
  readonly peerId: WireId;
  /** What the relayed messages start with: `Member.relayHead`. */
  readonly head: string;
  readonly offers: readonly DealtOffer[];
  readonly now: number;
};

/** An offer, its description already JSON. */
export type DealtOffer = { readonly offerId: WireId; readonly sdpJson: string };

/** Sends each offer to another member. Returns how many found one. */
export function dealOffers(room: Room, { origin, met, peerId, head, offers, now }: Deal, dice: Dice): number {
  if (offers.length === 0) return 0;
  const author = origin instanceof Member ? origin : null;
  let dealt = 0;
  for (const target of chooseTargets(room, { author, met, peerId, count: offers.length + SPARE_TARGETS, now }, dice)) {
    if (dealt === offers.length) break;
    const { offerId, sdpJson } = offers[dealt]!;
    if (target.session.isSlow || !target.canTake(offerId, origin, now)) continue;
    target.take(offerId, origin, now);
    if (author !== null && room.members.length <= MAX_REMEMBERED_PAIRS) author.pairWith(target, now);
    const text = `${head}${JSON.stringify(offerId)},"offer":{"type":"offer","sdp":${sdpJson}}}`;
    target.session.connection.send(text);
    dealt += 1;
  }
  return dealt;
}

/** What is asked of a choice. `author` is null for somebody on another node, which says whom that one has met. */
type Choice = {
  readonly author: Member | null;
  readonly met: ReadonlySet<number> | undefined;
  readonly peerId: WireId;
  readonly count: number;
  readonly now: number;
};

/** At most `count` different members, the best first, none of them the author under any connection. */
function chooseTargets(room: Room, request: Choice, dice: Dice): Member[] {
  const { members } = room;
  const targets: Member[] = [];
  if (members.length <= MAX_REMEMBERED_PAIRS) {
    const start = dice.below(members.length); // ties go to whoever comes first: not always the same
    for (let i = 0; i < members.length; i++) {
      const index = start + i;
      consider(members[index < members.length ? index : index - members.length]!, request, targets);
    }
    return targets;
  }
  room.draws += 1;
  for (let i = Math.max(LEAST_DRAWN, DRAWN_FOR_EACH * request.count); i > 0; i--) {
    const member = members[dice.below(members.length)]!;
    if (member.drawnIn === room.draws) continue;
    member.drawnIn = room.draws;
    consider(member, request, targets);
  }
  return targets;
}

/** Keeps `targets` sorted: the lists are too short for anything cleverer than insertion. */
function consider(member: Member, request: Choice, targets: Member[]): void {
  if (member === request.author || member.wanted === 0 || member.peerId === request.peerId) return;
  let place = targets.length;
  while (place > 0 && isBetter(member, targets[place - 1]!, request)) place -= 1;
  if (place >= request.count) return;
  if (targets.length < request.count) targets.push(member);
  for (let i = targets.length - 1; i > place; i--) targets[i] = targets[i - 1]!;
  targets[place] = member;
}

function isBetter(a: Member, b: Member, { author, met, now }: Choice): boolean {
  const aQuiet = isQuiet(a, now);
  if (aQuiet !== isQuiet(b, now)) return !aQuiet;
  if (author !== null) {
    const byPair = author.pairedAt(a) - author.pairedAt(b);
    if (byPair !== 0) return byPair < 0;
  }
  if (met !== undefined) {
    const aMet = met.has(a.session.number);
    if (aMet !== met.has(b.session.number)) return !aMet;
  }
  const aSatisfied = a.served >= a.wanted;
  if (aSatisfied !== b.served >= b.wanted) return !aSatisfied;
  if (a.served !== b.served) return a.served < b.served;
  return a.announcedAt > b.announcedAt;
}

/** Missed an announce by more than half an interval, or a ping: likely gone, and not yet known to be. */
function isQuiet(member: Member, now: number): boolean {
  return member.session.missedPings > 0 || now > member.quietAt;
}
