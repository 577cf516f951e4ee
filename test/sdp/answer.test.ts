import { describe, expect, test } from 'vitest';
import { formatDescription, isRejected, parseDescription, type SessionDescription } from '../../src/sdp/index.ts';
import { exchange, fixture, model, Peer } from './peer.ts';

function answerTo(offer: string, peer: Peer = new Peer()): SessionDescription {
  peer.setRemote('offer', offer);
  return peer.answer();
}

const data = fixture('chromium-data-offer');

describe('answers', () => {
  test('to nothing are an Error', () => {
    expect(() => new Peer().answer()).toThrow('no remote offer');
  });

  test('to an empty offer are empty', () => {
    const answer = answerTo(formatDescription(new Peer().offer({ data: false })));
    expect([answer.media, answer.groups]).toEqual([[], []]);
  });

  test('to data, in full', () => {
    expect(formatDescription(answerTo(data)).split('\r\n')).toEqual([
      'v=0',
      'o=- 1234567890123456789 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'a=ice-options:trickle',
      'a=group:BUNDLE 0',
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=setup:active',
      'a=mid:0',
      'a=ice-ufrag:ufrg',
      'a=ice-pwd:aPasswordOf22CharsOrSo',
      expect.stringMatching(/^a=fingerprint:sha-256 /),
      'a=sctp-port:5000',
      'a=max-message-size:262144',
      '',
    ]);
  });

  test('echo nothing that we do not understand: a=sctp-init above all', () => {
    const text = formatDescription(answerTo(fixture('chromium-media-offer')));
    for (const name of ['sctp-init', 'extmap', 'rtpmap', 'fmtp', 'ssrc', 'msid', 'rtcp'])
      expect(text).not.toContain(name);
  });

  test.each(['chromium-media-offer', 'firefox-media-offer'])('to %s turn the media down and take the data', (name) => {
    const offer = parseDescription(fixture(name));
    const answer = answerTo(fixture(name));
    expect(answer.media.map(({ kind, protocol, mid }) => [kind, protocol, mid])).toEqual(
      offer.media.map(({ kind, protocol, mid }) => [kind, protocol, mid]),
    );
    const taken = answer.media.at(-1)!;
    expect(answer.media.filter((section) => !isRejected(section))).toEqual([taken]);
    expect(taken).toMatchObject({ kind: 'application', transport: { iceUfrag: 'ufrg', setup: 'active' } });
    expect(answer.groups).toEqual([{ semantics: 'BUNDLE', mids: [taken.mid] }]);
    for (const [index, section] of answer.media.slice(0, -1).entries()) {
      expect(section).toMatchObject({ port: 0, direction: 'inactive', formats: [offer.media[index]!.formats[0]] });
    }
  });

  test('RFC 9143 §7.3.3: data that is to be bundled only goes with the section it is bundled behind', () => {
    const answer = answerTo(fixture('max-bundle-media-offer'));
    expect(answer.media.map(({ port, bundleOnly }) => [port, bundleOnly])).toEqual([
      [0, false],
      [0, false],
    ]);
    expect(answer.groups).toEqual([]);
  });

  test('so does data whose only transport is that of the section turned down', () => {
    const offer = fixture('chromium-media-offer').replace(
      /(m=application[\s\S]*?)a=ice-ufrag[\s\S]*?(a=mid:2)/,
      '$1$2',
    );
    expect(answerTo(offer).media.map(({ port }) => port)).toEqual([0, 0, 0]);
  });

  test('take one data section, the first that is not turned down', () => {
    const section = data.slice(data.indexOf('m='));
    const bundle = 'a=group:BUNDLE 0 1 2';
    const offer =
      data.replace('a=group:BUNDLE 0', bundle).replace('m=application 50123', 'm=application 0') +
      section.replace('a=mid:0', 'a=mid:1') +
      section.replace('a=mid:0', 'a=mid:2');
    const answer = answerTo(offer);
    expect(answer.media.map(({ port }) => port)).toEqual([0, 9, 0]);
    expect(answer.groups).toEqual([{ semantics: 'BUNDLE', mids: ['1'] }]);
  });

  test('need no mid and no bundle', () => {
    const offer = data.replace('a=mid:0\r\n', '').replace('a=group:BUNDLE 0\r\n', '');
    const answer = answerTo(offer);
    expect(answer.groups).toEqual([]);
    expect(answer.media[0]).toMatchObject({ mid: null, port: 9, transport: { iceUfrag: 'ufrg' } });
  });

  test('without data channels of our own turn data down', () => {
    const answer = answerTo(data, new Peer({ ...model(), sctp: null }));
    expect(answer.media[0]).toMatchObject({ port: 0, mid: '0', sctp: { port: null } });
  });

  test('to media of a made-up kind keep the kind', () => {
    const answer = answerTo(fixture('firefox-media-offer').replace('m=audio', 'm=unicorns'));
    expect(formatDescription(answer)).toContain('m=unicorns 0 UDP/TLS/RTP/SAVPF 109\r\n');
  });

  test('in the older form to an offer in the older form', () => {
    const text = formatDescription(answerTo(fixture('legacy-sctpmap-offer')));
    expect(text).toContain('m=application 9 DTLS/SCTP 5000\r\n');
    expect(text).toContain('a=sctpmap:5000 webrtc-datachannel 65535\r\n');
    expect(text).not.toContain('a=sctp-port');
  });

  test('RFC 8841 §10.3: to SCTP port zero say zero', () => {
    expect(answerTo(data.replace('sctp-port:5000', 'sctp-port:0')).media[0]!.sctp!.port).toBe(0);
  });

  test('name the ice-options we share', () => {
    const options = (offer: string) => answerTo(offer).transport.iceOptions;
    expect(options(data)).toEqual(['trickle']);
    expect(options(data.replace('a=ice-options:trickle\r\n', ''))).toBeNull();
    expect(options(fixture('libdatachannel-data-offer'))).toEqual(['trickle', 'ice2']);
    expect(options(data.replace(':trickle', ':ice2 goog-sped-v1 renomination'))).toEqual(['ice2']);
  });

  test('RFC 8842 §5.3: have a tls-id where the offer has one', () => {
    const tlsId = 'b'.repeat(20);
    const peer = () => new Peer(model({ tlsId }));
    expect(answerTo(data, peer()).media[0]!.transport.tlsId).toBeNull();
    expect(answerTo(`${data}a=tls-id:${'a'.repeat(20)}\r\n`, peer()).media[0]!.transport.tlsId).toBe(tlsId);
  });

  test('version: the same answer again is the same', () => {
    const peer = new Peer();
    const first = answerTo(data, peer);
    expect(peer.answer()).toEqual(first);
    peer.model = model({ candidates: ['candidate:1 1 udp 1 192.0.2.1 9 typ host'] });
    expect(peer.answer().origin.sessionVersion).toBe(2);
  });
});

describe('a=setup', () => {
  const setup = (offered: string | null): unknown =>
    answerTo(data.replace('a=setup:actpass\r\n', offered === null ? '' : `a=setup:${offered}\r\n`)).media[0]!.transport
      .setup;

  test.each([
    ['actpass', 'active'],
    ['active', 'passive'],
    ['passive', 'active'],
    [null, 'active'],
  ])('%s is answered %s', (offered, answered) => {
    expect(setup(offered)).toBe(answered);
  });

  test('RFC 8842 §5.5: roles stay in a running session, whoever offers', () => {
    const [a, b] = [new Peer(), new Peer()];
    expect(exchange(a, b).answerer!.dtlsRole).toBe('client');
    expect(exchange(b, a).answerer!.dtlsRole).toBe('server');
    expect(a.state.currentLocal!.media[0]!.transport.setup).toBe('passive');
    expect(exchange(b, a).offerer!.dtlsRole).toBe('client');
    expect(exchange(a, b).offerer!.dtlsRole).toBe('server');
  });
});
