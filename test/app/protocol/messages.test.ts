import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeChunk, parseChunk } from '../../../src/app/protocol/chunk.ts';
import { MAX_CHUNK_BYTES, MAX_FILE_NAME_BYTES, MAX_NAME_LENGTH } from '../../../src/app/protocol/limits.ts';
import { encodeMessage, type Message, parseMessage } from '../../../src/app/protocol/messages.ts';
import { cleanFileName, cleanName, cleanText } from '../../../src/app/protocol/names.ts';

const id = fc.integer({ min: 1, max: 0xffff_ffff });
const media = fc.record({ microphone: fc.boolean(), camera: fc.boolean(), screen: fc.boolean() });
const word = fc.stringMatching(/^[a-z]{1,12}$/);

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    version: fc.integer({ min: 1, max: 65_535 }),
    name: word,
    client: word,
    capabilities: fc.array(word, { maxLength: 16 }),
    media,
  }),
  fc.record({ kind: fc.constant('text' as const), id: word, sentAt: fc.integer(), text: word }),
  fc.record({ kind: fc.constant('media' as const), media }),
  fc.record({
    kind: fc.constant('offer' as const),
    id,
    name: word,
    size: fc.maxSafeNat(),
    mediaType: fc.constantFrom('', 'image/png', 'application/vnd.oasis.opendocument.text'),
  }),
  fc.record({ kind: fc.constant('done' as const), id, sha256: fc.stringMatching(/^[0-9a-f]{64}$/) }),
  fc.record({
    kind: fc.constant('withdraw' as const),
    id,
    reason: fc.constantFrom('cancelled' as const, 'failed' as const),
  }),
  fc.record({ kind: fc.constantFrom('accept' as const, 'verified' as const), id }),
  fc.record({
    kind: fc.constant('refuse' as const),
    id,
    reason: fc.constantFrom('declined' as const, 'busy' as const, 'mismatch' as const),
  }),
  fc.record({ kind: fc.constant('progress' as const), id, bytes: fc.maxSafeNat() }),
);

describe('messages', () => {
  test('come back as they were', () => {
    fc.assert(fc.property(message, (given) => void expect(parseMessage(encodeMessage(given))).toEqual(given)));
  });

  test('with a field missing, or of another type, are malformed', () => {
    const wrong = fc.constantFrom<unknown>(undefined, null, true, -1, 1.5, 'x', [], {}, [[]], Number.MAX_VALUE);
    fc.assert(
      fc.property(message, fc.nat(), wrong, (given, at, value) => {
        const names = Object.keys(given).filter((name) => name !== 'kind');
        const name = names[at % names.length]!;
        const before = Reflect.get(given, name);
        fc.pre(typeof before !== typeof value || Array.isArray(before) !== Array.isArray(value));
        expect(parseMessage(JSON.stringify({ ...given, [name]: value }))).toBe('malformed');
      }),
    );
  });

  test('any text is one of the messages or a reason', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseMessage(text)));
    expect(parseMessage('{"kind":"dance"}')).toBe('unknown');
    for (const kind of ['constructor', '__proto__', 'toString'])
      expect(parseMessage(`{"kind":"${kind}"}`)).toBe('unknown');
    for (const text of ['', 'null', '[]', '1', '"text"', '{}', '{"kind":5}', '{"kind":"text"']) {
      expect(parseMessage(text)).toBe('malformed');
    }
    expect(parseMessage(`{"kind":"dance","x":"${'x'.repeat(40_000)}"}`)).toBe('oversized');
  });

  test('fields that nobody knows are left out', () => {
    expect(parseMessage('{"kind":"accept","id":1,"__proto__":{"x":1},"more":[]}')).toEqual({ kind: 'accept', id: 1 });
  });

  test('ids start at 1 and have 32 bits, sizes are whole numbers', () => {
    for (const wrong of [0, -1, 2 ** 32, 1.5]) {
      expect(parseMessage(`{"kind":"accept","id":${wrong}}`)).toBe('malformed');
    }
    for (const wrong of [-1, 0.5, 2 ** 53]) {
      expect(parseMessage(`{"kind":"progress","id":1,"bytes":${wrong}}`)).toBe('malformed');
    }
  });
});

describe('chunks', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(id, fc.uint8Array({ minLength: 1, maxLength: 2000 }), (number, bytes) => {
        expect(parseChunk(encodeChunk(number, bytes))).toEqual({ id: number, bytes });
      }),
    );
  });

  test('too short, too long and of another kind are none', () => {
    for (let length = 0; length <= 5; length++) expect(parseChunk(new Uint8Array(length).fill(1))).toBeNull();
    expect(parseChunk(Uint8Array.of(2, 0, 0, 0, 1, 9))).toBeNull();
    expect(parseChunk(encodeChunk(1, new Uint8Array(MAX_CHUNK_BYTES)))).not.toBeNull();
    expect(parseChunk(encodeChunk(1, new Uint8Array(MAX_CHUNK_BYTES + 1)))).toBeNull();
  });
});

describe('names of others', () => {
  const anything = fc.string({ unit: 'binary', maxLength: 400 });

  test.each([
    ['/etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['C:\\fakepath\\photo.jpg', 'photo.jpg'],
    ['..', 'file'],
    ['', 'file'],
    ['.bashrc', 'bashrc'],
    ['a:b*c?.txt', 'a_b_c_.txt'],
    ['CON', '_CON'],
    ['lpt1.txt', '_lpt1.txt'],
    ['console.log', 'console.log'],
    ['trailing. . ', 'trailing'],
    ['invoice\u202egnp.exe', 'invoicegnp.exe'],
    ['\u001b[31mred\u0007.txt', '[31mred.txt'],
    ['Ra\u0308ksmo\u0308rga\u030as', 'Räksmörgås'],
  ])('a file called %j is called %j', (given, expected) => expect(cleanFileName(given)).toBe(expected));

  test('a long file name keeps its extension', () => {
    const name = cleanFileName(`${'ü'.repeat(300)}.tar.zst`);
    expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(MAX_FILE_NAME_BYTES);
    expect(name).toMatch(/^ü+\.zst$|^ü+\.tar\.zst$/);
  });

  test('whatever a file is called, its name is one that any file system takes', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const name = cleanFileName(given);
        expect(name).not.toMatch(/[\p{Cc}\p{Surrogate}/\\<>:"|?*]|^[. ]|[. ]$/u);
        expect(name).not.toBe('');
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(MAX_FILE_NAME_BYTES);
        expect(cleanFileName(name)).toBe(name);
      }),
    );
  });

  test('whatever somebody is called, it fits on one line', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const name = cleanName(given);
        expect(name).not.toMatch(/[\p{Cc}\p{Surrogate}]/u);
        expect(name).toBe(name.trim());
        expect([...name].length).toBeGreaterThan(0);
        expect([...name].length).toBeLessThanOrEqual(MAX_NAME_LENGTH);
      }),
    );
    expect(cleanName('\u0000 \u200b')).toBe('Guest');
  });

  test('what somebody says cannot speak to a terminal', () => {
    fc.assert(fc.property(anything, (given) => void expect(cleanText(given)).not.toMatch(/[^\P{Cc}\n\t]/u)));
    expect(cleanText('a\u001b]0;title\u0007b\u009bc')).toBe('a]0;titlebc');
  });
});
