import { describe, expect, test } from 'vitest';
import { isIceRestart, negotiate, parseDescription, supportsTrickle } from '../../src/sdp/index.ts';
import { exchange, FINGERPRINT, fixture, model, type Outcome, onOneTransport, Peer } from './peer.ts';

/** We offer data, and this is the answer. */
function answered(text: string): Outcome | null {
  const peer = new Peer();
  peer.setLocal('offer', peer.offer());
  peer.setRemote('answer', text);
  return onOneTransport(negotiate(peer.state.currentLocal!, peer.state.currentRemote!, 'remote'));
}

/** This is the offer, and we answer. */
function offered(text: string): Outcome | null {
  const peer = new Peer();
  peer.setRemote('offer', text);
  peer.setLocal('answer', peer.answer());
  return onOneTransport(negotiate(peer.state.currentLocal!, peer.state.currentRemote!, 'local'));
}

const answer = fixture('chromium-data-answer');
const offer = fixture('chromium-data-offer');

describe('negotiate', () => {
  test('between two of us: both sides see the same from their ends', () => {
    const other = model({ ice: { usernameFragment: 'othr', password: 'theOtherPasswordOf22ch' } });
    const { offerer, answerer } = exchange(new Peer(), new Peer({ ...other, sctp: { port: 6000, maxMessageSize: 0 } }));
    expect(offerer).toEqual({
      sections: [0],
      rejected: [],
      remoteIceLite: false,
      localCredentials: model().transport.ice,
      remoteCredentials: other.transport.ice,
      remoteCandidates: [],
      remoteEndOfCandidates: false,
      remoteFingerprints: [FINGERPRINT],
      remoteTlsId: null,
      dtlsRole: 'server',
      sctp: { mid: '0', localPort: 5000, remotePort: 6000, remoteMaxMessageSize: 0 },
      media: [],
    });
    expect(answerer).toMatchObject({
      localCredentials: offerer!.remoteCredentials,
      remoteCredentials: offerer!.localCredentials,
      dtlsRole: 'client',
      sctp: { localPort: 6000, remotePort: 5000, remoteMaxMessageSize: 262_144 },
    });
  });

  test('with a Chromium that answers', () => {
    expect(answered(answer)).toMatchObject({
      dtlsRole: 'server',
      remoteCredentials: { usernameFragment: 'Wn5x', password: 'tY6uI8oP0aS2dF4gH6jK8lZ1' },
      sctp: { remotePort: 5000, remoteMaxMessageSize: 262_144 },
    });
  });

  test('with a Firefox that offers: its fingerprint stands for the session, its candidates in the offer', () => {
    const outcome = offered(fixture('firefox-data-offer'))!;
    expect(outcome).toMatchObject({ dtlsRole: 'client', remoteEndOfCandidates: true });
    expect(outcome.remoteFingerprints).toHaveLength(1);
    expect(outcome.remoteCandidates).toHaveLength(3);
    expect(outcome.sctp).toMatchObject({ remoteMaxMessageSize: 1_073_741_823 });
  });

  test('the fingerprint of the section overrides that of the session', () => {
    const text = answer.replace('a=group', 'a=fingerprint:sha-1 AA:BB\r\na=group');
    expect(answered(text)!.remoteFingerprints.map(({ algorithm }) => algorithm)).toEqual(['sha-256']);
  });

  test.each([
    ['active', 'server'],
    ['passive', 'client'],
  ])('an answer of setup:%s makes us the %s', (setup, role) => {
    expect(answered(answer.replace('setup:active', `setup:${setup}`))!.dtlsRole).toBe(role);
  });

  test('an answer without setup is taken for active, as browsers take it', () => {
    expect(answered(answer.replace('a=setup:active\r\n', ''))!.dtlsRole).toBe('server');
  });

  test('RFC 8841 §6.1: no max-message-size means 65,536, and 0 means any', () => {
    const size = (line: string) =>
      answered(answer.replace('a=max-message-size:262144\r\n', line))!.sctp!.remoteMaxMessageSize;
    expect([size(''), size('a=max-message-size:0\r\n'), size('a=max-message-size:1\r\n')]).toEqual([65_536, 0, 1]);
  });

  test('an answer with a=sctp-init and without a=sctp-port means port 5000', () => {
    expect(answered(fixture('snap-data-answer'))!.sctp).toMatchObject({
      remotePort: 5000,
      remoteMaxMessageSize: 65_536,
    });
  });

  test('the older form has its port for a format', () => {
    expect(offered(fixture('legacy-sctpmap-offer'))!.sctp).toMatchObject({ remotePort: 5001, localPort: 5000 });
  });

  test('data turned down is no outcome; SCTP port zero is a transport without SCTP', () => {
    expect(answered(answer.replace('m=application 9', 'm=application 0').replace('BUNDLE 0', 'BUNDLE'))).toBeNull();
    expect(answered(answer.replace('sctp-port:5000', 'sctp-port:0'))).toMatchObject({ sctp: null, sections: [0] });
  });

  test('port zero turns down, bundle-only or not: in an answer that attribute has no place', () => {
    const text = answer
      .replace('m=application 9', 'm=application 0')
      .replace(/a=ice-ufrag[\s\S]*a=mid/, 'a=bundle-only\r\na=mid');
    expect(answered(text)).toBeNull();
  });

  test('nothing offered is no outcome', () => {
    expect(exchange(new Peer(), new Peer(), { data: false })).toEqual({ offerer: null, answerer: null });
  });

  test('media turned down: the transport is that of the data section', () => {
    const outcome = offered(fixture('chromium-media-offer'));
    expect(outcome).toMatchObject({ sections: [2], rejected: [0, 1], sctp: { mid: '2' } });
    expect(outcome!.remoteCredentials.usernameFragment).toBe('kV8d');
  });

  test('transport attributes for the session, commas in ice-options', () => {
    const text = fixture('libdatachannel-data-offer');
    expect(offered(text)).toMatchObject({ remoteCredentials: { usernameFragment: 'Xy1Z' }, dtlsRole: 'client' });
    expect(supportsTrickle(parseDescription(text))).toBe(true);
  });

  test('an answer without mids is matched by place', () => {
    const text = answer.replace('a=mid:0\r\n', '').replace('a=group:BUNDLE 0\r\n', '');
    expect(answered(text)).toMatchObject({ sections: [0], sctp: { mid: '0' } });
  });

  test('ice-lite and end-of-candidates for the session', () => {
    const text = answer.replace('a=group', 'a=ice-lite\r\na=end-of-candidates\r\na=group');
    expect(answered(text)).toMatchObject({ remoteIceLite: true, remoteEndOfCandidates: true });
  });
});

describe('ICE restart', () => {
  const before = parseDescription(offer);

  test('is new credentials, either of them', () => {
    expect(isIceRestart(before, before)).toBe(false);
    expect(isIceRestart(before, parseDescription(offer.replace('sG2k', 'zzzz')))).toBe(true);
    expect(isIceRestart(before, parseDescription(offer.replace('Q8bJ', 'zzzz')))).toBe(true);
  });

  test('is nothing a first description can be', () => {
    expect(isIceRestart(null, before)).toBe(false);
    expect(isIceRestart(parseDescription(offer.replace('n 50123', 'n 0')), before)).toBe(false);
  });

  test('is the same whether credentials stand for the session or in the section', () => {
    const lines = /a=ice-ufrag:.*\r\na=ice-pwd:.*\r\n/;
    const moved = offer.replace(lines, '').replace('a=group', `${lines.exec(offer)![0]}a=group`);
    expect(isIceRestart(before, parseDescription(moved))).toBe(false);
  });
});

describe('trickle', () => {
  test('is an option of the session or of any section', () => {
    expect(supportsTrickle(parseDescription(offer))).toBe(true);
    expect(supportsTrickle(parseDescription(fixture('firefox-data-offer')))).toBe(true);
    expect(supportsTrickle(parseDescription(offer.replace('a=ice-options:trickle\r\n', '')))).toBe(false);
    expect(supportsTrickle(parseDescription(offer.replace(':trickle', ':google-ice')))).toBe(false);
  });
});
