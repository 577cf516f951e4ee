import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { UdpMux } from '../../src/ice/udp-mux.ts';
import { SeededRandom } from '../../src/runtime/memory.ts';
import { BINDING, newTransactionId, STUN_ATTRIBUTE, StunWriter, shortTermKeys } from '../../src/stun/index.ts';

const PEER = { address: '192.0.2.1', port: 1000 };
const DTLS = Uint8Array.of(22, 254, 253);
const alice = { name: 'alice' };
const bob = { name: 'bob' };

function check(username: string): Uint8Array {
  return new StunWriter('request', BINDING, newTransactionId(new SeededRandom(1)))
    .text(STUN_ATTRIBUTE.username, username)
    .integrity(shortTermKeys(nodeCrypto, 'a password of some length').sha1)
    .fingerprint()
    .finish();
}

function makeMux(): UdpMux<{ name: string }> {
  const mux = new UdpMux<{ name: string }>();
  mux.add('aaaa', alice);
  mux.add('bbbb', bob);
  return mux;
}

test('a check goes to the connection whose username fragment it names', () => {
  const mux = makeMux();
  expect(mux.route(check('aaaa:zzzz'), PEER)).toBe(alice);
  expect(mux.route(check('bbbb:zzzz'), PEER)).toBe(bob);
  expect(mux.route(check('cccc:zzzz'), PEER)).toBeNull();
});

test('anything else goes to the connection that has sent there', () => {
  const mux = makeMux();
  expect(mux.route(DTLS, PEER)).toBeNull();
  mux.noteSent(alice, PEER);
  expect(mux.route(DTLS, PEER)).toBe(alice);
  expect(mux.route(DTLS, { ...PEER, port: 1001 })).toBeNull();
  expect(mux.stats.unroutable).toBe(2);
});

test('naming a connection takes no address over', () => {
  const mux = makeMux();
  mux.noteSent(alice, PEER);
  mux.route(check('bbbb:zzzz'), PEER);
  expect(mux.route(DTLS, PEER)).toBe(alice);
});

test('both username fragments hold during an ICE restart', () => {
  const mux = makeMux();
  mux.add('new1', alice);
  expect(mux.route(check('aaaa:zzzz'), PEER)).toBe(alice);
  expect(mux.route(check('new1:zzzz'), PEER)).toBe(alice);
});

test('a username fragment belongs to one connection', () => {
  expect(() => makeMux().add('aaaa', bob)).toThrow(RangeError);
});

test('remembers 32 addresses per connection', () => {
  const mux = makeMux();
  for (let port = 1; port <= 33; port++) mux.noteSent(alice, { ...PEER, port });
  expect(mux.route(DTLS, { ...PEER, port: 1 })).toBeNull();
  expect(mux.route(DTLS, { ...PEER, port: 2 })).toBe(alice);
});

test('forgets all of a connection that leaves', () => {
  const mux = makeMux();
  mux.noteSent(alice, PEER);
  mux.remove(alice);
  expect(mux.route(DTLS, PEER)).toBeNull();
  expect(mux.route(check('aaaa:zzzz'), PEER)).toBeNull();
  expect(mux.size).toBe(1);
});
