import { describe, expect, test } from 'vitest';
import {
  type DescriptionType,
  formatDescription,
  type NegotiatedMedia,
  negotiateMedia,
  parseDescription,
  proposedSendRids,
  remoteMsids,
  SdpError,
  type TransceiverModel,
  validateRemote,
} from '../../src/sdp/index.ts';
import { encoding, MEDIA_FIXTURES, MediaPeer, transceiver } from './media-peer.ts';
import { fixture } from './peer.ts';

const chromium = fixture('media/chromium-call-offer');

const sending = () => [
  transceiver('audio', { sendEncodings: [encoding(1)] }),
  transceiver('video', { sendEncodings: [encoding(2, 3)] }),
];

/** This is the offer, and we answer. */
function offered(text: string, peer: MediaPeer = new MediaPeer(sending())): readonly NegotiatedMedia[] {
  peer.setRemote('offer', text);
  peer.setLocal('answer', peer.answer());
  return negotiateMedia(peer.state.currentLocal!, peer.state.currentRemote!, 'local');
}

/** We offer, and this is done to our own offer to make the answer. */
function answered(peer: MediaPeer, edit: (text: string) => string): readonly NegotiatedMedia[] {
  const offer = peer.offer();
  peer.setLocal('offer', offer);
  peer.setRemote('answer', edit(formatDescription(offer).replaceAll('actpass', 'active')));
  return negotiateMedia(peer.state.currentLocal!, peer.state.currentRemote!, 'remote');
}

describe('with a Chromium that offers', () => {
  const [audio, video] = offered(chromium);
  const offer = parseDescription(chromium);

  test('the section: kind, mid, bundle, directions, feedback', () => {
    expect(audio).toMatchObject({
      mLineIndex: 0,
      mid: '0',
      kind: 'audio',
      rejected: false,
      bundledIn: '0',
      direction: 'sendrecv',
      reducedSizeRtcp: true,
      extmapAllowMixed: true,
      congestionFeedback: 'transport-cc',
    });
    expect(video).toMatchObject({ mLineIndex: 1, mid: '1', kind: 'video', bundledIn: '0' });
  });

  test('formats, with what repairs them', () => {
    expect(video!.send.codecs.slice(0, 2)).toMatchObject([
      { payloadType: 96, mimeType: 'video/VP8', role: 'media', rtxPayloadType: 97, associatedPayloadType: null },
      { payloadType: 97, mimeType: 'video/rtx', role: 'rtx', rtxPayloadType: null, associatedPayloadType: 96 },
    ]);
    expect(video!.send.codecs[0]!.feedback).toContainEqual({ type: 'nack', parameter: 'pli' });
    expect(audio!.receive.codecs.map(({ role, redPayloadTypes }) => [role, redPayloadTypes])).toEqual([
      ['media', []],
      ['red', [111, 111]],
      ['media', []],
      ['media', []],
      ['media', []],
      ['comfortNoise', []],
      ['telephoneEvent', []],
      ['telephoneEvent', []],
    ]);
    expect(video!.send.codecs.slice(-3).map(({ role }) => role)).toEqual(['red', 'rtx', 'ulpfec']);
  });

  test('streams and sources of the peer', () => {
    const [source, repair] = offer.media[1]!.rtp!.ssrcs;
    expect(video!.receive).toMatchObject({ msids: offer.media[1]!.rtp!.msids, streams: [] });
    expect(video!.receive.sources).toEqual([
      { ssrc: source!.ssrc, rtxSsrc: repair!.ssrc, fecSsrc: null, cname: source!.cname },
    ]);
  });

  test('header extensions, with our directions', () => {
    expect(audio!.extensions).toContainEqual({
      id: 4,
      uri: 'urn:ietf:params:rtp-hdrext:sdes:mid',
      direction: 'sendrecv',
      attributes: null,
    });
  });
});

test('Firefox: extensions in the directions that are left', () => {
  const [audio] = offered(fixture('media/firefox-call-offer'));
  expect(audio!.extensions.map(({ id, direction }) => [id, direction])).toEqual([
    [1, 'sendrecv'],
    [2, 'sendonly'],
    [3, 'sendrecv'],
    [7, 'sendrecv'],
  ]);
  expect(audio).toMatchObject({ extmapAllowMixed: true, reducedSizeRtcp: false });
});

test('Firefox: simulcast, with its sources', () => {
  const peer = new MediaPeer([transceiver('video', { direction: 'recvonly', receiveSimulcast: 'asOffered' })]);
  const [video] = offered(fixture('media/firefox-simulcast-offer'), peer);
  expect(video!.receive.streams.flat().map(({ rid }) => rid)).toEqual(['q', 'h', 'f']);
  expect(video!.receive.sources).toHaveLength(3);
  expect(video!.receive.sources.every(({ rtxSsrc }) => rtxSsrc !== null)).toBe(true);
});

test.each(MEDIA_FIXTURES.filter((name) => name.endsWith('offer')))(
  '%s and our answer agree on every section',
  (name) => {
    const peer = new MediaPeer();
    const media = offered(fixture(name), peer);
    const { currentLocal, currentRemote } = peer.state;
    const sections = currentRemote!.media.flatMap((section) => section.rtp ?? []);
    expect(media).toHaveLength(sections.length);
    for (const item of media.filter(({ rejected }) => !rejected)) {
      // Answerers use the offer's numbers, so both directions have the same.
      const numbers = (codecs: NegotiatedMedia['send']['codecs']) => codecs.map(({ payloadType }) => payloadType);
      expect(numbers(item.send.codecs)).toEqual(numbers(item.receive.codecs));
      expect(item.send.codecs.length).toBeGreaterThan(4);
    }
    // From the other end it looks the same, with sending and receiving in each other's place.
    const mirrored = negotiateMedia(currentRemote!, currentLocal!, 'remote');
    expect(mirrored.map(({ mid, rejected, bundledIn }) => [mid, rejected, bundledIn])).toEqual(
      media.map(({ mid, rejected, bundledIn }) => [mid, rejected, bundledIn]),
    );
    for (const [index, item] of media.entries()) {
      const other = mirrored[index]!;
      expect(other.send.codecs.map(({ payloadType }) => payloadType)).toEqual(
        item.receive.codecs.map(({ payloadType }) => payloadType),
      );
      expect(other.congestionFeedback).toBe(item.congestionFeedback);
    }
  },
);

describe('with another that answers', () => {
  test('the peer’s order and numbers for what we send, ours for what comes', () => {
    const [video] = answered(new MediaPeer([transceiver('video')]), (text) =>
      text
        .replace(/m=video 9 (\S+) .*/, 'm=video 9 $1 100 101 45')
        .replace('a=rtpmap:100 VP9/90000', 'a=rtpmap:100 VP8/90000')
        .replace('a=fmtp:100 profile-id=2', 'a=fmtp:100 max-fr=30'),
    );
    expect(video!.send.codecs.map(({ payloadType, name }) => `${payloadType} ${name}`)).toEqual([
      '100 VP8',
      '101 rtx',
      '45 AV1',
    ]);
    expect(video!.send.codecs[0]!.parameters).toEqual(new Map([['max-fr', '30']]));
    expect(video!.receive.codecs.filter(({ role }) => role === 'media').map((codec) => codec.payloadType)).toEqual([
      96, 45,
    ]);
  });

  test('RTX of what both repair, and of nothing else', () => {
    const [video] = answered(new MediaPeer([transceiver('video')]), (text) =>
      text.replace(/m=video 9 (\S+) .*/, 'm=video 9 $1 96 98 99'),
    );
    expect(video!.send.codecs.map(({ payloadType }) => payloadType)).toEqual([96, 98, 99]);
    expect(video!.receive.codecs.map(({ payloadType }) => payloadType)).toEqual([96, 98, 99]);
    expect(video!.receive.codecs.map(({ rtxPayloadType }) => rtxPayloadType)).toEqual([null, 99, null]);
  });

  test('H.264: their level where both allow asymmetry', () => {
    const level = (edit: (text: string) => string) =>
      answered(new MediaPeer([transceiver('video')]), edit)[0]!
        .send.codecs.find(({ payloadType }) => payloadType === 108)!
        .parameters.get('profile-level-id');
    expect(level((text) => text.replace('42e01f', '42e034'))).toBe('42e034');
    expect(level((text) => text.replace(/level-asymmetry-allowed=1;(\S+)42e01f/, '$142e034'))).toBe('42e01f');
  });

  test('directions and what was turned down', () => {
    const media = answered(new MediaPeer(sending()), (text) =>
      text.replace('a=sendrecv', 'a=recvonly').replace('m=video 9', 'm=video 0'),
    );
    expect(media[0]).toMatchObject({ direction: 'sendonly', receive: { msids: [] } });
    expect(media[1]).toMatchObject({ rejected: true, direction: 'inactive', bundledIn: null, send: { codecs: [] } });
  });

  test('limits: b=TIAS in bits, b=AS in kilobits with 5 % for RTCP and the headers off (RFC 8829 §5.10)', () => {
    const limited = (line: string, extra = '') =>
      answered(new MediaPeer([transceiver('audio')]), (text) =>
        text.replace('c=IN IP4 0.0.0.0\r\n', `c=IN IP4 0.0.0.0\r\n${line}`).replace('a=mid:0', `${extra}a=mid:0`),
      )[0]!.send;
    expect(limited('b=AS:100\r\n').maxBitrate).toBe(79_000);
    expect(limited('b=AS:100\r\nb=TIAS:64000\r\n').maxBitrate).toBe(64_000);
    expect(limited('b=AS:1\r\n').maxBitrate).toBe(0);
    expect(limited('').maxBitrate).toBeNull();
    expect(limited('', 'a=ptime:40\r\na=maxptime:60\r\n')).toMatchObject({ ptime: 40, maxptime: 60 });
  });

  test.each([
    ['ccfb', (text: string) => text, 'offer'],
    ['transport-cc', (text: string) => text.replaceAll(/a=rtcp-fb:\* .*\r\n/g, ''), 'offer'],
    ['remb', (text: string) => text.replaceAll(/a=extmap:3 .*\r\n/g, ''), 'answer'],
    [null, (text: string) => text.replaceAll(/a=rtcp-fb.*\r\n/g, ''), 'answer'],
  ] as const)('congestion feedback: %s', (expected, edit, congestionControlFeedback) => {
    const peer = new MediaPeer([transceiver('video')], { congestionControlFeedback });
    expect(answered(peer, edit)[0]!.congestionFeedback).toBe(expected);
  });

  test('simulcast: what is kept of it, and what of that is paused by either side', () => {
    const sendEncodings = ['q', 'h', 'f'].map((rid) => ({ rid, active: rid !== 'h' }));
    const [video] = answered(new MediaPeer([transceiver('video', { sendEncodings })]), (text) =>
      text.replaceAll(/(a=rid:\w) send/g, '$1 recv').replace('simulcast:send q;~h;f', 'simulcast:recv h;~q'),
    );
    expect(video!.send.streams).toEqual([[{ rid: 'q', paused: true }], [{ rid: 'h', paused: true }]]);
  });

  test('an extension that was to be numbered by the answer (RFC 8285 §7)', () => {
    const offer = parseDescription(chromium.replace('a=extmap:4 ', 'a=extmap:4096 '));
    const [audio] = negotiateMedia(offer, parseDescription(fixture('media/chromium-call-answer')), 'remote');
    expect(audio!.extensions).toContainEqual(expect.objectContaining({ id: 4 }));
    const [theirs] = negotiateMedia(parseDescription(fixture('media/chromium-call-answer')), offer, 'remote');
    expect(theirs!.extensions.map(({ id }) => id)).toEqual([1, 2, 3]);
  });
});

describe('sources', () => {
  const sources = (lines: string) =>
    offered(chromium.replaceAll(/a=ssrc.*\r\n/g, '').replace('a=rtpmap:96', `${lines}a=rtpmap:96`))[1]!.receive.sources;

  test('none, as from peers that use mids and rids', () => expect(sources('')).toEqual([]));

  test('0 is a placeholder; repairs are no sources; groups may name sources nobody described', () => {
    const lines =
      'a=ssrc:0 cname:x\r\na=ssrc:5 cname:x\r\na=ssrc:6 cname:x\r\na=ssrc:7 cname:x\r\n' +
      'a=ssrc-group:FID 5 6\r\na=ssrc-group:FEC-FR 5 7\r\na=ssrc-group:FID\r\na=ssrc-group:FID 8\r\na=ssrc-group:X 5 9\r\n';
    expect(sources(lines)).toEqual([{ ssrc: 5, rtxSsrc: 6, fecSsrc: 7, cname: 'x' }]);
  });
});

describe('what a remote offer says by itself', () => {
  const video = (lines: string) =>
    parseDescription(chromium.replaceAll(/a=(ssrc|msid).*\r\n/g, '').replace('a=rtpmap:96', `${lines}a=rtpmap:96`))
      .media[1]!;

  test('streams: a=msid, else what older stacks say of the source, else nothing', () => {
    expect(remoteMsids(video('a=ssrc:1 msid:s t\r\na=msid:a b\r\n'))).toEqual([{ stream: 'a', track: 'b' }]);
    expect(remoteMsids(video('a=ssrc:1 cname:x\r\na=ssrc:1 msid:s t\r\n'))).toEqual([{ stream: 's', track: 't' }]);
    expect(remoteMsids(video(''))).toEqual([]);
    expect(remoteMsids(parseDescription(chromium).media[2]!)).toEqual([]);
  });

  test('the encodings that it wants of us: the first alternative with an a=rid', () => {
    const lines = 'a=rid:a recv\r\na=rid:b recv\r\na=rid:s send\r\na=simulcast:recv x,a;~b;s\r\n';
    expect(proposedSendRids(video(lines))).toEqual(['a', 'b']);
    expect(proposedSendRids(video(''))).toEqual([]);
  });
});

describe('validateRemote refuses', () => {
  const refused = (type: DescriptionType, text: string, message: string): void => {
    const peer = new MediaPeer(sending());
    if (type === 'answer') peer.setLocal('offer', peer.offer());
    expect(() => peer.setRemote(type, text)).toThrow(SdpError);
    expect(() => peer.setRemote(type, text)).toThrow(expect.objectContaining({ code: 'content' }));
    expect(() => peer.setRemote(type, text)).toThrow(message);
  };

  test('one payload type for two formats in a bundle', () => {
    const text = chromium.replace(' 63 9', ' 96 9').replaceAll(':63 ', ':96 ');
    refused('offer', text, 'payload type 96 is red/48000/2 and vp8/90000/1');
    new MediaPeer().setRemote('offer', text.replace('BUNDLE 0 1 2', 'BUNDLE 0 2'));
    new MediaPeer().setRemote('offer', text.replace('m=audio 9', 'm=audio 0').replace('BUNDLE 0 1 2', 'BUNDLE 1 2'));
  });

  test('one id for two header extensions in a bundle', () => {
    refused('offer', chromium.replace('a=extmap:14 ', 'a=extmap:1 '), 'header extension 1 is urn:');
  });

  test('simulcast of rids that are not there', () => {
    const text = fixture('media/chromium-simulcast-offer').replace('a=rid:h send\r\n', '');
    refused('offer', text, 'the rid "h" in a=simulcast');
  });

  test('with max-bundle, an answer that takes more than one section, and does not bundle them', () => {
    const offer = formatDescription(new MediaPeer(sending()).offer()).replaceAll('actpass', 'active');
    const refuse = (text: string, message: string): void => {
      const peer = new MediaPeer(sending());
      peer.setLocal('offer', peer.offer());
      const [type, answer] = ['answer', parseDescription(text)] as const;
      expect(() => validateRemote(type, answer, peer.state, 'max-bundle')).toThrow(message);
      validateRemote(type, answer, peer.state, 'balanced');
    };
    refuse(offer.replace('BUNDLE 0 1', 'BUNDLE 0'), '"1" is accepted outside of the bundle');
    refuse(offer.replace('a=group:BUNDLE 0 1\r\n', ''), 'outside of the bundle');
  });
});

test('two of us, whole: what one sends the other receives', () => {
  const transceivers = (): TransceiverModel[] => sending();
  const [a, b] = [new MediaPeer([...transceivers()]), new MediaPeer([...transceivers()])];
  const offer = a.offer();
  a.setLocal('offer', offer);
  b.setRemote('offer', offer);
  const answer = b.answer();
  b.setLocal('answer', answer);
  a.setRemote('answer', answer);
  const ours = negotiateMedia(a.state.currentLocal!, a.state.currentRemote!, 'remote');
  const theirs = negotiateMedia(b.state.currentLocal!, b.state.currentRemote!, 'local');
  for (const index of [0, 1]) {
    expect(ours[index]!.send.codecs).toEqual(theirs[index]!.receive.codecs);
    expect(ours[index]!.receive.codecs).toEqual(theirs[index]!.send.codecs);
    expect(ours[index]!.extensions).toEqual(theirs[index]!.extensions);
  }
  expect(ours[1]!.receive.sources).toEqual([{ ssrc: 2, rtxSsrc: 3, fecSsrc: null, cname: 'cname' }]);
  expect(ours[0]!.receive.msids).toEqual([{ stream: 'stream', track: 'track-audio' }]);
});
