/**
 * When to probe, and how high: at the start in steps of two as long as the path carries them; in an application-limited
 * region, where nothing else would tell; after a large drop, back to where we were; and when more is wanted or allowed.
 * Figures are libwebrtc's.
 */
import type { ProbeCluster } from './types.ts';

/** Why the estimate is no higher than it is. */
export type LimitedBy = 'delay' | 'delayIncreased' | 'loss' | 'roundTripTime';

/** First probes, as multiples of the start rate. */
const INITIAL_PROBE_SCALES = [3, 6];
const FURTHER_PROBE_SCALE = 2;
/** A probe that measured so much of its own rate is followed by a larger one. */
const FURTHER_PROBE_THRESHOLD = 0.7;
const RESULT_TIMEOUT_MS = 1000;
const ALR_PROBE_INTERVAL_MS = 5000;
const ALR_PROBE_SCALE = 2;
/** Down to this share of what was: a large drop. */
const LARGE_DROP_FRACTION = 0.66;
const LARGE_DROP_TIMEOUT_MS = 5000;
const PROBE_FRACTION_AFTER_DROP = 0.85;
const MIN_TIME_BETWEEN_DROP_PROBES_MS = 5000;
const PROBE_UNCERTAINTY = 0.05;
const ALR_ENDED_TIMEOUT_MS = 3000;
const MIN_PACKETS = 5;
const MIN_DURATION_MS = 15;
const INTERVAL_MS = 2;
/** Used while no maximum is set. */
const DEFAULT_MAX_PROBE_BITRATE = 5_000_000;
/** Bound on probes not yet taken; a newer one takes the place of the oldest. */
const MAX_PENDING = 8;

export type ProbeOptions = {
  /** Probe every 5 s in an application-limited region. Default true. */
  readonly periodicAlrProbing?: boolean;
};

type State = 'initial' | 'waitingForResult' | 'complete';

export class ProbeController {
  readonly #periodicAlrProbing: boolean;
  #pending: ProbeCluster[] = [];
  #nextId = 0;
  #isSending = false;
  #state: State = 'initial';
  #startBitrate = 0;
  #maxBitrate = DEFAULT_MAX_PROBE_BITRATE;
  #wantedBitrate = 0;
  #estimate = 0;
  #limitedBy: LimitedBy = 'delay';
  /** A result above this is followed by a larger probe. */
  #minResultToGoOn = Infinity;
  #probedAtMs = -Infinity;
  #alrStartedAtMs: number | null = null;
  #alrEndedAtMs = -Infinity;
  #droppedAtMs = -Infinity;
  #bitrateBeforeDrop = 0;
  #probedForDropAtMs = -Infinity;

  constructor(options: ProbeOptions) {
    this.#periodicAlrProbing = options.periodicAlrProbing ?? true;
  }

  /** Infinity while there is nothing to wait for. */
  get nextTimeout(): number {
    if (this.#state === 'waitingForResult') return this.#probedAtMs + RESULT_TIMEOUT_MS;
    return this.#state === 'complete' ? this.#nextAlrProbeAt() : Infinity;
  }

  /** Probes to be sent; each is handed out once. */
  take(): readonly ProbeCluster[] {
    const pending = this.#pending;
    if (pending.length > 0) this.#pending = [];
    return pending;
  }

  /** The path is new: begin again. */
  reset(): void {
    this.#pending = [];
    this.#state = 'initial';
    this.#startBitrate = 0;
    this.#estimate = 0;
    this.#limitedBy = 'delay';
    this.#minResultToGoOn = Infinity;
    this.#probedAtMs = -Infinity;
    this.#alrEndedAtMs = -Infinity;
    this.#bitrateBeforeDrop = 0;
  }

  /** @param startBitrate `null`: go on from where we are */
  setBitrates(startBitrate: number | null, minBitrate: number, maxBitrate: number, nowMs: number): void {
    if (startBitrate !== null) {
      this.#startBitrate = startBitrate;
      this.#estimate = startBitrate;
    } else if (this.#startBitrate === 0) this.#startBitrate = minBitrate;
    const before = this.#maxBitrate;
    this.#maxBitrate = Number.isFinite(maxBitrate) ? maxBitrate : DEFAULT_MAX_PROBE_BITRATE;
    if (this.#state === 'initial') this.#begin(nowMs);
    else if (this.#state === 'complete' && before < this.#maxBitrate && this.#estimate < this.#maxBitrate) {
      this.#probe([this.#maxBitrate], false, nowMs);
    }
  }

  /** The first packet has left: before that there is nothing to probe with. */
  onFirstPacketSent(nowMs: number): void {
    this.#isSending = true;
    this.#begin(nowMs);
  }

  /** The application would send so much, if it could. */
  setWantedBitrate(bitrate: number, nowMs: number): void {
    const isNew = bitrate !== this.#wantedBitrate;
    this.#wantedBitrate = bitrate;
    const isOfUse = this.#estimate < this.#maxBitrate && this.#estimate < bitrate;
    if (!isNew || !isOfUse || this.#state !== 'complete' || this.#alrStartedAtMs === null) return;
    const limit = 2 * this.#estimate;
    const probes = [bitrate, 2 * bitrate].map((probe) => Math.min(probe, limit));
    this.#probe(probes[1]! > probes[0]! ? probes : [probes[0]!], 2 * bitrate > limit, nowMs);
  }

  /** The estimate has changed. */
  setEstimate(bitrate: number, limitedBy: LimitedBy, nowMs: number): void {
    this.#limitedBy = limitedBy;
    if (bitrate < LARGE_DROP_FRACTION * this.#estimate) {
      this.#droppedAtMs = nowMs;
      this.#bitrateBeforeDrop = this.#estimate;
    }
    this.#estimate = bitrate;
    if (this.#state === 'waitingForResult' && bitrate > this.#minResultToGoOn) {
      this.#probe([FURTHER_PROBE_SCALE * bitrate], true, nowMs);
    }
  }

  /** @param startedAtMs when the application-limited region began; `null`: we are in none */
  setAlr(startedAtMs: number | null, nowMs: number): void {
    if (startedAtMs === null && this.#alrStartedAtMs !== null) this.#alrEndedAtMs = nowMs;
    this.#alrStartedAtMs = startedAtMs;
  }

  /** The queue has emptied after an overuse: was the drop too large? */
  onRecovered(nowMs: number): void {
    const isLimited = this.#alrStartedAtMs !== null || nowMs - this.#alrEndedAtMs < ALR_ENDED_TIMEOUT_MS;
    if (!isLimited || this.#state !== 'complete') return;
    const probe = PROBE_FRACTION_AFTER_DROP * this.#bitrateBeforeDrop;
    const isOfUse = (1 - PROBE_UNCERTAINTY) * probe > this.#estimate;
    const isRecent = nowMs - this.#droppedAtMs < LARGE_DROP_TIMEOUT_MS;
    if (!isOfUse || !isRecent || nowMs - this.#probedForDropAtMs <= MIN_TIME_BETWEEN_DROP_PROBES_MS) return;
    this.#probedForDropAtMs = nowMs;
    this.#probe([probe], false, nowMs);
  }

  handleTimeout(nowMs: number): void {
    if (this.#state === 'waitingForResult' && nowMs >= this.#probedAtMs + RESULT_TIMEOUT_MS) this.#complete();
    if (this.#state !== 'complete' || nowMs < this.#nextAlrProbeAt()) return;
    this.#probe([ALR_PROBE_SCALE * this.#estimate], true, nowMs);
    // Refused, because the path is not in a state for it: ask again later, not at once.
    if (this.#probedAtMs !== nowMs) this.#probedAtMs = nowMs;
  }

  #begin(nowMs: number): void {
    if (!this.#isSending || this.#startBitrate === 0 || this.#state !== 'initial') return;
    const probes = INITIAL_PROBE_SCALES.map((scale) => scale * this.#startBitrate);
    this.#probe(probes, true, nowMs);
  }

  #nextAlrProbeAt(): number {
    if (!this.#periodicAlrProbing || this.#alrStartedAtMs === null || this.#estimate <= 0) return Infinity;
    return Math.max(this.#alrStartedAtMs, this.#probedAtMs) + ALR_PROBE_INTERVAL_MS;
  }

  #complete(): void {
    this.#state = 'complete';
    this.#minResultToGoOn = Infinity;
  }

  #probe(bitrates: readonly number[], goOn: boolean, nowMs: number): void {
    if (this.#limitedBy !== 'delay') return; // the path has more than it carries already
    const limit = this.#wantedBitrate > 0 ? Math.min(this.#maxBitrate, 2 * this.#wantedBitrate) : this.#maxBitrate;
    if (this.#estimate >= limit) {
      this.#complete(); // nothing to learn
      return;
    }
    let mayGoOn = goOn;
    let highest = 0;
    for (const bitrate of bitrates) {
      if (bitrate >= limit) mayGoOn = false;
      highest = Math.min(bitrate, limit);
      if (highest > 0) this.#add(highest, nowMs);
    }
    this.#probedAtMs = nowMs;
    if (!mayGoOn) {
      this.#complete();
      return;
    }
    this.#state = 'waitingForResult';
    this.#minResultToGoOn = FURTHER_PROBE_THRESHOLD * highest;
  }

  #add(targetBitrate: number, nowMs: number): void {
    if (this.#pending.length === MAX_PENDING) this.#pending.shift();
    this.#pending.push({
      id: this.#nextId++,
      targetBitrate,
      minPackets: MIN_PACKETS,
      minBytes: Math.floor((targetBitrate * MIN_DURATION_MS) / 8000),
      intervalMs: INTERVAL_MS,
      requestedAtMs: nowMs,
    });
  }
}
