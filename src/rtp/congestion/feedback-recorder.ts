/**
 * The receiver's side of transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, and its version 02
 * where the sender asks for feedback): which packets arrived and when, and when it is time to say so.
 */
import { TransportFeedbackBuilder } from '../rtcp/transport-feedback-builder.ts';
import type { TransportFeedback } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';
import { FeedbackSchedule, type FeedbackTiming } from './feedback-schedule.ts';

/** Bound: as far apart as two packets of one history may be; the oldest are forgotten. */
const MAX_SPAN = 0x8000;
const INITIAL_CAPACITY = 256;
/** An arrival is kept for so long after it was reported: a packet that comes late has it all reported once more. */
const KEPT_FOR_REORDERING_MS = 500; // libwebrtc
/** Missing packets that a message may begin with: the numbers in it are told apart by half their range. */
const MAX_MISSING_BEFORE_FIRST = 0x7fff;
/** So many packets from long ago are no stragglers: the sender counts from somewhere else now. */
const TOO_OLD_IN_A_ROW = 64;
/** Bound on what one call of `takeReports` gives; more waits for the next one. */
const MAX_REPORTS = 32;
const NEVER = -1;

export class FeedbackRecorder {
  readonly #unwrapper = new SequenceUnwrapper();
  readonly #schedule: FeedbackSchedule;
  /** Arrival times by the low bits of the sequence number, and whose arrival it is. */
  #arrivals: Float64Array = new Float64Array(INITIAL_CAPACITY);
  #numbers: Float64Array = new Float64Array(INITIAL_CAPACITY).fill(NEVER);
  #begin = 0;
  #end = 0;
  /** The first sequence number of the next report. */
  #unreported = 0;
  #tooOldInARow = 0;
  #mediaSsrc = 0;
  #feedbackPacketCount = 0;
  readonly #stats = { packets: 0, duplicates: 0, tooOld: 0, restarts: 0, reports: 0 };

  constructor(timing: FeedbackTiming = {}) {
    this.#schedule = new FeedbackSchedule(timing);
  }

  get stats(): Readonly<{ packets: number; duplicates: number; tooOld: number; restarts: number; reports: number }> {
    return this.#stats;
  }

  /** When `takeReports` is next due; Infinity while there is nothing to say. */
  get nextTimeout(): number {
    return this.#schedule.dueAt;
  }

  /** How often reports are sent follows from how much may be sent (they get 5 % of it). */
  setBitrate(bitrate: number): void {
    this.#schedule.setBitrate(bitrate);
  }

  /** A packet with this number in its extension arrived. */
  onPacket(sequenceNumber: number, mediaSsrc: number, nowMs: number): void {
    this.#mediaSsrc = mediaSsrc;
    const before = this.#unwrapper.highest;
    let number = this.#unwrapper.unwrap(sequenceNumber);
    if (number < this.#end - this.#numbers.length && ++this.#tooOldInARow >= TOO_OLD_IN_A_ROW) {
      number = this.#unwrapper.restart(sequenceNumber);
      this.#stats.restarts++;
      this.#restart(number);
    }
    if (!this.#record(number, nowMs)) return;
    if (number < this.#unreported) this.#unreported = number;
    this.#schedule.onPacket(nowMs, before < 0 ? 0 : number - before - 1);
  }

  /** What to send now. Empty when there is nothing new. */
  takeReports(senderSsrc: number, nowMs: number): TransportFeedback[] {
    const reports: TransportFeedback[] = [];
    while (this.#unreported < this.#end && reports.length < MAX_REPORTS) {
      const [report, next] = this.#report(senderSsrc, this.#unreported, this.#end);
      this.#unreported = next;
      if (report !== null) reports.push(report);
    }
    this.#schedule.onReported(nowMs, this.#unreported < this.#end);
    this.#forgetOlderThan(nowMs - KEPT_FOR_REORDERING_MS);
    return reports;
  }

  /**
   * What the sender asked for in `sequenceNumber`'s extension (version 02): a report on it and the `count - 1` before
   * it, at once. `null` when nothing of that is known any more.
   */
  takeRequested(senderSsrc: number, sequenceNumber: number, count: number): TransportFeedback | null {
    const last = this.#unwrapper.peek(sequenceNumber);
    const first = Math.max(last - count + 1, 0);
    return count > 0 && first < this.#end ? this.#report(senderSsrc, first, Math.min(last + 1, this.#end))[0] : null;
  }

  /** Takes note of an arrival; false when it changes nothing. */
  #record(number: number, nowMs: number): boolean {
    if (this.#end === 0) this.#restart(number);
    if (number < this.#begin) {
      // The ring has room for it only as far back as it is long.
      if (number < this.#end - this.#numbers.length) {
        this.#stats.tooOld++;
        return false;
      }
      this.#begin = number;
    }
    if (number - this.#begin >= MAX_SPAN) this.#forgetBefore(number - MAX_SPAN + 1);
    while (number - this.#begin >= this.#numbers.length) this.#grow();
    const slot = number % this.#numbers.length;
    if (this.#numbers[slot] === number) {
      this.#stats.duplicates++;
      return false;
    }
    this.#numbers[slot] = number;
    this.#arrivals[slot] = nowMs;
    this.#end = Math.max(this.#end, number + 1);
    this.#tooOldInARow = 0;
    this.#stats.packets++;
    return true;
  }

  /** The report that begins with `begin`, and the number after its last one. */
  #report(senderSsrc: number, begin: number, end: number): readonly [TransportFeedback | null, number] {
    let first = Math.max(begin, this.#begin);
    while (first < end && !this.#has(first)) first++;
    if (first >= end) return [null, end];
    const base = Math.max(begin, first - MAX_MISSING_BEFORE_FIRST);
    const count = this.#feedbackPacketCount;
    const builder = new TransportFeedbackBuilder(senderSsrc, this.#mediaSsrc, base & 0xffff, count);
    let next = first;
    for (let number = first; number < end; number++) {
      if (!this.#has(number)) continue;
      if (number - base > MAX_MISSING_BEFORE_FIRST || !builder.add(number & 0xffff, this.#arrivedAtMs(number))) break;
      next = number + 1;
    }
    this.#stats.reports++;
    this.#feedbackPacketCount = (count + 1) & 0xff;
    return [builder.build(), next];
  }

  #has(number: number): boolean {
    return this.#numbers[number % this.#numbers.length] === number;
  }

  #arrivedAtMs(number: number): number {
    return this.#arrivals[number % this.#numbers.length]!;
  }

  #restart(number: number): void {
    this.#numbers.fill(NEVER);
    this.#begin = number;
    this.#end = number;
    this.#unreported = number;
  }

  #forgetOlderThan(atMs: number): void {
    let begin = this.#begin;
    while (begin < this.#unreported && (!this.#has(begin) || this.#arrivedAtMs(begin) < atMs)) begin++;
    this.#forgetBefore(begin);
  }

  #forgetBefore(number: number): void {
    for (; this.#begin < number && this.#begin < this.#end; this.#begin++) {
      if (this.#has(this.#begin)) this.#numbers[this.#begin % this.#numbers.length] = NEVER;
    }
    this.#begin = Math.max(this.#begin, number);
    this.#end = Math.max(this.#end, this.#begin);
    this.#unreported = Math.max(this.#unreported, this.#begin);
  }

  #grow(): void {
    const numbers = this.#numbers;
    const arrivals = this.#arrivals;
    this.#numbers = new Float64Array(numbers.length * 2).fill(NEVER);
    this.#arrivals = new Float64Array(numbers.length * 2);
    for (let i = 0; i < numbers.length; i++) {
      if (numbers[i] === NEVER) continue;
      const slot = numbers[i]! % this.#numbers.length;
      this.#numbers[slot] = numbers[i]!;
      this.#arrivals[slot] = arrivals[i]!;
    }
  }
}
