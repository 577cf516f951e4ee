import { describe, expect, test } from 'vitest';
import { formatDescription, isRejected, newSessionId, parseDescription } from '../../src/sdp/index.ts';
import { exchange, FINGERPRINT, fixture, model, Peer } from './peer.ts';

/** A peer whose data section was offered and turned down. */
function turnedDown(): Peer {
  const offerer = new Peer();
  exchange(offerer, new Peer({ ...model(), sctp: null }));
  return offerer;
}

describe('the first offer', () => {
  test('of nothing has no sections', () => {
    const offer = new Peer().offer({ data: false });
    expect(offer.media).toEqual([]);
    expect(offer.groups).toEqual([]);
    expect(formatDescription(offer)).toBe(
      'v=0\r\no=- 1234567890123456789 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:trickle ice2\r\n',
    );
  });

  test('of data, in full', () => {
    expect(formatDescription(new Peer().offer()).split('\r\n')).toEqual([
      'v=0',
      'o=- 1234567890123456789 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'a=ice-options:trickle ice2',
      'a=group:BUNDLE 0',
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=setup:actpass',
      'a=mid:0',
      'a=ice-ufrag:ufrg',
      'a=ice-pwd:aPasswordOf22CharsOrSo',
      `a=fingerprint:sha-256 ${FINGERPRINT.value}`,
      'a=sctp-port:5000',
      'a=max-message-size:262144',
      '',
    ]);
  });

  test('shows what there is of fingerprints, tls-id, candidates, ice-lite and another SCTP port', () => {
    const candidate = 'candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host';
    const second = { algorithm: 'sha-384', value: 'AA:BB' };
    const transport = { fingerprints: [FINGERPRINT, second], tlsId: 'a'.repeat(20), iceLite: true };
    const peer = new Peer({
      ...model({ ...transport, candidates: [candidate], endOfCandidates: true }),
      sctp: { port: 5001, maxMessageSize: 0 },
    });
    const text = formatDescription(peer.offer());
    for (const line of [
      'a=ice-lite',
      'a=fingerprint:sha-384 AA:BB',
      `a=tls-id:${'a'.repeat(20)}`,
      `a=${candidate}\r\na=end-of-candidates`,
      'a=sctp-port:5001',
      'a=max-message-size:0',
    ]) {
      expect(text).toContain(`\r\n${line}\r\n`);
    }
  });

  test('has no data section where this endpoint has no data channels', () => {
    expect(new Peer({ ...model(), sctp: null }).offer().media).toEqual([]);
  });
});

describe('RFC 8829 §5.2.2: the session version', () => {
  test('stays while the offer is the same, and counts up when it is not', () => {
    const peer = new Peer();
    expect(peer.offer({ data: false }).origin.sessionVersion).toBe(1);
    expect(peer.offer({ data: false }).origin.sessionVersion).toBe(1);
    expect(peer.offer().origin.sessionVersion).toBe(2);
    expect(peer.offer().origin.sessionVersion).toBe(2);
  });

  test('counts from the last that was made, applied or not', () => {
    const peer = new Peer();
    peer.setLocal('offer', peer.offer({ data: false }));
    peer.offer();
    peer.model = model({ ice: { usernameFragment: 'next', password: 'anotherPasswordOf22Chr' } });
    expect(peer.offer().origin.sessionVersion).toBe(3);
  });

  test('counts answers and offers alike', () => {
    const [a, b] = [new Peer(), new Peer()];
    exchange(a, b);
    exchange(b, a);
    // Each said one thing, then another: setup is decided in an answer and open in an offer.
    expect([a.state.lastCreated, b.state.lastCreated].map((last) => last!.origin.sessionVersion)).toEqual([2, 2]);
  });

  test('session ids are 63 random bits', () => {
    const fill = (byte: number) => newSessionId({ fill: (target) => target.fill(byte) });
    expect([fill(0), fill(0xff), fill(0x80)]).toEqual(['0', '9223372036854775807', '36170086419038336']);
  });
});

describe('later offers', () => {
  test('keep the section, its mid and its credentials, and ask for any role again', () => {
    const [a, b] = [new Peer(), new Peer()];
    exchange(a, b);
    for (const peer of [a, b]) {
      const offer = peer.offer();
      expect(offer.media).toHaveLength(1);
      expect(offer.media[0]).toMatchObject({ mid: '0', port: 9, transport: { iceUfrag: 'ufrg', setup: 'actpass' } });
    }
  });

  test('keep a data section that nobody asks for any more', () => {
    const [a, b] = [new Peer(), new Peer()];
    exchange(a, b);
    expect(isRejected(a.offer({ data: false }).media[0]!)).toBe(false);
  });

  test('keep the mid that the peer chose', () => {
    const peer = new Peer();
    peer.setRemote('offer', fixture('legacy-sctpmap-offer'));
    peer.setLocal('answer', peer.answer());
    const offer = peer.offer();
    expect(offer.media[0]).toMatchObject({
      mid: 'sdparta_0',
      protocol: 'UDP/DTLS/SCTP',
      formats: ['webrtc-datachannel'],
    });
    expect(offer.groups).toEqual([{ semantics: 'BUNDLE', mids: ['sdparta_0'] }]);
  });

  test('restart ICE by new credentials', () => {
    const [a, b] = [new Peer(), new Peer()];
    exchange(a, b);
    a.model = model({ ice: { usernameFragment: 'next', password: 'anotherPasswordOf22Chr' } });
    expect(a.offer().media[0]!.transport).toMatchObject({ iceUfrag: 'next', icePwd: 'anotherPasswordOf22Chr' });
  });

  test('while one is pending go on from that', () => {
    const peer = new Peer();
    peer.setLocal('offer', peer.offer());
    expect(peer.offer().media.map(({ mid }) => mid)).toEqual(['0']);
  });

  test('keep the place of what was turned down, with port zero', () => {
    const offer = turnedDown().offer({ data: false });
    expect(offer.media).toHaveLength(1);
    expect(offer.media[0]).toMatchObject({ port: 0, mid: '0', transport: { iceUfrag: null, fingerprints: [] } });
    expect(offer.groups).toEqual([]);
    expect(parseDescription(formatDescription(offer))).toEqual(offer);
  });

  test('recycle that place, under a new mid', () => {
    const offer = turnedDown().offer({ data: true });
    expect(offer.media.map(({ mid, port }) => [mid, port])).toEqual([['1', 9]]);
    expect(offer.groups).toEqual([{ semantics: 'BUNDLE', mids: ['1'] }]);
  });

  test('recycle the place of media that was turned down', () => {
    const peer = new Peer();
    peer.setRemote(
      'offer',
      fixture('firefox-media-offer')
        .replace(/m=application[\s\S]*$/, '')
        .replace('BUNDLE 0 1', 'BUNDLE 0'),
    );
    peer.setLocal('answer', peer.answer());
    expect(peer.offer({ data: false }).media).toMatchObject([{ kind: 'audio', port: 0, formats: ['109'] }]);
    expect(peer.offer({ data: true }).media).toMatchObject([{ kind: 'application', port: 9, mid: '1' }]);
  });

  test('add data behind media that was turned down, when data is there already', () => {
    const peer = new Peer();
    peer.setRemote('offer', fixture('chromium-media-offer'));
    peer.setLocal('answer', peer.answer());
    const offer = peer.offer();
    expect(offer.media.map(({ kind, port, mid }) => [kind, port, mid])).toEqual([
      ['audio', 0, '0'],
      ['video', 0, '1'],
      ['application', 9, '2'],
    ]);
    expect(offer.groups).toEqual([{ semantics: 'BUNDLE', mids: ['2'] }]);
    expect(offer.media[2]!.transport.iceUfrag).toBe('ufrg');
  });
});
