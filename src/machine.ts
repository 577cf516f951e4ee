/**
 * What every protocol machine has in common (docs/architecture.md, "The contract of a machine").
 *
 * A machine is synchronous: packets and the time go in, packets and events come out. It never asks for the time and
 * never makes its own randomness, so that a whole call can be simulated, repeated and replayed.
 */

/** A machine that is driven by packets and by the clock of its caller. */
export interface Machine {
  /**
   * Takes one packet from the network. Never throws: what is malformed, forged or out of place is dropped and counted.
   * The packet now belongs to the machine, which may decrypt it in place and keep views of it.
   * @param now milliseconds on the caller's monotonic clock
   */
  handlePacket(packet: Uint8Array, now: number): void;
  /** Does everything that is due at `now`. A second call with the same `now` does nothing. */
  handleTimeout(now: number): void;
  /** When `handleTimeout` is next due, in ms on the caller's clock; `Infinity` when nothing is pending. */
  readonly nextTimeout: number;
}

/** Where a machine's output goes. */
export interface Sink<Event> {
  /** Sends a packet at once. The packet belongs to the receiver of this call. */
  transmit(packet: Uint8Array): void;
  /** Reports an event once the machine's state is settled: the handler may call back into the machine. */
  event(event: Event): void;
}

/** Randomness lent to a machine: cryptographic in production, seeded in tests. */
export interface RandomSource {
  /** Fills all of `target` with random bytes. */
  fill(target: Uint8Array): void;
}

/** `length` fresh random bytes. */
export function randomBytes(random: RandomSource, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

/** A random unsigned 32-bit integer. */
export function randomUint32(random: RandomSource): number {
  const bytes = randomBytes(random, 4);
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

/** A random real number, `min` ≤ x < `max`, with 32 bits of resolution. */
export function randomBetween(random: RandomSource, min: number, max: number): number {
  return min + (randomUint32(random) / 0x1_0000_0000) * (max - min);
}

/**
 * Holds events back until the machine's state is settled. A machine calls `push` anywhere and `flush` as the last
 * thing each of its public methods does; a handler that calls back in only adds to the queue being drained.
 */
export class EventQueue<Event> {
  readonly #deliver: (event: Event) => void;
  #pending: Event[] = [];
  #draining = false;

  constructor(deliver: (event: Event) => void) {
    this.#deliver = deliver;
  }

  push(event: Event): void {
    this.#pending.push(event);
  }

  flush(): void {
    if (this.#draining || this.#pending.length === 0) return;
    this.#draining = true;
    try {
      for (let i = 0; i < this.#pending.length; i++) this.#deliver(this.#pending[i]!);
    } finally {
      this.#pending = [];
      this.#draining = false;
    }
  }
}
