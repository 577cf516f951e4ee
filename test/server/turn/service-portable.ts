/** The service and relayed calls through it, on whatever runtime runs this; what the calls were like on standard output, in JSON. */
import { exit } from 'node:process';
import { staticUsers, TurnService } from '../../../src/server/turn/index.ts';
import { TestAuthority } from '../../runtime/test-authority.ts';
import { callOurs, type RelayCall } from '../../turn/relay-call.ts';

const address = '127.0.0.1';
const authority = new TestAuthority();
const service = await TurnService.start({
  listen: [
    { protocol: 'udp', address, port: 0 },
    { protocol: 'tcp', address, port: 0 },
    { protocol: 'tls', address, port: 0, tls: authority.issue(address) },
  ],
  realm: 'example.org',
  credentials: [staticUsers({ alice: 'wonderland' })],
  allowedPeers: [address],
});
await service.setCertificate(authority.issue(address));
const calls: RelayCall[] = [];
for (const { protocol, address: bound } of service.listening) {
  const urls =
    protocol === 'tls'
      ? `turns:${address}:${bound.port}`
      : `turn:${address}:${bound.port}?transport=${protocol satisfies 'udp' | 'tcp'}`;
  const server = { urls, username: 'alice', credential: 'wonderland' };
  calls.push(await callOurs(server, { trustedCertificates: [authority.certificate] }));
}
await service.close();
console.log(JSON.stringify({ calls, stats: service.stats }));
exit(0);
