/** Where a sender's track delivers, and what of it goes onto the wire. */
import {
  type EncodedMediaFrame,
  type EncodingId,
  type MediaCodec,
  type MediaKind,
  type MediaStreamTrack,
  type TrackSink,
  trackSlots,
} from '../media/tracks.ts';
import {
  type Encoding,
  ExtensionMap,
  type RtpPacket,
  type RtpSender,
  readHeaderExtras,
  type SenderSources,
} from '../rtp/index.ts';
import { type EncodingModel, type NegotiatedMedia, sends } from '../sdp/index.ts';
import type { FrameDetails } from './encoded-frame.ts';
import { FramePipe } from './frame-pipe.ts';
import type { PeerTransport } from './peer-transport.ts';
import type { RTCRtpEncodingParameters } from './rtp-parameters.ts';
import type { SenderSlots } from './rtp-sender.ts';
import { SourceMeter } from './source-meter.ts';

/** The sources of one encoding: SSRCs are chosen once, for as long as it may send. */
type Sources = Required<SenderSources>;

export class SenderSink implements TrackSink {
  /** Between the track's frames and the packetizer; has the transform. */
  readonly pipe: FramePipe;
  /** Of what the present track gives. */
  meter: SourceMeter = new SourceMeter();
  /** Bits per second that the track was last told; `null`: nothing was. */
  targetBitrate: number | null = null;
  readonly #slots: () => SenderSlots;
  readonly #sources: Sources[] = [];
  #track: MediaStreamTrack | null = null;
  /** How the track is connected. */
  #connectedForm: 'frames' | 'packets' = 'frames';
  #transport: PeerTransport | null = null;
  #rtp: RtpSender | null = null;
  /** Whether the last negotiation was about simulcast: one encoding that is left of several goes without its rid else. */
  #hasAgreedRids = false;
  /** By encoding, of the next frame for a transform. */
  readonly #frameIds: number[] = [];
  /** Of a source with several encodings, sent without simulcast: the one that came first; `null` before. */
  #followedRid: string | null = null;

  /** @param slots what it is made beside of */
  constructor(kind: MediaKind, slots: () => SenderSlots) {
    this.#slots = slots;
    this.pipe = new FramePipe({
      kind,
      side: 'sender',
      deliver: (frame, codec, encoding, details) => this.#send(frame, codec, encoding, details),
      requestKeyFrame: (encoding) => this.#track !== null && trackSlots(this.#track).source.requestKeyFrame(encoding),
      layers: () => this.#layers(),
    });
  }

  /** Whatever the source has: frames are cut into packets here, packets are forwarded, unless a transform wants frames. */
  get form(): 'frames' | 'packets' {
    return this.#connectedForm;
  }

  get rids(): readonly string[] {
    return this.#slots().encodings.flatMap(({ rid, active = true }) => (rid !== undefined && active ? [rid] : []));
  }

  /** What sends; `null` until negotiated. */
  get rtp(): RtpSender | null {
    return this.#rtp;
  }

  /** Track, parameters or the state of the transport have changed. */
  update(): void {
    const { track, transceiver, connection, encodings } = this.#slots();
    this.#transport?.run(() => this.#rtp?.setEncodings(this.#wireEncodings(encodings)));
    const isOver = transceiver.stopping || connection.isClosed;
    if (isOver) {
      this.pipe.close();
      this.#unbind();
    }
    // Not before there is somewhere to send to: a source begins with a key frame, which must not be lost.
    const canSend = !isOver && this.#rtp !== null && this.#transport?.session.media.isConnected === true;
    const wanted = canSend ? track : null;
    const form = wanted === null || this.pipe.transform !== null ? 'frames' : trackSlots(wanted).source.form;
    if (wanted === this.#track && form === this.#connectedForm) return;
    if (this.#track !== null) trackSlots(this.#track).disconnect(this);
    if (wanted !== this.#track) {
      this.meter = new SourceMeter();
      this.targetBitrate = null;
    }
    this.#track = wanted;
    this.#connectedForm = form;
    this.#followedRid = null;
    if (wanted === null) return;
    this.#rtp?.changeSource();
    trackSlots(wanted).connect(this);
  }

  /** Negotiation is through. @param media `null`: there is no section for it */
  configure(transport: PeerTransport, media: NegotiatedMedia | null): void {
    const { kind, encodings, transceiver } = this.#slots();
    if (transceiver.stopping) return;
    if (this.#transport !== transport) {
      this.#unbind(); // its section has come to share another transport
      this.#transport = transport;
      this.#rtp = transport.session.media.createSender(kind, (index) => this.#sourcesOf(index));
    }
    const rtp = this.#rtp!;
    const isSending = media !== null && sends(media.direction) && !media.rejected;
    if (!isSending) {
      // Chromium shows nothing of a stream that comes again under the SSRC that its section had before, or was offered.
      this.#sources.length = 0;
      transport.run((session, now) => session.media.renewSender(rtp, now));
    }
    this.#hasAgreedRids = media !== null && media.send.streams.length > 0;
    rtp.setEncodings(this.#wireEncodings(encodings));
    rtp.configure(
      media && {
        mid: media.mid,
        codecs: media.send.codecs,
        extensions: new ExtensionMap(
          media.extensions.filter(({ direction }) => sends(direction ?? 'sendrecv')),
          media.extmapAllowMixed,
        ),
        isSending,
      },
    );
  }

  /** The transport is gone: a rollback of the first description. */
  forgetTransport(): void {
    this.#transport = null;
    this.#rtp = null;
    this.update();
  }

  frame(frame: EncodedMediaFrame, codec: MediaCodec, encoding: EncodingId): void {
    this.meter.note(frame, codec, this.#transport?.now() ?? 0);
    const index = this.#encodingOf(encoding);
    if (index < 0) return;
    const { rid } = this.#slots().encodings[index] ?? {};
    const ours = rid === undefined ? {} : { rid };
    if (this.pipe.transform === null) this.pipe.write(frame, codec, ours);
    else this.pipe.write(frame, codec, ours, this.#detailsOf(frame, codec, index));
  }

  /** What comes out of the pipe goes onto the wire. */
  #send(frame: EncodedMediaFrame, codec: MediaCodec, encoding: EncodingId, { rtpTimestamp }: FrameDetails): void {
    const { type, timestamp, data, metadata } = frame;
    const index = this.#encodingOf(encoding);
    if (index < 0) return;
    const content = {
      data,
      isKeyFrame: type === 'key',
      timestampUs: timestamp,
      rtpTimestamp,
      ...(metadata && { metadata }),
    };
    this.#transport?.run((_session, now) => this.#rtp?.sendFrame(content, codec, now, index));
  }

  packet(packet: RtpPacket, codec: MediaCodec, encoding: EncodingId): void {
    const index = this.#encodingOf(encoding);
    if (index < 0 || this.#track === null) return;
    const { headerExtensions } = trackSlots(this.#track).source;
    const extras = headerExtensions ? readHeaderExtras(packet, headerExtensions) : {};
    this.#transport?.run((_session, now) => this.#rtp?.forward(packet, codec, extras, now, index));
  }

  end(): void {
    this.#track = null;
  }

  /** The peer asks for a key frame of one encoding. */
  requestKeyFrame(encoding: number): void {
    const { rid } = this.#slots().encodings[encoding] ?? {};
    this.pipe.keyFrameRequested(rid === undefined ? {} : { rid });
  }

  /** What the path takes, of which this sender gets a share. */
  suggestBitrate(bitsPerSecond: number): void {
    if (this.#track === null) return;
    const limits = this.#slots().encodings.map(({ maxBitrate = Infinity, active = true }) => (active ? maxBitrate : 0));
    const most = limits.reduce((sum, limit) => sum + limit, 0);
    this.targetBitrate = Math.min(bitsPerSecond, most);
    trackSlots(this.#track).source.suggestBitrate?.(this.targetBitrate);
  }

  playTone(tone: string, durationMs: number): void {
    this.#transport?.run((_session, now) => this.#rtp?.playTone(tone, durationMs, now));
  }

  encodingModels(encodings: readonly RTCRtpEncodingParameters[]): EncodingModel[] {
    return this.#wireEncodings(encodings).map(({ rid, active }, i) => ({ rid, active, ...this.#sourcesOf(i) }));
  }

  /** What is being sent at the moment; `null` once that is over. */
  #layers(): EncodingId[] | null {
    const { track, transceiver, encodings, connection } = this.#slots();
    if (transceiver.stopping || connection.isClosed) return null;
    if (track === null || track.readyState === 'ended' || !sends(transceiver.currentDirection ?? 'inactive')) return [];
    return encodings.flatMap(({ rid, active }) => (active === false ? [] : [rid === undefined ? {} : { rid }]));
  }

  /** What a transform is told of a frame beside its content. */
  #detailsOf({ timestamp, metadata = {} }: EncodedMediaFrame, codec: MediaCodec, index: number): FrameDetails {
    const { track } = this.#slots();
    const { width, height } = { ...track?.getSettings(), ...metadata };
    const frameId = this.#frameIds[index] ?? 0;
    this.#frameIds[index] = frameId + 1;
    return {
      payloadType: this.#rtp?.payloadTypeOf(codec),
      synchronizationSource: this.#rtp?.streams[index]?.ssrc,
      rtpTimestamp: this.#rtp?.stamp(timestamp, codec, this.#transport?.now() ?? 0, index),
      ...(track?.kind === 'video' && { frameId, width, height }),
    };
  }

  #unbind(): void {
    const rtp = this.#rtp;
    this.#rtp = null;
    if (rtp === null) return;
    this.#transport?.run((session, now) => session.media.removeSender(rtp, now));
  }

  /**
   * By rid; what comes without one goes to the first. Without simulcast one encoding of the source is sent. -1: none of
   * ours.
   */
  #encodingOf({ rid }: EncodingId): number {
    const { encodings } = this.#slots();
    if (rid === undefined) return 0;
    if (encodings[0]?.rid !== undefined) return encodings.findIndex((encoding) => encoding.rid === rid);
    this.#followedRid ??= rid;
    return this.#followedRid === rid ? 0 : -1;
  }

  #wireEncodings(encodings: readonly RTCRtpEncodingParameters[]): Encoding[] {
    const hasRids = encodings.length > 1 || this.#hasAgreedRids;
    return encodings.map(({ rid, active }) => ({ rid: (hasRids && rid) || null, active: active ?? true }));
  }

  #sourcesOf(index: number): Sources {
    const random = (): number => globalThis.crypto.getRandomValues(new Uint32Array(1))[0]!;
    const { kind, connection } = this.#slots();
    const isVideo = kind === 'video';
    const isProtected = isVideo && (connection.settings.media?.fecProtection ?? 0) > 0;
    this.#sources[index] ??= {
      ssrc: random(),
      rtxSsrc: isVideo ? random() : null,
      fecSsrc: isProtected ? random() : null,
    };
    return this.#sources[index];
  }
}
