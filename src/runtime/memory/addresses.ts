/** Quick questions about canonical addresses, asked for every packet. */

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

/** The unspecified address of either family: every address of the host. */
export function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** RFC 4291 §2.7; of IPv4's groups, the block that mDNS is in (RFC 5771 §4). */
export function isMulticast(address: string): boolean {
  return address.startsWith('ff') || address.startsWith('224.');
}
