import { afterEach, describe, expect, test } from 'vitest';
import { type RTCPeerConnection, RTCSessionDescription } from '../../src/index.ts';
import { exchange, next, Pair, record, settled } from './support.ts';

let pair: Pair;
afterEach(() => pair.close());

test('createOffer resolves with a plain object that its receiver may edit', async () => {
  pair = new Pair();
  pair.a.createDataChannel('x');
  const offer = await pair.a.createOffer();
  expect(offer).not.toBeInstanceOf(RTCSessionDescription);
  expect(Object.getPrototypeOf(offer)).toBe(Object.prototype);
  offer.sdp = 'mine';
  expect(offer.sdp).toBe('mine');
});

test('setLocalDescription refuses an offer that was edited', async () => {
  pair = new Pair();
  pair.a.createDataChannel('x');
  const { sdp } = await pair.a.createOffer();
  const edited = pair.a.setLocalDescription({ type: 'offer', sdp: `${sdp}a=edited\r\n` });
  await expect(edited).rejects.toMatchObject({ name: 'InvalidModificationError' });
});

test('setLocalDescription resolves before gathering is over, and candidates come after it', async () => {
  pair = new Pair();
  pair.a.createDataChannel('x');
  const log: string[] = [];
  record(log, pair.a, 'icecandidate', () => '');
  record(log, pair.a, 'signalingstatechange', () => pair.a.signalingState);
  await pair.a.setLocalDescription();
  log.push('resolved');
  expect(pair.a.iceGatheringState).not.toBe('complete');
  await pair.until(() => pair.a.iceGatheringState === 'complete');
  expect(log.slice(0, 3)).toEqual(['signalingstatechange: have-local-offer', 'resolved', 'icecandidate: ']);
});

test('candidates found after the description are added to it, up to the end', async () => {
  pair = new Pair();
  pair.a.createDataChannel('x');
  await pair.a.setLocalDescription();
  const taken = pair.a.localDescription!;
  await pair.until(() => pair.a.iceGatheringState === 'complete');
  expect(taken.sdp).not.toContain('a=candidate'); // as in browsers, it is another object
  const description = pair.a.localDescription!;
  expect(pair.a.localDescription).toBe(description);
  expect(description.sdp).toMatch(/a=candidate:.* 192\.0\.2\.1 .*\r\n/);
  expect(description.sdp).toMatch(/a=end-of-candidates\r\n$/);
});

test('the events of a connection being made come in the order of the specification', async () => {
  pair = new Pair();
  const { a } = pair;
  const log: string[] = [];
  record(log, a, 'negotiationneeded', () => '');
  record(log, a, 'signalingstatechange', () => a.signalingState);
  record(log, a, 'icegatheringstatechange', () => a.iceGatheringState);
  record(log, a, 'iceconnectionstatechange', () => a.iceConnectionState);
  record(log, a, 'connectionstatechange', () => a.connectionState);
  a.addEventListener('icecandidate', ({ candidate }) => {
    log.push(candidate === null ? 'null candidate' : candidate.candidate === '' ? 'end of candidates' : 'candidate');
  });
  const [channel] = await pair.open();
  record(log, channel, 'close', () => '');
  const of = (type: string): string[] => log.filter((line) => line.startsWith(type));
  expect(of('negotiationneeded')).toEqual([]); // the offer was quicker
  expect(of('signaling')).toEqual(['signalingstatechange: have-local-offer', 'signalingstatechange: stable']);
  expect(of('icegathering')).toEqual(['icegatheringstatechange: gathering', 'icegatheringstatechange: complete']);
  expect(of('iceconnection').slice(0, 2)).toEqual([
    'iceconnectionstatechange: checking',
    'iceconnectionstatechange: connected',
  ]);
  expect(of('connection')).toEqual(['connectionstatechange: connecting', 'connectionstatechange: connected']);
  const complete = log.indexOf('icegatheringstatechange: complete');
  expect(log[complete - 1]).toBe('end of candidates');
  expect(log[complete + 1]).toBe('null candidate');
});

test('negotiationneeded comes once for many channels, and not again once one was negotiated', async () => {
  pair = new Pair();
  let count = 0;
  pair.a.onnegotiationneeded = () => count++;
  pair.a.createDataChannel('1');
  pair.a.createDataChannel('2');
  await settled();
  expect(count).toBe(1);
  await exchange(pair.a, pair.b);
  pair.a.createDataChannel('3');
  await settled();
  expect(count).toBe(1);
  pair.a.restartIce();
  await settled();
  expect(count).toBe(2);
});

describe('rollback', () => {
  test('of the first offer leaves nothing behind, and the next negotiation works', async () => {
    pair = new Pair();
    pair.a.createDataChannel('x');
    await pair.a.setLocalDescription();
    expect(pair.a.sctp).not.toBeNull();
    await pair.a.setLocalDescription({ type: 'rollback' });
    expect(pair.a.signalingState).toBe('stable');
    expect(pair.a.localDescription).toBeNull();
    expect(pair.a.sctp).toBeNull();
    await pair.open('y');
  });

  test('is refused where there is nothing to roll back', async () => {
    pair = new Pair();
    const invalid = { name: 'InvalidStateError' };
    await expect(pair.a.setLocalDescription({ type: 'rollback' })).rejects.toMatchObject(invalid);
    await pair.a.setLocalDescription();
    await expect(pair.a.setRemoteDescription({ type: 'rollback' })).rejects.toMatchObject(invalid);
  });

  test('of an ICE restart keeps the connection', async () => {
    pair = new Pair();
    const [ours, theirs] = await pair.open();
    pair.a.restartIce();
    await pair.a.setLocalDescription();
    await pair.a.setLocalDescription({ type: 'rollback' });
    const arrived = next<MessageEvent>(theirs, 'message');
    ours.send('still here');
    expect((await pair.during(arrived)).data).toBe('still here');
  });
});

describe('perfect negotiation', () => {
  /** The pattern of the specification, §10.7, for one side. */
  function negotiate(connection: RTCPeerConnection, polite: boolean, send: (message: object) => void) {
    let makingOffer = false;
    let ignoreOffer = false;
    connection.onnegotiationneeded = async () => {
      makingOffer = true;
      await connection.setLocalDescription();
      makingOffer = false;
      send({ description: connection.localDescription!.toJSON() });
    };
    connection.onicecandidate = ({ candidate }) => send({ candidate: candidate?.toJSON() ?? null });
    // biome-ignore lint/suspicious/noExplicitAny: what came over a wire
    return async ({ description, candidate }: any): Promise<void> => {
      if (description) {
        const collision = description.type === 'offer' && (makingOffer || connection.signalingState !== 'stable');
        ignoreOffer = !polite && collision;
        if (ignoreOffer) return;
        await connection.setRemoteDescription(description);
        if (description.type !== 'offer') return;
        await connection.setLocalDescription();
        send({ description: connection.localDescription!.toJSON() });
      } else {
        await connection.addIceCandidate(candidate).catch((error) => {
          if (!ignoreOffer) throw error;
        });
      }
    };
  }

  test('two offers at the same time end in one connection', async () => {
    pair = new Pair();
    const receive: Record<'a' | 'b', (message: object) => Promise<void>> = {
      a: negotiate(pair.a, true, (message) => setImmediate(() => receive.b(structuredClone(message)))),
      b: negotiate(pair.b, false, (message) => setImmediate(() => receive.a(structuredClone(message)))),
    };
    const channels = [pair.a, pair.b].map((connection) =>
      connection.createDataChannel('chat', { negotiated: true, id: 0 }),
    );
    await pair.until(() => channels.every(({ readyState }) => readyState === 'open'));
    const arrived = next<MessageEvent>(channels[1]!, 'message');
    channels[0]!.send('hello');
    expect((await pair.during(arrived)).data).toBe('hello');
  });
});

test('pranswer and answer: the provisional one starts the transports', async () => {
  pair = new Pair();
  pair.trickle();
  const channel = pair.a.createDataChannel('x');
  await pair.a.setLocalDescription();
  await pair.b.setRemoteDescription(pair.a.localDescription!);
  const { sdp } = await pair.b.createAnswer();
  await pair.b.setLocalDescription({ type: 'pranswer', sdp });
  expect(pair.b.signalingState).toBe('have-local-pranswer');
  await pair.a.setRemoteDescription({ type: 'pranswer', sdp });
  expect(pair.a.signalingState).toBe('have-remote-pranswer');
  await pair.until(() => channel.readyState === 'open');
  await pair.b.setLocalDescription({ type: 'answer', sdp });
  await pair.a.setRemoteDescription({ type: 'answer', sdp });
  expect([pair.a.signalingState, pair.b.signalingState]).toEqual(['stable', 'stable']);
  expect(pair.a.currentLocalDescription?.type).toBe('offer');
});

test('an ICE restart changes the credentials on both sides and keeps the channel', async () => {
  pair = new Pair();
  const [ours, theirs] = await pair.open();
  const ufrags = (): unknown[] =>
    [pair.a, pair.b].map((pc) => pc.sctp!.transport.iceTransport.getLocalParameters()!.usernameFragment);
  const before = ufrags();
  const received: unknown[] = [];
  theirs.onmessage = ({ data }) => received.push(data);
  pair.a.restartIce();
  ours.send('before');
  await exchange(pair.a, pair.b);
  ours.send('during');
  await pair.until(() => received.length === 2);
  const after = ufrags();
  expect(after[0]).not.toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
  await pair.until(() => ['connected', 'completed'].includes(pair.a.iceConnectionState));
  ours.send('after');
  await pair.until(() => received.length === 3);
  expect(received).toEqual(['before', 'during', 'after']);
});

test('setConfiguration: ICE servers and transport policy count from the next gathering on', async () => {
  pair = new Pair();
  const asked = new Set<string>();
  pair.network.onFate = ({ destination }) => {
    if (destination.port === 3478) asked.add(destination.address);
  };
  const servers = (...addresses: string[]) => addresses.map((address) => ({ urls: `stun:${address}` }));
  pair.a.setConfiguration({ iceServers: servers('203.0.113.1') });
  const [ours, theirs] = await pair.open();
  pair.a.setConfiguration({ iceServers: servers('203.0.113.2') });
  await pair.until(() => pair.a.iceGatheringState === 'complete');
  expect([...asked]).toEqual(['203.0.113.1']);
  asked.clear();
  pair.a.restartIce();
  await exchange(pair.a, pair.b);
  await pair.until(() => pair.a.iceConnectionState === 'completed' && pair.a.iceGatheringState === 'complete');
  expect([...asked]).toEqual(['203.0.113.2']);
  asked.clear();
  pair.a.setConfiguration({ iceServers: servers('203.0.113.3'), iceTransportPolicy: 'relay' });
  expect(pair.a.localDescription!.sdp).toContain('a=candidate');
  pair.a.restartIce();
  await exchange(pair.a, pair.b);
  await pair.until(() => pair.a.iceGatheringState === 'complete');
  expect(pair.a.localDescription!.sdp).not.toContain('a=candidate');
  expect([...asked]).toEqual([]);
  const arrived = next<MessageEvent>(theirs, 'message');
  ours.send('over the old path');
  expect((await pair.during(arrived)).data).toBe('over the old path');
});

test('more ICE servers than are asked, and unknown ones, do not stop the gathering', async () => {
  const iceServers = Array.from({ length: 40 }, (_, i) => ({ urls: `stun:203.0.113.${i + 1}` }));
  pair = new Pair({ configuration: { iceServers } });
  pair.a.createDataChannel('x');
  await pair.a.setLocalDescription();
  await pair.until(() => pair.a.iceGatheringState === 'complete');
});

describe('legacy callbacks', () => {
  test('are told the outcome', async () => {
    pair = new Pair();
    const offer = await new Promise<{ type: string }>((resolve, reject) => {
      void pair.a.createOffer(resolve, reject);
    });
    expect(offer.type).toBe('offer');
    const error = await new Promise<DOMException>((resolve) => {
      void pair.a.createAnswer(() => {}, resolve);
    });
    expect(error.name).toBe('InvalidStateError');
  });
});

describe('addIceCandidate', () => {
  const candidate = 'candidate:1 1 udp 2122260223 192.0.2.9 5000 typ host';

  test('needs a remote description', async () => {
    pair = new Pair();
    const refused = pair.a.addIceCandidate({ candidate, sdpMid: '0' });
    await expect(refused).rejects.toMatchObject({ name: 'InvalidStateError' });
  });

  test.each([
    ['an unknown mid', { candidate, sdpMid: 'none' }, 'OperationError'],
    ['a section that is not there', { candidate, sdpMLineIndex: 5 }, 'OperationError'],
    ['another generation', { candidate, sdpMid: '0', usernameFragment: 'none' }, 'OperationError'],
    ['what is no candidate', { candidate: 'nonsense', sdpMid: '0' }, 'OperationError'],
    ['a candidate without a place', { candidate }, 'TypeError'],
  ])('refuses %s', async (_what, init, name) => {
    pair = new Pair();
    pair.a.createDataChannel('x');
    await pair.a.setLocalDescription();
    await pair.b.setRemoteDescription(pair.a.localDescription!);
    await expect(pair.b.addIceCandidate(init)).rejects.toMatchObject({ name });
  });

  test('adds what it takes to the remote description', async () => {
    pair = new Pair();
    pair.a.createDataChannel('x');
    await pair.b.setRemoteDescription(await pair.a.createOffer());
    await pair.b.addIceCandidate({ candidate, sdpMLineIndex: 0 });
    await pair.b.addIceCandidate(null);
    expect(pair.b.remoteDescription!.sdp).toContain(`a=${candidate}\r\na=end-of-candidates\r\n`);
  });
});

test('what is no SDP is refused with the line at fault', async () => {
  pair = new Pair();
  const refused = pair.a.setRemoteDescription({ type: 'offer', sdp: 'nonsense' });
  await expect(refused).rejects.toMatchObject({
    name: 'OperationError',
    errorDetail: 'sdp-syntax-error',
    sdpLineNumber: 1,
  });
});
