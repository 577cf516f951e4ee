/** One node, and what it does with single frames of another. */
import { expect, test } from 'vitest';
import { nobleCrypto } from '../../../src/crypto/noble.ts';
import { SeededRandom } from '../../../src/runtime/memory.ts';
import { ClusterNode } from '../../../src/server/cluster/cluster-node.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../src/server/cluster/frame.ts';
import { deriveClusterKeys, Subjects } from '../../../src/server/cluster/subjects.ts';
import { ROOM } from './simulated-cluster.ts';

const KEY = 'a key for these tests';
const keys = deriveClusterKeys(nobleCrypto, KEY);
const { name: room } = new Subjects('purertc', keys.rooms, 0).room(ROOM);
const peerId = 'p'.repeat(20);
const OFFER = { offerId: 'o'.repeat(20), sdp: 'x' };
const DELIVER = { kind: 'deliver', node: 'a', room, peerId, connection: 1, met: [], offers: [OFFER] } as const;

/** With one member in the room. `handled` is what came to its tracker, `sent` what the node published. */
class Alone {
  readonly handled: string[] = [];
  readonly sent: [string, Frame][] = [];
  readonly node: ClusterNode;

  constructor() {
    this.node = new ClusterNode(
      { crypto: nobleCrypto, random: new SeededRandom(1), key: KEY },
      {
        publish: (subject, message) =>
          this.sent.push([subject, decodeFrame(keys.frames, subject, message) as Frame]) > 0,
        subscribe: () => {},
        unsubscribe: () => {},
      },
    );
    const port = {
      localRooms: () => [{ room: ROOM, members: 1, seeders: 0 }],
      deliver: () => this.handled.push('offer'),
      deliverAnswer: () => this.handled.push('answer') > 0,
    };
    this.node.start(port, 'up', 0);
  }

  take(frame: Frame): void {
    const inbox = `purertc.n.${this.node.id}`;
    this.node.handleMessage(inbox, encodeFrame(keys.frames, inbox, frame), 1);
  }
}

test('answers and counts pass the inbox, offers wait for their turn', () => {
  const alone = new Alone();
  const { node, handled } = alone;
  for (let sequence = 0; sequence < 100; sequence++) alone.take({ ...DELIVER, sequence });
  const { offerId, sdp } = OFFER;
  alone.take({ kind: 'answer', node: 'a', sequence: 100, room, peerId, connection: 1, from: 1, offerId, sdp });
  alone.take({ kind: 'digest', node: 'a', sequence: 101, rooms: [{ room, members: 7, seeders: 1 }] });
  expect(handled).toEqual(['answer']);
  expect(node.remoteMembers(ROOM)).toBe(7);
  expect(node.nextTimeout).toBe(1);
  node.handleTimeout(1);
  expect(handled).toHaveLength(65);
  node.handleTimeout(1);
  expect(handled).toHaveLength(101);
  expect(node.nextTimeout).toBe(250);
});

test('who sends offers for a room that is empty here is told so', () => {
  const alone = new Alone();
  alone.node.roomChanged(ROOM, 0, 0, 1);
  alone.sent.length = 0;
  alone.take({ ...DELIVER, sequence: 0 });
  alone.node.handleTimeout(1);
  expect(alone.handled).toEqual([]);
  const rooms = [{ room, members: 0, seeders: 0 }];
  expect(alone.sent).toMatchObject([['purertc.n.a', { kind: 'digest', rooms }]]);
});

test('counts that a goodbye has overtaken are not taken, nor any after it', () => {
  const alone = new Alone();
  const rooms = [{ room, members: 7, seeders: 1 }];
  alone.take({ kind: 'digest', node: 'a', sequence: 1, rooms });
  expect([alone.node.remoteMembers(ROOM), alone.node.aliveNodes]).toEqual([7, 1]);
  alone.take({ kind: 'bye', node: 'a', sequence: 3 });
  alone.take({ kind: 'digest', node: 'a', sequence: 2, rooms });
  alone.take({ kind: 'heartbeat', node: 'a', sequence: 4 });
  expect([alone.node.remoteMembers(ROOM), alone.node.aliveNodes]).toEqual([0, 0]);
});

test('offers are not parked for members that have had theirs', () => {
  const alone = new Alone();
  const { node } = alone;
  alone.take({ kind: 'digest', node: 'a', sequence: 1, rooms: [{ room, members: 1, seeders: 0 }] });
  alone.sent.length = 0;
  const placement = { room: ROOM, peerId, connection: 5, met: [], offers: [OFFER] };
  node.place(placement, 200);
  node.park(placement, 200);
  alone.take({ kind: 'digest', node: 'a', sequence: 2, rooms: [{ room, members: 1, seeders: 0 }] });
  node.handleTimeout(201);
  expect(alone.sent.map(([, { kind }]) => kind)).toEqual(['deliver']);
});
