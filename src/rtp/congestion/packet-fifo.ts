/** A queue of packets that gives up its oldest in constant time; its owner bounds it. */

const COMPACT_AT = 256;

export type Queued<Packet> = { readonly packet: Packet; readonly queuedAtMs: number };

export class PacketFifo<Packet> {
  #entries: Queued<Packet>[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The oldest; undefined when there is none. */
  peek(): Queued<Packet> | undefined {
    return this.#entries[this.#head];
  }

  push(packet: Packet, queuedAtMs: number): void {
    this.#entries.push({ packet, queuedAtMs });
  }

  /** Takes out the oldest. */
  shift(): Queued<Packet> | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#head++;
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  /** Takes out the youngest. */
  pop(): Queued<Packet> | undefined {
    return this.length === 0 ? undefined : this.#entries.pop();
  }

  /** Takes out those that `drops` says true of. */
  remove(drops: (packet: Packet) => boolean): Queued<Packet>[] {
    const removed: Queued<Packet>[] = [];
    const kept: Queued<Packet>[] = [];
    for (let i = this.#head; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      (drops(entry.packet) ? removed : kept).push(entry);
    }
    this.#entries = kept;
    this.#head = 0;
    return removed;
  }
}
