/**
 * The transmission control block (RFC 9260 §14): all that is known of an association, and the way out for its packets.
 * `Handshake` and `Shutdown` lead it through its states; `SctpAssociation` gives it packets, time and messages.
 */
import { EventQueue, randomUint32, type Sink } from '../machine.ts';
import { Heartbeat } from './heartbeat.ts';
import type { ResolvedOptions } from './options.ts';
import { newStats } from './options.ts';
import { padded } from './packet/chunk.ts';
import { encodeAbortChunk, encodeErrorChunk } from './packet/error-cause.ts';
import type { InitParameters } from './packet/init-chunk.ts';
import { PacketWriter } from './packet/packet-writer.ts';
import { DataReceiver } from './rx/data-receiver.ts';
import { StreamReset } from './stream-reset.ts';
import { TIMER, Timers } from './timers.ts';
import type { CongestionControl } from './tx/congestion-control.ts';
import { DataSender } from './tx/data-sender.ts';
import { RetransmissionTimeout } from './tx/rto.ts';
import type { SctpEvent, SctpState, SctpStats } from './types.ts';

/**
 * Bound: control chunks that wait. They go out when the turn ends, except while our COOKIE ECHO is unanswered: then the
 * peer could pile up answers to its HEARTBEATs. Past it they are not sent. A packet of small chunks asks for 300.
 */
const MAX_CONTROL_CHUNKS = 512;

/** What there is once the peer's INIT or INIT ACK is known. */
export type Peer = {
  readonly tag: number;
  readonly receiver: DataReceiver;
  readonly reset: StreamReset;
  readonly maxOutboundStreams: number;
  readonly maxInboundStreams: number;
};

export class Tcb {
  readonly options: ResolvedOptions;
  readonly stats: SctpStats = newStats();
  readonly timers: Timers = new Timers();
  readonly events: EventQueue<SctpEvent>;
  readonly writer: PacketWriter;
  readonly #transmit: (packet: Uint8Array) => void;

  state: SctpState = 'closed';
  /** The association has been closed, for good. */
  hasEnded = false;
  localTag: number;
  localInitialTsn: number;
  peer: Peer | null = null;
  rto: RetransmissionTimeout;
  sender: DataSender;
  heartbeat: Heartbeat;
  /** RFC 9260 §8.1: timeouts in a row. */
  #errorCount = 0;
  /** Encoded control chunks that go out with the next packets, in order. */
  control: Uint8Array[] = [];
  /** Streams that were to be reset before the peer was known. */
  #earlyResets: number[] = [];

  constructor(options: ResolvedOptions, sink: Sink<SctpEvent>) {
    this.options = options;
    this.events = new EventQueue((event) => sink.event(event));
    this.#transmit = (packet) => sink.transmit(packet);
    this.writer = new PacketWriter(options.mtu, options.headroom, options.tailroom);
    this.localTag = this.randomTag();
    this.localInitialTsn = randomUint32(options.random);
    this.rto = new RetransmissionTimeout(options.timing);
    this.sender = this.#newSender();
    this.heartbeat = this.#newHeartbeat();
  }

  /** RFC 9260 §5.3.1: "from the range of 1 to 2^32 - 1". */
  randomTag(): number {
    for (;;) {
      const tag = randomUint32(this.options.random);
      if (tag !== 0) return tag;
    }
  }

  /** What we say in an INIT or INIT ACK. */
  localParameters(initiateTag: number, initialTsn: number): InitParameters {
    const { receiveBufferSize, outboundStreams, inboundStreams } = this.options;
    return {
      initiateTag,
      aRwnd: receiveBufferSize,
      outboundStreams,
      inboundStreams,
      initialTsn,
      partialReliability: true,
      reConfig: true,
    };
  }

  /** The peer's side is known from its INIT, INIT ACK, or the ticket of a cookie. */
  setPeer(peer: InitParameters): void {
    const { options, timers, stats, rto, sender } = this;
    // RFC 9260 §5.1.1
    const maxOutboundStreams = Math.min(options.outboundStreams, peer.inboundStreams);
    const maxInboundStreams = Math.min(options.inboundStreams, peer.outboundStreams);
    sender.setPeer(peer.aRwnd, peer.partialReliability);
    const receiver = new DataReceiver({
      peerInitialTsn: peer.initialTsn,
      inboundStreams: maxInboundStreams,
      bufferSize: options.receiveBufferSize,
      maxMessageSize: options.maxMessageSize,
      packetsPerSack: options.packetsPerSack,
      sackDelayMs: options.timing.sackDelayMs,
      packetCapacity: this.writer.capacity,
      timers,
      stats,
      deliver: (streamId, ppid, data, unordered) => {
        stats.messagesReceived++;
        this.events.push({ kind: 'message', streamId, ppid, data, unordered });
      },
      reportError: (cause) => this.sendChunk(encodeErrorChunk([cause])),
      abort: (cause, message) => this.abort([cause], message),
    });
    const reset = new StreamReset({
      sender,
      receiver,
      rto,
      timers,
      isSupported: peer.reConfig,
      localInitialTsn: this.localInitialTsn,
      peerInitialTsn: peer.initialTsn,
      packetCapacity: this.writer.capacity,
      sendChunk: (chunk) => this.sendChunk(chunk),
      event: (event) => this.events.push(event),
    });
    this.peer = { tag: peer.initiateTag, receiver, reset, maxOutboundStreams, maxInboundStreams };
  }

  /** The peer began anew (RFC 9260 §5.2.4 A): so do we, with another tag. What was queued is gone. */
  restart(localTag: number, localInitialTsn: number): void {
    this.timers.clearAll();
    this.control = [];
    this.localTag = localTag;
    this.localInitialTsn = localInitialTsn;
    this.rto = new RetransmissionTimeout(this.options.timing);
    this.sender = this.#newSender();
    this.heartbeat = this.#newHeartbeat();
    this.peer = null;
  }

  /** User data may flow. */
  establish(now: number): void {
    this.state = 'established';
    this.timers.clear(TIMER.t1Init);
    this.timers.clear(TIMER.t1Cookie);
    this.clearErrors();
    this.heartbeat.start(now);
    this.sender.startT3(now);
    this.events.push({ kind: 'connected' });
    this.#dropImpossibleStreams();
    const early = this.#earlyResets;
    this.#earlyResets = [];
    if (early.length > 0) this.peer!.reset.reset(early);
  }

  resetStreams(streamIds: readonly number[]): void {
    const isForming = this.state === 'closed' || this.state === 'cookieWait' || this.state === 'cookieEchoed';
    if (isForming) this.#earlyResets.push(...streamIds);
    else this.peer!.reset.reset(streamIds);
  }

  /** A control chunk for the next packet. One that fits into no packet is not sent. */
  sendChunk(chunk: Uint8Array): void {
    if (padded(chunk.length) <= this.writer.capacity && this.control.length < MAX_CONTROL_CHUNKS) {
      this.control.push(chunk);
    }
  }

  /** Sends one chunk in a packet of its own, now. */
  sendAlone(chunk: Uint8Array, verificationTag: number): void {
    this.writer.open();
    if (this.writer.append(chunk)) this.finishPacket(verificationTag);
  }

  /** Sends the packet that is open. */
  finishPacket(verificationTag: number = this.peer!.tag): void {
    const { localPort, remotePort } = this.options;
    this.stats.packetsSent++;
    this.stats.bytesSent += this.writer.length;
    this.#transmit(this.writer.finish(localPort, remotePort, verificationTag));
  }

  /** RFC 9260 §8.1. @returns false when it was one too many, and the association has failed */
  countError(what: string, limit: number = this.options.timing.maxRetransmissions): boolean {
    this.#errorCount++;
    if (this.#errorCount <= limit) return true;
    this.close('failed', `the peer does not answer: ${what}, ${this.#errorCount} times in a row`);
    return false;
  }

  clearErrors(): void {
    this.#errorCount = 0;
  }

  /** Closes with an ABORT (RFC 9260 §9.1). */
  abort(causes: readonly Uint8Array[], message: string, cause?: number): void {
    if (this.hasEnded) return;
    if (this.peer !== null) this.sendAlone(encodeAbortChunk(causes), this.peer.tag);
    this.close('aborted', message, cause);
  }

  /** The association is over. Nothing is kept but its tags, to tell off stray packets. */
  close(reason: 'shutdown' | 'aborted' | 'failed', message: string, cause?: number): void {
    if (this.hasEnded) return;
    this.state = 'closed';
    this.hasEnded = true;
    this.timers.clearAll();
    this.control = [];
    this.#earlyResets = [];
    this.sender = this.#newSender();
    this.events.push(
      cause === undefined ? { kind: 'closed', reason, message } : { kind: 'closed', reason, message, cause },
    );
  }

  /** Messages queued before the peer said how few streams it has. */
  #dropImpossibleStreams(): void {
    const { maxOutboundStreams } = this.peer!;
    const { queue } = this.sender;
    for (const stream of queue.streams) {
      if (stream.id < maxOutboundStreams) continue;
      for (let message = stream.queue.head; message !== null; message = stream.queue.head) queue.remove(message);
    }
  }

  newCongestionControl(): CongestionControl {
    return this.options.congestionControl({ maxDataBytesPerPacket: this.writer.capacity });
  }

  #newSender(): DataSender {
    const { options, timers, stats, rto } = this;
    const packetCapacity = this.writer.capacity;
    return new DataSender({
      initialTsn: this.localInitialTsn,
      packetCapacity,
      maxBurst: options.maxBurst,
      congestionControl: this.newCongestionControl(),
      lossRecovery: options.lossRecovery,
      rto,
      timers,
      stats,
    });
  }

  #newHeartbeat(): Heartbeat {
    const { options, rto, timers } = this;
    return new Heartbeat({
      random: options.random,
      rto,
      timers,
      intervalMs: options.timing.heartbeatIntervalMs,
      sendChunk: (chunk) => this.sendChunk(chunk),
    });
  }
}
