/** The association's timers: a table of deadlines under their names, and the earliest of them. */

/** Index of each timer in the table. */
export const TIMER = {
  /** Messages were queued and wait for the end of the caller's turn. */
  flush: 0,
  /** More may be sent once the burst limit has renewed. */
  burst: 1,
  /** RFC 9260 §5.1: an INIT is unanswered. */
  t1Init: 2,
  /** RFC 9260 §5.1: a COOKIE ECHO is unanswered. */
  t1Cookie: 3,
  /** RFC 9260 §9.2: a SHUTDOWN or SHUTDOWN ACK is unanswered. */
  t2Shutdown: 4,
  /** RFC 9260 §6.3: data is unacknowledged. */
  t3Rtx: 5,
  /** RFC 9260 §9.2: the whole shutdown takes too long. */
  t5ShutdownGuard: 6,
  /** RFC 9260 §6.2: a SACK is being delayed. */
  sack: 7,
  /** RFC 9260 §8.3: time for a HEARTBEAT, or for its answer. */
  heartbeat: 8,
  /** RFC 6525 §5.1.1: a request is unanswered. */
  reConfig: 9,
  /** RFC 3758 §4.1: the earliest lifetime of a message ends. */
  lifetime: 10,
  /** RFC 9260 §6.1 A: the peer's window is closed. */
  windowProbe: 11,
  /** What the loss recovery waits for. */
  lossRecovery: 12,
} as const;

export type TimerName = keyof typeof TIMER;
export type TimerIndex = (typeof TIMER)[TimerName];

const NAMES = Object.keys(TIMER) as TimerName[];

export class Timers {
  readonly #deadlines = new Float64Array(NAMES.length).fill(Number.POSITIVE_INFINITY);

  set(timer: TimerIndex, deadline: number): void {
    this.#deadlines[timer] = deadline;
  }

  /** Makes the timer, if it is set, run out at `deadline` at the latest. */
  hasten(timer: TimerIndex, deadline: number): void {
    if (this.#deadlines[timer]! < Number.POSITIVE_INFINITY && this.#deadlines[timer]! > deadline) {
      this.#deadlines[timer] = deadline;
    }
  }

  clear(timer: TimerIndex): void {
    this.#deadlines[timer] = Number.POSITIVE_INFINITY;
  }

  clearAll(): void {
    this.#deadlines.fill(Number.POSITIVE_INFINITY);
  }

  isSet(timer: TimerIndex): boolean {
    return this.#deadlines[timer]! < Number.POSITIVE_INFINITY;
  }

  /** Whether the timer has run out at `now`; it is then cleared. */
  take(timer: TimerIndex, now: number): boolean {
    if (!(this.#deadlines[timer]! <= now)) return false;
    this.clear(timer);
    return true;
  }

  /** The earliest deadline; `Infinity` when no timer is set. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#deadlines.length; i++) if (this.#deadlines[i]! < next) next = this.#deadlines[i]!;
    return next;
  }

  /** Which timer is due next, for whoever wonders why a machine keeps waking up. */
  get nextReason(): TimerName | null {
    const next = this.next;
    return next === Number.POSITIVE_INFINITY ? null : NAMES[this.#deadlines.indexOf(next)]!;
  }
}
