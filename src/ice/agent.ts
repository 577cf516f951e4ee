/**
 * The ICE agent (RFC 8445, 8838, 7675): finds a path to the peer and keeps asking whether it still holds.
 *
 *   sockets, servers ─► Gatherer ─► candidates ─► the peer
 *   the peer's candidates ─► RemoteCandidates ─► pairs ─► Checklist ─► Checks ─► transmit
 *   packets ─► RequestGate ─► an authentic request: learn, trigger, follow its nomination
 *           └► Checks ─────► an authentic answer: a valid pair, then the nominated one ─► Path with its Consent
 *
 * Every public method ends in `#settle`, which draws the conclusions: nominate, select, state, next timeout, events.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { EventQueue, type RandomSource } from '../machine.ts';
import { BINDING, parseStun } from '../stun/index.ts';
import { canonicalAddress, isCandidateAddress, type SocketAddress } from './address.ts';
import type { IceCandidate } from './candidate.ts';
import { Checks } from './checks.ts';
import { Connectivity } from './connectivity.ts';
import { Gatherer } from './gatherer.ts';
import { checkCredentials, Generation, newCredentials } from './generation.ts';
import { Generations } from './generations.ts';
import { RequestGate } from './request-gate.ts';
import { RoleKeeper } from './role.ts';
import { SelectedPath } from './selected-path.ts';
import { completeTiming, type IceTiming } from './timing.ts';
import { transportState } from './transport-state.ts';
import type {
  CandidateFilter,
  CandidatePair,
  IceAgentOptions,
  IceAgentSink,
  IceAgentStats,
  IceCredentials,
  IceEvent,
  IceGatheringState,
  IceRole,
  IceState,
  IceTransportPolicy,
  LocalCandidate,
  LocalSocket,
  RemoteCandidate,
  StunServer,
} from './types.ts';

export class IceAgent {
  readonly lite: boolean;
  readonly #stats: IceAgentStats = {
    malformedPackets: 0,
    unauthenticatedRequests: 0,
    unexpectedResponses: 0,
    requestsRefused: 0,
    remoteCandidatesIgnored: 0,
    pairsOverLimit: 0,
    roleConflicts: 0,
  };
  readonly #crypto: CryptoProvider;
  readonly #random: RandomSource;
  readonly #timing: IceTiming;
  readonly #filter: CandidateFilter | undefined;
  readonly #events: EventQueue<IceEvent>;
  readonly #role: RoleKeeper;
  readonly #generations: Generations;
  readonly #gatherer: Gatherer;
  readonly #checks: Checks;
  readonly #path: SelectedPath;
  readonly #connectivity: Connectivity;
  #state: IceState = 'new';
  #isRestarted = false;
  #nextTimeout = Infinity;

  /**
   * @throws TypeError for credentials that RFC 8839 §5.4 does not allow
   * @throws RangeError for timing that the RFCs forbid
   */
  constructor(options: IceAgentOptions, sink: IceAgentSink) {
    const { crypto, random, localCredentials, candidateFilter: filter } = options;
    if (localCredentials !== undefined) checkCredentials(localCredentials);
    const lite = options.lite ?? false;
    const timing = completeTiming(options.timing);
    const stats = this.#stats;
    const transmit: IceAgentSink['transmit'] = (packet, socketId, remote) => sink.transmit(packet, socketId, remote);
    const events = new EventQueue<IceEvent>((event) => sink.event(event));
    const role = new RoleKeeper(options.controlling ? 'controlling' : 'controlled', random);
    const generations = new Generations(new Generation(localCredentials ?? newCredentials(random), crypto));
    const checks = new Checks(random, timing, transmit);
    const gatherer = new Gatherer(
      { random, timing, lite, filter, software: options.software },
      options.transportPolicy ?? 'all',
      {
        transmit,
        event: (event) => events.push(event),
        baseReady: (base) => this.#connectivity.pairBase(base),
      },
    );
    const startCheck: Connectivity['startCheck'] = (...check) => this.#connectivity.startCheck(...check);
    const path = new SelectedPath({ lite, timing, random, generations, checks, events, startCheck });
    const gate = new RequestGate(stats, transmit);
    const parts = { lite, timing, filter, stats, events, transmit, role, generations, gatherer, checks, gate, path };
    this.lite = lite;
    this.#crypto = crypto;
    this.#random = random;
    this.#timing = timing;
    this.#filter = filter;
    this.#events = events;
    this.#role = role;
    this.#generations = generations;
    this.#gatherer = gatherer;
    this.#checks = checks;
    this.#path = path;
    this.#connectivity = new Connectivity(parts);
  }

  get stats(): Readonly<IceAgentStats> {
    return this.#stats;
  }

  get role(): IceRole {
    return this.#role.role;
  }

  get state(): IceState {
    return this.#state;
  }

  get gatheringState(): IceGatheringState {
    return this.#gatherer.state;
  }

  /** The current generation's; `restart` changes them. */
  get localCredentials(): IceCredentials {
    return this.#generations.current.local;
  }

  /** `null` until they are set, again after `restart`. */
  get remoteCredentials(): IceCredentials | null {
    return this.#generations.current.remote;
  }

  /** Where to send data now; `null` while there is no such path. */
  get selectedPair(): CandidatePair | null {
    return this.#path.pair;
  }

  /** Of the current generation, in order of discovery. */
  get localCandidates(): readonly LocalCandidate[] {
    return this.#gatherer.candidates;
  }

  get remoteCandidates(): readonly RemoteCandidate[] {
    return this.#generations.current.remoteCandidates.list;
  }

  /** Every pair of the current generation and, during a restart, the one still carrying data. */
  get pairs(): readonly CandidatePair[] {
    const { pairs } = this.#generations.current.checklist;
    const { pair, generation } = this.#path;
    return pair === null || generation === this.#generations.current ? pairs : [...pairs, pair];
  }

  /** When `handleTimeout` is next due, in ms on the caller's clock; `Infinity` when nothing is pending. */
  get nextTimeout(): number {
    return this.#nextTimeout;
  }

  // Our side: sockets and servers, in any order, also while checks run. Those that come when gathering is complete wait
  // for the next one: after end-of-candidates "an agent MUST NOT trickle any new candidates" (RFC 8838 §13).

  /** Starts gathering: candidates of the sockets there are, and of those still to come. Again after `restart`. */
  gather(now: number): void {
    if (this.#state === 'closed') return;
    this.#gatherer.start(this.#generations.current.usernameFragment);
    this.#settle(now);
  }

  /**
   * @throws TypeError when the address is not an IP literal or the id is taken
   * @throws RangeError past 64 sockets
   */
  addSocket(socket: LocalSocket, now: number): void {
    if (this.#state === 'closed') return;
    this.#gatherer.addSocket(socket);
    this.#settle(now);
  }

  /** The socket is gone, or can no longer send: its candidates and pairs end. */
  removeSocket(socketId: number, now: number): void {
    this.#gatherer.removeSocket(socketId);
    for (const { checklist } of this.#generations.all) {
      for (const pair of checklist.pairs.filter((each) => each.socketId === socketId)) checklist.remove(pair);
    }
    this.#checks.forget(({ pair }) => pair.socketId === socketId);
    this.#settle(now);
  }

  /**
   * @throws TypeError when the address is not an IP literal
   * @throws RangeError past 16 servers
   */
  addServer(server: StunServer, now: number): void {
    this.#gatherer.addServer(server);
    this.#settle(now);
  }

  /** Forgets the servers: the next gathering asks none but those added after. What was asked already may still answer. */
  removeServers(): void {
    this.#gatherer.removeServers();
  }

  /** Counts from the next gathering on: `restart` and `gather` bring it about (RFC 8829 §3.5.3). */
  setTransportPolicy(policy: IceTransportPolicy): void {
    this.#gatherer.transportPolicy = policy;
  }

  /** No more sockets or servers will come: gathering completes when the servers have answered or given up. */
  endOfLocalSockets(now: number): void {
    this.#gatherer.endOfLocalSockets();
    this.#settle(now);
  }

  // The peer's side, from signalling.

  setRole(role: IceRole): void {
    if (role === this.role) return;
    this.#role.set(role);
    this.#generations.current.checklist.reprioritize(role);
  }

  /** RFC 8445 §6.1.1: between a full and a lite agent, the full one "MUST take the controlling role". */
  setRemoteLite(lite: boolean): void {
    this.#connectivity.isRemoteLite = lite;
    if (lite !== this.lite) this.setRole(lite ? 'controlling' : 'controlled');
  }

  /**
   * The peer's credentials: checks begin.
   * @throws TypeError when others were set in this generation: the peer has restarted (RFC 8445 §9), `restart` comes first
   */
  setRemoteCredentials(credentials: IceCredentials, now: number): void {
    if (this.#state === 'closed') return;
    const { usernameFragment, password } = credentials;
    const generation = this.#generations.current;
    const known = generation.remote;
    if (known?.usernameFragment === usernameFragment && known.password === password) return;
    if (known !== null) throw new TypeError('the peer’s credentials have changed: call restart() before setting them');
    if (usernameFragment === '' || password === '')
      throw new TypeError('a username fragment and a password are needed');
    generation.setRemote({ usernameFragment, password }, this.#crypto);
    generation.pacExpiresAt = now + this.#timing.pacMs;
    this.#stats.remoteCandidatesIgnored += generation.remoteCandidates.retain(usernameFragment);
    for (const base of this.#gatherer.bases) this.#connectivity.pairBase(base);
    for (const check of generation.takeEarlyChecks()) this.#connectivity.acceptCheck(check, now);
    this.#settle(now);
  }

  /**
   * @param resolvedAddress the IP literal behind `candidate.address` where that is a name; such a candidate may come
   *   after end-of-candidates, for it was told before
   * @returns whether the candidate was taken
   */
  addRemoteCandidate(candidate: IceCandidate, now: number, resolvedAddress?: string): boolean {
    const { remoteCandidates, checklist } = this.#generations.current;
    const address = canonicalAddress(resolvedAddress ?? candidate.address);
    const isTaken = address !== null && this.#mayTake(candidate, address, resolvedAddress !== undefined);
    const remote = isTaken ? remoteCandidates.add(candidate, address) : null;
    if (remote === null) {
      this.#stats.remoteCandidatesIgnored++;
      return false;
    }
    for (const base of this.#gatherer.bases) {
      const learned = checklist.find(base.socket.socketId, remote.transportAddress);
      if (learned !== undefined && base.protocol === remote.protocol) learned.remote = remote; // it was peer-reflexive until now
      this.#connectivity.pair(base, remote);
    }
    checklist.reprioritize(this.role);
    this.#settle(now);
    return true;
  }

  endOfRemoteCandidates(now: number): void {
    this.#generations.current.endOfRemoteCandidates = true;
    this.#settle(now);
  }

  // The network.

  /** STUN packets only (`isStun`). */
  handlePacket(packet: Uint8Array, socketId: number, remote: SocketAddress, now: number): void {
    if (this.#state === 'closed') return;
    const message = parseStun(packet);
    if (message === null || message.method !== BINDING) {
      this.#stats.malformedPackets++;
      return;
    }
    switch (message.messageClass) {
      case 'request':
        // "for a session in progress" (RFC 8445 §7.3): answers of a failed agent would make the peer believe in the path.
        if (this.#state === 'failed') {
          this.#stats.requestsRefused++;
          return;
        }
        this.#connectivity.handleRequest(message, socketId, remote, now);
        break;
      case 'success':
      case 'error':
        if (this.#gatherer.handleResponse(message, socketId, remote, now)) break;
        if (this.#connectivity.handleResponse(message, socketId, remote, now)) break;
        this.#stats.unexpectedResponses++;
        return;
      case 'indication':
        return; // RFC 8445 §11: a keepalive has done its work by passing the NATs
      default:
        message.messageClass satisfies never;
    }
    this.#settle(now, true);
  }

  /**
   * Of a socket with a `tcpType`: the connection with that address could not be made, or has ended. A path that was in use is
   * lost with it.
   */
  connectionLost(socketId: number, remote: SocketAddress, now: number): void {
    if (this.#state === 'closed') return;
    this.#connectivity.connectionLost(socketId, remote);
    this.#settle(now);
  }

  /** Whether a datagram from there may be given to DTLS: the path was validated by a check and consent holds. */
  isAuthorizedPath(socketId: number, remote: SocketAddress): boolean {
    return this.#generations.isAuthorizedPath(socketId, remote);
  }

  handleTimeout(now: number): void {
    if (this.#state === 'closed') return;
    this.#path.handleTimeout(now);
    for (const check of this.#checks.handleTimeout(now)) this.#connectivity.checkFailed(check);
    this.#gatherer.handleTimeout(now);
    this.#settle(now, true);
  }

  /**
   * RFC 8445 §9, for our own restart and for the peer's. The selected pair keeps carrying data until the new generation
   * has one. Then call `gather`, and `setRemoteCredentials` with the peer's new ones.
   * @throws TypeError for credentials that RFC 8839 §5.4 does not allow, or that repeat the fragment or the password
   */
  restart(credentials: IceCredentials | undefined, now: number): void {
    if (this.#state === 'closed') return;
    const next = credentials ?? newCredentials(this.#random);
    const { usernameFragment, password } = this.#generations.current.local;
    checkCredentials(next);
    if (next.usernameFragment === usernameFragment || next.password === password) {
      throw new TypeError('a restart needs a new username fragment and a new password (RFC 8445 §9)');
    }
    const { pair, generation } = this.#path;
    this.#generations.restart(new Generation(next, this.#crypto), generation);
    this.#checks.forget((check) => check.pair !== pair);
    this.#gatherer.reset();
    this.#isRestarted = true;
    if (this.#state === 'failed') this.#setState('checking');
    this.#settle(now);
  }

  /** Forgets everything; the last event says `closed`. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#checks.forget(() => true);
    this.#gatherer.close();
    this.#generations.close();
    this.#path.close();
    this.#nextTimeout = Infinity;
    this.#setState('closed');
    this.#events.flush();
  }

  #mayTake(candidate: IceCandidate, address: string, isResolved: boolean): boolean {
    const { remote, endOfRemoteCandidates } = this.#generations.current;
    if (this.#state === 'closed' || this.#state === 'failed') return false;
    if (endOfRemoteCandidates && !isResolved) return false; // RFC 8838 §14: "MUST ignore any newly received candidates"
    // Of the peer's TCP candidates we can use those that take connections; the others connect to ours (RFC 6544 §6.2).
    if (candidate.protocol === 'tcp' && candidate.tcpType !== 'passive') return false;
    if (candidate.component !== 1 || candidate.port === 0) return false;
    if (!isCandidateAddress(address)) return false;
    const fragment = candidate.usernameFragment;
    if (fragment !== undefined && remote !== null && fragment !== remote.usernameFragment) return false;
    return this.#filter?.(candidate, 'remote') ?? true;
  }

  /** Draws the conclusions of whatever has happened. `mayTransmit` where the caller expects datagrams anyway. */
  #settle(now: number, mayTransmit = false): void {
    if (this.#state !== 'closed') {
      this.#generations.handleTimeout(now);
      if (this.#state !== 'failed') this.#decide(now, mayTransmit);
      this.#nextTimeout = this.#computeNextTimeout(now);
    }
    this.#events.flush();
  }

  #decide(now: number, mayTransmit: boolean): void {
    this.#connectivity.concludeWithoutChecks();
    this.#connectivity.nominateIfTime(now);
    this.#path.select(now);
    this.#setState(this.#computeState(now));
    if (this.#state === 'failed') {
      this.#checks.forget(() => true);
      this.#gatherer.stopKeepalives();
    } else if (mayTransmit) this.#connectivity.sendDue(now);
  }

  #computeState(now: number): IceState {
    const { checklist, remoteCandidates, nominated, endOfRemoteCandidates, pacExpiresAt } = this.#generations.current;
    const health = this.#path.health(now);
    // W3C webrtc §5.6.4: a restart is "effectively forgetting that connectivity was previously lost".
    const isForgotten = health === 'silent' && this.#path.generation !== this.#generations.current;
    return transportState({
      path: isForgotten ? 'none' : health,
      isConcluded: nominated !== null,
      hasRemoteCandidates: remoteCandidates.size > 0,
      isRestarted: this.#isRestarted,
      pairs: checklist.pairs.length,
      isPending: checklist.isPending,
      isGatheringComplete: this.gatheringState === 'complete',
      isEndOfRemoteCandidates: endOfRemoteCandidates,
      isPatienceOver: now >= pacExpiresAt,
    });
  }

  #computeNextTimeout(now: number): number {
    if (this.#state === 'failed') return Math.min(this.#gatherer.nextTimeout, this.#generations.nextTimeout);
    const { pacExpiresAt } = this.#generations.current;
    const { nominationAt } = this.#connectivity;
    return Math.min(
      this.#checks.nextTimeout,
      this.#gatherer.nextTimeout,
      this.#generations.nextTimeout,
      this.#path.nextTimeout(now),
      Math.max(now, this.#connectivity.nextTimeout),
      pacExpiresAt > now ? pacExpiresAt : Infinity,
      nominationAt > now ? nominationAt : Infinity,
    );
  }

  #setState(state: IceState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#events.push({ kind: 'state', state });
  }
}
