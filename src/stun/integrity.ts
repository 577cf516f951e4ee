/** What proves a STUN message: the two HMACs (RFC 8489 §14.5, §14.6) and the CRC that tells it from other protocols (§14.7). */
import { equalBytes, setU16, u32 } from '../binary/bytes.ts';
import { crc32 } from '../binary/crc32.ts';
import type { CryptoProvider, HmacKey } from '../crypto/provider.ts';
import { findAttribute, STUN_HEADER, STUN_TLV, type StunMessage } from './message.ts';
import { STUN_ATTRIBUTE } from './registry.ts';

/** RFC 8489 §14.7: keeps the CRC apart from one that an application protocol put into its own packet. */
export const FINGERPRINT_XOR = 0x5354_554e;

/** One password in both keyed forms, made once per credential. */
export type IntegrityKeys = { readonly sha1: HmacKey; readonly sha256: HmacKey };

export type IntegrityAlgorithm = keyof IntegrityKeys;

/** Short-term keys: the password itself (RFC 8489 §9.1.1). ICE passwords are ASCII, so OpaqueString changes nothing. */
export function shortTermKeys(crypto: CryptoProvider, password: string): IntegrityKeys {
  const key = new TextEncoder().encode(password);
  return { sha1: crypto.hmac('sha1', key), sha256: crypto.hmac('sha256', key) };
}

/** The HMAC of a message up to the attribute at `offset`, with the header's length reaching to that attribute's end. */
export function integrityTag(bytes: Uint8Array, offset: number, key: HmacKey): Uint8Array {
  const head = bytes.slice(0, STUN_HEADER.magicCookie);
  setU16(head, STUN_HEADER.length, offset + STUN_TLV.value + key.size - STUN_HEADER.size);
  return key.sign(head, bytes.subarray(STUN_HEADER.magicCookie, offset));
}

/** The algorithm a message is protected with: the stronger where both are there (RFC 8489 §9.1.3). `null`: none. */
export function integrityAlgorithm(message: StunMessage): IntegrityAlgorithm | null {
  if (findAttribute(message, STUN_ATTRIBUTE.messageIntegritySha256) !== undefined) return 'sha256';
  return findAttribute(message, STUN_ATTRIBUTE.messageIntegrity) === undefined ? null : 'sha1';
}

/** Which algorithm proves that the sender knows the password; `null` when none does. Truncated tags are not taken (§14.6). */
export function verifyIntegrity(message: StunMessage, keys: IntegrityKeys): IntegrityAlgorithm | null {
  const algorithm = integrityAlgorithm(message);
  if (algorithm === null) return null;
  const type = algorithm === 'sha1' ? STUN_ATTRIBUTE.messageIntegrity : STUN_ATTRIBUTE.messageIntegritySha256;
  const { offset, value } = findAttribute(message, type)!;
  return equalBytes(value, integrityTag(message.bytes, offset, keys[algorithm])) ? algorithm : null;
}

/** The FINGERPRINT of a message whose FINGERPRINT attribute starts at `offset`. */
export function fingerprintOf(bytes: Uint8Array, offset: number): number {
  return (crc32(bytes, 0, offset) ^ FINGERPRINT_XOR) >>> 0;
}

/** Whether FINGERPRINT is there and right; `null` when it is not there. */
export function verifyFingerprint(message: StunMessage): boolean | null {
  const attribute = findAttribute(message, STUN_ATTRIBUTE.fingerprint);
  if (attribute === undefined) return null;
  return u32(attribute.value, 0) === fingerprintOf(message.bytes, attribute.offset);
}
