import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/datachannel/index.ts';
import { NOW, Pair, Side, utf8 } from './pair.ts';

const STRING = 51;

function connected(parameters = {}): { pair: Pair; ours: Channel; theirs: Channel } {
  const pair = new Pair().connect();
  const ours = pair.client.open(parameters);
  pair.pump();
  const theirs = pair.server.incoming;
  pair.client.takeKinds();
  pair.server.takeKinds();
  return { pair, ours, theirs };
}

describe('RFC 8831 §6.7: the closing handshake', () => {
  test('each side resets its outgoing stream, and then the channel is closed', () => {
    const { pair, ours, theirs } = connected();
    ours.close(NOW);
    expect(ours.state).toBe('closing');
    expect(pair.client.wire.resets).toEqual([0]);
    pair.step(pair.client, pair.server);
    expect([ours.state, theirs.state]).toEqual(['closing', 'closing']);
    expect(pair.server.wire.resets).toEqual([0]);
    pair.step(pair.server, pair.client);
    expect([ours.state, theirs.state]).toEqual(['closed', 'closed']);
    expect(pair.client.takeKinds()).toEqual(['closed']);
    expect(pair.server.takeKinds()).toEqual(['closing', 'closed']);
  });

  test('what is queued goes out first', () => {
    const { pair, ours } = connected();
    for (const text of ['one', 'two', 'three']) ours.send(utf8(text), true, NOW);
    ours.close(NOW);
    pair.pump();
    expect(pair.server.received).toEqual(['one', 'two', 'three']);
    expect(ours.bufferedAmount).toBe(0);
    expect(ours.state).toBe('closed');
  });

  test('both sides may close at once', () => {
    const { pair, ours, theirs } = connected();
    ours.close(NOW);
    theirs.close(NOW);
    pair.pump();
    expect(pair.client.takeKinds()).toEqual(['closed']);
    expect(pair.server.takeKinds()).toEqual(['closed']);
    expect([pair.client.wire.resets, pair.server.wire.resets]).toEqual([[0], [0]]);
  });

  test('a second close does nothing', () => {
    const { pair, ours } = connected();
    ours.close(NOW);
    ours.close(NOW);
    pair.pump();
    ours.close(NOW);
    expect(pair.client.wire.resets).toEqual([0]);
    expect(pair.client.takeKinds()).toEqual(['closed']);
  });

  test('a closing channel sends nothing and delivers nothing', () => {
    const { pair, ours, theirs } = connected();
    theirs.send(utf8('crosses the close'), true, NOW);
    ours.close(NOW);
    expect(() => ours.send(utf8('x'), true, NOW)).toThrow('closing');
    pair.pump();
    expect(pair.client.received).toEqual([]);
    expect(pair.client.channels.stats.messagesDropped).toBe(1);
    expect(() => ours.send(utf8('x'), true, NOW)).toThrow('closed');
  });

  test('opened and closed at once, the peer sees it come and go', () => {
    const pair = new Pair().connect();
    const channel = pair.client.open();
    channel.send(utf8('last words'), true, NOW);
    channel.close(NOW);
    pair.pump();
    expect(pair.server.takeKinds()).toEqual(['incoming', 'message', 'closing', 'closed']);
    expect(channel.state).toBe('closed');
  });

  test('closed before there is an association, it is closed at once', () => {
    const pair = new Pair();
    const channel = pair.client.open();
    channel.close(NOW);
    expect(channel.state).toBe('closed');
    expect(pair.client.takeKinds()).toEqual(['closed']);
    pair.connect();
    expect(pair.server.events).toEqual([]);
  });

  test('a peer that resets a stream nobody opened here gets its answer, once', () => {
    const side = new Side('client').connect().receiveResets(4);
    expect(side.wire.resets).toEqual([4]);
    expect(side.takeKinds()).toEqual([]);
    expect(side.open({ negotiated: true, id: 4 }).state).toBe('open');
  });

  test('a peer that asks for our reset (RFC 6525 §4.2) closes the channel', () => {
    const side = new Side('client').connect();
    const channel = side.open();
    side.handle({ kind: 'streamsReset', streamIds: [0], direction: 'outgoing' });
    expect(channel.state).toBe('closing');
    side.handle({ kind: 'streamsReset', streamIds: [0], direction: 'incoming' });
    expect(side.takeKinds()).toEqual(['open', 'closing', 'closed']);
    expect(side.wire.resets).toEqual([]);
  });

  test('one reset may name many streams', () => {
    const side = new Side('client').connect();
    const channels = [side.open(), side.open(), side.open()];
    for (const direction of ['incoming', 'outgoing'] as const) {
      side.handle({ kind: 'streamsReset', streamIds: [0, 2, 4, 4, 77], direction });
    }
    expect(channels.map((channel) => channel.state)).toEqual(['closed', 'closed', 'closed']);
  });

  test('RFC 6525 §4.1: one that names none is one of all streams', () => {
    const side = new Side('client').connect();
    const channels = [side.open(), side.open()];
    side.handle({ kind: 'streamsReset', streamIds: [], direction: 'incoming' });
    expect(channels.map((channel) => channel.state)).toEqual(['closing', 'closing']);
    expect(side.wire.resets).toEqual([0, 2]);
  });
});

describe('ids', () => {
  test('are free again after both resets, and not before', () => {
    const { pair, ours } = connected();
    ours.close(NOW);
    expect(pair.client.open().id).toBe(2);
    pair.pump();
    expect(pair.client.open().id).toBe(0);
    pair.pump();
    expect(pair.server.takeKinds()).toEqual(['closing', 'incoming', 'closed', 'incoming']);
  });

  test('a thousand channels one after the other use one id', () => {
    const pair = new Pair().connect();
    for (let i = 0; i < 1_000; i++) {
      const channel = pair.client.open({ label: `${i}` });
      expect(channel.id).toBe(0);
      channel.send(utf8('x'), true, NOW);
      channel.close(NOW);
      pair.pump();
    }
    expect(pair.server.received.length).toBe(1_000);
    expect([pair.client.channels.channels, pair.server.channels.channels]).toEqual([[], []]);
  });

  test('where the peer cannot reset streams, the channel ends with an error and its id is not used again', () => {
    const { pair, ours } = connected();
    ours.close(NOW);
    pair.client.handle({ kind: 'streamsResetFailed', streamIds: [0], message: 'the peer cannot reset streams' });
    expect(pair.client.events).toMatchObject([{ kind: 'closed', error: 'the peer cannot reset streams' }]);
    expect(pair.client.open().id).toBe(2);
    pair.client.receive(0, STRING, utf8('late'));
    expect(pair.client.channels.stats.messagesDropped).toBe(1);
  });
});

describe('the end of the association', () => {
  test('in good order closes every channel without an error', () => {
    const { pair, ours } = connected();
    const waiting = pair.client.open();
    pair.client.handle({ kind: 'closed', reason: 'shutdown', message: '' });
    expect([ours.state, waiting.state]).toEqual(['closed', 'closed']);
    for (const event of pair.client.events.slice(-2)) expect(Object.keys(event)).toEqual(['kind', 'channel']);
  });

  test('by an ABORT closes every channel with its reason and cause', () => {
    const { pair, ours } = connected();
    pair.client.handle({ kind: 'closed', reason: 'aborted', message: 'user initiated', cause: 12 });
    expect(pair.client.events).toEqual([{ kind: 'closed', channel: ours, error: 'user initiated', cause: 12 }]);
  });

  test('without a message still says why', () => {
    const { pair } = connected();
    pair.client.handle({ kind: 'closed', reason: 'failed', message: '' });
    expect(pair.client.events).toMatchObject([{ kind: 'closed', error: 'failed' }]);
  });

  test('by a restart of the peer: its channels are gone, new ones may open', () => {
    const { pair, ours } = connected();
    pair.client.handle({ kind: 'restarted' });
    expect(ours.state).toBe('closed');
    expect(pair.client.events).toMatchObject([{ kind: 'closed', error: 'the peer began a new association' }]);
    const channel = pair.client.open();
    expect(channel).toMatchObject({ id: 0, state: 'connecting' });
    pair.client.wire.maxOutboundStreams = 1;
    pair.client.handle({ kind: 'connected' });
    expect(channel.state).toBe('open');
    expect(() => pair.client.open(), 'the new association has its own number of streams').toThrow(RangeError);
  });

  test('by the owner closes channels that never opened, too', () => {
    const side = new Side('client');
    const channel = side.open();
    side.channels.closeAll();
    expect(channel.state).toBe('closed');
    expect(side.events).toEqual([{ kind: 'closed', channel }]);
  });
});
