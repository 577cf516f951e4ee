/**
 * Members of a room in a process of their own, on any runtime: `room-member.mjs <how many>`. A line of standard input, the
 * tracker's URL, has them join; what happens to them goes to standard output, one JSON value a line. Ends with its input.
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { ownEntry } from './implementations.mjs';

const { joinRoom } = await import(pathToFileURL(ownEntry('signaling/index')).href);
const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const rooms = [];

function join(member, tracker) {
  const room = joinRoom('ten', { trackers: [tracker] });
  rooms.push(room);
  write({ member, joined: room.peerId });
  room.addEventListener('leave', ({ peer }) => write({ member, left: peer.id }));
  room.addEventListener('peer', ({ peer }) => {
    write({ member, met: peer.id });
    peer.channel.addEventListener('message', ({ data }) => write({ member, heard: data, from: peer.id }));
    peer.send(`hello from ${room.peerId}`);
  });
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (url) => {
  for (let member = 0; member < Number(process.argv[2]); member++) join(member, url);
});
lines.on('close', async () => {
  await Promise.all(rooms.map((room) => room.leave()));
  process.exit();
});
write({ ready: true });
