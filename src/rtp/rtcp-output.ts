/**
 * What we tell the peer by RTCP, and when: reports on all streams with the names of ours (RFC 3550 §6), and feedback, which
 * goes with them or earlier (RFC 4585 §3.5). The first report of a stream goes right behind its first packet, so that sound
 * and picture can meet at once (RFC 6051 §2).
 */
import { type RandomSource, randomUint32 } from '../machine.ts';
import { encodeRtcp, isReducedSize } from './rtcp/compound.ts';
import { ntpFromUnixMs } from './rtcp/ntp.ts';
import { type DlrrReport, type ReportBlock, type RtcpPacket, SDES_ITEM } from './rtcp/types.ts';
import { RtcpSchedule } from './rtcp-schedule.ts';
import type { SendStream } from './send/send-stream.ts';

/** RFC 3550 §6.4.1: the count has five bits. */
const MAX_REPORT_BLOCKS = 31;
/** Names are longer than blocks: so many, with names as RFC 7022 makes them, fit a datagram. */
const MAX_SDES_CHUNKS = 16;
/** RFC 3550 §6.2 has 5 s at least, RFC 4585 §3.4 lets that go: browsers report about once a second, and so do we. */
const REGULAR_INTERVAL_MS = 1_000;
/**
 * What reports and feedback take 5 % of, in bit/s. Descriptions seldom say it; an estimate that starts low would silence
 * the very feedback that it needs. Sound with feedback for congestion control, and a call with pictures.
 */
const AUDIO_BANDWIDTH = 300_000;
const VIDEO_BANDWIDTH = 2_500_000;
/** Bound: feedback that waits for its time. The oldest goes: what it asked for will be asked for again. */
const MAX_WAITING_FEEDBACK = 64;

export type RtcpOutputOptions = {
  readonly random: RandomSource;
  /** RFC 7022: the name all our sources share. */
  readonly cname: string;
  /** What to add to the caller's clock to get Unix time in ms. */
  readonly unixOffsetMs: number;
  readonly maxPacketLength: number;
};

export type RtcpOutputSink = {
  /** A plain compound packet, or one of reduced size. */
  send(datagram: Uint8Array): void;
  /** What we send now. */
  streams(): Iterable<SendStream>;
  /** About what we receive. */
  reportBlocks(now: number): ReportBlock[];
  /** Answers to the peer's reference times (RFC 3611 §4.5). */
  takeDlrr(now: number): DlrrReport[];
  receivesMedia(): boolean;
};

export class RtcpOutput {
  readonly #options: RtcpOutputOptions;
  readonly #sink: RtcpOutputSink;
  /** Speaks for us while we send no media. */
  readonly #receiverSsrc: number;
  #schedule: RtcpSchedule | null = null;
  #feedback: RtcpPacket[] = [];
  /** When the first report of a stream goes. */
  #firstReportAt = Infinity;
  /** The last two regular reports. */
  #reportedAt: [number, number] = [-Infinity, -Infinity];
  /** Datagrams sent. */
  sent = 0;
  /** Packets of congestion control feedback (RFC 8888). */
  ccfbSent = 0;
  /** RFC 5506: feedback may go without a report. */
  allowsReducedSize = false;
  /** Whether there is anything to report on. */
  isActive = false;

  constructor(options: RtcpOutputOptions, sink: RtcpOutputSink) {
    this.#options = options;
    this.#sink = sink;
    this.#receiverSsrc = randomUint32(options.random);
  }

  /** Whom our feedback comes from: a stream of ours, if one sends. */
  get ssrc(): number {
    for (const stream of this.#sink.streams()) if (stream.hasSent) return stream.ssrc;
    return this.#receiverSsrc;
  }

  /** Whether reference times of ours carried this SSRC. */
  isOurs(ssrc: number): boolean {
    return ssrc === this.#receiverSsrc;
  }

  get nextTimeout(): number {
    if (this.#schedule === null || !this.isActive) return Infinity;
    return Math.min(this.#firstReportAt, this.#schedule.nextTimeout);
  }

  start(now: number): void {
    const { random } = this.#options;
    this.#schedule ??= new RtcpSchedule(
      { random, regularIntervalMs: REGULAR_INTERVAL_MS, sessionBandwidth: VIDEO_BANDWIDTH },
      {
        sendRegular: (at) => this.#sendReports(at),
        sendFeedback: () => this.#sendFeedback(),
      },
      now,
    );
  }

  stop(): void {
    this.#schedule = null;
    this.#feedback = [];
  }

  setHasVideo(hasVideo: boolean): void {
    if (this.#schedule !== null) this.#schedule.sessionBandwidth = hasVideo ? VIDEO_BANDWIDTH : AUDIO_BANDWIDTH;
  }

  noteReceived(bytes: number): void {
    this.#schedule?.noteReceived(bytes);
  }

  /** A stream has sent its first packet. */
  noteFirstPacket(now: number): void {
    this.#firstReportAt = Math.min(this.#firstReportAt, now);
  }

  /** Goes out as soon as the rules allow: at the end of the turn, most often. */
  push(feedback: RtcpPacket, now: number): void {
    if (this.#schedule === null) return;
    if (this.#feedback.length === MAX_WAITING_FEEDBACK) this.#feedback.shift();
    this.#feedback.push(feedback);
    this.#schedule.requestFeedback(now);
  }

  handleTimeout(now: number): void {
    if (this.#schedule === null || !this.isActive) return;
    if (this.#firstReportAt <= now) this.#sendReports(now);
    this.#schedule.handleTimeout(now);
  }

  /** Tells that these are gone (RFC 3550 §6.6). */
  sayGoodbye(ssrcs: readonly number[]): void {
    if (this.#schedule === null || ssrcs.length === 0) return;
    const packets: RtcpPacket[] = [];
    for (let i = 0; i < ssrcs.length; i += MAX_REPORT_BLOCKS) {
      packets.push({ kind: 'bye', ssrcs: ssrcs.slice(i, i + MAX_REPORT_BLOCKS) });
    }
    this.#send(packets, false);
  }

  /** A compound packet: reports on all streams, the names of ours, and what else is waiting (RFC 3550 §6.1). */
  #sendReports(now: number): void {
    this.#firstReportAt = Infinity;
    const blocks = this.#sink.reportBlocks(now);
    const sending: SendStream[] = [];
    for (const stream of this.#sink.streams()) {
      if (stream.hasSent && stream.hasSentSince(this.#reportedAt[0])) sending.push(stream);
    }
    const ntpTimestamp = ntpFromUnixMs(now + this.#options.unixOffsetMs);
    const reports: RtcpPacket[] = sending.map((stream) => ({
      kind: 'senderReport',
      ssrc: stream.ssrc,
      ntpTimestamp,
      rtpTimestamp: stream.timestampAt(now),
      ...stream.counts,
      reports: blocks.splice(0, MAX_REPORT_BLOCKS),
    }));
    const { ssrc } = this;
    while (blocks.length > 0 || reports.length === 0) {
      reports.push({ kind: 'receiverReport', ssrc, reports: blocks.splice(0, MAX_REPORT_BLOCKS) });
    }
    reports.push(...this.#extendedReport(sending, ntpTimestamp, now));
    const named = sending.length > 0 ? sending.map((stream) => stream.ssrc) : [ssrc];
    for (let i = 0; i < named.length; i += MAX_SDES_CHUNKS) {
      reports.push(this.#describe(named.slice(i, i + MAX_SDES_CHUNKS)));
    }
    this.#reportedAt = [this.#reportedAt[1], now];
    this.#send([...reports, ...this.#takeFeedback()], true);
  }

  /**
   * The round trip for those who send nothing, ourselves or the peer (RFC 3611). It is not negotiated: §5 lets blocks go
   * without that, and who does not know them skips them.
   */
  #extendedReport(sending: readonly SendStream[], ntpTimestamp: bigint, now: number): RtcpPacket[] {
    const reports = this.#sink.takeDlrr(now);
    const [first] = sending;
    if (first !== undefined) {
      return reports.length === 0
        ? []
        : [{ kind: 'extendedReport', ssrc: first.ssrc, blocks: [{ kind: 'dlrr', reports }] }];
    }
    if (!this.#sink.receivesMedia()) return [];
    const ssrc = this.#receiverSsrc;
    return [{ kind: 'extendedReport', ssrc, blocks: [{ kind: 'receiverReferenceTime', ntpTimestamp }] }];
  }

  #sendFeedback(): void {
    const feedback = this.#takeFeedback();
    if (feedback.length > 0) this.#send(feedback, this.allowsReducedSize && isReducedSize(feedback));
  }

  #takeFeedback(): RtcpPacket[] {
    const feedback = this.#feedback;
    this.#feedback = [];
    return feedback;
  }

  #describe(ssrcs: readonly number[]): RtcpPacket {
    const items = [{ type: SDES_ITEM.cname, text: this.#options.cname }];
    return { kind: 'sdes', chunks: ssrcs.map((ssrc) => ({ ssrc, items })) };
  }

  /**
   * In as few datagrams as their order allows. Each begins with a report and a name (RFC 3550 §6.1), or may do without
   * (RFC 5506 §3.4.2).
   * @param isComplete the first one needs nothing before it
   */
  #send(packets: readonly RtcpPacket[], isComplete: boolean): void {
    const { maxPacketLength } = this.#options;
    let parts: Uint8Array[] = isComplete ? [] : [this.#head()];
    let length = parts.reduce((sum, part) => sum + part.length, 0);
    let isEmpty = true;
    for (const packet of packets) {
      if (packet.kind === 'congestionFeedback') this.ccfbSent++;
      const part = encodeRtcp([packet]);
      if (!isEmpty && length + part.length > maxPacketLength) {
        this.#transmit(parts, length);
        parts = this.allowsReducedSize && isFeedback(packet) ? [] : [this.#head()];
        length = parts.reduce((sum, one) => sum + one.length, 0);
      }
      parts.push(part);
      length += part.length;
      isEmpty = false;
    }
    if (!isEmpty) this.#transmit(parts, length);
  }

  #head(): Uint8Array {
    const { ssrc } = this;
    return encodeRtcp([{ kind: 'receiverReport', ssrc, reports: [] }, this.#describe([ssrc])]);
  }

  #transmit(parts: readonly Uint8Array[], length: number): void {
    const datagram = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      datagram.set(part, at);
      at += part.length;
    }
    this.sent++;
    this.#schedule?.noteSent(length);
    this.#sink.send(datagram);
  }
}

/** What RFC 5506 lets go alone. */
function isFeedback({ kind }: RtcpPacket): boolean {
  return kind !== 'senderReport' && kind !== 'receiverReport' && kind !== 'sdes' && kind !== 'bye';
}
