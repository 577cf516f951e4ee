/**
 * Our sockets as ICE sees them (RFC 8445 §5.1.1): each is a base from which checks are sent, with a place in the order of
 * preference and the candidate that stands for it in pairs.
 */
import { isCandidateAddress, isLoopback, parseAddress, type SocketAddress } from './address.ts';
import { type CandidateType, candidatePriority } from './candidate.ts';
import type { LocalCandidate, LocalSocket } from './types.ts';

/** Bound on the sockets of one agent: each costs checks to every remote candidate, and there are 100 pairs in all. */
const MAX_SOCKETS = 64;

const MAX_LOCAL_PREFERENCE = 65_535; // RFC 8445 §5.1.2.1
/** Between two sockets there is room for the reflexive candidates of one, whose preferences "MUST be unique" too. */
const PREFERENCE_STEP = 256;

/** RFC 6544 §4.2: local preference = 2^13 × direction preference + other preference, of host candidates. */
const DIRECTION_PREFERENCES = { active: 6, passive: 4 } as const;
const DIRECTION_STEP = 2 ** 13;

export type LocalBase = {
  readonly socket: LocalSocket;
  readonly protocol: 'udp' | 'tcp';
  /** `undefined` for UDP. */
  readonly tcpType: 'active' | 'passive' | undefined;
  readonly address: SocketAddress;
  readonly family: 4 | 6;
  readonly isLoopback: boolean;
  readonly localPreference: number;
  /** The best candidate offered with this base; pairs are formed with it. `null` until there is one. */
  paired: LocalCandidate | null;
};

export class LocalBases {
  readonly #bases = new Map<number, LocalBase>();
  /** How many sockets of each kind and family were ever added. */
  readonly #counts = new Map<string, number>();

  [Symbol.iterator](): IterableIterator<LocalBase> {
    return this.#bases.values();
  }

  get(socketId: number): LocalBase | undefined {
    return this.#bases.get(socketId);
  }

  /**
   * @throws TypeError when the address is not an IP literal or the id is taken
   * @throws RangeError past 64 sockets
   */
  add(socket: LocalSocket): LocalBase {
    const bytes = parseAddress(socket.address);
    if (bytes === null) throw new TypeError(`a socket's address must be an IP literal, got "${socket.address}"`);
    if (this.#bases.has(socket.socketId)) throw new TypeError(`socketId ${socket.socketId} is already in use`);
    if (this.#bases.size >= MAX_SOCKETS) throw new RangeError(`an ICE agent takes at most ${MAX_SOCKETS} sockets`);
    const family = bytes.length === 4 ? 4 : 6;
    const tcpType = socket.type === 'host' ? socket.tcpType : undefined;
    const base: LocalBase = {
      socket,
      protocol: tcpType === undefined ? 'udp' : 'tcp',
      tcpType,
      address: { address: socket.address, port: socket.port },
      family,
      isLoopback: isLoopback(socket.address),
      localPreference: socket.localPreference ?? this.#nextPreference(family, tcpType),
      paired: null,
    };
    this.#bases.set(socket.socketId, base);
    return base;
  }

  remove(socketId: number): LocalBase | undefined {
    const base = this.#bases.get(socketId);
    this.#bases.delete(socketId);
    return base;
  }

  clear(): void {
    this.#bases.clear();
  }

  /**
   * RFC 8421 §4: the families take turns, IPv6 first, so that a broken one delays the other by no more than every second
   * check. Sockets come one by one, so the n-th of a family has its place whatever the other family has.
   */
  #nextPreference(family: 4 | 6, tcpType: LocalBase['tcpType']): number {
    const kind = `${family} ${tcpType}`;
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    const place = 2 * count + (family === 6 ? 0 : 1);
    const preference = Math.max(0, MAX_LOCAL_PREFERENCE - PREFERENCE_STEP * place);
    if (tcpType === undefined) return preference;
    return DIRECTION_STEP * DIRECTION_PREFERENCES[tcpType] + Math.floor(preference / 8);
  }
}

/** Whether checks may be sent from a candidate of this base at all (RFC 8445 §5.1.1.1). */
export function isUsableBase(base: LocalBase): boolean {
  return base.socket.type === 'relay' || isCandidateAddress(base.socket.address);
}

/** RFC 8445 §7.1.1: the PRIORITY of a check is that of the peer-reflexive candidate it may reveal. */
export function checkPriority(base: LocalBase): number {
  return candidatePriority('prflx', base.localPreference, 1, base.protocol);
}

/**
 * Foundations (RFC 8445 §5.1.1.3): equal for candidates of one type and transport protocol, whose bases have one IP address
 * and, where a server was asked, that asked one server. The numbers are counted up, so they tell the peer nothing.
 */
export class Foundations {
  readonly #known = new Map<string, string>();

  of(type: CandidateType, { address, protocol }: LocalBase, serverAddress = ''): string {
    const key = `${type} ${protocol} ${address.address} ${serverAddress}`;
    let foundation = this.#known.get(key);
    if (foundation === undefined) {
      foundation = String(this.#known.size + 1);
      this.#known.set(key, foundation);
    }
    return foundation;
  }
}
