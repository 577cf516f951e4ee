/**
 * The bus over NATS core, with the user's own connection (`@nats-io/transport-node`, or `wsconnect` of
 * `@nats-io/nats-core`), which should be told to reconnect without end: `maxReconnectAttempts: -1`.
 */
import { type Bus, type BusState, BusStatus, MAX_UNSENT_BYTES } from './bus.ts';

/** What is used of a `NatsConnection`. */
export type NatsConnectionLike = {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(
    subject: string,
    options: { callback(error: Error | null, message: { readonly data: Uint8Array }): void },
  ): { unsubscribe(): void };
  /** Resolves when the server has taken all that was published before. */
  flush(): Promise<void>;
  status(): AsyncIterable<{ readonly type: string }>;
  isClosed(): boolean;
};

export function natsBus(connection: NatsConnectionLike): Bus {
  const status = new BusStatus(connection.isClosed() ? 'down' : 'up');
  watch(connection, status);

  // Published, and not yet known to have been taken; bytes of the flush under way, and those after it.
  let flushingBytes = 0;
  let waitingBytes = 0;
  const flush = (): void => {
    flushingBytes = waitingBytes;
    waitingBytes = 0;
    const taken = (): void => {
      flushingBytes = 0;
      if (waitingBytes > 0) flush();
    };
    connection.flush().then(taken, taken);
  };

  return {
    publish(subject, message) {
      // A connection that is lost would keep it, for as long as the outage lasts.
      if (status.state === 'down' || flushingBytes + waitingBytes + message.length > MAX_UNSENT_BYTES) return false;
      try {
        connection.publish(subject, message);
      } catch {
        return false; // closed, or larger than the server takes
      }
      waitingBytes += message.length;
      if (flushingBytes === 0) flush();
      return true;
    },
    subscribe(subject, receive) {
      if (connection.isClosed()) return () => {};
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) receive(message.data);
        },
      });
      return () => subscription.unsubscribe();
    },
    get state(): BusState {
      return status.state;
    },
    onState: (listener) => status.listen(listener),
  };
}

async function watch(connection: NatsConnectionLike, status: BusStatus): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === 'reconnect') status.set('up');
    else if (type === 'disconnect' || type === 'close') status.set('down');
  }
  status.set('down'); // the iteration ends with the connection
}
