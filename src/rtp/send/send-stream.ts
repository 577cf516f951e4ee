/**
 * One stream that is sent: the packets of one encoding, under an SSRC of their own, and under another what repairs them
 * (RFC 3550 §5, RFC 4588). Frames come in and are cut into packets; or packets of another stream come in, and get this
 * one's numbers.
 */
import { setU16, u16, u32 } from '../../binary/bytes.ts';
import type { PacketAllocator } from '../../binary/packet-allocator.ts';
import { type RandomSource, randomUint32 } from '../../machine.ts';
import type { MediaKind } from '../codecs.ts';
import type { PacedPacket } from '../congestion/pacer.ts';
import type { PacketKind } from '../congestion/types.ts';
import type { ExtensionMap } from '../extensions/extension-map.ts';
import { dependencyDescriptorExtension } from '../extensions/registry.ts';
import { videoOrientationExtension } from '../extensions/video-orientation.ts';
import { NO_PLACE, NumberLine } from '../forward/number-line.ts';
import { RTP, RtpHeaderWriter, RtpPacket } from '../packet.ts';
import { PictureNumbers } from '../payload/picture-numbers.ts';
import type { EncodedFrame, PayloadFormat } from '../payload/types.ts';
import { NackResponder } from '../repair/nack-responder.ts';
import { RedEncoder } from '../repair/red.ts';
import { OSN_LENGTH } from '../repair/rtx.ts';
import { SendHistory } from '../repair/send-history.ts';
import { SequenceUnwrapper } from '../sequence.ts';
import { FrameRate } from '../statistics/frame-rate.ts';
import { type HeaderExtras, type SendTimeFields, StreamHeader } from './stream-header.ts';
import { type FecFormat, fecOverhead, redHeaderLength, StreamProtection } from './stream-protection.ts';

/** RFC 3711 §3.3.1: a stream whose first packets are lost can be decrypted if its number does not wrap among them. */
const MAX_FIRST_SEQUENCE_NUMBER = 0x7fff;
/** webrtc-stats, `hugeFramesSent`: "at least 2.5 times the average size". */
const HUGE_FRAME = 2.5;

/** Between two key frames that are made because they were asked for: a decoder needs a moment for each. libwebrtc. */
const KEY_FRAME_INTERVAL_MS = 300;

/** A packet that is ready to go: the fields that are filled in when it leaves are still zero. */
export type OutgoingPacket = SendTimeFields &
  PacedPacket & {
    /** RTP in buffer[0, end), not protected yet; behind it is room for what protection adds. */
    readonly buffer: Uint8Array;
    readonly end: number;
    readonly payloadStart: number;
    /** It was protected when it was sent first, and goes out again as it was: nothing may be changed. */
    readonly isProtected: boolean;
    readonly stream: SendStream;
    /** When it was handed over, in ms. */
    readonly queuedAt: number;
  };

/** What was negotiated for a stream. */
export type SendStreamConfiguration = {
  readonly extensions: ExtensionMap;
  readonly mid: string | null;
  /** With simulcast. */
  readonly rid: string | null;
  /** The RTX format of each payload type that has one. */
  readonly rtxPayloadTypes: ReadonlyMap<number, number>;
  /** Those that the peer may ask for again. */
  readonly nackPayloadTypes: ReadonlySet<number>;
  /** Bytes of a whole RTP packet, at most. */
  readonly maxPacketLength: number;
  /** Bytes of room behind a packet. */
  readonly tailroom: number;
};

/** W3C: RTCSentRtpStreamStats and RTCOutboundRtpStreamStats. */
export type SendStreamStats = {
  packetsSent: number;
  bytesSent: number;
  headerBytesSent: number;
  /** Of those, what went over RTX: lost packets once more, and padding. */
  rtxPacketsSent: number;
  rtxBytesSent: number;
  retransmittedPacketsSent: number;
  retransmittedBytesSent: number;
  framesSent: number;
  keyFramesSent: number;
  /** At least 2.5 times the average so far. */
  hugeFramesSent: number;
  nackCount: number;
  pliCount: number;
  firCount: number;
  /** Packets that carried nothing new, to measure with. */
  paddingPacketsSent: number;
  /** Packets of FEC. Those of FlexFEC, which has an SSRC of its own, are in no other counter. */
  fecPacketsSent: number;
  /** Frames that the payload format did not take. */
  framesRefused: number;
  /** Between handing over and leaving, summed up, in ms. */
  totalPacketSendDelayMs: number;
};

/** A frame for the wire. */
export type FrameToSend = EncodedFrame & {
  readonly payloadType: number;
  readonly format: PayloadFormat;
  readonly isVideo: boolean;
  /** On the stream's clock, from any origin; 32 bits. */
  readonly timestamp: number;
  /** What `stamp` gave for it, where that was asked before. */
  readonly rtpTimestamp?: number | undefined;
  readonly clockRate: number;
  readonly extras?: HeaderExtras;
  /** The format to send it in together with the frames before it (RFC 2198); `null`: by itself. */
  readonly redPayloadType?: number | null;
  /** How many of those before. */
  readonly redundancy?: number;
  /** Pictures: protected by forward error correction. */
  readonly fec?: FecFormat | null;
  /** The beginning of a talk spurt (RFC 3551 §4.1): the marker bit of sound. */
  readonly marker?: boolean;
};

/** Bound: packets of a stream that is forwarded whose numbers are remembered; one that is later than that is dropped. */
const FORWARDED_IN_REACH = 2048;
/** Numbers so far back are a source that began anew, if the next one follows (RFC 3550 A.1). */
const MAX_MISORDER = 1000;

/** How the numbers of a stream that is forwarded become ours. */
type Mapping = {
  readonly ssrc: number;
  readonly timestampOffset: number;
  readonly unwrapper: SequenceUnwrapper;
  /** A number far back, where a source that begins anew goes on. */
  restartNumber: number;
};

export class SendStream {
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
  readonly fecSsrc: number | null;
  readonly stats: SendStreamStats = {
    packetsSent: 0,
    bytesSent: 0,
    headerBytesSent: 0,
    rtxPacketsSent: 0,
    rtxBytesSent: 0,
    retransmittedPacketsSent: 0,
    retransmittedBytesSent: 0,
    framesSent: 0,
    keyFramesSent: 0,
    hugeFramesSent: 0,
    nackCount: 0,
    pliCount: 0,
    firCount: 0,
    paddingPacketsSent: 0,
    fecPacketsSent: 0,
    framesRefused: 0,
    totalPacketSendDelayMs: 0,
  };
  /** Of the frames that were sent as such. */
  readonly frameRate: FrameRate = new FrameRate();
  /** Of the last key frame that tells it. */
  frameSize: { readonly width: number; readonly height: number } | null = null;
  /** What the packets' numbers begin with. */
  readonly firstSequenceNumber: number;
  /** Frames that were cut into packets here, and their bytes. */
  #cutFrames = 0;
  #cutBytes = 0;
  readonly #history = new SendHistory();
  readonly #nacks: NackResponder;
  /** Where there is no RTX, the protected packets: SRTP seals a number once (RFC 3711 §3.3.1), so these go out again. */
  #sealed: { readonly history: SendHistory; readonly nacks: NackResponder } | null = null;
  readonly #kind: MediaKind;
  readonly #allocator: PacketAllocator;
  readonly #send: (packet: OutgoingPacket) => void;
  readonly #writer = new RtpHeaderWriter();
  readonly #scratch = new RtpPacket();
  readonly #fields: SendTimeFields = { transportSequenceAt: 0, absSendTimeAt: 0 };
  readonly #pictureNumbers: PictureNumbers;
  readonly #timestampOrigin: number;
  #configuration: SendStreamConfiguration | null = null;
  #header: StreamHeader | null = null;
  #rtxHeader: StreamHeader | null = null;
  #fecHeader: StreamHeader | null = null;
  /** The next one, unless packets are forwarded: then the line has it. */
  #sequenceNumber: number;
  /** From the first packet that is forwarded on: all numbers of the stream, so that none is ever used twice. */
  #numbers: NumberLine | null = null;
  #rtxSequenceNumber: number;
  #fecSequenceNumber: number;
  #mapping: Mapping | null = null;
  /** Where sound goes with redundancy: the frames before. */
  #red: { readonly payloadType: number; readonly encoder: RedEncoder } | null = null;
  #protection: StreamProtection | null = null;
  /** What was forwarded before: its stragglers have no place any more. */
  #previousMapping: Mapping | null = null;
  /** From the timestamps of the frames that come to ours; `null` before the first of a source. */
  #frameOffset: number | null = null;
  /** The time of the call that is running. */
  #now = 0;
  /** The last timestamp that was sent, and when: sender reports and switches go on from it. */
  #lastTimestamp = 0;
  #lastClockRate = 0;
  #lastSentAt = -Infinity;
  /** What sender reports say: of this SSRC alone. */
  #packetCount = 0;
  #octetCount = 0;
  #lastLeftAt = -Infinity;
  #firSequenceNumber = -1;
  #orientationId = 0;
  #descriptorId = 0;
  #keyFrameRequestedAt = -Infinity;

  constructor(
    options: {
      readonly kind: MediaKind;
      readonly ssrc: number;
      readonly rtxSsrc: number | null;
      /** Of FlexFEC; `null`, the default: none is sent. */
      readonly fecSsrc?: number | null;
      readonly random: RandomSource;
      readonly allocator: PacketAllocator;
    },
    send: (packet: OutgoingPacket) => void,
  ) {
    const { kind, ssrc, rtxSsrc, fecSsrc = null, random, allocator } = options;
    this.#kind = kind;
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc;
    this.fecSsrc = fecSsrc;
    this.#allocator = allocator;
    this.#send = send;
    this.#nacks = new NackResponder(this.#history, (stored) => {
      const packet = this.#wrap(stored, 'retransmission', this.#now);
      if (packet !== null) this.#send(packet);
    });
    this.#pictureNumbers = new PictureNumbers(random);
    this.#timestampOrigin = randomUint32(random);
    this.firstSequenceNumber = randomUint32(random) & MAX_FIRST_SEQUENCE_NUMBER;
    this.#sequenceNumber = this.firstSequenceNumber;
    this.#rtxSequenceNumber = randomUint32(random) & MAX_FIRST_SEQUENCE_NUMBER;
    this.#fecSequenceNumber = fecSsrc === null ? 0 : randomUint32(random) & MAX_FIRST_SEQUENCE_NUMBER;
  }

  /** Negotiation has settled something; what the stream has sent stays as it is. */
  configure(configuration: SendStreamConfiguration): void {
    const { extensions, mid, rid } = configuration;
    this.#configuration = configuration;
    this.#orientationId = extensions.id(videoOrientationExtension);
    this.#descriptorId = extensions.id(dependencyDescriptorExtension);
    this.#header = new StreamHeader(extensions, mid, rid, false);
    this.#rtxHeader = new StreamHeader(extensions, mid, rid, true);
    this.#fecHeader = new StreamHeader(extensions, mid, rid, true);
  }

  /** Its own, and those of what repairs it. */
  get ssrcs(): readonly number[] {
    return [this.ssrc, this.rtxSsrc, this.fecSsrc].filter((ssrc) => ssrc !== null);
  }

  /** Whether something was sent: a sender report has something to say. */
  get hasSent(): boolean {
    return this.#packetCount > 0;
  }

  /** Whether something was sent since then: who was silent for two reports is no sender (RFC 3550 §6.3.8). */
  hasSentSince(time: number): boolean {
    return this.#lastLeftAt >= time;
  }

  /** Packets and bytes of content under this SSRC, without repair under another one (RFC 3550 §6.4.1). */
  get counts(): { readonly packetCount: number; readonly octetCount: number } {
    return { packetCount: this.#packetCount >>> 0, octetCount: this.#octetCount >>> 0 };
  }

  /** What the stream's clock shows at `now`, going on from the last packet (RFC 3550 §6.4.1). */
  timestampAt(now: number): number {
    if (this.#lastClockRate === 0) return this.#timestampOrigin;
    return (this.#lastTimestamp + Math.round(((now - this.#lastSentAt) * this.#lastClockRate) / 1000)) >>> 0;
  }

  /** The peer has reported on one of our SSRCs: it knows whose that one is (RFC 8852 §3.2). */
  noteReported(ssrc: number): void {
    if (ssrc === this.ssrc && this.#header) this.#header.isIntroduced = true;
    else if (ssrc === this.rtxSsrc && this.#rtxHeader) this.#rtxHeader.isIntroduced = true;
    else if (ssrc === this.fecSsrc && this.#fecHeader) this.#fecHeader.isIntroduced = true;
  }

  /** Whether a key frame is to be made: not for each of the requests that come while one is made and sent. */
  noteKeyFrameRequest(now: number): boolean {
    if (now - this.#keyFrameRequestedAt < KEY_FRAME_INTERVAL_MS) return false;
    this.#keyFrameRequestedAt = now;
    return true;
  }

  /** RFC 5104 §4.3.1.2: the same number again is the same request. */
  isNewFir(sequenceNumber: number): boolean {
    if (sequenceNumber === this.#firSequenceNumber) return false;
    this.#firSequenceNumber = sequenceNumber;
    return true;
  }

  /** A packet leaves now. */
  noteLeft({ buffer, end, payloadStart, kind, queuedAt }: OutgoingPacket, now: number): void {
    const { stats } = this;
    const payloadLength = end - payloadStart;
    const ssrc = u32(buffer, RTP.ssrc);
    if (kind === 'fec') stats.fecPacketsSent++;
    if (ssrc === this.fecSsrc) return;
    stats.totalPacketSendDelayMs += now - queuedAt;
    stats.packetsSent++;
    const isPadding = kind === 'padding'; // all of it is, as "header and padding bytes" has it
    stats.headerBytesSent += isPadding ? end : payloadStart;
    stats.bytesSent += isPadding ? 0 : payloadLength;
    if (isPadding) {
      stats.paddingPacketsSent++;
    } else if (kind === 'retransmission') {
      stats.retransmittedPacketsSent++;
      stats.retransmittedBytesSent += payloadLength;
    }
    if (ssrc !== this.ssrc) {
      stats.rtxPacketsSent++;
      stats.rtxBytesSent += payloadLength;
      return;
    }
    this.#packetCount++;
    this.#octetCount += payloadLength;
    this.#lastLeftAt = now;
  }

  /** Whether a packet is kept as it was protected: it can be asked for, and there is no RTX for it. */
  keepsSealed({ buffer, kind }: OutgoingPacket): boolean {
    if (kind === 'retransmission' || kind === 'padding') return false;
    const { rtxPayloadTypes, nackPayloadTypes } = this.#configuration!;
    const payloadType = buffer[RTP.payloadType]! & 0x7f;
    return nackPayloadTypes.has(payloadType) && !rtxPayloadTypes.has(payloadType);
  }

  /** Keeps a packet as it was protected, in a copy. */
  keepSealed(bytes: Uint8Array, now: number): void {
    this.#sealed ??= this.#keepSealedFromNowOn();
    this.#sealed.history.put(u16(bytes, RTP.sequenceNumber), bytes, 0, bytes.length, now);
  }

  /** Another source follows: its numbers have nothing to do with those of the last one. */
  changeSource(): void {
    this.#mapping = null;
    this.#previousMapping = null;
    this.#red = null;
    this.#frameOffset = null;
  }

  /** The RTP timestamp that a frame of the present source gets; it may be sent later. `timestamp` as in `FrameToSend`. */
  stamp(timestamp: number, now: number): number {
    this.#frameOffset ??= this.#nextTimestamp(now) - timestamp;
    return (timestamp + this.#frameOffset) >>> 0;
  }

  /** Cuts a frame into packets and hands them on. False when the payload format does not take it. */
  sendFrame(frame: FrameToSend, now: number): boolean {
    const header = this.#header;
    if (header === null) return false;
    this.#mapping = null;
    const { payloadType, format, clockRate, extras = {}, marker, isVideo, fec = null } = frame;
    const timestamp = frame.rtpTimestamp ?? this.stamp(frame.timestamp, now);
    const headerLength = header.maxLength(extras);
    const numbered: EncodedFrame = isVideo ? { ...frame, metadata: this.#pictureNumbers.number(frame) } : frame;
    let open: OutgoingPacket | null = null;
    const maxPayloadLength = this.#configuration!.maxPacketLength - headerLength - OSN_LENGTH;
    if (frame.redPayloadType != null && this.#sendRedundant(frame, timestamp, maxPayloadLength, now)) return true;
    const wrapper = redHeaderLength(fec);
    const room = maxPayloadLength - fecOverhead(fec);
    const outerType = fec?.scheme === 'ulpfec' ? fec.redPayloadType : payloadType;
    const taken = format.packetize(numbered, room, (length, isLast) => {
      if (open !== null) this.#commit(open, now, fec, false);
      const marks = isVideo ? isLast : (marker ?? false);
      const start = this.#begin(header, length + wrapper, outerType, marks, timestamp, extras);
      open = this.#packet(this.#kind, start, length + wrapper, now);
      if (wrapper > 0) open.buffer[start] = payloadType;
      return open.buffer.subarray(start + wrapper, open.end);
    });
    if (open !== null) this.#commit(open, now, fec, true);
    if (!taken) {
      this.stats.framesRefused++;
      return false;
    }
    this.#noteTime(timestamp, clockRate, now);
    this.#noteFrame(frame, now);
    return true;
  }

  /**
   * Sends a packet of another stream as one of ours: with our SSRC, payload type and extensions, and numbers that go on
   * from what was sent before. Gaps stay gaps, so that what is repaired later fits in.
   */
  forward(packet: RtpPacket, payloadType: number, clockRate: number, extras: HeaderExtras, now: number): void {
    const header = this.#header;
    if (header === null) return;
    const mapping = this.#mappingOf(packet, now);
    if (mapping === null) return;
    const length = packet.payloadLength;
    const before = mapping.unwrapper.highest;
    const number = mapping.unwrapper.unwrap(packet.sequenceNumber);
    const isAhead = number > before;
    const numbers = this.#numbers!;
    if (numbers.isSettled(number)) return; // it came before
    // Padding alone means nothing behind this point: its number is left out, or filled where one was kept for it.
    const sequenceNumber = length === 0 ? numbers.drop(number) : numbers.forward(number);
    if (sequenceNumber === NO_PLACE) return;
    const timestamp = (packet.timestamp + mapping.timestampOffset) >>> 0;
    const start = this.#begin(header, length, payloadType, packet.marker, timestamp, extras, sequenceNumber);
    const outgoing = this.#packet(this.#kind, start, length, now);
    outgoing.buffer.set(packet.payload, start);
    this.#commit(outgoing, now);
    if (isAhead) this.#noteTime(timestamp, clockRate, now);
    if (packet.marker && length > 0 && this.#kind === 'video') {
      this.stats.framesSent++; // with its last packet
      this.frameRate.note(now);
    }
  }

  /** Sends a payload that was made elsewhere, in a packet of its own: a tone between packets of sound. */
  sendPayload(
    payload: Uint8Array,
    payloadType: number,
    timestamp: number,
    clockRate: number,
    marker: boolean,
    now: number,
  ): void {
    const header = this.#header;
    if (header === null) return;
    const start = this.#begin(header, payload.length, payloadType, marker, timestamp, {});
    const packet = this.#packet(this.#kind, start, payload.length, now);
    packet.buffer.set(payload, start);
    this.#commit(packet, now);
    // All packets of a tone have the timestamp of its beginning.
    if (((timestamp - this.#lastTimestamp) | 0) > 0 || this.#lastClockRate === 0) {
      this.#noteTime(timestamp, clockRate, now);
    }
  }

  /** Sends packets again that the peer misses: those that are still there, and not on their way already. */
  retransmit(sequenceNumbers: readonly number[], roundTripMs: number, now: number): void {
    this.stats.nackCount++;
    this.#now = now;
    this.#nacks.handleNack(sequenceNumbers, roundTripMs, now);
    this.#sealed?.nacks.handleNack(sequenceNumbers, roundTripMs, now);
  }

  /** A packet that carries nothing new, to measure with: the last one again, over RTX. `null` when there is none. */
  makePadding(now: number): OutgoingPacket | null {
    const next = this.#numbers?.nextOut ?? this.#sequenceNumber;
    const stored = this.#history.get((next - 1) & 0xffff, now);
    return stored && this.#wrap(stored, 'padding', now);
  }

  /** RFC 4588 §4: the packet's payload behind its sequence number, in a stream of its own. */
  #wrap(stored: Uint8Array, kind: 'retransmission' | 'padding', now: number): OutgoingPacket | null {
    const header = this.#rtxHeader;
    const payloadType = this.#configuration?.rtxPayloadTypes.get(stored[RTP.payloadType]! & 0x7f);
    if (header === null || this.rtxSsrc === null || payloadType === undefined) return null;
    const original = this.#scratch;
    if (!original.read(stored)) return null;
    const { marker, timestamp } = original;
    const length = original.payloadLength + OSN_LENGTH;
    const extras = this.#extrasOf(original);
    const sequenceNumber = this.#rtxSequenceNumber;
    this.#rtxSequenceNumber = (sequenceNumber + 1) & 0xffff;
    const at = this.#begin(header, length, payloadType, marker, timestamp, extras, sequenceNumber, this.rtxSsrc);
    const packet = this.#packet(kind, at, length, now);
    setU16(packet.buffer, at, original.sequenceNumber);
    packet.buffer.set(original.payload, at + OSN_LENGTH);
    return packet;
  }

  /** What the packet said beside its payload, it says again: of an AV1 packet nothing could be made without. */
  #extrasOf(packet: RtpPacket): HeaderExtras {
    const descriptor = this.#descriptorId === 0 ? null : packet.extension(this.#descriptorId);
    const orientation = this.#orientationId === 0 ? null : packet.extension(this.#orientationId);
    if (descriptor === null && orientation === null) return NO_EXTRAS;
    const value = orientation && videoOrientationExtension.read(orientation, 0, orientation.length);
    return { ...(descriptor && { dependencyDescriptor: descriptor }), ...(value && { orientation: value }) };
  }

  #keepSealedFromNowOn(): { readonly history: SendHistory; readonly nacks: NackResponder } {
    const history = new SendHistory();
    const nacks = new NackResponder(history, (stored) => {
      const buffer = this.#allocator.allocate(stored.length);
      buffer.set(stored);
      this.#send({
        buffer,
        end: stored.length,
        payloadStart: RTP.headerLength,
        isProtected: true,
        sizeBytes: stored.length,
        stream: this,
        kind: 'retransmission',
        queuedAt: this.#now,
        transportSequenceAt: 0,
        absSendTimeAt: 0,
      });
    });
    return { history, nacks };
  }

  /** `null`: the packet comes too late to have a place. */
  #mappingOf(packet: RtpPacket, now: number): Mapping | null {
    const { ssrc, sequenceNumber } = packet;
    const mapping = this.#mapping;
    if (mapping?.ssrc !== ssrc) {
      const previous = this.#previousMapping;
      if (mapping !== null && previous?.ssrc === ssrc && distance(previous, sequenceNumber) <= 0) return null;
      return this.#follow(packet, now);
    }
    if (distance(mapping, sequenceNumber) > -MAX_MISORDER) return mapping;
    const isNext = sequenceNumber === mapping.restartNumber;
    mapping.restartNumber = (sequenceNumber + 1) & 0xffff;
    return isNext ? this.#follow(packet, now) : null;
  }

  /** Another source goes on where the last one was: its next packet has our next number. */
  #follow({ ssrc, timestamp }: RtpPacket, now: number): Mapping {
    this.#frameOffset = null;
    this.#previousMapping = this.#mapping;
    this.#numbers ??= new NumberLine(FORWARDED_IN_REACH, this.#sequenceNumber);
    this.#numbers.restart();
    const timestampOffset = this.#nextTimestamp(now) - timestamp;
    this.#mapping = { ssrc, timestampOffset, unwrapper: new SequenceUnwrapper(), restartNumber: -1 };
    return this.#mapping;
  }

  /** Where the clock is when another source begins: at least one unit on, so that two frames never share a timestamp. */
  #nextTimestamp(now: number): number {
    if (this.#lastClockRate === 0) return this.#timestampOrigin;
    const elapsed = Math.round(((now - this.#lastSentAt) * this.#lastClockRate) / 1000);
    return this.#lastTimestamp + Math.max(1, elapsed);
  }

  /** Reserves a buffer and writes the header; says where the payload begins. */
  #begin(
    header: StreamHeader,
    payloadLength: number,
    payloadType: number,
    marker: boolean,
    timestamp: number,
    extras: HeaderExtras,
    sequenceNumber: number = this.#nextSequenceNumber(),
    ssrc: number = this.ssrc,
  ): number {
    const { tailroom } = this.#configuration!;
    const offset = this.#allocator.reserve(header.maxLength(extras) + payloadLength + tailroom);
    const writer = this.#writer;
    const twoByte = header.needsTwoByte(extras);
    writer.begin(this.#allocator.slab, offset, payloadType, marker, sequenceNumber, timestamp, ssrc, twoByte);
    header.write(writer, extras, this.#fields);
    const { transportSequenceAt, absSendTimeAt } = this.#fields;
    this.#fields.transportSequenceAt = transportSequenceAt && transportSequenceAt - offset;
    this.#fields.absSendTimeAt = absSendTimeAt && absSendTimeAt - offset;
    return writer.end() - offset;
  }

  #packet(kind: PacketKind, payloadStart: number, payloadLength: number, now: number): OutgoingPacket {
    const { transportSequenceAt, absSendTimeAt } = this.#fields;
    const end = payloadStart + payloadLength;
    const buffer = this.#allocator.commit(end + this.#configuration!.tailroom);
    return {
      buffer,
      end,
      payloadStart,
      isProtected: false,
      sizeBytes: end,
      stream: this,
      kind,
      queuedAt: now,
      transportSequenceAt,
      absSendTimeAt,
    };
  }

  /** The frame, and the frames before it, in one packet; false where the format makes more than one of it. */
  #sendRedundant(frame: FrameToSend, timestamp: number, maxPayloadLength: number, now: number): boolean {
    const payloads: Uint8Array[] = [];
    const { format, payloadType, marker = false, clockRate } = frame;
    const taken = format.packetize(frame, maxPayloadLength, (length) => {
      const payload = new Uint8Array(length);
      payloads.push(payload);
      return payload;
    });
    const [payload] = payloads;
    if (!taken || payload === undefined || payloads.length > 1) return false;
    if (this.#red?.payloadType !== payloadType) this.#red = { payloadType, encoder: new RedEncoder({ payloadType }) };
    this.#red.encoder.redundancy = frame.redundancy ?? 1;
    const redundant = this.#red.encoder.encode(payload, timestamp, maxPayloadLength);
    this.#sendOne(redundant, frame.redPayloadType!, marker, timestamp, frame.extras ?? NO_EXTRAS, this.#kind, now);
    this.#noteTime(timestamp, clockRate, now);
    this.#noteFrame(frame, now);
    return true;
  }

  #sendOne(
    payload: Uint8Array,
    payloadType: number,
    marker: boolean,
    timestamp: number,
    extras: HeaderExtras,
    kind: PacketKind,
    now: number,
  ): void {
    const start = this.#begin(this.#header!, payload.length, payloadType, marker, timestamp, extras);
    const packet = this.#packet(kind, start, payload.length, now);
    packet.buffer.set(payload, start);
    this.#commit(packet, now);
  }

  #commit(packet: OutgoingPacket, now: number, fec: FecFormat | null = null, isFrameEnd = false): void {
    const { buffer, end, payloadStart } = packet;
    if (this.#configuration!.rtxPayloadTypes.has(buffer[RTP.payloadType]! & 0x7f)) {
      this.#history.put(u16(buffer, RTP.sequenceNumber), buffer, 0, end, now);
    }
    if (fec === null) {
      this.#send(packet);
      return;
    }
    const unsent = buffer.slice(0, end); // what leaves is changed on its way
    this.#send(packet);
    if (this.#protection?.scheme !== fec.scheme) this.#protection = new StreamProtection(fec.scheme);
    const timestamp = u32(unsent, RTP.timestamp);
    for (const payload of this.#protection.protect(unsent, payloadStart, fec, isFrameEnd)) {
      if (fec.scheme === 'flexfec') this.#sendFlexfec(payload, fec.payloadType, timestamp, now);
      else this.#sendOne(payload, fec.redPayloadType, false, timestamp, NO_EXTRAS, 'fec', now);
    }
  }

  /** FlexFEC-03 §4.2.1: a stream of its own, on the clock of the media. */
  #sendFlexfec(payload: Uint8Array, payloadType: number, timestamp: number, now: number): void {
    const number = this.#fecSequenceNumber;
    this.#fecSequenceNumber = (number + 1) & 0xffff;
    const { length } = payload;
    const header = this.#fecHeader!;
    const start = this.#begin(header, length, payloadType, false, timestamp, NO_EXTRAS, number, this.fecSsrc!);
    const packet = this.#packet('fec', start, length, now);
    packet.buffer.set(payload, start);
    this.#send(packet);
  }

  #noteFrame({ data, isKeyFrame, metadata }: EncodedFrame, now: number): void {
    const { stats } = this;
    stats.framesSent++;
    if (isKeyFrame) stats.keyFramesSent++;
    this.#cutFrames++;
    this.#cutBytes += data.length;
    if (data.length * this.#cutFrames >= HUGE_FRAME * this.#cutBytes) stats.hugeFramesSent++;
    this.frameRate.note(now);
    const { width, height } = metadata ?? {};
    if (width !== undefined && height !== undefined) this.frameSize = { width, height };
  }

  #nextSequenceNumber(): number {
    if (this.#numbers !== null) return this.#numbers.take();
    const sequenceNumber = this.#sequenceNumber;
    this.#sequenceNumber = (sequenceNumber + 1) & 0xffff;
    return sequenceNumber;
  }

  #noteTime(timestamp: number, clockRate: number, now: number): void {
    this.#lastTimestamp = timestamp;
    this.#lastClockRate = clockRate;
    this.#lastSentAt = now;
  }
}

const NO_EXTRAS: HeaderExtras = {};

/** How far a number is from the newest of a stream that is forwarded; before the first, one. */
function distance({ unwrapper }: Mapping, sequenceNumber: number): number {
  return unwrapper.highest < 0 ? 1 : unwrapper.peek(sequenceNumber) - unwrapper.highest;
}
