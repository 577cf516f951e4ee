/** Packets on their way, as events of the virtual clock. */
import type { SocketAddress } from '../../ice/address.ts';
import type { Host } from './host.ts';
import type { MemoryNetwork } from './network.ts';
import type { Realm } from './realm.ts';
import { ScheduledEvent } from './scheduler.ts';

/** NATs translate the two apart, hosts have ports of each. */
export type IpProtocol = 'udp' | 'tcp';

/** A packet that leaves its host's wire and looks for its way. */
export class AtCore extends ScheduledEvent {
  readonly #network: MemoryNetwork;
  readonly #realm: Realm;
  readonly #source: SocketAddress;
  readonly #destination: SocketAddress;
  readonly #packet: Uint8Array;
  readonly #protocol: IpProtocol;

  constructor(
    network: MemoryNetwork,
    realm: Realm,
    source: SocketAddress,
    destination: SocketAddress,
    packet: Uint8Array,
    protocol: IpProtocol,
  ) {
    super();
    this.#network = network;
    this.#realm = realm;
    this.#source = source;
    this.#destination = destination;
    this.#packet = packet;
    this.#protocol = protocol;
  }

  fire(): void {
    this.#network.route(this.#realm, this.#source, this.#destination, this.#packet, this.#protocol);
  }
}

/** A packet at its destination's door, or on the host's own loopback. */
export class AtHost extends ScheduledEvent {
  readonly #host: Host;
  readonly #source: SocketAddress;
  readonly #destination: SocketAddress;
  readonly #packet: Uint8Array;
  readonly #protocol: IpProtocol;

  constructor(host: Host, source: SocketAddress, destination: SocketAddress, packet: Uint8Array, protocol: IpProtocol) {
    super();
    this.#host = host;
    this.#source = source;
    this.#destination = destination;
    this.#packet = packet;
    this.#protocol = protocol;
  }

  fire(): void {
    this.#host.receive(this.#source, this.#destination, this.#packet, this.#protocol);
  }
}
