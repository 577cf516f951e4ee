/** Clients over TCP and TLS: a flow for each connection, with bounds on how many, how idle, and how far behind. */
import { ConnectionCounts } from '../../runtime/connection-counts.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import {
  checkTlsServerOptions,
  type TcpHandlers,
  type TcpListener,
  type TcpSocket,
  type TlsServerOptions,
} from '../../runtime/tcp.ts';
import type { SocketAddress } from '../../stun/index.ts';
import { isChannelData, StreamFramer, TURN_METHOD } from '../../turn/index.ts';
import type { ClientFlow, OnMessage } from './client-flow.ts';
import type { TurnListenOptions } from './options.ts';

/**
 * Bounds on what waits for a client that reads slowly. Data past the first is dropped, as a full router would: what is late
 * is worth nothing, and the peers' congestion control learns of it. Answers may go on to the second.
 */
const MAX_BUFFERED_DATA_BYTES: number = 256 * 1024;
const MAX_BUFFERED_BYTES: number = 512 * 1024;

/** RFC 8489 §5: the method's bits and the class's stand between each other; this is the whole type of a Data indication. */
const DATA_INDICATION = 0x0010 | TURN_METHOD.data;

export type StreamClientsOptions = {
  readonly runtime: Runtime;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly idleTimeoutMs: number;
  /** A connection is there. */
  readonly onOpen: () => void;
  readonly onMessage: OnMessage;
  /** The connection is over. */
  readonly onClose: (flow: ClientFlow) => void;
  readonly onError: (error: Error) => void;
};

type Connection = {
  readonly flow: ClientFlow;
  readonly socket: TcpSocket;
  lastMessageAt: number;
};

export class StreamClients {
  /** Closed for want of an allocation and of anything said. */
  idleConnectionsClosed = 0;
  /** Closed because what came is no STUN and no ChannelData. */
  brokenStreams = 0;
  /** Messages to clients that were too far behind. */
  droppedToSlowReaders = 0;
  readonly #options: StreamClientsOptions;
  #listeners: { readonly options: TurnListenOptions; readonly listener: TcpListener }[] = [];
  readonly #connections = new Map<string, Connection>();
  /** Of all listeners together. */
  readonly #counts: ConnectionCounts;
  #lastId = 0;
  /** Of listeners that are closed. */
  #refused = 0;
  #failed = 0;
  #isClosed = false;

  constructor(options: StreamClientsOptions) {
    this.#options = options;
    this.#counts = new ConnectionCounts(options.maxConnections, options.maxConnectionsPerAddress);
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Connections reset: one too many. */
  get connectionsRefused(): number {
    return this.#refused + this.#listeners.reduce((sum, { listener }) => sum + listener.stats.connectionsRefused, 0);
  }

  /** TLS handshakes that failed or took too long. */
  get handshakesFailed(): number {
    return this.#failed + this.#listeners.reduce((sum, { listener }) => sum + listener.stats.handshakesFailed, 0);
  }

  async listen(options: TurnListenOptions): Promise<SocketAddress> {
    const { protocol, address, port, tls } = options;
    const { runtime, maxConnections, maxConnectionsPerAddress, onError } = this.#options;
    const listener = await runtime.listenTcp({
      address,
      port,
      ...(tls && { tls }),
      maxConnections,
      maxConnectionsPerAddress, // here already: those that never finish their TLS handshake count
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      onConnection: (socket) => this.#accept(socket, protocol as 'tcp' | 'tls'),
      onError,
    });
    if (this.#isClosed) listener.close();
    this.#listeners.push({ options, listener });
    return listener.localAddress;
  }

  /**
   * Shows that certificate to whoever connects from now on.
   * @throws TypeError for one that cannot be read, Error for one that the key is not for: the old one stays
   */
  async setCertificate(tls: TlsServerOptions): Promise<void> {
    checkTlsServerOptions(tls);
    for (const { options, listener } of this.#listeners.filter((one) => one.options.protocol === 'tls')) {
      this.#forgetListener(listener);
      const { port } = listener.localAddress;
      try {
        await this.listen({ ...options, port, tls });
      } catch (error) {
        await this.listen({ ...options, port });
        throw error;
      }
    }
  }

  /** Closes connections without an allocation that have been silent for too long. */
  closeIdle(hasAllocation: (flowId: string) => boolean, now: number): void {
    for (const connection of this.#connections.values()) {
      const { flow, lastMessageAt } = connection;
      if (hasAllocation(flow.id) || now - lastMessageAt < this.#options.idleTimeoutMs) continue;
      this.idleConnectionsClosed++;
      this.#end(connection);
    }
  }

  /** Takes no more connections. */
  stopListening(): void {
    for (const { listener } of this.#listeners) listener.close();
  }

  close(): void {
    this.#isClosed = true;
    this.stopListening();
    for (const connection of this.#connections.values()) this.#end(connection);
  }

  #accept(socket: TcpSocket, transport: 'tcp' | 'tls'): TcpHandlers | null {
    const { runtime } = this.#options;
    // A TLS handshake may be done after the end.
    if (this.#isClosed || !this.#counts.enter(socket.remoteAddress.address)) return null;
    const flow: ClientFlow = {
      id: `${transport} ${++this.#lastId}`,
      transport,
      remote: socket.remoteAddress,
      send: (packet) => this.#send(packet, socket),
    };
    const connection: Connection = { flow, socket, lastMessageAt: runtime.now() };
    this.#connections.set(flow.id, connection);
    this.#options.onOpen();
    const framer = new StreamFramer();
    return {
      onData: (bytes) => {
        const isWhole = framer.push(bytes, (message) => {
          if (!this.#connections.has(flow.id)) return; // ended by the message before
          connection.lastMessageAt = runtime.now();
          this.#options.onMessage(message, flow);
        });
        if (isWhole) return;
        this.brokenStreams++;
        this.#end(connection);
      },
      onClose: () => this.#forget(connection),
    };
  }

  #send(packet: Uint8Array, socket: TcpSocket): void {
    const isData = isChannelData(packet) || ((packet[0]! << 8) | packet[1]!) === DATA_INDICATION;
    const isLate = isData && socket.bufferedBytes > MAX_BUFFERED_DATA_BYTES;
    if (isLate || !socket.write(packet)) this.droppedToSlowReaders++;
  }

  #forgetListener(listener: TcpListener): void {
    listener.close();
    this.#refused += listener.stats.connectionsRefused;
    this.#failed += listener.stats.handshakesFailed;
    this.#listeners = this.#listeners.filter((one) => one.listener !== listener);
  }

  #end(connection: Connection): void {
    connection.socket.close();
    this.#forget(connection);
  }

  #forget(connection: Connection): void {
    const { flow } = connection;
    if (!this.#connections.delete(flow.id)) return;
    this.#counts.leave(flow.remote.address);
    this.#options.onClose(flow);
  }
}
