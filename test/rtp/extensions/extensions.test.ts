import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/binary/bytes.ts';
import { headerExtensionCapabilities } from '../../../src/rtp/codecs.ts';
import { audioLevelExtension, mixerAudioLevelExtension } from '../../../src/rtp/extensions/audio-level.ts';
import { ExtensionMap } from '../../../src/rtp/extensions/extension-map.ts';
import {
  decodeHeaderExtension,
  encodeHeaderExtension,
  type HeaderExtension,
} from '../../../src/rtp/extensions/header-extension.ts';
import { HEADER_EXTENSIONS } from '../../../src/rtp/extensions/registry.ts';
import { midExtension, repairedRidExtension, ridExtension } from '../../../src/rtp/extensions/text.ts';
import {
  absCaptureTimeExtension,
  absSendTime,
  absSendTimeDifferenceMs,
  absSendTimeExtension,
  playoutDelayExtension,
  transmissionOffsetExtension,
} from '../../../src/rtp/extensions/timing.ts';
import {
  transportSequenceExtension,
  transportSequenceV2Extension,
} from '../../../src/rtp/extensions/transport-sequence.ts';
import { videoLayersAllocationExtension } from '../../../src/rtp/extensions/video-layers-allocation.ts';
import { videoOrientationExtension } from '../../../src/rtp/extensions/video-orientation.ts';
import { encodeRtpPacket, RtpHeaderWriter, RtpPacket } from '../../../src/rtp/packet.ts';

const u = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const text = fc.stringMatching(/^[0-9a-zA-Z]{1,16}$/);
const layers = fc
  .record({
    streamCount: fc.integer({ min: 1, max: 4 }),
    masks: fc.array(u(4), { minLength: 4, maxLength: 4 }),
    sized: fc.boolean(),
  })
  .chain(({ streamCount, masks, sized }) => {
    const places = masks
      .slice(0, streamCount)
      .flatMap((mask, streamIndex) =>
        [0, 1, 2, 3].filter((layer) => mask & (1 << layer)).map((spatialLayer) => ({ streamIndex, spatialLayer })),
      );
    const resolution = fc.record({
      width: fc.integer({ min: 1, max: 65536 }),
      height: fc.integer({ min: 1, max: 65536 }),
      maxFrameRate: u(8),
    });
    return fc.record({
      streamIndex: places.length === 0 ? fc.constant(0) : fc.integer({ min: 0, max: streamCount - 1 }),
      streamCount: fc.constant(places.length === 0 ? 1 : streamCount),
      layers: fc.tuple(
        ...places.map((place) =>
          fc
            .tuple(fc.array(u(32), { minLength: 1, maxLength: 4 }), resolution)
            .map(([targetBitratesKbps, resolution]) =>
              sized ? { ...place, targetBitratesKbps, resolution } : { ...place, targetBitratesKbps },
            ),
        ),
      ),
    });
  });

/** Each extension with its values; the registry's list must be whole. */
const VALUES = new Map<HeaderExtension<never>, fc.Arbitrary<unknown>>([
  [midExtension, text],
  [ridExtension, text],
  [repairedRidExtension, text],
  [absSendTimeExtension, u(24)],
  [transmissionOffsetExtension, fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 })],
  [transportSequenceExtension, u(16)],
  [
    transportSequenceV2Extension,
    fc.oneof(
      fc.record({ sequenceNumber: u(16) }),
      fc.record({
        sequenceNumber: u(16),
        feedback: fc.record({ sequenceCount: fc.integer({ min: 1, max: 32767 }), withTiming: fc.boolean() }),
      }),
    ),
  ],
  [audioLevelExtension, fc.record({ level: u(7), voiceActivity: fc.boolean() })],
  [mixerAudioLevelExtension, fc.array(u(7), { minLength: 1, maxLength: 15 })],
  [
    videoOrientationExtension,
    fc.record({
      rotation: fc.constantFrom(0, 90, 180, 270),
      isFlipped: fc.boolean(),
      isBackCamera: fc.boolean(),
    }),
  ],
  [
    playoutDelayExtension,
    fc.tuple(u(12), u(12)).map(([a, b]) => ({ minMs: 10 * Math.min(a, b), maxMs: 10 * Math.max(a, b) })),
  ],
  [
    absCaptureTimeExtension,
    fc.oneof(
      fc.record({ timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      fc.record({
        timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        clockOffset: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      }),
    ),
  ],
  [videoLayersAllocationExtension, layers],
] as [HeaderExtension<never>, fc.Arbitrary<unknown>][]);

const hex = <T>(extension: HeaderExtension<T>, value: T) => toHex(encodeHeaderExtension(extension, value));

describe('every header extension', () => {
  for (const [extension, values] of VALUES) {
    test(`${extension.uri}: any value reads as it was written, in the middle of a buffer too`, () => {
      fc.assert(
        fc.property(values, (value) => {
          expect(decodeHeaderExtension(extension, encodeHeaderExtension(extension, value as never))).toEqual(value);
          const length = extension.length(value as never);
          const bytes = new Uint8Array(length + 8).fill(0xee);
          extension.write(value as never, bytes, 4);
          expect(extension.read(bytes, 4, 4 + length)).toEqual(value);
          expect(toHex(bytes.subarray(0, 4)) + toHex(bytes.subarray(4 + length))).toBe('ee'.repeat(8));
        }),
      );
    });

    test(`${extension.uri}: any bytes are a value or null, and a value writes again as itself`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
          const value = decodeHeaderExtension(extension, data);
          if (value === null) return;
          expect(decodeHeaderExtension(extension, encodeHeaderExtension(extension, value))).toEqual(value);
        }),
      );
    });
  }

  test('is in the registry, and everything we offer is', () => {
    for (const extension of VALUES.keys()) expect(HEADER_EXTENSIONS.get(extension.uri)).toBe(extension);
    expect(HEADER_EXTENSIONS.size).toBe(VALUES.size + 1); // the dependency descriptor
    for (const kind of ['audio', 'video'] as const) {
      for (const { uri } of headerExtensionCapabilities(kind)) expect([...HEADER_EXTENSIONS.keys()]).toContain(uri);
    }
  });
});

describe('on the wire', () => {
  test('RFC 6464 §3: the V bit and a level in seven bits', () => {
    expect(hex(audioLevelExtension, { level: 127, voiceActivity: false })).toBe('7f');
    expect(hex(audioLevelExtension, { level: 1, voiceActivity: true })).toBe('81');
  });

  test('abs-send-time: 6.18 fixed point, wrapping after 64 s', () => {
    expect(absSendTime(1000)).toBe(0x04_0000);
    expect(absSendTime(64_000)).toBe(0);
    expect(absSendTime(-1000)).toBe(0xfc_0000);
    expect(absSendTimeDifferenceMs(absSendTime(63_900), absSendTime(64_100))).toBeCloseTo(200, 1);
    expect(absSendTimeDifferenceMs(absSendTime(64_100), absSendTime(63_900))).toBeCloseTo(-200, 1);
  });

  test('RFC 5450 §2: the offset is signed', () => {
    expect(hex(transmissionOffsetExtension, -1)).toBe('ffffff');
  });

  test('playout-delay: two times twelve bits of 10 ms; a minimum above the maximum is none', () => {
    expect(hex(playoutDelayExtension, { minMs: 0, maxMs: 100_000 })).toBe('000fff');
    expect(hex(playoutDelayExtension, { minMs: 100, maxMs: 400 })).toBe('00a028');
    expect(decodeHeaderExtension(playoutDelayExtension, fromHex('002001'))).toBeNull();
  });

  test('video-orientation: 0 0 0 0 C F R1 R0', () => {
    expect(hex(videoOrientationExtension, { rotation: 270, isFlipped: false, isBackCamera: true })).toBe('0b');
  });

  test('transport-wide-cc-02: the request is a bit and fifteen bits behind the number', () => {
    const feedback = { sequenceCount: 5, withTiming: true };
    expect(hex(transportSequenceV2Extension, { sequenceNumber: 0x1234, feedback })).toBe('12348005');
  });

  test('video-layers-allocation: three streams of one layer, two temporal layers each', () => {
    const allocation = {
      streamIndex: 1,
      streamCount: 3,
      layers: [0, 1, 2].map((streamIndex) => ({
        streamIndex,
        spatialLayer: 0,
        targetBitratesKbps: [100, 300],
        resolution: { width: 320, height: 180, maxFrameRate: 30 },
      })),
    };
    expect(hex(videoLayersAllocationExtension, allocation)).toBe(
      `61 54 ${'64ac02'.repeat(3)} ${'013f00b31e'.repeat(3)}`.replaceAll(' ', ''),
    );
    expect(hex(videoLayersAllocationExtension, { streamIndex: 0, streamCount: 1, layers: [] })).toBe('00');
  });

  test('text that is no identifier is refused by the writer and null to the reader', () => {
    expect(() => encodeHeaderExtension(midExtension, 'a b')).toThrow(TypeError);
    expect(() => encodeHeaderExtension(ridExtension, '')).toThrow(TypeError);
    expect(decodeHeaderExtension(ridExtension, fromHex('6100'))).toBeNull();
  });
});

describe('ExtensionMap', () => {
  const packetWith = (id: number, data: string) =>
    RtpPacket.parse(
      encodeRtpPacket({
        payloadType: 96,
        marker: false,
        sequenceNumber: 1,
        timestamp: 2,
        ssrc: 3,
        extensions: [{ id, data: fromHex(data) }],
        payload: fromHex('00'),
      }),
    )!;

  test('reads and writes what was negotiated, by its id', () => {
    const map = new ExtensionMap([
      { id: 3, uri: midExtension.uri },
      { id: 5, uri: transportSequenceExtension.uri },
    ]);
    expect(map.read(packetWith(3, '30'), midExtension)).toBe('0');
    expect(map.read(packetWith(4, '30'), midExtension)).toBeNull();
    expect(map.read(packetWith(5, '010203'), transportSequenceExtension)).toBeNull();
    expect(map.read(packetWith(3, '30'), ridExtension)).toBeNull();
    const bytes = new Uint8Array(64);
    const writer = new RtpHeaderWriter();
    writer.begin(bytes, 0, 96, false, 1, 2, 3, map.needsTwoByte);
    expect(map.write(writer, midExtension, 'ab')).toBe(true);
    expect(map.write(writer, ridExtension, 'h')).toBe(false);
    expect(map.write(writer, transportSequenceExtension, 0x1234)).toBe(true);
    const packet = RtpPacket.parse(bytes.subarray(0, writer.end()))!;
    expect(map.read(packet, midExtension)).toBe('ab');
    expect(map.read(packet, transportSequenceExtension)).toBe(0x1234);
    expect(map.uri(3)).toBe(midExtension.uri);
  });

  test("an application's own extension is an object of the same shape", () => {
    const own: HeaderExtension<number> = {
      uri: 'https://example.org/temperature',
      length: () => 1,
      write: (value, bytes, at) => {
        bytes[at] = value;
      },
      read: (bytes, start, end) => (end - start === 1 ? bytes[start]! : null),
    };
    expect(new ExtensionMap([{ id: 9, uri: own.uri }]).read(packetWith(9, '2a'), own)).toBe(42);
  });

  test('RFC 8285 §4.1.2: forms are mixed only where that was agreed on', () => {
    const entries = [{ id: 1, uri: videoLayersAllocationExtension.uri }];
    const apart = new ExtensionMap(entries);
    const mixed = new ExtensionMap(entries, true);
    expect([apart.needsTwoByte, apart.formFor(40), apart.canSend(videoLayersAllocationExtension, 40)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([mixed.formFor(40), mixed.formFor(4), mixed.canSend(videoLayersAllocationExtension, 40)]).toEqual([
      true,
      false,
      true,
    ]);
    const high = new ExtensionMap([...entries, { id: 15, uri: 'urn:x' }]);
    expect([high.needsTwoByte, high.formFor(1), high.canSend(videoLayersAllocationExtension, 40)]).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('the first of two equal ids or URIs counts; ids are 1 to 255', () => {
    const map = new ExtensionMap([
      { id: 1, uri: 'urn:a' },
      { id: 1, uri: 'urn:b' },
      { id: 2, uri: 'urn:a' },
    ]);
    expect([map.id({ uri: 'urn:a' }), map.id({ uri: 'urn:b' }), map.uri(2)]).toEqual([1, 0, undefined]);
    expect(() => new ExtensionMap([{ id: 0, uri: 'urn:a' }])).toThrow(RangeError);
    expect(() => new ExtensionMap([{ id: 256, uri: 'urn:a' }])).toThrow(RangeError);
  });
});
