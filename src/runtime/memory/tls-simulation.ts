/**
 * TLS without cryptography, for the memory network: one message each way about names, protocols and the certificate, then
 * the bytes as they are. A certificate is trusted when the text of one of those trusted is in the chain; the names in it
 * are not looked at.
 */
import type { TimerHandle } from '../runtime.ts';
import type {
  TcpConnectOptions,
  TcpHandlers,
  TcpSocket,
  TcpStats,
  TlsClientOptions,
  TlsServerOptions,
} from '../tcp.ts';
import { failure } from './failure.ts';
import type { MemoryTcpConnection } from './tcp-connection.ts';

type ClientHello = { readonly serverName: string; readonly alpn: readonly string[] };
type ServerHello = { readonly chain: string; readonly alpn: string | null };

class MemoryTlsSocket implements TcpSocket {
  alpnProtocol: string | null = null;
  readonly stats: TcpStats = { bytesSent: 0, bytesReceived: 0, writesRefused: 0 };
  readonly #connection: MemoryTcpConnection;
  #handlers: TcpHandlers | null = null;
  /** What has come of the peer's hello, which ends with a line feed; `null` once that is read. */
  #hello: string | null = '';
  readonly #heard: (hello: string) => void;

  constructor(connection: MemoryTcpConnection, heard: (hello: string) => void) {
    this.#connection = connection;
    this.#heard = heard;
  }

  get localAddress(): TcpSocket['localAddress'] {
    return this.#connection.localAddress;
  }

  get remoteAddress(): TcpSocket['remoteAddress'] {
    return this.#connection.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  listen(handlers: TcpHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    const isTaken = this.#handlers !== null && this.#connection.write(bytes);
    if (isTaken) this.stats.bytesSent += bytes.length;
    else this.stats.writesRefused++;
    return isTaken;
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  close(): void {
    this.#handlers = null;
    this.#connection.close();
  }

  say(hello: ClientHello | ServerHello): void {
    this.#connection.write(new TextEncoder().encode(`${JSON.stringify(hello)}\n`));
  }

  take(bytes: Uint8Array): void {
    if (this.#hello === null) {
      this.#receive(bytes);
      return;
    }
    const end = bytes.indexOf(10);
    this.#hello += new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
    if (end < 0) return;
    const hello = this.#hello;
    this.#hello = null;
    this.#heard(hello);
    if (end + 1 < bytes.length) this.#receive(bytes.subarray(end + 1));
  }

  #receive(bytes: Uint8Array): void {
    this.stats.bytesReceived += bytes.length;
    this.#handlers?.onData(bytes);
  }

  end(error: Error | null): void {
    const handlers = this.#handlers;
    this.#handlers = null;
    handlers?.onClose(error);
  }
}

export function connectTls(
  connection: MemoryTcpConnection,
  handlers: TcpConnectOptions,
  { serverName, alpnProtocols = [], trustedCertificates = [] }: TlsClientOptions,
  timeoutMs: number,
): TcpSocket {
  let isOpen = false;
  const { host } = connection;
  const fail = (code: string, message: string): void => {
    connection.reset();
    handlers.onClose(failure(code, message));
  };
  const timer = host.setTimer(timeoutMs, () => fail('ETIMEDOUT', 'no TLS session in time'));
  const socket = new MemoryTlsSocket(connection, (text) => {
    host.clearTimer(timer);
    const { chain, alpn } = JSON.parse(text) as ServerHello;
    if (!trustedCertificates.some((trusted) => chain.includes(trusted.trim()))) {
      fail('DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate is not trusted');
      return;
    }
    isOpen = true;
    socket.alpnProtocol = alpn;
    socket.listen(handlers);
    handlers.onOpen?.();
  });
  connection.connect(
    {
      onOpen: () => socket.say({ serverName, alpn: alpnProtocols }),
      onData: (bytes) => socket.take(bytes),
      onClose: (error) => {
        host.clearTimer(timer);
        if (isOpen) socket.end(error);
        else handlers.onClose(error ?? failure('ECONNRESET', 'the TLS handshake failed'));
      },
    },
    timeoutMs,
  );
  return socket;
}

/** @param done told the socket once the handshake is done, `null` when it failed */
export function acceptTls(
  connection: MemoryTcpConnection,
  { certificateChain, alpnProtocols }: TlsServerOptions,
  timeoutMs: number,
  done: (socket: MemoryTlsSocket | null) => void,
): void {
  let timer: TimerHandle | null = null;
  const settle = (socket: MemoryTlsSocket | null): void => {
    if (timer === null) return;
    connection.host.clearTimer(timer);
    timer = null;
    if (socket === null) connection.reset();
    done(socket);
  };
  timer = connection.host.setTimer(timeoutMs, () => settle(null));
  const socket = new MemoryTlsSocket(connection, (text) => {
    const hello = parse(text);
    const offered = hello?.alpn ?? [];
    const chosen = alpnProtocols?.find((protocol) => offered.includes(protocol)) ?? null;
    const isRefused = chosen === null && alpnProtocols !== undefined && offered.length > 0; // RFC 7301 §3.2
    if (hello === null || isRefused) {
      settle(null);
      return;
    }
    socket.alpnProtocol = chosen;
    socket.say({ chain: certificateChain, alpn: chosen });
    settle(socket);
  });
  connection.listen({
    onData: (bytes) => socket.take(bytes),
    onClose: (error) => {
      if (timer !== null) settle(null);
      else socket.end(error);
    },
  });
}

function parse(text: string): ClientHello | null {
  try {
    return JSON.parse(text) as ClientHello;
  } catch {
    return null; // somebody who speaks no TLS
  }
}
