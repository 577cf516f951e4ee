import { describe, expect, test } from 'vitest';
import { codecCapabilities, parseFormatParameters } from '../../src/rtp/codecs.ts';
import {
  formatDescription,
  isRejected,
  type NegotiatedMedia,
  negotiateMedia,
  parseDescription,
  planOffer,
  type SessionDescription,
} from '../../src/sdp/index.ts';
import { encoding, MediaPeer, transceiver } from './media-peer.ts';
import { fixture, model } from './peer.ts';

const DATA = { data: true };

const both = (): MediaPeer =>
  new MediaPeer([
    transceiver('audio', { sendEncodings: [encoding(1)] }),
    transceiver('video', { sendEncodings: [encoding(2, 3)] }),
  ]);

const names = (description: SessionDescription, index: number): readonly string[] =>
  description.media[index]!.rtp!.codecs.map(({ payloadType, name }) => `${payloadType} ${name}`);

const places = (description: SessionDescription) =>
  description.media.map(({ kind, mid, port, bundleOnly }) => [kind, mid, port > 0 || bundleOnly]);

function exchange(offerer: MediaPeer, answerer: MediaPeer, wants = { data: false }): readonly NegotiatedMedia[] {
  const offer = offerer.offer(wants);
  offerer.setLocal('offer', offer, wants);
  answerer.setRemote('offer', offer);
  const answer = answerer.answer();
  answerer.setLocal('answer', answer);
  offerer.setRemote('answer', answer);
  return negotiateMedia(offerer.state.currentLocal!, offerer.state.currentRemote!, 'remote');
}

/** We offered, and this is the answer. */
function answered(peer: MediaPeer, answer: string, wants = { data: false }): void {
  peer.setLocal('offer', peer.offer(wants), wants);
  peer.setRemote('answer', answer);
}

describe('the first offer of media', () => {
  const offer = both().offer(DATA);
  const text = formatDescription(offer);

  test('has a section for each transceiver, then data, in one bundle', () => {
    expect(places(offer)).toEqual([
      ['audio', '0', true],
      ['video', '1', true],
      ['application', '2', true],
    ]);
    expect(offer.groups).toEqual([{ semantics: 'BUNDLE', mids: ['0', '1', '2'] }]);
    expect(offer.extmapAllowMixed).toBe(true);
  });

  test('is read as it was written', () => {
    expect(parseDescription(text)).toEqual(offer);
  });

  test('the audio section, line by line', () => {
    expect(
      text
        .split(/^(?=m=)/m)[1]!
        .split('\r\n')
        .slice(7),
    ).toEqual([
      expect.stringMatching(/^a=fingerprint/),
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=rtcp-mux-only',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
      'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
      'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:6 urn:ietf:params:rtp-hdrext:csrc-audio-level',
      'a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
      'a=msid:stream track-audio',
      'a=rtpmap:111 opus/48000/2',
      'a=rtcp-fb:111 transport-cc',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=rtpmap:63 red/48000/2',
      'a=fmtp:63 111/111',
      'a=rtpmap:9 G722/8000',
      'a=rtcp-fb:9 transport-cc',
      'a=rtpmap:0 PCMU/8000',
      'a=rtcp-fb:0 transport-cc',
      'a=rtpmap:8 PCMA/8000',
      'a=rtcp-fb:8 transport-cc',
      'a=rtpmap:61 L16/48000/2',
      'a=rtcp-fb:61 transport-cc',
      'a=rtpmap:62 L16/48000',
      'a=rtcp-fb:62 transport-cc',
      'a=rtpmap:10 L16/44100/2',
      'a=rtcp-fb:10 transport-cc',
      'a=rtpmap:11 L16/44100',
      'a=rtcp-fb:11 transport-cc',
      'a=rtpmap:13 CN/8000',
      'a=rtpmap:110 telephone-event/48000',
      'a=rtpmap:126 telephone-event/8000',
      'a=ssrc:1 cname:cname',
      'a=ssrc:1 msid:stream track-audio',
      '',
    ]);
  });

  test('numbers formats as Chromium does, as far as it has them', () => {
    const chromium = parseDescription(fixture('media/chromium-receive-offer')).media[1]!.rtp!.codecs;
    const ours = new Map(offer.media[1]!.rtp!.codecs.map((codec) => [codec.payloadType, codec]));
    const profiles444 = [41, 42, 43, 44]; // High 4:4:4 there, High here
    const av1Profile1 = [47, 48];
    for (const { payloadType, name, parameters } of chromium) {
      if ([...profiles444, ...av1Profile1].includes(payloadType)) continue;
      expect(ours.get(payloadType)).toMatchObject({ name, parameters });
    }
  });

  test('has RTX for every codec of the table that wants it, and no number twice', () => {
    const { codecs } = offer.media[1]!.rtp!;
    expect(new Set(codecs.map(({ payloadType }) => payloadType)).size).toBe(codecs.length);
    const repaired = codecCapabilities('video').filter(({ preferred }) => preferred.rtx !== null);
    expect(codecs.filter(({ name }) => name === 'rtx')).toHaveLength(repaired.length);
  });

  test('announces no sources where there is no cname', () => {
    const silent = new MediaPeer([transceiver('audio', { sendEncodings: [encoding(1)] })], {});
    silent.model = { ...model(), transceivers: silent.transceivers };
    expect(silent.offer().media[0]!.rtp!.ssrcs).toEqual([]);
  });

  test('FEC-FR beside FID', () => {
    const peer = new MediaPeer([transceiver('video', { sendEncodings: [{ ...encoding(1, 2), fecSsrc: 3 }] })]);
    expect(peer.offer().media[0]!.rtp!.ssrcGroups).toEqual([
      { semantics: 'FID', ssrcs: [1, 2] },
      { semantics: 'FEC-FR', ssrcs: [1, 3] },
    ]);
  });

  test('RFC 8888: offered where it is asked for', () => {
    const offers = (congestionControlFeedback: 'offer' | 'answer') =>
      formatDescription(new MediaPeer([transceiver('audio')], { congestionControlFeedback }).offer());
    expect(offers('offer')).toContain('a=rtcp-fb:* ack ccfb\r\n');
    expect(offers('answer')).not.toContain('ccfb');
  });

  test('of transceivers that were stopped, of none, has nothing', () => {
    expect(new MediaPeer([transceiver('audio', { stopped: true })]).offer().media).toEqual([]);
  });
});

describe('RFC 8829 §5.2.1: bundle policies', () => {
  const offered = (bundlePolicy: 'balanced' | 'max-compat' | 'max-bundle') =>
    new MediaPeer([transceiver('audio'), transceiver('video'), transceiver('video')], { bundlePolicy }).offer(DATA);
  test.each([
    ['balanced', [false, false, true, false]],
    ['max-compat', [false, false, false, false]],
    ['max-bundle', [false, true, true, true]],
  ] as const)('%s', (policy, expected) => {
    const { media } = offered(policy);
    expect(media.map(({ bundleOnly }) => bundleOnly)).toEqual(expected);
    expect(media.map(({ port }) => port === 0)).toEqual(expected);
    for (const { rtcp, transport } of media.filter(({ rtp }) => rtp !== null)) {
      expect([rtcp.mux, transport.setup, transport.iceUfrag]).toEqual([true, 'actpass', 'ufrg']);
    }
  });

  test('candidates stand in the section that speaks for all', () => {
    const peer = both();
    const candidates = ['candidate:1 1 udp 1 192.0.2.1 9 typ host'];
    peer.model = { ...peer.model, transport: { ...peer.model.transport, candidates, endOfCandidates: true } };
    expect(peer.offer(DATA).media.map((section) => [section.candidates.length, section.endOfCandidates])).toEqual([
      [1, true],
      [0, false],
      [0, false],
    ]);
  });

  test('nothing is bundle-only any more once it is bundled', () => {
    const [a, b] = [both(), both()];
    a.model = { ...a.model, bundlePolicy: 'max-bundle' };
    exchange(a, b);
    expect(a.offer().media.map(({ port, bundleOnly, rtcp }) => [port, bundleOnly, rtcp.muxOnly])).toEqual([
      [9, false, false],
      [9, false, false],
    ]);
  });
});

describe('formats', () => {
  const preferring = (...wanted: readonly string[]) => {
    const codecPreferences = wanted.map((text) => {
      const [name = '', fmtp = ''] = text.split(' ');
      return { name, clockRate: 90_000, channels: null, parameters: parseFormatParameters(fmtp) };
    });
    return transceiver('video', { codecPreferences });
  };

  test('are those of the preferences, in their order', () => {
    const offer = new MediaPeer([preferring('H265', 'VP8', 'rtx', 'nonsense')]).offer();
    expect(names(offer, 0)).toEqual(['50 H265', '51 rtx', '96 VP8', '97 rtx']);
    expect(names(new MediaPeer([preferring('VP8')]).offer(), 0)).toEqual(['96 VP8']);
  });

  test('RED needs what it repeats, wherever that stands', () => {
    const red = { name: 'red', clockRate: 48_000, channels: 2, parameters: new Map() };
    const opus = { ...red, name: 'opus' };
    const offered = (codecPreferences: (typeof red)[]) =>
      names(new MediaPeer([transceiver('audio', { codecPreferences })]).offer(), 0);
    expect(offered([red, opus])).toEqual(['63 red', '111 opus']);
    const alone = new MediaPeer([transceiver('audio', { codecPreferences: [red] })]).offer();
    expect(formatDescription(alone)).toContain('m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n'); // nothing to talk in
    expect(alone.groups).toEqual([]);
  });

  test('of our own making get numbers that are free: 96 to 127, then 35 to 63', () => {
    const custom = Array.from({ length: 70 }, (_, i) => ({
      name: `X${i}`,
      clockRate: 90_000,
      channels: null,
      parameters: new Map(),
      feedback: [],
      preferred: { payloadType: i < 2 ? 96 : null, rtx: null },
    }));
    const peer = new MediaPeer([transceiver('video')], { codecs: { audio: [], video: custom } });
    const payloadTypes = peer.offer().media[0]!.rtp!.codecs.map(({ payloadType }) => payloadType);
    expect(payloadTypes.slice(0, 3)).toEqual([96, 97, 98]);
    expect(payloadTypes.slice(31, 33)).toEqual([127, 35]);
    expect(payloadTypes).toHaveLength(61); // what has no number is not offered
  });

  test('mean the same in all sections, whoever numbered them first', () => {
    const peer = new MediaPeer([transceiver('video')]);
    peer.setRemote('offer', fixture('media/firefox-call-offer'));
    peer.setLocal('answer', peer.answer());
    peer.transceivers.push(transceiver('video'));
    const offer = peer.offer();
    expect(names(offer, 1).slice(0, 4)).toEqual(['120 VP8', '124 rtx', '121 VP9', '125 rtx']);
    expect(names(offer, 3).slice(0, 4)).toEqual(['120 VP8', '124 rtx', '121 VP9', '125 rtx']);
    const meanings = new Map<number, string>();
    for (const { rtp } of offer.media) {
      for (const { payloadType, name, clockRate } of rtp?.codecs ?? []) {
        expect(meanings.get(payloadType) ?? `${name}/${clockRate}`).toBe(`${name}/${clockRate}`);
        meanings.set(payloadType, `${name}/${clockRate}`);
      }
    }
    const extensions = offer.media.flatMap(({ rtp }) => rtp?.extensions ?? []);
    expect(new Set(extensions.map(({ id }) => id)).size).toBe(new Set(extensions.map(({ uri }) => uri)).size);
    expect(extensions).toContainEqual(expect.objectContaining({ id: 3, uri: 'urn:ietf:params:rtp-hdrext:sdes:mid' }));
  });

  test('RFC 8829 §5.2.2: those of the last answer come first, in its order; the others follow', () => {
    const [a, b] = [new MediaPeer([transceiver('video')]), new MediaPeer([preferring('AV1', 'VP8', 'rtx')])];
    exchange(a, b);
    expect(names(a.offer(), 0).slice(0, 6)).toEqual(['45 AV1', '46 rtx', '96 VP8', '97 rtx', '98 VP9', '99 rtx']);
    a.transceivers[0]!.codecPreferences = preferring('VP8', 'AV1').codecPreferences!;
    expect(names(a.offer(), 0)).toEqual(['96 VP8', '45 AV1']);
  });

  test('§5.2.2: with the feedback, the extensions and the reduced size of the last answer', () => {
    const peer = new MediaPeer([transceiver('video')]);
    const first = peer.offer();
    const answer = formatDescription(first)
      .replaceAll('actpass', 'active')
      .replaceAll(/a=rtcp-fb:96 (?!nack pli).*\r\n/g, '')
      .replaceAll(/a=extmap:(?!4 ).*\r\n/g, '')
      .replace('a=rtcp-rsize\r\n', '');
    answered(peer, answer);
    const next = peer.offer().media[0]!;
    expect(next.rtp!.codecs[0]!.feedback).toEqual([{ type: 'nack', parameter: 'pli' }]);
    expect(next.rtp!.extensions.map(({ id }) => id)).toEqual([4]);
    expect(next.rtcp).toEqual({ mux: true, muxOnly: false, reducedSize: false });
  });
});

describe('header extensions', () => {
  test('are those that are wanted, with a direction that is not both', () => {
    const headerExtensions = [
      { uri: 'urn:y', direction: 'sendonly' as const },
      { uri: 'urn:z', direction: 'stopped' as const },
      { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', direction: 'sendrecv' as const },
    ];
    const peer = new MediaPeer([transceiver('audio', { headerExtensions })]);
    expect(peer.offer().media[0]!.rtp!.extensions).toEqual([
      { id: 1, direction: 'sendonly', uri: 'urn:y', attributes: null },
      { id: 4, direction: null, uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', attributes: null },
    ]);
  });

  test('past 14 have ids of two bytes, never 15', () => {
    const headerExtensions = Array.from({ length: 300 }, (_, i) => ({
      uri: `urn:${i}`,
      direction: 'sendrecv' as const,
    }));
    const peer = new MediaPeer([transceiver('audio', { headerExtensions })]);
    const ids = peer.offer().media[0]!.rtp!.extensions.map(({ id }) => id);
    expect(ids).toHaveLength(254);
    expect(ids.slice(12, 16)).toEqual([13, 14, 16, 17]);
  });
});

describe('simulcast', () => {
  const encodings = (active: boolean) => ['q', 'h'].map((rid) => ({ rid, active, ssrc: 5 }));

  test('has a rid for each encoding, "~" for those that are not active, and no sources', () => {
    const sendEncodings = [...encodings(true), { rid: 'f', active: false }];
    const text = formatDescription(new MediaPeer([transceiver('video', { sendEncodings })]).offer());
    expect(text).toContain('a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;~f\r\n');
    expect(text).not.toContain('a=ssrc');
  });

  test('one rid is no simulcast, and what is not sent has none', () => {
    const rtp = (direction: 'sendrecv' | 'recvonly', count: number) =>
      new MediaPeer([transceiver('video', { direction, sendEncodings: encodings(true).slice(0, count) })]).offer()
        .media[0]!.rtp!;
    expect(rtp('sendrecv', 1)).toMatchObject({ rids: [{ id: 'q' }], simulcast: null });
    expect(rtp('recvonly', 2)).toMatchObject({ rids: [], simulcast: null });
  });

  test('to receive, beside what is sent, under other rids', () => {
    const peer = new MediaPeer([
      transceiver('video', { sendEncodings: encodings(true), receiveSimulcast: ['q', 'x', 'y'] }),
    ]);
    expect(formatDescription(peer.offer())).toContain('a=simulcast:send q;h recv x;y\r\n');
  });
});

describe('RFC 8829 §5.2.2: places', () => {
  test('stay: what is stopped is turned down where it stood, and stays so', () => {
    const [a, b] = [both(), both()];
    exchange(a, b, DATA);
    a.transceivers[1]!.stopped = true;
    const offer = a.offer(DATA);
    expect(places(offer)).toEqual([
      ['audio', '0', true],
      ['video', '1', false],
      ['application', '2', true],
    ]);
    expect(offer.groups[0]!.mids).toEqual(['0', '2']);
    expect(offer.media[1]!.rtp).toMatchObject({ msids: [], codecs: [] });
    exchange(a, b, DATA);
    expect(places(a.offer(DATA))).toEqual(places(offer));
  });

  test('are used again once it was negotiated that they are free, under a new mid', () => {
    const [a, b] = [both(), both()];
    exchange(a, b, DATA);
    a.transceivers[1]!.stopped = true;
    a.transceivers.push(transceiver('audio'));
    // Not yet: the video is only being stopped, so the new one goes behind.
    expect(places(a.offer(DATA)).slice(1)).toEqual([
      ['video', '1', false],
      ['application', '2', true],
      ['audio', '3', true],
    ]);
    a.transceivers.pop();
    exchange(a, b, DATA);
    a.transceivers.push(transceiver('audio'));
    expect(places(a.offer(DATA))).toEqual([
      ['audio', '0', true],
      ['audio', '3', true],
      ['application', '2', true],
    ]);
    exchange(a, b, DATA);
    expect(b.transceivers.filter(({ stopped }) => !stopped).map(({ kind, mid }) => [kind, mid])).toEqual([
      ['audio', '0'],
      ['audio', '3'],
    ]);
  });

  test('are used again by the other side, too', () => {
    const [a, b] = [both(), both()];
    exchange(a, b);
    a.transceivers[0]!.stopped = true;
    exchange(a, b);
    b.transceivers.push(transceiver('video'));
    expect(places(b.offer())).toEqual([
      ['video', '2', true],
      ['video', '1', true],
    ]);
  });

  test('of what the answer turned down are free', () => {
    const [a, b] = [both(), new MediaPeer([], { codecs: { audio: [], video: codecCapabilities('video') } })];
    exchange(a, b);
    expect(a.transceivers.map(({ stopped }) => stopped)).toEqual([true, false]);
    expect(places(a.offer(DATA))).toEqual([
      ['application', '2', true],
      ['video', '1', true],
    ]);
  });

  test('in an offer made again before the answer: added behind, mids as they were', () => {
    const peer = both();
    peer.setLocal('offer', peer.offer());
    peer.transceivers.push(transceiver('video'));
    const offer = peer.offer();
    expect(places(offer).map(([, mid]) => mid)).toEqual(['0', '1', '2']);
    expect(planOffer(peer.model, peer.state, { data: false }).map(({ use }) => use)).toEqual([
      'media',
      'media',
      'media',
    ]);
  });

  test('the plan says which transceiver is where', () => {
    const peer = new MediaPeer([transceiver('audio', { stopped: true }), transceiver('video'), transceiver('audio')]);
    expect(planOffer(peer.model, peer.state, DATA)).toEqual([
      { use: 'media', mid: '0', before: null, transceiver: 1 },
      { use: 'media', mid: '1', before: null, transceiver: 2 },
      { use: 'data', mid: '2', before: null },
    ]);
  });

  test('sections that came without mids have those that were made up for them', () => {
    const peer = new MediaPeer();
    const offer = fixture('media/chromium-call-offer').replaceAll(/a=mid:.*\r\n|a=group.*\r\n/g, '');
    peer.setRemote('offer', offer);
    peer.transceivers[0]!.mid = 'made'; // up, where it was associated
    peer.setLocal('answer', peer.answer());
    expect(places(peer.offer())[0]).toEqual(['audio', 'made', true]);
  });

  test('a new section never speaks for a bundle that is there (RFC 9143 §7.3.3)', () => {
    const [a, b] = [both(), both()];
    exchange(a, b);
    a.transceivers[0]!.stopped = true;
    exchange(a, b);
    a.transceivers.push(transceiver('audio')); // in the first place
    const offer = a.offer();
    expect(places(offer)[0]).toEqual(['audio', '2', true]);
    expect(offer.groups[0]!.mids).toEqual(['1', '2']);
  });
});

test('the version counts when a direction changes', () => {
  const peer = both();
  expect(peer.offer().origin.sessionVersion).toBe(1);
  expect(peer.offer().origin.sessionVersion).toBe(1);
  peer.transceivers[0]!.direction = 'inactive';
  expect(peer.offer().origin.sessionVersion).toBe(2);
  expect(isRejected(peer.offer().media[0]!)).toBe(false);
});
