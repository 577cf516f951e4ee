/** The members of bench/tracker.mjs, all in one process. `node bench/tracker/load.mjs --impl any` */
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '../peer-process.mjs';
import { LeanClient } from './client.mjs';

/** Connections being made at the same time: fewer than a listening socket's backlog. */
const CONNECTING = 100;

const clients = { idle: [], active: [] };
const name = (kind, number) => `${kind}${String(number).padStart(20 - kind.length, '0')}`;

await serve({
  /** Connects so many members, who join rooms of so many. */
  async join({ group, port, count, roomSize }) {
    for (let first = 0; first < count; first += CONNECTING) {
      const batch = [];
      for (let i = first; i < Math.min(first + CONNECTING, count); i++) {
        batch.push(new LeanClient(port, name(`r${group}`, Math.floor(i / roomSize)), name(`p${group}`, i)));
      }
      clients[group].push(...batch);
      await Promise.all(batch.map((client) => client.join()));
    }
  },
  start({ offers }) {
    for (const client of clients.active) client.start(offers);
  },
  mark() {
    const sum = (key) => clients.active.reduce((total, client) => total + client[key], 0);
    return { at: performance.now(), rounds: sum('rounds'), frames: sum('frames'), failures: sum('failures') };
  },
  async stop() {
    for (const client of clients.active) client.stop();
    await delay(300); // for what is under way
  },
});
