/**
 * A TURN and STUN server on this machine: the machine of `src/turn`, the sockets it wants, one timer, and what must be bounded
 * where sockets are: strangers, connections, slow readers.
 */
import { defaultRuntime } from '../../runtime/default.ts';
import type { Runtime, TimerHandle } from '../../runtime/runtime.ts';
import type { TlsServerOptions } from '../../runtime/tcp.ts';
import { addressFamily, isUnspecified, type SocketAddress } from '../../stun/index.ts';
import { DEFAULT_DENIED_PEERS, TurnServer, type TurnServerEvent } from '../../turn/index.ts';
import type { ClientFlow } from './client-flow.ts';
import { checkOptions, relayPortRangeOf, type TurnListenOptions, type TurnServiceOptions } from './options.ts';
import { isPrivate, type RelayAddress, relayAddressesOf } from './relay-addresses.ts';
import { RelaySockets } from './relay-sockets.ts';
import { readStats, type TurnServiceStats } from './service-stats.ts';
import { urlsOf } from './service-urls.ts';
import { SessionCredentials } from './session-credentials.ts';
import { StrangerLimit } from './stranger-limit.ts';
import { StreamClients } from './stream-clients.ts';
import { UdpClients } from './udp-clients.ts';

const DEFAULT_MAX_ALLOCATIONS_PER_USER = 128;
const DEFAULT_MAX_CONNECTIONS = 4096;
const DEFAULT_MAX_CONNECTIONS_PER_ADDRESS = 256;
const DEFAULT_IDLE_TIMEOUT_MS = 30_000;
const DEFAULT_STRANGER_REQUESTS_PER_SECOND = 100;
/** About 3,000 full datagrams of all clients together, while the process is busy elsewhere. */
const DEFAULT_RECEIVE_BUFFER_BYTES: number = 4 * 1024 * 1024;
const DEFAULT_RELAY_RECEIVE_BUFFER_BYTES: number = 512 * 1024;

/** As `RTCConfiguration.iceServers` takes it. */
export type IceServer = {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
};

export class TurnService {
  readonly #runtime: Runtime;
  readonly #addresses: readonly RelayAddress[];
  readonly #server: TurnServer;
  readonly #relays: RelaySockets;
  readonly #streams: StreamClients;
  readonly #strangers: StrangerLimit;
  readonly #sessions: SessionCredentials | null;
  readonly #idleTimeoutMs: number;
  readonly #onEvent: (event: TurnServerEvent) => void;
  /** Where clients reach us over UDP, for the machine never to relay to; filled as the listeners open. */
  readonly #ownAddresses: SocketAddress[] = [];
  readonly #udp: UdpClients[] = [];
  readonly #listening: (TurnListenOptions & { readonly bound: SocketAddress })[] = [];
  /** Sessions found to be over while a packet was worked on. */
  readonly #dead = new Set<string>();
  #urls: readonly string[] = [];
  #timer: TimerHandle | null = null;
  #timerAt = Infinity;
  #idleSweepAt = Infinity;
  #closing: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;
  #isClosed = false;

  /**
   * Opens all listeners.
   * @throws TypeError or RangeError for an option that is wrong
   * @throws Error when there is no public address to be found, or a listener cannot be opened
   */
  static async start(options: TurnServiceOptions): Promise<TurnService> {
    const service = new TurnService(options);
    try {
      await service.#listen(options);
    } catch (error) {
      await service.close();
      throw error;
    }
    return service;
  }

  private constructor(options: TurnServiceOptions) {
    checkOptions(options);
    const runtime = options.runtime ?? defaultRuntime();
    const { crypto, random } = runtime;
    const interfaces = runtime.networkInterfaces();
    const onError = options.onError ?? (() => {});
    this.#runtime = runtime;
    this.#addresses = relayAddressesOf(options, interfaces);
    this.#onEvent = options.onEvent ?? (() => {});
    this.#idleTimeoutMs = options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
    this.#strangers = new StrangerLimit(options.strangerRequestsPerSecond ?? DEFAULT_STRANGER_REQUESTS_PER_SECOND);
    const unixSeconds = options.unixSeconds ?? (() => Date.now() / 1000);
    const onDead = (sessionId: string): unknown => this.#dead.add(sessionId);
    this.#sessions =
      options.sessions === undefined
        ? null
        : new SessionCredentials(options.sessions, { crypto, random, unixSeconds, onDead });
    this.#relays = new RelaySockets({
      runtime,
      addresses: this.#addresses,
      portRange: relayPortRangeOf(options),
      receiveBufferBytes: options.relayReceiveBufferBytes ?? DEFAULT_RELAY_RECEIVE_BUFFER_BYTES,
      onOpen: (relayId, address) => this.#run((server, now) => server.relayOpened(relayId, address, now)),
      onFailure: (relayId, isFamilyServed) =>
        this.#run((server, now) => server.relayFailed(relayId, now, isFamilyServed ? 508 : 440)),
      onPacket: (packet, relayId, peer) => this.#server.handleRelayPacket(packet, relayId, peer, runtime.now()),
      onError,
    });
    this.#streams = new StreamClients({
      runtime,
      maxConnections: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
      maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? DEFAULT_MAX_CONNECTIONS_PER_ADDRESS,
      idleTimeoutMs: this.#idleTimeoutMs,
      onOpen: () => this.#arm(),
      onMessage: (packet, flow) => this.#receive(packet, flow),
      onClose: (flow) => this.#run((server) => server.closeFlow(flow.id)),
      onError,
    });
    const resolvers = [...(this.#sessions === null ? [] : [this.#sessions.resolve]), ...(options.credentials ?? [])];
    // The machine's own addresses too: what listens there may be firewalled towards the Internet, and not towards itself.
    const own = [...interfaces, ...this.#addresses.map((address) => ({ address: address.public }))];
    this.#server = new TurnServer(
      {
        crypto,
        random,
        realm: options.realm,
        software: options.software,
        allowedPeers: options.allowedPeers,
        nonceLifetimeSeconds: options.nonceLifetimeSeconds,
        maxAllocations: options.maxAllocations,
        maxBytesPerSecond: options.maxBytesPerSecond,
        credentials: (username, request) => {
          for (const resolve of resolvers) {
            const credential = resolve(username, request);
            if (credential !== null) return credential;
          }
          return null;
        },
        families: this.#addresses.map(({ family }) => family),
        deniedPeers: [...(options.deniedPeers ?? DEFAULT_DENIED_PEERS), ...own.map(({ address }) => address)],
        ownAddresses: this.#ownAddresses,
        maxAllocationsPerUser: options.maxAllocationsPerUser ?? DEFAULT_MAX_ALLOCATIONS_PER_USER,
      },
      {
        transmit: (packet, flow) => (flow as ClientFlow).send(packet), // every flow is one that we made
        openRelay: (request) => this.#relays.open(request),
        closeRelay: (relayId) => this.#relays.close(relayId),
        relay: (packet, relayId, peer) => this.#relays.send(packet, relayId, peer),
        event: (event) => this.#handle(event),
      },
    );
  }

  /** What is listened at, with the ports that the system gave. */
  get listening(): readonly { readonly protocol: TurnListenOptions['protocol']; readonly address: SocketAddress }[] {
    return this.#listening.map(({ protocol, bound }) => ({ protocol, address: bound }));
  }

  /** The addresses that peers are told, and what is to be said of them: an operator should see it at the start. */
  get publicAddresses(): readonly { readonly address: string; readonly isPrivate: boolean }[] {
    return this.#addresses.map((address) => ({ address: address.public, isPrivate: isPrivate(address.public) }));
  }

  /** What is handed out, with or without credentials: `stun:`, `turn:` and `turns:`. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** Numbers for a monitor: all but `allocations`, `connections` and `relays` only grow. */
  get stats(): TurnServiceStats {
    return readStats(this.#server, this.#relays, this.#streams, this.#strangers, this.#udp);
  }

  /**
   * What to tell a client with that signaling session: the STUN and TURN URLs, and credentials that end with the session.
   * @throws TypeError when the service was started without `sessions`
   */
  iceServersFor(sessionId: string): IceServer[] {
    if (this.#sessions === null) throw new TypeError('iceServersFor needs the option `sessions`');
    const { username, password } = this.#sessions.issue(sessionId);
    const isStun = (url: string): boolean => /^stuns?:/.test(url);
    const stun = this.#urls.filter(isStun);
    const turn = this.#urls.filter((url) => !isStun(url));
    return [
      ...(stun.length > 0 ? [{ urls: stun }] : []),
      ...(turn.length > 0 ? [{ urls: turn, username, credential: password }] : []),
    ];
  }

  /**
   * Ends all allocations of a session, or of a user, at once.
   * @param user a session's name, a username, or an ephemeral credential's name
   * @returns how many there were
   */
  revoke(user: string): number {
    return this.#run((server) => server.revoke(user));
  }

  /**
   * Shows another certificate to whoever connects over TLS from now on, before the old one runs out; connections stay.
   * @throws TypeError for one that cannot be read, Error for one that the key is not for: the old one stays
   */
  setCertificate(tls: TlsServerOptions): Promise<void> {
    return this.#streams.setCertificate(tls);
  }

  /**
   * Ends it: listeners, connections, allocations, the timer.
   * @param graceMs how long allocations may go on, while new ones are refused; it ends when the last one does. Default 0
   */
  close({ graceMs = 0 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    this.#server.drain();
    this.#streams.stopListening();
    if (graceMs > 0 && this.#server.allocationCount > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#runtime.setTimer(graceMs, resolve);
        this.#onEmpty = () => {
          this.#runtime.clearTimer(timer);
          resolve();
        };
      });
    }
    this.#isClosed = true;
    this.#server.close();
    this.#streams.close();
    for (const udp of this.#udp) udp.close();
    if (this.#timer !== null) this.#runtime.clearTimer(this.#timer);
  }

  async #listen(options: TurnServiceOptions): Promise<void> {
    const onError = options.onError ?? (() => {});
    const receiveBufferBytes = options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER_BYTES;
    // UDP first: it is what most clients ask, and TCP and TLS are for those that it does not reach.
    const listen = [...options.listen].sort((a, b) => Number(a.protocol !== 'udp') - Number(b.protocol !== 'udp'));
    for (const [index, one] of listen.entries()) {
      let bound: SocketAddress;
      if (one.protocol === 'udp') {
        const onMessage = (packet: Uint8Array, flow: ClientFlow): void => this.#receive(packet, flow);
        const clients = await UdpClients.listen(this.#runtime, one, `udp${index}`, {
          receiveBufferBytes,
          onMessage,
          onError,
        });
        this.#udp.push(clients);
        bound = clients.localAddress;
        for (const address of this.#reachedAt(bound.address)) this.#ownAddresses.push({ ...bound, address });
      } else {
        bound = await this.#streams.listen(one);
      }
      this.#listening.push({ ...one, bound });
    }
    this.#urls = options.urls ?? urlsOf(this.#listening, options.hostname, this.#addresses);
  }

  #reachedAt(bound: string): string[] {
    const family = addressFamily(bound);
    const own = isUnspecified(bound) ? this.#runtime.networkInterfaces() : [{ address: bound, family }];
    const all = [...own, ...this.#addresses.map((one) => ({ address: one.public, family: one.family }))];
    return [...new Set(all.filter((one) => one.family === family).map(({ address }) => address))];
  }

  #receive(packet: Uint8Array, flow: ClientFlow): void {
    const now = this.#runtime.now();
    if (!this.#server.hasAllocation(flow.id) && !this.#strangers.admits(flow.remote.address, now)) return;
    this.#server.handlePacket(packet, flow, now);
    if (this.#dead.size > 0) this.#endDead();
    this.#arm();
  }

  /** Whoever shows a credential of a session that is over has nothing here any more. */
  #endDead(): void {
    const dead = [...this.#dead];
    this.#dead.clear();
    for (const sessionId of dead) this.#server.revoke(sessionId);
  }

  #handle(event: TurnServerEvent): void {
    this.#onEvent(event);
    if (event.kind === 'released' && this.#server.allocationCount === 0) this.#onEmpty?.();
  }

  #run<T>(call: (server: TurnServer, now: number) => T): T {
    const result = call(this.#server, this.#runtime.now());
    this.#arm();
    return result;
  }

  /** The timer is left alone where it comes early enough: it is asked after each packet. */
  #arm(): void {
    if (this.#isClosed) return;
    const now = this.#runtime.now();
    if (this.#streams.size > 0 && this.#idleSweepAt === Infinity) this.#idleSweepAt = now + this.#idleTimeoutMs / 2;
    const next = Math.min(this.#server.nextTimeout, this.#idleSweepAt);
    if (next >= this.#timerAt) return;
    if (this.#timer !== null) this.#runtime.clearTimer(this.#timer);
    this.#timerAt = next;
    this.#timer = this.#runtime.setTimer(next - now, () => this.#wake());
  }

  #wake(): void {
    this.#timer = null;
    this.#timerAt = Infinity;
    const now = this.#runtime.now();
    this.#server.handleTimeout(now);
    if (now >= this.#idleSweepAt) {
      this.#idleSweepAt = Infinity;
      this.#streams.closeIdle((flowId) => this.#server.hasAllocation(flowId), now);
    }
    this.#arm();
  }
}
