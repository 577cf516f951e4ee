/**
 * What was sent and when, until feedback says what became of it (draft-holmer-rmcat-transport-wide-cc-extensions-01,
 * RFC 8888). Feedback is another party's word: it may be late, doubled, reordered, or about packets that never were.
 */
import { OFFSET_OVER_RANGE } from '../rtcp/congestion-feedback.ts';
import { ARRIVAL_UNIT_MS } from '../rtcp/transport-feedback.ts';
import type { CongestionFeedback, TransportFeedback } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';
import { ArrivalClock } from './arrival-clock.ts';
import type { PacketKind, PacketResult, ProbeCluster, SentPacket } from './types.ts';

/**
 * Bound on packets that are remembered: half of the 16-bit number space, beyond which a number in feedback could mean
 * two packets. 32,768 are 3 s at 100 Mbit/s, and feedback comes 10 times a second. The oldest one is forgotten.
 */
const MAX_PACKETS = 32_768;
const INITIAL_CAPACITY = 256;
/** As long as libwebrtc waits for feedback. */
const MAX_AGE_MS = 60_000;

/** One packet in the history. Handed out as the result once it has arrived; nobody looks at it here after that. */
type Row = {
  readonly sequenceNumber: number;
  readonly sentAtMs: number;
  receivedAtMs: number | null;
  readonly sizeBytes: number;
  readonly untrackedBytes: number;
  readonly kind: PacketKind;
  readonly ssrc: number;
  /** -1: not to be found by SSRC and RTP sequence number. */
  readonly rtpSequenceNumber: number;
  readonly probe: ProbeCluster | null;
  wasReportedLost: boolean;
  ecn: number;
};

export class SentPackets {
  readonly #unwrapper = new SequenceUnwrapper();
  readonly #clock = new ArrivalClock();
  /** Indexed by the low bits of the sequence number; its length is a power of two. */
  #rows: (Row | null)[] = new Array<Row | null>(INITIAL_CAPACITY).fill(null);
  /** RFC 8888: from SSRC and RTP sequence number to the transport-wide one. As many entries as rows at most. */
  readonly #byRtp = new Map<number, number>();
  #oldest = -1;
  #newest = -1;
  #acknowledgedUpTo = -1;
  #outstandingBytes = 0;
  #untrackedBytes = 0;
  readonly #stats = { packets: 0, received: 0, lost: 0, recovered: 0, unknown: 0 };

  /** Bytes that feedback has not yet come to, whatever became of them. */
  get outstandingBytes(): number {
    return this.#outstandingBytes;
  }

  /** `unknown`: feedback on packets that we have not sent, have forgotten, or know to be received already. */
  get stats(): Readonly<{ packets: number; received: number; lost: number; recovered: number; unknown: number }> {
    return this.#stats;
  }

  /** Takes note of a packet. RangeError when its number is not ahead of the last one's. */
  add(packet: SentPacket, nowMs: number): void {
    if (packet.transportSequenceNumber === null) {
      this.#untrackedBytes += packet.sizeBytes;
      return;
    }
    const sequenceNumber = this.#unwrapper.peek(checked16(packet.transportSequenceNumber));
    if (sequenceNumber <= this.#newest) {
      throw new RangeError(
        `transportSequenceNumber must be ahead of the last one (got ${packet.transportSequenceNumber})`,
      );
    }
    this.#unwrapper.unwrap(packet.transportSequenceNumber);
    if (this.#oldest < 0) this.#oldest = sequenceNumber;
    this.#newest = sequenceNumber;
    this.#forgetBefore(sequenceNumber - MAX_PACKETS + 1);
    this.#forgetOlderThan(nowMs - MAX_AGE_MS);
    while (sequenceNumber - this.#oldest >= this.#rows.length) this.#grow();
    const rtpSequenceNumber = packet.rtpSequenceNumber ?? -1;
    this.#rows[this.#slot(sequenceNumber)] = {
      sequenceNumber,
      sentAtMs: nowMs,
      receivedAtMs: null,
      sizeBytes: packet.sizeBytes,
      untrackedBytes: this.#untrackedBytes,
      kind: packet.kind,
      ssrc: packet.ssrc,
      rtpSequenceNumber,
      probe: packet.probe ?? null,
      wasReportedLost: false,
      ecn: 0,
    };
    if (rtpSequenceNumber >= 0) this.#byRtp.set(rtpKey(packet.ssrc, rtpSequenceNumber), sequenceNumber);
    this.#untrackedBytes = 0;
    this.#outstandingBytes += packet.sizeBytes;
    this.#stats.packets++;
  }

  /** What transport-wide feedback says, in the order of sending; [] when it says nothing new. */
  matchTransportFeedback(feedback: TransportFeedback, nowMs: number): PacketResult[] {
    const results: PacketResult[] = [];
    if (this.#newest < 0) return results;
    const { baseSequenceNumber, packetStatusCount, received } = feedback;
    const referenceMs = this.#clock.referenceTime(feedback.referenceTime, nowMs);
    // Taken as the nearest number to the last one sent: feedback is about the past, so half the range is plenty.
    const base = this.#unwrapper.peek(baseSequenceNumber);
    let next = 0;
    for (let i = 0; i < packetStatusCount; i++) {
      const arrival = received[next];
      if (arrival === undefined || arrival.sequenceNumber !== ((baseSequenceNumber + i) & 0xffff)) {
        this.#take(base + i, null, 0, results);
        continue;
      }
      next++;
      if (arrival.arrivalTime === null) this.#takeUntimed(base + i);
      else this.#take(base + i, referenceMs + arrival.arrivalTime * ARRIVAL_UNIT_MS, 0, results);
    }
    return results;
  }

  /** What RFC 8888 feedback says, in the order of sending; [] when it says nothing new. */
  matchCongestionFeedback(feedback: CongestionFeedback, nowMs: number): PacketResult[] {
    const results: PacketResult[] = [];
    if (this.#newest < 0) return results;
    const reportedAtMs = this.#clock.reportTime(feedback.reportTimestamp, nowMs);
    for (const { ssrc, beginSequenceNumber, packets } of feedback.streams) {
      for (let i = 0; i < packets.length; i++) {
        const packet = packets[i]!;
        const sequenceNumber = this.#byRtp.get(rtpKey(ssrc, (beginSequenceNumber + i) & 0xffff));
        if (sequenceNumber === undefined) this.#stats.unknown++;
        else if (packet === null) this.#take(sequenceNumber, null, 0, results);
        else if (packet.arrivalTimeOffset === null || packet.arrivalTimeOffset >= OFFSET_OVER_RANGE) {
          this.#takeUntimed(sequenceNumber);
        } else {
          const arrivedAtMs = reportedAtMs - packet.arrivalTimeOffset / OFFSET_UNITS_PER_MS;
          this.#take(sequenceNumber, arrivedAtMs, packet.ecn, results);
        }
      }
    }
    return results.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  }

  /** Feedback on what was sent so far is worth nothing: it went another way. */
  forgetAll(): void {
    if (this.#newest >= 0) this.#forgetBefore(this.#newest + 1);
    this.#untrackedBytes = 0;
  }

  #take(sequenceNumber: number, receivedAtMs: number | null, ecn: number, results: PacketResult[]): void {
    const row = this.#find(sequenceNumber);
    if (row === null) return;
    if (receivedAtMs === null) {
      if (row.wasReportedLost) return;
      this.#stats.lost++;
      results.push({ ...row });
      row.wasReportedLost = true;
      return;
    }
    this.#stats.received++;
    if (row.wasReportedLost) this.#stats.recovered++;
    row.receivedAtMs = receivedAtMs;
    row.ecn = ecn;
    this.#remove(row);
    results.push(row);
  }

  /** It arrived, but when is not known: neither a loss nor a measurement. */
  #takeUntimed(sequenceNumber: number): void {
    const row = this.#find(sequenceNumber);
    if (row === null) return;
    this.#stats.received++;
    this.#remove(row);
  }

  #find(sequenceNumber: number): Row | null {
    const row = sequenceNumber > this.#newest ? null : this.#at(sequenceNumber);
    if (row === null) {
      this.#stats.unknown++;
      return null;
    }
    for (let i = Math.max(this.#acknowledgedUpTo + 1, this.#oldest); i <= sequenceNumber; i++) {
      this.#outstandingBytes -= this.#at(i)?.sizeBytes ?? 0;
    }
    this.#acknowledgedUpTo = Math.max(this.#acknowledgedUpTo, sequenceNumber);
    return row;
  }

  #at(sequenceNumber: number): Row | null {
    const row = this.#rows[this.#slot(sequenceNumber)]!;
    return row !== null && row.sequenceNumber === sequenceNumber ? row : null;
  }

  #slot(sequenceNumber: number): number {
    return sequenceNumber % this.#rows.length;
  }

  #remove(row: Row): void {
    this.#rows[this.#slot(row.sequenceNumber)] = null;
    if (row.rtpSequenceNumber < 0) return;
    const key = rtpKey(row.ssrc, row.rtpSequenceNumber);
    if (this.#byRtp.get(key) === row.sequenceNumber) this.#byRtp.delete(key);
  }

  #forget(sequenceNumber: number): void {
    const row = this.#at(sequenceNumber);
    if (row === null) return;
    if (sequenceNumber > this.#acknowledgedUpTo) this.#outstandingBytes -= row.sizeBytes;
    this.#remove(row);
  }

  #forgetBefore(sequenceNumber: number): void {
    for (; this.#oldest < sequenceNumber && this.#oldest <= this.#newest; this.#oldest++) this.#forget(this.#oldest);
    if (this.#oldest < sequenceNumber) this.#oldest = sequenceNumber;
  }

  #forgetOlderThan(sentAtMs: number): void {
    for (; this.#oldest < this.#newest; this.#oldest++) {
      const row = this.#at(this.#oldest);
      if (row !== null && row.sentAtMs >= sentAtMs) return;
      if (row !== null) this.#forget(this.#oldest);
    }
  }

  #grow(): void {
    const old = this.#rows;
    this.#rows = new Array<Row | null>(old.length * 2).fill(null);
    for (const row of old) if (row !== null) this.#rows[this.#slot(row.sequenceNumber)] = row;
  }
}

/** RFC 8888 §3.1: offsets are in 1/1024 s. */
const OFFSET_UNITS_PER_MS = 1.024;

/** An SSRC and a sequence number as one number of 48 bits. */
function rtpKey(ssrc: number, sequenceNumber: number): number {
  return ssrc * 0x1_0000 + sequenceNumber;
}

function checked16(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff) return value;
  throw new RangeError(`transportSequenceNumber must be an integer from 0 to 65535 (got ${value})`);
}
