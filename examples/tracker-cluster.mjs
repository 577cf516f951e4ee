// One tracker on all cores: node:cluster shares the port among worker processes, and a hub in the primary lets a room's members
// meet whichever of them they are connected to. Several machines need Redis, Valkey or NATS in the hub's place: docs/cluster.md.
import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { attach, BusHub, portBus, processPort, TrackerCluster } from 'purertc/server';

if (cluster.isPrimary) {
  const hub = new BusHub();
  const CLUSTER_KEY = process.env.CLUSTER_KEY ?? randomBytes(32).toString('hex');
  const fork = () => hub.attach(processPort(cluster.fork({ CLUSTER_KEY })));
  for (let i = 0; i < Math.max(2, availableParallelism()); i++) fork();

  let isEnding = false;
  cluster.on('exit', () => isEnding || fork());
  cluster.once('listening', (_worker, { port }) => console.log(`ws://localhost:${port}/announce`));
  process.once('SIGINT', () => {
    isEnding = true;
    for (const worker of Object.values(cluster.workers)) worker.send('drain');
  });
} else {
  const server = createServer();
  const tracker = attach(server, '/announce', {
    cluster: new TrackerCluster({ bus: portBus(processPort(process)), key: process.env.CLUSTER_KEY }),
  });
  server.listen(Number(process.env.PORT ?? 8084), '127.0.0.1');

  process.on('SIGINT', () => {}); // Ctrl-C reaches every process; the primary says what is done
  process.on('message', async (message) => {
    if (message !== 'drain') return;
    server.close();
    await tracker.drain(); // within 30 s everybody is sent to come back later
    tracker.close();
    process.disconnect();
  });
}
