import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFormatParameters } from '../../src/rtp/codecs.ts';
import {
  type Codec,
  formatDescription,
  type MediaSection,
  parseDescription,
  type RtpAttributes,
  SdpError,
} from '../../src/sdp/index.ts';
import { MEDIA_FIXTURES } from './media-peer.ts';
import { fixture } from './peer.ts';

const HEAD = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';

/** A section with these lines. */
function section(lines: readonly string[], media = 'm=video 9 UDP/TLS/RTP/SAVPF 96 97'): MediaSection {
  return parseDescription(`${HEAD}${media}\r\n${lines.map((line) => `${line}\r\n`).join('')}`).media[0]!;
}

function rtp(...lines: readonly string[]): RtpAttributes {
  return section(lines).rtp!;
}

function codecs(...lines: readonly string[]): readonly Codec[] {
  return rtp(...lines).codecs;
}

describe('what browsers say about media', () => {
  test.each(MEDIA_FIXTURES)('%s: no line is lost or made up, and written and read again it is the same', (name) => {
    const lines = (text: string) => text.replace('msid-semantic: ', 'msid-semantic:').split('\r\n').sort();
    const description = parseDescription(fixture(name));
    const text = formatDescription(description);
    expect(lines(text)).toEqual(lines(fixture(name)));
    expect(parseDescription(text)).toEqual(description);
    const unknown = description.media.flatMap(({ attributes }) => attributes.map((attribute) => attribute.name));
    expect(new Set(unknown)).toEqual(new Set(name.includes('chromium') ? ['rtcp', 'rtcp-xr'] : []));
  });

  test('Chromium: a video section', () => {
    const video = parseDescription(fixture('media/chromium-call-offer')).media[1]!;
    expect(video.formats.slice(0, 2)).toEqual(['96', '97']);
    expect(video.rtp!.codecs[0]).toEqual({
      payloadType: 96,
      name: 'VP8',
      clockRate: 90_000,
      channels: null,
      parameters: new Map(),
      feedback: [
        { type: 'goog-remb', parameter: null },
        { type: 'transport-cc', parameter: null },
        { type: 'ccm', parameter: 'fir' },
        { type: 'nack', parameter: null },
        { type: 'nack', parameter: 'pli' },
      ],
    });
    expect(video.rtp!.codecs[1]).toMatchObject({ payloadType: 97, name: 'rtx', parameters: new Map([['apt', '96']]) });
    expect(video.rtp!.extensions[0]).toEqual({
      id: 14,
      direction: null,
      uri: 'urn:ietf:params:rtp-hdrext:toffset',
      attributes: null,
    });
    const { ssrcs, ssrcGroups, msids } = video.rtp!;
    expect(msids).toHaveLength(1);
    expect(ssrcGroups).toEqual([{ semantics: 'FID', ssrcs: ssrcs.map(({ ssrc }) => ssrc) }]);
    expect(ssrcs[1]).toMatchObject({ cname: expect.stringMatching(/^\S{16}$/), msid: msids[0], attributes: [] });
  });

  test('Chromium: simulcast', () => {
    const { rids, simulcast } = parseDescription(fixture('media/chromium-simulcast-offer')).media[0]!.rtp!;
    expect(rids).toEqual(
      ['q', 'h', 'f'].map((id) => ({ id, direction: 'send', payloadTypes: [], restrictions: new Map() })),
    );
    expect(simulcast).toEqual({
      send: [[{ rid: 'q', paused: false }], [{ rid: 'h', paused: true }], [{ rid: 'f', paused: false }]],
      receive: [],
    });
  });

  test('Firefox: directions of header extensions, RTX sources outside of any msid, a direction of the session', () => {
    const offer = parseDescription(fixture('media/firefox-call-offer'));
    const [audio, video] = offer.media;
    expect(offer.direction).toBe('sendrecv');
    expect(audio!.rtp!.extensions[1]).toMatchObject({ id: 2, direction: 'recvonly' });
    expect(audio!.rtp!).toMatchObject({ extmapAllowMixed: true, ssrcs: [{ msid: null }] });
    expect(audio!.rtp!.codecs.map(({ channels }) => channels)).toEqual([2, 1, null, null, null]);
    expect(audio!.rtp!.codecs[4]!.parameters).toEqual(new Map([['0-15', null]]));
    expect(video!.rtp!.ssrcs).toHaveLength(2);
  });
});

describe('formats', () => {
  test('that RFC 3551 numbers need no a=rtpmap', () => {
    const media = 'm=audio 9 UDP/TLS/RTP/SAVPF 0 8 9 13 99';
    expect(section([], media).rtp!.codecs.map(({ name }) => name)).toEqual(['PCMU', 'PCMA', 'G722', 'CN']);
    expect(section([], media).formats).toHaveLength(5);
  });

  test('stand in the order of the m= line, whatever the order of the lines', () => {
    const lines = ['a=rtcp-fb:97 nack', 'a=fmtp:97 apt=96', 'a=rtpmap:97 rtx/90000', 'a=rtpmap:96 VP8/90000'];
    expect(codecs(...lines).map(({ name }) => name)).toEqual(['VP8', 'rtx']);
    expect(codecs(...lines)[1]!.feedback).toEqual([{ type: 'nack', parameter: null }]);
  });

  test('that the m= line does not list, or that nothing describes, are kept as text', () => {
    const lines = ['a=rtpmap:98 VP9/90000', 'a=fmtp:96 x=1', 'a=rtcp-fb:96 nack'];
    const read = section(lines);
    expect(read.rtp!.codecs).toEqual([]);
    expect(read.attributes.map(({ name }) => name)).toEqual(['rtpmap', 'fmtp', 'rtcp-fb']);
  });

  test('have their parameters in order, spaced or not, over several lines', () => {
    const [vp8] = codecs('a=rtpmap:96 VP8/90000', 'a=fmtp:96 max-fs=12288; max-fr=60;flag', 'a=fmtp:96 max-fr=30');
    expect([...vp8!.parameters]).toEqual([
      ['max-fs', '12288'],
      ['max-fr', '30'],
      ['flag', null],
    ]);
  });

  test('of every payload type: a=rtcp-fb:*', () => {
    expect(rtp('a=rtcp-fb:* ack ccfb').feedback).toEqual([{ type: 'ack', parameter: 'ccfb' }]);
  });

  test('lists may name one twice, and it is there once', () => {
    expect(section(['a=rtpmap:96 VP8/90000'], 'm=video 9 RTP/AVP 96 96').rtp!.codecs).toHaveLength(1);
  });
});

describe('sources', () => {
  test('have what their lines say of them, the first time', () => {
    const { ssrcs } = rtp(
      'a=ssrc:7 cname:a',
      'a=ssrc:7 msid:s t',
      'a=ssrc:7 mslabel:s',
      'a=ssrc:7 x',
      'a=ssrc:7 cname:b',
    );
    expect(ssrcs).toEqual([
      {
        ssrc: 7,
        cname: 'a',
        msid: { stream: 's', track: 't' },
        attributes: [
          { name: 'mslabel', value: 's' },
          { name: 'x', value: null },
          { name: 'cname', value: 'b' },
        ],
      },
    ]);
  });

  test('may be 0, and 2^32-1', () => {
    expect(rtp('a=ssrc:0 cname:x', 'a=ssrc:4294967295 cname:x').ssrcs.map(({ ssrc }) => ssrc)).toEqual([
      0, 4_294_967_295,
    ]);
  });

  test('of old plan B stand side by side', () => {
    const lines = [1, 2, 3].flatMap((ssrc) => [`a=ssrc:${ssrc} cname:x`, `a=ssrc:${ssrc} msid:s${ssrc} t${ssrc}`]);
    expect(rtp(...lines, 'a=ssrc-group:SIM 1 2 3')).toMatchObject({
      ssrcs: [{ msid: { stream: 's1' } }, { msid: { stream: 's2' } }, { msid: { stream: 's3' } }],
      ssrcGroups: [{ semantics: 'SIM', ssrcs: [1, 2, 3] }],
    });
  });

  test('streams: each msid once, with a track or without', () => {
    expect(rtp('a=msid:a t', 'a=msid:b t', 'a=msid:a t', 'a=msid:-').msids).toEqual([
      { stream: 'a', track: 't' },
      { stream: 'b', track: 't' },
      { stream: '-', track: null },
    ]);
  });
});

describe('rids and simulcast', () => {
  test('with payload types and restrictions', () => {
    expect(rtp('a=rid:a send pt=96,97;max-width=1280;max-fps=30').rids).toEqual([
      {
        id: 'a',
        direction: 'send',
        payloadTypes: [96, 97],
        restrictions: new Map([
          ['max-width', '1280'],
          ['max-fps', '30'],
        ]),
      },
    ]);
  });

  test('RFC 8853 §5.1: alternatives, both directions in either order', () => {
    const expected = {
      send: [
        [
          { rid: 'a', paused: false },
          { rid: 'b', paused: true },
        ],
        [{ rid: 'c', paused: false }],
      ],
      receive: [[{ rid: 'd', paused: false }]],
    };
    expect(rtp('a=simulcast:send a,~b;c recv d').simulcast).toEqual(expected);
    expect(rtp('a=simulcast: recv d send a,~b;c').simulcast).toEqual(expected);
  });

  test('RFC 8851 §6.2.2: a malformed a=rid is none, and so are all that have one id between them', () => {
    const read = section(['a=rid:a send', 'a=rid:b sideways', 'a=rid:a recv', 'a=rid:c send pt=x', 'a=rid:d recv']);
    expect(read.rtp!.rids.map(({ id }) => id)).toEqual(['d']);
    expect(read.attributes).toHaveLength(4);
  });

  test('RFC 8853 §5.3.2: several a=simulcast are none', () => {
    const read = section(['a=simulcast:send a', 'a=simulcast:send b']);
    expect(read.rtp!.simulcast).toBeNull();
    expect(read.attributes).toHaveLength(2);
  });
});

describe('header extensions', () => {
  test('with direction and attributes', () => {
    expect(rtp('a=extmap:4/sendonly urn:x  some thing', 'a=extmap:4096 urn:y').extensions).toEqual([
      { id: 4, direction: 'sendonly', uri: 'urn:x', attributes: 'some thing' },
      { id: 4096, direction: null, uri: 'urn:y', attributes: null },
    ]);
  });

  test('of the session', () => {
    const text = `${HEAD}a=extmap:1 urn:x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n`;
    const description = parseDescription(text);
    expect(description.extensions).toMatchObject([{ id: 1, uri: 'urn:x' }]);
    expect(parseDescription(formatDescription(description))).toEqual(description);
    expect(() => parseDescription(HEAD + 'a=extmap:1 urn:x\r\n'.repeat(256))).toThrow(SdpError);
  });
});

describe('packet times', () => {
  test('may be fractions of milliseconds', () => {
    expect(rtp('a=ptime:20', 'a=maxptime:2.5')).toMatchObject({ ptime: 20, maxptime: 2.5 });
  });
});

describe('what cannot be read is an SdpError with its line', () => {
  test.each([
    ['a payload type past 127', 'a=rtpmap:128 VP8/90000', 'no RTP payload type 128, they end at 127'],
    ['an a=rtpmap without a clock', 'a=rtpmap:96 VP8'],
    ['an a=rtpmap with a wordy clock', 'a=rtpmap:96 VP8/fast'],
    ['an a=fmtp without a payload type', 'a=fmtp:x'],
    ['an a=rtcp-fb without a type', 'a=rtcp-fb:96'],
    ['an a=extmap without a URI', 'a=extmap:1'],
    ['an a=extmap with id 0', 'a=extmap:0 urn:x'],
    ['an a=extmap between the ranges', 'a=extmap:256 urn:x'],
    ['an a=extmap with a strange direction', 'a=extmap:1/up urn:x'],
    ['an empty a=msid', 'a=msid:'],
    ['an a=ssrc without an attribute', 'a=ssrc:1'],
    ['an a=ssrc past 32 bits', 'a=ssrc:4294967296 cname:x'],
    ['an a=ssrc-group of words', 'a=ssrc-group:FID a b'],
    ['an a=ssrc-group without semantics', 'a=ssrc-group:'],
    ['an a=simulcast without a list', 'a=simulcast:send'],
    ['an a=simulcast with one direction twice', 'a=simulcast:send a send b'],
    ['an a=simulcast with an empty place', 'a=simulcast:send a;;b'],
    ['a wordy a=ptime', 'a=ptime:long'],
  ])('%s', (_, line, message = 'malformed') => {
    expect(() => section([line])).toThrow(expect.objectContaining({ code: 'syntax', line: 6 }));
    expect(() => section([line])).toThrow(message);
  });

  test('an m= line with a payload type past 127, or with a word for one', () => {
    expect(() => section([], 'm=video 9 UDP/TLS/RTP/SAVPF 96 200')).toThrow('no RTP payload type 200');
    expect(() => section([], 'm=video 9 UDP/TLS/RTP/SAVPF h264')).toThrow('line 5: malformed');
  });

  test('two formats for one payload type', () => {
    expect(() => codecs('a=rtpmap:96 VP8/90000', 'a=rtpmap:96 VP9/90000')).toThrow('line 7: a second "a=rtpmap:96"');
    expect(codecs('a=rtpmap:96 VP8/90000', 'a=rtpmap:96 VP8/90000')).toHaveLength(1);
  });

  test('parameters of a format that would not fit into a line', () => {
    const line = `a=fmtp:96 x=${'y'.repeat(20_000)}`;
    expect(codecs('a=rtpmap:96 VP8/90000', line)).toHaveLength(1);
    expect(() => codecs('a=rtpmap:96 VP8/90000', line, line)).toThrow('line 8: the parameters of a format are longer');
  });

  test.each([
    ['sources', (i: number) => `a=ssrc:${i} cname:x`],
    ['attributes of a source', (i: number) => `a=ssrc:1 x:${i}`],
    ['streams', (i: number) => `a=msid:${i}`],
    ['groups', (i: number) => `a=ssrc-group:FID ${i}`],
    ['rids', (i: number) => `a=rid:${i} send`],
    ['header extensions', (i: number) => `a=extmap:1 urn:${i}`],
    ['feedback', (i: number) => `a=rtcp-fb:* x ${i}`],
  ])('more than 4,096 %s in a section', (_, line) => {
    const lines = Array.from({ length: 4_097 }, (_unused, i) => line(i));
    expect(() => section(lines.slice(0, 4_096))).not.toThrow();
    expect(() => section(lines)).toThrow('more than 4096');
  });
});

describe('any RTP section', () => {
  const token = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
  const parameters = fc
    .array(fc.tuple(token, fc.option(token)), { maxLength: 4 })
    .map((entries) => new Map<string, string | null>(entries));
  const feedback = fc.array(fc.record({ type: token, parameter: fc.option(token) }), { maxLength: 3 });
  const codec = fc.record({
    payloadType: fc.nat({ max: 127 }),
    name: token,
    clockRate: fc.nat(),
    channels: fc.option(fc.nat({ max: 99 })),
    parameters,
    feedback,
  });
  const msid = fc.record({ stream: token, track: fc.option(token) });
  const streams = fc.array(fc.array(fc.record({ rid: token, paused: fc.boolean() }), { minLength: 1, maxLength: 3 }), {
    maxLength: 3,
  });
  const unique = <T>(item: fc.Arbitrary<T>, selector: (value: T) => unknown): fc.Arbitrary<T[]> =>
    fc.uniqueArray(item, { selector, maxLength: 4 });
  const value: fc.Arbitrary<RtpAttributes> = fc.record({
    codecs: unique(codec, ({ payloadType }) => payloadType),
    feedback,
    extensions: fc.array(
      fc.record({
        id: fc.oneof(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 4_096, max: 4_351 })),
        direction: fc.option(fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive')),
        uri: fc.webUrl(),
        attributes: fc.option(token),
      }),
      { maxLength: 4 },
    ),
    extmapAllowMixed: fc.boolean(),
    msids: unique(msid, ({ stream, track }) => `${stream} ${track}`),
    ssrcs: unique(
      fc
        .record({
          ssrc: fc.nat({ max: 0xffff_ffff }),
          cname: fc.option(token),
          msid: fc.option(msid),
          attributes: fc.array(fc.record({ name: token.map((name) => `x-${name}`), value: fc.option(token) }), {
            maxLength: 2,
          }),
        })
        .filter(({ cname, msid: stream, attributes }) => cname !== null || stream !== null || attributes.length > 0),
      ({ ssrc }) => ssrc,
    ),
    ssrcGroups: fc.array(
      fc.record({
        semantics: token,
        ssrcs: fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
    rids: unique(
      fc.record({
        id: token,
        direction: fc.constantFrom('send', 'recv'),
        payloadTypes: fc.array(fc.nat({ max: 127 }), { maxLength: 3 }),
        restrictions: parameters.map((map) => new Map([...map].map(([name, text]) => [`max-${name}`, text]))),
      }),
      ({ id }) => id,
    ),
    simulcast: fc.option(
      fc.record({ send: streams, receive: streams }).filter(({ send, receive }) => send.length + receive.length > 0),
    ),
    ptime: fc.option(fc.nat({ max: 1_000 })),
    maxptime: fc.option(fc.nat({ max: 1_000 })),
  });

  test('round-trips through text', () => {
    const [template] = parseDescription(`${HEAD}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`).media;
    fc.assert(
      fc.property(value, (attributes) => {
        // Without codecs, something that is none: a payload type that nothing describes.
        const listed = attributes.codecs.map(({ payloadType }) => String(payloadType));
        const formats = listed.length > 0 ? listed : ['127'];
        const description = { ...parseDescription(HEAD), media: [{ ...template!, formats, rtp: attributes }] };
        expect(parseDescription(formatDescription(description))).toEqual(description);
      }),
      { numRuns: 500 },
    );
  });

  test('format parameters: what is read and written is read as the same, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = parseFormatParameters(text);
        const written = [...read].map(([name, item]) => (item === null ? name : `${name}=${item}`)).join(';');
        expect(parseFormatParameters(written)).toEqual(read);
      }),
    );
  });
});
