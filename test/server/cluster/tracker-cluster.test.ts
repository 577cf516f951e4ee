import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Bus, BusStatus } from '../../../src/server/cluster/bus.ts';
import { type AttachedTracker, attach, BusHub, statusPage, TrackerCluster } from '../../../src/server/index.ts';
import { encodeAnnounce, encodeAnswer, parseServerMessage, type ServerMessage } from '../../../src/signaling/wire.ts';

const KEY = 'a key for the tests of the cluster';
const ROOM = 'the room of the test';

/** A tracker on an HTTP server, and its place in the cluster. */
async function startNode(hub: BusHub): Promise<AttachedTracker & { url: string; cluster: TrackerCluster }> {
  const cluster = new TrackerCluster({ bus: hub.connect(), key: KEY });
  const server = createServer();
  const attached = attach(server, '/announce', { cluster });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    attached.close();
    server.close();
  });
  return { ...attached, cluster, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/announce` };
}

class Member {
  readonly id: string;
  readonly received: ServerMessage[] = [];
  readonly socket: WebSocket;

  constructor(name: string, url: string) {
    this.id = name.padEnd(20, '.');
    this.socket = new WebSocket(url);
    this.socket.on('message', (text) => this.#take(parseServerMessage(String(text))));
    this.socket.on('open', () => {
      const offers = [{ offerId: `offer of ${name}`.padEnd(20, '.'), sdp: 'offer' }];
      const rest = { event: null, numwant: 1, left: 1, trackerId: null, extension: false, token: null };
      this.socket.send(encodeAnnounce({ infoHash: ROOM, peerId: this.id, offers, ...rest }));
    });
  }

  #take(message: ServerMessage): void {
    this.received.push(message);
    if (message.kind !== 'offer') return;
    const { peerId: toPeerId, offerId } = message;
    const answer = { infoHash: ROOM, peerId: this.id, toPeerId, offerId, sdp: `answer of ${this.id}`, trackerId: null };
    this.socket.send(encodeAnswer(answer));
  }
}

test('two trackers on HTTP servers are one, until one of them drains', async () => {
  const hub = new BusHub();
  const [one, two] = await Promise.all([startNode(hub), startNode(hub)]);
  const alice = new Member('alice', one.url);
  await vi.waitFor(() => expect(alice.received).toMatchObject([{ kind: 'response', incomplete: 1 }]));
  const bob = new Member('bob', two.url);
  const answered = { kind: 'answer', peerId: bob.id, sdp: `answer of ${bob.id}` };
  await vi.waitFor(() => expect(alice.received).toContainEqual(expect.objectContaining(answered)));
  expect(one.cluster.aliveNodes).toBe(1);
  expect(statusPage(one.tracker, '/readyz')).toMatchObject({ body: '{"status":"ready"}\n' });
  expect(statusPage(one.tracker, '/metrics', { metrics: true })!.body).toContain(
    'purertc_cluster_offers_sent_total 1\n',
  );

  const closed = once(bob.socket, 'close');
  const drained = two.drain();
  await vi.waitFor(() => expect(one.cluster.aliveNodes).toBe(0));
  expect(one.cluster.link.remoteMembers(ROOM)).toBe(0);
  expect((await closed)[0]).toBe(1012);
  await drained;
});

test('a tracker whose bus is down says so, and serves its own', () => {
  const status = new BusStatus('down');
  const bus: Bus = {
    publish: () => status.state === 'up',
    subscribe: () => () => {},
    get state() {
      return status.state;
    },
    onState: (listener) => status.listen(listener),
  };
  const cluster = new TrackerCluster({ bus, key: KEY });
  const { tracker, close } = attach(createServer(), '/announce', { cluster });
  onTestFinished(close);
  const page = (path: string): string => statusPage(tracker, path, { metrics: true })!.body;
  expect(page('/readyz')).toContain('degraded');
  expect(page('/metrics')).toContain('purertc_tracker_cluster_up 0\n');
  status.set('up');
  expect(page('/readyz')).toContain('ready');
  expect(page('/metrics')).toContain('purertc_tracker_cluster_up 1\n');
});

test('clusters with another prefix or another key keep to themselves', async () => {
  const hub = new BusHub();
  const clusters = [{ key: KEY }, { key: KEY, prefix: 'other' }, { key: 'another key of a cluster' }].map(
    (options) => new TrackerCluster({ bus: hub.connect(), ...options }),
  );
  const tracker = { localRooms: () => [], deliver: () => 0, deliverAnswer: () => false };
  for (const cluster of clusters) {
    cluster.join(tracker);
    onTestFinished(() => cluster.close());
  }
  await vi.waitFor(() => expect(clusters.map(({ statistics }) => statistics.framesDropped.tag)).toEqual([1, 0, 1]));
  expect(clusters.map(({ aliveNodes }) => aliveNodes)).toEqual([0, 0, 0]);
  expect(() => new TrackerCluster({ bus: hub.connect(), key: KEY, prefix: 'a b' })).toThrow(TypeError);
  expect(() => new TrackerCluster({ bus: hub.connect(), key: 'short' })).toThrow(RangeError);
});
