import type { SeededRandom } from './random.ts';

export type PathOptions = {
  readonly delayMs: number;
  /** Uniform, added to the delay: makes packets overtake each other. */
  readonly jitterMs?: number;
  /** 0 … 1, each packet by itself. */
  readonly loss?: number;
  /** Loses packets in bursts of this length on average, at the same rate of loss (Gilbert). */
  readonly burst?: number;
  readonly duplication?: number;
};

/** One direction of a network: what is sent comes later, or not, or out of order. Time is told. */
export class Path<Message> {
  readonly #random: SeededRandom;
  readonly #options: PathOptions;
  readonly #deliver: (message: Message, now: number) => void;
  #onWay: { at: number; order: number; message: Message }[] = [];
  #order = 0;
  #isLosing = false;
  lost = 0;
  sent = 0;

  constructor(random: SeededRandom, options: PathOptions, deliver: (message: Message, now: number) => void) {
    this.#random = random;
    this.#options = options;
    this.#deliver = deliver;
  }

  get nextTimeout(): number {
    return this.#onWay.reduce((next, { at }) => Math.min(next, at), Infinity);
  }

  send(message: Message, now: number): void {
    const { delayMs, jitterMs = 0, duplication = 0 } = this.#options;
    this.sent++;
    if (this.#isLost()) {
      this.lost++;
      return;
    }
    const copies = this.#random.real() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.#onWay.push({
        at: now + delayMs + jitterMs * this.#random.real(),
        order: this.#order++,
        message: i === 0 ? message : structuredClone(message),
      });
    }
  }

  handleTimeout(now: number): void {
    const due = this.#onWay.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.order - b.order);
    this.#onWay = this.#onWay.filter(({ at }) => at > now);
    for (const { message } of due) this.#deliver(message, now);
  }

  #isLost(): boolean {
    const { loss = 0, burst = 1 } = this.#options;
    if (burst <= 1) return this.#random.real() < loss;
    const leave = 1 / burst;
    const enter = (leave * loss) / (1 - loss);
    this.#isLosing = this.#random.real() < (this.#isLosing ? 1 - leave : enter);
    return this.#isLosing;
  }
}

/** Runs what has timers, on one clock, until nothing is due before `until`. */
export function run(
  parts: readonly { readonly nextTimeout: number; handleTimeout(now: number): void }[],
  from: number,
  until: number,
): void {
  let now = from;
  for (let turns = 0; ; turns++) {
    const next = Math.min(...parts.map(({ nextTimeout }) => nextTimeout));
    if (next > until) return;
    if (turns > 5_000_000) throw new Error(`a timer stays in the past at ${now} ms`);
    now = Math.max(now, next);
    for (const part of parts) if (part.nextTimeout <= now) part.handleTimeout(now);
  }
}
