/** The TCP of a host in the memory network: who is connected, who listens, and whom a segment is for. */
import { formatSocketAddress, type SocketAddress, sameSocketAddress } from '../../ice/address.ts';
import { ConnectionCounts } from '../connection-counts.ts';
import { candidatePorts, checkBindOptions, checkRemote } from '../ports.ts';
import {
  checkTlsServerOptions,
  MAX_CONNECTIONS,
  TCP_TIMEOUT_MS,
  type TcpConnectOptions,
  type TcpHandlers,
  type TcpListener,
  type TcpListenerStats,
  type TcpListenOptions,
  type TcpSocket,
} from '../tcp.ts';
import { familyOf, isAny } from './addresses.ts';
import { failure } from './failure.ts';
import type { Host } from './host.ts';
import { isSyn, MemoryTcpConnection, resetFor } from './tcp-connection.ts';
import { acceptTls, connectTls } from './tls-simulation.ts';

/** RFC 6335 §6. */
const DYNAMIC_PORTS = { min: 49_152, max: 65_535 };

export class TcpStack {
  readonly host: Host;
  readonly #connections = new Map<string, MemoryTcpConnection>();
  readonly #listeners = new Set<MemoryTcpListener>();

  constructor(host: Host) {
    this.host = host;
  }

  connect(options: TcpConnectOptions): TcpSocket {
    const { remote, localAddress, tls, timeoutMs = TCP_TIMEOUT_MS } = options;
    checkRemote(remote);
    if (localAddress !== undefined) checkBindOptions({ address: localAddress });
    const address = this.host.sourceFor(localAddress, remote.address);
    const local = { address, port: this.#freePort(address, remote) };
    const connection = new MemoryTcpConnection(this, local, remote, options.maxBufferedBytes);
    this.#connections.set(keyOf(local, remote), connection);
    if (tls !== undefined) return connectTls(connection, options, tls, timeoutMs);
    connection.connect(options, timeoutMs);
    return connection;
  }

  listen(options: TcpListenOptions): TcpListener {
    checkBindOptions(options);
    if (options.tls !== undefined) checkTlsServerOptions(options.tls);
    const { address } = options;
    if (!isAny(address) && !this.host.owns(address)) throw failure('EADDRNOTAVAIL', `${address} is not ours`);
    const portRange = options.portRange ?? DYNAMIC_PORTS;
    const ports = candidatePorts(options.port ? options : { address, portRange }, this.host.random);
    for (const port of ports) {
      if (this.#isListening({ address, port })) continue;
      const listener = new MemoryTcpListener({ address, port }, options, () => this.#listeners.delete(listener));
      this.#listeners.add(listener);
      return listener;
    }
    throw failure('EADDRINUSE', `no free port on ${address}`);
  }

  /** A segment for this host. */
  receive(source: SocketAddress, destination: SocketAddress, segment: Uint8Array): 'delivered' | 'noListener' {
    const known = this.#connections.get(keyOf(destination, source));
    if (known !== undefined) {
      known.receive(segment);
      return 'delivered';
    }
    const listener = [...this.#listeners].find((each) => each.accepts(destination));
    if (listener === undefined || !isSyn(segment) || !listener.enter(source)) {
      const reset = resetFor(segment);
      if (reset !== null) this.send(reset, destination, source);
      return 'noListener';
    }
    const { maxBufferedBytes } = listener.options;
    const connection = new MemoryTcpConnection(this, destination, source, maxBufferedBytes, false);
    this.#connections.set(keyOf(destination, source), connection);
    listener.add(connection);
    connection.receive(segment);
    return 'delivered';
  }

  /** The handshake of a connection that came in is done. */
  opened(connection: MemoryTcpConnection): void {
    for (const listener of this.#listeners) if (listener.opened(connection)) return;
    connection.reset(); // closed meanwhile
  }

  forget(connection: MemoryTcpConnection): void {
    this.#connections.delete(keyOf(connection.localAddress, connection.remoteAddress));
    for (const listener of this.#listeners) listener.delete(connection);
  }

  send(segment: Uint8Array, local: SocketAddress, remote: SocketAddress): void {
    this.host.send(segment, local, remote, 'tcp');
  }

  #isListening(local: SocketAddress): boolean {
    return [...this.#listeners].some((listener) => listener.conflictsWith(local));
  }

  #freePort(address: string, remote: SocketAddress): number {
    for (const port of candidatePorts({ address, portRange: DYNAMIC_PORTS }, this.host.random)) {
      const local = { address, port };
      const isTaken = this.#connections.has(keyOf(local, remote)) || this.#isListening(local);
      if (!isTaken && !sameSocketAddress(local, remote)) return port;
    }
    throw failure('EADDRNOTAVAIL', `no free port on ${address}`);
  }
}

class MemoryTcpListener implements TcpListener {
  readonly localAddress: SocketAddress;
  readonly options: TcpListenOptions;
  readonly stats: TcpListenerStats = { connectionsAccepted: 0, connectionsRefused: 0, handshakesFailed: 0 };
  readonly #connections = new Set<MemoryTcpConnection>();
  readonly #counts: ConnectionCounts;
  readonly #closed: () => void;

  constructor(localAddress: SocketAddress, options: TcpListenOptions, closed: () => void) {
    this.localAddress = localAddress;
    this.options = options;
    this.#counts = new ConnectionCounts(
      options.maxConnections ?? MAX_CONNECTIONS,
      options.maxConnectionsPerAddress ?? Infinity,
    );
    this.#closed = closed;
  }

  get connections(): number {
    return this.#connections.size;
  }

  close(): void {
    this.#closed();
  }

  accepts({ address, port }: SocketAddress): boolean {
    const own = this.localAddress;
    return (
      port === own.port &&
      (address === own.address || (isAny(own.address) && familyOf(address) === familyOf(own.address)))
    );
  }

  conflictsWith({ address, port }: SocketAddress): boolean {
    const own = this.localAddress;
    if (port !== own.port || familyOf(address) !== familyOf(own.address)) return false;
    return address === own.address || isAny(address) || isAny(own.address);
  }

  /** Whether there is room for a connection from there; `add` follows. */
  enter({ address }: SocketAddress): boolean {
    const hasRoom = this.#counts.enter(address);
    if (!hasRoom) this.stats.connectionsRefused++;
    return hasRoom;
  }

  add(connection: MemoryTcpConnection): void {
    this.#connections.add(connection);
  }

  delete(connection: MemoryTcpConnection): void {
    if (this.#connections.delete(connection)) this.#counts.leave(connection.remoteAddress.address);
  }

  /** @returns whether it is one of ours */
  opened(connection: MemoryTcpConnection): boolean {
    if (!this.#connections.has(connection)) return false;
    const { tls, handshakeTimeoutMs = TCP_TIMEOUT_MS } = this.options;
    if (tls === undefined) {
      this.#accept(connection, connection);
    } else {
      acceptTls(connection, tls, handshakeTimeoutMs, (socket) => {
        if (socket === null) this.stats.handshakesFailed++;
        else this.#accept(connection, socket);
      });
    }
    return true;
  }

  #accept(connection: MemoryTcpConnection, socket: TcpSocket & { listen(handlers: TcpHandlers): void }): void {
    const handlers = this.options.onConnection(socket);
    if (handlers === null) {
      this.stats.connectionsRefused++;
      connection.reset();
      return;
    }
    this.stats.connectionsAccepted++;
    socket.listen(handlers);
  }
}

function keyOf(local: SocketAddress, remote: SocketAddress): string {
  return `${formatSocketAddress(local)} ${formatSocketAddress(remote)}`;
}
