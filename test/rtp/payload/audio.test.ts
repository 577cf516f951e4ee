import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/binary/bytes.ts';
import { parseFormatParameters } from '../../../src/rtp/codecs.ts';
import { audioClockRate, audioPacketDuration } from '../../../src/rtp/payload/audio-duration.ts';
import { AUDIO_PACKET_FORMAT } from '../../../src/rtp/payload/audio-packet.ts';
import { decodeComfortNoise, encodeComfortNoise } from '../../../src/rtp/payload/comfort-noise.ts';
import { decodePcma, decodePcmu, encodePcma, encodePcmu } from '../../../src/rtp/payload/g711.ts';
import { payloadFormat } from '../../../src/rtp/payload/index.ts';
import { opusPacketDuration, parseOpusPacket } from '../../../src/rtp/payload/opus.ts';
import { cut } from './nal-support.ts';

describe('a packet of sound', () => {
  test('is a payload as it is, and comes out the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 1200 }), (data) => {
        const sent = cut(AUDIO_PACKET_FORMAT, data, 1200)!;
        expect(sent).toEqual([{ payload: data, isLast: true }]);
        expect(AUDIO_PACKET_FORMAT.inspect(data)).toEqual({ startsFrame: true, endsFrame: true, isKeyFrame: true });
        expect(AUDIO_PACKET_FORMAT.assemble([data])).toEqual({ data, isKeyFrame: true });
      }),
    );
  });

  test('is never cut, and two payloads are never one', () => {
    expect(cut(AUDIO_PACKET_FORMAT, new Uint8Array(1201), 1200)).toBeNull();
    expect(cut(AUDIO_PACKET_FORMAT, new Uint8Array(0), 1200)).toBeNull();
    expect(AUDIO_PACKET_FORMAT.assemble([Uint8Array.of(1), Uint8Array.of(2)])).toBeNull();
    expect(AUDIO_PACKET_FORMAT.assemble([])).toBeNull();
    expect(AUDIO_PACKET_FORMAT.inspect(new Uint8Array(0))).toBeNull();
    expect(() => cut(AUDIO_PACKET_FORMAT, Uint8Array.of(1), 0)).toThrow(RangeError);
  });
});

describe('the registry', () => {
  test('knows codecs by their MIME types in any case, and no others', () => {
    for (const type of [
      'audio/opus',
      'audio/PCMU',
      'audio/PCMA',
      'audio/G722',
      'audio/L16',
      'audio/CN',
      'audio/telephone-event',
    ]) {
      expect(payloadFormat(type), type).toBe(AUDIO_PACKET_FORMAT);
    }
    expect(payloadFormat('VIDEO/h265')).not.toBeNull();
    expect(payloadFormat('video/constructor')).toBeNull();
  });

  test('RFC 6184 §8.1: without packetization-mode, H.264 has no fragments', () => {
    const large = Uint8Array.of(0, 0, 1, ...new Uint8Array(500).fill(0x65));
    expect(cut(payloadFormat('video/H264')!, large, 100)).toBeNull();
    expect(cut(payloadFormat('video/H264', parseFormatParameters('packetization-mode=1'))!, large, 100)).toHaveLength(
      6,
    );
  });
});

describe('Opus: the table of contents (RFC 6716 §3.1)', () => {
  test.each([
    ['00', { mode: 'silk', channels: 1, frames: 1, duration: 480 }],
    ['18', { mode: 'silk', channels: 1, frames: 1, duration: 2880 }],
    ['5c', { mode: 'silk', channels: 2, frames: 1, duration: 2880 }],
    ['60', { mode: 'hybrid', channels: 1, frames: 1, duration: 480 }],
    ['78', { mode: 'hybrid', channels: 1, frames: 1, duration: 960 }],
    ['80', { mode: 'celt', channels: 1, frames: 1, duration: 120 }],
    ['f8fffe', { mode: 'celt', channels: 1, frames: 1, duration: 960 }],
    ['fd', { mode: 'celt', channels: 2, frames: 2, duration: 1920 }],
    ['fa00', { mode: 'celt', channels: 1, frames: 2, duration: 1920 }],
    ['fb03', { mode: 'celt', channels: 1, frames: 3, duration: 2880 }],
    ['8330', { mode: 'celt', channels: 1, frames: 48, duration: 5760 }],
  ])('%s', (hex, expected) => expect(parseOpusPacket(fromHex(hex))).toEqual(expected));

  test('packets without frames, and of more than 120 ms, are malformed', () => {
    for (const hex of ['', 'fb', 'fb00', 'fb07', '1b03']) {
      expect(parseOpusPacket(fromHex(hex)), hex).toBeNull();
      expect(opusPacketDuration(fromHex(hex))).toBe(0);
    }
  });
});

describe('durations in units of the RTP clock', () => {
  test('RFC 3551 §4.5.2: a byte of G.722 is one unit, though it is two samples', () => {
    expect(audioPacketDuration('audio/G722', new Uint8Array(160))).toBe(160);
    expect(audioClockRate('audio/G722')).toBe(8000);
  });

  test('of the others', () => {
    expect(audioPacketDuration('audio/PCMU', new Uint8Array(160))).toBe(160);
    expect(audioPacketDuration('audio/L16', new Uint8Array(1764), 2)).toBe(441);
    expect(audioPacketDuration('audio/opus', fromHex('f8fffe'), 2)).toBe(960);
    expect(audioPacketDuration('audio/CN', fromHex('20'))).toBe(0);
  });
});

describe('G.711', () => {
  const all = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);

  test.each([
    ['μ-law', encodePcmu, decodePcmu, [0xff, 0x80, 0x00, 0x7f, 0xf0, 0x8f], [0, 32_124, -32_124, 0, 120, 16_764]],
    ['A-law', encodePcma, decodePcma, [0xd5, 0x55, 0xaa, 0x2a, 0xd4, 0x80], [8, -8, 32_256, -32_256, 24, 5_504]],
  ])('%s: levels of ITU-T G.711, and every code comes back', (_, encode, decode, codes, levels) => {
    expect([...decode(Uint8Array.from(codes))].map((level) => level + 0)).toEqual(levels);
    const every = Uint8Array.from({ length: 256 }, (__, i) => i);
    const again = encode(decode(every));
    for (let i = 0; i < 256; i++) if (i !== 0x7f) expect(again[i]).toBe(i); // 0x7f is μ-law's negative zero
    expect([0x7f, 0xff]).toContain(again[0x7f]);
  });

  // Half a step is at most 1/32 of the biased level in μ-law, and of the level in A-law, whose first segments have steps of 16.
  test.each([
    ['μ-law', encodePcmu, decodePcmu, (level: number) => Math.max((level + 132) / 32, level - 32_124)],
    ['A-law', encodePcma, decodePcma, (level: number) => Math.max(level / 32 + 1, 8)],
  ])('%s: no sample is further from its level than half a step', (_, encode, decode, bound) => {
    const decoded = decode(encode(all));
    const wrong = all.filter((sample, i) => Math.abs(decoded[i]! - sample) > bound(Math.abs(sample)));
    expect([...wrong]).toEqual([]);
  });
});

describe('comfort noise (RFC 3389)', () => {
  test('the level is one byte, coefficients are quantized in steps of 258/32768', () => {
    const payload = encodeComfortNoise({ level: 70, reflectionCoefficients: [0, 1, -1, 0.5] });
    expect(payload).toEqual(Uint8Array.of(70, 127, 254, 0, 191));
    expect(decodeComfortNoise(payload)!.reflectionCoefficients.map((k) => Math.round(k * 1000))).toEqual([
      0, 1000, -1000, 504,
    ]);
    expect(decodeComfortNoise(Uint8Array.of(30))).toEqual({ level: 30, reflectionCoefficients: [] });
  });

  test('every payload survives being read and written', () => {
    fc.assert(
      fc.property(fc.nat(127), fc.array(fc.nat(254), { maxLength: 20 }), (level, indices) => {
        const payload = Uint8Array.of(level, ...indices);
        expect(encodeComfortNoise(decodeComfortNoise(payload)!)).toEqual(payload);
      }),
    );
  });

  test('reserved values are malformed; levels out of range are the caller’s mistake', () => {
    for (const hex of ['', '80', '20ff', '2000ff']) expect(decodeComfortNoise(fromHex(hex))).toBeNull();
    for (const level of [-1, 128, 1.5]) {
      expect(() => encodeComfortNoise({ level, reflectionCoefficients: [] })).toThrow(RangeError);
    }
    expect(() => encodeComfortNoise({ level: 1, reflectionCoefficients: [2] })).toThrow(RangeError);
  });
});
