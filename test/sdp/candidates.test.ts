import { describe, expect, test } from 'vitest';
import {
  findSection,
  formatDescription,
  parseDescription,
  withCandidate,
  withEndOfCandidates,
} from '../../src/sdp/index.ts';
import { fixture } from './peer.ts';

const offer = parseDescription(fixture('firefox-media-offer'));
const CANDIDATE = 'candidate:1 1 UDP 2113929471 203.0.113.100 10100 typ host generation 0 ufrag c4e8a2f6';

describe('candidates that come later', () => {
  test('go to a section by its mid, or by its place, word for word', () => {
    const second = formatDescription(withCandidate(offer, { mid: '1' }, CANDIDATE));
    expect(second.indexOf(`a=${CANDIDATE}\r\n`)).toBeGreaterThan(second.indexOf('m=application'));
    const first = formatDescription(withCandidate(offer, { mLineIndex: 0 }, CANDIDATE));
    expect(first.indexOf(`a=${CANDIDATE}\r\n`)).toBeLessThan(first.indexOf('m=application'));
  });

  test('leave the description they are added to alone', () => {
    const before = formatDescription(offer);
    withEndOfCandidates(withCandidate(offer, { mid: '1' }, CANDIDATE), null);
    expect(formatDescription(offer)).toBe(before);
  });

  test('are written once', () => {
    const once = withCandidate(offer, { mid: '1' }, CANDIDATE);
    expect(withCandidate(once, { mid: '1' }, CANDIDATE)).toEqual(once);
  });

  test('are bounded: past 1,000 in a section they are not written down', () => {
    let description = offer;
    for (let port = 1; port <= 1_001; port++) {
      description = withCandidate(description, { mid: '1' }, `candidate:1 1 udp 1 192.0.2.1 ${port} typ host`);
    }
    expect(description.media[1]!.candidates).toHaveLength(1_000);
  });

  test('for no section are a RangeError', () => {
    expect(() => withCandidate(offer, { mid: '7' }, CANDIDATE)).toThrow(RangeError);
    expect(() => withCandidate(offer, { mLineIndex: 2 }, CANDIDATE)).toThrow(RangeError);
    expect([findSection(offer, { mid: '1' }), findSection(offer, { mLineIndex: 2 })]).toEqual([1, -1]);
  });

  test.each(['', 'a=candidate:1', 'candidate:', 'candidate:1\r\na=setup:active', 'candidate:1\nx', 'candidate:1\0'])(
    'cannot be %j',
    (text) => {
      expect(() => withCandidate(offer, { mid: '1' }, text)).toThrow(TypeError);
    },
  );

  test('end for one section, or for all', () => {
    const ends = (description: typeof offer) => description.media.map(({ endOfCandidates }) => endOfCandidates);
    expect(ends(withEndOfCandidates(offer, { mid: '1' }))).toEqual([false, true]);
    expect(ends(withEndOfCandidates(offer, null))).toEqual([true, true]);
  });
});
