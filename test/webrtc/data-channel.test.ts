import { afterEach, describe, expect, test } from 'vitest';
import { type RTCDataChannel, type RTCDataChannelInit, RTCErrorEvent } from '../../src/index.ts';
import { MAX_BUFFERED_AMOUNT } from '../../src/webrtc/data-channel.ts';
import { next, Pair, settled } from './support.ts';

let pair: Pair;
afterEach(() => pair.close());

describe('createDataChannel', () => {
  const refused: readonly (readonly [string, string, RTCDataChannelInit, string])[] = [
    ['a label of more than 65,535 bytes', 'ü'.repeat(32_768), {}, 'TypeError'],
    ['a protocol of more than 65,535 bytes', '', { protocol: 'x'.repeat(65_536) }, 'TypeError'],
    ['both kinds of partial reliability', '', { maxRetransmits: 0, maxPacketLifeTime: 0 }, 'TypeError'],
    ['negotiated without an id', '', { negotiated: true }, 'TypeError'],
    ['id 65,535', '', { negotiated: true, id: 65_535 }, 'TypeError'],
    ['an id that is no unsigned short', '', { negotiated: true, id: 65_536 }, 'TypeError'],
  ];
  test.each(refused)('refuses %s', (_what, label, init, name) => {
    pair = new Pair();
    expect(() => pair.a.createDataChannel(label, init)).toThrow(expect.objectContaining({ name }));
  });

  test('refuses an id that is in use', () => {
    pair = new Pair();
    pair.a.createDataChannel('', { negotiated: true, id: 3 });
    const again = (): RTCDataChannel => pair.a.createDataChannel('', { negotiated: true, id: 3 });
    expect(again).toThrow(expect.objectContaining({ name: 'OperationError' }));
  });

  test('ignores the id of a channel that is announced in-band, and gives one by the DTLS role', async () => {
    pair = new Pair();
    const [first] = await pair.open();
    const second = pair.a.createDataChannel('second', { id: 100 });
    expect(first.id! % 2).toBe(1); // the offerer is the DTLS server (RFC 8832 §6)
    expect(second.id! % 2).toBe(1);
    expect(second.id).not.toBe(first.id);
  });

  test('tells the peer all there is to know', async () => {
    pair = new Pair();
    await pair.open();
    const init = { ordered: false, maxRetransmits: 3, protocol: 'ünï', priority: 'high' } as const;
    const ours = pair.a.createDataChannel('ラベル', init);
    const { channel } = await pair.during(next<Event & { channel: RTCDataChannel }>(pair.b, 'datachannel'));
    expect(channel).toMatchObject({
      label: 'ラベル',
      ...init,
      maxPacketLifeTime: null,
      negotiated: false,
      id: ours.id,
    });
  });
});

describe('send', () => {
  test('keeps text, bytes, views and Blobs in order, and what they are', async () => {
    pair = new Pair();
    const [ours, theirs] = await pair.open();
    const received: unknown[] = [];
    theirs.onmessage = ({ data }) => received.push(data);
    ours.send('text');
    ours.send(new Blob(['blob']));
    ours.send(Uint8Array.of(0, 1, 2, 3).subarray(1, 3));
    ours.send('');
    ours.send(new ArrayBuffer(0));
    ours.send('\uD800');
    await pair.until(() => received.length === 6);
    expect(received).toEqual([
      'text',
      new TextEncoder().encode('blob').buffer,
      Uint8Array.of(1, 2).buffer,
      '',
      new ArrayBuffer(0),
      '\uFFFD',
    ]);
  });

  test('gives Blobs when they are asked for', async () => {
    pair = new Pair();
    const [ours, theirs] = await pair.open();
    theirs.binaryType = 'blob';
    ours.send(Uint8Array.of(7));
    const { data } = await pair.during(next<MessageEvent>(theirs, 'message'));
    expect(data).toBeInstanceOf(Blob);
    expect(new Uint8Array(await data.arrayBuffer())).toEqual(Uint8Array.of(7));
  });

  test('is refused before the channel is open, and afterwards', async () => {
    pair = new Pair();
    const ours = pair.a.createDataChannel('x');
    expect(() => ours.send('early')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    const [open] = await pair.open('y');
    open.close();
    expect(() => open.send('late')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
  });

  test('is refused when the message is larger than the peer takes', async () => {
    pair = new Pair();
    const [ours] = await pair.open();
    expect(pair.a.sctp!.maxMessageSize).toBe(262_144);
    expect(() => ours.send(new Uint8Array(262_145))).toThrow(TypeError);
    ours.send(new Uint8Array(262_144));
  });

  test('is refused when the buffer is full', async () => {
    pair = new Pair();
    const [ours] = await pair.open();
    const message = new Uint8Array(262_144);
    while (ours.bufferedAmount + message.length <= MAX_BUFFERED_AMOUNT) ours.send(message);
    expect(() => ours.send(message)).toThrow(expect.objectContaining({ name: 'OperationError' }));
  });
});

test('bufferedAmount grows with each call and shrinks in tasks, down to the event', async () => {
  pair = new Pair();
  const [ours] = await pair.open();
  let events = 0;
  ours.bufferedAmountLowThreshold = 10;
  ours.onbufferedamountlow = () => {
    events++;
    expect(ours.bufferedAmount).toBeLessThanOrEqual(10);
  };
  ours.send('世界');
  expect(ours.bufferedAmount).toBe(6);
  ours.send(new Uint8Array(100_000));
  expect(ours.bufferedAmount).toBe(100_006);
  await pair.until(() => ours.bufferedAmount === 0);
  expect(events).toBe(1);
});

describe('closing', () => {
  test('the other side sees closing and close, this one close; messages on their way arrive', async () => {
    pair = new Pair();
    const [ours, theirs] = await pair.open();
    const log: string[] = [];
    for (const [name, channel] of [
      ['ours', ours],
      ['theirs', theirs],
    ] as const) {
      for (const type of ['closing', 'close', 'error', 'message']) {
        channel.addEventListener(type, () => log.push(`${name} ${type} ${channel.readyState}`));
      }
    }
    ours.send('last words');
    ours.send(new Blob(['and a blob']));
    ours.close();
    expect(ours.readyState).toBe('closing');
    await pair.until(() => ours.readyState === 'closed' && theirs.readyState === 'closed');
    expect(log.filter((line) => line.startsWith('theirs'))).toEqual([
      'theirs message open',
      'theirs message open',
      'theirs closing closing',
      'theirs close closed',
    ]);
    expect(log.filter((line) => line.startsWith('ours'))).toEqual(['ours close closed']);
  });

  test("the peer's close() ends channels with an error, then close", async () => {
    pair = new Pair();
    const [, theirs] = await pair.open();
    const log: Event[] = [];
    theirs.onerror = (event) => log.push(event);
    theirs.onclose = (event) => log.push(event);
    pair.a.close();
    await pair.until(() => theirs.readyState === 'closed');
    expect(log.map(({ type }) => type)).toEqual(['error', 'close']);
    expect(log[0]).toBeInstanceOf(RTCErrorEvent);
    // RFC 9260 §3.3.10.12: 12 is "User-Initiated Abort".
    const error = { name: 'OperationError', errorDetail: 'sctp-failure', sctpCauseCode: 12 };
    expect((log[0] as RTCErrorEvent).error).toMatchObject(error);
    expect(pair.b.sctp!.state).toBe('closed');
    const late = pair.b.createDataChannel('late');
    await pair.until(() => late.readyState === 'closed');
  });

  test.each([false, true])('a channel that never opened closes too (with a description: %s)', async (described) => {
    pair = new Pair();
    const channel = pair.a.createDataChannel('x');
    if (described) await pair.a.setLocalDescription();
    const closed = next(channel, 'close');
    channel.close();
    expect(channel.readyState).toBe('closing');
    await closed;
    expect(channel.readyState).toBe('closed');
  });
});

describe('RTCPeerConnection.close', () => {
  test('returns undefined, works at once, and no event follows at the connection or its channels', async () => {
    pair = new Pair();
    const { a } = pair;
    const [ours] = await pair.open();
    const transport = a.sctp!.transport;
    const log: string[] = [];
    for (const type of ['signalingstatechange', 'iceconnectionstatechange', 'connectionstatechange', 'icecandidate']) {
      a.addEventListener(type, () => log.push(type));
    }
    for (const type of ['close', 'closing', 'error', 'message']) ours.addEventListener(type, () => log.push(type));
    ours.send('x');
    expect(a.close()).toBeUndefined();
    expect([a.signalingState, a.connectionState, a.iceConnectionState]).toEqual(['closed', 'closed', 'closed']);
    expect([ours.readyState, transport.state, transport.iceTransport.state]).toEqual(['closed', 'closed', 'closed']);
    expect(a.sctp!.state).toBe('closed');
    expect(ours.bufferedAmount).toBe(1); // "does not reset to zero once the channel closes"
    a.close();
    await pair.network.runAsync(5000);
    expect(log).toEqual([]);
  });

  test('leaves promises pending, and refuses new calls', async () => {
    pair = new Pair();
    let outcome = 'pending';
    const note = (): void => {
      outcome = 'settled';
    };
    pair.a.createOffer().then(note, note);
    pair.a.close();
    await settled();
    expect(outcome).toBe('pending');
    await expect(pair.a.createOffer()).rejects.toMatchObject({ name: 'InvalidStateError' });
    expect(() => pair.a.createDataChannel('x')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    expect(() => pair.a.setConfiguration({})).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    pair.a.restartIce(); // does nothing
  });
});
