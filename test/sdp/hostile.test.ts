import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createAnswer,
  formatDescription,
  isIceRestart,
  negotiate,
  parseDescription,
  SdpError,
  type SessionDescription,
  supportsTrickle,
  validateRemote,
} from '../../src/sdp/index.ts';
import { FIXTURES, fixture, model, NOTHING_YET } from './peer.ts';

const HEAD = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';

/** Everything that is done with a remote offer. The only exception is an SdpError. */
function process(text: string): SessionDescription | SdpError {
  try {
    const description = parseDescription(text);
    expect(parseDescription(formatDescription(description))).toEqual(description);
    supportsTrickle(description);
    isIceRestart(description, description);
    validateRemote('offer', description, NOTHING_YET);
    const answer = createAnswer(model(), { ...NOTHING_YET, pendingRemote: description });
    expect(answer.media).toHaveLength(description.media.length);
    expect(parseDescription(formatDescription(answer))).toEqual(answer);
    validateRemote('answer', answer, { ...NOTHING_YET, pendingLocal: description });
    negotiate(answer, description, 'local');
    return answer;
  } catch (error) {
    if (error instanceof SdpError) return error;
    throw error;
  }
}

describe('every text is a description or an SdpError', () => {
  test.each(FIXTURES)('%s cut anywhere', (name) => {
    const text = fixture(name);
    for (let length = 0; length < text.length; length += name.includes('media') ? 7 : 1) process(text.slice(0, length));
  });

  test('with any character changed', () => {
    const change = fc.tuple(fc.constantFrom(...FIXTURES), fc.nat(), fc.string({ unit: 'binary', maxLength: 2 }));
    fc.assert(
      fc.property(change, ([name, at, insert]) => {
        const text = fixture(name);
        const index = at % text.length;
        process(text.slice(0, index) + insert + text.slice(index + 1));
      }),
      { numRuns: 1_000 },
    );
  });

  test('with lines missing, doubled and moved', () => {
    const moves = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(0, 1)), { maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...FIXTURES), moves, (name, edits) => {
        const lines = fixture(name).split('\r\n');
        for (const [from, to, deleted] of edits) {
          lines.splice(to % lines.length, deleted, lines[from % lines.length]!);
        }
        process(lines.join('\r\n'));
      }),
      { numRuns: 500 },
    );
  });

  test('made of any lines', () => {
    const word = fc.constantFrom(
      '0',
      '1',
      'BUNDLE',
      'mid',
      'group',
      'ice-ufrag',
      'setup',
      'active',
      'x'.repeat(300),
      '-1',
      '99999',
    );
    const line = fc
      .tuple(fc.constantFrom('a', 'a', 'a', 'm', 'c', 'b'), fc.array(word, { maxLength: 5 }), fc.constantFrom(' ', ':'))
      .map(([type, words, separator]) => `${type}=${words.join(separator)}`);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => void process(HEAD + lines.join('\r\n'))),
      { numRuns: 1_000 },
    );
  });
});

describe('no text reaches a prototype', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('%s', (name) => {
    const text =
      `${HEAD}a=${name}:polluted\r\na=group:${name} ${name}\r\na=fingerprint:${name} AA\r\na=ice-options:${name}\r\n` +
      `m=${name} 9 ${name} ${name}\r\na=mid:${name}\r\na=${name}\r\nb=${name}:1\r\n`;
    const description = parseDescription(text);
    expect(description.attributes).toEqual([{ name, value: 'polluted' }]);
    expect(description.media[0]).toMatchObject({ kind: name, mid: name });
    expect(parseDescription(formatDescription(description))).toEqual(description);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    process(text);
  });
});

/** Under a second on an idle machine; what is quadratic here takes minutes. */
const AT_ONCE_MS = 10_000;

describe('no text is too large to be refused at once', () => {
  const took = (text: string): { ms: number; outcome: SessionDescription | SdpError } => {
    const start = performance.now();
    const outcome = process(text);
    return { ms: performance.now() - start, outcome };
  };
  const CREDENTIALS = 'a=ice-ufrag:abcd\r\na=ice-pwd:aPasswordOf22CharsOrSo\r\na=fingerprint:sha-256 AA\r\n';
  const sections = (count: number): string =>
    Array.from({ length: count }, (_, i) => `m=audio 9 X 0\r\na=mid:${i}\r\n`).join('');
  const mids = (count: number): string => Array.from({ length: count }, (_, i) => i).join(' ');

  test.each([
    ['more than 4,194,304 characters', 'a'.repeat(4_194_305), 'characters'],
    ['more than 100,000 lines', HEAD + 'a=x\r\n'.repeat(100_000), 'more than 100000 lines'],
    ['nothing but line ends', '\n'.repeat(4_000_000), 'more than 100000 lines'],
    ['a line of more than 65,536 characters', `${HEAD}a=${'x'.repeat(65_536)}`, 'longer than 65536'],
    ['more than 1,000 sections', HEAD + sections(1_001), 'more than 1000 sections'],
    [
      'more than 4,000 mids in groups',
      `${HEAD}a=group:LS ${mids(2_500)}\r\na=group:LS ${mids(2_500)}\r\n`,
      'too many mids',
    ],
  ])('%s', (_, text, message) => {
    const { ms, outcome } = took(text);
    expect(outcome).toBeInstanceOf(SdpError);
    expect((outcome as SdpError).message).toContain(message);
    expect(ms).toBeLessThan(AT_ONCE_MS);
  });

  test.each([
    [
      'as many sections in one bundle as there may be',
      `${HEAD}a=group:BUNDLE ${mids(1_000)}\r\n${CREDENTIALS}${sections(1_000)}`,
    ],
    ['as many groups as there may be', `${HEAD}${'a=group:BUNDLE\r\n'.repeat(3_900)}${CREDENTIALS}${sections(1_000)}`],
    ['as many lines as there may be', `${HEAD}${'a=fingerprint:sha-256 AA\r\n'.repeat(99_000)}`],
    ['fingerprints made for backtracking', `${HEAD}${`a=fingerprint:x ${'AA:'.repeat(20_000)}!\r\n`.repeat(60)}`],
    ['spaces made for backtracking', `${HEAD}m=audio 9 X ${`0${' '.repeat(65_000)}`}\r\n`],
  ])('%s', (_, text) => {
    expect(took(text).ms).toBeLessThan(AT_ONCE_MS);
  });
});
