/** Rooms over WebTorrent trackers, for Node, Deno and Bun: docs/signaling.md. */

import { platformOf } from './join-room.ts';
import { nodePlatform } from './node-platform.ts';
import { Room } from './room.ts';
import type { RoomKey } from './room-key.ts';
import type { RoomOptions } from './room-options.ts';
import { SignalPool as PlainSignalPool, type SignalPoolOptions } from './signal-pool.ts';
import { TrackerClient as PlainTrackerClient, type TrackerClientOptions } from './tracker-client.ts';

export type { ChannelOptions, PeerConnectionHook } from './link.ts';
export {
  type NegotiableConnection,
  type NegotiationCandidate,
  type NegotiationMessage,
  PerfectNegotiator,
  type PerfectNegotiatorOptions,
} from './perfect-negotiator.ts';
export type { WebSocketConstructor, WebSocketLike } from './platform.ts';
export { Room } from './room.ts';
export { type RoomEventMap, RoomPeerEvent, RoomStatsEvent, RoomWarningEvent } from './room-events.ts';
export { RoomKey } from './room-key.ts';
export type { RoomOptions } from './room-options.ts';
export { type ChannelData, RoomPeer } from './room-peer.ts';
export type { RoomTrackerInfo } from './room-tracker.ts';
export { type IdentityProof, type Meeting, PeerIdentity, verifyIdentity } from './security/identity.ts';
export { keysFromPassword, keysFromSecret, type RoomKeyOptions, type RoomKeys } from './security/keys.ts';
export { type DescriptionSeal, RoomSeal, type SealContext } from './security/seal.ts';
export { createSecretLink, formatSecretLink, parseSecretLink, type SecretLink } from './security/secret-link.ts';
export type { AccessToken, TrackerMembership } from './tracker-client.ts';
export type { TrackerEvent, TrackerMember, TrackerState } from './tracker-machine.ts';
export type {
  AnnounceResponse,
  Failure,
  RelayedAnswer,
  RelayedOffer,
  ScrapeCounts,
  WireIceServer,
  WireId,
  WireOffer,
} from './wire.ts';
export { wireIdFromBytes, wireIdFromHex, wireIdToBytes, wireIdToHex } from './wire.ts';
export type { SignalPoolOptions, TrackerClientOptions };

/**
 * Joins a room: at once, and then it meets whoever is there, in the background, until it is left.
 * @throws SyntaxError at a tracker's URL, TypeError or RangeError at other options that cannot be, the signal's reason
 */
export function joinRoom(room: string | RoomKey, options: RoomOptions): Room {
  return new Room(room, options, platformOf(nodePlatform, options));
}

/** The tracker protocol alone, for those who make their connections themselves. */
export class TrackerClient extends PlainTrackerClient {
  constructor(url: string, options: TrackerClientOptions & Pick<RoomOptions, 'WebSocket'> = {}) {
    super(url, options, platformOf(nodePlatform, options));
  }
}

/** Connections to trackers that several rooms share. */
export class SignalPool extends PlainSignalPool {
  constructor(options: SignalPoolOptions & Pick<RoomOptions, 'WebSocket'> = {}) {
    super(options, platformOf(nodePlatform, options));
  }
}
