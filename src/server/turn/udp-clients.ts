/** Clients over UDP: one socket, and a flow for each address and port that packets come from. */
import type { Runtime, UdpSocket, UdpStats } from '../../runtime/runtime.ts';
import { formatSocketAddress, type SocketAddress } from '../../stun/index.ts';
import type { ClientFlow, OnMessage } from './client-flow.ts';

/**
 * Bound: a flow is kept so that it need not be made for each packet, and can be made again. Half of them are forgotten when
 * the other half is full; allocations keep their own.
 */
const MAX_FLOWS = 16_384;

type Flows = Map<string, Map<number, ClientFlow>>;

export class UdpClients {
  readonly #id: string;
  readonly #socket: UdpSocket;
  #young: Flows = new Map();
  #old: Flows = new Map();
  #youngCount = 0;
  /** Runtimes show one remote as the same object for as long as nobody else sends. */
  #lastRemote: SocketAddress | null = null;
  #lastFlow: ClientFlow | null = null;

  /** @param id tells listeners apart */
  static async listen(
    runtime: Runtime,
    { address, port }: SocketAddress,
    id: string,
    options: {
      readonly receiveBufferBytes: number;
      readonly onMessage: OnMessage;
      readonly onError: (error: Error) => void;
    },
  ): Promise<UdpClients> {
    const { receiveBufferBytes, onMessage, onError } = options;
    let clients: UdpClients | null = null;
    const socket = await runtime.bindUdp({
      address,
      port,
      receiveBufferBytes,
      onPacket: (packet, remote) => {
        const flow = clients === null ? null : clients.#flowOf(remote);
        if (flow !== null) onMessage(packet, flow);
      },
      onError,
    });
    clients = new UdpClients(socket, id);
    return clients;
  }

  constructor(socket: UdpSocket, id: string) {
    this.#socket = socket;
    this.#id = id;
  }

  get localAddress(): SocketAddress {
    return this.#socket.localAddress;
  }

  get stats(): Readonly<UdpStats> {
    return this.#socket.stats;
  }

  close(): void {
    this.#socket.close();
  }

  /** `null` for a link-local address with its zone: STUN has no way to tell anyone of it. */
  #flowOf(remote: SocketAddress): ClientFlow | null {
    if (this.#lastRemote === remote) return this.#lastFlow;
    const { address, port } = remote;
    const flow =
      this.#young.get(address)?.get(port) ?? this.#keep(this.#old.get(address)?.get(port) ?? this.#make(remote));
    this.#lastRemote = remote;
    this.#lastFlow = flow;
    return flow;
  }

  #make(remote: SocketAddress): ClientFlow | null {
    if (remote.address.includes('%')) return null;
    const socket = this.#socket;
    return {
      id: `${this.#id} ${formatSocketAddress(remote)}`,
      transport: 'udp',
      remote,
      send: (packet) => socket.send(packet, remote),
    };
  }

  #keep(flow: ClientFlow | null): ClientFlow | null {
    if (flow === null) return null;
    if (this.#youngCount >= MAX_FLOWS / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngCount = 0;
    }
    const { address, port } = flow.remote;
    const ports = this.#young.get(address) ?? new Map<number, ClientFlow>();
    this.#young.set(address, ports.set(port, flow));
    this.#youngCount++;
    return flow;
  }
}
