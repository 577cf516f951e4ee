/** Some layers of a track, as a track: what an SFU sends to one viewer (docs/forwarding.md). */
import { ExtensionMap } from '../rtp/extensions/extension-map.ts';
import { dependencyDescriptorExtension } from '../rtp/extensions/registry.ts';
import { videoOrientationExtension } from '../rtp/extensions/video-orientation.ts';
import { type EncodingPacket, EncodingReader } from '../rtp/forward/encoding-reader.ts';
import {
  type ForwardedPacket,
  LayerForwarder,
  type LayerForwarderStats,
  type LayerSelection,
} from '../rtp/forward/layer-forwarder.ts';
import { encodeRtpPacket, type HeaderExtensionElement, RtpPacket } from '../rtp/packet.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import type { AnyEventHandler, EventHandler } from '../webidl/event-handlers.ts';
import { defineEventHandlers, type TypedEventTargetConstructor } from '../webidl/event-handlers.ts';
import type { MediaCodec } from './encoded-frame.ts';
import { Alarm, type MediaClock, systemClock } from './media-clock.ts';
import { endTracksOf, MediaStreamTrack, trackSlots } from './media-stream-track.ts';
import { PacketFanout } from './packet-fanout.ts';
import { BitrateEvent } from './scripted-source.ts';
import type { EncodingId, TrackSink, TrackSource } from './track-source.ts';

export type { LayerSelection };

export type LayerSelectorOptions = {
  /** The publisher's simulcast encodings, the lowest quality first. Default: in the order of its description. */
  readonly rids?: readonly string[];
  /** What to begin with. Default: the best there is. */
  readonly selection?: LayerSelection;
  /** Default: the machine's. */
  readonly clock?: MediaClock;
};

export interface LayerSelectorEventMap {
  /** What the way to the viewer takes: a reason to select something else. */
  bitrate: BitrateEvent;
}

interface Handlers {
  get onbitrate(): AnyEventHandler;
  set onbitrate(handler: EventHandler<BitrateEvent>);
}

const Target: TypedEventTargetConstructor<LayerSelectorEventMap, Handlers> = EventTarget as never;

/**
 * ```ts
 * const selector = new LayerSelector(publisherTrack);
 * viewer.addTrack(selector.track);
 * selector.select({ rid: 'h', temporalLayer: 1 });
 * ```
 */
export class LayerSelector extends Target {
  /** To be sent to one viewer. Ends with the publisher's. */
  readonly track: MediaStreamTrack;
  readonly #publisher: PublishedTrack;
  readonly #rids: readonly string[] | undefined;
  /** From when the track is first taken: by then the publisher's encodings are known. */
  #forwarder: LayerForwarder | null = null;
  readonly #fanout: PacketFanout;
  readonly #source: TrackSource;
  readonly #clock: MediaClock;
  readonly #alarm: Alarm;
  #selection: LayerSelection | null;
  #isUsed = false;

  static {
    defineEventHandlers(LayerSelector, ['bitrate']);
  }

  /** @throws TypeError for a track that is not of video, or comes as frames: there is nothing to select */
  constructor(track: MediaStreamTrack, options: LayerSelectorOptions = {}) {
    super();
    const { source: published } = trackSlots(track);
    if (track.kind !== 'video' || published.form !== 'packets') {
      throw new TypeError('layers are selected of video that comes in RTP packets: of a receiver, an RtpTrackSource');
    }
    this.#clock = options.clock ?? systemClock;
    this.#publisher = PublishedTrack.of(track);
    this.#selection = options.selection ?? {};
    this.#rids = options.rids;
    this.#fanout = new PacketFanout('video', this.#clock, () => this.#requestKeyFrame());
    this.#alarm = new Alarm(this.#clock, (now) => {
      this.#forwarder?.handleTimeout(now);
      this.#schedule();
    });
    this.#source = this.#makeSource(track, published);
    this.track = new MediaStreamTrack(INTERNAL, this.#source);
    this.select(this.#selection);
  }

  /**
   * What the viewer gets from now on; `null` for nothing. It goes on with what it has until the publisher's stream allows
   * the change, for which a key frame is asked where one is needed.
   * @throws RangeError for a rid that the publisher has not
   */
  select(selection: LayerSelection | null): void {
    const rids = this.#publishedRids;
    const rid = selection?.rid;
    if (rid !== undefined && rids.length > 0 && !rids.includes(rid)) {
      throw new RangeError(`expected one of the publisher's rids (${rids.join()}), got ${rid}`);
    }
    this.#selection = selection;
    if (this.#isUsed) this.#forwarder?.select(selection, this.#clock.now());
    this.#schedule();
  }

  /** What is being forwarded; `null` before the first key frame. */
  get watching(): LayerForwarder['watching'] {
    return this.#forwarder?.watching ?? null;
  }

  /** `null` before somebody has taken the track. */
  get stats(): Readonly<LayerForwarderStats> | null {
    return this.#forwarder?.stats ?? null;
  }

  /** The viewer has gone: the track ends. */
  stop(): void {
    endTracksOf(this.#source);
  }

  #makeSource(track: MediaStreamTrack, published: TrackSource): TrackSource {
    return {
      kind: 'video',
      label: track.label,
      form: 'packets',
      get codec() {
        return published.codec;
      },
      get headerExtensions() {
        return published.headerExtensions ?? null;
      },
      settings: () => published.settings(),
      connect: (sink) => {
        this.#fanout.add(sink);
        this.#use();
        this.#requestKeyFrame();
      },
      disconnect: (sink) => {
        this.#fanout.delete(sink);
        if (this.#fanout.size === 0) this.#rest();
      },
      requestKeyFrame: () => this.#requestKeyFrame(),
      suggestBitrate: (bitsPerSecond) => void this.dispatchEvent(new BitrateEvent(bitsPerSecond)),
      close: () => {
        this.#fanout.clear();
        this.#rest();
      },
    };
  }

  get #publishedRids(): readonly string[] {
    return this.#rids ?? this.#publisher.source.rids ?? [];
  }

  #makeForwarder(): LayerForwarder {
    const rids = this.#publishedRids;
    const { rid, ...layers } = this.#selection ?? {};
    if (rid !== undefined && !rids.includes(rid)) this.#selection = layers; // it was chosen before it could be known
    return new LayerForwarder(
      { rids },
      {
        forward: (packet) => this.#forward(packet),
        requestKeyFrame: (ssrc) => this.#publisher.source.requestKeyFrame({ ssrc }),
      },
    );
  }

  #use(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#forwarder ??= this.#makeForwarder();
    this.select(this.#selection);
    this.#publisher.add(this.#viewer);
  }

  #rest(): void {
    if (!this.#isUsed) return;
    this.#isUsed = false;
    this.#publisher.delete(this.#viewer);
    this.#forwarder?.select(null, this.#clock.now());
    this.#alarm.clear();
  }

  readonly #viewer: Viewer = {
    packet: (packet) => {
      this.#forwarder?.handlePacket(packet, this.#clock.now());
      this.#schedule();
    },
    end: () => this.stop(),
  };

  #requestKeyFrame(): void {
    if (!this.#isUsed) return;
    this.#forwarder?.handleKeyFrameRequest(this.#clock.now());
    this.#schedule();
  }

  #schedule(): void {
    this.#alarm.set(this.#isUsed && this.#forwarder !== null ? this.#forwarder.nextTimeout : Infinity);
  }

  #forward(forwarded: ForwardedPacket): void {
    const { source, ssrc, sequenceNumber, timestamp, marker, payload, dependencyDescriptor } = forwarded;
    const { packet } = source;
    const { codec, headerExtensions } = this.#publisher;
    const extensions: HeaderExtensionElement[] = [];
    const orientationId = headerExtensions.id(videoOrientationExtension);
    const orientation = orientationId === 0 ? null : packet.extension(orientationId);
    if (orientation !== null) extensions.push({ id: orientationId, data: orientation });
    if (dependencyDescriptor !== null) {
      extensions.push({ id: headerExtensions.id(dependencyDescriptorExtension), data: dependencyDescriptor });
    }
    const { payloadType } = packet;
    const header = { payloadType, marker, sequenceNumber, timestamp, ssrc, extensions };
    this.#fanout.packet(RtpPacket.parse(encodeRtpPacket({ ...header, payload }))!, codec!, { ssrc });
  }
}

type Viewer = { packet(packet: EncodingPacket): void; end(): void };

const NO_EXTENSIONS = new ExtensionMap([]);
/** Bound: encodings that are read at a time; the one begun first goes. */
const MAX_ENCODINGS = 16;
const published = new WeakMap<MediaStreamTrack, PublishedTrack>();

/** One publisher's track, each packet of which is read once for all viewers. */
class PublishedTrack {
  readonly #track: MediaStreamTrack;
  readonly #viewers = new Set<Viewer>();
  readonly #readers = new Map<
    number,
    { readonly reader: EncodingReader; readonly mimeType: string; report: unknown }
  >();
  /** Of the last packet. */
  codec: MediaCodec | null = null;

  static of(track: MediaStreamTrack): PublishedTrack {
    const known = published.get(track) ?? new PublishedTrack(track);
    published.set(track, known);
    return known;
  }

  constructor(track: MediaStreamTrack) {
    this.#track = track;
  }

  get source(): TrackSource {
    return trackSlots(this.#track).source;
  }

  get headerExtensions(): ExtensionMap {
    return this.source.headerExtensions ?? NO_EXTENSIONS;
  }

  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
    if (this.#viewers.size === 1) trackSlots(this.#track).connect(this.#sink);
  }

  delete(viewer: Viewer): void {
    if (this.#viewers.delete(viewer) && this.#viewers.size === 0) trackSlots(this.#track).disconnect(this.#sink);
  }

  readonly #sink: TrackSink = {
    form: 'packets',
    packet: (packet, codec, encoding) => {
      this.codec = codec;
      const read = this.#readerOf(codec, encoding, packet.ssrc).read(packet);
      for (const viewer of [...this.#viewers]) viewer.packet(read);
    },
    end: () => {
      for (const viewer of [...this.#viewers]) viewer.end();
    },
  };

  #readerOf({ mimeType }: MediaCodec, encoding: EncodingId, ssrc: number): EncodingReader {
    const rid = encoding.rid ?? null;
    let known = this.#readers.get(ssrc);
    if (known === undefined || known.mimeType !== mimeType || known.reader.rid !== rid) {
      if (this.#readers.size === MAX_ENCODINGS) this.#readers.delete(this.#readers.keys().next().value!);
      const dependencyDescriptorId = this.headerExtensions.id(dependencyDescriptorExtension);
      known = { reader: new EncodingReader({ ssrc, rid, mimeType, dependencyDescriptorId }), mimeType, report: null };
      this.#readers.set(ssrc, known);
    }
    const report = this.source.reportOf?.(ssrc) ?? null;
    if (report !== null && report !== known.report) {
      known.report = report;
      known.reader.noteSenderReport(report.ntpTimestamp, report.rtpTimestamp);
    }
    return known.reader;
  }
}
