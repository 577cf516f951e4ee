/** A machine in the memory network: its sockets, and the `Runtime` that programs on it are given. */
import { PacketAllocator } from '../../binary/packet-allocator.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { isLinkLocal, type SocketAddress } from '../../ice/address.ts';
import type { RandomSource } from '../../machine.ts';
import { MAX_DELAY_MS } from '../clock.ts';
import { candidatePorts, checkBindOptions } from '../ports.ts';
import type {
  MulticastOptions,
  MulticastSocket,
  NetworkInterface,
  Runtime,
  TimerHandle,
  UdpOptions,
  UdpSocket,
} from '../runtime.ts';
import type { TcpConnectOptions, TcpListener, TcpListenOptions, TcpSocket } from '../tcp.ts';
import { familyOf, isAny, isMulticast } from './addresses.ts';
import type { Attachment } from './attachment.ts';
import { failure } from './failure.ts';
import type { MemoryNetwork } from './network.ts';
import { AtHost, type IpProtocol } from './packet-events.ts';
import { ScheduledEvent } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';
import { MemoryMulticastSocket, MemoryUdpSocket } from './sockets.ts';
import { TcpStack } from './tcp-stack.ts';

/** RFC 6335 §6: the dynamic ports. Bound: that many sockets on one address. */
const FIRST_DYNAMIC_PORT = 49_152;
const DYNAMIC_PORTS = 65_536 - FIRST_DYNAMIC_PORT;
/** RFC 768's length field less its header; over IPv4 20 bytes less again, which no link here carries anyway. */
const MAX_DATAGRAM_BYTES = 65_527;
/** What `poisonsSentPackets` leaves of a packet. */
const POISON = 0xdb;
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];

export class Host implements Runtime {
  readonly name = 'memory';
  /** What the network calls this host. */
  readonly label: string;
  readonly network: MemoryNetwork;
  readonly random: SeededRandom;
  readonly crypto: CryptoProvider;
  /** Its interfaces, loopback aside, in the order in which sockets bound to no address choose among them. */
  readonly attachments: Attachment[] = [];
  readonly #socketsByPort = new Map<number, (MemoryUdpSocket | MemoryMulticastSocket)[]>();
  readonly #tcp = new TcpStack(this);
  readonly #packets = new PacketAllocator();
  #nextDynamicPort: number;

  constructor(network: MemoryNetwork, label: string, random: SeededRandom) {
    this.network = network;
    this.label = label;
    this.random = random;
    this.crypto = withRandom(network.crypto, random);
    this.#nextDynamicPort = random.below(DYNAMIC_PORTS);
  }

  /** The one interface of a host that has one, else the first. */
  get attachment(): Attachment {
    return this.attachments[0]!;
  }

  now(): number {
    return this.network.now;
  }

  setTimer(delayMs: number, callback: () => void): TimerHandle {
    const timer = new MemoryTimer(callback);
    this.network.clock.schedule(timer, this.network.now + Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return timer;
  }

  clearTimer(timer: TimerHandle): void {
    this.network.clock.cancel(timer as MemoryTimer);
  }

  queueTurn(callback: () => void): void {
    this.setTimer(0, callback);
  }

  networkInterfaces(): NetworkInterface[] {
    const describe = (name: string, address: string, internal: boolean): NetworkInterface => ({
      name,
      address,
      family: address.includes(':') ? 6 : 4,
      prefixLength: address.includes(':') ? (internal ? 128 : 64) : internal ? 8 : 24,
      internal,
      linkLocal: isLinkLocal(address),
      temporary: false,
    });
    const outer = this.attachments.filter(({ isUp }) => isUp);
    return [
      ...LOOPBACK.map((address) => describe('lo', address, true)),
      ...outer.flatMap(({ name, addresses }) => addresses.map((address) => describe(name, address, false))),
    ];
  }

  async bindUdp(options: UdpOptions): Promise<UdpSocket> {
    return this.bind(options);
  }

  /** `bindUdp` for tests without promises. */
  bind(options: UdpOptions): UdpSocket {
    checkBindOptions(options);
    const { address, reuse = false } = options;
    if (!isAny(address) && !this.owns(address)) throw failure('EADDRNOTAVAIL', `${address} is not ours`);
    const ports = options.portRange || options.port ? candidatePorts(options, this.random) : this.#dynamicPorts();
    for (const port of ports) {
      if (!reuse && !this.#isFree(address, port)) continue;
      const socket = new MemoryUdpSocket(this, { address, port }, options);
      this.#register(socket);
      return socket;
    }
    throw failure('EADDRINUSE', `no free port on ${address}`);
  }

  connectTcp(options: TcpConnectOptions): TcpSocket {
    return this.#tcp.connect(options);
  }

  async listenTcp(options: TcpListenOptions): Promise<TcpListener> {
    return this.#tcp.listen(options);
  }

  lookup(hostname: string, family: 4 | 6): Promise<string[]> {
    return new Promise((resolve) => {
      this.setTimer(this.network.dnsDelayMs, () => resolve(this.network.resolve(hostname, family)));
    });
  }

  async openMulticast(options: MulticastOptions): Promise<MulticastSocket> {
    return this.joinMulticast(options);
  }

  /** `openMulticast` for tests without promises. */
  joinMulticast(options: MulticastOptions): MulticastSocket {
    const socket = new MemoryMulticastSocket(this, options);
    this.#register(socket);
    return socket;
  }

  /** Whether a socket here hears what is sent to this group and port. */
  isMember(group: SocketAddress): boolean {
    return this.#socketsByPort.get(group.port)?.some((socket) => socket.accepts(group.address)) ?? false;
  }

  /** Sends for a socket: false when the system would have refused. Addresses are checked by the socket. */
  send(packet: Uint8Array, local: SocketAddress, destination: SocketAddress, protocol: IpProtocol = 'udp'): boolean {
    if (packet.length > MAX_DATAGRAM_BYTES) return false;
    const { address } = destination;
    const isLocal = this.owns(address);
    const outlet = isLocal ? null : this.#outletFor(local.address, familyOf(address));
    if (outlet === undefined) return false;
    let source = local;
    if (isAny(local.address)) {
      source = { address: outlet === null ? address : addressOf(outlet, familyOf(address))!, port: local.port };
    }
    const copy = this.#packets.allocate(packet.length);
    copy.set(packet);
    this.spoil(packet);
    if (outlet === null) {
      this.network.clock.schedule(new AtHost(this, source, destination, copy, protocol), this.network.now);
      return true;
    }
    if (isMulticast(address) && this.isMember(destination)) {
      this.network.clock.schedule(new AtHost(this, source, destination, copy.slice(), protocol), this.network.now);
    }
    this.network.transmit(outlet, source, destination, copy, protocol);
    return true;
  }

  /** Hands a packet to whoever is bound to its destination, or to every member of the group. */
  receive(source: SocketAddress, destination: SocketAddress, packet: Uint8Array, protocol: IpProtocol): void {
    const { address, port } = destination;
    if (protocol === 'tcp') {
      this.network.settle(this.#tcp.receive(source, destination, packet), source, destination, packet);
      return;
    }
    const sockets = this.#socketsByPort.get(port) ?? [];
    if (isMulticast(address)) {
      for (const socket of sockets) if (socket.accepts(address)) socket.receive(packet.slice(), source);
      return;
    }
    const exact = sockets.find(({ localAddress }) => localAddress.address === address);
    const socket = exact ?? sockets.find((candidate) => candidate.accepts(address));
    this.network.settle(socket === undefined ? 'noListener' : 'delivered', source, destination, packet);
    socket?.receive(packet, source);
  }

  /** What is left of a packet that was given away, where the network says so. */
  spoil(packet: Uint8Array): void {
    if (this.network.poisonsSentPackets) packet.fill(POISON);
  }

  /** The address that a connection to this destination comes from: the one asked for, or that of the way there. */
  sourceFor(asked: string | undefined, destination: string): string {
    if (asked !== undefined && !isAny(asked)) return asked;
    if (this.owns(destination)) return destination;
    const any = familyOf(destination) === 6 ? '::' : '0.0.0.0';
    const outlet = this.#outletFor(any, familyOf(destination));
    return (outlet && addressOf(outlet, familyOf(destination))) ?? any;
  }

  /** A closed socket's port is free again. */
  release(socket: MemoryUdpSocket | MemoryMulticastSocket): void {
    const { port } = socket.localAddress;
    const others = this.#socketsByPort.get(port)?.filter((other) => other !== socket) ?? [];
    if (others.length > 0) this.#socketsByPort.set(port, others);
    else this.#socketsByPort.delete(port);
  }

  #register(socket: MemoryUdpSocket | MemoryMulticastSocket): void {
    const { port } = socket.localAddress;
    this.#socketsByPort.set(port, [...(this.#socketsByPort.get(port) ?? []), socket]);
  }

  owns(address: string): boolean {
    return (
      LOOPBACK.includes(address) || this.attachments.some(({ isUp, addresses }) => isUp && addresses.includes(address))
    );
  }

  #isFree(address: string, port: number): boolean {
    return !this.#socketsByPort.get(port)?.some(({ localAddress: { address: other } }) => {
      return familyOf(other) === familyOf(address) && (other === address || isAny(other) || isAny(address));
    });
  }

  *#dynamicPorts(): Generator<number> {
    for (let i = 0; i < DYNAMIC_PORTS; i++) {
      yield FIRST_DYNAMIC_PORT + this.#nextDynamicPort;
      this.#nextDynamicPort = (this.#nextDynamicPort + 1) % DYNAMIC_PORTS;
    }
  }

  /** The interface for packets from this address; for an unspecified one, the first that has the family. */
  #outletFor(address: string, family: 4 | 6): Attachment | undefined {
    return this.attachments.find((attachment) => {
      if (!attachment.isUp) return false;
      if (isAny(address)) return addressOf(attachment, family) !== undefined;
      return attachment.addresses.includes(address);
    });
  }
}

class MemoryTimer extends ScheduledEvent {
  readonly #callback: () => void;

  constructor(callback: () => void) {
    super();
    this.#callback = callback;
  }

  fire(): void {
    this.#callback();
  }
}

function addressOf({ addresses }: Attachment, family: 4 | 6): string | undefined {
  return addresses.find((address) => address.includes(':') === (family === 6));
}

function withRandom(crypto: CryptoProvider, random: RandomSource): CryptoProvider {
  return Object.create(crypto, { random: { value: random, enumerable: true } });
}
