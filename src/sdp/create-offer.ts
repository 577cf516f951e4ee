/** Offers (RFC 8829 §5.2). */
import { negotiatedBundles } from './bundles.ts';
import { effectiveTransport, isRejected, type MediaSection, type SessionDescription } from './description.ts';
import { offeredMedia } from './media-sections.ts';
import type { BundlePolicy, LocalModel, NegotiationState } from './model.ts';
import { ExtensionIds, PayloadTypes } from './numbers.ts';
import { DATA_CHANNEL_FORMAT } from './parse.ts';
import { type OfferWants, planOffer } from './plan-offer.ts';
import {
  dataChannelSection,
  describe,
  gatheredBy,
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
  const bundles = offeredBundles(sections, state);
  const tags = tagIndexes(sections, bundles);
  const media = sections.map((section, index) => {
    if (isRejected(section)) return section;
    // RFC 8842 §5.2: "actpass" in every offer, whatever the role is.
    const gathered = tags.includes(index) ? gatheredBy(model, index, index === tags[0]) : null;
    const offered = withTransport(section, model.transport, 'actpass', gathered);
    if (!isBundleOnly(sections, index, bundles, state, model.bundlePolicy ?? 'balanced')) return offered;
    return { ...offered, port: 0, bundleOnly: true, rtcp: { ...section.rtcp, muxOnly: false } };
  });
  const hasMedia = media.some((section) => section.rtp !== null && !isRejected(section));
  return describe(model, state, ICE_OPTIONS, bundles, media, hasMedia);
}

/**
 * The bundles there are, and what is new in the first of them. Sections that were negotiated apart stay so (RFC 8829
 * §5.2.2). In each bundle the first section speaks for all: that is the one that did, or another of the bundle there is;
 * if it were a new one, the peer would turn down the whole bundle with it (RFC 9143 §7.3.3). The others stand in the order
 * of their sections: Chromium 156 fails at media that finds itself behind data.
 */
function offeredBundles(
  sections: readonly MediaSection[],
  { currentLocal, currentRemote }: NegotiationState,
): readonly (readonly string[])[] {
  const { bundles, apart } = negotiatedBundles(currentLocal, currentRemote);
  const live = sections.flatMap((section) => (isRejected(section) ? [] : section.mid!));
  const isNew = (mid: string): boolean => !apart.has(mid) && !bundles.some((mids) => mids.includes(mid));
  const before = bundles.length > 0 ? bundles : [[]];
  return before.flatMap((mids, i) => {
    const members = live.filter((mid) => mids.includes(mid) || (i === 0 && isNew(mid)));
    const tag = members.find((mid) => mid === mids[0]) ?? members.find((mid) => mids.includes(mid));
    if (members.length === 0) return [];
    return [tag === undefined ? members : [tag, ...members.filter((mid) => mid !== tag)]];
  });
}

/** The sections that speak for a transport, in order. */
function tagIndexes(sections: readonly MediaSection[], bundles: readonly (readonly string[])[]): readonly number[] {
  return sections.flatMap((section, index) => {
    if (isRejected(section)) return [];
    const bundle = bundles.find((mids) => mids.includes(section.mid!));
    return bundle === undefined || bundle[0] === section.mid ? [index] : [];
  });
}

/** RFC 8829 §5.2.1: sections that are offered for the bundle or not at all. What was negotiated has its port. */
function isBundleOnly(
  sections: readonly MediaSection[],
  index: number,
  bundles: readonly (readonly string[])[],
  { currentLocal, currentRemote }: NegotiationState,
  policy: BundlePolicy,
): boolean {
  const { kind, mid } = sections[index]!;
  const bundle = bundles.find((mids) => mids.includes(mid!)) ?? [];
  const isNegotiated = negotiatedBundles(currentLocal, currentRemote).bundles.some((mids) => mids.includes(mid!));
  if (policy === 'max-compat' || isNegotiated || bundle[0] === mid) return false;
  return sections
    .slice(0, index)
    .some(
      (section) =>
        !isRejected(section) && bundle.includes(section.mid!) && (policy === 'max-bundle' || section.kind === kind),
    );
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
