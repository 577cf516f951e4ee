/** When to ask a publisher for key frames: at once, again while none comes, and not more often than it can answer. */

/** A request and the frame it brings are on their way for so long; asked again within it, a publisher would make two. */
const MIN_INTERVAL_MS = 300;
/** The first repetition, when a request or what it brought was lost. It takes twice as long each time. */
const FIRST_REPETITION_MS = 500;
/** A publisher that does not answer is asked no more often than this. */
const MAX_REPETITION_MS = 2000;
/** Bound: SSRCs whose last request is remembered, the oldest forgotten first. Simulcast has three or four. */
const MAX_REMEMBERED = 16;

export class KeyFrameRequests {
  readonly #ask: (ssrc: number) => void;
  readonly #askedAt = new Map<number, number>();
  /** Whose key frame is waited for. */
  #awaited: number | null = null;
  #dueAt = Infinity;
  #repetitionMs = FIRST_REPETITION_MS;

  constructor(ask: (ssrc: number) => void) {
    this.#ask = ask;
  }

  /** When `update` has to be called again. */
  get nextTimeout(): number {
    return this.#dueAt;
  }

  /** Says whose key frame is waited for, if any, and asks when it is time. */
  update(ssrc: number | null, now: number): void {
    if (ssrc === null) {
      this.#awaited = null;
      this.#dueAt = Infinity;
      return;
    }
    if (ssrc !== this.#awaited) {
      this.#awaited = ssrc;
      this.#dueAt = this.#earliest(ssrc);
      this.#repetitionMs = FIRST_REPETITION_MS;
    }
    if (now < this.#dueAt) return;
    this.#dueAt = now + this.#repetitionMs;
    this.#repetitionMs = Math.min(2 * this.#repetitionMs, MAX_REPETITION_MS);
    this.#send(ssrc, now);
  }

  /** The viewer asks. False when the last request is too young. */
  pass(ssrc: number, now: number): boolean {
    if (now < this.#earliest(ssrc)) return false;
    this.#send(ssrc, now);
    return true;
  }

  #earliest(ssrc: number): number {
    return (this.#askedAt.get(ssrc) ?? -Infinity) + MIN_INTERVAL_MS;
  }

  #send(ssrc: number, now: number): void {
    this.#askedAt.delete(ssrc);
    this.#askedAt.set(ssrc, now);
    if (this.#askedAt.size > MAX_REMEMBERED) this.#askedAt.delete(this.#askedAt.keys().next().value!);
    this.#ask(ssrc);
  }
}
