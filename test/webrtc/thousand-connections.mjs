/**
 * Opens and closes 1,000 connections, 500 pairs, then looks at what is left: handles, timers, listeners, the objects
 * themselves. Prints that as JSON and ends: were there anything left that keeps a process alive, it would not.
 *
 * usage: node --expose-gc thousand-connections.mjs <built index.js>
 */
import { pathToFileURL } from 'node:url';

const { RTCPeerConnection } = await import(pathToFileURL(process.argv[2]).href);
const PAIRS = 500;
const AT_ONCE = 20;
const settings = { loopback: true, mdns: 'off', interfaceFilter: ({ internal, family }) => internal && family === 4 };

const countListeners = () => process.eventNames().reduce((count, name) => count + process.listenerCount(name), 0);
const listenersBefore = countListeners();
let alive = 0;
const registry = new FinalizationRegistry(() => alive--);
let opened = 0;

async function onePair() {
  const [a, b] = [new RTCPeerConnection({}, settings), new RTCPeerConnection({}, settings)];
  for (const connection of [a, b]) {
    alive++;
    registry.register(connection, null);
  }
  a.onicecandidate = ({ candidate }) => b.addIceCandidate(candidate).catch(() => {});
  b.onicecandidate = ({ candidate }) => a.addIceCandidate(candidate).catch(() => {});
  const channel = a.createDataChannel('x');
  const open = new Promise((resolve) => channel.addEventListener('open', resolve));
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  await open;
  opened += 2;
  a.close();
  b.close();
}

async function worker(count) {
  for (let i = 0; i < count; i++) await onePair();
}
await Promise.all(Array.from({ length: AT_ONCE }, () => worker(PAIRS / AT_ONCE)));

for (let i = 0; i < 20 && alive > 0; i++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  globalThis.gc();
}
const own = ['PipeWrap', 'TTYWrap', 'FSReqPromise', 'Immediate'];
const resources = process.getActiveResourcesInfo().filter((name) => !own.includes(name));
const listeners = countListeners() - listenersBefore;
process.stdout.write(JSON.stringify({ opened, resources, listeners, connectionsAlive: alive }));
