/** Rooms, real connections and all, at a tracker that means them ill. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toBase64Url } from '../../../src/binary/base64url.ts';
import { fromHex } from '../../../src/binary/bytes.ts';
import {
  joinRoom,
  type Meeting,
  PeerIdentity,
  type Room,
  RoomKey,
  type RoomOptions,
  type RoomPeer,
} from '../../../src/signaling/index.ts';
import { wireIdFromHex } from '../../../src/signaling/wire.ts';
import { HostileTracker, type Relayed } from './hostile-tracker.ts';
import { ManInTheMiddle } from './man-in-the-middle.ts';
import { vectors } from './vectors.ts';

const secret = toBase64Url(new Uint8Array(16).fill(5));
const stranger = wireIdFromHex('c3'.repeat(20));
const rooms: Room[] = [];
/** Everybody who was announced in any of them. */
let announced: string[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(rooms.splice(0).map((room) => room.leave()));
  announced = [];
});

function join(tracker: HostileTracker, options: Partial<RoomOptions> = {}, name: string | RoomKey = 'tea'): Room {
  const room = joinRoom(name, { trackers: ['ws://tracker.test/'], WebSocket: tracker.WebSocket as never, ...options });
  room.addEventListener('peer', ({ peer }) => announced.push(`${peer.id} to ${room.peerId}`));
  rooms.push(room);
  return room;
}

/** The next peer of a room, or the one that is there. */
function peerOf(room: Room): Promise<RoomPeer> {
  return new Promise((resolve) => {
    for (const peer of room.peers.values()) resolve(peer);
    room.addEventListener('peer', ({ peer }) => resolve(peer), { once: true });
  });
}

function warningOf(room: Room, text: string): Promise<void> {
  return new Promise((resolve) => {
    room.addEventListener('warning', ({ message }) => {
      if (message.includes(text)) resolve();
    });
  });
}

async function hear(from: RoomPeer, to: RoomPeer): Promise<unknown> {
  const message = new Promise((resolve) => {
    to.channel.addEventListener('message', ({ data }) => resolve(data), { once: true });
  });
  from.send('hello');
  return message;
}

/** They meet, each other and nobody else. */
async function expectToMeet(alice: Room, bob: Room): Promise<void> {
  const [toBob, toAlice] = await Promise.all([peerOf(alice), peerOf(bob)]);
  expect(await hear(toBob, toAlice)).toBe('hello');
  expect([...alice.peers.keys()]).toEqual([bob.peerId]);
  expect([...bob.peers.keys()]).toEqual([alice.peerId]);
  expect(announced.sort()).toEqual([`${alice.peerId} to ${bob.peerId}`, `${bob.peerId} to ${alice.peerId}`].sort());
}

describe('a room with a secret, at a hostile tracker', () => {
  it('meets, and the tracker has read nothing', async () => {
    const tracker = new HostileTracker();
    const [alice, bob] = [join(tracker, { secret }), join(tracker, { secret })];
    await expectToMeet(alice, bob);
    expect(tracker.descriptions.length).toBeGreaterThanOrEqual(2);
    for (const { message } of tracker.descriptions) expect(message.sdp).toMatch(/^v1\.[\w-]+$/);
    for (const text of tracker.seen) expect(text).not.toMatch(/fingerprint|candidate|tea|a=/);
    expect([...tracker.rooms.keys()]).toEqual([alice.key!.toWire()]);
    expect(alice.key!.equals(RoomKey.fromString('tea'))).toBe(false);
  });

  it('meets by a password, once it is stretched', { timeout: 40_000 }, async () => {
    const tracker = new HostileTracker();
    const [{ password, room, stretched, roomKey }] = vectors.passwords as [(typeof vectors.passwords)[number]];
    const [alice, bob] = [join(tracker, { password }, room), join(tracker, { secret: fromHex(stretched) }, room)];
    expect(alice.key).toBeNull();
    await expectToMeet(alice, bob);
    expect(alice.key!.toHex()).toBe(roomKey);
    for (const { message } of tracker.descriptions) expect(message.sdp).toMatch(/^v1\.[\w-]+$/);
  });

  it('never lets in who knows its key, but not its secret', async () => {
    const tracker = new HostileTracker();
    const alice = join(tracker, { secret });
    const outsider = join(tracker, {}, alice.key!);
    await warningOf(alice, 'an offer does not come from a member');
    await outsider.leave();
    await expectToMeet(alice, join(tracker, { secret }));
  });

  it('never lets in who has another secret, when the tracker puts both rooms together', async () => {
    const tracker = new HostileTracker();
    const alice = join(tracker, { secret });
    const other = toBase64Url(new Uint8Array(16).fill(6));
    const [outsider, friend] = [join(tracker, { secret: other }), join(tracker, { secret: other })];
    expect(outsider.key!.equals(alice.key!)).toBe(false);
    const offers = (): Relayed[] => [outsider, friend].flatMap(({ peerId }) => tracker.offersOf(peerId));
    await tracker.until(() => offers().length > 0 && tracker.rooms.has(alice.key!.toWire()));
    const refused = warningOf(alice, 'an offer does not come from a member');
    tracker.deliver(wireIdFromHex(alice.peerId), { ...offers()[0]!, infoHash: alice.key!.toWire() });
    await refused;
    expect(announced.filter((text) => text.includes(alice.peerId))).toEqual([]);
    await Promise.all([outsider.leave(), friend.leave()]);
    announced = [];
    await expectToMeet(alice, join(tracker, { secret }));
  });

  /** What the tracker does to descriptions at first. Afterwards it is honest, and they meet all the same. */
  it.each<[string, (message: Relayed) => Relayed]>([
    ['altered', (message) => ({ ...message, sdp: message.sdp.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')) })],
    ['under another peer id', (message) => ({ ...message, peerId: stranger })],
    ['under another offer id', (message) => ({ ...message, offerId: stranger })],
  ])('refuses an offer %s', async (_, attack) => {
    const tracker = new HostileTracker();
    tracker.relay = (message) => [attack(message)];
    const [alice, bob] = [join(tracker, { secret }), join(tracker, { secret })];
    await Promise.race([alice, bob].map((room) => warningOf(room, 'an offer does not come from a member')));
    expect(announced).toEqual([]);
    tracker.relay = (message) => [message];
    await expectToMeet(alice, bob);
  });

  it.each<[string, (answer: Relayed, asked: Relayed, other: Relayed) => Relayed]>([
    ['to another offer of the same peer', (answer, _, { offerId }) => ({ ...answer, offerId })],
    ['under another peer id', (answer) => ({ ...answer, peerId: stranger })],
    ['that is the offer itself', (answer, { sdp }) => ({ ...answer, sdp })],
  ])('refuses an answer %s', async (_, attack) => {
    const tracker = new HostileTracker();
    tracker.ghosts = 3; // so that peers make more than one offer
    tracker.relay = (message, to) => {
      if (message.kind === 'offer') return [message];
      const asked = tracker.offersOf(to).find(({ offerId }) => offerId === message.offerId)!;
      const other = tracker.offersOf(to).find(({ offerId }) => offerId !== message.offerId);
      return other === undefined ? [] : [attack(message, asked, other)];
    };
    const both = [join(tracker, { secret }), join(tracker, { secret })];
    await Promise.race(both.map((room) => warningOf(room, 'an answer does not come from a member')));
    expect(announced).toEqual([]);
  });

  it('refuses descriptions that were held back for more than five minutes', async () => {
    const tracker = new HostileTracker();
    const held: (() => void)[] = [];
    tracker.relay = (message, to) => {
      held.push(() => tracker.deliver(to, message));
      return [];
    };
    const [alice, bob] = [join(tracker, { secret }), join(tracker, { secret })];
    await tracker.until(() => held.length > 0);
    const later = Date.now() + 5 * 60_000 + 1;
    vi.spyOn(Date, 'now').mockReturnValue(later);
    const refused = Promise.race([alice, bob].map((room) => warningOf(room, 'more than five minutes off')));
    for (const deliver of held) deliver();
    await refused;
    expect(announced).toEqual([]);
  });

  it('takes nothing twice: not while the peer is there, and not when it is gone', async () => {
    const tracker = new HostileTracker();
    const [alice, bob] = [join(tracker, { secret }), join(tracker, { secret })];
    await expectToMeet(alice, bob);
    const recorded = tracker.delivered.slice();
    for (const { to, message } of recorded) tracker.deliver(to, message);
    const [toAlice] = bob.peers.values();
    expect(await hear([...alice.peers.values()][0]!, toAlice!)).toBe('hello');
    expect(announced).toHaveLength(2);

    // Somebody opened an offer and answered it. Its sender leaves, and the tracker brings the offer again.
    const { message: answer, to } = tracker.descriptions.find(({ message }) => message.kind === 'answer')!;
    const [sender, receiver] = to === wireIdFromHex(alice.peerId) ? [alice, bob] : [bob, alice];
    const gone = new Promise((resolve) => receiver.addEventListener('leave', resolve, { once: true }));
    await sender.leave();
    await gone;
    const refused = warningOf(receiver, 'came a second time');
    const offer = recorded.find(({ message }) => message.kind === 'offer' && message.offerId === answer.offerId)!;
    tracker.deliver(answer.peerId, offer.message);
    await refused;
    expect(receiver.peers.size).toBe(0);
    expect(announced).toHaveLength(2);
  });
});

describe('a room with a secret and no name', () => {
  it('is named by the secret', async () => {
    const tracker = new HostileTracker();
    await expectToMeet(join(tracker, { secret }, ''), join(tracker, { secret }, ''));
    const keys = [
      join(tracker, { secret }, ''),
      join(tracker, { secret, appId: 'chess' }, ''),
      join(tracker, { secret }),
    ];
    expect(new Set(keys.map(({ key }) => key!.toHex())).size).toBe(3);
    expect(() => join(tracker, {}, '')).toThrow(TypeError);
    expect(() => join(tracker, { secret, password: 'x' })).toThrow(TypeError);
  });
});

describe('a room without a secret', () => {
  it('is open to a tracker in the middle: what the others are for', async () => {
    const tracker = new HostileTracker();
    const [alice, bob] = [join(tracker), join(tracker)];
    const middle = new ManInTheMiddle(tracker, null);
    await expectToMeet(alice, bob);
    expect(middle.overheard).toContain('hello');
    middle.close();
  });
});

describe('a room with identities', () => {
  const [alyssa, ben, mallory] = [1, 2, 3].map((n) => PeerIdentity.fromSeed(new Uint8Array(32).fill(n))) as [
    PeerIdentity,
    PeerIdentity,
    PeerIdentity,
  ];

  it('shows who is who, and asks the application', async () => {
    const tracker = new HostileTracker();
    const asked: (Uint8Array | null)[] = [];
    const authorize = (peer: RoomPeer): boolean => asked.push(peer.identity) > 0;
    const alice = join(tracker, { identity: alyssa, authorize });
    const bob = join(tracker, { identity: ben });
    await expectToMeet(alice, bob);
    expect([alice.peerId, bob.peerId]).toEqual([alyssa.peerId, ben.peerId]);
    expect(asked).toEqual([ben.publicKey]);
    expect((await peerOf(bob)).identity).toEqual(alyssa.publicKey);
  });

  it('shows neither side a peer that the application turns away', async () => {
    const tracker = new HostileTracker();
    const alice = join(tracker, { identity: alyssa, authorize: async (peer) => peer.id === mallory.peerId });
    const refused = warningOf(alice, 'was not authorized');
    const bob = join(tracker, { identity: ben });
    await refused;
    expect(announced).toEqual([]);
    await bob.leave();
    await expectToMeet(alice, join(tracker, { identity: mallory }));
  });

  it.each([
    ['with a proof of its own', (meeting: Meeting) => mallory.prove('offerer', meeting, Date.now())],
    ['without a proof', () => undefined],
  ])('refuses a member that takes the name of another, %s, and does not hold it against them', async (_, prove) => {
    const tracker = new HostileTracker();
    const bob = join(tracker, { secret, identity: ben });
    const impostor = {
      peerId: alyssa.peerId,
      prove: (_side: string, meeting: Meeting) => prove(meeting),
      verify: () => ben.publicKey,
    };
    const refused = warningOf(bob, alyssa.peerId);
    const claimed = join(tracker, { secret, identity: impostor as unknown as PeerIdentity });
    await refused;
    expect(bob.peers.size).toBe(0);
    await claimed.leave();
    announced = [];
    await expectToMeet(join(tracker, { secret, identity: alyssa }), bob);
  });

  it('refuses a member in the middle, who has the secret and the tracker', async () => {
    const tracker = new HostileTracker();
    const alice = join(tracker, { secret, identity: alyssa });
    const bob = join(tracker, { secret, identity: ben });
    const middle = new ManInTheMiddle(tracker, secret);
    await Promise.race([alice, bob].map((room) => warningOf(room, 'is not who it claims to be')));
    expect(announced).toEqual([]);
    expect(middle.overheard).toEqual([]);
    middle.close();
  });

  it('a secret alone does not stop that', async () => {
    const tracker = new HostileTracker();
    const [alice, bob] = [join(tracker, { secret }), join(tracker, { secret })];
    const middle = new ManInTheMiddle(tracker, secret);
    await expectToMeet(alice, bob);
    expect(middle.overheard).toContain('hello');
    middle.close();
  });
});
