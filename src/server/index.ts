/**
 * `purertc/server`: the tracker that anyone can run, as a machine and attached to HTTP servers (docs/server.md), and the STUN
 * and TURN server beside it (docs/turn.md).
 */

export {
  type BunServer,
  type BunTracker,
  type BunVisitor,
  type BunWebSocket,
  type BunWebSocketHandler,
  bunTracker,
} from './adapters/bun.ts';
export { type CrosswsHooks, type CrosswsPeer, type CrosswsTracker, crosswsTracker } from './adapters/crossws.ts';
export type { HostOptions } from './adapters/host.ts';
export { type AttachedTracker, attach, type UpgradingServer } from './adapters/node.ts';
export type { Bus, BusState } from './cluster/bus.ts';
export { BusHub } from './cluster/hub.ts';
export { type NatsConnectionLike, natsBus } from './cluster/nats-bus.ts';
export {
  type BusPort,
  type PortMessage,
  type ProcessPort,
  processPort,
  type ThreadPort,
  threadPort,
} from './cluster/port.ts';
export { portBus } from './cluster/port-bus.ts';
export { type IoRedisClient, type NodeRedisClient, type RedisBusOptions, redisBus } from './cluster/redis-bus.ts';
export type { ClusterStatistics } from './cluster/statistics.ts';
export { TrackerCluster, type TrackerClusterOptions } from './cluster/tracker-cluster.ts';
export { jsonLines, type TrackerLogEvent } from './http/log.ts';
export { type StatusOptions, type StatusPage, statusHandler, statusPage, statusResponse } from './http/status.ts';
export {
  type AccessClaims,
  AccessControl,
  type AccessKey,
  type AccessOptions,
  type SigningKey,
  signAccessToken,
} from './tracker/access-token.ts';
export type { Admission, Refusal, Visitor } from './tracker/admission.ts';
export type {
  ClusterLink,
  ClusterPort,
  Delivery,
  OfferOrigin,
  PlacedOffer,
  Placement,
  RelayedAnswer,
  RemoteMember,
} from './tracker/cluster-link.ts';
export type { TrackerConnection } from './tracker/connection.ts';
export { DEFAULT_LIMITS, type TrackerLimits, type TrackerOptions } from './tracker/options.ts';
export type { TrackerSession } from './tracker/session.ts';
export type { TrackerStats } from './tracker/stats.ts';
export { TrackerServer, type TrackerServerOptions } from './tracker/tracker-server.ts';
export {
  type CredentialResolver,
  type IceServer,
  PeriodSecrets,
  type PeriodSecretsOptions,
  type SessionCredentialsOptions,
  staticUsers,
  type TurnListenOptions,
  TurnService,
  type TurnServiceOptions,
  type TurnServiceStats,
} from './turn/index.ts';
