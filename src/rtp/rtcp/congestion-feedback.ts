/**
 * RTCP congestion control feedback (RFC 8888 §3.1).
 *
 * ```
 * |                 SSRC of RTCP packet sender                    |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                      SSRC of RTP Stream                       |   one of these for each stream
 * |          begin_seq            |          num_reports          |
 * |R|ECN|  Arrival time offset    |R|ECN|  Arrival time offset    |   padded to 32 bits
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                 Report Timestamp (32 bits)                    |
 * ```
 */
import { ByteReader } from '../../binary/reader.ts';
import type { ByteWriter } from '../../binary/writer.ts';
import type { CongestionFeedback, CongestionFeedbackPacket, CongestionFeedbackStream } from './types.ts';

const RECEIVED = 0x8000;
const ECN_SHIFT = 13;
const OFFSET_MASK = 0x1fff;
/** "an over-range measurement": more than 8189/1024 s. */
export const OFFSET_OVER_RANGE = 0x1ffe;
const OFFSET_UNAVAILABLE = 0x1fff;
/** "MUST NOT include more than 16384 packet metric blocks": a quarter of the sequence numbers. */
const MAX_METRIC_BLOCKS = 16_384;
const REPORT_TIMESTAMP_LENGTH = 4;

export function readCongestionFeedback(body: Uint8Array): CongestionFeedback | null {
  const reader = new ByteReader(body);
  const senderSsrc = reader.u32();
  const streams: CongestionFeedbackStream[] = [];
  while (reader.ok && reader.remaining > REPORT_TIMESTAMP_LENGTH) {
    const ssrc = reader.u32();
    const beginSequenceNumber = reader.u16();
    const count = reader.u16();
    if (count > MAX_METRIC_BLOCKS || 2 * count > reader.remaining) return null;
    const packets: (CongestionFeedbackPacket | null)[] = [];
    for (let i = 0; i < count; i++) {
      const metric = reader.u16();
      const offset = metric & OFFSET_MASK;
      packets.push(
        metric & RECEIVED
          ? { ecn: (metric >> ECN_SHIFT) & 3, arrivalTimeOffset: offset === OFFSET_UNAVAILABLE ? null : offset }
          : null,
      );
    }
    if (count & 1) reader.take(2);
    streams.push({ ssrc, beginSequenceNumber, packets });
  }
  const reportTimestamp = reader.u32();
  return reader.atEnd ? { kind: 'congestionFeedback', senderSsrc, streams, reportTimestamp } : null;
}

export function writeCongestionFeedback(writer: ByteWriter, feedback: CongestionFeedback): void {
  writer.u32(feedback.senderSsrc);
  for (const { ssrc, beginSequenceNumber, packets } of feedback.streams) {
    if (packets.length > MAX_METRIC_BLOCKS) throw new RangeError('a stream reports on at most 16384 packets');
    writer.u32(ssrc).u16(beginSequenceNumber).u16(packets.length);
    for (const packet of packets) writer.u16(packet === null ? 0 : metricOf(packet));
    if (packets.length & 1) writer.u16(0);
  }
  writer.u32(feedback.reportTimestamp);
}

function metricOf({ ecn, arrivalTimeOffset }: CongestionFeedbackPacket): number {
  const isKnown = arrivalTimeOffset !== null && arrivalTimeOffset >= 0;
  const offset = isKnown ? Math.min(Math.round(arrivalTimeOffset), OFFSET_OVER_RANGE) : OFFSET_UNAVAILABLE;
  return RECEIVED | ((ecn & 3) << ECN_SHIFT) | offset;
}
