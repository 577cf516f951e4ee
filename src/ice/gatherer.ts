/**
 * Gathering (RFC 8445 §5.1, RFC 8838 §9): one host candidate per socket, and from every STUN server, over every socket of
 * its family, a server-reflexive one. The agent paces the queries; without servers nothing is ever sent.
 *
 *   gather        sockets, servers              answers              endOfLocalSockets and no query left
 *   ──┼─ gathering ─┼──────┼─── host candidates ──┼── srflx candidates ──┼─ complete
 */
import type { RandomSource } from '../machine.ts';
import { ClientTransaction, newTransactionId, type StunMessage, transactionKey } from '../stun/index.ts';
import { addressFamily, isLoopback, isUnspecified, type SocketAddress, sameSocketAddress } from './address.ts';
import { type CandidateType, candidatePriority } from './candidate.ts';
import { Foundations, isUsableBase, type LocalBase, LocalBases } from './local-bases.ts';
import { encodeServerRequest, readServerAnswer, type ServerQuery } from './server-query.ts';
import type { IceTiming } from './timing.ts';
import type {
  CandidateFilter,
  IceEvent,
  IceGatheringState,
  IceTransportPolicy,
  LocalCandidate,
  LocalSocket,
  StunServer,
} from './types.ts';

/** Bound: the application names the servers; each is asked from every socket. */
export const MAX_STUN_SERVERS = 16;
/** Bound: our sockets, what servers say about them and, largest, what the peer's answers reveal. Past it: not kept. */
const MAX_LOCAL_CANDIDATES = 256;
/** RFC 8445 §11: Tr. Bindings of reflexive candidates are kept alive this often until a path is chosen (§5.1.1.4). */
const KEEPALIVE_MS = 15_000;
/** W3C webrtc §4.8.2: "If no host candidate can reach the server, errorCode will be set to the value 701". */
const SERVER_UNREACHABLE = 701;
/** RFC 8839 §5.1: a related address that is not revealed. */
const HIDDEN_PORT = 9;

export type GathererOptions = {
  readonly random: RandomSource;
  readonly timing: IceTiming;
  readonly lite: boolean;
  readonly filter: CandidateFilter | undefined;
  readonly software: string | undefined;
};

export type GathererOutput = {
  transmit(packet: Uint8Array, socketId: number, remote: SocketAddress): void;
  event(event: IceEvent): void;
  /** A base has its first candidate and may be paired. */
  baseReady(base: LocalBase): void;
};

type Question = { readonly base: LocalBase; readonly server: StunServer; readonly isKeepalive: boolean };

export class Gatherer {
  readonly bases: LocalBases = new LocalBases();
  readonly #options: GathererOptions;
  readonly #output: GathererOutput;
  readonly #foundations = new Foundations();
  readonly #servers: StunServer[] = [];
  /** Of the next gathering, and of this one. */
  transportPolicy: IceTransportPolicy;
  #policy: IceTransportPolicy;
  #state: IceGatheringState = 'new';
  #usernameFragment = '';
  #candidates: LocalCandidate[] = [];
  /** What is still to be asked, in order; at most sockets × servers, twice. */
  #questions: Question[] = [];
  readonly #queries = new Map<string, ServerQuery>();
  /** Queries that brought a candidate, whose bindings are kept alive. */
  #answered: ServerQuery[] = [];
  #isEndOfSockets = false;
  #keepaliveAt = Infinity;

  constructor(options: GathererOptions, transportPolicy: IceTransportPolicy, output: GathererOutput) {
    this.#options = options;
    this.transportPolicy = transportPolicy;
    this.#policy = transportPolicy;
    this.#output = output;
  }

  get state(): IceGatheringState {
    return this.#state;
  }

  get candidates(): readonly LocalCandidate[] {
    return this.#candidates;
  }

  /** Whether `ask` has something to send. */
  get hasQuestions(): boolean {
    return this.#questions.length > 0;
  }

  get nextTimeout(): number {
    let next = this.#keepaliveAt;
    for (const { transaction, expiresAt } of this.#queries.values()) {
      next = Math.min(next, transaction.nextTimeout, expiresAt);
    }
    return next;
  }

  /** A new generation: what was gathered before is forgotten, the sockets and servers stay. */
  reset(): void {
    this.#state = 'new';
    for (const base of this.bases) base.paired = null;
    this.#candidates = [];
    this.#questions = [];
    this.#queries.clear();
    this.stopKeepalives();
  }

  close(): void {
    this.reset();
    this.bases.clear();
  }

  /** A path was chosen: reflexive candidates need not be kept alive any longer. */
  stopKeepalives(): void {
    this.#keepaliveAt = Infinity;
    this.#answered = [];
    this.#questions = this.#questions.filter(({ isKeepalive }) => !isKeepalive);
  }

  start(usernameFragment: string): void {
    if (this.#state !== 'new') return;
    this.#usernameFragment = usernameFragment;
    this.#policy = this.transportPolicy; // RFC 8829 §3.5.3: "the current setting at the start of each gathering phase"
    this.#isEndOfSockets = false;
    this.#setState('gathering');
    for (const base of this.bases) this.#offer(base);
  }

  addSocket(socket: LocalSocket): void {
    const base = this.bases.add(socket);
    const isSilent = socket.type === 'host' && socket.isSilent === true;
    if (this.#state === 'gathering' || (isSilent && this.#state === 'complete')) this.#offer(base);
  }

  removeSocket(socketId: number): void {
    this.bases.remove(socketId);
    this.#candidates = this.#candidates.filter((candidate) => candidate.socketId !== socketId);
    this.#questions = this.#questions.filter(({ base }) => base.socket.socketId !== socketId);
    this.#answered = this.#answered.filter(({ base }) => base.socket.socketId !== socketId);
    for (const [key, query] of this.#queries) {
      if (query.base.socket.socketId === socketId) this.#queries.delete(key);
    }
    this.#completeIfDone();
  }

  /** @throws TypeError when the address is not an IP literal; RangeError past 16 servers */
  addServer(server: StunServer): void {
    if (addressFamily(server.address) === 0) {
      throw new TypeError(`a STUN server's address must be an IP literal, got "${server.address}": resolve it first`);
    }
    if (this.#servers.some((known) => sameSocketAddress(known, server))) return;
    if (this.#servers.length >= MAX_STUN_SERVERS)
      throw new RangeError(`an ICE agent takes at most ${MAX_STUN_SERVERS} servers`);
    this.#servers.push(server);
    if (this.#state !== 'gathering') return;
    for (const base of this.bases) this.#enqueue(base, server);
  }

  /** The next gathering asks none but those added after. */
  removeServers(): void {
    this.#servers.length = 0;
  }

  endOfLocalSockets(): void {
    this.#isEndOfSockets = true;
    this.#completeIfDone();
  }

  /** Sends the next question; the caller sees to the pace (RFC 8445 §14.2). */
  ask(now: number): void {
    const question = this.#questions.shift();
    if (question === undefined) return;
    const { base, server, isKeepalive } = question;
    const { random, software, timing } = this.#options;
    const transactionId = newTransactionId(random);
    const request = encodeServerRequest(transactionId, software);
    const transmit = (packet: Uint8Array): void => this.#output.transmit(packet, base.socket.socketId, server);
    if (isKeepalive) {
      transmit(request); // the answer would tell nothing new
      return;
    }
    const transaction = new ClientTransaction(request, { rtoMs: this.#rtoMs() }, transmit, now);
    this.#queries.set(transactionKey(transactionId), {
      base,
      server,
      transaction,
      expiresAt: now + timing.gatheringMs,
    });
  }

  /** @returns whether the message answers one of our questions, from where it was asked */
  handleResponse(message: StunMessage, socketId: number, remote: SocketAddress, now: number): boolean {
    const key = transactionKey(message.transactionId);
    const query = this.#queries.get(key);
    if (query === undefined || query.base.socket.socketId !== socketId) return false;
    if (!sameSocketAddress(query.server, remote)) return false;
    const answer = readServerAnswer(message);
    if (answer === null) return false;
    this.#queries.delete(key);
    if (answer.kind === 'mapped') this.#addServerReflexive(query, answer.mapped, now);
    else this.#reportError(query, answer.error.code, answer.error.reason);
    this.#completeIfDone();
    return true;
  }

  handleTimeout(now: number): void {
    for (const [key, query] of this.#queries) {
      if (!query.transaction.handleTimeout(now) && now < query.expiresAt) continue;
      this.#queries.delete(key);
      this.#reportError(query, SERVER_UNREACHABLE, 'The STUN server did not answer.');
    }
    this.#completeIfDone();
    if (now < this.#keepaliveAt) return;
    this.#keepaliveAt = now + KEEPALIVE_MS;
    if (this.hasQuestions) return; // more than 15 s of questions: those keep the bindings alive
    for (const { base, server } of this.#answered) this.#questions.push({ base, server, isKeepalive: true });
  }

  /**
   * The candidate behind an address the peer saw a check come from (RFC 8445 §7.2.5.3.1): a known one, or a new
   * peer-reflexive one, which is not told to the peer. `null` when it is another socket's, or one too many.
   */
  mappedCandidate(base: LocalBase, mapped: SocketAddress, priority: number): LocalCandidate | null {
    const { socketId } = base.socket;
    const ofBase = this.#candidates.find(
      (candidate) => candidate.socketId === socketId && sameSocketAddress(transportAddressOf(candidate), mapped),
    );
    if (ofBase !== undefined) return ofBase;
    // A connection's port is the system's choice, and says nothing about NATs that its address does not.
    const isOwn =
      base.tcpType === 'active' ? base.address.address === mapped.address : sameSocketAddress(base.address, mapped);
    if (isOwn) return base.paired;
    const isKnown = this.#candidates.some((candidate) => sameSocketAddress(transportAddressOf(candidate), mapped));
    if (isKnown || this.#candidates.length >= MAX_LOCAL_CANDIDATES) return null;
    const candidate = this.#makeCandidate(base, 'prflx', mapped, {
      foundation: this.#foundations.of('prflx', base),
      priority,
      ...this.#related(base.address, isHidden(base)),
    });
    this.#candidates.push(candidate);
    return candidate;
  }

  /** Makes the host or relayed candidate of a base, and queues its questions. */
  #offer(base: LocalBase): void {
    if (!isUsableBase(base)) return;
    const { socket } = base;
    if (socket.type === 'relay') {
      this.#announce(base, this.#makeRelayed(base, socket));
      return;
    }
    if (this.#policy === 'relay') return;
    const host = this.#makeCandidate(base, 'host', base.address, {
      foundation: this.#foundations.of('host', base),
      priority: candidatePriority('host', base.localPreference, 1, base.protocol),
      ...(socket.mdnsName !== undefined && { address: socket.mdnsName }),
    });
    this.#announce(base, host);
    for (const server of this.#servers) this.#enqueue(base, server);
  }

  /** Lite agents have host candidates only (RFC 8445 §5.2). */
  #enqueue(base: LocalBase, server: StunServer): void {
    if (!this.#serversFor(base).includes(server)) return;
    this.#questions.push({ base, server, isKeepalive: false });
  }

  /** A server of the socket's family; one on this machine is asked from loopback, one elsewhere is not. */
  #serversFor(base: LocalBase): readonly StunServer[] {
    const isAsked = base.socket.type === 'host' && base.protocol === 'udp' && isUsableBase(base);
    if (this.#options.lite || this.#policy === 'relay' || !isAsked) return [];
    return this.#servers.filter(
      ({ address }) => addressFamily(address) === base.family && (!base.isLoopback || isLoopback(address)),
    );
  }

  #addServerReflexive(query: ServerQuery, mapped: SocketAddress, now: number): void {
    const { base, server } = query;
    // RFC 8838 §9: redundant, as where there is no NAT, "if its transport address and base match" another's.
    if (isUnspecified(mapped.address)) return;
    const ofBase = this.#candidates.filter(({ socketId }) => socketId === base.socket.socketId);
    if (ofBase.some((known) => sameSocketAddress(transportAddressOf(known), mapped))) return;
    this.#answered.push(query);
    this.#keepaliveAt = Math.min(this.#keepaliveAt, now + KEEPALIVE_MS);
    const reflexiveCount = ofBase.filter(({ type }) => type === 'srflx').length;
    this.#announce(
      base,
      this.#makeCandidate(base, 'srflx', mapped, {
        foundation: this.#foundations.of('srflx', base, server.address),
        priority: candidatePriority('srflx', Math.max(0, base.localPreference - reflexiveCount)),
        ...this.#related(base.address, isHidden(base)),
        url: server.url,
      }),
    );
  }

  #makeRelayed(base: LocalBase, socket: Extract<LocalSocket, { type: 'relay' }>): LocalCandidate {
    const mapped = { address: socket.relatedAddress, port: socket.relatedPort };
    return this.#makeCandidate(base, 'relay', base.address, {
      foundation: this.#foundations.of('relay', base, socket.url),
      priority: candidatePriority('relay', base.localPreference),
      ...this.#related(mapped, this.#policy === 'relay'),
      url: socket.url,
      relayProtocol: socket.relayProtocol,
    });
  }

  #makeCandidate(
    base: LocalBase,
    type: CandidateType,
    { address, port }: SocketAddress,
    fields: Pick<LocalCandidate, 'foundation' | 'priority'> & Partial<LocalCandidate>,
  ): LocalCandidate {
    return {
      component: 1,
      protocol: base.protocol,
      ...(base.tcpType !== undefined && { tcpType: base.tcpType }),
      address,
      port,
      type,
      usernameFragment: this.#usernameFragment,
      socketId: base.socket.socketId,
      base: base.address,
      ...fields,
    };
  }

  #related(
    { address, port }: SocketAddress,
    isHidden: boolean,
  ): Pick<LocalCandidate, 'relatedAddress' | 'relatedPort'> {
    if (!isHidden) return { relatedAddress: address, relatedPort: port };
    return { relatedAddress: address.includes(':') ? '::' : '0.0.0.0', relatedPort: HIDDEN_PORT };
  }

  #announce(base: LocalBase, candidate: LocalCandidate): void {
    if (this.#candidates.length >= MAX_LOCAL_CANDIDATES) return;
    if (this.#options.filter?.(candidate, 'local') === false) return;
    const isFirst = base.paired === null || !this.#candidates.includes(base.paired);
    const { socket } = base;
    if (socket.type !== 'host' || socket.isSilent !== true) {
      this.#candidates.push(candidate);
      this.#output.event({ kind: 'candidate', candidate });
    }
    // RFC 8838 §10: paired once it was trickled. A later candidate of the base would be replaced by it, and pruned.
    if (!isFirst) return;
    base.paired = candidate;
    this.#output.baseReady(base);
  }

  #reportError({ base, server }: ServerQuery, errorCode: number, errorText: string): void {
    const { socketId } = base.socket;
    this.#output.event({ kind: 'candidateError', socketId, url: server.url, errorCode, errorText });
  }

  /** RFC 8445 §14.3: MAX (500 ms, Ta × number of reflexive candidates sought). */
  #rtoMs(): number {
    const { minRtoMs, taMs } = this.#options.timing;
    return Math.max(minRtoMs, taMs * (this.#questions.length + this.#queries.size + 1));
  }

  #completeIfDone(): void {
    if (this.#state !== 'gathering' || !this.#isEndOfSockets) return;
    if (this.#queries.size > 0 || this.#questions.some(({ isKeepalive }) => !isKeepalive)) return;
    this.#setState('complete');
  }

  #setState(state: IceGatheringState): void {
    this.#state = state;
    this.#output.event({ kind: 'gatheringState', state });
  }
}

/** Whether a name stands for the address of that socket, which then shows nowhere. */
function isHidden({ socket }: LocalBase): boolean {
  return socket.type === 'host' && socket.mdnsName !== undefined;
}

/** Where the world reaches a local candidate: its own address, except that an obfuscated host candidate shows a name. */
function transportAddressOf(candidate: LocalCandidate): SocketAddress {
  return candidate.type === 'host' ? candidate.base : candidate;
}
