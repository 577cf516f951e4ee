/** The receiving half of an association: the window, the acknowledgements (RFC 9260 §6.2), and what is handed up. */
import { u16, u32 } from '../../binary/bytes.ts';
import { CHUNK_HEADER } from '../packet/chunk.ts';
import { DATA, DATA_FLAG_IMMEDIATE } from '../packet/data-chunk.ts';
import {
  CAUSE,
  encodeCause,
  encodeNoUserDataCause,
  encodeStreamCause,
  encodeTextCause,
} from '../packet/error-cause.ts';
import type { ForwardTsn } from '../packet/forward-tsn-chunk.ts';
import type { PacketWriter } from '../packet/packet-writer.ts';
import { SACK, writeSackHead } from '../packet/sack-chunk.ts';
import { TIMER, type Timers } from '../timers.ts';
import type { SctpStats } from '../types.ts';
import { type Deliver, Reassembly } from './reassembly.ts';
import { MAX_TSN_AHEAD, ReceivedTsns } from './received-tsns.ts';

/**
 * In a steady stream one SACK answers all packets of the driver's turn, up to this many. RFC 9260 §6.2 wants one for
 * every second packet (SHOULD); a SACK costs us nearly as much as two packets received, and the sender a packet.
 */
const MAX_PACKETS_PER_SACK = 8;
/**
 * Packets in sequence, without a pause as long as the SACK delay, that make a steady stream. Before, senders in slow
 * start need every SACK: many grow their window by one packet for each.
 */
const STEADY_PACKETS = 256;

export type DataReceiverOptions = {
  readonly peerInitialTsn: number;
  readonly inboundStreams: number;
  /** Bytes. */
  readonly bufferSize: number;
  readonly maxMessageSize: number;
  readonly packetsPerSack: number;
  readonly sackDelayMs: number;
  /** Bytes of chunks in a full packet. */
  readonly packetCapacity: number;
  readonly timers: Timers;
  readonly stats: SctpStats;
  readonly deliver: Deliver;
  /** To be sent in an ERROR chunk. */
  readonly reportError: (cause: Uint8Array) => void;
  /** The association cannot go on. */
  readonly abort: (cause: Uint8Array, message: string) => void;
};

export class DataReceiver {
  readonly reassembly: Reassembly;
  readonly #options: DataReceiverOptions;
  readonly #tsns: ReceivedTsns;
  /** Packets with DATA since the last SACK. The first of all is acknowledged at once (RFC 9260 §5.1). */
  #packetsSinceSack: number;
  /** Packets with DATA since something was missing, or nothing came. */
  #steadyPackets = 0;
  /** What the packet that is being handled calls for. */
  #packetHasData = false;
  #packetNeedsSackNow = false;
  #sackIsDue = false;

  constructor(options: DataReceiverOptions) {
    this.#options = options;
    this.#tsns = new ReceivedTsns(options.peerInitialTsn);
    this.#packetsSinceSack = options.packetsPerSack - 1;
    this.reassembly = new Reassembly(options.maxMessageSize, options.deliver);
  }

  get cumulativeTsn(): number {
    return this.#tsns.cumulativeTsn;
  }

  /** Anything at all was received. */
  get hasReceived(): boolean {
    return this.#tsns.hasGaps || this.#tsns.cumulativeTsn !== (this.#options.peerInitialTsn - 1) >>> 0;
  }

  get hasGaps(): boolean {
    return this.#tsns.hasGaps;
  }

  get hasDuplicates(): boolean {
    return this.#tsns.hasDuplicates;
  }

  /** The window to announce. A window too small for a packet is announced as closed (silly window syndrome, §6.2). */
  get aRwnd(): number {
    const free = this.#options.bufferSize - this.reassembly.heldBytes;
    return free < this.#options.packetCapacity ? 0 : free;
  }

  // ---- Input ----

  /** A whole DATA chunk. */
  handleData(packet: Uint8Array, at: number, length: number): void {
    const { stats, inboundStreams } = this.#options;
    const tsn = u32(packet, at + DATA.tsn);
    if (length <= DATA.userData) {
      this.#options.abort(encodeNoUserDataCause(tsn), `no user data in TSN ${tsn}`);
      return;
    }
    const flags = packet[at + CHUNK_HEADER.flags]!;
    this.#packetHasData = true;
    if ((flags & DATA_FLAG_IMMEDIATE) !== 0) this.#packetNeedsSackNow = true;

    const isNext = tsn === (this.#tsns.cumulativeTsn + 1) >>> 0;
    if (this.reassembly.heldBytes >= this.#options.bufferSize && !this.#mayOverfill(isNext)) {
      stats.dropped.window++;
      this.#packetNeedsSackNow = true; // "MUST immediately send back a SACK chunk with the current receive window"
      return;
    }
    const arrival = this.#tsns.add(tsn);
    if (arrival !== 'new') {
      if (arrival === 'duplicate') stats.duplicateTsnsReceived++;
      else stats.dropped.window++;
      this.#packetNeedsSackNow = true;
      return;
    }
    stats.dataChunksReceived++;
    const streamId = u16(packet, at + DATA.streamId);
    if (streamId >= inboundStreams) {
      // RFC 9260 §6.5: acknowledge it, report it, discard it.
      stats.dropped.stream++;
      this.#options.reportError(encodeStreamCause(streamId));
      return;
    }
    const violation = this.reassembly.receive(
      tsn,
      flags,
      streamId,
      u16(packet, at + DATA.ssn),
      u32(packet, at + DATA.ppid),
      packet.subarray(at + DATA.userData, at + length),
      isNext,
    );
    if (violation !== null) this.#options.abort(encodeTextCause(CAUSE.protocolViolation, violation), violation);
  }

  /** RFC 3758 §3.6. */
  handleForwardTsn(forwardTsn: ForwardTsn): void {
    // "For the purposes of sending a SACK, the receiver MUST follow the same rules as if a DATA chunk had been received."
    this.#packetHasData = true;
    const { newCumulativeTsn } = forwardTsn;
    const ahead = (newCumulativeTsn - this.#tsns.cumulativeTsn) >>> 0;
    if (ahead === 0 || ahead >= 0x8000_0000) {
      // "MUST treat this FORWARD TSN as out-of-date"; a SACK may have been lost.
      this.#packetNeedsSackNow = true;
      return;
    }
    // More than a window ahead was never sent: it would let a peer skip over anything, for ever.
    if (ahead > MAX_TSN_AHEAD) {
      this.#options.stats.dropped.forwardTsn++;
      return;
    }
    const { inboundStreams } = this.#options;
    this.#tsns.forwardTo(newCumulativeTsn);
    this.reassembly.forward({
      newCumulativeTsn,
      streams: forwardTsn.streams.filter(({ streamId }) => streamId < inboundStreams),
    });
  }

  /** Something calls for a SACK with this packet, such as a RE-CONFIG request (RFC 6525 §5.2.1). */
  requestSack(): void {
    this.#packetHasData = true;
    this.#packetNeedsSackNow = true;
  }

  /** The packet is at its end: decides about its acknowledgement (RFC 9260 §6.2, §6.7). True if it held DATA. */
  endPacket(now: number): boolean {
    if (!this.#packetHasData) return false;
    const { packetsPerSack, timers, sackDelayMs } = this.#options;
    this.#packetsSinceSack++;
    this.#steadyPackets++;
    if (this.#packetNeedsSackNow || this.#tsns.hasGaps) {
      this.#sackIsDue = true;
      if (this.#tsns.hasGaps) this.#steadyPackets = 0;
    } else if (this.#packetsSinceSack >= packetsPerSack) {
      if (this.#steadyPackets > STEADY_PACKETS && this.#packetsSinceSack < MAX_PACKETS_PER_SACK) {
        timers.set(TIMER.sack, now); // due at the end of the turn
      } else this.#sackIsDue = true;
    } else if (!timers.isSet(TIMER.sack)) {
      timers.set(TIMER.sack, now + sackDelayMs);
    }
    this.#packetHasData = false;
    this.#packetNeedsSackNow = false;
    return true;
  }

  handleSackTimeout(): void {
    this.#sackIsDue = true;
    if (this.#packetsSinceSack < this.#options.packetsPerSack) this.#steadyPackets = 0; // it was delayed: a pause
  }

  /**
   * The buffer is full. Only the next TSN is let in still, since what fills the buffer may wait for nothing else; and
   * what was accepted is never dropped again. Bound: a message more than the buffer; past that the peer skips sequence
   * numbers, and the association is aborted.
   */
  #mayOverfill(isNext: boolean): boolean {
    if (!isNext) return false;
    if (this.reassembly.heldBytes < this.#options.bufferSize + this.#options.maxMessageSize) return true;
    this.#options.abort(encodeCause(CAUSE.outOfResource), 'the receive buffer is full of messages out of order');
    return false;
  }

  // ---- Output ----

  /** A SACK has to go out now. */
  get sackIsDue(): boolean {
    return this.#sackIsDue;
  }

  /** A SACK is owed, and should go along with DATA (RFC 9260 §6.1). */
  get sackIsPending(): boolean {
    return this.#sackIsDue || this.#options.timers.isSet(TIMER.sack);
  }

  /** Appends the SACK. "MUST report as many Gap Ack Blocks as can fit" (RFC 9260 §6.2). */
  writeSack(packet: PacketWriter): void {
    const room = packet.room - SACK.gapBlocks;
    if (room < 0) return;
    const { bytes, at } = packet;
    const counts = this.#tsns.write(bytes, at + SACK.gapBlocks, room);
    const blocks = counts >>> 16;
    const duplicates = counts & 0xffff;
    packet.at = at + writeSackHead(bytes, at, this.#tsns.cumulativeTsn, this.aRwnd, blocks, duplicates);
    this.#options.timers.clear(TIMER.sack);
    this.#packetsSinceSack = 0;
    this.#sackIsDue = false;
    this.#options.stats.sacksSent++;
  }
}
