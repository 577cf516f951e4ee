/**
 * Which peers a relay may speak to (RFC 8656 §10.2: "The server MAY impose restrictions on the IP address"). Without it a relay
 * is a way into the network it stands in: to its loopback, its neighbours, its cloud's metadata service.
 */
import { type AddressRange, addressInRange, parseAddress, parseAddressRange } from '../stun/index.ts';

/**
 * Refused by default: what is not an ordinary host on the Internet (IANA's special-purpose registries, RFC 6890), and the
 * metadata services that are on ordinary addresses.
 */
export const DEFAULT_DENIED_PEERS: readonly string[] = [
  '0.0.0.0/8', // "this network", RFC 791 §3.2
  '10.0.0.0/8', // private, RFC 1918
  '100.64.0.0/10', // shared, RFC 6598; Alibaba's and Tailscale's services
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's host
  '169.254.0.0/16', // link-local; 169.254.169.254 is most clouds' metadata service
  '172.16.0.0/12', // private
  '192.0.0.0/24', // IETF protocol assignments; Oracle's metadata service
  '192.88.99.0/24', // 6to4 relays, RFC 7526
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks, RFC 2544
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and the broadcast address
  '::/96', // unspecified, loopback, IPv4-compatible
  '64:ff9b:1::/48', // local translation, RFC 8215
  '100::/64', // discard, RFC 6666
  '2001::/32', // Teredo: an IPv4 host behind it
  'fc00::/7', // unique local, RFC 4193; fd00:ec2::254 is Amazon's metadata service
  'fe80::/10', // link-local
  'fec0::/10', // site-local, deprecated
  'ff00::/8', // multicast
];

/** Prefixes behind which an IPv4 address stands in the bits that follow: that address decides. */
const EMBEDDED_IPV4 = [
  { range: parseAddressRange('::ffff:0:0/96'), offset: 12 }, // IPv4-mapped, RFC 4291 §2.5.5.2
  { range: parseAddressRange('::ffff:0:0:0/96'), offset: 12 }, // IPv4-translated, RFC 7915
  { range: parseAddressRange('64:ff9b::/96'), offset: 12 }, // NAT64, RFC 6052
  { range: parseAddressRange('2002::/16'), offset: 2 }, // 6to4, RFC 3056
] as const;

/** Bound: each packet to a new peer is compared with every range. */
const MAX_RANGES = 4096;

export type PeerPolicyOptions = {
  /** In CIDR notation, or single addresses. Default `DEFAULT_DENIED_PEERS`. */
  readonly deny?: readonly string[];
  /** Exceptions from `deny`. An allowed IPv4 range also allows its embedded forms. */
  readonly allow?: readonly string[];
};

export class PeerPolicy {
  readonly #deny: readonly AddressRange[];
  readonly #allow: readonly AddressRange[];

  /** @throws TypeError for what is not in CIDR notation; RangeError past 4096 ranges */
  constructor({ deny = DEFAULT_DENIED_PEERS, allow = [] }: PeerPolicyOptions = {}) {
    if (deny.length + allow.length > MAX_RANGES) throw new RangeError(`at most ${MAX_RANGES} ranges, got more`);
    this.#deny = deny.map(parseAddressRange);
    this.#allow = allow.map(parseAddressRange);
  }

  /** Whether a relay may send to this IP literal. What is no IP literal may not be sent to. */
  allows(address: string): boolean {
    const bytes = parseAddress(address);
    return bytes !== null && this.#allows(bytes);
  }

  #allows(bytes: Uint8Array): boolean {
    if (this.#allow.some((range) => addressInRange(range, bytes))) return true;
    if (this.#deny.some((range) => addressInRange(range, bytes))) return false;
    const embedded = EMBEDDED_IPV4.find(({ range }) => addressInRange(range, bytes));
    return embedded === undefined || this.#allows(bytes.slice(embedded.offset, embedded.offset + 4));
  }
}
