/** UDP and mDNS sockets of a host in the memory network. */
import { addressFamily, type SocketAddress } from '../../ice/address.ts';
import type { MulticastOptions, MulticastSocket, UdpOptions, UdpSocket, UdpStats } from '../runtime.ts';
import { familyOf, isAny, isMulticast } from './addresses.ts';
import type { Host } from './host.ts';

/** RFC 6762 §3. */
const MDNS_PORT = 5353;
const MDNS_GROUPS = { 4: '224.0.0.251', 6: 'ff02::fb' } as const;

export class MemoryUdpSocket implements UdpSocket {
  readonly localAddress: SocketAddress;
  readonly stats: UdpStats = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0, sendErrors: 0 };
  readonly #host: Host;
  readonly #onPacket: UdpOptions['onPacket'];
  /** The last remote address found good, by identity: to look at each one for every packet would be slow. */
  #lastRemote: SocketAddress | null = null;
  #isOpen = true;

  constructor(host: Host, localAddress: SocketAddress, { onPacket }: UdpOptions) {
    this.#host = host;
    this.localAddress = localAddress;
    this.#onPacket = onPacket;
  }

  send(packet: Uint8Array, remote: SocketAddress): void {
    const size = packet.length;
    if (this.#isOpen && this.#canReach(remote) && this.#host.send(packet, this.localAddress, remote)) {
      this.stats.packetsSent++;
      this.stats.bytesSent += size;
    } else {
      this.stats.sendErrors++;
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.release(this);
  }

  accepts(address: string): boolean {
    const { address: own } = this.localAddress;
    if (isMulticast(address)) return false;
    return address === own || (isAny(own) && familyOf(address) === familyOf(own));
  }

  receive(packet: Uint8Array, remote: SocketAddress): void {
    this.stats.packetsReceived++;
    this.stats.bytesReceived += packet.length;
    this.#onPacket(packet, remote);
  }

  #canReach(remote: SocketAddress): boolean {
    if (remote === this.#lastRemote) return true;
    const { address, port } = remote;
    if (addressFamily(address) !== familyOf(this.localAddress.address) || port < 1 || port > 65_535) return false;
    this.#lastRemote = remote;
    return true;
  }
}

export class MemoryMulticastSocket implements MulticastSocket {
  /** Unspecified in both families, which is what a socket for each would be. */
  readonly localAddress: SocketAddress = { address: '0.0.0.0', port: MDNS_PORT };
  readonly #host: Host;
  readonly #onPacket: MulticastOptions['onPacket'];
  #isOpen = true;

  constructor(host: Host, { onPacket }: MulticastOptions) {
    this.#host = host;
    this.#onPacket = onPacket;
  }

  get memberships(): number {
    return this.#outlets().length;
  }

  send(packet: Uint8Array): void {
    if (!this.#isOpen) return;
    for (const { address, group } of this.#outlets()) {
      this.#host.send(packet.slice(), { address, port: MDNS_PORT }, { address: group, port: MDNS_PORT });
    }
  }

  sendTo(packet: Uint8Array, remote: SocketAddress): void {
    const address = remote.address.includes(':') ? '::' : '0.0.0.0';
    if (this.#isOpen) this.#host.send(packet, { address, port: MDNS_PORT }, remote);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.release(this);
  }

  accepts(_address: string): boolean {
    return true;
  }

  receive(packet: Uint8Array, remote: SocketAddress): void {
    if (this.#isOpen) this.#onPacket(packet, remote);
  }

  #outlets(): { address: string; group: string }[] {
    const outer = this.#host.networkInterfaces().filter(({ internal }) => !internal);
    return outer.map(({ address, family }) => ({ address, group: MDNS_GROUPS[family] }));
  }
}
