/** One direction of a network path on the virtual clock: delay, jitter, loss, duplication, bandwidth; all from a seed. */
import { SeededRandom } from './random.ts';

export type LinkConditions = {
  /** One way, in ms. */
  delayMs?: number;
  /** Up to this much more, in ms, by chance: packets overtake each other. */
  jitterMs?: number;
  /** Chance of each packet to be lost. */
  loss?: number;
  /** Chance of each packet to arrive twice. */
  duplication?: number;
  /** Bytes per ms; what does not fit into `queueBytes` is lost. */
  bandwidth?: number;
  queueBytes?: number;
  /** Which packets are lost, by number from 0; `true` is lost, and after the list none is. Beside `loss`. */
  lossPattern?: readonly boolean[];
};

type InFlight = { readonly at: number; readonly sequence: number; readonly packet: Uint8Array };

export class Link {
  conditions: LinkConditions;
  /** Every packet that was sent into the link, lost or not; copies, for the test to look at. */
  readonly sent: { at: number; packet: Uint8Array }[] = [];
  /** Packets for which it returns true are lost. */
  drop: (packet: Uint8Array, index: number) => boolean = () => false;
  record = true;
  count = 0;
  lost = 0;
  readonly #random: SeededRandom;
  #queue: InFlight[] = [];
  #sequence = 0;
  #freeAt = 0;

  constructor(seed: number, conditions: LinkConditions = {}) {
    this.#random = new SeededRandom(seed);
    this.conditions = conditions;
  }

  send(packet: Uint8Array, now: number): void {
    const { delayMs = 0, jitterMs = 0, loss = 0, duplication = 0, bandwidth = Infinity } = this.conditions;
    const index = this.count++;
    if (this.record) this.sent.push({ at: now, packet: packet.slice() });
    let depart = now;
    if (bandwidth < Infinity) {
      const start = Math.max(now, this.#freeAt);
      if ((start - now) * bandwidth > (this.conditions.queueBytes ?? 100_000)) {
        this.lost++;
        return;
      }
      this.#freeAt = start + packet.length / bandwidth;
      depart = this.#freeAt;
    }
    const isLost =
      this.drop(packet, index) ||
      (this.conditions.lossPattern?.[index] ?? false) ||
      (loss > 0 && this.#random.real() < loss);
    if (isLost) {
      this.lost++;
      return;
    }
    this.#enqueue(packet, depart + delayMs + this.#jitter(jitterMs));
    if (duplication > 0 && this.#random.real() < duplication) {
      this.#enqueue(packet.slice(), depart + delayMs + this.#jitter(jitterMs));
    }
  }

  get next(): number {
    return this.#queue[0]?.at ?? Infinity;
  }

  /** The next packet that has arrived at `now`. */
  receive(now: number): Uint8Array | undefined {
    if (this.next > now) return undefined;
    return this.#queue.shift()!.packet;
  }

  /** Forgets what is on its way, and returns it. */
  take(): Uint8Array[] {
    const packets = this.#queue.map(({ packet }) => packet);
    this.#queue = [];
    return packets;
  }

  /** What was sent since the last call. */
  takeSent(): Uint8Array[] {
    return this.sent.splice(0).map(({ packet }) => packet);
  }

  #jitter(jitterMs: number): number {
    return jitterMs === 0 ? 0 : Math.floor(this.#random.real() * jitterMs);
  }

  #enqueue(packet: Uint8Array, at: number): void {
    let i = this.#queue.length;
    while (i > 0 && this.#queue[i - 1]!.at > at) i--;
    this.#queue.splice(i, 0, { at, sequence: this.#sequence++, packet });
  }
}
