/** A path with one bottleneck, and a clock that jumps from event to event: enough of a network to steer through. */
import { SeededRandom } from '../../../src/runtime/memory.ts';

/** Events in the order of time; of two at one time, the one that was added first. */
export class EventLoop {
  now = 0;
  readonly #heap: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs: Math.max(atMs, this.now), order: this.#order++, run });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (isBefore(heap[parent]!, heap[i]!)) break;
      [heap[parent], heap[i]] = [heap[i]!, heap[parent]!];
      i = parent;
    }
  }

  runUntil(endMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= endMs) {
      const { atMs, run } = this.#pop();
      this.now = atMs;
      run();
    }
    this.now = endMs;
  }

  #pop(): { atMs: number; run: () => void } {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === i) return top;
      [heap[least], heap[i]] = [heap[i]!, heap[least]!];
      i = least;
    }
  }
}

function isBefore(a: { atMs: number; order: number }, b: { atMs: number; order: number }): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

export type PathOptions = {
  /** Bits per second. */
  rate: number;
  /** One way. */
  delayMs: number;
  /** What the queue before the bottleneck holds, in time at `rate`; more is dropped at its tail. */
  queueMs: number;
  /** Losses that have nothing to do with the queue. */
  lossRate?: number;
  /** Those losses come in bursts of so many on average. */
  lossBurst?: number;
  /** Up to so much more delay, uniformly; order is kept. */
  jitterMs?: number;
};

/** `queuedMs`: how long it waited for the bottleneck. */
type Delivery = { sizeBytes: number; deliver: (queuedMs: number) => void; drop: () => void; enteredAtMs: number };

/** One direction. May be changed at any time: `path.options.rate = …`. */
export class Path {
  readonly options: PathOptions;
  readonly #loop: EventLoop;
  readonly #random: SeededRandom;
  readonly #queue: Delivery[] = [];
  #queuedBytes = 0;
  #isServing = false;
  #isInLossBurst = false;
  #lastArrivalMs = 0;
  dropped = 0;

  constructor(loop: EventLoop, options: PathOptions, seed: number) {
    this.options = options;
    this.#loop = loop;
    this.#random = new SeededRandom(seed);
  }

  send(sizeBytes: number, deliver: (queuedMs: number) => void, drop: () => void = () => {}): void {
    const limitBytes = Math.max((this.options.rate * this.options.queueMs) / 8000, 3000);
    if (this.#isLost() || this.#queuedBytes + sizeBytes > limitBytes) {
      this.dropped++;
      drop();
      return;
    }
    this.#queue.push({ sizeBytes, deliver, drop, enteredAtMs: this.#loop.now });
    this.#queuedBytes += sizeBytes;
    if (!this.#isServing) this.#serve();
  }

  #serve(): void {
    const next = this.#queue[0];
    this.#isServing = next !== undefined;
    if (next === undefined) return;
    this.#loop.at(this.#loop.now + (next.sizeBytes * 8000) / this.options.rate, () => {
      this.#queue.shift();
      this.#queuedBytes -= next.sizeBytes;
      const queuedMs = this.#loop.now - next.enteredAtMs;
      const jitterMs = this.#random.between(0, this.options.jitterMs ?? 0);
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#loop.now + this.options.delayMs + jitterMs);
      this.#loop.at(this.#lastArrivalMs, () => next.deliver(queuedMs));
      this.#serve();
    });
  }

  #isLost(): boolean {
    const { lossRate = 0, lossBurst = 1 } = this.options;
    if (lossBurst <= 1) return this.#random.chance(lossRate);
    // Gilbert: bursts of `lossBurst` on average, as often as `lossRate` asks for.
    const enter = lossRate / (lossBurst * (1 - lossRate));
    this.#isInLossBurst = this.#isInLossBurst ? !this.#random.chance(1 / lossBurst) : this.#random.chance(enter);
    return this.#isInLossBurst;
  }
}

/** A flow that does not care: so much, whatever happens. `rate` may be changed; 0 is silence. */
export class ConstantFlow {
  rate: number;

  constructor(loop: EventLoop, path: Path, rate: number, packetBytes = 1200) {
    this.rate = rate;
    const send = (): void => {
      if (this.rate > 0) path.send(packetBytes, () => {});
      loop.at(loop.now + (this.rate > 0 ? (packetBytes * 8000) / this.rate : 10), send);
    };
    send();
  }
}

/** A TCP download without end: NewReno in outline (RFC 5681), a window that grows until the queue overflows. */
export class TcpFlow {
  readonly #loop: EventLoop;
  readonly #path: Path;
  #window = 10;
  #threshold = Infinity;
  #inFlight = 0;
  #recoveredAtMs = 0;
  deliveredBytes = 0;

  constructor(loop: EventLoop, path: Path, beginMs: number, endMs: number) {
    this.#loop = loop;
    this.#path = path;
    loop.at(beginMs, () => this.#fill(endMs));
  }

  #fill(endMs: number): void {
    const loop = this.#loop;
    const rttMs = 2 * this.#path.options.delayMs;
    while (loop.now < endMs && this.#inFlight < this.#window) {
      this.#inFlight++;
      const onDelivered = (): void => {
        this.deliveredBytes += 1500;
        loop.at(loop.now + this.#path.options.delayMs, () => {
          this.#inFlight--;
          this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
          this.#fill(endMs);
        });
      };
      const onDropped = (): void => {
        loop.at(loop.now + rttMs + this.#path.options.queueMs, () => {
          this.#inFlight--;
          if (loop.now >= this.#recoveredAtMs) {
            this.#threshold = Math.max(this.#window / 2, 2);
            this.#window = this.#threshold;
            this.#recoveredAtMs = loop.now + rttMs + this.#path.options.queueMs;
          }
          this.#fill(endMs);
        });
      };
      this.#path.send(1500, onDelivered, onDropped);
    }
  }
}
