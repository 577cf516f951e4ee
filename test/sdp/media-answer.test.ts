import { describe, expect, test } from 'vitest';
import { parseFormatParameters } from '../../src/rtp/codecs.ts';
import { formatDescription, isRejected, type SessionDescription, type TransceiverModel } from '../../src/sdp/index.ts';
import { encoding, MEDIA_FIXTURES, MediaPeer, transceiver } from './media-peer.ts';
import { FINGERPRINT, fixture } from './peer.ts';

function answerTo(offer: string, peer: MediaPeer = new MediaPeer()): SessionDescription {
  peer.setRemote('offer', offer);
  return peer.answer();
}

const chromium = fixture('media/chromium-call-offer');
const firefox = fixture('media/firefox-call-offer');
const simulcast = fixture('media/chromium-simulcast-offer');

/** Both kinds, with sources. */
const sending = (changes: Partial<TransceiverModel> = {}) => [
  transceiver('audio', { sendEncodings: [encoding(1)], ...changes }),
  transceiver('video', { sendEncodings: [encoding(2, 3)], ...changes }),
];

const names = (answer: SessionDescription, index: number): readonly string[] =>
  answer.media[index]!.rtp!.codecs.map(({ payloadType, name }) => `${payloadType} ${name}`);

/** The lines of one section whose names are not left out. */
function lines(answer: SessionDescription, index: number, leftOut = /^a=(ice-|setup|fingerprint)/): string[] {
  const section = formatDescription(answer).split(/^(?=m=)/m)[index + 1]!;
  return section.split('\r\n').filter((line) => line !== '' && !leftOut.test(line));
}

describe('to a Chromium', () => {
  const answer = answerTo(chromium, new MediaPeer(sending()));

  test('the session, line by line', () => {
    expect(formatDescription(answer).split('m=')[0]!.split('\r\n')).toEqual([
      'v=0',
      'o=- 1234567890123456789 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'a=extmap-allow-mixed',
      'a=ice-options:trickle',
      'a=group:BUNDLE 0 1 2',
      '',
    ]);
  });

  test('the audio section, line by line', () => {
    expect(lines(answer, 0, /^$/)).toEqual([
      'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126',
      'c=IN IP4 0.0.0.0',
      'a=setup:active',
      'a=mid:0',
      'a=sendrecv',
      'a=ice-ufrag:ufrg',
      'a=ice-pwd:aPasswordOf22CharsOrSo',
      `a=fingerprint:sha-256 ${FINGERPRINT.value}`,
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
      'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
      'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=msid:stream track-audio',
      'a=rtpmap:111 opus/48000/2',
      'a=rtcp-fb:111 transport-cc',
      'a=fmtp:111 minptime=10;useinbandfec=1',
      'a=rtpmap:63 red/48000/2',
      'a=fmtp:63 111/111',
      'a=rtpmap:9 G722/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:13 CN/8000',
      'a=rtpmap:110 telephone-event/48000',
      'a=rtpmap:126 telephone-event/8000',
      'a=ssrc:1 cname:cname',
      'a=ssrc:1 msid:stream track-audio',
    ]);
  });

  test('the video section: all that is offered and known, by the offer’s numbers and in its order', () => {
    const known = lines(answer, 1).filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb)/.test(line));
    expect(known).toEqual([
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46 98 99 100 101 118 119 120',
      'c=IN IP4 0.0.0.0',
      'a=mid:1',
      'a=sendrecv',
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=extmap:14 urn:ietf:params:rtp-hdrext:toffset',
      'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
      'a=extmap:13 urn:3gpp:video-orientation',
      'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
      'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
      'a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
      'a=msid:stream track-video',
      'a=ssrc-group:FID 2 3',
      'a=ssrc:2 cname:cname',
      'a=ssrc:2 msid:stream track-video',
      'a=ssrc:3 cname:cname',
      'a=ssrc:3 msid:stream track-video',
    ]);
    const codecLines = (text: string) => text.match(/^a=(rtpmap|fmtp|rtcp-fb).*$/gm);
    const offered = codecLines(chromium.split(/^(?=m=)/m)[2]!);
    expect(codecLines(lines(answer, 1).join('\n'))).toEqual(offered); // we have all that it has
  });

  test('the data section, in the same bundle', () => {
    expect(lines(answer, 2)).toEqual([
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:2',
      'a=sctp-port:5000',
      'a=max-message-size:262144',
    ]);
  });
});

describe('to a Firefox', () => {
  const answer = answerTo(firefox, new MediaPeer(sending()));

  test('the audio section, line by line', () => {
    expect(lines(answer, 0)).toEqual([
      'm=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101',
      'c=IN IP4 0.0.0.0',
      'a=mid:0',
      'a=sendrecv',
      'a=rtcp-mux',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
      'a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:csrc-audio-level',
      'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=extmap-allow-mixed',
      'a=msid:stream track-audio',
      'a=rtpmap:109 opus/48000/2',
      'a=rtcp-fb:109 transport-cc',
      'a=fmtp:109 minptime=10;useinbandfec=1',
      'a=rtpmap:9 G722/8000/1',
      'a=rtcp-fb:9 transport-cc',
      'a=rtpmap:0 PCMU/8000',
      'a=rtcp-fb:0 transport-cc',
      'a=rtpmap:8 PCMA/8000',
      'a=rtcp-fb:8 transport-cc',
      'a=rtpmap:101 telephone-event/8000',
      'a=ssrc:1 cname:cname',
      'a=ssrc:1 msid:stream track-audio',
    ]);
  });

  test('the video section, but for feedback', () => {
    expect(lines(answer, 1).filter((line) => !line.startsWith('a=rtcp-fb'))).toEqual([
      'm=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 99 100 123 122 119',
      'c=IN IP4 0.0.0.0',
      'a=mid:1',
      'a=sendrecv',
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
      'a=extmap:5 urn:ietf:params:rtp-hdrext:toffset',
      'a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
      'a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=extmap-allow-mixed',
      'a=msid:stream track-video',
      'a=rtpmap:120 VP8/90000',
      'a=rtpmap:124 rtx/90000',
      'a=fmtp:124 apt=120',
      'a=rtpmap:121 VP9/90000',
      'a=fmtp:121 profile-id=0',
      'a=rtpmap:125 rtx/90000',
      'a=fmtp:125 apt=121',
      'a=rtpmap:99 AV1/90000',
      'a=fmtp:99 level-idx=5;profile=0;tier=0',
      'a=rtpmap:100 rtx/90000',
      'a=fmtp:100 apt=99',
      'a=rtpmap:123 ulpfec/90000',
      'a=rtpmap:122 red/90000',
      'a=rtpmap:119 rtx/90000',
      'a=fmtp:119 apt=122',
      'a=ssrc-group:FID 2 3',
      'a=ssrc:2 cname:cname',
      'a=ssrc:2 msid:stream track-video',
      'a=ssrc:3 cname:cname',
      'a=ssrc:3 msid:stream track-video',
    ]);
    expect(answer.extmapAllowMixed).toBe(false); // where it was offered: in the sections
  });
});

describe('directions (RFC 3264 §6.1, RFC 8829 §5.3.1)', () => {
  const all = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const;
  const expected: Record<string, readonly string[]> = {
    sendrecv: ['sendrecv', 'sendonly', 'recvonly', 'inactive'],
    sendonly: ['recvonly', 'inactive', 'recvonly', 'inactive'],
    recvonly: ['sendonly', 'sendonly', 'inactive', 'inactive'],
    inactive: ['inactive', 'inactive', 'inactive', 'inactive'],
  };
  test.each(all)('offered %s', (offered) => {
    const text = chromium.replaceAll('a=sendrecv', `a=${offered}`);
    const directions = all.map(
      (direction) => answerTo(text, new MediaPeer(sending({ direction }))).media[0]!.direction,
    );
    expect(directions).toEqual(expected[offered]);
  });

  test('not said: both ways, or as the session says', () => {
    const text = chromium.replaceAll('a=sendrecv\r\n', '');
    expect(answerTo(text, new MediaPeer(sending())).media[0]!.direction).toBe('sendrecv');
    const session = text.replace('a=group', 'a=sendonly\r\na=group');
    expect(answerTo(session, new MediaPeer(sending())).media[0]!.direction).toBe('recvonly');
  });

  test('a side that does not send announces no streams and no sources', () => {
    const answer = answerTo(chromium, new MediaPeer(sending({ direction: 'recvonly' })));
    expect(answer.media[1]!.rtp).toMatchObject({ msids: [], ssrcs: [], ssrcGroups: [] });
  });

  test('a track in no stream is in "-", one in several is in all', () => {
    const msids = (streams: readonly string[]) =>
      answerTo(chromium, new MediaPeer(sending({ streams }))).media[0]!.rtp!.msids.map(({ stream }) => stream);
    expect(msids([])).toEqual(['-']);
    expect(msids(['a', 'b'])).toEqual(['a', 'b']);
  });
});

describe('formats', () => {
  const preferring = (...wanted: readonly string[]): MediaPeer => {
    const codecPreferences = wanted.map((text) => {
      const [name = '', fmtp = ''] = text.split(' ');
      return { name, clockRate: 90_000, channels: null, parameters: parseFormatParameters(fmtp) };
    });
    return new MediaPeer([transceiver('audio'), transceiver('video', { codecPreferences })]);
  };

  test('preferences decide what there is, and its order, whatever was offered', () => {
    expect(names(answerTo(chromium, preferring('VP9 profile-id=0', 'rtx', 'VP8')), 1)).toEqual([
      '98 VP9',
      '99 rtx',
      '96 VP8',
      '97 rtx',
    ]);
  });

  test('preferences without RTX have none', () => {
    expect(names(answerTo(chromium, preferring('vp8')), 1)).toEqual(['96 VP8']);
  });

  test('preferences that match nothing offered turn the section down', () => {
    expect(isRejected(answerTo(chromium, preferring('H265')).media[1]!)).toBe(true);
  });

  test('RTX of nothing we have, and RED around it, go with it', () => {
    const offer = chromium
      .replace('a=rtpmap:111 opus', 'a=rtpmap:111 sopus')
      .replace('a=rtpmap:96 VP8', 'a=rtpmap:96 X');
    const answer = answerTo(offer);
    expect(names(answer, 0).slice(0, 2)).toEqual(['9 G722', '0 PCMU']);
    expect(names(answer, 1).slice(0, 2)).toEqual(['102 H264', '103 rtx']);
  });

  test('tones, comfort noise and redundancy alone are nothing to talk in', () => {
    const offer = chromium.replace(/m=audio (.*) SAVPF.*|m=audio 9 UDP\/TLS\/RTP\/SAVPF .*/, (line) =>
      line.replace(/SAVPF .*/, 'SAVPF 13 110 126'),
    );
    expect(answerTo(offer).media.map((section) => isRejected(section))).toEqual([true, false, false]);
  });

  test('two numbers of one codec are both taken', () => {
    const offer = chromium.replace('a=rtpmap:98 VP9/90000', 'a=rtpmap:98 VP8/90000');
    expect(names(answerTo(offer), 1).filter((name) => name.endsWith('VP8'))).toEqual(['96 VP8', '98 VP8']);
  });

  test('feedback that is offered for all formats is for each', () => {
    const offer = chromium
      .replaceAll(/a=rtcp-fb:96 .*\r\n/g, '')
      .replace('a=rtpmap:96', 'a=rtcp-fb:* nack\r\na=rtpmap:96');
    expect(answerTo(offer).media[1]!.rtp!.codecs[0]!.feedback).toEqual([{ type: 'nack', parameter: null }]);
  });

  test('RFC 8888 §6: one of several kinds of congestion feedback', () => {
    const offer = chromium.replaceAll('a=rtcp-rsize', 'a=rtcp-rsize\r\na=rtcp-fb:* ack ccfb');
    const answer = formatDescription(answerTo(offer));
    expect(answer.match(/a=rtcp-fb:\* ack ccfb/g)).toHaveLength(2);
    expect(answer).not.toContain('transport-cc');
    expect(answer).not.toContain('transport-wide-cc');
    expect(answer).toContain('a=rtcp-fb:96 goog-remb');
    const without = formatDescription(answerTo(offer, new MediaPeer([], { congestionControlFeedback: 'never' })));
    expect(without).not.toContain('ccfb');
    expect(without).toContain('a=rtcp-fb:96 transport-cc');
  });
});

describe('header extensions', () => {
  test('that are not wanted are not answered, and ids of offers alone are not used', () => {
    const headerExtensions = [
      { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', direction: 'sendrecv' as const },
      { uri: 'urn:x', direction: 'sendrecv' as const },
      { uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level', direction: 'stopped' as const },
    ];
    const offer = chromium.replace('a=extmap:4 ', 'a=extmap:4096 urn:x\r\na=extmap:4 ');
    const answer = answerTo(offer, new MediaPeer(sending({ headerExtensions })));
    expect(answer.media[0]!.rtp!.extensions.map(({ id }) => id)).toEqual([4]);
  });

  test('of the session are in each section that wants them', () => {
    const line = 'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n';
    const offer = chromium.replaceAll(line, '').replace('a=group', `${line}a=group`);
    expect(answerTo(offer).media[1]!.rtp!.extensions.at(-1)).toMatchObject({ id: 4 });
  });
});

describe('simulcast (RFC 8853 §5.3.2)', () => {
  const receiving = (receiveSimulcast: TransceiverModel['receiveSimulcast']) =>
    new MediaPeer([transceiver('video', { direction: 'recvonly', ...(receiveSimulcast && { receiveSimulcast }) })]);

  test('is turned around, paused streams as they were offered', () => {
    const answer = answerTo(simulcast, receiving('asOffered'));
    expect(lines(answer, 0).slice(-4)).toEqual([
      'a=rid:q recv',
      'a=rid:h recv',
      'a=rid:f recv',
      'a=simulcast:recv q;~h;f',
    ]);
  });

  test('is taken in part', () => {
    const { rids, simulcast: answered } = answerTo(simulcast, receiving(['f', 'x'])).media[0]!.rtp!;
    expect(rids.map(({ id }) => id)).toEqual(['f']);
    expect(answered).toEqual({ send: [], receive: [[{ rid: 'f', paused: false }]] });
  });

  test('is not taken where nobody asked for it', () => {
    expect(answerTo(simulcast, receiving(undefined)).media[0]!.rtp).toMatchObject({ rids: [], simulcast: null });
  });

  test('is sent where it is asked for, as far as there are encodings', () => {
    const offer = simulcast
      .replaceAll(/a=rid:(\w) send/g, 'a=rid:$1 recv')
      .replace('simulcast:send q;~h;f', 'simulcast:recv q;h;f')
      .replace('a=sendonly', 'a=recvonly');
    const sendEncodings = ['q', 'f', 'z'].map((rid) => ({ rid, active: true, ssrc: 1 }));
    const rtp = answerTo(offer, new MediaPeer([transceiver('video', { sendEncodings })])).media[0]!.rtp!;
    expect(rtp.simulcast!.send.flat().map(({ rid }) => rid)).toEqual(['q', 'f']);
    expect(rtp.rids).toMatchObject([
      { id: 'q', direction: 'send' },
      { id: 'f', direction: 'send' },
    ]);
    expect(rtp.ssrcs).toEqual([]); // the rids tell them apart
  });

  test('RFC 8851 §6.2.2: payload types that were turned down drop out, and restrictions nobody knows', () => {
    const restrict = (q: string, f: string) =>
      simulcast.replace('a=rid:q send', `a=rid:q send ${q}`).replace('a=rid:f send', `a=rid:f send ${f}`);
    const rids = (offer: string) => answerTo(offer, receiving('asOffered')).media[0]!.rtp!.rids;
    expect(rids(restrict('pt=96,77', 'pt=77')).map(({ id, payloadTypes }) => [id, payloadTypes])).toEqual([
      ['q', [96]],
      ['h', []],
    ]);
    expect([...rids(restrict('max-width=320;color=red', 'max-fps=5'))[0]!.restrictions]).toEqual([
      ['max-width', '320'],
    ]);
  });
});

describe('sections that are turned down', () => {
  test('those whose transceiver is stopped', () => {
    const peer = new MediaPeer();
    peer.setRemote('offer', chromium);
    peer.transceivers[0]!.stopped = true;
    const answer = peer.answer();
    expect(answer.media.map(({ port }) => port)).toEqual([0, 9, 9]);
    expect(lines(answer, 0, /^$/)).toEqual([
      'm=audio 0 UDP/TLS/RTP/SAVPF 111',
      'c=IN IP4 0.0.0.0',
      'a=mid:0',
      'a=inactive',
    ]);
    // RFC 9143 §7.3.1: the next one speaks for the bundle.
    expect(answer.groups).toEqual([{ semantics: 'BUNDLE', mids: ['1', '2'] }]);
  });

  test('with max-bundle, all but those of the first bundle, or the first alone', () => {
    const ports = (group: string) => {
      const peer = new MediaPeer([], { bundlePolicy: 'max-bundle' });
      return answerTo(chromium.replace('a=group:BUNDLE 0 1 2', group), peer).media.map(({ port }) => port);
    };
    expect(ports('a=group:BUNDLE 1 2')).toEqual([9, 0, 0]);
    expect(ports('a=group:BUNDLE 0 2\r\na=group:BUNDLE 1')).toEqual([9, 0, 9]);
    expect(ports('a=x')).toEqual([9, 0, 0]);
  });

  test('bundle-only ones that no section can speak for', () => {
    const offer = fixture('media/firefox-max-bundle-offer');
    expect(answerTo(offer).media.map(({ port, bundleOnly }) => [port, bundleOnly])).toEqual([
      [9, false],
      [9, false],
    ]);
    const stopped = new MediaPeer();
    stopped.setRemote('offer', offer);
    stopped.transceivers[0]!.stopped = true;
    expect(stopped.answer().media.map(({ port }) => port)).toEqual([0, 0]);
  });

  test('kinds that nobody has, whatever they carry', () => {
    const answer = answerTo(chromium.replace('m=audio', 'm=text'));
    expect(answer.media.map(({ port }) => port)).toEqual([0, 9, 9]);
  });
});

test.each(MEDIA_FIXTURES.filter((name) => name.endsWith('offer')))('nothing unknown in %s comes back', (name) => {
  const text = formatDescription(answerTo(fixture(name)));
  for (const unknown of ['rtcp-xr', 'a=rtcp:', 'video-timing', 'color-space', 'msid-semantic', 'a=bundle-only']) {
    expect(text).not.toContain(unknown);
  }
});
