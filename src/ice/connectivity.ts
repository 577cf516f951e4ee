/**
 * Connectivity checks, both ends (RFC 8445 §6.1.4, §7): forming pairs, sending what is due, answering the peer, and what
 * its requests and answers do to the pairs.
 */
import type { EventQueue } from '../machine.ts';
import { STUN_ERROR, type StunMessage } from '../stun/index.ts';
import { addressFamily, isLinkLocal, type SocketAddress } from './address.ts';
import { encodeError, encodeSuccess, type IncomingCheck } from './binding.ts';
import type { Check, CheckPurpose, Checks } from './checks.ts';
import type { Gatherer } from './gatherer.ts';
import type { Generation, PeerCheck } from './generation.ts';
import type { Generations } from './generations.ts';
import { checkPriority, type LocalBase } from './local-bases.ts';
import { bestValidPair, isBestPossible, shouldFollow } from './nomination.ts';
import { Pair } from './pair.ts';
import type { RequestGate } from './request-gate.ts';
import type { RoleKeeper } from './role.ts';
import type { SelectedPath } from './selected-path.ts';
import type { IceTiming } from './timing.ts';
import type { CandidateFilter, IceAgentStats, IceEvent, RemoteCandidate } from './types.ts';

export type ConnectivityDeps = {
  readonly lite: boolean;
  readonly timing: IceTiming;
  readonly filter: CandidateFilter | undefined;
  readonly stats: IceAgentStats;
  readonly events: EventQueue<IceEvent>;
  readonly transmit: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void;
  readonly role: RoleKeeper;
  readonly generations: Generations;
  readonly gatherer: Gatherer;
  readonly checks: Checks;
  readonly gate: RequestGate;
  readonly path: SelectedPath;
};

export class Connectivity {
  readonly #deps: ConnectivityDeps;
  isRemoteLite: boolean = false;
  #lastPairId = 0;
  /** RFC 8445 §14.2: no new transaction before this. */
  #pacedAt = -Infinity;
  #isGatherersTurn = false;

  constructor(deps: ConnectivityDeps) {
    this.#deps = deps;
  }

  // Forming pairs

  /**
   * Pairs a base with what the peer has told, once its credentials are known. Learned candidates have the pairs that their
   * checks came over (RFC 8445 §7.3.1.3: "does not pair this candidate with any local candidates").
   */
  pairBase(base: LocalBase): void {
    for (const remote of this.#current.remoteCandidates.list) if (remote.type !== 'prflx') this.pair(base, remote);
  }

  /**
   * Pairs two candidates of the same family (RFC 8445 §6.1.2.2); not once a pair was nominated, when checking has ended.
   * A lite agent forms pairs only with another lite one (§8.2).
   */
  pair(base: LocalBase, remote: RemoteCandidate): void {
    const { checklist, nominated, remote: credentials } = this.#current;
    const { lite, role, stats } = this.#deps;
    if (base.paired === null || credentials === null || (lite ? !this.isRemoteLite : nominated !== null)) return;
    if (!isPairable(base, remote) || checklist.find(base.socket.socketId, remote.transportAddress) !== undefined)
      return;
    if (!checklist.add(new Pair(++this.#lastPairId, base.paired, remote, role.role))) stats.pairsOverLimit++;
  }

  // What is due

  /** When a transaction could be sent; `Infinity` when there is none to send. */
  get nextTimeout(): number {
    return this.#hasCheck || this.#deps.gatherer.hasQuestions ? this.#pacedAt : Infinity;
  }

  /** Sends at most one transaction per Ta, triggered checks first; gathering and ordinary checks take turns. */
  sendDue(now: number): void {
    const { gatherer } = this.#deps;
    const hasCheck = this.#hasCheck;
    if (now < this.#pacedAt || !(hasCheck || gatherer.hasQuestions)) return;
    this.#pacedAt = now + this.#deps.timing.taMs;
    const isGatherersTurn = this.#isGatherersTurn && !this.#current.checklist.hasTriggered;
    if (gatherer.hasQuestions && (isGatherersTurn || !hasCheck)) {
      this.#isGatherersTurn = false;
      gatherer.ask(now);
      return;
    }
    this.#isGatherersTurn = true;
    const pair = this.#current.checklist.takeNext()!;
    const isNomination = pair.nominating && this.#deps.role.role === 'controlling';
    this.startCheck(this.#current, pair, isNomination ? 'nomination' : 'connectivity', now);
  }

  startCheck(generation: Generation, pair: Pair, purpose: CheckPurpose, now: number): void {
    const { checks, role, gatherer } = this.#deps;
    const base = gatherer.bases.get(pair.socketId);
    if (base !== undefined) checks.start(generation, pair, purpose, role, checkPriority(base), now);
  }

  /** Controlling: nominates when no better pair can be expected, or none came in time (RFC 8445 §8.1.1). */
  nominateIfTime(now: number): void {
    const best = this.#nominee(now);
    if (best === null) return;
    const { checklist, endOfRemoteCandidates } = this.#current;
    const isAllKnown = endOfRemoteCandidates && this.#deps.gatherer.state === 'complete';
    if (now < this.nominationAt && !isBestPossible(best, checklist.pairs, isAllKnown)) return;
    best.nominating = true;
    checklist.trigger(best);
  }

  /** When a better pair is no longer waited for. */
  get nominationAt(): number {
    if (this.#deps.role.role === 'controlled' || this.#current.nominated !== null) return Infinity;
    return this.#current.firstValidAt + this.#deps.timing.nominationSettleMs;
  }

  /** Two lite agents: no check tells them anything, so both take the highest priority, which is the same on both sides. */
  concludeWithoutChecks(): void {
    const { checklist, nominated } = this.#current;
    const best = checklist.pairs[0];
    if (!this.#deps.lite || !this.isRemoteLite || best === undefined || best === nominated) return;
    best.state = 'succeeded';
    best.valid = true;
    if (nominated !== null) nominated.nominated = false;
    best.nominated = true;
    this.#current.nominated = best;
  }

  // The peer's requests (RFC 8445 §7.3)

  handleRequest(message: StunMessage, socketId: number, remote: SocketAddress, now: number): void {
    const { gatherer, generations, gate, stats, transmit, lite, role } = this.#deps;
    const base = gatherer.bases.get(socketId);
    // An address that we have not offered, or no longer since a restart; but then its old path may still be in use.
    const isOffered = base !== undefined && base.paired !== null;
    if (!isOffered && gatherer.state !== 'new' && !generations.isAuthorizedPath(socketId, remote)) {
      stats.requestsRefused++;
      return;
    }
    const request = gate.admit(message, generations.all, socketId, remote, now);
    if (request === null) return;
    const { owner, algorithm } = request;
    const known = owner.checklist.find(socketId, remote);
    if (!this.#isCurrent(request, known)) {
      gate.turnAway(message, socketId, remote, now);
      return;
    }
    // RFC 7675 §5.1: on a path that has lost consent "the same ICE credentials MUST NOT be used … again". An answer would
    // make the peer believe in it.
    if (known === undefined ? !isOffered : known.consentLost) {
      stats.requestsRefused++;
      return;
    }
    if (!this.#isWelcome(request, socketId, remote)) return;
    if (!lite && owner === this.#current) {
      const outcome = role.judge(request.claim);
      if (outcome !== 'agreed') stats.roleConflicts++;
      if (outcome === 'switched') this.#roleSwitched();
      if (outcome === 'refused') {
        transmit(encodeError(message, STUN_ERROR.roleConflict, { keys: owner.keys, algorithm }), socketId, remote);
        return;
      }
    }
    transmit(encodeSuccess(message, remote, owner.keys, algorithm), socketId, remote);
    const { remoteFragment, priority, useCandidate } = request;
    const check = { socketId, remote, remoteFragment, priority, useCandidate };
    if (owner !== this.#current) this.#acceptOld(known, now);
    else if (owner.remote === null) this.#acceptEarly(check);
    else this.acceptCheck(check, now);
  }

  /** What an authentic request of the peer does, once its credentials are known (RFC 8445 §7.3.1.3 – §7.3.1.5, §7.3.2). */
  acceptCheck(check: PeerCheck, now: number): void {
    const { checklist, nominated } = this.#current;
    const known = checklist.find(check.socketId, check.remote);
    this.#countRequest(known, now);
    const names = check.useCandidate && (this.#deps.lite || this.#deps.role.role === 'controlled');
    const isPathSilent = known !== undefined && known === this.#deps.path.pair && this.#deps.path.isSilent(now);
    // After the nomination the peer is answered, but only its next nomination, or a sign of life, makes us check again.
    if (nominated !== null && !this.#deps.lite && !names && !isPathSilent) return;
    const pair = known ?? this.#learnPair(check, now);
    if (pair === null || pair.consentLost) return;
    if (this.#deps.lite) this.#acceptUnchecked(pair, now);
    else if (pair.state !== 'succeeded' || isPathSilent || (names && !this.#deps.path.isFresh(pair, now))) {
      if (pair.state === 'inProgress') this.#deps.checks.cancel(pair);
      checklist.trigger(pair);
    }
    if (!names) return;
    pair.namedAt = now;
    if (pair.state === 'succeeded' && this.#deps.path.isFresh(pair, now)) this.#follow(pair, now);
    else pair.nominateOnSuccess = true;
  }

  // Answers to our checks (RFC 8445 §7.2.5)

  /** @returns whether the message answered a check of ours */
  handleResponse(message: StunMessage, socketId: number, remote: SocketAddress, now: number): boolean {
    const { checks, role, path } = this.#deps;
    const outcome = checks.receive(message, socketId, remote, now);
    if (outcome === null) return false;
    const { check } = outcome;
    if (check.generation.checklist.find(check.pair.socketId, check.pair.remoteAddress) !== check.pair) return true;
    switch (outcome.kind) {
      case 'success':
        this.#checkSucceeded(check, outcome.mapped, now);
        break;
      case 'roleConflict':
        if (role.yield(check.role)) this.#roleSwitched();
        if (check.generation === this.#current && check.purpose !== 'consent')
          this.#current.checklist.trigger(check.pair);
        break;
      case 'forbidden':
        if (check.pair === path.pair) path.loseConsent();
        else this.checkFailed(check);
        break;
      case 'failure':
        this.checkFailed(check);
        break;
      default:
        outcome satisfies never;
    }
    return true;
  }

  /** The connection of a TCP pair could not be made, or has ended: the pair is failed (RFC 6544 §7.1). */
  connectionLost(socketId: number, remote: SocketAddress): void {
    const { generations, checks, path } = this.#deps;
    for (const { checklist } of generations.all) {
      const pair = checklist.find(socketId, remote);
      if (pair === undefined) continue;
      if (pair === path.pair) path.loseConsent();
      else checklist.fail(pair);
      checks.forget((check) => check.pair === pair);
    }
  }

  /** A check was refused, or never answered. Consent and its probes judge the path in use on a clock of their own. */
  checkFailed(check: Check): void {
    const { pair, generation, purpose, isCancelled } = check;
    if (generation !== this.#current || isCancelled || purpose === 'consent') return;
    if (purpose === 'connectivity' && pair.state === 'succeeded') return;
    // RFC 8445 §7.2.5.3.4 has the whole list fail with a failed nomination; here the next best pair is nominated.
    generation.checklist.fail(pair);
  }

  #checkSucceeded(check: Check, mapped: SocketAddress, now: number): void {
    const { generation, pair, purpose } = check;
    const { gatherer, role, path } = this.#deps;
    const base = gatherer.bases.get(pair.socketId);
    if (base === undefined) return;
    path.renew(pair, now);
    if (generation !== this.#current || purpose === 'consent') return;
    if (!pair.valid) {
      pair.local = gatherer.mappedCandidate(base, mapped, check.priority) ?? pair.local;
      pair.reprioritize(role.role);
      generation.checklist.sort();
    }
    pair.state = 'succeeded';
    pair.valid = true;
    generation.firstValidAt = Math.min(generation.firstValidAt, now);
    generation.checklist.unfreeze(pair.foundation);
    if (purpose === 'nomination' && role.role === 'controlling' && generation.nominated === null) this.#nominate(pair);
    if (pair.nominateOnSuccess && role.role === 'controlled') {
      pair.nominateOnSuccess = false;
      this.#follow(pair, now);
    }
  }

  get #current(): Generation {
    return this.#deps.generations.current;
  }

  get #hasCheck(): boolean {
    return this.#current.remote !== null && !this.#deps.lite && this.#current.checklist.hasNext;
  }

  /** The pair to nominate, if there is one and none is being nominated. */
  #nominee(now: number): Pair | null {
    const { checklist, nominated } = this.#current;
    if (this.#deps.lite || this.#deps.role.role === 'controlled' || nominated !== null) return null;
    if (checklist.pairs.some(({ nominating }) => nominating)) return null;
    return bestValidPair(checklist.pairs, (pair) => this.#deps.path.isFresh(pair, now));
  }

  #follow(pair: Pair, now: number): void {
    if (shouldFollow(pair, this.#current.nominated, now)) this.#nominate(pair);
  }

  /** RFC 8445 §8.1.2: checking ends, in-progress checks included. */
  #nominate(pair: Pair): void {
    const { checks, gatherer } = this.#deps;
    const { checklist, nominated } = this.#current;
    if (nominated !== null) nominated.nominated = false;
    this.#current.nominated = pair;
    pair.nominated = true;
    pair.nominating = false;
    const gone = new Set(checklist.conclude());
    checks.forget((check) => gone.has(check.pair));
    gatherer.stopKeepalives();
  }

  /** RFC 8445 §7.3.2: to a lite agent an authentic request is all the proof there is. */
  #acceptUnchecked(pair: Pair, now: number): void {
    pair.state = 'succeeded';
    pair.valid = true;
    this.#deps.path.renew(pair, now);
  }

  /** The pair of a request whose path was not in the list; the sender may be a new peer-reflexive candidate. */
  #learnPair(check: PeerCheck, now: number): Pair | null {
    const { gatherer, role, stats } = this.#deps;
    const { checklist, remoteCandidates } = this.#current;
    const base = gatherer.bases.get(check.socketId);
    if (checklist.isFull && !checklist.evict()) return this.#refuse();
    const remote = remoteCandidates.find(check.remote, this.#protocolOf(check)) ?? this.#learnCandidate(check);
    if (base === undefined || base.paired === null || remote === null) return this.#refuse();
    const pair = new Pair(++this.#lastPairId, base.paired, remote, role.role);
    if (!checklist.add(pair)) {
      stats.pairsOverLimit++;
      return null;
    }
    this.#countRequest(pair, now);
    return pair;
  }

  /** The peer's answer is still on its way: what it checks from is known by now, and is checked when its password is. */
  #acceptEarly(check: PeerCheck): void {
    this.#current.rememberEarlyCheck(check);
    const known = this.#current.remoteCandidates.find(check.remote, this.#protocolOf(check));
    if (known === undefined) this.#learnCandidate(check);
  }

  #learnCandidate(check: PeerCheck): RemoteCandidate | null {
    const { checklist, remoteCandidates } = this.#current;
    const isUnused = ({ transportAddress }: RemoteCandidate): boolean =>
      checklist.pairs.every((pair) => pair.remoteAddress !== transportAddress);
    const { remote, priority, remoteFragment } = check;
    const learn = (): RemoteCandidate | null =>
      remoteCandidates.learn(remote, this.#protocolOf(check), priority, remoteFragment, isUnused);
    return learn() ?? (checklist.evict() ? learn() : null);
  }

  #protocolOf({ socketId }: Pick<PeerCheck, 'socketId'>): 'udp' | 'tcp' {
    return this.#deps.gatherer.bases.get(socketId)?.protocol ?? 'udp';
  }

  #refuse(): null {
    this.#deps.stats.requestsRefused++;
    return null;
  }

  /**
   * Whether the sender means the generation it names, on both sides. A peer that restarts may pair its new sockets with
   * what it remembers of us: USERNAME then is our old fragment and its new one. Success would make it believe in a path
   * that belongs to no generation; Chromium, which selects such a path, does not give it up for the new credentials of the
   * same address. For the same reason the previous generation is answered on the paths that it has, and on no new one.
   */
  #isCurrent({ owner, remoteFragment }: IncomingCheck<Generation>, known: Pair | undefined): boolean {
    if (owner.remote !== null && owner.remote.usernameFragment !== remoteFragment) return false;
    return owner === this.#current || known?.valid === true;
  }

  /** A request of the previous generation, whose path is still in use. */
  #acceptOld(pair: Pair | undefined, now: number): void {
    this.#countRequest(pair, now);
    if (this.#deps.lite && pair !== undefined) this.#deps.path.renew(pair, now);
  }

  /** Whether the filter lets a sender in whose address it has not seen yet. */
  #isWelcome(request: IncomingCheck<Generation>, socketId: number, remote: SocketAddress): boolean {
    const { filter, stats } = this.#deps;
    const protocol = this.#protocolOf({ socketId });
    if (filter === undefined || request.owner.remoteCandidates.find(remote, protocol) !== undefined) return true;
    const candidate = {
      foundation: 'prflx',
      component: 1,
      protocol,
      ...(protocol === 'tcp' && ({ tcpType: 'active' } as const)),
      priority: request.priority,
      address: remote.address,
      port: remote.port,
      type: 'prflx',
      usernameFragment: request.remoteFragment,
    } as const;
    if (filter(candidate, 'remote')) return true;
    stats.requestsRefused++;
    return false;
  }

  #countRequest(pair: Pair | undefined, now: number): void {
    if (pair === undefined) return;
    pair.stats.requestsReceived++;
    pair.stats.responsesSent++;
    pair.stats.lastRequestAt = now;
  }

  /** RFC 8445 §7.3.1.1: "recompute pair priorities, since those priorities are a function of role". */
  #roleSwitched(): void {
    const { role, events } = this.#deps;
    this.#current.checklist.reprioritize(role.role);
    for (const pair of this.#current.checklist.pairs) pair.nominating = false;
    events.push({ kind: 'role', role: role.role });
  }
}

/**
 * RFC 8445 §6.1.2.2: the same family, and IPv6 link-local addresses only among themselves. Over TCP a passive candidate of
 * ours waits to be connected to: its pairs are those that the peer's checks make (RFC 6544 §6.2).
 */
function isPairable(base: LocalBase, { transportAddress, protocol, tcpType }: RemoteCandidate): boolean {
  if (protocol !== base.protocol) return false;
  if (protocol === 'tcp' && !(base.tcpType === 'active' && tcpType === 'passive')) return false;
  if (addressFamily(transportAddress.address) !== base.family) return false;
  return base.family === 4 || isLinkLocal(transportAddress.address) === isLinkLocal(base.address.address);
}
