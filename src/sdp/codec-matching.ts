/**
 * When two sides mean the same format: RFC 3264 §6.1, and the rules of each payload format. A format is given an
 * identity, a text that is equal on both sides exactly when the two can talk; what else is in its parameters is each
 * side's own word on what it takes.
 */
import {
  type CodecFormat,
  codecRole,
  type FormatParameters,
  formatParameter,
  type RtcpFeedback,
} from '../rtp/codecs.ts';

/**
 * RFC 6184 §8.1 infers Baseline, level 1, where nothing is said; who says nothing means what everyone can, and browsers
 * take it for Constrained Baseline, level 3.1.
 */
const H264_DEFAULT_PROFILE_LEVEL_ID = '42e01f';

/** RFC 6184 §8.1, table 5: profile_idc, the bits of profile-iop that count, and their values. */
const H264_PROFILES: readonly (readonly [profile: string, idc: number, mask: number, iop: number])[] = [
  ['constrainedBaseline', 0x42, 0x4f, 0x40],
  ['constrainedBaseline', 0x4d, 0x8f, 0x80],
  ['constrainedBaseline', 0x58, 0xcf, 0xc0],
  ['baseline', 0x42, 0x4f, 0x00],
  ['baseline', 0x58, 0xcf, 0x80],
  ['main', 0x4d, 0xaf, 0x00],
  ['extended', 0x58, 0xcf, 0x00],
  ['high', 0x64, 0xff, 0x00],
  ['constrainedHigh', 0x64, 0xff, 0x0c],
  ['high10', 0x6e, 0xff, 0x00],
  ['high422', 0x7a, 0xff, 0x00],
  ['high444Predictive', 0xf4, 0xff, 0x00],
];

/**
 * Equal for formats that are the same codec in the same configuration. Of RTX, RED and others that speak of payload
 * types it says only what they are; whom they belong to is for the caller to compare.
 */
export function codecIdentity(codec: CodecFormat): string {
  const name = codec.name.toLowerCase();
  return `${name}/${codec.clockRate}/${codec.channels ?? 1}${configuration(name, codec)}`;
}

/** The parameters that must be the same on both sides, with their defaults. */
function configuration(name: string, codec: CodecFormat): string {
  switch (name) {
    case 'h264': // RFC 6184 §8.2.2; the level is not among them
      return ` ${h264Profile(codec)} ${number(codec, 'packetization-mode', 0)}`;
    case 'vp9': // RFC 9628 §6
      return ` ${number(codec, 'profile-id', 0)}`;
    case 'av1': // RTP payload format for AV1 §7.2; level and tier are not among them
      return ` ${number(codec, 'profile', 0)}`;
    case 'h265': // RFC 7798 §7.2.2; the level is not among them
      return [
        '',
        number(codec, 'profile-space', 0),
        number(codec, 'profile-id', 1),
        number(codec, 'tier-flag', 0),
        (formatParameter(codec, 'tx-mode') ?? 'SRST').toUpperCase(),
      ].join(' ');
    default:
      return '';
  }
}

/** The profile by its name, or word for word where it has none here; what is not six digits matches nothing of ours. */
function h264Profile(codec: CodecFormat): string {
  const text = h264ProfileLevelId(codec);
  if (text === null) return 'unreadable';
  const idc = Number.parseInt(text.slice(0, 2), 16);
  const iop = Number.parseInt(text.slice(2, 4), 16);
  const found = H264_PROFILES.find(([, knownIdc, mask, value]) => knownIdc === idc && (iop & mask) === value);
  return found?.[0] ?? text.slice(0, 4);
}

function h264ProfileLevelId(codec: CodecFormat): string | null {
  const text = (formatParameter(codec, 'profile-level-id') ?? H264_DEFAULT_PROFILE_LEVEL_ID).toLowerCase();
  return /^[0-9a-f]{6}$/.test(text) ? text : null;
}

/** Levels in their order. Level 1b stands between 1 and 1.1, and is written in two ways (RFC 6184 §8.2.2). */
function h264Level(profileLevelId: string): number {
  const idc = Number.parseInt(profileLevelId.slice(0, 2), 16);
  const level = Number.parseInt(profileLevelId.slice(4, 6), 16);
  const isConstraintSet3 = (Number.parseInt(profileLevelId.slice(2, 4), 16) & 0x10) !== 0;
  const is1b = level === 9 || (level === 11 && isConstraintSet3 && [0x42, 0x4d, 0x58].includes(idc));
  return is1b ? 10.5 : level;
}

/**
 * What we say in an answer to a format of the same identity: our parameters, with profile and level as the payload
 * format has them agreed on.
 */
export function answeredParameters(ours: CodecFormat, offered: CodecFormat): FormatParameters {
  const parameters = new Map(ours.parameters);
  switch (ours.name.toLowerCase()) {
    case 'h264':
      return answeredH264(parameters, ours, offered);
    case 'h265':
      parameters.set('level-id', lower(ours, offered, 'level-id', 93));
      return parameters;
    case 'av1':
      parameters.set('level-idx', lower(ours, offered, 'level-idx', 5));
      parameters.set('tier', lower(ours, offered, 'tier', 0));
      return parameters;
    default:
      return parameters;
  }
}

/** RFC 6184 §8.2.2: the profile word for word as offered; our level where asymmetry is allowed, else the lower one. */
function answeredH264(
  parameters: Map<string, string | null>,
  ours: CodecFormat,
  offered: CodecFormat,
): FormatParameters {
  const [ourId, offeredId] = [h264ProfileLevelId(ours), h264ProfileLevelId(offered)];
  if (ourId === null || offeredId === null) return parameters;
  const isAsymmetric = allowsLevelAsymmetry(ours) && allowsLevelAsymmetry(offered);
  if (!isAsymmetric) parameters.delete('level-asymmetry-allowed');
  const takesOffered = !isAsymmetric && h264Level(offeredId) < h264Level(ourId);
  parameters.set('profile-level-id', takesOffered ? offeredId : offeredId.slice(0, 4) + ourId.slice(4));
  return parameters;
}

/** What the peer takes, as far as the level that both are bound to goes. */
export function sendParameters(theirs: CodecFormat, ours: CodecFormat): FormatParameters {
  if (theirs.name.toLowerCase() !== 'h264' || (allowsLevelAsymmetry(ours) && allowsLevelAsymmetry(theirs))) {
    return theirs.parameters;
  }
  const [theirId, ourId] = [h264ProfileLevelId(theirs), h264ProfileLevelId(ours)];
  if (theirId === null || ourId === null || h264Level(theirId) <= h264Level(ourId)) return theirs.parameters;
  return new Map(theirs.parameters).set('profile-level-id', theirId.slice(0, 4) + ourId.slice(4));
}

function allowsLevelAsymmetry(codec: CodecFormat): boolean {
  return formatParameter(codec, 'level-asymmetry-allowed') === '1';
}

function lower(a: CodecFormat, b: CodecFormat, name: string, byDefault: number): string {
  return String(Math.min(number(a, name, byDefault), number(b, name, byDefault)));
}

/** What is no number counts as not said. */
function number(codec: CodecFormat, name: string, byDefault: number): number {
  const text = formatParameter(codec, name);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : byDefault;
}

/** The payload type that an `rtx` format repairs (RFC 4588 §8.1); `null` for other formats, and where it is not said. */
export function associatedPayloadType(codec: CodecFormat): number | null {
  if (codecRole(codec) !== 'rtx') return null;
  const text = formatParameter(codec, 'apt');
  return text !== null && /^\d{1,3}$/.test(text) ? Number(text) : null;
}

/** The payload types inside a `red` format, the primary one first: `111/111` (RFC 2198 §5). Empty: not said. */
export function redPayloadTypes(codec: CodecFormat): readonly number[] {
  if (codecRole(codec) !== 'red') return [];
  const list = [...codec.parameters.keys()].find((key) => /^\d{1,3}(\/\d{1,3})*$/.test(key));
  return list?.split('/').map(Number) ?? [];
}

/** The mechanisms of the first list that are in the second, too. */
export function intersectFeedback(
  ours: readonly RtcpFeedback[],
  theirs: readonly RtcpFeedback[],
): readonly RtcpFeedback[] {
  return ours.filter((feedback) => includesFeedback(theirs, feedback));
}

export function includesFeedback(list: readonly RtcpFeedback[], { type, parameter }: RtcpFeedback): boolean {
  return list.some((other) => other.type === type && other.parameter === parameter);
}
