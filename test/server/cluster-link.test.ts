/** What the core asks of a cluster layer, and gives it. */
import { describe, expect, test } from 'vitest';
import type { ClusterLink, Placement, RelayedAnswer } from '../../src/server/index.ts';
import { id, ROOM, World } from './world.ts';

class Link implements ClusterLink {
  isUp = true;
  readonly counters = {};
  remote = 0;
  readonly changes: [string, number, number][] = [];
  readonly placed: Placement[] = [];
  readonly parked: Placement[] = [];

  roomChanged(room: string, members: number, seeders: number): void {
    this.changes.push([room, members, seeders]);
  }
  remoteMembers(): number {
    return this.remote;
  }
  remoteSeeders(): number {
    return Math.min(this.remote, 1);
  }
  place(placement: Placement): void {
    this.placed.push(placement);
  }
  park(placement: Placement): void {
    this.parked.push(placement);
  }
}

describe('a node of a cluster', () => {
  test('tells of its rooms as they change', () => {
    const link = new Link();
    const world = new World({ cluster: link });
    const visitor = world.visitor();
    visitor.announce({ left: 0 });
    visitor.announce();
    expect([...world.tracker.localRooms()]).toEqual([{ room: ROOM, members: 1, seeders: 0 }]);
    visitor.leave();
    expect(link.changes).toEqual([
      [ROOM, 1, 0],
      [ROOM, 1, 1],
      [ROOM, 1, 0],
      [ROOM, 0, 0],
    ]);
  });

  test('counts members elsewhere, and announces at the pace of the whole room', () => {
    const link = new Link();
    link.remote = 30;
    const world = new World({ cluster: link });
    const visitor = world.visitor();
    visitor.announce();
    const [response] = visitor.read('response');
    expect(response).toMatchObject({ complete: 1, incomplete: 30 });
    expect(response!.interval).toBeGreaterThan(100);
    visitor.say({ action: 'scrape', info_hash: ROOM });
    expect(visitor.read('scrape')[0]!.files.get(ROOM)).toMatchObject({ complete: 1, incomplete: 30 });
  });

  test('draws receivers from all members alike', () => {
    const link = new Link();
    const world = new World({ cluster: link });
    const others = world.members(10);
    link.remote = 30;
    for (let i = 0; i < 100; i++) {
      const author = world.visitor();
      author.offer(...Array.from({ length: 4 }, (_, j) => `${i}/${j}`));
      author.leave();
    }
    const here = others.flatMap((other) => other.read('offer')).length;
    const elsewhere = link.placed.flatMap(({ offers }) => offers).length;
    expect(here + elsewhere).toBe(400);
    expect(here).toBeGreaterThan(60); // a quarter is 100
    expect(here).toBeLessThan(140);
    expect(link.parked.flatMap(({ offers }) => offers)).toEqual([]);
  });

  test('never places more offers than there are members elsewhere, and parks those that nobody is there for', () => {
    const link = new Link();
    const world = new World({ cluster: link });
    const author = world.visitor();
    link.remote = 2;
    author.offer('a', 'b', 'c');
    expect(link.placed).toMatchObject([
      { room: ROOM, peerId: author.peerId, offers: [{ sdp: 'sdp a' }, { sdp: 'sdp b' }] },
    ]);
    expect(link.parked).toMatchObject([{ connection: author.session.number, offers: [{ sdp: 'sdp c' }] }]);
    link.remote = 0;
    author.offer(...Array.from({ length: 200 }, (_, i) => `many ${i}`));
    expect(link.parked[1]!.offers).toHaveLength(10); // no more of one author than are dealt
  });

  test('hands an answer from elsewhere to the connection that waits for it, once, within a minute', () => {
    const link = new Link();
    link.remote = 5;
    const world = new World({ cluster: link });
    const author = world.visitor();
    author.offer('a', 'late');
    author.take();
    const { connection } = link.placed[0]!;
    const answer = (name: string): RelayedAnswer => ({
      room: ROOM,
      peerId: id('far'),
      offerId: id(name),
      sdp: 'answer',
    });
    expect(world.tracker.deliverAnswer(answer('b'), 'far/1', connection, world.now)).toBe(false);
    expect(world.tracker.deliverAnswer({ ...answer('a'), room: id('other') }, 'far/1', connection, world.now)).toBe(
      false,
    );
    expect(world.tracker.deliverAnswer(answer('a'), 'far/1', connection + 1, world.now)).toBe(false);
    expect(world.tracker.deliverAnswer(answer('a'), 'far/1', connection, world.now)).toBe(true);
    expect(world.tracker.deliverAnswer(answer('a'), 'far/1', connection, world.now)).toBe(false);
    expect(author.read('answer')).toMatchObject([{ peerId: id('far'), offerId: id('a'), sdp: 'answer' }]);
    world.run(60_000);
    expect(world.tracker.deliverAnswer(answer('late'), 'far/1', connection, world.now)).toBe(false);
  });

  test('deals offers from elsewhere to its members, and brings the answers back to where they came from', () => {
    const world = new World({ cluster: new Link() });
    const members = world.members(3);
    for (const member of members) member.take();
    const answers: RelayedAnswer[] = [];
    const offers = ['a', 'b', 'c', 'd'].map((name) => ({ offerId: id(name), sdp: `sdp ${name}` }));
    const delivery = {
      met: new Set<number>(),
      room: ROOM,
      peerId: members[0]!.peerId,
      origin: { author: 'far/1', answer: (a: RelayedAnswer) => answers.push(a) },
      offers,
    };
    expect(world.tracker.deliver(delivery, world.now)).toBe(2); // not to a connection of the author's own
    expect(world.tracker.deliver({ ...delivery, room: id('other') }, world.now)).toBe(0);
    const [offer] = members[1]!.read('offer');
    expect(offer).toMatchObject({ peerId: members[0]!.peerId });
    members[1]!.answer(offer!.offerId);
    members[1]!.answer(offer!.offerId);
    expect(answers).toEqual([
      { room: ROOM, peerId: members[1]!.peerId, offerId: offer!.offerId, sdp: expect.stringContaining('answer') },
    ]);
    expect(world.tracker.stats).toMatchObject({ offersFromNodes: 2, answersRefused: 1 });
  });
});
