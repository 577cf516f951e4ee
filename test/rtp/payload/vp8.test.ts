import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/binary/bytes.ts';
import type { EncodedFrame, FrameMetadata } from '../../../src/rtp/payload/types.ts';
import { readVp8Descriptor, Vp8Format } from '../../../src/rtp/payload/vp8.ts';
import { bytes, expectWellCut, packetsOf, readIvf, send } from './ivf-support.ts';
import { damaged, readPackets, receiveFrames } from './nal-support.ts';

const format = new Vp8Format();
const KEY_FRAME = fromHex('10 02 00 9d 01 2a 40 01 b4 00 11 22 33 44 55 66');
const INTER_FRAME = fromHex('31 02 00 11 22 33');

const metadata: fc.Arbitrary<FrameMetadata> = fc.record(
  {
    pictureId: fc.nat(0x7fff),
    tl0PictureIndex: fc.nat(255),
    temporalLayer: fc.nat(3),
    isSwitchPoint: fc.boolean(),
    keyFrameIndex: fc.nat(31),
    isDiscardable: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe('cutting and joining', () => {
  test('any frame survives any split, in parts of the same length', () => {
    fc.assert(
      fc.property(bytes(1, 5000), metadata, fc.integer({ min: 7, max: 1300 }), (data, told, max) => {
        const sent = send(format, { data, isKeyFrame: false, metadata: told }, max)!;
        expect(expectWellCut(sent, max, 1)).toBeNull();
        const frame = format.assemble(sent.map(({ payload }) => payload))!;
        expect(frame.data).toEqual(data);
        expect(frame.metadata?.pictureId).toBe(told.pictureId);
        expect(frame.metadata?.temporalLayer).toBe(told.temporalLayer);
        expect(frame.metadata?.keyFrameIndex).toBe(told.keyFrameIndex);
      }),
    );
  });

  test('no loss goes unseen: frames come out whole or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(bytes(1, 900), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 20, max: 400 }),
        fc.infiniteStream(fc.nat(3)),
        (datas, max, luck) => {
          const frames = datas.map((data, i) => ({ data, isKeyFrame: false, metadata: { pictureId: i } }));
          const kept = packetsOf(format, frames, max).filter(() => luck.next().value !== 0);
          for (const { data, metadata: told } of receiveFrames(format, kept)) {
            expect(data).toEqual(datas[told!.pictureId!]);
          }
        },
      ),
    );
  });

  test('without the first payload, or with the first of another frame among the rest, nothing is made', () => {
    const payloads = send(format, { data: KEY_FRAME, isKeyFrame: true }, 6)!.map(({ payload }) => payload);
    expect(payloads.length).toBe(4);
    expect(format.assemble(payloads.slice(1))).toBeNull();
    expect(format.assemble([...payloads, payloads[0]!])).toBeNull();
    expect(format.assemble([])).toBeNull();
  });

  test('payloads of two pictures are no frame', () => {
    const one = send(format, { data: KEY_FRAME, isKeyFrame: true, metadata: { pictureId: 7 } }, 14)!;
    const other = send(format, { data: KEY_FRAME, isKeyFrame: true, metadata: { pictureId: 8 } }, 14)!;
    expect(format.assemble([one[0]!.payload, other[1]!.payload])).toBeNull();
  });

  test('a room that the descriptor fills is a RangeError; a frame of no bytes is none', () => {
    const frame: EncodedFrame = { data: KEY_FRAME, isKeyFrame: true, metadata: { pictureId: 1 } };
    expect(() => send(format, frame, 4)).toThrow(RangeError);
    expect(send(format, { data: new Uint8Array(0), isKeyFrame: true }, 100)).toBeNull();
  });
});

describe('the descriptor', () => {
  test('RFC 7741 §4.6.1: a key frame in one packet', () => {
    const payload = fromHex('90 80 11 10 02 00 9d 01 2a 40 01 b4 00 77');
    expect(format.inspect(payload)).toEqual({
      startsFrame: true,
      isKeyFrame: true,
      metadata: { pictureId: 17, width: 320, height: 180 },
    });
  });

  test('RFC 7741 §4.2: a temporal layer, its base picture and a PictureID of 15 bits', () => {
    const payload = fromHex('90 e0 92 34 2a 60 31 02 00');
    expect(readVp8Descriptor(payload)).toEqual({
      isNonReference: false,
      startsPartition: true,
      partition: 0,
      pictureId: 0x1234,
      pictureIdBits: 15,
      tl0PictureIndex: 42,
      temporalLayer: 1,
      isLayerSync: true,
      keyFrameIndex: null,
      length: 6,
    });
  });

  test('RFC 7741 §4.2: TID is ignored without T, KEYIDX without K, reserved bits always', () => {
    expect(readVp8Descriptor(fromHex('d8 1f c5 00'))).toMatchObject({
      temporalLayer: null,
      keyFrameIndex: 5,
      length: 3,
    });
    expect(readVp8Descriptor(fromHex('90 20 c5 00'))).toMatchObject({ temporalLayer: 3, keyFrameIndex: null });
  });

  test('RFC 7741 §4.2: what is told of a frame is written into each of its payloads', () => {
    const told = {
      pictureId: 5,
      tl0PictureIndex: 9,
      temporalLayer: 2,
      isSwitchPoint: true,
      keyFrameIndex: 3,
      isDiscardable: true,
    };
    const sent = send(format, { data: INTER_FRAME, isKeyFrame: false, metadata: told }, 9)!;
    expect(sent.map(({ payload }) => payload)).toEqual([
      fromHex('b0 f0 8005 09 a3 31 02 00'),
      fromHex('a0 f0 8005 09 a3 11 22 33'),
    ]);
  });

  test('RFC 7741 §4.2: TL0PICIDX stays away where no temporal layer is told', () => {
    const sent = send(
      format,
      { data: INTER_FRAME, isKeyFrame: false, metadata: { pictureId: 5, tl0PictureIndex: 9 } },
      50,
    )!;
    expect(sent[0]!.payload.subarray(0, 4)).toEqual(fromHex('90 80 8005'));
  });

  test('RFC 7741 §4.4: a frame cut at its partitions is put together, in their order only', () => {
    const parts = [fromHex('10 31 02 00 aa'), fromHex('00 bb'), fromHex('11 cc'), fromHex('12 dd'), fromHex('02 ee')];
    expect(format.assemble(parts)!.data).toEqual(fromHex('31 02 00 aa bb cc dd ee'));
    expect(format.assemble([parts[0]!, parts[3]!, parts[2]!])).toBeNull();
    expect(parts.map((part) => format.inspect(part)!.startsFrame)).toEqual([true, false, false, false, false]);
  });
});

describe('against FFmpeg', () => {
  const frames = readIvf('clip.vp8.ivf');

  test('its packets become the frames of its file, byte for byte', () => {
    const received = receiveFrames(format, readPackets('clip.vp8.rtp'));
    expect(received.map(({ data }) => data)).toEqual(frames);
    expect(received.map(({ isKeyFrame }) => isKeyFrame)).toEqual(frames.map((frame) => (frame[0]! & 1) === 0));
    expect(received[0]!.metadata).toMatchObject({ width: 160, height: 112 });
    expect(received.filter(({ isKeyFrame }) => isKeyFrame).length).toBe(3);
  });

  test('its frames survive our packets', () => {
    const sent = packetsOf(
      format,
      frames.map((data) => ({ data, isKeyFrame: false })),
      200,
    );
    expect(receiveFrames(format, sent).map(({ data }) => data)).toEqual(frames);
    expect(sent.length).toBeGreaterThan(2 * frames.length);
  });
});

describe('nonsense', () => {
  test('every truncation and every flipped bit is taken without an exception, alone and in a frame', () => {
    const told = { pictureId: 5, tl0PictureIndex: 9, temporalLayer: 2, keyFrameIndex: 3 };
    const [first, second] = send(format, { data: KEY_FRAME, isKeyFrame: true, metadata: told }, 14)!;
    for (const payload of [first!.payload, second!.payload]) {
      for (const bad of damaged(payload)) {
        format.inspect(bad);
        format.assemble([bad, second!.payload]);
        format.assemble([first!.payload, bad]);
      }
    }
  });

  test('random bytes, too', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (payloads) => void format.assemble(payloads)));
  });
});
