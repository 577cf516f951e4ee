/**
 * All media of one transport: whose a packet is, what is sent when, and the reports both ways (RFC 3550, 4585, 9143).
 *
 * ```text
 *   SRTP ─► handleRtp ─► demultiplexer ─► RTX undone ─► ReceiveStream ─► receiver's sink
 *                 └─► arrival times ─► feedback                 └─► NACK, key frame requests ─┐
 *   SRTP ─► handleRtcp ─► reports, feedback ─► congestion control ─► pacer's rate             │
 *                                                                                             ▼
 *   frames, packets ─► RtpSender ─► SendStream ─► pacer ─► sendRtp          reports ─► sendRtcp
 * ```
 */
import { setU16, setU24, u16 } from '../binary/bytes.ts';
import { PacketAllocator } from '../binary/packet-allocator.ts';
import { EventQueue, type RandomSource, randomBetween, randomUint32 } from '../machine.ts';
import type { MediaKind } from './codecs.ts';
import {
  CongestionController,
  CongestionFeedbackRecorder,
  FeedbackRecorder,
  Pacer,
  type ProbeCluster,
  type TargetRates,
} from './congestion/index.ts';
import { Demultiplexer, type IncomingStream } from './demultiplexer.ts';
import { ExtensionMap } from './extensions/extension-map.ts';
import { absSendTime } from './extensions/timing.ts';
import { transportSequenceExtension } from './extensions/transport-sequence.ts';
import type { NegotiatedRtpCodec } from './negotiated-codec.ts';
import { RTP, RtpPacket } from './packet.ts';
import { withContent } from './receive/content.ts';
import { ReceiveStream } from './receive/receive-stream.ts';
import { type ReceiverSink, RtpReceiver } from './receive/rtp-receiver.ts';
import { decodeRed } from './repair/red.ts';
import { unwrapRtx } from './repair/rtx.ts';
import { encodeRtcpDatagrams, isReducedSize, parseRtcp } from './rtcp/compound.ts';
import { ntpFromUnixMs, ntpMiddle32, shortNtpFromMs } from './rtcp/ntp.ts';
import { type ExtendedReport, type ReportBlock, type RtcpPacket, SDES_ITEM, type SdesChunk } from './rtcp/types.ts';
import { RtpSender, type SenderSources } from './send/rtp-sender.ts';
import type { OutgoingPacket, SendStream } from './send/send-stream.ts';
import { ReferenceTimes, RoundTripEstimator } from './statistics/round-trip.ts';

/** RFC 3550 §6.2 has 5 s at least, RFC 4585 §3.4 lets that go: browsers report about once a second, and so do we. */
const REPORT_INTERVAL_MS = 1_000;
/** RFC 3550 §6.3.1: "over the range [0.5,1.5]", so that peers do not fall in step. */
const REPORT_JITTER: readonly [number, number] = [0.5, 1.5];
/** RFC 3550 §6.3.5: five intervals, of the 5 s that they are at least for peers that do not use AVPF. */
const SILENCE_LIMIT_MS = 25_000;
/** RFC 3550 §6.4.1: the count has five bits. */
const MAX_REPORT_BLOCKS = 31;
/** How long an SSRC is remembered after its BYE (RFC 3550 §6.2.1). */
const UINT32 = 2 ** 32;
const NO_CONTENT: Uint8Array = new Uint8Array(0);

export type CongestionFeedbackKind = 'transport-cc' | 'ccfb' | 'remb' | null;

export type RtpTransportOptions = {
  readonly random: RandomSource;
  /** Bytes of an RTP packet, at most; RTCP is kept to it too. */
  readonly maxPacketLength: number;
  /** Bytes of room behind each packet given to `sendRtp`. */
  readonly tailroom: number;
  /** What to add to the caller's clock to get Unix time in ms: sender reports tell the time of day. */
  readonly unixOffsetMs?: number;
  /** RFC 7022: the name all our sources share. */
  readonly cname?: string;
  /** Bits per second. */
  readonly startBitrate?: number;
  readonly minBitrate?: number;
  readonly maxBitrate?: number;
};

export type RtpTransportSink = {
  /** A plain packet in buffer[0, end), with `tailroom` bytes behind it: protect it and send it at once. */
  sendRtp(buffer: Uint8Array, end: number): void;
  /** A plain compound packet. */
  sendRtcp(packet: Uint8Array): void;
  event(event: RtpEvent): void;
};

export type RtpEvent =
  /** The peer cannot decode without a key frame. */
  | { readonly kind: 'keyFrameRequested'; readonly sender: RtpSender; readonly encoding: number }
  | { readonly kind: 'targetBitrate'; readonly rates: TargetRates };

/** What holds for all sections of a bundle. */
export type TransportParameters = {
  /** An id means the same in every section (RFC 9143 §14). */
  readonly extensions: ExtensionMap;
  readonly feedback: CongestionFeedbackKind;
  /** RFC 5506. */
  readonly reducedSize: boolean;
};

/** What a report of the peer's says about a stream of ours (W3C: RTCRemoteInboundRtpStreamStats). */
export type RemoteReception = {
  readonly block: ReportBlock;
  /** On our clock, in ms. */
  readonly receivedAt: number;
  /** Whether `block` told a round trip: the latest of `roundTrip`. */
  readonly measured: boolean;
  readonly roundTrip: RoundTripEstimator;
};

export type RtpTransportStats = {
  /** RTP that is no RTP. */
  malformedRtp: number;
  /** RTCP packets that could not be read. */
  malformed: number;
  rtcpSent: number;
  rtcpReceived: number;
  /** Packets whose section does not receive, or has no such codec. */
  unwanted: number;
  /** Congestion control feedback (RFC 8888). */
  ccfbSent: number;
  ccfbReceived: number;
};

type SendingStream = { readonly sender: RtpSender; readonly encoding: number; readonly stream: SendStream };

export class RtpTransport {
  readonly stats: RtpTransportStats = {
    malformedRtp: 0,
    malformed: 0,
    rtcpSent: 0,
    rtcpReceived: 0,
    unwanted: 0,
    ccfbSent: 0,
    ccfbReceived: 0,
  };
  readonly demultiplexer: Demultiplexer<ReceiveStream> = new Demultiplexer();
  /** By our SSRC. */
  readonly remoteReceptions: Map<number, RemoteReception> = new Map();
  /** The round trip as the peer's answers to our reference times tell it (RFC 3611 §4.5): for who only receives. */
  readonly receiverRoundTrip: RoundTripEstimator = new RoundTripEstimator();
  readonly #referenceTimes = new ReferenceTimes();
  readonly #options: RtpTransportOptions;
  readonly #sink: RtpTransportSink;
  readonly #events: EventQueue<RtpEvent>;
  readonly #allocator = new PacketAllocator();
  readonly #senders = new Set<RtpSender>();
  readonly #receivers = new Set<RtpReceiver>();
  readonly #receiverOf = new Map<string, RtpReceiver>();
  /** By every SSRC of ours, those of RTX included. */
  readonly #outgoing = new Map<number, SendingStream>();
  readonly #packet = new RtpPacket();
  readonly #repaired = new RtpPacket();
  readonly #content = new RtpPacket();
  readonly #controller: CongestionController;
  readonly #pacer: Pacer<OutgoingPacket>;
  readonly #feedbackSsrc: number;
  readonly #arrivals = new FeedbackRecorder();
  readonly #ecnArrivals = new CongestionFeedbackRecorder();
  /** What goes out at the end of the turn. */
  #feedback: RtcpPacket[] = [];
  #parameters: TransportParameters = { extensions: new ExtensionMap([]), feedback: null, reducedSize: false };
  #transportSequenceId = 0;
  #isConnected = false;
  #isClosed = false;
  #reportAt = Infinity;
  #roundTripMs = 0;
  #now = 0;

  constructor(options: RtpTransportOptions, sink: RtpTransportSink) {
    this.#options = options;
    this.#sink = sink;
    this.#events = new EventQueue((event) => sink.event(event));
    this.#feedbackSsrc = randomUint32(options.random);
    this.#pacer = new Pacer(
      {},
      {
        send: (packet, probe, now) => this.#leave(packet, probe, now),
        makePadding: (bytes, now) => this.#makePadding(bytes, now),
      },
    );
    const { startBitrate, minBitrate, maxBitrate } = options;
    this.#controller = new CongestionController(
      {
        pacer: this.#pacer,
        ...(startBitrate !== undefined && { startBitrate }),
        ...(minBitrate !== undefined && { minBitrate }),
        ...(maxBitrate !== undefined && { maxBitrate }),
      },
      { event: (event) => this.#events.push(event) },
    );
  }

  get nextTimeout(): number {
    if (!this.#isConnected) return Infinity;
    let next = this.#feedback.length > 0 ? this.#now : this.#reportAt;
    if (this.#isPaced) next = Math.min(next, this.#pacer.nextTimeout, this.#controller.nextTimeout);
    next = Math.min(next, this.#arrivals.nextTimeout, this.#ecnArrivals.nextTimeout);
    for (const sender of this.#senders) next = Math.min(next, sender.nextTimeout);
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) next = Math.min(next, stream.nextTimeout);
    }
    return next;
  }

  /** Bits per second that the path is thought to take; `null` where the peer gives no feedback. */
  get rates(): TargetRates | null {
    return this.#isPaced ? this.#controller.rates : null;
  }

  get pacer(): Pick<Pacer<OutgoingPacket>, 'stats' | 'queuedPackets' | 'expectedQueueTimeMs'> {
    return this.#pacer;
  }

  /** To the peer and back, as its reports tell; 0 while it is not known. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** @param sources the SSRCs of each encoding, which descriptions may have announced before there was a transport */
  createSender(kind: MediaKind, sources?: (encoding: number) => SenderSources): RtpSender {
    const { random, maxPacketLength, tailroom } = this.#options;
    const sender = new RtpSender(kind, {
      random,
      maxPacketLength,
      tailroom,
      allocator: this.#allocator,
      send: (packet) => this.#queue(packet),
      ...(sources && { sources }),
    });
    this.#senders.add(sender);
    return sender;
  }

  createReceiver(kind: MediaKind, sink: ReceiverSink): RtpReceiver {
    const receiver = new RtpReceiver(kind, sink, (stream) => this.#requestKeyFrame(stream));
    this.#receivers.add(receiver);
    return receiver;
  }

  /** The peer is told (BYE) and nothing more is sent. */
  removeSender(sender: RtpSender, now: number): void {
    this.#now = now;
    if (!this.#senders.delete(sender)) return;
    this.#sayGoodbye([sender]);
    sender.configure(null);
    this.#indexSenders();
  }

  removeReceiver(receiver: RtpReceiver): void {
    this.#receivers.delete(receiver);
    receiver.configure(null);
    this.#indexReceivers();
  }

  /** Negotiation is through: senders and receivers have been configured, and this is what they share. */
  configure(parameters: TransportParameters): void {
    this.#parameters = parameters;
    this.#transportSequenceId = parameters.extensions.id(transportSequenceExtension);
    this.#indexSenders();
    this.#indexReceivers();
  }

  /** There are keys: from now on packets go out. */
  connect(now: number): void {
    this.#now = now;
    this.#isConnected = true;
    this.#controller.start(now);
    this.#scheduleReport(now);
  }

  /** ICE has selected another pair: what was learned of the path is about another one. */
  handlePathChange(now: number): void {
    this.#now = now;
    this.#controller.onRouteChange(now);
  }

  handleRtp(bytes: Uint8Array, now: number): void {
    this.#now = now;
    const packet = this.#packet;
    if (!packet.read(bytes)) {
      this.stats.malformedRtp++;
      return;
    }
    const incoming = this.demultiplexer.route(packet);
    if (incoming === null) return;
    this.#noteArrival(packet, now);
    if (incoming.isRepair) this.#receiveRepair(packet, incoming, now);
    else this.#receive(packet, incoming, false, now);
    this.#events.flush();
  }

  handleRtcp(bytes: Uint8Array, now: number): void {
    this.#now = now;
    this.stats.rtcpReceived++;
    const packets = parseRtcp(bytes, this.stats);
    for (const packet of packets) if (packet.kind === 'sdes') this.demultiplexer.routeRtcp(packet);
    for (const packet of packets) this.#handleReport(packet, now);
    this.#events.flush();
  }

  handleTimeout(now: number): void {
    this.#now = now;
    if (!this.#isConnected) return;
    for (const sender of this.#senders) if (sender.nextTimeout <= now) sender.handleTimeout(now);
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) if (stream.nextTimeout <= now) stream.handleTimeout(now);
    }
    if (this.#isPaced) {
      if (this.#controller.nextTimeout <= now) this.#controller.handleTimeout(now);
      if (this.#pacer.nextTimeout <= now) this.#pacer.handleTimeout(now);
    }
    if (this.#arrivals.nextTimeout <= now) this.#feedback.push(...this.#arrivals.takeReports(this.#feedbackSsrc, now));
    if (this.#ecnArrivals.nextTimeout <= now) {
      this.#feedback.push(...this.#ecnArrivals.takeReports(this.#feedbackSsrc, now));
    }
    if (this.#reportAt <= now) {
      this.#sendReports(now);
      this.#scheduleReport(now);
    } else if (this.#feedback.length > 0) {
      this.#sendFeedback(now);
    }
    this.#events.flush();
  }

  /** Says goodbye for all that was sent. */
  close(now: number): void {
    this.#now = now;
    if (this.#isConnected && !this.#isClosed) this.#sayGoodbye([...this.#senders]);
    this.#isClosed = true;
    this.#isConnected = false;
  }

  // Sending

  /** Whether somebody tells us what arrives: else there is nothing to go by, and packets leave as they come. */
  get #isPaced(): boolean {
    return this.#parameters.feedback !== null;
  }

  #queue(packet: OutgoingPacket): void {
    if (!this.#isConnected) return;
    if (!this.#isPaced) {
      this.#leave(packet, null, this.#now);
      return;
    }
    this.#pacer.enqueue(packet, packet.queuedAt);
    if (this.#pacer.nextTimeout <= packet.queuedAt) this.#pacer.handleTimeout(packet.queuedAt);
  }

  #leave(packet: OutgoingPacket, probe: ProbeCluster | null, now: number): void {
    const { buffer, end, absSendTimeAt, transportSequenceAt, stream, kind } = packet;
    stream.stats.totalPacketSendDelayMs += now - packet.queuedAt;
    if (absSendTimeAt > 0) setU24(buffer, absSendTimeAt, absSendTime(now));
    const isNumbered = transportSequenceAt > 0 || this.#parameters.feedback === 'ccfb';
    const transportSequenceNumber = isNumbered ? this.#controller.takeSequenceNumber() : null;
    if (transportSequenceAt > 0) setU16(buffer, transportSequenceAt, transportSequenceNumber!);
    const rtpSequenceNumber = u16(buffer, RTP.sequenceNumber);
    this.#sink.sendRtp(buffer, end);
    if (!this.#isPaced) return;
    const { ssrc } = stream;
    const sizeBytes = end + this.#options.tailroom;
    this.#controller.onPacketSent({ transportSequenceNumber, sizeBytes, kind, ssrc, rtpSequenceNumber, probe }, now);
  }

  #makePadding(bytes: number, now: number): OutgoingPacket[] {
    const packets: OutgoingPacket[] = [];
    let left = bytes;
    for (const { stream } of this.#outgoing.values()) {
      while (left > 0) {
        const packet = stream.makePadding(now);
        if (packet === null) break;
        packets.push(packet);
        left -= packet.sizeBytes;
      }
    }
    return packets;
  }

  #indexSenders(): void {
    for (const ssrc of this.#outgoing.keys()) this.demultiplexer.removeOutgoing(ssrc);
    this.#outgoing.clear();
    for (const sender of this.#senders) {
      sender.streams.forEach((stream, encoding) => {
        for (const ssrc of [stream.ssrc, stream.rtxSsrc]) {
          if (ssrc === null) continue;
          this.#outgoing.set(ssrc, { sender, encoding, stream });
          this.demultiplexer.addOutgoing(ssrc);
        }
      });
    }
    for (const ssrc of this.remoteReceptions.keys()) if (!this.#outgoing.has(ssrc)) this.remoteReceptions.delete(ssrc);
  }

  // Receiving

  #indexReceivers(): void {
    this.#receiverOf.clear();
    const sections = [...this.#receivers].flatMap((receiver) => {
      const { configuration } = receiver;
      if (configuration === null || !configuration.isReceiving) return [];
      const { mid, codecs, rids, sources } = configuration;
      this.#receiverOf.set(mid, receiver);
      const isRepair = ({ role }: { readonly role: string }): boolean => role === 'rtx' || role === 'flexfec';
      return {
        mid,
        rids,
        payloadTypes: codecs.map(({ payloadType }) => payloadType),
        repairPayloadTypes: codecs.filter(isRepair).map(({ payloadType }) => payloadType),
        ssrcs: sources.flatMap(({ ssrc, rtxSsrc }) =>
          rtxSsrc === null ? [{ ssrc }] : [{ ssrc }, { ssrc: rtxSsrc, repairs: ssrc }],
        ),
      };
    });
    this.demultiplexer.configure(sections, this.#parameters.extensions);
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) {
        if (this.demultiplexer.stream(stream.ssrc)?.context !== stream) this.#end(receiver, stream);
      }
    }
  }

  #noteArrival(packet: RtpPacket, now: number): void {
    if (this.#parameters.feedback === 'ccfb') {
      this.#ecnArrivals.onPacket(packet.ssrc, packet.sequenceNumber, now);
    } else if (this.#parameters.feedback === 'transport-cc' && this.#transportSequenceId !== 0) {
      const at = packet.findExtension(this.#transportSequenceId);
      if (at >= 0) this.#arrivals.onPacket(u16(packet.bytes, at), packet.ssrc, now);
    }
  }

  /** RFC 4588: what comes as RTX is a packet of the stream that it repairs. */
  #receiveRepair(packet: RtpPacket, incoming: IncomingStream<ReceiveStream>, now: number): void {
    const primary = this.demultiplexer.primaryOf(incoming);
    const codec = this.#receiverOf.get(incoming.mid)?.codec(packet.payloadType);
    if (primary === null || codec?.role !== 'rtx' || codec.associatedPayloadType === null) return;
    const original = unwrapRtx(packet, primary.ssrc, codec.associatedPayloadType);
    if (original === null || !this.#repaired.read(original)) return; // padding
    if (primary.context) primary.context.rtxSsrc = incoming.ssrc;
    this.#receive(this.#repaired, primary, true, now);
  }

  #receive(packet: RtpPacket, incoming: IncomingStream<ReceiveStream>, isRepair: boolean, now: number): void {
    const receiver = this.#receiverOf.get(incoming.mid);
    const codec = receiver?.codec(packet.payloadType);
    if (receiver === undefined || codec === undefined) {
      this.stats.unwanted++;
      return;
    }
    const stream = incoming.context ?? this.#begin(receiver, incoming);
    stream.rid = incoming.rid;
    if (!stream.receive(packet, codec, isRepair, now)) return;
    if (codec.role === 'red') this.#receiveRed(receiver, packet, stream, isRepair, now);
    else this.#deliver(receiver, packet, codec, stream, isRepair, now);
  }

  #deliver(
    receiver: RtpReceiver,
    packet: RtpPacket,
    codec: NegotiatedRtpCodec,
    stream: ReceiveStream,
    isRepair: boolean,
    now: number,
  ): void {
    if (codec.role === 'media') stream.addContent(packet, codec, receiver.audioLevel(packet), now);
    receiver.sink.packet(packet, codec, stream, isRepair, now);
  }

  /** RFC 2198: what is inside, as packets of their own; the redundant ones only where they were lost. */
  #receiveRed(receiver: RtpReceiver, outer: RtpPacket, stream: ReceiveStream, isRepair: boolean, now: number): void {
    const { sequenceNumber, timestamp } = outer;
    const blocks =
      receiver.kind === 'audio' ? stream.red.receive(outer.payload, timestamp) : decodeRed(outer.payload, timestamp);
    for (const { payloadType, timestamp: at, data, age } of blocks ?? []) {
      const codec = receiver.codec(payloadType);
      const isMedia = codec?.role === 'media';
      if (codec === undefined || (!isMedia && age > 0)) continue;
      // FEC has a number and no content: an empty packet, so that what forwards the stream leaves no gap for it.
      const content = withContent(outer, payloadType, (sequenceNumber - age) & 0xffff, at, isMedia ? data : NO_CONTENT);
      if (!this.#content.read(content)) continue;
      if (!isMedia) stream.addFiller(sequenceNumber, now);
      this.#deliver(receiver, this.#content, codec, stream, isRepair || age > 0, now);
    }
  }

  #begin(receiver: RtpReceiver, incoming: IncomingStream<ReceiveStream>): ReceiveStream {
    const { ssrc } = incoming;
    const stream: ReceiveStream = new ReceiveStream(ssrc, receiver.kind, {
      nack: (sequenceNumbers) => {
        this.#feedback.push({ kind: 'nack', senderSsrc: this.#feedbackSsrc, mediaSsrc: ssrc, sequenceNumbers });
      },
      requestKeyFrame: () => this.#requestKeyFrame(stream),
    });
    if (this.#roundTripMs > 0) stream.roundTripMs = this.#roundTripMs;
    incoming.context = stream;
    receiver.applyTo(stream, this.#now);
    receiver.streams.set(ssrc, stream);
    return stream;
  }

  #end(receiver: RtpReceiver, stream: ReceiveStream): void {
    receiver.streams.delete(stream.ssrc);
    receiver.sink.ended(stream);
  }

  #requestKeyFrame(stream: ReceiveStream): void {
    if (!stream.mayRequestKeyFrame(this.#now)) return;
    this.#feedback.push({ kind: 'pli', senderSsrc: this.#feedbackSsrc, mediaSsrc: stream.ssrc });
  }

  // RTCP from the peer

  #handleReport(packet: RtcpPacket, now: number): void {
    switch (packet.kind) {
      case 'senderReport':
        this.demultiplexer.stream(packet.ssrc)?.context?.noteSenderReport(packet, now);
        this.#handleReportBlocks(packet.reports, now);
        return;
      case 'receiverReport':
        this.#handleReportBlocks(packet.reports, now);
        return;
      case 'nack': {
        const sending = this.#outgoing.get(packet.mediaSsrc);
        sending?.stream.retransmit(packet.sequenceNumbers, this.#roundTripMs, now);
        return;
      }
      case 'pli':
        this.#handleKeyFrameRequest(packet.mediaSsrc, 'pliCount');
        return;
      case 'fir':
        for (const { ssrc } of packet.requests) this.#handleKeyFrameRequest(ssrc, 'firCount');
        return;
      case 'remb':
        this.#controller.onRemb(packet.bitrate, now);
        return;
      case 'transportFeedback':
        this.#controller.onTransportFeedback(packet, now);
        return;
      case 'congestionFeedback':
        this.stats.ccfbReceived++;
        this.#controller.onCongestionFeedback(packet, now);
        return;
      case 'bye':
        for (const ssrc of packet.ssrcs) this.#handleGoodbye(ssrc);
        return;
      case 'extendedReport':
        this.#handleExtendedReport(packet, now);
        return;
      case 'sdes':
      case 'app':
      case 'unknown':
        return;
      default:
        packet satisfies never;
    }
  }

  #handleReportBlocks(blocks: readonly ReportBlock[], now: number): void {
    let measured: number | null = null;
    for (const block of blocks) {
      const sending = this.#outgoing.get(block.ssrc);
      if (sending === undefined) continue;
      sending.stream.noteReported();
      const roundTrip = this.remoteReceptions.get(block.ssrc)?.roundTrip ?? new RoundTripEstimator();
      const trip = roundTrip.receiveReportBlock(block, this.#ntp(now));
      if (trip !== null) measured = trip;
      this.remoteReceptions.set(block.ssrc, { block, receivedAt: now, measured: trip !== null, roundTrip });
    }
    if (measured !== null) this.#noteRoundTrip(measured);
    this.#controller.onReceiverReport(blocks, measured, now);
  }

  /** RFC 3611 §4.4, §4.5: a time that we shall send back, or one of ours that comes back. */
  #handleExtendedReport({ ssrc, blocks }: ExtendedReport, now: number): void {
    for (const block of blocks) {
      if (block.kind === 'receiverReferenceTime') {
        this.#referenceTimes.receive(ssrc, block.ntpTimestamp, now);
        continue;
      }
      for (const report of block.reports) {
        if (report.ssrc !== this.#feedbackSsrc) continue;
        const trip = this.receiverRoundTrip.receiveDlrr(report, this.#ntp(now));
        if (trip !== null) this.#noteRoundTrip(trip);
      }
    }
  }

  #noteRoundTrip(trip: number): void {
    this.#roundTripMs = trip;
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) stream.roundTripMs = trip;
    }
  }

  #handleKeyFrameRequest(ssrc: number, counter: 'pliCount' | 'firCount'): void {
    const sending = this.#outgoing.get(ssrc);
    if (sending === undefined) return;
    const { sender, encoding, stream } = sending;
    stream.stats[counter]++;
    this.#events.push({ kind: 'keyFrameRequested', sender, encoding });
  }

  #handleGoodbye(ssrc: number): void {
    const incoming = this.demultiplexer.stream(ssrc);
    const receiver = incoming && this.#receiverOf.get(incoming.mid);
    if (!incoming?.context || receiver === undefined) return;
    this.#end(receiver, incoming.context);
    incoming.context = undefined;
    this.demultiplexer.remove(ssrc);
  }

  // RTCP to the peer

  #scheduleReport(now: number): void {
    this.#reportAt = now + REPORT_INTERVAL_MS * randomBetween(this.#options.random, ...REPORT_JITTER);
  }

  /** A compound packet: reports on all streams, the names of ours, and what else is waiting (RFC 3550 §6.1). */
  #sendReports(now: number): void {
    const blocks = this.#reportBlocks(now);
    const sending = new Set<SendStream>();
    for (const { stream } of this.#outgoing.values()) if (stream.hasSent) sending.add(stream);
    const reports: RtcpPacket[] = Array.from(sending, (stream) => ({
      kind: 'senderReport',
      ssrc: stream.ssrc,
      ntpTimestamp: this.#ntp(now),
      rtpTimestamp: stream.timestampAt(now),
      // Of this SSRC alone: RTX has another one.
      packetCount: (stream.stats.packetsSent - stream.stats.rtxPacketsSent) % UINT32,
      octetCount: (stream.stats.bytesSent - stream.stats.rtxBytesSent) % UINT32,
      reports: blocks.splice(0, MAX_REPORT_BLOCKS),
    }));
    while (blocks.length > 0 || reports.length === 0) {
      reports.push({ kind: 'receiverReport', ssrc: this.#feedbackSsrc, reports: blocks.splice(0, MAX_REPORT_BLOCKS) });
    }
    const chunks = Array.from(sending, ({ ssrc }) => this.#describe(ssrc));
    reports.push(...this.#extendedReport(sending, now));
    while (chunks.length > 0) reports.push({ kind: 'sdes', chunks: chunks.splice(0, MAX_REPORT_BLOCKS) });
    if (this.#receivers.size === 0 && sending.size === 0 && this.#feedback.length === 0) return;
    this.#sendRtcp([...reports, ...this.#takeFeedback()]);
  }

  /**
   * The round trip for those who send nothing, ourselves or the peer (RFC 3611). It is not negotiated: §5 lets blocks go
   * without that, and who does not know them skips them.
   */
  #extendedReport(sending: ReadonlySet<SendStream>, now: number): ExtendedReport[] {
    const reports = this.#referenceTimes.takeDlrr(now);
    const [first] = sending;
    if (first !== undefined) {
      if (reports.length === 0) return [];
      return [{ kind: 'extendedReport', ssrc: first.ssrc, blocks: [{ kind: 'dlrr', reports }] }];
    }
    const receives = [...this.#receivers].some(({ streams }) => streams.size > 0);
    if (!receives) return [];
    const ntpTimestamp = this.#ntp(now);
    return [
      { kind: 'extendedReport', ssrc: this.#feedbackSsrc, blocks: [{ kind: 'receiverReferenceTime', ntpTimestamp }] },
    ];
  }

  #sendFeedback(now: number): void {
    const feedback = this.#takeFeedback();
    if (this.#parameters.reducedSize && isReducedSize(feedback)) this.#sendRtcp(feedback);
    else this.#sendRtcp([{ kind: 'receiverReport', ssrc: this.#feedbackSsrc, reports: [] }, ...feedback]);
    void now;
  }

  #takeFeedback(): RtcpPacket[] {
    const feedback = this.#feedback;
    this.#feedback = [];
    return feedback;
  }

  #reportBlocks(now: number): ReportBlock[] {
    const blocks: ReportBlock[] = [];
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) {
        if (now - stream.lastHeardAt > SILENCE_LIMIT_MS && !stream.isSilent) {
          stream.isSilent = true;
          receiver.sink.ended(stream);
        }
        if (stream.isSilent) continue; // §6.4: "from which … received since the last report"
        const { ssrc, reception, remoteReport } = stream;
        const last = remoteReport === null ? 0 : ntpMiddle32(remoteReport.report.ntpTimestamp);
        const delay = remoteReport === null ? 0 : shortNtpFromMs(now - remoteReport.receivedAt);
        blocks.push(reception.report(ssrc, last, delay));
      }
    }
    return blocks;
  }

  #describe(ssrc: number): SdesChunk {
    return { ssrc, items: [{ type: SDES_ITEM.cname, text: this.#options.cname ?? '' }] };
  }

  #sayGoodbye(senders: readonly RtpSender[]): void {
    if (!this.#isConnected) return;
    const ssrcs = senders.flatMap(({ streams }) =>
      streams.flatMap(({ hasSent, ssrc, rtxSsrc }) => (hasSent ? [ssrc, ...(rtxSsrc === null ? [] : [rtxSsrc])] : [])),
    );
    const packets: RtcpPacket[] = [{ kind: 'receiverReport', ssrc: this.#feedbackSsrc, reports: [] }];
    if (ssrcs.length === 0) return;
    while (ssrcs.length > 0) packets.push({ kind: 'bye', ssrcs: ssrcs.splice(0, MAX_REPORT_BLOCKS) });
    this.#sendRtcp(packets);
  }

  #sendRtcp(packets: readonly RtcpPacket[]): void {
    for (const { kind } of packets) if (kind === 'congestionFeedback') this.stats.ccfbSent++;
    for (const datagram of encodeRtcpDatagrams(packets, this.#options.maxPacketLength)) {
      this.stats.rtcpSent++;
      this.#sink.sendRtcp(datagram);
    }
  }

  #ntp(now: number): bigint {
    return ntpFromUnixMs(now + (this.#options.unixOffsetMs ?? 0));
  }
}
