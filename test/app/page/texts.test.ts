/** The small functions of the page: numbers, initials, configuration, links. */
import { describe, expect, test } from 'vitest';
import { colourOf, formatBytes, formatMs, formatPercent, formatRate, initials } from '../../../src/app/page/format.ts';
import { cleanRoomName, trackerRoomName } from '../../../src/app/protocol/index.ts';
import { parseConfig } from '../../../src/app/shared/config.ts';
import { formatRoomAddress, parseRoomAddress } from '../../../src/app/shared/room-link.ts';

describe('numbers', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [81_234, '81 kB'],
    [999_499, '999 kB'],
    [999_900, '1.0 MB'],
    [1_430_000_000, '1.4 GB'],
    [5e15, '5000 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test('rates, times and shares', () => {
    expect([0, 316_200, 1_440_000, 25_000_000].map(formatRate)).toEqual([
      '0 kbit/s',
      '316 kbit/s',
      '1.4 Mbit/s',
      '25 Mbit/s',
    ]);
    expect([0.4, 42.3].map(formatMs)).toEqual(['0.4 ms', '42 ms']);
    expect([0, 0.004, 0.1, 1].map(formatPercent)).toEqual(['0 %', '0.4 %', '10 %', '100 %']);
  });
});

test('people without a picture have two letters, and a colour that stays', () => {
  expect(['Ada Lovelace', 'grace', 'Jean-Luc van Damme', '  ', '👋🏽 x'].map(initials)).toEqual([
    'AL',
    'G',
    'JD',
    '?',
    '👋X',
  ]);
  const colours = Array.from({ length: 40 }, (_, index) => colourOf(`peer ${index}`, 8));
  expect(new Set(colours).size).toBe(8);
  expect(colourOf('peer 1', 8)).toBe(colours[1]);
});

describe('config.json', () => {
  const base = 'https://chat.example/room/';

  test('gives trackers as addresses, those of the same server by their path', () => {
    const trackers = ['announce', '/announce', 'wss://other.example/', 'https://third.example/a'];
    expect(parseConfig({ trackers }, base)).toEqual({
      trackers: [
        'wss://chat.example/room/announce',
        'wss://chat.example/announce',
        'wss://other.example/',
        'wss://third.example/a',
      ],
      iceServers: [],
      iceServersFromTracker: false,
    });
    expect(parseConfig({ trackers: ['announce'] }, 'http://localhost:8080/').trackers).toEqual([
      'ws://localhost:8080/announce',
    ]);
  });

  test.each([[null], [{}], [{ trackers: [] }], [{ trackers: ['mailto:x'] }], [{ trackers: ['a'], iceServers: {} }]])(
    '%j is refused',
    (value) => expect(() => parseConfig(value, base)).toThrow(),
  );
});

describe("a room's link", () => {
  const parseSecret = (link: string): { room: string; secret: string } | null => {
    const secret = new URLSearchParams(link.slice(1)).get('secret');
    return secret === null ? null : { room: new URLSearchParams(link.slice(1)).get('room') ?? '', secret };
  };

  test.each([
    [{ room: 'tea & cake #1', secret: null }],
    [{ room: 'tea', secret: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    [{ room: '', secret: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ])('%j comes back from its fragment', (address) => {
    expect(parseRoomAddress(formatRoomAddress(address), parseSecret)).toEqual(address);
  });

  test('an address without a room leads to none', () => {
    for (const fragment of ['', '#', '#room=', '#room=%20', '#chat']) {
      expect(parseRoomAddress(fragment, parseSecret)).toBeNull();
    }
  });

  test('a name is the same for all who type it', () => {
    expect(cleanRoomName('  Cafe\u0301 ')).toBe('Café');
    expect(trackerRoomName(' tea ')).toBe(trackerRoomName('tea'));
    expect(trackerRoomName('tea')).not.toBe(trackerRoomName('Tea'));
    expect(cleanRoomName('x'.repeat(200))).toHaveLength(100);
  });
});
