import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/binary/bytes.ts';
import { decodeDcep, encodeAck, encodeOpen } from '../../src/datachannel/dcep.ts';
import { NOW, Pair, Side, utf8 } from './pair.ts';

const DCEP = 50;
const STRING = 51;

const OPEN = encodeOpen({ label: 'from the peer', protocol: '', ordered: true, priority: 256 });

describe('in-band channels', () => {
  test('the peer gets the same channel', () => {
    const pair = new Pair().connect();
    const parameters = { label: 'ラベル', protocol: 'json', ordered: false, maxPacketLifeTime: 250, priority: 512 };
    const channel = pair.client.open(parameters);
    pair.pump();
    expect(channel.state).toBe('open');
    expect(pair.client.takeKinds()).toEqual(['open']);
    const incoming = pair.server.incoming;
    expect(pair.server.takeKinds()).toEqual(['incoming']);
    expect(incoming.parameters).toEqual({ ...parameters, negotiated: false });
    expect(incoming.id).toBe(channel.id);
    expect(incoming.state).toBe('open');
  });

  test('RFC 8832 §6: OPEN and ACK go ordered and reliable on the stream of the channel', () => {
    const pair = new Pair().connect();
    pair.client.open({ ordered: false, maxRetransmits: 0, priority: 1024 });
    pair.pump();
    for (const side of [pair.client, pair.server]) {
      const [message, ...others] = side.wire.log;
      expect(others).toEqual([]);
      expect(message).toMatchObject({ streamId: 0, ppid: DCEP, options: { priority: 1024 } });
      expect(message!.options.unordered ?? false).toBe(false);
      expect(message!.options.maxRetransmits).toBeUndefined();
    }
    expect(pair.server.wire.log[0]!.data).toEqual(encodeAck());
  });

  test('the normal priority is 256 and is said', () => {
    const side = new Side('client').connect();
    side.open();
    expect(decodeDcep(side.wire.log[0]!.data)).toMatchObject({ priority: 256 });
  });

  test('a priority of 0 is the peer saying "normal": no scheduler has such a weight', () => {
    const zero = encodeOpen({ label: '', protocol: '', ordered: true, priority: 0 });
    const side = new Side('client').connect().receive(1, DCEP, zero);
    side.incoming.send(utf8('x'), true, NOW);
    expect(side.incoming.parameters.priority).toBe(0);
    expect(side.wire.log.map(({ options }) => options.priority)).toEqual([256, 256]);
  });

  test('made before role and association exist, they wait, and open in their order', () => {
    const pair = new Pair();
    const channels = ['a', 'b', 'c'].map((label) => pair.server.open({ label }));
    expect(channels.map((channel) => channel.id)).toEqual([null, null, null]);
    expect(() => channels[0]!.send(utf8('too early'), true, NOW)).toThrow('connecting');

    pair.server.channels.setRole('server');
    expect(channels.map((channel) => channel.id)).toEqual([1, 3, 5]);
    expect(channels.map((channel) => channel.state)).toEqual(['connecting', 'connecting', 'connecting']);
    expect(pair.server.takeKinds()).toEqual([]);

    pair.connect();
    expect(pair.server.takeKinds()).toEqual(['open', 'open', 'open']);
    const labels = pair.client.events.map((event) => event.channel.parameters.label);
    expect(labels).toEqual(['a', 'b', 'c']);
  });

  test('the association may be connected before it is attached', () => {
    const side = new Side('client');
    const channel = side.open();
    side.wire.state = 'established';
    side.channels.attach(side.wire, 'client', NOW);
    expect(channel.state).toBe('open');
    side.handle({ kind: 'connected' });
    expect(side.takeKinds()).toEqual(['open']);
  });

  test('an id asked for is ignored', () => {
    const side = new Side('client').connect();
    expect(side.open({ id: 42 }).id).toBe(0);
  });

  test('both sides may open at the same time', () => {
    const pair = new Pair().connect();
    const ours = pair.client.open({ label: 'from the client' });
    const theirs = pair.server.open({ label: 'from the server' });
    pair.pump();
    expect([ours.id, theirs.id]).toEqual([0, 1]);
    expect(pair.client.incoming.parameters.label).toBe('from the server');
    expect(pair.server.incoming.parameters.label).toBe('from the client');
  });

  test('a handler may open, send and close inside an event', () => {
    const pair = new Pair();
    pair.client.onEvent = (event) => {
      if (event.kind !== 'open' || event.channel.parameters.label === 'second') return;
      pair.client.open({ label: 'second' }).send(utf8('hello'), true, NOW);
      event.channel.close(NOW);
    };
    pair.client.open({ label: 'first' });
    pair.connect();
    expect(pair.client.takeKinds()).toEqual(['open', 'open', 'bufferedAmountDecreased', 'closed']);
    expect(pair.server.received).toEqual(['hello']);
  });
});

describe('RFC 8832 §6: order until the peer was heard', () => {
  const isUnordered = (side: Side): boolean[] =>
    side.wire.log.filter(({ ppid }) => ppid !== DCEP).map(({ options }) => options.unordered ?? false);

  test('an unordered channel sends ordered until the ACK', () => {
    const pair = new Pair().connect();
    const channel = pair.client.open({ ordered: false });
    channel.send(utf8('before'), true, NOW);
    pair.pump();
    channel.send(utf8('after'), true, NOW);
    expect(isUnordered(pair.client)).toEqual([false, true]);
  });

  test('or until any other message', () => {
    const side = new Side('client').connect();
    const channel = side.open({ ordered: false });
    side.receive(0, STRING, utf8('overtook the ACK'));
    channel.send(utf8('after'), true, NOW);
    expect(isUnordered(side)).toEqual([true]);
  });

  test('the side that got the OPEN has heard', () => {
    const pair = new Pair().connect();
    pair.client.open({ ordered: false, maxRetransmits: 2 });
    pair.pump();
    pair.server.incoming.send(utf8('at once'), true, NOW);
    expect(isUnordered(pair.server)).toEqual([true]);
    expect(pair.server.wire.log.at(-1)!.options).toMatchObject({ maxRetransmits: 2 });
  });

  test('a negotiated channel has no ACK to wait for', () => {
    const side = new Side('client').connect();
    side.open({ ordered: false, negotiated: true, id: 0 }).send(utf8('at once'), true, NOW);
    expect(isUnordered(side)).toEqual([true]);
  });

  test('an ordered channel stays ordered', () => {
    const pair = new Pair().connect();
    const channel = pair.client.open();
    pair.pump();
    channel.send(utf8('after'), true, NOW);
    expect(isUnordered(pair.client)).toEqual([false]);
  });
});

describe('negotiated channels', () => {
  test('say nothing in-band and have their id at once', () => {
    const pair = new Pair();
    const ours = pair.client.open({ negotiated: true, id: 7 });
    const theirs = pair.server.open({ negotiated: true, id: 7 });
    expect([ours.id, theirs.id]).toEqual([7, 7]);
    pair.connect();
    expect([...pair.client.wire.log, ...pair.server.wire.log]).toEqual([]);
    ours.send(utf8('hello'), true, NOW);
    pair.pump();
    expect(pair.server.received).toEqual(['hello']);
  });

  test('messages that come before the channel are kept for it, in order', () => {
    const pair = new Pair().connect();
    const ours = pair.client.open({ negotiated: true, id: 3 });
    for (const text of ['one', '', 'two']) ours.send(utf8(text), true, NOW);
    pair.pump();
    expect(pair.server.events).toEqual([]);
    pair.server.open({ negotiated: true, id: 3 });
    expect(pair.server.takeKinds()).toEqual(['open', 'message', 'message', 'message']);
  });

  test('in-band channels step around their ids', () => {
    const side = new Side('client');
    side.open({ negotiated: true, id: 0 });
    const channel = side.open();
    side.connect();
    expect(channel.id).toBe(2);
  });

  test('an id in use is a RangeError', () => {
    const side = new Side('client').connect();
    side.open();
    expect(() => side.open({ negotiated: true, id: 0 })).toThrow(RangeError);
    side.open({ negotiated: true, id: 1 });
    expect(() => side.open({ negotiated: true, id: 1 })).toThrow('stream id 1 is in use');
  });
});

describe('streams and their limits', () => {
  test('what does not fit the negotiated streams is closed with an error', () => {
    const side = new Side('client');
    side.wire.maxInboundStreams = 4;
    const channels = [0, 4, 5].map((id) => side.open({ negotiated: true, id }));
    side.connect();
    expect(channels.map((channel) => channel.state)).toEqual(['open', 'closed', 'closed']);
    expect(side.events.at(-1)).toMatchObject({ kind: 'closed', error: 'the association has only 4 streams' });
    expect(() => side.open({ negotiated: true, id: 4 })).toThrow(RangeError);
  });

  test('ids run out', () => {
    const side = new Side('client');
    side.wire.maxOutboundStreams = 4;
    side.connect();
    expect([side.open().id, side.open().id]).toEqual([0, 2]);
    expect(() => side.open()).toThrow('all stream ids are in use');
  });

  test('ids run out before the role is known: the last channels are closed when it is', () => {
    const side = new Side('server');
    for (let id = 1; id < 65_535; id += 2) side.open({ negotiated: true, id });
    const channel = side.open();
    side.channels.setRole('server');
    expect(channel.state).toBe('closed');
    expect(side.events).toMatchObject([{ kind: 'closed', error: 'no stream id is left for this channel' }]);
  });
});

describe('parameters', () => {
  test.each([
    ['both limits', { maxRetransmits: 1, maxPacketLifeTime: 1 }, 'not both'],
    ['negotiated without an id', { negotiated: true }, 'needs an id'],
    ['id 65,535', { negotiated: true, id: 65_535 }, 'id is an integer from 0 to 65534'],
    ['a negative id', { negotiated: true, id: -1 }, 'id is an integer'],
    ['half a retransmission', { maxRetransmits: 1.5 }, 'maxRetransmits is an integer'],
    ['a lifetime of 2^32', { maxPacketLifeTime: 2 ** 32 }, 'maxPacketLifeTime is an integer'],
    ['a priority of 2^16', { priority: 65_536 }, 'priority is an integer'],
    ['a label of 65,536 bytes', { label: 'ß'.repeat(32_768) }, 'label has more than 65535 bytes'],
    ['a protocol of 65,536 bytes', { protocol: 'x'.repeat(65_536) }, 'protocol has more than 65535 bytes'],
  ])('%s: TypeError', (_, parameters, message) => {
    const open = () => new Side('client').open(parameters);
    expect(open).toThrow(TypeError);
    expect(open).toThrow(message);
  });
});

describe('RFC 8832 §6: an OPEN that is turned down gets no ACK and its stream reset', () => {
  const isRefused = (side: Side, streamId: number) => {
    expect(side.events.filter((event) => event.kind === 'incoming')).toEqual([]);
    expect(side.wire.log).toEqual([]);
    expect(side.wire.resets).toEqual([streamId]);
  };

  test('on a stream of ours', () => {
    const side = new Side('client').connect().receive(2, DCEP, OPEN);
    isRefused(side, 2);
    expect(side.channels.stats.opensRefused).toBe(1);
  });

  test('malformed', () => {
    const side = new Side('client').connect().receive(1, DCEP, fromHex('03 55 0100 00000000 0000 0000'));
    isRefused(side, 1);
    expect(side.channels.stats.malformed).toBe(1);
  });

  test('on a stream that we cannot answer on, nor reset', () => {
    const side = new Side('client');
    side.wire.maxOutboundStreams = 10;
    side.connect().receive(11, DCEP, OPEN).receive(11, STRING, utf8('x'));
    expect([side.events, side.wire.log, side.wire.resets]).toEqual([[], [], []]);
    expect(side.channels.stats).toMatchObject({ opensRefused: 1, messagesDropped: 1 });
  });

  test('in an association that is shutting down it is too late for one', () => {
    const side = new Side('client').connect();
    side.wire.state = 'shutdownSent';
    side.receive(1, DCEP, OPEN);
    expect([side.events, side.wire.log, side.wire.resets]).toEqual([[], [], []]);
  });

  test('the stream is free again after both resets, and not before', () => {
    const side = new Side('client').connect().receive(1, DCEP, OPEN.subarray(0, 5));
    side.receive(1, DCEP, OPEN);
    expect(() => side.open({ negotiated: true, id: 1 })).toThrow('in use');
    expect(side.takeKinds()).toEqual([]);
    side.receiveResets(1).receive(1, DCEP, OPEN);
    expect(side.takeKinds()).toEqual(['incoming']);
    expect(side.wire.resets).toEqual([1]);
  });

  test('a second OPEN on a channel closes it', () => {
    const side = new Side('client').connect().receive(1, DCEP, OPEN).receive(1, DCEP, OPEN);
    expect(side.takeKinds()).toEqual(['incoming', 'closing']);
    expect(side.wire.resets).toEqual([1]);
    side.receiveResets(1);
    expect(side.events).toMatchObject([{ kind: 'closed', error: 'the peer opened the channel a second time' }]);
  });

  test('names of all open channels together are bounded', () => {
    const side = new Side('client').connect();
    const long = encodeOpen({ label: 'x'.repeat(65_535), protocol: 'x'.repeat(65_535), ordered: true, priority: 256 });
    for (let id = 1; id < 80; id += 2) side.receive(id, DCEP, long);
    const accepted = side.channels.channels.length;
    expect(accepted).toBe(32); // 4 MiB
    expect(side.wire.resets.length).toBe(40 - accepted);
    side.channels.channels[0]!.close(NOW);
    side.receiveResets(1).receive(1, DCEP, long);
    expect(side.channels.channels.length).toBe(32);
  });
});
