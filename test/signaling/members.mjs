/**
 * Two members of a room in a process of their own, for any runtime: `members.mjs TRACKER PEERS`. Says `ready`, joins at the
 * first line of its input, says `met` when both have that many peers, leaves at the second.
 */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { ownEntry } from '../interop/implementations.mjs';

const [tracker, peers] = process.argv.slice(2);
const { joinRoom } = await import(pathToFileURL(ownEntry('signaling/index')).href);
console.log('ready');
const input = createInterface({ input: process.stdin });
const next = () => new Promise((resolve) => input.once('line', resolve));

await next();
const leaving = next();
const rooms = [0, 1].map(() => joinRoom('ten', { trackers: [tracker] }));
const check = () => rooms.every((room) => room.peers.size === Number(peers)) && console.log('met');
for (const room of rooms) {
  room.onpeer = check;
  room.onwarning = ({ message }) => console.error(message);
}
await leaving;
await Promise.all(rooms.map((room) => room.leave()));
input.close();
