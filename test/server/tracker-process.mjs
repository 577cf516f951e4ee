/**
 * A tracker in a process of its own, on whatever runtime runs this file: prints its port, ends with its standard input.
 * `PURERTC_BUILD=1` takes the build. The argument says through which adapter.
 */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ownEntry, peersDirectory } from '../interop/implementations.mjs';

const { attach, bunTracker, crosswsTracker, statusHandler, statusResponse } = await import(
  pathToFileURL(ownEntry('server/index')).href
);
const options = { limits: { maxMessageBytes: 2000 }, origins: ['https://good.example'] };
const page = 'the page';

/** What comes from test/peers. */
async function load(name) {
  const resolved = createRequire(join(peersDirectory, 'package.json')).resolve(name);
  return import(pathToFileURL(resolved).href);
}

const ADAPTERS = {
  async http() {
    const server = createServer((request, response) => status(request, response) || response.end(page));
    const { tracker } = attach(server, '/announce', options);
    const status = statusHandler(tracker);
    return listen(server);
  },
  async express() {
    const { default: express } = await load('express');
    const app = express();
    const server = createServer(app);
    const status = statusHandler(attach(server, '/announce', options).tracker);
    app.use((request, response, next) => status(request, response) || next());
    app.get('/', (_, response) => response.send(page));
    return listen(server);
  },
  async fastify() {
    const { default: fastify } = await load('fastify');
    const app = fastify();
    const { tracker } = attach(app.server, '/announce', options);
    const status = statusHandler(tracker);
    app.addHook('onRequest', (request, reply, done) => {
      if (status(request.raw, reply.raw)) reply.hijack();
      else done();
    });
    app.get('/', () => page);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server.address().port;
  },
  async hono() {
    const [{ Hono }, { serve }] = [await load('hono'), await load('@hono/node-server')];
    const app = new Hono();
    return new Promise((resolve) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => resolve(port));
      const { tracker } = attach(server, '/announce', options);
      app.get('/healthz', ({ req }) => statusResponse(tracker, req.raw));
      app.get('/', (context) => context.text(page));
    });
  },
  async crossws() {
    const { default: crossws } = await load('crossws/adapters/node');
    const { hooks } = crosswsTracker(options);
    const adapter = crossws({ hooks, serverOptions: { maxPayload: 2000 } });
    const server = createServer((_, response) => response.end(page));
    server.on('upgrade', (request, socket, head) => adapter.handleUpgrade(request, socket, head));
    return listen(server);
  },
  async bun() {
    const tracker = bunTracker('/announce', options);
    const server = globalThis.Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, bun) =>
        tracker.handles(request)
          ? tracker.fetch(request, bun)
          : (statusResponse(tracker.tracker, request) ?? new Response(page)),
      websocket: tracker.websocket,
    });
    return server.port;
  },
};

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

console.log(await ADAPTERS[process.argv[2]]());
process.stdin.on('end', () => process.exit());
process.stdin.resume();
