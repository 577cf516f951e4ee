/** The bus of a cluster, by its URL. The client libraries are not PureRTC's: whoever wants a cluster installs one. */
import { type Bus, type IoRedisClient, type NatsConnectionLike, natsBus, redisBus } from '../server/index.ts';
import { LateBus } from './late-bus.ts';
import { SettingError } from './settings.ts';

export type OpenBus = { readonly bus: Bus; close(): Promise<void> };

/** @param url `redis:`, `rediss:` or `nats:`. @throws SettingError when there is no client for it */
export async function openBus(url: string): Promise<OpenBus> {
  const scheme = URL.canParse(url) ? new URL(url).protocol : null;
  if (scheme === 'redis:' || scheme === 'rediss:') return openRedis(url);
  if (scheme === 'nats:') return openNats(url);
  throw new SettingError(`--bus: redis://, rediss:// or nats:// expected, got '${url}'`);
}

type Redis = IoRedisClient & { duplicate(): Redis; disconnect(): void };

async function openRedis(url: string): Promise<OpenBus> {
  const { Redis } = (await load('ioredis')) as { readonly Redis: new (url: string) => Redis };
  const publisher = new Redis(url);
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) client.on('error', () => {}); // `/readyz` tells; it connects again by itself
  const close = async (): Promise<void> => {
    publisher.disconnect();
    subscriber.disconnect();
  };
  return { bus: redisBus({ publisher, subscriber }), close };
}

type Nats = { connect(options: object): Promise<NatsConnectionLike & { close(): Promise<void> }> };

/** An engine that is down is no reason not to start: local service goes on, and `/readyz` says what is missing. */
async function openNats(url: string): Promise<OpenBus> {
  const { connect } = (await load('@nats-io/transport-node')) as Nats;
  const bus = new LateBus();
  const connecting = connect({ servers: url, maxReconnectAttempts: -1, waitOnFirstConnect: true });
  let connection: Awaited<typeof connecting> | null = null;
  let isClosed = false;
  connecting.then(
    async (made) => {
      if (isClosed) return made.close();
      connection = made;
      return bus.use(natsBus(made));
    },
    () => {}, // a URL that no server could have: the bus stays down
  );
  return {
    bus,
    async close() {
      isClosed = true;
      await connection?.close();
    },
  };
}

async function load(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch {
    throw new SettingError(`--bus needs a client library: npm install ${name}`);
  }
}
