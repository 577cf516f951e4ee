/** Run on each runtime: a tracker that is not there, and then is. Prints what the client saw. */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ownEntry } from '../interop/implementations.mjs';

const { RoomKey, TrackerClient } = await import(pathToFileURL(ownEntry('signaling/index')).href);
const { attach } = await import(pathToFileURL(ownEntry('server/index')).href);

const listen = (server, port) => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
const nobody = createServer();
await listen(nobody, 0);
const { port } = nobody.address();
await new Promise((resolve) => nobody.close(resolve));

const client = new TrackerClient(`ws://127.0.0.1:${port}/announce`);
const states = [];
const member = {
  takeOffers: () => [],
  handle: (event) => {
    if (event.kind === 'state') states.push(event.state);
    if (event.kind === 'response') states.push('response');
  },
};
client.join(RoomKey.fromString('room'), member);

const until = async (state) => {
  for (let i = 0; i < 1500 && !states.includes(state); i++) await sleep(10);
};
await until('waiting'); // refused: soon, not after a timeout of ten seconds
const server = createServer();
const tracker = attach(server, '/announce');
await listen(server, port);
await until('response');
await client.close();
tracker.close();
server.close();
console.log([...new Set(states)].join(' ')); // and the process ends by itself
