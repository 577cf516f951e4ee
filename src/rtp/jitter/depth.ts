/** How long a gap is waited for: as long as gaps have lately taken to fill, and as a retransmission takes. */

/** What was seen, times this. */
const MARGIN = 1.5;
/** A gap that filled sooner brings the estimate so much closer to it. */
const DECAY = 0.05;
/** Round trips that a NACK and two repetitions of it take, and what scheduling adds. */
const REPAIR_ROUND_TRIPS = 4;
const REPAIR_MARGIN_MS = 40;
const DEFAULT_RTT_MS = 100;
/**
 * While ICE goes from one pair to another, a stream comes by two sockets. A process that was busy for a while then reads
 * one after the other, some packets at a time: what is read later may be older. Seen with Chromium on a busy machine.
 */
const MIN_DEPTH_MS = 60;
const MAX_DEPTH_MS = 500;

export type DepthOptions = {
  /** Whether lost packets are asked for. Default false. */
  readonly canRepair?: boolean;
  /** Bounds in ms. Defaults 60 and 500: no one looks longer at a picture that stands. */
  readonly minDepthMs?: number;
  readonly maxDepthMs?: number;
};

export class AdaptiveDepth {
  readonly #canRepair: boolean;
  readonly #minMs: number;
  readonly #maxMs: number;
  #latenessMs = 0;
  #rttMs = DEFAULT_RTT_MS;

  constructor({ canRepair, minDepthMs, maxDepthMs }: DepthOptions) {
    this.#canRepair = canRepair ?? false;
    this.#minMs = minDepthMs ?? MIN_DEPTH_MS;
    this.#maxMs = maxDepthMs ?? MAX_DEPTH_MS;
  }

  get ms(): number {
    const repair = this.#canRepair ? REPAIR_ROUND_TRIPS * this.#rttMs + REPAIR_MARGIN_MS : 0;
    return Math.min(this.#maxMs, Math.max(this.#minMs, repair, MARGIN * this.#latenessMs));
  }

  set roundTripMs(value: number) {
    this.#rttMs = value;
  }

  /** A packet came so much later than one that was sent after it. */
  note(latenessMs: number): void {
    const decayed = this.#latenessMs - DECAY * (this.#latenessMs - latenessMs);
    this.#latenessMs = Math.max(latenessMs, decayed);
  }
}
