/**
 * What RFC 6184 (H.264) and RFC 7798 (H.265) have in common: a payload is one NAL unit, several small ones, or a
 * fragment of a large one, and its first byte or two, built as a NAL unit's header, say which.
 */
import { setU16, u16 } from '../../binary/bytes.ts';
import { findNalUnits, START_CODE_LENGTH, writeNalUnit } from './annex-b.ts';
import { evenCut } from './even-parts.ts';
import type { OpenPayload } from './types.ts';

/** The bits of the FU header, in both formats (RFC 6184 §5.8, RFC 7798 §4.4.3). */
export const FU_START = 0x80;
export const FU_END = 0x40;
/** Each NAL unit of an aggregation packet stands behind its length in 16 bits. */
const UNIT_LENGTH_SIZE = 2;
const MAX_UNIT_LENGTH = 0xffff;

/** Where the two formats differ. */
export type NalUnitSyntax = {
  /** Of a NAL unit, and of a payload before what is special to its kind. */
  readonly headerLength: 1 | 2;
  readonly aggregationType: number;
  readonly fragmentType: number;
  typeOf(header: number): number;
  /** The bits of the FU header that are the type of the NAL unit. */
  readonly fragmentTypeMask: number;
  /** Whether a NAL unit of this type can travel; the others are types of payloads, or nothing known. */
  isNalUnit(type: number): boolean;
  /** Writes the header of an aggregation packet for `ranges[from, to)` of `stream`. */
  writeAggregationHeader(
    payload: Uint8Array,
    stream: Uint8Array,
    ranges: readonly number[],
    from: number,
    to: number,
  ): void;
  /** Writes the header of a fragment, and the FU header, of the NAL unit at `start`. */
  writeFragmentHeader(payload: Uint8Array, stream: Uint8Array, start: number, startAndEnd: number): void;
  /** Writes the header of the NAL unit that `payload` is a fragment of. */
  writeUnitHeader(stream: Uint8Array, at: number, payload: Uint8Array): void;
};

/** What the receiver takes, as negotiated. */
export type NalUnitPacketization = { readonly aggregates: boolean; readonly fragments: boolean };

/** Cuts a byte stream into payloads; `false` when it is none, or has what cannot travel this way. */
export function packetizeNalUnits(
  syntax: NalUnitSyntax,
  packetization: NalUnitPacketization,
  stream: Uint8Array,
  maxPayloadLength: number,
  open: OpenPayload,
): boolean {
  const { headerLength } = syntax;
  if (!(maxPayloadLength >= headerLength + 2)) {
    throw new RangeError(`expected room for ${headerLength + 2} bytes or more, got ${maxPayloadLength}`);
  }
  const ranges = findNalUnits(stream);
  if (ranges === null || ranges.length === 0) return false;
  for (let i = 0; i < ranges.length; i += 2) {
    const length = ranges[i + 1]! - ranges[i]!;
    if (length < headerLength || !syntax.isNalUnit(syntax.typeOf(stream[ranges[i]!]!))) return false;
    if (length > maxPayloadLength && !packetization.fragments) return false;
  }
  for (let i = 0; i < ranges.length; ) {
    const start = ranges[i]!;
    const end = ranges[i + 1]!;
    if (end - start > maxPayloadLength) {
      writeFragments(syntax, stream, start, end, maxPayloadLength, i + 2 === ranges.length, open);
      i += 2;
      continue;
    }
    let next = i + 2;
    let length = headerLength + UNIT_LENGTH_SIZE + (end - start);
    while (packetization.aggregates && next < ranges.length) {
      const unitLength = ranges[next + 1]! - ranges[next]!;
      if (length + UNIT_LENGTH_SIZE + unitLength > maxPayloadLength || unitLength > MAX_UNIT_LENGTH) break;
      length += UNIT_LENGTH_SIZE + unitLength;
      next += 2;
    }
    const isLast = next === ranges.length;
    if (next === i + 2 || end - start > MAX_UNIT_LENGTH) {
      next = i + 2;
      open(end - start, next === ranges.length).set(stream.subarray(start, end));
    } else {
      writeAggregate(syntax, stream, ranges, i, next, open(length, isLast));
    }
    i = next;
  }
  return true;
}

/** The byte stream of all payloads of a frame; `null` when they do not fit together. */
export function assembleNalUnits(syntax: NalUnitSyntax, payloads: readonly Uint8Array[]): Uint8Array | null {
  const length = measure(syntax, payloads);
  if (length <= 0) return null;
  const { headerLength } = syntax;
  const stream = new Uint8Array(length);
  let at = 0;
  for (const payload of payloads) {
    const type = syntax.typeOf(payload[0]!);
    if (type === syntax.aggregationType) {
      for (let i: number = headerLength; i < payload.length; ) {
        const start = i + UNIT_LENGTH_SIZE;
        const end = start + u16(payload, i);
        at = writeNalUnit(stream, at, payload.subarray(start, end));
        i = end;
      }
    } else if (type === syntax.fragmentType) {
      if ((payload[headerLength]! & FU_START) !== 0) {
        stream[at + START_CODE_LENGTH - 1] = 1;
        syntax.writeUnitHeader(stream, at + START_CODE_LENGTH, payload);
        at += START_CODE_LENGTH + headerLength;
      }
      stream.set(payload.subarray(headerLength + 1), at);
      at += payload.length - headerLength - 1;
    } else {
      at = writeNalUnit(stream, at, payload);
    }
  }
  return stream;
}

/** Whether an aggregation packet holds whole NAL units that can travel, and nothing else. */
export function isWellFormedAggregate(syntax: NalUnitSyntax, payload: Uint8Array): boolean {
  return measureAggregate(syntax, payload) > 0;
}

/** How long the byte stream of these payloads is; -1 when they do not fit together. */
function measure(syntax: NalUnitSyntax, payloads: readonly Uint8Array[]): number {
  const { headerLength } = syntax;
  let length = 0;
  let fragmented = -1; // the type of the NAL unit whose end is still to come
  for (const payload of payloads) {
    if (payload.length < headerLength) return -1;
    const type = syntax.typeOf(payload[0]!);
    if (type === syntax.fragmentType) {
      if (payload.length === headerLength) return -1;
      const fuHeader = payload[headerLength]!;
      const unitType = fuHeader & syntax.fragmentTypeMask;
      if ((fuHeader & FU_START) !== 0) {
        if (fragmented >= 0 || !syntax.isNalUnit(unitType)) return -1;
        length += START_CODE_LENGTH + headerLength;
      } else if (fragmented !== unitType) {
        return -1;
      }
      length += payload.length - headerLength - 1;
      // A NAL unit in one fragment "MUST NOT" be (RFC 6184 §5.8), and is harmless.
      fragmented = (fuHeader & FU_END) !== 0 ? -1 : unitType;
      continue;
    }
    if (fragmented >= 0) return -1;
    if (type === syntax.aggregationType) {
      const aggregated = measureAggregate(syntax, payload);
      if (aggregated < 0) return -1;
      length += aggregated;
    } else {
      if (!syntax.isNalUnit(type)) return -1;
      length += START_CODE_LENGTH + payload.length;
    }
  }
  return fragmented >= 0 ? -1 : length;
}

function measureAggregate(syntax: NalUnitSyntax, payload: Uint8Array): number {
  let length = 0;
  let at = syntax.headerLength;
  while (at < payload.length) {
    if (at + UNIT_LENGTH_SIZE > payload.length) return -1;
    const unitLength = u16(payload, at);
    at += UNIT_LENGTH_SIZE;
    if (unitLength < syntax.headerLength || at + unitLength > payload.length) return -1;
    if (!syntax.isNalUnit(syntax.typeOf(payload[at]!))) return -1;
    length += START_CODE_LENGTH + unitLength;
    at += unitLength;
  }
  return length > 0 ? length : -1;
}

function writeAggregate(
  syntax: NalUnitSyntax,
  stream: Uint8Array,
  ranges: readonly number[],
  from: number,
  to: number,
  payload: Uint8Array,
): void {
  syntax.writeAggregationHeader(payload, stream, ranges, from, to);
  let at: number = syntax.headerLength;
  for (let i = from; i < to; i += 2) {
    const start = ranges[i]!;
    const end = ranges[i + 1]!;
    setU16(payload, at, end - start);
    payload.set(stream.subarray(start, end), at + UNIT_LENGTH_SIZE);
    at += UNIT_LENGTH_SIZE + end - start;
  }
}

function writeFragments(
  syntax: NalUnitSyntax,
  stream: Uint8Array,
  start: number,
  end: number,
  maxPayloadLength: number,
  isLastUnit: boolean,
  open: OpenPayload,
): void {
  const { headerLength } = syntax;
  const content = end - start - headerLength; // the header itself travels in the payload's header and the FU header
  const count = Math.ceil(content / (maxPayloadLength - headerLength - 1));
  let at = start + headerLength;
  for (let i = 0; i < count; i++) {
    const next = start + headerLength + evenCut(content, count, i + 1);
    const isFinal = i + 1 === count;
    const payload = open(headerLength + 1 + next - at, isFinal && isLastUnit);
    syntax.writeFragmentHeader(payload, stream, start, (i === 0 ? FU_START : 0) | (isFinal ? FU_END : 0));
    payload.set(stream.subarray(at, next), headerLength + 1);
    at = next;
  }
}
