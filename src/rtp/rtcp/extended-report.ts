/**
 * Extended reports (RFC 3611 §2, §3): the receiver reference time (§4.4) and the delay since it came (§4.5), by which a
 * receiver that sends no media measures the round trip. Blocks of other types are skipped.
 */
import { ByteReader } from '../../binary/reader.ts';
import type { ByteWriter } from '../../binary/writer.ts';
import { writeNtp } from './reports.ts';
import type { DlrrReport, ExtendedReport, ExtendedReportBlock } from './types.ts';

const BLOCK = { receiverReferenceTime: 4, dlrr: 5 } as const;
const RECEIVER_REFERENCE_TIME_WORDS = 2;
const DLRR_REPORT_WORDS = 3;

export function readExtendedReport(body: Uint8Array): ExtendedReport | null {
  const reader = new ByteReader(body);
  const ssrc = reader.u32();
  const blocks: ExtendedReportBlock[] = [];
  while (reader.ok && reader.remaining > 0) {
    const type = reader.u8();
    reader.u8(); // type-specific; reserved in both of ours
    const words = reader.u16();
    const block = new ByteReader(reader.take(4 * words));
    if (!reader.ok) return null;
    if (type === BLOCK.receiverReferenceTime && words === RECEIVER_REFERENCE_TIME_WORDS) {
      const ntpTimestamp = (BigInt(block.u32()) << 32n) | BigInt(block.u32());
      blocks.push({ kind: 'receiverReferenceTime', ntpTimestamp });
    } else if (type === BLOCK.dlrr && words % DLRR_REPORT_WORDS === 0) {
      const reports: DlrrReport[] = [];
      while (block.remaining > 0) {
        reports.push({
          ssrc: block.u32(),
          lastReceiverReport: block.u32(),
          delaySinceLastReceiverReport: block.u32(),
        });
      }
      blocks.push({ kind: 'dlrr', reports });
    }
  }
  return reader.ok ? { kind: 'extendedReport', ssrc, blocks } : null;
}

export function writeExtendedReport(writer: ByteWriter, { ssrc, blocks }: ExtendedReport): void {
  writer.u32(ssrc);
  for (const block of blocks) {
    switch (block.kind) {
      case 'receiverReferenceTime':
        writer.u8(BLOCK.receiverReferenceTime).u8(0).u16(RECEIVER_REFERENCE_TIME_WORDS);
        writeNtp(writer, block.ntpTimestamp);
        break;
      case 'dlrr':
        writer
          .u8(BLOCK.dlrr)
          .u8(0)
          .u16(DLRR_REPORT_WORDS * block.reports.length);
        for (const report of block.reports) {
          writer.u32(report.ssrc).u32(report.lastReceiverReport).u32(report.delaySinceLastReceiverReport);
        }
        break;
      default:
        block satisfies never;
    }
  }
}
