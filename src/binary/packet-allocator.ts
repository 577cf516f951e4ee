/**
 * Buffers for outgoing packets, cut from a larger slab: an `ArrayBuffer` per packet costs several times more, in time
 * and in work for the garbage collector. A slab lives as long as any packet cut from it.
 *
 * Whoever knows a packet's length calls `allocate`. Whoever finds out while writing calls `reserve`, writes into `slab`
 * and calls `commit`: the bytes not used go to the next packet.
 */
export class PacketAllocator {
  readonly #slabSize: number;
  #slab: Uint8Array<ArrayBuffer> = NO_SLAB;
  #offset = 0;

  /** @param slabSize bytes; the price of one packet kept alive by its receiver */
  constructor(slabSize = 65_536) {
    this.#slabSize = slabSize;
  }

  /** `length` bytes for the caller alone, all zero. */
  allocate(length: number): Uint8Array {
    if (length > this.#slabSize >> 2) return new Uint8Array(length);
    this.reserve(length);
    return this.commit(length);
  }

  /** The memory that `reserve` made room in. */
  get slab(): Uint8Array {
    return this.#slab;
  }

  /** Makes sure of `length` zero bytes in `slab`, at the offset returned, for the next `commit`. At most the slab's size. */
  reserve(length: number): number {
    if (this.#offset + length > this.#slab.length) {
      this.#slab = new Uint8Array(this.#slabSize);
      this.#offset = 0;
    }
    return this.#offset;
  }

  /** Hands out the first `length` bytes of what was reserved. Nothing may have been written behind them. */
  commit(length: number): Uint8Array {
    const packet = new Uint8Array(this.#slab.buffer, this.#offset, length);
    this.#offset += (length + 7) & ~7;
    return packet;
  }
}

const NO_SLAB: Uint8Array<ArrayBuffer> = new Uint8Array(0);
