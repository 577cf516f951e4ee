/** What visitors who mean no good, or go too fast, or are gone, can do to a tracker and to each other. */
import { describe, expect, test } from 'vitest';
import { TrackerServer } from '../../src/server/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';
import { id, ROOM, type Visitor, World } from './world.ts';

describe('rates', () => {
  test('an announce over its rate is refused, and the room is not left for it', () => {
    const world = new World();
    const visitor = world.visitor();
    for (let i = 0; i < 14; i++) visitor.announce();
    const [responses, failures] = [visitor.take().slice(0, 12), visitor.texts];
    expect(responses).toHaveLength(12);
    expect(failures).toEqual([]);
    expect(world.tracker.stats).toMatchObject({ limited: 2, members: 1 });
    world.run(2000);
    visitor.announce();
    expect(visitor.read('response')).toHaveLength(1);
  });

  test('a flood is not read, and then it is cut off; others are served meanwhile', () => {
    const world = new World();
    const [flood, other] = [world.visitor(), world.visitor()];
    for (let i = 0; i < 1000; i++) flood.say({ action: 'scrape', info_hash: ROOM });
    expect(flood.read('scrape')).toHaveLength(200);
    expect(flood.closedWith?.code).toBe(1008);
    expect(world.tracker.stats).toMatchObject({ messages: 221, closedForFaults: 1, connections: 1 });
    other.announce();
    expect(other.read('response')).toHaveLength(1);
  });

  test('a client in 100 rooms can announce all of them at once, and again after 20 s', () => {
    const world = new World();
    const visitor = world.visitor();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) visitor.announce({ info_hash: id(`room${i}`) });
      expect(visitor.read('response')).toHaveLength(100);
      world.run(20_000);
    }
    visitor.announce({ info_hash: id('one more') });
    expect(visitor.read('failure')).toHaveLength(1);
  });

  test('broken messages are answered 20 times a minute, then end the connection', () => {
    const world = new World();
    const visitor = world.visitor();
    for (let i = 0; i < 21; i++) visitor.say('{');
    expect(visitor.take()).toHaveLength(21);
    expect(visitor.closedWith?.code).toBe(1008);
    visitor.say('{');
    expect(visitor.take()).toEqual([]);
  });
});

describe('sizes', () => {
  test('an offer with a description over 16 KiB is not dealt; the announce and its other offers are', () => {
    const world = new World();
    const [other, author] = world.members(2);
    other!.take();
    author!.announce({
      offers: [20_000, 16_384].map((length, i) => ({
        offer_id: id(`o${i}`),
        offer: { type: 'offer', sdp: 'x'.repeat(length) },
      })),
    });
    expect(other!.read('offer').map(({ offerId }) => offerId)).toEqual([id('o1')]);
    expect(author!.read('failure')).toEqual([]);
  });

  test('an answer over 16 KiB is refused', () => {
    const world = new World();
    const [other, author] = world.members(2);
    author!.offer('o');
    author!.take();
    other!.take();
    other!.answer('o', { answer: { type: 'answer', sdp: 'x'.repeat(16_385) } });
    expect(other!.read('failure')).toHaveLength(1);
    expect(author!.take()).toEqual([]);
  });

  test('a message over 64 KiB is refused unread, whatever the adapter let through', () => {
    const visitor = new World().visitor();
    visitor.announce({ more: 'x'.repeat(65_536) });
    expect(visitor.read('failure')).toMatchObject([{ infoHash: null }]);
  });

  test('rooms, members of a room and rooms of a connection have bounds', () => {
    const world = new World({ limits: { maxRooms: 3, maxMembersPerRoom: 2, maxRoomsPerConnection: 2 } });
    const [first, second, third] = [world.visitor(), world.visitor(), world.visitor()];
    const join = (visitor: Visitor, room: string): string => {
      visitor.announce({ info_hash: id(room) });
      return String(visitor.take()[0]!['failure reason'] ?? 'joined');
    };
    expect(join(first, 'a')).toBe('joined');
    expect(join(first, 'b')).toBe('joined');
    expect(join(first, 'c')).toContain('one connection');
    expect(join(second, 'a')).toBe('joined');
    expect(join(third, 'a')).toContain('full');
    expect(join(third, 'c')).toBe('joined');
    expect(join(second, 'd')).toContain('another room');
    expect(join(first, 'a')).toBe('joined'); // who is in stays in
    expect(world.tracker.stats).toMatchObject({ rooms: 3, members: 4 });
  });

  test('limits that are no numbers are turned down', () => {
    const random = seededRandom(1);
    expect(() => new TrackerServer({ random, limits: { maxRooms: 0 } })).toThrow('maxRooms is a positive number');
    expect(() => new TrackerServer({ random, limits: { maxRoms: 1 } as object })).toThrow('no such limit: maxRoms');
    expect(() => new TrackerServer({ random, interval: 0 })).toThrow(RangeError);
    expect(() => new TrackerServer({ random, origins: ['example.com'] })).toThrow('expected an origin');
  });
});

describe('connections', () => {
  const statusOf = (world: World, visitor: { ip?: string; origin?: string | null; url?: string } = {}): number => {
    const decision = world.tracker.admit({ ip: '192.0.2.1', origin: null, url: '/', ...visitor }, world.now);
    return decision.kind === 'refused' ? decision.status : 101;
  };

  test('50 from one address, where an IPv6 address is its /64', () => {
    const world = new World();
    const visitors = Array.from({ length: 50 }, (_, i) => world.visitor({ ip: `2001:db8:0:1::${i + 1}` }));
    expect(statusOf(world, { ip: '2001:db8:0:1:ffff::1' })).toBe(429);
    expect(statusOf(world, { ip: '2001:db8:0:2::1' })).toBe(101);
    visitors[7]!.leave();
    expect(statusOf(world, { ip: '2001:db8:0:1:ffff::1' })).toBe(101);
    for (let i = 0; i < 50; i++) world.visitor({ ip: i % 2 === 0 ? '192.0.2.9' : '::ffff:192.0.2.9' });
    expect(statusOf(world, { ip: '192.0.2.9' })).toBe(429);
  });

  test('a storm from one address is slowed down: 100 at once, then 5 a second', () => {
    const world = new World();
    const storm = (): number => {
      let admitted = 0;
      for (let i = 0; i < 300; i++) {
        if (statusOf(world) === 429) continue;
        admitted += 1;
        world.visitor({ ip: '192.0.2.1' }).leave();
      }
      return admitted;
    };
    expect(storm()).toBe(50); // each took a token at `admit` and one at `open`
    world.run(2000);
    expect(storm()).toBe(5);
    expect(statusOf(world, { ip: '192.0.2.2' })).toBe(101);
  });

  test('what was refused is told with a close code where there was no HTTP', () => {
    const world = new World({ limits: { maxConnections: 1 } });
    world.visitor();
    const refused = world.visitor();
    expect(refused.closedWith).toEqual({ code: 1008, reason: 'the tracker is full' });
    refused.announce();
    expect(refused.texts).toEqual([]);
    expect(world.tracker.stats.connections).toBe(1);
    refused.leave();
    expect(world.tracker.stats.connections).toBe(1);
  });

  test('addresses are forgotten when nothing is to be remembered of them', () => {
    const world = new World();
    for (const come of [() => world.visitor().leave(), () => statusOf(world), () => world.tracker.drain(world.now)]) {
      come();
      statusOf(world);
      expect(world.tracker.nextTimeout).toBeLessThan(Number.POSITIVE_INFINITY);
      world.run(60_000);
      expect(world.tracker.nextTimeout).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test('origins: listed ones, subdomains of a wildcard, and everything that is no web page', () => {
    const world = new World({ origins: ['https://app.example', 'https://*.example.org', 'http://localhost:8000'] });
    const good = [
      'https://app.example',
      'HTTPS://APP.EXAMPLE',
      'https://a.example.org',
      'https://a.b.example.org',
      null,
    ];
    const bad = [
      'http://app.example',
      'https://app.example:444',
      'https://app.example.evil.example',
      'https://example.org',
      'https://evilexample.org',
      'http://localhost',
      'null',
      '',
    ];
    expect(good.map((origin) => statusOf(world, { origin }))).toEqual(good.map(() => 101));
    expect(bad.map((origin) => statusOf(world, { origin }))).toEqual(bad.map(() => 403));
  });

  test('allowRoom decides who joins', () => {
    const world = new World({ allowRoom: (room, { ip }) => room === ROOM && ip !== '192.0.2.66' });
    const [good, bad] = [world.visitor(), world.visitor({ ip: '192.0.2.66' })];
    good.announce();
    expect(good.read('response')).toHaveLength(1);
    good.announce({ info_hash: id('elsewhere') });
    bad.announce();
    expect(good.read('failure')).toHaveLength(1);
    expect(bad.read('failure')).toHaveLength(1);
    expect(world.tracker.stats).toMatchObject({ rooms: 1, members: 1 });
  });
});

describe('who is slow', () => {
  test('gets answers and responses but no offers above the soft bound, and is cut off above the hard one', () => {
    const world = new World();
    const [slow, author] = world.members(2);
    slow!.offer('mine');
    slow!.unsent = 300_000;
    slow!.take();
    author!.offer('o');
    expect(slow!.take()).toEqual([]);
    author!.answer('mine');
    slow!.announce();
    expect(slow!.take()).toHaveLength(2);
    slow!.unsent = 1_100_000;
    slow!.announce();
    expect(slow!.terminated).toBe(true);
    expect(slow!.take()).toEqual([]);
    expect(world.tracker.stats).toMatchObject({ closedSlow: 1, connections: 1, members: 1 });
  });

  test('does not keep an offer from those who read', () => {
    const world = new World();
    const [slow, quick] = world.members(2);
    quick!.announce();
    slow!.announce(); // announced last, and so comes first
    slow!.unsent = 300_000;
    quick!.take();
    world.visitor().offer('o', 'p');
    expect(quick!.read('offer')).toHaveLength(1);
  });
});

describe('who is gone', () => {
  test('is pinged every 25 s, and cut off after two that nobody answered', () => {
    const world = new World();
    const [there, gone] = [world.visitor(), world.visitor()];
    gone.answersPings = false;
    world.run(80_000);
    expect(gone.terminated).toBe(true);
    expect(gone.pings).toBe(2);
    expect(there.pings).toBeGreaterThanOrEqual(3);
    expect(there.terminated).toBe(false);
    expect(world.tracker.stats).toMatchObject({ closedSilent: 1, connections: 1 });
  });

  test('leaves the room after three intervals without an announce, though the connection lives', () => {
    const world = new World();
    const [stays, gone] = world.members(2);
    for (let i = 0; i < 4; i++) {
      world.run(30_000);
      stays!.announce();
    }
    expect(stays!.read('response').at(-1)).toMatchObject({ incomplete: 1 });
    expect(gone!.terminated).toBe(false);
    expect(world.tracker.stats.membersExpired).toBe(1);
  });

  test('three intervals of a large room are six minutes', () => {
    const world = new World();
    const members = world.members(25);
    world.run(300_000);
    expect(world.tracker.stats.members).toBe(25 - 19); // those who were told 30 s went after 90
    members[24]!.announce();
    expect(members[24]!.read('response').at(-1)).toMatchObject({ incomplete: 6 });
    world.run(400_000);
    expect(world.tracker.stats.members).toBe(0);
  });

  test('gets offers only when nobody is there who was heard of lately', () => {
    const world = new World();
    const [gone, there] = world.members(2);
    gone!.announce(); // last
    world.run(20_000);
    there!.announce();
    world.run(29_000); // 49 s after one, 29 s after the other
    const author = world.visitor();
    gone!.take();
    there!.take();
    there!.offer('by there');
    author.offer('o');
    expect(there!.read('offer')).toHaveLength(1);
    author.announce({ event: 'stopped' });
    gone!.take();
    there!.offer('p');
    expect(gone!.read('offer')).toHaveLength(1);
  });

  test('without a room and a word for three minutes, is sent away', () => {
    const world = new World();
    const visitor = world.visitor();
    world.run(170_000);
    expect(visitor.closedWith).toBeNull();
    world.run(40_000);
    expect(visitor.closedWith).toMatchObject({ code: 1000 });
  });

  test('who does not answer offers gets 64 a minute', () => {
    const world = new World({ limits: { announceRate: 100, announceBurst: 1000, messageBurst: 1000 } });
    const [silent, author] = world.members(2);
    for (let i = 0; i < 100; i++) author!.offer(`o${i}`);
    expect(silent!.read('offer')).toHaveLength(64);
    world.run(60_000);
    author!.offer('again');
    expect(silent!.read('offer')).toHaveLength(1);
  });
});

describe('fairness', () => {
  test('in a small room everybody is offered to everybody, whoever is dealt first', () => {
    const world = new World();
    const members = world.members(12);
    const met = new Set<string>();
    for (let round = 0; round < 3; round++) {
      for (const [index, member] of members.entries()) {
        member.offer(...Array.from({ length: 5 }, (_, i) => `${index}/${round}/${i}`));
        world.now += 200;
        for (const [other, receiver] of members.entries()) {
          for (const offer of receiver.read('offer')) {
            met.add([other, members.findIndex(({ peerId }) => peerId === offer.peerId)].sort((a, b) => a - b).join());
          }
        }
      }
    }
    expect(met.size).toBe((12 * 11) / 2);
  });

  test('in a large room nobody is flooded and nobody is left out', () => {
    const world = new World();
    const members = world.members(300);
    const received = members.map(() => 0);
    for (let round = 0; round < 4; round++) {
      for (const [index, member] of members.entries()) {
        member.offer(...Array.from({ length: 5 }, (_, i) => `${index}/${round}/${i}`));
        world.now += 100;
      }
      for (const [index, member] of members.entries()) received[index]! += member.read('offer').length;
    }
    expect(received.reduce((sum, count) => sum + count)).toBe(4 * 300 * 5);
    expect(Math.min(...received)).toBeGreaterThanOrEqual(10); // 20 on average
    expect(Math.max(...received)).toBeLessThanOrEqual(30);
  });

  test('an offer id that somebody else uses as well reaches others, and its answer the right author', () => {
    const world = new World();
    const [target, second, alice, mallory] = world.members(4);
    second!.announce({ numwant: 0 });
    mallory!.announce({ numwant: 0 });
    alice!.offer('same');
    expect(target!.read('offer')).toHaveLength(1);
    mallory!.offer('same'); // cannot go to the target, which would not know the two apart
    expect(target!.read('offer')).toEqual([]);
    alice!.take();
    mallory!.take();
    target!.answer('same');
    expect(alice!.read('answer')).toHaveLength(1);
    expect(mallory!.take()).toEqual([]);
  });
});

describe('going down', () => {
  test('drain sends everybody away with 1012 within 30 s, a few each second', () => {
    const world = new World();
    const visitors = world.members(90);
    world.tracker.drain(world.now);
    const closed = (): number => visitors.filter(({ closedWith }) => closedWith?.code === 1012).length;
    world.run(1000);
    expect(closed()).toBeGreaterThan(0);
    expect(closed()).toBeLessThan(10);
    expect(world.tracker.admit({ ip: '192.0.2.1', origin: null, url: '/' }, world.now)).toMatchObject({ status: 503 });
    world.run(30_000);
    expect(closed()).toBe(90);
    expect(world.tracker.stats).toMatchObject({ connections: 0, rooms: 0, members: 0 });
  });

  test('a process that slept does not do what it missed all over', () => {
    const world = new World();
    const visitor = world.visitor();
    world.now += 100_000; // four turns of everybody
    world.tracker.handleTimeout(world.now);
    expect(world.tracker.nextTimeout).toBeGreaterThan(world.now);
    expect(visitor.pings).toBe(1);
    world.tracker.handleTimeout(world.now);
    expect(visitor.pings).toBe(1);
  });
});
