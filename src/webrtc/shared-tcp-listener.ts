/**
 * One TCP port for many connections, as `SharedUdpSocket` is for UDP: a server behind a firewall listens at a single port,
 * and each connection given this listener (`PeerConnectionSettings.tcpListener`) has a passive candidate there (RFC 6544).
 *
 * Whom a TCP connection is for is said by its first packet: a check, whose USERNAME begins with the username fragment of
 * the one that is asked (RFC 8445 §7.2.2). It stays theirs, whatever comes later.
 */
import type { SocketAddress } from '../ice/address.ts';
import { PacketDeframer } from '../ice/index.ts';
import { defaultRuntime } from '../runtime/default.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { TcpHandlers, TcpListener, TcpSocket } from '../runtime/tcp.ts';
import { parseStun, readText, STUN_ATTRIBUTE } from '../stun/index.ts';
import { type AcceptedConnection, type IceTcpOptions, IceTcpSocket } from './ice-tcp.ts';

/** How long a connection may take to say whom it is for, and how much it may send until then: a check has about 100 bytes. */
const INTRODUCTION_MS = 10_000;
const MAX_INTRODUCTION_BYTES = 2048;
/** Bound: username fragments per connection, the oldest is forgotten first. A restart needs two: ours, and the one before. */
const MAX_USERNAME_FRAGMENTS = 4;

export type SharedTcpListenerOptions = {
  /** The IP literal to listen at, one of this machine's own: it becomes the candidate's address, so not the wildcard. */
  readonly address: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** TCP connections open at a time; those past it are reset. Default 4,096. */
  readonly maxConnections?: number;
  /** Default: the runtime this code runs on. */
  readonly runtime?: Runtime;
};

export class SharedTcpListener {
  readonly #runtime: Runtime;
  readonly #members = new Map<string, SharedListenerMember>();
  #listener: TcpListener | null = null;

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** @throws Error when the address is not ours or the port is taken */
  static async listen(options: SharedTcpListenerOptions): Promise<SharedTcpListener> {
    const { address, port, maxConnections, runtime = defaultRuntime() } = options;
    const shared = new SharedTcpListener(runtime);
    shared.#listener = await runtime.listenTcp({
      address,
      ...(port !== undefined && { port }),
      ...(maxConnections !== undefined && { maxConnections }),
      onConnection: (socket) => shared.#introduce(socket),
    });
    return shared;
  }

  /** Where it listens. Throws after `close`. */
  get localAddress(): SocketAddress {
    return this.#open().localAddress;
  }

  /** How many connections use it now. */
  get size(): number {
    return new Set(this.#members.values()).size;
  }

  /** A connection's share; closing it leaves the port open. */
  join(options: IceTcpOptions): SharedListenerMember {
    return new SharedListenerMember(this.#open().localAddress, this.#members, options);
  }

  /** Frees the port. TCP connections that are open stay. */
  close(): void {
    this.#listener?.close();
    this.#listener = null;
  }

  #open(): TcpListener {
    if (this.#listener === null) throw new TypeError('this SharedTcpListener was closed: listen with a new one');
    return this.#listener;
  }

  /** Waits for the first packet, and hands the connection to whom that names. */
  #introduce(socket: TcpSocket): TcpHandlers {
    const deframer = new PacketDeframer();
    let owner: AcceptedConnection | null = null;
    let isOver = false;
    const turnAway = (): void => {
      isOver = true;
      this.#runtime.clearTimer(timer);
      socket.close();
    };
    const timer = this.#runtime.setTimer(INTRODUCTION_MS, turnAway);
    return {
      onData: (bytes) => {
        deframer.push(bytes, (packet) => {
          if (isOver) return;
          if (owner === null) {
            owner = this.#memberFor(packet)?.socket.accept(socket) ?? null;
            this.#runtime.clearTimer(timer);
          }
          if (owner === null) turnAway();
          else owner.onPacket(packet);
        });
        if (owner === null && !isOver && socket.stats.bytesReceived > MAX_INTRODUCTION_BYTES) turnAway();
      },
      onClose: () => {
        this.#runtime.clearTimer(timer);
        owner?.onClose();
      },
    };
  }

  #memberFor(packet: Uint8Array): SharedListenerMember | undefined {
    const message = parseStun(packet);
    if (message?.messageClass !== 'request') return undefined;
    const fragment = readText(message, STUN_ATTRIBUTE.username)?.split(':', 1)[0];
    return fragment === undefined ? undefined : this.#members.get(fragment);
  }
}

/** What one connection has of a shared listener. */
export class SharedListenerMember {
  /** To ICE, a socket like others. */
  readonly socket: IceTcpSocket;
  readonly #members: Map<string, SharedListenerMember>;
  /** In order of age. */
  readonly #fragments = new Set<string>();

  constructor(localAddress: SocketAddress, members: Map<string, SharedListenerMember>, options: IceTcpOptions) {
    this.#members = members;
    this.socket = IceTcpSocket.accepting({ localAddress, close: () => this.#leave() }, options);
  }

  /** @throws RangeError when it belongs to another connection */
  addUsernameFragment(usernameFragment: string): void {
    const owner = this.#members.get(usernameFragment);
    if (owner !== undefined && owner !== this) {
      throw new RangeError(
        `the username fragment '${usernameFragment}' belongs to another connection on this listener`,
      );
    }
    this.#members.set(usernameFragment, this);
    this.#fragments.delete(usernameFragment);
    this.#fragments.add(usernameFragment);
    if (this.#fragments.size <= MAX_USERNAME_FRAGMENTS) return;
    const [oldest] = this.#fragments;
    this.#fragments.delete(oldest!);
    this.#members.delete(oldest!);
  }

  #leave(): void {
    for (const fragment of this.#fragments) this.#members.delete(fragment);
    this.#fragments.clear();
  }
}
