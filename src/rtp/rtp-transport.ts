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
import { setU16, setU24, u16, u32 } from '../binary/bytes.ts';
import { PacketAllocator } from '../binary/packet-allocator.ts';
import { EventQueue } from '../machine.ts';
import { ArrivalFeedback } from './arrival-feedback.ts';
import type { MediaKind } from './codecs.ts';
import { CongestionController, Pacer, type ProbeCluster, type TargetRates } from './congestion/index.ts';
import type { Demultiplexer } from './demultiplexer.ts';
import { ExtensionMap } from './extensions/extension-map.ts';
import { absSendTime } from './extensions/timing.ts';
import { RTP, RtpPacket } from './packet.ts';
import { IncomingMedia } from './receive/incoming-media.ts';
import type { KeyFrameRequest, ReceiveStream } from './receive/receive-stream.ts';
import type { ReceiverSink, RtpReceiver } from './receive/rtp-receiver.ts';
import { parseRtcp } from './rtcp/compound.ts';
import { ntpFromUnixMs, unixMsFromNtp } from './rtcp/ntp.ts';
import type { ExtendedReport, ReportBlock, RtcpPacket, SenderReport } from './rtcp/types.ts';
import { RtcpOutput } from './rtcp-output.ts';
import type {
  RemoteReception,
  RtpEvent,
  RtpTransportOptions,
  RtpTransportSink,
  RtpTransportStats,
  TransportParameters,
} from './rtp-transport-types.ts';
import { RtpSender, type SenderSources } from './send/rtp-sender.ts';
import type { OutgoingPacket, SendStream } from './send/send-stream.ts';
import { ReferenceTimes, RoundTripEstimator } from './statistics/round-trip.ts';

type SendingStream = { readonly sender: RtpSender; readonly encoding: number; readonly stream: SendStream };

export class RtpTransport {
  readonly stats: RtpTransportStats;
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
  readonly #incoming: IncomingMedia;
  readonly #arrivals = new ArrivalFeedback();
  /** By every SSRC of ours, those of repair included. */
  readonly #outgoing = new Map<number, SendingStream>();
  readonly #packet = new RtpPacket();
  readonly #controller: CongestionController;
  readonly #pacer: Pacer<OutgoingPacket>;
  readonly #rtcp: RtcpOutput;
  #parameters: TransportParameters = { extensions: new ExtensionMap([]), feedback: null, reducedSize: false };
  #isConnected = false;
  #isClosed = false;
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
        reportBlocks: (now) => this.#incoming.reportBlocks(now),
        takeDlrr: (now) => this.#referenceTimes.takeDlrr(now),
        receivesMedia: () => [...this.#incoming.receivers].some(({ streams }) => streams.size > 0),
      },
    );
    this.#rtcp = rtcp;
    const incoming = new IncomingMedia({
      nack: (mediaSsrc, sequenceNumbers, now) =>
        rtcp.push({ kind: 'nack', senderSsrc: rtcp.ssrc, mediaSsrc, sequenceNumbers }, now),
      requestKeyFrame: (ssrc, request, now) => this.#requestKeyFrame(ssrc, request, now),
    });
    this.#incoming = incoming;
    this.stats = {
      malformedRtp: 0,
      malformed: 0,
      get rtcpSent() {
        return rtcp.sent;
      },
      rtcpReceived: 0,
      get unwanted() {
        return incoming.unwanted;
      },
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
    let next = Math.min(this.#rtcp.nextTimeout, this.#arrivals.nextTimeout, this.#incoming.nextTimeout);
    if (this.#isPaced) next = Math.min(next, this.#controller.nextTimeout);
    next = Math.min(next, this.#pacer.nextTimeout);
    for (const sender of this.#senders) next = Math.min(next, sender.nextTimeout);
    return Math.max(next, this.#now);
  }

  /** Whose incoming packets are: streams by SSRC. */
  get demultiplexer(): Demultiplexer<ReceiveStream> {
    return this.#incoming.demultiplexer;
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
    const receiver = this.#incoming.addReceiver(kind, sink);
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
    this.#incoming.removeReceiver(receiver);
    this.#noteActivity();
  }

  /** Negotiation is through: senders and receivers have been configured, and this is what they share. */
  configure(parameters: TransportParameters): void {
    this.#parameters = parameters;
    this.#rtcp.allowsReducedSize = parameters.reducedSize;
    this.#arrivals.configure(parameters.feedback, parameters.extensions);
    this.#noteActivity();
    this.#indexSenders();
    this.#incoming.configure(parameters.extensions);
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
    this.#arrivals.note(packet, now);
    this.#incoming.handlePacket(packet, now);
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
    this.#incoming.handleTimeout(now);
    if (this.#isPaced && this.#controller.nextTimeout <= now) this.#controller.handleTimeout(now);
    if (this.#pacer.nextTimeout <= now) this.#pacer.handleTimeout(now);
    if (this.#arrivals.nextTimeout <= now) {
      this.#arrivals.takeReports(this.#rtcp.ssrc, now, (report) => this.#rtcp.push(report, now));
    }
    if (this.#rtcp.nextTimeout <= now) this.#rtcp.handleTimeout(now);
    this.#events.flush();
  }

  /** Says goodbye for all that was sent. */
  close(now: number): void {
    this.#now = now;
    if (this.#isConnected && !this.#isClosed) this.#sayGoodbye([...this.#senders]);
    this.#stop();
  }

  /** The keys are gone: nothing is sent any more, and nothing taken. Whoever did not say goodbye is silent from now on. */
  abandon(): void {
    this.#stop();
    this.#incoming.silence();
  }

  #stop(): void {
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
        for (const ssrc of packet.ssrcs) this.#incoming.handleGoodbye(ssrc, now);
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
    this.#arrivals.roundTripMs = trip;
    this.#incoming.roundTripMs = trip;
  }

  #handleKeyFrameRequest(ssrc: number, counter: 'pliCount' | 'firCount', now: number): void {
    const sending = this.#outgoing.get(ssrc);
    if (sending === undefined) return;
    const { sender, encoding, stream } = sending;
    stream.stats[counter]++;
    if (stream.noteKeyFrameRequest(now)) this.#events.push({ kind: 'keyFrameRequested', sender, encoding });
  }

  // RTCP to the peer

  #requestKeyFrame(ssrc: number, request: KeyFrameRequest, now: number): void {
    const senderSsrc = this.#rtcp.ssrc;
    if (request === 'pli') {
      this.#rtcp.push({ kind: 'pli', senderSsrc, mediaSsrc: ssrc }, now);
      return;
    }
    this.#firSequenceNumber = (this.#firSequenceNumber + 1) & 0xff;
    this.#rtcp.push({ kind: 'fir', senderSsrc, requests: [{ ssrc, sequenceNumber: this.#firSequenceNumber }] }, now);
  }

  #noteActivity(): void {
    const { receivers } = this.#incoming;
    this.#rtcp.isActive = this.#senders.size > 0 || receivers.size > 0;
    this.#rtcp.setHasVideo([...this.#senders, ...receivers].some(({ kind }) => kind === 'video'));
  }

  *#sendStreams(): Generator<SendStream> {
    for (const [ssrc, { stream }] of this.#outgoing) if (ssrc === stream.ssrc) yield stream;
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
