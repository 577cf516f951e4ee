/** Sections that share a transport, and those that have one for themselves (RFC 9143, RFC 8829 §5.2.2). */
import { describe, expect, test } from 'vitest';
import {
  formatDescription,
  isIceRestart,
  type NegotiatedTransport,
  negotiate,
  parseDescription,
  type SessionDescription,
} from '../../src/sdp/index.ts';
import { MediaPeer, transceiver } from './media-peer.ts';
import { fixture } from './peer.ts';

const chromium = fixture('media/chromium-call-offer');
const bundles = ({ groups }: SessionDescription) => groups.map(({ mids }) => mids);

function answering(group: string): { peer: MediaPeer; transports: readonly NegotiatedTransport[] } {
  const peer = new MediaPeer();
  peer.setRemote('offer', chromium.replace('a=group:BUNDLE 0 1 2', group));
  peer.setLocal('answer', peer.answer());
  const { currentLocal, currentRemote } = peer.state;
  return { peer, transports: negotiate(currentLocal!, currentRemote!, 'local')!.transports };
}

/** We offer sound, pictures and data; a peer that knows no bundles takes all. */
function answeredApart(): MediaPeer {
  const peer = new MediaPeer([transceiver('audio'), transceiver('video')]);
  const offer = peer.offer({ data: true });
  peer.setLocal('offer', offer, { data: true });
  const text = formatDescription(offer).replace(/a=group.*\r\n/, '');
  const roles = ['active', 'passive', 'active'];
  peer.setRemote(
    'answer',
    text.replaceAll('a=setup:actpass', () => `a=setup:${roles.shift()}`),
  );
  return peer;
}

describe('answers', () => {
  test.each([
    ['a=x', [], [[0], [1], [2]]],
    ['a=group:BUNDLE 1 2', [['1', '2']], [[0], [1, 2]]],
    ['a=group:BUNDLE 0 2\r\na=group:BUNDLE 1', [['0', '2'], ['1']], [[0, 2], [1]]],
    ['a=group:BUNDLE 2 0', [['2', '0']], [[2, 0], [1]]],
  ])('to %s take every section, on the transports that it offers', (group, groups, sections) => {
    const { peer, transports } = answering(group);
    expect(peer.state.currentLocal!.media.map(({ port }) => port)).toEqual([9, 9, 9]);
    expect(bundles(peer.state.currentLocal!)).toEqual(groups);
    expect(transports.map((transport) => transport.sections)).toEqual(sections);
  });

  test('open 16 transports at the most, and turn down what would need more', () => {
    const [head, sound] = chromium.replace('a=group:BUNDLE 0 1 2', 'a=x').split(/^(?=m=)/m);
    const sections = Array.from({ length: 20 }, (_, i) => sound!.replace('a=mid:0', `a=mid:${i}`));
    const peer = new MediaPeer();
    peer.setRemote('offer', head + sections.join(''));
    expect(peer.answer().media.map(({ port }) => port > 0)).toEqual([...Array(16).fill(true), ...Array(4).fill(false)]);
  });

  test('take the association on the transport of the data section', () => {
    const { transports } = answering('a=group:BUNDLE 0 1');
    expect(transports.map(({ sctp }) => sctp?.mid ?? null)).toEqual([null, '2']);
  });

  test('have the candidates of each transport in the section that speaks for it', () => {
    const peer = new MediaPeer();
    peer.model = {
      ...peer.model,
      transport: { ...peer.model.transport, candidates: ['candidate:0'] },
      gatheredApart: new Map([[1, { candidates: ['candidate:1'], endOfCandidates: true }]]),
    };
    peer.setRemote('offer', chromium.replace('BUNDLE 0 1 2', 'BUNDLE 1 2'));
    const { media } = peer.answer();
    expect(media.map(({ candidates }) => candidates)).toEqual([['candidate:0'], ['candidate:1'], []]);
    expect(media.map(({ endOfCandidates }) => endOfCandidates)).toEqual([false, true, false]);
  });

  test('keep the role that was negotiated for their transport', () => {
    const peer = answeredApart();
    peer.setRemote('offer', formatDescription(peer.state.currentRemote!).replace(/a=setup:.*/g, 'a=setup:actpass'));
    expect(peer.answer().media.map(({ transport }) => transport.setup)).toEqual(['passive', 'active', 'passive']);
  });
});

describe('offers', () => {
  test('leave apart what was negotiated apart, and bundle what is new', () => {
    const peer = answeredApart();
    expect(negotiate(peer.state.currentLocal!, peer.state.currentRemote!, 'remote')!.transports).toMatchObject([
      { sections: [0], dtlsRole: 'server', sctp: null },
      { sections: [1], dtlsRole: 'client', sctp: null },
      { sections: [2], dtlsRole: 'server', sctp: { mid: '2' } },
    ]);
    expect(bundles(peer.offer({ data: true }))).toEqual([]);
    peer.transceivers.push(transceiver('video'), transceiver('video'));
    const offer = peer.offer({ data: true });
    expect(bundles(offer)).toEqual([['3', '4']]);
    expect(offer.media.map(({ bundleOnly }) => bundleOnly)).toEqual([false, false, false, false, true]);
  });

  test('keep several bundles as they were, and put what is new in the first', () => {
    const { peer } = answering('a=group:BUNDLE 0 2\r\na=group:BUNDLE 1');
    peer.transceivers.push(transceiver('audio'));
    expect(bundles(peer.offer({ data: true }))).toEqual([['0', '2', '3'], ['1']]);
  });
});

describe('an ICE restart', () => {
  const apart = chromium.replace('a=group:BUNDLE 0 1 2', 'a=x');
  const before = parseDescription(apart);
  const [password] = /a=ice-pwd:(.*)/.exec(apart)!.slice(1);
  const sections = apart.split(/^(?=m=)/m);
  const changed = (index: number): string =>
    sections.map((section, i) => (i === index ? section.replace(password!, `${password}x`) : section)).join('');

  test.each([1, 2, 3])('is new credentials on any transport (%i)', (index) => {
    expect(isIceRestart(before, before)).toBe(false);
    expect(isIceRestart(before, parseDescription(changed(index)))).toBe(true);
  });

  test('is none in a section that another speaks for', () => {
    const bundled = changed(2).replace('a=x', 'a=group:BUNDLE 0 1 2');
    expect(isIceRestart(parseDescription(bundled), parseDescription(chromium))).toBe(false);
  });
});
