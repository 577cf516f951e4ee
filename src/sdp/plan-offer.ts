/** Which section of an offer is for what (RFC 8829 §5.2.1, §5.2.2): places never go, and are used again when free. */
import { isRejected, type MediaSection } from './description.ts';
import type { LocalModel, NegotiationState } from './model.ts';

/** What the application did that an offer has to show. */
export interface OfferWants {
  /** A data channel was created. A data section that exists is kept either way. */
  readonly data: boolean;
}

/** One section of the next offer. */
export type PlannedSection =
  /** It stays turned down, or is turned down now. */
  | { readonly use: 'rejected'; readonly mid: string | null; readonly before: MediaSection }
  | { readonly use: 'data'; readonly mid: string; readonly before: MediaSection | null }
  /** `transceiver` is an index in `model.transceivers`. */
  | { readonly use: 'media'; readonly mid: string; readonly before: MediaSection | null; readonly transceiver: number };

/**
 * The sections of the offer that `createOffer` makes of the same arguments. This is the mapping between transceivers
 * and sections that RFC 8829 §5.2.1 wants remembered until the offer is applied. `before` is what stood in the place
 * for the same use; `null` for a section that is new, or whose place had another.
 */
export function planOffer(model: LocalModel, state: NegotiationState, wants: OfferWants): readonly PlannedSection[] {
  const transceivers = model.transceivers ?? [];
  const mids = new Mids(model, state);
  const free: number[] = [];
  const plan: PlannedSection[] = previousSections(state).map(({ section, isLive, isFree }, index) => {
    if (isFree) free.push(index);
    const transceiver = transceivers.findIndex(({ mLineIndex, stopped }) => mLineIndex === index && !stopped);
    const mid = section.mid ?? transceivers[transceiver]?.mid ?? mids.generate();
    if (isLive && section.sctp !== null && model.sctp !== null) return { use: 'data', mid, before: section };
    if (isLive && section.rtp !== null && transceiver >= 0) return { use: 'media', mid, before: section, transceiver };
    return { use: 'rejected', mid: section.mid, before: section };
  });
  const place = (section: PlannedSection): void => {
    plan[free.shift() ?? plan.length] = section;
  };
  for (const [index, { mLineIndex, stopped }] of transceivers.entries()) {
    if (mLineIndex !== null || stopped) continue;
    place({ use: 'media', mid: mids.generate(), before: null, transceiver: index });
  }
  if (wants.data && model.sctp !== null && !plan.some(({ use }) => use === 'data')) {
    place({ use: 'data', mid: mids.generate(), before: null });
  }
  return plan;
}

/**
 * What an offer has to go on from. A pending local offer speaks for itself; what is negotiated is alive where neither
 * side turned it down. A place is free for another use once that was negotiated: "an 'm=' section with a zero port in
 * the current local description or the current remote description" (RFC 8829 §5.2.2).
 */
function previousSections(state: NegotiationState): { section: MediaSection; isLive: boolean; isFree: boolean }[] {
  const { pendingLocal, currentLocal, currentRemote } = state;
  const local = pendingLocal ?? currentLocal;
  const isDown = (section: MediaSection | undefined): boolean => section !== undefined && isRejected(section);
  return (local?.media ?? []).map((section, index) => {
    const isFree = isDown(currentLocal?.media[index]) || isDown(currentRemote?.media[index]);
    const isLive = !isRejected(section) && (pendingLocal !== null || !isFree);
    return { section, isLive, isFree: isFree && !isLive };
  });
}

/** A counter that leaks nothing (RFC 8829 §5.2.1), past every mid in sight: one is not used for two sections. */
class Mids {
  readonly #used = new Set<string | null>();
  #next = 0;

  constructor(model: LocalModel, { currentLocal, currentRemote, pendingLocal, pendingRemote }: NegotiationState) {
    for (const description of [currentLocal, currentRemote, pendingLocal, pendingRemote]) {
      for (const { mid } of description?.media ?? []) this.#used.add(mid);
    }
    for (const { mid } of model.transceivers ?? []) this.#used.add(mid);
  }

  generate(): string {
    while (this.#used.has(String(this.#next))) this.#next++;
    return String(this.#next++);
  }
}
