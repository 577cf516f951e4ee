/** What one RTCRtpSender has beneath it: a stream per encoding, the codecs it may use, tones. */
import type { PacketAllocator } from '../../binary/packet-allocator.ts';
import { type RandomSource, randomUint32 } from '../../machine.ts';
import type { MediaKind } from '../codecs.ts';
import type { ExtensionMap } from '../extensions/extension-map.ts';
import { type CodecName, findCodec, hasNack, type NegotiatedRtpCodec } from '../negotiated-codec.ts';
import type { RtpPacket } from '../packet.ts';
import { payloadFormat } from '../payload/index.ts';
import { TelephoneEventSender } from '../payload/telephone-event-sender.ts';
import type { EncodedFrame, PayloadFormat } from '../payload/types.ts';
import { MAX_REDUNDANCY } from '../repair/red.ts';
import { type OutgoingPacket, SendStream } from './send-stream.ts';
import type { HeaderExtras } from './stream-header.ts';
import type { FecFormat } from './stream-protection.ts';

const MICROSECONDS_PER_SECOND = 1_000_000;
const UINT32_RANGE = 2 ** 32;

/** The tones by their event codes (RFC 4733 §3.2): 0 to 9, star, hash, A to D. */
const TONES = '0123456789*#ABCD';

/** What was negotiated for a sender. */
export type SenderConfiguration = {
  readonly mid: string | null;
  /** The peer's payload types, best first. */
  readonly codecs: readonly NegotiatedRtpCodec[];
  readonly extensions: ExtensionMap;
  /** Whether our direction sends. */
  readonly isSending: boolean;
};

/** One stream that a sender sends. */
export type Encoding = {
  readonly rid: string | null;
  readonly active: boolean;
};

/** A frame, on the clock of its source. */
export type SourceFrame = EncodedFrame & {
  /** In µs, from any origin. */
  readonly timestampUs: number;
  /** What `stamp` gave for it, where that was asked before. */
  readonly rtpTimestamp?: number | undefined;
  readonly extras?: HeaderExtras;
  readonly marker?: boolean;
};

export type RtpSenderStats = {
  /** Frames and packets of codecs that were not negotiated. */
  unsendable: number;
};

export class RtpSender {
  readonly kind: MediaKind;
  readonly stats: RtpSenderStats = { unsendable: 0 };
  readonly #options: RtpSenderOptions;
  readonly #streams: SendStream[] = [];
  readonly #formats = new Map<number, PayloadFormat | null>();
  #encodings: readonly Encoding[] = [{ rid: null, active: true }];
  #configuration: SenderConfiguration | null = null;
  #tone: TelephoneEventSender | null = null;
  #codec: NegotiatedRtpCodec | null = null;
  #redPayloadType: number | null = null;
  #fecProtection = 0;
  #redundancy = 2;
  /** That of before the last negotiation, which nothing has been sent with since. */
  #previousCodec: NegotiatedRtpCodec | null = null;

  constructor(kind: MediaKind, options: RtpSenderOptions) {
    this.kind = kind;
    this.#options = options;
  }

  /**
   * Packets of FEC for each packet of video, 0 … 1, where the peer takes it: of the two, FlexFEC-03 and ULPFEC in RED, in
   * the form that it has first. Default 0: retransmission costs less, unless the round trip is too long for it.
   * @throws RangeError
   */
  get fecProtection(): number {
    return this.#fecProtection;
  }

  set fecProtection(value: number) {
    if (!(value >= 0 && value <= 1))
      throw new RangeError(`fecProtection is 0 to 1 packets of FEC a packet, not ${value}`);
    this.#fecProtection = value;
  }

  /**
   * How many frames before it travel with a frame of sound, 0 … 9, where the peer prefers RED. Default 2: of 5 % lost they
   * leave 0.01 %, one would leave 0.25 %.
   * @throws RangeError
   */
  get redundancy(): number {
    return this.#redundancy;
  }

  set redundancy(value: number) {
    if (!(Number.isInteger(value) && value >= 0 && value <= MAX_REDUNDANCY)) {
      throw new RangeError(`redundancy is 0 to ${MAX_REDUNDANCY} frames, not ${value}`);
    }
    this.#redundancy = value;
  }

  /** One for each encoding, in order. */
  get streams(): readonly SendStream[] {
    return this.#streams;
  }

  get encodings(): readonly Encoding[] {
    return this.#encodings;
  }

  /** What was sent last, if it still may be. */
  get codec(): NegotiatedRtpCodec | null {
    return this.#codec ?? this.#previousCodec;
  }

  /** Whether lost packets are sent again, over RTX. */
  get hasRtx(): boolean {
    return this.#configuration?.codecs.some(({ role }) => role === 'rtx') ?? false;
  }

  get isSending(): boolean {
    return this.#configuration?.isSending ?? false;
  }

  get nextTimeout(): number {
    return this.#tone?.nextTimeout ?? Infinity;
  }

  /** Which encodings there are. SSRCs stay with their place, until they are renewed. */
  setEncodings(encodings: readonly Encoding[]): void {
    this.#encodings = encodings;
    for (let i = this.#streams.length; i < encodings.length; i++) this.#streams.push(this.#makeStream(i));
    this.#configureStreams();
  }

  /** Other SSRCs, asked of `sources` where that was given, and all that goes with them. */
  renewStreams(): void {
    this.#streams.length = 0;
    this.setEncodings(this.#encodings);
  }

  /** Negotiation has settled something. `null`: nothing may be sent any more. */
  configure(configuration: SenderConfiguration | null): void {
    this.#configuration = configuration;
    this.#formats.clear();
    this.#configureStreams();
  }

  /** What content so named is sent as; `undefined`: it cannot be. */
  payloadTypeOf(name: CodecName): number | undefined {
    return this.#lookUp(name)?.payloadType;
  }

  /** The RTP timestamp that a frame of the present track gets on one encoding; `undefined`: it cannot be sent. */
  stamp(timestampUs: number, name: CodecName, now: number, encoding: number): number | undefined {
    const clockRate = this.#lookUp(name)?.clockRate;
    return clockRate === undefined ? undefined : this.#streams[encoding]?.stamp(toTicks(timestampUs, clockRate), now);
  }

  /** Another track: its clock has nothing to do with the last one's. */
  changeSource(): void {
    for (const stream of this.#streams) stream.changeSource();
  }

  /** Sends a frame on one encoding, or on all that are active. Says whether it was sent. */
  sendFrame(frame: SourceFrame, name: CodecName, now: number, encoding: number | null = null): boolean {
    const codec = this.#codecFor(name);
    if (codec === null) return false;
    const format = this.#formatOf(codec);
    if (format === null) return this.#refuse();
    const { payloadType, clockRate } = codec;
    const timestamp = toTicks(frame.timestampUs, clockRate);
    const isVideo = this.kind === 'video';
    const redPayloadType = isVideo ? null : this.#redPayloadType;
    const fec = isVideo && this.fecProtection > 0 ? this.#fecFormat() : null;
    const { redundancy } = this;
    const send = { ...frame, payloadType, redPayloadType, redundancy, fec, format, timestamp, clockRate, isVideo };
    for (let i = 0; i < this.#encodings.length; i++) {
      if (this.#isActive(i, encoding)) this.#streams[i]!.sendFrame(send, now);
    }
    return true;
  }

  /** Sends a packet that came from elsewhere as one of ours. */
  forward(
    packet: RtpPacket,
    name: CodecName,
    extras: HeaderExtras,
    now: number,
    encoding: number | null = null,
  ): boolean {
    const codec = this.#codecFor(name);
    if (codec === null) return false;
    const { payloadType, clockRate } = codec;
    for (let i = 0; i < this.#encodings.length; i++) {
      if (this.#isActive(i, encoding)) this.#streams[i]!.forward(packet, payloadType, clockRate, extras, now);
    }
    return true;
  }

  /**
   * Plays a tone in the place of sound (RFC 4733), on the clock of the codec in use.
   * @param tone 0 to 9, A to D, `*` or `#`
   */
  playTone(tone: string, durationMs: number, now: number): void {
    const stream = this.#streams[0];
    const clockRate = this.#codec?.clockRate ?? this.#configuration?.codecs[0]?.clockRate;
    const events = this.#configuration?.codecs.filter(({ role }) => role === 'telephoneEvent') ?? [];
    const codec = events.find((one) => one.clockRate === clockRate) ?? events[0];
    if (stream === undefined || codec === undefined || !this.isSending) return;
    this.#tone?.flush(now);
    const timestamp = stream.timestampAt(now);
    const options = { event: TONES.indexOf(tone), durationMs, clockRate: codec.clockRate, timestamp };
    this.#tone = new TelephoneEventSender(options, ({ payload, timestamp: at, marker }) =>
      stream.sendPayload(payload, codec.payloadType, at, codec.clockRate, marker, this.#now),
    );
    this.#now = now;
    this.#tone.start(now);
  }

  handleTimeout(now: number): void {
    this.#now = now;
    if (!this.isSending) this.#tone = null; // what was negotiated meanwhile is that nothing is sent
    if (this.#tone === null) return;
    this.#tone.handleTimeout(now);
    if (this.#tone.nextTimeout === Infinity) this.#tone = null;
  }

  /** The time of the call that is running. */
  #now = 0;

  #codecFor(name: CodecName): NegotiatedRtpCodec | null {
    if (!this.isSending) return null;
    const codec = this.#codec !== null && isNamed(this.#codec, name) ? this.#codec : this.#lookUp(name);
    if (codec === undefined) {
      this.#refuse();
      return null;
    }
    if (codec !== this.#codec) this.#redPayloadType = this.#redFor(codec);
    this.#codec = codec;
    return codec;
  }

  /** The format of sound with redundancy, where the peer prefers it to the codec alone (RFC 2198). */
  #redFor(codec: NegotiatedRtpCodec): number | null {
    const { codecs } = this.#configuration!;
    const red = codecs.findIndex(
      ({ role, redPayloadTypes }) => role === 'red' && redPayloadTypes[0] === codec.payloadType,
    );
    return red >= 0 && red < codecs.indexOf(codec) ? codecs[red]!.payloadType : null;
  }

  #fecFormat(): FecFormat | null {
    const { codecs } = this.#configuration!;
    const protection = this.#fecProtection;
    const red = codecs.find(({ role }) => role === 'red');
    for (const { role, payloadType } of codecs) {
      if (role === 'ulpfec' && red !== undefined) {
        return { scheme: role, redPayloadType: red.payloadType, payloadType, protection };
      }
      if (role === 'flexfec' && this.#streams.every(({ fecSsrc }) => fecSsrc !== null)) {
        return { scheme: role, payloadType, protection };
      }
    }
    return null;
  }

  #lookUp(name: CodecName): NegotiatedRtpCodec | undefined {
    return findCodec(this.#configuration?.codecs.filter(({ role }) => role === 'media') ?? [], name);
  }

  #formatOf({ payloadType, mimeType, parameters }: NegotiatedRtpCodec): PayloadFormat | null {
    let format = this.#formats.get(payloadType);
    if (format === undefined) {
      format = payloadFormat(mimeType, parameters);
      this.#formats.set(payloadType, format);
    }
    return format;
  }

  /** @param wanted `null`: all encodings are */
  #isActive(encoding: number, wanted: number | null): boolean {
    return (wanted === null || wanted === encoding) && this.#encodings[encoding]!.active;
  }

  #refuse(): false {
    this.stats.unsendable++;
    return false;
  }

  #makeStream(encoding: number): SendStream {
    const { random, allocator, send, sources } = this.#options;
    const repair = (): number | null => (this.kind === 'video' ? randomUint32(random) : null);
    const given = sources?.(encoding) ?? { ssrc: randomUint32(random), rtxSsrc: repair(), fecSsrc: repair() };
    return new SendStream({ kind: this.kind, ...given, random, allocator }, send);
  }

  #configureStreams(): void {
    const configuration = this.#configuration;
    if (configuration === null) return;
    const { mid, codecs, extensions } = configuration;
    const previous = this.codec;
    this.#codec = null;
    this.#previousCodec =
      codecs.find(
        ({ payloadType, mimeType }) => payloadType === previous?.payloadType && mimeType === previous.mimeType,
      ) ?? null;
    const rtxPayloadTypes = new Map(
      codecs.flatMap(({ payloadType, rtxPayloadType }) =>
        rtxPayloadType === null ? [] : [[payloadType, rtxPayloadType] as const],
      ),
    );
    const withNack = new Set(codecs.filter(hasNack).map(({ payloadType }) => payloadType));
    // Who asks for what is in RED asks for the packet around it; of pictures RED does not say what that is.
    const around = codecs.filter(
      ({ role, redPayloadTypes: [inside] }) =>
        role === 'red' && (inside === undefined ? withNack.size > 0 : withNack.has(inside)),
    );
    const nackPayloadTypes = new Set([...withNack, ...around.map(({ payloadType }) => payloadType)]);
    const { maxPacketLength, tailroom } = this.#options;
    this.#encodings.forEach(({ rid }, i) => {
      this.#streams[i]?.configure({
        extensions,
        mid,
        rid,
        rtxPayloadTypes,
        nackPayloadTypes,
        maxPacketLength,
        tailroom,
      });
    });
  }
}

/** The SSRCs of one encoding. */
export type SenderSources = {
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
  /** Of FlexFEC; `null`, the default: it is not sent. */
  readonly fecSsrc?: number | null;
};

export type RtpSenderOptions = {
  /** By default they are chosen at random. */
  readonly sources?: (encoding: number) => SenderSources;
  readonly random: RandomSource;
  readonly allocator: PacketAllocator;
  /** Bytes of an RTP packet, at most. */
  readonly maxPacketLength: number;
  /** Bytes of room behind each packet, for what protection adds. */
  readonly tailroom: number;
  readonly send: (packet: OutgoingPacket) => void;
};

/** 32 bits of the RTP clock. */
function toTicks(timestampUs: number, clockRate: number): number {
  const ticks = Math.round((timestampUs * clockRate) / MICROSECONDS_PER_SECOND);
  return ((ticks % UINT32_RANGE) + UINT32_RANGE) % UINT32_RANGE;
}

/** Whether the codec that was used last is the one again: the way of nearly every packet. */
function isNamed(codec: NegotiatedRtpCodec, { mimeType, clockRate, sdpFmtpLine }: CodecName): boolean {
  return codec.mimeType === mimeType && codec.clockRate === clockRate && sdpFmtpLine === undefined;
}
