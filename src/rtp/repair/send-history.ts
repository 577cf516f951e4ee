/**
 * Packets that were sent, for as long as somebody may ask for them again. Rows by sequence number; the bytes stand one
 * packet behind the other in a ring of memory, so that keeping a packet costs one copy and no garbage, and what is
 * overwritten is known to be gone from its position alone.
 */

export type SendHistoryOptions = {
  /** Bound: a power of two of rows; the packet so many before is forgotten. Default 2048. */
  readonly maxPackets?: number;
  /** Bound: bytes of memory, taken with the first packet. Default 2 MiB: 3 s at 5 Mbit/s. */
  readonly maxBytes?: number;
  /** Bound: older packets are not given out. Default 3000 ms: what comes later is of no use to who asked. */
  readonly maxAgeMs?: number;
};

const DEFAULT_MAX_PACKETS = 2048;
const DEFAULT_MAX_BYTES = 2 * 1024 * 1024;
const DEFAULT_MAX_AGE_MS = 3000;
/** A row without a packet. */
const EMPTY = -1;

export class SendHistory {
  readonly #mask: number;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #sequenceNumbers: Int32Array;
  readonly #lengths: Int32Array;
  /** Where a packet begins, counted over all that was ever written: modulo `maxBytes` it is its place. */
  readonly #positions: Float64Array;
  readonly #sentAt: Float64Array;
  readonly #resentAt: Float64Array;
  #memory: Uint8Array = new Uint8Array(0);
  #end = 0;

  constructor(options: SendHistoryOptions = {}) {
    const { maxPackets = DEFAULT_MAX_PACKETS, maxBytes = DEFAULT_MAX_BYTES, maxAgeMs = DEFAULT_MAX_AGE_MS } = options;
    if (maxPackets < 1 || maxPackets > 0x8000 || maxPackets & (maxPackets - 1)) {
      throw new RangeError(`maxPackets is a power of two up to 32768, not ${maxPackets}`);
    }
    this.#mask = maxPackets - 1;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#sequenceNumbers = new Int32Array(maxPackets).fill(EMPTY);
    this.#lengths = new Int32Array(maxPackets);
    this.#positions = new Float64Array(maxPackets);
    this.#sentAt = new Float64Array(maxPackets);
    this.#resentAt = new Float64Array(maxPackets);
  }

  /** Keeps a copy of bytes[start, end). A packet larger than the memory is not kept. */
  put(sequenceNumber: number, bytes: Uint8Array, start: number, end: number, now: number): void {
    const length = end - start;
    if (length > this.#maxBytes) return;
    if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#maxBytes);
    const left = this.#maxBytes - (this.#end % this.#maxBytes);
    if (length > left) this.#end += left; // a packet does not go around the end
    const row = sequenceNumber & this.#mask;
    const at = this.#end % this.#maxBytes;
    if (start === 0 && end === bytes.length) this.#memory.set(bytes, at);
    else this.#memory.set(bytes.subarray(start, end), at);
    this.#sequenceNumbers[row] = sequenceNumber;
    this.#lengths[row] = length;
    this.#positions[row] = this.#end;
    this.#sentAt[row] = now;
    this.#resentAt[row] = -Infinity;
    this.#end += length;
  }

  /** The packet as it was kept: a view that holds until the next `put`. `null`: never sent, or forgotten. */
  get(sequenceNumber: number, now: number): Uint8Array | null {
    const row = this.#find(sequenceNumber, now);
    if (row < 0) return null;
    const at = this.#positions[row]! % this.#maxBytes;
    return this.#memory.subarray(at, at + this.#lengths[row]!);
  }

  /** When the packet was last sent again; -Infinity: never, or it is forgotten. */
  resentAt(sequenceNumber: number, now: number): number {
    const row = this.#find(sequenceNumber, now);
    return row < 0 ? -Infinity : this.#resentAt[row]!;
  }

  /** Notes that the packet goes out again now. */
  markResent(sequenceNumber: number, now: number): void {
    const row = this.#find(sequenceNumber, now);
    if (row >= 0) this.#resentAt[row] = now;
  }

  clear(): void {
    this.#sequenceNumbers.fill(EMPTY);
  }

  #find(sequenceNumber: number, now: number): number {
    const row = sequenceNumber & this.#mask;
    const isHere =
      this.#sequenceNumbers[row] === sequenceNumber &&
      this.#end - this.#positions[row]! <= this.#maxBytes &&
      now - this.#sentAt[row]! <= this.#maxAgeMs;
    return isHere ? row : -1;
  }
}
