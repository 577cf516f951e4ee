/** One direction of a wire: what it does to the packets that are put on it. */
import type { SeededRandom } from './seeded-random.ts';

/** All rates are probabilities per packet, 0–1; everything absent does no harm. */
export type LinkOptions = {
  /** Time on the wire. */
  readonly delayMs?: number;
  /** Up to this much more, uniformly; packets stay in order, as they do in a queue. */
  readonly jitterMs?: number;
  /** Independent losses. */
  readonly lossRate?: number;
  /** Losses in bursts, on top of `lossRate`. */
  readonly burstLoss?: BurstLoss;
  /** How often a packet is overtaken by those within `reorderMs` (default 10) behind it. */
  readonly reorderRate?: number;
  readonly reorderMs?: number;
  /** How often a packet arrives twice. */
  readonly duplicateRate?: number;
  /** Bits per second; unlimited by default. Counts IP and UDP headers. */
  readonly bandwidth?: number;
  /** What may wait for `bandwidth`; more is dropped at the tail. Default 64 KiB. */
  readonly queueBytes?: number;
  /** The largest IP packet; larger ones are dropped without a word, as behind a filtered ICMP. Default 1500. */
  readonly mtu?: number;
};

/** Gilbert–Elliott: a good and a bad state, changed between per packet. Bursts are 1 / `leaveRate` packets long. */
export type BurstLoss = {
  readonly enterRate: number;
  readonly leaveRate: number;
  /** Loss while the state is bad; default 1. */
  readonly lossRate?: number;
};

/** Why a link did not carry a packet. */
export type LinkDrop = 'linkDown' | 'lost' | 'queueFull' | 'tooBig';

/** RFC 791 §3.1, RFC 8200 §3, RFC 768: what stands before a UDP payload on the wire. */
const HEADER_BYTES = { 4: 20 + 8, 6: 40 + 8 } as const;
const DEFAULT_QUEUE_BYTES = 65_536;
const DEFAULT_MTU = 1500;
const DEFAULT_REORDER_MS = 10;

export class Link {
  /** May be changed at any time; packets on their way keep their fate. */
  options: LinkOptions;
  /** A cut wire, when false. */
  isUp = true;
  /** Drops the packets for which it says true: "lose the third one". */
  drops: ((packet: Uint8Array) => boolean) | null = null;
  readonly #random: SeededRandom;
  #isBad = false; // Gilbert–Elliott
  #freeAt = 0; // when the last queued packet has left
  #lastArrival = 0;
  #drop: LinkDrop = 'lost';
  #secondArrival = -1;

  constructor(options: LinkOptions, random: SeededRandom) {
    this.options = options;
    this.#random = random;
  }

  /** Why `carry` answered -1. */
  get drop(): LinkDrop {
    return this.#drop;
  }

  /** When the packet given to `carry` arrives a second time; -1 when it does not. */
  get secondArrival(): number {
    return this.#secondArrival;
  }

  /** Puts a packet on the wire at `now`: when it arrives, or -1. */
  carry(packet: Uint8Array, family: 4 | 6, now: number): number {
    const { bandwidth, mtu = DEFAULT_MTU, duplicateRate = 0 } = this.options;
    const size = packet.length + HEADER_BYTES[family];
    this.#secondArrival = -1;
    if (!this.isUp) return this.#refuse('linkDown');
    if (size > mtu) return this.#refuse('tooBig');
    let departure = now;
    if (bandwidth !== undefined) {
      const bitsPerMs = bandwidth / 1000;
      const waitingBytes = (Math.max(0, this.#freeAt - now) * bitsPerMs) / 8;
      if (waitingBytes + size > (this.options.queueBytes ?? DEFAULT_QUEUE_BYTES)) return this.#refuse('queueFull');
      departure = Math.max(now, this.#freeAt) + (size * 8) / bitsPerMs;
      this.#freeAt = departure;
    }
    if (this.#isLost() || this.drops?.(packet)) return this.#refuse('lost');
    const arrival = this.#arrival(departure);
    if (this.#random.chance(duplicateRate)) this.#secondArrival = this.#arrival(departure);
    return arrival;
  }

  #refuse(drop: LinkDrop): number {
    this.#drop = drop;
    return -1;
  }

  #isLost(): boolean {
    const { lossRate = 0, burstLoss } = this.options;
    if (burstLoss !== undefined) {
      const changes = this.#random.chance(this.#isBad ? burstLoss.leaveRate : burstLoss.enterRate);
      if (changes) this.#isBad = !this.#isBad;
      if (this.#isBad && this.#random.chance(burstLoss.lossRate ?? 1)) return true;
    }
    return this.#random.chance(lossRate);
  }

  #arrival(departure: number): number {
    const { delayMs = 0, jitterMs = 0, reorderRate = 0, reorderMs = DEFAULT_REORDER_MS } = this.options;
    const jitter = jitterMs > 0 ? this.#random.between(0, jitterMs) : 0;
    const arrival = Math.max(departure + delayMs + jitter, this.#lastArrival);
    if (this.#random.chance(reorderRate)) return arrival + this.#random.between(0, reorderMs);
    this.#lastArrival = arrival;
    return arrival;
  }
}
