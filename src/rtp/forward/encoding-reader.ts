/**
 * What a forwarder has to know of a packet, read once for all viewers: numbers that do not wrap, the layers, and whether a
 * viewer may begin here. From the dependency descriptor where the packet has one, else from the payload.
 */
import type { DependencyDescriptor, DependencyStructure } from '../extensions/dependency-descriptor.ts';
import { DependencyReceiver } from '../extensions/dependency-streams.ts';
import { RtpPacket } from '../packet.ts';
import { payloadFormat } from '../payload/index.ts';
import type { PayloadFormat } from '../payload/types.ts';
import { readVp8Descriptor, type Vp8Descriptor } from '../payload/vp8.ts';
import { readVp9Descriptor, type Vp9Descriptor } from '../payload/vp9-descriptor.ts';
import { SequenceUnwrapper, TimestampUnwrapper } from '../sequence.ts';
import type { ClockReading } from './timestamp-line.ts';

/** The first two bits of every dependency descriptor (§A.8.2). */
const STARTS_FRAME = 0x80;
const ENDS_FRAME = 0x40;

/** One packet of an encoding, and what is known of it. */
export type EncodingPacket = {
  readonly encoding: EncodingReader;
  readonly packet: RtpPacket;
  /** Counted on beyond 16 bits. */
  readonly sequence: number;
  /** Counted on beyond 32 bits. */
  readonly timestamp: number;
  /** Whether no packet with a higher number came before. */
  readonly isNewest: boolean;
  /** Nothing to forward: padding alone, or a payload that is malformed. */
  readonly isEmpty: boolean;
  /** The first packet of a frame: of one layer, where a picture has several. */
  readonly startsFrame: boolean;
  readonly endsFrame: boolean;
  /** The first packet of a picture that needs none before it. */
  readonly startsKeyPicture: boolean;
  readonly spatialLayer: number;
  readonly temporalLayer: number;
  /** VP8: Y. VP9: U. */
  readonly isSwitchPoint: boolean;
  readonly vp8: Vp8Descriptor | null;
  readonly vp9: Vp9Descriptor | null;
  /** Counted on; -1 without one. */
  readonly pictureId: number;
  /** As it came; `null` without one. */
  readonly dependencyData: Uint8Array | null;
  /** `null` too where it cannot be read: its structure did not come yet. */
  readonly dependency: DependencyDescriptor | null;
  /** The structure of the newest coded video sequence. */
  readonly structure: DependencyStructure | null;
  /** Bit i for decode target i. */
  readonly activeDecodeTargets: number;
  /** The dependency descriptor's frame number, counted on; -1 without one. */
  readonly frame: number;
};

export type EncodingReaderOptions = {
  readonly ssrc: number;
  /** With simulcast. */
  readonly rid: string | null;
  /** As in `a=rtpmap`: `video/VP8`. */
  readonly mimeType: string;
  /** The id that the publisher gives to dependency descriptors; 0, the default, without. */
  readonly dependencyDescriptorId?: number;
};

/** Reads one SSRC of a publisher. A codec that changes takes another reader. */
export class EncodingReader {
  readonly ssrc: number;
  readonly rid: string | null;
  readonly stats: { packets: number; malformed: number; descriptorsUnread: number } = {
    packets: 0,
    malformed: 0,
    descriptorsUnread: 0,
  };
  readonly #codec: string;
  readonly #format: PayloadFormat;
  readonly #descriptorId: number;
  readonly #dependencies = new DependencyReceiver();
  readonly #sequences = new SequenceUnwrapper();
  readonly #timestamps = new TimestampUnwrapper();
  readonly #pictures = new CounterUnwrapper();
  readonly #frames = new CounterUnwrapper();
  #clock: ClockReading | null = null;
  #topSpatialLayer = 0;
  /** The packet with the highest number, to see where frames begin in formats that do not say. */
  #newestSequence = -1;
  #newestTimestamp = -1;

  constructor(options: EncodingReaderOptions) {
    const { ssrc, rid, mimeType, dependencyDescriptorId = 0 } = options;
    this.ssrc = ssrc;
    this.rid = rid;
    this.#codec = mimeType.toLowerCase();
    const format = payloadFormat(mimeType);
    if (format === null) throw new TypeError(`expected the MIME type of a codec we can carry, got ${mimeType}`);
    this.#format = format;
    this.#descriptorId = dependencyDescriptorId;
  }

  /** The last sender report; `null` before the first. */
  get clock(): ClockReading | null {
    return this.#clock;
  }

  /** The highest spatial layer seen. */
  get topSpatialLayer(): number {
    return this.#topSpatialLayer;
  }

  /** @param ntpTimestamp in 32.32 fixed point, as the report has it */
  noteSenderReport(ntpTimestamp: bigint, rtpTimestamp: number): void {
    this.#clock = { ntpSeconds: Number(ntpTimestamp) / 0x1_0000_0000, rtpTimestamp };
  }

  /** Reads a packet. Its bytes are kept for a while and never changed; the object may be used for the next one. */
  read({ bytes }: RtpPacket): EncodingPacket {
    const packet = new RtpPacket();
    packet.read(bytes);
    this.stats.packets++;
    const highest = this.#sequences.highest;
    const sequence = this.#sequences.unwrap(packet.sequenceNumber);
    const timestamp = this.#timestamps.unwrap(packet.timestamp);
    const read = blank(this, packet, sequence, timestamp, sequence > highest);
    if (packet.payloadLength > 0) {
      // Behind a dependency descriptor, the payload may be encrypted.
      const isTold = this.#readDependency(read);
      read.isEmpty = !this.#readPayload(read, isTold) && !isTold;
      if (read.isEmpty) this.stats.malformed++;
    }
    if (read.isNewest) {
      this.#newestSequence = sequence;
      this.#newestTimestamp = timestamp;
    }
    this.#topSpatialLayer = Math.max(this.#topSpatialLayer, read.spatialLayer);
    return read;
  }

  /** Reads a packet once more whose dependency descriptor said nothing before its structure had come. */
  readAgain(packet: EncodingPacket): EncodingPacket {
    if (packet.dependency !== null || packet.dependencyData === null) return packet;
    const read: Writable = { ...packet };
    this.#readDependency(read);
    return read;
  }

  /** @param isTold whether the dependency descriptor has said the most of it */
  #readPayload(read: Writable, isTold: boolean): boolean {
    if (this.#codec === 'video/vp8') return this.#readVp8(read, isTold);
    if (this.#codec === 'video/vp9') return this.#readVp9(read, isTold);
    if (isTold) return true;
    const info = this.#format.inspect(read.packet.payload);
    if (info === null) return false;
    read.startsFrame = info.startsFrame && (info.isStartUncertain !== true || this.#beginsHere(read));
    read.endsFrame = read.packet.marker;
    read.startsKeyPicture = read.startsFrame && info.isKeyFrame;
    return true;
  }

  #readVp8(read: Writable, isTold: boolean): boolean {
    const { payload, marker } = read.packet;
    const vp8 = readVp8Descriptor(payload);
    if (vp8 === null) return false;
    read.vp8 = vp8;
    if (vp8.pictureId !== null) read.pictureId = this.#pictures.unwrap(vp8.pictureId, vp8.pictureIdBits);
    if (isTold) return true;
    read.startsFrame = vp8.startsPartition && vp8.partition === 0;
    read.endsFrame = marker;
    read.startsKeyPicture = read.startsFrame && (payload[vp8.length]! & 1) === 0;
    read.temporalLayer = vp8.temporalLayer ?? 0;
    read.isSwitchPoint = vp8.isLayerSync;
    return true;
  }

  #readVp9(read: Writable, isTold: boolean): boolean {
    const vp9 = readVp9Descriptor(read.packet.payload);
    if (vp9 === null) return false;
    read.vp9 = vp9;
    if (vp9.pictureId !== null) read.pictureId = this.#pictures.unwrap(vp9.pictureId, vp9.pictureIdBits);
    if (isTold) return true;
    read.spatialLayer = vp9.layer?.spatialLayer ?? 0;
    read.temporalLayer = vp9.layer?.temporalLayer ?? 0;
    read.isSwitchPoint = vp9.layer?.isSwitchPoint ?? false;
    read.startsFrame = vp9.startsLayerFrame;
    read.endsFrame = vp9.endsLayerFrame;
    read.startsKeyPicture = read.startsFrame && !vp9.isInterPicturePredicted && read.spatialLayer === 0;
    return true;
  }

  /** Whether there is a dependency descriptor, read or not. */
  #readDependency(read: Writable): boolean {
    const data = this.#descriptorId === 0 ? null : read.packet.extension(this.#descriptorId);
    if (data === null || data.length === 0) return false;
    const dependency = this.#dependencies.read(data);
    read.dependencyData = data;
    read.dependency = dependency;
    if (dependency === null) {
      this.stats.descriptorsUnread++;
      // These two can always be read; and one to begin with would bring its structure.
      read.startsFrame = (data[0]! & STARTS_FRAME) !== 0;
      read.endsFrame = (data[0]! & ENDS_FRAME) !== 0;
      return true;
    }
    const { startsFrame, endsFrame, structure, dependencies } = dependency;
    read.structure = this.#dependencies.structure;
    read.activeDecodeTargets = this.#dependencies.activeDecodeTargets;
    read.frame = this.#frames.unwrap(dependency.frameNumber, 16);
    read.startsFrame = startsFrame;
    read.endsFrame = endsFrame;
    read.startsKeyPicture = startsFrame && structure !== undefined && dependencies.frameDifferences.length === 0;
    read.spatialLayer = dependencies.spatialLayer;
    read.temporalLayer = dependencies.temporalLayer;
    return true;
  }

  /** Whether the packet before this one is there, and is of another picture. */
  #beginsHere({ sequence, timestamp }: Writable): boolean {
    if (this.#newestSequence < 0) return true;
    return sequence === this.#newestSequence + 1 && timestamp !== this.#newestTimestamp;
  }
}

/** Extends counters of any width: each is the nearest to the highest so far. */
class CounterUnwrapper {
  #highest = -1;

  unwrap(value: number, bits: number): number {
    const extended = this.#highest < 0 ? value + 0x1_0000 : this.#highest + signed(value - this.#highest, bits);
    this.#highest = Math.max(this.#highest, extended);
    return extended;
  }
}

function signed(difference: number, bits: number): number {
  return (difference << (32 - bits)) >> (32 - bits);
}

type Writable = { -readonly [Key in keyof EncodingPacket]: EncodingPacket[Key] };

function blank(
  encoding: EncodingReader,
  packet: RtpPacket,
  sequence: number,
  timestamp: number,
  isNewest: boolean,
): Writable {
  return {
    encoding,
    packet,
    sequence,
    timestamp,
    isNewest,
    isEmpty: true,
    startsFrame: false,
    endsFrame: false,
    startsKeyPicture: false,
    spatialLayer: 0,
    temporalLayer: 0,
    isSwitchPoint: false,
    vp8: null,
    vp9: null,
    pictureId: -1,
    dependencyData: null,
    dependency: null,
    structure: null,
    activeDecodeTargets: 0,
    frame: -1,
  };
}
