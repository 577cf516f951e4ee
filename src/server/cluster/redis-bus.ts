/**
 * The bus over Redis or Valkey publish and subscribe, with the user's own clients: ioredis, iovalkey or node-redis. Two of
 * them, because a connection that has subscribed can do nothing else. The clients reconnect by themselves and subscribe
 * again; how long they try and how they authenticate is theirs.
 */
import { Buffer } from 'node:buffer';
import { type Bus, type BusState, BusStatus, MAX_UNSENT_BYTES, Subscriptions } from './bus.ts';

type Events = { on(event: string, listener: (...values: unknown[]) => void): unknown };

/** What is used of an ioredis or iovalkey `Redis` or `Cluster`. */
export type IoRedisClient = Events & {
  readonly status: string;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  spublish(channel: string, message: Buffer): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
};

type NodeRedisListener = (message: Buffer, channel: Buffer) => void;
/** What is used of a node-redis client or cluster, which the user has told to `connect()`. */
export type NodeRedisClient = Events & {
  readonly isReady: boolean;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(channel: string, listener: NodeRedisListener, bufferMode: true): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  sPublish(channel: string, message: Buffer): Promise<unknown>;
  sSubscribe(channel: string, listener: NodeRedisListener, bufferMode: true): Promise<unknown>;
  sUnsubscribe(channel: string): Promise<unknown>;
};

export type RedisBusOptions = {
  readonly publisher: IoRedisClient | NodeRedisClient;
  /** Another connection of the same kind, for nothing else: `publisher.duplicate()`. */
  readonly subscriber: IoRedisClient | NodeRedisClient;
  /**
   * Sharded publish and subscribe (Redis 7, SPUBLISH): for Redis Cluster, where the plain one sends every message to every
   * node of the engine. Default false.
   */
  readonly sharded?: boolean;
};

/** The little that the bus asks of a connection, whichever library it is from. */
type Connection = {
  isReady(): boolean;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
};

/** Events after which `isReady` may have changed; each client has some of them. */
const STATE_EVENTS = ['ready', 'close', 'reconnecting', 'end', 'error', 'terminated'];

export function redisBus({ publisher, subscriber, sharded = false }: RedisBusOptions): Bus {
  const subscriptions = new Subscriptions();
  const deliver = (channel: string, message: Uint8Array): void => subscriptions.deliver(channel, message);
  const sending = connection(publisher, sharded, deliver);
  const receiving = connection(subscriber, sharded, deliver);

  const stateNow = (): BusState => (sending.isReady() && receiving.isReady() ? 'up' : 'down');
  const status = new BusStatus(stateNow());
  for (const client of [publisher, subscriber]) {
    // A listener of `error` also keeps a lost connection from ending the process.
    for (const event of STATE_EVENTS) client.on(event, () => status.set(stateNow()));
  }

  // Subscriptions that the client gave up during an outage. Those that stood before it makes again by itself.
  const givenUp = new Set<string>();
  const subscribe = (subject: string): void => {
    receiving.subscribe(subject).catch(() => givenUp.add(subject));
  };
  status.listen((state) => {
    if (state === 'down') return;
    const again = [...givenUp].filter((subject) => subscriptions.has(subject));
    givenUp.clear();
    for (const subject of again) subscribe(subject);
  });

  let unsentBytes = 0;
  return {
    publish(subject, message) {
      status.set(stateNow()); // clients of a cluster of engines have no event for every change
      // A client that is not connected would keep it, for as long as the outage lasts.
      if (!sending.isReady() || unsentBytes + message.length > MAX_UNSENT_BYTES) return false;
      unsentBytes += message.length;
      const settled = (): void => {
        unsentBytes -= message.length;
      };
      sending.publish(subject, asBuffer(message)).then(settled, settled);
      return true;
    },
    subscribe(subject, receive) {
      if (subscriptions.add(subject, receive)) subscribe(subject);
      return () => {
        if (subscriptions.remove(subject, receive)) receiving.unsubscribe(subject).catch(() => {});
      };
    },
    get state(): BusState {
      return status.state;
    },
    onState: (listener) => status.listen(listener),
  };
}

function connection(
  client: IoRedisClient | NodeRedisClient,
  sharded: boolean,
  deliver: (channel: string, message: Uint8Array) => void,
): Connection {
  if ('isReady' in client) {
    const listener: NodeRedisListener = (message, channel) => deliver(channel.toString(), message);
    return {
      isReady: () => client.isReady,
      publish: (channel, message) => (sharded ? client.sPublish(channel, message) : client.publish(channel, message)),
      subscribe: (channel) =>
        sharded ? client.sSubscribe(channel, listener, true) : client.subscribe(channel, listener, true),
      unsubscribe: (channel) => (sharded ? client.sUnsubscribe(channel) : client.unsubscribe(channel)),
    };
  }
  client.on(sharded ? 'smessageBuffer' : 'messageBuffer', (channel, message) =>
    deliver(String(channel), message as Buffer),
  );
  return {
    isReady: () => client.status === 'ready',
    publish: (channel, message) => (sharded ? client.spublish(channel, message) : client.publish(channel, message)),
    subscribe: (channel) => (sharded ? client.ssubscribe(channel) : client.subscribe(channel)),
    unsubscribe: (channel) => (sharded ? client.sunsubscribe(channel) : client.unsubscribe(channel)),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
