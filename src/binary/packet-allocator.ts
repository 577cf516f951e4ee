/**
 * Buffers for outgoing packets, cut from a larger slab: an `ArrayBuffer` per packet costs several times more, in time
 * and in work for the garbage collector. A slab lives as long as any packet cut from it.
 */
export class PacketAllocator {
  readonly #slabSize: number;
  #slab: ArrayBuffer;
  #offset = 0;

  /** @param slabSize bytes; the price of one packet kept alive by its receiver */
  constructor(slabSize = 65_536) {
    this.#slabSize = slabSize;
    this.#slab = new ArrayBuffer(slabSize);
  }

  /** `length` bytes for the caller alone, all zero. */
  allocate(length: number): Uint8Array {
    if (length > this.#slabSize >> 2) return new Uint8Array(length);
    if (this.#offset + length > this.#slabSize) {
      this.#slab = new ArrayBuffer(this.#slabSize);
      this.#offset = 0;
    }
    const packet = new Uint8Array(this.#slab, this.#offset, length);
    this.#offset += (length + 7) & ~7;
    return packet;
  }
}
