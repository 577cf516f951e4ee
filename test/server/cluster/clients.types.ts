/** The clients that people bring fit what the bus adapters ask of them. Only the compiler looks at this. */
import cluster from 'node:cluster';
import { MessageChannel, parentPort, Worker } from 'node:worker_threads';
import { connect } from '@nats-io/transport-node';
import { createClient, createCluster } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import type { Bus } from '../../../src/server/cluster/bus.ts';
import { natsBus } from '../../../src/server/cluster/nats-bus.ts';
import { type BusPort, processPort, threadPort } from '../../../src/server/cluster/port.ts';
import { redisBus } from '../../../src/server/cluster/redis-bus.ts';

export async function buses(): Promise<Bus[]> {
  const [nodeRedis, ioRedis] = [createClient(), new Redis()];
  return [
    redisBus({ publisher: nodeRedis, subscriber: nodeRedis.duplicate() }),
    redisBus({ publisher: ioRedis, subscriber: ioRedis.duplicate() }),
    redisBus({ publisher: new Cluster([]), subscriber: new Cluster([]), sharded: true }),
    redisBus({
      publisher: createCluster({ rootNodes: [] }),
      subscriber: createCluster({ rootNodes: [] }),
      sharded: true,
    }),
    natsBus(await connect()),
  ];
}

export function ports(): BusPort[] {
  return [
    threadPort(new Worker('worker.js')),
    threadPort(parentPort!),
    threadPort(new MessageChannel().port1),
    processPort(process),
    processPort(cluster.fork()),
  ];
}
