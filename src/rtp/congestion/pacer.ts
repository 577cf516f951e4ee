/**
 * Evens out what is sent: an encoder makes a key frame in one go, and a path with a short queue would lose it. A leaky
 * bucket: what was sent is a debt, which is paid off at the pacing rate; nothing is sent while there is debt, but for
 * bursts of 5 ms. Audio, which is small and in a hurry, does not wait, though its debt counts. Probes go by their own
 * clock. Figures are libwebrtc's unless said otherwise.
 */
import { PacketFifo, type Queued } from './packet-fifo.ts';
import { Prober } from './prober.ts';
import type { PacketKind, ProbeCluster } from './types.ts';

/** Longer than this in the queue on average, and it is sent faster than the pacing rate allows. */
const DEFAULT_QUEUE_TIME_LIMIT_MS = 2000;
/** libwebrtc has 40 ms, for fewer wake-ups; 5 ms are kinder to short queues. */
const DEFAULT_BURST_MS = 5;
/** Bound on the queue: 2 s of 1,200-byte packets at 30 Mbit/s. See {@link Pacer.enqueue} for what happens at it. */
const DEFAULT_MAX_PACKETS = 6000;
/** Bound on debt, so that a rate that falls does not silence us for long. */
const MAX_DEBT_MS = 500;
/** A timer that comes late is made up for, but no further: else a process that stood still would flood the path. */
const MAX_CATCH_UP_MS = 50;
/** So much padding at a time. */
const PADDING_MS = 5;
/** Bound on packets sent in one call, whatever the figures say. */
const MAX_PACKETS_PER_CALL = 4096;
/** Debt below this is none: rates are real numbers. */
const EPSILON_BYTES = 1e-6;

/** What a packet in the queue must say of itself; all else is its owner's. */
export interface PacedPacket {
  readonly kind: PacketKind;
  readonly sizeBytes: number;
}

export interface PacerSink<Packet extends PacedPacket> {
  /** Send it now. `probe`: what it is part of, to be handed on in `SentPacket.probe`. */
  send(packet: Packet, probe: ProbeCluster | null, nowMs: number): void;
  /** About so many bytes of padding, to be sent at once; [] when there is none to be had. */
  makePadding(sizeBytes: number, nowMs: number): readonly Packet[];
  /** The queue was full, and this one had to go. */
  drop?(packet: Packet): void;
}

export type PacerOptions = {
  /** What may leave at once. Default 5 ms. */
  readonly burstMs?: number;
  /** Default 2 s. */
  readonly queueTimeLimitMs?: number;
  /** Default 6000. */
  readonly maxPackets?: number;
  /** Audio waits like all else. Default false. */
  readonly paceAudio?: boolean;
};

export type PacerStats = { readonly sent: number; readonly padding: number; readonly dropped: number };

const LEVELS: Readonly<Record<PacketKind, number>> = { audio: 0, retransmission: 1, video: 2, fec: 2, padding: 3 };
const LOWEST_LEVEL = 3;

export class Pacer<Packet extends PacedPacket> {
  readonly #sink: PacerSink<Packet>;
  readonly #burstMs: number;
  readonly #queueTimeLimitMs: number;
  readonly #maxPackets: number;
  readonly #paceAudio: boolean;
  readonly #prober = new Prober();
  /** By priority, the most urgent first. */
  readonly #queues: readonly PacketFifo<Packet>[] = Array.from({ length: LOWEST_LEVEL + 1 }, () => new PacketFifo());
  #packets = 0;
  #bytes = 0;
  #queuedAtSumMs = 0; // over the queue
  /** Bytes per ms. */
  #pacingRate = 0;
  #paddingRate = 0;
  #mediaDebt = 0;
  #paddingDebt = 0;
  /** Debt is paid off up to here. */
  #paidUpToMs = 0;
  #hasSent = false;
  #isPaused = false;
  readonly #stats = { sent: 0, padding: 0, dropped: 0 };

  constructor(options: PacerOptions, sink: PacerSink<Packet>) {
    this.#sink = sink;
    this.#burstMs = atLeast(options.burstMs ?? DEFAULT_BURST_MS, 0, 'burstMs');
    this.#queueTimeLimitMs = atLeast(options.queueTimeLimitMs ?? DEFAULT_QUEUE_TIME_LIMIT_MS, 1, 'queueTimeLimitMs');
    this.#maxPackets = atLeast(options.maxPackets ?? DEFAULT_MAX_PACKETS, 1, 'maxPackets');
    this.#paceAudio = options.paceAudio ?? false;
  }

  get stats(): PacerStats {
    return this.#stats;
  }

  get queuedPackets(): number {
    return this.#packets;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  /** How long the queue takes to empty at today's rate; an encoder that sees this grow should skip a frame. */
  get expectedQueueTimeMs(): number {
    return this.#bytes === 0 ? 0 : this.#bytes / this.#pacingRate;
  }

  /** Bits per second. Nothing but audio is sent before this is called. */
  setRates(pacingBitrate: number, paddingBitrate: number, nowMs: number): void {
    atLeast(pacingBitrate, 0, 'pacingBitrate');
    atLeast(paddingBitrate, 0, 'paddingBitrate');
    this.#payOff(nowMs);
    this.#pacingRate = pacingBitrate / 8000;
    this.#paddingRate = Math.min(paddingBitrate, pacingBitrate) / 8000;
  }

  /** Sends a probe as soon as there is media to begin it with; padding fills it up. */
  addProbe(cluster: ProbeCluster, nowMs: number): void {
    this.#prober.add(cluster);
    if (this.#packets > 0) this.#prober.onPacketQueued(this.#bytes, nowMs);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(nowMs: number): void {
    this.#isPaused = false;
    this.#payOff(nowMs);
  }

  /**
   * Queues a packet; `handleTimeout` sends it. At the bound, the youngest packet of the least urgent kind makes room, if
   * it is less urgent than this one; else this one is refused. Either way `drop` is told.
   */
  enqueue(packet: Packet, nowMs: number): void {
    if (this.#packets === 0) this.#payOff(nowMs); // time that passed with nothing to send is no credit
    const level = LEVELS[packet.kind];
    if (this.#packets >= this.#maxPackets && !this.#makeRoom(level)) {
      this.#stats.dropped++;
      this.#sink.drop?.(packet);
      return;
    }
    this.#queues[level]!.push(packet, nowMs);
    this.#packets++;
    this.#bytes += packet.sizeBytes;
    this.#queuedAtSumMs += nowMs;
    this.#prober.onPacketQueued(packet.sizeBytes, nowMs);
  }

  /** Takes packets out of the queue: a stream has ended, or a key frame makes them worthless. */
  remove(drops: (packet: Packet) => boolean): void {
    for (const queue of this.#queues) for (const entry of queue.remove(drops)) this.#count(entry);
  }

  /** When `handleTimeout` is next due; Infinity when there is nothing to send. */
  get nextTimeout(): number {
    if (this.#isPaused) return Infinity;
    return Math.min(this.#prober.nextGroupAt, this.#nextSendAt());
  }

  /** Sends what is due. */
  handleTimeout(nowMs: number): void {
    if (this.#isPaused) return;
    this.#payOff(nowMs - MAX_CATCH_UP_MS);
    for (let i = 0; i < MAX_PACKETS_PER_CALL; i++) {
      if (this.#prober.nextGroupAt <= nowMs) {
        const probe = this.#prober.current(nowMs);
        if (probe !== null) this.#sendGroup(probe, nowMs);
        continue;
      }
      const sendAt = this.#nextSendAt();
      if (sendAt > nowMs) return;
      if (sendAt > this.#paidUpToMs) this.#payOff(sendAt);
      if (this.#packets > 0) this.#send(this.#take(), null, nowMs);
      else this.#pad(this.#paddingRate * PADDING_MS, null, nowMs);
    }
  }

  #nextSendAt(): number {
    if (this.#prober.nextGroupAt < Infinity) return Infinity; // a probe has the path to itself
    if (this.#queues[0]!.length > 0 && !this.#paceAudio) return this.#paidUpToMs;
    const rate = this.#drainRate();
    if (rate <= 0) return Infinity;
    if (this.#packets > 0) {
      const payOffMs = this.#mediaDebt / rate;
      return this.#paidUpToMs + (payOffMs < this.#burstMs ? 0 : payOffMs);
    }
    if (this.#paddingRate <= 0 || !this.#hasSent) return Infinity;
    return this.#paidUpToMs + Math.max(this.#mediaDebt / rate, this.#paddingDebt / this.#paddingRate);
  }

  /** The pacing rate, or more if the queue would take longer than it may. */
  #drainRate(): number {
    if (this.#packets === 0) return this.#pacingRate;
    const averageMs = this.#paidUpToMs - this.#queuedAtSumMs / this.#packets;
    return Math.max(this.#pacingRate, this.#bytes / Math.max(this.#queueTimeLimitMs - averageMs, 1));
  }

  #payOff(untilMs: number): void {
    const elapsedMs = untilMs - this.#paidUpToMs;
    if (elapsedMs <= 0) return;
    this.#mediaDebt = paid(this.#mediaDebt, this.#drainRate() * elapsedMs);
    this.#paddingDebt = paid(this.#paddingDebt, this.#paddingRate * elapsedMs);
    this.#paidUpToMs = untilMs;
  }

  #take(): Packet {
    for (const queue of this.#queues) {
      const entry = queue.shift();
      if (entry === undefined) continue;
      this.#count(entry);
      return entry.packet;
    }
    throw new Error('unreachable: the queue is not empty');
  }

  #send(packet: Packet, probe: ProbeCluster | null, nowMs: number): void {
    this.#hasSent = true;
    this.#stats.sent++;
    this.#mediaDebt = Math.min(this.#mediaDebt + packet.sizeBytes, this.#pacingRate * MAX_DEBT_MS);
    this.#owePadding(packet.sizeBytes);
    this.#sink.send(packet, probe, nowMs);
  }

  /** Bytes sent. */
  #pad(sizeBytes: number, probe: ProbeCluster | null, nowMs: number): number {
    const packets = this.#sink.makePadding(Math.ceil(sizeBytes), nowMs);
    let bytes = 0;
    for (const packet of packets) {
      bytes += packet.sizeBytes;
      this.#stats.padding++;
      this.#send(packet, probe, nowMs);
    }
    if (bytes === 0) this.#owePadding(sizeBytes); // none to be had: ask again later
    return bytes;
  }

  #owePadding(sizeBytes: number): void {
    this.#paddingDebt = Math.min(this.#paddingDebt + sizeBytes, this.#paddingRate * MAX_DEBT_MS);
  }

  #sendGroup(probe: ProbeCluster, nowMs: number): void {
    const wanted = this.#prober.groupBytes;
    let bytes = 0;
    while (bytes < wanted) {
      if (this.#packets > 0) {
        const packet = this.#take();
        bytes += packet.sizeBytes;
        this.#send(packet, probe, nowMs);
        continue;
      }
      const padding = this.#pad(wanted - bytes, probe, nowMs);
      if (padding === 0) break;
      bytes += padding;
    }
    if (bytes > 0) this.#prober.onGroupSent(bytes, nowMs);
    else this.#prober.pause();
  }

  #makeRoom(level: number): boolean {
    for (let lowest = LOWEST_LEVEL; lowest > level; lowest--) {
      const entry = this.#queues[lowest]!.pop();
      if (entry === undefined) continue;
      this.#count(entry);
      this.#stats.dropped++;
      this.#sink.drop?.(entry.packet);
      return true;
    }
    return false;
  }

  /** An entry has left the queue. */
  #count(entry: Queued<Packet>): void {
    this.#packets--;
    this.#bytes -= entry.packet.sizeBytes;
    this.#queuedAtSumMs = this.#packets === 0 ? 0 : this.#queuedAtSumMs - entry.queuedAtMs;
  }
}

function paid(debt: number, payment: number): number {
  const rest = debt - payment;
  return rest > EPSILON_BYTES ? rest : 0;
}

function atLeast(value: number, min: number, name: string): number {
  if (value >= min && value < Infinity) return value;
  throw new RangeError(`${name} must be a number of at least ${min} (got ${value})`);
}
