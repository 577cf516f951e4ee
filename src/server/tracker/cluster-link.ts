/**
 * Where a tracker meets the other nodes of its cluster. The core deals offers among its own members; for members elsewhere
 * it needs three things only (docs/server.md): how many there are in a room, a way to place an offer with one of them, and a
 * way back for the answer. Delivery may fail silently: clients announce again, and an offer lives for a minute.
 */
import type { WireId } from '../../signaling/wire.ts';

/** An offer as its author sent it. */
export type PlacedOffer = { readonly offerId: WireId; readonly sdp: string };

/** Offers of one member of this node on their way to members of other nodes, each offer to one of them. */
export type Placement = {
  readonly room: WireId;
  /** Of the author. Other members under the same id are the author's own other connections: not for them. */
  readonly peerId: WireId;
  /** Names the author's connection on this node, to bring answers back to. Never used twice while the node lives. */
  readonly connection: number;
  /** Members of other nodes whom the author has met: the rest comes first. */
  readonly met: Iterable<RemoteMember>;
  readonly offers: readonly PlacedOffer[];
};

/** What the cluster layer calls a connection to another node: the same for as long as that is open. */
export type RemoteMember = string;

/** Offers that come from another node. */
export type Delivery = {
  readonly room: WireId;
  readonly peerId: WireId;
  readonly origin: OfferOrigin;
  /** Connections of this node that the author has met. */
  readonly met: ReadonlySet<number>;
  readonly offers: readonly PlacedOffer[];
};

/** The way back to the author of an offer. Kept for a minute with each offer that found a member. */
export interface OfferOrigin {
  readonly author: RemoteMember;
  /** The member of this node that has this connection answered. Must not throw. */
  answer(answer: RelayedAnswer, connection: number, now: number): void;
}

/** An answer to an offer that went from one node to another. */
export type RelayedAnswer = {
  readonly room: WireId;
  /** Of the one who answers. */
  readonly peerId: WireId;
  readonly offerId: WireId;
  readonly sdp: string;
};

/** The core calls these, synchronously and often: none may block or throw. */
export interface ClusterLink {
  /** Whether other nodes can be heard. When not, this node serves its own members. */
  readonly isUp: boolean;
  /** What it has counted since its start, for metrics: names in camel case. */
  readonly counters: Readonly<Record<string, number>>;
  /** A room's own members changed in number. 0 members: it is gone from this node. Comes before the first `place` of it. */
  roomChanged(room: WireId, members: number, seeders: number, now: number): void;
  /** Members on other nodes, as far as known. Asked at every announce. */
  remoteMembers(room: WireId): number;
  /** Seeders among them. */
  remoteSeeders(room: WireId): number;
  /** Offers that were drawn for members of other nodes: never more than `remoteMembers(room)`. */
  place(placement: Placement, now: number): void;
  /** Offers that no member anywhere is known for. They may be kept for some seconds and placed when one appears. */
  park(placement: Placement, now: number): void;
}

/** What a `ClusterLink` calls in the core: `TrackerServer` implements it. */
export interface ClusterPort {
  /** Every room of this node, as `roomChanged` would tell it. */
  localRooms(): Iterable<{ readonly room: WireId; readonly members: number; readonly seeders: number }>;
  /**
   * Hands offers of another node to members of this one, each to another.
   * @returns how many found a member; the rest is dropped
   */
  deliver(delivery: Delivery, now: number): number;
  /**
   * Hands an answer of `from` to the author of the offer, if `connection` still waits for one to it.
   * @returns whether it did
   */
  deliverAnswer(answer: RelayedAnswer, from: RemoteMember, connection: number, now: number): boolean;
}
