/** How many connections there are, in all and of one visitor, and whether there is room for one more. */
import { addressFamily, parseAddress } from '../ice/address.ts';

const IPV6_SITE_BYTES = 8; // one subscriber has a /64 at least (RFC 6177)

export class ConnectionCounts {
  readonly #max: number;
  readonly #maxPerSite: number;
  readonly #perSite = new Map<string, number>();
  #size = 0;

  constructor(maxConnections: number, maxConnectionsPerAddress: number) {
    this.#max = maxConnections;
    this.#maxPerSite = maxConnectionsPerAddress;
  }

  get size(): number {
    return this.#size;
  }

  /** Counts a connection from that address, unless it is one too many. Whoever was counted must `leave`. */
  enter(address: string): boolean {
    const site = siteOf(address);
    const count = this.#perSite.get(site) ?? 0;
    if (this.#size >= this.#max || count >= this.#maxPerSite) return false;
    this.#size++;
    this.#perSite.set(site, count + 1);
    return true;
  }

  leave(address: string): void {
    const site = siteOf(address);
    const count = this.#perSite.get(site)! - 1;
    this.#size--;
    if (count === 0) this.#perSite.delete(site);
    else this.#perSite.set(site, count);
  }
}

/** What is one visitor as far as addresses tell: an IPv4 address, a /64 of IPv6. */
export function siteOf(address: string): string {
  return addressFamily(address) === 6 ? parseAddress(address)!.subarray(0, IPV6_SITE_BYTES).join('.') : address;
}
