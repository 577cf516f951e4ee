/** Blocks of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3). */
import { parseAddress } from './address.ts';

export type AddressRange = { readonly bytes: Uint8Array; readonly prefixLength: number };

/**
 * `192.0.2.0/24`, `2001:db8::/32`, or a single address.
 * @throws TypeError for anything else
 */
export function parseAddressRange(text: string): AddressRange {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  const bits = 8 * (bytes?.length ?? 0);
  const prefixLength = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (bytes === null || rest.length > 0 || !(prefixLength <= bits)) {
    throw new TypeError(`expected a range like 192.0.2.0/24 or 2001:db8::/32, got "${text}"`);
  }
  return { bytes, prefixLength };
}

/** Whether an address lies in a range: an IP literal, or its 4 or 16 bytes. What is no IP literal lies in none. */
export function addressInRange(range: AddressRange, address: string | Uint8Array): boolean {
  const { bytes, prefixLength } = range;
  const asked = typeof address === 'string' ? parseAddress(address) : address;
  if (asked?.length !== bytes.length) return false;
  const whole = prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (asked[i] !== bytes[i]) return false;
  const mask = (0xff00 >> (prefixLength & 7)) & 0xff;
  return mask === 0 || ((asked[whole]! ^ bytes[whole]!) & mask) === 0;
}
