/**
 * H.265 (RFC 7798): single NAL units, aggregation packets, fragmentation units, and payloads with PACI around them.
 * Without decoding order numbers (sprop-max-don-diff is 0), as in WebRTC. Frames are byte streams (Annex B).
 */
import { findNalUnits } from './annex-b.ts';
import { type H265Sps, parseH265Sps } from './h265-sps.ts';
import {
  assembleNalUnits,
  FU_START,
  isWellFormedAggregate,
  type NalUnitPacketization,
  type NalUnitSyntax,
  packetizeNalUnits,
} from './nal-unit-payloads.ts';
import type { EncodedFrame, FrameMetadata, OpenPayload, PayloadFormat, PayloadInfo } from './types.ts';

/** Types of NAL units (H.265 table 7-1), and of payloads (RFC 7798 §4.4). */
export const H265_NAL = {
  firstIrap: 16,
  lastIrap: 23,
  lastSlice: 31,
  vps: 32,
  sps: 33,
  pps: 34,
  accessUnitDelimiter: 35,
  endOfSequence: 36,
  endOfBitstream: 37,
  filler: 38,
  prefixSei: 39,
  suffixSei: 40,
  aggregation: 48,
  fragmentation: 49,
  paci: 50,
} as const;
const MAX_NAL_UNIT_TYPE = 47;
const PACI_HEADER_LENGTH = 4;
const PACKETIZATION: NalUnitPacketization = { aggregates: true, fragments: true };

const SYNTAX: NalUnitSyntax = {
  headerLength: 2,
  aggregationType: H265_NAL.aggregation,
  fragmentType: H265_NAL.fragmentation,
  typeOf,
  fragmentTypeMask: 0x3f,
  isNalUnit: (type) => type <= MAX_NAL_UNIT_TYPE,
  // RFC 7798 §4.4.2: F of any of them, the lowest LayerId, the lowest TID.
  writeAggregationHeader(payload, stream, ranges, from, to) {
    let forbidden = 0;
    let layerId = 0x3f;
    let temporalId = 7;
    for (let i = from; i < to; i += 2) {
      const start = ranges[i]!;
      forbidden |= stream[start]! & 0x80;
      layerId = Math.min(layerId, ((stream[start]! & 1) << 5) | (stream[start + 1]! >> 3));
      temporalId = Math.min(temporalId, stream[start + 1]! & 7);
    }
    payload[0] = forbidden | (H265_NAL.aggregation << 1) | (layerId >> 5);
    payload[1] = ((layerId & 0x1f) << 3) | temporalId;
  },
  writeFragmentHeader(payload, stream, start, startAndEnd) {
    payload[0] = (stream[start]! & 0x81) | (H265_NAL.fragmentation << 1);
    payload[1] = stream[start + 1]!;
    payload[2] = startAndEnd | typeOf(stream[start]!);
  },
  writeUnitHeader(stream, at, payload) {
    stream[at] = (payload[0]! & 0x81) | ((payload[2]! & 0x3f) << 1);
    stream[at + 1] = payload[1]!;
  },
};

/**
 * A key frame is one with an IRAP picture (IDR, CRA or BLA). As with H.264, most starts of frames are uncertain, and
 * `ParameterSets` puts back what travels apart.
 */
export class H265Format implements PayloadFormat {
  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean {
    return packetizeNalUnits(SYNTAX, PACKETIZATION, frame.data, maxPayloadLength, open);
  }

  inspect(payload: Uint8Array): PayloadInfo | null {
    const content = withoutPaci(payload);
    if (content === null) return null;
    const type = typeOf(content[0]!);
    if (SYNTAX.isNalUnit(type)) {
      return { ...startOfPicture(type, content[2]), isKeyFrame: isOfKeyFrame(type) };
    }
    if (type === H265_NAL.fragmentation) {
      const fuHeader = content[2];
      if (fuHeader === undefined || !SYNTAX.isNalUnit(fuHeader & 0x3f)) return null;
      const unitType = fuHeader & 0x3f;
      const start = (fuHeader & FU_START) !== 0 ? startOfPicture(unitType, content[3]) : NO_START;
      return { ...start, isKeyFrame: isOfKeyFrame(unitType) };
    }
    if (type !== H265_NAL.aggregation || !isWellFormedAggregate(SYNTAX, content)) return null;
    let isKeyFrame = false;
    for (let at = 2; at < content.length; at += 2 + ((content[at]! << 8) | content[at + 1]!)) {
      isKeyFrame ||= isOfKeyFrame(typeOf(content[at + 2]!));
    }
    return { ...startOfPicture(typeOf(content[4]!), content[6]), isKeyFrame };
  }

  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null {
    const contents: Uint8Array[] = [];
    for (const payload of payloads) {
      const content = withoutPaci(payload);
      if (content === null) return null;
      contents.push(content);
    }
    const data = assembleNalUnits(SYNTAX, contents);
    return data && { data, ...describeH265Frame(data) };
  }
}

/** What a byte stream of one picture says of itself: whether it is a key frame, its layer, its size where it has an SPS. */
export function describeH265Frame(stream: Uint8Array): { isKeyFrame: boolean; metadata: FrameMetadata } {
  const ranges = findNalUnits(stream) ?? [];
  let isKeyFrame = false;
  let temporalLayer = -1;
  let sps: H265Sps | null = null;
  for (let i = 0; i < ranges.length; i += 2) {
    const type = typeOf(stream[ranges[i]!]!);
    if (isIrap(type)) isKeyFrame = true;
    if (type <= H265_NAL.lastSlice && temporalLayer < 0) temporalLayer = (stream[ranges[i]! + 1]! & 7) - 1;
    if (type === H265_NAL.sps) sps = parseH265Sps(stream.subarray(ranges[i]!, ranges[i + 1]!)) ?? sps;
  }
  const size = sps && { width: sps.width, height: sps.height };
  return { isKeyFrame, metadata: { ...(temporalLayer >= 0 && { temporalLayer }), ...size } };
}

/**
 * The payload inside a PACI packet (RFC 7798 §4.4.4), and any other as it is. The header extension, which would tell of
 * temporal layers (TSCI), is passed over. `null` when it is cut short, or PACI in PACI.
 */
function withoutPaci(payload: Uint8Array): Uint8Array | null {
  if (payload.length < SYNTAX.headerLength) return null;
  if (typeOf(payload[0]!) !== H265_NAL.paci) return payload;
  if (payload.length < PACI_HEADER_LENGTH) return null;
  const contentType = typeOf(payload[2]!);
  const extensionLength = ((payload[2]! & 1) << 4) | (payload[3]! >> 4);
  const start = PACI_HEADER_LENGTH + extensionLength - SYNTAX.headerLength;
  if (contentType === H265_NAL.paci || start + SYNTAX.headerLength >= payload.length) return null;
  const content = payload.slice(start); // a copy: the header goes where the extension ends
  content[0] = (payload[2]! & 0xfe) | (payload[0]! & 1);
  content[1] = payload[1]!;
  return content;
}

function typeOf(header: number): number {
  return (header >> 1) & 0x3f;
}

function isIrap(type: number): boolean {
  return type >= H265_NAL.firstIrap && type <= H265_NAL.lastIrap;
}

/** Whether a NAL unit of this type is the sign of a key frame: real-time encoders write VPS and SPS in front of those alone. */
function isOfKeyFrame(type: number): boolean {
  return isIrap(type) || type === H265_NAL.vps || type === H265_NAL.sps;
}

type Start = Pick<PayloadInfo, 'startsFrame' | 'isStartUncertain'>;

const NO_START: Start = { startsFrame: false };
const START: Start = { startsFrame: true };
const UNCERTAIN_START: Start = { startsFrame: true, isStartUncertain: true };

/** Whether a picture begins with this NAL unit (H.265 §7.4.2.4.4), given its type and the first byte of its content. */
function startOfPicture(type: number, content = 0): Start {
  // first_slice_segment_in_pic_flag
  if (type <= H265_NAL.lastSlice) return (content & 0x80) !== 0 ? UNCERTAIN_START : NO_START;
  if (type === H265_NAL.accessUnitDelimiter || type === H265_NAL.vps) return START;
  if (type === H265_NAL.sps || type === H265_NAL.pps || type === H265_NAL.prefixSei) return UNCERTAIN_START;
  return type >= 41 && type <= 44 ? UNCERTAIN_START : NO_START; // reserved, and in front of the first slice
}
