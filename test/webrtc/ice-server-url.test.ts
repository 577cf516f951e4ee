import { expect, test } from 'vitest';
import { parseIceServerUrl } from '../../src/webrtc/ice-server-url.ts';

test.each([
  ['stun:example.org', { scheme: 'stun', host: 'example.org', port: 3478, transport: 'udp' }],
  ['STUN:example.org:80', { scheme: 'stun', host: 'example.org', port: 80, transport: 'udp' }],
  ['stun:example.org:', { scheme: 'stun', host: 'example.org', port: 3478, transport: 'udp' }], // RFC 3986: *DIGIT
  ['stuns:example.org', { scheme: 'stuns', host: 'example.org', port: 5349, transport: 'udp' }],
  ['stun:[2001:db8::1]:1234', { scheme: 'stun', host: '2001:db8::1', port: 1234, transport: 'udp' }],
  ['stun:[2001:db8::1]', { scheme: 'stun', host: '2001:db8::1', port: 3478, transport: 'udp' }],
  ['stun:192.0.2.1', { scheme: 'stun', host: '192.0.2.1', port: 3478, transport: 'udp' }],
  ['turn:example.org?transport=tcp', { scheme: 'turn', host: 'example.org', port: 3478, transport: 'tcp' }],
  ['turns:example.org:443', { scheme: 'turns', host: 'example.org', port: 443, transport: 'tcp' }],
])('%s', (text, expected) => {
  expect(parseIceServerUrl(text)).toEqual(expected);
});

test.each([
  '',
  'example.org',
  'http://example.org',
  'stun:',
  'stun://example.org',
  'stun:example.org?transport=udp',
  'stun:example.org:99999',
  'stun:user@example.org',
  'stun:example.org/path',
  'stun:example.org#fragment',
  'stun:[2001:db8::1',
  'turn:example.org?transport=sctp',
  'turn:example.org?transport=',
  'turn:example.org?x=y',
])('refuses %j', (text) => {
  expect(parseIceServerUrl(text)).toBeNull();
});
