/** The virtual clock: a heap of events, and time that jumps from one to the next. */

/** Something that happens at a virtual time. Belongs to one scheduler at a time. */
export abstract class ScheduledEvent {
  /** Milliseconds on the virtual clock. */
  at = 0;
  /** Ties are broken by the order of scheduling. */
  order = 0;
  /** Where it stands in the heap; -1 when it is not scheduled. */
  index = -1;

  abstract fire(): void;
}

export class Scheduler {
  readonly #heap: ScheduledEvent[] = [];
  #now = 0;
  #scheduled = 0;

  /** Milliseconds since the network was made. */
  get now(): number {
    return this.#now;
  }

  /** When the next event is due; `Infinity` when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** How many events are pending. */
  get size(): number {
    return this.#heap.length;
  }

  /** A time in the past means now. */
  schedule(event: ScheduledEvent, at: number): void {
    event.at = Math.max(at, this.#now);
    event.order = this.#scheduled++;
    this.#heap.push(event);
    this.#rise(event, this.#heap.length - 1);
  }

  /** Takes an event back. One that has fired is no error. */
  cancel(event: ScheduledEvent): void {
    const { index } = event;
    if (index < 0) return;
    event.index = -1;
    const last = this.#heap.pop()!;
    if (last === event) return;
    if (index > 0 && isBefore(last, this.#heap[(index - 1) >> 1]!)) this.#rise(last, index);
    else this.#sink(last, index);
  }

  /** Jumps to the next event and fires it; false when there is none. */
  step(): boolean {
    const event = this.#heap[0];
    if (event === undefined) return false;
    this.cancel(event);
    this.#now = event.at;
    event.fire();
    return true;
  }

  /** Fires everything due until `time`, which it then is. */
  runTo(time: number): void {
    while (this.nextAt <= time) this.step();
    this.#now = Math.max(this.#now, time);
  }

  #rise(event: ScheduledEvent, from: number): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex]!;
      if (!isBefore(event, parent)) break;
      heap[index] = parent;
      parent.index = index;
      index = parentIndex;
    }
    heap[index] = event;
    event.index = index;
  }

  #sink(event: ScheduledEvent, from: number): void {
    const heap = this.#heap;
    const half = heap.length >> 1;
    let index = from;
    while (index < half) {
      let childIndex = 2 * index + 1;
      if (childIndex + 1 < heap.length && isBefore(heap[childIndex + 1]!, heap[childIndex]!)) childIndex++;
      const child = heap[childIndex]!;
      if (!isBefore(child, event)) break;
      heap[index] = child;
      child.index = index;
      index = childIndex;
    }
    heap[index] = event;
    event.index = index;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
