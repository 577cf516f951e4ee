import { describe, expect, test } from 'vitest';
import { type CodecFormat, formatFormatParameters, parseFormatParameters } from '../../src/rtp/codecs.ts';
import { answeredParameters, codecIdentity, redPayloadTypes, sendParameters } from '../../src/sdp/codec-matching.ts';

/** `VP9/90000 profile-id=0`. */
function codec(text: string): CodecFormat {
  const [rtpmap = '', fmtp = ''] = text.split(' ');
  const [name = '', clockRate, channels] = rtpmap.split('/');
  return {
    name,
    clockRate: Number(clockRate),
    channels: channels === undefined ? null : Number(channels),
    parameters: parseFormatParameters(fmtp),
  };
}

const h264 = (fmtp: string): CodecFormat => codec(`H264/90000 ${fmtp}`);
const matches = (a: string, b: string): boolean => codecIdentity(codec(a)) === codecIdentity(codec(b));
const answered = (ours: string, offered: string): string =>
  formatFormatParameters(answeredParameters(codec(ours), codec(offered)));

describe('two formats are the same', () => {
  test.each([
    ['whatever the case of the name', 'VP8/90000', 'vp8/90000', true],
    ['with the same clock', 'telephone-event/8000', 'telephone-event/48000', false],
    ['with the same channels', 'L16/44100/2', 'L16/44100', false],
    ['one channel said or not', 'G722/8000/1', 'G722/8000', true],
    ['whatever else they say of what they take', 'opus/48000/2 stereo=1', 'opus/48000/2 useinbandfec=1', true],
    ['VP8, with limits', 'VP8/90000 max-fs=12288;max-fr=60', 'VP8/90000', true],
    ['VP9: profile 0 said or not', 'VP9/90000', 'VP9/90000 profile-id=0', true],
    ['VP9 of one profile', 'VP9/90000 profile-id=2', 'VP9/90000 profile-id=0', false],
    ['VP9 whose profile is no number: profile 0', 'VP9/90000 profile-id=x', 'VP9/90000', true],
    ['AV1, whatever level and tier', 'AV1/90000', 'AV1/90000 level-idx=9;profile=0;tier=1', true],
    ['AV1 of one profile', 'AV1/90000 profile=1', 'AV1/90000', false],
    ['H.265, with the defaults of RFC 7798', 'H265/90000', 'H265/90000 profile-id=1;tier-flag=0;tx-mode=SRST', true],
    ['H.265, whatever level', 'H265/90000 level-id=93', 'H265/90000 level-id=180', true],
    ['H.265 of one profile', 'H265/90000 profile-id=2', 'H265/90000', false],
    ['H.265 of one profile space', 'H265/90000 profile-space=1', 'H265/90000', false],
    ['H.265 of one tier', 'H265/90000 tier-flag=1', 'H265/90000', false],
    ['H.265 in one transmission mode', 'H265/90000 tx-mode=MRST', 'H265/90000', false],
    [
      'names of parameters in any case',
      'H264/90000 PROFILE-LEVEL-ID=4d001f',
      'H264/90000 profile-level-id=4D001F',
      true,
    ],
  ])('%s', (_, a, b, expected) => {
    expect(matches(a, b)).toBe(expected);
  });

  test.each([
    ['42e01f', '42e034', true], // level
    ['42e01f', '42c01f', true], // constrained Baseline, in three more ways
    ['42e01f', '4d801f', true],
    ['42e01f', '58f01f', true],
    ['42e01f', '42001f', false], // Baseline
    ['42001f', '58801f', true],
    ['4d001f', '4d401f', true], // Main
    ['4d001f', '42e01f', false],
    ['64001f', '640c1f', false], // High, constrained High
    ['58001f', '58401f', false], // Extended; the other is of no profile in the table
    ['f4001f', 'f4001f', true],
    ['99001f', '99001f', true], // unknown, word for word
    ['99001f', '99011f', false],
    ['42e01f', 'nonsense', false],
  ])('RFC 6184 §8.1, table 5: profile-level-id %s and %s: %s', (a, b, expected) => {
    expect(matches(`H264/90000 profile-level-id=${a}`, `H264/90000 profile-level-id=${b}`)).toBe(expected);
  });

  test('H.264: a packetization mode is never the other', () => {
    expect(matches('H264/90000 packetization-mode=1', 'H264/90000')).toBe(false);
    expect(matches('H264/90000 packetization-mode=0', 'H264/90000')).toBe(true);
  });

  test('H.264 without a profile is constrained Baseline, as browsers take it', () => {
    expect(matches('H264/90000', 'H264/90000 profile-level-id=42e01f')).toBe(true);
  });
});

describe('RFC 6184 §8.2.2: an answer has', () => {
  const OURS = 'H264/90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f';
  test.each([
    ['our level where both allow asymmetry', 'level-asymmetry-allowed=1;profile-level-id=42e034', '42e01f'],
    ['the profile word for word as offered', 'level-asymmetry-allowed=1;profile-level-id=42c034', '42c01f'],
  ])('%s', (_, offered, id) => {
    expect(answered(OURS, `H264/90000 packetization-mode=1;${offered}`)).toBe(
      `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${id}`,
    );
  });

  test.each([
    ['the lower level where one does not: theirs', '42e00a', '42e00a'],
    ['the lower level where one does not: ours', '42e034', '42e01f'],
    ['level 1b, which is below 1.1', '42f00b', '42f00b'],
  ])('%s', (_, offered, id) => {
    expect(answered(OURS, `H264/90000 packetization-mode=1;profile-level-id=${offered}`)).toBe(
      `packetization-mode=1;profile-level-id=${id}`,
    );
  });

  test('level 1b stands between 1 and 1.1', () => {
    const ours = (id: string) => `H264/90000 profile-level-id=${id}`;
    expect(answered(ours('42e00b'), ours('42f00b'))).toBe('profile-level-id=42f00b');
    expect(answered(ours('42e00a'), ours('42f00b'))).toMatch(/0a$/);
    expect(answered(ours('640009'), ours('64000b'))).toBe('profile-level-id=640009');
  });
});

describe('an answer has the lower level', () => {
  test('of H.265 (RFC 7798 §7.2.2)', () => {
    expect(answered('H265/90000 level-id=93', 'H265/90000 level-id=60')).toBe('level-id=60');
    expect(answered('H265/90000 level-id=93', 'H265/90000')).toBe('level-id=93');
  });

  test('and tier of AV1', () => {
    const ours = 'AV1/90000 level-idx=5;profile=0;tier=0';
    expect(answered(ours, 'AV1/90000 level-idx=3;tier=1')).toBe('level-idx=3;profile=0;tier=0');
    expect(answered(ours, 'AV1/90000')).toBe('level-idx=5;profile=0;tier=0');
  });
});

describe('what may be sent', () => {
  test('is what the peer takes', () => {
    const theirs = codec('opus/48000/2 maxplaybackrate=16000');
    expect(sendParameters(theirs, codec('opus/48000/2 stereo=1'))).toBe(theirs.parameters);
  });

  test('H.264: the peer’s level, and without asymmetry never more than ours', () => {
    const sent = (theirs: string, ours: string) =>
      formatFormatParameters(sendParameters(h264(theirs), h264(ours))).replace(/.*=/, '');
    expect(sent('level-asymmetry-allowed=1;profile-level-id=42e034', 'level-asymmetry-allowed=1')).toBe('42e034');
    expect(sent('profile-level-id=42e034', 'profile-level-id=42e01f')).toBe('42e01f');
    expect(sent('profile-level-id=42e00a', 'profile-level-id=42e01f')).toBe('42e00a');
  });
});

test('RFC 2198 §5: what RED is made of', () => {
  expect(redPayloadTypes(codec('red/48000/2 111/111/0'))).toEqual([111, 111, 0]);
  expect(redPayloadTypes(codec('red/90000'))).toEqual([]);
  expect(redPayloadTypes(codec('opus/48000/2 111/111'))).toEqual([]);
});
