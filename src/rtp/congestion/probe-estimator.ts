/** What a probe measured: its packets' rate when they were sent, and when they arrived. Figures are libwebrtc's. */
import type { ReceivedResult } from './types.ts';

/** Share of a probe that must have arrived. */
const MIN_RECEIVED_SHARE = 0.8;
/** Arriving so much faster than sent: something held them up on the way. */
const MAX_RATIO = 2;
/** Arriving so much slower than sent: the path is full, and we stay a little below what it carries. */
const MIN_RATIO_UNSATURATED = 0.9;
const TARGET_UTILISATION = 0.95;
const MAX_INTERVAL_MS = 1000;
/** A probe whose last packet arrived so long ago is over. */
const KEPT_MS = 1000;
/** Bound; far fewer than that are under way at a time. The oldest is forgotten. */
const MAX_CLUSTERS = 16;

type Cluster = {
  packets: number;
  bytes: number;
  firstSentAtMs: number;
  lastSentAtMs: number;
  lastSentBytes: number;
  firstReceivedAtMs: number;
  firstReceivedBytes: number;
  lastReceivedAtMs: number;
};

export class ProbeEstimator {
  readonly #clusters = new Map<number, Cluster>();
  #result: number | null = null;

  /** A packet of a probe arrived. */
  add(packet: ReceivedResult): void {
    const { probe } = packet;
    if (probe === null) return;
    for (const [id, { lastReceivedAtMs }] of this.#clusters) {
      if (lastReceivedAtMs + KEPT_MS < packet.receivedAtMs) this.#clusters.delete(id);
    }
    const cluster = this.#cluster(probe.id);
    cluster.packets++;
    cluster.bytes += packet.sizeBytes;
    cluster.firstSentAtMs = Math.min(cluster.firstSentAtMs, packet.sentAtMs);
    if (packet.sentAtMs >= cluster.lastSentAtMs) {
      cluster.lastSentAtMs = packet.sentAtMs;
      cluster.lastSentBytes = packet.sizeBytes;
    }
    if (packet.receivedAtMs < cluster.firstReceivedAtMs) {
      cluster.firstReceivedAtMs = packet.receivedAtMs;
      cluster.firstReceivedBytes = packet.sizeBytes;
    }
    cluster.lastReceivedAtMs = Math.max(cluster.lastReceivedAtMs, packet.receivedAtMs);
    const hasEnough =
      cluster.packets >= Math.floor(probe.minPackets * MIN_RECEIVED_SHARE) &&
      cluster.bytes >= probe.minBytes * MIN_RECEIVED_SHARE;
    if (hasEnough) this.#result = measure(cluster) ?? this.#result;
  }

  /** What the latest probe measured since the last call, in bits per second; `null` when none did. */
  takeResult(): number | null {
    const result = this.#result;
    this.#result = null;
    return result;
  }

  #cluster(id: number): Cluster {
    const known = this.#clusters.get(id);
    if (known !== undefined) return known;
    if (this.#clusters.size >= MAX_CLUSTERS) this.#clusters.delete(this.#clusters.keys().next().value!);
    const cluster: Cluster = {
      packets: 0,
      bytes: 0,
      firstSentAtMs: Infinity,
      lastSentAtMs: -Infinity,
      lastSentBytes: 0,
      firstReceivedAtMs: Infinity,
      firstReceivedBytes: 0,
      lastReceivedAtMs: -Infinity,
    };
    this.#clusters.set(id, cluster);
    return cluster;
  }
}

function measure(cluster: Cluster): number | null {
  const sendMs = cluster.lastSentAtMs - cluster.firstSentAtMs;
  const receiveMs = cluster.lastReceivedAtMs - cluster.firstReceivedAtMs;
  if (sendMs <= 0 || sendMs > MAX_INTERVAL_MS || receiveMs <= 0 || receiveMs > MAX_INTERVAL_MS) return null;
  // The time from first to last does not hold the last packet when sending, nor the first when receiving.
  const sent = ((cluster.bytes - cluster.lastSentBytes) * 8000) / sendMs;
  const received = ((cluster.bytes - cluster.firstReceivedBytes) * 8000) / receiveMs;
  if (sent <= 0 || received <= 0 || received / sent > MAX_RATIO) return null;
  return received < MIN_RATIO_UNSATURATED * sent ? TARGET_UTILISATION * received : Math.min(sent, received);
}
