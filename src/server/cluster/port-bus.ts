/** A worker's end of a `BusHub`: the bus that its tracker joins. */
import { type Bus, type BusState, BusStatus, Subscriptions } from './bus.ts';
import type { BusPort } from './port.ts';

/**
 * A bus over a port to the hub; `down` for good once the port has closed.
 * @example portBus(threadPort(parentPort)) or portBus(processPort(process))
 */
export function portBus(port: BusPort): Bus {
  const subscriptions = new Subscriptions();
  const status = new BusStatus('up');
  port.listen(
    (message) => {
      if (message.bus === 'message') subscriptions.deliver(message.subject, message.bytes);
    },
    () => status.set('down'),
  );
  return {
    publish(subject, bytes) {
      if (status.state === 'down') return false;
      port.post({ bus: 'publish', subject, bytes });
      return true;
    },
    subscribe(subject, receive) {
      if (subscriptions.add(subject, receive)) port.post({ bus: 'subscribe', subject });
      return () => {
        if (subscriptions.remove(subject, receive)) port.post({ bus: 'unsubscribe', subject });
      };
    },
    get state(): BusState {
      return status.state;
    },
    onState: (listener) => status.listen(listener),
  };
}
