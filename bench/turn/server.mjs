/** Our TURN server in a process of its own, for bench/turn.mjs. */
import { staticUsers, TurnService } from '../../dist/server/index.js';
import { serve } from '../peer-process.mjs';

const address = '127.0.0.1';
const service = await TurnService.start({
  listen: [
    { protocol: 'udp', address, port: 0 },
    { protocol: 'tcp', address, port: 0 },
  ],
  realm: 'example.org',
  credentials: [staticUsers({ alice: 'wonderland' })],
  allowedPeers: [address],
});

await serve({
  ports: () => Object.fromEntries(service.listening.map(({ protocol, address: { port } }) => [protocol, port])),
  async usage() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage().rss };
  },
});
