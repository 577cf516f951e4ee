/**
 * Packets under construction, written straight into the memory they are sent from: one view per packet, no copies.
 *
 * ```
 *   headroom │ common header │ chunk │ chunk │ … │ tailroom
 *            └────────── at most `mtu` ──────────┘
 * ```
 */
import { PacketAllocator } from '../../binary/packet-allocator.ts';
import { HEADER, writeCommonHeader } from './common-header.ts';

export class PacketWriter {
  readonly #allocator: PacketAllocator;
  readonly #headroom: number;
  readonly #tailroom: number;
  readonly #mtu: number;
  #start = 0;
  #end = 0;
  /** The memory of the packet that is open. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next chunk begins. The writer of a chunk advances it by the chunk's padded length. */
  at = 0;

  constructor(mtu: number, headroom: number, tailroom: number) {
    this.#mtu = mtu;
    this.#headroom = headroom;
    this.#tailroom = tailroom;
    // Eight of the largest packets at least, so that slabs are seldom given up half full.
    this.#allocator = new PacketAllocator(Math.max(65_536, 8 * (headroom + mtu + tailroom)));
  }

  /** Bytes left for chunks in the packet that is open. */
  get room(): number {
    return this.#end - this.at;
  }

  /** Whether the packet that is open has no chunk yet. */
  get isEmpty(): boolean {
    return this.at === this.#start + HEADER.size;
  }

  /** Bytes an empty packet has for chunks. */
  get capacity(): number {
    return this.#mtu - HEADER.size;
  }

  /** Begins a packet. One that was begun before and not finished is forgotten; it must be empty. */
  open(): void {
    this.#start = this.#allocator.reserve(this.#headroom + this.#mtu + this.#tailroom) + this.#headroom;
    this.bytes = this.#allocator.slab;
    this.at = this.#start + HEADER.size;
    this.#end = this.#start + this.#mtu;
  }

  /** Copies a whole, padded control chunk in; false when there is no room for it. */
  append(chunk: Uint8Array): boolean {
    if (chunk.length > this.room) return false;
    this.bytes.set(chunk, this.at);
    this.at += chunk.length;
    return true;
  }

  /** Ends the packet: headroom, SCTP packet and tailroom in one array. */
  finish(sourcePort: number, destinationPort: number, verificationTag: number): Uint8Array {
    writeCommonHeader(this.bytes, this.#start, this.at, sourcePort, destinationPort, verificationTag);
    return this.#allocator.commit(this.#headroom + this.at - this.#start + this.#tailroom);
  }

  /** Length of the SCTP packet so far. */
  get length(): number {
    return this.at - this.#start;
  }
}
