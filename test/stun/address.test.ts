import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addressFamily,
  canonicalAddress,
  formatAddress,
  formatSocketAddress,
  isCandidateAddress,
  isLinkLocal,
  isLoopback,
  isUnspecified,
  parseAddress,
} from '../../src/stun/address.ts';

test.each([
  ['2001:db8::1', '2001:DB8:0:0:0:0:0:1'],
  ['2001:db8::1', '2001:0db8::0001'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // RFC 5952 §4.2.2: one group is not shortened
  ['2001:0:0:1::1', '2001:0:0:1:0:0:0:1'], // §4.2.3: the longest run
  ['2001:db8::1:0:0:1', '2001:db8:0:0:1:0:0:1'], // §4.2.3: the first of equals
  ['::ffff:192.0.2.1', '::FFFF:c000:0201'], // §5
  ['::', '0:0:0:0:0:0:0:0'],
  ['::1', '0::1'],
  ['1::', '1:0:0:0:0:0:0:0'],
  ['0:2:3:4:5:6:7:8', '::2:3:4:5:6:7:8'], // §4.2.2 again, in front
  ['192.0.2.1', '192.0.2.1'],
])('RFC 5952: %s is how %s is written', (canonical, text) => {
  expect(canonicalAddress(text)).toBe(canonical);
});

test.each([
  '',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8:9',
  '12345::',
  'g::',
  '::1%eth0',
  'fe80::1%1',
  '1.2.3',
  '1.2.3.4.5',
  '256.1.1.1',
  '01.2.3.4',
  '1.2.3.4 ',
  '::1.2.3',
  '1.2.3.4::',
  'localhost',
  '-1.2.3.4',
  '1:2:3:4:5:6:7:1.2.3.4',
  '[::1]',
  '::ffff:1.2.3.400',
  ':1',
  '1:',
  '0x7f.0.0.1',
])('"%s" is no IP literal', (text) => {
  expect(parseAddress(text)).toBeNull();
  expect(addressFamily(text)).toBe(0);
  expect(isLoopback(text) || isLinkLocal(text) || isUnspecified(text) || isCandidateAddress(text)).toBe(false);
});

test('text and bytes round-trip', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, (address) => {
      expect(parseAddress(formatAddress(address))).toEqual(address);
      expect(addressFamily(formatAddress(address))).toBe(address.length === 4 ? 4 : 6);
    }),
  );
  expect(() => formatAddress(new Uint8Array(5))).toThrow(/4 or 16 bytes, got 5/);
});

test('any text is parsed or refused, never thrown at', () => {
  fc.assert(fc.property(fc.string(), (text) => void parseAddress(text)));
  const nearly = fc.array(fc.constantFrom(':', '::', '.', '0', 'ffff', '1', '255', 'g'), { maxLength: 20 });
  fc.assert(fc.property(nearly, (parts) => void parseAddress(parts.join(''))));
});

test('what kind of address it is', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
  expect(['128.0.0.1', '::2', '::'].some(isLoopback)).toBe(false);
  expect(['169.254.1.1', 'fe80::1', 'febf::1'].every(isLinkLocal)).toBe(true);
  expect(['169.253.1.1', 'fec0::1', 'fd00::1'].some(isLinkLocal)).toBe(false);
  expect(['0.0.0.0', '::'].every(isUnspecified)).toBe(true);
});

test('RFC 8445 §5.1.1.1: site-local, IPv4-compatible and IPv4-mapped addresses are not candidates', () => {
  expect(
    ['fec0::1', '::192.0.2.1', '::ffff:192.0.2.1', '::', 'ff02::1', '224.0.0.1', '0.0.0.0', '255.255.255.255'].some(
      isCandidateAddress,
    ),
  ).toBe(false);
  expect(
    ['10.0.0.1', '127.0.0.1', '::1', 'fe80::1', 'fd00::1', '2001:db8::1', '::1:0:0:0'].every(isCandidateAddress),
  ).toBe(true);
});

test('for logs and map keys', () => {
  expect(formatSocketAddress({ address: '192.0.2.1', port: 1 })).toBe('192.0.2.1:1');
  expect(formatSocketAddress({ address: '::1', port: 65535 })).toBe('[::1]:65535');
});
