/** Sends probes on time: groups of packets at the probe's own rate, ahead of the pacer's budget. Figures are libwebrtc's. */
import type { ProbeCluster } from './types.ts';

/** Bound on probes that wait; the oldest makes room. */
const MAX_PENDING = 5;
/** A probe that has waited so long for media is out of date. */
const PENDING_TIMEOUT_MS = 5000;
/** A group that leaves so late spoils the measurement: the probe is given up. libwebrtc: 10; timers here are coarser. */
const MAX_DELAY_MS = 20;
/** Only a packet as large as this begins a probe: small ones come alone. */
const MIN_PACKET_BYTES = 200;

type Pending = { readonly cluster: ProbeCluster; bytes: number; groups: number; startedAtMs: number };

export class Prober {
  #pending: Pending[] = [];
  #isActive = false;
  #nextAtMs = -Infinity;

  /** The next group's time; Infinity when no probe is under way. */
  get nextGroupAt(): number {
    return this.#isActive ? this.#nextAtMs : Infinity;
  }

  add(cluster: ProbeCluster): void {
    if (this.#pending.length === MAX_PENDING) this.#pending.shift();
    this.#pending.push({ cluster, bytes: 0, groups: 0, startedAtMs: -1 });
  }

  /** Media is there: a probe may begin. */
  onPacketQueued(sizeBytes: number, nowMs: number): void {
    if (this.#isActive) return;
    while (this.#pending.length > 0 && nowMs - this.#pending[0]!.cluster.requestedAtMs > PENDING_TIMEOUT_MS) {
      this.#pending.shift();
    }
    if (this.#pending.length === 0 || sizeBytes < Math.min(this.groupBytes, MIN_PACKET_BYTES)) return;
    this.#isActive = true;
    this.#nextAtMs = nowMs;
  }

  /** The probe to send a group of now; `null`: none, or too late. */
  current(nowMs: number): ProbeCluster | null {
    if (!this.#isActive) return null;
    if (nowMs - this.#nextAtMs > MAX_DELAY_MS) this.#next(nowMs);
    return this.#isActive ? this.#pending[0]!.cluster : null;
  }

  /** The least a group should have. */
  get groupBytes(): number {
    const cluster = this.#pending[0]?.cluster;
    return cluster === undefined ? 0 : (cluster.targetBitrate * cluster.intervalMs) / 8000;
  }

  /** A group has left. */
  onGroupSent(bytes: number, nowMs: number): void {
    const pending = this.#pending[0];
    if (!this.#isActive || pending === undefined) return;
    if (pending.groups === 0) pending.startedAtMs = nowMs;
    pending.groups++;
    pending.bytes += bytes;
    const { minBytes, minPackets, targetBitrate } = pending.cluster;
    this.#nextAtMs = pending.startedAtMs + (pending.bytes * 8000) / targetBitrate;
    if (pending.bytes >= minBytes && pending.groups >= minPackets) this.#next(this.#nextAtMs);
  }

  /** There is nothing to send in it: wait for media. A probe with a hole in it would measure the hole. */
  pause(): void {
    this.#isActive = false;
    if ((this.#pending[0]?.groups ?? 0) > 0) this.#pending.shift();
  }

  #next(atMs: number): void {
    this.#pending.shift();
    this.#isActive = this.#pending.length > 0;
    this.#nextAtMs = atMs;
  }
}
