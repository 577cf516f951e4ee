/**
 * Feedback about pictures and packets (RFC 4585 §6.1): NACK, PLI, FIR (RFC 5104 §4.3.1), REMB.
 *
 * ```
 * |                  SSRC of packet sender                        |
 * |                  SSRC of media source                         |
 * :            Feedback Control Information (FCI)                 :
 * ```
 */
import { u16, u32 } from '../../binary/bytes.ts';
import type { ByteWriter } from '../../binary/writer.ts';
import { signed16 } from '../sequence.ts';
import type { FullIntraRequest, Nack, PictureLossIndication, ReceiverEstimatedBitrate } from './types.ts';

/** Offsets in what follows the common header. */
export const FEEDBACK = { senderSsrc: 0, mediaSsrc: 4, fci: 8 } as const;

/** A NACK's entry is a packet and a bitmask of the 16 that follow it. */
const NACK_ENTRY_LENGTH = 4;
const NACK_MASK_BITS = 16;

export function readNack(body: Uint8Array): Nack | null {
  if (body.length < FEEDBACK.fci + NACK_ENTRY_LENGTH) return null;
  const sequenceNumbers: number[] = [];
  for (let at = FEEDBACK.fci; at + NACK_ENTRY_LENGTH <= body.length; at += NACK_ENTRY_LENGTH) {
    const first = u16(body, at);
    sequenceNumbers.push(first);
    for (let mask = u16(body, at + 2), i = 1; mask !== 0; mask >>= 1, i++) {
      if (mask & 1) sequenceNumbers.push((first + i) & 0xffff);
    }
  }
  const senderSsrc = u32(body, FEEDBACK.senderSsrc);
  return { kind: 'nack', senderSsrc, mediaSsrc: u32(body, FEEDBACK.mediaSsrc), sequenceNumbers };
}

export function writeNack(writer: ByteWriter, { senderSsrc, mediaSsrc, sequenceNumbers }: Nack): void {
  if (sequenceNumbers.length === 0) throw new RangeError('a NACK names at least one packet');
  writer.u32(senderSsrc).u32(mediaSsrc);
  for (let i = 0; i < sequenceNumbers.length; ) {
    const first = sequenceNumbers[i++]!;
    let mask = 0;
    for (; i < sequenceNumbers.length; i++) {
      const distance = signed16(sequenceNumbers[i]! - first);
      if (distance < 1 || distance > NACK_MASK_BITS) break;
      mask |= 1 << (distance - 1);
    }
    writer.u16(first).u16(mask);
  }
}

export function readPictureLossIndication(body: Uint8Array): PictureLossIndication | null {
  if (body.length < FEEDBACK.fci) return null;
  return { kind: 'pli', senderSsrc: u32(body, FEEDBACK.senderSsrc), mediaSsrc: u32(body, FEEDBACK.mediaSsrc) };
}

export function writePictureLossIndication(writer: ByteWriter, { senderSsrc, mediaSsrc }: PictureLossIndication): void {
  writer.u32(senderSsrc).u32(mediaSsrc);
}

const FIR_ENTRY_LENGTH = 8;

export function readFullIntraRequest(body: Uint8Array): FullIntraRequest | null {
  if (body.length < FEEDBACK.fci + FIR_ENTRY_LENGTH) return null;
  const requests: { ssrc: number; sequenceNumber: number }[] = [];
  for (let at = FEEDBACK.fci; at + FIR_ENTRY_LENGTH <= body.length; at += FIR_ENTRY_LENGTH) {
    requests.push({ ssrc: u32(body, at), sequenceNumber: body[at + 4]! });
  }
  return { kind: 'fir', senderSsrc: u32(body, FEEDBACK.senderSsrc), requests };
}

export function writeFullIntraRequest(writer: ByteWriter, { senderSsrc, requests }: FullIntraRequest): void {
  if (requests.length === 0) throw new RangeError('a FIR has at least one request');
  writer.u32(senderSsrc).u32(0); // RFC 5104 §4.3.1.2: "the SSRC of media source … SHALL be set to 0"
  for (const { ssrc, sequenceNumber } of requests) writer.u32(ssrc).u8(sequenceNumber).u24(0);
}

/** 'REMB' (draft-alvestrand-rmcat-remb-03 §2.2). */
const REMB_IDENTIFIER = 0x5245_4d42;
const REMB = { identifier: 8, ssrcCount: 12, bitrate: 13, ssrcs: 16 } as const;
const REMB_MANTISSA_BITS = 18;
const REMB_MAX_MANTISSA = 2 ** REMB_MANTISSA_BITS - 1;
const REMB_MAX_EXPONENT = 63;
const REMB_MAX_SSRCS = 255;

/** `null` for what is not REMB too: other application-layer feedback. */
export function readReceiverEstimatedBitrate(body: Uint8Array): ReceiverEstimatedBitrate | null {
  if (body.length < REMB.ssrcs || u32(body, REMB.identifier) !== REMB_IDENTIFIER) return null;
  const count = body[REMB.ssrcCount]!;
  if (body.length < REMB.ssrcs + 4 * count) return null;
  const exponent = body[REMB.bitrate]! >> 2;
  const mantissa = ((body[REMB.bitrate]! & 3) << 16) | u16(body, REMB.bitrate + 1);
  const ssrcs: number[] = [];
  for (let i = 0; i < count; i++) ssrcs.push(u32(body, REMB.ssrcs + 4 * i));
  return { kind: 'remb', senderSsrc: u32(body, FEEDBACK.senderSsrc), bitrate: mantissa * 2 ** exponent, ssrcs };
}

export function isRemb(body: Uint8Array): boolean {
  return body.length >= REMB.ssrcCount && u32(body, REMB.identifier) === REMB_IDENTIFIER;
}

export function writeReceiverEstimatedBitrate(
  writer: ByteWriter,
  { senderSsrc, bitrate, ssrcs }: ReceiverEstimatedBitrate,
): void {
  if (ssrcs.length > REMB_MAX_SSRCS) throw new RangeError(`REMB is about at most 255 SSRCs, not ${ssrcs.length}`);
  let exponent = 0;
  let mantissa = Math.max(0, Math.floor(bitrate));
  while (mantissa > REMB_MAX_MANTISSA && exponent < REMB_MAX_EXPONENT) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  mantissa = Math.min(mantissa, REMB_MAX_MANTISSA); // Infinity: as much as can be said
  writer.u32(senderSsrc).u32(0).u32(REMB_IDENTIFIER).u8(ssrcs.length);
  writer.u24((exponent << REMB_MANTISSA_BITS) | mantissa);
  for (const ssrc of ssrcs) writer.u32(ssrc);
}
