import { describe, expect, test } from 'vitest';
import {
  codecCapabilities,
  codecRole,
  formatParameter,
  headerExtensionCapabilities,
  parseFormatParameters,
  preferredExtensionId,
  rtpCapabilities,
  STATIC_PAYLOAD_TYPES,
} from '../../src/rtp/codecs.ts';
import { codecIdentity } from '../../src/sdp/codec-matching.ts';

const KINDS = ['audio', 'video'] as const;

describe('the table', () => {
  test('has no payload type twice, none that looks like RTCP, and static ones where they belong', () => {
    const seen = KINDS.flatMap((kind) =>
      codecCapabilities(kind)
        .filter((codec) => codecRole(codec) !== 'rtx')
        .flatMap(({ preferred }) => [preferred.payloadType, preferred.rtx]),
    ).filter((payloadType) => payloadType !== null);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((payloadType) => payloadType > 127 || (payloadType >= 64 && payloadType <= 95))).toEqual([]);
    for (const codec of codecCapabilities('audio')) {
      const fixed = STATIC_PAYLOAD_TYPES.get(codec.preferred.payloadType!);
      if (fixed !== undefined) expect(codecIdentity(codec)).toBe(codecIdentity(fixed));
      else expect(codec.preferred.payloadType).toBeGreaterThanOrEqual(35); // RFC 3551 §6: below they are assigned
    }
  });

  test('has no codec twice', () => {
    for (const kind of KINDS) {
      const identities = codecCapabilities(kind).map(codecIdentity);
      expect(new Set(identities).size).toBe(identities.length);
    }
  });

  test('numbers every header extension it has, in one byte', () => {
    for (const { uri } of KINDS.flatMap(headerExtensionCapabilities)) {
      expect(preferredExtensionId(uri)).toBeGreaterThanOrEqual(1);
      expect(preferredExtensionId(uri)).toBeLessThanOrEqual(14);
    }
  });
});

describe('capabilities as the W3C has them', () => {
  test('of sound have channels, of video none', () => {
    expect(rtpCapabilities('audio').codecs[0]).toEqual({
      mimeType: 'audio/opus',
      clockRate: 48_000,
      channels: 2,
      sdpFmtpLine: 'minptime=10;useinbandfec=1',
    });
    expect(rtpCapabilities('audio').codecs).toContainEqual({ mimeType: 'audio/PCMU', clockRate: 8_000, channels: 1 });
    expect(rtpCapabilities('video').codecs[0]).toEqual({ mimeType: 'video/VP8', clockRate: 90_000 });
  });

  test('have one entry for all of RTX', () => {
    const { codecs, headerExtensions } = rtpCapabilities('video');
    expect(codecs.filter(({ mimeType }) => mimeType === 'video/rtx')).toEqual([
      { mimeType: 'video/rtx', clockRate: 90_000 },
    ]);
    expect(headerExtensions).toContainEqual({ uri: 'urn:ietf:params:rtp-hdrext:sdes:mid' });
  });

  test('are the caller’s to change', () => {
    rtpCapabilities('video').codecs.length = 0;
    expect(rtpCapabilities('video').codecs.length).toBeGreaterThan(10);
  });
});

test('a parameter is found whatever the case of its name, and nothing of a prototype is', () => {
  const codec = { parameters: parseFormatParameters('Profile-Id=2; __proto__=x;apt=96') };
  expect(formatParameter(codec, 'profile-id')).toBe('2');
  expect(formatParameter(codec, 'constructor')).toBeNull();
  expect(formatParameter(codec, 'apt')).toBe('96');
});
