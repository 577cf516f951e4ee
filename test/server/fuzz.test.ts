/** Whatever visitors send, a tracker does not throw, says only what clients can read, and forgets it all when they are gone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseServerMessage } from '../../src/signaling/wire.ts';
import { id, ROOM, World } from './world.ts';

const anyId = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(ROOM, id('other'), id('o1'), id('o2'), id('peer1'), id('peer2'), id('peer3')),
  },
  fc.string({ minLength: 20, maxLength: 20, unit: 'binary' }),
  fc.anything(),
);
const description = fc.oneof(
  fc.record({
    type: fc.constantFrom('offer', 'answer'),
    sdp: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(17_000))),
  }),
  fc.anything(),
);
const message = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        action: fc.oneof({ weight: 9, arbitrary: fc.constant('announce') }, fc.constantFrom('scrape', 'offer', null)),
        info_hash: anyId,
        peer_id: anyId,
        to_peer_id: anyId,
        offer_id: anyId,
        event: fc.constantFrom('started', 'stopped', 'completed', 'paused', '', null),
        numwant: fc.oneof(fc.nat(20), fc.anything()),
        left: fc.oneof(fc.nat(2), fc.anything()),
        offers: fc.oneof(
          fc.array(fc.record({ offer: description, offer_id: anyId }), { maxLength: 15 }),
          fc.anything(),
        ),
        answer: description,
        x: fc.constantFrom(0, 1),
        token: fc.anything(),
      },
      { requiredKeys: ['action', 'info_hash', 'peer_id'] },
    ),
  },
  fc.anything(),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      who: fc.nat(3),
      what: message.map((value) => JSON.stringify(value) ?? ''),
    }),
  },
  fc.record({
    do: fc.constant('say' as const),
    who: fc.nat(3),
    what: fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()),
  }),
  fc.record({ do: fc.constant('leave' as const), who: fc.nat(3) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(70_000) }),
);

test('nothing that is sent breaks it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, seed) => {
      const world = new World({ iceServers: () => [{ urls: ['stun:192.0.2.1'] }] }, seed);
      const visitors = Array.from({ length: 4 }, () => world.visitor());
      for (const one of steps) {
        if (one.do === 'wait') world.run(one.ms);
        else if (one.do === 'leave') {
          visitors[one.who]!.leave();
          visitors[one.who] = world.visitor({ name: `peer${one.who + 1}` });
        } else visitors[one.who]!.say(one.what);
        for (const visitor of visitors) {
          for (const text of visitor.texts.splice(0)) {
            expect(JSON.parse(text)).toMatchObject({ action: expect.stringMatching(/^(announce|scrape)$/) });
            expect(parseServerMessage(text).kind).not.toBe('invalid');
          }
        }
      }
      for (const visitor of visitors) visitor.leave();
      expect(world.tracker.stats).toMatchObject({ connections: 0, rooms: 0, members: 0 });
      world.run(60_000);
      expect(world.tracker.nextTimeout).toBe(Number.POSITIVE_INFINITY);
    }),
    { numRuns: 150 },
  );
});

test('messages cut off anywhere are errors, and no more', () => {
  const world = new World({ limits: { maxFaultsPerMinute: 10_000, messageBurst: 10_000 } });
  const visitor = world.visitor();
  const whole = JSON.stringify({
    action: 'announce',
    info_hash: ROOM,
    peer_id: visitor.peerId,
    offers: [{ offer_id: id('o'), offer: { type: 'offer', sdp: 'v=0\r\n' } }],
  });
  for (let length = 0; length < whole.length; length++) visitor.say(whole.slice(0, length));
  expect(visitor.read('failure')).toHaveLength(whole.length);
  visitor.say(whole);
  expect(visitor.read('response')).toHaveLength(1);
});

test('a storm of reconnects leaves nothing behind', () => {
  const world = new World();
  for (let wave = 0; wave < 5; wave++) {
    const visitors = Array.from({ length: 200 }, (_, i) => world.visitor({ ip: `198.51.${wave}.${i}` }));
    for (const visitor of visitors) {
      visitor.announce({ event: 'started', offers: [{ offer_id: id('o'), offer: { type: 'offer', sdp: 'x' } }] });
    }
    expect(world.tracker.stats.members).toBe(200);
    for (const visitor of visitors) visitor.leave();
    expect(world.tracker.stats).toMatchObject({ connections: 0, rooms: 0, members: 0 });
    world.run(1000);
  }
});
