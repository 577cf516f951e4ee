/**
 * What comes in: whose a packet is (RFC 9143 §9.2), what repair carries, and the streams that it all ends up in. A stream
 * begins with its first packet, and ends with the peer's BYE or when there is no room for it any more.
 *
 * ```text
 *   packet ─► demultiplexer ─┬─ RTX undone ──────────┐
 *                            ├─ RED taken apart ─────┼─► ReceiveStream ─► receiver's sink
 *                            └─ FEC ─► recovered ────┘
 * ```
 */
import type { MediaKind } from '../codecs.ts';
import { Demultiplexer, type IncomingStream } from '../demultiplexer.ts';
import { ExtensionMap } from '../extensions/extension-map.ts';
import type { NegotiatedRtpCodec } from '../negotiated-codec.ts';
import { RtpPacket } from '../packet.ts';
import { decodeRed } from '../repair/red.ts';
import { unwrapRtx } from '../repair/rtx.ts';
import type { ReportBlock } from '../rtcp/types.ts';
import { signed16 } from '../sequence.ts';
import { withContent } from './content.ts';
import { type Arrival, type KeyFrameRequest, ReceiveStream } from './receive-stream.ts';
import { type ReceiverSink, RtpReceiver } from './rtp-receiver.ts';
import { StreamFec } from './stream-fec.ts';

/** RFC 3550 §6.3.5: five intervals, of the 5 s that they are at least for peers that do not use AVPF. */
const SILENCE_LIMIT_MS = 25_000;
/** How long an SSRC is remembered after its BYE: stragglers must not make a stream of it again (RFC 3550 §6.2.1). */
const GOODBYE_MS = 2_000;
/** Bound: SSRCs that said goodbye. The oldest is forgotten; its stragglers make a stream, which a BYE had ended. */
const MAX_GOODBYES = 64;
const NO_CONTENT: Uint8Array = new Uint8Array(0);
const PAYLOAD_TYPE_MASK = 0x7f;

/** What streams want of their sender. */
export type IncomingMediaSink = {
  nack(ssrc: number, sequenceNumbers: readonly number[], now: number): void;
  requestKeyFrame(ssrc: number, request: KeyFrameRequest, now: number): void;
};

export class IncomingMedia {
  readonly demultiplexer: Demultiplexer<ReceiveStream> = new Demultiplexer();
  /** Packets whose section does not receive, or has no such codec. */
  unwanted = 0;
  readonly #sink: IncomingMediaSink;
  readonly #receivers = new Set<RtpReceiver>();
  /** By mid: those that receive. */
  readonly #receiverOf = new Map<string, RtpReceiver>();
  readonly #repaired = new RtpPacket();
  readonly #content = new RtpPacket();
  readonly #recovered = new RtpPacket();
  /** Of streams that said goodbye: the last number, and when that is forgotten. */
  readonly #goodbyes = new Map<number, { readonly highest: number; readonly until: number }>();
  #extensions = new ExtensionMap([]);
  /** Streams that the demultiplexer has forgotten, as far as we know. */
  #forgotten = 0;
  #roundTripMs = 0;
  #now = 0;

  constructor(sink: IncomingMediaSink) {
    this.#sink = sink;
  }

  get receivers(): ReadonlySet<RtpReceiver> {
    return this.#receivers;
  }

  get nextTimeout(): number {
    let next = Infinity;
    for (const { streams } of this.#receivers) {
      for (const stream of streams.values()) next = Math.min(next, stream.nextTimeout);
    }
    return next;
  }

  set roundTripMs(roundTripMs: number) {
    this.#roundTripMs = roundTripMs;
    for (const { streams } of this.#receivers) for (const stream of streams.values()) stream.roundTripMs = roundTripMs;
  }

  addReceiver(kind: MediaKind, sink: ReceiverSink): RtpReceiver {
    const receiver = new RtpReceiver(kind, sink, (stream) => stream.requestKeyFrame(this.#now));
    this.#receivers.add(receiver);
    return receiver;
  }

  removeReceiver(receiver: RtpReceiver): void {
    this.#receivers.delete(receiver);
    receiver.configure(null);
    this.#index();
    for (const stream of receiver.streams.values()) this.#end(receiver, stream);
  }

  /** Receivers have been configured, and these are the extensions that they share. */
  configure(extensions: ExtensionMap): void {
    this.#extensions = extensions;
    this.#index();
  }

  /** A packet that is one. */
  handlePacket(packet: RtpPacket, now: number): void {
    this.#now = now;
    const incoming = this.demultiplexer.route(packet);
    if (incoming === null || this.#isStraggler(packet, incoming, now)) return;
    if (incoming.isRepair) this.#receiveRepair(packet, incoming, now);
    else this.#receive(packet, incoming, 'network', now);
  }

  handleTimeout(now: number): void {
    this.#now = now;
    for (const { streams } of this.#receivers) {
      for (const stream of streams.values()) if (stream.nextTimeout <= now) stream.handleTimeout(now);
    }
  }

  /** The peer's BYE. */
  handleGoodbye(ssrc: number, now: number): void {
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

  /** Of what has come since they were last asked for. Sources that are silent for too long are given up. */
  reportBlocks(now: number): ReportBlock[] {
    const blocks: ReportBlock[] = [];
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) {
        if (now - stream.lastHeardAt > SILENCE_LIMIT_MS) fallSilent(receiver, stream);
        // §6.4: for sources "from which RTP data packets have been received since the last report"
        const block = stream.reception.hasNews ? stream.reception.report(now) : null;
        if (block !== null) blocks.push(block);
      }
    }
    return blocks;
  }

  /** Nothing can come any more. What did come is still known. */
  silence(): void {
    for (const receiver of this.#receivers) {
      for (const stream of receiver.streams.values()) fallSilent(receiver, stream);
    }
  }

  /** Receivers have been configured, came or went. */
  #index(): void {
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
    this.demultiplexer.configure(sections, this.#extensions);
    this.#endForgotten();
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
      this.unwanted++;
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
      stream.fec = new StreamFec(scheme, stream.ssrc, this.#extensions, (bytes) => {
        if (this.#recovered.read(bytes)) this.#receive(this.#recovered, incoming, 'recovery', this.#now);
      });
    }
    stream.fec.receiveFec(payload);
  }

  #begin(receiver: RtpReceiver, incoming: IncomingStream<ReceiveStream>, codec: NegotiatedRtpCodec): ReceiveStream {
    const { ssrc } = incoming;
    const stream = new ReceiveStream(ssrc, receiver.kind, codec, {
      nack: (sequenceNumbers) => this.#sink.nack(ssrc, sequenceNumbers, this.#now),
      requestKeyFrame: (request) => this.#sink.requestKeyFrame(ssrc, request, this.#now),
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
}

function fallSilent(receiver: RtpReceiver, stream: ReceiveStream): void {
  if (stream.isSilent) return;
  stream.isSilent = true;
  receiver.sink.ended(stream);
}
