/** TCP over `node:net` and TLS over `node:tls`, which Node, Deno and Bun share. */
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { addressFamily, type SocketAddress } from '../ice/address.ts';
import type { RandomSource } from '../machine.ts';
import { builtin } from './builtin.ts';
import { ConnectionCounts } from './connection-counts.ts';
import { candidatePorts, checkBindOptions, checkRemote, isPortTaken } from './ports.ts';
import {
  checkTlsServerOptions,
  LINGER_MS,
  MAX_BUFFERED_BYTES,
  MAX_CONNECTIONS,
  TCP_TIMEOUT_MS,
  type TcpConnectOptions,
  type TcpHandlers,
  type TcpListener,
  type TcpListenerStats,
  type TcpListenOptions,
  type TcpSocket,
  type TcpStats,
  type TlsClientOptions,
} from './tcp.ts';

/** After that long without a word the system asks whether the peer is still there (RFC 9293 §3.8.4). */
const KEEPALIVE_MS = 30_000;

export function connectTcp(options: TcpConnectOptions): TcpSocket {
  checkRemote(options.remote);
  if (options.localAddress !== undefined) checkBindOptions({ address: options.localAddress });
  const { remote, localAddress, tls, maxBufferedBytes } = options;
  const target = { host: remote.address, port: remote.port, ...(localAddress !== undefined && { localAddress }) };
  const socket =
    tls === undefined
      ? builtin('node:net').connect(target)
      : builtin('node:tls').connect({ ...target, ...tlsOptions(tls) });
  const opened = new NetSocket(socket, remote, maxBufferedBytes);
  opened.connect(options, tls === undefined ? 'connect' : 'secureConnect', options.timeoutMs ?? TCP_TIMEOUT_MS);
  return opened;
}

function tlsOptions({ serverName, alpnProtocols, trustedCertificates = [] }: TlsClientOptions): object {
  const { rootCertificates, checkServerIdentity } = builtin('node:tls');
  return {
    ...(addressFamily(serverName) === 0 && { servername: serverName }), // RFC 6066 §3: no literal addresses in SNI
    checkServerIdentity: (_host: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(serverName, certificate),
    ...(alpnProtocols !== undefined && { ALPNProtocols: [...alpnProtocols] }),
    // Given, `ca` takes the place of the runtime's own.
    ...(trustedCertificates.length > 0 && { ca: [...rootCertificates, ...trustedCertificates] }),
  };
}

export async function listenTcp(options: TcpListenOptions, random: RandomSource): Promise<TcpListener> {
  checkBindOptions(options);
  if (options.tls !== undefined) checkTlsServerOptions(options.tls);
  let failure: unknown;
  for (const port of candidatePorts(options, random)) {
    try {
      return await NetListener.listen(options, port);
    } catch (error) {
      failure = error;
      if (!isPortTaken(error)) break;
    }
  }
  throw failure;
}

class NetSocket implements TcpSocket {
  readonly stats: TcpStats = { bytesSent: 0, bytesReceived: 0, writesRefused: 0 };
  readonly remoteAddress: SocketAddress;
  readonly #socket: Socket;
  readonly #maxBufferedBytes: number;
  #handlers: TcpHandlers | null = null;
  #localAddress: SocketAddress;
  #isOpen = false;
  /** Writes wait for the end of the turn. */
  #isCorked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, remoteAddress: SocketAddress, maxBufferedBytes: number = MAX_BUFFERED_BYTES) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#localAddress = { address: addressFamily(remoteAddress.address) === 6 ? '::' : '0.0.0.0', port: 0 };
    socket.on('error', (error) => this.#end(error)); // for good: an error without a listener would end the process
  }

  get localAddress(): SocketAddress {
    return this.#localAddress;
  }

  get alpnProtocol(): string | null {
    const { alpnProtocol } = this.#socket as Partial<TLSSocket>;
    return this.#isOpen ? alpnProtocol || null : null;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Towards a peer: `event` says that the connection is of use. */
  connect(handlers: TcpHandlers, event: 'connect' | 'secureConnect', timeoutMs: number): void {
    this.#handlers = handlers;
    this.#timer = setTimeout(() => {
      const error = new Error(`connect ETIMEDOUT: no connection after ${timeoutMs} ms`);
      this.#end(Object.assign(error, { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    this.#socket.once('close', () => this.#end(null));
    this.#socket.once(event, () => {
      if (this.#handlers === null) return;
      clearTimeout(this.#timer);
      this.#open();
      handlers.onOpen?.();
    });
  }

  /** For a connection that has come in: `onConnection` says what is to become of it. */
  accept(onConnection: TcpListenOptions['onConnection']): boolean {
    this.#isOpen = true;
    this.#localAddress = addressOf(this.#socket.localAddress, this.#socket.localPort);
    const handlers = onConnection(this);
    if (handlers === null) {
      this.#isOpen = false;
      this.#socket.destroy();
      return false;
    }
    if (!this.#isOpen) return true; // closed already
    this.#handlers = handlers;
    this.#socket.once('close', () => this.#end(null));
    this.#open();
    return true;
  }

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!this.#isOpen || socket.writableLength + bytes.length > this.#maxBufferedBytes) {
      this.stats.writesRefused++;
      return false;
    }
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      queueMicrotask(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
    socket.write(bytes);
    this.stats.bytesSent += bytes.length;
    return true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    if (this.#handlers === null && !this.#isOpen) return;
    const socket = this.#socket;
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#handlers = null;
    clearTimeout(this.#timer);
    if (!wasOpen) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.resume(); // unread bytes would turn the end into a reset, and that overtakes what was written
    socket.end(() => socket.destroy());
  }

  #open(): void {
    const socket = this.#socket;
    this.#isOpen = true;
    this.#localAddress = addressOf(socket.localAddress, socket.localPort);
    socket.setNoDelay(true); // messages are small and late ones are worth nothing
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on('data', (chunk: Uint8Array) => {
      this.stats.bytesReceived += chunk.length;
      // Not a Buffer, as for datagrams (dgram.ts).
      this.#handlers?.onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    });
    // Half of a connection is of no use to any protocol here.
    socket.once('end', () => this.#end(null));
  }

  #end(error: Error | null): void {
    const handlers = this.#handlers;
    if (handlers === null) return;
    this.#handlers = null;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    handlers.onClose(error);
  }
}

class NetListener implements TcpListener {
  readonly stats: TcpListenerStats = { connectionsAccepted: 0, connectionsRefused: 0, handshakesFailed: 0 };
  readonly localAddress: SocketAddress;
  readonly #server: Server;
  readonly #options: TcpListenOptions;
  readonly #counts: ConnectionCounts;

  static listen(options: TcpListenOptions, port: number): Promise<NetListener> {
    const { address, tls, handshakeTimeoutMs = TCP_TIMEOUT_MS } = options;
    const server =
      tls === undefined
        ? builtin('node:net').createServer()
        : builtin('node:tls').createServer({
            cert: tls.certificateChain,
            key: tls.privateKey,
            handshakeTimeout: handshakeTimeoutMs,
            ...(tls.alpnProtocols !== undefined && { ALPNProtocols: [...tls.alpnProtocols] }),
          });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      // exclusive: workers of a cluster must not be given each other's connections.
      server.listen({ host: address, port, ipv6Only: true, exclusive: true }, () => {
        server.removeListener('error', reject);
        resolve(new NetListener(server, options));
      });
    });
  }

  constructor(server: Server, options: TcpListenOptions) {
    const bound = server.address() as { address: string; port: number };
    this.localAddress = addressOf(bound.address, bound.port);
    this.#server = server;
    this.#options = options;
    this.#counts = new ConnectionCounts(
      options.maxConnections ?? MAX_CONNECTIONS,
      options.maxConnectionsPerAddress ?? Infinity,
    );
    server.on('error', (error) => options.onError?.(error));
    server.on('connection', (socket: Socket) => this.#count(socket));
    if (options.tls === undefined) {
      server.on('connection', (socket: Socket) => this.#accept(socket));
    } else {
      server.on('secureConnection', (socket: Socket) => this.#accept(socket));
      server.on('tlsClientError', (_error, socket: Socket) => {
        this.stats.handshakesFailed++;
        socket.destroy();
      });
    }
  }

  get connections(): number {
    return this.#counts.size;
  }

  close(): void {
    this.#server.close();
  }

  /** Of connections as they come, before any TLS. */
  #count(socket: Socket): void {
    const { address } = addressOf(socket.remoteAddress, socket.remotePort);
    if (!this.#counts.enter(address)) {
      this.stats.connectionsRefused++;
      socket.destroy();
      return;
    }
    socket.once('close', () => this.#counts.leave(address));
  }

  #accept(socket: Socket): void {
    if (socket.destroyed) return;
    const remote = addressOf(socket.remoteAddress, socket.remotePort);
    const accepted = new NetSocket(socket, remote, this.#options.maxBufferedBytes);
    if (accepted.accept(this.#options.onConnection)) this.stats.connectionsAccepted++;
    else this.stats.connectionsRefused++;
  }
}

/** Without the zone of a link-local address; a connection that is over already has none. */
function addressOf(address: string | undefined, port: number | undefined): SocketAddress {
  return { address: (address ?? '').split('%')[0]!, port: port ?? 0 };
}
