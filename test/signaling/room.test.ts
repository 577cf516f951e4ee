/** Whole rooms in a simulated world: their own code, with trackers, sockets and peer connections that are told the time. */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { RTCPeerConnection } from '../../src/index.ts';
import { Room } from '../../src/signaling/room.ts';
import type { RoomOptions } from '../../src/signaling/room-options.ts';
import type { RoomPeer } from '../../src/signaling/room-peer.ts';
import { SignalPool } from '../../src/signaling/signal-pool.ts';
import type { SimPeerConnection } from './sim/peer-connection.ts';
import { World } from './sim/world.ts';

const URL_A = 'ws://a.example/';
const URL_B = 'ws://b.example/';

function join(world: World, options: Partial<RoomOptions> = {}): Room {
  return new Room('room', { trackers: [URL_A], ...options }, world.platform());
}

function isMesh(rooms: readonly Room[]): boolean {
  return rooms.every(({ peers }) => peers.size === rooms.length - 1);
}

/** What happened in a room: `+id` and `-id`. */
function log(room: Room): string[] {
  const events: string[] = [];
  room.onpeer = ({ peer }) => events.push(`+${peer.id}`);
  room.onleave = ({ peer }) => events.push(`-${peer.id}`);
  return events;
}

function simulated({ connection }: RoomPeer): SimPeerConnection {
  return connection as unknown as SimPeerConnection;
}

describe('everyone is connected to everyone', () => {
  test.each([
    [2, 1_000],
    [3, 1_000],
    [10, 10_000],
    [20, 30_000],
  ])('%d who join at once, or one after the other', async (count, withinMs) => {
    for (const pauseMs of [0, 100]) {
      const world = new World({ seed: 7 });
      world.addTracker(URL_A);
      const rooms: Room[] = [];
      for (let i = 0; i < count; i++) {
        rooms.push(join(world));
        await world.run(pauseMs);
      }
      expect(await world.until(() => isMesh(rooms))).toBeLessThan(withinMs);
    }
  });

  test('and stays so: nothing more is made once all are there', async () => {
    const world = new World();
    world.addTracker(URL_A);
    const rooms = Array.from({ length: 6 }, () => join(world));
    const events = rooms.map(log);
    await world.until(() => isMesh(rooms));
    await world.run(120_000);
    const made = world.connections.length;
    await world.run(3_600_000);
    expect(world.connections.length).toBe(made);
    expect(events.map((list) => list.length)).toEqual([5, 5, 5, 5, 5, 5]);
    expect(world.leftovers.connections).toBe(6 * 5);
  });

  test('whoever has no offers, alone or not ready yet, still wants those of others', async () => {
    const world = new World();
    const tracker = world.addTracker(URL_A);
    join(world);
    await world.run(200_000);
    expect(tracker.messages.some(({ offers }) => (offers as unknown[]).length === 0)).toBe(true);
    expect(tracker.messages.map(({ numwant }) => numwant)).not.toContain(0);
  });

  test('a newcomer meets all of those who have been there for long', async () => {
    const world = new World();
    world.addTracker(URL_A);
    const rooms = Array.from({ length: 8 }, () => join(world));
    await world.run(1_000_000);
    rooms.push(join(world));
    expect(await world.until(() => isMesh(rooms))).toBeLessThan(10_000);
  });
});

describe('when both members of a pair announce in the same instant', () => {
  /** A tracker that does not count makes both of them offer; in step, from their first announce on. */
  function meetingInStep(seed: number): { world: World; answerers: () => Set<unknown>; rooms: Room[] } {
    const world = new World({
      seed,
      latencyMs: seed % 7,
      gatheringMs: (seed * 13) % 90,
      connectingMs: (seed * 31) % 70,
    });
    const tracker = world.addTracker(URL_A, { hidesCounts: true, interval: 30 });
    const answers = (): typeof tracker.messages => tracker.messages.filter(({ answer }) => answer !== undefined);
    return {
      world,
      answerers: () => new Set(answers().map(({ peer_id }) => peer_id)),
      rooms: [join(world), join(world)],
    };
  }

  test('200 times, they are never stuck and never connected twice', async () => {
    let crossings = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { world, answerers, rooms } = meetingInStep(seed);
      const events = rooms.map(log);
      expect(await world.until(() => isMesh(rooms))).toBeLessThan(1_000);
      if (answerers().size === 2) crossings++;
      await world.run(70_000);
      expect(events).toEqual([[`+${rooms[1]!.peerId}`], [`+${rooms[0]!.peerId}`]]);
      const inUse = rooms.map((room) => [...room.peers.values()][0]!.connection as unknown);
      expect((inUse[0] as SimPeerConnection).partner).toBe(inUse[1]);
      for (const room of rooms) void room.leave();
      await world.run(1_000);
      expect(world.leftovers).toEqual({ timers: 0, wakers: 0, sockets: 0, connections: 0 });
    }
    expect(crossings).toBeGreaterThan(150); // both had answered: this was about what it is about
  });
});

describe('leaving', () => {
  test('leaves nothing behind: no timer, listener, socket or connection', async () => {
    const world = new World();
    world.addTracker(URL_A);
    const controller = new AbortController();
    const rooms = [join(world, { signal: controller.signal }), join(world)];
    await world.until(() => isMesh(rooms));
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    const events = log(rooms[0]!);
    let hasLeft = false;
    void rooms[0]!.leave().then(() => {
      hasLeft = true;
    });
    expect(await world.until(() => hasLeft)).toBeLessThanOrEqual(1_000);
    await world.until(() => rooms[1]!.peers.size === 0);
    void rooms[1]!.leave();
    await world.run(1_000);
    expect(world.leftovers).toEqual({ timers: 0, wakers: 0, sockets: 0, connections: 0 });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(events).toEqual([]);
    expect(rooms[0]!.closed).toBe(true);
  });

  test('is told to the tracker with `stopped`, and to peers by the end of the connection', async () => {
    const world = new World();
    const tracker = world.addTracker(URL_A);
    const rooms = [join(world), join(world)];
    const events = log(rooms[1]!);
    await world.until(() => isMesh(rooms));
    const left = rooms[0]!.leave();
    await world.until(() => rooms[1]!.peers.size === 0);
    await world.run(100);
    await left;
    expect(events).toEqual([`+${rooms[0]!.peerId}`, `-${rooms[0]!.peerId}`]);
    expect(tracker.messages.filter(({ event }) => event === 'stopped')).toHaveLength(1);
    expect(tracker.members()).toBe(1);
  });

  test('happens when the signal aborts', async () => {
    const world = new World();
    world.addTracker(URL_A);
    const controller = new AbortController();
    const room = join(world, { signal: controller.signal });
    await world.run(500);
    controller.abort();
    expect(room.closed).toBe(true);
    await world.run(1_000);
    expect(world.leftovers).toEqual({ timers: 0, wakers: 0, sockets: 0, connections: 0 });
    expect(() => join(world, { signal: controller.signal })).toThrow(/abort/i);
  });

  test('while everything is still being made', async () => {
    const world = new World();
    world.addTracker(URL_A);
    for (let ms = 0; ms < 300; ms += 10) {
      const rooms = [join(world), join(world)];
      await world.run(ms);
      for (const room of rooms) void room.leave();
      await world.run(1_000);
      expect(world.leftovers).toEqual({ timers: 0, wakers: 0, sockets: 0, connections: 0 });
    }
  });
});

describe('a connection that ends', () => {
  test('is a peer that left, and who is still in the room is met again', async () => {
    const world = new World();
    world.addTracker(URL_A, { interval: 30 });
    const rooms = [join(world), join(world)];
    const events = log(rooms[0]!);
    await world.until(() => isMesh(rooms));
    for (const room of rooms) simulated([...room.peers.values()][0]!).changeState('failed');
    expect(rooms[0]!.peers.size).toBe(0);
    await world.until(() => events.length === 3);
    expect(events.map((event) => event[0])).toEqual(['+', '-', '+']);
  });

  test('is given up after 15 s without a path, not before', async () => {
    const world = new World();
    world.addTracker(URL_A);
    const rooms = [join(world), join(world)];
    await world.until(() => isMesh(rooms));
    const peer = simulated([...rooms[0]!.peers.values()][0]!);
    peer.changeState('disconnected');
    await world.run(14_000);
    peer.changeState('connected');
    await world.run(60_000);
    expect(rooms[0]!.peers.size).toBe(1);
    peer.changeState('disconnected');
    await world.run(14_900);
    expect(rooms[0]!.peers.size).toBe(1);
    await world.run(200);
    expect(rooms[0]!.peers.size).toBe(0);
  });

  test('before it began is tried anew', async () => {
    const world = new World();
    world.addTracker(URL_A, { interval: 30 });
    const rooms = [join(world), join(world)];
    const events = log(rooms[0]!);
    await world.until(() => world.connections.some(({ remoteDescription }) => remoteDescription !== null));
    for (const connection of world.connections) connection.isUnreachable = true;
    await world.run(3_000);
    expect(events).toEqual([]);
    expect(await world.until(() => isMesh(rooms))).toBeLessThan(60_000);
    expect(events).toHaveLength(1);
  });
});

test('messages that come before the peer is announced are there afterwards, in order, and once', async () => {
  const world = new World();
  world.addTracker(URL_A);
  const { promise: decision, resolve: letIn } = deferred<boolean>();
  const [slow] = [join(world, { authorize: () => decision }), join(world)];
  const channels = () =>
    world.connections.flatMap((connection) => connection.channels).filter(({ label }) => label === 'data');
  await world.until(() => channels().filter(({ readyState }) => readyState === 'open').length === 2);
  // Whichever of the two ends is the other side's: what it sends now is too early.
  for (const channel of channels())
    if (channel.readyState === 'open') for (let i = 0; i < 5; i++) channel.send(String(i));
  await world.run(100);
  expect(slow.peers.size).toBe(0);
  const heard: unknown[] = [];
  slow.onpeer = ({ peer }) => peer.channel.addEventListener('message', ({ data }) => heard.push(data));
  letIn(true);
  await world.run(100);
  expect(slow.peers.size).toBe(1);
  expect(heard).toEqual(['0', '1', '2', '3', '4']);
});

describe('two trackers', () => {
  test('share offers, and bring each peer once', async () => {
    const world = new World();
    const trackers = [world.addTracker(URL_A), world.addTracker(URL_B)];
    const rooms = Array.from({ length: 5 }, () => join(world, { trackers: [URL_A, URL_B] }));
    const events = rooms.map(log);
    await world.until(() => isMesh(rooms));
    await world.run(600_000);
    expect(events.map((list) => list.length)).toEqual([4, 4, 4, 4, 4]);
    expect(trackers.map((tracker) => tracker.members())).toEqual([5, 5]);
  });

  test('bring together those who have only one of them in common', async () => {
    const world = new World();
    world.addTracker(URL_A);
    world.addTracker(URL_B);
    const [a, both, b] = [join(world), join(world, { trackers: [URL_A, URL_B] }), join(world, { trackers: [URL_B] })];
    await world.until(() => both!.peers.size === 2);
    expect([a!.peers.size, b!.peers.size]).toEqual([1, 1]);
  });

  test('of which one is not there are as good as one', async () => {
    const world = new World();
    world.addTracker(URL_A);
    const warnings: string[] = [];
    const rooms = Array.from({ length: 3 }, () => join(world, { trackers: [URL_B, URL_A, URL_A] }));
    rooms[0]!.onwarning = ({ message, tracker }) => warnings.push(`${tracker} ${message}`);
    expect(await world.until(() => isMesh(rooms))).toBeLessThan(1_000);
    expect(warnings).toEqual([`${URL_B} ECONNREFUSED`]);
    expect(rooms[0]!.trackers.map(({ url, state }) => [url, state])).toEqual([
      [URL_B, expect.stringMatching(/waiting|connecting/)],
      [URL_A, 'open'],
    ]);
  });
});

test('maxPeers is never passed, and a full room offers nothing', async () => {
  const world = new World();
  const tracker = world.addTracker(URL_A, { interval: 10 });
  const rooms = Array.from({ length: 8 }, () => join(world, { maxPeers: 3 }));
  let most = 0;
  for (const room of rooms)
    room.onpeer = () => {
      most = Math.max(most, room.peers.size);
    }; // prettier-ignore
  await world.until(() => rooms.every(({ peers }) => peers.size >= 2));
  await world.run(200_000);
  expect(most).toBe(3);
  const full = rooms.find(({ peers }) => peers.size === 3)!;
  tracker.messages.length = 0;
  await world.run(60_000);
  const announces = tracker.messages.filter(({ peer_id }) => hex(peer_id as string) === full.peerId);
  expect(announces.length).toBeGreaterThan(2);
  for (const announce of announces) expect(announce).toMatchObject({ numwant: 0, offers: [] });
});

test('the hook has every connection before there is any SDP, on both sides', async () => {
  const world = new World();
  world.addTracker(URL_A);
  const seen = new Map<RTCPeerConnection, boolean>();
  const options: Partial<RoomOptions> = {
    onPeerConnection: async (connection, { initiator }) => {
      expect(connection.localDescription).toBeNull();
      await Promise.resolve();
      expect(connection.remoteDescription).toBeNull();
      seen.set(connection, initiator);
    },
  };
  const rooms = [join(world, options), join(world, options)];
  await world.until(() => isMesh(rooms));
  for (const room of rooms)
    for (const peer of room.peers.values()) expect(seen.get(peer.connection)).toBe(peer.initiator);
});

test('a hook that fails is a warning once a minute, not a storm', async () => {
  const world = new World();
  world.addTracker(URL_A, { interval: 5 });
  const fail = (): never => {
    throw new Error('no camera');
  };
  const [room] = [join(world, { onPeerConnection: fail }), join(world)];
  const warnings: string[] = [];
  room.onwarning = ({ message }) => warnings.push(message);
  await world.run(55_000);
  expect(warnings).toEqual(['Error: no camera']);
  expect(world.connections.length).toBeLessThan(200);
});

test('a full room that gets space says so at once: a tracker may deal nothing to whoever wants nothing', async () => {
  const world = new World();
  const tracker = world.addTracker(URL_A, { interval: 600 });
  const [room, other] = [join(world, { maxPeers: 1 }), join(world)];
  await world.until(() => isMesh([room, other]));
  await world.run(1_000_000);
  const said = (): unknown[] => tracker.messages.filter(({ peer_id }) => hex(peer_id as string) === room.peerId);
  expect(said().at(-1)).toMatchObject({ numwant: 0 });
  void other.leave();
  await world.run(1_000);
  expect(said().at(-1)).toMatchObject({ numwant: 1 });
});

describe('ICE servers from a tracker', () => {
  const iceServers = [{ urls: 'turn:192.0.2.1', username: 'u', credential: 'c' }];
  const own = [{ urls: 'stun:192.0.2.2' }];

  test('are in every connection, besides our own; none is made before they are known', async () => {
    const world = new World();
    const tracker = world.addTracker(URL_A, { extra: { x: 1, ice_servers: iceServers } });
    const options = { iceServersFromTracker: true, rtc: { iceServers: own } };
    const rooms = [join(world, options), join(world, options)];
    await world.until(() => isMesh(rooms));
    const handedOut = { urls: ['turn:192.0.2.1'], username: 'u', credential: 'c' };
    for (const { configuration } of world.connections)
      expect(configuration).toEqual({ iceServers: [...own, handedOut] });
    expect(tracker.messages[0]).toMatchObject({ event: 'started', numwant: 0, offers: [], x: 1 });
  });

  test('once known, the tracker is told that we want offers after all', async () => {
    const world = new World();
    const tracker = world.addTracker(URL_A, { extra: { x: 1, ice_servers: iceServers } });
    join(world, { iceServersFromTracker: true });
    await world.run(500);
    expect(tracker.messages.map(({ numwant }) => numwant)).toEqual([0, 1]);
  });

  test('of a tracker that has none are waited for until it has answered, or for a second', async () => {
    for (const answers of [true, false]) {
      const world = new World();
      const tracker = world.addTracker(URL_A);
      if (!answers) tracker.intercept = () => true;
      const room = join(world, { iceServersFromTracker: true });
      await world.run(answers ? 200 : 900);
      expect(world.connections.length > 0).toBe(false);
      join(world);
      await world.run(300);
      expect(world.connections.length > 0).toBe(true);
      void room;
    }
  });

  test('are not taken by whoever did not ask for them', async () => {
    const world = new World();
    world.addTracker(URL_A, { extra: { x: 1, ice_servers: iceServers } });
    const rooms = [join(world), join(world)];
    await world.until(() => isMesh(rooms));
    for (const { configuration } of world.connections) expect(configuration).toEqual({});
  });
});

test('a room cannot be joined twice over the same pool, and trying leaves nothing behind', async () => {
  const world = new World();
  world.addTracker(URL_A);
  const pool = new SignalPool({}, world.platform());
  const room = join(world, { pool });
  await world.run(500);
  expect(() => join(world, { pool })).toThrow(RangeError);
  void room.leave();
  void pool.close();
  await world.run(2_000);
  expect(world.leftovers).toEqual({ timers: 0, wakers: 0, sockets: 0, connections: 0 });
});

test('rooms that share a pool share connections to trackers, and a peer id', async () => {
  const world = new World();
  const tracker = world.addTracker(URL_A);
  const pool = new SignalPool({}, world.platform());
  const rooms = ['a', 'b'].map((name) => new Room(name, { trackers: [URL_A], pool }, world.platform()));
  await world.run(500);
  expect(tracker.sockets.size).toBe(1);
  expect(rooms[0]!.peerId).toBe(rooms[1]!.peerId);
  const other = new Room('b', { trackers: [URL_A] }, world.platform());
  await world.until(() => other.peers.size === 1);
  await world.run(100);
  expect(rooms.map(({ peers }) => peers.size)).toEqual([0, 1]);
});

test('what cannot be is refused at once', () => {
  const world = new World();
  expect(() => join(world, { trackers: [] })).toThrow(TypeError);
  expect(() => join(world, { trackers: ['https://a.example'] })).toThrow(SyntaxError);
  expect(() => join(world, { maxPeers: -1 })).toThrow(RangeError);
  expect(() => join(world, { secret: 'AAECAwQFBgcICQoLDA0ODw', password: 'x' })).toThrow(TypeError);
  expect(world.leftovers).toEqual({ timers: 0, wakers: 0, sockets: 0, connections: 0 });
});

test('close() ends one peer, who is not met again', async () => {
  const world = new World();
  world.addTracker(URL_A, { interval: 10 });
  const rooms = [join(world), join(world), join(world)];
  await world.until(() => isMesh(rooms));
  const events = log(rooms[0]!);
  rooms[0]!.peers.get(rooms[1]!.peerId)!.close();
  expect(events).toEqual([`-${rooms[1]!.peerId}`]);
  await world.run(300_000);
  expect(events).toHaveLength(1);
  expect(rooms.map(({ peers }) => peers.size)).toEqual([1, 1, 2]);
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function hex(id: string): string {
  return Buffer.from(id, 'latin1').toString('hex');
}
