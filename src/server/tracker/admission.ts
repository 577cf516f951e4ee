/** The door: who may connect, decided before the WebSocket exists and answered with an HTTP status. */
import { parseAddress } from '../../stun/index.ts';
import type { Access, AccessControl } from './access-token.ts';
import type { TrackerLimits } from './options.ts';
import type { TrackerStats } from './stats.ts';
import { TokenBucket } from './token-bucket.ts';

/** Who asks to come in. */
export type Visitor = {
  /** An IP literal. */
  readonly ip: string;
  /** The `Origin` header; `null` when there is none, as with everything that is no web page. */
  readonly origin: string | null;
  /** Path and query of the request. */
  readonly url: string;
};

export type Refusal = {
  readonly kind: 'refused';
  readonly status: 401 | 403 | 429 | 503;
  readonly reason: string;
};
/** May come in; `TrackerServer.open` takes it. */
export type Admission = { readonly kind: 'admitted'; readonly address: string; readonly access: Access | null };

type Address = { connections: number; readonly arrivals: TokenBucket };

const IPV6_NETWORK_BYTES = 8; // a /64 is one subscriber's (RFC 6177)
const IPV4_MAPPED_BYTES = 12; // ::ffff:0:0/96, RFC 4291 §2.5.5.2

export class Door {
  readonly #limits: TrackerLimits;
  readonly #stats: TrackerStats;
  readonly #access: AccessControl | null;
  readonly #origins: readonly OriginPattern[] | null;
  /** Bound: one entry for each connected address, and for those gone whose bucket is not full again yet. */
  readonly #addresses = new Map<string, Address>();
  #connections = 0;

  constructor(
    limits: TrackerLimits,
    stats: TrackerStats,
    access: AccessControl | null,
    origins: readonly string[] | undefined,
  ) {
    this.#limits = limits;
    this.#stats = stats;
    this.#access = access;
    this.#origins = origins?.map(parseOriginPattern) ?? null;
  }

  admit({ ip, origin, url }: Visitor, unixTimeMs: number, now: number): Admission | Refusal {
    const { maxConnections, maxConnectionsPerAddress, connectionRate, connectionBurst } = this.#limits;
    if (this.#connections >= maxConnections) {
      this.#stats.refusedFull += 1;
      return refusal(503, 'the tracker is full');
    }
    if (origin !== null && this.#origins?.some((pattern) => matchesOrigin(pattern, origin)) === false) {
      this.#stats.refusedOrigin += 1;
      return refusal(403, 'this origin is not allowed here');
    }
    const name = addressName(ip);
    const address = this.#addressOf(name, now);
    if (
      address.connections >= maxConnectionsPerAddress ||
      !address.arrivals.take(connectionRate, connectionBurst, now)
    ) {
      this.#stats.refusedRate += 1;
      return refusal(429, 'too many connections from one address');
    }
    const token = this.#access === null ? null : tokenOf(url);
    const access = token === null ? null : (this.#access?.verify(token, unixTimeMs) ?? null);
    if (this.#access !== null && access === null && (token !== null || this.#access.at === 'upgrade')) {
      this.#stats.refusedUnauthorized += 1;
      return refusal(401, token === null ? 'an access token is required' : 'access token refused');
    }
    return { kind: 'admitted', address: name, access };
  }

  entered({ address }: Admission, now: number): void {
    this.#connections += 1;
    this.#addressOf(address, now).connections += 1;
  }

  left({ address }: Admission): void {
    this.#connections -= 1;
    const entry = this.#addresses.get(address);
    if (entry !== undefined) entry.connections -= 1;
  }

  /** Forgets addresses that nothing is known about any more. */
  sweep(now: number): void {
    const { connectionRate, connectionBurst } = this.#limits;
    for (const [name, { connections, arrivals }] of this.#addresses) {
      if (connections === 0 && arrivals.isFull(connectionRate, connectionBurst, now)) this.#addresses.delete(name);
    }
  }

  /** Whether there is anything to sweep. */
  get isIdle(): boolean {
    return this.#addresses.size === 0;
  }

  #addressOf(name: string, now: number): Address {
    let address = this.#addresses.get(name);
    if (address === undefined) {
      address = { connections: 0, arrivals: new TokenBucket(this.#limits.connectionBurst, now) };
      this.#addresses.set(name, address);
    }
    return address;
  }
}

function refusal(status: Refusal['status'], reason: string): Refusal {
  return { kind: 'refused', status, reason };
}

/** What counts as one address: an IPv4 address in either spelling, an IPv6 /64. */
function addressName(ip: string): string {
  const bytes = parseAddress(ip);
  if (bytes === null) return ''; // an adapter that cannot tell: all of them are one
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? bytes.subarray(IPV4_MAPPED_BYTES).join('.') : bytes.subarray(0, IPV6_NETWORK_BYTES).join(':');
}

/** `?token=` of a request's path. */
function tokenOf(url: string): string | null {
  const query = url.indexOf('?');
  return query < 0 ? null : new URLSearchParams(url.slice(query)).get('token');
}

type OriginPattern = { readonly scheme: string; readonly host: string; readonly subdomains: boolean };

/** @throws TypeError for what is neither an origin nor one with `*.` in front of its host */
function parseOriginPattern(text: string): OriginPattern {
  const [, scheme, wildcard, host] = /^([a-z][a-z0-9+.-]*:\/\/)(\*\.)?([^/*\s]+)$/.exec(text.toLowerCase()) ?? [];
  if (scheme === undefined || host === undefined) {
    throw new TypeError(`expected an origin like https://example.com or https://*.example.com, got "${text}"`);
  }
  return { scheme, host, subdomains: wildcard !== undefined };
}

function matchesOrigin({ scheme, host, subdomains }: OriginPattern, origin: string): boolean {
  const lower = origin.toLowerCase();
  return subdomains ? lower.startsWith(scheme) && lower.endsWith(`.${host}`) : lower === scheme + host;
}
