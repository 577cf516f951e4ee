/**
 * NAL units in a byte stream (H.264 Annex B, H.265 Annex B): each behind a start code, 00 00 01 or 00 00 00 01. We read
 * both and write the longer one, which is what WebCodecs, FFmpeg and the browsers' encoders have.
 */

/** What we write in front of a NAL unit: the start code of four bytes. */
export const START_CODE_LENGTH = 4;

/**
 * Where the NAL units of a byte stream are: start and end of each in turn, in one flat list. Zeros behind a NAL unit
 * (trailing_zero_8bits) are no part of it, and empty ones are passed over. `null` when it does not begin as a byte
 * stream does.
 */
export function findNalUnits(stream: Uint8Array): number[] | null {
  const ranges: number[] = [];
  let start = -1;
  // A start code ends in its only 1. `indexOf` finds those natively: 3 times as fast as a loop over 2 MB of noise.
  for (let one = stream.indexOf(1); one >= 0; one = stream.indexOf(1, one + 1)) {
    if (one < 2 || stream[one - 1] !== 0 || stream[one - 2] !== 0) continue;
    if (start < 0) {
      for (let i = 0; i < one; i++) if (stream[i] !== 0) return null;
    } else {
      pushRange(ranges, stream, start, one - 2);
    }
    start = one + 1;
  }
  if (start < 0) return null;
  pushRange(ranges, stream, start, stream.length);
  return ranges;
}

/** The NAL units of a byte stream as views; none when it is not one. */
export function splitNalUnits(stream: Uint8Array): Uint8Array[] {
  const ranges = findNalUnits(stream) ?? [];
  const units: Uint8Array[] = [];
  for (let i = 0; i < ranges.length; i += 2) units.push(stream.subarray(ranges[i]!, ranges[i + 1]!));
  return units;
}

/** The NAL units one after the other as a byte stream. */
export function joinNalUnits(units: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const unit of units) length += START_CODE_LENGTH + unit.length;
  const stream = new Uint8Array(length);
  let at = 0;
  for (const unit of units) at = writeNalUnit(stream, at, unit);
  return stream;
}

/** Writes a start code and a NAL unit at `at`; returns where it ended. */
export function writeNalUnit(stream: Uint8Array, at: number, unit: Uint8Array): number {
  stream[at + 3] = 1; // the zeros are there
  stream.set(unit, at + START_CODE_LENGTH);
  return at + START_CODE_LENGTH + unit.length;
}

/** The content of a NAL unit without its emulation prevention bytes (H.264 §7.4.1): 00 00 03 stands for 00 00. */
export function unescapeNalUnit(unit: Uint8Array): Uint8Array {
  const plain = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}

function pushRange(ranges: number[], stream: Uint8Array, start: number, end: number): void {
  let last = end;
  while (last > start && stream[last - 1] === 0) last--;
  if (last > start) ranges.push(start, last);
}
