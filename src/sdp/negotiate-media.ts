/** What an offer and its answer agree on about media (RFC 8829 §5.10, §5.11). */
import { codecRole, type FormatParameters, type MediaKind, mimeType, TRANSPORT_CC_URI } from '../rtp/codecs.ts';
import {
  associatedPayloadType,
  codecIdentity,
  intersectFeedback,
  redPayloadTypes,
  sendParameters,
} from './codec-matching.ts';
import {
  bundleGroup,
  effectiveDirection,
  effectiveExtensions,
  intersectDirections,
  isRejected,
  type MediaSection,
  receives,
  reverseDirection,
  type SessionDescription,
} from './description.ts';
import { hasCongestionFeedback } from './media-sections.ts';
import type {
  NegotiatedCodec,
  NegotiatedMedia,
  NegotiatedReceiver,
  NegotiatedSender,
  RemoteSource,
} from './negotiated-media.ts';
import type { Codec, HeaderExtension, Msid, RtpAttributes } from './rtp-description.ts';
import { agreedStreams } from './simulcast.ts';

/** RFC 8829 §5.10: a TIAS value from an AS value: 5 % for RTCP, and 40 bytes of header, 50 times a second. */
const AS_TO_TIAS = { factor: 1_000 * 0.95, overhead: 50 * 40 * 8 } as const;

const NO_SENDER: NegotiatedSender = { codecs: [], streams: [], maxBitrate: null, ptime: null, maxptime: null };
const NO_RECEIVER: NegotiatedReceiver = { codecs: [], streams: [], msids: [], sources: [] };

/** Every audio and video section of ours, in order, those turned down too. */
export function negotiateMedia(
  local: SessionDescription,
  remote: SessionDescription,
  answerer: 'local' | 'remote',
): readonly NegotiatedMedia[] {
  const [ourType, theirType] = answerer === 'local' ? (['answer', 'offer'] as const) : (['offer', 'answer'] as const);
  const answer = answerer === 'local' ? local : remote;
  return local.media.flatMap((ours, mLineIndex) => {
    if (ours.rtp === null || (ours.kind !== 'audio' && ours.kind !== 'video')) return [];
    const theirs = remote.media[mLineIndex];
    const mid = ours.mid ?? theirs?.mid ?? null;
    const place: Place = { mLineIndex, mid, kind: ours.kind };
    if (theirs?.rtp == null || isRejected(ours, ourType) || isRejected(theirs, theirType)) return rejected(place);
    const bundledIn = bundleGroup(answer, mid)?.mids[0] ?? null;
    return negotiateSection({ ...place, bundledIn }, { local, remote, ours, theirs, answerer });
  });
}

type Place = Pick<NegotiatedMedia, 'mLineIndex' | 'mid' | 'kind'>;

interface Pair {
  readonly local: SessionDescription;
  readonly remote: SessionDescription;
  readonly ours: MediaSection;
  readonly theirs: MediaSection;
  readonly answerer: 'local' | 'remote';
}

function rejected(place: Place): NegotiatedMedia {
  return {
    ...place,
    rejected: true,
    bundledIn: null,
    direction: 'inactive',
    send: NO_SENDER,
    receive: NO_RECEIVER,
    extensions: [],
    extmapAllowMixed: false,
    congestionFeedback: null,
    reducedSizeRtcp: false,
  };
}

function negotiateSection(place: Place & { bundledIn: string | null }, pair: Pair): NegotiatedMedia {
  const { local, remote, ours, theirs } = pair;
  const [ourRtp, theirRtp] = [ours.rtp!, theirs.rtp!];
  const direction = intersectDirections(
    effectiveDirection(local, ours),
    reverseDirection(effectiveDirection(remote, theirs)),
  );
  const extensions = negotiateExtensions(pair);
  const send = {
    codecs: agreedCodecs(place.kind, theirRtp, ourRtp, sendParameters),
    streams: agreedStreams(ourRtp.simulcast?.send ?? [], theirRtp.simulcast?.receive ?? []),
    maxBitrate: maxBitrate(theirs),
    ptime: theirRtp.ptime,
    maxptime: theirRtp.maxptime,
  };
  return {
    ...place,
    rejected: false,
    direction,
    send,
    receive: {
      codecs: agreedCodecs(place.kind, ourRtp, theirRtp, ({ parameters }) => parameters),
      streams: agreedStreams(theirRtp.simulcast?.send ?? [], ourRtp.simulcast?.receive ?? []),
      msids: receives(direction) ? remoteMsids(theirs) : [],
      sources: remoteSources(theirRtp),
    },
    extensions,
    extmapAllowMixed: allowsMixed(local, ourRtp) && allowsMixed(remote, theirRtp),
    congestionFeedback: congestionFeedback(ourRtp, theirRtp, send.codecs, extensions),
    reducedSizeRtcp: ours.rtcp.reducedSize && theirs.rtcp.reducedSize,
  };
}

/** The formats of `from` that `other` has, too, in the order of `from` and with its payload types. */
function agreedCodecs(
  kind: MediaKind,
  from: RtpAttributes,
  other: RtpAttributes,
  parametersOf: (codec: Codec, match: Codec) => FormatParameters,
): readonly NegotiatedCodec[] {
  const byIdentity = new Map(other.codecs.map((codec) => [codecIdentity(codec), codec]));
  const matches = from.codecs.flatMap((codec) => {
    const match = byIdentity.get(codecIdentity(codec));
    return match === undefined ? [] : [{ codec, match }];
  });
  const primaries = new Map(
    matches.flatMap(({ codec }) =>
      codecRole(codec) === 'rtx' ? [] : [[codec.payloadType, codecIdentity(codec)] as const],
    ),
  );
  const repaired = repairedFormats(other);
  const agreed = matches.filter(({ codec }) => {
    if (codecRole(codec) === 'rtx') return repaired.has(primaries.get(associatedPayloadType(codec) ?? -1) ?? '');
    return redPayloadTypes(codec).every((payloadType) => primaries.has(payloadType));
  });
  const repairs = new Map(agreed.map(({ codec }) => [associatedPayloadType(codec), codec.payloadType]));
  return agreed.map(({ codec, match }) => ({
    ...codec,
    parameters: parametersOf(codec, match),
    feedback: intersectFeedback([...codec.feedback, ...from.feedback], [...match.feedback, ...other.feedback]),
    role: codecRole(codec),
    mimeType: mimeType(kind, codec),
    rtxPayloadType: repairs.get(codec.payloadType) ?? null,
    associatedPayloadType: associatedPayloadType(codec),
    redPayloadTypes: redPayloadTypes(codec),
  }));
}

/** Which formats have RTX, by their identities. */
function repairedFormats({ codecs }: RtpAttributes): ReadonlySet<string> {
  const repaired = new Set(codecs.map(associatedPayloadType));
  return new Set(codecs.flatMap((codec) => (repaired.has(codec.payloadType) ? codecIdentity(codec) : [])));
}

/** What both have; the numbers are the answer's, which are the offer's but where that left them open (RFC 8285 §7). */
function negotiateExtensions({ local, remote, ours, theirs, answerer }: Pair): readonly HeaderExtension[] {
  const other = new Map(effectiveExtensions(remote, theirs).map((extension) => [extension.uri, extension]));
  const agreed = new Map<string, HeaderExtension>();
  for (const extension of effectiveExtensions(local, ours)) {
    const { uri } = extension;
    const match = other.get(uri);
    const id = answerer === 'local' ? extension.id : (match?.id ?? 0);
    if (match === undefined || agreed.has(uri) || id > 255) continue;
    const direction = intersectDirections(
      extension.direction ?? 'sendrecv',
      reverseDirection(match.direction ?? 'sendrecv'),
    );
    if (direction !== 'inactive') agreed.set(uri, { id, uri, direction, attributes: match.attributes });
  }
  return [...agreed.values()];
}

function congestionFeedback(
  ours: RtpAttributes,
  theirs: RtpAttributes,
  codecs: readonly NegotiatedCodec[],
  extensions: readonly HeaderExtension[],
): NegotiatedMedia['congestionFeedback'] {
  const has = (name: string): boolean => codecs.some(({ feedback }) => feedback.some(({ type }) => type === name));
  if (hasCongestionFeedback(ours) && hasCongestionFeedback(theirs)) return 'ccfb';
  if (has('transport-cc') && extensions.some(({ uri }) => uri === TRANSPORT_CC_URI)) return 'transport-cc';
  return has('goog-remb') ? 'remb' : null;
}

function allowsMixed(description: SessionDescription, rtp: RtpAttributes): boolean {
  return description.extmapAllowMixed || rtp.extmapAllowMixed;
}

/** `b=TIAS` (RFC 3890), or `b=AS` as TIAS; in bits per second. */
function maxBitrate({ bandwidths }: MediaSection): number | null {
  const value = (type: string): number | undefined => bandwidths.find((line) => line.type === type)?.value;
  const as = value('AS');
  return value('TIAS') ?? (as === undefined ? null : Math.max(0, as * AS_TO_TIAS.factor - AS_TO_TIAS.overhead));
}

/**
 * The streams and the track of a peer's section: `a=msid`, else what older stacks say of the sources. Empty where
 * nothing is said: the default stream of RFC 8829 §5.10 is for the caller to make. A stream `-` is none.
 */
export function remoteMsids(section: MediaSection): readonly Msid[] {
  if (section.rtp === null) return [];
  if (section.rtp.msids.length > 0) return section.rtp.msids;
  const said = section.rtp.ssrcs.find(({ msid }) => msid !== null)?.msid;
  return said ? [said] : [];
}

/** The rids of the streams that a peer's offer wants from us (W3C: the proposed send encodings), best first. */
export function proposedSendRids(section: MediaSection): readonly string[] {
  const known = new Set(section.rtp?.rids.flatMap(({ id, direction }) => (direction === 'recv' ? id : [])));
  return (section.rtp?.simulcast?.receive ?? []).flatMap(
    (stream) => stream.find(({ rid }) => known.has(rid))?.rid ?? [],
  );
}

/** Sources that send media, each with those that repair it. An ssrc of 0 is a placeholder of some stacks. */
function remoteSources({ ssrcs, ssrcGroups }: RtpAttributes): readonly RemoteSource[] {
  const repairs = { FID: new Map<number, number>(), 'FEC-FR': new Map<number, number>() };
  for (const { semantics, ssrcs: members } of ssrcGroups) {
    const [source, repair] = members;
    if (semantics !== 'FID' && semantics !== 'FEC-FR') continue;
    if (source !== undefined && repair !== undefined) repairs[semantics].set(source, repair);
  }
  const repairing = new Set([...repairs.FID.values(), ...repairs['FEC-FR'].values()]);
  return ssrcs.flatMap(({ ssrc, cname }) => {
    if (ssrc === 0 || repairing.has(ssrc)) return [];
    return [{ ssrc, cname, rtxSsrc: repairs.FID.get(ssrc) ?? null, fecSsrc: repairs['FEC-FR'].get(ssrc) ?? null }];
  });
}
