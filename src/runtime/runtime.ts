/**
 * What PureRTC needs from the machine it runs on: a clock and timers, UDP, TCP and TLS, the interfaces, DNS, multicast for mDNS
 * (RFC 6762), randomness and cryptography. `node.ts`, `deno.ts` and `bun.ts` give the real ones, `memory.ts` a
 * simulated network with a virtual clock. Only the edges (`webrtc`, `server`, `cli`) know this interface: the protocol
 * machines below are told the time and hand their datagrams out.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { SocketAddress } from '../ice/address.ts';
import type { RandomSource } from '../machine.ts';
import type { TcpConnectOptions, TcpListener, TcpListenOptions, TcpSocket } from './tcp.ts';

/** A pending timer. What it is belongs to the runtime: hand it to `clearTimer`, look at nothing. */
export type TimerHandle = object | number;

export interface Runtime {
  readonly name: 'node' | 'deno' | 'bun' | 'memory';

  /** Milliseconds on a monotonic clock, with fractions; the origin is the runtime's own. */
  now(): number;

  /**
   * Calls `callback` once after `delayMs` (0 or less: as soon as possible; not finite or beyond 2³¹ - 1 ms: clamped to
   * that). May come up to 1 ms early, since runtimes round: ask the machine's `nextTimeout` again. A pending timer keeps
   * the process alive.
   */
  setTimer(delayMs: number, callback: () => void): TimerHandle;
  /** Forgets a timer. One that has fired or was cleared already is no error. */
  clearTimer(timer: TimerHandle): void;
  /**
   * Calls `callback` once, when the caller's synchronous code has run and before the runtime waits for input again.
   * The data path bundles by it: many `send()` calls in one tick, one pass over the queue.
   */
  queueTurn(callback: () => void): void;

  /** The addresses of this machine, now. Deprecated and tentative ones are left out where the runtime knows. */
  networkInterfaces(): NetworkInterface[];

  /**
   * A bound UDP socket.
   * @throws RangeError for an `address` that is no IP literal, or ports outside 0–65535
   * @throws Error when the address is not ours, or every port asked for is taken
   */
  bindUdp(options: UdpOptions): Promise<UdpSocket>;

  /**
   * A TCP connection, with `tls` a TLS session over it. It is there at once and opens later: `onOpen` or `onClose` says
   * what became of it, `close()` gives it up. What goes wrong on the network is never thrown.
   * @throws RangeError for a `remote` that is no IP literal and port, or a `localAddress` that is no IP literal
   */
  connectTcp(options: TcpConnectOptions): TcpSocket;

  /**
   * Takes TCP connections, with `tls` TLS sessions.
   * @throws RangeError for an `address` that is no IP literal, or ports outside 0–65535
   * @throws Error when the address is not ours, every port asked for is taken, or the certificate or key cannot be read
   */
  listenTcp(options: TcpListenOptions): Promise<TcpListener>;

  /** The A (4) or AAAA (6) addresses of `hostname`; empty when there are none or the name cannot be resolved. */
  lookup(hostname: string, family: 4 | 6): Promise<string[]>;

  /**
   * Joins the mDNS groups, 224.0.0.251 and ff02::fb on port 5353, on every interface that lets us. Where none does
   * (loopback only, multicast refused, port taken exclusively) the socket is there, joined to nothing.
   */
  openMulticast(options: MulticastOptions): Promise<MulticastSocket>;

  /** Cryptographic randomness; seeded in the simulated runtime. */
  readonly random: RandomSource;
  /** The fastest provider this runtime has. */
  readonly crypto: CryptoProvider;
}

/** One address of one interface. */
export type NetworkInterface = {
  /** As the system calls it: `eth0`, `Wi-Fi`. */
  readonly name: string;
  /** An IP literal without a zone (`%eth0`). */
  readonly address: string;
  readonly family: 4 | 6;
  readonly prefixLength: number;
  /** Loopback. */
  readonly internal: boolean;
  /** 169.254.0.0/16 or fe80::/10: good on one link only (RFC 8445 §5.1.1.1 leaves them to the caller). */
  readonly linkLocal: boolean;
  /** A privacy address (RFC 8981); false where the runtime cannot tell. */
  readonly temporary: boolean;
};

export type UdpOptions = {
  /** The IP literal to bind, `0.0.0.0` and `::` included. IPv6 sockets never take IPv4. */
  readonly address: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Instead of `port`: the first free port of this range, both ends included, searched from a random start. */
  readonly portRange?: { readonly min: number; readonly max: number };
  /** Share the address with other sockets (SO_REUSEADDR). Default false. */
  readonly reuse?: boolean;
  /** Wanted size of the system's receive buffer. Default 2 MiB; the system may give less, and too little loses bursts. */
  readonly receiveBufferBytes?: number;
  /**
   * One datagram. `packet` belongs to the handler. `remote` is usually the same object for the same sender, so identity
   * is a quick first comparison, but not the only one needed.
   */
  readonly onPacket: (packet: Uint8Array, remote: SocketAddress) => void;
  /** The socket broke after it was bound. Errors of single datagrams (ICMP, full buffers) are counted, not told. */
  readonly onError?: (error: Error) => void;
};

export interface UdpSocket {
  /** Where the socket is bound, with the port the system gave. */
  readonly localAddress: SocketAddress;
  readonly stats: Readonly<UdpStats>;
  /**
   * Sends one datagram, best effort: never throws, what the system refuses is counted in `stats.sendErrors`. `packet`
   * belongs to the socket from here on, since the system may take it later. Passing the same `remote` object again and
   * again is quickest.
   */
  send(packet: Uint8Array, remote: SocketAddress): void;
  /** Frees the port. No handler is called afterwards; closing twice is no error. */
  close(): void;
}

export type UdpStats = {
  packetsSent: number;
  bytesSent: number;
  packetsReceived: number;
  bytesReceived: number;
  /** Datagrams refused by the system, or dropped because its queue was full. */
  sendErrors: number;
};

export type MulticastOptions = {
  /** One datagram from port 5353 of the group, our own included. `packet` belongs to the handler. */
  readonly onPacket: (packet: Uint8Array, remote: SocketAddress) => void;
};

export interface MulticastSocket {
  /** How many (interface, family) pairs joined; 0 means nobody will hear and nothing will come. */
  readonly memberships: number;
  /** Sends to the group on every interface joined. Never throws. */
  send(packet: Uint8Array): void;
  /** Answers one asker by unicast (RFC 6762 §5.4, §6.7). Never throws. */
  sendTo(packet: Uint8Array, remote: SocketAddress): void;
  close(): void;
}
