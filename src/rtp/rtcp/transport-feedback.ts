/**
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 *
 * ```
 * |                     SSRC of packet sender                     |
 * |                      SSRC of media source                     |
 * |      base sequence number     |      packet status count      |
 * |                 reference time                | fb pkt. count |
 * |          packet chunk         |         packet chunk          |   2 bytes each: a run, or a vector of symbols
 * |         packet chunk          |  recv delta   |  recv delta   |   1 or 2 bytes for each packet received
 * |           recv delta          |  recv delta   | zero padding  |
 *
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 * |0| S |       Run Length        |   a run of symbol S
 * |1|0|       symbol list         |   14 symbols of one bit: not received, small delta
 * |1|1|       symbol list         |   7 symbols of two bits
 * ```
 */
import { u16, u24, u32 } from '../../binary/bytes.ts';
import type { ByteWriter } from '../../binary/writer.ts';
import { FEEDBACK } from './feedback.ts';
import type { TransportFeedback, TransportFeedbackArrival } from './types.ts';

const TRANSPORT_FEEDBACK = { base: 8, statusCount: 10, referenceTime: 12, packetCount: 15, chunks: 16 } as const;

/** Symbols of status (§3.1.1); 3 is reserved. */
const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const VECTOR_BIT = 0x8000;
const TWO_BIT_VECTOR = 0x4000;
const MAX_RUN = 0x1fff;
const SYMBOLS_IN_ONE_BIT_VECTOR = 14;
const SYMBOLS_IN_TWO_BIT_VECTOR = 7;
const MAX_STATUS_COUNT = 0xffff;

/** Arrival times are in units of 250 µs (§3.1.5), the reference time in units of 64 ms: 256 times that. */
export const ARRIVAL_UNIT_MS = 0.25;
export const REFERENCE_UNIT = 256;
export const REFERENCE_TIME_BITS = 24;
const MAX_SMALL_DELTA = 0xff;
export const MIN_LARGE_DELTA = -0x8000;
export const MAX_LARGE_DELTA = 0x7fff;

export function readTransportFeedback(body: Uint8Array): TransportFeedback | null {
  if (body.length < TRANSPORT_FEEDBACK.chunks) return null;
  const base = u16(body, TRANSPORT_FEEDBACK.base);
  const statusCount = u16(body, TRANSPORT_FEEDBACK.statusCount);
  if (statusCount === 0) return null;
  // First the symbols of those received: the work is bounded by the packet, not by the runs it claims of the others.
  const sequenceNumbers: number[] = [];
  const symbols: number[] = [];
  let deltaLength = 0;
  let at: number = TRANSPORT_FEEDBACK.chunks;
  for (let i = 0; i < statusCount; ) {
    if (at + 2 > body.length) return null;
    const chunk = u16(body, at);
    at += 2;
    const isRun = (chunk & VECTOR_BIT) === 0;
    const isTwoBit = (chunk & TWO_BIT_VECTOR) !== 0;
    const length = isRun ? chunk & MAX_RUN : isTwoBit ? SYMBOLS_IN_TWO_BIT_VECTOR : SYMBOLS_IN_ONE_BIT_VECTOR;
    const end = Math.min(i + length, statusCount); // symbols beyond the count fill up the last chunk
    if (isRun && chunk >> 13 === NOT_RECEIVED) {
      i = end;
      continue;
    }
    // A run of received packets needs a byte for each; more than there is room for is not looked at.
    if (isRun && end - i > body.length) return null;
    for (let position = 0; i < end; i++, position++) {
      const symbol = isRun
        ? chunk >> 13
        : isTwoBit
          ? (chunk >> (12 - 2 * position)) & 3
          : (chunk >> (13 - position)) & 1;
      if (symbol === NOT_RECEIVED) continue;
      if (symbol > LARGE_DELTA) return null;
      sequenceNumbers.push((base + i) & 0xffff);
      symbols.push(symbol);
      deltaLength += symbol;
    }
  }
  const received = readDeltas(body, at, deltaLength, sequenceNumbers, symbols);
  if (received === null) return null;
  return {
    kind: 'transportFeedback',
    senderSsrc: u32(body, FEEDBACK.senderSsrc),
    mediaSsrc: u32(body, FEEDBACK.mediaSsrc),
    baseSequenceNumber: base,
    packetStatusCount: statusCount,
    referenceTime: (u24(body, TRANSPORT_FEEDBACK.referenceTime) << 8) >> 8,
    feedbackPacketCount: body[TRANSPORT_FEEDBACK.packetCount]!,
    received,
  };
}

function readDeltas(
  body: Uint8Array,
  start: number,
  deltaLength: number,
  sequenceNumbers: readonly number[],
  symbols: readonly number[],
): TransportFeedbackArrival[] | null {
  let at = start;
  const left = body.length - at;
  // The second version of the extension lets the sender do without times: then nothing but padding is left.
  const withTimes = left >= deltaLength;
  if (!withTimes && left >= 4) return null;
  const received: TransportFeedbackArrival[] = [];
  let arrivalTime = 0;
  for (let i = 0; i < symbols.length; i++) {
    if (!withTimes) {
      received.push({ sequenceNumber: sequenceNumbers[i]!, arrivalTime: null });
      continue;
    }
    if (symbols[i] === SMALL_DELTA) {
      arrivalTime += body[at]!;
      at += 1;
    } else {
      arrivalTime += (u16(body, at) << 16) >> 16;
      at += 2;
    }
    received.push({ sequenceNumber: sequenceNumbers[i]!, arrivalTime });
  }
  return received;
}

/**
 * Writes the body, without the padding that brings it to a multiple of four bytes.
 * @throws RangeError for arrivals out of order, outside the count, or too far apart: `TransportFeedbackBuilder` has none
 */
export function writeTransportFeedback(writer: ByteWriter, feedback: TransportFeedback): void {
  const { baseSequenceNumber: base, packetStatusCount: statusCount, received } = feedback;
  if (statusCount < 1 || statusCount > MAX_STATUS_COUNT) throw new RangeError('feedback is about 1 to 65535 packets');
  const symbols = new Uint8Array(statusCount);
  const deltas: number[] = [];
  let previousIndex = -1;
  let previousTime = 0;
  for (const { sequenceNumber, arrivalTime } of received) {
    const index = (sequenceNumber - base) & 0xffff;
    const delta = arrivalTime === null ? 0 : arrivalTime - previousTime;
    if (index <= previousIndex || index >= statusCount || delta < MIN_LARGE_DELTA || delta > MAX_LARGE_DELTA) {
      throw new RangeError('arrivals are in order, among the packets counted, and at most 8 s apart');
    }
    symbols[index] = delta >= 0 && delta <= MAX_SMALL_DELTA ? SMALL_DELTA : LARGE_DELTA;
    previousIndex = index;
    if (arrivalTime === null) continue;
    deltas.push(delta);
    previousTime = arrivalTime;
  }
  if (deltas.length > 0 && deltas.length < received.length) throw new RangeError('all arrivals have times, or none');
  writer.u32(feedback.senderSsrc).u32(feedback.mediaSsrc).u16(base).u16(statusCount);
  writer.u24(feedback.referenceTime).u8(feedback.feedbackPacketCount);
  writeChunks(writer, symbols);
  for (const delta of deltas) {
    if (delta >= 0 && delta <= MAX_SMALL_DELTA) writer.u8(delta);
    else writer.u16(delta);
  }
}

/** The fewest bytes that looking ahead one chunk finds: a run where it covers more than the vector would. */
function writeChunks(writer: ByteWriter, symbols: Uint8Array): void {
  const count = symbols.length;
  for (let i = 0; i < count; ) {
    const symbol = symbols[i]!;
    let run = 1;
    while (run < MAX_RUN && i + run < count && symbols[i + run] === symbol) run++;
    let hasLarge = false;
    for (let j = i; j < i + SYMBOLS_IN_ONE_BIT_VECTOR && j < count; j++) hasLarge ||= symbols[j] === LARGE_DELTA;
    const vectorLength = hasLarge ? SYMBOLS_IN_TWO_BIT_VECTOR : SYMBOLS_IN_ONE_BIT_VECTOR;
    if (run >= vectorLength || i + run === count) {
      writer.u16((symbol << 13) | run);
      i += run;
      continue;
    }
    let list = 0;
    for (let j = 0; j < vectorLength; j++) list = (list << (hasLarge ? 2 : 1)) | (symbols[i + j] ?? NOT_RECEIVED);
    writer.u16(VECTOR_BIT | (hasLarge ? TWO_BIT_VECTOR : 0) | list);
    i += vectorLength;
  }
}
