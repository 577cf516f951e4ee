/** Situations, one each. What is true whatever happens is in layer-forwarder.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EncodingReader } from '../../../src/rtp/forward/encoding-reader.ts';
import { type ForwardedPacket, LayerForwarder } from '../../../src/rtp/forward/layer-forwarder.ts';
import { encodeRtpPacket, RtpPacket } from '../../../src/rtp/packet.ts';

type Sent = {
  sequenceNumber: number;
  timestamp?: number;
  key?: boolean;
  start?: boolean;
  marker?: boolean;
  temporalLayer?: number;
  sync?: boolean;
  pictureId?: number;
  empty?: boolean;
};

/** A VP8 packet; its content is its own sequence number. */
function vp8(sent: Sent): RtpPacket {
  const { sequenceNumber, key = false, start = true, marker = true, temporalLayer = 0, sync = false } = sent;
  const { pictureId = sequenceNumber, timestamp = 3000 * sequenceNumber, empty = false } = sent;
  const descriptor = [start ? 0x90 : 0x80, 0xe0, 0x80 | ((pictureId >> 8) & 0x7f), pictureId & 0xff, 0];
  const layer = (temporalLayer << 6) | (sync ? 0x20 : 0);
  const payload = Uint8Array.of(...descriptor, layer, key && start ? 0 : 1, sequenceNumber >> 8, sequenceNumber);
  const fields = { payloadType: 96, marker, sequenceNumber, timestamp, ssrc: 1 };
  return RtpPacket.parse(
    encodeRtpPacket(empty ? { ...fields, payload: new Uint8Array(0), padding: 9 } : { ...fields, payload }),
  )!;
}

class Scene {
  readonly readers: EncodingReader[];
  readonly forwarder: LayerForwarder;
  readonly out: { ssrc: number; content: number; sequenceNumber: number; timestamp: number; isFiller: boolean }[] = [];
  readonly requests: { ssrc: number; at: number }[] = [];
  now = 0;

  constructor(rids: readonly string[]) {
    const all = rids.length === 0 ? [null] : rids;
    this.readers = all.map((rid, i) => new EncodingReader({ ssrc: i + 1, rid, mimeType: 'video/VP8' }));
    this.forwarder = new LayerForwarder(
      { rids },
      {
        forward: (packet) => this.#take(packet),
        requestKeyFrame: (ssrc) => this.requests.push({ ssrc, at: this.now }),
      },
    );
  }

  send(encoding: number, sent: Sent, at: number = this.now): void {
    this.now = at;
    this.forwarder.handlePacket(this.readers[encoding]!.read(vp8(sent)), at);
  }

  get contents(): number[] {
    return this.out.filter(({ isFiller }) => !isFiller).map(({ content }) => content);
  }

  get sequenceNumbers(): number[] {
    return this.out.map(({ sequenceNumber }) => sequenceNumber);
  }

  #take({ source, payload, sequenceNumber, timestamp, isFiller }: ForwardedPacket): void {
    const content = isFiller ? -1 : (payload[7]! << 8) | payload[8]!;
    this.out.push({ ssrc: source.encoding.ssrc, content, sequenceNumber, timestamp, isFiller });
  }
}

describe('key frames', () => {
  test('nothing goes out before one, which is asked for at once', () => {
    const scene = new Scene([]);
    scene.send(0, { sequenceNumber: 1 });
    scene.send(0, { sequenceNumber: 2 }, 10);
    expect([scene.contents, scene.requests]).toEqual([[], [{ ssrc: 1, at: 0 }]]);
    scene.send(0, { sequenceNumber: 3, key: true }, 20);
    expect([scene.contents, scene.forwarder.nextTimeout]).toEqual([[3], Infinity]);
  });

  test('the request is repeated after 0.5 s, 1 s, and then every 2 s', () => {
    const scene = new Scene([]);
    scene.send(0, { sequenceNumber: 1 });
    for (; scene.now < 8000; scene.now = scene.forwarder.nextTimeout) scene.forwarder.handleTimeout(scene.now);
    expect(scene.requests.map(({ at }) => at)).toEqual([0, 500, 1500, 3500, 5500, 7500]);
  });

  test("the viewer's own request goes to what it is watching, at most every 300 ms", () => {
    const scene = new Scene(['low', 'high']);
    scene.forwarder.select({ rid: 'low' }, 0);
    scene.send(0, { sequenceNumber: 1, key: true });
    scene.send(1, { sequenceNumber: 1, key: true });
    for (scene.now = 1000; scene.now < 1500; scene.now += 100) scene.forwarder.handleKeyFrameRequest(scene.now);
    expect(scene.requests.filter(({ at }) => at > 0)).toEqual([
      { ssrc: 1, at: 1000 },
      { ssrc: 1, at: 1300 },
    ]);
  });

  test('when its first packet is late, those behind it wait for it', () => {
    const scene = new Scene([]);
    scene.send(0, { sequenceNumber: 1 });
    scene.send(0, { sequenceNumber: 3, timestamp: 9000, start: false, key: true });
    scene.send(0, { sequenceNumber: 4 });
    expect(scene.contents).toEqual([]);
    scene.send(0, { sequenceNumber: 2, timestamp: 9000, key: true, marker: false });
    expect([scene.contents, scene.sequenceNumbers]).toEqual([
      [2, 3, 4],
      [2, 3, 4],
    ]);
  });

  test('limits the number of packets that wait', () => {
    const scene = new Scene([]);
    scene.send(0, { sequenceNumber: 1 });
    scene.send(0, { sequenceNumber: 3, timestamp: 9000, start: false });
    for (let i = 0; i < 300; i++) scene.send(0, { sequenceNumber: 4 + i });
    scene.send(0, { sequenceNumber: 2, timestamp: 9000, key: true });
    expect(scene.contents).toEqual([]);
  });
});

describe('simulcast', () => {
  test('the viewer goes on with the old encoding until the key frame of the wished one, under numbers that go on', () => {
    const scene = new Scene(['low', 'high']);
    scene.forwarder.select({ rid: 'low' }, 0);
    scene.send(0, { sequenceNumber: 100, key: true });
    scene.send(1, { sequenceNumber: 5000 });
    scene.forwarder.select({ rid: 'high' }, 0);
    scene.send(0, { sequenceNumber: 101 });
    scene.send(1, { sequenceNumber: 5001 });
    scene.send(1, { sequenceNumber: 5002, key: true });
    scene.send(0, { sequenceNumber: 102 });
    scene.send(1, { sequenceNumber: 5003 });
    expect(scene.contents).toEqual([100, 101, 5002, 5003]);
    expect(scene.sequenceNumbers).toEqual([100, 101, 102, 103]);
    expect(scene.requests.at(-1)).toEqual({ ssrc: 2, at: 0 });
  });

  test('what is repaired of the old encoding after the switch is dropped', () => {
    const scene = new Scene(['low', 'high']);
    scene.forwarder.select({ rid: 'low' }, 0);
    scene.send(0, { sequenceNumber: 100, key: true });
    scene.send(0, { sequenceNumber: 102 });
    scene.forwarder.select({ rid: 'high' }, 0);
    scene.send(1, { sequenceNumber: 5000, key: true });
    scene.send(0, { sequenceNumber: 101 });
    scene.send(1, { sequenceNumber: 4999 });
    expect([scene.contents, scene.sequenceNumbers]).toEqual([
      [100, 102, 5000],
      [100, 102, 103],
    ]);
  });

  test('what is repaired within an encoding gets the number that was kept for it, and no packet goes out twice', () => {
    const scene = new Scene([]);
    for (const sequenceNumber of [100, 102, 101, 101, 102]) {
      scene.send(0, { sequenceNumber, key: sequenceNumber === 100 });
    }
    expect([scene.contents, scene.forwarder.stats.packetsDuplicate]).toEqual([[100, 102, 101], 2]);
    expect(scene.sequenceNumbers).toEqual([100, 102, 101]);
  });

  test('when the wished encoding falls silent while others go on, the best below it is taken, and left again', () => {
    const scene = new Scene(['low', 'middle', 'high']);
    scene.forwarder.select({ rid: 'high' }, 0);
    for (const encoding of [0, 1, 2]) scene.send(encoding, { sequenceNumber: 1, key: true });
    expect(scene.forwarder.watching?.rid).toBe('high');
    for (let i = 2; i < 60; i++) {
      const key = scene.requests.at(-1)?.ssrc === 2 && i % 10 === 0;
      scene.send(0, { sequenceNumber: i }, 33 * i);
      scene.send(1, { sequenceNumber: i, key });
    }
    expect(scene.forwarder.watching?.rid).toBe('middle');
    scene.send(2, { sequenceNumber: 2 });
    expect(scene.requests.at(-1)?.ssrc).toBe(3);
    scene.send(2, { sequenceNumber: 3, key: true });
    expect(scene.forwarder.watching?.rid).toBe('high');
  });

  test('a still screen, sent once a second, is not silence', () => {
    const scene = new Scene(['low', 'high']);
    for (const encoding of [0, 1]) scene.send(encoding, { sequenceNumber: 1, key: true });
    for (let i = 2; i < 10; i++) {
      scene.send(0, { sequenceNumber: i }, 1100 * i);
      expect(scene.requests.filter(({ at }) => at > 0)).toEqual([]);
      scene.send(1, { sequenceNumber: i }, 1100 * i + 30);
    }
    expect(scene.forwarder.watching?.rid).toBe('high');
  });

  test('nothing goes out while nothing is wished, and then a key frame first', () => {
    const scene = new Scene([]);
    scene.send(0, { sequenceNumber: 1, key: true });
    scene.forwarder.select(null, 0);
    scene.send(0, { sequenceNumber: 2, key: true });
    expect([scene.contents, scene.forwarder.nextTimeout]).toEqual([[1], Infinity]);
    scene.forwarder.select({}, 1000);
    scene.send(0, { sequenceNumber: 3 }, 1000);
    scene.send(0, { sequenceNumber: 4, key: true });
    expect([scene.contents, scene.sequenceNumbers]).toEqual([
      [1, 4],
      [1, 2],
    ]);
    expect(scene.out[1]!.timestamp - scene.out[0]!.timestamp).toBe(90_000);
  });

  test('an encoding that begins anew under another SSRC is followed from its key frame on', () => {
    const scene = new Scene(['only']);
    scene.send(0, { sequenceNumber: 1, key: true });
    scene.readers[0] = new EncodingReader({ ssrc: 9, rid: 'only', mimeType: 'video/VP8' });
    scene.send(0, { sequenceNumber: 700 });
    scene.send(0, { sequenceNumber: 701, key: true });
    expect([scene.contents, scene.sequenceNumbers, scene.requests.at(-1)?.ssrc]).toEqual([[1, 701], [1, 2], 9]);
  });

  test('a rid that the publisher has not is refused', () => {
    expect(() => new Scene(['low', 'high']).forwarder.select({ rid: 'other' }, 0)).toThrow(RangeError);
  });

  test('limits the number of encodings', () => {
    const scene = new Scene(Array.from({ length: 20 }, (_, i) => `r${i}`));
    for (let i = 0; i < 20; i++) scene.send(i, { sequenceNumber: 1 });
    expect(scene.forwarder.stats.packetsRefused).toBe(4);
  });
});

describe('layers left out', () => {
  test('padding and upper layers leave no gap', () => {
    const scene = new Scene([]);
    scene.forwarder.select({ temporalLayer: 0 }, 0);
    scene.send(0, { sequenceNumber: 1, key: true });
    scene.send(0, { sequenceNumber: 2, temporalLayer: 1 });
    scene.send(0, { sequenceNumber: 3, empty: true });
    scene.send(0, { sequenceNumber: 4 });
    expect([scene.contents, scene.sequenceNumbers]).toEqual([
      [1, 4],
      [1, 2],
    ]);
  });

  test('a packet of theirs that comes late, when its number was kept, is filled in with nothing', () => {
    const scene = new Scene([]);
    scene.forwarder.select({ temporalLayer: 0 }, 0);
    scene.send(0, { sequenceNumber: 1, key: true });
    scene.send(0, { sequenceNumber: 3 });
    scene.send(0, { sequenceNumber: 2, temporalLayer: 1 });
    expect(scene.out.map(({ sequenceNumber, isFiller }) => [sequenceNumber, isFiller])).toEqual([
      [1, false],
      [3, false],
      [2, true],
    ]);
  });

  test('RFC 7741 §4.2: a layer is taken up at a layer sync, and not while one it may need is missing', () => {
    const scene = new Scene([]);
    scene.forwarder.select({ temporalLayer: 0 }, 0);
    scene.send(0, { sequenceNumber: 1, key: true });
    scene.send(0, { sequenceNumber: 2, temporalLayer: 1 });
    scene.forwarder.select({}, 0);
    scene.send(0, { sequenceNumber: 3, temporalLayer: 2, sync: true }); // 2 is missing
    scene.send(0, { sequenceNumber: 4 });
    scene.send(0, { sequenceNumber: 5, temporalLayer: 2 });
    scene.send(0, { sequenceNumber: 6, temporalLayer: 1, sync: true });
    scene.send(0, { sequenceNumber: 7, temporalLayer: 2 });
    scene.send(0, { sequenceNumber: 8 });
    scene.send(0, { sequenceNumber: 9, temporalLayer: 2, sync: true });
    scene.send(0, { sequenceNumber: 10, temporalLayer: 2 });
    expect(scene.contents).toEqual([1, 4, 6, 8, 9, 10]);
  });
});

test('no packet makes a forwarder throw, whatever is in it', () => {
  const codec = fc.constantFrom('video/VP8', 'video/VP9', 'video/AV1', 'video/H264', 'video/H265');
  const bytes = fc.uint8Array({ maxLength: 40 });
  const packet = fc.record({
    payload: bytes,
    data: bytes,
    ahead: fc.integer({ min: -5, max: 5 }),
    marker: fc.boolean(),
  });
  fc.assert(
    fc.property(codec, fc.array(packet, { maxLength: 40 }), fc.boolean(), (mimeType, packets, isSmall) => {
      const dependencyDescriptorId = isSmall ? 0 : 3;
      const reader = new EncodingReader({ ssrc: 1, rid: null, mimeType, dependencyDescriptorId });
      const forwarder = new LayerForwarder({}, { forward: () => {}, requestKeyFrame: () => {} });
      let sequenceNumber = 0xfff0;
      for (const [i, { payload, data, ahead, marker }] of packets.entries()) {
        sequenceNumber = (sequenceNumber + ahead) & 0xffff;
        if (i % 7 === 6) forwarder.select({ spatialLayer: i % 3, temporalLayer: i % 2 }, i);
        const extensions = data.length === 0 ? [] : [{ id: 3, data }];
        const fields = { payloadType: 96, marker, sequenceNumber, timestamp: 3000 * i, ssrc: 1 };
        const parsed = RtpPacket.parse(encodeRtpPacket({ ...fields, extensions, payload }));
        if (parsed !== null) forwarder.handlePacket(reader.read(parsed), i);
      }
    }),
    { numRuns: 300 },
  );
});
