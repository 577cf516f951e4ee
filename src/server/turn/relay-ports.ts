/** The ports of a range that relays are given, at random (RFC 8656 §7.2, RFC 6056), each to one at a time. */
import { type RandomSource, randomUint32 } from '../../machine.ts';

export class RelayPorts {
  readonly #min: number;
  readonly #size: number;
  readonly #random: RandomSource;
  readonly #taken = new Set<number>();

  constructor({ min, max }: { readonly min: number; readonly max: number }, random: RandomSource) {
    this.#min = min;
    this.#size = max - min + 1;
    this.#random = random;
  }

  /** @param even RFC 8656 §7.2, EVEN-PORT. @returns `null` when there is none left */
  take(even: boolean): number | null {
    if (this.#taken.size >= this.#size) return null;
    const start = randomUint32(this.#random) % this.#size;
    for (let i = 0; i < this.#size; i++) {
      const port = this.#min + ((start + i) % this.#size);
      if (this.#taken.has(port) || (even && port % 2 === 1)) continue;
      this.#taken.add(port);
      return port;
    }
    return null;
  }

  giveBack(port: number): void {
    this.#taken.delete(port);
  }
}
