/**
 * The TCP connections behind one local TCP candidate (RFC 6544): to the peer's passive candidates, each opened when ICE first
 * sends there, or from the peer to ours. To ICE it is one more socket that sends and receives packets.
 */
import { formatSocketAddress, type SocketAddress } from '../ice/address.ts';
import { framePacket, PacketDeframer } from '../ice/index.ts';
import type { Runtime, TimerHandle } from '../runtime/runtime.ts';
import type { TcpSocket } from '../runtime/tcp.ts';
import { isStun } from '../stun/index.ts';

/** RFC 6544 §4.5: of an active candidate "the port MUST be set to 9", the discard port. */
const DISCARD_PORT = 9;
/** Bound: the peer names addresses to connect to, and anybody may connect to us. ICE forms a hundred pairs in all. */
const MAX_CONNECTIONS = 64;
/** Packets that wait for a connection: a check, or a few when the peer's come first. */
const MAX_WAITING_PACKETS = 8;
/** As for TURN over streams (server-link.ts): past it all but STUN is dropped. */
const MAX_BACKLOG_BYTES = 256 * 1024;
/**
 * How often it is looked whether a connection is of use: whether ICE takes it for a path. The first look is the time that
 * somebody who connects has to prove who they are. RFC 6544 §8: "each agent SHOULD close all TCP connections … except".
 */
const REVIEW_MS = 20_000;

export type IceTcpOptions = {
  readonly runtime: Runtime;
  readonly receive: (packet: Uint8Array, remote: SocketAddress) => void;
  readonly isAuthorized: (remote: SocketAddress) => boolean;
  /** A connection is over, or did not come about. */
  readonly lost: (remote: SocketAddress) => void;
};

/** What a connection that has come in is told; its framing has been taken off. */
export type AcceptedConnection = {
  readonly onPacket: (packet: Uint8Array) => void;
  readonly onClose: () => void;
};

/** Where a passive socket's connections come from. */
export type TcpAcceptor = { readonly localAddress: SocketAddress; close(): void };

type Connection = {
  readonly remote: SocketAddress;
  readonly socket: TcpSocket;
  /** `null` once it is open. */
  waiting: Uint8Array[] | null;
  review: TimerHandle | null;
};

export class IceTcpSocket {
  readonly localAddress: SocketAddress;
  readonly tcpType: 'active' | 'passive';
  readonly #options: IceTcpOptions;
  readonly #acceptor: TcpAcceptor | null;
  readonly #connections = new Map<string, Connection>();
  #isClosed = false;

  /** For connections that we open from this address. */
  static active(address: string, options: IceTcpOptions): IceTcpSocket {
    return new IceTcpSocket({ address, port: DISCARD_PORT }, options, null);
  }

  /**
   * For connections that the peer opens to a port of this connection's own.
   * @throws Error when the address is not ours or no port of the range is free
   */
  static async passive(
    address: string,
    portRange: { readonly min: number; readonly max: number } | undefined,
    options: IceTcpOptions,
  ): Promise<IceTcpSocket> {
    let socket: IceTcpSocket | null = null;
    const listener = await options.runtime.listenTcp({
      address,
      ...(portRange && { portRange }),
      maxConnections: MAX_CONNECTIONS,
      onConnection(stream) {
        const accepted = socket?.accept(stream) ?? null;
        if (accepted === null) return null;
        const { onPacket, onClose } = accepted;
        const deframer = new PacketDeframer();
        return { onData: (bytes) => deframer.push(bytes, onPacket), onClose };
      },
    });
    socket = IceTcpSocket.accepting(listener, options);
    return socket;
  }

  /** For connections that `acceptor` gives to `accept`. */
  static accepting(acceptor: TcpAcceptor, options: IceTcpOptions): IceTcpSocket {
    return new IceTcpSocket(acceptor.localAddress, options, acceptor);
  }

  private constructor(localAddress: SocketAddress, options: IceTcpOptions, acceptor: TcpAcceptor | null) {
    this.localAddress = localAddress;
    this.tcpType = acceptor === null ? 'active' : 'passive';
    this.#options = options;
    this.#acceptor = acceptor;
  }

  /** Sends a packet, best effort. An active socket opens a connection for it where there is none. */
  send(packet: Uint8Array, remote: SocketAddress): void {
    const connection = this.#connections.get(formatSocketAddress(remote)) ?? this.#open(remote);
    if (connection === null) return;
    const { waiting, socket } = connection;
    if (waiting === null) {
      if (socket.bufferedBytes <= MAX_BACKLOG_BYTES || isStun(packet)) socket.write(framePacket(packet));
    } else if (waiting.length < MAX_WAITING_PACKETS) {
      waiting.push(packet);
    }
  }

  /** Takes a connection that has come in; `null` when there is no room for it. */
  accept(socket: TcpSocket): AcceptedConnection | null {
    if (this.#isClosed || this.#connections.size >= MAX_CONNECTIONS) return null;
    return this.#inlet(this.#add(socket.remoteAddress, socket, null));
  }

  /**
   * Ends the connections that ICE has no use for, before a restart looks for new paths: the peer may have given up one that
   * looks open from here. The path in use stays (RFC 6544 §9.2).
   */
  prune(): void {
    for (const connection of this.#connections.values()) {
      if (!this.#options.isAuthorized(connection.remote)) this.#end(connection);
    }
  }

  /** Ends every connection and frees the port. Nothing is told any more. */
  close(): void {
    this.#isClosed = true;
    this.#acceptor?.close();
    for (const connection of this.#connections.values()) this.#end(connection);
  }

  #open(remote: SocketAddress): Connection | null {
    if (this.tcpType === 'passive' || this.#isClosed || this.#connections.size >= MAX_CONNECTIONS) return null;
    const deframer = new PacketDeframer();
    const socket: TcpSocket = this.#options.runtime.connectTcp({
      remote,
      localAddress: this.localAddress.address,
      onOpen: () => {
        const { waiting } = connection;
        connection.waiting = null;
        for (const packet of waiting ?? []) socket.write(framePacket(packet));
      },
      onData: (bytes) => deframer.push(bytes, inlet.onPacket),
      onClose: () => inlet.onClose(),
    });
    const connection = this.#add(remote, socket, []);
    const inlet = this.#inlet(connection);
    return connection;
  }

  #add(remote: SocketAddress, socket: TcpSocket, waiting: Uint8Array[] | null): Connection {
    const connection: Connection = { remote, socket, waiting, review: null };
    this.#connections.set(formatSocketAddress(remote), connection);
    this.#review(connection);
    return connection;
  }

  #inlet(connection: Connection): AcceptedConnection {
    const { remote } = connection;
    const isOpen = (): boolean => this.#connections.get(formatSocketAddress(remote)) === connection;
    return {
      onPacket: (packet) => {
        if (isOpen()) this.#options.receive(packet, remote);
      },
      onClose: () => {
        if (!isOpen()) return;
        this.#end(connection);
        this.#options.lost(remote);
      },
    };
  }

  #review(connection: Connection): void {
    const { runtime, isAuthorized, lost } = this.#options;
    connection.review = runtime.setTimer(REVIEW_MS, () => {
      if (isAuthorized(connection.remote)) {
        this.#review(connection);
        return;
      }
      this.#end(connection);
      lost(connection.remote);
    });
  }

  #end(connection: Connection): void {
    this.#connections.delete(formatSocketAddress(connection.remote));
    if (connection.review !== null) this.#options.runtime.clearTimer(connection.review);
    connection.socket.close();
  }
}
