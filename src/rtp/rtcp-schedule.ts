/**
 * When RTCP is sent: the intervals of RFC 3550 §6.2, §6.3 with the early feedback of RFC 4585 §3.5, as two endpoints have it.
 * RTCP takes a share of the session's bandwidth, regular reports keep a distance, and feedback goes at once where it may.
 *
 * Between two, much of the RFCs is constant: there are two members however many SSRCs they have, T_dither_max is 0, no other
 * receiver's feedback makes ours superfluous, and a BYE need not wait (§6.3.7). A regular packet that would be suppressed
 * costs no timer here: only the moments at which something may be sent do.
 */
import { type RandomSource, randomBetween } from '../machine.ts';

/** RFC 3550 §6.2: "5 % of the session bandwidth". */
const RTCP_BANDWIDTH_SHARE = 0.05;
/** Each of the two endpoints is one member. */
const MEMBERS = 2;
/** §6.3.1: the interval is drawn from 0.5 to 1.5 of itself, and divided by e - 3/2, for timer reconsideration shortens it. */
const RANDOMIZATION: readonly [min: number, max: number] = [0.5, 1.5];
const COMPENSATION = 1.21828;
/** §6.3.1: while nobody sends media, receivers share three quarters of the bandwidth. */
const RECEIVERS_SHARE = 0.75;
/** §6.3.3: how much a packet moves the average of sizes. */
const SIZE_GAIN = 1 / 16;
/** IPv4 and UDP headers count as well (§6.2), and the tag of SRTCP. */
const OVERHEAD_BYTES = 28 + 14;
/** The probable size of the first packet: a report with one block, a CNAME. */
const INITIAL_SIZE_BYTES = 84 + OVERHEAD_BYTES;
/** Between regular reports (T_rr_interval, RFC 4585 §3.4): sound alone. Video takes 1000, for its clocks and loss change faster. */
const DEFAULT_REGULAR_INTERVAL_MS = 5000;
/** Bound from below, in bit/s: a session with no bandwidth has RTCP all the same. */
const MIN_SESSION_BANDWIDTH = 64_000;
/** RFC 3550 §6.3.5: who was silent for five intervals is gone. */
const TIMEOUT_INTERVALS = 5;

export type RtcpScheduleOptions = {
  readonly random: RandomSource;
  /** Of all media both ways, in bit/s. Default, and at least, 64 kbit/s; it may be set anew at any time. */
  readonly sessionBandwidth?: number;
  /** The least time between regular reports, in ms. Default 5000. */
  readonly regularIntervalMs?: number;
};

export interface RtcpScheduleSink {
  /** Send a full compound packet now: report, SDES, and whatever feedback waits. Tell its size to `noteSent`. */
  sendRegular(now: number): void;
  /** Send the feedback that waits, in a packet of reduced size where that was agreed on. Tell its size to `noteSent`. */
  sendFeedback(now: number): void;
}

export class RtcpSchedule {
  readonly #random: RandomSource;
  readonly #sink: RtcpScheduleSink;
  readonly #regularIntervalMs: number;
  #sessionBandwidth: number;
  #averageSizeBytes = INITIAL_SIZE_BYTES;
  /** Whether anybody sends media. */
  #hasSenders = true;
  /** The RFC's tp and tn: when the last regular packet was sent or suppressed, and when the next one is. */
  #lastAt: number;
  #nextAt: number;
  /** T_rr. */
  #intervalMs: number;
  #allowsEarly = true;
  /** When the next regular packet is no longer suppressed: t_rr_last + T_rr_current_interval. */
  #regularAt: number;
  #feedbackAt = Infinity;

  constructor(options: RtcpScheduleOptions, sink: RtcpScheduleSink, now: number) {
    this.#random = options.random;
    this.#sink = sink;
    this.#sessionBandwidth = options.sessionBandwidth ?? MIN_SESSION_BANDWIDTH;
    this.#regularIntervalMs = options.regularIntervalMs ?? DEFAULT_REGULAR_INTERVAL_MS;
    this.#lastAt = now;
    this.#intervalMs = this.#drawInterval();
    this.#nextAt = now + this.#intervalMs;
    this.#regularAt = this.#nextAt; // the first one is not suppressed
  }

  get nextTimeout(): number {
    return Math.min(this.#feedbackAt, Math.max(this.#nextAt, this.#regularAt));
  }

  set sessionBandwidth(value: number) {
    this.#sessionBandwidth = value;
  }

  set hasSenders(value: boolean) {
    this.#hasSenders = value;
  }

  /** How long who says nothing is thought to be there (RFC 3550 §6.3.5, RFC 4585 §3.5.4), in ms. */
  get silenceLimitMs(): number {
    return TIMEOUT_INTERVALS * Math.max(this.#regularIntervalMs, this.#calculatedIntervalMs());
  }

  /** A packet of RTCP was sent, or received: its size is part of the average (§6.3.3). */
  noteSent(bytes: number): void {
    this.#noteSize(bytes);
  }

  noteReceived(bytes: number): void {
    this.#noteSize(bytes);
  }

  /**
   * There is feedback to send. It goes at once, unless early feedback went since the last regular time (RFC 4585 §3.5.2);
   * then it waits for the next one. False: that is later than `maxDelayMs`, and it is not waited for.
   */
  requestFeedback(now: number, maxDelayMs: number = Infinity): boolean {
    if (this.#feedbackAt < Infinity) return true; // goes with what is scheduled already (2a)
    this.#passSuppressed(now);
    if (this.#allowsEarly) {
      this.#feedbackAt = now; // te = t0, for T_dither_max is 0 (4b)
    } else {
      if (this.#nextAt - now > maxDelayMs) return false; // 4a
      this.#feedbackAt = this.#nextAt;
    }
    return true;
  }

  handleTimeout(now: number): void {
    if (now >= this.#nextAt && now >= Math.min(this.#regularAt, this.#feedbackAt)) {
      if (!this.#reconsider(now)) return;
      this.#feedbackAt = Infinity; // it goes along, or by itself in the place of a suppressed report (§3.5.3, 2b)
      const isRegular = now >= this.#regularAt;
      if (isRegular) this.#regularAt = now + this.#regularIntervalMs * randomBetween(this.#random, ...RANDOMIZATION);
      this.#advance(now);
      if (isRegular) this.#sink.sendRegular(now);
      else this.#sink.sendFeedback(now);
    } else if (now >= this.#feedbackAt) {
      this.#feedbackAt = Infinity;
      this.#allowsEarly = false; // §3.5.2, 6: one early packet takes the place of one regular time
      const next = this.#nextAt;
      this.#nextAt = this.#lastAt + 2 * this.#intervalMs;
      this.#lastAt = next;
      this.#sink.sendFeedback(now);
    }
  }

  /** Timer reconsideration (RFC 3550 §6.3.6): the packets of the meantime may have made the interval longer. */
  #reconsider(now: number): boolean {
    this.#intervalMs = this.#drawInterval();
    if (this.#lastAt + this.#intervalMs <= now) return true;
    this.#nextAt = this.#lastAt + this.#intervalMs;
    if (this.#feedbackAt < Infinity) this.#feedbackAt = this.#nextAt;
    return false;
  }

  /** Regular times at which nothing was to be sent go by. */
  #passSuppressed(now: number): void {
    if (now >= this.#nextAt) this.#advance(now);
  }

  #advance(now: number): void {
    this.#allowsEarly = true;
    this.#lastAt = now;
    this.#intervalMs = this.#drawInterval();
    this.#nextAt = now + this.#intervalMs;
  }

  #drawInterval(): number {
    return (this.#calculatedIntervalMs() * randomBetween(this.#random, ...RANDOMIZATION)) / COMPENSATION;
  }

  /** Td of RFC 3550 §6.3.1, with Tmin = 0 (RFC 4585 §3.5.1). */
  #calculatedIntervalMs(): number {
    const share = this.#hasSenders ? RTCP_BANDWIDTH_SHARE : RTCP_BANDWIDTH_SHARE * RECEIVERS_SHARE;
    const bitsPerSecond = share * Math.max(MIN_SESSION_BANDWIDTH, this.#sessionBandwidth);
    return (1000 * MEMBERS * 8 * this.#averageSizeBytes) / bitsPerSecond;
  }

  #noteSize(bytes: number): void {
    this.#averageSizeBytes += SIZE_GAIN * (bytes + OVERHEAD_BYTES - this.#averageSizeBytes);
  }
}
