/**
 * The messages of the WebTorrent tracker protocol, and our answer to each question on which trackers in the field differ. The
 * numbered tests are those questions.
 */
import { describe, expect, test } from 'vitest';
import { id, ROOM, World } from './world.ts';

describe('an announce', () => {
  test('is answered with interval and counts, and nothing else', () => {
    const visitor = new World().visitor();
    visitor.announce({ event: 'started' });
    const [response, ...rest] = visitor.take();
    expect(rest).toEqual([]);
    expect(Object.keys(response!).sort()).toEqual(['action', 'complete', 'incomplete', 'info_hash', 'interval']);
    expect(response).toMatchObject({ action: 'announce', info_hash: ROOM, complete: 0, incomplete: 1 });
  });

  test('passes an offer to another member, once, under the id of its author', () => {
    const world = new World();
    const [alice, bob] = world.members(2) as [never, never] as ReturnType<World['members']>;
    alice!.take();
    bob!.take();
    bob!.offer('o');
    expect(alice!.take()).toEqual([
      {
        action: 'announce',
        info_hash: ROOM,
        peer_id: bob!.peerId,
        offer_id: id('o'),
        offer: { type: 'offer', sdp: 'sdp o' },
      },
    ]);
    expect(bob!.read('offer')).toEqual([]);
  });

  test('binary ids come through byte by byte', () => {
    const world = new World();
    const bytes = String.fromCharCode(...Array.from({ length: 20 }, (_, i) => (i * 13) % 256));
    const [alice, bob] = [world.visitor(), world.visitor()];
    alice.announce({ info_hash: bytes });
    alice.take();
    bob.announce({
      info_hash: bytes,
      peer_id: `\u0000\u007f\u0080\u009f\u00ff"\\${'\u001f'.repeat(13)}`,
      offers: [{ offer_id: `\u00fe${'"'.repeat(19)}`, offer: { type: 'offer', sdp: 'v=0\r\n' } }],
    });
    expect(alice.read('offer')).toEqual([
      {
        kind: 'offer',
        infoHash: bytes,
        peerId: `\u0000\u007f\u0080\u009f\u00ff"\\${'\u001f'.repeat(13)}`,
        offerId: `\u00fe${'"'.repeat(19)}`,
        sdp: 'v=0\r\n',
      },
    ]);
  });

  test('in a binary frame is as good as in a text frame', () => {
    const visitor = new World().visitor();
    visitor.say(new TextEncoder().encode(JSON.stringify({ action: 'announce', info_hash: ROOM, peer_id: id('a') })));
    expect(visitor.read('response')).toHaveLength(1);
  });
});

describe('where trackers differ', () => {
  test('1: the interval is 30 s in small rooms, 120 s from 20 members on, 10 % more or less', () => {
    const world = new World();
    const intervals = world.members(60).map((visitor) => visitor.read('response')[0]!.interval!);
    for (const [index, interval] of intervals.entries()) {
      const base = index + 1 < 20 ? 30 : 120;
      expect(interval).toBeGreaterThanOrEqual(base * 0.9);
      expect(interval).toBeLessThanOrEqual(base * 1.1);
    }
    expect(new Set(intervals).size).toBeGreaterThan(10);
  });

  test.for(['paused', 'update', 'empty', '', '<regular>', null, 7])('2: the event %j is an update', (event) => {
    const visitor = new World().visitor();
    visitor.announce({ event });
    expect(visitor.take()).toMatchObject([{ incomplete: 1 }]);
  });

  test('3: ten offers of one announce are dealt, whatever its numwant, and the rest is ignored', () => {
    const world = new World();
    const others = world.members(30);
    const author = world.visitor();
    for (const other of others) other.take();
    author.announce({
      numwant: undefined,
      offers: Array.from({ length: 15 }, (_, i) => ({ offer_id: id(`o${i}`), offer: { type: 'offer', sdp: 'x' } })),
    });
    expect(author.take()).toHaveLength(1); // no error
    expect(others.flatMap((other) => other.read('offer'))).toHaveLength(10);
    expect(world.tracker.stats.offersRefused).toBe(5);
  });

  test('4: targets are whom the author has not met, then who was served least, then who announced last', () => {
    const world = new World();
    const others = world.members(4);
    const author = world.visitor();
    author.announce();
    for (const other of others) other.take();
    const served = (): number[] => others.flatMap((other, index) => other.read('offer').map(() => index));
    author.offer('a');
    expect(served()).toEqual([3]); // announced last
    author.offer('b', 'c');
    expect(served()).toEqual([1, 2]); // not met
    author.take();
    world.visitor().offer('d', 'e');
    expect(served()).toEqual([0]); // with the author served least: both have nothing yet
    expect(author.read('offer')).toHaveLength(1);
  });

  test('5: an offer is { type, sdp } and is passed on as that', () => {
    const world = new World();
    const [other, author] = world.members(2);
    other!.take();
    const offers = [
      'v=0', // a bare string, as one client sent for a while
      { type: 'answer', sdp: 'x' },
      { type: 'offer', sdp: 7 },
      { type: 'offer', sdp: 'x', more: 'not passed on' },
    ].map((offer, i) => ({ offer, offer_id: id(`o${i}`) }));
    author!.announce({ offers });
    expect(other!.take().map(({ offer }) => offer)).toEqual([{ type: 'offer', sdp: 'x' }]);
  });

  test('6: an answer gets no reply, and reaches the author as { type, sdp }', () => {
    const world = new World();
    const [other, author] = world.members(2);
    author!.offer('o');
    other!.take();
    author!.take();
    other!.answer('o', { answer: { type: 'answer', sdp: 'x', more: 'not passed on' }, extra: 'neither is this' });
    expect(other!.take()).toEqual([]);
    expect(author!.take()).toEqual([
      {
        action: 'announce',
        info_hash: ROOM,
        peer_id: other!.peerId,
        offer_id: id('o'),
        answer: { type: 'answer', sdp: 'x' },
      },
    ]);
  });

  test('7: an answer to somebody who left is dropped, and the connection stays', () => {
    const world = new World();
    const [other, author] = world.members(2);
    author!.offer('o');
    author!.leave();
    other!.take();
    other!.answer('o');
    expect(other!.take()).toEqual([]);
    expect(other!.closedWith).toBeNull();
  });

  test('8: only who got the offer answers it, once, within a minute', () => {
    const world = new World();
    const [author, other, stranger] = world.members(3);
    author!.offer('o'); // to the stranger, who announced last
    author!.take();
    expect(stranger!.read('offer')).toHaveLength(1);
    for (const thief of [other!, world.visitor()]) {
      thief.take();
      thief.answer('o');
      expect(thief.take()).toMatchObject([
        { action: 'announce', info_hash: ROOM, 'failure reason': expect.any(String) },
      ]);
    }
    stranger!.answer('o', { peer_id: other!.peerId }); // under somebody else's name
    expect(stranger!.read('failure')).toHaveLength(1);
    stranger!.answer('o');
    expect(author!.read('answer')).toHaveLength(1);
    stranger!.answer('o');
    expect(author!.take()).toEqual([]);
    expect(stranger!.read('failure')).toHaveLength(1);

    author!.offer('late');
    const late = [other!, stranger!].find((visitor) => visitor.read('offer').length === 1)!;
    world.run(60_000);
    late.answer('late');
    expect(late.read('failure')).toHaveLength(1);
    expect(author!.read('answer')).toEqual([]);
  });

  test('9: `left: null` makes no seeder; 0 and `completed` do, until a later announce says otherwise', () => {
    const visitor = new World().visitor();
    const counts = (fields: object): unknown => {
      visitor.announce({ left: undefined, ...fields });
      const { complete, incomplete } = visitor.read('response')[0]!;
      return [complete, incomplete];
    };
    expect(counts({ left: null })).toEqual([0, 1]);
    expect(counts({ left: 0 })).toEqual([1, 0]);
    expect(counts({})).toEqual([1, 0]);
    expect(counts({ left: 5 })).toEqual([0, 1]);
    expect(counts({ event: 'completed' })).toEqual([1, 0]);
  });

  test('10: a second socket with the same peer id takes nothing from the first', () => {
    const world = new World();
    const owner = world.visitor({ name: 'same' });
    const thief = world.visitor({ name: 'same' });
    const friend = world.visitor({ name: 'friend' });
    owner.announce();
    friend.announce();
    owner.offer('o');
    thief.announce();
    thief.announce({ event: 'stopped' });
    friend.take();
    owner.take();
    thief.announce();
    thief.take();
    friend.answer('o');
    expect(owner.read('answer')).toHaveLength(1);
    expect(thief.take()).toEqual([]);
    thief.leave();
    owner.announce();
    expect(owner.read('response')[0]).toMatchObject({ incomplete: 2 });
    friend.offer('p');
    expect(owner.read('offer')).toHaveLength(1);
  });

  test('10: one socket has one peer id in a room, and is told so', () => {
    const visitor = new World().visitor();
    visitor.announce();
    visitor.announce({ peer_id: id('another') });
    expect(visitor.take().at(-1)).toMatchObject({
      action: 'announce',
      info_hash: ROOM,
      'failure reason': expect.any(String),
    });
    expect(visitor.closedWith).toBeNull();
  });

  test('11: IPv4 and IPv6 meet in one room', () => {
    const world = new World();
    const v4 = world.visitor({ ip: '192.0.2.1' });
    const v6 = world.visitor({ ip: '2001:db8::1' });
    v4.announce();
    v6.offer('o');
    expect(v4.read('offer')).toHaveLength(1);
  });

  test('12: scrape counts the rooms it names, and lists none', () => {
    const world = new World();
    const [visitor] = world.members(3);
    world.visitor().announce({ left: 0 });
    visitor!.take();
    visitor!.say({ action: 'scrape', info_hash: [ROOM, id('empty')] });
    expect(visitor!.take()).toEqual([
      {
        action: 'scrape',
        files: {
          [ROOM]: { complete: 1, incomplete: 3, downloaded: 1 },
          [id('empty')]: { complete: 0, incomplete: 0, downloaded: 0 },
        },
      },
    ]);
    visitor!.say({ action: 'scrape', info_hash: ROOM });
    expect(Object.keys(visitor!.take()[0]!['files'] as object)).toEqual([ROOM]);
    visitor!.say({ action: 'scrape' });
    expect(visitor!.take()).toMatchObject([{ action: 'announce', 'failure reason': expect.any(String) }]);
    expect(world.tracker.stats.rooms).toBe(1); // asking makes no room
  });

  test.for([
    ['no JSON', '{"action":'],
    ['no object', '[1]'],
    ['no action', { info_hash: ROOM, peer_id: id('a') }],
    ['an unknown action', { action: 'offer', info_hash: ROOM, peer_id: id('a') }],
    ['a short info_hash', { action: 'announce', info_hash: 'short', peer_id: id('a') }],
    ['a wide info_hash', { action: 'announce', info_hash: `${'a'.repeat(19)}ũ`, peer_id: id('a') }],
    ['no peer_id', { action: 'announce', info_hash: ROOM }],
    [
      'an answer to nobody',
      { action: 'announce', info_hash: ROOM, peer_id: id('a'), answer: { type: 'answer', sdp: '' } },
    ],
  ] as const)('13: %s is an error with `action`, and with `info_hash` where there is one', ([, message]) => {
    const visitor = new World().visitor();
    visitor.say(message);
    const [error, ...rest] = visitor.take();
    expect(rest).toEqual([]);
    expect(error).toMatchObject({ action: 'announce', 'failure reason': expect.any(String) });
    const hasRoom = typeof message === 'object' && 'info_hash' in message && message.info_hash === ROOM;
    expect(error!['info_hash']).toBe(hasRoom ? ROOM : undefined);
    expect(visitor.closedWith).toBeNull();
  });

  test('14: `stopped` is answered with what is left; the socket and its other rooms stay', () => {
    const world = new World();
    const [stays, leaves] = world.members(2);
    leaves!.announce({ info_hash: id('other') });
    leaves!.take();
    leaves!.announce({ event: 'stopped' });
    expect(leaves!.take()).toMatchObject([{ action: 'announce', info_hash: ROOM, complete: 0, incomplete: 1 }]);
    leaves!.announce({ event: 'stopped' }); // again: it is not in the room, and that is no error
    expect(leaves!.read('response')).toHaveLength(1);
    stays!.offer('o');
    expect(leaves!.take()).toEqual([]);
    expect(world.tracker.stats).toMatchObject({ rooms: 2, members: 2 });
  });

  test('15: rooms without members are gone at once, on `stopped` and on close', () => {
    const world = new World();
    const [first, second] = [world.visitor(), world.visitor()];
    first.announce();
    second.announce({ info_hash: id('second') });
    expect(world.tracker.stats.rooms).toBe(2);
    first.announce({ event: 'stopped' });
    expect(world.tracker.stats.rooms).toBe(1);
    second.leave();
    expect(world.tracker.stats).toMatchObject({ rooms: 0, members: 0, connections: 1 });
  });
});

describe('what only some clients ask for', () => {
  test('x: 1 is echoed, with ICE servers for this connection as long as it lives', () => {
    const named: string[] = [];
    const world = new World({
      iceServers: (sessionId, now) => {
        named.push(sessionId);
        return [{ urls: ['turn:192.0.2.1'], username: `${now}:${sessionId}`, credential: 'secret' }];
      },
    });
    const [plain, asking] = [world.visitor(), world.visitor()];
    plain.announce();
    expect(plain.texts[0]).not.toMatch(/ice_servers|"x"/);
    asking.announce({ x: 1, numwant: 0 });
    asking.announce({ x: 1 });
    const responses = asking.read('response');
    expect(responses.map(({ extension }) => extension)).toEqual([true, true]);
    expect(responses[0]!.iceServers).toEqual([
      { urls: ['turn:192.0.2.1'], username: `${world.now}:${named[0]}`, credential: 'secret' },
    ]);
    expect(named[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(named[1]).toBe(named[0]);
    expect(world.tracker.isLive(named[0]!)).toBe(true);
    expect(world.tracker.isLive('0'.repeat(32))).toBe(false);
    asking.leave();
    expect(world.tracker.isLive(named[0]!)).toBe(false);
  });

  test('numwant: 0 means no offers', () => {
    const world = new World();
    const [full, author] = [world.visitor(), world.visitor()];
    full.announce({ numwant: 0 });
    full.take();
    author.offer('o');
    expect(full.take()).toEqual([]);
    full.announce({ numwant: 1 });
    author.offer('p');
    expect(full.read('offer')).toHaveLength(1);
  });
});
