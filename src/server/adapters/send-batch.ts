/**
 * One system call for all that goes to one socket in one turn of the event loop. A busy tracker is busy writing: an announce
 * with five offers is six messages to six sockets, and many announces come in one turn.
 */
import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers';

export class SendBatch {
  readonly #held = new Set<Writable>();
  readonly #flush = (): void => {
    for (const socket of this.#held) socket.uncork();
    this.#held.clear();
  };

  /** What is written to `socket` from now on leaves when everything that has come in has been looked at. */
  hold(socket: Writable): void {
    if (this.#held.has(socket)) return;
    if (this.#held.size === 0) setImmediate(this.#flush);
    this.#held.add(socket);
    socket.cork();
  }
}
