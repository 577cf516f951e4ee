/** The machine under anything a connection can do: it never throws, never spins, and never says more than it may. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_ANNOUNCE_BYTES, TrackerMachine, type TrackerMember } from '../../src/signaling/tracker-machine.ts';
import { encodeFailure, encodeRelayed, encodeResponse } from '../../src/signaling/wire.ts';

const ME = '\u00ff'.repeat(20);
const ROOMS = ['a', 'b'].map((name) => name.repeat(20));

const seconds = fc.constantFrom(null, 0, 1, 30, 1e9);
const room = fc.constantFrom(...ROOMS, 'c'.repeat(20));
const message = fc.oneof(
  fc
    .record({ infoHash: room, interval: seconds, minInterval: seconds, complete: seconds, incomplete: seconds })
    .map((fields) =>
      encodeResponse({ ...fields, trackerId: 't'.repeat(200), warning: 'w', extension: true, iceServers: null }),
    ),
  fc
    .record({ infoHash: fc.option(room), retryIn: fc.constantFrom(null, 0, 60, Number.POSITIVE_INFINITY) })
    .map((fields) => encodeFailure({ ...fields, reason: 'no' })),
  room.map((infoHash) =>
    encodeRelayed({ kind: 'offer', infoHash, peerId: 'p'.repeat(20), offerId: 'o'.repeat(20), sdp: '' }),
  ),
  fc.constantFrom('', '{}', '[', '{"action":"scrape","files":{}}'),
);
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('join', 'leave', 'hurry', 'refresh'), room }),
  fc.record({ do: fc.constant('message'), message }),
  fc.record({ do: fc.constant('end'), code: fc.constantFrom(null, 0, 1000, 1006, 1013) }),
  fc.record({ do: fc.constantFrom('open', 'wake', 'timeout', 'close', 'timeout', 'open') }),
  fc.record({ do: fc.constant('wait'), ms: fc.nat(200_000) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('whatever happens, in whatever order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(20_000), (steps, sdpLength) => {
      let now = 1_000;
      let isConnected = false;
      let announces = 0;
      const machine: TrackerMachine = new TrackerMachine(
        { peerId: ME, random: { fill: (target) => void target.fill(now) } },
        {
          connect: () => {
            expect(isConnected).toBe(false);
            isConnected = true;
          },
          disconnect: () => {
            isConnected = false;
          },
          send: (text) => {
            expect(machine.state === 'open').toBe(true);
            const { offers = [] } = JSON.parse(text) as { offers?: unknown[] };
            if (offers.length > 1)
              expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(MAX_ANNOUNCE_BYTES);
            announces++;
          },
          scraped: () => {},
        },
      );
      const member: TrackerMember = {
        takeOffers: (maxCount, maxBytes) => {
          const fits = Math.min(maxCount, Math.max(1, Math.floor(maxBytes / (sdpLength + 200))));
          return Array.from({ length: fits }, () => ({ offerId: 'o'.repeat(20), sdp: 'x'.repeat(sdpLength) }));
        },
        handle: () => {},
      };
      const joined = new Set<string>();
      const perform = (action: Step): void => {
        if (machine.state === 'closed') return;
        if (action.do === 'wait') now += action.ms;
        else if (action.do === 'message') machine.handleMessage(action.message, now);
        else if (action.do === 'open' && isConnected) machine.handleOpen(now);
        else if (action.do === 'wake') machine.wake(now);
        else if (action.do === 'end' && isConnected) {
          isConnected = false;
          machine.handleEnd(action.code, 'gone', now);
        } else if (action.do === 'close') machine.close(now);
        else if ('room' in action) {
          if (action.do === 'join' && !joined.has(action.room)) machine.join(action.room, member, now);
          if (action.do === 'join') joined.add(action.room);
          if (action.do === 'leave') machine.leave(action.room);
          if (action.do === 'leave') joined.delete(action.room);
          if (action.do === 'hurry') machine.hurry(action.room, now);
          if (action.do === 'refresh') machine.refresh(action.room, now);
        }
      };
      for (const action of steps) {
        perform(action);
        machine.handleTimeout(now);
        // What is due is done: nothing is left in the past, and the same moment again brings nothing new.
        expect(machine.nextTimeout).toBeGreaterThan(now);
        const before = announces;
        machine.handleTimeout(now);
        expect(announces).toBe(before);
      }
      machine.close(now);
      expect(machine.nextTimeout).toBe(Number.POSITIVE_INFINITY);
    }),
    { numRuns: 1_000 },
  );
});
