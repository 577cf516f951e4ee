import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import { readVp9FrameHeader } from '../../../src/rtp/payload/bitstream/vp9.ts';
import type { EncodedFrame, FrameMetadata, LayerFrame } from '../../../src/rtp/payload/types.ts';
import { describeVp9Frame, Vp9Format } from '../../../src/rtp/payload/vp9.ts';
import { readVp9Descriptor, writeVp9Descriptor } from '../../../src/rtp/payload/vp9-descriptor.ts';
import { bytes, expectWellCut, packetsOf, readIvf, send } from './ivf-support.ts';
import { damaged, readPackets, receiveFrames } from './nal-support.ts';

const format = new Vp9Format();
/** 160x112, profile 0. */
const KEY_FRAME = fromHex('82 49 83 42 00 09 f0 06 f6 11 22 33 44 55 66 77');
const INTER_FRAME = fromHex('86 00 40 92 11 22 33');

/** A picture of up to three spatial layers; from pictures of a flexible stream or not. */
const picture: fc.Arbitrary<EncodedFrame> = fc
  .record({
    layers: fc.array(bytes(1, 1500), { minLength: 1, maxLength: 3 }),
    isKeyFrame: fc.boolean(),
    references: fc.option(fc.array(fc.integer({ min: 1, max: 127 }), { minLength: 1, maxLength: 3 }), {
      nil: undefined,
    }),
    temporalLayer: fc.nat(3),
    isSwitchPoint: fc.boolean(),
    tl0PictureIndex: fc.nat(255),
    pictureId: fc.nat(0x7fff),
    hasStructure: fc.boolean(),
  })
  .map(({ layers, isKeyFrame, references, hasStructure, tl0PictureIndex, ...numbers }) => {
    const pictureReferences = references && (isKeyFrame ? [] : references);
    const layerFrames: LayerFrame[] = layers.map(({ length }, spatialLayer) => ({
      length,
      spatialLayer,
      isInterPicturePredicted: !isKeyFrame,
      usesLayerBelow: spatialLayer > 0,
      ...(pictureReferences && { pictureReferences }),
    }));
    const resolutions = layers.map((_, i) => ({ width: 320 << i, height: 180 << i }));
    const metadata: FrameMetadata = {
      ...numbers,
      spatialLayer: 0,
      ...(pictureReferences ? { pictureReferences } : { tl0PictureIndex }),
      ...(hasStructure && { scalability: { spatialLayers: layers.length, resolutions } }),
      ...(layers.length > 1 && { layerFrames }),
    };
    return { data: concatBytes(...layers), isKeyFrame, metadata };
  });

describe('cutting and joining', () => {
  test('any picture survives any split, with all that is told of it', () => {
    fc.assert(
      fc.property(picture, fc.integer({ min: 40, max: 1300 }), (frame, max) => {
        const sent = send(format, frame, max)!;
        expect(expectWellCut(sent, max, max)).toBeNull();
        const received = format.assemble(sent.map(({ payload }) => payload))!;
        expect(received.data).toEqual(frame.data);
        const { width: _width, height: _height, ...told } = received.metadata!;
        expect(told).toEqual(frame.metadata);
      }),
    );
  });

  test('a frame without layers is cut into parts of the same length', () => {
    fc.assert(
      fc.property(bytes(1, 5000), fc.integer({ min: 4, max: 1300 }), (data, max) => {
        const sent = send(format, { data, isKeyFrame: false, metadata: { pictureId: 1 } }, max)!;
        expect(expectWellCut(sent, max, 1)).toBeNull();
      }),
    );
  });

  test('a scalability structure takes room from the first payload only, however little there is', () => {
    const scalability = { spatialLayers: 1, resolutions: [{ width: 320, height: 180 }] };
    fc.assert(
      fc.property(bytes(1, 300), fc.integer({ min: 10, max: 60 }), (data, max) => {
        const sent = send(format, { data, isKeyFrame: true, metadata: { pictureId: 1, scalability } }, max)!;
        expect(expectWellCut(sent, max, max)).toBeNull();
        expect(sent.filter(({ payload }) => readVp9Descriptor(payload)!.scalability !== null).length).toBe(1);
        expect(format.assemble(sent.map(({ payload }) => payload))!.data).toEqual(data);
      }),
    );
  });

  test('no loss goes unseen: pictures come out whole or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(picture, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 40, max: 400 }),
        fc.infiniteStream(fc.nat(3)),
        (frames, max, luck) => {
          const kept = packetsOf(format, frames, max).filter(() => luck.next().value !== 0);
          const whole = new Set(frames.map(({ data }) => String(data)));
          for (const { data } of receiveFrames(format, kept)) expect(whole.has(String(data))).toBe(true);
        },
      ),
    );
  });

  test('RFC 9628 §4.2: B and E bracket each layer, and the layers of a picture come in order', () => {
    const layerFrames = [
      { length: 16, spatialLayer: 0 },
      { length: 7, spatialLayer: 1 },
    ];
    const frame = {
      data: concatBytes(KEY_FRAME, INTER_FRAME),
      isKeyFrame: true,
      metadata: { pictureId: 3, temporalLayer: 0, layerFrames },
    };
    const sent = send(format, frame, 16)!;
    expect(sent.map(({ payload, isLast, layer, endsLayer }) => [payload[0]! & 0x0c, isLast, layer, endsLayer])).toEqual(
      [
        [0x08, false, 0, false],
        [0x04, false, 0, true],
        [0x0c, true, 1, true],
      ],
    );
    const payloads = sent.map(({ payload }) => payload);
    expect(format.assemble(payloads)!.isKeyFrame).toBe(true);
    expect(format.assemble(payloads.slice(1))).toBeNull();
    expect(format.assemble(payloads.slice(0, 1))).toBeNull();
    expect(format.assemble([payloads[0]!, payloads[2]!])).toBeNull();
    expect(format.assemble([payloads[2]!, payloads[0]!, payloads[1]!])).toBeNull();
    // A forwarder that leaves the upper layer out leaves a picture.
    expect(format.assemble(payloads.slice(0, 2))!.data).toEqual(KEY_FRAME);
  });

  test('layer frames that do not fill the data, or are out of order, are a RangeError', () => {
    const metadata = (layerFrames: LayerFrame[]): FrameMetadata => ({ temporalLayer: 0, layerFrames });
    for (const layerFrames of [
      [{ length: 3, spatialLayer: 0 }],
      [
        { length: 3, spatialLayer: 1 },
        { length: 13, spatialLayer: 0 },
      ],
      [
        { length: 16, spatialLayer: 0 },
        { length: 0, spatialLayer: 1 },
      ],
    ]) {
      const frame = { data: KEY_FRAME, isKeyFrame: true, metadata: metadata(layerFrames) };
      expect(() => send(format, frame, 100)).toThrow(RangeError);
    }
    expect(() => send(format, { data: KEY_FRAME, isKeyFrame: true }, 1)).toThrow(RangeError);
    expect(send(format, { data: new Uint8Array(0), isKeyFrame: true }, 100)).toBeNull();
  });
});

describe('the descriptor', () => {
  const none = {
    pictureId: null,
    pictureIdBits: 0,
    isInterPicturePredicted: false,
    layer: null,
    isFlexible: false,
    startsLayerFrame: false,
    endsLayerFrame: false,
    isUnusedAbove: false,
    pictureReferences: [],
    tl0PictureIndex: null,
    scalability: null,
  } as const;

  test.each([
    ['nothing but B and E', '0c', { startsLayerFrame: true, endsLayerFrame: true }],
    ['a PictureID of 7 bits', '80 11', { pictureId: 17, pictureIdBits: 7 }],
    ['a PictureID of 15 bits', '80 9234', { pictureId: 0x1234, pictureIdBits: 15 }],
    [
      'non-flexible mode: layers and TL0PICIDX',
      'e1 9234 53 2a',
      {
        pictureId: 0x1234,
        pictureIdBits: 15,
        isInterPicturePredicted: true,
        isUnusedAbove: true,
        layer: { temporalLayer: 2, isSwitchPoint: true, spatialLayer: 1, usesLayerBelow: true },
        tl0PictureIndex: 42,
      },
    ],
    [
      'flexible mode: three references',
      'f0 9234 00 03 05 fe',
      {
        pictureId: 0x1234,
        pictureIdBits: 15,
        isInterPicturePredicted: true,
        isFlexible: true,
        layer: { temporalLayer: 0, isSwitchPoint: false, spatialLayer: 0, usesLayerBelow: false },
        pictureReferences: [1, 2, 127],
      },
    ],
    [
      'RFC 9628 §4.2.1: resolutions of two layers and a group of two pictures',
      '0a 38 0140 00b4 0280 0168 02 14 02 28 01 02',
      {
        startsLayerFrame: true,
        scalability: {
          spatialLayers: 2,
          resolutions: [
            { width: 320, height: 180 },
            { width: 640, height: 360 },
          ],
          pictureGroup: [
            { temporalLayer: 0, isSwitchPoint: true, references: [2] },
            { temporalLayer: 1, isSwitchPoint: false, references: [1, 2] },
          ],
        },
      },
    ],
  ])('%s', (_title, hex, fields) => {
    const descriptor = { ...none, ...fields } as Parameters<typeof writeVp9Descriptor>[0];
    const written = fromHex(hex);
    expect(readVp9Descriptor(concatBytes(written, Uint8Array.of(1)))).toEqual({
      ...descriptor,
      length: written.length,
    });
    expect(writeVp9Descriptor(descriptor)).toEqual(written);
  });

  test('RFC 9628 §4.2: a fourth reference, or nothing behind the descriptor, is malformed', () => {
    expect(readVp9Descriptor(fromHex('d0 11 03 03 03 02 00'))).toBeNull();
    expect(readVp9Descriptor(fromHex('80 11'))).toBeNull();
    expect(readVp9Descriptor(fromHex(''))).toBeNull();
  });

  test('numbers that do not fit are RangeErrors', () => {
    const write = (fields: object) => () => writeVp9Descriptor({ ...none, pictureId: 1, ...fields });
    expect(write({ isFlexible: true, isInterPicturePredicted: true })).toThrow(RangeError);
    expect(write({ isFlexible: true, pictureId: null })).toThrow(RangeError);
    expect(write({ isFlexible: true, isInterPicturePredicted: true, pictureReferences: [128] })).toThrow(RangeError);
    expect(write({ isFlexible: true, isInterPicturePredicted: true, pictureReferences: [1, 1, 1, 1] })).toThrow(
      RangeError,
    );
    expect(write({ scalability: { spatialLayers: 9 } })).toThrow(RangeError);
    expect(write({ scalability: { spatialLayers: 2, resolutions: [] } })).toThrow(RangeError);
    const layer = { temporalLayer: 8, isSwitchPoint: false, spatialLayer: 0, usesLayerBelow: false };
    expect(write({ layer })).toThrow(RangeError);
  });
});

describe('what one payload tells', () => {
  test('a key frame by its own header, where P does not say so: FFmpeg never sets P', () => {
    expect(format.inspect(concatBytes(fromHex('08'), KEY_FRAME))).toEqual({
      startsFrame: true,
      isKeyFrame: true,
      metadata: { width: 160, height: 112 },
    });
    expect(format.inspect(concatBytes(fromHex('08'), INTER_FRAME))!.isKeyFrame).toBe(false);
  });

  test('a key frame by P, where its header cannot be read: end-to-end encryption', () => {
    expect(format.inspect(fromHex('88 11 ff ff ff'))!.isKeyFrame).toBe(true);
    expect(format.inspect(fromHex('c8 11 ff ff ff'))!.isKeyFrame).toBe(false);
  });

  test('an intra-only frame is no key frame: what was before it stays referable', () => {
    const intraOnly = fromHex('84 80 11');
    expect(readVp9FrameHeader(intraOnly)).toMatchObject({ isKeyFrame: false, isIntraOnly: true, isShown: false });
    expect(format.inspect(concatBytes(fromHex('08'), intraOnly))!.isKeyFrame).toBe(false);
  });

  test('a layer that uses the one below cannot start a picture; one that does not may, if nothing came before it', () => {
    expect(format.inspect(fromHex('a8 11 03 00 86'))!.startsFrame).toBe(false);
    expect(format.inspect(fromHex('a8 11 02 00 86'))).toMatchObject({ startsFrame: true, isStartUncertain: true });
    expect(format.inspect(fromHex('a8 11 00 00 86'))).not.toHaveProperty('isStartUncertain');
  });
});

describe('against FFmpeg', () => {
  const frames = readIvf('clip.vp9.ivf');

  test('its packets become the frames of its file, byte for byte', () => {
    const received = receiveFrames(format, readPackets('clip.vp9.rtp'));
    expect(received.map(({ data }) => data)).toEqual(frames);
    expect(received.map(({ isKeyFrame }) => isKeyFrame)).toEqual(
      frames.map((frame) => describeVp9Frame(frame).isKeyFrame),
    );
    expect(received[0]!.metadata).toEqual({ width: 160, height: 112 });
    expect(received.filter(({ isKeyFrame }) => isKeyFrame).length).toBe(2);
  });

  test('its frames survive our packets', () => {
    const sent = packetsOf(
      format,
      frames.map((data) => ({ data, isKeyFrame: describeVp9Frame(data).isKeyFrame })),
      200,
    );
    expect(receiveFrames(format, sent).map(({ data }) => data)).toEqual(frames);
  });
});

describe('nonsense', () => {
  test('every truncation and every flipped bit is taken without an exception, alone and in a picture', () => {
    const pictureGroup = [
      { temporalLayer: 0, isSwitchPoint: true, references: [1, 2, 3] },
      { temporalLayer: 1, isSwitchPoint: false, references: [] },
    ];
    const scalability = { spatialLayers: 2, resolutions: [1, 2].map((n) => ({ width: n, height: n })), pictureGroup };
    const metadata = { pictureId: 5, temporalLayer: 0, tl0PictureIndex: 9, scalability };
    const flexible = { pictureId: 5, temporalLayer: 0, pictureReferences: [1, 2, 3] };
    for (const frame of [
      { data: KEY_FRAME, isKeyFrame: true, metadata },
      { data: INTER_FRAME, isKeyFrame: false, metadata: flexible },
    ]) {
      const payloads = send(format, frame, 30)!.map(({ payload }) => payload);
      for (const bad of payloads.flatMap((payload) => [...damaged(payload)])) {
        format.inspect(bad);
        format.assemble([bad, ...payloads.slice(1)]);
        format.assemble([...payloads.slice(0, -1), bad]);
      }
    }
  });

  test('random bytes, too', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (payloads) => void format.assemble(payloads)));
  });
});
