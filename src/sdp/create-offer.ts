/** Offers (RFC 8829 §5.2). */
import {
  bundleGroup,
  effectiveTransport,
  isRejected,
  type MediaSection,
  type SessionDescription,
} from './description.ts';
import { offeredMedia } from './media-sections.ts';
import type { BundlePolicy, LocalModel, NegotiationState } from './model.ts';
import { ExtensionIds, PayloadTypes } from './numbers.ts';
import { DATA_CHANNEL_FORMAT } from './parse.ts';
import { type OfferWants, planOffer } from './plan-offer.ts';
import {
  dataChannelSection,
  describe,
  ICE_OPTIONS,
  rejectedSection,
  sctpAttributes,
  withTransport,
} from './sections.ts';

const DATA_CHANNEL_PROTOCOL = 'UDP/DTLS/SCTP';

/**
 * The next offer: every section of the previous description in its place, the live ones anew, then what is wanted and
 * not there yet.
 */
export function createOffer(model: LocalModel, state: NegotiationState, wants: OfferWants): SessionDescription {
  const plan = planOffer(model, state, wants);
  const payloadTypes = new PayloadTypes(state);
  const extensionIds = new ExtensionIds(state);
  const sections = plan.map((planned, index): MediaSection => {
    switch (planned.use) {
      case 'rejected':
        return rejectedSection(planned.before);
      case 'data':
        return offeredData(model, planned.mid);
      case 'media': {
        const answered = planned.before === null ? null : answeredSection(state, index, planned.mid);
        const transceiver = model.transceivers![planned.transceiver]!;
        return offeredMedia(model, transceiver, planned.mid, { payloadTypes, extensionIds, answered });
      }
      default:
        return planned satisfies never;
    }
  });
  const negotiated = new Set(negotiatedBundle(state));
  const bundle = offeredBundle(sections, [...negotiated]);
  const media = sections.map((section, index) => {
    if (isRejected(section)) return section;
    // RFC 8842 §5.2: "actpass" in every offer, whatever the role is.
    const offered = withTransport(section, model.transport, 'actpass', section.mid === bundle[0]);
    const isNew = section.mid !== bundle[0] && !negotiated.has(section.mid!);
    if (!isNew || !isBundleOnly(sections, index, model.bundlePolicy ?? 'balanced')) return offered;
    return { ...offered, port: 0, bundleOnly: true, rtcp: { ...section.rtcp, muxOnly: false } };
  });
  const hasMedia = media.some((section) => section.rtp !== null && !isRejected(section));
  return describe(model, state, ICE_OPTIONS, bundle, media, hasMedia);
}

/**
 * All live sections. The first one speaks for all: that is the one that did, or another of the bundle there is; if it
 * were a new one, the peer would turn down the whole bundle with it (RFC 9143 §7.3.3). The others stand in the order of
 * their sections: Chromium 156 fails at media that finds itself behind data.
 */
function offeredBundle(sections: readonly MediaSection[], before: readonly string[]): readonly string[] {
  const live = sections.flatMap((section) => (isRejected(section) ? [] : section.mid!));
  const tag = live.find((mid) => mid === before[0]) ?? live.find((mid) => before.includes(mid));
  return tag === undefined ? live : [tag, ...live.filter((mid) => mid !== tag)];
}

function negotiatedBundle({ currentLocal, currentRemote }: NegotiationState): readonly string[] {
  const local = currentLocal?.groups.find(({ semantics }) => semantics === 'BUNDLE');
  return local?.mids.filter((mid) => currentRemote !== null && bundleGroup(currentRemote, mid) !== undefined) ?? [];
}

/** RFC 8829 §5.2.1: sections that are offered for the bundle or not at all. */
function isBundleOnly(sections: readonly MediaSection[], index: number, policy: BundlePolicy): boolean {
  if (policy === 'max-compat') return false;
  const { kind } = sections[index]!;
  return sections
    .slice(0, index)
    .some((section) => !isRejected(section) && (policy === 'max-bundle' || section.kind === kind));
}

/**
 * A live section as it stands in the most recent answer; `null` where there is none. Offers say `a=setup:actpass`, ours
 * always; so where we said that, the peer answered.
 */
function answeredSection(
  { currentLocal, currentRemote }: NegotiationState,
  index: number,
  mid: string,
): MediaSection | null {
  const [ours, theirs] = [currentLocal?.media[index], currentRemote?.media[index]];
  if (!currentLocal || ours === undefined || theirs === undefined || (ours.mid ?? mid) !== mid) return null;
  return effectiveTransport(currentLocal, ours).setup === 'actpass' ? theirs : ours;
}

function offeredData(model: LocalModel, mid: string): MediaSection {
  return dataChannelSection(mid, DATA_CHANNEL_PROTOCOL, [DATA_CHANNEL_FORMAT], sctpAttributes(model.sctp!));
}
