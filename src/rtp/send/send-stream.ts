/**
 * One stream that is sent: the packets of one encoding, under an SSRC of their own, and under another what repairs them
 * (RFC 3550 §5, RFC 4588). Frames come in and are cut into packets; or packets of another stream come in, and get this
 * one's numbers.
 */
import { setU16, u16 } from '../../binary/bytes.ts';
import type { PacketAllocator } from '../../binary/packet-allocator.ts';
import { type RandomSource, randomUint32 } from '../../machine.ts';
import type { MediaKind } from '../codecs.ts';
import type { PacedPacket } from '../congestion/pacer.ts';
import type { PacketKind } from '../congestion/types.ts';
import type { ExtensionMap } from '../extensions/extension-map.ts';
import { RTP, RtpHeaderWriter, RtpPacket } from '../packet.ts';
import { PictureNumbers } from '../payload/picture-numbers.ts';
import type { EncodedFrame, PayloadFormat } from '../payload/types.ts';
import { NackResponder } from '../repair/nack-responder.ts';
import { OSN_LENGTH } from '../repair/rtx.ts';
import { SendHistory } from '../repair/send-history.ts';
import { signed16 } from '../sequence.ts';
import { FrameRate } from '../statistics/frame-rate.ts';
import { type HeaderExtras, type SendTimeFields, StreamHeader } from './stream-header.ts';

/** RFC 3711 §3.3.1: a stream whose first packets are lost can be decrypted if its number does not wrap among them. */
const MAX_FIRST_SEQUENCE_NUMBER = 0x7fff;
/** webrtc-stats, `hugeFramesSent`: "at least 2.5 times the average size". */
const HUGE_FRAME = 2.5;

/** A packet that is ready to go: the fields that are filled in when it leaves are still zero. */
export type OutgoingPacket = SendTimeFields &
  PacedPacket & {
    /** RTP in buffer[0, end), not protected yet; behind it is room for what protection adds. */
    readonly buffer: Uint8Array;
    readonly end: number;
    readonly payloadStart: number;
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
  readonly clockRate: number;
  readonly extras?: HeaderExtras;
  /** The beginning of a talk spurt (RFC 3551 §4.1): the marker bit of sound. */
  readonly marker?: boolean;
};

/** How the numbers of a stream that is forwarded become ours. */
type Mapping = { readonly ssrc: number; sequenceOffset: number; readonly timestampOffset: number; newest: number };

export class SendStream {
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
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
    framesRefused: 0,
    totalPacketSendDelayMs: 0,
  };
  /** Of the frames that were sent as such. */
  readonly frameRate: FrameRate = new FrameRate();
  /** Of the last key frame that tells it. */
  frameSize: { readonly width: number; readonly height: number } | null = null;
  /** What the packets' numbers begin with. */
  readonly firstSequenceNumber: number;
  #frameBytes = 0;
  readonly #history = new SendHistory();
  readonly #nacks: NackResponder;
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
  #sequenceNumber: number;
  #rtxSequenceNumber: number;
  #mapping: Mapping | null = null;
  /** From the timestamps of the frames that come to ours; `null` before the first of a source. */
  #frameOffset: number | null = null;
  /** The time of the call that is running. */
  #now = 0;
  /** The last timestamp that was sent, and when: sender reports and switches go on from it. */
  #lastTimestamp = 0;
  #lastClockRate = 0;
  #lastSentAt = -Infinity;

  constructor(
    options: {
      readonly kind: MediaKind;
      readonly ssrc: number;
      readonly rtxSsrc: number | null;
      readonly random: RandomSource;
      readonly allocator: PacketAllocator;
    },
    send: (packet: OutgoingPacket) => void,
  ) {
    const { kind, ssrc, rtxSsrc, random, allocator } = options;
    this.#kind = kind;
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc;
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
  }

  /** Negotiation has settled something; what the stream has sent stays as it is. */
  configure(configuration: SendStreamConfiguration): void {
    const { extensions, mid, rid } = configuration;
    this.#configuration = configuration;
    this.#header = new StreamHeader(extensions, mid, rid, false);
    this.#rtxHeader = new StreamHeader(extensions, mid, rid, true);
  }

  /** Whether something was sent: a sender report has something to say. */
  get hasSent(): boolean {
    return this.stats.packetsSent > 0;
  }

  /** What the stream's clock shows at `now`, going on from the last packet (RFC 3550 §6.4.1). */
  timestampAt(now: number): number {
    return (this.#lastTimestamp + Math.round(((now - this.#lastSentAt) * this.#lastClockRate) / 1000)) >>> 0;
  }

  /** The peer has reported on the stream: it knows whose it is. */
  noteReported(): void {
    if (this.#header) this.#header.isIntroduced = true;
    if (this.#rtxHeader) this.#rtxHeader.isIntroduced = true;
  }

  /** Another source follows: its numbers have nothing to do with those of the last one. */
  changeSource(): void {
    this.#mapping = null;
    this.#frameOffset = null;
  }

  /** Cuts a frame into packets and hands them on. False when the payload format does not take it. */
  sendFrame(frame: FrameToSend, now: number): boolean {
    const header = this.#header;
    if (header === null) return false;
    this.#mapping = null;
    const { payloadType, format, clockRate, extras = {}, marker, isVideo } = frame;
    this.#frameOffset ??= this.#nextTimestamp(now) - frame.timestamp;
    const timestamp = (frame.timestamp + this.#frameOffset) >>> 0;
    const headerLength = header.maxLength(extras);
    const numbered: EncodedFrame = isVideo ? { ...frame, metadata: this.#pictureNumbers.number(frame) } : frame;
    let open: OutgoingPacket | null = null;
    const maxPayloadLength = this.#configuration!.maxPacketLength - headerLength - OSN_LENGTH;
    const taken = format.packetize(numbered, maxPayloadLength, (length, isLast) => {
      if (open !== null) this.#commit(open, now);
      const start = this.#begin(header, length, payloadType, isVideo ? isLast : (marker ?? false), timestamp, extras);
      open = this.#packet(this.#kind, start, length, now);
      return open.buffer.subarray(start, open.end);
    });
    if (open !== null) this.#commit(open, now);
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
    if (this.#mapping?.ssrc !== packet.ssrc) this.#follow(packet, now);
    const mapping = this.#mapping!;
    const length = packet.payloadLength;
    const ahead = signed16(packet.sequenceNumber - mapping.newest);
    if (length === 0) {
      // Padding alone means nothing behind this point: its number is left out.
      if (ahead > 0) {
        mapping.newest = packet.sequenceNumber;
        mapping.sequenceOffset--;
      }
      return;
    }
    if (ahead > 0) mapping.newest = packet.sequenceNumber;
    const sequenceNumber = (packet.sequenceNumber + mapping.sequenceOffset) & 0xffff;
    if (signed16(sequenceNumber - this.#sequenceNumber) >= 0) this.#sequenceNumber = (sequenceNumber + 1) & 0xffff;
    const timestamp = (packet.timestamp + mapping.timestampOffset) >>> 0;
    const start = this.#begin(header, length, payloadType, packet.marker, timestamp, extras, sequenceNumber);
    const outgoing = this.#packet(this.#kind, start, length, now);
    outgoing.buffer.set(packet.payload, start);
    this.#commit(outgoing, now);
    if (ahead > 0) this.#noteTime(timestamp, clockRate, now);
  }

  /** Sends a payload that was made elsewhere, in a packet of its own: a tone between packets of sound. */
  sendPayload(payload: Uint8Array, payloadType: number, timestamp: number, marker: boolean, now: number): void {
    const header = this.#header;
    if (header === null) return;
    const start = this.#begin(header, payload.length, payloadType, marker, timestamp, {});
    const packet = this.#packet(this.#kind, start, payload.length, now);
    packet.buffer.set(payload, start);
    this.#commit(packet, now);
  }

  /** Sends packets again that the peer misses: those that are still there, and not on their way already. */
  retransmit(sequenceNumbers: readonly number[], roundTripMs: number, now: number): void {
    this.stats.nackCount++;
    this.#now = now;
    this.#nacks.handleNack(sequenceNumbers, roundTripMs, now);
  }

  /** A packet that carries nothing new, to measure with: the last one again, over RTX. `null` when there is none. */
  makePadding(now: number): OutgoingPacket | null {
    const stored = this.#history.get((this.#sequenceNumber - 1) & 0xffff, now);
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
    const sequenceNumber = this.#rtxSequenceNumber;
    this.#rtxSequenceNumber = (sequenceNumber + 1) & 0xffff;
    const at = this.#begin(header, length, payloadType, marker, timestamp, {}, sequenceNumber, this.rtxSsrc);
    const packet = this.#packet(kind, at, length, now);
    setU16(packet.buffer, at, original.sequenceNumber);
    packet.buffer.set(original.payload, at + OSN_LENGTH);
    this.stats.rtxPacketsSent++;
    this.stats.rtxBytesSent += length;
    if (kind === 'retransmission') {
      this.stats.retransmittedPacketsSent++;
      this.stats.retransmittedBytesSent += length;
    }
    this.#count(at, length);
    return packet;
  }

  /** Another source goes on where the last one was: its next packet has our next number. */
  #follow(packet: RtpPacket, now: number): void {
    this.#frameOffset = null;
    this.#mapping = {
      ssrc: packet.ssrc,
      sequenceOffset: this.#sequenceNumber - packet.sequenceNumber,
      timestampOffset: this.#nextTimestamp(now) - packet.timestamp,
      newest: (packet.sequenceNumber - 1) & 0xffff,
    };
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
      sizeBytes: end,
      stream: this,
      kind,
      queuedAt: now,
      transportSequenceAt,
      absSendTimeAt,
    };
  }

  #commit(packet: OutgoingPacket, now: number): void {
    this.#count(packet.payloadStart, packet.end - packet.payloadStart);
    if (this.#configuration!.rtxPayloadTypes.size > 0) {
      this.#history.put(u16(packet.buffer, RTP.sequenceNumber), packet.buffer, 0, packet.end, now);
    }
    this.#send(packet);
  }

  #noteFrame({ data, isKeyFrame, metadata }: EncodedFrame, now: number): void {
    const { stats } = this;
    stats.framesSent++;
    if (isKeyFrame) stats.keyFramesSent++;
    this.#frameBytes += data.length;
    if (data.length * stats.framesSent >= HUGE_FRAME * this.#frameBytes) stats.hugeFramesSent++;
    this.frameRate.note(now);
    const { width, height } = metadata ?? {};
    if (width !== undefined && height !== undefined) this.frameSize = { width, height };
  }

  #count(headerLength: number, payloadLength: number): void {
    this.stats.packetsSent++;
    this.stats.headerBytesSent += headerLength;
    this.stats.bytesSent += payloadLength;
  }

  #nextSequenceNumber(): number {
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
