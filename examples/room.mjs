// Three members meet in a room by its name and a secret, and talk. The tracker that introduces them runs here too; any
// WebTorrent tracker would do, and a page joins the same room with the same code.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { attach } from 'purertc/server';
import { joinRoom } from 'purertc/signaling';

const server = createServer();
const tracker = attach(server, '/announce');
await once(server.listen(0, '127.0.0.1'), 'listening');
const trackers = [`ws://127.0.0.1:${server.address().port}/announce`];

/** Joins, answers every greeting, and tells when it has heard as many as it expects. */
function member(name, expected) {
  const room = joinRoom('tea', { trackers, secret: 'AAECAwQFBgcICQoLDA0ODw' });
  const heard = [];
  const done = new Promise((resolve) => {
    room.onpeer = ({ peer }) => {
      peer.channel.onmessage = ({ data }) => {
        heard.push(data);
        if (heard.length === expected) resolve();
      };
      peer.send(`hello from ${name}`);
    };
  });
  room.onwarning = ({ message }) => console.error(message);
  return { name, room, heard, done };
}

const members = ['alice', 'bob', 'carol'].map((name) => member(name, 2));
await Promise.all(members.map(({ done }) => done));
for (const { name, room, heard } of members) {
  console.log(`${name} is connected to ${room.peers.size}, and heard: ${heard.sort().join(', ')}`);
}

// Nothing is left running when everyone has left.
await Promise.all(members.map(({ room }) => room.leave()));
tracker.close();
server.close();
