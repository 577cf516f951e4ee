/** The way to a TURN server: a UDP socket of its own, or a TCP connection with or without TLS (RFC 8656 §3.1). */
import { addressFamily, isLoopback, type SocketAddress, sameSocketAddress } from '../ice/address.ts';
import type { Runtime, UdpSocket } from '../runtime/runtime.ts';
import { isTurnData } from '../turn/index.ts';

export type ServerTransport = 'udp' | 'tcp' | 'tls';

/**
 * Bound on what waits in a stream when a peer's datagram is to go there: past it, data is dropped as a full router would,
 * while requests still go. A second at 2 Mb/s, on top of what the system keeps; what is later than that nobody plays.
 */
const MAX_BACKLOG_BYTES = 256 * 1024;
/** RFC 7443 §2: TURN within TLS. */
const ALPN = ['stun.turn'];

export type ServerLinkOptions = {
  readonly runtime: Runtime;
  readonly transport: ServerTransport;
  readonly server: SocketAddress;
  /** What a TLS server's certificate must be for. */
  readonly serverName: string;
  readonly trustedCertificates: readonly string[] | undefined;
  /** Of addresses to send from, where the application chose them; empty: the system chooses the way to the server. */
  readonly bindTo: readonly string[];
};

export type ServerLinkOutput = {
  /** It can be written to. */
  readonly opened: () => void;
  /** A datagram, or the next bytes of the stream. */
  readonly received: (packet: Uint8Array) => void;
  /** It broke, or did not come about. Nothing follows. */
  readonly lost: (text: string) => void;
};

export interface ServerLink {
  /** Best effort. */
  send(packet: Uint8Array): void;
  /** Nothing is told any more. What was sent still leaves. */
  close(): void;
}

export function openServerLink(options: ServerLinkOptions, output: ServerLinkOutput): ServerLink {
  return options.transport === 'udp' ? openUdpLink(options, output) : openStreamLink(options, output);
}

function openUdpLink({ runtime, server, bindTo }: ServerLinkOptions, output: ServerLinkOutput): ServerLink {
  let socket: UdpSocket | null = null;
  let isClosed = false;
  const address = sourceFor(server, bindTo) ?? (addressFamily(server.address) === 6 ? '::' : '0.0.0.0');
  const lose = (text: string): void => {
    if (!isClosed) output.lost(text);
  };
  const onPacket = (packet: Uint8Array, remote: SocketAddress): void => {
    if (!isClosed && sameSocketAddress(remote, server)) output.received(packet);
  };
  runtime.bindUdp({ address, onPacket, onError: () => lose('The socket towards the TURN server broke.') }).then(
    (bound) => {
      if (isClosed) {
        bound.close();
        return;
      }
      socket = bound;
      output.opened();
    },
    () => lose(`No socket could be bound to ${address}.`),
  );
  return {
    send(packet) {
      if (socket === null) return;
      const { packetsSent, sendErrors } = socket.stats;
      // No way there from this machine, as to an IPv6 address without IPv6: to be patient would not help.
      if (sendErrors > 0 && packetsSent === 0) lose('The TURN server cannot be reached from here.');
      else socket.send(packet, server);
    },
    close() {
      isClosed = true;
      socket?.close();
    },
  };
}

function openStreamLink(options: ServerLinkOptions, output: ServerLinkOutput): ServerLink {
  const { runtime, transport, server, serverName, trustedCertificates, bindTo } = options;
  const localAddress = sourceFor(server, bindTo);
  const socket = runtime.connectTcp({
    remote: server,
    ...(localAddress !== undefined && { localAddress }),
    ...(transport === 'tls' && {
      tls: { serverName, alpnProtocols: ALPN, ...(trustedCertificates && { trustedCertificates }) },
    }),
    onOpen: output.opened,
    onData: output.received,
    onClose: (error) => output.lost(error === null ? 'The TURN server closed the connection.' : error.message),
  });
  return {
    send(packet) {
      if (socket.bufferedBytes > MAX_BACKLOG_BYTES && isTurnData(packet)) return;
      socket.write(packet);
    },
    close: () => socket.close(),
  };
}

function sourceFor(server: SocketAddress, bindTo: readonly string[]): string | undefined {
  const family = addressFamily(server.address);
  const candidates = bindTo.filter((address) => addressFamily(address) === family);
  return candidates.find((address) => isLoopback(address) === isLoopback(server.address)) ?? candidates[0];
}
