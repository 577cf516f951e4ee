/**
 * One UDP socket for many connections: which of them a datagram is for.
 *
 * A Binding request names its addressee: the local username fragment stands before the colon of its USERNAME
 * (RFC 8445 §7.2.2). Everything else is told apart by where it comes from, and that is only believed once the
 * connection itself has sent to that address: it does so when it answers an authenticated check. So a stranger can
 * neither take over an address nor fill the table.
 */
import { isStun, parseStun, readText, STUN_ATTRIBUTE } from '../stun/index.ts';
import type { SocketAddress } from './address.ts';

/**
 * Bound: addresses remembered per connection; the one used longest ago is forgotten first. A peer has an address per
 * interface and NAT; each restart may bring new ones.
 */
const MAX_ADDRESSES_PER_CONNECTION = 32;

export class UdpMux<Connection extends object> {
  readonly #byUsernameFragment = new Map<string, Connection>();
  readonly #byAddress = new Map<string, Connection>();
  readonly #addresses = new Map<Connection, Set<string>>();
  /** Datagrams that belong to nobody. */
  readonly stats: { unroutable: number } = { unroutable: 0 };

  /** Connections with at least one username fragment. */
  get size(): number {
    return this.#addresses.size;
  }

  /** `usernameFragment` is `connection`'s from now on, besides the ones it had: during an ICE restart both are in use. */
  add(usernameFragment: string, connection: Connection): void {
    const owner = this.#byUsernameFragment.get(usernameFragment);
    if (owner !== undefined && owner !== connection) {
      throw new RangeError(`the username fragment '${usernameFragment}' belongs to another connection on this socket`);
    }
    this.#byUsernameFragment.set(usernameFragment, connection);
    if (!this.#addresses.has(connection)) this.#addresses.set(connection, new Set());
  }

  /** Forgets all about a connection. */
  remove(connection: Connection): void {
    for (const [fragment, owner] of this.#byUsernameFragment) {
      if (owner === connection) this.#byUsernameFragment.delete(fragment);
    }
    for (const key of this.#addresses.get(connection) ?? []) {
      if (this.#byAddress.get(key) === connection) this.#byAddress.delete(key);
    }
    this.#addresses.delete(connection);
  }

  /** The connection has sent to `remote`: what comes from there is for it. */
  noteSent(connection: Connection, remote: SocketAddress): void {
    const key = addressKey(remote);
    if (this.#byAddress.get(key) === connection) return;
    const addresses = this.#addresses.get(connection);
    if (addresses === undefined) return;
    this.#byAddress.set(key, connection);
    addresses.add(key);
    if (addresses.size <= MAX_ADDRESSES_PER_CONNECTION) return;
    const [oldest] = addresses;
    addresses.delete(oldest!);
    if (this.#byAddress.get(oldest!) === connection) this.#byAddress.delete(oldest!);
  }

  /** Whom a datagram from `remote` is for; `null` when nobody can be told. */
  route(packet: Uint8Array, remote: SocketAddress): Connection | null {
    const connection = this.#addressee(packet) ?? this.#byAddress.get(addressKey(remote)) ?? null;
    if (connection === null) this.stats.unroutable++;
    return connection;
  }

  /** The connection a Binding request names. */
  #addressee(packet: Uint8Array): Connection | undefined {
    if (packet.length === 0 || packet[0]! > 3 || !isStun(packet)) return undefined;
    const message = parseStun(packet);
    if (message?.messageClass !== 'request') return undefined;
    const fragment = readText(message, STUN_ATTRIBUTE.username)?.split(':', 1)[0];
    return fragment === undefined ? undefined : this.#byUsernameFragment.get(fragment);
  }
}

function addressKey({ address, port }: SocketAddress): string {
  return `${address} ${port}`;
}
