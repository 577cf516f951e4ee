import { describe, expect, test } from 'vitest';
import { parseDescription, SdpError, validateRemote } from '../../src/sdp/index.ts';
import { FIXTURES, fixture, model, NOTHING_YET, Peer } from './peer.ts';

const offer = fixture('chromium-data-offer');
const media = fixture('chromium-media-offer');
const answer = fixture('chromium-data-answer');

function offerer(): Peer {
  const peer = new Peer();
  peer.setLocal('offer', peer.offer());
  return peer;
}

function refused(act: () => unknown, message: string): void {
  expect(act).toThrow(SdpError);
  expect(act).toThrow(expect.objectContaining({ code: 'content', line: null }));
  expect(act).toThrow(message);
}

describe('offers', () => {
  test.each(FIXTURES.filter((name) => name.endsWith('offer')))('%s is one', (name) => {
    validateRemote('offer', parseDescription(fixture(name)), NOTHING_YET);
  });

  test.each([
    ['no ICE credentials', /a=ice-ufrag.*\r\n/, '', 'section 0 (application) has no ICE credentials'],
    ['half of them', /a=ice-pwd.*\r\n/, '', 'has no ICE credentials'],
    ['a ufrag with another character', 'sG2k', 's$2k', 'a=ice-ufrag that is not 4 to 256 ice-chars'],
    ['a short ufrag', 'sG2k', 'sG2', 'a=ice-ufrag'],
    ['a long ufrag', 'sG2k', 'x'.repeat(257), 'a=ice-ufrag'],
    ['a password with another character', 'Q8bJ', 'Q8_J', 'a=ice-pwd that is not 22 to 256 ice-chars'],
    ['a short password', /a=ice-pwd:.*/, 'a=ice-pwd:short', 'a=ice-pwd'],
    ['no fingerprint', /a=fingerprint.*\r\n/, '', 'no a=fingerprint'],
    ['setup:holdconn', 'actpass', 'holdconn', 'a=setup:holdconn'],
    ['a bundle with a mid that no section has', 'BUNDLE 0', 'BUNDLE 0 9', 'the bundle names the mid "9"'],
    ['a mid bundled twice', 'BUNDLE 0', 'BUNDLE 0 0', 'the mid "0" is bundled twice'],
    ['a mid in two bundles', 'a=group:BUNDLE 0', 'a=group:BUNDLE 0\r\na=group:BUNDLE 0', 'bundled twice'],
  ])('%s', (_, from, to, message) => {
    const text = offer.replace(from, to);
    expect(text).not.toBe(offer);
    refused(() => new Peer().setRemote('offer', text), message);
  });

  test('two sections with one mid', () => {
    refused(() => new Peer().setRemote('offer', media.replace('a=mid:1', 'a=mid:0')), 'two sections have the mid "0"');
  });

  test('RTP without rtcp-mux, in its section and in the one that speaks for its bundle', () => {
    const [audio, video] = ['a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111', 'a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96'];
    const without = (text: string, lines: string) => text.replace(lines, lines.replace('a=rtcp-mux\r\n', ''));
    new Peer().setRemote('offer', without(media, video));
    refused(() => new Peer().setRemote('offer', without(media, audio)), 'section 0 (audio) has no a=rtcp-mux');
  });

  test('what is turned down needs nothing', () => {
    const text = offer.replace('m=application 50123', 'm=application 0').replace(/a=ice-ufrag.*\r\n/, '');
    new Peer().setRemote('offer', text);
  });

  test('groups of other semantics, and mids only they name, are no concern', () => {
    new Peer().setRemote('offer', offer.replace('BUNDLE 0', 'BUNGLE 0 7'));
    new Peer().setRemote('offer', offer.replace('BUNDLE 0', 'LS 7'));
  });

  test('a second offer before the first is answered may be quite another', () => {
    const peer = new Peer();
    peer.setRemote('offer', media);
    peer.setRemote('offer', offer);
    expect(peer.answer().media).toHaveLength(1);
  });
});

describe('RFC 3264 §8: later offers', () => {
  const negotiated = (first: string): Peer => {
    const peer = new Peer();
    peer.setRemote('offer', first);
    peer.setLocal('answer', peer.answer());
    return peer;
  };

  test('keep every section', () => {
    refused(() => negotiated(media).setRemote('offer', offer), 'has 1 sections, and 3 were negotiated');
    negotiated(media).setRemote('offer', media);
  });

  test('keep kind and mid of what is in use', () => {
    const swapped = offer.replace('m=application', 'm=audio').replace('c=', 'a=rtcp-mux\r\nc=');
    refused(() => negotiated(offer).setRemote('offer', swapped), 'section 0 was application before');
    const renamed = offer.replace('BUNDLE 0', 'BUNDLE x').replace('mid:0', 'mid:x');
    refused(() => negotiated(offer).setRemote('offer', renamed), 'section 0 had the mid "0" before');
  });

  test('may use the place of what was turned down for another', () => {
    const peer = negotiated(fixture('firefox-media-offer'));
    const text = fixture('firefox-media-offer').replace('m=audio', 'm=video').replace('a=mid:0', 'a=mid:2');
    peer.setRemote('offer', text.replace('BUNDLE 0 1', 'BUNDLE 2 1'));
  });

  test('may add sections', () => {
    const section = media.slice(media.indexOf('m=audio'), media.indexOf('m=video')).replace('a=mid:0', 'a=mid:1');
    negotiated(offer).setRemote('offer', offer.replace('BUNDLE 0', 'BUNDLE 0 1') + section);
  });
});

describe('answers', () => {
  test.each(['chromium-data-answer', 'firefox-data-answer', 'snap-data-answer'])('%s is one', (name) => {
    offerer().setRemote('answer', fixture(name));
  });

  test('need an offer', () => {
    expect(() => new Peer().setRemote('answer', answer)).toThrow('no local offer');
  });

  test('have to decide setup', () => {
    refused(() => offerer().setRemote('answer', answer.replace('active', 'actpass')), 'has to decide a=setup');
    refused(() => offerer().setRemote('pranswer', answer.replace('active', 'actpass')), 'has to decide a=setup');
  });

  test('have as many sections as the offer', () => {
    const two = answer + answer.slice(answer.indexOf('m=')).replace('mid:0', 'mid:1');
    refused(() => offerer().setRemote('answer', two), "the answer has 2 sections to the offer's 1");
    refused(() => offerer().setRemote('answer', answer.slice(0, answer.indexOf('a=group'))), 'has 0 sections');
  });

  test('of the same kinds, protocols and mids', () => {
    const changed = (from: string, to: string) => () => offerer().setRemote('answer', answer.replaceAll(from, to));
    refused(changed('m=application', 'm=message'), 'section 0 was application before');
    refused(changed('UDP/DTLS/SCTP', 'TCP/DTLS/SCTP'), 'section 0 was offered as UDP/DTLS/SCTP');
    refused(
      () => offerer().setRemote('answer', answer.replace('BUNDLE 0', 'BUNDLE 1').replace('mid:0', 'mid:1')),
      'section 0 had the mid "0" before',
    );
  });

  test('accept nothing that was turned down, and bundle nothing that was not', () => {
    const peer = offerer();
    const { pendingLocal } = peer.state;
    const turnedDown = { ...pendingLocal!, media: pendingLocal!.media.map((section) => ({ ...section, port: 0 })) };
    peer.state = { ...peer.state, pendingLocal: turnedDown };
    refused(() => peer.setRemote('answer', answer), 'section 0 was not offered');
    peer.state = { ...peer.state, pendingLocal: { ...pendingLocal!, groups: [] } };
    refused(() => peer.setRemote('answer', answer), '"0" is bundled with "0", which was not offered');
  });

  test('may name in their bundle what they turn down, as some peers do', () => {
    offerer().setRemote('answer', answer.replace('m=application 9', 'm=application 0'));
  });

  test('RFC 8829 §5.10: have new credentials only where the offer had', () => {
    const peer = offerer();
    peer.setRemote('answer', answer);
    peer.setLocal('offer', peer.offer());
    const other = fixture('firefox-data-answer');
    refused(() => peer.setRemote('answer', other), 'the answer has new ICE credentials');
    refused(() => peer.setRemote('pranswer', other), 'the answer has new ICE credentials');
    peer.setRemote('answer', answer);
    peer.model = model({ ice: { usernameFragment: 'next', password: 'anotherPasswordOf22CharsOrSo' } });
    peer.setLocal('offer', peer.offer());
    peer.setRemote('answer', other);
  });

  test('RFC 8829 §5.10: keep those of the provisional answer', () => {
    const peer = offerer();
    peer.state = { ...peer.state, pendingRemote: parseDescription(answer) };
    refused(() => peer.setRemote('answer', fixture('firefox-data-answer')), 'the answer has new ICE credentials');
    peer.setRemote('answer', answer);
  });
});
