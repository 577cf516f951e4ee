import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/datachannel/index.ts';
import { NOW, Pair, Side, utf8 } from './pair.ts';

const STRING = 51;
const BINARY_PARTIAL = 52;
const BINARY = 53;
const STRING_PARTIAL = 54;
const STRING_EMPTY = 56;
const BINARY_EMPTY = 57;

function connected(): { pair: Pair; channel: Channel } {
  const pair = new Pair().connect();
  const channel = pair.client.open();
  pair.pump();
  return { pair, channel };
}

describe('messages', () => {
  test('text and bytes arrive as what they were, empty ones too', () => {
    const { pair, channel } = connected();
    const sent = ['text', '', 'ß', [1, 2, 3], [], [0]];
    for (const message of sent) {
      if (typeof message === 'string') channel.send(utf8(message), true, NOW);
      else channel.send(Uint8Array.from(message), false, NOW);
    }
    pair.pump();
    expect(pair.server.received).toEqual(sent);
  });

  test('RFC 8831 §6.6: an empty message is one zero byte under a PPID of its own', () => {
    const { pair, channel } = connected();
    channel.send(new Uint8Array(0), true, NOW);
    channel.send(new Uint8Array(0), false, NOW);
    const [text, bytes] = pair.client.wire.log.slice(-2);
    expect([text!.ppid, ...text!.data]).toEqual([STRING_EMPTY, 0]);
    expect([bytes!.ppid, ...bytes!.data]).toEqual([BINARY_EMPTY, 0]);
  });

  test('the one byte of an empty message is ignored, whatever it is', () => {
    const { pair } = connected();
    pair.server.receive(0, STRING_EMPTY, utf8('x')).receive(0, BINARY_EMPTY, Uint8Array.of(7, 7));
    expect(pair.server.received).toEqual(['', []]);
  });

  test('reliability and priority go with every message', () => {
    const side = new Side('client').connect();
    side.open({ maxRetransmits: 0, priority: 128 }).send(utf8('a'), true, NOW);
    side.open({ maxPacketLifeTime: 100 }).send(utf8('b'), true, NOW);
    const options = side.wire.log.filter(({ ppid }) => ppid === STRING).map((sent) => sent.options);
    expect(options).toEqual([
      { unordered: false, maxRetransmits: 0, lifetimeMs: undefined, priority: 128 },
      { unordered: false, maxRetransmits: undefined, lifetimeMs: 100, priority: 256 },
    ]);
  });

  test('are counted on both sides', () => {
    const { pair, channel } = connected();
    channel.send(utf8('four'), true, NOW);
    channel.send(new Uint8Array(0), false, NOW);
    pair.pump();
    expect(channel.stats).toEqual({ messagesSent: 2, bytesSent: 4, messagesReceived: 0, bytesReceived: 0 });
    expect(pair.server.incoming.stats).toMatchObject({ messagesReceived: 2, bytesReceived: 4 });
  });

  test('are as large as the peer takes: 65,536 unless it says', () => {
    const { pair, channel } = connected();
    channel.send(new Uint8Array(65_536), false, NOW);
    expect(() => channel.send(new Uint8Array(65_537), false, NOW)).toThrow(RangeError);
    pair.client.channels.maxMessageSize = 100_000;
    channel.send(new Uint8Array(100_000), false, NOW);
    expect(() => channel.send(new Uint8Array(100_001), false, NOW)).toThrow("over the peer's limit of 100000");
    pair.client.channels.maxMessageSize = 0;
    channel.send(new Uint8Array(1_000_000), false, NOW);
    expect(channel.stats.messagesSent).toBe(3);
  });

  test('cannot be sent while the association shuts down', () => {
    const { pair, channel } = connected();
    pair.client.wire.state = 'shutdownReceived';
    expect(() => channel.send(utf8('x'), true, NOW)).toThrow('shutting down');
    expect(channel.bufferedAmount).toBe(0);
  });
});

describe('bufferedAmount', () => {
  test('counts payload only: not the OPEN, not the byte of an empty message', () => {
    const pair = new Pair().connect();
    const channel = pair.client.open({ label: 'a long label that is not payload' });
    expect(channel.bufferedAmount).toBe(0);
    channel.send(utf8('12345'), true, NOW);
    channel.send(new Uint8Array(0), true, NOW);
    channel.send(utf8('123'), true, NOW);
    expect(channel.bufferedAmount).toBe(8);
    const amounts: number[] = [];
    while (pair.step(pair.client, pair.server)) amounts.push(channel.bufferedAmount);
    expect(amounts).toEqual([8, 3, 3, 0]);
  });

  test('its decrease is reported in bytes of payload, and not when there are none', () => {
    const pair = new Pair().connect();
    const channel = pair.client.open();
    channel.send(utf8('12345'), true, NOW);
    channel.send(new Uint8Array(0), true, NOW);
    pair.pump();
    const decreases = pair.client.events.flatMap((event) =>
      event.kind === 'bufferedAmountDecreased' ? [event.bytes] : [],
    );
    expect(decreases).toEqual([5]);
  });

  test('is kept per channel, and may fall within a message', () => {
    const side = new Side('client').connect();
    const [a, b] = [side.open(), side.open()];
    a.send(new Uint8Array(1_000), false, NOW);
    b.send(new Uint8Array(50), false, NOW);
    const openBytes = side.wire.log[0]!.data.length;
    side.handle({ kind: 'bufferedAmountDecreased', streamId: a.id!, bytes: openBytes + 400 });
    expect([a.bufferedAmount, b.bufferedAmount]).toEqual([600, 50]);
  });

  test('stays when the channel is closed: nothing will ever send it', () => {
    const { pair, channel } = connected();
    channel.send(utf8('12345'), true, NOW);
    pair.client.handle({ kind: 'closed', reason: 'failed', message: 'gone' });
    expect(channel.bufferedAmount).toBe(5);
  });
});

describe('the deprecated pieces of RFC 8831 §6.6', () => {
  test('are put together', () => {
    const { pair } = connected();
    pair.server.receive(0, STRING_PARTIAL, utf8('one ')).receive(0, STRING_PARTIAL, utf8('two '));
    expect(pair.server.received).toEqual([]);
    pair.server
      .receive(0, STRING, utf8('three'))
      .receive(0, BINARY_PARTIAL, Uint8Array.of(1))
      .receive(0, BINARY, Uint8Array.of(2));
    expect(pair.server.received).toEqual(['one two three', [1, 2]]);
    expect(pair.server.incoming.stats).toMatchObject({ messagesReceived: 2, bytesReceived: 15 });
  });

  const closes = (pair: Pair) => {
    expect(pair.server.incoming.state).toBe('closing');
    expect(pair.server.received).toEqual([]);
    expect(pair.server.wire.resets).toEqual([0]);
  };

  test('of two kinds close the channel', () => {
    const { pair } = connected();
    pair.server.receive(0, STRING_PARTIAL, utf8('a')).receive(0, BINARY, Uint8Array.of(1));
    closes(pair);
  });

  test('of more than 262,144 bytes close the channel', () => {
    const { pair } = connected();
    for (let i = 0; i < 4; i++) pair.server.receive(0, BINARY_PARTIAL, new Uint8Array(65_536));
    expect(pair.server.incoming.state).toBe('open');
    pair.server.receive(0, BINARY, Uint8Array.of(1));
    closes(pair);
  });

  test.each([{ ordered: false }, { maxRetransmits: 1 }, { maxPacketLifeTime: 1 }])(
    'close a channel of %o',
    (parameters) => {
      const pair = new Pair().connect();
      pair.client.open(parameters);
      pair.pump().server.receive(0, BINARY_PARTIAL, Uint8Array.of(1));
      closes(pair);
    },
  );
});

describe('messages that nobody expects', () => {
  test('an unknown PPID closes the channel', () => {
    const { pair, channel } = connected();
    pair.server.receive(0, 99, utf8('?'));
    expect(pair.server.events.at(-1)!.kind).toBe('closing');
    pair.pump();
    expect(pair.server.events.at(-1)).toMatchObject({
      kind: 'closed',
      error: 'the peer sent a message with unknown PPID 99',
    });
    expect(channel.state).toBe('closed');
  });

  test('an ACK that nobody waits for says nothing', () => {
    const side = new Side('client').connect().receive(5, 50, Uint8Array.of(2));
    expect(side.wire.resets).toEqual([]);
    expect(side.events).toEqual([]);
  });

  test('early messages are bounded by number: past 256 their stream is refused', () => {
    const side = new Side('client').connect();
    for (let i = 0; i < 256; i++) side.receive(9, STRING, utf8('x'));
    expect(side.wire.resets).toEqual([]);
    side.receive(9, STRING, utf8('x')).receive(9, STRING, utf8('x'));
    expect(side.wire.resets).toEqual([9]);
    expect(side.channels.stats.messagesDropped).toBe(1);
    side.receiveResets(9);
    side.open({ negotiated: true, id: 9 });
    expect(side.received).toEqual([]);
  });

  test('early messages are bounded by bytes, over all streams', () => {
    const side = new Side('client').connect();
    side.receive(9, BINARY, new Uint8Array(262_144)).receive(11, BINARY, Uint8Array.of(1));
    expect(side.wire.resets).toEqual([11]);
    side.open({ negotiated: true, id: 9 });
    side.receive(13, BINARY, new Uint8Array(262_144));
    expect(side.wire.resets).toEqual([11]);
  });

  test('early messages do not hold the datagrams they came in', () => {
    const side = new Side('client').connect();
    const datagram = new Uint8Array(1_200).fill(1);
    side.receive(9, BINARY, datagram.subarray(0, 1));
    datagram.fill(2);
    side.open({ negotiated: true, id: 9 });
    expect(side.received).toEqual([[1]]);
  });

  test('early messages are forgotten when the peer resets the stream', () => {
    const side = new Side('client').connect().receive(9, STRING, utf8('x')).receiveResets(9);
    side.open({ negotiated: true, id: 9 });
    expect(side.received).toEqual([]);
  });
});
