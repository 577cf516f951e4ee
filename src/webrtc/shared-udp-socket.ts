/**
 * One UDP port for many connections: a server behind a firewall opens a single port, and each connection given this
 * socket (`PeerConnectionSettings.udpSocket`) uses it as its only host candidate.
 */
import type { SocketAddress } from '../ice/address.ts';
import { UdpMux, type UdpMuxMember } from '../ice/udp-mux.ts';
import { defaultRuntime } from '../runtime/default.ts';
import type { Runtime, UdpSocket } from '../runtime/runtime.ts';

export type SharedUdpSocketOptions = {
  /** The IP literal to bind, one of this machine's own: it becomes the candidate's address, so not the wildcard. */
  readonly address: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Default: the runtime this code runs on. */
  readonly runtime?: Runtime;
};

export class SharedUdpSocket {
  readonly #mux = new UdpMux<SharedSocketMember>();
  #socket: UdpSocket | null = null;

  private constructor() {}

  /** @throws Error when the address is not ours or the port is taken */
  static async bind({ address, port, runtime }: SharedUdpSocketOptions): Promise<SharedUdpSocket> {
    const shared = new SharedUdpSocket();
    shared.#socket = await (runtime ?? defaultRuntime()).bindUdp({
      address,
      ...(port === undefined ? {} : { port }),
      onPacket: (packet, remote) => shared.#mux.handlePacket(packet, remote),
    });
    return shared;
  }

  /** Where it is bound. Throws after `close`. */
  get localAddress(): SocketAddress {
    return this.#open().localAddress;
  }

  /** How many connections use it now. */
  get size(): number {
    return this.#mux.size;
  }

  /** A connection's share; closing it leaves the socket open. */
  join(connection: UdpMuxMember): SharedSocketMember {
    return new SharedSocketMember(this.#open(), this.#mux, connection);
  }

  /** Frees the port. Connections that still use it lose their path. */
  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #open(): UdpSocket {
    if (this.#socket === null) throw new TypeError('this SharedUdpSocket was closed: bind a new one');
    return this.#socket;
  }
}

/** What one connection sees of a shared socket. */
export class SharedSocketMember implements UdpMuxMember {
  readonly #socket: UdpSocket;
  readonly #mux: UdpMux<SharedSocketMember>;
  readonly #connection: UdpMuxMember;

  constructor(socket: UdpSocket, mux: UdpMux<SharedSocketMember>, connection: UdpMuxMember) {
    this.#socket = socket;
    this.#mux = mux;
    this.#connection = connection;
  }

  get localAddress(): SocketAddress {
    return this.#socket.localAddress;
  }

  addUsernameFragment(usernameFragment: string): void {
    this.#mux.add(usernameFragment, this);
  }

  send(packet: Uint8Array, remote: SocketAddress): void {
    this.#mux.noteSent(this, packet, remote);
    this.#socket.send(packet, remote);
  }

  receive(packet: Uint8Array, remote: SocketAddress): void {
    this.#connection.receive(packet, remote);
  }

  isAuthorized(remote: SocketAddress): boolean {
    return this.#connection.isAuthorized(remote);
  }

  close(): void {
    this.#mux.remove(this);
  }
}
