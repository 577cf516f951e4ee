/**
 * What carries messages between the nodes of a cluster: publish and subscribe, at most once, in any order. No store, no
 * request and reply, no acknowledgement. That is all that Redis, Valkey, NATS and a process's own workers have in common,
 * and all that docs/cluster.md needs: what is lost is repeated by the next announce.
 */

/** `up`: what is published now will most likely arrive. `down`: nothing gets through, in either direction. */
export type BusState = 'up' | 'down';

export interface Bus {
  /**
   * Sends a message to everybody subscribed to `subject`, the sender's own subscriptions among them, at most once each.
   * Never waits and never throws.
   * @param subject letters, digits, `.` and `-`
   * @param message not changed by either side afterwards
   * @returns false when it was dropped at once: the bus is down, or too much waits to be sent
   */
  publish(subject: string, message: Uint8Array): boolean;
  /**
   * Calls `receive` with each message published on `subject` until the returned function is called. Subscriptions outlive
   * an outage: when the bus is up again they are there again.
   */
  subscribe(subject: string, receive: (message: Uint8Array) => void): () => void;
  readonly state: BusState;
  /** Calls `listener` at each change of `state` until the returned function is called. */
  onState(listener: (state: BusState) => void): () => void;
}

/** Bytes handed to a client library and not yet confirmed to be sent; more is dropped, for an engine that hangs. */
export const MAX_UNSENT_BYTES: number = 4 * 2 ** 20;

/** Who wants to hear of which subject, within one process. */
export class Subscriptions {
  readonly #bySubject = new Map<string, Set<(message: Uint8Array) => void>>();

  /** @returns whether it is the first one of its subject */
  add(subject: string, receive: (message: Uint8Array) => void): boolean {
    const receivers = this.#bySubject.get(subject);
    if (receivers === undefined) this.#bySubject.set(subject, new Set([receive]));
    else receivers.add(receive);
    return receivers === undefined;
  }

  /** @returns whether it was the last one of its subject */
  remove(subject: string, receive: (message: Uint8Array) => void): boolean {
    const receivers = this.#bySubject.get(subject);
    if (!receivers?.delete(receive) || receivers.size > 0) return false;
    return this.#bySubject.delete(subject);
  }

  has(subject: string): boolean {
    return this.#bySubject.has(subject);
  }

  deliver(subject: string, message: Uint8Array): void {
    for (const receive of this.#bySubject.get(subject) ?? []) receive(message);
  }
}

/** The state of a bus and who listens to it. */
export class BusStatus {
  #state: BusState;
  readonly #listeners = new Set<(state: BusState) => void>();

  constructor(state: BusState) {
    this.#state = state;
  }

  get state(): BusState {
    return this.#state;
  }

  set(state: BusState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  listen(listener: (state: BusState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
