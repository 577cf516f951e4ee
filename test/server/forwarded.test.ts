import { expect, test } from 'vitest';
import { clientAddress, parseProxies } from '../../src/server/adapters/forwarded.ts';

const TRUSTED = parseProxies(['127.0.0.1', '10.0.0.0/8', '2001:db8:1::/48']);

test.for([
  ['nobody forwarded anything', '127.0.0.1', null, '127.0.0.1'],
  ['the caller is no proxy of ours', '192.0.2.9', '192.0.2.1', '192.0.2.9'],
  ['one proxy', '127.0.0.1', '192.0.2.1', '192.0.2.1'],
  ['two proxies', '127.0.0.1', '192.0.2.1, 10.1.1.1', '192.0.2.1'],
  ['what the visitor wrote itself', '127.0.0.1', '203.0.113.7, 192.0.2.1, 10.1.1.1', '192.0.2.1'],
  ['proxies all the way', '127.0.0.1', '10.1.1.2,10.1.1.1', '10.1.1.2'],
  ['a socket for both families', '::ffff:127.0.0.1', '192.0.2.1', '192.0.2.1'],
  ['an IPv6 proxy and visitor', '2001:db8:1::7', '2001:db8:2::1', '2001:db8:2::1'],
  ['an address with its port', '127.0.0.1', '192.0.2.1:4711', '192.0.2.1'],
  ['an IPv6 address with its port', '127.0.0.1', '[2001:db8:2::1]:4711', '2001:db8:2::1'],
  ['a mapped address', '127.0.0.1', '::FFFF:192.0.2.1', '192.0.2.1'],
  ['no address: the last that is known', '127.0.0.1', '192.0.2.1, unknown', '127.0.0.1'],
  ['an empty header', '127.0.0.1', '', '127.0.0.1'],
] as const)('%s', ([, socket, forwardedFor, expected]) => {
  expect(clientAddress(socket, forwardedFor, TRUSTED)).toBe(expected);
});

test('a header of any length is read for sixteen entries', () => {
  const header = `192.0.2.1${', 10.0.0.1'.repeat(100_000)}`;
  expect(clientAddress('127.0.0.1', header, TRUSTED)).toBe('10.0.0.1');
});

test('ranges that are none are turned down', () => {
  expect(() => parseProxies(['localhost'])).toThrow('expected a range');
  expect(() => parseProxies(['10.0.0.0/33'])).toThrow('expected a range');
});
