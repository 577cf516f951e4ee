/**
 * TCP as the runtimes give it, with TLS over it where asked: for TURN and STUN servers (RFC 8489 §6.2.2, §6.2.3) and for
 * ICE-TCP (RFC 6544). What is sent is bounded and never waited for: whoever sends media drops what does not fit.
 */
import { certificatesFromPem, privateKeyFromPem } from '../crypto/pem.ts';
import type { SocketAddress } from '../ice/address.ts';

/**
 * What comes of a connection. No handler is called before `connectTcp` returned or `onConnection` answered, and none
 * after `close()`.
 */
export type TcpHandlers = {
  /** The connection is there, with TLS its session: writes are taken now. Not called for connections that came in. */
  readonly onOpen?: () => void;
  /** The next bytes of the stream, at least one; they belong to the handler. */
  readonly onData: (bytes: Uint8Array) => void;
  /**
   * The connection is over, or did not come about; nothing is called afterwards. `null`: the peer has closed it. Errors have
   * the `code` of the system or of TLS: `ECONNREFUSED`, `ETIMEDOUT`, `ERR_TLS_CERT_ALTNAME_INVALID` …
   */
  readonly onClose: (error: Error | null) => void;
};

export type TcpConnectOptions = TcpHandlers & {
  readonly remote: SocketAddress;
  /** The IP literal to connect from. Default: the system's choice. */
  readonly localAddress?: string;
  /** Ask for a TLS session, and give nothing and take nothing without one. */
  readonly tls?: TlsClientOptions;
  /** How long the connection and the TLS handshake may take together. Default 10,000. */
  readonly timeoutMs?: number;
  readonly maxBufferedBytes?: number;
};

/** The peer's certificate is always verified, its chain against the trusted ones and its names against `serverName`. */
export type TlsClientOptions = {
  /** The DNS name or IP literal that the certificate must be for; a name is told to the server (SNI). */
  readonly serverName: string;
  /** RFC 7301, in order of preference. A server that knows none of them may refuse, or ignore them. */
  readonly alpnProtocols?: readonly string[];
  /** Certificates in PEM of authorities to trust besides the runtime's own: those of private deployments and tests. */
  readonly trustedCertificates?: readonly string[];
};

export type TcpListenOptions = {
  /** The IP literal to listen at, `0.0.0.0` and `::` included. IPv6 listeners never take IPv4. */
  readonly address: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Instead of `port`: the first free port of this range, both ends included, searched from a random start. */
  readonly portRange?: { readonly min: number; readonly max: number };
  readonly tls?: TlsServerOptions;
  /** How long a TLS handshake may take. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** Connections open at a time, TLS handshakes included; those past it are reset. Default 4,096. */
  readonly maxConnections?: number;
  /** The same of one IPv4 address, or one /64 of IPv6. Default: as many as there may be. */
  readonly maxConnectionsPerAddress?: number;
  /** Of each connection; see `TcpSocket.write`. */
  readonly maxBufferedBytes?: number;
  /** A connection has come in, its TLS handshake done. `null` resets it. */
  readonly onConnection: (socket: TcpSocket) => TcpHandlers | null;
  /** The listener broke. Errors of single connections are theirs. */
  readonly onError?: (error: Error) => void;
};

export type TlsServerOptions = {
  /** In PEM: ours first, then those between it and the root. */
  readonly certificateChain: string;
  /** In PEM, not encrypted. */
  readonly privateKey: string;
  /** RFC 7301. Clients that offer others, and none of these, are refused; those that offer none are not. */
  readonly alpnProtocols?: readonly string[];
};

export interface TcpSocket {
  /** Of a connection that we make: unspecified until it is open. */
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  /** What was agreed on (RFC 7301); `null` without TLS, before the handshake, or where nothing was. */
  readonly alpnProtocol: string | null;
  /** Bytes written that the system has not taken yet: how far the stream is behind. */
  readonly bufferedBytes: number;
  readonly stats: Readonly<TcpStats>;
  /**
   * Writes all of it or nothing: what would bring `bufferedBytes` above `maxBufferedBytes` (default 1 MiB) is refused, so
   * that a message is never cut. Never throws. `bytes` belong to the socket from here on. The writes of one turn go to the
   * system together.
   * @returns whether it was taken; false too before the connection is open and once it is over
   */
  write(bytes: Uint8Array): boolean;
  /** Hands nothing out until `resume`; the peer is slowed down once the buffers between are full. */
  pause(): void;
  resume(): void;
  /** Ends the connection once what was written has left, or after 5 s. Closing twice is no error. */
  close(): void;
}

export type TcpStats = {
  bytesSent: number;
  bytesReceived: number;
  /** Writes that were refused. */
  writesRefused: number;
};

export interface TcpListener {
  /** Where it listens, with the port the system gave. */
  readonly localAddress: SocketAddress;
  /** Connections open now, TLS handshakes included. */
  readonly connections: number;
  readonly stats: Readonly<TcpListenerStats>;
  /** Frees the port. Connections that came in stay as they are. */
  close(): void;
}

export type TcpListenerStats = {
  connectionsAccepted: number;
  /** Past `maxConnections` or `maxConnectionsPerAddress`, or refused by `onConnection`. */
  connectionsRefused: number;
  /** TLS handshakes that failed or took too long. */
  handshakesFailed: number;
};

/** How long connecting, and a TLS handshake, may take; enough for three lost SYNs (RFC 6298 §2: 1, 2 and 4 s). */
export const TCP_TIMEOUT_MS = 10_000;
/** About what a UDP socket queues; at 2 Mb/s it is four seconds of media, so senders of media drop earlier. */
export const MAX_BUFFERED_BYTES: number = 1024 * 1024;
export const MAX_CONNECTIONS = 4096;
/** How long a closed connection may take to get rid of what was written. */
export const LINGER_MS = 5_000;

/**
 * For runtimes that would find it out with the first connection.
 * @throws TypeError when one of them is missing, malformed or encrypted
 */
export function checkTlsServerOptions({ certificateChain, privateKey }: TlsServerOptions): void {
  certificatesFromPem(certificateChain);
  privateKeyFromPem(privateKey);
}
