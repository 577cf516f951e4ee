/** Answers (RFC 8829 §5.3): made of what we understand in the offer, never a copy of it. */
import {
  bundleGroup,
  effectiveTransport,
  type Group,
  isRejected,
  type MediaSection,
  type SessionDescription,
  type Setup,
  type TransportAttributes,
} from './description.ts';
import { type DtlsRole, negotiatedRole } from './dtls-role.ts';
import { answeredMedia } from './media-sections.ts';
import type { LocalModel, LocalSctp, LocalTransport, NegotiationState } from './model.ts';
import {
  dataChannelSection,
  describe,
  gatheredBy,
  ICE_OPTIONS,
  rejectedSection,
  sctpAttributes,
  withTransport,
} from './sections.ts';

/** RFC 8831 §6.2: the streams we allow, said where the older form of a data section asks. */
const LEGACY_STREAMS = 65_535;

/**
 * Bound: transports that an offer can make us open, each with a socket on every address of the machine. The sections beyond
 * are turned down, which a bundle would have spared them.
 */
const MAX_TRANSPORTS = 16;

/** The answer to `state.pendingRemote`. @throws Error when that is not there */
export function createAnswer(model: LocalModel, state: NegotiationState): SessionDescription {
  const offer = state.pendingRemote;
  if (offer === null) throw new Error('there is no remote offer to answer');
  const answers = possibleAnswers(model, offer);
  const transports = acceptedTransports(offer, answers, model.bundlePolicy === 'max-bundle' ? 1 : MAX_TRANSPORTS);
  const media = offer.media.map((section, index) => {
    const transport = transports.find(({ accepted }) => accepted.includes(section));
    if (transport === undefined) return rejectedSection(section);
    const offered = effectiveTransport(offer, transport.tagged);
    const ours = answeringTransport(model.transport, offered);
    const setup = answerSetup(offered.setup, roleOn(transport, offer, state));
    const isTagged = section === transport.tagged;
    const gathered = isTagged ? gatheredBy(model, index, transport === transports[0]) : null;
    return withTransport(answers.get(section)!, ours, setup, gathered);
  });
  const bundles = transports.flatMap(({ isBundle, accepted }) => (isBundle ? [accepted.map(({ mid }) => mid!)] : []));
  const hasMedia = transports.some(({ accepted }) => accepted.some(({ rtp }) => rtp !== null));
  return describe(model, state, commonIceOptions(offer), bundles, media, hasMedia && offer.extmapAllowMixed);
}

/** Offered sections with our answers to them. */
type Answers = ReadonlyMap<MediaSection, MediaSection>;

/** What we would answer if there were a transport for each: data, and media that a transceiver stands for. */
function possibleAnswers(model: LocalModel, offer: SessionDescription): Answers {
  const answers = new Map<MediaSection, MediaSection>();
  const transceivers = new Map(model.transceivers?.map((transceiver) => [transceiver.mLineIndex, transceiver]));
  for (const [index, section] of offer.media.entries()) {
    if (isRejected(section)) continue;
    const transceiver = transceivers.get(index);
    if (section.sctp !== null && model.sctp !== null) answers.set(section, answeredData(model.sctp, section));
    if (transceiver === undefined || transceiver.stopped || transceiver.kind !== section.kind) continue;
    const answer = answeredMedia(model, transceiver, offer, section);
    if (answer !== null) answers.set(section, answer);
  }
  return answers;
}

/** A transport that we take, and the offered sections on it. */
interface AcceptedTransport {
  readonly isBundle: boolean;
  /** The section that speaks for it. */
  readonly tagged: MediaSection;
  /** All of them, the tagged one first. */
  readonly accepted: readonly MediaSection[];
}

/**
 * Each bundle, and each section that stands alone, as far as there are answers. There is one data section (RFC 8841
 * §3). @param most how many: one with `max-bundle` (RFC 8829 §4.1.1)
 */
function acceptedTransports(offer: SessionDescription, answers: Answers, most: number): readonly AcceptedTransport[] {
  const transports: AcceptedTransport[] = [];
  const isPlaced = (section: MediaSection): boolean => transports.some(({ accepted }) => accepted.includes(section));
  const hasData = (): boolean => transports.some(({ accepted }) => accepted.some(({ sctp }) => sctp !== null));
  const tried = new Set<Group>();
  for (const section of answers.keys()) {
    const group = bundleGroup(offer, section.mid);
    if (transports.length === most || isPlaced(section) || (group && tried.has(group))) continue;
    if (group === undefined) {
      if (section.port === 0 || (section.sctp !== null && hasData())) continue;
      transports.push({ isBundle: false, tagged: section, accepted: [section] });
      continue;
    }
    tried.add(group);
    const members = offeredMembers(offer, group);
    const tagged = members.find((member) => answers.has(member) && canSpeak(offer, member, members[0]!));
    if (tagged === undefined) continue;
    const others = members.filter((member) => member !== tagged && answers.has(member));
    const data = hasData() ? undefined : [tagged, ...others].find(({ sctp }) => sctp !== null);
    const accepted = [tagged, ...others].filter((member) => member.sctp === null || member === data);
    if (accepted.includes(tagged)) transports.push({ isBundle: true, tagged, accepted });
  }
  return transports;
}

/** In the order of the bundle. */
function offeredMembers({ media }: SessionDescription, { mids }: Group): readonly MediaSection[] {
  return mids.flatMap((mid) => media.find((section) => section.mid === mid) ?? []);
}

/**
 * RFC 9143 §7.3.1: where the section that a bundle is tagged with is turned down, the next one speaks for the bundle,
 * if it can: it has a port and a transport of its own. A section that was to be bundled only cannot.
 */
function canSpeak(offer: SessionDescription, section: MediaSection, tagged: MediaSection): boolean {
  if (section.port === 0) return false;
  return section === tagged || section.transport.iceUfrag !== null || offer.transport.iceUfrag !== null;
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
function answerSetup(offered: Setup | null, role: DtlsRole | null): Setup {
  if (offered === 'active') return 'passive';
  if (offered === 'passive') return 'active';
  return role === 'server' ? 'passive' : 'active';
}

/** The role we have on a transport, where one of its sections was negotiated before. */
function roleOn(
  { accepted }: AcceptedTransport,
  offer: SessionDescription,
  { currentLocal, currentRemote }: NegotiationState,
): DtlsRole | null {
  for (const section of accepted) {
    const role = negotiatedRole(currentLocal, currentRemote, offer.media.indexOf(section));
    if (role !== null) return role;
  }
  return null;
}

/** RFC 8829 §5.3.1: an option "is only included if such an option was present in the offer". */
function commonIceOptions(offer: SessionDescription): readonly string[] {
  const transports = [offer.transport, ...offer.media.map((section) => section.transport)];
  return ICE_OPTIONS.filter((option) => transports.some(({ iceOptions }) => iceOptions?.includes(option)));
}
