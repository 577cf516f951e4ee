import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Announce,
  encodeAnnounce,
  encodeAnswer,
  encodeFailure,
  encodeRelayed,
  encodeResponse,
  encodeScrape,
  encodeScrapeResponse,
  isWireId,
  MAX_MESSAGE_LENGTH,
  parseClientMessage,
  parseServerMessage,
  wireIdFromBytes,
  wireIdFromHex,
  wireIdToBytes,
  wireIdToHex,
} from '../../src/signaling/wire.ts';

const ROOM = 'i'.repeat(20);
const PEER = 'p'.repeat(20);
const OTHER = 'q'.repeat(20);
const OFFER = 'o'.repeat(20);

const announce: Announce = {
  kind: 'announce',
  infoHash: ROOM,
  peerId: PEER,
  event: 'started',
  numwant: 1,
  left: 1,
  offers: [{ offerId: OFFER, sdp: 'v=0\r\n' }],
  trackerId: null,
  extension: false,
  token: null,
};

const everyByte = [0, 0x1f, 0x22, 0x5c, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xad, 0xff];
const binary = wireIdFromBytes(Uint8Array.from({ length: 20 }, (_, i) => everyByte[i % everyByte.length]!));
const wireId = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(wireIdFromBytes);

describe('binary strings', () => {
  test('hold each byte as the character of that number', () => {
    expect(wireIdToHex('\u0000\u0080\u00ff'.padEnd(20, 'a'))).toBe(`0080ff${'61'.repeat(17)}`);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        const id = wireIdFromBytes(bytes);
        expect(isWireId(id)).toBe(true);
        expect(wireIdToBytes(id)).toEqual(bytes);
        expect(wireIdFromHex(wireIdToHex(id))).toBe(id);
      }),
    );
  });

  test('from U+0080 to U+00FF travel as JSON does: raw or escaped is the same', () => {
    const raw = encodeAnnounce({ ...announce, infoHash: binary });
    const escaped = raw.replaceAll(/[\u0080-\u00ff]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
    expect(escaped).not.toBe(raw);
    for (const message of [raw, escaped, new TextEncoder().encode(raw)]) {
      expect(parseClientMessage(message)).toEqual({ ...announce, infoHash: binary });
    }
  });

  test.each([
    ['19 characters', 'i'.repeat(19)],
    ['21 characters', 'i'.repeat(21)],
    ['none', ''],
    ['a number', 5],
  ])('of %s are refused', (_what, id) => expect(isWireId(id)).toBe(false));

  test('refuse characters past U+00FF, which would alias to another room', () => {
    const alias = `\u0169${'i'.repeat(19)}`; // its low byte is that of "i"
    expect(isWireId(alias)).toBe(false);
    expect(parseClientMessage(encodeAnnounce({ ...announce, infoHash: alias }))).toMatchObject({ kind: 'invalid' });
  });
});

describe('what a client sends', () => {
  test('round-trips', () => {
    fc.assert(
      fc.property(
        fc.record({
          infoHash: wireId,
          peerId: wireId,
          event: fc.constantFrom('started', 'completed', 'stopped', null),
          numwant: fc.nat(10),
          left: fc.nat(),
          offers: fc.array(fc.record({ offerId: wireId, sdp: fc.string({ unit: 'binary' }) }), { maxLength: 5 }),
          trackerId: fc.option(fc.string()),
          extension: fc.boolean(),
          token: fc.option(fc.string()),
        }),
        (fields) => {
          const offers = fields.event === 'stopped' ? [] : fields.offers;
          expect(parseClientMessage(encodeAnnounce(fields))).toEqual({ kind: 'announce', ...fields, offers });
        },
      ),
    );
    const answer = { infoHash: ROOM, peerId: PEER, toPeerId: OTHER, offerId: OFFER, sdp: 'v=0', trackerId: 't' };
    expect(parseClientMessage(encodeAnswer(answer))).toEqual({ kind: 'answer', ...answer });
    expect(parseClientMessage(encodeScrape([ROOM, binary]))).toEqual({ kind: 'scrape', infoHashes: [ROOM, binary] });
  });

  test('an announce says what every tracker takes, and nothing more', () => {
    expect(JSON.parse(encodeAnnounce(announce))).toEqual({
      action: 'announce',
      info_hash: ROOM,
      peer_id: PEER,
      numwant: 1,
      uploaded: 0,
      downloaded: 0,
      left: 1,
      event: 'started',
      offers: [{ offer: { type: 'offer', sdp: 'v=0\r\n' }, offer_id: OFFER }],
    });
    expect(JSON.parse(encodeAnnounce({ ...announce, event: null }))).not.toHaveProperty('event');
    expect(JSON.parse(encodeAnnounce({ ...announce, event: 'stopped' }))).not.toHaveProperty('offers');
  });

  test('an answer has no event, numwant or left', () => {
    const answer = { infoHash: ROOM, peerId: PEER, toPeerId: OTHER, offerId: OFFER, sdp: 'v=0', trackerId: null };
    expect(Object.keys(JSON.parse(encodeAnswer(answer))).sort()).toEqual(
      ['action', 'answer', 'info_hash', 'offer_id', 'peer_id', 'to_peer_id'].sort(),
    );
  });

  test.each([null, 'update', 'paused', '', 'empty', '<regular>', 7, undefined])('event %j is an update', (event) => {
    const message = { ...JSON.parse(encodeAnnounce(announce)), event };
    expect(parseClientMessage(JSON.stringify(message))).toMatchObject({ kind: 'announce', event: null });
  });

  test.each([
    ['left: null, as JSON writes Infinity', { left: null }, { left: null }],
    ['left: 1e999', { left: '@' }, { left: null }],
    ['no numwant', { numwant: undefined }, { numwant: null }],
    ['offers: null', { offers: null }, { offers: [] }],
    ['a negative numwant', { numwant: -1 }, { numwant: null }],
    ['answer: null beside offers', { answer: null }, { offers: announce.offers }],
    ['fields nobody knows', { corrupt: 0, key: 'k' }, { kind: 'announce' }],
    ['an offer that is a bare string', { offers: [{ offer: 'v=0', offer_id: OFFER }] }, { offers: [] }],
    [
      'a bad offer among good ones',
      { offers: [null, { offer_id: OFFER }, { offer: { type: 'offer', sdp: 'a' }, offer_id: OTHER }] },
      { offers: [{ offerId: OTHER, sdp: 'a' }] },
    ],
  ])('%s is taken', (_what, change, expected) => {
    const message = JSON.stringify({ ...JSON.parse(encodeAnnounce(announce)), ...change });
    expect(parseClientMessage(message.replace('"@"', '1e999'))).toMatchObject(expected);
  });

  test.each([
    ['no JSON', '{', 'expected a JSON object', null],
    ['an array', '[]', 'expected a JSON object', null],
    ['no action', JSON.stringify({ info_hash: ROOM }), 'unknown action', ROOM],
    ['no room', JSON.stringify({ action: 'announce', peer_id: PEER }), 'invalid info_hash', null],
    ['no peer id', JSON.stringify({ action: 'announce', info_hash: ROOM }), 'invalid peer_id', ROOM],
    [
      'an answer to nobody',
      JSON.stringify({ action: 'announce', info_hash: ROOM, peer_id: PEER, answer: { type: 'answer', sdp: '' } }),
      'invalid to_peer_id',
      ROOM,
    ],
    ['a scrape of what is no room', JSON.stringify({ action: 'scrape', info_hash: [5] }), 'invalid info_hash', null],
    ['a message that is too long', JSON.stringify('x'.repeat(MAX_MESSAGE_LENGTH)), 'expected a JSON object', null],
  ])('%s is invalid, and says why', (_what, message, reason, infoHash) => {
    expect(parseClientMessage(message)).toEqual({ kind: 'invalid', reason, infoHash });
  });

  test('a scrape without a room asks for all of them', () => {
    expect(parseClientMessage('{"action":"scrape"}')).toEqual({ kind: 'scrape', infoHashes: null });
    const one = JSON.stringify({ action: 'scrape', info_hash: ROOM });
    expect(parseClientMessage(one)).toEqual({ kind: 'scrape', infoHashes: [ROOM] });
  });
});

describe('what a server sends', () => {
  test('round-trips', () => {
    const response = {
      kind: 'response',
      infoHash: binary,
      interval: 120,
      minInterval: 30,
      complete: 0,
      incomplete: 2,
      trackerId: 'me',
      warning: 'be kind',
      extension: true,
      iceServers: [{ urls: ['turn:[::1]:3478?transport=udp'], username: 'u', credential: 'c' }],
    } as const;
    expect(parseServerMessage(encodeResponse(response))).toEqual(response);
    for (const kind of ['offer', 'answer'] as const) {
      const relayed = { kind, infoHash: ROOM, peerId: binary, offerId: OFFER, sdp: 'v=0' };
      expect(parseServerMessage(encodeRelayed(relayed))).toEqual(relayed);
    }
    const files = new Map([[binary, { complete: 1, incomplete: 2, downloaded: 1 }]]);
    expect(parseServerMessage(encodeScrapeResponse(files))).toEqual({ kind: 'scrape', files });
    for (const retryIn of [null, 120, Number.POSITIVE_INFINITY]) {
      const failure = { kind: 'failure', reason: 'no', infoHash: ROOM, retryIn } as const;
      expect(parseServerMessage(encodeFailure(failure))).toEqual(failure);
    }
  });

  test('an error has an action, even when the room is not known', () => {
    expect(JSON.parse(encodeFailure({ reason: 'no', infoHash: null, retryIn: null }))).toEqual({
      action: 'announce',
      'failure reason': 'no',
    });
  });

  test('an error without action or room is still an error', () => {
    expect(parseServerMessage('{"failure reason":"Invalid request"}')).toEqual({
      kind: 'failure',
      reason: 'Invalid request',
      infoHash: null,
      retryIn: null,
    });
  });

  test.each([
    ['no JSON', '<html>'],
    ['a response to no room', '{"action":"announce","interval":120}'],
    ['an offer from nobody', JSON.stringify({ info_hash: ROOM, offer_id: OFFER, offer: { type: 'offer', sdp: '' } })],
    [
      'an offer that is a bare string',
      JSON.stringify({ action: 'announce', info_hash: ROOM, peer_id: PEER, offer_id: OFFER, offer: 'v=0' }),
    ],
    [
      'an offer that says it is an answer',
      JSON.stringify({ info_hash: ROOM, peer_id: PEER, offer_id: OFFER, offer: { type: 'answer', sdp: '' } }),
    ],
  ])('%s is invalid', (_what, message) => expect(parseServerMessage(message)).toEqual({ kind: 'invalid' }));

  test('ICE servers that no connection would take are left out', () => {
    const servers = [
      { urls: 'stun:a.example' },
      { urls: ['turn:b.example', 'stun:b.example'] }, // without credentials
      { urls: ['http://c.example', 5, 'turns:c.example'], username: 'u', credential: 'c' },
      { urls: ['javascript:alert(1)'] },
      null,
    ];
    const message = JSON.stringify({ action: 'announce', info_hash: ROOM, interval: 1, x: 1, ice_servers: servers });
    expect(parseServerMessage(message)).toMatchObject({
      iceServers: [
        { urls: ['stun:a.example'] },
        { urls: ['stun:b.example'] },
        { urls: ['turns:c.example'], username: 'u', credential: 'c' },
      ],
    });
  });
});

describe('nothing that can be written makes a parser throw', () => {
  const names = [
    'action',
    'info_hash',
    'peer_id',
    'to_peer_id',
    'offer_id',
    'offer',
    'answer',
    'offers',
    'event',
  ].concat([
    'numwant',
    'left',
    'failure reason',
    'retry in',
    'files',
    'interval',
    'ice_servers',
    'urls',
    'type',
    'sdp',
  ]);
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(ROOM, PEER, OFFER, 'announce', 'scrape', 'offer', 'answer', 'started', 'never', null, -1, 1e300),
      fc.jsonValue(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: names.length }),
    ),
  }));

  test('of JSON', () => {
    fc.assert(
      fc.property(value, (json) => {
        const text = JSON.stringify(json);
        expect(parseClientMessage(text).kind).toBeTypeOf('string');
        expect(parseServerMessage(text).kind).toBeTypeOf('string');
      }),
      { numRuns: 2000 },
    );
  });

  test('of text and bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), (message) => {
        expect(parseClientMessage(message).kind).toBe('invalid');
        expect(parseServerMessage(message).kind).toBe('invalid');
      }),
    );
    const deep = '['.repeat(MAX_MESSAGE_LENGTH);
    expect(parseClientMessage(deep).kind).toBe('invalid');
  });

  test('of messages with a byte changed, or cut off anywhere', () => {
    const messages = [
      encodeAnnounce(announce),
      encodeScrape([ROOM]),
      encodeRelayed({ ...announce.offers[0]!, kind: 'offer', infoHash: ROOM, peerId: PEER }),
    ];
    for (const message of messages) {
      for (let i = 0; i < message.length; i++) {
        for (const text of [message.slice(0, i), `${message.slice(0, i)}\u00a7${message.slice(i + 1)}`]) {
          parseClientMessage(text);
          parseServerMessage(text);
        }
      }
    }
  });
});
