/** Visitors behind proxies. Anybody can send an `X-Forwarded-For`: only what trusted proxies wrote into it counts. */
import { type AddressRange, addressInRange, parseAddressRange } from '../../stun/index.ts';

/** Bound: entries of a header that are looked at, from the right. */
const MAX_PROXIES_IN_A_ROW = 16;

/** @throws TypeError for what is neither an address nor a range in CIDR notation */
export function parseProxies(trusted: readonly string[]): readonly AddressRange[] {
  return trusted.map(parseAddressRange);
}

/**
 * The visitor's address. Each proxy appends the address it was called from, so the list is read from the right, as far as the
 * one who wrote the entry is trusted.
 */
export function clientAddress(
  socketAddress: string,
  forwardedFor: string | null,
  trusted: readonly AddressRange[],
): string {
  let address = withoutMapping(socketAddress);
  const isTrusted = (): boolean => trusted.some((range) => addressInRange(range, address));
  if (forwardedFor === null || !isTrusted()) return address;
  const entries = forwardedFor.split(',').slice(-MAX_PROXIES_IN_A_ROW).reverse();
  for (const entry of entries) {
    const next = withoutPort(entry.trim());
    if (next === '') break; // `unknown`, or a name: as far as we can tell it was the proxy itself
    address = withoutMapping(next);
    if (!isTrusted()) break;
  }
  return address;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. Empty for what is no address. */
function withoutPort(entry: string): string {
  const [, bracketed, ipv4] = /^(?:\[([\da-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+)(?::\d+)?)$/i.exec(entry) ?? [];
  return bracketed ?? ipv4 ?? (/^[\da-f:.]+$/i.test(entry) && entry.includes(':') ? entry : '');
}

/** A socket for both families shows IPv4 as `::ffff:192.0.2.1`. */
function withoutMapping(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}
