import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatDescription,
  negotiateMedia,
  parseDescription,
  proposedSendRids,
  remoteMsids,
  SdpError,
} from '../../src/sdp/index.ts';
import { encoding, MEDIA_FIXTURES, MediaPeer, transceiver } from './media-peer.ts';
import { fixture } from './peer.ts';

const OFFERS = MEDIA_FIXTURES.filter((name) => name.endsWith('offer'));

/**
 * Everything that is done with a remote offer: read, checked, answered, agreed on, and followed by an offer of ours that
 * another takes. The only exception is an SdpError about the text itself.
 */
function process(text: string): SdpError | null {
  const peer = new MediaPeer([
    transceiver('audio', { sendEncodings: [encoding(1)] }),
    transceiver('video', {
      sendEncodings: ['q', 'h', 'f'].map((rid) => ({ rid, active: true })),
      receiveSimulcast: 'asOffered',
    }),
  ]);
  try {
    peer.setRemote('offer', text);
  } catch (error) {
    if (error instanceof SdpError) return error;
    throw error;
  }
  const offer = peer.state.pendingRemote!;
  expect(parseDescription(formatDescription(offer))).toEqual(offer);
  for (const section of offer.media) {
    remoteMsids(section);
    proposedSendRids(section);
  }
  const answer = peer.answer();
  expect(answer.media).toHaveLength(offer.media.length);
  expect(parseDescription(formatDescription(answer))).toEqual(answer);
  peer.setLocal('answer', answer);
  const media = negotiateMedia(answer, offer, 'local');
  expect(media.filter(({ rejected, send }) => !rejected && send.codecs.length === 0)).toEqual([]);
  // What we offer next can be answered by another of us, which needs an ICE restart.
  const ice = { usernameFragment: 'next', password: 'anotherPasswordOf22Chr' };
  peer.model = { ...peer.model, transport: { ...peer.model.transport, ice } };
  const next = peer.offer({ data: true });
  expect(parseDescription(formatDescription(next))).toEqual(next);
  const other = new MediaPeer();
  other.setRemote('offer', next);
  peer.setLocal('offer', next, { data: true });
  peer.setRemote('answer', other.answer());
  return null;
}

describe('every text about media is a description or an SdpError', () => {
  test.each(OFFERS)('%s, as it is', (name) => {
    expect(process(fixture(name))).toBeNull();
  });

  test.each(['media/chromium-simulcast-offer', 'media/firefox-simulcast-offer'])('%s cut anywhere', (name) => {
    const text = fixture(name);
    for (let length = 0; length < text.length; length += 11) process(text.slice(0, length));
  });

  test('with any character changed', () => {
    const change = fc.tuple(fc.constantFrom(...OFFERS), fc.nat(), fc.string({ unit: 'binary', maxLength: 2 }));
    fc.assert(
      fc.property(change, ([name, at, insert]) => {
        const text = fixture(name);
        const index = at % text.length;
        process(text.slice(0, index) + insert + text.slice(index + 1));
      }),
      { numRuns: 200 },
    );
  });

  test('with any digit changed for another: numbers that clash', () => {
    fc.assert(
      fc.property(fc.constantFrom(...OFFERS), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 9 }))), (name, edits) => {
        const characters = [...fixture(name)];
        const digits = [...characters.keys()].filter((index) => /\d/.test(characters[index]!));
        for (const [at, digit] of edits) characters[digits[at % digits.length]!] = String(digit);
        process(characters.join(''));
      }),
      { numRuns: 400 },
    );
  });

  test('with lines missing, doubled and moved', () => {
    const moves = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(0, 1)), { maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...OFFERS), moves, (name, edits) => {
        const lines = fixture(name).split('\r\n');
        for (const [from, to, deleted] of edits) {
          lines.splice(to % lines.length, deleted, lines[from % lines.length]!);
        }
        process(lines.join('\r\n'));
      }),
      { numRuns: 400 },
    );
  });

  test('answers to our offer, with lines missing, doubled and moved', () => {
    const moves = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(0, 1)), { maxLength: 6 });
    fc.assert(
      fc.property(moves, (edits) => {
        const peer = new MediaPeer([transceiver('audio'), transceiver('video')]);
        peer.setLocal('offer', peer.offer());
        const lines = formatDescription(peer.state.pendingLocal!).replaceAll('actpass', 'active').split('\r\n');
        for (const [from, to, deleted] of edits) {
          lines.splice(to % lines.length, deleted, lines[from % lines.length]!);
        }
        try {
          peer.setRemote('answer', lines.join('\r\n'));
        } catch (error) {
          if (!(error instanceof SdpError)) throw error;
          return;
        }
        negotiateMedia(peer.state.currentLocal!, peer.state.currentRemote!, 'remote');
        const next = peer.offer();
        expect(parseDescription(formatDescription(next))).toEqual(next);
      }),
      { numRuns: 200 },
    );
  });
});

describe('no text reaches a prototype', () => {
  test.each(['__proto__', 'constructor', 'toString'])('%s', (name) => {
    const text = fixture('media/chromium-simulcast-offer')
      .replace('VP8/90000', `${name}/90000`)
      .replace('a=rtpmap:98 VP9', `a=fmtp:98 ${name}=polluted\r\na=rtpmap:98 VP9`)
      .replaceAll(/rid:q|send q/g, (match) => match.replace('q', name.replaceAll('_', '-')))
      .replace('a=rtcp-rsize', `a=rtcp-rsize\r\na=ssrc:1 ${name}:polluted\r\na=rtcp-fb:* ${name} ${name}`);
    expect(process(text)).toBeNull();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

/** A second or two on an idle machine; what is quadratic here takes minutes. */
const AT_ONCE_MS = 15_000;

describe('no text is too much', () => {
  const HEAD = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';
  const CREDENTIALS =
    'a=ice-ufrag:abcd\r\na=ice-pwd:aPasswordOf22CharsOrSo\r\na=fingerprint:sha-256 AA\r\na=rtcp-mux\r\n';
  const took = (text: string): number => {
    const start = performance.now();
    process(text);
    return performance.now() - start;
  };
  const formats = Array.from({ length: 128 }, (_, i) => i);
  const codecs = formats.map((format) => `a=rtpmap:${format} VP8/90000\r\n`).join('');
  const many = (count: number, line: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => line(i)).join('');

  test.each([
    [
      'sections full of formats',
      many(
        500,
        (i) => `m=video 9 RTP/SAVPF ${formats.join(' ')}\r\na=mid:${i}\r\n${i === 0 ? CREDENTIALS : ''}${codecs}`,
      ),
    ],
    ['one stream over and over', `m=video 9 RTP/SAVPF 96\r\n${CREDENTIALS}${'a=msid:a b\r\n'.repeat(99_000)}`],
    [
      'many streams over and over',
      `m=video 9 RTP/SAVPF 96\r\n${CREDENTIALS}${many(99_000, (i) => `a=msid:${i % 4_000}\r\n`)}`,
    ],
    [
      'one format with very many parameters',
      `m=video 9 RTP/SAVPF 96\r\n${CREDENTIALS}a=rtpmap:96 VP8/90000\r\n${many(900, (i) => `a=fmtp:96 ${many(20, (j) => `${i}-${j}=1;`)}\r\n`)}`,
    ],
    [
      'simulcast of very many',
      `m=video 9 RTP/SAVPF 96\r\n${CREDENTIALS}${many(4_000, (i) => `a=rid:${i} send\r\n`)}a=simulcast:send ${many(4_000, (i) => `${i},`)}0\r\n`,
    ],
    ['very many rids with one name', `m=video 9 RTP/SAVPF 96\r\n${CREDENTIALS}${'a=rid:a send\r\n'.repeat(99_000)}`],
    [
      'spaces made for backtracking',
      `m=video 9 RTP/SAVPF 96\r\n${CREDENTIALS}${many(50, () => `a=extmap:1${' '.repeat(60_000)}\ta\r\na=msid:a${' '.repeat(60_000)}\tb\r\n`)}`,
    ],
  ])('%s', (_, text) => {
    expect(took(HEAD + text)).toBeLessThan(AT_ONCE_MS);
  });
});
