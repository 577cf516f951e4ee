/**
 * Datagrams of RTCP: compound (RFC 3550 §6.1) or reduced-size (RFC 5506), one packet behind the other. What is malformed
 * is dropped by itself, as long as its length tells where the next one begins.
 */
import { setU16, u16 } from '../../binary/bytes.ts';
import { ByteWriter } from '../../binary/writer.ts';
import { readCongestionFeedback, writeCongestionFeedback } from './congestion-feedback.ts';
import { readExtendedReport, writeExtendedReport } from './extended-report.ts';
import {
  isRemb,
  readFullIntraRequest,
  readNack,
  readPictureLossIndication,
  readReceiverEstimatedBitrate,
  writeFullIntraRequest,
  writeNack,
  writePictureLossIndication,
  writeReceiverEstimatedBitrate,
} from './feedback.ts';
import {
  PAYLOAD_FORMAT,
  RTCP_COUNT_MASK,
  RTCP_HEADER,
  RTCP_PADDING_BIT,
  RTCP_TYPE,
  RTCP_VERSION_2,
  TRANSPORT_FORMAT,
} from './header.ts';
import { readReceiverReport, readSenderReport, writeReceiverReport, writeSenderReport } from './reports.ts';
import {
  readApplicationDefined,
  readGoodbye,
  readSourceDescription,
  writeApplicationDefined,
  writeGoodbye,
  writeSourceDescription,
} from './sources.ts';
import { readTransportFeedback, writeTransportFeedback } from './transport-feedback.ts';
import type { RtcpPacket } from './types.ts';

/** What `parseRtcp` counts. */
export type RtcpParseStats = {
  /** Packets that were dropped, and ends of datagrams that were no packet. */
  malformed: number;
};

const MAX_COUNT = 31;
const MAX_PADDING = 252;

/**
 * All packets of a datagram that can be read. Those of other types and formats come as `unknown`.
 * @param stats counters to add to
 */
export function parseRtcp(datagram: Uint8Array, stats?: RtcpParseStats): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  let at = 0;
  while (at < datagram.length) {
    const packet = readPart(datagram, at);
    if (packet === null) {
      if (stats) stats.malformed++;
    } else {
      packets.push(packet);
    }
    if (!startsPart(datagram, at)) break;
    at += partLength(datagram, at);
  }
  return packets;
}

/** Whether a datagram may only be sent to those who take reduced-size RTCP: its first packet is no report. */
export function isReducedSize(packets: readonly RtcpPacket[]): boolean {
  const first = packets[0]?.kind;
  return first !== 'senderReport' && first !== 'receiverReport';
}

/**
 * One datagram of these packets, in their order.
 * @param padding bytes to add to the last packet: a multiple of four, at most 252 (RFC 3550 §6.4.1)
 * @throws RangeError for a packet that cannot be written
 */
export function encodeRtcp(packets: readonly RtcpPacket[], padding = 0): Uint8Array {
  if (padding & 3 || padding < 0 || padding > MAX_PADDING) {
    throw new RangeError(`padding of RTCP is a multiple of 4 up to ${MAX_PADDING}, not ${padding}`);
  }
  const parts = packets.map((packet, i) => encodePart(packet, i === packets.length - 1 ? padding : 0));
  return join(parts);
}

/**
 * The same in as few datagrams of at most `maxLength` bytes as their order allows. A packet that is longer by itself goes
 * alone; those who may be long (feedback, reports) are bounded by whoever builds them.
 */
export function encodeRtcpDatagrams(packets: readonly RtcpPacket[], maxLength: number): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let length = 0;
  for (const packet of packets) {
    const part = encodePart(packet, 0);
    if (length > 0 && length + part.length > maxLength) {
      datagrams.push(join(parts));
      parts = [];
      length = 0;
    }
    parts.push(part);
    length += part.length;
  }
  if (length > 0) datagrams.push(join(parts));
  return datagrams;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether a packet begins here whose end is known. */
function startsPart(datagram: Uint8Array, at: number): boolean {
  return (
    at + RTCP_HEADER.size <= datagram.length &&
    (datagram[at]! & 0xc0) === RTCP_VERSION_2 &&
    at + partLength(datagram, at) <= datagram.length
  );
}

function partLength(datagram: Uint8Array, at: number): number {
  return 4 * (u16(datagram, at + RTCP_HEADER.length) + 1);
}

function readPart(datagram: Uint8Array, at: number): RtcpPacket | null {
  if (!startsPart(datagram, at)) return null;
  let end = at + partLength(datagram, at);
  const start = at + RTCP_HEADER.size;
  if (datagram[at]! & RTCP_PADDING_BIT) {
    // Allowed on the last packet alone (A.2); transport-wide feedback has it anywhere, and of any length.
    const padding = datagram[end - 1]!;
    if (padding === 0 || padding > end - start) return null;
    end -= padding;
  }
  const count = datagram[at]! & RTCP_COUNT_MASK;
  const packetType = datagram[at + RTCP_HEADER.packetType]!;
  return readBody(packetType, count, datagram.subarray(start, end));
}

function readBody(packetType: number, count: number, body: Uint8Array): RtcpPacket | null {
  switch (packetType) {
    case RTCP_TYPE.senderReport:
      return readSenderReport(body, count);
    case RTCP_TYPE.receiverReport:
      return readReceiverReport(body, count);
    case RTCP_TYPE.sourceDescription:
      return readSourceDescription(body, count);
    case RTCP_TYPE.goodbye:
      return readGoodbye(body, count);
    case RTCP_TYPE.applicationDefined:
      return readApplicationDefined(body, count);
    case RTCP_TYPE.extendedReport:
      return readExtendedReport(body);
    case RTCP_TYPE.transportFeedback:
      if (count === TRANSPORT_FORMAT.nack) return readNack(body);
      if (count === TRANSPORT_FORMAT.transportWide) return readTransportFeedback(body);
      if (count === TRANSPORT_FORMAT.congestionFeedback) return readCongestionFeedback(body);
      break;
    case RTCP_TYPE.payloadFeedback:
      if (count === PAYLOAD_FORMAT.pictureLoss) return readPictureLossIndication(body);
      if (count === PAYLOAD_FORMAT.fullIntraRequest) return readFullIntraRequest(body);
      if (count === PAYLOAD_FORMAT.applicationLayer && isRemb(body)) return readReceiverEstimatedBitrate(body);
      break;
  }
  return { kind: 'unknown', packetType, count, body };
}

function encodePart(packet: RtcpPacket, padding: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0); // the header, once the length is known
  const [packetType, count] = writeBody(writer, packet);
  if (count > MAX_COUNT) throw new RangeError(`a packet of RTCP lists at most ${MAX_COUNT} sources, not ${count}`);
  const alignment = -writer.length & 3; // of transport-wide feedback
  const total = alignment + padding;
  for (let i = 1; i < total; i++) writer.u8(0);
  if (total > 0) writer.u8(total);
  const part = writer.finish();
  part[RTCP_HEADER.count] = RTCP_VERSION_2 | (total > 0 ? RTCP_PADDING_BIT : 0) | count;
  part[RTCP_HEADER.packetType] = packetType;
  setU16(part, RTCP_HEADER.length, part.length / 4 - 1);
  return part;
}

/** Writes what follows the header, and tells the packet type and the five bits of count. */
function writeBody(writer: ByteWriter, packet: RtcpPacket): readonly [packetType: number, count: number] {
  switch (packet.kind) {
    case 'senderReport':
      writeSenderReport(writer, packet);
      return [RTCP_TYPE.senderReport, packet.reports.length];
    case 'receiverReport':
      writeReceiverReport(writer, packet);
      return [RTCP_TYPE.receiverReport, packet.reports.length];
    case 'sdes':
      writeSourceDescription(writer, packet);
      return [RTCP_TYPE.sourceDescription, packet.chunks.length];
    case 'bye':
      writeGoodbye(writer, packet);
      return [RTCP_TYPE.goodbye, packet.ssrcs.length];
    case 'app':
      writeApplicationDefined(writer, packet);
      return [RTCP_TYPE.applicationDefined, packet.subtype];
    case 'nack':
      writeNack(writer, packet);
      return [RTCP_TYPE.transportFeedback, TRANSPORT_FORMAT.nack];
    case 'transportFeedback':
      writeTransportFeedback(writer, packet);
      return [RTCP_TYPE.transportFeedback, TRANSPORT_FORMAT.transportWide];
    case 'congestionFeedback':
      writeCongestionFeedback(writer, packet);
      return [RTCP_TYPE.transportFeedback, TRANSPORT_FORMAT.congestionFeedback];
    case 'pli':
      writePictureLossIndication(writer, packet);
      return [RTCP_TYPE.payloadFeedback, PAYLOAD_FORMAT.pictureLoss];
    case 'fir':
      writeFullIntraRequest(writer, packet);
      return [RTCP_TYPE.payloadFeedback, PAYLOAD_FORMAT.fullIntraRequest];
    case 'remb':
      writeReceiverEstimatedBitrate(writer, packet);
      return [RTCP_TYPE.payloadFeedback, PAYLOAD_FORMAT.applicationLayer];
    case 'extendedReport':
      writeExtendedReport(writer, packet);
      return [RTCP_TYPE.extendedReport, 0];
    case 'unknown':
      writer.bytes(packet.body);
      return [packet.packetType, packet.count];
    default:
      return packet satisfies never;
  }
}
