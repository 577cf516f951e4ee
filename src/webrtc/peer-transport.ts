/**
 * The one place where a session meets the machine it runs on: sockets, one timer, DNS and mDNS.
 *
 * Everything that is asynchronous about a connection's transport is here; what it means is decided in `session/`.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { DtlsCertificate } from '../dtls/index.ts';
import { addressFamily, canonicalAddress, type SocketAddress } from '../ice/address.ts';
import { type IceCandidate, type IceCredentials, type IceTransportPolicy, MAX_STUN_SERVERS } from '../ice/index.ts';
import type { NetworkInterface, Runtime, TimerHandle, UdpSocket } from '../runtime/runtime.ts';
import { Session, type SessionEvent, type SessionParameters } from '../session/index.ts';
import { isBlockedPort } from './blocked-ports.ts';
import { type IceTcpOptions, IceTcpSocket } from './ice-tcp.ts';
import { MdnsService } from './mdns-service.ts';
import { type RelayServer, Relays, SERVER_UNREACHABLE } from './relays.ts';
import type { ServerTransport } from './server-link.ts';
import type { PeerConnectionSettings } from './settings.ts';
import type { SharedListenerMember, SharedTcpListener } from './shared-tcp-listener.ts';
import type { SharedSocketMember } from './shared-udp-socket.ts';

/**
 * Bound: host addresses used. A machine with hundreds of container bridges would otherwise open a socket on each and
 * give the peer hundreds of candidates, of which it checks no more than 100 pairs (RFC 8445 §6.1.2.5).
 */
const MAX_HOST_ADDRESSES = 16;

export type PeerTransportOptions = {
  readonly runtime: Runtime;
  readonly crypto: CryptoProvider;
  readonly certificate: DtlsCertificate;
  readonly controlling: boolean;
  readonly localCredentials?: IceCredentials;
  readonly servers: readonly ServerAddress[];
  readonly transportPolicy: IceTransportPolicy;
  readonly settings: PeerConnectionSettings;
  /** RFC 7022. */
  readonly cname: string;
};

/**
 * Bound on how long gathering waits for TURN servers: as long as for STUN servers by default, which is what browsers allow.
 * Those that have not answered by then are given up.
 */
const RELAY_GATHERING_MS = 9_500;

/** A STUN server as the application named it (`ice-server-url.ts`); with `turn`, a TURN server. */
export type ServerAddress = {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly turn?: { readonly transport: ServerTransport; readonly username: string; readonly credential: string };
};

/** Where the datagrams of one local address come and go. */
type LocalSocket = Pick<UdpSocket, 'localAddress' | 'send' | 'close'>;

export class PeerTransport {
  readonly session: Session;
  readonly #options: PeerTransportOptions;
  readonly #runtime: Runtime;
  readonly #sockets = new Map<number, LocalSocket>();
  readonly #mdns: MdnsService;
  readonly #relays: Relays;
  readonly #onEvent: (event: SessionEvent) => void;
  #sharedMember: SharedSocketMember | null = null;
  #listenerMember: SharedListenerMember | null = null;
  #lastSocketId = 0;
  #servers: readonly ServerAddress[];
  #timer: TimerHandle | null = null;
  /** When the timer, or the end of this turn, will call the session. */
  #wakesAt = Infinity;
  #turnQueued = false;
  #gatherings = 0;
  #closed = false;

  /** @param onEvent called while the session's state is settled; may call back in */
  constructor(options: PeerTransportOptions, onEvent: (event: SessionEvent) => void) {
    this.#options = options;
    this.#onEvent = onEvent;
    this.#runtime = options.runtime;
    this.#servers = options.servers;
    this.#mdns = MdnsService.of(options.runtime);
    const { settings } = options;
    this.session = new Session(
      {
        crypto: options.crypto,
        random: options.runtime.random,
        certificate: options.certificate,
        mtu: settings.mtu,
        maxMessageSize: settings.maxMessageSize,
        sctp: settings.sctp,
        dtls: { keylog: settings.keylog },
        media: { ...settings.media, cname: options.cname, unixOffsetMs: Date.now() - options.runtime.now() },
        ice: {
          controlling: options.controlling,
          lite: settings.iceLite,
          localCredentials: options.localCredentials,
          transportPolicy: options.transportPolicy,
          candidateFilter: settings.candidateFilter,
          timing: settings.iceTiming,
        },
      },
      {
        transmit: (packet, socketId, remote) => {
          const socket = this.#sockets.get(socketId);
          if (socket !== undefined) socket.send(packet, remote);
          else this.#relays.send(packet, socketId, remote);
        },
        event: (event) => {
          if (!this.#closed) onEvent(event);
        },
      },
    );
    this.#relays = new Relays(
      {
        runtime: options.runtime,
        crypto: options.crypto,
        nextSocketId: () => ++this.#lastSocketId,
        trustedCertificates: settings.trustedCertificates,
        bindTo: () => (settings.interfaceFilter ? this.#hostAddresses().map(({ address }) => address) : []),
      },
      {
        opened: (socket) => this.run((session, now) => session.ice.addSocket(socket, now)),
        receive: (packet, socketId, remote) => this.#receive(packet, socketId, remote),
        ended: (socketId) => {
          if (!this.#closed) this.run((session, now) => session.ice.removeSocket(socketId, now));
        },
        failed: (socketId, url, errorCode, errorText) => this.#tellServerError(socketId, url, errorCode, errorText),
      },
    );
  }

  /** Milliseconds on the session's clock. */
  now(): number {
    return this.#runtime.now();
  }

  /** Calls into the session and its parts, delivers what came of it, and sees to the timer. */
  run<Result>(call: (session: Session, now: number) => Result): Result {
    const now = this.#runtime.now();
    try {
      const result = call(this.session, now);
      this.session.settle(now);
      return result;
    } finally {
      this.#schedule();
    }
  }

  start(parameters: SessionParameters): void {
    this.run((session, now) => session.start(parameters, now));
  }

  /** What the next gathering goes by (setConfiguration). */
  configure({ servers, transportPolicy }: Pick<PeerTransportOptions, 'servers' | 'transportPolicy'>): void {
    this.#servers = servers;
    this.session.ice.setTransportPolicy(transportPolicy);
  }

  /**
   * Starts gathering, the first time or after an ICE restart: binds the addresses this machine has now, lets go of those
   * it has no longer, and asks the STUN servers.
   */
  gather(): void {
    const gathering = ++this.#gatherings;
    for (const socket of this.#sockets.values()) if (socket instanceof IceTcpSocket) socket.prune();
    this.run((session, now) => {
      session.ice.removeServers();
      session.ice.gather(now);
    });
    void this.#gather(gathering, this.#servers);
  }

  /**
   * Gives the agent a candidate of the peer. A `.local` name is looked up first; other names are ignored: an agent "MUST
   * ignore candidate lines that include candidates with FQDNs" unless it is mDNS (RFC 8839 §5.1).
   */
  addRemoteCandidate(candidate: IceCandidate): void {
    if (candidate.protocol === 'tcp' && !this.#mayConnectTo(candidate)) return;
    if (addressFamily(candidate.address) !== 0) {
      this.run((session, now) => session.ice.addRemoteCandidate(candidate, now));
      return;
    }
    if (this.#options.settings.mdns === 'off') return;
    const generation = this.session.ice.remoteCredentials?.usernameFragment;
    this.#mdns.resolve(candidate.address, this, (address) => {
      if (this.#closed || this.session.ice.remoteCredentials?.usernameFragment !== generation) return;
      this.run((session, now) => session.ice.addRemoteCandidate(candidate, now, address));
    });
  }

  /** An active TCP candidate is no address to connect to, and its name not worth asking for. */
  #mayConnectTo({ tcpType, port }: IceCandidate): boolean {
    return this.#options.settings.iceTcp !== 'off' && tcpType === 'passive' && !isBlockedPort(port);
  }

  /** Ends the session and frees every socket, timer and name. No event follows. */
  close(): void {
    if (this.#closed) return;
    this.session.close(this.now());
    this.#closed = true;
    if (this.#timer !== null) this.#runtime.clearTimer(this.#timer);
    this.#timer = null;
    this.#mdns.release(this);
    this.#relays.close();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  // The clock: one timer for the whole session.

  #schedule(): void {
    if (this.#closed) return;
    const due = this.session.nextTimeout;
    if (due >= this.#wakesAt) return; // whoever wakes earlier asks again
    const delay = due - this.#runtime.now();
    if (delay <= 0) {
      // Something waits to be sent: at the end of this turn, with whatever else the turn brings.
      if (this.#turnQueued) return;
      this.#turnQueued = true;
      this.#runtime.queueTurn(this.#endTurn);
      return;
    }
    if (this.#timer !== null) this.#runtime.clearTimer(this.#timer);
    this.#wakesAt = due;
    this.#timer = this.#runtime.setTimer(delay, this.#wake);
  }

  readonly #endTurn = (): void => {
    this.#turnQueued = false;
    if (this.#closed) return;
    this.session.handleTimeout(this.#runtime.now());
    this.#schedule();
  };

  readonly #wake = (): void => {
    this.#timer = null;
    this.#wakesAt = Infinity;
    if (this.#closed) return;
    this.session.handleTimeout(this.#runtime.now());
    this.#schedule();
  };

  #receive(packet: Uint8Array, socketId: number, remote: SocketAddress): void {
    if (this.#closed) return;
    this.session.handlePacket(packet, socketId, remote, this.#runtime.now());
    this.#schedule();
  }

  // Gathering

  async #gather(gathering: number, wanted: readonly ServerAddress[]): Promise<void> {
    const { udpSocket, tcpListener } = this.#options.settings;
    if (udpSocket) this.#joinSharedSocket();
    else await this.#bindInterfaces();
    if (tcpListener && !this.#closed) this.#joinSharedListener(tcpListener);
    const stun = wanted.filter(({ turn }) => turn === undefined).slice(0, MAX_STUN_SERVERS);
    const turn = wanted.filter((server) => server.turn !== undefined).slice(0, MAX_STUN_SERVERS);
    const relaysDone = this.#openRelays(gathering, turn);
    const servers = await Promise.all(stun.map((server) => this.#resolveServer(server)));
    if (this.#closed || gathering !== this.#gatherings) return;
    this.run((session, now) => {
      for (const server of servers.flat().slice(0, MAX_STUN_SERVERS)) session.ice.addServer(server, now);
    });
    await relaysDone;
    if (this.#closed || gathering !== this.#gatherings) return;
    this.run((session, now) => session.ice.endOfLocalSockets(now));
  }

  /** Allocations on these servers and no others. Resolves when each was answered, or has been waited for long enough. */
  async #openRelays(gathering: number, servers: readonly ServerAddress[]): Promise<void> {
    const resolved = await Promise.all(
      servers.map(async (server): Promise<RelayServer[]> => {
        const addresses = await this.#resolveServer(server);
        return addresses.map((address) => ({ ...address, host: server.host, ...server.turn! }));
      }),
    );
    if (this.#closed || gathering !== this.#gatherings) return;
    const opened = this.#relays.use(resolved.flat());
    if (resolved.flat().length === 0) return opened;
    let timer: TimerHandle | null = null;
    const late = new Promise<void>((resolve) => {
      timer = this.#runtime.setTimer(RELAY_GATHERING_MS, () => {
        this.#relays.giveUp();
        resolve();
      });
    });
    await Promise.race([opened, late]); // close() settles the first
    if (timer !== null) this.#runtime.clearTimer(timer);
  }

  async #bindInterfaces(): Promise<void> {
    const wanted = this.#hostAddresses();
    for (const [socketId, socket] of this.#sockets) {
      if (socket === this.#listenerMember?.socket) continue;
      if (wanted.some(({ address }) => address === socket.localAddress.address)) continue;
      this.#removeSocket(socketId);
    }
    const own = [...this.#sockets.values()].filter((socket) => socket !== this.#listenerMember?.socket);
    const bound = new Set(own.map((socket) => socket.localAddress.address));
    const missing = wanted.filter(({ address }) => !bound.has(address)).map(({ address }) => address);
    const sockets = await Promise.all([
      ...missing.map((address) => this.#bind(address)),
      ...missing.flatMap((address) => this.#bindTcp(address)),
    ]);
    if (this.#closed) {
      for (const bound of sockets) bound?.socket.close();
      return;
    }
    for (const bound of sockets) if (bound !== null) this.#addSocket(bound.socketId, bound.socket);
  }

  async #bind(address: string): Promise<{ socketId: number; socket: UdpSocket } | null> {
    const socketId = ++this.#lastSocketId;
    try {
      const socket = await this.#runtime.bindUdp({
        address,
        ...(this.#options.settings.portRange ? { portRange: this.#options.settings.portRange } : {}),
        onPacket: (packet, remote) => this.#receive(packet, socketId, remote),
        onError: () => this.#removeSocket(socketId),
      });
      return { socketId, socket };
    } catch {
      return null; // an address that went away meanwhile, or a port range that is used up: one candidate less
    }
  }

  /** The TCP candidates of an address, by the setting `iceTcp`. */
  #bindTcp(address: string): Promise<{ socketId: number; socket: IceTcpSocket } | null>[] {
    const { iceTcp = 'active', portRange, tcpListener, iceLite } = this.#options.settings;
    const bind = async (tcpType: 'active' | 'passive'): Promise<{ socketId: number; socket: IceTcpSocket } | null> => {
      const socketId = ++this.#lastSocketId;
      const options = this.#tcpOptions(socketId);
      if (tcpType === 'active') return { socketId, socket: IceTcpSocket.active(address, options) };
      return IceTcpSocket.passive(address, portRange, options).then(
        (socket) => ({ socketId, socket }),
        () => null, // as for UDP: one candidate less
      );
    };
    if (iceTcp === 'off') return [];
    return [
      ...(iceLite ? [] : [bind('active')]), // a lite agent connects to nobody (RFC 6544 §4.4)
      ...(iceTcp === 'all' && !tcpListener ? [bind('passive')] : []),
    ];
  }

  #tcpOptions(socketId: number): IceTcpOptions {
    return {
      runtime: this.#runtime,
      receive: (packet, remote) => this.#receive(packet, socketId, remote),
      isAuthorized: (remote) => this.session.ice.isAuthorizedPath(socketId, remote),
      lost: (remote) => this.run((session, now) => session.ice.connectionLost(socketId, remote, now)),
    };
  }

  #joinSharedListener(listener: SharedTcpListener): void {
    const { usernameFragment } = this.session.ice.localCredentials;
    if (this.#listenerMember !== null) {
      this.#listenerMember.addUsernameFragment(usernameFragment);
      return;
    }
    const socketId = ++this.#lastSocketId;
    this.#listenerMember = listener.join(this.#tcpOptions(socketId));
    this.#listenerMember.addUsernameFragment(usernameFragment);
    this.#addSocket(socketId, this.#listenerMember.socket);
  }

  #joinSharedSocket(): void {
    const shared = this.#options.settings.udpSocket!;
    const { usernameFragment } = this.session.ice.localCredentials;
    if (this.#sharedMember !== null) {
      this.#sharedMember.addUsernameFragment(usernameFragment);
      return;
    }
    const socketId = ++this.#lastSocketId;
    this.#sharedMember = shared.join({
      receive: (packet, remote) => this.#receive(packet, socketId, remote),
      isAuthorized: (remote) => this.session.ice.isAuthorizedPath(socketId, remote),
    });
    this.#sharedMember.addUsernameFragment(usernameFragment);
    this.#addSocket(socketId, this.#sharedMember);
  }

  #addSocket(socketId: number, socket: LocalSocket): void {
    const { address, port } = socket.localAddress;
    const mdnsName = this.#options.settings.mdns === 'offer' ? this.#mdns.offer(address, this) : undefined;
    if (mdnsName === null) {
      socket.close(); // no name left to hide the address behind: one candidate less
      return;
    }
    this.#sockets.set(socketId, socket);
    const tcp = socket instanceof IceTcpSocket && {
      tcpType: socket.tcpType,
      isSilent: socket.tcpType === 'active' && this.#options.settings.iceTcp !== 'all',
    };
    this.run((session, now) => session.ice.addSocket({ type: 'host', socketId, address, port, mdnsName, ...tcp }, now));
  }

  #removeSocket(socketId: number): void {
    const socket = this.#sockets.get(socketId);
    if (socket === undefined) return;
    this.#sockets.delete(socketId);
    socket.close();
    this.run((session, now) => session.ice.removeSocket(socketId, now));
  }

  /** Which of the machine's addresses become host candidates (RFC 8445 §5.1.1.1). */
  #hostAddresses(): NetworkInterface[] {
    const { loopback = 'auto', interfaceFilter } = this.#options.settings;
    const usable = this.#runtime.networkInterfaces().filter(({ linkLocal }) => !linkLocal);
    const external = usable.filter(({ internal }) => !internal);
    const withLoopback = loopback === true || (loopback === 'auto' && external.length === 0);
    const chosen = (withLoopback ? usable : external).filter((candidate) => interfaceFilter?.(candidate) ?? true);
    return chosen.slice(0, MAX_HOST_ADDRESSES);
  }

  /** A server with several addresses is asked at each. One that has none is left out. */
  async #resolveServer({ host, port, url }: ServerAddress): Promise<(SocketAddress & { url: string })[]> {
    const literal = canonicalAddress(host);
    if (literal !== null) return [{ address: literal, port, url }];
    if (host === 'localhost') return ['127.0.0.1', '::1'].map((address) => ({ address, port, url }));
    const found = await Promise.all([this.#runtime.lookup(host, 4), this.#runtime.lookup(host, 6)]);
    const addresses = found.map(([first]) => first).filter((address) => address !== undefined);
    if (addresses.length === 0) this.#tellServerError(0, url, SERVER_UNREACHABLE, `${host} could not be resolved.`);
    return addresses.map((address) => ({ address, port, url }));
  }

  #tellServerError(socketId: number, url: string, errorCode: number, errorText: string): void {
    if (this.#closed) return;
    this.#onEvent({ kind: 'ice', event: { kind: 'candidateError', socketId, url, errorCode, errorText } });
  }
}
