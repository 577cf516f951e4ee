/** What a room is told when it is joined. */

import type { RTCPeerConnection } from 'purertc';
import type { ChannelOptions, PeerConnectionHook } from './link.ts';
import type { RTCConfigurationLike, WebSocketConstructor } from './platform.ts';
import type { RoomPeer } from './room-peer.ts';
import type { PeerIdentity } from './security/identity.ts';
import type { SignalPool } from './signal-pool.ts';
import type { AccessToken } from './tracker-client.ts';

/** Bound on connections if a room is not told another: everyone is connected to everyone. */
export const DEFAULT_MAX_PEERS = 50;

export type RoomOptions = {
  /** URLs of trackers, `wss:` or `ws:`. Peers meet if they have one in common. */
  readonly trackers: readonly string[];
  /** For each connection: ICE servers above all. */
  readonly rtc?: RTCConfigurationLike;
  /** Most peers to be connected to. Default: 50 */
  readonly maxPeers?: number;
  /** Only those who know it find the room. Not beside `secret`. See docs/room-security.md for what it is worth. */
  readonly password?: string;
  /** The secret of a secret link, 16 random bytes or more: only those who have it find the room. */
  readonly secret?: string | Uint8Array;
  /** Names the application, beside `secret` or `password`: the same in another application is another room. Default: `purertc` */
  readonly appId?: string;
  /** Who we are, provably. Whoever cannot prove who they are is then not let in. */
  readonly identity?: PeerIdentity;
  /** Asked before a peer is announced. Whoever is turned away never gets to the application, and is not met again. */
  readonly authorize?: (peer: RoomPeer) => boolean | Promise<boolean>;
  /** The data channel that each peer comes with. Peers must agree on its label. */
  readonly channel?: ChannelOptions;
  /** Called with each connection before there is any SDP: add tracks here, or listeners. Offers go out before they have a peer. */
  readonly onPeerConnection?: PeerConnectionHook;
  /** Uses the TURN servers that a tracker hands out (PureRTC's does) besides those in `rtc`. Default: false */
  readonly iceServersFromTracker?: boolean;
  /** For trackers that ask for one: see `AccessToken`. */
  readonly token?: AccessToken;
  /** Connections to trackers that several rooms share. */
  readonly pool?: SignalPool;
  /** Leaves when it aborts. */
  readonly signal?: AbortSignal;
  /** In place of the platform's own. */
  readonly RTCPeerConnection?: new (
    configuration?: RTCConfigurationLike,
  ) => RTCPeerConnection;
  /** In place of the platform's own; not with `pool`, which has its own connections. */
  readonly WebSocket?: WebSocketConstructor;
};
