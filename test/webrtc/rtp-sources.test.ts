/** `getContributingSources()` and `getSynchronizationSources()`: what packets tell, and for how long. */
import { expect, test } from 'vitest';
import { ExtensionMap, RtpPacket } from '../../src/rtp/index.ts';
import { MAX_SOURCES, RtpSources } from '../../src/webrtc/rtp-sources.ts';

const LEVEL_ID = 1;
const MIXER_ID = 2;
const EXTENSIONS = new ExtensionMap([
  { id: LEVEL_ID, uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level' },
  { id: MIXER_ID, uri: 'urn:ietf:params:rtp-hdrext:csrc-audio-level' },
]);

type Content = { ssrc?: number; timestamp?: number; csrcs?: number[]; level?: number; levels?: number[] };

/** A packet by hand: CSRCs are not what the writer makes. */
function packet({ ssrc = 7, timestamp = 0, csrcs = [], level, levels }: Content): RtpPacket {
  const elements = [
    ...(level === undefined ? [] : [(LEVEL_ID << 4) | 0, level]),
    ...(levels === undefined ? [] : [(MIXER_ID << 4) | (levels.length - 1), ...levels]),
  ];
  while (elements.length % 4 !== 0) elements.push(0);
  const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const header = [0x90 | csrcs.length, 111, 0, 1, ...u32(timestamp), ...u32(ssrc), ...csrcs.flatMap(u32)];
  const bytes = Uint8Array.from([...header, 0xbe, 0xde, 0, elements.length / 4, ...elements, 1, 2, 3]);
  const parsed = RtpPacket.parse(bytes);
  if (parsed === null) throw new Error('the test makes bad packets');
  return parsed;
}

test('the level of RFC 6464 becomes linear, and silence is 0', () => {
  const sources = new RtpSources('audio');
  const levelOf = (level?: number): number | undefined => {
    sources.note(packet(level === undefined ? {} : { level }), EXTENSIONS, 0);
    return sources.synchronization(0, 0)[0]!.audioLevel;
  };
  expect(levelOf(0)).toBe(1);
  expect(levelOf(20)).toBeCloseTo(0.1, 10);
  expect(levelOf(0x80 | 40)).toBeCloseTo(0.01, 10); // with voice activity
  expect(levelOf(127)).toBe(0);
  expect(levelOf()).toBeUndefined();
});

test('contributing sources have the levels of RFC 6465, and those without one have none', () => {
  const sources = new RtpSources('audio');
  sources.note(packet({ timestamp: 960, csrcs: [11, 12, 13], level: 0, levels: [20, 127] }), EXTENSIONS, 5);
  expect(sources.contributing(5, 1000)).toEqual([
    { source: 11, rtpTimestamp: 960, timestamp: 1000, audioLevel: expect.closeTo(0.1, 10) },
    { source: 12, rtpTimestamp: 960, timestamp: 1000, audioLevel: 0 },
    { source: 13, rtpTimestamp: 960, timestamp: 1000 },
  ]);
  expect(sources.synchronization(5, 1000)).toEqual([{ source: 7, rtpTimestamp: 960, timestamp: 1000, audioLevel: 1 }]);
});

test('video has no levels', () => {
  const sources = new RtpSources('video');
  sources.note(packet({ csrcs: [11], level: 10, levels: [20] }), EXTENSIONS, 0);
  expect(sources.synchronization(0, 0)).toEqual([{ source: 7, rtpTimestamp: 0, timestamp: 0 }]);
  expect(sources.contributing(0, 0)).toEqual([{ source: 11, rtpTimestamp: 0, timestamp: 0 }]);
});

test('the latest comes first; after ten seconds a source is not listed', () => {
  const sources = new RtpSources('audio');
  sources.note(packet({ csrcs: [11] }), EXTENSIONS, 0);
  sources.note(packet({ csrcs: [12] }), EXTENSIONS, 4000);
  sources.note(packet({ csrcs: [13] }), EXTENSIONS, 2000);
  const listed = (now: number): number[] => sources.contributing(now, now).map(({ source }) => source);
  expect(listed(10_000)).toEqual([12, 13, 11]);
  expect(sources.contributing(10_000, 50_000).map(({ timestamp }) => timestamp)).toEqual([44_000, 42_000, 40_000]);
  expect(listed(10_001)).toEqual([12, 13]);
  expect(listed(14_001)).toEqual([]);
});

test('the number of sources is limited: the one that was silent longest makes room', () => {
  const sources = new RtpSources('audio');
  for (let csrc = 0; csrc < MAX_SOURCES; csrc++) sources.note(packet({ csrcs: [csrc] }), EXTENSIONS, csrc);
  sources.note(packet({ csrcs: [0] }), EXTENSIONS, 1000); // 1 is the oldest now
  sources.note(packet({ csrcs: [5000] }), EXTENSIONS, 1000);
  const listed = sources.contributing(1000, 0).map(({ source }) => source);
  expect(listed).toHaveLength(MAX_SOURCES);
  expect(listed).toContain(0);
  expect(listed).not.toContain(1);
});
