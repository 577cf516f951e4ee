/**
 * A bus of one machine, without an engine: a hub that hands each message to those subscribed to it, in its own process
 * (`connect`) and in workers (`attach`). The hub lives in the main thread or the primary process; every worker reaches it
 * through its port (port-bus.ts), so that many cores serve one tracker.
 */
import { type Bus, type BusState, BusStatus, Subscriptions } from './bus.ts';
import type { BusPort, PortMessage } from './port.ts';

export class BusHub {
  readonly #subscriptions = new Subscriptions();

  /** A bus for this process. */
  connect(): Bus {
    const status = new BusStatus('up');
    return {
      publish: (subject, message) => {
        // Not from within the caller's call: that is how every other bus behaves.
        queueMicrotask(() => this.#subscriptions.deliver(subject, message));
        return true;
      },
      subscribe: (subject, receive) => this.#subscribe(subject, receive),
      get state(): BusState {
        return status.state;
      },
      onState: (listener) => status.listen(listener),
    };
  }

  /** Serves a worker at the other end of this port, until the port closes or the returned function is called. */
  attach(port: BusPort): () => void {
    const unsubscribe = new Map<string, () => void>();
    const detach = (): void => {
      for (const end of unsubscribe.values()) end();
      unsubscribe.clear();
      stop();
    };
    const stop = port.listen((message: PortMessage) => {
      const { subject } = message;
      switch (message.bus) {
        case 'publish':
          this.#subscriptions.deliver(subject, message.bytes);
          return;
        case 'subscribe':
          if (unsubscribe.has(subject)) return;
          unsubscribe.set(
            subject,
            this.#subscribe(subject, (bytes) => port.post({ bus: 'message', subject, bytes })),
          );
          return;
        case 'unsubscribe':
          unsubscribe.get(subject)?.();
          unsubscribe.delete(subject);
          return;
        case 'message': // only a hub sends these
          return;
        default:
          message satisfies never;
      }
    }, detach);
    return detach;
  }

  #subscribe(subject: string, receive: (message: Uint8Array) => void): () => void {
    this.#subscriptions.add(subject, receive);
    return () => void this.#subscriptions.remove(subject, receive);
  }
}
