/** Which peers clients of a server may reach: the policy's, never the server itself, and always each other's relays. */
import { type SocketAddress, sameSocketAddress } from '../stun/index.ts';
import type { AllocationTable } from './allocation-table.ts';
import type { PeerPolicy } from './peer-policy.ts';

export class PeerGate {
  readonly #policy: PeerPolicy;
  readonly #ownAddresses: readonly SocketAddress[];
  readonly #table: AllocationTable;

  constructor(policy: PeerPolicy, ownAddresses: readonly SocketAddress[], table: AllocationTable) {
    this.#policy = policy;
    this.#ownAddresses = ownAddresses;
    this.#table = table;
  }

  /** Whether a permission may be had, which is for an address whatever the port (RFC 8656 §9). */
  mayPermit(address: string): boolean {
    return this.#policy.allows(address) || this.#table.hasRelayAt(address);
  }

  /**
   * How a peer may be reached: by a datagram on the network; `inside`, where the policy forbids the address and it is a
   * relayed address of this server now, so that what goes there never becomes a datagram; or not at all.
   */
  wayTo(peer: SocketAddress): 'network' | 'inside' | null {
    const isOurs = this.#ownAddresses.some((own) => sameSocketAddress(own, peer));
    if (peer.port !== 0 && !isOurs && this.#policy.allows(peer.address)) return 'network';
    return this.#table.at(peer) === null ? null : 'inside';
  }
}
