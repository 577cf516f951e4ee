/** Audio and video sections as we write them: what offers and answers have in common (RFC 8829 §5.2.1, §5.3.1). */
import {
  CONGESTION_CONTROL_FEEDBACK,
  type CodecCapability,
  codecCapabilities,
  codecRole,
  type HeaderExtensionCapability,
  headerExtensionCapabilities,
  type MediaKind,
  TRANSPORT_CC_URI,
} from '../rtp/codecs.ts';
import {
  answeredParameters,
  associatedPayloadType,
  codecIdentity,
  includesFeedback,
  intersectFeedback,
  redPayloadTypes,
} from './codec-matching.ts';
import {
  type Direction,
  effectiveDirection,
  effectiveExtensions,
  intersectDirections,
  type MediaSection,
  reverseDirection,
  type SessionDescription,
  sends,
} from './description.ts';
import type { LocalModel, TransceiverModel } from './model.ts';
import type { ExtensionIds, PayloadTypes } from './numbers.ts';
import { type Codec, type HeaderExtension, type Msid, NO_RTP, type RtpAttributes } from './rtp-description.ts';
import { emptySection, rejectedSection, TRICKLE_PORT } from './sections.ts';
import { answeredSimulcast, offeredSimulcast } from './simulcast.ts';

/** RFC 8829 §5.1.2. */
const MEDIA_PROTOCOL = 'UDP/TLS/RTP/SAVPF';

/** What an offer goes by: numbers of the whole session, and what was agreed on for this section before, if anything. */
export interface OfferContext {
  readonly payloadTypes: PayloadTypes;
  readonly extensionIds: ExtensionIds;
  /** The section in the most recent answer, ours or the peer's. */
  readonly answered: MediaSection | null;
}

/** A section of an offer, still without its transport. */
export function offeredMedia(
  model: LocalModel,
  transceiver: TransceiverModel,
  mid: string,
  context: OfferContext,
): MediaSection {
  const { direction, kind } = transceiver;
  const { answered } = context;
  const codecs = offeredCodecs(model, transceiver, context);
  if (codecs.length === 0) return withoutCodecs(kind, mid);
  const offersFeedback = model.congestionControlFeedback === 'offer';
  const isReducedSize = answered === null || answered.rtcp.reducedSize; // RFC 8829 §5.2.2
  const rtp: RtpAttributes = {
    ...NO_RTP,
    codecs,
    feedback:
      offersFeedback && (answered?.rtp == null || hasCongestionFeedback(answered.rtp))
        ? [CONGESTION_CONTROL_FEEDBACK]
        : [],
    extensions: offeredExtensions(transceiver, context),
    ...ownSources(model, transceiver, direction, codecs),
    ...offeredSimulcast(transceiver, direction),
  };
  return {
    ...emptySection(kind, MEDIA_PROTOCOL, formatsOf(codecs), mid),
    port: TRICKLE_PORT,
    direction,
    rtcp: { mux: true, muxOnly: answered === null, reducedSize: isReducedSize },
    rtp,
  };
}

/** A section of an answer, still without its transport; `null` where there is no codec in common. */
export function answeredMedia(
  model: LocalModel,
  transceiver: TransceiverModel,
  offer: SessionDescription,
  offered: MediaSection,
): MediaSection | null {
  const offeredRtp = offered.rtp;
  if (offeredRtp === null) return null;
  const takesFeedback = model.congestionControlFeedback !== 'never' && hasCongestionFeedback(offeredRtp);
  const codecs = answeredCodecs(model, transceiver, offeredRtp, takesFeedback);
  if (!codecs.some((codec) => codecRole(codec) === 'media')) return null;
  const direction = intersectDirections(transceiver.direction, reverseDirection(effectiveDirection(offer, offered)));
  const accepted = new Set(codecs.map(({ payloadType }) => payloadType));
  const rtp: RtpAttributes = {
    ...NO_RTP,
    codecs,
    feedback: takesFeedback ? [CONGESTION_CONTROL_FEEDBACK] : [],
    extensions: answeredExtensions(transceiver, effectiveExtensions(offer, offered)).filter(
      ({ uri }) => !(takesFeedback && uri === TRANSPORT_CC_URI),
    ),
    extmapAllowMixed: offeredRtp.extmapAllowMixed,
    ...ownSources(model, transceiver, direction, codecs),
    ...answeredSimulcast(transceiver, offeredRtp, accepted, direction),
  };
  return {
    ...emptySection(offered.kind, offered.protocol, formatsOf(codecs), offered.mid),
    port: TRICKLE_PORT,
    direction,
    rtcp: { mux: true, muxOnly: false, reducedSize: offered.rtcp.reducedSize },
    rtp,
  };
}

/** Nothing to talk in: the section keeps its place, turned down, with the one format that the grammar wants. */
function withoutCodecs(kind: MediaKind, mid: string): MediaSection {
  return rejectedSection({ ...emptySection(kind, MEDIA_PROTOCOL, ['0'], mid), rtp: NO_RTP });
}

function formatsOf(codecs: readonly Codec[]): readonly string[] {
  return codecs.map(({ payloadType }) => String(payloadType));
}

/** What this transceiver may use of what we have, best first. */
function allowedCodecs(model: LocalModel, { kind, codecPreferences }: TransceiverModel): readonly CodecCapability[] {
  const all = model.codecs?.[kind] ?? codecCapabilities(kind);
  if (codecPreferences === undefined || codecPreferences.length === 0) return all;
  return codecPreferences.flatMap(
    (wanted) => all.find((codec) => codecIdentity(codec) === codecIdentity(wanted)) ?? [],
  );
}

function hasPreferences({ codecPreferences }: TransceiverModel): boolean {
  return codecPreferences !== undefined && codecPreferences.length > 0;
}

function offeredCodecs(model: LocalModel, transceiver: TransceiverModel, context: OfferContext): readonly Codec[] {
  const allowed = allowedCodecs(model, transceiver);
  const repairs = allowed.some((codec) => codecRole(codec) === 'rtx');
  const taken = new Set<number>();
  const codecs: Codec[] = [];
  const add = (format: Omit<Codec, 'payloadType'>, preferred: number | null): Codec | null => {
    const payloadType = context.payloadTypes.assign(format, preferred, taken);
    if (payloadType === null) return null;
    taken.add(payloadType);
    const { name, clockRate, channels, parameters, feedback } = format;
    const codec = { payloadType, name, clockRate, channels, parameters, feedback };
    codecs.push(codec);
    return codec;
  };
  // RED of sound names the codec it repeats, so that has to have its number first; the order is put right below.
  const isRedAudio = (codec: CodecCapability): boolean => transceiver.kind === 'audio' && codecRole(codec) === 'red';
  const places = new Map<number, number>();
  for (const capability of [...allowed].sort((a, b) => Number(isRedAudio(a)) - Number(isRedAudio(b)))) {
    if (codecRole(capability) === 'rtx') continue;
    const format = isRedAudio(capability) ? redAround(capability, codecs) : capability;
    const codec = format && add(format, capability.preferred.payloadType);
    if (codec === null) continue;
    places.set(codec.payloadType, allowed.indexOf(capability));
    if (!repairs || capability.preferred.rtx === null) continue;
    const rtx = add({ ...RTX, parameters: new Map([['apt', String(codec.payloadType)]]) }, capability.preferred.rtx);
    if (rtx !== null) places.set(rtx.payloadType, allowed.indexOf(capability) + 0.5);
  }
  codecs.sort((a, b) => places.get(a.payloadType)! - places.get(b.payloadType)!);
  return afterAnswer(codecs, context.answered?.rtp ?? null, hasPreferences(transceiver));
}

const RTX = { name: 'rtx', clockRate: 90_000, channels: null, feedback: [] } as const;

/** RFC 2198 §5: twice the codec of the same clock, the frame of now and one of before; `null` where there is none. */
function redAround(red: CodecCapability, codecs: readonly Codec[]): CodecCapability | null {
  const inside = codecs.find(
    (codec) =>
      codecRole(codec) === 'media' &&
      codec.clockRate === red.clockRate &&
      (codec.channels ?? 1) === (red.channels ?? 1),
  );
  if (inside === undefined) return null;
  return { ...red, parameters: new Map([[`${inside.payloadType}/${inside.payloadType}`, null]]) };
}

/**
 * RFC 8829 §5.2.2: formats of the most recent answer come first, in its order, unless there are preferences, with the
 * feedback that it has of them; then the others.
 */
function afterAnswer(codecs: readonly Codec[], answer: RtpAttributes | null, isPreferred: boolean): readonly Codec[] {
  if (answer === null || answer.codecs.length === 0) return codecs;
  const order = new Map(answer.codecs.map((codec, index) => [agreedKey(codec), { codec, index }]));
  const adjusted = codecs.map((codec) => {
    const known = order.get(agreedKey(codec));
    if (known === undefined) return codec;
    return { ...codec, feedback: intersectFeedback(codec.feedback, [...known.codec.feedback, ...answer.feedback]) };
  });
  if (isPreferred) return adjusted;
  const place = (codec: Codec): number => order.get(agreedKey(codec))?.index ?? Number.POSITIVE_INFINITY;
  return adjusted
    .map((codec, index) => ({ codec, index, place: place(codec) }))
    .sort((a, b) => (a.place === b.place ? a.index - b.index : a.place - b.place))
    .map(({ codec }) => codec);
}

function agreedKey(codec: Codec): string {
  return `${codec.payloadType} ${codecIdentity(codec)}`;
}

/**
 * RFC 8829 §5.3.1: of the offered formats those we have, with the offer's payload types, in its order, or in that of
 * our preferences. Formats that were not offered may be added; no browser does, and neither do we.
 */
function answeredCodecs(
  model: LocalModel,
  transceiver: TransceiverModel,
  offered: RtpAttributes,
  takesFeedback: boolean,
): readonly Codec[] {
  const allowed = new Map<string, { capability: CodecCapability; rank: number }>();
  for (const [rank, capability] of allowedCodecs(model, transceiver).entries()) {
    if (!allowed.has(codecIdentity(capability))) allowed.set(codecIdentity(capability), { capability, rank });
  }
  const matches = offered.codecs.flatMap((codec, index) => {
    const found = allowed.get(codecIdentity(codec));
    return found === undefined ? [] : [{ codec, index, ...found }];
  });
  const primaries = new Map(
    matches.filter(({ codec }) => codecRole(codec) !== 'rtx').map((m) => [m.codec.payloadType, m]),
  );
  const accepted = matches.filter(({ codec }) => {
    if (codecRole(codec) === 'rtx') return primaries.has(associatedPayloadType(codec) ?? -1);
    return redPayloadTypes(codec).every((payloadType) => primaries.has(payloadType));
  });
  if (hasPreferences(transceiver)) {
    const rank = ({ codec, rank: own }: (typeof accepted)[number]): number =>
      codecRole(codec) === 'rtx' ? primaries.get(associatedPayloadType(codec)!)!.rank + 0.5 : own;
    accepted.sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  }
  return accepted.map(({ codec, capability }) => {
    const { payloadType, name, clockRate, channels } = codec;
    const isTied = ['rtx', 'red'].includes(codecRole(codec));
    const parameters = isTied ? tiedParameters(codec) : answeredParameters(capability, codec);
    const feedback = intersectFeedback(capability.feedback, [...codec.feedback, ...offered.feedback]);
    const kept = takesFeedback ? feedback.filter(({ type }) => type !== 'transport-cc') : feedback;
    return { payloadType, name, clockRate, channels, parameters, feedback: kept };
  });
}

/** Of RTX and RED what ties them to other formats, and nothing else that was offered. */
function tiedParameters(codec: Codec): ReadonlyMap<string, string | null> {
  const apt = associatedPayloadType(codec);
  if (apt !== null) return new Map([['apt', String(apt)]]);
  const inside = redPayloadTypes(codec);
  return inside.length > 0 ? new Map([[inside.join('/'), null]]) : new Map();
}

/** RFC 8888 §6 wants the wildcard; a line for each format is taken, too. */
export function hasCongestionFeedback(rtp: RtpAttributes): boolean {
  return (
    includesFeedback(rtp.feedback, CONGESTION_CONTROL_FEEDBACK) ||
    rtp.codecs.some(({ feedback }) => includesFeedback(feedback, CONGESTION_CONTROL_FEEDBACK))
  );
}

function wantedExtensions({ kind, headerExtensions }: TransceiverModel): readonly HeaderExtensionCapability[] {
  return headerExtensions ?? headerExtensionCapabilities(kind);
}

/** RFC 8829 §5.2.2: once there is an answer, only those that it has; unless the application has said which. */
function offeredExtensions(transceiver: TransceiverModel, context: OfferContext): readonly HeaderExtension[] {
  const isChosen = transceiver.headerExtensions !== undefined;
  const agreed = isChosen ? undefined : context.answered?.rtp?.extensions.map(({ uri }) => uri);
  return wantedExtensions(transceiver).flatMap(({ uri, direction }) => {
    if (direction === 'stopped' || (agreed !== undefined && !agreed.includes(uri))) return [];
    const id = context.extensionIds.assign(uri);
    return id === null ? [] : [{ id, direction: direction === 'sendrecv' ? null : direction, uri, attributes: null }];
  });
}

/** RFC 8285 §6: as offered, in the directions that both want. */
function answeredExtensions(
  transceiver: TransceiverModel,
  offered: readonly HeaderExtension[],
): readonly HeaderExtension[] {
  const wanted = new Map(wantedExtensions(transceiver).map(({ uri, direction }) => [uri, direction]));
  const answered = new Map<string, HeaderExtension>();
  for (const { id, uri, direction: theirs } of offered) {
    const ours = wanted.get(uri);
    if (ours === undefined || ours === 'stopped' || id > 255 || answered.has(uri)) continue;
    const direction = intersectDirections(ours, reverseDirection(theirs ?? 'sendrecv'));
    if (direction === 'inactive') continue;
    answered.set(uri, { id, direction: direction === 'sendrecv' ? null : direction, uri, attributes: null });
  }
  return [...answered.values()];
}

/**
 * Streams and sources, as browsers announce them: no sources where rids tell the streams apart. Of streams an answer tells
 * as soon as the transceiver would send, even if the peer does not want it (RFC 8829 §5.3.1): else we would have to offer.
 * A source of FlexFEC is announced with its codec.
 */
function ownSources(
  model: LocalModel,
  transceiver: TransceiverModel,
  direction: Direction,
  codecs: readonly Codec[],
): Pick<RtpAttributes, 'msids' | 'ssrcs' | 'ssrcGroups'> {
  if (!sends(transceiver.direction)) return { msids: [], ssrcs: [], ssrcGroups: [] };
  const streams = transceiver.streams.length > 0 ? transceiver.streams : ['-'];
  const msids: readonly Msid[] = streams.map((stream) => ({ stream, track: transceiver.trackId }));
  const encodings = model.cname === undefined || !sends(direction) ? [] : (transceiver.sendEncodings ?? []);
  const hasFlexfec = codecs.some((codec) => codecRole(codec) === 'flexfec');
  const announced = encodings.flatMap(({ rid, ssrc, rtxSsrc, fecSsrc }) =>
    rid === null && ssrc != null ? { ssrc, rtxSsrc, fecSsrc: hasFlexfec ? fecSsrc : null } : [],
  );
  const ssrcs = announced.flatMap(({ ssrc, rtxSsrc, fecSsrc }) =>
    [ssrc, rtxSsrc, fecSsrc].flatMap((id) =>
      id == null ? [] : { ssrc: id, cname: model.cname!, msid: msids[0]!, attributes: [] },
    ),
  );
  const ssrcGroups = announced.flatMap(({ ssrc, rtxSsrc, fecSsrc }) => [
    ...(rtxSsrc == null ? [] : [{ semantics: 'FID', ssrcs: [ssrc, rtxSsrc] }]),
    ...(fecSsrc == null ? [] : [{ semantics: 'FEC-FR', ssrcs: [ssrc, fecSsrc] }]),
  ]);
  return { msids, ssrcs, ssrcGroups };
}
