/**
 * STUN messages (RFC 8489 §5, §14): reading. A message is its bytes plus a list of where its attributes stand; values
 * are decoded when asked for (`values.ts`), authenticity is checked by `integrity.ts`.
 */
import { u16, u32 } from '../binary/bytes.ts';
import { STUN_ATTRIBUTE } from './registry.ts';

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |0 0|     STUN Message Type     |         Message Length        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                         Magic Cookie                          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Transaction ID (96 bits)                  |
 *   |                                                               |
 *   |                                                               |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const STUN_HEADER = { type: 0, length: 2, magicCookie: 4, transactionId: 8, size: 20 } as const;

export const MAGIC_COOKIE = 0x2112_a442; // RFC 8489 §5
export const TRANSACTION_ID_LENGTH = 12;

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         Type                  |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                         Value (variable)                ....
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const STUN_TLV = { type: 0, length: 2, value: 4 } as const;

/**
 * Bound: the sender decides how many attributes there are. STUN, TURN and ICE together define about 40, and a Binding
 * request of a browser has 9; a message with more than this is not parsed.
 */
const MAX_ATTRIBUTES = 64;

const MESSAGE_INTEGRITY_LENGTH = 20; // HMAC-SHA1, RFC 8489 §14.5
const FINGERPRINT_LENGTH = 4; // RFC 8489 §14.7

/** In the order of the two class bits (RFC 8489 §5). */
const CLASSES = ['request', 'indication', 'success', 'error'] as const;

export type StunClass = (typeof CLASSES)[number];

export type StunAttribute = {
  readonly type: number;
  /** Where the attribute's header starts in the message. */
  readonly offset: number;
  /** A view, without padding. */
  readonly value: Uint8Array;
};

export type StunMessage = {
  /** The whole message; everything below is a view of it. */
  readonly bytes: Uint8Array;
  readonly messageClass: StunClass;
  /** 12 bits; `BINDING` or another document's. */
  readonly method: number;
  readonly transactionId: Uint8Array;
  /**
   * In order. What follows MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 and is not covered by it is left out, as
   * RFC 8489 §9 demands, so that no reader can mistake it for authenticated.
   */
  readonly attributes: readonly StunAttribute[];
};

/** Whether a datagram is a STUN message by its fixed fields (RFC 8489 §5), without reading its attributes. */
export function isStun(packet: Uint8Array): boolean {
  return (
    packet.length >= STUN_HEADER.size &&
    (packet[0]! & 0xc0) === 0 &&
    u32(packet, STUN_HEADER.magicCookie) === MAGIC_COOKIE &&
    (packet[STUN_HEADER.length + 1]! & 3) === 0 &&
    u16(packet, STUN_HEADER.length) === packet.length - STUN_HEADER.size
  );
}

/** A message with its attributes found; `null` for anything malformed. */
export function parseStun(packet: Uint8Array): StunMessage | null {
  if (!isStun(packet)) return null;
  const attributes = parseAttributes(packet);
  if (attributes === null) return null;
  const type = u16(packet, STUN_HEADER.type);
  return {
    bytes: packet,
    messageClass: CLASSES[((type & 0x0100) >> 7) | ((type & 0x0010) >> 4)]!,
    method: ((type & 0x3e00) >> 2) | ((type & 0x00e0) >> 1) | (type & 0x000f),
    transactionId: packet.subarray(STUN_HEADER.transactionId, STUN_HEADER.size),
    attributes,
  };
}

/** The first attribute of that type: "any duplicates MAY be ignored" (RFC 8489 §14), and are. */
export function findAttribute(message: StunMessage, type: number): StunAttribute | undefined {
  return message.attributes.find((attribute) => attribute.type === type);
}

/** The message type field (RFC 8489 §5, figure 3): the class bits stand between the method bits. */
export function stunMessageType(messageClass: StunClass, method: number): number {
  const classBits = CLASSES.indexOf(messageClass);
  return (
    ((method & 0xf80) << 2) |
    ((method & 0x070) << 1) |
    (method & 0x00f) |
    ((classBits & 2) << 7) |
    ((classBits & 1) << 4)
  );
}

/** A transaction id as a map key. */
export function transactionKey(transactionId: Uint8Array): string {
  return String.fromCharCode(...transactionId);
}

/** What may still come, as the RFC orders it: anything, MESSAGE-INTEGRITY, its SHA-256 twin, FINGERPRINT, the end. */
type Covered = 'open' | 'afterIntegrity' | 'afterSha256' | 'closed';

function parseAttributes(packet: Uint8Array): StunAttribute[] | null {
  const attributes: StunAttribute[] = [];
  let covered: Covered = 'open';
  let count = 0;
  let offset: number = STUN_HEADER.size;
  while (offset < packet.length) {
    if (covered === 'closed') return null; // "FINGERPRINT … MUST be the last attribute" (§14.7)
    if (++count > MAX_ATTRIBUTES) return null;
    const type = u16(packet, offset + STUN_TLV.type); // a multiple of 4 remains, so both fields are there
    const length = u16(packet, offset + STUN_TLV.length);
    const start = offset + STUN_TLV.value;
    const end = start + length;
    if (end > packet.length) return null;
    if (type === STUN_ATTRIBUTE.messageIntegrity && length !== MESSAGE_INTEGRITY_LENGTH) return null;
    if (type === STUN_ATTRIBUTE.fingerprint && length !== FINGERPRINT_LENGTH) return null;
    if (isRead(type, covered)) {
      attributes.push({ type, offset, value: packet.subarray(start, end) });
      covered = next(type, covered);
    }
    offset = start + ((length + 3) & ~3);
  }
  return attributes;
}

function isRead(type: number, covered: Covered): boolean {
  if (covered === 'open' || type === STUN_ATTRIBUTE.fingerprint) return true;
  return covered === 'afterIntegrity' && type === STUN_ATTRIBUTE.messageIntegritySha256;
}

function next(type: number, covered: Covered): Covered {
  if (type === STUN_ATTRIBUTE.messageIntegrity) return 'afterIntegrity';
  if (type === STUN_ATTRIBUTE.messageIntegritySha256) return 'afterSha256';
  return type === STUN_ATTRIBUTE.fingerprint ? 'closed' : covered;
}
