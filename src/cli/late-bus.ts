/** A bus whose engine cannot be reached yet: down, until it can. What was subscribed to meanwhile is subscribed to then. */
import type { Bus, BusState } from '../server/index.ts';

type Subscription = {
  readonly subject: string;
  readonly receive: (message: Uint8Array) => void;
  cancel: () => void;
};

export class LateBus implements Bus {
  #bus: Bus | null = null;
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<(state: BusState) => void>();

  get state(): BusState {
    return this.#bus?.state ?? 'down';
  }

  /** From now on it is this one. */
  use(bus: Bus): void {
    this.#bus = bus;
    for (const subscription of this.#subscriptions) {
      subscription.cancel = bus.subscribe(subscription.subject, subscription.receive);
    }
    bus.onState((state) => this.#tell(state));
    if (bus.state === 'up') this.#tell('up');
  }

  publish(subject: string, message: Uint8Array): boolean {
    return this.#bus?.publish(subject, message) ?? false;
  }

  subscribe(subject: string, receive: (message: Uint8Array) => void): () => void {
    const cancel = this.#bus?.subscribe(subject, receive) ?? (() => {});
    const subscription: Subscription = { subject, receive, cancel };
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.cancel();
    };
  }

  onState(listener: (state: BusState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(state: BusState): void {
    for (const listener of this.#listeners) listener(state);
  }
}
