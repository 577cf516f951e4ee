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
import { setU16, setU24, u16, u24, u32 } from '../binary/bytes.ts';
import { PacketAllocator } from '../binary/packet-allocator.ts';
import { EventQueue, type RandomSource } from '../machine.ts';
import type { MediaKind } from './codecs.ts';
import {
  CongestionController,
  CongestionFeedbackRecorder,
  FeedbackRecorder,
  Pacer,
  type ProbeCluster,
  RemoteBitrateEstimator,
  type TargetRates,
} from './congestion/index.ts';
import { Demultiplexer, type IncomingStream } from './demultiplexer.ts';
import { ExtensionMap } from './extensions/extension-map.ts';
import { absSendTime, absSendTimeExtension } from './extensions/timing.ts';
import { transportSequenceExtension } from './extensions/transport-sequence.ts';
import type { NegotiatedRtpCodec } from './negotiated-codec.ts';
import { RTP, RtpPacket } from './packet.ts';
import { withContent } from './receive/content.ts';
import { type Arrival, type KeyFrameRequest, ReceiveStream } from './receive/receive-stream.ts';
import { type ReceiverSink, RtpReceiver } from './receive/rtp-receiver.ts';
import { StreamFec } from './receive/stream-fec.ts';
import { decodeRed } from './repair/red.ts';
import { unwrapRtx } from './repair/rtx.ts';
import { parseRtcp } from './rtcp/compound.ts';
import { ntpFromUnixMs, unixMsFromNtp } from './rtcp/ntp.ts';
import type { ExtendedReport, ReportBlock, RtcpPacket, SenderReport } from './rtcp/types.ts';
import { RtcpOutput } from './rtcp-output.ts';
import { RtpSender, type SenderSources } from './send/rtp-sender.ts';
import type { OutgoingPacket, SendStream } from './send/send-stream.ts';
import { signed16 } from './sequence.ts';
import { ReferenceTimes, RoundTripEstimator } from './statistics/round-trip.ts';

/** RFC 3550 §6.3.5: five intervals, of the 5 s that they are at least for peers that do not use AVPF. */
const SILENCE_LIMIT_MS = 25_000;
/** How long an SSRC is remembered after its BYE: stragglers must not make a stream of it again (RFC 3550 §6.2.1). */
const GOODBYE_MS = 2_000;
/** Bound: SSRCs that said goodbye. The oldest is forgotten; its stragglers make a stream, which a BYE had ended. */
const MAX_GOODBYES = 64;
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
  /** What its senders begin with: see there. */
  readonly fecProtection?: number;
  readonly redundancy?: number;
};

export type RtpTransportSink = {
  /**
   * A plain packet in buffer[0, end), with `tailroom` bytes behind it: protect it and send it at once.
   * @param keep shown the protected packet before it is sent, for as long as the call lasts
   */
  sendRtp(buffer: Uint8Array, end: number, keep: ((sealed: Uint8Array) => void) | null): void;
  /** Sends a packet again as `keep` got it: SRTP seals no number twice. */
  sendSealed(packet: Uint8Array): void;
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
  readonly rtcpSent: number;
  rtcpReceived: number;
  /** Packets whose section does not receive, or has no such codec. */
  unwanted: number;
  /** Congestion control feedback (RFC 8888). */
  readonly ccfbSent: number;
  ccfbReceived: number;
};

type SendingStream = { readonly sender: RtpSender; readonly encoding: number; readonly stream: SendStream };

export class RtpTransport {
  readonly stats: RtpTransportStats;
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
  /** By every SSRC of ours, those of repair included. */
  readonly #outgoing = new Map<number, SendingStream>();
  readonly #packet = new RtpPacket();
  readonly #repaired = new RtpPacket();
  readonly #content = new RtpPacket();
  readonly #controller: CongestionController;
  readonly #pacer: Pacer<OutgoingPacket>;
  readonly #recovered = new RtpPacket();
  readonly #rtcp: RtcpOutput;
  /** What the peer is told where it goes by REMB. */
  #remoteEstimator: RemoteBitrateEstimator | null = null;
  /** Of streams that said goodbye: the last number, and when that is forgotten. */
  readonly #goodbyes = new Map<number, { readonly highest: number; readonly until: number }>();
  readonly #arrivals = new FeedbackRecorder();
  readonly #ecnArrivals = new CongestionFeedbackRecorder();
  #parameters: TransportParameters = { extensions: new ExtensionMap([]), feedback: null, reducedSize: false };
  #transportSequenceId = 0;
  #absSendTimeId = 0;
  #isConnected = false;
  #isClosed = false;
  /** Streams that the demultiplexer has forgotten, as far as we know. */
  #forgotten = 0;
  #firSequenceNumber = 0;
  #roundTripMs = 0;
  /** From the peer's clock to ours, transit included; `null` before its first report. */
  #clockDifferenceMs: number | null = null;
  #now = 0;

  constructor(options: RtpTransportOptions, sink: RtpTransportSink) {
    this.#options = options;
    this.#sink = sink;
    this.#events = new EventQueue((event) => sink.event(event));
    const { random, cname = '', unixOffsetMs = 0, maxPacketLength } = options;
    const rtcp = new RtcpOutput(
      { random, cname, unixOffsetMs, maxPacketLength },
      {
        send: (datagram) => sink.sendRtcp(datagram),
        streams: () => this.#sendStreams(),
        reportBlocks: (now) => this.#reportBlocks(now),
        takeDlrr: (now) => this.#referenceTimes.takeDlrr(now),
        receivesMedia: () => [...this.#receivers].some(({ streams }) => streams.size > 0),
      },
    );
    this.#rtcp = rtcp;
    this.stats = {
      malformedRtp: 0,
      malformed: 0,
      get rtcpSent() {
        return rtcp.sent;
      },
      rtcpReceived: 0,
      unwanted: 0,
      get ccfbSent() {
        return rtcp.ccfbSent;
      },
      ccfbReceived: 0,
    };
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
    let next = Math.min(this.#rtcp.nextTimeout, this.#arrivals.nextTimeout, this.#ecnArrivals.nextTimeout);
    if (this.#remoteEstimator !== null) next = Math.min(next, this.#remoteEstimator.nextTimeout);
    if (this.#isPaced) next = Math.min(next, this.#controller.nextTimeout);
    next = Math.min(next, this.#pacer.nextTimeout);
    for (const sender of this.#senders) next = Math.min(next, sender.nextTimeout);
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) next = Math.min(next, stream.nextTimeout);
    }
    return Math.max(next, this.#now);
  }

  /** Whether there are keys: what is sent before goes nowhere. */
  get isConnected(): boolean {
    return this.#isConnected;
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
    const { random, maxPacketLength, tailroom, fecProtection, redundancy } = this.#options;
    const sender = new RtpSender(kind, {
      random,
      maxPacketLength,
      tailroom,
      allocator: this.#allocator,
      send: (packet) => this.#queue(packet),
      ...(sources && { sources }),
    });
    if (fecProtection !== undefined) sender.fecProtection = fecProtection;
    if (redundancy !== undefined) sender.redundancy = redundancy;
    this.#senders.add(sender);
    this.#noteActivity();
    return sender;
  }

  createReceiver(kind: MediaKind, sink: ReceiverSink): RtpReceiver {
    const receiver = new RtpReceiver(kind, sink, (stream) => stream.requestKeyFrame(this.#now));
    this.#receivers.add(receiver);
    this.#noteActivity();
    return receiver;
  }

  /** The peer is told (BYE) and nothing more is sent. */
  removeSender(sender: RtpSender, now: number): void {
    this.#now = now;
    if (!this.#senders.delete(sender)) return;
    this.#endStreams(sender);
    sender.configure(null);
    this.#indexSenders();
    this.#noteActivity();
  }

  /** As if it were another one: the peer is told (BYE), and what is sent from now on has SSRCs of its own. */
  renewSender(sender: RtpSender, now: number): void {
    this.#now = now;
    this.#endStreams(sender);
    sender.renewStreams();
    this.#indexSenders();
  }

  #endStreams(sender: RtpSender): void {
    const streams = new Set(sender.streams);
    this.#pacer.remove(({ stream }) => streams.has(stream));
    this.#sayGoodbye([sender]);
  }

  removeReceiver(receiver: RtpReceiver): void {
    this.#receivers.delete(receiver);
    receiver.configure(null);
    this.#indexReceivers();
    for (const stream of receiver.streams.values()) this.#end(receiver, stream);
    this.#noteActivity();
  }

  /** Negotiation is through: senders and receivers have been configured, and this is what they share. */
  configure(parameters: TransportParameters): void {
    this.#parameters = parameters;
    this.#transportSequenceId = parameters.extensions.id(transportSequenceExtension);
    this.#absSendTimeId = parameters.extensions.id(absSendTimeExtension);
    this.#rtcp.allowsReducedSize = parameters.reducedSize;
    if (parameters.feedback !== 'remb') this.#remoteEstimator = null;
    else this.#remoteEstimator ??= new RemoteBitrateEstimator();
    this.#noteActivity();
    this.#indexSenders();
    this.#indexReceivers();
  }

  /** There are keys: from now on packets go out. */
  connect(now: number): void {
    if (this.#isClosed) return;
    this.#now = now;
    this.#isConnected = true;
    this.#controller.start(now);
    this.#rtcp.start(now);
    this.#noteActivity();
  }

  /** ICE has selected another pair: what was learned of the path is about another one. */
  handlePathChange(now: number): void {
    this.#now = now;
    this.#controller.onRouteChange(now);
  }

  handleRtp(bytes: Uint8Array, now: number): void {
    if (this.#isClosed) return;
    this.#now = now;
    const packet = this.#packet;
    if (!packet.read(bytes)) {
      this.stats.malformedRtp++;
      return;
    }
    this.#noteArrival(packet, now);
    const incoming = this.demultiplexer.route(packet);
    if (incoming !== null && !this.#isStraggler(packet, incoming, now)) {
      if (incoming.isRepair) this.#receiveRepair(packet, incoming, now);
      else this.#receive(packet, incoming, 'network', now);
    }
    this.#events.flush();
  }

  handleRtcp(bytes: Uint8Array, now: number): void {
    if (this.#isClosed) return;
    this.#now = now;
    this.stats.rtcpReceived++;
    this.#rtcp.noteReceived(bytes.length);
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
    if (this.#isPaced && this.#controller.nextTimeout <= now) this.#controller.handleTimeout(now);
    if (this.#pacer.nextTimeout <= now) this.#pacer.handleTimeout(now);
    this.#takeFeedback(now);
    if (this.#rtcp.nextTimeout <= now) this.#rtcp.handleTimeout(now);
    this.#events.flush();
  }

  /** Says goodbye for all that was sent. */
  close(now: number): void {
    this.#now = now;
    if (this.#isConnected && !this.#isClosed) this.#sayGoodbye([...this.#senders]);
    this.abandon();
  }

  /** The keys are gone: nothing is sent any more, and nothing taken. */
  abandon(): void {
    this.#isClosed = true;
    this.#isConnected = false;
    this.#rtcp.stop();
    this.#pacer.remove(() => true);
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
    if (!stream.hasSent) this.#rtcp.noteFirstPacket(now);
    stream.noteLeft(packet, now);
    if (absSendTimeAt > 0) setU24(buffer, absSendTimeAt, absSendTime(now));
    const { feedback } = this.#parameters;
    const number = transportSequenceAt > 0 || feedback === 'ccfb' ? this.#controller.takeSequenceNumber() : null;
    if (transportSequenceAt > 0) setU16(buffer, transportSequenceAt, number!);
    // Who reports by REMB reports on no packet: to wait for that would look like a path that is broken.
    const transportSequenceNumber = feedback === 'remb' ? null : number;
    const ssrc = u32(buffer, RTP.ssrc); // RTX has its own, and feedback is about that
    const rtpSequenceNumber = u16(buffer, RTP.sequenceNumber);
    if (packet.isProtected) this.#sink.sendSealed(buffer);
    else
      this.#sink.sendRtp(buffer, end, stream.keepsSealed(packet) ? (sealed) => stream.keepSealed(sealed, now) : null);
    if (!this.#isPaced) return;
    const sizeBytes = packet.isProtected ? end : end + this.#options.tailroom;
    this.#controller.onPacketSent({ transportSequenceNumber, sizeBytes, kind, ssrc, rtpSequenceNumber, probe }, now);
  }

  #makePadding(bytes: number, now: number): OutgoingPacket[] {
    const packets: OutgoingPacket[] = [];
    let left = bytes;
    for (const { stream, sender } of this.#outgoing.values()) {
      while (left > 0 && sender.isSending) {
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
        for (const ssrc of stream.ssrcs) {
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
        ssrcs: sources.flatMap(({ ssrc, rtxSsrc, fecSsrc = null }) => [
          { ssrc },
          ...[rtxSsrc, fecSsrc].flatMap((repair) => (repair === null ? [] : { ssrc: repair, repairs: ssrc })),
        ]),
      };
    });
    this.demultiplexer.configure(sections, this.#parameters.extensions);
    this.#endForgotten();
  }

  /** For congestion control, which is about the path: it does not matter whose a packet is. */
  #noteArrival(packet: RtpPacket, now: number): void {
    const { feedback } = this.#parameters;
    if (feedback === 'ccfb') {
      this.#ecnArrivals.onPacket(packet.ssrc, packet.sequenceNumber, now);
    } else if (feedback === 'transport-cc' && this.#transportSequenceId !== 0) {
      const at = packet.findExtension(this.#transportSequenceId);
      if (at >= 0 && packet.extensionLength(at) >= 2) this.#arrivals.onPacket(u16(packet.bytes, at), packet.ssrc, now);
    } else if (feedback === 'remb' && this.#absSendTimeId !== 0) {
      const at = packet.findExtension(this.#absSendTimeId);
      if (at < 0 || packet.extensionLength(at) !== 3) return;
      this.#remoteEstimator?.onPacket(packet.ssrc, u24(packet.bytes, at), packet.bytes.length, now);
    }
  }

  /** What its BYE has overtaken. A source that begins anew has higher numbers, or others altogether. */
  #isStraggler(packet: RtpPacket, incoming: IncomingStream<ReceiveStream>, now: number): boolean {
    const goodbye = incoming.context === undefined ? this.#goodbyes.get(packet.ssrc) : undefined;
    if (goodbye === undefined) return false;
    const isBefore = now < goodbye.until && signed16(packet.sequenceNumber - goodbye.highest) <= 0;
    if (isBefore) this.demultiplexer.remove(packet.ssrc);
    else this.#goodbyes.delete(packet.ssrc);
    return isBefore;
  }

  /** RFC 4588: what comes as RTX is a packet of the stream that it repairs. */
  #receiveRepair(packet: RtpPacket, incoming: IncomingStream<ReceiveStream>, now: number): void {
    const primary = this.demultiplexer.primaryOf(incoming);
    const codec = this.#receiverOf.get(incoming.mid)?.codec(packet.payloadType);
    if (primary === null || codec === undefined) return;
    if (codec.role === 'flexfec') {
      if (primary.context !== undefined) this.#receiveFec('flexfec', packet.payload, primary.context, primary);
      return;
    }
    if (codec.role !== 'rtx' || codec.associatedPayloadType === null) return;
    const original = unwrapRtx(packet, primary.ssrc, codec.associatedPayloadType);
    if (original === null || !this.#repaired.read(original)) return; // padding
    if (primary.context) primary.context.rtxSsrc = incoming.ssrc;
    this.#receive(this.#repaired, primary, 'retransmission', now);
  }

  #receive(packet: RtpPacket, incoming: IncomingStream<ReceiveStream>, arrival: Arrival, now: number): void {
    const receiver = this.#receiverOf.get(incoming.mid);
    const codec = receiver?.codec(packet.payloadType);
    if (receiver === undefined || codec === undefined || codec.role === 'rtx') {
      this.stats.unwanted++;
      return;
    }
    const isRed = codec.role === 'red' && packet.payloadLength > 0;
    const content = (isRed ? receiver.codec(packet.payload[0]! & PAYLOAD_TYPE_MASK) : undefined) ?? codec;
    const stream = incoming.context ?? this.#begin(receiver, incoming, content);
    stream.rid = incoming.rid;
    if (!stream.receive(packet, content, arrival, now)) return;
    if (isRed) this.#receiveRed(receiver, packet, stream, incoming, arrival, now);
    else this.#deliver(receiver, packet, codec, stream, arrival, now);
    if (arrival === 'network' && !isRed) stream.fec?.receiveMedia(packet.bytes);
  }

  #deliver(
    receiver: RtpReceiver,
    packet: RtpPacket,
    codec: NegotiatedRtpCodec,
    stream: ReceiveStream,
    arrival: Arrival,
    now: number,
  ): void {
    if (codec.role === 'media') stream.addContent(packet, codec, receiver.audioLevel(packet), now);
    else if (codec.role !== 'telephoneEvent') stream.addFiller(packet.sequenceNumber, now);
    receiver.sink.packet(packet, codec, stream, arrival !== 'network', now);
  }

  /** RFC 2198: what is inside, as packets of their own; the redundant ones only where they were lost. */
  #receiveRed(
    receiver: RtpReceiver,
    outer: RtpPacket,
    stream: ReceiveStream,
    incoming: IncomingStream<ReceiveStream>,
    arrival: Arrival,
    now: number,
  ): void {
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
      this.#deliver(receiver, this.#content, codec, stream, age > 0 ? 'recovery' : arrival, now);
      if (codec.role === 'ulpfec') this.#receiveFec('ulpfec', data, stream, incoming);
      else if (arrival === 'network' && age === 0) stream.fec?.receiveMedia(content);
    }
  }

  /** RFC 5109: packets that were lost come out of the others. Nothing is kept for it before the first packet of FEC. */
  #receiveFec(
    scheme: 'ulpfec' | 'flexfec',
    payload: Uint8Array,
    stream: ReceiveStream,
    incoming: IncomingStream<ReceiveStream>,
  ): void {
    stream.stats.fecPacketsReceived++;
    stream.stats.fecBytesReceived += payload.length;
    if (stream.fec?.scheme !== scheme) {
      stream.fec = new StreamFec(scheme, stream.ssrc, this.#parameters.extensions, (bytes) => {
        if (this.#recovered.read(bytes)) this.#receive(this.#recovered, incoming, 'recovery', this.#now);
      });
    }
    stream.fec.receiveFec(payload);
  }

  #begin(receiver: RtpReceiver, incoming: IncomingStream<ReceiveStream>, codec: NegotiatedRtpCodec): ReceiveStream {
    const { ssrc } = incoming;
    const stream = new ReceiveStream(ssrc, receiver.kind, codec, {
      nack: (sequenceNumbers) => {
        const senderSsrc = this.#rtcp.ssrc;
        this.#rtcp.push({ kind: 'nack', senderSsrc, mediaSsrc: ssrc, sequenceNumbers }, this.#now);
      },
      requestKeyFrame: (request) => this.#requestKeyFrame(ssrc, request),
    });
    if (this.#roundTripMs > 0) stream.roundTripMs = this.#roundTripMs;
    incoming.context = stream;
    receiver.streams.set(ssrc, stream);
    receiver.applyTo(stream, this.#now);
    if (this.#forgotten !== this.demultiplexer.stats.forgotten) this.#endForgotten();
    return stream;
  }

  /** The demultiplexer had to make room: nothing of what it forgot is kept here. */
  #endForgotten(): void {
    this.#forgotten = this.demultiplexer.stats.forgotten;
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) {
        if (this.demultiplexer.stream(stream.ssrc)?.context !== stream) this.#end(receiver, stream);
      }
    }
  }

  #end(receiver: RtpReceiver, stream: ReceiveStream): void {
    receiver.streams.delete(stream.ssrc);
    receiver.sink.ended(stream);
  }

  #requestKeyFrame(ssrc: number, request: KeyFrameRequest): void {
    const senderSsrc = this.#rtcp.ssrc;
    if (request === 'pli') {
      this.#rtcp.push({ kind: 'pli', senderSsrc, mediaSsrc: ssrc }, this.#now);
      return;
    }
    this.#firSequenceNumber = (this.#firSequenceNumber + 1) & 0xff;
    const requests = [{ ssrc, sequenceNumber: this.#firSequenceNumber }];
    this.#rtcp.push({ kind: 'fir', senderSsrc, requests }, this.#now);
  }

  // RTCP from the peer

  #handleReport(packet: RtcpPacket, now: number): void {
    switch (packet.kind) {
      case 'senderReport':
        this.demultiplexer.stream(packet.ssrc)?.context?.noteSenderReport(packet, this.#unixMsOf(packet, now), now);
        this.#handleReportBlocks(packet.reports, now);
        return;
      case 'receiverReport':
        this.#handleReportBlocks(packet.reports, now);
        return;
      case 'nack': {
        const sending = this.#outgoing.get(packet.mediaSsrc);
        sending?.stream.retransmit(packet.sequenceNumbers, this.roundTripMs, now);
        return;
      }
      case 'pli':
        this.#handleKeyFrameRequest(packet.mediaSsrc, 'pliCount', now);
        return;
      case 'fir':
        for (const { ssrc, sequenceNumber } of packet.requests) {
          if (this.#outgoing.get(ssrc)?.stream.isNewFir(sequenceNumber)) {
            this.#handleKeyFrameRequest(ssrc, 'firCount', now);
          }
        }
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
        for (const ssrc of packet.ssrcs) this.#handleGoodbye(ssrc, now);
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
      sending.stream.noteReported(block.ssrc);
      const roundTrip = this.remoteReceptions.get(block.ssrc)?.roundTrip ?? new RoundTripEstimator();
      const trip = roundTrip.receiveReportBlock(block, this.#ntp(now));
      if (trip !== null) measured = trip;
      this.remoteReceptions.set(block.ssrc, { block, receivedAt: now, measured: trip !== null, roundTrip });
    }
    if (measured !== null) this.#noteRoundTrip(measured);
    this.#controller.onReceiverReport(blocks, measured, now);
  }

  /**
   * When a report was made, on our clock. The peer's may show anything: the first report is taken to come without delay,
   * and for the others the difference stays as it was, so that what belongs together stays together.
   */
  #unixMsOf({ ntpTimestamp }: SenderReport, now: number): number | null {
    if (ntpTimestamp === 0n) return null; // RFC 3550 §6.4.1: "no notion of wallclock"
    const remote = unixMsFromNtp(ntpTimestamp);
    this.#clockDifferenceMs ??= now + (this.#options.unixOffsetMs ?? 0) - remote;
    return remote + this.#clockDifferenceMs;
  }

  /** RFC 3611 §4.4, §4.5: a time that we shall send back, or one of ours that comes back. */
  #handleExtendedReport({ ssrc, blocks }: ExtendedReport, now: number): void {
    for (const block of blocks) {
      if (block.kind === 'receiverReferenceTime') {
        this.#referenceTimes.receive(ssrc, block.ntpTimestamp, now);
        continue;
      }
      for (const report of block.reports) {
        if (!this.#rtcp.isOurs(report.ssrc)) continue;
        const trip = this.receiverRoundTrip.receiveDlrr(report, this.#ntp(now));
        if (trip !== null) this.#noteRoundTrip(trip);
      }
    }
  }

  #noteRoundTrip(trip: number): void {
    this.#roundTripMs = trip;
    this.#remoteEstimator?.setRoundTripTime(trip);
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) stream.roundTripMs = trip;
    }
  }

  #handleKeyFrameRequest(ssrc: number, counter: 'pliCount' | 'firCount', now: number): void {
    const sending = this.#outgoing.get(ssrc);
    if (sending === undefined) return;
    const { sender, encoding, stream } = sending;
    stream.stats[counter]++;
    if (stream.noteKeyFrameRequest(now)) this.#events.push({ kind: 'keyFrameRequested', sender, encoding });
  }

  #handleGoodbye(ssrc: number, now: number): void {
    const incoming = this.demultiplexer.stream(ssrc);
    const receiver = incoming && this.#receiverOf.get(incoming.mid);
    if (!incoming?.context || receiver === undefined) return;
    const highest = incoming.context.highestSequenceNumber;
    this.#goodbyes.delete(ssrc);
    this.#goodbyes.set(ssrc, { highest, until: now + GOODBYE_MS });
    if (this.#goodbyes.size > MAX_GOODBYES) this.#goodbyes.delete(this.#goodbyes.keys().next().value!);
    this.#end(receiver, incoming.context);
    incoming.context = undefined;
    this.demultiplexer.remove(ssrc);
  }

  // RTCP to the peer

  #noteActivity(): void {
    this.#rtcp.isActive = this.#senders.size > 0 || this.#receivers.size > 0;
    this.#rtcp.setHasVideo([...this.#senders, ...this.#receivers].some(({ kind }) => kind === 'video'));
  }

  *#sendStreams(): Generator<SendStream> {
    for (const [ssrc, { stream }] of this.#outgoing) if (ssrc === stream.ssrc) yield stream;
  }

  #reportBlocks(now: number): ReportBlock[] {
    const blocks: ReportBlock[] = [];
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) {
        if (now - stream.lastHeardAt > SILENCE_LIMIT_MS && !stream.isSilent) {
          stream.isSilent = true;
          receiver.sink.ended(stream);
        }
        // §6.4: for sources "from which RTP data packets have been received since the last report"
        const block = stream.reception.hasNews ? stream.reception.report(now) : null;
        if (block !== null) blocks.push(block);
      }
    }
    return blocks;
  }

  /** What congestion control is to be told of arrivals. */
  #takeFeedback(now: number): void {
    const { ssrc } = this.#rtcp;
    if (this.#arrivals.nextTimeout <= now) {
      for (const report of this.#arrivals.takeReports(ssrc, now)) this.#rtcp.push(report, now);
    }
    if (this.#ecnArrivals.nextTimeout <= now) {
      for (const report of this.#ecnArrivals.takeReports(ssrc, now)) this.#rtcp.push(report, now);
    }
    const estimator = this.#remoteEstimator;
    const estimate = estimator !== null && estimator.nextTimeout <= now ? estimator.takeEstimate(now) : null;
    if (estimate !== null) this.#rtcp.push({ kind: 'remb', senderSsrc: ssrc, ...estimate }, now);
  }

  #sayGoodbye(senders: readonly RtpSender[]): void {
    const streams = senders.flatMap((sender) => sender.streams.filter(({ hasSent }) => hasSent));
    this.#rtcp.sayGoodbye(
      streams.flatMap(({ ssrcs, fecSsrc, stats }) =>
        ssrcs.filter((ssrc) => ssrc !== fecSsrc || stats.fecPacketsSent > 0),
      ),
    );
  }

  #ntp(now: number): bigint {
    return ntpFromUnixMs(now + (this.#options.unixOffsetMs ?? 0));
  }
}

const PAYLOAD_TYPE_MASK = 0x7f;
