/** Network address translators, by the behaviours that RFC 4787 tells apart. */
import { formatSocketAddress, type SocketAddress } from '../../ice/address.ts';
import type { IpProtocol } from './packet-events.ts';
import type { Realm } from './realm.ts';
import type { Scheduler } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';

/**
 * The four kinds of RFC 3489 §5, in the words of RFC 4787 §4.1 and §5: all but `symmetric` map independently of the
 * endpoint; `symmetric` makes a mapping for each destination. They let in: anyone (`fullCone`), whoever lives at an
 * address (`addressRestricted`) or exactly at an address and port (the other two) that was sent to.
 */
export type NatKind = 'fullCone' | 'addressRestricted' | 'portRestricted' | 'symmetric';

export type NatOptions = {
  readonly kind: NatKind;
  /** The one external address, in the network outside. */
  readonly address: string;
  /** The NAT that this one is behind; the open network by default. */
  readonly behind?: Nat;
  /** RFC 4787 §6: whether two hosts inside reach each other by external addresses. Default false. */
  readonly hairpin?: boolean;
  /** How long a mapping outlives the last packet out of it. Default 300,000 (RFC 4787 REQ-5). */
  readonly mappingTimeoutMs?: number;
};

/** One inside endpoint (and destination, when symmetric), and the port that stands for it outside. */
type Mapping = {
  readonly key: string;
  readonly protocol: IpProtocol;
  readonly inside: SocketAddress;
  readonly outside: SocketAddress;
  usedAt: number;
  /** Who may answer, and since when: addresses or endpoints, by kind. Bound: as many as were sent to. */
  readonly permitted: Map<string, number>;
};

const DEFAULT_MAPPING_TIMEOUT_MS = 300_000;
/** RFC 4787 REQ-3: well-known ports stand for nobody. Bound: one mapping per port, then packets out are dropped. */
const MIN_PORT = 1024;
const MAX_PORT = 65_535;

export class Nat {
  readonly kind: NatKind;
  readonly address: string;
  readonly hairpin: boolean;
  /** What is behind this NAT. */
  readonly inside: Realm;
  /** Where its external address is. */
  readonly outside: Realm;
  mappingTimeoutMs: number;
  readonly #clock: Scheduler;
  readonly #random: SeededRandom;
  readonly #byInside = new Map<string, Mapping>();
  /** By `portKey`. */
  readonly #byPort = new Map<number, Mapping>();

  constructor(options: NatOptions, inside: Realm, outside: Realm, clock: Scheduler, random: SeededRandom) {
    this.kind = options.kind;
    this.address = options.address;
    this.hairpin = options.hairpin ?? false;
    this.mappingTimeoutMs = options.mappingTimeoutMs ?? DEFAULT_MAPPING_TIMEOUT_MS;
    this.inside = inside;
    this.outside = outside;
    this.#clock = clock;
    this.#random = random;
  }

  /** Forgets every mapping, as a reboot does. */
  reset(): void {
    this.#byInside.clear();
    this.#byPort.clear();
  }

  /** The source that the outside sees; `null` when no port is left. */
  translateOut(source: SocketAddress, destination: SocketAddress, protocol: IpProtocol): SocketAddress | null {
    const mapping = this.#mappingFor(source, destination, protocol);
    if (mapping === null) return null;
    mapping.usedAt = this.#clock.now;
    if (this.kind !== 'fullCone') mapping.permitted.set(this.#permission(destination), this.#clock.now);
    return mapping.outside;
  }

  /** Whom inside a packet to one of our ports is for; `null` when it is filtered. */
  translateIn(source: SocketAddress, destination: SocketAddress, protocol: IpProtocol): SocketAddress | null {
    const mapping = this.#byPort.get(portKey(destination.port, protocol));
    if (mapping === undefined || !this.#isFresh(mapping.usedAt)) return null;
    if (this.kind === 'fullCone') return mapping.inside;
    const permittedAt = mapping.permitted.get(this.#permission(source));
    return permittedAt !== undefined && this.#isFresh(permittedAt) ? mapping.inside : null;
  }

  #mappingFor(source: SocketAddress, destination: SocketAddress, protocol: IpProtocol): Mapping | null {
    let key = `${protocol} ${formatSocketAddress(source)}`;
    if (this.kind === 'symmetric') key += `>${formatSocketAddress(destination)}`;
    const known = this.#byInside.get(key);
    if (known !== undefined && this.#isFresh(known.usedAt)) return known;
    if (known !== undefined) this.#forget(known);
    const port = this.#freePort(source.port, protocol);
    if (port === null) return null;
    const outside = { address: this.address, port };
    const mapping: Mapping = { key, protocol, inside: source, outside, usedAt: this.#clock.now, permitted: new Map() };
    this.#byInside.set(key, mapping);
    this.#byPort.set(portKey(port, protocol), mapping);
    return mapping;
  }

  /** Cones keep the inside port while it is free (RFC 4787 §4.2.1); symmetric ones draw. */
  #freePort(wanted: number, protocol: IpProtocol): number | null {
    const count = MAX_PORT - MIN_PORT + 1;
    const drawn = MIN_PORT + this.#random.below(count);
    const start = this.kind === 'symmetric' || wanted < MIN_PORT ? drawn : wanted;
    for (let i = 0; i < count; i++) {
      const port = MIN_PORT + ((start - MIN_PORT + i) % count);
      const taken = this.#byPort.get(portKey(port, protocol));
      if (taken === undefined) return port;
      if (this.#isFresh(taken.usedAt)) continue;
      this.#forget(taken);
      return port;
    }
    return null;
  }

  #forget(mapping: Mapping): void {
    this.#byInside.delete(mapping.key);
    this.#byPort.delete(portKey(mapping.outside.port, mapping.protocol));
  }

  #permission(remote: SocketAddress): string {
    return this.kind === 'addressRestricted' ? remote.address : formatSocketAddress(remote);
  }

  #isFresh(time: number): boolean {
    return this.#clock.now - time <= this.mappingTimeoutMs;
  }
}

/** One number for a port of either protocol. */
function portKey(port: number, protocol: IpProtocol): number {
  return protocol === 'tcp' ? port + 65_536 : port;
}
