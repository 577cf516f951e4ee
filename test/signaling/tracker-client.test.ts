/** The protocol alone: connections that fail in every way they do, and what is said on those that hold. */
import { describe, expect, test } from 'vitest';
import { Backoff } from '../../src/signaling/backoff.ts';
import { RoomKey } from '../../src/signaling/room-key.ts';
import { SignalPool } from '../../src/signaling/signal-pool.ts';
import { TrackerClient } from '../../src/signaling/tracker-client.ts';
import type { TrackerEvent, TrackerMember } from '../../src/signaling/tracker-machine.ts';
import type { WireOffer } from '../../src/signaling/wire.ts';
import { World } from './sim/world.ts';

const URL = 'ws://a.example/';
const ROOM = RoomKey.fromString('room');
const OTHER_ROOM = RoomKey.fromString('other');
const NOTHING = { timers: 0, wakers: 0, sockets: 0, connections: 0 };

class Member implements TrackerMember {
  readonly events: TrackerEvent[] = [];
  offers: readonly WireOffer[] = [];

  takeOffers(maxCount: number): readonly WireOffer[] {
    return this.offers.slice(0, maxCount);
  }

  handle(event: TrackerEvent): void {
    this.events.push(event);
  }

  get kinds(): string[] {
    return this.events.map((event) => (event.kind === 'state' ? event.state : event.kind));
  }
}

function connect(world: World): { client: TrackerClient; member: Member } {
  const client = new TrackerClient(URL, {}, world.platform());
  const member = new Member();
  client.join(ROOM, member);
  return { client, member };
}

/** When connections were tried, in ms since the first. */
async function attempts(world: World, forMs: number): Promise<number[]> {
  const times: number[] = [];
  const start = world.now;
  while (world.now < start + forMs) {
    const known = world.sockets.length;
    await world.until(() => world.sockets.length > known || world.now >= start + forMs, forMs).catch(() => {});
    if (world.sockets.length > known) times.push(world.now - start);
    else await world.run(forMs);
  }
  return times;
}

describe('reconnecting', () => {
  test('waits from 0 to 0.5 s, then twice as long each time, up to a minute', () => {
    const highest = { fill: (target: Uint8Array) => void target.fill(255) };
    const backoff = new Backoff();
    const ceilings = Array.from({ length: 12 }, () => Math.round(backoff.next(highest)));
    expect(ceilings).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, ...Array(5).fill(60_000)]);
    for (let i = 0; i < 100_000; i++) backoff.next(highest);
    expect(Math.round(backoff.next(highest))).toBe(60_000); // nothing overflows
    expect(backoff.next({ fill: () => {} })).toBe(0); // full jitter
    backoff.reset();
    expect(Math.round(backoff.next(highest))).toBe(500);
  });

  test.each(['error-and-close', 'error-only', 'silence'] as const)(
    'goes on when connections end in %s',
    async (refusal) => {
      const world = new World();
      world.addTracker(URL).refusal = refusal;
      const { client, member } = connect(world);
      await world.run(1_800_000);
      // A minute's ceiling is half a minute on average, and a silent tracker takes its ten seconds each time.
      expect(world.sockets.length).toBeGreaterThan(30);
      expect(world.sockets.length).toBeLessThan(120);
      expect(client.lastError).toBe(refusal === 'silence' ? 'no connection within 10 s' : 'ECONNREFUSED');
      expect(new Set(member.kinds)).toEqual(new Set(['connecting', 'waiting']));
      world.trackers.get(URL)!.refusal = null;
      await world.until(() => client.state === 'open', 70_000);
      void client.close();
      await world.run(1_000);
      expect(world.leftovers).toEqual(NOTHING);
    },
  );

  test('starts over after a connection that held for 30 s, not after a short one', async () => {
    const world = new World();
    world.addTracker(URL);
    connect(world);
    const lose = async (afterMs: number): Promise<number> => {
      await world.run(afterMs);
      const known = world.sockets.length;
      world.sockets.at(-1)!.closeFromThere(1006);
      const ms = await world.until(() => world.sockets.length > known);
      await world.run(100); // open again
      return ms;
    };
    const short: number[] = [];
    for (let i = 0; i < 20; i++) short.push(await lose(1_000));
    expect(Math.max(...short)).toBeGreaterThan(20_000);
    const long: number[] = [];
    for (let i = 0; i < 20; i++) long.push(await lose(31_000));
    expect(Math.max(...long.slice(1))).toBeLessThanOrEqual(530);
  });

  test('joins every room again with `started`, at once the first time and within a second after that', async () => {
    const world = new World();
    const tracker = world.addTracker(URL);
    const { client } = connect(world);
    client.join(OTHER_ROOM, new Member());
    const started = (): unknown[] =>
      tracker.messages.filter(({ event }) => event === 'started').map(({ info_hash }) => info_hash);
    await world.run(100);
    expect(started()).toEqual([ROOM.toWire(), OTHER_ROOM.toWire()]);
    world.sockets[0]!.closeFromThere(1006);
    await world.run(3_000);
    expect(started().slice(2).sort()).toEqual([ROOM.toWire(), OTHER_ROOM.toWire()].sort());
    expect(tracker.members()).toBe(2);
  });

  test('forgets what was left meanwhile, and knows what was joined', async () => {
    const world = new World();
    const tracker = world.addTracker(URL);
    tracker.refusal = 'error-and-close';
    const { client } = connect(world);
    const membership = client.join(OTHER_ROOM, new Member());
    await world.run(1_000);
    membership.leave();
    membership.leave();
    tracker.refusal = null;
    await world.run(100_000);
    expect(new Set(tracker.messages.map(({ info_hash }) => info_hash))).toEqual(new Set([ROOM.toWire()]));
    expect(membership.answer({ toPeerId: 'x'.repeat(20), offerId: 'y'.repeat(20), sdp: '' })).toBe(false);
  });

  test('obeys 1013, "try again later": half a minute at least', async () => {
    const world = new World();
    world.addTracker(URL);
    connect(world);
    await world.run(100);
    world.sockets[0]!.closeFromThere(1013);
    const [first] = await attempts(world, 70_000);
    expect(first).toBeGreaterThan(29_000);
    expect(first).toBeLessThan(61_000);
  });

  test('takes Deno’s close code 0 for what others call 1006', async () => {
    const world = new World();
    world.addTracker(URL);
    const { client } = connect(world);
    await world.run(100);
    world.sockets[0]!.closeFromThere(0);
    await world.run(50);
    expect(client.lastError).toBe('the connection was closed');
    await world.until(() => client.state === 'open', 2_000);
  });

  test('is tried at once when the network comes back, or the page is looked at', async () => {
    const world = new World();
    const tracker = world.addTracker(URL);
    tracker.refusal = 'error-and-close';
    const { client } = connect(world);
    await world.until(() => world.sockets.length === 12, 600_000);
    await world.run(100);
    expect(client.state).toBe('waiting');
    tracker.refusal = null;
    world.wake();
    await world.run(100);
    expect(client.state).toBe('open');
  });

  test('a connection that slept is tried out, and given up when nothing answers', async () => {
    const world = new World();
    const tracker = world.addTracker(URL);
    const { client } = connect(world);
    await world.run(40_000);
    tracker.intercept = () => true;
    tracker.messages.length = 0;
    world.wake();
    await world.run(100);
    expect(tracker.messages).toMatchObject([{ event: 'started' }]);
    await world.run(14_000);
    expect(world.sockets).toHaveLength(1);
    await world.run(2_000);
    expect(world.sockets.length).toBeGreaterThan(1);
    expect(client.lastError === null || client.lastError === 'does not answer').toBe(true);
  });
});

describe('what the tracker says', () => {
  test('that is no message of a tracker, twenty times in a minute, is enough', async () => {
    const world = new World();
    world.addTracker(URL);
    const { client } = connect(world);
    await world.run(100);
    const [socket] = world.sockets;
    for (let i = 0; i < 19; i++) socket!.deliver('<html>');
    await world.run(61_000);
    expect(client.state).toBe('open');
    for (let i = 0; i < 20; i++) socket!.deliver('{}');
    await world.run(50);
    expect(client.state).toBe('waiting');
    expect(client.stats.badMessages).toBe(39);
    const [first] = await attempts(world, 70_000);
    expect(first).toBeGreaterThan(29_000);
  });

  test('about rooms that are not ours, or in our own name, is ignored', async () => {
    const world = new World();
    const tracker = world.addTracker(URL);
    const { client, member } = connect(world);
    await world.run(100);
    const before = member.events.length;
    const offer = { action: 'announce', offer_id: 'o'.repeat(20), offer: { type: 'offer', sdp: '' } };
    const own = tracker.messages[0]!['peer_id'];
    tracker.send(world.sockets[0]!, { ...offer, info_hash: OTHER_ROOM.toWire(), peer_id: 'p'.repeat(20) });
    tracker.send(world.sockets[0]!, { ...offer, info_hash: ROOM.toWire(), peer_id: own });
    await world.run(100);
    expect(member.events.length).toBe(before);
    expect(client.stats.strayMessages).toBe(2);
  });

  test('to a scrape: counts by room, or an error after 15 s', async () => {
    const world = new World();
    const tracker = world.addTracker(URL);
    const { client } = connect(world);
    await expect(client.scrape([ROOM])).rejects.toThrow('not connected');
    await world.run(100);
    const counts = client.scrape([ROOM, OTHER_ROOM]);
    await world.run(100);
    expect(await counts).toEqual(
      new Map([
        [ROOM.toHex(), { complete: 0, incomplete: 1, downloaded: 0 }],
        [OTHER_ROOM.toHex(), { complete: 0, incomplete: 0, downloaded: 0 }],
      ]),
    );
    tracker.intercept = () => true;
    const refused = expect(client.scrape([ROOM])).rejects.toThrow('does not answer');
    await world.run(15_000);
    await refused;
  });
});

test('an access token is fresh on every connection, and told to a tracker that knows of them', async () => {
  for (const extra of [{ x: 1 }, {}]) {
    const world = new World();
    const url = `${URL}?token=first&a=b`;
    const opened: string[] = [];
    const platform = world.platform();
    const tracker = world.addTracker(URL, { extra, interval: 20 });
    let tokens = 0;
    const client = new TrackerClient(
      url,
      { token: () => `token ${++tokens}` },
      {
        ...platform,
        openWebSocket: (at) => {
          opened.push(at);
          return platform.openWebSocket(URL);
        },
      },
    );
    client.join(ROOM, new Member());
    await world.run(60_000);
    world.sockets[0]!.closeFromThere(1006);
    await world.run(5_000);
    expect(opened[0]).toBe(`${URL}?token=token+1&a=b`);
    expect(opened[1]).toBe(`${URL}?token=token+${extra.x === 1 ? tokens : 2}&a=b`);
    const told = tracker.messages.map(({ token }) => token);
    expect(told[0]).toBeUndefined();
    expect(told.some((token) => token === 'token 2')).toBe(extra.x === 1);
  }
});

test('a URL that is none, or not of a WebSocket, is the caller’s mistake', () => {
  const platform = new World().platform();
  for (const url of ['tracker.example', 'http://tracker.example/', '']) {
    expect(() => new TrackerClient(url, {}, platform)).toThrow(SyntaxError);
  }
  expect(() => new TrackerClient(URL, { peerId: 'xyz' }, platform)).toThrow(RangeError);
});

describe('a pool', () => {
  const peerId = 'ab'.repeat(20);

  test('has one connection for each tracker and peer id, until 5 s after its last user', async () => {
    const world = new World();
    world.addTracker(URL);
    const pool = new SignalPool({ peerId }, world.platform());
    const leases = [URL, `${URL}#x`, URL.toUpperCase().replace('WS', 'ws')].map((url) =>
      pool.acquire(url, peerId, undefined),
    );
    expect(new Set(leases.map(({ client }) => client)).size).toBe(1);
    expect(pool.acquire(URL, 'cd'.repeat(20), undefined).client).not.toBe(leases[0]!.client);
    leases[0]!.client.join(ROOM, new Member());
    await world.run(100);
    for (const lease of leases) {
      await lease.release();
      await lease.release(); // counts once
    }
    await world.run(4_900);
    expect(world.leftovers.sockets).toBe(1);
    const again = pool.acquire(URL, peerId, undefined);
    expect(again.client).toBe(leases[0]!.client);
    await world.run(10_000);
    expect(world.leftovers.sockets).toBe(1);
    await again.release();
    await world.run(6_000);
    expect(world.leftovers.sockets).toBe(0);
  });

  test('that is closed leaves nothing behind', async () => {
    const world = new World();
    world.addTracker(URL);
    const pool = new SignalPool({}, world.platform());
    pool.acquire(URL, peerId, undefined).client.join(ROOM, new Member());
    await pool.acquire(URL, 'cd'.repeat(20), undefined).release();
    await world.run(100);
    void pool.close();
    await world.run(1_000);
    expect(world.leftovers).toEqual(NOTHING);
  });
});
