/**
 * One node of a cluster as a process of its own: `node node-process.mjs <bus> <engine's port>`. Prints the port of its
 * tracker, and a line of JSON about itself for each line it gets. Without input it ends.
 */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { connect } from '@nats-io/transport-node';
import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { ownEntry } from '../../interop/implementations.mjs';

const { attach, natsBus, redisBus, TrackerCluster } = await import(pathToFileURL(ownEntry('server/index')).href);
const [, , kind, port] = process.argv;

const cluster = new TrackerCluster({ bus: await createBus(), key: 'a key for the tests of the cluster' });
const server = createServer();
const { tracker } = attach(server, '/announce', {
  cluster,
  interval: 2,
  limits: { announceRate: 20, announceBurst: 100 },
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
createInterface({ input: process.stdin })
  .on('line', () => {
    const { isUp, aliveNodes, statistics } = cluster;
    console.log(JSON.stringify({ isUp, aliveNodes, statistics, stats: tracker.stats }));
  })
  .on('close', () => process.exit());

async function createBus() {
  switch (kind) {
    case 'ioredis': {
      const publisher = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 100 });
      return redisBus({ publisher, subscriber: publisher.duplicate() });
    }
    case 'node-redis': {
      const publisher = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: () => 100 } });
      const subscriber = publisher.duplicate();
      const bus = redisBus({ publisher, subscriber, sharded: true });
      await Promise.all([publisher.connect(), subscriber.connect()]);
      return bus;
    }
    case 'nats':
      return natsBus(await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100 }));
    default:
      throw new Error(`no bus is called ${kind}`);
  }
}
