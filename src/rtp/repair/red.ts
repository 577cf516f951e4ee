/**
 * Redundant audio data (RFC 2198 §3): a frame of sound, and behind its own header the frames before it, so that a lost
 * packet comes again with the next one. Video has it too, around ULPFEC, and then without redundancy: one byte of header.
 *
 * ```
 *  0                   1                    2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3  4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |F|   block PT  |  timestamp offset         |   block length    |   F = 1: one of these for each redundant block
 * |0|   block PT  |                                                   the primary one, as long as is left
 * ```
 */
import { setU16, setU24, setU32, u24 } from '../../binary/bytes.ts';
import { RTP, type RtpPacket } from '../packet.ts';

const FOLLOWED = 0x80;
const RTP_VERSION_2 = 0x80;
const PADDING_BIT = 0x20;
const MARKER_BIT = 0x80;
const BLOCK_HEADER_LENGTH = 4;
const PRIMARY_HEADER_LENGTH = 1;
/** 14 bits: 341 ms at 48 kHz. */
const MAX_TIMESTAMP_OFFSET = 0x3fff;
/** 10 bits. */
const MAX_BLOCK_LENGTH = 0x3ff;
/** Bound: a sender may claim as many blocks as it has bytes; more than these cover no loss worth covering. */
const MAX_BLOCKS = 32;
/** What is lost at once is rarely more; each costs a frame's bytes in every packet. */
export const MAX_REDUNDANCY = 9;

export type RedBlock = {
  readonly payloadType: number;
  /** RTP timestamp of the frame. */
  readonly timestamp: number;
  /** A view of the payload. */
  readonly data: Uint8Array;
  /** How many blocks before the primary one: 0 is the packet's own, 1 most often what the packet before it had. */
  readonly age: number;
};

/** The blocks of a payload, oldest first, the primary one last; `null` for one that is malformed. */
export function decodeRed(payload: Uint8Array, timestamp: number): RedBlock[] | null {
  let count = 0;
  let at = 0;
  let redundantLength = 0;
  while (at < payload.length && payload[at]! & FOLLOWED) {
    if (at + BLOCK_HEADER_LENGTH > payload.length || ++count > MAX_BLOCKS) return null;
    redundantLength += u24(payload, at + 1) & MAX_BLOCK_LENGTH;
    at += BLOCK_HEADER_LENGTH;
  }
  let data = at + PRIMARY_HEADER_LENGTH;
  if (data + redundantLength > payload.length) return null;
  const blocks: RedBlock[] = [];
  for (let i = 0; i < count; i++) {
    const header = i * BLOCK_HEADER_LENGTH;
    const fields = u24(payload, header + 1);
    const length = fields & MAX_BLOCK_LENGTH;
    blocks.push({
      payloadType: payload[header]! & 0x7f,
      timestamp: (timestamp - (fields >> 10)) >>> 0,
      data: payload.subarray(data, data + length),
      age: count - i,
    });
    data += length;
  }
  blocks.push({ payloadType: payload[at]! & 0x7f, timestamp, data: payload.subarray(data), age: 0 });
  return blocks;
}

/**
 * The packets inside a packet of sound: of each frame that came with it one, oldest first, numbered as if it had come by
 * itself, the packet's own one last and with its header. A jitter buffer then orders them and drops what it has. `null` for
 * a malformed one.
 */
export function expandRed(packet: RtpPacket): Uint8Array[] | null {
  const blocks = decodeRed(packet.payload, packet.timestamp);
  if (blocks === null) return null;
  const packets: Uint8Array[] = [];
  for (const { payloadType, timestamp, data, age } of blocks) {
    if (age > 0 && data.length === 0) continue; // stands for a frame that was not sent, as in silence
    const headerLength = age > 0 ? RTP.headerLength : packet.headerLength;
    const bytes = new Uint8Array(headerLength + data.length);
    bytes.set(packet.bytes.subarray(0, headerLength));
    bytes.set(data, headerLength);
    bytes[0] = age > 0 ? RTP_VERSION_2 : bytes[0]! & ~PADDING_BIT;
    bytes[1] = (age > 0 ? 0 : bytes[1]! & MARKER_BIT) | payloadType;
    setU16(bytes, RTP.sequenceNumber, packet.sequenceNumber - age);
    setU32(bytes, RTP.timestamp, timestamp);
    packets.push(bytes);
  }
  return packets;
}

/**
 * The packet of video, or of ULPFEC, inside a packet of RED: made in place, without padding. `null` for one that has
 * redundancy or no block at all: video has neither.
 */
export function unwrapRed(packet: RtpPacket): Uint8Array | null {
  const { bytes, headerLength, payloadEnd } = packet;
  if (payloadEnd - headerLength < PRIMARY_HEADER_LENGTH || bytes[headerLength]! & FOLLOWED) return null;
  const payloadType = bytes[headerLength]!;
  bytes.copyWithin(PRIMARY_HEADER_LENGTH, 0, headerLength); // the header moves up to the block
  const inner = bytes.subarray(PRIMARY_HEADER_LENGTH, payloadEnd);
  inner[0]! &= ~PADDING_BIT;
  inner[1] = (inner[1]! & MARKER_BIT) | payloadType;
  return inner;
}

/** The payload of a packet that carries one block and no redundancy, as video has it around ULPFEC. */
export function encodeRedSingle(payloadType: number, data: Uint8Array): Uint8Array {
  const payload = new Uint8Array(PRIMARY_HEADER_LENGTH + data.length);
  payload[0] = payloadType;
  payload.set(data, PRIMARY_HEADER_LENGTH);
  return payload;
}

export type RedEncoderOptions = {
  /** Of the frames inside. */
  readonly payloadType: number;
  /** How many frames before the current one travel with it: 0 … 9. Default 1. */
  readonly redundancy?: number;
};

type Frame = { readonly timestamp: number; readonly data: Uint8Array };

/** Makes the payloads of a stream. */
export class RedEncoder {
  readonly #payloadType: number;
  #redundancy = 1;
  /** The frames before, oldest first: at most `redundancy`. */
  #previous: Frame[] = [];

  constructor(options: RedEncoderOptions) {
    this.#payloadType = options.payloadType;
    this.redundancy = options.redundancy ?? 1;
  }

  get redundancy(): number {
    return this.#redundancy;
  }

  set redundancy(value: number) {
    if (!Number.isInteger(value) || value < 0 || value > MAX_REDUNDANCY) {
      throw new RangeError(`redundancy is 0 to ${MAX_REDUNDANCY} frames, not ${value}`);
    }
    this.#redundancy = value;
    if (this.#previous.length > value) this.#previous = this.#previous.slice(this.#previous.length - value);
  }

  /**
   * The payload with this frame, and before it those that still fit: the nearest ones, without a gap between them, since
   * what is left out cannot be told from what was never there.
   * @param maxLength of the payload in bytes; the frame itself always goes in
   */
  encode(data: Uint8Array, timestamp: number, maxLength: number = Infinity): Uint8Array {
    let length = PRIMARY_HEADER_LENGTH + data.length;
    let first = this.#previous.length;
    while (first > 0) {
      const block = this.#previous[first - 1]!;
      const grown = length + BLOCK_HEADER_LENGTH + block.data.length;
      const offset = (timestamp - block.timestamp) >>> 0;
      if (grown > maxLength || offset > MAX_TIMESTAMP_OFFSET || block.data.length > MAX_BLOCK_LENGTH) break;
      length = grown;
      first--;
    }
    const payload = new Uint8Array(length);
    let header = 0;
    let at = (this.#previous.length - first) * BLOCK_HEADER_LENGTH + PRIMARY_HEADER_LENGTH;
    for (let i = first; i < this.#previous.length; i++) {
      const block = this.#previous[i]!;
      payload[header] = FOLLOWED | this.#payloadType;
      setU24(payload, header + 1, (((timestamp - block.timestamp) >>> 0) << 10) | block.data.length);
      payload.set(block.data, at);
      header += BLOCK_HEADER_LENGTH;
      at += block.data.length;
    }
    payload[header] = this.#payloadType;
    payload.set(data, at);
    if (this.#redundancy > 0) {
      this.#previous.push({ timestamp, data: payload.subarray(at) });
      if (this.#previous.length > this.#redundancy) this.#previous.shift();
    }
    return payload;
  }
}

/** Bound: timestamps remembered, against giving a frame twice: more than a packet has blocks, and than packets overtake. */
const MAX_REMEMBERED = 64;

/**
 * Takes the payloads of a stream apart: each frame once, those that only redundancy brought among them. What one payload
 * brings comes in order; a packet that was overtaken brings its frame late, which a jitter buffer behind this puts right.
 */
export class RedReceiver {
  readonly stats: { malformed: number; recovered: number } = { malformed: 0, recovered: 0 };
  readonly #dropsLate: boolean;
  /** Of the frames given, oldest first. */
  readonly #given = new Set<number>();
  #first = 0;
  #latest: number | null = null;

  /** @param dropsLate gives no frame out after one that follows it: for who has no jitter buffer */
  constructor({ dropsLate = false }: { readonly dropsLate?: boolean } = {}) {
    this.#dropsLate = dropsLate;
  }

  /** New frames of this payload, oldest first; `age` above 0 marks those that were recovered. */
  receive(payload: Uint8Array, timestamp: number): readonly RedBlock[] {
    const blocks = decodeRed(payload, timestamp);
    if (blocks === null) {
      this.stats.malformed++;
      return NONE;
    }
    const fresh: RedBlock[] = [];
    for (const block of blocks) {
      // An empty block stands for a frame that was not sent, as in silence.
      if (block.age > 0 && (block.data.length === 0 || this.#isFromBefore(block.timestamp))) continue;
      if (this.#given.has(block.timestamp)) continue;
      if (this.#latest === null) this.#first = block.timestamp;
      const isLate = this.#latest !== null && ((block.timestamp - this.#latest) | 0) < 0;
      if (isLate && this.#dropsLate) continue;
      if (!isLate) {
        this.#latest = block.timestamp;
        // It moves along, or it would seem to lie ahead once timestamps have gone half their way around.
        const oldest = (block.timestamp - MAX_TIMESTAMP_OFFSET) >>> 0;
        if (((oldest - this.#first) | 0) > 0) this.#first = oldest;
      }
      this.#given.add(block.timestamp);
      if (this.#given.size > MAX_REMEMBERED) this.#given.delete(this.#given.values().next().value!);
      if (block.age > 0) this.stats.recovered++;
      fresh.push(block);
    }
    return fresh;
  }

  /** Before the first packet there is nothing to recover. */
  #isFromBefore(timestamp: number): boolean {
    return this.#latest === null || ((timestamp - this.#first) | 0) < 0;
  }
}

const NONE: readonly RedBlock[] = [];
