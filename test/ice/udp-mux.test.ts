import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { SocketAddress } from '../../src/ice/address.ts';
import { UdpMux, type UdpMuxMember } from '../../src/ice/udp-mux.ts';
import { SeededRandom } from '../../src/runtime/memory.ts';
import { BINDING, newTransactionId, STUN_ATTRIBUTE, StunWriter, shortTermKeys } from '../../src/stun/index.ts';

const PEER = { address: '192.0.2.1', port: 1000 };
const ELSEWHERE = { address: '192.0.2.2', port: 2000 };
const DTLS = Uint8Array.of(22, 254, 253);
const random = new SeededRandom(1);

/** A connection whose agent has proved the ports of PEER that the test names. */
class Member implements UdpMuxMember {
  readonly proved = new Set<number>();
  received: Uint8Array[] = [];
  onReceive: (remote: SocketAddress) => void = () => {};

  receive(packet: Uint8Array, remote: SocketAddress): void {
    this.received.push(packet);
    this.onReceive(remote);
  }

  isAuthorized({ port }: SocketAddress): boolean {
    return this.proved.has(port);
  }
}

function makeMux() {
  const mux = new UdpMux<Member>();
  const [alice, bob] = [new Member(), new Member()];
  mux.add('aaaa', alice);
  mux.add('bbbb', bob);
  /** Who gets a datagram. */
  const route = (packet: Uint8Array, remote: SocketAddress): Member | null => {
    for (const member of [alice, bob]) member.received = [];
    mux.handlePacket(packet, remote);
    return [alice, bob].find(({ received }) => received.length > 0) ?? null;
  };
  return { mux, alice, bob, route };
}

function check(username: string, transactionId: Uint8Array = newTransactionId(random)): Uint8Array {
  return new StunWriter('request', BINDING, transactionId)
    .text(STUN_ATTRIBUTE.username, username)
    .integrity(shortTermKeys(nodeCrypto, 'a password of some length').sha1)
    .fingerprint()
    .finish();
}

function answer(transactionId: Uint8Array, messageClass: 'success' | 'error' = 'success'): Uint8Array {
  return new StunWriter(messageClass, BINDING, transactionId).fingerprint().finish();
}

describe('routing', () => {
  test('RFC 8445 §7.2.2: a check goes to the connection whose username fragment it names', () => {
    const { route, alice, bob } = makeMux();
    expect(route(check('aaaa:zzzz'), PEER)).toBe(alice);
    expect(route(check('bbbb:zzzz'), PEER)).toBe(bob);
    expect(route(check('cccc:zzzz'), PEER)).toBeNull();
  });

  test('a check that names nobody is nobody’s, wherever it comes from', () => {
    const { mux, route, alice } = makeMux();
    alice.proved.add(PEER.port);
    route(check('aaaa:zzzz'), PEER);
    expect(route(new StunWriter('request', BINDING, newTransactionId(random)).fingerprint().finish(), PEER)).toBeNull();
    expect(mux.stats.unroutable).toBe(1);
  });

  test('an answer goes to the connection that has asked, wherever it comes from', () => {
    const { mux, route, alice, bob } = makeMux();
    const [ours, theirs] = [newTransactionId(random), newTransactionId(random)];
    mux.noteSent(alice, check('zzzz:aaaa', ours), PEER);
    mux.noteSent(bob, check('yyyy:bbbb', theirs), PEER);
    expect(route(answer(theirs), PEER)).toBe(bob);
    expect(route(answer(ours, 'error'), ELSEWHERE)).toBe(alice);
    expect(route(answer(newTransactionId(random)), PEER)).toBeNull();
  });

  test('anything else goes to the connection that has proved the address', () => {
    const { mux, route, alice } = makeMux();
    expect(route(DTLS, PEER)).toBeNull();
    alice.proved.add(PEER.port);
    route(check('aaaa:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBe(alice);
    expect(route(DTLS, { ...PEER, port: 1001 })).toBeNull();
    expect(mux.stats.unroutable).toBe(2);
  });

  test('an answer proves an address, too', () => {
    const { mux, route, alice } = makeMux();
    const transactionId = newTransactionId(random);
    mux.noteSent(alice, check('zzzz:aaaa', transactionId), PEER);
    alice.onReceive = ({ port }) => alice.proved.add(port);
    route(answer(transactionId), PEER);
    expect(route(DTLS, PEER)).toBe(alice);
  });

  test('both username fragments hold during an ICE restart', () => {
    const { mux, route, alice } = makeMux();
    mux.add('new1', alice);
    expect(route(check('aaaa:zzzz'), PEER)).toBe(alice);
    expect(route(check('new1:zzzz'), PEER)).toBe(alice);
  });

  test('a username fragment belongs to one connection', () => {
    const { mux, bob } = makeMux();
    expect(() => mux.add('aaaa', bob)).toThrow(RangeError);
  });
});

describe('nobody takes over an address', () => {
  function withAlice() {
    const fixture = makeMux();
    fixture.alice.proved.add(PEER.port);
    fixture.route(check('aaaa:zzzz'), PEER);
    return fixture;
  }

  test('by an unauthenticated request, even from that address, for another connection', () => {
    const { route, mux, alice, bob } = withAlice();
    bob.onReceive = (remote) => mux.noteSent(bob, answer(newTransactionId(random), 'error'), remote); // RFC 8489 §9.1.3: 401
    expect(route(check('bbbb:zzzz'), PEER)).toBe(bob);
    expect(route(DTLS, PEER)).toBe(alice);
  });

  test('by naming it as a candidate, so that another connection checks it', () => {
    const { route, mux, alice, bob } = withAlice();
    const transactionId = newTransactionId(random);
    mux.noteSent(bob, check('zzzz:bbbb', transactionId), PEER);
    expect(route(answer(transactionId, 'error'), PEER)).toBe(bob);
    expect(route(DTLS, PEER)).toBe(alice);
  });

  test('by an authentic request whose way back is not proved', () => {
    const { route, mux, alice, bob } = withAlice();
    bob.onReceive = (remote) => mux.noteSent(bob, answer(newTransactionId(random)), remote);
    route(check('bbbb:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBe(alice);
  });

  test('nor claims one that is free by an unauthenticated request', () => {
    const { mux, route, bob } = makeMux();
    bob.onReceive = (remote) => mux.noteSent(bob, answer(newTransactionId(random), 'error'), remote);
    route(check('bbbb:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBeNull();
  });

  test('but a peer that has proved it for another connection of its own, or behind a NAT that gave it away', () => {
    const { route, alice, bob } = withAlice();
    bob.proved.add(PEER.port);
    route(check('bbbb:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBe(bob);
    route(check('aaaa:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBe(alice);
  });

  test('and a peer’s new address, where no other connection is, is its own', () => {
    const { route, alice } = withAlice();
    alice.proved.add(1001);
    route(check('aaaa:zzzz'), { ...PEER, port: 1001 });
    expect(route(DTLS, { ...PEER, port: 1001 })).toBe(alice);
    expect(route(DTLS, PEER)).toBe(alice);
  });
});

describe('DTLS that overtakes the answer to our check', () => {
  function withProvisional() {
    const fixture = makeMux();
    const { mux, bob, route } = fixture;
    bob.onReceive = (remote) => mux.noteSent(bob, answer(newTransactionId(random)), remote);
    route(check('bbbb:zzzz'), PEER);
    return fixture;
  }

  test('goes to the connection that has answered an authentic check', () => {
    const { route, bob } = withProvisional();
    expect(route(DTLS, PEER)).toBe(bob);
  });

  test('goes to another as soon as that has proved the address', () => {
    const { route, alice, bob } = withProvisional();
    alice.proved.add(PEER.port);
    route(check('aaaa:zzzz'), PEER);
    route(check('bbbb:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBe(alice);
    alice.proved.delete(PEER.port); // consent ran out
    route(check('bbbb:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBe(bob);
  });
});

describe('bounds', () => {
  test('32 addresses per connection; those proved last stay', () => {
    const { route, alice } = makeMux();
    const proveFrom = (port: number): void => {
      alice.proved.add(port);
      route(check('aaaa:zzzz'), { ...PEER, port });
    };
    for (let port = 1; port <= 32; port++) proveFrom(port);
    proveFrom(1);
    proveFrom(33);
    expect(route(DTLS, { ...PEER, port: 1 })).toBe(alice);
    expect(route(DTLS, { ...PEER, port: 2 })).toBeNull();
    expect(route(DTLS, { ...PEER, port: 3 })).toBe(alice);
  });

  test('128 unanswered requests per connection', () => {
    const { mux, route, alice } = makeMux();
    const ids = Array.from({ length: 129 }, () => newTransactionId(random));
    for (const id of ids) mux.noteSent(alice, check('zzzz:aaaa', id), PEER);
    expect(route(answer(ids[0]!), PEER)).toBeNull();
    expect(route(answer(ids[1]!), PEER)).toBe(alice);
  });

  test('4 username fragments per connection', () => {
    const { mux, route, alice } = makeMux();
    for (const fragment of ['new1', 'new2', 'new3', 'new4']) mux.add(fragment, alice);
    expect(route(check('aaaa:zzzz'), PEER)).toBeNull();
    expect(route(check('new1:zzzz'), PEER)).toBe(alice);
  });

  test('all of a connection that leaves is forgotten', () => {
    const { mux, route, alice } = makeMux();
    const transactionId = newTransactionId(random);
    mux.noteSent(alice, check('zzzz:aaaa', transactionId), PEER);
    alice.proved.add(PEER.port);
    route(check('aaaa:zzzz'), PEER);
    mux.remove(alice);
    for (const packet of [DTLS, check('aaaa:zzzz'), answer(transactionId)]) expect(route(packet, PEER)).toBeNull();
    expect(mux.size).toBe(1);
  });

  test('a connection that is closed while it handles a packet claims nothing', () => {
    const { mux, route, alice } = makeMux();
    alice.proved.add(PEER.port);
    alice.onReceive = () => mux.remove(alice);
    route(check('aaaa:zzzz'), PEER);
    expect(route(DTLS, PEER)).toBeNull();
  });
});
