import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Attribute,
  formatDescription,
  type MediaSection,
  parseDescription,
  SdpError,
  type SessionDescription,
  type TransportAttributes,
} from '../../src/sdp/index.ts';
import { FIXTURES, fixture } from './peer.ts';

const MINIMAL = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';

describe('what browsers send', () => {
  test('a Chromium offer for data', () => {
    const offer = parseDescription(fixture('chromium-data-offer'));
    expect(offer).toMatchObject({
      origin: { username: '-', sessionId: '5170221861231734802', sessionVersion: 2, address: { ipVersion: 4 } },
      groups: [{ semantics: 'BUNDLE', mids: ['0'] }],
      iceLite: false,
      extmapAllowMixed: true,
      msidSemantic: 'WMS',
      attributes: [],
    });
    expect(offer.media).toHaveLength(1);
    expect(offer.media[0]).toMatchObject({
      kind: 'application',
      port: 50123,
      protocol: 'UDP/DTLS/SCTP',
      formats: ['webrtc-datachannel'],
      connection: { ipVersion: 4, address: '203.0.113.7' },
      mid: '0',
      direction: null,
      transport: { iceUfrag: 'sG2k', icePwd: 'Q8bJ0q3Z4m1Xk9vT7yRw2uLp', iceOptions: ['trickle'], setup: 'actpass' },
      sctp: { port: 5000, maxMessageSize: 262_144, legacyStreams: null },
      endOfCandidates: false,
      attributes: [],
    });
    expect(offer.media[0]!.candidates).toHaveLength(3);
    expect(offer.media[0]!.candidates[1]).toMatch(/^candidate:2999745851 1 udp .* network-id 1 network-cost 10$/);
  });

  test('a Firefox offer for data: fingerprint and options stand for the session', () => {
    const offer = parseDescription(fixture('firefox-data-offer'));
    expect(offer.transport.fingerprints).toHaveLength(1);
    expect(offer.transport.iceOptions).toEqual(['trickle']);
    expect(offer.media[0]).toMatchObject({
      direction: 'sendrecv',
      endOfCandidates: true,
      sctp: { maxMessageSize: 1_073_741_823 },
      transport: { fingerprints: [], iceOptions: null, setup: 'actpass' },
    });
  });

  test('media sections: what we do not know is kept, in order', () => {
    const [audio, video, data] = parseDescription(fixture('chromium-media-offer')).media;
    expect(audio).toMatchObject({
      kind: 'audio',
      protocol: 'UDP/TLS/RTP/SAVPF',
      formats: ['111', '63', '9', '0', '8', '13', '110', '126'],
      direction: 'sendrecv',
      rtcp: { mux: true, muxOnly: false, reducedSize: true },
      sctp: null,
    });
    for (const section of [audio!, video!]) {
      expect(section.attributes).toEqual([{ name: 'rtcp', value: '9 IN IP4 0.0.0.0' }]);
    }
    expect(data!.attributes.map(({ name }) => name)).toEqual(['sctp-init']);
  });

  test('libdatachannel separates ice-options with commas', () => {
    const offer = parseDescription(fixture('libdatachannel-data-offer'));
    expect(offer.transport.iceOptions).toEqual(['ice2', 'trickle']);
    expect(offer.groups).toEqual([
      { semantics: 'BUNDLE', mids: ['0'] },
      { semantics: 'LS', mids: ['0'] },
    ]);
  });

  test('the older form of a data section', () => {
    const [section] = parseDescription(fixture('legacy-sctpmap-offer')).media;
    expect(section).toMatchObject({ protocol: 'DTLS/SCTP', formats: ['5001'] });
    expect(section!.sctp).toEqual({ port: 5001, maxMessageSize: null, legacyStreams: 256 });
  });

  test('SCTP that is not for data channels is no data section', () => {
    const text = `${MINIMAL}m=application 9 UDP/DTLS/SCTP something\r\na=sctp-port:5000\r\n`;
    expect(parseDescription(text).media[0]).toMatchObject({ sctp: null });
  });

  test.each(FIXTURES)('%s: written and read again it is the same', (name) => {
    const description = parseDescription(fixture(name));
    expect(parseDescription(formatDescription(description))).toEqual(description);
  });

  test.each(FIXTURES)('%s: no line is lost or made up', (name) => {
    const lines = (text: string) =>
      text.replace('ice2,trickle', 'ice2 trickle').replace('msid-semantic: ', 'msid-semantic:').split('\r\n').sort();
    expect(lines(formatDescription(parseDescription(fixture(name))))).toEqual(lines(fixture(name)));
  });
});

describe('lines', () => {
  test('end in CRLF, in LF, in CR, or not at all', () => {
    const expected = parseDescription(MINIMAL);
    expect(parseDescription(MINIMAL.replaceAll('\r\n', '\n'))).toEqual(expected);
    expect(parseDescription(MINIMAL.replaceAll('\r\n', '\r'))).toEqual(expected);
    expect(parseDescription(MINIMAL.trimEnd())).toEqual(expected);
    expect(parseDescription(`${MINIMAL}\r\n\r\n`)).toEqual(expected);
  });

  test('of a session that say nothing to JSEP are dropped', () => {
    const text =
      'v=0\r\no=- 1 1 IN IP6 ::1\r\ns= \r\ni=info\r\nu=http://x\r\ne=a@b\r\np=+1\r\nc=IN IP6 ::1\r\nb=AS:5\r\nt=0 0\r\nr=1 2 3\r\nz=0 0\r\nt=1 2\r\nk=prompt\r\na=x\r\n';
    const description = parseDescription(text);
    expect(description).toMatchObject({
      name: ' ',
      bandwidths: [{ type: 'AS', value: 5 }],
      attributes: [{ name: 'x' }],
    });
    expect(description.origin.address).toEqual({ ipVersion: 6, address: '::1' });
  });

  test('of a section may stand in any order, as applications that add b= lines have it', () => {
    const text = `${MINIMAL}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\nb=TIAS:1000\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n`;
    expect(parseDescription(text).media[0]).toMatchObject({ mid: 'v', bandwidths: [{ type: 'TIAS', value: 1000 }] });
  });

  test('that repeat what was said are harmless', () => {
    const text = `${MINIMAL}a=ice-lite\r\na=ice-lite\r\na=ice-ufrag:abcd\r\na=ice-ufrag:abcd\r\n`;
    expect(parseDescription(text)).toMatchObject({ iceLite: true, transport: { iceUfrag: 'abcd' } });
  });

  test('may have many fingerprints; their order is kept, their case is not', () => {
    const text = `${MINIMAL}a=fingerprint:SHA-1 aa:bb\r\na=fingerprint:sha-256 CC:DD\r\n`;
    const { fingerprints } = parseDescription(text).transport;
    expect(fingerprints).toEqual([
      { algorithm: 'sha-1', value: 'AA:BB' },
      { algorithm: 'sha-256', value: 'CC:DD' },
    ]);
  });

  test('whose names only begin like known ones are unknown', () => {
    const text = `${MINIMAL}m=audio 9 RTP 0\r\na=rtcp-mux-only\r\na=ice-lite-ish\r\na=sendrecvonly\r\na=bundle-only-maybe\r\n`;
    const [section] = parseDescription(text).media;
    expect(section).toMatchObject({ direction: null, bundleOnly: false, rtcp: { mux: false, muxOnly: true } });
    expect(section!.attributes.map(({ name }) => name)).toEqual(['ice-lite-ish', 'sendrecvonly', 'bundle-only-maybe']);
  });

  test('of numbers stay text where they are text', () => {
    const text = `${MINIMAL}a=ice-ufrag:0001\r\na=ice-pwd:1e3\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:007\r\n`;
    const description = parseDescription(text);
    expect(description.transport).toMatchObject({ iceUfrag: '0001', icePwd: '1e3' });
    expect(description.media[0]!.mid).toBe('007');
    expect(formatDescription(description)).toContain('a=mid:007\r\n');
  });
});

describe('what is not SDP is an SdpError with the line at fault', () => {
  const DATA = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
  test.each<[string, string, number]>([
    ['nothing', '', 1],
    ['some text', 'Invalid SDP', 1],
    ['another version', 'v=1\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', 1],
    ['no origin', 'v=0\r\ns=-\r\nt=0 0\r\n', 2],
    ['a malformed origin', 'v=0\r\no=- x 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', 2],
    ['an origin outside the internet', 'v=0\r\no=- 1 1 ATM NSAP 0\r\ns=-\r\nt=0 0\r\n', 2],
    ['no session name', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nt=0 0\r\n', 3],
    ['no time', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n', 4],
    ['no time before the first section', `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n${DATA}`, 4],
    ['a malformed time', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=now\r\n', 4],
    ['a second version', `${MINIMAL}v=0\r\n`, 5],
    ['lines out of order', `${MINIMAL}a=x\r\nt=0 0\r\n`, 6],
    ['an unknown type', `${MINIMAL}x=y\r\n`, 5],
    ['a session line in a section', `${MINIMAL}${DATA}s=-\r\n`, 6],
    ['an empty line in between', `${MINIMAL}\r\na=x\r\n`, 5],
    ['a line without "="', `${MINIMAL}attribute\r\n`, 5],
    ['a capital type', `${MINIMAL}A=x\r\n`, 5],
    ['a NUL', `${MINIMAL}a=x\0\r\n`, 5],
    ['an attribute without a name', `${MINIMAL}a=\r\n`, 5],
    ['an attribute with a value alone', `${MINIMAL}a=:x\r\n`, 5],
    ['a section without formats', `${MINIMAL}m=audio 9 RTP/AVP\r\n`, 5],
    ['a section without a port', `${MINIMAL}m=audio x RTP/AVP 0\r\n`, 5],
    ['a port past 65,535', `${MINIMAL}m=audio 65536 RTP/AVP 0\r\n`, 5],
    ['a malformed connection', `${MINIMAL}${DATA}c=IN IP5 x\r\n`, 6],
    ['a malformed bandwidth', `${MINIMAL}${DATA}b=AS\r\n`, 6],
    ['a mid that is none', `${MINIMAL}${DATA}a=mid:\r\n`, 6],
    ['a mid of two words', `${MINIMAL}${DATA}a=mid:a b\r\n`, 6],
    ['two mids', `${MINIMAL}${DATA}a=mid:0\r\na=mid:1\r\n`, 7],
    ['two ice-ufrags', `${MINIMAL}a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\n`, 6],
    ['an unknown setup', `${MINIMAL}a=setup:activ\r\n`, 5],
    ['a fingerprint without a value', `${MINIMAL}a=fingerprint:sha-256\r\n`, 5],
    ['a fingerprint that is not hexadecimal', `${MINIMAL}a=fingerprint:sha-256 AA:XX\r\n`, 5],
    ['a fingerprint without colons', `${MINIMAL}a=fingerprint:sha-256 AABB\r\n`, 5],
    ['a group without semantics', `${MINIMAL}a=group:\r\n`, 5],
    ['an sctp-port that is no number', `${MINIMAL}${DATA}a=sctp-port:5000x\r\n`, 6],
    ['an sctp-port past 65,535', `${MINIMAL}${DATA}a=sctp-port:65536\r\n`, 6],
    ['a negative max-message-size', `${MINIMAL}${DATA}a=max-message-size:-1\r\n`, 6],
    ['a malformed sctpmap', `${MINIMAL}m=application 9 DTLS/SCTP 5000\r\na=sctpmap:x webrtc-datachannel\r\n`, 6],
    ['empty ice-options', `${MINIMAL}a=ice-options:\r\n`, 5],
  ])('%s', (_, text, line) => {
    const parse = () => parseDescription(text);
    expect(parse).toThrow(SdpError);
    expect(parse).toThrow(expect.objectContaining({ code: 'syntax', line }));
    expect(parse).toThrow(`line ${line}: `);
  });
});

describe('any description', () => {
  const token = fc.stringMatching(/^[!#-'*+\-.0-9A-Z^-~]{1,8}$/);
  const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.replace(/[\r\n\0]/g, '')); // any but line ends
  const attributes: fc.Arbitrary<Attribute[]> = fc.array(
    fc.record({ name: token.map((name) => `x-${name}`), value: fc.option(text) }),
    { maxLength: 4 },
  );
  const connection = fc.record({ ipVersion: fc.constantFrom(4, 6), address: token });
  const bandwidths = fc.array(fc.record({ type: fc.constantFrom('AS', 'TIAS', 'CT'), value: fc.nat() }), {
    maxLength: 2,
  });
  const transport: fc.Arbitrary<TransportAttributes> = fc.record({
    iceUfrag: fc.option(token),
    icePwd: fc.option(token),
    iceOptions: fc.option(fc.array(fc.stringMatching(/^[a-z0-9+/]{1,8}$/), { minLength: 1, maxLength: 3 })),
    fingerprints: fc.array(
      fc.record({ algorithm: fc.constantFrom('sha-1', 'sha-256'), value: fc.constantFrom('00', 'AB:12', '12') }),
      { maxLength: 3 },
    ),
    setup: fc.option(fc.constantFrom('actpass', 'active', 'passive', 'holdconn')),
    tlsId: fc.option(token),
  });
  const common = {
    port: fc.nat({ max: 65_535 }),
    connection: fc.option(connection),
    bandwidths,
    mid: fc.option(token),
    direction: fc.option(fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive')),
    bundleOnly: fc.boolean(),
    transport,
    candidates: fc.array(
      token.map((word) => `candidate:${word} 1 udp 1 192.0.2.1 9 typ host`),
      { maxLength: 3 },
    ),
    endOfCandidates: fc.boolean(),
    rtcp: fc.record({ mux: fc.boolean(), muxOnly: fc.boolean(), reducedSize: fc.boolean() }),
    attributes,
  } as const;
  const data: fc.Arbitrary<MediaSection> = fc.record({
    ...common,
    kind: fc.constant('application'),
    protocol: fc.constantFrom('UDP/DTLS/SCTP', 'TCP/DTLS/SCTP'),
    formats: fc.constant(['webrtc-datachannel']),
    rtp: fc.constant(null),
    sctp: fc.record({
      port: fc.option(fc.nat({ max: 65_535 })),
      maxMessageSize: fc.option(fc.nat()),
      legacyStreams: fc.constant(null),
    }),
  });
  const other: fc.Arbitrary<MediaSection> = fc.record({
    ...common,
    kind: token,
    protocol: fc.constantFrom('UDP/TLS/RTP/SAVPF', 'RTP/AVP', 'udp'),
    formats: fc.array(token, { minLength: 1, maxLength: 4 }),
    rtp: fc.constant(null),
    sctp: fc.constant(null),
  });
  const description: fc.Arbitrary<SessionDescription> = fc.record({
    origin: fc.record({
      username: token,
      sessionId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
      sessionVersion: fc.nat(),
      address: connection,
    }),
    name: text,
    groups: fc.array(fc.record({ semantics: token, mids: fc.array(token, { maxLength: 3 }) }), { maxLength: 3 }),
    iceLite: fc.boolean(),
    extmapAllowMixed: fc.boolean(),
    msidSemantic: fc.option(token),
    bandwidths,
    endOfCandidates: fc.boolean(),
    transport,
    direction: fc.constant(null),
    extensions: fc.constant([]),
    attributes,
    media: fc.array(fc.oneof(data, other), { maxLength: 4 }),
  });

  test('round-trips through text', () => {
    fc.assert(
      fc.property(description, (value) => {
        expect(parseDescription(formatDescription(value))).toEqual(value);
      }),
    );
  });
});
