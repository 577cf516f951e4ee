import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/runtime/memory.ts';
import { drawPlaces } from '../../../src/server/cluster/draw.ts';
import { type DeliverFrame, Inbox, MAX_INBOX_LENGTH } from '../../../src/server/cluster/inbox.ts';
import { Nodes, type RemoteNode } from '../../../src/server/cluster/nodes.ts';
import { PARKED_MS, ParkedOffers } from '../../../src/server/cluster/parked-offers.ts';
import { ClusterRoom } from '../../../src/server/cluster/rooms.ts';
import type { Placement } from '../../../src/server/tracker/cluster-link.ts';
import { ROOM } from './simulated-cluster.ts';

const random = new SeededRandom(1);
const SDP = 'x'.repeat(16_384);

function placement(connection: number, count = 10): Placement {
  const offers = Array.from({ length: count }, (_, i) => ({ offerId: `${i}`.padEnd(20), sdp: SDP }));
  return { room: ROOM, peerId: 'p'.repeat(20), connection, met: [], offers };
}

function deliver(sequence: number): DeliverFrame {
  return { kind: 'deliver', node: 'a', sequence, ...placement(1), met: [] };
}

test('drawing never takes a member twice, and those met last', () => {
  for (let i = 0; i < 200; i++) {
    const members = Array.from({ length: 4 }, () => random.below(5));
    const met = members.map((count) => random.below(count + 1));
    const draws = random.below(20);
    const drawn = drawPlaces(random, members, met, draws);
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
    expect(sum(drawn)).toBe(Math.min(draws, sum(members)));
    expect(drawn.every((count, place) => count <= members[place]!)).toBe(true);
    const fresh = members.map((count, place) => count - met[place]!);
    if (draws <= sum(fresh)) expect(drawn.every((count, place) => count <= fresh[place]!)).toBe(true);
    else expect(drawn.every((count, place) => count >= fresh[place]!)).toBe(true);
  }
});

test('drawing is fair: a place with twice the members gets twice the offers', () => {
  let [small, large] = [0, 0];
  for (let i = 0; i < 3000; i++) {
    const [a, b] = drawPlaces(random, [10, 20], [0, 0], 3);
    small += a!;
    large += b!;
  }
  expect(large / small).toBeGreaterThan(1.85);
  expect(large / small).toBeLessThan(2.15);
});

test('a full inbox drops its oldest offers', () => {
  const inbox = new Inbox();
  let dropped = 0;
  for (let i = 0; i < 100; i++) dropped += inbox.push(deliver(i));
  expect(dropped).toBe(10 * (100 - Math.floor(MAX_INBOX_LENGTH / (10 * SDP.length))));
  const left: number[] = [];
  for (let frame = inbox.shift(); frame !== undefined; frame = inbox.shift()) left.push(frame.sequence);
  expect(left).toEqual(Array.from({ length: left.length }, (_, i) => 100 - left.length + i));
  expect(inbox.isEmpty).toBe(true);
});

test('parked offers are bounded in a room and in all, replaced by their author, and expire', () => {
  const parked = new ParkedOffers();
  const room = (key: string): ClusterRoom => new ClusterRoom(key, { name: key, subject: key }, 0);
  const crowded = room('crowded');
  expect(parked.nextTimeout).toBe(Number.POSITIVE_INFINITY);
  for (let i = 0; i < 100; i++) expect(parked.add(crowded, placement(1, 1), i)).toBe(0);
  expect(parked.nextTimeout).toBe(99 + PARKED_MS);
  let dropped = 0;
  for (let i = 0; i < 30; i++) dropped += parked.add(crowded, placement(100 + i, 1), 100);
  expect(dropped).toBe(11);
  dropped = 0;
  for (let i = 0; i < 100; i++) dropped += parked.add(room(`${i}`), placement(1), 100);
  expect(dropped).toBeGreaterThan(700);
  expect(parked.expire(99 + PARKED_MS)).toBe(0);
  expect(parked.expire(100 + PARKED_MS)).toBe(20 + 1000 - dropped);
  expect(parked.nextTimeout).toBe(Number.POSITIVE_INFINITY);
  expect(parked.has(crowded)).toBe(false);
});

test('a thousand nodes are known at most, and a repeated frame is known again', () => {
  const nodes = new Nodes();
  for (let i = 0; i < 1000; i++) expect(nodes.hear(`${i}`, 5, 0)).toMatchObject({ id: `${i}`, alive: false });
  expect(nodes.hear('one more', 0, 0)).toBe('tooManyNodes');
  expect(nodes.hear('1', 5, 1)).toBe('duplicate');
  expect(nodes.hear('1', 4, 1)).toMatchObject({ id: '1' });
  nodes.expire(61_000);
  expect(nodes.hear('one more', 0, 61_000)).toMatchObject({ id: 'one more' });
});

test('a count is replaced by a newer one, not by one that was overtaken, and is not believed for longer than 45 s', () => {
  const nodes = new Nodes();
  const [a, b] = ['a', 'b'].map((id) => nodes.hear(id, 0, 0) as RemoteNode) as [RemoteNode, RemoteNode];
  const room = new ClusterRoom(ROOM, { name: 'r', subject: 's' }, 0);
  room.setRemote(a, 3, 1, 5, 0);
  room.setRemote(b, 4, 0, 9, 20_000);
  room.setRemote(a, 9, 9, 4, 20_000);
  expect([room.remoteMembers, room.remoteSeeders]).toEqual([7, 1]);
  room.setRemote(b, 0, 0, 10, 20_000);
  room.setRemote(b, 4, 0, 9, 20_000); // before its last member left
  expect(room.places()).toEqual({ nodes: [a], members: [3] });
  room.expire(44_999);
  expect(room.remoteMembers).toBe(3);
  room.expire(45_000);
  expect([room.remoteMembers, room.remoteSeeders]).toEqual([0, 0]);
});
