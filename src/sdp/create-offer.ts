/** Offers (RFC 8829 §5.2). */
import { isRejected, type MediaSection, type SessionDescription } from './description.ts';
import type { LocalModel, NegotiationState } from './model.ts';
import { DATA_CHANNEL_FORMAT } from './parse.ts';
import {
  dataChannelSection,
  describe,
  ICE_OPTIONS,
  rejectedSection,
  sctpAttributes,
  withTransport,
} from './sections.ts';

const DATA_CHANNEL_PROTOCOL = 'UDP/DTLS/SCTP';

/** What the application did that an offer has to show. */
export interface OfferWants {
  /** A data channel was created. A data section that exists is kept either way. */
  readonly data: boolean;
}

/**
 * The next offer: every section of the previous description in its place, the live ones anew, then what is wanted and
 * not there yet.
 */
export function createOffer(model: LocalModel, state: NegotiationState, wants: OfferWants): SessionDescription {
  const media = previousSections(state).map(({ section, isLive }) =>
    isLive && section.sctp !== null && model.sctp !== null ? offeredData(model, section.mid) : rejectedSection(section),
  );
  if (wants.data && model.sctp !== null && media.every((section) => isRejected(section))) {
    // RFC 8829 §5.2.2: a section with port zero is recycled, "including a new MID value".
    const free = media.findIndex((section) => isRejected(section));
    media[free < 0 ? media.length : free] = offeredData(model, newMid(state));
  }
  const bundle = media.filter((section) => !isRejected(section)).map((section) => section.mid!);
  const tagged = media.map((section) =>
    // RFC 8842 §5.2: "actpass" in every offer, whatever the role is.
    section.mid === bundle[0] && !isRejected(section) ? withTransport(section, model.transport, 'actpass') : section,
  );
  return describe(model, state, ICE_OPTIONS, bundle, tagged);
}

/**
 * What an offer has to go on from. A pending local offer speaks for itself; what is negotiated is alive where neither
 * side turned it down.
 */
function previousSections(state: NegotiationState): { section: MediaSection; isLive: boolean }[] {
  const local = state.pendingLocal ?? state.currentLocal;
  const remote = state.pendingLocal === null ? state.currentRemote : null;
  return (local?.media ?? []).map((section, index) => {
    const theirs = remote?.media[index];
    return { section, isLive: !isRejected(section) && (theirs === undefined || !isRejected(theirs)) };
  });
}

function offeredData(model: LocalModel, mid: string | null): MediaSection {
  return dataChannelSection(mid, DATA_CHANNEL_PROTOCOL, [DATA_CHANNEL_FORMAT], sctpAttributes(model.sctp!));
}

/** A counter that leaks nothing (RFC 8829 §5.2.1), past every mid in sight: one is not used for two sections. */
function newMid(state: NegotiationState): string {
  const { currentLocal, currentRemote, pendingLocal, pendingRemote } = state;
  const used = new Set<string | null>();
  for (const description of [currentLocal, currentRemote, pendingLocal, pendingRemote]) {
    for (const { mid } of description?.media ?? []) used.add(mid);
  }
  let mid = 0;
  while (used.has(String(mid))) mid++;
  return String(mid);
}
