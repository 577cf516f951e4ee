/** The receiver's side of RFC 8888: which packets of which stream arrived, when, and how they were marked. */
import type { CongestionFeedback, CongestionFeedbackPacket, CongestionFeedbackStream } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';
import { FeedbackSchedule, type FeedbackTiming } from './feedback-schedule.ts';

/** Bound on streams that are reported on; the one that has been silent longest makes room. */
const MAX_STREAMS = 64;
/** Bound on packets per stream between two reports. RFC 8888 §3.1: a report block holds 16,384 at most. */
const MAX_PACKETS = 4096;
/** So many of the packets that were reported last are reported again if one of them comes late. */
const KEPT_FOR_REORDERING = 128;
/** So many packets from long ago are no stragglers: the sender counts from somewhere else now. */
const TOO_OLD_IN_A_ROW = 64;
/** Packets in one message: at two bytes each it stays under 1,200 bytes. */
const MAX_STATUSES_PER_REPORT = 512;
const CONGESTION_EXPERIENCED = 3; // RFC 3168 §5

export type CongestionFeedbackOptions = FeedbackTiming & {
  /** Added to the caller's clock to give NTP time, which sender reports use as well (RFC 8888 §3.1). Default 0. */
  readonly ntpOffsetMs?: number;
};

type Arrival = { atMs: number; ecn: number };

/** One stream's packets: `packets[0]` has the sequence number `first`. */
type Stream = {
  readonly unwrapper: SequenceUnwrapper;
  packets: (Arrival | null)[];
  first: number;
  /** The first sequence number of the next report. */
  unreported: number;
  tooOldInARow: number;
};

export class CongestionFeedbackRecorder {
  readonly #schedule: FeedbackSchedule;
  readonly #ntpOffsetMs: number;
  /** By SSRC, in the order of their latest packets. */
  readonly #streams = new Map<number, Stream>();
  readonly #stats = { packets: 0, duplicates: 0, tooOld: 0, restarts: 0, reports: 0 };

  constructor(options: CongestionFeedbackOptions = {}) {
    this.#schedule = new FeedbackSchedule(options);
    this.#ntpOffsetMs = options.ntpOffsetMs ?? 0;
  }

  get stats(): Readonly<{ packets: number; duplicates: number; tooOld: number; restarts: number; reports: number }> {
    return this.#stats;
  }

  /** When `takeReports` is next due; Infinity while there is nothing to say. */
  get nextTimeout(): number {
    return this.#schedule.dueAt;
  }

  /** How often reports are sent follows from how much may be sent. */
  setBitrate(bitrate: number): void {
    this.#schedule.setBitrate(bitrate);
  }

  /** @param ecn the two bits of RFC 3168, where the runtime can read them */
  onPacket(ssrc: number, sequenceNumber: number, nowMs: number, ecn = 0): void {
    const stream = this.#stream(ssrc);
    const before = stream.unwrapper.highest;
    let number = stream.unwrapper.unwrap(sequenceNumber);
    if (number < oldestAccepted(stream) && ++stream.tooOldInARow >= TOO_OLD_IN_A_ROW) {
      number = stream.unwrapper.restart(sequenceNumber);
      this.#stats.restarts++;
      stream.packets = [];
    }
    if (!this.#record(stream, number, nowMs, ecn)) return;
    if (number < stream.unreported) stream.unreported = number;
    this.#schedule.onPacket(nowMs, before < 0 ? 0 : number - before - 1);
  }

  /** What to send now. Empty when there is nothing new. */
  takeReports(senderSsrc: number, nowMs: number): CongestionFeedback[] {
    const reports: CongestionFeedback[] = [];
    let streams: CongestionFeedbackStream[] = [];
    let statuses = 0;
    const reportTimestamp = Math.floor(((nowMs + this.#ntpOffsetMs) * NTP_UNITS_PER_MS) % NTP_RANGE);
    const close = (): void => {
      if (streams.length > 0) reports.push({ kind: 'congestionFeedback', senderSsrc, streams, reportTimestamp });
      streams = [];
      statuses = 0;
    };
    for (const [ssrc, stream] of this.#streams) {
      const end = stream.first + stream.packets.length;
      while (stream.unreported < end) {
        const count = Math.min(end - stream.unreported, MAX_STATUSES_PER_REPORT - statuses);
        const begin = stream.unreported - stream.first;
        const packets = stream.packets.slice(begin, begin + count).map((arrival) => status(arrival, nowMs));
        streams.push({ ssrc, beginSequenceNumber: stream.unreported & 0xffff, packets });
        stream.unreported += count;
        statuses += count;
        if (statuses === MAX_STATUSES_PER_REPORT) close();
      }
      this.#drop(stream, stream.packets.length - KEPT_FOR_REORDERING);
    }
    close();
    this.#stats.reports += reports.length;
    this.#schedule.onReported(nowMs, false);
    return reports;
  }

  #stream(ssrc: number): Stream {
    const known = this.#streams.get(ssrc);
    const stream = known ?? {
      unwrapper: new SequenceUnwrapper(),
      packets: [],
      first: 0,
      unreported: 0,
      tooOldInARow: 0,
    };
    if (known !== undefined) this.#streams.delete(ssrc);
    else if (this.#streams.size === MAX_STREAMS) this.#streams.delete(this.#streams.keys().next().value!);
    this.#streams.set(ssrc, stream);
    return stream;
  }

  /** Takes note of an arrival; false when it changes nothing. */
  #record(stream: Stream, number: number, nowMs: number, ecn: number): boolean {
    const index = number - stream.first;
    if (stream.packets.length === 0 || index >= 2 * MAX_PACKETS) {
      stream.packets = [{ atMs: nowMs, ecn }];
      stream.first = number;
      stream.unreported = number;
    } else if (index < 0) {
      if (number < oldestAccepted(stream)) {
        this.#stats.tooOld++;
        return false;
      }
      stream.packets.unshift(...new Array<Arrival | null>(-index).fill(null));
      stream.packets[0] = { atMs: nowMs, ecn };
      stream.first = number;
    } else {
      const arrival = stream.packets[index];
      if (arrival !== undefined && arrival !== null) {
        this.#stats.duplicates++;
        // §3.1: the first copy's arrival counts; that any copy was marked CE has to be said.
        if (ecn !== CONGESTION_EXPERIENCED || arrival.ecn === CONGESTION_EXPERIENCED) return false;
        arrival.ecn = ecn;
        return true;
      }
      while (stream.packets.length < index) stream.packets.push(null);
      stream.packets[index] = { atMs: nowMs, ecn };
      this.#drop(stream, stream.packets.length - MAX_PACKETS);
    }
    stream.tooOldInARow = 0;
    this.#stats.packets++;
    return true;
  }

  #drop(stream: Stream, count: number): void {
    if (count <= 0) return;
    stream.packets.splice(0, count);
    stream.first += count;
    stream.unreported = Math.max(stream.unreported, stream.first);
  }
}

/** RFC 8888 §3.1: offsets are in 1/1024 s. */
const OFFSET_UNITS_PER_MS = 1.024;
const NTP_UNITS_PER_MS = 65.536;
const NTP_RANGE = 2 ** 32;
function oldestAccepted(stream: Stream): number {
  return Math.min(stream.first, stream.first + stream.packets.length - KEPT_FOR_REORDERING);
}

function status(arrival: Arrival | null, nowMs: number): CongestionFeedbackPacket | null {
  if (arrival === null) return null;
  return { ecn: arrival.ecn, arrivalTimeOffset: Math.round((nowMs - arrival.atMs) * OFFSET_UNITS_PER_MS) };
}
