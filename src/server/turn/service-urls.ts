/** The URLs of a service, as RFC 7064 and RFC 7065 write them. */
import { addressFamily, isUnspecified, type SocketAddress } from '../../stun/index.ts';
import type { TurnTransport } from '../../turn/index.ts';
import type { RelayAddress } from './relay-addresses.ts';

/** UDP before TCP before TLS: what costs least is named first. */
const ORDER: readonly TurnTransport[] = ['udp', 'tcp', 'tls'];

/** @param hostname in place of the addresses that we would name */
export function urlsOf(
  listening: readonly { readonly protocol: TurnTransport; readonly bound: SocketAddress }[],
  hostname: string | undefined,
  addresses: readonly RelayAddress[],
): string[] {
  const urls = ORDER.flatMap((protocol) => {
    const ofProtocol = listening.filter((one) => one.protocol === protocol);
    return ofProtocol.flatMap(({ bound }) => {
      const host = hostname ?? hostOf(bound, addresses);
      if (host === null) return [];
      const at = `${addressFamily(host) === 6 ? `[${host}]` : host}:${bound.port}`;
      if (protocol === 'udp') return [`stun:${at}`, `turn:${at}?transport=udp`];
      return protocol === 'tcp' ? [`turn:${at}?transport=tcp`] : [`turns:${at}?transport=tcp`];
    });
  });
  return [...new Set(urls)]; // IPv4 and IPv6 under one name are one URL
}

/** How clients reach a listener; `null` where nothing is known of its family. */
function hostOf({ address }: SocketAddress, addresses: readonly RelayAddress[]): string | null {
  const known = addresses.find(({ family }) => family === addressFamily(address))?.public;
  return known ?? (isUnspecified(address) ? null : address);
}
