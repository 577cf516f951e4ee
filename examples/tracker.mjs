// A tracker beside your own pages, on one HTTP server: rooms meet at ws://localhost:8083/announce, with purertc/signaling, with
// WebTorrent clients, with anything that speaks to trackers. express, fastify and Hono give you such a server as well.
import { createServer } from 'node:http';
import { attach, jsonLines, statusHandler } from 'purertc/server';

const server = createServer((request, response) => {
  if (status(request, response)) return; // /healthz, /readyz, /stats, /metrics
  response.writeHead(200, { 'content-type': 'text/plain' }).end('The rest of this server is yours.\n');
});

const tracker = attach(server, '/announce', {
  limits: { maxMembersPerRoom: 100 },
  // origins: ['https://example.com'],   whose pages may connect
  // trustedProxies: ['127.0.0.1'],      whose X-Forwarded-For is believed
  log: jsonLines((line) => process.stderr.write(line)),
});
const status = statusHandler(tracker.tracker, { stats: true, metrics: true });

server.listen(Number(process.env.PORT ?? 8083), '127.0.0.1', () => {
  console.log(`ws://localhost:${server.address().port}/announce`);
});

// Ctrl-C: no new visitors, and within 30 s everybody is sent to come back later.
process.once('SIGINT', async () => {
  server.close();
  await tracker.drain();
  tracker.close();
});
