/**
 * The sending half of an association (RFC 9260 §6.1, §6.2.1, §6.3, §7): what may go out and when, what was
 * acknowledged, what is lost. The path of a chunk: `SendQueue` → `fill` writes it into a packet → `OutstandingData`.
 */
import { u16, u32 } from '../../binary/bytes.ts';
import { serial32Add } from '../../binary/serial.ts';
import { CHUNK_HEADER } from '../packet/chunk.ts';
import { DATA, DATA_FLAG_IMMEDIATE, dataChunkSize } from '../packet/data-chunk.ts';
import type { PacketWriter } from '../packet/packet-writer.ts';
import { SACK } from '../packet/sack-chunk.ts';
import { TIMER, type Timers } from '../timers.ts';
import type { SctpStats, SendOptions } from '../types.ts';
import { BurstLimit } from './burst-limit.ts';
import type { AcknowledgementSample, CongestionControl } from './congestion-control.ts';
import { fragmentLength, writeFragment } from './fragment.ts';
import type { LossRecovery, LossRecoveryContext } from './loss-recovery.ts';
import { OutgoingMessage } from './outgoing-message.ts';
import { OutstandingData } from './outstanding-data.ts';
import { PartialReliability } from './partial-reliability.ts';
import type { RetransmissionTimeout } from './rto.ts';
import { SendQueue } from './send-queue.ts';

export type DataSenderOptions = {
  readonly initialTsn: number;
  /** Bytes of chunks in a full packet ("PMDCS", RFC 9260 §1.2). */
  readonly packetCapacity: number;
  readonly maxBurst: number;
  readonly congestionControl: CongestionControl;
  readonly lossRecovery: (context: LossRecoveryContext) => LossRecovery;
  readonly rto: RetransmissionTimeout;
  readonly timers: Timers;
  readonly stats: SctpStats;
};

/**
 * A full window below this many packets would stall on a delayed SACK, and so would a retransmission that fills the
 * last gap: there we ask for the SACK at once (I bit, RFC 9260 §6.1).
 */
const SMALL_WINDOW_PACKETS = 10;

export class DataSender {
  readonly queue: SendQueue = new SendQueue();
  readonly outstanding: OutstandingData;
  readonly partial: PartialReliability;
  congestion: CongestionControl;
  readonly #recovery: LossRecovery;
  readonly #capacity: number;
  readonly #burst: BurstLimit;
  readonly #rto: RetransmissionTimeout;
  readonly #timers: Timers;
  readonly #stats: SctpStats;
  readonly #sample: AcknowledgementSample = {
    now: 0,
    acknowledgedBytes: 0,
    flightSizeBefore: 0,
    flightSize: 0,
    cumulativeAdvanced: false,
    inRecovery: false,
    rttMs: 0,
  };

  /** Bytes the peer has room for (RFC 9260 §6.2.1). */
  #peerRwnd = 0;
  /** RFC 9260 §7.2.4, step 3: one packet of retransmissions goes out regardless of cwnd. */
  #fastRetransmitDue = false;
  /** RFC 9260 §7.2.3: after T3-rtx "no more than one SCTP packet will be in flight" until something is acknowledged. */
  #onePacketOnly = false;
  /** RFC 9260 §6.1 A: one chunk goes out although the peer's window is closed. */
  #probeDue = false;
  /** Such a chunk is out, and the window still closed. */
  #isProbing = false;
  #lastDataAt = Number.NEGATIVE_INFINITY;

  constructor(options: DataSenderOptions) {
    this.outstanding = new OutstandingData(options.initialTsn);
    this.partial = new PartialReliability(this.queue, this.outstanding, options.rto, options.timers, options.stats);
    this.congestion = options.congestionControl;
    this.#capacity = options.packetCapacity;
    this.#burst = new BurstLimit(options.maxBurst);
    this.#rto = options.rto;
    this.#timers = options.timers;
    this.#stats = options.stats;
    this.#recovery = options.lossRecovery({
      outstanding: this.outstanding,
      markLost: (tsn, now) => this.#markLost(tsn, now),
    });
  }

  get peerRwnd(): number {
    return this.#peerRwnd;
  }

  /** The peer's window is closed, and a chunk is out to see whether it still is. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /** The peer's INIT or INIT ACK is known (RFC 9260 §6.2.1 A). */
  setPeer(aRwnd: number, partialReliability: boolean): void {
    this.#peerRwnd = aRwnd;
    this.partial.isSupported = partialReliability;
  }

  /** Whether everything given to `enqueue` was acknowledged or given up. */
  get isDone(): boolean {
    return this.queue.bufferedBytes === 0 && this.outstanding.isEmpty;
  }

  /** The last DATA chunk went out at this time, in ms. */
  get lastDataAt(): number {
    return this.#lastDataAt;
  }

  enqueue(streamId: number, ppid: number, data: Uint8Array, options: SendOptions, now: number): void {
    const stream = this.queue.stream(streamId);
    if (options.priority !== undefined) stream.weight = options.priority;
    const expiresAt = options.lifetimeMs === undefined ? Infinity : now + Math.max(options.lifetimeMs, 1);
    const message = new OutgoingMessage(
      stream,
      ppid,
      data,
      options.unordered === true,
      options.maxRetransmits ?? Infinity,
      expiresAt,
    );
    this.queue.push(message);
    if (expiresAt < Infinity) this.partial.watch(message);
  }

  // ---- Output ----

  /** To be called at the beginning of each turn of transmission. */
  beginTurn(now: number): void {
    this.#burst.beginTurn(now);
  }

  /** Whether `fill` has something for a new packet now. If not, the timer that will change that is set. */
  canFill(now: number): boolean {
    if (this.partial.isDue) return true;
    return this.#canSendData() && (this.outstanding.lostCount > 0 || this.#nextMessage(now) !== null);
  }

  /** Appends all that fits and is allowed: FORWARD TSN, retransmissions (RFC 9260 §6.1 C), then new data. */
  fill(packet: PacketWriter, now: number): void {
    if (this.partial.isDue) {
      const forwardTsn = this.partial.takeForwardTsn(packet.room, now);
      if (forwardTsn !== null) {
        packet.append(forwardTsn);
        if (!this.#timers.isSet(TIMER.t3Rtx)) this.#timers.set(TIMER.t3Rtx, now + this.#rto.ms);
      }
    }
    if (!this.#canSendData()) return;
    const mayAddNew = this.outstanding.flightSize < this.congestion.cwnd;
    let lastChunkAt = this.#fillRetransmissions(packet, now);
    const isRetransmission = lastChunkAt >= 0;
    if (mayAddNew && this.outstanding.lostCount === 0) {
      const newChunkAt = this.#fillNew(packet, now);
      if (newChunkAt >= 0) lastChunkAt = newChunkAt;
    }
    if (lastChunkAt < 0) return;
    this.#burst.packetSent();
    this.#fastRetransmitDue = false;
    this.#lastDataAt = now;
    this.#recovery.onPacketSent(now);
    this.#setRecoveryTimer();
    const { cwnd } = this.congestion;
    const isStalled = this.outstanding.flightSize >= cwnd && cwnd < SMALL_WINDOW_PACKETS * this.#capacity;
    if (isStalled || isRetransmission) {
      packet.bytes[lastChunkAt + CHUNK_HEADER.flags]! |= DATA_FLAG_IMMEDIATE;
    }
  }

  /** RFC 9260 §6.1 B and D: whether another packet of data may be begun. */
  #canSendData(): boolean {
    if (this.outstanding.lostCount === 0 && this.queue.bufferedBytes === 0) return false;
    const { flightSize } = this.outstanding;
    if (this.#onePacketOnly && flightSize > 0) return false;
    if (flightSize >= this.congestion.cwnd && !(this.#fastRetransmitDue && this.outstanding.lostCount > 0))
      return false;
    if (!this.#burst.isExhausted) return true;
    this.#timers.set(TIMER.burst, this.#burst.renewsAt);
    return false;
  }

  #fillRetransmissions(packet: PacketWriter, now: number): number {
    let lastChunkAt = -1;
    while (this.outstanding.lostCount > 0) {
      const tsn = this.outstanding.nextLost();
      const message = this.outstanding.messageOf(tsn);
      // RFC 3758 §4.1 TR4: "Before transmitting or retransmitting … MUST evaluate the lifetime of the message."
      if (now >= message.expiresAt) {
        this.partial.giveUp(message);
        if (message.isAbandoned) continue;
      }
      const length = this.outstanding.lengthOf(tsn);
      const size = dataChunkSize(length);
      if (size > packet.room) break;
      // RFC 9260 §6.1: T3-rtx restarts if the lowest outstanding TSN is sent again.
      const isLowest = (tsn - this.outstanding.cumulativeTsnAck) >>> 0 === 1;
      lastChunkAt = packet.at;
      writeFragment(packet, message, tsn, this.outstanding.offsetOf(tsn), length);
      this.outstanding.resend(tsn, now);
      this.#peerRwnd = Math.max(0, this.#peerRwnd - size);
      this.#stats.retransmissions++;
      if (this.#fastRetransmitDue) this.#stats.fastRetransmits++;
      this.#rto.disturbed(tsn);
      if (isLowest || !this.#timers.isSet(TIMER.t3Rtx)) this.#timers.set(TIMER.t3Rtx, now + this.#rto.ms);
    }
    return lastChunkAt;
  }

  #fillNew(packet: PacketWriter, now: number): number {
    let lastChunkAt = -1;
    for (;;) {
      const message = this.#nextMessage(now);
      if (message === null) break;
      const length = fragmentLength(message, packet);
      if (length === 0) break;
      if (this.outstanding.isEmpty) {
        this.congestion.onIdle(now - this.#lastDataAt, this.#rto.ms);
      }
      const tsn = this.outstanding.nextTsn;
      const offset = message.sent;
      if (offset === 0) {
        message.firstTsn = tsn;
        if (!message.unordered) {
          const { stream } = message;
          message.ssn = stream.nextSsn;
          stream.nextSsn = (stream.nextSsn + 1) & 0xffff;
        }
      }
      message.fragments++;
      this.outstanding.add(message, offset, length, now);
      lastChunkAt = packet.at;
      writeFragment(packet, message, tsn, offset, length);
      this.queue.advance(message, length);
      if (message.isFullySent) {
        this.#stats.messagesSent++;
        if (message.expiresAt < Infinity) this.partial.sent();
      }
      this.#stats.dataChunksSent++;
      this.#peerRwnd = Math.max(0, this.#peerRwnd - dataChunkSize(length));
      this.#rto.sent(tsn, now);
      if (!this.#timers.isSet(TIMER.t3Rtx)) this.#timers.set(TIMER.t3Rtx, now + this.#rto.ms);
      if (this.#probeDue) {
        this.#probeDue = false;
        this.#isProbing = true;
      }
    }
    return lastChunkAt;
  }

  /** The message to send from now, when the peer has room for its next chunk; else sees to a window probe. */
  #nextMessage(now: number): OutgoingMessage | null {
    let message = this.queue.next();
    // RFC 3758 §4.1 TR3: "Before assigning a TSN to any message, the SCTP sender MUST evaluate the lifetime".
    while (message !== null && now >= message.expiresAt && (message.sent === 0 || this.partial.isSupported)) {
      this.partial.giveUp(message);
      message = this.queue.next();
    }
    if (message === null || this.outstanding.isFull) return null;
    const size = dataChunkSize(Math.min(message.data.length - message.sent, this.#capacity - DATA.userData));
    if (size <= this.#peerRwnd || this.#probeDue) {
      this.#timers.clear(TIMER.windowProbe);
      return message;
    }
    // RFC 9260 §6.1 A: "SHOULD send the first zero window probe after 1 RTO". Later ones are T3-rtx's.
    if (this.outstanding.isEmpty && !this.#timers.isSet(TIMER.windowProbe)) {
      this.#timers.set(TIMER.windowProbe, now + this.#rto.ms);
    }
    return null;
  }

  // ---- Input ----

  /** A whole SACK at `at`. False when it is older than what is known, or acknowledges what was never sent. */
  handleSack(packet: Uint8Array, at: number, now: number): boolean {
    const { outstanding } = this;
    const cumulativeTsnAck = u32(packet, at + SACK.cumulativeTsnAck);
    const blockCount = u16(packet, at + SACK.gapBlockCount);
    const blocksAt = at + SACK.gapBlocks;
    if (!this.#isPlausible(cumulativeTsnAck)) return false;
    const highestOffset = (outstanding.nextTsn - 1 - cumulativeTsnAck) >>> 0;
    for (let i = 0; i < blockCount; i++) if (u16(packet, blocksAt + 4 * i + 2) > highestOffset) return false;

    const flightSizeBefore = outstanding.flightSize;
    const cumulativeAdvanced = cumulativeTsnAck !== outstanding.cumulativeTsnAck;
    outstanding.acknowledge(cumulativeTsnAck, packet, blocksAt, blockCount);
    this.#afterAcknowledgement(flightSizeBefore, cumulativeAdvanced, now);
    // The window has opened, without the probe: it was dropped, and need not wait for its timeout.
    const aRwnd = u32(packet, at + SACK.aRwnd);
    if (this.#isProbing && outstanding.flightSize <= aRwnd) this.resendAll(now);
    // RFC 9260 §6.2.1 D ii
    this.#peerRwnd = Math.max(0, aRwnd - outstanding.flightSize);
    return true;
  }

  /** The cumulative acknowledgement of a SHUTDOWN chunk. */
  handleCumulativeAck(cumulativeTsnAck: number, now: number): boolean {
    if (!this.#isPlausible(cumulativeTsnAck)) return false;
    const flightSizeBefore = this.outstanding.flightSize;
    const cumulativeAdvanced = cumulativeTsnAck !== this.outstanding.cumulativeTsnAck;
    this.outstanding.acknowledgeCumulative(cumulativeTsnAck);
    this.#afterAcknowledgement(flightSizeBefore, cumulativeAdvanced, now);
    return true;
  }

  /** RFC 9260 §6.2.1 D i; and only TSNs that were assigned can be acknowledged. */
  #isPlausible(cumulativeTsnAck: number): boolean {
    const { outstanding } = this;
    return cumulativeTsnAck === outstanding.cumulativeTsnAck || outstanding.has(cumulativeTsnAck);
  }

  #afterAcknowledgement(flightSizeBefore: number, cumulativeAdvanced: boolean, now: number): void {
    const { outstanding } = this;
    const rttMs = this.#rto.acknowledged(outstanding, now);
    if (outstanding.acknowledgedBytes > 0) {
      this.#onePacketOnly = false;
      this.#isProbing = false;
      this.#burst.packetsAcknowledged(Math.ceil(outstanding.acknowledgedBytes / this.#capacity));
    }
    // "the cwnd adjustment rules defined in Sections 7.2.1 and 7.2.2 MUST be applied first" (RFC 9260 §7.2.4)
    const startsEpisode = this.#recovery.onAcknowledgement(cumulativeAdvanced, now);
    if (outstanding.acknowledgedBytes > 0) {
      const sample = this.#sample;
      sample.now = now;
      sample.acknowledgedBytes = outstanding.acknowledgedBytes;
      sample.flightSizeBefore = flightSizeBefore;
      sample.flightSize = outstanding.flightSize;
      sample.cumulativeAdvanced = cumulativeAdvanced;
      sample.inRecovery = this.#recovery.inRecovery && !startsEpisode;
      sample.rttMs = rttMs;
      this.congestion.onAcknowledgement(sample);
    }
    if (startsEpisode) this.#onLossEpisode(flightSizeBefore, now);
    if (outstanding.lostCount === 0) this.#fastRetransmitDue = false;
    this.partial.onAcknowledgement(now);
    this.#setRecoveryTimer();
    // RFC 9260 §6.3.2, R2 to R4
    if (outstanding.flightSize === 0 && outstanding.lostCount === 0 && !this.partial.isWaiting) {
      this.#timers.clear(TIMER.t3Rtx);
    } else if (cumulativeAdvanced || !this.#timers.isSet(TIMER.t3Rtx)) {
      this.#timers.set(TIMER.t3Rtx, now + this.#rto.ms);
    }
  }

  // ---- Timers ----

  /** RFC 9260 §6.3.3. */
  handleT3(now: number): void {
    const { outstanding } = this;
    this.#stats.t3Expiries++;
    this.#rto.backOff(); // E2
    if (outstanding.flightSize > 0) {
      // §6.1 A: "Zero window probing does not affect the calculation of cwnd."
      if (!this.#isProbing) this.congestion.onRetransmissionTimeout(outstanding.flightSize, now); // E1
      this.#onePacketOnly = true;
      const { nextTsn } = outstanding;
      for (let tsn = serial32Add(outstanding.cumulativeTsnAck, 1); tsn !== nextTsn; tsn = serial32Add(tsn, 1)) {
        if (outstanding.isInFlight(tsn)) this.#markLost(tsn, now);
      }
      this.#recovery.onRetransmissionTimeout(now);
      this.#setRecoveryTimer();
    }
    this.partial.onRetransmissionTimeout();
    // E3 and E4 happen when the next packet is filled. If nothing is left to send, the timer has no purpose either.
  }

  /**
   * The path is another one, and so is its congestion control. A packet that goes out after a timeout is as good as lost
   * with the old path and goes again now; without a timeout, nothing says that what is in flight was lost.
   */
  handlePathChange(congestion: CongestionControl, now: number): void {
    this.congestion = congestion;
    if (this.#onePacketOnly) {
      this.#onePacketOnly = false;
      this.resendAll(now);
      this.partial.onRetransmissionTimeout();
    }
    this.#timers.hasten(TIMER.t3Rtx, now + this.#rto.ms);
  }

  /** What is in flight is sent again, without any of the consequences of a timeout; with a COOKIE ECHO, for example. */
  resendAll(now: number): void {
    const { outstanding } = this;
    const { nextTsn } = outstanding;
    for (let tsn = serial32Add(outstanding.cumulativeTsnAck, 1); tsn !== nextTsn; tsn = serial32Add(tsn, 1)) {
      if (outstanding.isInFlight(tsn)) this.#markLost(tsn, now);
    }
  }

  /** Starts T3-rtx for data that went out before the association was established. */
  startT3(now: number): void {
    if (this.outstanding.flightSize > 0) this.#timers.set(TIMER.t3Rtx, now + this.#rto.ms);
  }

  /** RFC 9260 §6.1 A. */
  handleWindowProbe(): void {
    this.#probeDue = this.outstanding.isEmpty;
  }

  handleLossRecovery(now: number): void {
    const flightSizeBefore = this.outstanding.flightSize;
    if (this.#recovery.handleTimeout(now)) this.#onLossEpisode(flightSizeBefore, now);
    this.#setRecoveryTimer();
  }

  #onLossEpisode(flightSize: number, now: number): void {
    this.congestion.onLoss(flightSize, now);
    this.#fastRetransmitDue = true;
  }

  #markLost(tsn: number, now: number): void {
    const { outstanding } = this;
    const message = outstanding.messageOf(tsn);
    outstanding.markLost(tsn);
    this.#peerRwnd += dataChunkSize(outstanding.lengthOf(tsn)); // RFC 9260 §6.2.1 C
    message.hadLoss = true;
    if (message.isOver(outstanding.transmissionsOf(tsn), now)) this.partial.giveUp(message);
    else if (message.expiresAt < Infinity) this.partial.watch(message);
  }

  #setRecoveryTimer(): void {
    const { nextTimeout } = this.#recovery;
    if (nextTimeout < Infinity) this.#timers.set(TIMER.lossRecovery, nextTimeout);
    else this.#timers.clear(TIMER.lossRecovery);
  }
}
