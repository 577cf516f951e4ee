import { describe, expect, test } from 'vitest';
import type { WireId } from '../../../src/signaling/wire.ts';
import {
  CALM,
  INTERVAL,
  LARGE_ROOM_INTERVAL,
  ROOM,
  SimulatedCluster,
  type SimulatedNode,
  type Weather,
} from './simulated-cluster.ts';

/** Announce intervals vary by 10 %. */
const JITTER = 1.1;
const SLOW: Weather = { loss: 0, duplication: 0.1, delayMs: [1, 400] };
const STORM: Weather = { loss: 0.1, duplication: 0.2, delayMs: [1, 1000] };

type Clients = { readonly isEager?: boolean; readonly offerIds?: () => WireId };

/** So many clients, on the nodes in turn, ten a second. */
function spread(cluster: SimulatedCluster, count: number, { isEager = false, offerIds }: Clients = {}): void {
  for (let i = 0; i < count; i++) {
    const node = cluster.nodes[i % cluster.nodes.length]!;
    cluster.at(cluster.now + i * 100, () => {
      cluster.join(node, `c${i}`, ROOM, offerIds).isEager = isEager;
    });
  }
  cluster.run(count * 100);
}

const errorsOf = (cluster: SimulatedCluster): string[] => cluster.clients.flatMap(({ errors }) => errors);
const remoteMembers = (nodes: readonly SimulatedNode[]): number[] =>
  nodes.map((node) => node.cluster.remoteMembers(ROOM));

describe('members of three nodes meet', () => {
  test.each([1, 2, 3])('every pair of a 30-peer room within two intervals (seed %i)', (seed) => {
    const cluster = new SimulatedCluster({ seed, weather: SLOW });
    spread(cluster, 30);
    cluster.run(2 * LARGE_ROOM_INTERVAL * JITTER * 1000);
    expect(cluster.strangers()).toEqual([]);
    expect(errorsOf(cluster)).toEqual([]);
  });

  test.each([4, 5, 6])('on a bus that loses a tenth too, if they ask again (seed %i)', (seed) => {
    const cluster = new SimulatedCluster({ seed, weather: STORM });
    spread(cluster, 30, { isEager: true });
    cluster.run(2 * LARGE_ROOM_INTERVAL * JITTER * 1000);
    expect(cluster.strangers()).toEqual([]);
    expect(errorsOf(cluster)).toEqual([]);
  });

  test('when rooms share their subjects', () => {
    const cluster = new SimulatedCluster({ buckets: 4 });
    spread(cluster, 30);
    cluster.join(cluster.nodes[0]!, 'other', 'another room......'.padEnd(20, '.'));
    cluster.run(2 * LARGE_ROOM_INTERVAL * JITTER * 1000);
    expect(cluster.strangers(cluster.clients.filter(({ room }) => room === ROOM))).toEqual([]);
    const subjects = cluster.nodes.flatMap((node) => [...node.subjects]).filter((subject) => subject.includes('.b.'));
    expect(new Set(subjects).size).toBeLessThanOrEqual(2);
  });

  test.each([7, 8, 9])('no answer reaches another connection, though all use the same offer ids (seed %i)', (seed) => {
    const cluster = new SimulatedCluster({ seed, weather: STORM });
    let count = 0;
    spread(cluster, 30, { isEager: true, offerIds: () => `offer ${count++ % 40}`.padEnd(20, '.') });
    cluster.run(3 * LARGE_ROOM_INTERVAL * 1000);
    expect(errorsOf(cluster)).toEqual([]);
    const met = cluster.clients.reduce((sum, client) => sum + client.met.size, 0);
    expect(met).toBeGreaterThan(500); // of 870
  });

  test('the first two of a room that come to two nodes in the same moment', () => {
    for (let seed = 0; seed < 30; seed++) {
      const cluster = new SimulatedCluster({ seed, nodes: 2, weather: { ...CALM, delayMs: [1, 300] } });
      cluster.join(cluster.nodes[0]!, 'a');
      cluster.join(cluster.nodes[1]!, 'b');
      cluster.run(2000); // before anybody has announced again
      expect(cluster.strangers(), `seed ${seed}`).toEqual([]);
    }
  });

  test('offers of the first member on a node wait 100 ms, and are dealt over all nodes that told of theirs by then', () => {
    const cluster = new SimulatedCluster({ weather: { ...CALM, delayMs: [10, 40] } });
    const [one, two, three] = cluster.nodes;
    for (let i = 0; i < 5; i++) cluster.join(two!, `b${i}`);
    for (let i = 0; i < 5; i++) cluster.join(three!, `c${i}`);
    cluster.run(1000);
    const late = cluster.join(one!, 'late');
    cluster.run(99);
    expect(one!.cluster.statistics.offersSent).toBe(0);
    cluster.run(300);
    expect(late.met.size).toBe(10);
  });

  test('a lone member is met when somebody comes within 10 s; its offers are not kept longer', () => {
    const cluster = new SimulatedCluster();
    const [one, two] = cluster.nodes;
    cluster.join(one!, 'early', ROOM);
    cluster.run(9000);
    const quiet = cluster.join(two!, 'quiet');
    cluster.run(200);
    expect(quiet.met.size).toBe(1);
    const elsewhere = 'another room'.padEnd(20, '.');
    cluster.join(one!, 'alone', elsewhere);
    cluster.run(11_000);
    expect(one!.cluster.statistics.offersDropped.parked).toBe(10);
  });
});

describe('counts', () => {
  test('are those of all nodes within 250 ms, and of nobody who has no member there', () => {
    const cluster = new SimulatedCluster();
    spread(cluster, 9);
    cluster.run(300);
    expect(remoteMembers(cluster.nodes)).toEqual([6, 6, 6]);
    cluster.clients[0]!.leave();
    cluster.run(300);
    expect(remoteMembers(cluster.nodes)).toEqual([6, 5, 5]);
    for (const client of cluster.clients.filter(({ node }) => node === cluster.nodes[0])) client.leave();
    cluster.run(300);
    expect(remoteMembers(cluster.nodes)).toEqual([0, 3, 3]);
    expect([...cluster.nodes[0]!.subjects].some((subject) => subject.includes('.r.'))).toBe(false);
  });

  test('that were lost are told again within 15 s', () => {
    const cluster = new SimulatedCluster({ weather: { ...CALM, loss: 1 } });
    spread(cluster, 9);
    cluster.weather = CALM;
    cluster.run(16_000);
    expect(remoteMembers(cluster.nodes)).toEqual([6, 6, 6]);
  });

  test('of many changes are told four times a second at most', () => {
    const cluster = new SimulatedCluster({ nodes: 2 });
    cluster.join(cluster.nodes[0]!, 'x');
    cluster.join(cluster.nodes[1]!, 'y');
    cluster.run(1000);
    const before = cluster.published.filter(({ subject }) => subject.includes('.r.')).length;
    for (let i = 0; i < 100; i++) cluster.at(cluster.now + i * 10, () => cluster.join(cluster.nodes[0]!, `c${i}`));
    cluster.run(1000);
    const told = cluster.published.filter(({ subject }) => subject.includes('.r.')).length - before;
    expect(told).toBeLessThanOrEqual(6);
    expect(told).toBeGreaterThanOrEqual(4);
  });
});

describe('nodes that go', () => {
  test('without a word: not dealt to after 7 s; their clients come back elsewhere and meet everybody', () => {
    const cluster = new SimulatedCluster({ weather: SLOW });
    spread(cluster, 12, { isEager: true });
    cluster.run(5000);
    const [killed, ...others] = cluster.nodes;
    killed!.kill();
    cluster.run(7000 + 2000 + 400);
    expect(remoteMembers(others)).toEqual([4, 4]);
    expect(others.map(({ cluster: { aliveNodes } }) => aliveNodes)).toEqual([1, 1]);
    for (const [i, client] of cluster.clients.entries()) if (client.node === null) client.connect(others[i % 2]!);
    for (const [i, node] of others.entries()) cluster.join(node, `late ${i}`).isEager = true;
    // The trackers do not know any more whom those who came back have met, who ask for the few they miss: that takes turns.
    cluster.run(10 * INTERVAL * 1000);
    expect(remoteMembers(others)).toEqual([7, 7]);
    expect(cluster.strangers()).toEqual([]);
    expect(errorsOf(cluster)).toEqual([]);
  });

  test('with a goodbye: not dealt to from then on, while answers still reach them', () => {
    const cluster = new SimulatedCluster();
    spread(cluster, 9);
    cluster.run(1000);
    const [leaving, ...others] = cluster.nodes;
    const asking = cluster.join(leaving!, 'late'); // its offers go out before the goodbye
    leaving!.cluster.leave(leaving!.now);
    cluster.run(1000);
    expect(remoteMembers(others)).toEqual([3, 3]);
    expect(asking.met.size).toBe(9);
    cluster.run(60_000);
    expect(remoteMembers(others)).toEqual([3, 3]);
  });
});

describe('a bus that fails', () => {
  test('leaves local service as it was, and all is found again within 5 s of its return', () => {
    const cluster = new SimulatedCluster();
    spread(cluster, 9);
    cluster.run(1000);
    for (const node of cluster.nodes) node.setBusState('down');
    expect(cluster.nodes.map((node) => node.cluster.isUp)).toEqual([false, false, false]);
    expect(remoteMembers(cluster.nodes)).toEqual([0, 0, 0]);
    const locals = [0, 1].map((i) => cluster.join(cluster.nodes[0]!, `local ${i}`));
    cluster.run(60_000);
    expect(cluster.strangers(locals)).toEqual([]);
    for (const node of cluster.nodes) node.setBusState('up');
    cluster.run(5500);
    expect(cluster.nodes.map((node) => node.cluster.isUp)).toEqual([true, true, true]);
    expect(remoteMembers(cluster.nodes)).toEqual([6, 8, 8]);
    cluster.run(2 * INTERVAL * JITTER * 1000);
    expect(cluster.strangers()).toEqual([]);
  });

  test('and does not say so is noticed: a node that does not hear itself is not up', () => {
    const cluster = new SimulatedCluster();
    cluster.run(10_000);
    cluster.weather = { ...CALM, loss: 1 };
    cluster.run(10_000);
    expect(cluster.nodes.map((node) => node.cluster.isUp)).toEqual([false, false, false]);
    cluster.weather = CALM;
    cluster.run(2500);
    expect(cluster.nodes.map((node) => node.cluster.isUp)).toEqual([true, true, true]);
  });

  test('for some: the parts serve their own, and are one within 15 s and two intervals of its healing', () => {
    const cluster = new SimulatedCluster({ nodes: 4 });
    spread(cluster, 8);
    cluster.run(1000);
    for (const node of cluster.nodes.slice(2)) node.part = 1;
    cluster.run(10_000);
    expect(remoteMembers(cluster.nodes)).toEqual([2, 2, 2, 2]);
    const [left, right] = [cluster.join(cluster.nodes[0]!, 'left'), cluster.join(cluster.nodes[2]!, 'right')];
    cluster.run(60_000);
    expect(cluster.strangers([left, right])).toHaveLength(1);
    for (const node of cluster.nodes) node.part = 0;
    cluster.run(15_500);
    expect(remoteMembers(cluster.nodes)).toEqual([7, 8, 7, 8]);
    cluster.run(2 * INTERVAL * JITTER * 1000); // one to hear of the others, one to meet them
    expect(cluster.strangers()).toEqual([]);
  });
});

test('room keys do not appear on the bus, in subjects or in messages', () => {
  const cluster = new SimulatedCluster({ weather: SLOW });
  spread(cluster, 12);
  cluster.run(INTERVAL * JITTER * 1000);
  expect(cluster.published.length).toBeGreaterThan(100);
  for (const { subject, message } of cluster.published) {
    const text = subject + Buffer.from(message).toString('latin1');
    expect(text).not.toContain(ROOM);
    expect(text).not.toContain(Buffer.from(ROOM, 'latin1').toString('hex'));
  }
});

test('an idle cluster only says that it is there', () => {
  const cluster = new SimulatedCluster();
  spread(cluster, 3);
  for (const client of cluster.clients) client.leave();
  cluster.run(1000);
  cluster.published.length = 0;
  cluster.run(60_000);
  expect(cluster.published.every(({ subject }) => subject === 'purertc.nodes')).toBe(true);
  expect(cluster.published).toHaveLength(90);
});
