/** The values of TURN's attributes (RFC 8656 §18). Readers give `null` for what is malformed, `undefined` for what is absent. */
import { setU16, u16, u32 } from '../binary/bytes.ts';
import { findAttribute, type StunMessage } from '../stun/index.ts';
import { isChannelData } from './channel-data.ts';
import { type AddressFamily, TURN_ATTRIBUTE } from './registry.ts';

/** RFC 8489 §14.1. */
const FAMILY_CODES = { 4: 0x01, 6: 0x02 } as const;

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Reserved                     |  ICMP Type    |  ICMP Code    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                          Error Data                           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
const ICMP = { type: 2, code: 3, errorData: 4, size: 8 } as const;

/** What an ICMP error told the server about a datagram it relayed (RFC 8656 §18.13). */
export type IcmpError = {
  readonly type: number;
  readonly code: number;
  /** The next hop's MTU where the type says so, else 0. */
  readonly errorData: number;
};

/** Method and class as RFC 8489 §5 packs them. */
const SEND_INDICATION = 0x0016;
const DATA_INDICATION = 0x0017;

/** Whether a message has a datagram to or from a peer in it, which may be lost, and is not a request, which should not be. */
export function isTurnData(message: Uint8Array): boolean {
  if (isChannelData(message)) return true;
  const type = message.length >= 2 ? u16(message, 0) : 0;
  return type === SEND_INDICATION || type === DATA_INDICATION;
}

/** LIFETIME, in seconds. */
export function readLifetime(message: StunMessage): number | null | undefined {
  const value = findAttribute(message, TURN_ATTRIBUTE.lifetime)?.value;
  if (value === undefined) return undefined;
  return value.length === 4 ? u32(value, 0) : null;
}

/** CHANNEL-NUMBER: 16 bits, then 16 reserved. */
export function readChannelNumber(message: StunMessage): number | null | undefined {
  const value = findAttribute(message, TURN_ATTRIBUTE.channelNumber)?.value;
  if (value === undefined) return undefined;
  return value.length === 4 ? u16(value, 0) : null;
}

/** REQUESTED-TRANSPORT: an IP protocol number, then 24 bits for later. */
export function readRequestedTransport(message: StunMessage): number | null | undefined {
  const value = findAttribute(message, TURN_ATTRIBUTE.requestedTransport)?.value;
  if (value === undefined) return undefined;
  return value.length === 4 ? value[0]! : null;
}

/** REQUESTED-ADDRESS-FAMILY, ADDITIONAL-ADDRESS-FAMILY. A family nobody knows is `'unknown'`. */
export function readAddressFamily(message: StunMessage, type: number): AddressFamily | 'unknown' | null | undefined {
  const value = findAttribute(message, type)?.value;
  if (value === undefined) return undefined;
  if (value.length !== 4) return null;
  if (value[0] === FAMILY_CODES[4]) return 4;
  return value[0] === FAMILY_CODES[6] ? 6 : 'unknown';
}

/** EVEN-PORT: whether the next higher port is to be reserved too. */
export function readEvenPort(message: StunMessage): { readonly reserveNext: boolean } | null | undefined {
  const value = findAttribute(message, TURN_ATTRIBUTE.evenPort)?.value;
  if (value === undefined) return undefined;
  return value.length === 1 ? { reserveNext: (value[0]! & 0x80) !== 0 } : null;
}

/** ICMP. */
export function readIcmp(message: StunMessage): IcmpError | null | undefined {
  const value = findAttribute(message, TURN_ATTRIBUTE.icmp)?.value;
  if (value === undefined) return undefined;
  if (value.length !== ICMP.size) return null;
  return { type: value[ICMP.type]!, code: value[ICMP.code]!, errorData: u32(value, ICMP.errorData) };
}

/** CHANNEL-NUMBER. */
export function channelNumberValue(channelNumber: number): Uint8Array {
  const value = new Uint8Array(4);
  setU16(value, 0, channelNumber);
  return value;
}

/** REQUESTED-TRANSPORT. */
export function requestedTransportValue(protocol: number): Uint8Array {
  return Uint8Array.of(protocol, 0, 0, 0);
}

/** REQUESTED-ADDRESS-FAMILY, ADDITIONAL-ADDRESS-FAMILY. */
export function addressFamilyValue(family: AddressFamily): Uint8Array {
  return Uint8Array.of(FAMILY_CODES[family], 0, 0, 0);
}

/** ADDRESS-ERROR-CODE (RFC 8656 §18.12): which family could not be had, and why. */
export function addressErrorCodeValue(family: AddressFamily, code: number, reason: string): Uint8Array {
  const text = new TextEncoder().encode(reason);
  const value = new Uint8Array(4 + text.length);
  value[0] = FAMILY_CODES[family];
  value[2] = Math.floor(code / 100);
  value[3] = code % 100;
  value.set(text, 4);
  return value;
}
