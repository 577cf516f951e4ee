/**
 * A network in memory: hosts, NATs and wires that lose, delay, reorder, repeat and cut off, on a virtual clock and from
 * one seed. The same seed and the same calls give the same packets at the same times.
 */
import { defaultCrypto } from '../../crypto/default.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { addressFamily, type SocketAddress } from '../../ice/address.ts';
import { familyOf, isMulticast } from './addresses.ts';
import { Attachment } from './attachment.ts';
import { Host } from './host.ts';
import { Link, type LinkDrop, type LinkOptions } from './link.ts';
import { Nat, type NatOptions } from './nat.ts';
import { AtCore, AtHost, type IpProtocol } from './packet-events.ts';
import { Realm } from './realm.ts';
import { Scheduler } from './scheduler.ts';
import { SeededRandom } from './seeded-random.ts';

export type MemoryNetworkOptions = {
  /** Everything random comes from here: losses, jitter, ports, and the `random` of every host. */
  readonly seed: number | string;
  /** The provider of every host, with the host's seeded `random`. Default: the fastest; noble repeats to the bit. */
  readonly crypto?: CryptoProvider;
  /** How long names take to resolve. Default 5. */
  readonly dnsDelayMs?: number;
  /**
   * Overwrites each packet once it is sent, to catch a sender that keeps using what it gave away. Default false.
   */
  readonly poisonsSentPackets?: boolean;
};

export type HostOptions = {
  /** For traces and seeds; default `host1`, `host2` … */
  readonly name?: string;
} & (InterfaceOptions | { readonly interfaces: readonly InterfaceOptions[] });

export type InterfaceOptions = {
  /** Default `eth0`, `eth1` … */
  readonly name?: string;
  /** IP literals, canonical. */
  readonly addresses: readonly string[];
  /** What the host is behind; the open network by default. */
  readonly nat?: Nat;
  /** What the wire does in both directions; `uplink` and `downlink` say it for one. */
  readonly link?: LinkOptions;
  readonly uplink?: LinkOptions;
  readonly downlink?: LinkOptions;
};

/** What became of a packet. `filtered`: a NAT refused it. `noRoute`: nobody has the address. */
export type Fate = 'delivered' | LinkDrop | 'filtered' | 'noRoute' | 'noListener';

export type PacketTrace = {
  readonly at: number;
  readonly fate: Fate;
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  readonly packet: Uint8Array;
};

const DEFAULT_DNS_DELAY_MS = 5;
/** Bound on a route: NATs behind NATs, and back in. */
const MAX_HOPS = 8;
const DEFAULT_LIMIT_MS = 60_000;
/** Real turns of at least 1 ms that `runUntilAsync` waits for real work when its clock has nothing left. */
const MAX_IDLE_TURNS = 1_000;

export class MemoryNetwork {
  readonly random: SeededRandom;
  readonly clock: Scheduler = new Scheduler();
  readonly crypto: CryptoProvider;
  readonly dnsDelayMs: number;
  readonly poisonsSentPackets: boolean;
  /** How many packets met each fate. */
  readonly fates: Readonly<Record<Fate, number>>;
  /** Told of every packet's fate, for traces and captures. */
  onFate: ((trace: PacketTrace) => void) | null = null;
  readonly #openNetwork = new Realm();
  readonly #names = new Map<string, readonly string[]>([['localhost', ['127.0.0.1', '::1']]]);
  readonly #counts: Record<Fate, number> = {
    delivered: 0,
    linkDown: 0,
    lost: 0,
    queueFull: 0,
    tooBig: 0,
    filtered: 0,
    noRoute: 0,
    noListener: 0,
  };
  #hosts = 0;

  constructor({ seed, crypto, dnsDelayMs, poisonsSentPackets }: MemoryNetworkOptions) {
    this.random = new SeededRandom(seed);
    this.crypto = crypto ?? defaultCrypto();
    this.dnsDelayMs = dnsDelayMs ?? DEFAULT_DNS_DELAY_MS;
    this.poisonsSentPackets = poisonsSentPackets ?? false;
    this.fates = this.#counts;
  }

  /** Milliseconds since the network was made. */
  get now(): number {
    return this.clock.now;
  }

  addHost(options: HostOptions): Host {
    const index = ++this.#hosts;
    const label = options.name ?? `host${index}`;
    const host = new Host(this, label, this.random.fork(`host ${index} ${label}`));
    const interfaces = 'interfaces' in options ? options.interfaces : [{ ...options, name: 'eth0' }];
    for (const options of interfaces) this.addInterface(host, options);
    return host;
  }

  addInterface(host: Host, options: InterfaceOptions): Attachment {
    const name = options.name ?? `eth${host.attachments.length}`;
    for (const address of options.addresses) {
      if (addressFamily(address) === 0) throw new RangeError(`addresses: IP literals expected, got '${address}'`);
    }
    const link = (direction: 'uplink' | 'downlink'): Link =>
      new Link({ ...options.link, ...options[direction] }, host.random.fork(`${name} ${direction}`));
    const realm = options.nat?.inside ?? this.#openNetwork;
    const links = { uplink: link('uplink'), downlink: link('downlink') };
    const attachment = new Attachment(host, name, realm, options.addresses, links);
    host.attachments.push(attachment);
    return attachment;
  }

  addNat(options: NatOptions): Nat {
    const inside = new Realm();
    const outside = options.behind?.inside ?? this.#openNetwork;
    const nat = new Nat(options, inside, outside, this.clock, this.random.fork(`nat ${options.address}`));
    if (outside.endpoints.has(nat.address)) throw new RangeError(`${nat.address} belongs to another host already`);
    inside.gateway = nat;
    outside.endpoints.set(nat.address, nat);
    return nat;
  }

  /** What DNS says of a name, for every host; no addresses: the name is gone. */
  setName(hostname: string, addresses: readonly string[]): void {
    this.#names.set(hostname.toLowerCase(), addresses);
  }

  /** What `Runtime.lookup` answers after `dnsDelayMs`. */
  resolve(hostname: string, family: 4 | 6): string[] {
    const addresses = this.#names.get(hostname.toLowerCase()) ?? [];
    return addresses.filter((address) => addressFamily(address) === family);
  }

  /** Fires the next event; false when there is none. */
  step(): boolean {
    return this.clock.step();
  }

  /** Lets time pass. For what needs no promises: machines, sessions, sockets bound with `Host.bind`. */
  run(durationMs: number): void {
    this.clock.runTo(this.now + durationMs);
  }

  /** Lets time pass until `predicate` holds; false when it does not within `withinMs`. */
  runUntil(predicate: () => boolean, withinMs: number = DEFAULT_LIMIT_MS): boolean {
    const limit = this.now + withinMs;
    while (!predicate()) {
      if (this.clock.nextAt > limit) {
        this.clock.runTo(limit);
        return false;
      }
      this.clock.step();
    }
    return true;
  }

  /** `run` for code with promises: between two events everything that can go on without time goes on. */
  async runAsync(durationMs: number): Promise<void> {
    await this.runUntilAsync(() => false, durationMs);
  }

  /**
   * `runUntil` for code with promises. Work outside of the virtual clock (key generation in a thread, say) is waited
   * for only while nothing else is left to happen: let it finish first where times matter.
   */
  async runUntilAsync(predicate: () => boolean, withinMs: number = DEFAULT_LIMIT_MS): Promise<boolean> {
    const limit = this.now + withinMs;
    let idleTurns = 0;
    for (;;) {
      await drainPromises(idleTurns);
      if (predicate()) return true;
      if (this.clock.nextAt <= limit) {
        this.clock.step();
        idleTurns = 0;
      } else if (this.clock.size > 0 || ++idleTurns > MAX_IDLE_TURNS) {
        this.clock.runTo(limit);
        return false;
      }
    }
  }

  /** Puts a packet on an interface's wire. For the sockets of `Host`; `packet` belongs to the network. */
  transmit(
    from: Attachment,
    source: SocketAddress,
    destination: SocketAddress,
    packet: Uint8Array,
    protocol: IpProtocol,
  ): void {
    const { uplink, realm } = from;
    const arrival = uplink.carry(packet, familyOf(destination.address), this.now);
    if (arrival < 0) {
      this.settle(uplink.drop, source, destination, packet);
      return;
    }
    const { secondArrival } = uplink;
    if (secondArrival >= 0) {
      this.clock.schedule(new AtCore(this, realm, source, destination, packet.slice(), protocol), secondArrival);
    }
    this.clock.schedule(new AtCore(this, realm, source, destination, packet, protocol), arrival);
  }

  /** Finds the way through NATs, from the realm the packet was sent in. */
  route(
    realm: Realm,
    source: SocketAddress,
    destination: SocketAddress,
    packet: Uint8Array,
    protocol: IpProtocol,
  ): void {
    if (isMulticast(destination.address)) {
      this.#routeToGroup(realm, source, destination, packet);
      return;
    }
    let here = realm;
    let cameFrom: Nat | null = null;
    let from: SocketAddress | null = source;
    let to: SocketAddress | null = destination;
    for (let hop = 0; hop < MAX_HOPS; hop++) {
      const next: Attachment | Nat | null = here.endpoints.get(to.address) ?? here.gateway;
      if (next === null) break;
      if (next instanceof Attachment) {
        this.#enter(next, from, to, packet, protocol);
        return;
      }
      const isOutward = here === next.inside;
      if (isOutward) from = next.translateOut(from, to, protocol);
      else to = cameFrom === next && !next.hairpin ? null : next.translateIn(from, to, protocol);
      if (from === null || to === null) {
        this.settle('filtered', source, destination, packet);
        return;
      }
      here = isOutward ? next.outside : next.inside;
      cameFrom = next;
    }
    this.settle('noRoute', from, to, packet);
  }

  /** Counts and tells what became of a packet. */
  settle(fate: Fate, source: SocketAddress, destination: SocketAddress, packet: Uint8Array): void {
    this.#counts[fate]++;
    this.onFate?.({ at: this.now, fate, source, destination, packet });
  }

  /** mDNS stays on the link, which is the realm; members on the sender's own host have been served already. */
  #routeToGroup(realm: Realm, source: SocketAddress, group: SocketAddress, packet: Uint8Array): void {
    for (const attachment of realm.attachments) {
      const isSender = attachment.addresses.includes(source.address);
      if (!isSender && attachment.host.isMember(group)) this.#enter(attachment, source, group, packet.slice(), 'udp');
    }
  }

  #enter(
    to: Attachment,
    source: SocketAddress,
    destination: SocketAddress,
    packet: Uint8Array,
    protocol: IpProtocol,
  ): void {
    const { downlink, host } = to;
    const arrival = downlink.carry(packet, familyOf(destination.address), this.now);
    if (arrival < 0) {
      this.settle(downlink.drop, source, destination, packet);
      return;
    }
    const { secondArrival } = downlink;
    if (secondArrival >= 0)
      this.clock.schedule(new AtHost(host, source, destination, packet.slice(), protocol), secondArrival);
    if (arrival > this.now) this.clock.schedule(new AtHost(host, source, destination, packet, protocol), arrival);
    else host.receive(source, destination, packet, protocol);
  }
}

/** One turn of the real event loop, at the end of which no promise is waiting for another. */
function drainPromises(idleTurns: number): Promise<void> {
  return new Promise((resolve) => {
    if (idleTurns > 0) setTimeout(resolve, 1);
    else setImmediate(resolve);
  });
}
