/**
 * One SCTP association over DTLS (RFC 9260, 3758, 6525, 8261): packets and time in, packets and events out.
 *
 * This file sorts what comes in. What is done about it stands in `Handshake`, `DataSender`, `DataReceiver`,
 * `StreamReset`, `Heartbeat` and `Shutdown`; the state they share in `Tcb`.
 */
import { u16, u32 } from '../binary/bytes.ts';
import type { Machine, Sink } from '../machine.ts';
import { Handshake } from './handshake.ts';
import { inRange, resolveOptions } from './options.ts';
import { CHUNK, CHUNK_HEADER, chunkLength, FLAG_TAG_REFLECTED, padded, unknownChunkRule } from './packet/chunk.ts';
import { HEADER, takeChecksum } from './packet/common-header.ts';
import { encodeHeartbeatAck } from './packet/control-chunks.ts';
import {
  CAUSE,
  decodeCauses,
  describeCauses,
  encodeCause,
  encodeErrorChunk,
  encodeTextCause,
} from './packet/error-cause.ts';
import { decodeForwardTsn } from './packet/forward-tsn-chunk.ts';
import { decodeReConfig } from './packet/reconfig-chunk.ts';
import { isWholeSack } from './packet/sack-chunk.ts';
import { Shutdown } from './shutdown.ts';
import { Tcb } from './tcb.ts';
import { TIMER, type TimerName } from './timers.ts';
import type { SctpEvent, SctpOptions, SctpState, SctpStats, SendOptions } from './types.ts';
import { answerOutOfTheBlue, judgePacket } from './verification.ts';

/** Longest unknown chunk that is sent back in an ERROR; the peer does not get to make us reflect more, in bytes. */
const MAX_REPORTED_CHUNK = 256;

/**
 * Both sides call `connect`. `send` only queues: `flush` (or `handleTimeout`, which is due at once) transmits, so that
 * whatever is sent in one turn of the caller shares packets. The driver calls it once, at the end of its turn.
 *
 * The sink's `transmit` must not call back into the association; its `event` may.
 */
export class SctpAssociation implements Machine {
  readonly #tcb: Tcb;
  readonly #handshake: Handshake;
  readonly #shutdown: Shutdown;

  /** @throws RangeError for an option out of range */
  constructor(options: SctpOptions, sink: Sink<SctpEvent>) {
    this.#tcb = new Tcb(resolveOptions(options), sink);
    this.#handshake = new Handshake(this.#tcb);
    this.#shutdown = new Shutdown(this.#tcb);
  }

  get state(): SctpState {
    return this.#tcb.state;
  }

  /** Streams we may send on: 0 … maxOutboundStreams - 1. Known once established; 0 before. */
  get maxOutboundStreams(): number {
    return this.#tcb.peer?.maxOutboundStreams ?? 0;
  }

  /** Streams the peer may send on. Known once established; 0 before. */
  get maxInboundStreams(): number {
    return this.#tcb.peer?.maxInboundStreams ?? 0;
  }

  /** A snapshot. */
  get stats(): SctpStats {
    const { stats, rto, sender, peer, options } = this.#tcb;
    return {
      ...stats,
      srttMs: rto.srttMs,
      rtoMs: rto.ms,
      cwnd: sender.congestion.cwnd,
      ssthresh: sender.congestion.ssthresh,
      flightSize: sender.outstanding.flightSize,
      peerRwnd: sender.peerRwnd,
      localRwnd: peer?.receiver.aRwnd ?? options.receiveBufferSize,
      dropped: { ...stats.dropped },
    };
  }

  /** When `handleTimeout` is due; not later than the last `send` while its message waits for `flush`. */
  get nextTimeout(): number {
    return this.#tcb.timers.next;
  }

  /** Which timer `nextTimeout` stands for. */
  get nextTimeoutReason(): TimerName | null {
    return this.#tcb.timers.nextReason;
  }

  // ---- From the application ----

  /** Begins the handshake. Does nothing when the peer's INIT came first. */
  connect(now: number): void {
    if (this.#tcb.state === 'closed' && !this.#tcb.hasEnded) this.#handshake.connect(now);
    this.#finish();
  }

  /**
   * Queues one message, in constant time. Takes ownership of `data`. May be called before the association is connected.
   * @throws RangeError for empty data, or a stream or option out of range; TypeError when shutting down or closed
   */
  send(streamId: number, ppid: number, data: Uint8Array, options: SendOptions, now: number): void {
    const tcb = this.#tcb;
    const { state } = tcb;
    if (tcb.hasEnded || state.startsWith('shutdown')) throw new TypeError(`cannot send: the association is ${state}`);
    const maxStreams = state === 'established' ? tcb.peer!.maxOutboundStreams : tcb.options.outboundStreams;
    inRange('streamId', streamId, 0, maxStreams - 1);
    inRange('ppid', ppid, 0, 0xffff_ffff);
    if (data.length === 0) throw new RangeError('SCTP has no empty messages (RFC 9260 §6.2): send at least one byte');
    if (options.priority !== undefined) inRange('priority', options.priority, 1, 65_535);
    if (options.maxRetransmits !== undefined) inRange('maxRetransmits', options.maxRetransmits, 0, 0xffff_ffff);
    if (options.lifetimeMs !== undefined && !(options.lifetimeMs >= 0)) {
      throw new RangeError(`lifetimeMs must not be negative (got ${options.lifetimeMs})`);
    }
    tcb.sender.enqueue(streamId, ppid, data, options, now);
    if (state === 'established') tcb.timers.set(TIMER.flush, now);
  }

  /** Bytes given to `send` on this stream and not yet handed to the network for the first time. */
  bufferedAmount(streamId: number): number {
    return this.#tcb.sender.queue.bufferedAmount(streamId);
  }

  /**
   * Resets our outgoing side of these streams (RFC 6525) after all messages already queued on them were sent. Messages
   * given to `send` later wait until it is done.
   */
  resetStreams(streamIds: readonly number[], now: number): void {
    const tcb = this.#tcb;
    if (!tcb.hasEnded && streamIds.length > 0) {
      for (const streamId of streamIds) inRange('streamId', streamId, 0, tcb.options.outboundStreams - 1);
      tcb.resetStreams(streamIds);
      this.#transmitPending(now);
    }
    this.#finish();
  }

  /** Closes after everything queued is acknowledged (RFC 9260 §9.2). */
  shutdown(now: number): void {
    if (!this.#tcb.hasEnded) {
      this.#shutdown.start();
      this.#transmitPending(now);
    }
    this.#finish();
  }

  /** Closes at once with an ABORT (RFC 9260 §9.1); what is queued is lost. */
  abort(_now: number, message = ''): void {
    const cause = encodeTextCause(CAUSE.userInitiatedAbort, message);
    this.#tcb.abort([cause], message === '' ? 'aborted' : message, CAUSE.userInitiatedAbort);
    this.#finish();
  }

  /**
   * What carries the packets goes another way now, or again: a new ICE pair, or one that answers after a silence. The
   * congestion state and the timeouts begin anew (RFC 8261 §6.1, RFC 9260 §7.2.5.2), and what a timeout waits for is
   * sent again at once.
   */
  handlePathChange(now: number): void {
    const tcb = this.#tcb;
    if (!tcb.hasEnded && tcb.state !== 'closed') {
      tcb.clearErrors();
      tcb.rto.reset();
      tcb.sender.handlePathChange(tcb.newCongestionControl(), now);
      this.#handshake.handlePathChange(now);
      tcb.timers.hasten(TIMER.reConfig, now);
      tcb.timers.hasten(TIMER.t2Shutdown, now);
      tcb.timers.hasten(TIMER.windowProbe, now);
      tcb.timers.set(TIMER.flush, now);
      this.handleTimeout(now);
    }
    this.#finish();
  }

  // ---- From the clock ----

  /** Transmits what the windows allow now. What is left goes as acknowledgements and timers permit. */
  flush(now: number): void {
    this.#transmitPending(now);
    this.#finish();
  }

  handleTimeout(now: number): void {
    const tcb = this.#tcb;
    const { timers } = tcb;
    if (timers.next > now) return;
    if (timers.take(TIMER.lifetime, now)) tcb.sender.partial.expire(now);
    if (timers.take(TIMER.lossRecovery, now)) tcb.sender.handleLossRecovery(now);
    if (timers.take(TIMER.t3Rtx, now)) {
      tcb.sender.handleT3(now);
      if (tcb.countError('data')) tcb.heartbeat.probe(now);
    }
    if (timers.take(TIMER.windowProbe, now)) tcb.sender.handleWindowProbe();
    if (timers.take(TIMER.sack, now)) tcb.peer?.receiver.handleSackTimeout();
    if (timers.take(TIMER.heartbeat, now)) {
      if (tcb.heartbeat.handleTimeout(now, tcb.sender.lastDataAt)) tcb.countError('heartbeat');
    }
    if (timers.take(TIMER.reConfig, now)) {
      if (tcb.peer?.reset.handleTimeout(now)) tcb.countError('stream reset');
    }
    if (timers.take(TIMER.t1Init, now)) this.#handshake.handleT1Init(now);
    if (timers.take(TIMER.t1Cookie, now)) this.#handshake.handleT1Cookie(now);
    if (timers.take(TIMER.t2Shutdown, now)) this.#shutdown.handleT2(now);
    if (timers.take(TIMER.t5ShutdownGuard, now)) this.#shutdown.handleT5();
    timers.take(TIMER.flush, now);
    timers.take(TIMER.burst, now);
    this.#transmitPending(now);
    this.#finish();
  }

  // ---- From the network ----

  handlePacket(packet: Uint8Array, now: number): void {
    const { stats, options } = this.#tcb;
    stats.packetsReceived++;
    stats.bytesReceived += packet.length;
    if (packet.length < HEADER.size + CHUNK_HEADER.size) stats.dropped.malformed++;
    else if (!takeChecksum(packet)) stats.dropped.checksum++;
    else if (
      u16(packet, HEADER.sourcePort) !== options.remotePort ||
      u16(packet, HEADER.destinationPort) !== options.localPort
    ) {
      stats.dropped.port++;
    } else this.#sort(packet, now);
    this.#finish();
  }

  #sort(packet: Uint8Array, now: number): void {
    const tcb = this.#tcb;
    const verdict = judgePacket(packet, tcb.state, tcb.hasEnded, tcb.localTag, tcb.peer?.tag ?? 0);
    switch (verdict) {
      case 'accept':
        this.#handleChunks(packet, now);
        this.#endPacket(now);
        return;
      case 'init':
        this.#handshake.handleInit(packet.subarray(HEADER.size), now);
        this.#transmitPending(now);
        return;
      case 'outOfTheBlue': {
        const answer = answerOutOfTheBlue(packet);
        if (answer !== null) tcb.sendAlone(answer.chunk, answer.tag);
        tcb.stats.dropped.verificationTag++;
        return;
      }
      case 'discard':
        tcb.stats.dropped.verificationTag++;
        return;
      default:
        verdict satisfies never;
    }
  }

  /** RFC 9260 §6.10: "An endpoint MUST process received chunks in their order in the packet." */
  #handleChunks(packet: Uint8Array, now: number): void {
    const { stats } = this.#tcb;
    let at: number = HEADER.size;
    while (at < packet.length && !this.#tcb.hasEnded) {
      const length = chunkLength(packet, at);
      if (length === 0) {
        stats.dropped.malformed++;
        return;
      }
      if (!this.#handleChunk(packet, at, length, now)) return;
      at += padded(length);
    }
  }

  /** @returns false when the rest of the packet is not to be looked at */
  #handleChunk(packet: Uint8Array, at: number, length: number, now: number): boolean {
    const tcb = this.#tcb;
    const type = packet[at]!;
    if (type === CHUNK.data) {
      if (this.#mayReceiveData()) tcb.peer!.receiver.handleData(packet, at, length);
      else tcb.stats.dropped.unexpected++;
      return true;
    }
    if (type === CHUNK.sack) {
      this.#handleSack(packet, at, length, now);
      return true;
    }
    const chunk = packet.subarray(at, at + length);
    switch (type) {
      case CHUNK.init: // "MUST NOT be bundled with any other chunk"
        tcb.stats.dropped.unexpected++;
        return false;
      case CHUNK.initAck:
        if (at === HEADER.size && packet.length <= at + padded(length)) this.#handshake.handleInitAck(chunk, now);
        else tcb.stats.dropped.unexpected++;
        return false;
      case CHUNK.cookieEcho:
        if (at === HEADER.size)
          return this.#handshake.handleCookieEcho(chunk, u32(packet, HEADER.verificationTag), now);
        tcb.stats.dropped.unexpected++; // "it MUST be the first chunk"
        return true;
      case CHUNK.cookieAck:
        this.#handshake.handleCookieAck(now);
        return true;
      case CHUNK.heartbeat:
        this.#handleHeartbeat(chunk);
        return true;
      case CHUNK.heartbeatAck:
        if (!tcb.heartbeat.handleAck(chunk, now)) tcb.stats.dropped.heartbeat++;
        // §8.1: "MAY choose not to clear the counter if there is outstanding data": small packets may get through alone.
        else if (tcb.sender.outstanding.isEmpty) tcb.clearErrors();
        return true;
      case CHUNK.abort:
        // One that comes first was judged with the packet; behind other chunks, a reflected tag would not be ours.
        if (at === HEADER.size || (chunk[CHUNK_HEADER.flags]! & FLAG_TAG_REFLECTED) === 0) this.#handleAbort(chunk);
        else tcb.stats.dropped.verificationTag++;
        return false;
      case CHUNK.error:
        this.#handleError(chunk, now);
        return true;
      case CHUNK.shutdown:
        this.#shutdown.handleShutdown(chunk, now);
        return true;
      case CHUNK.shutdownAck:
        this.#shutdown.handleShutdownAck();
        return false;
      case CHUNK.shutdownComplete:
        this.#shutdown.handleShutdownComplete();
        return false;
      case CHUNK.forwardTsn:
        this.#handleForwardTsn(chunk);
        return true;
      case CHUNK.reConfig:
        this.#handleReConfig(chunk, now);
        return true;
      default:
        return this.#handleUnknown(chunk, type);
    }
  }

  /** The packet is at its end: what it acknowledged and asked for is answered. */
  #endPacket(now: number): void {
    const { peer, hasEnded } = this.#tcb;
    if (peer === null || hasEnded) return;
    peer.reset.performDeferred();
    if (peer.receiver.endPacket(now)) this.#shutdown.handleDataPacket(now);
    this.#transmitPending(now);
  }

  #handleSack(packet: Uint8Array, at: number, length: number, now: number): void {
    const tcb = this.#tcb;
    const { sender, stats } = tcb;
    if (!this.#mayReceiveSack()) stats.dropped.unexpected++;
    else if (!isWholeSack(packet, at, length)) stats.dropped.malformed++;
    else if (!sender.handleSack(packet, at, now)) stats.dropped.sack++;
    else {
      stats.sacksReceived++;
      // §8.1: "MUST be reset each time a DATA chunk sent to that peer endpoint is acknowledged". §6.1 A: window probes
      // that are answered do not count as errors either.
      if (sender.outstanding.acknowledgedBytes > 0 || sender.isProbing) tcb.clearErrors();
    }
  }

  #handleHeartbeat(chunk: Uint8Array): void {
    const { state } = this.#tcb;
    if (state === 'cookieEchoed' || this.#maySendData()) {
      this.#tcb.sendChunk(encodeHeartbeatAck(chunk));
    } else {
      this.#tcb.stats.dropped.unexpected++;
    }
  }

  #handleAbort(chunk: Uint8Array): void {
    const causes = decodeCauses(chunk);
    if (causes === null) {
      this.#tcb.stats.dropped.malformed++; // §3.3.7: "with a format error … it MUST silently discard it"
      return;
    }
    const { code, message } = describeCauses(causes);
    this.#tcb.close('aborted', `aborted by the peer: ${message}`, code);
  }

  #handleError(chunk: Uint8Array, now: number): void {
    const causes = decodeCauses(chunk);
    if (causes === null) this.#tcb.stats.dropped.malformed++;
    else if (causes.some(({ type }) => type === CAUSE.staleCookie)) this.#handshake.handleStaleCookie(now);
  }

  #handleForwardTsn(chunk: Uint8Array): void {
    const forwardTsn = decodeForwardTsn(chunk);
    if (!this.#mayReceiveData()) this.#tcb.stats.dropped.unexpected++;
    else if (forwardTsn === null) this.#tcb.stats.dropped.malformed++;
    else this.#tcb.peer!.receiver.handleForwardTsn(forwardTsn);
  }

  #handleReConfig(chunk: Uint8Array, now: number): void {
    const { peer, stats } = this.#tcb;
    const parameters = decodeReConfig(chunk);
    if (!this.#mayReceiveData() && !this.#maySendData()) stats.dropped.unexpected++;
    else if (parameters === null) stats.dropped.reconfig++;
    else peer!.reset.handle(parameters, now);
  }

  /** RFC 9260 §3.2, Table 2. */
  #handleUnknown(chunk: Uint8Array, type: number): boolean {
    const { goOn, report } = unknownChunkRule(type);
    this.#tcb.stats.dropped.unknownChunk++;
    if (report && chunk.length <= MAX_REPORTED_CHUNK) {
      this.#tcb.sendChunk(encodeErrorChunk([encodeCause(CAUSE.unrecognizedChunkType, chunk)]));
    }
    return goOn;
  }

  // ---- To the network ----

  /** Sends packets until nothing more is due or allowed: control chunks, then a SACK, then data (RFC 9260 §6.10). */
  #transmitPending(now: number): void {
    const tcb = this.#tcb;
    const { peer, sender, timers, writer } = tcb;
    timers.clear(TIMER.flush);
    // §5.1 C: "until the COOKIE ACK chunk is returned, the sender MUST NOT send any other packets to the peer."
    if (peer === null || tcb.hasEnded || tcb.state === 'cookieWait' || tcb.state === 'cookieEchoed') return;
    const maySendData = this.#maySendData();
    if (maySendData) sender.beginTurn(now);
    for (;;) {
      const hasData = maySendData && sender.canFill(now);
      if (!hasData) {
        if (maySendData) peer.reset.sendRequest(now);
        this.#shutdown.proceed(now);
      }
      if (!hasData && tcb.control.length === 0 && !peer.receiver.sackIsDue) return;
      writer.open();
      let appended = 0;
      while (appended < tcb.control.length && writer.append(tcb.control[appended]!)) appended++;
      if (appended > 0) tcb.control = tcb.control.slice(appended);
      if (hasData ? peer.receiver.sackIsPending : peer.receiver.sackIsDue) peer.receiver.writeSack(writer);
      if (hasData) sender.fill(writer, now);
      if (writer.isEmpty) return;
      tcb.finishPacket();
    }
  }

  /** The last thing each public method does. */
  #finish(): void {
    this.#tcb.sender.queue.takeDrained(this.#reportDrained);
    this.#tcb.events.flush();
  }

  readonly #reportDrained = (streamId: number, bytes: number): void => {
    this.#tcb.events.push({ kind: 'bufferedAmountDecreased', streamId, bytes });
  };

  /** RFC 9260 §6: "Data transmission MUST only happen in the ESTABLISHED, SHUTDOWN-PENDING, and SHUTDOWN-RECEIVED states." */
  #maySendData(): boolean {
    const { state } = this.#tcb;
    return state === 'established' || state === 'shutdownPending' || state === 'shutdownReceived';
  }

  /** RFC 9260 §6: "DATA chunks MUST only be received … in ESTABLISHED, SHUTDOWN-PENDING, and SHUTDOWN-SENT states." */
  #mayReceiveData(): boolean {
    const { state } = this.#tcb;
    return state === 'established' || state === 'shutdownPending' || state === 'shutdownSent';
  }

  /** RFC 9260 §6: as for sending; "MAY be processed in COOKIE-ECHOED", which would only confuse T1-cookie here. */
  #mayReceiveSack(): boolean {
    return this.#maySendData();
  }
}
