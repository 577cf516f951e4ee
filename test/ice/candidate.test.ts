import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  candidatePriority,
  formatCandidate,
  type IceCandidate,
  isPassword,
  isUsernameFragment,
  parseCandidate,
} from '../../src/ice/index.ts';

describe('the candidate attribute', () => {
  test('RFC 8839 §5.1: the example', () => {
    const text = 'candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998';
    const expected: IceCandidate = {
      foundation: '2',
      component: 1,
      protocol: 'udp',
      priority: 1694498815,
      address: '192.0.2.3',
      port: 45664,
      type: 'srflx',
      relatedAddress: '203.0.113.141',
      relatedPort: 8998,
    };
    expect(parseCandidate(text)).toEqual(expected);
    expect(parseCandidate(`a=${text}`)).toEqual(expected);
    expect(formatCandidate(expected)).toBe(text.replace('UDP', 'udp'));
  });

  test('of Chromium, with an mDNS name and its extensions', () => {
    const text =
      'candidate:3868312416 1 udp 2113937151 5c3a2a55-2f4e-4a2c-9f1b-5f9f1a0f5a77.local 57343 typ host generation 0 ufrag Zk4x network-cost 999';
    expect(parseCandidate(text)).toMatchObject({
      address: '5c3a2a55-2f4e-4a2c-9f1b-5f9f1a0f5a77.local',
      usernameFragment: 'Zk4x',
      extensions: [
        ['generation', '0'],
        ['network-cost', '999'],
      ],
    });
  });

  test('of Firefox, over TCP', () => {
    const text = 'candidate:5 1 TCP 2105458943 192.0.2.7 9 typ host tcptype active';
    expect(parseCandidate(text)).toMatchObject({ protocol: 'tcp', tcpType: 'active', port: 9 });
    expect(formatCandidate(parseCandidate(text)!)).toBe(text.replace('TCP', 'tcp'));
  });

  test('RFC 8839 §5.1: "MUST ignore any name/value pairs it doesn’t understand"', () => {
    expect(parseCandidate('candidate:1 1 udp 1 192.0.2.1 1 typ host foo bar tcptype so')).toMatchObject({
      type: 'host',
      extensions: [['foo', 'bar']],
    });
  });

  test.each([
    '',
    'candidate:',
    'candidate',
    '1 1 udp 1 192.0.2.1 1 typ host',
    'candidate:1 1 udp 1 192.0.2.1 1',
    'candidate:1 1 udp 1 192.0.2.1 typ host',
    'candidate:1 1 udp 1 192.0.2.1 1 typ',
    'candidate:1 1 sctp 1 192.0.2.1 1 typ host',
    'candidate:1 1 udp 1 192.0.2.1 1 typ other',
    'candidate:1 0 udp 1 192.0.2.1 1 typ host',
    'candidate:1 257 udp 1 192.0.2.1 1 typ host',
    'candidate:1 1 udp 4294967296 192.0.2.1 1 typ host',
    'candidate:1 1 udp -1 192.0.2.1 1 typ host',
    'candidate:1 1 udp 1 192.0.2.1 65536 typ host',
    'candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr 1.2.3.4 rport 65536',
    'candidate:1 1 tcp 1 192.0.2.1 1 typ host',
    'candidate:1 1 tcp 1 192.0.2.1 1 typ host tcptype other',
    'candidate:1 1 udp 1 192.0.2.1 1 typ host generation',
    'candidate:1  1 udp 1 192.0.2.1 1 typ host',
    `candidate:${'1'.repeat(33)} 1 udp 1 192.0.2.1 1 typ host`,
    `candidate:1 1 udp 1 192.0.2.1 1 typ host x ${'y'.repeat(3000)}`,
  ])('refuses "%s"', (text) => {
    expect(parseCandidate(text)).toBeNull();
  });

  test('round-trips', () => {
    const word = fc.stringMatching(/^[!-~]{1,20}$/);
    const iceChars = fc.stringMatching(/^[A-Za-z0-9+/]{1,32}$/);
    const candidate = fc.record(
      {
        foundation: iceChars,
        component: fc.integer({ min: 1, max: 256 }),
        protocol: fc.constant('udp' as const),
        priority: fc.nat(0xffff_ffff),
        address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('x.local')),
        port: fc.nat(65535),
        type: fc.constantFrom('host' as const, 'srflx' as const, 'prflx' as const, 'relay' as const),
        relatedAddress: fc.ipV4(),
        relatedPort: fc.nat(65535),
        usernameFragment: iceChars,
      },
      { requiredKeys: ['foundation', 'component', 'protocol', 'priority', 'address', 'port', 'type'] },
    );
    const extensions = fc.array(
      fc.tuple(
        word.map((name) => `x-${name}`),
        word,
      ),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(candidate, extensions, (fields, list) => {
        const whole: IceCandidate = { ...fields, ...(list.length > 0 && { extensions: list }) };
        expect(parseCandidate(formatCandidate(whole))).toEqual(whole);
      }),
    );
  });

  test('takes any text, every prefix and every changed character of a good one', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseCandidate(text)));
    const good = 'candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998 ufrag abcd';
    for (let i = 0; i < good.length; i++) {
      parseCandidate(good.slice(0, i));
      for (const other of [' ', ':', '\u0000', '\u{1f600}'])
        parseCandidate(good.slice(0, i) + other + good.slice(i + 1));
    }
  });
});

test('RFC 8445 §5.1.2.1: the recommended formula', () => {
  expect(candidatePriority('host', 65535)).toBe(2130706431);
  expect(candidatePriority('host', 65535, 2)).toBe(2130706430);
  expect(candidatePriority('srflx', 65535)).toBe(1694498815);
  expect(candidatePriority('prflx', 65535)).toBe(1862270975);
  expect(candidatePriority('relay', 65535)).toBe(16777215);
});

test('RFC 8839 §5.4: fragments have 4 to 256 ice-chars, passwords 22 to 256', () => {
  expect(['abcd', 'A+/9', 'x'.repeat(256)].every(isUsernameFragment)).toBe(true);
  expect(['abc', 'ab-d', 'x'.repeat(257), 'ab d', 'abcd\n'].some(isUsernameFragment)).toBe(false);
  expect(['x'.repeat(22), '+'.repeat(256)].every(isPassword)).toBe(true);
  expect(['x'.repeat(21), 'x'.repeat(257), `${'x'.repeat(22)}=`].some(isPassword)).toBe(false);
});
