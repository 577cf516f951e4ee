/**
 * The Data Channel Establishment Protocol (RFC 8832 §5): OPEN, and its ACK.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Message Type |  Channel Type |            Priority           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Reliability Parameter                     |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |          Label Length         |        Protocol Length        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |          Label, then Protocol: UTF-8, lengths in bytes …      |
 */
import { setU16, setU32, u16, u32 } from '../binary/bytes.ts';

const OPEN = {
  messageType: 0,
  channelType: 1,
  priority: 2,
  reliability: 4,
  labelLength: 8,
  protocolLength: 10,
  size: 12,
};

const MESSAGE_TYPE_ACK = 0x02; // RFC 8832 §8.2.1
const MESSAGE_TYPE_OPEN = 0x03;

/** RFC 8832 §8.2.2. The high bit says "unordered". */
const RELIABLE = 0x00;
const PARTIAL_RELIABLE_REXMIT = 0x01;
const PARTIAL_RELIABLE_TIMED = 0x02;
const UNORDERED = 0x80;

/** RFC 8831 §6.4: "normal". */
export const DEFAULT_PRIORITY = 256;
/** Labels and protocols: their lengths stand in 16 bits. */
export const MAX_NAME_BYTES = 65_535;
/** The reliability parameter stands in 32 bits. */
export const MAX_RELIABILITY_PARAMETER = 0xffff_ffff;

/** What DATA_CHANNEL_OPEN says. At most one of `maxRetransmits` and `maxPacketLifeTime` (ms) is there. */
export interface DcepOpen {
  readonly kind: 'open';
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxRetransmits?: number;
  readonly maxPacketLifeTime?: number;
  readonly priority: number;
}

export type DcepMessage = DcepOpen | { readonly kind: 'ack' };

/** `null` for everything RFC 8832 §6 calls not well formed: unknown types, lengths that do not add up, bad UTF-8. */
export function decodeDcep(bytes: Uint8Array): DcepMessage | null {
  if (bytes[OPEN.messageType] === MESSAGE_TYPE_ACK) return bytes.length === 1 ? { kind: 'ack' } : null;
  if (bytes[OPEN.messageType] !== MESSAGE_TYPE_OPEN || bytes.length < OPEN.size) return null;
  const labelEnd = OPEN.size + u16(bytes, OPEN.labelLength);
  if (labelEnd + u16(bytes, OPEN.protocolLength) !== bytes.length) return null;
  const label = decodeUtf8(bytes.subarray(OPEN.size, labelEnd));
  const protocol = decodeUtf8(bytes.subarray(labelEnd));
  const reliability = decodeReliability(bytes[OPEN.channelType]! & ~UNORDERED, u32(bytes, OPEN.reliability));
  if (label === null || protocol === null || reliability === null) return null;
  const ordered = (bytes[OPEN.channelType]! & UNORDERED) === 0;
  return { kind: 'open', label, protocol, ordered, ...reliability, priority: u16(bytes, OPEN.priority) };
}

/** Throws `RangeError` for a label or protocol of more than 65,535 bytes. */
export function encodeOpen(open: Omit<DcepOpen, 'kind'>): Uint8Array {
  const label = encoder.encode(open.label);
  const protocol = encoder.encode(open.protocol);
  if (label.length > MAX_NAME_BYTES || protocol.length > MAX_NAME_BYTES) {
    throw new RangeError(`a label or protocol has at most ${MAX_NAME_BYTES} bytes of UTF-8`);
  }
  const bytes = new Uint8Array(OPEN.size + label.length + protocol.length);
  bytes[OPEN.messageType] = MESSAGE_TYPE_OPEN;
  bytes[OPEN.channelType] = channelType(open);
  setU16(bytes, OPEN.priority, open.priority);
  setU32(bytes, OPEN.reliability, open.maxRetransmits ?? open.maxPacketLifeTime ?? 0);
  setU16(bytes, OPEN.labelLength, label.length);
  setU16(bytes, OPEN.protocolLength, protocol.length);
  bytes.set(label, OPEN.size);
  bytes.set(protocol, OPEN.size + label.length);
  return bytes;
}

export function encodeAck(): Uint8Array {
  return Uint8Array.of(MESSAGE_TYPE_ACK);
}

/** Bytes of UTF-8 in a text; what a label counts against its bound. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

const encoder = new TextEncoder();
/** A label may begin with U+FEFF, which a decoder takes for a byte order mark unless told otherwise. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

function channelType(open: Omit<DcepOpen, 'kind'>): number {
  const order = open.ordered ? 0 : UNORDERED;
  if (open.maxRetransmits !== undefined) return order | PARTIAL_RELIABLE_REXMIT;
  if (open.maxPacketLifeTime !== undefined) return order | PARTIAL_RELIABLE_TIMED;
  return order | RELIABLE;
}

function decodeReliability(
  type: number,
  parameter: number,
): Pick<DcepOpen, 'maxRetransmits' | 'maxPacketLifeTime'> | null {
  switch (type) {
    case RELIABLE:
      return {}; // §5.1: the parameter "MUST be ignored on the receiving side"
    case PARTIAL_RELIABLE_REXMIT:
      return { maxRetransmits: parameter };
    case PARTIAL_RELIABLE_TIMED:
      return { maxPacketLifeTime: parameter };
    default:
      return null;
  }
}
