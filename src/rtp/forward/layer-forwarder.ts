/**
 * From the encodings and layers of one publisher to the one stream of one viewer: which packets go out, and with which
 * numbers, so that the viewer sees a stream that never changed its source (docs/forwarding.md).
 */
import { DependencyFilter } from './dependency-filter.ts';
import { DependencyRewriter } from './dependency-rewriter.ts';
import { DescriptorFilter } from './descriptor-filter.ts';
import type { EncodingPacket, EncodingReader } from './encoding-reader.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import { KeyFrameWait } from './key-frame-wait.ts';
import type { LayerFilter, LayerWish } from './layer-filter.ts';
import { NO_PLACE, NumberLine } from './number-line.ts';
import { PictureRewriter } from './picture-rewriter.ts';
import { TimestampLine } from './timestamp-line.ts';

/** Bound: packets whose numbers are remembered; one that is later than that is dropped. A second of 20 Mbit/s. */
const PACKETS_IN_REACH = 2048;
/** Bound: encodings of one publisher; packets of more are dropped. Nobody sends more than four. */
const MAX_ENCODINGS = 16;
/** An encoding that sent nothing for so long, while others went on, has stopped: its encoder was turned off, or starves. */
const SILENCE_MS = 1000;
/** Going on takes so many pictures of theirs: a still screen is sent once a second, and not by all at the same moment. */
const SILENCE_PICTURES = 5;
/** RTP clock of all video formats. */
const VIDEO_CLOCK_RATE = 90_000;

/** What a viewer wants to see; whatever is left out is as good as it gets. */
export type LayerSelection = {
  readonly rid?: string;
  readonly spatialLayer?: number;
  readonly temporalLayer?: number;
};

/** A packet for the viewer, as if of one single source. Good until `forward` returns. */
export type ForwardedPacket = {
  /** Where it comes from: payload type and header extensions are as they were there. */
  readonly source: EncodingPacket;
  /** The same for all packets of a forwarder. */
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  readonly payloadLength: number;
  readonly dependencyDescriptor: Uint8Array | null;
  /**
   * Nothing to see: its number was kept for a packet that now turns out to be of a layer left out. Sent empty, it is not
   * taken for lost.
   */
  readonly isFiller: boolean;
};

export type LayerForwarderSink = {
  forward(packet: ForwardedPacket): void;
  /** Asks the publisher for a key frame (PLI) of this SSRC. */
  requestKeyFrame(ssrc: number): void;
};

export type LayerForwarderOptions = {
  /** The publisher's simulcast encodings, the lowest quality first. Empty, the default, without simulcast. */
  readonly rids?: readonly string[];
  /** Default 90,000. */
  readonly clockRate?: number;
};

export type LayerForwarderStats = {
  packetsForwarded: number;
  /** Of layers that were not wished. */
  packetsDropped: number;
  /** Too late: of an encoding before the switch, or older than anything remembered. */
  packetsLate: number;
  packetsDuplicate: number;
  /** Packets of more encodings than we take. */
  packetsRefused: number;
  fillersSent: number;
  /** How often another encoding was followed, the first one included. */
  encodingSwitches: number;
  keyFrameRequests: number;
};

type Encoding = {
  readonly rank: number;
  reader: EncodingReader;
  readonly wait: KeyFrameWait;
  lastPacketAt: number;
  /** Pictures that others began since. */
  missedPictures: number;
};

const ALL_LAYERS: LayerWish = { spatialLayer: Infinity, temporalLayer: Infinity };

export class LayerForwarder {
  readonly stats: LayerForwarderStats = {
    packetsForwarded: 0,
    packetsDropped: 0,
    packetsLate: 0,
    packetsDuplicate: 0,
    packetsRefused: 0,
    fillersSent: 0,
    encodingSwitches: 0,
    keyFrameRequests: 0,
  };
  readonly #rids: readonly string[];
  readonly #sink: LayerForwarderSink;
  readonly #requests: KeyFrameRequests;
  readonly #sequences = new NumberLine(PACKETS_IN_REACH);
  readonly #timestamps: TimestampLine;
  readonly #pictures = new PictureRewriter();
  readonly #dependencies = new DependencyRewriter();
  readonly #encodings = new Map<string | null, Encoding>();
  /** The rank that is wished; `null` for nothing at all. */
  #wishedRank: number | null = Infinity;
  #wish: LayerWish = ALL_LAYERS;
  /** The encoding that is forwarded. */
  #current: Encoding | null = null;
  #filter: LayerFilter | null = null;
  /** The last one that was forwarded, whose clock ours goes on from. */
  #followed: EncodingReader | null = null;
  #ssrc: number | null = null;

  constructor(options: LayerForwarderOptions, sink: LayerForwarderSink) {
    this.#rids = options.rids ?? [];
    this.#sink = sink;
    this.#timestamps = new TimestampLine(options.clockRate ?? VIDEO_CLOCK_RATE);
    this.#requests = new KeyFrameRequests((ssrc) => {
      this.stats.keyFrameRequests++;
      sink.requestKeyFrame(ssrc);
    });
  }

  /**
   * What the viewer wants from now on; `null` for nothing, until it is called again. It goes on with what it has until
   * the publisher's stream allows the change.
   * @throws RangeError for a rid that the publisher has not
   */
  select(selection: LayerSelection | null, now: number): void {
    if (selection === null) {
      this.#wishedRank = null;
      this.#stop();
    } else {
      const { rid, spatialLayer = Infinity, temporalLayer = Infinity } = selection;
      const rank = rid === undefined || this.#rids.length === 0 ? Infinity : this.#rids.indexOf(rid);
      if (rank < 0) throw new RangeError(`expected one of the publisher's rids (${this.#rids.join()}), got ${rid}`);
      this.#wishedRank = rank;
      this.#wish = { spatialLayer, temporalLayer };
      if (this.#filter !== null) this.#filter.wish = this.#wish;
    }
    this.#requestKeyFrames(now);
  }

  /** What is being forwarded; `null` before the first key frame. Layers are `Infinity` where none are left out. */
  get watching(): ({ readonly rid: string | null; readonly ssrc: number } & LayerWish) | null {
    if (this.#current === null || this.#filter === null) return null;
    const { rid, ssrc } = this.#current.reader;
    const { spatialLayer, temporalLayer } = this.#filter.layers;
    return { rid, ssrc, spatialLayer, temporalLayer };
  }

  /** When `handleTimeout` is next due, in ms; `Infinity` while no key frame is waited for. */
  get nextTimeout(): number {
    return this.#requests.nextTimeout;
  }

  handleTimeout(now: number): void {
    this.#requestKeyFrames(now);
  }

  /** The viewer misses something (PLI, FIR): the encoding that it sees is asked. */
  handleKeyFrameRequest(now: number): void {
    const encoding = this.#current ?? this.#aim(now);
    if (encoding !== null && this.#wishedRank !== null) this.#requests.pass(encoding.reader.ssrc, now);
    this.#requestKeyFrames(now);
  }

  /** Takes a packet of any of the publisher's encodings. */
  handlePacket(packet: EncodingPacket, now: number): void {
    const encoding = this.#encodingOf(packet);
    if (encoding === null) {
      this.stats.packetsRefused++;
      return;
    }
    if (!packet.isEmpty) this.#noteActivity(encoding, packet, now);
    if (encoding === this.#current) {
      encoding.wait.pass(packet);
      this.#handle(packet, now);
    } else if (encoding !== this.#aim(now)) {
      encoding.wait.pass(packet);
      this.stats.packetsDropped++;
    } else if (encoding.wait.isStart(packet, now)) {
      this.#follow(encoding, packet, now);
    }
    this.#requestKeyFrames(now);
  }

  #noteActivity(encoding: Encoding, packet: EncodingPacket, now: number): void {
    encoding.lastPacketAt = now;
    encoding.missedPictures = 0;
    if (!packet.isNewest || !packet.startsFrame || packet.spatialLayer > 0) return;
    for (const other of this.#encodings.values()) if (other !== encoding) other.missedPictures++;
  }

  #encodingOf({ encoding: reader }: EncodingPacket): Encoding | null {
    const known = this.#encodings.get(reader.rid);
    if (known === undefined) {
      if (this.#encodings.size === MAX_ENCODINGS) return null;
      const listed = reader.rid === null ? -1 : this.#rids.indexOf(reader.rid);
      const rank = listed < 0 ? this.#rids.length + this.#encodings.size : listed;
      const encoding = { rank, reader, wait: new KeyFrameWait(), lastPacketAt: -Infinity, missedPictures: 0 };
      this.#encodings.set(reader.rid, encoding);
      return encoding;
    }
    if (known.reader !== reader) {
      // It began anew under another SSRC, or with another codec.
      if (known === this.#current) this.#stop();
      known.reader = reader;
      known.wait.reset();
    }
    return known;
  }

  /**
   * The encoding to get to: of those that are not silent, the wished one, else the best below it, else the lowest above.
   */
  #aim(now: number): Encoding | null {
    const wished = this.#wishedRank;
    if (wished === null) return null;
    let best: Encoding | null = null;
    for (const encoding of this.#encodings.values()) {
      if (encoding.missedPictures >= SILENCE_PICTURES && now - encoding.lastPacketAt > SILENCE_MS) continue;
      if (best === null) best = encoding;
      else if (best.rank > wished ? encoding.rank < best.rank : encoding.rank > best.rank && encoding.rank <= wished) {
        best = encoding;
      }
    }
    return best;
  }

  /** Another encoding goes on, with this first packet of a key picture. */
  #follow(encoding: Encoding, packet: EncodingPacket, now: number): void {
    const { reader } = encoding;
    this.#timestamps.follow(this.#followed?.clock ?? null, reader.clock, packet.timestamp, now);
    this.#followed = reader;
    this.#current = encoding;
    this.#ssrc ??= reader.ssrc;
    this.#sequences.restart();
    this.#pictures.restart();
    this.#dependencies.restart();
    this.#filter = packet.dependency === null ? new DescriptorFilter(this.#wish) : new DependencyFilter(this.#wish);
    this.stats.encodingSwitches++;
    this.#handle(packet, now);
    for (const held of encoding.wait.takeBehind(packet)) {
      if (this.#current === encoding) this.#handle(reader.readAgain(held), now); // `forward` may have called `select`
    }
  }

  #stop(): void {
    this.#current = null;
    this.#filter = null;
  }

  /** A packet of the encoding that is followed. */
  #handle(packet: EncodingPacket, now: number): void {
    const filter = this.#filter!;
    const { sequence } = packet;
    if (this.#sequences.isSettled(sequence)) {
      this.stats.packetsDuplicate++;
      return;
    }
    this.#dependencies.note(packet);
    const payload = packet.isEmpty || !filter.accepts(packet) ? null : this.#pictures.rewrite(packet);
    if (payload === null) {
      this.#drop(packet, now);
      return;
    }
    const sequenceNumber = this.#sequences.forward(sequence);
    if (sequenceNumber === NO_PLACE) {
      this.stats.packetsLate++;
      return;
    }
    this.stats.packetsForwarded++;
    this.#sink.forward({
      source: packet,
      ssrc: this.#ssrc!,
      sequenceNumber,
      timestamp: this.#timestamps.map(packet.timestamp, now),
      marker: packet.packet.marker || filter.endsPicture(packet),
      payload,
      payloadLength: payload.length,
      dependencyDescriptor: this.#dependencies.rewrite(packet, filter.decodeTargets(packet)),
      isFiller: false,
    });
  }

  #drop(packet: EncodingPacket, now: number): void {
    this.stats.packetsDropped++;
    this.#pictures.drop(packet);
    const sequenceNumber = this.#sequences.drop(packet.sequence);
    if (sequenceNumber === NO_PLACE) return;
    this.stats.fillersSent++;
    this.#sink.forward({
      source: packet,
      ssrc: this.#ssrc!,
      sequenceNumber,
      timestamp: this.#timestamps.map(packet.timestamp, now),
      marker: false,
      payload: NO_BYTES,
      payloadLength: 0,
      dependencyDescriptor: null,
      isFiller: true,
    });
  }

  #requestKeyFrames(now: number): void {
    const aim = this.#aim(now);
    const isNeeded = aim !== null && (aim !== this.#current || this.#filter!.needsKeyFrame);
    this.#requests.update(isNeeded ? aim.reader.ssrc : null, now);
  }
}

const NO_BYTES = new Uint8Array(0);
