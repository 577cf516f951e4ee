/**
 * How much gets through: the rate of the packets that feedback acknowledges, over a second or more. The largest gap
 * between arrivals is not counted, since a path that stood still for a moment has not become slower; and the result is
 * never above the rate of sending, since a queue that empties has not become faster. Figures are libwebrtc's.
 */
import type { ReceivedResult } from './types.ts';

const MIN_PACKETS = 20;
/** Bound on the window. */
const MAX_PACKETS = 500;
const MIN_DURATION_MS = 1000;
const MAX_DURATION_MS = 5000;
/** Fewer say nothing. */
const REQUIRED_PACKETS = 10;
/** An arrival so much earlier than the latest one: the receiver's clock was set. */
const MAX_REORDERING_MS = 1000;

export class ThroughputEstimator {
  /** In the order of arrival. */
  #window: ReceivedResult[] = [];
  #latestDroppedSentAtMs = -Infinity;
  #bitrate: number | null = null;

  /** @param received in the order of arrival */
  add(received: readonly ReceivedResult[]): void {
    const window = this.#window;
    for (const packet of received) {
      let index = window.length;
      while (index > 0 && window[index - 1]!.receivedAtMs > packet.receivedAtMs) index--;
      if (index === window.length) window.push(packet);
      else window.splice(index, 0, packet);
      if (window.at(-1)!.receivedAtMs - packet.receivedAtMs > MAX_REORDERING_MS) {
        window.length = 0;
        this.#latestDroppedSentAtMs = -Infinity;
      }
    }
    const dropped = this.#countOutside();
    for (let i = 0; i < dropped; i++) {
      this.#latestDroppedSentAtMs = Math.max(this.#latestDroppedSentAtMs, window[i]!.sentAtMs);
    }
    window.splice(0, dropped);
    this.#bitrate = this.#measure();
  }

  /** Bits per second; `null` while there is too little to tell. */
  get bitrate(): number | null {
    return this.#bitrate;
  }

  /** Goes through the window: once for each feedback, while timers ask far more often. */
  #measure(): number | null {
    const window = this.#window;
    if (window.length < REQUIRED_PACKETS) return null;
    const received = this.#receivedBits() / this.#receiveDurationMs();
    let sentBits = 0;
    let firstSentAtMs = Infinity;
    let last: ReceivedResult | null = null;
    let packets = 0;
    for (const packet of window) {
      // Overtaken by packets that have left the window: its time of sending says nothing about this window.
      if (packet.sentAtMs < this.#latestDroppedSentAtMs) continue;
      if (last === null || packet.sentAtMs > last.sentAtMs) last = packet;
      firstSentAtMs = Math.min(firstSentAtMs, packet.sentAtMs);
      sentBits += bits(packet);
      packets++;
    }
    if (packets < REQUIRED_PACKETS || last === null) return received * 1000;
    // From the first packet to the last: the last one's own time is not in it.
    const sent = (sentBits - bits(last)) / Math.max(last.sentAtMs - firstSentAtMs, 1);
    return Math.min(sent, received) * 1000;
  }

  /** Without the first packet, whose own time is not in the duration. */
  #receivedBits(): number {
    let sum = 0;
    for (let i = 1; i < this.#window.length; i++) sum += bits(this.#window[i]!);
    return sum;
  }

  #receiveDurationMs(): number {
    const window = this.#window;
    let largestGapMs = 0;
    let secondLargestGapMs = 0;
    for (let i = 1; i < window.length; i++) {
      const gapMs = window[i]!.receivedAtMs - window[i - 1]!.receivedAtMs;
      if (gapMs > largestGapMs) {
        secondLargestGapMs = largestGapMs;
        largestGapMs = gapMs;
      } else if (gapMs > secondLargestGapMs) secondLargestGapMs = gapMs;
    }
    const durationMs = window.at(-1)!.receivedAtMs - window[0]!.receivedAtMs;
    return Math.max(durationMs - largestGapMs + secondLargestGapMs, 1);
  }

  #countOutside(): number {
    const window = this.#window;
    const last = window.at(-1)?.receivedAtMs ?? 0;
    for (let i = 0; i < window.length; i++) {
      const packets = window.length - i;
      const durationMs = last - window[i]!.receivedAtMs;
      const isOutside =
        packets > MAX_PACKETS ||
        durationMs > MAX_DURATION_MS ||
        (packets > MIN_PACKETS && durationMs > MIN_DURATION_MS);
      if (!isOutside) return i;
    }
    return window.length;
  }
}

function bits(packet: ReceivedResult): number {
  return (packet.sizeBytes + packet.untrackedBytes) * 8;
}
