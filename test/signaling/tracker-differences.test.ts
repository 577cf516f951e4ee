/**
 * Where trackers in the field differ, each difference a test: two rooms meet through a tracker that does it that way, and
 * what they send is what it takes.
 */
import { describe, expect, test } from 'vitest';
import { Room } from '../../src/signaling/room.ts';
import type { RoomOptions } from '../../src/signaling/room-options.ts';
import type { SimTracker, TrackerBehaviour } from './sim/tracker.ts';
import { World, type WorldOptions } from './sim/world.ts';

const URL = 'ws://a.example/';

/** The four that were read: bittorrent-tracker, aquatic, wt-tracker, SpawnDev.RTC. */
const TRACKERS: Record<string, TrackerBehaviour> = {
  'bittorrent-tracker': { events: ['started', 'completed', 'stopped', 'paused', undefined], onSecondSocket: 'keep' },
  aquatic: {
    events: ['started', 'completed', 'stopped', 'update', undefined],
    maxRelayed: 10,
    checksOfferShape: true,
    repliesToAnswer: true,
    tracksOffers: true,
    onSecondSocket: 'ignore',
    splitsFamilies: false,
    maxFrame: 16 * 1024,
  },
  'wt-tracker': {
    interval: 20,
    events: ['started', 'completed', 'stopped', undefined],
    onInvalid: 'close',
    maxRelayed: 20,
    needsNumwant: true,
    choice: 'consecutive',
    onAbsentPeer: 'close',
    repliesToStopped: false,
  },
  'SpawnDev.RTC': { interval: 30, onInvalid: 'ignore', choice: 'recent' },
};

class Meeting {
  readonly world: World;
  readonly tracker: SimTracker;
  readonly rooms: Room[] = [];
  readonly warnings: string[] = [];

  constructor(behaviour: TrackerBehaviour, options: WorldOptions = {}) {
    this.world = new World(options);
    this.tracker = this.world.addTracker(URL, behaviour);
  }

  join(options: Partial<RoomOptions> = {}): Room {
    const room = new Room('room', { trackers: [URL], ...options }, this.world.platform());
    room.onwarning = ({ message }) => this.warnings.push(message);
    this.rooms.push(room);
    return room;
  }

  async met(withinMs = 5_000): Promise<void> {
    await this.world.until(() => this.rooms.every(({ peers }) => peers.size === this.rooms.length - 1), withinMs);
  }
}

test.each(Object.entries(TRACKERS))('ten rooms meet through %s, and it never complains', async (_name, behaviour) => {
  const meeting = new Meeting(behaviour, { seed: 3 });
  for (let i = 0; i < 10; i++) meeting.join();
  await meeting.met(30_000);
  await meeting.world.run(600_000);
  expect(meeting.warnings).toEqual([]);
  expect(meeting.world.sockets).toHaveLength(10); // none was ever closed
});

test('row 1, interval: announces come as often as it asks, within 15 %', async () => {
  for (const interval of [20, 30, 120]) {
    const meeting = new Meeting({ interval });
    meeting.join();
    await meeting.world.run(10_000);
    meeting.tracker.messages.length = 0;
    await meeting.world.run(interval * 100_000);
    expect(meeting.tracker.messages.length).toBeGreaterThanOrEqual(100);
    expect(meeting.tracker.messages.length).toBeLessThanOrEqual(118);
  }
});

test('row 2, events: only `started`, `stopped` and none are ever sent', async () => {
  const meeting = new Meeting({ events: ['started', 'stopped', undefined], onInvalid: 'close', interval: 30 });
  const [room] = [meeting.join(), meeting.join()];
  await meeting.met();
  await meeting.world.run(100_000);
  void room.leave();
  await meeting.world.run(5_000);
  const events = meeting.tracker.messages.map((message) => ('event' in message ? message['event'] : 'none'));
  expect(new Set(events)).toEqual(new Set(['started', 'none', 'stopped']));
  expect(meeting.tracker.messages.some((message) => message['event'] === null)).toBe(false);
});

test('row 3, offers relayed: `numwant` is the number of offers, five at most, and one where there are none', async () => {
  const meeting = new Meeting({ needsNumwant: true, maxRelayed: 20 });
  for (let i = 0; i < 12; i++) meeting.join();
  await meeting.met(30_000);
  for (const { answer, numwant, offers } of meeting.tracker.messages) {
    if (answer === undefined) expect(numwant).toBe(Math.max(1, (offers as unknown[]).length));
  }
  const most = meeting.tracker.messages.map(({ offers }) => (offers as unknown[] | undefined)?.length ?? 0);
  expect(Math.max(...most)).toBe(5);
});

test.each(['random', 'consecutive', 'recent'] as const)('row 4, target choice: %s', async (choice) => {
  const meeting = new Meeting({ choice, interval: 30 });
  for (let i = 0; i < 10; i++) meeting.join();
  await meeting.met(30_000);
});

test('row 5, offer shape: `type` and `sdp`, and nothing else', async () => {
  const meeting = new Meeting({ checksOfferShape: true });
  for (let i = 0; i < 2; i++) meeting.join();
  await meeting.met();
  for (const { offers, answer } of meeting.tracker.messages) {
    for (const { offer } of (offers ?? []) as { offer: object }[]) {
      expect(offer).toEqual({ type: 'offer', sdp: expect.any(String) });
    }
    if (answer !== undefined) expect(answer).toEqual({ type: 'answer', sdp: expect.any(String) });
  }
});

test('row 6, reply to an answer: an announce response there changes nothing', async () => {
  const meeting = new Meeting({ repliesToAnswer: true });
  for (let i = 0; i < 4; i++) meeting.join();
  await meeting.met();
  expect(meeting.warnings).toEqual([]);
});

test('row 7, answer to an absent peer: the connection it costs comes back, and with it the room', async () => {
  const meeting = new Meeting({ onAbsentPeer: 'close', interval: 30 });
  const gone = meeting.join();
  const stays = meeting.join();
  await meeting.world.until(() => meeting.tracker.messages.some(({ offers }) => (offers as unknown[])?.length > 0));
  meeting.rooms.shift();
  void gone.leave(); // its offer is on the way, and is answered
  await meeting.world.run(10_000);
  meeting.join();
  await meeting.met(10_000);
  expect(stays.trackers[0]!.state).toBe('open');
});

test('row 8, tracked offers: each answer is to an offer that was relayed to us, once', async () => {
  const meeting = new Meeting({ tracksOffers: true });
  for (let i = 0; i < 8; i++) meeting.join();
  await meeting.met(10_000);
  await meeting.world.run(100_000);
  expect(meeting.warnings).toEqual([]);
});

test('row 8, and a refusal of one is no refusal of the room', async () => {
  const meeting = new Meeting({ interval: 20 });
  const [room] = [meeting.join(), meeting.join()];
  await meeting.met();
  meeting.tracker.messages.length = 0;
  const socket = [...meeting.tracker.sockets][0]!;
  meeting.tracker.send(socket, { info_hash: room.key!.toWire(), 'failure reason': 'Could not find the offer' });
  await meeting.world.run(60_000);
  expect(meeting.warnings).toEqual(['Could not find the offer']);
  const said = meeting.tracker.messages.filter(({ peer_id }) => peer_id === wire(room.peerId));
  expect(said.length).toBeGreaterThan(1);
  expect(said.some(({ event }) => event === 'started')).toBe(false); // it never left
});

test('row 9, left: 1, so that nobody counts us as a seeder', async () => {
  const meeting = new Meeting({});
  for (let i = 0; i < 3; i++) meeting.join();
  await meeting.met();
  const counts: number[] = [];
  meeting.rooms[0]!.onstats = ({ complete }) => counts.push(complete);
  await meeting.world.run(200_000);
  expect(counts.length).toBeGreaterThan(0);
  expect(Math.max(...counts)).toBe(0);
  for (const { answer, left } of meeting.tracker.messages) if (answer === undefined) expect(left).toBe(1);
});

describe('row 10, the same peer id on a second socket', () => {
  test.each(['replace', 'keep'] as const)(
    '%s: a lost connection comes back, and people still meet',
    async (onSecondSocket) => {
      const meeting = new Meeting({ onSecondSocket, interval: 30 });
      meeting.join();
      await meeting.world.run(1_000);
      meeting.world.sockets[0]!.closeFromThere(1006);
      await meeting.world.run(5_000);
      expect(meeting.tracker.members()).toBe(1);
      meeting.join();
      await meeting.met();
    },
  );

  test('ignored: what is not answered is tried on another connection, until it is', async () => {
    const meeting = new Meeting({ onSecondSocket: 'ignore' });
    const room = meeting.join();
    await meeting.world.run(1_000);
    // The old connection is gone for us; the tracker has not noticed.
    const [old] = [...meeting.tracker.sockets];
    meeting.tracker.intercept = (_message, socket) => socket !== old && meeting.tracker.sockets.has(old!);
    old!.close = () => {};
    old!.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' }));
    await meeting.world.run(20_000);
    expect(room.trackers[0]!.complete).toBeNull();
    meeting.tracker.closed(old!);
    await meeting.world.until(() => room.trackers[0]!.incomplete === 1, 90_000);
  });

  test('one peer id for all rooms of a connection, another for each room that is joined alone', async () => {
    const meeting = new Meeting({});
    const [a, b] = [meeting.join(), meeting.join()];
    expect(a.peerId).not.toBe(b.peerId);
  });
});

test('row 11, separate swarms for IPv4 and IPv6: a second tracker brings them together', async () => {
  const meeting = new Meeting({ splitsFamilies: true });
  const other = 'ws://b.example/';
  meeting.world.addTracker(other);
  // Each opens its two connections in turn: the tracker sees the members on two networks.
  for (let i = 0; i < 2; i++) meeting.join({ trackers: i === 0 ? [URL, other] : [other, URL] });
  await meeting.met();
});

test('row 12, full scrape: a room never asks for a list of rooms', async () => {
  const meeting = new Meeting({});
  for (let i = 0; i < 3; i++) meeting.join();
  await meeting.met();
  await meeting.world.run(300_000);
  expect(meeting.tracker.messages.filter(({ action }) => action !== 'announce')).toEqual([]);
});

describe('row 13, errors', () => {
  test('without action and info_hash: told as a warning, and the connection stays', async () => {
    const meeting = new Meeting({});
    const room = meeting.join();
    await meeting.world.run(500);
    meeting.tracker.send(meeting.world.sockets[0]!, { 'failure reason': 'Unexpected token' });
    await meeting.world.run(500);
    expect(meeting.warnings).toEqual(['Unexpected token']);
    expect(room.trackers[0]!).toMatchObject({ state: 'open', lastError: 'Unexpected token' });
    expect(meeting.world.sockets).toHaveLength(1);
  });

  test('for a room: announced again later, less and less often', async () => {
    const meeting = new Meeting({});
    meeting.tracker.intercept = ({ info_hash }, socket) => {
      meeting.tracker.send(socket, { action: 'announce', info_hash, 'failure reason': 'Info hash not allowed' });
      return true;
    };
    meeting.join();
    await meeting.world.run(3_600_000);
    expect(meeting.tracker.messages.length).toBeGreaterThan(4);
    expect(meeting.tracker.messages.length).toBeLessThan(12);
    expect(meeting.world.sockets).toHaveLength(1);
  });

  test('with `retry in`: not before', async () => {
    const meeting = new Meeting({});
    meeting.tracker.intercept = ({ info_hash }, socket) => {
      meeting.tracker.send(socket, { action: 'announce', info_hash, 'failure reason': 'later', 'retry in': 10 });
      return true;
    };
    meeting.join();
    await meeting.world.run(599_000);
    expect(meeting.tracker.messages).toHaveLength(1);
    await meeting.world.run(2_000);
    expect(meeting.tracker.messages).toHaveLength(2);
  });
});

test('row 14, reply to `stopped`: leaving takes no longer without one', async () => {
  for (const repliesToStopped of [true, false]) {
    const meeting = new Meeting({ repliesToStopped });
    const room = meeting.join();
    await meeting.world.run(1_000);
    const start = meeting.world.now;
    let leftAt = 0;
    void room.leave().then(() => {
      leftAt = meeting.world.now;
    });
    await meeting.world.run(2_000);
    expect(leftAt - start).toBeLessThanOrEqual(100);
    expect(meeting.tracker.members()).toBe(0);
  }
});

describe('row 15, frames of more than 16 KiB', () => {
  test('are not sent: offers are cut off, and go out with the next announce', async () => {
    const meeting = new Meeting({ maxFrame: 16 * 1024 });
    const pad = (connection: unknown): void => {
      (connection as { padding: number }).padding = 4_000;
    };
    for (let i = 0; i < 7; i++) meeting.join({ onPeerConnection: pad });
    await meeting.met(30_000);
    expect(meeting.world.sockets).toHaveLength(7);
    const lengths = meeting.world.sockets.flatMap(({ sent }) => sent.map((text) => Buffer.byteLength(text)));
    expect(Math.max(...lengths)).toBeGreaterThan(12_000);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(15 * 1024);
  });

  test('a single offer that is longer goes out alone: other trackers take it', async () => {
    const meeting = new Meeting({});
    const pad = (connection: unknown): void => {
      (connection as { padding: number }).padding = 20_000;
    };
    for (let i = 0; i < 3; i++) meeting.join({ onPeerConnection: pad });
    await meeting.met(10_000);
  });
});

describe('and besides', () => {
  test('`min interval` is kept, however many there are to meet', async () => {
    const meeting = new Meeting({ minInterval: 10, interval: 10 });
    for (let i = 0; i < 12; i++) meeting.join();
    const id = wire(meeting.rooms[0]!.peerId);
    await meeting.met(200_000);
    const announces = meeting.tracker.messages.filter(({ peer_id, answer }) => peer_id === id && answer === undefined);
    expect(announces.length).toBeLessThanOrEqual(2 + Math.ceil(meeting.world.now / 10_000));
  });

  test('`tracker id` is given back as `trackerid`, on that connection', async () => {
    const meeting = new Meeting({ extra: { 'tracker id': 'me' }, interval: 20 });
    meeting.join();
    await meeting.world.run(60_000);
    const ids = meeting.tracker.messages.map(({ trackerid }) => trackerid);
    expect(ids[0]).toBeUndefined();
    expect(new Set(ids.slice(1))).toEqual(new Set(['me']));
    meeting.world.sockets[0]!.closeFromThere(1006);
    meeting.tracker.messages.length = 0;
    await meeting.world.run(3_000);
    expect(meeting.tracker.messages[0]).not.toHaveProperty('trackerid');
  });

  test('`warning message` is a warning, once a minute', async () => {
    const meeting = new Meeting({ extra: { 'warning message': 'be kind' }, interval: 20 });
    meeting.join();
    await meeting.world.run(59_000);
    expect(meeting.warnings).toEqual(['be kind']);
    await meeting.world.run(60_000);
    expect(meeting.warnings).toEqual(['be kind', 'be kind']);
  });

  test('binary frames, and no counts', async () => {
    const meeting = new Meeting({ sendsBinary: true, hidesCounts: true, interval: 10 });
    for (let i = 0; i < 4; i++) meeting.join();
    await meeting.met(120_000);
  });
});

function wire(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1');
}
