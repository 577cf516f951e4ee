/**
 * The process under test of bench/tracker.mjs: one tracker on one port of the loopback interface, its limits out of the way.
 *
 *   node --expose-gc bench/tracker/server.mjs --impl purertc|bittorrent-tracker
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { ownEntry, peersDirectory } from '../../test/interop/implementations.mjs';
import { serve } from '../peer-process.mjs';

const impl = process.argv[process.argv.indexOf('--impl') + 1];
const isBun = 'Bun' in globalThis;

/** All visitors come from one address, and say more in a second than anybody does. */
const limits = {
  maxConnections: 20_000,
  maxConnectionsPerAddress: 20_000,
  connectionRate: 1e9,
  connectionBurst: 1e9,
  messageRate: 1e9,
  messageBurst: 1e9,
  announceRate: 1e9,
  announceBurst: 1e9,
};

const listeners = { purertc: isBun ? listenOnBun : listen, 'bittorrent-tracker': listenRival };

async function listen() {
  const { attach } = await import(pathToFileURL(ownEntry('server/index')).href);
  const server = createServer();
  attach(server, '/announce', { limits });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

async function listenOnBun() {
  const { bunTracker } = await import(pathToFileURL(ownEntry('server/index')).href);
  const tracker = bunTracker('/announce', { limits });
  const fetch = (request, server) => tracker.fetch(request, server);
  return globalThis.Bun.serve({ hostname: '127.0.0.1', port: 0, fetch, websocket: tracker.websocket }).port;
}

async function listenRival() {
  const entry = join(peersDirectory, 'node_modules/bittorrent-tracker/server.js');
  const { default: Server } = await import(pathToFileURL(entry).href);
  const server = new Server({ udp: false, http: false, ws: true, stats: false });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.ws.address().port;
}

await serve({
  listen: async () => ({ port: await listeners[impl]() }),
  /** What is really in use: resident, and JavaScript's own. */
  memory() {
    if (isBun) globalThis.Bun.gc(true);
    else for (let i = 0; i < 3; i++) globalThis.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { residentBytes: rss, heapBytes: heapUsed + external };
  },
  usage() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
  },
});
