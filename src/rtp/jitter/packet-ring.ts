/** Packets of one stream by extended sequence number, each a row across arrays; `capacity` numbers fit at a time. */
import type { RtpPacket } from '../packet.ts';

export const STARTS_FRAME = 1;
/** With `STARTS_FRAME`: only if the packet before it was of another frame. */
export const UNCERTAIN_START = 2;
export const ENDS_FRAME = 4;
export const KEY_FRAME = 8;
export const DISCARDABLE = 16;
/** Has a number and no content: padding, FEC in the stream, what no format can read. */
export const FILLER = 32;

const EMPTY = -1;
const NO_BYTES: Uint8Array = new Uint8Array(0);

export class PacketRing {
  readonly capacity: number;
  readonly #mask: number;
  readonly #numbers: Float64Array;
  readonly #flags: Uint8Array;
  readonly #payloadTypes: Uint8Array;
  readonly #timestamps: Uint32Array;
  readonly #payloadStarts: Int32Array;
  readonly #payloadEnds: Int32Array;
  readonly #arrivals: Float64Array;
  readonly #packets: Uint8Array[];

  /** @param capacity a power of two */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#mask = capacity - 1;
    this.#numbers = new Float64Array(capacity).fill(EMPTY);
    this.#flags = new Uint8Array(capacity);
    this.#payloadTypes = new Uint8Array(capacity);
    this.#timestamps = new Uint32Array(capacity);
    this.#payloadStarts = new Int32Array(capacity);
    this.#payloadEnds = new Int32Array(capacity);
    this.#arrivals = new Float64Array(capacity);
    this.#packets = new Array<Uint8Array>(capacity).fill(NO_BYTES);
  }

  has(number: number): boolean {
    return this.#numbers[number & this.#mask] === number;
  }

  put(number: number, packet: RtpPacket, flags: number, now: number): void {
    const row = number & this.#mask;
    this.#payloadTypes[row] = packet.payloadType;
    this.#timestamps[row] = packet.timestamp;
    this.#payloadStarts[row] = packet.payloadStart;
    this.#payloadEnds[row] = packet.payloadEnd;
    this.#packets[row] = packet.bytes;
    this.#set(row, number, flags, now);
  }

  putFiller(number: number, now: number): void {
    const row = number & this.#mask;
    this.#packets[row] = NO_BYTES;
    this.#set(row, number, FILLER, now);
  }

  #set(row: number, number: number, flags: number, now: number): void {
    this.#numbers[row] = number;
    this.#flags[row] = flags;
    this.#arrivals[row] = now;
  }

  /** Takes the packets from `first` up to, not including, `end` out. */
  clear(first: number, end: number): void {
    for (let number = Math.max(first, end - this.capacity); number < end; number++) {
      const row = number & this.#mask;
      if (this.#numbers[row] !== number) continue;
      this.#numbers[row] = EMPTY;
      this.#packets[row] = NO_BYTES;
    }
  }

  /** What follows is about a packet that is here. */
  flags(number: number): number {
    return this.#flags[number & this.#mask]!;
  }

  timestamp(number: number): number {
    return this.#timestamps[number & this.#mask]!;
  }

  payloadType(number: number): number {
    return this.#payloadTypes[number & this.#mask]!;
  }

  arrivedAt(number: number): number {
    return this.#arrivals[number & this.#mask]!;
  }

  packet(number: number): Uint8Array {
    return this.#packets[number & this.#mask]!;
  }

  payload(number: number): Uint8Array {
    const row = number & this.#mask;
    return this.#packets[row]!.subarray(this.#payloadStarts[row], this.#payloadEnds[row]);
  }
}
