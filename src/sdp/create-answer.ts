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
import { negotiatedRole } from './dtls-role.ts';
import { answeredMedia } from './media-sections.ts';
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
  const answers = possibleAnswers(model, offer);
  const transport = sharedTransport(offer, answers);
  const accepted = new Set(transport === null ? [] : acceptedSections(transport, answers));
  const media = offer.media.map((section) => {
    if (!accepted.has(section)) return rejectedSection(section);
    const offered = effectiveTransport(offer, transport!.tagged);
    const ours = answeringTransport(model.transport, offered);
    return withTransport(answers.get(section)!, ours, answerSetup(offered.setup, state), section === transport!.tagged);
  });
  const bundle = transport?.bundle.filter((section) => accepted.has(section)).map(({ mid }) => mid!) ?? [];
  const hasMedia = [...accepted].some(({ rtp }) => rtp !== null);
  return describe(model, state, commonIceOptions(offer), bundle, media, hasMedia && offer.extmapAllowMixed);
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

/** The offered sections on one transport: the one that speaks for it, then the others of its bundle. */
interface SharedTransport {
  readonly tagged: MediaSection;
  /** Empty where it is alone, and not in a bundle. */
  readonly bundle: readonly MediaSection[];
}

/** There is one transport here: that of the first section which can be taken. */
function sharedTransport(offer: SessionDescription, answers: Answers): SharedTransport | null {
  const byMid = new Map(offer.media.map((section) => [section.mid, section]));
  const tried = new Set<Group>();
  for (const section of answers.keys()) {
    const group = bundleGroup(offer, section.mid);
    if (group === undefined) {
      if (section.port !== 0) return { tagged: section, bundle: [] };
      continue;
    }
    if (tried.has(group)) continue;
    tried.add(group);
    const sections = group.mids.flatMap((mid) => byMid.get(mid) ?? []);
    const tagged = sections.find((member) => answers.has(member) && canSpeak(offer, member, sections[0]!));
    if (tagged === undefined) continue;
    return { tagged, bundle: [tagged, ...sections.filter((member) => member !== tagged)] };
  }
  return null;
}

/**
 * RFC 9143 §7.3.1: where the section that a bundle is tagged with is turned down, the next one speaks for the bundle,
 * if it can: it has a port and a transport of its own. A section that was to be bundled only cannot.
 */
function canSpeak(offer: SessionDescription, section: MediaSection, tagged: MediaSection): boolean {
  if (section.port === 0) return false;
  return section === tagged || section.transport.iceUfrag !== null || offer.transport.iceUfrag !== null;
}

/** What goes over that transport: all there are answers to, and one data section. */
function acceptedSections({ tagged, bundle }: SharedTransport, answers: Answers): readonly MediaSection[] {
  const sections = bundle.length === 0 ? [tagged] : bundle.filter((section) => answers.has(section));
  const data = sections.find(({ sctp }) => sctp !== null);
  return sections.filter((section) => section.sctp === null || section === data);
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
