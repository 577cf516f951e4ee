/** Transforms of encoded frames: the pipe, streams in this thread, workers, and the attribute `transform`. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  RTCPeerConnection,
  RTCRtpScriptTransform,
  type RTCRtpTransform,
} from '../../src/index.ts';
import type { EncodedMediaFrame, EncodingId, MediaCodec, MediaKind } from '../../src/media/index.ts';
import { frameSlots, makeFrame, makeRecord } from '../../src/webrtc/encoded-frame.ts';
import { FramePipe } from '../../src/webrtc/frame-pipe.ts';
import { findRuntime } from '../interop/implementations.mjs';

type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

const VP8: MediaCodec = { mimeType: 'video/VP8', clockRate: 90_000 };
/** What the pipe lets wait; one more is dropped. */
const BOUND = 30;

/** A pipe, what came out of it, and which key frames it asked for. */
class Recorder {
  readonly pipe: FramePipe;
  readonly frames: EncodedMediaFrame[] = [];
  readonly encodings: EncodingId[] = [];
  readonly requests: EncodingId[] = [];
  layers: EncodingId[] | null = [{}];
  #awaited: { count: number; resolve: () => void } | null = null;

  constructor(options: { kind?: MediaKind; side?: 'sender' | 'receiver'; transform?: RTCRtpTransform } = {}) {
    const { kind = 'video', side = 'sender', transform = null } = options;
    this.pipe = new FramePipe({
      kind,
      side,
      deliver: (frame, _codec, encoding) => {
        this.frames.push(frame);
        this.encodings.push(encoding);
        if (this.frames.length === this.#awaited?.count) this.#awaited.resolve();
      },
      requestKeyFrame: (encoding) => this.requests.push(encoding),
      layers: () => this.layers,
    });
    this.pipe.transform = transform;
  }

  /** When so many frames have come out. */
  async count(count: number): Promise<void> {
    if (this.frames.length < count) await new Promise<void>((resolve) => (this.#awaited = { count, resolve }));
  }

  write(...frames: EncodedMediaFrame[]): void {
    for (const frame of frames) this.pipe.write(frame, VP8, {});
  }

  get numbers(): number[] {
    return this.frames.map(({ data }) => data[0]!);
  }
}

/** Its data is its number, and a second byte that does not matter. */
function frame(number: number, type: 'key' | 'delta' = number === 0 ? 'key' : 'delta'): EncodedMediaFrame {
  return { type, timestamp: number * 1e6, duration: 5, data: Uint8Array.of(number, 0xaa) };
}

function frames(from: number, to: number): EncodedMediaFrame[] {
  return Array.from({ length: to - from }, (_, i) => frame(from + i));
}

function xor(key: number): TransformStream<Frame, Frame> {
  return new TransformStream({
    transform(frame, controller) {
      frame.data = new Uint8Array(frame.data).map((byte) => byte ^ key).buffer;
      controller.enqueue(frame);
    },
  });
}

/** Lets every promise that can be settled be settled. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('without a transform', () => {
  test('a frame passes in the same call, as it is', () => {
    const recorder = new Recorder();
    const written = frame(0);
    recorder.write(written);
    expect(recorder.frames[0]).toBe(written);
    expect(recorder.pipe.stats).toEqual({ framesGiven: 0, framesReturned: 0, framesDropped: 0, framesIgnored: 0 });
  });

  test('after close nothing passes', () => {
    const recorder = new Recorder();
    recorder.pipe.close();
    recorder.write(frame(0));
    expect(recorder.frames).toEqual([]);
  });
});

describe('a TransformStream', () => {
  test('gets each frame and gives it on, in order, with all that was known of it', async () => {
    const recorder = new Recorder({ transform: new TransformStream() });
    recorder.write({ ...frame(0), metadata: { pictureId: 7 } }, ...frames(1, 10));
    expect(recorder.frames).toEqual([]); // not in the same call
    await recorder.count(10);
    expect(recorder.numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(recorder.frames[0]).toEqual({ ...frame(0), metadata: { pictureId: 7 } });
  });

  test('encrypts at one end and decrypts at the other; the frames written are not changed', async () => {
    const receiver = new Recorder({ side: 'receiver', transform: xor(0x5a) });
    const sender = new Recorder({ transform: xor(0x5a) });
    const written = frames(0, 5);
    sender.write(...written);
    await sender.count(5);
    expect(sender.frames[0]!.data).toEqual(Uint8Array.of(0x5a, 0xf0));
    receiver.write(...sender.frames);
    await receiver.count(5);
    expect(receiver.frames).toEqual(written);
  });

  test('"A processor may drop" frames: those that are not written are gone, the others go on', async () => {
    const onlyEven = new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        if (new Uint8Array(frame.data)[0]! % 2 === 0) controller.enqueue(frame);
      },
    });
    const recorder = new Recorder({ transform: onlyEven });
    recorder.write(...frames(0, 10));
    await recorder.count(5);
    expect(recorder.numbers).toEqual([0, 2, 4, 6, 8]);
    expect(recorder.requests).toEqual([]);
  });

  test('"A processor cannot reorder frames", write one twice, or make up its own', async () => {
    const kept: Frame[] = [];
    const unruly = new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        kept.push(frame);
        if (kept.length < 3) return;
        const [first, second, third] = kept as [Frame, Frame, Frame];
        controller.enqueue(new RTCEncodedVideoFrame(first as RTCEncodedVideoFrame));
        controller.enqueue(second);
        controller.enqueue(first);
        controller.enqueue(second);
        controller.enqueue(third);
      },
    });
    const recorder = new Recorder({ transform: unruly });
    const other = new Recorder({ transform: unruly.readable.locked ? new TransformStream() : unruly });
    recorder.write(...frames(0, 3));
    await recorder.count(2);
    expect(recorder.numbers).toEqual([1, 2]);
    expect(recorder.pipe.stats.framesIgnored).toBe(3);
    expect(other.frames).toEqual([]);
  });

  test('frames of another sender are ignored', async () => {
    const taken: Frame[] = [];
    const taker = new Recorder({ transform: new TransformStream({ transform: (frame) => void taken.push(frame) }) });
    taker.write(frame(0));
    await settle();
    const stranger = new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        controller.enqueue(taken[0]!);
        controller.enqueue(frame);
      },
    });
    const recorder = new Recorder({ transform: stranger });
    recorder.write(frame(9, 'key'));
    await recorder.count(1);
    expect(recorder.numbers).toEqual([9]);
    expect(recorder.pipe.stats.framesIgnored).toBe(1);
  });

  test('data that is written is gone from the frame', async () => {
    let seen: Frame | undefined;
    const transform = new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        seen = frame;
        controller.enqueue(frame);
      },
    });
    const recorder = new Recorder({ transform });
    recorder.write(frame(3, 'key'));
    await recorder.count(1);
    expect(seen!.data.byteLength).toBe(0);
    expect(seen!.getMetadata()).toMatchObject({ mimeType: 'video/VP8', timestamp: 3e6 });
  });

  test('limits what waits for a slow transform, then goes on from a key frame', async () => {
    let free = (): void => {};
    const blocked = new Promise<void>((resolve) => (free = resolve));
    const slow = new TransformStream<Frame, Frame>({
      async transform(frame, controller) {
        await blocked;
        controller.enqueue(frame);
      },
    });
    const recorder = new Recorder({ transform: slow });
    recorder.write(...frames(0, 100));
    expect(recorder.pipe.stats).toMatchObject({ framesGiven: BOUND, framesDropped: 100 - BOUND });
    expect(recorder.requests).toEqual([]); // no use in it yet
    free();
    await recorder.count(BOUND);
    expect(recorder.numbers).toEqual(frames(0, BOUND).map(({ data }) => data[0]));
    expect(recorder.requests).toEqual([{}]);
    recorder.write(frame(100), frame(101, 'key'), frame(102));
    await recorder.count(BOUND + 2);
    expect(recorder.numbers.slice(BOUND)).toEqual([101, 102]);
  });

  test('a key frame that does not come is asked for again', async () => {
    let free = (): void => {};
    const blocked = new Promise<void>((resolve) => (free = resolve));
    const recorder = new Recorder({ transform: new TransformStream({ transform: () => blocked }) });
    recorder.write(...frames(0, BOUND + 1));
    free();
    while (recorder.requests.length === 0) await settle();
    recorder.write(...frames(31, 31 + 60));
    expect(recorder.requests.length).toBe(3);
  });

  test('encodings lag one by one: a gap in one does not hold up another', async () => {
    let free = (): void => {};
    const blocked = new Promise<void>((resolve) => (free = resolve));
    const recorder = new Recorder({
      transform: new TransformStream<Frame, Frame>({
        async transform(frame, controller) {
          await blocked;
          controller.enqueue(frame);
        },
      }),
    });
    const write = (number: number, rid: string): void => recorder.pipe.write(frame(number), VP8, { rid });
    for (let i = 0; i < BOUND; i++) write(i, 'high');
    write(BOUND, 'high');
    free();
    await recorder.count(BOUND);
    write(50, 'high');
    write(50, 'low');
    await recorder.count(BOUND + 1);
    expect(recorder.encodings.at(-1)).toEqual({ rid: 'low' });
    expect(recorder.requests).toEqual([{ rid: 'high' }]);
  });

  test('sound that is dropped asks for no key frame', async () => {
    const recorder = new Recorder({
      kind: 'audio',
      transform: new TransformStream({ transform: () => new Promise(() => {}) }),
    });
    recorder.write(...frames(0, 40).map((one) => ({ ...one, type: 'key' as const })));
    expect(recorder.pipe.stats.framesDropped).toBe(10);
    recorder.pipe.transform = null;
    recorder.write(frame(41, 'key'));
    expect(recorder.numbers).toEqual([41]);
    expect(recorder.requests).toEqual([]);
  });

  test('one that throws lets nothing pass, until there is another, or none', async () => {
    const broken = new TransformStream<Frame, Frame>({
      transform() {
        throw new Error('no key');
      },
    });
    const recorder = new Recorder({ transform: broken });
    recorder.write(frame(0));
    await settle();
    recorder.write(...frames(1, 5));
    await settle();
    expect(recorder.frames).toEqual([]);
    expect(recorder.pipe.stats.framesDropped).toBe(4);
    recorder.pipe.transform = xor(0);
    expect(recorder.requests).toEqual([{}]); // frames were lost
    recorder.write(frame(5), frame(6, 'key'), frame(7));
    await recorder.count(2);
    expect(recorder.numbers).toEqual([6, 7]);
  });

  test('one that ends by itself lets nothing pass', async () => {
    const ending = new TransformStream<Frame, Frame>({ transform: (_frame, controller) => controller.terminate() });
    const recorder = new Recorder({ transform: ending });
    recorder.write(frame(0));
    await settle();
    recorder.write(frame(1, 'key'));
    expect(recorder.frames).toEqual([]);
  });

  test.each([null, {}, Uint8Array.of(1), 'frame'])(
    '"Writing bad chunks should error the stream": %j',
    async (chunk) => {
      let cancelled: unknown;
      const written: unknown[] = [];
      const transform = {
        writable: new WritableStream({ write: (frame) => void written.push(frame) }),
        readable: new ReadableStream({
          start: (controller) => controller.enqueue(chunk),
          cancel: (reason) => {
            cancelled = reason;
          },
        }),
      };
      const recorder = new Recorder({ transform });
      await settle();
      expect(cancelled).toBeInstanceOf(TypeError);
      recorder.write(frame(0));
      expect(written).toEqual([]);
      expect(recorder.frames).toEqual([]);
    },
  );

  test('is taken off: frames pass again in the same call, those that were in it are lost, and it sees its end', async () => {
    let flushed = false;
    const transform = new TransformStream<Frame, Frame>({
      flush: () => {
        flushed = true;
      },
    });
    const recorder = new Recorder({ transform });
    recorder.write(frame(0));
    recorder.pipe.transform = null;
    expect(recorder.requests).toEqual([{}]);
    recorder.write(frame(1), frame(2, 'key'), frame(3));
    expect(recorder.numbers).toEqual([2, 3]);
    await settle();
    expect(recorder.numbers).toEqual([2, 3]);
    expect(flushed).toBe(true);
  });

  test('no frame bypasses it from the moment that it is set', async () => {
    const recorder = new Recorder();
    recorder.write(frame(0));
    recorder.pipe.transform = xor(0xff);
    recorder.write(frame(1));
    expect(recorder.numbers).toEqual([0]);
    await recorder.count(2);
    expect(recorder.numbers).toEqual([0, 0xfe]);
  });

  test('cannot be used twice', () => {
    const transform = new TransformStream();
    const recorder = new Recorder({ transform });
    recorder.pipe.transform = transform; // the same again changes nothing
    expect(() => new Recorder({ transform })).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    recorder.pipe.transform = null;
    expect(() => {
      recorder.pipe.transform = transform;
    }).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    expect(recorder.pipe.transform).toBeNull();
  });

  test('may be two streams that have nothing else in common', async () => {
    const [first, second] = [xor(1), xor(2)];
    const readable = first.readable.pipeThrough(second);
    const recorder = new Recorder({ transform: { readable, writable: first.writable } });
    recorder.write(frame(0));
    await recorder.count(1);
    expect(recorder.numbers).toEqual([3]);
  });

  test('a frame that is kept for too long cannot be written any more', async () => {
    let kept: Frame | undefined;
    const keeper = new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        kept ??= frame;
        if (new Uint8Array(frame.data)[0] !== 255) return;
        controller.enqueue(kept);
        controller.enqueue(frame);
      },
    });
    const recorder = new Recorder({ transform: keeper });
    for (let i = 0; i < 320; i++) {
      recorder.write(frame(i === 0 ? 0 : 1));
      if (i % 10 === 9) await settle();
    }
    recorder.write(frame(255));
    await recorder.count(1);
    expect(recorder.numbers).toEqual([255]);
    expect(recorder.pipe.stats.framesIgnored).toBe(1);
  });
});

describe('frames', () => {
  const details = {
    synchronizationSource: 7,
    payloadType: 96,
    rtpTimestamp: 4_000_000_000,
    contributingSources: [1, 2],
  };
  const make = (kind: MediaKind = 'video'): Frame => {
    const codec = kind === 'video' ? VP8 : { mimeType: 'audio/opus', clockRate: 48_000 };
    const media = { ...frame(2), metadata: { width: 640, height: 480, temporalLayer: 1, spatialLayer: 0 } };
    return makeFrame(makeRecord(kind, 1, media, codec, {}, details), {});
  };

  test('tell what is known, and nothing else', () => {
    const video = make() as RTCEncodedVideoFrame;
    expect(video).toBeInstanceOf(RTCEncodedVideoFrame);
    expect([video.type, video.timestamp, video.data.byteLength]).toEqual(['delta', 4_000_000_000, 2]);
    expect(video.getMetadata()).toEqual({
      ...details,
      mimeType: 'video/VP8',
      timestamp: 2e6,
      width: 640,
      height: 480,
      spatialIndex: 0,
      temporalIndex: 1,
    });
    expect(make('audio').getMetadata()).toEqual({ ...details, mimeType: 'audio/opus' });
  });

  test('without an RTP timestamp that is known, it follows from the presentation time, modulo 2^32', () => {
    const late = { ...frame(0), timestamp: 50_000 * 1e6 };
    const { timestamp, metadata } = makeRecord('video', 1, late, VP8, { ssrc: 5 }, {});
    expect(timestamp).toBe((50_000 * 90_000) % 2 ** 32);
    expect(metadata).toEqual({
      synchronizationSource: 5,
      mimeType: 'video/VP8',
      timestamp: 5e10,
      spatialIndex: 0,
      temporalIndex: 0,
      contributingSources: [],
    });
  });

  test('metadata is a copy', () => {
    const video = make();
    video.getMetadata().contributingSources!.push(3);
    expect(video.getMetadata().contributingSources).toEqual([1, 2]);
  });

  test('are copied by the constructor, with other metadata where it is given', () => {
    const original = make() as RTCEncodedVideoFrame;
    const copy = new RTCEncodedVideoFrame(original, {
      metadata: { frameId: 5, dependencies: [3, 4], payloadType: 257 },
    });
    new Uint8Array(copy.data)[0] = 99;
    expect(new Uint8Array(original.data)[0]).toBe(2);
    expect(copy.getMetadata()).toEqual({ ...original.getMetadata(), frameId: 5, dependencies: [3, 4], payloadType: 1 });
    expect(original.getMetadata().frameId).toBeUndefined();
    expect(frameSlots(copy)!.owner).toBeNull();
    const sound = new RTCEncodedAudioFrame(make('audio') as RTCEncodedAudioFrame, {
      metadata: { sequenceNumber: 40_000 },
    });
    expect(sound.getMetadata().sequenceNumber).toBe(40_000 - 65_536); // a short, in the specification
  });

  test.each([
    () => new (RTCEncodedVideoFrame as unknown as new () => unknown)(),
    () => new RTCEncodedVideoFrame({} as never),
    () => new RTCEncodedVideoFrame(make('audio') as never),
    () => new RTCEncodedAudioFrame(make() as never),
    () => new RTCEncodedVideoFrame(make() as never, 1 as never),
    () => new RTCEncodedVideoFrame(make() as never, { metadata: { dependencies: 1 } } as never),
    () => {
      make().data = Uint8Array.of(1) as never;
    },
    () => {
      make().data = new SharedArrayBuffer(1) as never;
    },
  ])('turn down what is none: %s', (attempt) => {
    expect(attempt).toThrow(TypeError);
  });
});

describe('the attribute', () => {
  const connection = new RTCPeerConnection();
  const { sender, receiver } = connection.addTransceiver('video');
  afterAll(() => connection.close());

  test.each([
    ['RTCRtpSender', sender],
    ['RTCRtpReceiver', receiver],
  ])('of %s is null, a transform, and null again', (_name, owner) => {
    expect(owner.transform).toBeNull();
    const transform = new TransformStream();
    owner.transform = transform;
    expect(owner.transform).toBe(transform);
    owner.transform = transform;
    owner.transform = undefined as never;
    expect(owner.transform).toBeNull();
    for (const wrong of [{}, 'worker', 1, { readable: new ReadableStream() }, { readable: {}, writable: {} }]) {
      expect(() => {
        owner.transform = wrong as never;
      }).toThrow(TypeError);
    }
  });

  test('a transform of the sender is none for the receiver', () => {
    const transform = new TransformStream();
    sender.transform = transform;
    expect(() => {
      receiver.transform = transform;
    }).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    expect(receiver.transform).toBeNull();
  });

  test('a closed connection ends it', async () => {
    const closing = new RTCPeerConnection();
    const { sender } = closing.addTransceiver('audio');
    const flushed = new Promise<void>((resolve) => {
      sender.transform = new TransformStream({ flush: () => resolve() });
    });
    closing.close();
    await flushed;
  });
});

describe('a worker', () => {
  let worker: Worker;
  beforeAll(() => {
    worker = new Worker(fileURLToPath(new URL('transform-worker.mjs', import.meta.url)));
  });
  afterAll(() => worker.terminate());

  type Told = {
    kind: string;
    name?: string;
    method?: string;
    error?: string;
    value?: unknown;
    rid?: string | null;
    metadata?: object;
  };

  /** A transform in the worker, and what it tells. */
  class Remote {
    readonly transform: RTCRtpScriptTransform;
    readonly #port: MessagePort;
    readonly #told: Told[] = [];
    #wake = (): void => {};
    /** What the last call resolved with. */
    value: unknown;

    constructor(options: object = {}) {
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      port1.onmessage = ({ data }: MessageEvent<Told>) => {
        this.#told.push(data);
        this.#wake();
      };
      this.transform = new RTCRtpScriptTransform(worker, { ...options, port: port2 }, [port2]);
    }

    /** The next of this kind; others before it are passed over. */
    async told(kind: string): Promise<Told> {
      for (;;) {
        const message = this.#told.shift();
        if (message?.kind === kind) return message;
        if (message === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }

    async call(method: 'generateKeyFrame' | 'sendKeyFrameRequest', rid?: string): Promise<string> {
      const settled = this.told('settled');
      this.#port.postMessage({ method, rid });
      const { error, value } = await settled;
      this.value = value;
      return error ?? 'done';
    }

    close(): void {
      this.#port.close();
    }
  }

  test('encrypts and decrypts, both ways through real messages', async () => {
    const sender = new Recorder({ transform: new RTCRtpScriptTransform(worker, { key: 0x33 }) });
    const receiver = new Recorder({ side: 'receiver', transform: new RTCRtpScriptTransform(worker, { key: 0x33 }) });
    const written = frames(0, 20);
    sender.write(...written);
    await sender.count(20);
    expect(sender.numbers).toEqual(written.map(({ data }) => data[0]! ^ 0x33));
    receiver.write(...sender.frames);
    await receiver.count(20);
    expect(receiver.frames).toEqual(written);
    sender.pipe.close();
    receiver.pipe.close();
  });

  test('sees type and metadata, and the end when it is taken off', async () => {
    const remote = new Remote();
    const recorder = new Recorder({ transform: remote.transform });
    recorder.pipe.write(frame(0), VP8, { rid: 'q' }, { synchronizationSource: 9 });
    const told = await remote.told('frame');
    expect(told).toMatchObject({ type: 'key', metadata: { synchronizationSource: 9, mimeType: 'video/VP8' } });
    await recorder.count(1);
    expect(recorder.encodings).toEqual([{ rid: 'q' }]);
    recorder.pipe.transform = null;
    await remote.told('end');
    recorder.write(frame(1));
    expect(recorder.numbers).toEqual([0, 1]);
    expect(await remote.call('generateKeyFrame')).toBe('InvalidStateError');
    remote.close();
  });

  test('drops frames, writes others twice or makes its own: none of it gets through', async () => {
    const dropping = new Recorder({ transform: new RTCRtpScriptTransform(worker, { behaviour: 'drops delta' }) });
    dropping.write(frame(0), frame(1), frame(2), frame(3, 'key'));
    await dropping.count(2);
    expect(dropping.numbers).toEqual([0, 3]);
    for (const behaviour of ['copies', 'twice']) {
      const recorder = new Recorder({ transform: new RTCRtpScriptTransform(worker, { behaviour }) });
      recorder.write(...frames(0, 3));
      await recorder.count(3);
      while (recorder.pipe.stats.framesIgnored < 3) await settle();
      expect(recorder.numbers).toEqual([0, 1, 2]);
      recorder.pipe.close();
    }
    dropping.pipe.close();
  });

  test('limits what waits for it', async () => {
    const remote = new Remote({ behaviour: 'never reads' });
    const recorder = new Recorder({ transform: remote.transform });
    recorder.write(...frames(0, 100));
    await remote.told('end');
    expect(recorder.pipe.stats).toMatchObject({ framesGiven: BOUND, framesDropped: 100 - BOUND });
    recorder.pipe.transform = null;
    recorder.write(frame(100), frame(101, 'key'));
    expect(recorder.numbers).toEqual([101]);
    remote.close();
  });

  test('that writes what is no frame has its stream in error, and nothing passes', async () => {
    const remote = new Remote({ behaviour: 'bad chunk' });
    const recorder = new Recorder({ transform: remote.transform });
    recorder.write(frame(0));
    expect(await remote.told('error')).toMatchObject({ name: 'TypeError' });
    while (recorder.pipe.stats.framesDropped === 0) {
      recorder.write(frame(1));
      await settle();
    }
    expect(recorder.frames).toEqual([]);
    remote.close();
  });

  test('may pipe its streams: taken off, the pipe ends well', async () => {
    const remote = new Remote({ behaviour: 'pipes', key: 1 });
    const recorder = new Recorder({ transform: remote.transform });
    recorder.write(...frames(0, 100));
    await recorder.count(BOUND);
    expect(recorder.numbers.slice(0, 4)).toEqual([1, 0, 3, 2]);
    recorder.pipe.close();
    await remote.told('end');
    remote.close();
  });

  test('whose pipe fails lets nothing pass, until there is another', async () => {
    const remote = new Remote({ behaviour: 'throws' });
    const recorder = new Recorder({ transform: remote.transform });
    recorder.write(frame(0));
    expect(await remote.told('error')).toMatchObject({ name: 'RangeError' });
    while (recorder.pipe.stats.framesDropped === 0) {
      recorder.write(frame(1, 'key'));
      await settle();
    }
    recorder.pipe.transform = new RTCRtpScriptTransform(worker, { behaviour: 'pipes' });
    expect(recorder.requests).toEqual([{}]);
    recorder.write(frame(2), frame(3, 'key'));
    await recorder.count(1);
    expect(recorder.numbers).toEqual([3]);
    recorder.pipe.transform = null;
    remote.close();
  });

  test('generateKeyFrame: the sender is asked, and the promise resolves just before the key frame is read', async () => {
    const remote = new Remote();
    const recorder = new Recorder({ transform: remote.transform });
    recorder.layers = [{ rid: 'a' }, { rid: 'b' }];
    const all = remote.call('generateKeyFrame');
    while (recorder.requests.length < 2) await settle();
    expect(recorder.requests).toEqual([{ rid: 'a' }, { rid: 'b' }]);
    recorder.pipe.write(frame(0), VP8, { rid: 'a' });
    recorder.pipe.write(frame(1), VP8, { rid: 'b' });
    recorder.pipe.write(frame(2, 'key'), VP8, { rid: 'b' });
    expect(await all).toBe('done');
    expect(remote.value).toBe(2 * VP8.clockRate); // the RTP timestamp of the last of them
    await recorder.count(3);
    const one = remote.call('generateKeyFrame', 'b');
    while (recorder.requests.length < 3) await settle();
    expect(recorder.requests[2]).toEqual({ rid: 'b' });
    recorder.pipe.write(frame(3, 'key'), VP8, { rid: 'b' });
    expect(await one).toBe('done');
    expect(await remote.call('generateKeyFrame', 'c')).toBe('NotFoundError');
    expect(await remote.call('generateKeyFrame', 'no rid')).toBe('TypeError');
    expect(await remote.call('sendKeyFrameRequest')).toBe('InvalidStateError');
    recorder.layers = [];
    expect(await remote.call('generateKeyFrame')).toBe('NotFoundError');
    recorder.layers = null;
    expect(await remote.call('generateKeyFrame')).toBe('InvalidStateError');
    recorder.layers = [{}];
    const pending = remote.call('generateKeyFrame');
    while (recorder.requests.length < 4) await settle();
    recorder.pipe.transform = null;
    expect(await pending).toBe('InvalidStateError');
    remote.close();
  });

  test('sendKeyFrameRequest: the peer of a receiver is asked', async () => {
    const remote = new Remote();
    expect(await remote.call('sendKeyFrameRequest')).toBe('InvalidStateError'); // nobody has it
    const recorder = new Recorder({ side: 'receiver', transform: remote.transform });
    expect(await remote.call('sendKeyFrameRequest')).toBe('done');
    expect(recorder.requests).toEqual([{}]);
    expect(await remote.call('generateKeyFrame')).toBe('InvalidStateError');
    remote.close();
    const sound = new Remote();
    new Recorder({ kind: 'audio', side: 'receiver', transform: sound.transform });
    expect(await sound.call('sendKeyFrameRequest')).toBe('InvalidStateError');
    sound.close();
  });

  test('keyframerequest: those who listen may refuse, nobody else is asked', async () => {
    const deaf = new Recorder({ transform: new RTCRtpScriptTransform(worker) });
    deaf.pipe.keyFrameRequested({ rid: 'x' });
    expect(deaf.requests).toEqual([{ rid: 'x' }]);
    const remote = new Remote({ decidesKeyFrames: true });
    const recorder = new Recorder({ transform: remote.transform });
    recorder.layers = [{ rid: 'refused' }, { rid: 'b' }];
    await remote.told('started');
    recorder.write(frame(0));
    await recorder.count(1);
    recorder.pipe.keyFrameRequested({ rid: 'refused' });
    recorder.pipe.keyFrameRequested({ rid: 'b' });
    expect(recorder.requests).toEqual([]);
    expect(await remote.told('keyframerequest')).toMatchObject({ rid: 'refused' });
    while (recorder.requests.length === 0) await settle();
    expect(recorder.requests).toEqual([{ rid: 'b' }]);
    remote.close();
  });

  test('a transform belongs to whom it was given first', () => {
    const transform = new RTCRtpScriptTransform(worker);
    const recorder = new Recorder({ transform });
    recorder.pipe.transform = transform;
    expect(() => new Recorder({ transform })).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
    recorder.pipe.transform = null;
    expect(() => new Recorder({ transform })).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
  });

  test('is asked for: what is none is a TypeError, options that cannot be cloned a DataCloneError', () => {
    for (const wrong of [undefined, null, 1, {}, { postMessage() {} }]) {
      expect(() => new RTCRtpScriptTransform(wrong as never)).toThrow(TypeError);
    }
    expect(() => new RTCRtpScriptTransform(worker, () => {})).toThrow(
      expect.objectContaining({ name: 'DataCloneError' }),
    );
  });

  test('that is gone lets nothing pass, and does no harm', async () => {
    const mortal = new Worker(fileURLToPath(new URL('transform-worker.mjs', import.meta.url)));
    const recorder = new Recorder({ transform: new RTCRtpScriptTransform(mortal) });
    recorder.write(frame(0));
    await recorder.count(1);
    const exit = once(mortal, 'exit');
    await mortal.terminate();
    await exit;
    recorder.write(...frames(1, 50));
    await settle();
    expect(recorder.numbers).toEqual([0]);
    recorder.pipe.transform = null;
  });
});

describe('Web Workers and those of other runtimes', () => {
  test.for(['node24', 'deno', 'bun'] as const)('%s', { timeout: 30_000 }, async (name, { skip }) => {
    const runtime = findRuntime(name);
    if (runtime === null) return skip('not installed: npm run peers');
    const { spawnSync } = await import('node:child_process');
    const script = fileURLToPath(new URL('transform-portable.ts', import.meta.url));
    const { stdout, stderr } = spawnSync(runtime.command, [...runtime.args, script], {
      encoding: 'utf8',
      timeout: 25_000,
    });
    expect(stdout.trim().split('\n').at(-1), stdout + stderr).toBe('ok');
  });
});
