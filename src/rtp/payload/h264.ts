/**
 * H.264 (RFC 6184): single NAL units, STAP-A and FU-A, which is all that packetization modes 0 and 1 have. Frames are
 * byte streams (Annex B).
 */
import { findNalUnits } from './annex-b.ts';
import { type H264Sps, parseH264Sps } from './h264-sps.ts';
import {
  assembleNalUnits,
  FU_START,
  isWellFormedAggregate,
  type NalUnitPacketization,
  type NalUnitSyntax,
  packetizeNalUnits,
} from './nal-unit-payloads.ts';
import type { EncodedFrame, FrameMetadata, OpenPayload, PayloadFormat, PayloadInfo } from './types.ts';

/** Types of NAL units (H.264 table 7-1), and of payloads (RFC 6184 table 1). */
export const H264_NAL = {
  slice: 1,
  partitionA: 2,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
  endOfSequence: 10,
  endOfStream: 11,
  filler: 12,
  stapA: 24,
  fuA: 28,
} as const;
/** 24 and above are types of payloads; 0 is nothing. */
const MAX_NAL_UNIT_TYPE = 23;
const NRI_MASK = 0x60;
const FORBIDDEN_BIT = 0x80;

const SYNTAX: NalUnitSyntax = {
  headerLength: 1,
  aggregationType: H264_NAL.stapA,
  fragmentType: H264_NAL.fuA,
  typeOf: (header) => header & 0x1f,
  fragmentTypeMask: 0x1f, // the bit above "MUST be ignored by the receiver" (RFC 6184 §5.8)
  isNalUnit: (type) => type > 0 && type <= MAX_NAL_UNIT_TYPE,
  // RFC 6184 §5.7: F of any of them, and "the maximum of all the NRI values".
  writeAggregationHeader(payload, stream, ranges, from, to) {
    let forbidden = 0;
    let nri = 0;
    for (let i = from; i < to; i += 2) {
      const header = stream[ranges[i]!]!;
      forbidden |= header & FORBIDDEN_BIT;
      nri = Math.max(nri, header & NRI_MASK);
    }
    payload[0] = forbidden | nri | H264_NAL.stapA;
  },
  writeFragmentHeader(payload, stream, start, startAndEnd) {
    const header = stream[start]!;
    payload[0] = (header & 0xe0) | H264_NAL.fuA;
    payload[1] = startAndEnd | (header & 0x1f);
  },
  writeUnitHeader(stream, at, payload) {
    stream[at] = (payload[0]! & 0xe0) | (payload[1]! & 0x1f);
  },
};

export type H264FormatOptions = {
  /** What the receiver takes (RFC 6184 §6): 1 everything here; 0 whole NAL units only, so large ones cannot be sent. Default 1. */
  readonly packetizationMode?: 0 | 1;
};

/**
 * A key frame is one with an IDR picture. When its parameter sets travel apart, `ParameterSets` puts them back.
 *
 * A picture may begin with any of several kinds of NAL unit, all but the first slice optional, so most starts are
 * uncertain. An SPS is taken for certain: nothing that matters stands in front of it.
 */
export class H264Format implements PayloadFormat {
  readonly #packetization: NalUnitPacketization;

  constructor(options: H264FormatOptions = {}) {
    const isNonInterleaved = (options.packetizationMode ?? 1) === 1;
    this.#packetization = { aggregates: isNonInterleaved, fragments: isNonInterleaved };
  }

  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean {
    return packetizeNalUnits(SYNTAX, this.#packetization, frame.data, maxPayloadLength, open);
  }

  inspect(payload: Uint8Array): PayloadInfo | null {
    if (payload.length === 0) return null;
    const type = payload[0]! & 0x1f;
    if (SYNTAX.isNalUnit(type)) {
      return { ...startOfPicture(payload, 0, 1), isKeyFrame: isOfKeyFrame(type) };
    }
    if (type === H264_NAL.fuA) {
      const fuHeader = payload[1];
      if (fuHeader === undefined || !SYNTAX.isNalUnit(fuHeader & 0x1f)) return null;
      const start = (fuHeader & FU_START) !== 0 ? startOfPicture(payload, 1, 2) : NO_START;
      return { ...start, isKeyFrame: isOfKeyFrame(fuHeader & 0x1f) };
    }
    if (type !== H264_NAL.stapA || !isWellFormedAggregate(SYNTAX, payload)) return null;
    let isKeyFrame = false;
    for (let at = 1; at < payload.length; at += 2 + ((payload[at]! << 8) | payload[at + 1]!)) {
      isKeyFrame ||= isOfKeyFrame(payload[at + 2]! & 0x1f);
    }
    return { ...startOfPicture(payload, 3, 4), isKeyFrame };
  }

  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null {
    const data = assembleNalUnits(SYNTAX, payloads);
    return data && { data, ...describeH264Frame(data) };
  }
}

/** What a byte stream of one picture says of itself: whether it is a key frame, its size where it has an SPS. */
export function describeH264Frame(stream: Uint8Array): { isKeyFrame: boolean; metadata: FrameMetadata } {
  const ranges = findNalUnits(stream) ?? [];
  let isKeyFrame = false;
  let isDiscardable = true;
  let sps: H264Sps | null = null;
  for (let i = 0; i < ranges.length; i += 2) {
    const header = stream[ranges[i]!]!;
    const type = header & 0x1f;
    if (type === H264_NAL.idr) isKeyFrame = true;
    if (type === H264_NAL.sps) sps = parseH264Sps(stream.subarray(ranges[i]!, ranges[i + 1]!)) ?? sps;
    if ((header & NRI_MASK) !== 0) isDiscardable = false; // §7.4.1: nal_ref_idc 0 is no reference
  }
  return { isKeyFrame, metadata: { isDiscardable, ...(sps && { width: sps.width, height: sps.height }) } };
}

/** Whether a NAL unit of this type is the sign of a key frame: real-time encoders write an SPS in front of those alone. */
function isOfKeyFrame(type: number): boolean {
  return type === H264_NAL.idr || type === H264_NAL.sps;
}

type Start = Pick<PayloadInfo, 'startsFrame' | 'isStartUncertain'>;

const NO_START: Start = { startsFrame: false };
const START: Start = { startsFrame: true };
const UNCERTAIN_START: Start = { startsFrame: true, isStartUncertain: true };

/** Whether a picture begins with this NAL unit (H.264 §7.4.1.2.3), given where its type and its content are. */
function startOfPicture(payload: Uint8Array, typeAt: number, contentAt: number): Start {
  const type = payload[typeAt]! & 0x1f;
  switch (type) {
    case H264_NAL.accessUnitDelimiter:
    case H264_NAL.sps:
      return START;
    case H264_NAL.slice:
    case H264_NAL.partitionA:
    case H264_NAL.idr:
      // first_mb_in_slice is 0 when its ue(v) is one bit, 1.
      return ((payload[contentAt] ?? 0) & 0x80) !== 0 ? UNCERTAIN_START : NO_START;
    case H264_NAL.sei:
    case H264_NAL.pps:
      return UNCERTAIN_START;
    default:
      // Prefixes, subset SPS and reserved ones stand before the first slice, others behind it.
      return type >= 14 && type <= 18 ? UNCERTAIN_START : NO_START;
  }
}
