/** A publisher, the network to the forwarder, and a viewer that checks what it gets: models, with layers and references. */
import { concatBytes } from '../../../src/binary/bytes.ts';
import type { DependencyDescriptor } from '../../../src/rtp/extensions/dependency-descriptor.ts';
import { DependencyReceiver, DependencySender } from '../../../src/rtp/extensions/dependency-streams.ts';
import { dependencyStructure } from '../../../src/rtp/extensions/dependency-structures.ts';
import { EncodingReader } from '../../../src/rtp/forward/encoding-reader.ts';
import type { ForwardedPacket } from '../../../src/rtp/forward/layer-forwarder.ts';
import { encodeRtpPacket, RtpPacket } from '../../../src/rtp/packet.ts';
import { readVp8Descriptor } from '../../../src/rtp/payload/vp8.ts';
import { readVp9Descriptor, writeVp9Descriptor } from '../../../src/rtp/payload/vp9-descriptor.ts';

/** Asserts, a hundred times as fast as `expect`. */
function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 0x1_0000_0000) * below);
  };
}

/** A frame of one layer, as its encoder knows it. */
export type ModelFrame = {
  readonly encoding: number;
  readonly number: number;
  readonly picture: number;
  readonly isKeyPicture: boolean;
  readonly spatialLayer: number;
  readonly temporalLayer: number;
  readonly references: readonly ModelFrame[];
  readonly packets: number;
};

export type EncodingModelOptions = {
  readonly kind: 'vp8' | 'vp9' | 'descriptor';
  readonly rid: string | null;
  readonly index: number;
  /** `L2T3`, `L3T3_KEY`, `S2T1` … */
  readonly mode: string;
  readonly pictureIdBits: 7 | 15;
};

const DESCRIPTOR_ID = 5;
const PATTERNS = [[0], [0, 1], [0, 2, 1, 2]];
/** encoding, frame (32 bits), packet */
const LABEL_LENGTH = 6;

export class EncodingModel {
  readonly reader: EncodingReader;
  readonly ssrc: number;
  readonly frames: ModelFrame[] = [];
  isOn = true;
  wantsKeyFrame = true;
  readonly #options: EncodingModelOptions;
  readonly #dice: Dice;
  readonly #spatialLayers: number;
  readonly #pattern: readonly number[];
  readonly #timestampOrigin: number;
  readonly #sender: DependencySender | null;
  #last: (ModelFrame | undefined)[][] = [];
  #sequenceNumber: number;
  #pictureId: number;
  #tl0: number;
  #keyFrameIndex: number;
  #position = 0;
  #hasSync = true;

  constructor(options: EncodingModelOptions, random: Dice) {
    this.#options = options;
    this.#dice = random;
    this.ssrc = 1000 + options.index;
    const [, spatial, temporal] = /^[LS](\d)T(\d)/.exec(options.mode)!;
    this.#spatialLayers = Number(spatial);
    this.#pattern = PATTERNS[Number(temporal) - 1]!;
    this.#timestampOrigin = 0xffff_f000 + random(0x2000);
    this.#sequenceNumber = 0xff00 + random(0x200);
    this.#pictureId = 0x7ff0 + random(0x20);
    this.#tl0 = random(256);
    this.#keyFrameIndex = random(32);
    const structure = dependencyStructure(options.mode)!;
    this.#sender = options.kind === 'descriptor' ? new DependencySender(structure, 0xfff0 + random(0x20)) : null;
    const mimeType = { vp8: 'video/VP8', vp9: 'video/VP9', descriptor: 'video/AV1' }[options.kind];
    const dependencyDescriptorId = options.kind === 'descriptor' ? DESCRIPTOR_ID : 0;
    this.reader = new EncodingReader({ ssrc: this.ssrc, rid: options.rid, mimeType, dependencyDescriptorId });
  }

  timestampAt(picture: number): number {
    return (this.#timestampOrigin + picture * 3000) >>> 0;
  }

  /** The packets of the picture that is captured now. */
  encode(picture: number): Uint8Array[] {
    const { mode } = this.#options;
    const isKey = this.wantsKeyFrame;
    this.wantsKeyFrame = false;
    if (isKey) {
      this.#position = 0;
      this.#last = Array.from({ length: this.#spatialLayers }, () => []);
      this.#keyFrameIndex++;
    }
    const temporalLayer = this.#pattern[this.#position % this.#pattern.length]!;
    if (temporalLayer === 0) this.#hasSync = isKey || this.#dice(3) === 0;
    this.#position++;
    this.#pictureId++;
    if (temporalLayer === 0) this.#tl0++;
    const packets: Uint8Array[] = [];
    const cycle = this.#last.map((layers) => [...layers]); // before this picture
    for (let spatialLayer = 0; spatialLayer < this.#spatialLayers; spatialLayer++) {
      const usesLayerBelow = spatialLayer > 0 && !mode.startsWith('S') && (isKey || !mode.endsWith('KEY'));
      const frame: ModelFrame = {
        encoding: this.#options.index,
        number: this.frames.length,
        picture,
        isKeyPicture: isKey,
        spatialLayer,
        temporalLayer,
        references: this.#references(cycle, isKey, spatialLayer, temporalLayer, usesLayerBelow),
        packets: 1 + this.#dice(3),
      };
      this.frames.push(frame);
      const isStart = isKey && (spatialLayer === 0 || mode.startsWith('S'));
      this.#sender?.nextFrame({
        isKeyFrame: isKey && spatialLayer === 0,
        spatialLayer,
        temporalLayer,
        frameDifferences: isStart ? [] : frame.references.map(({ number }) => frame.number - number),
      });
      for (let packet = 0; packet < frame.packets; packet++) packets.push(this.#packet(frame, packet, usesLayerBelow));
      this.#last[spatialLayer]![temporalLayer] = frame;
    }
    if (this.#dice(12) === 0) packets.push(this.#write(picture, false, new Uint8Array(0), [], 20));
    return packets;
  }

  /** Of a frame: the last of each layer up to its own; where the cycle has a sync, those of the cycle alone. */
  #references(
    last: readonly (readonly (ModelFrame | undefined)[])[],
    isKey: boolean,
    spatialLayer: number,
    temporalLayer: number,
    usesLayerBelow: boolean,
  ): ModelFrame[] {
    const references: ModelFrame[] = [];
    if (!isKey) {
      const layers = last[spatialLayer]!;
      const base = layers[0]!;
      references.push(base);
      if (this.#options.kind === 'descriptor') {
        // The usual pattern: the last of any lower layer.
        const lower = layers.slice(0, Math.max(1, temporalLayer)).filter((each) => each !== undefined);
        references[0] = lower.reduce((a, b) => (a.number > b.number ? a : b));
      } else {
        for (let layer = 1; layer <= temporalLayer; layer++) {
          const other = layers[layer];
          if (other !== undefined && (other.number > base.number || !this.#hasSync)) references.push(other);
        }
      }
    }
    if (usesLayerBelow) references.push(this.frames.at(-1)!);
    return references;
  }

  #packet(frame: ModelFrame, packet: number, usesLayerBelow: boolean): Uint8Array {
    const { spatialLayer, picture } = frame;
    const startsFrame = packet === 0;
    const endsFrame = packet === frame.packets - 1;
    const isLast = endsFrame && spatialLayer === this.#spatialLayers - 1;
    const label = new Uint8Array(LABEL_LENGTH + this.#dice(20));
    new DataView(label.buffer).setUint32(1, frame.number);
    label[0] = frame.encoding;
    label[5] = packet;
    const data = this.#sender?.write(startsFrame, endsFrame);
    const extensions = data === undefined ? [] : [{ id: DESCRIPTOR_ID, data }];
    const payload = concatBytes(this.#descriptor(frame, startsFrame, endsFrame, usesLayerBelow), label);
    return this.#write(picture, isLast, payload, extensions, 0);
  }

  #descriptor(frame: ModelFrame, startsFrame: boolean, endsFrame: boolean, usesLayerBelow: boolean): Uint8Array {
    const { temporalLayer, spatialLayer, isKeyPicture } = frame;
    const { kind, pictureIdBits } = this.#options;
    const [base] = frame.references;
    if (kind === 'vp8') {
      const isSync = temporalLayer > 0 && this.#hasSync && frame.references.length === 1 && base?.temporalLayer === 0;
      const pictureId =
        pictureIdBits === 7
          ? [this.#pictureId & 0x7f]
          : [0x80 | ((this.#pictureId >> 8) & 0x7f), this.#pictureId & 0xff];
      const layers = (temporalLayer << 6) | (isSync ? 0x20 : 0) | (this.#keyFrameIndex & 0x1f);
      const frameStart = isKeyPicture && startsFrame ? 0x10 : 0x11;
      return Uint8Array.of(startsFrame ? 0x90 : 0x80, 0xf0, ...pictureId, this.#tl0 & 0xff, layers, frameStart);
    }
    if (kind === 'vp9') {
      const isKeyStart = isKeyPicture && spatialLayer === 0 && startsFrame;
      return writeVp9Descriptor({
        pictureId: this.#pictureId & (2 ** pictureIdBits - 1),
        pictureIdBits,
        isInterPicturePredicted: !isKeyPicture,
        layer: { temporalLayer, isSwitchPoint: temporalLayer === 0 && this.#hasSync, spatialLayer, usesLayerBelow },
        isFlexible: false,
        startsLayerFrame: startsFrame,
        endsLayerFrame: endsFrame,
        isUnusedAbove: false,
        pictureReferences: [],
        tl0PictureIndex: this.#tl0 & 0xff,
        scalability: isKeyStart ? { spatialLayers: this.#spatialLayers } : null,
      });
    }
    return new Uint8Array(0);
  }

  #write(
    picture: number,
    marker: boolean,
    payload: Uint8Array,
    extensions: { id: number; data: Uint8Array }[],
    padding: number,
  ): Uint8Array {
    const sequenceNumber = this.#sequenceNumber++ & 0xffff;
    const timestamp = this.timestampAt(picture);
    return encodeRtpPacket({
      payloadType: 96,
      marker,
      sequenceNumber,
      timestamp,
      ssrc: this.ssrc,
      extensions,
      payload,
      padding,
    });
  }
}

export type ReceivedPacket = {
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  readonly dependencyDescriptor: Uint8Array | null;
  readonly isFiller: boolean;
  readonly receivedAt: number;
};

/** Keeps all it gets, and then looks at it in order. */
export class Viewer {
  readonly packets: ReceivedPacket[] = [];
  readonly #encodings: readonly EncodingModel[];
  readonly #kind: EncodingModelOptions['kind'];
  now = 0;

  constructor(encodings: readonly EncodingModel[], kind: EncodingModelOptions['kind']) {
    this.#encodings = encodings;
    this.#kind = kind;
  }

  take(packet: ForwardedPacket): void {
    const { sequenceNumber, timestamp, marker, payload, dependencyDescriptor, isFiller } = packet;
    must(payload.length === packet.payloadLength, 'the length of the payload');
    this.packets.push({
      sequenceNumber,
      timestamp,
      marker,
      payload: payload.slice(),
      dependencyDescriptor: dependencyDescriptor?.slice() ?? null,
      isFiller,
      receivedAt: this.now,
    });
  }

  /**
   * Decodes what came, and fails where the stream breaks and nothing shows that a packet is missing.
   * @returns the frames that were decoded, with the time when their last packet came
   */
  check(options: { readonly isLossless: boolean }): { frame: ModelFrame; at: number }[] {
    const ordered = inOrder(this.packets);
    must(new Set(ordered.map(({ sequence }) => sequence)).size === ordered.length, 'no number twice');
    const decoded = new Set<ModelFrame>();
    const result: { frame: ModelFrame; at: number }[] = [];
    const receiver = new DependencyReceiver();
    const byFrameNumber = new Map<number, ModelFrame>();
    const seen = new Map<ModelFrame, Set<number>>();
    let hasHole = false;
    let hasFiller = false; // since the last packet
    let encoding = -1;
    let previous: { sequence: number; timestamp: number; frame: ModelFrame; marker: boolean } | null = null;
    let numbers: Numbers | null = null;
    let lastSequence = ordered[0]?.sequence ?? 0;
    for (const { sequence, packet } of ordered) {
      if (sequence > lastSequence + 1) {
        must(!options.isLossless, 'no holes without loss');
        hasHole = true;
      }
      lastSequence = sequence;
      if (packet.isFiller) {
        hasFiller = true;
        continue;
      }
      const { frame, index } = this.#identify(packet.payload);
      if (frame.isKeyPicture && (previous === null || previous.frame.picture !== frame.picture)) {
        if (hasHole) numbers = null;
        hasHole = index !== 0 || frame.references.length > 0; // what was lost before does not matter any more
        encoding = frame.encoding;
      } else if (frame.isKeyPicture && frame.encoding !== encoding) {
        encoding = frame.encoding;
      }
      if (previous === null && !options.isLossless && !frame.isKeyPicture) hasHole = true;
      must(previous !== null || frame.isKeyPicture || hasHole, 'a key frame first');
      must(hasHole || frame.encoding === encoding, 'one encoding from its key frame on');
      if (previous !== null) {
        const isSamePicture = previous.frame.picture === frame.picture && previous.frame.encoding === frame.encoding;
        const ahead = (packet.timestamp - previous.timestamp) | 0;
        must(isSamePicture ? ahead === 0 : ahead > 0, 'timestamps rise with pictures');
        // Of the encoding before a switch, the end of the last picture may be on its way still.
        const isCut = frame.isKeyPicture && !isSamePicture && !options.isLossless;
        must(hasHole || isCut || previous.marker === !isSamePicture, 'the marker ends pictures, and only them');
      }
      numbers = this.#checkNumbers(packet, frame, hasFiller ? null : numbers, hasHole);
      hasFiller = false;
      if (this.#kind === 'descriptor') checkDescriptor(receiver, byFrameNumber, packet, frame, hasHole);
      let pieces = seen.get(frame);
      if (pieces === undefined) {
        pieces = new Set();
        seen.set(frame, pieces);
      }
      must(hasHole || index === pieces.size, 'packets in order');
      pieces.add(index);
      const isDecodable = frame.references.every((reference) => decoded.has(reference));
      must(hasHole || isDecodable, `frame ${frame.encoding}:${frame.number} has its references`);
      if (pieces.size === frame.packets && isDecodable) {
        decoded.add(frame);
        result.push({ frame, at: packet.receivedAt });
      }
      previous = { sequence, timestamp: packet.timestamp, frame, marker: packet.marker };
    }
    return result;
  }

  #identify(payload: Uint8Array): { frame: ModelFrame; index: number } {
    const start =
      this.#kind === 'vp8'
        ? readVp8Descriptor(payload)!.length + 1
        : this.#kind === 'vp9'
          ? readVp9Descriptor(payload)!.length
          : 0;
    const view = new DataView(payload.buffer, payload.byteOffset + start);
    return { frame: this.#encodings[view.getUint8(0)]!.frames[view.getUint32(1)]!, index: view.getUint8(5) };
  }

  #checkNumbers(packet: ReceivedPacket, frame: ModelFrame, last: Numbers | null, hasHole: boolean): Numbers | null {
    if (this.#kind === 'descriptor') return null;
    const vp8 = this.#kind === 'vp8' ? readVp8Descriptor(packet.payload)! : null;
    const vp9 = this.#kind === 'vp9' ? readVp9Descriptor(packet.payload)! : null;
    const { pictureId, pictureIdBits, tl0PictureIndex } = (vp8 ?? vp9)!;
    const numbers: Numbers = {
      frame,
      pictureId: pictureId!,
      tl0: tl0PictureIndex!,
      keyFrameIndex: vp8?.keyFrameIndex ?? 0,
    };
    if (last === null || hasHole) return numbers;
    const isSame = last.frame.picture === frame.picture && last.frame.encoding === frame.encoding;
    const step = (numbers.pictureId - last.pictureId) & (2 ** pictureIdBits - 1);
    const pictures = frame.picture - last.frame.picture;
    if (isSame) must(step === 0, 'one PictureID a picture');
    else if (vp8 !== null || frame.encoding !== last.frame.encoding) must(step === 1, `PictureIDs go on by ${step}`);
    // After a pause, a key frame goes on by 1.
    else must(step === pictures || (frame.isKeyPicture && step === 1), "PictureIDs rise as the encoder's do");
    const tl0Step = !isSame && frame.temporalLayer === 0 ? 1 : 0;
    must(((numbers.tl0 - last.tl0) & 0xff) === tl0Step, 'TL0PICIDX counts base layer pictures');
    const keyStep = !isSame && frame.isKeyPicture && vp8 !== null ? 1 : 0;
    must(((numbers.keyFrameIndex - last.keyFrameIndex) & 0x1f) === keyStep, 'KEYIDX counts key frames');
    return numbers;
  }
}

type Numbers = { frame: ModelFrame; pictureId: number; tl0: number; keyFrameIndex: number };

function checkDescriptor(
  receiver: DependencyReceiver,
  byFrameNumber: Map<number, ModelFrame>,
  packet: ReceivedPacket,
  frame: ModelFrame,
  hasHole: boolean,
): void {
  must(packet.dependencyDescriptor !== null, 'a descriptor');
  const descriptor: DependencyDescriptor | null = receiver.read(packet.dependencyDescriptor!);
  if (hasHole) return;
  must(descriptor !== null, 'descriptors can be read');
  const { frameNumber, dependencies } = descriptor!;
  const { spatialLayer, temporalLayer } = dependencies;
  must(spatialLayer === frame.spatialLayer && temporalLayer === frame.temporalLayer, 'descriptors name the layers');
  byFrameNumber.set(frameNumber, frame);
  const references = dependencies.frameDifferences.map((difference) =>
    byFrameNumber.get((frameNumber - difference) & 0xffff),
  );
  const areNamed =
    references.length === frame.references.length && references.every((each) => frame.references.includes(each!));
  must(areNamed, 'descriptors name the references');
  const structure = receiver.structure!;
  const active = Array.from({ length: structure.decodeTargetCount }, (_, target) => target).filter(
    (target) => (receiver.activeDecodeTargets >>> target) & 1,
  );
  must(active.length > 0, 'some decode target is active');
  const isInActive = active.some((target) => dependencies.decodeTargetIndications[target] !== 'notPresent');
  must(isInActive, 'what comes is of an active decode target');
}

/** Unwrapped around the first, in order. */
function inOrder(packets: readonly ReceivedPacket[]): { sequence: number; packet: ReceivedPacket }[] {
  let highest = 0x10_0000 + (packets[0]?.sequenceNumber ?? 0);
  return packets
    .map((packet) => {
      const sequence = highest + (((packet.sequenceNumber - highest) << 16) >> 16);
      highest = Math.max(highest, sequence);
      return { sequence, packet };
    })
    .sort((a, b) => a.sequence - b.sequence);
}

export type Delivery = { readonly at: number; readonly encoding: EncodingModel; readonly bytes: Uint8Array };

/** What the network does with a packet: loses it, repairs it, is late with it, brings it twice. */
export function deliver(
  bytes: Uint8Array,
  sentAt: number,
  encoding: EncodingModel,
  chaos: number,
  random: Dice,
): Delivery[] {
  const deliveries: Delivery[] = [];
  const isLost = random(100) < chaos;
  const isRepaired = isLost && random(4) > 0;
  const jitter = chaos > 0 && random(10) === 0 ? random(40) : 0;
  if (!isLost) deliveries.push({ at: sentAt + jitter, encoding, bytes });
  if (isRepaired || (chaos > 0 && random(30) === 0))
    deliveries.push({ at: sentAt + 30 + random(200), encoding, bytes });
  return deliveries;
}

export function parse(bytes: Uint8Array): RtpPacket {
  return RtpPacket.parse(bytes.slice())!;
}
