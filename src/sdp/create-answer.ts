/** Answers (RFC 8829 §5.3): made of what we understand in the offer, never a copy of it. */
import {
  bundleGroup,
  effectiveTransport,
  type MediaSection,
  type SessionDescription,
  type Setup,
  sectionByMid,
  type TransportAttributes,
} from './description.ts';
import { negotiatedRole } from './dtls-role.ts';
import type { LocalModel, LocalSctp, LocalTransport, NegotiationState } from './model.ts';
import {
  dataChannelSection,
  describe,
  ICE_OPTIONS,
  rejectedSection,
  sctpAttributes,
  withTransport,
} from './sections.ts';

/** RFC 8831 §6.2: the streams we allow, said where the older form of a data section asks. */
const LEGACY_STREAMS = 65_535;

/** The answer to `state.pendingRemote`. @throws Error when that is not there */
export function createAnswer(model: LocalModel, state: NegotiationState): SessionDescription {
  const offer = state.pendingRemote;
  if (offer === null) throw new Error('there is no remote offer to answer');
  const accepted = acceptedSections(model, offer);
  const bundle = bundledMids(offer, accepted);
  const tagged = accepted.find(({ mid }) => bundle.length === 0 || mid === bundle[0]);
  const media = offer.media.map((section) => {
    if (!accepted.includes(section)) return rejectedSection(section);
    const answer = answeredData(model.sctp!, section);
    if (section !== tagged) return answer;
    const offered = effectiveTransport(offer, section);
    return withTransport(answer, answeringTransport(model.transport, offered), answerSetup(offered.setup, state));
  });
  return describe(model, state, commonIceOptions(offer), bundle, media);
}

/** One data section, on the one transport there is: what else is offered is turned down. */
function acceptedSections(model: LocalModel, offer: SessionDescription): readonly MediaSection[] {
  if (model.sctp === null) return [];
  const data = offer.media.find((section) => section.sctp !== null && isAcceptable(offer, section));
  return data === undefined ? [] : [data];
}

/**
 * RFC 9143 §7.3.1: where the section that a bundle is tagged with is turned down, the next one speaks for the bundle,
 * if it can: it has a port and a transport of its own. A section that was to be bundled only cannot.
 */
function isAcceptable(offer: SessionDescription, section: MediaSection): boolean {
  if (section.port === 0) return false;
  const tag = bundleGroup(offer, section.mid)?.mids[0];
  const tagged = tag === undefined ? undefined : sectionByMid(offer, tag);
  if (tagged === undefined || tagged === section) return true;
  return section.transport.iceUfrag !== null || offer.transport.iceUfrag !== null;
}

/** The mids of our bundle: those of the offered one that we keep, in its order (RFC 9143 §7.3). */
function bundledMids(offer: SessionDescription, accepted: readonly MediaSection[]): readonly string[] {
  const mids = new Set(accepted.map(({ mid }) => mid));
  const group = bundleGroup(offer, accepted[0]?.mid ?? null);
  return group?.mids.filter((mid) => mids.has(mid)) ?? [];
}

/** RFC 8829 §5.3.1: protocol and format as offered. In the older form the format is the sender's own port. */
function answeredData(sctp: LocalSctp, offered: MediaSection): MediaSection {
  const isLegacy = offered.sctp!.legacyStreams !== null;
  const ours = sctpAttributes(sctp, isLegacy ? LEGACY_STREAMS : null);
  const formats = isLegacy ? [String(ours.port)] : offered.formats.slice(0, 1);
  // RFC 8841 §10.3: "If the offer contained a zero SCTP port value, … the answerer MUST also associate a zero".
  const port = offered.sctp!.port === 0 ? 0 : ours.port;
  return dataChannelSection(offered.mid, offered.protocol, formats, { ...ours, port });
}

/** RFC 8842 §5.3: no `tls-id` where none was offered. */
function answeringTransport(transport: LocalTransport, offered: TransportAttributes): LocalTransport {
  const { tlsId, ...rest } = transport;
  return offered.tlsId === null || tlsId === undefined ? rest : { ...rest, tlsId };
}

/** RFC 8842 §5.3: what the offer leaves us; then the role we have, if there is one; then "active". */
function answerSetup(offered: Setup | null, { currentLocal, currentRemote }: NegotiationState): Setup {
  if (offered === 'active') return 'passive';
  if (offered === 'passive') return 'active';
  return negotiatedRole(currentLocal, currentRemote) === 'server' ? 'passive' : 'active';
}

/** RFC 8829 §5.3.1: an option "is only included if such an option was present in the offer". */
function commonIceOptions(offer: SessionDescription): readonly string[] {
  const transports = [offer.transport, ...offer.media.map((section) => section.transport)];
  return ICE_OPTIONS.filter((option) => transports.some(({ iceOptions }) => iceOptions?.includes(option)));
}
