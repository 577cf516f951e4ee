/** A candidate pair (RFC 8445 §6.1.2): one of our sockets, one of the peer's addresses, and what is known about the way. */
import type { SocketAddress } from './address.ts';
import type {
  CandidatePair,
  IceRole,
  LocalCandidate,
  PairPriority,
  PairState,
  PairStats,
  RemoteCandidate,
} from './types.ts';

export class Pair implements CandidatePair {
  readonly id: number;
  /** What checks are sent from: a host or relayed candidate, or the reflexive one that stands for a hidden host. */
  readonly base: LocalCandidate;
  readonly stats: PairStats = {
    requestsSent: 0,
    requestsReceived: 0,
    responsesSent: 0,
    responsesReceived: 0,
    consentRequestsSent: 0,
    currentRoundTripMs: undefined,
    totalRoundTripMs: 0,
    lastResponseAt: undefined,
    lastRequestAt: undefined,
  };
  /** `base` until a check has shown as what the peer sees us (RFC 8445 §7.2.5.3.2: the valid pair). */
  local: LocalCandidate;
  remote: RemoteCandidate;
  state: PairState = 'frozen';
  valid: boolean = false;
  nominated: boolean = false;
  /** Consent ran out or was withdrawn: never again in this generation (RFC 7675 §5.1). */
  consentLost: boolean = false;
  /** Controlling: the next check carries USE-CANDIDATE. */
  nominating: boolean = false;
  /** Controlled: the peer sent USE-CANDIDATE before our own check was answered (RFC 8445 §7.3.1.5). */
  nominateOnSuccess: boolean = false;
  /** Controlled: when the peer last sent USE-CANDIDATE. */
  namedAt: number = -Infinity;
  /** When the peer last proved over this pair that it is there: an answer to us or, to a lite agent, a request. */
  lastSignAt: number = -Infinity;
  priority: PairPriority;

  constructor(id: number, local: LocalCandidate, remote: RemoteCandidate, role: IceRole) {
    this.id = id;
    this.base = local;
    this.local = local;
    this.remote = remote;
    this.priority = pairPriority(local, remote, role);
  }

  get socketId(): number {
    return this.base.socketId;
  }

  get remoteAddress(): SocketAddress {
    return this.remote.transportAddress;
  }

  /** RFC 8445 §6.1.2.6: "the combination of the foundations of the local and remote candidates". */
  get foundation(): string {
    return `${this.base.foundation} ${this.remote.foundation}`;
  }

  /** To be called when a candidate or the role has changed. */
  reprioritize(role: IceRole): void {
    this.priority = pairPriority(this.local, this.remote, role);
  }
}

const TWO_32 = 0x1_0000_0000;

/** RFC 8445 §6.1.2.3, exact: 2·MAX(G,D) carries into the upper half for priorities of 2^31 and more. */
export function pairPriority(
  local: { readonly priority: number },
  remote: { readonly priority: number },
  role: IceRole,
): PairPriority {
  const controlling = role === 'controlling' ? local.priority : remote.priority; // G
  const controlled = role === 'controlling' ? remote.priority : local.priority; // D
  const rest = 2 * Math.max(controlling, controlled) + (controlling > controlled ? 1 : 0); // under 2^33 + 1
  return { high: Math.min(controlling, controlled) + Math.floor(rest / TWO_32), low: rest % TWO_32 };
}

/** Sorts pairs by priority, the highest first; of equals, the older. */
export function comparePairs(a: Pair, b: Pair): number {
  return comparePriorities(b.priority, a.priority) || a.id - b.id;
}

/** Negative when `a` is the lower priority. */
export function comparePriorities(a: PairPriority, b: PairPriority): number {
  return a.high - b.high || a.low - b.low;
}
