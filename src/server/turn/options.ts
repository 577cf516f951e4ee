/** What a TURN service is given. */
import type { Runtime } from '../../runtime/runtime.ts';
import type { TlsServerOptions } from '../../runtime/tcp.ts';
import type { SocketAddress } from '../../stun/index.ts';
import type { TurnServerEvent, TurnServerOptions, TurnTransport } from '../../turn/index.ts';
import type { CredentialResolver } from './credentials.ts';
import type { SessionCredentialsOptions } from './session-credentials.ts';

export type TurnListenOptions = SocketAddress & {
  readonly protocol: TurnTransport;
  /** For `tls`: the certificate should be for `hostname`. */
  readonly tls?: TlsServerOptions;
};

export type TurnServiceOptions = {
  /** Default: the runtime we are on. */
  readonly runtime?: Runtime;
  /**
   * Where clients come in: IP literals, `0.0.0.0` and `::` included, and ports; 0: any free one. The ports of RFC 8656 §4 are
   * 3478 for UDP and TCP, 5349 for TLS.
   */
  readonly listen: readonly TurnListenOptions[];
  /**
   * The addresses that peers reach this machine at, at most one of each family: behind a NAT the NAT's. Default: what a
   * listener is bound to, else an address of an interface, of each family that there are listeners of.
   */
  readonly publicAddresses?: readonly string[];
  /** UDP ports for relays, both ends included; firewalls and NATs must let them through. Default 49152–65535 (RFC 8656 §7.2). */
  readonly relayPortRange?: { readonly min: number; readonly max: number };
  /** RFC 8489 §9.2.4; the domain name of the service is usual. */
  readonly realm: string;
  /** In the URLs that are handed out. Default: the public addresses. */
  readonly hostname?: string;
  /** `stun:`, `turn:` and `turns:` URLs to hand out, in place of those that follow from `listen` and `hostname`. */
  readonly urls?: readonly string[];
  /** Who may use it, asked in that order. Default: none but live sessions. */
  readonly credentials?: readonly CredentialResolver[];
  /** Credentials for whoever has a signaling session, and for as long as it has: see `iceServersFor`. */
  readonly sessions?: SessionCredentialsOptions;
  /** Allocations of one user, or session: a browser makes one for each connection, URL and address. Default 128; past it 486. */
  readonly maxAllocationsPerUser?: number;
  /** Connections over TCP and TLS together. Default 4096; more are reset. */
  readonly maxConnections?: number;
  /** Of one IPv4 address, or one /64 of IPv6. Default 256; more are reset. */
  readonly maxConnectionsPerAddress?: number;
  /** How long a connection over TCP or TLS may stay without an allocation and without a message, in ms. Default 30,000. */
  readonly idleTimeoutMs?: number;
  /**
   * Requests that one IPv4 address, or one /64 of IPv6, may make a second before it has an allocation: they are answered to
   * addresses nobody has proved. Ten seconds' worth may come at once. Default 100.
   */
  readonly strangerRequestsPerSecond?: number;
  /** Wanted of the system for each UDP listener, in bytes. Default 4 MiB; the system may give less. */
  readonly receiveBufferBytes?: number;
  /** The same for each relay. Default 512 KiB. */
  readonly relayReceiveBufferBytes?: number;
  /** Seconds since 1970, which ephemeral names are stamped by. Default: the system's clock. */
  readonly unixSeconds?: () => number;
  /** What happens to allocations. The events have addresses and usernames: mind what is logged. */
  readonly onEvent?: (event: TurnServerEvent) => void;
  /** A listener broke, or the system has no socket left for a relay. */
  readonly onError?: (error: Error) => void;
} & Pick<
  TurnServerOptions,
  'allowedPeers' | 'deniedPeers' | 'maxAllocations' | 'maxBytesPerSecond' | 'nonceLifetimeSeconds' | 'software'
>;

const DYNAMIC_PORTS = { min: 49_152, max: 65_535 } as const; // RFC 6335 §6
const MAX_RELAY_PORT = 65_535;

/** @throws RangeError saying what was expected and what came */
export function relayPortRangeOf({ relayPortRange = DYNAMIC_PORTS }: TurnServiceOptions): { min: number; max: number } {
  const { min, max } = relayPortRange;
  const isRange = Number.isInteger(min) && Number.isInteger(max) && min >= 1 && min <= max && max <= MAX_RELAY_PORT;
  if (!isRange) throw new RangeError(`relayPortRange: 1 ≤ min ≤ max ≤ 65535 expected, got ${min}–${max}`);
  return { min, max };
}

/** @throws TypeError or RangeError for the option that is wrong, before anything is opened */
export function checkOptions(options: TurnServiceOptions): void {
  if (options.listen.length === 0) throw new TypeError('listen: at least one address to listen at expected');
  for (const { protocol, tls } of options.listen) {
    if (!['udp', 'tcp', 'tls'].includes(protocol)) {
      throw new TypeError(`listen: protocol udp, tcp or tls expected, got '${protocol}'`);
    }
    if ((protocol === 'tls') !== (tls !== undefined)) {
      throw new TypeError('listen: a certificate and its key (tls) belong to protocol tls, and to no other');
    }
  }
  for (const name of [
    'maxConnections',
    'maxConnectionsPerAddress',
    'idleTimeoutMs',
    'strangerRequestsPerSecond',
  ] as const) {
    const value = options[name];
    if (value !== undefined && !(value > 0)) throw new RangeError(`${name}: more than 0 expected, got ${value}`);
  }
}
