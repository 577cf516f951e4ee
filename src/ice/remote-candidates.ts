/** The peer's candidates: those it told us (RFC 8838 §11) and those its checks came from (RFC 8445 §7.3.1.3). */
import { canonicalAddress, formatSocketAddress, type SocketAddress } from './address.ts';
import type { IceCandidate } from './candidate.ts';
import type { RemoteCandidate } from './types.ts';

/**
 * Bound: the peer decides how many it tells, and a NAT in front of it how many we learn. With one socket of ours that
 * many fill the checklist; more are not taken.
 */
export const MAX_REMOTE_CANDIDATES = 100;

export class RemoteCandidates {
  readonly #byAddress = new Map<string, RemoteCandidate>();
  #learned = 0;

  get list(): readonly RemoteCandidate[] {
    return [...this.#byAddress.values()];
  }

  get size(): number {
    return this.#byAddress.size;
  }

  find(address: SocketAddress, protocol: 'udp' | 'tcp'): RemoteCandidate | undefined {
    return this.#byAddress.get(keyOf(address, protocol));
  }

  /**
   * A signalled candidate. It takes the place of a learned one of the same address, whose type, priority and foundation
   * were guesses (RFC 8445 §7.3.1.3: the exchange "will signal the actual foundation").
   * @param resolvedAddress a canonical IP literal
   * @returns `null` for a duplicate and for one too many
   */
  add(candidate: IceCandidate, resolvedAddress: string): RemoteCandidate | null {
    const transportAddress = { address: resolvedAddress, port: candidate.port };
    const known = this.find(transportAddress, candidate.protocol);
    if (known === undefined ? this.size >= MAX_REMOTE_CANDIDATES : known.type !== 'prflx') return null;
    const isName = canonicalAddress(candidate.address) === null;
    return this.#put({ ...candidate, address: isName ? candidate.address : resolvedAddress, transportAddress });
  }

  /**
   * A peer-reflexive candidate, of "an arbitrary" foundation "different from the foundations of all other remote
   * candidates": no other can have it, for it holds a character that is no ice-char.
   * @returns `null` at the bound, when no learned candidate that `isUnused` can make room
   */
  learn(
    transportAddress: SocketAddress,
    protocol: 'udp' | 'tcp',
    priority: number,
    usernameFragment: string,
    isUnused: (candidate: RemoteCandidate) => boolean,
  ): RemoteCandidate | null {
    if (this.size >= MAX_REMOTE_CANDIDATES) {
      const unused = this.list.find((candidate) => candidate.type === 'prflx' && isUnused(candidate));
      if (unused === undefined) return null;
      this.#byAddress.delete(keyOf(unused.transportAddress, unused.protocol));
    }
    const { address, port } = transportAddress;
    const foundation = `prflx-${++this.#learned}`;
    const fields = { foundation, component: 1, protocol, priority, address, port, type: 'prflx' } as const;
    const tcp = protocol === 'tcp' && ({ tcpType: 'active' } as const); // it has opened the connection
    return this.#put({ ...fields, ...tcp, usernameFragment, transportAddress: { address, port } });
  }

  /** Drops candidates that say they belong to other credentials. */
  retain(usernameFragment: string): number {
    const before = this.size;
    for (const [key, candidate] of this.#byAddress) {
      if ((candidate.usernameFragment ?? usernameFragment) !== usernameFragment) this.#byAddress.delete(key);
    }
    return before - this.size;
  }

  #put(candidate: RemoteCandidate): RemoteCandidate {
    this.#byAddress.set(keyOf(candidate.transportAddress, candidate.protocol), candidate);
    return candidate;
  }
}

/** One address may be two candidates. */
function keyOf(address: SocketAddress, protocol: 'udp' | 'tcp'): string {
  return `${protocol} ${formatSocketAddress(address)}`;
}
