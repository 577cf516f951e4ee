/** A host's network interface: its addresses in a realm, and the wire to it in both directions. */
import type { Host } from './host.ts';
import type { Link } from './link.ts';
import type { Realm } from './realm.ts';

export class Attachment {
  readonly host: Host;
  /** As `networkInterfaces()` calls it: `eth0`. */
  readonly name: string;
  readonly realm: Realm;
  /** From the host into the network. */
  readonly uplink: Link;
  /** From the network to the host. */
  readonly downlink: Link;
  #addresses: readonly string[] = [];
  #isUp = true;

  constructor(
    host: Host,
    name: string,
    realm: Realm,
    addresses: readonly string[],
    links: { uplink: Link; downlink: Link },
  ) {
    this.host = host;
    this.name = name;
    this.realm = realm;
    this.uplink = links.uplink;
    this.downlink = links.downlink;
    realm.attachments.add(this);
    this.addresses = addresses;
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /**
   * Another network, a new DHCP lease. Sockets bound to an address that went away stay open and can neither send nor
   * receive.
   * @throws RangeError when another host has one of them
   */
  set addresses(addresses: readonly string[]) {
    const { endpoints } = this.realm;
    for (const address of addresses) {
      const owner = endpoints.get(address);
      if (owner !== undefined && owner !== this) throw new RangeError(`${address} belongs to another host already`);
    }
    for (const address of this.#addresses) endpoints.delete(address);
    this.#addresses = [...addresses];
    for (const address of addresses) endpoints.set(address, this);
  }

  /** Unplugged, when false: the addresses are gone from `networkInterfaces()` too. A link that only loses is `Link.isUp`. */
  get isUp(): boolean {
    return this.#isUp;
  }

  set isUp(isUp: boolean) {
    this.#isUp = isUp;
    this.uplink.isUp = isUp;
    this.downlink.isUp = isUp;
  }
}
