/**
 * Sender and receiver reports (RFC 3550 §6.4.1, §6.4.2).
 *
 * ```
 * |                         SSRC of sender                        |
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 * |              NTP timestamp, most significant word             |   sender reports only
 * |             NTP timestamp, least significant word             |
 * |                         RTP timestamp                         |
 * |                     sender's packet count                     |
 * |                      sender's octet count                     |
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 * |                 SSRC_1 (SSRC of first source)                 |   count of these
 * | fraction lost |       cumulative number of packets lost       |
 * |           extended highest sequence number received           |
 * |                      interarrival jitter                      |
 * |                         last SR (LSR)                         |
 * |                   delay since last SR (DLSR)                  |
 * ```
 * What may stand behind the blocks, a profile's extension, is skipped.
 */
import { ByteReader } from '../../binary/reader.ts';
import type { ByteWriter } from '../../binary/writer.ts';
import type { ReceiverReport, ReportBlock, SenderReport } from './types.ts';

export function readSenderReport(body: Uint8Array, count: number): SenderReport | null {
  const reader = new ByteReader(body);
  const ssrc = reader.u32();
  const ntpTimestamp = (BigInt(reader.u32()) << 32n) | BigInt(reader.u32());
  const rtpTimestamp = reader.u32();
  const packetCount = reader.u32();
  const octetCount = reader.u32();
  const reports = readBlocks(reader, count);
  if (!reader.ok) return null;
  return { kind: 'senderReport', ssrc, ntpTimestamp, rtpTimestamp, packetCount, octetCount, reports };
}

export function readReceiverReport(body: Uint8Array, count: number): ReceiverReport | null {
  const reader = new ByteReader(body);
  const ssrc = reader.u32();
  const reports = readBlocks(reader, count);
  return reader.ok ? { kind: 'receiverReport', ssrc, reports } : null;
}

function readBlocks(reader: ByteReader, count: number): ReportBlock[] {
  const blocks: ReportBlock[] = [];
  for (let i = 0; i < count && reader.ok; i++) {
    blocks.push({
      ssrc: reader.u32(),
      fractionLost: reader.u8(),
      cumulativeLost: (reader.u24() << 8) >> 8,
      highestSequenceNumber: reader.u32(),
      jitter: reader.u32(),
      lastSenderReport: reader.u32(),
      delaySinceLastSenderReport: reader.u32(),
    });
  }
  return blocks;
}

export function writeSenderReport(writer: ByteWriter, report: SenderReport): void {
  writer.u32(report.ssrc);
  writeNtp(writer, report.ntpTimestamp);
  writer.u32(report.rtpTimestamp).u32(report.packetCount).u32(report.octetCount);
  writeBlocks(writer, report.reports);
}

export function writeReceiverReport(writer: ByteWriter, report: ReceiverReport): void {
  writer.u32(report.ssrc);
  writeBlocks(writer, report.reports);
}

export function writeNtp(writer: ByteWriter, timestamp: bigint): void {
  writer.u32(Number(BigInt.asUintN(32, timestamp >> 32n))).u32(Number(BigInt.asUintN(32, timestamp)));
}

function writeBlocks(writer: ByteWriter, blocks: readonly ReportBlock[]): void {
  for (const block of blocks) {
    writer
      .u32(block.ssrc)
      .u8(block.fractionLost)
      .u24(block.cumulativeLost)
      .u32(block.highestSequenceNumber)
      .u32(block.jitter)
      .u32(block.lastSenderReport)
      .u32(block.delaySinceLastSenderReport);
  }
}
