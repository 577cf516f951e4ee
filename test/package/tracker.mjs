/** As a user would: a tracker from the installed package on this runtime, and two members who meet at it. */
import { createServer } from 'node:http';
import { attach, bunTracker } from 'purertc/server';

const id = (name) => name.padEnd(20, '.');

async function listen() {
  if ('Bun' in globalThis) {
    const tracker = bunTracker('/announce');
    const fetch = (request, server) =>
      tracker.handles(request) ? tracker.fetch(request, server) : new Response('page');
    return globalThis.Bun.serve({ port: 0, hostname: '127.0.0.1', fetch, websocket: tracker.websocket }).port;
  }
  const server = createServer();
  attach(server, '/announce');
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

const url = `ws://127.0.0.1:${await listen()}/announce`;

async function member(name, announce, received) {
  const socket = new WebSocket(url);
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const send = (fields) =>
    socket.send(JSON.stringify({ action: 'announce', info_hash: id('room'), peer_id: id(name), ...fields }));
  socket.onmessage = ({ data }) => received(JSON.parse(data), send);
  send(announce);
}

await new Promise((resolve) => {
  member('alice', { event: 'started' }, (message, send) => {
    if (message.interval) return resolve();
    send({ to_peer_id: message.peer_id, offer_id: message.offer_id, answer: { type: 'answer', sdp: 'pong' } });
  });
});
const offers = [{ offer_id: id('o'), offer: { type: 'offer', sdp: 'ping' } }];
await member('bob', { offers }, (message) => {
  if (!message.answer) return;
  console.log(message.answer.sdp);
  process.exit();
});
