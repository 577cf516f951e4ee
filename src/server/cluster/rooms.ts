/**
 * The rooms that this node has members in, and how many members other nodes say to have in them. Of all other rooms a node
 * knows nothing, so that what a node keeps grows with its own clients and not with the cluster's.
 */
import type { WireId } from '../../signaling/wire.ts';
import type { RemoteNode } from './nodes.ts';

/** What another node last said of a room. A count of 0 is kept too: an older digest may still be on its way. */
type RemoteCount = { members: number; seeders: number; sequence: number; at: number };

/** A count that was not confirmed for so long is not believed any more: three periods of the digests, 15 s. */
export const COUNT_EXPIRY_MS = 45_000;

export class ClusterRoom {
  readonly key: WireId;
  /** Its name on the bus, and the subject where its nodes meet. */
  readonly name: string;
  readonly subject: string;
  members = 0;
  seeders = 0;
  /** Offers that wait for other nodes' members are not drawn before this: more nodes may yet tell of theirs. */
  readonly drawAfter: number;
  readonly #remote = new Map<RemoteNode, RemoteCount>();
  #remoteMembers = 0;
  #remoteSeeders = 0;

  constructor(key: WireId, { name, subject }: { name: string; subject: string }, drawAfter: number) {
    this.key = key;
    this.name = name;
    this.subject = subject;
    this.drawAfter = drawAfter;
  }

  get remoteMembers(): number {
    return this.#remoteMembers;
  }

  get remoteSeeders(): number {
    return this.#remoteSeeders;
  }

  /** The nodes that have members here, and how many; in no order. */
  places(): { readonly nodes: readonly RemoteNode[]; readonly members: readonly number[] } {
    const there = [...this.#remote].filter(([, { members }]) => members > 0);
    return { nodes: there.map(([node]) => node), members: there.map(([, { members }]) => members) };
  }

  /** Takes what a node says of its members, unless it said something newer before. */
  setRemote(node: RemoteNode, members: number, seeders: number, sequence: number, now: number): void {
    const known = this.#remote.get(node);
    if (known === undefined) {
      this.#remote.set(node, { members, seeders, sequence, at: now });
    } else {
      if (sequence < known.sequence) return;
      this.#count(-known.members, -known.seeders);
      Object.assign(known, { members, seeders, sequence, at: now });
    }
    this.#count(members, seeders);
  }

  forget(node: RemoteNode): void {
    const known = this.#remote.get(node);
    if (known === undefined) return;
    this.#count(-known.members, -known.seeders);
    this.#remote.delete(node);
  }

  /** Drops the counts that have not been confirmed in time. */
  expire(now: number): void {
    for (const [node, { at }] of this.#remote) if (now - at >= COUNT_EXPIRY_MS) this.forget(node);
  }

  #count(members: number, seeders: number): void {
    this.#remoteMembers += members;
    this.#remoteSeeders += seeders;
  }
}
