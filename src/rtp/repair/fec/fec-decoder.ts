/** Recovers packets of one stream from its forward error correction (RFC 5109 §9.2). */
import { setU16, setU32, u16, u32 } from '../../../binary/bytes.ts';
import { RTP, RtpPacket } from '../../packet.ts';
import { SequenceUnwrapper } from '../../sequence.ts';
import { type FecPacket, type FecScheme, FIRST_BYTE_MASK, MAX_FEC_REACH, parseFec } from './fec-header.ts';

/** Bound: packets of media that are kept, for FEC that comes later: two times the reach of FEC, and reordering. A power of two. */
const MAX_MEDIA = 256;
/** Bound: packets of FEC that wait for media. The peer decides how many it sends; the oldest goes. */
export const MAX_WAITING_FEC = 64;

export type FecDecoderStats = {
  /** Packets of FEC that came. */
  received: number;
  /** Packets of media that were recovered. */
  recovered: number;
  /** FEC that could not be read, or was of another stream. */
  malformed: number;
  /** What came out of a recovery was no packet: the FEC did not fit the media. */
  failed: number;
  /** Packets of FEC that had to go before they were of use. */
  dropped: number;
};

type Waiting = { readonly packet: FecPacket; readonly base: number };

const NO_BYTES: Uint8Array = new Uint8Array(0);

export class FecDecoder {
  readonly stats: FecDecoderStats = { received: 0, recovered: 0, malformed: 0, failed: 0, dropped: 0 };
  readonly #scheme: FecScheme;
  readonly #ssrc: number;
  readonly #recover: (packet: Uint8Array) => void;
  readonly #unwrapper = new SequenceUnwrapper();
  readonly #numbers: Float64Array = new Float64Array(MAX_MEDIA).fill(-1);
  readonly #media: Uint8Array[] = new Array<Uint8Array>(MAX_MEDIA).fill(NO_BYTES);
  #waiting: Waiting[] = [];
  #isRecovering = false;

  /**
   * @param ssrc of the media
   * @param recover takes each packet that was recovered, a new array; it is not given to `receiveMedia` again
   */
  constructor(scheme: FecScheme, ssrc: number, recover: (packet: Uint8Array) => void) {
    this.#scheme = scheme;
    this.#ssrc = ssrc;
    this.#recover = recover;
  }

  /** Notes a packet of media as it was before RED and RTX: its bytes are kept and must not change. */
  receiveMedia(packet: Uint8Array): void {
    if (packet.length < RTP.headerLength) return;
    if (this.#keep(packet) && this.#waiting.length > 0) this.#run();
  }

  /** Takes the payload of a packet of FEC, and recovers what it can; its bytes are kept. */
  receiveFec(payload: Uint8Array): void {
    this.stats.received++;
    const packet = parseFec(this.#scheme, payload);
    if (packet === null || (packet.ssrc !== null && packet.ssrc !== this.#ssrc)) {
      this.stats.malformed++;
      return;
    }
    if (this.#unwrapper.highest < 0) this.#unwrapper.unwrap(packet.sequenceNumberBase);
    const base = this.#unwrapper.peek(packet.sequenceNumberBase);
    // What it protects must be near what we have.
    if (base < this.#unwrapper.highest - MAX_MEDIA || base > this.#unwrapper.highest + MAX_MEDIA) {
      this.stats.dropped++;
      return;
    }
    this.#waiting.push({ packet, base });
    if (this.#waiting.length > MAX_WAITING_FEC) {
      this.#waiting.shift();
      this.stats.dropped++;
    }
    this.#run();
  }

  #keep(packet: Uint8Array): boolean {
    const number = this.#unwrapper.unwrap(u16(packet, RTP.sequenceNumber));
    if (number <= this.#unwrapper.highest - MAX_MEDIA || this.#has(number)) return false;
    this.#numbers[number & (MAX_MEDIA - 1)] = number;
    this.#media[number & (MAX_MEDIA - 1)] = packet;
    return true;
  }

  #has(number: number): boolean {
    return this.#numbers[number & (MAX_MEDIA - 1)] === number;
  }

  /** Recovers while anything can be: what one packet of FEC brings may be what another one needs. */
  #run(): void {
    if (this.#isRecovering) return; // `recover` called back in
    this.#isRecovering = true;
    try {
      for (let hasProgress = true; hasProgress; ) {
        hasProgress = false;
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const fec of waiting) {
          const missing = this.#missing(fec);
          if (missing === ALL_HERE) continue;
          if (missing === TOO_MANY) {
            if (fec.base >= this.#unwrapper.highest - MAX_MEDIA + MAX_FEC_REACH[this.#scheme]) this.#waiting.push(fec);
            else this.stats.dropped++;
          } else if (this.#restore(fec, missing)) {
            hasProgress = true;
          }
        }
      }
    } finally {
      this.#isRecovering = false;
    }
  }

  /** The one packet that is missing, or why there is no such one. */
  #missing({ packet, base }: Waiting): number {
    let missing = ALL_HERE;
    for (const offset of packet.offsets) {
      if (this.#has(base + offset)) continue;
      if (missing !== ALL_HERE) return TOO_MANY;
      missing = base + offset;
    }
    return missing;
  }

  /** §9.2: the XOR of all the others and of the FEC is what is missing. */
  #restore({ packet, base }: Waiting, missing: number): boolean {
    let { firstByte, secondByte, length, timestamp } = packet;
    for (const offset of packet.offsets) {
      if (base + offset === missing) continue;
      const other = this.#media[(base + offset) & (MAX_MEDIA - 1)]!;
      firstByte ^= other[0]! & FIRST_BYTE_MASK;
      secondByte ^= other[1]!;
      length ^= other.length - RTP.headerLength;
      timestamp ^= u32(other, RTP.timestamp);
    }
    if (length > packet.body.length) {
      this.stats.failed++;
      return false;
    }
    const restored = new Uint8Array(RTP.headerLength + length);
    restored[0] = 0x80 | (firstByte & FIRST_BYTE_MASK);
    restored[1] = secondByte;
    setU16(restored, RTP.sequenceNumber, missing & 0xffff);
    setU32(restored, RTP.timestamp, timestamp);
    setU32(restored, RTP.ssrc, this.#ssrc);
    restored.set(packet.body.subarray(0, length), RTP.headerLength);
    for (const offset of packet.offsets) {
      if (base + offset === missing) continue;
      const other = this.#media[(base + offset) & (MAX_MEDIA - 1)]!;
      const end = Math.min(other.length, restored.length);
      for (let at: number = RTP.headerLength; at < end; at++) restored[at]! ^= other[at]!;
    }
    if (RtpPacket.parse(restored) === null) {
      this.stats.failed++;
      return false;
    }
    if (!this.#keep(restored)) return false;
    this.stats.recovered++;
    this.#recover(restored);
    return true;
  }
}

const ALL_HERE = -1;
const TOO_MANY = -2;
