/** Makes packets of forward error correction for the packets of a stream, group by group. */
import { u16, u32 } from '../../../binary/bytes.ts';
import { RTP } from '../../packet.ts';
import { encodeFec, type FecScheme, FIRST_BYTE_MASK } from './fec-header.ts';

/**
 * Bound: packets of one group, and so what a receiver waits for before it can recover. A long mask's worth: the most that
 * libwebrtc takes.
 */
const MAX_GROUP = 48;
/** A group that is not at its frame's end waits for the next frame, to share its protection, up to this many packets. */
const MIN_GROUP = 10;

export type FecEncoderOptions = {
  readonly scheme: FecScheme;
  /** Packets of FEC for each packet of media, 0 … 1; it may be set anew at any time. Default 0.1. */
  readonly protection?: number;
};

export class FecEncoder {
  readonly #scheme: FecScheme;
  readonly #copies: Uint8Array[] = [];
  readonly #lengths: number[] = [];
  #count = 0;
  #protection = 0.1;

  constructor(options: FecEncoderOptions) {
    this.#scheme = options.scheme;
    this.protection = options.protection ?? 0.1;
  }

  get protection(): number {
    return this.#protection;
  }

  set protection(value: number) {
    if (!(value >= 0 && value <= 1)) throw new RangeError(`protection is 0 to 1 packets of FEC a packet, not ${value}`);
    this.#protection = value;
  }

  /**
   * Takes a packet of media, as it goes out and in the order of its sequence numbers; it is copied. Yields the payloads of
   * FEC that are due behind it: for ULPFEC they go out in RED on the same stream, and their sequence numbers in between are
   * no matter; for FlexFEC on a stream of their own.
   * @param isFrameEnd a good moment: the frame need not wait for its protection
   */
  protect(packet: Uint8Array, isFrameEnd: boolean): readonly Uint8Array[] {
    if (this.#protection === 0) {
      this.#count = 0;
      return NONE;
    }
    this.#keep(packet);
    const first = u16(this.#copies[0]!, RTP.sequenceNumber);
    const reach = (u16(packet, RTP.sequenceNumber) - first) & 0xffff;
    if (reach >= MAX_GROUP) {
      // Numbers jumped, or FEC took many of them: the new packet begins another group.
      this.#count--;
      const payloads = this.#close();
      this.#keep(packet);
      return payloads;
    }
    const isDue = isFrameEnd && (this.#count >= MIN_GROUP || this.#count * this.#protection >= 1);
    return isDue || reach === MAX_GROUP - 1 ? this.#close() : NONE;
  }

  #keep(packet: Uint8Array): void {
    const slot = this.#count++;
    if ((this.#copies[slot]?.length ?? 0) < packet.length) {
      this.#copies[slot] = new Uint8Array(Math.max(1500, packet.length));
    }
    this.#copies[slot]!.set(packet);
    this.#lengths[slot] = packet.length;
  }

  /**
   * The protection of what was gathered. Each packet of FEC takes every n-th packet of media, so that as many packets as
   * there are of FEC may be lost in a row.
   */
  #close(): Uint8Array[] {
    const count = this.#count;
    this.#count = 0;
    if (count === 0) return [];
    const fecCount = Math.min(count, Math.max(1, Math.round(count * this.#protection)));
    return Array.from({ length: fecCount }, (_, i) => this.#xor(i, count, fecCount));
  }

  #xor(first: number, count: number, step: number): Uint8Array {
    const base = u16(this.#copies[first]!, RTP.sequenceNumber);
    let bodyLength = 0;
    for (let i = first; i < count; i += step) bodyLength = Math.max(bodyLength, this.#lengths[i]! - RTP.headerLength);
    const body = new Uint8Array(bodyLength);
    const offsets: number[] = [];
    let firstByte = 0;
    let secondByte = 0;
    let length = 0;
    let timestamp = 0;
    for (let i = first; i < count; i += step) {
      const packet = this.#copies[i]!;
      offsets.push((u16(packet, RTP.sequenceNumber) - base) & 0xffff);
      firstByte ^= packet[0]! & FIRST_BYTE_MASK;
      secondByte ^= packet[1]!;
      length ^= this.#lengths[i]! - RTP.headerLength;
      timestamp ^= u32(packet, RTP.timestamp);
      const end = this.#lengths[i]!;
      for (let at: number = RTP.headerLength; at < end; at++) body[at - RTP.headerLength]! ^= packet[at]!;
    }
    return encodeFec(this.#scheme, {
      ssrc: u32(this.#copies[first]!, RTP.ssrc),
      sequenceNumberBase: base,
      offsets,
      firstByte,
      secondByte,
      length,
      timestamp: timestamp >>> 0,
      body,
    });
  }
}

const NONE: readonly Uint8Array[] = [];
