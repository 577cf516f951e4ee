/**
 * "Queue a task" of one connection: every state change and event that has its cause outside the script comes through
 * here, in the order of the causes.
 *
 * Each task is a macrotask of its own, because the specification counts on the promise reactions of one task having run
 * before the next begins: `await pc.setLocalDescription()` continues before the first `icecandidate`, and
 * `await new Promise((r) => (channel.onmessage = r))` in a loop misses no message. `setImmediate`, which Node, Deno and
 * Bun have, does just that without the millisecond a timer costs; tasks of one connection keep their order in it.
 */
type Task = () => void;

const schedule: (task: Task) => void =
  typeof setImmediate === 'function' ? (task) => void setImmediate(task) : (task) => void setTimeout(task, 0);

export class TaskQueue {
  #open = true;

  /** Runs `task` soon, unless the connection is closed by then: "If connection.[[IsClosed]] is true, abort these steps." */
  queue(task: Task): void {
    if (!this.#open) return;
    schedule(() => {
      if (this.#open) task();
    });
  }

  /** As `queue`, for the few things that happen after `close()`. */
  queueEvenIfClosed(task: Task): void {
    schedule(task);
  }

  /** Settles in a task of its own, after what is queued now; also when closed. */
  nextTask(): Promise<void> {
    return new Promise((resolve) => schedule(resolve));
  }

  /** A promise that a queued task settles with what `compute` gives or throws; never settled once closed. */
  settleLater<T>(compute: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.queue(() => {
        try {
          resolve(compute());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Nothing queued runs any more. */
  close(): void {
    this.#open = false;
  }
}
