/**
 * One UDP socket for many connections: which of them a datagram is for.
 *
 * | Datagram | Goes to |
 * |---|---|
 * | STUN request | the connection whose username fragment stands before the colon of USERNAME (RFC 8445 §7.2.2) |
 * | STUN response | the connection that sent the request of this transaction id, else as anything else |
 * | anything else | the connection that has claimed the sender's address |
 *
 * An address is claimed when a connection has handled a STUN packet from it and its agent then holds the path for proved
 * (`isAuthorizedPath`). That needs an answer to a check of ours, under the peer's password: neither a stranger's requests
 * nor a peer that names another's address as its candidate bring it about. It may take the address from another
 * connection, for a peer may use one port for several connections one after the other, or its NAT hand the port on.
 *
 * A peer that has had its check answered may send DTLS before it answers ours. So the connection that answers a check
 * holds the address provisionally: as long as it has not been proved for another.
 */
import { isStun, parseStun, readText, STUN_ATTRIBUTE, transactionKey } from '../stun/index.ts';
import type { SocketAddress } from './address.ts';

/**
 * Bound: addresses remembered per connection; the one proved longest ago is forgotten first. A peer has an address per
 * interface and NAT; each restart may bring new ones. Consent checks keep the path in use among the youngest.
 */
const MAX_ADDRESSES = 32;
/**
 * Bound: unanswered requests remembered per connection, the oldest is forgotten first. An agent checks at most 100 pairs
 * at a time. An answer to a forgotten one still gets through when its address is claimed.
 */
const MAX_REQUESTS = 128;
/** Bound: username fragments per connection, the oldest is forgotten first. A restart needs two: ours, and the one before. */
const MAX_USERNAME_FRAGMENTS = 4;

/** The types of the three messages an agent sends (RFC 8489 §5): the Binding method, with the class bits. */
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;

/** One of the connections that share the socket. */
export interface UdpMuxMember {
  /** Takes a datagram that is for it. */
  receive(packet: Uint8Array, remote: SocketAddress): void;
  /** Whether its agent holds the path to `remote` for proved now. */
  isAuthorized(remote: SocketAddress): boolean;
}

/** What is remembered of a connection, so that it can be forgotten; each in order of age. */
type Entries = {
  readonly fragments: Set<string>;
  readonly addresses: Set<string>;
  readonly requests: Set<string>;
};

export class UdpMux<Member extends UdpMuxMember> {
  readonly #byUsernameFragment = new Map<string, Member>();
  readonly #byTransaction = new Map<string, Member>();
  readonly #byAddress = new Map<string, Member>();
  readonly #members = new Map<Member, Entries>();
  /** Datagrams that belong to nobody. */
  readonly stats: { unroutable: number } = { unroutable: 0 };

  /** Connections with at least one username fragment. */
  get size(): number {
    return this.#members.size;
  }

  /** `usernameFragment` is `member`'s from now on, besides the ones it had: during an ICE restart both are in use. */
  add(usernameFragment: string, member: Member): void {
    const owner = this.#byUsernameFragment.get(usernameFragment);
    if (owner !== undefined && owner !== member) {
      throw new RangeError(`the username fragment '${usernameFragment}' belongs to another connection on this socket`);
    }
    const entries = this.#members.get(member) ?? { fragments: new Set(), addresses: new Set(), requests: new Set() };
    this.#members.set(member, entries);
    remember(this.#byUsernameFragment, entries.fragments, usernameFragment, member, MAX_USERNAME_FRAGMENTS);
  }

  /** Forgets all about a connection. */
  remove(member: Member): void {
    const entries = this.#members.get(member);
    if (entries === undefined) return;
    this.#members.delete(member);
    for (const fragment of entries.fragments) this.#byUsernameFragment.delete(fragment);
    for (const key of entries.requests) this.#byTransaction.delete(key);
    for (const key of entries.addresses) this.#byAddress.delete(key);
  }

  /** To be told of every datagram that a connection sends, before it goes out. */
  noteSent(member: Member, packet: Uint8Array, remote: SocketAddress): void {
    if (packet[0]! > 1) return; // DTLS, SRTP: the data path
    const entries = this.#members.get(member);
    if (entries === undefined || !isStun(packet)) return;
    const type = packet[0]! * 256 + packet[1]!;
    if (type === BINDING_REQUEST) {
      remember(this.#byTransaction, entries.requests, idOf(packet), member, MAX_REQUESTS);
    } else if (type === BINDING_SUCCESS) {
      const owner = this.#byAddress.get(addressKey(remote));
      if (owner === undefined || !owner.isAuthorized(remote)) this.#claim(member, remote);
    }
  }

  /** Takes a datagram from the socket to the connection that it is for. */
  handlePacket(packet: Uint8Array, remote: SocketAddress): void {
    const isStunPacket = isStun(packet);
    const member = isStunPacket ? this.#ofStun(packet, remote) : this.#byAddress.get(addressKey(remote));
    if (member === undefined) {
      this.stats.unroutable++;
      return;
    }
    const transaction = isStunPacket ? idOf(packet) : '';
    member.receive(packet, remote);
    if (!isStunPacket || !member.isAuthorized(remote)) return;
    this.#claim(member, remote);
    // What else answers that request comes from the address now.
    if (this.#members.get(member)?.requests.delete(transaction)) this.#byTransaction.delete(transaction);
  }

  #ofStun(packet: Uint8Array, remote: SocketAddress): Member | undefined {
    const message = parseStun(packet);
    if (message === null) return undefined;
    if (message.messageClass === 'request') {
      const fragment = readText(message, STUN_ATTRIBUTE.username)?.split(':', 1)[0];
      return fragment === undefined ? undefined : this.#byUsernameFragment.get(fragment);
    }
    return this.#byTransaction.get(idOf(packet)) ?? this.#byAddress.get(addressKey(remote));
  }

  #claim(member: Member, remote: SocketAddress): void {
    const entries = this.#members.get(member);
    if (entries === undefined) return; // it was closed while it handled the packet
    const key = addressKey(remote);
    const owner = this.#byAddress.get(key);
    if (owner !== undefined && owner !== member) this.#members.get(owner)?.addresses.delete(key);
    remember(this.#byAddress, entries.addresses, key, member, MAX_ADDRESSES);
  }
}

/** `key` is `member`'s, and the youngest of its keys; the oldest past `most` is forgotten. */
function remember<Member>(
  table: Map<string, Member>,
  keys: Set<string>,
  key: string,
  member: Member,
  most: number,
): void {
  table.set(key, member);
  keys.delete(key);
  keys.add(key);
  if (keys.size <= most) return;
  const [oldest] = keys;
  keys.delete(oldest!);
  table.delete(oldest!);
}

/** The transaction id (RFC 8489 §5) as a map key. */
function idOf(packet: Uint8Array): string {
  return transactionKey(packet.subarray(8, 20));
}

function addressKey({ address, port }: SocketAddress): string {
  return `${address} ${port}`;
}
