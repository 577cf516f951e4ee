import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import {
  BINDING,
  newTransactionId,
  parseStun,
  readText,
  readUint32,
  readUnknownAttributes,
  readXorAddress,
  readXorAddresses,
  STUN_ATTRIBUTE,
  StunWriter,
  verifyIntegrity,
} from '../../src/stun/index.ts';
import {
  ephemeralCredential,
  ephemeralCredentials,
  isChannelData,
  longTermKey,
  TURN_ATTRIBUTE,
  TURN_METHOD,
  TurnServer,
  userhashOf,
} from '../../src/turn/index.ts';
import { allocate, ask, codeOf, FLOW, has, nonceFor, type Proof, signed, unsigned } from './requests.ts';
import { Client, PEER, text, USERS, World } from './world.ts';

const {
  allocate: ALLOCATE,
  refresh: REFRESH,
  createPermission: CREATE_PERMISSION,
  channelBind: CHANNEL_BIND,
} = TURN_METHOD;
const lifetime = (seconds: number) => (writer: StunWriter) => writer.uint32(TURN_ATTRIBUTE.lifetime, seconds);
const permit = (address: string) => (writer: StunWriter) =>
  writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, { address, port: 0 });
const bind =
  (channel: number, peer = PEER) =>
  (writer: StunWriter) =>
    writer
      .attribute(TURN_ATTRIBUTE.channelNumber, Uint8Array.of(channel >> 8, channel & 255, 0, 0))
      .xorAddress(TURN_ATTRIBUTE.xorPeerAddress, peer);

/** A server on which FLOW has an allocation of alice. */
function allocated(options = {}): World {
  const world = new World(options);
  expect(codeOf(ask(world, allocate(world)))).toBe(200);
  return world;
}

describe('Binding', () => {
  test('tells the source as it is, of whatever transport and family', () => {
    const world = new World();
    const remote = { address: '2001:db8::77', port: 4321 };
    const answer = ask(world, unsigned(world, BINDING), { id: 'tcp x', transport: 'tcp', remote });
    expect(readXorAddress(answer!, STUN_ATTRIBUTE.xorMappedAddress)).toEqual(remote);
    expect(world.server.stats.bindings).toBe(1);
  });

  test('RFC 8489 §6.3.1: unknown attributes that must be understood are listed', () => {
    const world = new World();
    const answer = ask(
      world,
      unsigned(world, BINDING, (writer) => writer.uint32(0x0003, 6)),
    ); // CHANGE-REQUEST
    expect(codeOf(answer)).toBe(420);
    expect(readUnknownAttributes(answer!)).toEqual([3]);
  });
});

describe('RFC 8489 §9.2.4: who may ask', () => {
  const requests = [
    ['Allocate', ALLOCATE, () => {}],
    ['Refresh', REFRESH, lifetime(0)],
    ['CreatePermission', CREATE_PERMISSION, permit(PEER.address)],
    ['ChannelBind', CHANNEL_BIND, bind(0x4000)],
  ] as const;

  test.each(requests)('an unsigned %s is challenged and changes nothing', (_, method, write) => {
    const world = allocated();
    const answer = ask(world, unsigned(world, method, write));
    expect(codeOf(answer)).toBe(401);
    expect(has(answer, STUN_ATTRIBUTE.realm) && has(answer, STUN_ATTRIBUTE.nonce)).toBe(true);
    expect(has(answer, STUN_ATTRIBUTE.messageIntegrity)).toBe(false);
    expect(world.server.allocationCount).toBe(1);
    world.fromPeer(new Uint8Array(4), world.relayed.get(1)!);
    world.run(100);
    expect(world.server.stats.bytesToClients).toBe(0);
  });

  test.each<[string, Proof, number]>([
    ['a wrong password', { password: 'looking-glass' }, 401],
    ['an unknown user', { username: 'mallory' }, 401],
    ['another realm', { realm: 'example.net' }, 401],
    ['a nonce nobody gave', { nonce: 'f//499k954d6OL34oL9FSTvy64sA' }, 438],
    ['a nonce of the right form', { nonce: `obMatJos2gAAA${'0'.repeat(44)}` }, 438],
  ])('%s', (_, proof, code) => {
    const world = allocated();
    for (const [, method, write] of requests) {
      const answer = ask(world, signed(world, method, write, proof));
      expect(codeOf(answer)).toBe(code);
      expect(has(answer, STUN_ATTRIBUTE.nonce)).toBe(true);
    }
    expect(world.server.allocationCount).toBe(1);
  });

  test('a request with MESSAGE-INTEGRITY and without USERNAME, REALM or NONCE is a 400', () => {
    const world = new World();
    const key = nodeCrypto.hmac('sha1', longTermKey(nodeCrypto, 'md5', 'alice', 'example.org', USERS['alice']!));
    const answer = ask(
      world,
      new StunWriter('request', ALLOCATE, newTransactionId(world.random)).integrity(key).finish(),
    );
    expect(codeOf(answer)).toBe(400);
  });

  test('every flipped bit of a request is noticed', () => {
    const world = new World();
    const request = allocate(world);
    for (let bit = 0; bit < 8 * request.length; bit++) {
      const tampered = request.slice();
      tampered[bit >> 3]! ^= 1 << (bit & 7);
      const answer = ask(world, tampered);
      if (answer?.method === BINDING) continue; // the flip made it another question
      expect(codeOf(answer), `bit ${bit}`).not.toBe(200);
    }
    expect(world.server.allocationCount).toBe(0);
    expect(codeOf(ask(world, request))).toBe(200);
  });

  test('a nonce goes stale, and the answer has the next', () => {
    const world = new World({ nonceLifetimeSeconds: 60 });
    const nonce = nonceFor(world);
    world.run(59_000);
    expect(codeOf(ask(world, allocate(world, undefined, { nonce })))).toBe(200);
    world.run(1000);
    const answer = ask(world, signed(world, REFRESH, undefined, { nonce }));
    expect(codeOf(answer)).toBe(438);
    const next = readText(answer!, STUN_ATTRIBUTE.nonce)!;
    expect(next).not.toBe(nonce);
    expect(codeOf(ask(world, signed(world, REFRESH, undefined, { nonce: next })))).toBe(200);
  });

  test('a recorded request replayed from another address, or by another server, is of no use', () => {
    const world = new World();
    const request = allocate(world);
    const elsewhere = { ...FLOW, id: 'udp 192.0.2.45:7000', remote: { address: '192.0.2.45', port: 7000 } };
    expect(codeOf(ask(world, request, elsewhere))).toBe(438);
    expect(codeOf(ask(new World({}, 2), request))).toBe(438);
    expect(codeOf(ask(world, request))).toBe(200);
  });

  test('a recorded Refresh replayed after its nonce went stale changes nothing', () => {
    const world = allocated({ nonceLifetimeSeconds: 60 });
    const end = signed(world, REFRESH, lifetime(0));
    world.run(61_000);
    expect(codeOf(ask(world, end))).toBe(438);
    expect(world.server.allocationCount).toBe(1);
  });

  test('RFC 8656 §5: another user’s request on an allocation is a 441', () => {
    const world = allocated();
    expect(codeOf(ask(world, signed(world, REFRESH, lifetime(0), { username: 'bob' })))).toBe(441);
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit(PEER.address), { username: 'bob' })))).toBe(441);
    expect(codeOf(ask(world, allocate(world, undefined, { username: 'bob' })))).toBe(437);
    expect(world.server.allocationCount).toBe(1);
  });

  test('a user who is no longer known cannot refresh, and can be sent away at once', () => {
    const users = { ...USERS };
    const world = allocated({ credentials: (name: string) => (users[name] ? { password: users[name] } : null) });
    delete users['alice'];
    expect(codeOf(ask(world, signed(world, REFRESH)))).toBe(401);
    expect(world.server.revoke('alice')).toBe(1);
    expect(world.closed).toEqual([1]);
    expect(world.serverEvents.at(-1)).toMatchObject({ kind: 'released', reason: 'revoked' });
  });

  test('answers are proved with the user’s key', () => {
    const world = new World();
    const key = longTermKey(nodeCrypto, 'md5', 'alice', 'example.org', USERS['alice']!);
    const keys = { sha1: nodeCrypto.hmac('sha1', key), sha256: nodeCrypto.hmac('sha256', key) };
    expect(verifyIntegrity(ask(world, allocate(world))!, keys)).toBe('sha1');
    expect(verifyIntegrity(ask(world, signed(world, CHANNEL_BIND, bind(1)))!, keys)).toBe('sha1'); // a 400
  });

  test('FINGERPRINT is not asked for; a wrong one is noticed', () => {
    const world = new World();
    const right = new StunWriter('request', BINDING, newTransactionId(world.random)).fingerprint().finish().slice();
    expect(has(ask(world, right), STUN_ATTRIBUTE.fingerprint)).toBe(true);
    right[right.length - 1]! ^= 1;
    expect(ask(world, right)).toBeNull();
  });

  test('§9.2.1: with the list of algorithms cut out or changed, the request is refused', () => {
    const world = new World();
    const nonce = nonceFor(world);
    const key = longTermKey(nodeCrypto, 'sha256', 'alice', 'example.org', USERS['alice']!);
    const request = (list: readonly number[] | null, chosen: number | null): Uint8Array => {
      const writer = new StunWriter('request', ALLOCATE, newTransactionId(world.random));
      writer.attribute(TURN_ATTRIBUTE.requestedTransport, Uint8Array.of(17, 0, 0, 0));
      writer
        .text(STUN_ATTRIBUTE.username, 'alice')
        .text(STUN_ATTRIBUTE.realm, 'example.org')
        .text(STUN_ATTRIBUTE.nonce, nonce);
      const algorithms = (numbers: readonly number[]) =>
        numbers.map((algorithm) => ({ algorithm, parameters: new Uint8Array(0) }));
      if (list) writer.passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithms, algorithms(list));
      if (chosen) writer.passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithm, algorithms([chosen]));
      return writer.integrity(nodeCrypto.hmac('sha256', key)).finish().slice();
    };
    expect(codeOf(ask(world, request([1], 1)))).toBe(400);
    expect(codeOf(ask(world, request([1, 2], 2)))).toBe(400);
    expect(codeOf(ask(world, request(null, 2)))).toBe(400);
    expect(codeOf(ask(world, request([2, 1], null)))).toBe(400);
    expect(codeOf(ask(world, request([2, 1], 7)))).toBe(400);
    expect(codeOf(ask(world, request([2, 1], 2)))).toBe(200);
  });

  test('USERHASH in place of USERNAME, where the server can tell whose it is', () => {
    const hash = userhashOf(nodeCrypto, 'alice', 'example.org');
    const usernameOf = (given: Uint8Array): string | null =>
      hash.every((byte, i) => byte === given[i]) ? 'alice' : null;
    const client = new Client(new World({ usernameOf })).allocate();
    expect(client.machine.state).toBe('allocated');
    const last = parseStun(client.sent.at(-1)!)!;
    expect(has(last, STUN_ATTRIBUTE.userhash) && !has(last, STUN_ATTRIBUTE.username)).toBe(true);
  });
});

describe('RFC 8656 §7.2: Allocate', () => {
  test.each<[string, number, (writer: StunWriter) => unknown]>([
    [
      'TCP to the peer',
      442,
      (writer) => writer.attribute(TURN_ATTRIBUTE.requestedTransport, Uint8Array.of(6, 0, 0, 0)),
    ],
    ['no REQUESTED-TRANSPORT', 400, () => {}],
    ['a malformed one', 400, (writer) => writer.attribute(TURN_ATTRIBUTE.requestedTransport, Uint8Array.of(17))],
  ])('%s', (_, code, write) => {
    const world = new World();
    expect(codeOf(ask(world, signed(world, ALLOCATE, write)))).toBe(code);
  });

  const family = (code: number) => Uint8Array.of(code, 0, 0, 0);
  test.each<[string, number, (writer: StunWriter) => unknown]>([
    ['an unknown family', 440, (w) => w.attribute(TURN_ATTRIBUTE.requestedAddressFamily, family(3))],
    [
      'both family attributes',
      400,
      (w) =>
        w
          .attribute(TURN_ATTRIBUTE.requestedAddressFamily, family(1))
          .attribute(TURN_ATTRIBUTE.additionalAddressFamily, family(2)),
    ],
    ['IPv4 in addition', 400, (w) => w.attribute(TURN_ATTRIBUTE.additionalAddressFamily, family(1))],
    ['DONT-FRAGMENT', 420, (w) => w.flag(TURN_ATTRIBUTE.dontFragment)],
    ['a reservation nobody made', 508, (w) => w.attribute(TURN_ATTRIBUTE.reservationToken, new Uint8Array(8))],
    [
      'a reservation and a family',
      400,
      (w) =>
        w
          .attribute(TURN_ATTRIBUTE.reservationToken, new Uint8Array(8))
          .attribute(TURN_ATTRIBUTE.requestedAddressFamily, family(1)),
    ],
    ['EVEN-PORT with the next reserved', 508, (w) => w.attribute(TURN_ATTRIBUTE.evenPort, Uint8Array.of(0x80))],
  ])('%s is refused', (_, code, write) => {
    const world = new World();
    expect(codeOf(ask(world, allocate(world, write)))).toBe(code);
    expect(world.opened).toEqual([]);
  });

  test('EVEN-PORT is passed on', () => {
    const world = new World();
    expect(
      codeOf(
        ask(
          world,
          allocate(world, (w) => w.attribute(TURN_ATTRIBUTE.evenPort, Uint8Array.of(0))),
        ),
      ),
    ).toBe(200);
    expect(world.opened[0]).toMatchObject({ evenPort: true, family: 4 });
  });

  test('ADDITIONAL-ADDRESS-FAMILY gives both; where one is not to be had, the reason', () => {
    const both = (w: StunWriter): unknown => w.attribute(TURN_ATTRIBUTE.additionalAddressFamily, family(2));
    const world = new World();
    const addresses = readXorAddresses(ask(world, allocate(world, both))!, TURN_ATTRIBUTE.xorRelayedAddress)!;
    expect(addresses.map(({ address }) => address)).toEqual(['203.0.113.1', '2001:db8::1']);
    const poor = new World();
    poor.opens = (request) => (request.family === 6 ? 'never' : 'now');
    const answer = ask(poor, allocate(poor, both))!;
    expect(readXorAddresses(answer, TURN_ATTRIBUTE.xorRelayedAddress)).toHaveLength(1);
    expect(has(answer, TURN_ATTRIBUTE.addressErrorCode)).toBe(true);
    const old = new World({ families: [4] });
    expect(has(ask(old, allocate(old, both)), TURN_ATTRIBUTE.addressErrorCode)).toBe(true);
    expect(codeOf(ask(old, signed(old, CREATE_PERMISSION, permit('2001:db8:1::7'))))).toBe(443);
  });

  test('a family the server does not serve is a 440, one that cannot be opened a 508', () => {
    const six = (w: StunWriter): unknown => w.attribute(TURN_ATTRIBUTE.requestedAddressFamily, family(2));
    const world = new World({ families: [4] });
    expect(codeOf(ask(world, allocate(world, six)))).toBe(440);
    world.opens = () => 'never';
    expect(codeOf(ask(world, allocate(world)))).toBe(508);
    expect(world.server.allocationCount).toBe(0);
  });

  test('a relay that is not opened in ten seconds is a 508, and closed if it comes late', () => {
    const world = new World();
    world.opens = () => 'later';
    expect(ask(world, allocate(world))).toBeNull();
    const before = world.answers.length;
    world.run(12_000);
    expect(codeOf(parseStun(world.answers[before]!.packet))).toBe(508);
    expect(world.server.allocationCount).toBe(0);
    world.open(world.opened[0]!);
    expect(world.closed).toEqual([1, 1]);
  });

  test('lifetimes: the default at least, the maximum at most', () => {
    for (const [asked, given] of [
      [1, 600],
      [599, 600],
      [1200, 1200],
      [3601, 3600],
      [0xffff_ffff, 3600],
    ] as const) {
      const world = new World();
      expect(readUint32(ask(world, allocate(world, lifetime(asked)))!, TURN_ATTRIBUTE.lifetime)).toBe(given);
      expect(readUint32(ask(world, signed(world, REFRESH, lifetime(asked)))!, TURN_ATTRIBUTE.lifetime)).toBe(given);
    }
  });

  test('the relayed address is never 0.0.0.0: whoever opens the relay must know a better one', () => {
    const world = new World();
    world.opens = () => 'later';
    ask(world, allocate(world));
    for (const address of ['0.0.0.0', '::', '2001:db8::1', 'relay.example.org']) {
      expect(() => world.server.relayOpened(1, { address, port: 50_000 }, world.now)).toThrow(TypeError);
    }
  });
});

describe('what comes after', () => {
  test('without an allocation every other request is a 437', () => {
    const world = new World();
    for (const method of [REFRESH, CREATE_PERMISSION, CHANNEL_BIND]) {
      expect(codeOf(ask(world, signed(world, method, bind(0x4000))))).toBe(437);
    }
  });

  test('RFC 8656 §8.2: Refresh of another family is a 443; an expired allocation is gone', () => {
    const world = allocated();
    const six = (w: StunWriter): unknown =>
      w.attribute(TURN_ATTRIBUTE.requestedAddressFamily, Uint8Array.of(2, 0, 0, 0));
    expect(codeOf(ask(world, signed(world, REFRESH, six)))).toBe(443);
    world.now += 600_000;
    expect(codeOf(ask(world, signed(world, REFRESH)))).toBe(437);
    expect(world.closed).toEqual([1]);
  });

  test('RFC 8656 §10.2: CreatePermission wants peers, of the right family, all of them or none', () => {
    const world = allocated();
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION)))).toBe(400);
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit('2001:db8:1::7'))))).toBe(443);
    const mixed = (w: StunWriter): unknown => [permit(PEER.address)(w), permit('127.0.0.1')(w)];
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, mixed)))).toBe(403);
    world.fromPeer(new Uint8Array(1), world.relayed.get(1)!);
    world.run(100);
    expect(world.server.stats.droppedFromPeers).toBe(1);
    const two = (w: StunWriter): unknown => [permit(PEER.address)(w), permit('198.51.100.8')(w)];
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, two)))).toBe(200);
  });

  test('RFC 8656 §12.2: a channel is one peer’s, a peer has one channel', () => {
    const world = allocated();
    const other = { address: '198.51.100.7', port: 5001 };
    for (const number of [0, 0x3fff, 0x5000, 0x7fff, 0xffff]) {
      expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(number))))).toBe(400);
    }
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000))))).toBe(200);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000))))).toBe(200);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000, other))))).toBe(400);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4001))))).toBe(400);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4fff, other))))).toBe(200);
    world.now += 599_000; // keep the allocation
    ask(world, signed(world, REFRESH));
    world.now += 2000; // the channels are over
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4001))))).toBe(200);
  });

  test('RFC 8656 §11.2: Send without a permission, without DATA, or with DONT-FRAGMENT is dropped', () => {
    const world = allocated();
    const send = (write: (writer: StunWriter) => unknown): void => {
      const writer = new StunWriter('indication', TURN_METHOD.send, newTransactionId(world.random));
      write(writer);
      world.toServer(writer.finish().slice(), FLOW);
      world.run(100);
    };
    const data = (w: StunWriter): StunWriter =>
      w.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, PEER).attribute(TURN_ATTRIBUTE.data, Uint8Array.of(104, 105));
    send(data);
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit(PEER.address))))).toBe(200);
    send((w) => w.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, PEER));
    send((w) => w.attribute(TURN_ATTRIBUTE.data, Uint8Array.of(1)));
    send((w) => data(w).flag(TURN_ATTRIBUTE.dontFragment));
    send((w) =>
      w
        .xorAddress(TURN_ATTRIBUTE.xorPeerAddress, { ...PEER, port: 0 })
        .attribute(TURN_ATTRIBUTE.data, Uint8Array.of(1)),
    );
    expect(world.received).toEqual([]);
    send(data);
    expect(world.received.map(text)).toEqual(['hi']);
  });

  test('a connection that ends takes its allocation along', () => {
    const world = allocated();
    world.server.closeFlow(FLOW.id);
    expect(world.server.allocationCount).toBe(0);
    expect(world.closed).toEqual([1]);
  });

  test('close ends everything and answers nothing', () => {
    const world = allocated();
    world.server.close();
    expect(world.closed).toEqual([1]);
    expect(world.server.nextTimeout).toBe(Infinity);
    expect(ask(world, unsigned(world, BINDING))).toBeNull();
  });
});

describe('peers that are refused by default', () => {
  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '192.0.0.192',
    '224.0.0.251',
    '255.255.255.255',
    '240.0.0.1',
  ])('%s', (address) => {
    const world = allocated();
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit(address))))).toBe(403);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000, { address, port: 80 }))))).toBe(403);
  });

  test.each([
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '::ffff:0:10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::1',
    '2001:0:1::1',
    'fd00:ec2::254',
    'fc00::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '100::1',
  ])('%s', (address) => {
    const world = new World();
    const six = (w: StunWriter): unknown =>
      w.attribute(TURN_ATTRIBUTE.requestedAddressFamily, Uint8Array.of(2, 0, 0, 0));
    expect(codeOf(ask(world, allocate(world, six)))).toBe(200);
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit(address))))).toBe(403);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000, { address, port: 80 }))))).toBe(403);
  });

  test('RFC 8656 §21.1.7: nor the server itself; the relays of others are allowed', () => {
    const own = { address: '203.0.113.1', port: 3478 };
    const world = allocated({ ownAddresses: [own] });
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000, own))))).toBe(403);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000, { ...own, port: 50_009 }))))).toBe(200);
    const send = new StunWriter('indication', TURN_METHOD.send, newTransactionId(world.random));
    send.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, own).attribute(TURN_ATTRIBUTE.data, new Uint8Array(1));
    world.toServer(send.finish(), FLOW);
    world.run(100);
    expect(world.received).toEqual([]);
  });

  test('a range may be allowed again', () => {
    const world = allocated({ allowedPeers: ['127.0.0.0/8'] });
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit('127.0.0.1'))))).toBe(200);
    expect(codeOf(ask(world, signed(world, CREATE_PERMISSION, permit('10.0.0.1'))))).toBe(403);
  });
});

describe('bounds', () => {
  const flow = (port: number) => ({
    id: `udp 192.0.2.44:${port}`,
    transport: 'udp' as const,
    remote: { address: '192.0.2.44', port },
  });
  const allocateAt = (world: World, port: number, username = 'alice'): number | null =>
    codeOf(ask(world, allocate(world, undefined, { username, nonce: nonceFor(world, flow(port)) }), flow(port)));

  test('a user’s allocations: 486, until one is given back', () => {
    const world = new World({ maxAllocationsPerUser: 2 });
    expect([1, 2, 3].map((port) => allocateAt(world, port))).toEqual([200, 200, 486]);
    expect(allocateAt(world, 4, 'bob')).toBe(200);
    world.server.closeFlow(flow(1).id);
    expect(allocateAt(world, 5)).toBe(200);
  });

  test('all allocations: 508', () => {
    const world = new World({ maxAllocations: 1 });
    expect([allocateAt(world, 1), allocateAt(world, 2, 'bob')]).toEqual([200, 508]);
  });

  test('permissions and channels: 508, until some have run out', () => {
    const world = allocated({ maxPermissions: 2, maxChannels: 1 });
    const permitting = (n: number): number | null =>
      codeOf(ask(world, signed(world, CREATE_PERMISSION, permit(`198.51.100.${n}`))));
    expect([1, 2, 2, 3].map(permitting)).toEqual([200, 200, 200, 508]);
    const one = { address: '198.51.100.1', port: 1 };
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4000, one))))).toBe(200);
    expect(codeOf(ask(world, signed(world, CHANNEL_BIND, bind(0x4001, { ...one, port: 2 }))))).toBe(508);
    world.now += 301_000;
    expect(permitting(3)).toBe(200);
  });

  test('the rate: a second’s worth at once, then as it comes', () => {
    const world = allocated({ maxBytesPerSecond: 1000 });
    ask(world, signed(world, CREATE_PERMISSION, permit(PEER.address)));
    const flood = (count: number): number => {
      const before = world.server.stats.bytesToClients;
      for (let i = 0; i < count; i++) world.server.handleRelayPacket(new Uint8Array(100), 1, PEER, world.now);
      return world.server.stats.bytesToClients - before;
    };
    expect(flood(20)).toBe(1000);
    world.run(500);
    expect(flood(20)).toBe(500);
    expect(world.server.stats.droppedOverRate).toBe(25);
  });

  test('options that make no sense are refused', () => {
    const make = (options: object) => () => new World(options);
    expect(make({ nonceLifetimeSeconds: 3601 })).toThrow(RangeError);
    expect(make({ realm: '' })).toThrow(RangeError);
    expect(make({ deniedPeers: ['10.0.0.0/33'] })).toThrow(TypeError);
    expect(make({ deniedPeers: ['10.0.0'] })).toThrow(TypeError);
    expect(make({ maxLifetimeSeconds: 60 })).toThrow(RangeError);
    expect(make({ ownAddresses: [{ address: 'localhost', port: 1 }] })).toThrow(TypeError);
    expect(TurnServer).toBeDefined();
  });
});

describe('ephemeral credentials', () => {
  const make = (secrets = ['north', 'south']) => {
    const clock = { unix: 1_000_000 };
    const credentials = ephemeralCredentials({
      crypto: nodeCrypto,
      secrets: () => secrets,
      unixSeconds: () => clock.unix,
    });
    return { clock, world: new World({ credentials, maxAllocationsPerUser: 1 }) };
  };

  test('are signed names; the known answer of the scheme', () => {
    // HMAC-SHA1("north", "1433895918:turnuser") in base64.
    expect(ephemeralCredential(nodeCrypto, 'north', 'turnuser', 1433895918)).toEqual({
      username: '1433895918:turnuser',
      password: '+EWkBV2whfsqU7GHVTngPxdVht8=',
    });
  });

  test('of any secret that is still in force', () => {
    for (const secret of ['north', 'south']) {
      const { world } = make();
      const client = new Client(world, ephemeralCredential(nodeCrypto, secret, 'carol', 1_000_060)).allocate();
      expect(client.machine.state).toBe('allocated');
    }
  });

  test.each([
    ['expired', ephemeralCredential(nodeCrypto, 'north', 'carol', 1_000_000)],
    ['of a secret that was rotated out', ephemeralCredential(nodeCrypto, 'west', 'carol', 1_000_060)],
    [
      'with a later time than was signed',
      { ...ephemeralCredential(nodeCrypto, 'north', 'carol', 1_000_060), username: '2000000:carol' },
    ],
    [
      'with another name than was signed',
      { ...ephemeralCredential(nodeCrypto, 'north', 'carol', 1_000_060), username: '1000060:dave' },
    ],
    ['without a time', { username: 'carol', password: 'x' }],
  ])('%s: refused', (_, credential) => {
    const { world } = make();
    const client = new Client(world, credential).start();
    world.run(1000);
    expect(client.failure?.code).toBe(401);
    expect(client.sent).toHaveLength(2);
  });

  test('an allocation outlives its credential, a new one is not made with it; quotas go by name', () => {
    const { world, clock } = make();
    const credential = ephemeralCredential(nodeCrypto, 'north', 'carol', 1_000_060);
    const client = new Client(world, credential).allocate();
    const again = new Client(world, ephemeralCredential(nodeCrypto, 'north', 'carol', 1_000_061)).start();
    world.run(1000);
    expect(again.failure?.code).toBe(486);
    clock.unix += 100;
    world.run(1_200_000);
    expect(client.machine.state).toBe('allocated');
    const late = new Client(world, credential).start();
    world.run(1000);
    expect(late.failure?.code).toBe(401);
  });

  test('all of a name’s allocations can be ended at once, whatever their stamps', () => {
    const { world } = make();
    new Client(world, ephemeralCredential(nodeCrypto, 'north', 'carol', 1_000_060)).allocate();
    expect(world.server.revoke('dave')).toBe(0);
    expect(world.server.revoke('carol')).toBe(1);
    expect(world.server.allocationCount).toBe(0);
  });
});

describe('whatever comes', () => {
  test('every truncation of every message is dropped or refused, and nothing throws', () => {
    const world = allocated();
    const messages = [allocate(world), signed(world, CHANNEL_BIND, bind(0x4000)), signed(world, REFRESH, lifetime(0))];
    for (const message of messages) {
      for (let length = 0; length < message.length; length++) {
        expect(codeOf(ask(world, message.subarray(0, length)))).not.toBe(200);
      }
    }
    expect(world.server.allocationCount).toBe(1);
  });

  test('random bytes, and random bytes behind right beginnings', () => {
    const world = allocated();
    ask(world, signed(world, CHANNEL_BIND, bind(0x4000)));
    const heads = [[], [0x40, 0x00], [0x00, 0x16], [0x00, 0x03], [0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42]];
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 80 }), (head, tail) => {
        world.toServer(Uint8Array.of(...head, ...tail), FLOW);
        const answer = world.answers.at(-1)!.packet;
        return isChannelData(answer) || parseStun(answer) !== null;
      }),
      { numRuns: 500 },
    );
    expect(world.server.allocationCount).toBe(1);
  });
});
