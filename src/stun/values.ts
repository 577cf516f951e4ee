/** The values of STUN attributes (RFC 8489 §14): reading. Every reader gives `null` when the value is absent or malformed. */
import { u16, u32 } from '../binary/bytes.ts';
import { formatAddress, type SocketAddress } from './address.ts';
import { findAttribute, STUN_HEADER, type StunMessage } from './message.ts';
import { isComprehensionRequired, STUN_ATTRIBUTE } from './registry.ts';

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |0 0 0 0 0 0 0 0|    Family     |           Port                |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                 Address (32 bits or 128 bits)                 |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const MAPPED_ADDRESS = { family: 1, port: 2, address: 4 } as const;

/** The second number is the length of the attribute's value. */
export const ADDRESS_FAMILY = { ipv4: 0x01, ipv4Length: 8, ipv6: 0x02, ipv6Length: 20 } as const;

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |           Reserved, should be 0         |Class|     Number    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |      Reason Phrase (variable)                                ..
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const ERROR_CODE = { class: 2, number: 3, reason: 4 } as const;

/*
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |          Algorithm            |  Algorithm Parameters Length  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                    Algorithm Parameters (variable)            |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
export const PASSWORD_ALGORITHM = { algorithm: 0, length: 2, parameters: 4 } as const;

/** RFC 8489 §14.3, §14.8–10, §14.14: texts are under 509 bytes when sent, and read up to this length. */
const MAX_TEXT_BYTES = 763;
const USERHASH_LENGTH = 32; // RFC 8489 §14.4

export type StunErrorCode = { readonly code: number; readonly reason: string };

/** RFC 8489 §18.5: 1 is MD5, 2 is SHA-256. */
export type PasswordAlgorithm = { readonly algorithm: number; readonly parameters: Uint8Array };

/** USERNAME, REALM, NONCE, SOFTWARE, ALTERNATE-DOMAIN; malformed UTF-8 is malformed. */
export function readText(message: StunMessage, type: number): string | null {
  const value = findAttribute(message, type)?.value;
  return value === undefined || value.length > MAX_TEXT_BYTES ? null : decodeUtf8(value);
}

/** PRIORITY. */
export function readUint32(message: StunMessage, type: number): number | null {
  const value = findAttribute(message, type)?.value;
  return value?.length === 4 ? u32(value, 0) : null;
}

/** The 8 bytes of ICE-CONTROLLING or ICE-CONTROLLED. */
export function readUint64(message: StunMessage, type: number): Uint8Array | null {
  const value = findAttribute(message, type)?.value;
  return value?.length === 8 ? value : null;
}

/** MAPPED-ADDRESS, ALTERNATE-SERVER. */
export function readAddress(message: StunMessage, type: number): SocketAddress | null {
  const value = findAttribute(message, type)?.value;
  return value === undefined ? null : decodeAddress(value);
}

/** XOR-MAPPED-ADDRESS and its relatives of TURN. */
export function readXorAddress(message: StunMessage, type: number): SocketAddress | null {
  const value = findAttribute(message, type)?.value;
  return value === undefined ? null : decodeAddress(xorAddress(value, message.bytes));
}

/** Every attribute of that type, in order, where TURN allows several; `null` when one of them is malformed. */
export function readXorAddresses(message: StunMessage, type: number): SocketAddress[] | null {
  const addresses: SocketAddress[] = [];
  for (const attribute of message.attributes) {
    if (attribute.type !== type) continue;
    const address = decodeAddress(xorAddress(attribute.value, message.bytes));
    if (address === null) return null;
    addresses.push(address);
  }
  return addresses;
}

/** ERROR-CODE: 300 … 699. A reason that is not UTF-8 is read as none. */
export function readErrorCode(message: StunMessage): StunErrorCode | null {
  const value = findAttribute(message, STUN_ATTRIBUTE.errorCode)?.value;
  if (value === undefined || value.length < ERROR_CODE.reason || value.length > ERROR_CODE.reason + MAX_TEXT_BYTES) {
    return null;
  }
  const hundreds = value[ERROR_CODE.class]! & 0x07; // the bits above are reserved
  const number = value[ERROR_CODE.number]!;
  if (hundreds < 3 || hundreds > 6 || number > 99) return null;
  return { code: 100 * hundreds + number, reason: decodeUtf8(value.subarray(ERROR_CODE.reason)) ?? '' };
}

/** UNKNOWN-ATTRIBUTES of a 420 response. */
export function readUnknownAttributes(message: StunMessage): number[] | null {
  const value = findAttribute(message, STUN_ATTRIBUTE.unknownAttributes)?.value;
  if (value === undefined || value.length % 2 !== 0) return null;
  return Array.from({ length: value.length / 2 }, (_, i) => u16(value, 2 * i));
}

/** The 32 bytes of USERHASH. */
export function readUserhash(message: StunMessage): Uint8Array | null {
  const value = findAttribute(message, STUN_ATTRIBUTE.userhash)?.value;
  return value?.length === USERHASH_LENGTH ? value : null;
}

/** PASSWORD-ALGORITHMS, or PASSWORD-ALGORITHM as a list of one. */
export function readPasswordAlgorithms(message: StunMessage, type: number): PasswordAlgorithm[] | null {
  const value = findAttribute(message, type)?.value;
  if (value === undefined) return null;
  const algorithms: PasswordAlgorithm[] = [];
  let offset = 0;
  while (offset < value.length) {
    if (value.length - offset < PASSWORD_ALGORITHM.parameters) return null;
    const start = offset + PASSWORD_ALGORITHM.parameters;
    const length = u16(value, offset + PASSWORD_ALGORITHM.length);
    if (start + length > value.length) return null;
    const algorithm = u16(value, offset + PASSWORD_ALGORITHM.algorithm);
    algorithms.push({ algorithm, parameters: value.subarray(start, start + length) });
    offset = start + ((length + 3) & ~3);
  }
  return type === STUN_ATTRIBUTE.passwordAlgorithm && algorithms.length !== 1 ? null : algorithms;
}

/** The comprehension-required attributes that are not in `known`: for a 420 response, or a reason to drop (RFC 8489 §6.3). */
export function unknownRequiredAttributes(message: StunMessage, known: ReadonlySet<number>): number[] {
  const unknown = new Set<number>();
  for (const { type } of message.attributes) {
    if (isComprehensionRequired(type) && !known.has(type)) unknown.add(type);
  }
  return [...unknown];
}

/** An address value, exclusive-ored with the cookie and transaction id of `message` (RFC 8489 §14.2): its own inverse. */
export function xorAddress(value: Uint8Array, message: Uint8Array): Uint8Array {
  const result = value.slice();
  const { port, address } = MAPPED_ADDRESS;
  const pad = STUN_HEADER.magicCookie; // the cookie and, right behind it, the transaction id: 16 bytes
  for (let i = port; i < address && i < value.length; i++) result[i] = value[i]! ^ message[pad + i - port]!;
  for (let i = address; i < value.length && i < address + 16; i++) result[i] = value[i]! ^ message[pad + i - address]!;
  return result;
}

function decodeAddress(value: Uint8Array): SocketAddress | null {
  const family = value[MAPPED_ADDRESS.family];
  const { ipv4, ipv4Length, ipv6, ipv6Length } = ADDRESS_FAMILY;
  if (!(family === ipv4 && value.length === ipv4Length) && !(family === ipv6 && value.length === ipv6Length))
    return null;
  return { address: formatAddress(value.subarray(MAPPED_ADDRESS.address)), port: u16(value, MAPPED_ADDRESS.port) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
