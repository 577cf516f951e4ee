import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { SocketAddress } from '../../src/ice/address.ts';
import {
  BINDING,
  newTransactionId,
  readUnknownAttributes,
  readXorAddress,
  STUN_ATTRIBUTE,
  type StunMessage,
  StunWriter,
  shortTermKeys,
  verifyFingerprint,
  verifyIntegrity,
} from '../../src/stun/index.ts';
import { hasAttribute, type RequestOptions, ScriptedPeer } from './scripted-peer.ts';
import { Peer, Simulation } from './simulation.ts';

const AGENT = { address: '192.0.2.1', port: 5000 };
const SCRIPT = { address: '198.51.100.1', port: 6000 };

function setUp(options: ConstructorParameters<typeof Peer>[2] = {}): {
  simulation: Simulation;
  peer: Peer;
  script: ScriptedPeer;
} {
  const simulation = new Simulation();
  const peer = new Peer(simulation, 'agent', options);
  peer.addSocket(AGENT.address, AGENT.port);
  peer.gather();
  return { simulation, peer, script: new ScriptedPeer(simulation, peer, SCRIPT) };
}

/** What an agent shows of its state; a refused request must leave it as it was. */
function snapshot({ agent }: Peer): unknown {
  const pairs = agent.pairs.map(({ id, state, nominated, valid, stats }) => ({
    id,
    state,
    nominated,
    valid,
    ...stats,
  }));
  const { state, role, remoteCandidates, localCandidates, selectedPair, nextTimeout } = agent;
  return { pairs, state, role, remoteCandidates, localCandidates, selected: selectedPair?.id, nextTimeout };
}

describe.each([
  ['full, before the peer’s credentials', { lite: false }, false],
  ['full, with them', { lite: false }, true],
  ['lite', { lite: true }, true],
] as const)('an agent that is %s', (_, options, isIntroduced) => {
  const refused: [title: string, request: RequestOptions, answer: number | null][] = [
    ['RFC 8489 §9.1.3: without USERNAME is answered with 400', { username: null }, 400],
    ['RFC 8489 §9.1.3: without MESSAGE-INTEGRITY is answered with 400', { integrity: 'none' }, 400],
    ['RFC 8489 §9.1.3: for another fragment is answered with 401', { username: 'else:peer' }, 401],
    ['RFC 8489 §9.1.3: without a colon in USERNAME is answered with 401', { username: 'nobody' }, 401],
    ['RFC 8489 §9.1.3: with an empty fragment is answered with 401', { username: ':peer' }, 401],
    ['RFC 8489 §9.1.3: under another password is answered with 401', { password: 'a guess of two and twenty' }, 401],
    [
      'RFC 8489 §9.1.3: under another password with SHA-256 is answered with 401',
      { password: 'a guess', integrity: 'sha256' },
      401,
    ],
    [
      'RFC 8489 §9.1.3: under another password with both is answered with 401',
      { password: 'a guess', integrity: 'both' },
      401,
    ],
    ['RFC 8489 §6.3: without FINGERPRINT is dropped in silence', { fingerprint: false }, null],
    ['RFC 8489 §6.3: with a wrong FINGERPRINT is dropped in silence', { fingerprint: false, extra: () => {} }, null],
  ];

  test.each(refused)('a request %s and changes nothing', (title, request, answer) => {
    const { simulation, peer, script } = setUp(options);
    if (isIntroduced) {
      script.introduce();
      simulation.run(3_000);
    }
    const { now } = simulation;
    const before = snapshot(peer);
    const transactionId = newTransactionId(simulation.random);
    const packet = script.encode({ useCandidate: true, transactionId, ...request });
    const bytes = title.includes('wrong FINGERPRINT') ? withWrongFingerprint(script, request, transactionId) : packet;
    simulation.send(bytes, SCRIPT, AGENT);
    simulation.run(now + 10);
    expect(snapshot(peer)).toEqual(before);
    simulation.run(now + 20);
    const answers = script.received.filter((message) => message.transactionId.join() === transactionId.join());
    expect(answers.map(({ messageClass }) => messageClass)).toEqual(answer === null ? [] : ['error']);
    if (answer === null) return;
    expect(script.answers.at(-1)).toBe(answer);
    // "a server MUST NOT include a MESSAGE-INTEGRITY-SHA256, MESSAGE-INTEGRITY, or USERNAME attribute in the error response"
    const { messageIntegrity, messageIntegritySha256, username } = STUN_ATTRIBUTE;
    const proofs = [messageIntegrity, messageIntegritySha256, username];
    expect(proofs.some((type) => hasAttribute(answers[0]!, type))).toBe(false);
  });

  test('answers no more than ten strangers a second', () => {
    const { simulation, peer, script } = setUp(options);
    for (let i = 0; i < 50; i++) script.request(AGENT, { integrity: 'none' });
    simulation.run(100);
    expect(script.answers).toHaveLength(10);
    simulation.run(2_000);
    script.request(AGENT, { integrity: 'none' });
    simulation.run(2_100);
    expect(script.answers).toHaveLength(11);
    expect(peer.agent.stats.unauthenticatedRequests).toBe(51);
  });

  test('RFC 8489 §6.3.1: an unknown comprehension-required attribute is answered with 420 and its name', () => {
    const { simulation, script } = setUp(options);
    script.request(AGENT, { extra: (writer) => writer.flag(0x7fff).flag(0x0003) });
    simulation.run(100);
    const [answer] = script.received;
    expect(script.answers).toEqual([420]);
    expect(readUnknownAttributes(answer!)).toEqual([0x7fff, 0x0003]);
    expect(hasAttribute(answer!, STUN_ATTRIBUTE.messageIntegrity)).toBe(true);
  });

  test('unknown comprehension-optional attributes are ignored: NOMINATION, GOOG-NETWORK-INFO, GOOG-MISC-INFO', () => {
    const { simulation, script } = setUp(options);
    script.request(AGENT, {
      extra: (writer) => writer.uint32(0xc001, 1).uint32(0xc057, 2).attribute(0xc059, new Uint8Array(5)),
    });
    simulation.run(100);
    expect(script.answers).toEqual(['success']);
  });

  test('GOOG-PING (method 0x080) is dropped in silence', () => {
    const { simulation, peer, script } = setUp(options);
    const keys = shortTermKeys(nodeCrypto, peer.agent.localCredentials.password);
    const ping = new StunWriter('request', 0x080, newTransactionId(simulation.random)).integrity(keys.sha1).finish();
    simulation.send(ping, SCRIPT, AGENT);
    simulation.run(100);
    expect(script.received).toEqual([]);
    expect(peer.agent.stats.malformedPackets).toBe(1);
  });

  test('RFC 8445 §7.1.1: a request without PRIORITY, which "MUST be included", is answered with 400', () => {
    const { simulation, peer, script } = setUp(options);
    script.request(AGENT, { priority: null });
    simulation.run(100);
    expect(script.answers).toEqual([400]);
    expect(peer.agent.stats.requestsRefused).toBe(1);
  });

  test('RFC 8445 §7.3: the success response carries the source address and is proved with our password', () => {
    const { simulation, peer, script } = setUp(options);
    script.request(AGENT);
    simulation.run(100);
    const [answer] = script.received.filter(({ messageClass }) => messageClass === 'success');
    expect(readXorAddress(answer!, STUN_ATTRIBUTE.xorMappedAddress)).toEqual(SCRIPT);
    expect(verifyIntegrity(answer!, shortTermKeys(nodeCrypto, peer.agent.localCredentials.password))).toBe('sha1');
    expect(verifyFingerprint(answer!)).toBe(true);
  });

  test('RFC 8489 §9.1.3: a request with MESSAGE-INTEGRITY-SHA256 is answered with it, and with nothing else', () => {
    for (const integrity of ['sha256', 'both'] as const) {
      const { simulation, script } = setUp(options);
      script.request(AGENT, { integrity });
      simulation.run(100);
      const [answer] = script.received.filter(({ messageClass }) => messageClass === 'success');
      expect(hasAttribute(answer!, STUN_ATTRIBUTE.messageIntegritySha256)).toBe(true);
      expect(hasAttribute(answer!, STUN_ATTRIBUTE.messageIntegrity)).toBe(false);
    }
  });

  test('RFC 8445 §11: indications are taken in silence', () => {
    const { simulation, peer, script } = setUp(options);
    const before = snapshot(peer);
    const indication = new StunWriter('indication', BINDING, newTransactionId(simulation.random)).fingerprint();
    simulation.send(indication.finish(), SCRIPT, AGENT);
    simulation.run(100);
    expect(script.received).toEqual([]);
    expect(snapshot(peer)).toEqual(before);
  });

  test('takes any bytes: nothing is thrown, nothing grows', () => {
    const { simulation, peer, script } = setUp(options);
    script.introduce({ candidate: false });
    const before = snapshot(peer);
    const valid = script.encode();
    const { agent } = peer;
    for (let at = 0; at < valid.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = valid.slice();
        bytes[at]! ^= 1 << bit;
        agent.handlePacket(bytes, 1, SCRIPT, simulation.now);
      }
      agent.handlePacket(valid.slice(0, at), 1, SCRIPT, simulation.now);
    }
    const header = fc.constantFrom([0, 1], [1, 1], [1, 0x11], [0, 0x11]);
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 120 }), (type, body) => {
        const bytes = new Uint8Array(20 + (body.length & ~3));
        bytes.set([...type, bytes.length > 275 ? 1 : 0, bytes.length - 20, 0x21, 0x12, 0xa4, 0x42]);
        bytes.set(body.subarray(0, body.length & ~3), 20);
        agent.handlePacket(bytes, 1, SCRIPT, simulation.now);
      }),
      { numRuns: 300 },
    );
    expect(snapshot(peer)).toEqual(before);
  });
});

describe('early checks', () => {
  test('RFC 8445 §7.3: before the peer’s credentials "the agent MUST immediately generate a response"', () => {
    const { simulation, peer, script } = setUp();
    script.request(AGENT);
    simulation.run(20);
    expect(script.answers).toEqual(['success']);
    expect(script.requests).toEqual([]);
    expect(peer.agent.pairs).toEqual([]);
  });

  test('RFC 8445 §7.3.1.3: show the candidate they come from, which is paired with no other socket', () => {
    const { simulation, peer, script } = setUp();
    script.request(AGENT, { priority: 12_345 });
    simulation.run(20);
    const learned = {
      type: 'prflx',
      ...script.address,
      priority: 12_345,
      usernameFragment: script.credentials.usernameFragment,
    };
    expect(peer.agent.remoteCandidates).toEqual([expect.objectContaining(learned)]);
    expect(peer.agent.state).toBe('checking'); // W3C webrtc §5.6.4: "has received at least one remote candidate"
    peer.addSocket('192.0.2.77');
    script.introduce({ candidate: false });
    peer.addSocket('192.0.2.78');
    expect(peer.agent.pairs.map(({ local }) => local.address)).toEqual([AGENT.address]);
  });

  test('and give way to the one that is then told', () => {
    const { simulation, peer, script } = setUp();
    script.request(AGENT);
    simulation.run(20);
    script.introduce();
    expect(peer.agent.remoteCandidates.map(({ type }) => type)).toEqual(['host']);
    expect(peer.agent.pairs).toHaveLength(1);
  });

  test('are followed by a triggered check once the credentials are known', () => {
    const { simulation, peer, script } = setUp();
    script.request(AGENT, { useCandidate: true });
    simulation.run(500);
    script.introduce({ candidate: false });
    simulation.runUntil(() => peer.agent.state === 'connected', 100);
    expect(peer.agent.selectedPair).toMatchObject({ nominated: true, remote: { type: 'prflx' } });
  });

  test('of another fragment than the one that is then told are forgotten', () => {
    const { simulation, peer, script } = setUp();
    script.request(AGENT, { username: `${peer.agent.localCredentials.usernameFragment}:fork` });
    simulation.run(100);
    script.introduce({ candidate: false });
    simulation.run(1_000);
    expect(peer.agent.pairs).toEqual([]);
    expect(peer.agent.remoteCandidates).toEqual([]);
    expect(script.requests).toEqual([]);
  });

  test('are limited in number, the latest kept', () => {
    const { simulation, peer, script } = setUp();
    const last = new ScriptedPeer(simulation, peer, { ...SCRIPT, port: 7999 });
    for (let port = 7000; port < 7999; port++) {
      simulation.send(script.encode(), { ...SCRIPT, port }, AGENT);
    }
    simulation.run(50);
    last.request(AGENT);
    simulation.run(100);
    script.introduce({ candidate: false });
    expect(peer.agent.pairs).toHaveLength(32);
    expect(peer.agent.remoteCandidates.some(({ port }) => port === 7999)).toBe(true);
  });
});

test('a request of another fragment of the peer than the known one is answered with 401: that username is not valid', () => {
  const { simulation, peer, script } = setUp();
  script.introduce({ candidate: false });
  script.request(AGENT, { username: `${peer.agent.localCredentials.usernameFragment}:else`, useCandidate: true });
  simulation.run(1_000);
  expect(script.answers).toEqual([401]);
  expect(peer.agent.remoteCandidates).toEqual([]);
  expect(peer.agent.pairs).toEqual([]);
});

describe('responses', () => {
  function answeredBy(answer: ScriptedPeer['answer'], forMs = 2_000): { peer: Peer; script: ScriptedPeer } {
    const { simulation, peer, script } = setUp({ controlling: true });
    script.answer = answer;
    script.introduce();
    simulation.run(forMs);
    return { peer, script };
  }

  test('RFC 8489 §9.1.4: one that is not proved "MUST be discarded, as if it had never been received"', () => {
    const { peer, script } = answeredBy((request, from) => encodeSuccess(request, from, 'a guess'));
    expect(peer.agent.pairs[0]!.state).toBe('inProgress');
    expect(script.requests).toHaveLength(3); // at 0, 500, 1500 ms: retransmissions go on
    expect(peer.agent.stats.unexpectedResponses).toBe(3);
    expect(peer.agent.state).toBe('checking');
  });

  test('RFC 8489 §9.1.4: an unproved error is discarded too', () => {
    const { peer } = answeredBy((request) => encodeError(request, 401, 'a guess'));
    expect(peer.agent.pairs[0]!.state).toBe('inProgress');
  });

  test('RFC 8489 §9.1.4: "the algorithm in the response has to match"', () => {
    const { peer } = answeredBy((request, from) =>
      new StunWriter('success', BINDING, request.transactionId)
        .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, from)
        .integrity(shortTermKeys(nodeCrypto, PEER_PASSWORD).sha256)
        .finish(),
    );
    expect(peer.agent.pairs[0]!.state).toBe('inProgress');
  });

  test('one with a wrong FINGERPRINT is discarded, one with none is taken', () => {
    const wrong = answeredBy((request, from) => {
      const bytes = encodeSuccess(request, from);
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    });
    expect(wrong.peer.agent.pairs[0]!.state).toBe('inProgress');
    const none = answeredBy((request, from) =>
      new StunWriter('success', BINDING, request.transactionId)
        .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, from)
        .integrity(shortTermKeys(nodeCrypto, PEER_PASSWORD).sha1)
        .finish(),
    );
    expect(none.peer.agent.pairs[0]!.state).toBe('succeeded');
  });

  test('RFC 8445 §7.2.5.2.1: one from another address than was asked fails the pair', () => {
    const { simulation, peer, script } = setUp({ controlling: true });
    script.answer = (request, from) => {
      simulation.send(script.success(request, from), { ...SCRIPT, port: 6001 }, AGENT);
      return null;
    };
    script.introduce();
    simulation.run(1_000);
    expect(peer.agent.pairs[0]).toMatchObject({ state: 'failed', valid: false });
    expect(peer.agent.isAuthorizedPath(1, SCRIPT)).toBe(false);
    expect(peer.agent.isAuthorizedPath(1, { ...SCRIPT, port: 6001 })).toBe(false);
  });

  test('RFC 8445 §7.2.5.2.4: an unrecoverable error fails the pair', () => {
    const { peer, script } = answeredBy((request) => encodeError(request, 400));
    expect(peer.agent.pairs[0]!.state).toBe('failed');
    expect(script.requests).toHaveLength(1);
  });

  test('RFC 8489 §6.3.3: a success without XOR-MAPPED-ADDRESS, or with an unknown required attribute, is a failure', () => {
    const keys = shortTermKeys(nodeCrypto, PEER_PASSWORD);
    const without = answeredBy((request) =>
      new StunWriter('success', BINDING, request.transactionId).integrity(keys.sha1).finish(),
    );
    expect(without.peer.agent.pairs[0]!.state).toBe('failed');
    const unknown = answeredBy((request, from) =>
      new StunWriter('success', BINDING, request.transactionId)
        .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, from)
        .flag(0x7fff)
        .integrity(keys.sha1)
        .finish(),
    );
    expect(unknown.peer.agent.pairs[0]!.state).toBe('failed');
  });

  test('nobody’s answer, and the same answer again, are counted and nothing else', () => {
    const { simulation, peer, script } = setUp({ controlling: true });
    let copy: Uint8Array | null = null;
    script.answer = (request, from) => {
      copy ??= script.success(request, from);
      return script.success(request, from);
    };
    script.introduce();
    simulation.run(1_000);
    const before = snapshot(peer);
    simulation.send(copy!, SCRIPT, AGENT);
    simulation.run(1_010);
    expect(peer.agent.stats.unexpectedResponses).toBe(1);
    expect(snapshot(peer)).toEqual(before);
  });
});

test('RFC 8445 §7.3.1.4: a request cancels the check in progress: no more of it is sent, its refusal is no failure, its success counts', () => {
  for (const late of ['refusal', 'success'] as const) {
    const { simulation, peer, script } = setUp();
    script.answer = null;
    script.introduce();
    simulation.run(100);
    script.request(AGENT);
    simulation.run(200);
    const [first, second] = script.requests;
    expect(second!.transactionId).not.toEqual(first!.transactionId);
    simulation.run(2_000);
    const sent = script.requests.filter(({ transactionId }) => transactionId.join() === first!.transactionId.join());
    expect(sent).toHaveLength(1);
    simulation.send(late === 'success' ? script.success(first!, AGENT) : script.error(first!, 400), SCRIPT, AGENT);
    simulation.run(2_050);
    expect(peer.agent.pairs[0]!.state).toBe(late === 'success' ? 'succeeded' : 'inProgress');
  }
});

describe('bounds', () => {
  test('limits the number of learned peer addresses and of pairs', () => {
    const { simulation, peer, script } = setUp();
    script.introduce({ candidate: false });
    for (let port = 7000; port < 7500; port++) simulation.send(script.encode(), { ...SCRIPT, port }, AGENT);
    simulation.run(60);
    expect(peer.agent.remoteCandidates.length).toBeLessThanOrEqual(100);
    expect(peer.agent.pairs.length).toBeLessThanOrEqual(100);
    simulation.run(400_000);
    expect(peer.agent.pairs.length).toBeLessThanOrEqual(100);
  });

  test('a lite agent remembers the latest hundred addresses', () => {
    const { simulation, peer, script } = setUp({ lite: true });
    script.introduce({ candidate: false });
    script.request(AGENT, { useCandidate: true });
    simulation.run(100);
    for (let port = 7000; port < 7300; port++) {
      simulation.send(script.encode(), { ...SCRIPT, port }, AGENT);
      simulation.run(simulation.now + 20);
    }
    expect(peer.agent.pairs).toHaveLength(100);
    expect(peer.agent.selectedPair?.remoteAddress).toEqual(SCRIPT);
    expect(peer.agent.isAuthorizedPath(1, { ...SCRIPT, port: 7299 })).toBe(true);
    expect(peer.agent.isAuthorizedPath(1, { ...SCRIPT, port: 7000 })).toBe(false);
  });

  test('limits the number of signalled candidates', () => {
    const { peer, script } = setUp();
    script.introduce({ candidate: false });
    const fields = { foundation: '1', component: 1, protocol: 'udp', priority: 1000, type: 'host' } as const;
    const taken = Array.from({ length: 300 }, (_, i) =>
      peer.agent.addRemoteCandidate({ ...fields, address: '198.51.100.7', port: 1000 + i }, 0),
    );
    expect(taken.filter(Boolean)).toHaveLength(100);
    expect(peer.agent.stats.remoteCandidatesIgnored).toBe(200);
  });

  test('a peer that repeats itself costs one transaction per Ta, and a bounded number of them', () => {
    const { simulation, peer, script } = setUp();
    script.answer = null;
    script.introduce();
    for (let at = 0; at < 30_000; at += 20) simulation.later(at, () => script.request(AGENT));
    simulation.run(30_000);
    expect(peer.stunSent.filter(({ message }) => message.messageClass === 'request').length).toBeLessThan(
      30_000 / 50 + 100,
    );
  });
});

const PEER_PASSWORD = 'a+password+of+22+chars';

function encodeSuccess(request: StunMessage, mapped: SocketAddress, password: string = PEER_PASSWORD): Uint8Array {
  return new StunWriter('success', BINDING, request.transactionId)
    .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, mapped)
    .integrity(shortTermKeys(nodeCrypto, password).sha1)
    .fingerprint()
    .finish();
}

function encodeError(request: StunMessage, code: number, password: string = PEER_PASSWORD): Uint8Array {
  const writer = new StunWriter('error', BINDING, request.transactionId).errorCode(code, '');
  return writer.integrity(shortTermKeys(nodeCrypto, password).sha1).fingerprint().finish();
}

function withWrongFingerprint(script: ScriptedPeer, request: RequestOptions, transactionId: Uint8Array): Uint8Array {
  const bytes = script.encode({ useCandidate: true, ...request, fingerprint: true, transactionId });
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
}
