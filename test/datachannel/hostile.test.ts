import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AssociationEvent } from '../../src/datachannel/index.ts';
import { NOW, Side } from './pair.ts';

const streamId = fc.nat({ max: 12 });
const payload = fc.oneof(
  fc.constantFrom([2], [3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [3, 0x81, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x61, 0x62]),
  fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 20 }),
);

/** What a peer can make an association report, in any order. */
const event: fc.Arbitrary<AssociationEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('message' as const),
    streamId,
    ppid: fc.oneof(
      { weight: 3, arbitrary: fc.constant(50) },
      { weight: 3, arbitrary: fc.integer({ min: 51, max: 58 }) },
    ),
    data: payload.map((bytes) => Uint8Array.from(bytes)),
    unordered: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('streamsReset' as const),
    streamIds: fc.array(streamId, { maxLength: 3 }),
    direction: fc.constantFrom('incoming' as const, 'outgoing' as const),
  }),
  fc.record({ kind: fc.constant('bufferedAmountDecreased' as const), streamId, bytes: fc.nat({ max: 100 }) }),
  fc.record({
    kind: fc.constant('streamsResetFailed' as const),
    streamIds: fc.array(streamId, { maxLength: 2 }),
    message: fc.constant('no'),
  }),
  fc.constant({ kind: 'connected' as const }),
  fc.constant({ kind: 'restarted' as const }),
);

/** What an application does between two events. */
const action = fc.record({
  kind: fc.constantFrom('open' as const, 'negotiated' as const, 'send' as const, 'close' as const, 'nothing' as const),
  pick: fc.nat({ max: 12 }),
});

test('whatever the peer sends, nothing throws, states only go forward, and every end is told once', () => {
  const order = ['connecting', 'open', 'closing', 'closed'];
  fc.assert(
    fc.property(fc.array(fc.tuple(event, action), { maxLength: 60 }), (script) => {
      const side = new Side('client');
      side.wire.maxInboundStreams = 10;
      const seen = new Map<object, number>();
      side.onEvent = ({ kind, channel }) => {
        if (kind === 'incoming') expect(channel.id! % 2).toBe(1);
        if (kind === 'message') expect(seen.get(channel) ?? 0).toBeLessThan(2);
        const at = order.indexOf(kind === 'incoming' ? 'open' : kind);
        if (at < 0) return;
        expect(at).toBeGreaterThan(seen.get(channel) ?? -1);
        seen.set(channel, at);
      };
      side.connect();
      for (const [next, { kind, pick }] of script) {
        side.handle(next);
        const channels = side.channels.channels;
        const channel = channels[pick % Math.max(channels.length, 1)];
        try {
          if (kind === 'open') side.open({ ordered: false });
          if (kind === 'negotiated') side.open({ negotiated: true, id: pick });
          if (kind === 'send') channel?.send(new Uint8Array(pick), false, NOW);
        } catch (error) {
          expect(String(error)).toMatch(/^RangeError: (stream id|all stream)|^Error: the channel is/);
        }
        if (kind === 'close') channel?.close(NOW);
        for (const { bufferedAmount } of channels) expect(bufferedAmount).toBeGreaterThanOrEqual(0);
        const ids = side.channels.channels.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }
      side.handle({ kind: 'closed', reason: 'aborted', message: 'end' });
      expect(side.channels.channels).toEqual([]);
      for (const last of seen.values()) expect(order[last]).toBe('closed');
    }),
    { numRuns: 500 },
  );
});
