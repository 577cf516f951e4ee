/** What may stand in `sendEncodings` and `encodings` (WebRTC §5.1 "addTransceiver sendEncodings validation", §5.2). */
import type { MediaKind } from '../rtp/codecs.ts';
import {
  getCapabilities,
  isSameCodecAtAnyLevel,
  type RTCRtpCodec,
  type RTCRtpEncodingParameters,
} from './rtp-parameters.ts';

/** Bound on simulcast streams of one sender; what browsers send. More are cut off, as the specification has it. */
const MAX_ENCODINGS: Readonly<Record<MediaKind, number>> = { audio: 1, video: 3 };

/** RFC 8852 §3.1: letters and digits; RFC 8285 §4.2: as many as the one-byte form of a header extension has room for. */
const RID = /^[A-Za-z0-9]{1,16}$/;

/** webrtc-svc §5 lists the modes: `L` spatial layers, independent (`S`) or not, with or without key-frame links. */
const SCALABILITY_MODE = /^[LS][123]T[123](?:h)?(?:_KEY(?:_SHIFT)?)?$/;

/**
 * The encodings of a new sender.
 * @throws TypeError for restriction identifiers that are malformed, repeated, or not there for all
 * @throws RangeError for a scale below 1 or a negative frame rate
 * @throws DOMException OperationError for a codec or a scalability mode that cannot be sent
 */
export function initialEncodings(
  kind: MediaKind,
  given: readonly RTCRtpEncodingParameters[],
): RTCRtpEncodingParameters[] {
  checkRids(given);
  const encodings = given.map((encoding) => ofKind(kind, encoding));
  checkRanges(encodings);
  for (const encoding of encodings) checkSendable(kind, encoding, 'OperationError');
  const kept = encodings.slice(0, MAX_ENCODINGS[kind]);
  if (kept.length === 0) kept.push(ofKind(kind, { active: true }));
  if (kept.length === 1) delete kept[0]!.rid;
  return kind === 'video' ? withScales(kept) : kept;
}

/** Those a peer asks for: `a=simulcast:recv` in its offer. */
export function proposedEncodings(
  rids: readonly { readonly rid: string; readonly paused: boolean }[],
): RTCRtpEncodingParameters[] {
  const encodings = rids.slice(0, MAX_ENCODINGS.video).map(({ rid, paused }) => ({ rid, active: !paused }));
  return withScales(encodings);
}

/**
 * The encodings after `setParameters`.
 * @throws DOMException InvalidModificationError, OperationError; RangeError
 */
export function changedEncodings(
  kind: MediaKind,
  current: readonly RTCRtpEncodingParameters[],
  given: readonly RTCRtpEncodingParameters[],
  negotiated: readonly RTCRtpCodec[],
): RTCRtpEncodingParameters[] {
  if (given.length !== current.length || given.some(({ rid }, i) => rid !== current[i]!.rid)) {
    throw new DOMException('Encodings cannot be added, removed, renamed or reordered', 'InvalidModificationError');
  }
  const encodings = given.map((encoding) => ofKind(kind, encoding));
  checkRanges(encodings);
  for (const encoding of encodings) {
    const { codec } = encoding;
    if (codec !== undefined && negotiated.length > 0 && !negotiated.some((one) => isSameCodecAtAnyLevel(codec, one))) {
      throw new DOMException(`${codec.mimeType} was not negotiated`, 'InvalidModificationError');
    }
    checkSendable(kind, encoding, 'InvalidModificationError');
  }
  if (kind === 'video') for (const encoding of encodings) encoding.scaleResolutionDownBy ??= 1;
  return encodings;
}

function checkRids(encodings: readonly RTCRtpEncodingParameters[]): void {
  const rids = encodings.flatMap(({ rid }) => (rid === undefined ? [] : [rid]));
  for (const rid of rids) if (!RID.test(rid)) throw new TypeError(`'${rid}' is no rid: letters and digits`);
  if (encodings.length > 1 && rids.length < encodings.length) throw new TypeError('every encoding needs a rid');
  if (new Set(rids).size < rids.length) throw new TypeError('a rid is there twice');
}

/** "If kind is audio, remove the scaleResolutionDownBy and maxFramerate members": whatever they were; and the other way. */
function ofKind(kind: MediaKind, encoding: RTCRtpEncodingParameters): RTCRtpEncodingParameters {
  const { adaptivePtime = false, ...shared } = encoding;
  if (kind === 'video') return shared;
  const { scaleResolutionDownBy: _, maxFramerate: __, scalabilityMode: ___, ...rest } = shared;
  return { ...rest, adaptivePtime };
}

function checkRanges(encodings: readonly RTCRtpEncodingParameters[]): void {
  for (const { scaleResolutionDownBy = 1, maxFramerate = 0 } of encodings) {
    if (scaleResolutionDownBy < 1)
      throw new RangeError(`scaleResolutionDownBy is 1 or more, not ${scaleResolutionDownBy}`);
    if (maxFramerate < 0) throw new RangeError(`maxFramerate is 0 or more, not ${maxFramerate}`);
  }
}

/** @param codecError the name of the error for a codec that there is not */
function checkSendable(
  kind: MediaKind,
  { codec, scalabilityMode }: RTCRtpEncodingParameters,
  codecError: 'OperationError' | 'InvalidModificationError',
): void {
  if (codec !== undefined && !getCapabilities(kind)!.codecs.some((one) => isSameCodecAtAnyLevel(codec, one))) {
    throw new DOMException(`${codec.mimeType} cannot be sent like this`, codecError);
  }
  if (scalabilityMode !== undefined && !SCALABILITY_MODE.test(scalabilityMode)) {
    throw new DOMException(`'${scalabilityMode}' is no scalability mode`, 'OperationError');
  }
}

/** Powers of two, the last at full size; where a script gave one scale, 1 for those it left out. */
function withScales(encodings: readonly RTCRtpEncodingParameters[]): RTCRtpEncodingParameters[] {
  const isAnyGiven = encodings.some(({ scaleResolutionDownBy }) => scaleResolutionDownBy !== undefined);
  return encodings.map((encoding, i) => ({
    ...encoding,
    scaleResolutionDownBy: encoding.scaleResolutionDownBy ?? (isAnyGiven ? 1 : 2 ** (encodings.length - i - 1)),
  }));
}
